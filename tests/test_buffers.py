"""The tensors of a call get new memory, and nothing else about them changes."""

import functools
import random

import pytest
import torch

from fixtures.buffers import LINE, move


def moved(*values, f=None):
    """Move the values as arguments; which of them these are now."""
    args, _ = move(f, values, {}, random.Random(0))
    return args


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.bool, torch.complex64], ids=str)
def test_a_tensor_keeps_its_contents(dtype):
    x = torch.arange(6).to(dtype)
    before, place = x.clone(), x.data_ptr()
    moved(x)
    assert x.data_ptr() != place
    assert torch.equal(x, before)


def test_offsets_differ_and_are_of_whole_lines():
    x, coin, offsets = torch.zeros(10), random.Random(0), set()
    for _ in range(20):
        move(None, [x], {}, coin)
        offsets.add(x.data_ptr() % 4096)
    assert len(offsets) > 10
    assert {offset % LINE for offset in offsets} == {0}


def test_its_storage_is_as_large_as_before():
    x = torch.zeros(10)
    moved(x)
    assert (x.untyped_storage().nbytes(), x.storage_offset()) == (40, 0)


def test_strides_are_kept():
    x = torch.rand(3, 5).t()[1:]
    before = x.clone()
    moved(x)
    assert (x.stride(), x.storage_offset()) == ((1, 5), 1)
    assert torch.equal(x, before)


def test_what_shares_memory_goes_on_sharing_it():
    x = torch.zeros(4)
    y = x.view(2, 2)
    moved([x, {"y": y}])
    x[0] = 7
    assert y[0, 0] == 7


def test_an_optimizer_still_knows_its_parameters():
    layer = torch.nn.Linear(2, 1, bias=False)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0, momentum=0.9)
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    places = [x.data_ptr() for x in (layer.weight, layer.weight.grad, *optimizer.state[layer.weight].values())]
    moved(optimizer.step)
    assert not {x.data_ptr() for x in (layer.weight, layer.weight.grad)} & set(places)
    before = layer.weight.clone()
    optimizer.step()
    assert torch.allclose(layer.weight, before - 1.9)


def test_finds_tensors_in_what_is_called():
    x, y, layer = torch.zeros(2), torch.zeros(2), torch.nn.Linear(2, 2)
    places = x.data_ptr(), y.data_ptr(), layer.weight.data_ptr()
    for f in (lambda: x, functools.partial(torch.add, y), layer.forward):
        moved(f=f)
    assert all(tensor.data_ptr() != place for tensor, place in zip((x, y, layer.weight), places))


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize("layout", ["coo", "csr", "csc", "bsr"])
def test_a_sparse_tensor_keeps_its_contents(layout):
    dense = torch.eye(4)
    x = {"coo": dense.to_sparse, "csr": dense.to_sparse_csr, "csc": dense.to_sparse_csc}.get(
        layout, lambda: dense.to_sparse_bsr((2, 2))
    )()
    place = x._values().data_ptr() if layout == "coo" else x.values().data_ptr()
    [y] = moved(x)
    assert (y._values() if layout == "coo" else y.values()).data_ptr() != place
    assert y.layout == x.layout
    assert torch.equal(y.to_dense(), dense)


def test_whether_a_gradient_is_asked_for_is_kept():
    x = torch.ones(2, requires_grad=True)
    moved(x)
    (2 * x).sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_leaves_alone_what_other_processes_see():
    x = torch.zeros(4).share_memory_()
    place = x.data_ptr()
    moved(x)
    assert x.data_ptr() == place


def test_a_conjugate_keeps_its_values():
    x = torch.tensor([1 + 2j]).conj()
    moved(x)
    assert x.tolist() == [1 - 2j]


def test_an_empty_tensor_and_a_cycle_are_no_matter():
    cycle = [torch.empty(0)]
    cycle.append(cycle)
    assert moved(cycle) == [cycle]
