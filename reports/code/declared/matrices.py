"""What a project is tested with: the environments of tox and nox, jobs of pipelines, and what notebooks install.

The versions of torch in such a file are for one environment each: any of them may be there. Nothing of them runs.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import islice, product
from pathlib import Path

from torchproof.data import toml
from torchproof.releases import PAIRED, supported
from torchproof.reports.code.declared import conda, docker, yaml
from torchproof.reports.code.declared.lines import (  # fmt: skip
    Line,
    Said,
    Unread,
    Versions,
    gpus,
    of,
    only,
    reaches_above,
    text_of,
)
from torchproof.reports.code.declared.setups import Script
from torchproof.reports.code.notebooks import sources
from torchproof.reports.code.reading import content, decoded, parsed
from torchproof.reports.releases import platforms

_MOST = 1_000  # environments of one matrix
_FACTORS = re.compile(r"[\w!,{}.-]+:\s+")  # of tox: the environments that a line of dependencies is for
_DEFAULT = re.compile(r"\{env:\w+:([^{}]*)\}")
_INSTALLS = ("install", "conda_install", "run", "run_install", "run_always")
_DEEP, _LONG = 5, 10_000  # values that stand for values, and characters of a command
_SHORT = 200  # of a value that a name stands for
# What stands for a value: in the words of GitHub, CircleCI, Azure and a shell; and a word that has one.
_FILLED = re.compile(
    r"\$\{\{\s*(?:matrix|env|inputs|variables|parameters)\.(?:[\w-]+\.)*([\w-]+)\s*\}\}"
    r"|<<\s*(?:matrix|parameters)\.([\w-]+)\s*>>|\$\(([\w.-]+)\)|\$\{?([A-Z]\w*)\}?"
)
_UNFILLED = re.compile(r"[^\s$]*\$(?:\{\{.*?\}\}|\(.*?\)|\{?\w+\}?)\S*|\S*<<.*?>>\S*")
_RUNNING = frozenset({"steps", "script", "run", "bash", "command", "image", "container"})
_CONDITIONS = frozenset({"if", "condition", "rules", "only", "except", "when"})
_IMAGES = ("image", "container")
_PYTHONS = ("python-version", "python_version", "versionSpec")
# A script that asks, or takes from elsewhere, may not install what stands in it, or take wheels of no release.
_IS_OPEN = re.compile(r"(?m)^\s*(?:if|case|for|while)\b|--pre\b|nightly|conda|mamba|\|\|")


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
        first = next(iter(lines.values()))
        yield Line(name, " or ".join(lines), Versions((alternatives,)), line=first.line)


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


# --- pipelines --------------------------------------------------------------------------------------------------------


def pipeline(file: Path) -> Iterator[Said]:
    """A pipeline of GitHub, GitLab, Azure or CircleCI, or a compose file: what its jobs install, and in which images.

    Each with the values of its matrix and of its environment, as far as these are known.
    """
    text = text_of(file)
    if "torch" not in text and "TORCH" not in text:  # of most, and to read YAML takes its time
        return
    document = yaml.read(text)
    values = _values(document)
    said = dict.fromkeys(said for job in _jobs(document) for said in _of_job(job, values))
    yield from together(said)
    yield from (one for one in said if isinstance(one, Line) and one.name in ("cell", "tested"))
    yield from gpus(text)


def _jobs(value: object) -> Iterator[dict]:
    """The parts of a document in which something runs, none in another."""
    if isinstance(value, dict) and value.keys() & _RUNNING:
        yield value
    elif isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _jobs(one)


def _of_job(job: dict, values: dict[str, list[str]]) -> Iterator[Said]:
    """What a job says in each environment of its matrix."""
    images = [text for key, text in yaml.texts(job) if key in _IMAGES]
    commands = [one for key, text in yaml.texts(job) if key not in _IMAGES for one in _commands(text)]
    sure = None if job.keys() & _CONDITIONS else _Sure(job)
    for cell in islice(_cells(job), _MOST):
        here = {**values, **{name: [one] for name, one in cell.items()}}
        for text in images:
            for image in islice(_filled(text, here), _MOST):
                yield from (replace(said, line=text.line) for said in docker.image(image))
        for line, command in commands:
            for one in islice(_filled(command, here), _MOST):
                yield from (replace(said, line=line) for said in _installed(one))
        yield from sure.environments(here) if sure else ()


@lru_cache(maxsize=1 << 12)
def _installed(command: str) -> tuple[Said, ...]:
    """What a command installs, and what of it is not known before it runs."""
    unknown = (word for word in _UNFILLED.findall(command) if re.match(r"['\"]?torch(?![\w-])", word))
    return (
        *(Unread(f"{word} is put together as the workflow runs") for word in unknown),
        *docker.installed(_UNFILLED.sub("", command)),
    )


def _commands(text: yaml.Text) -> Iterator[tuple[int, str]]:
    """The commands of a script that install something, each with its line."""
    script = re.sub(r"(?m)(^|[ \t])#.*$", "", text)
    script = re.sub(r"\\\n", lambda _: " \0", script)  # which keeps the count of lines
    line = text.line
    for command in script.split("\n"):
        if len(command) < _LONG and "install" in command and ("torch" in command or "$" in command):
            yield line, command.replace("\0", "")
        line += 1 + command.count("\0")


def _cells(job: dict) -> Iterator[dict[str, str]]:
    """The values that names have in each environment of a job's matrix; one without any where it has none."""
    strategy, parallel = job.get("strategy"), job.get("parallel")
    matrix = strategy.get("matrix") if isinstance(strategy, dict) else None
    rows = parallel.get("matrix") if isinstance(parallel, dict) else None  # of GitLab
    if isinstance(rows, list):
        for row in rows:
            yield from _product(row) if isinstance(row, dict) else ()
    elif not isinstance(matrix, dict):
        yield {}
    elif matrix and all(isinstance(one, dict) for one in matrix.values()):  # of Azure: by the name of the environment
        yield from map(_scalars, matrix.values())
    else:
        yield from _included(matrix)


def _product(axes: dict) -> Iterator[dict[str, str]]:
    lists = [value if isinstance(value, list) else [value] for value in axes.values()]
    for values in product(*lists):
        yield _scalars(dict(zip(axes, values)))


def _included(matrix: dict) -> Iterator[dict[str, str]]:
    """Of GitHub: the product of the lists without what is excluded, and with what is included beside it."""
    axes = {name: value for name, value in matrix.items() if name not in ("include", "exclude")}
    excluded, included = ([_scalars(one) for one in _dicts(matrix.get(name))] for name in ("exclude", "include"))
    some = islice(_product(axes), _MOST) if axes else ()
    cells = [one for one in some if not any(out.items() <= one.items() for out in excluded)]
    beside = []
    for extra in included:
        mine = {name: value for name, value in extra.items() if name in axes}
        fitting = [one for one in cells if mine.items() <= one.items()]
        for one in fitting:
            one.update(extra)
        beside += [] if fitting else [extra]
    yield from [*cells, *beside] or [{}]


def _dicts(value: object) -> list[dict]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _scalars(value: dict) -> dict[str, str]:
    """The scalars below a value by their own names."""
    return {key: str(text) for key, text in yaml.texts(value)}


def _values(document: object) -> dict[str, list[str]]:
    """All that keys of a document have, for names that no matrix has."""
    found: dict[str, list[str]] = defaultdict(list)
    for key, text in yaml.texts(document):
        if len(text) < _SHORT:
            found[key].append(str(text))
    return {key: list(dict.fromkeys(some)) for key, some in found.items()}


def _filled(command: str, values: dict[str, list[str]], depth: int = 0) -> Iterator[str]:
    """A command with what stands for its variables in each environment, as far as that is known."""
    names = {one for found in _FILLED.findall(command) for one in found if values.get(one)}
    if not names or depth > _DEEP:
        yield command
        return
    for some in product(*(values[name] for name in names)):
        mine = dict(zip(names, some))
        filled = _FILLED.sub(lambda found: mine.get(next(filter(None, found.groups())), found[0]), command)  # noqa: B023 - called at once
        yield from _filled(filled, values, depth + 1)


# --- the environments of a job -------------------------------------------------------------------------


class _Sure:
    """What a job installs without a condition, and the Python that it does so with."""

    def __init__(self, job: dict) -> None:
        steps = [one for one in _dicts(job.get("steps")) if not one.keys() & _CONDITIONS]
        texts = [*yaml.texts({**job, "steps": steps, "strategy": {}, "parallel": {}})]
        self.pythons = [(key, text) for key, text in texts if key in _IMAGES or key in _PYTHONS]
        self.commands = [one for _, text in texts if not _IS_OPEN.search(text) for one in _commands(text)]

    def environments(self, values: dict[str, list[str]]) -> Iterator[Line]:
        """The one Python of an environment that installs torch, and with each torch that has no wheels for it."""
        named = {_python(key, one) for key, text in self.pythons for one in islice(_filled(text, values), 2)} - {""}
        python = named.pop() if len(named) == 1 else ""
        for line, command in self.commands if python else ():
            for said in (one for filled in islice(_filled(command, values), 2) for one in _installed(filled)):
                if isinstance(said, Line) and said.name == "torch":
                    yield Line("tested", f"Python {python}", only(python), line=line)
                    if _lacks(said, python):
                        yield Line("cell", f"Python {python} with {said.text}", said.specifiers, line=line)


def _python(key: str, text: str) -> str:
    """The Python that a scalar asks for."""
    if key in _PYTHONS and re.fullmatch(r"3\.\d+(\.\d+)?", text):
        return ".".join(text.split(".")[:2])
    image = re.match(r"(?:\S+/)?python:(3\.\d+)", text) if key in _IMAGES else None
    return image[1] if image else ""


def _lacks(said: Line, python: str) -> bool:
    """Whether all releases that a line allows are known, and none has wheels for a Python."""
    known = [version for version in platforms.wheels() if said.allows(version)]
    return (
        bool(known)
        and not reaches_above([said], list(supported())[-1])
        and not any(platforms.wheels()[one].has(python) for one in known)
    )


# --- notebooks --------------------------------------------------------------------------------------------------------


def notebook(file: Path) -> Iterator[Said]:
    """What the cells of a notebook install: `!pip install torch==2.2`, `%pip install torch==2.2`."""
    joined = (source.replace("\\\n", " ") for source in sources(json.loads(text_of(file))))
    commands = (line.strip() for source in joined for line in source.splitlines())
    yield from together(said for one in commands if one[:1] in ("!", "%") for said in docker.installed(one[1:]))
