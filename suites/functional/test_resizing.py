"""Images resized or rearranged: `pad`, `interpolate`, `pixel_shuffle`, `unfold`, `grid_sample`; layers: in layers."""

import math

import numpy
import pytest
import torch
from torch.nn import functional

from torchproof import close, fact, same

ROUNDINGS = 64  # of products with a few weights
X = numpy.array([[[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]]])  # a batch of one with two channels of three
IMAGE = numpy.arange(24.0).reshape(1, 2, 3, 4) ** 2 % 11
MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


of_pads = pytest.mark.parametrize("pad", [(1, 2), (2, 0), (0, 0)])


@fact("torch.nn.functional.pad")
@pytest.mark.parametrize("mode", MODES)
@of_pads
def test_by_pad_are_those_of_numpy(device, mode, pad):
    """`pad` puts elements before and behind the last dimension: zeros, or a reflection, the edge or the other end."""
    x = torch.tensor(X, device=device)
    same(functional.pad(x, pad, mode=mode), numpy.pad(X, ((0, 0), (0, 0), pad), mode=MODES[mode]))
    same(x, X)


@fact("torch.nn.functional.pad")
@pytest.mark.parametrize("mode", MODES)
@of_pads
def test_by_pad_hand_the_gradient_of_each_copy_back(device, mode, pad):
    """The gradient of `pad` adds up at each element what its copies are given."""
    x = torch.tensor(X, device=device, requires_grad=True)
    functional.pad(x, pad, mode=mode).sum().backward()
    places = numpy.pad(numpy.arange(1, 4), pad, mode=MODES[mode])
    same(x.grad, numpy.broadcast_to(numpy.bincount(places, minlength=4)[1:].astype(float), X.shape).copy())


@fact("torch.nn.functional.pad")
@pytest.mark.parametrize("mode", MODES)
def test_by_pad_start_from_the_last_dimension(device, mode):
    """`pad` takes pairs of sizes for dimensions from the last one on, of a transposed image too."""
    x = torch.tensor(IMAGE, device=device).transpose(2, 3).contiguous().transpose(2, 3)
    y = functional.pad(x, (1, 2, 0, 1), mode=mode)
    same(y, numpy.pad(IMAGE, ((0, 0), (0, 0), (0, 1), (1, 2)), mode=MODES[mode]))


@fact("torch.nn.functional.pad")
def test_by_pad_are_filled_with_a_value(device):
    """`pad(x, (1, -1), value=9)` puts a 9 in front and cuts an element off behind, contiguous if `x` is."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)
    y = functional.pad(x, (1, -1), value=9)
    same(y, torch.tensor([[9, 1, 2], [9, 4, 5]]))
    same(x, torch.tensor([[1, 2, 3], [4, 5, 6]]))
    assert y.is_contiguous()


@fact("torch.nn.functional.pad")
@pytest.mark.parametrize(
    ("shape", "pad", "mode", "words"),
    [
        ((2, 2), (1,), "constant", "Padding length must be divisible by 2"),
        ((1, 2, 2), (2, 0), "reflect", "Padding size should be less than the corresponding input dimension"),
        ((1, 2, 2), (3, 0), "circular", "wrapping around more than once"),
        ((2, 2), (1, 1), "mirror", "Unrecognised padding mode mirror"),
    ],
    ids=["odd", "reflect", "circular", "mode"],
)
def test_by_pad_are_refused(device, shape, pad, mode, words):
    """`pad` refuses an odd number of sizes, a `reflect` or `circular` one that is too long, and an unknown `mode`."""
    with pytest.raises((RuntimeError, NotImplementedError), match=words):
        functional.pad(torch.ones(shape, device=device), pad, mode=mode)


def nearest(size, to, scale):
    """The share of each old element in each new one: all of the one at the rounded down place."""
    return numpy.eye(size)[numpy.minimum((numpy.arange(to) * scale).astype(int), size - 1)]


def nearest_exact(size, to, scale):
    return numpy.eye(size)[numpy.minimum(((numpy.arange(to) + 0.5) * scale).astype(int), size - 1)]


def linear(size, to, scale):
    """Each new element between its two old neighbours, by distance of their middles."""
    at = numpy.clip((numpy.arange(to) + 0.5) * scale - 0.5, 0, size - 1)
    return numpy.maximum(0, 1 - abs(at[:, None] - numpy.arange(size)))


def aligned(size, to, scale):
    """Linear, with the first and last elements at the same place."""
    at = numpy.arange(to) * (size - 1) / (to - 1)
    return numpy.maximum(0, 1 - abs(at[:, None] - numpy.arange(size)))


def area(size, to, scale):
    """The mean of all that a new element reaches over."""
    starts, ends = numpy.arange(to) * size // to, -(-(numpy.arange(1, to + 1) * size) // to)
    return numpy.array([[(start <= k < end) / (end - start) for k in range(size)] for start, end in zip(starts, ends)])


def cubic(size, to, scale):
    """Cubic convolution with a = -0.75, of places clipped to the edges."""

    def weight(d):
        d = abs(d)
        return numpy.where(
            d <= 1, 1.25 * d**3 - 2.25 * d**2 + 1, numpy.where(d < 2, -0.75 * (d**3 - 5 * d**2 + 8 * d - 4), 0)
        )

    at = (numpy.arange(to) + 0.5) * scale - 0.5
    shares = numpy.zeros((to, size))
    for k in range(-3, size + 3):
        shares[:, min(max(k, 0), size - 1)] += weight(at - k)
    return shares


LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
WAYS = {
    "nearest": (nearest, lambda n: {"mode": "nearest"}, (1, 2, 3)),
    "default": (nearest, lambda n: {}, (1, 2, 3)),
    "nearest-exact": (nearest_exact, lambda n: {"mode": "nearest-exact"}, (1, 2, 3)),
    "linear": (linear, lambda n: {"mode": LINEAR[n]}, (1, 2, 3)),
    "aligned": (aligned, lambda n: {"mode": LINEAR[n], "align_corners": True}, (1, 2, 3)),
    "area": (area, lambda n: {"mode": "area"}, (1, 2, 3)),
    "bicubic": (cubic, lambda n: {"mode": "bicubic"}, (2,)),
}
CASES = [(way, n) for way, (_, _, dimensions) in WAYS.items() for n in dimensions]
of_ways = pytest.mark.parametrize(("way", "n"), CASES, ids=[f"{way}-{n}d" for way, n in CASES])


@fact("torch.nn.functional.interpolate")
@of_ways
@pytest.mark.parametrize("to", [2, 6])
def test_by_interpolate_are_weighted_sums_along_each_dimension(device, way, n, to):
    """`interpolate` gives, in each `mode`, sums of elements weighted along dimensions; the weights are its gradient."""
    weights = WAYS[way][0](3, to, 3 / to)
    array = numpy.arange(2.0 * 3**n).reshape(1, 2, *[3] * n) ** 2 % 7
    x = torch.tensor(array, device=device, requires_grad=True)
    y = functional.interpolate(x, size=to, **WAYS[way][1](n))
    want, share = array, numpy.ones((1, 2, *[to] * n))
    for axis in range(2, 2 + n):
        want = numpy.moveaxis(numpy.tensordot(want, weights, (axis, 1)), -1, axis)
        share = numpy.moveaxis(numpy.tensordot(share, weights, (axis, 0)), -1, axis)
    y.sum().backward()
    assert y.dtype == torch.float64
    close(y, want, roundings=ROUNDINGS, scale=16)
    close(x.grad, share, roundings=ROUNDINGS, scale=16)
    same(x, array)


@fact("torch.nn.functional.interpolate")
@of_ways
def test_by_interpolate_may_be_told_by_scale(device, way, n):
    """`interpolate` with `scale_factor=1.5` gives what it gives for that size, of permuted images too."""
    array = numpy.arange(2.0 * 4**n).reshape(1, 2, *[4] * n) ** 2 % 7
    x = torch.tensor(array, device=device).transpose(1, -1).contiguous().transpose(1, -1)
    y = functional.interpolate(x, scale_factor=1.5, **WAYS[way][1](n))
    want = functional.interpolate(torch.tensor(array, device=device), size=6, **WAYS[way][1](n))
    assert y.shape == (1, 2, *[6] * n)
    close(y, want.cpu().numpy(), roundings=ROUNDINGS, scale=16)


@fact("torch.nn.functional.interpolate")
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_by_interpolate_are_smoothed_when_told(device, mode):
    """`interpolate` with `antialias=True` about keeps the mean of an image of one bright pixel that it reduces."""
    x = torch.zeros(1, 1, 8, 8, dtype=torch.float64, device=device)
    x[0, 0, 3, 3] = 64.0
    smooth = functional.interpolate(x, size=2, mode=mode, antialias=True)
    rough = functional.interpolate(x, size=2, mode=mode)
    assert abs(smooth.mean().item() - 1) < 0.5 < abs(rough.mean().item() - 1)


@fact("torch.nn.functional.interpolate")
@pytest.mark.parametrize(
    ("dims", "options", "words"),
    [
        (2, {}, "either size or scale_factor should be defined"),
        (2, {"size": 3, "scale_factor": 2}, "only one of size or scale_factor should be defined"),
        (2, {"size": 3, "mode": "linear"}, "Got 4D input, but linear mode needs 3D input"),
        (2, {"size": 3, "mode": "nearest", "align_corners": True}, "align_corners option can only be set with"),
        (2, {"size": (3, 3, 3)}, "must (have|match)"),
        (0, {"size": 3}, "Only 3D, 4D and 5D input Tensors supported"),
    ],
    ids=["neither", "both", "mode", "corners", "sizes", "dimensions"],
)
def test_by_interpolate_are_refused(device, dims, options, words):
    """`interpolate` refuses sizes, modes and numbers of dimensions that do not go together."""
    with pytest.raises((ValueError, NotImplementedError), match=words):
        functional.interpolate(torch.ones([2] * (dims + 2), device=device), **options)


@fact("torch.nn.functional.upsample", "torch.nn.functional.upsample_nearest", "torch.nn.functional.upsample_bilinear")
@pytest.mark.parametrize(
    ("name", "weights"),
    [("upsample", nearest), ("upsample_nearest", nearest), ("upsample_bilinear", aligned)],
    ids=["upsample", "nearest", "bilinear"],
)
@pytest.mark.filterwarnings("ignore:.*(deprecated|replaced)")
def test_by_the_old_names_are_of_interpolate(device, name, weights):
    """`upsample` and `upsample_nearest` are `interpolate`, and `upsample_bilinear` with `align_corners=True`."""
    x = torch.tensor(IMAGE[:, :, :, :3], device=device, requires_grad=True)
    y = getattr(functional, name)(x, scale_factor=2)
    y.sum().backward()
    w = weights(3, 6, 0.5)
    close(y, w @ IMAGE[:, :, :, :3] @ w.T, roundings=ROUNDINGS, scale=16)
    close(x.grad, numpy.broadcast_to(numpy.outer(w.sum(0), w.sum(0)), (1, 2, 3, 3)), roundings=ROUNDINGS, scale=16)
    assert y.dtype == torch.float64


SHUFFLES = {
    "pixel_shuffle": (
        (1, 4, 2, 3),
        lambda a: a.reshape(1, 1, 2, 2, 2, 3).transpose(0, 1, 4, 2, 5, 3).reshape(1, 1, 4, 6),
    ),
    "pixel_unshuffle": (
        (1, 1, 4, 6),
        lambda a: a.reshape(1, 1, 2, 2, 3, 2).transpose(0, 1, 3, 5, 2, 4).reshape(1, 4, 2, 3),
    ),
    "channel_shuffle": ((1, 4, 2, 3), lambda a: a.reshape(1, 2, 2, 2, 3).transpose(0, 2, 1, 3, 4).reshape(1, 4, 2, 3)),
}
about_shuffles = fact(*(f"torch.nn.functional.{name}" for name in SHUFFLES))
of_shuffles = pytest.mark.parametrize("name", SHUFFLES)


@about_shuffles
@of_shuffles
def test_by_shuffles_move_whole_elements(device, name):
    """`pixel_shuffle` spreads channels over an image, `pixel_unshuffle` undoes it, `channel_shuffle` mixes groups."""
    shape, of_array = SHUFFLES[name]
    array = numpy.arange(24.0).reshape(shape)
    x = torch.tensor(array, device=device)
    y = getattr(functional, name)(x, 2)
    same(y, of_array(array))
    same(x, array)


def there_and_back(name, device):
    """What a shuffle's gradient is where the gradient of its result is the result, and what it is to be."""
    shape, of_array = SHUFFLES[name]
    array = numpy.arange(24.0).reshape(shape)
    x = torch.tensor(array, device=device, requires_grad=True)
    getattr(functional, name)(x, 2).backward(torch.tensor(of_array(array), device=device))
    return x.grad, array


@fact("torch.nn.functional.pixel_shuffle", "torch.nn.functional.pixel_unshuffle")
@pytest.mark.parametrize("name", ["pixel_shuffle", "pixel_unshuffle"])
def test_by_pixel_shuffles_give_each_gradient_back(device, name):
    """The gradient of `pixel_shuffle` and `pixel_unshuffle` goes back to where each element came from."""
    same(*there_and_back(name, device))


@fact("torch.nn.functional.channel_shuffle", since="2.5", calls="any", gain=True)
def test_by_channel_shuffle_give_each_gradient_back(device):
    """The gradient of `channel_shuffle` goes back to where each element came from."""
    same(*there_and_back("channel_shuffle", device))


@about_shuffles
@of_shuffles
def test_by_shuffles_do_not_depend_on_the_memory_format(device, name):
    """`pixel_shuffle`, `pixel_unshuffle` and `channel_shuffle` give the same of channels-last images."""
    shape, of_array = SHUFFLES[name]
    array = numpy.arange(24.0).reshape(shape)
    x = torch.tensor(array, device=device).contiguous(memory_format=torch.channels_last)
    same(getattr(functional, name)(x, 2), of_array(array))


@about_shuffles
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pixel_shuffle", "to be divisible by the square of upscale_factor"),
        ("pixel_unshuffle", "to be divisible by downscale_factor"),
        ("channel_shuffle", "channels must be divisible by groups"),
    ],
    ids=list(SHUFFLES),
)
def test_by_shuffles_need_sizes_that_divide(device, name, words):
    """`pixel_shuffle`, `pixel_unshuffle` and `channel_shuffle` refuse sizes that their factor does not divide."""
    with pytest.raises(RuntimeError, match=words):
        getattr(functional, name)(torch.ones(1, 3, 3, 3, device=device), 2)


def blocks(stride, padding):
    """The blocks of two by two of IMAGE in columns, and in how many each element is."""
    padded = numpy.pad(IMAGE, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    places = [(i, j) for i in range(0, padded.shape[2] - 1, stride) for j in range(0, padded.shape[3] - 1, stride)]
    counts = numpy.zeros(padded.shape[2:])
    for i, j in places:
        counts[i : i + 2, j : j + 2] += 1
    columns = numpy.stack([padded[0, :, i : i + 2, j : j + 2].ravel() for i, j in places], -1)[None]
    return columns, counts[padding : padding + 3, padding : padding + 4]


of_steps = pytest.mark.parametrize(("stride", "padding"), [(1, 0), (1, 1), (2, 0), (2, 1)])


@fact("torch.nn.functional.unfold")
@of_steps
def test_by_unfold_are_blocks_in_columns(device, stride, padding):
    """`unfold` puts each block of an image into a column of a contiguous tensor."""
    y = functional.unfold(torch.tensor(IMAGE, device=device), (2, 2), stride=stride, padding=padding)
    same(y, blocks(stride, padding)[0])
    assert y.is_contiguous()


@fact("torch.nn.functional.fold")
@of_steps
def test_by_fold_are_sums_of_blocks(device, stride, padding):
    """`fold` adds the columns of `unfold` up at the places that they came from, in a contiguous tensor."""
    columns, counts = blocks(stride, padding)
    y = functional.fold(torch.tensor(columns, device=device), (3, 4), (2, 2), stride=stride, padding=padding)
    same(y, IMAGE * counts)
    assert y.is_contiguous()


@fact("torch.nn.functional.unfold", "torch.nn.functional.fold")
@of_steps
def test_by_unfold_and_fold_are_each_other_s_gradient(device, stride, padding):
    """The gradient of `unfold` is `fold` of that of its result, and the gradient of `fold` is `unfold`."""
    columns, counts = blocks(stride, padding)
    x, y = (torch.tensor(each, device=device, requires_grad=True) for each in (IMAGE, columns))
    functional.unfold(x, (2, 2), stride=stride, padding=padding).backward(torch.tensor(columns, device=device))
    functional.fold(y, (3, 4), (2, 2), stride=stride, padding=padding).backward(torch.tensor(IMAGE, device=device))
    same(x.grad, IMAGE * counts)
    same(y.grad, columns)


@fact("torch.nn.functional.unfold", "torch.nn.functional.fold")
def test_by_unfold_may_be_spread(device):
    """`unfold` and `fold` with `dilation` take elements that are apart."""
    y = functional.unfold(torch.tensor(IMAGE, device=device), (2, 2), dilation=2)
    same(y, numpy.stack([IMAGE[0, :, ::2, j : j + 3 : 2].ravel() for j in (0, 1)], -1)[None])
    want = IMAGE * numpy.array([1.0, 0.0, 1.0])[:, None]
    same(functional.fold(y, (3, 4), (2, 2), dilation=2), want)


@fact("torch.nn.functional.unfold", "torch.nn.functional.fold")
@pytest.mark.parametrize(
    "refused",
    [lambda x: functional.unfold(x, (5, 5)), lambda x: functional.fold(x[0], (3, 4), (2, 2))],
    ids=["unfold", "fold"],
)
def test_by_unfold_need_a_block_that_fits(device, refused):
    """`unfold` refuses a block that is larger than the image, and `fold` columns that no image has."""
    with pytest.raises(
        RuntimeError, match="(must be at least one|divisible by the product of kernel_size|match the calculated number)"
    ):
        refused(torch.tensor(IMAGE, device=device))


of_corners = pytest.mark.parametrize("corners", [False, True])
of_modes = pytest.mark.parametrize("mode", ["bilinear", "nearest"])


def grid_of(device, across, corners):
    """The grid of an affine map that multiplies by `across` along the width."""
    theta = torch.tensor([[[across, 0.0, 0.0], [0.0, 1.0, 0.0]]], dtype=torch.float64, device=device)
    return functional.affine_grid(theta, (1, 2, 3, 4), align_corners=corners)


@fact("torch.nn.functional.affine_grid")
@of_corners
def test_by_an_affine_grid_are_from_places_between_minus_one_and_one(device, corners):
    """`affine_grid` of the identity gives the place of each element, from -1 to 1, in a contiguous tensor."""
    grid = grid_of(device, 1.0, corners)
    across, down = (numpy.linspace(-1, 1, n) * (1 if corners else (n - 1) / n) for n in (4, 3))
    assert (grid.dtype, grid.is_contiguous()) == (torch.float64, True)
    close(grid[0], numpy.stack(numpy.meshgrid(across, down), -1), roundings=ROUNDINGS, scale=1)


@fact("torch.nn.functional.affine_grid")
@of_corners
def test_by_an_affine_grid_hand_the_gradient_to_its_map(device, corners):
    """The gradient of `affine_grid` for the shift in its map is the sum of those of all places."""
    theta = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]], dtype=torch.float64, device=device, requires_grad=True)
    functional.affine_grid(theta, (1, 2, 3, 4), align_corners=corners).sum().backward()
    close(theta.grad[0, :, 2], [12.0, 12.0], roundings=ROUNDINGS)


@fact("torch.nn.functional.affine_grid", "torch.nn.functional.grid_sample")
@of_corners
@of_modes
def test_by_an_identity_grid_are_as_they_were(device, corners, mode):
    """`grid_sample` with the `affine_grid` of the identity gives the image again, in a new contiguous tensor."""
    x = torch.tensor(IMAGE, device=device)
    y = functional.grid_sample(x, grid_of(device, 1.0, corners), mode=mode, align_corners=corners)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, IMAGE, roundings=ROUNDINGS, scale=16)
    same(x, IMAGE)


@fact("torch.nn.functional.affine_grid", "torch.nn.functional.grid_sample")
@of_corners
@of_modes
def test_by_a_mirroring_grid_are_turned(device, corners, mode):
    """`grid_sample` with an `affine_grid` of -1 across turns the image, and its gradient likewise."""
    x = torch.tensor(IMAGE, device=device, requires_grad=True)
    y = functional.grid_sample(x, grid_of(device, -1.0, corners), mode=mode, align_corners=corners)
    y.backward(torch.tensor(IMAGE, device=device))
    close(torch.stack([y.detach(), x.grad]), numpy.stack([IMAGE[..., ::-1]] * 2), roundings=ROUNDINGS, scale=16)


@fact("torch.nn.functional.grid_sample")
@pytest.mark.parametrize(
    ("mode", "want"),
    [("nearest", [4.0, 8.0]), ("bilinear", [4.0, 7.0]), ("bicubic", [4.0, 7.05859375])],
    ids=["nearest", "bilinear", "bicubic"],
)
def test_by_a_grid_between_elements_are_as_told(device, mode, want):
    """`grid_sample` takes the nearest element, or weighs two or four neighbours, as `mode` says."""
    x = torch.tensor([[[[2.0, 4.0, 8.0, 9.0]]]], dtype=torch.float64, device=device)
    places = (numpy.array([1.0, 1.75]) + 0.5) / 2 - 1
    grid = torch.tensor([[[[place, 0.0] for place in places]]], dtype=torch.float64, device=device)
    y = functional.grid_sample(x, grid, mode=mode, align_corners=False)
    close(y, [[[want]]], roundings=ROUNDINGS)


@fact("torch.nn.functional.grid_sample")
@pytest.mark.parametrize(
    ("mode", "want"),
    [("zeros", [0.0, 0.0]), ("border", [1.0, 2.0]), ("reflection", [2.0, 1.0])],
    ids=["zeros", "border", "reflection"],
)
def test_by_a_grid_beyond_the_edge_are_as_told(device, mode, want):
    """`grid_sample` takes zeros beyond the edge, or the edge, or a reflection, as `padding_mode` says."""
    x = torch.tensor([[[[1.0, 2.0]]]], device=device)
    grid = torch.tensor([[[[-2.5, 0.0], [2.5, 0.0]]]], device=device)
    same(
        functional.grid_sample(x, grid, padding_mode=mode, mode="nearest", align_corners=False),
        torch.tensor([[[want]]]),
    )


@fact("torch.nn.functional.affine_grid", "torch.nn.functional.grid_sample")
@pytest.mark.parametrize("name", ["affine_grid", "grid_sample"])
def test_by_a_grid_warn_of_corners(device, name):
    """`affine_grid` and `grid_sample` without `align_corners` warn that it is False, which it is."""
    theta = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]], device=device)
    grid = functional.affine_grid(theta, (1, 1, 2, 2), align_corners=False)
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]], device=device)
    with pytest.warns(UserWarning, match="align_corners=False since 1.3.0"):
        y = functional.affine_grid(theta, (1, 1, 2, 2)) if name == "affine_grid" else functional.grid_sample(x, grid)
    same(y, grid.cpu() if name == "affine_grid" else x.cpu())
    assert math.isclose(grid[0, 0, 0, 0].item(), -0.5)
