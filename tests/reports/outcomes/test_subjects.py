"""What calls are about."""

import pytest

from torchproof.reports.outcomes.subjects import subject


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("torch.any(x, dim=(0, 1))", "torch.any"),
        ("F.cross_entropy(x, t)", "torch.nn.functional.cross_entropy"),
        ("nn.LSTM(3, 2)(x)", "torch.nn.LSTM"),
        ("[*nn.Linear(3, 2).parameters()]", "torch.nn.Linear"),
        ("torch.linalg.svd(a).S", "torch.linalg.svd"),
        ("torch.optim.lr_scheduler.StepLR(o, 2)", "torch.optim.lr_scheduler.StepLR"),
        ("torch.distributions.Normal(0.0, 1.0).sample()", "torch.distributions.Normal.sample"),
        ("x.view(-1)", "torch.Tensor.view"),
        ("x[0]", "torch.Tensor.__getitem__"),
        ("x[0] = 9", "torch.Tensor.__setitem__"),
        ("x + 1", "torch.add"),
        ("1 - x", "torch.sub"),
        ("-x", "torch.neg"),
        ("x == y", "torch.eq"),
        ("files_of(torch.save, x)", "torch.save"),
        ("loaded(x, mmap=True)", "torch.load"),
        ("x.untyped_storage().is_pinned()", None),
        ("sorted([3, 1])", None),
    ],
)
def test_a_call_is_about_a_name(code, name):
    assert subject(code) == name
