"""What a project's own metadata says about the torch that it needs."""

from __future__ import annotations

import ast
import configparser
import email.parser
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from torchproof.reports.code.versions import newest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Declared:
    """A requirement of torch and the file that has it."""

    text: str
    file: str

    def lowest(self, releases: tuple[str, ...]) -> str:
        """The lowest of the releases that it allows in any patch; the newest where it allows none."""
        specifier = Requirement(self.text).specifier
        for release in releases:
            patches = range(int(newest(release).split(".")[2]) + 1)
            if any(specifier.contains(f"{release}.{patch}", prereleases=True) for patch in patches):
                return release
        return releases[-1]


def declared(path: Path) -> Declared | None:
    """What the metadata nearest to `path` requires of torch: in its folder, above it, or beside an installed package.

    What is required always comes before what an extra requires.
    """
    path = path.resolve()
    for folder in [*([path] if path.is_dir() else []), *path.parents]:
        for file in _files(folder, path):
            try:
                found = [one for text in _READERS[_kind(file)](file) if (one := _of_torch(text))]
            except (OSError, ValueError, SyntaxError, configparser.Error):
                continue
            if found:
                best = min(found, key=lambda one: "extra" in str(one.marker))
                return Declared(f"torch{best.specifier}", _short(file))
        if (folder / ".git").exists() or (folder / "pyproject.toml").exists():
            return None
    return None


def _files(folder: Path, path: Path) -> Iterator[Path]:
    """Where a folder may say it, the most binding first."""
    for name in ("pyproject.toml", "setup.cfg", "setup.py", "PKG-INFO"):
        if (folder / name).is_file():
            yield folder / name
    yield from sorted(folder.glob("requirements*.txt"))
    yield from sorted(folder.glob("requirements/*.txt"))
    for info in sorted(folder.glob("*.dist-info")):
        if _installs(info, path.relative_to(folder)):
            yield info / "METADATA"


def _installs(info: Path, inside: Path) -> bool:
    """Whether a distribution brought what lies at a path beside its metadata."""
    record = info / "RECORD"
    top = inside.parts[:1]
    if not top:  # the folder itself was asked for, which is clear where there is one distribution
        return len(list(info.parent.glob("*.dist-info"))) == 1
    return (
        record.is_file()
        and re.search(rf"^{re.escape(top[0])}[/,]", record.read_text("utf-8"), re.MULTILINE) is not None
    )


def _of_torch(text: str) -> Requirement | None:
    try:
        requirement = Requirement(text.split("#")[0].strip())
    except InvalidRequirement:
        return None
    return requirement if requirement.name.lower() == "torch" else None


def _short(file: Path) -> str:
    return "/".join(file.parts[-2:]) if file.name == "METADATA" or file.parent.name == "requirements" else file.name


def _pyproject(file: Path) -> Iterator[str]:
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    project = data.get("project", {})
    yield from project.get("dependencies", [])
    for extra, texts in project.get("optional-dependencies", {}).items():
        yield from (_with_extra(text, extra) for text in texts)
    poetry = data.get("tool", {}).get("poetry", {}).get("dependencies", {}).get("torch")
    version = poetry.get("version") if isinstance(poetry, dict) else poetry
    if isinstance(version, str):
        yield "torch" + (version if version[0] in "<>=!~" else f">={version.lstrip('^')}" if version != "*" else "")


def _with_extra(text: str, extra: str) -> str:
    head, _, marker = text.partition(";")
    return f'{head}; {f"({marker}) and " if marker else ""}extra == "{extra}"'


def _setup_cfg(file: Path) -> Iterator[str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(file.read_text(encoding="utf-8"))
    yield from parser.get("options", "install_requires", fallback="").splitlines()
    if parser.has_section("options.extras_require"):
        for extra, texts in parser.items("options.extras_require"):
            yield from (_with_extra(text, extra) for text in texts.splitlines() if text)


def _setup_py(file: Path) -> Iterator[str]:
    """Every text in it that can be a requirement with a version: lists are often made before the call of `setup`."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match(r"torch\s*[<>=!~]", node.value):
            yield node.value


def _requirements(file: Path) -> Iterable[str]:
    return file.read_text(encoding="utf-8").splitlines()


def _metadata(file: Path) -> Iterable[str]:
    message = email.parser.HeaderParser().parsestr(file.read_text(encoding="utf-8"))
    return message.get_all("Requires-Dist") or []


_READERS: dict[str, Callable[[Path], Iterable[str]]] = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _setup_cfg,
    "setup.py": _setup_py,
    "METADATA": _metadata,
    "PKG-INFO": _metadata,
    "requirements": _requirements,
}


def _kind(file: Path) -> str:
    return file.name if file.name in _READERS else "requirements"
