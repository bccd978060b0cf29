"""What `no_grad` does and does not; `enable_grad`, `set_grad_enabled` and `inference_mode` have files of their own."""

import threading

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from torchproof import fact, same
from torchproof.fixtures.checks import shares

INTEGERS = st.lists(st.integers(-99, 99), max_size=6)


@fact("torch.no_grad", claims=["A06"])
@given(INTEGERS)
@example([])
@example([3, -4])
def test_changes_no_value(device, numbers):
    """An expression under `no_grad` has the values that it has outside."""
    x = torch.tensor(numbers, device=device, dtype=torch.float32, requires_grad=True)
    with torch.no_grad():
        y = x * x + 1
    assert not y.requires_grad
    same(y, torch.tensor([n * n + 1.0 for n in numbers]))


@fact("torch.no_grad", claims=["A06"])
@pytest.mark.parametrize(
    "operation", [torch.exp, torch.sum, torch.clone, lambda x: x @ x], ids=["exp", "sum", "clone", "matmul"]
)
def test_gives_results_that_do_not_require_grad(device, operation):
    """A result computed under `no_grad` from a tensor that requires grad does not require grad."""
    x = torch.ones(2, 2, device=device, requires_grad=True)
    with torch.no_grad():
        inside = operation(x)
    assert (inside.requires_grad, operation(x).requires_grad) == (False, True)


@fact("torch.no_grad", hint="call detach() on the view")
@pytest.mark.parametrize("view", [torch.t, lambda x: x[0], lambda x: x.view(4)], ids=["t", "index", "view"])
def test_gives_views_that_do_not_require_grad(device, view):
    """A view made under `no_grad` of a tensor that requires grad does not require grad."""
    x = torch.ones(2, 2, device=device, requires_grad=True)
    with torch.no_grad():
        inside = view(x)
    assert (inside.requires_grad, view(x).requires_grad) == (False, True)


@fact("torch.no_grad")
def test_gives_views_that_pass_no_gradient_on(device):
    """What is computed from a view that was made under `no_grad` gives the view's base no gradient."""
    x = torch.ones(2, device=device, requires_grad=True)
    with torch.no_grad():
        view = x.view(2, 1)
    (view.sum() * 3 + x.sum() * 5).backward()
    same(x.grad, torch.tensor([5.0, 5.0]))


@fact("torch.no_grad", claims=["A06"])
def test_gives_results_without_a_history(device):
    """A result computed under `no_grad` is a leaf without `grad_fn`."""
    x = torch.ones(2, device=device, requires_grad=True)
    with torch.no_grad():
        y = x * 2
    assert (y.grad_fn, y.is_leaf) == (None, True)
    assert (x * 2).grad_fn is not None


@fact("torch.no_grad")
def test_leaves_its_inputs_requiring_grad(device):
    """A tensor that requires grad still does so inside of `no_grad`."""
    x = torch.ones(2, device=device, requires_grad=True)
    with torch.no_grad():
        inside, result = x.requires_grad, x * 3
    assert (inside, x.requires_grad, result.requires_grad) == (True, True, False)


@fact("torch.no_grad")
def test_makes_backward_from_its_results_fail(device):
    """`backward` from a result computed under `no_grad` is refused: it "does not require grad"."""
    x = torch.ones(2, device=device, requires_grad=True)
    with torch.no_grad():
        loss = (x * 2).sum()
    with pytest.raises(RuntimeError, match="does not require grad"):
        loss.backward()


@fact("torch.no_grad", claims=["A06"])
def test_makes_its_results_constants_of_what_follows(device):
    """A factor computed under `no_grad` counts as a constant in the gradient of a product."""
    x = torch.tensor(2.0, device=device, requires_grad=True)
    with torch.no_grad():
        factor = x**2
    (x * factor).backward()
    same(x.grad, torch.tensor(4.0))


@fact("torch.no_grad", claims=["A06"], myth="under no_grad() nothing requires grad")
@pytest.mark.parametrize("factory", [torch.ones, torch.zeros, torch.rand, torch.empty], ids=lambda made: made.__name__)
def test_does_not_apply_to_factories(device, factory):
    """`ones`, `zeros`, `rand` or `empty` with `requires_grad=True` makes a tensor that does so under `no_grad` too."""
    with torch.no_grad():
        x = factory(2, device=device, requires_grad=True)
    x.sum().backward()
    same(x.grad, torch.ones(2))


@fact("torch.no_grad", claims=["A06"])
def test_does_not_apply_to_parameters(device):
    """An `nn.Parameter` made under `no_grad` gets a gradient like any other."""
    with torch.no_grad():
        w = nn.Parameter(torch.ones(2, device=device))
    (w * 3).sum().backward()
    same(w.grad, torch.tensor([3.0, 3.0]))


@fact("torch.no_grad")
def test_lets_requires_grad_be_switched_on(device):
    """`requires_grad_` works under `no_grad`."""
    x = torch.ones(2, device=device)
    with torch.no_grad():
        x.requires_grad_()
    (x * 3).sum().backward()
    same(x.grad, torch.tensor([3.0, 3.0]))


@fact("torch.no_grad")
def test_allows_a_write_into_a_leaf(device):
    """A leaf can be changed in place under `no_grad` without ceasing to require grad."""
    w = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    with torch.no_grad():
        w.sub_(0.5)
    same(w, torch.tensor([0.5, 1.5]))
    assert (w.requires_grad, w.is_leaf) == (True, True)


@fact("torch.Tensor.add_", source="notes/autograd", hint="do it under torch.no_grad()")
def test_left_out_refuses_a_write_into_a_leaf(device):
    """`add_` to a leaf that requires grad is refused outside of `no_grad`: "a leaf Variable that requires grad"."""
    w = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in"):
        w.add_(1)
    same(w, torch.tensor([1.0, 2.0]))


@fact("torch.Tensor.view", source="notes/autograd", hint="do it under torch.no_grad()")
def test_left_out_refuses_a_write_into_a_view_of_a_leaf(device):
    """A `view` of a leaf that requires grad refuses changes outside of `no_grad`: "a view of a leaf Variable"."""
    w = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        w.view(2, 1).mul_(2)
    same(w, torch.tensor([1.0, 2.0]))


@fact("torch.no_grad")
def test_refuses_a_later_write_into_a_view_made_inside(device):
    """A view that `no_grad` made of a leaf that requires grad refuses changes outside: "created in no_grad mode"."""
    w = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    with torch.no_grad():
        view = w.view(2, 1)
    with pytest.raises(RuntimeError, match="A view was created in no_grad mode"):
        view.mul_(2)
    same(w, torch.tensor([1.0, 2.0]))


@fact("torch.no_grad", myth="a write under no_grad() is invisible to autograd")
def test_does_not_hide_a_write_into_what_backward_needs(device):
    """A write under `no_grad` into a saved value makes `backward` fail: "modified by an inplace operation"."""
    x = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    y = x.exp()
    with torch.no_grad():
        y.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@fact("torch.no_grad")
def test_allows_an_out_argument(device):
    """`torch.mul(x, 3, out=y)` of an x that requires grad writes to y under `no_grad`."""
    x, out = torch.tensor([1.0, 2.0], device=device, requires_grad=True), torch.zeros(2, device=device)
    with torch.no_grad():
        torch.mul(x, 3, out=out)
    same(out, torch.tensor([3.0, 6.0]))


@fact("torch.mul", hint="do it under torch.no_grad()")
def test_left_out_refuses_an_out_argument(device):
    """`torch.mul(x, 3, out=y)` of an x that requires grad is refused: it "don't support automatic differentiation"."""
    x, out = torch.tensor([1.0, 2.0], device=device, requires_grad=True), torch.zeros(2, device=device)
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        torch.mul(x, 3, out=out)
    same(out, torch.zeros(2))


@fact("torch.no_grad")
def test_lets_a_tensor_that_requires_grad_become_an_array():
    """`x.numpy()` under `no_grad` gives an array of the same memory even of an x that requires grad."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.no_grad():
        array = x.numpy()
        x[0] = 9.0
    assert array.tolist() == [9.0, 2.0]


@fact("torch.Tensor.numpy", hint="use tensor.detach().numpy()")
def test_left_out_refuses_to_make_an_array():
    """`x.numpy()` of an x that requires grad is "Can't call numpy() on Tensor that requires grad"."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="Can't call numpy\\(\\) on Tensor that requires grad"):
        x.numpy()


@fact("torch.no_grad", claims=["M08"], myth="no_grad() puts a model into evaluation mode")
def test_does_not_switch_off_dropout(device):
    """A `Dropout` layer in training mode drops under `no_grad` as well."""
    x = torch.ones(4, device=device, requires_grad=True)
    with torch.no_grad():
        y = nn.Dropout(p=1.0)(x)
    assert not y.requires_grad
    same(y, torch.zeros(4))


@fact("torch.no_grad", claims=["M08"], myth="no_grad() keeps a model as it is")
def test_does_not_stop_batch_norm_from_counting(device):
    """A `BatchNorm1d` layer in training mode moves its running mean under `no_grad` as well."""
    norm = nn.BatchNorm1d(1, momentum=0.5, device=device)
    with torch.no_grad():
        norm(torch.tensor([[2.0], [4.0]], device=device))
    same(norm.running_mean, torch.tensor([0.5 * 3]))


@fact("torch.no_grad")
def test_ends_with_its_block(device):
    """Operations after the block of `no_grad` are recorded again."""
    x = torch.tensor(2.0, device=device, requires_grad=True)
    with torch.no_grad():
        inside = x * 3
    (x * 5).backward()
    same(x.grad, torch.tensor(5.0))
    assert not inside.requires_grad


@fact("torch.no_grad")
def test_ends_with_an_exception():
    """An exception that leaves the block of `no_grad` switches recording on again."""
    with pytest.raises(KeyError), torch.no_grad():
        inside = torch.is_grad_enabled()
        raise KeyError
    assert (inside, torch.is_grad_enabled()) == (False, True)


@fact("torch.no_grad")
def test_nested_ends_with_the_outer_block():
    """The end of a nested `no_grad` leaves the outer one in force."""
    with torch.no_grad():
        with torch.no_grad():
            pass
        inside = torch.is_grad_enabled()
    assert (inside, torch.is_grad_enabled()) == (False, True)


@fact("torch.no_grad")
def test_decorates_a_function(device):
    """A function decorated with `no_grad()` runs without recording, unlike the code around it."""
    x = torch.tensor(2.0, device=device, requires_grad=True)

    @torch.no_grad()
    def triple(x):
        return x * 3

    same(triple(x), torch.tensor(6.0))
    assert (triple(x).requires_grad, (x * 3).requires_grad) == (False, True)


@fact("torch.no_grad", since="2.1", calls="decorates bare", gain=True, hint="write @torch.no_grad() for torch 2.0")
def test_decorates_a_function_without_parentheses(device):
    """A function decorated with a bare `no_grad` runs without recording."""

    @torch.no_grad
    def triple(x):
        return x * 3

    y = triple(torch.tensor(2.0, device=device, requires_grad=True))
    same(y, torch.tensor(6.0))
    assert not y.requires_grad


@fact("torch.no_grad", until="2.1", calls="decorates bare", hint="write @torch.no_grad()")
def test_refuses_to_decorate_without_parentheses():
    """A bare `@torch.no_grad` is refused as a decorator: "takes 1 positional argument"."""
    with pytest.raises(TypeError, match="takes 1 positional argument"):

        @torch.no_grad
        def triple(x):
            return x * 3


@fact("torch.no_grad")
def test_keeps_the_name_of_what_it_decorates():
    """A function decorated with `no_grad()` keeps its name and docstring."""

    @torch.no_grad()
    def triple(x):
        """Three times x."""

    assert (triple.__name__, triple.__doc__) == ("triple", "Three times x.")


@fact("torch.no_grad")
def test_decorates_a_generator():
    """A generator function decorated with `no_grad()` runs without recording, unlike the code that consumes it."""

    @torch.no_grad()
    def modes():
        yield torch.is_grad_enabled()
        yield torch.is_grad_enabled()

    assert [(inside, torch.is_grad_enabled()) for inside in modes()] == [(False, True), (False, True)]


@fact("torch.no_grad", hint="decorate the generator function with torch.no_grad() instead")
def test_inside_a_generator_leaks_to_its_consumer():
    """A `yield` inside a `with no_grad()` block leaves recording off in the code that consumes it."""

    def modes():
        with torch.no_grad():
            yield

    running = modes()
    next(running)
    outside = torch.is_grad_enabled()
    running.close()
    assert (outside, torch.is_grad_enabled()) == (False, True)


@fact("torch.no_grad", source="generated/torch.is_grad_enabled", myth="no_grad() holds for threads started inside")
def test_does_not_reach_a_new_thread():
    """A thread started inside of `no_grad` records: the switch belongs to one thread."""
    modes = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: modes.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
        modes.append(torch.is_grad_enabled())
    assert modes == [True, False]


@fact("torch.no_grad")
def test_does_not_copy_a_view(device):
    """A view made under `no_grad` shares memory with its base."""
    x = torch.arange(4.0, device=device, requires_grad=True)
    with torch.no_grad():
        y, result = x.view(2, 2), x + 1
    assert (shares(y, x), result.requires_grad) == (True, False)
