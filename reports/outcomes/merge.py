"""From what each release answers to the one table of all releases, which `torchproof.outcomes` reads. Needs no torch.

`reports/outcomes/ask.py` asks a release. What is unstable in one is left out, like what all answer alike.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from torchproof import data
from torchproof.outcomes import ABSENT, VERSION
from torchproof.releases import supported
from torchproof.reports.outcomes.alike import UNSTABLE, is_same
from torchproof.reports.outcomes.questions import DTYPES
from torchproof.reports.outcomes.subjects import subject
from torchproof.reports.releases.merge import spanned

HELP = "Make the table of outcomes of all releases from each one's answers."

# Of what is not there, or takes no such parameter: the inventory tells that, where it is what the call says.
_MISSING = re.compile(r"raises .*(?:has no attribute|unexpected keyword argument) '(?P<name>\w+)'"
                      r"|raises AttributeError: .*…$|raises .*unexpected keyword.*…$"
                      r"|raises .*(?:No module named|cannot import name|onnx is not installed)")  # fmt: skip
# What a second line of a call or its state holds: what it gives, and its warnings.
Answer = tuple[str, str]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of which answers, and where to."""
    parser.add_argument("answers", type=Path, help="a folder with a file of each release, named as 2.6.txt")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")


def command(options: argparse.Namespace) -> int:
    """Merge them."""
    files = {name: options.answers / f"{name}.txt" for name in supported()}
    answers = {name: _read(file) for name, file in files.items() if file.exists()}
    changing = list(_changing(answers))
    stable = [call for call in changing if _is_stable(call, answers)]
    beside = [call for call in _beside(stable, answers) if _is_stable(call, answers)]
    asked = [data.read_text(files[name]).split("\n")[0].split("\t") for name in answers]
    options.output.write_text(_table(stable + beside, answers, asked), encoding="utf-8")
    unstable = len(changing) - len(stable)
    print(f"{len(answers)} releases, {len(stable)} calls differ, {unstable} unstable: {options.output}")
    return 0


def _read(path: Path) -> dict[Answer, Answer]:
    """By call and what it is given, the outcome and the warnings."""
    rows = (line.split("\t") for line in data.read_text(path).split("\n")[1:] if line)
    return {(code, given): (outcome, warnings) for code, given, outcome, warnings in rows}


def _changing(answers: Mapping[str, Mapping[Answer, Answer]]) -> Iterator[Answer]:
    """The calls whose outcomes differ between releases that have what is called."""
    for call in next(iter(answers.values())):
        if subject(call[0]) is not None and len(set(_states(call, answers)) - {(ABSENT, "")}) > 1:
            yield call


def _is_stable(call: Answer, answers: Mapping[str, Mapping[Answer, Answer]]) -> bool:
    return not any(one[call][0] == UNSTABLE for one in answers.values() if call in one)


def _beside(changing: list[Answer], answers: Mapping[str, Mapping[Answer, Answer]]) -> list[Answer]:
    """The calls that did not change of names that others did, of the same dtype or of numbers that are drawn.

    With these it is known whether a change is of all calls of the name.
    """
    known = set(changing)
    settings = {(subject(code), given) for code, given in changing if given in DTYPES or "stream" in given}
    return [
        call for call in next(iter(answers.values())) if (subject(call[0]), call[1]) in settings and call not in known
    ]


def _states(call: Answer, answers: Mapping[str, Mapping[Answer, Answer]]) -> list[Answer]:
    """The outcome in each release, where alike ones are the same."""
    states: list[Answer] = []
    for one in answers.values():
        text, warnings = one.get(call, (ABSENT, ""))
        if _is_missing(call, text):
            states.append((ABSENT, ""))
            continue
        known = next((state for state in reversed(states) if is_same(state, (text, warnings))), None)
        states.append(known or (text, warnings))
    return states


def _is_missing(call: Answer, text: str) -> bool:
    """Whether it fails since the release has not what the call says, or what it is given, and not further inside."""
    if not (error := _MISSING.match(text)):
        return False
    code, given = call
    name = error["name"]
    return name is None or name in given.split() or bool(re.search(rf"\.{name}\b|\b{name}=", code))


def _table(calls: list[Answer], answers: Mapping[str, Mapping[Answer, Answer]], asked: list[list[str]]) -> str:
    """Its text; of each release that was `asked` the version of torch, and that of Python."""
    releases = list(answers)
    lines = [VERSION, f"releases {' '.join(releases)}"]
    lines += [f"{name} {' '.join(versions)}" for name, versions in zip(("torch", "python"), zip(*asked))]
    by_subject: dict[str, list[Answer]] = defaultdict(list)
    for call in calls:
        by_subject[subject(call[0]) or ""].append(call)
    for name in sorted(by_subject):
        lines.append(name)
        for call in by_subject[name]:
            states = _states(call, answers)
            for place, state in enumerate(dict.fromkeys(states)):
                head = "\t".join(call) if place == 0 else "\t"
                if state[0] != ABSENT or place == 0:
                    within = spanned(releases, [one == state for one in states])
                    lines.append(f"\t{head}\t{within}\t{state[0]}\t{state[1]}")
    return "\n".join(lines) + "\n"
