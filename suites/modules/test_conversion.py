"""What casts, moves, copies or visits all of a module: `to`, `half`, `cpu`, `to_empty`, `apply` and `copy.deepcopy`."""

import copy
import itertools

import pytest
import torch
from torch import nn

from torchproof import fact, same

CASTS = {"half": torch.float16, "float": torch.float32, "double": torch.float64, "bfloat16": torch.bfloat16}


def model(device="cpu"):
    """A layer of known numbers, a whole number among them, inside of another module."""
    made = nn.Sequential(nn.BatchNorm1d(2)).to(device)
    made[0].weight.data.copy_(torch.tensor([1.5, -2.0]))
    made[0].num_batches_tracked.fill_(7)
    return made


@fact(*(f"torch.nn.Module.{cast}" for cast in CASTS))
@pytest.mark.parametrize("cast", CASTS)
def test_cast_is_of_floating_point_alone(device, cast):
    """`half`, `float`, `double` and `bfloat16` cast all parameters and buffers but integers, and return the module."""
    made = model(device).to(torch.float64 if cast == "float" else torch.float32)
    assert getattr(made, cast)() is made
    same(made[0].weight.detach(), torch.tensor([1.5, -2.0], dtype=CASTS[cast]))
    assert (made[0].running_mean.dtype, made[0].num_batches_tracked.dtype) == (CASTS[cast], torch.int64)


@fact("torch.nn.Module.to")
@pytest.mark.parametrize("how", ["dtype", "keyword", "tensor"])
def test_to_takes_a_dtype_or_a_tensor(device, how):
    """`Module.to` casts the module itself to a dtype, or to that of a tensor, and returns it."""
    made, like = model(device), torch.zeros(1, dtype=torch.float64, device=device)
    got = {
        "dtype": lambda: made.to(torch.float64),
        "keyword": lambda: made.to(dtype=torch.float64),
        "tensor": lambda: made.to(like),
    }[how]()
    assert got is made
    same(made[0].weight.detach(), torch.tensor([1.5, -2.0], dtype=torch.float64))
    assert made[0].num_batches_tracked.dtype == torch.int64


@fact("torch.nn.Module.to", myth="Module.to gives a new module, as Tensor.to gives a new tensor")
def test_to_keeps_the_parameter_objects(device):
    """`Module.to(dtype)` keeps the parameter objects, so that an optimizer that was made before still has them."""
    made = model(device)
    before = made[0].weight
    made.to(torch.float64)
    assert made[0].weight is before
    assert before.dtype == torch.float64


@fact("torch.nn.Module.to", hint="move the model first, then make the optimizer")
def test_to_leaves_the_state_of_an_optimizer_behind(device):
    """`Module.to(dtype)` after a step of `Adam` leaves its averages in the old dtype: the next step is refused."""
    made = nn.Linear(1, 1, bias=False, device=device)
    optimizer = torch.optim.Adam(made.parameters())
    made(torch.ones(1, 1, device=device)).sum().backward()
    optimizer.step()
    made.to(torch.float64)
    assert made.weight.grad.dtype == torch.float64
    with pytest.raises(RuntimeError, match="expected dtype float for `end` but got dtype double|needs_dynamic_casting"):
        optimizer.step()


@fact("torch.nn.Module.to")
def test_to_refuses_integers():
    """`Module.to` refuses int32: it "only accepts floating point or complex" dtypes."""
    with pytest.raises(TypeError, match="only accepts floating point or complex"):
        model().to(torch.int32)
    with pytest.raises(TypeError, match="only accepts floating point or complex"):
        model().to(dtype=torch.int32)


@fact("torch.nn.Module.to")
def test_to_takes_a_memory_format():
    """`Module.to(memory_format=torch.channels_last)` lays weights of four dimensions out with channels last."""
    layer = nn.Conv2d(2, 3, 2)
    before = layer.weight.detach().clone()
    assert layer.to(memory_format=torch.channels_last) is layer
    assert (layer.weight.stride(), layer.bias.stride()) == ((8, 1, 4, 2), (1,))
    same(layer.weight.detach(), before)


@fact("torch.nn.Module.to")
def test_to_casts_gradients_too(device):
    """`Module.to(dtype)` casts the gradients that parameters have with them."""
    made = model(device)
    made[0].weight.grad = torch.tensor([0.5, 0.25], device=device)
    made.to(torch.float64)
    same(made[0].weight.grad, torch.tensor([0.5, 0.25], dtype=torch.float64))


@fact("torch.nn.Module.cpu")
def test_cpu_moves_to_the_cpu(device):
    """`Module.cpu` moves all parameters and buffers to the CPU and returns the module."""
    made = model(device)
    assert made.cpu() is made
    assert {each.device.type for each in made.state_dict().values()} == {"cpu"}


@fact("torch.nn.Module.type")
def test_type_casts_integers_too(device):
    """`Module.type` casts all parameters and buffers of the module itself, integers too."""
    made = model(device)
    assert made.type(torch.float64) is made
    assert {each.dtype for each in made.state_dict().values()} == {torch.float64}
    same(made[0].weight.detach(), torch.tensor([1.5, -2.0], dtype=torch.float64))


@fact("torch.nn.Module.to_empty")
def test_to_empty_moves_without_numbers(device):
    """`Module.to_empty` gives parameters on the meta device memory on another, with their shape and dtype."""
    made = nn.Linear(2, 3, device="meta", dtype=torch.float64)
    assert made.to_empty(device=device) is made
    assert [(each.shape, each.dtype, each.is_meta) for each in made.parameters()] == [
        ((3, 2), torch.float64, False),
        ((3,), torch.float64, False),
    ]


@fact("torch.nn.Module.to_empty")
def test_to_empty_leaves_what_was_in_memory(device, monkeypatch):
    """`Module.to_empty` leaves in each parameter what was in the memory that it got."""
    numbers = itertools.count(1.5)
    monkeypatch.setattr(torch, "empty_like", lambda like, device: torch.full(like.shape, next(numbers), device=device))
    made = nn.Linear(2, 3, device="meta").to_empty(device=device)
    same(made.weight.detach(), torch.full((3, 2), 1.5))
    same(made.bias.detach(), torch.full((3,), 2.5))


@fact("torch.nn.Module.to")
def test_to_refuses_to_leave_meta():
    """`Module.to` from the meta device, where there are no numbers, raises "Cannot copy out of meta tensor"."""
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        nn.Linear(1, 1, device="meta").to("cpu")


@fact("torch.nn.Module.apply")
def test_apply_calls_children_first():
    """`Module.apply` calls a function with every module, children before their parent, and returns the module."""
    made, seen = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.ReLU())), []
    assert made.apply(lambda module: seen.append(type(module).__name__)) is made
    assert seen == ["Linear", "ReLU", "Sequential", "Sequential"]


@fact("torch.nn.Module.share_memory")
def test_share_memory_moves_to_shared_memory():
    """`Module.share_memory` puts all parameters and buffers into shared memory and returns the module."""
    made = model()
    assert made.share_memory() is made
    assert all(each.is_shared() for each in made.state_dict().values())


def shares_all(patch):
    patch.setattr(copy, "deepcopy", lambda module: module)


@fact("torch.nn.Module", refuter=shares_all)
def test_deepcopy_shares_nothing():
    """`copy.deepcopy` of a module has parameters of its own, with the same numbers."""
    made = nn.Sequential(nn.Linear(1, 1))
    other = copy.deepcopy(made)
    same(other[0].weight, made[0].weight)
    with torch.no_grad():
        other[0].weight.add_(1)
    assert made[0].weight.item() != other[0].weight.item()


@fact("torch.nn.Module", refuter=shares_all)
def test_deepcopy_keeps_what_is_shared_inside():
    """`copy.deepcopy` of a model in which one layer stands twice copies the layer once, for both places."""
    layer = nn.Linear(1, 1)
    other = copy.deepcopy(nn.Sequential(layer, layer))
    assert other[0] is other[1] is not layer
