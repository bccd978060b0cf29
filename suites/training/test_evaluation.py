"""Evaluation between epochs of training: what `eval` does, what `no_grad` does, and what is left behind."""

import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.fixtures.meters import saved_bytes
from torchproof.suites.training.line import column, line


def dropping(device):
    """A model that drops all its inputs while it is trained."""
    return nn.Sequential(nn.Dropout(1.0), line(3.0, device))


def normalizing(device):
    """A model that normalises a batch, with running statistics that half follow each batch."""
    return nn.Sequential(nn.BatchNorm1d(1, affine=False, momentum=0.5), nn.Identity()).to(device)


class Evaluated:
    """What an evaluation of `dropping` gives, under `eval`, `no_grad`, both or neither."""

    def __init__(self, device, eval_mode, no_grad):
        model = dropping(device).train(not eval_mode)
        with torch.set_grad_enabled(not no_grad):
            output = model(column(2.0, device=device))
        self.value, self.is_recorded = output.item(), output.requires_grad


BOTH = pytest.mark.parametrize("no_grad", [False, True], ids=["grad", "no_grad"])


@fact(
    "torch.nn.Module.train",
    "torch.nn.Dropout",
    claims=["M07"],
    myth="no_grad puts the model into evaluation mode",
    hint="call model.eval() as well",
)
@BOTH
def test_needs_eval_for_dropout(device, no_grad):
    """Whether `Dropout` drops is told by `model.eval()` alone, under `no_grad` or without."""
    assert Evaluated(device, True, no_grad).value == 6.0
    assert Evaluated(device, False, no_grad).value == 0.0


@fact("torch.set_grad_enabled", myth="eval switches gradients off", hint="use torch.no_grad() as well")
@pytest.mark.parametrize("eval_mode", [False, True], ids=["train", "eval"])
def test_needs_no_grad_to_record_nothing(device, eval_mode):
    """Whether a graph is recorded is told by `set_grad_enabled` (or `no_grad`) alone, in `eval` mode or without."""
    assert not Evaluated(device, eval_mode, True).is_recorded
    assert Evaluated(device, eval_mode, False).is_recorded


@fact("torch.nn.Module.eval", "torch.no_grad", myth="eval saves memory", hint="use torch.no_grad()")
def test_by_eval_alone_keeps_the_graph_of_every_batch(device):
    """`eval` without `no_grad` saves every activation for backward, and with it none."""
    model = nn.Sequential(*[nn.Sigmoid() for _ in range(3)]).eval()
    x = torch.ones(8, 4, device=device, requires_grad=True)
    with saved_bytes() as recorded:
        model(x)
    with saved_bytes() as saved, torch.no_grad():
        model(x)
    assert (recorded.total, saved.total) == (3 * 8 * 4 * 4, 0)
    assert not model.training


@fact("torch.nn.BatchNorm1d", "torch.nn.Module.eval", hint="call model.eval() before validation")
def test_without_eval_moves_the_statistics_to_the_validation_data(device):
    """A validation pass without `eval`, even under `no_grad`, moves the running mean of `BatchNorm1d` to its data."""
    model = normalizing(device)
    with torch.no_grad():
        model(column(8.0, 16.0, device=device))
        same(model[0].running_mean, torch.tensor([6.0]))
        model.eval()(column(80.0, 160.0, device=device))
    same(model[0].running_mean, torch.tensor([6.0]))


@fact("torch.nn.BatchNorm1d", "torch.nn.Module.eval", hint="call model.eval()")
def test_without_eval_gives_a_sample_what_its_batch_says(device):
    """Without `eval` the prediction for a sample depends, through `BatchNorm1d`, on the others of its batch."""
    model = normalizing(device)
    first, second = (model(column(1.0, other, device=device))[0].item() for other in (3.0, -1.0))
    close(torch.tensor([first, second]), [-1.0, 1.0], roundings=512)
    model.eval()
    alone, beside = (model(column(*batch, device=device))[0].item() for batch in ([1.0], [1.0, 9.0]))
    assert alone == beside


@fact("torch.nn.Module.train", hint="call model.train() at the start of each epoch")
def test_is_left_by_train(device):
    """Without `model.train()` after a validation the next epoch trains without dropout and with frozen statistics."""
    model = nn.Sequential(normalizing(device), nn.Dropout(1.0))
    model.eval()
    still = model(column(8.0, 16.0, device=device))
    same(model[0][0].running_mean, torch.tensor([0.0]))
    model.train()
    same(model(column(8.0, 16.0, device=device)), torch.zeros(2, 1))
    same(model[0][0].running_mean, torch.tensor([6.0]))
    assert still.abs().min() > 0


@fact("torch.nn.Module.train", "torch.nn.Module.eval", hint="training = model.training; ...; model.train(training)")
@pytest.mark.parametrize("mode", [False, True], ids=["eval", "train"])
def test_gives_the_mode_back_when_it_was_kept(device, mode):
    """`model.train(mode)` with what `model.training` told before `eval()` restores a model that is all in one mode."""
    model = dropping(device).train(mode)
    kept = model.training
    model.eval()
    during = model.training
    model.train(kept)
    assert (during, [part.training for part in model.modules()]) == (False, [mode] * 3)


@fact("torch.inference_mode", "torch.Tensor.backward", hint="use no_grad for what is trained on later, or clone it")
def test_under_inference_mode_gives_what_no_later_loss_can_save(device):
    """Features of `inference_mode` cannot train a head: "Inference tensors cannot be saved for backward"."""
    with torch.inference_mode():
        features = line(2.0, device)(column(1.0, device=device))
    head = line(1.0, device)
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        head(features)
    head(features.clone()).sum().backward()
    same(head.weight.grad, torch.tensor([[2.0]]))


@fact("torch.no_grad", "torch.Tensor.backward")
def test_under_no_grad_gives_features_that_train_a_head(device):
    """Features computed under `no_grad` are constants on which a head is trained as on any input."""
    backbone, head = line(2.0, device), line(1.0, device)
    with torch.no_grad():
        features = backbone(column(1.0, device=device))
    head(features).sum().backward()
    same(head.weight.grad, torch.tensor([[2.0]]))
    assert backbone.weight.grad is None


@fact("torch.no_grad", "torch.Tensor.backward", hint="gradients by the input need grad enabled, with eval()")
def test_in_eval_mode_still_has_gradients_by_the_input(device):
    """For a saliency map the gradient by the input is there in `eval` mode, and under `no_grad` it is not."""
    x = column(2.0, device=device).requires_grad_()
    dropping(device).eval()(x).sum().backward()
    same(x.grad, torch.tensor([[3.0]]))
    with torch.no_grad():
        assert not dropping(device).eval()(x).requires_grad


@fact("torch.nn.Dropout", "torch.nn.Module.eval", myth="the training loss is below the validation loss")
def test_may_find_a_lower_loss_than_training_did(device):
    """A model that is right has a loss while it is trained with `Dropout`, and none in evaluation mode."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Dropout(0.5), line(1.0, device))
    x = torch.ones(64, 1, device=device)
    train = nn.functional.mse_loss(model(x), x).item()
    assert (train, nn.functional.mse_loss(model.eval()(x), x).item()) == (1.0, 0.0)


@fact("torch.nn.Dropout", "torch.nn.Module.eval", hint="model.eval() before the validation, model.train() after it")
def test_is_random_where_dropout_acts(device):
    """The validation accuracy of a model with `Dropout` is random, another each time, until `model.eval()`."""
    layer, x = nn.Dropout(0.5), torch.ones(64, device=device)

    def accuracies():
        return {(layer(x) > 0).float().mean().item() for _ in range(8)}

    assert len(accuracies()) > 1
    layer.eval()
    assert accuracies() == {1.0}


@fact("torch.nn.Dropout", "torch.nn.Module.eval")
def test_expects_what_dropout_gives_on_average(device):
    """`Dropout` scales by 1 / (1 - p) in training, so that evaluation sees the mean of what training saw."""
    torch.manual_seed(0)
    layer = nn.Dropout(0.75)
    x = torch.ones(40_000, device=device)
    assert sorted(set(layer(x).tolist())) == [0.0, 4.0]
    assert layer(x).mean().item() == pytest.approx(1.0, abs=5 * (3 / 40_000) ** 0.5)
    same(layer.eval()(x), torch.ones(40_000))
