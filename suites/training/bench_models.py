"""What three small models cost: without gradients, with them, and a whole step of training."""

import pytest
import torch
from torch import nn

from torchproof import bench
from torchproof.fixtures.work import forward, forward_and_backward, nbytes, random

DTYPES = ["float32", "bfloat16", "float16"]


def perceptron():
    """Three linear layers, for rows of 256."""
    return nn.Sequential(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))


def convnet():
    """Two convolutions with normalisation and pooling, for images of 16 by 16 with three channels."""

    def block(channels):
        return nn.Sequential(nn.Conv2d(channels, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2))

    return nn.Sequential(block(3), block(16), nn.Flatten(), nn.Linear(256, 10))


def encoder(width=64):
    """One layer of a transformer with four heads, without dropout."""
    return nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True)


MODELS = {
    "perceptron": (perceptron, (64, 256)),
    "convnet": (convnet, (8, 3, 16, 16)),
    "encoder": (encoder, (4, 32, 64)),
}


def made(name, dtype="float32"):
    """A model, and a batch for it."""
    model, shape = MODELS[name]
    return model().to(getattr(torch, dtype)), random(*shape, dtype=dtype)


def at_least_once(model, *tensors):
    """The parameters and the batch; what is kept in between is the model's own affair."""
    return nbytes(model, *tensors)


@bench("torch.nn.Module", moves=at_least_once)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("model", MODELS)
def bench_forward_and_backward(benchmark, model, dtype):
    """A small model, forward and backward."""
    model, x = made(model, dtype)
    benchmark(forward_and_backward, model, torch.ones_like(forward(model, x)), x)


@bench("torch.nn.Module", moves=at_least_once)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("model", MODELS)
def bench_inference(benchmark, model, dtype):
    """A small model in evaluation, without gradients."""
    model, x = made(model, dtype)
    benchmark(forward, model.eval(), x)


def autocast(model, x, slope):
    with torch.autocast(x.device.type, torch.bfloat16):
        y = model(x)
    return torch.autograd.grad(y, list(model.parameters()), slope.to(y.dtype))


@bench("torch.autocast", moves=at_least_once)
@pytest.mark.parametrize("model", MODELS)
def bench_with_autocast(benchmark, model):
    """A small model, forward under autocast to bfloat16 and backward."""
    model, x = made(model)
    benchmark(autocast, model, x, torch.ones_like(forward(model, x)))


@bench("torch.nn.Module", moves=at_least_once)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_convnet_in_channels_last(benchmark, dtype):
    """The small convnet with its weights and its images as channels_last, forward and backward."""
    model, x = made("convnet", dtype)
    model, x = (one.to(memory_format=torch.channels_last) for one in (model, x))
    benchmark(forward_and_backward, model, torch.ones_like(forward(model, x)), x)


def train(optimizer, model, x, wanted):
    """A step whose learning rate is 0, so that the next one has the same to do."""
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x).flatten(1), wanted)
    loss.backward()
    optimizer.step()


@bench("torch.optim.Adam", moves=lambda optimizer, model, x, wanted: 7 * nbytes(model), quick=True)
@pytest.mark.parametrize("model", MODELS)
def bench_step(benchmark, model):
    """A step of training of a small model with Adam: forward, backward, optimizer."""
    model, x = made(model)
    benchmark(train, torch.optim.Adam(model.parameters(), lr=0.0), model, x, torch.randint(10, (len(x),)))


def large_encoder(dtype="float32"):
    """A layer of a transformer on a GPU, the slope of its output, and 32 sequences of 256 places."""
    x, slope = (random(32, 256, 512, dtype=dtype, device="cuda") for _ in range(2))
    return encoder(512).to("cuda", getattr(torch, dtype)), slope, x


@pytest.mark.gpu
@bench("torch.nn.Module", moves=at_least_once)
@pytest.mark.parametrize("dtype", DTYPES)
def bench_forward_and_backward_on_a_gpu(benchmark, dtype):
    """A layer of a transformer of width 512, forward and backward."""
    benchmark(forward_and_backward, *large_encoder(dtype))


@pytest.mark.gpu
@bench("torch.autocast", moves=at_least_once)
def bench_with_autocast_on_a_gpu(benchmark):
    """A layer of a transformer of width 512, forward under autocast to bfloat16 and backward."""
    model, slope, x = large_encoder()
    benchmark(autocast, model, x, slope)


@pytest.mark.gpu
@bench("torch.optim.Adam", moves=lambda optimizer, model, x, wanted: 7 * nbytes(model))
@pytest.mark.parametrize("model", MODELS)
def bench_step_on_a_gpu(benchmark, model):
    """A step of training of a small model with Adam, in which a GPU waits for the CPU."""
    model, x = (one.cuda() for one in made(model))
    wanted = torch.randint(10, (len(x),), device="cuda")
    benchmark(train, torch.optim.Adam(model.parameters(), lr=0.0), model, x, wanted)
