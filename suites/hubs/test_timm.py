"""`timm`: image models by name, their heads and features, data and weights; heads without it are in suites/transfer."""

import numpy
import pytest
import torch
from torch import nn

from torchproof import close, fact, same

TIMM = "timm>=1.0.11"
FEATURES = "https://huggingface.co/docs/timm/feature_extraction"


def images(count=2):
    """Images that are all different."""
    return torch.rand(count, 3, 64, 64)


def backbone(model):
    """The state of a model but for its head."""
    return {name: value for name, value in model.state_dict().items() if not name.startswith("fc.")}


@fact("timm.create_model", requires=TIMM, claims=["H03"])
def test_creates_a_module_of_torch(create):
    """`timm.create_model` builds a `torch.nn.Module` by name, which gives a logit for each of `num_classes`."""
    model = create(num_classes=5).eval()
    assert isinstance(model, nn.Module) and model(images()).shape == (2, 5)


@fact("timm.create_model", requires=TIMM, myth="timm.create_model gives a model that is ready for inference")
def test_creates_models_in_training_mode(create):
    """`timm.create_model` gives a model in training mode: `BatchNorm` makes an image's logits depend on the others."""
    torch.manual_seed(0)
    model, x = create(num_classes=5), images(4)
    assert model.training and not torch.allclose(model(x)[:2], model(x[:2]))


@fact("timm.create_model", requires=TIMM, myth="timm.create_model loads pretrained weights", hint="say pretrained=True")
def test_creates_random_weights_by_default(create):
    """`timm.create_model` gives a random head by default: the `fc.weight` of two models of one name differs."""
    one, other = (create(num_classes=5).state_dict() for _ in range(2))
    assert not torch.equal(one["fc.weight"], other["fc.weight"]) and one["fc.weight"].shape == (5, 96)


@fact("timm.create_model", requires=TIMM)
def test_of_pretrained_weights_that_cannot_be_had_is_an_error(create):
    """`timm.create_model(pretrained=True)` without a network raises OSError: "cannot find the requested files"."""
    with pytest.raises(OSError, match="cannot find the requested files in the local cache"):
        create(pretrained=True)


@fact("timm.create_model", requires=TIMM)
def test_refuses_an_unknown_name():
    """`timm.create_model` of a name that it does not know raises "Unknown model"."""
    import timm

    with pytest.raises(RuntimeError, match="Unknown model"):
        timm.create_model("resnet5000")


@fact("timm.create_model", requires=TIMM)
def test_takes_images_of_as_many_channels_as_said(create):
    """`timm.create_model(in_chans=1)` takes images of one channel, and of three raises "to have 1 channels"."""
    model = create(in_chans=1, num_classes=5).eval()
    assert model(images()[:, :1]).shape == (2, 5)
    with pytest.raises(RuntimeError, match="to have 1 channels, but got 3"):
        model(images())


# --- heads and features -----------------------------------------------------------------------------------------------


@fact("timm.create_model", requires=TIMM, source=FEATURES)
def test_without_classes_gives_pooled_features(create):
    """`timm.create_model(num_classes=0)` of a ResNet gives, with no head, the mean of each of `num_features` maps."""
    model = create(num_classes=0).eval()
    maps = model.forward_features(x := images()).detach().double()
    assert model(x).shape == (2, model.num_features)
    close(model(x).detach(), maps.mean((2, 3)), 8, maps.abs().mean((2, 3)))


@fact("timm.create_model", requires=TIMM, source=FEATURES)
def test_with_features_only_gives_a_map_of_each_stage(create):
    """`timm.create_model(features_only=True)` gives a list of maps, as wide and reduced as `feature_info` says."""
    model = create(features_only=True).eval()
    info = zip(model.feature_info.channels(), model.feature_info.reduction())
    assert [tuple(one.shape) for one in model(images())] == [(2, wide, 64 // by, 64 // by) for wide, by in info]


@fact("timm.models.ResNet.reset_classifier", requires=TIMM)
def test_another_head_leaves_the_rest_alone(create):
    """`reset_classifier(3)` of a timm ResNet changes its head alone, to a new `nn.Linear` of three classes."""
    model = create(num_classes=5)
    before = {name: value.clone() for name, value in backbone(model).items()}
    torch.manual_seed(0)
    model.reset_classifier(3)
    torch.manual_seed(0)
    same(model.get_classifier().weight.detach(), nn.Linear(96, 3).weight.detach())
    assert all(torch.equal(backbone(model)[name], value) for name, value in before.items())


@fact("timm.models.ResNet.reset_classifier", requires=TIMM, hint="make the optimizer after reset_classifier",
      myth="an optimizer trains whatever head the model has by then")  # fmt: skip
def test_another_head_is_unknown_to_an_optimizer_from_before(create):
    """An optimizer made before `reset_classifier` of a timm ResNet does not train the new head."""
    model = create(num_classes=5)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    model.reset_classifier(3)
    before = model.get_classifier().weight.detach().clone()
    model(images()).square().sum().backward()
    optimizer.step()
    same(model.get_classifier().weight.detach(), before)
    assert model.get_classifier().weight.grad.any()


# --- weights from files -----------------------------------------------------------------------------------------------


@pytest.fixture
def checkpoint(create, tmp_path):
    """A model of five classes, and the path of the file with its weights."""
    model = create(num_classes=5)
    torch.save(model.state_dict(), tmp_path / "model.pt")
    return model, str(tmp_path / "model.pt")


@fact("timm.create_model", requires=TIMM)
def test_takes_weights_from_a_local_file(create, checkpoint):
    """`timm.create_model(checkpoint_path=...)` loads the weights of a local file of `torch.save`."""
    model, path = checkpoint
    loaded = create(num_classes=5, checkpoint_path=path).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in model.state_dict().items())


@fact(
    "timm.create_model", requires=TIMM, hint="pretrained=True, pretrained_cfg_overlay=dict(file=..., num_classes=...)"
)
def test_refuses_a_file_of_other_classes(create, checkpoint):
    """`timm.create_model(checkpoint_path=...)` of a file for other classes raises "size mismatch" of the head."""
    with pytest.raises(RuntimeError, match=r"size mismatch for fc\.weight"):
        create(num_classes=7, checkpoint_path=checkpoint[1])


@fact("timm.create_model", requires=TIMM, myth="a pretrained model of timm keeps its head whatever num_classes says")
def test_pretrained_for_other_classes_has_a_random_head(create, checkpoint):
    """`timm.create_model(pretrained=True)` for other `num_classes` loads all weights of a file but the head's."""
    model, path = checkpoint
    overlay = {"file": path, "num_classes": 5}
    loaded = create(num_classes=7, pretrained=True, pretrained_cfg_overlay=overlay).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in backbone(model).items())
    assert loaded["fc.weight"].shape == (7, 96)


@fact("timm.create_model", requires=TIMM)
def test_pretrained_for_one_channel_adds_up_the_colours(create, checkpoint):
    """`timm.create_model(pretrained=True, in_chans=1)` adds up the weights of the three colours in the first layer."""
    model, path = checkpoint
    overlay = {"file": path, "num_classes": 5}
    loaded = create(num_classes=5, in_chans=1, pretrained=True, pretrained_cfg_overlay=overlay)
    colours = model.conv1[0].weight.detach().double()
    close(loaded.conv1[0].weight.detach(), colours.sum(1, keepdim=True), 3, colours.abs().sum(1, keepdim=True))


# --- data and training ------------------------------------------------------------------------------------------------


@fact("timm.data.resolve_model_data_config", "timm.data.create_transform", requires=TIMM,
      myth="every pretrained image model is fed with ImageNet's mean and std",
      hint="timm.data.create_transform(**timm.data.resolve_model_data_config(model))")  # fmt: skip
def test_data_are_normalised_as_the_model_was_trained(create):
    """`timm.data.create_transform` of a model's own config normalises by its mean and std, and crops to its size."""
    import timm
    from PIL import Image

    model = create()
    config = timm.data.resolve_model_data_config(model)
    names = ("input_size", "interpolation", "mean", "std", "crop_pct", "crop_mode")
    assert config == {name: model.pretrained_cfg[name] for name in names}
    transform = timm.data.create_transform(**config)
    assert transform.transforms[0].size == int(config["input_size"][1] / config["crop_pct"])
    white = transform(Image.fromarray(numpy.full((200, 300, 3), 255, dtype=numpy.uint8)))
    mean, std = (torch.tensor(model.pretrained_cfg[name]) for name in ("mean", "std"))
    close(white, ((1 - mean) / std)[:, None, None].expand(model.pretrained_cfg["input_size"]), 3)


@fact("timm.optim.create_optimizer_v2", requires=TIMM, myth="weight decay is for all parameters alike")
def test_decay_spares_biases_and_norms(create):
    """`create_optimizer_v2(weight_decay=...)` of timm decays a ResNet's weights of two dimensions and more alone."""
    import timm.optim

    groups = timm.optim.create_optimizer_v2(create(), opt="sgd", weight_decay=0.1).param_groups
    decayed = {group["weight_decay"]: {one.ndim > 1 for one in group["params"]} for group in groups}
    assert decayed == {0.1: {True}, 0.0: {False}}
