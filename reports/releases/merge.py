"""From what each release says it has to the one file of all releases, which `torchproof.inventory` reads.

`reports/releases/ask.py` asks a release; here its answers are merged, without torch.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from torchproof import data
from torchproof.inventory import VERSION, Inventory, inventory

HELP = "Make the inventory of all releases from each one's answer."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of which answers, and where to."""
    parser.add_argument(
        "answers",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="what one release says it has, in a file named as the release, oldest first",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", required=True, help="the file to write")
    parser.add_argument(
        "--differing", action="store_true", help="leave out what all releases say alike that have what it belongs to"
    )


def command(options: argparse.Namespace) -> int:
    """Merge them."""
    answers = {path.stem: data.read_text(path).splitlines() for path in options.answers}
    options.output.write_text(merge(answers, inventory() if options.differing else None), encoding="utf-8")
    print(f"{len(answers)} releases: {options.output}")
    return 0


def merge(answers: Mapping[str, Iterable[str]], names: Inventory | None = None) -> str:
    """The text of the data file: what has not changed over releases stands in it once, or not at all.

    `answers` has the lines of each release's answer, in the order of releases; with the inventory's `names`, only
    what differs between releases that have what it belongs to is kept.
    """
    releases = list(answers)
    owners: dict[str, dict[str, dict[str, list[bool]]]] = defaultdict(lambda: defaultdict(dict))
    for position, lines in enumerate(answers.values()):
        for line in lines:
            name, _, state = line.partition("\t")
            owner, _, member = name.rpartition(".")
            states = owners[owner][member]
            states.setdefault(state, [False] * len(releases))[position] = True
    for members in owners.values():
        for member, states in members.items():
            members[member] = _completed(states)
    owners.pop("", None)  # torch itself, which every release has
    text = [VERSION, f"releases {' '.join(releases)}"]
    for owner in sorted(owners):
        having = [names is not None and names.find(owner, release) is not None for release in releases]
        lines = [
            line
            for member, states in sorted(owners[owner].items())
            if names is None or any(present != having for present in states.values())
            for line in _lines(member, states, releases)
        ]
        text += [owner, *lines] if lines else []
    return "\n".join(text) + "\n"


def _completed(states: dict[str, list[bool]]) -> dict[str, list[bool]]:
    """The same, with what a call gives where only other releases say so: annotations came late, and say one thing."""
    told = {field for state in states for field in state.split("\t") if field.startswith(">")}
    if len(told) != 1:
        return states
    completed: dict[str, list[bool]] = {}
    for state, having in states.items():
        kind, *fields = state.split("\t")
        is_silent = kind in ("function", "method", "property", "attribute") and not told & set(fields)
        if is_silent and not any(one.startswith("^") for one in fields):
            place = next((at for at, one in enumerate(fields) if one[0] in "=!%"), len(fields))
            state = "\t".join([kind, *fields[:place], *told, *fields[place:]])
        before = completed.setdefault(state, [False] * len(having))
        completed[state] = [one or other for one, other in zip(before, having)]
    return completed


def _lines(member: str, states: Mapping[str, list[bool]], releases: list[str]) -> list[str]:
    """A line for each state of one member, the oldest first; only the first of them names it."""
    lines = []
    for state in sorted(states, key=lambda state: states[state].index(True)):
        spans = "" if all(states[state]) else spanned(releases, states[state])
        lines.append("\t".join(["" if lines else member, spans, *filter(None, [state])]))
    return [f"\t{line}" for line in lines]


def spanned(releases: list[str], present: list[bool]) -> str:
    """The releases in which something is present, as the data files write them: '2.0-2.4,2.6-'."""
    spans, before = [], False
    for release, here in zip(releases, present):
        if here and not before:
            spans.append(f"{release}-")
        elif before and not here:
            spans[-1] += release
        before = here
    return ",".join(spans)
