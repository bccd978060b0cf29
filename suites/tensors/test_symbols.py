"""`torch.sym_int`, `sym_max`, `sym_ite` and others of plain numbers, where `torch.compile` may have symbols."""

import pytest
import torch

from torchproof import fact


@fact("torch.sym_int")
def test_are_cut_towards_zero():
    """`torch.sym_int` of a plain number cuts it towards zero."""
    assert [torch.sym_int(number) for number in (2.75, -2.75, 3)] == [2, -2, 3]


@fact("torch.sym_float", "torch.sym_not")
def test_are_converted_as_python_numbers():
    """`torch.sym_float` and `torch.sym_not` of plain numbers are Python's `float` and `not`."""
    assert (torch.sym_float(2), type(torch.sym_float(2))) == (2.0, float)
    assert (torch.sym_not(True), torch.sym_not(False)) == (False, True)


@fact("torch.sym_max", "torch.sym_min")
@pytest.mark.parametrize(("a", "b"), [(2, 5), (5, 2), (-1.5, 2.5), (-1, -3)], ids=str)
def test_are_compared(a, b):
    """`torch.sym_max` and `torch.sym_min` of plain numbers are Python's `max` and `min`."""
    assert (torch.sym_max(a, b), torch.sym_min(a, b)) == (max(a, b), min(a, b))


@fact("torch.sym_ite")
@pytest.mark.parametrize(("condition", "want"), [(True, 2), (False, 5)])
def test_are_chosen_between(condition, want):
    """`torch.sym_ite` gives its second argument where the first is true, else the third."""
    assert torch.sym_ite(condition, 2, 5) == want


@fact("torch.sym_sum")
def test_are_added_up():
    """`torch.sym_sum` adds up the numbers of a list or a tuple."""
    assert torch.sym_sum([2, 3, 5]) == torch.sym_sum((3, 5, 2)) == 10
