"""The run record: what it holds, what a kill leaves of it, and going on from there."""

from __future__ import annotations

import json
import random
import time

import pytest
import torch

from fixtures.records import Recorder, RecordError, lost, read, totals
from tests.project import HOLDS

pytestmark = pytest.mark.timeout(300)  # a start of several processes each

MANY = '''
@fact("torch.add")
@pytest.mark.parametrize("number", range(40))
def test_holds(number):
    """`add` adds two numbers."""
    time.sleep(0.05)
    assert torch.add(number, 1) == number + 1
'''
ALL = {f"topic.area.holds[{number}]": "holds" for number in range(40)}


def test_lines(project):
    project.suite(HOLDS)
    project.run("--record", "run.jsonl")
    run, fact, started, verdict, end = read(project.path / "run.jsonl")
    assert [line["kind"] for line in (run, fact, started, verdict, end)] == ["run", "fact", "started", "verdict", "end"]
    assert run["schema"] == 1
    assert run["torch"]["version"] == torch.__version__
    told = "revision python os cpu capability cores threads libraries flags devices packages"
    assert set(told.split()) <= run["environment"].keys()
    assert (fact["id"], fact["claim"], fact["until"]) == ("topic.area.holds[cpu]", "`add` adds two tensors.", None)
    assert fact["link"].endswith("/generated/torch.add.html")
    assert started == {"kind": "started", "id": fact["id"]}
    assert (verdict["id"], verdict["verdict"]) == (fact["id"], "holds")
    assert end["totals"] == {"holds": 1}


def test_every_run_has_its_own_record_by_default(project):
    project.suite(HOLDS)
    project.run()
    time.sleep(1)  # the default name has seconds
    result = project.run()
    assert len(project.records()) == 2
    result.stdout.fnmatch_lines([f"1 holds -> {project.records()[-1]}"])


def test_a_record_is_never_overwritten(project):
    project.suite(HOLDS)
    project.run("--record", "run.jsonl")
    before = (project.path / "run.jsonl").read_bytes()
    result = project.run("--record", "run.jsonl")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *run.jsonl exists already: --resume=run.jsonl goes on with it"])
    assert (project.path / "run.jsonl").read_bytes() == before


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["plain", "parallel"])
def test_a_killed_run_loses_no_verdict_and_goes_on_to_the_same_totals(project, options):
    project.suite(MANY)
    record = project.path / "run.jsonl"
    process = project.start("--record", record, *options)
    wanted = random.randint(1, 30)
    while len(verdicts(record)) < wanted:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    time.sleep(0.5)  # the workers notice, and end
    before = verdicts(record)
    assert len(before) >= wanted
    assert "end" not in {line["kind"] for line in read(record)}
    resumed = project.start(f"--resume={record}", *options)
    assert resumed.communicate()[0].count("failed") == 0
    assert project.verdicts(record) == ALL
    assert verdicts(record)[: len(before)] == before
    assert read(record)[-1]["totals"] == {"holds": 40}


def verdicts(record):
    lines = record.read_text().splitlines() if record.exists() else []
    return [line for line in lines if line.startswith('{"kind": "verdict"') and line.endswith("}")]


def test_a_resumed_run_takes_its_selection_from_the_record(project):
    project.suite(HOLDS + HOLDS.replace("holds", "other"))
    project.run("--record", "run.jsonl", "-k", "holds")
    cut(project.path / "run.jsonl", "started")
    project.run("--resume", "run.jsonl")
    assert project.verdicts(project.path / "run.jsonl") == {"topic.area.holds[cpu]": "holds"}


@pytest.mark.parametrize("options", [[], ["-n", "1"]], ids=["plain", "parallel"])
def test_a_resumed_run_collects_the_folders_that_the_record_names(project, options):
    project.suite(HOLDS)
    project.suite(HOLDS, "suites/other/test_area.py")
    project.run("--record", "run.jsonl", "suites/topic")
    cut(project.path / "run.jsonl", "started")
    project.start("--resume=run.jsonl", *options).communicate()
    assert project.verdicts(project.path / "run.jsonl") == {"topic.area.holds[cpu]": "holds"}


def test_nothing_runs_twice(project):
    project.suite(HOLDS)
    project.run("--record", "run.jsonl")
    result = project.run("--resume", "run.jsonl")
    result.assert_outcomes(deselected=1)
    assert result.ret == 0
    assert len(project.lines("started", project.path / "run.jsonl")) == 1


def test_a_run_killed_before_its_end_line_is_ended_by_resuming(project):
    project.suite(HOLDS)
    record = project.path / "run.jsonl"
    project.run("--record", record)
    cut(record, "end")
    assert project.run("--resume", record).ret == 0
    assert read(record)[-1]["totals"] == {"holds": 1}


def test_the_exit_code_of_a_resumed_run_speaks_of_the_whole_record(project):
    project.suite(HOLDS + HOLDS.replace("holds", "later").replace("== [2, 2]", "== [3, 3]"))
    record = project.path / "run.jsonl"
    project.run("--record", record)
    cut(record, "end")
    assert project.run("--resume", record).ret == pytest.ExitCode.TESTS_FAILED


def cut(record, kind):
    """Leave of a record what a kill would leave that came while the first line of this kind was written."""
    lines = record.read_text().splitlines(keepends=True)
    place = [json.loads(line)["kind"] for line in lines].index(kind)
    record.write_text("".join(lines[:place]) + lines[place][:-8])


def test_a_torn_last_line_is_mended(project):
    project.suite(HOLDS)
    record = project.path / "run.jsonl"
    project.run("--record", record)
    cut(record, "verdict")
    assert [line["kind"] for line in read(record)] == ["run", "fact", "started"]
    project.run("--resume", record)
    assert [line["kind"] for line in read(record)] == ["run", "fact", "started", "started", "verdict", "end"]


def test_what_is_lost_twice_crashed(project):
    project.suite(HOLDS)
    record = project.path / "run.jsonl"
    project.run("--record", record)
    cut(record, "verdict")
    Recorder(record).mend()
    Recorder(record).write("started", id="topic.area.holds[cpu]")
    project.run("--resume", record)
    assert project.verdicts(record) == {"topic.area.holds[cpu]": "crashed"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "is not a run record of torchproof"),
        ("hello\n", "is not a run record of torchproof"),
        ('{"a": 1}\n', "is not a run record of torchproof"),
        ("[1]\n", "is not a run record of torchproof"),
        ('{"kind": "run", "schema": 99, "torch": {}}\n', "has schema 99"),
        ('{"kind": "run", "schema": 1, "torch": {"version": "1.0"}}\n', "is of torch 1.0, and this environment has"),
    ],
    ids=["missing", "empty", "text", "other", "list", "newer", "another torch"],
)
def test_what_cannot_be_resumed_is_refused_by_name_in_one_sentence(project, content, words):
    project.suite(HOLDS)
    record = project.path / "run.jsonl"
    if content is not None:
        record.write_text(content)
    result = project.run("--resume", record)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {record} {words}*"])
    assert content is None or record.read_text() == content


def test_a_run_that_is_stopped_early_is_interrupted(project):
    project.suite(
        '@fact("torch.add")\ndef test_a():\n    """`add` adds two numbers."""\n    assert torch is None\n' + HOLDS
    )
    project.run("--record", "run.jsonl", "-x")
    assert project.lines("end", project.path / "run.jsonl") == []


def test_totals_take_the_last_verdict():
    lines = [{"kind": "verdict", "id": "a", "verdict": verdict} for verdict in ("crashed", "holds")]
    assert totals(lines) == {"holds": 1}


def test_lost_is_what_was_started_since_its_last_verdict():
    started, done = {"kind": "started", "id": "a"}, {"kind": "verdict", "id": "a", "verdict": "holds"}
    fault = {"kind": "started", "id": "b", "fault": "copy"}
    assert lost([started, done, started, started, fault]) == {"a": 2}


def test_a_folder_is_no_record(tmp_path):
    with pytest.raises(RecordError, match="cannot be read"):
        read(tmp_path)
