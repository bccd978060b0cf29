"""The protocol of a comparison: rounds of three launches, in which blocks of each benchmark take turns."""

from __future__ import annotations

import contextlib
import math
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, TypedDict

import numpy

from torchproof.reports import Refusal
from torchproof.reports.costs import statistics
from torchproof.reports.costs.comparison import Benchmark, Comparison, Contrast, Failed, Figures, Side
from torchproof.reports.costs.launches import Ended, Lost, Stopped, Worker
from torchproof.reports.costs.statistics import Judged

ALPHA = 0.05
BLOCK = 0.002  # seconds that a block takes at least: long against the clock, short against the machine's ups and downs
FEWEST, MOST, STEP = 6, 60, 6  # turns that a benchmark takes in a round, and after how many it is seen if they suffice
DEATHS = 2  # of workers, after which the benchmark that they died in is left out
SIDES = {"a1": "a", "b": "b", "a2": "a"}


@dataclass(frozen=True)
class Mode:
    """How far a comparison goes: `precision` is the error within a launch at which a round has seen enough of it."""

    name: str
    threshold: float
    rounds: int
    minutes: float
    precision: float


QUICK = Mode("quick", threshold=0.05, rounds=10, minutes=7, precision=0.006)
THOROUGH = Mode("thorough", threshold=0.01, rounds=30, minutes=60, precision=0.003)


@dataclass(frozen=True)
class Plan:
    """What is compared: the `python` of each side, what pytest is told, and which of the benchmarks count."""

    pythons: dict[str, str]
    arguments: Sequence[str]
    mode: Mode
    only_quick: bool
    seed: int
    fail_slower: float | None = None
    plant: float = 1.0


@dataclass(frozen=True)
class Progress:
    """How far a comparison is. `left` is in seconds, an estimate."""

    round: int
    rounds: int
    done: int
    benchmarks: int
    spent: float
    left: float

    def __str__(self) -> str:
        where = f"round {self.round}/{self.rounds}, {self.done}/{self.benchmarks} benchmarks"
        return f"{where}, {self.spent:.0f} s, about {self.left:.0f} s left"


class Work(TypedDict):
    """What one call of a benchmark does, as its worker tells it."""

    moves: float | None
    flops: float | None


def measure(plan: Plan, tell: Callable[[Progress | str], None]) -> Comparison:
    """Compare, for as long as the plan's mode says or until Ctrl-C; `tell` is given the progress, and what goes wrong.

    Raises Refusal where the workers cannot be started or share no benchmark, and KeyboardInterrupt where nothing was
    measured before it.
    """
    measurement = Measurement(plan, tell)
    complete = False
    try:
        measurement.run()
        complete = True
    except KeyboardInterrupt:
        if not measurement.times:
            raise
    except Lost as lost:  # in a launch: in the first it is a wrong environment, later the machine
        if not measurement.times:
            raise Refusal(f"{plan.pythons[lost.side]} cannot collect the benchmarks: {lost}") from lost
        tell(f"not launched: {lost}")
    finally:
        measurement.end()
    return measurement.comparison(complete)


@dataclass
class Measurement:
    """What a comparison has come to so far."""

    plan: Plan
    tell: Callable[[Progress | str], None]
    workers: dict[str, Worker] = field(default_factory=dict)
    benchmarks: dict[str, dict[str, Any]] = field(default_factory=dict)
    times: dict[str, list[list[float]]] = field(default_factory=lambda: defaultdict(list))
    work: dict[str, Work] = field(default_factory=dict)
    figures: dict[str, dict[str, Figures]] = field(default_factory=lambda: defaultdict(dict))
    failed: list[Failed] = field(default_factory=list)
    about: dict[str, Side] = field(default_factory=dict)
    deaths: Counter[str] = field(default_factory=Counter)
    left_out: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.start = time.monotonic()
        self.coin = random.Random(self.plan.seed)
        self.rounds = self.done = 0
        self.launching = 0.0

    # --- rounds -------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Take rounds until there were enough, or the time for another is lacking."""
        while self.rounds < self.plan.mode.rounds and self._left() > self.launching:
            self._round()

    def _round(self) -> None:
        start = time.monotonic()
        self._launch(self.coin.sample(sorted(SIDES), 3))
        if not self.benchmarks:
            self._take_in()
        self.launching, self.rounds, self.done = time.monotonic() - start, self.rounds + 1, 0
        waiting = sorted(self.benchmarks.keys() - self.left_out)
        for identity in self.coin.sample(waiting, len(waiting)):
            if self._left() < 0 and self.rounds > 1:  # the machine has become slower
                break
            self._benchmark(identity)
            self.done += 1
            self.tell(self._progress())
        self.end()

    def _launch(self, names: Sequence[str]) -> None:
        for name in names:
            side = SIDES[name]
            self.workers[name] = Worker(side, self.plan.pythons[side], self.plan.arguments, self.coin)
        for name in names:
            self.workers[name].wait_until_ready()

    def end(self) -> None:
        """End all workers."""
        for worker in self.workers.values():
            worker.end()

    def _take_in(self) -> None:
        """Take in what the workers tell of themselves and their benchmarks."""
        a, b = self.workers["a1"], self.workers["b"]
        self.about = {worker.side: Side(**worker.about) for worker in (a, b)}
        for worker in (a, b):
            self.failed += [Failed(side=worker.side, **failed) for failed in worker.failed]
        wanted = {
            worker.side: {one["id"]: one for one in worker.benchmarks if one["quick"] or not self.plan.only_quick}
            for worker in (a, b)
        }
        self.benchmarks = {one: about for one, about in wanted["a"].items() if one in wanted["b"]}
        for side, other in ("ab", "ba"):
            missing = sorted(wanted[other].keys() - wanted[side].keys())
            self.failed += [Failed(one, side, "is not collected there") for one in missing]
        if not self.benchmarks:
            raise Refusal("; ".join(f"{one.id}: {one.reason}" for one in self.failed) or "there is no such benchmark")

    # --- one benchmark in one round -----------------------------------------------------------------------------------

    def _benchmark(self, identity: str) -> None:
        until = time.monotonic() + self._share()
        try:
            self._prepare(identity)
            times = self._turns(until)
            if identity not in self.figures:
                self.figures[identity] = {self.workers[name].side: self._figures(name) for name in ("a1", "b")}
            for worker in self.workers.values():
                worker.leave()
        except Stopped as stopped:
            self._give_up(identity, stopped)
        else:
            self.times[identity].append([math.exp(statistics.launch_mean(times[name])) for name in SIDES])

    def _prepare(self, identity: str) -> None:
        stopped: list[Stopped] = []
        for worker in self.workers.values():
            worker.tell(prepare=identity)
        for worker in self.workers.values():
            try:
                self.work[identity] = worker.answer()["prepared"]
            except Stopped as one:
                stopped.append(one)
        if lost := [one for one in stopped if isinstance(one, Lost)]:
            raise lost[0]
        if stopped:
            sides = "".join(sorted({one.side for one in stopped}))
            raise Ended(sides, "; ".join(dict.fromkeys(map(str, stopped))))

    def _turns(self, until: float) -> dict[str, list[float]]:
        """The seconds a call of each worker's blocks, which take turns in random order."""
        calls = max(worker.ask(calibrate=BLOCK)["calls"] for worker in self.workers.values())
        times: dict[str, list[float]] = {name: [] for name in SIDES}
        for turn in range(1, MOST + 1):
            for name in self.coin.sample(sorted(SIDES), 3):
                plant = self.plan.plant if name == "b" else 1.0
                told = self.workers[name].ask(block=calls, seed=self.coin.randrange(2**32), plant=plant)
                times[name].append(told["seconds"] / calls)
            if turn >= FEWEST and (time.monotonic() > until or self._suffices(turn, times)):
                break
        return times

    def _suffices(self, turn: int, times: dict[str, list[float]]) -> bool:
        """Whether each worker's own mean is precise, whatever it is."""
        return turn % STEP == 0 and all(
            statistics.launch_error(blocks) < self.plan.mode.precision for blocks in times.values()
        )

    def _figures(self, name: str) -> Figures:
        counted = self.workers[name].ask(figures=True)["figures"]
        route = counted.pop("route")
        return Figures(**counted, route=None if route is None else [one for one in route.split(", ") if one])

    def _give_up(self, identity: str, stopped: Stopped) -> None:
        """Go on without this benchmark, or where a worker was lost, without this round of it and with a new worker."""
        self.failed.append(Failed(identity, stopped.side, str(stopped)))
        self.tell(f"{identity} on {stopped.side.upper()}: {stopped}")
        self.deaths[identity] += isinstance(stopped, Lost)
        if isinstance(stopped, Ended) or self.deaths[identity] == DEATHS:
            self.left_out.add(identity)
        for worker in self.workers.values():
            with contextlib.suppress(Stopped):
                worker.leave()
        lost = [name for name, worker in self.workers.items() if worker.is_lost]
        for name in lost:
            self.workers[name].end()
        self._launch(lost)

    # --- time ---------------------------------------------------------------------------------------------------------

    def _spent(self) -> float:
        return time.monotonic() - self.start

    def _left(self) -> float:
        return 60 * self.plan.mode.minutes - self._spent()

    def _share(self) -> float:
        """The seconds that one benchmark may take now, of those that are left without the launches still to come."""
        rounds = self.plan.mode.rounds - self.rounds
        turns = rounds * len(self.benchmarks) + len(self.benchmarks) - self.done
        return max(0.0, self._left() - rounds * self.launching) / turns

    def _progress(self) -> Progress:
        count = len(self.benchmarks)
        done = (self.rounds - 1) * count + self.done
        left = self._spent() / done * (self.plan.mode.rounds * count - done) if done else self._left()
        return Progress(
            self.rounds, self.plan.mode.rounds, self.done, count, self._spent(), max(0.0, min(left, self._left()))
        )

    # --- what it says -------------------------------------------------------------------------------------------------

    def comparison(self, complete: bool) -> Comparison:
        """Everything measured so far, judged."""
        rows = {identity: numpy.log(times) for identity, times in sorted(self.times.items())}
        rules = self.plan.mode.threshold, ALPHA
        against = statistics.judge([statistics.against(logs) for logs in rows.values()], *rules)
        itself = statistics.judge([statistics.against_itself(logs) for logs in rows.values()], *rules)
        return Comparison(
            mode=self.plan.mode.name,
            complete=complete,
            paired=True,
            seconds=self._spent(),
            threshold=self.plan.mode.threshold,
            alpha=ALPHA,
            fail_slower=self.plan.fail_slower,
            rounds=self.rounds,
            seed=self.plan.seed,
            a=self.about["a"],
            b=self.about["b"],
            benchmarks=[self._judged(*one) for one in zip(rows, against, itself)],
            failed=self.failed,
        )

    def _judged(self, identity: str, against: Judged, itself: Judged) -> Benchmark:
        about, times = self.benchmarks[identity], self.times[identity]
        a1, b, a2 = zip(*times)
        return Benchmark(
            **{name: about[name] for name in ("id", "claim", "subjects", "parameters", "clock")},
            times=times,
            seconds_a=median(a1 + a2),
            seconds_b=median(b),
            ratio=against.ratio,
            low=against.low,
            high=against.high,
            p=against.p,
            verdict=against.verdict,
            visible=against.visible,
            itself=Contrast(itself.ratio, itself.low, itself.high, itself.verdict) if len(times) > 1 else None,
            figures=self.figures[identity],
            **self.work[identity],
        )
