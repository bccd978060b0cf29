"""Datasets of images: downloaded from this machine, checked and parsed, and read from folders."""

import gzip
import hashlib
import http.server
import io as streams
import pickle
import tarfile
import threading
from pathlib import Path

import numpy
import pytest
import torch
from torch.utils.data import DataLoader

from torchproof import fact, same


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture
def served(tmp_path):
    """A folder and the URL that its files have, for as long as the fact runs."""
    folder = tmp_path / "served"
    folder.mkdir()
    make = lambda *args: _Quiet(*args, directory=folder)  # noqa: E731
    with http.server.HTTPServer(("127.0.0.1", 0), make) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def md5(file):
    return hashlib.md5(file.read_bytes()).hexdigest()


# --- MNIST ------------------------------------------------------------------------------------------------------------

DIGITS = numpy.arange(3 * 28 * 28, dtype=numpy.uint32).astype(numpy.uint8).reshape(3, 28, 28)


def idx(array):
    """An array as the files of MNIST have it: a magic number, the sizes, and the bytes."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


@pytest.fixture
def mnist(served, datasets, monkeypatch):
    """The class, with files of three digits to train on and two to test on, and the folder that serves them."""
    folder, url = served
    for name, count in {"train": 3, "t10k": 2}.items():
        labels = numpy.array([7, 2, 1], dtype=numpy.uint8)[:count]
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(DIGITS[:count])))
        (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    monkeypatch.setattr(datasets.MNIST, "mirrors", [url])
    monkeypatch.setattr(datasets.MNIST, "resources", [(one.name, md5(one)) for one in sorted(folder.iterdir())])
    return datasets.MNIST, folder


@fact("torchvision.datasets.MNIST", requires="torchvision", claims=["D13"])
def test_mnist_downloads_and_parses(mnist, tmp_path):
    """`MNIST(root, download=True)` downloads its files and has the images as uint8 and the labels as int64."""
    digits = mnist[0](tmp_path / "data", download=True)
    same(digits.data, DIGITS)
    same(digits.targets, [7, 2, 1])


@fact("torchvision.datasets.MNIST", requires="torchvision", claims=["D13"])
def test_mnist_gives_pictures(mnist, tmp_path):
    """`MNIST` without a transform gives a PIL image of 28 by 28 gray pixels with its label."""
    picture, label = mnist[0](tmp_path, download=True)[1]
    assert (picture.mode, picture.size, label) == ("L", (28, 28), 2)
    assert numpy.asarray(picture).tolist() == DIGITS[1].tolist()


@fact("torchvision.datasets.MNIST", requires="torchvision", myth="MNIST has its test images beside those to train on")
def test_mnist_has_one_part(mnist, tmp_path):
    """`MNIST(train=True)` has the images to train on, and `train=False` those to test on."""
    assert [len(mnist[0](tmp_path, train=train, download=True)) for train in (True, False)] == [3, 2]


@fact("torchvision.datasets.MNIST", requires="torchvision", claims=["D11", "D12"])
def test_mnist_transforms_what_is_read(mnist, transforms, tmp_path):
    """`MNIST` calls its `transform` and its `target_transform` on a sample that is read."""
    digits = mnist[0](tmp_path, transform=transforms.ToTensor(), target_transform=lambda y: y * 10, download=True)
    x, y = digits[0]
    assert (x.shape, x.dtype, y) == ((1, 28, 28), torch.float32, 70)
    same((x * 255).round(), DIGITS[:1].astype(numpy.float32))


@fact("torchvision.datasets.MNIST", requires="torchvision", myth="MNIST's data is transformed")
def test_mnist_has_its_data_as_it_is(mnist, transforms, tmp_path):
    """`MNIST.data` are the bytes of the files, also where its transform is `ToTensor`."""
    same(mnist[0](tmp_path, transform=transforms.ToTensor(), download=True).data, DIGITS)


@fact("torchvision.datasets.MNIST", requires="torchvision", claims=["D13"])
def test_mnist_does_not_download_twice(mnist, tmp_path):
    """`MNIST(download=True)` downloads nothing where its files are already there."""
    make, folder = mnist
    make(tmp_path, download=True)
    for file in folder.iterdir():
        file.unlink()
    assert len(make(tmp_path, download=True)) == 3


@fact("torchvision.datasets.MNIST", requires="torchvision", claims=["D13"])
def test_mnist_refuses_a_corrupted_file(mnist, tmp_path):
    """`MNIST(download=True)` refuses a corrupted file: "File not found or corrupted", or "Error downloading"."""
    make, folder = mnist
    file = folder / "train-labels-idx1-ubyte.gz"
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(RuntimeError, match="(?i)error downloading|not found or corrupted"):
        make(tmp_path, download=True)


@fact("torchvision.datasets.MNIST", requires="torchvision", claims=["D13"])
def test_mnist_downloads_again_what_is_corrupted(mnist, tmp_path):
    """`MNIST(download=True)` downloads a packed file again where that of before has another checksum."""
    mnist[0](tmp_path, download=True)
    (packed,) = tmp_path.glob("MNIST/raw/train-labels*.gz")
    (tmp_path / "MNIST" / "raw" / packed.stem).unlink()
    packed.write_bytes(gzip.compress(idx(numpy.zeros(3, dtype=numpy.uint8))))
    same(mnist[0](tmp_path, download=True).targets, [7, 2, 1])


@fact("torchvision.datasets.MNIST", "torch.utils.data.DataLoader", requires="torchvision", claims=["D12", "D13"])
def test_mnist_is_batched_once_images_are_tensors(mnist, transforms, tmp_path):
    """`DataLoader` batches `MNIST` with `ToTensor`; else it raises "default_collate: batch must contain tensors"."""
    digits = mnist[0](tmp_path, transform=transforms.ToTensor(), download=True)
    images, labels = next(iter(DataLoader(digits, batch_size=3)))
    same(images, DIGITS[:, None].astype("float32") / numpy.float32(255))
    same(labels, [7, 2, 1])
    with pytest.raises(TypeError, match="default_collate: batch must contain tensors"):
        next(iter(DataLoader(mnist[0](tmp_path), batch_size=3)))


@fact("torchvision.datasets.MNIST", requires="torchvision", claims=["D13"])
@pytest.mark.slow
def test_mnist_goes_on_to_the_next_mirror(mnist, tmp_path, monkeypatch):
    """`MNIST(download=True)` asks the next of its `mirrors` where one does not have a file."""
    monkeypatch.setattr(mnist[0], "mirrors", [f"{mnist[0].mirrors[0]}missing/", *mnist[0].mirrors])
    assert len(mnist[0](tmp_path, download=True)) == 3


@fact("torchvision.datasets.MNIST", requires="torchvision", hint="pass download=True")
def test_mnist_without_files_is_refused(mnist, tmp_path):
    """`MNIST(root)` where no files are is refused with RuntimeError "Dataset not found"."""
    with pytest.raises(RuntimeError, match="Dataset not found"):
        mnist[0](tmp_path)


@fact("torchvision.datasets.FashionMNIST", requires="torchvision")
def test_fashion_mnist_has_files_of_the_same_form(mnist, datasets, tmp_path, monkeypatch):
    """`FashionMNIST` reads files of the same form as those of `MNIST`."""
    for name in ("mirrors", "resources"):
        monkeypatch.setattr(datasets.FashionMNIST, name, getattr(datasets.MNIST, name))
    clothes = datasets.FashionMNIST(tmp_path, download=True)
    same(clothes.data, DIGITS)
    assert clothes.class_to_idx["Ankle boot"] == 9


# --- CIFAR ------------------------------------------------------------------------------------------------------------

ROWS = numpy.arange(2 * 3 * 32 * 32, dtype=numpy.uint32).astype(numpy.uint8).reshape(2, 3072)


@pytest.fixture
def cifar(served, datasets, monkeypatch, tmp_path):
    """CIFAR10 with two images in its one file to train on, and two in that to test on."""
    folder, url = served
    made = tmp_path / "cifar-10-batches-py"
    made.mkdir()
    contents = {
        "data_batch_1": {"data": ROWS, "labels": [3, 8]},
        "test_batch": {"data": ROWS[::-1], "labels": [8, 3]},
        "batches.meta": {"label_names": ["airplane", "bird"]},
    }
    for name, content in contents.items():
        (made / name).write_bytes(pickle.dumps(content, protocol=2))
    archive = folder / "cifar.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(made, made.name)
    sums = {name: md5(made / name) for name in contents}
    cls = datasets.CIFAR10
    monkeypatch.setattr(cls, "url", f"{url}{archive.name}")
    monkeypatch.setattr(cls, "filename", archive.name)
    monkeypatch.setattr(cls, "tgz_md5", md5(archive))
    monkeypatch.setattr(cls, "train_list", [["data_batch_1", sums["data_batch_1"]]])
    monkeypatch.setattr(cls, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(cls, "meta", {**cls.meta, "md5": sums["batches.meta"]})
    return cls, archive


@fact("torchvision.datasets.CIFAR10", requires="torchvision")
def test_cifar_downloads_and_parses(cifar, tmp_path):
    """`CIFAR10(root, download=True)` downloads its archive, unpacks it, and has images (height, width, channels)."""
    images = cifar[0](tmp_path / "data", download=True)
    assert images.data.tolist() == ROWS.reshape(2, 3, 32, 32).transpose(0, 2, 3, 1).tolist()
    assert (images.targets, images.classes) == ([3, 8], ["airplane", "bird"])


@fact("torchvision.datasets.CIFAR10", requires="torchvision")
def test_cifar_gives_pictures(cifar, tmp_path):
    """`CIFAR10` gives a PIL image of 32 by 32 colored pixels and its label."""
    picture, label = cifar[0](tmp_path / "data", train=False, download=True)[1]
    assert (picture.mode, picture.size, label) == ("RGB", (32, 32), 3)
    assert numpy.asarray(picture).transpose(2, 0, 1).flatten().tolist() == ROWS[0].tolist()


@fact("torchvision.datasets.CIFAR10", requires="torchvision")
def test_cifar_refuses_a_corrupted_archive(cifar, tmp_path):
    """`CIFAR10(download=True)` refuses an archive whose checksum is another with RuntimeError "corrupted"."""
    cifar[1].write_bytes(cifar[1].read_bytes() + b"\0")
    with pytest.raises(RuntimeError, match="File not found or corrupted"):
        cifar[0](tmp_path / "data", download=True)


@fact("torchvision.datasets.CIFAR10", requires="torchvision", hint="pass download=True")
def test_cifar_refuses_a_changed_file(cifar, tmp_path):
    """`CIFAR10(root)` refuses a file that was changed since it was unpacked with "Dataset not found or corrupted"."""
    cifar[0](tmp_path / "data", download=True)
    with open(tmp_path / "data" / "cifar-10-batches-py" / "data_batch_1", "ab") as file:
        file.write(b"\0")
    with pytest.raises(RuntimeError, match="Dataset not found or corrupted"):
        cifar[0](tmp_path / "data")


# --- folders ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """Pictures of one color in two classes, and a file that is none."""
    from PIL import Image

    for place, value in {"dog/b.png": 20, "cat/a.png": 10, "dog/deep/c.jpg": 30}.items():
        file = tmp_path / "pictures" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 3), value).save(file)
    (tmp_path / "pictures" / "cat" / "notes.txt").write_text("no picture")
    return tmp_path / "pictures"


@fact("torchvision.datasets.ImageFolder", requires="torchvision", myth="classes are numbered as the folders were made")
def test_image_folder_numbers_classes_by_name(datasets, folder):
    """`ImageFolder` takes each folder for a class, numbered in alphabetical order."""
    pictures = datasets.ImageFolder(folder)
    assert (pictures.classes, pictures.class_to_idx) == (["cat", "dog"], {"cat": 0, "dog": 1})
    assert [label for _, label in pictures] == [0, 1, 1]
    assert len(pictures) == 3


@fact("torchvision.datasets.ImageFolder", requires="torchvision")
def test_image_folder_finds_pictures_at_any_depth(datasets, folder):
    """`ImageFolder` finds the pictures of a class in folders below it too, and passes over files that are none."""
    pictures = datasets.ImageFolder(folder)
    assert [Path(path).name for path, _ in pictures.samples] == ["a.png", "b.png", "c.jpg"]
    assert len(pictures) == 3


@fact("torchvision.datasets.ImageFolder", requires="torchvision", myth="gray pictures have one channel")
def test_image_folder_gives_three_channels(datasets, transforms, folder):
    """`ImageFolder` gives a gray picture in RGB, of three channels."""
    x, y = datasets.ImageFolder(folder, transform=transforms.PILToTensor())[1]
    same(x, torch.full((3, 3, 4), 20, dtype=torch.uint8))
    assert y == 1


@fact("torchvision.datasets.ImageFolder", requires="torchvision")
def test_image_folder_refuses_an_empty_class(datasets, folder):
    """`ImageFolder` refuses a folder without any picture with FileNotFoundError "Found no valid file"."""
    (folder / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="Found no valid file for the classes empty"):
        datasets.ImageFolder(folder)


@fact("torchvision.datasets.ImageFolder", requires="torchvision", since="2.2", calls="allow_empty=True", gain=True)
def test_image_folder_allows_an_empty_class(datasets, folder):
    """`ImageFolder(allow_empty=True)` counts a folder without any picture as a class."""
    (folder / "empty").mkdir()
    assert datasets.ImageFolder(folder, allow_empty=True).classes == ["cat", "dog", "empty"]


@fact("torchvision.datasets.ImageFolder", requires="torchvision")
def test_image_folder_refuses_no_classes(datasets, tmp_path):
    """`ImageFolder` of a folder without folders is refused with FileNotFoundError "Couldn't find any class folder"."""
    with pytest.raises(FileNotFoundError, match="Couldn't find any class folder"):
        datasets.ImageFolder(tmp_path)


@fact("torchvision.datasets.DatasetFolder", requires="torchvision")
def test_dataset_folder_reads_files_by_its_loader(datasets, folder):
    """`DatasetFolder` reads the files of its `extensions`, with its `loader`."""
    texts = datasets.DatasetFolder(folder.parent, lambda path: Path(path).read_text(), extensions=(".txt",))
    assert texts[0] == ("no picture", 0)
    assert len(texts) == 1


@fact("torchvision.datasets.DatasetFolder", requires="torchvision")
def test_dataset_folder_asks_which_files_are_valid(datasets, folder):
    """`DatasetFolder(is_valid_file=…)` takes the files for which it is true."""
    files = datasets.DatasetFolder(folder, loader=Path, is_valid_file=lambda path: path.endswith("g"))
    found = [files[place] for place in range(len(files))]
    assert [(path.name, label) for path, label in found] == [("a.png", 0), ("b.png", 1), ("c.jpg", 1)]
    assert len(files) == 3


@fact("torchvision.datasets.FakeData", requires="torchvision")
def test_fake_data_is_the_same_each_time(datasets):
    """`FakeData` gives for an index the same random picture and label each time, for another index another picture."""
    fake = datasets.FakeData(4, (3, 5, 6), num_classes=3)
    (x, y), (again, label), (other, _) = fake[1], fake[1], fake[2]
    assert (x.size, x.tobytes(), y) == ((6, 5), again.tobytes(), label)
    assert other.tobytes() != x.tobytes()
    assert len(fake) == 4


@fact("torchvision.datasets.FakeData", requires="torchvision")
def test_fake_data_has_labels_below_num_classes(datasets):
    """`FakeData(num_classes=n)` gives labels from 0 to n - 1."""
    fake = datasets.FakeData(24, (3, 2, 2), num_classes=3)
    assert {fake[index][1] for index in range(24)} == {0, 1, 2}


def drawing(patch):
    patch.setattr("torchvision.datasets.FakeData.__getitem__", lambda *_: torch.rand(2))


@fact("torchvision.datasets.FakeData", requires="torchvision", refuter=drawing)
def test_fake_data_leaves_the_seed_alone(datasets):
    """Reading from `FakeData` draws no number from torch's generator."""
    torch.manual_seed(3)
    want = torch.rand(2)
    torch.manual_seed(3)
    datasets.FakeData(2, (3, 2, 2))[0]
    same(torch.rand(2), want)


@fact("torchvision.datasets.utils.download_url", requires="torchvision")
def test_download_url(served, datasets, tmp_path):
    """`download_url(url, root, filename)` leaves the file under this name."""
    folder, url = served
    (folder / "one.txt").write_text("one")
    datasets.utils.download_url(f"{url}one.txt", tmp_path / "data", "two.txt", md5=md5(folder / "one.txt"))
    assert (tmp_path / "data" / "two.txt").read_text() == "one"


@fact("torchvision.datasets.utils.download_url", requires="torchvision")
def test_download_url_refuses_another_checksum(served, datasets, tmp_path):
    """`download_url(..., md5=…)` refuses a file of another checksum with RuntimeError "File not found or corrupted"."""
    folder, url = served
    (folder / "one.txt").write_text("one")
    with pytest.raises(RuntimeError, match="File not found or corrupted"):
        datasets.utils.download_url(f"{url}one.txt", tmp_path / "data", "two.txt", md5="0" * 32)


@fact("torchvision.datasets.utils.check_integrity", requires="torchvision")
def test_check_integrity(datasets, tmp_path):
    """`check_integrity(file, md5)` tells whether the file is there and has this checksum."""
    file = tmp_path / "one.txt"
    file.write_text("one")
    check = datasets.utils.check_integrity
    assert [check(file, md5(file)), check(file, "0" * 32), check(file), check(tmp_path / "two.txt")] == [
        True, False, True, False
    ]  # fmt: skip


@fact("torchvision.datasets.utils.extract_archive", requires="torchvision")
def test_extract_archive(datasets, tmp_path):
    """`extract_archive` unpacks a tar archive into another folder, whose path it gives."""
    with tarfile.open(tmp_path / "one.tar", "w") as tar:
        member = tarfile.TarInfo("inside/one.txt")
        member.size = 3
        tar.addfile(member, streams.BytesIO(b"one"))
    got = datasets.utils.extract_archive(str(tmp_path / "one.tar"), str(tmp_path / "data"))
    assert got == str(tmp_path / "data")
    assert (tmp_path / "data" / "inside" / "one.txt").read_text() == "one"
