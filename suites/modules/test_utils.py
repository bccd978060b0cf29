"""`torch.nn.utils`: padded and packed sequences, parameters as a vector, fused layers, parametrizations and pruning."""

import math

import numpy
import pytest
import torch
from torch import nn
from torch.nn import utils
from torch.nn.utils import prune, rnn

from torchproof import close, fact, same


def rows(device, *lengths):
    """Sequences of these lengths, in which every number tells its sequence and its place."""
    return [
        torch.arange(10.0 * (number + 1), 10.0 * (number + 1) + length, device=device)
        for number, length in enumerate(lengths)
    ]


@fact("torch.nn.utils.rnn.pad_sequence")
@pytest.mark.parametrize("batch_first", [False, True])
def test_pad_sequence_fills_up_behind(device, batch_first):
    """`pad_sequence` fills short sequences up behind with `padding_value`, which is 0 unless told."""
    y = rnn.pad_sequence(rows(device, 2, 3), batch_first=batch_first, padding_value=-1.0)
    want = torch.tensor([[10.0, 11.0, -1.0], [20.0, 21.0, 22.0]])
    same(y, want if batch_first else want.T)
    same(rnn.pad_sequence(rows(device, 1, 2), True), torch.tensor([[10.0, 0.0], [20.0, 21.0]]))


@fact("torch.nn.utils.rnn.unpad_sequence")
@pytest.mark.parametrize("batch_first", [False, True])
def test_unpad_sequence_takes_the_filling_off(device, batch_first):
    """`unpad_sequence` gives back the sequences that were padded, by their lengths."""
    padded = rnn.pad_sequence(rows(device, 2, 3), batch_first=batch_first)
    a, b = rnn.unpad_sequence(padded, torch.tensor([2, 3]), batch_first=batch_first)
    same(a, torch.tensor([10.0, 11.0]))
    same(b, torch.tensor([20.0, 21.0, 22.0]))


@fact("torch.nn.utils.rnn.pack_sequence", "torch.nn.utils.rnn.pack_padded_sequence")
@pytest.mark.parametrize("padded", [False, True], ids=["sequences", "padded"])
def test_packing_goes_by_time(device, padded):
    """`pack_sequence` and `pack_padded_sequence` hold all first steps, longest sequence first, then all second ones."""
    sequences = rows(device, 1, 3, 2)
    if padded:
        packed = rnn.pack_padded_sequence(rnn.pad_sequence(sequences), torch.tensor([1, 3, 2]), enforce_sorted=False)
    else:
        packed = rnn.pack_sequence(sequences, enforce_sorted=False)
    same(packed.data, torch.tensor([20.0, 30.0, 10.0, 21.0, 31.0, 22.0]))
    assert packed.batch_sizes.tolist() == [3, 2, 1]
    assert (packed.sorted_indices.tolist(), packed.unsorted_indices.tolist()) == ([1, 2, 0], [2, 0, 1])


@fact("torch.nn.utils.rnn.pack_sequence", "torch.nn.utils.rnn.pack_padded_sequence", hint="enforce_sorted=False")
@pytest.mark.parametrize("padded", [False, True], ids=["sequences", "padded"])
def test_packing_wants_the_longest_first(device, padded):
    """`pack_sequence` and `pack_padded_sequence` want the longest first: "must be sorted in decreasing order"."""
    sequences = rows(device, 1, 2)
    with pytest.raises(RuntimeError, match="must be sorted in decreasing order"):
        rnn.pack_padded_sequence(rnn.pad_sequence(sequences), [1, 2]) if padded else rnn.pack_sequence(sequences)


@fact("torch.nn.utils.rnn.pad_packed_sequence")
@pytest.mark.parametrize("batch_first", [False, True])
def test_padding_undoes_packing(device, batch_first):
    """`pad_packed_sequence` gives the padded sequences in their first order, with their lengths."""
    packed = rnn.pack_sequence(rows(device, 1, 2), enforce_sorted=False)
    y, lengths = rnn.pad_packed_sequence(packed, batch_first=batch_first, padding_value=-1.0, total_length=3)
    want = torch.tensor([[10.0, -1.0, -1.0], [20.0, 21.0, -1.0]])
    same(y, want if batch_first else want.T)
    assert lengths.tolist() == [1, 2]


@fact("torch.nn.utils.rnn.unpack_sequence")
def test_unpack_sequence_gives_the_sequences(device):
    """`unpack_sequence` gives the sequences in their first order."""
    a, b = rnn.unpack_sequence(rnn.pack_sequence(rows(device, 1, 2), enforce_sorted=False))
    same(a, torch.tensor([10.0]))
    same(b, torch.tensor([20.0, 21.0]))


@fact("torch.nn.utils.parameters_to_vector")
def test_parameters_become_a_vector(device):
    """`parameters_to_vector` joins all parameters in order, to which it passes its gradient on."""
    layer = nn.Linear(2, 1, device=device)
    layer.load_state_dict({"weight": torch.tensor([[1.0, 2.0]]), "bias": torch.tensor([3.0])})
    vector = utils.parameters_to_vector(layer.parameters())
    same(vector.detach(), torch.tensor([1.0, 2.0, 3.0]))
    vector.backward(torch.tensor([4.0, 5.0, 6.0], device=device))
    same(layer.weight.grad, torch.tensor([[4.0, 5.0]]))
    same(layer.bias.grad, torch.tensor([6.0]))


@fact("torch.nn.utils.vector_to_parameters")
def test_vector_becomes_the_parameters(device):
    """`vector_to_parameters` divides a vector among the parameters in order."""
    layer = nn.Linear(2, 1, device=device)
    utils.vector_to_parameters(torch.tensor([10.0, 20.0, 30.0], device=device), layer.parameters())
    same(layer.weight.detach(), torch.tensor([[10.0, 20.0]]))
    same(layer.bias.detach(), torch.tensor([30.0]))


@fact("torch.nn.utils.skip_init")
def test_skip_init_makes_a_layer_on_its_device(device):
    """`skip_init` makes a layer of its shapes on the device that it is told, without drawing numbers."""
    before = torch.get_rng_state()
    assert utils.skip_init(nn.Linear, 2, 3, device="meta").weight.is_meta
    layer = utils.skip_init(nn.Linear, 2, 3, bias=False, device=device)
    same(torch.get_rng_state(), before)
    assert (type(layer), layer.weight.shape, layer.weight.is_meta, layer.bias) == (nn.Linear, (3, 2), False, None)


@fact("torch.nn.utils.skip_init")
def test_skip_init_leaves_what_was_in_memory(device, monkeypatch):
    """`skip_init` leaves in the parameters of a layer what was in the memory that they got."""
    monkeypatch.setattr(torch, "empty_like", lambda like, device: torch.full(like.shape, 2.5, device=device))
    layer = utils.skip_init(nn.Linear, 2, 3, bias=False, device=device)
    same(layer.weight.detach(), torch.full((3, 2), 2.5))


def normed(dims):
    """A normalisation in evaluation with statistics of its own."""
    norm = getattr(nn, f"BatchNorm{dims}d")(2, eps=0.5).eval()
    values = {"weight": [2.0, -1.0], "bias": [0.5, 1.0], "running_mean": [1.0, -2.0], "running_var": [3.5, 0.5]}
    norm.load_state_dict({name: torch.tensor(value) for name, value in values.items()}, strict=False)
    return norm


@fact("torch.nn.utils.fuse_conv_bn_eval", "torch.nn.utils.fuse_linear_bn_eval")
@pytest.mark.parametrize("kind", ["conv", "linear"])
def test_fused_layer_does_what_both_did(device, kind):
    """`fuse_conv_bn_eval` and `fuse_linear_bn_eval` give a layer that does, but for rounding, what both did."""
    layer, norm, x = {
        "conv": (nn.Conv2d(1, 2, 2), normed(2), torch.rand(2, 1, 3, 3)),
        "linear": (nn.Linear(3, 2), normed(1), torch.rand(2, 3)),
    }[kind]
    fused = getattr(utils, f"fuse_{kind}_bn_eval")(layer.eval(), norm).to(device)
    want = norm(layer(x)).detach().double().numpy()
    assert type(fused) is type(layer)
    close(fused(x.to(device)).detach(), want, roundings=64, scale=8)


@fact("torch.nn.utils.fuse_conv_bn_eval", "torch.nn.utils.fuse_linear_bn_eval")
@pytest.mark.parametrize(
    ("kind", "layer", "dims"), [("conv", nn.Conv2d(1, 2, 2), 2), ("linear", nn.Linear(3, 2), 1)], ids=["conv", "linear"]
)
def test_fusing_is_of_evaluation(kind, layer, dims):
    """`fuse_conv_bn_eval` and `fuse_linear_bn_eval` refuse layers in training mode: "Fusion only for eval"."""
    with pytest.raises(AssertionError, match="Fusion only for eval"):
        getattr(utils, f"fuse_{kind}_bn_eval")(layer.train(), normed(dims))


# --- parametrizations -------------------------------------------------------------------------------------------------


class Double(nn.Module):
    def forward(self, x):
        return 2 * x

    def right_inverse(self, x):
        return x / 2


def layer_of(device, *numbers):
    layer = nn.Linear(len(numbers[0]), len(numbers), bias=False, device=device)
    layer.weight.data.copy_(torch.tensor(numbers))
    return layer


@fact("torch.nn.utils.parametrize.register_parametrization", "torch.nn.utils.parametrize.is_parametrized")
def test_parametrized_weight_is_computed(device):
    """A weight of `register_parametrization` is computed at each use from its original, which gets the gradient."""
    layer = layer_of(device, [1.0, 2.0])
    assert not utils.parametrize.is_parametrized(layer)
    assert utils.parametrize.register_parametrization(layer, "weight", Double()) is layer
    same(layer.weight.detach(), torch.tensor([[1.0, 2.0]]))
    with torch.no_grad():
        layer.parametrizations.weight.original.copy_(torch.tensor([[5.0, 6.0]]))
    y = layer(torch.tensor([1.0, 10.0], device=device))
    y.backward()
    same(y.detach(), torch.tensor([130.0]))
    same(layer.parametrizations.weight.original.grad, torch.tensor([[2.0, 20.0]]))
    assert (utils.parametrize.is_parametrized(layer, "weight"), utils.parametrize.is_parametrized(layer, "bias")) == (
        True,
        False,
    )


@fact("torch.nn.utils.parametrize.register_parametrization")
def test_parametrized_weight_can_be_set(device):
    """A weight of `register_parametrization` is assigned through `right_inverse`."""
    layer = layer_of(device, [1.0, 2.0])
    utils.parametrize.register_parametrization(layer, "weight", Double())
    layer.weight = torch.tensor([[8.0, 6.0]], device=device)
    same(layer.parametrizations.weight.original.detach(), torch.tensor([[4.0, 3.0]]))
    same(layer.weight.detach(), torch.tensor([[8.0, 6.0]]))


@fact("torch.nn.utils.parametrize.remove_parametrizations")
@pytest.mark.parametrize("leave_parametrized", [True, False], ids=["computed", "original"])
def test_parametrization_can_be_removed(device, leave_parametrized):
    """`remove_parametrizations` leaves the weight as it was computed, or its original if `leave_parametrized=False`."""
    layer = layer_of(device, [1.0, 2.0])
    utils.parametrize.register_parametrization(layer, "weight", Double())
    assert utils.parametrize.remove_parametrizations(layer, "weight", leave_parametrized) is layer
    same(layer.weight.detach(), torch.tensor([[1.0, 2.0]] if leave_parametrized else [[0.5, 1.0]]))
    assert (type(layer), [name for name, _ in layer.named_parameters()]) == (nn.Linear, ["weight"])


@fact("torch.nn.utils.parametrize.register_parametrization")
def test_parametrization_keeps_the_shape(device):
    """`register_parametrization` refuses what changes the shape: it "may not change the shape"."""
    with pytest.raises(ValueError, match="may not change the shape"):
        utils.parametrize.register_parametrization(layer_of(device, [1.0, 2.0]), "weight", nn.Flatten(0))


class Counting(nn.Module):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return x * 1


@fact("torch.nn.utils.parametrize.cached")
def test_cached_computes_once(device):
    """Within `parametrize.cached` a parametrized weight is computed once, and outside of it at each use."""
    layer, counting = layer_of(device, [1.0, 2.0]), Counting()
    utils.parametrize.register_parametrization(layer, "weight", counting)
    calls = []
    with utils.parametrize.cached():
        before = counting.calls
        layer.weight, layer.weight
        calls.append(counting.calls - before)
    before = counting.calls
    layer.weight, layer.weight
    assert [*calls, counting.calls - before] == [1, 2]


@fact("torch.nn.utils.parametrizations.weight_norm")
def test_weight_norm_splits_length_and_direction(device):
    """`parametrizations.weight_norm` makes of a weight its length, row by row, times its direction."""
    layer = utils.parametrizations.weight_norm(layer_of(device, [3.0, 4.0], [6.0, 8.0]))
    length, direction = layer.parametrizations.weight.original0, layer.parametrizations.weight.original1
    close(length.detach(), [[5.0], [10.0]], roundings=8)
    with torch.no_grad():
        length.fill_(1.0)
        direction.mul_(7.0)
    close(layer.weight.detach(), [[0.6, 0.8], [0.6, 0.8]], roundings=16)
    whole = utils.parametrizations.weight_norm(layer_of(device, [3.0, 4.0]), dim=None)
    close(whole.parametrizations.weight.original0.detach(), 5.0, roundings=8)


@fact("torch.nn.utils.parametrizations.orthogonal")
@pytest.mark.parametrize("how", ["matrix_exp", "cayley", "householder"])
def test_orthogonal_has_rows_at_right_angles(device, how):
    """`parametrizations.orthogonal` makes of a square weight one whose rows are of length one and at right angles."""
    layer = nn.Linear(3, 3, bias=False, device=device)
    assert utils.parametrizations.orthogonal(layer, orthogonal_map=how) is layer
    with torch.no_grad():
        close(layer.weight @ layer.weight.T, numpy.eye(3), roundings=64, scale=1)


@fact("torch.nn.utils.parametrizations.orthogonal")
@pytest.mark.parametrize(
    ("how", "angle"), [("matrix_exp", 1.5), ("cayley", 2 * math.atan(0.75))], ids=["matrix_exp", "cayley"]
)
def test_orthogonal_map_turns_by_its_angle(device, how, angle):
    """`orthogonal` of 2 by 2 turns by the number below the diagonal, if "cayley" by twice the arctan of its half."""
    layer = nn.Linear(2, 2, bias=False, device=device)
    utils.parametrizations.orthogonal(layer, orthogonal_map=how, use_trivialization=False)
    layer.parametrizations.weight.original.data.copy_(torch.tensor([[0.0, 0.0], [1.5, 0.0]]))
    want = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    close(layer.weight.detach(), want, roundings=64, scale=1)


@fact("torch.nn.utils.parametrizations.spectral_norm")
def test_spectral_norm_divides_by_the_largest_singular_value(device):
    """`parametrizations.spectral_norm` divides a weight by its largest singular value, after enough iterations."""
    layer = layer_of(device, [3.0, 0.0], [0.0, 2.7])
    assert utils.parametrizations.spectral_norm(layer, n_power_iterations=100) is layer
    close(layer.weight.detach(), [[1.0, 0.0], [0.0, 0.9]], roundings=64, scale=1)
    assert len(layer.parametrizations.weight) == 1


@fact("torch.nn.utils.weight_norm", "torch.nn.utils.remove_weight_norm")
def test_old_weight_norm_has_two_parameters(device):
    """The old `utils.weight_norm` has `weight_g` and `weight_v` in place of `weight`, until it is removed."""
    layer = utils.weight_norm(layer_of(device, [3.0, 4.0]))
    assert [name for name, _ in layer.named_parameters()] == ["weight_g", "weight_v"]
    close(layer.weight_g.detach(), [[5.0]], roundings=8)
    assert utils.remove_weight_norm(layer) is layer
    close(layer.weight.detach(), [[3.0, 4.0]], roundings=8)
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


@fact("torch.nn.utils.weight_norm", since="2.1", calls="any", hint="use torch.nn.utils.parametrizations.weight_norm")
def test_old_weight_norm_warns():
    """The old `utils.weight_norm` warns that it is deprecated in favor of `parametrizations.weight_norm`."""
    with pytest.warns((FutureWarning, UserWarning), match="deprecated in favor of .*parametrizations.weight_norm"):
        utils.weight_norm(nn.Linear(2, 1))


@fact("torch.nn.utils.spectral_norm", "torch.nn.utils.remove_spectral_norm")
def test_old_spectral_norm_keeps_the_original(device):
    """The old `utils.spectral_norm` keeps `weight_orig` and computes `weight` before each call, until it is removed."""
    layer = layer_of(device, [3.0, 0.0], [0.0, 1.5])
    assert utils.spectral_norm(layer, n_power_iterations=30) is layer
    y = layer(torch.tensor([1.0, 2.0], device=device))
    close(y.detach(), [1.0, 1.0], roundings=64, scale=1)
    assert [name for name, _ in layer.named_parameters()] == ["weight_orig"]
    assert utils.remove_spectral_norm(layer) is layer
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    close(layer.weight.detach(), [[1.0, 0.0], [0.0, 0.5]], roundings=64, scale=1)


# --- pruning ----------------------------------------------------------------------------------------------------------

PRUNED = {
    "l1_unstructured": (lambda layer: prune.l1_unstructured(layer, "weight", amount=2), [[0, 5, -4], [3, 0, 6]]),
    "l1_share": (lambda layer: prune.l1_unstructured(layer, "weight", amount=0.5), [[0, 5, -4], [0, 0, 6]]),
    "ln_structured": (
        lambda layer: prune.ln_structured(layer, "weight", amount=1, n=2, dim=1), [[0, 5, -4], [0, 2, 6]],
    ),
    "custom": (
        lambda layer: prune.custom_from_mask(layer, "weight", torch.tensor([[1, 0, 1], [0, 1, 0]])),
        [[1, 0, -4], [0, 2, 0]],
    ),
    "identity": (lambda layer: prune.identity(layer, "weight"), [[1, 5, -4], [3, 2, 6]]),
}  # fmt: skip


@fact(
    *("torch.nn.utils.prune.l1_unstructured", "torch.nn.utils.prune.ln_structured"),
    *("torch.nn.utils.prune.custom_from_mask", "torch.nn.utils.prune.identity"),
    *("torch.nn.utils.prune.remove", "torch.nn.utils.prune.is_pruned"),
)
@pytest.mark.parametrize("how", PRUNED)
def test_pruning_masks_the_weight(how):
    """`prune.l1_unstructured` and its kin multiply the weight by a mask, which `prune.remove` makes final."""
    cut, want = PRUNED[how]
    layer = layer_of("cpu", [1.0, 5.0, -4.0], [3.0, 2.0, 6.0])
    before = prune.is_pruned(layer)
    assert cut(layer) is layer
    same(layer.weight.detach(), torch.tensor(want, dtype=torch.float32))
    same(layer.weight_mask, torch.tensor(want).ne(0).float())
    same(layer.weight_orig.detach(), torch.tensor([[1.0, 5.0, -4.0], [3.0, 2.0, 6.0]]))
    assert (before, prune.is_pruned(layer), prune.remove(layer, "weight") is layer) == (False, True, True)
    same(layer.weight.detach(), torch.tensor(want, dtype=torch.float32))
    assert (list(layer.state_dict()), prune.is_pruned(layer)) == (["weight"], False)


@fact("torch.nn.utils.prune.random_unstructured", "torch.nn.utils.prune.random_structured")
@pytest.mark.parametrize("structured", [False, True], ids=["elements", "rows"])
def test_random_pruning_cuts_as_many_as_told(structured):
    """`prune.random_unstructured` cuts as many elements, and `random_structured` as many rows, as it is told."""
    layer = nn.Linear(10, 8, bias=False)
    if structured:
        assert prune.random_structured(layer, "weight", amount=3, dim=0) is layer
        assert sorted(layer.weight_mask.sum(1).tolist()) == [0.0] * 3 + [10.0] * 5
    else:
        assert prune.random_unstructured(layer, "weight", amount=0.25) is layer
    assert layer.weight_mask.sum().item() == (50 if structured else 60)
    same(layer.weight.detach(), (layer.weight_orig * layer.weight_mask).detach())


@fact("torch.nn.utils.prune.global_unstructured")
def test_global_pruning_compares_all_weights():
    """`global_unstructured` cuts the smallest of all weights together, wherever they are."""
    a, b = layer_of("cpu", [1.0, 2.0]), layer_of("cpu", [3.0, 4.0])
    prune.global_unstructured([(a, "weight"), (b, "weight")], pruning_method=prune.L1Unstructured, amount=3)
    same(a.weight.detach(), torch.tensor([[0.0, 0.0]]))
    same(b.weight.detach(), torch.tensor([[0.0, 4.0]]))


@fact("torch.nn.utils.prune.l1_unstructured", "torch.nn.utils.prune.random_unstructured")
@pytest.mark.parametrize("how", ["l1_unstructured", "random_unstructured"])
@pytest.mark.parametrize(
    ("amount", "words"),
    [(9, "should be smaller than the number of parameters"), (1.5, "in the range"), (-1, "non-negative integer")],
)
def test_pruning_refuses_an_amount(how, amount, words):
    """`prune.l1_unstructured` and `random_unstructured` refuse an amount below 0, a share above 1, or too many."""
    with pytest.raises(ValueError, match=words):
        getattr(prune, how)(layer_of("cpu", [1.0, 2.0]), "weight", amount=amount)
