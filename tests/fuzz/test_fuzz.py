"""Whatever a file from elsewhere holds, its reader ends with an answer or one sentence, and obeys nothing in it."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.fuzz import fuzzing
from tests.fuzz.fuzzing import GROUPS

FILES = [pytest.param(group, file, id=f"{group.name}-{file.name}") for group in GROUPS for file in group.files]
SEEDS = {"records": 150, "benchmarks": 40, "facts": 60, "code": 12, "projects": 30}  # examples: a minute in all


@pytest.mark.parametrize(("group", "file"), FILES)
def test_what_once_broke_a_reader(group, file, tmp_path):
    fuzzing.read(group, file, file.read_bytes(), tmp_path / "x")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_damage_of_every_kind_is_stood(group, tmp_path):
    counted: Counter[str] = Counter()
    found = fuzzing.search(group, SEEDS[group.name], tmp_path / "x", 0, counted)
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
    group = fuzzing.Group("records", {"broken": reader}, fuzzing.planting.damaged_lines)
    found = fuzzing.search(group, 2, tmp_path / "x", 0, Counter())
    assert isinstance(found.error, what)
