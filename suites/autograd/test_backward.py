"""What `backward` and `autograd.grad` compute, take and refuse; what they leave in `.grad` is in test_accumulation."""

import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.work import leaf


@fact("torch.autograd.grad", "torch.Tensor.backward", claims=["A02", "A03"])
def test_and_grad_give_the_same(device):
    """`autograd.grad` returns the gradient that `backward` puts into `.grad`."""
    x, y = leaf(2.0, 3.0, device=device), leaf(5.0, -1.0, device=device)
    loss = (x * x * y).sum()
    returned = torch.autograd.grad(loss, [x, y], retain_graph=True)
    loss.backward()
    same(x.grad, torch.tensor([20.0, -6.0]))
    same(y.grad, torch.tensor([4.0, 9.0]))
    for grad, want in zip(returned, (x.grad, y.grad), strict=True):
        same(grad, want)


@fact("torch.autograd.grad", source="generated/torch.autograd.grad")
def test_of_grad_is_by_any_tensor_of_the_graph(device):
    """`autograd.grad` also differentiates by an intermediate result, which is no leaf."""
    x = leaf(2.0, 3.0, device=device)
    y = x * x
    z = (y * y).sum()
    (by_y,) = torch.autograd.grad(z, y)
    same(by_y, torch.tensor([8.0, 18.0]))


@fact("torch.autograd.grad")
def test_of_grad_leaves_the_attribute_as_it_was(device):
    """`autograd.grad` returns the gradient and leaves `.grad` as it was."""
    w = torch.tensor(2.0, device=device, requires_grad=True)
    w.grad = torch.tensor(100.0, device=device)
    (gradient,) = torch.autograd.grad(w**2, w)
    same(gradient, torch.tensor(4.0))
    same(w.grad, torch.tensor(100.0))


@fact("torch.autograd.grad")
def test_of_grad_does_not_require_grad(device):
    """`autograd.grad` without `create_graph` returns a gradient that is cut off from the graph."""
    w = torch.tensor(2.0, device=device, requires_grad=True)
    (gradient,) = torch.autograd.grad(w**3, w)
    assert (gradient.requires_grad, gradient.grad_fn) == (False, None)
    same(gradient, torch.tensor(12.0))


@fact("torch.autograd.grad", "torch.Tensor.backward", hint="pass a gradient of the shape of the result, or sum it")
def test_of_several_numbers_needs_their_weights(device):
    """`backward` of several numbers needs weights: "grad can be implicitly created only for scalar outputs"."""
    x = leaf(2.0, 3.0, device=device)
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        (x * x).backward()
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        torch.autograd.grad(x * x, x)
    (x * x).backward(torch.tensor([1.0, 10.0], device=device))
    same(x.grad, torch.tensor([4.0, 60.0]))


@fact("torch.Tensor.backward")
def test_takes_a_result_of_one_element(device):
    """`backward` of a result of one element needs no `gradient`, even where its shape is (1, 1)."""
    x = leaf(2.0, 3.0, device=device)
    (x * x).sum().view(1, 1).backward()
    same(x.grad, torch.tensor([4.0, 6.0]))


@fact("torch.Tensor.backward")
def test_refuses_weights_of_another_shape(device):
    """`backward` refuses a `gradient` of another shape than the result: "Mismatch in shape"."""
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        (leaf(2.0, 3.0, device=device) * 2).backward(torch.ones(3, device=device))


@fact("torch.autograd.grad", "torch.autograd.backward", source="generated/torch.autograd.grad")
def test_of_several_results_is_of_their_weighted_sum(device):
    """`autograd.grad` and `autograd.backward` of several results with weights differentiate the weighted sum."""
    x = leaf(2.0, 3.0, device=device)
    results, weights = [x * x, x.sum()], [torch.tensor([1.0, -1.0], device=device), torch.tensor(5.0, device=device)]
    (grad,) = torch.autograd.grad(results, x, weights, retain_graph=True)
    torch.autograd.backward(results, weights)
    same(grad, torch.tensor([9.0, -1.0]))
    same(x.grad, torch.tensor([9.0, -1.0]))


@fact("torch.autograd.grad", hint="pass allow_unused=True")
def test_of_grad_refuses_what_the_result_does_not_depend_on(device):
    """`autograd.grad` by a tensor outside of the graph is refused: "appears to not have been used in the graph"."""
    x, other = leaf(2.0, 3.0, device=device), leaf(1.0, device=device)
    y = (x * x).sum()
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        torch.autograd.grad(y, [x, other])


@fact("torch.autograd.grad")
def test_of_grad_can_be_none(device):
    """`autograd.grad(allow_unused=True)` gives None by a tensor that the result does not depend on."""
    x, other = leaf(2.0, 3.0, device=device), leaf(1.0, device=device)
    by_x, by_other = torch.autograd.grad((x * x).sum(), [x, other], allow_unused=True)
    same(by_x, torch.tensor([4.0, 6.0]))
    assert by_other is None


@fact(
    "torch.autograd.grad",
    since="2.1",
    calls="materialize_grads=True",
    gain=True,
    source="generated/torch.autograd.grad",
)
def test_of_grad_can_be_zeros_instead_of_none(device):
    """`autograd.grad(materialize_grads=True)` gives zeros by a tensor that the result does not depend on."""
    x, other = leaf(2.0, device=device), leaf(1.0, 4.0, device=device)
    by_x, by_other = torch.autograd.grad((x * x).sum(), [x, other], materialize_grads=True)
    same(by_x, torch.tensor([4.0]))
    same(by_other, torch.zeros(2))


@fact("torch.autograd.grad", since="2.1", calls="materialize_grads=True, allow_unused=False")
def test_of_grad_cannot_both_refuse_and_be_zeros(device):
    """`autograd.grad` with `materialize_grads=True` and `allow_unused=False` is refused."""
    x = leaf(2.0, device=device)
    with pytest.raises(ValueError, match="allow_unused"):
        torch.autograd.grad(x * x, x, allow_unused=False, materialize_grads=True)


@fact("torch.autograd.grad", source="generated/torch.autograd.grad")
def test_of_grad_takes_a_batch_of_weights(device):
    """`autograd.grad(is_grads_batched=True)` gives a gradient for each row of weights: of `torch.eye`, the Jacobian."""
    x = leaf(2.0, 3.0, device=device)
    y = torch.stack([x[0] * x[1], x[0] ** 2])
    (rows,) = torch.autograd.grad(y, x, torch.eye(2, device=device), is_grads_batched=True)
    same(rows, torch.tensor([[3.0, 2.0], [4.0, 0.0]]))


@fact("torch.autograd.grad", "torch.Tensor.backward", hint="keep retain_graph=True until the last call")
def test_of_grad_frees_the_graph(device):
    """`autograd.grad` frees the graph unless `retain_graph=True`: else `backward` fails, "a second time"."""
    x = leaf(2.0, 3.0, device=device)
    y = (x * x).sum()
    first, second = (torch.autograd.grad(y, x, retain_graph=keep)[0] for keep in (True, False))
    same(first, torch.tensor([4.0, 6.0]))
    same(second, first)
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


@fact("torch.autograd.grad", source="generated/torch.autograd.grad")
def test_can_be_taken_of_a_gradient(device):
    """`autograd.grad(create_graph=True)` of `x**4` can itself be differentiated, and its gradient again."""
    x = leaf(2.0, 3.0, device=device)
    y = (x**4).sum()
    (first,) = torch.autograd.grad(y, x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
    (third,) = torch.autograd.grad(second.sum(), x)
    same(first, torch.tensor([32.0, 108.0]))
    same(second, torch.tensor([48.0, 108.0]))
    same(third, torch.tensor([48.0, 72.0]))
    assert (second.requires_grad, third.requires_grad) == (True, False)


@fact("torch.Tensor.backward", "torch.autograd.grad", hint="use autograd.grad for a penalty on the gradient")
def test_through_a_penalty_on_the_gradient(device):
    """A penalty on the gradient, made with `create_graph=True`, is differentiated like any other term of a loss."""
    w, x = leaf(2.0, device=device), leaf(3.0, device=device)
    (slope,) = torch.autograd.grad((w**2 * x).sum(), x, create_graph=True)
    ((slope - 1) ** 2).sum().backward()
    same(w.grad, torch.tensor([2 * (2.0**2 - 1) * 2 * 2.0]))
    assert x.grad is None


@fact("torch.autograd.backward")
def test_as_a_function_takes_one_result_too(device):
    """`autograd.backward` takes a single result with its weights, as the method does."""
    x = leaf(2.0, 3.0, device=device)
    torch.autograd.backward(x * x, torch.tensor([1.0, 10.0], device=device))
    same(x.grad, torch.tensor([4.0, 60.0]))


@fact("torch.autograd.backward", "torch.Tensor.backward")
def test_with_create_graph_warns_of_a_cycle(device, every_warning):
    """`backward(create_graph=True)` warns of a "reference cycle" between a parameter and its gradient."""
    x = leaf(2.0, device=device)
    with pytest.warns(UserWarning, match="reference cycle"):
        (x**3).sum().backward(create_graph=True)
    (second,) = torch.autograd.grad(x.grad, x)
    same(x.grad.detach(), torch.tensor([12.0]))
    same(second, torch.tensor([12.0]))
    x.grad = None


@fact("torch.Tensor.backward")
def test_inside_of_no_grad_still_works(device):
    """`backward` called under `no_grad` goes through a graph that was recorded before."""
    x = leaf(2.0, 3.0, device=device)
    y = (x * x).sum()
    with torch.no_grad():
        y.backward()
    same(x.grad, torch.tensor([4.0, 6.0]))


@fact("torch.Tensor.backward", source="notes/autograd")
def test_does_not_see_integers(device):
    """`backward` from `x.long()` is refused, as integers have no gradient: "does not require grad"."""
    y = leaf(2.5, device=device).long()
    assert not y.requires_grad
    with pytest.raises(RuntimeError, match="does not require grad"):
        y.backward()


@fact("torch.argmax", "torch.eq", "torch.gt", "torch.sort", source="notes/autograd")
def test_does_not_pass_through_what_has_no_slope(device):
    """`argmax`, `eq`, `gt` and the indices of `sort` do not require grad, even of a tensor that does."""
    x = leaf(2.0, 3.0, device=device)
    made = [torch.argmax(x), torch.eq(x, 2.0), torch.gt(x, 2.0), torch.sort(x).indices]
    assert [each.tolist() for each in made] == [1, [True, False], [False, True], [0, 1]]
    assert [each.requires_grad for each in made] == [False] * 4


@fact("torch.autograd.grad", "torch.Tensor.backward", source="notes/autograd")
def test_keeps_to_the_dtype_of_each_tensor(device):
    """`autograd.grad` through `float()` and `double()` gives each tensor on the way a gradient of its own dtype."""
    x = torch.tensor([2.0, 3.0], dtype=torch.float16, device=device, requires_grad=True)
    y = x.float()
    z = y.double()
    by_z, by_y, by_x = torch.autograd.grad((z * z).sum(), [z, y, x])
    same(by_z, torch.tensor([4.0, 6.0], dtype=torch.float64))
    same(by_y, torch.tensor([4.0, 6.0]))
    same(by_x, torch.tensor([4.0, 6.0], dtype=torch.float16))


@fact("torch.add", "torch.mul", source="notes/broadcasting")
@pytest.mark.parametrize(("name", "of_row", "of_column"), [("add", 2.0, 3.0), ("mul", 9.0, 9.0)], ids=str)
def test_sums_over_what_was_broadcast(device, name, of_row, of_column):
    """`backward` of `add` and `mul` sums the gradient of a broadcast tensor over the places it was broadcast to."""
    row, column = torch.full((3,), 3.0, device=device), torch.full((2, 1), 4.5, device=device)
    row.requires_grad_(), column.requires_grad_()
    y = getattr(torch, name)(row, column)
    y.sum().backward()
    same(y.detach(), torch.full((2, 3), {"add": 7.5, "mul": 13.5}[name]))
    same(row.grad, torch.full((3,), of_row))
    same(column.grad, torch.full((2, 1), of_column))


PARTS = {"split": ([2, 1, 3],), "chunk": (4,), "unbind": ()}


@fact(*(f"torch.{name}" for name in PARTS))
@pytest.mark.parametrize("name", PARTS)
def test_of_a_part_goes_where_it_came_from(device, name):
    """`backward` sends the gradient of each part of `split`, `chunk` and `unbind` to its place in what was divided."""
    x = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0, 32.0], device=device, requires_grad=True)
    parts = getattr(torch, name)(x, *PARTS[name])
    assert [part.shape for part in parts] == {"split": [(2,), (1,), (3,)], "chunk": [(2,)] * 3, "unbind": [()] * 6}[
        name
    ]
    same(torch.cat([part.reshape(-1) for part in parts]).detach(), x.detach())
    sum((10**place * part).sum() for place, part in enumerate(parts)).backward()
    want = {"split": [0, 0, 1, 2, 2, 2], "chunk": [0, 0, 1, 1, 2, 2], "unbind": [0, 1, 2, 3, 4, 5]}[name]
    same(x.grad, torch.tensor([10.0**place for place in want]))


@fact("torch.gather", "torch.index_select", "torch.take", "torch.nn.functional.embedding", "torch.Tensor.__getitem__")
@pytest.mark.parametrize(
    "take",
    [
        lambda x, at: x[at],
        lambda x, at: torch.gather(x, 0, at),
        lambda x, at: torch.index_select(x, 0, at),
        lambda x, at: torch.nn.functional.embedding(at, x[:, None])[:, 0],
        lambda x, at: torch.take(x, at),
    ],
    ids=["index", "gather", "index_select", "embedding", "take"],
)
def test_adds_up_what_was_taken_several_times(device, take):
    """An element taken several times by `x[index]`, `gather`, `take` or `embedding` gets its gradients' sum."""
    x, at = leaf(0.5, 1.5, 2.5, device=device), torch.tensor([2, 0, 2, 2], device=device)
    y = take(x, at)
    y.backward(torch.tensor([1.0, 2.0, 3.0, 5.0], device=device))
    same(y.detach(), torch.tensor([2.5, 0.5, 2.5, 2.5]))
    same(x.grad, torch.tensor([2.0, 0.0, 9.0]))
