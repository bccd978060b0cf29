"""Models of images: their builders and weights, what they give in training and in evaluation, and other heads."""

import pytest
import torch
from torch import nn

from torchproof import fact, same

# Of families one that is soon made, and others. Sizes are told on the meta device, where a model costs no memory.
FAMILIES = [
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "inception_v3", "mnasnet1_0", "mobilenet_v3_small",
    "regnet_y_400mf", "resnet18", "shufflenet_v2_x1_0", "squeezenet1_0", "swin_t", "vgg11", "vit_b_16",
]  # fmt: skip
OTHERS = [
    "convnext_base", "convnext_large", "convnext_small", "densenet161", "densenet169", "densenet201",
    "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4", "efficientnet_b5", "efficientnet_b6",
    "efficientnet_b7", "efficientnet_v2_l", "efficientnet_v2_m", "efficientnet_v2_s", "maxvit_t", "mnasnet0_5",
    "mnasnet0_75", "mnasnet1_3", "mobilenet_v2", "mobilenet_v3_large", "regnet_x_16gf", "regnet_x_1_6gf",
    "regnet_x_32gf", "regnet_x_3_2gf", "regnet_x_400mf", "regnet_x_800mf", "regnet_x_8gf", "regnet_y_128gf",
    "regnet_y_16gf", "regnet_y_1_6gf", "regnet_y_32gf", "regnet_y_3_2gf", "regnet_y_800mf", "regnet_y_8gf",
    "resnet101", "resnet152", "resnet34", "resnet50", "resnext101_32x8d", "resnext101_64x4d", "resnext50_32x4d",
    "shufflenet_v2_x0_5", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0", "squeezenet1_1", "swin_b", "swin_s",
    "swin_v2_b", "swin_v2_s", "swin_v2_t", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn",
    "vit_b_32", "vit_h_14", "vit_l_16", "vit_l_32", "wide_resnet101_2", "wide_resnet50_2",
]  # fmt: skip
EVERY = [*FAMILIES, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
NAMES = [f"torchvision.models.{name}" for name in (*FAMILIES, *OTHERS)]

pytestmark = pytest.mark.filterwarnings("ignore:The default weight initialization of")


@pytest.fixture
def without_memory(models, monkeypatch):
    """Makes a model on the meta device: it needs no memory, and computes nothing but shapes."""
    widths = models.regnet.BlockParams.from_init_params

    def read(*args, **options):  # A RegNet computes with tensors how wide it is.
        with torch.device("cpu"):
            return widths(*args, **options)

    monkeypatch.setattr(models.regnet.BlockParams, "from_init_params", read)

    def make(builder, **options):
        with torch.device("meta"):
            return builder(**options)

    return make


@pytest.fixture
def small(models):
    """A small model of few classes, in evaluation."""
    return models.squeezenet1_1(num_classes=5).eval()


@fact(*NAMES, requires="torchvision", claims=["H01"])
@pytest.mark.parametrize("name", EVERY)
def test_have_as_many_parameters_as_their_weights_say(models, without_memory, name):
    """`resnet18` and other builders make models of as many parameters as `meta["num_params"]` of their weights."""
    model = without_memory(getattr(models, name))
    *_, weights = models.get_model_weights(name)
    assert sum(parameter.numel() for parameter in model.parameters()) == weights.meta["num_params"]


@fact(*NAMES, requires="torchvision", claims=["H01"])
@pytest.mark.parametrize("name", EVERY)
def test_give_a_score_for_each_class(models, without_memory, name):
    """`resnet18(num_classes=7)` and other models of images give seven scores for each image."""
    model = without_memory(getattr(models, name), num_classes=7).eval()
    *_, weights = models.get_model_weights(name)
    (size,) = weights.transforms().crop_size
    assert model(torch.empty(2, 3, size, size, device="meta")).shape == (2, 7)


@fact("torchvision.models.squeezenet1_1", requires="torchvision", claims=["H01"])
def test_without_weights_is_random(models):
    """`squeezenet1_1()` without `weights` has random ones: two of one seed are equal, two of others are not."""
    made = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        made.append(models.squeezenet1_1().features[0].weight.detach())
    same(made[1], made[0])
    assert not torch.equal(made[2], made[0])


@fact("torchvision.models.squeezenet1_1", requires="torchvision", hint="call model.eval()")
def test_is_built_in_training_mode(models):
    """A model of torchvision, `squeezenet1_1`, is built in training mode: its dropout acts until `model.eval()`."""
    model = models.squeezenet1_1(num_classes=5)
    x = torch.rand(1, 3, 32, 32)
    assert model.training
    assert not torch.equal(model(x), model(x))
    same(model.eval()(x), model(x))


@fact("torchvision.models.squeezenet1_1", requires="torchvision")
def test_takes_other_sizes(models):
    """`squeezenet1_1`, a convolutional model with global pooling, takes images of other sizes than 224: 40 by 64."""
    got = models.squeezenet1_1(num_classes=5).eval()(torch.rand(2, 3, 40, 64))
    assert got.shape == (2, 5)
    assert got.isfinite().all()


@fact("torchvision.models.vit_b_16", requires="torchvision")
def test_vision_transformer_refuses_other_sizes(models):
    """`vit_b_16` refuses images of another size than that it was built for with "Wrong image height"."""
    with torch.device("meta"):
        model = models.vit_b_16()
    with pytest.raises((RuntimeError, AssertionError), match="Wrong image height"):
        model(torch.empty(1, 3, 256, 256, device="meta"))


@fact("torchvision.models.inception_v3", requires="torchvision", myth="a model gives a tensor in training too")
@pytest.mark.slow
def test_inception_gives_auxiliary_logits_in_training(models):
    """`inception_v3` gives `(logits, aux_logits)` in training, and the logits alone in evaluation."""
    with torch.device("meta"):
        model = models.inception_v3(init_weights=False, num_classes=7)
    x = torch.empty(2, 3, 299, 299, device="meta")
    got = model.train()(x)
    assert (got.logits.shape, got.aux_logits.shape) == ((2, 7), (2, 7))
    assert model.eval()(x).shape == (2, 7)


@fact("torchvision.models.googlenet", requires="torchvision", myth="a model gives a tensor in training too")
@pytest.mark.slow
def test_googlenet_gives_two_auxiliary_logits_in_training(models):
    """`googlenet` gives `(logits, aux_logits2, aux_logits1)` in training, and the logits alone in evaluation."""
    with torch.device("meta"):
        model = models.googlenet(init_weights=False, num_classes=7)
    x = torch.empty(2, 3, 224, 224, device="meta")
    assert [one.shape for one in model.train()(x)] == [(2, 7)] * 3
    assert model.eval()(x).shape == (2, 7)


@fact("torchvision.models.googlenet", requires="torchvision")
@pytest.mark.slow
def test_googlenet_without_auxiliary_logits(models):
    """`googlenet(aux_logits=False)` gives logits alone in training, and has the parameters that its weights tell."""
    with torch.device("meta"):
        model = models.googlenet(init_weights=False, aux_logits=False)
    assert model(torch.empty(2, 3, 224, 224, device="meta")).shape == (2, 1000)
    told = models.GoogLeNet_Weights.IMAGENET1K_V1.meta["num_params"]
    assert sum(parameter.numel() for parameter in model.parameters()) == told


# --- weights ----------------------------------------------------------------------------------------------------------


@fact("torchvision.models.resnet18", requires="torchvision", hint="pass weights= instead")
def test_pretrained_is_deprecated(models):
    """`resnet18(pretrained=False)` warns that "'pretrained' is deprecated", and builds the model all the same."""
    with pytest.warns(UserWarning, match="'pretrained' is deprecated"), torch.device("meta"):
        model = models.resnet18(pretrained=False)
    assert model.fc.out_features == 1000


@fact("torchvision.models.resnet18", requires="torchvision")
def test_unknown_weights_are_refused(models):
    """`resnet18(weights="IMAGENET9")`, which its weights do not have, is refused with an error that names it."""
    with pytest.raises((KeyError, AttributeError, ValueError), match="IMAGENET9"):
        models.resnet18(weights="IMAGENET9")


@fact("torchvision.models.resnet18", requires="torchvision")
def test_weights_of_another_model_are_refused(models):
    """`resnet18` refuses weights of `resnet50` with TypeError "Invalid Weight class"."""
    with pytest.raises(TypeError, match="Invalid Weight class"):
        models.resnet18(weights=models.ResNet50_Weights.IMAGENET1K_V1)


def worse(patch):
    from torchvision.models import ResNet50_Weights

    patch.setitem(ResNet50_Weights.DEFAULT.meta["_metrics"]["ImageNet-1K"], "acc@1", 1.0)


def unnormalized(patch):
    patch.setattr("torchvision.transforms.functional.normalize", lambda x, **_: x)


def reversed_classes(patch):
    from torchvision.models import ResNet18_Weights

    meta = ResNet18_Weights.DEFAULT.meta
    patch.setitem(meta, "categories", meta["categories"][::-1])


@fact("torchvision.models.ResNet50_Weights", requires="torchvision", refuter=worse)
def test_default_weights_are_the_best(models):
    """`ResNet50_Weights.DEFAULT` is IMAGENET1K_V2, whose `meta` tells a better accuracy than that of IMAGENET1K_V1."""
    every = models.ResNet50_Weights
    assert every.DEFAULT is every.IMAGENET1K_V2
    first, second = (one.meta["_metrics"]["ImageNet-1K"]["acc@1"] for one in every)
    assert first < second


@fact("torchvision.models.ResNet18_Weights", requires="torchvision", refuter=unnormalized)
def test_weights_tell_their_transforms(models):
    """`ResNet18_Weights.DEFAULT.transforms()` makes an image of 300 by 400 bytes one of 224 by 224, normalized."""
    x = torch.full((3, 300, 400), 255, dtype=torch.uint8)
    got = models.ResNet18_Weights.DEFAULT.transforms()(x)
    assert got.shape == (3, 224, 224)
    means, deviations = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(got[:, 0, 0], (1 - means) / deviations)


@fact("torchvision.models.ResNet18_Weights", requires="torchvision", refuter=reversed_classes)
def test_weights_tell_their_classes(models):
    """`ResNet18_Weights.DEFAULT.meta["categories"]` names the thousand classes in order: 207 is "golden retriever"."""
    categories = models.ResNet18_Weights.DEFAULT.meta["categories"]
    assert (len(categories), categories[0], categories[207]) == (1000, "tench", "golden retriever")


@fact("torchvision.models.get_model", requires="torchvision")
@pytest.mark.slow
def test_get_model_by_name(models):
    """`get_model("squeezenet1_1", …)` builds what `squeezenet1_1(…)` builds, with the same weights after a seed."""
    torch.manual_seed(1)
    model = models.get_model("squeezenet1_1", num_classes=5)
    torch.manual_seed(1)
    want = models.squeezenet1_1(num_classes=5)
    assert type(model) is models.SqueezeNet
    same(nn.utils.parameters_to_vector(model.parameters()), nn.utils.parameters_to_vector(want.parameters()))


@fact("torchvision.models.get_model", requires="torchvision")
def test_get_model_refuses_an_unknown_name(models):
    """`get_model` of a name that no builder has is refused with ValueError "Unknown model"."""
    with pytest.raises(ValueError, match="Unknown model"):
        models.get_model("resnet19")


@fact("torchvision.models.get_model_builder", requires="torchvision")
def test_get_model_builder_by_name(models):
    """`get_model_builder("resnet50")` gives the function `resnet50`."""
    assert models.get_model_builder("resnet50") is models.resnet50


@fact("torchvision.models.get_weight", requires="torchvision")
def test_get_weight_by_name(models):
    """`get_weight("ResNet50_Weights.IMAGENET1K_V2")` gives that member."""
    assert models.get_weight("ResNet50_Weights.IMAGENET1K_V2") is models.ResNet50_Weights.IMAGENET1K_V2


@fact("torchvision.models.get_model_weights", requires="torchvision")
def test_get_model_weights_by_name(models):
    """`get_model_weights("resnet50")` gives the enumeration of its weights."""
    assert models.get_model_weights("resnet50") is models.ResNet50_Weights


@fact("torchvision.models.list_models", requires="torchvision")
def test_list_models(models):
    """`list_models(module=torchvision.models)` names the builders of that module alone."""
    builders = [name for name, one in vars(models).items() if "weights" in getattr(one, "__annotations__", {})]
    assert sorted(models.list_models(module=models)) == sorted(builders)


@fact("torchvision.models.squeezenet1_1", requires="torchvision")
def test_loads_a_state_dict_from_a_file(models, small, tmp_path):
    """A `squeezenet1_1` gives the same scores as another, once it has loaded its `state_dict` from a file."""
    torch.save(small.state_dict(), tmp_path / "weights.pt")
    other = models.squeezenet1_1(num_classes=5).eval()
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    x = torch.rand(2, 3, 32, 32)
    same(other(x), small(x))


@fact("torchvision.models.squeezenet1_1", requires="torchvision", hint="load first, and replace the head then")
def test_weights_of_another_number_of_classes_are_refused(models, small):
    """`squeezenet1_1(num_classes=6)` refuses the `state_dict` of one of 5 classes: "size mismatch for classifier"."""
    with pytest.raises(RuntimeError, match="size mismatch for classifier"):
        models.squeezenet1_1(num_classes=6).load_state_dict(small.state_dict())


# --- heads ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def resnet(models):
    """It needs no memory, and computes nothing but shapes."""
    with torch.device("meta"):
        return models.resnet18()


X = {"size": (2, 3, 64, 64), "device": "meta"}


@fact("torchvision.models.ResNet", "torchvision.models.resnet18", requires="torchvision")
def test_a_replaced_head_gives_other_classes(resnet):
    """`model.fc = nn.Linear(model.fc.in_features, n)` makes a ResNet give n scores."""
    resnet.fc = nn.Linear(resnet.fc.in_features, 7, device="meta")
    got = resnet(torch.empty(**X))
    assert (got.shape, got.dtype) == ((2, 7), torch.float32)


@fact("torchvision.models.ResNet", requires="torchvision", myth="model.children() flatten before the head too")
def test_children_but_the_last_give_features(models):
    """`children()` of a ResNet but the last, in an `nn.Sequential`, give what its `fc` gets, once it is flattened."""
    resnet, x = models.ResNet(models.resnet.BasicBlock, [1, 1, 1, 1]).eval(), torch.rand(2, 3, 32, 32)
    features = nn.Sequential(*list(resnet.children())[:-1])(x)
    assert features.shape == (2, 512, 1, 1)
    same(resnet(x), resnet.fc(features.flatten(1)))


@fact("torchvision.models.ResNet", requires="torchvision", hint="model.requires_grad_(False), and a new head then")
def test_a_frozen_resnet_trains_its_new_head_alone(models):
    """To freeze all layers of a ResNet except the last one is `requires_grad_(False)`, and a new `fc` after it."""
    resnet = models.ResNet(models.resnet.BasicBlock, [1, 1, 1, 1]).eval().requires_grad_(False)
    resnet.fc = nn.Linear(512, 7)
    resnet(torch.rand(2, 3, 32, 32)).sum().backward()
    same(resnet.fc.bias.grad, torch.full((7,), 2.0))
    assert [name for name, one in resnet.named_parameters() if one.grad is not None] == ["fc.weight", "fc.bias"]


@fact("torchvision.models.resnet18", requires="torchvision", myth="model.fc.out_features = n changes the classes")
def test_out_features_changes_nothing(resnet):
    """`model.fc.out_features = n` does not change the scores that a ResNet gives: its weight stays as it is."""
    resnet.fc.out_features = 7
    assert resnet(torch.empty(**X)).shape == (2, 1000)


@fact("torchvision.models.ResNet", "torchvision.models.resnet18", requires="torchvision")
def test_identity_for_a_head_gives_features(resnet):
    """`model.fc = nn.Identity()` makes a ResNet give its features before the head."""
    resnet.fc = nn.Identity()
    assert resnet(torch.empty(**X)).shape == (2, 512)


@fact("torchvision.models.vgg11", requires="torchvision", myth="every model's head is fc")
def test_a_vgg_has_its_head_in_a_classifier(models):
    """The head of `vgg11` is the last layer of `classifier`: `model.fc = …` adds a layer that is never called."""
    with torch.device("meta"):
        model = models.vgg11()
    model.fc = nn.Linear(4096, 7, device="meta")
    assert model(torch.empty(**X)).shape == (2, 1000)
    model.classifier[-1] = model.fc
    assert model(torch.empty(**X)).shape == (2, 7)


@fact("torchvision.models.feature_extraction.create_feature_extractor", requires="torchvision")
def test_create_feature_extractor(models, small):
    """`create_feature_extractor(model, {node: name})` gives a model whose output is a dict of what nodes give."""
    from torchvision.models import feature_extraction

    x = torch.rand(2, 3, 32, 32)
    got = feature_extraction.create_feature_extractor(small, {"features.2": "first", "classifier": "last"})(x)
    assert list(got) == ["first", "last"]
    same(got["first"], small.features[:3](x))
    same(got["last"].flatten(1), small(x))


@fact("torchvision.models.feature_extraction.create_feature_extractor", requires="torchvision")
def test_create_feature_extractor_refuses_an_unknown_node(small):
    """`create_feature_extractor` refuses a node that the model does not have with ValueError "is not present"."""
    from torchvision.models import feature_extraction

    with pytest.raises(ValueError, match="is not present in model"):
        feature_extraction.create_feature_extractor(small, ["features.99"])


@fact("torchvision.models.feature_extraction.get_graph_node_names", requires="torchvision")
def test_get_graph_node_names(small):
    """`get_graph_node_names` names what the model computes in training and in evaluation, in order."""
    from torchvision.models import feature_extraction

    training, evaluation = feature_extraction.get_graph_node_names(small)
    assert (evaluation[:2], evaluation[-1]) == (["x", "features.0"], "flatten")
    assert set(evaluation) <= set(training)


@fact("torchvision.models.squeezenet1_1", requires="torchvision")
def test_intermediate_layer_getter(small):
    """`IntermediateLayerGetter(model, {layer: name})` gives a dict of what these intermediate layers give."""
    from torchvision.models import _utils

    x = torch.rand(1, 3, 32, 32)
    got = _utils.IntermediateLayerGetter(small, {"features": "maps"})(x)
    assert list(got) == ["maps"]
    same(got["maps"], small.features(x))


# --- of other tasks ---------------------------------------------------------------------------------------------------

ALONE = {"weights": None, "weights_backbone": None}
SEGMENTING = [
    "fcn_resnet50",
    "fcn_resnet101",
    "deeplabv3_resnet50",
    "deeplabv3_resnet101",
    "deeplabv3_mobilenet_v3_large",
    "lraspp_mobilenet_v3_large",
]


@fact(*(f"torchvision.models.segmentation.{name}" for name in SEGMENTING), requires="torchvision")
@pytest.mark.slow
@pytest.mark.parametrize("name", SEGMENTING)
def test_segmentation_scores_each_pixel(models, name):
    """`fcn_resnet50` and other models of segmentation give a dict, in which "out" has scores for each pixel."""
    with torch.device("meta"):
        model = getattr(models.segmentation, name)(**ALONE, num_classes=4).eval()
    got = model(torch.empty(2, 3, 64, 96, device="meta"))
    assert got["out"].shape == (2, 4, 64, 96)


VIDEO = ["mc3_18", "r2plus1d_18", "r3d_18", "swin3d_b", "swin3d_s", "swin3d_t"]
POOLING = ["s3d", "mvit_v1_b", "mvit_v2_s"]  # in three dimensions, which torch 2.0 cannot on the meta device


@fact(*(f"torchvision.models.video.{name}" for name in (*VIDEO, *POOLING)), requires="torchvision")
@pytest.mark.parametrize("name", [*VIDEO, *POOLING])
@pytest.mark.slow
def test_video_models_have_as_many_parameters_as_their_weights_say(models, without_memory, name):
    """`r3d_18` and other models of videos have as many parameters as `meta["num_params"]` of their weights."""
    model = without_memory(getattr(models.video, name))
    weights = models.get_model_weights(name).DEFAULT
    assert sum(parameter.numel() for parameter in model.parameters()) == weights.meta["num_params"]


@fact(*(f"torchvision.models.video.{name}" for name in VIDEO), requires="torchvision")
@pytest.mark.parametrize("name", [pytest.param(one, marks=[pytest.mark.slow] * (one[0] in "ms")) for one in VIDEO])
def test_video_takes_channels_before_frames(models, name):
    """`r3d_18` and other models of videos score each video of (batch, channels, frames, height, width)."""
    with torch.device("meta"):
        model = getattr(models.video, name)(num_classes=7).eval()
    assert model(torch.empty(2, 3, 16, 224, 224, device="meta")).shape == (2, 7)


NORMS = 53_120  # weights and biases of BatchNorm2d in a ResNet50
MAPPED = {  # those without `weights` have them, and those with weights have them frozen
    "fasterrcnn_resnet50_fpn": NORMS, "fasterrcnn_resnet50_fpn_v2": 0, "fasterrcnn_mobilenet_v3_large_fpn": 24_400,
    "fcos_resnet50_fpn": NORMS, "keypointrcnn_resnet50_fpn": NORMS, "maskrcnn_resnet50_fpn": NORMS,
    "maskrcnn_resnet50_fpn_v2": 0, "retinanet_resnet50_fpn": NORMS, "retinanet_resnet50_fpn_v2": 0, "ssd300_vgg16": 0,
    "fasterrcnn_mobilenet_v3_large_320_fpn": 24_400, "ssdlite320_mobilenet_v3_large": 0,
}  # fmt: skip


@fact(*(f"torchvision.models.detection.{name}" for name in MAPPED), requires="torchvision")
@pytest.mark.parametrize("name", MAPPED)
@pytest.mark.slow
def test_detectors_have_as_many_parameters_as_their_weights_say(models, without_memory, name):
    """`fasterrcnn_resnet50_fpn` and others untrained have `num_params`, and parameters of norms that weights freeze."""
    weights = models.get_model_weights(name).DEFAULT
    builder, classes = getattr(models.detection, name), len(weights.meta["categories"])
    model = without_memory(builder, **ALONE, num_classes=classes)
    assert sum(parameter.numel() for parameter in model.parameters()) == weights.meta["num_params"] + MAPPED[name]


FLOWS = ["raft_large", "raft_small"]


@fact(*(f"torchvision.models.optical_flow.{name}" for name in FLOWS), requires="torchvision")
@pytest.mark.slow
@pytest.mark.parametrize("name", FLOWS)
def test_optical_flow_gives_a_flow_for_each_update(models, without_memory, name):
    """`raft_small(first, second, num_flow_updates=n)` gives a list of n flows, each two numbers a pixel."""
    model = without_memory(getattr(models.optical_flow, name)).eval()
    frames = torch.empty(2, 3, 128, 128, device="meta")
    assert [flow.shape for flow in model(frames, frames, num_flow_updates=3)] == [(2, 2, 128, 128)] * 3


DETECTING = ["FasterRCNN", "RetinaNet"]
NAMES_OF_DETECTORS = [f"torchvision.models.detection.{name}" for name in DETECTING]


@pytest.fixture(params=DETECTING)
def detector(request, models, ops):
    """One of a single convolution, that has learnt nothing and keeps what it is least sure of."""
    backbone = nn.Conv2d(3, 8, 3, stride=8)
    backbone.out_channels = 8
    anchors = models.detection.anchor_utils.AnchorGenerator(((16,),), ((1.0,),))
    options = {
        "FasterRCNN": {
            "rpn_anchor_generator": anchors,
            "box_roi_pool": ops.MultiScaleRoIAlign(["0"], 3, 2),
            "box_score_thresh": 0.0,
        },
        "RetinaNet": {"anchor_generator": anchors, "score_thresh": 0.0},
    }
    make = getattr(models.detection, request.param)
    return make(backbone, num_classes=3, min_size=64, max_size=96, **options[request.param])


@fact(*NAMES_OF_DETECTORS, requires="torchvision", myth="a detector takes a batch and gives a tensor")
def test_detection_gives_a_dict_for_each_image(detector):
    """`FasterRCNN` and `RetinaNet` in evaluation take a list of images, and give boxes, labels and scores of each."""
    got = detector.eval()([torch.rand(3, 64, 96), torch.rand(3, 80, 64)])
    assert [set(one) for one in got] == [{"boxes", "labels", "scores"}] * 2
    for one, (height, width) in zip(got, [(64, 96), (80, 64)]):
        assert len(one["boxes"]) == len(one["labels"]) == len(one["scores"]) > 0
        assert (one["boxes"] <= torch.tensor([width, height] * 2)).all()
        assert set(one["labels"].tolist()) <= {0, 1, 2}
        assert (one["boxes"].dtype, one["scores"].dtype) == (torch.float32, torch.float32)


@fact(*NAMES_OF_DETECTORS, requires="torchvision", myth="a detector gives boxes in training too")
@pytest.mark.slow
def test_detection_gives_losses_in_training(detector):
    """`FasterRCNN` and `RetinaNet` in training give a dict of losses instead of boxes: their sum is to be minimized."""
    target = {"boxes": torch.tensor([[4.0, 4, 40, 40]]), "labels": torch.tensor([1])}
    losses = detector.train()([torch.rand(3, 64, 64)] * 2, [target] * 2)
    assert all(loss.shape == () and loss.isfinite() for loss in losses.values())
    sum(losses.values()).backward()
    assert detector.backbone.weight.grad.count_nonzero() > 0


@fact(*NAMES_OF_DETECTORS, requires="torchvision", hint="pass targets, or call model.eval()")
def test_detection_in_training_refuses_no_targets(detector):
    """`FasterRCNN` and `RetinaNet` in training refuse images alone: "targets should not be none"."""
    with pytest.raises((AssertionError, ValueError), match="(?i)targets should not be none"):
        detector.train()([torch.rand(3, 64, 64)])


@fact(*NAMES_OF_DETECTORS, requires="torchvision", hint="drop such boxes: x2 > x1 and y2 > y1")
def test_detection_refuses_a_box_without_area(detector):
    """`FasterRCNN` and `RetinaNet` refuse a box without width: "All bounding boxes should have positive height"."""
    target = {"boxes": torch.tensor([[4.0, 4, 4, 40]]), "labels": torch.tensor([1])}
    with pytest.raises((AssertionError, ValueError), match="All bounding boxes should have positive height"):
        detector([torch.rand(3, 64, 64)], [target])
