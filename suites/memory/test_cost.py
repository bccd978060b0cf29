"""What calls take from torch's allocator at most, without what oneDNN and MKL allocate; what stays is in test_graph."""

import math

import pytest
import torch

from torchproof import fact
from torchproof.fixtures.fact import subject, unavailable
from torchproof.fixtures.meters import figures
from torchproof.fixtures.race import larger

pytestmark = pytest.mark.bench

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
PRODUCTS = {
    "torch.matmul": [(256, 256), (256, 256)],
    "torch.bmm": [(8, 64, 64), (8, 64, 64)],
    "torch.nn.functional.linear": [(256, 256), (256, 256)],
    "torch.nn.functional.scaled_dot_product_attention": [(1, 4, 64, 64)] * 3,
}
CONVOLUTIONS = {
    "torch.nn.functional.conv1d": [(2, 16, 256), (16, 16, 3)],
    "torch.nn.functional.conv2d": [(1, 16, 32, 32), (16, 16, 3, 3)],
    "torch.nn.functional.conv3d": [(1, 8, 8, 16, 16), (8, 8, 3, 3, 3)],
}
OTHERS = {
    "torch.add": [1],
    "torch.exp": [],
    "torch.tanh": [],
    "torch.nn.functional.gelu": [],
    "torch.softmax": [-1],
    "torch.nn.functional.layer_norm": [[256]],
}


@pytest.fixture(autouse=True)
def one_thread():
    """Each thread of a product has a workspace of its own, so that the bytes would depend on their number."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def numbers_of(shapes, dtype):
    return [torch.rand(shape).to(dtype) for shape in shapes]


def bytes_of(*tensors):
    return sum(x.numel() * x.element_size() for x in tensors)


def peak(function, *arguments):
    """The bytes that a call takes at most."""
    found = figures(function, arguments)["peak_bytes"]
    return unavailable("build", "Kineto") if found is None else found


@fact(*OTHERS, refuter=larger(*OTHERS))
@DTYPES
@pytest.mark.parametrize("name", OTHERS)
def test_of_a_norm_or_pointwise_function_is_that_of_its_result(name, dtype):
    """`torch.exp`, `softmax`, `layer_norm` and the like take at most one and a half times the bytes of their result."""
    [x] = numbers_of([(128, 256)], dtype)
    assert bytes_of(x) <= peak(subject(name), x, *OTHERS[name]) <= 1.5 * bytes_of(x)


@fact(*PRODUCTS, refuter=larger(*PRODUCTS))
@DTYPES
@pytest.mark.parametrize("name", PRODUCTS)
def test_of_a_product_is_that_of_its_operands_and_result(name, dtype):
    """`matmul`, `linear` and attention take at most one and a half times the bytes of operands and result."""
    function, operands = subject(name), numbers_of(PRODUCTS[name], dtype)
    most = 1.5 * bytes_of(*operands, function(*operands))
    assert 0 < peak(function, *operands) <= most


@fact(*CONVOLUTIONS, refuter=larger(*CONVOLUTIONS, times=100))
@DTYPES
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_of_a_convolution_is_that_of_its_unfolded_input(name, dtype):
    """`conv2d` and the like take at most 1.5 times the bytes of result and input unfolded for a product."""
    function, (x, weight) = subject(name), numbers_of(CONVOLUTIONS[name], dtype)
    y = function(x, weight)
    unfolded = bytes_of(y[:, :1]) * math.prod(weight.shape[1:])
    assert 0 < peak(function, x, weight) <= 1.5 * (bytes_of(y) + unfolded)


def adds_by_a_copy(patch):
    """`add_` adds, and copies the sum back."""
    patch.setattr(torch.Tensor, "add_", lambda x, y: x.copy_(x + y))


@fact("torch.Tensor.add_", "torch.Tensor.add", refuter=adds_by_a_copy)
def test_of_adding_in_place_is_none():
    """`add_` takes no bytes, where `add` takes those of its result."""
    x = torch.rand(1000)
    assert (peak(lambda: x.add_(x)), peak(lambda: x.add(x))) == (0, 4000)


def expands_by_copies(patch):
    """`expand` copies."""
    patch.setattr(torch.Tensor, "expand", lambda x, n, _: x.repeat(n, 1))


@fact("torch.Tensor.expand", "torch.Tensor.repeat", refuter=expands_by_copies)
def test_of_expand_is_none():
    """`expand` takes no bytes, where `repeat` takes those of all its copies."""
    x = torch.rand(1, 100)
    assert peak(lambda: x.expand(50, -1)) == 0 < 50 * 400 <= peak(lambda: x.repeat(50, 1))


@fact("torch.nn.functional.relu", refuter=larger("torch.nn.functional.relu"))
def test_of_a_chain_is_that_of_two_results():
    """A chain of five `relu` takes the bytes of two results at once, where nothing is recorded or kept."""
    x = torch.rand(1000)

    def chain(y):
        for _ in range(5):
            y = torch.nn.functional.relu(y)
        return y

    assert peak(chain, x) == 2 * 4000
