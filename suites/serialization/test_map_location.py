"""`map_location` of `torch.load`: the device that a tensor comes to; what else `load` gives or refuses: test_load."""

import pytest
import torch

from torchproof import fact, same


@pytest.fixture
def path(tmp_path):
    """A file of a tensor [0, 1, 2] that was saved on the CPU."""
    torch.save(torch.arange(3.0), tmp_path / "x.pt")
    return tmp_path / "x.pt"


@fact("torch.load")
def test_as_text_names_the_device(device, path):
    """`torch.load(map_location="cuda")` gives a tensor that was saved on the CPU on the device of that name."""
    x = torch.load(path, map_location=device)
    assert x.device.type == torch.device(device).type
    same(x, torch.tensor([0.0, 1.0, 2.0]))


@fact("torch.load")
def test_as_a_device_names_it(device, path):
    """`torch.load(map_location=torch.device(...))` gives a tensor that was saved on the CPU on that device."""
    x = torch.load(path, map_location=torch.device(device))
    assert x.device.type == torch.device(device).type
    same(x, torch.tensor([0.0, 1.0, 2.0]))


@fact("torch.load")
def test_brings_a_tensor_back_to_the_cpu(device, tmp_path):
    """`torch.load(map_location="cpu")` gives a tensor on the CPU that was saved on a GPU or another device."""
    torch.save(torch.arange(3.0, device=device), tmp_path / "x.pt")
    x = torch.load(tmp_path / "x.pt", map_location="cpu")
    assert x.device.type == "cpu"
    same(x, torch.tensor([0.0, 1.0, 2.0]))


@fact("torch.load")
@pytest.mark.parametrize("location", ["meta", torch.device("meta"), {"cpu": "meta"}], ids=["text", "device", "dict"])
def test_moves_what_is_loaded(path, location):
    """`map_location` as text, a device or a dict moves a tensor from the CPU to another device, such as meta."""
    x = torch.load(path, map_location=location)
    assert (x.device.type, x.shape, x.dtype) == ("meta", (3,), torch.float32)


@fact("torch.load")
def test_as_a_dict_leaves_devices_that_it_does_not_name(path):
    """`map_location` as a dict leaves tensors of devices that it has no key for where they were saved."""
    x = torch.load(path, map_location={"cuda:0": "meta"})
    assert x.device.type == "cpu"
    same(x, torch.tensor([0.0, 1.0, 2.0]))


@fact("torch.load")
def test_as_a_function_is_given_storage_and_place(path):
    """`map_location` as a function is called with each storage, on the CPU, and the name of where it was saved."""
    seen = []

    def place(storage, location):
        seen.append((storage.nbytes(), storage.device.type, location))
        return storage

    same(torch.load(path, map_location=place), torch.tensor([0.0, 1.0, 2.0]))
    assert seen == [(12, "cpu", "cpu")]


@fact("torch.load")
def test_as_a_function_decides_by_what_it_returns(path):
    """The storage that a `map_location` function returns is the one that the tensor gets."""
    other = torch.tensor([7.0, 8.0, 9.0]).untyped_storage()
    same(torch.load(path, map_location=lambda storage, location: other), torch.tensor([7.0, 8.0, 9.0]))


@fact("torch.load")
def test_as_a_function_that_returns_none_leaves_the_choice(path):
    """Where a `map_location` function returns None, the tensor goes where it was saved."""
    x = torch.load(path, map_location=lambda storage, location: None)
    assert x.device.type == "cpu"
    same(x, torch.tensor([0.0, 1.0, 2.0]))


@fact("torch.load")
def test_of_an_unknown_device_is_refused(path):
    """`map_location` with a name that is no device raises "don't know how to restore data location"."""
    with pytest.raises(RuntimeError, match="don't know how to restore data location"):
        torch.load(path, map_location="nowhere")


@fact("torch.load", source="generated/torch.load")
def test_keeps_requires_grad(device, tmp_path):
    """A leaf that is loaded to a device with `map_location` goes on requiring grad."""
    torch.save(torch.arange(3.0, requires_grad=True), tmp_path / "x.pt")
    x = torch.load(tmp_path / "x.pt", map_location=device)
    (x * 2).sum().backward()
    same(x.grad, torch.tensor([2.0, 2.0, 2.0]))
