"""`torchproof explain`: all that is known of a fact without running it."""

from __future__ import annotations

import argparse
import difflib
import importlib.metadata
from collections.abc import Iterator

from fixtures.fact import id_of
from fixtures.records import PYTEST
from fixtures.releases import supported
from fixtures.verdicts import findings
from reports import Refusal
from reports.claims import Claim, claims
from reports.facts import ROOT, FactLine, facts

HELP = "Say what a fact claims, of which releases, where that is documented, and what to do about it."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of which fact, or which statement."""
    parser.add_argument(
        "fact",
        metavar="ID",
        help="as records and failures name it: views.view.shares_memory; or of a statement: V04",
    )


def command(options: argparse.Namespace) -> int:
    """Print it."""
    statement = next((claim for claim in claims() if claim.id == options.fact), None)
    if statement:
        print("\n".join(_about(statement)))
        return 0
    fact = _find(options.fact)
    print(f"{fact.id}\n  {fact.claim}\n")
    for word, says in _lines(fact):
        print(f"{word + ':':<15}{says}")
    return 0


def _about(statement: Claim) -> Iterator[str]:
    """A statement, and the facts against it and for it."""
    yield f"{statement.id}\n  “{statement.says}”"
    about = [fact for fact in facts() if statement.id in fact.claims]
    if not about:
        yield "\nNo fact is about it yet."
    for word, contradicts in (("against", True), ("for", False)):
        side = [fact for fact in about if statement.is_contradicted_by(fact.myth) == contradicts]
        if side:
            yield f"\n{word} it:"
        for fact in side:
            yield f"  {fact.claim}\n    {fact.id}, {_range(fact)}"


def _find(text: str) -> FactLine:
    """The fact of an id, or of a test as pytest names it; with its parameters or without."""
    identity = (id_of(text) if "::" in text else text).partition("[")[0]
    by_id = {fact.id: fact for fact in facts()}
    if identity in by_id:
        return by_id[identity]
    near = [one for one in by_id if identity in one][:3] or difflib.get_close_matches(identity, by_id, n=3)
    guess = f"did you mean {' or '.join(near)}?" if near else "an id is like views.view.shares_memory"
    raise Refusal(f"there is no fact {text}; {guess}")


def _lines(fact: FactLine) -> Iterator[tuple[str, str]]:
    yield "about", ", ".join(fact.subjects)
    yield "holds", _range(fact)
    for known in findings(ROOT / "suites" / "findings.toml"):
        if known.fact.partition("[")[0] == fact.id:
            yield "but", f"torch disagrees {_span(known.since, known.until)}: {known.says} {known.link}"
    yield "documentation", fact.link(_release())
    if fact.myth:
        yield "not so", f"“{fact.myth}”"
    if fact.hint:
        yield "what to do", fact.hint
    if fact.requires:
        yield "needs", ", ".join(fact.requires)
    yield "stands in", f"{ROOT / fact.file}:{fact.line}"
    yield "run it", f"{PYTEST} --fact {fact.id}"


def _range(fact: FactLine) -> str:
    """The releases in which it holds, by device where devices differ."""
    by_device = [bound for bound in (fact.since, fact.until) if isinstance(bound, dict)]
    if not by_device:
        return _span(*fact.range_on("cpu"))
    devices = sorted({device for bound in by_device for device in bound} | {"cpu"})
    return "; ".join(f"{_span(*fact.range_on(device))} on {device}" for device in devices)


def _span(since: str, until: str | None) -> str:
    if until is None:
        return "in every supported release" if since == next(iter(supported())) else f"since torch {since}"
    return f"from torch {since} to before {until}"


def _release() -> str:
    """The torch that is here, whose documentation is then meant, else the newest that we know."""
    try:
        return importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return list(supported())[-1]
