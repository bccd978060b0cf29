import math

import numpy
import pytest
import torch

from torchproof import close, fact, same

ANY = numpy.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]])
ABOVE = numpy.array([[0.5, 1.25, 2.0], [1.5, 0.25, 3.75]])  # zero
SHARES = numpy.array([[0.5, 0.25, 0.75], [0.125, 0.625, 0.875]])
ROUNDINGS = 128  # of series and continued fractions, beside 1 and their value

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


def over(names):
    return pytest.mark.parametrize("name", list(names))


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
    """A special function of one argument gives what SciPy gives in float64, within the roundings of its dtype."""
    theirs, array = ONE[name]
    x = torch.tensor(array.astype(dtype), device=device)
    y, want = getattr(torch.special, name)(x), by_scipy(theirs, array)
    assert (y.dtype, y.is_contiguous()) == (x.dtype, True)
    close(y, want, roundings=ROUGH.get(name, ROUNDINGS) if dtype == "float64" else ROUNDINGS, scale=abs(want) + 1)
    same(x, array.astype(dtype))


@fact(*(f"torch.special.{name}" for name in ONE), requires="scipy")
@over(ONE)
def test_functions_do_not_depend_on_how_their_input_lies(device, name):
    """A special function gives the same but for rounding for transposed and stepped input, and writes to `out`."""
    theirs, array = ONE[name]
    x, out = torch.tensor(array, device=device), torch.zeros(3, 2, dtype=torch.float64, device=device)
    want = by_scipy(theirs, array)
    stepped = getattr(torch.special, name)(torch.stack([x, x], -1)[..., 0])
    assert getattr(torch.special, name)(x.t(), out=out) is out
    both, roundings = torch.stack([stepped, out.t()]), ROUGH.get(name, ROUNDINGS)
    close(both, numpy.stack([want, want]), roundings=roundings, scale=abs(want) + 1)


@fact(*(f"torch.special.{name}" for name in SMOOTH), requires="scipy")
@over(SMOOTH)
def test_functions_have_their_slope_as_gradient(device, name):
    """The gradient of a special function is the slope of what SciPy gives."""
    theirs, array = ONE[name]
    x = torch.tensor(array, device=device, requires_grad=True)
    getattr(torch.special, name)(x).backward(torch.tensor(ANY, device=device))
    want = ANY * slope(theirs, array)
    close(x.grad, want, roundings=2**26, scale=abs(want) + 1)  # differences: 7e-9


@fact(*(f"torch.special.{name}" for name in FRACTIONS), requires="scipy")
@over(FRACTIONS)
def test_functions_of_integers_are_of_the_default_dtype(device, name):
    """A special function of integers is float32."""
    y = getattr(torch.special, name)(torch.tensor([[1, 1], [1, 1]], device=device))
    want = numpy.full((2, 2), by_scipy(ONE[name][0], numpy.ones(1))[0])
    assert y.dtype == torch.float32
    same(y.isinf(), numpy.isinf(want))
    close(y.nan_to_num(posinf=9.0), numpy.where(numpy.isinf(want), 9.0, want), roundings=ROUNDINGS, scale=9)


@fact(*(f"torch.special.{name}" for name in SMOOTH), requires="scipy")
@over(SMOOTH)
def test_functions_pass_nan_on(device, name):
    """A special function of NaN is NaN, and that of the number beside it is not."""
    number = ONE[name][1][0, 0]
    y = getattr(torch.special, name)(torch.tensor([math.nan, number], dtype=torch.float64, device=device))
    want = by_scipy(ONE[name][0], numpy.array([number]))
    assert y[0].isnan()
    close(y[1:], want, roundings=ROUNDINGS, scale=abs(want) + 1)


@fact(*(f"torch.special.{name}" for name in TWO), requires="scipy")
@over(TWO)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_of_two_are_those_of_scipy(device, name, dtype):
    """A special function of two arguments gives what SciPy gives, broadcast."""
    theirs, a, b = TWO[name]
    x, y = torch.tensor(a.astype(dtype), device=device), torch.tensor(b[:1].astype(dtype), device=device)
    got, want = getattr(torch.special, name)(x, y), by_scipy(theirs, a, b[:1])
    assert (got.dtype, got.is_contiguous()) == (x.dtype, True)
    close(got, want, roundings=ROUNDINGS, scale=abs(want) + 1)
    same(x, a.astype(dtype))


@fact(*(f"torch.special.{name}" for name in TWO), requires="scipy")
@over(TWO)
def test_functions_of_two_have_a_slope_by_the_second(device, name):
    """The gradient of a special function of two arguments by the second is its slope."""
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
    """`xlogy` and `xlog1py` of 0 are 0, also beside the logarithm of zero, and NaN beside NaN."""
    x = torch.tensor([0.0, 0.0, 2.0], device=device)
    y = torch.tensor([0.0 if name == "xlogy" else -1.0, math.nan, 1.0 if name == "xlogy" else 0.0], device=device)
    same(getattr(torch.special, name)(x, y), torch.tensor([0.0, math.nan, 0.0]))


@fact(*(f"torch.special.{name}" for name in POLYNOMIALS), requires="scipy")
@over(POLYNOMIALS)
@pytest.mark.parametrize("n", [0, 1, 5])
def test_polynomials_are_those_of_scipy(device, name, n):
    """An orthogonal polynomial of degree n gives what SciPy gives, in a new tensor."""
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
    """A Chebyshev polynomial of the third or fourth kind is a quotient of cosines or sines; shifted ones of 2x - 1."""
    x = torch.tensor(SHARES, device=device)
    y = getattr(torch.special, name)(x, torch.tensor(n, device=device))
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    angle = numpy.arccos(2 * SHARES - 1 if name.startswith("shifted") else SHARES)
    close(y, BY_ANGLE[name.removeprefix("shifted_")](n, angle), roundings=ROUNDINGS, scale=64)
    same(x, SHARES)


@fact("torch.special.polygamma", requires="scipy")
@pytest.mark.parametrize("n", [0, 1, 3])
def test_polygamma_is_a_derivative_of_digamma(device, n):
    """`polygamma` of order n is the n-th derivative of `digamma`, and its gradient the one of the next order."""
    x = torch.tensor(ABOVE, device=device, requires_grad=True)
    y = torch.special.polygamma(n, x)
    y.sum().backward()
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    want, slopes = (by_scipy("polygamma", order, ABOVE) for order in (n, n + 1))
    close(y, want, roundings=2**24, scale=numpy.maximum(1, abs(want)))  # of one order torch has nine digits
    close(x.grad, slopes, roundings=2**24, scale=numpy.maximum(1, abs(slopes)))
    same(x, ABOVE)


@fact("torch.special.multigammaln", requires="scipy")
def test_multigammaln_is_that_of_scipy(device):
    """`multigammaln` gives what SciPy gives for arguments above (p - 1) / 2."""
    x = torch.tensor(ABOVE + 1, device=device, requires_grad=True)
    y = torch.special.multigammaln(x, 3)
    y.sum().backward()
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, by_scipy("multigammaln", ABOVE + 1, 3), roundings=ROUNDINGS, scale=16)
    close(x.grad, sum(by_scipy("digamma", ABOVE + 1 - k / 2) for k in range(3)), roundings=ROUNDINGS, scale=16)
    same(x, ABOVE + 1)


@fact("torch.special.softmax", "torch.special.log_softmax", "torch.special.logsumexp", requires="scipy")
@over(["softmax", "log_softmax", "logsumexp"])
@pytest.mark.parametrize("dim", [0, -1])
def test_softmax_and_its_kin_are_those_of_scipy(device, name, dim):
    """`softmax`, `log_softmax` and `logsumexp` of `torch.special` give what SciPy gives along a dimension."""
    x = torch.tensor(ANY, device=device, requires_grad=True)
    y, want = getattr(torch.special, name)(x, dim), by_scipy(name, ANY, dim)
    (y * y.detach()).sum().backward()
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, want, roundings=ROUNDINGS, scale=abs(want) + 1)
    share, total = by_scipy("softmax", ANY, dim), (want * want if name == "softmax" else want).sum(dim, keepdims=True)
    gradients = {
        "softmax": lambda: share * (share - total),
        "log_softmax": lambda: want - share * total,
        "logsumexp": lambda: share * numpy.expand_dims(want, dim),
    }
    close(x.grad, gradients[name](), roundings=ROUNDINGS, scale=8)
    same(x, ANY)
