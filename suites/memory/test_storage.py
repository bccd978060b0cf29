"""How much memory a tensor has, and what happens where there is none left."""

import pytest
import torch

from fixtures.checks import same
from fixtures.fact import fact

SIZES = {
    torch.float64: 8, torch.float32: 4, torch.float16: 2, torch.bfloat16: 2, torch.complex64: 8, torch.complex128: 16,
    torch.int64: 8, torch.int32: 4, torch.int16: 2, torch.int8: 1, torch.uint8: 1, torch.bool: 1,
}  # fmt: skip


@fact("torch.Tensor.element_size", "torch.Tensor.nbytes", "torch.Tensor.itemsize", since="2.1")
@pytest.mark.parametrize("dtype", SIZES, ids=lambda dtype: str(dtype).removeprefix("torch."))
def test_is_what_the_dtype_says(device, dtype):
    """A tensor takes its elements times the bytes of its dtype."""
    x = torch.zeros(3, 5, dtype=dtype, device=device)
    assert (x.element_size(), x.itemsize, dtype.itemsize) == (SIZES[dtype],) * 3
    assert x.nbytes == x.untyped_storage().nbytes() == 15 * SIZES[dtype]


@fact("torch.Tensor.to", claims=["E06"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_is_halved_by_16_bits(device, dtype):
    """A tensor in 16 bits takes half of the memory that it takes in float32."""
    x = torch.tensor([0.5, 1.5, -2.0], device=device)
    y = x.to(dtype)
    assert x.untyped_storage().nbytes() == 2 * y.untyped_storage().nbytes() == 12
    same(y, torch.tensor([0.5, 1.5, -2.0], dtype=dtype))


@fact("torch.nn.Module.to", claims=["E06"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_of_a_model_is_halved_by_16_bits(device, dtype):
    """A model in 16 bits takes half the memory for its parameters, and as many bytes for their gradients."""
    model = torch.nn.Linear(10, 4, device=device)
    before = sum(p.untyped_storage().nbytes() for p in model.parameters())
    after = sum(p.untyped_storage().nbytes() for p in model.to(dtype).parameters())
    assert (before, after) == (44 * 4, 44 * 2)


@fact("torch.autocast", claims=["E06"], myth="autocast halves the memory of the weights")
def test_of_weights_is_not_halved_by_autocast():
    """Under `autocast` weights and their gradients stay in float32: only results are of 16 bits."""
    model = torch.nn.Linear(10, 4)
    with torch.autocast("cpu", torch.bfloat16):
        y = model(torch.ones(2, 10))
    y.sum().backward()
    assert (y.dtype, model.weight.dtype, model.weight.grad.dtype) == (torch.bfloat16, torch.float32, torch.float32)


@fact("torch.empty", "torch.zeros")
@pytest.mark.parametrize("name", ["empty", "zeros"])
def test_that_is_not_there_is_refused(name):
    """More memory than there is is refused with RuntimeError on the CPU, and afterwards all goes on."""
    with pytest.raises(RuntimeError, match="can't allocate memory|not enough memory|out of memory"):
        getattr(torch, name)(2**58, dtype=torch.uint8)
    same(torch.zeros(2), torch.tensor([0.0, 0.0]))


@fact("torch.empty")
def test_of_more_than_64_bits_is_refused():
    """A tensor of more bytes than 64 bits count is refused with RuntimeError."""
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
    """Memory of the CPU is not pinned unless it was asked for."""
    assert torch.ones(2).is_pinned() is False
    assert torch.empty(0).is_pinned() is False


@fact("torch.cuda.empty_cache", "torch.cuda.memory_allocated", "torch.cuda.memory_reserved", claims=["E02"],
      myth="empty_cache() frees memory that my tensors take")  # fmt: skip
@pytest.mark.gpu
def test_of_the_cache_goes_back_and_that_of_tensors_stays():
    """`empty_cache` gives back what no tensor uses, and leaves what one does."""
    x = torch.full((1 << 22,), 2.0, device="cuda")
    y = torch.empty(1 << 24, device="cuda")
    allocated, reserved = torch.cuda.memory_allocated(), torch.cuda.memory_reserved()
    del y
    cached = torch.cuda.memory_reserved()
    torch.cuda.empty_cache()
    assert torch.cuda.memory_allocated() == allocated - (1 << 26)
    assert torch.cuda.memory_reserved() <= reserved - (1 << 26) < cached
    assert x.sum().item() == 2 << 22


@fact("torch.cuda.OutOfMemoryError", "torch.cuda.empty_cache")
@pytest.mark.gpu
def test_of_the_gpu_is_refused_and_goes_on():
    """More memory than the GPU has raises OutOfMemoryError, a RuntimeError, and afterwards all goes on."""
    with pytest.raises(torch.cuda.OutOfMemoryError, match="out of memory") as caught:
        torch.empty(1 << 50, dtype=torch.uint8, device="cuda")
    assert isinstance(caught.value, RuntimeError)
    same(torch.zeros(2, device="cuda"), torch.tensor([0.0, 0.0]))


@fact("torch.cuda.max_memory_allocated", "torch.cuda.reset_peak_memory_stats")
@pytest.mark.gpu
def test_peak_is_told_until_it_is_reset():
    """`max_memory_allocated` tells the peak since `reset_peak_memory_stats`."""
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    x = torch.empty(1 << 20, device="cuda")
    del x
    assert torch.cuda.max_memory_allocated() == before + (1 << 22)
    torch.cuda.reset_peak_memory_stats()
    assert torch.cuda.max_memory_allocated() == before
