"""What a release has announced that will go."""

from __future__ import annotations

import json

import pytest

from tests.reports.releases.test_diff import inventory
from torchproof.__main__ import main
from torchproof.reports.releases import diff, withdrawn
from torchproof.reports.releases.ahead import announced

NAMES = inventory(
    "torch.cat | - | function ; (a) ; !it is deprecated and will be removed in PyTorch 2.0. Use torch.new",
    "torch.stack | - | function ; (a) ; !`stack` will be removed in v2.17.",
    "torch.ones | function ; (a) | function ; (a) ; !It was deprecated in 2.0 and will be removed in a future release.",
    "torch.zeros | function ; (a) | function ; (a) ; %FutureWarning: use torch.new",
    "torch.gone | - | function ; (a) ; !it is now removed ; ^it is now removed",
    "torch.other | - | =torch.cat",
    "torch.deep | module | .",
    "torch.deep.rare | - | function ; (a) ; !it will go",
    "torch.well | function ; (a) | .",
)


@pytest.fixture
def run(monkeypatch, capsys):
    """`torchproof diff` with these arguments: its exit code and what it prints."""
    monkeypatch.setattr(diff, "inventory", lambda: NAMES)
    return lambda *arguments: (main(["diff", *arguments]), capsys.readouterr().out)


def test_what_is_overdue_comes_first_then_what_is_next():
    assert [(one.name, one.by, one.is_overdue) for one in announced(NAMES, "2.1")] == [
        ("torch.cat", "2.0", True),
        ("torch.stack", "2.17", False),
        ("torch.ones", None, False),
        ("torch.zeros", None, False),
        ("torch.deep.rare", None, False),
    ]


def test_what_goes_with_torch_is_told_by_releases_of_its_own():
    names = inventory(
        "torchvision.f | - | function ; (a) ; !it will be removed in version 0.16.",
        "torchaudio.f | - | function ; (a) ; !It will be removed from 2.9 release.",
    )
    assert [(one.name, one.head.partition(":")[0]) for one in announced(names, "2.1")] == [
        ("torchvision.f", "overdue"),
        ("torchaudio.f", "to be removed by torchaudio 2.9"),
    ]


def test_it_is_told_by_when_it_will_go(run):
    code, out = run("--ahead", "2.1")
    assert code == 0
    assert out.startswith("torch 2.1 announces: 1 overdue, 1 to be removed by 2.17, 3 deprecated\n")
    assert "\noverdue: it was to be gone by now, and is still there (1)\n  torch.cat  it is deprecated" in out
    assert "  and 1 more that hardly anyone uses: --all tells them\n" in out
    assert "torch.deep.rare" in run("--ahead", "2.1", "--all")[1]


def test_without_a_release_the_newest_is_meant(run):
    assert run("--ahead")[1] == run("--ahead", "2.1")[1]


def test_of_some_code_only_what_it_uses_is_told(run, tmp_path):
    (tmp_path / "code.py").write_text("import torch\ntorch.well(1)\ntorch.stack(1)\n")
    code, out = run("--ahead", "--uses", str(tmp_path))
    assert code == 0
    assert "torch.stack  it will be removed in v2.17.\n" in out
    assert "code.py:3\n" in out
    assert "torch.cat" not in out
    assert run("--ahead", "2.0", "--uses", str(tmp_path))[1] == "torch 2.0 announces: nothing\n"


def test_as_json(run, tmp_path):
    (tmp_path / "code.py").write_text("import torch\ntorch.stack(1)\n")
    first, *_ = json.loads(run("--ahead", "--json")[1])["announced"]
    assert first == {
        "name": "torch.cat",
        "words": "it is deprecated and will be removed in PyTorch 2.0. Use torch.new",
        "by": "2.0",
        "overdue": True,
    }
    said = json.loads(run("--ahead", "--json", "--uses", str(tmp_path))[1])
    assert [(one["name"], one["certain"], len(one["places"])) for one in said["announced"]] == [
        ("torch.stack", True, 1)
    ]
    assert said["unread"] == []


@pytest.fixture
def parameters(monkeypatch):
    said = {"a": "``a`` is deprecated. Use b. It goes: it will be removed in v2.17.", "c": "Deprecated."}
    monkeypatch.setattr(withdrawn, "parameters", lambda name, release: said if name == "torch.well" else {})


def test_a_parameter_of_what_stays_is_told_where_it_is_passed(run, parameters, tmp_path, monkeypatch):
    (tmp_path / "code.py").write_text("import torch\ntorch.well(b=1)\ntorch.well(a=1)\n")
    names = inventory("torch.well | function ; (a=1, b=1, c=1) | .")
    monkeypatch.setattr(diff, "inventory", lambda: names)
    assert "to be removed by 2.17 (1)\n  torch.well(a)  Use b." in run("--ahead")[1]
    assert "torch.well(c)\n" in run("--ahead")[1]
    _, out = run("--ahead", "--uses", str(tmp_path))
    assert out.count("code.py:") == out.count("torch.well(a)") == out.count("code.py:3") == 1
    assert "(c)" not in out
    (said,) = json.loads(run("--ahead", "--json", "--uses", str(tmp_path))[1])["announced"]
    assert (said["name"], said["parameter"], said["by"], said["certain"]) == ("torch.well", "a", "2.17", True)


def test_as_markdown(run):
    assert "#### to be removed by 2.17 (1)\n\n- torch.stack  it will" in run("--ahead", "--markdown")[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("2.0", "2.1", "--ahead"), "--ahead is about one release"),
        (("--ahead", "--format", "sarif"), "text, markdown or json"),
        (("--ahead", "--uses", "/nowhere/at/all"), "/nowhere/at/all"),
    ],
)
def test_what_makes_no_sense_is_refused(monkeypatch, capsys, arguments, says):
    monkeypatch.setattr(diff, "inventory", lambda: NAMES)
    assert main(["diff", *arguments]) == 2
    assert says in capsys.readouterr().err
