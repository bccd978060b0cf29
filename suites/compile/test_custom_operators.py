"""Operators of one's own: `torch.library`, and what becomes of them in autograd, `vmap` and `torch.compile`."""

import itertools

import pytest
import torch
from torch import Tensor

from torchproof import fact, same

NUMBERS = itertools.count()
LIBRARIES = []  # they stay: `torch.ops` names the operators of one that is gone, and whoever walks through it fails


@pytest.fixture
def name():
    """A name that no operator has had."""
    return f"torchproof_own::scaled{next(NUMBERS)}"


@pytest.fixture
def scaled(name):
    """A new operator that scales, with nothing registered to it but that."""

    @torch.library.custom_op(name, mutates_args=())
    def scaled(x: Tensor, by: float = 2.0) -> Tensor:
        return torch.from_numpy(x.detach().cpu().numpy() * by).to(x.device)

    return scaled


@pytest.fixture
def library():
    """A library with a namespace of its own."""
    library = torch.library.Library(f"torchproof_library{next(NUMBERS)}", "DEF")
    LIBRARIES.append(library)
    return library


def x_on(device):
    return torch.tensor([1.0, -2.0, 4.0], device=device)


def registered(name):
    """The operator of this name where `torch.ops` has it."""
    space, _, operator = name.partition("::")
    return getattr(getattr(torch.ops, space), operator)


@fact("torch.library.custom_op")
def test_makes_an_operator_of_a_function(device, name):
    """`custom_op` registers the function under its name in `torch.ops`, with a schema from its annotations."""

    @torch.library.custom_op(name, mutates_args=())
    def scaled(x: Tensor, by: float = 2.0) -> Tensor:
        return x * by

    same(scaled(x_on(device), 3.0), torch.tensor([3.0, -6.0, 12.0]))
    same(registered(name)(x_on(device)), torch.tensor([2.0, -4.0, 8.0]))
    assert str(registered(name).default._schema) == f"{name}(Tensor x, float by=2.) -> Tensor"


@fact("torch.library.custom_op")
def test_wants_annotations(name):
    """`custom_op` refuses a function without annotations, "must have a type annotation", unless a schema is given."""
    with pytest.raises(ValueError, match="must have a type annotation"):
        torch.library.custom_op(name, lambda x: x * 2, mutates_args=())
    torch.library.custom_op(name, lambda x: x * 2, mutates_args=(), schema="(Tensor x) -> Tensor")
    same(registered(name)(torch.ones(2)), torch.tensor([2.0, 2.0]))


@fact("torch.library.custom_op")
def test_refuses_to_give_an_argument(name):
    """An operator of `custom_op` that gives its argument itself is refused when it is called, as an alias."""

    @torch.library.custom_op(name, mutates_args=())
    def unchanged(x: Tensor) -> Tensor:
        return x

    with pytest.raises(RuntimeError, match="alias"):
        unchanged(torch.ones(2))


@fact("torch.library.custom_op")
def test_counts_what_it_changes(device, name):
    """An operator of `custom_op` that says in `mutates_args` what it changes raises that tensor's version."""

    @torch.library.custom_op(name, mutates_args={"x"})
    def doubled_(x: Tensor) -> None:
        x.mul_(2)

    x = x_on(device)
    before = x._version
    assert doubled_(x) is None
    same(x, torch.tensor([2.0, -4.0, 8.0]))
    assert x._version > before


@fact("torch.library.custom_op")
def test_runs_on_what_it_was_made_for(name):
    """An operator that `custom_op` made with `device_types="cuda"` is refused on the CPU."""

    @torch.library.custom_op(name, mutates_args=(), device_types="cuda")
    def scaled(x: Tensor) -> Tensor:
        return x * 2

    with pytest.raises(NotImplementedError, match="CPU"):
        scaled(torch.ones(2))


@fact("torch.library.register_kernel")
def test_can_have_a_kernel_for_a_device(scaled):
    """A kernel that `register_kernel` registers for the CPU is what runs there."""
    calls = []
    kernel = lambda x, by=2.0: calls.append(by) or x * by + 100  # noqa: E731
    assert torch.library.register_kernel(scaled, "cpu", kernel) is kernel
    same(scaled(torch.ones(2), 3.0), torch.tensor([103.0, 103.0]))
    assert calls == [3.0]


@fact("torch.library.register_autograd")
def test_has_the_gradient_that_is_registered(device, scaled):
    """A `custom_op` has the gradient that `register_autograd` registers for it."""
    x, calls = x_on(device).requires_grad_(), []

    def remember(ctx, inputs, output):
        ctx.by = inputs[1]

    backward = lambda ctx, grad: calls.append(ctx.by) or (grad * ctx.by, None)  # noqa: E731
    torch.library.register_autograd(scaled, backward, setup_context=remember)
    scaled(x, 3.0).backward(torch.tensor([1.0, 10.0, 100.0], device=device))
    same(x.grad, torch.tensor([3.0, 30.0, 300.0]))
    assert calls == [3.0]


@fact("torch.library.custom_op", hint="torch.library.register_autograd")
def test_has_no_gradient_that_is_not_registered(device, scaled):
    """`backward` through a `custom_op` without a gradient of its own is refused: no autograd formula."""
    with pytest.raises(RuntimeError, match="no autograd formula"):
        scaled(x_on(device).requires_grad_(), 3.0).sum().backward()


@fact("torch.library.register_fake")
def test_knows_its_shape_from_its_fake(device, scaled):
    """What `register_fake` registers gives a `custom_op` its result on the meta device, and is called for no other."""
    called = []

    def shape_of(x, by=2.0):
        called.append(x.device.type)
        return x.new_empty(x.shape)

    assert torch.library.register_fake(scaled, shape_of) is shape_of
    same(scaled(x_on(device)), torch.tensor([2.0, -4.0, 8.0]))
    result = scaled(torch.empty(5, device="meta"))
    assert (result.device.type, tuple(result.shape), called) == ("meta", (5,), ["meta"])


@fact("torch.library.register_fake", "torch.compile")
def test_wants_a_fake_to_be_compiled(device, scaled):
    """A `custom_op` without a fake implementation is refused in a full graph of `torch.compile`, with one it is not."""
    graphs = []
    back_end = lambda graph, inputs: graphs.append(graph) or graph.forward  # noqa: E731
    function = torch.compile(lambda x: scaled(x, 3.0) + 1, backend=back_end, fullgraph=True)
    torch.compiler.reset()
    with pytest.raises(torch._dynamo.exc.TorchDynamoException, match=r"fake|meta"):
        function(x_on(device))
    torch.library.register_fake(scaled, lambda x, by=2.0: torch.empty_like(x))
    torch.compiler.reset()
    same(function(x_on(device)), torch.tensor([4.0, -5.0, 13.0]))
    assert len(graphs) == 1


@fact("torch.library.register_vmap")
def test_can_be_mapped(device, scaled):
    """A `custom_op` is called once for a whole batch under `vmap` where `register_vmap` registers that."""
    calls = []

    def of_a_batch(info, dims, x, by=2.0):
        calls.append((info.batch_size, dims[0]))
        return scaled(x, by), dims[0]

    torch.library.register_vmap(scaled, of_a_batch)
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], device=device)
    same(torch.vmap(lambda row: scaled(row, 3.0))(x), torch.tensor([[3.0, 6.0], [9.0, 12.0], [15.0, 18.0]]))
    assert calls == [(3, 0)]


@fact("torch.library.infer_schema")
def test_infers_a_schema():
    """`infer_schema` reads the types and defaults of a function, and marks what is changed."""

    def function(x: Tensor, flag: bool, count: int = 3, by: float = 1.5) -> Tensor:
        raise NotImplementedError

    schema = torch.library.infer_schema(function, mutates_args={"x"}, op_name="own")
    assert schema == "own(Tensor(a0!) x, bool flag, SymInt count=3, float by=1.5) -> Tensor"


@fact("torch.library.opcheck")
def test_finds_what_an_operator_leaves_out(scaled):
    """`opcheck` refuses an operator without a fake implementation, and passes it when it has one."""
    with pytest.raises(Exception, match="fake impl") as raised:
        torch.library.opcheck(scaled, (torch.ones(2), 3.0))
    assert type(raised.value).__name__ == "OpCheckError"
    scaled.register_fake(lambda x, by=2.0: torch.empty_like(x))
    checks = torch.library.opcheck(scaled, (torch.ones(2), 3.0))
    assert set(checks.values()) == {"SUCCESS"}
    assert {"test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic"} == set(checks)


@fact("torch.library.opcheck")
def test_finds_a_wrong_fake(scaled):
    """`opcheck` refuses an operator whose fake implementation gives another shape than the operator."""
    scaled.register_fake(lambda x, by=2.0: x.new_empty(3))
    with pytest.raises(Exception, match="test_faketensor failed") as raised:
        torch.library.opcheck(scaled, (torch.ones(2), 3.0))
    assert type(raised.value).__name__ == "OpCheckError"


@fact("torch.library.opcheck")
def test_tells_what_it_found_without_raising(scaled):
    """`opcheck` with `raise_exception=False` tells of each of `test_utils` whether it succeeded."""
    scaled.register_fake(lambda x, by=2.0: x.new_empty(3))
    tests = ("test_schema", "test_faketensor")
    found = torch.library.opcheck(scaled, (torch.ones(2), 3.0), test_utils=tests, raise_exception=False)
    assert list(found) == list(tests)
    assert found["test_schema"] == "SUCCESS" != found["test_faketensor"]


@fact("torch.library.opcheck")
def test_finds_what_is_changed_in_secret(name):
    """`opcheck` refuses an operator that changes an argument in secret: "not defined as mutable"."""

    @torch.library.custom_op(name, mutates_args=())
    def secret(x: Tensor) -> Tensor:
        return x.mul_(2).clone()

    with pytest.raises(Exception, match="not defined as mutable"):
        torch.library.opcheck(secret, (torch.ones(2),), test_utils="test_schema")


@fact("torch.library.Library")
def test_defines_and_implements(device, library):
    """`Library` defines an operator by its schema, with arguments by keyword, and implements it for a dispatch key."""
    library.define("less(Tensor x, *, int by=1) -> Tensor")
    calls = []
    library.impl("less", lambda x, by=1: calls.append(by) or x - by, "CompositeExplicitAutograd")
    less = getattr(torch.ops, library.ns).less
    same(less(x_on(device), by=3), torch.tensor([-2.0, -5.0, 1.0]))
    same(less(x_on(device)), torch.tensor([0.0, -3.0, 3.0]))
    assert calls == [3, 1]
    with pytest.raises(RuntimeError, match="positional argument"):
        less(x_on(device), 3)


@fact("torch.library.Library")
def test_keeps_definition_and_implementation_apart(library):
    """An operator that a `Library` defines runs once it is implemented, and until then is refused: Could not run."""
    library.define("nothing(Tensor x) -> Tensor")
    with pytest.raises(NotImplementedError, match="Could not run"):
        getattr(torch.ops, library.ns).nothing(torch.ones(2))
    library.impl("nothing", lambda x: x + 1, "CPU")
    same(getattr(torch.ops, library.ns).nothing(torch.ones(2)), torch.tensor([2.0, 2.0]))


@fact("torch.library.Library")
def test_implements_for_one_key_alone(library):
    """An operator that a `Library` implements for "Meta" is refused on the CPU: Could not run."""
    library.define("nothing(Tensor x) -> Tensor")
    library.impl("nothing", lambda x: x + 1, "Meta")
    with pytest.raises(NotImplementedError, match="Could not run"):
        getattr(torch.ops, library.ns).nothing(torch.ones(2))


@fact("torch.library.Library")
def test_defines_a_name_once(library):
    """A `Library` defines an operator once in its namespace: a second one with the "same name" is refused."""
    assert library.define("once(Tensor x) -> Tensor") == "once"
    with pytest.raises(RuntimeError, match="same name"):
        library.define("once(Tensor x) -> Tensor")


@fact("torch.library.Library")
def test_defines_nothing_in_a_namespace_of_torch():
    """`torch.library.Library("aten", "DEF")` is refused: the namespaces of torch are closed."""
    with pytest.raises((RuntimeError, ValueError), match=r"TORCH_LIBRARY|reserved"):
        torch.library.Library("aten", "DEF")
