"""The front door: one table of commands, each imported only when it is asked for."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

import torchproof
from tests.project import ROOT
from tests.records import write
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


@pytest.mark.parametrize("name", MODULES)
def test_what_a_plain_install_lacks_is_one_sentence(name):
    hidden = "import sys; sys.modules.update(dict.fromkeys(('numpy', 'scipy', 'matplotlib', 'pytest_benchmark')))"
    ended = in_a_process(
        f"{hidden}; from torchproof.__main__ import main; sys.exit(main(sys.argv[1:]))", name, "--help"
    )
    if ended.returncode:
        assert ended.returncode == 2
        assert re.fullmatch(
            rf"torchproof: {name} needs the package \w+: pip install 'torchproof\[full\]'\n", ended.stderr
        )
    assert (ended.returncode == 0) == (name not in ("compare", "costs", "popularity"))


# --- who reads what is printed ----------------------------------------------------------------------------------------


@pytest.fixture
def record(tmp_path):
    return str(write(tmp_path / "run.jsonl", "2.6.0", [("a.b.c", "broken", {"assertion": "assert 1"})]))


def test_a_reader_that_has_seen_enough_is_no_error(record):
    commands = [
        [],
        ["--version"],
        ["diff", "--help"],
        ["diff", "2.0", "2.1"],
        ["floor", "torchproof"],
        ["when", "torch.load"],
        ["run", "--version"],
        ["summary", record],
    ]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
    running = [subprocess.Popen([sys.executable, "-m", "torchproof", *command], **pipes) for command in commands]
    for one in running:
        one.stdout.close()
    ended = {" ".join(one.args[3:]): (one.stderr.read(), one.wait()) for one in running}
    assert ended == dict.fromkeys(ended, ("", 0))


def test_no_stream_to_print_on_is_no_error():
    ended = in_a_process(
        "import os, subprocess, sys\n"
        "done = subprocess.run([sys.executable, '-m', 'torchproof', '--version'], preexec_fn=lambda: os.close(1))\n"
        "sys.exit(done.returncode)"
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="it is a device of Linux")
def test_a_full_disk_is_one_sentence():
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "torchproof"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == 2
    assert ended.stderr.startswith("torchproof: [Errno 28]")
    assert ended.stderr.count("\n") == 1


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


def test_explain_takes_names_as_people_write_them(capsys):
    code, out, _ = told(capsys, "explain", "nn.Linear")
    assert code == 0
    assert out.startswith("nn.Linear is torch.nn.Linear\n\ntorch.nn.Linear: ")
    assert "\nrun them: pytest --about torch.nn.Linear\n" in out


def test_explain_takes_parameters(capsys):
    code, out, _ = told(capsys, "explain", "load", "weights_only")
    assert code == 0
    assert out.startswith("load weights_only is torch.load.weights_only\n\ntorch.load.weights_only: ")
    assert "    serialization.load.refuses_a_pickled_module_by_default, since torch 2.6\n" in out
    assert out.endswith("\nrun them: pytest --about torch.load\n")


def test_explain_lists_what_a_name_may_be(capsys):
    code, out, error = told(capsys, "explain", "softmax")
    assert (code, out) == (2, "")
    assert error.startswith("torchproof: softmax may be:\n  torch.softmax ")


@pytest.mark.parametrize("words", [["does reshape copy"], ["does", "reshape", "copy"]])
def test_explain_answers_a_question(capsys, words):
    code, out, _ = told(capsys, "explain", *words)
    assert code == 0
    lines = out.splitlines()
    assert len(lines) == 15  # five facts: the sentence, the id with its range, how to run it
    claim, known, run = lines[:3]
    assert "reshape" in claim
    identity = known.strip().partition(", ")[0]
    assert run == f"    run it: pytest --fact {identity}"


def test_explain_says_where_no_fact_has_the_words(capsys):
    code, out, error = told(capsys, "explain", "gradiants")
    assert (code, out) == (2, "")
    assert error == "torchproof: no fact has the words of “gradiants”; facts have gradients, gradient\n"


def test_explain_tells_near_names(capsys):
    error = "torchproof: there is no name StepLRR; did you mean torch.optim.lr_scheduler.StepLR"
    code, out, said = told(capsys, "explain", "StepLRR")
    assert (code, out, said[: len(error)]) == (2, "", error)


@pytest.mark.parametrize(
    ("asked", "kind", "name"),
    [
        ("V04", "statement", "V04"),
        ("views.view.shares_memory", "fact", "views.view.shares_memory"),
        ("nn.Linear", "name", "torch.nn.Linear"),
        ("does reshape copy", "question", None),
    ],
)
def test_explain_as_json(capsys, asked, kind, name):
    code, out, error = told(capsys, "explain", asked, "--json")
    said = json.loads(out)
    assert (code, error) == (0, "")
    assert (said["schema"], said["asked"], said["kind"], said["name"]) == (1, asked, kind, name)
    first = said["facts"][0]
    assert first["run"] == f"pytest --fact {first['id']}"
    assert (ROOT / first["file"]).exists()
    assert {one.get("side") for one in said["facts"]} == ({"for", "against"} if kind == "statement" else {None})


def test_explain_as_markdown(capsys):
    _, out, _ = told(capsys, "explain", "V04", "--format", "markdown")
    assert out.startswith("### V04\n\n#### against it\n\n- `reshape` ")
    assert "\n#### for it\n\n- " in out


# --- completion -------------------------------------------------------------------------------------------------------


def completed(script, *words):
    """What bash offers for the last of these words."""
    given = " ".join(f"'{word}'" for word in words)
    code = f"source {script}; COMP_WORDS=({given}); COMP_CWORD={len(words) - 1}; _torchproof; echo ${{COMPREPLY[*]}}"
    return subprocess.run(["bash", "-c", code], check=True, capture_output=True, text=True).stdout.split()


def test_bash_completes_commands_options_and_choices(capsys, tmp_path):
    script = tmp_path / "completion"
    script.write_text(told(capsys, "--completion", "bash")[1])
    assert completed(script, "torchproof", "") == [*COMMANDS, "--help", "--version"]
    assert completed(script, "torchproof", "ex") == ["explain"]
    assert completed(script, "torchproof", "diff", "2.0", "--us") == ["--uses"]
    assert completed(script, "torchproof", "diff", "--format", "") == ["text", "json", "markdown", "github", "sarif"]
    assert completed(script, "torchproof", "when", "torch.") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script_that_parses(capsys, shell):
    code, out, _ = told(capsys, "--completion", shell)
    assert code == 0
    assert all(name in out for name in COMMANDS)
    assert "uses" in out
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=out, text=True, check=True)


@pytest.mark.parametrize("shell", [[], ["tcsh"]])
def test_another_shell_is_refused(capsys, shell):
    code, out, error = told(capsys, "--completion", *shell)
    assert (code, out) == (2, "")
    assert error.endswith(": bash, zsh, fish\n")


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
