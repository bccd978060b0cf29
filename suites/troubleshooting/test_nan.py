"""Where NaN and infinity come from, how they are found, and what is written instead."""

import math
import subprocess
import sys

import pytest
import torch
from torch import nn

from torchproof import close, fact, same


class Root(nn.Module):
    """A layer that gives NaN of a negative number."""

    def forward(self, x):
        return x.sqrt()


@fact("torch.nn.Module.register_forward_hook", hint="stop in the hook where not output.isfinite().all()")
def test_is_found_by_a_hook_of_each_layer(device):
    """`register_forward_hook` with `isnan().any()` names the layers whose output is NaN, the first one first."""
    model, found = nn.Sequential(nn.Identity(), Root(), nn.Identity()), []
    for name, layer in model.named_children():
        layer.register_forward_hook(lambda _, __, y, name=name: found.append(name) if y.isnan().any() else None)
    model(torch.tensor([-1.0], device=device))
    assert found == ["1", "2"]


@fact("torch.Tensor.register_hook", hint="a hook on each suspect, or torch.autograd.detect_anomaly()")
def test_in_a_gradient_is_found_by_a_hook(device):
    """`register_hook` with `isfinite().all()` finds the tensor whose gradient is NaN or infinite, as of `sqrt` at 0."""
    x, found = torch.tensor([0.0], device=device, requires_grad=True), []
    root = x.sqrt()
    for name, tensor in {"x": x, "root": root}.items():
        tensor.register_hook(lambda slope, name=name: None if slope.isfinite().all() else found.append(name))
    root.sum().backward()
    assert found == ["x"]


@fact("torch.special.entr", hint="torch.special.entr(p), or torch.xlogy(p, p)")
def test_of_an_entropy_with_a_share_of_zero_is_avoided_by_entr(device):
    """`-(p * p.log()).sum()` is NaN where a share is 0, for which `torch.special.entr(p).sum()` counts 0."""
    p = torch.tensor([0.0, 1.0], device=device)
    assert (-(p * p.log()).sum()).isnan()
    same(torch.special.entr(p).sum(), torch.tensor(0.0))


@fact("torch.log_softmax", hint="log_softmax(x, -1), or a loss of logits")
def test_behind_log_of_softmax_is_avoided_by_log_softmax(device):
    """`softmax(x).log()` of 0 and 1000 underflows to minus infinity, where `log_softmax` gives -1000."""
    x = torch.tensor([0.0, 1000.0], device=device)
    same(x.softmax(0).log(), torch.tensor([-math.inf, 0.0]))
    same(torch.log_softmax(x, 0), torch.tensor([-1000.0, 0.0]))


@fact("torch.logsumexp", hint="torch.logsumexp(x, dim)")
def test_behind_log_of_a_sum_of_exp_is_avoided_by_logsumexp(device):
    """`x.exp().sum().log()` of 0 and 1000 overflows to infinity, where `torch.logsumexp` gives 1000."""
    x = torch.tensor([0.0, 1000.0], device=device)
    same(x.exp().sum().log(), torch.tensor(math.inf))
    same(torch.logsumexp(x, 0), torch.tensor(1000.0))


@fact("torch.nn.functional.normalize", hint="nn.functional.normalize(x, dim=-1)")
def test_of_a_zero_vector_is_avoided_by_normalize(device):
    """`x / x.norm()` is NaN for a vector of zeros, for which `functional.normalize` gives zeros."""
    x = torch.zeros(2, device=device)
    assert (x / x.norm()).isnan().all()
    same(nn.functional.normalize(x, dim=0), torch.zeros(2))


@fact("torch.std", hint="(x - x.mean(0)) / (x.std(0) + 1e-8)")
def test_of_a_constant_feature_is_avoided_by_an_epsilon(device):
    """`(x - x.mean(0)) / x.std(0)` is NaN for a constant feature of 5, zero with a small epsilon added to `std`."""
    x = torch.full((3, 1), 5.0, device=device)
    assert ((x - x.mean(0)) / torch.std(x, 0)).isnan().all()
    same((x - x.mean(0)) / (torch.std(x, 0) + 1e-8), torch.zeros(3, 1))


@fact("torch.Tensor.mean", hint="(loss * mask).sum() / mask.sum().clamp(min=1)")
def test_of_a_mask_that_chooses_nothing_is_avoided_by_a_count(device):
    """`loss[mask].mean()` is NaN where the mask is all False, `(loss * mask).sum() / mask.sum().clamp(min=1)` is 0."""
    loss, mask = torch.ones(2, device=device), torch.zeros(2, dtype=torch.bool, device=device)
    assert loss[mask].mean().isnan()
    same((loss * mask).sum() / mask.sum().clamp(min=1), torch.tensor(0.0))


@fact("torch.acos", hint="torch.acos(cosine.clamp(-1, 1)), with a margin where gradients matter")
def test_of_a_cosine_beyond_one_is_avoided_by_clamp(device):
    """`torch.acos` of a cosine that rounding took beyond 1 is NaN, of its `clamp(-1, 1)` it is 0."""
    cosine = torch.tensor([1.0 + 2**-20], device=device)
    assert torch.acos(cosine).isnan().all()
    same(torch.acos(cosine.clamp(-1, 1)), torch.tensor([0.0]))


@fact("torch.Tensor.pow", "torch.Tensor.sign", hint="x.sign() * x.abs() ** (1 / 3)")
def test_of_a_root_of_a_negative_number_is_avoided_by_its_sign(device):
    """`x ** (1 / 3)` is NaN for a negative number such as -8, whose root is `x.sign() * x.abs() ** (1 / 3)`."""
    x = torch.tensor([-8.0], device=device)
    assert x.pow(1 / 3).isnan().all()
    got = x.sign() * x.abs().pow(1 / 3)
    close(got, [-2.0], roundings=16)
    assert got.dtype == torch.float32


@fact("torch.softmax", hint="torch.finfo(x.dtype).min instead of -inf")
def test_of_a_row_that_is_masked_whole_is_avoided_by_a_finite_number(device):
    """`softmax` of a row masked whole by `-inf` is NaN, masked by `torch.finfo(x.dtype).min` it shares alike."""
    x, mask = torch.tensor([0.25, 4.0], device=device), torch.ones(2, dtype=torch.bool, device=device)
    assert torch.softmax(x.masked_fill(mask, -math.inf), 0).isnan().all()
    same(torch.softmax(x.masked_fill(mask, torch.finfo(x.dtype).min), 0), torch.tensor([0.5, 0.5]))


@fact("torch.optim.SGD", hint="a smaller lr, warm-up, or clip_grad_norm_ before the step")
@pytest.mark.parametrize(("lr", "end"), [(0.5, 0.0), (1e4, math.nan)], ids=["small", "large"])
def test_of_a_loss_comes_of_a_rate_that_is_too_large(device, lr, end):
    """With a learning rate that is too large, 1e4, the loss `w.square()` of `SGD` is NaN after 20 steps, with 0.5 0."""
    w = torch.tensor([1.0], device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=lr)
    for _ in range(20):
        optimizer.zero_grad()
        w.square().sum().backward()
        optimizer.step()
    same(w.detach().square(), torch.tensor([end]))


@fact("torch.nn.BatchNorm1d", hint="look at the data: torch.isfinite(x).all() before the model")
def test_of_one_sample_spreads_over_its_batch(device):
    """One NaN in a batch for `BatchNorm1d` in training makes its feature NaN, and the running mean for good."""
    norm = nn.BatchNorm1d(2, device=device)
    y = norm(torch.tensor([[1.0, math.nan], [2.0, 3.0]], device=device))
    assert y.isnan().tolist() == [[False, True], [False, True]]
    norm(torch.ones(2, 2, device=device))
    assert norm.running_mean.isnan().tolist() == [False, True]


@fact("torch.isnan", myth="loss == float('nan') finds NaN", hint="torch.isnan(loss) or math.isnan")
def test_is_found_by_isnan_and_by_no_comparison(device):
    """`loss == float("nan")` is False of NaN too, where `torch.isnan(loss)` is True."""
    loss = torch.tensor([math.nan, 1.0], device=device)
    same(loss.eq(math.nan), torch.tensor([False, False]))
    same(torch.isnan(loss), torch.tensor([True, False]))


@fact("torch.distributions.Categorical", hint="where the logits became NaN: a hook, or torch.autograd.detect_anomaly()")
def test_of_logits_is_refused_by_a_distribution(device, monkeypatch):
    """`Categorical` that validates refuses NaN logits: "Expected parameter logits", "to satisfy the constraint"."""
    monkeypatch.setattr(torch.distributions.Distribution, "_validate_args", True)  # as before any torch.compile
    with pytest.raises(ValueError, match="Expected parameter logits [^$]* to satisfy the constraint"):
        torch.distributions.Categorical(logits=torch.tensor([math.nan, 1.0], device=device))
    finite = torch.tensor([-math.inf, 1.0], device=device).clamp(-1e9)
    same(torch.distributions.Categorical(logits=finite).probs, torch.tensor([0.0, 1.0]))


def compiles_nothing(patch):
    """Other processes compile nothing."""
    patch.setenv("TORCHDYNAMO_DISABLE", "1")


COMPILES = """
import torch
take = lambda: torch.distributions.Categorical(logits=torch.tensor([float("nan"), 1.0]))
try:
    take()
except ValueError:
    torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1))
    take()
    print("compiled", end="")
"""


@pytest.mark.slow
@fact(
    "torch.compile",
    "torch.distributions.Distribution",
    where="before 2.1: torch.compile takes this Python",
    refuter=compiles_nothing,
    myth="torch.distributions validates its arguments by default",
    hint="torch.distributions.Distribution.set_default_validate_args(True)",
)
def test_of_logits_is_taken_by_a_distribution_after_torch_compile():
    """`torch.compile` has distributions of its process validate nothing unless told to: `Categorical` takes NaN."""
    ended = subprocess.run([sys.executable, "-c", COMPILES], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "compiled")
