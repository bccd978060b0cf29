"""The second version of transforms: images with their boxes and masks, batches, and tensors that know what they are."""

import pytest
import torch

from torchproof import close, fact, same
from torchproof.suites.vision.images import image


def numbered(side):
    """A square of one channel in which each pixel has its number."""
    return torch.arange(float(side * side)).view(1, side, side)


def part_of(square, cut):
    """What of the square was cut, by the first pixel and the size of the cut."""
    top, left = divmod(int(cut[0, 0, 0]), square.shape[1])
    return square[:, top : top + cut.shape[1], left : left + cut.shape[2]]


@pytest.fixture
def boxes(tv_tensors):
    """One box in an image of four rows and six columns."""
    return tv_tensors.BoundingBoxes(torch.tensor([[1.0, 0, 3, 2]]), format="XYXY", canvas_size=(4, 6))


@fact(
    "torchvision.transforms.v2.ToDtype",
    since="2.1",
    calls="scale=True",
    gain=True,
    requires="torchvision",
    claims=["D12"],
)
def test_to_dtype_scales(v2):
    """`v2.ToDtype(torch.float32, scale=True)` divides bytes by 255."""
    close(v2.ToDtype(torch.float32, scale=True)(image()), image().double() / 255, roundings=2)


@fact("torchvision.transforms.v2.ToDtype", requires="torchvision", myth="ToDtype scales to 0 to 1 as ToTensor does")
def test_to_dtype_does_not_scale_unless_asked(v2):
    """`v2.ToDtype(torch.float32)` keeps the values of bytes, from 0 to 255."""
    same(v2.ToDtype(torch.float32)(image()), image().float())


@fact("torchvision.transforms.v2.functional.to_dtype", requires="torchvision")
def test_to_dtype_scales_between_integers(v2):
    """`v2.functional.to_dtype(x, torch.uint8, scale=True)` of floats takes 1 for 255."""
    got = v2.functional.to_dtype(torch.tensor([[[0.0, 1]]]), torch.uint8, scale=True)
    same(got, torch.tensor([[[0, 255]]], dtype=torch.uint8))


@fact("torchvision.transforms.v2.ToImage", "torchvision.tv_tensors.Image", requires="torchvision")
def test_to_image_keeps_bytes(v2, tv_tensors):
    """`v2.ToImage` makes of an array (height, width, channels) an `Image` of the same bytes, channels first."""
    got = v2.ToImage()(image().permute(1, 2, 0).numpy())
    assert type(got) is tv_tensors.Image
    same(got.as_subclass(torch.Tensor), image())


@fact("torchvision.transforms.v2.RandomHorizontalFlip", "torchvision.tv_tensors.BoundingBoxes", requires="torchvision")
def test_flip_takes_boxes_along(v2, boxes):
    """`v2.RandomHorizontalFlip(p=1)` flips the boxes of an image with it."""
    _, got = v2.RandomHorizontalFlip(p=1)(image(), boxes)
    assert got.tolist() == [[3, 0, 5, 2]]


@fact("torchvision.transforms.v2.RandomVerticalFlip", "torchvision.tv_tensors.Mask", requires="torchvision")
def test_flip_takes_masks_along(v2, tv_tensors):
    """`v2.RandomVerticalFlip(p=1)` flips the masks of an image with it."""
    mask = torch.arange(24).view(1, 4, 6)
    _, got = v2.RandomVerticalFlip(p=1)(image(), tv_tensors.Mask(mask))
    same(got.as_subclass(torch.Tensor), mask.flip(1))


@fact("torchvision.transforms.v2.Resize", "torchvision.tv_tensors.BoundingBoxes", requires="torchvision")
def test_resize_takes_boxes_along(v2, boxes):
    """`v2.Resize` scales `BoundingBoxes` and the size of the image that they are in, `canvas_size`."""
    got = v2.Resize((8, 18))(boxes)
    assert (got.tolist(), got.canvas_size) == ([[3, 0, 9, 4]], (8, 18))


@fact(
    "torchvision.transforms.v2.Resize",
    "torchvision.tv_tensors.Mask",
    requires="torchvision",
    myth="masks are interpolated",
)
def test_resize_keeps_the_values_of_masks(v2, tv_tensors):
    """`v2.Resize` takes for each pixel of a mask the nearest one, so that no class comes in between."""
    got = v2.Resize((5, 7))(tv_tensors.Mask(torch.tensor([[[0, 9], [9, 0]]])))
    same(got.as_subclass(torch.Tensor).unique(), [0, 9])


@fact("torchvision.transforms.v2.CenterCrop", "torchvision.tv_tensors.BoundingBoxes", requires="torchvision")
def test_crop_takes_boxes_along(v2, boxes):
    """`v2.CenterCrop` moves `BoundingBoxes` along and cuts them at the border of their new `canvas_size`."""
    got = v2.CenterCrop((2, 4))(boxes)
    assert (got.tolist(), got.canvas_size) == ([[0, 0, 2, 1]], (2, 4))


@fact(
    "torchvision.transforms.v2.Compose",
    "torchvision.transforms.v2.RandomCrop",
    "torchvision.tv_tensors.Image",
    requires="torchvision",
)
def test_takes_any_structure(v2, tv_tensors):
    """`v2.Compose` of `v2.RandomCrop` takes a dict, crops the `Image` in it, and leaves its label and text alone."""
    sample = {"image": tv_tensors.Image(image()), "label": 3, "name": "cat"}
    got = v2.Compose([v2.RandomCrop(2)])(sample)
    assert (got["image"].shape, got["label"], got["name"]) == ((3, 2, 2), 3, "cat")


@fact("torchvision.transforms.v2.RandomHorizontalFlip", "torchvision.tv_tensors.Image", requires="torchvision")
def test_leaves_a_plain_tensor_beside_an_image_alone(v2, tv_tensors):
    """`v2.RandomHorizontalFlip` leaves a plain tensor alone that stands beside an `Image`, which it flips."""
    x, plain = tv_tensors.Image(image()), torch.arange(4).view(1, 2, 2)
    got, beside = v2.RandomHorizontalFlip(p=1)(x, plain)
    same(beside, plain)
    assert got.tolist() == image().flip(-1).tolist()


@fact("torchvision.transforms.v2.RandomHorizontalFlip", requires="torchvision")
def test_takes_the_first_plain_tensor_for_the_image(v2):
    """`v2.RandomHorizontalFlip` of two plain tensors takes the first one for the image, and flips it alone."""
    first, second = v2.RandomHorizontalFlip(p=1)(image(), image())
    same(first, image().flip(-1))
    same(second, image())


@fact("torchvision.transforms.v2.RandomCrop", requires="torchvision", myth="each image of a batch is cut elsewhere")
def test_cuts_a_batch_at_one_place(v2):
    """`v2.RandomCrop` of a batch cuts all of its images at the same place."""
    batch = v2.RandomCrop(2)(image(9, 9).expand(4, 3, 9, 9))
    same(batch, batch[:1].expand(4, 3, 2, 2))


@fact("torchvision.transforms.v2.SanitizeBoundingBoxes", "torchvision.tv_tensors.BoundingBoxes", requires="torchvision")
def test_sanitize_bounding_boxes_drops_their_labels_too(v2, tv_tensors):
    """`v2.SanitizeBoundingBoxes` drops boxes without area together with their labels."""
    boxes = torch.tensor([[1.0, 0, 3, 2], [2, 2, 2, 3], [0, 0, 2, 2]])
    boxes = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(4, 6))
    got = v2.SanitizeBoundingBoxes()({"boxes": boxes, "labels": torch.tensor([5, 6, 7])})
    same(got["boxes"].as_subclass(torch.Tensor), [[1.0, 0, 3, 2], [0, 0, 2, 2]])
    same(got["labels"], [5, 7])


@fact("torchvision.transforms.v2.ClampBoundingBoxes", "torchvision.tv_tensors.BoundingBoxes", requires="torchvision")
def test_clamp_bounding_boxes(v2, tv_tensors):
    """`v2.ClampBoundingBoxes` cuts boxes at the border of their image."""
    boxes = tv_tensors.BoundingBoxes(torch.tensor([[-1.0, 2, 3, 9]]), format="XYXY", canvas_size=(4, 6))
    same(v2.ClampBoundingBoxes()(boxes).as_subclass(torch.Tensor), [[0.0, 2, 3, 4]])


@fact(
    "torchvision.transforms.v2.ConvertBoundingBoxFormat", "torchvision.tv_tensors.BoundingBoxes", requires="torchvision"
)
def test_convert_bounding_box_format(v2, boxes):
    """`v2.ConvertBoundingBoxFormat("CXCYWH")` writes boxes as their center, width and height."""
    same(v2.ConvertBoundingBoxFormat("CXCYWH")(boxes).as_subclass(torch.Tensor), [[2.0, 1, 2, 2]])


PIXELS = ["Image", "Mask", "Video"]


@fact(
    *(f"torchvision.tv_tensors.{name}" for name in PIXELS),
    requires="torchvision",
    myth="an Image stays one in arithmetic",
)
@pytest.mark.parametrize("name", PIXELS)
def test_operations_give_plain_tensors(tv_tensors, name):
    """`x + 1` of a `tv_tensors.Image`, a Mask or a Video gives a plain tensor."""
    same(getattr(tv_tensors, name)(image()[None]) + 1, image()[None] + 1)


@fact("torchvision.tv_tensors.Image", requires="torchvision")
def test_clone_keeps_the_class(tv_tensors):
    """`clone` and `to` of a `tv_tensors.Image` give an Image."""
    x = tv_tensors.Image(image())
    clone, floats = x.clone(), x.to(torch.float32)
    assert type(clone) is type(floats) is tv_tensors.Image
    same(clone.as_subclass(torch.Tensor), image())
    same(floats.as_subclass(torch.Tensor), image().float())


@fact("torchvision.tv_tensors.set_return_type", requires="torchvision")
def test_set_return_type_keeps_the_class(tv_tensors):
    """`x + 1` of an Image gives an Image inside of `tv_tensors.set_return_type("TVTensor")`."""
    with tv_tensors.set_return_type("TVTensor"):
        got = tv_tensors.Image(image()) + 1
    assert type(got) is tv_tensors.Image


@fact("torchvision.tv_tensors.wrap", requires="torchvision")
def test_wrap_makes_boxes_like_others(tv_tensors, boxes):
    """`tv_tensors.wrap(x, like=boxes)` makes x boxes of the same format in an image of the same size."""
    got = tv_tensors.wrap(boxes + 1, like=boxes)
    assert (got.format, got.canvas_size) == (boxes.format, (4, 6))
    same(got.as_subclass(torch.Tensor), [[2.0, 1, 4, 3]])


MIXES = ["CutMix", "MixUp"]


@fact(*(f"torchvision.transforms.v2.{name}" for name in MIXES), requires="torchvision")
@pytest.mark.parametrize("name", MIXES)
def test_mix_labels_as_they_mix_images(v2, name):
    """`v2.CutMix` and `v2.MixUp` give of labels the shares of each class in the mixed image."""
    x, labels = torch.tensor([0.0, 1]).view(2, 1, 1, 1).expand(2, 1, 8, 8), torch.tensor([0, 1])
    mixed, shares = getattr(v2, name)(num_classes=2)(x, labels)
    close(shares, torch.stack([1 - mixed.mean((1, 2, 3)), mixed.mean((1, 2, 3))], 1).double(), roundings=64, scale=1)


@fact("torchvision.transforms.v2.GaussianNoise", requires="torchvision")
def test_gaussian_noise(v2):
    """`v2.GaussianNoise(mean, sigma)` adds noise of this mean and standard deviation, and clips what is above 1."""
    x = torch.full((1, 64, 64), 0.5)
    got = v2.GaussianNoise(0.1, 0.05)(x)
    noise = got - x
    assert (got.shape, got.dtype) == (x.shape, x.dtype)
    assert float(noise.mean()) == pytest.approx(0.1, abs=0.005)
    assert float(noise.std()) == pytest.approx(0.05, abs=0.003)
    assert float(v2.GaussianNoise(0, 5)(x).max()) == 1


@fact("torchvision.transforms.v2.RGB", requires="torchvision")
def test_rgb(v2):
    """`v2.RGB` repeats the one channel of a gray image three times."""
    same(v2.RGB()(image()[:1]), image()[:1].expand(3, 4, 6))


@fact("torchvision.transforms.v2.RandomChannelPermutation", requires="torchvision")
def test_random_channel_permutation(v2):
    """`v2.RandomChannelPermutation` shuffles the channels without changing one."""
    got = [v2.RandomChannelPermutation()(image()) for _ in range(8)]
    same(torch.stack(got).sort(1).values, torch.stack([image()] * 8))
    assert len({str(one.tolist()) for one in got}) > 1


@fact("torchvision.transforms.v2.Identity", requires="torchvision")
def test_identity(v2):
    """`v2.Identity` gives the image as it is."""
    same(v2.Identity()(image()), image())


@fact("torchvision.transforms.v2.UniformTemporalSubsample", requires="torchvision")
def test_uniform_temporal_subsample(v2):
    """`v2.UniformTemporalSubsample(n)` takes n frames of a video, evenly from the first to the last."""
    video = torch.arange(9.0).view(9, 1, 1, 1)
    same(v2.UniformTemporalSubsample(3)(video), torch.tensor([0.0, 4, 8]).view(3, 1, 1, 1))


SIZES = {
    "RandomShortestSize": ({"min_size": [4, 8]}, {(4, 6), (8, 12)}),
    "RandomResize": ({"min_size": 4, "max_size": 6}, {(4, 6), (5, 7)}),
}


@fact(*(f"torchvision.transforms.v2.{name}" for name in SIZES), requires="torchvision")
@pytest.mark.parametrize("name", SIZES)
def test_random_sizes(v2, name):
    """`v2.RandomShortestSize` and `v2.RandomResize` draw the length of the shorter side, and keep ratio and color."""
    options, want = SIZES[name]
    resize = getattr(v2, name)(antialias=True, **options)
    got = [resize(torch.full((3, 4, 6), 7, dtype=torch.uint8)) for _ in range(24)]
    assert {tuple(one.shape[1:]) for one in got} == want
    same(torch.cat([one.flatten() for one in got]).unique(), torch.tensor([7], dtype=torch.uint8))


@fact("torchvision.transforms.v2.RandomZoomOut", requires="torchvision")
def test_random_zoom_out(v2):
    """`v2.RandomZoomOut(p=1)` puts the image somewhere into a larger one of `fill`."""
    zoom = v2.RandomZoomOut(fill=200, side_range=(2, 2), p=1)
    got = torch.stack([zoom(image()) for _ in range(8)])
    assert (got.shape, int((got == 200).sum())) == ((8, 3, 8, 12), 8 * 3 * (8 * 12 - 4 * 6))
    same(got[got < 200], image().flatten().repeat(8))


@fact("torchvision.transforms.v2.ToPureTensor", "torchvision.tv_tensors.Image", requires="torchvision")
def test_to_pure_tensor(v2, tv_tensors):
    """`v2.ToPureTensor` makes of an `Image` a plain tensor of the same values."""
    got = v2.ToPureTensor()(tv_tensors.Image(image()))
    assert type(got) is torch.Tensor
    same(got, image())


@fact("torchvision.transforms.v2.ScaleJitter", requires="torchvision")
def test_scale_jitter(v2):
    """`v2.ScaleJitter(size, scale_range=(s, s))` makes the image as large as fits into s times the size."""
    x = torch.full((3, 4, 8), 7, dtype=torch.uint8)
    got = v2.ScaleJitter((8, 8), scale_range=(2, 2), antialias=True)(x)
    same(got, torch.full((3, 8, 16), 7, dtype=torch.uint8))


@fact("torchvision.transforms.v2.RandomPhotometricDistort", requires="torchvision")
def test_photometric_distort_of_probability_zero_does_nothing(v2):
    """`v2.RandomPhotometricDistort(p=0)` gives the image as it is."""
    same(torch.stack([v2.RandomPhotometricDistort(p=0)(image()) for _ in range(8)]), torch.stack([image()] * 8))


@fact("torchvision.transforms.v2.RandomPhotometricDistort", requires="torchvision")
def test_photometric_distort_shuffles_channels(v2):
    """`v2.RandomPhotometricDistort(p=1)` also shuffles the channels at some calls, beside changing brightness."""
    distort = v2.RandomPhotometricDistort(brightness=(2, 2), contrast=(1, 1), saturation=(1, 1), hue=(0, 0), p=1)
    x = torch.tensor([0.125, 0.25, 0.375]).view(3, 1, 1)
    got = torch.stack([distort(x) for _ in range(16)])
    close(got.sort(1).values, (2 * x).double().expand(16, 3, 1, 1), roundings=16)
    assert len(got.round(decimals=3).unique(dim=0)) > 1


@fact("torchvision.transforms.v2.RandomIoUCrop", requires="torchvision", hint="give the image and its BoundingBoxes")
def test_iou_crop_needs_boxes(v2):
    """`v2.RandomIoUCrop` of an image without boxes is refused with TypeError "requires input sample to contain"."""
    with pytest.raises(TypeError, match="requires input sample to contain"):
        v2.RandomIoUCrop()(image())


@fact(
    "torchvision.transforms.v2.RandomIoUCrop",
    "torchvision.tv_tensors.BoundingBoxes",
    "torchvision.transforms.v2.SanitizeBoundingBoxes",
    requires="torchvision",
    myth="RandomIoUCrop drops the boxes that it cuts off",
)
def test_iou_crop_leaves_what_it_cuts_off_to_sanitize(v2, tv_tensors):
    """`v2.RandomIoUCrop` leaves a box whose middle it cuts off without area: `v2.SanitizeBoundingBoxes` drops it."""
    corners = torch.tensor([[0.0, 0, 16, 16], [48, 48, 64, 64]])
    boxes = tv_tensors.BoundingBoxes(corners, format="XYXY", canvas_size=(64, 64))
    sample = {"image": tv_tensors.Image(numbered(64)), "boxes": boxes, "labels": torch.tensor([5, 6])}
    cut = v2.RandomIoUCrop(max_scale=0.5, sampler_options=[0.0])(sample)
    sides = cut["boxes"][:, 2:] - cut["boxes"][:, :2]
    assert sides.prod(1).count_nonzero() == 1
    assert max(cut["image"].shape[1:]) <= 32
    same(cut["image"].as_subclass(torch.Tensor), part_of(numbered(64), cut["image"]))
    assert len(v2.SanitizeBoundingBoxes()(cut)["labels"]) == 1


@fact("torchvision.transforms.v2.SetClampingMode", requires="torchvision")
@pytest.mark.parametrize(
    ("mode", "want"), [(None, [[-1.0, 2, 3, 9]]), ("hard", [[0.0, 2, 3, 4]])], ids=["none", "hard"]
)
def test_set_clamping_mode(v2, tv_tensors, mode, want):
    """`v2.SetClampingMode(None)` lets boxes reach over the border of their image, which "hard" cuts off."""
    boxes = tv_tensors.BoundingBoxes(torch.tensor([[-1.0, 2, 3, 9]]), format="XYXY", canvas_size=(4, 6))
    got = v2.Compose([v2.SetClampingMode(mode), v2.ClampBoundingBoxes()])(boxes)
    same(got.as_subclass(torch.Tensor), want)


@fact("torchvision.transforms.v2.SetClampingMode", requires="torchvision")
def test_set_clamping_mode_refuses_another(v2):
    """`v2.SetClampingMode` refuses another mode with ValueError "must be soft, hard or None"."""
    with pytest.raises(ValueError, match="must be soft, hard or None"):
        v2.SetClampingMode("medium")


@pytest.fixture
def points(tv_tensors):
    """Two points in an image of four rows and six columns, and two beyond its border."""
    places = torch.tensor([[1.0, 2], [7, 2], [5, 3], [-2, 9]])
    return tv_tensors.KeyPoints(places, canvas_size=(4, 6))


@fact("torchvision.transforms.v2.ClampKeyPoints", "torchvision.tv_tensors.KeyPoints", requires="torchvision")
def test_clamp_key_points(v2, points):
    """`v2.ClampKeyPoints` moves key points beyond the border of their image onto its last row and column."""
    got = v2.ClampKeyPoints()(points)
    same(got.as_subclass(torch.Tensor), [[1.0, 2], [5, 2], [5, 3], [0, 3]])


@fact("torchvision.transforms.v2.SanitizeKeyPoints", "torchvision.tv_tensors.KeyPoints", requires="torchvision")
def test_sanitize_key_points(v2, points):
    """`v2.SanitizeKeyPoints(labels_getter="default")` drops key points outside of the image with their labels."""
    got = v2.SanitizeKeyPoints(labels_getter="default")({"points": points, "labels": torch.tensor([5, 6, 7, 8])})
    same(got["points"].as_subclass(torch.Tensor), [[1.0, 2], [5, 3]])
    same(got["labels"], [5, 7])


@fact("torchvision.transforms.v2.RandomHorizontalFlip", "torchvision.tv_tensors.KeyPoints", requires="torchvision")
def test_flip_takes_key_points_along(v2, points):
    """`v2.RandomHorizontalFlip(p=1)` flips the key points of an image with it."""
    got = v2.RandomHorizontalFlip(p=1)(points)
    assert got[[0, 2]].tolist() == [[4, 2], [0, 3]]


@fact("torchvision.tv_tensors.Video", "torchvision.transforms.v2.RandomCrop", requires="torchvision")
def test_crop_cuts_the_frames_of_a_video_alike(v2, tv_tensors):
    """`v2.RandomCrop` of a `tv_tensors.Video` (frames, channels, height, width) cuts all frames at one place."""
    got = v2.RandomCrop(2)(tv_tensors.Video(numbered(9).expand(4, 1, 9, 9)))
    assert (type(got), got.shape) == (tv_tensors.Video, (4, 1, 2, 2))
    same(got.as_subclass(torch.Tensor), part_of(numbered(9), got[0]).expand(4, 1, 2, 2))


@fact("torchvision.transforms.v2.JPEG", requires="torchvision")
@pytest.mark.parametrize("quality", [5, 90])
@pytest.mark.filterwarnings("ignore:The image decoding and encoding capabilities")
def test_jpeg_compresses(v2, io, quality):
    """`v2.JPEG(quality)` gives what is left of an image once it is compressed to a JPEG of this quality."""
    x = torch.randint(256, (3, 16, 16), dtype=torch.uint8)
    same(v2.JPEG(quality)(x), io.decode_jpeg(io.encode_jpeg(x, quality)))


@fact(
    "torchvision.transforms.v2.Transform",
    "torchvision.tv_tensors.Image",
    requires="torchvision",
    since="2.6",
    calls="any",
    gain=True,
)
def test_transforms_of_ones_own(v2, tv_tensors):
    """A subclass of `v2.Transform` changes each part of a sample by what its `make_params` has drawn once."""

    class Brighter(v2.Transform):
        def make_params(self, flat_inputs):
            return {"by": torch.randint(1, 9, ())}

        def transform(self, inpt, params):
            return inpt + params["by"]

    first, second = Brighter()(tv_tensors.Image(torch.zeros(1, 2, 2)), tv_tensors.Image(torch.ones(1, 2, 2)))
    same(second - first, torch.ones(1, 2, 2))
    assert len(first.unique()) == 1
    assert first.min() >= 1


@fact("torchvision.transforms.v2.Resize", requires="torchvision", hint="v2.ToImage() before it")
def test_resize_passes_an_array_through(v2):
    """`v2.Resize` does not resize a NumPy array: it gives it back, without an error."""
    array = image(2, 2).numpy()
    assert v2.Resize((4, 4), antialias=True)(array) is array
    same(v2.Resize((4, 4), antialias=True)(torch.ones(1, 2, 2)), torch.ones(1, 4, 4))


@fact(
    "torchvision.transforms.v2.ToDtype",
    since="2.1",
    calls="scale=True",
    gain=True,
    requires="torchvision",
    myth="v2.ToDtype(scale=True) gives exactly the values of ToTensor",
)
def test_to_dtype_differs_from_to_tensor_by_a_rounding(v2, transforms):
    """`v2.ToDtype(scale=True)` gives other values than `ToTensor` for some bytes, by two roundings at most."""
    x = torch.arange(256, dtype=torch.uint8).view(1, 16, 16)
    got, want = v2.ToDtype(torch.float32, scale=True)(x), transforms.ToTensor()(x[0].numpy())
    close(got, want.double(), roundings=2)
    assert not torch.equal(got, want)


@fact("torchvision.transforms.v2.query_chw", "torchvision.transforms.v2.query_size", requires="torchvision")
def test_query_of_a_sample(v2):
    """`v2.query_size` gives the (height, width) of a sample's image, and `query_chw` its channels before them."""
    sample = [image(4, 6), 1]
    assert (v2.query_size(sample), v2.query_chw(sample)) == ((4, 6), (3, 4, 6))
