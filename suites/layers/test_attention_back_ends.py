"""`scaled_dot_product_attention` by each back end that is here; what it takes and refuses is in test_attention."""

import math
import re

import numpy
import pytest
import torch
from torch.nn import functional

from torchproof import close, fact
from torchproof.fixtures.fact import unavailable
from torchproof.suites.layers.reference import fractions

BACK_ENDS = ["MATH", "FLASH_ATTENTION", "EFFICIENT_ATTENTION", "CUDNN_ATTENTION"]
SEEN = {
    "all": {},
    "causal": {"is_causal": True},
    "masked": {"attn_mask": torch.tensor([[True, False, True], [True, True, False], [False, False, True]])},
}


def formula(q, k, v, grad, bias):
    """Attention, and the gradients of query, key and value."""
    scale = 1 / math.sqrt(q.shape[-1])
    e = numpy.exp(q @ k.swapaxes(-1, -2) * scale + bias)
    p = e / e.sum(-1, keepdims=True)
    of_p = grad @ v.swapaxes(-1, -2)
    of_scores = p * (of_p - (of_p * p).sum(-1, keepdims=True)) * scale
    return p @ v, of_scores @ k, of_scores.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ grad


def attend(back_end, inputs, options):
    """Attention by this back end alone; the fact is unavailable where it does not take the inputs."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    try:
        with sdpa_kernel(getattr(SDPBackend, back_end)):
            return functional.scaled_dot_product_attention(*inputs, **options)
    except RuntimeError as error:
        if re.search("No (viable|available)", str(error)):
            unavailable("platform", f"attention by {back_end} for these inputs")
        raise


@fact("torch.nn.functional.scaled_dot_product_attention", since="2.3", calls="none")
@pytest.mark.parametrize("back_end", BACK_ENDS)
@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_is_the_plain_formula(device, back_end, seen, dtype):
    """`scaled_dot_product_attention` by each `SDPBackend` that is here gives its formula and gradients, masked too."""
    options = {name: value.to(device) if name == "attn_mask" else value for name, value in SEEN[seen].items()}
    arrays = [fractions(2, 2, 3, 8, seed=seed) for seed in range(4)]
    *inputs, grad = (torch.tensor(array, device=device).to(dtype) for array in arrays)
    y = attend(back_end, [x.requires_grad_() for x in inputs], options)
    y.backward(grad)
    keep = {"all": numpy.ones((3, 3)), "causal": numpy.tri(3)}.get(seen, SEEN["masked"]["attn_mask"].numpy())
    exact = [x.detach().double().cpu().numpy() for x in (*inputs, grad)]
    wants = formula(*exact, numpy.where(keep, 0.0, -math.inf))
    close(y, wants[0], roundings=32, scale=2)
    for x, want in zip(inputs, wants[1:]):
        assert x.grad.dtype == dtype
        close(x.grad, want, roundings=32, scale=2)
