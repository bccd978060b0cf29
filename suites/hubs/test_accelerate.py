"""`accelerate` on one process: `prepare`, accumulation, and models without memory; several are in suites/parallel."""

import pytest
import torch
from torch import nn

from torchproof import close, fact, same

ACCELERATE = "accelerate>=1.1"
X, Y = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0], [0.0]])


@pytest.fixture
def prepared(accelerate):
    """An Accelerator of the CPU, with a model, its optimizer and its loader of one row a batch, made ready by it."""

    def make(**options):
        accelerator = accelerate.Accelerator(cpu=True, **options)
        return accelerator, *accelerator.prepare(*parts())

    return make


def parts():
    """A linear model that begins the same each time, plain gradient descent, and a row a batch."""
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    rows = torch.utils.data.TensorDataset(X, Y)
    return model, torch.optim.SGD(model.parameters(), lr=0.1), torch.utils.data.DataLoader(rows, batch_size=1)


def train(model, optimizer, loader, backward, within):
    """An epoch, `within` which each batch is."""
    for x, y in loader:
        with within():
            backward((model(x) - y).square().mean())
            optimizer.step()
            optimizer.zero_grad()
    return model.weight.detach().clone()


@fact("accelerate.Accelerator.prepare", "accelerate.Accelerator.backward", requires=ACCELERATE,
      myth="accelerate changes what a loop computes")  # fmt: skip
def test_trains_as_the_plain_loop(prepared):
    """A loop with `accelerator.prepare` and `accelerator.backward` gives the weights of the plain loop on one CPU."""
    import contextlib

    accelerator, *ready = prepared()
    got = train(*ready, accelerator.backward, contextlib.nullcontext)
    same(got, train(*parts(), torch.Tensor.backward, contextlib.nullcontext))


@fact(
    "accelerate.Accelerator.backward", requires=ACCELERATE, myth="losses are to be divided by the micro-batches by hand"
)
def test_accumulates_the_mean_gradient(prepared):
    """`accelerator.backward` within `accumulate` leads to one step along the mean of two micro-batches' gradients."""
    accelerator, model, optimizer, loader = prepared(gradient_accumulation_steps=2)
    got = train(model, optimizer, loader, accelerator.backward, lambda: accelerator.accumulate(model))
    plain, descent, _ = parts()
    (plain(X) - Y).square().mean().backward()
    descent.step()
    close(got, plain.weight.detach().double(), 8, plain.weight.detach().abs().double() + 1)


@fact("accelerate.Accelerator.prepare", requires=ACCELERATE, hint="no `if` around scheduler.step()",
      myth="a scheduler is to be stepped only after each accumulated batch")  # fmt: skip
@pytest.mark.parametrize(("batches", "rate"), [(1, 0.025), (2, 0.05)])
def test_steps_a_scheduler_where_the_optimizer_steps(accelerate, batches, rate):
    """A scheduler of `accelerator.prepare` steps once an optimizer step under gradient accumulation, on one process."""
    accelerator = accelerate.Accelerator(cpu=True, gradient_accumulation_steps=batches)
    model, descent, loader = parts()
    halving = torch.optim.lr_scheduler.StepLR(descent, 1, gamma=0.5)
    model, optimizer, loader, scheduler = accelerator.prepare(model, descent, loader, halving)
    for x, y in loader:
        with accelerator.accumulate(model):
            accelerator.backward((model(x) - y).square().mean())
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
    assert scheduler.get_last_lr() == [rate]


@fact("accelerate.init_empty_weights", requires=ACCELERATE)
def test_leaves_parameters_without_memory_and_buffers_with_it(accelerate):
    """Within `accelerate.init_empty_weights` parameters come to the meta device, and buffers do not."""
    with accelerate.init_empty_weights():
        layer = nn.BatchNorm1d(3)
    assert (layer.weight.is_meta, layer.running_mean.is_meta) == (True, False)


@fact("accelerate.init_empty_weights", requires=ACCELERATE, myth="init_empty_weights never needs the model's memory")
def test_with_buffers_makes_any_size(accelerate):
    """Within `init_empty_weights(include_buffers=True)` a `Linear` of 2 ** 40 weights is made, on the meta device."""
    with accelerate.init_empty_weights(include_buffers=True):
        layer = nn.Linear(1 << 20, 1 << 20)
    assert layer.weight.is_meta and layer.weight.shape == (1 << 20, 1 << 20)
