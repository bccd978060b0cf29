"""What people believe, and what a run decides of it: the statements of `suites/claims.toml`, and other myths."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fixtures.releases import tomllib
from reports.runs import Result, Run

CLAIMS = Path(__file__).parent.parent / "suites" / "claims.toml"

VERDICTS = ("true", "depends", "false", "not on this torch", "not decided here")

# What of a fact's parameters stands for all of them: the first of these that one of them has, else any.
_DECIDED = ("broken", "holds", "differs", "absent")


@dataclass(frozen=True)
class Claim:
    """A statement as it is believed, and the myths in it: `wrong` has them in the words of facts."""

    id: str
    topic: str
    says: str
    needs: str = "cpu"
    wrong: Sequence[str] = ()

    def is_contradicted_by(self, myth: str | None) -> bool:
        """Whether a fact about the statement, which settles this myth, speaks against it; any other speaks for it."""
        return myth in self.wrong


@dataclass(frozen=True)
class Belief:
    """A statement with the facts that speak for it and against it, as a run decided them."""

    claim: Claim
    supporting: list[Result]
    contradicting: list[Result]

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
def claims() -> tuple[Claim, ...]:
    """Every statement, in the order of the file."""
    return tuple(Claim(**row) for row in tomllib.loads(CLAIMS.read_text(encoding="utf-8"))["claim"])


def beliefs(run: Run) -> list[Belief]:
    """The statements that facts of the run are about, in the order of the file."""
    about = defaultdict(list)
    for result in _one_each(run.results.values()):
        for identity in result.fact["claims"]:
            about[identity].append(result)
    return [_belief(claim, about[claim.id]) for claim in claims() if claim.id in about]


def _belief(claim: Claim, results: list[Result]) -> Belief:
    sides: dict[bool, list[Result]] = {False: [], True: []}
    for result in results:
        sides[claim.is_contradicted_by(result.fact["myth"])].append(result)
    return Belief(claim, supporting=sides[False], contradicting=sides[True])


def counts(found: Iterable[Belief]) -> dict[str, int]:
    """How many statements have each verdict, in the order of VERDICTS, those that none has left out."""
    counted = Counter(belief.verdict for belief in found)
    return {verdict: counted[verdict] for verdict in VERDICTS if counted[verdict]}


def myths(run: Run) -> dict[str, list[Result]]:
    """The facts that hold and refute a belief that no statement has, by the belief; topics in alphabetical order."""
    refuted = defaultdict(list)
    for result in _one_each(run.results.values()):
        if result.verdict == "holds" and result.fact["myth"] and not result.fact["claims"]:
            refuted[result.fact["myth"]].append(result)
    return dict(refuted)


def _one_each(results: Iterable[Result]) -> list[Result]:
    """One result for each fact, whatever parameters it has, by id."""
    ranks = {verdict: rank for rank, verdict in enumerate(_DECIDED)}
    chosen: dict[str, Result] = {}
    for result in sorted(results, key=lambda result: ranks.get(result.verdict, len(ranks)), reverse=True):
        chosen[result.test] = result
    return [chosen[test] for test in sorted(chosen)]
