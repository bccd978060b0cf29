"""`nn.DataParallel` (DP), which runs threads of one process; DDP is in test_distributed_data_parallel.py."""

import os
import threading

import numpy
import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.fixtures.fact import unavailable
from torchproof.fixtures.plugins.devices import available

BATCH = numpy.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
SLOPE = 2 * BATCH.sum(axis=1) @ BATCH  # of the sum of the squared outputs, with weights 1


@pytest.fixture
def without_gpus():
    """Ends the fact where there are devices to split over."""
    if available("cuda") or available("xpu"):
        unavailable("platform", "a machine without GPUs")


class _Linear(nn.Module):
    """Two weights, both 1; notes each call: the device, the size of its part, the process and the thread."""

    def __init__(self, device):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 1, dtype=torch.float64, device=device))
        self.seen = []
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        self.seen.append((x.device.index, len(x), os.getpid(), threading.current_thread()))
        return x @ self.weight


class _Mean(nn.Module):
    """A loss of no dimensions."""

    def forward(self, x):
        return x.mean()


def _batch(device):
    return torch.tensor(BATCH, device=device)


# --- without GPUs -----------------------------------------------------------------------------------------------------


@fact("torch.nn.DataParallel")
def test_without_gpus_is_the_module(without_gpus):
    """On a machine without GPUs, `DataParallel` gives what the module gives for the whole batch at once."""
    module = _Linear("cpu")
    same(nn.DataParallel(module)(_batch("cpu")), BATCH.sum(axis=1, keepdims=True))
    assert [size for _, size, _, _ in module.seen] == [3]


@fact("torch.nn.DataParallel", claims=["X03"])
def test_without_gpus_gives_the_gradient_of_the_module(without_gpus):
    """On a machine without GPUs, the gradient that `DataParallel` leaves is that of the whole batch."""
    module = _Linear("cpu")
    nn.DataParallel(module)(_batch("cpu")).square().sum().backward()
    same(module.weight.grad, SLOPE[:, None])


@fact("torch.nn.DataParallel", myth="DataParallel(device_ids=[0, 1]) uses two cores of a machine without GPUs")
def test_without_gpus_drops_device_ids(without_gpus):
    """On a machine without GPUs, `DataParallel(device_ids=[0, 1])` calls the module once, with the whole batch."""
    module = _Linear("cpu")
    nn.DataParallel(module, device_ids=[0, 1])(_batch("cpu"))
    assert [size for _, size, _, _ in module.seen] == [3]


@fact("torch.nn.DataParallel")
def test_without_gpus_keeps_what_forward_writes(without_gpus):
    """On a machine without GPUs, `DataParallel` keeps what `forward` writes to the module, as BatchNorm's mean."""
    module = nn.BatchNorm1d(1, momentum=1.0)
    nn.DataParallel(module)(torch.tensor([[1.0], [3.0]]))
    same(module.running_mean, [2.0])


@fact("torch.nn.parallel.gather", hint="let forward return tensors of the device that its input is on")
@pytest.mark.cpu
def test_gather_refuses_outputs_on_the_cpu():
    """DataParallel's `gather` refuses outputs on the CPU: "Gather function not implemented for CPU tensors"."""
    with pytest.raises(AssertionError, match="Gather function not implemented for CPU tensors"):
        torch.nn.parallel.gather([torch.ones(1, 2), torch.ones(1, 2)], "cpu")


@fact("torch.nn.parallel.replicate", "torch.nn.parallel.scatter")
@pytest.mark.cpu
@pytest.mark.parametrize("name", ["replicate", "scatter"])
def test_parts_refuse_the_cpu(name):
    """DataParallel's `scatter` and `replicate` refuse the CPU: "Expected a non cpu device"."""
    what = {"replicate": nn.Linear(2, 1), "scatter": torch.ones(2, 2)}[name]
    with pytest.raises(ValueError, match="Expected a non cpu device, but got: cpu"):
        getattr(torch.nn.parallel, name)(what, [torch.device("cpu")] * 2)


# --- the wrapped module -----------------------------------------------------------------------------------------------


@fact("torch.nn.DataParallel", "torch.nn.Module.state_dict", hint="save model.module.state_dict()")
def test_state_dict_has_the_prefix_module():
    """The keys of the `state_dict` of a model wrapped in `DataParallel` are its module's behind `module.`."""
    module = nn.Linear(2, 1)
    state = nn.DataParallel(module).state_dict()
    assert list(state) == ["module.weight", "module.bias"]
    same(state["module.bias"], module.bias)


@fact(
    "torch.nn.DataParallel",
    "torch.nn.Module.state_dict",
    "torch.nn.Module.load_state_dict",
    hint="save model.module.state_dict()",
)
def test_state_dict_is_refused_by_the_plain_model():
    """The `state_dict` of a model wrapped in `DataParallel` does not load into the plain one: "Unexpected key(s)"."""
    with pytest.raises(RuntimeError, match='Missing key.*"weight", "bias".*\n.*Unexpected key.*module.weight'):
        nn.Linear(2, 1).load_state_dict(nn.DataParallel(nn.Linear(2, 1)).state_dict())


@fact(
    "torch.nn.DataParallel", "torch.nn.Module.load_state_dict", hint="load it with model.module.load_state_dict(state)"
)
def test_refuses_the_state_dict_of_the_plain_model():
    """`DataParallel(model)` refuses the plain model's `state_dict`: 'Missing key(s) in state_dict: "module.weight"'."""
    with pytest.raises(RuntimeError, match='Missing key.*"module.weight", "module.bias"'):
        nn.DataParallel(nn.Linear(2, 1)).load_state_dict(nn.Linear(2, 1).state_dict())


@fact("torch.nn.DataParallel", "torch.nn.Module.state_dict", "torch.nn.Module.load_state_dict")
def test_state_dict_of_its_module_loads_into_the_plain_model():
    """What `.module.state_dict()` of a model wrapped in `DataParallel` returns loads into the plain model."""
    wrapped, plain = nn.DataParallel(nn.Linear(2, 1)), nn.Linear(2, 1)
    plain.load_state_dict(wrapped.module.state_dict())
    same(plain.weight, wrapped.module.weight)
    same(plain.bias, wrapped.module.bias)


def looks_into_the_module(patch):
    """A wrapper that finds what its module has."""
    find = nn.Module.__getattr__
    patch.setattr(nn.DataParallel, "__getattr__", lambda self, name: getattr(find(self, "module"), name), raising=False)


@fact("torch.nn.DataParallel", hint="reach them through model.module", refuter=looks_into_the_module)
def test_hides_the_attributes_of_the_module():
    """A model wrapped in `DataParallel` "has no attribute 'in_features'": it is found under `.module` only."""
    wrapped = nn.DataParallel(nn.Linear(2, 1))
    with pytest.raises(AttributeError, match="has no attribute 'in_features'"):
        wrapped.in_features
    assert wrapped.module.in_features == 2


# --- two devices ------------------------------------------------------------------------------------------------------


@fact("torch.nn.DataParallel", claims=["X03"])
def test_splits_the_batch_over_the_devices(devices):
    """`DataParallel` runs the module on each of two devices with a part of the batch along dimension 0."""
    module = _Linear(devices[0])
    nn.DataParallel(module, device_ids=[0, 1])(_batch(devices[0]))
    assert sorted((device, size) for device, size, _, _ in module.seen) == [(0, 2), (1, 1)]


@fact("torch.nn.DataParallel", claims=["X03"], myth="DataParallel averages the results of the devices")
def test_gathers_the_outputs_in_the_order_of_the_batch(devices):
    """`DataParallel` puts the devices' outputs together along dimension 0, a row for each sample, not averaged."""
    out = nn.DataParallel(_Linear(devices[0]), device_ids=[0, 1])(_batch(devices[0]))
    same(out, BATCH.sum(axis=1, keepdims=True))


@fact("torch.nn.DataParallel", claims=["X04"])
def test_gathers_the_outputs_on_one_device(devices):
    """`DataParallel` gathers all outputs on one device, the first unless `output_device` names another."""
    module, x = _Linear(devices[0]), _batch(devices[0])
    assert nn.DataParallel(module, device_ids=[0, 1])(x).device.index == 0
    assert nn.DataParallel(module, device_ids=[0, 1], output_device=1)(x).device.index == 1


@fact("torch.nn.DataParallel", claims=["X03"], myth="DataParallel averages the gradients of the devices")
@pytest.mark.parametrize(("reduction", "want"), [(torch.sum, SLOPE), (torch.mean, SLOPE / 3)], ids=["sum", "mean"])
def test_sums_the_gradients_of_the_devices(devices, reduction, want):
    """`DataParallel` sums the devices' gradients in the module: that of the whole batch."""
    module = _Linear(devices[0])
    reduction(nn.DataParallel(module, device_ids=[0, 1])(_batch(devices[0])).square()).backward()
    close(module.weight.grad, want[:, None], roundings=8)


@fact("torch.nn.DataParallel", claims=["X03"])
def test_leaves_the_gradients_on_the_first_device(devices):
    """`DataParallel` leaves the gradients of all devices' parts on the first one."""
    module = _Linear(devices[0])
    nn.DataParallel(module, device_ids=[0, 1])(_batch(devices[0])).sum().backward()
    assert module.weight.grad.device == torch.device(devices[0])


@fact("torch.nn.DataParallel", claims=["X04"])
def test_runs_in_threads_of_one_process(devices):
    """`DataParallel` runs two devices by two threads of one process, which share its interpreter."""
    module = _Linear(devices[0])
    nn.DataParallel(module, device_ids=[0, 1])(_batch(devices[0]))
    assert {process for *_, process, _ in module.seen} == {os.getpid()}
    assert len({thread for *_, thread in module.seen}) == 2


@fact("torch.nn.DataParallel")
def test_loses_what_forward_writes_to_the_module(devices):
    """An attribute that `forward` sets under `DataParallel` is set on the devices' copies, and lost with them."""
    module = _Linear(devices[0])
    nn.DataParallel(module, device_ids=[0, 1])(_batch(devices[0]))
    assert len(module.seen) == 2
    assert module.calls == 0


class _Counting(nn.Module):
    """Adds the sizes of the parts that it is given to a buffer."""

    def __init__(self, device):
        super().__init__()
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64, device=device))

    def forward(self, x):
        self.seen += len(x)
        return x


@fact("torch.nn.DataParallel", hint="torch.nn.SyncBatchNorm under DistributedDataParallel sees the whole batch")
def test_keeps_the_buffers_of_the_first_device(devices):
    """Under `DataParallel`, a buffer that `forward` adds to in place has the first device's part of the batch alone."""
    module = _Counting(devices[0])
    nn.DataParallel(module, device_ids=[0, 1])(_batch(devices[0]))
    assert module.seen.item() == 2


def _grown(devices, call):
    """By how many bytes each device's memory has grown behind the call, while what it returns is there."""
    memory = getattr(torch, torch.device(devices[0]).type).memory_allocated
    before = [memory(device) for device in devices]
    kept = call()
    return [memory(device) - start for device, start in zip(devices, before)], kept


@fact("torch.nn.DataParallel", claims=["X04"], hint="DistributedDataParallel, one process a device")
def test_takes_memory_of_the_first_device_most(devices):
    """Behind a forward of `DataParallel` the first device has the outputs of all in its memory, and the second not."""
    module, x = _Linear(devices[0]), torch.ones(1 << 18, 2, dtype=torch.float64, device=devices[0])
    wrapped = nn.DataParallel(module, device_ids=[0, 1])
    wrapped(x).sum().backward()
    (first, second), _ = _grown(devices, lambda: wrapped(x).detach())
    assert first >= x.nbytes // 2 > second


@fact("torch.nn.DataParallel", hint='move the model with .to("cuda:0") first')
def test_refuses_a_module_on_another_device(devices):
    """`DataParallel` refuses a module off its first device: "must have its parameters and buffers on device"."""
    wrapped = nn.DataParallel(_Linear("cpu"), device_ids=[0, 1])
    with pytest.raises(RuntimeError, match=f"module must have its parameters and buffers on device {devices[0]}"):
        wrapped(_batch(devices[0]))


@fact("torch.nn.DataParallel")
@pytest.mark.filterwarnings("ignore:.*all input tensors were scalars")
def test_gathers_scalars_as_a_vector(devices):
    """Losses without dimensions that `forward` gives come back from `DataParallel` as a vector, one of each device."""
    loss = nn.Sequential(_Linear(devices[0]), nn.Flatten(0), _Mean())
    same(nn.DataParallel(loss, device_ids=[0, 1])(_batch(devices[0])), numpy.array([5.0, 11.0]))


@fact("torch.nn.DataParallel")
def test_warns_of_scalars_that_become_a_vector(devices, every_warning):
    """`DataParallel` of a module that gives losses without dimensions warns "all input tensors were scalars"."""
    loss = nn.Sequential(_Linear(devices[0]), nn.Flatten(0), _Mean())
    with pytest.warns(UserWarning, match="all input tensors were scalars"):
        nn.DataParallel(loss, device_ids=[0, 1])(_batch(devices[0]))
