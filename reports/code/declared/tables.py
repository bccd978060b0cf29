"""TOML files: pyproject.toml as each of its tools reads it, Pipfile, pixi.toml, headers of scripts, and lock files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from torchproof.data import toml
from torchproof.reports.code.declared import conda, matrices, requirements
from torchproof.reports.code.declared.lines import (
    NAMES,
    Said,
    each,
    in_group,
    in_place,
    index,
    line,
    of,
    pinned,
    text_of,
)
from torchproof.reports.code.reading import content


def pyproject(file: Path) -> Iterator[Said]:
    """`[project]` and its groups, then what tools have of their own."""
    data = toml(text_of(file))
    yield from each(
        ("[project]", lambda: _project(data.get("project", {}))),
        ("[tool.setuptools]", lambda: _setuptools(_in(data, "setuptools").get("dynamic", {}), file)),
        ("[tool.hatch.metadata]", lambda: _files(_hook(_in(data, "hatch")).get("files", []), file)),
        ("[tool.flit]", lambda: _flit(_in(data, "flit").get("metadata", {}))),
        ("[tool.poetry]", lambda: _poetry(_in(data, "poetry"))),
        ("[tool.pixi]", lambda: _pixi(_in(data, "pixi"))),
        ("[dependency-groups]", lambda: _groups(data.get("dependency-groups", {}))),
        ("[tool.pdm]", lambda: _by_group(_in(data, "pdm").get("dev-dependencies", {}))),
        ("[[tool.pdm.source]]", lambda: _indexes(_in(data, "pdm").get("source", []))),
        ("[tool.hatch.envs]", lambda: _environments(_in(data, "hatch").get("envs", {}))),
        ("[tool.uv]", lambda: _uv(_in(data, "uv"))),
        ("[tool.tox]", lambda: (in_group(said, "tox") for said in matrices.tox(_in(data, "tox")))),
        ("[build-system]", lambda: _each(data.get("build-system", {}).get("requires", []), "build")),
    )


def _in(data: dict, tool: str) -> dict:
    return data.get("tool", {}).get(tool, {})


def _hook(hatch: dict) -> dict:
    return hatch.get("metadata", {}).get("hooks", {}).get("requirements_txt", {})


def _groups(groups: dict) -> Iterator[Said]:
    for name in groups:
        yield from _group(groups, name, set())


def _by_group(groups: dict) -> Iterator[Said]:
    for name, texts in groups.items():
        yield from _each(texts, name)


def _environments(environments: dict) -> Iterator[Said]:
    for name, environment in environments.items():
        yield from _each([*environment.get("dependencies", []), *environment.get("extra-dependencies", [])], name)


def _uv(uv: dict) -> Iterator[Said]:
    yield from _each(uv.get("constraint-dependencies", []), "")
    yield from _each(uv.get("dev-dependencies", []), "dev")
    yield from _sources(uv.get("sources", {}).get("torch", []))
    yield from _indexes_of_uv(uv.get("index", []), uv.get("sources", {}).get("torch", []))


def _indexes_of_uv(indexes: list[dict], sources: dict | list[dict]) -> Iterator[Said]:
    """The indexes of uv; torch is taken from none but that which its sources name, unless an extra or a group asks."""
    sources = [sources] if isinstance(sources, dict) else sources
    named = {one["index"] for one in sources if "index" in one and not {"extra", "group"} & one.keys()}
    for one in indexes:
        yield from index(one.get("url"), f'url = "{one.get("url")}"', one.get("name") in named)


def _indexes(sources: list[dict]) -> Iterator[Said]:
    """The sources of Poetry, PDM and Pipenv."""
    for one in sources:
        yield from index(one.get("url"), f'url = "{one.get("url")}"')


def _project(project: dict) -> Iterator[Said]:
    yield from _each(project.get("dependencies", []), "")
    yield from _by_group(project.get("optional-dependencies", {}))
    if python := project.get("requires-python"):
        yield line("python", f'requires-python = "{python}"', python)


def _each(texts: Iterable[object], group: str) -> Iterator[Said]:
    for text in texts:
        if isinstance(text, str):
            yield from of(text, group)


def _group(groups: dict, name: str, seen: set[str]) -> Iterator[Said]:
    """A dependency group, with those that it includes, each once."""
    others = () if name in seen else groups.get(name, [])
    seen.add(name)
    for one in others:
        if isinstance(one, str):
            yield from of(one, name)
        elif isinstance(one, dict) and "include-group" in one:
            yield from (in_group(said, name) for said in _group(groups, one["include-group"], seen))


def _setuptools(dynamic: dict, file: Path) -> Iterator[Said]:
    yield from _files(dynamic.get("dependencies", {}).get("file", []), file)
    for extra, source in dynamic.get("optional-dependencies", {}).items():
        yield from (in_group(said, extra) for said in _files(source.get("file", []), file))


def _files(names: str | list[str], file: Path) -> Iterator[Said]:
    for name in [names] if isinstance(names, str) else names:
        if (one := file.parent / name).is_file():
            yield from (in_place(said, one) for said in requirements.read(one))


def _flit(table: dict) -> Iterator[Said]:
    yield from _each(table.get("requires", []), "")
    yield from _by_group(table.get("requires-extra", {}))
    if python := table.get("requires-python"):
        yield line("python", f'requires-python = "{python}"', python)


def _sources(sources: dict | list[dict]) -> Iterator[Said]:
    """A wheel of torch by its URL."""
    for one in [sources] if isinstance(sources, dict) else sources:
        if url := one.get("url"):
            yield from of(f"torch @ {url}" + (f" ; {one['marker']}" if "marker" in one else ""))


# --- Poetry, Pipenv and pixi, which have a table of names and versions ------------------------------------------------


def _poetry(table: dict) -> Iterator[Said]:
    named = [(package, extra) for extra, packages in table.get("extras", {}).items() for package in packages]
    extras = dict(reversed(named))  # of several, the first
    yield from _table(table.get("dependencies", {}), "", _poetry_versions, extras)
    yield from _table(table.get("dev-dependencies", {}), "dev", _poetry_versions)
    for name, group in table.get("group", {}).items():
        yield from _table(group.get("dependencies", {}), name, _poetry_versions)
    yield from _indexes(table.get("source", []))


def pipfile(file: Path) -> Iterator[Said]:
    """Pipfile: packages, those for development, and the Python."""
    data = toml(text_of(file))
    yield from _table(data.get("packages", {}), "", str)
    yield from _table(data.get("dev-packages", {}), "dev", str)
    yield from _indexes(data.get("source", []))
    if python := data.get("requires", {}).get("python_version"):
        yield line("python", f'python_version = "{python}"', f"=={python}.*")


def pixi(file: Path) -> Iterator[Said]:
    """pixi.toml."""
    yield from _pixi(toml(text_of(file)))


def _pixi(table: dict, group: str = "") -> Iterator[Said]:
    for name, version in table.get("dependencies", {}).items():
        version = version.get("version", "*") if isinstance(version, dict) else version
        yield from conda.package(name, "" if version == "*" else version, group)
    if cuda := table.get("system-requirements", {}).get("cuda"):
        yield line("cudatoolkit", f'system-requirements: cuda = "{cuda}"', f"=={cuda}.*", group=group)
    for system in table.get("workspace", table.get("project", {})).get("platforms", []):
        yield line("system", str(system), "")
    yield from _table(table.get("pypi-dependencies", {}), group, str)
    options = table.get("pypi-options", {})
    for url in [options.get("index-url"), *options.get("extra-index-urls", [])]:
        yield from index(url, f'"{url}"')
    for target in table.get("target", {}).values():
        yield from _pixi(target, group)
    for name, feature in table.get("feature", {}).items():
        yield from _pixi(feature, group or name)


def _table(
    table: dict, group: str, versions: Callable[[str], str], extras: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Said]:
    """A table of names; a value is a version, a table with one and more, or a list of those.

    `extras` has the extra that asks for what is optional.
    """
    for name, value in table.items():
        if name.lower() not in NAMES:
            continue
        for one in value if isinstance(value, list) else [value]:
            entry = one if isinstance(one, dict) else {"version": one}
            asking = extras.get(name, "optional") if entry.get("optional") else ""
            yield from _entry(name.lower(), entry, group or asking, versions)


def _entry(name: str, entry: dict, group: str, versions: Callable[[str], str]) -> Iterator[Said]:
    marker = " and ".join(filter(None, _markers(entry)))
    if url := entry.get("url") or entry.get("file") or entry.get("path"):
        yield from of(f"{name} @ {url}" + (f" ; {marker}" if marker else ""), group)
    elif "git" in entry:
        yield from of(f"{name} @ git+{entry['git']}@{entry.get('tag') or entry.get('rev') or ''}", group)
    else:
        version = str(entry.get("version", "*"))
        text = f'{name} = "{version}"'
        specifiers = "" if version == "*" else versions(version)
        yield line(name, f"{text}; {marker}" if marker else text, specifiers, marker, group)


def _markers(entry: dict) -> Iterator[str]:
    yield entry.get("markers", "")
    if platform := entry.get("platform"):
        yield f'sys_platform == "{platform}"'
    for name in ("sys_platform", "platform_machine", "python_version", "os_name", "platform_system"):  # of a Pipfile
        if name in entry:
            yield f"{name} {entry[name]}"
    if "python" in entry:
        each = [_python_marker(one) for one in _poetry_versions(str(entry["python"])).split("||")]
        yield f"({' or '.join(each)})" if all(each) else ""


def _python_marker(specifiers: str) -> str:
    return " and ".join(re.findall(r"[^,]+", re.sub(r"([<>=!~]+)\s*([^,]+)", r'python_version \1 "\2"', specifiers)))


def _poetry_versions(text: str) -> str:
    """What Poetry calls a constraint, as specifiers, with `||` between alternatives."""
    return "||".join(
        ",".join(
            filter(None, map(_poetry_version, re.split(r"(?:(?<!\s)\s+)?,\s*|(?<!\s)\s+(?=[<>=!~^])", one.strip())))
        )
        for one in re.split(r"(?:(?<!\s)\s+)?\|\|?\s*", text)
    )


def _poetry_version(text: str) -> str:
    text = text.replace(" ", "")
    if text in ("*", ""):
        return ""
    if not (found := re.fullmatch(r"(\^|~(?!=))(\d+(?:\.\d+)*)(.*)", text)):
        return text if re.match(r"[<>=!~]", text) and not re.match(r"=\d", text) else f"=={text.lstrip('=')}"
    sign, version, rest = found.groups()
    numbers = [int(one) for one in version.split(".")]
    if sign == "^":
        place = next((place for place, one in enumerate(numbers) if one), len(numbers) - 1)
    else:
        place = min(1, len(numbers) - 1)
    end = [*numbers[:place], numbers[place] + 1]
    return f">={version}{rest},<{'.'.join(map(str, end))}"


# --- headers of scripts, and lock files -------------------------------------------------------------------------------


def script(file: Path) -> Iterator[Said]:
    """The block of a script that tools read before they run it."""
    block = re.search(rb"^# /// script\s*\n((?:#(?: .*)?\r?\n)+?)# ///\s*$", content(file), re.MULTILINE)
    if block:
        data = toml(re.sub(r"^# ?", "", block[1].decode("utf-8"), flags=re.MULTILINE))
        yield from _each(data.get("dependencies", []), "")
        if python := data.get("requires-python"):
            yield line("python", f'requires-python = "{python}"', python)


def lock(file: Path) -> Iterator[Said]:
    """poetry.lock, uv.lock, pdm.lock and pylock.toml: one version of each package, or several by environment."""
    data = toml(text_of(file))
    packages = data.get("package", data.get("packages", []))
    for name in NAMES:
        yield from pinned(name, (one["version"] for one in packages if one.get("name") == name and "version" in one))


def pipfile_lock(file: Path) -> Iterator[Said]:
    """Pipfile.lock."""
    data = json.loads(text_of(file))
    for group, name in (("", "default"), ("dev", "develop")):
        yield from _table(data.get(name, {}), group, str)
