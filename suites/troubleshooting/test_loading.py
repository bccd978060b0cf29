"""Errors of saved models, as people paste them: the words, the cause, and that the cure is one."""

import argparse
import pickle

import numpy
import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.suites.troubleshooting.known import summing

REFUSED = "Weights only load failed"
UNPICKLED = (AttributeError, pickle.PicklingError)  # the latter since Python 3.14


@pytest.fixture
def path(tmp_path):
    """Where a checkpoint is to be saved."""
    return tmp_path / "checkpoint.pt"


@pytest.fixture
def weights():
    """The `state_dict` of a layer of ones."""
    return summing(nn.Linear(2, 1)).state_dict()


@fact("torch.load", "torch.nn.Module.load_state_dict", myth="torch.load of a saved state_dict gives the model back")
def test_of_a_state_dict_gives_no_model(path, weights):
    """`torch.load(path).eval()` raises "'collections.OrderedDict' object has no attribute 'eval'" of a `state_dict`."""
    torch.save(weights, path)
    with pytest.raises(AttributeError, match="'collections.OrderedDict' object has no attribute 'eval'"):
        torch.load(path, weights_only=True).eval()
    model = nn.Linear(2, 1)
    model.load_state_dict(torch.load(path, weights_only=True))
    same(model(torch.ones(1, 2)), torch.tensor([[2.0]]))


@fact(
    "torch.nn.Module.load_state_dict",
    myth="a model that performs worse after loading a checkpoint was saved wrongly",
    hint="model.eval() after load_state_dict",
)
def test_of_a_checkpoint_perform_worse_until_eval(device):
    """A model with `Dropout` performs worse after loading a checkpoint into a new model, until `eval()`."""
    was = nn.Sequential(summing(nn.Linear(2, 1)), nn.Dropout()).to(device).eval()
    now = nn.Sequential(nn.Linear(2, 1), nn.Dropout()).to(device)
    now.load_state_dict(was.state_dict())
    x, target = torch.ones(64, 2, device=device), torch.full((64, 1), 2.0, device=device)
    loss = nn.MSELoss()
    assert loss(was(x), target) == 0 < loss(now(x), target)
    assert loss(now.eval()(x), target) == 0


@fact("torch.nn.Module.load_state_dict", hint='model.load_state_dict(checkpoint["model"])')
def test_of_a_checkpoint_takes_its_part_for_the_model(weights):
    """A whole checkpoint for `load_state_dict` raises "Missing key(s)" and "Unexpected key(s)": "model", "epoch"."""
    checkpoint, model = {"model": weights, "epoch": 3}, nn.Linear(2, 1)
    with pytest.raises(RuntimeError, match=r'Missing key[^$]*Unexpected key\(s\) in state_dict: "model", "epoch"'):
        model.load_state_dict(checkpoint)
    model.load_state_dict(checkpoint["model"])
    same(model(torch.ones(1, 2)), torch.tensor([[2.0]]))


@fact("torch.nn.Module.load_state_dict", hint='{key.removeprefix("module."): value for key, value in state.items()}')
@pytest.mark.parametrize("prefix", ["module.", "_orig_mod."])
def test_of_keys_with_a_prefix_takes_them_without(weights, prefix):
    """Keys with `module.` of DDP, or `_orig_mod.` of `compile`, are "Unexpected key(s)" until `removeprefix`."""
    saved, model = {prefix + key: value for key, value in weights.items()}, nn.Linear(2, 1)
    with pytest.raises(RuntimeError, match=rf'Unexpected key\(s\) in state_dict: "{prefix}weight"'):
        model.load_state_dict(saved)
    model.load_state_dict({key.removeprefix(prefix): value for key, value in saved.items()})
    same(model(torch.ones(1, 2)), torch.tensor([[2.0]]))


@fact("torch.nn.modules.utils.consume_prefix_in_state_dict_if_present")
def test_of_keys_with_a_prefix_is_helped_by_torch(weights):
    """`consume_prefix_in_state_dict_if_present(state, "module.")` takes the prefix off in place."""
    saved = {f"module.{key}": value for key, value in weights.items()}
    nn.modules.utils.consume_prefix_in_state_dict_if_present(saved, "module.")
    assert set(saved) == {"weight", "bias"}
    same(saved["weight"], weights["weight"])


@fact("torch.nn.Module.load_state_dict", myth="strict=False skips what does not fit", hint="drop those keys first")
def test_of_another_number_of_classes_drops_the_head(weights):
    """A head of other classes raises "size mismatch for 1.weight" with `strict=False` too, until its keys are gone."""
    saved = {f"{layer}.{key}": value for layer in (0, 1) for key, value in weights.items()}
    model = nn.Sequential(nn.Linear(2, 1), nn.Linear(2, 5))
    with pytest.raises(RuntimeError, match="size mismatch for 1.weight: copying a param with shape"):
        model.load_state_dict(saved, strict=False)
    kept = {key: value for key, value in saved.items() if not key.startswith("1.")}
    assert model.load_state_dict(kept, strict=False).missing_keys == ["1.weight", "1.bias"]
    same(model[0](torch.ones(1, 2)), torch.tensor([[2.0]]))


class Lambda(nn.Module):
    """A module that keeps a lambda, as a transform or an activation."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.activation = lambda x: x


@fact("torch.save", hint="torch.save(model.state_dict(), path), or a named function instead of the lambda")
def test_of_a_lambda_needs_the_state_dict(path):
    """`torch.save` of a model that keeps a lambda raises "Can't pickle", of its `state_dict` it does not."""
    with pytest.raises(UNPICKLED, match="Can't (pickle|get) local object"):
        torch.save(Lambda(), path)
    torch.save(Lambda().state_dict(), path)
    same(torch.load(path, weights_only=True)["weight"], torch.ones(1))


PLAIN = {  # what a training script keeps, and the same in plain values
    "numpy": (numpy.float64(0.5), float, 0.5),
    "Namespace": (argparse.Namespace(lr=0.5), vars, {"lr": 0.5}),
}


@fact("torch.load", "torch.save", hint="float(loss) and vars(args) before torch.save")
@pytest.mark.parametrize("kind", PLAIN)
def test_of_a_checkpoint_with_other_classes_needs_plain_values(path, kind):
    """A NumPy loss or `argparse` options in a checkpoint: "Weights only load failed", until `float` or `vars`."""
    value, plain, want = PLAIN[kind]
    torch.save({"kept": value}, path)
    with pytest.raises(pickle.UnpicklingError, match=REFUSED):
        torch.load(path, weights_only=True)
    torch.save({"kept": plain(value)}, path)
    assert torch.load(path, weights_only=True) == {"kept": want}


@fact("torch.load", hint="look into the file: download it again, or git lfs pull")
@pytest.mark.parametrize(
    ("content", "key"),
    [(b"<!DOCTYPE html>", "<"), (b"version https://git-lfs.github.com/spec/v1", "v")],
    ids=["html", "lfs"],
)
def test_of_a_web_page_tells_its_first_letter(path, content, key):
    """`torch.load` of a web page or a git-lfs pointer in place of the weights raises "invalid load key, '<'" or 'v'."""
    path.write_bytes(content)
    with pytest.raises(pickle.UnpicklingError, match=f"invalid load key, '{key}'"):
        torch.load(path, weights_only=False)


@pytest.fixture
def of_cuda(path, monkeypatch):
    """The path of a tensor that says of itself that it was saved on a GPU."""
    with monkeypatch.context() as patch:
        patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        torch.save(torch.tensor([3.0]), path)
    return path


@fact("torch.load", hint='map_location="cpu"')
@pytest.mark.cpu
def test_of_a_gpu_needs_map_location(of_cuda, monkeypatch):
    """`torch.load` of a GPU's file: "Attempting to deserialize object on a CUDA device", until `map_location="cpu"`."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="Attempting to deserialize object on a CUDA device"):
        torch.load(of_cuda, weights_only=False)
    same(torch.load(of_cuda, map_location="cpu", weights_only=True), torch.tensor([3.0]))


@fact("torch.optim.lr_scheduler.StepLR", hint="load the optimizer's state before the scheduler is made")
def test_of_a_rate_needs_its_first():
    """`StepLR(last_epoch=3)` raises "param 'initial_lr' is not specified", until the optimizer's state is loaded."""
    weight, resumed = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    optimizer, another = (torch.optim.SGD([w], lr=0.5) for w in (weight, resumed))
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    with pytest.raises(KeyError, match="param 'initial_lr' is not specified in param_groups"):
        torch.optim.lr_scheduler.StepLR(another, 1, last_epoch=3)
    another.load_state_dict(optimizer.state_dict())
    assert torch.optim.lr_scheduler.StepLR(another, 1, last_epoch=3).base_lrs == [0.5]
