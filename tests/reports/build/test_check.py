"""`torchproof check`: what is broken is named with its cause, and nothing that is broken breaks the check."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from torchproof import processor
from torchproof.reports import Refusal
from torchproof.reports.build import check, judges, machine, pairs, runner
from torchproof.reports.build.causes import explain
from torchproof.reports.build.libraries import Linked, linked, needed
from torchproof.reports.build.runner import Answer, ask

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells it under /proc")
BUILD = {"version": "2.6.0+cu124", "cuda": "12.4", "lapack": True, "flags": "BLAS_INFO=mkl,"}


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """`fake(source)` puts a torch of this source before the one that is installed."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def make(source, package="torch"):
        folder = tmp_path / package
        folder.mkdir()
        (folder / "__init__.py").write_text(textwrap.dedent(source))
        (folder / "version.py").touch()  # as a torch that was built has it
        return folder

    return make


@pytest.fixture
def checked(capsys):
    """`checked(*options)` runs the command: its exit code and what it printed."""

    def run(*options):
        parser = argparse.ArgumentParser()
        check.arguments(parser)
        code = check.command(parser.parse_args(options))
        return code, capsys.readouterr().out

    return run


# A whole check


def test_the_torch_that_is_here_is_sound(checked):
    code, shown = checked()
    assert code == 0
    assert "FAIL" not in shown
    assert 12 <= len([line for line in shown.splitlines() if line.startswith(("OK", "WARN"))]) <= 22


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "instructions that this CPU does not have"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "its own code crashed (died of SIGSEGV"),
        ("raise ImportError('libtorch_cpu.so: undefined symbol: iJIT_NotifyEvent')", "built for another build"),
        ("raise OSError('libcudart.so.12: cannot open shared object file')", "libcudart.so.12 is missing, which comes"),
        ("raise ValueError('libcublas.so.*[0-9] not found in the system path')", "libcublas.so. is missing"),
        ("raise ImportError('/lib/libc.so.6: version `GLIBC_2.28\\' not found')", "is older than GLIBC_2.28"),
        ("from torch._C import ones", "some of its files are gone"),
        ("import a_package_that_is_not_there", "it needs the package a_package_that_is_not_there"),
        ("print('hello'); raise SystemExit(3)", "SystemExit: 3"),
        ("import os; os._exit(3)", "ended with exit code 3"),
    ],
)
def test_a_torch_that_cannot_be_imported_is_told_with_its_cause(fake, checked, source, cause):
    place = fake(source)
    code, shown = checked()
    first = shown.splitlines()[0]
    assert code == 1
    assert first.startswith(f"FAIL  torch        cannot be imported from {place}: ")
    assert cause in first
    assert "SKIP  the rest" in shown


def test_a_torch_that_hangs_does_not_hang_the_check(fake, checked, monkeypatch):
    fake("import time; time.sleep(600)")
    monkeypatch.setitem(runner.LIMITS, "build", 1.0)
    code, shown = checked()
    assert code == 1
    assert "it hangs (no answer within 1 s)" in shown


def test_a_missing_torch(checked, monkeypatch):
    monkeypatch.setattr(
        check, "ask", lambda _: [Answer("where"), Answer("build", error="ModuleNotFoundError: x"), Answer("imported")]
    )
    monkeypatch.setattr(check, "version_of", lambda _: None)
    code, shown = checked()
    assert code == 1
    assert f"cannot be imported by {sys.executable}: torch is not installed for this Python" in shown
    assert "https://pytorch.org/get-started/locally" in shown


def test_for_an_issue_it_tells_the_rest_too(fake, checked):
    fake("raise ImportError('undefined symbol: x')")
    code, shown = checked("--for-issue")
    assert code == 1
    assert "- torch: cannot be imported" in shown
    assert "- CPU: " in shown
    assert "FAIL  torch" in shown
    assert f"pytest=={pytest.__version__}" not in shown, "only what has to do with torch"


def test_json_holds_the_same_lines(fake, checked):
    fake("raise ImportError('undefined symbol: x')")
    code, shown = checked("--json")
    told = json.loads(shown)
    assert (code, told["schema"], told["torch"]) == (1, 1, None)
    assert told["lines"][0]["status"] == "FAIL"


def test_a_python_that_cannot_be_started_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(Refusal, match="/nowhere/python cannot be started"):
        list(ask(["where"]))


# The probes and their process


def test_a_probe_that_dies_costs_only_itself(fake):
    fake("")
    fake("import os; os.abort()", "deadly")
    first, second, third = ask(["package=json", "package=deadly", "package=csv"])
    assert [first.error, third.error] == [None, None]
    assert "died of SIGABRT" in second.error


def test_what_a_package_prints_is_no_answer(fake):
    fake("print('loud')")
    assert [answer.error for answer in ask(["package=json", "where"])] == [None, None]


def test_the_last_words_are_told(fake):
    fake("import os, sys; print('the reason', file=sys.stderr, flush=True); os.abort()")
    [answer] = ask(["package=json"])
    assert answer.error == "died of SIGABRT: the reason"


def test_probes_do_not_see_the_folder_they_lie_in(fake):
    fake("")
    [answer] = ask(["package=runner"])
    assert "No module named 'runner'" in answer.error


# What is installed


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """`installed(name, version, {file: text})` makes a package that pip would know."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def make(name, version, files):
        record = tmp_path / f"{name}-{version}.dist-info"
        record.mkdir()
        (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        for file, content in files.items():
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_bytes(content)
        (record / "RECORD").write_text("".join(f"{file},,{len(content)}\n" for file, content in files.items()))
        return tmp_path / name

    return make


def test_half_of_the_files_gone(installed):
    torch = installed("torch", "9.9", {"torch/__init__.py": b"", "torch/_C.so": b"x", "torch/nn.py": b"y"})
    assert judges.judge_install(torch).says == "all 3 files of torch 9.9 are there"
    (torch / "_C.so").unlink()
    line = judges.judge_install(torch)
    assert (line.status, line.says) == (
        "FAIL", f"1 of 3 files of torch 9.9 are not as installed: {torch}/_C.so is gone",
    )  # fmt: skip
    assert "--force-reinstall torch" in line.advice


def test_scripts_that_a_target_folder_has_beside(installed, tmp_path):
    """What `pip install --target` leaves: the list of files says ../../bin."""
    torch = installed("torch", "9.9", {"torch/__init__.py": b"", "bin/torchrun": b"x"})
    listed = next(tmp_path.glob("torch-*/RECORD"))
    listed.write_text(listed.read_text().replace("bin/torchrun", "../../bin/torchrun"))
    assert judges.judge_install(torch).status == "OK"
    (tmp_path / "bin/torchrun").unlink()
    assert judges.judge_install(torch).says.endswith("bin/torchrun is gone")


def test_a_file_cut_short(installed):
    torch = installed("torch", "9.9", {"torch/lib.so": b"12345"})
    (torch / "lib.so").write_bytes(b"1")
    assert judges.judge_install(torch).says.endswith("has 1 bytes of 5")


def test_a_header_gone_is_a_warning(installed):
    torch = installed("torch", "9.9", {"torch/ATen.h": b"1"})
    (torch / "ATen.h").unlink()
    assert judges.judge_install(torch).status == "WARN"


def test_no_list_of_files(installed):
    assert "without a list" in judges.judge_install(installed("torch", "9.9", {})).says


def test_a_torch_before_the_installed_one(installed, tmp_path):
    installed("torch", "9.9", {"torch/__init__.py": b""})
    line = judges.judge_install(tmp_path / "elsewhere")
    assert (line.status, "stands before the installed 9.9" in line.says) == ("WARN", True)


@linux
def test_a_library_with_an_undefined_symbol_is_named(installed, tmp_path):
    if not shutil.which("g++"):
        pytest.skip("no g++ to make the library with")
    import torch

    source, library = tmp_path / "broken.cpp", tmp_path / "built.so"
    source.write_text("extern int nowhere(); int here() { return nowhere(); }")
    libraries = Path(torch.__file__).parent / "lib"
    command = ["g++", "-shared", "-fPIC", "-Wl,--no-as-needed", f"-L{libraries}", "-lc10", source, "-o", library]
    subprocess.run(command, check=True)
    assert "libc10.so" in needed(library)
    installed("broken", "1.0", {"broken/__init__.py": b"from broken import _C", "broken/_C.so": library.read_bytes()})
    [package] = [package for package in linked() if package.name == "broken"]
    [line] = judges.judge_libraries([package], ask(package.probes()))
    assert (line.status, line.name) == ("FAIL", "libraries")
    assert line.says.startswith("broken 1.0: broken cannot be imported: it was built for another build of torch")
    assert "nowhere" in line.says


def test_a_library_that_its_package_does_without_is_a_warning():
    package = Linked("some", "1.0", {"some"}, ["/some/_C.so"])
    answers = [Answer("package=some"), Answer("load=/some/_C.so", error="OSError: undefined symbol: x")]
    [line] = judges.judge_libraries([package], answers)
    assert (line.status, "/some/_C.so cannot be loaded" in line.says) == ("WARN", True)


def test_what_is_no_library_needs_nothing(tmp_path):
    (tmp_path / "a.so").write_bytes(b"\x7fELF and then nothing")
    assert needed(tmp_path / "a.so") == []
    assert needed(tmp_path / "none.so") == []


# Each judgement


def test_torchvision_of_another_pair(monkeypatch):
    monkeypatch.setattr(pairs, "version_of", lambda _: "0.16.2")
    error = "RuntimeError: operator torchvision::nms does not exist"
    line = judges.judge_torchvision(Answer("torchvision", error=error), BUILD)
    assert line.status == "FAIL"
    assert "0.16.2 is of another release: 0.21.0 goes with torch 2.6.0+cu124" in line.says
    assert line.advice == "python -m pip install 'torch==2.6.0' 'torchvision==0.21.0'"
    assert judges.judge_torchvision(Answer("torchvision"), BUILD).status == "WARN"


def test_numpy_2_under_an_old_torch():
    line = judges.judge_numpy(Answer("numpy", error="RuntimeError: Numpy is not available"), {"version": "2.0.1"})
    assert (line.status, line.advice) == ("FAIL", "python -m pip install 'numpy<2'")
    assert "under torch 2.0.1: torch was built for another NumPy" in line.says


def test_no_numpy(monkeypatch):
    monkeypatch.setattr(judges, "version_of", lambda _: None)
    line = judges.judge_numpy(Answer("numpy", error="ModuleNotFoundError: No module named 'numpy'"), BUILD)
    assert (line.status, "not installed" in line.says) == ("WARN", True)


@pytest.mark.parametrize(
    ("threads", "cores", "limit", "environ", "status", "says"),
    [
        (8, 8, "", {}, "OK", "8 threads on 8 cores"),
        (1, 1, "", {}, "OK", "1 thread on 1 core"),
        (1, 8, "", {"OMP_NUM_THREADS": "1"}, "WARN", "one thread only: OMP_NUM_THREADS=1"),
        (1, 1, "the cgroup's CPU limit leaves 1 of 8 cores", {}, "WARN", "one thread only: the cgroup's CPU limit"),
        (64, 2, "the cgroup's CPU limit leaves 2 of 64 cores", {}, "WARN", "64 threads on 2 cores: the cgroup"),
        (4, 8, "", {}, "OK", "4 threads on 8 cores"),
    ],
)
def test_threads(threads, cores, limit, environ, status, says):
    line = judges.judge_threads(threads, cores, limit, environ)
    assert (line.status, line.says[: len(says)]) == (status, says)


def test_one_thread_is_seen_in_the_child(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    [answer] = ask(["build"])
    assert answer.value["threads"] == 1


@pytest.mark.parametrize(
    ("cuda", "present", "driver", "environ", "status", "says"),
    [
        ("12.4", False, None, {}, "OK", "no NVIDIA device here"),
        (None, False, None, {}, "OK", "no NVIDIA device here"),
        (None, True, "535.1", {}, "WARN", "a build without CUDA, and there is an NVIDIA device"),
        ("13.0", True, "535.1", {}, "WARN", "driver 535.1 is here, which runs CUDA 12 at most; CUDA 13.0 needs 580"),
        ("12.4", True, None, {}, "WARN", "no driver is seen here"),
        (
            "12.4",
            True,
            "570.1",
            {},
            "WARN",
            "device here (no reason): driver 570.1 is here;",
        ),
        ("12.4", True, "535.1", {"CUDA_VISIBLE_DEVICES": ""}, "OK", "hides the NVIDIA device"),
    ],
)
def test_a_driver_that_torch_cannot_use(cuda, present, driver, environ, status, says):
    line = judges.judge_driver(cuda, "no reason", present, driver, environ)
    assert line.status == status
    assert says in line.says


@pytest.mark.parametrize(
    ("architectures", "capability", "runs"),
    [
        (["sm_80", "sm_90"], "8.6", True),
        (["sm_80", "sm_90"], "12.0", False),
        (["sm_80", "compute_90"], "12.0", True),
        (["sm_50"], "3.7", False),
        (["sm_90a"], "9.0", True),
        (["compute_90a"], "10.0", False),
    ],
)
def test_the_architectures_of_a_build(architectures, capability, runs):
    assert judges.has_kernels(architectures, capability) == runs


def device(capability, error=None):
    is_a = {"name": "GPU", "capability": capability, "memory": 1 << 34, "error": error}
    return Answer("devices", {"devices": [is_a], "architectures": ["sm_80"], "others": []})


def test_a_device_that_the_build_has_no_kernels_for():
    assert judges.judge_devices(device("8.0"), BUILD).status == "OK"
    line = judges.judge_devices(device("12.0"), BUILD)
    assert (line.status, "sm_120" in line.says) == ("FAIL", True)
    assert "no kernel image" in judges.judge_devices(device("8.0", "no kernel image"), BUILD).says


@pytest.mark.parametrize(
    ("used", "best", "environ", "status"),
    [
        ("AVX512", "AVX512", {}, "OK"),
        ("AVX2", "AVX512", {}, "OK"),
        ("NO AVX", "AVX512", {}, "WARN"),
        ("DEFAULT", "AVX2", {"ATEN_CPU_CAPABILITY": "default"}, "WARN"),
        ("DEFAULT", "DEFAULT", {}, "OK"),
        ("SVE256", None, {}, "OK"),
    ],
)
def test_the_instructions_used(used, best, environ, status):
    line = judges.judge_capability(used, best, environ)
    assert line.status == status
    assert all(name in line.says for name in environ)


@pytest.mark.parametrize(
    ("libraries", "status"),
    [
        (["/a/libgomp.so.1"], "OK"),
        (["/a/libgomp-a34b.so.1", "/b/libgomp.so.1"], "OK"),
        (["/a/libgomp.so.1", "/b/libiomp5.so"], "WARN"),
        (["/a/libiomp5.so", "/b/libiomp5.so"], "WARN"),
        ([], "OK"),
    ],
)
def test_two_openmp_runtimes(libraries, status):
    line = judges.judge_openmp(Answer("runtimes", libraries), BUILD)
    assert line.status == status


def test_a_small_shared_memory_is_a_warning(monkeypatch):
    monkeypatch.setattr(machine, "shared_memory", lambda: 64 << 20)
    line = judges.judge_dataloader(Answer("worker"), BUILD)
    assert (line.status, "--shm-size" in line.advice) == ("WARN", True)


def test_no_compiler(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    line = judges.judge_compile(Answer("dynamo"), BUILD)
    assert line.status == "WARN"
    assert "there is no" in line.says
    assert "on PATH" in line.says
    assert "CXX" in line.advice


def test_a_compiler_that_fails(monkeypatch):
    monkeypatch.setenv("CXX", "false")
    assert judges.judge_compile(Answer("dynamo"), BUILD).status == "WARN"


def test_a_release_that_does_not_compile_on_this_python():
    error = "RuntimeError: Python 3.11+ not yet supported for torch.compile"
    line = judges.judge_compile(Answer("dynamo", error=error), BUILD)
    assert (line.status, "has no torch.compile for Python" in line.says) == ("OK", True)


def test_what_the_compiler_needs_is_named():
    line = judges.judge_compile(Answer("dynamo", error="ModuleNotFoundError: No module named 'tensorboard'"), BUILD)
    assert (line.status, line.advice) == ("WARN", "python -m pip install -U tensorboard")


@linux
def test_a_home_that_cannot_be_written(monkeypatch):
    monkeypatch.setenv("HOME", "/proc")
    for name in ("TORCH_HOME", "XDG_CACHE_HOME", "TORCH_EXTENSIONS_DIR"):
        monkeypatch.delenv(name, raising=False)
    line = judges.judge_folders(machine.unwritable(check.folders()))
    assert line.status == "WARN"
    assert "models of torch.hub (TORCH_HOME), /proc/.cache/torch: " in line.says


@linux
def test_a_record_folder_without_rights(monkeypatch):
    monkeypatch.chdir("/proc")
    line = judges.judge_folders(machine.unwritable(check.folders()))
    assert line.status == "WARN"
    assert "records of torchproof run, /proc/runs: " in line.says


def test_looking_at_folders_makes_none(tmp_path):
    assert list(machine.unwritable({"some": tmp_path / "a" / "b"})) == []
    assert list(tmp_path.iterdir()) == []


def test_a_limit_of_the_cgroup(monkeypatch):
    monkeypatch.setattr(machine, "_quotas", lambda: iter([1]))
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert machine.cores() == (1, "the cgroup's CPU limit leaves 1 of 8 cores")


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "200000 100000\n"}, [2]),
        ({"/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/cpu.max": "150000 100000\n"}, [2]),
        ({"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "max 100000\n"}, []),
        (
            {
                "/proc/self/cgroup": "3:cpu,cpuacct:/job\n",
                "/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "50000\n",
                "/sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000\n",
            },
            [1],
        ),
    ],
)
def test_the_cgroups_of_both_versions(files, cores, monkeypatch):
    monkeypatch.setattr(machine, "_text", lambda path: files.get(str(path), ""))
    assert list(machine._quotas()) == cores


@pytest.mark.parametrize(
    ("flags", "best"),
    [("fma avx2 avx512f avx512bw avx512dq avx512vl", "AVX512"), ("fma avx2 avx512f", "AVX2"), ("sse4_2", "DEFAULT")],
)
def test_the_best_instructions_of_a_cpu(flags, best, monkeypatch):
    monkeypatch.setattr(processor, "text", lambda: f"flags\t\t: {flags}\n")
    assert machine.best_capability() == best


def test_an_error_nobody_knows_is_told_as_it_is():
    cause, advice = explain("ValueError: something\n  else")
    assert cause == "ValueError: something else"
    assert "torchproof check --for-issue" in advice, "whatever fails, there is something to do"


def test_packages_are_those_that_have_to_do_with_torch():
    found = check.packages()
    assert {"torch", "numpy"} <= found.keys()
    assert "ruff" not in found


def test_a_build_without_libuv_has_no_torchrun():
    error = "RuntimeError: use_libuv was requested but PyTorch was build without libuv support"
    line = judges.judge_store(Answer("store", error=error), BUILD)
    assert (line.status, "torchrun" in line.says, "USE_LIBUV=0" in line.advice) == ("WARN", True, True)


def test_a_store_that_fails_otherwise_is_a_failure():
    assert judges.judge_store(Answer("store", error="RuntimeError: no address"), BUILD).status == "FAIL"


def test_the_blas_that_a_build_found_is_named():
    line = judges.judge_lapack({**BUILD, "flags": "BLAS_INFO=generic,", "blas_file": "/usr/lib/blas/libblas.so.3"})
    assert (line.status, line.says) == ("OK", "generic (/usr/lib/blas/libblas.so.3), with LAPACK")


def test_what_hinders_compiling_is_told_together(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    error = "ModuleNotFoundError: No module named 'setuptools.command'"
    monkeypatch.setattr("torchproof.reports.build.causes.version_of", lambda _: None)
    line = judges.judge_compile(Answer("dynamo", error=error), BUILD)
    assert line.advice == "python -m pip install -U setuptools; install g++, or name another compiler in CXX"
