"""What is shown to be an image of PIL, or read by the nearest pixels, is no tensor that is resampled."""

import ast
import textwrap

import pytest

from torchproof.reports.code.pictures import Pictures
from torchproof.reports.code.syntax import Tree


def may(code):
    """Whether the calls of the line with the mark `#` may resample a tensor."""
    code = textwrap.dedent(code)
    (line,) = (number for number, text in enumerate(code.splitlines(), 1) if text.endswith("#"))
    name = "Resize" if "Resize(" in code.splitlines()[line - 1] else "resize"
    return Pictures(Tree(ast.parse(code))).may_be_tensor(line, name)


@pytest.mark.parametrize(
    "code",
    [
        "Compose([Resize(8), CenterCrop(7), ToTensor()])  #",
        "Compose([T.Resize(8), T.PILToTensor()])  #",
        "row = (Resize(8), ToTensor())  #",
        "Compose([RandomApply([Resize(8)]), ToTensor()])  #",
        "Compose([Resize(8) if small else Crop(8), ToTensor()])  #",
        "Compose([ToTensor(), ToPILImage(), Resize(8)])  #",
        "Sequential(Resize(8), ToTensor())  #",
        "Resize(8, interpolation=InterpolationMode.NEAREST)  #",
        "Resize(8, InterpolationMode.NEAREST_EXACT)  #",
        "F.resize(x, [8, 8], 0)  #",
        "F.resize(x, [8, 8], interpolation=Image.NEAREST)  #",
        "def f(x: Image.Image):\n    F.resize(x, 8)  #",
        "from PIL.Image import Image\ndef f(x: 'Image'):\n    F.resize(x, 8)  #",
        "def f(x):\n    x = Image.open(x).convert('RGB')\n    F.resize(x, 8)  #",
        "def f(x):\n    with Image.open(x) as y:\n        F.resize(y, 8)  #",
        "def f(x: Image.Image):\n    x = F.center_crop(x, 9)\n    x = F.resize(x, 8)  #\n    x = F.to_tensor(x)",
        "F.resize(PIL.Image.fromarray(x), 8)  #",
        "F.resize(F.to_pil_image(x), 8)  #",
        "F.resize(img=Image.new('RGB', (9, 9)), size=8)  #",
    ],
)
def test_what_is_no_tensor(code):
    assert not may(code)


@pytest.mark.parametrize(
    "code",
    [
        "Resize(8)  #",
        "Compose([ToTensor(), Resize(8)])  #",
        "Compose([Resize(8), ToPILImage(), ToTensor()])  #",
        "Compose([ToPILImage(), ToTensor(), Resize(8)])  #",
        "Compose([Resize(8), Normalize(0, 1)])  #",
        "a, b = Resize(8), f(ToTensor())  #",
        "Compose([Resize(8), ToTensor()]), Resize(8)  #",
        "Resize(8, interpolation=InterpolationMode.BICUBIC)  #",
        "Resize(8, interpolation=how)  #",
        "F.resize(x, 8)  #",
        "def f(x: torch.Tensor):\n    F.resize(x, 8)  #",
        "def f(x: Image.Image):\n    x = F.to_tensor(x)\n    F.resize(x, 8)  #",
        "def f(x: Image.Image):\n    for x in y:\n        F.resize(x, 8)  #",
        "def f(x):\n    if y:\n        x = Image.open(x)\n    F.resize(x, 8)  #",
        "F.resize(torch.open(x), 8)  #",
        "F.resize(*xs)  #",
    ],
)
def test_what_may_be_a_tensor(code):
    assert may(code)
