"""A line through the origin: a model of one weight, whose training can be checked in the head."""

import torch
from torch import nn


def line(weight, device="cpu"):
    """A linear layer from one number to one number, of this weight and without bias."""
    model = nn.Linear(1, 1, bias=False, device=device)
    nn.init.constant_(model.weight, weight)
    return model


def column(*numbers, device="cpu"):
    """A batch of samples of one number each."""
    return torch.tensor(numbers, device=device).unsqueeze(1)


def weight_of(model):
    """The weight of such a model, as a number of Python."""
    return model.weight.item()
