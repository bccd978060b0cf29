"""What facts there are, read from the suites without torch: their files are parsed, and nothing of them is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from torchproof import ROOT
from torchproof.facts import Fact, id_of, link
from torchproof.spellings import about

# What the decorator says that only torch can make sense of, or that is of the proof rather than of the fact.
_NOT_READ = {"refuter"}


@dataclass(frozen=True, kw_only=True)
class IndexedFact(Fact):
    """A fact with all its parameters: what its decorator says, its claim, and where it stands, from the root.

    `since` and `until` are None where they are not said: `range_on` has the range that follows from the subjects.
    """

    id: str
    claim: str
    file: str
    line: int
    errors: tuple[str, ...] = ()  # what its body waits for in words of errors and warnings, as patterns

    def link(self, release: str) -> str | None:
        """The page of the release's documentation that says it; None of what is not torch's."""
        return link(self, release)

    def speaks_of(self, parameter: str) -> bool:
        """Whether the claim has a parameter among what it gives as code."""
        return re.search(rf"`[^`]*\b{parameter}\b[^`]*`", self.claim) is not None


@cache
def facts() -> tuple[IndexedFact, ...]:
    """Every fact of the suites, in the order of files and lines."""
    return tuple(line for file in sorted((ROOT / "suites").rglob("test_*.py")) for line in read(file))


@cache
def ranged() -> tuple[IndexedFact, ...]:
    """The facts that say since or until when they hold, without `errors`: only what declares them is parsed."""
    found = []
    for file in sorted((ROOT / "suites").rglob("test_*.py")):
        text = file.read_text(encoding="utf-8")
        if "since=" in text or "until=" in text:
            found += [fact for fact in read(file, _outline(text)) if fact.since or fact.until]
    return tuple(found)


def _outline(text: str) -> str:
    """A file without the functions that say no range, and without what the others do; every line keeps its number."""
    parts = []
    for part in text.split("\n\n\n"):  # what stands at the top of a file is two lines apart
        head = _HEAD.match(part)
        is_left_out = head is None and part.lstrip("\n").startswith(("def ", "class ", "@pytest.fixture"))
        kept = head[0] if head else "" if is_left_out else part
        if head and part.startswith("@fact(") and not re.search(r"\b(since|until)=", head[0]):
            kept = ""
        parts.append(kept + "\n" * (part.count("\n") - kept.count("\n")))
    return "\n\n\n".join(parts)


# The decorators, the parameters and the docstring of a test.
_HEAD = re.compile(r'\n*@.*?^def test_\w+\(.*?\).*?:\n    """.*?"""\n?', re.DOTALL | re.MULTILINE)


def facts_about(*names: str) -> list[IndexedFact]:
    """The facts about any of some names of torch, their other spellings and their members, in the same order."""
    wanted = [about(name) for name in names]
    return [fact for fact in facts() if any(is_about(subject) for is_about in wanted for subject in fact.subjects)]


def read(file: Path, text: str | None = None) -> Iterator[IndexedFact]:
    """The facts of one file, or of its `text`. Raises ValueError where only running it would tell what is declared."""
    names: dict[str, Any] = {}
    path = file.relative_to(ROOT).as_posix()
    text = file.read_text(encoding="utf-8") if text is None else text
    lines = text.splitlines()
    for node in ast.parse(text, path).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torchproof.suites."):
            names.update(_imported(node))
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = node.value
        if not isinstance(node, ast.FunctionDef) or not (declared := _decorator(node, names)):
            continue
        try:
            subjects = tuple(_items(declared.args, names))
            said = {word.arg: _value(word.value, names) for word in declared.keywords if word.arg not in _NOT_READ}
        except ValueError as error:
            raise ValueError(f"{path}:{error}") from None
        yield IndexedFact(
            subjects=subjects,
            **{**said, **{name: _several(said.get(name, ())) for name in ("requires", "where", "claims")}},
            id=id_of(f"{path}::{node.name}"),
            claim=(ast.get_docstring(node) or "").partition("\n")[0].strip(),
            file=path,
            line=node.decorator_list[0].lineno,
            errors=tuple(_errors(node, names)) if any("match=" in one for one in _lines(node, lines)) else (),
        )


def _imported(node: ast.ImportFrom) -> Iterator[tuple[str, Any]]:
    """The constants that a file takes from another one of the suites, by the names that it gives them."""
    constants = _constants(ROOT.joinpath(*str(node.module).split(".")[1:]).with_suffix(".py"))
    for alias in node.names:
        with suppress(ValueError):  # what is no constant that can be read is not used in a declaration
            if alias.name in constants:
                yield alias.asname or alias.name, _value(constants[alias.name], constants)


@cache
def _constants(file: Path) -> dict[str, Any]:
    """What is assigned at the top of a file; a folder has nothing."""
    if not file.is_file():
        return {}
    assigned = [node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.Assign)]
    return {node.targets[0].id: node.value for node in assigned if isinstance(node.targets[0], ast.Name)}


def _decorator(test: ast.FunctionDef, names: dict[str, Any]) -> ast.Call | None:
    """The call of `fact` that decorates a test, or to which the file has given a name that does."""
    said = [names.get(node.id) if isinstance(node, ast.Name) else node for node in test.decorator_list]
    calls = [node for node in said if isinstance(node, ast.Call)]
    return next((call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "fact"), None)


def _lines(node: ast.FunctionDef, lines: list[str]) -> list[str]:
    return lines[node.lineno - 1 : node.end_lineno]


def _errors(test: ast.FunctionDef, names: dict[str, Any]) -> Iterator[str]:
    """The patterns that `match=` has: written there, in a constant of the file, or in the test's parameters."""
    for node in ast.walk(test):
        if isinstance(node, ast.keyword) and node.arg == "match":
            for word in ast.walk(node.value):
                if isinstance(word, ast.Name):
                    known = names.get(word.id)
                    yield from _texts([known] if isinstance(known, ast.expr) else test.decorator_list)
            yield from _texts([node.value])


def _texts(nodes: list[ast.expr]) -> Iterator[str]:
    """The words of literals; a single word names something, and says nothing."""
    constants = (one for node in nodes for one in ast.walk(node) if isinstance(one, ast.Constant))
    return (one.value for one in constants if isinstance(one.value, str) and " " in one.value)


def _several(said: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said)


def _value(node: ast.expr, names: dict[str, Any]) -> Any:
    """The value of literals, constants, imported ones too, parts, `+`, `|`, `!=`, `not in`, f-strings, comprehensions.

    A dictionary stands for its keys where its values are no literals, or it is joined: they are what `*NAME` takes.
    """
    match node:
        case ast.Constant():
            return node.value
        case ast.Name() if node.id in names:
            known = names[node.id]
            return _value(known, names) if isinstance(known, ast.expr) else known
        case ast.List() | ast.Tuple():
            return list(_items(node.elts, names))
        case ast.Dict():
            try:
                return ast.literal_eval(node)
            except ValueError:
                return list(_items([key or ast.Starred(each) for key, each in zip(node.keys, node.values)], names))
        case ast.Subscript():
            return _value(node.value, names)[_value(node.slice, names)]
        case ast.Slice():
            return slice(*(each and _value(each, names) for each in (node.lower, node.upper, node.step)))
        case ast.BinOp(op=ast.Add()):
            return _value(node.left, names) + _value(node.right, names)
        case ast.BinOp(op=ast.BitOr()):
            return list(dict.fromkeys([*_value(node.left, names), *_value(node.right, names)]))
        case ast.JoinedStr():
            return "".join(str(_value(part, names)) for part in node.values)
        case ast.FormattedValue():
            return _value(node.value, names)
        case ast.ListComp(generators=[one]) | ast.GeneratorExp(generators=[one]) if isinstance(one.target, ast.Name):
            each = [{**names, one.target.id: item} for item in _value(one.iter, names)]
            return [_value(node.elt, known) for known in each if all(_value(test, known) for test in one.ifs)]
        case ast.Compare(ops=[ast.NotEq()], comparators=[other]):
            return _value(node.left, names) != _value(other, names)
        case ast.Compare(ops=[ast.NotIn()], comparators=[others]):
            return _value(node.left, names) not in _value(others, names)
    raise ValueError(f"{node.lineno}: {ast.unparse(node)} is not told without running the file: write it out")


def _items(nodes: list[ast.expr], names: dict[str, Any]) -> Iterator[Any]:
    for node in nodes:
        if isinstance(node, ast.Starred):
            yield from _value(node.value, names)
        else:
            yield _value(node, names)
