"""torchvision's operators: regions taken out of maps of features, losses, and layers of its models."""

import math

import numpy
import pytest
import torch
from torch import nn
from torch.nn import functional

from torchproof import close, fact, same


def image(device, height=4, width=6):
    """One channel in which each pixel is its row times ten and its column."""
    rows, columns = torch.arange(height, device=device), torch.arange(width, device=device)
    return (rows[:, None] * 10.0 + columns)[None, None]


@fact("torchvision.ops.roi_align", requires="torchvision")
def test_roi_align_averages_each_bin(ops, device):
    """`roi_align` gives the average of bilinear samples in each bin: of a plane, its value in the bin's middle."""
    got = ops.roi_align(image(device), [torch.tensor([[1.0, 1, 3, 3]], device=device)], 2, sampling_ratio=2)
    close(got, [[[[16.5, 17.5], [26.5, 27.5]]]], roundings=8)


@fact("torchvision.ops.roi_align", requires="torchvision", hint="pass aligned=True: models of today are trained so")
def test_roi_align_shifts_by_half_a_pixel_where_aligned(ops, device):
    """`roi_align(..., aligned=True)` takes boxes for those of pixels' edges, half a pixel before their middles."""
    boxes = [torch.tensor([[1.0, 1, 3, 3]], device=device)]
    got = ops.roi_align(image(device), boxes, 2, sampling_ratio=2, aligned=True)
    close(got, [[[[11.0, 12], [21, 22]]]], roundings=8)


@fact("torchvision.ops.roi_align", requires="torchvision")
def test_roi_align_scales_boxes(ops, device):
    """`spatial_scale` of `roi_align` takes boxes in pixels of the image to those of its map of features."""
    maps = torch.cat([image(device), -image(device)])
    rois = torch.tensor([[1.0, 4, 4, 12, 12], [0, 4, 4, 12, 12]], device=device)
    got = ops.roi_align(maps, rois, 1, spatial_scale=0.25, sampling_ratio=2)
    close(got, [[[[-22.0]]], [[[22.0]]]], roundings=8)


@fact("torchvision.ops.roi_pool", requires="torchvision")
def test_roi_pool_takes_the_maximum_of_each_bin(ops, device):
    """`roi_pool` gives the largest pixel of each bin, the box's last row and column included."""
    same(ops.roi_pool(image(device), [torch.tensor([[1.0, 0, 4, 3]], device=device)], 2), [[[[12.0, 14], [32, 34]]]])


@fact("torchvision.ops.ps_roi_align", "torchvision.ops.ps_roi_pool", requires="torchvision")
@pytest.mark.parametrize("name", ["ps_roi_align", "ps_roi_pool"])
def test_position_sensitive_bins_have_channels_of_their_own(ops, device, name):
    """Each bin of `ps_roi_align` and `ps_roi_pool` reads another channel of the map."""
    maps = torch.tensor([3.0, 5, 7, 9], device=device).view(1, 4, 1, 1).expand(1, 4, 6, 6).contiguous()
    got = getattr(ops, name)(maps, [torch.tensor([[1.0, 1, 5, 5]], device=device)], 2)
    close(got, [[[[3.0, 5], [7, 9]]]], roundings=8)
    assert got.dtype is torch.float32


@fact("torchvision.ops.RoIAlign", "torchvision.ops.roi_align", requires="torchvision")
def test_module_of_roi_align(ops, device):
    """`RoIAlign(size, scale, ratio)` calls `roi_align` with what it was made with."""
    boxes = [torch.tensor([[2.0, 2, 6, 6]], device=device)]
    got = ops.RoIAlign(2, 0.5, 2)(image(device), boxes)
    close(got, [[[[16.5, 17.5], [26.5, 27.5]]]], roundings=8)
    assert got.dtype is torch.float32


@fact("torchvision.ops.RoIPool", requires="torchvision")
def test_module_of_roi_pool(ops, device):
    """`RoIPool(size, scale)` gives the largest pixel of each bin of the scaled boxes."""
    same(
        ops.RoIPool(2, 0.5)(image(device), [torch.tensor([[2.0, 0, 8, 6]], device=device)]), [[[[12.0, 14], [32, 34]]]]
    )


@fact("torchvision.ops.sigmoid_focal_loss", requires="torchvision")
def test_sigmoid_focal_loss(ops, device):
    """`sigmoid_focal_loss` is alpha (1 - alpha for targets 0) times (1 - p) ** gamma * -log p, p of what is true."""
    logits, targets = [-1.0, 0.5, 2.0], [1.0, 0.0, 1.0]
    want = []
    for logit, target in zip(logits, targets):
        p = 1 / (1 + math.exp(-logit if target else logit))
        want.append((0.25 if target else 0.75) * (1 - p) ** 2 * -math.log(p))
    got = ops.sigmoid_focal_loss(torch.tensor(logits, device=device), torch.tensor(targets, device=device))
    close(got, want, roundings=32)


@fact("torchvision.ops.sigmoid_focal_loss", requires="torchvision")
def test_sigmoid_focal_loss_without_focus_is_binary_cross_entropy(ops, device):
    """`sigmoid_focal_loss` with `gamma=0` and `alpha=-1` is the binary cross-entropy with logits, but for rounding."""
    logits, targets = torch.tensor([-1.0, 0.5, 2.0], device=device), torch.tensor([1.0, 0, 1], device=device)
    got = ops.sigmoid_focal_loss(logits, targets, alpha=-1, gamma=0, reduction="mean")
    close(got, functional.binary_cross_entropy_with_logits(logits.double(), targets.double()), roundings=8)


@fact("torchvision.ops.deform_conv2d", requires="torchvision")
def test_deform_conv2d_without_offsets_is_a_convolution(ops, device):
    """`deform_conv2d` whose offsets are zero is `conv2d`, but for rounding."""
    x, weight, bias = (torch.rand(shape, device=device) for shape in [(2, 3, 5, 6), (4, 3, 3, 3), (4,)])
    got = ops.deform_conv2d(x, torch.zeros(2, 18, 3, 4, device=device), weight, bias)
    close(got, functional.conv2d(x.double(), weight.double(), bias.double()), roundings=27, scale=8)


@fact("torchvision.ops.deform_conv2d", requires="torchvision", myth="offsets are pairs of x and y")
def test_deform_conv2d_reads_at_its_offsets(ops, device):
    """The offsets of `deform_conv2d` are pairs of rows, then columns, by which it reads elsewhere."""
    offset = torch.zeros(1, 2, 4, 6, device=device)
    offset[:, 0, 0, 0] = 2
    got = ops.deform_conv2d(image(device), offset, torch.ones(1, 1, 1, 1, device=device))
    want = image(device)
    want[0, 0, 0, 0] = 20
    same(got, want)


@fact("torchvision.ops.deform_conv2d", requires="torchvision")
def test_deform_conv2d_weighs_by_its_mask(ops, device):
    """The mask of `deform_conv2d` multiplies what is read at each place."""
    mask = torch.arange(24.0, device=device).view(1, 1, 4, 6)
    offset = torch.zeros(1, 2, 4, 6, device=device)
    got = ops.deform_conv2d(image(device), offset, torch.ones(1, 1, 1, 1, device=device), mask=mask)
    same(got, image(device) * mask)


@fact("torchvision.ops.DeformConv2d", requires="torchvision")
def test_deform_conv2d_as_a_module(ops, device):
    """`DeformConv2d` takes its offsets as an input beside the image: zeros make it a convolution with its weight."""
    layer = ops.DeformConv2d(3, 4, 3, stride=2, padding=1).to(device)
    x = torch.rand(2, 3, 5, 5, device=device)
    got = layer(x, torch.zeros(2, 18, 3, 3, device=device)).detach()
    want = functional.conv2d(x.double(), layer.weight.double(), layer.bias.double(), stride=2, padding=1).detach()
    close(got, want, roundings=27, scale=8)


@fact("torchvision.ops.stochastic_depth", requires="torchvision")
def test_stochastic_depth_drops_whole_rows(ops, device):
    """`stochastic_depth(x, p, "row")` in training zeroes whole samples, and divides the others by 1 - p."""
    got = ops.stochastic_depth(torch.ones(64, 3, device=device), 0.5, "row")
    assert {tuple(row) for row in got.tolist()} == {(0.0, 0.0, 0.0), (2.0, 2.0, 2.0)}


@fact("torchvision.ops.stochastic_depth", requires="torchvision")
def test_stochastic_depth_drops_a_whole_batch(ops, device):
    """`stochastic_depth(x, p, "batch")` in training zeroes all samples of a batch at once, or none."""
    x = torch.ones(4, 3, device=device)
    got = [ops.stochastic_depth(x, 0.5, "batch") for _ in range(32)]
    assert {tuple(one.flatten().tolist()) for one in got} == {(0.0,) * 12, (2.0,) * 12}


@fact("torchvision.ops.StochasticDepth", requires="torchvision")
def test_stochastic_depth_does_nothing_in_eval(ops, device):
    """`StochasticDepth` in evaluation gives what it is given."""
    x = torch.arange(6.0, device=device).view(3, 2)
    same(ops.StochasticDepth(0.9, "row").eval()(x), x)


@fact("torchvision.ops.StochasticDepth", requires="torchvision")
def test_stochastic_depth_as_a_module_drops_in_training(ops, device):
    """`StochasticDepth(p, "row")` in training zeroes whole samples, and divides the others by 1 - p."""
    got = ops.StochasticDepth(0.75, "row")(torch.ones(64, 2, device=device))
    assert {tuple(row) for row in got.tolist()} == {(0.0, 0.0), (4.0, 4.0)}


@fact("torchvision.ops.stochastic_depth", requires="torchvision")
def test_stochastic_depth_refuses_a_probability_above_one(ops, device):
    """`stochastic_depth` refuses a `p` above 1 with ValueError "drop probability"."""
    with pytest.raises(ValueError, match="drop probability"):
        ops.stochastic_depth(torch.ones(2, 2, device=device), 1.5, "row")


DROPS = {"2d": (1, 1, 20, 20), "3d": (1, 1, 9, 9, 9)}


@fact(*(f"torchvision.ops.drop_block{dims}" for dims in DROPS), requires="torchvision")
@pytest.mark.parametrize("dims", DROPS)
def test_drop_block_drops_squares(ops, device, dims):
    """`drop_block2d` and `drop_block3d` in training zero some elements, and scale the rest to keep the sum."""
    x = torch.ones(DROPS[dims], device=device)
    got = getattr(ops, f"drop_block{dims}")(x, 0.1, 3)
    assert float(got.sum()) == pytest.approx(x.numel(), rel=1e-4)
    assert (got == 0).any()
    assert (got.shape, got.dtype, float(x.min())) == (x.shape, torch.float32, 1)


@fact(*(f"torchvision.ops.DropBlock{dims}" for dims in DROPS), requires="torchvision")
@pytest.mark.parametrize("dims", DROPS)
def test_drop_block_does_nothing_in_eval(ops, device, dims):
    """`DropBlock2d` and `DropBlock3d` zero some elements in training, and give what they are given in evaluation."""
    layer, x = getattr(ops, f"DropBlock{dims}")(0.1, 3), torch.ones(DROPS[dims], device=device)
    got = layer(x)
    assert (got == 0).any()
    assert float(got.sum()) == pytest.approx(x.numel(), rel=1e-4)
    same(layer.eval()(x), x)


def thawed(patch):
    patch.setattr("torchvision.ops.FrozenBatchNorm2d", nn.BatchNorm2d)


@fact("torchvision.ops.FrozenBatchNorm2d", requires="torchvision", refuter=thawed)
def test_frozen_batch_norm_has_no_parameters(ops):
    """`FrozenBatchNorm2d` holds weight, bias and statistics as buffers: it has no parameters to train."""
    layer = ops.FrozenBatchNorm2d(3)
    assert not list(layer.parameters())
    assert [name for name, _ in layer.named_buffers()] == ["weight", "bias", "running_mean", "running_var"]


@fact("torchvision.ops.FrozenBatchNorm2d", requires="torchvision")
def test_frozen_batch_norm_keeps_its_statistics_in_training(ops, device):
    """`FrozenBatchNorm2d` normalizes by its buffers, which stay as they are, in training too."""
    layer = ops.FrozenBatchNorm2d(1, eps=0).to(device).train()
    layer.running_mean.fill_(1)
    layer.running_var.fill_(4)
    got = layer(torch.tensor([1.0, 3, 5], device=device).view(3, 1, 1, 1))
    close(got, numpy.array([0.0, 1, 2]).reshape(3, 1, 1, 1), roundings=8, scale=1)
    assert got.dtype is torch.float32
    assert layer.running_mean.tolist() == [1]


CONVOLUTIONS = {"Conv2d": functional.conv2d, "Conv3d": functional.conv3d}


@fact(*(f"torchvision.ops.{name}NormActivation" for name in CONVOLUTIONS), requires="torchvision")
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_conv_norm_activation(ops, name):
    """`Conv2dNormActivation(3, 8, 5)`, or 3d, is a convolution without bias that keeps the size, BatchNorm and ReLU."""
    block = getattr(ops, f"{name}NormActivation")(3, 8, 5)
    norm = name.replace("Conv", "BatchNorm")
    assert [type(layer) for layer in block] == [getattr(nn, name), getattr(nn, norm), nn.ReLU]
    assert len(block) == 3
    assert block[0].bias is None
    weight = block[0].weight.detach().double()
    x = torch.rand(2, 3, *[7] * len(block[0].kernel_size))
    want = CONVOLUTIONS[name](x.double(), weight, padding=2).relu() / math.sqrt(1 + 1e-5)
    close(block.eval()(x).detach(), want, roundings=weight[0].numel(), scale=8)


@fact("torchvision.ops.MLP", requires="torchvision")
def test_mlp(ops):
    """`MLP(3, [4, 2])` is linear layers of these sizes, with activation and dropout between and dropout at the end."""
    layers = ops.MLP(3, [4, 2])
    assert [type(layer) for layer in layers] == [nn.Linear, nn.ReLU, nn.Dropout, nn.Linear, nn.Dropout]
    assert len(layers) == 5
    x = torch.rand(5, 3)
    want = layers[3](layers[0](x).relu())
    same(layers(x).detach(), want.detach())


@fact("torchvision.ops.SqueezeExcitation", requires="torchvision")
def test_squeeze_excitation_weighs_channels(ops):
    """`SqueezeExcitation` multiplies each channel with one number, a sigmoid of what it computes of their means."""
    layer, x = ops.SqueezeExcitation(4, 2), torch.rand(2, 4, 3, 3) + 1
    got = layer(x).detach()
    layer.double()
    weights = layer.fc2(layer.fc1(x.double().mean((2, 3), keepdim=True)).relu()).sigmoid()
    close(got, (x * weights).detach(), roundings=64)
    assert got.dtype is torch.float32


@fact("torchvision.ops.Permute", requires="torchvision")
def test_permute(ops):
    """`Permute(dims)` is `torch.permute` as a module: it gives a view."""
    x = torch.arange(4).view(1, 2, 2)
    got = ops.Permute([2, 0, 1])(x)
    same(got, torch.tensor([[[0, 2]], [[1, 3]]]))
    assert (got.data_ptr(), got.stride()) == (x.data_ptr(), x.permute(2, 0, 1).stride())


@fact("torchvision.ops.FeaturePyramidNetwork", requires="torchvision")
def test_feature_pyramid_network_gives_each_map_the_same_channels(ops):
    """`FeaturePyramidNetwork` gives maps of the same names, order and sizes, all with `out_channels` channels."""
    maps = {"a": torch.rand(1, 4, 8, 8), "b": torch.rand(1, 6, 4, 4)}
    got = ops.FeaturePyramidNetwork([4, 6], 5)(maps)
    assert {name: tuple(x.shape) for name, x in got.items()} == {"a": (1, 5, 8, 8), "b": (1, 5, 4, 4)}
    assert list(got) == ["a", "b"]


@fact("torchvision.ops.FeaturePyramidNetwork", requires="torchvision")
def test_feature_pyramid_network_adds_coarse_maps_to_fine_ones(ops):
    """`FeaturePyramidNetwork` adds to each map, by its `inner_blocks`, the coarser one at twice the size."""
    network, maps = ops.FeaturePyramidNetwork([4, 6], 5), {"a": torch.rand(1, 4, 8, 8), "b": torch.rand(1, 6, 4, 4)}
    got = network(maps)
    fine, coarse = (block(x) for block, x in zip(network.inner_blocks, maps.values()))
    same(got["a"], network.layer_blocks[0](fine + coarse.repeat_interleave(2, 2).repeat_interleave(2, 3)))
    same(got["b"], network.layer_blocks[1](coarse))


# A layer of each, and how it is called with an image of three channels.
LAYERS = {
    "Conv2dNormActivation": (lambda ops: ops.Conv2dNormActivation(3, 2), lambda layer, x: layer(x)),
    "Conv3dNormActivation": (lambda ops: ops.Conv3dNormActivation(3, 2), lambda layer, x: layer(x[:, :, None])),
    "DeformConv2d": (lambda ops: ops.DeformConv2d(3, 2, 1), lambda layer, x: layer(x, x[:, :2] * 0)),
    "FeaturePyramidNetwork": (lambda ops: ops.FeaturePyramidNetwork([3], 2), lambda layer, x: layer({"a": x})["a"]),
    "MLP": (lambda ops: ops.MLP(4, [5, 2]), lambda layer, x: layer(x)),
    "SqueezeExcitation": (lambda ops: ops.SqueezeExcitation(3, 2), lambda layer, x: layer(x)),
}


@fact(*(f"torchvision.ops.{name}" for name in LAYERS), requires="torchvision")
@pytest.mark.parametrize("name", LAYERS)
def test_layers_have_gradients(ops, name):
    """The gradients through `MLP`, `DeformConv2d` and other layers of torchvision are those of small differences."""
    make, call = LAYERS[name]
    layer = make(ops).double().eval()
    x = torch.rand(2, 3, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: call(layer, x), x)


@fact("torchvision.ops.MultiScaleRoIAlign", requires="torchvision")
def test_multi_scale_roi_align_reads_a_small_box_in_the_fine_map(ops):
    """`MultiScaleRoIAlign` reads small boxes from the finest map and large ones from the coarsest."""
    maps = {"fine": torch.full((1, 1, 64, 64), 3.0), "coarse": torch.full((1, 1, 32, 32), 5.0)}
    boxes = [torch.tensor([[0.0, 0, 16, 16], [0, 0, 250, 250]])]
    got = ops.MultiScaleRoIAlign(["fine", "coarse"], 1, 2)(maps, boxes, [(256, 256)])
    close(got, [[[[3.0]]], [[[5]]]], roundings=4)
    assert got.dtype is torch.float32


@fact("torchvision.ops.PSRoIAlign", "torchvision.ops.PSRoIPool", requires="torchvision")
@pytest.mark.parametrize(("name", "options"), [("PSRoIAlign", [2]), ("PSRoIPool", [])], ids=["align", "pool"])
def test_modules_of_position_sensitive_bins(ops, device, name, options):
    """`PSRoIAlign` and `PSRoIPool` read each bin of a scaled box from another channel."""
    maps = torch.tensor([3.0, 5, 7, 9], device=device).view(1, 4, 1, 1).expand(1, 4, 6, 6).contiguous()
    got = getattr(ops, name)(2, 0.5, *options)(maps, [torch.tensor([[2.0, 2, 10, 10]], device=device)])
    close(got, [[[[3.0, 5], [7, 9]]]], roundings=8)
    assert got.dtype is torch.float32
