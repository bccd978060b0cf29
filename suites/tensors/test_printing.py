"""What a tensor looks like when it is printed or formatted, and what `set_printoptions` changes about that."""

import pytest
import torch

from torchproof import fact

SHOWN = {
    "integers": (torch.tensor([1, 2]), "tensor([1, 2])"),
    "floats": (torch.tensor([1.5, -2.25]), "tensor([ 1.5000, -2.2500])"),
    "whole floats": (torch.tensor([1.0, 2.0]), "tensor([1., 2.])"),
    "booleans": (torch.tensor([True, False]), "tensor([ True, False])"),
    "number": (torch.tensor(3), "tensor(3)"),
    "other dtype": (torch.tensor([1.5], dtype=torch.float64), "tensor([1.5000], dtype=torch.float64)"),
    "small integers": (torch.tensor([1], dtype=torch.int8), "tensor([1], dtype=torch.int8)"),
    "empty": (torch.ones(0), "tensor([])"),
    "empty with a shape": (torch.ones(2, 0), "tensor([], size=(2, 0))"),
    "not finite": (torch.tensor([float("nan"), float("inf"), -1.0]), "tensor([nan, inf, -1.])"),
    "complex": (torch.tensor([1 + 2j]), "tensor([1.+2.j])"),
    "scientific": (torch.tensor([1e-5, 1.0]), "tensor([1.0000e-05, 1.0000e+00])"),
    "gradient": (torch.tensor([1.5], requires_grad=True), "tensor([1.5000], requires_grad=True)"),
    "meta": (torch.empty(2, device="meta"), "tensor(..., device='meta', size=(2,))"),
}
OPTIONS = {
    "precision": ({"precision": 2}, "tensor([1.23, 2.00])"),
    "sci_mode": ({"sci_mode": True}, "tensor([1.2346e+00, 2.0000e+00])"),
}


def without_values(patch):
    """A tensor is shown as other objects are."""
    patch.setattr(torch.Tensor, "__repr__", object.__repr__)


@pytest.fixture
def default_options():
    """The printing options are put back to their defaults afterwards."""
    yield
    torch.set_printoptions(profile="default", sci_mode=None)


@fact("torch.set_printoptions", refuter=without_values)
@pytest.mark.parametrize(("x", "want"), SHOWN.values(), ids=SHOWN)
def test_shows_values_and_what_is_unusual(x, want):
    """`repr` shows values with four digits, and names a dtype, gradient, size or device that is not the usual one."""
    assert repr(x) == str(x) == want


@fact("torch.set_printoptions", refuter=without_values)
def test_shows_what_a_result_was_computed_by(device):
    """`repr` of a result that requires grad names its last operation: `grad_fn=<MulBackward0>` of a product."""
    assert "grad_fn=<MulBackward0>" in repr(torch.tensor([1.5], device=device, requires_grad=True) * 2)


@fact("torch.set_printoptions")
@pytest.mark.parametrize(("options", "want"), OPTIONS.values(), ids=OPTIONS)
def test_takes_options(options, want, default_options):
    """`set_printoptions` sets the number of digits, and whether numbers are shown with exponents."""
    torch.set_printoptions(**options)
    assert repr(torch.tensor([1.23456, 2.0])) == want


@fact("torch.set_printoptions")
def test_shortens_what_is_longer_than_the_threshold(default_options):
    """`set_printoptions(threshold=5, edgeitems=1)` shortens what has more than 5 elements to one on each side."""
    torch.set_printoptions(threshold=5, edgeitems=1)
    assert " ".join(repr(torch.zeros(6)).split()) == "tensor([0., ..., 0.])"
    assert repr(torch.zeros(5)) == "tensor([0., 0., 0., 0., 0.])"


@fact("torch.set_printoptions")
@pytest.mark.parametrize(("profile", "count"), [("full", 1001), ("short", 4)])
def test_takes_a_profile(profile, count, default_options):
    """`set_printoptions(profile="full")` shortens nothing, and "short" to two elements on each side."""
    torch.set_printoptions(profile=profile)
    assert repr(torch.zeros(1001)).count("0.") == count


@fact("torch.set_printoptions", refuter=without_values)
def test_shortens_more_than_a_thousand_elements():
    """`repr` of more than a thousand elements shows the first and last three, unless options say otherwise."""
    assert " ".join(repr(torch.zeros(1001)).split()) == "tensor([0., 0., 0., ..., 0., 0., 0.])"
    assert "..." not in repr(torch.zeros(1000))


@fact("torch.Tensor.item")
@pytest.mark.parametrize(
    ("spec", "want"),
    [(".2f", "1.23"), ("", "1.2345600128173828"), ("8.1f", "     1.2")],
    ids=["digits", "none", "width"],
)
def test_formats_one_number(device, spec, want):
    """`format(x, ".2f")` of a tensor without dimensions formats its number."""
    assert format(torch.tensor(1.23456, device=device), spec) == want


def formats_anything(patch):
    """A tensor is formatted whatever is asked for."""
    patch.setattr(torch.Tensor, "__format__", lambda x, spec: repr(x))


@fact("torch.set_printoptions", refuter=formats_anything)
def test_formats_no_other_tensor_with_digits(device):
    """`format(x, ".2f")` of a tensor with dimensions is refused: unsupported format string."""
    x = torch.tensor([1.5], device=device)
    with pytest.raises(TypeError, match="unsupported format string passed to Tensor.__format__"):
        format(x, ".2f")


@fact("torch.set_printoptions", refuter=without_values)
def test_formats_other_tensors_as_they_are_shown():
    """`format(x)` and f-strings without digits show a tensor with dimensions as `repr` does."""
    assert f"{torch.tensor([1.5])}" == format(torch.tensor([1.5])) == "tensor([1.5000])"
