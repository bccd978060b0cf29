"""What `eval()` and `train()` change in a model and its layers, and what they leave as it is."""

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from torchproof import close, fact, same


class Dropping(nn.Module):
    """Calls the functional form of dropout and leaves `training` to its default."""

    def forward(self, x):
        return nn.functional.dropout(x, p=1.0)


class KeptInTraining(nn.Sequential):
    """A part of a model that refuses to leave training mode, as dropout does that estimates an uncertainty."""

    def train(self, mode=True):
        return super().train(True)


@fact("torch.nn.Module.eval", claims=["M07"])
def test_sets_training_to_false(device):
    """`eval` sets `training` of a module, which is True when it is built, to False."""
    layer = nn.Linear(2, 1, device=device)
    before = layer.training
    layer.eval()
    assert (before, layer.training) == (True, False)


@fact("torch.nn.Module.eval", claims=["M07"])
def test_reaches_every_submodule():
    """`eval` sets `training` of all submodules, at every depth, to False."""
    model = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.Dropout(), nn.ModuleList([nn.Dropout()])))
    model.eval()
    assert [module.training for module in model.modules()] == [False] * 6


@fact("torch.nn.Module.eval")
def test_returns_the_module_itself():
    """`eval` returns the module itself."""
    model = nn.Linear(1, 1)
    assert model.eval() is model
    assert not model.training


@fact("torch.nn.Module.train")
def test_is_undone_by_train():
    """`train` sets `training` of a module and of all its submodules to True, and returns the module itself."""
    model = nn.Sequential(nn.Linear(2, 1), nn.Sequential(nn.Dropout()))
    model.eval()
    before = model.training
    assert model.train() is model
    assert (before, [module.training for module in model.modules()]) == (False, [True] * 4)


@fact("torch.nn.Module.train")
def test_is_train_with_false():
    """`train(False)` puts a module and its submodules into evaluation mode as `eval` does."""
    model = nn.Sequential(nn.Dropout()).train(False)
    assert [module.training for module in model.modules()] == [False, False]


@fact("torch.nn.Module.train")
@pytest.mark.parametrize("mode", ["no", 0, None])
def test_takes_nothing_but_a_flag(mode):
    """`train` refuses a mode that is not a bool: "training mode is expected to be boolean"."""
    with pytest.raises(ValueError, match="training mode is expected to be boolean"):
        nn.Linear(1, 1).train(mode)


@fact("torch.nn.Module.eval")
def test_of_a_child_leaves_its_parent():
    """`eval` of a submodule leaves the rest of the model in training mode."""
    model = nn.Sequential(nn.Dropout(), nn.Dropout())
    model[0].eval()
    assert [module.training for module in model.modules()] == [True, False, True]


@fact(
    "torch.nn.Module.train",
    myth="a layer put into evaluation mode stays there",
    hint="call eval() of the layer after each train() of the model",
)
def test_of_a_child_is_undone_by_train_of_its_parent():
    """`train` of a model puts a submodule that was in evaluation mode back into training mode."""
    model = nn.Sequential(nn.BatchNorm1d(2))
    model[0].eval()
    before = model[0].training
    model.train()
    assert (before, model[0].training) == (False, True)


@fact("torch.nn.Module.eval", hint="call eval() after the model is complete")
def test_does_not_reach_a_submodule_added_later():
    """A submodule that is added to a model after `eval` is in training mode."""
    model = nn.Sequential(nn.Dropout()).eval()
    model.add_module("late", nn.Dropout())
    assert [module.training for module in model.modules()] == [False, False, True]


@fact("torch.nn.Module.eval")
def test_goes_through_train():
    """`eval` of a model calls `train(False)` of its parts, so that one that overrides `train` is obeyed."""
    model = nn.Sequential(nn.Dropout(), KeptInTraining(nn.Dropout()))
    model.eval()
    assert [module.training for module in model.modules()] == [False, False, True, True]


@fact("torch.nn.Dropout", claims=["M07"])
@given(st.lists(st.integers(-99, 99), max_size=6), st.sampled_from([0.0, 0.3, 1.0]))
@example([1, 2, 3], 1.0)
def test_makes_dropout_the_identity(device, numbers, p):
    """`Dropout` in evaluation mode returns its input's values, whatever `p` is."""
    x = torch.tensor(numbers, device=device, dtype=torch.float32)
    same(nn.Dropout(p).eval()(x), torch.tensor(numbers, dtype=torch.float32))


@fact("torch.nn.Dropout", claims=["M07"])
@pytest.mark.parametrize(("p", "kept"), [(0.5, 2.0), (0.75, 4.0)])
def test_left_out_lets_dropout_drop_and_scale(device, p, kept):
    """`Dropout` in training mode zeroes elements and multiplies the others by 1 / (1 - p)."""
    y = nn.Dropout(p)(torch.ones(1000, device=device))
    same(y.unique(), torch.tensor([0.0, kept]))


@fact(
    "torch.nn.functional.dropout",
    claims=["M07"],
    myth="eval() switches every dropout off",
    hint="pass training=self.training",
)
def test_does_not_reach_functional_dropout(device):
    """`functional.dropout` without `training=` drops in a module that is in evaluation mode."""
    y = Dropping().eval()(torch.ones(4, device=device))
    same(y, torch.zeros(4))


@fact("torch.nn.BatchNorm1d", claims=["M07"])
def test_makes_batch_norm_use_its_running_statistics(device):
    """`BatchNorm1d` in evaluation mode normalises by its running mean and variance."""
    norm = nn.BatchNorm1d(1, eps=1.0, affine=False, device=device).eval()
    norm.running_mean.fill_(3.0)
    norm.running_var.fill_(15.0)
    same(norm(torch.tensor([[3.0], [11.0]], device=device)), torch.tensor([[0.0], [2.0]]))


def does_nothing(patch):
    patch.setattr(nn.Module, "eval", lambda self: self)


@fact("torch.nn.BatchNorm1d", claims=["M07"], refuter=does_nothing)
def test_makes_batch_norm_keep_its_running_statistics(device):
    """`BatchNorm1d` in evaluation mode leaves its running statistics as they are."""
    norm = nn.BatchNorm1d(1, device=device).eval()
    norm(torch.tensor([[3.0], [7.0]], device=device))
    same(norm.running_mean, torch.tensor([0.0]))
    same(norm.running_var, torch.tensor([1.0]))
    same(norm.num_batches_tracked, torch.tensor(0))


@fact("torch.nn.BatchNorm1d", claims=["M07"])
def test_left_out_lets_batch_norm_use_the_batch(device):
    """`BatchNorm1d` in training mode normalises by the batch's mean and biased variance."""
    norm = nn.BatchNorm1d(1, eps=7.0, affine=False, device=device, dtype=torch.float64)
    close(norm(torch.tensor([[2.0], [8.0]], device=device, dtype=torch.float64)), [[-0.75], [0.75]], roundings=4)


@fact("torch.nn.BatchNorm1d", claims=["M07"])
@given(st.lists(st.integers(-9, 9), min_size=2, max_size=8), st.sampled_from([0.1, 0.5, 1.0]))
@example([2, 4], 0.5)
def test_left_out_lets_batch_norm_move_its_statistics(device, numbers, momentum):
    """`BatchNorm1d` in training mode moves its statistics by `momentum` to the batch's mean and unbiased variance."""
    norm = nn.BatchNorm1d(1, momentum=momentum, device=device, dtype=torch.float64)
    norm(torch.tensor(numbers, device=device, dtype=torch.float64)[:, None])
    mean = sum(numbers) / len(numbers)
    variance = sum((n - mean) ** 2 for n in numbers) / (len(numbers) - 1)
    close(norm.running_mean, [momentum * mean], roundings=40, scale=10.0)
    close(norm.running_var, [(1 - momentum) * 1.0 + momentum * variance], roundings=40, scale=200.0)


@fact("torch.nn.BatchNorm1d")
def test_left_out_lets_batch_norm_count_batches(device):
    """`BatchNorm1d` in training mode counts the batches that it has seen."""
    norm = nn.BatchNorm1d(1, device=device)
    for _ in range(3):
        norm(torch.tensor([[3.0], [7.0]], device=device))
    same(norm.num_batches_tracked, torch.tensor(3))


@fact("torch.nn.BatchNorm1d", claims=["M07"])
def test_lets_batch_norm_take_a_single_sample(device):
    """`BatchNorm1d` takes a batch of one sample in evaluation mode."""
    norm = nn.BatchNorm1d(2, eps=3.0, device=device).eval()
    same(norm(torch.tensor([[3.0, 4.0]], device=device)), torch.tensor([[1.5, 2.0]]))


@fact("torch.nn.BatchNorm1d", claims=["M07"], hint="call eval() first, or drop the last incomplete batch")
def test_left_out_makes_batch_norm_refuse_a_single_sample(device):
    """`BatchNorm1d` of one sample raises "Expected more than 1 value per channel when training" in training mode."""
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        nn.BatchNorm1d(2, device=device)(torch.tensor([[3.0, 4.0]], device=device))


@fact("torch.nn.BatchNorm1d", since="2.10", calls="eps=0", hint="give an eps above zero")
def test_left_out_makes_batch_norm_refuse_an_eps_of_zero(device):
    """`BatchNorm1d` in training mode refuses `eps=0`: "eps must be positive"."""
    with pytest.raises(ValueError, match="eps must be positive"):
        nn.BatchNorm1d(1, eps=0.0, device=device)(torch.tensor([[2.0], [8.0]], device=device))


@fact("torch.nn.BatchNorm1d", until="2.10", calls="eps=0")
def test_left_out_lets_batch_norm_take_an_eps_of_zero(device):
    """`BatchNorm1d` in training mode with `eps=0` divides by the standard deviation alone."""
    norm = nn.BatchNorm1d(1, eps=0.0, device=device, dtype=torch.float64)
    close(norm(torch.tensor([[2.0], [8.0]], device=device, dtype=torch.float64)), [[-1.0], [1.0]], roundings=4)


@fact("torch.nn.Module.eval", claims=["M07"], myth="eval() changes what every layer computes")
@pytest.mark.parametrize("made", [nn.Linear, nn.Conv1d, nn.LayerNorm, nn.GroupNorm], ids=lambda made: made.__name__)
def test_does_not_matter_to_other_layers(device, made):
    """`Linear`, `Conv1d`, `LayerNorm` and `GroupNorm` compute the same in training and evaluation mode."""
    arguments = {nn.Linear: (4, 3), nn.Conv1d: (2, 3, 2), nn.LayerNorm: (4,), nn.GroupNorm: (1, 2)}[made]
    layer, x = made(*arguments).to(device), torch.rand(1, 2, 4, device=device)
    trained = layer(x)
    same(layer.eval()(x), trained)


@fact(
    "torch.nn.Module.eval",
    claims=["M07", "M08"],
    myth="eval() switches gradients off",
    hint="use torch.no_grad() for that",
)
def test_does_not_switch_off_gradients(device):
    """`backward` through a `Linear` in evaluation mode fills the gradient of its weight."""
    layer = nn.Linear(2, 1, device=device).eval()
    layer(torch.tensor([[3.0, 5.0]], device=device)).sum().backward()
    same(layer.weight.grad, torch.tensor([[3.0, 5.0]]))


@fact(
    "torch.nn.Module.eval",
    claims=["M07"],
    myth="eval() freezes the parameters",
    hint="use requires_grad_(False) for that",
)
def test_leaves_requires_grad_alone(device):
    """`eval` leaves `requires_grad` of every parameter as it is."""
    layer = nn.Linear(2, 1, device=device)
    layer.bias.requires_grad_(False)
    layer.eval()
    assert (layer.weight.requires_grad, layer.bias.requires_grad, layer.training) == (True, False, False)


@fact(
    "torch.nn.Module.eval",
    claims=["M08"],
    myth="evaluation is wrong without no_grad()",
    hint="no_grad() saves memory and time, not values",
)
def test_gives_the_same_values_with_and_without_no_grad(device):
    """A model of `Linear`, `BatchNorm1d` and `Dropout` in evaluation mode computes the same values under `no_grad`."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2)).to(device).eval()
    x = torch.rand(5, 3, device=device)
    recorded = model(x)
    with torch.no_grad():
        same(model(x), recorded)
    assert recorded.requires_grad


@fact("torch.nn.Module.eval", claims=["M08"])
def test_makes_a_sample_independent_of_its_batch(device):
    """`BatchNorm1d` in evaluation mode gives a sample the same output alone as in a batch of three."""
    norm = nn.BatchNorm1d(1, eps=3.0, device=device).eval()
    x = torch.tensor([[3.0], [7.0], [50.0]], device=device)
    same(norm(x)[:1], torch.tensor([[1.5]]))
    same(norm(x[:1]), torch.tensor([[1.5]]))
