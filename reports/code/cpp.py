"""What C++ and CUDA sources include and which macros they name: what stands under no condition of the preprocessor."""

from __future__ import annotations

import re
from collections.abc import Iterator

_COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)
_DIRECTIVE = re.compile(r"[ \t]*#[ \t]*(\w+)[ \t]*(.*)")
_INCLUDE = re.compile(r'[<"]([^>"]+)[>"]')
_OF_TORCH = re.compile(r"(ATen|c10|caffe2|torch|TH|THC)/")
_WORD = re.compile(r"\b[A-Z][A-Z0-9_]{3,}\b")


def used(text: str) -> Iterator[tuple[str, str, int]]:
    """What a source uses: 'included' with a path, 'expanded' with a word in capitals, each with its line."""
    depth = 0
    previous: tuple[str, str] = ("", "")
    for number, line in enumerate(_plain(text).split("\n"), 1):
        if not (found := _DIRECTIVE.match(line)):
            if depth == 0:
                yield from (("expanded", one, number) for one in _WORD.findall(line))
            continue
        directive, rest = found[1], found[2].strip()
        if directive in ("if", "ifdef", "ifndef"):
            depth += 1
        elif directive == "endif":
            depth = max(depth - 1, 0)
        elif directive == "define" and previous == ("ifndef", rest.partition(" ")[0]):
            depth -= 1  # it guards the file against being included twice
        elif directive == "include" and depth == 0 and (path := _INCLUDE.match(rest)):
            yield "included", path[1], number
        previous = directive, rest


def defined(text: str) -> set[str]:
    """The macros that a source defines itself."""
    return set(re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", text, re.MULTILINE))


def is_of_torch(path: str) -> bool:
    """Whether an include is one of torch's."""
    return bool(_OF_TORCH.match(path))


def _plain(text: str) -> str:
    """Without comments and what stands between quotes, except the paths of includes; lines stay."""

    def blank(found: re.Match[str]) -> str:
        start = text.rfind("\n", 0, found.start()) + 1
        is_path = found[0].startswith('"') and _DIRECTIVE.match(text, start)
        return found[0] if is_path else "\n" * found[0].count("\n")

    return _COMMENT.sub(blank, text)
