"""Methods and functions with an underscore at their end, which write into the tensor that they are called on."""

import math

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import close, fact, same
from torchproof.suites.functional.reference import ABOVE, ANY, BITS, INSIDE, INTEGER, LOGICAL, OTHER, each, over
from torchproof.suites.functional.reference import FRACTIONS as PLAIN_FRACTIONS
from torchproof.suites.functional.reference import SMOOTH as PLAIN
from torchproof.suites.functional.reference import STEPS as PLAIN_STEPS

ROUNDINGS = 64
WHOLE_NUMBERS = numpy.array([[0.0, 1.0, -2.0], [0.0, 3.0, -1.0]])
HALVES = numpy.array([[0.5, 1.0, 1.5], [2.0, 2.5, 3.0]])
ORDERS = numpy.array([[1.0, 2.0, 1.0], [2.0, 1.0, 2.0]])
ROW, COLUMN = numpy.array([0.5, -1.5, 2.0]), numpy.array([1.25, -0.75])
LEFT = numpy.array([[[0.5, 1.5], [2.0, -1.0]], [[-0.5, 0.25], [1.0, 3.0]]])
RIGHT = numpy.array([[[1.0, 0.5, -2.0], [1.5, 0.25, 2.0]], [[0.75, -1.0, 1.0], [2.0, 0.5, -0.5]]])
EULER = 0.5772156649015329
DIGAMMA = numpy.array(
    [
        [-EULER - 2 * math.log(2), -EULER, 2 - EULER - 2 * math.log(2)],
        [1 - EULER, 8 / 3 - EULER - 2 * math.log(2), 1.5 - EULER],
    ]
)
ZETA = 1.2020569031595942  # the sum of 1 / n^3
TETRAGAMMA = numpy.array(
    [[-14 * ZETA, -2 * ZETA, 16 - 14 * ZETA], [2 - 2 * ZETA, 448 / 27 - 14 * ZETA, 2.25 - 2 * ZETA]]
)
log_gamma, erf = each(math.lgamma), each(math.erf)


def lower(order, x):
    """The regularized lower incomplete gamma function of order 1 and 2."""
    return 1 - numpy.where(order == 1, 1, 1 + x) * numpy.exp(-x)


# What each method makes of a tensor: the values of the function, what it is called on, and what it is given.
SMOOTH = {
    "addcdiv_": (lambda x, a, b, value: x + value * a / b, ANY, (OTHER, ABOVE), {"value": 0.5}),
    "addcmul_": (lambda x, a, b, value: x + value * a * b, ANY, (OTHER, ABOVE), {"value": 0.5}),
    "atan2_": (numpy.arctan2, ANY, (OTHER,), {}),
    "clamp_": (numpy.clip, ANY, (-0.5, 1.0), {}),
    "clamp_max_": (numpy.minimum, ANY, (0.75,), {}),
    "clamp_min_": (numpy.maximum, ANY, (0.375,), {}),
    "clip_": (numpy.clip, ANY, (-0.5, 1.0), {}),
    "copysign_": (numpy.copysign, ANY, (OTHER,), {}),
    "digamma_": (lambda x: DIGAMMA, HALVES, (), {}),
    "erfinv_": (lambda x: INSIDE, erf(INSIDE), (), {}),
    "float_power_": (numpy.float_power, ABOVE, (OTHER,), {}),
    "fmod_": (numpy.fmod, ANY, (OTHER,), {}),
    "hypot_": (numpy.hypot, ANY, (OTHER,), {}),
    "i0_": (numpy.i0, ANY, (), {}),
    "ldexp_": (lambda x, a: x * 2**a, ANY, (WHOLE_NUMBERS,), {}),
    "lerp_": (lambda x, a, weight: x + weight * (a - x), ANY, (OTHER, 0.25), {}),
    "lgamma_": (log_gamma, ABOVE, (), {}),
    "mvlgamma_": (lambda x, p: math.log(math.pi) / 2 + log_gamma(x) + log_gamma(x - 0.5), ABOVE + 1, (2,), {}),
    "negative_": (numpy.negative, ANY, (), {}),
    "polygamma_": (lambda x, n: TETRAGAMMA, HALVES, (2,), {}),
    "remainder_": (numpy.remainder, ANY, (OTHER,), {}),
    "tril_": (numpy.tril, ANY, (-1,), {}),
    "triu_": (numpy.triu, ANY, (1,), {}),
    "xlogy_": (lambda x, a: x * numpy.log(a), ANY, (ABOVE,), {}),
    "addr_": (lambda x, a, b, beta, alpha: beta * x + alpha * numpy.outer(a, b), ANY, (COLUMN, ROW), {}),
    "addmv_": (lambda x, a, b, beta, alpha: beta * x + alpha * a @ b, COLUMN, (OTHER, ROW), {}),
    "addbmm_": (lambda x, a, b, beta, alpha: beta * x + alpha * (a @ b).sum(0), ANY, (LEFT, RIGHT), {}),
    "baddbmm_": (lambda x, a, b, beta, alpha: beta * x + alpha * a @ b, RIGHT - 1, (LEFT, RIGHT), {}),
}
SMOOTH |= {  # those of products take weights by name
    name: (*SMOOTH[name][:3], {"beta": 0.5, "alpha": 2}) for name in ("addr_", "addmv_", "addbmm_", "baddbmm_")
}
STEPPED = {
    "floor_divide_": (numpy.floor_divide, ANY, (OTHER,), {}),
    "heaviside_": (numpy.heaviside, WHOLE_NUMBERS, (ABOVE,), {}),
    "igamma_": (lower, ORDERS, (ABOVE,), {}),
    "igammac_": (lambda order, x: 1 - lower(order, x), ORDERS, (ABOVE,), {}),
    "logical_not_": (numpy.logical_not, WHOLE_NUMBERS, (), {}),
    "nextafter_": (numpy.nextafter, ANY, (OTHER,), {}),
}
COMPARED = {
    "ge_": numpy.greater_equal,
    "greater_": numpy.greater,
    "greater_equal_": numpy.greater_equal,
    "gt_": numpy.greater,
    "le_": numpy.less_equal,
    "less_": numpy.less,
    "less_equal_": numpy.less_equal,
    "lt_": numpy.less,
    "ne_": numpy.not_equal,
    "not_equal_": numpy.not_equal,
}
FRACTIONS = ["digamma_", "erfinv_", "i0_", "lgamma_", *(f"{name}_" for name in PLAIN_FRACTIONS)]
WHOLE = {
    "bitwise_not_": (numpy.invert, ()),
    "clamp_": (numpy.clip, (-2, 3)),
    "clip_": (numpy.clip, (-2, 3)),
    "floor_divide_": (numpy.floor_divide, (3,)),
    "fmod_": (numpy.fmod, (3,)),
    "logical_not_": (lambda x: numpy.logical_not(x).astype(x.dtype), ()),
    "neg_": (numpy.negative, ()),
    "remainder_": (numpy.remainder, (3,)),
    "tril_": (numpy.tril, (0,)),
    "triu_": (numpy.triu, (0,)),
}
NUMBERED = ["clamp_", "clamp_min_", "floor_divide_", "fmod_", "remainder_"]
PAIRED = ["atan2_", "copysign_", "floor_divide_", "fmod_", "hypot_", "igamma_", "nextafter_", "remainder_", "xlogy_"]
OF_LAYERS = {
    "celu_": (lambda x: numpy.where(x > 0, x, 0.5 * numpy.expm1(x / 0.5)), (0.5,)),
    "rrelu_": (lambda x: numpy.where(x > 0, x, x * 0.25), (0.125, 0.375)),
    "selu_": (
        lambda x: 1.0507009873554805 * numpy.where(x > 0, x, 1.6732632423543772 * numpy.expm1(x)),
        (),
    ),
    "threshold_": (lambda x: numpy.where(x > 0.375, x, 7.0), (0.375, 7.0)),
}
DROPS = ["alpha_dropout_", "feature_alpha_dropout_", "feature_dropout_"]


METHODS = [*SMOOTH, *(f"{name}_" for name in PLAIN)]
STEP_METHODS = [*STEPPED, *(f"{name}_" for name in PLAIN_STEPS)]
CASES = {**SMOOTH, **STEPPED}
CASES |= {f"{name}_": (function, array, (), {}) for name, (function, _, array) in PLAIN.items()}
CASES |= {f"{name}_": (function, ANY, (), {}) for name, function in PLAIN_STEPS.items()}


def as_tensors(arguments, device):
    return [torch.tensor(each, device=device) if isinstance(each, numpy.ndarray) else each for each in arguments]


@fact(*(f"torch.Tensor.{name}" for name in [*METHODS, *STEP_METHODS]))
@over([*METHODS, *STEP_METHODS])
def test_methods_write_into_their_tensor_alone(device, name):
    """`x.exp_()`, `x.clamp_(0, 1)` and the like change `x`, which may be a view, nothing beside it, and return `x`."""
    function, array, arguments, named = CASES[name]
    table = torch.tensor(numpy.stack([array, array], -1), device=device)
    x = table[..., 0]
    assert getattr(x, name)(*as_tensors(arguments, device), **named) is x
    want = numpy.stack([function(array, *arguments, *named.values()), array], -1).astype("float64")
    close(table, want, roundings=0 if name == "nextafter_" else ROUNDINGS, scale=abs(want) + (name not in PAIRED))


UNDERIVED = ["acosh_", "asinh_", "atanh_"]
DERIVED = [name for name in METHODS if name not in [*UNDERIVED, "ldexp_"]]


@fact(*(f"torch.Tensor.{name}" for name in UNDERIVED))
@over(UNDERIVED)
def test_methods_without_a_derivative_are_refused_by_backward(device, name):
    """`backward` through `x.acosh_()`, `asinh_` or `atanh_` raises "the derivative for … is not implemented"."""
    x = torch.tensor(CASES[name][1], device=device, requires_grad=True)
    y = getattr(x.clone(), name)()
    with pytest.raises(RuntimeError, match=f"derivative for 'inplace version of {name[:-1]}' is not implemented"):
        y.sum().backward()


@fact(*(f"torch.Tensor.{name}" for name in DERIVED))
@over(DERIVED)
def test_methods_have_the_gradient_of_those_out_of_place(device, name):
    """The gradient of `x.exp_()`, `x.clamp_(0, 1)` and the like is that of the method without the underscore."""
    _, array, arguments, named = CASES[name]
    arguments = as_tensors(arguments, device)
    weights, grads = torch.arange(1, array.size + 1, device=device).view(array.shape) / 4, []
    for method in (name, name[:-1]):
        x = torch.tensor(array, device=device, requires_grad=True)
        getattr(x.clone(), method)(*arguments, **named).backward(weights.double())
        grads.append(x.grad)
    close(grads[0], grads[1].cpu().numpy(), roundings=4, scale=4)


@fact("torch.Tensor.ldexp_", until="2.11", calls="any")
def test_ldexp_has_no_gradient(device):
    """`x.ldexp_` is refused where autograd follows `x`: its arguments "don't support automatic differentiation"."""
    x = torch.tensor([0.75, -1.5], device=device, requires_grad=True)
    with pytest.raises(RuntimeError, match="arguments don't support automatic differentiation"):
        x.clone().ldexp_(torch.tensor([3.0, -2.0], device=device))


@fact("torch.Tensor.ldexp_", since="2.11", calls="any", gain=True)
def test_ldexp_has_the_power_as_gradient(device):
    """The gradient of `x.ldexp_(n)` is two to the power of n, times that of its result."""
    x = torch.tensor([0.75, -1.5], device=device, requires_grad=True)
    y = x.clone().ldexp_(torch.tensor([3.0, -2.0], device=device))
    y.backward(torch.tensor([2.0, 3.0], device=device))
    same(torch.stack([y.detach(), x.grad]), torch.tensor([[6.0, -0.375], [16.0, 0.75]]))


@fact(*(f"torch.Tensor.{name}" for name in COMPARED))
@over(COMPARED)
@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8"])
def test_comparisons_write_zeros_and_ones(device, name, dtype):
    """`x.ge_(y)`, `x.ne_(y)` and the like write 1 and 0 in the dtype of `x`, where `x.ge(y)` gives booleans."""
    a, b = numpy.array([[1, 2, 3], [0, 2, 1]], dtype), numpy.array([[1, 3, 2], [1, 1, 1]], dtype)
    x = torch.tensor(a, device=device)
    assert getattr(x, name)(torch.tensor(b, device=device)) is x
    same(x, COMPARED[name](a, b).astype(dtype))


@fact(*(f"torch.Tensor.{name}" for name in COMPARED))
@over(COMPARED)
def test_comparisons_take_a_number(device, name):
    """`x.ge_(2)`, `x.ne_(2)` and the like compare each element with the number, from which NaN differs."""
    array = numpy.array([1.0, 2.0, math.nan, 3.0])
    x = torch.tensor(array, device=device)
    same(getattr(x, name)(2), COMPARED[name](array, 2).astype("float64"))


@fact(*(f"torch.Tensor.{name}" for name in WHOLE))
@over(WHOLE)
@pytest.mark.parametrize("dtype", ["int8", "int64"])
def test_methods_with_whole_values_keep_integers(device, name, dtype):
    """`x.clamp_`, `x.floor_divide_`, `x.remainder_`, `x.neg_` and the like keep the dtype of integers."""
    function, arguments = WHOLE[name]
    array = numpy.array([[7, -7, 0], [-2, 5, 4]], dtype)
    x = torch.tensor(array, device=device)
    assert getattr(x, name)(*arguments) is x
    same(x, function(array, *arguments).astype(dtype))


@fact(*(f"torch.Tensor.{name}" for name in FRACTIONS))
@over(FRACTIONS)
def test_methods_with_fractions_refuse_integers(device, name):
    """`x.exp_()`, `x.sqrt_()` and the like refuse integers: "result type Float can't be cast"."""
    x = torch.tensor([1, 2], device=device)
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output type Long"):
        getattr(x, name)()
    same(x, torch.tensor([1, 2]))


@fact(*(f"torch.Tensor.{name}" for name in NUMBERED))
@over(NUMBERED)
def test_methods_of_integers_refuse_a_fraction(device, name):
    """`x.clamp_(0.5)`, `x.fmod_(0.5)` and the like of integers are refused: "result type Float can't be cast"."""
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output type"):
        getattr(torch.tensor([1, 2], device=device), name)(0.5)


@fact("torch.Tensor.neg_")
def test_neg_refuses_booleans(device):
    """`x.neg_()` refuses booleans, and names `~` and `logical_not()`, which negate them."""
    with pytest.raises(RuntimeError, match="`~` or `logical_not\\(\\)` operator"):
        torch.tensor([True, False], device=device).neg_()


@fact(*(f"torch.Tensor.{name}" for name in PAIRED))
@over(PAIRED)
def test_methods_do_not_grow_to_the_shape_of_their_argument(device, name):
    """`x.atan2_(y)`, `x.fmod_(y)` and the like broadcast `y` to the shape of `x`, never `x` to that of `y`."""
    x, row = torch.tensor(ABOVE, device=device), torch.tensor([0.5, 1.5, 2.5], dtype=torch.float64, device=device)
    want = getattr(x, name[:-1])(row)
    same(getattr(x, name)(row), want)
    with pytest.raises(RuntimeError, match="output with shape \\[3\\] doesn't match the broadcast shape \\[2, 3\\]"):
        getattr(row, name)(x)


@fact("torch.Tensor.float_power_")
def test_float_power_is_for_float64_only(device):
    """`x.float_power_` refuses float32: "has dtype Float but the operation's result requires dtype Double"."""
    with pytest.raises(RuntimeError, match="has dtype Float but the operation's result requires dtype Double"):
        torch.tensor([1.0, 2.0], device=device).float_power_(2)


@fact(*(f"torch.Tensor.{name}" for name in ("log_", "sqrt_", "lgamma_", "clamp_", "neg_", "addcmul_")))
@over(["log_", "sqrt_", "lgamma_", "clamp_", "neg_", "addcmul_"])
def test_is_refused_for_a_leaf_that_requires_grad(device, name):
    """`x.log_()`, `x.clamp_(0, 1)` and the like are refused for "a leaf Variable that requires grad"."""
    _, array, arguments, named = CASES[name]
    x = torch.tensor(array, device=device, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place"):
        getattr(x, name)(*as_tensors(arguments, device), **named)


@fact("torch.Tensor.add_", "torch.Tensor.sub_")
@pytest.mark.parametrize(("name", "want"), [("add_", [6.5, 9.0]), ("sub_", [-5.5, -7.0])], ids=["add_", "sub_"])
def test_add_and_sub_multiply_their_operand_by_alpha(device, name, want):
    """`x.add_(y, alpha=2)` and `x.sub_(y, alpha=2)` add twice `y` to `x`, or subtract it, and return `x`."""
    x = torch.tensor([0.5, 1.0], device=device)
    assert getattr(x, name)(torch.tensor([3.0, 4.0], device=device), alpha=2) is x
    same(x, torch.tensor(want))


@fact(*(f"torch.Tensor.{name}_" for name in INTEGER))
@over(INTEGER)
def test_bits_change_their_tensor(device, name):
    """`x.bitwise_and_(y)`, `x.gcd_(y)`, `x.lcm_(y)` and the like change `x`, and return it."""
    x = torch.tensor(BITS[0], device=device)
    assert getattr(x, f"{name}_")(torch.tensor(BITS[1], device=device)) is x
    same(x, INTEGER[name](*BITS))


@fact(*(f"torch.Tensor.{name}_" for name in LOGICAL))
@over(LOGICAL)
def test_logic_keeps_the_dtype(device, name):
    """`x.logical_and_(y)`, `logical_or_` and `logical_xor_` write 1 and 0 in the dtype of `x`, and return it."""
    x = torch.tensor([2.5, 0.0, -3.0, 0.0], device=device)
    assert getattr(x, f"{name}_")(torch.tensor([1.0, 4.0, 0.0, 0.0], device=device)) is x
    same(x, LOGICAL[name]([2.5, 0, -3, 0], [1, 4, 0, 0]).astype("float32"))


@fact("torch.Tensor.copy_")
@given(numbers=st.lists(st.floats(-8, 8, width=32), min_size=1))
@example(numbers=[1.5, -2.5, 3.5])
def test_copy_fills_the_tensor_itself(device, numbers):
    """`x.copy_(y)` puts the values of `y` into `x`, and returns `x`."""
    x = torch.zeros(len(numbers), device=device)
    assert x.copy_(torch.tensor(numbers, device=device)) is x
    same(x, torch.tensor(numbers))


@fact(*(f"torch.{name}" for name in OF_LAYERS))
@over(OF_LAYERS)
def test_activations_change_their_argument(device, name):
    """`torch.celu_`, `rrelu_`, `selu_` and `threshold_` write into their argument, with the gradients of `celu` etc."""
    function, arguments = OF_LAYERS[name]
    x = torch.tensor(ANY, device=device, requires_grad=True)
    written, plain = x.clone(), getattr(torch, name[:-1])(x, *arguments)
    assert getattr(torch, name)(written, *arguments) is written
    close(written, function(ANY), roundings=ROUNDINGS)
    weights = torch.tensor(OTHER, device=device)
    grads = [torch.autograd.grad(y, x, weights)[0] for y in (written, plain)]
    close(grads[0], grads[1].cpu().numpy(), roundings=4, scale=4)


@fact(*(f"torch.{name}" for name in DROPS))
@over(DROPS)
def test_dropout_writes_what_the_one_out_of_place_draws(device, name):
    """`torch.alpha_dropout_` and its kin write into their argument what `torch.alpha_dropout` gives from that seed."""
    x = torch.arange(1.0, 121.0, device=device).view(2, 20, 3)
    torch.manual_seed(3)
    want = getattr(torch, name[:-1])(x, 0.5, True)
    torch.manual_seed(3)
    y = x.clone()
    assert getattr(torch, name)(y, 0.5, True) is y
    same(y, want.cpu())
    assert not torch.equal(y, x)


@fact(*(f"torch.{name}" for name in DROPS))
@over(DROPS)
def test_dropout_out_of_training_changes_nothing(device, name):
    """`torch.alpha_dropout_(x, p, False)` and its kin change nothing, and return `x`."""
    x = torch.arange(1.0, 25.0, device=device).view(2, 4, 3)
    assert getattr(torch, name)(x, 0.5, False) is x
    same(x, torch.arange(1.0, 25.0).view(2, 4, 3))


@fact("torch.Tensor.renorm_")
def test_renorm_shortens_what_is_too_long(device):
    """`x.renorm_(p, dim, maxnorm)` shortens each slice along `dim` that is longer than `maxnorm` to that length."""
    x = torch.tensor([[3.0, 4.0], [0.3, 0.4], [-6.0, 8.0]], device=device)
    assert x.renorm_(2, 0, 2.5) is x
    close(x, numpy.array([[1.5, 2.0], [0.3, 0.4], [-1.5, 2.0]]), roundings=8)


@fact("torch.Tensor.fill_diagonal_")
def test_fill_diagonal_changes_the_diagonal(device):
    """`x.fill_diagonal_` writes a number to the diagonal of a matrix, and returns the matrix."""
    x = torch.zeros(3, 3, device=device)
    assert x.fill_diagonal_(2.5) is x
    same(x, numpy.diag([2.5, 2.5, 2.5]).astype("float32"))


@fact("torch.Tensor.fill_diagonal_")
@pytest.mark.parametrize("wrap", [False, True])
def test_fill_diagonal_wraps_in_a_tall_matrix(device, wrap):
    """`x.fill_diagonal_(n, wrap=True)` of a tall matrix goes on below the end of its diagonal, after one row."""
    x = torch.tensor(numpy.arange(14.0).reshape(7, 2), device=device)
    want = numpy.arange(14.0).reshape(7, 2)
    numpy.fill_diagonal(want, -5, wrap=wrap)
    same(x.fill_diagonal_(-5, wrap=wrap), want)


@fact("torch.Tensor.fill_diagonal_")
def test_fill_diagonal_of_a_cube_is_that_of_all_its_sides(device):
    """`x.fill_diagonal_` of a cube writes where all three indices are equal."""
    x, want = torch.zeros(2, 2, 2, device=device), numpy.zeros((2, 2, 2), "float32")
    numpy.fill_diagonal(want, 3)
    same(x.fill_diagonal_(3), want)


@fact("torch.Tensor.fill_diagonal_")
def test_fill_diagonal_refuses_unequal_sides(device):
    """`x.fill_diagonal_` of three dimensions refuses unequal ones: "all dimensions … must be of equal length"."""
    with pytest.raises(RuntimeError, match="all dimensions of input must be of equal length"):
        torch.zeros(2, 2, 3, device=device).fill_diagonal_(1)


@fact("torch.Tensor.fill_diagonal_")
def test_fill_diagonal_stops_the_gradient_of_what_it_overwrites(device):
    """The gradient of `x.fill_diagonal_` is zero on the diagonal, and that of the result elsewhere."""
    x = torch.ones(2, 2, device=device, requires_grad=True)
    x.clone().fill_diagonal_(5).backward(torch.tensor([[2.0, 3.0], [4.0, 5.0]], device=device))
    same(x.grad, torch.tensor([[0.0, 3.0], [4.0, 0.0]]))


@fact("torch.addr")
@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_addr_adds_an_outer_product(device, dtype):
    """`torch.addr` adds `alpha` times the outer product of vectors to `beta` times a matrix, contiguous if that is."""
    x, a, b = (numpy.array(each, dtype) for each in ([[4, -2, 6], [8, 2, 0]], [1, -3], [2, 5, -1]))
    added_to, *vectors = as_tensors((x, a, b), device)
    y = torch.addr(added_to, *vectors, beta=3, alpha=2)
    same(y, 3 * x + 2 * numpy.outer(a, b))
    same(added_to, x)
    assert y.is_contiguous()


@fact("torch.addr")
def test_addr_has_the_gradient_of_a_product(device):
    """The gradient of `torch.addr` by either vector is that of its result times the other vector, times `alpha`."""
    x, a, b = (torch.tensor(each, device=device, requires_grad=True) for each in (ANY, COLUMN, ROW))
    torch.addr(x, a, b, alpha=2).backward(torch.tensor(OTHER, device=device))
    same(x.grad, OTHER)
    close(a.grad, 2 * OTHER @ ROW, roundings=4, scale=16)
    close(b.grad, 2 * COLUMN @ OTHER, roundings=4, scale=16)


@fact("torch.addr")
def test_addr_without_weight_ignores_what_is_added_to(device):
    """`torch.addr` with `beta=0` ignores the matrix, NaN and all."""
    x = torch.full((2, 3), math.nan, dtype=torch.float64, device=device)
    same(torch.addr(x, *as_tensors((COLUMN, ROW), device), beta=0), numpy.outer(COLUMN, ROW))
