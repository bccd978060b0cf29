"""What the documents say is so: their transcripts are what the commands print, their names and paths are there."""

from __future__ import annotations

import ast
import re

import pytest

from tests.project import ROOT
from torchproof.__main__ import COMMANDS, OURS, main

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
EACH = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def transcript(command):
    """What README shows that this command prints, between lines that are left out."""
    shown = (ROOT / "README.md").read_text().partition(f"$ {command}\n")[2].partition("```")[0].partition("\n$ ")[0]
    return [" ".join(part.split()) for part in shown.split("…") if part.strip()]


@pytest.mark.parametrize("command", ["torchproof diff 2.5 2.13 --uses train.py"])
def test_a_transcript_is_what_is_printed(monkeypatch, capsys, command):
    monkeypatch.chdir(ROOT / "docs" / "example")
    main(command.split()[1:])
    printed = " ".join(capsys.readouterr().out.split())
    assert transcript(command)
    for part in transcript(command):
        assert part in printed


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
