"""The graph is what the Python code did while it ran: another one for each call."""

import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.fixtures.work import leaf

XYZ = [(2.0, 3.0, 5.0), (-1.0, 4.0, 0.5)]


@fact("torch.Tensor.backward", source="notes/autograd", claims=["G03"])
@pytest.mark.parametrize("numbers", XYZ, ids=["first", "second"])
def test_of_a_sum_times_a_factor_has_the_derivatives_of_the_rule(device, numbers):
    """`backward` of g = (x + y) * z gives the gradients z by x and by y, and x + y by z."""
    x, y, z = (torch.tensor(number, device=device, requires_grad=True) for number in numbers)
    ((x + y) * z).backward()
    a, b, c = numbers
    assert (x.grad.item(), y.grad.item(), z.grad.item()) == (c, c, a + b)


@fact("torch.Tensor.grad_fn", source="notes/autograd", claims=["G01"])
@pytest.mark.parametrize(
    ("number", "name", "slope"), [(3.0, "PowBackward0", 6.0), (-3.0, "NegBackward0", -1.0)], ids=str
)
def test_takes_the_branch_of_this_call(device, number, name, slope):
    """A function with an `if` on a value of its argument has the graph and gradient of the branch that it took."""
    x = leaf(number, device=device)
    y = x**2 if x > 0 else -x
    assert y.grad_fn.name() == name
    y.backward()
    same(x.grad, torch.tensor([slope]))


@fact("torch.Tensor.backward", source="notes/autograd", claims=["G01"])
@pytest.mark.parametrize(("start", "steps"), [(3.0, 6), (60.0, 1), (200.0, 0)], ids=str)
def test_has_as_many_steps_as_the_loop_made(device, start, steps):
    """A `while` that depends on values makes a graph as deep as it ran, one factor of the gradient a step."""
    x = leaf(start, device=device)
    y = x * 1
    while y < 100:
        y = y * 2
    y.backward()
    same(x.grad, torch.tensor([2.0**steps]))


@fact("torch.Tensor.backward", source="notes/modules", claims=["G01"])
def test_of_a_module_may_use_another_layer_each_time(device):
    """A module that chooses a layer in `forward` gives gradients to the parameters of the layer chosen alone."""

    class Switch(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(1, 1, bias=False) for _ in range(2))

        def forward(self, x, at):
            return self.layers[at](x)

    model = Switch().to(device)
    model(torch.tensor([[3.0]], device=device), 1).sum().backward()
    assert (model.layers[0].weight.grad, model.layers[1].weight.grad.item()) == (None, 3.0)


@fact("torch.Tensor.backward", claims=["G01"])
def test_of_a_recursion_follows_the_structure(device):
    """`backward` of a recursive function over a tree of tuples gives a gradient to each leaf of it."""
    tree = ((leaf(2.0, device=device), leaf(3.0, device=device)), leaf(5.0, device=device))

    def product(node):
        return product(node[0]) * product(node[1]) if isinstance(node, tuple) else node

    product(tree).backward()
    (a, b), c = tree
    assert (a.grad.item(), b.grad.item(), c.grad.item()) == (15.0, 10.0, 6.0)


@fact("torch.Tensor.backward", source="notes/autograd", claims=["G01"])
@pytest.mark.parametrize("length", [1, 2, 5])
def test_takes_inputs_of_any_length(device, length):
    """A loop over 1, 2 or 5 steps has a graph for each: `backward` gives the gradient of that power of w."""
    w, state = leaf(2.0, device=device), torch.ones(1, device=device)
    for _ in range(length):
        state = state * w
    state.backward()
    same(w.grad, torch.tensor([length * 2.0 ** (length - 1)]))


@fact("torch.Tensor.backward", source="notes/autograd", claims=["G01"])
def test_is_made_anew_by_each_call(device):
    """Each forward pass builds a dynamic graph of its own: `backward` of one result leaves that of another whole."""
    x = leaf(3.0, device=device)
    first, second = x**2, x**2
    assert first.grad_fn is not second.grad_fn
    first.backward()
    second.backward()
    same(x.grad, torch.tensor([12.0]))


@fact("torch.Tensor.item", source="notes/autograd", claims=["G01"])
def test_has_constants_where_python_computed(device):
    """A number that Python computed from `item` is a constant of the graph: no gradient passes through it."""
    x = leaf(3.0, device=device)
    y = x * (2 * x.item())
    y.backward()
    same(y.detach(), torch.tensor([18.0]))
    same(x.grad, torch.tensor([6.0]))


@fact("torch.Tensor.__bool__", "torch.Tensor.__len__", "torch.Tensor.__iter__", claims=["G01"])
def test_lets_python_ask_the_values(device):
    """`if`, `len` and `for` ask a tensor for its values and sizes while the code runs."""
    x = torch.tensor([[2.0, 0.0], [0.0, 5.0]], device=device)
    assert [row.tolist() for row in x] == [[2.0, 0.0], [0.0, 5.0]]
    assert (len(x), bool(x[0, 0]), bool(x[0, 1])) == (2, True, False)
