"""Benchmarks are collected instead of facts, timed by pytest-benchmark, and tell more than time."""

import json

import pytest
import torch

from tests.project import HOLDS

SUM = '''
from fixtures.benchmarks import bench

@bench("torch.sum", moves=lambda x: 4 * x.numel(), quick=True)
@pytest.mark.parametrize("size", [10, 1000])
def bench_of_a_vector(benchmark, size):
    """The sum of a vector."""
    assert benchmark(torch.sum, torch.ones(size)) == size
'''

ONE = '''
from fixtures.benchmarks import bench

@bench("torch.add"{0})
def bench_one(benchmark):
    """The sum of two numbers."""
    {1}
'''

FAST = ("--benchmark-max-time=0.001", "--benchmark-min-rounds=2", "--benchmark-columns=median")
FILE = "suites/topic/bench_area.py"


@pytest.fixture(autouse=True)
def in_no_worker(monkeypatch):
    """In a worker of pytest-xdist, pytest-benchmark measures nothing."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


@pytest.fixture
def saved(project):
    """`saved(source, *options)` runs the benchmarks of `source` and gives the JSON file that pytest-benchmark wrote."""
    pytest.importorskip("pytest_benchmark")

    def run(source, *options):
        project.suite(source, FILE)
        project.run("--benchmarks", "--benchmark-json=saved.json", *FAST, *options)
        return json.loads((project.path / "saved.json").read_text())

    return run


@pytest.fixture
def told(project):
    """`told(source)` collects and sets up benchmarks without timing, and gives pytest's output."""
    pytest.importorskip("pytest_benchmark")

    def run(source, *options):
        project.suite(source, FILE)
        return project.run("--benchmarks", "--benchmark-disable", "-rs", *options)

    return run


class TestCollection:
    def test_leaves_benchmarks_out_of_a_plain_run(self, project):
        project.suite(SUM, FILE)
        project.suite(HOLDS)
        project.run().assert_outcomes(passed=1)

    def test_takes_benchmarks_instead_of_facts(self, told, project):
        project.suite(HOLDS)
        result = told(SUM, "-v")
        result.assert_outcomes(passed=2)
        result.stdout.fnmatch_lines(["*bench_area.py::bench_of_a_vector?10?*"])

    def test_does_not_even_import_the_facts(self, told, project):
        project.suite("raise RuntimeError")
        told(SUM).assert_outcomes(passed=2)

    def test_deselects_facts_that_are_named(self, told, project):
        facts = project.suite(HOLDS)
        told(SUM, facts, project.path / FILE).assert_outcomes(passed=2, deselected=1)

    def test_takes_a_folder(self, told, project):
        project.suite(SUM, "suites/other/bench_area.py")
        told(SUM, "suites/topic").assert_outcomes(passed=2)

    def test_takes_the_users_own_file_that_is_named(self, told, project):
        project.pytester.makepyfile(test_mine="def test_mine(benchmark):\n    benchmark(len, [])")
        told(SUM, "test_mine.py").assert_outcomes(passed=1)

    def test_writes_no_record(self, told, project):
        told(SUM)
        assert project.records() == []

    def test_says_that_pytest_benchmark_is_missing(self, project):
        result = project.run("--benchmarks", "-p", "no:benchmark")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["ERROR: --benchmarks needs the package pytest-benchmark: pip install *"])


class TestRefusals:
    @pytest.mark.parametrize(
        ("source", "reason"),
        [
            ("def bench_one(benchmark): ...", "it is not declared with @bench"),
            ('@bench("torch.add")\ndef bench_one(benchmark): ...', "it has no claim"),
            ('@bench()\ndef bench_one(benchmark):\n    """The sum of two."""', "it names no subject"),
            ('@bench("torch.ad")\ndef bench_one(benchmark):\n    """The sum of two."""', "no supported torch has"),
        ],
    )
    def test_names_what_is_wrong(self, told, source, reason):
        told("from fixtures.benchmarks import bench\n" + source).stdout.fnmatch_lines([f"*topic.area.one: *{reason}*"])

    @pytest.mark.parametrize(
        ("argument", "reason"),
        [
            (', clock="sun"', "clock='sun' is not one of thread, wall"),
            (", threads=2", "threads=2 are not seen by the clock of one thread"),
            (', since="soon"', "since='soon' is not a release"),
        ],
    )
    def test_names_the_argument(self, told, argument, reason):
        told(ONE.format(argument, "...")).stdout.fnmatch_lines([f"*{reason}*"])


class TestSkips:
    def test_says_that_the_subject_is_missing(self, told, monkeypatch):
        monkeypatch.delattr(torch, "add")
        told(ONE.format("", "...")).stdout.fnmatch_lines([f"SKIPPED*torch {torch.__version__} has no torch.add"])

    def test_says_that_torch_is_too_old(self, told):
        told(ONE.format(', since="9.0"', "...")).stdout.fnmatch_lines(["SKIPPED*is older than 9.0"])

    def test_says_which_package_is_missing(self, told):
        result = told(ONE.format(', requires="no_such_package"', "..."))
        result.stdout.fnmatch_lines(["SKIPPED*the package no_such_package is not installed"])

    def test_says_which_device_is_missing(self, told):
        result = told(ONE.format("", "...").replace("def bench_one", "@pytest.mark.gpu\ndef bench_one"))
        if not torch.cuda.is_available():
            result.stdout.fnmatch_lines(["SKIPPED*no cuda device here"])

    def test_says_that_there_is_no_kernel(self, told):
        body = """raise RuntimeError("\\"addmm\\" not implemented for 'Half'")"""
        told(ONE.format("", body)).stdout.fnmatch_lines(["SKIPPED*not implemented for 'Half'"])

    def test_lets_other_errors_fail(self, told):
        told(ONE.format("", "raise RuntimeError('out of memory')")).assert_outcomes(failed=1)


class TestPreparation:
    def test_begins_with_the_same_seed(self, told):
        both = ONE.format("", "pytest.drawn = torch.rand(1).item()") + ONE.format(
            "", "assert torch.rand(1).item() == pytest.drawn"
        ).replace("bench_one", "bench_two")
        try:
            told(both).assert_outcomes(passed=2)
        finally:
            del pytest.drawn

    def test_sets_the_number_of_threads_and_puts_it_back(self, told):
        before = torch.get_num_threads()
        body = f"assert torch.get_num_threads() == {before + 1}"
        told(ONE.format(f", clock='wall', threads={before + 1}", body)).assert_outcomes(passed=1)
        assert torch.get_num_threads() == before


class TestResults:
    def test_says_what_each_is_about(self, saved):
        info = saved(SUM)["benchmarks"][1]["extra_info"]
        assert info["id"] == "topic.area.of_a_vector[1000]"
        assert info["claim"] == "The sum of a vector."
        assert info["subjects"] == ["torch.sum"]
        assert info["parameters"] == {"size": 1000}
        assert (info["clock"], info["threads"], info["quick"]) == ("thread", 1, True)

    def test_names_parameters_that_json_has_no_word_for(self, saved):
        source = SUM.replace("[10, 1000]", "[torch.int8]").replace("torch.ones(size)", "torch.ones(1000, dtype=size)")
        assert saved(source)["benchmarks"][0]["extra_info"]["parameters"] == {"size": "int8"}

    def test_tells_work_and_exact_costs(self, saved):
        info = saved(SUM)["benchmarks"][1]["extra_info"]
        assert (info["moves"], info["flops"]) == (4000, None)
        assert (info["peak_bytes"], info["kernels"], info["route"]) == (4, 2, "")

    def test_tells_the_share_of_the_bandwidth(self, saved):
        file = saved(SUM)
        one, [ceilings] = file["benchmarks"][1], file["ceilings"]
        seconds, bandwidth = one["stats"]["median"], ceilings["copy"]["16384"]
        assert one["extra_info"]["share"] == pytest.approx(4000 / seconds / bandwidth)

    def test_tells_the_share_of_the_flops_in_the_dtype_of_the_arguments(self, saved):
        call = "benchmark(torch.mm, torch.ones(8, 8).double(), torch.ones(8, 8).double())"
        file = saved(ONE.format(", flops=1024", call))
        [one], [ceilings] = file["benchmarks"], file["ceilings"]
        share = 1024 / one["stats"]["median"] / ceilings["product"]["float64"]
        assert one["extra_info"]["share"] == pytest.approx(share)

    def test_takes_the_time_of_the_thread(self, saved):
        [one] = saved(ONE.format("", "benchmark(time.sleep, 0.01)"))["benchmarks"]
        assert one["options"]["timer"] == "thread_time"
        assert one["stats"]["median"] < 0.005

    def test_takes_the_time_of_the_wall_where_it_is_said(self, saved):
        [one] = saved(ONE.format(', clock="wall"', "benchmark(time.sleep, 0.01)"))["benchmarks"]
        assert one["stats"]["median"] >= 0.01

    def test_names_the_torch_and_its_environment(self, saved):
        file = saved(SUM)
        assert file["machine_info"]["torch"] == torch.__version__
        assert file["environment"]["cores"] >= 1

    def test_tells_the_same_of_pedantic(self, saved):
        body = "benchmark.pedantic(torch.neg, [torch.ones(8)], rounds=2)"
        assert saved(ONE.format("", body))["benchmarks"][0]["extra_info"]["peak_bytes"] == 32

    def test_tells_nothing_of_pedantic_with_a_setup(self, saved):
        body = "benchmark.pedantic(torch.neg, setup=lambda: ([torch.ones(8)], {}), rounds=2)"
        assert saved(ONE.format("", body))["benchmarks"][0]["extra_info"] == {}

    def test_leaves_the_users_own_alone(self, saved, project):
        project.pytester.makepyfile(test_mine="def test_mine(benchmark):\n    benchmark(len, [])")
        [one] = saved(SUM, "test_mine.py")["benchmarks"]
        assert one["extra_info"] == {}


class TestPytestBenchmark:
    def test_groups_by_benchmark(self, saved):
        assert {one["group"] for one in saved(SUM)["benchmarks"]} == {"topic.area.of_a_vector"}

    def test_lets_a_mark_say_another_group(self, saved):
        source = SUM.replace("@bench(", "@pytest.mark.benchmark(group='mine')\n@bench(")
        assert {one["group"] for one in saved(source)["benchmarks"]} == {"mine"}

    def test_compares_with_what_was_saved(self, project, recwarn):
        pytest.importorskip("pytest_benchmark")
        project.suite(SUM, FILE)
        project.run("--benchmarks", "--benchmark-autosave", *FAST)
        result = project.run("--benchmarks", "--benchmark-compare", *FAST)
        result.stdout.fnmatch_lines(["*bench_of_a_vector?10? (NOW)*"])
        result.stdout.fnmatch_lines(["*bench_of_a_vector?10? (0001_*)*"])
        assert not [warning for warning in recwarn if "machine_info is different" in str(warning.message)]

    def test_calls_once_where_it_is_disabled(self, told):
        body = "calls = []; benchmark(calls.append, 1); assert calls == [1]"
        told(ONE.format("", body)).assert_outcomes(passed=1)


class Event:
    """An event of a device whose clock is the number of events so far, in milliseconds."""

    recorded = 0

    def record(self):
        Event.recorded += 1
        self.at = Event.recorded

    def synchronize(self):
        assert self.at

    def elapsed_time(self, later):
        return later.at - self.at


class TestDevices:
    def test_clock_adds_up_the_time_between_events(self):
        timing = pytest.importorskip("fixtures.timing")
        clock = timing.DeviceClock(Event)
        assert [clock(), clock(), clock()] == pytest.approx([0.001, 0.002, 0.003])

    def test_calls_on_other_memory_each_time(self):
        timing = pytest.importorskip("fixtures.timing")
        x = torch.arange(timing.CACHE // 32)
        call = timing.rotating(torch.Tensor.numpy, [x], {})
        places = [call().ctypes.data for _ in range(12)]
        assert x.data_ptr() not in places
        assert (len(set(places)), places[:6]) == (6, places[6:])

    def test_calls_with_the_same_values(self):
        timing = pytest.importorskip("fixtures.timing")
        call = timing.rotating(torch.sum, [torch.tensor([1, 2])], {"dim": 0})
        assert [call().item(), call().item()] == [3, 3]

    @pytest.mark.parametrize("layout", ["sparse_coo", "sparse_csr", "sparse_bsc"])
    @pytest.mark.filterwarnings("ignore:Sparse")
    def test_copies_sparse_tensors(self, layout):
        timing = pytest.importorskip("fixtures.timing")
        blocks = {"blocksize": (1, 1)} if "bs" in layout else {}
        x = torch.eye(2).to_sparse(layout=getattr(torch, layout), **blocks)
        given = timing.rotating(lambda x: x, [x], {})()
        assert given is not x
        assert torch.equal(given.to_dense(), torch.eye(2))

    def test_makes_few_copies_of_what_an_optimizer_holds(self, monkeypatch):
        timing = pytest.importorskip("fixtures.timing")
        monkeypatch.setattr(timing, "CACHE", 10 << 20)
        weight = torch.nn.Parameter(torch.zeros(1 << 20))
        call = timing.rotating(lambda optimizer: id(optimizer), [torch.optim.SGD([weight])], {})
        assert len({call() for _ in range(100)}) == 4
