"""What a project is tested with: the environments of tox, nox and GitHub's workflows, and what notebooks install.

The versions of torch in such a file are for one environment each: any of them may be there. Nothing of them runs.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice, product
from pathlib import Path

from torchproof.data import toml
from torchproof.releases import PAIRED
from torchproof.reports.code.declared import conda, docker
from torchproof.reports.code.declared.lines import Line, Said, Unread, Versions, gpus, of, text_of
from torchproof.reports.code.declared.setups import Script
from torchproof.reports.code.notebooks import sources
from torchproof.reports.code.reading import content, decoded, parsed

_MOST = 1_000  # environments of one matrix
_FACTORS = re.compile(r"[\w!,{}.-]+:\s+")  # of tox: the environments that a line of dependencies is for
_DEFAULT = re.compile(r"\{env:\w+:([^{}]*)\}")
_INSTALLS = ("install", "conda_install", "run", "run_install", "run_always")
_DEEP, _LONG = 5, 10_000  # values that stand for values, and characters of a command
# In a workflow: what stands for a value, in GitHub's words and a shell's, and a word that has one.
_FILLED = re.compile(r"\$\{\{\s*(?:matrix|env|inputs)\.(?:[\w-]+\.)*([\w-]+)\s*\}\}|\$\{?([A-Z]\w*)\}?")
_UNFILLED = re.compile(r"[^\s$]*\$(?:\{\{.*?\}\}|\(.*?\)|\{?\w+\}?)\S*")
_PAIR = re.compile(
    r"""(?<![\w.$-])["']?([\w-]+)["']?:[ \t]+(\[[^\]]*\]|"[^"]*"|'[^']*'|\$\{\{.*?\}\}|[^\s,{}\[\]#&*|>][^,{}#\n]*)"""
)
_LIST = re.compile(r"""(?m)^[ \t]*(?:-[ \t]+)?["']?([\w-]+)["']?:[ \t]*\n((?:[ \t]*-[ \t]+[^:\n]+(?:\n|\Z))+)""")


def together(said: Iterable[Said]) -> Iterator[Said]:
    """The lines with a version as one for each package, with what the others say; without one, the newest is taken."""
    pinned: dict[str, dict[str, Line]] = defaultdict(dict)
    for one in said:
        if isinstance(one, Line) and one.name in ("torch", *PAIRED):
            if one.specifiers:
                pinned[one.name].setdefault(one.text, one)
        elif isinstance(one, Unread) or one.name == "cuda":
            yield one
    for name, lines in pinned.items():
        alternatives = tuple(one for line in lines.values() for either in line.specifiers.every for one in either)
        yield Line(name, " or ".join(lines), Versions((alternatives,)))


# --- tox --------------------------------------------------------------------------------------------------------------


def tox_ini(file: Path) -> Iterator[Said]:
    """tox.ini."""
    yield from _of_ini(text_of(file))


def _of_ini(text: str) -> Iterator[Said]:
    """The dependencies of all environments."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    named = [section for section in parser.sections() if re.match(r"testenv\b|env:|env_run_base$", section)]
    yield from together(_of_tox(text for one in named for text in parser.get(one, "deps", fallback="").splitlines()))


def tox_toml(file: Path) -> Iterator[Said]:
    """tox.toml."""
    yield from tox(toml(text_of(file)))


def tox(table: dict) -> Iterator[Said]:
    """tox's table in TOML, which may have a text that is a tox.ini."""
    yield from _of_ini(table.get("legacy_tox_ini", ""))
    environments = [table.get("env_run_base", {}), *table.get("env", {}).values()]
    texts = [text for one in environments for text in one.get("deps", []) if isinstance(text, str)]
    yield from together(_of_tox(texts))


def _of_tox(texts: Iterable[str]) -> Iterator[Said]:
    for text in texts:
        requirement = _DEFAULT.sub(r"\1", _FACTORS.sub("", text.strip(), count=1))
        if "{" not in requirement:
            yield from of(requirement)


# --- nox --------------------------------------------------------------------------------------------------------------


def noxfile(file: Path) -> Iterator[Said]:
    """noxfile.py: what its sessions install, with each of their parameters."""
    yield from together(_of_sessions(Script(parsed(decoded(content(file))), file)))


def _of_sessions(script: Script) -> Iterator[Said]:
    for function in script.functions.values():
        calls = [
            node
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _INSTALLS
        ]
        for given in islice(_parameters(function, script), _MOST):
            script.names.update(given)
            for call in calls:
                is_conda = isinstance(call.func, ast.Attribute) and call.func.attr == "conda_install"
                for text in (text for one in call.args for text in script.texts(one)):
                    yield from conda.spec(text) if is_conda else of(text)


def _parameters(function: ast.FunctionDef, script: Script) -> Iterator[dict[str, list[ast.expr]]]:
    """What the parameters of a session are, in each of the environments that are made of them."""
    sets: list[list[dict[str, list[ast.expr]]]] = []
    for decorator in function.decorator_list:
        match decorator:
            case ast.Call(func=ast.Attribute(attr="parametrize"), args=[names, values, *_]):
                split = [name for text in script.texts(names) for name in re.split(r",\s*", text)]
                some = [dict(zip(split, _each_of(one, len(split)))) for one in _elements(values, script)]
                sets.append(some or [{}])
    for some in product(*sets):
        yield {name: values for one in some for name, values in one.items()}


def _elements(node: ast.expr, script: Script) -> list[ast.expr]:
    if isinstance(node, ast.Name):
        return [one for value in script.names[node.id] for one in _elements(value, script) if value is not node]
    return node.elts if isinstance(node, (ast.List, ast.Tuple)) else []


def _each_of(value: ast.expr, names: int) -> list[list[ast.expr]]:
    """What each of some names is: a value for one name, or a tuple of them, which nox.param may stand around."""
    if isinstance(value, ast.Call):  # nox.param("2.1", "0.16", id="old")
        return [[one] for one in value.args]
    return [[one] for one in value.elts] if names > 1 and isinstance(value, (ast.List, ast.Tuple)) else [[value]]


# --- GitHub's workflows -----------------------------------------------------------------------------------------------


def workflow(file: Path) -> Iterator[Said]:
    """A workflow: what its steps install, with each value of its matrices and of its environment.

    Of YAML only scalars, and lists of them, are read, by their keys wherever these stand.
    """
    text = re.sub(r"(?m)(^|[ \t])#.*$", "", text_of(file)).replace("\\\n", " ")
    yield from together(_of_steps(text, _values(text)))
    yield from gpus(text)


def _of_steps(text: str, values: dict[str, list[str]]) -> Iterator[Said]:
    for step in text.splitlines():
        command = re.sub(r"^\s*(?:-\s+)?run:\s+(['\"]?)(.*)\1$", r"\2", step)
        if len(command) < _LONG and "install" in command and ("torch" in command or "$" in command):
            for one in islice(_filled(command, values), _MOST):
                for word in _UNFILLED.findall(one):
                    if re.match(r"['\"]?torch(?![\w-])", word):
                        yield Unread(f"{word} is put together as the workflow runs")
                yield from docker.installed(_UNFILLED.sub("", one))


def _filled(command: str, values: dict[str, list[str]], depth: int = 0) -> Iterator[str]:
    """A command with what stands for its variables in each environment, as far as that is known."""
    names = {one for found in _FILLED.findall(command) for one in found if values.get(one)}
    if not names or depth > _DEEP:
        yield command
        return
    for some in product(*(values[name] for name in names)):
        mine = dict(zip(names, some))
        filled = _FILLED.sub(lambda found: mine.get(found[1] or found[2], found[0]), command)  # noqa: B023 - called at once
        yield from _filled(filled, values, depth + 1)


def _values(text: str) -> dict[str, list[str]]:
    """The scalars that keys have, alone or in lists."""
    found: dict[str, list[str]] = defaultdict(list)
    for key, value in _PAIR.findall(text):
        inside = value[1:-1].split(",") if value.startswith("[") else [value]
        found[key] += map(_scalar, filter(str.strip, inside))
    for key, items in _LIST.findall(text):
        found[key] += [_scalar(one.partition("- ")[2]) for one in items.splitlines()]
    return {key: list(dict.fromkeys(some)) for key, some in found.items()}


def _scalar(text: str) -> str:
    """A scalar as YAML reads it: without quotes, 2.10 is the number 2.1."""
    text = text.strip()
    return str(float(text)) if re.fullmatch(r"\d+\.\d+", text) else text.strip("'\"")


# --- notebooks --------------------------------------------------------------------------------------------------------


def notebook(file: Path) -> Iterator[Said]:
    """What the cells of a notebook install: `!pip install torch==2.2`, `%pip install torch==2.2`."""
    joined = (source.replace("\\\n", " ") for source in sources(json.loads(text_of(file))))
    commands = (line.strip() for source in joined for line in source.splitlines())
    yield from together(said for one in commands if one[:1] in ("!", "%") for said in docker.installed(one[1:]))
