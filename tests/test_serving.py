"""A worker of a comparison does what its controller says, and ends with it."""

import os
import random
import subprocess
import sys
import time

import pytest

from reports.comparison.workers import Ended, Lost, Worker
from tests.project import ROOT

SOURCE = '''
import os, signal, time
import pytest, torch
from fixtures.fact import unavailable

SETUPS = []

@pytest.fixture
def vector():
    return torch.ones(1000)

@pytest.mark.parametrize("size", [10, 1000])
def bench_sum(benchmark, size):
    """A sum."""
    assert benchmark(torch.sum, torch.ones(size)) == size

def bench_plain():
    sum(range(1000))

def bench_with_a_fixture(vector):
    vector.sum()

def test_pedantic(benchmark):
    made = lambda: SETUPS.append(1) or ((torch.ones(9),), {"dim": 0})
    assert benchmark.pedantic(torch.sum, setup=made, rounds=3, iterations=1, warmup_rounds=1) == 9
    assert len(SETUPS) > 10

def test_extra(benchmark):
    benchmark.extra_info["x"], benchmark.group = 1, "g"
    benchmark(int)

def bench_threads(benchmark):
    torch.set_num_threads(2)
    inside = benchmark(torch.get_num_threads)
    raise ValueError(f"{inside} inside, {torch.get_num_threads()} after it")

def bench_sleep(benchmark):
    benchmark(time.sleep, 0.05)

def bench_random(benchmark):
    x = torch.rand(1).item()
    benchmark(lambda: None)
    raise ValueError(x)

def bench_prints(benchmark):
    print("{not for the controller}")
    benchmark(os.system, "echo nor this")

def bench_skipped(benchmark):
    pytest.skip("not today")

def bench_unavailable(benchmark):
    unavailable("device", "abc")

def bench_broken(benchmark):
    benchmark(lambda: 1 / 0)

def bench_late(benchmark):
    calls = []
    benchmark(lambda: calls.append(1) or 1 / (4 - len(calls)))

def bench_never(benchmark):
    pass

def bench_twice(benchmark):
    benchmark(int)
    benchmark(int)

def bench_dies(benchmark):
    benchmark(lambda: None)
    os.kill(os.getpid(), signal.SIGSEGV)

def bench_fork(benchmark):
    if not (child := os.fork()):
        time.sleep(60)
        os._exit(0)
    benchmark(lambda: None)
    raise ValueError(child)

def test_ordinary():
    pass
'''


def start(folder, source=SOURCE):
    file = folder / "bench_some.py"
    file.write_text(source)
    settings = ["-o", "python_files=bench_*.py", "-o", "python_functions=bench_* test_*"]
    options = ["--rootdir", folder, "-p", "no:cacheprovider", *settings, file]
    worker = Worker("a", sys.executable, [*map(str, options)], random.Random(0))
    worker.wait_until_ready()
    return worker


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    worker = start(tmp_path_factory.mktemp("served"))
    yield worker
    worker.end()


def served(worker, name, *commands):
    """Prepare it, and give the answers to the commands."""
    answers = [worker.ask(prepare=f"some.{name}"), *(worker.ask(**command) for command in commands)]
    worker.leave()
    return answers


def block(calls, plant=1.0):
    return {"block": calls, "seed": 0, "plant": plant}


class TestCollection:
    def test_lists_benchmarks_and_no_tests(self, worker):
        ids = [one["id"] for one in worker.benchmarks]
        assert {"some.sum[10]", "some.sum[1000]", "some.plain", "some.pedantic"} <= set(ids)
        assert "some.ordinary" not in ids

    def test_describes_them(self, worker):
        [one] = [one for one in worker.benchmarks if one["id"] == "some.sum[10]"]
        assert one == {
            "id": "some.sum[10]",
            "claim": "A sum.",
            "subjects": [],
            "parameters": {"size": 10},
            "clock": "thread",
            "threads": 1,
            "quick": False,
        }

    def test_tells_what_the_side_is(self, worker):
        import torch

        assert worker.about["torch"] == torch.__version__
        assert worker.about["environment"]["cores"] == os.cpu_count()

    def test_tells_what_cannot_be_collected(self, tmp_path):
        worker = start(tmp_path, "import nowhere")
        worker.end()
        assert worker.benchmarks == []
        [failed] = worker.failed
        assert "No module named 'nowhere'" in failed["reason"]


class TestService:
    @pytest.mark.parametrize("name", ["sum[10]", "plain", "with_a_fixture", "pedantic", "extra"])
    def test_times_each_kind(self, worker, name):
        _, calibrated, timed = served(worker, name, {"calibrate": 0.001}, block(10))
        assert calibrated["calls"] > 10
        assert 0 < timed["seconds"] < 0.1

    def test_calibrates_a_block(self, worker):
        _, calibrated = served(worker, "plain", {"calibrate": 0.005})
        _, timed = served(worker, "plain", block(calibrated["calls"]))
        assert 0.0025 < timed["seconds"] < 0.02

    def test_does_not_wait_for_a_clock_that_hardly_moves(self, worker):
        start = time.monotonic()
        assert served(worker, "sleep", {"calibrate": 10.0})[1]["calls"] >= 1
        assert time.monotonic() - start < 10

    def test_can_be_prepared_again(self, worker):
        assert len(served(worker, "sum[10]", block(1))) == len(served(worker, "sum[10]", block(1)))

    def test_a_planted_slowdown_is_in_the_time(self, worker):
        _, *blocks = served(worker, "plain", *[block(200, plant) for _ in range(10) for plant in (1.0, 3.0)])
        fair, planted = (sorted(told["seconds"] for told in blocks[start::2])[5] for start in (0, 1))
        assert planted / fair == pytest.approx(3, rel=0.3)

    def test_tells_the_figures(self, worker):
        _, told = served(worker, "sum[1000]", {"figures": True})
        assert {"peak_bytes", "resident_bytes", "kernels", "route"} <= told["figures"].keys()

    def test_keeps_what_is_printed_to_itself(self, worker):
        assert served(worker, "prints", block(2))[1]["seconds"] > 0


class TestEnd:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("skipped", "^not today"),
            ("unavailable", "^no abc device here"),
            ("broken", "ZeroDivisionError"),
            ("never", "never calls benchmark"),
        ],
    )
    def test_before_service_has_a_reason(self, worker, name, reason):
        with pytest.raises(Ended, match=reason):
            worker.ask(prepare=f"some.{name}")

    def test_of_what_is_not_there_has_a_reason(self, worker):
        with pytest.raises(Ended, match="no longer collected"):
            worker.ask(prepare="some.other")

    def test_in_service_has_a_reason(self, worker):
        with pytest.raises(Ended, match="ZeroDivisionError"):
            served(worker, "late", block(10))
        assert served(worker, "plain", block(1))  # and the worker lives

    def test_a_second_call_is_refused(self, worker):
        with pytest.raises(Ended, match="called twice"):
            served(worker, "twice")

    def test_threads_are_those_of_before(self, worker):
        with pytest.raises(Ended, match="1 inside, 2 after it"):
            served(worker, "threads")

    def test_each_has_the_same_seed(self, worker):
        reasons = []
        for _ in range(2):
            with pytest.raises(Ended) as ended:
                served(worker, "random")
            reasons.append(str(ended.value))
        assert reasons[0] == reasons[1]


def gone(pid):
    """Whether a process is no more, or at least no longer running."""
    for _ in range(100):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                if stat.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="reads /proc")
class TestDeath:
    def test_is_told_with_its_signal(self, tmp_path):
        worker = start(tmp_path)
        with pytest.raises(Lost, match="SIGSEGV"):
            served(worker, "dies")
        assert worker.is_lost
        worker.end()

    def test_of_the_controller_ends_the_worker_and_what_it_started(self, tmp_path):
        worker = start(tmp_path)
        with pytest.raises(Ended) as ended:
            served(worker, "fork")
        child = str(ended.value).rpartition(" ")[2]
        worker._child._process.stdin.close()
        assert gone(worker._child._process.pid)
        assert gone(child)

    def test_of_the_controller_is_noticed_in_the_midst_of_work(self, tmp_path):
        worker = start(tmp_path)
        worker.ask(prepare="some.plain")
        worker.tell(calibrate=60.0)
        worker._child._process.stdin.close()
        assert gone(worker._child._process.pid)


def test_an_environment_without_torch_says_so(tmp_path):
    worker = Worker("a", sys.executable, ["--no-such-option"], random.Random(0))
    with pytest.raises(Lost, match="no-such-option"):
        worker.wait_until_ready()
    worker.end()


def test_imports_only_what_a_bare_environment_has():
    code = "import sys; from fixtures import serving; print(*{'scipy', 'pytest_benchmark'} & sys.modules.keys())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert told.stdout.strip() == ""
