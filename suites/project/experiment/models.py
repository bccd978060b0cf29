"""Models that a config can name."""

import torch
from torch import nn


class Factor(nn.Module):
    """A line through the origin, whose one weight can be followed in the head."""

    def __init__(self, weight=0.0, dropout=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[weight]]))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.dropout(x) @ self.weight


class Perceptron(nn.Sequential):
    """One hidden layer, of random weights, which drops some of what it found."""

    def __init__(self, hidden=8, dropout=0.5):
        super().__init__(nn.Linear(1, hidden), nn.Tanh(), nn.Dropout(dropout), nn.Linear(hidden, 1))
