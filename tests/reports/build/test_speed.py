"""What the times of matrix products say of a build and of its CPU."""

from __future__ import annotations

import pytest

from torchproof import processor
from torchproof.reports.build.runner import Answer
from torchproof.reports.build.speed import judge_speed

WITH = "avx512f avx512_bf16 avx512_fp16 amx_bf16 sse2"
WITHOUT = "avx2 fma sse2"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def judged(monkeypatch):
    """`judged(times, flags)` judges these seconds on a CPU with these flags."""

    def judge(times, flags=WITH, blas="mkl", device="cpu", file=None):
        monkeypatch.setattr(processor, "text", lambda: f"flags\t\t: {flags}\n" if flags else "")
        value = {"cpu": {"float32": 1e-4}, device: {"float32": 1e-4, **times}}
        build = {"flags": f"BLAS_INFO={blas}," if blas else "", "blas_file": file}
        return judge_speed(Answer("speed", value), build)

    return judge


@pytest.mark.parametrize(
    ("times", "status", "says"),
    [
        ({"float16": 2e-4}, "OK", "times as long: float16 2.0"),
        ({"float64": 5e-3}, "OK", "times as long: float64 50.0"),
        ({"int8": 2e-2}, "WARN", "int8 takes 200 times as long as float32"),
        ({"float16": "refused: not implemented"}, "OK", "none of float16"),
        ({"bfloat16": "wrong: not the matrix"}, "FAIL", "of bfloat16 is wrong"),
        ({"float32": "refused: no"}, "FAIL", "of float32 is refused"),
    ],
)
def test_the_speed_of_each_dtype(judged, times, status, says):
    line = judged(times)
    assert line.status == status
    assert says in line.says
    assert bool(line.advice) == (status != "OK")


# Measured: 0.9 to 3.2 with the instructions, 4.3 and more where they are emulated.
@pytest.mark.parametrize(
    ("dtype", "ratio", "flags", "status"),
    [
        ("bfloat16", 3.2, WITH, "OK"),
        ("bfloat16", 3.2, WITHOUT, "OK"),
        ("bfloat16", 4.3, WITHOUT, "WARN"),
        ("bfloat16", 20, WITHOUT, "WARN"),
        ("bfloat16", 20, WITH, "WARN"),
        ("bfloat16", 20, "", "WARN"),
        ("bfloat16", 6, "", "OK"),
        ("float16", 2.1, WITH, "OK"),
        ("float16", 18, WITHOUT, "WARN"),
    ],
)
def test_a_dtype_that_the_cpu_emulates(judged, dtype, ratio, flags, status):
    line = judged({dtype: ratio * 1e-4}, flags)
    assert line.status == status
    if flags == WITHOUT and status == "WARN":
        names = {"bfloat16": "avx512_bf16, amx_bf16", "float16": "avx512_fp16, amx_fp16"}[dtype]
        assert f"this CPU has no instructions for it ({names}), and the library emulates it" in line.says
        assert "use float32 on this CPU, or another machine" in line.advice


def test_an_emulated_cpu_is_named_and_not_called_busy(judged, monkeypatch):
    monkeypatch.setattr(processor, "emulator", lambda: "QEMU")
    line = judged({"float32": 10.0}, blas="open")
    assert (line.status, "this CPU is emulated by QEMU" in line.says, "busy" in line.says) == ("WARN", True, False)
    assert "docker run --platform" in line.advice


def test_instructions_that_a_variable_hides(judged, monkeypatch):
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    line = judged({"bfloat16": 2e-3}, WITH)
    assert (line.status, line.advice) == ("WARN", "unset ONEDNN_MAX_CPU_ISA")
    assert "ONEDNN_MAX_CPU_ISA=AVX2 hides its instructions" in line.says


def test_on_arm_the_instructions_have_other_names(judged, monkeypatch):
    monkeypatch.setattr(processor, "flags", lambda: {"asimd", "fphp"})
    assert "no instructions for it (bf16)" in judged({"bfloat16": 2e-3}).says
    assert judged({"float16": 9e-4}).status == "OK"


def test_another_device_has_no_instructions_of_the_cpu(judged):
    line = judged({"bfloat16": 2e-3}, WITHOUT, device="cuda")
    assert line.status == "WARN"
    assert "bfloat16 on cuda takes 20 times" in line.says
    assert "CPU" not in line.says


@pytest.mark.parametrize(
    ("seconds", "blas", "status", "says"),
    [
        (7e-4, "generic", "WARN", "where tens are usual: its BLAS (generic, the reference library) is not made for"),
        (7e-4, "", "WARN", "its BLAS (it does not say which) is not made for this CPU"),
        (7e-4, "mkl", "OK", "float32 6 GFLOP/s"),
        (2e-3, "open", "WARN", "the BLAS of this build (open) is fast, so the machine is slow or busy"),
        (1e-4, "generic", "OK", "float32 42 GFLOP/s"),
        (1.0, "generic", "WARN", "runs at 0.0042 GFLOP/s"),
    ],
)
def test_a_float32_product_that_is_slow_itself(judged, seconds, blas, status, says):
    line = judged({"float32": seconds}, blas=blas)
    assert (line.status, says in line.says) == (status, True), line.says
    assert bool(line.advice) == (status == "WARN")


CLOCK = "avx2 fma sse2\ncpu MHz\t\t: 2600.000"  # 83 GFLOP/s: 8 lanes, two units, an addition and a multiplication


@pytest.mark.parametrize(
    ("rate", "file", "which", "cure"),
    [
        (6, "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.12.1", "the reference library", "place of libblas.so.3"),
        (16, "/usr/lib/x86_64-linux-gnu/atlas/libblas.so.3", "atlas/libblas.so.3)", "place of libblas.so.3"),
        (6, "/opt/lib/libcblas.so", "/opt/lib/libcblas.so)", "a build with MKL or OpenBLAS"),
    ],
)
def test_a_rate_that_is_low_for_this_clock(judged, rate, file, which, cure):
    line = judged({"float32": 2 * 128**3 / rate / 1e9}, CLOCK, blas="generic", file=file)
    assert line.status == "WARN"
    assert f"runs at {rate} GFLOP/s on one core, where this CPU can do some 83: its BLAS (" in line.says
    assert which in line.says
    assert cure in line.advice


def test_a_rate_that_is_usual_for_this_clock(judged):
    assert judged({"float32": 2 * 128**3 / 20e9}, CLOCK, blas="generic").status == "OK"
