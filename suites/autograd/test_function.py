"""Functions of one's own: what `torch.autograd.Function` and the methods of its context promise."""

import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.work import leaf


def cube(backward=None, **more):
    """A custom function x**3 of its own class, whose `backward` can be another."""

    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    def by_rule(ctx, slope):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * slope

    return function(forward, backward or by_rule, **more)


def function(forward, backward, **more):
    """A class of `torch.autograd.Function` with these static methods."""
    methods = {"forward": forward, "backward": backward, **more}
    made = {name: method if isinstance(method, bool) else staticmethod(method) for name, method in methods.items()}
    return type("Custom", (torch.autograd.Function,), made)


def not_overridden(patch):
    """A custom `backward` is not asked."""
    plain = torch.no_grad()(lambda cls, *args: cls.forward(Plain(), *args))
    patch.setattr(torch.autograd.Function, "apply", classmethod(plain))


class Plain:
    """A context that keeps nothing."""

    needs_input_grad = (False, False)

    def __getattr__(self, name):
        return lambda *args: None


@fact("torch.autograd.Function", claims=["A07"], refuter=not_overridden)
def test_has_the_gradient_that_its_backward_says(device):
    """The gradient of a custom `Function` is what its `backward` makes, right or wrong: autograd does not check it."""
    x = leaf(2.0, 3.0, device=device)
    right, wrong = cube().apply(x), cube(lambda ctx, slope: 100 * slope).apply(x)
    same(right.detach(), torch.tensor([8.0, 27.0]))
    same(torch.autograd.grad(right.sum(), x)[0], torch.tensor([12.0, 27.0]))
    same(torch.autograd.grad(wrong.sum(), x)[0], torch.tensor([100.0, 100.0]))


@fact("torch.autograd.Function", "torch.nn.Module", claims=["A07"], myth="a layer's backward has to be written",
      refuter=not_overridden)  # fmt: skip
def test_is_not_needed_for_a_gradient(device):
    """What is made of torch's functions has its gradient without a `backward` of its own, the same as with one."""
    x, z = leaf(2.0, 3.0, device=device), leaf(2.0, 3.0, device=device)
    (x**3).sum().backward()
    cube().apply(z).sum().backward()
    same(x.grad, torch.tensor([12.0, 27.0]))
    same(z.grad, x.grad)


@fact("torch.autograd.Function", refuter=not_overridden, hint="call Class.apply(x)")
def test_is_applied_and_not_called(device):
    """A custom `Function` is applied as `Class.apply(x)`, while calling an instance of it is refused."""
    x = leaf(2.0, device=device)
    same(cube().apply(x).detach(), torch.tensor([8.0]))
    assert cube().apply(x).requires_grad
    with pytest.raises(RuntimeError, match=r"static|non-static forward|Legacy autograd function"):
        cube()()(x)


@fact("torch.autograd.Function", refuter=not_overridden)
def test_runs_forward_without_recording(device):
    """Operations inside of `forward` of a custom `Function` are not recorded, while its result is."""
    modes = []
    made = function(lambda ctx, x: modes.append(torch.is_grad_enabled()) or x * 2, lambda ctx, slope: slope * 2)
    y = made.apply(leaf(2.0, device=device))
    assert (modes, y.requires_grad, y.grad_fn.name()) == ([False], True, "CustomBackward")


@fact("torch.autograd.Function", refuter=not_overridden)
def test_is_differentiable_again_where_its_backward_is(device):
    """A `backward` of a custom `Function` made of differentiable operations can itself be differentiated."""
    x = leaf(2.0, device=device)
    (first,) = torch.autograd.grad(cube().apply(x), x, create_graph=True)
    (second,) = torch.autograd.grad(first, x)
    same(first.detach(), torch.tensor([12.0]))
    same(second, torch.tensor([12.0]))


@fact("torch.autograd.function.once_differentiable", source="generated/torch.autograd.function.once_differentiable")
def test_once_differentiable_refuses_a_second_derivative(device):
    """A `backward` marked `once_differentiable` gives a gradient that refuses to be differentiated again."""
    calls, x = [], leaf(2.0, device=device)
    backward = torch.autograd.function.once_differentiable(
        lambda ctx, slope: calls.append(torch.is_grad_enabled()) or 3 * ctx.saved_tensors[0] ** 2 * slope
    )
    (first,) = torch.autograd.grad(cube(backward).apply(x) * x, x, create_graph=True)
    same(first.detach(), torch.tensor([32.0]))
    assert calls == [False]
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.backward()


@fact("torch.autograd.Function", refuter=not_overridden)
def test_tells_which_gradients_are_needed(device):
    """`ctx.needs_input_grad` says of each argument whether its gradient is needed, False for what is no tensor."""
    needed = []

    def backward(ctx, slope):
        needed.append(ctx.needs_input_grad)
        return slope, None, None

    made = function(lambda ctx, x, y, n: x * n, backward)
    made.apply(leaf(2.0, device=device), torch.ones(1, device=device), 3).sum().backward()
    assert needed == [(True, False, False)]


@fact("torch.autograd.Function", refuter=not_overridden)
def test_gives_a_gradient_for_each_argument(device):
    """A custom `Function` whose `backward` returns too few "returned an incorrect number of gradients"."""
    made = function(lambda ctx, x, y: x * 2, lambda ctx, slope: slope)
    y = made.apply(leaf(2.0, device=device), leaf(3.0, device=device))
    with pytest.raises(RuntimeError, match="returned an incorrect number of gradients"):
        y.backward()


@fact("torch.autograd.Function", refuter=not_overridden)
def test_gives_a_gradient_of_the_shape_of_its_argument(device):
    """A `backward` of a custom `Function` that returns too small a gradient is refused: "invalid gradient"."""
    made = function(lambda ctx, x: x * 2, lambda ctx, slope: slope[:1])
    y = made.apply(leaf(2.0, 3.0, device=device))
    with pytest.raises(RuntimeError, match="invalid gradient at index 0 - got .* but expected shape"):
        y.sum().backward()


@fact("torch.autograd.Function", refuter=not_overridden)
def test_of_several_results_gets_a_gradient_for_each(device):
    """`backward` of a custom `Function` gets a gradient for each result: zeros for one that is not used."""
    seen = []

    def backward(ctx, *slopes):
        seen.extend(slopes)
        return slopes[0] * 2

    y, _ = function(lambda ctx, x: (x * 2, x * 3), backward).apply(leaf(2.0, 3.0, device=device))
    y.sum().backward()
    same(seen[0], torch.ones(2))
    same(seen[1], torch.zeros(2))


@fact("torch.autograd.function.FunctionCtx.set_materialize_grads")
def test_can_get_none_instead_of_zeros(device):
    """After `set_materialize_grads(False)` the gradient of a result that is not used is None rather than zeros."""
    seen = []

    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    def backward(ctx, *slopes):
        seen.extend(slopes)
        return slopes[0] * 2

    x = leaf(2.0, device=device)
    function(forward, backward).apply(x)[0].sum().backward()
    same(x.grad, torch.tensor([2.0]))
    assert seen[1] is None


@fact("torch.autograd.function.FunctionCtx.mark_non_differentiable")
def test_can_mark_a_result_as_not_differentiable(device):
    """A result that was marked with `mark_non_differentiable` does not require grad, unlike the others."""

    def forward(ctx, x):
        values, order = x.sort()
        order = order.double()
        ctx.mark_non_differentiable(order)
        return values, order

    values, order = function(forward, lambda ctx, slope, _: slope).apply(leaf(3.0, 2.0, device=device))
    assert (values.requires_grad, order.requires_grad, order.tolist()) == (True, False, [1, 0])


def doubled_in_place(ctx, x):
    ctx.mark_dirty(x)
    return x.mul_(2)


@fact("torch.autograd.function.FunctionCtx.mark_dirty")
def test_can_mark_an_argument_as_changed(device):
    """An argument that `forward` changed and marked with `mark_dirty` comes back as the result, with its gradient."""
    x = leaf(2.0, 3.0, device=device)
    before = x.clone()
    y = function(doubled_in_place, lambda ctx, slope: slope * 2).apply(before)
    y.sum().backward()
    assert y is before
    same(y.detach(), torch.tensor([4.0, 6.0]))
    same(x.grad, torch.tensor([2.0, 2.0]))


@fact("torch.autograd.function.FunctionCtx.mark_dirty")
def test_that_changes_a_leaf_is_refused(device):
    """`mark_dirty` of a leaf that requires grad is refused: "a leaf Variable that requires grad"."""
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        function(doubled_in_place, lambda ctx, slope: slope * 2).apply(leaf(2.0, device=device))


@fact("torch.autograd.function.FunctionCtx.save_for_backward", hint="save with ctx.save_for_backward, not on ctx")
def test_notices_a_change_of_what_it_saved(device):
    """A tensor of `save_for_backward` that is changed makes `backward` fail: "modified by an inplace operation"."""
    x = leaf(2.0, device=device).clone()
    y = cube().apply(x)
    x.mul_(5)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@fact("torch.autograd.function.FunctionCtx.save_for_backward")
def test_frees_what_it_saved(device):
    """What `save_for_backward` saved is freed by `backward`, so that a "second time" is refused."""
    x = leaf(2.0, device=device)
    y = cube().apply(x).sum()
    y.backward()
    same(x.grad, torch.tensor([12.0]))
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


@fact("torch.autograd.function.FunctionCtx.save_for_backward")
def test_saves_tensors_only(device):
    """`save_for_backward` refuses a number: it "can only save variables"."""

    def forward(ctx, x, n):
        ctx.save_for_backward(x, n)
        return x * n

    with pytest.raises(TypeError, match="save_for_backward can only save variables"):
        function(forward, lambda ctx, slope: (slope, None)).apply(leaf(2.0, device=device), 3)


@fact("torch.autograd.Function", refuter=not_overridden)
def test_can_divide_forward_from_what_it_keeps(device):
    """`forward` of a `Function` with `setup_context` gets no ctx: what `backward` needs is saved in `setup_context`."""

    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0], output)

    def backward(ctx, slope):
        x, y = ctx.saved_tensors
        return slope * y * 2 * x

    x = leaf(0.0, 2.0, device=device)
    y = function(lambda x: torch.exp(x * x), backward, setup_context=setup_context).apply(x)
    y.sum().backward()
    assert x.grad.tolist() == [0.0, y[1].item() * 4]


@fact("torch.autograd.Function", refuter=not_overridden)
def test_returns_its_argument_as_a_view(device):
    """A custom `Function` whose `forward` returns its argument gives another tensor of the same memory."""
    x = leaf(2.0, device=device)
    y = function(lambda ctx, x: x, lambda ctx, slope: slope * 7).apply(x)
    assert (y is x, y.data_ptr() == x.data_ptr()) == (False, True)
    y.sum().backward()
    same(x.grad, torch.tensor([7.0]))


@fact("torch.autograd.Function", source="notes/extending", refuter=not_overridden)
def test_without_generate_vmap_rule_is_refused_by_vmap(device):
    """A custom `Function` without a rule for `vmap` is refused by it, unless `generate_vmap_rule` is True."""
    x = torch.tensor([2.0, 3.0], device=device)
    kept = lambda ctx, inputs, output: ctx.save_for_backward(*inputs)  # noqa: E731
    slopes = lambda ctx, slope: 3 * ctx.saved_tensors[0] ** 2 * slope  # noqa: E731
    plain, ruled = (
        function(lambda x: x**3, slopes, setup_context=kept, generate_vmap_rule=rule) for rule in (False, True)
    )
    same(torch.vmap(torch.func.grad(ruled.apply))(x), torch.tensor([12.0, 27.0]))
    with pytest.raises(RuntimeError, match="vmap"):
        torch.vmap(plain.apply)(x)


@fact("torch.autograd.Function", source="notes/extending", refuter=not_overridden)
def test_can_say_its_forward_derivative(device):
    """A custom `Function` with a `jvp` can be differentiated in forward mode."""
    made = cube(jvp=lambda ctx, slope: slope * 100)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(leaf(2.0, device=device), torch.tensor([3.0], device=device))
        primal, tangent = torch.autograd.forward_ad.unpack_dual(made.apply(dual))
        same(primal.detach(), torch.tensor([8.0]))
        same(tangent.detach(), torch.tensor([300.0]))
