"""Back-propagation through time, whole and truncated: what the hidden state carries from chunk to chunk."""

import weakref

import pytest
import torch
from torch import nn

from torchproof import close, fact, same


def unrolled(w, h, steps):
    """A recurrence h <- w * h + 1."""
    for _ in range(steps):
        h = w * h + 1
    return h


def leaf(number, device):
    return torch.tensor(number, device=device, requires_grad=True)


@fact("torch.Tensor.backward", "torch.Tensor.detach")
def test_through_all_steps_is_the_whole_derivative(device):
    """Without `detach` the gradient goes back through all chunks of a sequence; with it, through the last alone."""
    whole, cut = leaf(2.0, device), leaf(2.0, device)
    start = torch.zeros((), device=device)
    unrolled(whole, unrolled(whole, start, 2), 2).backward()
    same(whole.grad, torch.tensor(1 + 2 * 2.0 + 3 * 4.0))
    unrolled(cut, unrolled(cut, start, 2).detach(), 2).backward()
    same(cut.grad, torch.tensor(2 * 2.0 * 3 + 1))


@fact("torch.Tensor.detach")
def test_of_a_detached_state_computes_the_same(device):
    """`detach` of the hidden state between chunks leaves every output as it was: only the gradient is cut."""
    w, h = leaf(0.5, device), torch.ones((), device=device)
    whole = unrolled(w, unrolled(w, h, 3), 3)
    cut = unrolled(w, unrolled(w, h, 3).detach(), 3)
    same(cut.detach(), whole.detach())
    gradients = [torch.autograd.grad(one, w)[0].item() for one in (whole, cut)]
    assert gradients[0] != gradients[1]


@fact("torch.Tensor.backward", "torch.optim.SGD.step", myth="retain_graph=True trains an RNN over chunks")
def test_with_retain_graph_is_refused_after_a_step(device):
    """`retain_graph=True` in the place of `detach` is refused after a `step`: "modified by an inplace operation"."""
    w = leaf(2.0, device)
    optimizer = torch.optim.SGD([w], lr=0.5)
    h = unrolled(w, torch.ones((), device=device), 2)
    h.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        unrolled(w, h, 2).backward()


class Saved:
    """Something that is saved for backward, alive as long as its graph."""

    def __init__(self, tensor):
        self.tensor = tensor


def alive(device, carry):
    """How many things are still saved for backward after three chunks, whose state is handed on by `carry`."""
    w, h, saved = leaf(2.0, device), torch.ones((), device=device), weakref.WeakSet()

    def pack(tensor):
        saved.add(box := Saved(tensor))
        return box

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda box: box.tensor):
        for _ in range(3):
            h = unrolled(w, carry(h), 2)
    return len(saved)


@fact("torch.Tensor.detach", hint="h = h.detach() at the start of each chunk")
def test_keeps_the_graph_of_all_chunks_unless_cut(device):
    """A hidden state that is carried on keeps the graph of all chunks alive, and after `detach` that of the last."""
    assert alive(device, lambda h: h) == 11  # the two factors of each product; the first state is a constant
    assert alive(device, lambda h: h.detach()) == 3


RECURRENT = pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])


def recurrent(name, device):
    """A recurrent layer, two chunks of a sequence for it, and the state after the first chunk."""
    layer = getattr(nn, name)(3, 4, batch_first=True, device=device)
    x = torch.rand(2, 6, 3, device=device)
    return layer, x, layer(x[:, :3])[1]


def detached(state):
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()


@fact("torch.nn.RNN", "torch.nn.GRU", "torch.nn.LSTM")
@RECURRENT
def test_in_chunks_gives_the_outputs_of_the_whole(device, name):
    """`RNN`, `GRU` and `LSTM` of one direction give chunks that hand the state on what they give the whole sequence."""
    layer, x, state = recurrent(name, device)
    whole = layer(x)[0][:, 3:].detach().cpu().numpy()
    close(layer(x[:, 3:], detached(state))[0].detach(), whole, roundings=64, scale=1)
    assert abs(layer(x[:, 3:])[0].detach().cpu().numpy() - whole).max() > 1e-4


@fact("torch.nn.LSTM", "torch.Tensor.detach", hint="h, c = h.detach(), c.detach()")
def test_of_lstm_needs_both_states_detached(device):
    """The state of an `LSTM` is a tuple (h, c): with only h detached the gradient still goes back through c."""
    layer, x, (h, c) = recurrent("LSTM", device)
    results = [layer(x[:, 3:], state)[0].sum() for state in ((h.detach(), c), (h.detach(), c.detach()))]
    reached = [torch.autograd.grad(result, c, allow_unused=True)[0] for result in results]
    assert [gradient is not None for gradient in reached] == [True, False]


@fact("torch.nn.LSTM", hint="h, c = h.detach(), c.detach()")
def test_of_lstm_have_no_detach_as_a_whole(device):
    """`hidden.detach()` of an `LSTM` raises "'tuple' object has no attribute 'detach'": its state is a tuple (h, c)."""
    _, _, hidden = recurrent("LSTM", device)
    with pytest.raises(AttributeError, match="'tuple' object has no attribute 'detach'"):
        hidden.detach()
    assert [part.shape for part in hidden] == [hidden[0].shape] * 2


@fact("torch.nn.RNN", "torch.nn.GRU", "torch.nn.LSTM", myth="an RNN layer remembers the last batch")
@RECURRENT
def test_begins_with_a_state_of_zeros_at_each_call(device, name):
    """`RNN`, `GRU` and `LSTM` keep no state from one call to the next: without one they begin with zeros."""
    layer, x, state = recurrent(name, device)
    zeros = tuple(torch.zeros_like(s) for s in state) if name == "LSTM" else torch.zeros_like(state)
    first = layer(x)[0].detach()
    same(layer(x)[0].detach(), first)
    same(layer(x, zeros)[0].detach(), first)
    assert not torch.equal(layer(x, detached(state))[0], first)
