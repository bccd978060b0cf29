"""What DataParallel costs on several GPUs, beside one."""

import pytest
import torch
from torch import nn

from torchproof import bench
from torchproof.fixtures.fact import unavailable
from torchproof.fixtures.work import nbytes

pytestmark = pytest.mark.multigpu


def step(model, x):
    """Forward and backward, waited for on every GPU."""
    model.zero_grad()
    model(x).sum().backward()
    for device in range(torch.cuda.device_count()):
        torch.cuda.synchronize(device)


@bench("torch.nn.DataParallel", moves=lambda model, x: 3 * nbytes(model, x), clock="wall")
@pytest.mark.parametrize("rows", [256, 16384])
@pytest.mark.parametrize("gpus", [1, 2])
def bench_step(benchmark, gpus, rows):
    """Four linear layers of width 1024, forward and backward, on one GPU and on two."""
    if torch.cuda.device_count() < 2:
        unavailable("devices", 2)
    model = nn.Sequential(*[nn.Linear(1024, 1024) for _ in range(4)]).cuda()
    benchmark(step, nn.DataParallel(model, list(range(gpus))), torch.rand(rows, 1024, device="cuda"))
