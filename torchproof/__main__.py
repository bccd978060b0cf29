"""The commands of torchproof: `torchproof` where it is installed, and `python -m torchproof` in a clone as well."""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib
import io
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from torchproof import ROOT, __version__
from torchproof.data import Damaged, shown
from torchproof.reports import Refusal, completion

# Of each command the module below reports, imported only when it is asked for: a file of commands may be damaged, or
# need what is not here. It has HELP, a sentence; `arguments`, which adds to a parser; and `command`, which gives the
# exit code.
COMMANDS = {
    "check": "build.check",
    "diff": "releases.diff",
    "when": "releases.when",
    "outcome": "outcomes.outcome",
    "floor": "code.floor",
    "run": "verdicts.prove",
    "explain": "verdicts.explain",
    "summary": "verdicts.summary",
    "html": "verdicts.html",
    "matrix": "verdicts.matrix",
    "report": "verdicts.report",
    "compare": "costs.compare",
    "costs": "costs.overview",
}
OURS = {  # for work on the project itself
    "refutation": "verdicts.refutation",
    "reference": "verdicts.reference",
    "inventory": "releases.merge",
    "outcomes": "outcomes.merge",
    "platforms": "releases.platforms",
    "headers": "code.cpp.headers",
    "coverage": "releases.coverage",
    "popularity": "releases.popularity",
}

_FULL = ("matplotlib", "numpy", "pytest_benchmark", "scipy")  # what `pip install 'torchproof[full]'` brings

_EXAMPLES = """\
torchproof check                      is the torch that is here sound?
torchproof diff 2.8 2.13 --uses src   what an upgrade changes for the code in src
torchproof run suites/views           prove the facts about views with the torch that is here
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 1 where it found something to fail for, 2 where it cannot be done as asked."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # not every terminal has every sign that is printed
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        try:
            return _run(name, rest)
        finally:  # of --help too, which ends with SystemExit
            _flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # Rich has seen to it, and would call it a failure
            return 0
        raise
    except (Refusal, Damaged, OSError) as error:
        print(f"torchproof: {shown(str(error))}", file=sys.stderr)
        return 2


def _flush() -> None:
    """Write what was printed now, and not as Python ends, where nobody can answer for what fails."""
    if sys.stdout:  # there is none where it was closed before the start
        sys.stdout.flush()


def _run(name: str, arguments: list[str]) -> int:
    if name in ("-h", "--help"):
        print(_overview())
        return 0
    if name == "--version":
        print(f"torchproof {__version__}")
        return 0
    if name == "--completion":
        print(_completion(*arguments[:1]))
        return 0
    if name not in COMMANDS | OURS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        raise Refusal(f"there is no command {name}; " + (f"did you mean {near[0]}?" if near else ", ".join(COMMANDS)))
    try:
        module, parser = _command(name)
    except ModuleNotFoundError as error:
        package = (error.name or "torchproof").partition(".")[0]
        if package == "torchproof":
            raise
        wanted = "'torchproof[full]'" if package in _FULL else package
        raise Refusal(f"{name} needs the package {package}: pip install {wanted}") from error
    options, rest = parser.parse_known_args(arguments)
    if rest and "rest" not in options:  # a command with such a default takes what only another program knows
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    return module.command(options)


def _command(name: str) -> tuple[ModuleType, argparse.ArgumentParser]:
    """What does a command, and what reads its arguments. Raises ModuleNotFoundError where something is not here."""
    module = importlib.import_module(f"torchproof.reports.{(COMMANDS | OURS)[name]}")
    parser = argparse.ArgumentParser(prog=f"torchproof {name}", description=module.HELP)
    module.arguments(parser)
    return module, parser


def _completion(shell: str = "") -> str:
    """The script by which a shell completes all commands; options of those only whose packages are here."""
    commands = {}
    for name in COMMANDS:
        try:
            commands[name] = completion.read(_command(name)[1])
        except ModuleNotFoundError:
            commands[name] = completion.Command(_help(name), ())
    return completion.script(shell, commands)


def _overview() -> str:
    lines = [f"  {name:<10}{_help(name).partition('. ')[0].rstrip('.')}" for name in COMMANDS]
    more = "torchproof COMMAND --help says more; torchproof --completion bash|zsh|fish completes it in a shell."
    return "\n".join(["usage: torchproof COMMAND ...", "", *lines, "", _EXAMPLES, more])


def _help(name: str) -> str:
    """The command's HELP, read from its file: what it imports may not be here."""
    file = ROOT.joinpath("reports", *COMMANDS[name].split(".")).with_suffix(".py")
    values = {
        node.targets[0].id: node.value
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    return ast.literal_eval(values["HELP"])


if __name__ == "__main__":
    sys.exit(main())
