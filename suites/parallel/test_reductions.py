"""What reducing collectives make of all ranks' elements: operations, dtypes, layouts; the others: `test_exchanges`."""

import pytest
import torch
import torch.distributed as dist

from torchproof import fact, same
from torchproof.fixtures.ranks import on_each_backend, own_device
from torchproof.suites.parallel.bodies import refused

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]

EACH = [[6, 3, 5], [3, 5, 4]]


def _own(rank, dtype=torch.int64):
    return torch.tensor(EACH[rank], device=own_device()).to(dtype)


# --- all_reduce: the operation ----------------------------------------------------------------------------------------


def _sum_by_default(rank):
    x = _own(rank)
    return dist.all_reduce(x), x.cpu()


@fact("torch.distributed.all_reduce", myth="all_reduce averages unless it is told otherwise")
@on_each_backend
def test_all_reduce_sums_by_default(ranks, backend):
    """`all_reduce` without `op` leaves the sum over the ranks."""
    same(torch.stack([x for _, x in ranks(2, _sum_by_default, backend=backend)]), [[9, 8, 9], [9, 8, 9]])


def returns_the_result(patch):
    """`all_reduce` gives its tensor back."""
    reduce = dist.all_reduce
    patch.setattr(dist, "all_reduce", lambda x: (reduce(x), x)[1])


@fact("torch.distributed.all_reduce", myth="all_reduce returns the reduced tensor", refuter=returns_the_result)
@on_each_backend
def test_all_reduce_returns_none(ranks, backend):
    """`all_reduce` without `async_op` returns None: the result is in the tensor that it was given."""
    assert [returned for returned, _ in ranks(2, _sum_by_default, backend=backend)] == [None, None]


def _all_reduce(rank, op, dtype=torch.int64):
    x = _own(rank, dtype)
    dist.all_reduce(x, getattr(dist.ReduceOp, op))
    return x.cpu()


@fact("torch.distributed.all_reduce", "torch.distributed.ReduceOp")
@pytest.mark.cpu
@pytest.mark.parametrize(
    ("op", "want"), [("BAND", [2, 1, 4]), ("BOR", [7, 7, 5]), ("BXOR", [5, 6, 1])], ids=["BAND", "BOR", "BXOR"]
)
def test_all_reduce_combines_bits_on_gloo(ranks, op, want):
    """With gloo, `all_reduce` with `ReduceOp.BAND`, `BOR` or `BXOR` combines the bits of all ranks' integers."""
    same(torch.stack(ranks(2, _all_reduce, op)), [want, want])


def _refused_bits(rank):
    return refused(dist.all_reduce, _own(rank, torch.float32), dist.ReduceOp.BAND)


@fact("torch.distributed.all_reduce")
@pytest.mark.cpu
def test_all_reduce_refuses_bits_of_floats(ranks):
    """With gloo, `all_reduce` by `ReduceOp.BAND` of floats raises "Cannot use ReduceOp.BAND with non-integral"."""
    assert ranks(2, _refused_bits) == ["Cannot use ReduceOp.BAND with non-integral dtype"] * 2


def _all_reduce_of_three(rank, op):
    x = torch.tensor([rank + 1], device=own_device())
    dist.all_reduce(x, getattr(dist.ReduceOp, op))
    return int(x)


@fact("torch.distributed.all_reduce")
@pytest.mark.cpu
@pytest.mark.parametrize(("op", "want"), [("SUM", 6), ("PRODUCT", 6), ("MIN", 1), ("MAX", 3)])
def test_all_reduce_is_of_every_rank(ranks, op, want):
    """`all_reduce` over three ranks combines the elements of all three."""
    assert ranks(3, _all_reduce_of_three, op) == [want] * 3


def _mean_by_hand(rank):
    x = _own(rank, torch.float32)
    dist.all_reduce(x)
    return (x / dist.get_world_size()).cpu()


@fact("torch.distributed.all_reduce", "torch.distributed.get_world_size")
@on_each_backend
def test_all_reduce_divided_by_the_world_size_is_the_mean(ranks, backend):
    """The sum of `all_reduce` divided by `get_world_size()` is the mean over the ranks."""
    same(torch.stack(ranks(2, _mean_by_hand, backend=backend)), [[4.5, 4.0, 4.5], [4.5, 4.0, 4.5]])


# --- all_reduce: dtypes and layouts -----------------------------------------------------------------------------------

NUMBERS = [torch.uint8, torch.int8, torch.int32, torch.int64, torch.float16, torch.float32, torch.float64]


@fact("torch.distributed.all_reduce")
@pytest.mark.parametrize("dtype", NUMBERS, ids=lambda dtype: str(dtype)[6:])
@on_each_backend
def test_all_reduce_keeps_the_dtype(ranks, backend, dtype):
    """`all_reduce` sums integers of 8, 32 and 64 bits and floats of 16, 32 and 64, each in its own dtype."""
    got = ranks(2, _all_reduce, "SUM", dtype, backend=backend)
    same(torch.stack(got), torch.tensor([[9, 8, 9]] * 2, dtype=dtype))


@fact("torch.distributed.all_reduce", since={"cpu": "2.2", "cuda": "2.0"}, calls="any", gain=True)
@on_each_backend
def test_all_reduce_takes_bfloat16(ranks, backend):
    """`all_reduce` sums tensors of bfloat16."""
    got = ranks(2, _all_reduce, "SUM", torch.bfloat16, backend=backend)
    same(torch.stack(got), torch.tensor([[9, 8, 9]] * 2, dtype=torch.bfloat16))


def _any(rank):
    x = torch.tensor([rank == 1, False], device=own_device())
    dist.all_reduce(x, dist.ReduceOp.MAX)
    return x.tolist()


@fact("torch.distributed.all_reduce", since="2.1", calls="any", gain=True, hint="as torch.uint8 before 2.1")
@pytest.mark.cpu
def test_all_reduce_of_bool_with_max_is_any(ranks):
    """With gloo, `all_reduce` of bool tensors with `ReduceOp.MAX` says whether it is True on any rank."""
    assert ranks(2, _any) == [[True, False]] * 2


def _int16(rank):
    return refused(dist.all_reduce, _own(rank, torch.int16))


@fact("torch.distributed.all_reduce", hint="reduce it as torch.int32")
@pytest.mark.cpu
def test_all_reduce_refuses_int16_on_gloo(ranks):
    """With gloo, `all_reduce` of int16 tensors raises "Invalid scalar type"."""
    assert all("Invalid scalar type" in told for told in ranks(2, _int16))


def _complex(rank):
    x = torch.tensor([1 + 2j, 3j], device=own_device()) * (rank + 1)
    dist.all_reduce(x)
    return x.cpu()


@fact("torch.distributed.all_reduce")
@on_each_backend
def test_all_reduce_sums_complex_numbers(ranks, backend):
    """`all_reduce` sums complex tensors, of `torch.complex64`."""
    same(torch.stack(ranks(2, _complex, backend=backend)), torch.tensor([[3 + 6j, 9j]] * 2))


def _complex_maximum(rank):
    return refused(dist.all_reduce, _own(rank, torch.complex64), dist.ReduceOp.MAX)


@fact("torch.distributed.all_reduce")
@on_each_backend
def test_all_reduce_refuses_the_maximum_of_complex_numbers(ranks, backend):
    """`all_reduce` refuses `ReduceOp.MAX` of complex tensors: "does not support … on complex tensors"."""
    told = ranks(2, _complex_maximum, backend=backend)
    assert all("does not support RedOpType.MAX on complex tensors" in each for each in told)


@fact("torch.distributed.supports_complex")
@pytest.mark.parametrize("op", ["MAX", "MIN", "PRODUCT", "BAND", "BOR", "BXOR"])
def test_supports_complex_is_false_of_what_has_no_complex_meaning(op):
    """`supports_complex` is False of `ReduceOp.MAX`, `MIN`, `PRODUCT` and those of bits."""
    assert not dist.distributed_c10d.supports_complex(getattr(dist.ReduceOp, op))


@fact("torch.distributed.supports_complex")
def test_supports_complex_is_true_of_a_sum():
    """`supports_complex` is True of `ReduceOp.SUM`."""
    assert dist.distributed_c10d.supports_complex(dist.ReduceOp.SUM)


def _transposed(rank):
    x = torch.tensor([[1, 2], [3, 4]]).t() * 10**rank
    dist.all_reduce(x)
    return x


@fact("torch.distributed.all_reduce")
@pytest.mark.cpu
def test_all_reduce_takes_a_transposed_tensor_on_gloo(ranks):
    """With gloo, `all_reduce` sums transposed tensors, each element at its place."""
    same(torch.stack(ranks(2, _transposed)), [[[11, 33], [22, 44]]] * 2)


def _with_gaps(rank):
    x = (torch.arange(12).reshape(3, 4) * 10**rank)[:, :2]
    dist.all_reduce(x)
    return x.contiguous()


@fact("torch.distributed.all_reduce", hint="all_reduce a contiguous() copy, and copy_ the result back")
@pytest.mark.cpu
def test_all_reduce_takes_a_slice_with_gaps_on_gloo(ranks):
    """With gloo, `all_reduce` sums a slice with gaps, such as `x[:, :2]`, each element at its place."""
    same(torch.stack(ranks(2, _with_gaps)), [[[0, 11], [44, 55], [88, 99]]] * 2)


def _scalar(rank):
    x = torch.tensor(rank + 0.5, device=own_device())
    dist.all_reduce(x)
    return x.cpu()


@fact("torch.distributed.all_reduce")
@on_each_backend
def test_all_reduce_takes_a_tensor_without_dimensions(ranks, backend):
    """`all_reduce` sums tensors of no dimensions, such as losses."""
    same(torch.stack(ranks(2, _scalar, backend=backend)), [2.0, 2.0])


def _sparse(rank):
    x = torch.sparse_coo_tensor([[rank]], [1.5], (3,))
    dist.all_reduce(x)
    return x.to_dense()


@fact("torch.distributed.all_reduce")
@pytest.mark.cpu
def test_all_reduce_sums_sparse_tensors_on_gloo(ranks):
    """With gloo, `all_reduce` sums sparse tensors over the entries that any rank has."""
    same(torch.stack(ranks(2, _sparse)), [[1.5, 1.5, 0.0]] * 2)


def _of_a_list(rank):
    return refused(dist.all_reduce, [1.0, 2.0])


@fact("torch.distributed.all_reduce", hint="torch.tensor(values)")
@on_each_backend
def test_all_reduce_refuses_what_is_no_tensor(ranks, backend):
    """`all_reduce` of a list of numbers is refused with "Expected parameter `tensor`"."""
    told = ranks(2, _of_a_list, backend=backend)
    assert all("Expected parameter `tensor`" in each for each in told)


# --- reduce -----------------------------------------------------------------------------------------------------------


def _reduce(rank, op):
    x = _own(rank)
    dist.reduce(x, 0, getattr(dist.ReduceOp, op))
    return x.cpu()


@fact("torch.distributed.reduce")
@on_each_backend
@pytest.mark.parametrize(
    ("op", "want"), [("PRODUCT", [18, 15, 20]), ("MIN", [3, 3, 4]), ("MAX", [6, 5, 5])], ids=["PRODUCT", "MIN", "MAX"]
)
def test_reduce_takes_an_operation(ranks, backend, op, want):
    """`reduce` with `ReduceOp.PRODUCT`, `MIN` or `MAX` leaves on `dst` what that makes of all ranks' elements."""
    same(ranks(2, _reduce, op, backend=backend)[0], want)


# --- reduce_scatter ---------------------------------------------------------------------------------------------------


def _reduce_scatter(rank, op):
    mine = torch.zeros(2, dtype=torch.int64, device=own_device())
    parts = [torch.tensor(part, device=own_device()) * (rank + 1) for part in ([1, 2], [30, 40])]
    dist.reduce_scatter(mine, parts, getattr(dist.ReduceOp, op))
    return mine.cpu()


@fact("torch.distributed.reduce_scatter", since={"cpu": "2.8", "cuda": "2.0"}, calls="any", gain=True)
@on_each_backend
@pytest.mark.parametrize(
    ("op", "want"),
    [("SUM", [[3, 6], [90, 120]]), ("MAX", [[2, 4], [60, 80]]), ("MIN", [[1, 2], [30, 40]])],
    ids=["SUM", "MAX", "MIN"],
)
def test_reduce_scatter_leaves_each_rank_its_part(ranks, backend, op, want):
    """`reduce_scatter` leaves on each rank what the operation makes of the tensors at its place in all ranks' lists."""
    same(torch.stack(ranks(2, _reduce_scatter, op, backend=backend)), want)


def _refused_reduce_scatter(rank):
    return refused(dist.reduce_scatter, torch.zeros(1), [torch.ones(1), torch.ones(1)])


@fact("torch.distributed.reduce_scatter", until="2.8", calls="any", hint="reduce_scatter_tensor")
@pytest.mark.cpu
def test_reduce_scatter_was_refused_by_gloo(ranks):
    """gloo refuses `reduce_scatter` of a list: "does not support reduce_scatter"."""
    assert all("does not support reduce_scatter" in told for told in ranks(2, _refused_reduce_scatter))


def _tensor_by_default(rank):
    mine = torch.zeros(1, 2, device=own_device())
    whole = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=own_device()) * (rank + 1)
    dist.reduce_scatter_tensor(mine, whole)
    return mine.cpu()


@fact("torch.distributed.reduce_scatter_tensor", since={"cpu": "2.2", "cuda": "2.0"}, calls="any", gain=True)
@on_each_backend
def test_reduce_scatter_tensor_cuts_along_the_first_dimension(ranks, backend):
    """`reduce_scatter_tensor` without `op` leaves on rank i the i-th rows of the sum, cut along the first dimension."""
    same(torch.stack(ranks(2, _tensor_by_default, backend=backend)), [[[3.0, 6.0]], [[9.0, 12.0]]])


# --- ReduceOp ---------------------------------------------------------------------------------------------------------


@fact("torch.distributed.reduce_op", "torch.distributed.ReduceOp")
@pytest.mark.filterwarnings("ignore:.*reduce_op")
def test_reduce_op_has_the_operations_of_reduceop():
    """`torch.distributed.reduce_op.SUM` is `ReduceOp.SUM`, and no other operation."""
    assert dist.reduce_op.SUM == dist.ReduceOp.SUM != dist.ReduceOp.MAX


@fact("torch.distributed.reduce_op")
def test_reduce_op_is_an_old_name(every_warning):
    """`torch.distributed.reduce_op.SUM` warns "reduce_op is deprecated, please use"."""
    with pytest.warns((FutureWarning, UserWarning), match="reduce_op`? is deprecated, please use"):
        dist.reduce_op.SUM
