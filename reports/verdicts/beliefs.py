"""What people believe, and what a run decides of it: the statements of `suites/statements.toml`, and other myths."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from torchproof import ROOT, data
from torchproof.facts import test_of
from torchproof.records import Verdict
from torchproof.reports.verdicts.runs import Run

STATEMENTS = ROOT / "suites" / "statements.toml"

VERDICTS = ("true", "depends", "false", "not on this torch", "not decided here")

# What of a fact's parameters stands for all of them: the first of these that one of them has, else any.
_DECIDED = ("broken", "holds", "differs", "absent")


@dataclass(frozen=True)
class Statement:
    """A statement as it is believed, and the myths in it: `wrong` has them in the words of facts."""

    id: str
    topic: str
    says: str
    needs: str = "cpu"
    wrong: tuple[str, ...] = ()

    def is_contradicted_by(self, myth: str | None) -> bool:
        """Whether a fact about the statement, which settles this myth, speaks against it; any other speaks for it."""
        return myth in self.wrong


@dataclass(frozen=True)
class Belief:
    """A statement with the facts that speak for it and against it, as a run decided them."""

    statement: Statement
    supporting: list[Verdict]
    contradicting: list[Verdict]

    @property
    def verdict(self) -> str:
        """One of VERDICTS: what the facts that hold here say of the statement.

        Supporting facts make it true, contradicting ones false, both: it depends. A supporting fact that is broken here
        contradicts. While a fact that might say otherwise is undecided (no GPU, say), it is neither true nor false.
        """
        supporting = {result.verdict for result in self.supporting}
        contradicting = {result.verdict for result in self.contradicting}
        holds = "holds" in supporting
        fails = "holds" in contradicting or "broken" in supporting
        if holds and fails:
            return "depends"
        if holds and contradicting.issubset(_DECIDED):
            return "true"
        if fails and supporting.issubset(_DECIDED):
            return "false"
        if not (holds or fails) and supporting & {"differs", "absent"}:
            return "not on this torch"
        return "not decided here"


@cache
def statements() -> tuple[Statement, ...]:
    """Every statement, in the order of the file."""
    return tuple(data.rows(STATEMENTS, "statement", Statement))


def beliefs(run: Run) -> list[Belief]:
    """The statements that facts of the run are about, in the order of the file."""
    about = defaultdict(list)
    for result in _one_each(run.results.values()):
        for identity in run.facts[result.id].claims:
            about[identity].append(result)
    return [_belief(one, about[one.id], run) for one in statements() if one.id in about]


def _belief(statement: Statement, results: list[Verdict], run: Run) -> Belief:
    sides: dict[bool, list[Verdict]] = {False: [], True: []}
    for result in results:
        sides[statement.is_contradicted_by(run.facts[result.id].myth)].append(result)
    return Belief(statement, supporting=sides[False], contradicting=sides[True])


def counts(found: Iterable[Belief]) -> dict[str, int]:
    """How many statements have each verdict, in the order of VERDICTS, those that none has left out."""
    counted = Counter(belief.verdict for belief in found)
    return {verdict: counted[verdict] for verdict in VERDICTS if counted[verdict]}


def myths(run: Run) -> dict[str, list[Verdict]]:
    """The facts that hold and refute a belief that no statement has, by the belief; topics in alphabetical order."""
    refuted: dict[str, list[Verdict]] = defaultdict(list)
    for result in _one_each(run.results.values()):
        fact = run.facts[result.id]
        if result.verdict == "holds" and fact.myth and not fact.claims:
            refuted[fact.myth].append(result)
    return dict(refuted)


def _one_each(results: Iterable[Verdict]) -> list[Verdict]:
    """One result for each fact, whatever parameters it has, by id."""
    ranks = {verdict: rank for rank, verdict in enumerate(_DECIDED)}
    chosen: dict[str, Verdict] = {}
    for result in sorted(results, key=lambda result: ranks.get(result.verdict, len(ranks)), reverse=True):
        chosen[test_of(result.id)] = result
    return [chosen[test] for test in sorted(chosen)]
