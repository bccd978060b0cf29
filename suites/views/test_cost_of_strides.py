"""What it costs that elements do not lie one after the other: within ten times, or a kernel has fallen back."""

import pytest
import torch

from torchproof import fact, race
from torchproof.fixtures.fact import subject
from torchproof.fixtures.race import slower

pytestmark = pytest.mark.bench

LAYOUTS = {
    "transposed": lambda x: x.t().contiguous().t(),
    "every_second": lambda x: torch.stack((x, x), -1)[..., 0],
    "expanded": lambda x: x[:1].expand_as(x),
}
FUNCTIONS = {
    "torch.clone": lambda x: (x,),
    "torch.exp": lambda x: (x,),
    "torch.sum": lambda x: (x,),
    "torch.cumsum": lambda x: (x, 0),
    "torch.softmax": lambda x: (x, -1),
    "torch.matmul": lambda x: (x, x),
    "torch.add": lambda x: (x, x),
    "torch.nn.functional.layer_norm": lambda x: (x, x.shape[1:]),
}
IMAGES = {
    "torch.nn.functional.conv2d": lambda x: (x, torch.ones(16, 16, 3, 3)),
    "torch.nn.functional.conv_transpose2d": lambda x: (x, torch.ones(16, 16, 3, 3)),
    "torch.nn.functional.max_pool2d": lambda x: (x, 2),
    "torch.nn.functional.avg_pool2d": lambda x: (x, 2),
    "torch.nn.functional.batch_norm": lambda x: (x, torch.zeros(16), torch.ones(16)),
    "torch.nn.functional.group_norm": lambda x: (x, 4),
    "torch.nn.functional.relu": lambda x: (x,),
    "torch.nn.functional.interpolate": lambda x: (x, None, 2),
}


@fact(*FUNCTIONS, refuter=slower(*FUNCTIONS, when=lambda x: not x.is_contiguous()))
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_of_strides_is_less_than_tenfold(name, layout, numbers):
    """`torch.exp`, `sum`, `matmul` and others of a 256 × 256 matrix take under 10 times as long if it is strided."""
    function, arguments = subject(name), FUNCTIONS[name]
    x = torch.rand(256, 256)
    strided, contiguous = arguments(LAYOUTS[layout](x)), arguments(x)
    assert race(lambda: function(*strided), lambda: function(*contiguous), numbers).ratio_below(10)


@fact(
    "torch.matmul",
    hint="write x.t() @ y: no copy is needed before",
    refuter=slower("torch.matmul", when=lambda x: not x.is_contiguous()),
)
def test_of_a_product_with_a_transposed_matrix_is_less_than_double(numbers):
    """`torch.matmul(x.t(), y)` takes less than twice the time of `torch.matmul(x, y)`, at 256 × 256."""
    x, y = torch.rand(256, 256), torch.rand(256, 256)
    assert race(lambda: torch.matmul(x.t(), y), lambda: torch.matmul(x, y), numbers).ratio_below(2)


@fact(*IMAGES, refuter=slower(*IMAGES, when=lambda x: not x.is_contiguous()))
@pytest.mark.parametrize("name", IMAGES)
def test_of_channels_last_is_less_than_tenfold(name, numbers):
    """`conv2d`, `max_pool2d` and others take under ten times as long in channels_last as on contiguous images."""
    function, arguments = subject(name), IMAGES[name]
    x = torch.rand(2, 16, 32, 32)
    last, first = arguments(x.contiguous(memory_format=torch.channels_last)), arguments(x)
    assert race(lambda: function(*last), lambda: function(*first), numbers).ratio_below(10)


@fact(*IMAGES, refuter=slower(*IMAGES, when=lambda x: x.is_contiguous()))
@pytest.mark.parametrize("name", IMAGES)
def test_of_channels_first_is_less_than_twentyfold(name, numbers):
    """`conv2d`, `max_pool2d` and others take under twenty times as long on contiguous images as in channels_last."""
    function, arguments = subject(name), IMAGES[name]
    x = torch.rand(2, 16, 32, 32)
    last, first = arguments(x.contiguous(memory_format=torch.channels_last)), arguments(x)
    assert race(lambda: function(*first), lambda: function(*last), numbers).ratio_below(20)
