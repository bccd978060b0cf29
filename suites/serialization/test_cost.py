"""What `load`, `state_dict` and `save` cost, in ratios of two times; the sizes of files are in `test_save`."""

import io

import pytest
import torch
from torch import nn

from torchproof import fact, race
from torchproof.fixtures.race import slower

pytestmark = pytest.mark.bench


def reads_all(patch):
    """`load` reads the whole file, whether it is to be mapped or not."""
    load = torch.load
    patch.setattr(torch, "load", lambda file, mmap=None: load(file))


@fact("torch.load", since="2.1", calls="mmap=True", gain=True, refuter=reads_all, hint="pass mmap=True for large files")
def test_of_a_mapped_file_is_less_than_half_of_reading_it(tmp_path, numbers):
    """`torch.load(mmap=True)` of a file of 8 megabytes takes less than half of the time of reading it."""
    file = str(tmp_path / "x.pt")
    torch.save(torch.rand(1 << 21), file)
    assert race(lambda: torch.load(file, mmap=True), lambda: torch.load(file), numbers).ratio_below(0.5)


@fact(
    "torch.nn.Module.state_dict",
    claims=["S03"],
    refuter=slower("torch.nn.Module.state_dict", when=lambda layer: layer.in_features > 1),
)
def test_of_a_state_dict_does_not_depend_on_the_size(numbers):
    """`state_dict` of a megabyte takes less than three times the time of `state_dict` of 8 bytes: it copies nothing."""
    large, small = nn.Linear(512, 512), nn.Linear(1, 1)
    assert race(lambda: large.state_dict(), lambda: small.state_dict(), numbers).ratio_below(3)


def always_as_a_compact_copy(patch):
    """`save` makes a compact copy of a view before."""
    save = torch.save
    patch.setattr(torch, "save", lambda x, file: save(x.clone(), file))


@fact(
    "torch.save",
    refuter=always_as_a_compact_copy,
    hint="save x[:10].clone()",
    myth="a view is saved as large as it looks",
)
def test_of_saving_a_view_is_that_of_its_whole_storage(numbers):
    """`torch.save` of ten elements of 4 megabytes takes more than twice the time of saving a `clone` of them."""
    view = torch.rand(1 << 20)[:10]
    whole, compact = lambda: torch.save(view, io.BytesIO()), lambda: torch.save(view.clone(), io.BytesIO())
    assert race(whole, compact, numbers).ratio_above(2)
