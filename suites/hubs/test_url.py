"""Weights from a URL, by `torch.hub`: where they are kept, what is verified, what code runs; models are in test_hub."""

import hashlib
import io
import pickle
from urllib.error import HTTPError

import pytest
import torch
from torch import nn

from torchproof import fact, same

STATE = {"weight": torch.tensor([1.0, 2.0])}


def saved(value):
    """The bytes of a file of `torch.save`."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def digest(content):
    """The first eight digits of a file's SHA256, as names of files have them."""
    return hashlib.sha256(content).hexdigest()[:8]


@pytest.fixture
def load(server, tmp_path):
    """Loads a file of the server's into `tmp_path / "models"`."""

    def load(name, **options):
        options = {"model_dir": str(tmp_path / "models"), "progress": False, **options}
        return torch.hub.load_state_dict_from_url(server.url(name), **options)

    return load


def kept(tmp_path):
    """The names of the files that were kept."""
    return sorted(path.name for path in (tmp_path / "models").iterdir())


@fact("torch.hub.load_state_dict_from_url")
def test_gives_the_state_and_keeps_the_file(load, server, tmp_path):
    """`load_state_dict_from_url` gives the saved tensors, strides included, and keeps the file by the URL's name."""
    server.files["model.pt"] = saved({"weight": torch.tensor([[1.0, 2.0], [3.0, 4.0]]).t()})
    weight = load("model.pt")["weight"]
    same(weight, torch.tensor([[1.0, 3.0], [2.0, 4.0]]))
    assert weight.stride() == (1, 2)
    assert (tmp_path / "models" / "model.pt").read_bytes() == server.files["model.pt"]


@fact("torch.hub.load_state_dict_from_url", myth="load_state_dict_from_url sees that the file at the URL has changed",
      hint="delete the file in model_dir, or give another file_name")  # fmt: skip
def test_fetches_a_name_once(load, server):
    """`load_state_dict_from_url` gives the kept file where there is one, also if the URL has another by now."""
    server.files["model.pt"] = saved(STATE)
    load("model.pt")
    server.files["model.pt"] = saved({"weight": torch.zeros(2)})
    same(load("model.pt")["weight"], torch.tensor([1.0, 2.0]))
    assert server.requests == ["model.pt"]


@fact("torch.hub.load_state_dict_from_url")
def test_keeps_the_file_by_another_name(load, server, tmp_path):
    """`load_state_dict_from_url(file_name=...)` keeps the file by that name, and not by that in the URL."""
    server.files["model.pt"] = saved(STATE)
    load("model.pt", file_name="mine.pt")
    assert kept(tmp_path) == ["mine.pt"]


@fact("torch.hub.load_state_dict_from_url")
def test_keeps_the_file_in_the_folder_of_the_hub(server, hub_dir):
    """`load_state_dict_from_url` without `model_dir` keeps the file in `checkpoints` of `torch.hub.get_dir()`."""
    server.files["model.pt"] = saved(STATE)
    state = torch.hub.load_state_dict_from_url(server.url("model.pt"), progress=False)
    same(torch.load(hub_dir / "checkpoints" / "model.pt")["weight"], state["weight"])


@fact("torch.hub.load_state_dict_from_url")
def test_with_check_hash_takes_the_file_that_its_name_says(load, server):
    """`load_state_dict_from_url(check_hash=True)` takes a file whose name ends in the start of its SHA256."""
    content = saved(STATE)
    server.files[f"model-{digest(content)}.pt"] = content
    same(load(f"model-{digest(content)}.pt", check_hash=True)["weight"], torch.tensor([1.0, 2.0]))


@fact("torch.hub.load_state_dict_from_url")
def test_with_check_hash_refuses_a_corrupted_file(load, server, tmp_path):
    """`load_state_dict_from_url(check_hash=True)` raises "invalid hash value" of a corrupted file and keeps nothing."""
    server.files["model-0a1b2c3d.pt"] = saved(STATE)
    with pytest.raises(RuntimeError, match="invalid hash value"):
        load("model-0a1b2c3d.pt", check_hash=True)
    assert kept(tmp_path) == []


@fact("torch.hub.load_state_dict_from_url", myth="a hash in the file's name is verified", hint="say check_hash=True")
def test_does_not_verify_the_hash_by_default(load, server):
    """`load_state_dict_from_url` takes a file whose name has another hash, unless `check_hash=True` is said."""
    server.files["model-0a1b2c3d.pt"] = saved(STATE)
    same(load("model-0a1b2c3d.pt")["weight"], torch.tensor([1.0, 2.0]))


@fact("torch.hub.load_state_dict_from_url", myth="check_hash=True verifies the file at each load")
def test_with_check_hash_does_not_verify_what_is_kept(load, server, tmp_path):
    """`load_state_dict_from_url(check_hash=True)` verifies downloads alone: a kept file of another hash is loaded."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "model-0a1b2c3d.pt").write_bytes(saved(STATE))
    same(load("model-0a1b2c3d.pt", check_hash=True)["weight"], torch.tensor([1.0, 2.0]))
    assert server.requests == []


@fact("torch.hub.load_state_dict_from_url", myth="since torch 2.6 nothing unpickles code without being told to",
      hint="say weights_only=True")  # fmt: skip
def test_unpickles_any_object_by_default(load, server):
    """`load_state_dict_from_url` unpickles a whole module by default, as `torch.load` did before 2.6."""
    server.files["model.pt"] = saved(nn.Linear(2, 1))
    assert type(load("model.pt")) is nn.Linear


@fact("torch.hub.load_state_dict_from_url", since="2.1", calls="weights_only", gain=True)
def test_with_weights_only_refuses_a_pickled_module(load, server):
    """`load_state_dict_from_url(weights_only=True)` refuses a pickled module as `torch.load` does."""
    server.files["model.pt"] = saved(nn.Linear(2, 1))
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed|Unsupported class"):
        load("model.pt", weights_only=True)


@fact("torch.hub.load_state_dict_from_url")
def test_of_a_missing_file_is_an_error_of_http(load, tmp_path):
    """`load_state_dict_from_url` of a URL that is not there raises HTTPError 404, and keeps no file."""
    with pytest.raises(HTTPError, match="404"):
        load("model.pt")
    assert kept(tmp_path) == []


@fact("torch.hub.load_state_dict_from_url", "torch.hub.download_url_to_file")
def test_progress_is_told_unless_it_is_not_wanted(load, server, tmp_path, capfd):
    """`load_state_dict_from_url` and `download_url_to_file` write a progress bar to stderr unless `progress=False`."""
    server.files["model.pt"] = saved(STATE)
    load("model.pt")
    torch.hub.download_url_to_file(server.url("model.pt"), str(tmp_path / "quiet"), progress=False)
    assert "%" not in capfd.readouterr().err
    load("model.pt", file_name="again.pt", progress=True)
    torch.hub.download_url_to_file(server.url("model.pt"), str(tmp_path / "told"), progress=True)
    told = capfd.readouterr().err
    assert told.count("100%") + told.count("100.0%") >= 2  # with tqdm or without it


@fact("torch.hub.download_url_to_file")
def test_download_writes_the_file(server, tmp_path):
    """`download_url_to_file` writes what the URL has to the path, byte for byte."""
    server.files["data"] = bytes(range(256)) * 1000
    torch.hub.download_url_to_file(server.url("data"), str(tmp_path / "data"), progress=False)
    assert (tmp_path / "data").read_bytes() == bytes(range(256)) * 1000


@fact("torch.hub.download_url_to_file")
def test_download_of_another_hash_keeps_what_was_there(server, tmp_path):
    """`download_url_to_file(hash_prefix=...)` of an "invalid hash value" leaves the file that was there as it is."""
    server.files["data"] = b"corrupted"
    (tmp_path / "data").write_bytes(b"good")
    with pytest.raises(RuntimeError, match="invalid hash value"):
        torch.hub.download_url_to_file(server.url("data"), str(tmp_path / "data"), "0a1b2c3d", progress=False)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("data", b"good")]
