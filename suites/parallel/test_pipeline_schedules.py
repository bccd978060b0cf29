"""Chunks, a `Pipe`'s stages, zero-bubble schedules, several stages a rank; GPipe and 1F1B are in `test_pipelining`."""

from datetime import timedelta

import numpy
import pytest
import torch
import torch.distributed as dist
from torch import nn

from torchproof import close, fact, same

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180), pytest.mark.cpu]

PIPELINING = "torch.distributed.pipelining"
X = numpy.array([[1.0, 2.0], [3.0, -4.0], [5.0, 6.0], [-7.0, 8.0]])
WEIGHTS = numpy.array(
    [[[1.0, 2.0], [3.0, 4.0]], [[1.0, -1.0], [2.0, 1.0]], [[2.0, 0.0], [1.0, 1.0]], [[0.0, 1.0], [1.0, 3.0]]]
)


def _layer(index):
    layer = nn.Linear(2, 2, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(WEIGHTS[index]))
    return layer


def _whole():
    """Outputs and gradients of the four layers, for the mean square over the whole batch, in NumPy."""
    inputs = [X]
    for weight in WEIGHTS:
        inputs.append(inputs[-1] @ weight.T)
    slope, gradients = 2 * inputs[-1] / inputs[-1].size, []
    for weight, given in zip(WEIGHTS[::-1], inputs[-2::-1]):
        gradients.insert(0, slope.T @ given)
        slope = slope @ weight
    return inputs[-1], gradients


# --- chunks -----------------------------------------------------------------------------------------------------------


@fact(f"{PIPELINING}.microbatch.TensorChunkSpec", f"{PIPELINING}.microbatch.split_args_kwargs_into_chunks")
def test_tensor_chunk_spec_says_along_which_dimension():
    """`TensorChunkSpec(1)` has an argument cut into microbatches along its dimension 1."""
    from torch.distributed.pipelining.microbatch import TensorChunkSpec, split_args_kwargs_into_chunks

    chunks, _ = split_args_kwargs_into_chunks((torch.tensor(X),), {}, 2, args_chunk_spec=(TensorChunkSpec(1),))
    same(torch.cat([chunk for (chunk,) in chunks]), numpy.concatenate([X[:, :1], X[:, 1:]]))


@fact(f"{PIPELINING}.microbatch.TensorChunkSpec.from_tuple")
def test_tensor_chunk_specs_of_several_arguments():
    """`TensorChunkSpec.from_tuple((0, 1))` gives a spec for each of two arguments, of dimension 0 and of 1."""
    from torch.distributed.pipelining.microbatch import TensorChunkSpec

    assert [spec.split_dim for spec in TensorChunkSpec.from_tuple((0, 1))] == [0, 1]


@fact(f"{PIPELINING}.microbatch.merge_chunks")
def test_merge_chunks_puts_microbatches_together():
    """`merge_chunks` with `TensorChunkSpec(0)` puts the outputs of microbatches together along dimension 0."""
    from torch.distributed.pipelining.microbatch import TensorChunkSpec, merge_chunks

    same(merge_chunks([torch.tensor(X[:1]), torch.tensor(X[1:])], TensorChunkSpec(0)), X)


# --- a model that is cut ----------------------------------------------------------------------------------------------


class _Chain(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = _layer(0), _layer(1)

    def forward(self, x):
        return self.last(self.first(x))


def _pipe():
    from torch.distributed.pipelining import SplitPoint, pipeline

    return pipeline(_Chain(), mb_args=(torch.tensor(X[:2]),), split_spec={"last": SplitPoint.BEGINNING})


def _whole_pipe(rank):
    """In a rank, since its backward starts threads of autograd, behind which a process may not be forked."""
    pipe = _pipe()
    (out,) = pipe(torch.tensor(X[:2]))
    out.sum().backward()
    (last,) = (weight.grad for name, weight in pipe.named_parameters() if "last" in name)
    return out.detach(), last


@fact(f"{PIPELINING}.Pipe.forward")
@pytest.mark.slow
def test_pipe_gives_the_model_s_outputs(ranks):
    """A `Pipe` that is called gives the outputs of the model that `pipeline` cut into two stages."""
    ((out, _),) = ranks(1, _whole_pipe)
    same(out, X[:2] @ WEIGHTS[0].T @ WEIGHTS[1].T)


@fact(f"{PIPELINING}.Pipe.forward")
@pytest.mark.slow
def test_pipe_is_differentiated_as_the_model(ranks):
    """`backward` of what a `Pipe` gives leaves its last stage the gradient that it has in the model."""
    ((_, last),) = ranks(1, _whole_pipe)
    same(last, numpy.ones((2, 2)) @ X[:2] @ WEIGHTS[0].T)


@fact(f"{PIPELINING}.Pipe.get_stage_module")
@pytest.mark.slow
def test_stage_module_has_the_parameters_of_its_stage():
    """`Pipe.get_stage_module` gives the module of a stage, with the parameters of that stage alone, by their names."""
    pipe = _pipe()
    states = [pipe.get_stage_module(stage).state_dict() for stage in (0, 1)]
    assert [list(state) for state in states] == [["first.weight"], ["last.weight"]]
    same(states[1]["last.weight"], WEIGHTS[1])


def _built(rank, how):
    from torch.distributed.pipelining import ScheduleGPipe, build_stage

    pipe, group = _pipe(), dist.new_group(timeout=timedelta(seconds=10))
    if how == "function":
        stage = build_stage(pipe.get_stage_module(rank), rank, pipe.info(), torch.device("cpu"), group)
    else:
        stage = pipe.build_stage(rank, torch.device("cpu"), group)
    schedule = ScheduleGPipe(stage, 2)
    return schedule.step(torch.tensor(X)) if rank == 0 else schedule.step()


@fact(f"{PIPELINING}.build_stage", f"{PIPELINING}.Pipe.build_stage")
@pytest.mark.slow
@pytest.mark.parametrize("how", ["function", "method"])
def test_build_stage_makes_a_stage_for_a_schedule(ranks, how):
    """`build_stage`, the function or the method of a `Pipe`, makes the stage that `ScheduleGPipe` runs on this rank."""
    _, last = ranks(2, _built, how)
    same(last.detach(), X @ WEIGHTS[0].T @ WEIGHTS[1].T)


# --- several stages a rank --------------------------------------------------------------------------------------------


def _mean(output, target):
    return (output - target).square().mean()


def _several(rank, name):
    from torch.distributed.pipelining import PipelineStage, schedules

    indices = (rank, 3 - rank) if "V" in name else (rank, rank + 2)
    group = dist.new_group(timeout=timedelta(seconds=10))
    layers = {index: _layer(index) for index in indices}
    stages = [PipelineStage(layer, index, 4, torch.device("cpu"), group=group) for index, layer in layers.items()]
    schedule = schedules.get_schedule_class(name.removeprefix("Schedule"))(stages, 4, loss_fn=_mean)
    is_last, x, losses = 3 in layers, torch.tensor(X), []
    given = (x,) if rank == 0 else ()
    out = schedule.step(*given, target=torch.zeros_like(x) if is_last else None, losses=losses if is_last else None)
    return out.detach() if is_last else None, {index: layer.weight.grad for index, layer in layers.items()}


def _has_the_gradients(got):
    found = {index: gradient for _, gradients in got for index, gradient in gradients.items()}
    for index, want in enumerate(_whole()[1]):
        close(found[index], want, roundings=16)


SEVERAL = ["ScheduleLoopedBFS", "ScheduleInterleavedZeroBubble"]
IN_A_V = ["ScheduleZBVZeroBubble", "ScheduleDualPipeV"]


LOOPED = (f"{PIPELINING}.ScheduleLoopedBFS", f"{PIPELINING}.ScheduleInterleavedZeroBubble")


@fact(*LOOPED, f"{PIPELINING}.schedules.PipelineScheduleMulti", since={"cpu": "2.8"}, calls="any", gain=True)
@pytest.mark.parametrize("name", SEVERAL)
def test_schedule_of_several_stages_gives_the_outputs_of_the_whole_model(ranks, name):
    """`ScheduleLoopedBFS` and `ScheduleInterleavedZeroBubble` give, on the last stage's rank, what the model gives."""
    outputs = [out for out, _ in ranks(2, _several, name) if out is not None]
    same(torch.stack(outputs), [_whole()[0]])


@fact(*LOOPED, f"{PIPELINING}.schedules.PipelineScheduleMulti", since={"cpu": "2.8"}, calls="any", gain=True)
@pytest.mark.parametrize("name", SEVERAL)
def test_schedule_of_several_stages_leaves_the_gradients_of_the_whole_batch(ranks, name):
    """`ScheduleLoopedBFS` and `ScheduleInterleavedZeroBubble` leave the whole batch's gradients, within rounding."""
    _has_the_gradients(ranks(2, _several, name))
    assert name in SEVERAL


V_SHAPED = (f"{PIPELINING}.ScheduleZBVZeroBubble", f"{PIPELINING}.ScheduleDualPipeV")


@fact(*V_SHAPED, since={"cpu": "2.12", "cuda": "2.8"}, calls="any", gain=True)
@pytest.mark.parametrize("name", IN_A_V)
def test_schedule_in_a_v_gives_the_outputs_of_the_whole_model(ranks, name):
    """`ScheduleZBVZeroBubble` and `ScheduleDualPipeV` give, on the first stage's rank, what the model gives."""
    outputs = [out for out, _ in ranks(2, _several, name) if out is not None]
    same(torch.stack(outputs), [_whole()[0]])


@fact(
    *V_SHAPED,
    since={"cpu": "2.12", "cuda": "2.8"},
    calls="any",
    gain=True,
    myth="a zero bubble schedule computes other gradients",
)
@pytest.mark.parametrize("name", IN_A_V)
def test_schedule_in_a_v_leaves_the_gradients_of_the_whole_batch(ranks, name):
    """`ScheduleZBVZeroBubble` and `ScheduleDualPipeV` leave the whole batch's gradients, within rounding."""
    _has_the_gradients(ranks(2, _several, name))
    assert name in IN_A_V


@fact(f"{PIPELINING}.schedules.get_schedule_class")
def test_schedule_class_is_found_by_its_name():
    """`get_schedule_class` finds a schedule by its name without "Schedule", also in small letters: "gpipe", "1F1B"."""
    from torch.distributed.pipelining import schedules

    assert schedules.get_schedule_class("gpipe") is schedules.ScheduleGPipe
    assert schedules.get_schedule_class("1F1B") is schedules.Schedule1F1B


@fact(f"{PIPELINING}.schedules.get_schedule_class")
def test_schedule_of_no_known_name_is_refused():
    """`get_schedule_class` refuses a name that it does not know: "Unknown schedule name"."""
    from torch.distributed.pipelining import schedules

    with pytest.raises(ValueError, match="Unknown schedule name"):
        schedules.get_schedule_class("no such")


def _liveness(rank, name, granularity):
    from torch.distributed.pipelining import PipelineStage, analyze_pipeline_activation_liveness, schedules

    stages = [PipelineStage(_layer(index), index, 4, torch.device("cpu")) for index in (rank, rank + 2)]
    schedule = getattr(schedules, name)(stages, 4, loss_fn=_mean)
    plan = analyze_pipeline_activation_liveness(
        schedule, pp_rank=rank, stage_indices=(rank, rank + 2), granularity=granularity
    )
    slots = [plan.slot_for(stage, microbatch) for stage in (rank, rank + 2) for microbatch in range(4)]
    return plan.num_slots, sorted({*slots})


@fact(f"{PIPELINING}.analyze_pipeline_activation_liveness", f"{PIPELINING}.PipelineActivationLiveness.slot_for")
@pytest.mark.parametrize(("granularity", "slots"), [("stage_microbatch", 8), ("microbatch", 4)])
def test_looped_bfs_keeps_all_activations(ranks, granularity, slots):
    """By `analyze_pipeline_activation_liveness`, `ScheduleLoopedBFS` has all microbatches' activations live at once."""
    assert ranks(2, _liveness, "ScheduleLoopedBFS", granularity) == [(slots, [*range(slots)])] * 2
