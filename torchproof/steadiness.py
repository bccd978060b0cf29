"""Which facts give more than one verdict where they run more than once: in the rounds of a run, or in several runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from torchproof import data
from torchproof.records import Verdict

_SHOWN = 5


def unsteady(rounds: Mapping[str, Sequence[Verdict]]) -> dict[str, Counter[str]]:
    """How often each fact whose rounds disagree gave each verdict, by its id; the least steady first."""
    counted = {identity: Counter(line.counted for line in said) for identity, said in rounds.items()}
    disagreeing = [identity for identity, verdicts in counted.items() if len(verdicts) > 1]
    return {
        identity: counted[identity] for identity in sorted(disagreeing, key=lambda one: (_share(counted[one]), one))
    }


def _share(verdicts: Counter[str]) -> float:
    return max(verdicts.values()) / verdicts.total()


def repeated_among(rounds: Mapping[str, Sequence[Verdict]]) -> int:
    """How many facts ran more than once."""
    return sum(len(said) > 1 for said in rounds.values())


def in_words(verdicts: Counter[str]) -> str:
    """`17 of 20 holds, 3 inconclusive`."""
    (most, count), *others = verdicts.most_common()
    return ", ".join([f"{count} of {verdicts.total()} {most}", *(f"{number} {verdict}" for verdict, number in others)])


def told(rounds: Mapping[str, Sequence[Verdict]]) -> Iterator[str]:
    """How many facts are unsteady, and the least steady; nothing where none ran more than once."""
    if not (repeated := repeated_among(rounds)):
        return
    found = unsteady(rounds)
    yield f"facts whose rounds disagree: {len(found)} of {repeated}" + (", the least steady:" if found else "")
    for identity, verdicts in list(found.items())[:_SHOWN]:
        yield f"  {data.line(identity)}: {in_words(verdicts)}"
    if len(found) > _SHOWN:
        yield f"  and {len(found) - _SHOWN} more"
