"""Indices that describe no tensor: who checks them. On the CPU, as a device asserts and is lost to its process."""

import pytest
import torch

from torchproof import fact, same

pytestmark = pytest.mark.filterwarnings("ignore:Sparse (... tensor support|invariant checks)")

check_sparse_tensor_invariants = torch.sparse.check_sparse_tensor_invariants


@fact("torch.sparse_csr_tensor", source="sparse")
@pytest.mark.parametrize(
    ("crow", "col", "count", "words"),
    [
        pytest.param([1, 1, 2], [0, 1], 2, r"`crow_indices\[..., 0\] == 0` is not satisfied", id="first_pointer"),
        pytest.param([0, 1, 3], [0, 1], 2, r"`crow_indices\[..., -1\] == nnz` is not satisfied", id="last_pointer"),
        pytest.param([0, 2], [0, 1], 2, "must be equal to the number of rows", id="too_few_pointers"),
        pytest.param([0, 3, 2], [0, 1], 2, "crow_indices.* is not satisfied", id="falling_pointers"),
        pytest.param([0, 1, 2], [0, 2], 2, "`0 <= col_indices < ncols` is not satisfied", id="column_too_large"),
        pytest.param([0, 1, 2], [0, -1], 2, "`0 <= col_indices < ncols` is not satisfied", id="column_negative"),
        pytest.param([0, 2, 2], [1, 1], 2, "sorted and distinct", id="column_twice"),
        pytest.param([0, 2, 2], [1, 0], 2, "sorted and distinct", id="columns_unsorted"),
        pytest.param([0, 1, 2], [0, 1], 3, "must be equal to nnz", id="too_many_values"),
    ],
)
def test_of_csr_are_checked_on_request(crow, col, count, words):
    """`sparse_csr_tensor` with `check_invariants=True` refuses indices that describe no matrix."""
    with pytest.raises(RuntimeError, match=words):
        torch.sparse_csr_tensor(crow, col, [1.0] * count, (2, 2), check_invariants=True)


@fact("torch.sparse_csr_tensor", source="sparse")
@pytest.mark.parametrize(
    ("crow_dtype", "col_dtype", "words"),
    [(torch.int32, torch.int64, "must have the same dtype"), (torch.int16, torch.int16, "dtype must be Int or Long")],
)
def test_of_index_dtypes_are_checked_on_request(crow_dtype, col_dtype, words):
    """`sparse_csr_tensor` with `check_invariants=True` refuses indices that are neither all int32 nor all int64."""
    crow, col = torch.tensor([0, 1, 2], dtype=crow_dtype), torch.tensor([0, 1], dtype=col_dtype)
    with pytest.raises(RuntimeError, match=words):
        torch.sparse_csr_tensor(crow, col, torch.ones(2), (2, 2), check_invariants=True)


@fact("torch.sparse_csc_tensor", source="sparse")
@pytest.mark.parametrize(
    ("ccol", "row", "words"),
    [
        ([0, 1, 2], [0, 2], "`0 <= row_indices < nrows` is not satisfied"),
        ([1, 1, 2], [0, 1], r"`ccol_indices\[..., 0\] == 0`"),
    ],
    ids=["row_too_large", "first_pointer"],
)
def test_of_csc_are_checked_on_request(ccol, row, words):
    """`sparse_csc_tensor` with `check_invariants=True` refuses indices that describe no matrix."""
    with pytest.raises(RuntimeError, match=words):
        torch.sparse_csc_tensor(ccol, row, [1.0, 2.0], (2, 2), check_invariants=True)


@fact("torch.sparse_coo_tensor", source="sparse")
@pytest.mark.parametrize(
    ("row", "words"),
    [
        (5, "size is inconsistent with indices: for dim 0, size is 2 but found index 5"),
        (-1, "found negative index -1 for dim 0"),
    ],
    ids=["too_large", "negative"],
)
def test_of_coo_are_checked_on_request(row, words):
    """`sparse_coo_tensor` with `check_invariants=True` refuses an index outside of the size."""
    with pytest.raises(RuntimeError, match=words):
        torch.sparse_coo_tensor([[0, row], [1, 0]], [1.0, 2.0], (2, 2), check_invariants=True)


@fact("torch.sparse_coo_tensor", source="sparse")
def test_of_valid_indices_are_no_hindrance():
    """`sparse_coo_tensor` with `check_invariants=True` takes valid indices, in any order."""
    x = torch.sparse_coo_tensor([[1, 0], [0, 1]], [1.0, 2.0], (2, 2), check_invariants=True)
    same(x, torch.tensor([[0.0, 2.0], [1.0, 0.0]]))


@fact("torch.sparse_coo_tensor", since="2.1", calls="is_coalesced=True, check_invariants=True", source="sparse")
def test_of_coalesced_indices_are_checked_on_request():
    """`sparse_coo_tensor(check_invariants=True)` of duplicate indices: "cannot set is_coalesced to true"."""
    with pytest.raises(RuntimeError, match="cannot set is_coalesced to true"):
        torch.sparse_coo_tensor([[0, 0], [1, 1]], [1.0, 2.0], (2, 2), is_coalesced=True, check_invariants=True)


@fact(
    "torch.sparse_csr_tensor",
    myth="indices out of range are refused",
    hint="pass check_invariants=True",
    source="sparse",
)
def test_of_csr_are_not_checked_unasked():
    """`sparse_csr_tensor` takes a column outside of its size unless it is asked to check."""
    x = torch.sparse_csr_tensor([0, 1, 2], [0, 7], [1.0, 2.0], (2, 2))
    same(x.col_indices(), torch.tensor([0, 7]))
    same(x.values(), torch.tensor([1.0, 2.0]))
    assert x.shape == (2, 2)


@fact(
    "torch.sparse_coo_tensor",
    myth="indices out of range are refused",
    hint="pass check_invariants=True",
    source="sparse",
)
def test_of_coo_are_not_checked_unasked():
    """`sparse_coo_tensor` takes an index outside of its size unless it is asked to check."""
    x = torch.sparse_coo_tensor([[0, 7], [1, 0]], [1.0, 2.0], (2, 2))
    same(x._indices(), torch.tensor([[0, 7], [1, 0]]))
    assert x.shape == (2, 2)


@fact("torch.sparse.check_sparse_tensor_invariants.is_enabled")
def test_are_not_checked_by_default():
    """`check_sparse_tensor_invariants.is_enabled` is false unless checks were asked for."""
    assert check_sparse_tensor_invariants.is_enabled() is False


@fact("torch.sparse.check_sparse_tensor_invariants")
def test_are_checked_inside_the_context():
    """Inside `check_sparse_tensor_invariants` an index outside of the size is refused: "found index 5"."""
    with check_sparse_tensor_invariants(), pytest.raises(RuntimeError, match="found index 5"):
        torch.sparse_coo_tensor([[0, 5], [1, 0]], [1.0, 2.0], (2, 2))


@fact("torch.sparse.check_sparse_tensor_invariants")
def test_are_no_longer_checked_after_the_context():
    """After `check_sparse_tensor_invariants` an index outside of the size is taken again."""
    with check_sparse_tensor_invariants():
        inside = check_sparse_tensor_invariants.is_enabled()
    x = torch.sparse_coo_tensor([[0, 5], [1, 0]], [1.0, 2.0], (2, 2))
    assert (inside, x._indices()[0, 1].item()) == (True, 5)


@fact("torch.sparse.check_sparse_tensor_invariants")
def test_are_not_checked_inside_a_nested_context_that_says_so():
    """`check_sparse_tensor_invariants(False)` turns checks off until its end."""
    with check_sparse_tensor_invariants():
        with check_sparse_tensor_invariants(False):
            inside = check_sparse_tensor_invariants.is_enabled()
        assert (inside, check_sparse_tensor_invariants.is_enabled()) == (False, True)


@fact("torch.sparse.check_sparse_tensor_invariants")
def test_are_checked_inside_a_decorated_function():
    """A function decorated with `check_sparse_tensor_invariants` has its indices checked: "found index 5"."""

    @check_sparse_tensor_invariants()
    def make():
        return torch.sparse_coo_tensor([[0, 5], [1, 0]], [1.0, 2.0], (2, 2))

    with pytest.raises(RuntimeError, match="found index 5"):
        make()


@fact("torch.sparse.check_sparse_tensor_invariants")
def test_leave_a_decorated_function_what_it_does():
    """A function decorated with `check_sparse_tensor_invariants` runs once a call and gives its own result."""
    calls = []

    @check_sparse_tensor_invariants()
    def count(name):
        calls.append(name)
        return len(calls)

    assert (count("a"), count("b"), calls) == (1, 2, ["a", "b"])


@fact("torch.sparse.check_sparse_tensor_invariants.enable")
def test_are_checked_after_enable():
    """`check_sparse_tensor_invariants.enable` has an index too large refused: "found index 5"."""
    with check_sparse_tensor_invariants(False):
        check_sparse_tensor_invariants.enable()
        with pytest.raises(RuntimeError, match="found index 5"):
            torch.sparse_coo_tensor([[0, 5], [1, 0]], [1.0, 2.0], (2, 2))


@fact("torch.sparse.check_sparse_tensor_invariants.disable")
def test_are_not_checked_after_disable():
    """`check_sparse_tensor_invariants.disable` turns checks off."""
    with check_sparse_tensor_invariants():
        check_sparse_tensor_invariants.disable()
        assert torch.sparse_coo_tensor([[0, 5], [1, 0]], [1.0, 2.0], (2, 2))._indices()[0, 1] == 5


@fact("torch.sparse_coo_tensor", source="sparse")
def test_are_not_checked_where_the_call_says_so():
    """`sparse_coo_tensor(..., check_invariants=False)` outweighs `check_sparse_tensor_invariants` around it."""
    with check_sparse_tensor_invariants():
        x = torch.sparse_coo_tensor([[0, 5], [1, 0]], [1.0, 2.0], (2, 2), check_invariants=False)
    same(x._indices(), torch.tensor([[0, 5], [1, 0]]))
