"""Constructors of the code's own classes that do not begin with, or do not call, the one of torch's class above.

Reads `reports/releases/begun.toml`: the methods of torch's classes that miss what only the constructor sets.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from torchproof import data, releases
from torchproof.reports.code.syntax import REGISTERS, nodes, word

FILE = Path(__file__).parents[1] / "releases" / "begun.toml"
EARLY = "early"  # of a contract: what is set before the constructor above has run


@dataclass(frozen=True)
class Begun:
    """A method of a class that asks for an attribute since a release."""

    name: str
    method: str
    asks: str
    since: str


@cache
def known() -> list[Begun]:
    """All of them."""
    return data.rows(FILE, "begun", Begun)


def asking(owner: str, own: Container[str]) -> list[Begun]:
    """The methods of a class that a class below has not itself, and whose attributes it does not set."""
    return [one for one in known() if one.name == owner and one.method not in own and one.asks not in own]


def fails(owner: str, methods: str, who: str, release: str) -> str | None:
    """Why methods fail of an object that was not begun in a release, in words that go on after the owner's name."""
    here = releases.number(release)
    failing = [
        one.method
        for one in known()
        if one.name == owner and one.method in methods.split() and releases.number(one.since) <= here
    ]
    if not failing:
        return None
    return f"runs no {' and no '.join(failing)} before its own __init__ has run: call super().__init__() in {who}"


def constructor(node: ast.ClassDef) -> ast.FunctionDef | None:
    """The one constructor that a class defines itself, as it is called."""
    found = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
    return found[0] if len(found) == 1 and found[0].args.args and not found[0].decorator_list else None


def before(init: ast.FunctionDef) -> tuple[list[ast.stmt], bool]:
    """The statements of a constructor before it may call the one above, and whether it never does."""
    early: list[ast.stmt] = []
    for statement in init.body:
        if _may_begin(statement, init.args.args[0].arg):
            return early, False
        early.append(statement)
    return early, True


def _may_begin(statement: ast.stmt, me: str) -> bool:
    """Whether a statement calls another constructor, or hands the object to something that may."""
    for one in nodes(statement):
        if isinstance(one, ast.Attribute) and one.attr == "__init__":
            return True
        if isinstance(one, ast.Call) and not registers(one, me):
            owner = one.func.value if isinstance(one.func, ast.Attribute) else None
            if word(one.func) == "super" or any(_is(each, me) for each in (owner, *one.args)):
                return True
    return False


def registers(node: ast.expr, me: str) -> bool:
    """Whether it is `self.register_buffer(…)` or the like."""
    owner = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
    return _is(owner, me) and isinstance(node, ast.Call) and word(node.func) in REGISTERS - {"setattr", "__setattr__"}


def assigned(statement: ast.stmt, me: str) -> Iterator[ast.expr]:
    """What a statement assigns to attributes of the object."""
    if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        if any(isinstance(one, ast.Attribute) and _is(one.value, me) for one in targets):
            yield statement.value


def _is(node: ast.expr | None, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
