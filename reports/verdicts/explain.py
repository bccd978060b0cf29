"""`torchproof explain`: all that is known of a fact without running it."""

from __future__ import annotations

import argparse
import difflib
import importlib.metadata
from collections.abc import Iterator

from torchproof import ROOT, inventory
from torchproof.facts import command_of, findings, id_of
from torchproof.releases import supported
from torchproof.reports import Refusal
from torchproof.reports.index import IndexedFact, facts, facts_about
from torchproof.reports.verdicts.beliefs import Statement, statements

HELP = "Say what a fact claims, of which releases, where that is documented, and what to do about it."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of which fact, name or statement."""
    parser.add_argument(
        "fact",
        metavar="ID",
        help="as records and failures name it: views.view.shares_memory; or a name of torch: torch.matmul; or of a "
        "statement: V04",
    )


def command(options: argparse.Namespace) -> int:
    """Print it."""
    statement = next((one for one in statements() if one.id == options.fact), None)
    if statement:
        print("\n".join(_about(statement)))
        return 0
    if inventory.is_of_torch(options.fact) and inventory.unknown(options.fact) is None:
        print("\n".join(_about_name(options.fact)))
        return 0
    fact = _find(options.fact)
    print(f"{fact.id}\n  {fact.claim}\n")
    for word, says in _lines(fact):
        print(f"{word + ':':<15}{says}")
    return 0


def _about(statement: Statement) -> Iterator[str]:
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
            yield _listed(fact)


def _about_name(name: str) -> Iterator[str]:
    """The facts about a name."""
    about = facts_about(name)
    yield f"{name}: {len(about)} facts are about it, its other spellings and its members\n"
    yield from map(_listed, about)
    if about:
        yield f"\nrun them: {command_of(ROOT)} --about {name}"


def _listed(fact: IndexedFact) -> str:
    return f"  {fact.claim}\n    {fact.id}, {_range(fact)}"


def _find(text: str) -> IndexedFact:
    """The fact of an id, or of a test as pytest names it; with its parameters or without."""
    identity = (id_of(text) if "::" in text else text).partition("[")[0]
    by_id = {fact.id: fact for fact in facts()}
    if identity in by_id:
        return by_id[identity]
    near = [one for one in by_id if identity in one][:3] or difflib.get_close_matches(identity, by_id, n=3)
    guess = f"did you mean {' or '.join(near)}?" if near else "an id is like views.view.shares_memory"
    raise Refusal(f"there is no fact {text}; {guess}")


def _lines(fact: IndexedFact) -> Iterator[tuple[str, str]]:
    yield "about", ", ".join(fact.subjects)
    yield "holds", _range(fact)
    for known in findings(ROOT / "suites" / "findings.toml"):
        if known.fact.partition("[")[0] == fact.id:
            yield "but", f"torch disagrees {_span(known.since, known.until)}: {known.says} {known.link}"
    if page := fact.link(_release()):
        yield "documentation", page
    if fact.myth:
        yield "not so", f"“{fact.myth}”"
    if fact.hint:
        yield "what to do", fact.hint
    if fact.requires:
        yield "needs", ", ".join(fact.requires)
    yield "stands in", f"{ROOT / fact.file}:{fact.line}"
    yield "run it", f"{command_of(ROOT)} --fact {fact.id}"
    yield "more", f"{command_of(ROOT)} --about {fact.subjects[0]}"


def _range(fact: IndexedFact) -> str:
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
