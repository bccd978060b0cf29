"""`torch.utils.benchmark`: what a Timer runs, how often, with how many threads, and what it tells.

It is imported in each fact: in some releases that needs setuptools, which torch does not ask for.
"""

import pytest
import torch

from torchproof import fact

TIMER = "torch.utils.benchmark.Timer"


@fact(TIMER, myth="a Timer runs with as many threads as torch has", hint="num_threads=torch.get_num_threads()")
def test_runs_with_one_thread():
    """A `benchmark.Timer` runs its statement with one thread, unless `num_threads` says more, and then restores it."""
    from torch.utils.benchmark import Timer

    seen, before = [], torch.get_num_threads()
    count = {"threads": lambda: seen.append(torch.get_num_threads())}
    one = Timer("threads()", globals=count).timeit(1)
    three = Timer("threads()", globals=count, num_threads=3).timeit(1)
    assert (one.task_spec.num_threads, three.task_spec.num_threads, set(seen)) == (1, 3, {1, 3})
    assert torch.get_num_threads() == before


@fact(f"{TIMER}.timeit", myth="timeit gives the time of all runs together, as Python's does")
def test_timeit_tells_the_time_of_one_run():
    """`benchmark.Timer.timeit(number)` tells the seconds of one run, where Python's `timeit` tells those of all."""
    from torch.utils.benchmark import Timer

    clock = iter(range(0, 1000, 40))
    found = Timer("pass", timer=lambda: float(next(clock))).timeit(20)
    assert (found.median, found.number_per_run) == (40 / 20, 20)


@fact(f"{TIMER}.timeit")
def test_timeit_warms_up():
    """`benchmark.Timer.timeit(50)` runs the statement more than 50 times, as it warms up."""
    from torch.utils.benchmark import Timer

    runs = []
    Timer("runs.append(0)", globals={"runs": runs}).timeit(50)
    assert len(runs) > 50


@fact(TIMER)
def test_runs_setup_before_the_statement():
    """A `benchmark.Timer` runs `setup` before it measures, once for all the runs that it measures."""
    from torch.utils.benchmark import Timer

    done = []
    Timer("done.append('run')", setup="done.append('setup')", globals={"done": done}).timeit(50)
    assert done[0] == "setup" and done[-51:] == ["setup"] + ["run"] * 50


@fact(TIMER, myth="a Timer sees the variables where it is made", hint="globals={'x': x}, or globals=globals()")
def test_does_not_see_local_variables():
    """A `benchmark.Timer` sees the names of `globals=` alone: a local variable around it raises NameError."""
    from torch.utils.benchmark import Timer

    x = torch.ones(2)
    assert Timer("x.neg()", globals={"x": x}).timeit(1).median > 0
    with pytest.raises(NameError, match="name 'x' is not defined"):
        Timer("x.neg()").timeit(1)


@fact(f"{TIMER}.blocked_autorange")
def test_blocked_autorange_measures_for_a_time():
    """`Timer.blocked_autorange(min_run_time=8)` measures blocks of runs until they have taken eight seconds in all."""
    from torch.utils.benchmark import Measurement, Timer

    now = 0.0

    def run():
        nonlocal now
        now += 1

    found = Timer("run()", timer=lambda: now, globals={"run": run}).blocked_autorange(min_run_time=8)
    assert isinstance(found, Measurement)
    assert (found.raw_times, found.number_per_run) == ([1.0] * 8, 1)


@fact("torch.utils.benchmark.Measurement")
def test_measurement_tells_the_median_of_its_blocks():
    """`Measurement.median` is the time of a run in the middle one of its blocks, which one slow block does not move."""
    from torch.utils.benchmark import Measurement, Timer

    spec = Timer("pass").timeit(1).task_spec
    found = Measurement(number_per_run=10, raw_times=[20.0, 30.0, 9000.0], task_spec=spec)
    assert (found.median, found.times) == (3.0, [2.0, 3.0, 900.0])


@fact("torch.utils.benchmark.Measurement.merge")
def test_merge_joins_what_has_the_same_labels():
    """`Measurement.merge` joins measurements of one statement with one `label`, in the order in which they come."""
    from torch.utils.benchmark import Measurement, Timer

    found = [Timer("pass", label=label).timeit(1) for label in ("sum", "sum", "mean")]
    assert [(one.label, len(one.raw_times)) for one in Measurement.merge(found)] == [("sum", 2), ("mean", 1)]


@fact("torch.utils.benchmark.Compare.print")
def test_compare_prints_a_table(capsys):
    """`Compare.print` writes a table a `label`, with a row for each `sub_label` and a column for each `description`."""
    from torch.utils.benchmark import Compare, Timer

    found = [
        Timer("pass", label="sum", sub_label=size, description=how).timeit(1)
        for size in ("small", "large")
        for how in ("eager", "compiled")
    ]
    Compare(found).print()
    lines = capsys.readouterr().out.splitlines()
    [header] = [line for line in lines if "eager" in line]
    assert "sum" in lines[0] and header.index("eager") < header.index("compiled")
    assert [line.split()[0] for line in lines if line.strip().startswith(("small", "large"))] == ["small", "large"]


@pytest.mark.gpu
@fact(TIMER, myth="a Timer needs torch.cuda.synchronize() in its statement")
def test_waits_for_the_gpu():
    """A `benchmark.Timer` waits for the GPU: large products take over half the time that CUDA's own events say."""
    from torch.utils.benchmark import Timer

    x = torch.ones(4096, 4096, device="cuda")
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    x.mm(x)
    start.record()
    for _ in range(10):
        x.mm(x)
    end.record()
    end.synchronize()
    found = Timer("for _ in range(10): x.mm(x)", globals={"x": x}).timeit(3)
    assert found.median * 1000 > start.elapsed_time(end) / 2
