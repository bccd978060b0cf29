"""Activation checkpointing in training: what runs twice, what may be kept, and what the second run has to repeat."""

import contextlib
import copy
import functools
import math

import pytest
import torch
import torch.utils.checkpoint
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from torchproof import close, fact, same
from torchproof.fixtures.meters import saved_bytes
from torchproof.fixtures.work import leaf

CHECKPOINT = torch.utils.checkpoint
EXP, SIN = torch.ops.aten.exp.default, torch.ops.aten.sin.default
GRADIENT = math.exp(1) * math.cos(math.exp(1)) * math.exp(math.sin(math.exp(1)))  # of exp(sin(exp(x))) at 1
MODES = pytest.mark.parametrize("reentrant", [False, True], ids=["non_reentrant", "reentrant"])


class Calls:
    """A function, exp or what it is given, that counts how often it is called."""

    def __init__(self, function=lambda x: x.exp().sin()):
        self.function, self.number = function, 0

    def __call__(self, x):
        self.number += 1
        return self.function(x)


class Counted(TorchDispatchMode):
    """How often operators are run inside of its block."""

    def __init__(self):
        super().__init__()
        self.run = []

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        self.run.append(op)
        return op(*args, **(kwargs or {}))


class Deep(nn.Module):
    """Four layers with dropout between, each of which may be checkpointed."""

    def __init__(self, checkpointed):
        super().__init__()
        self.checkpointed = checkpointed
        self.layers = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Dropout(0.25)) for _ in range(4)])

    def forward(self, x):
        for layer in self.layers:
            x = CHECKPOINT.checkpoint(layer, x, use_reentrant=False) if self.checkpointed else layer(x)
        return x


@fact("torch.utils.checkpoint.checkpoint")
def test_trains_as_without():
    """A model whose layers are run by `checkpoint` is trained bit by bit as without, dropout included."""
    torch.manual_seed(0)
    plain = Deep(False)
    models = [plain, copy.deepcopy(plain)]
    models[1].checkpointed = True
    for model in models:
        torch.manual_seed(1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(2, 4)).sum().backward()
            optimizer.step()
    without, with_it = (nn.utils.parameters_to_vector(model.parameters()).detach() for model in models)
    same(with_it, without)


@fact("torch.utils.checkpoint.checkpoint", myth="BatchNorm sees a batch once", hint="momentum = 1 - sqrt(1 - momentum)")
@MODES
def test_moves_the_statistics_of_batch_norm_twice(device, reentrant):
    """A checkpointed `BatchNorm1d` moves its running mean twice a batch: forward, and again in `backward`."""
    norm = nn.BatchNorm1d(1, momentum=0.5, affine=False, device=device)
    x = torch.tensor([[0.0], [8.0]], device=device, requires_grad=True)
    CHECKPOINT.checkpoint(norm, x, use_reentrant=reentrant).sum().backward()
    same(norm.running_mean, torch.tensor([3.0]))
    assert norm.num_batches_tracked.item() == 2


@fact("torch.utils.checkpoint.checkpoint")
@MODES
def test_calls_hooks_twice(device, reentrant):
    """A forward hook in a function under `checkpoint` is called twice: forward, and again in `backward`."""
    layer, calls = nn.Tanh(), []
    layer.register_forward_hook(lambda *_: calls.append(1))
    function = nn.Sequential(layer, nn.Sigmoid())
    CHECKPOINT.checkpoint(function, leaf(1.0, device=device), use_reentrant=reentrant).sum().backward()
    assert len(calls) == 2


@fact(
    "torch.utils.checkpoint.checkpoint",
    "torch.Tensor.mul_",
    myth="a weight changed between forward and backward is always an error",
    hint="call backward() before step()",
)
@MODES
def test_takes_a_weight_that_was_changed_in_between(device, reentrant):
    """`checkpoint` uses a weight that was changed between forward and `backward` as it is then, without an error."""
    x, w = leaf(3.0, device=device), leaf(2.0, device=device)
    y = CHECKPOINT.checkpoint(lambda x: x * w * w, x, use_reentrant=reentrant)
    with torch.no_grad():
        w.mul_(10)
    y.backward()
    same(x.grad, torch.tensor([400.0]))


@fact("torch.utils.checkpoint.checkpoint")
def test_runs_once_where_nothing_is_recorded(device):
    """Under `no_grad`, as in evaluation, `checkpoint` runs its function once and saves nothing."""
    function, x = Calls(), leaf(1.0, device=device)
    with torch.no_grad(), saved_bytes() as saved:
        y = CHECKPOINT.checkpoint(function, x, use_reentrant=False)
    assert (function.number, saved.total, y.requires_grad) == (1, 0, False)
    CHECKPOINT.checkpoint(function, x, use_reentrant=False).backward()
    assert function.number == 3


@fact("torch.utils.checkpoint.checkpoint", since="2.1", calls="use_reentrant=False, names retain_graph")
def test_runs_again_in_each_backward(device):
    """With `retain_graph=True` each `backward` runs a function under `checkpoint` again."""
    function, x = Calls(), leaf(1.0, device=device)
    y = CHECKPOINT.checkpoint(function, x, use_reentrant=False)
    y.backward(retain_graph=True)
    y.backward()
    assert function.number == 3
    close(x.grad, [2 * math.exp(1) * math.cos(math.exp(1))], roundings=64)


@fact("torch.utils.checkpoint.checkpoint")
def test_within_another_runs_three_times(device):
    """A function under `checkpoint` within a `checkpoint` runs three times: forward, and twice on the way back."""
    function, x = Calls(), leaf(1.0, device=device)

    def outer(x):
        return CHECKPOINT.checkpoint(function, x, use_reentrant=False).exp()

    CHECKPOINT.checkpoint(outer, x, use_reentrant=False).backward()
    assert function.number == 3
    close(x.grad, [GRADIENT], roundings=64)


@fact("torch.utils.checkpoint.checkpoint", "torch.autocast")
@MODES
def test_keeps_the_autocast_of_its_forward_pass(device, reentrant):
    """The second run of `checkpoint` is under the `autocast` of the first, though `backward` is called outside."""
    seen, x = [], torch.ones(2, 2, device=device, requires_grad=True)

    def product(x):
        seen.append((y := x @ x).dtype)
        return y.sin()

    with torch.autocast(torch.device(device).type, torch.bfloat16):
        y = CHECKPOINT.checkpoint(product, x, use_reentrant=reentrant)
    y.float().sum().backward()
    assert seen == [torch.bfloat16] * 2


@fact("torch.utils.checkpoint.checkpoint", since="2.14", calls="use_reentrant", gain=True)
def test_decorates_a_function(device):
    """`checkpoint(use_reentrant=False)` without a function decorates one, whose calls are then checkpointed."""
    calls, x = Calls(), leaf(1.0, device=device)
    y = CHECKPOINT.checkpoint(use_reentrant=False)(lambda x: calls(x))(x)
    y.backward()
    assert calls.number == 2
    close(x.grad, [math.exp(1) * math.cos(math.exp(1))], roundings=64)


@fact("torch.utils.checkpoint.checkpoint_sequential")
@pytest.mark.parametrize(("segments", "tensors"), [(1, 6), (2, 4), (3, 4), (6, 6)])
def test_of_a_sequence_saves_least_between(device, segments, tensors):
    """`checkpoint_sequential` saves an input a segment, and all of the last: least for a middling number of them."""
    layers, x = [nn.Sigmoid() for _ in range(6)], torch.ones(100, device=device, requires_grad=True)
    with saved_bytes() as saved:
        y = CHECKPOINT.checkpoint_sequential(layers, segments, x, use_reentrant=True)
    y.backward(slope := torch.arange(100.0, device=device) / 64)
    assert saved.total == tensors * 400
    want, steepness = 1.0, 1.0
    for _ in layers:
        want = 1 / (1 + math.exp(-want))
        steepness *= want * (1 - want)
    close(y.detach(), [want] * 100, roundings=32)
    close(x.grad, (steepness * slope).cpu().numpy(), roundings=64)


# --- runs that differ -------------------------------------------------------------------------------------------------


def changing(*functions):
    """A function that is one of these at its first run, and the next at its second."""
    left = list(functions)
    return lambda x: left.pop(0)(x)


def saving_less():
    return changing(lambda x: x.exp().sin(), lambda x: x * 2)


def of_another_dtype():
    return changing(lambda x: x.exp().sin(), lambda x: x.double().exp().sin().float())


@fact("torch.utils.checkpoint.CheckpointError", "torch.utils.checkpoint.checkpoint")
@pytest.mark.parametrize(
    ("made", "words"),
    [(saving_less, "A different number of tensors was saved"), (of_another_dtype, "have different metadata")],
    ids=["number", "dtype"],
)
def test_refuses_a_second_run_that_differs(device, made, words):
    """A second run of `checkpoint` that saves other tensors raises `CheckpointError`, which tells how they differ."""
    y = CHECKPOINT.checkpoint(made(), leaf(1.0, device=device), use_reentrant=False)
    with pytest.raises(CHECKPOINT.CheckpointError, match=words):
        y.backward()
    assert issubclass(CHECKPOINT.CheckpointError, RuntimeError)


@fact("torch.utils.checkpoint.checkpoint", since="2.1", calls="determinism_check", gain=True)
def test_does_not_compare_its_runs_when_told(device):
    """`checkpoint` with `determinism_check="none"` lets a second run save tensors of another dtype."""
    x = leaf(1.0, device=device)
    CHECKPOINT.checkpoint(of_another_dtype(), x, use_reentrant=False, determinism_check="none").backward()
    close(x.grad, [math.exp(1) * math.cos(math.exp(1))], roundings=64)


@fact("torch.utils.checkpoint.checkpoint", since="2.1", calls="determinism_check")
def test_knows_two_ways_to_compare_its_runs():
    """`checkpoint` refuses a `determinism_check` other than "default" and "none" with ValueError."""
    with pytest.raises(ValueError, match="determinism_check should be one of"):
        CHECKPOINT.checkpoint(torch.exp, leaf(1.0), use_reentrant=False, determinism_check="some")


@pytest.fixture
def python_alone(monkeypatch):
    """Have debugged runs take the stack of Python alone: for that of C++ they start programs that stay."""
    monkeypatch.setattr("platform.machine", lambda: "any")


def debugged(device, **options):
    """What the error of a second run that differs says."""
    y = CHECKPOINT.checkpoint(of_another_dtype(), leaf(1.0, device=device), use_reentrant=False, **options)
    with pytest.raises(CHECKPOINT.CheckpointError) as refused:
        y.backward()
    return str(refused.value)


@fact("torch.utils.checkpoint.set_checkpoint_debug_enabled", "torch.utils.checkpoint.checkpoint")
def test_lists_the_operators_of_both_runs_when_debugged(device, python_alone):
    """With `set_checkpoint_debug_enabled(True)`, or `debug=True`, `CheckpointError` lists what each of two runs ran."""
    with CHECKPOINT.set_checkpoint_debug_enabled(True):
        switched = debugged(device)
    said = [switched, debugged(device, debug=True), debugged(device)]
    assert ["Operations executed during the original forward" in each for each in said] == [True, True, False]
    assert ["Operations executed during recomputation" in each for each in said] == [True, True, False]


@fact("torch.utils.checkpoint.set_checkpoint_debug_enabled", "torch.utils.checkpoint.checkpoint")
def test_is_not_debugged_under_false(device, python_alone):
    """`set_checkpoint_debug_enabled(False)` goes before `debug=True` of `checkpoint`, and None leaves it to that."""
    with CHECKPOINT.set_checkpoint_debug_enabled(False):
        assert "Operations executed" not in debugged(device, debug=True)
    with CHECKPOINT.set_checkpoint_debug_enabled(None):
        assert "Operations executed" in debugged(device, debug=True)


@fact("torch.utils.checkpoint.checkpoint", since="2.1", calls="use_reentrant=True, debug|context_fn")
@pytest.mark.parametrize(
    "options", [{"debug": True}, {"context_fn": lambda: (None, None)}], ids=["debug", "context_fn"]
)
def test_debugs_and_takes_contexts_without_the_reentrant_mode_alone(options):
    """`checkpoint` refuses `debug` and `context_fn`, "only supported when use_reentrant=False", in the other mode."""
    with pytest.raises(ValueError, match="only supported when use_reentrant=False"):
        CHECKPOINT.checkpoint(torch.exp, leaf(1.0), use_reentrant=True, **options)


# --- contexts, and what is kept from the first run --------------------------------------------------------------------


class Noted:
    """A context that writes down when it is entered and left."""

    def __init__(self, name, notes):
        self.name, self.notes = name, notes

    def __enter__(self):
        self.notes.append(f"{self.name} begins")

    def __exit__(self, *_):
        self.notes.append(f"{self.name} ends")


@fact("torch.utils.checkpoint.checkpoint", since="2.1", calls="context_fn", gain=True)
def test_runs_in_contexts_of_ones_own(device):
    """`context_fn` of `checkpoint` gives two contexts: the first run is in the one, and the second in the other."""
    notes = []
    contexts = Noted("first", notes), Noted("second", notes)
    y = CHECKPOINT.checkpoint(Calls(), leaf(1.0, device=device), use_reentrant=False, context_fn=lambda: contexts)
    assert notes == ["first begins", "first ends"]
    y.backward()
    assert notes[2:] == ["second begins", "second ends"]


@fact("torch.utils.checkpoint.noop_context_fn")
def test_runs_in_contexts_that_do_nothing_by_default():
    """`noop_context_fn` of `torch.utils.checkpoint` gives two contexts that change nothing."""
    first, second = CHECKPOINT.noop_context_fn()
    with first as one, second as two:
        y = leaf(1.0).exp()
    assert (one, two, y.requires_grad) == (None, None, True)


def selected(device, policy, **options):
    """How often exp and sin run where a policy tells what of exp(sin(exp(x))) is kept, and the gradient."""
    x = leaf(1.0, device=device)
    context_fn = functools.partial(CHECKPOINT.create_selective_checkpoint_contexts, policy, **options)
    with Counted() as counted:
        y = CHECKPOINT.checkpoint(lambda x: x.exp().sin().exp(), x, use_reentrant=False, context_fn=context_fn)
        y.backward()
    return counted.run.count(EXP), counted.run.count(SIN), x.grad


SELECTIVE = ("torch.utils.checkpoint.create_selective_checkpoint_contexts", "torch.utils.checkpoint.CheckpointPolicy")


@fact(*SELECTIVE)
@pytest.mark.parametrize(("name", "runs"), [("SAVE", [2, 2]), ("RECOMPUTE", [4, 2])], ids=["SAVE", "RECOMPUTE"])
@pytest.mark.parametrize("how", ["MUST", "PREFER"])
def test_keeps_what_a_policy_tells(device, how, name, runs):
    """A policy of `MUST_SAVE` or `PREFER_SAVE` has `checkpoint` keep results, one of RECOMPUTE has it run again."""
    wanted = getattr(CHECKPOINT.CheckpointPolicy, f"{how}_{name}")
    other = CHECKPOINT.CheckpointPolicy.MUST_RECOMPUTE
    *run, gradient = selected(device, lambda ctx, op, *args, **kwargs: wanted if op == EXP else other)
    assert run == runs
    close(gradient, [GRADIENT], roundings=128)


@fact(*SELECTIVE)
def test_keeps_nothing_by_a_policy_of_recomputing(device):
    """A selective policy that says `PREFER_RECOMPUTE` runs every operator again, as `checkpoint` does without one."""
    recompute = CHECKPOINT.CheckpointPolicy.PREFER_RECOMPUTE
    *run, gradient = selected(device, lambda ctx, op, *args, **kwargs: recompute)
    assert run == [4, 2]
    close(gradient, [GRADIENT], roundings=128)


@fact("torch.utils.checkpoint.create_selective_checkpoint_contexts")
def test_keeps_the_operators_of_a_list(device):
    """`create_selective_checkpoint_contexts` takes a list of operators to keep, as of `torch.ops.aten.exp.default`."""
    *run, gradient = selected(device, [EXP])
    assert run == [2, 2]
    close(gradient, [GRADIENT], roundings=128)
    assert selected(device, [EXP, SIN])[:2] == (2, 1)


@fact("torch.utils.checkpoint.create_selective_checkpoint_contexts", hint="torch.ops.aten.exp.default")
def test_keeps_overloads_alone(device):
    """`create_selective_checkpoint_contexts` refuses `torch.ops.aten.exp` in a list: "to be an OpOverload"."""
    with pytest.raises(ValueError, match="to be an OpOverload but got"):
        selected(device, [torch.ops.aten.exp])


@fact("torch.utils.checkpoint.create_selective_checkpoint_contexts")
def test_keeps_it_for_one_backward(device):
    """Selective `checkpoint` takes one `backward` alone, even with `retain_graph=True`: "backward an extra time"."""
    context_fn = functools.partial(CHECKPOINT.create_selective_checkpoint_contexts, [EXP])
    x = leaf(1.0, device=device)
    y = CHECKPOINT.checkpoint(lambda x: x.exp().sin(), x, use_reentrant=False, context_fn=context_fn)
    y.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="backward an extra time"):
        y.backward()
    close(x.grad, [math.exp(1) * math.cos(math.exp(1))], roundings=64)


def of_a_changed_exp(x, **options):
    """The sine of exp, which is kept and then written to, checkpointed."""
    context_fn = functools.partial(CHECKPOINT.create_selective_checkpoint_contexts, [EXP], **options)

    def changed(x):
        y = x.exp()
        y.detach().mul_(1)
        return y.sin()

    return CHECKPOINT.checkpoint(changed, x, use_reentrant=False, context_fn=context_fn)


@fact("torch.utils.checkpoint.create_selective_checkpoint_contexts")
def test_refuses_to_keep_what_was_changed_in_place(device):
    """`create_selective_checkpoint_contexts` refuses in `backward` a kept result that has been mutated."""
    y = of_a_changed_exp(leaf(1.0, device=device))
    with pytest.raises(RuntimeError, match="has been mutated"):
        y.backward()


@fact("torch.utils.checkpoint.create_selective_checkpoint_contexts")
def test_keeps_what_was_changed_in_place_when_told(device):
    """Selective `checkpoint` with `allow_cache_entry_mutation=True` uses a kept result that has been mutated."""
    x = leaf(1.0, device=device)
    of_a_changed_exp(x, allow_cache_entry_mutation=True).backward()
    close(x.grad, [math.exp(1) * math.cos(math.exp(1))], roundings=64)


@fact(
    "torch.utils.checkpoint.SelectiveCheckpointContext", "torch.utils.checkpoint.create_selective_checkpoint_contexts"
)
def test_asks_its_policy_of_each_operator_in_the_first_run(device):
    """A policy of selective `checkpoint` is asked of each operator in the first run, where `is_recompute` is False."""
    asked = []

    def policy(ctx, op, *args, **kwargs):
        asked.append((ctx.is_recompute, op, args[0].shape))
        return False

    assert selected(device, policy)[:2] == (4, 2)
    assert asked[:3] == [(False, EXP, (1,)), (False, SIN, (1,)), (False, EXP, (1,))]


@fact("torch.utils.checkpoint.SelectiveCheckpointContext", since="2.12", calls="names op_output", gain=True)
def test_tells_its_policy_what_the_operator_gave(device):
    """The context that a policy of selective `checkpoint` is asked with has the operator's result as `op_output`."""
    given = []

    def policy(ctx, op, *args, **kwargs):
        given.append(getattr(ctx, "op_output", None))  # an error would leave its modes on
        return False

    selected(device, policy)
    close(given[0].detach(), [math.e], roundings=4)
    close(given[1].detach(), [math.sin(math.e)], roundings=16)


@fact("torch.utils.checkpoint.SAC_IGNORED_OPS", "torch.utils.checkpoint.create_selective_checkpoint_contexts")
def test_never_asks_its_policy_of_detach(device):
    """No policy of selective `checkpoint` is asked of operators of `SAC_IGNORED_OPS`, such as `detach`."""
    asked = []
    context_fn = functools.partial(
        CHECKPOINT.create_selective_checkpoint_contexts, lambda ctx, op, *args, **kwargs: asked.append(op)
    )
    x = leaf(1.0, device=device)
    CHECKPOINT.checkpoint(lambda x: x.detach() * x.exp(), x, use_reentrant=False, context_fn=context_fn)
    assert EXP in asked and torch.ops.aten.detach.default not in asked
    assert torch.ops.aten.detach.default in CHECKPOINT.SAC_IGNORED_OPS


def never_grouped(patch):
    """A group of backward calls is forgotten at once."""
    patch.setattr(CHECKPOINT.GraphExecGroup, "__enter__", lambda self: self)


@fact("torch.utils.checkpoint.GraphExecGroup", refuter=never_grouped)
def test_runs_again_once_for_a_group_of_backward_calls(device):
    """Under one `GraphExecGroup` several `backward` calls run a function under `checkpoint` again once."""
    numbers = []
    for group in (contextlib.nullcontext(), CHECKPOINT.GraphExecGroup()):
        function, x = Calls(lambda x: (x.exp().sin(), x.sin().exp())), leaf(1.0, device=device)
        first, second = CHECKPOINT.checkpoint(function, x, use_reentrant=False)
        with group:
            first.backward(retain_graph=True)
            second.backward()
        numbers.append(function.number)
        want = math.exp(1) * math.cos(math.exp(1)) + math.cos(1) * math.exp(math.sin(1))
        close(x.grad, [want], roundings=128)
    assert numbers == [3, 2]


@fact("torch.utils.checkpoint.GraphExecGroup")
def test_has_no_group_within_a_group():
    """A `GraphExecGroup` within another is refused, "cannot be nested", and one behind it is not."""
    with CHECKPOINT.GraphExecGroup() as group, pytest.raises(RuntimeError, match="cannot be nested"):
        CHECKPOINT.GraphExecGroup().__enter__()
    assert isinstance(group, CHECKPOINT.GraphExecGroup)
    with CHECKPOINT.GraphExecGroup() as other:
        assert other is not group


# --- parts of the reentrant mode --------------------------------------------------------------------------------------


@fact("torch.utils.checkpoint.detach_variable")
def test_detaches_what_it_is_given():
    """`detach_variable` detaches each tensor of a tuple, which requires grad as before, and keeps the rest."""
    x = leaf(2.0) * 1
    detached, plain, number = CHECKPOINT.detach_variable((x, torch.ones(1), 3))
    assert (detached.is_leaf, detached.requires_grad, plain.requires_grad, number) == (True, True, False, 3)
    same(detached.detach(), torch.tensor([2.0]))


@fact("torch.utils.checkpoint.detach_variable")
def test_detaches_no_list():
    """`detach_variable` refuses a list: Only tuple of tensors is supported."""
    with pytest.raises(RuntimeError, match="Only tuple of tensors is supported"):
        CHECKPOINT.detach_variable([leaf(2.0)])


@fact("torch.utils.checkpoint.check_backward_validity")
def test_warns_where_no_input_requires_grad(recwarn):
    """`check_backward_validity` warns where no input requires grad: "Gradients will be None"."""
    CHECKPOINT.check_backward_validity([torch.ones(1), 3, leaf(1.0)])
    assert not recwarn
    with pytest.warns(UserWarning, match="Gradients will be None"):
        CHECKPOINT.check_backward_validity([torch.ones(1), 3])


@fact("torch.utils.checkpoint.get_device_states")
@pytest.mark.cpu
def test_keeps_no_state_of_devices_for_the_cpu():
    """`get_device_states` of tensors of the CPU is of no device."""
    assert CHECKPOINT.get_device_states(torch.ones(1), 3) == ([], [])


@fact("torch.utils.checkpoint.get_device_states", "torch.utils.checkpoint.set_device_states")
def test_keeps_the_state_of_a_gpu(accelerator):
    """`set_device_states` puts back the random state that `get_device_states` told of the GPU of its tensors."""
    devices, states = CHECKPOINT.get_device_states(torch.ones(1, device=accelerator))
    drawn = torch.rand(3, device=accelerator)
    CHECKPOINT.set_device_states(devices, states, **({} if accelerator == "cuda" else {"device_type": accelerator}))
    same(torch.rand(3, device=accelerator), drawn.cpu())


class Device:
    """A module of a device that is not here, as `torch.cuda` is of its own."""

    def __init__(self):
        self.set = []

    device = staticmethod(lambda number: contextlib.nullcontext())

    def set_rng_state(self, state):
        self.set.append(state)


@fact("torch.utils.checkpoint.set_device_states", since="2.5", calls="device_type", gain=True)
@pytest.mark.cpu
def test_sets_the_state_of_each_device(monkeypatch):
    """`set_device_states` of `torch.utils.checkpoint` sets each random state (RNG) by the module of `device_type`."""
    monkeypatch.setattr(torch, "cuda", here := Device())
    CHECKPOINT.set_device_states([0, 1], ["first", "second"], device_type="cuda")
    assert here.set == ["first", "second"]


@fact("torch.utils.checkpoint.DefaultDeviceType")
def test_has_a_kind_of_device_for_want_of_a_tensor_there(monkeypatch):
    """`DefaultDeviceType` tells the kind of device that it was set to."""
    kinds = CHECKPOINT.DefaultDeviceType
    monkeypatch.setattr(kinds, "_default_device_type", kinds.get_device_type())
    kinds.set_device_type("xpu")
    assert kinds.get_device_type() == "xpu"
    kinds.set_device_type("cuda")
    assert kinds.get_device_type() == "cuda"
