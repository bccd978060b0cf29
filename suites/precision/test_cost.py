"""What 16 bits cost beside float32: a dtype without kernels of its own loses time by factors, not by percents."""

import pytest
import torch

from torchproof import fact, race
from torchproof.fixtures.fact import subject
from torchproof.fixtures.hardware import need
from torchproof.fixtures.race import slower

pytestmark = pytest.mark.bench

# Made up of large products of matrices, for which a CPU has instructions of its own, or has not.
MATRICES = {
    "torch.matmul": lambda make: (make(96, 96), make(96, 96)),
    "torch.bmm": lambda make: (make(8, 64, 64), make(8, 64, 64)),
}
IMAGES = {"torch.nn.functional.conv2d": lambda make: (make(1, 16, 32, 32), make(16, 16, 3, 3))}
LINEAR = {"torch.nn.functional.linear": lambda make: (make(96, 96), make(96, 96), make(96))}
VECTOR = {"torch.mv": lambda make: (make(256, 256), make(256))}
CONVOLUTIONS = {
    "torch.nn.functional.conv1d": lambda make: (make(2, 16, 256), make(16, 16, 3)),
    "torch.nn.functional.conv3d": lambda make: (make(1, 8, 8, 16, 16), make(8, 8, 3, 3, 3)),
    "torch.nn.functional.conv_transpose2d": lambda make: (make(1, 16, 16, 16), make(16, 16, 3, 3)),
}
ATTENTION = {
    "torch.nn.functional.scaled_dot_product_attention": lambda make: [make(1, 4, 64, 32) for _ in range(3)],
}
GELU = {"torch.nn.functional.gelu": lambda make: (make(1 << 15),)}
EXPONENTIALS = {"torch.exp": lambda make: (make(1 << 15),), "torch.tanh": lambda make: (make(1 << 15),)}
POINTWISE = {
    "torch.add": lambda make: (make(1 << 15), make(1 << 15)),
    "torch.sigmoid": lambda make: (make(1 << 15),),
    "torch.nn.functional.relu": lambda make: (make(1 << 15),),
}
NORMALISATIONS = {
    "torch.softmax": lambda make: (make(128, 256), -1),
    "torch.nn.functional.batch_norm": lambda make: (make(4, 16, 32, 32), make(16), make(16), None, None, True),
    "torch.nn.functional.group_norm": lambda make: (make(4, 16, 32, 32), 4),
}
LAYER_NORM = {"torch.nn.functional.layer_norm": lambda make: (make(128, 256), [256])}
SUM = {"torch.sum": lambda make: (make(1 << 16),)}
IN_BFLOAT16 = POINTWISE | NORMALISATIONS | LAYER_NORM | SUM
BY_ONEDNN = VECTOR | LINEAR | IMAGES
IN_ONEDNN_ONCE = CONVOLUTIONS | GELU
IN_HALF = VECTOR | CONVOLUTIONS | ATTENTION | IMAGES | LINEAR
WORKS = IN_BFLOAT16 | MATRICES | IN_ONEDNN_ONCE | IN_HALF | EXPONENTIALS


def work(name, dtype):
    """A call of the function of this name on numbers of a dtype."""
    function, arguments = subject(name), WORKS[name](lambda *shape: torch.rand(shape).to(dtype))
    return lambda: function(*arguments)


def in_float32(argument):
    return argument.float() if isinstance(argument, torch.Tensor) else argument


# A thousand times what float32 takes, since 16 bits take a tenth of that on one CPU and forty times as much on another.
slow_in_16_bits = slower(*WORKS, when=lambda x: x.dtype != torch.float32, times=1000, like=in_float32)


@fact(*IN_BFLOAT16, refuter=slow_in_16_bits)
@pytest.mark.parametrize("name", IN_BFLOAT16)
def test_of_bfloat16_is_less_than_ten_times_that_of_float32(name, numbers):
    """`add`, `sigmoid`, `softmax`, `sum` and the like in bfloat16 take less than ten times the time in float32."""
    assert race(work(name, torch.bfloat16), work(name, torch.float32), numbers).ratio_below(10)


@fact(*IN_ONEDNN_ONCE, where="before 2.2: oneDNN multiplies bfloat16", refuter=slow_in_16_bits)
@pytest.mark.parametrize("name", IN_ONEDNN_ONCE)
def test_of_a_convolution_or_gelu_in_bfloat16_is_less_than_ten_times_that_of_float32(name, numbers):
    """`conv1d`, `conv3d`, `conv_transpose2d` or `gelu` in bfloat16 takes less than ten times the time in float32."""
    assert race(work(name, torch.bfloat16), work(name, torch.float32), numbers).ratio_below(10)


@fact(*ATTENTION, where="before 2.1: oneDNN multiplies bfloat16", refuter=slow_in_16_bits)
@pytest.mark.parametrize("name", ATTENTION)
def test_of_attention_in_bfloat16_is_less_than_ten_times_that_of_float32(name, numbers):
    """`scaled_dot_product_attention` in bfloat16 takes less than ten times the time in float32."""
    assert race(work(name, torch.bfloat16), work(name, torch.float32), numbers).ratio_below(10)


@fact(*BY_ONEDNN, refuter=slow_in_16_bits)
@pytest.mark.parametrize("name", BY_ONEDNN)
def test_of_mv_or_a_layer_in_bfloat16_is_less_than_ten_times_that_of_float32(name, numbers):
    """`mv`, `linear` or `conv2d` in bfloat16 takes less than ten times the time in float32."""
    need("oneDNN multiplies bfloat16")
    assert race(work(name, torch.bfloat16), work(name, torch.float32), numbers).ratio_below(10)


@fact(
    *MATRICES,
    where="oneDNN multiplies bfloat16",
    refuter=slow_in_16_bits,
    hint="compute in float32 on this CPU: bfloat16 saves memory here, and loses time",
)
@pytest.mark.parametrize("name", MATRICES)
def test_of_a_product_of_bfloat16_is_less_than_ten_times_that_of_float32(name, numbers):
    """`matmul` or `bmm` in bfloat16 takes less than ten times the time in float32."""
    need("torch's kernels are vectorised")
    assert race(work(name, torch.bfloat16), work(name, torch.float32), numbers).ratio_below(10)


@fact(
    *MATRICES,
    since="2.2",
    calls="names float16|half",
    gain=True,
    refuter=slow_in_16_bits,
    myth="half precision saves time wherever it saves memory",
    hint="on the CPU take bfloat16: its range is that of float32, and its kernels are older",
)
@pytest.mark.parametrize("name", MATRICES)
def test_of_matrices_of_halves_is_less_than_a_hundred_times_that_of_float32(name, numbers):
    """`matmul` or `bmm` in half takes less than a hundred times the time in float32."""
    need("torch's kernels are vectorised")
    assert race(work(name, torch.half), work(name, torch.float32), numbers).ratio_below(100)


@fact(*IN_HALF, since="2.2", calls="names float16|half", gain=True, refuter=slow_in_16_bits)
@pytest.mark.parametrize("name", IN_HALF)
def test_of_a_product_of_halves_is_less_than_a_hundred_times_that_of_float32(name, numbers):
    """`mv`, `linear`, a convolution or attention in half takes less than a hundred times the time in float32."""
    assert race(work(name, torch.half), work(name, torch.float32), numbers).ratio_below(100)


@fact("torch.exp", refuter=slow_in_16_bits)
def test_of_exp_of_bfloat16_is_less_than_eight_times_that_of_float32(numbers):
    """`exp` in bfloat16 takes less than eight times the time in float32."""
    need("torch's kernels are vectorised")
    assert race(work("torch.exp", torch.bfloat16), work("torch.exp", torch.float32), numbers).ratio_below(8)


@fact("torch.exp", since="2.1", calls="names float16|half", gain=True, refuter=slow_in_16_bits)
def test_of_exp_of_halves_is_less_than_eight_times_that_of_float32(numbers):
    """`exp` in half takes less than eight times the time in float32."""
    need("torch's kernels are vectorised")
    assert race(work("torch.exp", torch.half), work("torch.exp", torch.float32), numbers).ratio_below(8)


@fact("torch.tanh", refuter=slow_in_16_bits)
def test_of_tanh_of_bfloat16_is_less_than_twenty_times_that_of_float32(numbers):
    """`tanh` in bfloat16 takes less than twenty times the time in float32."""
    need("torch's kernels are vectorised")
    assert race(work("torch.tanh", torch.bfloat16), work("torch.tanh", torch.float32), numbers).ratio_below(20)


@fact("torch.tanh", since="2.1", calls="names float16|half", gain=True, refuter=slow_in_16_bits)
def test_of_tanh_of_halves_is_less_than_twenty_times_that_of_float32(numbers):
    """`tanh` in half takes less than twenty times the time in float32."""
    need("torch's kernels are vectorised")
    assert race(work("torch.tanh", torch.half), work("torch.tanh", torch.float32), numbers).ratio_below(20)


@fact(*POINTWISE, *GELU, since="2.1", calls="names float16|half", gain=True, refuter=slow_in_16_bits)
@pytest.mark.parametrize("name", POINTWISE | GELU)
def test_of_a_pointwise_function_of_halves_is_less_than_ten_times_that_of_float32(name, numbers):
    """`add`, `sigmoid`, `relu` or `gelu` of halves takes less than ten times the time in float32."""
    need("torch's kernels are vectorised")
    assert race(work(name, torch.half), work(name, torch.float32), numbers).ratio_below(10)


@fact(*NORMALISATIONS, since="2.2", calls="names float16|half", gain=True, refuter=slow_in_16_bits)
@pytest.mark.parametrize("name", NORMALISATIONS)
def test_of_a_normalisation_of_halves_is_less_than_ten_times_that_of_float32(name, numbers):
    """`softmax`, `batch_norm` and `group_norm` of halves take less than ten times the time in float32."""
    assert race(work(name, torch.half), work(name, torch.float32), numbers).ratio_below(10)


@fact(*LAYER_NORM, since="2.3", calls="names float16|half", gain=True, refuter=slow_in_16_bits)
@pytest.mark.parametrize("name", LAYER_NORM)
def test_of_layer_norm_of_halves_is_less_than_ten_times_that_of_float32(name, numbers):
    """`layer_norm` of halves takes less than ten times the time in float32."""
    assert race(work(name, torch.half), work(name, torch.float32), numbers).ratio_below(10)


@fact("torch.sum", since="2.3", calls="names float16|half", gain=True, refuter=slow_in_16_bits)
def test_of_a_sum_of_halves_is_less_than_five_times_that_of_float32(numbers):
    """`sum` of halves takes less than five times the time in float32."""
    need("torch's kernels are vectorised")
    assert race(work("torch.sum", torch.half), work("torch.sum", torch.float32), numbers).ratio_below(5)


@fact(
    "torch.matmul",
    "torch.nn.functional.conv2d",
    "torch.exp",
    "torch.sum",
    refuter=slower(*WORKS, when=lambda x: x.dtype == torch.float64),
)
@pytest.mark.parametrize("name", ["torch.matmul", "torch.nn.functional.conv2d", "torch.exp", "torch.sum"])
def test_of_float64_is_less_than_ten_times_that_of_float32(name, numbers):
    """`matmul`, `conv2d`, `exp` or `sum` in float64 takes less than ten times the time in float32."""
    assert race(work(name, torch.float64), work(name, torch.float32), numbers).ratio_below(10)


@fact(
    "torch.matmul",
    myth="integers are faster than floating-point numbers",
    refuter=slower("torch.matmul", when=lambda x: x.dtype == torch.float32),
)
def test_of_a_product_of_integers_is_more_than_that_of_float32(numbers):
    """`matmul` of int64 takes more time than of float32, at 128 by 128, as only the latter has BLAS."""
    need("torch's BLAS is made for the CPU")
    integers, floats = (torch.ones(128, 128, dtype=dtype) for dtype in (torch.int64, torch.float32))
    assert race(lambda: torch.matmul(integers, integers), lambda: torch.matmul(floats, floats), numbers).ratio_above(1)
