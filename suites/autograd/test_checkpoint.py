import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.fixtures.meters import saved_bytes

MODES = pytest.mark.parametrize("use_reentrant", [False, True], ids=["non_reentrant", "reentrant"])


def leaf(*numbers, device):
    return torch.tensor(numbers, device=device, requires_grad=True)


@fact("torch.utils.checkpoint.checkpoint")
@MODES
def test_changes_neither_value_nor_gradient(device, use_reentrant):
    """A checkpointed function has the value and the gradients that it has without."""
    x, w = leaf(2.0, 3.0, device=device), leaf(5.0, device=device)
    y = torch.utils.checkpoint.checkpoint(lambda x, by: x * x * w * by, x, 2, use_reentrant=use_reentrant)
    y.sum().backward()
    same(y.detach(), torch.tensor([40.0, 90.0]))
    same(x.grad, torch.tensor([40.0, 60.0]))
    same(w.grad, torch.tensor([26.0]))


@fact("torch.utils.checkpoint.checkpoint")
@MODES
def test_runs_the_function_again_in_backward(device, use_reentrant):
    """A checkpointed function runs once forward, and once more in `backward`."""
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
    """A checkpointed function saves its input alone for backward, however many layers it has."""
    model = nn.Sequential(*[nn.Sigmoid() for _ in range(depth)])
    x = torch.ones(3, 4, device=device, requires_grad=True)
    with saved_bytes() as saved:
        torch.utils.checkpoint.checkpoint(model, x, use_reentrant=use_reentrant)
    assert saved.total <= 12 * 4


@fact("torch.utils.checkpoint.checkpoint", source="checkpoint")
@MODES
def test_draws_the_same_numbers_again(device, use_reentrant):
    """The second run of a checkpointed function draws the random numbers of the first, unless it is told not to."""
    x = torch.ones(64, device=device, requires_grad=True)
    y = torch.utils.checkpoint.checkpoint(nn.functional.dropout, x, use_reentrant=use_reentrant)
    torch.rand(3, device=device)
    y.sum().backward()
    same(x.grad, y.detach())
    assert sorted(set(y.tolist())) == [0.0, 2.0]


@fact("torch.utils.checkpoint.checkpoint", hint="keep preserve_rng_state=True, the default, where there is dropout")
@MODES
def test_without_the_state_of_the_generator_draws_others(device, use_reentrant):
    """With `preserve_rng_state=False` the second run draws other numbers, and the gradient is of another function."""
    x = torch.ones(64, device=device, requires_grad=True)
    y = torch.utils.checkpoint.checkpoint(
        nn.functional.dropout, x, use_reentrant=use_reentrant, preserve_rng_state=False
    )
    y.sum().backward()
    assert x.grad.tolist() != y.tolist()
    assert sorted(set(x.grad.tolist())) == [0.0, 2.0]


@fact("torch.utils.checkpoint.checkpoint", source="checkpoint", hint="pass use_reentrant=False")
def test_of_inputs_without_gradient_loses_those_of_parameters(device):
    """Where no input requires grad, the reentrant mode warns and gives parameters no gradient; the other gives it."""
    x, w = torch.tensor([2.0], device=device), leaf(5.0, device=device)
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        lost = torch.utils.checkpoint.checkpoint(lambda x: x * w, x, use_reentrant=True)
    kept = torch.utils.checkpoint.checkpoint(lambda x: x * w, x, use_reentrant=False)
    kept.sum().backward()
    assert (lost.requires_grad, kept.requires_grad, w.grad.item()) == (False, True, 2.0)


@fact("torch.utils.checkpoint.checkpoint", source="checkpoint", hint="call backward(), or pass use_reentrant=False")
def test_reentrant_refuses_grad(device):
    """The reentrant mode works with `backward` alone, and the other with `autograd.grad` as well."""
    x = leaf(2.0, device=device)
    y, z = (torch.utils.checkpoint.checkpoint(torch.exp, x, use_reentrant=mode).sum() for mode in (True, False))
    with pytest.raises(RuntimeError, match="(not |in)compatible with"):
        torch.autograd.grad(y, x)
    same(torch.autograd.grad(z, x)[0], x.detach().exp())


@fact("torch.utils.checkpoint.checkpoint", source="checkpoint", since="2.1",
      calls="use_reentrant=False, catches RuntimeError|CheckpointError")  # fmt: skip
def test_refuses_to_recompute_another_graph(device):
    """A function that does otherwise when it runs again is refused by `backward`, without the reentrant mode."""
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
    """`checkpoint` hands positional arguments to the function, None and numbers among them."""
    x = leaf(2.0, device=device)
    y, z = torch.utils.checkpoint.checkpoint(
        lambda x, by, none: (x * by, none), x, 3, None, use_reentrant=use_reentrant
    )
    y.sum().backward()
    assert (y.item(), z, x.grad.item()) == (6.0, None, 3.0)


@fact("torch.utils.checkpoint.checkpoint")
def test_hands_on_keywords(device):
    """Only without the reentrant mode are keyword arguments handed to the function: the other refuses them."""
    x = leaf(2.0, device=device)
    y = torch.utils.checkpoint.checkpoint(lambda x, *, by: x * by, x, by=3, use_reentrant=False)
    y.sum().backward()
    same(x.grad, torch.tensor([3.0]))
    with pytest.raises(ValueError, match="Unexpected keyword arguments: by"):
        torch.utils.checkpoint.checkpoint(lambda x, *, by: x * by, x, by=3, use_reentrant=True)


@fact("torch.utils.checkpoint.checkpoint_sequential")
@pytest.mark.parametrize("segments", [1, 2, 3])
def test_of_a_sequence_runs_all_but_the_last_segment_again(device, segments):
    """`checkpoint_sequential` gives value and gradient of the sequence, and runs all but the last segment again."""
    calls = []

    def layer(by):
        return lambda x: calls.append(by) or x * x * by

    x = leaf(1.0, 2.0, device=device)
    y = torch.utils.checkpoint.checkpoint_sequential([layer(by) for by in (1, 2, 3)], segments, x, use_reentrant=False)
    y.sum().backward()
    same(y.detach(), torch.tensor([12.0, 3.0 * 32.0**2]))
    same(x.grad, torch.tensor([96.0, 96.0 * 2.0**7]))
    assert len(calls) == 3 + {1: 0, 2: 1, 3: 2}[segments]
    assert calls[:3] == [1, 2, 3]


@fact("torch.utils.checkpoint.set_checkpoint_early_stop", source="checkpoint")
def test_stops_as_soon_as_it_has_what_it_needs(device):
    """A second run ends where nothing more is needed, unless `set_checkpoint_early_stop(False)` has it go on."""
    ran = []

    def function(x):
        y = x.sin()
        ran.append("in")
        y = y + 1
        ran.append("out")
        return y

    for stop in (True, False):
        with torch.utils.checkpoint.set_checkpoint_early_stop(stop):
            y = torch.utils.checkpoint.checkpoint(function, leaf(2.0, device=device), use_reentrant=False)
        y.sum().backward()
    assert ran == ["in", "out"] + [] + ["in", "out", "in", "out"]
