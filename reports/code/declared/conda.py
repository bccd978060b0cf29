"""What conda's files ask for: environment.yml, meta.yaml, which is read line by line, and its versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from torchproof.releases import PAIRED
from torchproof.reports.code.declared import yaml
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
_LISTS = re.compile(r"(run|run_constrained|host|build)\s*:\s*(.*)")


def environment(file: Path) -> Iterator[Said]:
    """environment.yml: its dependencies, and those under pip as pip reads them."""
    text = text_of(file)
    if file.name == "meta.yaml" or re.search(r"(?m)^requirements:", text):
        yield from recipe(text)
        return
    try:
        document = yaml.read(text)
    except ValueError:
        if "torch" in text:
            raise
        return  # of another tool, perhaps
    listed = document.get("dependencies") if isinstance(document, dict) else None
    for one in listed if isinstance(listed, list) else ():
        inside = one.get("pip") if isinstance(one, dict) else [one]
        for text in inside if isinstance(inside, list) else ():
            within = "pip" if isinstance(one, dict) else "dependencies"
            yield from (
                (replace(said, line=text.line) for said in _item(text, within)) if isinstance(text, yaml.Text) else ()
            )


def recipe(text: str) -> Iterator[Said]:
    """meta.yaml, which is a template of YAML: the items of its lists of requirements, an item a line.

    A list that is written otherwise is told as not read.
    """
    within = ""
    for number, whole in enumerate(text.splitlines(), 1):
        text = re.sub(r"(^|\s)#.*", "", whole).rstrip()
        item = re.fullmatch(r"\s*-\s+(.*)", text)
        if key := re.fullmatch(r"\s*(?:-\s+)?" + _LISTS.pattern, text):
            within = key[1]
            said = _flow(key[2], within, number) if key[2] else ()
        else:
            said = _item(item[1], within) if item and within else ()
            within = within if item or not text.strip() else ""
        yield from (replace(one, line=number) for one in said)


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
