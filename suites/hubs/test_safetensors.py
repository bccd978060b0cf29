"""`safetensors` beside `torch.save`: what a file holds and refuses, and what is read; pickles are in serialization."""

import importlib
import os

import pytest
import torch
from torch import nn

from torchproof import fact, same

SAFETENSORS = "safetensors>=0.4.5"
PAGE = "https://huggingface.co/docs/safetensors/index"
MATRIX = torch.arange(6.0).reshape(2, 3)


@pytest.fixture
def file():
    """The functions for torch."""
    return importlib.import_module("safetensors.torch")


@fact("safetensors.torch.save_file", "safetensors.torch.load_file", requires=SAFETENSORS, source=PAGE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64, torch.int64, torch.uint8, torch.bool])
def test_gives_back_what_was_saved(file, tmp_path, dtype):
    """`safetensors.torch.load_file` gives the tensors of `save_file` back by name, contiguous and in their dtypes."""
    file.save_file({"a": MATRIX.to(dtype)}, tmp_path / "file")
    loaded = file.load_file(tmp_path / "file")
    assert list(loaded) == ["a"] and loaded["a"].stride() == (3, 1)
    same(loaded["a"], MATRIX.to(dtype))


@fact(
    "safetensors.torch.save_file",
    requires=SAFETENSORS,
    source=PAGE,
    myth="safetensors can hold whatever torch.save can",
)
@pytest.mark.parametrize("value", [3, {"b": MATRIX}, nn.Linear(1, 1)], ids=["number", "dict", "module"])
def test_holds_tensors_only(file, tmp_path, value):
    """`safetensors.torch.save_file` refuses numbers, nested dicts and modules: "expected torch.Tensor but received"."""
    with pytest.raises(ValueError, match="expected torch.Tensor but received"):
        file.save_file({"a": value}, tmp_path / "file")


@fact("safetensors.torch.load_file", requires=SAFETENSORS, source=PAGE, myth="every file of weights may run code")
def test_does_not_read_a_pickle(file, tmp_path):
    """`safetensors.torch.load_file` refuses a pickle of `torch.save`: "Error while deserializing header"."""
    import safetensors

    torch.save({"a": MATRIX}, tmp_path / "file")
    with pytest.raises(safetensors.SafetensorError, match="Error while deserializing header"):
        file.load_file(tmp_path / "file")


@fact("torch.load", requires=SAFETENSORS, hint="safetensors.torch.load_file reads it")
def test_is_not_read_by_torch_load(file, tmp_path):
    """`torch.load` does not read a file of `safetensors.torch.save_file`, not even by a name that ends in `.pt`."""
    file.save_file({"a": MATRIX}, tmp_path / "file.pt")
    with pytest.raises(Exception, match="Weights only load failed|invalid load key|magic number|unpickling"):
        torch.load(tmp_path / "file.pt")


@fact("safetensors.torch.load_file", requires=SAFETENSORS)
def test_refuses_a_file_that_is_cut_off(file, tmp_path):
    """`safetensors.torch.load_file` refuses a file that is cut off, with a SafetensorError that says "incomplete"."""
    import safetensors

    file.save_file({"a": MATRIX}, tmp_path / "file")
    os.truncate(tmp_path / "file", os.path.getsize(tmp_path / "file") - 4)
    with pytest.raises(safetensors.SafetensorError, match="(?i)incomplete"):
        file.load_file(tmp_path / "file")


# --- memory -----------------------------------------------------------------------------------------------------------


@fact("safetensors.torch.save_file", requires=SAFETENSORS, hint="safetensors.torch.save_model(model, path)",
      myth="safetensors keeps tied weights as torch.save does")  # fmt: skip
def test_refuses_tensors_that_share_memory(file, tmp_path):
    """`safetensors.torch.save_file` refuses the state dict of tied weights: "Some tensors share memory"."""
    model = nn.Linear(2, 2)
    model.again = model.weight
    with pytest.raises(RuntimeError, match="Some tensors share memory"):
        file.save_file(model.state_dict(), tmp_path / "file")


@fact("safetensors.torch.load_model", requires=SAFETENSORS)
def test_of_a_model_tells_what_is_missing(file, tmp_path):
    """`safetensors.torch.load_model(strict=False)` returns the names missing in the file and those unexpected there."""
    file.save_file({"weight": torch.ones(2, 2), "other": torch.ones(1)}, tmp_path / "file")
    missing, unexpected = file.load_model(nn.Linear(2, 2), str(tmp_path / "file"), strict=False)
    assert (list(missing), list(unexpected)) == (["bias"], ["other"])


@fact("safetensors.torch.save_model", "safetensors.torch.load_model", requires=SAFETENSORS)
def test_of_a_model_keeps_tied_weights_once(file, tmp_path):
    """`safetensors.torch.save_model` writes tied weights once, and `load_model` fills a model that ties them."""
    one, other = nn.Linear(2, 2), nn.Linear(2, 2)
    one.again, other.again = one.weight, other.weight
    file.save_model(one, str(tmp_path / "file"))
    assert len(file.load_file(tmp_path / "file")) == 2
    file.load_model(other, str(tmp_path / "file"))
    same(other.weight.detach(), one.weight.detach())
    assert other.again is other.weight


@fact("safetensors.torch.save_file", requires=SAFETENSORS, hint="call contiguous() first")
def test_refuses_other_strides(file, tmp_path):
    """`safetensors.torch.save_file` refuses a transposed tensor: "non contiguous"."""
    with pytest.raises(ValueError, match="non contiguous"):
        file.save_file({"a": MATRIX.t()}, tmp_path / "file")


@fact("safetensors.torch.save_file", requires=SAFETENSORS, myth="a saved row takes as much as its whole matrix")
def test_writes_a_view_without_the_rest(file, tmp_path):
    """`safetensors.torch.save_file` writes of a row its elements alone, where `torch.save` writes the whole matrix."""
    row = torch.ones(1000, 1000)[0]
    file.save_file({"a": row}, tmp_path / "file")
    torch.save(row, tmp_path / "pickle")
    assert os.path.getsize(tmp_path / "file") < 5_000 < 4_000_000 < os.path.getsize(tmp_path / "pickle")


@fact("safetensors.torch.save_file", requires=SAFETENSORS, source=PAGE)
def test_gives_a_slice_of_a_tensor(file, tmp_path):
    """`safe_open(...).get_slice` of safetensors tells a tensor's shape, and gives a part of it when it is indexed."""
    from safetensors import safe_open

    file.save_file({"a": MATRIX}, tmp_path / "file")
    with safe_open(tmp_path / "file", "pt") as opened:
        part = opened.get_slice("a")
        assert list(part.get_shape()) == [2, 3]
        same(part[:, 1:], torch.tensor([[1.0, 2.0], [4.0, 5.0]]))


@fact("safetensors.torch.load_file", requires=SAFETENSORS)
def test_parameters_come_back_as_tensors(file, tmp_path):
    """`safetensors.torch.load_file` gives plain tensors that require no grad, where `nn.Parameter`s were saved."""
    file.save_file({"a": nn.Parameter(MATRIX.clone())}, tmp_path / "file")
    loaded = file.load_file(tmp_path / "file")["a"]
    assert (type(loaded), loaded.requires_grad) == (torch.Tensor, False)


@fact("safetensors.torch.load_file", requires=SAFETENSORS, myth="tensors of load_file write through to their file")
def test_a_write_does_not_reach_the_file(file, tmp_path):
    """A write to a tensor of `safetensors.torch.load_file` does not reach its file."""
    file.save_file({"a": MATRIX}, tmp_path / "file")
    file.load_file(tmp_path / "file")["a"].zero_()
    same(file.load_file(tmp_path / "file")["a"], MATRIX)
