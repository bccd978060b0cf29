"""What conda's files ask for: environment.yml and meta.yaml, whose lists are read line by line, and its versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from torchproof.releases import PAIRED
from torchproof.reports.code.declared.lines import Line, Said, Unread, line, of, pinned, text_of

# What conda calls torch. The name of a build for a CUDA (pytorch-cuda) is none of them.
_NAMES = {**dict.fromkeys(("pytorch", "pytorch-cpu", "pytorch-gpu"), "torch"), **{one: one for one in PAIRED}}
# What an environment holds beside it. Recipes have selectors behind such lines, which are not read.
_BESIDE = {
    **{"numpy": "numpy", "python": "environment", "pytorch-cuda": "pytorch-cuda"},
    **dict.fromkeys(("cudatoolkit", "cuda-toolkit", "cuda-version"), "cudatoolkit"),
}
# The file of a package, as conda or an index has it, by its URL.
_FILE = re.compile(r"/([a-z-]+)-(\d[^-/]*)-[^/\s]+\.(?:conda|tar\.bz2|whl)\b")
_LISTS = re.compile(r"(dependencies|run|run_constrained|host|build|pip)\s*:\s*(.*)")


def environment(file: Path) -> Iterator[Said]:
    """environment.yml, or a recipe: the items of its lists of dependencies, an item a line, those under pip: as pip's.

    Of YAML nothing else is needed, and a list that is written otherwise is told as not read.
    """
    pip_at: int | None = None  # how far the word pip: is in
    within = ""
    for number, whole in enumerate(text_of(file).splitlines(), 1):
        text = re.sub(r"(^|\s)#.*", "", whole).rstrip()
        if not text.strip():
            continue
        indent = len(text) - len(text.lstrip())
        item = re.fullmatch(r"\s*-\s+(.*)", text)
        if pip_at is not None and indent <= pip_at:
            pip_at = None
        if key := re.fullmatch(r"\s*(?:-\s+)?" + _LISTS.pattern, text):
            within, pip_at = key[1], indent if key[1] == "pip" else pip_at
            if key[2]:
                yield from _flow(key[2], key[1], number)
        elif item and within:
            yield from _item(item[1], "pip" if pip_at is not None else within)
        elif not item:
            within = ""


def _item(text: str, within: str) -> Iterator[Said]:
    text = text.strip().strip("'\"")
    if "{{" in text:
        if re.match(r"(pytorch|torch)\b", text):
            yield Unread(f"{text} is written by a template")
    elif within == "pip":
        yield from of(text)
    else:
        yield from (one for one in spec(text) if within == "dependencies" or not _is_beside(one))


def _is_beside(said: Said) -> bool:
    return isinstance(said, Line) and said.name in _BESIDE.values()


def _flow(text: str, within: str, number: int) -> Iterator[Said]:
    """A list in brackets on one line."""
    if inside := re.fullmatch(r"\[(.*)\]", text):
        for one in inside[1].split(","):
            yield from _item(one, within)
    elif "torch" in text or text.startswith("["):
        yield Unread(f"its line {number}: a list that is not written an item a line")


def spec(text: str) -> Iterator[Said]:
    """A package as conda writes it: `pytorch=2.0.1`, `pytorch::pytorch>=2.1`, `pytorch 2.0.* *cuda*`."""
    found = re.fullmatch(r"(?:\S+::)?([A-Za-z0-9_.-]+)\s*(?:\[version=['\"]?([^'\"\]]*)['\"]?[^\]]*\]|(.*))", text)
    if found:
        yield from package(found[1], (found[2] or found[3] or "").strip(), text=text)


def package(name: str, version: str, group: str = "", text: str = "") -> Iterator[Said]:
    """A package of conda, and what its version asks for, with `|` between alternatives."""
    if named := (_NAMES | _BESIDE).get(name.lower()):
        specifiers = "||".join(_specifiers(one.strip()) for one in version.split("|"))
        yield line(named, text or f"{name} {version}".strip(), specifiers, group=group)


def _specifiers(version: str) -> str:
    """What conda asks for as Python's specifiers: `=2.0` and `2.0` with a build begin so, `==2.0` is exactly that."""
    version = re.sub(r"(?<=[<>=!~,])\s+|(?<!\s)\s+(?=[,<>!~])", "", version)
    parts = re.split(r"\s+|(?<=[\w*.])=", version, maxsplit=1)  # behind the version may stand a build
    return ",".join(map(_specifier, filter(None, parts[0].split(","))))


def _specifier(one: str) -> str:
    if one == "*":
        return ""
    if re.match(r"==|[<>!~]", one):
        return one if not one.startswith((">", "<")) else one.replace(".*", "")
    version = one.lstrip("=").rstrip("*").rstrip(".")
    return f"=={version}.*" if one.startswith("=") or one.endswith("*") else f"=={version}"


def lock(file: Path) -> Iterator[Said]:
    """The lock files of conda-lock and pixi, and lists of explicit packages, by the URLs of what they install."""
    found: dict[str, list[str]] = {}
    for name, version in _FILE.findall(unquote(text_of(file))):
        found.setdefault(_NAMES.get(name) or name, []).append(version)
    for name in ("torch", *PAIRED, "numpy"):
        yield from pinned(name, found.get(name, []))
