"""What a tensor says of itself, its shape, dtype, device and place in the graph, and where it speaks as NumPy does."""

import math

import numpy
import pytest
import torch
from hypothesis import example, given

from torchproof import fact, same
from torchproof.fixtures.strategies import shapes

DTYPES = {
    torch.bool: 1,
    torch.uint8: 1,
    torch.int16: 2,
    torch.bfloat16: 2,
    torch.float32: 4,
    torch.int64: 8,
    torch.complex128: 16,
}
NOT_METHODS = {
    "shape": ((2, 3), "'torch.Size' object is not callable"),
    "dtype": (torch.float32, "'torch.dtype' object is not callable"),
    "layout": (torch.strided, "'torch.layout' object is not callable"),
    "grad": (None, "'NoneType' object is not callable"),
    "ndim": (2, "'int' object is not callable"),
    "is_leaf": (True, "'bool' object is not callable"),
    "requires_grad": (False, "'bool' object is not callable"),
}
AS_NUMPY = {
    "flatten": lambda x: x.flatten(),
    "reshape": lambda x: x.reshape(3, 2),
    "T": lambda x: x.T,
    "sum": lambda x: x.sum(),
    "mean": lambda x: x.mean(),
    "arithmetic": lambda x: (x + 1) * x - x / 2 + x**2,
    "comparison": lambda x: x > 2,
    "clip": lambda x: x.clip(2, 4),
    "cumsum": lambda x: x.cumsum(1),
    "squeeze": lambda x: x.reshape(1, 6).squeeze(),
    "product": lambda x: x @ x.T,
}


@fact("torch.Tensor.shape", "torch.Tensor.size", claims=["T06", "T09"])
@given(shape=shapes())
@example(shape=())
@example(shape=(2, 0, 3))
def test_shape_is_that_of_numpy(device, shape):
    """`x.shape` and `x.size()` are the tuple of sizes, as NumPy has it."""
    x = torch.zeros(shape, device=device)
    assert x.shape == x.size() == numpy.zeros(shape).shape == shape


@fact("torch.Tensor.ndim", "torch.Tensor.ndimension", "torch.Tensor.dim", claims=["T06", "T09"])
@pytest.mark.parametrize("shape", [(), (3,), (1, 2, 3)], ids=str)
def test_dimensions_are_counted_from_nothing(device, shape):
    """`x.ndim`, `x.dim()` and `x.ndimension()` count the dimensions: 0 of a number, 1 of a vector."""
    x = torch.zeros(shape, device=device)
    assert x.ndim == x.dim() == x.ndimension() == len(shape)


@fact("torch.Tensor.size")
@pytest.mark.parametrize(("dim", "size"), [(0, 2), (1, 3), (-1, 3), (-2, 2)])
def test_size_is_asked_for_by_dimension(device, dim, size):
    """`x.size(dim)` gives the size of one dimension as a number, counted from the end where negative."""
    x = torch.zeros(2, 3, device=device)
    assert x.size(dim) == x.size(dim=dim) == size


@fact("torch.Tensor.size")
@pytest.mark.parametrize(("shape", "dim"), [((2, 3), 2), ((2, 3), -3), ((), 0)], ids=str)
def test_size_of_a_dimension_that_is_not_there_is_refused(device, shape, dim):
    """`x.size(dim)` raises an `IndexError` for a dimension that the tensor does not have."""
    with pytest.raises(IndexError, match="Dimension (out of range|specified as 0 but tensor has no dimensions)"):
        torch.zeros(shape, device=device).size(dim)


@fact("torch.numel", "torch.Tensor.numel", "torch.Tensor.nelement")
@given(shape=shapes())
@example(shape=())
@example(shape=(2, 0))
def test_number_of_elements_is_the_product_of_sizes(device, shape):
    """`torch.numel` and `nelement` give the product of the sizes: 1 without dimensions, and 0 where one is 0."""
    x = torch.zeros(shape, device=device)
    assert torch.numel(x) == x.numel() == x.nelement() == math.prod(shape)


@fact("torch.Tensor.shape", claims=["T09"])
def test_shape_is_a_tuple(device):
    """`x.shape` is a tuple: it is compared with tuples, sliced and joined with them."""
    size = torch.zeros(2, 3, 4, device=device).shape
    assert isinstance(size, tuple)
    assert (size, size[1:], size + (5,)) == ((2, 3, 4), (3, 4), (2, 3, 4, 5))


@fact("torch.Tensor.element_size", "torch.Tensor.itemsize")
@pytest.mark.parametrize("dtype", DTYPES)
def test_bytes_are_those_of_the_elements(device, dtype):
    """`x.itemsize` and `x.element_size()` are the bytes of one element."""
    x = torch.zeros(4, dtype=dtype, device=device)
    assert x.element_size() == x.itemsize == DTYPES[dtype]


@fact("torch.Tensor.nbytes")
@pytest.mark.parametrize("dtype", DTYPES)
def test_bytes_of_a_view_are_of_its_own_elements(device, dtype):
    """`x.nbytes` of a view are the bytes of its own elements, not of the storage."""
    x = torch.zeros(4, 6, dtype=dtype, device=device)[:2, ::2]
    assert x.nbytes == 6 * DTYPES[dtype]


@fact("torch.Tensor.device", claims=["T04"], myth="x.device() returns 'cpu' or 'cuda'", hint="x.device.type")
def test_device_is_an_attribute(device):
    """`x.device` is an attribute, no method: a `torch.device` with a type and an index, not a string."""
    x = torch.zeros(2, device=device)
    assert type(x.device) is torch.device
    assert x.device.type == torch.device(device).type
    with pytest.raises(TypeError, match="'torch.device' object is not callable"):
        x.device()


@fact(
    "torch.Tensor.shape", "torch.Tensor.dtype", "torch.Tensor.layout", "torch.Tensor.grad", "torch.Tensor.ndim",
    "torch.Tensor.is_leaf", "torch.Tensor.requires_grad", hint="leave the parentheses out",
)  # fmt: skip
@pytest.mark.parametrize("name", NOT_METHODS)
def test_attribute_is_not_called(device, name):
    """`shape`, `dtype`, `grad`, `ndim` and others are attributes: they are read, and to call them is a `TypeError`."""
    value, words = NOT_METHODS[name]
    x = torch.zeros(2, 3, device=device)
    assert getattr(x, name) == value
    with pytest.raises(TypeError, match=words):
        getattr(x, name)()


def a_string(patch):
    """A device is its name."""
    patch.setattr(torch, "device", lambda name, index=0: f"{name}:{index}")


@fact("torch.device", refuter=a_string)
@pytest.mark.parametrize(
    ("made", "type_", "index"),
    [
        (("cuda:1",), "cuda", 1),
        (("cuda", 1), "cuda", 1),
        (("cuda",), "cuda", None),
        (("cpu",), "cpu", None),
        (("meta",), "meta", None),
    ],
    ids=["cuda:1", "cuda-1", "cuda", "cpu", "meta"],
)
def test_device_has_a_type_and_an_index(made, type_, index):
    """A `torch.device` is made of a type and an index, apart or in one string, whether the device is here or not."""
    assert (torch.device(*made).type, torch.device(*made).index) == (type_, index)


@fact("torch.device", claims=["T04"], myth="x.device() returns 'cpu' or 'cuda'", refuter=a_string)
def test_device_compares_with_devices_only():
    """A `torch.device` equals one of the same type and index, and no string."""
    assert torch.device("cuda:0") == torch.device("cuda", 0) != torch.device("cuda")
    assert torch.device("cpu") != "cpu"


@fact("torch.device", refuter=a_string)
@pytest.mark.parametrize("name", ["gpu", "cpu:x", "float64"], ids=["gpu", "index", "dtype"])
def test_device_of_no_known_type_is_refused(name):
    """`torch.device` refuses a type that it does not know, such as "gpu", and an index that is no number."""
    with pytest.raises(RuntimeError, match="[Dd]evice"):
        torch.device(name)


@fact("torch.Tensor.is_cuda", "torch.Tensor.is_cpu", "torch.Tensor.is_meta")
@pytest.mark.parametrize("where", ["cpu", "meta"])
def test_device_is_asked_for(where):
    """`x.is_cpu`, `x.is_cuda` and `x.is_meta` say whether a tensor is on that device."""
    x = torch.zeros(2, device=where)
    assert (x.is_cpu, x.is_cuda, x.is_meta) == (where == "cpu", False, where == "meta")


@fact("torch.Tensor.get_device")
def test_device_index_of_the_cpu_is_below_zero():
    """`x.get_device()` of a tensor on the CPU is -1."""
    assert torch.zeros(2).get_device() == -1


@fact("torch.Tensor.dtype", claims=["T06"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtype_is_the_one_of_all_elements(device, dtype):
    """`x.dtype` gives the dtype that a tensor was made with."""
    assert torch.zeros(2, dtype=dtype, device=device).dtype is dtype


@fact("torch.Tensor.layout")
def test_layout_of_a_dense_tensor_is_strided(device):
    """`x.layout` of a dense tensor is `torch.strided`."""
    assert torch.zeros(2, device=device).layout is torch.strided


@fact("torch.Tensor.requires_grad_")
def test_graph_is_entered_in_place(device):
    """`x.requires_grad_()` returns `x`, which requires grad then, and with False no longer does."""
    x = torch.ones(2, device=device)
    assert x.requires_grad_() is x and x.requires_grad
    assert x.requires_grad_(False) is x and not x.requires_grad
    same(x, numpy.ones(2, dtype="float32"))


# --- as NumPy has it


@fact(
    "torch.Tensor.flatten", "torch.Tensor.reshape", "torch.Tensor.T", "torch.Tensor.sum", "torch.Tensor.mean",
    "torch.Tensor.add", "torch.Tensor.gt", "torch.Tensor.clip", "torch.cumsum", "torch.squeeze",
    "torch.Tensor.matmul", claims=["T06"],
)  # fmt: skip
@pytest.mark.parametrize("name", AS_NUMPY)
def test_expression_of_numpy_is_one_of_torch(device, name):
    """`flatten`, `reshape`, `T`, `sum`, `clip`, arithmetic and others give what NumPy's give, in the same strides."""
    array = numpy.array([[1.5, 2.25, -3.0], [4.5, 5.0, 0.25]])
    want = numpy.asarray(AS_NUMPY[name](array))
    y = AS_NUMPY[name](torch.from_numpy(array.copy()).to(device))
    same(y, want.copy())
    assert y.stride() == tuple(step // want.itemsize for step in want.strides)


@fact("torch.Tensor.std", "torch.Tensor.var", claims=["T06"], myth="std and var are those of NumPy")
@pytest.mark.parametrize("name", ["std", "var"])
def test_deviation_has_another_default_than_in_numpy(device, name):
    """`x.std()` and `x.var()` divide by one less than the number of elements, as NumPy does with `ddof=1`."""
    array = numpy.array([1.0, 2.0, 3.0, 6.0])
    y = getattr(torch.from_numpy(array).to(device), name)()
    assert y.dtype == torch.float64 and y.shape == ()
    assert y.item() == pytest.approx(getattr(array, name)(ddof=1), rel=1e-15)


@fact("torch.Tensor.output_nr")
def test_graph_numbers_several_results():
    """`x.output_nr` tells which of the results of one operation `x` is."""
    x = torch.arange(4.0, requires_grad=True)
    assert [part.output_nr for part in x.split(1)] == [0, 1, 2, 3]


@fact("torch.Tensor.grad_dtype")
def test_graph_may_give_a_gradient_of_another_dtype():
    """A gradient arrives in `x.grad` in the dtype `x.grad_dtype`, which is that of `x` unless it is set."""
    x = torch.tensor([1.5, 2.5], requires_grad=True)
    assert x.grad_dtype is torch.float32
    x.grad_dtype = torch.float64
    (x * 3).sum().backward()
    same(x.grad, torch.tensor([3.0, 3.0], dtype=torch.float64))
    assert x.grad_dtype is torch.float64


@fact("torch.Tensor.data")
def test_data_may_be_assigned(device):
    """`x.data = other` gives `x` other memory, and leaves it its `grad`."""
    x = torch.tensor([1.5, 2.5], device=device, requires_grad=True)
    x.sum().backward()
    x.data = torch.tensor([3.5, 4.5], device=device)
    same(x.data, torch.tensor([3.5, 4.5]))
    same(x.grad, torch.tensor([1.0, 1.0]))
