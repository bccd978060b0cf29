"""Sizes as symbols: what a graph is traced with that is to work for other sizes than those of its example."""

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from torchproof import fact, same


def traced(function):
    """The graph of a function of a tensor of 5 by 3, with sizes as symbols."""
    return make_fx(function, tracing_mode="symbolic")(torch.ones(5, 3))


KINDS = {
    "size": (torch.SymInt, lambda n: n),
    "sum": (torch.SymInt, lambda n: 2 * n + 1),
    "half": (torch.SymFloat, lambda n: n / 2),
    "comparison": (torch.SymBool, lambda n: n > 4),
}


@fact("torch.SymInt", "torch.SymFloat", "torch.SymBool")
@pytest.mark.parametrize("kind", KINDS)
def test_are_numbers_of_other_kinds(kind):
    """In a symbolic trace a size is a `SymInt`, and what is computed of it a `SymInt`, `SymFloat` or `SymBool`."""
    want, compute = KINDS[kind]
    seen = []
    traced(lambda x: seen.append(compute(x.size(0))) or x.sum())
    assert [type(one) for one in seen] == [want]
    assert not isinstance(seen[0], (int, float))


ARITHMETIC = {
    "plus": lambda n: n + 3,
    "from": lambda n: 3 - n,
    "times": lambda n: 2 * n,
    "squared": lambda n: n * n,
    "divided": lambda n: n / 4,
    "whole": lambda n: n // 2,
    "rest": lambda n: n % 3,
    "negative": lambda n: -n,
}


@fact("torch.SymInt", "torch.SymFloat")
@pytest.mark.parametrize("operation", ARITHMETIC)
def test_stay_open_in_the_graph(operation):
    """A graph that `make_fx` traced with symbolic sizes computes from the size it is called with what Python does."""
    compute = ARITHMETIC[operation]
    graph = traced(lambda x: x.new_ones(1) * compute(x.size(0)))
    same(
        torch.cat([graph(torch.ones(rows, 3)) for rows in (2, 5, 7)]),
        torch.tensor([compute(2), compute(5), compute(7)], dtype=torch.float32),
    )


@fact("torch.SymBool")
@pytest.mark.parametrize("rows", [2, 7])
def test_are_fixed_by_a_branch(rows):
    """A Python branch on a symbolic size, a `SymBool`, is decided by the example, also for sizes that come later."""
    graph = traced(lambda x: x + 1 if x.size(0) > 4 else x - 1)
    same(graph(torch.ones(rows, 3)), torch.full((rows, 3), 2.0))


@fact("torch.SymInt", since="2.1", calls="none")
def test_are_fixed_by_int():
    """`int` of a symbolic size, a `SymInt`, gives that of the example, which the graph then keeps."""
    graph = traced(lambda x: x.sum() * int(x.size(0)))
    same(graph(torch.ones(7, 3)), torch.tensor(21.0 * 5))
