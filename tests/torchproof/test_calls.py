"""Which calls a fact with a range is about: how that is said, and that the facts say it of calls that they make."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatchcase
from functools import cache

import pytest

from tests.project import ROOT
from torchproof.calls import ANY, NONE, Clause, clauses
from torchproof.inventory import inventory
from torchproof.reports.code.concerns import Concern, Concerns
from torchproof.reports.code.uses import uses
from torchproof.reports.index import facts
from torchproof.spellings import operation

RANGED = [fact for fact in facts() if fact.since or fact.until]
NAMES = inventory()


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("any", ()),
        ("none", ()),
        ("mmap", (Clause("", ("mmap",)),)),
        ("min|max", (Clause("", ("min", "max")),)),
        ("not lr", (Clause("not", ("lr",)),)),
        ("eps=0", (Clause("is", ("0",), "eps"),)),
        ("dtype=float8_*|half", (Clause("is", ("float8_*", "half"), "dtype"),)),
        ("scale=-1.5, names float16", (Clause("is", ("-1.5",), "scale"), Clause("names", ("float16",)))),
        ("lacks batch_first", (Clause("lacks", ("batch_first",)),)),
        ("overrides step", (Clause("overrides", ("step",)),)),
        ("decorates", (Clause("decorates", ()),)),
        ("decorates bare", (Clause("decorates", ("bare",)),)),
        ("recorded, min|max", (Clause("recorded", ()), Clause("", ("min", "max")))),
        ("recorded both", (Clause("recorded", ("both",)),)),
        ("resampled, not lr", (Clause("resampled", ()), Clause("not", ("lr",)))),
        ("x made a=True|b()", (Clause("made", ("a=True", "b()"), "x"),)),
        ("safe=True but cuda|*gpu*", (Clause("is", ("True",), "safe", ("cuda", "*gpu*")),)),
    ],
)
def test_what_is_said_of_calls_is_taken_apart(said, wanted):
    assert clauses(said) == wanted


@pytest.mark.parametrize(
    "said",
    [
        "",
        "mmap True",
        "not",
        "passes",
        "recorded all",
        "resampled lr",
        "raises ValueError",
        "lr,momentum",
        "x made",
        "x made y",
    ],
)
def test_what_says_nothing_of_a_call_is_refused(said):
    with pytest.raises(ValueError, match="says nothing of a call"):
        clauses(said)


@pytest.mark.parametrize("fact", RANGED, ids=lambda fact: fact.id)
def test_a_fact_with_a_range_says_which_calls_it_is_about(fact):
    assert fact.calls, "say which calls its range concerns: calls="
    known = {one for subject in fact.subjects for one in _parameters(subject)}
    assert {one for clause in clauses(fact.calls) for one in clause.parameters} <= (known or {ANY})


def _parameters(subject):
    """The parameters of a subject in any release, and of what stands below it."""
    entries = [entry for _, entry in NAMES.history(subject) if entry]
    below = {f"{subject}.{one}" for one in NAMES.members(subject)}
    entries += [entry for name in below for _, entry in NAMES.history(name) if entry]
    return {one.name for entry in entries for signature in entry.signatures for one in signature.parameters}


@pytest.mark.parametrize(
    "fact", [one for one in RANGED if one.calls not in (None, ANY, NONE)], ids=lambda fact: fact.id
)
def test_a_call_that_a_fact_makes_is_one_that_it_is_about(fact):
    """Its calls are read as anybody's would be; where helpers make them all, by the words that tell them what."""
    region = _Region(fact)
    judged = [concern for concern in region.concerns(fact) if "catches" not in fact.calls]
    assert max(judged) > Concern.NO if judged else all(map(region.shows, clauses(fact.calls)))


class _Region:
    """A fact with the functions and constants of its file that it uses: `text`, and the lines that they take."""

    def __init__(self, fact):
        self.file = ROOT / fact.file
        text = self.file.read_text(encoding="utf-8")
        nodes = {name: node for node in ast.parse(text).body for name in _defined(node)}
        first = next(node for node in nodes.values() if _starts(node) == fact.line)
        inside, new = {}, [first]
        while new:
            node = new.pop()
            inside[_starts(node)] = node
            used = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            used |= {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}  # fixtures
            new += [nodes[name] for name in used & nodes.keys() if _starts(nodes[name]) not in inside]
        self.lines = {line for node in inside.values() for line in range(_starts(node), node.end_lineno + 1)}
        self.text = "\n".join(self._texts(text, inside.values()))

    def _texts(self, text, nodes):
        """Its own text, without what is said of its calls, and that of other files that it has names from."""
        for node in nodes:
            yield ast.get_source_segment(text, node) or ""
            yield from (ast.unparse(one) for one in getattr(node, "decorator_list", ()) if not _is_fact(one))
            if isinstance(node, ast.ImportFrom):
                yield (
                    (ROOT / (node.module or "").removeprefix("torchproof.").replace(".", "/"))
                    .with_suffix(".py")
                    .read_text()
                )

    def shows(self, clause):
        """Whether the code has what a clause asks for, by whichever way it gets to the call."""
        words = set(re.findall(r"\w+", self.text))
        if clause.verb in ("names", "passes", "overrides"):
            return any(fnmatchcase(word, wanted) for word in words for wanted in clause.words)
        if clause.verb == "lacks":
            code = re.sub(r'""".*?"""|"[^"\n]*"', "", self.text, flags=re.DOTALL)  # what an error says is none of it
            return not set(re.findall(r"\w+", code)) & set(clause.words)
        wanted = clause.words if clause.verb in ("", "catches") else clause.parameters
        return clause.verb in ("not", "uncaught", "decorates", "recorded", "resampled") or not words.isdisjoint(wanted)

    def concerns(self, fact):
        """What each call of a subject is judged to be, where any is seen."""
        found = _uses(self.file)
        concerns = Concerns({str(self.file): self.text})
        subjects = {operation(one) for one in fact.subjects}
        for use in (use for use in [*found.certain, *found.possible] if use.line in self.lines):
            entries = tuple(NAMES.find(use.name, release) for release in reversed(NAMES.releases))
            named = {operation(name) for name in (use.name, *(one.name for one in entries if one))}
            if (use.how == "called" or use.decorates) and not subjects.isdisjoint(named):
                yield concerns.of(use, fact.calls, entries)


@cache
def _uses(file):
    return uses(file, NAMES)


def _defined(node):
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torchproof.suites"):
        return [alias.name for alias in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]


def _starts(node):
    return min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])


def _is_fact(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "fact"
