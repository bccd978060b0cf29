"""The graph that is recorded: its nodes, its edges, and how it is run; what its nodes save is in test_saved_tensors."""

import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.work import leaf


@fact(
    "torch.autograd.graph.Node.next_functions", "torch.autograd.graph.Node.name", "torch.Tensor.grad_fn", claims=["A02"]
)
def test_of_a_result_leads_to_its_leaves(device):
    """`next_functions` of a result's `grad_fn` lead to those of its arguments, down to `AccumulateGrad` of leaves."""
    x, w = leaf(2.0, device=device), leaf(3.0, device=device)
    node = (x * w + 5).grad_fn
    (product, _), *_ = node.next_functions
    leaves = [edge[0] for edge in product.next_functions]
    assert [node.name(), product.name()] == ["AddBackward0", "MulBackward0"]
    assert [each.name() for each in leaves] == ["torch::autograd::AccumulateGrad"] * 2
    assert [each.variable is tensor for each, tensor in zip(leaves, (x, w), strict=True)] == [True, True]


@fact("torch.autograd.graph.Node.next_functions", "torch.Tensor.grad_fn", claims=["A02"])
def test_has_no_edge_to_a_constant(device):
    """`next_functions` hold None for an argument that does not require grad."""
    node = (leaf(2.0, device=device) * torch.ones(1, device=device)).grad_fn
    assert [edge[0] is None for edge in node.next_functions] == [False, True]


@fact("torch.Tensor.grad_fn", claims=["A02"])
def test_has_one_node_for_results_of_one_operation(device):
    """The results of one `unbind` have the same `grad_fn`, and each its own `output_nr`."""
    first, second = torch.unbind(leaf(2.0, 3.0, device=device))
    assert first.grad_fn is second.grad_fn is not None
    assert (first.output_nr, second.output_nr) == (0, 1)


@fact("torch.autograd.graph.Node.metadata", "torch.Tensor.grad_fn")
def test_takes_notes_on_a_node(device):
    """What is put into `metadata` of a `grad_fn` is found again when the graph leads there."""
    y = leaf(2.0, device=device) * 3
    y.grad_fn.metadata["by"] = "hand"
    (z,) = y.sum().grad_fn.next_functions
    assert z[0].metadata == {"by": "hand"}


@fact("torch.autograd.graph.get_gradient_edge", since="2.2", calls="any", gain=True)
def test_has_edges_that_stand_for_tensors(device):
    """An edge of `get_gradient_edge` takes the place of its tensor in `autograd.grad`, even of a deleted one."""
    x = leaf(2.0, 3.0, device=device)
    y = x * x
    z = (y * 5).sum()
    edge = torch.autograd.graph.get_gradient_edge(y)
    assert (edge.node is y.grad_fn, edge.output_nr) == (True, 0)
    del y
    same(torch.autograd.grad(z, edge)[0], torch.tensor([5.0, 5.0]))


@fact("torch.autograd.graph.get_gradient_edge", since="2.2", calls="any")
def test_has_no_edge_of_a_constant(device):
    """`get_gradient_edge` refuses a tensor that does not require grad."""
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.autograd.graph.get_gradient_edge(torch.ones(2, device=device))


@fact(
    "torch.autograd.set_multithreading_enabled", "torch.autograd.is_multithreading_enabled", since="2.1", calls="none"
)
@pytest.mark.parametrize("mode", [True, False])
def test_can_be_run_by_one_thread(device, mode):
    """`set_multithreading_enabled` says inside of its block alone whether `backward` may use other threads."""
    x = leaf(2.0, device=device)
    with torch.autograd.set_multithreading_enabled(mode):
        inside = torch.autograd.is_multithreading_enabled()
        (x * x).sum().backward()
    assert (inside, torch.autograd.is_multithreading_enabled()) == (mode, True)
    same(x.grad, torch.tensor([4.0]))


@fact("torch.Tensor.backward", claims=["A02"])
def test_may_be_deep(device):
    """`backward` runs through a chain of 5000 operations, which is deeper than Python's recursion may go."""
    x = leaf(2.0, device=device)
    y = x
    for _ in range(5000):
        y = y * 1
    y.backward()
    same(x.grad, torch.tensor([1.0]))
