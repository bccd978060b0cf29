"""What reads files from elsewhere, each as a person starts it, and what must hold of its answer to any file."""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from torchproof.__main__ import main
from torchproof.data import Damaged
from torchproof.facts import findings
from torchproof.fixtures.plugins import recorder
from torchproof.records import read
from torchproof.reports.costs import comparison
from torchproof.reports.releases.coverage import left_out
from torchproof.reports.verdicts.refutation import excuses

SLOWEST = 20.0  # seconds of the CPU, of whatever is read

_STEERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


_COMMANDS = re.compile(r"(?m)^\s*::(?!(error|warning|notice) file=[^\n]*,title=torchproof%3A )\w+.*")  # but ours
_OF_IMPORTS = re.compile(r"__pycache__|/matplotlib\b")  # what the first import of a module writes


class Broken(AssertionError):
    """What a reader did and must not do."""


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """The exit code, and what was printed. Raises whatever escapes a command, and Broken."""
    out, err = io.StringIO(), io.StringIO()
    begun = time.process_time()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([str(one) for one in arguments])
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    _check(code, out.getvalue(), err.getvalue(), time.process_time() - begun)
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
    if planted := _COMMANDS.search(out + err):
        raise Broken(f"a workflow obeys {planted[0]!r}")
    if seconds > SLOWEST:
        raise Broken(f"{seconds:.0f} s")


class Watch:
    """Sees, by Python's audit, what is written outside `folder`, and what is run of it."""

    def __init__(self) -> None:
        self.folder, self._unpacked = "", tempfile.gettempdir() + "/torchproof-"
        self.seen: list[str] = []
        sys.addaudithook(self._see)

    @contextmanager
    def over(self, folder: Path) -> Iterator[None]:
        """Watch while readers read what lies there. Raises Broken."""
        self.folder, self.seen = os.path.realpath(folder), []
        try:
            yield
        finally:
            self.folder = ""
        if self.seen:
            raise Broken(self.seen[0])

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.folder:
            return
        if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            self._see_written(arguments[0])
        elif event in ("os.remove", "os.rename", "os.mkdir", "os.symlink", "os.link"):
            self._see_written(arguments[event in ("os.rename", "os.symlink", "os.link")], arguments[-1])
        elif event == "exec" and os.path.realpath(arguments[0].co_filename).startswith(self.folder):
            self.seen.append(f"ran {arguments[0].co_filename}")
        elif event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect"):
            self.seen.append(f"{event} of {arguments}")

    def _see_written(self, path: Any, folder: int = -1) -> None:
        if not isinstance(path, int):
            below = "" if folder == -1 else f"/proc/self/fd/{folder}"
            real = os.path.realpath(os.path.join(below, os.fsdecode(path)))
            if not real.startswith((self.folder, self._unpacked)) and not _OF_IMPORTS.search(real):
                self.seen.append(f"wrote {path!r}")


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


def resume(file: Path, folder: Path) -> int:
    """`pytest --resume`, up to where the facts would be collected: what it selects is none of what is elsewhere."""
    root, option = folder.resolve(), SimpleNamespace(resume=file, record=None)
    (root / "suites").mkdir()
    config: Any = SimpleNamespace(
        option=option,
        stash=pytest.Stash(),
        rootpath=root,
        args=[],
        args_source=None,
        invocation_params=SimpleNamespace(dir=root),
        getini=lambda name: ["suites"],
    )
    with pytest.MonkeyPatch.context() as patch, _one_sentence():
        patch.setattr(recorder, "_torch_version", lambda: "2.6.0+cu124")
        recorder._resume(config, file)
        read(file)
    if outside := [
        arg for arg in config.args if not root.joinpath(arg.partition("::")[0]).resolve().is_relative_to(root)
    ]:
        raise Broken(f"runs {outside[0]}")
    return 0


@contextmanager
def _one_sentence() -> Iterator[None]:
    """What is read by no command of its own ends so."""
    try:
        yield
    except (Damaged, pytest.UsageError) as error:
        _check(2, "", f"torchproof: {error}\n", 0)


def compared(file: Path, folder: Path) -> int:
    """The record of a comparison."""
    with _one_sentence():
        comparison.read(file)
    return 0


def answers(file: Path, folder: Path) -> int:
    """The three commands that make the tables of releases from what each release answers."""
    codes = [
        run("inventory", file, "-o", folder / "inventory.tsv")[0],
        run("headers", file, "-o", folder / "headers.tsv")[0],
        run("platforms", file, file, "-o", folder / "platforms.toml")[0],
    ]
    return max(codes)


def wheels(file: Path, folder: Path) -> int:
    """`torchproof popularity`."""
    return run("popularity", file, "-o", folder / "popularity.tsv")[0]


def tables(file: Path, folder: Path) -> int:
    """The tables beside the suites of a project: findings, excuses, names that want no fact."""
    for reader in (findings.__wrapped__, excuses, left_out):
        with _one_sentence():
            reader(file)
    return 0


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
    size = path.lstat().st_size if path.exists() else 0
    form = ("text", "markdown", "json", "sarif", "github")[size % 5]
    return run("diff", "2.5", "2.13", "--format", form, "--uses", path)[0]


def floor(path: Path, folder: Path) -> int:
    """`torchproof floor`."""
    return run("floor", path)[0]


OF_RECORDS: dict[str, Callable[[Path, Path], int]] = {
    "summary": summary,
    "html": page,
    "matrix": matrix,
    "refutation": refutation,
    "resume": resume,  # last: it mends what a kill tore off
}
OF_BENCHMARKS = {"compare": compare, "costs": costs}
OF_CODE = {"diff": diff, "floor": floor}
