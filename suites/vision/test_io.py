"""Images read from files and written to them, without PIL, and put into one to look at."""

import numpy
import pytest
import torch

from torchproof import fact, same


def image(channels=3):
    return torch.arange(channels * 12, dtype=torch.uint8).view(channels, 3, 4) * 7


@fact("torchvision.io.encode_png", "torchvision.io.decode_png", requires="torchvision")
def test_png_gives_back_what_was_encoded(io):
    """`decode_png` gives back the very bytes that `encode_png` was given."""
    same(io.decode_png(io.encode_png(image())), image())


@fact("torchvision.io.encode_jpeg", "torchvision.io.decode_jpeg", requires="torchvision", myth="jpeg keeps each pixel")
def test_jpeg_comes_near(io):
    """`decode_jpeg` gives a plane of one gray back as `encode_jpeg(quality=95)` was given it."""
    gray = torch.full((3, 8, 8), 100, dtype=torch.uint8)
    same(io.decode_jpeg(io.encode_jpeg(gray, quality=95)), gray)


@fact("torchvision.io.encode_jpeg", requires="torchvision")
def test_jpeg_of_less_quality_is_smaller(io):
    """`encode_jpeg(quality=10)` makes fewer bytes of an image of noise than `encode_jpeg(quality=90)`."""
    x = torch.randint(256, (3, 32, 32), dtype=torch.uint8)
    assert io.encode_jpeg(x, quality=10).numel() < io.encode_jpeg(x, quality=90).numel()


@fact("torchvision.io.write_png", "torchvision.io.read_image", requires="torchvision")
def test_read_image_gives_bytes_channels_first(io, tmp_path):
    """`read_image` of what `write_png` wrote gives uint8 (channels, height, width), from 0 to 255."""
    io.write_png(image(), str(tmp_path / "one.png"))
    same(io.read_image(str(tmp_path / "one.png")), image())


@fact("torchvision.io.read_image", "torchvision.io.ImageReadMode", requires="torchvision")
def test_read_image_in_another_mode(io, tmp_path):
    """`read_image(..., ImageReadMode.RGB)` gives three channels of a gray image."""
    from PIL import Image

    Image.fromarray(image()[0].numpy()).save(tmp_path / "gray.png")
    same(io.read_image(str(tmp_path / "gray.png"), io.ImageReadMode.RGB), image()[:1].expand(3, 3, 4))


@fact("torchvision.io.decode_image", requires="torchvision")
def test_decode_image_knows_the_format(io):
    """`decode_image` sees itself whether bytes are of a PNG or of a JPEG."""
    gray = torch.full((3, 8, 8), 100, dtype=torch.uint8)
    same(io.decode_image(io.encode_png(gray)), gray)
    same(io.decode_image(io.encode_jpeg(gray)), gray)


@fact("torchvision.io.decode_image", requires="torchvision")
def test_decode_image_refuses_what_is_none(io):
    """`decode_image` refuses bytes that are of no image with RuntimeError "Unsupported image file"."""
    with pytest.raises(RuntimeError, match="Unsupported image file"):
        io.decode_image(torch.arange(64, dtype=torch.uint8))


@fact("torchvision.io.encode_png", requires="torchvision", hint="multiply with 255 and call to(torch.uint8)")
def test_encode_png_refuses_floats(io):
    """`encode_png` refuses an image of floats with RuntimeError "should be uint8"."""
    with pytest.raises(RuntimeError, match="should be uint8"):
        io.encode_png(torch.rand(3, 4, 4))


@fact("torchvision.io.write_file", requires="torchvision", since="2.14", calls="any", gain=True)
def test_write_file_gives_what_was_written(io, tmp_path):
    """`write_file` gives the bytes that it wrote."""
    data = torch.tensor([1, 255, 3], dtype=torch.uint8)
    same(io.write_file(str(tmp_path / "bytes"), data), torch.tensor([1, 255, 3], dtype=torch.uint8))


@fact("torchvision.io.read_file", "torchvision.io.write_file", requires="torchvision")
def test_files_as_bytes(io, tmp_path):
    """`write_file` writes a tensor's bytes to a file, and `read_file` reads them."""
    data = torch.tensor([1, 255, 3], dtype=torch.uint8)
    io.write_file(str(tmp_path / "bytes"), data)
    assert (tmp_path / "bytes").read_bytes() == b"\x01\xff\x03"
    same(io.read_file(str(tmp_path / "bytes")), data)


WRITING = ["write_png", "write_jpeg"]


@fact(*(f"torchvision.io.{name}" for name in WRITING), requires="torchvision", since="2.14", calls="any", gain=True)
@pytest.mark.parametrize("name", WRITING)
def test_writing_gives_what_was_written(io, tmp_path, name):
    """`write_png` and `write_jpeg` give the bytes that they wrote, as a tensor of uint8."""
    got = getattr(io, name)(image(), str(tmp_path / "one"))
    same(got, numpy.fromfile(tmp_path / "one", dtype=numpy.uint8))


@fact("torchvision.utils.make_grid", requires="torchvision")
def test_make_grid(utils):
    """`make_grid` puts images into rows of `nrow`, with `padding` pixels around each."""
    grid = utils.make_grid(torch.ones(3, 3, 2, 2), nrow=2, padding=1, pad_value=0.5)
    assert grid.shape == (3, 7, 7)
    want = torch.full((7, 7), 0.5)
    want[1:3, 1:3] = want[1:3, 4:6] = want[4:6, 1:3] = 1
    same(grid, want.expand(3, 7, 7))


@fact("torchvision.utils.save_image", requires="torchvision")
def test_save_image_takes_zero_to_one(utils, tmp_path):
    """`save_image` takes 0 to 1 for black to white."""
    from PIL import Image

    utils.save_image(torch.tensor([0.0, 0.2, 1]).expand(3, 1, 3), tmp_path / "one.png")
    assert numpy.asarray(Image.open(tmp_path / "one.png"))[0, :, 0].tolist() == [0, 51, 255]


@fact("torchvision.utils.draw_bounding_boxes", requires="torchvision")
def test_draw_bounding_boxes(utils):
    """`draw_bounding_boxes` draws the lines of boxes, and not what is inside, into a copy of an image."""
    x = torch.zeros(3, 8, 8, dtype=torch.uint8)
    want = x.clone()
    want[1, 2:7, 1:6] = 255
    want[1, 3:6, 2:5] = 0
    same(utils.draw_bounding_boxes(x, torch.tensor([[1, 2, 5, 6]]), colors=(0, 255, 0)), want)
    assert not x.any()


@fact("torchvision.utils.draw_segmentation_masks", requires="torchvision")
def test_draw_segmentation_masks(utils):
    """`draw_segmentation_masks` mixes the color of a mask into its pixels by `alpha`, in a copy of the image."""
    x = torch.full((3, 2, 2), 100, dtype=torch.uint8)
    mask = torch.tensor([[True, False], [False, False]])
    got = utils.draw_segmentation_masks(x, mask, alpha=0.5, colors=[(200, 0, 0)])
    want = x.clone()
    want[:, 0, 0] = torch.tensor([150, 50, 50])
    same(got, want)
    assert (x == 100).all()


# A call of each, given the module, a PNG, a JPEG and the path of a file of the PNG.
CALLS = {
    "encode_png": lambda io, png, jpeg, path: io.encode_png(image()),
    "encode_jpeg": lambda io, png, jpeg, path: io.encode_jpeg(image()),
    "decode_png": lambda io, png, jpeg, path: io.decode_png(png),
    "decode_jpeg": lambda io, png, jpeg, path: io.decode_jpeg(jpeg),
    "decode_image": lambda io, png, jpeg, path: io.decode_image(png),
    "write_png": lambda io, png, jpeg, path: io.write_png(image(), path),
    "write_jpeg": lambda io, png, jpeg, path: io.write_jpeg(image(), path),
    "write_file": lambda io, png, jpeg, path: io.write_file(path, png),
    "read_file": lambda io, png, jpeg, path: io.read_file(path),
    "read_image": lambda io, png, jpeg, path: io.read_image(path),
}


@fact(*(f"torchvision.io.{name}" for name in CALLS), requires="torchvision", since="2.15", calls="any")
@pytest.mark.parametrize("name", CALLS)
def test_are_deprecated(io, tmp_path, name):
    """`decode_png`, `read_image` and eight others of `torchvision.io` warn "deprecated since torchvision 0.29"."""
    png, jpeg = io.encode_png(image()), io.encode_jpeg(image())
    (tmp_path / "one").write_bytes(png.numpy().tobytes())
    with pytest.warns(DeprecationWarning, match="deprecated since torchvision 0.29"):
        CALLS[name](io, png, jpeg, str(tmp_path / "one"))
