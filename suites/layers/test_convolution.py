"""`Conv1d` to `ConvTranspose3d` and their functions; how inputs lie in memory is in test_layout."""

import numpy
import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.suites.layers.reference import Called, follows, fractions, windows

MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
CONVOLUTIONS = ("torch.nn.Conv1d", "torch.nn.Conv2d", "torch.nn.Conv3d")
TRANSPOSED = ("torch.nn.ConvTranspose1d", "torch.nn.ConvTranspose2d", "torch.nn.ConvTranspose3d")
DIMS = [1, 2, 3]


def each(value, dims):
    return value if isinstance(value, tuple) else (value,) * dims


def convolved(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros"):
    """The cross-correlation of the documentation, by windows."""
    dims = weight.ndim - 2
    stride, padding, dilation = (each(value, dims) for value in (stride, padding, dilation))
    x = numpy.pad(x, [(0, 0), (0, 0), *((side, side) for side in padding)], mode=MODES[padding_mode])
    seen = windows(x, weight.shape[2:], stride, dilation)
    seen = seen.reshape(len(x), groups, -1, *seen.shape[2:])
    kernels = weight.reshape(groups, -1, *weight.shape[1:])
    letters = "uvw"[:dims]
    y = numpy.einsum(f"ngi...{letters},goi{letters}->ngo...", seen, kernels)
    y = y.reshape(len(x), len(weight), *seen.shape[3 : 3 + dims])
    return y if bias is None else y + bias.reshape(-1, *[1] * dims)


def spread(x, weight, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """The transposed convolution: every element adds its multiple of the kernel to the places that it spreads over."""
    dims = weight.ndim - 2
    stride, padding, extra, dilation = (each(value, dims) for value in (stride, padding, output_padding, dilation))
    kernel, outs = weight.shape[2:], weight.shape[1]
    full = [
        (side - 1) * s + d * (k - 1) + 1 + e for side, s, d, k, e in zip(x.shape[2:], stride, dilation, kernel, extra)
    ]
    y = numpy.zeros((len(x), outs * groups, *full))
    ins = weight.shape[0] // groups
    for place in numpy.ndindex(*kernel):
        where = tuple(
            slice(p * d, p * d + (side - 1) * s + 1, s) for p, d, s, side in zip(place, dilation, stride, x.shape[2:])
        )
        for g in range(groups):
            part = weight[(slice(g * ins, (g + 1) * ins), slice(None), *place)]
            y[(slice(None), slice(g * outs, (g + 1) * outs), *where)] += numpy.einsum(
                "ni...,io->no...", x[:, g * ins : (g + 1) * ins], part
            )
    y = y[(..., *(slice(p, side - p) for p, side in zip(padding, full)))]
    return y if bias is None else y + bias.reshape(-1, *[1] * dims)


def image(dims, channels=4, batch=2):
    return fractions(batch, channels, *(5, 4, 6)[:dims])


OPTIONS = [
    {},
    {"bias": False},
    {"stride": 2},
    {"padding": 1},
    {"dilation": 2, "padding": 1},
    {"groups": 2, "stride": 2, "padding": 1},
    {"padding": 1, "padding_mode": "reflect"},
    {"padding": 1, "padding_mode": "replicate", "stride": 2},
    {"padding": 1, "padding_mode": "circular"},
]


def said(options):
    return "-".join(f"{name}={value}" for name, value in options.items()) or "defaults"


@fact(*CONVOLUTIONS)
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("options", OPTIONS, ids=said)
def test_is_a_cross_correlation(device, dims, options):
    """`Conv1d`, `Conv2d` and `Conv3d` give the cross-correlation of padded input and weight, plus bias, grads too."""
    layer = getattr(nn, f"Conv{dims}d")(4, 6, 2, **options)
    plain = {name: value for name, value in options.items() if name != "bias"}
    follows(device, layer, lambda x, **of: convolved(x, **of, **plain), image(dims))


@fact("torch.nn.Conv2d", "torch.nn.Conv3d")
@pytest.mark.parametrize("dims", DIMS[1:])
def test_has_a_size_stride_and_padding_for_each_dimension(device, dims):
    """`Conv2d` and `Conv3d` take kernel size, stride, padding and dilation as tuples, one number for each dimension."""
    options = {"stride": (2, 1, 3)[:dims], "padding": (1, 0, 2)[:dims], "dilation": (1, 2, 3)[:dims]}
    layer = getattr(nn, f"Conv{dims}d")(2, 3, (3, 2, 1)[:dims], **options)
    follows(device, layer, lambda x, **of: convolved(x, **of, **options), image(dims, 2))


@fact(*CONVOLUTIONS)
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize(("size", "before", "after"), [(3, 1, 1), (2, 0, 1), (4, 1, 2)], ids=str)
def test_same_padding_keeps_the_size(device, dims, size, before, after):
    """`Conv2d(padding="same")` etc. keep the size, with one more element behind than before for an even kernel."""
    layer = getattr(nn, f"Conv{dims}d")(1, 1, size, padding="same")
    sides = [(0, 0), (0, 0), *[(before, after)] * dims]
    follows(device, layer, lambda x, **of: convolved(numpy.pad(x, sides), **of), image(dims, 1))


@fact(*CONVOLUTIONS)
@pytest.mark.parametrize("dims", DIMS)
def test_same_padding_is_refused_with_a_stride(dims):
    """`Conv2d` and the like refuse `padding="same"` with `stride=2`: "not supported for strided convolutions"."""
    with pytest.raises(ValueError, match="padding='same' is not supported for strided convolutions"):
        getattr(nn, f"Conv{dims}d")(1, 1, 3, stride=2, padding="same")


@fact(*CONVOLUTIONS)
@pytest.mark.parametrize("dims", DIMS)
def test_valid_padding_is_none(device, dims):
    """`padding="valid"` of `Conv1d`, `Conv2d` and `Conv3d` is no padding."""
    follows(device, getattr(nn, f"Conv{dims}d")(2, 1, 2, padding="valid"), convolved, image(dims, 2))


@fact(*CONVOLUTIONS)
@pytest.mark.parametrize("dims", DIMS)
def test_refuses_groups_that_do_not_divide_the_channels(dims):
    """`Conv2d` and the like of 3 channels refuse 2 groups: "in_channels must be divisible by groups"."""
    with pytest.raises(ValueError, match="in_channels must be divisible by groups"):
        getattr(nn, f"Conv{dims}d")(3, 4, 3, groups=2)


@fact(*CONVOLUTIONS)
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize(
    ("options", "words"),
    [({"padding_mode": "mirror"}, "padding_mode must be one of"), ({"padding": "full"}, "Invalid padding string")],
    ids=["padding_mode", "padding"],
)
def test_refuses_padding_of_an_unknown_kind(dims, options, words):
    """`Conv2d` and the like refuse a name that they do not know as `padding_mode` or as `padding`."""
    with pytest.raises(ValueError, match=words):
        getattr(nn, f"Conv{dims}d")(3, 4, 3, **options)


@fact(*CONVOLUTIONS, *TRANSPOSED)
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("kind", ["Conv", "ConvTranspose"])
def test_takes_a_sample_without_a_batch(device, kind, dims):
    """`Conv2d`, `ConvTranspose2d` and the like give a sample without a batch what they give it in one, contiguous."""
    layer = getattr(nn, f"{kind}{dims}d")(4, 2, 2, device=device, dtype=torch.float64)
    x = torch.tensor(image(dims), device=device)
    y = layer(x[1])
    assert (y.shape, y.is_contiguous()) == (layer(x).shape[1:], True)
    close(y, layer(x)[1].detach().cpu(), roundings=64, scale=8)


@fact(*CONVOLUTIONS, *TRANSPOSED)
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("kind", ["Conv", "ConvTranspose"])
def test_refuses_another_number_of_channels(device, kind, dims):
    """`Conv2d`, `ConvTranspose2d` and the like refuse an input of other channels: "to have 3 channels, but got 4"."""
    layer = getattr(nn, f"{kind}{dims}d")(3, 2, 2, device=device)
    with pytest.raises(RuntimeError, match="expected input.* to have 3 channels, but got 4"):
        layer(torch.ones(image(dims).shape, device=device))


@fact(*CONVOLUTIONS)
@pytest.mark.parametrize("dims", DIMS)
def test_refuses_an_input_smaller_than_its_kernel(device, dims):
    """`Conv2d` and the like refuse an input below the kernel: "Kernel size can't be greater than actual input size"."""
    layer = getattr(nn, f"Conv{dims}d")(1, 1, 7, device=device)
    with pytest.raises(RuntimeError, match="Kernel size can't be greater than actual input size"):
        layer(torch.ones(1, 1, *[4] * dims, device=device))


@fact(*CONVOLUTIONS, *TRANSPOSED)
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("kind", ["Conv", "ConvTranspose"])
def test_of_an_empty_batch_is_empty(device, kind, dims):
    """`Conv2d`, `ConvTranspose2d` and the like turn an empty batch into an empty one, with a zero weight gradient."""
    layer = getattr(nn, f"{kind}{dims}d")(4, 2, 2, device=device)
    y = layer(torch.ones(0, 4, *[3] * dims, device=device))
    y.sum().backward()
    assert (y.shape, y.dtype) == ((0, 2, *[2 if kind == "Conv" else 4] * dims), torch.float32)
    same(layer.weight.grad, torch.zeros(layer.weight.shape))


@fact("torch.nn.Conv2d", myth="a depthwise convolution needs a layer of its own")
def test_with_as_many_groups_as_channels_is_depthwise(device):
    """`Conv2d` with as many groups as channels is depthwise: one kernel for each channel, and no channels are mixed."""
    layer = nn.Conv2d(2, 2, 1, groups=2, bias=False, device=device)
    layer.weight.data.copy_(torch.tensor([3.0, 5.0]).reshape(2, 1, 1, 1))
    same(layer(torch.tensor([[[[1.0]], [[2.0]]]], device=device)), torch.tensor([[[[3.0]], [[10.0]]]]))


@fact("torch.nn.Conv2d", myth="a convolution layer flips its kernel")
def test_does_not_flip_its_kernel(device):
    """`Conv2d` does not flip its kernel, as the convolution of signal processing does."""
    layer = nn.Conv2d(1, 1, (1, 2), bias=False, device=device)
    layer.weight.data.copy_(torch.tensor([[[[1.0, 10.0]]]]))
    same(layer(torch.tensor([[[[1.0, 2.0, 3.0]]]], device=device)), torch.tensor([[[[21.0, 32.0]]]]))


@fact(*CONVOLUTIONS)
@pytest.mark.parametrize("dims", DIMS)
def test_weight_has_the_documented_shape(dims):
    """`Conv2d.weight`, and those of `Conv1d` and `Conv3d`, have the shape (out, in / groups, *kernel_size)."""
    layer = getattr(nn, f"Conv{dims}d")(6, 4, 3, groups=2)
    assert layer.weight.shape == (4, 3, *[3] * dims)


@fact(*TRANSPOSED)
@pytest.mark.parametrize("dims", DIMS)
def test_weight_of_transposed_has_the_documented_shape(dims):
    """`ConvTranspose2d.weight`, and those of 1d and 3d, have the shape (in, out / groups, *kernel_size)."""
    layer = getattr(nn, f"ConvTranspose{dims}d")(6, 4, 3, groups=2)
    assert layer.weight.shape == (6, 2, *[3] * dims)


@fact(*CONVOLUTIONS, *TRANSPOSED)
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("kind", ["Conv", "ConvTranspose"])
def test_has_no_bias_when_told(kind, dims):
    """`bias` of `Conv2d(bias=False)`, `ConvTranspose2d(bias=False)` and the like is None."""
    assert getattr(nn, f"{kind}{dims}d")(6, 4, 3, bias=False).bias is None


TRANSPOSED_OPTIONS = [
    {},
    {"bias": False},
    {"stride": 2},
    {"padding": 1},
    {"stride": 3, "output_padding": 1},
    {"dilation": 2, "padding": 1},
    {"groups": 2, "stride": 2, "padding": 1},
]


@fact(*TRANSPOSED)
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("options", TRANSPOSED_OPTIONS, ids=said)
def test_transposed_spreads_each_element_over_the_kernel(device, dims, options):
    """`ConvTranspose2d` and the like add each element's multiple of the kernel around its place, gradients too."""
    layer = getattr(nn, f"ConvTranspose{dims}d")(4, 2, 2, **options)
    plain = {name: value for name, value in options.items() if name != "bias"}
    follows(device, layer, lambda x, **of: spread(x, **of, **plain), fractions(2, 4, *(3, 2, 3)[:dims]))


@fact(*TRANSPOSED)
@pytest.mark.parametrize("dims", DIMS)
def test_transposed_is_the_adjoint_of_a_convolution(device, dims):
    """`ConvTranspose2d` and the like are the adjoint of `Conv2d` of the same weight: <conv x, y> is <x, spread y>."""
    ahead = getattr(nn, f"Conv{dims}d")(2, 3, 2, stride=2, bias=False, device=device, dtype=torch.float64)
    back = getattr(nn, f"ConvTranspose{dims}d")(3, 2, 2, stride=2, bias=False, device=device, dtype=torch.float64)
    back.weight = ahead.weight
    x, y = (torch.tensor(fractions(1, side[0], *side[1:] * dims), device=device) for side in ((2, 4), (3, 2)))
    close((x * back(y)).sum(), (ahead(x) * y).sum().item(), roundings=400, scale=10)


@fact(*TRANSPOSED)
@pytest.mark.parametrize("dims", DIMS)
def test_transposed_takes_the_size_that_it_is_to_give(device, dims):
    """`ConvTranspose2d` and the like give the `output_size` that they are called with, of those a stride allows."""
    layer = getattr(nn, f"ConvTranspose{dims}d")(1, 1, 3, stride=2, padding=1)

    class Sized(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.bias = layer.weight, layer.bias

        def forward(self, x):
            return layer(x, output_size=[6] * dims)

    grown = {"stride": 2, "padding": 1, "output_padding": 1}
    follows(device, Sized(), lambda x, **of: spread(x, **of, **grown), fractions(1, 1, *[3] * dims))


@fact(*TRANSPOSED)
@pytest.mark.parametrize("dims", DIMS)
def test_transposed_refuses_a_size_that_it_cannot_give(device, dims):
    """`ConvTranspose2d` and the like refuse an `output_size` out of reach: "requested an output size of"."""
    layer = getattr(nn, f"ConvTranspose{dims}d")(1, 1, 3, stride=2, padding=1, device=device)
    with pytest.raises(ValueError, match="requested an output size of"):
        layer(torch.ones(1, 1, *[3] * dims, device=device), output_size=[8] * dims)


@fact(*TRANSPOSED)
@pytest.mark.parametrize("dims", DIMS)
def test_transposed_pads_with_zeros_only(dims):
    """`ConvTranspose2d` and the like refuse `padding_mode="reflect"`: only "zeros" is supported."""
    with pytest.raises(ValueError, match='Only "zeros" padding mode is supported'):
        getattr(nn, f"ConvTranspose{dims}d")(1, 1, 3, padding_mode="reflect")


@fact(*CONVOLUTIONS)
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_of_a_reduced_dtype_is_near_the_exact_one(device, dims, dtype):
    """`Conv2d` etc. of contiguous float32 or bfloat16 give that dtype, contiguous, within roundings of their sums."""
    layer = getattr(nn, f"Conv{dims}d")(4, 6, 2, padding=1, device=device, dtype=dtype)
    x = torch.tensor(image(dims), device=device).to(dtype)
    exact = [tensor.detach().double().cpu().numpy() for tensor in (x, layer.weight, layer.bias)]
    y = layer(x)
    assert (y.dtype, y.is_contiguous()) == (dtype, True)
    close(y, convolved(*exact, padding=1), roundings=4 * 2**dims + 2, scale=convolved(*map(abs, exact), padding=1))


@fact("torch.nn.Conv2d")
def test_of_complex_numbers_is_of_their_products(device):
    """`Conv2d` of complex numbers multiplies them as numbers, without a conjugate."""
    layer = nn.Conv2d(1, 1, (1, 2), bias=False, device=device, dtype=torch.complex128)
    layer.weight.data.copy_(torch.tensor([[[[1j, 2.0 + 1j]]]], dtype=torch.complex128))
    x = torch.tensor([[[[1.0 + 1j, 3.0, -1j]]]], dtype=torch.complex128, device=device)
    same(layer(x), torch.tensor([[[[5.0 + 4j, 1.0 + 1j]]]], dtype=torch.complex128))


@fact("torch.nn.Conv2d")
def test_keeps_nan_within_its_window(device):
    """`Conv2d` passes NaN in an element on to those results only whose windows hold it."""
    layer = nn.Conv2d(1, 1, 2, device=device)
    x = torch.ones(1, 1, 4, 4, device=device)
    x[0, 0, 0, 0] = float("nan")
    assert layer(x).isnan().nonzero().tolist() == [[0, 0, 0, 0]]


# --- the functions ----------------------------------------------------------------------------------------------------


def layer_of(name, weight, bias, **options):
    return Called(name, {"weight": weight, **({"bias": bias} if bias else {})}, **options)


PLAIN = [
    {},
    {"stride": 2},
    {"padding": 1, "stride": 3},
    {"dilation": 2, "padding": 1},
    {"groups": 2, "stride": 2, "padding": 1},
]


@fact(*(f"torch.nn.functional.conv{dims}d" for dims in DIMS))
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("biased", [True, False], ids=["bias", "no-bias"])
@pytest.mark.parametrize("options", PLAIN, ids=said)
def test_function_is_a_cross_correlation(device, dims, options, biased):
    """`conv1d`, `conv2d` and `conv3d` give the cross-correlation of padded input and weight, gradients too."""
    shape = (6, 4 // options.get("groups", 1), *[2] * dims)
    layer = layer_of(f"conv{dims}d", shape, biased and (6,), **options)
    follows(device, layer, lambda x, **of: convolved(x, **of, **options), image(dims))


@fact(*(f"torch.nn.functional.conv_transpose{dims}d" for dims in DIMS))
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("biased", [True, False], ids=["bias", "no-bias"])
@pytest.mark.parametrize("options", [*PLAIN, {"stride": 2, "output_padding": 1}], ids=said)
def test_transposed_function_spreads_each_element(device, dims, options, biased):
    """`conv_transpose2d` and the like add each element's multiple of the weight around its place, gradients too."""
    layer = layer_of(
        f"conv_transpose{dims}d", (4, 3, *[2] * dims), biased and (3 * options.get("groups", 1),), **options
    )
    follows(device, layer, lambda x, **of: spread(x, **of, **options), image(dims))
