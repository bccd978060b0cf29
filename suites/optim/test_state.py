"""What optimizers keep between steps and how it is taken over, with hooks and closures; groups are in test_groups."""

import copy
import pickle

import numpy
import pytest
import torch

from torchproof import close, fact, same

OPTIMIZERS = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    "Adam": {"lr": 0.1, "amsgrad": True},
    "AdamW": {"lr": 0.1, "weight_decay": 0.5},
    "Adamax": {"lr": 0.1},
    "NAdam": {"lr": 0.1},
    "RAdam": {"lr": 0.1, "betas": (0.5, 0.9)},
    "Adagrad": {"lr": 0.1, "lr_decay": 0.5},
    "Adadelta": {"lr": 1.0},
    "RMSprop": {"lr": 0.1, "momentum": 0.5, "centered": True},
    "Rprop": {"lr": 0.1},
    "ASGD": {"lr": 0.1, "lambd": 0.5, "t0": 1},
}
CLASSES = [f"torch.optim.{name}" for name in OPTIMIZERS]
each = pytest.mark.parametrize("name", OPTIMIZERS)
KEEPS = {
    "SGD": {"momentum_buffer"},
    "Adam": {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"},
    "AdamW": {"step", "exp_avg", "exp_avg_sq"},
    "Adamax": {"step", "exp_avg", "exp_inf"},
    "NAdam": {"step", "exp_avg", "exp_avg_sq", "mu_product"},
    "RAdam": {"step", "exp_avg", "exp_avg_sq"},
    "Adagrad": {"step", "sum"},
    "Adadelta": {"step", "square_avg", "acc_delta"},
    "RMSprop": {"step", "square_avg", "momentum_buffer", "grad_avg"},
    "Rprop": {"step", "prev", "step_size"},
    "ASGD": {"step", "eta", "mu", "ax"},
}


def made(name, w):
    return getattr(torch.optim, name)([w], **OPTIMIZERS[name])


def train(w, optimizer, gradients):
    for gradient in gradients:
        w.grad = gradient.to(w)
        optimizer.step()
    return w.detach().clone()


def weight(device, dtype=torch.float32):
    return torch.tensor([[1.0, -2.0, 0.5], [3.0, -0.25, 4.0]], dtype=dtype, device=device).requires_grad_()


GRADIENTS = [torch.tensor([[0.5, -1.0, 2.0], [0.25, 3.0, -0.75]]) * factor for factor in (1, -0.5, 2, 0.25, -1)]


@fact(*CLASSES)
@each
def test_that_is_loaded_goes_on_as_if_nothing_had_been(device, name):
    """An optimizer such as `Adam` that loads the `state_dict` of another takes exactly the steps that would follow."""
    w = weight(device)
    optimizer = made(name, w)
    train(w, optimizer, GRADIENTS[:2])
    state = pickle.loads(pickle.dumps(optimizer.state_dict()))
    v = w.detach().clone().requires_grad_()
    other = made(name, v)
    other.load_state_dict(state)
    same(train(v, other, GRADIENTS[2:]), train(w, optimizer, GRADIENTS[2:]))


@fact(*CLASSES)
@each
def test_that_is_left_out_makes_other_steps(device, name):
    """`SGD`, `Adam` and other optimizers made anew in the middle take other steps than one that goes on."""
    w = weight(device)
    optimizer = made(name, w)
    train(w, optimizer, GRADIENTS[:2])
    v = w.detach().clone().requires_grad_()
    on = train(w, optimizer, GRADIENTS[2:])
    assert not torch.equal(train(v, made(name, v), GRADIENTS[2:]), on)


@fact(*CLASSES)
@each
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_has_the_dtype_and_shape_of_its_parameter(device, name, dtype):
    """`SGD`, `Adam` and other optimizers keep state for each element in the dtype and the shape of the parameter."""
    w = weight(device, dtype)
    optimizer = made(name, w)
    train(w, optimizer, GRADIENTS)
    of_elements = [value for value in optimizer.state[w].values() if torch.is_tensor(value) and value.numel() > 1]
    assert w.dtype == dtype and not torch.equal(w, weight(device, dtype)) and of_elements
    assert all((value.dtype, value.shape) == (dtype, w.shape) for value in of_elements)


@fact(*CLASSES)
@each
def test_keeps_its_documented_names(device, name):
    """`state_dict` of `SGD`, `Adam` and the like has the state itself, by names of checkpoints such as `exp_avg`."""
    w = weight(device)
    optimizer = made(name, w)
    train(w, optimizer, GRADIENTS[:4])
    kept = optimizer.state_dict()["state"][0]
    assert all(kept[key] is value for key, value in optimizer.state[w].items())
    assert {key for key, value in kept.items() if torch.as_tensor(value).any()} >= KEEPS[name]


@fact(*(f"torch.optim.{name}" for name in OPTIMIZERS if name != "SGD"))
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "SGD"])
def test_counts_its_steps(device, name):
    """`Adam` and the like count the steps that they have taken under the name `step` in their state."""
    w = weight(device)
    optimizer = made(name, w)
    train(w, optimizer, GRADIENTS)
    assert float(optimizer.state_dict()["state"][0]["step"]) == 5


@fact(*CLASSES)
@each
def test_does_not_depend_on_how_the_parameter_lies(device, name):
    """`SGD`, `Adam` etc. move a transposed parameter with a stepped gradient as a contiguous one, but for rounding."""
    w = weight(device, torch.float64)
    memory = w.detach().t().contiguous()
    v = memory.t().requires_grad_()
    got = train(v, made(name, v), [g.repeat_interleave(2, 1)[:, ::2] for g in GRADIENTS])
    want = train(w, made(name, w), GRADIENTS)
    close(got, want.cpu().numpy(), roundings=20, scale=4)
    same(v.t(), memory)
    assert not torch.equal(want, weight(device, torch.float64))


@fact(*CLASSES)
@each
@pytest.mark.parametrize("foreach", [False, True], ids=["loop", "foreach"])
def test_moves_parameters_of_any_shape(device, name, foreach):
    """`SGD`, `Adam` and the like move a number, an empty tensor and a float64 one beside each other as if alone."""
    number, empty, half = (torch.full(shape, 2.0, device=device) for shape in [(), (0, 3), (2,)])
    half = half.to(torch.float64)
    together = [x.clone().requires_grad_() for x in (number, empty, half)]
    optimizer = getattr(torch.optim, name)(together, **OPTIMIZERS[name], foreach=foreach)
    alone = half.clone().requires_grad_()
    by_itself = getattr(torch.optim, name)([alone], **OPTIMIZERS[name], foreach=foreach)
    for _ in range(3):
        for x in together:
            x.grad = torch.ones_like(x)
        optimizer.step()
    train(alone, by_itself, [torch.ones(2)] * 3)
    assert (alone != 2).all()
    close(together[2].detach(), alone.detach().cpu().numpy(), roundings=20, scale=4)
    close(together[0].detach(), alone[0].item(), roundings=60, scale=4)
    assert together[1].shape == (0, 3)
    assert all(x is y for x, y in zip(optimizer.param_groups[0]["params"], together))


@fact("torch.optim.Optimizer.state_dict")
def test_dict_numbers_its_parameters(device):
    """`Optimizer.state_dict` names parameters by their number over all groups, and holds no parameter itself."""
    a, b, c = (torch.ones(2, device=device, requires_grad=True) for _ in range(3))
    optimizer = torch.optim.SGD([{"params": [a, b]}, {"params": [c], "lr": 0.25}], lr=0.5, momentum=0.5)
    c.grad = torch.tensor([3.0, 4.0], device=device)
    optimizer.step()
    state = optimizer.state_dict()
    assert [group["params"] for group in state["param_groups"]] == [[0, 1], [2]]
    assert [group["lr"] for group in state["param_groups"]] == [0.5, 0.25]
    same(state["state"][2]["momentum_buffer"], torch.tensor([3.0, 4.0]))


@fact("torch.optim.Optimizer.state_dict", myth="state_dict is a snapshot", hint="copy.deepcopy(optimizer.state_dict())")
def test_dict_shares_its_tensors(device):
    """`Optimizer.state_dict` refers to the tensors of the state: a later step is seen in it."""
    w = torch.ones(2, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5, momentum=0.5)
    train(w, optimizer, [torch.tensor([4.0, 8.0])])
    state = optimizer.state_dict()
    snapshot = copy.deepcopy(state)
    train(w, optimizer, [torch.tensor([0.0, 0.0])])
    same(state["state"][0]["momentum_buffer"], torch.tensor([2.0, 4.0]))
    same(snapshot["state"][0]["momentum_buffer"], torch.tensor([4.0, 8.0]))


@fact("torch.optim.Optimizer.load_state_dict")
def test_dict_brings_its_hyperparameters():
    """`Optimizer.load_state_dict` takes over the learning rate of the state, in the place of the one given."""
    w = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    optimizer.load_state_dict(torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.25).state_dict())
    train(w, optimizer, [torch.tensor([1.0])])
    same(w, torch.tensor([0.75]))
    assert optimizer.param_groups[0]["params"] == [w]


@fact("torch.optim.Optimizer.load_state_dict")
def test_dict_goes_to_the_dtype_of_the_parameter():
    """`Optimizer.load_state_dict` converts what is kept for each element to the dtype of its parameter."""
    w, v = torch.ones(2, requires_grad=True), torch.ones(2, dtype=torch.float64, requires_grad=True)
    optimizer, other = torch.optim.Adam([w], lr=0.5), torch.optim.Adam([v], lr=0.5)
    train(w, optimizer, [torch.tensor([1.0, 2.0])])
    other.load_state_dict(optimizer.state_dict())
    close(other.state[v]["exp_avg"], [0.1, 0.2], roundings=2**31)
    same(other.state[v]["step"], torch.tensor(1.0))


@fact("torch.optim.Optimizer.load_state_dict")
@pytest.mark.parametrize(
    ("shapes", "words"),
    [([[1], [1]], "different number of parameter groups"), ([[1, 1]], "doesn't match the size")],
    ids=["groups", "parameters"],
)
def test_dict_of_other_groups_is_refused(shapes, words):
    """`Optimizer.load_state_dict` refuses more groups, "different number of parameter groups", or parameters in one."""
    groups = [{"params": [torch.ones(size, requires_grad=True) for size in group]} for group in shapes]
    state = torch.optim.SGD(groups, lr=0.5).state_dict()
    with pytest.raises(ValueError, match=words):
        torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.5).load_state_dict(state)


@fact("torch.optim.Optimizer.load_state_dict", "torch.optim.SGD", myth="load_state_dict knows parameters by name")
def test_dict_is_loaded_in_order_of_the_parameters():
    """`Optimizer.load_state_dict` gives a state to the parameter at its place, whatever that is."""
    a, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([a, b], lr=0.5, momentum=0.5)
    a.grad, b.grad = torch.tensor([1.0]), torch.tensor([2.0])
    optimizer.step()
    other = torch.optim.SGD([b, a], lr=0.5, momentum=0.5)
    other.load_state_dict(optimizer.state_dict())
    same(other.state[b]["momentum_buffer"], torch.tensor([1.0]))
    same(other.state[a]["momentum_buffer"], torch.tensor([2.0]))


@fact(*CLASSES)
@each
def test_step_gives_the_loss_of_its_closure(device, name):
    """`step` of `SGD`, `Adam` and the like calls its closure once with gradients enabled, and returns its loss."""
    w = weight(device)
    optimizer = made(name, w)
    losses = []

    def closure():
        w.grad = torch.ones_like(w)
        losses.append((w * 3).sum())
        return losses[-1]

    with torch.no_grad():
        loss = optimizer.step(closure)
    assert len(losses) == 1 and loss is losses[0] and not torch.equal(w, weight(device))
    same(torch.autograd.grad(loss, w)[0], torch.full((2, 3), 3.0))


@fact(*CLASSES)
@each
def test_step_without_a_closure_gives_none(device, name):
    """`step` of `SGD`, `Adam` and other optimizers without a closure returns None."""
    w = weight(device)
    w.grad = torch.ones_like(w)
    assert made(name, w).step() is None
    assert not torch.equal(w, weight(device))


def one():
    """A parameter of one element, 1, and an optimizer of it with the rate 0.5."""
    w = torch.ones(1, requires_grad=True)
    return w, torch.optim.SGD([w], lr=0.5)


@fact("torch.optim.Optimizer.register_step_pre_hook", "torch.optim.Optimizer.register_step_post_hook")
def test_hooks_run_around_the_step():
    """Hooks of `register_step_pre_hook` and `register_step_post_hook` are called before and after parameters move."""
    w, optimizer = one()
    seen = []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(("before", o, w.item())))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(("after", o, w.item())))
    train(w, optimizer, [torch.ones(1)])
    assert seen == [("before", optimizer, 1.0), ("after", optimizer, 0.5)]


@fact("torch.optim.Optimizer.register_step_pre_hook", "torch.optim.Optimizer.register_step_post_hook")
@pytest.mark.parametrize("when", ["pre", "post"])
def test_hook_of_the_step_runs_until_it_is_removed(when):
    """A hook of `register_step_pre_hook` or `register_step_post_hook` runs until `remove()` of its handle."""
    w, optimizer = one()
    seen = []
    handle = getattr(optimizer, f"register_step_{when}_hook")(lambda o, args, kwargs: seen.append(w.grad.item()))
    train(w, optimizer, [torch.tensor([1.0]), torch.tensor([2.0])])
    handle.remove()
    train(w, optimizer, [torch.tensor([4.0])])
    assert seen == [1.0, 2.0]


BEFORE_SAVING = "torch.optim.Optimizer.register_state_dict_pre_hook"
AFTER_SAVING = "torch.optim.Optimizer.register_state_dict_post_hook"


@fact(BEFORE_SAVING)
def test_hook_before_saving_gets_the_optimizer():
    """A hook of `register_state_dict_pre_hook` may change the optimizer before its `state_dict` is made."""
    _, optimizer = one()
    optimizer.register_state_dict_pre_hook(lambda o: o.param_groups[0].update(lr=0.25))
    assert optimizer.state_dict()["param_groups"][0]["lr"] == 0.25


@fact(AFTER_SAVING)
def test_hook_after_saving_may_give_another_state():
    """What a hook of `register_state_dict_post_hook` returns is given by `state_dict` in place of the state."""
    _, optimizer = one()
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "rate": state["param_groups"][0]["lr"]})
    assert optimizer.state_dict()["rate"] == 0.5


@fact(BEFORE_SAVING, AFTER_SAVING)
@pytest.mark.parametrize("when", ["pre", "post"])
def test_hook_of_saving_may_be_put_first(when):
    """A hook of `state_dict` that is registered with `prepend=True` runs before those that are there."""
    _, optimizer = one()
    seen = []
    register = getattr(optimizer, f"register_state_dict_{when}_hook")
    register(lambda *given: seen.append("there"))
    register(lambda *given: seen.append("prepended"), prepend=True)
    optimizer.state_dict()
    assert seen[-2:] == ["prepended", "there"]


@fact(BEFORE_SAVING, AFTER_SAVING)
@pytest.mark.parametrize("when", ["pre", "post"])
def test_hook_of_saving_runs_until_it_is_removed(when):
    """A hook of `register_state_dict_pre_hook` or its post hook runs until `remove()` of its handle."""
    _, optimizer = one()
    seen = []
    handle = getattr(optimizer, f"register_state_dict_{when}_hook")(lambda *given: seen.append(when))
    optimizer.state_dict()
    handle.remove()
    before = list(seen)
    optimizer.state_dict()
    assert before == seen != []


BEFORE_LOADING = "torch.optim.Optimizer.register_load_state_dict_pre_hook"
AFTER_LOADING = "torch.optim.Optimizer.register_load_state_dict_post_hook"


@fact(BEFORE_LOADING)
def test_hook_before_loading_may_give_another_state():
    """What a hook of `register_load_state_dict_pre_hook` returns is loaded in place of the state."""
    _, optimizer = one()
    state = optimizer.state_dict()
    slower = {**state, "param_groups": [{**state["param_groups"][0], "lr": 0.25}]}
    optimizer.register_load_state_dict_pre_hook(lambda o, given: slower)
    optimizer.load_state_dict(state)
    assert optimizer.param_groups[0]["lr"] == 0.25


@fact(AFTER_LOADING)
def test_hook_after_loading_sees_what_is_loaded():
    """A hook of `register_load_state_dict_post_hook` is called with the optimizer, the state of which is loaded."""
    _, optimizer = one()
    seen, state = [], optimizer.state_dict()
    optimizer.param_groups[0]["lr"] = 0.25
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append((o, o.param_groups[0]["lr"])))
    optimizer.load_state_dict(state)
    assert seen == [(optimizer, 0.5)]


@fact(BEFORE_SAVING, AFTER_SAVING, BEFORE_LOADING, AFTER_LOADING)
@pytest.mark.parametrize("name", ["state_dict_pre", "state_dict_post", "load_state_dict_pre", "load_state_dict_post"])
def test_hook_is_removed_by_its_own_handle(name):
    """`remove` of what `register_state_dict_pre_hook` and its like return takes away the hook that was registered."""
    _, optimizer = one()
    seen = []
    register = getattr(optimizer, f"register_{name}_hook")
    register(lambda *given: seen.append("first"))
    register(lambda *given: seen.append("second")).remove()
    optimizer.load_state_dict(optimizer.state_dict())
    assert seen[-1] == "first"


@fact(BEFORE_LOADING, AFTER_LOADING)
@pytest.mark.parametrize("when", ["pre", "post"])
def test_hook_of_loading_may_be_put_first(when):
    """A hook of `load_state_dict` that is registered with `prepend=True` runs before those that are there."""
    _, optimizer = one()
    seen = []
    register = getattr(optimizer, f"register_load_state_dict_{when}_hook")
    register(lambda *given: seen.append("there"))
    register(lambda *given: seen.append("prepended"), prepend=True)
    optimizer.load_state_dict(optimizer.state_dict())
    assert seen == ["prepended", "there"]


@fact(BEFORE_LOADING, AFTER_LOADING)
@pytest.mark.parametrize("when", ["pre", "post"])
def test_hook_of_loading_runs_until_it_is_removed(when):
    """A hook of `register_load_state_dict_pre_hook` or its post hook runs until `remove()` of its handle."""
    _, optimizer = one()
    seen = []
    handle = getattr(optimizer, f"register_load_state_dict_{when}_hook")(lambda *given: seen.append(when))
    optimizer.load_state_dict(optimizer.state_dict())
    handle.remove()
    optimizer.load_state_dict(optimizer.state_dict())
    assert seen == [when]


@fact("torch.optim.Adam", "torch.optim.AdamW", "torch.optim.Adamax", "torch.optim.RMSprop", "torch.optim.Adadelta",
      "torch.optim.Rprop", "torch.optim.ASGD")  # fmt: skip
@pytest.mark.parametrize("name", ["Adam", "AdamW", "Adamax", "RMSprop", "Adadelta", "Rprop", "ASGD"])
def test_of_a_complex_parameter_is_that_of_its_two_parts(device, name):
    """`Adam`, `RMSprop` etc. move the real and imaginary parts of a complex parameter as two real parameters."""
    real = torch.tensor([[1.0, -2.0], [3.0, 0.5]], dtype=torch.float64, device=device).requires_grad_()
    z = torch.view_as_complex(real.detach().clone()).requires_grad_()
    optimizer = getattr(torch.optim, name)([z], lr=0.1, foreach=False)
    for gradient in GRADIENTS:
        z.grad = torch.view_as_complex(gradient[:, :2].to(real).contiguous())
        optimizer.step()
    of_parts = getattr(torch.optim, name)([real], lr=0.1, foreach=False)
    want = train(real, of_parts, [g[:, :2] for g in GRADIENTS])
    assert z.dtype == torch.complex128 and not torch.equal(want[:, 0], torch.tensor([1.0, 3.0], device=device))
    close(torch.view_as_real(z.detach()), want.cpu().numpy(), roundings=20, scale=4)


@fact("torch.optim.SGD", "torch.optim.Adam", "torch.optim.RMSprop", "torch.optim.Adamax", "torch.optim.Adadelta")
@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Adamax", "Adadelta"])
def test_lets_a_gradient_through_when_differentiable(name):
    """`step` of `SGD`, `Adam` etc. with `differentiable=True` lets a moved parameter's gradient reach the first one."""
    start = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    w = start.clone()
    optimizer = getattr(torch.optim, name)([torch.zeros(2, requires_grad=True)], lr=0.5, differentiable=True)
    optimizer.param_groups[0]["params"] = [w]
    w.grad = torch.tensor([1.0, 4.0], dtype=torch.float64)
    optimizer.step()
    w.sum().backward()
    same(start.grad, torch.ones(2, dtype=torch.float64))
    assert (w < torch.tensor([1.0, 2.0])).all()


@fact("torch.optim.Adam.step", "torch.optim.SGD.step")
@pytest.mark.parametrize("name", ["Adam", "SGD"])
def test_step_takes_nan_into_the_parameter(device, name):
    """`SGD.step` and `Adam.step` of a gradient with a NaN make that element NaN, for good, and no other."""
    w = torch.ones(2, device=device, requires_grad=True)
    optimizer = getattr(torch.optim, name)([w], lr=0.5)
    train(w, optimizer, [torch.tensor([numpy.nan, 1.0]), torch.tensor([1.0, 1.0])])
    same(w.isnan(), torch.tensor([True, False]))
    close(w[1].detach(), 0.0, roundings=8, scale=1)


@fact(
    "torch.optim.SGD.step", hint="keep a float32 copy of the weights", myth="bfloat16 weights train as float32 ones do"
)
@pytest.mark.parametrize(("dtype", "bits"), [(torch.bfloat16, 8), (torch.float16, 11), (torch.float32, 24)])
def test_step_too_small_for_the_dtype_is_lost(device, dtype, bits):
    """`SGD.step` of less than half a unit in the last place leaves a weight, however often it is taken."""
    w = torch.tensor([1.0, 1.0], dtype=dtype, device=device, requires_grad=True)
    w.grad = torch.tensor([-(0.25 * 2.0 ** (1 - bits)), -(2.0 ** (1 - bits))], dtype=dtype, device=device)
    optimizer = torch.optim.SGD([w], lr=1.0)
    for _ in range(8):
        optimizer.step()
    same(w, torch.tensor([1.0, 1 + 8 * 2.0 ** (1 - bits)], dtype=dtype))
