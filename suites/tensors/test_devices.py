"""Where tensors are made, and what a device has: modules, streams, events."""

import pytest
import torch

from torchproof import fact, same


def stays(patch):
    """The default device is never another."""
    patch.setattr(torch, "set_default_device", lambda device: None)


@pytest.fixture
def nothing_left():
    """Nothing is left of a default device: on some releases `get_default_device` stumbles over the None it leaves."""
    yield
    context = torch._GLOBAL_DEVICE_CONTEXT
    if hasattr(context, "device_context"):
        del context.device_context


@fact("torch.set_default_device", refuter=stays)
def test_default_is_where_tensors_are_made(nothing_left):
    """`set_default_device` says where tensors are made that are told no device, and with None takes it back."""
    made = [torch.zeros(2), torch.nn.Linear(2, 2).weight]
    torch.set_default_device("meta")
    try:
        made += [torch.zeros(2), torch.tensor([1.5]), torch.nn.Linear(2, 2).weight, torch.ones(2, device="cpu")]
    finally:
        torch.set_default_device(None)
    made.append(torch.arange(3))
    assert [x.device.type for x in made] == ["cpu", "cpu", "meta", "meta", "meta", "cpu", "cpu"]


@fact("torch.set_default_device", refuter=stays)
def test_default_does_not_move_what_is_there(device, nothing_left):
    """`set_default_device` leaves what has a device: results, copies, and what is made like a tensor."""
    x = torch.ones(2, device=device)
    torch.set_default_device("meta")
    try:
        made = [x + 1, x.clone(), torch.zeros_like(x), x.new_zeros(2)]
        assert torch.zeros(1).is_meta
    finally:
        torch.set_default_device(None)
    same(torch.stack(made), torch.tensor([[2.0, 2.0], [1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]))


def doubles_stay(patch):
    """The default type is never another."""
    patch.setattr(torch, "set_default_tensor_type", lambda kind: None)


@fact("torch.set_default_tensor_type", refuter=doubles_stay)
@pytest.mark.filterwarnings("ignore:torch.set_default_tensor_type\\(\\) is deprecated")
def test_default_type_sets_the_dtype():
    """`set_default_tensor_type` sets the dtype of new tensors, by the old name of a type."""
    torch.set_default_tensor_type("torch.DoubleTensor")
    try:
        x = torch.zeros(2)
    finally:
        torch.set_default_tensor_type(torch.FloatTensor)
    assert (x.dtype, torch.zeros(2).dtype) == (torch.float64, torch.float32)


@fact("torch.get_device_module")
@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_module_of_a_device_is_that_of_its_type(name):
    """`get_device_module` gives `torch.cpu` and `torch.cuda`, by name or device, whether the device is here or not."""
    assert torch.get_device_module(name) is torch.get_device_module(torch.device(name, 0)) is getattr(torch, name)


@fact("torch.get_device_module")
def test_module_of_no_device_is_refused():
    """`torch.get_device_module("gpu")` is refused: "gpu" is no device."""
    with pytest.raises(RuntimeError, match="device"):
        torch.get_device_module("gpu")


def none_of_a_device(patch):
    """Streams and events are of no device."""
    patch.setattr(torch, "Stream", lambda device: object())
    patch.setattr(torch, "Event", lambda device: object(), raising=False)


@fact("torch.Stream", since="2.4", calls="any", gain=True, refuter=none_of_a_device)
def test_stream_of_the_cpu_is_always_done():
    """A `torch.Stream` of the CPU has its device, and has always done all of its work."""
    stream = torch.Stream("cpu")
    assert isinstance(stream, torch.Stream)
    assert (stream.device, stream.query(), stream == torch.Stream("cpu")) == (torch.device("cpu"), True, True)


@fact("torch.Event", since="2.4", calls="any", gain=True, refuter=none_of_a_device)
def test_event_of_the_cpu_is_not_recorded():
    """A `torch.Event` of the CPU has its device, and cannot be recorded: cpu backend doesn't support events."""
    event = torch.Event("cpu")
    assert isinstance(event, torch.Event) and event.device == torch.device("cpu")
    with pytest.raises(RuntimeError, match="cpu backend doesn't support events"):
        event.record()


def silent_switch(patch):
    """The switch that makes warnings come always is never on."""
    patch.setattr(torch, "set_warn_always", lambda on: None)


@fact("torch.is_warn_always_enabled", "torch.set_warn_always", refuter=silent_switch)
def test_warnings_are_known_to_come_always():
    """`torch.is_warn_always_enabled()` tells what `torch.set_warn_always` was given last."""
    torch.set_warn_always(True)
    try:
        on = torch.is_warn_always_enabled()
    finally:
        torch.set_warn_always(False)
    assert (on, torch.is_warn_always_enabled()) == (True, False)


@fact("torch.set_warn_always", refuter=silent_switch)
def test_warnings_come_always_where_asked_for():
    """`torch.set_warn_always(True)` has a warning given each time, which came once before."""
    torch.set_warn_always(True)
    try:
        with pytest.warns(UserWarning, match="it will be required to pass the indexing argument") as given:
            [torch.meshgrid(torch.ones(2)) for _ in range(2)]
    finally:
        torch.set_warn_always(False)
    assert len(given) == 2


def long_work():
    """An event behind some hundred milliseconds of work that the GPU has been given, and the last result of it."""
    x = torch.zeros(8192, 8192, dtype=torch.float64, device="cuda")
    torch.cuda.synchronize()
    for _ in range(20):
        y = x @ x
    event = torch.cuda.Event()
    event.record()
    return event, y


@fact("torch.cuda.synchronize", source="notes/cuda", myth="time.time() around a call is its time on the GPU")
@pytest.mark.gpu
def test_work_of_the_gpu_is_launched_and_not_waited_for():
    """An operation on the GPU returns before it is done: only after `torch.cuda.synchronize` its event is."""
    event, _ = long_work()
    before = event.query()
    torch.cuda.synchronize()
    assert (before, event.query()) == (False, True)


@fact("torch.Tensor.item", source="notes/cuda", hint="add losses up on the GPU, and ask for item() once an epoch")
@pytest.mark.gpu
def test_work_of_the_gpu_is_waited_for_by_item():
    """`x.item()` of a tensor on the GPU waits until all that it depends on is done."""
    event, y = long_work()
    assert y[0, 0].item() == 0
    assert event.query()


@fact("torch.Tensor.to", source="notes/cuda")
def test_copy_to_the_gpu_without_blocking_is_in_order(accelerator):
    """`x.to(device, non_blocking=True)` from pinned memory is in order with what follows on the same GPU stream."""
    x = torch.arange(1 << 20).pin_memory()
    same(x.to(accelerator, non_blocking=True) * 2, torch.arange(1 << 20) * 2)
