"""Functions of transforms, which draw nothing: what is cut, moved and colored, and how large an image is."""

import numpy
import pytest
import torch

from torchproof import close, fact, same
from torchproof.suites.vision.images import image


@pytest.fixture
def functional(request):
    """Functions of the first or the second version of transforms, as the parameter says."""
    return request.getfixturevalue(request.param).functional


VERSIONS = ["", ".v2"]  # of the transforms, whose functions have the same names
EITHER = pytest.mark.parametrize("functional", ["transforms", "v2"], indirect=True)


def erased(x):
    x[:, 1:3, 2:5] = 9
    return x


# What a function is called with, and what NumPy makes of the same bytes.
PLACES = {
    "hflip": ([], lambda x: x[:, :, ::-1]),
    "vflip": ([], lambda x: x[:, ::-1]),
    "crop": ([1, 2, 2, 3], lambda x: x[:, 1:3, 2:5]),  # top, left, height, width
    "resized_crop": ([1, 2, 2, 3, [2, 3]], lambda x: x[:, 1:3, 2:5]),
    "center_crop": ([[2, 4]], lambda x: x[:, 1:3, 1:5]),
    "pad": ([[1, 2]], lambda x: numpy.pad(x, [(0, 0), (2, 2), (1, 1)])),
    "rotate": ([180], lambda x: x[:, ::-1, ::-1]),
    "affine": ([0, [2, 1], 1, [0]], lambda x: numpy.pad(x, [(0, 0), (1, 0), (2, 0)])[:, :4, :6]),
    "erase": ([1, 2, 2, 3, torch.tensor(9, dtype=torch.uint8)], erased),
    "invert": ([], lambda x: 255 - x),
    "posterize": ([3], lambda x: x // 32 * 32),
    "solarize": ([30], lambda x: numpy.where(x >= 30, 255 - x, x)),
}


@fact(
    *(f"torchvision.transforms.functional.{name}" for name in PLACES),
    *(f"torchvision.transforms.v2.functional.{name}" for name in PLACES),
    requires="torchvision",
    myth="crop takes (left, top, right, bottom), as PIL does",
)
@EITHER
@pytest.mark.parametrize("name", PLACES)
def test_bytes_are_what_numpy_makes(functional, name):
    """`crop(x, top, left, height, width)`, `hflip`, `pad`, `erase` and others give what a line of NumPy gives."""
    options, want = PLACES[name]
    x = image()
    same(getattr(functional, name)(x, *options), want(image().numpy()).copy())
    same(x, image())


RED = [0.2989, 0.587, 0.114]  # the shares of red, green and blue in gray

# What a function is called with, and what becomes of a pixel of (0.5, 0.25, 0).
COLORS = {
    "adjust_brightness": ([1.5], [0.75, 0.375, 0]),
    "adjust_contrast": ([0.5], [(one + RED[0] * 0.5 + RED[1] * 0.25) / 2 for one in (0.5, 0.25, 0)]),
    "adjust_gamma": ([2, 3], [0.75, 0.1875, 0]),
    "adjust_hue": ([0.5], [0, 0.25, 0.5]),
    "adjust_saturation": ([0], [RED[0] * 0.5 + RED[1] * 0.25] * 3),
    "adjust_sharpness": ([2], [0.5, 0.25, 0]),
    "normalize": ([[0.5, 0.5, 0.5], [0.25, 0.5, 1]], [0, -0.5, -0.5]),
}


@fact(
    *(f"torchvision.transforms.functional.{name}" for name in COLORS),
    *(f"torchvision.transforms.v2.functional.{name}" for name in COLORS),
    requires="torchvision",
)
@EITHER
@pytest.mark.parametrize("name", COLORS)
def test_colors_of_a_pixel(functional, name):
    """`adjust_brightness`, `adjust_gamma`, `adjust_hue`, `normalize` and others color a pixel by their formula."""
    options, want = COLORS[name]
    x = torch.tensor([0.5, 0.25, 0]).view(3, 1, 1).expand(3, 4, 4)
    got = getattr(functional, name)(x, *options)
    close(got, numpy.broadcast_to(numpy.reshape(want, (3, 1, 1)), (3, 4, 4)), roundings=16, scale=1)
    assert got.dtype is torch.float32


@fact(*(f"torchvision.transforms{version}.functional.get_dimensions" for version in VERSIONS), requires="torchvision")
@EITHER
def test_dimensions(functional):
    """`get_dimensions(x)` gives [channels, height, width]."""
    assert functional.get_dimensions(image()) == [3, 4, 6]


@fact(
    *(f"torchvision.transforms{version}.functional.get_image_size" for version in VERSIONS),
    requires="torchvision",
    myth="get_image_size gives (height, width)",
)
@EITHER
@pytest.mark.filterwarnings("ignore:The function `get_image_size")
def test_image_size(functional):
    """`get_image_size(x)` gives [width, height], as PIL does."""
    assert functional.get_image_size(image()) == [6, 4]


@fact("torchvision.transforms.v2.functional.get_size", requires="torchvision")
def test_size(v2):
    """`v2.functional.get_size(x)` gives [height, width]."""
    assert v2.functional.get_size(image()) == [4, 6]


@fact(
    *(f"torchvision.transforms{version}.functional.get_image_num_channels" for version in VERSIONS),
    requires="torchvision",
)
@EITHER
def test_channels(functional):
    """`get_image_num_channels(x)` gives how many channels an image has."""
    assert functional.get_image_num_channels(image()) == 3


@fact(
    *(f"torchvision.transforms{version}.functional.resize" for version in VERSIONS),
    requires="torchvision",
    myth="resize(x, n) gives a square",
)
@EITHER
def test_resize_to_one_number(functional):
    """`resize(x, [n])` makes the shorter side n and keeps the ratio, so that images may not stack to a batch."""
    got = functional.resize(torch.full((3, 4, 6), 7, dtype=torch.uint8), [8], antialias=True)
    same(got, torch.full((3, 8, 12), 7, dtype=torch.uint8))


@fact(
    *(f"torchvision.transforms{version}.functional.to_pil_image" for version in VERSIONS),
    *(f"torchvision.transforms{version}.functional.pil_to_tensor" for version in VERSIONS),
    requires="torchvision",
)
@EITHER
def test_to_pictures_and_back(functional):
    """`pil_to_tensor(to_pil_image(x))` gives the bytes of `x`, an image of three channels."""
    picture = functional.to_pil_image(image())
    assert (picture.mode, picture.size) == ("RGB", (6, 4))
    same(functional.pil_to_tensor(picture), image())


@fact("torchvision.transforms.functional.to_tensor", requires="torchvision")
def test_to_tensor(transforms):
    """`functional.to_tensor` of an array of bytes (height, width, channels) gives floats of 0 to 1, channels first."""
    got = transforms.functional.to_tensor(image().permute(1, 2, 0).numpy())
    close(got, image().numpy() / 255, roundings=1)
    assert got.dtype is torch.float32


@fact(
    *(f"torchvision.transforms{version}.functional.convert_image_dtype" for version in VERSIONS), requires="torchvision"
)
@EITHER
def test_convert_image_dtype(functional):
    """`convert_image_dtype(x, torch.float32)` divides bytes by 255, which `convert_image_dtype` to uint8 takes back."""
    got = functional.convert_image_dtype(image(), torch.float32)
    close(got, image().numpy() / 255, roundings=2)
    same(functional.convert_image_dtype(got, torch.uint8), image())


@fact(*(f"torchvision.transforms{version}.functional.rgb_to_grayscale" for version in VERSIONS), requires="torchvision")
@EITHER
def test_rgb_to_grayscale(functional):
    """`rgb_to_grayscale` weighs red, green and blue with 0.2989, 0.587 and 0.114."""
    got = functional.rgb_to_grayscale(image() / 255, num_output_channels=3)
    close(got, [numpy.tensordot(RED, image().numpy() / 255, 1)] * 3, roundings=8, scale=1)
