"""Dockerfiles: the image that one begins from, and what it installs with pip or conda."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from torchproof.reports.code.declared import conda, requirements
from torchproof.reports.code.declared.lines import Line, Said, Unread, gpus, indexes, line, of, text_of

_TAG = re.compile(r"(?:docker\.io/)?(?:pytorch/pytorch|pytorch/torchserve)(?::([^@\s]+))?(?:@\S+)?", re.IGNORECASE)
_FROM = re.compile(r"(?:--\S+\s+)?(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)
_PYTHON = re.compile(r"(?:docker\.io/)?(?:library/)?python:(\d+\.\d+)")
_INSTALL = re.compile(r"(?:^|[/\s])(pip3?|conda|mamba|micromamba)(?:\s+-\S+)*\s+install\s+(.*)")
_REQUIREMENTS = re.compile(r"(?:-r|--requirement)[ =]+(\S+\.(?:txt|in))")
_WITH_VALUE = ("-r", "-c", "-i", "-f", "-t", "-n", "--index-url", "--extra-index-url", "--find-links", "--target")


def read(file: Path) -> Iterator[Said]:
    """What is installed counts before what the image brings."""
    text = re.sub(r"\\[ \t]*\r?\n", " ", re.sub(r"(?m)^[ \t]*#.*\n", "", text_of(file)))
    values: dict[str, str] = dict(re.findall(r"(?m)^[ \t]*(?:ARG|ENV)[ \t]+(\w+)[= ][\"']?([^\s\"']+)", text))
    text = re.sub(r"\$\{?(\w+)(?::-([^}]*))?\}?", lambda found: values.get(found[1], found[2] or found[0]), text)
    installed = list(_stages(text, file.parent))
    if not any(_is_torch(said) for said in installed):
        yield from _images(text)
    yield from installed
    yield from gpus(text)


def _is_torch(said: Said) -> bool:
    return isinstance(said, Line) and said.name == "torch"


def _stages(text: str, folder: Path) -> Iterator[Said]:
    """What is installed, and the Python of the image into which torch is, by itself or by a file of requirements."""
    image, named = "", {}
    for keyword, rest in re.findall(r"(?mi)^[ \t]*(FROM|RUN)[ \t]+(.*)", text):
        if keyword.upper() == "FROM" and (found := _FROM.match(rest)):
            image = named.get(found[1], found[1])
            named[found[2]] = image
            continue
        said = list(installed(rest))
        yield from said
        if python := _PYTHON.match(image):
            files = (folder / one for one in _REQUIREMENTS.findall(rest))
            listed = (one for file in files if file.is_file() for one in requirements.read(file))
            if any(map(_is_torch, said)):
                yield line("image", f"FROM {image}", f"=={python[1]}.*")
            elif any(map(_is_torch, listed)):
                yield line("environment", f"FROM {image}", f"=={python[1]}.*")


def _images(text: str) -> Iterator[Said]:
    for name in re.findall(r"(?mi)^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)?(\S+)", text):
        yield from image(name, f"FROM {name}")


def image(name: str, text: str = "") -> Iterator[Said]:
    """The torch that an image brings, if it is one for that."""
    text = text or f"image {name}"
    if found := _TAG.fullmatch(name):
        version = re.match(r"\d+\.\d+(\.\d+)?", found[1] or "")
        if version:
            yield line("torch", text, f"=={version[0]}" + ("" if version[1] else ".*"))
        else:
            yield Unread(f"{text} does not say which release of torch it has")
    elif re.search(r"nvidia/pytorch", name):
        yield Unread(f"{text} has a build of its vendor's, which says no release")


def installed(command: str) -> Iterator[Said]:
    """What a line of a shell installs with pip or conda."""
    for one in re.split(r"&&|\|\||;|\|", command):
        if found := _INSTALL.search(one.strip()):
            try:
                words = iter(shlex.split(found[2]))
            except ValueError:
                continue
            yield from indexes(found[2]) if re.search(r"\btorch\b", found[2]) else ()
            for word in words:
                if word in _WITH_VALUE:
                    next(words, "")
                elif not word.startswith("-"):
                    yield from of(word) if found[1].startswith("pip") else conda.spec(word)
