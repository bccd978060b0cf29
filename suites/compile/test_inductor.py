"""What inductor, which `torch.compile` compiles with by default, keeps of what eager code does."""

import sys

import pytest
import torch
from torch.nn import functional

from torchproof import close, fact
from torchproof.suites.compile.backends import forget, need_inductor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def compiled(tmp_path, monkeypatch):
    """`compiled(function)`, by inductor; forgotten later."""

    def make(function):
        need_inductor()
        forget()
        return torch.compile(function)

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    yield make
    forget()


def families(x, w):
    """Something of each: elementwise, a reduction, a scan, softmax, normalisation, a product, indexing, a mask."""
    results = (
        torch.sin(x) * x.abs().sqrt(),
        x.amax(1),
        x.cumsum(0),
        x.softmax(1),
        functional.layer_norm(x, (8,)),
        functional.gelu(x @ w),
        x[:, [3, 1]].mT,
        torch.where(x > 0, x, w[:6] * x.var()),
    )
    return torch.cat([result.flatten() for result in results])


@fact("torch.compile", where="before 2.1: torch.compile takes this Python", source="torch.compiler")
def test_computes_what_eager_code_does(compiled):
    """`torch.compile` by inductor gives the results and gradients of eager code, within rounding."""
    x, w = torch.linspace(-2, 2, 48).view(6, 8).requires_grad_(), torch.rand(8, 8, requires_grad=True)
    found, eager = compiled(families)(x, w), families(x, w)
    close(found, eager.detach().double(), roundings=16, scale=16)
    for got, want in zip(*(torch.autograd.grad(y.square().sum(), [x, w]) for y in (found, eager)), strict=True):
        close(got, want.double(), roundings=64, scale=64)


@fact("torch.compile", where="before 2.1: torch.compile takes this Python", source="torch.compiler")
def test_leaves_small_numbers_alone(compiled):
    """`torch.compile` by inductor does not have Python flush floats below the normal range to zero."""
    compiled(lambda x: x * x)(torch.ones(3))
    assert sys.float_info.min / 2 > 0


@fact("torch.compile", where="before 2.1: torch.compile takes this Python", source="torch.compiler")
def test_passes_nan_on(compiled):
    """`torch.compile` by inductor gives NaN for NaN in `exp`, `relu`, `clamp` and `amax`."""
    function = compiled(lambda x: torch.stack([x.exp(), x.relu(), x.clamp(0, 1), x.amax()]))
    assert function(torch.tensor(torch.nan)).isnan().all()
