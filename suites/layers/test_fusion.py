"""Weights of two layers made into those of one, and weights laid out otherwise; inputs are in test_layout."""

import numpy
import pytest
import torch
from torch import nn
from torch.nn import utils

from torchproof import close, fact, same
from torchproof.suites.layers.reference import fractions

MEAN, VARIANCE, SCALE, SHIFT = [1.0, -2.0], [3.5, 0.5], [2.0, -1.0], [0.5, 1.0]  # with eps 0.5: roots of 2 and 1
FACTOR, SHIFTED = numpy.array([1.0, -1.0]), numpy.array([-0.5, -1.0])


def statistics(device):
    return [torch.tensor(each, dtype=torch.float64, device=device) for each in (MEAN, VARIANCE)]


def learned(device):
    return [torch.tensor(each, dtype=torch.float64, device=device) for each in (SCALE, SHIFT)]


@fact("torch.nn.utils.fuse_conv_bn_weights")
@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "transposed"])
@pytest.mark.parametrize("biased", [True, False], ids=["bias", "no-bias"])
def test_weights_of_a_convolution_take_a_normalisation_in(device, transposed, biased):
    """`fuse_conv_bn_weights` gives contiguous parameters, a channel's scaled and shifted as the normalisation would."""
    shape, column = ((3, 2, 2), (1, 2, 1)) if transposed else ((2, 3, 2), (2, 1, 1))
    weight, bias = fractions(*shape), fractions(2, seed=1) if biased else numpy.zeros(2)
    given = torch.tensor(weight, device=device), torch.tensor(bias, device=device) if biased else None
    fused = utils.fuse_conv_bn_weights(*given, *statistics(device), 0.5, *learned(device), transpose=transposed)
    close(fused[0].detach(), weight * FACTOR.reshape(column), roundings=16)
    close(fused[1].detach(), bias * FACTOR + SHIFTED, roundings=16, scale=4)
    assert [(type(each), each.dtype, each.is_contiguous()) for each in fused] == [
        (nn.Parameter, torch.float64, True)
    ] * 2


@fact("torch.nn.utils.fuse_conv_bn_weights")
def test_weights_of_a_convolution_take_a_plain_normalisation_in(device):
    """`fuse_conv_bn_weights` takes ones and zeros for the weight and bias of a normalisation that has none."""
    weight, bias = fractions(2, 3, 2), fractions(2, seed=1)
    given = torch.tensor(weight, device=device), torch.tensor(bias, device=device)
    fused = utils.fuse_conv_bn_weights(*given, *statistics(device), 0.5, None, None)
    close(fused[0].detach(), weight * numpy.reshape([0.5, 1.0], (2, 1, 1)), roundings=16)
    close(fused[1].detach(), (bias - MEAN) * [0.5, 1.0], roundings=16, scale=4)


@fact("torch.nn.utils.fuse_linear_bn_weights")
@pytest.mark.parametrize("biased", [True, False], ids=["bias", "no-bias"])
def test_weights_of_a_linear_layer_take_a_normalisation_in(device, biased):
    """`fuse_linear_bn_weights` gives contiguous parameters, a row's scaled and shifted as the normalisation would."""
    weight, bias = fractions(2, 3), fractions(2, seed=1) if biased else numpy.zeros(2)
    given = torch.tensor(weight, device=device), torch.tensor(bias, device=device) if biased else None
    fused = utils.fuse_linear_bn_weights(*given, *statistics(device), 0.5, *learned(device))
    close(fused[0].detach(), weight * FACTOR.reshape(2, 1), roundings=16)
    close(fused[1].detach(), bias * FACTOR + SHIFTED, roundings=16, scale=4)
    assert [(type(each), each.dtype, each.is_contiguous()) for each in fused] == [
        (nn.Parameter, torch.float64, True)
    ] * 2


CONVERTED = {
    "torch.nn.utils.convert_conv2d_weight_memory_format": (2, torch.channels_last),
    "torch.nn.utils.convert_conv3d_weight_memory_format": (3, torch.channels_last_3d),
}


def laid_out(device, name, kind):
    """What the call returns for three layers of which one is a convolution, these layers, and their weights before."""
    dims, layout = CONVERTED[name]
    layers = nn.Sequential(getattr(nn, f"{kind}{dims}d")(4, 6, 2), nn.Conv1d(2, 2, 2), nn.Linear(2, 3)).to(device)
    before = [each.detach().clone() for each in layers.parameters()]
    return getattr(utils, name.rpartition(".")[2])(layers, layout), layers, before


CONVERSIONS = pytest.mark.parametrize("name", CONVERTED)
OF_KINDS = pytest.mark.parametrize("kind", ["Conv", "ConvTranspose"])


@fact(*CONVERTED)
@CONVERSIONS
@OF_KINDS
def test_weights_of_convolutions_are_laid_out_otherwise(device, name, kind):
    """`convert_conv2d_weight_memory_format`, and that of 3d, lay out the weights of convolutions channels last."""
    weight = laid_out(device, name, kind)[0][0].weight
    assert weight.is_contiguous(memory_format=CONVERTED[name][1])
    assert not weight.is_contiguous()


@fact(*CONVERTED)
@CONVERSIONS
@OF_KINDS
def test_weights_that_are_laid_out_otherwise_keep_their_values(device, name, kind):
    """`convert_conv2d_weight_memory_format`, and that of 3d, leave every parameter its shape and values."""
    layers, _, before = laid_out(device, name, kind)
    same(layers[0].weight.detach(), before[0])
    for weight, was in zip(layers.parameters(), before):
        same(weight.detach(), was)


@fact(*CONVERTED)
@CONVERSIONS
def test_weights_of_other_layers_stay_as_they_are_laid_out(device, name):
    """`convert_conv2d_weight_memory_format`, and that of 3d, leave the weights of `Linear` and `Conv1d` contiguous."""
    layers = laid_out(device, name, "Conv")[0]
    assert (layers[1].weight.is_contiguous(), layers[2].weight.is_contiguous()) == (True, True)


@fact(*CONVERTED)
@CONVERSIONS
def test_weights_are_laid_out_in_the_module_itself(device, name):
    """`convert_conv2d_weight_memory_format`, and that of 3d, return the module that they are given."""
    returned, given, _ = laid_out(device, name, "Conv")
    assert returned is given
