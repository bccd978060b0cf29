"""Programs as graphs that Python can read and change: `torch.fx`."""

import operator

import pytest
import torch
from torch import fx, nn

from torchproof import fact, same
from torchproof.fixtures.work import vector


def affine(x, by=2):
    return torch.relu(x * by) + 1


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1, bias=False)
        nn.init.constant_(self.layer.weight, 3.0)

    def forward(self, x):
        return self.layer(x).tanh() * 2


@fact("torch.fx.symbolic_trace")
def test_makes_a_graph_of_calls(device):
    """`torch.fx.symbolic_trace` of a function is a module with a node for each argument, each call and the result."""
    traced = fx.symbolic_trace(affine)
    kinds = [(node.op, getattr(node.target, "__name__", node.target)) for node in traced.graph.nodes]
    assert kinds == [
        ("placeholder", "x"),
        ("placeholder", "by"),
        ("call_function", "mul"),
        ("call_function", "relu"),
        ("call_function", "add"),
        ("output", "output"),
    ]
    same(traced(vector(1.0, -1.0, device=device)), torch.tensor([3.0, 1.0]))
    same(traced(vector(1.0, -1.0, device=device), -3), torch.tensor([1.0, 4.0]))


@fact("torch.fx.symbolic_trace")
def test_shares_the_parameters_of_a_module(device):
    """`symbolic_trace` of a module calls its layers of torch.nn as they are, with their parameters."""
    model = Model().to(device)
    traced = fx.symbolic_trace(model)
    assert [node.target for node in traced.graph.nodes if node.op == "call_module"] == ["layer"]
    assert traced.layer.weight is model.layer.weight
    same(traced(vector(0.0, 0.0, device=device)).detach(), torch.tensor([0.0]))


@fact("torch.fx.symbolic_trace", hint="make the flag a concrete argument")
def test_can_be_given_concrete_arguments(device):
    """`concrete_args` of `torch.fx.symbolic_trace` are constants of the graph: Python may branch on them."""
    traced = fx.symbolic_trace(lambda x, flag: x * 2 if flag else x * 3, concrete_args={"flag": False})
    same(traced(vector(1.0, device=device), False), torch.tensor([3.0]))


@fact("torch.fx.symbolic_trace")
@pytest.mark.parametrize(
    "function", [lambda x: 1 if x > 0 else 2, lambda x: sum(x), lambda x: len(x)], ids=["if", "for", "len"]
)
def test_refuses_to_ask_for_values(function):
    """`torch.fx.symbolic_trace` refuses `if`, `for` and `len` of what it has no value of."""
    with pytest.raises(
        (fx.proxy.TraceError, RuntimeError, TypeError), match=r"control flow|iterat|'len' is not supported"
    ):
        fx.symbolic_trace(function)


@fact("torch.fx.GraphModule.recompile")
def test_can_be_changed(device):
    """A change of a node's target is in the code of a `GraphModule` after `recompile`."""
    traced = fx.symbolic_trace(affine)
    for node in traced.graph.nodes:
        if node.target is torch.relu:
            node.target = torch.neg
    before = traced(vector(1.0, device=device)).item()
    code = traced.recompile()
    assert (before, traced(vector(1.0, device=device)).item()) == (3.0, -1.0)
    assert "torch.neg" in traced.code and "torch.neg" in code.src


@fact("torch.fx.Graph.inserting_after", "torch.fx.Graph.call_function", "torch.fx.Node.replace_all_uses_with")
def test_takes_new_nodes(device):
    """A node put in by `inserting_after` takes another's place in what uses it by `replace_all_uses_with`."""
    graph = fx.symbolic_trace(lambda x: torch.relu(x) + 1).graph
    relu = next(node for node in graph.nodes if node.target is torch.relu)
    with graph.inserting_after(relu):
        doubled = graph.call_function(operator.mul, (relu, 10))
    changed = relu.replace_all_uses_with(doubled)
    doubled.update_arg(0, relu)
    graph.lint()
    assert [node.name for node in changed] == ["add", "mul"]
    same(fx.GraphModule(nn.Module(), graph)(vector(2.0, -2.0, device=device)), torch.tensor([21.0, 1.0]))


@fact("torch.fx.Graph.eliminate_dead_code")
def test_loses_what_nothing_uses():
    """`torch.fx.Graph.eliminate_dead_code` erases the nodes whose result nothing uses."""
    graph = fx.symbolic_trace(lambda x: (torch.exp(x), torch.sin(x))[1]).graph
    assert graph.eliminate_dead_code()
    assert [node.target for node in graph.nodes if node.op == "call_function"] == [torch.sin]
    assert len(graph.nodes) == 3


@fact("torch.fx.Graph.erase_node")
def test_keeps_what_something_uses():
    """`torch.fx.Graph.erase_node` refuses a node that still has users in the graph."""
    graph = fx.symbolic_trace(lambda x: torch.sin(x)).graph
    sine = next(node for node in graph.nodes if node.target is torch.sin)
    with pytest.raises(RuntimeError, match="still ha[ds]"):
        graph.erase_node(sine)
    assert len(graph.nodes) == 3


@fact("torch.fx.Graph.lint")
def test_can_be_checked():
    """`torch.fx.Graph.lint` refuses a node that stands before what it uses: "used before it has been defined"."""
    graph = fx.Graph()
    x = graph.placeholder("x")
    y = graph.call_function(torch.neg, (x,))
    x.prepend(y)
    with pytest.raises(RuntimeError, match="used before it has been defined"):
        graph.lint()


@fact("torch.fx.Graph.placeholder", "torch.fx.Graph.call_method", "torch.fx.Graph.output", "torch.fx.Graph.get_attr")
def test_can_be_made_by_hand(device):
    """A `torch.fx.Graph` made by hand, node by node, becomes a module that runs it."""
    graph, owner = fx.Graph(), nn.Module()
    owner.register_buffer("by", torch.tensor(3.0, device=device))
    x = graph.placeholder("x")
    product = graph.call_method("mul", (x, graph.get_attr("by")))
    output = graph.output(product)
    assert (len(graph.nodes), [node.name for node in output.all_input_nodes]) == (4, ["mul"])
    same(fx.GraphModule(owner, graph)(vector(2.0, device=device)), torch.tensor([6.0]))


@fact("torch.fx.replace_pattern")
def test_replaces_patterns(device):
    """`replace_pattern` puts another piece of program for each place where a pattern is, and says where."""
    traced = fx.symbolic_trace(lambda x, y: torch.relu(x + y) + torch.relu(y + 1))
    found = fx.replace_pattern(traced, lambda a, b: torch.relu(a + b), lambda a, b: a * b)
    same(traced(vector(2.0, device=device), vector(5.0, device=device)), torch.tensor([15.0]))
    assert (len(found), "relu" in traced.code) == (2, False)
    assert 1 in found[1].nodes_map.values()


@fact("torch.fx.Interpreter")
def test_runs_node_by_node(device):
    """A `torch.fx.Interpreter` runs a graph node by node, and a subclass sees each call."""
    seen = []

    class Watching(fx.Interpreter):
        def run_node(self, node):
            result = super().run_node(node)
            seen.append((node.name, result.tolist()))
            return result

    y = Watching(fx.symbolic_trace(lambda x: torch.relu(x) * 2)).run(vector(2.0, -2.0, device=device))
    same(y, torch.tensor([4.0, 0.0]))
    assert seen == [("x", [2.0, -2.0]), ("relu", [2.0, 0.0]), ("mul", [4.0, 0.0]), ("output", [4.0, 0.0])]


@fact("torch.fx.Transformer")
def test_is_made_anew_by_a_transformer(device):
    """A `torch.fx.Transformer` makes another module of a graph, call by call, and leaves the first as it was."""

    class Negated(fx.Transformer):
        def call_function(self, target, arguments, keywords):
            return super().call_function(torch.neg if target is torch.relu else target, arguments, keywords)

    traced = fx.symbolic_trace(affine)
    other = Negated(traced).transform()
    assert (traced(vector(1.0, device=device)).item(), other(vector(1.0, device=device)).item()) == (3.0, -1.0)
    assert (len(traced.graph.nodes), len(other.graph.nodes)) == (6, 6)


@fact("torch.fx.Tracer")
def test_keeps_the_root_of_what_it_traced(device):
    """A `torch.fx.Tracer` keeps as `root` the module that it traced, and for a function one with nothing in it."""
    model, tracer, other = Model(), fx.Tracer(), fx.Tracer()
    graph, _ = tracer.trace(affine), other.trace(model)
    assert (other.root is model, list(tracer.root.children())) == (True, [])
    same(fx.GraphModule(tracer.root, graph)(vector(1.0, device=device)), torch.tensor([3.0]))


@fact("torch.fx.Tracer")
def test_looks_into_what_is_no_leaf(device):
    """A `torch.fx.Tracer` calls modules that it takes for leaves, and traces through all others."""

    class Through(fx.Tracer):
        def is_leaf_module(self, module, name):
            return False

    model = Model().to(device)
    kinds = [[node.op for node in tracer.trace(model).nodes] for tracer in (fx.Tracer(), Through())]
    assert ["call_module" in each for each in kinds] == [True, False]
    assert "get_attr" in kinds[1]
    traced = fx.GraphModule(model, Through().trace(model))
    same(traced(vector(0.0, 0.0, device=device)).detach(), torch.tensor([0.0]))
