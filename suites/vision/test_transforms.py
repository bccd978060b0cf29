"""Transforms of images: to tensors and between dtypes, normalized, resized, cropped, flipped, and colored otherwise."""

import numpy
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from torchproof import close, fact, same
from torchproof.suites.vision.images import image


@pytest.fixture
def version(request):
    """Transforms of the first or the second version, as the parameter says."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def picture():
    """A PIL image, three pixels wide and two high, whose red is 0 to 250 in steps of 50."""
    from PIL import Image

    red = numpy.arange(0, 300, 50, dtype=numpy.uint8).reshape(2, 3, 1)
    return Image.fromarray(numpy.concatenate([red, red // 2, red // 5], axis=2))


VERSIONS = ["", ".v2"]  # of the transforms, which have the same names
EITHER = pytest.mark.parametrize("version", ["transforms", "v2"], indirect=True)


@fact("torchvision.transforms.ToTensor", requires="torchvision", claims=["D12"])
def test_to_tensor_scales_bytes(transforms, picture):
    """`ToTensor` makes of a PIL image a float32 tensor (channels, height, width) from 0 to 1: bytes over 255."""
    got = transforms.ToTensor()(picture)
    close(got[0], numpy.arange(0, 300, 50).reshape(2, 3) / 255, roundings=1)
    assert (got.shape, got.dtype) == ((3, 2, 3), torch.float32)


@fact(
    "torchvision.transforms.v2.ToTensor",
    requires="torchvision",
    hint="v2.ToImage(), v2.ToDtype(torch.float32, scale=True)",
)
@pytest.mark.filterwarnings("always:The transform `ToTensor")
def test_to_tensor_of_the_second_version_is_deprecated(v2, picture):
    """`v2.ToTensor()` warns that it "is deprecated and will be removed", and still scales bytes to 0 to 1."""
    with pytest.warns(UserWarning, match="is deprecated and will be removed"):
        to_tensor = v2.ToTensor()
    close(to_tensor(picture)[0], numpy.arange(0, 300, 50).reshape(2, 3) / 255, roundings=1)


@fact("torchvision.transforms.ToTensor", requires="torchvision", myth="ToTensor always scales to 0 to 1")
def test_to_tensor_leaves_floats_as_they_are(transforms):
    """`ToTensor` does not scale an array of floats: it only moves the channels to the front."""
    array = numpy.arange(6, dtype=numpy.float32).reshape(1, 2, 3) * 100
    same(transforms.ToTensor()(array), array.transpose(2, 0, 1))


@fact(*(f"torchvision.transforms{version}.PILToTensor" for version in VERSIONS), requires="torchvision")
@EITHER
def test_pil_to_tensor_keeps_bytes(version, picture):
    """`PILToTensor` makes of a PIL image a uint8 tensor (channels, height, width) of the same bytes."""
    same(version.PILToTensor()(picture), numpy.array(picture).transpose(2, 0, 1))


@fact(*(f"torchvision.transforms{version}.ToPILImage" for version in VERSIONS), requires="torchvision")
@EITHER
def test_to_pil_image_takes_bytes_as_they_are(version):
    """`ToPILImage` of a uint8 tensor (channels, height, width) is an image of the same bytes."""
    x = image()
    assert numpy.asarray(version.ToPILImage()(x)).tolist() == x.permute(1, 2, 0).tolist()


@fact(*(f"torchvision.transforms{version}.ToPILImage" for version in VERSIONS), requires="torchvision")
@EITHER
def test_to_pil_image_multiplies_floats_by_255(version):
    """`ToPILImage` of a float tensor takes 0 to 1 for 0 to 255."""
    got = version.ToPILImage()(torch.tensor([[[0.0, 0.2, 1.0]]]))
    assert numpy.asarray(got).tolist() == [[0, 51, 255]]


@fact(*(f"torchvision.transforms{version}.ConvertImageDtype" for version in VERSIONS), requires="torchvision")
@EITHER
def test_convert_image_dtype_scales(version):
    """`ConvertImageDtype(torch.float32)` divides bytes by 255."""
    close(version.ConvertImageDtype(torch.float32)(image()), image().double() / 255, roundings=2)


@fact(*(f"torchvision.transforms{version}.Normalize" for version in VERSIONS), requires="torchvision", claims=["D12"])
@EITHER
def test_normalize(version):
    """`Normalize(mean, std)` gives a new image: each channel less its mean, divided by its standard deviation."""
    x = torch.tensor([3.0, 5]).view(2, 1, 1)
    same(version.Normalize([1, 2], [4, 2])(x), torch.tensor([0.5, 1.5]).view(2, 1, 1))
    same(x.flatten(), [3.0, 5])


@fact(
    *(f"torchvision.transforms{version}.Normalize" for version in VERSIONS),
    requires="torchvision",
    hint="scale to floats first: ToTensor, or v2.ToDtype(scale=True)",
)
@EITHER
def test_normalize_refuses_bytes(version):
    """`Normalize` of a uint8 tensor is refused with TypeError "should be a float tensor"."""
    with pytest.raises(TypeError, match="(?i)should be a float tensor"):
        version.Normalize([0.5], [0.5])(image())


@fact("torchvision.transforms.Normalize", requires="torchvision", hint="put ToTensor before Normalize")
def test_normalize_refuses_a_picture(transforms, picture):
    """`Normalize` of a PIL image, before `ToTensor`, is refused with TypeError "should be Tensor Image"."""
    with pytest.raises(TypeError, match="(?i)should be a? ?tensor image"):
        transforms.Normalize([0.5], [0.5])(picture)


@fact(*(f"torchvision.transforms{version}.Compose" for version in VERSIONS), requires="torchvision", claims=["D12"])
@EITHER
def test_compose_calls_one_after_the_other(version):
    """`Compose` gives the result of each transform to the next, in the order of its list."""
    composed = version.Compose([lambda x: x + 1, lambda x: x * 10])
    same(composed(torch.tensor([1, 2])), [20, 30])


@fact(
    *(f"torchvision.transforms{version}.Resize" for version in VERSIONS),
    requires="torchvision",
    myth="Resize(n) gives a square",
)
@EITHER
def test_resize_to_a_number_keeps_the_ratio(version):
    """`Resize(n)` makes the shorter side n, and the other in proportion."""
    assert version.Resize(2, antialias=True)(image(4, 6)).shape == (3, 2, 3)


@fact(
    *(f"torchvision.transforms{version}.Resize" for version in VERSIONS),
    requires="torchvision",
    myth="sizes are (width, height), as PIL has them",
)
@EITHER
def test_resize_takes_height_before_width(version, picture):
    """`Resize((h, w))` takes the height first, also of a PIL image, whose `size` says the width first."""
    assert version.Resize((8, 5))(picture).size == (5, 8)


def stripes():
    """Black and white columns of one pixel, in the middle between two of a quarter of the width."""
    return torch.tensor([0.0, 0, 0, 1, 0, 0, 0, 0]).expand(1, 8, 8)


@fact(
    *(f"torchvision.transforms{version}.Resize" for version in VERSIONS),
    requires="torchvision",
    since="2.2",
    calls="not antialias, resampled",
)
@EITHER
def test_resize_of_a_tensor_antialiases(version):
    """`Resize` of a tensor to a smaller one averages over all pixels: a line of one pixel does not vanish."""
    assert float(version.Resize((2, 2))(stripes()).sum()) > 0


@fact("torchvision.transforms.Resize", requires="torchvision", until="2.2", calls="not antialias, resampled")
@pytest.mark.filterwarnings("ignore:The default value of the antialias")
def test_resize_of_a_tensor_skipped_pixels(transforms):
    """`Resize` of a tensor reads only the pixels nearest to each new one: a line of one pixel may vanish."""
    assert float(transforms.Resize((2, 2))(stripes()).sum()) == 0


@fact(*(f"torchvision.transforms{version}.Resize" for version in VERSIONS), requires="torchvision")
@EITHER
def test_resize_to_the_nearest_pixel(version):
    """`Resize` to twice the size with `InterpolationMode.NEAREST` repeats each pixel, and keeps uint8."""
    from torchvision.transforms import InterpolationMode

    x = image(2, 3)
    got = version.Resize((4, 6), interpolation=InterpolationMode.NEAREST)(x)
    same(got, x.repeat_interleave(2, 1).repeat_interleave(2, 2))


@fact(*(f"torchvision.transforms{version}.CenterCrop" for version in VERSIONS), requires="torchvision")
@EITHER
def test_center_crop(version):
    """`CenterCrop((h, w))` cuts the middle out."""
    same(version.CenterCrop((2, 4))(image().float()), image().float()[:, 1:3, 1:5])


@fact(
    *(f"torchvision.transforms{version}.CenterCrop" for version in VERSIONS),
    requires="torchvision",
    myth="CenterCrop refuses an image that is too small",
)
@EITHER
def test_center_crop_pads_what_is_too_small(version):
    """`CenterCrop` of an image smaller than what it is to cut puts zeros around it."""
    x = image(2, 2)
    want = torch.zeros(3, 4, 4, dtype=torch.uint8)
    want[:, 1:3, 1:3] = x
    same(version.CenterCrop(4)(x), want)


@fact(*(f"torchvision.transforms{version}.Pad" for version in VERSIONS), requires="torchvision")
@EITHER
def test_pad_names_left_top_right_bottom(version):
    """`Pad` takes four numbers for left, top, right and bottom, in this order, and fills with `fill`."""
    want = torch.full((3, 4 + 2 + 4, 6 + 1 + 3), 9, dtype=torch.uint8)
    want[:, 2:6, 1:7] = image()
    same(version.Pad((1, 2, 3, 4), fill=9)(image()), want)


FLIPS = {"RandomHorizontalFlip": -1, "RandomVerticalFlip": -2}


@fact(
    *(f"torchvision.transforms.{name}" for name in FLIPS),
    *(f"torchvision.transforms.v2.{name}" for name in FLIPS),
    requires="torchvision",
)
@EITHER
@pytest.mark.parametrize("flip", FLIPS)
def test_flips(version, flip):
    """`RandomHorizontalFlip(p=1)` reverses the columns, and `RandomVerticalFlip(p=1)` the rows."""
    same(getattr(version, flip)(p=1)(image()), image().flip(FLIPS[flip]))


# Transforms of a probability, with what else they need.
WITH_P = {
    "RandomHorizontalFlip": {}, "RandomVerticalFlip": {}, "RandomInvert": {}, "RandomEqualize": {},
    "RandomAutocontrast": {}, "RandomPosterize": {"bits": 1}, "RandomSolarize": {"threshold": 1},
    "RandomAdjustSharpness": {"sharpness_factor": 3}, "RandomGrayscale": {}, "RandomPerspective": {},
    "RandomErasing": {},
}  # fmt: skip


@fact(
    *(f"torchvision.transforms.{name}" for name in WITH_P),
    *(f"torchvision.transforms.v2.{name}" for name in WITH_P),
    requires="torchvision",
)
@EITHER
@pytest.mark.parametrize("name", WITH_P)
def test_of_probability_zero_do_nothing(version, name):
    """`RandomHorizontalFlip(p=0)`, `RandomErasing(p=0)` and nine other random transforms give the image as it is."""
    transform, x = getattr(version, name)(p=0, **WITH_P[name]), torch.randint(256, (3, 32, 32), dtype=torch.uint8)
    same(torch.stack([transform(x) for _ in range(8)]), torch.stack([x] * 8))


# What a transform of probability one makes of three channels of bytes below 72.
COLORS = {
    "RandomInvert": ({}, lambda x: 255 - x),
    "RandomPosterize": ({"bits": 3}, lambda x: x // 32 * 32),
    "RandomSolarize": ({"threshold": 30}, lambda x: torch.where(x >= 30, 255 - x, x)),
    "RandomAdjustSharpness": ({"sharpness_factor": 1}, lambda x: x),
}


@fact(
    *(f"torchvision.transforms.{name}" for name in COLORS),
    *(f"torchvision.transforms.v2.{name}" for name in COLORS),
    requires="torchvision",
)
@EITHER
@pytest.mark.parametrize("name", COLORS)
def test_colors(version, name):
    """`RandomInvert(p=1)`, `RandomPosterize`, `RandomSolarize`, `RandomAdjustSharpness` change bytes by a formula."""
    options, want = COLORS[name]
    transform = getattr(version, name)(p=1, **options)
    same(torch.stack([transform(image()) for _ in range(8)]), torch.stack([want(image())] * 8))


@fact(*(f"torchvision.transforms{version}.RandomAutocontrast" for version in VERSIONS), requires="torchvision")
@EITHER
def test_autocontrast(version):
    """`RandomAutocontrast(p=1)` spreads the bytes of a channel over 0 to 255."""
    got = version.RandomAutocontrast(p=1)(torch.tensor([[[10, 20], [40, 95]]], dtype=torch.uint8))
    same(got, torch.tensor([[[0, 30], [90, 255]]], dtype=torch.uint8))


@fact(*(f"torchvision.transforms{version}.RandomEqualize" for version in VERSIONS), requires="torchvision")
@EITHER
def test_equalize(version):
    """`RandomEqualize(p=1)` spreads bytes over 0 to 255 by how many there are: of two, as many of each, to the ends."""
    x = torch.tensor([[[100] * 255, [120] * 255]], dtype=torch.uint8)
    same(version.RandomEqualize(p=1)(x), torch.tensor([[[0] * 255, [255] * 255]], dtype=torch.uint8))


@fact(
    *(f"torchvision.transforms{version}.Grayscale" for version in VERSIONS),
    *(f"torchvision.transforms{version}.RandomGrayscale" for version in VERSIONS),
    requires="torchvision",
)
@EITHER
def test_grayscale(version):
    """`Grayscale` weighs red, green and blue with 0.2989, 0.587 and 0.114; `RandomGrayscale` repeats it thrice."""
    x = torch.tensor([0.5, 0.25, 1]).view(3, 1, 1)
    want = 0.2989 * 0.5 + 0.587 * 0.25 + 0.114
    close(version.Grayscale()(x), [[[want]]], roundings=8)
    close(version.RandomGrayscale(p=1)(x), [[[want]]] * 3, roundings=8)


@fact(*(f"torchvision.transforms{version}.ColorJitter" for version in VERSIONS), requires="torchvision")
@EITHER
def test_color_jitter_of_brightness(version):
    """`ColorJitter(brightness=(b, b))` multiplies each pixel of a float image with b, up to 1."""
    close(version.ColorJitter(brightness=(2, 2))(torch.full((3, 1, 2), 0.3)), [[[0.6] * 2]] * 3, roundings=2)
    same(version.ColorJitter(brightness=(2, 2))(torch.full((3, 1, 2), 0.7)), torch.ones(3, 1, 2))


@fact(*(f"torchvision.transforms{version}.RandomErasing" for version in VERSIONS), requires="torchvision")
@EITHER
def test_random_erasing(version):
    """`RandomErasing(p=1, value=0)` gives a copy of the image with zeros in a part, and the rest as it was."""
    x = image(16, 16).float() + 1
    got = version.RandomErasing(p=1, value=0)(x)
    erased = got == 0
    assert 0 < int(erased.sum()) < x.numel()
    same(got[~erased], x[~erased])
    assert float(x.min()) == 1


@fact(
    *(f"torchvision.transforms{version}.RandomRotation" for version in VERSIONS),
    requires="torchvision",
    myth="a positive angle turns clockwise",
)
@EITHER
def test_rotation_is_counter_clockwise(version):
    """`RandomRotation((90, 90))` turns the image by 90 degrees counter-clockwise."""
    x = image(4, 4)
    same(version.RandomRotation((90, 90))(x), torch.rot90(x, 1, (1, 2)))


@fact(*(f"torchvision.transforms{version}.LinearTransformation" for version in VERSIONS), requires="torchvision")
@EITHER
def test_linear_transformation(version):
    """`LinearTransformation` gives the flattened image less the mean, as a row, times the matrix."""
    x, mean = torch.tensor([[[1.0, 2]]]), torch.tensor([1.0, 0])
    got = version.LinearTransformation(torch.tensor([[1.0, 2], [3, 4]]), mean)(x)
    same(got, [[[6.0, 8]]])


@fact(*(f"torchvision.transforms{version}.RandomAffine" for version in VERSIONS), requires="torchvision")
@EITHER
def test_affine_without_a_range_is_the_image(version):
    """`RandomAffine(0)` gives the image as it is."""
    same(version.RandomAffine(0)(image()), image())


@fact(*(f"torchvision.transforms{version}.GaussianBlur" for version in VERSIONS), requires="torchvision")
@EITHER
def test_gaussian_blur(version):
    """`GaussianBlur(3, s)` weighs the neighbours of a pixel with exp(-d² / 2s²), the sum of all weights being 1."""
    x = torch.zeros(1, 5, 5)
    x[0, 2, 2] = 1
    side = numpy.exp(-0.5)
    line = numpy.array([0, side, 1, side, 0]) / (1 + 2 * side)
    close(version.GaussianBlur(3, (1.0, 1.0))(x), numpy.outer(line, line)[None], roundings=8, scale=1)


@fact(*(f"torchvision.transforms{version}.FiveCrop" for version in VERSIONS), requires="torchvision")
@EITHER
def test_five_crop(version):
    """`FiveCrop` cuts out both upper corners, both lower corners and the center, in this order."""
    x = image()
    got = version.FiveCrop(2)(x)
    for one, want in zip(got, [x[:, :2, :2], x[:, :2, 4:], x[:, 2:, :2], x[:, 2:, 4:], x[:, 1:3, 2:4]]):
        same(one, want)
    assert len(got) == 5


@fact(*(f"torchvision.transforms{version}.TenCrop" for version in VERSIONS), requires="torchvision")
@EITHER
def test_ten_crop(version):
    """`TenCrop` is the five crops of the image, then those of the image mirrored."""
    got = version.TenCrop(2)(image())
    same(got[0], image()[:, :2, :2])
    same(got[5], image().flip(-1)[:, :2, :2])
    assert len(got) == 10


@fact(*(f"torchvision.transforms{version}.Lambda" for version in VERSIONS), requires="torchvision")
@EITHER
def test_lambda(version):
    """`Lambda(f)` calls f, once."""
    seen = []
    same(version.Lambda(lambda x: seen.append(x) or x + 1)(torch.tensor([1, 2])), [2, 3])
    assert len(seen) == 1


def results(transform):
    """What it gives of the same vector in many calls, each result once."""
    return torch.stack([transform(torch.tensor([1, 2])) for _ in range(32)]).unique(dim=0)


@fact(*(f"torchvision.transforms{version}.RandomApply" for version in VERSIONS), requires="torchvision")
@EITHER
def test_random_apply(version):
    """`RandomApply(list, p)` calls all of its transforms or none of them."""
    either = version.RandomApply([lambda x: x + 1, lambda x: x * 10], p=0.5)
    same(results(either), [[1, 2], [20, 30]])


@fact(*(f"torchvision.transforms{version}.RandomChoice" for version in VERSIONS), requires="torchvision")
@EITHER
def test_random_choice(version):
    """`RandomChoice` calls one of its transforms each time."""
    one = version.RandomChoice([lambda x: x + 1, lambda x: x * 10])
    same(results(one), [[2, 3], [10, 20]])


@fact(*(f"torchvision.transforms{version}.RandomOrder" for version in VERSIONS), requires="torchvision")
@EITHER
def test_random_order(version):
    """`RandomOrder` calls all of its transforms, in a random order."""
    shuffled = version.RandomOrder([lambda x: x + 1, lambda x: x * 10])
    same(results(shuffled), [[11, 21], [20, 30]])


# --- what is random ---------------------------------------------------------------------------------------------------

CROPS = [
    *(f"torchvision.transforms{version}.RandomCrop" for version in VERSIONS),
    *(f"torchvision.transforms{version}.RandomResizedCrop" for version in VERSIONS),
]
NAMED = pytest.mark.parametrize("name", ["RandomCrop", "RandomResizedCrop"])


@fact(*(f"torchvision.transforms{version}.RandomCrop" for version in VERSIONS), requires="torchvision")
@EITHER
def test_random_crop_cuts_a_part_out(version):
    """`RandomCrop(n)` is n by n pixels that lie together in the image."""
    x = image(8, 8).float()
    got = version.RandomCrop(2)(x)
    start = int(got[0, 0, 0])
    same(got, x[:, start // 8 :][:, :2, start % 8 :][..., :2])


@fact(*(f"torchvision.transforms{version}.RandomResizedCrop" for version in VERSIONS), requires="torchvision")
@EITHER
def test_random_resized_crop_always_has_its_size(version):
    """`RandomResizedCrop((h, w))` gives an image of this size: of a constant image, the same constant."""
    same(version.RandomResizedCrop((5, 7), antialias=True)(torch.full((1, 9, 8), 0.5)), torch.full((1, 5, 7), 0.5))


@fact(
    *(f"torchvision.transforms{version}.RandomCrop" for version in VERSIONS),
    requires="torchvision",
    hint="pass pad_if_needed=True",
)
@EITHER
def test_random_crop_refuses_a_small_image(version):
    """`RandomCrop` of an image smaller than what it is to cut is refused with ValueError "larger than"."""
    with pytest.raises(ValueError, match="larger than"):
        version.RandomCrop(10)(image())


@fact(*CROPS, requires="torchvision", myth="random.seed makes transforms repeatable")
@EITHER
@NAMED
def test_repeat_after_torch_manual_seed(version, name):
    """`RandomCrop` and `RandomResizedCrop` cut the same out again after `torch.manual_seed`."""
    crop = getattr(version, name)(3)
    x = torch.rand(1, 32, 32)
    torch.manual_seed(1)
    first = crop(x)
    torch.manual_seed(1)
    same(crop(x), first)
    assert not torch.equal(crop(x), first)


class Squares(Dataset):
    """Sixteen times the same image, cut out at random as it is read."""

    def __init__(self, transform):
        self.transform, self.image = transform, torch.arange(4096.0).view(1, 64, 64)

    def __len__(self):
        return 16

    def __getitem__(self, index):
        return self.transform(self.image)


@fact(
    *(f"torchvision.transforms{version}.RandomCrop" for version in VERSIONS),
    requires="torchvision",
    claims=["D11"],
    myth="augmentation adds images to the dataset",
)
@EITHER
def test_a_random_transform_changes_an_image_each_time_it_is_read(version):
    """`RandomCrop` in a dataset augments an image otherwise as it is read again: more than 4 ways in 8 readings."""
    read = Squares(version.RandomCrop(8))
    assert len({read[0][0, 0, 0].item() for _ in range(8)}) > 4


@fact(
    *(f"torchvision.transforms{version}.RandomCrop" for version in VERSIONS),
    requires="torchvision",
    myth="workers all augment alike",
)
@pytest.mark.slow
@EITHER
def test_workers_augment_each_in_its_own_way(version):
    """`RandomCrop` in two workers of a `DataLoader` cuts out other parts in each: their seeds of torch differ."""
    loader = DataLoader(Squares(version.RandomCrop(8)), num_workers=2)
    starts = [batch[0, 0, 0, 0].item() for batch in loader]
    assert starts[::2] != starts[1::2]


@fact(
    *(f"torchvision.transforms{version}.AutoAugment" for version in VERSIONS),
    "torchvision.transforms.AutoAugmentPolicy",
    requires="torchvision",
    hint="pass AutoAugmentPolicy.IMAGENET",
)
@EITHER
def test_auto_augment_refuses_a_policy_as_text(version):
    """`AutoAugment("imagenet")` is refused with ValueError "is not recognized": it takes an `AutoAugmentPolicy`."""
    with pytest.raises(ValueError, match="imagenet is not recognized"):
        version.AutoAugment("imagenet")
    assert version.AutoAugment(version.AutoAugmentPolicy("imagenet")).policy is version.AutoAugmentPolicy.IMAGENET


@fact(*(f"torchvision.transforms{version}.AugMix" for version in VERSIONS), requires="torchvision")
@EITHER
def test_aug_mix(version):
    """`AugMix` gives bytes of the image's size: a black image stays black, others are mixed with changed copies."""
    black, mix = torch.zeros(3, 4, 8, dtype=torch.uint8), version.AugMix()
    same(mix(black), black)
    got = torch.stack([mix(image(8, 8)) for _ in range(8)])
    assert (got.shape, got.dtype) == ((8, 3, 8, 8), torch.uint8)
    assert len(got.unique(dim=0)) > 1


@fact(*(f"torchvision.transforms{version}.AugMix" for version in VERSIONS), requires="torchvision")
@EITHER
def test_aug_mix_refuses_a_severity_above_ten(version):
    """`AugMix(severity=11)` is refused with ValueError "must be between [1, 10]"."""
    with pytest.raises(ValueError, match="must be between"):
        version.AugMix(severity=11)


@fact(*(f"torchvision.transforms{version}.ElasticTransform" for version in VERSIONS), requires="torchvision")
@EITHER
def test_elastic_transform_without_strength_is_the_image(version):
    """`ElasticTransform(alpha=0.0)` gives the image as it is."""
    still = version.ElasticTransform(alpha=0.0, sigma=0.5)
    same(still(image()), image())
    same(still(image(6, 4)), image(6, 4))


@fact(*(f"torchvision.transforms{version}.ElasticTransform" for version in VERSIONS), requires="torchvision")
@EITHER
def test_elastic_transform_moves_pixels(version):
    """`ElasticTransform` with InterpolationMode.NEAREST moves the pixels of an image, differently at each call."""
    from torchvision.transforms import InterpolationMode

    move = version.ElasticTransform(sigma=1.0, interpolation=InterpolationMode.NEAREST, fill=0)
    got = torch.stack([move(image(8, 8)) for _ in range(4)])
    assert (got.shape, got.dtype) == ((4, 3, 8, 8), torch.uint8)
    assert len(got.unique(dim=0)) == 4
    assert set(got[:, 1].unique().tolist()) <= {0, *range(64, 128)}


POLICIES = ["AutoAugment", "TrivialAugmentWide"]


@fact(
    *(f"torchvision.transforms{version}.AutoAugment" for version in VERSIONS),
    *(f"torchvision.transforms{version}.TrivialAugmentWide" for version in VERSIONS),
    requires="torchvision",
)
@EITHER
@pytest.mark.parametrize("name", POLICIES)
def test_policies_keep_size_and_dtype(version, name):
    """`AutoAugment` and `TrivialAugmentWide` give bytes of the image's size, at some calls changed, at others not."""
    x, policy = image(8, 8), getattr(version, name)()
    got = [policy(x) for _ in range(64)]
    assert {(one.shape, one.dtype) for one in got} == {(x.shape, torch.uint8)}
    assert {torch.equal(one, x) for one in got} == {True, False}
    assert policy(image(4, 8)).shape == (3, 4, 8)


@fact(*(f"torchvision.transforms{version}.RandAugment" for version in VERSIONS), requires="torchvision")
@EITHER
def test_rand_augment_does_num_ops(version):
    """`RandAugment(num_ops=0)` gives the image as it is, and `RandAugment()` mostly another of its size and dtype."""
    x, nothing = image(8, 8), version.RandAugment(num_ops=0)
    for one in (x, image(4, 8), image(8, 4)):
        same(nothing(one), one)
    got = torch.stack([version.RandAugment()(x) for _ in range(8)])
    assert (got.shape, got.dtype) == ((8, 3, 8, 8), torch.uint8)
    assert not torch.equal(got, torch.stack([x] * 8))
