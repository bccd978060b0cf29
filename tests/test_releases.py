"""The list of supported releases, and the file of their public names."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from fixtures import releases
from reports.inventory import merge
from tests.project import ROOT


def test_releases_stand_oldest_first():
    names = list(releases.supported())
    assert names == sorted(names, key=releases.number)
    assert names[0] == "2.0"


@pytest.mark.parametrize(
    ("version", "number"),
    [
        ("2.6", (2, 6, 0)),
        ("2.10.0+cu128", (2, 10, 0)),
        ("2.16.0.dev20261101", (2, 16, 0)),
        ("2.6.0a0+df5bbc0", (2, 6, 0)),
    ],
)
def test_versions_compare_by_their_release(version, number):
    assert releases.number(version) == number


def test_what_is_no_version_is_refused():
    with pytest.raises(ValueError, match="'two' is not a version"):
        releases.number("two")


def test_the_first_release_with_every_name():
    assert releases.first_with(["torch.add"]) == "2.0"
    assert releases.first_with(["torch.add", "torch.nn.RMSNorm"]) == "2.4"


def test_an_unknown_name_comes_with_its_likeness():
    assert releases.unknown("torch.add") is None
    assert "torch.Tensor.view" in releases.unknown("torch.Tensor.veiw")
    assert releases.unknown("torch.qqqqqqqqqqqqq") == ""


def test_the_names_of_all_releases_become_ranges():
    answers = {"2.0": ["a", "b", "d"], "2.1": ["a", "d"], "2.2": ["a", "b", "c"]}
    assert merge(answers) == "# releases 2.0 2.1 2.2\na\nb 2.0-2.1,2.2-\nc 2.2-\nd 2.0-2.2\n"


def spans_of(name, spans, known):
    return [known.index(release) if release else len(known) for release in spans.split("-")]


def test_the_file_agrees_with_the_torch_that_is_here(tmp_path):
    release = ".".join(torch.__version__.split(".")[:2])
    header, *lines = (ROOT / "fixtures" / "names.txt").read_text().splitlines()
    known = header.split()[2:]
    assert known == list(releases.supported())
    here = known.index(release)
    listed = {
        name
        for name, _, spans in (line.partition(" ") for line in lines)
        if not spans
        or any(low <= here < high for low, high in (spans_of(name, span, known) for span in spans.split(",")))
    }
    command = [sys.executable, "-I", "reports/inventory.py", str(tmp_path / "names.txt")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    asked = (tmp_path / "names.txt").read_text().splitlines()
    optional = ("torch.utils.tensorboard", "torch.distributed.", "torch.utils.data.datapipes")  # need further packages
    difference = listed ^ set(asked)
    assert [name for name in sorted(difference) if not name.startswith(optional)] == []
