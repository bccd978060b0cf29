"""What holds where nobody has set anything: dtype, layout, device and threads."""

import re
from collections.abc import Iterator
from functools import partial

import pytest
import torch

from torchproof import fact, same


@pytest.fixture
def threads() -> Iterator[int]:
    """The number of threads, which is put back afterwards."""
    before = torch.get_num_threads()
    yield before
    torch.set_num_threads(before)


@fact("torch.get_default_dtype")
def test_dtype_is_float32():
    """`torch.get_default_dtype` gives float32 where nobody has set another."""
    assert torch.get_default_dtype() is torch.float32


@fact("torch.ones", "torch.full")
@pytest.mark.parametrize("name", ["ones", "full"])
def test_layout_is_row_major(device, name):
    """`torch.ones` and `torch.full` give the default dtype and row-major strides."""
    x = {"ones": torch.ones, "full": partial(torch.full, fill_value=1.0)}[name]((2, 3), device=device)
    same(x, torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]))
    assert x.stride() == (3, 1)


def on_meta(patch):
    ones = torch.ones
    patch.setattr(torch, "ones", lambda *size: ones(*size, device="meta"))


@fact("torch.ones", refuter=on_meta)
def test_device_is_the_cpu():
    """`torch.ones` makes its tensor on the CPU unless another device is named, also where there is a GPU."""
    assert torch.ones(2).device == torch.device("cpu")


@fact("torch.get_default_device")
def test_default_device_is_the_cpu():
    """`torch.get_default_device` says that the default device is the CPU."""
    assert torch.get_default_device() == torch.device("cpu")


@fact("torch.get_num_threads")
def test_threads_are_at_least_one():
    """`torch.get_num_threads` gives a whole number of threads, one or more."""
    assert type(torch.get_num_threads()) is int
    assert torch.get_num_threads() >= 1


@fact("torch.set_num_threads", "torch.get_num_threads")
@pytest.mark.parametrize("number", [1, 2, 3])
def test_threads_are_as_many_as_were_set(threads, number):
    """`torch.get_num_threads` gives the number that `torch.set_num_threads` was given."""
    torch.set_num_threads(number)
    assert torch.get_num_threads() == number


@fact("torch.set_num_threads")
@pytest.mark.parametrize("number", [0, -1])
def test_threads_are_not_fewer_than_one(threads, number):
    """`torch.set_num_threads` refuses a number below 1, "expects a positive integer", and leaves it as it was."""
    with pytest.raises(RuntimeError, match="expects a positive integer"):
        torch.set_num_threads(number)
    assert torch.get_num_threads() == threads


@fact("torch.__config__.parallel_info", "torch.get_num_threads")
def test_threads_are_told_by_parallel_info(threads):
    """`torch.__config__.parallel_info` tells the number of threads that `torch.get_num_threads` gives."""
    torch.set_num_threads(3)
    assert re.search(r"get_num_threads\(\) : (\d+)", torch.__config__.parallel_info())[1] == "3"


@fact("torch.get_num_interop_threads")
def test_interop_threads_are_told_by_parallel_info():
    """`torch.get_num_interop_threads` gives the number that `torch.__config__.parallel_info` tells."""
    told = re.search(r"get_num_interop_threads\(\) : (\d+)", torch.__config__.parallel_info())[1]
    assert torch.get_num_interop_threads() == int(told)


@fact("torch.get_num_interop_threads")
def test_interop_threads_are_at_least_one():
    """`torch.get_num_interop_threads` gives a whole number of threads, one or more."""
    assert type(torch.get_num_interop_threads()) is int
    assert torch.get_num_interop_threads() >= 1
