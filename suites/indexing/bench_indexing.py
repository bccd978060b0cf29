"""What indexing costs: by slices and numbers, by masks and by indices, read and written."""

import pytest
import torch

from torchproof import bench
from torchproof.fixtures.work import nbytes, random, repeated

ROWS, COLUMNS = 4096, 64
SOME = 1024

BASIC = {"number": 0, "slice": slice(1, 3), "none": (..., None), "all": (0, slice(1, 3), slice(None, None, 2))}

getitem, setitem = torch.Tensor.__getitem__, torch.Tensor.__setitem__


def rows():
    """Indices of some rows, in no order."""
    return torch.randperm(ROWS)[:SOME]


def picked(x, index):
    """The bytes of the index, and of what it picks, read and written."""
    return nbytes(index) + 2 * nbytes(x) * len(index) // len(x)


@bench("torch.Tensor", moves=0)
@pytest.mark.parametrize("kind", BASIC)
def bench_basic(benchmark, kind):
    """A hundred times, a view by numbers and slices."""
    benchmark(repeated, getitem, torch.zeros(4, 4, 4), BASIC[kind])


@bench("torch.Tensor", moves=picked, quick=True)
@pytest.mark.parametrize("dtype", ["float32"])
def bench_by_rows(benchmark, dtype):
    """A quarter of the rows of a matrix, by their indices in brackets."""
    benchmark(getitem, random(ROWS, COLUMNS, dtype=dtype), rows())


@bench("torch.Tensor", moves=lambda x, index: nbytes(*index) + 2 * index[0].numel() * x.element_size())
def bench_by_rows_and_columns(benchmark):
    """Elements of a matrix by two tensors of indices."""
    benchmark(getitem, random(ROWS, COLUMNS), (torch.randint(ROWS, (ROWS,)), torch.randint(COLUMNS, (ROWS,))))


@bench("torch.index_select", moves=lambda x, dim, index: picked(x, index))
@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
def bench_index_select(benchmark, layout):
    """A quarter of the rows of a matrix, by their indices."""
    benchmark(torch.index_select, random(ROWS, COLUMNS, layout=layout), 0, rows())


@bench("torch.Tensor", moves=lambda x, mask: nbytes(x, mask) + nbytes(x) // 2, quick=True)
def bench_by_mask(benchmark):
    """The elements of a vector of 65,536 that a mask picks, which are half."""
    x = random(1 << 16)
    benchmark(getitem, x, x < 0.5)


@bench("torch.nonzero", moves=lambda mask: nbytes(mask) + 8 * mask.numel() // 2)
def bench_nonzero(benchmark):
    """The places of the half of 65,536 elements that are true."""
    benchmark(torch.nonzero, random(1 << 16) < 0.5)


@bench("torch.gather", moves=lambda x, dim, index: nbytes(x, x, index))
@pytest.mark.parametrize("dim", [0, 1])
def bench_gather(benchmark, dim):
    """Each element of a matrix of 512 by 128 from elsewhere in its column or row."""
    x = random(512, 128)
    benchmark(torch.gather, x, dim, torch.randint(x.shape[dim], x.shape))


@bench("torch.take", moves=lambda x, index: nbytes(x, x, index))
def bench_take(benchmark):
    """65,536 elements by their indices."""
    benchmark(torch.take, random(1 << 16), torch.randint(1 << 16, (1 << 16,)))


@bench("torch.Tensor", moves=lambda x, index, value: 2 * nbytes(value) + nbytes(index))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_write_by_rows(benchmark, dtype):
    """A quarter of the rows of a matrix are overwritten, by their indices in brackets."""
    benchmark(setitem, random(ROWS, COLUMNS, dtype=dtype), rows(), random(SOME, COLUMNS, dtype=dtype))


@bench("torch.Tensor", moves=lambda x, mask, value: nbytes(x, mask))
def bench_write_by_mask(benchmark):
    """Half the elements of a vector of 65,536 are set to a number."""
    benchmark(setitem, random(1 << 16), random(1 << 16) < 0.5, 0.0)


@bench("torch.Tensor.masked_fill", moves=lambda x, mask, value: nbytes(x, x, mask))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_masked_fill(benchmark, dtype):
    """Half the elements of a vector of 65,536 become a number, in a copy."""
    benchmark(torch.Tensor.masked_fill, random(1 << 16, dtype=dtype), random(1 << 16) < 0.5, 0.0)


@bench("torch.Tensor.index_add", moves=lambda x, dim, index, source: nbytes(x, x, source, index))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_index_add(benchmark, dtype):
    """A thousand rows are added to those of a matrix, by their indices."""
    benchmark(torch.Tensor.index_add, random(ROWS, COLUMNS, dtype=dtype), 0, rows(), random(SOME, COLUMNS, dtype=dtype))


@bench("torch.Tensor.scatter_add", moves=lambda x, dim, index, source: nbytes(x, x, source, index), quick=True)
@pytest.mark.parametrize("dtype", ["float32"])
def bench_scatter_add(benchmark, dtype):
    """65,536 elements are added into a thousand."""
    source = random(1 << 16, dtype=dtype)
    index = torch.randint(1000, source.shape)
    benchmark(torch.Tensor.scatter_add, torch.zeros(1000, dtype=source.dtype), 0, index, source)


@bench("torch.Tensor.scatter_reduce", moves=lambda x, dim, index, source, reduce: nbytes(x, x, source, index))
@pytest.mark.parametrize("reduce", ["sum", "amax"])
def bench_scatter_reduce(benchmark, reduce):
    """A thousand results of 65,536 elements."""
    index = torch.randint(1000, (1 << 16,))
    benchmark(torch.Tensor.scatter_reduce, torch.ones(1000), 0, index, random(1 << 16), reduce)


@bench("torch.Tensor.index_put_", moves=lambda x, indices, values, accumulate: nbytes(x, values, *indices))
def bench_index_put_with_accumulation(benchmark):
    """65,536 elements are added into a thousand by indices in no order."""
    indices = (torch.randint(1000, (1 << 16,)),)
    benchmark(torch.Tensor.index_put_, torch.zeros(1000), indices, torch.zeros(1 << 16), True)


@pytest.mark.gpu
@bench("torch.Tensor", moves=picked)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_by_rows_on_a_gpu(benchmark, dtype):
    """A quarter of the rows of a matrix of 262,144 by 64, by their indices in brackets."""
    index = torch.randperm(1 << 18, device="cuda")[: 1 << 16]
    benchmark(getitem, random(1 << 18, COLUMNS, dtype=dtype, device="cuda"), index)


@pytest.mark.gpu
@bench("torch.Tensor", moves=lambda x, mask: nbytes(x, mask) + nbytes(x) // 2)
def bench_by_mask_on_a_gpu(benchmark):
    """The half of 16 million elements that a mask picks, for whose number the CPU waits."""
    x = random(1 << 24, device="cuda")
    benchmark(getitem, x, x < 0.5)


@pytest.mark.gpu
@bench("torch.Tensor.index_add_", moves=lambda x, dim, index, source: nbytes(index, source, source, source))
@pytest.mark.parametrize("rows", [1 << 18, 16])
def bench_index_add_on_a_gpu(benchmark, rows):
    """65,536 rows of 64 are added to many others, or to a few, where additions meet."""
    index = torch.randint(rows, (1 << 16,), device="cuda")
    target, source = (random(count, COLUMNS, device="cuda") for count in (rows, 1 << 16))
    benchmark(torch.Tensor.index_add_, target, 0, index, source)
