"""`torch.save`: what comes back from its file, and what the file holds; what `torch.load` refuses is in `test_load`."""

import io
import os
import zipfile

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from torchproof import fact, same
from torchproof.fixtures.checks import shares

OVERHEAD = 4096  # more than what a file of one tensor holds beside its elements


def reloaded(value):
    """`value` after a round trip through memory."""
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file)


@fact("torch.save", "torch.load", claims=["S03"])
@pytest.mark.parametrize(
    "dtype",
    [
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
        torch.complex64,
        torch.int8,
        torch.uint8,
        torch.int64,
        torch.bool,
    ],
)
def test_keeps_the_dtype(device, dtype):
    """A tensor comes back from `torch.save` and `torch.load` with its dtype, device and values."""
    x = torch.tensor([[0, 1, 1], [1, 0, 1]], device=device).to(dtype)
    y = reloaded(x)
    same(y, torch.tensor([[0, 1, 1], [1, 0, 1]]).to(dtype))
    assert y.device == x.device


@fact("torch.save", "torch.load", since="2.3", calls="names complex32|chalf|view_as_complex", gain=True)
def test_keeps_complex_half(device):
    """A complex32 tensor comes back from `torch.save` and `torch.load` with its dtype and values."""
    x = torch.view_as_complex(torch.tensor([[1.0, 2.0]], device=device, dtype=torch.float16))
    y = reloaded(x)
    assert y.dtype == torch.complex32
    same(torch.view_as_real(y), torch.tensor([[1.0, 2.0]], dtype=torch.float16))


@fact("torch.save", "torch.load", claims=["S03"])
@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=6))
@example([])
@example([0x7FC00001, -(2**31), 0x7F800000, 1])  # a NaN with a payload, minus zero, infinity, the smallest subnormal
def test_keeps_every_bit(device, bits):
    """float32 values come back from `torch.save` and `torch.load` bit for bit, NaNs and signed zeros included."""
    x = torch.tensor(bits, dtype=torch.int32, device=device).view(torch.float32)
    same(reloaded(x).view(torch.int32), torch.tensor(bits, dtype=torch.int32))


@fact("torch.save", "torch.load")
def test_keeps_the_order(device):
    """The tensors of a list come back from `torch.save` and `torch.load` in their order."""
    first, second = reloaded([torch.tensor([1.0, 2.0], device=device), torch.tensor([3], device=device)])
    same(first, torch.tensor([1.0, 2.0]))
    same(second, torch.tensor([3]))


@fact("torch.save", "torch.load")
def test_keeps_strides(device):
    """A transposed tensor comes back from `torch.save` and `torch.load` with its strides."""
    y = reloaded(torch.arange(6.0, device=device).view(2, 3).t())
    assert y.stride() == (1, 3)
    same(y, torch.tensor([[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]))


@fact("torch.save", "torch.load")
def test_keeps_requires_grad(device):
    """A leaf that requires grad comes back from `torch.save` and `torch.load` requiring grad."""
    x = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    assert (reloaded(x).requires_grad, reloaded(x.detach()).requires_grad) == (True, False)
    same(reloaded(x), torch.tensor([1.0, 2.0]))


@fact("torch.save", "torch.load")
def test_drops_the_gradient(device):
    """A leaf comes back from `torch.save` and `torch.load` without its gradient."""
    x = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    (x * 3).sum().backward()
    assert reloaded(x).grad is None
    same(x.grad, torch.tensor([3.0, 3.0]))


@fact("torch.save", "torch.load")
def test_drops_the_history(device):
    """A recorded result comes back from `torch.save` and `torch.load` as a leaf."""
    y = torch.tensor([1.0, 2.0], device=device, requires_grad=True) * 2
    back = reloaded(y)
    assert (back.is_leaf, back.grad_fn) == (True, None)
    same(back, torch.tensor([2.0, 4.0]))


@fact("torch.save", "torch.load", source="notes/serialization")
def test_keeps_the_sharing_of_memory(device):
    """Tensors that share memory share it after `torch.save` and `torch.load` of both in one file."""
    x = torch.arange(4.0, device=device)
    back = reloaded({"whole": x, "view": x[1:3]})
    same(back["view"], torch.tensor([1.0, 2.0]))
    assert shares(back["view"], back["whole"])


@fact("torch.save", "torch.load", source="notes/serialization")
def test_in_two_files_breaks_the_sharing_of_memory(device):
    """Tensors that share memory no longer do after `torch.save` and `torch.load` of each in its own file."""
    x = torch.arange(4.0, device=device)
    whole, view = reloaded(x), reloaded(x[1:3])
    same(view, torch.tensor([1.0, 2.0]))
    assert not shares(view, whole)


@fact("torch.save", "torch.load")
def test_keeps_tied_weights_tied(device):
    """The `state_dict` of tied weights comes back from `torch.save` with one memory under both keys."""
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)).to(device)
    model[1].weight = model[0].weight
    back = reloaded(model.state_dict())
    same(back["1.weight"], model[0].weight)
    assert shares(back["0.weight"], back["1.weight"])


@fact("torch.save")
def test_takes_a_path_or_a_file(tmp_path):
    """`torch.save` writes to a path given as text, to a `Path` and to an open file alike."""
    torch.save([1, 2], str(tmp_path / "text.pt"))
    torch.save([1, 2], tmp_path / "path.pt")
    with open(tmp_path / "file.pt", "wb") as file:
        torch.save([1, 2], file)
    assert [torch.load(tmp_path / name) for name in ("text.pt", "path.pt", "file.pt")] == [[1, 2]] * 3


@fact("torch.save", hint="call file.seek(0) before torch.load")
def test_leaves_a_file_in_memory_at_its_end():
    """`torch.load` of a `BytesIO` that `torch.save` has just written raises EOFError, until `file.seek(0)`."""
    file = io.BytesIO()
    torch.save([1, 2], file)
    with pytest.raises(EOFError):
        torch.load(file)
    file.seek(0)
    assert torch.load(file) == [1, 2]


@fact("torch.save")
def test_replaces_a_file(tmp_path):
    """`torch.save` to the path of a longer file leaves nothing of the old one."""
    torch.save(torch.zeros(10000), tmp_path / "x.pt")
    torch.save(torch.ones(2), tmp_path / "x.pt")
    same(torch.load(tmp_path / "x.pt"), torch.ones(2))
    assert os.path.getsize(tmp_path / "x.pt") < OVERHEAD


@fact("torch.save", hint="make the folder first")
def test_makes_no_folder(tmp_path, monkeypatch):
    """`torch.save(x, "missing/x.pt")` without such a folder raises "Parent directory missing does not exist"."""
    monkeypatch.chdir(tmp_path)  # the error is another one where the path is not ASCII
    with pytest.raises(RuntimeError, match="Parent directory .* does not exist"):
        torch.save([1, 2], "missing/x.pt")


@fact("torch.save", source="notes/serialization")
def test_writes_a_zip_file(tmp_path):
    """`torch.save` writes a zip file that Python's `zipfile` can check."""
    torch.save(torch.ones(2), tmp_path / "x.pt")
    with zipfile.ZipFile(tmp_path / "x.pt") as archive:
        assert archive.testzip() is None
        assert any(name.endswith("/data.pkl") for name in archive.namelist())


@fact("torch.save", source="notes/serialization")
@given(st.lists(st.integers(-99, 99), min_size=1, max_size=6))
@example([1, 2, 3])
def test_writes_the_elements_as_raw_bytes(numbers):
    """`torch.save` of a float32 tensor writes its elements as plain bytes that NumPy can read."""
    file = io.BytesIO()
    torch.save(torch.tensor(numbers, dtype=torch.float32), file)
    with zipfile.ZipFile(file) as archive:
        assert numpy.frombuffer(archive.read("archive/data/0"), dtype=numpy.float32).tolist() == numbers


@fact("torch.save", source="notes/serialization")
@pytest.mark.parametrize(("dtype", "size"), [(torch.bfloat16, 2), (torch.float32, 4), (torch.float64, 8)])
@pytest.mark.parametrize("elements", [0, 1000, 100_000])
def test_takes_the_bytes_of_the_elements(tmp_path, dtype, size, elements):
    """`torch.save` of a tensor writes as many bytes as its elements and less than 4 KiB more: nothing is compressed."""
    torch.save(torch.zeros(elements, dtype=dtype), tmp_path / "x.pt")
    assert 0 < os.path.getsize(tmp_path / "x.pt") - elements * size < OVERHEAD


@fact("torch.save", source="notes/serialization", myth="saving a slice saves the slice", hint="save x[:2].clone()")
def test_of_a_slice_writes_the_whole_storage(tmp_path):
    """`torch.save` of a slice writes the whole storage of the tensor that it is a slice of."""
    torch.save(torch.zeros(100_000)[:2], tmp_path / "x.pt")
    assert os.path.getsize(tmp_path / "x.pt") > 400_000
    assert torch.load(tmp_path / "x.pt").untyped_storage().nbytes() == 400_000


@fact("torch.save", source="notes/serialization")
def test_of_a_clone_of_a_slice_writes_the_slice(tmp_path):
    """`torch.save` of a `clone` of a slice writes the elements of the slice only."""
    torch.save(torch.zeros(100_000)[:2].clone(), tmp_path / "x.pt")
    assert os.path.getsize(tmp_path / "x.pt") < OVERHEAD
    assert torch.load(tmp_path / "x.pt").untyped_storage().nbytes() == 8


@fact("torch.save", source="notes/serialization")
def test_writes_shared_memory_once(tmp_path):
    """`torch.save` of several views of one tensor writes its elements once."""
    x = torch.zeros(100_000)
    torch.save([x, x[1:], x.view(100, 1000)], tmp_path / "x.pt")
    assert 400_000 < os.path.getsize(tmp_path / "x.pt") < 400_000 + OVERHEAD


@fact(
    "torch.nn.Module", claims=["S02"], myth="model.save() stores a model", hint="torch.save(model.state_dict(), path)"
)
def test_is_no_method_of_a_module(tmp_path):
    """`model.save(path)` raises "'Linear' object has no attribute 'save'": a module has no `save`."""
    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'save'"):
        nn.Linear(2, 1).save(tmp_path / "model.pt")


@fact("torch.save", claims=["S03"])
def test_of_a_state_dict_can_be_loaded_by_a_new_model(device, tmp_path):
    """A newly built model that loads a `state_dict` from its file computes, in `eval`, what the saved one does."""
    first, second = (nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).to(device) for _ in range(2))
    x = torch.rand(5, 3, device=device)
    first(x)
    torch.save(first.state_dict(), tmp_path / "model.pt")
    second.load_state_dict(torch.load(tmp_path / "model.pt"))
    same(second.eval()(x), first.eval()(x))


@fact("torch.save", claims=["S05"])
def test_takes_a_snapshot(device, tmp_path):
    """A `state_dict` in a file of `torch.save` keeps its values when the model's weights change afterwards."""
    model = nn.Linear(2, 1, device=device)
    with torch.no_grad():
        model.weight.fill_(1.0)
        torch.save(model.state_dict(), tmp_path / "best.pt")
        model.weight.fill_(2.0)
    same(torch.load(tmp_path / "best.pt")["weight"], torch.ones(1, 2))


@fact("torch.save", claims=["S05"])
def test_at_every_epoch_lets_the_best_be_chosen(device, tmp_path):
    """Of `state_dict` files saved at every epoch, that of the lowest loss can be loaded afterwards."""
    model, losses = nn.Linear(1, 1, bias=False, device=device), []
    for epoch, weight in enumerate([5.0, 1.0, 3.0]):
        nn.init.constant_(model.weight, weight)
        losses.append(model(torch.ones(1, 1, device=device)).item())
        torch.save(model.state_dict(), tmp_path / f"{epoch}.pt")
    model.load_state_dict(torch.load(tmp_path / f"{losses.index(min(losses))}.pt"))
    same(model.weight, torch.tensor([[1.0]]))
