"""Tensors and NumPy arrays, `from_numpy` and `x.numpy`, and DLPack; `torch.tensor` of arrays is in `test_tensor.py`."""

import numpy
import pytest
import torch
from hypothesis import example, given

from torchproof import fact, same
from torchproof.fixtures.checks import shares
from torchproof.fixtures.strategies import Layout, layouts

DTYPES = [
    *("bool", "uint8", "int8", "int16", "int32", "int64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
]
UNSIGNED = ["uint16", "uint32", "uint64"]
WITHOUT_TENSOR = {
    "text": numpy.array(["a"]),
    "objects": numpy.array([object()]),
    "dates": numpy.array(["2020-01-01"], dtype="datetime64[D]"),
    "records": numpy.zeros(2, dtype=[("a", "int32")]),
}
UNREADABLE = {
    "requires grad": (lambda x: x.requires_grad_(), RuntimeError, "requires grad"),
    "conjugate": (lambda x: x.to(torch.complex64).conj(), RuntimeError, "conjugate bit"),
    "negative": (lambda x: x.to(torch.complex64).conj().imag, RuntimeError, "negative bit"),
    "sparse": (lambda x: x.to_sparse(), TypeError, "Sparse layout"),
    "meta": (lambda x: x.to("meta"), TypeError, "meta"),
    "bfloat16": (lambda x: x.to(torch.bfloat16), TypeError, "BFloat16"),
}


# --- from arrays


@fact("torch.from_numpy", claims=["T01"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_array_becomes_a_tensor_of_the_dtype_of_that_name(dtype):
    """`from_numpy` gives a tensor of the dtype that has the same name as the array's, and of its shape and values."""
    array = numpy.array([[0, 1, 2], [3, 4, 5]]).astype(dtype)
    y = torch.from_numpy(array)
    assert str(y.dtype) == f"torch.{dtype}"
    same(y, array.copy())


@fact("torch.from_numpy", "torch.uint16", "torch.uint32", "torch.uint64")
@pytest.mark.parametrize("dtype", UNSIGNED)
def test_array_of_wide_unsigned_integers_becomes_a_tensor(dtype):
    """`torch.from_numpy` takes unsigned integers of 16, 32 and 64 bits."""
    y = torch.from_numpy(numpy.array([1, 65535], dtype=dtype))
    assert y.dtype is getattr(torch, dtype)
    assert y.tolist() == [1, 65535]


@fact(
    "torch.from_numpy",
    until="2.3",
    calls="names uint16|uint32|uint64",
    gain=True,
    claims=["T02"],
    myth="tensors have the dtypes of NumPy arrays",
)
@pytest.mark.parametrize("dtype", UNSIGNED)
def test_array_of_wide_unsigned_integers_was_refused(dtype):
    """`torch.from_numpy` refuses uint16, 32 and 64: "can't convert np.ndarray of type numpy.uint"."""
    with pytest.raises(TypeError, match="can't convert np.ndarray of type numpy.uint"):
        torch.from_numpy(numpy.zeros(2, dtype=dtype))


@fact("torch.from_numpy", "torch.as_tensor", claims=["T02"], myth="tensors have the dtypes of NumPy arrays")
@pytest.mark.parametrize("array", WITHOUT_TENSOR.values(), ids=WITHOUT_TENSOR)
@pytest.mark.parametrize("make", ["from_numpy", "as_tensor"])
def test_array_without_numbers_is_refused(make, array):
    """`torch.from_numpy` and `as_tensor` refuse text, objects, dates and records: can't convert np.ndarray of type."""
    with pytest.raises(TypeError, match="can't convert np.ndarray of type numpy"):
        getattr(torch, make)(array)


@fact("torch.from_numpy")
@given(layout=layouts(min_dims=1))
@example(layout=Layout((3, 2), (1, 3), 2))
def test_array_keeps_its_strides(layout):
    """`torch.from_numpy` takes an array as it lies: permuted, sliced and offset, without a copy."""
    memory = numpy.arange(layout.reach)
    steps = tuple(stride * memory.itemsize for stride in layout.strides)
    y = torch.from_numpy(numpy.lib.stride_tricks.as_strided(memory[layout.offset :], layout.shape, steps))
    memory += 100
    same(y, layout.places() + 100)


@fact("torch.from_numpy", "torch.as_tensor", "torch.asarray", "torch.tensor", claims=["T05"],
      myth="indexing works exactly as in NumPy")  # fmt: skip
@pytest.mark.parametrize("make", ["from_numpy", "as_tensor", "asarray", "tensor"])
def test_array_that_is_read_backwards_is_refused(make):
    """`torch.from_numpy`, `torch.tensor` and others refuse an array with a negative stride, as `array[::-1]` has."""
    with pytest.raises(ValueError, match="stride.* negative"):
        getattr(torch, make)(numpy.arange(3.0)[::-1])


@fact("torch.from_numpy")
def test_array_of_foreign_byte_order_is_refused():
    """`torch.from_numpy` refuses an array of the other byte order: byte order different from the native."""
    foreign = numpy.dtype("float32").newbyteorder()
    with pytest.raises(ValueError, match="byte order different from the native"):
        torch.from_numpy(numpy.zeros(2).astype(foreign))


@fact("torch.from_numpy")
@pytest.mark.parametrize("value", [[1.5], numpy.float64(1.5), 1.5], ids=["list", "scalar", "float"])
def test_array_alone_is_taken(value):
    """`torch.from_numpy` refuses a list, a number and a NumPy scalar: expected np.ndarray."""
    with pytest.raises(TypeError, match="expected np.ndarray"):
        torch.from_numpy(value)


@fact("torch.from_numpy")
@pytest.mark.parametrize("shape", [(0,), (2, 0, 3), (), (1, 1)], ids=str)
def test_array_may_be_empty_or_without_dimensions(shape):
    """`torch.from_numpy` keeps the shape of an array that is empty or has no dimensions."""
    same(torch.from_numpy(numpy.full(shape, 1.5)), numpy.full(shape, 1.5))


# --- to arrays


@fact("torch.Tensor.numpy", claims=["T07"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_tensor_becomes_an_array_of_the_dtype_of_that_name(dtype):
    """`x.numpy()` gives an array that shares memory, of the dtype with the tensor's name, and of its shape."""
    x = torch.tensor([[0, 1, 2], [3, 4, 5]]).to(getattr(torch, dtype))
    y = x.numpy()
    x[1, 0] = 0
    want = numpy.array([[0, 1, 2], [0, 4, 5]]).astype(dtype)
    assert (type(y), y.dtype, y.tolist()) == (numpy.ndarray, want.dtype, want.tolist())


@fact("torch.Tensor.numpy", claims=["T07"])
@given(layout=layouts(overlap=True))
@example(layout=Layout((3, 2), (1, 3), 2))
@example(layout=Layout((2, 3), (0, 1)))
def test_tensor_of_any_strides_shares_memory_with_its_array(layout):
    """`x.numpy()` of a permuted, sliced, offset or expanded tensor shares its memory and its strides."""
    memory = torch.arange(layout.reach)
    y = memory.as_strided(*layout).numpy()
    memory += 100
    assert y.tolist() == (layout.places() + 100).tolist()
    assert y.strides == tuple(8 * stride for stride in layout.strides)


@fact("torch.Tensor.numpy", claims=["T07"])
def test_tensor_sees_what_is_written_to_its_array():
    """A write to what `x.numpy()` gave is seen in the tensor."""
    x = torch.tensor([1.5, 2.5])
    x.numpy()[0] = 9
    same(x, torch.tensor([9.0, 2.5]))


@fact("torch.Tensor.numpy", claims=["T07"], myth="`numpy()` works on every tensor", hint="x.numpy(force=True)")
@pytest.mark.parametrize(("prepare", "error", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_tensor_that_an_array_cannot_be_is_refused(prepare, error, words):
    """`x.numpy()` refuses what requires grad, is conjugated or negated lazily, sparse, without memory, or bfloat16."""
    x = prepare(torch.tensor([[1.5, 2.5]]))
    with pytest.raises(error, match=words):
        x.numpy()


@fact(
    "torch.Tensor.numpy",
    claims=["T02"],
    myth="tensors have the dtypes of NumPy arrays",
    since="2.1",
    calls="names float8_*",
)
@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2"])
def test_tensor_of_eight_bit_floats_is_refused(name):
    """`x.numpy()` of float8 is refused: unsupported ScalarType Float8."""
    x = torch.tensor([1.5, 2.5]).to(getattr(torch, name))
    with pytest.raises(TypeError, match="unsupported ScalarType Float8"):
        x.numpy()


@fact("torch.Tensor.numpy")
@pytest.mark.parametrize("kind", ["requires grad", "conjugate", "negative"])
def test_tensor_is_read_by_force(kind):
    """`x.numpy(force=True)` detaches, conjugates and negates first, where `numpy()` refuses to."""
    x = UNREADABLE[kind][0](
        torch.tensor([1.5, -2.5]) * 2 if kind == "requires grad" else torch.tensor([3 - 1j, 1 + 2j])
    )
    want = {"requires grad": [3, -5], "conjugate": [3 + 1j, 1 - 2j], "negative": [1, -2]}[kind]
    assert x.numpy(force=True).tolist() == want


@fact("torch.Tensor.numpy")
def test_tensor_by_force_shares_memory_where_it_can():
    """`x.numpy(force=True)` of a tensor that requires grad shares its memory."""
    x = torch.tensor([1.5, 2.5], requires_grad=True)
    x.numpy(force=True)[0] = 9
    same(x.detach(), torch.tensor([9.0, 2.5]))


@fact("torch.Tensor.numpy", claims=["T03", "T07"])
def test_tensor_on_a_gpu_is_refused(accelerator):
    """`x.numpy()` refuses a tensor on a GPU: "Use Tensor.cpu()", which brings it to where arrays are."""
    x = torch.tensor([1.5, 2.5], device=accelerator)
    with pytest.raises(TypeError, match=r"Use Tensor.cpu\(\)"):
        x.numpy()
    assert x.cpu().numpy().tolist() == [1.5, 2.5]


@fact("torch.Tensor.__array__")
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_tensor_is_read_by_numpy(dtype):
    """`numpy.asarray` of a tensor has its values, in the dtype that NumPy is asked for."""
    y = numpy.asarray(torch.tensor([[1.0, 2.0], [3.0, 4.5]]), dtype=dtype)
    assert (y.dtype, y.tolist()) == (numpy.dtype(dtype), numpy.array([[1, 2], [3, 4.5]]).astype(dtype).tolist())


@fact("torch.Tensor.__array__", claims=["T06"])
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("function", "want"), [(numpy.sqrt, [1.5, 2.5]), (numpy.negative, [-2.25, -6.25])], ids=["sqrt", "negative"]
)
def test_tensor_goes_through_a_ufunc_of_numpy(function, want):
    """`numpy.sqrt` and `numpy.negative` of a tensor give a tensor."""
    same(function(torch.tensor([2.25, 6.25])), torch.tensor(want))


@fact("torch.Tensor.__array__")
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
def test_tensor_shares_memory_with_what_numpy_reads():
    """`numpy.asarray` of a tensor in its own dtype shares its memory."""
    x = torch.tensor([1.5, 2.5])
    numpy.asarray(x)[0] = 9
    same(x, torch.tensor([9.0, 2.5]))


@fact("torch.Tensor.__array__", claims=["T06"])
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
def test_tensor_that_requires_grad_is_not_read_by_numpy():
    """`numpy.asarray` of a tensor that requires grad is refused: Use tensor.detach().numpy() instead."""
    with pytest.raises(RuntimeError, match=r"Use tensor.detach\(\).numpy\(\)"):
        numpy.asarray(torch.ones(2, requires_grad=True))


@fact("torch.Tensor.backward", claims=["T03"], myth="all that sets a tensor apart from an array is the GPU")
def test_tensor_has_a_gradient_that_an_array_has_not():
    """`backward` fills `x.grad` of a tensor on the CPU, where a NumPy array has no `grad`."""
    x = torch.tensor([1.5, 2.5], requires_grad=True)
    (x**2).sum().backward()
    same(x.grad, torch.tensor([3.0, 5.0]))
    assert not hasattr(x.detach().numpy(), "grad")


@fact("torch.Tensor.to", "torch.Tensor.device", claims=["T03"])
def test_tensor_lives_on_a_gpu(accelerator):
    """`x.to(device)` moves a tensor to a GPU, which computes with it and gives what the CPU gives."""
    x = torch.tensor([1.5, 2.5]).to(accelerator)
    assert (x * 2).device.type == accelerator
    same(x * 2, torch.tensor([3.0, 5.0]))


# --- DLPack


@fact("torch.from_dlpack")
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float16", "float32", "float64", "complex64"])
def test_dlpack_shares_an_array(dtype):
    """`from_dlpack` of a NumPy array shares its memory, with its dtype and shape."""
    array = numpy.array([[1, 2, 3], [4, 5, 6]]).astype(dtype)
    y = torch.from_dlpack(array)
    same(y, array.copy())
    array[0, 1] = 9
    assert y[0, 1] == 9


@fact("torch.Tensor.__dlpack__", "torch.Tensor.__dlpack_device__")
@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.int32, torch.int64, torch.float32, torch.float64, torch.complex64]
)
def test_dlpack_shares_a_tensor(dtype):
    """`numpy.from_dlpack` of a tensor shares its memory, with its dtype and shape."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], dtype=dtype)
    y = numpy.from_dlpack(x.t())
    assert (y.dtype, y.shape, y.tolist()) == (x.numpy().dtype, (3, 2), [[1, 4], [2, 5], [3, 6]])
    x[0, 1] = 9
    assert y[1, 0] == 9


@fact("torch.from_dlpack", "torch.utils.dlpack.from_dlpack")
@pytest.mark.parametrize("owner", [torch, torch.utils.dlpack], ids=["torch", "utils"])
def test_dlpack_of_a_tensor_keeps_offset_and_strides(device, owner):
    """`from_dlpack` of a view of a tensor shares its memory, and has its strides."""
    x = torch.arange(12.0, device=device).view(3, 4)[1:, ::2]
    y = owner.from_dlpack(x)
    same(y, numpy.array([[4, 6], [8, 10]], dtype="float32"))
    assert y.stride() == (4, 2) and shares(y, x)


@fact("torch.utils.dlpack.to_dlpack", "torch.utils.dlpack.from_dlpack")
def test_dlpack_capsule_is_taken_once(device):
    """A capsule of `to_dlpack` gives a tensor of that memory once: a second time it "can be consumed only once"."""
    x = torch.tensor([1.5, 2.5], device=device)
    capsule = torch.utils.dlpack.to_dlpack(x)
    y = torch.utils.dlpack.from_dlpack(capsule)
    assert shares(y, x)
    with pytest.raises(RuntimeError, match="can be consumed only once"):
        torch.utils.dlpack.from_dlpack(capsule)


@fact("torch.Tensor.__dlpack_device__")
def test_dlpack_device_of_the_cpu_is_one():
    """`__dlpack_device__` of a tensor on the CPU is DLPack's number of it, with index 0."""
    assert torch.ones(2).__dlpack_device__() == (1, 0)


@fact("torch.Tensor.__dlpack__")
@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda x: x.requires_grad_(), "require gradient"),
        (lambda x: x.to(torch.complex64).conj(), "conjugate bit"),
        (lambda x: x.to_sparse(), "layout other than torch.strided"),
    ],
    ids=["requires grad", "conjugate", "sparse"],
)
def test_dlpack_refuses_what_it_cannot_say(prepare, words):
    """`__dlpack__` refuses a tensor that requires grad, is conjugated lazily or is sparse."""
    x = prepare(torch.ones(2))
    with pytest.raises((RuntimeError, BufferError), match=words):
        x.__dlpack__()


@fact("torch.Tensor.__dlpack__", since="2.9", calls="max_version", gain=True)
def test_dlpack_capsule_is_of_the_version_that_is_understood():
    """`__dlpack__` gives a capsule of DLPack 1.0 where `max_version` admits it."""
    assert '"dltensor_versioned"' in repr(torch.ones(2).__dlpack__(max_version=(1, 0)))


# --- copies


@fact("torch.Tensor.clone", "torch.Tensor.detach", claims=["T01"])
def test_copy_of_an_array_is_made_by_clone():
    """`clone` of what `from_numpy` gave no longer sees the array."""
    array = numpy.array([1.5, 2.5])
    y = torch.from_numpy(array).clone()
    array[0] = 9
    same(y, numpy.array([1.5, 2.5]))
