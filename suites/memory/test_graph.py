"""What keeps memory alive: the graph, names still bound, views of a large storage; peaks of calls are in test_cost."""

import weakref

import numpy
import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.checks import shares
from torchproof.fixtures.meters import saved_bytes

FLOAT = 4


def chain(x, length=3):
    """A chain of functions that each save their result for the backward pass."""
    for _ in range(length):
        x = x.sigmoid()
    return x


@fact("torch.sigmoid", "torch.exp", "torch.tanh", "torch.sqrt", "torch.relu")
@pytest.mark.parametrize("name", ["sigmoid", "exp", "tanh", "sqrt", "relu"])
def test_saves_the_result(device, name):
    """`sigmoid`, `exp`, `tanh`, `sqrt` and `relu` save for `backward` their result alone: the bytes of its elements."""
    x = torch.ones(1000, device=device, requires_grad=True)
    with saved_bytes() as saved:
        y = getattr(x, name)()
    assert saved.total == 1000 * FLOAT
    same(y.shape.numel() * torch.ones(()), torch.tensor(1000.0))


@fact("torch.add", "torch.sub", "torch.neg", "torch.sum", "torch.reshape", "torch.cat")
@pytest.mark.parametrize(
    "make",
    [
        lambda x: torch.add(x, 1.5),
        lambda x: torch.sub(x, 1.5),
        lambda x: torch.neg(x),
        lambda x: torch.sum(x),
        lambda x: torch.reshape(x, (10, 100)),
        lambda x: torch.cat([x, x]),
    ],
    ids=["add", "sub", "neg", "sum", "reshape", "cat"],
)
def test_saves_nothing_of_a_linear_function(device, make):
    """`add`, `sub`, `neg`, `sum`, `reshape` and `cat`, whose derivative is constant, save no element for `backward`."""
    x = torch.ones(1000, device=device, requires_grad=True)
    with saved_bytes() as saved:
        y = make(x)
    assert saved.total == 0 and y.requires_grad


@fact("torch.mul", "torch.matmul")
@pytest.mark.parametrize("function", ["mul", "matmul"])
@pytest.mark.parametrize("needs", [(True, True), (True, False), (False, True)], ids=["both", "first", "second"])
def test_saves_the_other_factor(device, function, needs):
    """`torch.mul` and `torch.matmul` save, for each factor that requires grad, the other one."""
    a, b = (torch.ones(20, 20, device=device, requires_grad=need) for need in needs)
    with saved_bytes() as saved:
        y = getattr(torch, function)(a, b)
    assert saved.total == sum(needs) * 400 * FLOAT and y.requires_grad


@fact("torch.no_grad", "torch.inference_mode", claims=["E05"])
@pytest.mark.parametrize("mode", ["no_grad", "inference_mode"])
def test_saves_nothing_without_grad(device, mode):
    """A forward pass of `sigmoid` under `no_grad` or `inference_mode` saves nothing, where autograd saves results."""
    x = torch.ones(1000, device=device, requires_grad=True)
    with saved_bytes() as saved, getattr(torch, mode)():
        y = chain(x)
    with saved_bytes() as recorded:
        chain(x)
    assert (saved.total, recorded.total, y.requires_grad) == (0, 3 * 1000 * FLOAT, False)


@fact("torch.Tensor.detach", "torch.Tensor.item", claims=["E03"], myth="adding losses up costs a number an iteration")
@pytest.mark.parametrize("name", ["itself", "detach", "item"])
def test_of_summed_losses_is_alive_unless_cut(name):
    """A sum of losses keeps the graph of every iteration alive, and one of their `item()` or `detach()` keeps none."""
    w, total, seen = torch.ones(4, requires_grad=True), 0, []
    for _ in range(5):
        hidden = w * 2
        seen.append(weakref.ref(hidden))
        loss = (hidden**2).sum()
        total = total + (loss if name == "itself" else getattr(loss, name)())
        del hidden, loss
    assert [each() is not None for each in seen].count(True) in ({5} if name == "itself" else {0})
    assert float(total if name == "item" else total.detach()) == 5 * 16


def keeps_the_graph(patch):
    """`backward` keeps what the graph has saved."""
    backward = torch.Tensor.backward
    patch.setattr(torch.Tensor, "backward", lambda y, *_, **__: backward(y, retain_graph=True))


@fact("torch.Tensor.backward", refuter=keeps_the_graph)
@pytest.mark.parametrize("retain", [False, True])
def test_is_freed_by_backward(retain):
    """`backward` frees what the graph saved, though the loss is still there, unless `retain_graph=True`."""
    x = torch.ones(4, requires_grad=True)
    hidden = x * 2
    loss = (hidden**2).sum()
    alive = weakref.ref(hidden)
    del hidden
    loss.backward(retain_graph=retain)
    assert (alive() is not None, loss.item()) == (retain, 16.0)
    same(x.grad, torch.full((4,), 8.0))


@fact("torch.Tensor", claims=["E04"], unproven="what Python's names keep alive is not done by a function of torch")
def test_of_a_loop_is_alive_after_it():
    """The last tensor that a loop has bound to a name lives on after the loop, until `del`."""
    for _ in range(3):
        y = torch.ones(4)
    alive = weakref.ref(y)
    before = alive() is y
    del y
    assert (before, alive()) == (True, None)


@fact("torch.Tensor.untyped_storage", "torch.Tensor.clone", hint="clone() the part that you keep")
@pytest.mark.parametrize("cloned", [False, True], ids=["view", "clone"])
def test_of_a_slice_is_the_whole(device, cloned):
    """A slice such as `x[:2]` keeps the whole memory of what it was cut from, and its `clone()` only its own."""
    part = torch.ones(1000, device=device)[:2]
    kept = part.clone() if cloned else part
    assert kept.untyped_storage().nbytes() == (2 if cloned else 1000) * FLOAT
    assert kept.numel() * kept.element_size() == 2 * FLOAT


@fact("torch.Tensor.expand", "torch.Tensor.repeat")
def test_of_expand_is_that_of_one(device):
    """`expand` has the memory of one copy, and `repeat` that of all."""
    x = torch.ones(10, device=device)
    wide, many = x.expand(100, 10), x.repeat(100, 1)
    assert wide.untyped_storage().nbytes() == 10 * FLOAT and shares(x, wide[0])
    assert many.untyped_storage().nbytes() == 1000 * FLOAT
    same(wide, many)


@fact("torch.from_numpy")
def test_of_an_array_is_kept_by_its_tensor():
    """A tensor of `torch.from_numpy` keeps the memory of its array alive after the array's last name is gone."""
    x = torch.from_numpy(numpy.arange(3.0))
    same(x, torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64))


@fact("torch.Tensor.numpy")
def test_of_a_tensor_is_kept_by_its_array():
    """An array of `Tensor.numpy()` keeps the memory of its tensor alive after the tensor's last name is gone."""
    y = torch.tensor([1.0, 2.0]).numpy()
    assert y.tolist() == [1.0, 2.0]


@fact("torch.utils.checkpoint.checkpoint")
@pytest.mark.parametrize("reentrant", [False, True])
def test_of_a_checkpoint_is_its_input(device, reentrant):
    """`checkpoint` saves for `backward` at most the input of its function, where the function saves three results."""
    x = torch.linspace(-1, 1, 1000, device=device).requires_grad_()
    with saved_bytes() as saved:
        torch.utils.checkpoint.checkpoint(chain, x, use_reentrant=reentrant)
    with saved_bytes() as recorded:
        chain(x)
    assert saved.total <= 1000 * FLOAT < 3 * 1000 * FLOAT == recorded.total


@fact("torch.Tensor.sigmoid_", "torch.Tensor.relu_")
@pytest.mark.parametrize("name", ["sigmoid_", "relu_"])
def test_of_a_function_in_place_is_its_result(device, name):
    """`sigmoid_` and `relu_` save their result without a second memory: the bytes of one tensor."""
    x = torch.ones(1000, device=device, requires_grad=True) * 1
    with saved_bytes() as saved:
        y = getattr(x, name)()
    assert saved.total == 1000 * FLOAT and y is x
    assert y.data_ptr() == x.data_ptr()
