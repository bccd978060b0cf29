"""What `detect_anomaly` finds in a backward pass and what it says: NaN in gradients, and where they come from."""

import math

import pytest
import torch

from torchproof import fact, same


def nan_in_backward(device):
    """A loss whose gradient has NaN: the derivative of the root is infinite at 0, and is multiplied by 0."""
    x = torch.tensor([0.0], device=device, requires_grad=True)
    return x, (torch.sqrt(x) * 0.0).sum()


@fact("torch.Tensor.backward", source="autograd", hint="use torch.autograd.set_detect_anomaly(True) to find where")
def test_is_silent_by_default(device):
    """`backward` puts NaN into `.grad` without an error, unless anomalies are detected."""
    x, loss = nan_in_backward(device)
    loss.backward()
    same(x.grad, torch.tensor([math.nan]))


@fact("torch.autograd.set_detect_anomaly", source="autograd")
@pytest.mark.filterwarnings("ignore:Error detected in")
def test_names_the_function_that_gave_nan(device):
    """`set_detect_anomaly(True)` has `backward` name the function whose gradient is NaN: "returned nan values"."""
    with torch.autograd.set_detect_anomaly(True):
        _, loss = nan_in_backward(device)
        with pytest.raises(RuntimeError, match="Function 'SqrtBackward0' returned nan values in its 0th output"):
            loss.backward()


@fact("torch.autograd.detect_anomaly", source="autograd")
def test_shows_where_the_function_was_called(device):
    """`detect_anomaly` warns with the "Traceback of forward call that caused the error" in `backward`."""
    with (
        pytest.warns(UserWarning, match="Traceback of forward call that caused the error[^$]*nan_in_backward"),
        torch.autograd.detect_anomaly(),
        pytest.raises(RuntimeError, match="returned nan values"),
    ):
        nan_in_backward(device)[1].backward()


@fact("torch.autograd.detect_anomaly", source="autograd")
@pytest.mark.filterwarnings("ignore:Anomaly Detection")
def test_without_check_of_nan_lets_it_pass(device):
    """`detect_anomaly(check_nan=False)` lets NaN in a gradient pass."""
    with torch.autograd.detect_anomaly(check_nan=False):
        x, loss = nan_in_backward(device)
        loss.backward()
    same(x.grad, torch.tensor([math.nan]))


@fact("torch.autograd.set_detect_anomaly", "torch.is_anomaly_enabled", "torch.is_anomaly_check_nan_enabled")
@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize("check_nan", [True, False], ids=["check", "no_check"])
def test_can_be_switched_and_ends_with_its_block(mode, check_nan):
    """`set_detect_anomaly(mode, check_nan)` holds in its block as said, and after it is off where it was off before."""
    before = torch.is_anomaly_enabled()
    with torch.autograd.set_detect_anomaly(mode, check_nan):
        inside = torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()
    assert (before, inside, torch.is_anomaly_enabled()) == (False, (mode, check_nan), False)


@fact("torch.autograd.detect_anomaly", hint="use it for debugging only")
def test_warns_that_it_is_slow():
    """`detect_anomaly` warns that it slows the program down: it "will increase the runtime"."""
    with pytest.warns(UserWarning, match="Anomaly Detection has been enabled. This mode will increase the runtime"):
        torch.autograd.detect_anomaly()


@fact("torch.autograd.detect_anomaly", "torch.is_anomaly_enabled")
@pytest.mark.filterwarnings("ignore:Anomaly Detection")
def test_ends_with_an_exception():
    """An exception that leaves the block of `detect_anomaly` ends it."""
    with pytest.raises(KeyError), torch.autograd.detect_anomaly():
        inside = torch.is_anomaly_enabled()
        raise KeyError
    assert (inside, torch.is_anomaly_enabled()) == (True, False)
