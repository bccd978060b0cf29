"""Freezing: what stays as it was, bit by bit, and what moves all the same."""

import copy

import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.fixtures.meters import saved_bytes
from torchproof.suites.training.line import column, line, weight_of

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.5, momentum=0.5, weight_decay=0.25),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.5, weight_decay=0.25),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.5),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.5, momentum=0.5),
}
each_optimizer = pytest.mark.parametrize("made", OPTIMIZERS.values(), ids=OPTIMIZERS)


def chain(device, *weights):
    """Lines one after the other."""
    return nn.Sequential(*[line(weight, device) for weight in weights])


def train(model, optimizer, steps=3, set_to_none=True):
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=set_to_none)
        model(column(1.0, 2.0, device=next(model.parameters()).device)).sum().backward()
        optimizer.step()


def weights_of(model):
    return [weight_of(layer) for layer in model]


@fact("torch.nn.Module.requires_grad_", claims=["F02"])
@each_optimizer
def test_keeps_exactly_the_frozen_weights(device, made):
    """Freezing by `requires_grad_(False)` keeps weights bit by bit, weight decay or not, while the others move."""
    model = chain(device, 0.3, 0.7, 1.1)
    model[1].requires_grad_(False)
    train(model, made(model.parameters()))
    first, frozen, last = weights_of(model)
    same(model[1].weight.detach(), torch.tensor([[0.7]]))
    assert abs(first - 0.3) > 0.1 and abs(last - 1.1) > 0.1 and frozen == line(0.7).weight.item()


@fact("torch.nn.Module.requires_grad_", "torch.Tensor.backward", claims=["F02"])
def test_lets_the_gradient_pass_to_what_stands_before(device):
    """A layer frozen by `requires_grad_(False)` passes the gradient on: a layer before it is trained through it."""
    model = chain(device, 2.0, 3.0)
    model[1].requires_grad_(False)
    model(column(5.0, device=device)).sum().backward()
    same(model[0].weight.grad, torch.tensor([[15.0]]))
    assert model[1].weight.grad is None


def as_the_module(patch):
    """An attribute `requires_grad` of a module freezes it."""
    patch.setattr(nn.Module, "requires_grad", property(None, lambda module, value: module.requires_grad_(value)), False)


@fact(
    "torch.nn.Module.requires_grad_",
    myth="model.requires_grad = False freezes a model",
    hint="model.requires_grad_(False)",
    refuter=as_the_module,
)
def test_is_not_done_by_an_attribute_of_the_module(device):
    """`model.requires_grad = False` is an attribute that nobody reads: it freezes no parameter."""
    model = chain(device, 1.0, 2.0)
    model.requires_grad = False
    assert [p.requires_grad for p in model.parameters()] == [True, True]


@fact("torch.nn.Module.eval", myth="eval() freezes a model", hint="requires_grad_(False)")
def test_is_not_done_by_eval(device):
    """`model.eval()` freezes no weight: its parameters get gradients and are trained as before."""
    model = line(1.0, device).eval()
    train(model, torch.optim.SGD(model.parameters(), lr=0.5), 1)
    assert (weight_of(model), model.training) == (-0.5, False)


# --- frozen later, and thawed -----------------------------------------------------------------------------------------


@fact("torch.nn.Module.requires_grad_", "torch.optim.Optimizer.zero_grad", claims=["F02"])
@each_optimizer
def test_later_stands_still_where_gradients_are_none(device, made):
    """A weight frozen after some steps stands still, momentum or not, once `zero_grad` set its gradient to None."""
    model = chain(device, 0.3, 0.7)
    optimizer = made(model.parameters())
    train(model, optimizer)
    before = weight_of(model[0])
    model[0].requires_grad_(False)
    train(model, optimizer)
    assert weight_of(model[0]) == before != 0.3


@fact(
    "torch.optim.Optimizer.zero_grad",
    "torch.optim.SGD.step",
    claims=["F02"],
    myth="requires_grad=False is enough to freeze",
    hint="zero_grad(set_to_none=True), or an optimizer without the frozen parameters",
)
@pytest.mark.parametrize(
    ("options", "moved"),
    [({"momentum": 0.5}, True), ({"weight_decay": 0.5}, True), ({}, False)],
    ids=["momentum", "weight_decay", "plain"],
)
def test_later_goes_on_moving_where_gradients_are_zeros(device, options, moved):
    """With `zero_grad(set_to_none=False)` a weight frozen later goes on moving by momentum or weight decay of `SGD`."""
    model = chain(device, 0.3, 0.7)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, **options)
    train(model, optimizer, 1, set_to_none=False)
    before = weight_of(model[0])
    model[0].requires_grad_(False)
    train(model, optimizer, 1, set_to_none=False)
    assert (weight_of(model[0]) != before) == moved
    assert before != 0.3


@fact("torch.nn.Module.requires_grad_", "torch.optim.SGD", myth="a thawed layer needs a new optimizer")
def test_ends_with_thawing_where_the_optimizer_knows_the_weights(device):
    """An optimizer made of all parameters trains frozen ones as soon as they are thawed by `requires_grad_(True)`."""
    model = chain(device, 1.0, 2.0)
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.125)
    train(model, optimizer, 1)
    first = weights_of(model)
    model[0].requires_grad_()
    train(model, optimizer, 1)
    assert first == [1.0, 1.625]
    assert weight_of(model[0]) == 1.0 - 0.125 * 3 * 1.625


@fact("torch.optim.SGD", hint="optimizer.add_param_group when thawing")
def test_does_not_end_with_thawing_where_the_optimizer_was_made_without_them(device):
    """`SGD` made without frozen parameters does not train those that are thawed later."""
    model = chain(device, 1.0, 2.0)
    optimizer = torch.optim.SGD(model[1].parameters(), lr=0.125)
    model[0].requires_grad_(False).requires_grad_()
    train(model, optimizer, 1)
    assert weights_of(model) == [1.0, 1.625]


@fact("torch.optim.Optimizer.add_param_group")
def test_ends_with_add_param_group_where_the_optimizer_was_made_without_them(device):
    """`add_param_group` has an optimizer that was made without frozen parameters train them, once they are thawed."""
    model = chain(device, 1.0, 2.0)
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(filter(lambda p: p.requires_grad, model.parameters()), lr=0.125)
    optimizer.add_param_group({"params": model[0].requires_grad_().parameters(), "lr": 1.0})
    train(model, optimizer, 1)
    assert weights_of(model) == [1.0 - 3 * 2.0, 1.625]


@fact("torch.optim.Adam", "torch.optim.Optimizer.add_param_group")
def test_ends_with_a_first_step_of_adam(device):
    """A weight added to `Adam` in the middle of training begins with a first step, as long as its rate."""
    model = chain(device, 1.0, 2.0)
    optimizer = torch.optim.Adam(model[1].parameters(), lr=0.125)
    train(model, optimizer, 5)
    optimizer.add_param_group({"params": model[0].parameters(), "lr": 0.5})
    train(model, optimizer, 1)
    close(model[0].weight.detach(), [[0.5]], roundings=4)
    assert [optimizer.state[layer.weight]["step"].item() for layer in model] == [1.0, 6.0]


# --- statistics and chance --------------------------------------------------------------------------------------------


def normalized(device):
    """`BatchNorm1d` whose statistics half follow each batch, and a head."""
    return nn.Sequential(nn.BatchNorm1d(1, momentum=0.5, device=device), line(1.0, device))


@fact(
    "torch.nn.Module.requires_grad_",
    "torch.nn.BatchNorm1d",
    claims=["F02"],
    myth="requires_grad_(False) freezes BatchNorm",
    hint="put BatchNorm into eval() as well",
)
def test_leaves_the_statistics_of_batch_norm_moving(device):
    """A frozen `BatchNorm1d` keeps its weights, and moves its running statistics with each batch in training mode."""
    model = normalized(device)
    model[0].requires_grad_(False)
    train(model, torch.optim.SGD(model.parameters(), lr=0.5), 1)
    same(model[0].weight.detach(), torch.ones(1))
    close(model[0].running_mean, [0.75], roundings=4)


@fact("torch.nn.Module.eval", "torch.nn.BatchNorm1d", claims=["F02"])
def test_with_eval_keeps_the_statistics_of_batch_norm(device):
    """A `BatchNorm1d` in evaluation mode keeps its running statistics while the rest of the model is trained."""
    model = normalized(device)
    model[0].requires_grad_(False).eval()
    train(model, torch.optim.SGD(model.parameters(), lr=0.5))
    same(model[0].running_mean, torch.zeros(1))
    assert weight_of(model[1]) != 1.0


@fact("torch.nn.BatchNorm1d", "torch.nn.Module.eval", myth="eval of BatchNorm freezes its weights")
def test_with_eval_alone_trains_the_weights_of_batch_norm(device):
    """A `BatchNorm1d` in evaluation mode that is not frozen still trains its weight and bias."""
    model = normalized(device)
    model[0].eval()
    train(model, torch.optim.SGD(model.parameters(), lr=0.5), 1)
    assert model[0].weight.item() != 1.0 and model[0].bias.item() != 0.0
    same(model[0].running_mean, torch.zeros(1))


@fact("torch.nn.Module.train", hint="override train() of the model to keep BatchNorm in evaluation mode")
def test_ends_for_batch_norm_with_train_of_the_model(device):
    """`model.train()` at the start of an epoch puts a `BatchNorm1d` that was in evaluation mode back, and it moves."""
    model = normalized(device)
    model[0].requires_grad_(False).eval()
    model.train()
    model(column(8.0, 16.0, device=device))
    same(model[0].running_mean, torch.tensor([6.0]))
    model.train(False)
    model(column(80.0, 160.0, device=device))
    same(model[0].running_mean, torch.tensor([6.0]))


@fact("torch.nn.Dropout", "torch.nn.Module.eval", hint="put the frozen part into eval() for repeatable features")
def test_leaves_dropout_dropping(device):
    """A frozen `Dropout` in training mode drops as before: features are the same for a sample in `eval` alone."""
    part = nn.Sequential(line(1.0, device), nn.Dropout(1.0)).requires_grad_(False)
    same(part(column(2.0, device=device)), torch.zeros(1, 1))
    same(part.eval()(column(2.0, device=device)), torch.tensor([[2.0]]))


# --- what it saves ----------------------------------------------------------------------------------------------------


def tower(device, frozen):
    """Four layers with activations, of which the first so many are frozen."""
    model = nn.Sequential(*[nn.Sequential(nn.Linear(8, 8), nn.Sigmoid()) for _ in range(4)]).to(device)
    for layer in model[:frozen]:
        layer.requires_grad_(False)
    return model


@fact("torch.nn.Module.requires_grad_", "torch.nn.Linear", myth="freezing saves no memory")
@pytest.mark.parametrize(("frozen", "kept"), [(0, 5), (1, 4), (3, 2), (4, 0)])
def test_of_the_first_layers_saves_their_activations(device, frozen, kept):
    """First layers frozen by `requires_grad_(False)` save memory: none of their activations is kept for `backward`."""
    x = torch.ones(64, 8, device=device)
    with saved_bytes() as saved:
        tower(device, frozen)(x)
    weights = max(0, 3 - frozen) * 8 * 8 * 4  # of the layers behind the first that is trained
    assert saved.total == kept * 64 * 8 * 4 + weights


@fact("torch.nn.Module.requires_grad_", "torch.nn.Linear")
def test_of_the_last_layers_saves_no_memory(device):
    """Layers frozen behind a trained one save no memory: `backward` passes through their activations and weights."""
    model, x = tower(device, 0), torch.ones(64, 8, device=device)
    for layer in model[1:]:
        layer.requires_grad_(False)
    with saved_bytes() as saved:
        model(x)
    assert saved.total == 5 * 64 * 8 * 4 + 3 * 8 * 8 * 4


@fact("torch.no_grad", "torch.Tensor.backward", "torch.nn.Module.requires_grad_")
def test_by_no_grad_gives_the_head_the_same_gradient(device):
    """A backbone under `no_grad`, frozen by `requires_grad_(False)` or detached gives the head the same gradient."""
    seen = []
    for way in ("no_grad", "frozen", "detached"):
        backbone, head = line(2.0, device).requires_grad_(way != "frozen"), line(1.0, device)
        with torch.set_grad_enabled(way != "no_grad"):
            features = backbone(column(3.0, device=device))
        head(features.detach() if way == "detached" else features).sum().backward()
        assert backbone.weight.grad is None
        seen.append(head.weight.grad.item())
    assert seen == [6.0] * 3


# --- parts of a parameter ---------------------------------------------------------------------------------------------


@fact("torch.Tensor.register_hook", "torch.optim.SGD")
@pytest.mark.parametrize(("decay", "kept"), [(0.0, True), (0.5, False)], ids=["plain", "weight_decay"])
def test_of_some_rows_by_a_hook_holds_without_weight_decay_alone(device, decay, kept):
    """Rows whose gradient `register_hook` sets to zero stay as they were, unless weight decay shrinks them."""
    w = torch.ones(3, 2, device=device, requires_grad=True)
    mask = torch.tensor([[0.0], [1.0], [1.0]], device=device)
    w.register_hook(lambda gradient: gradient * mask)
    w.sum().backward()
    torch.optim.SGD([w], lr=0.5, weight_decay=decay).step()
    same(w.detach()[0], torch.full((2,), 1.0 if kept else 0.75))
    assert w[1, 0].item() == 0.5 - 0.5 * decay


@fact("torch.nn.Module.requires_grad_")
def test_of_a_tied_weight_freezes_both_layers(device):
    """`requires_grad_(False)` of one of two layers that share a weight freezes the weight of the other, too."""
    first, second = line(1.0, device), line(2.0, device)
    second.weight = first.weight
    first.requires_grad_(False)
    assert not second.weight.requires_grad
    assert not second(column(1.0, device=device)).requires_grad


@fact("torch.nn.Module.requires_grad_", "torch.Tensor.requires_grad")
def test_is_kept_by_a_deepcopy(device):
    """A `copy.deepcopy` of a model has the same parameters frozen."""
    model = chain(device, 1.0, 2.0)
    model[0].requires_grad_(False)
    assert [p.requires_grad for p in copy.deepcopy(model).parameters()] == [False, True]


@fact("torch.nn.Module.requires_grad_", "torch.Tensor.requires_grad")
def test_does_not_end_with_thawing_a_deepcopy(device):
    """Thawing a `copy.deepcopy` of a model by `requires_grad_()` leaves the parameters of the model itself frozen."""
    model = chain(device, 1.0, 2.0).requires_grad_(False)
    copy.deepcopy(model).requires_grad_()
    assert [p.requires_grad for p in model.parameters()] == [False, False]
