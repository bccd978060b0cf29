"""The calls that releases are asked, from the lines that stand for them."""

from __future__ import annotations

import pytest

from torchproof.reports.outcomes.questions import DTYPES, Question, questions


def codes(text):
    return [one.code for one in questions(text)]


@pytest.mark.parametrize(
    ("line", "forms"),
    [
        ("f(x)", ["f(x)"]),
        ("f(x, {0|1})", ["f(x, 0)", "f(x, 1)"]),
        ("{f|g}({0|1})", ["f(0)", "f(1)", "g(0)", "g(1)"]),
        ("f({|dim=0})", ["f()", "f(dim=0)"]),
        ("f({'a': 1})", ["f({'a': 1})"]),
        ("f({{'a': 1}|{}})", ["f({'a': 1})", "f({})"]),
        ("f({'a': {x|y}})", ["f({'a': x})", "f({'a': y})"]),
    ],
)
def test_a_line_stands_for_its_forms(line, forms):
    assert codes(line) == forms


def test_a_set_stands_for_its_members_alone_and_among_others():
    assert codes("DIM = 0 | (0, 1)\nf({DIM})\nf({DIM|None})") == ["f(0)", "f((0, 1))", "f(None)"]


def test_what_python_does_not_read_is_not_asked():
    assert codes("f(x, {0|0 1})") == ["f(x, 0)"]


def test_a_heading_says_what_is_given_besides():
    asked = questions("== of layers: dtypes gradients\nf(x)\n== plain\ng(x)")
    given = [one.given for one in asked if one.code == "f(x)"]
    assert given == ["float32", *DTYPES, "float32 gradient"]
    assert Question("g(x)") in asked


def test_a_state_in_place_of_the_plain_call():
    assert questions("== optimizers: steps\nf(q)") == [Question("f(q)", "float32 steps")]


def test_of_a_line_with_many_forms_the_same_ones_are_asked_again():
    line = "f({" + "|".join(map(str, range(500))) + "})"
    asked = codes(line)
    assert 0 < len(asked) < 500 and asked == codes(line)
    assert set(asked) <= {f"f({number})" for number in range(500)}


def test_what_is_asked_is_each_asked_once():
    asked = questions()
    assert len(asked) == len(set(asked)) > 10_000
