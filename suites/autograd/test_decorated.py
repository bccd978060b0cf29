"""What holds for a function that any mode of autograd decorates; what one mode does alone is in its own file."""

from functools import partial

import pytest
import torch

from torchproof import fact


@fact("torch.no_grad", "torch.enable_grad", "torch.inference_mode", "torch.set_grad_enabled")
@pytest.mark.parametrize(
    "mode",
    [torch.no_grad, torch.enable_grad, torch.inference_mode, partial(torch.set_grad_enabled, True)],
    ids=["no_grad", "enable_grad", "inference_mode", "set_grad_enabled"],
)
def test_function_runs_once_a_call(mode):
    """A function decorated with `no_grad()`, `inference_mode()` or the like runs once a call, with its arguments."""
    calls = []

    @mode()
    def note(number, name):
        calls.append((number, name))
        return number

    assert (note(1, name="a"), note(2, name="b"), calls) == (1, 2, [(1, "a"), (2, "b")])
