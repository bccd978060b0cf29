"""Reads in a release's own source which public attributes the objects of its classes have, besides methods.

`python -I reports/releases/attributes.py ANSWER FILE` runs in the environment of the release, after
`reports/releases/ask.py`, whose ANSWER says which names are public; torch is read and not imported. `nox -s inventory`
merges what it writes, in so far as it differs between releases, into `attributes.tsv`, in the form of the inventory:
what belongs to a class is set by it, by one above it or somewhere in their files. `?` belongs to classes of which that
does not tell everything, such as those with a `__getattr__`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))

from torchproof.reports.code.syntax import is_dict_of_object, word
from torchproof.reports.releases.definitions import FUNCTIONS, Definitions, Place, write

# What names an attribute in a text, by the place of that.
_SETTERS = {"setattr": 1, "__setattr__": 0, "register_buffer": 0, "register_parameter": 0, "register_module": 0,
            "add_module": 0}  # fmt: skip
_RESTORE = {"load_state_dict", "__setstate__", "__copy__", "__deepcopy__", "__reduce_ex__"}  # what was there before
_MODULE = "torch.nn.modules.module"  # whose `__getattr__` finds what was set plainly or is registered by a text
_BARE = {"ABC", "Generic", "NamedTuple", "Protocol", "list", "object"}


def attributes(folder: Path, public: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The dotted names of the attributes of the torch in a folder, whose names are public with these kinds."""
    torch = Definitions(folder)
    of_place: dict[int, frozenset[str]] = {}

    def own(place: Place) -> frozenset[str]:
        if id(place.node) not in of_place:
            around = _set_from_elsewhere(torch.body(place.module))
            of_place[id(place.node)] = frozenset([*_of_class(place), *around])
        return of_place[id(place.node)]

    for name, kind in public:
        place = torch.find(name) if kind == "class" else None
        if place and isinstance(place.node, ast.ClassDef):
            line = [*torch.line(place)]
            found = frozenset[str]().union(*map(own, line))
            yield from (f"{name}.{one}" for one in found if not one.startswith("_"))
            if "?" not in found and not all(_is_known(base, line) for one in line for base in one.node.bases):
                yield f"{name}.?"


def _is_known(base: ast.expr, line: list[Place]) -> bool:
    name = word(base.value if isinstance(base, ast.Subscript) else base)
    return name in _BARE or name in [one.node.name for one in line]


def _of_class(place: Place) -> Iterator[str]:
    """What a class has by its own body and sets in its methods; '?' where more may be set."""
    for node in place.node.body:
        if isinstance(node, FUNCTIONS):
            if node.name in ("__getattr__", "__getattribute__") and place.module != _MODULE:
                yield "?"
            if node.name not in _RESTORE:
                yield from _of_method(node)
        else:
            yield from (one.id for one in ast.walk(node) if isinstance(one, ast.Name) and _is_stored(one))
            yield from (one.name for one in ast.walk(node) if isinstance(one, FUNCTIONS))


def _of_method(method: ast.AST) -> Iterator[str]:
    for node in ast.walk(method):
        if isinstance(node, ast.Attribute) and _is_stored(node):
            yield node.attr
        elif isinstance(node, ast.Call) and (place := _SETTERS.get(word(node.func) or "")) is not None:
            text = node.args[place] if place < len(node.args) else None
            yield text.value if isinstance(text, ast.Constant) and isinstance(text.value, str) else "?"
        elif _writes_dict(node):
            yield "?"


def _writes_dict(node: ast.AST) -> bool:
    """`self.__dict__.update(…)`, `vars(self)["x"] = …`."""
    is_update = isinstance(node, ast.Attribute) and node.attr in ("update", "setdefault")
    if not (is_update or (isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store))):
        return False
    return is_dict_of_object(node.value)  # type: ignore[attr-defined]


def _set_from_elsewhere(body: list[ast.stmt]) -> Iterator[str]:
    """What a file sets of objects other than `self`, of whatever class they are."""
    for node in (one for statement in body for one in ast.walk(statement)):
        if isinstance(node, ast.Attribute) and _is_stored(node) and word(node.value) != "self":
            yield node.attr


def _is_stored(node: ast.Name | ast.Attribute) -> bool:
    return isinstance(node.ctx, ast.Store)


if __name__ == "__main__":
    write(*sys.argv[1:], read=attributes)
