"""Which everyday Python stays in one graph of `torch.compile`, and which breaks it, over releases."""

import math

import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.suites.compile.backends import forget
from torchproof.suites.compile.everyday import NONE_UNTIL, ONE, ONE_SINCE, TWO, TWO_UNTIL, VALUES, while_below


@pytest.fixture
def compiled():
    """`compiled(function)`: the function with a back end that counts, and the list of its graphs; forgotten later."""

    def make(function, **options):
        forget()
        graphs = []
        back_end = lambda graph, inputs: graphs.append(graph) or graph.forward  # noqa: E731
        return torch.compile(function, backend=back_end, **options), graphs

    yield make
    forget()


def x_on(device):
    return torch.tensor([[0.5, -1.0], [2.0, 0.25]], device=device)


def measured(compiled, function, device, numbers, **options):
    """How many graphs the function becomes, where it gives what it gives in Python."""
    call, graphs = compiled(function, **options)
    same(call(x_on(device)), function(x_on(device)))
    numbers["graphs"], numbers["breaks"] = len(graphs), max(0, len(graphs) - 1)
    return len(graphs)


def more_graphs(patch):
    """What is compiled has three graphs more: to wrap `torch.compile` alone moves where older releases break by one."""
    compile = torch.compile

    def instead(function, **options):
        calls = [compile(one, **options) for one in (torch.neg, torch.abs, torch.exp, function)]
        return lambda x: [call(x) for call in calls][-1]

    patch.setattr(torch, "compile", instead)


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
@pytest.mark.parametrize("name", ONE)
def test_leaves_everyday_python_in_one_graph(device, numbers, compiled, name):
    """Everyday Python that wants no value of a tensor stays in one graph of `torch.compile`, and gives the same."""
    assert measured(compiled, ONE[name], device, numbers, fullgraph=True) == 1


@fact("torch.compile", since="2.1", calls="names numpy|itertools|defaultdict|deque|checkpoint", gain=True)
@pytest.mark.parametrize("name", ONE_SINCE["2.1"])
def test_leaves_numpy_and_iterators_in_one_graph(device, numbers, compiled, name):
    """NumPy functions, `sorted` by a key, `itertools`, `deque`, `checkpoint` stay in one graph of `torch.compile`."""
    assert measured(compiled, ONE_SINCE["2.1"][name], device, numbers, fullgraph=True) == 1


@fact("torch.compile", since="2.2", calls="names partial", gain=True)
@pytest.mark.parametrize("name", ONE_SINCE["2.2"])
def test_leaves_text_of_shapes_and_objects_in_one_graph(device, numbers, compiled, name):
    """Text of shapes, `partial`, and objects that are called stay in one graph of `torch.compile`."""
    assert measured(compiled, ONE_SINCE["2.2"][name], device, numbers, fullgraph=True) == 1


@fact("torch.compile", since="2.3", calls="names inference_mode|lru_cache", gain=True)
@pytest.mark.parametrize("name", ONE_SINCE["2.3"])
def test_leaves_text_and_caches_in_one_graph(device, numbers, compiled, name):
    """Text of a tensor, `inference_mode` and `lru_cache` stay in one graph of `torch.compile`."""
    assert measured(compiled, ONE_SINCE["2.3"][name], device, numbers, fullgraph=True) == 1


@fact("torch.compile", since="2.4", calls="names except|vmap", gain=True)
@pytest.mark.parametrize("name", ONE_SINCE["2.4"])
def test_leaves_exceptions_in_one_graph(device, numbers, compiled, name):
    """An exception that is raised and caught, `vmap` and `torch.func.grad` stay in one graph of `torch.compile`."""
    assert measured(compiled, ONE_SINCE["2.4"][name], device, numbers, fullgraph=True) == 1


@fact("torch.compile", since="2.6", calls="names update|sorted|data_ptr", gain=True)
@pytest.mark.parametrize("name", ONE_SINCE["2.6"])
def test_leaves_updates_and_sorting_in_one_graph(device, numbers, compiled, name):
    """`dict.update`, tensors sorted by a key, a scalar of NumPy and `data_ptr` stay in one graph of `torch.compile`."""
    assert measured(compiled, ONE_SINCE["2.6"][name], device, numbers, fullgraph=True) == 1


@fact("torch.compile", since="2.7", calls="names contextmanager|replace", gain=True)
@pytest.mark.parametrize("name", ONE_SINCE["2.7"])
def test_leaves_context_managers_in_one_graph(device, numbers, compiled, name):
    """A context manager made by `contextlib`, and `dataclasses.replace`, stay in one graph of `torch.compile`."""
    assert measured(compiled, ONE_SINCE["2.7"][name], device, numbers, fullgraph=True) == 1


@fact("torch.compile", since="2.9", calls="names _replace|Counter", gain=True)
@pytest.mark.parametrize("name", ONE_SINCE["2.9"])
def test_leaves_counters_in_one_graph(device, numbers, compiled, name):
    """`_replace` of a named tuple, and a `Counter`, stay in one graph of `torch.compile`."""
    assert measured(compiled, ONE_SINCE["2.9"][name], device, numbers, fullgraph=True) == 1


@fact("torch.compile", since="2.12", calls="names deepcopy|re", gain=True)
@pytest.mark.parametrize("name", ONE_SINCE["2.12"])
def test_leaves_copies_and_regular_expressions_in_one_graph(device, numbers, compiled, name):
    """A `deepcopy` of a list, and a regular expression, stay in one graph of `torch.compile`."""
    assert measured(compiled, ONE_SINCE["2.12"][name], device, numbers, fullgraph=True) == 1


@fact("torch.compile", since="2.13", calls="names id|hash", gain=True)
@pytest.mark.parametrize("name", ONE_SINCE["2.13"])
def test_leaves_identities_in_one_graph(device, numbers, compiled, name):
    """`id` and `hash` of a tensor stay in one graph of `torch.compile`."""
    assert measured(compiled, ONE_SINCE["2.13"][name], device, numbers, fullgraph=True) == 1


@fact("torch.compile", since="2.14", calls="names except", gain=True)
@pytest.mark.parametrize("name", ONE_SINCE["2.14"])
def test_leaves_errors_of_torch_in_one_graph(device, numbers, compiled, name):
    """An error of torch that is raised and caught stays in one graph of `torch.compile`."""
    assert measured(compiled, ONE_SINCE["2.14"][name], device, numbers, fullgraph=True) == 1


@fact(
    "torch.compile",
    where="before 2.1: torch.compile takes this Python",
    hint="move it out of what is compiled, or decorate it with torch.compiler.disable",
)
@pytest.mark.parametrize("name", TWO)
@pytest.mark.filterwarnings("ignore:careful")
def test_breaks_the_graph_in_two(device, numbers, compiled, name):
    """What Python does itself, to print, log, wait, copy, or branch on values, is a graph break of `torch.compile`."""
    assert measured(compiled, TWO[name], device, numbers) == 2


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
@pytest.mark.parametrize("name", TWO)
@pytest.mark.filterwarnings("ignore:careful")
def test_is_refused_in_a_full_graph(device, compiled, name):
    """What breaks the graph, as to print or to branch on values, is refused by `torch.compile(fullgraph=True)`."""
    with pytest.raises(torch._dynamo.exc.TorchDynamoException):
        compiled(TWO[name], fullgraph=True)[0](x_on(device))


@fact("torch.compile", where="before 2.1: torch.compile takes this Python", hint="use torch.where, or a fixed number")
def test_cannot_have_a_loop_on_values_in_one_graph(device, compiled):
    """`torch.compile` with `fullgraph=True` refuses a `while` that a tensor's values end."""
    with pytest.raises(torch._dynamo.exc.TorchDynamoException):
        compiled(while_below, fullgraph=True)[0](x_on(device))


@fact(
    "torch.compile", where="before 2.1: torch.compile takes this Python", until="2.5", calls="names environ", gain=True
)
@pytest.mark.parametrize("name", TWO_UNTIL["2.5"])
def test_was_broken_by_environ(device, numbers, compiled, name):
    """To read `os.environ` broke the graph of `torch.compile` in two."""
    assert measured(compiled, TWO_UNTIL["2.5"][name], device, numbers) == 2


@fact(
    "torch.compile",
    where="before 2.1: torch.compile takes this Python",
    until="2.6",
    calls="names update|sorted|data_ptr",
    gain=True,
    refuter=more_graphs,
)
@pytest.mark.parametrize("name", TWO_UNTIL["2.6"])
def test_was_broken_by_updates_and_sorting(device, numbers, compiled, name):
    """`dict.update`, tensors sorted by a key, a NumPy scalar and `data_ptr` broke the graph of `torch.compile`."""
    assert measured(compiled, TWO_UNTIL["2.6"][name], device, numbers) == 2


@fact(
    "torch.compile",
    where="before 2.1: torch.compile takes this Python",
    until="2.12",
    calls="names re",
    gain=True,
    refuter=more_graphs,
)
@pytest.mark.parametrize("name", TWO_UNTIL["2.12"])
def test_was_broken_by_regular_expressions(device, numbers, compiled, name):
    """A regular expression, by `re.match`, broke the graph of `torch.compile` in two."""
    assert measured(compiled, TWO_UNTIL["2.12"][name], device, numbers) == 2


@fact(
    "torch.compile", where="before 2.1: torch.compile takes this Python", until="2.13", calls="names id|hash", gain=True
)
@pytest.mark.parametrize("name", TWO_UNTIL["2.13"])
def test_was_broken_by_identities(device, numbers, compiled, name):
    """`id` and `hash` of a tensor broke the graph of `torch.compile` in two."""
    assert measured(compiled, TWO_UNTIL["2.13"][name], device, numbers) == 2


@fact(
    "torch.compile",
    where="before 2.1: torch.compile takes this Python",
    until="2.4",
    calls="names except|vmap",
    gain=True,
    refuter=more_graphs,
)
@pytest.mark.parametrize("name", NONE_UNTIL["2.4"])
def test_was_given_up_for_exceptions(device, numbers, compiled, name):
    """A function that caught its own exception was left to Python as a whole by `torch.compile`."""
    assert measured(compiled, NONE_UNTIL["2.4"][name], device, numbers) == 0


@fact(
    "torch.compile",
    where="before 2.1: torch.compile takes this Python",
    until="2.7",
    calls="names contextmanager|replace",
    gain=True,
    refuter=more_graphs,
)
@pytest.mark.parametrize("name", NONE_UNTIL["2.7"])
def test_was_given_up_for_context_managers(device, numbers, compiled, name):
    """`torch.compile` left a function with a generator's context, or `dataclasses.replace`, to Python as a whole."""
    assert measured(compiled, NONE_UNTIL["2.7"][name], device, numbers) == 0


@fact(
    "torch.compile",
    where="before 2.1: torch.compile takes this Python",
    hint="keep the number in a tensor, or use torch.where",
)
@pytest.mark.parametrize("name", VALUES)
def test_breaks_the_graph_where_values_decide(device, numbers, compiled, name):
    """A value in Python, as of `item`, and a size that depends on values break the graph of `torch.compile` in two."""
    assert measured(compiled, VALUES[name], device, numbers) == 2


@fact(
    "torch.compile",
    since="2.10",
    calls="fullgraph=True, names item|tolist|nonzero|unique|masked_select|bincount|repeat_interleave",
    gain=True,
)
@pytest.mark.parametrize("name", VALUES)
def test_keeps_values_in_a_full_graph(device, numbers, compiled, name):
    """`torch.compile` with `fullgraph=True` keeps a value of `item` and a size that depends on values in one graph."""
    assert measured(compiled, VALUES[name], device, numbers, fullgraph=True) == 1


@fact(
    "torch.compile",
    where="before 2.1: torch.compile takes this Python",
    until="2.10",
    calls="fullgraph=True, names item|tolist|nonzero|unique|masked_select|bincount|repeat_interleave",
)
@pytest.mark.parametrize("name", VALUES)
def test_refused_values_in_a_full_graph(device, compiled, name):
    """`torch.compile` with `fullgraph=True` refused a value that `item` gives, and a size that depends on values."""
    function, graphs = compiled(VALUES[name], fullgraph=True)
    with pytest.raises(torch._dynamo.exc.TorchDynamoException):
        function(x_on(device))
    assert len(graphs) == 0


def _modules():
    """Three models, and the shape of their inputs."""
    return {
        "perceptron": (nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2)), (3, 4)),
        "convolution": (
            nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)),
            (3, 1, 4, 4),
        ),
        "transformer": (nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True), (2, 3, 4)),
    }


def _of_a_step(call, module, x):
    """The result of a call and the gradients behind it, with the same seed each time."""
    torch.manual_seed(0)
    module.zero_grad()
    result = call(x)
    result.square().sum().backward()
    return [result.detach(), *(parameter.grad.clone() for parameter in module.parameters())]


def trained(name, back_end, device, numbers):
    """How many graphs a step of training the model becomes, where it gives what it gives in Python."""
    module, shape = _modules()[name]
    from torch._dynamo.backends.registry import lookup_backend

    forget()
    graphs, run = [], lookup_backend(back_end)
    one = torch.compile(module.to(device), backend=lambda *args: graphs.append(args[0]) or run(*args))
    x = torch.linspace(-1, 1, math.prod(shape), device=device).view(shape)
    for got, want in zip(_of_a_step(one, module, x), _of_a_step(module, module, x)):
        close(got, want.double().cpu().numpy(), roundings=64, scale=max(1.0, want.abs().max().item()))
    numbers["graphs"], numbers["breaks"] = len(graphs), len(graphs) - 1
    return len(graphs)


BACK_ENDS = pytest.mark.parametrize("back_end", ["eager", "aot_eager"])


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
@BACK_ENDS
@pytest.mark.parametrize("name", ["perceptron", "convolution"])
def test_takes_small_models_as_one_graph(device, numbers, name, back_end):
    """`torch.compile` makes one graph of a perceptron with dropout or a convolution net, and trains as Python does."""
    assert trained(name, back_end, device, numbers) == 1


@fact("torch.compile", since="2.1", calls="names Transformer*", gain=True)
@BACK_ENDS
def test_takes_a_transformer_layer_as_one_graph(device, numbers, back_end):
    """`torch.compile` makes one graph of a `TransformerEncoderLayer`."""
    assert trained("transformer", back_end, device, numbers) == 1
