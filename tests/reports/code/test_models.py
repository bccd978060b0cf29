"""Models as people write them: what a type checker says of the owners of methods is what the reader of code says."""

from pathlib import Path

import pytest

from torchproof.inventory import inventory
from torchproof.reports.code.catalog import catalog
from torchproof.reports.code.uses import uses

MODELS = Path(__file__).parent / "models"
# What basedpyright reveals, with torch 2.15, of what methods are called on, where that is an object of torch's classes.
CHECKED = [line.split("\t") for line in (MODELS / "checked.tsv").read_text(encoding="utf-8").splitlines()]
# Methods that are called on tensors of which a checker knows nothing, for the modules that give them are not annotated.
UNCHECKED = {
    ("decoder.py", line, method)
    for line, methods in {
        33: ["split"],
        34: ["view", "transpose"],
        37: ["transpose", "size"],
        38: ["masked_fill"],
        40: ["transpose", "contiguous", "view"],
        53: ["to"],
        82: ["view", "size"],
        106: ["float"],
        109: ["masked_fill"],
    }.items()
    for method in methods
} | {("train.py", 41, "item"), ("train.py", 51, "backward"), ("train.py", 58, "max"), ("train.py", 59, "mean")}

pytestmark = pytest.mark.skipif(
    not catalog(inventory()).returned("torch.stack"), reason="the inventory does not say what calls give"
)


@pytest.fixture(scope="module")
def seen():
    """What is certain: the names by file, line and method."""
    found: dict[tuple[str, int, str], set[str]] = {}
    for use in uses(MODELS).certain:
        owner, _, method = use.name.rpartition(".")
        if catalog(inventory()).kind(owner) == "class":
            found.setdefault((Path(use.file).name, use.line, method), set()).add(owner)
    return found


def test_what_a_checker_knows_is_known(seen):
    known = [(file, int(line), method) in seen for file, line, method, _ in CHECKED]
    assert sum(known) >= 0.8 * len(known)


def test_nothing_is_another_class_than_a_checker_says(seen):
    wrong = {
        (file, line, method): seen[file, int(line), method]
        for file, line, method, cls in CHECKED
        if (file, int(line), method) in seen and cls not in seen[file, int(line), method]
    }
    assert not wrong


def test_layers_give_tensors_where_a_checker_knows_nothing(seen):
    known = UNCHECKED & seen.keys()
    assert len(known) >= 0.8 * len(UNCHECKED)
    assert all(seen[place] == {"torch.Tensor"} for place in known)


def test_hardly_anything_is_left_possible():
    left = {(Path(use.file).name, use.line) for use in uses(MODELS).possible}
    assert len(left) <= 3
