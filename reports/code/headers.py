"""What C++ extensions meet in the headers of each release: the standard they are written in, files, macros.

`headers.tsv` has the headers, and the macros that are not in all releases, each with the releases that have it:
`2.1-2.6` is from 2.1 up to 2.6, which no longer has it. It is written here, from what each release answers to
reports/releases/cpp.py.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from torchproof import releases

HELP = "Write what the C++ headers of each release have, from what the releases answered."
FILE = Path(releases.__file__).with_name("headers.tsv")
# The oldest standard by which the headers compile, and since when: `#error` says so, or else the compiler
# (`g++ -fsyntax-only` of `#include <torch/extension.h>`), which was asked where releases differ.
_STANDARDS = {"2.0": 14, "2.1": 17, "2.14": 20}
_YEARS = {"98": 98, "03": 98, "0x": 11, "1y": 14, "1z": 17, "2a": 20, "2b": 23, "2c": 26}
_FLAG = re.compile(r"(?<![\w-])(?:--?std[=:]|/std:)(?:c|gnu)\+\+(\w\w)\b")
# Macros of other names may be anybody's; of other devices than the wheel's, that was asked, headers may be left out.
_IS_OURS = {
    "included": re.compile(r"(?!.*(mps|xpu|hip|mtia|vulkan|metal)(/|_|$))", re.IGNORECASE),
    "expanded": re.compile(r"(AT|C10|TORCH|CAFFE2|AOTI|THC?)_"),
}
HOWS = ("compiled", "included", "expanded")


def standard(flags: str) -> int | None:
    """The standard of C++ that compiler flags ask for, the last one where there are several."""
    found = _FLAG.findall(flags)
    return as_standard(found[-1]) if found else None


def as_standard(digits: str) -> int | None:
    """A standard by its digits: 17 for '17' and '1z'; None for what is none."""
    return _YEARS.get(digits) or (int(digits) if digits.isdecimal() else None)


def fault(how: str, name: str, release: str) -> str | None:
    """Why a release does not compile what is used: a standard by its flag, a header or a macro by its name."""
    if how == "compiled":
        wanted = least(release)
        given = standard(name)
        since = next(one for one, number in _STANDARDS.items() if number == wanted)
        too_old = given is not None and (given - 98) % 100 < (wanted - 98) % 100
        return f"the headers of torch {since} and newer want C++{wanted}: {name} fails" if too_old else None
    having = table().get((how, name))
    if having is None or release in having:
        return None
    kind = "header" if how == "included" else "macro"
    return f"torch {release} has no such {kind}"


def least(release: str) -> int:
    """The oldest standard of C++ by which the headers of a release compile."""
    before = [wanted for since, wanted in _STANDARDS.items() if releases.number(since) <= releases.number(release)]
    return before[-1]


@cache
def table() -> dict[tuple[str, str], frozenset[str]]:
    """The releases that have each header ('included') and each macro that not all have ('expanded')."""
    known: list[str] = []
    found: dict[tuple[str, str], frozenset[str]] = {}
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("releases "):
            known = line.split()[1:]
        elif not line.startswith("#"):
            how, name, ranges = line.split("\t")
            found[how, name] = frozenset(one for span in ranges.split(",") for one in _within(span, known))
    return found


def _within(span: str, known: list[str]) -> list[str]:
    since, _, until = span.partition("-")
    return known[known.index(since) : known.index(until) if until else None]


# Writing the table


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("answers", nargs="+", type=Path, metavar="FILE", help="2.6.json: what a release answered")
    parser.add_argument("-o", "--output", type=Path, default=FILE, help=f"the table (default: {FILE.name})")


def command(options: argparse.Namespace) -> int:
    """Write the table."""
    files = sorted(options.answers, key=lambda file: releases.number(file.stem))
    answers = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}
    options.output.write_text("\n".join(_lines(answers)) + "\n", encoding="utf-8")
    return 0


def _lines(answers: dict[str, dict[str, list[str]]]) -> Iterator[str]:
    yield "# The headers of each release, and the macros that not all have: python -m torchproof headers 2.0.json ..."
    yield f"releases {' '.join(answers)}"
    for how, kind, anywhere in (("included", "headers", "headers"), ("expanded", "macros", "words")):
        names = {name for answer in answers.values() for name in answer[kind] if _IS_OURS[how].match(name)}
        having = {release: set(answer[anywhere]) for release, answer in answers.items()}
        for name in sorted(names):
            has = [name in here for here in having.values()]
            if how == "included" or not all(has):
                yield f"{how}\t{name}\t{','.join(_spans(list(answers), has))}"


def _spans(known: list[str], has: Iterable[bool]) -> Iterator[str]:
    since = ""
    for release, is_there in zip(known, has):
        if is_there and not since:
            since = release
        elif since and not is_there:
            yield f"{since}-{release}"
            since = ""
    if since:
        yield f"{since}-"
