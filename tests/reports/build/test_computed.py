"""The computations of `torchproof check`: right on this build, and what a build gets wrong is named with its cure."""

from __future__ import annotations

import pytest
import torch

from torchproof.reports.build import kernels
from torchproof.reports.build.computed import judge_numbers
from torchproof.reports.build.runner import Answer

NO_MKL = "Calling addmm on sparse CPU tensors requires compiling PyTorch with MKL."


def judged(told):
    return judge_numbers(Answer("numbers", told), {})


def test_this_build_computes_what_mathematics_says():
    told = kernels.answers()
    assert (told["wrong"], told["refused"]) == ([], [])
    assert judged(told).says == f"{told['count']} computations give what mathematics says"


@pytest.mark.parametrize(
    ("owner", "name", "says"),
    [
        (torch, "vdot", "torch.vdot of complex128"),
        (torch.linalg, "eigvalsh", "linalg.eigvalsh of complex64"),
        (torch.linalg, "lstsq", "linalg.lstsq of float64"),
        (torch.fft, "irfft", "torch.fft.irfft of float32"),
        (torch, "conv2d", "a convolution of bfloat16, channels last"),
        (torch, "erf", "torch.erf of float64"),
        (torch.Tensor, "half", "0.1 as float16"),
        (torch.Tensor, "to_dense", "two CSR matrices"),
        (torch.Tensor, "random_", "the CPU's random numbers"),
    ],
)
def test_what_is_off_by_a_hundredth_or_by_one_is_noticed(monkeypatch, owner, name, says):
    real = getattr(owner, name)

    def off(*args, **keywords):
        result = real(*args, **keywords)
        if not isinstance(result, torch.Tensor):
            return type(result)((result[0] * 1.01, *result[1:]))
        return result * 1.01 if result.is_floating_point() or result.is_complex() else result + 1

    monkeypatch.setattr(owner, name, off)
    assert says in [one["says"] for one in kernels.answers()["wrong"]]


def test_a_blas_that_gives_complex_numbers_back_in_another_way(monkeypatch):
    for name in ("dot", "vdot"):
        real = getattr(torch, name)
        give = lambda x, y, real=real: torch.zeros_like(x[0]) if x.is_complex() else real(x, y)  # noqa: E731
        monkeypatch.setattr(torch, name, give)
    line = judged(kernels.answers())
    assert line.status == "FAIL"
    assert "4 of " in line.says
    assert "torch.dot of complex64 gives 0j, and (5+6j) is right (BLAS)" in line.says
    assert "write (x * y).sum()" in line.advice
    assert "BLAS_USE_CBLAS_DOT" in line.advice


def test_another_defect_has_no_cure_that_is_known():
    wrong = {"by": "FFT", "says": "torch.fft.fft of float32", "got": "[1]", "want": "[2]"}
    line = judged({"count": 9, "wrong": [wrong], "refused": []})
    assert (line.status, "use another build" in line.advice) == ("FAIL", True)


def test_what_a_build_was_made_without_is_no_fault_of_it():
    refused = [{"by": "sparse", "says": "two CSR matrices", "error": NO_MKL}]
    line = judged({"count": 9, "wrong": [], "refused": refused})
    assert line.status == "OK"
    assert line.says == "8 computations give what mathematics says; 1 refused, since this build has no MKL"


def test_what_is_refused_for_no_such_reason_fails():
    refused = [{"by": "FFT", "says": "torch.fft.fft of float32", "error": "no such kernel"}]
    line = judged({"count": 9, "wrong": [], "refused": refused})
    assert (line.status, "torch.fft.fft of float32 (no such kernel)" in line.says) == ("FAIL", True)


def test_a_build_that_dies_of_them_fails():
    assert judge_numbers(Answer("numbers", error="it died of SIGFPE"), {}).status == "FAIL"
