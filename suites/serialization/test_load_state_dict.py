"""`load_state_dict` of modules: what it copies, keeps, refuses and reports; of optimizers it is in another file."""

import numpy
import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.fixtures.checks import shares


def state(device="cpu", dtype=torch.float32, **more):
    """A state dict for `nn.Linear(2, 1)`."""
    weight, bias = (
        torch.tensor([[1.0, 2.0]], dtype=dtype, device=device),
        torch.tensor([3.0], dtype=dtype, device=device),
    )
    return {"weight": weight, "bias": bias, **more}


def tied(device):
    """Two layers with one weight."""
    model = nn.Sequential(nn.Linear(2, 2, bias=False, device=device), nn.Linear(2, 2, bias=False, device=device))
    model[1].weight = model[0].weight
    return model


@fact("torch.nn.Module.load_state_dict", claims=["S03"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_takes_over_the_values(device, dtype):
    """A newly built `Linear` has the values of the `state_dict` that it loads, in four dtypes of floats."""
    model = nn.Linear(2, 1, device=device, dtype=dtype)
    model.load_state_dict(state(device, dtype))
    same(model.weight, torch.tensor([[1.0, 2.0]], dtype=dtype))
    same(model.bias, torch.tensor([3.0], dtype=dtype))


@fact("torch.nn.Module.load_state_dict", claims=["S03"])
def test_makes_models_compute_the_same(device):
    """A model of `Linear` and `ReLU` that has loaded another's `state_dict` computes the same."""
    first, second = (nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).to(device) for _ in range(2))
    x = torch.rand(5, 3, device=device)
    assert not torch.equal(first(x), second(x))
    second.load_state_dict(first.state_dict())
    same(second(x), first(x))


@fact("torch.nn.Module.load_state_dict")
def test_writes_into_the_parameters_that_are_there(device):
    """`load_state_dict` writes into the model's own parameters, so that an optimizer made before still trains them."""
    model = nn.Linear(2, 1, device=device)
    weight = model.weight
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    model.load_state_dict(state(device))
    weight.grad = torch.ones(1, 2, device=device)
    optimizer.step()
    assert model.weight is weight
    same(model.weight, torch.tensor([[0.5, 1.5]]))


@fact("torch.nn.Module.load_state_dict")
def test_copies(device):
    """A model does not share memory with another's `state_dict` that it has loaded without `assign=True`."""
    model, loaded = nn.Linear(2, 1, device=device), state(device)
    model.load_state_dict(loaded)
    same(model.weight, loaded["weight"])
    assert not shares(model.weight, loaded["weight"])


@fact("torch.nn.Module.load_state_dict")
def test_keeps_the_dtype_of_the_model(device):
    """`load_state_dict` rounds float64 values to the float32 of the model."""
    model, third = nn.Linear(2, 1, device=device), 1 / 3
    model.load_state_dict({"weight": torch.full((1, 2), third, dtype=torch.float64), "bias": torch.ones(1)})
    same(model.weight, numpy.full((1, 2), third, dtype=numpy.float32))


@fact("torch.nn.Module.load_state_dict")
def test_keeps_the_device_of_the_model(device):
    """`load_state_dict` copies values from the CPU to the device of the model."""
    model = nn.Linear(2, 1, device=device)
    model.load_state_dict(state("cpu"))
    assert model.weight.device.type == torch.device(device).type
    same(model.weight, torch.tensor([[1.0, 2.0]]))


@fact("torch.nn.Module.load_state_dict")
@pytest.mark.parametrize("requires_grad", [True, False])
def test_keeps_requires_grad(device, requires_grad):
    """`load_state_dict` leaves `requires_grad` of each parameter as it is."""
    model = nn.Linear(2, 1, device=device).requires_grad_(requires_grad)
    model.load_state_dict(state(device))
    same(model.weight, torch.tensor([[1.0, 2.0]]))
    assert model.weight.requires_grad is requires_grad


@fact("torch.nn.Module.load_state_dict")
def test_takes_over_buffers(device):
    """`load_state_dict` brings the running statistics and the counter of a `BatchNorm1d` with it."""
    first, second = (nn.BatchNorm1d(1, momentum=0.5, device=device) for _ in range(2))
    first(torch.tensor([[2.0], [6.0]], device=device))
    second.load_state_dict(first.state_dict())
    same(second.running_mean, torch.tensor([2.0]))
    same(second.num_batches_tracked, torch.tensor(1))


@fact("torch.nn.Module.load_state_dict")
def test_leaves_a_buffer_that_is_not_persistent(device):
    """`load_state_dict` neither asks for a buffer that is not persistent nor changes it."""
    module = nn.Linear(2, 1, device=device)
    module.register_buffer("mask", torch.tensor([7.0], device=device), persistent=False)
    module.load_state_dict(state(device))
    same(module.mask, torch.tensor([7.0]))
    same(module.weight, torch.tensor([[1.0, 2.0]]))


@fact("torch.nn.Module.load_state_dict")
def test_leaves_the_mapping_as_it_was(device):
    """`load_state_dict` leaves the mapping that it is given as it was."""
    model, loaded = nn.Linear(2, 1, device=device), state(device, extra=torch.ones(1))
    model.load_state_dict(loaded, strict=False)
    assert list(loaded) == ["weight", "bias", "extra"]
    same(loaded["weight"], torch.tensor([[1.0, 2.0]]))
    same(model.weight, torch.tensor([[1.0, 2.0]]))


@fact("torch.nn.Module.load_state_dict", claims=["S03"])
def test_refuses_a_missing_key(device):
    """`load_state_dict` by default raises "Missing key(s) in state_dict" with the name of a key that is not there."""
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "bias"'):
        nn.Linear(2, 1, device=device).load_state_dict({"weight": torch.ones(1, 2)})


@fact("torch.nn.Module.load_state_dict", claims=["S03"])
def test_refuses_an_unexpected_key(device):
    """`load_state_dict` by default raises "Unexpected key(s) in state_dict" with the name that the model has not."""
    with pytest.raises(RuntimeError, match=r'Unexpected key\(s\) in state_dict: "extra"'):
        nn.Linear(2, 1, device=device).load_state_dict(state(extra=torch.ones(1)))


@fact("torch.nn.Module.load_state_dict")
def test_tells_all_problems_at_once():
    """The refusal of a strict `load_state_dict` names missing keys, unexpected keys and wrong sizes together."""
    with pytest.raises(
        RuntimeError, match=r'(?s)Missing key.*"bias".*Unexpected key.*"extra".*size mismatch for weight'
    ):
        nn.Linear(2, 1).load_state_dict({"weight": torch.ones(1, 3), "extra": torch.ones(1)})


@fact("torch.nn.Module.load_state_dict")
def test_reports_what_did_not_fit_when_not_strict(device):
    """`load_state_dict(strict=False)` returns the missing and the unexpected keys."""
    report = nn.Linear(2, 1, device=device).load_state_dict(
        {"weight": torch.ones(1, 2), "extra": torch.ones(1)}, strict=False
    )
    assert (report.missing_keys, report.unexpected_keys) == (["bias"], ["extra"])


@fact("torch.nn.Module.load_state_dict")
def test_takes_what_fits_when_not_strict(device):
    """`load_state_dict(strict=False)` loads the keys that fit and leaves the other parameters."""
    model = nn.Linear(2, 1, device=device)
    before = model.bias.detach().clone()
    model.load_state_dict({"weight": torch.tensor([[1.0, 2.0]]), "extra": torch.ones(1)}, strict=False)
    same(model.weight, torch.tensor([[1.0, 2.0]]))
    same(model.bias, before)


@fact("torch.nn.Module.load_state_dict")
@pytest.mark.parametrize("strict", [True, False])
def test_reports_nothing_when_all_keys_match(device, strict):
    """`load_state_dict` returns empty lists, "<All keys matched successfully>", when all keys match."""
    model = nn.Linear(2, 1, device=device)
    report = model.load_state_dict(state(device), strict=strict)
    same(model.weight, torch.tensor([[1.0, 2.0]]))
    assert (report.missing_keys, report.unexpected_keys, str(report)) == ([], [], "<All keys matched successfully>")


@fact(
    "torch.nn.Module.load_state_dict",
    myth="strict=False loads whatever there is",
    hint="remove keys of another size first",
)
@pytest.mark.parametrize("strict", [True, False])
def test_refuses_another_size(device, strict):
    """`load_state_dict` of a tensor of another size raises "size mismatch for" its key, with `strict=False` too."""
    with pytest.raises(
        RuntimeError, match=r"size mismatch for weight: copying a param with shape torch.Size\(\[1, 3\]\)"
    ):
        nn.Linear(2, 1, device=device).load_state_dict(nn.Linear(3, 1).state_dict(), strict=strict)


@fact("torch.nn.Module.load_state_dict")
def test_does_not_broadcast(device):
    """`load_state_dict` refuses a tensor that could be broadcast to the parameter: "size mismatch for weight"."""
    with pytest.raises(RuntimeError, match="size mismatch for weight"):
        nn.Linear(2, 1, device=device).load_state_dict({**state(), "weight": torch.ones(1, 1)})


@fact("torch.nn.Module.load_state_dict")
def test_refuses_a_list_of_numbers_for_a_tensor():
    """`load_state_dict` refuses a list for a tensor: "While copying the parameter named", "expected torch.Tensor"."""
    with pytest.raises(RuntimeError, match='While copying the parameter named "weight", expected torch.Tensor'):
        nn.Linear(2, 1).load_state_dict({**state(), "weight": [[1.0, 2.0]]})


@fact("torch.nn.Module.load_state_dict", hint="pass torch.load(path) rather than the path")
@pytest.mark.parametrize("given", ["model.pt", [1]], ids=["path", "list"])
def test_refuses_what_is_no_mapping(given):
    """`load_state_dict` refuses a path or a list: "Expected state_dict to be dict-like"."""
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like"):
        nn.Linear(2, 1).load_state_dict(given)


@fact("torch.nn.Module.load_state_dict")
def test_keeps_tied_weights_tied(device):
    """A model with tied weights has them tied after `load_state_dict` without `assign`."""
    model, other = tied(device), tied(device)
    model.load_state_dict(other.state_dict())
    assert model[0].weight is model[1].weight
    same(model[1].weight, other[0].weight)


@fact("torch.nn.Module.load_state_dict", myth="a state_dict carries the tying of weights")
def test_does_not_tie_weights(device):
    """A model without tied weights gets two copies where `load_state_dict` is given those of a tied one."""
    model = nn.Sequential(nn.Linear(2, 2, bias=False, device=device), nn.Linear(2, 2, bias=False, device=device))
    model.load_state_dict(tied(device).state_dict())
    same(model[0].weight, model[1].weight)
    assert not shares(model[0].weight, model[1].weight)


@fact("torch.nn.Module.load_state_dict")
def test_takes_the_last_of_values_for_tied_weights(device):
    """A model with tied weights keeps the last of two values that `load_state_dict` is given for them."""
    model = tied(device)
    model.load_state_dict({"0.weight": torch.zeros(2, 2), "1.weight": torch.ones(2, 2)})
    same(model[0].weight, torch.ones(2, 2))


@fact("torch.nn.Module.load_state_dict", until="2.1", calls="assign=True", gain=True)
def test_knows_no_assign():
    """`load_state_dict` does not take `assign`: "unexpected keyword argument 'assign'"."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'assign'"):
        nn.Linear(2, 1).load_state_dict(state(), assign=True)


@fact("torch.nn.Module.load_state_dict", since="2.1", calls="assign=True", gain=True)
def test_with_assign_takes_the_tensors_themselves(device):
    """`load_state_dict(assign=True)` makes parameters of the given tensors without a copy."""
    model, loaded = nn.Linear(2, 1, device=device), state(device)
    model.load_state_dict(loaded, assign=True)
    same(model.weight, torch.tensor([[1.0, 2.0]]))
    assert isinstance(model.weight, nn.Parameter)
    assert shares(model.weight, loaded["weight"])


@fact("torch.nn.Module.load_state_dict", since="2.1", calls="assign=True", gain=True)
def test_with_assign_takes_over_the_dtype(device):
    """`load_state_dict(assign=True)` gives the model the dtype of the given tensors."""
    model = nn.Linear(2, 1, device=device)
    model.load_state_dict(state(device, torch.float64), assign=True)
    same(model.weight, torch.tensor([[1.0, 2.0]], dtype=torch.float64))


@fact(
    "torch.nn.Module.load_state_dict",
    since="2.1",
    calls="assign=True",
    hint="make the optimizer after loading with assign=True",
)
def test_with_assign_leaves_an_older_optimizer_behind(device):
    """An optimizer made before `load_state_dict(assign=True)` does not train the new parameters."""
    model = nn.Linear(2, 1, device=device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    model.load_state_dict(state(device), assign=True)
    model(torch.ones(1, 2, device=device)).sum().backward()
    optimizer.step()
    same(model.weight, torch.tensor([[1.0, 2.0]]))


@fact("torch.nn.Module.load_state_dict", since="2.3", calls="assign=True")
def test_with_assign_keeps_a_frozen_parameter_frozen(device):
    """`load_state_dict(assign=True)` keeps a frozen parameter frozen: its `requires_grad` stays False."""
    model = nn.Linear(2, 1, device=device).requires_grad_(False)
    model.load_state_dict(state(device), assign=True)
    same(model.weight, torch.tensor([[1.0, 2.0]]))
    assert not model.weight.requires_grad


@fact(
    "torch.nn.Module.load_state_dict",
    since="2.1",
    until="2.3",
    calls="assign=True",
    hint="freeze the parameters again after loading",
)
def test_with_assign_thaws_a_frozen_parameter(device):
    """`load_state_dict(assign=True)` makes a frozen parameter require grad again."""
    model = nn.Linear(2, 1, device=device).requires_grad_(False)
    model.load_state_dict(state(device), assign=True)
    same(model.weight, torch.tensor([[1.0, 2.0]]))
    assert model.weight.requires_grad


@fact("torch.nn.Module.load_state_dict", since="2.1", calls="assign=True")
def test_with_assign_refuses_another_size():
    """`load_state_dict(assign=True)` refuses a tensor of another size: "size mismatch for weight"."""
    with pytest.raises(RuntimeError, match="size mismatch for weight"):
        nn.Linear(2, 1).load_state_dict(nn.Linear(3, 1).state_dict(), assign=True)


@fact("torch.nn.Module.load_state_dict", since="2.1", calls="assign=True", gain=True)
def test_with_assign_fills_a_model_without_memory(device):
    """`load_state_dict(assign=True)` turns a model on the meta device into one with the given values."""
    model = nn.Linear(2, 1, device="meta")
    model.load_state_dict(state(device), assign=True)
    same(model(torch.ones(1, 2, device=device)), torch.tensor([[6.0]]))


@fact("torch.nn.Module.load_state_dict", since="2.1", calls="not assign, names meta", hint="pass assign=True")
def test_without_assign_cannot_fill_a_model_without_memory():
    """`load_state_dict` without `assign` leaves a meta model so, and warns "copying from a non-meta parameter"."""
    model = nn.Linear(2, 1, device="meta")
    with pytest.warns(UserWarning, match="copying from a non-meta parameter in the checkpoint to a meta parameter"):
        model.load_state_dict(state())
    assert model.weight.device.type == "meta"
