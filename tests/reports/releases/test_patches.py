"""What changed between two patches of one release."""

from __future__ import annotations

import pytest

from torchproof.__main__ import main
from torchproof.inventory import Inventory
from torchproof.releases import number, supported
from torchproof.reports import Refusal
from torchproof.reports.releases import patches
from torchproof.reports.releases.merge import merge_patches

SMALL = {
    "2.0.0": ["torch.f\tfunction\t(a)", "torch.same\tfunction\t()", "torch.later\tfunction\t()"],
    "2.0.1": ["torch.f\tfunction\t(a, b=1)", "torch.same\tfunction\t()", "torch.later\tfunction\t()"],
    "2.1.0": ["torch.f\tfunction\t(a, b=1)", "torch.same\tfunction\t()", "torch.later\tfunction\t(c)"],
    "2.1.2": ["torch.f\tfunction\t(a, b=1)", "torch.same\tfunction\t()", "torch.later\tfunction\t(c)"],
}


def test_only_what_differs_inside_a_release_is_kept():
    text = merge_patches(SMALL)
    inventory = Inventory(text)
    assert inventory.releases == ("2.0.0", "2.0.1", "2.1.0", "2.1.2")
    assert "same" not in text and "later" not in text
    assert inventory.entry("torch.f", "2.0.1") and not inventory.entry("torch.f", "2.1.0")


@pytest.mark.parametrize(
    ("old", "new", "are"),
    [
        ("2.0.0", "2.0.1", True),
        ("2.0.0+cu117", "2.0.1+cpu", True),
        ("2.0", "2.0.1", False),
        ("2.0.1", "2.1.0", False),
        ("2.6.0a0", "2.6.0", True),
    ],
)
def test_patches_of_one_release(old, new, are):
    assert patches.are_of_one_release(old, new) == are


def test_every_patch_was_asked():
    listed = [[*one.patches, one.torch] for one in supported().values() if one.patches]
    assert list(patches.patches().releases) == [one for row in listed for one in row]
    assert all(sorted(row, key=number) == row for row in listed)


def test_changes_are_those_of_the_names_and_of_what_was_mended(monkeypatch):
    monkeypatch.setattr(patches, "patches", lambda: Inventory(merge_patches(SMALL)))
    monkeypatch.setattr(patches, "_mended", lambda old, new: [])
    (change,) = patches.changes("2.0.0", "2.0.1")
    assert (change.kind, change.name, change.parameter) == ("parameter added", "torch.f", "b")
    assert patches.changes("2.1.0", "2.1.2") == patches.changes("2.0.1", "2.0.1") == []
    assert (patches.stands_for("2.0.0"), patches.stands_for("2.0"), patches.stands_for("2.1.0")) == (
        "2.0.1",
        None,
        None,
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("2.0.0", "2.0.7", "torch 2.0.7 is not known here: of 2.0, 2.0.0 and 2.0.1 are"),
        ("2.6.0", "2.6.1", "torch 2.6.1 is not known here: of 2.6, 2.6.0 is"),
    ],
)
def test_a_patch_that_was_not_asked_is_refused(old, new, says):
    with pytest.raises(Refusal, match=says):
        patches.changes(old, new)


def test_diff_tells_patches_of_one_release_apart(capsys, monkeypatch):
    monkeypatch.setattr(patches, "patches", lambda: Inventory(merge_patches(SMALL)))
    assert main(["diff", "2.0.0", "2.0.1"]) == 0
    assert "torch.f(b)" in capsys.readouterr().out
    assert main(["diff", "2.0.0+cpu", "2.1"]) == 0
    assert "torchproof diff 2.0.0 2.0.1 says what differs" in " ".join(capsys.readouterr().out.split())
    assert main(["diff", "2.0.1", "2.1"]) == 0
    assert "says what differs" not in capsys.readouterr().out


def test_code_is_compared_between_releases(capsys, tmp_path):
    (tmp_path / "a.py").write_text("import torch\n")
    assert main(["diff", "2.0.0", "2.0.1", "--uses", str(tmp_path)]) == 2
    assert "patches of one" in capsys.readouterr().err
