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
from torchproof.releases import named

_States = dict[str, list[bool]]  # each state of a member, with whether each release has it

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
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument(
        "--differing", action="store_true", help="leave out what all releases say alike that have what it belongs to"
    )
    kept.add_argument(
        "--patches", action="store_true", help="of patch releases: leave out what all of one minor release say alike"
    )


def command(options: argparse.Namespace) -> int:
    """Merge them."""
    answers = {path.stem: data.read_text(path).splitlines() for path in options.answers}
    text = merge_patches(answers) if options.patches else merge(answers, inventory() if options.differing else None)
    options.output.write_text(text, encoding="utf-8")
    print(f"{len(answers)} releases: {options.output}")
    return 0


def merge(answers: Mapping[str, Iterable[str]], names: Inventory | None = None) -> str:
    """The text of the data file: what has not changed over releases stands in it once, or not at all.

    `answers` has the lines of each release's answer, in the order of releases; with the inventory's `names`, only
    what differs between releases that have what it belongs to is kept.
    """
    releases = list(answers)
    owners = _by_owner(answers)
    if names:
        owners = {owner: _not_as(_having(names, owner, releases), members) for owner, members in owners.items()}
    return _text(owners, releases)


def _having(names: Inventory, owner: str, releases: list[str]) -> list[bool]:
    return [names.find(owner, release) is not None for release in releases]


def _not_as(having: list[bool], members: dict[str, _States]) -> dict[str, _States]:
    """The members that are not in one state in all releases that have their owner."""
    return {member: states for member, states in members.items() if any(one != having for one in states.values())}


def merge_patches(answers: Mapping[str, Iterable[str]]) -> str:
    """The text of a data file of patch releases, '2.1.0' and '2.1.2', with only what differs inside a minor release."""
    releases = list(answers)
    minors = [
        [at for at, one in enumerate(releases) if named(one) == minor] for minor in dict.fromkeys(map(named, releases))
    ]
    owners = {
        owner: {member: _differing(states, minors) for member, states in members.items()}
        for owner, members in _by_owner(answers).items()
    }
    return _text(owners, releases)


def _by_owner(answers: Mapping[str, Iterable[str]]) -> dict[str, dict[str, _States]]:
    owners: dict[str, dict[str, _States]] = defaultdict(lambda: defaultdict(dict))
    for position, lines in enumerate(answers.values()):
        for line in lines:
            name, _, state = line.partition("\t")
            owner, _, member = name.rpartition(".")
            states = owners[owner][member]
            states.setdefault(state, [False] * len(answers))[position] = True
    owners.pop("", None)  # torch itself, which every release has
    return {
        owner: {member: _completed(states) for member, states in members.items()} for owner, members in owners.items()
    }


def _differing(states: _States, minors: list[list[int]]) -> _States:
    """The states where the releases of one minor do not all have the same; of the others nothing is said."""
    differing = [one for one in minors if any(len({having[at] for at in one}) > 1 for having in states.values())]
    told = {at for one in differing for at in one}
    kept = {state: [one and at in told for at, one in enumerate(having)] for state, having in states.items()}
    return {state: having for state, having in kept.items() if any(having)}


def _text(owners: Mapping[str, Mapping[str, _States]], releases: list[str]) -> str:
    text = [VERSION, f"releases {' '.join(releases)}"]
    for owner in sorted(owners):
        lines = [line for member, states in sorted(owners[owner].items()) for line in _lines(member, states, releases)]
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
