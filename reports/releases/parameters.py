"""Asks the torch of this interpreter which parameters it calls deprecated.

`python -I reports/releases/parameters.py ANSWER FILE` runs in the environment of one release, after
`reports/releases/ask.py`, whose ANSWER says which names are public and what they take, and writes a line for each
parameter: its dotted name, and the words. They are those of the warning that is given where it is passed, else those
that the documentation has of it. `nox -s inventory` merges the answers into `parameters.tsv`, in the form of the
inventory.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import re
import sys
import textwrap
import types
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))

from torchproof.inventory import MARKS, Signature
from torchproof.prose import prose
from torchproof.reports.releases.sources import docstring, one_line, spelled

_SECTION = re.compile(r"^(?:Args|Arguments|Parameters|Keyword [Aa]rg\w*|Keyword [Pp]arameters)\s*:?\s*$")
_GOOGLE = re.compile(r"^(\s+)[`*]*(\w+)[`*]*\s*(?:\((.*?)\))?\s*:(?!:)\s*(.*)$")  # name (type): what it is
_SPHINX = re.compile(r"^(\s*):(?:param|arg)(?:\s+[^:]*?)?\s+(\w+):()\s*(.*)$")
_SAYS = re.compile(
    r"\.\. deprecated::|\[?\**deprecated\b"
    r"|(?:this|the) (?:\w+ )?(?:k?w?arg\w*|parameter|option|flag|keyword) (?:is|has been|will be) (?:now )?deprecated",
    re.IGNORECASE,
)
_OF_A_VALUE = re.compile(r"\.\. deprecated::[\s\d.]*(?:[Pp]assing\b|[^ ]*\w=)")  # of the parameter, which stays
_GOES_ON = re.compile(
    r"\b(?:use|using|instead|prefer\w*|remov\w*|switch\w*|replac\w*|migrat\w*|ignored|no effect)\b", re.IGNORECASE
)
_SENTENCE = re.compile(r"(?<=[.!])\s+(?=[`A-Z*\[])|\s+(?=\.\. \w+::)")
_BEGINS = (
    r"^(?:the |argument |parameter |option |arg |[`'\"]?\w+[`'\"]? and )*[`'\"]*{}[`'\"]*,? (?:\S+ ){{0,4}}"
    r"(?:is|has been|was|will be|are)\b"
)


def ask(answer: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each deprecated parameter of what the release has, as a dotted name, with the words."""
    for line in answer:
        name, _, *fields = line.rstrip("\n").split("\t") if "\t" in line else (line, "")
        forms = [Signature("", one.partition("(")[2][:-1]) for one in fields if one[0] not in MARKS]
        passed = {parameter.name for form in forms for parameter in form.parameters}
        if passed and (value := value_of(name)) is not None:
            for parameter, words in sorted(deprecated(value, passed).items()):
                yield f"{name}.{parameter}", one_line(words)


def deprecated(value: object, parameters: Iterable[str]) -> dict[str, str]:
    """The parameters that something says are deprecated, each with the words."""
    texts = [docstring(one) for one in _documented(value)]
    documented = {name: words for text in texts for name, words in _in_documentation(text)}
    warned = [words for one in _run(value) for words in _strings(one)]
    found = {}
    for name in parameters:
        begins = re.compile(_BEGINS.format(re.escape(name)), re.IGNORECASE)
        given = next((one for one in warned if begins.match(one) and "deprecated" in one), "")
        if given or name in documented:
            found[name] = given if prose(given) else documented.get(name, "it is deprecated")
    return found


def value_of(name: str) -> object:
    """What a dotted name stands for; None where it cannot be had."""
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        parts = name.split(".")
        value: object = importlib.import_module(parts[0])
        for at, part in enumerate(parts[1:], 2):
            with contextlib.suppress(ImportError):
                if not hasattr(value, part):
                    importlib.import_module(".".join(parts[:at]))
            value = inspect.getattr_static(value, part) if inspect.isclass(value) else getattr(value, part)
        return value
    return None


def _documented(value: object) -> Iterator[object]:
    yield value
    if inspect.isclass(value) and "__init__" in vars(value):
        yield vars(value)["__init__"]


def _run(value: object) -> Iterator[types.FunctionType]:
    """The functions that run when it is called."""
    makers = [vars(value).get(one) for one in ("__new__", "__init__")] if inspect.isclass(value) else [value]
    for one in makers:
        function = getattr(one, "__func__", one)
        function = inspect.unwrap(function) if callable(function) else function
        if isinstance(function, types.FunctionType):
            yield function


@cache
def _strings(function: types.FunctionType, depth: int = 2) -> list[str]:
    """The words that stand in a function and those that it calls: of warnings, given in whatever way."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return []
    names = dict(function.__globals__)
    constants = {name: text for name, text in names.items() if isinstance(text, str)}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    given = [one for node in calls for one in node.args if not isinstance(one, ast.Call)]
    given += [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    found = [spelled(one, constants) for one in given]
    for called in dict.fromkeys(ast.unparse(node.func) for node in calls) if depth else ():
        first, _, rest = called.partition(".")
        with contextlib.suppress(Exception):  # a module may look for another package when it is asked
            value = getattr(names.get(first), rest) if rest else names.get(first)
            if isinstance(value, types.FunctionType):
                found += _strings(value, depth - 1)
    return found


# --- documentation ----------------------------------------------------------------------------------------------------


def _in_documentation(doc: str) -> Iterator[tuple[str, str]]:
    """The parameters that a docstring calls deprecated, with the words."""
    for name, kind, text in _described(inspect.cleandoc(doc)):
        sentences = _SENTENCE.split(" ".join(text.split()))
        place = next((at for at, one in enumerate(sentences) if _SAYS.match(one)), None)
        if place is not None and not _OF_A_VALUE.match(sentences[place]):
            words = [sentences[place]]
            for one in sentences[place + 1 :]:
                if not _GOES_ON.search(one):
                    break
                words.append(one)
            yield name, re.sub(r"^\.\. deprecated::\s*([\d.]+)\s*", r"since \1: ", " ".join(words))
        elif "deprecated" in kind.lower():
            yield name, "it is deprecated"


def _described(doc: str) -> Iterator[tuple[str, str, str]]:
    """Each parameter that a docstring describes: its name, what stands in parentheses, and the text."""
    is_inside, told, indent = False, [], 0
    for line in [*doc.split("\n"), "End:"]:
        match = _SPHINX.match(line) or (_GOOGLE.match(line) if is_inside else None)
        here = len(line) - len(line.lstrip())
        if match and (not told or len(match[1]) <= indent):
            yield from _one(told)
            told, indent = [match[2], match[3] or "", match[4]], len(match[1])
        elif line.strip() and here == 0:
            yield from _one(told)
            told, is_inside = [], bool(_SECTION.match(line))
        elif told:
            told.append(line.strip())


def _one(told: list[str]) -> Iterator[tuple[str, str, str]]:
    if told:
        name, kind, *lines = told
        yield name, kind, "\n".join(lines)


def main(answer: str, file: str) -> None:
    """Write a line for each parameter."""
    lines = Path(answer).read_text(encoding="utf-8").splitlines()
    told = sorted(f"{name}\t{words}\n" for name, words in ask(lines))
    Path(file).write_text("".join(told), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
