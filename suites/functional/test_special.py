"""Special functions, most of `torch.special`, which SciPy judges; elementary ones are in test_unary and test_binary."""

import math

import numpy
import pytest
import torch

from torchproof import close, fact, same
from torchproof.suites.functional.reference import ABOVE, ANY, SHARES, each, over

ROUNDINGS = 128  # of series and continued fractions, beside 1 and their value

log_gamma = each(math.lgamma)
ROUGH = {"bessel_y0": 2**24, "bessel_y1": 2**24}  # roundings of float64: torch has fewer digits of these

# What each is called by SciPy, and an array that it is smooth on.
ONE = {
    "airy_ai": ("airy", ANY),
    "bessel_j0": ("j0", ANY),
    "bessel_j1": ("j1", ANY),
    "bessel_y0": ("y0", ABOVE),
    "bessel_y1": ("y1", ABOVE),
    "digamma": ("digamma", ABOVE),
    "psi": ("digamma", ABOVE),
    "entr": ("entr", ABOVE),
    "erf": ("erf", ANY),
    "erfc": ("erfc", ANY),
    "erfcx": ("erfcx", ANY),
    "erfinv": ("erfinv", SHARES),
    "exp2": ("exp2", ANY),
    "expit": ("expit", ANY),
    "expm1": ("expm1", ANY),
    "gammaln": ("gammaln", ABOVE),
    "i0": ("i0", ANY),
    "i0e": ("i0e", ANY),
    "i1": ("i1", ANY),
    "i1e": ("i1e", ANY),
    "log1p": ("log1p", ABOVE),
    "log_ndtr": ("log_ndtr", ANY),
    "logit": ("logit", SHARES),
    "modified_bessel_i0": ("i0", ANY),
    "modified_bessel_i1": ("i1", ANY),
    "modified_bessel_k0": ("k0", ABOVE),
    "modified_bessel_k1": ("k1", ABOVE),
    "ndtr": ("ndtr", ANY),
    "ndtri": ("ndtri", SHARES),
    "round": ("round", ANY),
    "scaled_modified_bessel_k0": ("k0e", ABOVE),
    "scaled_modified_bessel_k1": ("k1e", ABOVE),
    "sinc": ("sinc", ANY),
    "spherical_bessel_j0": ("spherical_jn", ANY),
}
OTHERWISE = {
    "airy": lambda special, x: special.airy(x)[0],
    "spherical_jn": lambda special, x: special.spherical_jn(0, abs(x)),
    "sinc": lambda special, x: numpy.sinc(x),
}
BESSEL = ["bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "spherical_bessel_j0"]
MODIFIED = ["modified_bessel_i0", "modified_bessel_i1", "modified_bessel_k0", "modified_bessel_k1"]
WITHOUT_SLOPE = ["airy_ai", "round", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1", *BESSEL, *MODIFIED]
SMOOTH = [name for name in ONE if name not in WITHOUT_SLOPE]
FRACTIONS = [name for name in ONE if name != "round"]
# What each of two arguments is called by SciPy, and where it is smooth.
TWO = {
    "gammainc": ("gammainc", ABOVE, SHARES),
    "gammaincc": ("gammaincc", ABOVE, SHARES),
    "xlog1py": ("xlog1py", ANY, SHARES),
    "xlogy": ("xlogy", ANY, SHARES),
    "zeta": ("zeta", ABOVE + 1, SHARES),
}
POLYNOMIALS = {
    "chebyshev_polynomial_t": "eval_chebyt",
    "chebyshev_polynomial_u": "eval_chebyu",
    "hermite_polynomial_h": "eval_hermite",
    "hermite_polynomial_he": "eval_hermitenorm",
    "laguerre_polynomial_l": "eval_laguerre",
    "legendre_polynomial_p": "eval_legendre",
    "shifted_chebyshev_polynomial_t": "eval_sh_chebyt",
    "shifted_chebyshev_polynomial_u": "eval_sh_chebyu",
}
BY_ANGLE = {
    "chebyshev_polynomial_v": lambda n, t: numpy.cos((n + 0.5) * t) / numpy.cos(t / 2),
    "chebyshev_polynomial_w": lambda n, t: numpy.sin((n + 0.5) * t) / numpy.sin(t / 2),
}


def by_scipy(name, *arrays):
    """What SciPy gives for a function that it calls `name`."""
    from scipy import special

    other = OTHERWISE.get(name)
    return other(special, *arrays) if other else getattr(special, name)(*arrays)


def slope(name, x):
    """The slope of SciPy's function by differences of fourth order."""
    f, h = lambda x: by_scipy(name, x), 1e-3
    return (8 * (f(x + h) - f(x - h)) - f(x + 2 * h) + f(x - 2 * h)) / (12 * h)


@fact(*(f"torch.special.{name}" for name in ONE), requires="scipy")
@over(ONE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_are_those_of_scipy(device, name, dtype):
    """`torch.special.erf`, `torch.special.i0` and the like give what SciPy gives, in a new tensor of the same dtype."""
    theirs, array = ONE[name]
    x = torch.tensor(array.astype(dtype), device=device)
    y, want = getattr(torch.special, name)(x), by_scipy(theirs, array)
    assert y.dtype == x.dtype
    close(y, want, roundings=ROUGH.get(name, ROUNDINGS) if dtype == "float64" else ROUNDINGS, scale=abs(want) + 1)
    same(x, array.astype(dtype))


@fact(*(f"torch.special.{name}" for name in ONE), requires="scipy")
@over(ONE)
def test_functions_do_not_depend_on_how_their_input_lies(device, name):
    """`torch.special.erf`, `torch.special.i0` and the like give the same, but for rounding, of every second element."""
    theirs, array = ONE[name]
    x, want = torch.tensor(array, device=device), by_scipy(theirs, array)
    stepped = getattr(torch.special, name)(torch.stack([x, x], -1)[..., 0])
    close(stepped, want, roundings=ROUGH.get(name, ROUNDINGS), scale=abs(want) + 1)


@fact(*(f"torch.special.{name}" for name in ONE))
@over(ONE)
def test_functions_keep_the_strides_of_a_matrix(device, name):
    """`torch.special.erf`, `torch.special.i0` and the like keep the strides of a contiguous or transposed matrix."""
    x = torch.full((2, 3), 0.5, device=device)
    y, turned = (getattr(torch.special, name)(each) for each in (x, x.t()))
    assert (y.stride(), turned.stride()) == ((3, 1), (1, 3))


@fact(*(f"torch.special.{name}" for name in ONE), requires="scipy")
@over(ONE)
def test_functions_write_to_out(device, name):
    """`torch.special.erf`, `torch.special.i0` and the like write to `out`, and return it."""
    theirs, array = ONE[name]
    out, want = torch.zeros(2, 3, dtype=torch.float64, device=device), by_scipy(theirs, array)
    assert getattr(torch.special, name)(torch.tensor(array, device=device), out=out) is out
    close(out, want, roundings=ROUGH.get(name, ROUNDINGS), scale=abs(want) + 1)


@fact(*(f"torch.special.{name}" for name in SMOOTH), requires="scipy")
@over(SMOOTH)
def test_functions_have_their_slope_as_gradient(device, name):
    """The gradient of `torch.special.erf`, `torch.special.i0` and the like is the slope of what SciPy gives."""
    theirs, array = ONE[name]
    x = torch.tensor(array, device=device, requires_grad=True)
    getattr(torch.special, name)(x).backward(torch.tensor(ANY, device=device))
    want = ANY * slope(theirs, array)
    close(x.grad, want, roundings=2**26, scale=abs(want) + 1)  # differences: 7e-9


@fact(*(f"torch.special.{name}" for name in FRACTIONS), requires="scipy")
@over(FRACTIONS)
def test_functions_of_integers_are_of_the_default_dtype(device, name):
    """`torch.special.erf`, `torch.special.i0` and the like of integers give float32."""
    y = getattr(torch.special, name)(torch.tensor([[1, 1], [1, 1]], device=device))
    want = numpy.full((2, 2), by_scipy(ONE[name][0], numpy.ones(1))[0])
    assert y.dtype == torch.float32
    same(y.isinf(), numpy.isinf(want))
    close(y.nan_to_num(posinf=9.0), numpy.where(numpy.isinf(want), 9.0, want), roundings=ROUNDINGS, scale=9)


@fact(*(f"torch.special.{name}" for name in SMOOTH), requires="scipy")
@over(SMOOTH)
def test_functions_pass_nan_on(device, name):
    """`torch.special.erf`, `torch.special.i0` and the like give NaN of NaN, and not of the number beside it."""
    number = ONE[name][1][0, 0]
    y = getattr(torch.special, name)(torch.tensor([math.nan, number], dtype=torch.float64, device=device))
    want = by_scipy(ONE[name][0], numpy.array([number]))
    assert y[0].isnan()
    close(y[1:], want, roundings=ROUNDINGS, scale=abs(want) + 1)


@fact(*(f"torch.special.{name}" for name in TWO), requires="scipy")
@over(TWO)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_of_two_are_those_of_scipy(device, name, dtype):
    """`torch.special.gammainc`, `xlogy` and `zeta` give what SciPy gives, broadcast, new, contiguous where both are."""
    theirs, a, b = TWO[name]
    x, y = torch.tensor(a.astype(dtype), device=device), torch.tensor(b[:1].astype(dtype), device=device)
    got, want = getattr(torch.special, name)(x, y), by_scipy(theirs, a, b[:1])
    assert (got.dtype, got.is_contiguous()) == (x.dtype, True)
    close(got, want, roundings=ROUNDINGS, scale=abs(want) + 1)
    same(x, a.astype(dtype))


@fact(*(f"torch.special.{name}" for name in TWO), requires="scipy")
@over(TWO)
def test_functions_of_two_have_a_slope_by_the_second(device, name):
    """The gradient of `torch.special.gammainc`, `xlogy` and `zeta` by the second argument is its slope."""
    theirs, a, b = TWO[name]
    y = torch.tensor(b, device=device, requires_grad=True)
    first = torch.tensor(a, device=device)
    getattr(torch.special, name)(first, y).backward(torch.tensor(ANY, device=device))
    h = 1e-3
    f = [by_scipy(theirs, a, b + k * h) for k in (-2, -1, 1, 2)]
    want = ANY * (8 * (f[2] - f[1]) - f[3] + f[0]) / (12 * h)
    close(y.grad, want, roundings=2**30, scale=abs(want) + 1)  # 1e-7: zeta is steep


@fact("torch.special.xlogy", "torch.special.xlog1py", requires="scipy")
@over(["xlogy", "xlog1py"])
def test_products_with_a_logarithm_are_zero_where_a_factor_is(device, name):
    """`torch.special.xlogy` and `xlog1py` of 0 are 0, beside the logarithm of zero too, and NaN beside NaN."""
    x = torch.tensor([0.0, 0.0, 2.0], device=device)
    y = torch.tensor([0.0 if name == "xlogy" else -1.0, math.nan, 1.0 if name == "xlogy" else 0.0], device=device)
    same(getattr(torch.special, name)(x, y), torch.tensor([0.0, math.nan, 0.0]))


@fact(*(f"torch.special.{name}" for name in POLYNOMIALS), requires="scipy")
@over(POLYNOMIALS)
@pytest.mark.parametrize("n", [0, 1, 5])
def test_polynomials_are_those_of_scipy(device, name, n):
    """`torch.special.hermite_polynomial_h` and its kin give what SciPy gives, in a new tensor, contiguous if x is."""
    x = torch.tensor(SHARES, device=device)
    y = getattr(torch.special, name)(x, torch.tensor(n, device=device))
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    want = by_scipy(POLYNOMIALS[name], n, SHARES)
    close(y, want, roundings=ROUNDINGS, scale=abs(want) + 64)
    same(x, SHARES)


@fact(*(f"torch.special.{name}" for name in [*BY_ANGLE, *(f"shifted_{name}" for name in BY_ANGLE)]), requires="scipy")
@over([*BY_ANGLE, *(f"shifted_{name}" for name in BY_ANGLE)])
@pytest.mark.parametrize("n", [0, 1, 5])
def test_polynomials_of_the_third_and_fourth_kind_are_of_angles(device, name, n):
    """`torch.special.chebyshev_polynomial_v`, `_w`, shifted too, are quotients of cosines or sines, contiguous as x."""
    x = torch.tensor(SHARES, device=device)
    y = getattr(torch.special, name)(x, torch.tensor(n, device=device))
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    angle = numpy.arccos(2 * SHARES - 1 if name.startswith("shifted") else SHARES)
    close(y, BY_ANGLE[name.removeprefix("shifted_")](n, angle), roundings=ROUNDINGS, scale=64)
    same(x, SHARES)


@fact("torch.special.polygamma", requires="scipy")
@pytest.mark.parametrize("n", [0, 1, 3])
def test_polygamma_is_that_of_scipy(device, n):
    """`torch.special.polygamma` gives to some nine digits what SciPy gives, in a new tensor, contiguous if x is."""
    x = torch.tensor(ABOVE, device=device)
    y, want = torch.special.polygamma(n, x), by_scipy("polygamma", n, ABOVE)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, want, roundings=2**24, scale=numpy.maximum(1, abs(want)))
    same(x, ABOVE)


@fact("torch.special.polygamma", requires="scipy")
@pytest.mark.parametrize("n", [0, 1, 3])
def test_polygamma_has_that_of_the_next_order_as_gradient(device, n):
    """The gradient of `torch.special.polygamma(n, x)` is `polygamma(n + 1, x)`."""
    x, want = torch.tensor(ABOVE, device=device, requires_grad=True), by_scipy("polygamma", n + 1, ABOVE)
    torch.special.polygamma(n, x).sum().backward()
    close(x.grad, want, roundings=2**24, scale=numpy.maximum(1, abs(want)))


@fact("torch.polygamma")
@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_polygamma_goes_on_by_a_power(device, n):
    """`torch.polygamma(n, x + 1)` is `torch.polygamma(n, x)` with (-1)ⁿ n! / xⁿ⁺¹ added."""
    array = numpy.array([[1.5, 2.25], [3.0, 5.5]])
    x = torch.tensor(array, device=device)
    close(
        torch.polygamma(n, x + 1) - torch.polygamma(n, x),
        (-1) ** n * math.factorial(n) * array ** -(n + 1.0),
        roundings=2e7,
    )


@fact("torch.polygamma")
@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_polygamma_of_torch_has_that_of_the_next_order_as_gradient(device, n):
    """The gradient of `torch.polygamma(n, x)` is `torch.polygamma(n + 1, x)`."""
    x = torch.tensor([[1.5, 2.25], [3.0, 5.5]], dtype=torch.float64, device=device, requires_grad=True)
    weights = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64, device=device)
    torch.polygamma(n, x).backward(weights)
    close(x.grad, (torch.polygamma(n + 1, x) * weights).detach(), roundings=64)


@fact("torch.special.multigammaln", requires="scipy")
def test_multigammaln_is_that_of_scipy(device):
    """`torch.special.multigammaln` gives what SciPy gives, in a new tensor, contiguous if x is."""
    x = torch.tensor(ABOVE + 1, device=device)
    y = torch.special.multigammaln(x, 3)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, by_scipy("multigammaln", ABOVE + 1, 3), roundings=ROUNDINGS, scale=16)
    same(x, ABOVE + 1)


@fact("torch.special.multigammaln", requires="scipy")
def test_multigammaln_has_a_sum_of_digamma_as_gradient(device):
    """The gradient of `torch.special.multigammaln(x, 3)` is the sum of `digamma` at `x`, `x - 1/2` and `x - 1`."""
    x = torch.tensor(ABOVE + 1, device=device, requires_grad=True)
    torch.special.multigammaln(x, 3).sum().backward()
    close(x.grad, sum(by_scipy("digamma", ABOVE + 1 - k / 2) for k in range(3)), roundings=ROUNDINGS, scale=16)


@fact("torch.mvlgamma")
def test_mvlgamma_is_a_sum_of_lgamma(device):
    """`torch.mvlgamma(x, 2)` is log(π) / 2 + lgamma(x) + lgamma(x - 1/2), in a new tensor, contiguous if x is."""
    array = numpy.array([[1.5, 2.0], [3.25, 4.0]])
    x = torch.tensor(array, device=device)
    y = torch.mvlgamma(x, 2)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, math.log(math.pi) / 2 + log_gamma(array) + log_gamma(array - 0.5), roundings=32, scale=4)
    same(x, array)


ORDER = numpy.array([[1.0], [2.0]])
BEHIND = numpy.array([[0.5, 1.25, 3.0], [2.0, 0.25, 1.5]])


@fact("torch.igamma", "torch.igammac")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_incomplete_gamma_functions_add_up_to_one(device, dtype):
    """`torch.igammac(a, x)` is exp(-x) of a = 1, (1 + x) exp(-x) of a = 2, and `torch.igamma` is 1 minus that."""
    order, x = (torch.tensor(each.astype(dtype), device=device) for each in (ORDER, BEHIND))
    upper, lower = torch.igammac(order, x), torch.igamma(order, x)
    want = numpy.where(ORDER == 1, 1, 1 + BEHIND) * numpy.exp(-BEHIND)
    assert (upper.dtype, lower.dtype) == (x.dtype, x.dtype)
    close(upper, want, roundings=32, scale=1)
    close(lower, 1 - want, roundings=32, scale=1)
    same(order, ORDER.astype(dtype))


@fact("torch.igamma", "torch.igammac")
@pytest.mark.parametrize(("name", "sign"), [("igamma", 1), ("igammac", -1)])
def test_incomplete_gamma_functions_have_a_gradient(device, name, sign):
    """The gradient of `torch.igamma(1, x)` by `x` is exp(-x), and of `torch.igammac(1, x)` minus that."""
    x = torch.tensor([0.5, 1.25], dtype=torch.float64, device=device, requires_grad=True)
    getattr(torch, name)(torch.ones_like(x), x).backward(torch.tensor([1.0, 3.0], dtype=x.dtype, device=device))
    close(x.grad, sign * numpy.array([1, 3]) * numpy.exp([-0.5, -1.25]), roundings=32)


KIN = ["softmax", "log_softmax", "logsumexp"]
of_dims = pytest.mark.parametrize("dim", [0, -1])


@fact(*(f"torch.special.{name}" for name in KIN), requires="scipy")
@over(KIN)
@of_dims
def test_softmax_and_its_kin_are_those_of_scipy(device, name, dim):
    """`torch.special.softmax`, `log_softmax` and `logsumexp` give what SciPy gives, in a new contiguous tensor."""
    x, want = torch.tensor(ANY, device=device), by_scipy(name, ANY, dim)
    y = getattr(torch.special, name)(x, dim)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, want, roundings=ROUNDINGS, scale=abs(want) + 1)
    same(x, ANY)


@fact(*(f"torch.special.{name}" for name in KIN), requires="scipy")
@over(KIN)
@of_dims
def test_softmax_and_its_kin_have_the_gradients_of_shares(device, name, dim):
    """The gradients of `torch.special.softmax`, `log_softmax` and `logsumexp` are their slopes, made of shares."""
    x = torch.tensor(ANY, device=device, requires_grad=True)
    y, want = getattr(torch.special, name)(x, dim), by_scipy(name, ANY, dim)
    y.backward(y.detach())
    share, total = by_scipy("softmax", ANY, dim), (want * want if name == "softmax" else want).sum(dim, keepdims=True)
    gradients = {
        "softmax": lambda: share * (share - total),
        "log_softmax": lambda: want - share * total,
        "logsumexp": lambda: share * numpy.expand_dims(want, dim),
    }
    close(x.grad, gradients[name](), roundings=ROUNDINGS, scale=8)
