"""Which names mean one operation."""

from __future__ import annotations

import pytest

from torchproof.spellings import about, operation, spellings


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("torch.Tensor.__radd__", "torch.add"),
        ("torch.Tensor.__iadd__", "torch.add_"),
        ("torch.true_divide", "torch.div"),
        ("torch.linalg.matmul", "torch.matmul"),
        ("torch.nn.functional.linear", "torch.nn.functional.linear"),
        ("torch.linalg.norm", "torch.linalg.norm"),
        ("torch", "torch"),
    ],
)
def test_an_operation_has_one_name(name, first):
    assert operation(name) == first
    assert name in spellings(name)


def test_the_spellings_of_a_product():
    matmul = {"torch.matmul", "torch.linalg.matmul", "torch.Tensor.matmul"}
    assert spellings("torch.matmul") == matmul | {"torch.Tensor.__matmul__", "torch.Tensor.__rmatmul__"}
    assert spellings("torch.nn.Linear") == {"torch.nn.Linear"}


@pytest.mark.parametrize(
    ("name", "subject", "is_about"),
    [
        ("torch.add", "torch.Tensor.__add__", True),
        ("torch.add", "torch.Tensor.add_", False),
        ("torch.add", "torch.addmm", False),
        ("torch.nn.Linear", "torch.nn.Linear.forward", True),
        ("torch.nn.modules.linear.Linear", "torch.nn.Linear", True),
        ("torch.nn.Linear", "torch.nn.LazyLinear", False),
        ("torch.optim", "torch.optim.Adam.step", True),
    ],
)
def test_a_subject_is_about_a_name(name, subject, is_about):
    assert about(name)(subject) is is_about
