"""Layers and functions of normalisation by their formulas, and running statistics; modes are in modules.eval too."""

import math

import numpy
import pytest
import torch
from torch import nn
from torch.nn import functional

from torchproof import close, fact, same
from torchproof.suites.layers.reference import Called, follows, fractions

DIMS = [1, 2, 3]
SHAPES = {1: (3, 2, 4), 2: (3, 2, 2, 3), 3: (2, 2, 2, 1, 3)}
BATCH = [f"torch.nn.BatchNorm{dims}d" for dims in DIMS]
INSTANCE = [f"torch.nn.InstanceNorm{dims}d" for dims in DIMS]
BOTH = [(kind, dims) for kind in ("BatchNorm", "InstanceNorm") for dims in DIMS]


def standard(x, dims, eps=1e-5):
    """Less the mean over these dimensions, over the root of the biased variance plus eps."""
    mean, variance = x.mean(dims, keepdims=True), x.var(dims, keepdims=True)
    return (x - mean) / numpy.sqrt(variance + eps)


def affine(x, weight=1, bias=0):
    """Each channel times its weight plus its bias."""
    column = (1, -1, *[1] * (x.ndim - 2))
    return x * numpy.reshape(weight, column if numpy.ndim(weight) else ()) + numpy.reshape(
        bias, column if numpy.ndim(bias) else ()
    )


def but(ndim, *kept):
    return tuple(dim for dim in range(ndim) if dim not in kept)


@fact(*BATCH)
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("eps", [1e-5, 0.5], ids=str)
@pytest.mark.parametrize("learned", [True, False], ids=["affine", "plain"])
def test_batch_norm_is_over_all_but_the_channels(device, dims, eps, learned):
    """`BatchNorm2d` and the like in training normalise each channel by its mean and biased variance over all else."""
    layer = getattr(nn, f"BatchNorm{dims}d")(2, eps=eps, affine=learned)
    follows(
        device,
        layer,
        lambda x, **of: affine(standard(x, but(x.ndim, 1), eps), **of),
        fractions(*SHAPES[dims]),
    )
    assert len(list(layer.parameters())) == 2 * learned


@fact("torch.nn.BatchNorm1d")
def test_batch_norm_takes_rows_of_channels(device):
    """`BatchNorm1d` takes a matrix too: a row of channels for each sample."""
    follows(device, nn.BatchNorm1d(3), lambda x, **of: affine(standard(x, (0,)), **of), fractions(4, 3))


@fact(*INSTANCE)
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("eps", [1e-5, 0.5], ids=str)
@pytest.mark.parametrize("learned", [True, False], ids=["affine", "plain"])
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_instance_norm_is_over_each_channel_of_a_sample(device, dims, eps, learned, training):
    """`InstanceNorm2d` and the like normalise each channel of each sample by itself, by default in evaluation too."""
    layer = getattr(nn, f"InstanceNorm{dims}d")(2, eps=eps, affine=learned).train(training)
    follows(
        device,
        layer,
        lambda x, **of: affine(standard(x, but(x.ndim, 0, 1), eps), **of),
        fractions(*SHAPES[dims]),
    )
    assert len(list(layer.parameters())) == 2 * learned


@fact(*INSTANCE)
@pytest.mark.parametrize("dims", DIMS)
def test_instance_norm_takes_a_sample_without_a_batch(device, dims):
    """`InstanceNorm2d` and the like give a sample without a batch dimension what they give a batch of one."""
    x = torch.tensor(fractions(*SHAPES[dims]), device=device)
    layer = getattr(nn, f"InstanceNorm{dims}d")(2)
    same(layer(x[0]), layer(x[:1])[0])


@fact(*INSTANCE, myth="InstanceNorm has learned weights, as BatchNorm has")
@pytest.mark.parametrize("dims", DIMS)
def test_instance_norm_has_nothing_of_its_own_by_default(dims):
    """`InstanceNorm2d` and the like by default have neither parameters nor running statistics."""
    assert not getattr(nn, f"InstanceNorm{dims}d")(2).state_dict()
    learned = getattr(nn, f"InstanceNorm{dims}d")(2, affine=True, track_running_stats=True)
    assert list(learned.state_dict()) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]


@fact(*BATCH, *INSTANCE)
@pytest.mark.parametrize(("kind", "dims"), BOTH)
@pytest.mark.parametrize("momentum", [0.1, 0.25], ids=str)
def test_running_statistics_move_by_momentum(device, kind, dims, momentum):
    """Running statistics of `BatchNorm2d` and the like move by `momentum` towards the mean and unbiased variance."""
    layer = getattr(nn, f"{kind}{dims}d")(2, momentum=momentum, track_running_stats=True, device=device).double()
    x = fractions(*SHAPES[dims])
    layer(torch.tensor(x, device=device))
    over = but(x.ndim, 1) if kind == "BatchNorm" else but(x.ndim, 0, 1)
    means, variances = x.mean(over), x.var(over, ddof=1)
    if kind == "InstanceNorm":
        means, variances = means.mean(0), variances.mean(0)
    close(layer.running_mean, momentum * means, roundings=60, scale=1)
    close(layer.running_var, 1 - momentum + momentum * variances, roundings=60, scale=2)


@fact(*BATCH)
@pytest.mark.parametrize("dims", DIMS)
def test_batch_norm_without_momentum_takes_the_plain_average(device, dims):
    """`BatchNorm2d(momentum=None)` and the like keep the average of all batches, each with the same weight."""
    layer = getattr(nn, f"BatchNorm{dims}d")(2, momentum=None, device=device).double()
    batches = [fractions(*SHAPES[dims], seed=seed) for seed in range(3)]
    ys = [layer(torch.tensor(batch, device=device)) for batch in batches]
    over = but(dims + 2, 1)
    close(ys[-1].detach(), standard(batches[-1], over), roundings=60, scale=3)
    close(layer.running_mean, numpy.mean([batch.mean(over) for batch in batches], 0), roundings=60, scale=1)
    close(layer.running_var, numpy.mean([batch.var(over, ddof=1) for batch in batches], 0), roundings=60, scale=2)
    assert layer.num_batches_tracked == 3


@fact(*BATCH, *INSTANCE)
@pytest.mark.parametrize(("kind", "dims"), BOTH)
def test_evaluation_uses_the_running_statistics(device, kind, dims):
    """In evaluation mode, `eval()`, `BatchNorm2d` and the like normalise by their running statistics."""
    layer = getattr(nn, f"{kind}{dims}d")(2, eps=0.5, affine=True, track_running_stats=True).eval()
    layer.running_mean.copy_(torch.tensor([0.5, -1.0]))
    layer.running_var.copy_(torch.tensor([3.5, 0.5]))
    column = (1, 2, *[1] * dims)
    mean, root = numpy.reshape([0.5, -1.0], column), numpy.reshape([2.0, 1.0], column)
    follows(device, layer, lambda x, **of: affine((x - mean) / root, **of), fractions(*SHAPES[dims]))


def is_always_training(patch):
    patch.setattr(nn.Module, "eval", lambda self: self)


@fact(*BATCH, *INSTANCE, refuter=is_always_training)
@pytest.mark.parametrize(("kind", "dims"), BOTH)
def test_evaluation_leaves_the_running_statistics(device, kind, dims):
    """In evaluation mode, `eval()`, `BatchNorm2d` and the like leave their running statistics as they are."""
    layer = getattr(nn, f"{kind}{dims}d")(2, track_running_stats=True, device=device).eval()
    layer(torch.tensor(fractions(*SHAPES[dims]), device=device, dtype=torch.float32))
    same(layer.running_mean, torch.tensor([0.0, 0.0]))
    same(layer.running_var, torch.tensor([1.0, 1.0]))


@fact(
    *BATCH,
    myth="eval() makes every BatchNorm independent of the batch",
    hint="use GroupNorm or LayerNorm, or track running statistics",
)
@pytest.mark.parametrize("dims", DIMS)
def test_batch_norm_without_statistics_uses_those_of_the_batch(device, dims):
    """`BatchNorm2d(track_running_stats=False)` and the like normalise by the batch in evaluation mode too."""
    layer = getattr(nn, f"BatchNorm{dims}d")(2, track_running_stats=False).eval()
    follows(device, layer, lambda x, **of: affine(standard(x, but(x.ndim, 1)), **of), fractions(*SHAPES[dims]))


@fact(*BATCH, *INSTANCE)
@pytest.mark.parametrize(("kind", "dims"), BOTH)
def test_refuses_one_value_a_channel_in_training(device, kind, dims):
    """`BatchNorm2d`, `InstanceNorm2d` and the like in training refuse one value a channel: "Expected more than 1"."""
    with pytest.raises(ValueError, match=r"Expected more than 1 (value per channel|spatial element) when training"):
        getattr(nn, f"{kind}{dims}d")(2, device=device)(torch.ones(1, 2, *[1] * dims, device=device))


@fact(*BATCH, *INSTANCE)
@pytest.mark.parametrize(("kind", "dims"), BOTH)
def test_refuses_an_input_of_other_dimensions(device, kind, dims):
    """`BatchNorm2d`, `InstanceNorm2d` and the like refuse an input of more dimensions: "expected 4D input"."""
    with pytest.raises(ValueError, match=r"expected \dD or \dD input|expected \dD input"):
        getattr(nn, f"{kind}{dims}d")(2, device=device)(torch.ones(*[2] * (dims + 3), device=device))


@fact(*BATCH)
@pytest.mark.parametrize("dims", DIMS)
def test_batch_norm_starts_anew_when_told(device, dims):
    """`BatchNorm2d.reset_running_stats()` and the like set the mean to 0, the variance to 1 and the count to 0."""
    layer = getattr(nn, f"BatchNorm{dims}d")(2, device=device)
    layer(torch.tensor(fractions(*SHAPES[dims]), device=device, dtype=torch.float32))
    moved = layer.running_mean.tolist() != [0, 0]
    layer.reset_running_stats()
    state = [layer.running_mean.tolist(), layer.running_var.tolist(), layer.num_batches_tracked.item()]
    assert (moved, state) == (True, [[0, 0], [1, 1], 0])


@fact(*BATCH, myth="no_grad() keeps the statistics of BatchNorm")
@pytest.mark.parametrize("dims", DIMS)
def test_batch_norm_learns_its_statistics_without_gradients(device, dims):
    """`BatchNorm2d` and the like in training update running statistics (mean and variance) under `no_grad` as well."""
    layer = getattr(nn, f"BatchNorm{dims}d")(2, momentum=0.5, device=device)
    with torch.no_grad():
        layer(torch.full(SHAPES[dims], 3.0, device=device))
    same(layer.running_mean, torch.tensor([1.5, 1.5]))
    same(layer.running_var, torch.tensor([0.5, 0.5]))


@fact("torch.nn.LayerNorm")
@pytest.mark.parametrize("shape", [4, (4,), (3, 4), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("eps", [1e-5, 0.5], ids=str)
def test_layer_norm_is_over_the_last_dimensions(device, shape, eps):
    """`LayerNorm` normalises over the last dimensions that it is made for, and scales each place by its own weight."""
    dims = tuple(range(3 - (len(shape) if isinstance(shape, tuple) else 1), 3))
    follows(
        device,
        nn.LayerNorm(shape, eps=eps),
        lambda x, weight, bias: standard(x, dims, eps) * weight + bias,
        fractions(2, 3, 4),
    )


@fact("torch.nn.LayerNorm")
def test_layer_norm_can_be_plain(device):
    """`LayerNorm(elementwise_affine=False)` normalises and has no parameters."""
    follows(device, nn.LayerNorm(4, elementwise_affine=False), lambda x: standard(x, (2,)), fractions(2, 3, 4))


@fact("torch.nn.LayerNorm", since="2.1", calls="bias=False", gain=True)
def test_layer_norm_can_have_no_bias(device):
    """`LayerNorm(bias=False)` scales and does not shift."""
    follows(device, nn.LayerNorm(4, bias=False), lambda x, weight: standard(x, (2,)) * weight, fractions(2, 3, 4))


@fact("torch.nn.LayerNorm", "torch.nn.GroupNorm")
@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (lambda: nn.LayerNorm(3), (2, 4), "Given normalized_shape="),
        (lambda: nn.GroupNorm(2, 4), (2, 6), "Expected weight to be a vector of size equal to the number of channels"),
    ],
    ids=["LayerNorm", "GroupNorm"],
)
def test_refuses_a_shape_it_was_not_made_for(device, layer, shape, words):
    """`LayerNorm` and `GroupNorm` refuse an input of other features than they were made for."""
    with pytest.raises(RuntimeError, match=words):
        layer().to(device)(torch.ones(shape, device=device))


@fact("torch.nn.LayerNorm", myth="LayerNorm depends on the batch, or on the mode")
def test_layer_norm_is_the_same_in_training_and_evaluation(device):
    """`LayerNorm` gives a sample alone, in evaluation, what it gives it in a batch in training."""
    layer, x = nn.LayerNorm(4, device=device), torch.tensor(fractions(3, 4), device=device, dtype=torch.float32)
    want = standard(x.cpu().numpy().astype("float64"), (1,))
    close(layer.train()(x), want, roundings=60, scale=2)
    close(layer.eval()(x[1:2]), want[1:2], roundings=60, scale=2)


@fact("torch.nn.GroupNorm")
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("shape", [(2, 4), (2, 4, 3), (2, 4, 2, 3)], ids=str)
@pytest.mark.parametrize("eps", [1e-5, 0.5], ids=str)
def test_group_norm_is_over_each_group_of_channels(device, groups, shape, eps):
    """`GroupNorm` normalises each group of channels of a sample, and scales each channel by its own weight."""

    def formula(x, weight, bias):
        grouped = standard(x.reshape(len(x), groups, -1), (2,), eps)
        return affine(grouped.reshape(x.shape), weight, bias)

    follows(device, nn.GroupNorm(groups, 4, eps=eps), formula, fractions(*shape))


@fact("torch.nn.GroupNorm")
def test_group_norm_can_be_plain(device):
    """`GroupNorm(affine=False)` normalises and has no parameters."""
    formula = lambda x: standard(x.reshape(2, 2, -1), (2,)).reshape(x.shape)  # noqa: E731
    follows(device, nn.GroupNorm(2, 4, affine=False), formula, fractions(2, 4, 3))


@fact("torch.nn.GroupNorm")
def test_group_norm_refuses_groups_that_do_not_divide(device):
    """`GroupNorm` refuses, when made, groups that do not divide its channels: "must be divisible by num_groups"."""
    with pytest.raises(ValueError, match=r"num_channels .*must be divisible by num_groups"):
        nn.GroupNorm(3, 4, device=device)


@fact("torch.nn.RMSNorm")
@pytest.mark.parametrize("shape", [4, (3, 4)], ids=str)
@pytest.mark.parametrize("eps", [None, 0.5], ids=str)
def test_rms_norm_is_without_a_mean(device, shape, eps):
    """`RMSNorm` divides by the root of the mean square plus eps, by default that of the dtype, and keeps the mean."""
    dims = (2,) if shape == 4 else (1, 2)
    added = numpy.finfo("float64").eps if eps is None else eps
    formula = lambda x, weight: x / numpy.sqrt((x**2).mean(dims, keepdims=True) + added) * weight  # noqa: E731
    follows(device, nn.RMSNorm(shape, eps=eps), formula, fractions(2, 3, 4))


@fact("torch.nn.RMSNorm")
def test_rms_norm_can_be_plain(device):
    """`RMSNorm(elementwise_affine=False)` has no parameters."""
    layer = nn.RMSNorm(2, eps=0.0, elementwise_affine=False, device=device)
    close(layer(torch.tensor([[7.0, -1.0]], device=device)), [[1.4, -0.2]], roundings=8)
    assert not list(layer.parameters())


@fact("torch.nn.LocalResponseNorm")
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 5, 2, 2)], ids=str)
def test_local_response_is_over_channels_nearby(device, size, shape):
    """`LocalResponseNorm` divides by a power of k plus alpha times the mean square of channels nearby, zeros beyond."""

    def formula(x):
        sides = [(0, 0), (size // 2, (size - 1) // 2), *[(0, 0)] * (x.ndim - 2)]
        squares = numpy.pad(x**2, sides)
        mean = sum(squares[:, shift : shift + 5] for shift in range(size)) / size
        return x / (2 + 0.5 * mean) ** 0.6

    follows(device, nn.LocalResponseNorm(size, alpha=0.5, beta=0.6, k=2.0), formula, fractions(*shape))


@fact("torch.nn.CrossMapLRN2d")
def test_cross_map_is_local_response_of_channels_that_are_all_nearby(device):
    """`CrossMapLRN2d` divides by a power of k plus alpha times the sum of squares of all channels nearby over size."""
    x = fractions(2, 3, 2, 2)
    y = nn.CrossMapLRN2d(5, alpha=0.5, beta=0.6, k=2)(torch.tensor(x, device=device))
    close(y, x / (2 + 0.5 * (x**2).sum(1, keepdims=True) / 5) ** 0.6, roundings=60, scale=2)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)


NORMS = {
    "torch.nn.BatchNorm2d": lambda: nn.BatchNorm2d(4).eval(),
    "torch.nn.GroupNorm": lambda: nn.GroupNorm(2, 4),
    "torch.nn.InstanceNorm2d": lambda: nn.InstanceNorm2d(4),
    "torch.nn.LayerNorm": lambda: nn.LayerNorm(3),
}


@fact(*NORMS)
@pytest.mark.parametrize("name", NORMS)
def test_of_an_empty_batch_is_empty(device, name):
    """`GroupNorm`, `LayerNorm`, `InstanceNorm2d` and, in evaluation, `BatchNorm2d` turn an empty batch into another."""
    y = NORMS[name]().to(device)(torch.ones(0, 4, 2, 3, device=device))
    assert (y.shape, y.dtype) == ((0, 4, 2, 3), torch.float32)


@fact("torch.nn.LayerNorm", "torch.nn.GroupNorm", "torch.nn.InstanceNorm2d")
@pytest.mark.parametrize("name", [name for name in NORMS if "Batch" not in name])
def test_of_a_constant_is_zero(device, name):
    """`GroupNorm`, `LayerNorm` and `InstanceNorm2d` of a constant are zero but for rounding over sqrt(eps), not NaN."""
    y = NORMS[name]().to(device)(torch.full((2, 4, 2, 3), 5.0, device=device))
    close(y, numpy.zeros((2, 4, 2, 3)), roundings=8, scale=5 / math.sqrt(1e-5))


@fact(*NORMS)
@pytest.mark.parametrize("name", NORMS)
def test_of_bfloat16_is_near_the_exact_one(device, name):
    """`GroupNorm`, `LayerNorm`, `InstanceNorm2d` and `BatchNorm2d` of bfloat16 give bfloat16, within few roundings."""
    x = torch.tensor(fractions(2, 4, 2, 3), device=device).to(torch.bfloat16)
    exact = x.double().cpu().numpy()
    wants = {
        "torch.nn.BatchNorm2d": lambda: exact / math.sqrt(1 + 1e-5),
        "torch.nn.GroupNorm": lambda: standard(exact.reshape(2, 2, -1), (2,)).reshape(exact.shape),
        "torch.nn.InstanceNorm2d": lambda: standard(exact, (2, 3)),
        "torch.nn.LayerNorm": lambda: standard(exact, (3,)),
    }
    y = NORMS[name]().to(device, torch.bfloat16)(x)
    assert y.dtype == torch.bfloat16
    close(y, wants[name](), roundings=4, scale=2)


# --- the functions ----------------------------------------------------------------------------------------------------

COLUMNS = {"weight": (2,), "bias": (2,)}


@fact("torch.nn.functional.instance_norm")
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("learned", [True, False], ids=["affine", "plain"])
def test_function_of_instance_norm_is_over_each_channel_of_a_sample(device, dims, learned):
    """`instance_norm` normalises each channel of each sample by itself, and scales it by its weight."""
    layer = Called("instance_norm", COLUMNS if learned else {}, eps=0.5)
    follows(device, layer, lambda x, **of: affine(standard(x, but(x.ndim, 0, 1), 0.5), **of), fractions(*SHAPES[dims]))


@fact("torch.nn.functional.instance_norm", "torch.nn.functional.batch_norm")
@pytest.mark.parametrize("kind", ["instance_norm", "batch_norm"])
def test_function_uses_the_statistics_it_is_given(device, kind):
    """`instance_norm(use_input_stats=False)` and `batch_norm` out of training use the statistics they are given."""
    mean, variance = (torch.tensor(each, dtype=torch.float64, device=device) for each in ([0.5, -1.0], [3.5, 0.5]))
    options = {"use_input_stats": False} if kind == "instance_norm" else {}
    layer = Called(kind, COLUMNS, running_mean=mean, running_var=variance, eps=0.5, **options)
    centre, root = numpy.reshape([0.5, -1.0], (1, 2, 1)), numpy.reshape([2.0, 1.0], (1, 2, 1))
    follows(device, layer, lambda x, **of: affine((x - centre) / root, **of), fractions(*SHAPES[1]))
    assert (mean.tolist(), variance.tolist()) == ([0.5, -1.0], [3.5, 0.5])


@fact("torch.nn.functional.instance_norm", "torch.nn.functional.batch_norm")
@pytest.mark.parametrize("kind", ["instance_norm", "batch_norm"])
def test_function_moves_the_statistics_it_is_given(device, kind):
    """`instance_norm` and `batch_norm(training=True)` move the statistics they are given by momentum."""
    mean, variance = (
        torch.zeros(2, dtype=torch.float64, device=device),
        torch.ones(2, dtype=torch.float64, device=device),
    )
    x, options = fractions(*SHAPES[2]), {"training": True} if kind == "batch_norm" else {}
    y = getattr(functional, kind)(torch.tensor(x, device=device), mean, variance, momentum=0.25, eps=0.5, **options)
    over = but(4, 1) if kind == "batch_norm" else but(4, 0, 1)
    means, variances = (each.reshape(-1, 2).mean(0) for each in (x.mean(over), x.var(over, ddof=1)))
    close(y, standard(x, over, 0.5), roundings=60, scale=2)
    close(mean, means / 4, roundings=60, scale=1)
    close(variance, 0.75 + variances / 4, roundings=60, scale=2)


@fact("torch.nn.functional.layer_norm")
@pytest.mark.parametrize("shape", [(4,), (3, 4)], ids=str)
def test_function_of_layer_norm_is_over_the_last_dimensions(device, shape):
    """`layer_norm` normalises over the shape it is told, the last dimensions, and scales each place by its weight."""
    layer = Called("layer_norm", {"weight": shape, "bias": shape}, normalized_shape=shape, eps=0.5)
    dims = (2,) if len(shape) == 1 else (1, 2)
    follows(device, layer, lambda x, weight, bias: standard(x, dims, 0.5) * weight + bias, fractions(2, 3, 4))


@fact("torch.nn.functional.rms_norm")
@pytest.mark.parametrize("shape", [(4,), (3, 4)], ids=str)
@pytest.mark.parametrize("eps", [None, 0.5], ids=str)
@pytest.mark.parametrize("weighted", [True, False], ids=["weight", "plain"])
def test_function_of_rms_norm_is_without_a_mean(device, shape, eps, weighted):
    """`rms_norm` divides by the root of the mean square plus eps, by default that of the dtype, and keeps the mean."""
    dims, added = (2,) if len(shape) == 1 else (1, 2), numpy.finfo("float64").eps if eps is None else eps
    formula = lambda x, weight=1: x / numpy.sqrt((x**2).mean(dims, keepdims=True) + added) * weight  # noqa: E731
    layer = Called("rms_norm", {"weight": shape} if weighted else {}, normalized_shape=shape, eps=eps)
    follows(device, layer, formula, fractions(2, 3, 4))


@fact("torch.nn.functional.rms_norm")
def test_function_of_rms_norm_refuses_another_shape(device):
    """`rms_norm` refuses other last dimensions than it is told: "Given normalized_shape="."""
    with pytest.raises(RuntimeError, match="Given normalized_shape="):
        functional.rms_norm(torch.ones(2, 4, device=device), (3,))


@fact("torch.nn.functional.local_response_norm")
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 5, 2, 2)], ids=str)
def test_function_of_local_response_is_over_channels_nearby(device, size, shape):
    """`local_response_norm` divides by a power of k plus alpha times the mean square of channels nearby."""

    def formula(x):
        sides = [(0, 0), (size // 2, (size - 1) // 2), *[(0, 0)] * (x.ndim - 2)]
        squares = numpy.pad(x**2, sides)
        mean = sum(squares[:, shift : shift + 5] for shift in range(size)) / size
        return x / (2 + 0.5 * mean) ** 0.6

    follows(device, Called("local_response_norm", size=size, alpha=0.5, beta=0.6, k=2.0), formula, fractions(*shape))
