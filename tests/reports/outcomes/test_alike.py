"""Which outcomes are one."""

import pytest

from torchproof.reports.outcomes.alike import alike


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("float32[2]: 1 2.5", "float32[2]: 1.00000012 2.5"),
        ("float16[2]: 1 2.5", "float16[2]: 1.001 2.5"),
        ("[float32[1]: 1, int64[1]: 3]", "[float32[1]: 1.0000001, int64[1]: 3]"),
        ("float 0.5", "float 0.50000001"),
        ("complex64[1]: 1|2j", "complex64[1]: 1.0000001|2j"),
        ("float32[1]: nan", "float32[1]: nan"),
        ("raises ValueError: this", "raises ValueError: that"),
        ("raises RuntimeError: this", "raises NotImplementedError<RuntimeError: this"),
    ],
)
def test_rounding_and_words_make_no_difference(one, other):
    assert alike(one, other) and alike(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("float32[2]: 1 2.5", "float32[2]: 1 2.51"),
        ("float32[2]: 1 2.5", "float64[2]: 1 2.5"),
        ("float32[2]: 1 2", "float32[1, 2]: 1 2"),
        ("float32[2, 2] strides [1, 2]: 1 2 3 4", "float32[2, 2]: 1 2 3 4"),
        ("int64[1]: 10000000", "int64[1]: 10000001"),
        ("float32[1]: nan", "float32[1]: 1"),
        ("float32[1]: inf", "float32[1]: -inf"),
        ("float32[2]: 1 2", "[float32[2]: 1 2]"),
        ("raises ValueError: this", "raises IndexError<LookupError: this"),
        ("raises KeyError<LookupError: this", "raises IndexError<LookupError: this"),
        ("raises ValueError: this", "int64[1]: 1"),
        ("3", "4"),
        ("float32[1]: 1", "float32[1]: 1 (changes threads)"),
    ],
)
def test_all_else_makes_one(one, other):
    assert not alike(one, other) and not alike(other, one)
