"""DTensors, of which each rank has a part: `torch.distributed.tensor`; what they show is in test_sharding_options."""

import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.fixtures.ranks import on_each_backend, own_device

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]

ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]


def _on_mesh(*shape, **options):
    """The mesh of all ranks, in that shape."""
    from torch.distributed.device_mesh import init_device_mesh

    return init_device_mesh(own_device().type, shape, **options)


def _tensor(values, **options):
    return torch.tensor(values, device=own_device(), **options)


def _placement(name, *args):
    """`Shard`, `Replicate` or `Partial`."""
    from torch.distributed import tensor

    return getattr(tensor, name)(*args)


def _distribute(values, *placements, mesh=(2,), **options):
    """The same tensor on every rank, distributed over the mesh."""
    from torch.distributed.tensor import distribute_tensor

    made = [_placement(*placement) for placement in placements]
    return distribute_tensor(_tensor(values), _on_mesh(*mesh), made, **options)


# --- distribute_tensor ------------------------------------------------------------------------------------------------


def _own_part(rank, values, placements, mesh=(2,)):
    return _distribute(values, *placements, mesh=mesh).to_local().cpu()


@fact("torch.distributed.tensor.distribute_tensor", "torch.distributed.tensor.Shard")
@on_each_backend
@pytest.mark.parametrize("size", [4, 5, 1])
def test_shard_0_gives_each_rank_its_chunk_of_the_rows(ranks, backend, size):
    """`distribute_tensor` with `Shard(0)` cuts a tensor as `torch.chunk` does: the last rank may have less, or none."""
    rows = [[float(row), row + 0.5] for row in range(size)]
    most = -(-size // 2)
    got = ranks(2, _own_part, rows, [("Shard", 0)], backend=backend)
    same(got[0], rows[:most])
    same(got[1], torch.tensor(rows[most:]).reshape(-1, 2))


@fact("torch.distributed.tensor.distribute_tensor", "torch.distributed.tensor.Shard")
@on_each_backend
def test_shard_1_gives_each_rank_its_columns(ranks, backend):
    """`distribute_tensor` with `Shard(1)` gives each rank its columns."""
    first, second = ranks(2, _own_part, [[1, 2, 3], [4, 5, 6]], [("Shard", 1)], backend=backend)
    same(first, [[1, 2], [4, 5]])
    same(second, [[3], [6]])


@fact("torch.distributed.tensor.distribute_tensor", "torch.distributed.tensor.Replicate")
@on_each_backend
def test_replicate_gives_every_rank_the_whole(ranks, backend):
    """`distribute_tensor` with `Replicate()` gives every rank the whole tensor."""
    same(torch.stack(ranks(2, _own_part, ROWS, [("Replicate",)], backend=backend)), [ROWS, ROWS])


def _own_values(rank, placement, options):
    from torch.distributed.tensor import distribute_tensor

    x = _tensor([1.0, 2.0]) * 10**rank
    return distribute_tensor(x, _on_mesh(2), [_placement(*placement)], **options).to_local().cpu()


@fact("torch.distributed.tensor.distribute_tensor", myth="each rank keeps its own values")
@on_each_backend
@pytest.mark.parametrize(
    ("placement", "want"),
    [(("Shard", 0), [[1.0], [2.0]]), (("Replicate",), [[1.0, 2.0], [1.0, 2.0]])],
    ids=["Shard", "Replicate"],
)
def test_distribute_tensor_takes_the_values_of_rank_0(ranks, backend, placement, want):
    """`distribute_tensor` distributes the tensor of rank 0, whatever the other ranks pass."""
    same(torch.stack(ranks(2, _own_values, placement, {}, backend=backend)), want)


@fact("torch.distributed.tensor.distribute_tensor", since="2.7", calls="passes src_data_rank", gain=True)
@on_each_backend
def test_src_data_rank_none_keeps_each_ranks_values(ranks, backend):
    """`distribute_tensor` with `src_data_rank=None` cuts each rank's part from its own tensor."""
    got = ranks(2, _own_values, ("Shard", 0), {"src_data_rank": None}, backend=backend)
    same(torch.stack(got), [[1.0], [20.0]])


def _two_dimensions(rank, placements):
    return _distribute(ROWS, *placements, mesh=(2, 2)).to_local().tolist()


@fact("torch.distributed.tensor.distribute_tensor", "torch.distributed.tensor.Shard")
@pytest.mark.slow
def test_mesh_of_two_dimensions_cuts_blocks(ranks):
    """On a mesh of (2, 2), `distribute_tensor` by `[Shard(0), Shard(1)]` gives each rank a block of the matrix."""
    got = ranks(4, _two_dimensions, [("Shard", 0), ("Shard", 1)])
    assert got == [[[1.0], [3.0]], [[2.0], [4.0]], [[5.0], [7.0]], [[6.0], [8.0]]]


@fact("torch.distributed.tensor.distribute_tensor", "torch.distributed.tensor.Shard")
@pytest.mark.slow
def test_mesh_of_two_dimensions_cuts_the_same_dimension_twice(ranks):
    """On a mesh of (2, 2), `distribute_tensor` by `[Shard(0), Shard(0)]` cuts the rows in two, and each part again."""
    assert ranks(4, _two_dimensions, [("Shard", 0), ("Shard", 0)]) == [[row] for row in ROWS]


@fact("torch.distributed.tensor.distribute_tensor", "torch.distributed.tensor.Replicate")
@pytest.mark.slow
def test_hybrid_sharding_repeats_the_parts(ranks):
    """On a mesh of (2, 2), `distribute_tensor` by `[Replicate(), Shard(0)]` gives both rows of ranks the same parts."""
    got = ranks(4, _two_dimensions, [("Replicate",), ("Shard", 0)])
    assert got == [ROWS[:2], ROWS[2:]] * 2


# --- what a DTensor says of itself ------------------------------------------------------------------------------------


def _kind(rank):
    x = _distribute(ROWS, ("Shard", -1))
    return tuple(x.shape), tuple(x.to_local().shape), x.placements[0].dim, len(x)


@fact("torch.distributed.tensor.distribute_tensor", myth="the shape of a DTensor is that of the rank's part")
@on_each_backend
def test_shape_is_that_of_the_whole(ranks, backend):
    """The shape of a DTensor is that of the whole tensor, and of `to_local()` that of the rank's part."""
    assert [kind[:2] for kind in ranks(2, _kind, backend=backend)] == [((4, 2), (4, 1))] * 2


@fact("torch.distributed.tensor.distribute_tensor")
@on_each_backend
def test_negative_dimension_counts_from_the_end(ranks, backend):
    """`distribute_tensor` with `Shard(-1)` cuts the last dimension, and the placement then has no sign."""
    assert [kind[2] for kind in ranks(2, _kind, backend=backend)] == [1, 1]


def _write(rank):
    x = _distribute(ROWS, ("Shard", 0))
    x.to_local()[0, 0] = 9.0
    return x.full_tensor().cpu()


@fact("torch.distributed.tensor.DTensor.to_local")
@on_each_backend
def test_to_local_is_the_part_itself(ranks, backend):
    """A write into what `to_local` of a DTensor returns, which requires no grad, is seen in the DTensor."""
    want = [[9.0, 2.0], [3.0, 4.0], [9.0, 6.0], [7.0, 8.0]]
    same(torch.stack(ranks(2, _write, backend=backend)), [want, want])


def _whole(rank, values, placement):
    return _distribute(values, placement).full_tensor().cpu()


@fact("torch.distributed.tensor.DTensor.full_tensor")
@on_each_backend
@pytest.mark.parametrize("dim", [0, 1])
def test_full_tensor_gives_every_rank_the_whole(ranks, backend, dim):
    """`DTensor.full_tensor` gives every rank the whole tensor, also where the parts are of different sizes."""
    rows = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]
    same(torch.stack(ranks(2, _whole, rows, ("Shard", dim), backend=backend)), [rows, rows])


# --- from_local -------------------------------------------------------------------------------------------------------


def _joined(rank, parts, placement, options):
    from torch.distributed.tensor import DTensor

    x = DTensor.from_local(_tensor(parts[rank]), _on_mesh(2), [_placement(*placement)], **options)
    return x.full_tensor().cpu()


@fact("torch.distributed.tensor.DTensor.from_local")
@on_each_backend
def test_from_local_takes_equal_parts_together(ranks, backend):
    """`DTensor.from_local` with `Shard(0)` makes of the ranks' own tensors the parts of one, in the order of ranks."""
    got = ranks(2, _joined, [ROWS[:2], ROWS[2:]], ("Shard", 0), {}, backend=backend)
    same(torch.stack(got), [ROWS, ROWS])


@fact("torch.distributed.tensor.DTensor.from_local", hint="pass shape and stride where parts differ in size")
@on_each_backend
def test_from_local_is_told_the_shape_of_unequal_parts(ranks, backend):
    """`DTensor.from_local` takes parts of different sizes together where `shape` and `stride` are passed."""
    options = {"shape": torch.Size([3, 2]), "stride": (2, 1)}
    got = ranks(2, _joined, [ROWS[:2], ROWS[2:3]], ("Shard", 0), options, backend=backend)
    same(torch.stack(got), [ROWS[:3], ROWS[:3]])


def _shape_of_unequal(rank):
    from torch.distributed.tensor import DTensor

    return tuple(DTensor.from_local(_tensor(ROWS[rank:]), _on_mesh(2), [_placement("Shard", 0)]).shape)


@fact("torch.distributed.tensor.DTensor.from_local", myth="from_local asks the other ranks for their sizes")
@on_each_backend
def test_from_local_takes_all_parts_for_as_large_as_its_own(ranks, backend):
    """`DTensor.from_local` without `shape` takes every part to be as large as the rank's own."""
    assert ranks(2, _shape_of_unequal, backend=backend) == [(8, 2), (6, 2)]


@fact("torch.distributed.tensor.DTensor.from_local", "torch.distributed.tensor.Partial")
@on_each_backend
@pytest.mark.parametrize(
    ("reduction", "want"),
    [("sum", [11.0, 22.0]), ("max", [10.0, 20.0]), ("min", [1.0, 2.0])],
    ids=["sum", "max", "min"],
)
def test_partial_is_reduced_by_full_tensor(ranks, backend, reduction, want):
    """`DTensor.full_tensor` of `Partial` values reduces them over the ranks: `sum`, `max` or `min`."""
    got = ranks(2, _joined, [[1.0, 2.0], [10.0, 20.0]], ("Partial", reduction), {}, backend=backend)
    same(torch.stack(got), [want, want])


@fact("torch.distributed.tensor.DTensor.from_local", "torch.distributed.tensor.Partial")
def test_partial_adds_by_default(ranks):
    """A DTensor of `Partial()` stands for values that are still to be added over the ranks."""
    got = ranks(2, _joined, [[1.0, 2.0], [10.0, 20.0]], ("Partial",), {})
    same(torch.stack(got), [[11.0, 22.0], [11.0, 22.0]])


@fact("torch.distributed.tensor.DTensor.from_local", myth="from_local makes the ranks agree")
@on_each_backend
def test_from_local_does_not_make_replicas_agree(ranks, backend):
    """`DTensor.from_local` by `Replicate()`, with `run_check=False`, leaves ranks values of their own that differ."""
    got = ranks(2, _joined, [[1.0, 2.0], [10.0, 20.0]], ("Replicate",), {"run_check": False}, backend=backend)
    same(torch.stack(got), [[1.0, 2.0], [10.0, 20.0]])


@fact("torch.distributed.tensor.DTensor.from_local")
@on_each_backend
def test_from_local_with_run_check_takes_the_values_of_rank_0(ranks, backend):
    """`DTensor.from_local` with `Replicate()` and `run_check=True` gives all ranks the values of rank 0."""
    got = ranks(2, _joined, [[1.0, 2.0], [10.0, 20.0]], ("Replicate",), {"run_check": True}, backend=backend)
    same(torch.stack(got), [[1.0, 2.0], [1.0, 2.0]])


# --- redistribute -----------------------------------------------------------------------------------------------------


def _redistribute(rank, values, before, after):
    from torch.distributed.tensor import DTensor

    x = DTensor.from_local(_tensor(values) * 10**rank, _on_mesh(2), [_placement(*before)])
    return x.redistribute(placements=[_placement(*after)]).to_local().cpu()


@fact("torch.distributed.tensor.DTensor.redistribute")
@on_each_backend
@pytest.mark.parametrize(
    ("before", "after", "want"),
    [
        (("Shard", 0), ("Shard", 1), [[[1.0], [10.0]], [[2.0], [20.0]]]),
        (("Shard", 0), ("Replicate",), [[[1.0, 2.0], [10.0, 20.0]]] * 2),
        (("Replicate",), ("Shard", 1), [[[1.0]], [[20.0]]]),
        (("Partial",), ("Replicate",), [[[11.0, 22.0]]] * 2),
        (("Partial",), ("Shard", 1), [[[11.0]], [[22.0]]]),
    ],
    ids=["Shard-Shard", "Shard-Replicate", "Replicate-Shard", "Partial-Replicate", "Partial-Shard"],
)
def test_redistribute_changes_the_placement(ranks, backend, before, after, want):
    """`DTensor.redistribute` gives each rank its part of the same whole under another placement."""
    same(torch.stack(ranks(2, _redistribute, [[1.0, 2.0]], before, after, backend=backend)), want)


def _slope(rank):
    x = _distribute(ROWS, ("Shard", 0)).requires_grad_()
    y = x.redistribute(placements=[_placement("Replicate")])
    (y * y).sum().backward()
    return x.grad.to_local().cpu()


@fact("torch.distributed.tensor.DTensor.redistribute")
@on_each_backend
def test_gradient_comes_back_through_redistribute(ranks, backend):
    """Through `redistribute` from `Shard(0)` to `Replicate()`, each rank gets the gradient of its own rows back."""
    same(torch.stack(ranks(2, _slope, backend=backend)), 2 * torch.tensor([ROWS[:2], ROWS[2:]]))


# --- operators --------------------------------------------------------------------------------------------------------


def _multiply(rank, left, right):
    y = _distribute(ROWS, left) @ _distribute([[1.0, 2.0], [3.0, 4.0]], right)
    return [placement.is_partial() or placement.dim for placement in y.placements], y.full_tensor().cpu()


PRODUCT = [[7.0, 10.0], [15.0, 22.0], [23.0, 34.0], [31.0, 46.0]]


@fact("torch.distributed.tensor.distribute_tensor")
@on_each_backend
@pytest.mark.parametrize(
    ("left", "right", "dim"),
    [(("Shard", 0), ("Replicate",), 0), (("Replicate",), ("Shard", 1), 1)],
    ids=["rows", "columns"],
)
def test_matmul_keeps_what_is_sharded(ranks, backend, left, right, dim):
    """`a @ b` of DTensors is sharded by rows where a is, or by columns where b is."""
    (placements, first), _ = ranks(2, _multiply, left, right, backend=backend)
    assert placements == [dim]
    same(first, PRODUCT)


@fact("torch.distributed.tensor.distribute_tensor")
@on_each_backend
def test_matmul_over_a_sharded_inner_dimension_is_partial(ranks, backend):
    """`a @ b` of DTensors is `Partial` where a is sharded by columns and b by rows."""
    (placements, first), _ = ranks(2, _multiply, ("Shard", 1), ("Shard", 0), backend=backend)
    assert placements == [True]
    same(first, PRODUCT)


def _in_common(rank, operation):
    x = _distribute(ROWS, ("Shard", 0))
    y = operation(x)
    return [placement.is_partial() or placement.dim for placement in y.placements], y.full_tensor().cpu()


def _double(x):
    return x + x


def _total(x):
    return x.sum()


def _transposed(x):
    return x.t()


@fact("torch.distributed.tensor.distribute_tensor")
@on_each_backend
def test_operators_work_on_the_parts(ranks, backend):
    """`x + x` of a DTensor by `Shard(0)` is `Shard(0)` too, of the doubled rows."""
    (placements, first), _ = ranks(2, _in_common, _double, backend=backend)
    assert placements == [0]
    same(first, [[2.0, 4.0], [6.0, 8.0], [10.0, 12.0], [14.0, 16.0]])


@fact("torch.distributed.tensor.distribute_tensor")
@on_each_backend
def test_sum_is_partial(ranks, backend):
    """`x.sum()` of a DTensor by `Shard(0)` is `Partial`: its `full_tensor()` is the sum over all ranks."""
    (placements, first), _ = ranks(2, _in_common, _total, backend=backend)
    assert placements == [True]
    same(first, 36.0)


@fact("torch.distributed.tensor.distribute_tensor")
@on_each_backend
def test_transpose_is_sharded_along_the_other_dimension(ranks, backend):
    """`x.t()` of a DTensor by `Shard(0)` is `Shard(1)` of the transposed whole."""
    (placements, first), _ = ranks(2, _in_common, _transposed, backend=backend)
    assert placements == [1]
    same(first, [[1.0, 3.0, 5.0, 7.0], [2.0, 4.0, 6.0, 8.0]])


def _mix(rank):
    with pytest.raises(RuntimeError) as refusal:
        _distribute(ROWS, ("Shard", 0)) + _tensor(ROWS)
    return str(refusal.value)


@fact(
    "torch.distributed.tensor.distribute_tensor",
    hint="distribute the other one too, or use `implicit_replication`",
)
def test_refuses_a_plain_tensor_beside_a_dtensor(ranks):
    """`x + y` of a DTensor and a plain tensor of several elements is refused: "got mixed torch.Tensor and DTensor"."""
    assert all("got mixed torch.Tensor and DTensor" in told for told in ranks(2, _mix))


def _mix_implicitly(rank):
    from torch.distributed.tensor.experimental import implicit_replication

    with implicit_replication():
        return (_distribute(ROWS, ("Shard", 0)) + _tensor([[10.0, 20.0]])).to_local().cpu()


@fact("torch.distributed.tensor.experimental.implicit_replication")
@on_each_backend
def test_implicit_replication_takes_plain_tensors_for_replicas(ranks, backend):
    """Inside `implicit_replication()` a plain tensor beside a DTensor counts as `Replicate()`."""
    got = ranks(2, _mix_implicitly, backend=backend)
    same(torch.stack(got), torch.tensor([ROWS[:2], ROWS[2:]]) + torch.tensor([10.0, 20.0]))


def _map(rank):
    from torch.distributed.tensor.experimental import local_map

    subtract = local_map(lambda part: part - part.sum(), out_placements=[_placement("Shard", 0)])
    return subtract(_distribute(ROWS, ("Shard", 0))).full_tensor().cpu()


@fact("torch.distributed.tensor.experimental.local_map")
@on_each_backend
def test_local_map_gives_a_function_the_parts(ranks, backend):
    """`local_map` makes a function of plain tensors one of DTensors, which is given each rank's own part."""
    want = torch.tensor(ROWS) - torch.tensor([[10.0], [10.0], [26.0], [26.0]])
    same(torch.stack(ranks(2, _map, backend=backend)), torch.stack([want, want]))


# --- made as DTensors -------------------------------------------------------------------------------------------------


def _made(rank, name, args):
    make = getattr(torch.distributed.tensor, name)
    x = make(*args, device_mesh=_on_mesh(2), placements=[_placement("Shard", 0)])
    return tuple(x.shape), x.to_local().cpu()


@fact("torch.distributed.tensor.zeros", "torch.distributed.tensor.ones", "torch.distributed.tensor.full")
@on_each_backend
@pytest.mark.parametrize(
    ("name", "args", "value"), [("zeros", (3, 2), 0.0), ("ones", (3, 2), 1.0), ("full", ((3, 2), 7.0), 7.0)], ids=str
)
def test_factories_make_only_the_part(ranks, backend, name, args, value):
    """`torch.distributed.tensor.zeros`, `ones` and `full` give each rank its part of the size that is asked for."""
    (shape, first), (_, second) = ranks(2, _made, name, args, backend=backend)
    assert shape == (3, 2)
    same(torch.cat([first, second]), torch.full((3, 2), value))
    assert len(first) == 2


# --- modules ----------------------------------------------------------------------------------------------------------


def _layers(rank, how):
    """Where `partition_fn` was called, and of a layer's weight the whole and the rank's part."""
    from torch.distributed.tensor import distribute_module, distribute_tensor

    names = []

    def cut(name, module, mesh):
        names.append(name)
        for key, weight in [*module.named_parameters(recurse=False)]:
            module.register_parameter(key, nn.Parameter(distribute_tensor(weight, mesh, [_placement("Shard", 0)])))

    layer = nn.Linear(2, 4, bias=False, device=own_device())
    with torch.no_grad():
        layer.weight.copy_(_tensor(ROWS))
    model = distribute_module(nn.Sequential(layer), _on_mesh(2), *([cut] if how else []))
    weight = model[0].weight.detach()
    return names, weight.full_tensor().cpu(), weight.to_local().cpu()


@fact("torch.distributed.tensor.distribute_module")
@on_each_backend
def test_distribute_module_replicates_by_default(ranks, backend):
    """`distribute_module` without `partition_fn` makes every parameter a DTensor of which each rank has the whole."""
    got = ranks(2, _layers, False, backend=backend)
    same(torch.stack([torch.stack([*weights]) for _, *weights in got]), [[ROWS, ROWS]] * 2)


@fact("torch.distributed.tensor.distribute_module")
@on_each_backend
def test_distribute_module_partitions_as_it_is_told(ranks, backend):
    """`distribute_module` calls `partition_fn` once for each module, and what that shards stays so."""
    (names, whole, first), (_, _, second) = ranks(2, _layers, True, backend=backend)
    assert names == ["", "0"]
    same(whole, ROWS)
    same(torch.stack([first, second]), [ROWS[:2], ROWS[2:]])
