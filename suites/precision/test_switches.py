"""The switches of float32 products: which one governs what, and what a mixture of them does."""

from contextlib import nullcontext
from functools import partial

import pytest
import torch

from torchproof import fact


@pytest.fixture(autouse=True)
def afterwards_as_before():
    """The switches are put back after each fact."""
    before = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(before)


WORDS = pytest.mark.parametrize("word", ["highest", "high", "medium"])


@fact("torch.set_float32_matmul_precision", "torch.get_float32_matmul_precision")
@WORDS
def test_of_matmul_tells_what_was_set(word):
    """`get_float32_matmul_precision` gives the word that `set_float32_matmul_precision` was told."""
    torch.set_float32_matmul_precision(word)
    assert torch.get_float32_matmul_precision() == word


@fact("torch.get_float32_matmul_precision")
def test_of_matmul_is_highest_by_default():
    """`get_float32_matmul_precision` is "highest" by default: products of float32 are as precise as they can be."""
    assert torch.get_float32_matmul_precision() == "highest"


@fact("torch.set_float32_matmul_precision", "torch.get_float32_matmul_precision",
      source="notes/cuda", myth="set_float32_matmul_precision and allow_tf32 are two switches")  # fmt: skip
@WORDS
def test_of_matmul_is_that_of_allow_tf32(word):
    """`torch.backends.cuda.matmul.allow_tf32` is True where `set_float32_matmul_precision` was not told "highest"."""
    torch.set_float32_matmul_precision(word)
    assert torch.backends.cuda.matmul.allow_tf32 is (word != "highest")
    assert torch.get_float32_matmul_precision() == word


@fact("torch.get_float32_matmul_precision", source="notes/cuda")
@pytest.mark.parametrize(("allowed", "word"), [(True, "high"), (False, "highest")], ids=["allowed", "refused"])
def test_of_matmul_follows_allow_tf32(allowed, word):
    """`torch.backends.cuda.matmul.allow_tf32` sets `get_float32_matmul_precision` to "high", or to "highest"."""
    torch.backends.cuda.matmul.allow_tf32 = allowed
    assert torch.get_float32_matmul_precision() == word
    assert torch.backends.cuda.matmul.allow_tf32 is allowed


def rounds_in_high(patch):
    """A product of float32 on the CPU is made in bfloat16 unless the precision is highest."""
    real = torch.matmul

    def rounded(a, b):
        low = torch.get_float32_matmul_precision() != "highest"
        return real(a.bfloat16(), b.bfloat16()).float() if low else real(a, b)

    patch.setattr(torch, "matmul", rounded)


@fact("torch.matmul", refuter=rounds_in_high, source="generated/torch.set_float32_matmul_precision")
@pytest.mark.parametrize("word", ["highest", "high"])
def test_of_a_small_product_on_the_cpu_is_whole(word):
    """`matmul` of a small float32 matrix on the CPU keeps all digits with "highest" and with "high"."""
    torch.set_float32_matmul_precision(word)
    x = torch.tensor([[1 + 2.0**-20, 0.0], [0.5, 1.0]])
    y = torch.matmul(x, torch.eye(2))
    assert y.tolist() == [[1 + 2.0**-20, 0.0], [0.5, 1.0]]


def tells_the_highest(patch):
    """The old switches tell that they are at their highest, whatever the new one says."""
    patch.setattr(torch, "get_float32_matmul_precision", lambda: "highest")
    patch.setattr(torch._C, "_get_cublas_allow_tf32", lambda: False)
    patch.setattr(type(torch.backends.cudnn), "allow_tf32", False)


@fact(
    "torch.get_float32_matmul_precision",
    "torch.backends.cuda.matmul.allow_tf32",
    since="2.9",
    calls="names fp32_precision",
    refuter=tells_the_highest,
    source="notes/cuda",
    hint="use only fp32_precision",
)
@pytest.mark.parametrize("tells", ["get_float32_matmul_precision", "allow_tf32"])
def test_of_matmul_by_the_old_and_the_new_switch_is_refused(request, tells):
    """After `fp32_precision = "tf32"`, `allow_tf32` and the like refuse to tell: "mix of the legacy and new APIs"."""
    products = torch.backends.cuda.matmul
    request.addfinalizer(partial(setattr, products, "fp32_precision", products.fp32_precision))
    products.fp32_precision = "tf32"
    with pytest.raises(RuntimeError, match="mix of the legacy and new APIs"):
        products.allow_tf32 if tells == "allow_tf32" else torch.get_float32_matmul_precision()


@fact(
    "torch.backends.cudnn.allow_tf32",
    since="2.9",
    calls="names fp32_precision",
    refuter=tells_the_highest,
    source="notes/cuda",
    hint="use only fp32_precision",
)
def test_of_cudnn_by_the_old_and_the_new_switch_is_refused(request):
    """Where `fp32_precision` was set for convolutions alone, `torch.backends.cudnn.allow_tf32` refuses to tell."""
    convolutions = torch.backends.cudnn.conv
    request.addfinalizer(partial(setattr, convolutions, "fp32_precision", convolutions.fp32_precision))
    convolutions.fp32_precision = "ieee"
    with pytest.raises(RuntimeError, match="mix of the legacy and new APIs"):
        print(torch.backends.cudnn.allow_tf32)


@fact(
    "torch.set_float32_matmul_precision",
    "torch.get_float32_matmul_precision",
    since="2.9",
    calls="any",
    gain=True,
    source="notes/cuda",
)
@pytest.mark.parametrize(("word", "new"), [("highest", "ieee"), ("high", "tf32")], ids=["highest", "high"])
def test_of_matmul_by_the_old_switch_sets_the_new(word, new):
    """`set_float32_matmul_precision` sets the new switch `fp32_precision` of products on CUDA as well."""
    torch.set_float32_matmul_precision(word)
    assert torch.backends.cuda.matmul.fp32_precision == new
    assert torch.get_float32_matmul_precision() == word


CUDNN = {"enabled": True, "allow_tf32": True, "benchmark": False, "deterministic": False}


def another_cudnn(patch):
    """The switches of cuDNN are set the other way."""
    for name, value in CUDNN.items():
        patch.setattr(type(torch.backends.cudnn), name, not value)


@fact("torch.backends.cudnn.flags", refuter=another_cudnn)
@pytest.mark.parametrize("name", [name for name in CUDNN if name != "allow_tf32"])
def test_of_cudnn_have_their_defaults(name):
    """`torch.backends.cudnn` is `enabled` by default; `benchmark` and `deterministic` are off."""
    assert getattr(torch.backends.cudnn, name) is CUDNN[name]


@fact("torch.backends.cudnn.flags", refuter=another_cudnn, source="notes/cuda", myth="TF32 is off unless it is allowed")
def test_of_cudnn_allow_tf32():
    """`torch.backends.cudnn.allow_tf32` is True by default: convolutions of float32 may be made in TF32."""
    assert torch.backends.cudnn.allow_tf32 is True


def leaves_cudnn(patch):
    """A block of flags sets none of them."""
    patch.setattr(torch.backends.cudnn, "flags", lambda **_: nullcontext())


@fact("torch.backends.cudnn.flags", refuter=leaves_cudnn)
def test_of_cudnn_are_put_back_behind_a_block():
    """`torch.backends.cudnn.flags` sets benchmark, deterministic and TF32, and puts them back behind its block."""
    names = ("benchmark", "deterministic", "allow_tf32")
    with torch.backends.cudnn.flags(benchmark=True, deterministic=True, allow_tf32=False):
        inside = [getattr(torch.backends.cudnn, name) for name in names]
    assert inside == [True, True, False]
    assert [getattr(torch.backends.cudnn, name) for name in names] == [False, False, True]
