import math
import operator

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import close, fact, same
from torchproof.fixtures.checks import shares
from torchproof.fixtures.strategies import Layout, layouts


def logistic(x):
    return 1 / (1 + math.exp(-x))


# What each function is of one number, its derivative, and what brings a number into its domain.
UNARY = {
    torch.exp: (math.exp, math.exp, float),
    torch.sqrt: (math.sqrt, lambda x: 0.5 / math.sqrt(x), abs),
    torch.log: (math.log, lambda x: 1 / x, lambda x: abs(x) or 1.0),
    torch.tanh: (math.tanh, lambda x: 1 - math.tanh(x) ** 2, float),
    torch.sigmoid: (logistic, lambda x: logistic(x) * logistic(-x), float),
    torch.relu: (lambda x: max(x, 0.0), lambda x: float(x > 0), float),
    torch.neg: (operator.neg, lambda x: -1.0, float),
}
# What each function is of two arrays, and its derivatives by either.
BINARY = {
    torch.add: (operator.add, lambda a, b: 1 + 0 * a, lambda a, b: 1 + 0 * b),
    torch.sub: (operator.sub, lambda a, b: 1 + 0 * a, lambda a, b: 0 * b - 1),
    torch.mul: (operator.mul, lambda a, b: b, lambda a, b: a),
    torch.div: (operator.truediv, lambda a, b: 1 / b, lambda a, b: -a / b**2),
    torch.pow: (operator.pow, lambda a, b: b * a ** (b - 1), lambda a, b: a**b * numpy.log(a)),
}
UNARY_SUBJECTS = ["torch.exp", "torch.sqrt", "torch.log", "torch.tanh", "torch.sigmoid", "torch.relu", "torch.neg"]
BINARY_SUBJECTS = ["torch.add", "torch.Tensor.sub", "torch.mul", "torch.div", "torch.pow"]
# What is of two arrays but of no use to a gradient.
COMPARING = {
    torch.eq: operator.eq,
    torch.ne: operator.ne,
    torch.lt: operator.lt,
    torch.le: operator.le,
    torch.gt: operator.gt,
    torch.ge: operator.ge,
    torch.remainder: operator.mod,
}
COMPARING_SUBJECTS = ["torch.eq", "torch.ne", "torch.lt", "torch.le", "torch.gt", "torch.ge", "torch.remainder"]
ROUNDINGS = 16  # of functions that are made of a few steps, each within 2 units in the last place

of_one = pytest.mark.parametrize("function", UNARY, ids=lambda made: made.__name__)
of_two = pytest.mark.parametrize("function", BINARY, ids=lambda made: made.__name__)
of_comparing = pytest.mark.parametrize(
    ("function", "of_arrays"), COMPARING.items(), ids=[function.__name__ for function in COMPARING]
)
of_floats = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
# Not zero, where relu and sqrt have no derivative.
positive = st.floats(0.0625, 4, width=32)
signed = positive.flatmap(lambda x: st.sampled_from([x, -x]))


@fact(*UNARY_SUBJECTS)
@of_one
@of_floats
@given(numbers=st.lists(signed, min_size=1, max_size=6))
@example(numbers=[1.5, -0.75, 3.0])
def test_function_has_the_value_of_each_element(device, function, dtype, numbers):
    """A function of one tensor gives what the function of a number gives of each of its elements."""
    value, _, domain = UNARY[function]
    numbers = [domain(x) for x in numbers]
    y = function(torch.tensor(numbers, dtype=dtype, device=device))
    assert y.dtype == dtype
    close(y, [value(x) for x in numbers], roundings=ROUNDINGS)


@fact(*UNARY_SUBJECTS)
@of_one
@given(numbers=st.lists(signed, min_size=1, max_size=6))
@example(numbers=[1.5, -0.75, 3.0])
def test_function_has_the_gradient_of_its_derivative(device, function, numbers):
    """The gradient of a function of one tensor is its derivative at each element times what `backward` is given."""
    _, derivative, domain = UNARY[function]
    numbers = [domain(x) for x in numbers]
    x = torch.tensor(numbers, dtype=torch.float64, device=device, requires_grad=True)
    weights = [2.0 + n for n in range(len(numbers))]
    function(x).backward(torch.tensor(weights, dtype=torch.float64, device=device))
    want = numpy.array([weight * derivative(x) for weight, x in zip(weights, numbers, strict=True)])
    close(x.grad, want, roundings=ROUNDINGS, scale=numpy.abs(want) + weights)  # 1 - tanh**2 is a difference


@fact("torch.relu", source="notes/autograd")
def test_relu_has_a_gradient_of_zero_at_zero(device):
    """`relu` passes no gradient on where its input is zero."""
    x = torch.tensor([-1.0, 0.0, 2.0], device=device, requires_grad=True)
    y = torch.relu(x)
    y.backward(torch.tensor([3.0, 5.0, 7.0], device=device))
    same(y, torch.tensor([0.0, 0.0, 2.0]))
    same(x.grad, torch.tensor([0.0, 0.0, 7.0]))


@fact("torch.exp", "torch.sqrt", "torch.log", "torch.tanh", "torch.sigmoid", source="tensor_attributes")
@pytest.mark.parametrize(
    "function", [torch.exp, torch.sqrt, torch.log, torch.tanh, torch.sigmoid], ids=lambda made: made.__name__
)
def test_function_of_integers_is_of_the_default_dtype(device, function):
    """A function whose values are no integers gives float32 of integers."""
    y = function(torch.tensor([1, 2, 3], device=device))
    assert y.dtype == torch.float32
    close(y, [UNARY[function][0](x) for x in (1, 2, 3)], roundings=ROUNDINGS)


@fact("torch.relu", "torch.neg")
@pytest.mark.parametrize(("function", "want"), [(torch.relu, [0, 2, 3]), (torch.neg, [2, -2, -3])], ids=["relu", "neg"])
@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.int64])
def test_function_of_integers_keeps_their_dtype(device, function, want, dtype):
    """`relu` and `neg` of integers give integers of the same dtype."""
    same(function(torch.tensor([-2, 2, 3], dtype=dtype, device=device)), torch.tensor(want, dtype=dtype))


@fact(*UNARY_SUBJECTS)
@of_one
def test_function_leaves_its_input_as_it_was(device, function):
    """A function of one tensor does not change the tensor."""
    value, _, domain = UNARY[function]
    numbers = [domain(x) for x in (0.5, -2.0, 3.0)]
    x = torch.tensor(numbers, device=device)
    y = function(x)
    same(x, torch.tensor(numbers))
    close(y, [value(x) for x in numbers], roundings=ROUNDINGS)


@fact(*UNARY_SUBJECTS)
@of_one
@pytest.mark.parametrize("number", [0.0, 1.0])
def test_function_has_memory_of_its_own(device, function, number):
    """The result of a function of one tensor shares no memory with it, also where it has the same values."""
    value, _, domain = UNARY[function]
    x = torch.full((3,), domain(number), device=device, requires_grad=True)
    y = function(x)
    assert not shares(y, x)
    close(y, [value(domain(number))] * 3, roundings=ROUNDINGS)


@fact(*UNARY_SUBJECTS, source="tensor_attributes")
@of_one
def test_function_keeps_the_strides_of_a_dense_tensor(device, function):
    """The result of a function of a transposed tensor is laid out in memory as the tensor is."""
    y = function(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], device=device).t())
    assert y.stride() == (1, 3)
    close(y, [[UNARY[function][0](x) for x in row] for row in ([1, 4], [2, 5], [3, 6])], roundings=ROUNDINGS)


@fact(*BINARY_SUBJECTS)
@of_two
@of_floats
@given(pairs=st.lists(st.tuples(positive, signed), min_size=1, max_size=6))
@example(pairs=[(1.5, 2.0), (0.75, -1.5), (3.0, 0.25)])
def test_operation_has_the_value_of_each_pair(device, function, dtype, pairs):
    """An operation on two tensors gives what it gives of each pair of their elements."""
    a, b = numpy.array(pairs).T
    y = function(*(torch.tensor(each, dtype=dtype, device=device) for each in (a, b)))
    assert y.dtype == dtype
    close(y, BINARY[function][0](a, b), roundings=ROUNDINGS)


@fact(*BINARY_SUBJECTS)
@of_two
def test_operation_has_the_gradients_of_its_derivatives(device, function):
    """The gradients of an operation are its derivatives by either tensor times what `backward` is given."""
    a, b, weights = numpy.array([[1.5, 0.75, 3.0], [2.0, -1.5, 0.25], [2.0, 3.0, 5.0]])
    x, y = (torch.tensor(each, device=device, requires_grad=True) for each in (a, b))
    function(x, y).backward(torch.tensor(weights, device=device))
    close(x.grad, weights * BINARY[function][1](a, b), roundings=ROUNDINGS)
    close(y.grad, weights * BINARY[function][2](a, b), roundings=ROUNDINGS)


@fact(*BINARY_SUBJECTS, source="notes/broadcasting")
@of_two
def test_operation_sums_the_gradient_of_what_it_broadcasts(device, function):
    """The gradient of a row that is broadcast over two rows is the sum of what either row would give."""
    a, b = numpy.array([[1.5, 0.75, 3.0], [0.5, 2.0, 1.25]]), numpy.array([2.0, -1.5, 0.25])
    x, y = (torch.tensor(each, device=device, requires_grad=True) for each in (a, b))
    function(x, y).sum().backward()
    close(x.grad, BINARY[function][1](a, b + 0 * a), roundings=ROUNDINGS)
    close(y.grad, BINARY[function][2](a, b + 0 * a).sum(0), roundings=ROUNDINGS)


@fact(*BINARY_SUBJECTS, source="notes/broadcasting")
@of_two
def test_operation_broadcasts_a_column_with_a_row(device, function):
    """An operation on a column of 3 and a row of 2 gives a contiguous table of 3 by 2."""
    a, b = numpy.array([[1.0], [2.0], [3.0]]), numpy.array([2.0, 3.0])
    y = function(torch.tensor(a, device=device), torch.tensor(b, device=device))
    assert y.stride() == (2, 1)
    close(y, BINARY[function][0](a, b), roundings=ROUNDINGS)


@fact(*BINARY_SUBJECTS)
@of_two
def test_operation_leaves_its_operands_as_they_were(device, function):
    """An operation on two tensors changes neither of them."""
    a, b = (torch.tensor(values, device=device) for values in ([0.5, 2.0, 3.0], [3.0, 4.0, 5.0]))
    y = function(a, b)
    same(a, torch.tensor([0.5, 2.0, 3.0]))
    same(b, torch.tensor([3.0, 4.0, 5.0]))
    close(y, BINARY[function][0](a.cpu().double().numpy(), b.cpu().double().numpy()), roundings=ROUNDINGS)


@fact(*BINARY_SUBJECTS)
@pytest.mark.parametrize(
    ("function", "neutral"),
    [(torch.add, 0), (torch.sub, 0), (torch.mul, 1), (torch.div, 1), (torch.pow, 1)],
    ids=["add", "sub", "mul", "div", "pow"],
)
def test_operation_with_a_neutral_number_has_memory_of_its_own(device, function, neutral):
    """An operation with a number that changes nothing gives a copy."""
    x = torch.tensor([0.5, 2.0, 3.0], device=device)
    y = function(x, neutral)
    same(y, torch.tensor([0.5, 2.0, 3.0]))
    assert not shares(y, x)


@fact(*BINARY_SUBJECTS)
@of_two
@given(layout=layouts(1, 3, max_side=3, overlap=True))
@example(layout=Layout((2, 3), (1, 2)))
@example(layout=Layout((3,), (2,), 1))
def test_operation_reads_operands_of_any_strides(device, function, layout):
    """An operation gives the same, but for rounding, for permuted, sliced, offset and expanded operands."""
    memory = numpy.arange(1.0, layout.reach + 3) / 4
    a, b = (torch.from_numpy(each).to(device).as_strided(*layout) for each in (memory[:-2], memory[2:]))
    want = BINARY[function][0](*(each[layout.places()] for each in (memory[:-2], memory[2:])))
    close(function(a, b), want, roundings=ROUNDINGS)


@fact(*COMPARING_SUBJECTS)
@of_comparing
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_comparison_broadcasts_a_column_with_a_row(device, function, of_arrays, dtype):
    """A comparison, or a remainder, of a column of 3 and a row of 2 is a contiguous table of 3 by 2."""
    a, b = numpy.array([[1], [2], [-3]], dtype), numpy.array([2, -3], dtype)
    y = function(torch.tensor(a, device=device), torch.tensor(b, device=device))
    assert y.stride() == (2, 1)
    same(y, of_arrays(a, b))


@fact(*COMPARING_SUBJECTS)
@of_comparing
def test_comparison_leaves_its_operands_as_they_were(device, function, of_arrays):
    """A comparison, or a remainder, changes neither of its operands."""
    arrays = numpy.array([[1.5, 2.0, -7.0], [2.0, 2.0, 3.0]])
    a, b = torch.tensor(arrays, device=device)
    same(function(a, b), of_arrays(*arrays))
    same(torch.stack([a, b]), arrays)


@fact("torch.add", "torch.Tensor.sub")
@pytest.mark.parametrize(("function", "want"), [(torch.add, [6.5, 9.0]), (torch.sub, [-5.5, -7.0])], ids=["add", "sub"])
def test_operation_multiplies_its_second_operand_by_alpha(device, function, want):
    """`add` and `sub` take `alpha` times their second operand."""
    a, b = torch.tensor([0.5, 1.0], device=device), torch.tensor([3.0, 4.0], device=device)
    same(function(a, b, alpha=2), torch.tensor(want))


@fact("torch.Tensor.add_", "torch.Tensor.sub_")
@pytest.mark.parametrize(("name", "want"), [("add_", [6.5, 9.0]), ("sub_", [-5.5, -7.0])], ids=["add_", "sub_"])
def test_operation_in_place_multiplies_its_operand_by_alpha(device, name, want):
    """`add_` and `sub_` take `alpha` times their operand."""
    x = torch.tensor([0.5, 1.0], device=device)
    assert getattr(x, name)(torch.tensor([3.0, 4.0], device=device), alpha=2) is x
    same(x, torch.tensor(want))


@fact("torch.div")
@pytest.mark.parametrize(
    ("mode", "want"), [(None, [-1.75, 1.75]), ("trunc", [-1.0, 1.0]), ("floor", [-2.0, 1.0])], ids=str
)
def test_quotient_is_rounded_as_asked(device, mode, want):
    """`div` rounds to zero with `rounding_mode="trunc"`, down with `"floor"`, and not at all without."""
    same(torch.div(torch.tensor([-7.0, 7.0], device=device), 4, rounding_mode=mode), torch.tensor(want))


@fact("torch.div", source="tensor_attributes")
def test_quotient_of_integers_is_a_fraction(device):
    """`div` of integers divides them as fractions into float32."""
    same(torch.div(torch.tensor([1, 6, -7], device=device), 4), torch.tensor([0.25, 1.5, -1.75]))


@fact("torch.where")
@given(rows=st.lists(st.tuples(st.booleans(), st.floats(-8, 8, width=32), st.floats(-8, 8, width=32)), min_size=1))
@example(rows=[(True, 1.5, 2.5), (False, 3.5, 4.5), (True, 5.5, 6.5)])
def test_choice_takes_each_element_from_one_of_two(device, rows):
    """`where` takes an element from its second argument where the condition is True, from its third elsewhere."""
    condition, a, b = (torch.tensor(column, device=device) for column in zip(*rows, strict=True))
    want = torch.tensor([one if chosen else other for chosen, one, other in rows])
    same(torch.where(condition, a, b), want)


@fact("torch.where")
def test_choice_gives_each_gradient_to_what_was_chosen(device):
    """`where` gives the gradient of an element to the argument that it was taken from, and the other one zero."""
    a, b = (torch.tensor(values, device=device, requires_grad=True) for values in ([1.5, 3.5], [2.5, 4.5]))
    y = torch.where(torch.tensor([True, False], device=device), a, b)
    y.backward(torch.tensor([3.0, 5.0], device=device))
    same(a.grad, torch.tensor([3.0, 0.0]))
    same(b.grad, torch.tensor([0.0, 5.0]))


@fact("torch.where", source="notes/broadcasting")
def test_choice_broadcasts_all_three(device):
    """`where` broadcasts its condition and both sources into one contiguous shape."""
    condition = torch.tensor([[True], [False]], device=device)
    y = torch.where(condition, torch.tensor([1.5, 2.5, 3.5], device=device), torch.tensor(0.5, device=device))
    assert y.stride() == (3, 1)
    same(y, torch.tensor([[1.5, 2.5, 3.5], [0.5, 0.5, 0.5]]))


@fact("torch.where", source="tensor_attributes")
def test_choice_promotes_its_sources(device):
    """`where` of float32 and float64 gives float64."""
    a, b = torch.tensor([1.5, 2.5], device=device), torch.tensor([3.5, 4.5], device=device, dtype=torch.float64)
    y = torch.where(torch.tensor([True, False], device=device), a, b)
    same(y, torch.tensor([1.5, 4.5], dtype=torch.float64))
