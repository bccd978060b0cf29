"""Errors of numbers, lists and arrays, as people paste them: the words, the cause, and that the cure is one."""

import numpy
import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.suites.troubleshooting.known import summing

AMBIGUOUS = "Boolean value of Tensor with more than one value is ambiguous"


@fact("torch.Tensor.numpy", "torch.Tensor.detach", hint="x.detach().cpu().numpy()")
def test_of_what_requires_grad_are_detached_for_numpy(device):
    """`numpy()` raises "Can't call numpy() on Tensor that requires grad", until `detach()` and `cpu()`."""
    x = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        x.cpu().numpy()
    assert x.detach().cpu().numpy().tolist() == [1.0, 2.0]


@fact("torch.Tensor.item", "torch.Tensor.mean", hint="x.mean().item(), x[0].item() or x.tolist()")
def test_that_are_several_are_no_item(device):
    """`item()` raises "a Tensor with 2 elements cannot be converted to Scalar", of `mean()` or by `tolist()` not."""
    x = torch.tensor([1.0, 2.0], device=device)
    with pytest.raises(RuntimeError, match="a Tensor with 2 elements cannot be converted to Scalar"):
        x.item()
    assert (x.mean().item(), x.tolist()) == (1.5, [1.0, 2.0])


@fact("torch.nn.MSELoss", "torch.nn.CrossEntropyLoss", hint="nn.MSELoss()(output, target): make the loss, then call it")
@pytest.mark.parametrize(("kind", "loss"), [("MSELoss", 5000.5), ("CrossEntropyLoss", 100.0)])
def test_that_are_given_to_the_constructor_of_a_loss_are_ambiguous(device, kind, loss):
    """`nn.MSELoss(x, y)` raises "Boolean value of Tensor with more than one value is ambiguous"; `()(x, y)` not."""
    x, y = torch.tensor([[100.0, 0.0]], device=device), torch.tensor([[0.0, 1.0]], device=device)
    with pytest.raises(RuntimeError, match=AMBIGUOUS):
        getattr(nn, kind)(x, y)
    same(getattr(nn, kind)()(x, y), torch.tensor(loss))


@fact("torch.equal", hint="torch.equal(a, b), (a == b).all() or torch.allclose(a, b)")
def test_of_a_comparison_are_many_answers(device):
    """`if a == b` raises "Boolean value of Tensor with more than one value is ambiguous", `equal` is one answer."""
    a, b = torch.tensor([1, 2], device=device), torch.tensor([1, 3], device=device)
    with pytest.raises(RuntimeError, match=AMBIGUOUS):
        bool(a.eq(b))
    assert (torch.equal(a, a), torch.equal(a, b), (a == b).tolist()) == (True, False, [True, False])


@fact("torch.Tensor.gt", hint="(x > 0) & (x < 2), with the brackets")
def test_of_two_conditions_are_joined_by_a_sign(device):
    """`x > 0 and x < 2` raises "Boolean value of Tensor with more than one value is ambiguous", `&` joins them."""
    x = torch.tensor([-1, 1, 3], device=device)
    with pytest.raises(RuntimeError, match=AMBIGUOUS):
        x > 0 and x < 2
    same((x > 0) & (x < 2), torch.tensor([False, True, False]))
    same(x.gt(0).logical_and(x < 2), torch.tensor([False, True, False]))


@fact("torch.Tensor.__bool__", hint="any(t is x for t in tensors): identity, not equality")
def test_are_looked_for_in_a_list_by_identity(device):
    """`x in tensors` raises "Boolean value of Tensor with more than one value is ambiguous" behind another tensor."""
    x, other = torch.tensor([1, 2], device=device), torch.tensor([1, 3], device=device)
    with pytest.raises(RuntimeError, match=AMBIGUOUS):
        x in [other, x]
    assert any(tensor is x for tensor in [other, x])


@fact("torch.stack", "torch.tensor", hint="torch.stack(tensors)")
def test_in_a_list_of_tensors_are_stacked(device):
    """`torch.tensor` of tensors raises "only one element tensors can be converted to Python scalars"; not `stack`."""
    rows = [torch.tensor([1.0, 2.0], device=device), torch.tensor([3.0, 4.0], device=device)]
    with pytest.raises(ValueError, match="only one element tensors can be converted to Python scalars"):
        torch.tensor(rows)
    same(torch.stack(rows), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))


@fact("torch.Tensor.__index__", "torch.Tensor.__len__", hint="range(len(x)), or range(int(n))")
def test_that_count_a_loop_are_whole(device):
    """`range(x)` raises "only integer tensors of a single element can be converted to an index"; `len(x)` not."""
    x = torch.tensor([5.0, 6.0], device=device)
    with pytest.raises(TypeError, match="only integer tensors of a single element can be converted to an index"):
        range(x)
    assert list(range(len(x))) == [0, 1]


@fact("torch.from_numpy", hint="it is a tensor already; torch.as_tensor takes both")
def test_that_are_a_tensor_already_are_no_array():
    """`from_numpy` of a tensor raises "expected np.ndarray (got Tensor)", where `as_tensor` takes both."""
    x = torch.tensor([1.0, 2.0])
    with pytest.raises(TypeError, match=r"expected np.ndarray \(got Tensor\)"):
        torch.from_numpy(x)
    same(torch.from_numpy(x.numpy()), torch.as_tensor(x))


@fact("torch.nn.Linear", "torch.as_tensor", hint="torch.as_tensor(x, dtype=torch.float32)")
@pytest.mark.parametrize(
    "x", [numpy.ones((3, 2)), [[1.0, 1.0]] * 3, ((1.0, 1.0),) * 3], ids=["numpy.ndarray", "list", "tuple"]
)
def test_that_a_layer_takes_are_a_tensor(x):
    """`Linear` of an array or a list raises "linear(): argument 'input' (position 1) must be Tensor, not list"."""
    layer = summing(nn.Linear(2, 1))
    with pytest.raises(TypeError, match=r"argument 'input' \(position 1\) must be Tensor, not [nlt]"):
        layer(x)
    same(layer(torch.as_tensor(x, dtype=torch.float32)), torch.full((3, 1), 2.0))


@fact("torch.nn.LSTM", "torch.nn.Linear", hint="outputs, (h, c) = lstm(x); linear(outputs)")
def test_of_a_recurrent_layer_are_a_pair(device):
    """What `LSTM` gives is a tuple: "must be Tensor, not tuple", "'tuple' object has no attribute 'size'"."""
    lstm, head = nn.LSTM(2, 3, device=device), summing(nn.Linear(3, 1), device)
    x = torch.rand(5, 2, device=device)
    with pytest.raises(TypeError, match="must be Tensor, not tuple"):
        nn.Sequential(lstm, head)(x)
    with pytest.raises(AttributeError, match="'tuple' object has no attribute 'size'"):
        lstm(x).size()
    outputs, (last, _) = lstm(x)
    same(head(outputs)[-1:], head(last))


@fact("torch.Tensor.shape", "torch.Tensor.size", hint="x.shape, or x.size()")
def test_of_a_shape_are_not_called(device):
    """`x.shape()` raises "'torch.Size' object is not callable", where `x.shape` and `x.size()` are the shape."""
    x = torch.ones(2, 3, device=device)
    with pytest.raises(TypeError, match="'torch.Size' object is not callable"):
        x.shape()
    assert x.shape == x.size() == (2, 3)


@fact("torch.Tensor.size", hint="x.size(0), or len(x); size is a method of tensors and a number of arrays")
def test_of_a_size_are_called(device):
    """`x.size > 1` raises "not supported between instances of 'builtin_function_or_method'", `x.size(0)` not."""
    x = torch.ones(2, 3, device=device)
    with pytest.raises(TypeError, match="not supported between instances of '.*method' and 'int'"):
        x.size > 1
    assert x.size(0) == 2


@fact("torch.from_numpy", hint="array[:, ::-1].copy()")
def test_of_a_flipped_image_are_copied():
    """`from_numpy` of a flipped image: "At least one stride in the given numpy array is negative", until `copy()`."""
    image = numpy.array([[1.0, 2.0]])
    with pytest.raises(ValueError, match="At least one stride in the given numpy array is negative"):
        torch.from_numpy(image[:, ::-1])
    same(torch.from_numpy(image[:, ::-1].copy()), torch.tensor([[2.0, 1.0]], dtype=torch.float64))


@fact("torch.from_numpy", hint="numpy.array(image), which copies")
def test_of_a_read_only_array_are_copied(every_warning):
    """`from_numpy` of a read-only array, as of a PIL image: "The given NumPy array is not writable"; of a copy not."""
    array = numpy.array([1.0, 2.0])
    array.flags.writeable = False
    with pytest.warns(UserWarning, match="The given NumPy array is not writable"):
        torch.from_numpy(array)
    same(torch.from_numpy(numpy.array(array)), torch.tensor([1.0, 2.0], dtype=torch.float64))


@fact("torch.tensor", "torch.from_numpy", hint="torch.from_numpy(numpy.stack(arrays))")
def test_in_a_list_of_arrays_are_stacked_first(every_warning):
    """`torch.tensor` warns "Creating a tensor from a list of numpy.ndarrays is extremely slow", stacked it does not."""
    rows = [numpy.array([1.0, 2.0]), numpy.array([3.0, 4.0])]
    with pytest.warns(UserWarning, match="Creating a tensor from a list of numpy.ndarrays is extremely slow"):
        slow = torch.tensor(rows)
    same(torch.from_numpy(numpy.stack(rows)), slow)
