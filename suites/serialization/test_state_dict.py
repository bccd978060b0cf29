"""What a module's `state_dict` holds, by which keys, and whose memory it is; loading is in `test_load_state_dict`."""

import copy

import torch
from torch import nn

from torchproof import fact, same
from torchproof.fixtures.checks import shares


def layer(device, weight=((1.0, 2.0),), bias=(3.0,)):
    """A linear layer of known values."""
    made = nn.Linear(2, 1, device=device)
    made.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})
    return made


class Counting(nn.Module):
    """A module with state of its own kind."""

    def __init__(self, count):
        super().__init__()
        self.count = count

    def get_extra_state(self):
        return {"count": self.count}

    def set_extra_state(self, state):
        self.count = state["count"]


@fact("torch.nn.Module.state_dict", claims=["S03"])
def test_names_parameters_by_dotted_path():
    """The keys of a model's `state_dict` are the dotted paths of its parameters, in the order of registration."""
    model = nn.Sequential(nn.Linear(2, 1), nn.ModuleDict({"head": nn.Sequential(nn.Linear(1, 1, bias=False))}))
    assert list(model.state_dict()) == ["0.weight", "0.bias", "1.head.0.weight"]


@fact("torch.nn.Module.state_dict", claims=["S03"])
def test_holds_the_values_of_parameters(device):
    """`state_dict` of a `Linear` holds the values of its weight and its bias."""
    state = layer(device).state_dict()
    same(state["weight"], torch.tensor([[1.0, 2.0]]))
    same(state["bias"], torch.tensor([3.0]))


@fact("torch.nn.Module.state_dict", claims=["S03"], myth="a state_dict holds the parameters only")
def test_holds_buffers(device):
    """`state_dict` of a `BatchNorm1d` holds its running statistics and its counter beside its parameters."""
    state = nn.BatchNorm1d(2, device=device).state_dict()
    assert list(state) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    same(state["running_var"], torch.ones(2))


@fact("torch.nn.Module.state_dict", claims=["S03"], hint="register it with register_buffer")
def test_leaves_out_a_plain_tensor_attribute(device):
    """`state_dict` does not hold a tensor that is a plain attribute of a module."""
    module = nn.Module()
    module.plain, module.weight = torch.ones(1, device=device), nn.Parameter(torch.ones(1, device=device))
    assert list(module.state_dict()) == ["weight"]


@fact("torch.nn.Module.state_dict")
def test_leaves_out_what_is_none():
    """`state_dict` has no key for a parameter or a buffer that is None."""
    module = nn.Linear(2, 1, bias=False)
    module.register_buffer("mask", None)
    assert list(module.state_dict()) == ["weight"]


@fact("torch.nn.Module.state_dict")
def test_holds_frozen_parameters(device):
    """`state_dict` holds frozen parameters, which do not require grad, as well."""
    state = layer(device).requires_grad_(False).state_dict()
    same(state["weight"], torch.tensor([[1.0, 2.0]]))


def keeping_vars(patch):
    state_dict = nn.Module.state_dict
    patch.setattr(nn.Module, "state_dict", lambda self: state_dict(self, keep_vars=True))


@fact("torch.nn.Module.state_dict", refuter=keeping_vars)
def test_is_detached(device):
    """The tensors of a `state_dict` do not require grad where the model's parameters do."""
    model = layer(device)
    assert (model.state_dict()["weight"].requires_grad, model.weight.requires_grad) == (False, True)


@fact("torch.nn.Module.state_dict")
def test_with_keep_vars_holds_the_parameters_themselves(device):
    """`state_dict(keep_vars=True)` holds the parameters themselves."""
    model = layer(device)
    assert model.state_dict(keep_vars=True)["weight"] is model.weight


@fact("torch.nn.Module.state_dict", claims=["S03", "S05"], hint="copy.deepcopy(model.state_dict()) makes a snapshot")
def test_shares_memory_with_the_parameters(device):
    """A `state_dict` shares its memory with the live parameters."""
    model = layer(device)
    assert shares(model.state_dict()["weight"], model.weight)


@fact(
    "torch.nn.Module.state_dict",
    claims=["S05", "L04"],
    myth="best = model.state_dict() keeps the best model",
    hint="copy.deepcopy(model.state_dict()) makes a snapshot",
)
def test_changes_with_later_training(device):
    """A `state_dict` that is kept in a variable changes when the model is trained further."""
    model = layer(device)
    best = model.state_dict()
    model.weight.grad = torch.ones(1, 2, device=device)
    torch.optim.SGD([model.weight], lr=0.5).step()
    same(best["weight"], torch.tensor([[0.5, 1.5]]))


@fact("torch.nn.Module.state_dict", claims=["S05", "L04"])
def test_copied_deeply_stays_as_it_was(device):
    """A `copy.deepcopy` of a `state_dict` keeps its values when the model is trained further, and brings them back."""
    model = layer(device)
    best = copy.deepcopy(model.state_dict())
    model.weight.grad = torch.ones(1, 2, device=device)
    torch.optim.SGD([model.weight], lr=0.5).step()
    same(model.weight, torch.tensor([[0.5, 1.5]]))
    model.load_state_dict(best)
    same(model.weight, torch.tensor([[1.0, 2.0]]))


@fact("torch.nn.Module.state_dict")
def test_copied_shallowly_changes_all_the_same(device):
    """A shallow copy of a `state_dict`, as by `dict`, shares its memory with the live parameters."""
    model = layer(device)
    assert shares(dict(model.state_dict())["weight"], model.weight)


@fact("torch.nn.Module.state_dict")
def test_is_a_mapping_of_its_own(device):
    """Removing a key from a `state_dict` takes nothing from the model."""
    model = layer(device)
    del model.state_dict()["weight"]
    assert list(model.state_dict()) == ["weight", "bias"]


@fact("torch.nn.Module.state_dict")
def test_with_a_prefix_puts_it_before_each_key():
    """`state_dict(prefix=p)` puts p before each key."""
    assert list(nn.Linear(2, 1).state_dict(prefix="encoder.")) == ["encoder.weight", "encoder.bias"]


@fact("torch.nn.Module.state_dict")
def test_with_a_destination_fills_it():
    """`state_dict(destination=d)` adds to d and returns it."""
    destination = {"epoch": 3}
    assert nn.Linear(2, 1).state_dict(destination=destination) is destination
    assert list(destination) == ["epoch", "weight", "bias"]


@fact("torch.nn.Module.state_dict", myth="a state_dict remembers whether the model was trained")
def test_leaves_out_the_mode():
    """A `state_dict` of a model in `eval` mode leaves the module that loads it in training mode."""
    model = nn.Linear(2, 1)
    report = model.load_state_dict(nn.Linear(2, 1).eval().state_dict())
    assert (model.training, report.missing_keys) == (True, [])


@fact("torch.nn.Module.state_dict")
def test_leaves_out_gradients(device):
    """`Module.state_dict`, unless `keep_vars=True`, holds values and no gradients."""
    model = layer(device)
    model.weight.grad = torch.ones(1, 2, device=device)
    assert list(model.state_dict()) == ["weight", "bias"]
    assert model.state_dict()["weight"].grad is None


@fact("torch.nn.Module.get_extra_state", "torch.nn.Module.set_extra_state", "torch.nn.Module.state_dict")
def test_carries_extra_state():
    """What `get_extra_state` returns travels in the `state_dict` to `set_extra_state`."""
    other = nn.Sequential(Counting(0))
    other.load_state_dict(nn.Sequential(Counting(7)).state_dict())
    assert other[0].count == 7


@fact("torch.nn.Module.state_dict", claims=["S03"])
def test_names_tied_weights_twice(device):
    """`state_dict` holds a weight that two layers share (tied) under both names, in one memory."""
    model = nn.Sequential(nn.Linear(2, 2, bias=False, device=device), nn.Linear(2, 2, bias=False, device=device))
    model[1].weight = model[0].weight
    state = model.state_dict()
    assert list(state) == ["0.weight", "1.weight"]
    assert shares(state["0.weight"], state["1.weight"])
