"""What benchmarks work on is laid out as it is called, and its bytes are counted."""

import pytest
import torch
from torch import nn

from fixtures.work import LAYOUTS, forward_and_backward, nbytes, random, repeated


@pytest.mark.parametrize(
    ("layout", "strides"),
    [
        ("contiguous", (60, 20, 5, 1)),
        ("transposed", (60, 20, 1, 4)),
        ("strided", (120, 40, 10, 2)),
        ("channels_last", (60, 1, 15, 3)),
    ],
)
def test_a_layout_is_seen_in_the_strides(layout, strides):
    assert random(2, 3, 4, 5, layout=layout).stride() == strides


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "channels_last_3d"])
def test_a_layout_changes_no_element(layout):
    x = torch.rand(2, 3, 4, 5)
    assert torch.equal(LAYOUTS[layout](x), x)


def test_a_dtype_is_given_by_its_name():
    assert random(2, dtype="bfloat16").dtype == torch.bfloat16


def test_the_bytes_of_tensors_are_those_of_their_elements():
    assert nbytes(torch.zeros(3, 4), [torch.zeros(2, dtype=torch.int8)]) == 48 + 2


def test_the_bytes_of_a_module_are_those_of_its_parameters():
    assert nbytes(nn.Linear(2, 3)) == 4 * (6 + 3)


@pytest.mark.parametrize(
    ("layout", "indices"), [("sparse_coo", 2 * 2), ("sparse_csr", 4 + 2), ("sparse_csc", 6 + 2), ("sparse_bsr", 4 + 2)]
)
@pytest.mark.filterwarnings("ignore:Sparse")
def test_the_bytes_of_a_sparse_tensor_are_those_it_stores(layout, indices):
    dense = torch.zeros(3, 5)
    dense[0, 1] = dense[2, 4] = 1
    blocks = {"blocksize": (1, 1)} if layout == "sparse_bsr" else {}
    assert nbytes(dense.to_sparse(layout=getattr(torch, layout), **blocks)) == 8 * indices + 4 * 2


def test_what_is_repeated_is_called_a_hundred_times():
    calls = []
    repeated(calls.append, 1)
    assert len(calls) == 100


def test_gradients_are_of_the_inputs_that_want_one_and_of_the_parameters():
    layer, x = nn.Linear(2, 3), torch.ones(1, 2, requires_grad=True)
    of_x, of_weight, of_bias = forward_and_backward(layer, torch.ones(1, 3), x)
    assert torch.equal(of_x, layer.weight.sum(0, keepdim=True)) and of_weight.shape == (3, 2)
    assert of_bias.tolist() == [1, 1, 1]
    assert x.grad is None
