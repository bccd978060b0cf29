"""The front door: one table of commands, each imported only when it is asked for."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import pytest

import torchproof
from tests.project import ROOT
from torchproof.__main__ import COMMANDS, OURS, main
from torchproof.reports import Refusal, index

MODULES = COMMANDS | OURS
LIGHT = ("check", "diff", "when", "floor", "explain", "run")  # these need nothing but pytest


def told(capsys, *arguments):
    """The exit code, and what was printed on both streams."""
    code = main(arguments)
    return code, *capsys.readouterr()


def in_a_process(code, *arguments, **options):
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("name", MODULES)
def test_each_command_shows_its_help(capsys, name):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: torchproof {name}")
    assert importlib.import_module(f"torchproof.reports.{MODULES[name]}").HELP


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_alone_it_says_what_there_is(capsys, arguments):
    code, out, _ = told(capsys, *arguments)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if line.startswith("  ")] == list(COMMANDS)
    assert sum(line.startswith("torchproof ") for line in out.splitlines()) == 4  # three examples, and where more is
    assert max(map(len, out.splitlines())) <= 120


def test_its_version_is_the_package_s(capsys):
    assert told(capsys, "--version") == (0, f"torchproof {torchproof.__version__}\n", "")


def test_an_unknown_command_is_told_with_a_near_one(capsys):
    assert told(capsys, "expain") == (2, "", "torchproof: there is no command expain; did you mean explain?\n")


def test_an_unknown_option_is_an_error(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["explain", "views.view.shares_memory", "--loud"])
    assert ended.value.code == 2
    assert "unrecognized arguments: --loud" in capsys.readouterr().err


@pytest.mark.parametrize("error", [Refusal("it cannot be"), OSError("it cannot be")])
def test_what_a_user_can_mend_is_one_sentence(capsys, monkeypatch, error):
    def refuse(options):
        raise error

    monkeypatch.setattr("torchproof.reports.verdicts.explain.command", refuse)
    assert told(capsys, "explain", "x") == (2, "", "torchproof: it cannot be\n")


@pytest.mark.parametrize("name", LIGHT)
def test_the_light_commands_need_only_pytest(name):
    hidden = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'numpy', 'rich', 'jinja2', 'hypothesis', 'scipy')))"
    )
    ended = in_a_process(f"{hidden}; from torchproof.__main__ import main; main(sys.argv[1:])", name, "--help")
    assert ended.returncode == 0, ended.stderr


def test_what_a_command_needs_is_named():
    code = (
        "import sys; sys.modules['rich'] = None; from torchproof.__main__ import main; sys.exit(main(['summary', 'x']))"
    )
    ended = in_a_process(code)
    assert (ended.returncode, ended.stderr) == (2, "torchproof: summary needs the package rich: pip install rich\n")


def test_a_reader_that_has_seen_enough_is_no_error():
    reader = subprocess.Popen(
        [sys.executable, "-m", "torchproof"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    reader.stdout.close()
    assert reader.stderr.read() == ""
    assert reader.wait() == 0


def test_a_terminal_without_a_sign_is_no_error():
    code = "from torchproof.reports.verdicts import explain; explain.command = lambda options: print('→') or 0; "
    code += "from torchproof.__main__ import main; raise SystemExit(main(['explain', 'x']))"
    ended = in_a_process(code, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "?\n", "")


# --- explain ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def explained(capsys, monkeypatch):
    """`explained(**declared)` is what explain prints of a fact that is declared so, by the word at the line's start."""

    def explain(**declared):
        said = {"subjects": ("torch.load",), "id": "io.load.refuses", "claim": "It refuses.", "file": "f.py", "line": 7}
        monkeypatch.setattr(
            "torchproof.reports.verdicts.explain.facts", lambda: (index.IndexedFact(**{**said, **declared}),)
        )
        code, out, _ = told(capsys, "explain", "io.load.refuses")
        assert code == 0
        return dict(line.split(":", 1) for line in out.splitlines()[3:])

    return explain


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({}, "in every supported release"),
        ({"since": "2.6"}, "since torch 2.6"),
        ({"until": "2.6"}, "from torch 2.0 to before 2.6"),
        ({"since": {"cpu": "2.1", "mps": "2.4"}}, "since torch 2.1 on cpu; since torch 2.4 on mps"),
    ],
)
def test_explain_says_of_which_releases(explained, declared, says):
    assert explained(**declared)["holds"].strip() == says


def test_explain_says_what_the_decorator_says(explained):
    said = explained(hint="pass weights_only=False", myth="load is safe", requires=("timm",))
    assert said["about"].strip() == "torch.load"
    assert "generated/torch.load.html" in said["documentation"]
    assert said["what to do"].strip() == "pass weights_only=False"
    assert said["not so"].strip() == "“load is safe”"
    assert said["needs"].strip() == "timm"
    assert said["stands in"].strip() == f"{ROOT / 'f.py'}:7"


def test_explain_tells_where_torch_is_known_to_disagree(capsys):
    code, out, _ = told(capsys, "explain", "autograd.no_grad.gives_views_that_do_not_require_grad")
    assert code == 0
    assert "\nbut:" in out
    assert "https://github.com/pytorch/pytorch/issues/11390" in out


@pytest.mark.parametrize(
    "name",
    ["views.view.shares_memory", "views.view.shares_memory[cpu]", "suites/views/test_view.py::test_shares_memory[cpu]"],
)
def test_explain_takes_what_failures_name(capsys, name):
    code, out, _ = told(capsys, "explain", name)
    assert code == 0
    assert out.startswith("views.view.shares_memory\n  A write through `view` is seen in the tensor that it views.\n")


@pytest.mark.parametrize("name", ["views.view.share_memory", "view.shares_memory"])
def test_explain_tells_near_ids(capsys, name):
    code, out, error = told(capsys, "explain", name)
    assert (code, out) == (2, "")
    assert error.startswith(f"torchproof: there is no fact {name}; did you mean ")
    assert "views.view.shares_memory" in error
    assert error.count("\n") == 1


# --- run --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ended", "code"),
    [(0, 0), (1, 1), (2, 2), (3, 2), (4, 2), (5, 2)],
    ids=["passed", "failed", "interrupted", "internal", "usage", "nothing"],
)
def test_run_ends_as_the_other_commands(monkeypatch, ended, code):
    monkeypatch.setattr(pytest, "main", lambda *_, **__: pytest.ExitCode(ended))
    assert main(["run", "-q"]) == code


def test_run_passes_the_options_of_pytest_on(monkeypatch):
    given = []
    monkeypatch.setattr(pytest, "main", lambda options, plugins: given.extend(options) or pytest.ExitCode.OK)
    options = ["-m", "cpu", "suites/views", "-k", "not slow", "--fact", "a.b.c", "--record=x", "-x"]
    main(["run", *options])
    assert given[-len(options) :] == options
