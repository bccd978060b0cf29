"""States that a distributed checkpoint takes: of objects, of parts of a whole, and of optimizers by name."""

import pytest
import torch
from torch import nn

from torchproof import fact, same

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180), pytest.mark.cpu]

DCP = "torch.distributed.checkpoint"
ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]


def _part(rank, values):
    """A plain tensor of two rows, told to be this rank's of four."""
    part = torch.tensor(values[2 * rank : 2 * rank + 2])
    part.global_shape, part.global_offsets = (4, 2), ((2 * rank, 0),)
    part.local_offsets, part.local_sizes = ((0, 0),), ((2, 2),)
    return part


def _save_part(rank, path):
    import torch.distributed.checkpoint as dcp

    dcp.save({"rows": _part(rank, ROWS)}, checkpoint_id=path)


def _load_whole(rank, path):
    import torch.distributed.checkpoint as dcp

    state = {"rows": torch.zeros(4, 2)}
    dcp.load(state, checkpoint_id=path)
    return state["rows"]


@fact(f"{DCP}.CheckpointableTensor", f"{DCP}.save")
def test_checkpointable_tensors_are_parts_of_a_whole(ranks, tmp_path):
    """`torch.distributed.checkpoint.save` writes tensors with fields of `CheckpointableTensor` as parts of a whole."""
    path = str(tmp_path / "checkpoint")
    ranks(2, _save_part, path)
    same(ranks(1, _load_whole, path)[0], ROWS)


def _steps(model, optimizer):
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return optimizer


def _transferred(rank):
    from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict, set_optimizer_state_dict

    first, second = nn.Linear(2, 3, bias=False), nn.Linear(2, 3, bias=False)
    optimizers = [torch.optim.SGD(each.parameters(), lr=0.5, momentum=0.5) for each in (first, second)]
    _steps(first, optimizers[0])
    set_optimizer_state_dict(second, optimizers[1], get_optimizer_state_dict(first, optimizers[0]))
    return optimizers[1].state[second.weight]["momentum_buffer"]


@fact(f"{DCP}.state_dict.set_optimizer_state_dict", since="2.4", calls="none")
def test_set_optimizer_state_dict_loads_by_name(ranks):
    """`set_optimizer_state_dict` gives an optimizer the state that `get_optimizer_state_dict` has of another one."""
    same(ranks(1, _transferred)[0], torch.ones(3, 2))


def _behind_a_backward(rank, steps):
    from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict

    model = nn.Linear(2, 3, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.5)
    model(torch.ones(1, 2)).sum().backward()
    if steps:
        optimizer.step()
    return get_optimizer_state_dict(model, optimizer)["state"]


@fact(f"{DCP}.state_dict.get_optimizer_state_dict", hint="take it before the first backward, or behind the first step")
def test_get_optimizer_state_dict_between_backward_and_step_is_empty(ranks):
    """`get_optimizer_state_dict` between the first backward and the first `step` has an empty `state`."""
    assert ranks(1, _behind_a_backward, False) == [{}]
    same(ranks(1, _behind_a_backward, True)[0]["weight"]["momentum_buffer"], torch.ones(3, 2))


def _chosen(rank, options):
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    model[0].weight.requires_grad_(False)
    return list(get_model_state_dict(model, options=StateDictOptions(**options)))


@fact(f"{DCP}.state_dict.StateDictOptions", f"{DCP}.state_dict.get_model_state_dict")
def test_ignore_frozen_params_leaves_them_out(ranks):
    """`StateDictOptions(ignore_frozen_params=True)` leaves parameters out that are frozen (`requires_grad=False`)."""
    assert ranks(1, _chosen, {"ignore_frozen_params": True}) == [["1.weight"]]
    assert ranks(1, _chosen, {}) == [["0.weight", "1.weight"]]


@fact(f"{DCP}.stateful.Stateful", refuter=lambda patch: _takes_anything(patch))
def test_stateful_is_what_has_both_methods():
    """An object of any class that has both `state_dict` and `load_state_dict` is a `Stateful`, with one it is not."""
    from torch.distributed.checkpoint.stateful import Stateful

    one = type("One", (), {"state_dict": lambda self: {}})
    both = type("Both", (one,), {"load_state_dict": lambda self, state: None})
    assert [isinstance(each, Stateful) for each in (both(), one(), nn.Linear(1, 1))] == [True, False, True]


def _takes_anything(patch):
    from torch.distributed.checkpoint import stateful

    patch.setattr(stateful, "Stateful", object)
