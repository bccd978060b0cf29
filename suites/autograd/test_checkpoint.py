"""What `torch.utils.checkpoint` computes, saves, draws and runs again; what it costs in time is in test_cost."""

import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.fixtures.meters import saved_bytes
from torchproof.fixtures.work import leaf

MODES = pytest.mark.parametrize("use_reentrant", [False, True], ids=["non_reentrant", "reentrant"])


@fact("torch.utils.checkpoint.checkpoint")
@MODES
def test_changes_neither_value_nor_gradient(device, use_reentrant):
    """A function run by `checkpoint` has the value and the gradients that it has without."""
    x, w = leaf(2.0, 3.0, device=device), leaf(5.0, device=device)
    y = torch.utils.checkpoint.checkpoint(lambda x, by: x * x * w * by, x, 2, use_reentrant=use_reentrant)
    y.sum().backward()
    same(y.detach(), torch.tensor([40.0, 90.0]))
    same(x.grad, torch.tensor([40.0, 60.0]))
    same(w.grad, torch.tensor([26.0]))


@fact("torch.utils.checkpoint.checkpoint")
@MODES
def test_runs_the_function_again_in_backward(device, use_reentrant):
    """A function given to `checkpoint` runs once forward, and once more in `backward`."""
    calls = []

    def function(x):
        calls.append(torch.is_grad_enabled())
        return x.exp().sin()

    y = torch.utils.checkpoint.checkpoint(function, leaf(2.0, device=device), use_reentrant=use_reentrant)
    before = len(calls)
    y.sum().backward()
    assert (before, len(calls), calls[-1]) == (1, 2, True)


@fact("torch.utils.checkpoint.checkpoint")
@MODES
@pytest.mark.parametrize("depth", [2, 8])
def test_saves_only_the_input(device, use_reentrant, depth):
    """`checkpoint` saves no more than its input for backward, be it of two layers or of eight."""
    model = nn.Sequential(*[nn.Sigmoid() for _ in range(depth)])
    x = torch.ones(3, 4, device=device, requires_grad=True)
    with saved_bytes() as saved:
        torch.utils.checkpoint.checkpoint(model, x, use_reentrant=use_reentrant)
    assert saved.total <= 12 * 4


@fact("torch.utils.checkpoint.checkpoint", source="checkpoint")
@MODES
def test_draws_the_same_numbers_again(device, use_reentrant):
    """`checkpoint` draws the same random numbers in its second run: `dropout` drops the same elements again."""
    x = torch.ones(64, device=device, requires_grad=True)
    y = torch.utils.checkpoint.checkpoint(nn.functional.dropout, x, use_reentrant=use_reentrant)
    torch.rand(3, device=device)
    y.sum().backward()
    same(x.grad, y.detach())
    assert sorted(set(y.tolist())) == [0.0, 2.0]


@fact("torch.utils.checkpoint.checkpoint", hint="keep preserve_rng_state=True, the default, where there is dropout")
@MODES
def test_without_the_state_of_the_generator_draws_others(device, use_reentrant):
    """`checkpoint(preserve_rng_state=False)` of `dropout` gives the gradient of other random numbers than its value."""
    x = torch.ones(64, device=device, requires_grad=True)
    y = torch.utils.checkpoint.checkpoint(
        nn.functional.dropout, x, use_reentrant=use_reentrant, preserve_rng_state=False
    )
    y.sum().backward()
    assert x.grad.tolist() != y.tolist()
    assert sorted(set(x.grad.tolist())) == [0.0, 2.0]


@fact("torch.utils.checkpoint.checkpoint", source="checkpoint", hint="pass use_reentrant=False")
def test_of_inputs_without_gradient_loses_those_of_parameters(device):
    """`checkpoint(use_reentrant=True)` of an input without grad cuts parameters off: "Gradients will be None"."""
    x, w = torch.tensor([2.0], device=device), leaf(5.0, device=device)
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        y = torch.utils.checkpoint.checkpoint(lambda x: x * w, x, use_reentrant=True)
    assert not y.requires_grad


@fact("torch.utils.checkpoint.checkpoint", source="checkpoint")
def test_of_inputs_without_gradient_can_keep_those_of_parameters(device):
    """`checkpoint(use_reentrant=False)` of an input that does not require grad gives parameters their gradients."""
    x, w = torch.tensor([2.0], device=device), leaf(5.0, device=device)
    torch.utils.checkpoint.checkpoint(lambda x: x * w, x, use_reentrant=False).sum().backward()
    same(w.grad, torch.tensor([2.0]))


@fact("torch.utils.checkpoint.checkpoint", source="checkpoint", hint="call backward(), or pass use_reentrant=False")
def test_reentrant_refuses_grad(device):
    """`autograd.grad` through `checkpoint(use_reentrant=True)` is refused: "incompatible with .grad()"."""
    x = leaf(2.0, device=device)
    y = torch.utils.checkpoint.checkpoint(torch.exp, x, use_reentrant=True).sum()
    with pytest.raises(RuntimeError, match=r"(not |in)compatible with \.grad\(\)"):
        torch.autograd.grad(y, x)


@fact("torch.utils.checkpoint.checkpoint", source="checkpoint")
def test_without_reentry_takes_grad(device):
    """`autograd.grad` goes through `checkpoint(use_reentrant=False)`."""
    x = leaf(2.0, device=device)
    y = torch.utils.checkpoint.checkpoint(torch.square, x, use_reentrant=False).sum()
    same(torch.autograd.grad(y, x)[0], torch.tensor([4.0]))


@fact("torch.utils.checkpoint.checkpoint", source="checkpoint", since="2.1",
      calls="use_reentrant=False, catches RuntimeError|CheckpointError")  # fmt: skip
def test_refuses_to_recompute_another_graph(device):
    """`checkpoint(use_reentrant=False)` refuses a second run with "A different number of tensors was saved"."""
    calls = []

    def function(x):
        calls.append("once more")
        return x.sin().exp().cos() if len(calls) == 1 else x.sin()

    x = leaf(2.0, device=device)
    with pytest.raises(RuntimeError, match="A different number of tensors was saved"):
        torch.utils.checkpoint.checkpoint(function, x, use_reentrant=False).backward()


@fact(
    "torch.utils.checkpoint.checkpoint",
    since="2.1",
    calls="not use_reentrant",
    source="checkpoint",
    hint="pass use_reentrant explicitly",
)
def test_warns_where_the_mode_is_not_said(device):
    """`checkpoint` without `use_reentrant` warns that it has to be said."""
    x = leaf(2.0, device=device)
    with pytest.warns(Warning, match="use_reentrant"):
        y = torch.utils.checkpoint.checkpoint(torch.exp, x)
    y.sum().backward()
    same(x.grad, x.detach().exp())


@fact("torch.utils.checkpoint.checkpoint", hint="use functools.partial for what it does not take")
@MODES
def test_hands_on_its_arguments(device, use_reentrant):
    """`checkpoint` hands positional arguments on to the function, None and numbers among them."""
    x = leaf(2.0, device=device)
    y, z = torch.utils.checkpoint.checkpoint(
        lambda x, by, none: (x * by, none), x, 3, None, use_reentrant=use_reentrant
    )
    y.sum().backward()
    assert (y.item(), z, x.grad.item()) == (6.0, None, 3.0)


@fact("torch.utils.checkpoint.checkpoint")
def test_hands_on_keywords(device):
    """`checkpoint(use_reentrant=False)` hands keyword arguments on to the function."""
    x = leaf(2.0, device=device)
    y = torch.utils.checkpoint.checkpoint(lambda x, *, by: x * by, x, by=3, use_reentrant=False)
    y.sum().backward()
    same(x.grad, torch.tensor([3.0]))


@fact("torch.utils.checkpoint.checkpoint", hint="use functools.partial, or pass use_reentrant=False")
def test_reentrant_refuses_keywords(device):
    """`checkpoint(use_reentrant=True)` refuses keywords of its function: "Unexpected keyword arguments"."""
    x = leaf(2.0, device=device)
    with pytest.raises(ValueError, match="Unexpected keyword arguments: by"):
        torch.utils.checkpoint.checkpoint(lambda x, *, by: x * by, x, by=3, use_reentrant=True)


@fact("torch.utils.checkpoint.checkpoint_sequential")
@pytest.mark.parametrize("segments", [1, 2, 3])
def test_of_a_sequence_changes_neither_value_nor_gradient(device, segments):
    """`checkpoint_sequential` in one to three segments gives the value and the gradient of the sequence."""
    x = leaf(1.0, 2.0, device=device)
    layers = [lambda x, by=by: x * x * by for by in (1, 2, 3)]
    y = torch.utils.checkpoint.checkpoint_sequential(layers, segments, x, use_reentrant=False)
    y.sum().backward()
    same(y.detach(), torch.tensor([12.0, 3.0 * 32.0**2]))
    same(x.grad, torch.tensor([96.0, 96.0 * 2.0**7]))


@fact("torch.utils.checkpoint.checkpoint_sequential")
@pytest.mark.parametrize(("segments", "again"), [(1, []), (2, [1]), (3, [1, 2])], ids=["one", "two", "three"])
def test_of_a_sequence_runs_all_but_the_last_segment_again(device, segments, again):
    """`checkpoint_sequential` runs all segments but the last again in `backward`."""
    calls, x = [], leaf(1.0, 2.0, device=device)
    layers = [lambda x, by=by: calls.append(by) or x.exp() for by in (1, 2, 3)]
    y = torch.utils.checkpoint.checkpoint_sequential(layers, segments, x, use_reentrant=False)
    forward = list(calls)
    y.sum().backward()
    assert (forward, sorted(calls[3:])) == ([1, 2, 3], again)


@fact("torch.utils.checkpoint.set_checkpoint_early_stop", source="checkpoint")
@pytest.mark.parametrize(("stop", "again"), [(True, []), (False, ["in", "out"])], ids=["stop", "go_on"])
def test_stops_as_soon_as_it_has_what_it_needs(device, stop, again):
    """The second run of `checkpoint` ends where no more is needed, unless under `set_checkpoint_early_stop(False)`."""
    ran = []

    def function(x):
        y = x.sin()
        ran.append("in")
        y = y + 1
        ran.append("out")
        return y

    with torch.utils.checkpoint.set_checkpoint_early_stop(stop):
        y = torch.utils.checkpoint.checkpoint(function, leaf(2.0, device=device), use_reentrant=False)
    y.sum().backward()
    assert ran == ["in", "out", *again]
