"""What the bodies of several facts have in common: values of each rank, and what an error says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from torchproof.fixtures.ranks import own_device


def own_values(rank: int, dtype: torch.dtype | None = None) -> torch.Tensor:
    """1, 2 and 3 on rank 0, ten times as much on rank 1, a hundred times on rank 2; of int64 by default."""
    return torch.tensor([1, 2, 3], dtype=dtype, device=own_device()) * 10**rank


def refused(call: Callable[..., Any], *args: Any, **options: Any) -> str:
    """What is said by the error that `call(*args, **options)` raises, and must raise."""
    with pytest.raises((AttributeError, KeyError, RuntimeError, TypeError, ValueError)) as refusal:
        call(*args, **options)
    return str(refusal.value)
