"""What the first sparse tensors of a process warn of."""

import subprocess
import sys
import warnings

import pytest
import torch

from torchproof import fact, same


@fact("torch.Tensor.to_sparse_csr", source="sparse")
@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
def test_of_beta_state_come_with_a_compressed_layout(device, every_warning):
    """`to_sparse_csr` warns, where it is the first of a process, that "Sparse CSR tensor support is in beta state"."""
    with pytest.warns(UserWarning, match="Sparse CSR tensor support is in beta state"):
        x = torch.eye(2, device=device).to_sparse_csr()
    same(x, torch.eye(2))


def ignores_warnings(patch):
    """Other processes warn of nothing."""
    patch.setenv("PYTHONWARNINGS", "ignore")


CALLS = {
    "sparse_coo_tensor": "[[0], [0]], [1.0], (1, 1)",
    "sparse_csr_tensor": "[0, 1], [0], [1.0], (1, 1)",
    "sparse_csc_tensor": "[0, 1], [0], [1.0], (1, 1)",
    "sparse_compressed_tensor": "[0, 1], [0], [1.0], (1, 1), layout=torch.sparse_csr",
}


@pytest.mark.slow
@fact(
    "torch.sparse_coo_tensor",
    "torch.sparse_csr_tensor",
    "torch.sparse_csc_tensor",
    "torch.sparse_compressed_tensor",
    since="2.11",
    calls="not check_invariants",
    hint="say check_invariants=True or check_invariants=False",
    source="sparse",
    refuter=ignores_warnings,
)
@pytest.mark.parametrize("name", CALLS)
def test_of_implicitly_disabled_checks_come_with_indices(name):
    """The first `sparse_coo_tensor`, `sparse_csr_tensor` or such of a process warns of "implicitly disabled" checks."""
    make = f"import torch; torch.{name}({CALLS[name]})"
    ended = subprocess.run([sys.executable, "-c", make], capture_output=True, text=True, check=True)
    assert "Sparse invariant checks are implicitly disabled" in ended.stderr


@fact("torch.sparse_coo_tensor", source="sparse")
@pytest.mark.parametrize("explicit", [False, True])
def test_of_checks_do_not_come_where_the_call_decides(every_warning, explicit):
    """`sparse_coo_tensor` with `check_invariants` said, either way, warns of nothing."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        x = torch.sparse_coo_tensor([[0, 1], [1, 0]], [1.0, 2.0], (2, 2), check_invariants=explicit)
    same(x, torch.tensor([[0.0, 1.0], [2.0, 0.0]]))
    assert [str(warning.message) for warning in given] == []
