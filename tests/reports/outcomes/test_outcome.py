"""Since when a call works, as the command tells it."""

from __future__ import annotations

import pytest

from torchproof.__main__ import main
from torchproof.outcomes import Call, Outcome, Table
from torchproof.reports.outcomes import outcome

TABLE = Table(
    ("2.0", "2.1", "2.2"),
    {"2.0": ("2.0.1", "3.10"), "2.1": ("2.1.2", "3.11"), "2.2": ("2.2.2", "3.11")},
    {"torch.any": [
        Call("torch.any", "torch.any(x, (0, 1))", "float32",
             (Outcome("raises TypeError: no"), Outcome("1"), Outcome("1", ("UserWarning: old",)))),
    ]},
)  # fmt: skip


@pytest.fixture
def told(monkeypatch, capsys):
    monkeypatch.setattr(outcome, "outcomes", lambda: TABLE)
    monkeypatch.setattr(outcome, "_here", lambda question: f"here: {question.code}")

    def told(*arguments):
        code = main(["outcome", *arguments])
        return code, capsys.readouterr().out.splitlines()

    return told


def test_each_run_of_releases_is_told_and_what_is_here(told):
    assert told("torch.any(x,(0,1))") == (0, [
        "torch.any(x, (0, 1)), given float32",
        "  2.0.1             raises TypeError: no",
        "  2.1.2             1",
        "  2.2.2             1, and warns: UserWarning: old",
        "",
        "here: torch.any(x, (0, 1))",
    ])  # fmt: skip


def test_a_call_that_nobody_asked_is_told_with_others_of_its_name(told):
    _, lines = told("torch.any(x, 12345)")
    assert lines[0] == "torch.any(x, 12345), given float32: no release was asked this."
    assert "  torch.any(x, (0, 1)), given float32" in lines


def test_a_call_that_is_the_same_everywhere_is_told_as_such(told):
    assert told("torch.abs(x)")[1][0] == "torch.abs(x), given float32: no change of it is known, from torch 2.0 on."


def test_what_is_no_python_is_refused(told, capsys):
    assert main(["outcome", "torch.any(x"]) == 2
    assert "is no call that Python reads" in capsys.readouterr().err


def test_what_the_torch_that_is_here_gives(capsys):
    assert main(["outcome", "torch.add(v, w)", "--given", "float64"]) == 0
    assert "here: float64[3]: 1.5 2 1.5" in capsys.readouterr().out
