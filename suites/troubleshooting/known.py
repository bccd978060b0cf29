"""Layers whose numbers a reader can check in the head."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

Layer = TypeVar("Layer", bound=nn.Module)


@torch.no_grad()
def summing(layer: Layer, device: str = "cpu") -> Layer:
    """The layer on a device, with ones for weights and zeros for biases: it adds its inputs up."""
    for name, parameter in layer.named_parameters():
        parameter.fill_(float("weight" in name))
    return layer.to(device)
