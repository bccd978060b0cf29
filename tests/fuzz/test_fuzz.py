"""Whatever a file from elsewhere holds, its reader ends with an answer or one sentence, and obeys nothing in it."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from tests.fuzz import fuzzing, kills, shapes
from tests.fuzz.fuzzing import GROUPS

FILES = [pytest.param(group, file, id=f"{group.name}-{file.name}") for group in GROUPS for file in group.files]
BY_NAME = {group.name: group for group in GROUPS}


@pytest.mark.parametrize(("group", "file"), FILES)
def test_what_once_broke_a_reader(group, file, tmp_path):
    fuzzing.read(group, file, file.read_bytes(), tmp_path / "x")


@pytest.mark.parametrize(
    ("head", "text"),
    [("import torch\n", text) for text in shapes.CODE.values()] + [("", text) for text in shapes.OF_NO_TORCH.values()],
    ids=[*shapes.CODE, *shapes.OF_NO_TORCH],
)
def test_code_takes_as_long_as_it_is(head, text, tmp_path):
    fuzzing.read(BY_NAME["code"], fuzzing.CORPUS / "x@code.py", (head + text()).encode(), tmp_path / "x")


@pytest.mark.parametrize(("name", "text"), shapes.PROJECTS.values(), ids=shapes.PROJECTS)
def test_a_project_file_takes_as_long_as_it_is(name, text, tmp_path):
    fuzzing.read(BY_NAME["projects"], fuzzing.CORPUS / f"x@{name}", text().encode(), tmp_path / "x")


@pytest.mark.parametrize("cell", shapes.NOTEBOOKS.values(), ids=shapes.NOTEBOOKS)
def test_a_notebook_takes_as_long_as_it_is(cell, tmp_path):
    cells = [{"cell_type": "code", "source": text} for text in ("import torch\ntorch.load(f)", cell())]
    fuzzing.read(
        BY_NAME["code"], fuzzing.CORPUS / "x@code.ipynb", json.dumps({"cells": cells}).encode(), tmp_path / "x"
    )


@pytest.mark.parametrize("name", shapes.NAMES)
def test_a_name_like_a_place_is_the_name_of_a_file(name, tmp_path):
    fuzzing.read(BY_NAME["code"], fuzzing.CORPUS / f"x@{name}", b"import torch\n\ntorch.load('f')\n", tmp_path / "x")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_damage_of_every_kind_is_stood(group, tmp_path):
    counted: Counter[str] = Counter()
    found = fuzzing.search(group, group.examples, tmp_path / "x", 0, counted)
    assert found is None, f"{found.kind} in {found.file.name}: {found.content!r:.500}"
    assert len(counted) > 3


@pytest.mark.parametrize(
    ("reader", "what"),
    [
        (lambda file, out: 1 / 0, ZeroDivisionError),
        (lambda file, out: fuzzing.readers._check(0, "\x1b[31m", "", 0), fuzzing.readers.Broken),
        (lambda file, out: fuzzing.readers._check(2, "", "Traceback\nx\n", 0), fuzzing.readers.Broken),
        (lambda file, out: fuzzing.readers._check(0, "", "", 60), fuzzing.readers.Broken),
    ],
    ids=["raises", "escape", "traceback", "slow"],
)
def test_a_reader_that_breaks_is_found(tmp_path, reader, what):
    group = fuzzing.Group("records", {"broken": reader}, fuzzing.planting.damaged_lines, 2)
    found = fuzzing.search(group, group.examples, tmp_path / "x", 0, Counter())
    assert isinstance(found.error, what)


@pytest.mark.parametrize("kind", fuzzing.planting.NO_FILES)
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_what_is_no_file_is_refused(group, kind, tmp_path):
    name = group.files[0].name.partition("@")[2]
    planted = tmp_path / "read" / name
    planted.parent.mkdir()
    fuzzing.planting.NO_FILES[kind](planted)
    fuzzing.have_read(group, planted, tmp_path)


def test_what_is_written_elsewhere_or_run_is_seen(tmp_path, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "file"
    ways = [
        lambda file, out: elsewhere.write_text(""),
        lambda file, out: elsewhere.unlink(),
        lambda file, out: exec(compile("1", file, "exec")),
        lambda file, out: fuzzing.readers.os.system("true"),
    ]
    for way in ways:
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / "a" / "run.jsonl").touch()
        group = fuzzing.Group("records", {"broken": way}, fuzzing.planting.damaged_lines, 1)
        with pytest.raises(fuzzing.readers.Broken, match=r"wrote|ran|system"):
            fuzzing.have_read(group, tmp_path / "a" / "run.jsonl", tmp_path)
        (tmp_path / "broken").rmdir()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_signal_at_any_time_loses_and_repeats_no_verdict(tmp_path):
    runs = kills.Runs(tmp_path)
    ended = [kills.tried(runs, kill) for kill in kills.kills(8, random.Random(0)) if kill.whom == "plain"]
    runs.close()
    assert {one.partition(" x ")[0] for one in ended} == {"plain SIGKILL", "plain SIGTERM", "plain SIGINT"}
