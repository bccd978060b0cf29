"""`torch.func`: transforms of functions, and modules as functions; for `autograd.functional` see test_functional."""

import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.fixtures.work import vector


@fact("torch.func.grad")
def test_grad_makes_a_function_of_the_gradient(device):
    """`func.grad` of a function is the function of its gradient, which needs no tensor that requires grad."""
    x = vector(2.0, 3.0, device=device)
    slope = torch.func.grad(lambda x: (x**3).sum())(x)
    same(slope, torch.tensor([12.0, 27.0]))
    assert (x.requires_grad, slope.requires_grad, x.grad) == (False, False, None)


@fact("torch.func.grad")
def test_grad_can_be_nested(device):
    """`func.grad` of `func.grad` is the second derivative."""
    x = vector(2.0, device=device)[0]
    same(torch.func.grad(torch.func.grad(lambda x: x**3))(x), torch.tensor(12.0))
    same(torch.func.grad(torch.func.grad(torch.func.grad(torch.sin)))(x), -x.cos())


@fact("torch.func.grad")
@pytest.mark.parametrize(
    ("argnums", "want"), [(0, (15.0,)), (1, (10.0,)), (-1, (6.0,)), ((0, 2), (15.0, 6.0))], ids=str
)
def test_grad_is_by_the_arguments_named(device, argnums, want):
    """`func.grad` is by the argument that `argnums` names, or a tuple by several."""
    slopes = torch.func.grad(lambda x, y, z: x * y * z, argnums=argnums)(*vector(2.0, 3.0, 5.0, device=device))
    slopes = slopes if isinstance(slopes, tuple) else (slopes,)
    assert tuple(slope.item() for slope in slopes) == want


@fact("torch.func.grad")
def test_grad_of_a_dict_is_a_dict(device):
    """`func.grad` by an argument that is a dict of tensors is a dict of their gradients."""
    slopes = torch.func.grad(lambda of: (of["x"] * of["y"]).sum())(dict(zip("xy", vector(2.0, 3.0, device=device))))
    assert {name: slope.item() for name, slope in slopes.items()} == {"x": 3.0, "y": 2.0}


@fact("torch.func.grad", "torch.func.grad_and_value")
def test_grad_can_hand_on_more_than_the_loss(device):
    """`func.grad` and `grad_and_value` with `has_aux=True` hand on, as it is, what else the function returns."""
    function, x = (lambda x: (x**2, {"twice": x * 2})), vector(3.0, device=device)[0]
    slope, more = torch.func.grad(function, has_aux=True)(x)
    other, (value, again) = torch.func.grad_and_value(function, has_aux=True)(x)
    assert (slope.item(), more["twice"].item()) == (6.0, 6.0)
    assert (other.item(), value.item(), again["twice"].item()) == (6.0, 9.0, 6.0)


@fact("torch.func.grad_and_value")
def test_grad_and_value_gives_both(device):
    """`func.grad_and_value` gives a pair: the gradient, then the value."""
    slope, value = torch.func.grad_and_value(lambda x: (x**3).sum())(vector(2.0, 3.0, device=device))
    same(slope, torch.tensor([12.0, 27.0]))
    same(value, torch.tensor(35.0))


@fact("torch.func.grad", hint="use jacrev, or sum the result")
def test_grad_needs_a_single_number(device):
    """`func.grad` of a function that does not give a single number is refused."""
    with pytest.raises(RuntimeError, match="should return a scalar|to have no dims|scalar"):
        torch.func.grad(lambda x: x**2)(vector(2.0, 3.0, device=device))


@fact("torch.func.grad", "torch.no_grad", source="generated/torch.func.grad")
def test_grad_does_not_heed_no_grad_around_it(device):
    """`no_grad` around `func.grad` changes nothing: the gradient is the same."""
    with torch.no_grad():
        slope = torch.func.grad(lambda x: x**3)(vector(2.0, device=device)[0])
        recording = torch.is_grad_enabled()
    same(slope, torch.tensor(12.0))
    assert not recording


@fact("torch.func.grad", "torch.no_grad", source="generated/torch.func.grad")
def test_grad_heeds_no_grad_inside_of_its_function(device):
    """`no_grad` inside of a function that `func.grad` differentiates makes constants."""

    def function(x):
        with torch.no_grad():
            constant = x**2
        return x**3 - constant

    same(torch.func.grad(function)(vector(2.0, device=device)[0]), torch.tensor(12.0))


@fact("torch.func.vjp")
def test_vjp_gives_the_value_and_a_function_back(device):
    """`func.vjp` gives the value and a function that takes weights of the results to their weighted gradients."""
    value, back = torch.func.vjp(lambda x, y: x * y, *torch.tensor([[2.0, 3.0], [5.0, 7.0]], device=device))
    of_x, of_y = back(vector(1.0, 10.0, device=device))
    same(value, torch.tensor([10.0, 21.0]))
    same(of_x, torch.tensor([5.0, 70.0]))
    same(of_y, torch.tensor([2.0, 30.0]))


@fact("torch.func.jvp")
def test_jvp_gives_the_value_and_the_slope_along(device):
    """`func.jvp` gives the value, and how it changes along a direction."""
    x, way = vector(2.0, 3.0, device=device), vector(1.0, 10.0, device=device)
    value, slope = torch.func.jvp(lambda x: (x**2).cumsum(0), (x,), (way,))
    same(value, torch.tensor([4.0, 13.0]))
    same(slope, torch.tensor([4.0, 64.0]))


@fact("torch.func.jvp")
def test_jvp_is_to_have_a_direction_for_each_argument(device):
    """`func.jvp` refuses a direction of another structure than the arguments: "to have the same python structure"."""
    x = vector(2.0, device=device)
    with pytest.raises(RuntimeError, match="to have the same python structure"):
        torch.func.jvp(torch.sin, (x,), (x, x))


@fact("torch.func.linearize")
@pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr")
def test_linearize_gives_the_value_and_a_linear_function(device):
    """`func.linearize` gives the value at a point, and the linear function by which it changes there."""
    value, along = torch.func.linearize(lambda x: x**3, vector(2.0, 1.0, device=device))
    same(value, torch.tensor([8.0, 1.0]))
    for by in (1.0, -10.0):
        same(along(vector(by, by, device=device)), torch.tensor([12.0 * by, 3.0 * by]))


@fact("torch.func.jacrev", "torch.func.jacfwd")
@pytest.mark.parametrize("name", ["jacrev", "jacfwd"])
def test_jacobian_has_a_row_for_each_result(device, name):
    """`jacrev` and `jacfwd` give the Jacobian: the shape of the result, then that of the argument."""

    def function(x):
        return torch.stack([x.sum(), (x**2).sum()])

    jacobian = getattr(torch.func, name)(function)(torch.tensor([[1.0, 2.0, 3.0]], device=device))
    same(jacobian, torch.tensor([[[1.0, 1.0, 1.0]], [[2.0, 4.0, 6.0]]]))


@fact("torch.func.jacrev", "torch.func.jacfwd")
@pytest.mark.parametrize("name", ["jacrev", "jacfwd"])
def test_jacobian_is_by_the_arguments_named(device, name):
    """`jacrev` and `jacfwd` with several `argnums` give a tuple of the Jacobians by these arguments."""
    jacobian = getattr(torch.func, name)(lambda x, y: x * y, argnums=(0, 1))
    by_x, by_y = jacobian(vector(2.0, 3.0, device=device), vector(5.0, 7.0, device=device))
    same(by_x, torch.tensor([[5.0, 0.0], [0.0, 7.0]]))
    same(by_y, torch.tensor([[2.0, 0.0], [0.0, 3.0]]))


@fact("torch.func.jacrev", "torch.func.jacfwd")
@pytest.mark.parametrize("name", ["jacrev", "jacfwd"])
def test_jacobian_can_hand_on_more_than_itself(device, name):
    """`jacrev` and `jacfwd` with `has_aux=True` hand on, as it is, what else the function returns."""
    jacobian, more = getattr(torch.func, name)(lambda x: (x**2, x * 10), has_aux=True)(vector(2.0, 3.0, device=device))
    same(jacobian, torch.tensor([[4.0, 0.0], [0.0, 6.0]]))
    same(more, torch.tensor([20.0, 30.0]))


@fact("torch.func.jacrev")
def test_jacobian_can_be_made_in_chunks(device):
    """`jacrev(chunk_size=2)` gives the Jacobian that it gives at once."""
    x = vector(1.0, 2.0, 3.0, device=device)
    same(torch.func.jacrev(lambda x: x**2, chunk_size=2)(x), torch.diag(vector(2.0, 4.0, 6.0, device="cpu")))


@fact("torch.func.jacrev")
def test_jacobian_refuses_chunks_of_none(device):
    """`jacrev(chunk_size=0)` is refused."""
    with pytest.raises(ValueError, match="chunk_size"):
        torch.func.jacrev(lambda x: x**2, chunk_size=0)(vector(1.0, 2.0, device=device))


@fact("torch.func.jacfwd", hint='pass randomness="same"')
def test_jacobian_asks_how_to_draw(device):
    """`jacfwd` of a function that draws is refused, unless `randomness` says that all columns get the same numbers."""
    x = vector(1.0, 2.0, device=device)
    with pytest.raises(RuntimeError, match="randomness"):
        torch.func.jacfwd(lambda x: x * torch.rand_like(x))(x)
    jacobian = torch.func.jacfwd(lambda x: x * (2 + torch.bernoulli(x * 0)), randomness="same")(x)
    same(jacobian, torch.tensor([[2.0, 0.0], [0.0, 2.0]]))


ONCE = {
    "torch.func.grad": lambda f, x: torch.func.grad(f)(x),
    "torch.func.grad_and_value": lambda f, x: torch.func.grad_and_value(f)(x),
    "torch.func.vjp": lambda f, x: torch.func.vjp(f, x)[1](x.sum()),
    "torch.func.jvp": lambda f, x: torch.func.jvp(f, (x,), (x,)),
    "torch.func.jacrev": lambda f, x: torch.func.jacrev(f)(x),
    "torch.func.jacfwd": lambda f, x: torch.func.jacfwd(f)(x),
    "torch.func.hessian": lambda f, x: torch.func.hessian(f)(x),
    "torch.func.functionalize": lambda f, x: torch.func.functionalize(f)(x),
    "torch.vmap": lambda f, x: torch.vmap(f)(x[None]),
}


@fact(*ONCE, source="func.whirlwind_tour")
@pytest.mark.parametrize("name", ONCE, ids=lambda name: name.removeprefix("torch."))
def test_transform_calls_its_function_once(device, name):
    """`func.grad`, `vjp`, `jacrev`, `hessian`, `vmap` and other transforms call their function a single time."""
    calls = []
    ONCE[name](lambda x: calls.append(x.shape) or (x**2).sum(), vector(1.0, 2.0, 3.0, device=device))
    assert calls == [(3,)]


@fact("torch.func.hessian")
def test_hessian_is_of_second_derivatives(device):
    """`func.hessian` gives the matrix of second derivatives, by the argument that `argnums` names."""

    def function(y, x):
        return x[0] ** 2 * x[1] + y.sum() * x[1] ** 3

    hessian = torch.func.hessian(function, argnums=1)(vector(1.0, 1.0, device=device), vector(2.0, 3.0, device=device))
    close(hessian, [[6.0, 4.0], [4.0, 36.0]], roundings=8, scale=36.0)


@fact("torch.vmap", "torch.func.vmap")
@pytest.mark.parametrize("name", ["vmap", "func.vmap"])
def test_vmap_maps_over_the_first_dimension(device, name):
    """`vmap` gives what the function gives for each item of the first dimension, stacked."""
    vmap = torch.vmap if name == "vmap" else torch.func.vmap
    shapes = []
    mapped = vmap(lambda x: shapes.append(x.shape) or x.cumsum(0) * x.sum())
    same(mapped(torch.tensor([[1.0, 2.0], [3.0, 5.0]], device=device)), torch.tensor([[3.0, 9.0], [24.0, 64.0]]))
    assert shapes == [(2,)]


@fact("torch.vmap", source="generated/torch.vmap")
@pytest.mark.parametrize(
    ("in_dims", "want"),
    [((0, None), [[3.0, 12.0], [6.0, 20.0]]), ((1, None), [[3.0, 8.0], [9.0, 20.0]]),
     ((0, 0), [[3.0, 9.0], [8.0, 20.0]]), ((-1, 0), [[3.0, 6.0], [12.0, 20.0]])],
    ids=str,
)  # fmt: skip
def test_vmap_maps_over_the_dimensions_named(device, in_dims, want):
    """`vmap(in_dims=…)` names the dimension to map over for each argument, None for one that is the same for all."""
    x, y = torch.tensor([[1.0, 3.0], [2.0, 5.0]], device=device), vector(3.0, 4.0, device=device)
    mapped = torch.vmap(lambda a, b: a * b, in_dims=in_dims)(x, y)
    same(mapped, torch.tensor(want))


@fact("torch.vmap")
@pytest.mark.parametrize(("out_dims", "shape"), [(0, (2, 3, 4)), (1, (3, 2, 4)), (-1, (3, 4, 2))], ids=str)
def test_vmap_puts_its_dimension_where_told(device, out_dims, shape):
    """`vmap(out_dims=…)` says at which place of the result the mapped dimension stands."""
    x = torch.arange(24.0, device=device).view(2, 3, 4)
    same(torch.vmap(lambda x: x + 0.5, out_dims=out_dims)(x), torch.movedim(x + 0.5, 0, out_dims))
    assert torch.vmap(torch.neg, out_dims=out_dims)(x).shape == shape


@fact("torch.vmap", source="generated/torch.vmap")
def test_vmap_takes_structures_and_gives_them(device):
    """`vmap` maps over the tensors of a dict, and stacks those of a dict that the function gives."""
    x = {"a": vector(1.0, 2.0, device=device), "b": torch.tensor([[1.0, 3.0], [5.0, 7.0]], device=device)}
    made = torch.vmap(lambda of: {"sum": of["a"] + of["b"].sum()}, in_dims=({"a": 0, "b": 1},))(x)
    same(made["sum"], torch.tensor([7.0, 12.0]))


@fact("torch.vmap", source="generated/torch.vmap")
def test_vmap_of_a_function_nests(device):
    """`vmap` of `vmap` maps over two dimensions."""
    table = torch.vmap(torch.vmap(torch.mul, (None, 0)), (0, None))
    same(
        table(vector(1.0, 2.0, device=device), vector(3.0, 5.0, device=device)), torch.tensor([[3.0, 5.0], [6.0, 10.0]])
    )


@fact("torch.vmap", hint="use torch.where")
def test_vmap_refuses_to_branch_on_its_items(device):
    """`vmap` of a function with an `if` on the value of its item is refused: "data-dependent control flow"."""
    with pytest.raises(RuntimeError, match="data-dependent control flow"):
        torch.vmap(lambda x: x if x > 0 else -x)(vector(1.0, -2.0, device=device))


@fact("torch.vmap")
def test_vmap_refuses_to_make_numbers_of_its_items(device):
    """`vmap` of a function that calls `.item()` on its item is refused."""
    with pytest.raises(RuntimeError, match=r"\.item\(\)"):
        torch.vmap(lambda x: x.item())(vector(1.0, -2.0, device=device))


@fact("torch.vmap")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([2, 3], [3, 2]), "inconsistent dimensions|same size"),
        (([],), "in_dim"),
        ((), "got no inputs"),
    ],
    ids=["other_size", "no_dimension", "no_tensor"],
)
def test_vmap_refuses_what_has_not_the_dimension(device, arguments, words):
    """`vmap` refuses arguments of unequal sizes, without the mapped dimension, or none at all."""
    with pytest.raises(ValueError, match=words):
        torch.vmap(lambda *x: x[0])(*(torch.ones(shape, device=device) for shape in arguments))


@fact("torch.vmap", hint='pass randomness="different"')
def test_vmap_asks_how_to_draw(device):
    """`vmap` of a function that draws is refused, unless `randomness` says whether items get the same numbers."""
    x = torch.zeros(3, device=device)
    with pytest.raises(RuntimeError, match="randomness"):
        torch.vmap(lambda x: x + torch.rand_like(x))(x)
    same_for_all, other = (torch.vmap(torch.rand_like, randomness=how)(x).tolist() for how in ("same", "different"))
    assert (len(set(same_for_all)), len(set(other))) == (1, 3)


@fact("torch.vmap", source="generated/torch.vmap")
@pytest.mark.parametrize("size", [1, 2, 5])
def test_vmap_can_go_in_chunks(device, size):
    """`vmap(chunk_size=n)` gives the same by calls of the function for n items at once."""
    calls, x = [], torch.arange(4.0, device=device)
    same(torch.vmap(lambda x: calls.append(1) or x**2, chunk_size=size)(x), torch.tensor([0.0, 1.0, 4.0, 9.0]))
    assert len(calls) == -(-4 // size)


@fact("torch.vmap", "torch.func.grad", source="func.whirlwind_tour")
def test_vmap_of_grad_gives_a_gradient_for_each_sample(device):
    """`vmap` of `func.grad` gives per-sample gradients, where `backward` gives their sum."""
    w, x = (
        torch.tensor([1.0, 2.0], device=device, requires_grad=True),
        torch.tensor([[1.0, 0.5], [3.0, -1.0]]).to(device),
    )
    each = torch.vmap(torch.func.grad(lambda w, x: (w * x).sum() ** 2), (None, 0))(w.detach(), x)
    same(each, torch.tensor([[4.0, 2.0], [6.0, -2.0]]))
    ((w * x).sum(1) ** 2).sum().backward()
    same(w.grad, torch.tensor([10.0, 0.0]))


@fact("torch.vmap")
def test_vmap_refuses_a_write_into_what_is_not_mapped(device):
    """`vmap` refuses a write of mapped values into a tensor that is not mapped: another "broadcast shape"."""
    total = torch.zeros((), device=device)
    with pytest.raises(RuntimeError, match="broadcast shape"):
        torch.vmap(lambda x: total.add_(x))(vector(1.0, 2.0, device=device))


@fact("torch.func.functional_call")
def test_functional_call_takes_other_parameters(device):
    """`functional_call` runs a module with the tensors given for its parameters, which stay as they were."""
    layer, x = nn.Linear(2, 1).to(device), torch.tensor([[2.0, 3.0]], device=device)
    before = layer.weight.detach().clone()
    weight = torch.tensor([[5.0, 7.0]], device=device, requires_grad=True)
    y = torch.func.functional_call(layer, {"weight": weight, "bias": vector(0.5, device=device)}, (x,))
    y.sum().backward()
    same(y.detach(), torch.tensor([[31.5]]))
    same(weight.grad, x)
    same(layer.weight.detach(), before)
    assert layer.weight.grad is None


@fact("torch.func.functional_call")
def test_functional_call_takes_the_rest_from_the_module(device):
    """`functional_call` takes the parameters that it is not given from the module."""
    layer, x = nn.Linear(1, 2).to(device), torch.tensor([[2.0], [5.0]], device=device)
    nn.init.constant_(layer.bias, 100.0)
    y = torch.func.functional_call(layer, {"weight": x}, (x,))
    same(y.detach(), torch.tensor([[104.0, 110.0], [110.0, 125.0]]))


@fact("torch.func.functional_call")
def test_functional_call_takes_keywords(device):
    """`functional_call(module, parameters, (), {"input": x})` calls the module with keywords."""
    layer, x = nn.Linear(1, 1, bias=False).to(device), torch.tensor([[2.0], [5.0]], device=device)
    y = torch.func.functional_call(layer, {"weight": torch.tensor([[3.0]], device=device)}, (), {"input": x})
    same(y.detach(), torch.tensor([[6.0], [15.0]]))


@fact("torch.func.functional_call")
def test_functional_call_can_be_strict(device):
    """`functional_call` with `strict=True` refuses missing and unknown names: "Missing key", "Unexpected key"."""
    layer, x = nn.Linear(1, 1).to(device), torch.tensor([[2.0]], device=device)
    with pytest.raises(RuntimeError, match="Missing key"):
        torch.func.functional_call(layer, {"weight": x}, (x,), strict=True)
    with pytest.raises(RuntimeError, match="Unexpected key"):
        torch.func.functional_call(layer, dict(layer.named_parameters()) | {"other": x}, (x,), strict=True)


@fact("torch.func.functional_call")
def test_functional_call_changes_buffers_of_the_dict(device):
    """`functional_call` changes a buffer, as of `BatchNorm1d`, in the dict that it is given and not in the module."""
    layer, mean = nn.BatchNorm1d(1).to(device), torch.zeros(1, device=device)
    torch.func.functional_call(layer, {"running_mean": mean}, (torch.tensor([[2.0], [4.0]], device=device),))
    same(mean, torch.tensor([3.0]) * torch.tensor(0.1))
    same(layer.running_mean, torch.zeros(1))


@fact("torch.func.stack_module_state")
def test_stacked_modules_run_at_once(device):
    """`stack_module_state` stacks the parameters of modules, for `vmap` to run them all at once."""
    models, x = [nn.Linear(2, 1).to(device) for _ in range(3)], torch.tensor([[2.0, 3.0]], device=device)
    for by, model in enumerate(models):
        nn.init.constant_(model.weight, by), nn.init.constant_(model.bias, 0.5)
    parameters, _ = torch.func.stack_module_state(models)
    y = torch.vmap(lambda of: torch.func.functional_call(models[0], of, (x,)))(parameters)
    same(y.detach(), torch.tensor([[[0.5]], [[5.5]], [[10.5]]]))
    assert {name: each.shape for name, each in parameters.items()} == {"weight": (3, 1, 2), "bias": (3, 1)}


@fact("torch.func.stack_module_state")
def test_stacked_modules_are_of_one_class(device):
    """`stack_module_state` refuses modules of several classes, or some in training and some in evaluation mode."""
    with pytest.raises(RuntimeError, match="same class"):
        torch.func.stack_module_state([nn.Linear(1, 1), nn.Identity()])
    with pytest.raises(RuntimeError, match="same training/eval mode"):
        torch.func.stack_module_state([nn.Linear(1, 1), nn.Linear(1, 1).eval()])


@fact("torch.func.replace_all_batch_norm_modules_")
def test_batch_norm_can_go_without_running_statistics(device):
    """`replace_all_batch_norm_modules_` leaves the batch norms of a model without running statistics, in place."""
    model = nn.Sequential(nn.Linear(1, 2), nn.BatchNorm1d(2))
    assert torch.func.replace_all_batch_norm_modules_(model) is model
    assert (model[1].running_mean, model[1].running_var, model[1].track_running_stats) == (None, None, False)


@fact("torch.func.functionalize")
def test_functionalize_gives_the_same_without_changes_in_place(device):
    """`functionalize` of a function that works in place gives the same, by operators that do not."""

    def function(x):
        y = x.clone()
        y[0].mul_(3)
        return y.add_(1)

    x = vector(2.0, 5.0, device=device)
    traced = torch.fx.experimental.proxy_tensor.make_fx(torch.func.functionalize(function))(x)
    same(torch.func.functionalize(function)(x), torch.tensor([7.0, 6.0]))
    same(torch.func.functionalize(lambda x: x.clone().neg_())(x), torch.tensor([-2.0, -5.0]))
    same(traced(x), torch.tensor([7.0, 6.0]))
    assert not any(str(node.target).partition(".")[2].partition(".")[0].endswith("_") for node in traced.graph.nodes)
