"""What a distributed checkpoint is planned with, written by and read from: planners, plans, metadata, storage."""

import io

import pytest
import torch

from torchproof import fact, same

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180), pytest.mark.cpu]

DCP = "torch.distributed.checkpoint"
ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


def _dcp():
    import torch.distributed.checkpoint

    return torch.distributed.checkpoint


@pytest.fixture
def path(tmp_path):
    """Where a checkpoint is saved."""
    return str(tmp_path / "checkpoint")


def _state():
    return {"model": {"weight": torch.tensor(ROWS)}, "epoch": 3}


def _planned(state=None, **options):
    """A planner of one process for a state, and its plan."""
    planner = _dcp().DefaultSavePlanner(**options)
    planner.set_up_planner(_state() if state is None else state, is_coordinator=True)
    return planner, planner.create_local_plan()


# --- what is planned --------------------------------------------------------------------------------------------------


@fact(f"{DCP}.DefaultSavePlanner", f"{DCP}.SavePlan")
def test_save_planner_flattens_dicts():
    """`DefaultSavePlanner` plans an item for each value inside of dicts, with names joined by dots: `model.weight`."""
    _, plan = _planned()
    assert [item.index.fqn for item in plan.items] == ["model.weight", "epoch"]


@fact(f"{DCP}.DefaultSavePlanner", f"{DCP}.SavePlan")
def test_save_planner_keeps_dicts_that_it_is_told_to_keep():
    """`DefaultSavePlanner(flatten_state_dict=False)` plans a dict inside of the state as one item of bytes."""
    _, plan = _planned(flatten_state_dict=False)
    assert [(item.index.fqn, item.type.name) for item in plan.items] == [("model", "BYTE_IO"), ("epoch", "BYTE_IO")]


@fact(f"{DCP}.WriteItem", f"{DCP}.planner.TensorWriteData", f"{DCP}.ChunkStorageMetadata")
def test_write_item_of_a_tensor_says_which_part_of_it_is_written():
    """The `WriteItem` of a plain tensor has its dtype, its size, and one chunk that is all of it."""
    item = _planned()[1].items[0]
    data = item.tensor_data
    assert (item.type.name, data.properties.dtype, data.size) == ("TENSOR", torch.float32, torch.Size([3, 2]))
    assert (data.chunk.offsets, data.chunk.sizes) == (torch.Size([0, 0]), torch.Size([3, 2]))


@fact(f"{DCP}.WriteItem.tensor_storage_size", f"{DCP}.WriteItem")
def test_tensor_storage_size_is_in_bytes():
    """`tensor_storage_size` of a WriteItem is the bytes of its tensor, and None of what is no tensor."""
    tensor, number = _planned()[1].items
    assert (tensor.tensor_storage_size(), number.tensor_storage_size()) == (24, None)


@fact(f"{DCP}.planner.BytesIOWriteData", f"{DCP}.WriteItem")
def test_write_item_of_bytes_has_their_number():
    """A `WriteItem` made with a `BytesIOWriteData` has the number of bytes there, and no `tensor_data`."""
    from torch.distributed.checkpoint import planner
    from torch.distributed.checkpoint.metadata import MetadataIndex

    data = planner.BytesIOWriteData(nbytes=7)
    item = _dcp().WriteItem(index=MetadataIndex("epoch"), type=planner.WriteItemType.BYTE_IO, bytes_io_data=data)
    assert (item.bytes_io_data.nbytes, item.tensor_data) == (7, None)


@fact(f"{DCP}.DefaultSavePlanner.resolve_data")
def test_resolve_data_gives_tensors_and_pickled_bytes():
    """`resolve_data` of DefaultSavePlanner gives the tensor of an item, and other values as `torch.save` has them."""
    planner, plan = _planned()
    tensor, number = map(planner.resolve_data, plan.items)
    same(tensor, ROWS)
    assert torch.load(io.BytesIO(number.getvalue())) == 3


@fact(f"{DCP}.DefaultSavePlanner.create_global_plan", f"{DCP}.Metadata")
def test_global_plan_writes_what_is_replicated_once():
    """`create_global_plan` of DefaultSavePlanner leaves what two ranks have in common to one of them."""
    planner, plan = _planned({"weight": torch.tensor(ROWS)})
    plans, metadata = planner.create_global_plan([plan, plan])
    assert sorted(len(each.items) for each in plans) == [0, 1]
    assert list(metadata.state_dict_metadata) == ["weight"]


@fact(
    f"{DCP}.default_planner.create_default_local_save_plan",
    f"{DCP}.default_planner.create_default_global_save_plan",
    f"{DCP}.BytesStorageMetadata",
)
def test_default_plans_give_every_item_its_place():
    """`create_default_global_save_plan` makes metadata with an entry a name: of a tensor, or of pickled bytes."""
    from torch.distributed.checkpoint import default_planner

    local = default_planner.create_default_local_save_plan({"weight": torch.tensor(ROWS), "epoch": 3}, True)
    (plan,), metadata = default_planner.create_default_global_save_plan([local])
    assert [item.index.fqn for item in plan.items] == ["weight", "epoch"]
    assert {name: type(entry).__name__ for name, entry in metadata.state_dict_metadata.items()} == {
        "weight": "TensorStorageMetadata",
        "epoch": "BytesStorageMetadata",
    }


@fact(f"{DCP}.default_planner.create_default_local_save_plan", since="2.1", calls="none")
def test_ranks_beside_the_coordinator_plan_plain_tensors_too():
    """`create_default_local_save_plan` plans plain tensors on a rank that is not the coordinator too."""
    from torch.distributed.checkpoint import default_planner

    plan = default_planner.create_default_local_save_plan({"weight": torch.tensor(ROWS)}, False)
    assert [item.index.fqn for item in plan.items] == ["weight"]


def _metadata(size=(3, 2)):
    """Of one tensor that was written in two chunks of rows."""
    from torch.distributed.checkpoint import metadata

    chunks = [
        metadata.ChunkStorageMetadata(torch.Size([0, 0]), torch.Size([2, 2])),
        metadata.ChunkStorageMetadata(torch.Size([2, 0]), torch.Size([1, 2])),
    ]
    properties = metadata.TensorProperties(dtype=torch.float32)
    entry = metadata.TensorStorageMetadata(properties, torch.Size(size), chunks)
    return metadata.Metadata(state_dict_metadata={"weight": entry})


LOCAL_LOAD = f"{DCP}.default_planner.create_default_local_load_plan"


def _load_plan(state, *others):
    from torch.distributed.checkpoint.default_planner import create_default_local_load_plan

    return create_default_local_load_plan(state, _metadata(), *others)


@fact(LOCAL_LOAD, f"{DCP}.LoadPlan", f"{DCP}.ReadItem", f"{DCP}.TensorStorageMetadata")
def test_load_plan_reads_each_chunk_into_its_place():
    """A `LoadPlan` has a `ReadItem` for each written chunk: its place in the tensor, in the chunk, and its size."""
    plan = _load_plan({"weight": torch.zeros(3, 2)})
    assert [(item.dest_offsets, item.storage_offsets, item.lengths) for item in plan.items] == [
        (torch.Size([0, 0]), torch.Size([0, 0]), torch.Size([2, 2])),
        (torch.Size([2, 0]), torch.Size([0, 0]), torch.Size([1, 2])),
    ]


@fact(LOCAL_LOAD)
def test_load_plan_refuses_a_name_that_was_not_written():
    """`create_default_local_load_plan` refuses a name that the metadata has not: "Missing key in checkpoint"."""
    with pytest.raises((RuntimeError, KeyError), match="Missing key|other"):
        _load_plan({"other": torch.zeros(3, 2)})


@fact(LOCAL_LOAD, since="2.4", calls="none")
def test_load_plan_leaves_out_a_name_where_it_is_not_strict():
    """`create_default_local_load_plan` with `strict=False` leaves out a name that the metadata has not."""
    plan = _load_plan({"weight": torch.zeros(3, 2), "other": torch.zeros(3, 2)}, False)
    assert {item.dest_index.fqn for item in plan.items} == {"weight"}


@fact(f"{DCP}.default_planner.create_default_global_load_plan", f"{DCP}.LoadPlan")
def test_global_load_plan_is_that_of_each_rank():
    """`create_default_global_load_plan` leaves the plan of each rank the items that it had."""
    from torch.distributed.checkpoint.default_planner import create_default_global_load_plan

    items = _load_plan({"weight": torch.zeros(3, 2)}).items
    plans = create_default_global_load_plan([_dcp().LoadPlan(items[:1]), _dcp().LoadPlan(items[1:])])
    assert [plan.items for plan in plans] == [items[:1], items[1:]]


@fact(f"{DCP}.metadata.MetadataIndex")
def test_metadata_index_is_equal_by_name_and_place():
    """Two `MetadataIndex` of one name and offset are equal, whatever their `index`."""
    from torch.distributed.checkpoint.metadata import MetadataIndex

    one, other = MetadataIndex("weight", [2, 0], index=1), MetadataIndex("weight", torch.Size([2, 0]), index=None)
    assert (one.index, other.index) == (1, None)
    assert one == other


@fact(f"{DCP}.metadata.MetadataIndex")
@pytest.mark.parametrize("other", [("bias", [2, 0]), ("weight", [0, 0])], ids=["name", "offset"])
def test_metadata_index_differs_by_name_and_place(other):
    """Two `MetadataIndex` of another name or offset are not equal."""
    from torch.distributed.checkpoint.metadata import MetadataIndex

    one = MetadataIndex("weight", [2, 0])
    assert one == MetadataIndex("weight", [2, 0])
    assert one != MetadataIndex(*other)


@fact(
    f"{DCP}.metadata.TensorProperties.create_from_tensor", f"{DCP}.metadata.TensorProperties", since="2.0", calls="none"
)
def test_tensor_properties_are_those_of_a_tensor():
    """`TensorProperties.create_from_tensor` has the dtype, layout and `requires_grad` of a tensor."""
    from torch.distributed.checkpoint.metadata import TensorProperties

    found = TensorProperties.create_from_tensor(torch.ones(2, dtype=torch.float64, requires_grad=True))
    assert (found.dtype, found.layout, found.requires_grad) == (torch.float64, torch.strided, True)


# --- planners of one's own --------------------------------------------------------------------------------------------


def _names(path):
    return list(_dcp().FileSystemReader(path).read_metadata().state_dict_metadata)


def _prefixed(rank, path):
    class Renaming(_dcp().DefaultSavePlanner):
        def set_up_planner(self, state_dict, storage_meta=None, is_coordinator=False):
            renamed = {f"ema_{name}": value for name, value in state_dict.items()}
            super().set_up_planner(renamed, storage_meta, is_coordinator)

    _dcp().save({"weight": torch.tensor(ROWS)}, checkpoint_id=path, planner=Renaming())
    return _names(path)


@fact(f"{DCP}.SavePlanner", f"{DCP}.save", since="2.4", calls="none")
def test_save_planner_of_ones_own_renames_what_is_saved(ranks, path):
    """A SavePlanner that hands on a state with other names in `set_up_planner` saves it under those names."""
    assert ranks(1, _prefixed, path) == [["ema_weight"]]


def _halved(rank, path):
    class Halving(_dcp().DefaultSavePlanner):
        def resolve_data(self, write_item):
            data = super().resolve_data(write_item)
            return data / 2 if isinstance(data, torch.Tensor) else data

    weight = torch.tensor(ROWS)
    _dcp().save({"weight": weight}, checkpoint_id=path, planner=Halving())
    state = {"weight": torch.zeros(3, 2)}
    _dcp().load(state, checkpoint_id=path)
    return weight, state["weight"]


@fact(f"{DCP}.SavePlanner", f"{DCP}.save", f"{DCP}.load", since="2.3", calls="none")
def test_save_planner_of_ones_own_changes_what_is_written(ranks, path):
    """What `resolve_data` of a SavePlanner returns is what DCP writes: the state stays as it is."""
    ((weight, loaded),) = ranks(1, _halved, path)
    same(weight, ROWS)
    same(loaded, [[0.5, 1.0], [1.5, 2.0], [2.5, 3.0]])


def _counted(rank, path):
    committed = []

    class Counting(_dcp().DefaultLoadPlanner):
        def commit_tensor(self, read_item, tensor):
            committed.append(read_item.dest_index.fqn)
            tensor.add_(100)

    _dcp().save({"weight": torch.tensor(ROWS)}, checkpoint_id=path)
    state = {"weight": torch.zeros(3, 2)}
    _dcp().load(state, checkpoint_id=path, planner=Counting())
    return committed, state["weight"]


@fact(f"{DCP}.LoadPlanner", f"{DCP}.load", since="2.3", calls="none")
def test_load_planner_of_ones_own_sees_each_tensor_when_it_is_there(ranks, path):
    """`commit_tensor` of a LoadPlanner is called with each tensor after it was read, and may change it."""
    ((committed, weight),) = ranks(1, _counted, path)
    assert committed == ["weight"]
    same(weight, [[101.0, 102.0], [103.0, 104.0], [105.0, 106.0]])


# --- storage ----------------------------------------------------------------------------------------------------------


def _done(result=None):
    future = torch.futures.Future()
    future.set_result(result)
    return future


def _in_memory():
    """A writer into a dict and a reader from it, and the calls that were made of both."""
    from torch.distributed.checkpoint.storage import WriteResult

    dcp, kept, calls = _dcp(), {}, []

    def step(name):
        def call(self, given=None, *others, **options):
            calls.append(name)
            return given

        return call

    class Steps:
        reset = step("reset")
        set_up_storage_writer = set_up_storage_reader = step("set up")
        prepare_local_plan, prepare_global_plan = step("local plan"), step("global plan")
        validate_checkpoint_id = None

    class Writer(Steps, dcp.StorageWriter):
        def write_data(self, plan, planner):
            calls.append("write")
            kept.update((item.index, planner.resolve_data(item).clone()) for item in plan.items)
            return _done([WriteResult(item.index, 0, None) for item in plan.items])

        def finish(self, metadata, results):
            calls.append("finish")
            kept["metadata"], kept["results"] = metadata, results

    class Reader(Steps, dcp.StorageReader):
        def read_metadata(self, *args, **options):
            calls.append("metadata")
            return kept["metadata"]

        def read_data(self, plan, planner):
            calls.append("read")
            for item in plan.items:
                target = planner.resolve_tensor(item)
                target.copy_(kept[item.storage_index])
                planner.commit_tensor(item, target)
            return _done()

    return Writer(), Reader(), kept, calls


def _through_memory(rank):
    writer, reader, _, calls = _in_memory()
    _dcp().save({"weight": torch.tensor(ROWS)}, storage_writer=writer)
    written = [call for call in calls if call != "reset"]
    calls.clear()
    state = {"weight": torch.zeros(3, 2)}
    _dcp().load(state, storage_reader=reader)
    return written, [call for call in calls if call != "reset"], state["weight"]


@fact(f"{DCP}.StorageWriter", f"{DCP}.save", since="2.2", calls="none")
def test_storage_writer_is_called_in_its_order(ranks):
    """Beside `reset`, DCP calls a `StorageWriter` in this order: set up, local plan, global plan, write, finish."""
    ((written, *_),) = ranks(1, _through_memory)
    assert written == ["set up", "local plan", "global plan", "write", "finish"]


def _results(rank):
    writer, _, kept, _ = _in_memory()
    _dcp().save({f"of {rank}": torch.tensor(ROWS)}, storage_writer=writer)
    return [[result.index.fqn for result in results] for results in kept.get("results", [])]


@fact(f"{DCP}.storage.WriteResult", f"{DCP}.save", since="2.2", calls="none")
def test_storage_writer_is_finished_with_the_results_of_all(ranks):
    """`finish` of rank 0's `StorageWriter` is given the WriteResults that `write_data` of each rank has returned."""
    assert ranks(2, _results) == [[["of 0"], ["of 1"]], []]


@fact(f"{DCP}.StorageReader", f"{DCP}.load", since="2.2", calls="none")
def test_storage_reader_is_called_in_its_order(ranks):
    """Beside `reset`, DCP calls a `StorageReader` in this order: metadata, set up, local plan, global plan, read."""
    ((_, read, _),) = ranks(1, _through_memory)
    assert read == ["metadata", "set up", "local plan", "global plan", "read"]


@fact(f"{DCP}.StorageReader", f"{DCP}.StorageWriter", f"{DCP}.save", f"{DCP}.load", since="2.2", calls="none")
def test_storage_of_ones_own_keeps_a_checkpoint(ranks):
    """DCP's `load` by a `StorageReader` of one's own fills tensors with what a `StorageWriter` of one's own kept."""
    ((_, _, weight),) = ranks(1, _through_memory)
    same(weight, ROWS)


@pytest.mark.parametrize("kind", ["Writer", "Reader"])
@fact(f"{DCP}.StorageWriter", f"{DCP}.StorageReader", refuter=lambda patch: _make_concrete(patch))
def test_storage_without_its_methods_is_refused(kind):
    """`StorageWriter` and `StorageReader`, whose methods a subclass has to write, cannot be made: "abstract"."""
    with pytest.raises(TypeError, match="abstract"):
        getattr(_dcp(), f"Storage{kind}")()


def _make_concrete(patch):
    for kind in ("Writer", "Reader"):
        patch.setattr(getattr(_dcp(), f"Storage{kind}"), "__abstractmethods__", frozenset())


FILES = f"{DCP}.filesystem.FileSystem"


@pytest.fixture
def files():
    """The local file system as DCP sees it."""
    from torch.distributed.checkpoint.filesystem import FileSystem

    return FileSystem()


@fact(f"{FILES}.create_stream", f"{FILES}.concat_path", f"{FILES}.init_path")
def test_file_system_streams(files, tmp_path):
    """`FileSystem.create_stream` of `concat_path(folder, name)` writes a file, and reads it again."""
    file = files.concat_path(files.init_path(str(tmp_path)), "one")
    with files.create_stream(file, "wb") as stream:
        stream.write(b"written")
    with files.create_stream(file, "rb") as stream:
        assert stream.read() == b"written"
    assert (tmp_path / "one").read_bytes() == b"written"


@fact(f"{FILES}.mkdir")
def test_file_system_makes_folders(files, tmp_path):
    """`FileSystem.mkdir` of `torch.distributed.checkpoint` makes a folder, and those above it."""
    files.mkdir(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


@fact(f"{FILES}.exists")
def test_file_system_knows_what_exists(files, tmp_path):
    """`FileSystem.exists` of `torch.distributed.checkpoint` is True of a file that is there, and else False."""
    (tmp_path / "file").write_bytes(b"")
    assert [files.exists(tmp_path / name) for name in ("file", "other")] == [True, False]


@fact(f"{FILES}.rename")
def test_file_system_renames(files, tmp_path):
    """`FileSystem.rename` of `torch.distributed.checkpoint` moves a file to another name."""
    (tmp_path / "old").write_bytes(b"")
    files.rename(tmp_path / "old", tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


@fact(f"{FILES}.rm_file")
def test_file_system_removes_a_file(files, tmp_path):
    """`FileSystem.rm_file` of `torch.distributed.checkpoint` removes a file."""
    (tmp_path / "file").write_bytes(b"")
    files.rm_file(tmp_path / "file")
    assert [*tmp_path.iterdir()] == []


@fact(f"{FILES}.validate_checkpoint_id")
def test_file_system_takes_paths_and_no_addresses(files, tmp_path):
    """`FileSystem.validate_checkpoint_id` is True of a path on this machine, and False of an address as "s3://…"."""
    assert files.validate_checkpoint_id(tmp_path / "new") is True
    assert files.validate_checkpoint_id("s3://bucket/new") is False


def _remote(rank, name, writes):
    dcp = _dcp()
    state = {"weight": torch.tensor(ROWS if writes else [[0.0, 0.0]] * 3)}
    if writes:
        dcp.save(state, storage_writer=dcp.FsspecWriter(name, overwrite=True))
    else:
        dcp.load(state, storage_reader=dcp.FsspecReader(name))
    return state["weight"]


@fact(
    f"{DCP}.FsspecWriter",
    f"{DCP}.FsspecReader",
    f"{DCP}.save",
    f"{DCP}.load",
    requires="fsspec",
    since="2.15",
    calls="none",
)
def test_fsspec_writes_what_it_reads(ranks, tmp_path):
    """`FsspecWriter` and `FsspecReader` save to and load from an address that fsspec knows, as "file://…"."""
    address = (tmp_path / "checkpoint").as_uri()
    ranks(1, _remote, address, True)
    assert (tmp_path / "checkpoint" / ".metadata").exists()
    same(ranks(1, _remote, address, False)[0], ROWS)


HUGGING = (f"{DCP}.HuggingFaceStorageWriter", f"{DCP}.HuggingFaceStorageReader")


def _hugging(rank, path):
    dcp = _dcp()
    dcp.save({"weight": torch.tensor(ROWS)}, storage_writer=dcp.HuggingFaceStorageWriter(path, {"weight": 1}))
    state = {"weight": torch.zeros(3, 2)}
    dcp.load(state, storage_reader=dcp.HuggingFaceStorageReader(path))
    return state["weight"]


@fact(f"{DCP}.HuggingFaceStorageWriter", f"{DCP}.save", requires="safetensors")
def test_hugging_face_storage_is_of_safetensors(ranks, tmp_path):
    """`HuggingFaceStorageWriter` of DCP saves a file of safetensors, which `safetensors.torch.load_file` reads."""
    from safetensors.torch import load_file

    ranks(1, _hugging, str(tmp_path))
    (file,) = tmp_path.rglob("*.safetensors")
    same(load_file(file)["weight"], ROWS)


@fact(*HUGGING, f"{DCP}.save", f"{DCP}.load", requires="safetensors")
def test_hugging_face_storage_reads_what_it_writes(ranks, tmp_path):
    """`HuggingFaceStorageReader` of DCP loads what `HuggingFaceStorageWriter` has saved."""
    same(ranks(1, _hugging, str(tmp_path))[0], ROWS)


def _quantized(rank, path):
    state = {"layer.weight": torch.zeros(2, 4)}
    _dcp().load(state, storage_reader=_dcp().QuantizedHuggingFaceStorageReader(path, block_size=2))
    return state["layer.weight"]


@fact(f"{DCP}.QuantizedHuggingFaceStorageReader", f"{DCP}.load", requires="safetensors")
def test_quantized_hugging_face_storage_is_scaled_when_it_is_read(ranks, tmp_path):
    """`QuantizedHuggingFaceStorageReader` multiplies each block of a float8 weight by its own `weight_scale_inv`."""
    import json

    from safetensors.torch import save_file

    values = torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]).to(torch.float8_e4m3fn)
    scales = torch.tensor([[0.5, 2.0]])
    save_file({"layer.weight": values, "layer.weight_scale_inv": scales}, tmp_path / "model.safetensors")
    weights = dict.fromkeys(["layer.weight", "layer.weight_scale_inv"], "model.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weights}))
    same(ranks(1, _quantized, str(tmp_path))[0], [[0.5, 1.0, 6.0, 8.0], [2.5, 3.0, 14.0, 16.0]])


def _from_file(rank, path):
    from torch.distributed.checkpoint import format_utils

    state = {"weight": torch.zeros(3, 2)}
    reader, planner = format_utils.BroadcastingTorchSaveReader(), format_utils.DynamicMetaLoadPlanner()
    _dcp().load(state, storage_reader=reader, planner=planner, checkpoint_id=path)
    return state["weight"]


@fact(
    f"{DCP}.format_utils.BroadcastingTorchSaveReader",
    f"{DCP}.format_utils.DynamicMetaLoadPlanner",
    f"{DCP}.load",
    since="2.5",
    calls="none",
)
def test_file_of_torch_save_is_loaded_by_all_ranks(ranks, tmp_path):
    """With BroadcastingTorchSaveReader and DynamicMetaLoadPlanner, DCP loads what `torch.save` wrote on every rank."""
    torch.save({"weight": torch.tensor(ROWS)}, tmp_path / "one.pt")
    same(torch.stack(ranks(2, _from_file, str(tmp_path / "one.pt"))), [ROWS, ROWS])


# --- what failed ------------------------------------------------------------------------------------------------------


def _fails_on_1(rank, path):
    class Failing(_dcp().DefaultSavePlanner):
        def create_local_plan(self):
            if rank == 1:
                raise ValueError("no plan here")
            return super().create_local_plan()

    with pytest.raises(_dcp().CheckpointException) as refusal:
        _dcp().save({"weight": torch.zeros(1)}, checkpoint_id=path, planner=Failing())
    return {failed: type(error[0]).__name__ for failed, error in refusal.value.failures.items()}


@fact(f"{DCP}.CheckpointException", f"{DCP}.CheckpointException.failures", since="2.3", calls="none")
def test_checkpoint_exception_tells_which_ranks_failed(ranks, path):
    """What one rank raises while a checkpoint is saved reaches all ranks in `CheckpointException.failures`, by rank."""
    assert ranks(2, _fails_on_1, path) == [{1: "ValueError"}] * 2


# --- copies for saving later ------------------------------------------------------------------------------------------


@fact(f"{DCP}.staging.BlockingAsyncStager.stage", f"{DCP}.staging.BlockingAsyncStager")
def test_blocking_stager_copies():
    """`BlockingAsyncStager.stage` returns a copy of the state: what is then written to the tensors is not in it."""
    from torch.distributed.checkpoint.staging import BlockingAsyncStager

    weight = torch.tensor(ROWS)
    staged = BlockingAsyncStager().stage({"weight": weight, "epoch": 3})
    weight.zero_()
    same(staged["weight"], ROWS)
    assert staged["epoch"] == 3


STAGER = f"{DCP}.staging.DefaultStager"
PLAIN = {"use_pinned_memory": False, "use_shared_memory": False, "use_non_blocking_copy": False}


def _staged(weight, **options):
    """What a DefaultStager gives, and the stager."""
    from torch.distributed.checkpoint.staging import DefaultStager, StagingOptions

    stager = DefaultStager(StagingOptions(**{**PLAIN, **options}))
    return stager.stage({"weight": weight}), stager


@fact(f"{STAGER}.stage", f"{DCP}.staging.StagingOptions")
def test_default_stager_copies():
    """`DefaultStager.stage` with every option of `StagingOptions` off returns a copy of the state."""
    weight = torch.tensor(ROWS)
    staged, stager = _staged(weight, use_async_staging=False)
    weight.zero_()
    same(staged["weight"], ROWS)
    stager.close()


@fact(f"{STAGER}.stage", f"{DCP}.staging.StagingOptions")
def test_default_stager_copies_meanwhile():
    """`DefaultStager.stage` with `use_async_staging=True` returns a Future, which `synchronize_staging` waits for."""
    staged, stager = _staged(torch.tensor(ROWS), use_async_staging=True)
    stager.synchronize_staging()
    assert staged.done()
    same(staged.result()["weight"], ROWS)
    stager.close()
