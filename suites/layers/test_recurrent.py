"""`RNN`, `LSTM`, `GRU` and their cells by their gates; how their inputs lie in memory is in test_layout."""

import math

import numpy
import pytest
import torch
from torch import nn
from torch.nn.utils import rnn

from torchproof import close, fact, same
from torchproof.suites.layers.reference import follows, fractions

LAYERS = ("torch.nn.RNN", "torch.nn.LSTM", "torch.nn.GRU")
KINDS = ["RNN", "LSTM", "GRU"]
STEPS, BATCH, INPUTS, HIDDEN = 3, 2, 2, 3


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


def rnn_step(x, state, w, u, b=0.0, c=0.0, squash=numpy.tanh):
    (h,) = state
    return (squash(x @ w.T + b + h @ u.T + c),)


def lstm_step(x, state, w, u, b=0.0, c=0.0, projection=None):
    h, cell = state
    i, f, g, o = numpy.split(x @ w.T + b + h @ u.T + c, 4, axis=-1)
    cell = sigmoid(f) * cell + sigmoid(i) * numpy.tanh(g)
    h = sigmoid(o) * numpy.tanh(cell)
    return (h if projection is None else h @ projection.T, cell)


def gru_step(x, state, w, u, b=0.0, c=0.0):
    (h,) = state
    r, z, n = numpy.split(x @ w.T + b, 3, axis=-1)
    to_r, to_z, to_n = numpy.split(h @ u.T + c, 3, axis=-1)
    r, z = sigmoid(r + to_r), sigmoid(z + to_z)
    n = numpy.tanh(n + r * to_n)
    return ((1 - z) * n + z * h,)


STEP = {"RNN": rnn_step, "LSTM": lstm_step, "GRU": gru_step}


def unrolled(step, x, start, weights, way):
    """One layer in one direction: its outputs in the order of time, and its last state."""
    state, outputs = start, {}
    for time in range(len(x))[::way]:
        state = step(x[time], state, *weights)
        outputs[time] = state[0]
    return numpy.stack([outputs[time] for time in range(len(x))]), state


def network(kind, x, start=None, layers=1, ways=(1,), batch_first=False, outputs=HIDDEN, step=None, **weights):
    """The documented stack of layers: the outputs of the last, and the last states of all."""
    x = x.swapaxes(0, 1) if batch_first else x
    sizes = (outputs, HIDDEN) if kind == "LSTM" else (outputs,)
    if start is None:
        start = [numpy.zeros((layers * len(ways), x.shape[1], size)) for size in sizes]
    ends = []
    for layer in range(layers):
        rows = []
        for number, way in enumerate(ways):
            place = f"_l{layer}{'_reverse' * number}"
            chosen = [value for name, value in weights.items() if name.endswith(place)]
            begin = tuple(each[layer * len(ways) + number] for each in start)
            row, end = unrolled(step or STEP[kind], x, begin, chosen, way)
            rows.append(row)
            ends.append(end)
        x = numpy.concatenate(rows, axis=-1)
    last = [numpy.stack(each) for each in zip(*ends)]
    return x.swapaxes(0, 1) if batch_first else x, *last


def states(kind, count, batch=BATCH, outputs=HIDDEN):
    sizes = (outputs, HIDDEN) if kind == "LSTM" else (outputs,)
    return [fractions(count, batch, size, seed=5 + place) for place, size in enumerate(sizes)]


class Started(nn.Module):
    """A recurrent layer that takes its state as further arguments, an LSTM's as a pair."""

    def __init__(self, layer):
        super().__init__()
        self.of = layer

    def named_parameters(self, *args, **kwargs):
        return self.of.named_parameters(*args, **kwargs)

    def forward(self, x, *start):
        return self.of(x, start if len(start) > 1 else start[0])


OPTIONS = {
    "plain": {},
    "deep": {"num_layers": 2},
    "both-ways": {"bidirectional": True},
    "deep-both-ways": {"num_layers": 2, "bidirectional": True},
    "without-bias": {"bias": False},
}


@fact(*LAYERS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("started", [False, True], ids=["from-zero", "from-a-state"])
def test_computes_its_gates_step_by_step(device, kind, options, started):
    """`RNN`, `LSTM` and `GRU` follow their documented gates, layer by layer, from zeros or the state that is given."""
    said = OPTIONS[options]
    plan = {"layers": said.get("num_layers", 1), "ways": (1, -1) if "bidirectional" in said else (1,)}
    layer = getattr(nn, kind)(INPUTS, HIDDEN, **said)
    start = states(kind, plan["layers"] * len(plan["ways"])) if started else []
    follows(
        device,
        Started(layer) if started else layer,
        lambda x, *start, **weights: network(kind, x, start or None, **plan, **weights),
        fractions(STEPS, BATCH, INPUTS),
        *start,
    )
    assert ("bias_ih_l0" in dict(layer.named_parameters())) == said.get("bias", True)


@fact(*LAYERS)
@pytest.mark.parametrize("kind", KINDS)
def test_takes_the_batch_first_when_told(device, kind):
    """`RNN`, `LSTM` and `GRU` with `batch_first=True` take and give (batch, time, features), but states as ever."""
    layer = getattr(nn, kind)(INPUTS, HIDDEN, batch_first=True, device=device, dtype=torch.float64)
    x = fractions(BATCH, STEPS, INPUTS)
    weights = {name: value.detach().cpu().numpy() for name, value in layer.named_parameters()}
    y, *ends = network(kind, x, batch_first=True, **weights)
    got, state = layer(torch.tensor(x, device=device))
    close(got.detach(), y, roundings=200, scale=1)
    close((state[0] if kind == "LSTM" else state).detach(), ends[0], roundings=200, scale=1)


@fact(*LAYERS)
@pytest.mark.parametrize("kind", KINDS)
def test_takes_a_sequence_without_a_batch(device, kind):
    """`RNN`, `LSTM` and `GRU` give a sequence without a batch dimension what they give a batch of one."""
    layer = getattr(nn, kind)(INPUTS, HIDDEN, device=device, dtype=torch.float64)
    x = torch.tensor(fractions(STEPS, INPUTS), device=device)
    y, state = layer(x)
    batch, batch_state = layer(x.unsqueeze(1))
    state, batch_state = (state[0], batch_state[0]) if kind == "LSTM" else (state, batch_state)
    same(y, batch.squeeze(1))
    same(state, batch_state.squeeze(1))


@fact("torch.nn.RNN")
def test_rnn_may_use_relu(device):
    """`RNN(nonlinearity="relu")` takes the positive part instead of tanh."""
    relu = lambda x, state, *weights: rnn_step(x, state, *weights, squash=lambda x: numpy.maximum(x, 0))  # noqa: E731
    layer = nn.RNN(INPUTS, HIDDEN, nonlinearity="relu")
    follows(
        device, layer, lambda x, **weights: network("RNN", x, step=relu, **weights), fractions(STEPS, BATCH, INPUTS)
    )


@fact("torch.nn.RNN", "torch.nn.RNNCell")
@pytest.mark.parametrize("kind", ["RNN", "RNNCell"])
def test_rnn_refuses_another_nonlinearity(device, kind):
    """`RNN` and `RNNCell` refuse `nonlinearity="gelu"` as "Unknown nonlinearity"."""
    x = torch.ones(1, INPUTS, device=device)
    with pytest.raises((ValueError, RuntimeError), match="Unknown nonlinearity"):
        getattr(nn, kind)(INPUTS, HIDDEN, nonlinearity="gelu", device=device)(x)


@fact("torch.nn.LSTM")
def test_lstm_may_project_its_output(device):
    """`LSTM(proj_size=2)` multiplies its output, and what it feeds back, by one more weight, but not the cell."""
    follows(
        device,
        nn.LSTM(INPUTS, HIDDEN, proj_size=2),
        lambda x, **weights: network("LSTM", x, outputs=2, **weights),
        fractions(STEPS, BATCH, INPUTS),
    )


@fact("torch.nn.LSTM")
def test_lstm_projects_to_less_than_its_hidden_size():
    """`LSTM` refuses a `proj_size` of its hidden size: "proj_size has to be smaller than hidden_size"."""
    with pytest.raises(ValueError, match="proj_size has to be smaller than hidden_size"):
        nn.LSTM(INPUTS, HIDDEN, proj_size=HIDDEN)


@fact("torch.nn.RNN", "torch.nn.GRU")
@pytest.mark.parametrize("kind", ["RNN", "GRU"])
def test_lstm_alone_projects(kind):
    """`RNN` and `GRU` refuse a `proj_size`, which is "only supported for LSTM"."""
    with pytest.raises(ValueError, match="proj_size argument is only supported for LSTM"):
        getattr(nn, kind)(INPUTS, HIDDEN, proj_size=2)


CELLS = {"RNNCell": "RNN", "LSTMCell": "LSTM", "GRUCell": "GRU"}


@fact("torch.nn.RNNCell", "torch.nn.LSTMCell", "torch.nn.GRUCell")
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "without-bias"])
@pytest.mark.parametrize("started", [False, True], ids=["from-zero", "from-a-state"])
def test_cell_is_one_step(device, cell, bias, started):
    """`RNNCell`, `LSTMCell` and `GRUCell` are one step of `RNN`, `LSTM` and `GRU`."""
    kind = CELLS[cell]
    start = [each[0] for each in states(kind, 1)] if started else []

    def formula(x, *start, weight_ih, weight_hh, bias_ih=0.0, bias_hh=0.0):
        zeros = (numpy.zeros((BATCH, HIDDEN)),) * (1 + (kind == "LSTM"))
        return STEP[kind](x, start or zeros, weight_ih, weight_hh, bias_ih, bias_hh)

    layer = getattr(nn, cell)(INPUTS, HIDDEN, bias=bias)
    follows(device, Started(layer) if started else layer, formula, fractions(BATCH, INPUTS), *start)
    assert ("bias_ih" in dict(layer.named_parameters())) == bias


@fact("torch.nn.RNNCell")
def test_cell_may_use_relu(device):
    """`RNNCell(nonlinearity="relu")` takes the positive part instead of tanh."""
    follows(
        device,
        nn.RNNCell(INPUTS, HIDDEN, nonlinearity="relu"),
        lambda x, weight_ih, weight_hh, bias_ih, bias_hh: numpy.maximum(x @ weight_ih.T + bias_ih + bias_hh, 0),
        fractions(BATCH, INPUTS),
    )


@fact("torch.nn.RNNCell", "torch.nn.LSTMCell", "torch.nn.GRUCell")
@pytest.mark.parametrize("cell", CELLS)
def test_cell_refuses_another_size(device, cell):
    """`RNNCell`, `LSTMCell` and `GRUCell` refuse an input of another size: "inconsistent input_size"."""
    with pytest.raises(RuntimeError, match="input has inconsistent input_size"):
        getattr(nn, cell)(INPUTS, HIDDEN, device=device)(torch.ones(1, INPUTS + 1, device=device))


@fact(*LAYERS, "torch.nn.RNNBase")
@pytest.mark.parametrize("kind", [*KINDS, "RNNBase"])
def test_is_made_on_the_device_that_it_is_told(kind):
    """`RNN`, `LSTM`, `GRU` and `RNNBase` make their parameters on `device`, such as "meta"."""
    mode = ["GRU"] if kind == "RNNBase" else []
    layer = getattr(nn, kind)(*mode, INPUTS, HIDDEN, device="meta")
    assert {each.device.type for each in layer.parameters()} == {"meta"}


@fact(*LAYERS)
@pytest.mark.parametrize("kind", KINDS)
def test_refuses_another_size(device, kind):
    """`RNN`, `LSTM` and `GRU` refuse an input of another size than their `input_size`."""
    with pytest.raises((RuntimeError, ValueError), match="input.size.*must be equal to input_size|Expected"):
        getattr(nn, kind)(INPUTS, HIDDEN, device=device)(torch.ones(1, 1, INPUTS + 1, device=device))


@fact(*LAYERS)
@pytest.mark.parametrize("kind", KINDS)
def test_refuses_a_state_of_another_shape(device, kind):
    """`RNN`, `LSTM` and `GRU` refuse a first state of another shape than their own: "Expected hidden"."""
    layer, wrong = getattr(nn, kind)(INPUTS, HIDDEN, device=device), torch.ones(1, 1, HIDDEN + 1, device=device)
    with pytest.raises(RuntimeError, match=r"Expected hidden(\[0\])? size"):
        layer(torch.ones(1, 1, INPUTS, device=device), (wrong, wrong) if kind == "LSTM" else wrong)


def starts_from_zero(patch):
    patch.setattr(nn.init, "uniform_", lambda x, *given: nn.init.zeros_(x))


@fact(*LAYERS, refuter=starts_from_zero)
@pytest.mark.parametrize("kind", KINDS)
def test_starts_with_small_uniform_numbers(kind):
    """`RNN`, `LSTM` and `GRU` start all parameters between plus and minus 1 / sqrt(hidden_size)."""
    layer = getattr(nn, kind)(8, 16)
    numbers = torch.cat([parameter.detach().flatten() for parameter in layer.parameters()]).double()
    assert 0.24 < numbers.abs().max().item() <= 0.25
    assert abs(numbers.mean().item()) < 6 * 0.25 / math.sqrt(3 * len(numbers))


@fact(*LAYERS)
@pytest.mark.parametrize("kind", KINDS)
def test_names_its_parameters_by_layer_and_direction(kind):
    """`RNN`, `LSTM` and `GRU` name their parameters by layer and direction, such as `weight_ih_l0_reverse`."""
    layer = getattr(nn, kind)(2, 3, num_layers=2, bidirectional=True)
    gates = {"RNN": 1, "LSTM": 4, "GRU": 3}[kind]
    want = {}
    for place in ("l0", "l0_reverse", "l1", "l1_reverse"):
        want[f"weight_ih_{place}"] = (gates * 3, 2 if "l0" in place else 6)
        want[f"weight_hh_{place}"] = (gates * 3, 3)
        want[f"bias_ih_{place}"] = want[f"bias_hh_{place}"] = (gates * 3,)
    assert {name: tuple(value.shape) for name, value in layer.named_parameters()} == want


@fact(*LAYERS)
@pytest.mark.parametrize("kind", KINDS)
def test_dropout_is_between_layers(device, kind):
    """`RNN`, `LSTM` and `GRU` with `dropout` drop, in training only, the outputs of all layers but the last."""
    layer = getattr(nn, kind)(INPUTS, HIDDEN, num_layers=2, dropout=1.0, device=device)
    x = torch.tensor(fractions(1, 4, INPUTS), device=device, dtype=torch.float32)
    y = layer(x)[0]
    same(y, y[:, :1].expand(y.shape))
    assert layer.eval()(x)[0].std(1).min() > 0


@fact(*LAYERS, hint="dropout needs two layers")
@pytest.mark.parametrize("kind", KINDS)
def test_dropout_of_one_layer_warns(kind):
    """`RNN`, `LSTM` and `GRU` of one layer warn of `dropout` that it "adds dropout after all but last" layer."""
    with pytest.warns(UserWarning, match="dropout option adds dropout after all but last"):
        getattr(nn, kind)(INPUTS, HIDDEN, dropout=0.5)


@fact(*LAYERS, hint="dropout needs two layers", myth="the dropout of an LSTM is applied to its last layer too")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:dropout option adds dropout")
def test_dropout_of_one_layer_does_nothing(kind):
    """`RNN`, `LSTM` and `GRU` of one layer drop nothing in training, whatever `dropout` says."""
    layer, x = getattr(nn, kind)(INPUTS, HIDDEN, dropout=0.5), torch.ones(2, 1, INPUTS)
    same(layer.train()(x)[0], layer.eval()(x)[0])


WAYS = pytest.mark.parametrize("ways", [(1,), (1, -1)], ids=["one-way", "both-ways"])


def of_packed(device, kind, ways):
    """What a layer gives for three packed sequences, its state, and the formula's results for each sequence alone."""
    layer = getattr(nn, kind)(INPUTS, HIDDEN, bidirectional=len(ways) == 2, device=device, dtype=torch.float64)
    sequences = [torch.tensor(fractions(length, INPUTS, seed=length), device=device) for length in (2, 4, 1)]
    y, state = layer(rnn.pack_sequence(sequences, enforce_sorted=False))
    weights = {name: value.detach().cpu().numpy() for name, value in layer.named_parameters()}
    return y, state, [network(kind, each.cpu().numpy()[:, None], ways=ways, **weights) for each in sequences]


@fact(*LAYERS, myth="padding must be masked by hand")
@pytest.mark.parametrize("kind", KINDS)
@WAYS
def test_of_packed_sequences_is_that_of_each_alone(device, kind, ways):
    """`RNN`, `LSTM` and `GRU` of packed sequences of unequal length give each the outputs that it has alone."""
    y, _, alone = of_packed(device, kind, ways)
    padded, lengths = rnn.pad_packed_sequence(y)
    got = torch.cat([padded[:length, place] for place, length in enumerate(lengths)])
    close(got.detach(), numpy.concatenate([want[:, 0] for want, *_ in alone]), roundings=200, scale=1)


@fact(*LAYERS, myth="the last state of a padded sequence is that after the padding")
@pytest.mark.parametrize("kind", KINDS)
@WAYS
def test_of_packed_sequences_has_each_state_at_its_own_end(device, kind, ways):
    """`RNN`, `LSTM` and `GRU` of packed sequences of unequal length give the state of each at its own last step."""
    _, state, alone = of_packed(device, kind, ways)
    ends = numpy.concatenate([last for _, last, *_ in alone], axis=1)
    close((state[0] if kind == "LSTM" else state).detach(), ends, roundings=200, scale=1)


@fact(*LAYERS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_of_a_reduced_dtype_is_near_the_exact_one(device, kind, dtype):
    """`RNN`, `LSTM` and `GRU` of float32 or bfloat16 give that dtype, near what they give in float64."""
    layer = getattr(nn, kind)(INPUTS, HIDDEN, device=device, dtype=dtype)
    x = torch.tensor(fractions(STEPS, BATCH, INPUTS), device=device).to(dtype)
    weights = {name: value.detach().double().cpu().numpy() for name, value in layer.named_parameters()}
    y = layer(x)[0]
    assert y.dtype == dtype
    close(y.detach(), network(kind, x.double().cpu().numpy(), **weights)[0], roundings=64, scale=1)


@fact("torch.nn.RNNBase")
@pytest.mark.parametrize(("mode", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN_TANH", 1), ("RNN_RELU", 1)])
def test_base_makes_the_parameters_of_its_mode(device, mode, gates):
    """`RNNBase` makes weights and biases of the mode, size, directions and dtype that it is told."""
    layer = nn.RNNBase(mode, INPUTS, 4, num_layers=2, bidirectional=True, device=device, dtype=torch.float64)
    want = [
        shape
        for width in (INPUTS, INPUTS, 8, 8)
        for shape in ((gates * 4, width), (gates * 4, 4), (gates * 4,), (gates * 4,))
    ]
    assert [(tuple(each.shape), each.dtype) for each in layer.parameters()] == [(each, torch.float64) for each in want]


@fact("torch.nn.RNNBase", refuter=starts_from_zero)
def test_base_starts_with_small_numbers(device):
    """`RNNBase` starts all parameters between plus and minus 1 / sqrt(hidden_size)."""
    layer = nn.RNNBase("LSTM", INPUTS, 4, device=device)
    assert 0.25 < max(each.abs().max() for each in layer.parameters()) <= 0.5


@fact("torch.nn.RNNBase")
def test_base_refuses_another_mode():
    """`RNNBase` refuses a mode that is none of LSTM, GRU, RNN_TANH and RNN_RELU."""
    with pytest.raises(ValueError, match="Unrecognized RNN mode: RNN"):
        nn.RNNBase("RNN", INPUTS, HIDDEN)
