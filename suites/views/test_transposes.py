"""`t`, `T`, `mT`, `H`, `transpose`, `permute`, `movedim` and others: the values, strides and memory of transposes."""

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.checks import shares
from torchproof.fixtures.strategies import Layout, layouts

WAYS = {
    "t": (lambda x: x.t(), (1, 0)),
    "T": (lambda x: x.T, (1, 0)),
    "H": (lambda x: x.H, (1, 0)),
    "mT": (lambda x: x.mT, (1, 0)),
    "mH": (lambda x: x.mH, (1, 0)),
    "adjoint": (lambda x: x.adjoint(), (1, 0)),
    "transpose": (lambda x: x.transpose(0, 1), (1, 0)),
    "swapaxes": (lambda x: x.swapaxes(0, 1), (1, 0)),
    "swapdims": (lambda x: x.swapdims(0, 1), (1, 0)),
    "movedim": (lambda x: x.movedim(0, 1), (1, 0)),
    "moveaxis": (lambda x: x.moveaxis(0, 1), (1, 0)),
    "permute": (lambda x: x.permute(1, 0), (1, 0)),
    "permute to itself": (lambda x: x.permute(0, 1), (0, 1)),
}

SUBJECTS = [
    "torch.t",
    "torch.Tensor.T",
    "torch.Tensor.H",
    "torch.Tensor.mT",
    "torch.Tensor.mH",
    "torch.adjoint",
    "torch.transpose",
    "torch.swapaxes",
    "torch.swapdims",
    "torch.movedim",
    "torch.moveaxis",
    "torch.permute",
]


@fact(*SUBJECTS)
@pytest.mark.parametrize(("way", "order"), WAYS.values(), ids=WAYS)
def test_give_the_values_of_numpy(way, order, device):
    """`t`, `T`, `mT`, `permute`, `movedim` and others give a real matrix the values of NumPy's `transpose`."""
    x = numpy.arange(6, dtype="float32").reshape(2, 3)
    same(way(torch.from_numpy(x).to(device)), x.transpose(order))


@fact(*SUBJECTS)
@pytest.mark.parametrize(("way", "order"), WAYS.values(), ids=WAYS)
def test_swap_the_strides(way, order, device):
    """`t`, `T`, `mT`, `transpose`, `permute`, `movedim` and others take a matrix's strides in the new order."""
    assert way(torch.zeros(2, 3, device=device)).stride() == tuple((3, 1)[dim] for dim in order)


@fact(*SUBJECTS, claims=["V06"])
@pytest.mark.parametrize(("way", "order"), WAYS.values(), ids=WAYS)
def test_share_memory(way, order, device):
    """A write through `t`, `T`, `mT`, `transpose`, `permute`, `movedim` or others is seen in their matrix."""
    x = torch.arange(6, device=device).view(2, 3)
    assert shares(way(x), x)


@fact("torch.movedim")
@given(layout=layouts(min_dims=1), data=st.data())
def test_move_a_dimension(layout, data, device):
    """`movedim` moves one dimension as NumPy's `moveaxis` does."""
    dims = st.integers(-len(layout.shape), len(layout.shape) - 1)
    source, to = data.draw(dims), data.draw(dims)
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    same(x.movedim(source, to), numpy.moveaxis(layout.places(), source, to))


@fact("torch.movedim")
def test_that_move_a_dimension_move_its_stride(device):
    """`movedim` moves the stride of its dimension, and no element."""
    x = torch.arange(24.0, device=device).view(2, 3, 4)
    y = x.movedim(0, -1)
    x += 0.5
    same(y, numpy.moveaxis(numpy.arange(24, dtype="float32").reshape(2, 3, 4) + 0.5, 0, -1))
    assert y.stride() == (4, 1, 12)


@fact("torch.Tensor.mT", "torch.Tensor.mH")
@pytest.mark.parametrize("name", ["mT", "mH"])
@given(layout=layouts(min_dims=2))
@example(layout=Layout((2, 3, 4), (12, 4, 1)))
def test_of_a_batch_swap_the_last_two_dimensions(layout, name, device):
    """`x.mT` and `x.mH` swap the last two dimensions of a batch of matrices."""
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    same(getattr(x, name), layout.places().swapaxes(-1, -2))


@fact("torch.Tensor.mT", "torch.Tensor.H", "torch.Tensor.mH")
@pytest.mark.parametrize(("name", "shape"), [("mT", (3,)), ("mH", (3,)), ("H", (2, 2, 2)), ("H", (3,))], ids=str)
def test_of_no_matrix_are_refused(name, shape, device):
    """`x.mT` and `x.mH` of a vector, and `x.H` of all but a matrix, are "only supported on matrices"."""
    with pytest.raises(RuntimeError, match="only supported on matrices"):
        getattr(torch.ones(shape, device=device), name)


@fact("torch.Tensor.T", hint="x.mT, or x.permute(...)")
@pytest.mark.filterwarnings("ignore:The use of `x.T` on tensors of dimension other than 2")
def test_of_three_dimensions_by_capital_t_reverse_them(device):
    """`x.T` of three dimensions reverses them all."""
    array = numpy.arange(24.0).reshape(2, 3, 4)
    same(torch.from_numpy(array).to(device).T, array.T.copy())


@fact("torch.adjoint", "torch.Tensor.mH", "torch.Tensor.H")
@pytest.mark.parametrize("way", [lambda x: x.mH, lambda x: x.H, torch.adjoint], ids=["mH", "H", "adjoint"])
def test_that_are_adjoint_conjugate(way, device):
    """`x.mH`, `x.H` and `torch.adjoint(x)` of a complex matrix are the conjugate of its transpose."""
    x = torch.tensor([[1 + 2j, 3 - 4j]], dtype=torch.complex64, device=device)
    same(way(x), numpy.array([[1 - 2j], [3 + 4j]], dtype="complex64"))


@fact("torch.adjoint", "torch.Tensor.mH", "torch.Tensor.H")
@pytest.mark.parametrize("way", [lambda x: x.mH, lambda x: x.H, torch.adjoint], ids=["mH", "H", "adjoint"])
def test_that_are_adjoint_write_the_conjugate(way, device):
    """A write through `x.mH`, `x.H` or `torch.adjoint(x)` is seen as its conjugate in the complex matrix `x`."""
    x = torch.tensor([[1 + 2j, 3 - 4j]], dtype=torch.complex64, device=device)
    way(x)[0, 0] = 5 + 6j
    same(x, numpy.array([[5 - 6j, 3 - 4j]], dtype="complex64"))


@fact("torch.t", claims=["V06"], myth="t() turns a vector into a column")
def test_of_one_dimension_by_t_change_nothing(device):
    """`t()` of a tensor with one dimension gives that shape and those values."""
    same(torch.arange(3, device=device).t(), numpy.arange(3))


@fact("torch.t")
def test_of_three_dimensions_by_t_are_refused(device):
    """`t()` refuses three dimensions: "expects a tensor with <= 2 dimensions"."""
    with pytest.raises(RuntimeError, match="expects a tensor with <= 2 dimensions"):
        torch.zeros(2, 3, 4, device=device).t()


@fact("torch.permute")
def test_by_permute_take_each_dimension_once(device):
    """`permute` refuses a dimension that is named twice: "duplicate dims are not allowed"."""
    with pytest.raises(RuntimeError, match="duplicate dims are not allowed"):
        torch.zeros(2, 3, device=device).permute(0, 0)


@fact("torch.permute")
@pytest.mark.parametrize("order", [(0,), (0, 1, 2)])
def test_by_permute_take_every_dimension(order, device):
    """`permute` refuses another number of dims: "number of dimensions in the tensor input does not match"."""
    with pytest.raises(RuntimeError, match="number of dimensions in the tensor input does not match"):
        torch.zeros(2, 3, device=device).permute(order)


@fact("torch.transpose", "torch.permute")
@pytest.mark.parametrize("way", [lambda x: x.transpose(0, 2), lambda x: x.permute(0, 2)], ids=["transpose", "permute"])
def test_of_a_dimension_that_is_not_there_are_refused(way, device):
    """`transpose` and `permute` of a dimension that is not there raise IndexError "Dimension out of range"."""
    with pytest.raises(IndexError, match="Dimension out of range"):
        way(torch.zeros(2, 3, device=device))


@fact("torch.Tensor.transpose_", "torch.Tensor.t_")
@pytest.mark.parametrize("way", [lambda x: x.t_(), lambda x: x.transpose_(0, 1)], ids=["t_", "transpose_"])
def test_in_place_change_the_tensor_itself(way, device):
    """`t_` and `transpose_` transpose the tensor itself."""
    x = torch.arange(6, device=device).view(2, 3)
    assert way(x) is x
    same(x, numpy.arange(6).reshape(2, 3).T)


@fact(*SUBJECTS)
@pytest.mark.parametrize(("way", "order"), WAYS.values(), ids=WAYS)
def test_pass_the_gradient_back_transposed(way, order, device):
    """The gradient of `t`, `T`, `mT`, `transpose`, `permute` and others reaches the source transposed back."""
    x, grad = torch.zeros(2, 3, device=device, requires_grad=True), numpy.arange(6, dtype="float32").reshape(2, 3)
    way(x).backward(torch.from_numpy(grad.transpose(order).copy()).to(device))
    same(x.grad, grad)


@fact("torch.t")
def test_by_t_hand_the_gradient_back(device):
    """The gradient of `x.t()` is handed back transposed: to each element what was its own."""
    x = torch.tensor([[1.5, -2.5, 3.5], [4.25, 5.5, -6.5]], device=device, requires_grad=True)
    x.t().backward(torch.tensor([[2.0, 7.0], [3.0, 11.0], [5.0, 13.0]], device=device))
    same(x.grad, torch.tensor([[2.0, 3.0, 5.0], [7.0, 11.0, 13.0]]))
