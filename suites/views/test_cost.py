"""What views cost: no time that grows with the tensor, where a copy's does."""

import pytest
import torch

from torchproof import fact, race
from torchproof.fixtures.fact import subject
from torchproof.fixtures.race import slower

pytestmark = pytest.mark.bench

VIEWS = {
    "torch.Tensor.view": [-1],
    "torch.Tensor.t": [],
    "torch.Tensor.permute": [1, 0],
    "torch.Tensor.unsqueeze": [0],
    "torch.Tensor.narrow": [0, 0, 1],
    "torch.Tensor.expand": [3, -1, -1],
    "torch.Tensor.detach": [],
}


@fact(*VIEWS, claims=["V07"], refuter=slower(*VIEWS, when=lambda x: x.numel() > 1))
@pytest.mark.parametrize("name", VIEWS)
def test_of_a_view_does_not_depend_on_the_size(name, numbers):
    """`view`, `t`, `expand` and others of a megabyte take a third of to three times their time of four bytes."""
    view, large, small = subject(name), torch.rand(512, 512), torch.rand(1, 1)
    assert race(lambda: view(large, *VIEWS[name]), lambda: view(small, *VIEWS[name]), numbers).ratio_within(1 / 3, 3)


@fact("torch.Tensor.view", claims=["V07"], refuter=slower("torch.Tensor.view"))
def test_of_a_view_is_less_than_a_tenth_of_a_copying_reshape(numbers):
    """`view` of a megabyte takes less than a tenth of the time of a `reshape` that has to copy it."""
    x = torch.rand(512, 512)
    assert race(lambda: x.view(-1), lambda: x.t().reshape(-1), numbers).ratio_below(0.1)


@fact(
    "torch.Tensor.reshape",
    claims=["V03", "V04"],
    myth="reshape always copies",
    refuter=slower("torch.Tensor.reshape"),
)
def test_of_reshape_of_a_contiguous_tensor_is_less_than_half_of_a_copy(numbers):
    """`reshape` of a contiguous megabyte takes less than half of the time of `clone`."""
    x = torch.rand(512, 512)
    assert race(lambda: x.reshape(-1), lambda: x.clone(), numbers).ratio_below(0.5)


@fact("torch.Tensor.contiguous", myth="contiguous() always copies", refuter=slower("torch.Tensor.contiguous"))
def test_of_contiguous_of_a_contiguous_tensor_is_less_than_a_tenth_of_a_copy(numbers):
    """`contiguous()` of a contiguous megabyte takes less than a tenth of the time of `clone`."""
    x = torch.rand(512, 512)
    assert race(lambda: x.contiguous(), lambda: x.clone(), numbers).ratio_below(0.1)


@fact("torch.Tensor.expand", refuter=slower("torch.Tensor.expand"), hint="repeat only what is to be written to")
def test_of_expand_is_less_than_a_tenth_of_repeat(numbers):
    """`expand` of a row to a thousand rows takes less than a tenth of the time of `repeat`."""
    x = torch.rand(1, 1000)
    assert race(lambda: x.expand(1000, -1), lambda: x.repeat(1000, 1), numbers).ratio_below(0.1)
