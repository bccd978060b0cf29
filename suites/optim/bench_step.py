"""What a step of an optimizer costs, for small and for large parameters, in a loop, all at once and fused.

The learning rate is 0, so that no step is another's: the work is the same, and no number drifts.
"""

import pytest
import torch
from torch import nn

from torchproof import bench
from torchproof.fixtures.work import nbytes, random

HOW = {"loop": {"foreach": False}, "foreach": {"foreach": True}}
FUSED = "2.4"  # the first release that fuses them on the CPU


def parameters_with_gradients(count, size, dtype="float32", device="cpu"):
    """As many parameters, each a vector with its gradient."""
    made = [nn.Parameter(random(size, dtype=dtype, device=device)) for _ in range(count)]
    for parameter in made:
        parameter.grad = torch.rand_like(parameter)
    return made


def step(optimizer):
    optimizer.step()


def zero(optimizer):
    optimizer.zero_grad(set_to_none=False)


def passes(count):
    """The bytes of all parameters, so many times.

    Adam reads the gradient, and reads and writes the parameter and two averages, which is seven; SGD has one average.
    """
    return lambda optimizer: count * nbytes(optimizer.param_groups[0]["params"])


def stepping(name, parameters, **options):
    """An optimizer that has its state."""
    optimizer = getattr(torch.optim, name)(parameters, lr=0.0, **options)
    optimizer.step()
    return optimizer


@bench("torch.optim.Adam", moves=passes(7), quick=True)
@pytest.mark.parametrize("how", HOW)
def bench_adam(benchmark, how):
    """A step of Adam for fifty parameters of a thousand elements."""
    benchmark(step, stepping("Adam", parameters_with_gradients(50, 1000), **HOW[how]))


@bench("torch.optim.Adam", moves=passes(7), quick=True, since=FUSED)
def bench_adam_fused(benchmark):
    """A fused step of Adam for fifty parameters of a thousand elements."""
    benchmark(step, stepping("Adam", parameters_with_gradients(50, 1000), fused=True))


@bench("torch.optim.Adam", moves=passes(7))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("how", HOW)
def bench_adam_of_one(benchmark, how, dtype):
    """A step of Adam for one parameter of a quarter of a million elements."""
    benchmark(step, stepping("Adam", parameters_with_gradients(1, 1 << 18, dtype), **HOW[how]))


@bench("torch.optim.Adam", moves=passes(7), since=FUSED)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def bench_adam_fused_of_one(benchmark, dtype):
    """A fused step of Adam for one parameter of a quarter of a million elements."""
    benchmark(step, stepping("Adam", parameters_with_gradients(1, 1 << 18, dtype), fused=True))


@bench("torch.optim.SGD", moves=passes(5), since=FUSED)
def bench_sgd_fused(benchmark):
    """A fused step of SGD with momentum for fifty parameters of a thousand elements."""
    benchmark(step, stepping("SGD", parameters_with_gradients(50, 1000), momentum=0.9, fused=True))


@bench("torch.optim.SGD", moves=passes(5))
@pytest.mark.parametrize("how", HOW)
def bench_sgd(benchmark, how):
    """A step of SGD with momentum for fifty parameters of a thousand elements."""
    benchmark(step, stepping("SGD", parameters_with_gradients(50, 1000), momentum=0.9, **HOW[how]))


@bench("torch.optim.Optimizer", moves=passes(3))
@pytest.mark.parametrize("name", ["AdamW", "RMSprop", "Adagrad", "Adadelta", "Rprop"])
def bench_of_other_optimizers(benchmark, name):
    """A step for fifty parameters of a thousand elements, in the way that is the default."""
    benchmark(step, stepping(name, parameters_with_gradients(50, 1000)))


@bench("torch.nn.utils.clip_grad_norm_", moves=lambda parameters, norm, **_: nbytes(parameters))
@pytest.mark.parametrize("foreach", [False, True])
def bench_clip_grad_norm_(benchmark, foreach):
    """The norm of the gradients of fifty parameters, none of which is clipped."""
    benchmark(nn.utils.clip_grad_norm_, parameters_with_gradients(50, 1000), 1e9, foreach=foreach)


@bench("torch.optim.Optimizer.zero_grad", moves=passes(1))
def bench_zero_grad(benchmark):
    """The gradients of fifty parameters are filled with zeros."""
    benchmark(zero, torch.optim.SGD(parameters_with_gradients(50, 1000), lr=0.0))


@bench("torch.optim.swa_utils.AveragedModel", moves=lambda averaged, model: 3 * nbytes(model))
def bench_averaged_model(benchmark):
    """The average of a model's weights takes another one in."""
    model = nn.Sequential(*[nn.Linear(64, 64) for _ in range(10)])
    benchmark(torch.optim.swa_utils.AveragedModel.update_parameters, torch.optim.swa_utils.AveragedModel(model), model)


@pytest.mark.gpu
@bench("torch.optim.Adam", moves=passes(7))
@pytest.mark.parametrize(("count", "size"), [(500, 1000), (50, 1 << 20)])
@pytest.mark.parametrize("how", [*HOW, "fused"])
def bench_adam_on_a_gpu(benchmark, how, count, size):
    """A step of Adam for many small parameters, or for fewer and large ones."""
    parameters = parameters_with_gradients(count, size, device="cuda")
    benchmark(step, stepping("Adam", parameters, **{**HOW, "fused": {"fused": True}}[how]))
