"""A network of the layers that engines fuse, and what it gives."""

import torch
from torch import nn

from torchproof import close
from torchproof.fixtures.fact import check


class Network(nn.Module):
    """A convolution, normalized by what is given for that, a head, and dropout behind it."""

    def __init__(self, normalization):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), normalization, nn.ReLU())
        self.head = nn.Linear(4 * 8 * 8, 5)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        return self.dropout(self.head(self.features(x).flatten(1)))


def images(rows=2):
    torch.manual_seed(0)
    return torch.rand(rows, 3, 8, 8)


def network():
    """One in evaluation, whose batch normalization has seen images."""
    torch.manual_seed(0)
    model = Network(nn.BatchNorm2d(4))
    model(images(8))
    return model.eval()


def plain_network():
    """One in evaluation, without a normalization."""
    torch.manual_seed(0)
    return Network(nn.Identity()).eval()


def outputs(model, x):
    with torch.no_grad():
        return model(x)


@check
def agree(got, want):
    """Both were computed in float32 by other orders of additions: 256 products at most, and the layers before."""
    close(got, want, 600, scale=max(1.0, float(want.abs().max())))
