"""How many bytes are saved for backward, by which operation and in which mode; for hooks see test_saved_tensors."""

import weakref

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from torchproof import fact
from torchproof.fixtures.meters import saved_bytes
from torchproof.fixtures.strategies import shapes

SIZE = {torch.bfloat16: 2, torch.float32: 4, torch.float64: 8}
DTYPES = st.sampled_from(list(SIZE))
SIDES = st.integers(1, 5)


def deep(depth, device):
    """A stack of `depth` sigmoids, each of which saves its output."""
    return nn.Sequential(*[nn.Sigmoid() for _ in range(depth)]).to(device)


@fact("torch.sigmoid", "torch.tanh", "torch.relu", "torch.exp", "torch.sqrt", source="notes/autograd")
@pytest.mark.parametrize(
    "operation", [torch.sigmoid, torch.tanh, torch.relu, torch.exp, torch.sqrt], ids=lambda made: made.__name__
)
@given(shapes(min_side=1), DTYPES)
@example((), torch.float32)
@example((3, 4), torch.bfloat16)
def test_of_an_elementwise_function_are_one_tensor(device, operation, shape, dtype):
    """`sigmoid`, `tanh`, `relu`, `exp` and `sqrt` each save as many bytes for backward as their result has."""
    x = torch.ones(shape, device=device, dtype=dtype, requires_grad=True)
    with saved_bytes() as saved:
        y = operation(x)
    assert saved.total == y.numel() * SIZE[dtype]


@fact("torch.mul", source="notes/autograd")
@given(shapes(min_side=1), DTYPES)
@example((), torch.float32)
@example((3, 4), torch.bfloat16)
def test_of_a_product_are_both_factors(device, shape, dtype):
    """`a * b` of two tensors that require grad saves the bytes of both for backward."""
    a, b = (torch.ones(shape, device=device, dtype=dtype, requires_grad=True) for _ in range(2))
    with saved_bytes() as saved:
        y = a * b
    assert saved.total == 2 * y.numel() * SIZE[dtype]


@fact("torch.matmul", source="notes/autograd")
@given(SIDES, SIDES, SIDES)
@example(2, 3, 4)
def test_of_a_matrix_product_are_both_matrices(device, n, k, m):
    """`matmul` of (n, k) by (k, m) saves both matrices for backward: n*k + k*m elements."""
    a, b = (torch.ones(shape, device=device, requires_grad=True) for shape in ((n, k), (k, m)))
    with saved_bytes() as saved:
        a @ b
    assert saved.total == 4 * (n * k + k * m)


@fact("torch.matmul", source="notes/autograd")
@given(SIDES, SIDES, SIDES)
@example(2, 3, 4)
def test_of_a_matrix_product_with_a_constant_are_the_constant(device, n, k, m):
    """`matmul` of a matrix that requires grad by one that does not saves only the latter for backward."""
    a, b = torch.ones(n, k, device=device, requires_grad=True), torch.ones(k, m, device=device)
    with saved_bytes() as saved:
        a @ b
    assert saved.total == 4 * k * m


@fact("torch.add", "torch.mul", "torch.neg", "torch.sum", "torch.clone", "torch.t", source="notes/autograd")
@pytest.mark.parametrize(
    "operation",
    [lambda x: x + 1, lambda x: x + x, lambda x: x * 2, torch.neg, torch.sum, torch.clone, torch.t],
    ids=["add_number", "add", "times_number", "neg", "sum", "clone", "t"],
)
def test_of_a_linear_function_are_none(device, operation):
    """Linear functions as `neg`, `sum`, `clone`, `t`, `x + x` and `x * 2` save nothing for backward."""
    x = torch.ones(3, 4, device=device, requires_grad=True)
    with saved_bytes() as saved:
        y = operation(x)
    assert (saved.total, y.requires_grad) == (0, True)


@fact("torch.nn.Linear", source="notes/autograd")
@pytest.mark.parametrize(
    ("requires_grad", "elements"), [(False, 5 * 4), (True, 5 * 4 + 3 * 4)], ids=["data", "activation"]
)
def test_of_a_linear_layer_are_its_input_and_where_needed_its_weight(device, requires_grad, elements):
    """A `Linear` whose weight trains saves its input for backward, and its weight too where the input requires grad."""
    layer, x = nn.Linear(4, 3, device=device), torch.ones(5, 4, device=device, requires_grad=requires_grad)
    with saved_bytes() as saved:
        layer(x)
    assert saved.total == 4 * elements


@fact("torch.nn.Sigmoid", claims=["A06", "E05"])
@pytest.mark.parametrize("depth", [1, 3, 10])
def test_grow_with_the_depth_of_a_model(device, depth):
    """A stack of n `nn.Sigmoid` layers saves n activations for backward."""
    x = torch.ones(100, device=device, requires_grad=True)
    with saved_bytes() as saved:
        deep(depth, device)(x)
    assert saved.total == depth * 100 * 4


@fact("torch.no_grad", "torch.inference_mode", claims=["A06", "E05"])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode], ids=lambda made: made.__name__)
def test_are_none_without_recording(device, mode):
    """Ten `nn.Sigmoid` layers save no byte for backward under `no_grad` or `inference_mode`."""
    x = torch.ones(100, device=device, requires_grad=True)
    with saved_bytes() as saved, mode():
        deep(10, device)(x)
    inside = saved.total
    with saved_bytes() as saved:
        deep(10, device)(x)
    assert (inside, saved.total) == (0, 10 * 100 * 4)


@fact(
    "torch.nn.Module.eval",
    claims=["M07", "M08", "E05"],
    myth="eval() needs less memory than train()",
    hint="use torch.no_grad() for that",
)
def test_are_the_same_in_evaluation_mode(device):
    """Ten `nn.Sigmoid` layers save as many bytes for backward after `eval()` as in training mode."""
    model, x = deep(10, device), torch.ones(100, device=device, requires_grad=True)
    with saved_bytes() as saved:
        model.eval()(x)
    assert saved.total == 10 * 100 * 4


@fact("torch.nn.Module.requires_grad_", claims=["E05"])
def test_are_none_where_nothing_requires_grad(device):
    """A model frozen by `requires_grad_(False)` saves no byte for backward, if its input requires no grad either."""
    x = torch.ones(5, 4, device=device)
    frozen = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid()).to(device).requires_grad_(False)
    with saved_bytes() as saved:
        frozen(x)
    without = saved.total
    with saved_bytes() as saved:
        frozen.requires_grad_(True)(x)
    assert (without, saved.total) == (0, 4 * (5 * 4 + 5 * 3))


@fact("torch.Tensor.detach", claims=["E05"])
def test_start_behind_a_detached_tensor(device):
    """`sigmoid` of `x.detach()` saves nothing for backward, where `sigmoid` of `x` saves its result."""
    x = torch.ones(100, device=device, requires_grad=True)
    with saved_bytes() as saved:
        x.sigmoid().detach().sigmoid().sigmoid()
    assert saved.total == 100 * 4


@fact("torch.Tensor.backward", claims=["A06"], source="notes/autograd")
@pytest.mark.parametrize("retain_graph", [False, True])
def test_are_freed_by_backward(device, retain_graph):
    """`backward` lets go of what was saved for it, unless `retain_graph=True` keeps it."""
    kept = []

    class Box:
        def __init__(self, tensor):
            self.tensor = tensor
            kept.append(weakref.ref(self))

    x = torch.ones(3, device=device, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(Box, lambda box: box.tensor):
        loss = x.exp().sum()
    loss.backward(retain_graph=retain_graph)
    assert [box() is not None for box in kept] == [retain_graph]
