"""What compiling costs at the first call, and what is won at those after it, by back end."""

import itertools
from functools import partial

import pytest
import torch
from torch import nn

from torchproof import bench
from torchproof.fixtures.work import forward, forward_and_backward, nbytes, random, repeated
from torchproof.suites.compile.backends import need_inductor

pytestmark = pytest.mark.timeout(300)  # the first use of inductor compiles what all others include

BACKENDS = ["eager", "aot_eager", "inductor"]


class Chain(nn.Module):
    """Ten elementwise functions, which a compiler can make one of."""

    def __init__(self, scale=2.0):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        for _ in range(5):
            x = torch.sin(x) * self.scale
        return x


def perceptron():
    return nn.Sequential(nn.Linear(128, 128), nn.GELU(), nn.LayerNorm(128), nn.Linear(128, 128))


MODELS = {"chain": (Chain, (1 << 16,)), "perceptron": (perceptron, (32, 128))}


@pytest.fixture
def compiled(backend, tmp_path, monkeypatch):
    """`compiled(model)`, by the back end that the benchmark is about: for `none` the model itself."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch._dynamo.reset()
    if backend == "inductor":
        need_inductor()
    return lambda model: model if backend == "none" else torch.compile(model, backend=backend)


def compile_anew(scales, x, compiled):
    """Compile what no cache has seen, by a number that is another each time."""
    torch._dynamo.reset()
    return forward(compiled(Chain(next(scales))), x)


@bench("torch.compile", moves=lambda scales, x, *_: 2 * nbytes(x), clock="wall", since="2.1")
@pytest.mark.parametrize("backend", BACKENDS)
def bench_first_call(benchmark, compiled, backend):
    """The first call of a compiled chain of ten elementwise functions."""
    benchmark(compile_anew, itertools.count(2.0), random(1 << 16), compiled)


@bench("torch.compile", moves=lambda model, x: nbytes(model, x, x), since="2.1")
@pytest.mark.parametrize("backend", ["none", *BACKENDS])
@pytest.mark.parametrize("model", MODELS)
def bench_later_calls(benchmark, compiled, model, backend):
    """A later call of a compiled model, beside one that is not, without gradients."""
    make, shape = MODELS[model]
    ready, x = compiled(make()), random(*shape)
    forward(ready, x)
    benchmark(forward, ready, x)


@bench("torch.compile", moves=lambda model, slope, x: nbytes(model, x, slope), since="2.1")
@pytest.mark.parametrize("backend", ["none", *BACKENDS])
def bench_later_calls_with_gradients(benchmark, compiled, backend):
    """A later call of a compiled perceptron, forward and backward."""
    ready, x = compiled(perceptron()), random(32, 128)
    forward_and_backward(ready, torch.ones_like(x), x)
    benchmark(forward_and_backward, ready, torch.ones_like(x), x)


@pytest.mark.gpu
@bench("torch.compile", moves=lambda x: 2 * nbytes(x), since="2.1")
@pytest.mark.parametrize("backend", ["none", "inductor"])
def bench_later_calls_on_a_gpu(benchmark, compiled, backend):
    """A later call of a compiled chain for 16 million elements, beside one that is not, without gradients."""
    ready, x = compiled(Chain()), random(1 << 24, device="cuda")
    forward(ready, x)
    benchmark(partial(forward, ready), x)  # only the numbers are for other memory


@bench("torch.compile", moves=lambda function, x: 800, since="2.1")
@pytest.mark.parametrize("backend", ["none", *BACKENDS])
def bench_guards(benchmark, compiled, backend):
    """A hundred calls of a compiled chain for one element: the way to what was compiled."""
    ready = compiled(Chain())
    ready(torch.ones(1))
    benchmark(repeated, ready, torch.ones(1))


@bench("torch.jit.trace", moves=lambda model, x: nbytes(model, x, x))
def bench_traced(benchmark):
    """A later call of a traced perceptron, without gradients."""
    x = random(32, 128)
    traced = torch.jit.trace(perceptron(), x)
    for _ in range(3):  # the executor specialises in the first
        forward(traced, x)
    benchmark(forward, traced, x)
