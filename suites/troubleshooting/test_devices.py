"""Errors of devices and of the GPU, as people paste them: the words, the cause, and that the cure is one."""

import itertools
import subprocess
import sys

import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.suites.troubleshooting.known import summing

TWO_DEVICES = "Expected all tensors to be on the same device"
ANOTHER_DEVICE = "is not on the expected device"


class Scaled(nn.Module):
    """A model that keeps a tensor: as a plain attribute, or as a buffer."""

    def __init__(self, is_buffer):
        super().__init__()
        if is_buffer:
            self.register_buffer("scale", torch.tensor([2.0, 3.0]))
        else:
            self.scale = torch.tensor([2.0, 3.0])

    def forward(self, x):
        return x * self.scale


# --- two devices, of which one is meta --------------------------------------------------------------------------------


@fact("torch.Tensor.add", hint="x.to(y.device)")
@pytest.mark.cpu
def test_of_two_tensors_are_one():
    """A sum of vectors on the CPU and on meta raises "is not on the expected device", until `x.to(y.device)`."""
    x, y = torch.ones(2), torch.ones(2, device="meta")
    with pytest.raises(RuntimeError, match=ANOTHER_DEVICE):
        x.add(y)
    assert x.to(y.device).add(y).device.type == "meta"


@fact("torch.Tensor.mul", myth="all tensors of an operation have to be on one device")
@pytest.mark.cpu
def test_of_a_number_may_be_the_cpu():
    """`torch.tensor(2.0)` on the CPU may be multiplied with a tensor on meta, `torch.tensor([2.0])` may not."""
    y = torch.ones(2, device="meta")
    assert torch.tensor(2.0).mul(y).device.type == "meta"
    with pytest.raises(RuntimeError, match=ANOTHER_DEVICE):
        torch.tensor([2.0]).mul(y)


@fact("torch.nn.Linear", hint="x.to(next(model.parameters()).device)")
@pytest.mark.cpu
def test_of_a_model_and_its_input_are_one():
    """`Linear` on meta of an input on the CPU raises "is not on the expected device", of `x.to(device)` it does not."""
    layer, x = nn.Linear(2, 1, device="meta"), torch.ones(3, 2)
    with pytest.raises(RuntimeError, match=ANOTHER_DEVICE):
        layer(x)
    assert layer(x.to(layer.weight.device)).device.type == "meta"


@fact("torch.cat", hint="[x.to(device) for x in tensors]")
@pytest.mark.cpu
def test_of_what_is_joined_are_one():
    """`torch.cat` of tensors on the CPU and on meta raises "is not on the expected device", moved it does not."""
    tensors = [torch.ones(1), torch.ones(1, device="meta")]
    with pytest.raises(RuntimeError, match=ANOTHER_DEVICE):
        torch.cat(tensors)
    assert torch.cat([x.to("meta") for x in tensors]).shape == (2,)


@fact("torch.nn.Module.register_buffer", hint='self.register_buffer("scale", tensor)')
@pytest.mark.cpu
def test_of_a_tensor_that_a_model_keeps_follow_as_a_buffer():
    """A model's plain tensor stays behind at `to`: "is not on the expected device"; `register_buffer` moves it too."""
    x = torch.ones(2, device="meta")
    with pytest.raises(RuntimeError, match=ANOTHER_DEVICE):
        Scaled(is_buffer=False).to("meta")(x)
    assert Scaled(is_buffer=True).to("meta")(x).shape == (2,)
    same(Scaled(is_buffer=True).scale, torch.tensor([2.0, 3.0]))


@fact("torch.Tensor.to", myth="x.to(device) moves x, as model.to(device) moves the model", hint="x = x.to(device)")
@pytest.mark.cpu
def test_are_changed_by_to_in_what_it_returns():
    """`x.to("meta")` leaves `x` on the CPU, and so "is not on the expected device": `x = x.to("meta")` moves it."""
    x, y = torch.ones(2), torch.ones(2, device="meta")
    moved = x.to("meta")
    with pytest.raises(RuntimeError, match=ANOTHER_DEVICE):
        x + y
    assert (x.device.type, (moved + y).device.type) == ("cpu", "meta")


@fact("torch.nn.Module.to_empty", "torch.nn.Module.load_state_dict", hint="to_empty(device=...), then load_state_dict")
def test_of_a_model_without_data_take_to_empty(device):
    """`to` of a model on meta raises "Cannot copy out of meta tensor; no data!", until `to_empty` and its weights."""
    weights = summing(nn.Linear(2, 1), device).state_dict()
    layer = nn.Linear(2, 1, device="meta")
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor; no data!"):
        layer.to(device)
    layer.to_empty(device=device).load_state_dict(weights)
    same(layer(torch.ones(1, 2, device=device)), torch.tensor([[2.0]]))


# --- two devices, of which one is a GPU -------------------------------------------------------------------------------


@fact("torch.Tensor.add", hint='x.to("cuda"), or y.cpu()')
def test_of_two_tensors_are_the_gpu(accelerator):
    """A sum of vectors on the CPU and the GPU: "Expected all tensors to be on the same device", until `to("cuda")`."""
    x, y = torch.ones(2), torch.ones(2, device=accelerator)
    with pytest.raises(RuntimeError, match=TWO_DEVICES):
        x.add(y)
    same(x.to(accelerator).add(y), torch.tensor([2.0, 2.0]))


@fact("torch.Tensor.mul", myth="all tensors of an operation have to be on one device")
def test_of_a_number_may_be_the_cpu_beside_a_gpu(accelerator):
    """`torch.tensor(2.0)` on the CPU may be multiplied with a tensor on the GPU, `torch.tensor([2.0])` may not."""
    y = torch.ones(2, device=accelerator)
    same(torch.tensor(2.0).mul(y), torch.tensor([2.0, 2.0]))
    with pytest.raises(RuntimeError, match=TWO_DEVICES):
        torch.tensor([2.0]).mul(y)


@fact("torch.nn.Linear", hint="model.to(device), and each batch too")
def test_of_a_model_on_the_gpu_are_those_of_its_input(accelerator):
    """`Linear` on the GPU of an input on the CPU raises "Expected all tensors to be on the same device"."""
    layer, x = summing(nn.Linear(2, 1), accelerator), torch.ones(3, 2)
    with pytest.raises(RuntimeError, match=TWO_DEVICES):
        layer(x)
    same(layer(x.to(accelerator)), torch.full((3, 1), 2.0))


@fact("torch.nn.Conv2d", hint="x.cuda()")
def test_of_an_image_are_told_by_its_type(accelerator):
    """`Conv2d` on the GPU of an image on the CPU raises "Input type (torch.FloatTensor) and weight type"."""
    layer, x = summing(nn.Conv2d(1, 1, 5), accelerator), torch.ones(1, 1, 5, 5)
    with pytest.raises(RuntimeError, match=r"Input type \(torch.FloatTensor\) and weight type"):
        layer(x)
    same(layer(x.to(accelerator)), torch.full((1, 1, 1, 1), 25.0))


@fact("torch.Tensor.__getitem__", hint="index.to(x.device)")
def test_of_an_index_are_the_cpu_or_that_of_the_tensor(accelerator):
    """`x[index]` on the CPU by an index on the GPU: "indices should be either on cpu or on the same device"."""
    x, index = torch.tensor([5, 6]), torch.tensor([1], device=accelerator)
    with pytest.raises(RuntimeError, match="indices should be either on (cpu|'cpu') or on the same device"):
        x[index]
    same(x[index.cpu()], torch.tensor([6]))
    same(x.to(accelerator)[torch.tensor([1])], torch.tensor([6]))


@fact("torch.randperm", hint='torch.Generator(device="cuda")')
@pytest.mark.gpu
def test_of_a_generator_are_those_of_what_is_drawn():
    """`randperm` on the GPU by a generator of the CPU: "Expected a 'cuda' device type for generator but found"."""
    with pytest.raises(RuntimeError, match="Expected a 'cuda' device type for generator but found 'cpu'"):
        torch.randperm(3, device="cuda", generator=torch.Generator())
    drawn = torch.randperm(3, device="cuda", generator=torch.Generator(device="cuda"))
    same(drawn.sort().values, torch.tensor([0, 1, 2]))


@fact("torch.Tensor.pin_memory", hint="leave tensors on the CPU in the Dataset, and move the batch")
@pytest.mark.gpu
def test_of_pinned_memory_are_the_cpu():
    """`pin_memory` of a CUDA tensor, as of a Dataset that moves it, raises "cannot pin", "only dense CPU tensors"."""
    with pytest.raises(RuntimeError, match="cannot pin .*only dense CPU tensors can be pinned"):
        torch.ones(2, device="cuda").pin_memory()
    assert torch.ones(2).pin_memory().is_pinned()


@fact("torch.nn.LSTM", hint="model.train() for backward, and dropout=0 in the layer where it is to be off")
@pytest.mark.gpu
def test_with_cudnn_differentiate_a_recurrent_layer_in_training_only():
    """`backward` through an `LSTM` in `eval` on the GPU raises "cudnn RNN backward can only be called in training"."""
    layer, x = nn.LSTM(2, 3, device="cuda").eval(), torch.ones(4, 2, device="cuda")
    with pytest.raises(RuntimeError, match="cudnn RNN backward can only be called in training mode"):
        layer(x)[0].sum().backward()
    layer.train()(x)[0].sum().backward()
    assert layer.weight_ih_l0.grad.shape == (12, 2)


# --- the GPU ----------------------------------------------------------------------------------------------------------


@fact(
    "torch.cuda.OutOfMemoryError",
    hint="halve the batch size, and accumulate gradients over twice as many batches",
    claims=["E01"],
)
@pytest.mark.gpu
def test_out_of_memory_are_searched_for_a_batch_that_fits():
    """A loop that halves the batch at `OutOfMemoryError`, "out of memory", ends with one that fits on the GPU."""
    size = 1 << 50
    while True:
        try:
            batch = torch.zeros(size, dtype=torch.uint8, device="cuda")
            break
        except torch.cuda.OutOfMemoryError:
            size //= 2
    assert 1 << 20 < batch.numel() < 1 << 50


@fact("torch.cuda.memory_allocated", hint="leave the except block, or del the exception, before the next try")
@pytest.mark.gpu
def test_out_of_memory_are_held_by_the_exception():
    """An "out of memory" exception that is kept holds tensors, by `torch.cuda.memory_allocated`, until dropped."""

    def fails():
        held = torch.zeros(1 << 20, dtype=torch.uint8, device="cuda")
        raise RuntimeError(f"out of memory beside {held.numel()} bytes")

    before = torch.cuda.memory_allocated()
    with pytest.raises(RuntimeError, match="out of memory") as caught:
        fails()
    assert torch.cuda.memory_allocated() >= before + (1 << 20)
    caught.value.__traceback__ = None
    del caught
    assert torch.cuda.memory_allocated() == before


@fact("torch.cuda.memory_allocated", claims=["E09"], hint="loss.item(), and no tensor of the graph in a list")
@pytest.mark.gpu
def test_out_of_memory_are_foretold_by_what_is_allocated_at_every_iteration():
    """A leak is seen from Python: `torch.cuda.memory_allocated` grows at every iteration where losses are kept."""

    def watched(keep):
        weight, kept, seen = torch.ones(1 << 16, device="cuda", requires_grad=True), [], []
        for _ in range(4):
            kept.append(keep((weight * weight.sin()).sum()))
            seen.append(torch.cuda.memory_allocated())
        return [after - before for before, after in itertools.pairwise(seen[1:])]  # the first sets up the GPU

    assert all(growth > 1 << 16 for growth in watched(lambda loss: loss))
    assert watched(lambda loss: loss.item()) == [0, 0]


def hides_the_gpu(patch):
    """Other processes have no GPU."""
    patch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def told():
    """What a process of its own writes that runs this Python code."""

    def run(*lines):
        code = "\n".join(["import os", "import torch", *lines])
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        return ended.stdout + ended.stderr

    return run


OUT_OF_RANGE = "torch.nn.functional.cross_entropy(torch.zeros(1, 3, device='cuda'), torch.tensor([5], device='cuda'))"


@pytest.mark.slow
@fact(
    "torch.nn.functional.cross_entropy",
    refuter=hides_the_gpu,
    hint="run it on the CPU: the error there names the label",
    claims=["E07"],
)
@pytest.mark.gpu
def test_with_a_label_out_of_range_assert(told):
    """`cross_entropy` of a label out of range on the GPU: "device-side assert triggered" at `synchronize`."""
    assert "device-side assert triggered" in told(OUT_OF_RANGE, "torch.cuda.synchronize()")


@pytest.mark.slow
@fact(
    "torch.cuda.synchronize",
    refuter=hides_the_gpu,
    hint="restart the process, or the notebook's kernel",
    claims=["E07"],
)
@pytest.mark.gpu
def test_after_an_assert_are_lost_to_the_process(told):
    """After "device-side assert triggered" `torch.ones(1, device="cuda").item()` fails thrice with the same words."""
    tries = ["for _ in range(3):", "    try:", "        torch.ones(1, device='cuda').item()"]
    caught = ["    except RuntimeError as error:", "        print('again:', str(error).splitlines()[0])"]
    assert told(OUT_OF_RANGE, *tries, *caught).count("again: CUDA error: device-side assert triggered") == 3


@pytest.mark.slow
@fact("torch.cuda.init", refuter=hides_the_gpu, hint='multiprocessing_context="spawn", and no CUDA before the fork')
@pytest.mark.gpu
def test_are_not_used_behind_a_fork(told):
    """CUDA used before `os.fork` raises "Cannot re-initialize CUDA in forked subprocess" when the child uses it."""
    lines = ["torch.ones(1, device='cuda')", "if os.fork() == 0:", "    torch.ones(1, device='cuda')", "os.wait()"]
    assert "Cannot re-initialize CUDA in forked subprocess" in told(*lines)


@fact("torch.cuda.device_count", hint="torch.cuda.device_count(), and CUDA_VISIBLE_DEVICES renumbers from 0")
@pytest.mark.gpu
def test_are_numbered_below_their_count():
    """A GPU by a number that is not there raises "invalid device ordinal"; the last is `device_count() - 1`."""
    count = torch.cuda.device_count()
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        torch.ones(1, device=f"cuda:{count}")
    same(torch.ones(1, device=f"cuda:{count - 1}"), torch.ones(1))


@pytest.mark.slow
@fact("torch.cuda.is_available", refuter=lambda patch: patch.setattr(subprocess, "run", lambda *_, **__: None))
@pytest.mark.gpu
def test_are_hidden_by_cuda_visible_devices(told, monkeypatch):
    """With an empty `CUDA_VISIBLE_DEVICES` a process finds no GPU: `torch.cuda.is_available()` is False."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "False 0" in told("print(torch.cuda.is_available(), torch.cuda.device_count())")
