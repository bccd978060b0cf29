"""What the documents say is so: their transcripts are what the commands print, their names and paths are there."""

from __future__ import annotations

import ast
import re

import pytest

from tests.benchmarks import compared, comparison
from tests.project import ROOT
from tests.records import write
from torchproof.__main__ import COMMANDS, OURS, main
from torchproof.reports.costs import text

README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
EACH = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def block(begins):
    """What README has from the text with which it begins, to the end of its block or to the next command."""
    _, start, after = README.partition(begins)
    return start + after.partition("```")[0].partition("\n$ ")[0]


def transcript(command):
    """What README shows that this command prints, between lines that are left out."""
    shown = block(f"$ {command}\n").partition("\n")[2]
    return [" ".join(part.split()) for part in shown.split("…") if part.strip()]


@pytest.mark.parametrize("command", ["torchproof diff 2.5 2.13 --uses train.py"])
def test_a_transcript_is_what_is_printed(monkeypatch, capsys, command):
    monkeypatch.chdir(ROOT / "docs" / "example")
    main(command.split()[1:])
    printed = " ".join(capsys.readouterr().out.split())
    assert transcript(command)
    for part in transcript(command):
        assert part in printed


# What a machine, a build and a day give cannot be held to a text; that lines so begin can.


def beginnings(text):
    """The first words of its lines, a number as N; without what only frames a table."""
    found = (re.match(r"\s*([^\s─]+)", re.sub(r"[\d][\d.,]*", "N", line)) for line in text.splitlines())
    return {one[1] for one in found if one} - {"…"}


def test_the_transcript_of_check_has_lines_that_it_prints(capsys):
    main(["check"])
    printed = {line[6:18].strip() for line in capsys.readouterr().out.splitlines()}
    shown = {line[6:18].strip() for line in README.splitlines() if re.match(r"(OK|WARN|FAIL)  +\w", line)}
    assert len(shown) > 3
    assert shown <= printed


def test_the_transcript_of_the_facts_begins_its_lines_as_the_summary(tmp_path, capsys):
    results = [
        ("views.a.holds[cpu]", "holds", {}),
        ("views.a.known", "broken", {"reason": "assert", "finding": "https://github.com/pytorch/pytorch/issues/1"}),
        ("views.b.gpu[cuda]", "unavailable", {"reason": "no cuda device here"}),
    ]
    record = write(tmp_path / "run.jsonl", "2.15.0+cu132", results)
    main(["summary", str(record)])
    topics = {folder.name for folder in (ROOT / "suites").iterdir()}
    assert beginnings(block("\ntorch 2.15.0")) <= beginnings(capsys.readouterr().out) | topics | {"page:"}


def test_the_transcript_of_compare_begins_its_lines_as_the_comparison():
    shown = comparison(compared("linalg.mm.one", 1.2, "slower"), compared("linalg.mm.two", 0.5, "faster"))
    assert beginnings(block("A: torch")) - {"kernels"} <= beginnings(text.as_text(shown))


@EACH
def test_its_commands_are_there(document):
    said = re.findall(r"(?:^\$ |`)(?:python -m )?torchproof ([a-z]\w*)", document.read_text(), re.MULTILINE)
    assert [name for name in said if name not in COMMANDS | OURS] == []


@EACH
def test_its_sessions_are_there(document):
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    sessions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list}
    said = re.findall(r"nox -s ((?:\w+ ?)+?)(?= --|`|$|\n)", document.read_text(), re.MULTILINE)
    assert [name for names in said for name in names.split() if name not in sessions] == []


@EACH
def test_its_links_and_paths_are_there(document):
    text = document.read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []
    paths = re.findall(r"`((?:suites|fixtures|reports|tests|docs|torchproof)/[\w./]+)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []
