"""The reference: what each fact was in each release, made of records, read again, and told."""

from __future__ import annotations

import re

import pytest

from tests.records import write
from torchproof.__main__ import main
from torchproof.data import Damaged
from torchproof.facts import renamed
from torchproof.reference import read, reference

# Facts that there are, since others are left out.
VIEW, MATRIX = "views.view.shares_memory", "views.transpose.of_a_matrix"


@pytest.fixture
def made(tmp_path):
    """`made((version, {id: verdict, or its fields}), …)` is the reference of such records, added to what was made."""
    file = tmp_path / "reference.tsv"

    def make(*runs):
        records = []
        for place, (version, results) in enumerate(runs):
            said = [(one, *(result if isinstance(result, tuple) else (result, {}))) for one, result in results.items()]
            records.append(write(tmp_path / f"{place}.jsonl", version, said))
        assert main(["reference", *map(str, records), "-o", str(file)]) == 0
        return read(file)

    make.file = file
    return make


def test_has_the_verdict_of_each_fact_in_each_release(made):
    known = ("broken", {"finding": "https://example.org/1"})
    table = made(
        ("2.15.0+cu132", {f"{VIEW}[cpu]": "holds", f"{VIEW}[cpu-a b]": "holds"}),
        ("2.0.1+cu117", {f"{VIEW}[cpu]": "differs", f"{VIEW}[cpu-a b]": "holds"}),
        ("2.6.0+cu124", {f"{VIEW}[cpu]": "holds", f"{VIEW}[cpu-a b]": known}),
    )
    assert table.verdicts == {
        f"{VIEW}[cpu]": {"2.0": "differs", "2.6": "holds", "2.15": "holds"},
        f"{VIEW}[cpu-a b]": {"2.0": "holds", "2.6": "known", "2.15": "holds"},
    }
    assert table.on("2.6.1+cpu") == {f"{VIEW}[cpu]": "holds", f"{VIEW}[cpu-a b]": "known"}
    assert table.on("2.7.0") == table.on("no version") == {}
    assert table.histories(VIEW) == {
        "differs 2.0, holds 2.6 to 2.15": ["cpu"],
        "holds 2.0, known 2.6, holds 2.15": ["cpu-a b"],
    }


def test_a_release_that_is_proven_anew_takes_the_place_of_what_was_known_of_it_alone(made):
    made(("2.0.1", {f"{VIEW}[cpu]": "holds"}), ("2.6.0", {f"{VIEW}[cpu]": "holds", f"{VIEW}[cpu-x]": "holds"}))
    table = made(("2.6.1", {f"{VIEW}[cpu]": "broken"}))
    assert table.verdicts == {f"{VIEW}[cpu]": {"2.0": "holds", "2.6": "broken"}}
    assert table.asked["2.6"]["torch"] == "2.6.1"


def test_what_the_machine_could_not_decide_is_left_out(made):
    undecided = dict.fromkeys(("inconclusive", "unavailable"))
    table = made(("2.6.0", {f"{VIEW}[cpu-{one}]": one for one in undecided} | {f"{VIEW}[cpu]": "unsupported"}))
    assert table.verdicts == {f"{VIEW}[cpu]": {"2.6": "unsupported"}}


def test_facts_that_are_no_more_are_left_out_and_renamed_ones_have_their_name_of_now(made):
    before, now = next((old, new) for old, new in renamed().items())
    table = made(("2.6.0", {before: "holds", "views.view.that_nobody_wrote[cpu]": "holds"}))
    assert table.verdicts == {now: {"2.6": "holds"}}


def test_keeps_counts_of_graphs_and_leaves_times_alone(made):
    table = made(
        ("2.0.1", {VIEW: ("holds", {"numbers": {"graphs": 2, "ratio": 1.25}})}),
        ("2.6.0", {VIEW: ("holds", {"numbers": {"graphs": 1, "ratio": 1.5}})}),
    )
    assert table.seen == {(VIEW, "graphs"): {"2.0": "2", "2.6": "1"}}


def test_is_small_where_nothing_changes(made):
    made(*((f"2.{minor}.0", {f"{VIEW}[cpu-{number}]": "holds" for number in range(9)}) for minor in (0, 1, 2)))
    _, told = made.file.read_text().split(f"{VIEW}\n")
    assert told == "\tholds 2.0-\t" + "\t".join(f"[cpu-{number}]" for number in range(9)) + "\n"


def test_what_is_no_reference_is_damaged(tmp_path):
    file = tmp_path / "reference.tsv"
    file.write_text("torchproof reference 99\n")
    with pytest.raises(Damaged, match=r"reference\.tsv is no reference that this version reads: it starts with"):
        read(file)


def test_the_one_that_is_kept_knows_the_newest_release_and_facts_that_there_are():
    newest = [*reference().asked][-1]
    verdicts = reference().on(newest)
    assert len(verdicts) > 10_000
    assert {*verdicts.values()} <= {"holds", "known", "differs", "absent", "unsupported"}
    assert re.fullmatch(r"elsewhere: holds \(torch 2\..*, Python 3\..*, NumPy .*\)", reference().elsewhere(
        next(one for one in verdicts if one.startswith(VIEW)), newest
    ))  # fmt: skip
