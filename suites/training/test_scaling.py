"""`GradScaler` in a loop of mixed precision: what it rescues, with several losses and optimizers, and its rules."""

import copy
import pickle

import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.suites.training.line import column, line, weight_of


def scaler_of(device="cpu", **options):
    return torch.amp.GradScaler(torch.device(device).type, **{"init_scale": 8.0, **options})


def scaled(scaler, model, gradient, device="cpu"):
    """A backward pass of a scaled loss whose gradient by the model's weight is this number."""
    scaler.scale(model(column(gradient, device=device)).sum()).backward()


TINY = 2.0**-27  # an eighth of the least number of float16


@fact("torch.amp.GradScaler")
@pytest.mark.parametrize(("scale", "want"), [(1.0, 0.0), (2.0**16, TINY)], ids=["unscaled", "scaled"])
def test_rescues_gradients_that_float16_cannot_hold(device, scale, want):
    """A gradient below the least number of float16 is lost to zero, and by `GradScaler` with 65536 arrives whole."""
    scaler = scaler_of(device, init_scale=scale)
    w = torch.zeros(1, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=1.0)
    scaler.scale((w.half() * 1.0).float().sum() * TINY).backward()
    scaler.step(optimizer)
    same(w.detach(), torch.tensor([-want]))


@fact("torch.amp.GradScaler", myth="the scale changes the training")
@pytest.mark.parametrize("scale", [1.0, 8.0, 65536.0])
def test_by_a_power_of_two_changes_no_bit_of_the_step(device, scale):
    """`GradScaler` by a power of two, up to 65536, trains in float32 bit by bit as without, if nothing overflows."""
    with_it, without = line(0.3, device), line(0.3, device)
    for model, scaler in ((with_it, scaler_of(device, init_scale=scale)), (without, scaler_of(device, enabled=False))):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for x in (0.7, 1.1, 1.3):
            optimizer.zero_grad()
            scaler.scale(model(column(x, device=device)).square().sum()).backward()
            scaler.step(optimizer)
            scaler.update()
    same(with_it.weight.detach(), without.weight.detach())
    assert abs(weight_of(with_it) - 0.3) > 0.01


@fact("torch.amp.GradScaler", "torch.nn.utils.clip_grad_norm_", hint="scaler.unscale_(optimizer) before clipping")
@pytest.mark.parametrize(("unscaled", "want"), [(True, -1.0), (False, -1.0 / 8)], ids=["unscaled", "scaled"])
def test_is_taken_out_before_clipping(device, unscaled, want):
    """`clip_grad_norm_` without `unscale_` of a `torch.amp.GradScaler` before it makes the step far too small."""
    model, scaler = line(0.0, device), scaler_of(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scaled(scaler, model, 4.0, device)
    if unscaled:
        scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)
    close(model.weight.detach(), [[want]], roundings=16)


@fact("torch.amp.GradScaler", "torch.Tensor.backward")
def test_over_micro_batches_is_updated_once(device):
    """`GradScaler` with `step` and `update` after the last micro-batch alone steps by the sum of their gradients."""
    model, scaler = line(0.0, device), scaler_of(device, growth_interval=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for x in (1.0, 2.0, 4.0):
        scaled(scaler, model, x, device)
    scaler.step(optimizer)
    scaler.update()
    assert (weight_of(model), scaler.get_scale()) == (-7.0, 16.0)


@fact("torch.amp.GradScaler", hint="update after the last micro-batch alone")
def test_updated_between_micro_batches_mixes_scales(device):
    """`GradScaler.update` between micro-batches makes a sum of gradients of two scales, of which one is taken out."""
    model, scaler = line(0.0, device), scaler_of(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scaled(scaler, model, 1.0, device)
    scaler.update(16.0)
    scaled(scaler, model, 1.0, device)
    scaler.step(optimizer)
    same(model.weight.detach(), torch.tensor([[-1.5]]))


# --- steps that are left out ------------------------------------------------------------------------------------------


@fact("torch.amp.GradScaler")
def test_leaves_out_the_step_of_the_optimizer_with_infinity_alone(device):
    """Of two optimizers `GradScaler` does not step that with infinite gradients; the one scale falls for both."""
    good, bad, scaler = line(0.0, device), line(0.0, device), scaler_of(device)
    optimizers = [torch.optim.SGD(model.parameters(), lr=1.0) for model in (good, bad)]
    scaled(scaler, good, 2.0, device)
    scaled(scaler, bad, float("inf"), device)
    for optimizer in optimizers:
        scaler.step(optimizer)
    scaler.update()
    assert (weight_of(good), weight_of(bad), scaler.get_scale()) == (-2.0, 0.0, 4.0)


@fact("torch.amp.GradScaler")
def test_scales_several_losses_alike(device):
    """`GradScaler` scales two losses alike, so that their gradients add up to that of their sum."""
    model, scaler = line(0.0, device), scaler_of(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    first, second = model(column(1.0, device=device)).sum(), model(column(2.0, device=device)).sum()
    scaler.scale(first).backward()
    scaler.scale(second).backward()
    scaler.step(optimizer)
    same(model.weight.detach(), torch.tensor([[-3.0]]))


@fact("torch.amp.GradScaler", hint="scale the losses, and give scale a list for several")
@pytest.mark.parametrize("kind", [list, tuple])
def test_scales_each_tensor_of_a_list(device, kind):
    """`GradScaler.scale` of a list or a tuple of tensors scales each, and gives the same kind of sequence."""
    got = scaler_of(device).scale(kind([torch.ones(1, device=device), torch.tensor(2.0, device=device)]))
    assert type(got) is kind
    same(got[0], torch.tensor([8.0]))
    same(got[1], torch.tensor(16.0))


@fact("torch.amp.GradScaler")
def test_scales_tensors_alone(device):
    """`GradScaler.scale` refuses a number with ValueError: "must be a Tensor or an iterable of Tensors"."""
    with pytest.raises(ValueError, match="outputs must be a Tensor or an iterable of Tensors"):
        scaler_of(device).scale(3.0)


@fact(
    "torch.amp.GradScaler",
    "torch.optim.lr_scheduler.LRScheduler.step",
    hint="step it if the scale has not fallen",
)
def test_that_leaves_out_the_first_step_lets_the_scheduler_warn():
    """Where `GradScaler` leaves the first step out, `scheduler.step()` warns that it is before `optimizer.step()`."""
    model, scaler = line(0.0), scaler_of()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    scaled(scaler, model, float("inf"))
    scaler.step(optimizer)
    scaler.update()
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        scheduler.step()
    assert (scaler.get_scale(), optimizer.param_groups[0]["lr"]) == (4.0, 0.5)


@fact("torch.amp.GradScaler")
def test_gives_what_the_step_gives(device):
    """`GradScaler.step` gives what `optimizer.step` gives, and None where the step was left out."""
    model, scaler = line(0.0, device), scaler_of(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    optimizer.step = lambda: "stepped"
    seen = []
    for gradient in (1.0, float("nan")):
        optimizer.zero_grad()
        scaled(scaler, model, gradient, device)
        seen.append(scaler.step(optimizer))
        scaler.update()
    assert seen == ["stepped", None]


# --- what is refused --------------------------------------------------------------------------------------------------


@fact("torch.amp.GradScaler", hint="keep the weights in float32, and compute under autocast")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_refuses_weights_in_float16(device):
    """`GradScaler` refuses weights in float16, as of `model.half()`: "Attempting to unscale FP16 gradients"."""
    w, scaler = torch.zeros(1, device=device, dtype=torch.half, requires_grad=True), scaler_of(device)
    scaler.scale((w * 2.0).sum()).backward()
    with pytest.raises(ValueError, match="Attempting to unscale FP16 gradients"):
        scaler.step(torch.optim.SGD([w], lr=1.0))


@fact("torch.amp.GradScaler")
def test_refuses_a_closure(device):
    """`GradScaler.step` refuses a closure, as `LBFGS` needs one: "Closure use is not currently supported"."""
    scaler, model = scaler_of(device), line(0.0, device)
    with pytest.raises(RuntimeError, match="Closure use is not currently supported"):
        scaler.step(torch.optim.SGD(model.parameters(), lr=1.0), closure=lambda: 0.0)


@fact("torch.amp.GradScaler", hint="unscale_ before step")
def test_refuses_to_unscale_after_the_step(device):
    """`GradScaler.unscale_` after `step` is refused until `update`: "unscale_() is being called after step()"."""
    scaler, model = scaler_of(device), line(0.0, device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scaled(scaler, model, 1.0, device)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"unscale_\(\) is being called after step"):
        scaler.unscale_(optimizer)
    scaler.update()
    scaler.unscale_(optimizer)
    same(model.weight.grad, torch.tensor([[1.0 / 8]]))


@fact("torch.amp.GradScaler", hint="call scaler.scale(loss).backward() in each iteration")
def test_refuses_a_step_without_a_gradient(device):
    """`GradScaler.step` of an optimizer that has no gradient is refused: "No inf checks were recorded"."""
    scaler, model = scaler_of(device), line(0.0, device)
    scaler.scale(torch.ones(1, device=device))
    with pytest.raises(AssertionError, match="No inf checks were recorded for this optimizer"):
        scaler.step(torch.optim.SGD(model.parameters(), lr=1.0))


@fact("torch.amp.GradScaler")
@pytest.mark.parametrize(
    ("options", "words"),
    [({"growth_factor": 1.0}, "growth factor must be > 1"), ({"backoff_factor": 1.0}, "backoff factor must be < 1")],
    ids=["growth_factor", "backoff_factor"],
)
def test_refuses_factors_on_the_wrong_side_of_one(options, words):
    """`GradScaler` refuses a growth factor of 1 or below, and a backoff factor of 1 or above."""
    with pytest.raises(AssertionError, match=words):
        scaler_of(**options)


@fact("torch.amp.GradScaler")
def test_refuses_the_state_of_a_disabled_one():
    """`GradScaler.load_state_dict` of a disabled one's state: "source state dict is empty"."""
    with pytest.raises(RuntimeError, match="source state dict is empty"):
        scaler_of().load_state_dict(scaler_of(enabled=False).state_dict())


@fact("torch.amp.GradScaler")
def test_that_is_disabled_takes_any_state():
    """A disabled `GradScaler` takes nothing over from a state of an enabled one, which it does not refuse."""
    scaler = scaler_of(enabled=False)
    scaler.load_state_dict(scaler_of().state_dict())
    assert (scaler.get_scale(), scaler.is_enabled(), scaler.state_dict()) == (1.0, False, {})


# --- its numbers ------------------------------------------------------------------------------------------------------


@fact("torch.amp.GradScaler")
@pytest.mark.parametrize(
    ("name", "number"), [("growth_factor", 4.0), ("backoff_factor", 0.25), ("growth_interval", 7)], ids=str
)
def test_takes_its_numbers_later_as_well(name, number):
    """`set_growth_factor` and the other setters of `GradScaler` set what its getters and its state tell."""
    scaler = scaler_of()
    getattr(scaler, f"set_{name}")(number)
    assert getattr(scaler, f"get_{name}")() == number
    assert scaler.state_dict()[name] == number


@fact("torch.amp.GradScaler")
@pytest.mark.parametrize("given", [32.0, torch.tensor(32.0)], ids=["number", "tensor"])
def test_takes_a_scale_by_hand(given):
    """`GradScaler.update(new_scale)` sets the scale to a number, or to that of a tensor."""
    scaler = scaler_of()
    scaler.scale(torch.ones(1))
    scaler.update(given)
    assert scaler.get_scale() == 32.0
    same(scaler.scale(torch.ones(1)), torch.tensor([32.0]))


@fact("torch.amp.GradScaler")
def test_counts_from_zero_again_after_infinity(device):
    """After a step that was left out the `growth_interval` of `GradScaler` begins again."""
    model, scaler, seen = line(0.0, device), scaler_of(device, growth_interval=2), []
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for gradient in (1.0, float("inf"), 1.0, 1.0):
        optimizer.zero_grad()
        scaled(scaler, model, gradient, device)
        scaler.step(optimizer)
        scaler.update()
        seen.append(scaler.get_scale())
    assert seen == [8.0, 4.0, 4.0, 8.0]


@fact("torch.amp.GradScaler", hint="a loss that is NaN without a scale, too, has another cause")
@pytest.mark.parametrize("gradient", ["inf", "nan"])
def test_falls_without_a_floor(device, gradient):
    """The scale of `GradScaler` falls at each infinite or NaN gradient, also below 1, and all steps are left out."""
    model, scaler = line(0.0, device), scaler_of(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for _ in range(6):
        scaled(scaler, model, float(gradient), device)
        scaler.step(optimizer)
        scaler.update()
    assert (scaler.get_scale(), weight_of(model)) == (0.125, 0.0)


@fact("torch.amp.GradScaler")
def test_is_pickled_between_steps_alone():
    """A `GradScaler` is pickled or copied with its scale between steps: it "may only be pickled at the beginning"."""
    model, scaler = line(0.0), scaler_of()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scaled(scaler, model, float("inf"))
    scaler.step(optimizer)
    with pytest.raises(AssertionError, match="may only be pickled at the beginning"):
        pickle.dumps(scaler)
    scaler.update()
    assert pickle.loads(pickle.dumps(scaler)).get_scale() == copy.deepcopy(scaler).get_scale() == 4.0


def always_enabled(patch):
    """A scaler of CUDA stays enabled where there is no CUDA."""
    patch.setattr(torch.amp.GradScaler, "is_enabled", lambda self: True)


@fact("torch.amp.GradScaler", refuter=always_enabled)
@pytest.mark.cpu
def test_of_cuda_is_disabled_without_it(monkeypatch):
    """`GradScaler`, for CUDA unless told otherwise, is disabled where "CUDA is not available", and warns."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.warns(UserWarning, match="CUDA is not available"):
        scaler = torch.amp.GradScaler()
    assert not scaler.is_enabled()
    same(scaler.scale(torch.ones(1)), torch.ones(1))


@fact("torch.cuda.amp.GradScaler", "torch.cpu.amp.GradScaler", since="2.4", calls="any",
      hint="torch.amp.GradScaler(device)")  # fmt: skip
@pytest.mark.parametrize("kind", ["cuda", "cpu"])
@pytest.mark.usefixtures("every_warning")
@pytest.mark.filterwarnings("ignore:torch.cuda.amp.GradScaler is enabled")
def test_of_old_names_warns(kind):
    """`torch.cuda.amp.GradScaler` and `torch.cpu.amp.GradScaler` warn that `torch.amp.GradScaler` took their place."""
    with pytest.warns(FutureWarning, match=rf"torch\.amp\.GradScaler\('{kind}'"):
        scaler = getattr(torch, kind).amp.GradScaler(init_scale=8.0, enabled=kind == "cpu")
    assert scaler.get_scale() == (8.0 if kind == "cpu" else 1.0)


# --- under autocast ---------------------------------------------------------------------------------------------------

LOW = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=["bfloat16", "float16"])


@fact("torch.autocast", "torch.amp.GradScaler")
@LOW
def test_with_autocast_trains_weights_in_float32(device, dtype):
    """Under `autocast` with `GradScaler` the output is of 16 bits, and weight and momentum stay float32."""
    model, scaler = line(0.5, device), scaler_of(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.5)
    with torch.autocast(torch.device(device).type, dtype):
        output = model(column(2.0, device=device))
    scaler.scale(output.float().sum()).backward()
    scaler.step(optimizer)
    assert output.dtype == dtype
    same(model.weight.detach(), torch.tensor([[-1.5]]))
    same(optimizer.state[model.weight]["momentum_buffer"], torch.tensor([[2.0]]))


@fact("torch.autocast", myth="backward has to be under autocast", hint="leave backward and step outside")
def test_is_left_before_backward(device):
    """`backward` outside of the `autocast` block gives the gradient that it gives inside."""
    seen = []
    for inside in (False, True):
        model = line(0.3, device)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            loss = model(column(1.7, device=device)).float().sum()
            if inside:
                loss.backward()
        if not inside:
            loss.backward()
        seen.append(model.weight.grad)
    same(seen[0], torch.tensor([[1.703125]]))
    same(seen[1], seen[0])


@fact("torch.optim.SGD", myth="a model in bfloat16 trains as one under autocast", hint="keep float32 weights")
@LOW
def test_does_not_help_weights_that_are_too_coarse(device, dtype):
    """Steps of `SGD` that are too small for weights of 16 bits are lost one by one, and add up on float32 weights."""
    coarse = torch.ones(1, device=device, dtype=dtype, requires_grad=True)
    fine = torch.ones(1, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([coarse, fine], lr=2.0**-13)
    for _ in range(64):
        optimizer.zero_grad()
        (-coarse.float() - fine).sum().backward()
        optimizer.step()
    same(coarse.detach(), torch.ones(1, dtype=dtype))
    same(fine.detach(), torch.tensor([1 + 64 * 2.0**-13]))


@fact("torch.tensor", "torch.optim.Adam", hint="keep float32 weights, or give Adam an eps that float16 has")
def test_does_not_help_the_eps_of_adam_in_float16(device):
    """The eps of 1e-8 that `Adam` divides by is zero in float16, and not in bfloat16."""
    eps = torch.optim.Adam([torch.ones(1, device=device)]).defaults["eps"]
    in_half, in_bfloat16 = (torch.tensor(eps, dtype=d, device=device) for d in (torch.half, torch.bfloat16))
    same(in_half, torch.tensor(0.0, dtype=torch.half))
    close(in_bfloat16, 1e-8, roundings=2)


@fact("torch.amp.GradScaler", "torch.autocast")
def test_with_autocast_trains_on_a_gpu_in_float16(accelerator):
    """On a GPU float16 under `autocast` with `GradScaler` learns the line that float32 learns."""
    model, scaler = line(0.0, accelerator), torch.amp.GradScaler(accelerator)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.25)
    for _ in range(30):
        optimizer.zero_grad()
        with torch.autocast(accelerator, torch.float16):
            loss = nn.functional.mse_loss(model(column(1.0, device=accelerator)), column(4.0, device=accelerator))
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    close(model.weight.detach().half(), [[4.0]], roundings=4)
