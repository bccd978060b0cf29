"""`torch.use_deterministic_algorithms`: what it tells, refuses, fills and changes; seeds are in test_seed."""

import math
import warnings

import pytest
import torch

from torchproof import fact, same


@pytest.fixture(autouse=True)
def afterwards_as_before():
    """The switches are put back after each fact."""
    mode, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    yield
    torch.use_deterministic_algorithms(mode, warn_only=warns)


@fact("torch.use_deterministic_algorithms", "torch.are_deterministic_algorithms_enabled")
@pytest.mark.parametrize(
    ("mode", "warn_only"), [(False, False), (True, False), (True, True)], ids=["off", "refuse", "warn"]
)
def test_switch_tells_what_it_was_set_to(mode, warn_only):
    """`are_deterministic_algorithms_enabled` tells the mode that `use_deterministic_algorithms` was told last."""
    torch.use_deterministic_algorithms(mode, warn_only=warn_only)
    assert torch.are_deterministic_algorithms_enabled() is mode


@fact("torch.use_deterministic_algorithms", "torch.is_deterministic_algorithms_warn_only_enabled")
@pytest.mark.parametrize("warn_only", [True, False])
def test_switch_tells_whether_it_only_warns(warn_only):
    """`is_deterministic_algorithms_warn_only_enabled` tells the last `warn_only` of `use_deterministic_algorithms`."""
    torch.use_deterministic_algorithms(True, warn_only=warn_only)
    assert torch.is_deterministic_algorithms_warn_only_enabled() is warn_only


MODES = {"default": 0, "warn": 1, "error": 2}


@fact("torch.set_deterministic_debug_mode", "torch.get_deterministic_debug_mode")
@pytest.mark.parametrize("word", MODES)
def test_debug_mode_is_a_word_or_a_number(word):
    """`set_deterministic_debug_mode` takes "default", "warn" or "error", or 0 to 2, which the getter tells."""
    torch.set_deterministic_debug_mode(word)
    assert torch.get_deterministic_debug_mode() == MODES[word]
    assert torch.are_deterministic_algorithms_enabled() == (word != "default")
    torch.set_deterministic_debug_mode(0)
    torch.set_deterministic_debug_mode(MODES[word])
    assert torch.get_deterministic_debug_mode() == MODES[word]


@fact("torch.set_deterministic_debug_mode")
@pytest.mark.parametrize(("mode", "error"), [("never", RuntimeError), (3, RuntimeError), (1.5, TypeError)], ids=str)
def test_debug_mode_is_no_other(mode, error):
    """`set_deterministic_debug_mode` refuses other words, numbers and types."""
    with pytest.raises(error, match="mode|type"):
        torch.set_deterministic_debug_mode(mode)


@fact("torch.use_deterministic_algorithms", hint="torch.use_deterministic_algorithms(True, warn_only=True)")
def test_algorithms_are_refused_where_there_are_none():
    """`use_deterministic_algorithms(True)` refuses `put_`: "does not have a deterministic implementation"."""
    torch.use_deterministic_algorithms(True)
    index = torch.tensor([0, 0])
    with pytest.raises(RuntimeError, match="does not have a deterministic implementation"):
        torch.zeros(2).put_(index, torch.tensor([1.0, 2.0]), accumulate=False)


@fact("torch.use_deterministic_algorithms")
def test_algorithms_are_warned_of_when_told():
    """With `warn_only=True`, `put_` warns that it "does not have a deterministic implementation", and is done."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    x = torch.zeros(2)
    with pytest.warns(UserWarning, match="does not have a deterministic implementation"):
        x.put_(torch.tensor([1]), torch.tensor([2.0]), accumulate=False)
    same(x, torch.tensor([0.0, 2.0]))


@fact("torch.use_deterministic_algorithms", "torch.Tensor.index_add_")
def test_algorithms_are_taken_where_there_are_some():
    """`index_add_` has a deterministic algorithm: under `use_deterministic_algorithms` it gives its sums, unwarned."""
    torch.use_deterministic_algorithms(True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = torch.zeros(2).index_add_(0, torch.tensor([0, 1, 0]), torch.tensor([1.0, 2.0, 4.0]))
    same(y, torch.tensor([5.0, 2.0]))
    assert torch.are_deterministic_algorithms_enabled()


EMPTY = {
    "torch.empty": lambda dtype: torch.empty(3, dtype=dtype),
    "torch.empty_like": lambda dtype: torch.empty_like(torch.zeros(3, dtype=dtype)),
    "torch.empty_strided": lambda dtype: torch.empty_strided((3,), (1,), dtype=dtype),
    "torch.Tensor.new_empty": lambda dtype: torch.zeros(1, dtype=dtype).new_empty(3),
    "torch.Tensor.resize_": lambda dtype: torch.empty(0, dtype=dtype).resize_(3),
}


@fact(*EMPTY, since="2.1", calls="names use_deterministic_algorithms", source="deterministic")
@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize(
    ("dtype", "filled"), [(torch.float32, math.nan), (torch.int32, 2**31 - 1)], ids=["float32", "int32"]
)
def test_memory_is_filled(name, dtype, filled):
    """`use_deterministic_algorithms(True)` has `torch.empty` and the like filled with NaN, or the largest integer."""
    torch.use_deterministic_algorithms(True)
    x = EMPTY[name](dtype)
    same(x, torch.tensor([filled] * 3, dtype=dtype))


@fact("torch.empty", since="2.2", calls="names fill_uninitialized_memory", gain=True, source="deterministic")
def test_memory_is_not_filled_when_told(monkeypatch):
    """`torch.empty` under deterministic algorithms is filled with NaN, unless `fill_uninitialized_memory` is False."""
    torch.use_deterministic_algorithms(True)
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)
    assert not torch.empty(1000).isnan().all()
    monkeypatch.undo()
    assert torch.utils.deterministic.fill_uninitialized_memory is True
    same(torch.empty(2), torch.tensor([math.nan, math.nan]))
