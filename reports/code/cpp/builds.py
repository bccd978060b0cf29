"""Which standard of C++ other builds than setuptools' ask for where they compile against torch: CMake and Meson.

A standard counts where torch is spoken of: in the file, in what is below its folder, or for its target. One that is set
under a condition is possible; conditions on the version of torch are kept apart by release.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise, takewhile
from pathlib import Path

from torchproof.releases import number
from torchproof.reports.code.cpp import headers
from torchproof.reports.code.cpp.includes import Branches
from torchproof.reports.code.cpp.preprocessor import EVERYWHERE, NOWHERE, Reach
from torchproof.reports.code.cpp.sources import Need, is_of_others
from torchproof.reports.code.files import Code, Source
from torchproof.reports.code.reading import Unreadable, content, decoded

# What is compiled against torch's headers, by what stands in the files of its build.
_OF_TORCH = re.compile(
    r"find_package\s*\(\s*Torch\b|\bTORCH_(LIBRAR|INCLUDE|CXX_FLAGS)|\btorch_python\b|torch/(include|share/cmake)"
    r"|dependency\s*\(\s*'[Tt]orch'|torch\.utils\.(cmake_prefix_path|cpp_extension)"
)
_FINDS = re.compile(r"find_package\s*\(\s*(Torch|Caffe2)\b")
_MADE = re.compile(r"\b(Cpp|CUDA)Extension\b")
_COMMAND = re.compile(r"(?<![\w$])(\w+)[ \t]*\(")
_ARGUMENT = re.compile(r'"((?:\\.|[^"\\])*)(?:"|\\?\Z)|([^\s()"]+)', re.DOTALL)
_COMMENT = re.compile(r"#[^\n]*")
_VARIABLE = re.compile(r"CMAKE_(CXX|CUDA)_STANDARD|(?:CMAKE_)?(CXX|CUDA)(?:_NVCC)?_FLAGS\w*", re.IGNORECASE)
_IN_TABLE = re.compile(r"""CMAKE_(CXX|CUDA)_STANDARD(?::[A-Z]+)?["']?\s*[=:]\s*["']?(\d\d)\b""")
_IN_MESON = re.compile(r"cpp_std=[\w+,]+|--?std=\w+\+\+\w\w")
_OWN_DEFAULT = re.compile(r"not (defined )?cmake_(cxx|cuda)_standard", re.IGNORECASE)
_OF_VERSION = re.compile(r"(not )?\$?\{?torch_version\}? version_(less|greater)(_equal)? ([\d.]+)", re.IGNORECASE)
_LONG = 1_000  # characters of a variable, far more than a standard has
_GROUPS = {"if": "if", "elseif": "elif", "else": "else", "endif": "endif"}


@dataclass(frozen=True)
class Setting:
    """A standard that a file of CMake asks for: for a `target`, or for all that is made after it."""

    text: str
    line: int
    language: str
    reach: Reach
    target: str = ""
    variable: str = ""
    is_least: bool = False  # a newer one of the compiler's own is kept


class Builds:
    """The files by which some code is built, beside its Python files."""

    def __init__(self, code: Code, texts: Mapping[str, str]) -> None:
        self._python = texts
        self._files = {
            file: _COMMENT.sub("", _text(file.path))
            for file in code.beside((".txt", ".cmake", ".build", ".toml"))
            if file.path.suffix == ".cmake" or file.path.name in ("CMakeLists.txt", "meson.build", "pyproject.toml")
        }

    @property
    def texts(self) -> list[str]:
        """The texts of those that speak of torch's headers."""
        return [text for file, text in self._files.items() if _is_of_torch(file, text)]

    def needs(self, have_kernels: bool) -> Iterator[Need]:
        """The standards that are asked for; `have_kernels` is whether nvcc compiles headers of torch.

        Where setuptools makes the extensions of a package, what else there is to build them is only possible.
        """
        self._have_kernels = have_kernels
        if not self.texts:
            return
        is_aside = any(_MADE.search(text) and "cmake" not in text.lower() for text in self._python.values())
        for need in self._needs():
            yield replace(need, doubt=True) if is_aside else need

    def _needs(self) -> Iterator[Need]:
        for file, text in self._files.items():
            if file.path.name == "meson.build" and _OF_TORCH.search(text):
                yield from _matches(_IN_MESON, file.shown, text)
        for file, text in self._lists.items():
            yield from self._of_file(file, text)
        if not any(one.variable.endswith("STANDARD") for several in self._settings.values() for one in several):
            for shown, text in [*self._python.items(), *self._tables()]:
                for need in _matches(_IN_TABLE, shown, text):
                    language, year = _IN_TABLE.findall(need.name)[0]
                    name = f"CMAKE_{language}_STANDARD {year}"
                    yield replace(need, name=name, how=self._how(language))

    def _tables(self) -> Iterator[tuple[str, str]]:
        return ((file.shown, text) for file, text in self._files.items() if file.path.name == "pyproject.toml")

    @cached_property
    def _lists(self) -> dict[Source, str]:
        """The files of CMake."""
        return {one: text for one, text in self._files.items() if one.path.suffix in (".txt", ".cmake")}

    @cached_property
    def _settings(self) -> dict[Source, list[Setting]]:
        return {file: list(_settings(text)) for file, text in self._lists.items()}

    def _of_file(self, file: Source, text: str) -> Iterator[Need]:
        linked = _linked(text)
        counted = _last([one for one in self._settings[file] if not one.target]) if self._reaches_torch(file) else []
        for one in [*counted, *(one for one in self._settings[file] if one.target in linked)]:
            if one.language == "CUDA" and not self._have_kernels:
                continue
            sure = frozenset() if one.is_least or is_of_others(file.shown) else one.reach.certain
            for releases, doubt in ((sure, False), (one.reach.possible - sure, True)):
                if releases:
                    yield Need(self._how(one.language), one.text, file.shown, one.line, releases, doubt)
            if self._how(one.language) == "configured" and self._have_kernels and not one.is_least:
                # Torch's files for CMake take it for CUDA too, where that has none of its own, and ask for no more.
                rest = frozenset(each for each in one.reach.possible if not headers.fault("configured", one.text, each))
                yield Need("compiled", one.text, file.shown, one.line, rest, True)

    def _how(self, language: str) -> str:
        """Whether CMake's own target of torch may ask for more: it does for C++, and not for CUDA."""
        return "configured" if language == "CXX" and self._is_linked else "compiled"

    @cached_property
    def _is_linked(self) -> bool:
        texts = self._lists.values()
        return any(map(_FINDS.search, texts)) and any(
            "TORCH_LIBRARIES" in text or "torch" in _linking(text) for text in texts
        )

    def _reaches_torch(self, file: Source) -> bool:
        """Whether something is compiled against torch in a file, or below it where no file asks for other standards."""
        if _OF_TORCH.search(self._lists[file]):
            return True
        return file.path.name == "CMakeLists.txt" and any(
            _OF_TORCH.search(text) and file.path.parent in other.path.parents and not self._settings[other]
            for other, text in self._lists.items()
        )


def _is_of_torch(file: Source, text: str) -> bool:
    return file.path.name != "pyproject.toml" and bool(_OF_TORCH.search(text))


def _matches(pattern: re.Pattern[str], shown: str, text: str) -> Iterator[Need]:
    for found in pattern.finditer(text):
        if headers.standard(found[0]) or pattern is _IN_TABLE:
            yield Need("compiled", found[0], shown, text.count("\n", 0, found.start()) + 1, EVERYWHERE.certain)


def _last(settings: list[Setting]) -> list[Setting]:
    """Of what a file asks for again and again, that which counts in the end."""
    has_variable = {one.language for one in settings if one.variable.endswith("STANDARD")}
    found = [one for one in settings if one.variable.endswith("STANDARD") or one.language not in has_variable]
    last: dict[str, list[Setting]] = {}
    for one in found:
        before = last.setdefault(one.variable or one.text, [])
        before[:] = [
            replace(
                other, reach=Reach(other.reach.certain - one.reach.possible, other.reach.possible - one.reach.certain)
            )
            for other in before
        ]
        before.append(one)
    return [one for several in last.values() for one in several if one.reach.possible]


def _text(path: Path) -> str:
    try:
        return decoded(content(path))
    except Unreadable:
        return ""


# CMake


def _commands(text: str) -> Iterator[tuple[str, list[str], int]]:
    """The commands of a file: name, arguments, line."""
    place, line, counted = 0, 1, 0
    while found := _COMMAND.search(text, place):
        end, depth = found.end(), 1
        while depth and end < len(text):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        inside = text[found.end() : end - 1]
        words = [quoted or plain for quoted, plain in _ARGUMENT.findall(inside)]
        line, counted = line + text.count("\n", counted, found.start()), found.start()
        yield found[1].lower(), words, line
        place = end


def _linking(text: str) -> list[str]:
    """What targets are linked with."""
    return [word for name, words, _ in _commands(text) if name == "target_link_libraries" for word in words[1:]]


def _linked(text: str) -> set[str]:
    """The targets of a file that are made with torch."""
    return {
        words[0]
        for name, words, _ in _commands(text)
        if name in ("target_link_libraries", "target_include_directories") and words
        if any(re.search(r"\btorch|TORCH_", word) for word in words[1:])
    }


def _settings(text: str) -> Iterator[Setting]:
    branches = Branches(_OfVersion())
    values: dict[str, str] = {}
    for name, words, line in _commands(text):
        if branches.take(_GROUPS.get(name, ""), " ".join(words)) or not words:
            continue
        words = [re.sub(r"\$\{(\w+)\}", lambda found: values.get(found[1], found[0]), one) for one in words]
        if name == "set" and words[1:] and len(words[1]) < _LONG and not words[0].endswith("_FLAGS"):
            values[words[0]] = words[1]
        yield from (replace(one, line=line, reach=branches.reach) for one in _asked(name, words))


def _asked(name: str, words: list[str]) -> Iterator[Setting]:
    """The standards that a command asks for."""
    target = words[0] if name.startswith("target_") else ""
    if name in ("set", "string", "list", "set_property", "set_target_properties"):
        yield from _properties(words) if name.startswith("set_") else _variable(words)
    elif name == "target_compile_features":
        for one in words[1:]:
            if headers.standard(one):
                yield Setting(one, 0, "CUDA" if one.startswith("cuda") else "CXX", NOWHERE, target, is_least=True)
    elif name in ("add_compile_options", "add_definitions", "target_compile_options"):
        for one in words:
            if headers.standard(one):
                language = "CUDA" if "COMPILE_LANGUAGE:CUDA" in one else "CXX"
                yield Setting(_flag(one), 0, language, NOWHERE, target)


def _properties(words: list[str]) -> Iterator[Setting]:
    """`CXX_STANDARD 17` among the properties of targets."""
    targets = words[1:2] if words[0] == "TARGET" else list(takewhile(lambda word: word != "PROPERTIES", words))
    for key, value in pairwise(words):
        if key in ("CXX_STANDARD", "CUDA_STANDARD") and value.isdecimal():
            yield from (Setting(f"{key} {value}", 0, key.partition("_")[0], NOWHERE, one) for one in targets)


def _variable(words: list[str]) -> Iterator[Setting]:
    """`set(CMAKE_CXX_STANDARD 17)`, `string(APPEND CMAKE_CXX_FLAGS …)`"""
    for place, word in enumerate(words[:2]):
        if found := _VARIABLE.fullmatch(word):
            language = (found[1] or found[2]).upper()
            if found[1] and words[place + 1 : place + 2] and words[place + 1].isdecimal():
                yield Setting(f"{word} {words[place + 1]}", 0, language, NOWHERE, variable=word)
            elif not found[1] and headers.standard(flags := " ".join(words[place + 1 :])):
                yield Setting(_flag(flags), 0, "CUDA" if "NVCC" in word else language, NOWHERE, variable=word)


def _flag(flags: str) -> str:
    """The one that says the standard."""
    return next((one for one in reversed(re.split(r"[\s;]|>:?", flags)) if headers.standard(one)), flags)


class _OfVersion:
    """Conditions of CMake, of which those on torch's version are known."""

    def branches(self, expression: str) -> tuple[Reach, Reach]:
        """Where a condition is true, and where it is false."""
        if _OWN_DEFAULT.fullmatch(expression.strip()):
            return EVERYWHERE, NOWHERE
        found = _OF_VERSION.fullmatch(expression.strip())
        if not found:
            perhaps = Reach(frozenset(), EVERYWHERE.possible)
            return perhaps, perhaps
        holds = _compared(found[2].lower(), bool(found[3]), found[4])
        yes = frozenset(one for one in EVERYWHERE.certain if holds(one) != bool(found[1]))
        no = EVERYWHERE.certain - yes
        return Reach(yes, yes), Reach(no, no)


def _compared(way: str, or_equal: bool, version: str) -> Callable[[str], bool]:
    wanted = number(version)
    if way == "less":
        return lambda one: number(one) < wanted or (or_equal and number(one) == wanted)
    return lambda one: number(one) > wanted or (or_equal and number(one) == wanted)
