"""`torchproof report`: all that a bug report about one fact needs, from the record of a run."""

from __future__ import annotations

import argparse

import pytest

from tests.records import ENVIRONMENT, write
from torchproof.__main__ import main
from torchproof.records import End, FactLine, Head, Verdict
from torchproof.reports import Refusal
from torchproof.reports.verdicts import report

FILE = '''
import math
import json

import torch

LIMIT = 3
OTHER = 4


def half(x):
    return x / LIMIT


def test_other():
    """`add` is not wanted here."""


@fact("torch.add")
def test_adds(device):
    """`add` adds."""
    assert half(torch.add(1, 1)) == math.pi
'''


@pytest.fixture
def record(tmp_path, monkeypatch):
    """A record in somebody's project, of a fact in a file there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "test_area.py").write_text(FILE)
    said = {"subjects": [], "topic": "area", "since": "2.0", "until": None, "myth": None, "claims": [], "requires": []}
    said |= {"marks": [], "file": "suites/test_area.py", "line": 17, "hint": "add by hand", "source": None}
    environment = {**ENVIRONMENT, "libraries": {"blas": "generic", "blas_file": "/usr/lib/libblas.so.3", "fft": "MKL"}}
    torch = {"version": "2.6.0+debian", "git": "abc"}
    lines = [
        Head(schema=1, torch=torch, environment=environment, options={}, command="pytest -p torchproof.plugins"),
        FactLine(id="area.adds[cpu]", claim="`add` adds.", link="https://docs.pytorch.org/x.html", **said),
        Verdict(id="area.adds[cpu]", verdict="broken", reason="0 is wrong", assertion="    assert 0\nE"),
        End(totals={}, ended="2026-01-01T10:01:30+0000"),
    ]
    (tmp_path / "runs").mkdir()
    path = tmp_path / "runs" / "one.jsonl"
    path.write_text("".join(line.as_json() + "\n" for line in lines))
    return path


@pytest.fixture
def told(capsys):
    """`told(*arguments)` runs the command: what it prints."""

    def run(*arguments):
        parser = argparse.ArgumentParser()
        report.arguments(parser)
        assert report.command(parser.parse_args([*map(str, arguments)])) == 0
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("identity", ["area.adds", "area.adds[cpu]", "area.*"])
def test_it_says_what_was_claimed_seen_and_where(record, told, identity):
    text = told(identity)
    for part in (
        "# `add` adds. Not so in torch 2.6.0+debian.",
        "`add` adds. (https://docs.pytorch.org/x.html)",
        "The verdict is `broken`: 0 is wrong",
        "```text\nassert 0\n",
        "pytest -p torchproof.plugins --fact 'area.adds[cpu]'",
        "- torch 2.6.0+debian (git abc), Python 3.11.7",
        "- built with blas generic (/usr/lib/libblas.so.3), fft MKL",
        "What helps meanwhile: add by hand.",
    ):
        assert part in text


def test_the_code_is_the_fact_and_what_it_needs(record, told):
    code = told("area.adds").partition("```python\n")[2].partition("```")[0]
    assert "def half(x):\n    return x / LIMIT\n" in code
    assert "LIMIT = 3" in code
    assert "import math" in code
    assert not any(other in code for other in ("OTHER", "json", "test_other"))
    assert code.index("import math") < code.index("LIMIT") < code.index("def half") < code.index("def test_adds")


def test_a_file_that_is_not_here_leaves_the_code_out(record, told, tmp_path):
    (tmp_path / "suites" / "test_area.py").unlink()
    assert "```python" not in told("area.adds")


def test_what_holds_is_nothing_to_report(tmp_path, told):
    path = write(tmp_path / "one.jsonl", "2.6.0", [("views.view.a", "holds", {})])
    with pytest.raises(Refusal, match=r"views.view.a is not broken in .*: its verdict is holds"):
        told("views.view.a", "--record", path)


def test_an_id_without_a_verdict_is_refused(record, told):
    with pytest.raises(Refusal, match=r"has no verdict of area\.subtracts"):
        told("area.subtracts")


def test_no_record_is_refused(tmp_path, monkeypatch, told):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refusal, match="name one with"):
        told("area.adds")


def test_it_is_a_command(record, capsys):
    assert main(["report", "area.none"]) == 2
    assert "has no verdict of area.none" in capsys.readouterr().err
