"""Errors of models and optimizers, as people paste them: the words, the cause, and that the cure is one."""

import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.suites.troubleshooting.known import summing


class Listed(nn.Module):
    """A model whose layers stand in a container of this kind."""

    def __init__(self, container):
        super().__init__()
        self.layers = container([nn.Linear(2, 1)])


@fact("torch.nn.ModuleList", "torch.nn.Module.parameters", hint="self.layers = nn.ModuleList([...])")
def test_in_a_list_are_found_by_no_optimizer():
    """Layers in a list raise "optimizer got an empty parameter list", in an `nn.ModuleList` they are found."""
    with pytest.raises(ValueError, match="optimizer got an empty parameter list"):
        torch.optim.SGD(Listed(list).parameters(), lr=0.1)
    [group] = torch.optim.SGD(Listed(nn.ModuleList).parameters(), lr=0.1).param_groups
    assert [parameter.shape for parameter in group["params"]] == [(1, 2), (1,)]


@fact("torch.optim.SGD", hint="SGD(model.parameters())")
def test_are_no_parameters():
    """`SGD(model)` raises "'Linear' object is not iterable", where `SGD(model.parameters())` takes its parameters."""
    model = nn.Linear(2, 1)
    with pytest.raises(TypeError, match="'Linear' object is not iterable"):
        torch.optim.SGD(model, lr=0.1)
    assert torch.optim.SGD(model.parameters(), lr=0.1).param_groups[0]["params"] == list(model.parameters())


@fact("torch.optim.SGD", hint="[weight]")
def test_of_one_parameter_are_a_list():
    """`SGD(weight)` raises "params argument given to the optimizer", `SGD([weight])` does not."""
    weight = nn.Parameter(torch.tensor([1.0]))
    with pytest.raises(TypeError, match="params argument given to the optimizer should be an iterable"):
        torch.optim.SGD(weight, lr=0.1)
    weight.grad = torch.ones(1)
    torch.optim.SGD([weight], lr=1.0).step()
    same(weight.detach(), torch.zeros(1))


class Early(nn.Module):
    """A model that has parts before `super().__init__()`."""

    def __init__(self):
        self.layer = nn.Linear(1, 1)
        super().__init__()


class Late(nn.Module):
    """A model that has parts after `super().__init__()`."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)


@fact("torch.nn.Module.__setattr__", hint="super().__init__() is the first line of __init__")
def test_are_made_after_super_init():
    """A layer before `super().__init__()` raises "cannot assign module before Module.__init__() call", after it not."""
    with pytest.raises(AttributeError, match=r"cannot assign module before Module.__init__\(\) call"):
        Early()
    assert list(Late().state_dict()) == ["layer.weight", "layer.bias"]


@fact("torch.nn.Parameter", "torch.nn.Module.__setattr__", hint="nn.Parameter(tensor), or weight.copy_ in no_grad()")
def test_with_new_weights_take_a_parameter(device):
    """`layer.weight = tensor` raises "cannot assign 'torch.FloatTensor' as parameter 'weight'", a `Parameter` not."""
    layer, weight = summing(nn.Linear(2, 1), device), torch.tensor([[3.0, 4.0]], device=device)
    with pytest.raises(TypeError, match=r"cannot assign 'torch\..*FloatTensor' as parameter 'weight'"):
        layer.weight = weight
    layer.weight = nn.Parameter(weight)
    same(layer(torch.ones(1, 2, device=device)), torch.tensor([[7.0]]))


class Misspelt(nn.Module):
    """A model whose forward has another name."""

    def foward(self, x):
        return x


@fact("torch.nn.Module.forward", hint="def forward, spelt so, and indented below the class rather than in __init__")
def test_are_called_by_forward():
    """A module whose `forward` is misspelt raises 'is missing the required "forward" function' when it is called."""
    with pytest.raises(NotImplementedError, match='Module .Misspelt. is missing the required "forward" function'):
        Misspelt()(1)
    right = type("Right", (Misspelt,), {"forward": Misspelt.foward})
    assert right()(1) == 1


@fact("torch.nn.Sequential", hint="nn.Sequential(*layers)")
def test_for_sequential_are_unpacked(device):
    """`nn.Sequential([a, b])` raises "list is not a Module subclass", where `nn.Sequential(*layers)` takes them."""
    layers = [summing(nn.Linear(2, 1), device), nn.ReLU()]
    with pytest.raises(TypeError, match="list is not a Module subclass"):
        nn.Sequential(layers)
    same(nn.Sequential(*layers)(torch.ones(1, 2, device=device)), torch.tensor([[2.0]]))


@fact("torch.nn.Linear", hint="hidden // 2")
def test_of_half_a_size_are_whole():
    """`nn.Linear(hidden / 2, 1)` raises "empty(): argument 'size'", where `hidden // 2` is an integer."""
    hidden = 4
    with pytest.raises(TypeError, match=r"empty\(\): argument 'size'"):
        nn.Linear(hidden / 2, 1)
    same(summing(nn.Linear(hidden // 2, 1))(torch.ones(1, 2)), torch.tensor([[2.0]]))


@fact("torch.nn.MultiheadAttention", hint="a width that the heads divide")
def test_with_heads_are_as_wide_as_these_divide():
    """`MultiheadAttention(5, 2)` raises "embed_dim must be divisible by num_heads", with a width of 6 it does not."""
    with pytest.raises(AssertionError, match="embed_dim must be divisible by num_heads"):
        nn.MultiheadAttention(5, 2)
    x = torch.ones(1, 1, 6)
    same(nn.MultiheadAttention(6, 2)(x, x, x)[1], torch.ones(1, 1, 1))


@fact("torch.max", hint="values, indices = x.max(1), or x.amax(1)")
def test_of_values_and_places_are_unpacked(device):
    """`torch.max(x, 1)` is a pair: "'torch.return_types.max' object has no attribute 'float'", its `.values` has."""
    x = torch.tensor([[1, 5], [7, 2]], device=device)
    with pytest.raises(AttributeError, match="'torch.return_types.max' object has no attribute 'float'"):
        torch.max(x, 1).float()
    values, places = torch.max(x, 1)
    same(values, torch.tensor([5, 7]))
    same(places, torch.tensor([1, 0]))


@fact("torch.cat", hint="torch.cat([a, b])")
def test_for_cat_are_a_list(device):
    """`torch.cat(a, b)` raises TypeError "cat()", where `torch.cat([a, b])` joins them."""
    a, b = torch.tensor([1], device=device), torch.tensor([2], device=device)
    with pytest.raises(TypeError, match=r"cat\(\)"):
        torch.cat(a, b)
    same(torch.cat([a, b]), torch.tensor([1, 2]))


@fact("torch.cat", "torch.stack", hint="look why the list is empty")
@pytest.mark.parametrize("join", [torch.cat, torch.stack], ids=["cat", "stack"])
def test_of_an_empty_list_are_not_joined(join):
    """`torch.cat([])` and `torch.stack([])` raise "non-empty list of Tensors" and "non-empty TensorList"."""
    with pytest.raises((RuntimeError, ValueError), match="non-empty (list of Tensors|TensorList)"):
        join([])


@fact("torch.nn.functional.interpolate", hint="image.unsqueeze(0), and squeeze(0) after it")
def test_of_one_image_are_a_batch_of_one(device):
    """`interpolate` of one image raises "Got 3D input, but bilinear mode needs 4D input", until `unsqueeze(0)`."""
    image = torch.ones(1, 1, 1, device=device)
    with pytest.raises(NotImplementedError, match="Got 3D input, but bilinear mode needs 4D input"):
        nn.functional.interpolate(image, scale_factor=2, mode="bilinear")
    larger = nn.functional.interpolate(image.unsqueeze(0), scale_factor=2, mode="bilinear")
    same(larger, torch.ones(1, 1, 2, 2))


@fact("torch.nn.utils.rnn.pack_padded_sequence", hint="lengths of at least 1: drop empty samples before")
def test_of_empty_sequences_are_not_packed():
    """An empty sequence for `pack_padded_sequence`: "Length of all samples has to be greater than 0"."""
    x = torch.ones(2, 2, 1)
    with pytest.raises(RuntimeError, match="Length of all samples has to be greater than 0"):
        nn.utils.rnn.pack_padded_sequence(x, torch.tensor([1, 0]))
    packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([1, 2]), enforce_sorted=False)
    same(packed.data, torch.ones(3, 1))


@fact("torch.nn.utils.rnn.pack_padded_sequence", hint="enforce_sorted=False, and lengths.cpu()")
def test_of_any_order_are_packed_without_enforcing():
    """`pack_padded_sequence` raises "must be sorted in decreasing order", until `enforce_sorted=False`."""
    x = torch.tensor([[[1.0]], [[2.0]]]).expand(2, 2, 1)
    with pytest.raises(RuntimeError, match="`lengths` array must be sorted in decreasing order"):
        nn.utils.rnn.pack_padded_sequence(x, torch.tensor([1, 2]), batch_first=True)
    packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([1, 2]), batch_first=True, enforce_sorted=False)
    same(packed.data, torch.tensor([[2.0], [1.0], [2.0]]))
