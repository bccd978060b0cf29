"""Another head for a pre-trained model: replacing it, loading without it, and taking features before it."""

import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.suites.training.line import column, line


class Network(nn.Module):
    """A backbone and a head, between which `forward` flattens."""

    def __init__(self, classes):
        super().__init__()
        self.backbone = nn.Conv2d(1, 2, 3)
        self.head = nn.Linear(2 * 2 * 2, classes)

    def forward(self, x):
        return self.head(torch.relu(self.backbone(x)).flatten(1))


def images(device):
    return torch.arange(32.0, device=device).view(2, 1, 4, 4) / 32


@fact("torch.nn.Linear", "torch.nn.Module.requires_grad_", claims=["F03"])
def test_that_replaces_another_is_trained_though_the_model_was_frozen(device):
    """A head that replaces another after `requires_grad_(False)` of the model is the only layer that is trained."""
    model = Network(10).to(device).requires_grad_(False)
    model.head = nn.Linear(8, 3, device=device)
    assert model(images(device)).shape == (2, 3)
    assert [name for name, p in model.named_parameters() if p.requires_grad] == ["head.weight", "head.bias"]


@fact("torch.nn.Module.requires_grad_", hint="freeze first, then replace the head")
def test_that_replaces_another_before_freezing_is_frozen(device):
    """A head that is replaced before `requires_grad_(False)` of the model is frozen with it: nothing can be trained."""
    model = Network(10).to(device)
    model.head = nn.Linear(8, 3, device=device)
    model.requires_grad_(False)
    with pytest.raises(RuntimeError, match="does not require grad"):
        model(images(device)).sum().backward()


@fact("torch.nn.Module.requires_grad_")
def test_that_is_thawed_alone_gets_the_only_gradient(device):
    """`model.head.requires_grad_()` after freezing the model thaws the head: `backward` reaches no other weight."""
    model = Network(3).to(device).requires_grad_(False)
    model.head.requires_grad_()
    model(images(device)).sum().backward()
    assert model.backbone.weight.grad is None and model.head.weight.grad is not None


@fact("torch.optim.SGD", hint="make the optimizer after replacing the head")
def test_that_replaces_another_is_unknown_to_an_older_optimizer(device):
    """`SGD` made before the head was replaced does not train the new one."""
    model = nn.Sequential(line(1.0, device), line(2.0, device))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    old, model[1] = model[1], line(4.0, device)
    model(column(1.0, device=device)).sum().backward()
    optimizer.step()
    assert [layer.weight.item() for layer in (*model, old)] == [-1.0, 4.0, 2.0]


@fact("torch.optim.Optimizer.add_param_group")
def test_that_replaces_another_is_added_to_an_older_optimizer(device):
    """`add_param_group` has an optimizer that was made before the head was replaced train the new one too."""
    model = nn.Sequential(line(1.0, device), line(2.0, device))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    model[1] = line(4.0, device)
    optimizer.add_param_group({"params": model[1].parameters()})
    model(column(1.0, device=device)).sum().backward()
    optimizer.step()
    assert [layer.weight.item() for layer in model] == [-1.0, 3.5]


@fact("torch.nn.Linear", myth="setting out_features changes the layer", hint="replace the layer")
def test_is_not_changed_by_its_attributes(device):
    """`head.out_features = 3` changes a number that is printed, and neither weight nor output of `Linear`."""
    head = nn.Linear(4, 10, device=device)
    head.out_features = 3
    assert head(torch.ones(2, 4, device=device)).shape == (2, 10)
    assert "out_features=3" in repr(head)


@fact("torch.nn.Identity")
def test_that_is_an_identity_leaves_features(device):
    """A model whose head is an `Identity` gives the features that the head was given."""
    model = Network(10).to(device)
    want = torch.relu(model.backbone(images(device))).flatten(1).detach()
    model.head = nn.Identity()
    with torch.no_grad():
        got = model(images(device))
    same(got, want.cpu())
    assert want.shape == (2, 8)


@fact(
    "torch.nn.Module.children",
    "torch.nn.Sequential",
    myth="Sequential(*list(model.children())[:-1]) gives the features",
    hint="put an Identity in the place of the head, or use a forward hook",
)
def test_left_out_by_children_leaves_out_what_forward_does(device):
    """`Sequential(*list(model.children())[:-1])` leaves out what `forward` does between layers: relu and flatten."""
    model = Network(10).to(device)
    features = nn.Sequential(*list(model.children())[:-1])(images(device))
    same(features.detach(), model.backbone(images(device)).detach().cpu())
    assert features.shape == (2, 2, 2, 2)


@fact("torch.nn.Module.register_forward_hook")
def test_is_given_features_that_a_hook_can_take(device):
    """A `register_forward_hook` on the head is told the features that it is given, with the model as it is."""
    model, taken = Network(10).to(device), []
    hook = model.head.register_forward_hook(lambda module, given, result: taken.append(given[0].detach()))
    model(images(device))
    hook.remove()
    model(images(device))
    assert [features.shape for features in taken] == [(2, 8)]
    same(taken[0], torch.relu(model.backbone(images(device))).flatten(1).detach().cpu())


# --- loading without it -----------------------------------------------------------------------------------------------


@fact("torch.nn.Module.load_state_dict", myth="strict=False loads whatever fits", hint="drop the head's keys first")
@pytest.mark.parametrize("strict", [True, False], ids=["strict", "not_strict"])
def test_of_other_classes_is_refused_even_when_not_strict(strict):
    """A checkpoint with a head of other classes is refused, even by `strict=False`: "size mismatch for head.weight"."""
    with pytest.raises(RuntimeError, match=r"size mismatch for head\.weight"):
        Network(3).load_state_dict(Network(10).state_dict(), strict=strict)


@fact("torch.nn.Module.load_state_dict")
def test_that_is_dropped_from_the_checkpoint_stays_as_it_was():
    """Without the head's keys a checkpoint is loaded by `load_state_dict(strict=False)`, which names the missing."""
    old, new = Network(10), Network(3)
    before = new.head.weight.detach().clone()
    state = {name: value for name, value in old.state_dict().items() if not name.startswith("head.")}
    with pytest.raises(RuntimeError, match="Missing key"):
        new.load_state_dict(state)
    missing, unexpected = new.load_state_dict(state, strict=False)
    assert (missing, unexpected) == (["head.weight", "head.bias"], [])
    same(new.head.weight.detach(), before)
    same(new.backbone.weight.detach(), old.backbone.weight.detach())


@fact("torch.nn.Module.load_state_dict", myth="no error from strict=False means that the weights were loaded")
def test_and_all_else_of_other_names_are_left_out_in_silence():
    """`load_state_dict(strict=False)` loads nothing, without an error, where every key has a prefix, as "module."."""
    model = Network(3)
    before = model.backbone.weight.detach().clone()
    state = {f"module.{name}": torch.zeros_like(value) for name, value in model.state_dict().items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert (len(missing), len(unexpected)) == (4, 4)
    same(model.backbone.weight.detach(), before)


# --- sizes that do not fit --------------------------------------------------------------------------------------------


def convolutional(features):
    """A convolution and pooling of images of 8 by 8, and a head for so many features."""
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(features, 10))


@fact("torch.nn.Linear", "torch.nn.Flatten", claims=["E08"], hint="in_features is channels * height * width: 4 * 3 * 3")
def test_for_another_number_of_features_is_refused(device):
    """A `Linear` behind a CNN of other features is refused: "mat1 and mat2 shapes cannot be multiplied"."""
    x = torch.ones(2, 3, 8, 8, device=device)
    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied \(2x36 and 64x10\)"):
        convolutional(64).to(device)(x)
    assert convolutional(4 * 3 * 3).to(device)(x).shape == (2, 10)


@fact("torch.nn.Linear", "torch.nn.Flatten", claims=["E08"])
def test_is_refused_for_images_of_another_size(device):
    """A CNN with a `Linear` behind `Flatten` takes images of one size: a larger one "cannot be multiplied"."""
    model = convolutional(36).to(device)
    assert model(torch.ones(2, 3, 8, 8, device=device)).shape == (2, 10)
    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied \(2x64 and 36x10\)"):
        model(torch.ones(2, 3, 10, 10, device=device))


@fact("torch.nn.AdaptiveAvgPool2d", claims=["E08"])
@pytest.mark.parametrize("size", [8, 10, 15])
def test_behind_adaptive_pooling_takes_images_of_any_size(device, size):
    """With `AdaptiveAvgPool2d(1)` before it a head takes a number a channel, whatever the size of the image."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10)).to(device)
    assert model(torch.ones(2, 3, size, size, device=device)).shape == (2, 10)
    assert model[:3](torch.ones(2, 3, size, size, device=device)).shape == (2, 4)


# --- models of torchvision --------------------------------------------------------------------------------------------


def small(**options):
    """A small image model of torchvision, without weights from elsewhere."""
    from torchvision import models

    return models.squeezenet1_1(**options)


@fact("torchvision.models.squeezenet1_1", requires="torchvision", claims=["H01"])
def test_of_an_image_model_of_torchvision_gives_a_score_a_class():
    """`torchvision.models.squeezenet1_1()` builds an image model, an `nn.Module`, that scores 1000 classes."""
    model = small().eval()
    assert isinstance(model, nn.Module)
    with torch.no_grad():
        assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 1000)


@fact(
    "torchvision.models.squeezenet1_1",
    "torch.manual_seed",
    requires="torchvision",
    claims=["H01"],
    myth="torchvision.models.<name>() builds a pre-trained model",
    hint='weights="DEFAULT"',
)
def test_and_all_else_of_a_model_of_torchvision_are_random_by_default():
    """`torchvision.models.squeezenet1_1()` without `weights=` is not pre-trained: its weights are random, as seeded."""
    states = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        states.append(small(num_classes=3).state_dict()["features.0.weight"])
    same(states[1], states[0])
    assert not torch.equal(states[2], states[0])
