"""A DeviceMesh: ranks on a grid, with a process group for each row and column."""

import pytest
import torch
import torch.distributed as dist

from torchproof import fact
from torchproof.fixtures.ranks import on_each_backend, own_device
from torchproof.suites.parallel.bodies import refused

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]


def _mesh(*shape, **options):
    from torch.distributed.device_mesh import init_device_mesh

    return init_device_mesh(own_device().type, shape, **options)


def _grid():
    """Two rows along "dp" of two ranks along "tp"."""
    return _mesh(2, 2, mesh_dim_names=("dp", "tp"))


def _summed(rank, group):
    x = torch.tensor([1 + rank], device=own_device())
    dist.all_reduce(x, group=group)
    return int(x)


INIT = "torch.distributed.device_mesh.init_device_mesh"


def _row(rank):
    return _mesh(2).mesh.tolist()


@fact(INIT)
@on_each_backend
def test_init_device_mesh_of_one_dimension_is_all_ranks(ranks, backend):
    """`init_device_mesh` of shape (2,) over two ranks is a mesh of both, in their order."""
    assert ranks(2, _row, backend=backend) == [[0, 1], [0, 1]]


def _pair(rank):
    mesh = dist.DeviceMesh(own_device().type, [0, 1])
    return rank < 2 and _summed(rank, mesh.get_group())


@fact("torch.distributed.DeviceMesh.get_group", "torch.distributed.DeviceMesh")
@pytest.mark.cpu
def test_get_group_of_one_dimension_is_of_all_its_ranks(ranks):
    """`get_group()` of a DeviceMesh of one dimension is the group of its ranks: `all_reduce` there sums over them."""
    assert ranks(3, _pair) == [3, 3, False]


def _place(rank):
    mesh = _grid()
    return [*mesh.get_coordinate()], mesh.get_local_rank("dp"), mesh.get_local_rank("tp")


@fact("torch.distributed.DeviceMesh.get_coordinate", "torch.distributed.DeviceMesh.get_local_rank")
@pytest.mark.cpu
def test_coordinate_is_row_and_column(ranks):
    """On a DeviceMesh of (2, 2), `get_coordinate()` of rank 2 is (1, 0), and `get_local_rank` is each of the two."""
    assert ranks(4, _place)[2] == ([1, 0], 1, 0)


def _along(rank, name):
    return _summed(rank, _grid().get_group(name))


@fact(INIT, "torch.distributed.DeviceMesh.get_group")
@pytest.mark.cpu
@pytest.mark.parametrize(("name", "want"), [("tp", [3, 3, 7, 7]), ("dp", [4, 6, 4, 6])], ids=["tp", "dp"])
def test_get_group_is_of_the_ranks_along_a_dimension(ranks, name, want):
    """`get_group` of a dimension of a DeviceMesh is the ranks along it: neighbours along the last one."""
    assert ranks(4, _along, name) == want


def _sliced(rank):
    part = _grid()["tp"]
    return part.mesh.tolist(), part.mesh_dim_names, _summed(rank, part.get_group())


@fact("torch.distributed.DeviceMesh.__getitem__")
@pytest.mark.cpu
def test_slice_by_name_is_the_own_row(ranks):
    """`mesh["tp"]` of a DeviceMesh, by the name of a dimension, is the mesh of this rank's own ranks along it."""
    assert ranks(4, _sliced)[2] == ([2, 3], ("tp",), 7)


def _shapes(rank):
    mesh = _grid()
    return (tuple(mesh.shape), mesh.ndim, mesh.size(0)), mesh.size(), _ranks_of(mesh)


def _ranks_of(mesh):
    return [dist.get_process_group_ranks(group) for group in mesh.get_all_groups()]


@fact("torch.distributed.DeviceMesh.size", "torch.distributed.DeviceMesh.shape", "torch.distributed.DeviceMesh.ndim")
@pytest.mark.cpu
def test_mesh_has_a_shape_like_a_tensor(ranks):
    """A DeviceMesh of (2, 2) has `shape`, `ndim` and `size(dim)` as a tensor has."""
    assert ranks(4, _shapes)[0][0] == ((2, 2), 2, 2)


@fact("torch.distributed.DeviceMesh.size")
@pytest.mark.cpu
def test_size_of_a_mesh_is_the_number_of_its_ranks(ranks):
    """`size()` of a DeviceMesh of (2, 2) is 4, the number of its ranks."""
    assert ranks(4, _shapes)[0][1] == 4


@fact("torch.distributed.DeviceMesh.get_all_groups")
@pytest.mark.cpu
def test_get_all_groups_has_one_for_each_dimension(ranks):
    """`get_all_groups()` of a DeviceMesh has this rank's group along each dimension, in their order."""
    assert ranks(4, _shapes)[0][2] == [[0, 2], [0, 1]]


def _unnamed(rank):
    return refused(_mesh(2, 2).get_group)


@fact("torch.distributed.DeviceMesh.get_group")
@pytest.mark.cpu
def test_get_group_needs_a_dimension_where_there_are_two(ranks):
    """`get_group()` of a DeviceMesh of two dimensions raises "Optional kwarg `mesh_dim` needs to be specified"."""
    assert all("Optional kwarg `mesh_dim` needs to be specified" in told for told in ranks(4, _unnamed))


def _too_large(rank):
    return refused(_mesh, 4)


@fact(INIT, hint="the product of mesh_shape is at most the world size")
@on_each_backend
def test_mesh_is_not_larger_than_the_world(ranks, backend):
    """`init_device_mesh` of more ranks than there are raises "Mesh should not be bigger than default world size"."""
    told = ranks(2, _too_large, backend=backend)
    assert all("Mesh should not be bigger than default world size" in each for each in told)


def _names(rank, names):
    return refused(_mesh, 2, 1, mesh_dim_names=names)


@fact(INIT)
@on_each_backend
def test_mesh_has_one_name_for_each_dimension(ranks, backend):
    """`init_device_mesh` refuses fewer `mesh_dim_names` than dimensions: "should have same length"."""
    assert all("should have same length" in told for told in ranks(2, _names, ("a",), backend=backend))


@fact(INIT)
@on_each_backend
def test_mesh_has_each_name_once(ranks, backend):
    """`init_device_mesh` refuses `mesh_dim_names` that repeat one: "must be unique"."""
    assert all("must be unique" in told for told in ranks(2, _names, ("a", "a"), backend=backend))


def _by_index(rank):
    from torch.distributed.device_mesh import init_device_mesh

    return refused(init_device_mesh, "cpu:0", (2,))


@fact(INIT, since="2.6", calls="any", hint="device.type")
@pytest.mark.cpu
def test_mesh_is_of_a_device_type(ranks):
    """`init_device_mesh("cpu:0", …)` raises "Device type with index is not supported"."""
    assert all("Device type with index is not supported" in told for told in ranks(2, _by_index))


def _other_name(rank):
    with pytest.raises(KeyError) as refusal:
        _mesh(2, mesh_dim_names=("dp",))["tp"]
    return str(refusal.value)


@fact(INIT, since="2.3", calls="none")
@on_each_backend
def test_slice_by_an_unknown_name_is_refused(ranks, backend):
    """`mesh["tp"]` of a DeviceMesh that has no dimension of that name raises KeyError with the name."""
    assert all("tp" in told for told in ranks(2, _other_name, backend=backend))


def _some(rank):
    mesh = dist.DeviceMesh(own_device().type, [0, 2])
    return mesh.get_coordinate() and [*mesh.get_coordinate()]


@fact("torch.distributed.DeviceMesh", "torch.distributed.DeviceMesh.get_coordinate")
@pytest.mark.cpu
def test_coordinate_of_a_rank_outside_is_none(ranks):
    """`get_coordinate()` of a DeviceMesh that this rank is not in is None."""
    assert ranks(3, _some) == [[0], None, [1]]


def _from_group(rank):
    mesh = dist.DeviceMesh.from_group(dist.group.WORLD, own_device().type)
    return mesh.mesh.tolist(), _summed(rank, mesh.get_group())


@fact("torch.distributed.DeviceMesh.from_group")
@on_each_backend
def test_from_group_is_a_mesh_of_its_ranks(ranks, backend):
    """`DeviceMesh.from_group` makes a mesh of the ranks of a process group."""
    assert ranks(2, _from_group, backend=backend) == [([0, 1], 3)] * 2
