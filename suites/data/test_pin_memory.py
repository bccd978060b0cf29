"""`pin_memory` of a DataLoader, with a device and without one; pinned tensors themselves are facts of `transfer`."""

import warnings

import pytest
import torch
from torch.utils.data import DataLoader

from torchproof import fact, same
from torchproof.fixtures.fact import unavailable


def need_no_accelerator():
    """End the fact where there is a device that memory is pinned for."""
    accelerator = getattr(torch, "accelerator", None)
    if accelerator.is_available() if hasattr(accelerator, "is_available") else torch.cuda.is_available():
        unavailable("platform", "no accelerator")


def quiet(patch):
    """Nothing is said."""
    patch.setattr(warnings, "warn", lambda *args, **options: None)


@fact(
    "torch.utils.data.DataLoader",
    since="2.7",
    calls="pin_memory=True but *cuda*|*gpu*|*device*|*accelerator*",
    refuter=quiet,
    hint="pin_memory=torch.cuda.is_available()",
)
def test_without_a_device_warns():
    """`DataLoader(pin_memory=True)` warns "set as true but no accelerator is found", and gives batches as they are."""
    need_no_accelerator()
    with pytest.warns(UserWarning, match="'pin_memory' argument is set as true but no accelerator is found"):
        [batch] = DataLoader([torch.ones(2)], pin_memory=True)
    same(batch, torch.ones(1, 2))


@fact("torch.utils.data.DataLoader", since="2.9", calls="pin_memory_device", refuter=quiet)
def test_for_a_device_that_is_named_is_deprecated():
    """A `DataLoader` with `pin_memory=True` and a `pin_memory_device` warns that this is deprecated."""
    need_no_accelerator()
    with pytest.warns(UserWarning, match="pin_memory_device is deprecated"):
        [batch] = DataLoader([torch.ones(2)], pin_memory=True, pin_memory_device="cuda")
    same(batch, torch.ones(1, 2))


class Batch:
    """A batch of one's own that says how it is pinned."""

    def __init__(self, samples):
        self.x = torch.stack(samples)

    def pin_memory(self):
        self.x = self.x.pin_memory()
        return self


@fact("torch.utils.data.DataLoader", hint="x.to(device, non_blocking=True) then copies while the host goes on")
@pytest.mark.parametrize("number", [0, 1], ids=["without_workers", "with_workers"])
def test_with_a_device_pins_batches(accelerator, number):
    """A `DataLoader` with `pin_memory=True` gives batches in pinned memory, in dicts and lists too."""
    samples = [{"x": torch.ones(2), "y": [torch.zeros(1), "text"]}]
    [batch] = DataLoader(samples, pin_memory=True, num_workers=number)
    assert batch["x"].is_pinned()
    assert batch["y"][0].is_pinned()


@fact("torch.utils.data.DataLoader")
def test_with_a_device_asks_batches_of_ones_own(accelerator):
    """A `DataLoader` with `pin_memory=True` calls `pin_memory` of a batch of another type, if it has that."""
    [batch] = DataLoader([torch.ones(2), torch.zeros(2)], 2, pin_memory=True, collate_fn=Batch)
    assert batch.x.is_pinned()


@fact("torch.utils.data.DataLoader")
def test_with_a_device_pins_nothing_unless_it_is_told(accelerator):
    """A `DataLoader` without `pin_memory=True` pins no batch, also where there is an accelerator."""
    [batch] = DataLoader([torch.ones(2)])
    same(batch, torch.ones(1, 2))
    assert not batch.is_pinned()
