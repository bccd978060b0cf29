"""`torchproof explain`: all that is known of a fact without running it, or the facts that answer a question.

With `--json`, one object:

    schema  1
    asked   what was asked
    kind    of what that is: 'fact', 'statement', 'name' or 'question'
    name    the id, or the full name, that was understood; null of a question
    facts   the facts, best or first ones first: `id`, `claim`, `about`, `since`, `until`, `myth`, `hint`,
            `documentation`, `file`, `line`, `run` (a command), and of a statement `side`: 'for' or 'against' it;
            docs/schemas/explain.json says all of it
"""

from __future__ import annotations

import argparse
import difflib
import importlib.metadata
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from torchproof import ROOT, inventory
from torchproof.facts import command_of, findings, id_now, id_of, test_of
from torchproof.reference import reference
from torchproof.releases import supported
from torchproof.reports import Refusal, formats, screen, words
from torchproof.reports.index import IndexedFact, facts, facts_about
from torchproof.reports.search import Index, near
from torchproof.reports.verdicts.beliefs import Statement, statements

_MOST = 3  # parameters of a fact that are named
HELP = "Say what a fact claims, of which releases, where that is documented, and what to do about it."


@dataclass(frozen=True)
class Answer:
    """What was asked, and the facts about it under headings; `head` and `tail` are lines around them on the screen."""

    kind: str
    name: str | None
    head: tuple[str, ...]
    groups: dict[str, list[IndexedFact]] = field(default_factory=dict)
    tail: tuple[str, ...] = ()

    @property
    def facts(self) -> list[tuple[str, IndexedFact]]:
        """All of them, each with its heading."""
        return [(head, fact) for head, group in self.groups.items() for fact in group]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of which fact, name, statement or question."""
    parser.add_argument(
        "fact",
        nargs="+",
        metavar="ID",
        help="as records and failures name it: views.view.shares_memory; a name of torch: torch.matmul, nn.Linear; a "
        "statement: V04; or a question or an error in words: does reshape copy",
    )
    formats.option(parser)


def command(options: argparse.Namespace) -> int:
    """Print it."""
    asked = " ".join(options.fact).strip()
    if not asked:
        raise Refusal("say what is to be explained: a name, the id of a fact, or a question in words")
    ways: tuple[Callable[[str], Answer | None], ...] = (_of_statement, _of_fact, _of_name, _of_words)
    answer = next(filter(None, (way(asked) for way in ways)))
    form = {"text": _as_text, "json": _as_json, "markdown": _as_markdown}[options.format]
    print(form(asked, answer))
    return 0


def _of_statement(asked: str) -> Answer | None:
    """A statement, and the facts against it and for it."""
    statement = next((one for one in statements() if one.id == asked), None)
    if not statement:
        return None
    about = [fact for fact in facts() if statement.id in fact.claims]
    sides = {word: _side(statement, about, contradicts) for word, contradicts in (("against", True), ("for", False))}
    head = (f"{statement.id}\n  “{statement.says}”", *([] if about else ["\nNo fact is about it yet."]))
    return Answer("statement", statement.id, head, {f"{word} it": side for word, side in sides.items() if side})


def _side(statement: Statement, about: list[IndexedFact], contradicts: bool) -> list[IndexedFact]:
    return [fact for fact in about if statement.is_contradicted_by(fact.myth) == contradicts]


def _of_fact(asked: str) -> Answer | None:
    """The fact that has this id, or this test as pytest names it."""
    identity = _identity(asked)
    fact = next((fact for fact in facts() if fact.id == identity), None)
    if not fact:
        return None
    told = (f"{word + ':':<15}{says}" for word, says in _lines(fact))
    return Answer("fact", fact.id, (f"{fact.id}\n  {fact.claim}\n", *told), {"": [fact]})


def _of_name(asked: str) -> Answer | None:
    """The facts about a name, as people write names; nothing of what is none, or is rather a word of a question."""
    names = inventory.inventory()
    meant = words.understood(asked, names)
    if not meant.name:
        if meant.others and " " not in asked:
            raise Refusal("\n".join(meant.listed(names)))
        return None
    owner, _, parameter = meant.name.rpartition(".")
    is_public = inventory.unknown(meant.name) is None
    about = facts_about(meant.name if is_public else owner)
    if not is_public:
        about = [fact for fact in about if fact.speaks_of(parameter)]
    if not (about or meant.is_as_written):
        return None
    of_it = "about it, its other spellings and its members" if is_public else f"about {owner} that speak of it"
    head = [] if meant.is_as_written else [f"{meant.says()}\n"]
    tail = [f"\nrun them: {command_of(ROOT)} --about {meant.name if is_public else owner}"] if about else []
    tail += ["", *meant.listed(names)] if meant.others else []
    head.append(f"{meant.name}: {screen.counted(len(about), 'fact')} {of_it}\n")
    return Answer("name", meant.name, tuple(head), {"": about}, tuple(tail))


def _of_words(asked: str) -> Answer:
    """The facts that answer a question best. Raises Refusal where it looks like an id, or none has its words."""
    if " " not in asked and ("." in asked or "::" in asked):
        raise Refusal(f"there is no fact {asked}; {_guess(_identity(asked))}")
    if re.fullmatch(r"\w+[A-Z_]\w*", asked) and (names := words.near(asked, inventory.inventory())):
        raise Refusal(f"there is no name {asked}; did you mean {' or '.join(names)}?")
    found = Index(facts()).search(asked)
    if not found:
        close = near(asked, facts())
        guess = f"; facts have {', '.join(close)}" if close else ""
        raise Refusal(f"no fact has the words of “{asked}”{guess}")
    return Answer("question", None, (), {"": found})


def _identity(text: str) -> str:
    """The id that is meant, without parameters."""
    return id_now(test_of(id_of(text) if "::" in text else text))


def _guess(identity: str) -> str:
    by_id = {fact.id: fact for fact in facts()}
    close = [one for one in by_id if identity in one][:3] or difflib.get_close_matches(identity, by_id, n=3)
    return f"did you mean {' or '.join(close)}?" if close else "an id is like views.view.shares_memory"


def _as_text(asked: str, answer: Answer) -> str:
    lines = list(answer.head)
    for head, group in answer.groups.items() if answer.kind != "fact" else ():
        lines += [f"\n{head}:"] if head else []
        for fact in group:
            lines += [*screen.wrapped(fact.claim, "  ", "  "), f"    {fact.id}, {_range(fact)}"]
            lines += [f"    run it: {_run(fact)}"] if answer.kind == "question" else []
    return "\n".join([*lines, *answer.tail])


def _as_markdown(asked: str, answer: Answer) -> str:
    lines = [f"### {answer.name or asked}"]
    for head, group in answer.groups.items():
        lines += ["", *([f"#### {head}", ""] if head else [])]
        for fact in group:
            page = fact.link(_release())
            lines.append(f"- {fact.claim} ({_range(fact)}{f', [documentation]({page})' if page else ''})")
            lines.append(f"  `{_run(fact)}`")
    return "\n".join(lines)


def _as_json(asked: str, answer: Answer) -> str:
    said = {
        "schema": 1,
        "asked": asked,
        "kind": answer.kind,
        "name": answer.name,
        "facts": [_plain(fact, head.partition(" ")[0]) for head, fact in answer.facts],
    }
    return json.dumps(said, indent=1)


def _plain(fact: IndexedFact, side: str) -> dict[str, object]:
    said = {
        "id": fact.id,
        "claim": fact.claim,
        "about": fact.subjects,
        "since": fact.since,
        "until": fact.until,
        "myth": fact.myth,
        "hint": fact.hint,
        "documentation": fact.link(_release()),
        "file": fact.file,
        "line": fact.line,
        "run": _run(fact),
    }
    return {**said, "side": side} if side else said


def _run(fact: IndexedFact) -> str:
    return f"{command_of(ROOT)} --fact {fact.id}"


def _lines(fact: IndexedFact) -> Iterator[tuple[str, str]]:
    yield "about", ", ".join(fact.subjects)
    yield "holds", _range(fact)
    histories = reference().histories(fact.id)
    for history, parameters in histories.items():
        yield "proven", history + (_with(parameters) if len(histories) > 1 else "")
    if fact.where:
        yield "only where", "; ".join(fact.where)
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
    yield "run it", _run(fact)
    yield "more", f"{command_of(ROOT)} --about {fact.subjects[0]}"


def _with(parameters: list[str]) -> str:
    """With which parameters, the first few of many."""
    told = ", ".join(parameters[:_MOST]) + (f" and {len(parameters) - _MOST} more" if len(parameters) > _MOST else "")
    return f" ({told})"


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
