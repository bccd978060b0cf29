"""`torchproof floor`: the lowest release that some code works with, and what its project declares."""

import argparse
import json
import textwrap

import pytest

from torchproof.inventory import Inventory
from torchproof.reports import Refusal
from torchproof.reports.code import floor as command

INVENTORY = Inventory(
    textwrap.dedent("""\
    torchproof inventory 1
    releases 2.0 2.1 2.6 2.7
    torch
    \tfirst\t2.1-\tfunction\t(x)
    \tgone\t2.0-2.7\tfunction\t(x)
    \told\t\tfunction\t(x)
    \tstub\t2.0-2.7\tfunction\t(x)
    \t\t2.7-\tfunction\t(x)\t^it is removed
    \tscaled\t2.0-2.6\tfunction\t(x)
    \t\t2.6-\tfunction\t(x, scale=None)
    """)
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project's folder, from its files."""
    monkeypatch.setattr(command, "inventory", lambda: INVENTORY)

    def project(**files: str):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        return tmp_path

    return project


@pytest.fixture
def run(capsys):
    """What the command gives and prints."""

    def run(path, *options):
        parser = argparse.ArgumentParser()
        command.arguments(parser)
        code = command.command(parser.parse_args([str(path), *options]))
        return code, capsys.readouterr().out

    return run


def test_the_floor_is_said_with_the_line_that_sets_it_and_the_next_one(project, run):
    path = project(code_dot_py="import torch\ntorch.first(1)\ndef f():\n    torch.scaled(1, scale=2)\n")
    code, said = run(path)
    assert code == 0
    assert said.splitlines()[:6] == [
        "floor: torch 2.6",
        "  2.1: torch.scaled has no parameter scale",
        f"    {path}/code.py:4",
        "without these: torch 2.1",
        "  2.0: torch.first does not exist",
        f"    {path}/code.py:2 (at import)",
    ]


def test_code_that_works_everywhere_has_no_floor_that_is_known(project, run):
    _, said = run(project(code_dot_py="import torch\ntorch.old(1)"))
    assert said.startswith("floor: torch 2.0 or lower (older releases are not known)\n")


def test_what_no_longer_exists_is_the_ceiling(project, run):
    path = project(code_dot_py="import torch\ntorch.gone(1)")
    _, said = run(path)
    assert "ceiling: torch 2.6\n  2.7: torch.gone does not exist\n" in said


def test_what_only_raises_is_the_ceiling(project, run):
    _, said = run(project(code_dot_py="import torch\ntorch.stub(1)"))
    assert "ceiling: torch 2.6\n  2.7: torch.stub only raises: it is removed\n" in said


def test_what_only_raises_can_be_mentioned(project, run):
    _, said = run(project(code_dot_py="import torch\nhandled = {torch.stub}"))
    assert "torch.stub" not in said


def test_guarded_uses_set_nothing(project, run):
    path = project(
        code_dot_py="import torch\nif torch.__version__ >= '2.1':\n    torch.first(1)\nelse:\n    torch.old(1)"
    )
    assert run(path)[1].startswith("floor: torch 2.0 or lower")


def test_a_module_that_refuses_old_releases_sets_the_floor(project, run):
    path = project(code_dot_py="import torch\nif torch.__version__ < '2.6':\n    raise ImportError")
    assert run(path)[1].startswith("floor: torch 2.6\n  2.1: the code itself refuses it\n")


DECLARED = {
    "pyproject": {"pyproject_dot_toml": '[project]\nname = "x"\ndependencies = ["torch>={}", "numpy"]'},
    "extra": {"pyproject_dot_toml": '[project]\nname = "x"\n[project.optional-dependencies]\nall = ["torch>={}"]'},
    "poetry": {"pyproject_dot_toml": '[tool.poetry.dependencies]\ntorch = "^{}"'},
    "setup.cfg": {"setup_dot_cfg": "[options]\ninstall_requires =\n    numpy\n    torch >= {}"},
    "setup.py": {"setup_dot_py": "from setuptools import setup\nneeds = ['torch>={}']\nsetup(install_requires=needs)"},
    "requirements": {"requirements_dot_txt": "numpy\ntorch>={}  # for everything"},
    "folder": {"requirements__base_dot_txt": "torch>={}"},
    "environment": {"pyproject_dot_toml": "[project]\ndependencies = [\"torch>={}; python_version > '3.8'\"]"},
    "wheel": {
        "x-1_dot_dist-info__METADATA": "Metadata-Version: 2.1\nName: x\nRequires-Dist: torch>={}\n",
        "x-1_dot_dist-info__RECORD": "package/code.py,,\n",
    },
}


@pytest.mark.parametrize("files", DECLARED.values(), ids=DECLARED)
@pytest.mark.parametrize(
    ("release", "code", "verdict"),
    [
        ("2.0", 1, "lower than possible: the code needs 2.1"),
        ("2.1", 0, "OK, that is the floor"),
        ("2.6", 0, "higher than the code needs, which is 2.1"),
    ],
)
def test_what_the_project_declares_is_compared(project, run, files, release, code, verdict):
    path = project(
        **{name: text.format(release) for name, text in files.items()},
        package__code_dot_py="import torch\ntorch.first(1)",
    )
    found, said = run(path / "package")
    assert (found, f"declared: torch>={release}" in said, verdict in said) == (code, True, True)


def test_a_dependency_comes_before_an_extra(project, run):
    text = '[project]\ndependencies = ["torch>=2.1"]\n[project.optional-dependencies]\nold = ["torch>=2.0"]'
    path = project(pyproject_dot_toml=text, code_dot_py="import torch\ntorch.first(1)")
    assert run(path)[0] == 0


def test_a_wheel_of_another_package_declares_nothing(project, run):
    path = project(
        **{
            "x-1_dot_dist-info__METADATA": "Name: x\nRequires-Dist: torch>=2.0\n",
            "x-1_dot_dist-info__RECORD": "other/code.py,,\n",
            "package__code_dot_py": "import torch\ntorch.first(1)",
        }
    )
    (path / ".git").mkdir()
    code, said = run(path / "package")
    assert code == 0
    assert "declared: nothing about torch was found" in said


def test_torch_without_a_version_is_any_release(project, run):
    path = project(requirements_dot_txt="torch", code_dot_py="import torch\ntorch.first(1)")
    assert run(path)[0] == 1


def test_json_has_the_same(project, run):
    path = project(requirements_dot_txt="torch>=2.0", code_dot_py="import torch\ntorch.first(1)\ntorch.gone(1)")
    code, said = run(path, "--json")
    data = json.loads(said)
    assert code == 1
    assert (data["floor"], data["ceiling"], data["verdict"]) == ("2.1", "2.6", "too low")
    assert data["floors"] == [
        {"release": "2.1", "why": "torch.first does not exist", "at": [f"{path}/code.py:2"], "at_import": True}
    ]


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_path_without_python_is_refused_in_a_sentence(project, run, name):
    path = project(empty__readme_dot_txt="nothing") / name
    with pytest.raises(Refusal, match=name):
        run(path)


def test_a_file_that_cannot_be_read_is_told(project, run):
    path = project(code_dot_py="import torch\ntorch.old(1)", bad_dot_py="def (")
    code, said = run(path)
    assert code == 0
    assert "not read: " in said and "bad.py" in said


# --- formats ----------------------------------------------------------------------------------------------------------

CODE = "import torch\ntorch.first(1)\ntorch.gone(1)\ndef f():\n    torch.scaled(1, scale=2)\n"


def test_json_has_two_names(project, run):
    path = project(code_dot_py=CODE)
    assert run(path, "--format", "json") == run(path, "--json")
    assert run(path, "--format", "text") == run(path)


def test_markdown_has_the_floor_for_a_heading(project, run):
    path = project(code_dot_py=CODE)
    head, _, fence, *lines, end, empty = run(path, "--format", "markdown")[1].split("\n")
    assert (head, fence, end, empty) == ("### floor: torch 2.6", "```", "```", "")
    assert lines == run(path)[1].splitlines()[1:]


def annotations(said):
    found = (line.split("::") for line in said.splitlines())
    return [(head.partition(" ")[0], head.rpartition("line=")[2].partition(",")[0], says) for _, head, says in found]


def test_what_sets_the_floor_is_a_note_where_enough_is_declared(project, run):
    path = project(code_dot_py=CODE, pyproject_dot_toml='[project]\nname="x"\ndependencies=["torch>=2.6"]\n')
    code, said = run(path, "--format", "github")
    assert code == 0
    assert annotations(said) == [
        ("notice", "5", "needs torch 2.6: torch.scaled has no parameter scale"),
        ("notice", "2", "needs torch 2.1: torch.first does not exist"),
        ("warning", "3", "needs torch 2.6 or lower: torch.gone does not exist"),
    ]


def test_what_sets_the_floor_is_an_error_where_less_is_declared(project, run):
    path = project(code_dot_py=CODE, pyproject_dot_toml='[project]\nname="x"\ndependencies=["torch>=2.1"]\n')
    code, said = run(path, "--format", "github")
    assert code == 1
    assert [one[:2] for one in annotations(said)] == [("error", "5"), ("notice", "2"), ("warning", "3")]
    assert "; declared: torch>=2.1" in said.splitlines()[0]


def test_sarif_says_the_same(project, run):
    path = project(code_dot_py=CODE, broken_dot_py="def (\n")
    [told] = json.loads(run(path, "--format", "sarif")[1])["runs"]
    found = [(one["ruleId"], one["level"]) for one in told["results"]]
    assert found == [("floor", "note"), ("floor", "note"), ("ceiling", "warning"), ("unread", "warning")]


def test_a_name_that_no_release_has_is_told(project, run):
    code, said = run(project(code_dot_py="import torch\ndef f():\n    torch.firts(1)\n"))
    assert code == 0
    assert "in no release from 2.0 on:\n  torch.firts: did you mean torch.first?\n" in said
    code, said = run(project(code_dot_py="import torch\ntorch.firts(1)\n"))
    assert code == 1
    assert "code.py:2 (at import)" in said
    assert json.loads(run(project(), "--json")[1])["nowhere"][0]["why"] == "torch.firts: did you mean torch.first?"
