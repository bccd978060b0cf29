"""Domain adaptation: carrying a model from one domain to another by closing the gap between their distributions."""

import pytest
import torch
from torch import nn
from torch.optim import swa_utils

from torchproof import close, fact, same
from torchproof.suites.training.line import column


class Reversed(torch.autograd.Function):
    """The identity, with the gradient turned round."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


def not_reversed(patch):
    """The gradient is handed on as it is."""
    patch.setattr(Reversed, "backward", staticmethod(lambda ctx, gradient: gradient))


@fact("torch.autograd.Function", refuter=not_reversed)
def test_by_a_reversed_gradient_is_the_identity_forward(device):
    """A gradient reversal `Function` gives its input, and minus the gradient on the way back."""
    x = column(1.0, -2.0, device=device).requires_grad_()
    y = Reversed.apply(x)
    same(y.detach(), torch.tensor([[1.0], [-2.0]]))
    y.backward(column(4.0, 8.0, device=device))
    same(x.grad, torch.tensor([[-4.0], [-8.0]]))


@fact("torch.autograd.Function", refuter=not_reversed)
def test_by_a_reversed_gradient_trains_both_sides_against_each_other(device):
    """Behind a gradient reversal `Function` the domain classifier goes down the loss, and the features before it up."""
    feature, domain = (nn.Linear(1, 1, bias=False, device=device) for _ in range(2))
    nn.init.constant_(feature.weight, 2.0), nn.init.constant_(domain.weight, 3.0)
    domain(Reversed.apply(feature(column(1.0, device=device)))).sum().backward()
    same(domain.weight.grad, torch.tensor([[2.0]]))
    same(feature.weight.grad, torch.tensor([[-3.0]]))


def samples(seed, domain, number=128):
    """Two inputs, of which the first tells the label, and the second the domain and, in the first domain, the label."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(2, (number,), generator=generator).float()
    sign = 2 * labels - 1
    noise = torch.randn(number, 2, generator=generator) / 2
    second = 2.0 + sign if domain == "first" else -2.0 - sign
    return torch.stack([sign, second], 1) + noise, labels


def accuracies(adapting, steps=100):
    """The accuracies on both domains of a model that saw labels of the first alone."""
    torch.manual_seed(0)
    feature, label, domain = nn.Linear(2, 1), nn.Linear(1, 1), nn.Linear(1, 1)
    nn.init.zeros_(feature.weight), nn.init.ones_(label.weight)
    parameters = [p for part in (feature, label, domain) for p in part.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.05)
    (x, y), (other, _) = samples(1, "first"), samples(2, "second")
    which = torch.cat([torch.zeros(len(x)), torch.ones(len(other))])
    loss_of = nn.functional.binary_cross_entropy_with_logits
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(label(feature(x)).squeeze(1), y)
        if adapting:
            features = Reversed.apply(feature(torch.cat([x, other])))
            loss = loss + loss_of(domain(features).squeeze(1), which)
        loss.backward()
        optimizer.step()
    unseen = samples(3, "first"), samples(3, "second")
    return [((label(feature(x)).squeeze(1) > 0) == y.bool()).float().mean().item() for x, y in unseen]


@fact("torch.autograd.Function", claims=["F07"], refuter=not_reversed)
@pytest.mark.slow
def test_by_a_reversed_gradient_carries_a_model_over():
    """With a gradient reversal `Function` a model of made-up domains is over 90 % right in B, without labels of B."""
    first, second = accuracies(adapting=True)
    assert first > 0.9 and second > 0.9


@fact("torch.optim.Adam", claims=["F07"])
def test_is_missing_where_a_model_is_no_better_than_chance_in_another_domain():
    """A model that `Adam` trains on what holds in a made-up domain A alone is hardly better than chance in B."""
    first, second = accuracies(adapting=False)
    assert first > 0.95 and second < 0.65


@fact("torch.optim.swa_utils.update_bn", "torch.nn.BatchNorm1d", claims=["F07"])
def test_by_statistics_undoes_a_shift_and_a_scale(device):
    """`update_bn` on inputs of domain B takes out a shift and a scale before a `BatchNorm1d`: outputs are as of A."""
    a = torch.tensor([[1.0, -2.0], [3.0, 0.5], [-1.0, 4.0]], dtype=torch.float64, device=device)
    b = 10 * a + 100
    model = nn.Sequential(nn.BatchNorm1d(2, eps=1e-300, device=device), nn.Linear(2, 1, device=device)).double()
    swa_utils.update_bn([a], model)
    of_a, before = model.eval()(a).detach(), model(b).detach()
    swa_utils.update_bn([b], model)
    close(model(b).detach(), of_a.cpu().numpy(), roundings=2**10, scale=1)
    assert (before - of_a).abs().max() > 1


@fact("torch.cov", "torch.Tensor.backward", claims=["F07"])
def test_by_covariances_gives_a_gap_that_can_be_trained_away(device):
    """The distance of two `torch.cov`, as of CORAL, is a loss: zero for equal ones, and with a gradient otherwise."""
    x = torch.tensor([[1.0, 2.0, 6.0], [0.0, 1.0, -1.0]], device=device)
    scale = torch.tensor(2.0, device=device, requires_grad=True)
    gap = (torch.cov(scale * x) - torch.cov(x)).square().sum()
    gap.backward()
    total = torch.cov(x).square().sum().item()
    close(gap.detach(), 9 * total, roundings=32)
    close(scale.grad, 2 * (4 - 1) * 2 * 2 * total, roundings=64)
    same(torch.cov(x) - torch.cov(x + 5), torch.zeros(2, 2))
