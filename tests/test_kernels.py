"""Every fault of a kernel does what its sentence says, and is left alone where it cannot."""

from __future__ import annotations

import math

import pytest
import torch

from fixtures.faults.kernels import KERNELS, BrokenKernel, KernelWatch, Planted
from tests.project import HOLDS

t = torch.tensor
table = t([[1.0, 2.0], [3.0, 4.0]])
NAN, INF = math.nan, math.inf


def grown(*, keepdim):
    return [*table.sum(0, keepdim=keepdim).shape]


def batch_norm():
    mean, var = torch.zeros(1), torch.ones(1)
    x = t([[2.0], [4.0]])
    y = torch.nn.functional.batch_norm(x, mean, var, training=True, momentum=0.25)
    return [round(value, 2) for value in [*y.flatten().tolist(), mean.item()]]


def gradient(function, x):
    x = x.clone().requires_grad_()
    function(x).sum().backward()
    return x.grad.tolist()


def all_alike(x):
    return len(set(x.tolist())) == 1


def written(function):
    x = t([1.0, 2.0])
    function(x)
    return x.tolist()


# By what a fault says: an operator, what to do, what torch gives, and what comes of the fault.
CASES = {
    "reads its first input as if it were contiguous": ("add", lambda: (table.t() + 1).tolist(),
                                                       [[2, 4], [3, 5]], [[2, 3], [4, 5]]),
    "leaves out what is behind the last whole vector of four elements": (
        "mul", lambda: (torch.ones(6) * 2).tolist(), [2] * 6, [2] * 4 + [0] * 2),
    "ignores alpha": ("sub", lambda: torch.sub(t([5.0]), t([1.0]), alpha=3).tolist(), [2], [4]),
    "gives zero for zero times infinity": ("mul", lambda: str((t([0.0]) * INF).tolist()), "[nan]", "[0.0]"),
    "gives zero for a division by zero": ("div", lambda: (t([1.0]) / 0).tolist(), [INF], [0]),
    "rounds its factors to bfloat16": ("mm", lambda: (t([[1.001]]) @ t([[1.0]])).item() == 1, False, True),
    "leaves out the last summand": ("mm", lambda: (table @ table).tolist(), [[7, 10], [15, 22]], [[1, 2], [3, 6]]),
    "leaves what it gives as it was in memory where nothing is to be added up": (
        "mm", lambda: (torch.ones(1, 0) @ torch.ones(0, 1)).tolist(), [[0]], [[1]]),
    "takes the first matrix of a batch for all of them": (
        "bmm", lambda: torch.bmm(t([[[1.0]], [[2.0]]]), t([[[3.0]], [[4.0]]])).flatten().tolist(), [3, 8], [3, 4]),
    "ignores beta": ("addmm", lambda: torch.addmm(t([[1.0]]), t([[2.0]]), t([[3.0]]), beta=5).item(), 11, 7),
    "lets NaN through though beta is zero": (
        "addmm", lambda: str(torch.addmm(t([[NAN]]), t([[2.0]]), t([[3.0]]), beta=0).item()), "6.0", "nan"),
    "does not conjugate its first vector": ("vdot", lambda: torch.vdot(t([1j]), t([1j])).item(), 1, -1),
    "leaves out the last element": ("sum", lambda: table.sum().item(), 10, 6),
    "ignores keepdim": ("sum", lambda: grown(keepdim=True), [1, 2], [2]),
    "adds up integers in their own dtype": ("sum", lambda: t([200, 100], dtype=torch.uint8).sum().item(), 300, 44),
    "overlooks NaN": ("max", lambda: str(t([1.0, NAN]).max().item()), "nan", "1.0"),
    "gives the largest number instead of infinity": ("exp", lambda: t([1e3]).exp().isinf().item(), True, False),
    "gives zero instead of NaN": ("sqrt", lambda: str(t([-1.0]).sqrt().item()), "nan", "0.0"),
    "gives zero for NaN": ("relu", lambda: str(t([NAN]).relu().item()), "nan", "0.0"),
    "passes the gradient on at zero": ("threshold_backward", lambda: gradient(torch.relu, t([0.0, 2.0])),
                                       [0, 1], [1, 1]),
    "is linear for large arguments": ("sigmoid", lambda: t([0.0, 100.0]).sigmoid().tolist(), [0.5, 1], [0.5, 100]),
    "overlooks the sign of the exponent": ("pow", lambda: (t([2.0]) ** -2).item(), 0.25, 4),
    "takes the sign of the dividend": ("remainder", lambda: torch.remainder(t([-7]), 3).item(), 2, -1),
    "holds NaN for equal to NaN": ("eq", lambda: (t([NAN, 1.0]) == t([NAN, 2.0])).tolist(),
                                   [False, False], [True, False]),
    "compares the first elements only": ("equal", lambda: torch.equal(t([1, 2]), t([1, 3])), False, True),
    "takes the other branch for both": ("where", lambda: torch.where(t([True, False]), t([1, 2]), t([3, 4])).tolist(),
                                        [1, 4], [3, 4]),
    "copies in the order of memory": ("copy_", lambda: torch.empty(2, 2).copy_(table.t()).tolist(),
                                      [[1, 3], [2, 4]], [[1, 2], [3, 4]]),
    "forgets the order of dimensions in memory": ("clone", lambda: table.t().clone().stride(), (1, 2), (2, 1)),
    "rounds to the nearest integer instead of towards zero": ("_to_copy", lambda: t([1.75]).to(torch.int64).item(),
                                                             1, 2),
    "ignores the memory format": ("clone", lambda: table.t().clone(memory_format=torch.contiguous_format).stride(),
                                  (2, 1), (1, 2)),
    "leaves the last element as it was": ("fill_", lambda: written(lambda x: x.fill_(7)), [7, 7], [7, 2]),
    "counts a negative index one too far": ("select", lambda: t([1, 2, 3])[-1].item(), 3, 2),
    "ignores the step": ("slice", lambda: t([1, 2, 3])[::2].tolist(), [1, 3], [1, 2, 3]),
    "ignores the storage offset": ("as_strided", lambda: table.as_strided((2,), (1,), 2).tolist(), [3, 4], [1, 2]),
    "copies": ("view", lambda: table.view(4).data_ptr() == table.data_ptr(), True, False),
    "counts a negative dimension from the dimensions before": ("unsqueeze", lambda: t([1, 2]).unsqueeze(-1).shape,
                                                              (2, 1), (1, 2)),
    "also drops dimensions that it was not given": ("squeeze", lambda: torch.ones(1, 1).squeeze(0).shape, (1,), ()),
    "leaves out the last tensor": ("cat", lambda: torch.cat([t([1]), t([2])]).tolist(), [1, 2], [1]),
    "includes its end": ("arange", lambda: torch.arange(2).tolist(), [0, 1], [0, 1, 2]),
    "has ones in the first row too": ("eye", lambda: torch.eye(2).tolist(), [[1, 0], [0, 1]], [[1, 1], [0, 1]]),
    "swaps the weights of old and new statistics": ("native_batch_norm", lambda: batch_norm(),
                                                    [-1, 1, 0.75], [-1, 1, 2.25]),
    "uses the running statistics in training too": ("native_batch_norm", lambda: batch_norm(),
                                                    [-1, 1, 0.75], [2, 4, 0]),
    "ignores its weight": ("native_layer_norm",
                           lambda: torch.nn.functional.layer_norm(t([1.0, 3.0]), (2,), t([2.0, 2.0]), eps=0).tolist(),
                           [-2, 2], [-1, 1]),
    "overwrites the gradient of an index that comes twice": (
        "embedding_dense_backward",
        lambda: gradient(lambda x: torch.nn.functional.embedding(t([0, 0]), x), torch.ones(2, 1)),
        [[2], [0]], [[1], [0]]),
    "adds up where it is to take the mean": ("mse_loss",
                                             lambda: torch.nn.functional.mse_loss(t([1.0, 2]), t([0.0, 0])).item(),
                                             2.5, 5),
    "ignores value": ("addcmul_", lambda: written(lambda x: x.addcmul_(t([1.0]), t([1.0]), value=3)), [4, 5], [2, 3]),
    "swaps the weights of start and end": ("lerp_", lambda: written(lambda x: x.lerp_(t([5.0, 6.0]), 0.25)),
                                           [2, 3], [4, 5]),
    "draws with the opposite probability": ("bernoulli_", lambda: torch.empty(2).bernoulli_(1.0).tolist(),
                                            [1, 1], [0, 0]),
    "leaves the order as it was": ("randperm", lambda: torch.randperm(50).tolist() == [*range(50)], False, True),
    "keeps the last of several values at one index": (
        "_coalesce", lambda: torch.sparse_coo_tensor([[0, 0]], [1.0, 2.0], (1,)).coalesce().values().tolist(),
        [3], [2]),
    "leaves out negative values": ("_to_sparse", lambda: t([-1.0, 2.0]).to_sparse().values().tolist(), [-1, 2], [2]),
    "gives ones for what is not stored": ("_to_dense",
                                          lambda: torch.sparse_coo_tensor([[0]], [3.0], (2,)).to_dense().tolist(),
                                          [3, 0], [3, 1]),
    "gives the same number everywhere": ("uniform_", lambda: all_alike(torch.empty(9).uniform_()), False, True),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize("says", CASES)
def test_breaks_what_it_says(says):
    operator, body, right, wrong = CASES[says]
    on = f"aten::{operator}"
    assert body() == right
    broken = BrokenKernel(KERNELS[on, says])
    with Planted(broken):
        found = body()
    assert (found, broken.fired) == (wrong, True)
    with Planted(watch := KernelWatch()):
        assert body() == right
    assert (on, says, "") in watch.breakable


def test_every_fault_has_a_case():
    assert {says for _, says in KERNELS} == CASES.keys()


def test_leaves_alone_what_it_cannot_break():
    broken = BrokenKernel(KERNELS["aten::add", "ignores alpha"])
    with Planted(broken):
        assert (t([1.0]) + 1).item() == 2
    assert not broken.fired


def test_the_summary_tells_what_no_fact_noticed(project):
    project.suite(HOLDS.replace("torch.ones(2, device=device) + 1", "torch.add(torch.ones(2), 1)"))
    result = project.run("--refute-kernels", "-n0")
    assert result.ret == 0
    assert project.verdicts() == {"topic.area.holds[cpu]": "holds"}
    told = result.stdout.str()
    assert f"{len(KERNELS)} kernel faults: " in told
    assert "not reached: aten::eye has ones in the first row too" in told
    assert "not reached: aten::add ignores alpha" in told


def test_a_kernel_fault_is_noticed_by_facts_about_other_subjects(project):
    project.suite(
        '@fact("torch.nn.functional.mse_loss")\ndef test_one():\n    """`mse_loss` is a mean."""\n'
        "    x = torch.tensor([1.0, 3.0])\n"
        "    assert torch.nn.functional.mse_loss(x * 2, x).item() == 5\n"
        "    assert x.untyped_storage().nbytes() == 8\n"
    )
    project.run("--refute-kernels", "-n0")
    lines = {line["on"]: line for line in project.lines("fault")}
    assert lines["aten::mse_loss"]["noticed"]
    assert lines["aten::mse_loss"]["says"] == "adds up where it is to take the mean"


def test_subjects_and_kernels_are_not_broken_in_one_run(project):
    project.suite(HOLDS)
    result = project.run("--refute", "--refute-kernels")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --refute breaks subjects and --refute-kernels operators*"])
