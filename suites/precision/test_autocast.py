"""Autocast: which operations it moves to 16 bits and which to float32, its nesting, and GradScaler's rules."""

import warnings

import numpy
import pytest
import torch
from torch.nn import functional

from torchproof import close, fact, same


@pytest.fixture(autouse=True)
def off_at_first():
    """No fact begins under the autocast that another one left on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.set_autocast_cpu_enabled(False)
        torch.set_autocast_cpu_dtype(torch.bfloat16)
    torch.set_autocast_cache_enabled(True)
    torch.clear_autocast_cache()


def ones(*shape, dtype=torch.float32):
    return torch.full(shape, 0.5, dtype=dtype)


# What is made of halves everywhere, with the number that is then everywhere in the result.
LOWER = {
    "torch.matmul": (lambda: torch.matmul(ones(2, 2), ones(2, 2)), (2, 2), 0.5),
    "torch.mm": (lambda: torch.mm(ones(2, 2), ones(2, 2)), (2, 2), 0.5),
    "torch.bmm": (lambda: torch.bmm(ones(1, 2, 2), ones(1, 2, 2)), (1, 2, 2), 0.5),
    "torch.baddbmm": (lambda: torch.baddbmm(ones(1, 2, 2), ones(1, 2, 2), ones(1, 2, 2)), (1, 2, 2), 1.0),
    "torch.addmm": (lambda: torch.addmm(ones(2, 2), ones(2, 2), ones(2, 2)), (2, 2), 1.0),
    "torch.nn.functional.linear": (lambda: functional.linear(ones(2, 2), ones(2, 2)), (2, 2), 0.5),
    "torch.nn.functional.conv1d": (lambda: functional.conv1d(ones(1, 2, 3), ones(1, 2, 1)), (1, 1, 3), 0.5),
    "torch.nn.functional.conv2d": (lambda: functional.conv2d(ones(1, 2, 2, 3), ones(1, 2, 1, 1)), (1, 1, 2, 3), 0.5),
}
X = [[0.5, 0.25], [0.125, 0.75]]
SQUARES = (0.25 + 0.0625 + 0.015625 + 0.5625) / 4
UPPER = {
    "torch.nn.functional.mse_loss": (lambda x: functional.mse_loss(x, x * 0), SQUARES),
    "torch.nn.functional.l1_loss": (lambda x: functional.l1_loss(x, x * 0), 1.625 / 4),
    "torch.nn.functional.smooth_l1_loss": (lambda x: functional.smooth_l1_loss(x, x * 0), SQUARES / 2),
    "torch.nn.functional.binary_cross_entropy_with_logits": (
        lambda x: functional.binary_cross_entropy_with_logits(x, x * 0),
        numpy.log1p(numpy.exp(X)).mean(),
    ),
    "torch.linalg.inv": (lambda x: torch.linalg.inv(x), numpy.linalg.inv(X)),
    "torch.prod": (lambda x: torch.prod(x), numpy.prod(X)),
}
KEPT = {
    "torch.add": (lambda x: torch.add(x, 1), [[1.5, 0.75], [1.125, 1.75]]),
    "torch.relu": (lambda x: torch.relu(x), [[0.5, 0.0], [0.125, 0.75]]),
    "torch.sum": (lambda x: torch.sum(x), 1.125),
    "torch.reshape": (lambda x: torch.reshape(x, (4,)), [0.5, -0.25, 0.125, 0.75]),
}


@fact(*LOWER, source="amp")
@pytest.mark.parametrize("name", LOWER)
def test_makes_products_in_16_bits(name):
    """`matmul`, `linear`, `conv2d` etc. of contiguous float32 under CPU `autocast` are made in bfloat16, contiguous."""
    function, shape, number = LOWER[name]
    with torch.autocast("cpu", torch.bfloat16):
        y = function()
    same(y, torch.full(shape, number, dtype=torch.bfloat16))
    assert y.is_contiguous() and function().dtype == torch.float32


@fact(*UPPER, source="amp")
@pytest.mark.parametrize("name", UPPER)
def test_makes_what_needs_range_in_float32(name):
    """`mse_loss`, `prod`, `linalg.inv` and the like of bfloat16 under CPU `autocast` are made in float32."""
    function, number = UPPER[name]
    with torch.autocast("cpu", torch.bfloat16):
        y = function(torch.tensor(X, dtype=torch.bfloat16))
    assert y.dtype == torch.float32
    close(y, number, roundings=20, scale=4)


@fact(*KEPT, source="amp")
@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_leaves_the_dtype_of_others(name, dtype):
    """`add`, `relu`, `sum`, `reshape` of contiguous x under CPU `autocast` keep its dtype, and are contiguous."""
    function, numbers = KEPT[name]
    x = torch.tensor([[0.5, -0.25], [0.125, 0.75]], dtype=dtype)
    with torch.autocast("cpu", torch.bfloat16):
        y = function(x)
    same(y, torch.tensor(numbers, dtype=dtype))
    assert y.is_contiguous()
    same(x, torch.tensor([[0.5, -0.25], [0.125, 0.75]], dtype=dtype))


@fact("torch.cat", "torch.stack", source="amp")
@pytest.mark.parametrize(("name", "shape"), [("cat", (4,)), ("stack", (2, 2))], ids=["cat", "stack"])
def test_joins_in_the_widest_dtype(name, shape):
    """`cat` and `stack` of bfloat16 and float32 under CPU `autocast` give contiguous float32, the widest of them."""
    with torch.autocast("cpu", torch.bfloat16):
        y = getattr(torch, name)([ones(2, dtype=torch.bfloat16), torch.tensor([1.5, 2.5])])
    same(y, torch.tensor([0.5, 0.5, 1.5, 2.5]).reshape(shape))
    assert y.is_contiguous()


@fact("torch.autocast")
def test_leaves_float64():
    """`a @ b` of float64 stays float64 under `autocast`."""
    with torch.autocast("cpu", torch.bfloat16):
        y, low = ones(2, 2, dtype=torch.float64) @ ones(2, 2, dtype=torch.float64), ones(2, 2) @ ones(2, 2)
    assert (y.dtype, low.dtype) == (torch.float64, torch.bfloat16)


@fact("torch.autocast")
def test_is_nested():
    """`autocast(enabled=False)` inside another `autocast` is full precision, and the outer one goes on after it."""
    a = ones(2, 2)
    with torch.autocast("cpu", torch.bfloat16):
        first = (a @ a).dtype
        with torch.autocast("cpu", enabled=False):
            inner = (a @ a).dtype
        last = (a @ a).dtype
    assert (first, inner, last) == (torch.bfloat16, torch.float32, torch.bfloat16)
    assert (a @ a).dtype == torch.float32


@fact("torch.autocast")
def test_ends_with_an_error():
    """`autocast` ends when its block raises."""
    with pytest.raises(KeyError), torch.autocast("cpu", torch.bfloat16):
        assert (ones(2, 2) @ ones(2, 2)).dtype == torch.bfloat16
        raise KeyError
    assert (ones(2, 2) @ ones(2, 2)).dtype == torch.float32


@fact("torch.autocast")
def test_decorates_a_function():
    """`autocast` as a decorator holds for every call of the function."""
    calls = []

    @torch.autocast("cpu", torch.bfloat16)
    def product(a):
        calls.append(1)
        return a @ a

    assert [product(ones(2, 2)).dtype for _ in range(2)] == [torch.bfloat16] * 2
    assert len(calls) == 2
    assert (ones(2, 2) @ ones(2, 2)).dtype == torch.float32


@fact("torch.autocast")
def test_of_the_cpu_is_bfloat16_by_default():
    """`autocast("cpu")` takes bfloat16 unless it is told another dtype."""
    with torch.autocast("cpu"):
        y = ones(2, 2) @ ones(2, 2)
    same(y, torch.full((2, 2), 0.5, dtype=torch.bfloat16))


@fact("torch.autocast", since="2.2", calls="device_type=cpu, dtype=float16|half", gain=True)
def test_of_the_cpu_takes_half():
    """`autocast("cpu", torch.float16)` makes products in float16 (half)."""
    with torch.autocast("cpu", torch.float16):
        y = ones(2, 2) @ ones(2, 2)
    same(y, torch.full((2, 2), 0.5, dtype=torch.float16))


@fact("torch.autocast")
def test_gives_a_gradient_in_the_dtype_of_the_weight():
    """The gradient of a float32 weight is float32, though `autocast` made the product in bfloat16."""
    w = torch.full((2, 2), 0.5, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        y = ones(2, 2) @ w
    y.sum().backward()
    assert y.dtype == torch.bfloat16
    same(w.grad, torch.full((2, 2), 1.0))


@fact("torch.autocast")
def test_refuses_an_unknown_device():
    """`autocast` refuses the name of a device that it does not know."""
    with pytest.raises(RuntimeError, match="autocast|device type"):
        torch.autocast("toaster")


@fact("torch.is_autocast_enabled", "torch.get_autocast_dtype", since="2.4", calls="passes cpu|cuda|xpu|mps", gain=True)
def test_tells_its_state():
    """`is_autocast_enabled("cpu")` and `get_autocast_dtype("cpu")` tell what holds in the block of `autocast`."""
    with torch.autocast("cpu", torch.bfloat16):
        inside = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")
    assert inside == (True, torch.bfloat16)
    assert torch.is_autocast_enabled("cpu") is False


@fact("torch.is_autocast_cache_enabled", "torch.autocast")
@pytest.mark.parametrize("cached", [True, False])
def test_caches_casts_of_weights(cached):
    """`is_autocast_cache_enabled` is in a block what `autocast(cache_enabled=...)` says, and True after it."""
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=cached):
        inside = torch.is_autocast_cache_enabled()
    assert (inside, torch.is_autocast_cache_enabled()) == (cached, True)


@fact("torch.amp.custom_fwd")
def test_casts_for_a_function_of_ones_own():
    """`custom_fwd` with `cast_inputs` casts what a `Function` is given under `autocast`, which is off inside."""

    class Product(torch.autograd.Function):
        @staticmethod
        @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)
        def forward(ctx, a):
            return a @ a

    with torch.autocast("cpu", torch.bfloat16):
        y = Product.apply(ones(2, 2, dtype=torch.bfloat16))
    same(y, torch.full((2, 2), 0.5))


@fact("torch.amp.custom_bwd")
def test_holds_in_the_backward_of_a_function_of_ones_own():
    """`custom_bwd` runs `backward` of a `Function` under the `autocast` of its `forward`, whose block has ended."""
    seen = []

    class Kept(torch.autograd.Function):
        @staticmethod
        @torch.amp.custom_fwd(device_type="cpu")
        def forward(ctx, a):
            return a * 2

        @staticmethod
        @torch.amp.custom_bwd(device_type="cpu")
        def backward(ctx, grad):
            seen.append((grad @ grad).dtype)
            return grad * 2

    x = ones(2, 2).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y = Kept.apply(x)
    y.sum().backward()
    assert seen == [torch.bfloat16]
    same(x.grad, torch.full((2, 2), 2.0))


# --- GradScaler -------------------------------------------------------------------------------------------------------


def scaled_step(scaler, w, optimizer, gradient):
    """One step by a loss whose gradient is this number."""
    optimizer.zero_grad()
    scaler.scale((w * gradient).sum()).backward()
    scaler.step(optimizer)
    scaler.update()


def scaler_and_weight(**options):
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    return torch.amp.GradScaler("cpu", **options), w, torch.optim.SGD([w], lr=0.5)


@fact("torch.amp.GradScaler")
def test_scaler_steps_by_the_gradient_without_its_scale():
    """`GradScaler` scales the loss and takes the scale out of the gradients before the step."""
    scaler, w, optimizer = scaler_and_weight(init_scale=8.0)
    same(scaler.scale(torch.tensor([1.0, 2.0])), torch.tensor([8.0, 16.0]))
    scaled_step(scaler, w, optimizer, 0.5)
    same(w, torch.tensor([0.75, 1.75]))
    assert scaler.get_scale() == 8.0


@fact("torch.amp.GradScaler")
@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_scaler_leaves_out_a_step_that_is_not_finite(bad):
    """`GradScaler` skips an optimizer step whose gradients are inf or NaN, not finite."""
    scaler, w, optimizer = scaler_and_weight(init_scale=8.0)
    scaled_step(scaler, w, optimizer, torch.tensor([bad, 1.0]))
    same(w, torch.tensor([1.0, 2.0]))


@fact("torch.amp.GradScaler")
@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_scaler_backs_off_after_a_step_that_is_not_finite(bad):
    """`GradScaler` multiplies its scale by `backoff_factor` where gradients are inf or NaN."""
    scaler, w, optimizer = scaler_and_weight(init_scale=8.0, backoff_factor=0.25)
    scaled_step(scaler, w, optimizer, torch.tensor([bad, 1.0]))
    assert scaler.get_scale() == 2.0


@fact("torch.amp.GradScaler")
def test_scaler_grows_after_steps_without_infinity():
    """`GradScaler` raises its scale after `growth_interval` steps in a row that were finite."""
    scaler, w, optimizer = scaler_and_weight(init_scale=8.0, growth_factor=4.0, growth_interval=2)
    seen = []
    for gradient in (1.0, float("inf"), 1.0, 1.0, 1.0, 1.0):
        scaled_step(scaler, w, optimizer, gradient)
        seen.append(scaler.get_scale())
    assert seen == [8.0, 4.0, 4.0, 16.0, 16.0, 64.0]


@fact("torch.amp.GradScaler")
def test_scaler_unscales_before_clipping():
    """`GradScaler.unscale_` takes the scale out of the gradients, which can be clipped then, before the step."""
    scaler, w, optimizer = scaler_and_weight(init_scale=8.0)
    scaler.scale((w * 4).sum()).backward()
    before = w.grad.clone()
    scaler.unscale_(optimizer)
    same(before, torch.tensor([32.0, 32.0]))
    same(w.grad, torch.tensor([4.0, 4.0]))
    scaler.step(optimizer)
    same(w, torch.tensor([-1.0, 0.0]))


@fact("torch.amp.GradScaler")
def test_scaler_unscales_once_an_update():
    """`GradScaler.unscale_` twice without `update` is refused: it "has already been called"."""
    scaler, w, optimizer = scaler_and_weight(init_scale=8.0)
    scaler.scale(w.sum()).backward()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(optimizer)
    same(w.grad, torch.tensor([1.0, 1.0]))


@fact("torch.amp.GradScaler")
def test_scaler_that_is_disabled_does_nothing():
    """`GradScaler` with `enabled=False` leaves the loss unscaled and steps as the optimizer."""
    scaler, w, optimizer = scaler_and_weight(enabled=False)
    scaled_step(scaler, w, optimizer, 0.5)
    same(w, torch.tensor([0.75, 1.75]))
    assert (scaler.is_enabled(), scaler.get_scale(), scaler.state_dict()) == (False, 1.0, {})


@fact("torch.amp.GradScaler")
def test_scaler_goes_on_from_its_state():
    """`GradScaler` keeps its scale and the count of finite steps in its `state_dict`."""
    scaler, w, optimizer = scaler_and_weight(init_scale=8.0, growth_interval=2)
    scaled_step(scaler, w, optimizer, 1.0)
    other, v, of_other = scaler_and_weight(growth_interval=9)
    other.load_state_dict(scaler.state_dict())
    scaled_step(other, v, of_other, 1.0)
    assert (other.get_scale(), other.get_growth_interval()) == (16.0, 2)


@fact("torch.amp.GradScaler")
def test_scaler_has_its_defaults():
    """`GradScaler` by default begins with 65536, doubles it after 2000 steps, and halves it after a bad one."""
    state = torch.amp.GradScaler("cpu").state_dict()
    want = {"scale": 65536.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 2000}
    assert {key: state[key] for key in want} == want
    assert state["_growth_tracker"] == 0


@fact("torch.amp.GradScaler")
def test_scaler_steps_once_an_update():
    """`GradScaler.step` twice without `update` is refused: it "has already been called"."""
    scaler, w, optimizer = scaler_and_weight(init_scale=8.0)
    scaler.scale(w.sum()).backward()
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.step(optimizer)
    close(w.detach(), [0.5, 1.5], roundings=2)


@fact("torch.amp.GradScaler")
def test_scaler_is_not_updated_before_it_has_scaled():
    """`GradScaler.update` before anything was scaled is refused: Attempted update but _scale is None."""
    with pytest.raises(AssertionError, match="_scale is None"):
        torch.amp.GradScaler("cpu").update()


# --- what is asked by device ------------------------------------------------------------------------------------------


@fact("torch.amp.is_autocast_available", source="amp")
@pytest.mark.parametrize(("kind", "want"), [("cpu", True), ("cuda", True), ("meta", False)])
def test_is_available_on_some_devices(kind, want):
    """`is_autocast_available` is True of `cpu` and `cuda`, whatever is here, and False of `meta`."""
    assert torch.amp.is_autocast_available(kind) is want


@fact("torch.amp.is_autocast_available", source="amp")
def test_is_available_on_no_unknown_device():
    """`is_autocast_available` refuses what is no kind of device: "Expected one of cpu, cuda"."""
    with pytest.raises(RuntimeError, match="Expected one of cpu, cuda"):
        torch.amp.is_autocast_available("gpu")


@fact(
    "torch.get_autocast_cpu_dtype",
    "torch.get_autocast_gpu_dtype",
    "torch.is_autocast_cpu_enabled",
    source="amp",
    hint='say get_autocast_dtype("cpu"), is_autocast_enabled("cpu")',
)
@pytest.mark.filterwarnings("ignore:.*is deprecated")
def test_old_names_tell_its_state():
    """`get_autocast_cpu_dtype`, `get_autocast_gpu_dtype` and `is_autocast_cpu_enabled` tell the state of one device."""
    before = torch.is_autocast_cpu_enabled(), torch.get_autocast_cpu_dtype(), torch.get_autocast_gpu_dtype()
    with torch.autocast("cpu", torch.bfloat16):
        inside = torch.is_autocast_cpu_enabled(), torch.get_autocast_cpu_dtype(), torch.get_autocast_gpu_dtype()
    assert before == (False, torch.bfloat16, torch.float16)
    assert inside == (True, torch.bfloat16, torch.float16)


# --- on a GPU

HALVED = {
    "torch.matmul": lambda x: torch.matmul(x, x),
    "torch.nn.functional.linear": lambda x: functional.linear(x, x),
    "torch.nn.functional.conv2d": lambda x: functional.conv2d(x[None, None], x[None, None]),
}
WIDENED = {
    "torch.softmax": lambda x: torch.softmax(x, 0),
    "torch.exp": torch.exp,
    "torch.log": torch.log,
    "torch.sum": torch.sum,
    "torch.cumsum": lambda x: torch.cumsum(x, 0),
    "torch.nn.functional.mse_loss": lambda x: functional.mse_loss(x, x),
    "torch.nn.functional.layer_norm": lambda x: functional.layer_norm(x, (2,)),
}


@fact(*HALVED, source="amp")
@pytest.mark.parametrize("name", HALVED)
def test_of_the_gpu_makes_products_in_float16(accelerator, name):
    """`matmul`, `linear` and `conv2d` of float32 under `autocast` of a GPU, `autocast("cuda")`, are made in float16."""
    with torch.autocast(accelerator, torch.float16):
        y = HALVED[name](torch.ones(2, 2, device=accelerator))
    assert (y.dtype, y.flatten()[0].item()) == (torch.float16, 4.0 if "conv2d" in name else 2.0)


@fact(*WIDENED, source="amp")
@pytest.mark.parametrize("name", WIDENED)
def test_of_the_gpu_makes_what_needs_range_in_float32(accelerator, name):
    """`softmax`, `exp`, `sum`, `layer_norm` and the like of float16 under `autocast` of a GPU are made in float32."""
    x = torch.ones(2, 2, dtype=torch.float16, device=accelerator)
    with torch.autocast(accelerator, torch.float16):
        y = WIDENED[name](x)
    same(y, WIDENED[name](x.float()).cpu())


@fact("torch.nn.functional.binary_cross_entropy", source="amp", hint="binary_cross_entropy_with_logits")
def test_of_the_gpu_refuses_bce_of_shares(accelerator):
    """`binary_cross_entropy` under `autocast` of a GPU raises "unsafe to autocast": take that with logits."""
    x = torch.full((2,), 0.5, device=accelerator)
    with torch.autocast(accelerator, torch.float16), pytest.raises(RuntimeError, match="unsafe to autocast"):
        functional.binary_cross_entropy(x, x)
    assert functional.binary_cross_entropy(x, x).dtype == torch.float32


@fact("torch.get_autocast_dtype", source="amp")
@pytest.mark.cpu
@pytest.mark.parametrize(("device_type", "dtype"), [("cuda", torch.float16), ("cpu", torch.bfloat16)])
def test_takes_the_dtype_of_its_device_by_default(device_type, dtype):
    """`autocast` takes float16 for CUDA and bfloat16 for the CPU by default, as `get_autocast_dtype` tells."""
    assert torch.get_autocast_dtype(device_type) is dtype
