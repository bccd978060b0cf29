"""Modules that hold others: `Sequential`, `ModuleList`, `ModuleDict`, and those of parameters."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from torchproof import fact, same


class Add(nn.Module):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def forward(self, x):
        return x * 2 + self.number


def adds(kind, count=4):
    return kind(*map(Add, range(count))) if kind is nn.Sequential else kind(map(Add, range(count)))


def numbers(modules):
    return [each.number for each in modules]


LISTS = {"torch.nn.Sequential": nn.Sequential, "torch.nn.ModuleList": nn.ModuleList}
KINDS = pytest.mark.parametrize("kind", LISTS.values(), ids=["Sequential", "ModuleList"])


@fact("torch.nn.Sequential")
def test_sequential_calls_one_after_the_other(device):
    """`Sequential` gives to each module what the one before it gave."""
    same(adds(nn.Sequential)(torch.tensor([1.0], device=device)), torch.tensor([27.0]))


@fact("torch.nn.Sequential")
def test_sequential_takes_names():
    """`Sequential` gives its modules the names of an `OrderedDict`, or else their numbers."""
    model = nn.Sequential(OrderedDict(first=Add(1), second=Add(2)))
    assert [name for name, _ in model.named_children()] == ["first", "second"]
    assert (model.second.number, model[0].number) == (2, 1)
    assert [name for name, _ in adds(nn.Sequential, 2).named_children()] == ["0", "1"]


@fact("torch.nn.Sequential", myth="an empty Sequential cannot be called")
def test_empty_sequential_is_the_identity(device):
    """An empty `Sequential` gives its input itself."""
    x = torch.ones(2, device=device)
    assert nn.Sequential()(x) is x


@fact("torch.nn.ModuleList", "torch.nn.ModuleDict")
@pytest.mark.parametrize("model", [nn.ModuleList(), nn.ModuleDict()], ids=["ModuleList", "ModuleDict"])
def test_list_and_dict_cannot_be_called(model):
    """`ModuleList` and `ModuleDict` cannot be called: they are 'missing the required "forward" function'."""
    assert len(model) == 0
    with pytest.raises(NotImplementedError, match='missing the required "forward" function'):
        model(1)


@fact(*LISTS)
@KINDS
def test_is_indexed_as_a_list(kind):
    """`Sequential` and `ModuleList` are indexed from either end."""
    model = adds(kind)
    assert (model[1].number, model[-1].number, len(model)) == (1, 3, 4)


@fact(*LISTS)
@KINDS
def test_is_sliced_as_a_list(kind):
    """A slice of `Sequential` or of `ModuleList` is one of its kind, of the same modules."""
    model = adds(kind)
    assert (type(model[1:3]), numbers(model[1:3]), numbers(model[::2])) == (kind, [1, 2], [0, 2])
    assert model[1:3][0] is model[1]


@fact(*LISTS)
@KINDS
@pytest.mark.parametrize("place", [4, -5])
def test_refuses_an_index_out_of_range(kind, place):
    """`Sequential` and `ModuleList` raise IndexError "out of range" for an index that they do not have."""
    with pytest.raises(IndexError, match="out of range"):
        adds(kind)[place]


@fact(*LISTS)
@KINDS
def test_grows_as_a_list(kind):
    """`append`, `insert` and `extend` of a `Sequential` or `ModuleList` add modules, and renumber those behind."""
    model = adds(kind, 2)
    model.append(Add(5))
    model.insert(1, Add(6))
    model.extend(adds(kind, 1))
    assert numbers(model) == [0, 6, 1, 5, 0]
    assert [name for name, _ in model.named_children()] == list("01234")


@fact(*LISTS, "torch.nn.ParameterList")
@pytest.mark.parametrize(
    ("kind", "item"),
    [(nn.Sequential, nn.ReLU()), (nn.ModuleList, nn.ReLU()), (nn.ParameterList, torch.ones(1))],
    ids=["Sequential", "ModuleList", "ParameterList"],
)
def test_returns_itself_when_it_grows(kind, item):
    """`append` and `extend` of `Sequential`, `ModuleList` and `ParameterList` return the container itself."""
    model = kind()
    assert model.append(item) is model
    assert model.extend([item]) is model
    assert len(model) == 2


@fact(*LISTS)
@KINDS
def test_shrinks_as_a_list(kind):
    """`del` and `pop` take modules out of a `Sequential` or `ModuleList`, and renumber those behind."""
    model = adds(kind)
    del model[1]
    last = model.pop(-1)
    assert (numbers(model), last.number) == ([0, 2], 3)
    assert [name for name, _ in model.named_children()] == ["0", "1"]


@fact(*LISTS)
@KINDS
def test_replaces_as_a_list(kind):
    """`model[-1] = layer` replaces the last module of a `Sequential` or `ModuleList`."""
    model = adds(kind)
    model[-1] = Add(9)
    assert numbers(model) == [0, 1, 2, 9]


@fact(*LISTS)
@KINDS
def test_adds_up_as_a_list(kind):
    """`+` of `Sequential` or of `ModuleList` gives a new container with the modules of both."""
    a, b = adds(kind, 2), adds(kind, 1)
    total = a + b
    assert (type(total), numbers(total), numbers(a)) == (kind, [0, 1, 0], [0, 1])


@fact(*LISTS)
@KINDS
def test_is_extended_as_a_list(kind):
    """`+=` adds the modules of another container to a `Sequential` or `ModuleList` itself."""
    model = kept = adds(kind, 2)
    model += adds(kind, 1)
    assert (model is kept, numbers(model)) == (True, [0, 1, 0])


@fact("torch.nn.Sequential")
def test_sequential_is_multiplied():
    """`*` of a `Sequential` and a number repeats its modules, which are the same ones."""
    model = adds(nn.Sequential, 2)
    assert numbers(model * 2) == numbers(2 * model) == [0, 1, 0, 1]
    assert (model * 2)[2] is model[0]
    model *= 2
    assert numbers(model) == [0, 1, 0, 1]


@fact("torch.nn.ModuleDict")
def test_module_dict_is_a_dict_in_order():
    """`ModuleDict` keeps its modules by name, in the order in which they came."""
    model = nn.ModuleDict({"b": Add(1), "a": Add(2)})
    model["c"] = Add(3)
    assert (list(model), list(model.keys()), len(model)) == (["b", "a", "c"], ["b", "a", "c"], 3)
    assert [name for name, _ in model.items()] == ["b", "a", "c"]
    assert [each is model[name] for name, each in zip("bac", model.values())] == [True] * 3
    assert ("a" in model, "z" in model) == (True, False)


@fact("torch.nn.ModuleDict")
def test_module_dict_owns_parameters():
    """The parameters of modules in a `ModuleDict` are its own, under their names."""
    model = nn.ModuleDict({"b": Add(1), "a": nn.Linear(1, 1)})
    assert [name for name, _ in model.named_parameters()] == ["a.weight", "a.bias"]


@fact("torch.nn.ModuleDict")
def test_module_dict_shrinks():
    """`pop`, `del` and `clear` take modules out of a `ModuleDict`."""
    model = nn.ModuleDict({name: Add(place) for place, name in enumerate("abc")})
    popped = model.pop("b")
    del model["a"]
    left = list(model)
    model.clear()
    assert (popped.number, left, len(model)) == (1, ["c"], 0)


@fact("torch.nn.ModuleDict")
def test_module_dict_is_updated():
    """`update` of a `ModuleDict` adds modules and replaces those of the same name in their place."""
    model = nn.ModuleDict({"a": Add(0), "b": Add(1)})
    model.update({"c": Add(2), "a": Add(9)})
    model.update([("d", Add(3))])
    assert [(name, each.number) for name, each in model.items()] == [("a", 9), ("b", 1), ("c", 2), ("d", 3)]


@fact("torch.nn.ModuleDict")
def test_module_dict_refuses_a_method_as_a_name():
    """`ModuleDict` refuses a name that is an attribute of it: "attribute 'keys' already exists"."""
    model = nn.ModuleDict()
    with pytest.raises(KeyError, match="attribute 'keys' already exists"):
        model["keys"] = Add(1)


@fact("torch.nn.ParameterList")
def test_parameter_list_makes_tensors_parameters(device):
    """`ParameterList` makes parameters of its own of the tensors that are put into it."""
    model = nn.ParameterList([torch.tensor([1.5], device=device)])
    model.append(torch.tensor([-2.5], device=device))
    model.extend([torch.tensor([3.5], device=device)])
    assert [name for name, _ in model.named_parameters()] == ["0", "1", "2"]
    assert [each.item() for each in model] == [1.5, -2.5, 3.5]
    assert [(type(each), each.requires_grad) for each in model] == [(nn.Parameter, True)] * 3


@fact("torch.nn.ParameterList")
def test_parameter_list_is_indexed_as_a_list():
    """`ParameterList` works as a list: it is indexed from either end, sliced, assigned to and extended by `+=`."""
    a, b, c, d = (nn.Parameter(torch.tensor([float(place)])) for place in range(4))
    model = nn.ParameterList([a, b, c])
    model[-1] = d
    assert (model[0] is a, model[-1] is d, len(model), type(model[1:])) == (True, True, 3, nn.ParameterList)
    assert [each is want for each, want in zip(model[1:], (b, d))] == [True, True]
    with pytest.raises(IndexError, match="out of range"):
        model[3]
    model += [c]
    assert [each is want for each, want in zip(model, (a, b, d, c), strict=True)] == [True] * 4


@fact("torch.nn.ParameterDict")
def test_parameter_dict_makes_tensors_parameters(device):
    """`ParameterDict` makes parameters of its own of the tensors that are put into it by name."""
    model = nn.ParameterDict({"a": torch.tensor([1.0], device=device)})
    model["b"] = torch.tensor([2.0], device=device)
    model.update({"c": torch.tensor([3.0], device=device)})
    assert [name for name, _ in model.named_parameters()] == list(model) == ["a", "b", "c"]
    assert (list(model.keys()), len(model), "b" in model, "z" in model) == (["a", "b", "c"], 3, True, False)
    assert [(name, each.item()) for name, each in model.items()] == [("a", 1.0), ("b", 2.0), ("c", 3.0)]
    assert [each.item() for each in model.values()] == [1.0, 2.0, 3.0]


@fact("torch.nn.ParameterDict")
def test_parameter_dict_works_as_a_dict():
    """`ParameterDict` has `get`, `pop`, `popitem`, `setdefault`, `copy`, `clear`, `fromkeys`, and can be reversed."""
    a, b, c, d = (nn.Parameter(torch.tensor([float(place)])) for place in range(4))
    model = nn.ParameterDict({"a": a, "b": b, "c": c})
    assert (model["b"] is b, model.get("a") is a, model.get("z"), model.get("z", 5)) == (True, True, None, 5)
    name, last = model.popitem()
    assert (name, last is c, model.pop("a") is a) == ("c", True, True)
    assert (model.setdefault("d", d) is d, model.setdefault("b", d) is b) == (True, True)
    assert list(reversed(model)) == ["d", "b"]
    other = model.copy()
    model.clear()
    assert (list(model), [each is want for each, want in zip(other.values(), (b, d))]) == ([], [True, True])
    assert [(key, each is c) for key, each in model.fromkeys(["x", "y"], c).items()] == [("x", True), ("y", True)]


@fact("torch.nn.ParameterDict")
def test_parameter_dicts_are_joined():
    """`|` gives a new `ParameterDict` of both, in which the second counts where both have a name."""
    a = nn.ParameterDict({"x": torch.tensor([1.0]), "y": torch.tensor([2.0])})
    b = nn.ParameterDict({"y": torch.tensor([3.0]), "z": torch.tensor([4.0])})
    assert [(name, each.item()) for name, each in (a | b).items()] == [("x", 1.0), ("y", 3.0), ("z", 4.0)]
    assert [each.item() for each in a.values()] == [1.0, 2.0]


@fact("torch.nn.ParameterDict")
def test_parameter_dict_is_updated_by_another():
    """`|=` updates a `ParameterDict` by another one."""
    a = nn.ParameterDict({"x": torch.tensor([1.0]), "y": torch.tensor([2.0])})
    a |= nn.ParameterDict({"y": torch.tensor([3.0]), "z": torch.tensor([4.0])})
    assert [each.item() for each in a.values()] == [1.0, 3.0, 4.0]
