"""Facts do not depend on order, and cannot change the world of the next."""

from __future__ import annotations

import pytest

SEEDED = '''
import random
import numpy

@fact("torch.rand")
@pytest.mark.parametrize("number", [1, 2, 3])
def test_draws(number, observe):
    """`rand` draws from the seed of its fact."""
    observe("drawn", [torch.rand(1).item(), random.random(), float(numpy.random.rand())])
    assert torch.rand(1) < 1
'''

SWITCHES = {
    "grad mode": "torch.set_grad_enabled(False)",
    "default dtype": "torch.set_default_dtype(torch.float64)",
    "number of threads": "torch.set_num_threads(torch.get_num_threads() + 1)",
    "deterministic algorithms": "torch.use_deterministic_algorithms(True)",
    "flushing of subnormal numbers": "torch.set_flush_denormal(True)",
}


def drawn(project):
    return {line["id"]: line["value"] for line in project.lines("observation")}


def test_each_fact_draws_the_same_in_any_order(project):
    project.suite(SEEDED)
    project.run()
    first = drawn(project)
    project.run("-k", "3 or 2")
    second = drawn(project)
    assert len({tuple(value) for value in first.values()}) == 3
    assert second == {identity: first[identity] for identity in second}


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_left_on_is_an_error_and_is_put_back(project, switch):
    project.suite(f'''
@fact("torch.add")
def test_leaves():
    """`add` adds two numbers."""
    {SWITCHES[switch]}
    assert torch.add(1, 1) == 2

@fact("torch.add")
def test_next():
    """`add` gives a tensor that is as by default."""
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.tensor(torch.finfo(torch.float32).tiny) / 2 > 0
''')
    project.run()
    assert project.verdicts() == {"topic.area.leaves": "error", "topic.area.next": "holds"}
    assert f"it leaves the {switch} at" in project.lines("verdict")[0]["reason"]
