"""A comparison keeps to its protocol, whatever becomes of its workers, and says what it saw."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from tests.benchmarks import save
from tests.project import ROOT
from torchproof.__main__ import main
from torchproof.data import Damaged
from torchproof.reports import Refusal
from torchproof.reports.costs import compare, measure
from torchproof.reports.costs import comparison as record
from torchproof.reports.costs.launches import Ended, Lost
from torchproof.reports.costs.measure import QUICK, Plan


class FakeWorker:
    """Answers as a worker would, at once: `costs` are seconds a call by side, `script` what happens instead."""

    costs = {"a": 1e-6, "b": 1e-6}
    ids = ("fast", "slow")
    script = {}
    alive = []
    log = []

    def __init__(self, side, python, arguments, coin):
        self.side, self.is_lost, self._item, self._told = side, False, None, None
        self.about = {"torch": f"2.{side}", "python": "3.11", "environment": {}}
        self.failed = []
        ids = self.ids[side] if isinstance(self.ids, dict) else self.ids
        self.benchmarks = [
            {"id": one, "claim": "", "subjects": [], "parameters": {}, "clock": "thread", "quick": one != "slow"}
            for one in ids
        ]
        self.alive.append(self)
        self.log.append(("launch", side))

    def wait_until_ready(self):
        self._happens("ready")

    def _happens(self, what):
        occasion = (what, self._item, self.side)
        if (error := self.script.get(occasion)) is not None:
            if isinstance(error, list):
                error = error.pop(0) if error else None
            if error is not None:
                self.is_lost = isinstance(error, Lost)
                self._item = None
                raise error

    def tell(self, **command):
        self._told = command

    def answer(self):
        command = self._told
        if "prepare" in command:
            self._item = command["prepare"]
        [what] = command.keys() & {"prepare", "calibrate", "block", "figures", "done"}
        self._happens(what)
        self.log.append((what, self.side))
        cost = self.costs[self.side] * command.get("plant", 1.0)
        return {
            "prepare": lambda: {"prepared": {"moves": 8, "flops": None}},
            "calibrate": lambda: {"calls": 100 if self.side == "a" else 200},
            "block": lambda: {"seconds": cost * command["block"]},
            "figures": lambda: {
                "figures": {"peak_bytes": 4, "resident_bytes": None, "kernels": 1, "route": "mkldnn, brgemm"}
            },
            "done": lambda: {},
        }[what]()

    def ask(self, **command):
        self.tell(**command)
        return self.answer()

    def leave(self):
        if self._item and not self.is_lost:
            self.ask(done=True)
            self._item = None

    def end(self):
        if self in self.alive:
            self.alive.remove(self)


@pytest.fixture
def fake(monkeypatch):
    """The fake worker, whose attributes a test may change."""

    class Fake(FakeWorker):
        script, alive, log = {}, [], []

    monkeypatch.setattr(measure, "Worker", Fake)
    return Fake


PLAN = Plan({"a": "A", "b": "B"}, [], replace(QUICK, rounds=3), only_quick=False, seed=0)


def compared(tell=lambda told: None, **changes):
    return measure.measure(replace(PLAN, **changes), tell)


def by_id(comparison):
    return {one.id: one for one in comparison.benchmarks}


class TestRounds:
    def test_launch_a_twice_and_b_once(self, fake):
        compared()
        launched = [side for what, side in fake.log if what == "launch"]
        assert [sorted(launched[start : start + 3]) for start in (0, 3, 6)] == [["a", "a", "b"]] * 3

    def test_launch_in_random_order(self, fake):
        compared(mode=replace(QUICK, rounds=20))
        launched = [side for what, side in fake.log if what == "launch"]
        assert {launched[start : start + 3].index("b") for start in range(0, 60, 3)} == {0, 1, 2}

    def test_take_turns(self, fake):
        compared()
        blocks = [side for what, side in fake.log if what == "block"]
        assert {tuple(sorted(blocks[start : start + 3])) for start in range(0, len(blocks), 3)} == {("a", "a", "b")}

    def test_end_all_workers(self, fake):
        compared()
        assert fake.alive == []

    def test_give_times_of_a_call(self, fake):
        """Of the same number of calls on both sides, or a loop's own cost would be told apart."""
        assert by_id(compared())["fast"].times == [pytest.approx([1e-6] * 3)] * 3

    def test_are_fewer_where_the_time_is_up(self, fake):
        assert compared(mode=replace(QUICK, rounds=1000, minutes=0.02)).rounds < 1000


class TestSelection:
    def test_of_the_quick_ones(self, fake):
        assert by_id(compared(only_quick=True)).keys() == {"fast"}

    def test_tells_what_one_side_lacks(self, fake):
        fake.ids = {"a": ["fast"], "b": ["fast", "new"]}
        comparison = compared()
        assert by_id(comparison).keys() == {"fast"}
        assert comparison.failed == [record.Failed("new", "a", "is not collected there")]

    def test_of_nothing_is_refused(self, fake):
        fake.ids = ()
        with pytest.raises(Refusal, match="no such benchmark"):
            compared()
        assert fake.alive == []


class TestTrouble:
    def test_a_launch_that_fails_is_refused(self, fake):
        fake.script = {("ready", None, "b"): Lost("b", "the worker ended with exit code 1: No module named torch")}
        with pytest.raises(Refusal, match=r"B cannot collect the benchmarks: .* No module named torch"):
            compared()
        assert fake.alive == []

    def test_an_item_that_fails_is_left_out(self, fake):
        fake.script = {("prepare", "slow", "b"): Ended("b", "torch has no such thing")}
        comparison = compared()
        assert by_id(comparison).keys() == {"fast"}
        assert comparison.failed == [record.Failed("slow", "b", "torch has no such thing")]

    def test_an_item_that_fails_on_both_sides_is_told_once(self, fake):
        fake.script = {("prepare", "slow", side): Ended(side, "not today") for side in "ab"}
        assert compared().failed == [record.Failed("slow", "ab", "not today")]

    def test_a_lost_worker_costs_one_round_of_one_benchmark(self, fake):
        fake.script = {("block", "slow", "b"): [Lost("b", "the worker died of SIGSEGV")]}
        comparison = compared()
        assert {one: len(found.times) for one, found in by_id(comparison).items()} == {"fast": 3, "slow": 2}
        assert [failed.reason for failed in comparison.failed] == ["the worker died of SIGSEGV"]
        assert sum(what == "launch" for what, _ in fake.log) == 3 * 3 + 1

    def test_what_kills_every_worker_is_left_out(self, fake):
        fake.script = {("block", "slow", "b"): Lost("b", "the worker died of SIGSEGV")}
        comparison = compared()
        assert by_id(comparison).keys() == {"fast"}
        assert len(comparison.failed) == measure.DEATHS

    def test_a_later_launch_that_fails_keeps_what_was_measured(self, fake):
        fake.script = {("ready", None, "b"): [None, Lost("b", "the worker died of SIGKILL")]}
        comparison = compared()
        assert (comparison.complete, comparison.rounds) == (False, 1)
        assert by_id(comparison).keys() == {"fast", "slow"}

    def test_a_round_is_left_where_the_machine_becomes_slow(self, fake, monkeypatch):
        now = [0.0]
        monkeypatch.setattr(measure.time, "monotonic", lambda: now[0])

        def wait_until_ready(worker):
            now[0] += 100.0 * (sum(what == "launch" for what, _ in fake.log) > 3)

        monkeypatch.setattr(fake, "wait_until_ready", wait_until_ready)
        comparison = compared(mode=replace(QUICK, rounds=99, minutes=0.5))
        assert comparison.rounds == 2
        assert {len(one.times) for one in comparison.benchmarks} == {1}

    def test_is_told_at_once(self, fake):
        told = []
        fake.script = {("prepare", "slow", "b"): Ended("b", "not today")}
        compared(tell=told.append)
        assert "slow on B: not today" in told


class TestInterrupt:
    def test_keeps_what_was_measured(self, fake):
        fake.script = {("block", "slow", "a"): [None] * 20 + [KeyboardInterrupt()]}
        comparison = compared()
        assert not comparison.complete
        assert comparison.benchmarks
        assert fake.alive == []

    def test_before_anything_was_measured_is_one(self, fake):
        fake.script = {("ready", None, "a"): KeyboardInterrupt()}
        with pytest.raises(KeyboardInterrupt):
            compared()
        assert fake.alive == []


class TestResult:
    def test_of_equal_times(self, fake):
        comparison = compared()
        assert {one.verdict for one in comparison.benchmarks} == {"same"}
        assert {one.itself.verdict for one in comparison.benchmarks} == {"same"}

    def test_of_a_planted_slowdown(self, fake):
        comparison = compared(plant=1.25)
        assert {one.verdict for one in comparison.benchmarks} == {"slower"}
        assert [one.ratio for one in comparison.benchmarks] == pytest.approx([1.25, 1.25])
        assert {one.itself.verdict for one in comparison.benchmarks} == {"same"}

    def test_has_figures_and_work(self, fake):
        one = by_id(compared())["fast"]
        assert one.figures["b"] == record.Figures(4, None, 1, ["mkldnn", "brgemm"])
        assert (one.moves, one.flops) == (8, None)

    @pytest.mark.parametrize(("bound", "count"), [(None, 0), (1.2, 2), (1.3, 0)])
    def test_fails_for_what_is_too_slow(self, fake, bound, count):
        assert len(compared(plant=1.25, fail_slower=bound).too_slow) == count

    def test_progress_ends_with_nothing_left(self, fake):
        told = []
        compared(tell=told.append)
        assert (told[-1].round, told[-1].done, told[-1].left) == (3, 2, 0)


class TestRecord:
    def test_is_read_as_it_was_written(self, fake, tmp_path):
        comparison = compared()
        comparison.write(tmp_path / "new" / "comparison.json")
        assert record.read(tmp_path / "new" / "comparison.json") == comparison

    def test_has_the_names_that_are_promised(self, fake, tmp_path):
        compared().write(tmp_path / "comparison.json")
        document = json.loads((tmp_path / "comparison.json").read_text())
        assert (document["kind"], document["schema"]) == ("comparison", 1)
        assert document["benchmarks"][0]["self"].keys() == {"ratio", "low", "high", "verdict"}

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "run"}'])
    def test_of_something_else_is_refused(self, tmp_path, text):
        (tmp_path / "other.json").write_text(text)
        with pytest.raises(Damaged, match="is no"):
            record.read(tmp_path / "other.json")

    def test_of_a_newer_version_is_refused(self, tmp_path):
        (tmp_path / "new.json").write_text('{"kind": "comparison", "schema": 99}')
        with pytest.raises(Damaged, match="schema 99"):
            record.read(tmp_path / "new.json")


class TestCommand:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--python", "a"], "two environments"),
            (["--python", "a", "--python", "b", "nowhere.py"], "there is no nowhere.py"),
            (["--python", "a", "--python", "b", "--mine", "nowhere.py"], "there is no nowhere.py"),
            (["--python", "/no/where", "--python", "/no/where"], "/no/where cannot be started"),
        ],
    )
    def test_says_what_is_wrong_in_a_sentence(self, capsys, tmp_path, monkeypatch, arguments, said):
        monkeypatch.chdir(tmp_path)
        assert main(["compare", *arguments]) == 2
        assert said in capsys.readouterr().err

    def test_of_saved_files_is_unpaired(self, tmp_path, capsys):
        old = save(tmp_path / "old.json", "2.8.0", ("linalg.mm.one", 1e-3))
        new = save(tmp_path / "new.json", "2.15.0", ("linalg.mm.one", 3e-3))
        files = [str(old), str(new)]
        assert main(["compare", *files, "--fail-slower", "2", "-o", str(tmp_path / "out")]) == 1
        assert "Unpaired" in capsys.readouterr().out
        assert record.read(tmp_path / "out" / "comparison.json").benchmarks[0].verdict == "slower"

    def test_takes_the_folder_of_an_environment(self, tmp_path):
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "python").touch()
        assert compare._python(str(tmp_path)) == str(tmp_path / "bin" / "python")

    def test_exit_code_is_of_what_is_too_slow(self, fake, tmp_path, capsys):
        arguments = ["compare", "--python", "a", "--python", "b", "-k", "x", "--rounds", "2", "-o", str(tmp_path)]
        assert main([*arguments, "--fail-slower", "1.05"]) == 0
        assert main([*arguments, "--fail-slower", "1.05", "--plant", "1.25"]) == 1
        assert main([*arguments, "--plant", "1.25"]) == 0
        assert {file.name for file in tmp_path.iterdir()} >= {"comparison.json", "comparison.md", "comparison.html"}
        assert "fast" in capsys.readouterr().out


MINE = """
import torch

def bench_sum():
    torch.ones(1000).sum()

def test_max(benchmark):
    benchmark(torch.max, torch.ones(1000))
"""


class TestOfRealWorkers:
    @pytest.fixture
    def mine(self, tmp_path):
        (tmp_path / "mine.py").write_text(MINE)
        return ["compare", "--python", sys.executable, "--python", sys.executable, "--mine", str(tmp_path / "mine.py")]

    @pytest.mark.slow
    def test_finds_what_was_planted_in_ones_own(self, mine, tmp_path):
        assert main([*mine, "--rounds", "3", "--plant", "2", "--fail-slower", "1.5", "-o", str(tmp_path / "out")]) == 1
        found = record.read(tmp_path / "out" / "comparison.json")
        assert {one.id: one.verdict for one in found.benchmarks} == {"mine.sum": "slower", "mine.max": "slower"}

    @pytest.mark.timeout(180)
    @pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
    @pytest.mark.slow
    def test_is_interrupted(self, mine, tmp_path):
        command = [sys.executable, "-m", "torchproof", *mine, "--rounds", "99", "-o", str(tmp_path / "out")]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # What a shell starts in the background is deaf to it, and so is what that starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        for line in process.stderr:
            if line.startswith("round"):
                break
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert "nterrupted" in out
        assert not record.read(tmp_path / "out" / "comparison.json").complete
