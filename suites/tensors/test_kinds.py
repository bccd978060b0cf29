"""What tensors are made of and asked for: dtypes, sizes, layouts, formats; numbers for symbols; subclasses."""

import copy
import math
import pickle

import numpy
import pytest
import torch

from torchproof import fact, same

# Of each dtype: whether it is of floats, of complex numbers, and signed.
DTYPES = {
    torch.bool: (False, False, False),
    torch.uint8: (False, False, False),
    torch.int8: (False, False, True),
    torch.int64: (False, False, True),
    torch.float16: (True, False, True),
    torch.bfloat16: (True, False, True),
    torch.float32: (True, False, True),
    torch.float64: (True, False, True),
    torch.complex64: (False, True, True),
    torch.complex128: (False, True, True),
}
NAMES = {
    torch.half: "float16",
    torch.float: "float32",
    torch.double: "float64",
    torch.short: "int16",
    torch.int: "int32",
    torch.long: "int64",
    torch.cfloat: "complex64",
    torch.cdouble: "complex128",
}


class Another:
    """A class that no dtype, layout or format is of."""


def of_another_class(patch):
    """Dtypes, layouts and memory formats are of other classes, and dtypes of other names."""
    for name in ("dtype", "layout", "memory_format"):
        patch.setattr(torch, name, Another)


def plain_sizes(patch):
    """A size is a number."""
    patch.setattr(torch, "Size", lambda sizes=(): list(sizes))


@fact("torch.dtype", refuter=of_another_class)
@pytest.mark.parametrize("dtype", DTYPES)
def test_of_a_dtype_are_told_by_it(dtype):
    """A `torch.dtype` says whether it is of floats, of complex numbers, and whether it is signed."""
    assert isinstance(dtype, torch.dtype)
    assert (dtype.is_floating_point, dtype.is_complex, dtype.is_signed) == DTYPES[dtype]


@fact("torch.dtype", since="2.1", calls="names to_real|to_complex", gain=True, refuter=of_another_class)
@pytest.mark.parametrize(
    ("dtype", "real", "imaginary"),
    [
        (torch.float16, torch.float16, torch.complex32),
        (torch.float32, torch.float32, torch.complex64),
        (torch.complex64, torch.float32, torch.complex64),
        (torch.complex128, torch.float64, torch.complex128),
    ],
)
def test_of_a_dtype_have_a_complex_or_real_one(dtype, real, imaginary):
    """`to_real` and `to_complex` of a dtype give the one of the same precision."""
    assert isinstance(dtype, torch.dtype)
    assert (dtype.to_real(), dtype.to_complex()) == (real, imaginary)


@fact("torch.dtype", refuter=of_another_class)
@pytest.mark.parametrize("dtype", NAMES)
def test_of_a_dtype_have_one_name(dtype):
    """`torch.half`, `torch.long` and others are other names of dtypes, which are told by the first name."""
    assert isinstance(dtype, torch.dtype)
    assert dtype is getattr(torch, NAMES[dtype])
    assert str(dtype) == repr(dtype) == f"torch.{NAMES[dtype]}"


@fact("torch.dtype", refuter=of_another_class, myth="dtypes are compared with strings, as in NumPy")
def test_of_a_dtype_are_not_strings():
    """A dtype does not equal its name, is made by no call, and stays itself when it is copied or pickled."""
    assert isinstance(torch.float32, torch.dtype)
    assert torch.float32 != "float32" and torch.float32 != numpy.dtype("float32")
    assert copy.deepcopy(torch.int8) is pickle.loads(pickle.dumps(torch.int8)) is torch.int8
    with pytest.raises(TypeError, match="cannot create 'torch.dtype' instances"):
        torch.dtype("float32")


@fact("torch.layout", "torch.memory_format", refuter=of_another_class)
def test_of_layouts_and_formats_are_constants():
    """Layouts are of the class `torch.layout`, and memory formats of `torch.memory_format`, and neither of both."""
    for layout in (torch.strided, torch.sparse_coo, torch.sparse_csr):
        assert isinstance(layout, torch.layout) and not isinstance(layout, torch.memory_format)
    for form in (torch.contiguous_format, torch.channels_last, torch.channels_last_3d, torch.preserve_format):
        assert isinstance(form, torch.memory_format) and not isinstance(form, torch.layout)
    assert (str(torch.sparse_coo), str(torch.channels_last)) == ("torch.sparse_coo", "torch.channels_last")


@fact("torch.Size", refuter=plain_sizes)
def test_of_a_size_is_a_tuple_with_a_product():
    """A `torch.Size` equals the tuple, has its hash, and `numel` gives the product, 1 of none."""
    size = torch.Size([2, 3, 4])
    assert size == (2, 3, 4) and hash(size) == hash((2, 3, 4)) and isinstance(size, tuple)
    assert (size.numel(), torch.Size([]).numel(), torch.Size([3, 0]).numel()) == (24, 1, 0)
    assert repr(size) == "torch.Size([2, 3, 4])"


@fact("torch.Size", refuter=plain_sizes)
def test_of_a_size_stays_one():
    """A part of a `torch.Size`, and one that is repeated, pickled or joined with a tuple behind it, is one again."""
    size = torch.Size([2, 3])
    made = [size[1:], size * 2, size + (4,), pickle.loads(pickle.dumps(size))]
    assert made == [(3,), (2, 3, 2, 3), (2, 3, 4), (2, 3)]
    assert [type(each) for each in made] == [torch.Size] * 4


@fact("torch.Size", since="2.8", calls="none", gain=True, refuter=plain_sizes)
def test_of_a_size_behind_a_tuple_is_one():
    """A tuple joined with a `torch.Size` behind it is a `torch.Size`."""
    size = (1,) + torch.Size([2, 3])
    assert type(size) is torch.Size and size == (1, 2, 3)


@fact("torch.Size", until="2.8", calls="none", refuter=plain_sizes)
def test_of_a_size_behind_a_tuple_is_a_tuple():
    """A tuple joined with a `torch.Size` behind it is a plain tuple."""
    size = (1,) + torch.Size([2, 3])
    assert type(size) is tuple and size == (1, 2, 3)


@fact("torch.Size", refuter=plain_sizes)
def test_of_a_size_are_whole():
    """A `torch.Size` refuses fractions, and takes numbers of a tensor."""
    assert torch.Size(torch.tensor([2, 3])) == (2, 3)
    with pytest.raises(TypeError, match="takes an iterable of 'int'"):
        torch.Size([2.5])


# --- asked of a tensor


@fact("torch.Tensor.is_mps", "torch.Tensor.is_quantized", "torch.Tensor.is_nested", "torch.Tensor.is_mkldnn")
@pytest.mark.parametrize("name", ["is_mps", "is_quantized", "is_nested", "is_mkldnn"])
def test_of_a_plain_tensor_are_not_special(name):
    """`is_mps`, `is_quantized`, `is_nested` and `is_mkldnn` of a plain tensor are False."""
    assert getattr(torch.ones(2), name) is False


def padded_with_nine(patch):
    """Nested tensors are filled up with nine, and dense ones come from oneDNN as nines."""
    patch.setattr(torch.Tensor, "to_padded_tensor", lambda x, padding, size=None: torch.full(size or (2, 2), 9.0))
    patch.setattr(torch.Tensor, "to_mkldnn", lambda x: x * 9)


@fact("torch.Tensor.is_nested", "torch.Tensor.to_padded_tensor", refuter=padded_with_nine)
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors is in prototype stage")
def test_of_nested_tensors_are_padded():
    """`is_nested` says True of a nested tensor, which `to_padded_tensor` fills up with a number to one shape."""
    x = torch.nested.nested_tensor([torch.tensor([1.5, 2.5]), torch.tensor([3.5])])
    assert x.is_nested is True
    same(x.to_padded_tensor(0.5), torch.tensor([[1.5, 2.5], [3.5, 0.5]]))
    same(x.to_padded_tensor(-1.0, (2, 3)), torch.tensor([[1.5, 2.5, -1.0], [3.5, -1.0, -1.0]]))


@fact("torch.Tensor.to_mkldnn", "torch.Tensor.is_mkldnn", refuter=padded_with_nine)
def test_of_mkldnn_come_back_whole():
    """`to_mkldnn` gives a tensor in a layout of oneDNN, which `to_dense` brings back."""
    x = torch.tensor([[1.5, 2.5], [3.5, 4.5]])
    y = x.to_mkldnn()
    assert y.is_mkldnn is True and x.is_mkldnn is False
    same(y.to_dense(), x)


@fact("torch.Tensor.output_nr")
def test_of_several_results_are_counted():
    """`output_nr` tells which of the results of one operation a tensor is."""
    x = torch.arange(4.0, requires_grad=True)
    assert [part.output_nr for part in x.split(1)] == [0, 1, 2, 3]


@fact("torch.Tensor.grad_dtype")
def test_of_a_gradient_may_be_another():
    """`grad_dtype` is the dtype of the tensor unless it is set, and then that of the gradient that arrives."""
    x = torch.tensor([1.5, 2.5], requires_grad=True)
    assert x.grad_dtype is torch.float32
    x.grad_dtype = torch.float64
    (x * 3).sum().backward()
    same(x.grad, torch.tensor([3.0, 3.0], dtype=torch.float64))
    assert x.grad_dtype is torch.float64


@fact("torch.Tensor.chalf")
@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
def test_of_complex_half_numbers_are_small(device):
    """`chalf` gives complex numbers of two float16."""
    x = torch.tensor([1.5 + 2.5j, -3j], device=device).chalf()
    assert (x.dtype, x.element_size(), x.is_contiguous()) == (torch.complex32, 4, True)
    same(torch.view_as_real(x), torch.tensor([[1.5, 2.5], [0.0, -3.0]], dtype=torch.float16))


# --- numbers where symbols may be


@fact("torch.sym_int", "torch.sym_float", "torch.sym_not")
def test_of_symbols_are_python_numbers():
    """`sym_int` cuts towards zero, `sym_float` and `sym_not` do of plain numbers what Python does."""
    assert [torch.sym_int(number) for number in (2.75, -2.75, 3)] == [2, -2, 3]
    assert (torch.sym_float(2), type(torch.sym_float(2))) == (2.0, float)
    assert (torch.sym_not(True), torch.sym_not(False)) == (False, True)


@fact("torch.sym_max", "torch.sym_min")
@pytest.mark.parametrize(("a", "b"), [(2, 5), (5, 2), (-1.5, 2.5), (-1, -3)], ids=str)
def test_of_symbols_are_compared(a, b):
    """`sym_max` and `sym_min` of plain numbers are those of Python."""
    assert (torch.sym_max(a, b), torch.sym_min(a, b)) == (max(a, b), min(a, b))


@fact("torch.sym_ite")
@pytest.mark.parametrize(("condition", "want"), [(True, 2), (False, 5)])
def test_of_symbols_are_chosen(condition, want):
    """`sym_ite` gives its second argument where the first is true, else the third."""
    assert torch.sym_ite(condition, 2, 5) == want


@fact("torch.sym_sum")
def test_of_symbols_are_added_up():
    """`sym_sum` adds up the numbers of a sequence."""
    assert torch.sym_sum([2, 3, 5]) == torch.sym_sum((3, 5, 2)) == 10


# --- subclasses


class Mine(torch.Tensor):
    """A subclass that nothing is added to."""


@fact("torch.Tensor.as_subclass")
def test_of_a_subclass_are_the_same_tensor(device):
    """`as_subclass` gives the tensor as one of the subclass, in the same memory and graph."""
    x = torch.tensor([1.5, 2.5], device=device, requires_grad=True)
    y = x.as_subclass(Mine)
    assert (type(y), type(y * 2), type(x)) == (Mine, Mine, torch.Tensor)
    assert y.data_ptr() == x.data_ptr()
    (y * 3).sum().backward()
    same(x.grad, torch.tensor([3.0, 3.0]))


@fact("torch.Tensor.as_subclass")
def test_of_a_subclass_are_tensors(device):
    """`as_subclass` refuses a class that is none of tensors."""
    with pytest.raises((TypeError, RuntimeError), match="does not inherit from Tensor is not possible"):
        torch.ones(2, device=device).as_subclass(int)


class Nothing:
    """A block that does nothing."""

    def __enter__(self):
        pass

    def __exit__(self, *_):
        pass


def no_block(patch):
    """A block of `DisableTorchFunctionSubclass` does nothing."""
    patch.setattr(torch, "DisableTorchFunctionSubclass", Nothing, raising=False)
    patch.setattr(torch._C, "DisableTorchFunctionSubclass", Nothing)


@fact("torch.DisableTorchFunctionSubclass", refuter=no_block)
def test_of_a_subclass_are_plain_where_it_is_disabled():
    """Within `DisableTorchFunctionSubclass` results of a subclass are plain tensors, and after it no longer."""
    x = torch.tensor([1.5, 2.5]).as_subclass(Mine)
    with torch._C.DisableTorchFunctionSubclass():
        inside = x * 2
    assert (type(inside), type(x * 2)) == (torch.Tensor, Mine)
    same(inside, torch.tensor([3.0, 5.0]))


@fact("torch.Tensor.module_load")
@pytest.mark.parametrize("assign", [False, True])
def test_of_a_state_are_loaded_in_place_or_taken(device, assign):
    """`module_load` copies the other tensor into this one, or with `assign` gives the other one, out of the graph."""
    x, other = torch.zeros(2, device=device), torch.tensor([1.5, 2.5], device=device, requires_grad=True)
    y = x.module_load(other, assign=assign)
    same(y, torch.tensor([1.5, 2.5]))
    same(x, torch.tensor([0.0, 0.0] if assign else [1.5, 2.5]))
    assert y is not x and y.data_ptr() == (other if assign else x).data_ptr() and not y.requires_grad


@fact("torch.hash_tensor")
def test_of_a_hash_are_joined_by_exclusive_or(device):
    """`hash_tensor` joins the bits of all elements, as 64-bit numbers, by exclusive or."""
    x = torch.tensor([[1, 2, 12], [5, 5, 7]], device=device)
    assert torch.hash_tensor(x).item() == 1 ^ 2 ^ 12 ^ 7
    rows = torch.hash_tensor(x, dim=1)
    assert (rows.dtype, rows.tolist(), rows.is_contiguous()) == (torch.uint64, [15, 7], True)
    floats = numpy.array([1.5, -2.5])
    bits = floats.view("uint64")
    assert torch.hash_tensor(torch.tensor(floats, device=device)).item() == int(bits[0] ^ bits[1])


# --- functions given to tensors


@fact("torch.Tensor.apply_")
def test_of_apply_are_given_one_by_one():
    """`apply_` puts the function of each element in its place, here in a column of a table."""
    table = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    column = table[:, 1]
    assert column.apply_(lambda number: number * 2 + 1) is column
    same(table, torch.tensor([[1.0, 5.0], [3.0, 9.0]]))


@fact("torch.Tensor.apply_")
def test_of_apply_are_cut_to_integers():
    """`apply_` to integers cuts the fractions of its results without a word."""
    same(torch.tensor([1, -3, 4]).apply_(lambda number: number / 2), torch.tensor([0, -1, 2]))


@fact("torch.Tensor.map_")
def test_of_map_are_given_in_pairs():
    """`map_` puts a function of each element and of another tensor's in its place."""
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert x.map_(torch.tensor([5.0, 6.0]), lambda a, b: a * 10 + b) is x
    same(x, torch.tensor([[15.0, 26.0], [35.0, 46.0]]))


@fact("torch.Tensor.apply_", "torch.Tensor.map_")
@pytest.mark.parametrize(
    "act", [lambda x: x.apply_(math.sin), lambda x: x.map_(x.detach(), math.pow)], ids=["apply_", "map_"]
)
def test_of_functions_are_not_followed(act):
    """`apply_` and `map_` are refused where autograd follows the tensor."""
    with pytest.raises(RuntimeError, match="on Variable that requires grad"):
        act(torch.ones(2, requires_grad=True))
