"""The order of a training step, and what breaks when a part of it stands elsewhere or is done to the wrong thing."""

import copy

import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.suites.training.line import column, line, weight_of

# The gradient of a linear loss is its input: what a step of rate 1 subtracts from the weight is told by the batch.
BATCHES = [1.0, 8.0, 64.0]


def trained(device, order):
    """The weight after each batch, from 0 by SGD with rate 1, with the parts of the step in an order."""
    model = line(0.0, device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    seen = []
    for x in BATCHES:
        loss = model(column(x, device=device)).sum()
        parts = {"zero_grad": optimizer.zero_grad, "backward": loss.backward, "step": optimizer.step}
        for part in order:
            parts[part]()
        seen.append(weight_of(model))
    return seen


@fact("torch.optim.SGD.step", "torch.Tensor.backward", "torch.optim.Optimizer.zero_grad", claims=["L01"])
def test_of_zero_grad_backward_and_step_moves_by_each_batch(device):
    """In the order `zero_grad`, `backward`, `step` each iteration moves by the gradient of its own batch alone."""
    assert trained(device, ["zero_grad", "backward", "step"]) == [-1.0, -9.0, -73.0]


@fact("torch.optim.SGD.step", "torch.Tensor.backward", "torch.optim.Optimizer.zero_grad", claims=["L01"])
def test_of_backward_step_and_zero_grad_moves_by_each_batch(device):
    """In the order `backward`, `step`, `zero_grad` each iteration moves by the gradient of its own batch, too."""
    assert trained(device, ["backward", "step", "zero_grad"]) == [-1.0, -9.0, -73.0]


@fact("torch.optim.SGD.step", "torch.Tensor.backward", claims=["L01"], hint="call loss.backward() before step()")
def test_of_step_before_backward_lags_a_batch_behind(device):
    """In the order `step`, `zero_grad`, `backward` each iteration moves by the gradient of the batch before it."""
    assert trained(device, ["step", "zero_grad", "backward"]) == [0.0, -1.0, -9.0]


@fact("torch.optim.Optimizer.zero_grad", "torch.optim.SGD.step", claims=["L01"])
@pytest.mark.parametrize(
    "order",
    [["zero_grad", "step", "backward"], ["backward", "zero_grad", "step"]],
    ids=["step_first", "zero_grad_last"],
)
def test_of_zero_grad_right_before_step_learns_nothing(device, order):
    """With `zero_grad` between `backward` and `step`, also over two iterations, the weights never move."""
    assert trained(device, order) == [0.0, 0.0, 0.0]
    assert trained(device, ["zero_grad", "backward", "step"])[-1] == -73.0


@fact("torch.Tensor.backward", "torch.optim.SGD.step", myth="loss is that of the weights after the step")
def test_has_the_loss_of_the_weights_before_the_step(device):
    """The loss that an iteration prints is of the weights before its `step`: a forward pass after it gives another."""
    model = line(0.0, device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.25)
    loss = nn.functional.mse_loss(model(column(1.0, device=device)), column(4.0, device=device))
    loss.backward()
    optimizer.step()
    assert loss.item() == 16.0
    assert nn.functional.mse_loss(model(column(1.0, device=device)), column(4.0, device=device)).item() == 4.0


@fact("torch.Tensor.backward", "torch.optim.SGD.step")
def test_with_both_backwards_before_the_step_adds_two_losses(device):
    """Two losses of one model are trained at once by `backward` of both before `step`, which moves by their sum."""
    model = line(0.0, device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    first, second = model(column(2.0, device=device)).sum(), model(column(3.0, device=device)).sum()
    first.backward()
    second.backward()
    optimizer.step()
    same(model.weight, torch.tensor([[-5.0]]))


# --- a loss that has lost its way to the weights ----------------------------------------------------------------------


@fact("torch.Tensor.backward", hint="keep the loss a tensor: no item(), numpy(), detach() or argmax() on the way")
@pytest.mark.parametrize(
    "cut",
    [
        lambda y: torch.tensor(y.tolist()).sum(),
        lambda y: y.detach().sum(),
        lambda y: y.data.sum(),
        lambda y: torch.from_numpy(y.detach().cpu().numpy()).sum(),
        lambda y: y.argmax(0).float().sum(),
        lambda y: (y > 0).float().mean(),
        lambda y: y.round().long().float().sum(),
    ],
    ids=["torch.tensor", "detach", "data", "numpy", "argmax", "comparison", "integer"],
)
def test_is_refused_for_a_loss_without_a_history(device, cut):
    """A loss through `torch.tensor`, `detach`, NumPy, `argmax` or a comparison is refused: "does not require grad"."""
    loss = cut(line(1.0, device)(column(2.0, 3.0, device=device)))
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        loss.backward()


@fact(
    "torch.Tensor.backward",
    "torch.Tensor.requires_grad_",
    myth="loss.requires_grad_() makes a loss trainable",
    hint="find where the loss lost its history",
)
def test_is_not_cured_by_requires_grad_of_the_loss(device):
    """`loss.requires_grad_()` silences the error of a detached loss, and `backward` gives the weights no gradient."""
    model = line(1.0, device)
    loss = model(column(2.0, device=device)).detach().sum().requires_grad_()
    loss.backward()
    assert model.weight.grad is None
    same(loss.grad, torch.tensor(1.0))


@fact("torch.Tensor.requires_grad_", "torch.optim.SGD.step", myth="loss.requires_grad_() makes a loss trainable")
def test_learns_nothing_from_a_loss_made_to_require_grad(device):
    """A loop with `loss.requires_grad_()` on a detached loss raises no error, and leaves the weights as they were."""
    model = line(1.0, device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        loss = model(column(2.0, device=device)).detach().sum().requires_grad_()
        loss.backward()
        optimizer.step()
    assert (weight_of(model), loss.grad.item()) == (1.0, 1.0)


@fact("torch.no_grad", "torch.Tensor.backward")
def test_is_refused_for_a_forward_pass_under_no_grad(device):
    """A loss computed under `no_grad` is refused by `backward`: "does not require grad"."""
    with torch.no_grad():
        loss = line(1.0, device)(column(2.0, device=device)).sum()
    with pytest.raises(RuntimeError, match="does not require grad"):
        loss.backward()


# --- an optimizer that has other parameters ---------------------------------------------------------------------------


@fact("torch.optim.SGD", hint="make the optimizer from the model that is trained")
def test_trains_the_model_that_the_optimizer_was_made_of(device):
    """An optimizer of a model does not train a `deepcopy` of it, whose gradients it does not know."""
    model = line(1.0, device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    copied = copy.deepcopy(model)
    for each in (copied, model):
        each(column(2.0, device=device)).sum().backward()
    optimizer.step()
    assert (weight_of(copied), weight_of(model)) == (1.0, 0.0)


def rate_by_attribute(patch):
    """An attribute `lr` of an optimizer is the learning rate of its steps."""
    step = torch.optim.SGD.step

    def steps(self, *args):
        self.param_groups[0]["lr"] = getattr(self, "lr", self.param_groups[0]["lr"])
        return step(self, *args)

    patch.setattr(torch.optim.SGD, "step", steps)


@fact(
    "torch.optim.SGD.step",
    myth="optimizer.lr = 0.1 sets the learning rate",
    hint='set optimizer.param_groups[0]["lr"]',
    refuter=rate_by_attribute,
)
def test_has_no_rate_in_an_attribute_of_the_optimizer(device):
    """`optimizer.lr = …` changes no step: the learning rate is in `param_groups`."""
    model = line(4.0, device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    optimizer.lr = 100.0
    model(column(2.0, device=device)).sum().backward()
    optimizer.step()
    assert weight_of(model) == 3.0


class Forgetful(nn.Module):
    """A model that makes its layer in `forward`."""

    def forward(self, x):
        return line(1.0, x.device)(x)


@fact("torch.nn.Module.parameters", "torch.optim.SGD", hint="make layers in __init__")
def test_of_layers_made_in_forward_has_nothing_to_train(device):
    """A layer made in `forward` is no part of the model: an optimizer of it gets an empty parameter list."""
    model = Forgetful()
    assert model(column(2.0, device=device)).item() == 2.0
    with pytest.raises(ValueError, match="empty parameter list"):
        torch.optim.SGD(model.parameters(), lr=0.5)


# --- a step by hand ---------------------------------------------------------------------------------------------------


@fact("torch.no_grad", "torch.Tensor.sub_")
def test_by_hand_subtracts_in_place_under_no_grad(device):
    """Without an optimizer, `w -= lr * w.grad` under `no_grad` trains a leaf, step after step."""
    w = torch.tensor(4.0, device=device, requires_grad=True)
    for _ in range(3):
        (w * w / 2).backward()
        with torch.no_grad():
            w.sub_(0.5 * w.grad)
        w.grad = None
    assert (w.item(), w.is_leaf) == (0.5, True)


@fact("torch.Tensor.is_leaf", "torch.Tensor.backward", hint="write in place, under torch.no_grad()")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_by_hand_out_of_place_ends_with_the_leaf(device):
    """`w = w - lr * w.grad` makes a tensor that is no leaf, whose `.grad` is None after the next `backward`."""
    w = torch.tensor(4.0, device=device, requires_grad=True)
    (w * w / 2).backward()
    moved = w - 0.5 * w.grad
    (moved * moved / 2).backward()
    assert (moved.is_leaf, moved.grad) == (False, None)
    same(w.grad, torch.tensor(6.0))


# --- two models, two optimizers ---------------------------------------------------------------------------------------


def adversaries(device):
    """A generator and a discriminator of one weight each, 2 and 3."""
    return line(2.0, device), line(3.0, device)


@fact("torch.Tensor.detach", "torch.Tensor.backward")
def test_of_the_discriminator_on_detached_samples_spares_the_generator(device):
    """A discriminator's loss on `fake.detach()` gives the generator of a GAN no gradient, and itself one."""
    generator, discriminator = adversaries(device)
    discriminator(generator(column(1.0, device=device)).detach()).sum().backward()
    assert generator.weight.grad is None
    same(discriminator.weight.grad, torch.tensor([[2.0]]))


@fact("torch.Tensor.backward", hint="zero the discriminator's gradients before its own backward")
def test_of_the_generator_leaves_a_gradient_in_the_discriminator(device):
    """`backward` of a generator's loss goes through the discriminator of a GAN, and leaves a gradient in that, too."""
    generator, discriminator = adversaries(device)
    discriminator(generator(column(1.0, device=device))).sum().backward()
    same(generator.weight.grad, torch.tensor([[3.0]]))
    same(discriminator.weight.grad, torch.tensor([[2.0]]))


@fact("torch.nn.Module.requires_grad_", "torch.Tensor.backward")
def test_of_the_generator_through_a_frozen_discriminator_still_learns(device):
    """With the discriminator frozen by `requires_grad_(False)`, the generator's gradient still passes through it."""
    generator, discriminator = adversaries(device)
    discriminator.requires_grad_(False)
    discriminator(generator(column(1.0, device=device))).sum().backward()
    same(generator.weight.grad, torch.tensor([[3.0]]))
    assert discriminator.weight.grad is None


@fact("torch.no_grad", "torch.Tensor.backward", hint="freeze it by requires_grad_(False): no_grad cuts the way through")
def test_of_the_generator_through_no_grad_is_refused(device):
    """With the discriminator's forward pass under `no_grad` the generator cannot learn: "does not require grad"."""
    generator, discriminator = adversaries(device)
    fake = generator(column(1.0, device=device))
    with torch.no_grad():
        loss = discriminator(fake).sum()
    with pytest.raises(RuntimeError, match="does not require grad"):
        loss.backward()


@fact("torch.nn.Module.zero_grad", "torch.optim.Optimizer.zero_grad")
@pytest.mark.parametrize("by", ["model", "optimizer"])
def test_of_one_optimizer_does_not_reset_the_other_model(device, by):
    """`zero_grad` of one model or of its optimizer leaves the gradients that the loss gave another model."""
    generator, discriminator = adversaries(device)
    discriminator(generator(column(1.0, device=device))).sum().backward()
    (generator if by == "model" else torch.optim.SGD(generator.parameters(), lr=1.0)).zero_grad()
    assert generator.weight.grad is None
    same(discriminator.weight.grad, torch.tensor([[2.0]]))
