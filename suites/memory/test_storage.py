"""How much memory a tensor has, its storage, and what happens where none is left; for how long is in test_graph."""

import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.fact import unavailable

SIZES = {
    torch.float64: 8, torch.float32: 4, torch.float16: 2, torch.bfloat16: 2, torch.complex64: 8, torch.complex128: 16,
    torch.int64: 8, torch.int32: 4, torch.int16: 2, torch.int8: 1, torch.uint8: 1, torch.bool: 1,
}  # fmt: skip


@fact("torch.Tensor.element_size", "torch.Tensor.nbytes", "torch.Tensor.itemsize", since="2.1", calls="none")
@pytest.mark.parametrize("dtype", SIZES, ids=lambda dtype: str(dtype).removeprefix("torch."))
def test_is_what_the_dtype_says(device, dtype):
    """`nbytes` of a new dense tensor and its storage is its number of elements times the `itemsize` of its dtype."""
    x = torch.zeros(3, 5, dtype=dtype, device=device)
    assert (x.element_size(), x.itemsize, dtype.itemsize) == (SIZES[dtype],) * 3
    assert x.nbytes == x.untyped_storage().nbytes() == 15 * SIZES[dtype]


@fact("torch.Tensor.to", claims=["E06"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_is_halved_by_16_bits(device, dtype):
    """`x.to(torch.float16)` or `x.to(torch.bfloat16)` takes half of the memory that a float32 `x` takes."""
    x = torch.tensor([0.5, 1.5, -2.0], device=device)
    y = x.to(dtype)
    assert x.untyped_storage().nbytes() == 2 * y.untyped_storage().nbytes() == 12
    same(y, torch.tensor([0.5, 1.5, -2.0], dtype=dtype))


@fact("torch.nn.Module.to", claims=["E06"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_of_a_model_is_halved_by_16_bits(device, dtype):
    """`Module.to(torch.float16)`, or to bfloat16, halves the memory of a model's parameters."""
    model = torch.nn.Linear(10, 4, device=device)
    before = sum(p.untyped_storage().nbytes() for p in model.parameters())
    after = sum(p.untyped_storage().nbytes() for p in model.to(dtype).parameters())
    assert (before, after) == (44 * 4, 44 * 2)


@fact("torch.autocast", claims=["E06"], myth="autocast halves the memory of the weights")
def test_of_weights_is_not_halved_by_autocast():
    """Under `autocast` weights and gradients of `nn.Linear` stay in float32: only its result is of 16 bits."""
    model = torch.nn.Linear(10, 4)
    with torch.autocast("cpu", torch.bfloat16):
        y = model(torch.ones(2, 10))
    y.sum().backward()
    assert (y.dtype, model.weight.dtype, model.weight.grad.dtype) == (torch.bfloat16, torch.float32, torch.float32)


@fact("torch.empty", "torch.zeros")
@pytest.mark.parametrize("name", ["empty", "zeros"])
def test_that_is_not_there_is_refused(name):
    """`torch.empty` or `zeros` out of memory on the CPU is a RuntimeError, "can't allocate memory", and all goes on."""
    with pytest.raises(RuntimeError, match="can't allocate memory|not enough memory|out of memory"):
        getattr(torch, name)(2**58, dtype=torch.uint8)
    same(torch.zeros(2), torch.tensor([0.0, 0.0]))


@fact("torch.empty")
def test_of_more_than_64_bits_is_refused():
    """`torch.empty` of more bytes than 64 bits count is refused with RuntimeError of an "overflow"."""
    with pytest.raises(RuntimeError, match="overflow"):
        torch.empty(2**40, 2**40)


@fact("torch.empty_strided")
def test_reaches_as_far_as_its_strides():
    """`empty_strided` takes the memory that its strides reach over, not that of its elements."""
    x = torch.empty_strided((2, 3), (10, 1))
    assert x.untyped_storage().nbytes() == (10 + 3) * 4
    assert (x.shape, x.stride()) == ((2, 3), (10, 1))


@fact("torch.Tensor.resize_", myth="resize_ gives memory back")
def test_is_kept_by_a_tensor_that_shrinks(device):
    """`resize_` to fewer elements keeps the whole memory, so that what was there comes back with the old size."""
    x = torch.tensor([1.0, 2.0, 3.0], device=device)
    y = x.resize_(2)
    assert y is x and x.untyped_storage().nbytes() == 12
    same(x, torch.tensor([1.0, 2.0]))
    same(x.resize_(3), torch.tensor([1.0, 2.0, 3.0]))


@fact("torch.Tensor.is_pinned")
def test_is_not_pinned_unless_asked_for():
    """`is_pinned` is False of memory of the CPU that was not asked to be pinned."""
    assert torch.ones(2).is_pinned() is False
    assert torch.empty(0).is_pinned() is False


# --- storages


class Wrong:
    """What stands for a storage in the world where it holds something else."""

    nbytes = size = data_ptr = tolist = lambda self, *arguments: -1
    is_shared = lambda self: None  # noqa: E731
    dtype = device = None

    def __init__(self, *arguments, **named):
        pass

    def __len__(self):
        return 99

    def __getitem__(self, place):
        return -5

    def __setitem__(self, place, value):
        pass


def other_bytes(patch):
    """A storage holds other bytes than were put into it."""
    patch.setattr(torch, "UntypedStorage", Wrong)
    patch.setattr(torch, "TypedStorage", Wrong)


@fact("torch.UntypedStorage", refuter=other_bytes)
def test_of_a_storage_is_a_row_of_bytes():
    """`torch.UntypedStorage([1, 2, 255])` is like a bytearray on the CPU: bytes that are read and written by place."""
    bytes_ = torch.UntypedStorage([1, 2, 255])
    assert (len(bytes_), bytes_.nbytes(), bytes_.tolist()) == (3, 3, [1, 2, 255])
    bytes_[1] = 9
    assert (bytes_[1], bytes_.device) == (9, torch.device("cpu"))


@fact("torch.Tensor.untyped_storage")
def test_of_a_view_is_that_of_the_whole(device):
    """`untyped_storage` of a view is that of the whole tensor: every byte of it, and not the view's alone."""
    x = torch.tensor([1.0, 2.0, 3.0, 4.0], device=device)
    view = x[1::2].untyped_storage()
    assert (view.nbytes(), view.data_ptr()) == (16, x.data_ptr())


@fact("torch.TypedStorage", refuter=other_bytes)
@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_of_a_typed_storage_is_a_row_of_numbers():
    """A `TypedStorage` is a row of numbers of one dtype."""
    numbers = torch.TypedStorage([1.5, 2.5, 4.5], dtype=torch.float64)
    assert (len(numbers), numbers.nbytes(), numbers.dtype) == (3, 24, torch.float64)
    assert [numbers[0], numbers[1], numbers[2]] == [1.5, 2.5, 4.5]


@fact("torch.Tensor.storage")
@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_of_the_old_storage_is_shared_with_the_tensor(device):
    """`Tensor.storage` gives the whole memory of a tensor, also of a view, as numbers that are written through."""
    x = torch.tensor([1.5, 2.5, 4.5], device=device)
    numbers = x[1:].storage()
    assert (len(numbers), numbers[2], numbers.dtype) == (3, 4.5, torch.float32)
    numbers[0] = 9.0
    same(x, torch.tensor([9.0, 2.5, 4.5]))


@fact("torch.is_storage")
@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_is_no_tensor():
    """`is_storage` says True of a storage of either kind, and False of a tensor."""
    x = torch.ones(2)
    assert torch.is_storage(x.untyped_storage()) is torch.is_storage(x.storage()) is True
    assert torch.is_storage(x) is torch.is_storage([1, 2]) is False


@fact("torch.Tensor.set_")
def test_of_another_tensor_is_taken_over(device):
    """`set_` takes over memory, shape and strides of another tensor, and returns the tensor."""
    x, y = torch.zeros(5, device=device), torch.tensor([[1.5, 2.5], [3.5, 4.5]], device=device)
    assert x.set_(y.t()) is x
    same(x, torch.tensor([[1.5, 3.5], [2.5, 4.5]]))
    y[0, 1] = 9.0
    assert x[1, 0] == 9.0


@fact("torch.Tensor.set_")
def test_of_a_storage_is_taken_over_with_a_layout(device):
    """`set_` of a storage takes an offset, a shape and strides, which count elements."""
    numbers = torch.arange(8.0, device=device)
    x = torch.zeros(1, device=device).set_(numbers.untyped_storage(), 1, (2, 3), (3, 1))
    same(x, torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    assert (x.stride(), x.storage_offset()) == ((3, 1), 1)


@fact("torch.Tensor.set_")
def test_of_another_dtype_is_not_taken_over(device):
    """`set_` refuses a tensor of another dtype: "Could not set tensor of type"."""
    with pytest.raises(RuntimeError, match="Could not set tensor of type"):
        torch.zeros(1, device=device).set_(torch.arange(3, device=device))


@fact("torch.Tensor.is_set_to")
@pytest.mark.parametrize(
    ("other", "is_same"),
    [(lambda x: x.view(4), True), (lambda x: x[:2], False), (lambda x: x.clone(), False), (lambda x: x[None], False)],
    ids=["view", "part", "clone", "shape"],
)
def test_is_known_by_layout_and_place(device, other, is_same):
    """`is_set_to` says whether another tensor is the same memory in the same shape and strides."""
    x = torch.arange(4.0, device=device)
    assert x.is_set_to(other(x)) is is_same


@fact("torch.as_strided_")
def test_is_laid_out_anew_in_place(device):
    """`as_strided_` gives the tensor itself another shape, strides and offset over the same memory."""
    x = torch.arange(6.0, device=device)
    y = x.view(6)
    assert torch.as_strided_(x, (2, 2), (1, 3), 1) is x
    same(x, torch.tensor([[1.0, 4.0], [2.0, 5.0]]))
    assert x.stride() == (1, 3) and x.data_ptr() == y[1:].data_ptr()


@fact("torch.Tensor.resize_as_")
def test_is_sized_as_another(device):
    """`resize_as_` gives the tensor itself the shape of another, and keeps the memory that it has."""
    x = torch.arange(6.0, device=device)
    assert x.resize_as_(torch.zeros(2, 2, device=device)) is x
    same(x, torch.tensor([[0.0, 1.0], [2.0, 3.0]]))
    assert x.untyped_storage().nbytes() == 24


@fact("torch.Tensor.resize_as_")
def test_is_sized_as_another_in_a_memory_format(device):
    """`resize_as_(memory_format=torch.channels_last)` reads the memory in that order, in the shape of another."""
    y = torch.arange(8.0, device=device)
    y.resize_as_(torch.zeros(1, 2, 2, 2, device=device), memory_format=torch.channels_last)
    same(y, torch.tensor([[[[0.0, 2.0], [4.0, 6.0]], [[1.0, 3.0], [5.0, 7.0]]]]))


@fact("torch.Tensor.share_memory_", "torch.Tensor.is_shared")
def test_of_other_processes_is_asked_for():
    """`share_memory_` moves a tensor of the CPU into shared memory, with its views and values, and not its clones."""
    x = torch.tensor([1.5, 2.5])
    assert x.is_shared() is False
    assert x.share_memory_() is x
    assert (x.is_shared(), x[1:].is_shared(), x.clone().is_shared()) == (True, True, False)
    same(x, torch.tensor([1.5, 2.5]))


@fact("torch.Tensor.pin_memory", hint="pin_memory=torch.cuda.is_available()")
def test_is_not_pinned_without_a_gpu():
    """`pin_memory` without a GPU raises RuntimeError of "CUDA", of the "NVIDIA" driver or of an "accelerator"."""
    if torch.cuda.is_available():
        unavailable("platform", "no GPU")
    with pytest.raises(RuntimeError, match="CUDA|NVIDIA|accelerator"):
        torch.ones(2).pin_memory()


@fact("torch.Tensor.pin_memory", "torch.Tensor.is_pinned")
@pytest.mark.gpu
def test_is_pinned_for_a_gpu():
    """`pin_memory` with a GPU gives a copy of which `is_pinned` is True, with the same values."""
    pinned = torch.tensor([1.5, 2.5]).pin_memory()
    same(pinned, torch.tensor([1.5, 2.5]))
    assert pinned.is_pinned() is True


@fact("torch.Tensor.cpu")
def test_of_the_cpu_is_not_copied():
    """`cpu()` of a tensor that is on the CPU already gives it itself, in its layout."""
    x = torch.tensor([[1.5, 2.5], [3.5, 4.5]]).t()
    y = x.cpu()
    assert y is x
    assert (y.stride(), y.is_cpu) == ((1, 2), True)


@fact("torch.Tensor.cpu")
def test_of_no_data_is_not_brought_to_the_cpu():
    """`cpu()` of a meta tensor is refused: "Cannot copy out of meta tensor; no data"."""
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor; no data"):
        torch.ones(2, device="meta").cpu()


@fact("torch.Tensor.dim_order")
@pytest.mark.parametrize(
    ("lie", "order"),
    [
        (lambda x: x, (0, 1, 2, 3)),
        (lambda x: x.transpose(1, 2), (0, 2, 1, 3)),
        (lambda x: x.to(memory_format=torch.channels_last), (0, 2, 3, 1)),
    ],
    ids=["contiguous", "transposed", "channels_last"],
)
def test_is_told_from_the_outermost_dimension(device, lie, order):
    """`dim_order` gives the dimensions from the one with the largest stride to the one with the smallest."""
    assert lie(torch.zeros(2, 3, 5, 7, device=device)).dim_order() == order


@fact("torch.cuda.empty_cache", "torch.cuda.memory_allocated", "torch.cuda.memory_reserved", claims=["E02"],
      myth="empty_cache() frees memory that my tensors take")  # fmt: skip
def test_of_the_cache_goes_back_and_that_of_tensors_stays(accelerator):
    """`torch.cuda.empty_cache` gives back what no tensor uses, and leaves what one does."""
    memory = getattr(torch, accelerator)
    x = torch.full((1 << 22,), 2.0, device=accelerator)
    y = torch.empty(1 << 24, device=accelerator)
    allocated, reserved = memory.memory_allocated(), memory.memory_reserved()
    del y
    cached = memory.memory_reserved()
    memory.empty_cache()
    assert memory.memory_allocated() == allocated - (1 << 26)
    assert memory.memory_reserved() <= reserved - (1 << 26) < cached
    assert x.sum().item() == 2 << 22


@fact("torch.cuda.OutOfMemoryError", "torch.cuda.empty_cache", claims=["E01"])
def test_of_the_gpu_is_refused_and_goes_on(accelerator):
    """`torch.empty` beyond the GPU's memory raises `OutOfMemoryError`, "CUDA out of memory", and all goes on."""
    with pytest.raises(torch.cuda.OutOfMemoryError, match=f"(?i){accelerator} out of memory") as caught:
        torch.empty(1 << 50, dtype=torch.uint8, device=accelerator)
    assert isinstance(caught.value, RuntimeError)
    same(torch.zeros(2, device=accelerator), torch.tensor([0.0, 0.0]))


@fact("torch.cuda.max_memory_allocated", "torch.cuda.reset_peak_memory_stats")
def test_peak_is_told_until_it_is_reset(accelerator):
    """`torch.cuda.max_memory_allocated` tells the peak since `reset_peak_memory_stats`."""
    memory = getattr(torch, accelerator)
    memory.reset_peak_memory_stats()
    before = memory.memory_allocated()
    x = torch.empty(1 << 20, device=accelerator)
    del x
    assert memory.max_memory_allocated() == before + (1 << 22)
    memory.reset_peak_memory_stats()
    assert memory.max_memory_allocated() == before
