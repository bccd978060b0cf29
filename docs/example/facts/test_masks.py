"""What our attention relies on."""

import math

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention, softmax

from torchproof import close, fact, race, same
from torchproof.fixtures.race import slower

SCORES = [[0.5, 2.0, -1.0], [3.0, 0.25, 1.0]]
MASKED = [[False, True, False], [True, True, False]]


def masked(device):
    """Scores with minus infinity where nothing is to be attended to."""
    mask = torch.tensor(MASKED, device=device)
    return torch.tensor(SCORES, device=device).masked_fill(mask, -torch.inf), mask


@fact("torch.nn.functional.softmax", hint="mask the scores before the softmax, not the weights behind it")
def test_gives_exactly_nothing_to_what_is_masked(device):
    """`softmax` gives exactly 0 where a score is minus infinity."""
    scores, mask = masked(device)
    same(softmax(scores, dim=-1)[mask], torch.zeros(3))


@fact("torch.nn.functional.softmax", myth="a row without any score gets equal weights")
def test_of_a_row_that_is_masked_whole_is_nan(device):
    """`softmax` of a row in which every score is minus infinity is NaN."""
    assert softmax(torch.full((2,), -torch.inf, device=device), dim=0).isnan().all()


@fact("torch.nn.functional.scaled_dot_product_attention", since="2.1")
@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_takes_a_scale_in_place_of_ours(device, scale):
    """`scaled_dot_product_attention` multiplies the scores by `scale`."""
    query = torch.tensor([[[1.0]]], device=device)
    key, value = torch.tensor([[[1.0], [2.0]]], device=device), torch.tensor([[[10.0], [20.0]]], device=device)
    between = 10 + 10 / (1 + math.exp(-scale))  # the scores differ by `scale`
    close(scaled_dot_product_attention(query, key, value, scale=scale), [[[between]]], roundings=32)


@fact("torch.Tensor.masked_fill_", refuter=slower("torch.Tensor.masked_fill_"))
@pytest.mark.bench
def test_in_place_takes_no_longer(device, numbers):
    """`masked_fill_` takes less than one and a half times as long as `masked_fill`."""
    x, mask = torch.rand(1 << 18, device=device), torch.rand(1 << 18, device=device) > 0.5
    assert race(lambda: x.masked_fill_(mask, 0), lambda: x.masked_fill(mask, 0), numbers).ratio_below(1.5)
