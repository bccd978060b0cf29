"""Products beside `matmul` and its like, judged by NumPy: `einsum`, `tensordot`, `kron`, `cross` and others."""

import functools

import numpy
import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.fact import check
from torchproof.fixtures.strategies import whole

EQUATIONS = {
    "product": ("ij,jk->ik", (2, 3), (3, 4)),
    "implicit": ("ij,jk", (2, 3), (3, 4)),
    "in_alphabetical_order": ("ba", (2, 3)),
    "transpose": ("ij->ji", (2, 3)),
    "sum": ("ij->", (2, 3)),
    "rows": ("ij->i", (2, 3)),
    "diagonal": ("ii->i", (3, 3)),
    "trace": ("ii", (3, 3)),
    "outer": ("i,j->ij", (2,), (3,)),
    "batch": ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
    "ellipsis": ("...ij,...jk->...ik", (2, 2, 3), (3, 2)),
    "three": ("ij,jk,kl->il", (2, 3), (3, 2), (2, 4)),
    "hadamard": ("ij,ij->ij", (2, 3), (2, 3)),
    "with_spaces": ("i j, j k -> i k", (2, 3), (3, 4)),
    "with_capitals": ("aB,Bc->ac", (2, 3), (3, 4)),
}


def operands(device, *shapes):
    """Arrays of small whole numbers, and tensors of them: sums of products are exact."""
    arrays = [whole(*shape, start=2 * place + 1) for place, shape in enumerate(shapes)]
    return arrays, [torch.tensor(array, device=device) for array in arrays]


@check
def has_the_gradient_of_its_sum(function, of_arrays, arrays, device):
    """The first operand's gradient, of a function that is linear in it, is what each of its units brings."""
    first, *rest = (torch.tensor(array, device=device) for array in arrays)
    function(first.requires_grad_(), *rest).sum().backward()
    units = numpy.eye(arrays[0].size, dtype="float32").reshape(-1, *arrays[0].shape)
    want = numpy.array([of_arrays(unit, *arrays[1:]).sum() for unit in units], dtype="float32")
    same(first.grad, want.reshape(arrays[0].shape))


@fact("torch.einsum")
@pytest.mark.parametrize("name", EQUATIONS)
def test_gives_what_numpy_gives(name, device):
    """`einsum` multiplies what stands side by side, and sums over the letters that the result does not have."""
    equation, *shapes = EQUATIONS[name]
    arrays, tensors = operands(device, *shapes)
    same(torch.einsum(equation, *tensors), numpy.einsum(equation, *arrays))
    same(tensors[0], arrays[0])


@fact("torch.einsum")
@pytest.mark.parametrize("name", EQUATIONS)
def test_takes_a_list_of_operands(name, device):
    """`einsum` takes its operands as a list, too: `torch.einsum("ij,jk->ik", [a, b])`."""
    equation, *shapes = EQUATIONS[name]
    arrays, tensors = operands(device, *shapes)
    same(torch.einsum(equation, tensors), numpy.einsum(equation, *arrays))


@fact("torch.einsum")
@pytest.mark.parametrize("name", EQUATIONS)
def test_passes_gradients_on(name, device):
    """The gradient of a summed `einsum` by its first operand is the sum of what stands beside it."""
    equation, *shapes = EQUATIONS[name]
    arrays, _ = operands(device, *shapes)
    has_the_gradient_of_its_sum(
        functools.partial(torch.einsum, equation), functools.partial(numpy.einsum, equation), arrays, device
    )


@fact("torch.einsum")
def test_does_not_depend_on_how_operands_lie(device):
    """`einsum` of a matrix product gives the same, contiguous, for transposed and stepped operands, within rounding."""
    (a, b), (x, y) = operands(device, (2, 3), (3, 4))
    got = torch.einsum("ij,jk->ik", x.t().contiguous().t(), torch.stack([y, y], -1)[..., 0])
    same(got, a @ b)
    assert got.is_contiguous()


@fact("torch.einsum")
def test_takes_lists_of_dimensions(device):
    """`einsum` takes numbers in lists for letters, as NumPy does."""
    (a, b), (x, y) = operands(device, (2, 3), (3, 4))
    same(torch.einsum(x, [0, 1], y, [1, 2], [0, 2]), a @ b)


@fact("torch.einsum")
@pytest.mark.parametrize(
    ("equation", "shapes", "words"),
    [
        ("ij,jk->il", [(2, 3), (3, 4)], "output subscript l does not appear"),
        ("ij,jk->ik", [(2, 3), (2, 4)], "does not broadcast with previously seen size"),
        ("ij", [(2, 3), (3, 4)], "more operands were provided than specified"),
        ("ij,jk->ik", [(2, 3)], "fewer operands were provided than specified"),
        ("ijk->i", [(2, 3)], "number of subscripts in the equation .* does not match"),
        ("i1->i", [(2, 3)], "invalid subscript|subscripts must be in"),
    ],
    ids=["unknown", "sizes", "more", "fewer", "dimensions", "digit"],
)
def test_refuses_an_equation_that_does_not_fit(equation, shapes, words, device):
    """`einsum` refuses an equation that does not fit its operands, and says why."""
    with pytest.raises(RuntimeError, match=words):
        torch.einsum(equation, *operands(device, *shapes)[1])


AXES = {"2": 2, "1": 1, "0": 0, "lists": ([0, 2], [1, 0])}


@fact("torch.tensordot")
@pytest.mark.parametrize("dims", AXES)
def test_of_tensordot_sums_over_pairs_of_dimensions(dims, device):
    """`tensordot` sums over last dimensions of one and first of the other, or named pairs, and is contiguous."""
    shapes = (
        [(2, 3, 4), (4, 2, 3) if dims == "lists" else (3, 4, 2)[2 - AXES[dims] :]] if dims != "0" else [(2, 3), (2,)]
    )
    arrays, tensors = operands(device, *shapes)
    y = torch.tensordot(*tensors, dims=AXES[dims])
    same(y, numpy.tensordot(*arrays, axes=AXES[dims]))
    assert y.is_contiguous()
    has_the_gradient_of_its_sum(
        functools.partial(torch.tensordot, dims=AXES[dims]),
        functools.partial(numpy.tensordot, axes=AXES[dims]),
        arrays,
        device,
    )


@fact("torch.tensordot")
def test_of_tensordot_refuses_sizes_that_differ(device):
    """`tensordot` refuses pairs of dimensions of different sizes: "contracted dimensions need to match"."""
    with pytest.raises(RuntimeError, match="contracted dimensions need to match, but first has size 3 in dim -1"):
        torch.tensordot(torch.ones(2, 3, device=device), torch.ones(2, 3, device=device), dims=1)


PRODUCTS = {
    "kron": (torch.kron, numpy.kron, (2, 3), (2, 2)),
    "outer": (torch.outer, numpy.outer, (3,), (4,)),
    "inner": (torch.inner, numpy.inner, (2, 3), (4, 3)),
    "linalg.cross": (torch.linalg.cross, numpy.cross, (2, 3), (2, 3)),
    "linalg.vecdot": (torch.linalg.vecdot, lambda a, b: (a * b).sum(-1), (2, 3), (2, 3)),
    "linalg.multi_dot": (
        lambda *x: torch.linalg.multi_dot(x),
        lambda *x: functools.reduce(numpy.matmul, x),
        (2, 3),
        (3, 4),
        (4, 2),
    ),
    "chain_matmul": (
        lambda *x: torch.chain_matmul(*x),
        lambda *x: functools.reduce(numpy.matmul, x),
        (2, 3),
        (3, 4),
        (4, 2),
    ),
}


@fact(*(f"torch.{name}" for name in PRODUCTS))
@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.filterwarnings("ignore:torch.chain_matmul is deprecated")
def test_s_kin_are_those_of_numpy(name, device):
    """`kron`, `outer`, `linalg.cross`, `multi_dot` etc. of small whole numbers give what NumPy gives, contiguous."""
    function, of_arrays, *shapes = PRODUCTS[name]
    arrays, tensors = operands(device, *shapes)
    y = function(*tensors)
    same(y, of_arrays(*arrays))
    same(tensors[0], arrays[0])
    assert y.is_contiguous()


@fact(*(f"torch.{name}" for name in PRODUCTS))
@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.filterwarnings("ignore:torch.chain_matmul is deprecated")
def test_s_kin_pass_gradients_on(name, device):
    """The gradient of a summed `kron`, `outer`, `inner`, `multi_dot` or the like is what each unit of it brings."""
    function, of_arrays, *shapes = PRODUCTS[name]
    has_the_gradient_of_its_sum(function, of_arrays, operands(device, *shapes)[0], device)


@fact("torch.kron")
def test_of_kron_takes_other_numbers_of_dimensions(device):
    """`kron` takes missing dimensions for size 1 in front."""
    (a, b), (x, y) = operands(device, (3,), (2, 2))
    same(torch.kron(x, y), numpy.kron(a, b))


CROSSES = pytest.mark.parametrize("function", [torch.cross, torch.linalg.cross], ids=["cross", "linalg.cross"])


@fact("torch.cross", "torch.linalg.cross")
@CROSSES
def test_of_cross_goes_along_a_dimension_of_three(function, device):
    """`torch.cross` and `torch.linalg.cross` go along the named `dim`, and broadcast the others."""
    (a, b), (x, y) = operands(device, (3, 2), (3, 1))
    same(function(x, y, dim=0), numpy.cross(a, b, axis=0))
    same(x, a)


@fact("torch.cross", "torch.linalg.cross")
@CROSSES
def test_of_cross_refuses_a_dimension_of_two(function, device):
    """`torch.cross` and `torch.linalg.cross` along a dimension of two are refused: "must have length 3"."""
    _, (x, y) = operands(device, (3, 2), (3, 1))
    with pytest.raises(RuntimeError, match="must have length 3"):
        function(x, y, dim=1)


@fact("torch.cross", "torch.Tensor.cross", since="2.2", calls="not dim", hint="say dim=, or call torch.linalg.cross")
def test_of_cross_without_a_dimension_warns(device, every_warning):
    """`torch.cross` goes along the first dimension of 3, and warns "without specifying the dim arg is deprecated"."""
    (a, b), (x, y) = operands(device, (3, 3), (3, 3))
    with pytest.warns(UserWarning, match="without specifying the dim arg is deprecated"):
        same(torch.cross(x, y), numpy.cross(a, b, axis=0))


@fact("torch.linalg.multi_dot")
@pytest.mark.parametrize(
    "shapes", [[(3,), (3, 2), (2, 4)], [(2, 3), (3, 4), (4,)], [(3,), (3, 2), (2,)]], ids=["first", "last", "both"]
)
def test_of_multi_dot_takes_vectors_at_the_ends(shapes, device):
    """`multi_dot` takes a vector for a row at the start and for a column at the end."""
    arrays, tensors = operands(device, *shapes)
    same(torch.linalg.multi_dot(tensors), functools.reduce(numpy.matmul, arrays))


@fact("torch.linalg.multi_dot")
@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "expected at least 2 tensors but got 1"), (2, "cannot be multiplied")],
    ids=["one", "misfits"],
)
def test_of_multi_dot_refuses_what_is_no_chain(count, words, device):
    """`multi_dot` refuses a single matrix, and neighbours that do not fit."""
    with pytest.raises(RuntimeError, match=words):
        torch.linalg.multi_dot([torch.ones(2, 3, device=device)] * count)


@fact("torch.linalg.vander")
@pytest.mark.parametrize("size", [None, 2, 4], ids=str)
def test_of_vander_is_of_powers(size, device):
    """`torch.linalg.vander` is of rising powers, contiguous."""
    a = numpy.array([1.0, 2.0, -3.0], dtype="float32")
    x = torch.tensor(a, device=device)
    y = torch.linalg.vander(x, N=size)
    same(y, numpy.vander(a, size, increasing=True).astype("float32"))
    same(x, a)
    assert y.is_contiguous()


@fact("torch.vander")
@pytest.mark.parametrize("size", [None, 2, 4], ids=str)
@pytest.mark.parametrize("options", [{}, {"increasing": True}], ids=["falling", "rising"])
def test_of_the_older_vander_falls_by_default(size, options, device):
    """`torch.vander` is of falling powers, unlike `torch.linalg.vander`, and of rising ones with `increasing=True`."""
    a = numpy.array([1.0, 2.0, -3.0], dtype="float32")
    same(
        torch.vander(torch.tensor(a, device=device), size, **options),
        numpy.vander(a, size, **options).astype("float32"),
    )


@fact("torch.linalg.vecdot")
def test_of_vecdot_conjugates_the_first(device):
    """`torch.linalg.vecdot` of complex vectors conjugates the first operand, also where it is broadcast."""
    a, b = numpy.array([[1 + 2j], [3j]]), numpy.array([[2 - 1j, 1j], [1 + 1j, 4]])
    got = torch.linalg.vecdot(torch.tensor(a, device=device), torch.tensor(b, device=device), dim=0)
    same(got, (a.conj() * b).sum(0))


@fact("torch.cartesian_prod")
def test_s_of_sets_are_pairs(device):
    """`cartesian_prod` gives all pairs of two vectors, the first number changing last."""
    pairs = torch.cartesian_prod(*(torch.tensor(each, device=device) for each in ([1.0, 2.0], [3.0, 4.0, 5.0])))
    same(pairs, torch.tensor([[1.0, 3.0], [1.0, 4.0], [1.0, 5.0], [2.0, 3.0], [2.0, 4.0], [2.0, 5.0]]))


@fact("torch.combinations")
def test_s_of_a_set_with_itself_are_combinations(device):
    """`combinations` gives the pairs of a vector without repetition, or more with `with_replacement=True`."""
    a, b = (torch.tensor(each, device=device) for each in ([1.0, 2.0], [3.0, 4.0, 5.0]))
    same(torch.combinations(b), torch.tensor([[3.0, 4.0], [3.0, 5.0], [4.0, 5.0]]))
    same(torch.combinations(a, 3, with_replacement=True), torch.tensor([[1.0, 1, 1], [1, 1, 2], [1, 2, 2], [2, 2, 2]]))


@fact("torch.cartesian_prod", "torch.combinations")
@pytest.mark.parametrize(
    ("pairs", "times"),
    [(lambda x: torch.cartesian_prod(x, x[:2]), [5.0, 5.0, 2.0]), (lambda x: torch.combinations(x), [2.0, 2.0, 2.0])],
    ids=["cartesian_prod", "combinations"],
)
def test_s_of_sets_count_their_numbers_in_the_gradient(pairs, times, device):
    """The gradient of a summed `cartesian_prod` or `combinations` counts how often a number stands in it."""
    x = torch.tensor([3.0, 4.0, 5.0], device=device, requires_grad=True)
    pairs(x).sum().backward()
    same(x.grad, torch.tensor(times))


@fact("torch.block_diag")
def test_s_of_nothing_stand_between_blocks(device):
    """`block_diag` sets matrices along the diagonal of a contiguous one of zeros, and takes a number for 1 by 1."""
    blocks = [[[1.0, 2.0, 3.0]], 4.0, [[5.0], [6.0]]]
    y = torch.block_diag(*(torch.tensor(block, device=device) for block in blocks))
    same(y, torch.tensor([[1.0, 2, 3, 0, 0], [0, 0, 0, 4, 0], [0, 0, 0, 0, 5], [0, 0, 0, 0, 6]]))
    assert y.is_contiguous()


@fact("torch.block_diag")
def test_s_of_nothing_take_no_gradient_from_blocks(device):
    """The gradient of `block_diag` by a block is what stands at its place."""
    a, b = (torch.ones(shape, device=device, requires_grad=True) for shape in ((1, 2), (2, 1)))
    torch.block_diag(a, b).backward(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]], device=device))
    same(a.grad, torch.tensor([[1.0, 2.0]]))
    same(b.grad, torch.tensor([[6.0], [9.0]]))
