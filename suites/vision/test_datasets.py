"""Image data sets in a folder, as torchvision checks and serves them, and the transforms before a model."""

import gzip
import hashlib

import numpy
import pytest
import torch
from torch.utils.data import DataLoader

from torchproof import fact, same

IMAGES = numpy.arange(3 * 28 * 28).reshape(3, 28, 28).astype("uint8")
LABELS = numpy.array([7, 0, 3], "uint8")


def idx(array):
    """The bytes of an idx file: a magic number, the sizes, and the values."""
    head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return head + array.tobytes()


FILES = {
    "train-images-idx3-ubyte": idx(IMAGES),
    "train-labels-idx1-ubyte": idx(LABELS),
    "t10k-images-idx3-ubyte": idx(IMAGES[:1]),
    "t10k-labels-idx1-ubyte": idx(LABELS[:1]),
}


@pytest.fixture
def folder(tmp_path):
    """A folder with the files of MNIST, of three images for training and one for tests."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in FILES.items():
        (raw / name).write_bytes(content)
    return tmp_path


@pytest.fixture
def packed(tmp_path):
    """A class like MNIST without a place to download from, and the folder with its packed files."""
    from torchvision.datasets import MNIST

    files = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in FILES.items()}
    raw = tmp_path / "Packed" / "raw"
    raw.mkdir(parents=True)
    for name, content in files.items():
        (raw / name).write_bytes(content)

    class Packed(MNIST):
        mirrors = ("file:///nowhere/",)
        resources = tuple((name, hashlib.md5(content).hexdigest()) for name, content in files.items())

    return Packed, raw


def mnist(root, **options):
    from torchvision.datasets import MNIST

    return MNIST(root, **options)


@fact("torchvision.datasets.MNIST", requires="torchvision", claims=["D13"])
def test_mnist_serves_images_with_their_labels(folder):
    """torchvision's MNIST gives a grey image of PIL and its label, an int, for each index."""
    dataset = mnist(folder)
    image, label = dataset[2]
    assert (len(dataset), image.size, image.mode, label) == (3, (28, 28), "L", 3)
    same(torch.from_numpy(numpy.array(image)), IMAGES[2])


@fact("torchvision.datasets.MNIST", requires="torchvision", claims=["D13"])
def test_mnist_has_a_part_for_tests(folder):
    """torchvision's MNIST with `train=False` serves the images for tests."""
    assert (len(mnist(folder, train=False)), len(mnist(folder))) == (1, 3)


@fact("torchvision.datasets.MNIST", requires="torchvision", claims=["D13"], hint="pass download=True")
def test_mnist_is_not_found_in_an_empty_folder(tmp_path):
    """torchvision's MNIST raises RuntimeError (Dataset not found) where its files are not there."""
    with pytest.raises(RuntimeError, match="Dataset not found. You can use download=True to download it"):
        mnist(tmp_path)


@fact("torchvision.datasets.MNIST", requires="torchvision", claims=["D13"])
def test_mnist_unpacks_what_was_downloaded_before(packed, tmp_path):
    """torchvision's MNIST with `download=True` unpacks what was downloaded before, and does not download again."""
    made, _ = packed
    dataset = made(tmp_path, download=True)
    assert [dataset[index][1] for index in range(3)] == [7, 0, 3]


@fact("torchvision.datasets.MNIST", requires="torchvision", claims=["D13"])
def test_mnist_checks_what_was_downloaded_before(packed, tmp_path):
    """torchvision's MNIST with `download=True` takes no file of another checksum: it downloads that again."""
    made, raw = packed
    (raw / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(LABELS[::-1]), mtime=0))
    with pytest.raises(RuntimeError, match="Error downloading train-labels-idx1-ubyte.gz"):
        made(tmp_path, download=True)


@fact("torchvision.datasets.MNIST", requires="torchvision", claims=["D12", "D13"])
def test_mnist_transforms_an_image_when_it_is_asked_for(folder):
    """torchvision's MNIST applies `transform` to an image each time that it is asked for."""
    seen = []
    dataset = mnist(folder, transform=lambda image: seen.append(image.size) or len(seen))
    assert seen == []
    assert [dataset[0], dataset[0]] == [(1, 7), (2, 7)]


@fact("torchvision.datasets.MNIST", "torch.utils.data.DataLoader", requires="torchvision", claims=["D12", "D13"])
def test_mnist_is_batched_once_images_are_tensors(folder):
    """A DataLoader batches torchvision's MNIST with a transform to tensors, and refuses the images of PIL."""
    from torchvision.transforms import ToTensor

    images, labels = next(iter(DataLoader(mnist(folder, transform=ToTensor()), batch_size=3)))
    same(images, IMAGES[:, None].astype("float32") / numpy.float32(255))
    same(labels, torch.tensor([7, 0, 3]))
    with pytest.raises(TypeError, match="default_collate: batch must contain tensors"):
        next(iter(DataLoader(mnist(folder), batch_size=3)))


@fact("torchvision.transforms.ToTensor", requires="torchvision", claims=["D12"])
def test_to_tensor_scales_bytes_to_at_most_one():
    """`ToTensor` makes of an array of bytes with channels last a float32 tensor with channels first, from 0 to 1."""
    from torchvision.transforms import ToTensor

    pixels = numpy.array([[[0, 51, 255]]], "uint8")
    same(ToTensor()(pixels), torch.tensor([0.0, 0.2, 1.0]).view(3, 1, 1))


@fact("torchvision.transforms.Normalize", requires="torchvision", claims=["D12"])
def test_normalize_subtracts_the_mean_and_divides_by_the_deviation():
    """`Normalize` subtracts the mean of each channel and divides by its standard deviation."""
    from torchvision.transforms import Normalize

    x = torch.tensor([1.0, 2.0]).view(2, 1, 1)
    same(Normalize([0.5, 1.0], [0.25, 2.0])(x), torch.tensor([2.0, 0.5]).view(2, 1, 1))


@fact("torchvision.transforms.Compose", requires="torchvision", claims=["D12"])
def test_compose_applies_transforms_in_their_order():
    """`Compose` applies its transforms one after the other, the first one first."""
    from torchvision.transforms import Compose

    assert Compose([lambda x: x + 1, lambda x: x * 10])(2) == 30
