"""setup.py, read as syntax, and the ini files setup.cfg and settings.ini. Nothing of them runs."""

from __future__ import annotations

import ast
import configparser
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path

from torchproof.reports.code.declared import requirements
from torchproof.reports.code.declared.lines import Said, Unread, in_group, in_place, line, of, text_of
from torchproof.reports.code.reading import Unreadable, content, decoded, parsed

_DEEP = 12  # names that stand for names
_MOST_STEPS, _LONG = 100_000, 10_000  # of one script, and characters of a text that it puts together
_OF_TORCH = re.compile(r"[(f]*['\"]torch(?![\w.-])")  # an expression that begins with a text that does


def setup_cfg(file: Path) -> Iterator[Said]:
    """`[options]`: texts, or `file:` and the names of files of requirements."""
    parser = _ini(file)
    yield from _value(parser.get("options", "install_requires", fallback=""), "", file)
    if parser.has_section("options.extras_require"):
        for extra, texts in parser.items("options.extras_require"):
            yield from _value(texts, extra, file)
    if python := parser.get("options", "python_requires", fallback=""):
        yield line("python", f"python_requires = {python}", python)


def settings_ini(file: Path) -> Iterator[Said]:
    """Of a project of nbdev: requirements stand in one line, with or without commas."""
    parser = _ini(file)
    section = parser[parser.default_section] if not parser.sections() else parser[parser.sections()[0]]
    for key, group in (("requirements", ""), ("pip_requirements", ""), ("dev_requirements", "dev")):
        for text in _words(section.get(key, "")):
            yield from of(text, group)
    for text in _words(section.get("conda_requirements", "")):
        yield from of(re.sub(r"^pytorch\b", "torch", text))
    if python := section.get("min_python", ""):
        yield line("python", f"min_python = {python}", f">={python}")


def _ini(file: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text_of(file))
    return parser


def _words(text: str) -> Iterable[str]:
    """Requirements of one line: a blank ends one, unless a comparison goes on behind it."""
    apart = re.sub(r",\s*(?=[A-Za-z])", " ", text.strip())
    return re.split(r"(?<!\s)\s+(?=[A-Za-z])", re.sub(r"(?:(?<!\s)\s+)?([<>=!~]=?=?|,)\s*", r"\1", apart))


def _value(text: str, group: str, file: Path) -> Iterator[Said]:
    if named := re.match(r"\s*file:(.*)", text, re.DOTALL):
        yield from _files(re.split(r"[,\s]+", named[1].strip()), group, file)
    for one in text.splitlines():
        yield from of(one, group)


def _files(names: Iterable[str], group: str, file: Path) -> Iterator[Said]:
    for name in names:
        if (one := file.parent / name).is_file():
            yield from (in_group(in_place(said, one), group) for said in requirements.read(one))


# --- setup.py ---------------------------------------------------------------------------------------------------------


def setup_py(file: Path) -> Iterator[Said]:
    """What the call of `setup` asks for; where that is not to be seen, every text that requires a version of torch."""
    script = Script(parsed(decoded(content(file))), file)
    found = list(script.declared())
    if not any(said.is_required if isinstance(said, Unread) else said.name == "torch" for said in found):
        found += script.versions()
    yield from found


def _tables(function: ast.FunctionDef) -> Iterator[str]:
    """The tables in which a function looks something up by a name: `deps[package]`."""
    for node in ast.walk(function):
        match node:
            case ast.Subscript(value=ast.Name(id=table), slice=ast.Name()):
                yield table


def _together(between: str, parts: list[str | None]) -> str | None:
    """A text of its parts; None where not all are known, or they are longer than what anybody asks for."""
    known = [one for one in parts if one is not None]
    return between.join(filter(None, known)) if len(known) == len(parts) and sum(map(len, known)) < _LONG else None


class Script:
    """The names that a script gives to expressions, and what it passes to `setup`."""

    def __init__(self, tree: ast.Module, file: Path) -> None:
        self.tree, self.file = tree, file
        self.names: dict[str, list[ast.expr]] = defaultdict(list)
        self.untold: list[str] = []  # what is put together from parts of which not all can be told
        self.steps = 0
        self.functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        for node in ast.walk(tree):
            self._name(node)

    def _name(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(value=value):
                for target in node.targets:
                    match target:
                        case ast.Name(id=name):
                            self.names[name].append(value)
                        case ast.Subscript(value=ast.Name(id=name), slice=key):  # as much as a table with one key
                            self.names[name].append(ast.Dict([key], [value]))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self.names[name].append(value)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                self.names[name].append(value)
            case ast.withitem(context_expr=value, optional_vars=ast.Name(id=name)):
                self.names[name].append(value)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append" | "extend"), args=[value]):
                self.names[name].append(value)

    def declared(self) -> Iterator[Said]:
        """What `setup` is called with."""
        for key, value in self._keywords():
            if key in ("install_requires", "requires"):
                yield from self._said(value, "")
            elif key == "extras_require":
                yield from self._extras(value)
            elif key == "python_requires":
                for text in self.texts(value):
                    yield line("python", f'python_requires="{text}"', text)

    def versions(self) -> Iterator[Said]:
        """Every text with a version of torch, wherever it stands."""
        for node in ast.walk(self.tree):
            for text in self.texts(node) if isinstance(node, (ast.Constant, ast.JoinedStr)) else ():
                if re.match(r"torch\s*[<>=!~]", text):
                    yield from of(text)

    def _step(self) -> None:
        """One more expression is looked at. Raises Unreadable where names stand for names again and again."""
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise Unreadable("what it asks for is put together from too much")

    def _keywords(self) -> Iterator[tuple[str, ast.expr]]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "setup":
                for one in node.keywords:
                    if one.arg:
                        yield one.arg, one.value
                    else:
                        yield from self._items(one.value)

    def _items(self, node: ast.expr, depth: int = 0) -> Iterator[tuple[str, ast.expr]]:
        """Of what is unpacked as keywords, or is a table: the keys that are texts, with their values."""
        self._step()
        match node:
            case ast.Name(id=name) if depth < _DEEP:
                for value in self.names[name]:
                    yield from self._items(value, depth + 1)
            case ast.Dict():
                for key, value in zip(node.keys, node.values):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        yield key.value, value
            case ast.Call(func=ast.Name(id="dict")):
                yield from ((one.arg, one.value) for one in node.keywords if one.arg)
            case ast.Call(func=ast.Name(id=name)) if name in self.functions and depth < _DEEP:
                for one in ast.walk(self.functions[name]):
                    if isinstance(one, ast.Return) and one.value:
                        yield from self._items(one.value, depth + 1)

    def _extras(self, node: ast.expr) -> Iterator[Said]:
        items = list(self._items(node))
        for extra, value in items:
            yield from self._said(value, extra)
        if not items:
            yield from self._said(node, "extra")

    def _said(self, node: ast.expr, group: str) -> Iterator[Said]:
        self.untold.clear()
        for text in self.texts(node):
            if (one := self.file.parent / text).suffix in (".txt", ".in") and one.is_file():
                yield from _files([text], group, self.file)
            else:
                yield from of(text, group)
        for text in filter(_OF_TORCH.match, self.untold):
            yield Unread(f"{text} is put together as the script runs", is_required=not group)

    def texts(self, node: ast.AST, depth: int = 0) -> Iterator[str]:
        """The texts that an expression gives, as far as they can be told; the name of a file that it reads is one."""
        self._step()
        if depth > _DEEP:
            return
        match node:
            case ast.Constant(value=str(text)):
                yield from filter(None, map(str.strip, text.splitlines()))
            case (
                ast.JoinedStr()
                | ast.BinOp(op=ast.Add() | ast.Mod())
                | ast.Call(func=ast.Attribute(attr="format" | "join", value=ast.Constant()))
            ):
                yield from self._joined(node, depth)
            case ast.Name(id=name):
                for value in self.names[name]:
                    yield from self.texts(value, depth + 1)
            case ast.List() | ast.Tuple() | ast.Set():
                for one in node.elts:
                    yield from self.texts(one, depth + 1)
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key))):
                yield from self._member(name, key, depth)
            case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                yield from self._of_function(node, self.functions[name], depth)
            case ast.ListComp(generators=[one]) | ast.GeneratorExp(generators=[one]) | ast.DictComp(generators=[one]):
                yield from self.texts(one.iter, depth + 1)
            case ast.Call(func=ast.Attribute(value=value)) if not node.args:  # open("requirements.txt").read()
                yield from self.texts(value, depth + 1)
            case ast.Dict():
                for one in node.values:
                    yield from self.texts(one, depth + 1)
            case ast.expr():
                for one in ast.iter_child_nodes(node):
                    yield from self.texts(one, depth + 1)

    def _joined(self, node: ast.AST, depth: int) -> Iterator[str]:
        """What is put together from texts; lists that are added are those of both."""
        if isinstance(node, ast.BinOp) and self._text(node.left, depth + 1) is None:
            yield from self.texts(node.left, depth + 1)
            yield from self.texts(node.right, depth + 1)
        elif (text := self._text(node, depth)) is not None:
            yield text
        else:
            self.untold.append(ast.unparse(node))

    def _text(self, node: ast.AST, depth: int) -> str | None:
        """The one text that an expression is."""
        self._step()
        if depth > _DEEP:
            return None
        match node:
            case ast.Constant(value=value):
                return str(value) if isinstance(value, str | int | float) else None
            case ast.Name(id=name):
                return self._text(self.names[name][0], depth + 1) if len(self.names[name]) == 1 else None
            case ast.FormattedValue(value=value, format_spec=None):
                return self._text(value, depth + 1)
            case ast.JoinedStr(values=values):
                return self._all(values, depth)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._all([left, right], depth)
            case ast.BinOp(left=left, op=ast.Mod(), right=right):
                return self._filled(left, right.elts if isinstance(right, ast.Tuple) else [right], "%s", depth)
            case ast.Call(func=ast.Attribute(value=value, attr="format"), keywords=[]):
                return self._filled(value, node.args, "{}", depth)
            case ast.Call(
                func=ast.Attribute(value=ast.Constant(value=str(between)), attr="join"), args=[ast.List(elts)]
            ):
                return _together(between, [self._text(one, depth + 1) for one in elts])
        return None

    def _all(self, nodes: Iterable[ast.AST], depth: int) -> str | None:
        return _together("", [self._text(one, depth + 1) for one in nodes])

    def _filled(self, template: ast.expr, values: list[ast.expr], blank: str, depth: int) -> str | None:
        text, parts = self._text(template, depth + 1), [self._text(one, depth + 1) for one in values]
        between = text.split(blank) if text is not None else []
        if len(between) != len(parts) + 1:
            return None
        return _together("", [one for pair in zip_longest(between, parts, fillvalue="") for one in pair])

    def _member(self, name: str, key: str, depth: int) -> Iterator[str]:
        """What stands under a key of a table; of one that is made from texts, those that begin with it."""
        for value in self.names[name]:
            items = dict(self._items(value))
            if key in items:
                yield from self.texts(items[key], depth + 1)
            elif not items:
                texts = self.texts(value, depth + 1)
                yield from (text for text in texts if re.match(rf"{re.escape(key)}\b(?!-)", text))

    def _of_function(self, call: ast.Call, function: ast.FunctionDef, depth: int) -> Iterator[str]:
        """What a function of the script is given and returns; one that reads a file names it there or here."""
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        texts = [text for one in given for text in self.texts(one, depth + 1)]
        table = next(_tables(function), None)
        for text in texts:
            yield from self._member(table, text, depth) if table else [text]
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value and not isinstance(node.value, ast.Call):
                yield from self.texts(node.value, depth + 1)
            elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("open", "Path", "join"):
                yield from self.texts(node, depth + 1)
