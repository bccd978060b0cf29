"""`Flatten`, `PixelShuffle`, `Fold`, `Upsample` and other layers that rearrange, and products and distances."""

import math

import numpy
import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.fixtures.checks import shares
from torchproof.suites.layers.reference import Called, follows, fractions, windows


@fact("torch.nn.Flatten")
@pytest.mark.parametrize(("dims", "shape"), [((), (2, 60)), ((0, 1), (6, 4, 5)), ((-2, -1), (2, 3, 20))], ids=str)
def test_flatten_keeps_the_batch_by_default(device, dims, shape):
    """`Flatten` makes one dimension of those told, by default of all but the first, contiguous if its input is."""
    follows(device, nn.Flatten(*dims), lambda x: x.reshape(shape), fractions(2, 3, 4, 5))


@fact("torch.nn.Flatten", "torch.nn.Unflatten", "torch.nn.Identity")
@pytest.mark.parametrize(
    "layer", [nn.Flatten(), nn.Unflatten(1, (2, 3)), nn.Identity()], ids=["Flatten", "Unflatten", "Identity"]
)
def test_gives_a_view(device, layer):
    """`Flatten`, `Unflatten` and `Identity` of a contiguous input give a view: they share its memory."""
    x = torch.arange(12.0, device=device).reshape(2, 6)
    assert shares(x, layer(x))
    same(layer(x).flatten(), torch.arange(12.0))


@fact("torch.nn.Unflatten")
@pytest.mark.parametrize(("dim", "sizes"), [(1, (2, 3)), (-1, (-1, 2)), (1, torch.Size([3, 2]))], ids=str)
def test_unflatten_makes_several_of_one(device, dim, sizes):
    """`Unflatten` makes several dimensions of one, of which -1 stands for what is left."""
    shape = (4, *(3 if size == -1 else size for size in sizes))
    follows(device, nn.Unflatten(dim, sizes), lambda x: x.reshape(shape), fractions(4, 6))


@fact("torch.nn.Identity", myth="Identity takes no arguments")
def test_identity_takes_whatever_arguments(device):
    """`Identity` is made with any arguments, which it ignores, and returns its input itself."""
    x = torch.tensor([1.5, -2.0], device=device)
    assert nn.Identity(54, unused=True)(x) is x


@fact("torch.nn.PixelShuffle", "torch.nn.PixelUnshuffle")
@pytest.mark.parametrize("kind", ["PixelShuffle", "PixelUnshuffle"])
@pytest.mark.parametrize("batch", [(), (2,), (2, 1)], ids=str)
def test_pixels_move_between_channels_and_places(device, kind, batch):
    """`PixelShuffle` makes blocks of places of channels, and `PixelUnshuffle` channels of blocks of places."""

    def shuffled(x):
        y = x.reshape(-1, 2, 2, 2, 3, 2).transpose(0, 1, 4, 2, 5, 3)
        return y.reshape(*batch, 2, 6, 4)

    def unshuffled(x):
        y = x.reshape(-1, 2, 3, 2, 2, 2).transpose(0, 1, 3, 5, 2, 4)
        return y.reshape(*batch, 8, 3, 2)

    formula, shape = {"PixelShuffle": (shuffled, (8, 3, 2)), "PixelUnshuffle": (unshuffled, (2, 6, 4))}[kind]
    follows(device, getattr(nn, kind)(2), formula, fractions(*batch, *shape))


@fact("torch.nn.PixelShuffle", "torch.nn.PixelUnshuffle")
@pytest.mark.parametrize("kind", ["PixelShuffle", "PixelUnshuffle"])
def test_pixels_refuse_what_does_not_divide(device, kind):
    """`PixelShuffle` and `PixelUnshuffle` refuse channels or places that are not "divisible by" their factor."""
    with pytest.raises(RuntimeError, match="divisible by"):
        getattr(nn, kind)(2)(torch.ones(1, 3, 3, 3, device=device))


def dealt(x):
    return x.reshape(2, 2, 3, 2, 2).swapaxes(1, 2).reshape(2, 6, 2, 2)


@fact("torch.nn.ChannelShuffle")
def test_channels_are_dealt_out(device):
    """`ChannelShuffle` takes the first channel of each group, then the second of each, contiguous if its input is."""
    x = torch.arange(48.0, device=device).reshape(2, 6, 2, 2)
    y = nn.ChannelShuffle(2)(x)
    same(y, dealt(numpy.arange(48, dtype="float32").reshape(2, 6, 2, 2)))
    assert y.is_contiguous()


@fact("torch.nn.ChannelShuffle", since={"cpu": "2.5"}, calls="any", gain=True)
def test_channels_that_are_dealt_out_get_gradients(device):
    """`ChannelShuffle` takes part in `backward`: it deals gradients back to their channels."""
    follows(device, nn.ChannelShuffle(2), dealt, fractions(2, 6, 2, 2))


OPTIONS = {
    "plain": {},
    "strided": {"stride": 2},
    "padded": {"padding": 1, "dilation": 2},
}


def patches(x, stride=1, padding=0, dilation=1):
    x = numpy.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    seen = windows(x, (2, 3), (stride, stride), (dilation, dilation))
    return seen.transpose(0, 1, 4, 5, 2, 3).reshape(len(x), -1, seen.shape[2] * seen.shape[3])


@fact("torch.nn.Unfold")
@pytest.mark.parametrize("options", OPTIONS)
def test_unfold_lists_the_patches(device, options):
    """`Unfold` gives a column for each place of a window: its elements, channel by channel."""
    said = OPTIONS[options]
    follows(device, nn.Unfold((2, 3), **said), lambda x: patches(x, **said), fractions(2, 2, 5, 6))


@fact("torch.nn.Fold", myth="Fold is the inverse of Unfold")
@pytest.mark.parametrize("options", OPTIONS)
def test_fold_adds_the_patches_up(device, options):
    """`Fold` adds each column to the places that `Unfold` takes it from: overlaps count several times."""
    said = OPTIONS[options]
    places = patches(numpy.arange(1.0, 31).reshape(1, 1, 5, 6), **said)[0].astype(int)  # 0 is padding

    def formula(x):
        y = numpy.zeros((2, 2, 31))
        columns = x.reshape(2, 2, 6, -1)
        for row, column in numpy.ndindex(*places.shape):
            y[..., places[row, column]] += columns[:, :, row, column]
        return y[..., 1:].reshape(2, 2, 5, 6)

    follows(device, nn.Fold((5, 6), (2, 3), **said), formula, fractions(2, 12, places.shape[1]))


def nearest(side, factor, exact):
    return [min(math.floor((place + exact / 2) / factor), side - 1) for place in range(int(side * factor))]


def hat(side, count, corners):
    """The share of each element in each of `count` places, by straight lines between elements."""
    shares_ = numpy.zeros((count, side))
    for place in range(count):
        at = place * (side - 1) / (count - 1) if corners else max((place + 0.5) * side / count - 0.5, 0)
        low = min(int(at), side - 1)
        shares_[place, low] += 1 - (at - low)
        shares_[place, min(low + 1, side - 1)] += at - low
    return shares_


@fact("torch.nn.Upsample")
@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
@pytest.mark.parametrize("how", [{"scale_factor": 2}, {"scale_factor": 1.5}], ids=["2", "1.5"])
def test_nearest_repeats_elements(device, dims, mode, how):
    """`Upsample` by "nearest" takes places rounded down, and by "nearest-exact" those that centres fall into."""

    def formula(x):
        rows = [nearest(side, how["scale_factor"], mode == "nearest-exact") for side in x.shape[2:]]
        return x[numpy.ix_(range(2), range(2), *rows)]

    layer = nn.Upsample(mode=mode, **how) if mode != "nearest" else nn.Upsample(**how)
    follows(device, layer, formula, fractions(2, 2, *(3, 2, 4)[:dims]))


@fact("torch.nn.Upsample")
@pytest.mark.parametrize("mode", ["linear", "bilinear", "trilinear"])
@pytest.mark.parametrize("corners", [False, True], ids=["centres", "corners"])
def test_linear_draws_straight_lines(device, mode, corners):
    """`Upsample` of mode linear, bilinear or trilinear weighs neighbours by centres, or corners if `align_corners`."""
    dims = {"linear": 1, "bilinear": 2, "trilinear": 3}[mode]
    sizes = (5, 4, 3)[:dims]

    def formula(x):
        for dim, size in enumerate(sizes, 2):
            x = numpy.moveaxis(numpy.tensordot(hat(x.shape[dim], size, corners), x, (1, dim)), 0, dim)
        return x

    layer = nn.Upsample(size=sizes, mode=mode, **({"align_corners": True} if corners else {}))
    follows(device, layer, formula, fractions(2, 2, *(3, 2, 2)[:dims]))


ENLARGED = pytest.mark.parametrize("how", [{"scale_factor": 2}, {"size": (4, 6)}], ids=["scale_factor", "size"])


@fact("torch.nn.UpsamplingNearest2d")
@ENLARGED
def test_old_upsampling_is_nearest(device, how):
    """`UpsamplingNearest2d` repeats each element of a row, and each row."""
    follows(device, nn.UpsamplingNearest2d(**how), lambda x: x.repeat(2, 2).repeat(2, 3), fractions(2, 2, 2, 3))


@fact("torch.nn.UpsamplingBilinear2d")
@ENLARGED
def test_old_upsampling_is_by_corners(device, how):
    """`UpsamplingBilinear2d` draws straight lines between elements, and keeps the corners, as `align_corners=True`."""
    formula = lambda x: hat(2, 4, True) @ x @ hat(3, 6, True).T  # noqa: E731
    follows(device, nn.UpsamplingBilinear2d(**how), formula, fractions(2, 2, 2, 3))


@fact("torch.nn.Upsample")
def test_refuses_neither_size_nor_factor(device):
    """`Upsample` made with neither is refused when called: "either size or scale_factor should be defined"."""
    with pytest.raises(ValueError, match="either size or scale_factor should be defined"):
        nn.Upsample()(torch.ones(1, 1, 2, device=device))


@fact("torch.nn.Bilinear")
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "without-bias"])
@pytest.mark.parametrize("batch", [(4,), (2, 3)], ids=str)
def test_bilinear_is_a_form_of_two_inputs(device, batch, bias):
    """`Bilinear` gives x A y + b with one A for each output, and has no b with `bias=False`."""
    formula = lambda x, y, weight, bias=0: numpy.einsum("...i,oij,...j->...o", x, weight, y) + bias  # noqa: E731
    layer = nn.Bilinear(2, 3, 2, bias=bias)
    follows(device, layer, formula, fractions(*batch, 2), fractions(*batch, 3, seed=1))
    assert (layer.bias is not None) == bias


@fact("torch.nn.Bilinear")
def test_bilinear_refuses_other_sizes(device):
    """`Bilinear` refuses inputs of other features: "input1 size does not match weight size"."""
    x = torch.ones(2, 3, device=device)
    with pytest.raises(RuntimeError, match="input1 size does not match weight size"):
        nn.Bilinear(2, 3, 2, device=device)(x, x)


@fact("torch.nn.CosineSimilarity")
@pytest.mark.parametrize("dim", [1, -1, 0])
def test_cosine_is_of_the_angle(device, dim):
    """`CosineSimilarity` is the product over both lengths along a dimension, the second by default."""

    def formula(a, b):
        lengths = numpy.sqrt((a**2).sum(dim) * (b**2).sum(dim))
        return (a * b).sum(dim) / lengths

    layer = nn.CosineSimilarity() if dim == 1 else nn.CosineSimilarity(dim=dim)
    follows(device, layer, formula, fractions(2, 3, 4), fractions(2, 3, 4, seed=1))


@fact("torch.nn.CosineSimilarity")
def test_cosine_of_nothing_is_zero(device):
    """`CosineSimilarity` takes eps for a smaller length, so that it is 0 for a vector of zeros."""
    a, b = torch.tensor([[0.0, 0.0], [1.0, 0.0]], device=device), torch.tensor([[1.0, 2.0], [4.0, 3.0]], device=device)
    close(nn.CosineSimilarity(eps=2.0)(a, b), [0.0, 0.4], roundings=8)


@fact("torch.nn.PairwiseDistance")
@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("keepdim", [False, True])
def test_distance_adds_eps_to_the_difference(device, power, keepdim):
    """`PairwiseDistance` is the norm of the difference plus eps, over the last dimension."""

    def formula(a, b):
        return (abs(a - b + 0.25) ** power).sum(-1, keepdims=keepdim) ** (1 / power)

    layer = nn.PairwiseDistance(power, eps=0.25, keepdim=keepdim)
    follows(device, layer, formula, fractions(2, 3), fractions(2, 3, seed=1))


@fact("torch.nn.PairwiseDistance")
def test_distance_is_euclidean_by_default(device):
    """`PairwiseDistance` is Euclidean unless told, and 1e-6 in each place keeps it off zero."""
    x, y = torch.zeros(1, 4, device=device), torch.tensor([[3.0, 4.0, 0.0, 0.0]], device=device)
    close(nn.PairwiseDistance()(y, x), [5.0], roundings=64)
    close(nn.PairwiseDistance()(x, x), [2e-6], roundings=8)


@fact("torch.nn.functional.bilinear")
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "without-bias"])
@pytest.mark.parametrize("batch", [(4,), (2, 3)], ids=str)
def test_function_of_bilinear_is_a_form_of_two_inputs(device, batch, bias):
    """`bilinear` gives, and differentiates, x A y + b with one A for each output."""
    formula = lambda x, y, weight, bias=0: numpy.einsum("...i,oij,...j->...o", x, weight, y) + bias  # noqa: E731
    layer = Called("bilinear", {"weight": (2, 2, 3), **({"bias": (2,)} if bias else {})})
    follows(device, layer, formula, fractions(*batch, 2), fractions(*batch, 3, seed=1))
