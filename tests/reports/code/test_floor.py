"""`torchproof floor`: the lowest release that some code works with, and what its project declares."""

import argparse
import json
import re
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
    \taway\t2.0-2.1,2.6-\tfunction\t(x)
    \tfirst\t2.1-\tfunction\t(x)
    \tgone\t2.0-2.7\tfunction\t(x)
    \tlate\t2.7-\tfunction\t(x)
    \told\t\tfunction\t(x)
    \tstub\t2.0-2.7\tfunction\t(x)
    \t\t2.7-\tfunction\t(x)\t^it is removed
    \tstubs\t\tfunction\t(x)\t^it is removed
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


def test_what_only_tests_need_is_told_and_moves_nothing(project, run):
    late, never = "import torch\ndef f():\n    torch.{}(1)\n", "import torch\ntorch.nevre\ntorch.gone\n"
    path = project(
        pyproject_dot_toml='[project]\nname = "x"\ndependencies = ["torch>=2.1"]',
        x__code_dot_py=late.format("first"),
        x__tests__a_dot_py=late.format("late"),
        tests__b_dot_py=never,
        docs__c_dot_py=late.format("first"),
    )
    code, said = run(path)
    assert (code, said.splitlines()[0]) == (0, "floor: torch 2.1")
    start = said.splitlines().index("its tests need torch 2.7:")
    assert said.splitlines()[start + 1 : start + 9] == [
        "  2.6: torch.late does not exist",
        f"    {path}/x/tests/a.py:3",
        "  ceiling: torch 2.6",
        "    2.7: torch.gone does not exist",
        f"      {path}/tests/b.py:3 (at import)",
        "  in no release from 2.0 on:",
        "    torch.nevre",
        f"      {path}/tests/b.py:2 (at import)",
    ]
    assert "its docs" not in said
    data = json.loads(run(path, "--json")[1])
    assert (data["floor"], data["asides"]["tests"]["floors"][0]["release"]) == ("2.1", "2.7")
    levels = {line.partition(" ")[0] for line in run(path, "--format", "github")[1].splitlines()}
    assert levels == {"::notice", "::warning"}


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


def test_no_release_runs_what_raises_in_all_of_them(project, run):
    code, said = run(project(code_dot_py="import torch\ntorch.stubs(1)"))
    assert code == 1
    assert "in no release from 2.0 on:\n  torch.stubs only raises: it is removed\n" in said


@pytest.mark.parametrize(("keyword", "meant"), [("scalle", ": did you mean scale?"), ("never", "")])
def test_no_release_runs_a_call_with_a_parameter_that_none_has(project, run, keyword, meant):
    code, said = run(project(code_dot_py=f"import torch\ntorch.scaled(1, {keyword}=2)"))
    assert code == 1
    assert f"in no release from 2.0 on:\n  torch.scaled takes no parameter {keyword}, in any release{meant}\n" in said


@pytest.mark.parametrize("manager", ["pytest.raises(TypeError)", "self.assertRaises(TypeError)"])
def test_a_call_that_is_to_be_refused_is_no_mistake(project, run, manager):
    code, said = run(project(code_dot_py=f"import torch\nwith {manager}:\n    torch.scaled(1, never=2)"))
    assert (code, "in no release" in said) == (0, False)


def test_what_is_called_by_default_may_be_something_else(project, run):
    code, said = run(project(code_dot_py="import torch\ndef f(of=torch.scaled):\n    of(1, never=2)\nf(torch.late)"))
    assert (code, "in no release" in said) == (0, False)


@pytest.mark.parametrize(("place", "code"), [("", 1), ("def f():\n    return ", 0)], ids=["import", "function"])
def test_no_release_fits_where_it_fails_as_the_code_is_imported(project, run, place, code):
    exit_code, said = run(project(code_dot_py=f"import torch\n{place}torch.stubs(1)"))
    told = "no release of torch fits: some of what is called fails in all of them\n"
    assert (exit_code, said.startswith(told), "torch.stubs only raises" in said) == (code, bool(code), True)


def test_a_release_below_the_floor_is_no_hole(project, run):
    _, said = run(project(code_dot_py="import torch\ntorch.away(1)"))
    assert "\nnot torch 2.1\n" in said
    _, said = run(project(code_dot_py="import torch\ntorch.away(1)\ntorch.late(1)"))
    assert "not torch" not in said


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
    assert (found, verdict in said) == (code, True)
    assert re.search(rf"declared: torch\W+{re.escape(release)}", said)


def test_a_dependency_comes_before_an_extra(project, run):
    text = '[project]\ndependencies = ["torch>=2.1"]\n[project.optional-dependencies]\nold = ["torch>=2.0"]'
    path = project(pyproject_dot_toml=text, code_dot_py="import torch\ntorch.first(1)")
    assert run(path)[0] == 0


def test_an_extra_is_told_as_that(project, run):
    path = project(
        setup_dot_py="setup(extras_require={'gpu': ['torch>=2.1']})", code_dot_py="import torch\ntorch.first(1)"
    )
    assert "\ndeclared: torch>=2.1 (setup.py, in gpu): OK" in run(path)[1]


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


# --- what fits --------------------------------------------------------------------------------------------------------


def pinned(requirement, code="import torch\ntorch.first(1)"):
    return {"requirements_dot_txt": requirement, "code_dot_py": code}


@pytest.mark.parametrize(
    ("requirement", "code", "says"),
    [
        ("torch==2.0.1+cu118", 1, "lower than possible: the code needs 2.1"),
        ("torch==1.13.1", 1, "lower than possible: the code needs 2.1"),
        ("torch>=1.8,<2", 1, "lower than possible: the code needs 2.1"),
        ("torch!=2.0.1", 1, "lower than possible: the code needs 2.1"),
        ("torch>2.0.1", 0, "OK, that is the floor"),
        ("torch==2.6.0", 0, "higher than the code needs, which is 2.1"),
        ("torch>=3", 0, "none of the releases that are known, 2.0 to 2.7, is allowed"),
    ],
)
def test_ways_to_declare_are_compared(project, run, requirement, code, says):
    found, said = run(project(**pinned(requirement)))
    assert (found, f"declared: {requirement} (requirements.txt): {says}" in said) == (code, True)


@pytest.mark.parametrize(
    ("requirement", "code", "says"),
    [
        ("torch>=2.7", 1, "higher than possible: 2.6 is the last that works"),
        ("torch==2.7.0", 1, "higher than possible: 2.6 is the last that works"),
        ("torch>=2.1", 0, "higher than the code needs, which is 2.0; but it allows 2.7, in which it does not work"),
        ("torch<2.7", 0, "OK from 2.0 on; older releases are not known"),
    ],
)
def test_what_is_declared_is_compared_with_the_ceiling(project, run, requirement, code, says):
    found, said = run(project(**pinned(requirement, "import torch\ntorch.gone(1)")))
    assert (found, f"declared: {requirement} (requirements.txt): {says}" in said) == (code, True)


def test_where_no_release_fits_both_lines_are_told(project, run):
    path = project(code_dot_py="import torch\ntorch.gone(1)\ntorch.late(1)")
    code, said = run(path)
    assert code == 1
    assert said.splitlines()[:7] == [
        "no release of torch fits: 2.7 or newer is needed, and 2.6 or older",
        "floor: torch 2.7",
        "  2.6: torch.late does not exist",
        f"    {path}/code.py:3 (at import)",
        "without these: torch 2.0 or lower",
        "ceiling: torch 2.6",
        "  2.7: torch.gone does not exist",
    ]


def test_a_hole_is_no_floor(project, run):
    path = project(**pinned("torch>=2.0,<2.7", "import torch\ntorch.away(1)"))
    code, said = run(path)
    assert code == 0
    assert said.startswith("floor: torch 2.0 or lower")
    assert f"not torch 2.1\n  torch.away does not exist\n    {path}/code.py:2 (at import)\n" in said
    assert "but it allows 2.1, in which it does not work" in said


def test_the_floor_is_above_a_hole_that_it_would_be_in(project, run):
    path = project(code_dot_py="import torch\ntorch.away(1)\ntorch.first(1)")
    _, said = run(path)
    assert said.startswith(f"floor: torch 2.6\n  2.1: torch.away does not exist\n    {path}/code.py:2 (at import)\n")
    assert "without these: torch 2.1\n  2.0: torch.first does not exist\n" in said
    assert "not torch" not in said


def test_a_pin_in_a_hole_fails(project, run):
    code, said = run(project(**pinned("torch==2.1.2", "import torch\ntorch.away(1)")))
    assert code == 1
    assert "it works in none of the releases that this allows" in said


def test_of_lines_for_several_environments_the_lowest_counts_and_is_told(project, run):
    lines = "torch>=2.1; python_version >= '3.13'\ntorch>=2.0; python_version < '3.13'"
    code, said = run(project(**pinned(lines)))
    assert code == 1
    assert "\ndeclared: torch>=2.0; python_version < '3.13' (requirements.txt): lower than possible" in said
    assert "\nalso declared: torch>=2.1; python_version >= '3.13' (requirements.txt): OK" in said


def test_another_file_is_told_where_it_contradicts(project, run):
    files = pinned("torch==2.0.1") | {"setup_dot_py": "setup(install_requires=['torch>=2.1'])"}
    code, said = run(project(**files))
    assert code == 0
    assert "\ndeclared: torch>=2.1 (setup.py): OK" in said
    assert "\nalso declared: torch==2.0.1 (requirements.txt): contradicts setup.py\n" in said


def test_what_goes_with_another_torch_is_told_and_changes_no_verdict(project, run):
    code, said = run(project(**pinned("torch>=2.1,<2.3\ntorchvision>=0.20")))
    assert code == 0
    assert "\nalso declared: torchvision>=0.20 (requirements.txt): goes with torch " in said


def test_the_environments_of_a_matrix_that_have_no_wheels_are_one_line(project, run, tmp_path):
    matrix = "torch: ['2.0.1', 2.1.2, 2.2.2, 2.3.1, 2.4.1, 2.6.0]"
    install = "steps: [{with: {python-version: '3.13'}}, {run: 'pip install torch==${{ matrix.torch }}'}]"
    path = project(code_dot_py="import torch\ntorch.first(1)")
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / ".github" / "workflows" / "a.yml").write_text(f"strategy: {{matrix: {{{matrix}}}}}\n{install}\n")
    cells = ", ".join(f"Python 3.13 with torch=={one}" for one in ("2.0.1", "2.1.2", "2.2.2", "2.3.1"))
    assert f"\nalso declared: {cells} and 1 more (workflows/a.yml:2): there are no such wheels\n" in run(path)[1]


def test_the_oldest_python_that_the_project_takes_needs_wheels(project, run):
    text = "[project]\nrequires-python = '>=3.13'\ndependencies = ['torch>=2.1', 'numpy>=2.1']"
    path = project(pyproject_dot_toml=text, code_dot_py="import torch\ntorch.old(1)")
    code, said = run(path)
    assert code == 1
    assert said.splitlines()[:3] == [
        "floor: torch 2.6",
        "  2.1: no wheels for Python 3.13, the oldest that the project takes",
        '    pyproject.toml: requires-python = ">=3.13"',
    ]
    assert "its wheels were built for NumPy 1, and the project asks for numpy>=2.1" in said
    assert "lower than possible: the project needs 2.6" in said


def test_the_newest_python_that_the_project_takes_needs_wheels(project, run):
    text = "[project]\nrequires-python = '>=3.8,<3.9'\ndependencies = ['torch']"
    _, said = run(project(pyproject_dot_toml=text, code_dot_py="import torch\ntorch.old(1)"))
    assert "ceiling: torch 2.1\n  2.6: no wheels for Python 3.8, the newest that the project takes" in said


def test_a_python_that_is_open_above_sets_no_ceiling(project, run):
    text = "[project]\nrequires-python = '>=3.8'\ndependencies = ['torch', 'numpy>=1.20']"
    _, said = run(project(pyproject_dot_toml=text, code_dot_py="import torch\ntorch.old(1)"))
    assert said.startswith("floor: torch 2.0 or lower")
    assert "ceiling" not in said


def test_a_file_of_declarations_that_cannot_be_read_is_told(project, run):
    _, said = run(project(setup_dot_cfg="nonsense", **pinned("torch>=2.1")))
    assert "not read: setup.cfg: File contains no section headers." in said
    assert "declared: torch>=2.1 (requirements.txt): OK" in said


LOCK = "[[package]]\nname = 'torch'\nversion = '{}'"


@pytest.mark.parametrize(
    ("locked", "said"),
    [
        ("2.6.0", []),
        ("2.0.1", ["also declared: torch==2.0.1 (uv.lock): contradicts requirements.txt"]),
    ],
)
def test_a_lock_file_beside_others_is_told_where_it_is_wrong(project, run, locked, said):
    path = project(
        requirements_dot_txt="torch>=2.1", uv_dot_lock=LOCK.format(locked), code_dot_py="import torch\ntorch.first(1)"
    )
    code, lines = run(path)
    assert code == 0
    assert [line for line in lines.splitlines() if line.startswith("also")] == said


def test_a_lock_file_of_what_does_not_work_is_told(project, run):
    path = project(
        requirements_dot_txt="torch", uv_dot_lock=LOCK.format("2.7.0"), code_dot_py="import torch\ntorch.gone(1)"
    )
    assert "\nalso declared: torch==2.7.0 (uv.lock): higher than possible: 2.6 is the last that works\n" in run(path)[1]


SCRIPT = "# /// script\n# dependencies = ['torch>={}']\n# ///\nimport torch\ntorch.{}(1)\n"


def test_the_header_of_a_script_is_compared_with_what_the_script_uses(project, run):
    path = project(
        pyproject_dot_toml='[project]\nname = "x"\ndependencies = ["torch>=2.7"]',
        x__code_dot_py="import torch\ntorch.late(1)",
        right_dot_py=SCRIPT.format("2.1", "first"),
        wrong_dot_py=SCRIPT.format("2.0", "first"),
    )
    code, said = run(path)
    assert code == 0
    assert [line for line in said.splitlines() if "declared" in line] == [
        "declared: torch>=2.7 (pyproject.toml): OK, that is the floor",
        "also declared: torch>=2.0 (wrong.py): lower than possible: the script needs 2.1",
    ]


def test_of_scripts_alone_the_worst_is_what_counts(project, run):
    path = project(a_dot_py=SCRIPT.format("2.1", "first"), b_dot_py=SCRIPT.format("2.6", "late"))
    code, said = run(path)
    assert code == 1
    assert [line for line in said.splitlines() if "declared" in line] == [
        "declared: torch>=2.6 (b.py): lower than possible: the script needs 2.7",
        "also declared: torch>=2.1 (a.py): OK, that is the floor",
    ]


EXTENSION = """\
from setuptools import setup
from torch.utils.cpp_extension import CppExtension
made = CppExtension("x", ["x.cpp"], extra_compile_args=["-std=c++{}"])
setup(name="x", install_requires=["torch>={}"], ext_modules=[made])
"""


@pytest.mark.parametrize(
    ("standard", "declared", "header", "code", "line"),
    [
        (17, "2.0", "torch/extension.h", 0, "floor: torch 2.0 or lower (older releases are not known)"),
        (14, "2.0", "torch/extension.h", 0, "ceiling: torch 2.0"),
        (14, "2.1", "torch/extension.h", 1, "ceiling: torch 2.0"),
        (17, "2.0", "torch/csrc/stable/library.h", 1, "without these: torch 2.0 or lower"),
        (17, "2.0", "THC/THC.h", 1, "in no release from 2.0 on:"),
    ],
)
def test_what_an_extension_is_compiled_with_counts_as_what_the_code_calls(
    tmp_path, run, standard, declared, header, code, line
):
    (tmp_path / "setup.py").write_text(EXTENSION.format(standard, declared))
    (tmp_path / "x.cpp").write_text(f"#include <{header}>\n")
    given, said = run(tmp_path)
    assert (given, line in said.splitlines()) == (code, True)


def test_what_an_optimizer_asks_for_may_stand_in_its_groups(tmp_path, run):
    (tmp_path / "code.py").write_text("import torch\ntorch.optim.SGD([{'params': parameters, 'lr': 0.1}])\n")
    assert run(tmp_path)[1].startswith("floor: torch 2.0 or lower")


def test_a_table_that_is_made_of_itself_is_read(tmp_path, run):
    text = "import torch\ndef f(x):\n    a = {}\n    a[x] = (x, 1)\n    a = sorted((p, s) for p, (s, t) in a.items())\n"
    (tmp_path / "code.py").write_text(f"{text}    a = [c for c in a if c[1]]\n    return torch.abs(a)\n")
    assert "not read" not in run(tmp_path)[1]


@pytest.mark.parametrize(
    ("lines", "cuda"),
    [
        ("torch==2.6.0+cu121", "12.1: those are of torch 2.1 to 2.5"),
        ("--index-url https://x/whl/cu118\ntorch==2.8.*", None),
        ("--index-url https://x/whl/cu121\ntorch>=2.6", "12.1: those are of torch 2.1 to 2.5"),
        ("--index-url https://x/whl/cu121\ntorch>=2.1", None),
        ("--extra-index-url https://x/whl/cu121\ntorch>=2.6", None),
        ("torch==2.6.0+cu124", None),
    ],
)
def test_a_release_that_has_no_wheels_for_the_cuda_that_is_asked_for_is_told(run, project, lines, cuda):
    _, out = run(project(requirements_dot_txt=lines, a_dot_py="import torch\ntorch.first(1)\n"))
    assert f"there are no wheels of it for CUDA {cuda}" in out if cuda else "CUDA" not in out


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (
            "pytorch-cuda=11.8",
            "no packages in conda's channel pytorch of it for CUDA 11.8: those are of torch 2.0 to 2.5",
        ),
        ("cudatoolkit=11.3", "no builds of it for CUDA 11: those are of torch 2.0 to 2.7"),
        ("cudatoolkit=12.1", None),
    ],
)
def test_a_release_that_conda_has_no_builds_of_for_the_cuda_that_is_asked_for_is_told(tmp_path, run, asked, says):
    text = f"dependencies:\n- pytorch=2.9\n- {asked}\n"
    (tmp_path / "environment.yml").write_text(text, encoding="utf-8")
    (tmp_path / "a.py").write_text("import torch\ntorch.first(1)\n", encoding="utf-8")
    _, out = run(tmp_path)
    assert f"there are {says}" in out if says else "CUDA" not in out
