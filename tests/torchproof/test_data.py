"""What a file from elsewhere is read as, and what is wrong with it in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypedDict

import pytest

from torchproof import data
from torchproof.data import Damaged


class Place(TypedDict):
    name: str


@dataclass
class Thing:
    place: Place
    counts: dict[str, int]
    when: date
    more: Any = None


GOOD = {"place": {"name": "x"}, "counts": {"a": 1}, "when": date(2026, 1, 1)}
DEEP: list = []
for _ in range(500):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"place": 7}, "field place is 7, not an object"),
        ({"counts": [1]}, "field counts is [1], not an object"),
        ({"when": datetime(2026, 1, 1)}, "not a date"),
        ({"when": "2026-01-01"}, "field when is '2026-01-01', not a date"),
        ({"more": DEEP}, "is nested too deeply"),
    ],
)
def test_a_field_of_another_kind_is_told(wrong, says):
    assert data.made(Thing, GOOD).counts == {"a": 1}
    with pytest.raises(Damaged) as refused:
        data.made(Thing, GOOD | wrong)
    assert says in str(refused.value)


def test_what_is_no_object_is_told():
    with pytest.raises(Damaged, match="7, not an object"):
        data.made(Thing, 7, "thing")


def test_a_kind_that_nothing_reads_is_a_mistake_of_ours():
    with pytest.raises(TypeError, match="is not read"):
        data.made(complex, 1j)


def test_a_number_of_thousands_of_digits_is_no_json():
    with pytest.raises(Damaged, match="is no JSON: Exceeds the limit"):
        data.parsed(b"1" * 5_000)


def test_a_path_that_no_file_can_have_is_told():
    with pytest.raises(Damaged, match="cannot be read: embedded null byte"):
        data.read_bytes(Path("a\0b"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system has no such files")
def test_a_file_that_is_longer_than_it_says_is_read_whole():
    assert b"Threads:" in data.read_bytes(Path("/proc/self/status"))
    with pytest.raises(Damaged, match="is larger than"):
        data.read_bytes(Path("/proc/self/status"), most=10)
