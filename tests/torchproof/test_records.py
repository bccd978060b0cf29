"""What a record holds, what is read out of it, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.records import fact, write
from torchproof import facts
from torchproof.data import Damaged
from torchproof.records import KILLED, KINDS, Head, Observation, Planted, Record, Started, Verdict, read

START, HOLDS = Started(id="a"), Verdict(id="a", verdict="holds")
FIRST, SECOND = Started(id="a", on="torch.add", fault="sign"), Started(id="a", on="torch.add", fault="NaN")


def of(*lines):
    return Record(Path("run.jsonl"), Head(schema=1, torch={}, environment={}, options={}), list(lines))


def test_totals_take_the_last_verdict():
    assert of(Verdict(id="a", verdict="crashed"), HOLDS).totals() == {"holds": 1}


def rounds(*verdicts):
    return [Verdict(id="a", round=number, verdict=verdict) for number, verdict in enumerate(verdicts, 1)]


def test_what_fails_in_one_round_counts_and_else_what_most_rounds_gave():
    assert of(*rounds("holds", "timeout", "broken", "holds")).totals() == {"broken": 1}
    assert of(*rounds("inconclusive", "holds", "holds", "inconclusive", "holds")).totals() == {"holds": 1}
    assert of(*rounds("crashed", "holds"), *rounds("holds")).totals() == {"holds": 1}


def test_what_counts_and_is_not_the_last_is_overruled():
    assert of(*rounds("holds", "broken", "holds")).overruled() == rounds("holds", "broken")[1:]
    assert of(*rounds("holds", "holds", "broken")).overruled() == []
    assert of(*rounds("holds", "broken", "holds"), *rounds("holds", "broken")[1:]).overruled() == []


def test_a_round_is_lost_by_itself():
    second = Started(id="a", round=2)
    assert of(START, HOLDS, second, second).lost() == {("a", 2): 2}


def test_a_round_that_was_killed_from_outside_is_tried_again_by_itself():
    killed = Verdict(id="a", round=2, verdict="error", reason=f"{KILLED} by SIGKILL")
    assert of(HOLDS, killed).killed() == {("a", 2)}
    assert of(HOLDS, killed, killed).killed() == set()


def test_what_a_finding_explains_is_known():
    assert of(Verdict(id="a", verdict="broken", finding="https://example.org")).totals() == {"known": 1}


def test_lost_is_what_was_started_since_its_last_verdict():
    assert of(START, HOLDS, START, START, Started(id="b", on="torch.add", fault="copy")).lost() == {("a", 1): 2}


def test_a_fault_that_was_running_at_two_kills_was_noticed():
    assert of(START, FIRST).faults() == {}
    assert of(START, FIRST, START, FIRST).faults() == {"a": {("torch.add", "sign"): True}}
    assert of(START, FIRST, SECOND, START, FIRST, SECOND).faults() == {"a": {("torch.add", "NaN"): True}}
    survived = Planted(id="a", on="torch.add", fault="sign", noticed=False)
    assert of(START, FIRST, survived).faults() == {"a": {("torch.add", "sign"): False}}


def test_a_fact_is_not_lost_with_its_fault():
    assert of(START, START).lost() == {("a", 1): 2}
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


class Mute:
    def __str__(self):
        raise ValueError


def test_what_has_no_words_or_no_end_stands_in_some(tmp_path):
    circle: list = [1]
    circle.append({"again": circle})
    line = Observation(id="a", name="b", value=[circle, Mute(), 10**5_000])
    circled, mute, long = json.loads(line.as_json())["value"]
    assert circled == [1, {"again": "…"}]
    assert mute == "<Mute, of which no text can be made: ValueError>"
    assert long == "<int, of which no text can be made: ValueError>"


def test_what_is_written_is_read(tmp_path):
    record = read(write(tmp_path / "run.jsonl", "2.6.0", [("a.b.c", "broken", {"reason": "no", "numbers": {"n": 1}})]))
    assert [line.kind for line in record.lines] == ["fact", "started", "verdict", "end"]
    assert list(record.of(Verdict)) == [
        Verdict(id="a.b.c", verdict="broken", seconds=0.1, reason="no", numbers={"n": 1})
    ]
    assert record.end is not None


def test_what_was_recorded_by_a_name_of_before_is_of_the_same_fact(tmp_path, monkeypatch):
    monkeypatch.setattr(facts, "renamed", lambda: {"a.b.old": "a.b.new"})
    record = read(write(tmp_path / "run.jsonl", "2.6.0", [("a.b.old[cpu]", "holds", {})]))
    assert list(record.results()) == ["a.b.new[cpu]"]


def test_a_torn_last_line_is_left_out(tmp_path):
    path = write(tmp_path / "run.jsonl", "2.6.0", [("a.b.c", "holds", {})])
    path.write_text(path.read_text()[:-5])
    assert read(path).end is None


def test_a_folder_is_no_record(tmp_path):
    with pytest.raises(Damaged, match="cannot be read"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nonsense", "line 2 is no JSON: Expecting value"),
        ("[1]", "line 2 is no line of a run record"),
        ("\xff", "line 2 is no text in UTF-8"),
        ("[" * 100_000, "line 2 is nested too deeply"),
        ('{"kind": "verdicts"}', "field kind is 'verdicts'"),
        ('{"kind": "verdict", "id": "a"}', "field verdict is missing"),
        ('{"kind": "verdict", "id": "a", "verdict": 3}', "field verdict is 3"),
        ('{"kind": "verdict", "id": "a", "verdict": "x"}', "field verdict is 'x'"),
        ('{"kind": "verdict", "id": "a\\nb", "verdict": "holds"}', r"field id is 'a\nb', not one line"),
        (
            '{"kind": "verdict", "id": "a", "verdict": "holds", "seconds": "many"}',
            "field seconds is 'many', not a number",
        ),
        ('{"kind": "verdict", "id": "a", "verdict": "holds", "seconds": -1}', "field seconds is -1, not 0 or more"),
        ('{"kind": "verdict", "id": "a", "verdict": "holds", "seconds": 1e999}', "field seconds is inf, not a number"),
        ('{"kind": "fault", "id": "a", "on": "b", "fault": "c", "noticed": "yes"}', "field noticed is 'yes'"),
        ('{"kind": "end", "totals": {}, "ended": "today"}', "field ended is 'today', not a time"),
    ],
)
def test_a_damaged_line_is_counted_and_named_and_costs_no_other(tmp_path, line, says):
    path = write(tmp_path / "run.jsonl", "2.6.0", [("a.b.c", "holds", {})])
    before = read(path)
    first, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(b"\n".join([first, line.encode("latin-1"), rest]))
    record = read(path)
    assert (record.lines, record.end) == (before.lines, before.end)
    assert record.gaps.startswith(f"1 of 6 lines of {path} could not be read; the first, line 2")
    assert says in record.gaps


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"torch": {}}, "field torch.version is missing"),
        ({"torch": {"version": "new"}}, "field torch.version is 'new', not a version"),
        ({"environment": {"cpu": 3, "python": "3.11"}}, "field environment.cpu is 3, not text"),
        ({"command": "rm -rf ~;"}, "field command is 'rm -rf ~;'"),
        ({"options": {"args": "suites"}}, "field options.args is 'suites', not a list"),
        ({"options": {"fact": ["/tmp.evil.fact"]}}, "field options.fact[0] is '/tmp.evil.fact', not an id"),
        ({"options": {"changed": "--output=x"}}, "field options.changed is '--output=x', not a revision"),
    ],
)
def test_a_first_line_that_is_damaged_is_refused_with_its_field(tmp_path, said, says):
    path = write(tmp_path / "run.jsonl", "2.6.0", [("a.b.c", "holds", {})])
    first, rest = path.read_text().split("\n", 1)
    path.write_text(json.dumps({**json.loads(first), **said}) + "\n" + rest)
    with pytest.raises(Damaged) as refused:
        read(path)
    assert str(refused.value) == f"{path}, line 1: {says}"


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_fields_that_can_be_checked(tmp_path, kind):
    path = write(tmp_path / "run.jsonl", "2.6.0", [("a.b.c", "holds", {})])
    path.write_text(path.read_text() + json.dumps({"kind": kind}) + "\n")
    [damaged] = read(path).damaged
    assert damaged.line == 6
    assert damaged.says == "is missing"


def test_a_pipe_of_the_shell_is_refused_with_what_to_do():
    ends = os.pipe()
    try:
        with pytest.raises(Damaged, match="is no regular file: save what it gives as one"):
            read(Path(f"/dev/fd/{ends[0]}"))
    finally:
        for one in ends:
            os.close(one)
