"""Gradients through sparse operands: their numbers, their layout and the entries they have."""

import numpy
import pytest
import torch

from torchproof import fact, same

pytestmark = pytest.mark.filterwarnings("ignore:Sparse (... tensor support|invariant checks)")

LAYOUTS = pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr, torch.sparse_csc])
A = numpy.array([[0.0, 2, 0], [3, 0, 0], [0, 0, 0], [0, 0, 4]])
B = numpy.array([[1.0, 2], [3, 4], [5, 6]])
UPSTREAM = numpy.array([[1.0, 2], [3, 4], [5, 6], [7, 8]])


@fact("torch.sparse.mm")
@LAYOUTS
def test_of_sparse_mm_reaches_the_dense_factor(device, layout):
    """The gradient of `torch.sparse.mm` in its dense factor is the transposed sparse one times the gradient above."""
    a = torch.tensor(A, device=device).to_sparse(layout=layout)
    b = torch.tensor(B, device=device, requires_grad=True)
    torch.sparse.mm(a, b).backward(torch.tensor(UPSTREAM, device=device))
    same(b.grad, A.T @ UPSTREAM)
    assert b.grad.layout == torch.strided


@fact("torch.sparse.mm")
@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
def test_of_sparse_mm_is_sparse_in_the_sparse_factor(device, layout):
    """The gradient of `torch.sparse.mm` in its sparse factor has the layout and the entries of that factor."""
    a = torch.tensor(A, device=device).to_sparse(layout=layout).requires_grad_()
    torch.sparse.mm(a, torch.tensor(B, device=device)).backward(torch.tensor(UPSTREAM, device=device))
    same(a.grad, (UPSTREAM @ B.T) * (A != 0))
    assert (a.grad.layout, a.grad._nnz()) == (layout, 3)


@fact("torch.matmul", source="sparse")
@LAYOUTS
def test_of_matmul_reaches_the_dense_factor(device, layout):
    """The gradient of `@` in its dense factor is the transposed sparse one times the gradient above."""
    a = torch.tensor(A, device=device).to_sparse(layout=layout)
    b = torch.tensor(B, device=device, requires_grad=True)
    (a @ b).backward(torch.tensor(UPSTREAM, device=device))
    same(b.grad, A.T @ UPSTREAM)


@fact(
    "torch.matmul",
    myth="the gradient of a sparse tensor is sparse",
    hint="torch.sparse.mm gives a sparse gradient",
    source="sparse",
)
@LAYOUTS
def test_of_matmul_is_dense_in_the_sparse_factor(device, layout):
    """The gradient of `@` in its sparse factor is the whole dense one, entries or not."""
    a = torch.tensor(A, device=device).to_sparse(layout=layout).requires_grad_()
    (a @ torch.tensor(B, device=device)).backward(torch.tensor(UPSTREAM, device=device))
    same(a.grad, UPSTREAM @ B.T)
    assert a.grad.layout == torch.strided


@fact("torch.Tensor.to_sparse")
@LAYOUTS
def test_of_to_sparse_is_dense(device, layout):
    """The gradient through `to_sparse` to the dense tensor and back is dense."""
    x = torch.tensor([[0.0, 2.0], [3.0, 0.0]], device=device, requires_grad=True)
    x.to_sparse(layout=layout).to_dense().pow(2).sum().backward()
    same(x.grad, torch.tensor([[0.0, 4.0], [6.0, 0.0]]))
    assert x.grad.layout == torch.strided


@fact("torch.Tensor.to_dense")
def test_of_to_dense_is_masked(device):
    """The gradient of `to_dense` in a COO tensor has entries only where the tensor has."""
    x = torch.tensor([[0.0, 2.0], [3.0, 0.0]], device=device).to_sparse().requires_grad_()
    x.to_dense().sum().backward()
    same(x.grad, torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    assert x.grad.layout == torch.sparse_coo


@fact("torch.Tensor.to_dense", since="2.1", calls="masked_grad=False", gain=True)
def test_of_to_dense_is_whole_on_request(device):
    """The gradient of `to_dense(masked_grad=False)` in a COO tensor has an entry for every element."""
    x = torch.tensor([[0.0, 2.0], [3.0, 0.0]], device=device).to_sparse().requires_grad_()
    x.to_dense(masked_grad=False).sum().backward()
    same(x.grad, torch.ones(2, 2))


@fact("torch.sparse.sum")
def test_of_sparse_sum_is_one_for_each_entry(device):
    """The gradient of `torch.sparse.sum` in a COO tensor is one at each of its entries."""
    x = torch.tensor([[0.0, 2.0], [3.0, 0.0]], device=device).to_sparse().requires_grad_()
    torch.sparse.sum(x).backward()
    same(x.grad, torch.tensor([[0.0, 1.0], [1.0, 0.0]]))


@fact("torch.sparse_coo_tensor")
def test_of_sparse_coo_tensor_reaches_its_values(device):
    """The gradient passes through `sparse_coo_tensor` to the values that it was made of."""
    values = torch.tensor([2.0, 3.0], device=device, requires_grad=True)
    x = torch.sparse_coo_tensor(torch.tensor([[0, 1], [1, 0]], device=device), values, (2, 2))
    (x @ torch.tensor([[10.0], [100.0]], device=device)).sum().backward()
    same(values.grad, torch.tensor([100.0, 10.0]))


@fact("torch.sparse_csr_tensor", since="2.1", calls="any")
def test_of_sparse_csr_tensor_reaches_its_values(device):
    """The gradient passes through `sparse_csr_tensor` to the values that it was made of."""
    values = torch.tensor([2.0, 3.0], device=device, requires_grad=True)
    crow, col = torch.tensor([0, 1, 2], device=device), torch.tensor([1, 0], device=device)
    x = torch.sparse_csr_tensor(crow, col, values, (2, 2))
    (x @ torch.tensor([[10.0], [100.0]], device=device)).sum().backward()
    same(values.grad, torch.tensor([100.0, 10.0]))


@fact("torch.sparse_csr_tensor", until="2.1", calls="any")
def test_of_sparse_csr_tensor_was_cut(device):
    """A tensor made by `sparse_csr_tensor` of values that require a gradient does not require one."""
    values = torch.tensor([2.0, 3.0], device=device, requires_grad=True)
    crow, col = torch.tensor([0, 1, 2], device=device), torch.tensor([1, 0], device=device)
    assert torch.sparse_csr_tensor(crow, col, values, (2, 2)).requires_grad is False


@fact("torch.nn.Embedding")
def test_of_a_sparse_embedding_has_an_entry_for_each_lookup(device):
    """The gradient of `Embedding(sparse=True)` is a COO tensor with a row for each index that was looked up."""
    embedding = torch.nn.Embedding(5, 2, sparse=True, device=device)
    rows = embedding(torch.tensor([3, 1, 3], device=device))
    rows.sum().backward()
    same(rows, embedding.weight.detach().cpu().numpy()[[3, 1, 3]])
    gradient = embedding.weight.grad
    same(gradient, torch.tensor([[0.0, 0], [1, 1], [0, 0], [2, 2], [0, 0]]))
    assert (gradient.layout, gradient._nnz()) == (torch.sparse_coo, 3)


@fact("torch.nn.Embedding")
def test_of_an_embedding_is_dense_unasked(device):
    """The gradient of `Embedding`, unless `sparse=True`, is a dense tensor with a row for each index of its table."""
    embedding = torch.nn.Embedding(5, 2, device=device)
    embedding(torch.tensor([3, 1, 3], device=device)).sum().backward()
    same(embedding.weight.grad, torch.tensor([[0.0, 0], [1, 1], [0, 0], [2, 2], [0, 0]]))
    assert embedding.weight.grad.layout == torch.strided
