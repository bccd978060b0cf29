"""`torch.profiler`: which steps and operators are recorded, with what, and what the exported trace holds."""

import gzip
import json
import threading
import time
from contextlib import suppress

import pytest
import torch
from torch.profiler import ProfilerActivity, profile, record_function

from torchproof import fact, race
from torchproof.fixtures.race import slower

CPU = [ProfilerActivity.CPU]
PROFILE = "torch.profiler.profile"


def product():
    """A product of matrices, which is one operator below `aten::matmul`."""
    return torch.ones(2, 3).mm(torch.ones(3, 4))


def profiled(function, **options):
    """The profile of a call."""
    with profile(activities=CPU, **options) as found:
        function()
    return found


def rows(found, name, **options):
    """The rows of `key_averages` for a name."""
    return [row for row in found.key_averages(**options) if row.key == name]


def exported(found, folder):
    """The events of the Chrome trace, by name."""
    found.export_chrome_trace(str(folder / "trace.json"))
    return {event["name"]: event for event in json.loads((folder / "trace.json").read_text())["traceEvents"]}


# --- which steps ------------------------------------------------------------------------------------------------------


@fact("torch.profiler.schedule")
def test_schedule_waits_warms_up_and_records():
    """A profiler's `schedule(skip_first=1, wait=1, warmup=1, active=2, repeat=2)` records steps 3, 4, 7 and 8 alone."""
    action = torch.profiler.schedule(skip_first=1, wait=1, warmup=1, active=2, repeat=2)
    once = ["NONE", "WARMUP", "RECORD", "RECORD_AND_SAVE"]
    assert [action(step).name for step in range(11)] == ["NONE", *once, *once, "NONE", "NONE"]


@fact("torch.profiler.schedule", myth="a schedule ends after its active steps", hint="repeat=1")
def test_schedule_without_repeat_goes_on():
    """A profiler's `schedule` without `repeat` begins again and again, for as long as there are steps."""
    action = torch.profiler.schedule(wait=1, warmup=1, active=1)
    assert [action(3 * cycle + 2).name for cycle in range(100)] == ["RECORD_AND_SAVE"] * 100


@fact(PROFILE, "torch.profiler.schedule")
def test_with_a_schedule_holds_the_active_steps():
    """A `profile` with a `schedule` calls `on_trace_ready` after each cycle, with the active steps of that alone."""
    cycles = []

    def ready(found):
        cycles.append({row.key for row in found.key_averages() if row.key.startswith("batch")})

    with profile(
        activities=CPU, schedule=torch.profiler.schedule(wait=1, warmup=1, active=2, repeat=2), on_trace_ready=ready
    ) as found:
        for step in range(10):
            with record_function(f"batch {step}"):
                product()
            found.step()
    assert cycles == [{"batch 2", "batch 3"}, {"batch 6", "batch 7"}]


def cycles_of(loop):
    """How often a profile that records each third step is ready."""
    ready, plan = [], torch.profiler.schedule(wait=1, warmup=1, active=1)
    with profile(activities=CPU, schedule=plan, on_trace_ready=ready.append) as found:
        for _ in range(7):
            loop(found)
    return len(ready)


@fact(f"{PROFILE}.step", myth="a profile with a schedule counts the steps itself", hint="profile.step() each batch")
def test_by_step_a_schedule_gets_on():
    """A `torch.profiler.profile` with a `schedule` is ready after each cycle if the loop calls `step()`, else never."""
    assert cycles_of(lambda found: (product(), found.step())) == 2
    assert cycles_of(lambda found: product()) == 0


@fact(f"{PROFILE}.key_averages", hint="profile.step() each batch, for as many as the schedule waits and warms up")
def test_of_a_schedule_that_never_got_on_has_no_averages():
    """`key_averages` of a `torch.profiler.profile` whose `schedule` has recorded nothing yet raises AssertionError."""
    with profile(activities=CPU, schedule=torch.profiler.schedule(wait=1, warmup=1, active=1)) as found:
        product()
    with pytest.raises(AssertionError):
        found.key_averages()


# --- what is recorded -------------------------------------------------------------------------------------------------


@fact(f"{PROFILE}.key_averages", hint="sort by self_cpu_time_total to find what takes the time")
def test_rows_add_up_in_self_time():
    """The rows of a profiler's `key_averages` add up by `self_cpu_time_total` to `cpu_time_total` of the whole."""

    def part():
        with record_function("part"):
            product()

    found = profiled(part)
    [whole] = rows(found, "part")
    assert sum(row.self_cpu_time_total for row in found.key_averages()) == pytest.approx(whole.cpu_time_total)
    assert whole.self_cpu_time_total < whole.cpu_time_total


@fact(PROFILE)
def test_with_record_shapes_has_a_row_a_shape():
    """`profile(record_shapes=True)` has a row for each shape by `key_averages(group_by_input_shape=True)`."""
    found = profiled(lambda: [torch.ones(size, 3).mm(torch.ones(3, 4)) for size in (2, 5, 5)], record_shapes=True)
    shapes = {str(row.input_shapes): row.count for row in rows(found, "aten::mm", group_by_input_shape=True)}
    assert shapes == {"[[2, 3], [3, 4]]": 1, "[[5, 3], [3, 4]]": 2}


@fact(PROFILE, myth="group_by_input_shape=True is enough to see shapes", hint="profile(record_shapes=True)")
def test_without_record_shapes_cannot_tell_them():
    """A `profile` without `record_shapes` has one row for several shapes, even by `group_by_input_shape=True`."""
    found = profiled(lambda: [torch.ones(size, 3).mm(torch.ones(3, 4)) for size in (2, 5, 5)])
    [row] = rows(found, "aten::mm", group_by_input_shape=True)
    assert (row.count, row.input_shapes) == (3, [])


@fact(PROFILE)
def test_with_profile_memory_counts_bytes():
    """`profile(profile_memory=True)` tells the bytes that an operator takes, and a profile without it tells none."""
    used = [
        rows(profiled(lambda: torch.empty(1000), profile_memory=memory), "aten::empty")[0].self_cpu_memory_usage
        for memory in (True, False)
    ]
    assert used == [4000, 0]


@fact(PROFILE)
def test_with_flops_counts_those_of_products():
    """`torch.profiler.profile(with_flops=True)` counts two operations a product of numbers in a matrix product."""
    [row] = rows(profiled(product, with_flops=True), "aten::mm")
    assert row.flops == 2 * 2 * 3 * 4


@fact("torch.profiler.record_function")
def test_record_function_names_what_is_inside():
    """`record_function` puts a name around the operators inside, and nests within another."""

    def part():
        with record_function("outer"), record_function("inner"):
            torch.ones(2).neg()

    [neg] = [event for event in profiled(part).events() if event.name == "aten::neg"]
    assert (neg.cpu_parent.name, neg.cpu_parent.cpu_parent.name) == ("inner", "outer")


@fact("torch.profiler.record_function")
def test_record_function_decorates():
    """`record_function` as a decorator gives a function a row in the profile that counts its calls."""
    calls = []
    part = record_function("part")(calls.append)
    [row] = rows(profiled(lambda: (part(1), part(2))), "part")
    assert (row.count, calls) == (2, [1, 2])


@fact(PROFILE)
def test_names_the_nodes_of_backward():
    """`torch.profiler.profile` names what `backward` does by the nodes of the graph, as `MmBackward0`."""
    w = torch.ones(3, 3, requires_grad=True)
    found = profiled(lambda: w.mm(w).sum().backward())
    assert len(rows(found, "MmBackward0")) == len(rows(found, "torch::autograd::AccumulateGrad")) == 1


@fact(PROFILE)
def test_names_the_step_of_an_optimizer():
    """`torch.profiler.profile` names the step of an optimizer, as `Optimizer.step#SGD.step`."""
    w = torch.ones(3, requires_grad=True)
    w.sum().backward()
    [row] = rows(profiled(torch.optim.SGD([w], lr=0.1).step), "Optimizer.step#SGD.step")
    assert row.count == 1


@fact(PROFILE, myth="a profile sees all threads of the program", hint="profile inside the thread")
def test_does_not_see_other_threads():
    """`torch.profiler.profile` records its own thread alone, not what a thread does that was started inside."""

    def both():
        thread = threading.Thread(target=product)
        thread.start()
        thread.join()
        torch.ones(2).neg()

    assert {row.key for row in profiled(both).key_averages()} >= {"aten::neg"}
    assert rows(profiled(both), "aten::mm") == []


@fact(PROFILE, hint="one profile at a time; record_function names parts")
def test_inside_another_records_what_runs_in_it():
    """A `torch.profiler.profile` inside another (nested) records what runs in it, whatever becomes of the outer one."""
    outer = profile(activities=CPU)
    with suppress(RuntimeError), outer:
        found = profiled(product)
    assert len(rows(found, "aten::mm")) == 1


@fact(PROFILE, until="2.12", calls="catches RuntimeError")
def test_inside_another_made_the_outer_one_fail():
    """A `profile` with another one inside (nested) raises "Can't disable Kineto profiler when it's not running"."""
    outer = profile(activities=CPU)
    outer.start()
    profiled(product)
    with pytest.raises(RuntimeError, match="Can't disable Kineto profiler when it's not running"):
        outer.stop()


@fact(PROFILE, since="2.12", calls="any", gain=True)
def test_inside_another_leaves_the_outer_one_empty():
    """A `torch.profiler.profile` with another inside (nested) ends without an error and is empty, of before it too."""
    with profile(activities=CPU) as outer:
        torch.ones(2).neg()
        profiled(product)
    assert [*outer.key_averages()] == []


# --- what it costs ----------------------------------------------------------------------------------------------------


def step(x):
    """Some milliseconds of work, beside which microseconds are nothing."""
    return x.mm(x)


@fact(
    f"{PROFILE}.step",
    requires="scipy",
    refuter=slower("torch.profiler.profile.step"),
    myth="a profiler slows down also the steps that it does not record",
)
@pytest.mark.bench
def test_costs_next_to_nothing_while_it_waits(numbers):
    """A `torch.profiler.profile` whose `schedule` waits adds less than a fifth to steps of some milliseconds."""
    x, plan = torch.rand(512, 512), torch.profiler.schedule(wait=10**9, warmup=1, active=1)
    with profile(activities=CPU, schedule=plan) as found:
        assert race(lambda: (step(x), found.step()), lambda: step(x), numbers).ratio_below(1.2)


@fact(
    "torch.profiler.record_function",
    requires="scipy",
    refuter=slower("torch.profiler.record_function.__enter__"),
    myth="record_function is to be taken out again where nothing is profiled",
)
@pytest.mark.bench
def test_record_function_costs_next_to_nothing_without_a_profile(numbers):
    """`record_function` in the code, with the profiler off, adds less than a fifth to some milliseconds of work."""
    x = torch.rand(512, 512)

    def named():
        with record_function("part"):
            step(x)

    assert race(named, lambda: step(x), numbers).ratio_below(1.2)


# --- the trace --------------------------------------------------------------------------------------------------------


@fact(f"{PROFILE}.export_chrome_trace")
def test_exports_names_and_operators_as_json(tmp_path):
    """`export_chrome_trace` writes JSON, in which the operators and the names of `record_function` are events."""

    def part():
        with record_function("part"):
            product()

    events = exported(profiled(part), tmp_path)
    assert (events["part"]["cat"], events["aten::mm"]["cat"]) == ("user_annotation", "cpu_op")
    assert events["aten::mm"]["dur"] <= events["part"]["dur"]


@fact(f"{PROFILE}.export_chrome_trace")
def test_exports_compressed_by_the_name(tmp_path):
    """`torch.profiler.profile.export_chrome_trace` compresses a file that ends in `.gz`."""
    profiled(product).export_chrome_trace(str(tmp_path / "trace.json.gz"))
    with gzip.open(tmp_path / "trace.json.gz") as file:
        assert "aten::mm" in {event["name"] for event in json.load(file)["traceEvents"]}


@fact(f"{PROFILE}.export_chrome_trace", hint="copy the file that was written first")
def test_exports_once(tmp_path):
    """`export_chrome_trace` of one profile a second time raises RuntimeError "Trace is already saved"."""
    found = profiled(product)
    found.export_chrome_trace(str(tmp_path / "trace.json"))
    with pytest.raises(RuntimeError, match="Trace is already saved"):
        found.export_chrome_trace(str(tmp_path / "again.json"))


@fact(PROFILE)
def test_with_stack_has_the_lines_in_the_trace(tmp_path):
    """`torch.profiler.profile(with_stack=True)` exports functions of Python with file and line in its trace."""
    events = exported(profiled(product, with_stack=True), tmp_path)
    line = product.__code__.co_firstlineno
    assert any(name.endswith(f"test_profiler.py({line}): product") for name in events)


@fact(f"{PROFILE}.key_averages", hint="the exported trace has them; so has events() with verbose=True")
def test_with_stack_has_the_lines_in_the_table():
    """`profile(with_stack=True)` has file and line of operators in `key_averages(group_by_stack_n=5)`."""
    [row] = rows(profiled(product, with_stack=True), "aten::mm", group_by_stack_n=5)
    assert any("test_profiler.py" in frame for frame in row.stack)


@fact(f"{PROFILE}.add_metadata")
def test_metadata_is_in_the_trace(tmp_path):
    """`add_metadata` of a `torch.profiler.profile` has a text in the exported trace under its name."""
    with profile(activities=CPU) as found:
        product()
        found.add_metadata("run", "third")
    found.export_chrome_trace(str(tmp_path / "trace.json"))
    assert json.loads((tmp_path / "trace.json").read_text())["run"] == "third"


@fact("torch.profiler.tensorboard_trace_handler", "torch.profiler.profile")
def test_trace_handler_writes_a_file_a_cycle(tmp_path):
    """`tensorboard_trace_handler` writes a `.pt.trace.json` for each cycle, whose name begins with the worker's."""
    handler = torch.profiler.tensorboard_trace_handler(str(tmp_path), worker_name="first")
    with profile(
        activities=CPU, schedule=torch.profiler.schedule(wait=0, warmup=1, active=1, repeat=2), on_trace_ready=handler
    ) as found:
        for _ in range(4):
            product()
            time.sleep(0.002)  # the names of files have the time, which was in milliseconds once
            found.step()
    names = [one.name for one in tmp_path.iterdir()]
    assert [(name.partition(".")[0], name.endswith(".pt.trace.json")) for name in names] == [("first", True)] * 2
