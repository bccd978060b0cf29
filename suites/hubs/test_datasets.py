"""Hugging Face `datasets` in PyTorch: formats, batches, workers, `map` and streams; torch's own are in suites/data."""

import pytest
import torch
from torch.utils.data import DataLoader

from torchproof import fact, same

DATASETS = "datasets>=3.1"
PAGE = "https://huggingface.co/docs/datasets/use_with_pytorch"


@pytest.fixture
def rows():
    """Three rows of two features, a label and a name, that are in memory."""
    import datasets

    datasets.disable_progress_bars()
    points = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    return datasets.Dataset.from_dict({"x": points, "y": [0, 1, 2], "name": ["a", "b", "c"]})


@fact("datasets.Dataset.with_format", "torch.utils.data.DataLoader", requires=DATASETS, claims=["D14"], source=PAGE)
def test_in_torchs_format_is_batched_by_a_loader(rows):
    """A `DataLoader` makes of rows of `datasets.Dataset.with_format("torch")` stacked tensors and lists of strings."""
    batch = next(iter(DataLoader(rows.with_format("torch"), batch_size=2)))
    same(batch["x"], torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    same(batch["y"], torch.tensor([0, 1]))
    assert batch["name"] == ["a", "b"]


@fact("torch.utils.data.DataLoader", requires=DATASETS, claims=["D14"], source=PAGE, hint='say with_format("torch")',
      myth="a DataLoader makes (batch, features) of any Hugging Face dataset")  # fmt: skip
def test_without_a_format_is_batched_by_columns(rows):
    """A `DataLoader` makes of float lists in a `datasets.Dataset` without a format a float64 tensor for each place."""
    batch = next(iter(DataLoader(rows, batch_size=2)))
    assert len(batch["x"]) == 2
    same(batch["x"][0], torch.tensor([1.0, 3.0], dtype=torch.float64))


@fact("datasets.Dataset.with_format", requires=DATASETS, source=PAGE)
def test_format_gives_float32_and_int64(rows):
    """`datasets.Dataset.with_format("torch")` gives float32 and int64, also where floats are stored as float64."""
    row = rows.with_format("torch")[0]
    assert str(rows.features["x"]).count("float64") == 1
    assert (row["x"].dtype, row["y"].dtype) == (torch.float32, torch.int64)


@fact("datasets.Dataset.with_format", requires=DATASETS, source=PAGE)
def test_format_of_some_columns_leaves_out_the_others(rows):
    """`datasets.Dataset.with_format("torch", columns=["x", "y"])` gives rows of these columns alone, as tensors."""
    row = rows.with_format("torch", columns=["x", "y"])[0]
    assert list(row) == ["x", "y"] and isinstance(row["x"], torch.Tensor)


@fact("datasets.Dataset.with_format", requires=DATASETS, myth="with_format changes the dataset", source=PAGE)
def test_format_is_of_a_new_dataset(rows):
    """`datasets.Dataset.with_format("torch")` gives a new dataset in that format, and leaves the first as it is."""
    formatted = rows.with_format("torch")
    assert isinstance(formatted[0]["y"], torch.Tensor) and type(rows[0]["y"]) is int


@fact(
    "datasets.Dataset.with_format", "torch.utils.data.DataLoader", requires=DATASETS, hint="give a collate_fn that pads"
)
def test_rows_of_other_lengths_are_not_stacked():
    """A `DataLoader` refuses a batch of `with_format("torch")` rows of two lengths: "each tensor to be equal size"."""
    import datasets

    ragged = datasets.Dataset.from_dict({"x": [[1, 2], [3]]}).with_format("torch")
    assert [one["x"].tolist() for one in ragged] == [[1, 2], [3]]
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        next(iter(DataLoader(ragged, batch_size=2)))


@fact("datasets.Dataset.with_format", requires=DATASETS, myth="a row in torch's format is a view of the dataset")
def test_a_write_to_a_row_is_not_kept(rows):
    """A write to a tensor of `with_format("torch")` is lost: the `datasets.Dataset` gives the row anew each time."""
    formatted = rows.with_format("torch")
    formatted[0]["x"].zero_()
    same(formatted[0]["x"], torch.tensor([1.0, 2.0]))


@fact("datasets.Dataset.with_transform", requires=DATASETS)
def test_a_transform_runs_as_rows_are_read(rows):
    """`datasets.Dataset.with_transform` runs its function each time that a row is read, and not before."""
    calls = []
    drawn = rows.with_transform(lambda batch: {"n": [calls.append(1) or len(calls) for _ in batch["y"]]})
    assert calls == []
    assert [drawn[0]["n"], drawn[0]["n"]] == [1, 2]


@fact("datasets.Dataset.map", requires=DATASETS, hint='with_format("torch") after map, too',
      myth="the columns that map makes lists of stay tensors")  # fmt: skip
def test_map_stores_plain_values(rows):
    """`datasets.Dataset.map` stores tensors as plain values, which are lists again without `with_format("torch")`."""
    mapped = rows.map(lambda row: {"z": torch.tensor(row["x"]) * 2})
    assert mapped[0]["z"] == [2.0, 4.0]
    same(mapped.with_format("torch")[0]["z"], torch.tensor([2.0, 4.0]))


@pytest.fixture
def stored(rows, tmp_path):
    """The same rows from files, beside which `map` keeps what it has made."""
    import datasets

    rows.save_to_disk(str(tmp_path / "rows"))
    return datasets.load_from_disk(str(tmp_path / "rows"))


@fact(
    "datasets.Dataset.map", requires=DATASETS, myth="map runs its function each time", hint="load_from_cache_file=False"
)
def test_map_runs_the_same_function_once(stored, tmp_path):
    """`datasets.Dataset.map` of a dataset in files runs the same function once a row, and reads what it made then."""

    def double(row):
        (tmp_path / "calls").open("a").write("x")
        return {"z": row["y"] * 2}

    assert [stored.map(double)["z"][:] for _ in range(2)] == [[0, 2, 4]] * 2
    assert (tmp_path / "calls").read_text() == "xxx"


@fact("datasets.Dataset.map", requires=DATASETS, myth="map takes what it made from an older value of a global")
def test_map_runs_again_where_what_the_function_uses_has_changed(stored):
    """`datasets.Dataset.map` runs a function again where a local variable that it uses has another value by now."""
    times = 2
    before = stored.map(lambda row: {"z": row["y"] * times})["z"][:]
    times = 3
    assert (before, stored.map(lambda row: {"z": row["y"] * times})["z"][:]) == ([0, 2, 4], [0, 3, 6])


@fact("datasets.IterableDataset.with_format", "torch.utils.data.DataLoader", requires=DATASETS, source=PAGE,
      myth="each worker of a DataLoader gives the whole of an iterable dataset")  # fmt: skip
def test_streamed_rows_are_shared_out_among_workers(rows):
    """Workers of a `DataLoader` share out the shards of a `datasets.IterableDataset`: each row comes once."""
    streamed = rows.to_iterable_dataset(num_shards=2).with_format("torch")
    streamed = streamed.map(lambda row: {"worker": torch.utils.data.get_worker_info().id})
    seen = [(int(row["y"]), int(row["worker"])) for row in DataLoader(streamed, batch_size=None, num_workers=2)]
    assert sorted(seen) == [(0, 0), (1, 0), (2, 1)]


# --- streaming --------------------------------------------------------------------------------------------------------

STREAM = "https://huggingface.co/docs/datasets/stream"


@pytest.fixture
def stream(tmp_path):
    """Twenty rows of two files, read as they are asked for."""
    import datasets

    for file in range(2):
        rows = "".join(f'{{"n": {10 * file + row}}}\n' for row in range(10))
        (tmp_path / f"rows{file}.jsonl").write_text(rows)
    return datasets.load_dataset("json", data_files=f"{tmp_path}/rows*.jsonl", split="train", streaming=True)


def numbers(rows):
    return [row["n"] for row in rows]


@fact("datasets.load_dataset", requires=DATASETS, source=STREAM, myth="streaming=True downloads everything first")
def test_streaming_reads_as_rows_are_asked_for(stream, tmp_path):
    """`datasets.load_dataset(streaming=True)` reads a local file as its rows are asked for: later writes are seen."""
    (tmp_path / "rows1.jsonl").write_text('{"n": 99}\n')
    assert numbers(stream) == [*range(10), 99]


@fact("datasets.load_dataset", requires=DATASETS, source=STREAM, hint="count batches, or take(n)")
def test_streaming_has_no_len(stream):
    """`len` of a streaming dataset of `datasets.load_dataset(streaming=True)` raises TypeError: "has no len()"."""
    with pytest.raises(TypeError, match=r"has no len\(\)"):
        len(stream)
    assert len(numbers(stream)) == 20


SHUFFLE = "datasets.IterableDataset.shuffle"


@fact(SHUFFLE, requires=DATASETS, source=STREAM, myth="shuffle of a streaming dataset shuffles all of it",
      hint="a larger buffer_size; files that are shuffled themselves")  # fmt: skip
def test_shuffle_of_a_stream_is_within_its_buffer():
    """`shuffle(buffer_size=3)` of a streaming dataset of `datasets` of one shard moves no row over two places early."""
    import datasets

    rows = datasets.Dataset.from_dict(
        {"n": range(20)}
    ).to_iterable_dataset()  # of one shard, as shards are shuffled too
    orders = [numbers(rows.shuffle(seed=seed, buffer_size=3)) for seed in range(20)]
    assert max(row - place for order in orders for place, row in enumerate(order)) == 2
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(20))}


@fact("datasets.IterableDataset.set_epoch", requires=DATASETS, source=STREAM, hint="set_epoch(epoch) before each epoch",
      myth="each epoch of a shuffled streaming dataset has another order")  # fmt: skip
def test_shuffle_of_a_stream_is_the_same_each_epoch(stream):
    """A shuffled streaming dataset of `datasets` has the same order each epoch, until `set_epoch` says another one."""
    shuffled = stream.shuffle(seed=0, buffer_size=5)
    first, again = numbers(shuffled), numbers(shuffled)
    shuffled.set_epoch(1)
    assert first == again != numbers(shuffled)


@fact("datasets.IterableDataset.load_state_dict", "datasets.IterableDataset.state_dict", requires="datasets>=3.1",
      source=STREAM)  # fmt: skip
def test_stream_goes_on_from_its_state(stream):
    """A streaming dataset of `datasets` goes on by `load_state_dict` behind the row at which `state_dict` was taken."""
    rows = iter(stream)
    for _ in range(7):
        next(rows)
    state = stream.state_dict()
    stream.load_state_dict(state)
    assert numbers(stream) == [*range(7, 20)]
