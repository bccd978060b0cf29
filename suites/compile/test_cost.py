"""What `torch.compile` wins in time, and costs at each call; how often it compiles is in `test_recompiling`."""

import pytest
import torch

from torchproof import fact, race
from torchproof.suites.compile.backends import forget, need_inductor

pytestmark = pytest.mark.bench


def chain(x):
    """Ten sums and products, which a compiler can make one loop of."""
    for _ in range(5):
        x = x * 0.5 + 0.25
    return x


def compiles_nothing(patch):
    """`compile` gives the function as it is."""
    patch.setattr(torch, "compile", lambda function, **options: function)


def compiles_badly(patch):
    """What is compiled computes everything three times."""
    patch.setattr(torch, "compile", lambda function: lambda x: [function(x) for _ in range(3)][-1])


@pytest.fixture(autouse=True)
def _forgetting(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    yield
    forget()


@fact(
    "torch.compile",
    where="before 2.1: torch.compile takes this Python",
    refuter=compiles_badly,
    source="torch.compiler",
)
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_of_a_chain_is_less_where_it_is_one_kernel(numbers):
    """Ten sums and products of 65,536 elements take less time under `torch.compile` than one after the other."""
    need_inductor()
    forget()
    x, compiled = torch.rand(1 << 16), torch.compile(chain)
    assert race(lambda: compiled(x), lambda: chain(x), numbers).ratio_below(1)


@fact(
    "torch.compile",
    since="2.1",
    calls="none",
    refuter=compiles_nothing,
    myth="compiled code is never slower",
    hint="compile the whole model or the loop, not each small function",
    source="torch.compiler",
)
def test_of_a_small_function_is_more_than_double(numbers):
    """An addition of one number takes over twice as long under `torch.compile`, which checks first at each call."""
    forget()
    compiled, x = torch.compile(lambda x: x + 1, backend="eager"), torch.ones(1)
    assert race(lambda: compiled(x), lambda: x + 1, numbers).ratio_above(2)
