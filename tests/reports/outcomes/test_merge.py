"""The table of all releases from what each answers, and reading it."""

from __future__ import annotations

import argparse

import pytest

from torchproof.outcomes import ABSENT, Outcome, outcomes, read
from torchproof.releases import supported
from torchproof.reports.outcomes.merge import command


def merged(tmp_path, **answers):
    """The table of what releases answer: lines 'call; given; outcome; warnings' by release, as `v2_0`."""
    for release, lines in answers.items():
        text = "2.9.1\t3.11\n" + "".join("\t".join(part.strip() for part in line.split(";")) + "\n" for line in lines)
        (tmp_path / f"{release[1:].replace('_', '.')}.txt").write_text(text)
    command(argparse.Namespace(answers=tmp_path, output=tmp_path / "table.tsv"))
    return read((tmp_path / "table.tsv").read_text())


def test_what_differs_is_kept_by_its_subject(tmp_path):
    table = merged(
        tmp_path,
        v2_0=["torch.any(x); float32; bool[]: True; ", "torch.abs(x); float32; float32[1]: 1; "],
        v2_1=["torch.any(x); float32; bool[]: False; UserWarning: new", "torch.abs(x); float32; float32[1]: 1; "],
    )
    assert table.releases == ("2.0", "2.1")
    assert table.asked["2.1"] == ("2.9.1", "3.11")
    assert list(table.calls) == ["torch.any"]
    [call] = table.calls["torch.any"]
    assert (call.code, call.given) == ("torch.any(x)", "float32")
    assert call.outcomes == (Outcome("bool[]: True"), Outcome("bool[]: False", ("UserWarning: new",)))


def test_what_comes_again_is_one_state(tmp_path):
    lines = ["torch.any(x); float32; 1; "], ["torch.any(x); float32; 2; "], ["torch.any(x); float32; 1; "]
    table = merged(tmp_path, v2_0=lines[0], v2_1=lines[1], v2_2=lines[2])
    assert [one.text for one in table.calls["torch.any"][0].outcomes] == ["1", "2", "1"]
    assert (tmp_path / "table.tsv").read_text().count("\n") == 4 + 1 + 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("float32[1]: 1; ", "float32[1]: 1.0000001; "),
        ("unstable; ", "float32[1]: 2; "),
        ("float32[1]: 1; ", "unstable; "),
        ("raises AttributeError: module 'torch' has no attribute 'any'; ", "float32[1]: 1; "),
        ("raises AttributeError: module 'torch' has no attribute 'float32'; ", "float32[1]: 1; "),
        ("raises TypeError: got an unexpected keyword argument 'dim'; ", "float32[1]: 1; "),
        ("raises ModuleNotFoundError: No module named 'onnx'; ", "float32[1]: 1; "),
        ("raises ValueError: one; ", "raises ValueError: two; "),
        ("1; UserWarning: one", "1; UserWarning: two"),
    ],
)
def test_what_rounding_chance_or_the_inventory_tells_is_left_out(tmp_path, old, new):
    call = "torch.any(x, dim=0); float32"
    assert merged(tmp_path, v2_0=[f"{call}; {old}"], v2_1=[f"{call}; {new}"]).calls == {}


@pytest.mark.parametrize(
    "old",
    ["raises AttributeError: module 'torch' has no attribute 'meta'", "raises TypeError: got an unexpected keyword "
     "argument 'check'", "raises ImportError: safetensors is not installed"],
)  # fmt: skip
def test_what_is_missing_further_inside_is_an_error_of_the_call(tmp_path, old):
    call = "torch.any(x.to('meta')); float32"
    table = merged(tmp_path, v2_0=[f"{call}; {old}; "], v2_1=[f"{call}; bool[] on meta; "])
    assert [one.text for one in table.calls["torch.any"][0].outcomes] == [old, "bool[] on meta"]


def test_beside_what_differs_stands_what_does_not_of_the_same_dtype_or_of_numbers_that_are_drawn(tmp_path):
    same = ["torch.any(x, 0); float16; 1; ", "torch.any(x, 0); float32; 1; ", "torch.any(2); float32 stream; 1; ",
            "torch.abs(x); float16; 1; "]  # fmt: skip
    table = merged(
        tmp_path,
        v2_0=["torch.any(x); float16; 1; ", "torch.any(3); float32 stream; 1; ", *same],
        v2_1=["torch.any(x); float16; 2; ", "torch.any(3); float32 stream; 2; ", *same],
    )
    assert [(one.code, one.given) for one in table.calls["torch.any"]] == [
        ("torch.any(x)", "float16"), ("torch.any(3)", "float32 stream"),
        ("torch.any(x, 0)", "float16"), ("torch.any(2)", "float32 stream"),
    ]  # fmt: skip
    assert list(table.calls) == ["torch.any"]


def test_a_release_without_what_is_called_is_told_as_such(tmp_path):
    missing = ["torch.any(x); float32; raises AttributeError: module 'torch' has no attribute 'any'; "]
    one, two = "1", "2"
    of = [[f"torch.any(x); float32; {says}; "] for says in (one, two)]
    table = merged(tmp_path, v2_0=missing, v2_1=of[0], v2_2=of[1])
    assert [one.text for one in table.calls["torch.any"][0].outcomes] == [ABSENT, "1", "2"]


def test_an_outcome_says_whether_it_is_an_error():
    assert Outcome("raises NotImplementedError<RuntimeError: no").error == "NotImplementedError"
    assert Outcome("ends the process: SIGSEGV").error == "the end of the process"
    assert Outcome("float32[1]: 1").error == ""


def test_another_version_is_refused():
    with pytest.raises(ValueError, match="outcomes 9"):
        read("torchproof outcomes 9\n")


def test_the_table_is_of_the_supported_releases():
    table = outcomes()
    assert table.releases == tuple(supported())
    assert [table.asked[one][0] for one in table.releases] == [one.torch for one in supported().values()]
    assert all(len(call.outcomes) == len(table.releases) for calls in table.calls.values() for call in calls)
