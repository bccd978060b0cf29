"""Models that every rank has a replica of, or a shard, with their loss and its gradient by hand."""

import numpy
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from torchproof.fixtures.ranks import own_device

BATCH = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]
HALVES = [BATCH[:2], BATCH[2:]]
UNEQUAL = [BATCH[:1], BATCH[1:3]]
ONES = numpy.ones((1, 2))
WEIGHT = numpy.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def linear(**options):
    """A wrapped layer of two weights, both 1, whose loss is the mean of its squared outputs."""
    model = nn.Linear(2, 1, bias=False, dtype=torch.float64, device=own_device())
    nn.init.ones_(model.weight)
    return DistributedDataParallel(model, **options)


def plain(rows=3, dtype=torch.float64):
    """A layer of that many rows of WEIGHT, to be sharded."""
    layer = nn.Linear(2, rows, bias=False, dtype=dtype, device=own_device())
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(WEIGHT[:rows]))
    return layer


def loss(model, batch, reduction=torch.mean, dtype=torch.float64):
    """That loss."""
    return reduction(model(torch.tensor(batch, dtype=dtype, device=own_device())).square())


def slope(batch, weight=ONES):
    """The gradient of that loss, in NumPy."""
    batch = numpy.array(batch)
    return 2 * weight @ batch.T @ batch / (len(batch) * len(weight))


class Branches(nn.Module):
    """Two layers whose weights are 1; what the second gives is used where `both` is said."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(1, 1, device=own_device())
        self.second = nn.Linear(1, 1, device=own_device())
        for weight in self.parameters():
            nn.init.ones_(weight)

    def forward(self, x, both):
        return self.first(x) + (self.second(x) if both else 0)


def number(value):
    """An input of Branches."""
    return torch.full((1, 1), float(value), device=own_device())
