"""What a record holds, what is read out of it, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.records import fact, write
from torchproof.records import KINDS, Head, Planted, Record, RecordError, Started, Verdict, read

START, HOLDS = Started(id="a"), Verdict(id="a", verdict="holds")
FIRST, SECOND = Started(id="a", on="torch.add", fault="sign"), Started(id="a", on="torch.add", fault="NaN")


def of(*lines):
    return Record(Path("run.jsonl"), Head(schema=1, torch={}, environment={}, options={}), list(lines))


def test_totals_take_the_last_verdict():
    assert of(Verdict(id="a", verdict="crashed"), HOLDS).totals() == {"holds": 1}


def test_what_a_finding_explains_is_known():
    assert of(Verdict(id="a", verdict="broken", finding="https://example.org")).totals() == {"known": 1}


def test_lost_is_what_was_started_since_its_last_verdict():
    assert of(START, HOLDS, START, START, Started(id="b", on="torch.add", fault="copy")).lost() == {"a": 2}


def test_a_fault_that_was_running_at_two_kills_was_noticed():
    assert of(START, FIRST).faults() == {}
    assert of(START, FIRST, START, FIRST).faults() == {"a": {("torch.add", "sign"): True}}
    assert of(START, FIRST, SECOND, START, FIRST, SECOND).faults() == {"a": {("torch.add", "NaN"): True}}
    survived = Planted(id="a", on="torch.add", fault="sign", noticed=False)
    assert of(START, FIRST, survived).faults() == {"a": {("torch.add", "sign"): False}}


def test_a_fact_is_not_lost_with_its_fault():
    assert of(START, START).lost() == {"a": 2}
    assert of(START, FIRST, START, FIRST).lost() == {}


def test_a_fact_s_line_has_every_field_and_others_only_what_they_say():
    assert json.loads(fact("a.b.c", link=None).as_json()).keys() >= {"until", "myth", "hint", "source"}
    assert json.loads(HOLDS.as_json()) == {"kind": "verdict", "id": "a", "verdict": "holds"}


def test_what_is_no_number_in_json_stands_in_words():
    line = Verdict(id="a", verdict="holds", numbers={"low": 0.5, "high": float("inf"), "all": [float("nan")]})
    assert json.loads(line.as_json(), parse_constant=pytest.fail)["numbers"] == {
        "low": 0.5,
        "high": "inf",
        "all": ["nan"],
    }


def test_what_is_written_is_read(tmp_path):
    record = read(write(tmp_path / "run.jsonl", "2.6.0", [("a.b.c", "broken", {"reason": "no", "numbers": {"n": 1}})]))
    assert [line.kind for line in record.lines] == ["fact", "started", "verdict", "end"]
    assert list(record.of(Verdict)) == [
        Verdict(id="a.b.c", verdict="broken", seconds=0.1, reason="no", numbers={"n": 1})
    ]
    assert record.end is not None


def test_a_torn_last_line_is_left_out(tmp_path):
    path = write(tmp_path / "run.jsonl", "2.6.0", [("a.b.c", "holds", {})])
    path.write_text(path.read_text()[:-5])
    assert read(path).end is None


def test_a_folder_is_no_record(tmp_path):
    with pytest.raises(RecordError, match="cannot be read"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nonsense", "it is no line of a run record"),
        ("[1]", "it is no line of a run record"),
        ('{"kind": "verdict", "id": "a"}', "verdict without verdict"),
        ('{"kind": "verdict", "id": "a", "verdict": 3}', "verdict of verdict is 3"),
        ('{"kind": "verdict", "id": "a", "verdict": "holds", "seconds": "many"}', "seconds of verdict is 'many'"),
        ('{"kind": "fault", "id": "a", "on": "b", "fault": "c", "noticed": "yes"}', "noticed of fault is 'yes'"),
    ],
)
def test_a_line_that_is_none_is_told_with_its_number(tmp_path, line, says):
    path = write(tmp_path / "run.jsonl", "2.6.0", [], complete=False)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(RecordError, match=f"run.jsonl, line 2: .*{says}"):
        read(path)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_fields_that_can_be_checked(tmp_path, kind):
    path = write(tmp_path / "run.jsonl", "2.6.0", [("a.b.c", "holds", {})])
    path.write_text(path.read_text() + json.dumps({"kind": kind}) + "\n")
    with pytest.raises(RecordError, match=f"{kind} without "):
        read(path)
