"""Layers whose input lies otherwise in memory, or comes sample by sample; their formulas are in files of their own."""

import numpy
import pytest
import torch
from torch import nn

from torchproof import close, fact
from torchproof.suites.layers.reference import fractions

LAYOUTS = {  # ways to lay a tensor out in memory otherwise
    "transposed": lambda x: x.transpose(0, -1).contiguous().transpose(0, -1),
    "channels-last": lambda x: x.movedim(1, -1).contiguous().movedim(-1, 1),
    "stepped": lambda x: torch.stack([x, x], -1)[..., 0],
    "offset": lambda x: torch.cat([x[:1], x])[1:],
    "sliced": lambda x: torch.cat([x, x], -1)[..., : x.shape[-1]],
    "expanded": lambda x: x[:1].clone().expand(x.shape),
}
SAMPLEWISE = {  # what takes (2, 4, 4, 4), each sample by itself
    "torch.nn.AdaptiveAvgPool2d": lambda: nn.AdaptiveAvgPool2d(3),
    "torch.nn.AdaptiveMaxPool2d": lambda: nn.AdaptiveMaxPool2d(3),
    "torch.nn.AvgPool2d": lambda: nn.AvgPool2d(2, 1),
    "torch.nn.AvgPool3d": lambda: nn.AvgPool3d(2, 1),
    "torch.nn.Conv2d": lambda: nn.Conv2d(4, 2, 2),
    "torch.nn.ConvTranspose2d": lambda: nn.ConvTranspose2d(4, 2, 2, 2),
    "torch.nn.GELU": nn.GELU,
    "torch.nn.GroupNorm": lambda: nn.GroupNorm(2, 4),
    "torch.nn.InstanceNorm2d": lambda: nn.InstanceNorm2d(4),
    "torch.nn.LPPool2d": lambda: nn.LPPool2d(2, 2),
    "torch.nn.LayerNorm": lambda: nn.LayerNorm((4, 4)),
    "torch.nn.Linear": lambda: nn.Linear(4, 2),
    "torch.nn.LocalResponseNorm": lambda: nn.LocalResponseNorm(2),
    "torch.nn.MaxPool2d": lambda: nn.MaxPool2d(2, 1),
    "torch.nn.MaxPool3d": lambda: nn.MaxPool3d(2, 1),
    "torch.nn.PReLU": lambda: nn.PReLU(4),
    "torch.nn.PixelShuffle": lambda: nn.PixelShuffle(2),
    "torch.nn.ReflectionPad2d": lambda: nn.ReflectionPad2d(1),
    "torch.nn.ReplicationPad2d": lambda: nn.ReplicationPad2d(1),
    "torch.nn.Softmax": lambda: nn.Softmax(1),
    "torch.nn.Unfold": lambda: nn.Unfold(2),
    "torch.nn.Upsample": lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
    "torch.nn.ZeroPad2d": lambda: nn.ZeroPad2d(1),
}
MIXED = {  # what takes the same, and mixes samples or channels of them
    "torch.nn.BatchNorm2d": lambda: nn.BatchNorm2d(4),
    "torch.nn.Conv3d": lambda: nn.Conv3d(2, 2, 2),
}
LAYERS = SAMPLEWISE | MIXED
ROWS = {  # what takes (2, 4, 4)
    "torch.nn.AvgPool1d": lambda: nn.AvgPool1d(2, 1),
    "torch.nn.BatchNorm1d": lambda: nn.BatchNorm1d(4),
    "torch.nn.Conv1d": lambda: nn.Conv1d(4, 2, 2),
    "torch.nn.ConvTranspose1d": lambda: nn.ConvTranspose1d(4, 2, 2, 2),
    "torch.nn.GRU": lambda: First(nn.GRU(4, 3)),
    "torch.nn.InstanceNorm1d": lambda: nn.InstanceNorm1d(4),
    "torch.nn.LSTM": lambda: First(nn.LSTM(4, 3)),
    "torch.nn.MaxPool1d": lambda: nn.MaxPool1d(2, 1),
    "torch.nn.TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0),
}


def reads_memory_in_order(patch):
    """Every layer reads its input in the order of memory, from its beginning."""
    call = nn.Module.__call__
    patch.setattr(
        nn.Module,
        "__call__",
        lambda self, x: call(self, x.as_strided(x.shape, torch.empty(x.shape).stride(), 0) if x.is_leaf else x),
    )


class First(nn.Module):
    """The first of a layer's results."""

    def __init__(self, layer):
        super().__init__()
        self.of = layer

    def forward(self, x):
        return self.of(x)[0]


def of_layout(device, made, shape, layout):
    """The result and all gradients of a layer, and the same of an input that lies otherwise in memory."""
    layer = made().to(device, torch.float64).train()
    x = torch.tensor(fractions(*shape), device=device)
    x = x[:1].expand(shape).clone() if layout == "expanded" else x
    given_ = [x.clone().requires_grad_(), LAYOUTS[layout](x).detach().requires_grad_()]
    found = []
    for each in given_:
        y = layer(each)
        leaves = [each, *layer.parameters()]
        upstream = torch.tensor(fractions(*y.shape, seed=3), device=device)
        found.append([y.detach(), *torch.autograd.grad(y, leaves, upstream)])
    assert [tensor.stride() for tensor in given_] != [given_[0].stride()] * 2 or layout == "offset"
    return found


@fact(*LAYERS, refuter=reads_memory_in_order)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", LAYERS)
def test_image_layer_does_not_depend_on_the_layout(device, name, layout):
    """`Conv2d`, `BatchNorm2d` and the like give the same, gradients too, but for rounding, in six layouts of memory."""
    want, got = of_layout(device, LAYERS[name], (2, 4, 4, 4), layout)
    scale = 1 + max(part.abs().max().item() for part in want)
    assert [part.shape for part in got] == [part.shape for part in want]
    close(torch.cat([p.flatten() for p in got]), numpy.concatenate([p.flatten().cpu() for p in want]), 200, scale)


@fact(*ROWS, refuter=reads_memory_in_order)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ROWS)
def test_row_layer_does_not_depend_on_the_layout(device, name, layout):
    """`Conv1d`, `LSTM` and the like give the same, gradients too, but for rounding, in six layouts of memory."""
    want, got = of_layout(device, ROWS[name], (2, 4, 4), layout)
    scale = 1 + max(part.abs().max().item() for part in want)
    assert [part.shape for part in got] == [part.shape for part in want]
    close(torch.cat([p.flatten() for p in got]), numpy.concatenate([p.flatten().cpu() for p in want]), 200, scale)


@fact(*SAMPLEWISE)
@pytest.mark.parametrize("name", SAMPLEWISE)
def test_treats_the_samples_of_a_batch_alike(device, name):
    """`Conv2d`, `LayerNorm` and the like give a batch what they give its samples one by one, but for rounding."""
    layer = LAYERS[name]().to(device, torch.float64)
    x = torch.tensor(fractions(3, 4, 4, 4), device=device)
    one_by_one = [layer(x[place : place + 1]).detach().cpu().numpy() for place in (2, 0, 1)]
    y = layer(x[[2, 0, 1]]).detach()
    assert y.dtype == torch.float64
    close(y, numpy.concatenate(one_by_one), roundings=200, scale=4)


@fact(*LAYERS, *ROWS)
@pytest.mark.parametrize("name", [*LAYERS, *ROWS])
def test_of_a_contiguous_input_is_contiguous(device, name):
    """`Conv2d`, `LSTM`, `Softmax` and the like give a contiguous result for a contiguous input."""
    shape = (2, 4, 4, 4) if name in LAYERS else (2, 4, 4)
    layer = (LAYERS | ROWS)[name]().to(device, torch.float64)
    y = layer(torch.tensor(fractions(*shape), device=device))
    assert y.is_contiguous()
