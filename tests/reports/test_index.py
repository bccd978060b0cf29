"""The index of facts, read without torch, says what collection says."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.project import ROOT
from torchproof.facts import link
from torchproof.reports import index

FIELDS = ("claim", "subjects", "since", "until", "myth", "claims", "requires", "file", "line", "hint", "source")


@pytest.fixture
def facts_of(tmp_path, monkeypatch):
    """`facts_of(source)` gives the facts of a file that reads so."""
    monkeypatch.setattr(index, "ROOT", tmp_path)
    file = tmp_path / "suites" / "topic" / "test_area.py"
    file.parent.mkdir(parents=True)

    def read(source):
        file.write_text(source)
        return list(index.read(file))

    return read


@pytest.mark.slow
def test_it_is_what_is_collected(tmp_path):
    listing = [sys.executable, "-m", "pytest", "-q", "--facts-json", str(tmp_path / "facts.json")]
    subprocess.run(listing, cwd=ROOT, check=True, capture_output=True)
    collected = json.loads((tmp_path / "facts.json").read_text())
    by_id = {line.id: line for line in index.facts()}
    assert {fact["id"].partition("[")[0] for fact in collected} == set(by_id)
    for fact in collected:
        line = by_id[fact["id"].partition("[")[0]]
        since, until = line.range_on("cpu" if "cpu" in fact["marks"] else "cuda")
        read = {**vars(line), "since": since, "until": until}
        read = {name: list(value) if isinstance(value, tuple) else value for name, value in read.items()}
        assert {name: read[name] for name in FIELDS} == {name: fact[name] for name in FIELDS}


@pytest.mark.parametrize(
    "subjects",
    [
        '"torch.add", "torch.sub"',
        "*NAMES",
        "NAMES[0], NAMES[1]",
        "*NAMES[:2]",
        '*["torch.add"], "torch.sub"',
        '*["torch.add"] + ["torch.sub"]',
        "*TABLE",
        '*(f"torch.{name}" for name in SHORT)',
        '*[f"torch.{name}" for name in ("add", "sub")]',
        "*BOTH",
        "*JOINED",
        '*[name for name in [*NAMES, "torch.mul"] if name != "torch.mul"]',
        '*[name for name in [*NAMES, "torch.mul"] if name not in ["torch.mul"]]',
    ],
)
def test_subjects_of_constants_are_read(facts_of, subjects):
    [line] = facts_of(f'''
NAMES = ["torch.add", "torch.sub"]
TABLE = {{"torch.add": lambda x: x + 1, "torch.sub": lambda x: x - 1}}
SHORT = {{"add": lambda x: x + 1, "sub": lambda x: x - 1}}
BOTH = [f"torch.{{name}}" for name in SHORT]
FIRST = {{"torch.add": lambda x: x + 1}}
JOINED = FIRST | TABLE

@fact({subjects})
def test_one(device):
    """Both change a number."""
''')
    assert line.subjects == ("torch.add", "torch.sub")


def test_subjects_of_imported_constants_are_read(facts_of, tmp_path):
    reference = tmp_path / "suites" / "topic" / "reference.py"
    reference.write_text(
        "SHORT = {'add': abs, 'sub': abs}\nLONG = [f'torch.{name}' for name in SHORT]\nMADE = abs(1)\n"
    )
    [line] = facts_of("""
from torchproof.suites.topic.reference import LONG as NAMES, MADE, over

@fact(*NAMES)
def test_one(device):
    'One.'
""")
    assert line.subjects == ("torch.add", "torch.sub")


def test_what_the_decorator_says_is_read(facts_of):
    [line] = facts_of('''
import torch
PAGE = "notes/broadcasting"

@fact("torch.add", since={"cpu": "2.1", "cuda": "2.3"}, requires="scipy", claims=["V01"], source=PAGE, hint="do "
      "this", myth="no", refuter=torch.plant)
@given(st.integers())
def test_one(device):
    """`add` adds two tensors.

    More is not the claim.
    """
''')
    assert line.id == "topic.area.one"
    assert line.claim == "`add` adds two tensors."
    assert (line.range_on("cpu"), line.range_on("cuda")) == (("2.1", None), ("2.3", None))
    assert (line.requires, line.claims, line.source) == (("scipy",), ("V01",), "notes/broadcasting")
    assert (line.hint, line.myth) == ("do this", "no")
    assert (line.file, line.line) == ("suites/topic/test_area.py", 5)


def test_a_decorator_may_have_a_name(facts_of):
    lines = facts_of("""
sums = fact("torch.add", "torch.sub", since="2.1")

@sums
def test_one():
    \"\"\"One.\"\"\"

@sums
def test_two():
    \"\"\"Two.\"\"\"
""")
    assert [(line.claim, line.subjects, line.since) for line in lines] == [
        (claim, ("torch.add", "torch.sub"), "2.1") for claim in ("One.", "Two.")
    ]


def test_what_is_no_fact_is_left_out(facts_of):
    assert facts_of("def test_one():\n    pass\n\n\ndef helper():\n    pass\n") == []


def test_what_only_running_tells_is_refused(facts_of):
    with pytest.raises(
        ValueError, match=r"suites/topic/test_area\.py:1: torch\.add\.__name__ is not told without running the file"
    ):
        facts_of("@fact(torch.add.__name__)\ndef test_one():\n    pass\n")


def test_a_condition_that_only_running_tells_is_refused(facts_of):
    with pytest.raises(ValueError, match="callable"):
        facts_of("@fact(*[name for name in ['torch.add'] if callable(name)])\ndef test_one():\n    pass\n")


def test_its_links_are_those_of_records():
    line = index.facts()[0]
    assert line.link("2.6") == link(line, "2.6")
    assert "/docs/2.6/" in line.link("2.6.1+cpu")


def test_it_needs_no_torch():
    blocked = "import sys; sys.modules.update(dict.fromkeys(['torch', 'numpy', 'pytest']));"
    code = f"{blocked} from torchproof.reports.index import facts; facts()"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_facts_with_a_range_are_those_of_all():
    ranged = [replace(fact, errors=()) for fact in index.facts() if fact.since or fact.until]
    assert list(index.ranged()) == ranged
