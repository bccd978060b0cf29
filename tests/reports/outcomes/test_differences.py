"""In what two outcomes differ."""

import pytest

from torchproof.reports.outcomes.differences import difference, entries, keys, point, step


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ("float32[3]: 1 2 3", "float32[3]: 1 2.5 3", ("2", "2.5")),
        ("float32[3]: 1 2 nan", "float32[3]: 1 inf 3", ("2, nan", "inf, 3")),
        ("float32[1]: 1", "float32[1]: 1.0001", None),
        ("complex64[1]: 0|0j", "complex64[1]: 0|-0j", None),
        ("bool[1]: True", "bool[1]: False", ("True", "False")),
        ("[float 0.1, float 0.2]", "[float 0.1, float 0.3]", ("0.2", "0.3")),
        ("float32[1]: 1", "float64[1]: 1", ("float32[1]: 1", "float64[1]: 1")),
        ("'LayerNorm((2,), eps=1e-05)'", "'LayerNorm((2,), eps=1e-05, bias=True)'",
         ("…), eps=1e-05)'", "…), eps=1e-05, bias=True)'")),
        ("{lr: float 0.1, mode: 'a', more: 1}", "{lr: float 0.1, mode: 'a', other: 1}",
         ("… mode: 'a', more: 1}", "… mode: 'a', other: 1}")),
        ("a Foo", "a Bar", None),
    ],
)  # fmt: skip
def test_what_differs_is_told(was, now, told):
    assert difference(was, now, 1e-3) == told


@pytest.mark.parametrize(
    ("code", "given", "was", "now", "where"),
    [
        ("torch.f(v)", "float32 gradient", "[float32[3]: 1 2 3]", "[float32[3]: 1 9 3]", "v = -2"),
        ("torch.f(x, y)", "float32 gradient", "[float32[2, 3]: 1 1 1 1 1 1, float32[2, 3]: 1 1 1 1 1 1]",
         "[float32[2, 3]: 1 1 1 1 1 1, float32[2, 3]: 1 1 1 0 1 1]", "x = 0.75, y = 0.75"),
        ("torch.f(a, v)", "float32 special gradient", "[float32[3, 3]: 0 0 0 0 0 0 0 0 0, float32[3]: 1 2 3]",
         "[float32[3, 3]: 0 0 0 0 0 0 0 0 0, float32[3]: 1 2 4]", "v = 3"),
        ("torch.f(torch.ones(1))", "float32 gradient", "[]", "[]", ""),
    ],
)  # fmt: skip
def test_a_gradient_differs_at_a_point(code, given, was, now, where):
    assert point(code, given, was, now) == where


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ("['a 1', 'b 2']", "['a 9', 'c 2']", "also has c and no longer has b"),
        ("['a 1']", "['a 1', 'b 2']", "also has b"),
        ("['a 1']", "['a 2']", "also has a 2 and no longer has a 1"),
        ("float32[1]: 1", "float32[1]: 2", ""),
    ],
)
def test_entries_of_a_file_come_and_go(was, now, told):
    assert entries(was, now) == told


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ("{lr: float 0.1, mode: 'a'}", "{lr: float 0.1, mode: 'a', step: 1}", "also has step"),
        ("{lr: float 0.1, old: 1}", "{new: 1, lr: float 0.2}", "also has new and no longer has old"),
        ("{lr: float 0.1}", "{lr: float 0.2}", ""),
        ("{lr: float 0.1, and 3 more}", "{step: 1, and 3 more}", ""),
        ("float32[1]: 1", "{lr: float 0.2}", ""),
    ],
)
def test_keys_that_came_or_went_are_told(was, now, told):
    assert keys(was, now) == told


@pytest.mark.parametrize(
    ("code", "was", "now", "told"),
    [
        ("[f(x), g(x)]", "[1, [2, 3]]", "[1, [2, 4]]", ("g(x)", "[2, 3]", "[2, 4]")),
        ("[f(x), g(x)]", "['a(b, c)', 2]", "['a(b, d)', 2]", ("f(x)", "'a(b, c)'", "'a(b, d)'")),
        ("[f(x), g(x)]", "[1, 2, 3]", "[1, 2, 4]", None),
        ("[f(x)]", "[1]", "[2]", None),
        ("f(x)", "[1]", "[2]", None),
    ],
)
def test_the_first_of_several_calls_that_gives_something_else_is_found(code, was, now, told):
    assert step(code, was, now) == told
