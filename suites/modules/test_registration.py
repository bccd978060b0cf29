"""What a module owns and lists, how it is added, found and deleted, and what a module of one's own needs."""

import pytest
import torch
from torch import nn

from torchproof import fact, same


class Net(nn.Module):
    """Two layers, a parameter and a buffer of its own."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.inner = nn.Sequential(nn.Linear(3, 1, bias=False), nn.BatchNorm1d(1))
        self.scale = nn.Parameter(torch.tensor([1.5, 2.5]))
        self.register_buffer("steps", torch.tensor([7, 9]))


PARAMETERS = ["scale", "first.weight", "first.bias", "inner.0.weight", "inner.1.weight", "inner.1.bias"]
BUFFERS = ["steps", "inner.1.running_mean", "inner.1.running_var", "inner.1.num_batches_tracked"]
MODULES = ["", "first", "inner", "inner.0", "inner.1"]


@fact("torch.nn.Module.named_parameters", "torch.nn.Module.parameters", claims=["M04"])
def test_owns_the_parameters_of_its_layers():
    """`parameters` of a model gives its own first, then those of its layers at every depth."""
    model = Net()
    named = list(model.named_parameters())
    assert [name for name, _ in named] == PARAMETERS
    assert [id(each) for each in model.parameters()] == [id(each) for _, each in named]
    same(named[0][1].detach(), torch.tensor([1.5, 2.5]))


@fact("torch.nn.Module.named_buffers", "torch.nn.Module.buffers")
def test_owns_the_buffers_of_its_layers():
    """`buffers` of a model gives its own first, then those of its layers at every depth."""
    model = Net()
    named = list(model.named_buffers())
    assert [name for name, _ in named] == BUFFERS
    assert [id(each) for each in model.buffers()] == [id(each) for _, each in named]
    same(named[0][1], torch.tensor([7, 9]))


@fact("torch.nn.Module.named_modules", "torch.nn.Module.modules")
def test_lists_itself_and_all_its_parts():
    """`modules` gives the module itself, named '', and all its parts, each before its own parts."""
    model = Net()
    assert [name for name, _ in model.named_modules()] == MODULES
    assert [type(each).__name__ for each in model.modules()] == ["Net", "Linear", "Sequential", "Linear", "BatchNorm1d"]
    assert next(model.modules()) is model


@fact("torch.nn.Module.named_children", "torch.nn.Module.children")
def test_children_are_the_next_level_alone():
    """`children` gives the parts that a module has itself, not theirs."""
    model = Net()
    assert dict(model.named_children()) == {"first": model.first, "inner": model.inner}
    assert list(model.children()) == [model.first, model.inner]


@fact("torch.nn.Module.parameters", "torch.nn.Module.buffers")
@pytest.mark.parametrize(
    ("kind", "names"), [("parameters", ["scale"]), ("buffers", ["steps"])], ids=["parameters", "buffers"]
)
def test_without_recursion_has_its_own_alone(kind, names):
    """`parameters(recurse=False)` and `buffers(recurse=False)` leave out what belongs to the parts of a module."""
    model = Net()
    assert [id(each) for each in getattr(model, kind)(recurse=False)] == [id(getattr(model, name)) for name in names]


@fact("torch.nn.Module.named_parameters", "torch.nn.Module.named_buffers")
@pytest.mark.parametrize(
    ("kind", "names"), [("parameters", ["net.scale"]), ("buffers", ["net.steps"])], ids=["parameters", "buffers"]
)
def test_names_may_have_a_prefix(kind, names):
    """`named_parameters(prefix="net")` and `named_buffers` put the prefix before each name, with a point between."""
    assert [name for name, _ in getattr(Net(), f"named_{kind}")(prefix="net", recurse=False)] == names


@fact("torch.nn.Module.named_modules")
def test_names_of_modules_may_have_a_prefix():
    """`named_modules(prefix="net")` gives the module itself the name "net"."""
    assert [name for name, _ in Net().named_modules(prefix="net")][:2] == ["net", "net.first"]


def tied():
    """Two names for one layer."""
    layer = nn.BatchNorm1d(2)
    return nn.Sequential(layer, layer)


@fact("torch.nn.Module.named_parameters", "torch.nn.Module.named_buffers", "torch.nn.Module.named_modules")
@pytest.mark.parametrize("remove_duplicate", [True, False], ids=["once", "each"])
def test_what_has_two_names_is_listed_once(remove_duplicate):
    """`named_parameters`, `named_buffers` and `named_modules` list what has two names once, unless told otherwise."""
    model, places = tied(), ["0"] if remove_duplicate else ["0", "1"]
    kinds = ("parameters", "buffers", "modules")
    found = [[name for name, _ in getattr(model, f"named_{kind}")(remove_duplicate=remove_duplicate)] for kind in kinds]
    states = ("running_mean", "running_var", "num_batches_tracked")
    assert found[0] == [f"{place}.{name}" for place in places for name in ("weight", "bias")]
    assert found[1] == [f"{place}.{name}" for place in places for name in states]
    assert found[2] == ["", *places]


@fact("torch.nn.Module.children", "torch.nn.Module.parameters", "torch.nn.Module.modules")
def test_what_is_shared_is_given_once():
    """`children`, `modules` and `parameters` give a layer that stands twice in a model once."""
    model = tied()
    assert (list(model.children()), list(model.modules())) == ([model[0]], [model, model[0]])
    assert [id(each) for each in model.parameters()] == [id(model[0].weight), id(model[0].bias)]


def is_a_tensor_alone(patch):
    patch.setattr(nn, "Parameter", lambda data, requires_grad=True: data.clone())


@fact("torch.nn.Parameter", claims=["M02"], refuter=is_a_tensor_alone)
def test_parameter_is_a_tensor_that_requires_grad(device):
    """`nn.Parameter` is a subclass of `Tensor` that requires grad unless told otherwise."""
    data = torch.tensor([1.0, 2.0], device=device)
    parameter = nn.Parameter(data)
    assert (isinstance(parameter, torch.Tensor), parameter.requires_grad, parameter.is_leaf) == (True, True, True)
    assert not nn.Parameter(data, requires_grad=False).requires_grad


@fact("torch.nn.Parameter", refuter=is_a_tensor_alone, hint="make it of a clone")
def test_parameter_shares_the_memory_of_what_it_is_made_of(device):
    """`nn.Parameter(x)` shares the memory of `x`: a write into `x` is seen in the parameter."""
    data = torch.tensor([1.0, 2.0], device=device)
    parameter = nn.Parameter(data)
    data[0] = 9.0
    same(parameter.detach(), torch.tensor([9.0, 2.0]))


@fact(
    "torch.nn.Parameter",
    claims=["M02"],
    myth="a tensor with requires_grad=True is a parameter of the module",
    refuter=is_a_tensor_alone,
)
def test_tensor_that_requires_grad_is_no_parameter(device):
    """A plain tensor with `requires_grad=True` that is assigned to a module is no parameter of it."""
    model = nn.Module()
    model.plain = torch.ones(2, device=device, requires_grad=True)
    model.real = nn.Parameter(torch.ones(2, device=device))
    assert [name for name, _ in model.named_parameters()] == ["real"]
    assert list(model.state_dict()) == ["real"]


@fact("torch.nn.Parameter", myth="the result of an operation on a parameter is a parameter", refuter=is_a_tensor_alone)
def test_result_of_parameters_is_no_parameter():
    """`p + 0`, `p.detach()` and `p.data` of an `nn.Parameter` are plain tensors and no parameters."""
    parameter = nn.Parameter(torch.tensor([1.0, 2.0]))
    assert [type(each) for each in (parameter + 0, parameter.detach(), parameter.data)] == [torch.Tensor] * 3
    assert type(parameter) is nn.Parameter


@fact("torch.nn.Parameter", refuter=is_a_tensor_alone)
def test_parameter_of_integers_must_not_require_grad():
    """An `nn.Parameter` of integers is refused unless `requires_grad=False`: "only Tensors of floating point"."""
    with pytest.raises(RuntimeError, match="[Oo]nly Tensors of floating point"):
        nn.Parameter(torch.tensor([1, 2]))
    assert nn.Parameter(torch.tensor([1, 2]), requires_grad=False).tolist() == [1, 2]


@fact(
    "torch.nn.Module.parameters",
    "torch.nn.ModuleList",
    claims=["M04"],
    hint="use ModuleList",
    myth="a list of layers is found",
)
def test_layers_in_a_plain_list_are_not_found():
    """Layers in a plain list or dict are no parts of a model, those in a `ModuleList` are."""
    model = nn.Module()
    model.plain = [nn.Linear(1, 1)]
    model.by_name = {"a": nn.Linear(1, 1)}
    model.listed = nn.ModuleList([nn.Linear(1, 1)])
    assert [name for name, _ in model.named_parameters()] == ["listed.0.weight", "listed.0.bias"]
    assert len(list(model.parameters())) == 2


def never_refuses(patch):
    patch.setattr(nn.Module, "__setattr__", object.__setattr__)


@fact("torch.nn.Module", hint="call super().__init__() first", refuter=never_refuses)
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (lambda: nn.Linear(1, 1), "cannot assign module before Module.__init__"),
        (lambda: nn.Parameter(torch.ones(1)), "cannot assign parameters before Module.__init__"),
    ],
    ids=["module", "parameter"],
)
def test_refuses_parts_before_it_is_made(value, words):
    """A module refuses layers and parameters before `super().__init__()`: "before Module.__init__() call"."""

    class Early(nn.Module):
        def __init__(self):
            self.part = value()

    with pytest.raises(AttributeError, match=words):
        Early()


@fact("torch.nn.Module", refuter=never_refuses)
def test_refuses_a_tensor_in_place_of_a_parameter():
    """`layer.weight = tensor` is refused where `weight` is a parameter: "cannot assign ... as parameter 'weight'"."""
    with pytest.raises(TypeError, match="cannot assign .* as parameter 'weight'"):
        nn.Linear(1, 1).weight = torch.ones(1, 1)


@fact("torch.nn.Module", refuter=never_refuses)
def test_refuses_a_number_in_place_of_a_layer():
    """`model.layer = 3` is refused where `layer` is a module: "cannot assign ... as child module 'layer'"."""
    model = nn.Module()
    model.layer = nn.Linear(1, 1)
    with pytest.raises(TypeError, match="cannot assign .* as child module 'layer'"):
        model.layer = 3


@fact("torch.nn.Module", refuter=never_refuses)
def test_parameter_set_to_none_stays_a_name():
    """`layer.bias = None` takes the bias off `named_parameters`, and another `Parameter` puts one there again."""
    layer = nn.Linear(1, 1)
    layer.bias = None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    layer.bias = nn.Parameter(torch.ones(1))
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]


def never_deletes(patch):
    patch.setattr(nn.Module, "__delattr__", lambda self, name: None)


@fact("torch.nn.Module", refuter=never_deletes)
def test_deleted_part_is_gone():
    """`del` takes a parameter, a buffer or a layer out of the module that it is an attribute of."""
    model = Net()
    del model.first, model.scale, model.steps
    assert [name for name, _ in model.named_parameters()] == PARAMETERS[3:]
    assert [name for name, _ in model.named_buffers()] == BUFFERS[1:]


def has_everything(patch):
    patch.setattr(nn.Module, "__getattr__", lambda self, name: None)


@fact("torch.nn.Module", refuter=has_everything)
def test_unknown_attribute_is_an_error():
    """An attribute that a module does not have is an `AttributeError`: "'Linear' object has no attribute"."""
    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'wieght'"):
        nn.Linear(1, 1).wieght


@fact("torch.nn.Module.register_parameter")
def test_register_parameter_adds_one():
    """`register_parameter` adds a parameter under a name, or the name alone for None."""
    model, parameter = nn.Module(), nn.Parameter(torch.tensor([2.5]))
    model.register_parameter("weight", parameter)
    model.register_parameter("bias", None)
    assert (model.weight is parameter, model.bias) == (True, None)
    assert [name for name, _ in model.named_parameters()] == ["weight"]


REGISTER = {
    "register_parameter": lambda: nn.Parameter(torch.ones(1)),
    "register_buffer": lambda: torch.ones(1),
    "add_module": lambda: nn.ReLU(),
    "register_module": lambda: nn.ReLU(),
}


@fact(*(f"torch.nn.Module.{kind}" for kind in REGISTER))
@pytest.mark.parametrize("kind", REGISTER)
@pytest.mark.parametrize(
    ("name", "words"), [("", 'empty string ""'), ("a.b", 'contain "."'), ("training", "already exists")]
)
def test_register_refuses_a_name(kind, name, words):
    """`register_parameter`, `register_buffer` and `add_module` refuse an empty name, "a.b", and an attribute's."""
    with pytest.raises(KeyError, match=words):
        getattr(nn.Module(), kind)(name, REGISTER[kind]())


@fact(*(f"torch.nn.Module.{kind}" for kind in REGISTER))
@pytest.mark.parametrize("kind", REGISTER)
def test_register_refuses_what_is_of_another_kind(kind):
    """`register_parameter`, `register_buffer` and `add_module` refuse a text: it is no parameter, tensor or module."""
    with pytest.raises(TypeError, match="cannot assign|is not a Module subclass"):
        getattr(nn.Module(), kind)("part", "text")


@fact("torch.nn.Module.register_parameter")
def test_register_parameter_refuses_what_was_computed():
    """`register_parameter` refuses a parameter that an operation has written into: "Cannot assign non-leaf Tensor"."""
    computed = nn.Parameter(torch.ones(2), requires_grad=False)
    computed.mul_(torch.ones(2, requires_grad=True))
    with pytest.raises(ValueError, match="Cannot assign non-leaf Tensor to parameter 'weight'"):
        nn.Module().register_parameter("weight", computed)


@fact("torch.nn.Module.add_module", "torch.nn.Module.register_module")
@pytest.mark.parametrize("method", ["add_module", "register_module"])
def test_add_module_is_an_attribute(method):
    """`add_module`, or `register_module`, adds a part under a name, as an attribute does."""
    model, part = nn.Module(), nn.Linear(1, 1)
    getattr(model, method)("part", part)
    assert model.part is part
    assert [name for name, _ in model.named_children()] == ["part"]


@fact("torch.nn.Module.register_buffer")
@pytest.mark.parametrize("persistent", [True, False])
def test_buffer_is_saved_if_persistent(device, persistent):
    """What `register_buffer` registers is in the `state_dict`, unless `persistent=False`."""
    model = nn.Module()
    model.register_buffer("steps", torch.tensor([1.5], device=device), persistent=persistent)
    assert list(model.state_dict()) == ["steps"] * persistent


@fact("torch.nn.Module.register_buffer")
def test_buffer_is_cast_and_no_parameter(device):
    """What `register_buffer` registers is cast with its module, although it is no parameter."""
    model = nn.Module()
    model.register_buffer("mean", torch.tensor([1.5], device=device))
    model.double()
    assert list(model.parameters()) == []
    same(model.mean, torch.tensor([1.5], dtype=torch.float64))


@fact("torch.nn.Module.register_buffer")
def test_buffer_assigned_stays_a_buffer():
    """A tensor that is assigned to the name of a `register_buffer` is the buffer then."""
    model = nn.Module()
    model.register_buffer("steps", torch.zeros(1))
    model.steps = torch.tensor([3.0])
    assert [(name, each.item()) for name, each in model.named_buffers()] == [("steps", 3.0)]


def is_no_buffer(patch):
    patch.setattr(nn, "Buffer", lambda data, persistent=True: data)


@fact("torch.nn.Buffer", refuter=is_no_buffer)
@pytest.mark.parametrize("persistent", [True, False])
def test_buffer_class_registers_on_assignment(persistent):
    """An `nn.Buffer` that is assigned is a buffer of the module, in the `state_dict` unless `persistent=False`."""
    model = nn.Module()
    model.steps = nn.Buffer(torch.tensor([3.0]), persistent=persistent)
    assert [(name, each.item()) for name, each in model.named_buffers()] == [("steps", 3.0)]
    assert list(model.state_dict()) == ["steps"] * persistent


@fact("torch.nn.Module.get_submodule", claims=["M05"])
@pytest.mark.parametrize("path", MODULES)
def test_get_submodule_follows_the_path(path):
    """`get_submodule` gives the part at a path of names with points between, the module itself for none."""
    model = Net()
    assert model.get_submodule(path) is dict(model.named_modules())[path]


@fact("torch.nn.Module.get_parameter", "torch.nn.Module.get_buffer")
def test_get_parameter_and_buffer_follow_the_path():
    """`get_parameter` and `get_buffer` give what is at a path of names with points between."""
    model = Net()
    assert model.get_parameter("inner.0.weight") is model.inner[0].weight
    assert model.get_parameter("scale") is model.scale
    assert model.get_buffer("inner.1.running_var") is model.inner[1].running_var


@fact("torch.nn.Module.get_submodule", "torch.nn.Module.get_parameter", "torch.nn.Module.get_buffer", claims=["M05"])
@pytest.mark.parametrize(
    ("kind", "path", "words"),
    [
        ("submodule", "inner.9", "has no attribute `9`"),
        ("submodule", "scale", "is not an nn.Module"),
        ("parameter", "first.wieght", "has no attribute `wieght`"),
        ("parameter", "inner.1.running_mean", "is not an nn.Parameter"),
        ("buffer", "scale", "is not a buffer"),
        ("buffer", "nothing", "has no attribute `nothing`"),
    ],
)
def test_get_refuses_what_is_not_there(kind, path, words):
    """`get_submodule`, `get_parameter` and `get_buffer` raise AttributeError for what is missing or of another kind."""
    with pytest.raises(AttributeError, match=words):
        getattr(Net(), f"get_{kind}")(path)


@fact("torch.nn.Module.set_submodule")
def test_set_submodule_puts_a_part_at_a_path():
    """`set_submodule` replaces the part at a path."""
    model, part = Net(), nn.ReLU()
    model.set_submodule("inner.1", part)
    assert model.inner[1] is part
    assert [name for name, _ in model.named_modules()] == MODULES


@fact("torch.nn.Module.forward", claims=["M01", "M06"])
def test_without_forward_cannot_be_called():
    """A call of a module without `forward` is NotImplementedError: 'missing the required "forward" function'."""
    with pytest.raises(NotImplementedError, match='missing the required "forward" function'):
        nn.Module()()


class Twice(nn.Module):
    def forward(self, x):
        return x * 2


def calls_nothing(patch):
    patch.setattr(nn.Module, "__call__", lambda self, *args: None)


@fact("torch.nn.Module", claims=["M01"], myth="a module must define backward", refuter=calls_nothing)
def test_needs_forward_alone(device):
    """A subclass of `nn.Module` needs `forward` alone: neither `__init__` nor `backward`."""
    x = torch.tensor([3.0], device=device, requires_grad=True)
    y = Twice()(x)
    y.backward()
    same(y.detach(), torch.tensor([6.0]))
    same(x.grad, torch.tensor([2.0]))


class Pass(nn.Module):
    def forward(self, x):
        pass


@fact("torch.nn.Module", claims=["M06"], refuter=lambda patch: patch.setattr(Pass, "forward", lambda self, x: x))
def test_whose_forward_passes_gives_none():
    """A module whose `forward` is left as `pass` can be called, and gives None."""
    assert Pass()(torch.ones(1)) is None
    assert list(Pass().parameters()) == []


class ByHand(nn.Module):
    """A linear layer with a weight of shape (in, out)."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
        self.bias = nn.Parameter(torch.tensor([0.5, -0.5]))

    def forward(self, x):
        return x @ self.weight + self.bias


@fact("torch.nn.Linear", claims=["M03"])
def test_layer_by_hand_computes_as_linear_does(device):
    """A layer by hand that computes x @ W + b gives what `Linear` gives with the weight transposed."""
    layer, x = ByHand().to(device), torch.tensor([[1.0, 0.0, 2.0]], device=device)
    linear = nn.Linear(3, 2, device=device)
    linear.load_state_dict({"weight": layer.weight.T, "bias": layer.bias})
    same(layer(x).detach(), torch.tensor([[11.5, 13.5]]))
    same(linear(x).detach(), torch.tensor([[11.5, 13.5]]))


@fact("torch.nn.Parameter", claims=["M02"])
def test_parameters_of_a_layer_by_hand_are_trained(device):
    """A layer by hand computes with its `nn.Parameter`, which gets a gradient in `backward`."""
    layer = ByHand().to(device)
    y = layer(torch.tensor([[1.0, 0.0, 2.0]], device=device))
    same(y, torch.tensor([[11.5, 13.5]]))
    y.sum().backward()
    same(layer.weight.grad, torch.tensor([[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]]))
    same(layer.bias.grad, torch.tensor([1.0, 1.0]))


@fact("torch.nn.Module.extra_repr")
def test_extra_repr_stands_in_the_text():
    """What `extra_repr` gives stands between the brackets of the module's `repr`."""

    class Named(nn.Module):
        def extra_repr(self):
            return "size=3"

    assert repr(Named()) == "Named(size=3)"
    assert nn.Module().extra_repr() == ""
    assert repr(nn.Sequential(nn.ReLU())) == "Sequential(\n  (0): ReLU()\n)"
