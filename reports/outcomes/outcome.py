"""`torchproof outcome 'torch.any(x, dim=(0, 1))'`: since when a call works, and what it gives over releases."""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby

from torchproof import ROOT
from torchproof.outcomes import Call, Table, outcomes
from torchproof.reports import Refusal, screen
from torchproof.reports.outcomes.questions import PLAIN, Question, questions
from torchproof.reports.outcomes.subjects import subject

HELP = "Tell what a call gives in each release of torch, and in the one that is here."

_ALIKE = 8  # calls of the same name that are told, where the one that is meant was not asked
_SECONDS = 120


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "code",
        help="the call, of a tensor x of two rows and three columns, y and z like it, vectors v and w, squares a, m: "
        "'torch.any(x, dim=(0, 1))'",
    )
    parser.add_argument("--given", default=PLAIN, help="the dtype of these tensors (default: %(default)s)")


def command(options: argparse.Namespace) -> int:
    """Print it; the exit code is always 0, as what is no call is refused."""
    code = _normal(options.code)
    lines = [*_over_releases(code, options.given, outcomes())]
    if here := _here(Question(code, options.given)):
        lines += ["", *screen.wrapped(here, "", "  ")]
    print("\n".join(lines))
    return 0


def _normal(code: str) -> str:
    """The call as Python writes it."""
    try:
        return ast.unparse(ast.parse(code.strip())).strip()
    except SyntaxError as error:
        raise Refusal(f"{code!r} is no call that Python reads: {error.msg}") from None


def _over_releases(code: str, given: str, table: Table) -> Iterator[str]:
    name = subject(code) or ""
    of_name = table.calls.get(name, [])
    for call in of_name:
        if (_normal(call.code), call.given.removesuffix(" stream")) == (code, given):
            yield f"{code}, given {given}"
            yield from _states(call, table)
            return
    if any((_normal(one.code), one.given) == (code, given) for one in questions() if subject(one.code) == name):
        yield f"{code}, given {given}: no change of it is known, from torch {table.releases[0]} on."
        return
    yield f"{code}, given {given}: no release was asked this."
    if changed := [one for one in of_name if len(set(one.outcomes)) > 1]:
        yield f"Calls of {name} that give something else since some release:"
        for one in changed[:_ALIKE]:
            yield f"  {one.code}, given {one.given}"
        if len(changed) > _ALIKE:
            yield f"  and {len(changed) - _ALIKE} more"


def _states(call: Call, table: Table) -> Iterator[str]:
    """A line for each run of releases in which it gives the same, by the patches that were asked."""
    for outcome, run in groupby(zip(call.outcomes, table.releases), key=lambda one: one[0]):
        releases = [table.asked[release][0] for _, release in run]
        span = releases[0] if len(releases) == 1 else f"{releases[0]} to {releases[-1]}"
        says = "it is not there" if outcome.is_absent else outcome.text
        warns = f", and warns: {' & '.join(outcome.warnings)}" if outcome.warnings else ""
        yield from screen.wrapped(f"{says}{warns}", f"  {span:<18}", " " * 20)


def _here(question: Question) -> str:
    """What it gives with the torch that is here, asked in a process of its own; '' where there is none."""
    program = str(ROOT / "reports" / "outcomes" / "here.py")
    asking = [sys.executable, program, question.code, question.given]
    try:
        done = subprocess.run(asking, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return f"The torch that is here gives no answer in {_SECONDS} s."
    return done.stdout.strip()
