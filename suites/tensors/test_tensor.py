"""`torch.tensor`, `as_tensor`, `asarray`, `frombuffer` and `from_file`: tensors of given numbers, copied or shared."""

import array
import math

import numpy
import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.checks import shares

MAKERS = ["tensor", "as_tensor", "asarray"]
INFERRED = {
    "bool": (True, torch.bool),
    "int": (7, torch.int64),
    "float": (1.5, torch.float32),
    "complex": (1 + 2j, torch.complex64),
    "bools and ints": ([True, 2], torch.int64),
    "ints and floats": ([1, 2.5], torch.float32),
    "floats and complex": ([0.5, 1j], torch.complex64),
    "nothing": ([], torch.float32),
    "rows of nothing": ([[], []], torch.float32),
}
REFUSED = {
    "text": ("a", TypeError, "invalid data type 'str'"),
    "list of text": (["a"], ValueError, "too many dimensions 'str'"),
    "bytes": (b"ab", TypeError, "invalid data type 'bytes'"),
    "None": (None, RuntimeError, "Could not infer dtype of NoneType"),
    "dict": ({}, RuntimeError, "Could not infer dtype of dict"),
    "ragged": ([[1, 2], [3]], ValueError, "expected sequence of length 2 at dim 1"),
    "list of tensors": ([torch.ones(2), torch.ones(2)], ValueError, "only one element tensors can be converted"),
}

made = pytest.mark.parametrize("make", MAKERS)
SUBJECTS = [f"torch.{name}" for name in MAKERS]


@pytest.fixture
def double_by_default():
    """The default dtype is float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@fact(*SUBJECTS, claims=["T01"])
@made
@pytest.mark.parametrize(("values", "dtype"), INFERRED.values(), ids=INFERRED)
def test_has_the_widest_dtype_of_its_numbers(device, make, values, dtype):
    """`torch.tensor` and `as_tensor` take the widest kind of Python numbers: bool, int64, default dtype, complex."""
    same(getattr(torch, make)(values, device=device), numpy.asarray(values, dtype=str(dtype).removeprefix("torch.")))


@fact(*SUBJECTS, "torch.set_default_dtype")
@made
def test_takes_python_floats_for_the_default_dtype(device, make, double_by_default):
    """`torch.tensor` makes Python floats of the default dtype, and complex numbers of the complex one as precise."""
    same(getattr(torch, make)([1.5, 2.1], device=device), numpy.array([1.5, 2.1]))
    same(getattr(torch, make)([1.5 + 2.1j], device=device), numpy.array([1.5 + 2.1j]))


@fact(*SUBJECTS)
@made
@pytest.mark.parametrize("scalar", [numpy.float64(1.1), numpy.float16(1.5), numpy.int32(-3), numpy.uint8(3)], ids=repr)
def test_keeps_the_dtype_of_a_numpy_scalar(device, make, scalar):
    """`torch.tensor`, `as_tensor` and `asarray` of a NumPy scalar keep its dtype, in a tensor without dimensions."""
    same(getattr(torch, make)(scalar, device=device), numpy.asarray(scalar))


@fact(*SUBJECTS, claims=["T01"])
@made
@pytest.mark.parametrize(
    "values",
    [[[1.5, 2.5, 3.5], [4.5, 5.5, 6.5]], ((1.5, 2.5), (3.5, 4.5)), [[[1.5]], [[2.5]]]],
    ids=["2x3", "2x2", "3d"],
)
def test_of_nested_sequences_is_an_array_of_them(device, make, values):
    """`torch.tensor` of nested lists or tuples has a dimension for each level, outermost first, and is contiguous."""
    y = getattr(torch, make)(values, device=device)
    same(y, numpy.array(values, dtype="float32"))
    assert y.is_contiguous()


@fact(*SUBJECTS)
@made
@pytest.mark.parametrize(
    ("values", "dtype", "want"),
    [
        ([1.9, -1.9], torch.int64, [1, -1]),
        ([0.0, 2.5, math.nan], torch.bool, [False, True, True]),
        ([1, 2], torch.float16, [1.0, 2.0]),
        ([1e300, 0.1], torch.float32, [math.inf, 0.1]),
    ],
    ids=["int64", "bool", "float16", "float32"],
)
def test_converts_to_the_dtype_that_is_asked_for(device, make, values, dtype, want):
    """`torch.tensor(dtype=)` cuts fractions, takes what is not zero for True, and what is too large for infinity."""
    same(
        getattr(torch, make)(values, dtype=dtype, device=device),
        numpy.array(want, dtype=str(dtype).removeprefix("torch.")),
    )


@fact("torch.tensor", "torch.as_tensor")
@pytest.mark.parametrize("make", ["tensor", "as_tensor"])
@pytest.mark.parametrize(("data", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_refuses_what_is_no_table_of_numbers(make, data, error, words):
    """`torch.tensor` and `as_tensor` refuse text, bytes, None, dicts, lists of vectors, and a ragged [[1, 2], [3]]."""
    with pytest.raises(error, match=words):
        getattr(torch, make)(data)


@fact("torch.tensor")
@pytest.mark.parametrize(
    ("number", "dtype", "words"),
    [(300, torch.uint8, "without overflow"), (-129, torch.int8, "without overflow"), (1 << 63, None, "Overflow")],
    ids=["uint8", "int8", "int64"],
)
def test_refuses_an_integer_that_does_not_fit(device, number, dtype, words):
    """`torch.tensor` refuses an integer that the dtype cannot hold, rather than wrap it around: overflow."""
    with pytest.raises((RuntimeError, ValueError), match=words):
        torch.tensor([number], dtype=dtype, device=device)


@fact("torch.tensor")
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64])
def test_refuses_a_complex_number_for_a_real_dtype(device, dtype):
    """`torch.tensor` refuses to drop the imaginary part of a Python number."""
    with pytest.raises((TypeError, RuntimeError), match="complex|integer"):
        torch.tensor([1 + 2j], dtype=dtype, device=device)


@fact("torch.tensor")
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
def test_with_a_gradient_is_a_leaf(device, dtype):
    """`torch.tensor(requires_grad=True)` is a leaf of float or complex numbers, whose `grad` `backward` fills."""
    x = torch.tensor([1.5, 2.5], dtype=dtype, device=device, requires_grad=True)
    (x * 3).sum().abs().backward()
    same(x.grad, torch.tensor([3.0, 3.0], dtype=dtype))


@fact("torch.tensor", "torch.zeros", "torch.ones", "torch.empty")
@pytest.mark.parametrize("make", ["tensor", "zeros", "ones", "empty"])
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_of_integers_cannot_require_grad(device, make, dtype):
    """`torch.tensor`, `zeros` and others of integers refuse `requires_grad=True`: only Tensors of floating point."""
    with pytest.raises(RuntimeError, match="nly Tensors of floating point"):
        getattr(torch, make)((1, 2), dtype=dtype, device=device, requires_grad=True)


@fact("torch.tensor")
def test_of_a_tensor_copies_it_with_a_warning(device):
    """`torch.tensor(x)` of a tensor warns: To copy construct from a tensor, use `x.detach().clone()`."""
    with pytest.warns(UserWarning, match="To copy construct from a tensor"):
        y = torch.tensor(torch.tensor([1.5, 2.5], device=device))
    same(y, torch.tensor([1.5, 2.5]))


@fact("torch.tensor")
@pytest.mark.filterwarnings("ignore:To copy construct from a tensor")
def test_of_a_tensor_is_a_copy_outside_its_graph(device):
    """`torch.tensor(x)` of a tensor is a copy of it outside its graph."""
    x = torch.tensor([1.5, 2.5], device=device, requires_grad=True)
    y = torch.tensor(x)
    same(y, torch.tensor([1.5, 2.5]))
    assert not y.requires_grad and not shares(y, x)


@fact("torch.tensor")
@pytest.mark.parametrize("shape", [(), (1,), (1, 1)], ids=str)
def test_of_a_list_of_one_element_tensors_reads_their_numbers(device, shape):
    """`torch.tensor` of a list of tensors of one element gives a vector of their numbers."""
    parts = [torch.full(shape, number, device=device) for number in (1.5, 2.5)]
    same(torch.tensor(parts, device=device), torch.tensor([1.5, 2.5]))


@fact(*SUBJECTS)
@made
def test_reads_a_range(device, make):
    """`torch.tensor(range(2, 8, 3))` is a vector of int64, by `torch.as_tensor` and `asarray` too."""
    same(getattr(torch, make)(range(2, 8, 3), device=device), numpy.array([2, 5]))


# --- sharing and copying


@fact("torch.tensor", claims=["T01"], myth="a tensor made from an array shares its memory")
def test_of_an_array_copies_it():
    """`torch.tensor` of a NumPy array has its dtype and values, and memory of its own."""
    array_ = numpy.array([[1.5, 2.5], [3.5, 4.5]])
    y = torch.tensor(array_)
    array_[0, 0] = 9
    same(y, numpy.array([[1.5, 2.5], [3.5, 4.5]]))


@fact("torch.as_tensor", "torch.asarray", "torch.from_numpy")
@pytest.mark.parametrize("make", ["as_tensor", "asarray", "from_numpy"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int16", "bool", "complex64"])
def test_of_an_array_is_shared_by_the_other_makers(make, dtype):
    """`torch.as_tensor`, `asarray` and `from_numpy` of a NumPy array see what is written to it, and write to it."""
    array_ = numpy.arange(6).reshape(2, 3).astype(dtype)
    y = getattr(torch, make)(array_)
    array_[1, 2], y[0, 0] = 0, 1
    same(y, numpy.array([[1, 1, 2], [3, 4, 0]]).astype(dtype))
    assert array_[0, 0] == 1


@fact("torch.as_tensor", "torch.asarray")
@pytest.mark.parametrize("make", ["as_tensor", "asarray"])
def test_of_an_array_in_another_dtype_is_copied(make):
    """`torch.as_tensor` and `asarray` convert an array to another dtype in memory of its own."""
    array_ = numpy.array([1.5, 2.5], dtype="float32")
    y = getattr(torch, make)(array_, dtype=torch.float64)
    array_[0] = 9
    same(y, numpy.array([1.5, 2.5]))


@fact("torch.as_tensor", "torch.asarray")
@pytest.mark.parametrize("make", ["as_tensor", "asarray"])
def test_of_a_tensor_in_its_dtype_is_shared(device, make):
    """`torch.as_tensor` and `asarray` of a tensor in its own dtype share its memory."""
    x = torch.tensor([1.5, 2.5], device=device)
    y = getattr(torch, make)(x)
    same(y, torch.tensor([1.5, 2.5]))
    assert shares(y, x)


@fact("torch.as_tensor")
def test_of_as_tensor_keeps_the_graph(device):
    """`as_tensor` with another dtype converts a tensor inside the graph: its gradient comes back in the old dtype."""
    x = torch.tensor([1.5, 2.5], device=device, requires_grad=True)
    torch.as_tensor(x, dtype=torch.float64).backward(torch.tensor([3.0, 5.0], dtype=torch.float64, device=device))
    same(x.grad, torch.tensor([3.0, 5.0]))


@fact("torch.asarray")
@pytest.mark.parametrize("read", [torch.Tensor.clone, torch.Tensor.numpy], ids=["tensor", "array"])
def test_of_asarray_copies_when_told(read):
    """`torch.asarray(copy=True)` copies what it could share."""
    source = read(torch.tensor([1.5, 2.5]))
    y = torch.asarray(source, copy=True)
    source[0] = 9
    same(y, torch.tensor([1.5, 2.5]))


@fact("torch.asarray")
@pytest.mark.parametrize(
    ("source", "dtype"),
    [([1.5, 2.5], None), (torch.tensor([1.5]), torch.float64), (numpy.array([1, 2]), torch.int32)],
    ids=["list", "tensor", "array"],
)
def test_of_asarray_refuses_a_copy_when_told(source, dtype):
    """`torch.asarray(copy=False)` refuses what it could only copy: can't alias."""
    with pytest.raises(ValueError, match="can't alias"):
        torch.asarray(source, dtype=dtype, copy=False)


@fact("torch.asarray")
def test_of_asarray_leaves_the_graph_when_told(device):
    """`torch.asarray(requires_grad=False)` of a tensor that requires grad shares its memory outside the graph."""
    x = torch.tensor([1.5, 2.5], device=device, requires_grad=True)
    y = torch.asarray(x, requires_grad=False)
    assert not y.requires_grad and shares(y, x)
    same(y, torch.tensor([1.5, 2.5]))


@fact("torch.asarray", until="2.12", calls="not requires_grad, names requires_grad*|backward|Parameter")
@pytest.mark.filterwarnings("ignore:torch.asarray. unspecified requires_grad")
def test_of_asarray_left_the_graph_by_default(device):
    """`torch.asarray` of a tensor that requires grad does not require grad unless it is asked to."""
    x = torch.tensor([1.5, 2.5], device=device, requires_grad=True)
    y = torch.asarray(x)
    assert y.requires_grad is False


@fact("torch.asarray", since="2.12", calls="not requires_grad, names requires_grad*|backward|Parameter")
@pytest.mark.filterwarnings("ignore:torch.asarray. unspecified requires_grad")
def test_of_asarray_stays_in_the_graph_by_default(device):
    """`torch.asarray` of a tensor that requires grad requires grad, unless it is told not to."""
    x = torch.tensor([1.5, 2.5], device=device, requires_grad=True)
    torch.asarray(x * 2).backward(torch.tensor([3.0, 5.0], device=device))
    same(x.grad, torch.tensor([6.0, 10.0]))


# --- buffers and files


@fact("torch.frombuffer")
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64", "complex64"])
def test_of_a_buffer_reads_its_bytes(dtype):
    """`torch.frombuffer` reads the bytes of a writable buffer as numbers of `dtype`, in the order of this machine."""
    memory = bytearray(range(16))
    same(torch.frombuffer(memory, dtype=getattr(torch, dtype)), numpy.frombuffer(memory, dtype=dtype).copy())


@fact("torch.frombuffer", "torch.asarray")
@pytest.mark.parametrize("make", ["frombuffer", "asarray"])
def test_of_a_buffer_shares_it(make):
    """`torch.frombuffer` and `asarray` with a dtype share memory with a writable buffer."""
    memory = array.array("i", [1, 2, 3])
    y = getattr(torch, make)(memory, dtype=torch.int32)
    memory[1], y[2] = 7, 9
    same(y, torch.tensor([1, 7, 9], dtype=torch.int32))
    assert memory[2] == 9


@fact("torch.frombuffer")
@pytest.mark.parametrize(
    ("count", "offset", "want"), [(-1, 0, [1, 2, 3, 4]), (2, 0, [1, 2]), (-1, 4, [2, 3, 4]), (1, 8, [3])], ids=str
)
def test_of_a_part_of_a_buffer(count, offset, want):
    """`torch.frombuffer` begins `offset` bytes in, and takes `count` numbers, all that follow by default."""
    memory = bytearray(numpy.array([1, 2, 3, 4], dtype="int32").tobytes())
    same(torch.frombuffer(memory, dtype=torch.int32, count=count, offset=offset), numpy.array(want, dtype="int32"))


@fact("torch.frombuffer")
@pytest.mark.parametrize(
    ("size", "options", "words"),
    [
        (5, {}, "must be a multiple of element size"),
        (0, {}, "must not be 0"),
        (8, {"offset": 8}, "no greater than buffer length"),
        (8, {"offset": -1}, "must be non-negative"),
        (8, {"count": 3}, "must not be greater than actual buffer length"),
        (8, {"count": 0}, "must not be 0"),
    ],
    ids=["odd", "empty", "offset", "negative", "count", "none"],
)
def test_of_a_buffer_beyond_its_bytes_is_refused(size, options, words):
    """`torch.frombuffer` refuses to read a part of a number, nothing, or more bytes than there are."""
    with pytest.raises(ValueError, match=words):
        torch.frombuffer(bytearray(size), dtype=torch.int32, **options)


@fact("torch.frombuffer")
def test_of_no_buffer_is_refused():
    """`torch.frombuffer` refuses what does not implement Python buffer protocol, such as a list."""
    with pytest.raises(ValueError, match="does not implement Python buffer protocol"):
        torch.frombuffer([1, 2], dtype=torch.uint8)


@fact("torch.from_file")
def test_of_a_shared_file_writes_to_it(tmp_path):
    """`torch.from_file(shared=True)` maps a file: what is written to the tensor is written to the file."""
    file = tmp_path / "numbers"
    file.write_bytes(numpy.array([1.5, 2.5, 3.5]).tobytes())
    y = torch.from_file(str(file), shared=True, size=3, dtype=torch.float64)
    same(y, numpy.array([1.5, 2.5, 3.5]))
    y[1] = 9
    assert numpy.frombuffer(file.read_bytes()).tolist() == [1.5, 9, 3.5]


@fact("torch.from_file")
def test_of_a_file_leaves_it_by_default(tmp_path):
    """`torch.from_file` without `shared=True` leaves the file as it was."""
    file = tmp_path / "numbers"
    file.write_bytes(numpy.array([1.5, 2.5, 3.5], dtype="float32").tobytes())
    y = torch.from_file(str(file), size=2)
    y += 1
    same(y, torch.tensor([2.5, 3.5]))
    assert numpy.frombuffer(file.read_bytes(), dtype="float32").tolist() == [1.5, 2.5, 3.5]
