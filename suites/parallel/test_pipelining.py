"""Stages that work on one microbatch after the other: GPipe and 1F1B; zero-bubble ones: `test_pipeline_schedules`."""

from datetime import timedelta

import numpy
import pytest
import torch
import torch.distributed as dist
from torch import nn

from torchproof import fact, same
from torchproof.fixtures.ranks import on_each_backend, own_device

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]

X = numpy.array([[1.0, 2.0], [3.0, -4.0], [5.0, 6.0], [-7.0, 8.0]])
WEIGHTS = numpy.array(
    [[[1.0, 2.0], [3.0, 4.0]], [[1.0, -1.0], [2.0, 1.0]], [[2.0, 0.0], [1.0, 1.0]], [[0.0, 1.0], [1.0, 3.0]]]
)
Y = X @ WEIGHTS[0].T @ WEIGHTS[1].T

STAGE = "torch.distributed.pipelining.PipelineStage"
GPIPE = "torch.distributed.pipelining.schedules.ScheduleGPipe"
ONE_F_ONE_B = "torch.distributed.pipelining.schedules.Schedule1F1B"


def _layer(index):
    layer = nn.Linear(2, 2, bias=False, dtype=torch.float64, device=own_device())
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(WEIGHTS[index]))
    return layer


def _schedule(name, stages, chunks, **options):
    from torch.distributed.pipelining import schedules

    return getattr(schedules, name)(stages, chunks, **options)


def _stages(count, layers):
    """Stages by their numbers, of ranks that wait for one another no longer than a while."""
    from torch.distributed.pipelining import PipelineStage

    group = dist.new_group(timeout=timedelta(seconds=10))
    return [PipelineStage(layer, index, count, own_device(), group=group) for index, layer in layers.items()]


def _mean(output, target):
    return (output - target).square().mean()


def _step(rank, name, chunks):
    """A step of two stages: the rank's own layer, what the step gave and the losses."""
    layer = _layer(rank)
    schedule = _schedule(name, *_stages(2, {rank: layer}), chunks, loss_fn=_mean)
    x, losses = torch.tensor(X, device=own_device()), []
    out = schedule.step(x) if rank == 0 else schedule.step(target=torch.zeros_like(x), losses=losses)
    return layer, out, losses


# --- outputs and gradients --------------------------------------------------------------------------------------------


def _outputs(rank, name, chunks):
    _, out, _ = _step(rank, name, chunks)
    return out if out is None else out.detach().cpu()


@fact(
    GPIPE,
    STAGE,
    since="2.6",
    calls="none",
)
@on_each_backend
def test_last_stage_gives_the_outputs_of_the_whole_model(ranks, backend):
    """`ScheduleGPipe` gives, on the last stage's rank, what the model gives for the whole batch."""
    _, out = ranks(2, _outputs, "ScheduleGPipe", 4, backend=backend)
    same(out, Y)


@fact(
    GPIPE,
    STAGE,
    since="2.6",
    calls="none",
)
@on_each_backend
def test_first_stage_gives_nothing(ranks, backend):
    """`ScheduleGPipe.step` returns None on the rank that has the first of two stages, and not the last."""
    first, out = ranks(2, _outputs, "ScheduleGPipe", 2, backend=backend)
    assert first is None
    assert out is not None


def _gradient(rank, name, chunks):
    layer, _, _ = _step(rank, name, chunks)
    return layer.weight.grad.cpu()


SLOPE = 2 * Y / Y.size
GRADIENTS = (SLOPE @ WEIGHTS[1]).T @ X, SLOPE.T @ (X @ WEIGHTS[0].T)


@fact(
    GPIPE,
    STAGE,
    since="2.7",
    calls="any",
)
@on_each_backend
def test_gradients_are_those_of_the_whole_batch(ranks, backend):
    """`ScheduleGPipe` leaves each stage the gradient of the mean loss over the whole batch, as one process has it."""
    first, last = ranks(2, _gradient, "ScheduleGPipe", 4, backend=backend)
    same(first, GRADIENTS[0])
    same(last, GRADIENTS[1])


@fact(ONE_F_ONE_B, since={"cpu": "2.8", "cuda": "2.7"}, calls="any")
@on_each_backend
def test_1f1b_gives_the_outputs_of_the_whole_model(ranks, backend):
    """`Schedule1F1B` gives, on the last stage's rank, what the model gives for the whole batch."""
    _, out = ranks(2, _outputs, "Schedule1F1B", 4, backend=backend)
    same(out, Y)


@fact(ONE_F_ONE_B, since={"cpu": "2.8", "cuda": "2.7"}, calls="any")
@on_each_backend
def test_1f1b_has_the_gradients_of_the_whole_batch(ranks, backend):
    """`Schedule1F1B` leaves each stage the gradient of the mean loss over the whole batch, as one process has it."""
    first, last = ranks(2, _gradient, "Schedule1F1B", 4, backend=backend)
    same(first, GRADIENTS[0])
    same(last, GRADIENTS[1])


def _losses(rank, chunks):
    return [loss.item() for loss in _step(rank, "ScheduleGPipe", chunks)[2]]


@fact(
    GPIPE,
    since="2.6",
    calls="none",
    myth="a pipeline has one loss a batch",
)
@on_each_backend
def test_there_is_a_loss_for_each_microbatch(ranks, backend):
    """`ScheduleGPipe.step(losses=[])` fills the list, on the last stage's rank alone, with a loss a microbatch."""
    first, last = ranks(2, _losses, 2, backend=backend)
    assert first == []
    assert last == [numpy.mean(half**2) for half in (Y[:2], Y[2:])]


def _interleaved(rank):
    layers = [_layer(rank), _layer(rank + 2)]
    stages = _stages(4, {rank: layers[0], rank + 2: layers[1]})
    schedule = _schedule("ScheduleInterleaved1F1B", stages, 4, loss_fn=_mean)
    x = torch.tensor(X, device=own_device())
    out = schedule.step(x) if rank == 0 else schedule.step(target=torch.zeros_like(x))
    return [layer.weight.grad.cpu() for layer in layers], out if out is None else out.detach().cpu()


@fact(
    "torch.distributed.pipelining.schedules.ScheduleInterleaved1F1B", since={"cpu": "2.8", "cuda": "2.7"}, calls="any"
)
@on_each_backend
@pytest.mark.slow
def test_interleaved_schedule_gives_each_rank_several_stages(ranks, backend):
    """`ScheduleInterleaved1F1B` runs four stages on two ranks, and gives the outputs of the whole model."""
    _, (_, out) = ranks(2, _interleaved, backend=backend)
    want = X
    for weight in WEIGHTS:
        want = want @ weight.T
    same(out, want)


@fact(
    "torch.distributed.pipelining.schedules.ScheduleInterleaved1F1B", since={"cpu": "2.8", "cuda": "2.7"}, calls="any"
)
@on_each_backend
@pytest.mark.slow
def test_interleaved_schedule_leaves_the_gradients_of_the_whole_model(ranks, backend):
    """`ScheduleInterleaved1F1B` of four stages on two ranks leaves their layers the gradients of the whole model."""
    (first, _), (second, _) = ranks(2, _interleaved, backend=backend)
    inputs = [X]
    for weight in WEIGHTS:
        inputs.append(inputs[-1] @ weight.T)
    slope, want = 2 * inputs[-1] / inputs[-1].size, []
    for weight, x in zip(WEIGHTS[::-1], inputs[-2::-1]):
        want.insert(0, slope.T @ x)
        slope = slope @ weight
    same(torch.stack([first[0], second[0], first[1], second[1]]), numpy.stack(want))


# --- what runs when ---------------------------------------------------------------------------------------------------


def _order(rank, name, chunks):
    """In their order, what a rank has done: F is the forward of a microbatch, B its backward."""
    done, rows = [], []
    layer = _layer(rank)

    def forward(_, given, output):
        done.append("F")
        rows.append(len(given[0]))
        output.register_hook(lambda gradient: done.append("B"))

    schedule = _schedule(name, *_stages(2, {rank: layer}), chunks, loss_fn=_mean)
    x = torch.tensor(X, device=own_device())
    schedule.step(*[x] * (rank == 0), **({"target": torch.zeros_like(x)} if rank else {}))
    done.clear()
    rows.clear()
    layer.register_forward_hook(forward)
    schedule.step(*[x] * (rank == 0), **({"target": torch.zeros_like(x)} if rank else {}))
    return "".join(done), rows


@fact(
    GPIPE,
    STAGE,
    since="2.6",
    calls="none",
)
@on_each_backend
def test_batch_is_cut_into_microbatches(ranks, backend):
    """`ScheduleGPipe` for two microbatches gives every stage half of an even batch's rows, twice."""
    got = ranks(2, _order, "ScheduleGPipe", 2, backend=backend)
    assert [rows for _, rows in got] == [[2, 2], [2, 2]]


def _uneven_batch(rank, size):
    """What the last of so many stages gives for three rows in two microbatches."""
    schedule = _schedule("ScheduleGPipe", *_stages(size, {rank: _layer(rank)}), 2)
    out = schedule.step(*[torch.tensor(X[:3], device=own_device())] * (rank == 0))
    return out if out is None else out.detach().cpu()


def _refused(rank):
    with pytest.raises(RuntimeError) as refusal:
        _uneven_batch(rank, 1)
    return str(refusal.value)


@fact(GPIPE, since="2.6", until="2.12", calls="none", hint="drop the last rows, or pad the batch")
def test_batch_that_microbatches_did_not_divide_was_refused(ranks):
    """`ScheduleGPipe` refuses a batch that its microbatches do not divide: "shape mismatch"."""
    [told] = ranks(1, _refused)
    assert "shape mismatch" in told


@fact(GPIPE, since="2.12", calls="none", hint="drop the last rows, or pad the batch")
def test_batch_that_microbatches_do_not_divide(ranks):
    """`ScheduleGPipe` gives what the model gives, on the last stage, for 3 rows that two microbatches do not divide."""
    _, out = ranks(2, _uneven_batch, 2)
    same(out, Y[:3])


@fact(GPIPE, since="2.6", calls="none")
@on_each_backend
def test_gpipe_runs_all_forwards_first(ranks, backend):
    """`ScheduleGPipe` runs all forwards before any backward, FFFFBBBB: four microbatches' activations wait for it."""
    assert [order for order, _ in ranks(2, _order, "ScheduleGPipe", 4, backend=backend)] == ["FFFFBBBB"] * 2


@fact(ONE_F_ONE_B, since={"cpu": "2.8", "cuda": "2.6"}, calls="any", gain=True)
@on_each_backend
def test_1f1b_takes_turns(ranks, backend):
    """`Schedule1F1B` takes turns, in two stages FFBFBFBB and FBFBFBFB: activations of two or one microbatch wait."""
    got = ranks(2, _order, "Schedule1F1B", 4, backend=backend)
    assert [order for order, _ in got] == ["FFBFBFBB", "FBFBFBFB"]


def _contexts(rank):
    """What a stage's forward is run inside of, once the stages know their shapes."""
    from contextlib import nullcontext

    layer, seen, x = _layer(rank), [], torch.tensor(X, device=own_device())
    (stage,) = _stages(2, {rank: layer})
    schedule = _schedule("ScheduleGPipe", stage, 2)
    stage.register_forward_context(lambda info: seen.append(info) or nullcontext())
    schedule.step(*[x] * (rank == 0))
    return [(info.stage_index, info.microbatch_index) for info in seen if not info.is_metadata_inference]


@fact("torch.distributed.pipelining.PipelineStageInfo")
@on_each_backend
def test_forward_context_is_told_stage_and_microbatch(ranks, backend):
    """What `PipelineStage.register_forward_context` takes is called with a `PipelineStageInfo` for each forward."""
    assert ranks(2, _contexts, backend=backend) == [[(0, 0), (0, 1)], [(1, 0), (1, 1)]]


def _length(orders):
    """Until all is done where each F and B takes one unit of time: F waits for the stage before, B for that behind."""
    steps = [[(kind, order[:place].count(kind)) for place, kind in enumerate(order)] for order in orders]
    ends, clocks = {}, [0] * len(orders)
    while any(steps):
        for stage, left in enumerate(steps):
            while left:
                kind, number = left[0]
                other = stage + (1 if kind == "B" else -1)
                if 0 <= other < len(orders) and (other, kind, number) not in ends:
                    break
                clocks[stage] = max(clocks[stage], ends.get((other, kind, number), 0)) + 1
                ends[stage, kind, number] = clocks[stage]
                left.pop(0)
    return max(clocks)


@fact(
    GPIPE,
    STAGE,
    since="2.6",
    calls="none",
    claims=["X02"],
)
@on_each_backend
@pytest.mark.parametrize("chunks", [2, 4])
def test_more_microbatches_leave_stages_less_idle(ranks, backend, chunks):
    """Two stages of `ScheduleGPipe` idle for 1 / (microbatches + 1) of a step, the bubble, if F and B take one time."""
    orders = [order for order, _ in ranks(2, _order, "ScheduleGPipe", chunks, backend=backend)]
    assert _length(orders) == 2 * (chunks + 1)
    assert [len(order) for order in orders] == [2 * chunks, 2 * chunks]


# --- what is refused --------------------------------------------------------------------------------------------------


def _too_few(rank):
    with pytest.raises(ValueError) as refusal:
        _schedule("Schedule1F1B", *_stages(2, {rank: _layer(rank)}), 1)
    return str(refusal.value)


@fact(
    ONE_F_ONE_B,
    since="2.7",
    calls="any",
    hint="use at least as many microbatches as there are stages",
)
def test_1f1b_refuses_fewer_microbatches_than_stages(ranks):
    """`Schedule1F1B` refuses too few microbatches: "must be greater than or equal to the number of stages"."""
    assert all("must be greater than or equal to the number of stages" in told for told in ranks(2, _too_few))


def _beyond(rank):
    with pytest.raises(ValueError) as refusal:
        _stages(2, {2: _layer(0)})
    return str(refusal.value)


@fact(STAGE, since="2.6", calls="none")
def test_stage_is_one_of_their_number(ranks):
    """`PipelineStage` refuses a number that is not below `num_stages`: "Stage index 2 is out of range of 2"."""
    assert ranks(1, _beyond) == ["Stage index 2 is out of range of 2"]


# --- the model in parts -----------------------------------------------------------------------------------------------


class _Net(nn.Module):
    """Four layers, one after the other."""

    def __init__(self, split=False):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(4))
        self.split = split

    def forward(self, x):
        for index, layer in enumerate(self.layers):
            if self.split and index == 1:
                torch.distributed.pipelining.pipe_split()
            x = layer(x)
        return x


def _cut(rank, where, split):
    from torch.distributed.pipelining import SplitPoint, pipeline

    net, x = _Net(split), torch.ones(2, 2)
    spec = {name: getattr(SplitPoint, point) for name, point in where.items()}
    pipe = pipeline(net, mb_args=(x,), split_spec=spec or None)
    stages = [pipe.get_stage_module(index) for index in range(pipe.num_stages)]
    y = x
    for stage in stages:
        y = stage(y)
    names = [sorted(name for name, _ in stage.named_parameters() if name.endswith("weight")) for stage in stages]
    return names, y.detach(), net(x).detach()


LAYERS = [f"layers.{index}.weight" for index in range(4)]


@fact("torch.distributed.pipelining.pipeline", "torch.distributed.pipelining.SplitPoint")
@pytest.mark.slow
@pytest.mark.parametrize(("point", "first"), [("BEGINNING", LAYERS[:2]), ("END", LAYERS[:3])], ids=["BEGINNING", "END"])
def test_pipeline_cuts_before_or_behind_a_module(ranks, point, first):
    """`pipeline` cuts a model before a module by `SplitPoint.BEGINNING`, and behind it by `SplitPoint.END`."""
    ((names, *_),) = ranks(1, _cut, {"layers.2": point}, False)
    assert names == [first, LAYERS[len(first) :]]


@fact("torch.distributed.pipelining.pipeline", "torch.distributed.pipelining.Pipe.get_stage_module")
@pytest.mark.slow
def test_stages_behind_each_other_give_the_outputs_of_the_model(ranks):
    """The stages that `pipeline` cut a model into, one called with what another gives, give the model's outputs."""
    ((_, got, want),) = ranks(1, _cut, {"layers.2": "BEGINNING"}, False)
    same(got, want)


@fact("torch.distributed.pipelining.pipeline", "torch.distributed.pipelining.pipe_split")
@pytest.mark.slow
def test_pipe_split_cuts_where_it_is_called(ranks):
    """`pipeline` cuts a model where its `forward` calls `pipe_split()`."""
    ((names, *_),) = ranks(1, _cut, {}, True)
    assert names == [LAYERS[:1], LAYERS[1:]]


def _chunks(rank):
    from torch.distributed.pipelining.microbatch import split_args_kwargs_into_chunks

    return split_args_kwargs_into_chunks((torch.arange(4),), {"y": torch.arange(8).view(4, 2)}, 2)


@fact("torch.distributed.pipelining.microbatch.split_args_kwargs_into_chunks")
def test_microbatches_are_rows_of_every_argument(ranks):
    """`split_args_kwargs_into_chunks` by default cuts every tensor among the arguments along its first dimension."""
    ((args, kwargs),) = ranks(1, _chunks)
    same(torch.stack([one for (one,) in args]), [[0, 1], [2, 3]])
    same(torch.stack([one["y"] for one in kwargs]), [[[0, 1], [2, 3]], [[4, 5], [6, 7]]])


def _uneven(rank, rows, chunks):
    from torch.distributed.pipelining.microbatch import split_args_kwargs_into_chunks

    args, _ = split_args_kwargs_into_chunks((torch.arange(rows),), {}, chunks)
    return [part.tolist() for (part,) in args]


@fact("torch.distributed.pipelining.microbatch.split_args_kwargs_into_chunks")
def test_microbatches_of_a_batch_that_they_do_not_divide(ranks):
    """`split_args_kwargs_into_chunks` cuts five rows for two microbatches into three and two: unequal, larger first."""
    assert ranks(1, _uneven, 5, 2) == [[[0, 1, 2], [3, 4]]]


@fact("torch.distributed.pipelining.microbatch.split_args_kwargs_into_chunks")
def test_microbatches_are_no_more_than_rows(ranks):
    """`split_args_kwargs_into_chunks` makes two microbatches of two rows where four are asked for, without an error."""
    assert ranks(1, _uneven, 2, 4) == [[[0], [1]]]
