"""Signals at any time to a run, to one of its workers or to its controller, then `--resume`: what is left of verdicts.

`python -m tests.fuzz.kills --times 100` sends so many, `--dense` all of them to workers of parallel runs, several in
each. Runs are forked from a process that has imported torch.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.project import HEAD, ROOT
from torchproof.records import KILLED, Verdict, read

FACTS = 12
SUITE = f'''{HEAD}
@fact("torch.add")
@pytest.mark.parametrize("number", range(FACTS))
def test_holds(number):
    """`add` adds two numbers."""
    time.sleep(0.1)
    assert torch.add(number, 1) == number + 1
'''
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
LONGEST = 120  # seconds of a run, however busy the machine is

# Forks at each line of standard input, runs pytest with its words, and says the process.
_FORKS = """
import os, signal, sys, time
import hypothesis, numpy, pytest, torch, xdist
for line in sys.stdin:
    if not (pid := os.fork()):
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell has ignored in the background
        with open("out.txt", "ab") as out, open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0), os.dup2(out.fileno(), 1), os.dup2(out.fileno(), 2)
        code = pytest.main(line.split())
        sys.stdout.flush()
        os._exit(code)
    while os.getsid(pid) != pid:  # by its session others know what belongs to it
        time.sleep(0.001)
    print(pid, flush=True)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


@dataclass(frozen=True)
class Kill:
    """A signal: to `plain` runs, a `worker` or the `controller` of two, each time after a while."""

    whom: str
    signal: signal.Signals
    after: tuple[float, ...]  # seconds in which facts run, once for each time it is sent


class Runs:
    """Runs of a small project in a folder."""

    def __init__(self, folder: Path, facts: int = FACTS) -> None:
        self.folder, self.facts = folder, facts
        (folder / "suites" / "topic").mkdir(parents=True)
        (folder / "suites" / "topic" / "test_area.py").write_text(SUITE.replace("FACTS", str(facts)))
        (folder / "conftest.py").write_text('pytest_plugins = ["torchproof.plugins"]\n')
        settings = 'testpaths = ["suites"]\nfacts_only = ["suites"]\naddopts = ["--import-mode=importlib"]\n'
        (folder / "pyproject.toml").write_text(f"[tool.pytest.ini_options]\n{settings}")
        self._process = subprocess.Popen(
            [sys.executable, "-c", _FORKS],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, *options: str) -> int:
        """Start pytest; its process."""
        assert self._process.stdin
        self._process.stdin.write(" ".join(["-q", "-p", "no:randomly", "-p", "no:cacheprovider", *options]) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def ended(self) -> int:
        """Wait for its end; the exit code, or less than 0 of a signal."""
        return os.waitstatus_to_exitcode(self._answer())

    def _answer(self) -> int:
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """No more of them."""
        self._process.communicate()


def tried(runs: Runs, kill: Kill) -> str:
    """Send it, and go on; what the run's exit code was. Raises AssertionError where a verdict is lost or told twice."""
    record = runs.folder / "run.jsonl"
    record.unlink(missing_ok=True)
    parallel = [] if kill.whom == "plain" else ["-n2"]
    process = runs.start(f"--record={record}", *parallel)
    sent = 0
    for seconds in kill.after:
        more = _started(record) + 1
        _wait(lambda: _started(record) >= more or not _processes(process))  # noqa: B023
        time.sleep(seconds)
        for one in _workers(process)[:1] if kill.whom == "worker" else [process]:
            sent += _send(one, kill.signal)
    code = runs.ended()
    _wait(lambda: not _processes(process))  # they notice, and end
    before = _verdicts(record)
    again = 0
    for _ in range(2):  # a second time does nothing
        process = runs.start(f"--resume={record}", *parallel)
        again = runs.ended()
        _wait(lambda: not _processes(process))  # noqa: B023
    _judge(record, before, again, runs.facts)
    return f"{kill.whom} {kill.signal.name} x {sent} -> {code}"


def _judge(record: Path, before: list[str], code: int, facts: int) -> None:
    after, found = _verdicts(record), read(record)
    assert after[: len(before)] == before, "a verdict was lost"
    lines = list(found.of(Verdict))
    told = Counter(line.id for line in lines if not (line.reason or "").startswith(KILLED))
    assert set(told.values()) == {1}, f"told twice: {told}"
    assert len(told) == facts, f"never told: {facts - len(told)}"
    assert found.totals() == {"holds": facts}, f"{[line for line in lines if line.verdict != 'holds']}"
    assert code == 0, f"exit code {code}"
    assert found.end, "no end"
    assert not found.damaged, found.gaps


def _started(record: Path) -> int:
    return record.read_bytes().count(b'"started"') if record.exists() else 0


def _verdicts(record: Path) -> list[str]:
    return [
        line for line in record.read_text().splitlines() if line.startswith('{"kind": "verdict"') and line[-1] == "}"
    ]


def _send(process: int, number: signal.Signals) -> bool:
    with suppress(ProcessLookupError):  # it has ended already
        os.kill(process, number)
        return True
    return False


def _processes(controller: int) -> dict[int, bytes]:
    """What runs in its session, by the number of the process: the words that it was started with."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == controller and fields[0] not in "ZX":
                found[int(stat.parent.name)] = stat.with_name("cmdline").read_bytes()
    return found


def _workers(controller: int) -> list[int]:
    """Those that run facts for it, the oldest first, which has begun with them."""
    return sorted(process for process, words in _processes(controller).items() if b"exec(eval(" in words)


def _wait(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST
    while not is_so():
        assert time.monotonic() < end, "hangs"
        time.sleep(0.01)


def kills(times: int, draw: random.Random) -> list[Kill]:
    """So many, of every kind; one in eight is of parallel runs, which take ten times as long."""
    return [
        Kill("plain", SIGNALS[at % 3], (draw.uniform(0, 1),))
        if at % 8
        else Kill(("worker", "controller")[at // 8 % 2], SIGNALS[at // 16 % 3], (draw.uniform(0, 0.3),))
        for at in range(times)
    ]


def dense(times: int, draw: random.Random) -> list[Kill]:
    """So many, all of them to workers, four in a run."""
    return [
        Kill("worker", signal.SIGKILL, tuple(draw.uniform(0, 0.3) for _ in range(min(4, times - at))))
        for at in range(0, times, 4)
    ]


def main() -> int:
    """Send them, and count."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.kills", description="Kill runs, and resume them.")
    parser.add_argument("--times", type=int, default=100, metavar="N")
    parser.add_argument("--dense", action="store_true", help="several in each of some long parallel runs")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    options = parser.parse_args()
    counted: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(Path(folder), 5 * FACTS if options.dense else FACTS)
        for kill in (dense if options.dense else kills)(options.times, random.Random(options.seed)):
            try:
                counted[tried(runs, kill)] += 1
            except AssertionError as error:
                counted["WRONG"] += 1
                print(f"{kill}: {error}", flush=True)
        runs.close()
    print(*(f"{kind}: {count}" for kind, count in sorted(counted.items())), sep="\n")
    return int(counted["WRONG"] > 0)


if __name__ == "__main__":
    raise SystemExit(main())
