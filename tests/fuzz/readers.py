"""What reads files from elsewhere, each as a person starts it, and what must hold of its answer to any file."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from html.parser import HTMLParser
from pathlib import Path

from torchproof.__main__ import main

SLOWEST = 20.0  # seconds, of whatever is read

_STEERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Broken(AssertionError):
    """What a reader did and must not do."""


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """The exit code, and what was printed. Raises whatever escapes a command, and Broken."""
    out, err = io.StringIO(), io.StringIO()
    begun = time.monotonic()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([str(one) for one in arguments])
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    _check(code, out.getvalue(), err.getvalue(), time.monotonic() - begun)
    return code, out.getvalue(), err.getvalue()


def _check(code: int, out: str, err: str, seconds: float) -> None:
    if code not in (0, 1, 2):
        raise Broken(f"exit code {code}")
    if code == 2 and not re.fullmatch(r"torchproof: [^\n]+\n", err):
        raise Broken(f"not one sentence: {err!r}")
    if steering := _STEERS.search(out + err):
        raise Broken(f"a terminal obeys {steering[0]!r}")
    if "Traceback" in err:
        raise Broken(err)
    if planted := re.search(r"(?m)^\s*::\w", out + err):
        raise Broken(f"a workflow obeys {planted[0]!r}")
    if seconds > SLOWEST:
        raise Broken(f"{seconds:.0f} s")


class _Page(HTMLParser):
    """Sees to it that a page has no elements, handlers or addresses but its own."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Raises Broken."""
        if tag in ("script", "img", "iframe", "object", "form"):
            raise Broken(f"<{tag}> in a page")
        for name, value in attrs:
            leads = name in ("href", "src", "xlink:href")
            if name.startswith("on") or (leads and not re.match(r"#|https?://", value or "")):
                raise Broken(f"{name}={value} in a page")


def _pages(folder: Path, *expected: str) -> None:
    written = {file.name for file in folder.iterdir()}
    if written - set(expected):
        raise Broken(f"wrote {written}")
    for page in folder.glob("*.html"):
        _Page().feed(page.read_text("utf-8"))


def summary(file: Path, folder: Path) -> int:
    """`torchproof summary`."""
    return run("summary", file)[0]


def page(file: Path, folder: Path) -> int:
    """`torchproof html`."""
    code = run("html", file, "-o", folder)[0]
    _pages(folder, f"{file.stem}.html")
    return code


def matrix(file: Path, folder: Path) -> int:
    """`torchproof matrix`, with the record beside itself."""
    code = run("matrix", file, file, "-o", folder)[0]
    _pages(folder, "matrix.html")
    return code


def refutation(file: Path, folder: Path) -> int:
    """`torchproof refutation`."""
    return run("refutation", file)[0]


def compare(file: Path, folder: Path) -> int:
    """`torchproof compare`, with the file on both sides."""
    code = run("compare", file, file, "-o", folder)[0]
    _pages(folder, "comparison.html", "comparison.md", "comparison.json")
    return code


def costs(file: Path, folder: Path) -> int:
    """`torchproof costs`."""
    code = run("costs", file, file, "-o", folder)[0]
    _pages(folder, "costs.html")
    return code


def coverage(file: Path, folder: Path) -> int:
    """`torchproof coverage`."""
    return run("coverage", file)[0]


def diff(path: Path, folder: Path) -> int:
    """`torchproof diff --uses`, in one of its forms, by the file."""
    form = ("text", "markdown", "json", "sarif")[path.stat().st_size % 4]
    return run("diff", "2.5", "2.13", "--format", form, "--uses", path)[0]


def floor(path: Path, folder: Path) -> int:
    """`torchproof floor`."""
    return run("floor", path)[0]


OF_RECORDS: dict[str, Callable[[Path, Path], int]] = {
    "summary": summary,
    "html": page,
    "matrix": matrix,
    "refutation": refutation,
}
OF_BENCHMARKS = {"compare": compare, "costs": costs}
OF_CODE = {"diff": diff, "floor": floor}
