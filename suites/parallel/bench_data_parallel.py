"""What DataParallel costs on two GPUs, beside one."""

import pytest
import torch
from torch import nn

from torchproof import bench
from torchproof.fixtures.work import nbytes


def step(model, x):
    """Forward and backward, waited for on every GPU."""
    model.zero_grad()
    model(x).sum().backward()
    for device in model.device_ids:
        getattr(torch, x.device.type).synchronize(device)


@bench("torch.nn.DataParallel", moves=lambda model, x: 3 * nbytes(model, x), clock="wall")
@pytest.mark.parametrize("rows", [256, 16384])
@pytest.mark.parametrize("gpus", [1, 2])
def bench_step(benchmark, devices, gpus, rows):
    """Four linear layers of width 1024, forward and backward, on one GPU and on two."""
    model = nn.Sequential(*[nn.Linear(1024, 1024) for _ in range(4)]).to(devices[0])
    benchmark(step, nn.DataParallel(model, list(range(gpus))), torch.rand(rows, 1024, device=devices[0]))
