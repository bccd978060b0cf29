"""Early stopping and the best model: what is kept, compared and put back."""

import copy
import io
import math

import pytest
import torch

from torchproof import fact, same
from torchproof.suites.training.line import column, line, weight_of

LOSSES = [5.0, 3.0, 4.0, 2.0, 2.5, 2.25, 2.75, 1.0]  # by the weight 0, 1, 2, ... at which they were measured


def run(device, keep, patience=2, losses=LOSSES):
    """A loop with early stopping: the model as it ended, and what `keep` kept of it where the loss was least."""
    model = line(0.0, device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    least, waited, best = math.inf, 0, None
    for loss in losses:
        if loss < least:
            least, waited, best = loss, 0, keep(model)
        elif (waited := waited + 1) > patience:
            break
        optimizer.zero_grad()
        model(column(-1.0, device=device)).sum().backward()
        optimizer.step()
    return model, best


@fact(
    "torch.nn.Module.state_dict",
    "torch.optim.SGD.step",
    claims=["L04"],
    myth="model.state_dict() keeps the best weights",
    hint="copy.deepcopy(model.state_dict())",
)
def test_as_a_state_dict_is_the_last(device):
    """A `state_dict` kept without a copy at the best epoch holds the last weights: loading it back changes nothing."""
    model, best = run(device, lambda model: model.state_dict())
    ended = weight_of(model)
    model.load_state_dict(best)
    assert (ended, weight_of(model)) == (6.0, 6.0)


def saved(model):
    """The model's state through a file in memory."""
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    return torch.load(file)


COPIES = {
    "deepcopy": lambda model: copy.deepcopy(model.state_dict()),
    "clone": lambda model: {name: value.clone() for name, value in model.state_dict().items()},
    "deepcopy_of_the_model": lambda model: copy.deepcopy(model).state_dict(),
    "save": saved,
}


@fact("torch.nn.Module.load_state_dict", claims=["L04"])
@pytest.mark.parametrize("kept", COPIES)
def test_as_a_copy_comes_back(device, kept):
    """The best weights come back by `load_state_dict` of a deepcopy, of clones or of a saved file."""
    model, best = run(device, COPIES[kept])
    ended = weight_of(model)
    model.load_state_dict(best)
    assert (ended, weight_of(model)) == (6.0, 3.0)


@fact("torch.nn.Module.state_dict", "torch.optim.SGD.step", hint="clone() each tensor, or deepcopy")
@pytest.mark.parametrize(
    "kept",
    [lambda state: dict(state), lambda state: state.copy(), lambda state: {k: v.detach() for k, v in state.items()}],
    ids=["dict", "copy", "detach"],
)
def test_as_a_shallow_copy_is_the_last(device, kept):
    """`dict(...)`, `copy()` and `detach()` of a `state_dict` share its memory, and follow the training to its end."""
    _, best = run(device, lambda model: kept(model.state_dict()))
    same(best["weight"], torch.tensor([[6.0]]))


@fact("torch.nn.Module.state_dict", "torch.optim.SGD.step", hint="copy.deepcopy(model)")
def test_as_the_model_itself_is_the_last(device):
    """`best = model` is another name for the model: it goes on with the training."""
    model, best = run(device, lambda model: model)
    assert best is model
    same(best.state_dict()["weight"], torch.tensor([[6.0]]))


@fact("torch.nn.Module.load_state_dict", claims=["L04"])
@pytest.mark.parametrize(("patience", "best"), [(0, 1.0), (1, 3.0), (3, 7.0)])
def test_depends_on_the_patience(device, patience, best):
    """Early stopping with a larger patience gets over more bad epochs, to other weights for `load_state_dict`."""
    model, kept = run(device, COPIES["deepcopy"], patience)
    model.load_state_dict(kept)
    assert weight_of(model) == best


@fact("torch.nn.Module.load_state_dict", myth="a NaN loss stops training", hint="test loss.isfinite()")
def test_is_never_of_a_nan_loss(device):
    """Early stopping by `loss < least` never keeps the `state_dict` of a NaN loss, and only patience ends the run."""
    model, kept = run(device, COPIES["deepcopy"], losses=[5.0, math.nan, 4.0, *[math.nan] * 9])
    ended = weight_of(model)
    model.load_state_dict(kept)
    assert (ended, weight_of(model)) == (5.0, 2.0)


@fact("torch.nn.Module.load_state_dict", hint="begin with the first loss, or test math.isnan")
def test_is_none_where_the_first_loss_is_nan_and_taken(device):
    """Early stopping by `loss < least` keeps its first `state_dict` for good once the least loss is NaN."""
    least, best, model = math.nan, None, line(0.0, device)
    for number, loss in enumerate([4.0, 2.0]):
        if best is None or loss < least:
            best = copy.deepcopy(model.state_dict())
        torch.nn.init.constant_(model.weight, number + 1.0)
    model.load_state_dict(best)
    assert weight_of(model) == 0.0


@fact("torch.optim.SGD.step", "torch.nn.Module.load_state_dict", hint="restore the optimizer's state as well")
def test_put_back_alone_keeps_the_momentum_of_the_end(device):
    """Best weights put back by `load_state_dict` leave `SGD` alone: the next step goes by the momentum of the end."""
    model = line(0.0, device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.5)
    model.weight.grad = torch.tensor([[8.0]], device=device)
    best = copy.deepcopy(model.state_dict())
    optimizer.step()
    model.load_state_dict(best)
    model.weight.grad = torch.tensor([[0.0]], device=device)
    optimizer.step()
    assert weight_of(model) == -4.0


@fact("torch.optim.Optimizer.state_dict", "torch.optim.Optimizer.load_state_dict")
def test_put_back_with_the_optimizer_goes_on_as_from_there(device):
    """With `load_state_dict` of model and optimizer the next step is the one that followed the best epoch."""
    model = line(0.0, device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.5)
    model.weight.grad = torch.tensor([[8.0]], device=device)
    optimizer.step()
    kept = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    optimizer.step()
    model.load_state_dict(kept[0]), optimizer.load_state_dict(kept[1])
    optimizer.step()
    assert weight_of(model) == -8.0 - 12.0
