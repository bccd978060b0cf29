"""The C++ and CUDA sources that are built with torch, and what they need of its headers."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache, cached_property
from pathlib import Path, PurePath

from torchproof.reports.code.cpp import headers, includes
from torchproof.reports.code.cpp.includes import Seen
from torchproof.reports.code.cpp.preprocessor import EVERYWHERE, NOWHERE, Definition, Macros, Reach
from torchproof.reports.code.files import Code, Source
from torchproof.reports.code.nowhere import OF_OTHER_PACKAGES
from torchproof.reports.code.reading import Unreadable, content, decoded

_SOURCES = (".cpp", ".cc", ".cxx", ".cu")
_HEADERS = (".h", ".hpp", ".hxx", ".cuh", ".inl")
_NAMED = re.compile(r"""([^\s"'})(]{0,300}\.(?:cpp|cc|cxx|cu))(?=["'\s)])""")
_DEFINED = re.compile(r"""[-/]D\s*(\w+)|\(\s*["']([A-Z]\w+)["']\s*,|definitions\s*\(([^)]*)\)""", re.IGNORECASE)
# Folders of what is not the project's own, or no part of it.
_BESIDE = {
    *("benchmark", "benchmarks", "example", "examples", "test", "tests", "extern", "external", "submodules", "vendor"),
    *("3rdparty", "third-party", "third_party", "thirdparty"),
}
_KERNELS = (".cu", ".cuh")
_OTHERS = "|".join(sorted({*OF_OTHER_PACKAGES, "hip", "mps", "mtia", "rocm", "xpu"}))
_PERHAPS = Reach(NOWHERE.certain, EVERYWHERE.possible)
_OF_OTHERS = re.compile(rf"(?<![a-z])({_OTHERS})(?![a-z])")


@dataclass(frozen=True)
class Need:
    """What of the headers is needed at a place, `how` as in headers.HOWS, in the releases for which it is compiled."""

    how: str
    name: str
    file: str
    line: int
    releases: frozenset[str]
    doubt: bool = False  # not every build of torch meets it


@dataclass(frozen=True)
class Written:
    """A source that stands in a Python file: its lines, the header that torch includes before them, where it counts."""

    file: str
    lines: includes.Lines
    implied: str
    reach: Reach


class Sources:
    """The sources that the `texts` of what builds the code name, and what they include.

    `given` are the macros that flags define in some releases only, `tried` texts whose failures are caught, and
    `written` the sources that are no files.
    """

    def __init__(
        self,
        code: Code,
        texts: list[str],
        given: Mapping[str, frozenset[str] | None],
        tried: Sequence[str] = (),
        written: Sequence[Written] = (),
    ) -> None:
        is_built = any("cpp_extension" in text or "torch" in text.lower() for text in texts)
        self._files = {file.path.resolve(): file for file in code.beside((*_SOURCES, *_HEADERS))} if is_built else {}
        self._written = {Path(f"{one.file}:{number}"): one for number, one in enumerate(written)}
        self._files |= {path: Source(path, one.file) for path, one in self._written.items()}
        texts = texts if self._files else []  # most code has none, and its texts are long
        self._sure = _patterns(texts)
        self._patterns = self._sure | _patterns(tried)
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        for path in self._files:
            self._by_name[path.name].append(path)
        texts = texts if self._starts else []  # where nothing is compiled, no macro is asked for
        named = {
            one for text in texts for found in _DEFINED.findall(text) for one in re.findall(r"\w+", "".join(found))
        }
        self._macros = Macros(self._definitions(), {**dict.fromkeys(named), **given})

    @cached_property
    def _lines(self) -> dict[Path, includes.Lines]:
        """The lines of what is built, and of what they include of the code's own."""
        found: dict[Path, includes.Lines] = {}
        rest = [*self._starts]
        while rest:
            path = rest.pop()
            if path not in found:
                written = self._written.get(path)
                found[path] = lines = written.lines if written else includes.read(_text(path))
                rest += [one for name in includes.included(lines) if (one := self._own(path, name))]
        return found

    @cached_property
    def _starts(self) -> dict[Path, Reach]:
        """What is compiled for itself, with where."""
        named = [path for path in self._files if path.suffix in _SOURCES and self._is_named(path)]
        found = {path: EVERYWHERE if self._is_named(path, self._sure) else _PERHAPS for path in named}
        return found | {path: one.reach for path, one in self._written.items()}

    def _definitions(self) -> Iterator[Definition]:
        for lines in self._lines.values():
            yield from includes.defined(lines)

    @cached_property
    def _seen(self) -> dict[Path, list[Seen]]:
        return {path: list(includes.seen(lines, self._macros)) for path, lines in self._lines.items()}

    @cached_property
    def _headers(self) -> set[tuple[str, str]]:
        """The headers of torch that are included for the usual devices, with the suffixes of the files that do."""
        implied = {("", one.implied) for one in self._written.values() if one.implied and not is_of_others(one.file)}
        return implied | {
            (path.suffix, one.name)
            for path, seen in self._seen.items()
            for one in seen
            if one.how == "included" and (one.how, one.name) in headers.table()
            if not is_of_others(self._files[path].shown)
        }

    @property
    def want_standard(self) -> bool:
        """Whether what is included compiles by the standard of a release alone, as far as that is seen."""
        return not self._headers or any(headers.wants_standard(name) for _, name in self._headers)

    @property
    def are_mixed(self) -> bool:
        """Whether some are written against torch's stable interface, and others are not: any flag may be for these."""
        names = {name for _, name in self._headers}
        return any(map(headers.wants_standard, names)) and any(one.startswith("torch/csrc/stable/") for one in names)

    @property
    def have_kernels(self) -> bool:
        """Whether such headers are included where nvcc compiles them."""
        return any(suffix in _KERNELS and headers.wants_standard(name) for suffix, name in self._headers)

    @property
    def may_have_kernels(self) -> bool:
        """The same, or nothing is seen of what they include."""
        return not self._headers or self.have_kernels

    def needs(self) -> Iterable[Need]:
        """What of torch's headers the sources need."""
        return dict.fromkeys(self._needs())  # the same string may be in several sources

    def _needs(self) -> Iterator[Need]:
        for path, reach in self._reached().items():
            is_whole = all(self._is_found(path, one) for one in self._seen[path])
            for one in self._seen[path]:
                if one.within and not self._is_expanded(one.within):
                    continue
                if (one.how, one.name) in headers.table() or self._is_nowhere(one, is_whole):
                    yield from self._need(path, one, reach & one.reach)

    def _need(self, path: Path, one: Seen, reach: Reach) -> Iterator[Need]:
        if one.name in self._macros:
            return
        for releases, doubt in ((reach.certain, False), (reach.possible - reach.certain, True)):
            if releases:
                shown = self._files[path].shown
                yield Need(one.how, one.name, shown, one.line, releases, doubt or is_of_others(shown))

    def _is_nowhere(self, one: Seen, is_whole: bool) -> bool:
        """Whether no release has what looks like torch's, and nothing else can have it."""
        if not headers.is_nowhere(one.how, one.name):
            return False
        if one.how == "included":
            return not any(path.as_posix().endswith(f"/{one.name}") for path in self._by_name[PurePath(one.name).name])
        return bool(headers.meant(one.name)) or ((one.is_called or one.name.startswith("THC")) and is_whole)

    def _is_found(self, path: Path, one: Seen) -> bool:
        """Whether what a source includes is here, torch's, or of the system."""
        is_torchs = (one.how, one.name) in headers.table() or headers.is_nowhere("included", one.name)
        return not one.is_quoted or is_torchs or self._own(path, one.name) is not None

    @cache  # noqa: B019 - there is one set of sources in a process
    def _is_expanded(self, macro: str) -> bool:
        """Whether a macro of the code stands somewhere else than where it is defined."""
        word = re.compile(rf"\b{macro}\b(?<!define {macro})")
        return any(word.search(line) for lines in self._lines.values() for _, line in lines)

    def _reached(self) -> dict[Path, Reach]:
        """Where each of the files is compiled, by the conditions around what includes it."""
        found: dict[Path, Reach] = {}
        rest = [*self._starts.items()]
        while rest:
            path, reach = rest.pop()
            before = found.get(path, NOWHERE)
            found[path] = before | reach
            if found[path] == before:
                continue
            for one in self._seen[path]:
                if one.how == "included" and (inner := self._own(path, one.name)):
                    rest.append((inner, reach & one.reach))
        return found

    def _own(self, path: Path, name: str) -> Path | None:
        """The file of the code that an include finds: beside the one that has it, or the only one of that name."""
        beside = Path(os.path.normpath(path.parent / name))
        if beside in self._files or ("included", name) in headers.table():
            return beside if beside in self._files else None
        found = [one for one in self._by_name[PurePath(name).name] if one.as_posix().endswith(f"/{name}")]
        return found[0] if len(found) == 1 else None

    def _is_named(self, path: Path, patterns: Set[str] | None = None) -> bool:
        """Whether what builds the code names a source, or has a pattern for it, which does not mean others' folders."""
        text = path.as_posix()
        folders = _BESIDE.intersection(Path(self._files[path].shown).parts)
        return any(
            text.endswith("/" + one)
            or ("*" in one and fnmatch(text, "*/" + one.replace("**/", "*")) and folders.issubset(one.split("/")))
            for one in (self._patterns if patterns is None else patterns)
        )


def _patterns(texts: Iterable[str]) -> set[str]:
    naming = (text for text in texts if any(suffix in text for suffix in _SOURCES))  # few do
    return {one.removeprefix("./").lstrip("/") for text in naming for one in _NAMED.findall(text)}


def is_of_others(shown: str) -> bool:
    """Whether a file is for other devices than the usual ones, by the folders that it is in."""
    return bool(_OF_OTHERS.search(shown.lower()))


def _text(path: Path) -> str:
    try:
        return decoded(content(path))
    except Unreadable:
        return ""
