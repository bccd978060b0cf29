"""What other programs show beside the lines of code, and what brings it to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from tests.project import ROOT
from torchproof.reports.formats import Finding, as_github, as_sarif, split

# What SARIF 2.1.0 says of the parts that are written here; its whole schema is not ours to ship. It was held against it
# once by hand.
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
ARTIFACT = {
    "type": "object",
    "required": ["uri"],
    "properties": {"uri": {"type": "string", "format": "uri-reference"}, "uriBaseId": {"type": "string"}},
    "additionalProperties": False,
}
LOCATION = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "properties": {
                "artifactLocation": ARTIFACT,
                "region": {"type": "object", "properties": {"startLine": {"type": "integer", "minimum": 1}}},
            },
            "additionalProperties": False,
        }
    },
    "additionalProperties": False,
}
RESULT = {
    "type": "object",
    "required": ["ruleId", "ruleIndex", "level", "message", "locations"],
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": TEXT,
        "locations": {"type": "array", "items": LOCATION},
    },
    "additionalProperties": False,
}
RULE = {
    "type": "object",
    "required": ["id", "shortDescription"],
    "properties": {"id": {"type": "string", "pattern": r"^[\w-]+$"}, "shortDescription": TEXT},
    "additionalProperties": False,
}
DRIVER = {
    "type": "object",
    "required": ["name", "version", "rules"],
    "properties": {
        "name": {"type": "string"},
        "version": {"type": "string"},
        "rules": {"type": "array", "uniqueItems": True, "items": RULE},
    },
    "additionalProperties": False,
}
SARIF = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "properties": {
        "$schema": {"type": "string", "pattern": r"sarif-schema-2\.1\.0\.json$"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "tool": {"type": "object", "required": ["driver"], "properties": {"driver": DRIVER}},
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {"type": "array", "items": RESULT},
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}
RULES = {"gone": "the name is nowhere any more", "unread": "it could not be read"}


def sarif(*findings):
    log = json.loads(as_sarif(findings, RULES))
    jsonschema.validate(log, SARIF)
    [run] = log["runs"]
    return run


# --- GitHub -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "word"), [("error", "error"), ("warning", "warning"), ("note", "notice")])
def test_an_annotation_of_each_level(level, word):
    said = as_github([Finding("gone", level, "torch.qr is gone", ("a/b.py:7",))])
    assert said == f"::{word} file=a/b.py,line=7,title=torchproof%3A gone::torch.qr is gone"


def test_an_annotation_for_each_place():
    assert as_github([Finding("gone", "error", "x", ("a.py:1", "b.py:2"))]).count("::error ") == 2


def test_an_annotation_without_a_place_or_a_line():
    assert as_github([Finding("gone", "error", "x")]) == "::error title=torchproof%3A gone::x"
    assert as_github([Finding("gone", "error", "x", ("a.py",))]).startswith("::error file=a.py,title=")


def test_a_line_of_a_notebook_is_the_one_in_its_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = [{"cell_type": "code", "source": ["import torch\n", "torch.qr(x)"]}]
    (tmp_path / "a.ipynb").write_text(text := json.dumps({"cells": cells}, indent=1))
    line = text.splitlines().index('    "torch.qr(x)"') + 1
    finding = Finding("gone", "error", "x", ("a.ipynb:cell 1:2",))
    assert as_github([finding]) == f"::error file=a.ipynb,line={line},title=torchproof%3A gone::x (cell 1, line 2)"
    [result] = sarif(finding)["results"]
    assert result["message"]["text"] == "x (cell 1, line 2)"
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": line}


def test_a_notebook_that_is_not_there_any_more_has_no_line():
    assert "file=a.whl/b.ipynb,title" in as_github([Finding("gone", "error", "x", ("a.whl/b.ipynb:cell 1:2",))])


def test_what_would_end_an_annotation_is_escaped():
    said = as_github([Finding("gone", "error", "50 %\r\nof: a, b", ("a,b:c%.py:1",))])
    assert said == "::error file=a%2Cb%3Ac%25.py,line=1,title=torchproof%3A gone::50 %25%0D%0Aof: a, b"


def test_nothing_found_is_nothing():
    assert as_github([]) == ""


# --- SARIF ------------------------------------------------------------------------------------------------------------


def test_a_result_has_its_rule_level_and_line():
    run = sarif(Finding("unread", "warning", "x", ("a.py",)), Finding("gone", "error", "torch.qr is gone", ("b.py:7",)))
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["gone", "unread"]
    first, second = run["results"]
    assert (first["ruleIndex"], first["level"], second["ruleIndex"], second["level"]) == (1, "warning", 0, "error")
    assert "region" not in first["locations"][0]["physicalLocation"]
    assert second["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "b.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 7},
    }


def test_a_result_for_each_place_and_one_for_none():
    assert len(sarif(Finding("gone", "error", "x", ("a.py:1", "a.py:2")))["results"]) == 2
    assert sarif(Finding("gone", "error", "x"))["results"][0]["locations"] == []
    assert sarif()["results"] == []


def test_where_a_file_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def where(file):
        return sarif(Finding("gone", "error", "x", (f"{file}:1",)))["results"][0]["locations"][0]["physicalLocation"]

    below = {"uri": "src/a%20b.py", "uriBaseId": "%SRCROOT%"}
    assert where("src/a b.py")["artifactLocation"] == below
    assert where(tmp_path / "src" / "a b.py")["artifactLocation"] == below
    assert where("./src/../src/a b.py")["artifactLocation"] == below
    assert where("../a.py")["artifactLocation"] == {"uri": (tmp_path.parent / "a.py").as_uri()}


@pytest.mark.parametrize(
    ("place", "parts"), [("a.py:3", ("a.py", 3)), ("a.py", ("a.py", None)), ("C:/a.py", ("C:/a.py", None))]
)
def test_the_parts_of_a_place(place, parts):
    assert split(place) == parts


# --- the action, and the hooks ----------------------------------------------------------------------------------------


def yaml(name):
    return YAML(typ="safe").load((ROOT / name).read_text(encoding="utf-8"))


def test_the_action_is_one():
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml"]
    subprocess.run(check, cwd=ROOT, check=True, capture_output=True)


@pytest.fixture
def act(tmp_path):
    """What the action's own step does with these inputs, in a folder with code of an old torch."""
    command = tmp_path / "torchproof"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m torchproof "$@"\n')
    command.chmod(0o755)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(
        "from torch.optim.lr_scheduler import StepLR\nStepLR(1, 2, verbose=True)\n"
    )
    action = yaml("action.yml")
    step = action["runs"]["steps"][1]

    def act(**inputs):
        given = {name: str(one.get("default", "")) for name, one in action["inputs"].items()} | inputs
        values = {name: given[said[11:-3]] for name, said in step["env"].items() if said.startswith("${{ inputs.")}
        files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        paths = {"TORCHPROOF": str(command), "RUNNER_TEMP": str(tmp_path), "PYTHONPATH": str(ROOT)}
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=tmp_path / "code",
            env={**os.environ, **values, **files, **paths},
            capture_output=True,
            text=True,
            check=False,
        )
        return ended, tmp_path

    return act


def test_the_action_annotates_and_fails_where_code_breaks(act):
    ended, folder = act(old="2.5", new="2.13")
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout.startswith("::error file=train.py,line=2,title=torchproof%3A parameter-gone::")
    report = (folder / "GITHUB_OUTPUT").read_text().strip().removeprefix("report=")
    assert Path(report).read_text() == ended.stdout


def test_the_action_writes_markdown_into_the_summary_of_the_job(act):
    ended, folder = act(command="floor", format="markdown")
    assert ended.returncode == 0, ended.stderr
    assert (folder / "GITHUB_STEP_SUMMARY").read_text() == ended.stdout
    assert ended.stdout.startswith("### floor: torch ")


def test_what_the_action_is_given_is_never_run(act):
    ended, folder = act(command="floor", path="$(touch ../run); touch ../run")
    assert ended.returncode == 2
    assert not (folder / "run").exists()
    assert act(command="rm")[0].returncode == 2


def test_the_hooks_call_commands_that_there_are():
    hooks = yaml(".pre-commit-hooks.yaml")
    assert [hook["id"] for hook in hooks] == ["torchproof-floor", "torchproof-diff"]
    for hook in hooks:
        assert hook["entry"] == f"torchproof {hook['id'].rpartition('-')[2]}"
        assert (hook["language"], hook["pass_filenames"]) == ("python", False)
