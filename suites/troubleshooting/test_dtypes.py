"""Errors of dtypes, as people paste them into a search box: the words, the cause, and that the cure is one."""

import math

import numpy
import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.suites.troubleshooting.known import summing

NOT_LONG = "expected (scalar type Long but found|target dtype to be Long or Byte, but got) "
NOT_ONE = r"must have the same dtype|to have the same dtype|expected scalar type \w+ but found \w+"


@fact("torch.nn.CrossEntropyLoss", "torch.Tensor.long", hint="target.long()")
@pytest.mark.cpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.int32, torch.bool])
def test_of_classes_are_made_long(dtype):
    """`CrossEntropyLoss` raises "expected scalar type Long but found Float", or "to be Long", until `y.long()`."""
    logits, y = torch.tensor([[1e4, 0.0], [0.0, 1e4]]), torch.tensor([1, 1]).to(dtype)
    loss = nn.CrossEntropyLoss(reduction="none")
    with pytest.raises(RuntimeError, match=NOT_LONG):
        loss(logits, y)
    same(loss(logits, y.long()), torch.tensor([1e4, 0.0]))


@fact("torch.nn.CrossEntropyLoss", hint="one_hot.argmax(1), or one_hot.float() for shares")
def test_of_one_hot_classes_are_floats(device):
    """`CrossEntropyLoss` of one-hot integers raises "Expected floating point type for target", until `float()`."""
    logits, y = torch.tensor([[1e4, 0.0]], device=device), torch.tensor([[0, 1]], device=device)
    with pytest.raises(RuntimeError, match="Expected floating point type for target with class probabilities"):
        nn.CrossEntropyLoss()(logits, y)
    same(nn.CrossEntropyLoss()(logits, y.float()), torch.tensor(1e4))
    same(nn.CrossEntropyLoss()(logits, y.argmax(1)), torch.tensor(1e4))


@fact("torch.nn.BCELoss", "torch.Tensor.float", hint="target.float()")
def test_of_binary_classes_are_floats(device):
    """`BCELoss` of integer targets raises "Found dtype Long but expected Float", until `target.float()`."""
    shares, y = torch.tensor([1.0, 0.0], device=device), torch.tensor([1, 1], device=device)
    with pytest.raises(RuntimeError, match="Found dtype Long but expected Float"):
        nn.BCELoss()(shares, y)
    same(nn.BCELoss(reduction="none")(shares, y.float()), torch.tensor([0.0, 100.0]))


@fact("torch.nn.BCEWithLogitsLoss", hint="target.float()")
def test_of_binary_classes_are_floats_for_logits_too(device):
    """`BCEWithLogitsLoss` of integers: "result type Float can't be cast to the desired output type Long"."""
    logits, y = torch.tensor([500.0, -500.0], device=device), torch.tensor([1, 1], device=device)
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output type Long"):
        nn.BCEWithLogitsLoss()(logits, y)
    same(nn.BCEWithLogitsLoss(reduction="none")(logits, y.float()), torch.tensor([0.0, 500.0]))


@fact("torch.nn.BCELoss", hint="BCEWithLogitsLoss of the logits, or sigmoid before BCELoss")
@pytest.mark.cpu
def test_of_logits_are_no_shares():
    """`BCELoss` of logits raises "all elements of input should be between 0 and 1", until `sigmoid`."""
    logits, y = torch.tensor([500.0, -500.0]), torch.tensor([1.0, 1.0])
    with pytest.raises(RuntimeError, match="all elements of input should be between 0 and 1"):
        nn.BCELoss()(logits, y)
    same(nn.BCELoss(reduction="none")(logits.sigmoid(), y), torch.tensor([0.0, 100.0]))


@fact("torch.nn.CrossEntropyLoss", hint="labels from 0 to classes - 1: target - 1, or one output more")
@pytest.mark.parametrize("label", [3, -1])
@pytest.mark.cpu
def test_of_classes_begin_at_zero(label):
    """`CrossEntropyLoss` of labels from 1, or of -1, raises "Target 3 is out of bounds": of 3 classes the last is 2."""
    logits = torch.tensor([[0.0, 0.0, 1e4]])
    with pytest.raises(IndexError, match=f"Target {label} is out of bounds"):
        nn.CrossEntropyLoss()(logits, torch.tensor([label]))
    same(nn.CrossEntropyLoss()(logits, torch.tensor([2])), torch.tensor(0.0))


@fact("torch.nn.Linear", "torch.from_numpy", hint="x.float(), or array.astype(numpy.float32)")
def test_of_an_array_are_doubles(device):
    """`Linear` of a NumPy array's tensor raises "mat1 and mat2 must have the same dtype", until `x.float()`."""
    x, layer = torch.from_numpy(numpy.ones((3, 2))).to(device), summing(nn.Linear(2, 1), device)
    with pytest.raises(RuntimeError, match=NOT_ONE):
        layer(x)
    same(layer(x.float()), torch.full((3, 1), 2.0))


@fact("torch.nn.Linear", "torch.nn.Module.double", hint="model.double(), where float64 is really wanted")
def test_of_a_model_can_follow_its_input(device):
    """`Linear` of doubles raises "mat1 and mat2 must have the same dtype", until `model.double()`."""
    x, layer = torch.ones(3, 2, dtype=torch.float64, device=device), summing(nn.Linear(2, 1), device)
    with pytest.raises(RuntimeError, match=NOT_ONE):
        layer(x)
    same(layer.double()(x), torch.full((3, 1), 2.0, dtype=torch.float64))


@fact("torch.nn.Linear", hint="x.half(), or x.to(model.dtype)")
def test_of_a_model_in_halves_are_those_of_its_input(device):
    """`Linear` after `half()` of a float32 input raises "mat1 and mat2 must have the same dtype"."""
    x, layer = torch.ones(3, 2, device=device), summing(nn.Linear(2, 1), device).half()
    with pytest.raises(RuntimeError, match=NOT_ONE):
        layer(x)
    assert layer.weight.dtype == x.half().dtype


@fact("torch.nn.Conv2d", hint="x.float() / 255")
@pytest.mark.cpu
def test_of_an_image_are_bytes():
    """`Conv2d` of bytes raises "Input type (unsigned char) and bias type (float)", until `image / 255`."""
    image, layer = torch.full((1, 1, 2, 2), 255, dtype=torch.uint8), summing(nn.Conv2d(1, 1, 2))
    with pytest.raises(RuntimeError, match=r"Input type \(unsigned char\) and bias type \(float\)"):
        layer(image)
    same(layer(image.div(255)), torch.full((1, 1, 1, 1), 4.0))


@fact("torch.nn.Conv2d")
@pytest.mark.cpu
def test_of_doubles_are_no_images():
    """`Conv2d` of float64 raises "Input type (double) and bias type (float)", until `float()`."""
    image, layer = torch.ones(1, 1, 2, 2, dtype=torch.float64), summing(nn.Conv2d(1, 1, 2))
    with pytest.raises(RuntimeError, match=r"Input type \(double\) and bias type \(float\) should be the same"):
        layer(image)
    same(layer(image.float()), torch.full((1, 1, 1, 1), 4.0))


@fact("torch.Tensor.matmul", hint="a @ b.to(a.dtype)")
def test_of_two_factors_are_one(device):
    """`a.matmul(b)` of float32 and float64: "expected m1 and m2 to have the same dtype", until `b.to(a.dtype)`."""
    a, b = torch.full((2, 2), 2.0, device=device), torch.ones(2, 2, dtype=torch.float64, device=device)
    with pytest.raises(RuntimeError, match=NOT_ONE):
        a.matmul(b)
    same(a.matmul(b.to(a.dtype)), torch.full((2, 2), 4.0))


def gradient_of(target, device, loss):
    """The gradient of one weight by a loss of this target."""
    w = torch.tensor([3.0], device=device, requires_grad=True)
    loss(w, target.to(device)).backward()
    return w.grad


@fact("torch.nn.functional.mse_loss", until="2.12", calls="catches RuntimeError", hint="target.float()")
@pytest.mark.parametrize("dtype", [torch.float64, torch.int64], ids=["Double", "Long"])
def test_of_a_target_were_told_by_backward(device, dtype):
    """`backward` of `mse_loss` with a float64 or integer target raises "Found dtype Double but expected Float"."""
    target = torch.tensor([1], dtype=dtype)
    with pytest.raises(RuntimeError, match="Found dtype (Double|Long) but expected Float"):
        gradient_of(target, device, nn.functional.mse_loss)
    same(gradient_of(target.float(), device, nn.functional.mse_loss), torch.tensor([4.0]))


@fact("torch.nn.functional.mse_loss", since="2.12", calls="names float64|double|int64|long", gain=True)
@pytest.mark.parametrize("dtype", [torch.float64, torch.int64], ids=["Double", "Long"])
def test_of_a_target_may_be_another(device, dtype):
    """`mse_loss` with a float64 or integer target gives a float32 input its gradient in float32."""
    same(gradient_of(torch.tensor([1], dtype=dtype), device, nn.functional.mse_loss), torch.tensor([4.0]))


@fact("torch.nn.Embedding", "torch.Tensor.long", hint="indices.long()")
@pytest.mark.cpu
def test_of_indices_of_an_embedding_are_integers():
    """`Embedding` of floats: "to have one of the following scalar types: Long, Int; but got", until `long()`."""
    tokens = torch.tensor([1.0, 0.0])
    with pytest.raises(RuntimeError, match="scalar types: Long, Int; but got torch.FloatTensor instead"):
        nn.Embedding(2, 1)(tokens)
    same(summing(nn.Embedding(2, 1))(tokens.long()), torch.ones(2, 1))


@fact("torch.Tensor.__getitem__", "torch.Tensor.long", hint="index.long()")
def test_of_an_index_are_integers(device):
    """`x[index]` by an index of floats raises "tensors used as indices must be long", until `index.long()`."""
    x, index = torch.tensor([5, 6, 7], device=device), torch.tensor([2.0, 0.0], device=device)
    with pytest.raises(IndexError, match="tensors used as indices must be long"):
        x[index]
    same(x[index.long()], torch.tensor([7, 5]))


@fact("torch.Tensor.__getitem__", hint="len(x) // 2")
def test_of_a_slice_are_whole(device):
    """`x[: len(x) / 2]` raises "slice indices must be integers", where `x[: len(x) // 2]` is half of `x`."""
    x = torch.tensor([5, 6, 7, 8], device=device)
    with pytest.raises(TypeError, match="slice indices must be integers"):
        x[: len(x) / 2]
    same(x[: len(x) // 2], torch.tensor([5, 6]))


@fact("torch.Tensor.div_", hint="x = x / 2, which makes a tensor of floats")
def test_of_a_quotient_are_not_those_of_integers(device):
    """`div_` of integers raises "result type Float can't be cast to the desired output type Long"; `div` does not."""
    x = torch.tensor([1, 4], device=device)
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output type Long"):
        x.div_(2)
    same(x.div(2), torch.tensor([0.5, 2.0]))


@fact("torch.Tensor.mean", hint="x.float().mean()")
def test_of_a_mean_are_floats(device):
    """`mean` of integers raises "mean(): could not infer output dtype", until `x.float()`."""
    x = torch.tensor([1, 2], device=device)
    with pytest.raises(RuntimeError, match=r"mean\(\): could not infer output dtype"):
        x.mean()
    same(x.float().mean(), torch.tensor(1.5))


@fact("torch.tensor", hint="torch.tensor([1.0, 2.0], requires_grad=True)")
def test_of_what_learns_are_floats():
    """`torch.tensor([1, 2], requires_grad=True)` raises "Only Tensors of floating point and complex dtype"."""
    with pytest.raises(RuntimeError, match="Only Tensors of floating point and complex dtype can require gradients"):
        torch.tensor([1, 2], requires_grad=True)
    assert torch.tensor([1.0, 2.0], requires_grad=True).requires_grad


@fact("torch.tensor", hint="array.astype(numpy.float32), once text and None are gone")
def test_of_a_table_with_objects_are_none(device):
    """`torch.tensor` of a NumPy table of objects, as of pandas: "can't convert np.ndarray of type numpy.object_"."""
    table = numpy.array([[1, 2.5]], dtype=object)
    with pytest.raises(TypeError, match="can't convert np.ndarray of type numpy.object_"):
        torch.tensor(table, device=device)
    same(torch.tensor(table.astype("float32"), device=device), torch.tensor([[1.0, 2.5]]))


@fact("torch.Tensor.scatter_", hint="src.to(x.dtype)")
def test_of_what_is_scattered_are_one(device):
    """`scatter_` of another dtype raises "scatter(): Expected self.dtype to be equal to src.dtype", until `to`."""
    x, index = torch.zeros(2, device=device), torch.tensor([1], device=device)
    source = torch.tensor([3.0], dtype=torch.float64, device=device)
    with pytest.raises(RuntimeError, match=r"scatter\(\): Expected self.dtype to be equal to src.dtype"):
        x.scatter_(0, index, source)
    same(x.scatter_(0, index, source.to(x.dtype)), torch.tensor([0.0, 3.0]))


@fact("torch.Tensor.index_put_", "torch.Tensor.to", hint="x[index] = value.to(x.dtype)")
def test_of_what_is_assigned_are_one(device):
    """`x[index] = y`, bfloat16 as under autocast: "Index put requires the source and destination dtypes match"."""
    x, index = torch.zeros(2, device=device), torch.tensor([1], device=device)
    value = torch.tensor([3.0], dtype=torch.bfloat16, device=device)
    with pytest.raises(RuntimeError, match="Index put requires the source and destination dtypes match"):
        x.index_put_((index,), value)
    same(x.index_put_((index,), value.to(x.dtype)), torch.tensor([0.0, 3.0]))


@fact("torch.Tensor.sub", hint="~mask, or mask_a ^ mask_b")
def test_of_masks_are_inverted(device):
    """`1 - mask` raises "Subtraction, the `-` operator, with a bool tensor is not supported", where `~mask` inverts."""
    mask = torch.tensor([True, False], device=device)
    with pytest.raises((RuntimeError, NotImplementedError), match="with a bool tensor is not supported"):
        1 - mask
    same(~mask, torch.tensor([False, True]))
    same(mask.logical_not(), torch.tensor([False, True]))


@fact("torch.multinomial", hint="softmax(-1) of logits that are finite")
@pytest.mark.cpu
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0], ids=str)
def test_of_shares_hold_no_nan(wrong):
    """`multinomial` raises "probability tensor contains either `inf`, `nan` or element < 0", of `softmax` not."""
    with pytest.raises(RuntimeError, match="probability tensor contains either `inf`, `nan` or element < 0"):
        torch.multinomial(torch.tensor([wrong, 1.0]), 1)
    same(torch.multinomial(torch.tensor([-math.inf, 1.0]).softmax(-1), 1), torch.tensor([1]))
