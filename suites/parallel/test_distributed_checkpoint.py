"""Checkpoints that many ranks write and any number reads: `torch.distributed.checkpoint` (DCP)."""

import os

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from torchproof import fact, same
from torchproof.fixtures.ranks import own_device

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]

ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


@pytest.fixture
def path(tmp_path):
    """Where a checkpoint is saved."""
    return str(tmp_path / "checkpoint")


def _distributed(values, dim):
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Shard, distribute_tensor

    mesh = init_device_mesh(own_device().type, (torch.distributed.get_world_size(),))
    return distribute_tensor(torch.tensor(values, device=own_device()), mesh, [Shard(dim)])


def _save(rank, path, state):
    import torch.distributed.checkpoint as dcp

    dcp.save(state, checkpoint_id=path)


def _load(rank, path, state, **options):
    """The state, into which it was loaded."""
    import torch.distributed.checkpoint as dcp

    dcp.load(state, checkpoint_id=path, **options)
    return state


def _refused(rank, path, state, kind="CheckpointException"):
    import torch.distributed.checkpoint as dcp

    with pytest.raises(getattr(dcp.api, kind)) as refusal:
        dcp.load(state, checkpoint_id=path)
    return str(refusal.value)


# --- other numbers of ranks -------------------------------------------------------------------------------------------


def _save_rows(rank, path):
    _save(rank, path, {"rows": _distributed(ROWS, 0)})


def _load_part(rank, path, dim):
    state = _load(rank, path, {"rows": _distributed([[0.0, 0.0]] * 3, dim)})
    return state["rows"].to_local()


@fact(
    "torch.distributed.checkpoint.save",
    "torch.distributed.checkpoint.load",
    since="2.5",
    calls="none",
    myth="a checkpoint is loaded on as many ranks as it was saved on",
)
@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2), (2, 4)])
def test_number_of_ranks_may_change(ranks, path, before, after):
    """What some ranks wrote by `torch.distributed.checkpoint.save` is cut anew by `load` for more or fewer of them."""
    ranks(before, _save_rows, path)
    same(torch.cat(ranks(after, _load_part, path, 0)), ROWS)


@fact("torch.distributed.checkpoint.save", "torch.distributed.checkpoint.load", since="2.5", calls="none")
def test_placement_may_change(ranks, path):
    """`torch.distributed.checkpoint.load` cuts along the placement of the DTensor that it is given."""
    ranks(2, _save_rows, path)
    same(torch.cat(ranks(2, _load_part, path, 1), dim=1), ROWS)


@fact("torch.distributed.checkpoint.save", "torch.distributed.checkpoint.load", since="2.5", calls="none")
def test_shards_are_loaded_whole_into_a_plain_tensor(ranks, path):
    """`torch.distributed.checkpoint.load` puts the shards of a DTensor together where it is given a plain tensor."""
    ranks(2, _save_rows, path)
    (state,) = ranks(1, _load, path, {"rows": torch.zeros(3, 2)})
    same(state["rows"], ROWS)


# --- load -------------------------------------------------------------------------------------------------------------


def _into(rank, path):
    import torch.distributed.checkpoint as dcp

    weight = torch.zeros(2)
    returned = dcp.load({"weight": weight}, checkpoint_id=path)
    return returned, weight


@fact(
    "torch.distributed.checkpoint.load",
    myth="torch.distributed.checkpoint.load returns the state",
    since="2.3",
    calls="checkpoint_id",
)
def test_load_writes_into_the_tensors_it_is_given(ranks, path):
    """`torch.distributed.checkpoint.load` writes into the tensors of the dict that it is given."""
    ranks(1, _save, path, {"weight": torch.tensor([1.0, 2.0])})
    ((_, weight),) = ranks(1, _into, path)
    same(weight, [1.0, 2.0])


def returns_the_state(patch):
    """`load` gives the dict back."""
    import torch.distributed.checkpoint as dcp

    patch.setattr(dcp, "load", lambda state, checkpoint_id: state)


@fact(
    "torch.distributed.checkpoint.load",
    myth="torch.distributed.checkpoint.load returns the state",
    since="2.3",
    calls="checkpoint_id",
    refuter=returns_the_state,
)
def test_load_returns_none(ranks, path):
    """`torch.distributed.checkpoint.load` returns None: what is loaded is in the dict that it was given."""
    ranks(1, _save, path, {"weight": torch.tensor([1.0, 2.0])})
    ((returned, _),) = ranks(1, _into, path)
    assert returned is None


@fact("torch.distributed.checkpoint.load", since="2.4", calls="any")
def test_load_replaces_what_is_no_tensor(ranks, path):
    """`torch.distributed.checkpoint.load` replaces numbers and texts in the dict that it is given."""
    ranks(1, _save, path, {"epoch": 3, "name": "run"})
    assert ranks(1, _load, path, {"epoch": 0, "name": ""}) == [{"epoch": 3, "name": "run"}]


@fact("torch.distributed.checkpoint.load", since="2.3", calls="checkpoint_id")
def test_load_takes_only_what_it_is_asked_for(ranks, path):
    """`torch.distributed.checkpoint.load` leaves out what the checkpoint has and the dict has not."""
    ranks(1, _save, path, {"one": torch.ones(1), "two": 2 * torch.ones(1)})
    (state,) = ranks(1, _load, path, {"two": torch.zeros(1)})
    assert list(state) == ["two"]
    same(state["two"], [2.0])


def loads_nothing(patch):
    """A `load` that refuses nothing."""
    import torch.distributed.checkpoint as dcp

    patch.setattr(dcp, "load", lambda *args, **options: None)


@fact(
    "torch.distributed.checkpoint.load",
    hint="pass planner=DefaultLoadPlanner(allow_partial_load=True)",
    refuter=loads_nothing,
    since="2.4",
    calls="any",
)
def test_load_refuses_a_key_that_was_not_saved(ranks, path):
    """`torch.distributed.checkpoint.load` refuses a key that the checkpoint has not: "Missing key in checkpoint"."""
    ranks(1, _save, path, {"one": torch.ones(1)})
    (told,) = ranks(1, _refused, path, {"one": torch.zeros(1), "more": torch.zeros(1)})
    assert "Missing key in checkpoint state_dict: more" in told


def _load_partly(rank, path, state):
    from torch.distributed.checkpoint import DefaultLoadPlanner

    return _load(rank, path, state, planner=DefaultLoadPlanner(allow_partial_load=True))


@fact("torch.distributed.checkpoint.DefaultLoadPlanner", since="2.4", calls="allow_partial_load", gain=True)
def test_allow_partial_load_leaves_what_was_not_saved(ranks, path):
    """With `DefaultLoadPlanner(allow_partial_load=True)`, what the checkpoint has not stays as it is."""
    ranks(1, _save, path, {"one": torch.ones(1)})
    (state,) = ranks(1, _load_partly, path, {"one": torch.zeros(1), "more": torch.tensor([7.0])})
    same(state["one"], [1.0])
    same(state["more"], [7.0])


@fact("torch.distributed.checkpoint.load", since="2.6", calls="any", refuter=loads_nothing)
def test_load_refuses_another_size(ranks, path):
    """`torch.distributed.checkpoint.load` refuses a tensor of another size than the saved one: "Size mismatch"."""
    ranks(1, _save, path, {"one": torch.ones(2)})
    (told,) = ranks(1, _refused, path, {"one": torch.zeros(3)})
    assert "ize mismatch" in told


# --- what is written --------------------------------------------------------------------------------------------------


def _save_own(rank, path):
    _save(rank, path, {f"of {rank}": torch.full((2,), float(rank))})


@fact(
    "torch.distributed.checkpoint.save", myth="a distributed checkpoint is one file", since="2.3", calls="checkpoint_id"
)
def test_each_rank_writes_a_file_of_its_own(ranks, path):
    """`torch.distributed.checkpoint.save` makes a folder with a file `.distcp` of each rank that has tensors."""
    ranks(2, _save_own, path)
    assert sorted(name for name in os.listdir(path) if name != ".metadata") == ["__0_0.distcp", "__1_0.distcp"]


@fact("torch.distributed.checkpoint.save", since="2.3", calls="checkpoint_id")
def test_metadata_lies_beside_the_files_of_ranks(ranks, path):
    """`torch.distributed.checkpoint.save` of two ranks writes one `.metadata` into its folder."""
    ranks(2, _save_own, path)
    assert os.listdir(path).count(".metadata") == 1


@fact("torch.distributed.checkpoint.save", since="2.3", calls="checkpoint_id")
def test_what_ranks_have_in_common_is_written_once(ranks, path):
    """`torch.distributed.checkpoint.save` writes a plain tensor that every rank has under one name a single time."""
    ranks(2, _save, path, {"weight": torch.zeros(1 << 18)})
    written = sum(os.path.getsize(os.path.join(path, name)) for name in os.listdir(path))
    assert 1 << 20 <= written < 3 << 19


def _sizes(rank, path):
    from torch.distributed.checkpoint import FileSystemReader

    found = FileSystemReader(path).read_metadata().state_dict_metadata
    return {name: tuple(entry.size) for name, entry in found.items()}


@fact(
    "torch.distributed.checkpoint.FileSystemReader",
    "torch.distributed.checkpoint.FileSystemReader.read_metadata",
    "torch.distributed.checkpoint.save",
    since="2.3",
    calls="checkpoint_id",
)
def test_metadata_tells_the_sizes(ranks, path):
    """`FileSystemReader.read_metadata` tells the names and sizes of a checkpoint's tensors."""
    ranks(1, _save, path, {"one": torch.ones(2), "two": torch.ones(3, 4)})
    assert ranks(1, _sizes, path) == [{"one": (2,), "two": (3, 4)}]


@fact(
    "torch.distributed.checkpoint.save",
    "torch.distributed.checkpoint.FileSystemReader",
    since="2.3",
    calls="checkpoint_id",
)
def test_names_in_a_dict_have_dots(ranks, path):
    """`torch.distributed.checkpoint.save` writes a tensor in a dict in the state under names joined by a dot."""
    ranks(1, _save, path, {"model": {"weight": torch.ones(3, 4)}})
    assert [list(sizes) for sizes in ranks(1, _sizes, path)] == [["model.weight"]]


def _save_by(rank, path, options):
    import torch.distributed.checkpoint as dcp

    state = {"one": torch.ones(1), "two": torch.ones(1)}
    dcp.save(state, storage_writer=dcp.FileSystemWriter(path, **options))


@fact("torch.distributed.checkpoint.FileSystemWriter", "torch.distributed.checkpoint.save")
def test_single_file_per_rank_false_makes_a_file_each(ranks, path):
    """`FileSystemWriter` with `single_file_per_rank=False` writes every tensor into a file of its own."""
    ranks(1, _save_by, path, {"single_file_per_rank": False})
    assert sorted(os.listdir(path)) == [".metadata", "__0_0.distcp", "__0_1.distcp"]


def _refuse_to_overwrite(rank, path):
    _save_by(rank, path, {})
    from torch.distributed.checkpoint import api

    with pytest.raises(api.CheckpointException) as refusal:
        _save_by(rank, path, {"overwrite": False})
    return str(refusal.value)


@fact("torch.distributed.checkpoint.FileSystemWriter", since="2.4", calls="overwrite=False", gain=True)
def test_overwrite_false_keeps_what_is_there(ranks, path):
    """`FileSystemWriter` with `overwrite=False` refuses a folder with a checkpoint: "Checkpoint already exists"."""
    assert "Checkpoint already exists" in ranks(1, _refuse_to_overwrite, path)[0]


def _save_twice(rank, path):
    for value in (1.0, 2.0):
        _save(rank, path, {"weight": torch.tensor([value])})
    return _load(rank, path, {"weight": torch.zeros(1)})["weight"]


@fact("torch.distributed.checkpoint.save", since="2.3", calls="checkpoint_id")
def test_saving_again_replaces_the_checkpoint(ranks, path):
    """`torch.distributed.checkpoint.save` into a folder with a checkpoint replaces that."""
    same(torch.stack(ranks(1, _save_twice, path)), [[2.0]])


def _saved(rank, path):
    import torch.distributed.checkpoint as dcp

    states = {"one": torch.ones(2)}, {"two": torch.ones(3)}
    return [list(dcp.save(state, checkpoint_id=path).state_dict_metadata) for state in states]


@fact("torch.distributed.checkpoint.save", since="2.3", calls="checkpoint_id")
def test_save_returns_the_metadata(ranks, path):
    """`torch.distributed.checkpoint.save` returns the Metadata of what it has written."""
    assert ranks(1, _saved, path) == [[["one"], ["two"]]]


def _save_alone(rank, path):
    torch.distributed.destroy_process_group()
    _save(rank, path, {"weight": torch.tensor([1.0])})
    return _load(rank, path, {"weight": torch.zeros(1)})["weight"]


@fact(
    "torch.distributed.checkpoint.save",
    "torch.distributed.checkpoint.load",
    since="2.3",
    calls="any",
    gain=True,
    myth="torch.distributed.checkpoint needs a process group",
)
def test_works_without_a_process_group(ranks, path):
    """`torch.distributed.checkpoint.save` and `load` work in a process that has no process group."""
    same(torch.stack(ranks(1, _save_alone, path)), [[1.0]])


# --- objects ----------------------------------------------------------------------------------------------------------


class _Counter:
    """Has a state, as `torch.distributed.checkpoint.stateful.Stateful` asks for."""

    def __init__(self, count):
        self.count = count

    def state_dict(self):
        return {"count": self.count}

    def load_state_dict(self, state):
        self.count = state["count"] + 100


def _save_counter(rank, path):
    _save(rank, path, {"counter": _Counter(5)})


def _load_counter(rank, path):
    return _load(rank, path, {"counter": _Counter(0)})["counter"].count


@fact("torch.distributed.checkpoint.save", "torch.distributed.checkpoint.load", since="2.3", calls="checkpoint_id")
def test_objects_with_a_state_dict_save_and_load_themselves(ranks, path):
    """DCP saves what an object's `state_dict` gives, and `load` hands it to the `load_state_dict` of the one there."""
    ranks(1, _save_counter, path)
    assert ranks(1, _load_counter, path) == [105]


def _save_meanwhile(rank, path):
    import torch.distributed.checkpoint as dcp

    weight = torch.tensor([1.0, 2.0])
    written = dcp.async_save({"weight": weight}, checkpoint_id=path)
    weight.zero_()
    written.result()


@fact("torch.distributed.checkpoint.async_save")
@pytest.mark.slow
def test_async_save_writes_what_was_there_when_it_returned(ranks, path):
    """`async_save` writes the values of its call, though training goes on to change the tensors before `result()`."""
    ranks(1, _save_meanwhile, path)
    (state,) = ranks(1, _load, path, {"weight": torch.zeros(2)})
    same(state["weight"], [1.0, 2.0])


# --- torch.save -------------------------------------------------------------------------------------------------------


def _to_torch(rank, path, file):
    from torch.distributed.checkpoint.format_utils import dcp_to_torch_save

    dcp_to_torch_save(path, file)


@fact("torch.distributed.checkpoint.format_utils.dcp_to_torch_save", "torch.distributed.tensor.Shard")
def test_dcp_to_torch_save_makes_a_file_for_torch_load(ranks, path, tmp_path):
    """`dcp_to_torch_save` makes of a distributed checkpoint one file, which `torch.load` reads: shards are whole."""
    ranks(2, _save_rows, path)
    ranks(1, _to_torch, path, str(tmp_path / "one.pt"))
    same(torch.load(tmp_path / "one.pt")["rows"], ROWS)


def _from_torch(rank, file, path):
    from torch.distributed.checkpoint.format_utils import torch_save_to_dcp

    torch_save_to_dcp(file, path)


@fact("torch.distributed.checkpoint.format_utils.torch_save_to_dcp")
def test_torch_save_to_dcp_makes_a_distributed_checkpoint(ranks, path, tmp_path):
    """`torch_save_to_dcp` makes of a file of `torch.save` a checkpoint for `torch.distributed.checkpoint.load`."""
    torch.save({"rows": torch.tensor(ROWS)}, tmp_path / "one.pt")
    ranks(1, _from_torch, str(tmp_path / "one.pt"), path)
    (state,) = ranks(1, _load, path, {"rows": torch.zeros(3, 2)})
    same(state["rows"], ROWS)


# --- state dicts of models and optimizers -----------------------------------------------------------------------------


def _layer():
    layer = nn.Linear(2, 3, bias=False, device=own_device())
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(ROWS))
    return layer


def _options(**options):
    from torch.distributed.checkpoint.state_dict import StateDictOptions

    return StateDictOptions(**options)


def _sharded():
    from torch.distributed.fsdp import fully_shard

    layer = _layer()
    fully_shard(layer)
    return layer


def _wrapped_state(rank):
    from torch.distributed.checkpoint.state_dict import get_model_state_dict

    return {name: value.cpu() for name, value in get_model_state_dict(DistributedDataParallel(_layer())).items()}


@fact("torch.distributed.checkpoint.state_dict.get_model_state_dict")
def test_get_model_state_dict_leaves_ddps_prefix_out(ranks):
    """`get_model_state_dict` of a DistributedDataParallel has the names of the plain module, without `module.`."""
    (state,) = ranks(1, _wrapped_state)
    assert list(state) == ["weight"]
    same(state["weight"], ROWS)


def _full_state(rank, options):
    from torch.distributed.checkpoint.state_dict import get_model_state_dict

    return get_model_state_dict(_sharded(), options=_options(**options))


@fact("torch.distributed.checkpoint.state_dict.get_model_state_dict", since="2.6", calls="none")
def test_full_state_dict_is_whole_on_every_rank(ranks):
    """`get_model_state_dict` with `full_state_dict=True` gives every rank whole plain tensors of an FSDP model."""
    got = ranks(2, _full_state, {"full_state_dict": True})
    same(torch.stack([state["weight"] for state in got]), [ROWS, ROWS])


@fact("torch.distributed.checkpoint.state_dict.get_model_state_dict", since="2.6", calls="none")
def test_full_state_dict_with_cpu_offload_is_on_rank_0_only(ranks):
    """With `full_state_dict=True` and `cpu_offload=True`, `get_model_state_dict` gives rank 0 all, others nothing."""
    first, second = ranks(2, _full_state, {"full_state_dict": True, "cpu_offload": True})
    same(first["weight"], ROWS)
    assert second == {}


def _set_from_rank_0(rank):
    from torch.distributed.checkpoint.state_dict import set_model_state_dict

    layer = _sharded()
    state = {"weight": 10 * torch.tensor(ROWS)} if rank == 0 else {}
    set_model_state_dict(layer, state, options=_options(full_state_dict=True, broadcast_from_rank0=True))
    return layer.weight.full_tensor().detach().clone()


@fact("torch.distributed.checkpoint.state_dict.set_model_state_dict", since="2.6", calls="none")
def test_broadcast_from_rank0_loads_a_state_that_only_rank_0_has(ranks):
    """`set_model_state_dict` with `broadcast_from_rank0=True` shards the whole state of rank 0 over all ranks."""
    got = ranks(2, _set_from_rank_0)
    same(torch.stack(got), 10 * torch.tensor([ROWS, ROWS]))


def _optimizer_state(rank):
    from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict

    layer = _layer()
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.5, momentum=0.9)
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    state = get_optimizer_state_dict(layer, optimizer)
    names = list(state["state"]), state["param_groups"][0]["params"], list(optimizer.state_dict()["state"])
    return names, state["state"]["weight"]["momentum_buffer"]


@fact("torch.distributed.checkpoint.state_dict.get_optimizer_state_dict")
def test_get_optimizer_state_dict_names_the_parameters(ranks):
    """`get_optimizer_state_dict` has the names of parameters where an optimizer's own `state_dict` has numbers."""
    ((names, momentum),) = ranks(1, _optimizer_state)
    assert names == (["weight"], ["weight"], [0])
    same(momentum, torch.ones(3, 2))


def _resumed(rank):
    from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict

    layer, other = _layer(), nn.Linear(2, 3, bias=False)
    optimizers = [torch.optim.SGD(one.parameters(), lr=0.5, momentum=0.5) for one in (layer, other)]
    layer(torch.ones(1, 2)).sum().backward()
    optimizers[0].step()
    model_state, optimizer_state = get_state_dict(layer, optimizers[0])
    set_state_dict(other, optimizers[1], model_state_dict=model_state, optim_state_dict=optimizer_state)
    other(torch.ones(1, 2)).sum().backward()
    optimizers[1].step()
    return other.weight.detach()


@fact(
    "torch.distributed.checkpoint.state_dict.get_state_dict",
    "torch.distributed.checkpoint.state_dict.set_state_dict",
    since="2.2",
    calls="none",
)
def test_state_dicts_carry_training_on(ranks):
    """What `get_state_dict` gives of a model and its optimizer lets `set_state_dict` carry training on in others."""
    (weight,) = ranks(1, _resumed)
    same(weight, torch.tensor(ROWS) - 0.5 - 0.5 * 1.5)
