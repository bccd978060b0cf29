"""Lines fit a terminal, and are whole elsewhere; work that takes long says so to who looks on."""

from __future__ import annotations

import io
import time

import pytest

from torchproof.reports import screen

LINE = "run it: pytest --fact views.view.a_name_that_is_quite_long_and_has-hyphens[cpu-float32] now"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Standard output as a terminal of so many columns."""

    def terminal(columns):
        monkeypatch.setattr("sys.stdout", Terminal())
        monkeypatch.setenv("COLUMNS", str(columns))

    return terminal


def test_a_pipe_has_no_width(monkeypatch):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    monkeypatch.setenv("COLUMNS", "40")
    assert screen.width() is None
    assert screen.wrapped(f"{LINE} {LINE}", "  ", "    ") == [f"  {LINE} {LINE}"]


def test_several_lines_are_one_in_a_pipe(monkeypatch):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert screen.wrapped("one\n  two  three", "- ") == ["- one two  three"]


def test_a_terminal_has_its_own(terminal):
    terminal(60)
    assert screen.width() == 60
    lines = screen.wrapped(LINE + " and so on, until there is no more to say", "  ", "    ")
    assert len(lines) > 1
    assert all(line.startswith("    ") for line in lines[1:])


def test_no_word_is_cut_however_narrow_the_terminal_is(terminal):
    terminal(10)
    assert " ".join(line.strip() for line in screen.wrapped(LINE)) == LINE
    assert "views.view.a_name_that_is_quite_long_and_has-hyphens[cpu-float32]" in screen.wrapped(LINE)


@pytest.mark.parametrize("stream", [None, "closed"])
def test_no_stream_is_no_terminal(monkeypatch, stream):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stdout", None if stream is None else closed)
    assert screen.width() is None


def test_long_work_says_so_and_wipes_it_away(monkeypatch):
    monkeypatch.setattr("sys.stderr", said := Terminal())
    monkeypatch.setattr(screen, "_PATIENCE", 0.01)
    monkeypatch.setenv("COLUMNS", "40")
    with screen.waiting(lambda: "reading " + "src/" * 20):
        time.sleep(0.2)
    assert said.getvalue().startswith("\rreading src/")
    assert max(map(len, said.getvalue().split("\r"))) < 40
    assert " … 0 s" in said.getvalue()
    assert said.getvalue().endswith(" \r")


def test_short_work_says_nothing(monkeypatch):
    monkeypatch.setattr("sys.stderr", said := Terminal())
    with screen.waiting(lambda: "reading src"):
        pass
    assert said.getvalue() == ""


def test_nobody_looks_on_at_a_file(monkeypatch):
    monkeypatch.setattr("sys.stderr", said := io.StringIO())
    monkeypatch.setattr(screen, "_PATIENCE", 0.01)
    with screen.waiting(lambda: "reading src"):
        time.sleep(0.1)
    assert said.getvalue() == ""


def test_an_error_ends_the_waiting(monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    with pytest.raises(KeyError), screen.waiting(lambda: "reading src"):
        raise KeyError
