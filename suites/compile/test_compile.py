"""What `torch.compile` keeps of Python and of torch, without generated code; how often: `test_recompiling`."""

import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.suites.compile.backends import forget

pytestmark = pytest.mark.usefixtures("forgotten")


@pytest.fixture
def forgotten():
    """What is compiled here is forgotten afterwards."""
    yield
    forget()


@pytest.fixture
def default_stance():
    """What `set_stance` left in force is taken back, before a fact and after it."""
    torch.compiler.set_stance("default")
    yield
    torch.compiler.set_stance("default")


@pytest.fixture
def graphs():
    """A list of the graphs that were compiled, by a back end that runs them as they are: `graphs.back_end`."""
    return Graphs()


class Graphs(list):
    def back_end(self, graph, inputs):
        self.append(graph)
        return graph.forward


def x_on(device):
    return torch.tensor([[0.5, -1.0], [2.0, 0.25]], device=device)


EVERYDAY = {
    "pointwise": lambda x: torch.relu(x).exp() * 2 - x.sin(),
    "matmul": lambda x: x @ x.t() + x.mm(x),
    "reductions": lambda x: x.sum(0) + x.mean(1) + x.amax() - x.std(),
    "softmax": lambda x: torch.softmax(x, -1) + torch.log_softmax(x, 0),
    "indexing": lambda x: x[0] + x[:, 1] + x[torch.tensor([1, 0])][0] + x[..., None].squeeze(-1),
    "assignment": lambda x: x.clone().index_fill_(0, torch.tensor([0], device=x.device), 7.0),
    "views": lambda x: x.view(4).reshape(2, 2).transpose(0, 1).flatten()[1:].unflatten(0, (3, 1)).permute(1, 0),
    "joining": lambda x: torch.cat([x, x]).chunk(2)[1] + torch.stack([x, x], 1)[:, 0],
    "where": lambda x: torch.where(x > 0, x, -x).clamp(max=1),
    "sorting": lambda x: x.sort(-1).values + x.topk(2, 0).values + x.argmax(),
    "in_place": lambda x: x.clone().add_(1).mul_(2),
    "norms": lambda x: torch.linalg.norm(x) + nn.functional.layer_norm(x, [2]).sum(),
    "linear": lambda x: nn.functional.gelu(nn.functional.linear(x, x)),
    "loss": lambda x: nn.functional.cross_entropy(x, torch.tensor([0, 1], device=x.device)),
    "dtypes": lambda x: x.double().long().float() + x.to(torch.bfloat16).float(),
    "einsum": lambda x: torch.einsum("ij,jk->ik", x, x),
    "python": lambda x: sum(each * by for by, each in enumerate(x.unbind())) if len(x.shape) == 2 else x,
    "closures": lambda x: (lambda y: y + x[0])(x.split(1)[1]),
    "dicts": lambda x: {"a": x, "b": {"c": x * 2}}["b"]["c"],
    "strings": lambda x: x * len(f"{x.shape[0]} rows".split()),
}


def compiled(function, **options):
    """The function, compiled when nothing has been yet."""
    forget()
    return torch.compile(function, **options)


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
@pytest.mark.parametrize("name", EVERYDAY)
def test_makes_one_graph_of_everyday_code(device, graphs, name):
    """`torch.compile` makes one graph of everyday code of tensors, lists, dicts and closures, with the same result."""
    x = x_on(device)
    got = compiled(EVERYDAY[name], backend=graphs.back_end, fullgraph=True)(x)
    assert len(graphs) == 1
    same(got, EVERYDAY[name](x))


@fact(
    "torch.compile",
    where="before 2.1: torch.compile takes this Python",
    hint="use torch.where, or move the branch out of the compiled function",
)
def test_breaks_the_graph_where_python_needs_a_value(device, graphs):
    """A branch on a tensor's value breaks the graph of `torch.compile` in two."""
    function = lambda x: x * 2 if x.sum() > 0 else x - 1  # noqa: E731
    same(torch.compile(function, backend=graphs.back_end)(x_on(device)), x_on(device) * 2)
    assert len(graphs) == 2


@fact("torch.compile", where="before 2.1: torch.compile takes this Python", claims=["G01"])
def test_takes_the_branch_of_each_call(device):
    """A function with a branch on values takes the right one at each call also under `torch.compile`."""
    call = compiled(lambda x: x * 2 if x.sum() > 0 else x - 1, backend="eager")
    up, down = (torch.tensor([number], device=device) for number in (3.0, -3.0))
    assert [call(x).item() for x in (up, down, up)] == [6.0, -4.0, 6.0]


@fact("torch.compile", where="before 2.1: torch.compile takes this Python", claims=["G02"])
def test_keeps_side_effects(device):
    """A side effect in Python, such as an append to a list, happens at each call under `torch.compile` too."""
    calls = []

    def function(x):
        calls.append(len(calls))
        return x * 2

    call = compiled(function, backend="eager")
    results = [call(x_on(device)) for _ in range(3)]
    assert calls == [0, 1, 2]
    same(results[2], x_on(device) * 2)


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
def test_compiles_at_the_first_call(device, graphs):
    """`torch.compile` itself compiles nothing: the first call does, and the next with a like input does not."""
    call = compiled(lambda x: x.sin(), backend=graphs.back_end)
    counts = [len(graphs)]
    for _ in range(2):
        same(call(x_on(device)), x_on(device).sin())
        counts.append(len(graphs))
    assert counts == [0, 1, 1]


@fact("torch.compile", since="2.1", calls="any", gain=True)
@pytest.mark.parametrize(("dynamic", "count"), [(None, 2), (True, 1), (False, 4)], ids=["default", "dynamic", "static"])
def test_compiles_again_for_other_shapes(device, graphs, dynamic, count):
    """A second size makes `torch.compile` recompile once, and a third not again, unless `dynamic` is True or False."""
    call = compiled(lambda x: x * 2, backend=graphs.back_end, dynamic=dynamic)
    for size in (3, 4, 5, 6):
        same(call(torch.ones(size, device=device)), torch.full((size,), 2.0))
    assert len(graphs) == count


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
def test_has_the_gradients(device):
    """A function under `torch.compile(backend="aot_eager")` has the gradients that it has without."""
    x, y = (x_on(device).requires_grad_() for _ in range(2))
    function = lambda x: torch.softmax(x @ x, 1)[:, 0].sum()  # noqa: E731
    compiled(function, backend="aot_eager")(x).backward()
    function(y).backward()
    close(x.grad, y.grad.double().tolist(), roundings=16, scale=1.0)


@fact("torch.compile", where="before 2.1: torch.compile takes this Python", hint="give it the in-place function")
def test_changes_its_arguments_where_the_function_does(device):
    """A function that changes its argument in place does so under `torch.compile(backend="aot_eager")` too."""
    x = x_on(device)
    y = compiled(lambda x: x.mul_(2).add_(1), backend="aot_eager")(x)
    assert y is x
    same(x, x_on(device) * 2 + 1)


@fact(
    "torch.compile",
    where="before 2.1: torch.compile takes this Python",
    hint="call module.compile() instead, or save module.state_dict()",
)
def test_of_a_module_shares_its_parameters(device):
    """`torch.compile` of a module shares its parameters, under names that begin with `_orig_mod.`."""
    layer = nn.Linear(2, 1).to(device)
    call = compiled(layer, backend="eager")
    call(x_on(device)).sum().backward()
    assert list(call.state_dict()) == ["_orig_mod.weight", "_orig_mod.bias"]
    same(layer.bias.grad, torch.tensor([2.0]))


@fact("torch.nn.Module.compile")
def test_of_a_module_in_place_keeps_its_names(device, graphs):
    """`Module.compile` compiles the calls of a module itself, whose names stay as they are."""

    class Doubled(nn.Linear):
        def forward(self, x):
            return super().forward(x) * 2

    layer = Doubled(2, 1, bias=False).to(device)
    before = layer(x_on(device)).detach()
    layer.compile(backend=graphs.back_end)
    same(layer(x_on(device)).detach(), before)
    assert (len(graphs), list(layer.state_dict())) == (1, ["weight"])


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
def test_decorates_with_and_without_arguments(device, graphs):
    """`torch.compile` decorates a function, also where it is given nothing but its options."""
    forget()

    @torch.compile(backend=graphs.back_end)
    def doubled(x):
        return x * 2

    same(doubled(x_on(device)), x_on(device) * 2)
    assert (len(graphs), doubled.__name__) == (1, "doubled")


@fact("torch.compile", since="2.1", calls="none")
def test_refuses_an_unknown_back_end():
    """`torch.compile` refuses a `backend` whose name is not known when it is given: InvalidBackend."""
    with pytest.raises(torch._dynamo.exc.InvalidBackend, match="no_such_thing"):
        torch.compile(torch.sin, backend="no_such_thing")


@fact("torch.compile")
def test_refuses_a_mode_beside_options():
    """`torch.compile` refuses `mode` and `options` at once with RuntimeError."""
    with pytest.raises(RuntimeError, match="mode or options"):
        torch.compile(torch.sin, mode="default", options={"triton.cudagraphs": True})


@fact("torch.compile", where="before 2.1: torch.compile takes this Python", source="torch.compiler_faq")
def test_passes_on_what_the_function_raises(device):
    """A KeyError that a function raises comes out of it under `torch.compile` as it is."""

    def function(x):
        raise KeyError("own")

    with pytest.raises(KeyError, match="own"):
        compiled(function, backend="eager")(x_on(device))
    with pytest.raises(KeyError, match="own"):
        function(x_on(device))


@fact("torch.compiler.disable", since="2.3", calls="none")
def test_leaves_a_disabled_function_to_python(device, graphs):
    """A function that `torch.compiler.disable` decorates runs in Python, between the graphs of what calls it."""
    seen = []

    @torch.compiler.disable
    def inner(x):
        seen.append(torch.compiler.is_compiling())
        return x + 1

    same(torch.compile(lambda x: inner(x * 2) * 3, backend=graphs.back_end)(x_on(device)), (x_on(device) * 2 + 1) * 3)
    assert (seen, len(graphs)) == ([False], 2)


@fact(
    "torch.compiler.is_compiling",
    unproven="what is compiled knows this function by its identity, which a stand-in has not",
)
def test_can_be_asked_for(device):
    """`torch.compiler.is_compiling` is True in a function that is being compiled, and False where it runs."""
    function = lambda x: x * (2 if torch.compiler.is_compiling() else 3)  # noqa: E731
    same(torch.compile(function, backend="eager")(x_on(device)), x_on(device) * 2)
    same(function(x_on(device)), x_on(device) * 3)


@fact("torch.compiler.reset")
def test_can_be_forgotten(device, graphs):
    """After `torch.compiler.reset` a compiled function compiles again."""
    compiled = torch.compile(lambda x: x * 2, backend=graphs.back_end)
    compiled(x_on(device)), compiled(x_on(device))
    before = len(graphs)
    torch.compiler.reset()
    same(compiled(x_on(device)), x_on(device) * 2)
    assert (before, len(graphs)) == (1, 2)


@fact("torch.compiler.list_backends")
def test_lists_its_back_ends():
    """`torch.compiler.list_backends` names those that are built in, as "inductor" and "cudagraphs", in ABC order."""
    names = torch.compiler.list_backends()
    assert {"cudagraphs", "inductor", "tvm"} <= set(names)
    assert names == sorted(names)


@fact("torch.compiler.list_backends")
def test_lists_back_ends_for_debugging_when_asked():
    """`torch.compiler.list_backends` names what is for debugging, as "aot_eager", with `exclude_tags=()` alone."""
    assert "aot_eager" in torch.compiler.list_backends(exclude_tags=())
    assert "aot_eager" not in torch.compiler.list_backends()


@fact("torch.compiler.set_stance")
def test_can_be_told_to_do_without(device, graphs, default_stance):
    """Under `set_stance("force_eager")` a compiled function runs in Python, and after it compiled again."""
    compiled = torch.compile(lambda x: x * 2, backend=graphs.back_end)
    with torch.compiler.set_stance("force_eager"):
        same(compiled(x_on(device)), x_on(device) * 2)
        inside = len(graphs)
    same(compiled(x_on(device)), x_on(device) * 2)
    assert (inside, len(graphs)) == (0, 1)


@fact("torch.compiler.set_stance")
def test_can_be_kept_from_compiling_again(device, default_stance):
    """Under `set_stance("fail_on_recompile")` a call that would compile again is refused."""
    compiled = torch.compile(lambda x: x * 2, backend="eager")
    compiled(x_on(device))
    with torch.compiler.set_stance("fail_on_recompile"):
        same(compiled(x_on(device)), x_on(device) * 2)
        with pytest.raises(RuntimeError, match="recompil"):
            compiled(x_on(device).double())


@fact("torch.library.custom_op")
def test_takes_a_custom_operator_as_it_is(device, graphs):
    """An operator made by `custom_op` is one node of the graph of `torch.compile`, also where it computes by NumPy."""

    @torch.library.custom_op("torchproof::tripled", mutates_args=())
    def tripled(x: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(x.cpu().numpy() * 3).to(x.device)

    tripled.register_fake(torch.empty_like)
    got = torch.compile(lambda x: tripled(x) + 1, backend=graphs.back_end, fullgraph=True)(x_on(device))
    same(got, x_on(device) * 3 + 1)
    assert [str(node.target) for node in graphs[0].graph.nodes if "tripled" in str(node.target)] != []
