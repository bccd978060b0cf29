"""Small computations that tell builds apart, each with the result that the mathematics or a standard gives.

Builds differ in the libraries inside: BLAS and how it gives complex numbers back, LAPACK, FFT, oneDNN, vectorised
functions, sparse products. Where one of them is wrong nothing crashes, and nothing else tells. Runs in the environment
that is asked, with torch and the standard library alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

# What a result may be off by, of the larger of 1 and the number itself: some roundings of its dtype.
_OFF = {torch.float64: 1e-12, torch.complex128: 1e-12, torch.float32: 1e-5, torch.complex64: 1e-5}


@dataclass(frozen=True)
class Kernel:
    """`says` what is computed, `by` which library of a build, and the result that is wanted."""

    by: str
    says: str
    compute: Callable[[], Any]
    want: Any


def answers() -> dict[str, Any]:
    """Which results are wrong, which kernels this build refuses, and how many there are."""
    began = time.perf_counter()
    told: dict[str, Any] = {"count": 0, "wrong": [], "refused": []}
    for kernel in kernels():
        told["count"] += 1
        about = {"by": kernel.by, "says": kernel.says}
        try:
            got = kernel.compute()
        except Exception as error:
            told["refused"].append({**about, "error": str(error).partition("\n")[0]})
            continue
        off = _OFF.get(got.dtype, 0.0)
        values, wanted = _flat(got.tolist()), _flat(kernel.want)
        if len(values) != len(wanted) or not all(_is_close(a, b, off) for a, b in zip(values, wanted)):
            told["wrong"].append({**about, "got": _shortened(got.tolist()), "want": _shortened(kernel.want)})
    return {**told, "seconds": round(time.perf_counter() - began, 2)}


def kernels() -> Iterator[Kernel]:
    """All of them, by the part of a build that they are about."""
    for part in (_blas, _lapack, _fft, _onednn, _reductions, _functions, _halves, _sparse, _generator):
        yield from part()


def _blas() -> Iterator[Kernel]:
    for dtype in (torch.float32, torch.float64):
        name, x = _name(dtype), torch.tensor([[1, 2], [3, 4], [5, 6]], dtype=dtype)
        yield Kernel("BLAS", f"torch.dot of {name}", lambda x=x: torch.dot(x[:, 0], x[:, 1]), 44)
        yield Kernel("BLAS", f"a matrix and a vector of {name}", lambda x=x: x.t() @ x[:, 1], [44, 56])
        yield Kernel("BLAS", f"a matrix product of {name}", lambda x=x: x.t() @ x, [[35, 44], [44, 56]])
        large = torch.ones(300, 400, dtype=dtype)
        yield Kernel("BLAS", f"a large matrix product of {name}", lambda y=large: _ends(y @ y.t()), [400, 400])
    for dtype in (torch.complex64, torch.complex128):
        name, x, y = _name(dtype), torch.tensor([1 + 2j, 3 - 1j], dtype=dtype), torch.tensor([2 - 1j, 1j], dtype=dtype)
        yield Kernel("BLAS", f"torch.dot of {name}", lambda x=x, y=y: torch.dot(x, y), 5 + 6j)
        yield Kernel("BLAS", f"torch.vdot of {name}", lambda x=x, y=y: torch.vdot(x, y), -1 - 2j)
        a = torch.tensor([[1, 1j], [0, 1]], dtype=dtype)
        yield Kernel("BLAS", f"a matrix and a vector of {name}", lambda a=a, y=y: a @ y, [1 - 1j, 1j])
        yield Kernel("BLAS", f"a matrix product of {name}", lambda a=a: a.mH @ a, [[1, 1j], [-1j, 2]])


def _lapack() -> Iterator[Kernel]:
    linalg = torch.linalg
    for dtype in (torch.float32, torch.float64, torch.complex64, torch.complex128):
        name, a = _name(dtype), torch.tensor([[2, 1], [1, 3]], dtype=dtype)
        line = torch.tensor([[1, 0], [1, 1], [1, 2]], dtype=dtype)
        yield Kernel("LAPACK", f"linalg.solve of {name}", lambda a=a: linalg.solve(a, 5 * a[:, 0]), [5, 0])
        yield Kernel("LAPACK", f"linalg.inv of {name}", lambda a=a: linalg.inv(a), [[0.6, -0.2], [-0.2, 0.4]])
        yield Kernel(
            "LAPACK", f"linalg.lstsq of {name}",
            lambda a=line: linalg.lstsq(a, a.new_tensor([[1], [2], [4]])).solution, [[5 / 6], [1.5]],
        )  # fmt: skip
        b = torch.tensor([[3, 0], [4, 5]], dtype=dtype)
        yield Kernel(
            "LAPACK", f"linalg.svdvals of {name}", lambda b=b: linalg.svdvals(b), [math.sqrt(45), math.sqrt(5)]
        )
        c = torch.tensor([[4, 2], [2, 5]], dtype=dtype)
        yield Kernel("LAPACK", f"linalg.cholesky of {name}", lambda c=c: linalg.cholesky(c), [[2, 0], [1, 2]])
        ring, waves = _ring(dtype), sorted(2 * math.cos(math.tau * k / 16) for k in range(16))
        yield Kernel("LAPACK", f"linalg.eigvalsh of {name}", lambda r=ring: linalg.eigvalsh(r), waves)
        d = torch.tensor([[0, 1], [-1, 0]], dtype=dtype)
        yield Kernel("LAPACK", f"linalg.eigvals of {name}", lambda d=d: linalg.eigvals(d).prod(), 1)


def _ring(dtype: torch.dtype) -> Any:
    """A Hermitian matrix in which each of 16 has its two neighbours: its eigenvalues are 2 cos(2 π k / 16)."""
    shift = torch.eye(16, dtype=dtype).roll(1, 0) * (1j if dtype.is_complex else 1)
    return shift + shift.mH


def _fft() -> Iterator[Kernel]:
    for dtype in (torch.float32, torch.float64):
        name, x = _name(dtype), torch.tensor([1, 2, 3, 4], dtype=dtype)
        yield Kernel("FFT", f"torch.fft.fft of {name}", lambda x=x: torch.fft.fft(x), [10, -2 + 2j, -2, -2 - 2j])
        yield Kernel("FFT", f"torch.fft.rfft of {name}", lambda x=x: torch.fft.rfft(x), [10, -2 + 2j, -2])
        prime = torch.ones(7, dtype=dtype)
        yield Kernel("FFT", f"torch.fft.fft of seven {name}", lambda p=prime: torch.fft.fft(p), [7, 0, 0, 0, 0, 0, 0])
        yield Kernel("FFT", f"torch.fft.irfft of {name}", lambda x=x: torch.fft.irfft(torch.fft.rfft(x)), [1, 2, 3, 4])
        square = x.reshape(2, 2)
        yield Kernel("FFT", f"torch.fft.fft2 of {name}", lambda s=square: torch.fft.fft2(s), [[10, -2], [-4, 0]])


def _onednn() -> Iterator[Kernel]:
    image = torch.arange(2 * 8 * 12 * 12).reshape(2, 8, 12, 12) % 7
    moves = torch.zeros(8, 8, 3, 3)
    moves[range(8), range(8), 0, 1] = 1.0  # each pixel comes from the one above it
    want = torch.nn.functional.pad(image, (0, 0, 1, 0))[:, :, :12].tolist()
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        name, x, w = _name(dtype), image.to(dtype), moves.to(dtype)
        yield Kernel("oneDNN", f"a convolution of {name}", lambda x=x, w=w: torch.conv2d(x, w, padding=1), want)
        last = x.to(memory_format=torch.channels_last)
        yield Kernel(
            "oneDNN", f"a convolution of {name}, channels last", lambda x=last, w=w: torch.conv2d(x, w, padding=1), want
        )
        yield Kernel("oneDNN", f"the gradient of a convolution of {name}", lambda d=dtype: _gradient(d), [144, 144])


def _gradient(dtype: torch.dtype) -> Any:
    weight = torch.ones(4, 4, 3, 3, dtype=dtype, requires_grad=True)
    torch.conv2d(torch.ones(1, 4, 14, 14, dtype=dtype), weight).sum().backward()
    return _ends(weight.grad)


def _reductions() -> Iterator[Kernel]:
    tenths = torch.full((1_000_000,), 0.1)
    yield Kernel("kernels", "the sum of a million tenths", lambda: tenths.sum(), 100_000)
    yield Kernel("kernels", "the mean of a million tenths", lambda: tenths.mean(), 0.1)
    ones = torch.ones(1000, 300)
    yield Kernel("kernels", "sums over rows", lambda: _ends(ones.sum(0)), [1000, 1000])
    yield Kernel("kernels", "sums over columns", lambda: _ends(ones.t().sum(0)), [300, 300])
    x = torch.tensor([1.0, 2, 3, 4])
    yield Kernel("kernels", "torch.std", lambda: x.std(), math.sqrt(5 / 3))
    yield Kernel("kernels", "torch.cumsum", lambda: x.cumsum(0), [1, 3, 6, 10])
    yield Kernel("kernels", "torch.logsumexp", lambda: torch.logsumexp(x * 0 + 1000, 0), 1000 + math.log(4))
    yield Kernel("kernels", "torch.softmax", lambda: torch.softmax(x * 0, 0), [0.25] * 4)
    yield Kernel("kernels", "torch.sort", lambda: torch.arange(999).flip(0).sort().values[:3], [0, 1, 2])
    yield Kernel(
        "kernels", "a matrix product of int64", lambda: torch.arange(4).reshape(2, 2) @ torch.arange(2), [1, 3]
    )


def _functions() -> Iterator[Kernel]:
    points = [0.03125 * step for step in range(1, 101)]  # each is exact in float32
    for dtype in (torch.float32, torch.float64):
        x = torch.tensor(points, dtype=dtype)
        for name in ("exp", "log", "sin", "cos", "tanh", "erf", "expm1", "log1p", "sqrt", "lgamma"):
            want = [getattr(math, name)(point) for point in points]
            yield Kernel("kernels", f"torch.{name} of {_name(dtype)}", lambda x=x, n=name: getattr(torch, n)(x), want)


def _halves() -> Iterator[Kernel]:
    tenth, between = torch.full((40,), 0.1), torch.full((40,), 1 + 2**-8)
    yield Kernel("kernels", "0.1 as float16", lambda: tenth.half().double(), [1638 / 2**14] * 40)
    yield Kernel("kernels", "0.1 as bfloat16", lambda: tenth.bfloat16().double(), [205 / 2**11] * 40)
    yield Kernel("kernels", "what lies between two bfloat16", lambda: between.bfloat16().double(), [1.0] * 40)
    yield Kernel(
        "kernels", "the smallest float16", lambda: torch.full((40,), 2.0**-24).half().double(), [2.0**-24] * 40
    )
    for dtype in (torch.float16, torch.bfloat16):
        ones = torch.ones(1000, dtype=dtype)
        yield Kernel("kernels", f"the sum of a thousand {_name(dtype)}", lambda x=ones: x.sum(), 1000)
        yield Kernel(
            "oneDNN", f"a matrix product of {_name(dtype)}",
            lambda x=ones: _ends(x.reshape(10, 100) @ x.reshape(100, 10)), [100, 100],
        )  # fmt: skip


def _sparse() -> Iterator[Kernel]:
    dense, x = torch.tensor([[0.0, 2], [3, 0]]), torch.tensor([1.0, 10])
    yield Kernel("sparse", "a COO matrix and a vector", lambda: dense.to_sparse() @ x, [20, 3])
    yield Kernel("sparse", "a CSR matrix and a vector", lambda: dense.to_sparse_csr() @ x, [20, 3])
    yield Kernel("sparse", "a CSR and a dense matrix", lambda: dense.to_sparse_csr() @ dense, [[6, 0], [0, 6]])
    yield Kernel(
        "sparse", "two COO matrices", lambda: (dense.to_sparse() @ dense.to_sparse()).to_dense(), [[6, 0], [0, 6]]
    )
    yield Kernel(
        "sparse",
        "two CSR matrices",
        lambda: (dense.to_sparse_csr() @ dense.to_sparse_csr()).to_dense(),
        [[6, 0], [0, 6]],
    )


def _generator() -> Iterator[Kernel]:
    # The C++ standard says what the 10,000th number of its mt19937 is, whose seed is 5489 unless said.
    yield Kernel("kernels", "the CPU's random numbers", lambda: _numbers(5489)[-1], 4123659995 % 2**16)


def _numbers(seed: int) -> Any:
    generator = torch.Generator().manual_seed(seed)
    return torch.empty(10_000, dtype=torch.int64).random_(0, 2**16, generator=generator)


def _flat(value: Any) -> list[Any]:
    return [one for part in value for one in _flat(part)] if isinstance(value, list) else [value]


def _ends(x: Any) -> Any:
    return torch.stack([x.min(), x.max()])


def _name(dtype: torch.dtype) -> str:
    return str(dtype).rpartition(".")[2]


def _is_close(got: Any, want: Any, off: float) -> bool:
    return abs(got - want) <= off * max(1.0, abs(want))


def _shortened(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
