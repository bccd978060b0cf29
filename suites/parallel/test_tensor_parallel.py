"""Layers of which every rank computes a part: `torch.distributed.tensor.parallel`; DTensors: `test_dtensor`."""

import numpy
import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.fixtures.ranks import on_each_backend, own_device
from torchproof.suites.parallel.bodies import refused

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]

X = numpy.array([[1.0, 2.0], [3.0, -4.0]])
FIRST = numpy.array([[1.0, 2.0], [3.0, 4.0], [-5.0, 6.0], [7.0, 8.0]])
LAST = numpy.array([[1.0, -2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])
HIDDEN = numpy.maximum(X @ FIRST.T, 0)
WANT = HIDDEN @ LAST.T


def _style(name, **options):
    from torch.distributed.tensor import parallel

    return getattr(parallel, name)(**options)


def _placed(*placement):
    from torch.distributed import tensor

    return getattr(tensor, placement[0])(*placement[1:])


def _network():
    """Two layers without bias, and what is negative between them cut off."""
    layers = nn.Sequential(nn.Linear(2, 4, bias=False), nn.ReLU(), nn.Linear(4, 2, bias=False)).double()
    with torch.no_grad():
        layers[0].weight.copy_(torch.tensor(FIRST))
        layers[2].weight.copy_(torch.tensor(LAST))
    return layers.to(own_device())


def _parallelize(module, plan):
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor.parallel import parallelize_module

    return parallelize_module(module, init_device_mesh(own_device().type, (2,)), plan)


def _megatron():
    return _parallelize(_network(), {"0": _style("ColwiseParallel"), "2": _style("RowwiseParallel")})


def _x():
    return torch.tensor(X, device=own_device())


# --- a column-wise and a row-wise layer -------------------------------------------------------------------------------


def _outputs(rank):
    return _megatron()(_x()).detach().cpu().clone()


PARALLELIZE = "torch.distributed.tensor.parallel.parallelize_module"
COLWISE = "torch.distributed.tensor.parallel.ColwiseParallel"
ROWWISE = "torch.distributed.tensor.parallel.RowwiseParallel"


@fact(PARALLELIZE, COLWISE, ROWWISE, since="2.2", calls="none")
@on_each_backend
def test_column_wise_then_row_wise_gives_the_plain_outputs(ranks, backend):
    """A `ColwiseParallel` layer followed by a `RowwiseParallel` one gives every rank the plain layers' outputs."""
    same(torch.stack(ranks(2, _outputs, backend=backend)), numpy.stack([WANT, WANT]))


def _gradients(rank):
    model = _megatron()
    model(_x()).sum().backward()
    return [weight.grad.full_tensor().cpu() for weight in model.parameters()]


@fact(PARALLELIZE, COLWISE, ROWWISE, since="2.2", calls="none")
@on_each_backend
def test_gradients_are_those_of_the_plain_layers(ranks, backend):
    """The shards of a `ColwiseParallel` and a `RowwiseParallel` layer have together the plain layers' gradients."""
    got = ranks(2, _gradients, backend=backend)
    first = ((HIDDEN > 0) * LAST.sum(axis=0)).T @ X
    last = numpy.broadcast_to(HIDDEN.sum(axis=0), (2, 4))
    for gradients in got:
        close(gradients[0], first, roundings=8)
        close(gradients[1], last, roundings=8)
    assert len(got) == 2


def _own_parts(rank):
    model = _megatron()
    return [weight.to_local().detach().cpu().clone() for weight in model.parameters()]


@fact(PARALLELIZE, COLWISE, since="2.2", calls="none", myth="ColwiseParallel cuts the columns of the weight")
@on_each_backend
def test_column_wise_cuts_the_rows_of_the_weight(ranks, backend):
    """`ColwiseParallel` gives each rank some outputs of a Linear: rows of `weight`, which is stored transposed."""
    got = ranks(2, _own_parts, backend=backend)
    same(torch.cat([first for first, _ in got]), FIRST)
    assert [len(first) for first, _ in got] == [2, 2]


@fact(PARALLELIZE, ROWWISE, since="2.2", calls="none", myth="RowwiseParallel cuts the rows of the weight")
@on_each_backend
def test_row_wise_cuts_the_columns_of_the_weight(ranks, backend):
    """`RowwiseParallel` gives each rank some inputs of a Linear: columns of `weight`, which is stored transposed."""
    got = ranks(2, _own_parts, backend=backend)
    same(torch.cat([last for _, last in got], dim=1), LAST)
    assert [last.shape[1] for _, last in got] == [2, 2]


def _bias(rank, style):
    layer = nn.Linear(2, 4, device=own_device())
    layer.bias.data.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    _parallelize(layer, _style(style))
    return layer.bias.to_local().tolist()


@fact(PARALLELIZE, COLWISE, since="2.2", calls="none")
@on_each_backend
def test_column_wise_cuts_the_bias(ranks, backend):
    """`ColwiseParallel` leaves each of two ranks its half of a Linear's `bias`."""
    assert ranks(2, _bias, "ColwiseParallel", backend=backend) == [[1.0, 2.0], [3.0, 4.0]]


@fact(PARALLELIZE, ROWWISE, since="2.2", calls="none")
@on_each_backend
def test_row_wise_repeats_the_bias(ranks, backend):
    """`RowwiseParallel` leaves every rank the whole `bias` of a Linear."""
    assert ranks(2, _bias, "RowwiseParallel", backend=backend) == [[1.0, 2.0, 3.0, 4.0]] * 2


def _hidden(rank, options):
    model = _parallelize(_network()[0], _style("ColwiseParallel", **options))
    return model(_x()).detach().cpu().clone()


@fact(PARALLELIZE, COLWISE, since="2.2", calls="none")
@on_each_backend
def test_column_wise_leaves_each_rank_its_outputs(ranks, backend):
    """A `ColwiseParallel` Linear by itself returns on each rank its share of the outputs."""
    same(torch.cat(ranks(2, _hidden, {}, backend=backend), dim=1), X @ FIRST.T)


def _gathered(rank):
    return _hidden(rank, {"output_layouts": _placed("Replicate")})


@fact(PARALLELIZE, COLWISE, since="2.5", calls="none")
@on_each_backend
def test_output_layouts_gathers_the_outputs(ranks, backend):
    """`ColwiseParallel` with `output_layouts=Replicate()` gives every rank all outputs of a Linear."""
    want = X @ FIRST.T
    same(torch.stack(ranks(2, _gathered, backend=backend)), numpy.stack([want, want]))


def _kind_of_output(rank, local):
    from torch.distributed.tensor import DTensor

    return isinstance(_parallelize(_network()[0], _style("ColwiseParallel", use_local_output=local))(_x()), DTensor)


@fact(PARALLELIZE, COLWISE, since="2.5", calls="none")
@on_each_backend
@pytest.mark.parametrize("local", [True, False])
def test_use_local_output_false_returns_a_dtensor(ranks, backend, local):
    """A `ColwiseParallel` layer returns a DTensor with `use_local_output=False`, and with True it does not."""
    assert ranks(2, _kind_of_output, local, backend=backend) == [not local] * 2


def _refused_layer(rank):
    return refused(_parallelize, nn.Conv1d(2, 4, 1), _style("ColwiseParallel"))


@fact(PARALLELIZE, COLWISE, since="2.3", calls="none")
def test_column_wise_refuses_a_convolution(ranks):
    """`ColwiseParallel` refuses an `nn.Conv1d`: "currently only support nn.Linear and nn.Embedding"."""
    assert all("currently only support nn.Linear and nn.Embedding" in told for told in ranks(2, _refused_layer))


def _embedded(rank, style):
    layer = nn.Embedding(4, 2, device=own_device())
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(FIRST))
    options = {"output_layouts": _placed("Replicate")}
    if style == "RowwiseParallel":
        options["input_layouts"] = _placed("Replicate")
    layer = _parallelize(layer, _style(style, **options))
    return tuple(layer.weight.to_local().shape), layer(torch.tensor([3, 0], device=own_device())).detach().cpu().clone()


@fact(PARALLELIZE, COLWISE, ROWWISE, since="2.5", calls="none")
@on_each_backend
@pytest.mark.parametrize(
    ("style", "part"), [("RowwiseParallel", (2, 2)), ("ColwiseParallel", (4, 1))], ids=["rows", "columns"]
)
def test_embedding_is_cut_by_words_or_by_features(ranks, backend, style, part):
    """`RowwiseParallel` leaves each of two ranks half of an Embedding's words, `ColwiseParallel` half its features."""
    assert [shape for shape, _ in ranks(2, _embedded, style, backend=backend)] == [part, part]


@fact(PARALLELIZE, COLWISE, ROWWISE, since="2.5", calls="none")
@on_each_backend
@pytest.mark.parametrize("style", ["RowwiseParallel", "ColwiseParallel"])
def test_embedding_that_is_cut_gives_whole_rows(ranks, backend, style):
    """An Embedding under `RowwiseParallel` or `ColwiseParallel` gives every rank the plain one's rows."""
    got = ranks(2, _embedded, style, backend=backend)
    same(torch.stack([rows for _, rows in got]), [[[7.0, 8.0], [1.0, 2.0]]] * 2)


def _heads(rank, heads, options):
    out = _parallelize(_network()[0], _style("ColwiseParallel", **options))(_x())
    return tuple(out.view(2, heads, 1).shape)


def _all_heads(rank):
    return refused(_heads, rank, 4, {})


@fact(PARALLELIZE, COLWISE, since="2.2", calls="none", hint="heads // world size, or use_local_output=False")
@on_each_backend
def test_view_by_the_model_s_heads_is_refused_behind_column_wise(ranks, backend):
    """Behind `ColwiseParallel` a `view` by all heads of the model is "invalid for input of size": a rank has some."""
    assert ranks(2, _all_heads, backend=backend) == ["shape '[2, 4, 1]' is invalid for input of size 4"] * 2


@fact(PARALLELIZE, COLWISE, since="2.2", calls="none")
@on_each_backend
def test_view_by_a_rank_s_heads_fits_behind_column_wise(ranks, backend):
    """Behind `ColwiseParallel`, whose output is local, `view` takes the number of heads divided by that of ranks."""
    assert ranks(2, _heads, 2, {}, backend=backend) == [(2, 2, 1)] * 2


@fact(PARALLELIZE, COLWISE, since="2.2", calls="none")
@on_each_backend
def test_view_by_the_model_s_heads_fits_a_dtensor(ranks, backend):
    """Behind `ColwiseParallel` with `use_local_output=False`, `view` takes the whole model's number of heads."""
    assert ranks(2, _heads, 4, {"use_local_output": False}, backend=backend) == [(2, 4, 1)] * 2


# --- what comes before and after --------------------------------------------------------------------------------------


def _sequence(rank):
    norm = nn.LayerNorm(2, device=own_device(), dtype=torch.float64)
    _parallelize(norm, _style("SequenceParallel", sequence_dim=0))
    whole = torch.stack([_x(), 2 * _x(), 3 * _x(), 4 * _x()])
    out = norm(whole[2 * rank : 2 * rank + 2])
    return tuple(out.shape), out.to_local().detach().cpu()


@fact("torch.distributed.tensor.parallel.SequenceParallel", PARALLELIZE, since="2.3", calls="none")
@on_each_backend
def test_sequence_parallel_takes_a_part_of_the_sequence(ranks, backend):
    """A `SequenceParallel` LayerNorm takes the ranks' inputs for parts of a sequence, cut along `sequence_dim=0`."""
    got = ranks(2, _sequence, backend=backend)
    assert [shape for shape, _ in got] == [(4, 2, 2), (4, 2, 2)]
    whole = numpy.stack([X, 2 * X, 3 * X, 4 * X])
    centred = whole - whole.mean(axis=-1, keepdims=True)
    want = centred / numpy.sqrt(whole.var(axis=-1, keepdims=True) + 1e-5)
    close(torch.cat([part for _, part in got]), want, roundings=16)


def _prepared(rank, style, options):
    """What a module that returns its input is given, and what it returns."""
    seen, module = [], nn.Identity()
    layouts = {key: (_placed(*placement),) for key, placement in options.items()}
    module = _parallelize(module, _style(style, **layouts))
    module.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    out = module(_x() * 10**rank)
    return seen[-1], out


def _input(rank):
    options = {"input_layouts": ("Shard", 0), "desired_input_layouts": ("Replicate",)}
    given, _ = _prepared(rank, "PrepareModuleInput", options)
    return tuple(given.shape), given.to_local().cpu()


@fact("torch.distributed.tensor.parallel.PrepareModuleInput", PARALLELIZE, since="2.5", calls="none")
@on_each_backend
def test_prepare_module_input_redistributes_the_inputs(ranks, backend):
    """`PrepareModuleInput` from `Shard(0)` to `Replicate()` takes ranks' inputs for parts, and gives on the whole."""
    got = ranks(2, _input, backend=backend)
    assert [shape for shape, _ in got] == [(4, 2), (4, 2)]
    whole = numpy.concatenate([X, 10 * X])
    same(torch.stack([part for _, part in got]), numpy.stack([whole, whole]))


def _output(rank):
    options = {"output_layouts": ("Partial",), "desired_output_layouts": ("Shard", 0)}
    return _prepared(rank, "PrepareModuleOutput", options)[1].cpu()


@fact("torch.distributed.tensor.parallel.PrepareModuleOutput", PARALLELIZE, since="2.5", calls="none")
@on_each_backend
def test_prepare_module_output_redistributes_the_outputs(ranks, backend):
    """`PrepareModuleOutput` from `Partial()` to `Shard(0)` adds ranks' outputs, and gives each its rows of the sum."""
    same(torch.cat(ranks(2, _output, backend=backend)), 11 * X)


def _lost(rank):
    from torch.distributed.tensor.parallel import loss_parallel

    layer = _parallelize(_network()[0], _style("ColwiseParallel", use_local_output=False))
    with loss_parallel():
        loss = nn.functional.cross_entropy(layer(_x()), torch.tensor([3, 0], device=own_device()))
        loss.backward()
    return loss.detach().full_tensor().cpu(), layer.weight.grad.full_tensor().cpu()


SCORES = X @ FIRST.T
SHARE = numpy.exp(SCORES - SCORES.max(axis=1, keepdims=True))
SHARE /= SHARE.sum(axis=1, keepdims=True)


@fact("torch.distributed.tensor.parallel.loss_parallel", since="2.5", calls="none")
@on_each_backend
def test_loss_parallel_is_the_cross_entropy_of_all_classes(ranks, backend):
    """Inside `loss_parallel()`, `cross_entropy` of scores sharded by class is the loss over all classes."""
    for loss, _ in (got := ranks(2, _lost, backend=backend)):
        close(loss, -numpy.log(SHARE[[0, 1], [3, 0]]).mean(), roundings=64)
    assert len(got) == 2


@fact("torch.distributed.tensor.parallel.loss_parallel", since="2.5", calls="none")
@on_each_backend
def test_loss_parallel_has_the_gradient_of_all_classes(ranks, backend):
    """Inside `loss_parallel()`, `backward` of `cross_entropy` of scores sharded by class is that over all classes."""
    for _, gradient in (got := ranks(2, _lost, backend=backend)):
        close(gradient, (SHARE - numpy.eye(4)[[3, 0]]).T @ X / 2, roundings=64, scale=4.0)
    assert len(got) == 2


def _unknown(rank):
    import warnings

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        _parallelize(_network(), {"typo": _style("ColwiseParallel")})
    return [str(one.message) for one in told]


@fact(PARALLELIZE, since="2.9", calls="any", gain=True)
def test_warns_of_a_plan_that_matches_nothing(ranks):
    """`parallelize_module` warns of a name in the plan that matches no module: "could not be resolved"."""
    told = ranks(2, _unknown)
    assert all(any("could not be resolved" in sentence for sentence in of_rank) for of_rank in told)


def _by_pattern(rank):
    layers = nn.ModuleDict({"up0": nn.Linear(2, 4), "up1": nn.Linear(2, 4), "down": nn.Linear(2, 4)})
    _parallelize(layers.to(own_device()), {"up*": _style("ColwiseParallel")})
    return [hasattr(layer.weight, "placements") for layer in layers.values()]


@fact(PARALLELIZE, COLWISE, since="2.4", calls="none")
@on_each_backend
def test_plan_names_modules_by_pattern(ranks, backend):
    """In the plan of `parallelize_module`, `"up*"` names every module whose name fits, and others stay plain."""
    assert ranks(2, _by_pattern, backend=backend) == [[True, True, False]] * 2
