"""Gradients that are limited before a step: `clip_grad_norm_`, `clip_grad_value_`; and parameters as one vector."""

import math

import numpy
import pytest
import torch
from torch.nn import utils

from torchproof import close, fact, same

GRADIENTS = [[[3.0, -4.0], [0.5, 0.0]], [12.0, -2.0, 1.0]]
NORMS = {"1": 1.0, "2": 2.0, "3": 3.0, "inf": math.inf}
FOREACH = pytest.mark.parametrize("foreach", [None, False, True], ids=str)
norms = pytest.mark.parametrize("order", NORMS.values(), ids=NORMS)


def with_gradients(device, dtype=torch.float64, gradients=GRADIENTS):
    parameters = [torch.zeros_like(torch.tensor(g, dtype=dtype, device=device)).requires_grad_() for g in gradients]
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = torch.tensor(gradient, dtype=dtype, device=device)
    return parameters


def norm_of(gradients, order):
    """The norm of all numbers as one vector."""
    return float(numpy.linalg.norm(numpy.concatenate([numpy.ravel(g) for g in gradients]), order))


@fact("torch.nn.utils.clip_grad_norm_")
@norms
@FOREACH
def test_scales_all_gradients_by_one_factor(device, order, foreach):
    """`clip_grad_norm_` scales all gradients together, by one factor, so that their norm is `max_norm`."""
    parameters = with_gradients(device)
    utils.clip_grad_norm_(parameters, 2.0, norm_type=order, foreach=foreach)
    for parameter, gradient in zip(parameters, GRADIENTS):
        want = numpy.array(gradient) * 2 / (norm_of(GRADIENTS, order) + 1e-6)
        close(parameter.grad, want, roundings=40, scale=16)
    close(parameters[0].grad[0, 0], 6 / (norm_of(GRADIENTS, order) + 1e-6), roundings=40)


@fact("torch.nn.utils.clip_grad_norm_", myth="clip_grad_norm_ returns the norm after clipping")
@norms
@FOREACH
def test_gives_the_norm_before_it_scales(device, order, foreach):
    """`clip_grad_norm_` returns the norm that all gradients had together before they were scaled."""
    before = utils.clip_grad_norm_(with_gradients(device), 2.0, norm_type=order, foreach=foreach)
    close(before, norm_of(GRADIENTS, order), roundings=20)


@fact("torch.nn.utils.clip_grad_norm_")
@norms
def test_leaves_gradients_below_the_norm(device, order):
    """`clip_grad_norm_` leaves gradients whose norm is far below `max_norm`, bit by bit, and gives their norm."""
    parameters = with_gradients(device)
    close(utils.clip_grad_norm_(parameters, 1000.0, norm_type=order), norm_of(GRADIENTS, order), roundings=20)
    same(parameters[0].grad, torch.tensor(GRADIENTS[0], dtype=torch.float64))
    same(parameters[1].grad, torch.tensor(GRADIENTS[1], dtype=torch.float64))


CLIPS = pytest.mark.parametrize("name", ["clip_grad_norm_", "clip_grad_value_"])


@fact("torch.nn.utils.clip_grad_norm_", "torch.nn.utils.clip_grad_value_")
@CLIPS
def test_takes_a_lone_tensor(device, name):
    """`clip_grad_norm_` and `clip_grad_value_` take one tensor in place of an iterable of them."""
    [w] = with_gradients(device, gradients=[[8.0]])
    getattr(utils, name)(w, 2.0)
    close(w.grad, [2.0], roundings=2**31)  # the norm is divided by, plus 1e-6


@fact("torch.nn.utils.clip_grad_norm_", "torch.nn.utils.clip_grad_value_")
@CLIPS
def test_passes_over_what_has_no_gradient(device, name):
    """`clip_grad_norm_` and `clip_grad_value_` pass over a parameter whose `.grad` is None, which it stays."""
    [w], without = with_gradients(device, gradients=[[8.0]]), torch.ones(1, requires_grad=True, device=device)
    getattr(utils, name)([without, w], 2.0)
    close(w.grad, [2.0], roundings=2**31)
    assert without.grad is None


@fact("torch.nn.utils.clip_grad_norm_")
def test_of_nothing_is_zero():
    """`clip_grad_norm_` without any gradient gives a norm of 0."""
    same(utils.clip_grad_norm_([torch.ones(2, requires_grad=True)], 1.0), torch.tensor(0.0))


@fact("torch.nn.utils.clip_grad_norm_", hint="pass error_if_nonfinite=True", myth="clipping repairs NaN gradients")
@pytest.mark.parametrize(("bad", "want"), [(math.nan, [math.nan, math.nan]), (math.inf, [math.nan, 0.0])], ids=str)
def test_of_what_is_not_finite_spoils_all(device, bad, want):
    """One NaN makes every gradient NaN in `clip_grad_norm_`; one infinity makes NaN of itself and 0 of the others."""
    parameters = with_gradients(device, gradients=[[bad], [3.0]])
    utils.clip_grad_norm_(parameters, 1.0)
    same(torch.cat([parameter.grad for parameter in parameters]), torch.tensor(want, dtype=torch.float64))


@fact("torch.nn.utils.clip_grad_norm_")
@pytest.mark.parametrize("bad", [math.nan, math.inf], ids=str)
def test_refuses_what_is_not_finite_when_told(device, bad):
    """`clip_grad_norm_(error_if_nonfinite=True)` refuses a "non-finite" norm, NaN or infinite, and leaves gradients."""
    [w] = with_gradients(device, gradients=[[bad, 3.0]])
    with pytest.raises(RuntimeError, match="non-finite"):
        utils.clip_grad_norm_([w], 1.0, error_if_nonfinite=True)
    same(w.grad, torch.tensor([bad, 3.0], dtype=torch.float64))


@fact("torch.nn.utils.clip_grad_value_")
@pytest.mark.parametrize("foreach", [False, True], ids=["loop", "foreach"])
def test_cuts_every_element_by_itself(device, foreach):
    """`clip_grad_value_` cuts each element of the gradients, in place, to between -value and value."""
    parameters = with_gradients(device)
    kept = parameters[0].grad
    assert utils.clip_grad_value_(parameters, 2.5, foreach=foreach) is None
    for parameter, gradient in zip(parameters, GRADIENTS):
        same(parameter.grad, numpy.clip(numpy.array(gradient), -2.5, 2.5))
    assert parameters[0].grad is kept


@fact("torch.nn.utils.get_total_norm")
@norms
@pytest.mark.parametrize("foreach", [False, True], ids=["loop", "foreach"])
def test_norm_is_of_all_tensors_as_one_vector(device, order, foreach):
    """`get_total_norm` is the norm of all tensors as one vector, in their dtype."""
    tensors = [parameter.grad for parameter in with_gradients(device)]
    norm = utils.get_total_norm(tensors, order, foreach=foreach)
    assert norm.dtype == torch.float64
    close(norm, norm_of(GRADIENTS, order), roundings=20)


@fact("torch.nn.utils.get_total_norm")
@norms
@pytest.mark.parametrize("bad", [math.nan, math.inf], ids=str)
def test_norm_that_is_not_finite_is_refused_when_told(device, order, bad):
    """`get_total_norm(error_if_nonfinite=True)` raises RuntimeError, "non-finite", where an element is NaN or inf."""
    with pytest.raises(RuntimeError, match="non-finite"):
        utils.get_total_norm([torch.tensor([1.0, bad], device=device)], order, error_if_nonfinite=True)


@fact("torch.nn.utils.clip_grads_with_norm_")
@pytest.mark.parametrize("foreach", [False, True], ids=["loop", "foreach"])
def test_takes_a_norm_that_is_known(device, foreach):
    """`clip_grads_with_norm_` scales gradients by `max_norm` over a norm that it is told, when that is larger."""
    parameters = with_gradients(device)
    utils.clip_grads_with_norm_(parameters, 2.0, torch.tensor(1.0, device=device), foreach=foreach)
    same(parameters[0].grad, torch.tensor(GRADIENTS[0], dtype=torch.float64))
    utils.clip_grads_with_norm_(parameters, 2.0, torch.tensor(8.0, dtype=torch.float64, device=device), foreach=foreach)
    close(parameters[1].grad, numpy.array(GRADIENTS[1]) * 2 / (8 + 1e-6), roundings=8)


@fact("torch.nn.utils.clip_grads_with_norm_")
def test_refuses_foreach_where_a_device_has_none():
    """`clip_grads_with_norm_(foreach=True)` refuses meta tensors: it "can't use the foreach API" on them."""
    parameters = with_gradients("meta")
    with pytest.raises(RuntimeError, match="can't use the foreach API on meta tensors"):
        utils.clip_grads_with_norm_(parameters, 2.0, torch.tensor(1.0), foreach=True)


@fact("torch.nn.utils.parameters_to_vector")
def test_vector_holds_all_parameters(device):
    """`parameters_to_vector` joins all elements of parameters into one vector, a parameter behind the other."""
    parameters = [torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device), torch.tensor([5.0], device=device)]
    same(utils.parameters_to_vector(parameters), torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]))


@fact("torch.nn.utils.vector_to_parameters")
def test_vector_goes_back_into_parameters(device):
    """`vector_to_parameters` gives parameters the elements of a vector, in their order and each in its shape."""
    parameters = [torch.zeros(2, 2, device=device), torch.zeros(1, device=device)]
    utils.vector_to_parameters(torch.tensor([2.0, 4.0, 6.0, 8.0, 10.0], device=device), parameters)
    same(parameters[0], torch.tensor([[2.0, 4.0], [6.0, 8.0]]))
    same(parameters[1], torch.tensor([10.0]))
