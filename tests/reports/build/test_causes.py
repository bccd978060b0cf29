"""From an error to its cause: the right one is named, and what is to be done is an action."""

from __future__ import annotations

import re

import pytest

from torchproof import processor
from torchproof.reports.build import causes, judges, libraries, machine, requirements
from torchproof.reports.build.causes import explain
from torchproof.reports.build.libraries import Linked
from torchproof.reports.build.requirements import Unmet
from torchproof.reports.build.runner import Answer, Raised, ask

MISSING = "cannot open shared object file: No such file or directory"


@pytest.fixture
def world(monkeypatch):
    """`world(versions, unmet)` sets what is installed, and which requirements are not met, by package."""

    def make(versions, lacking=None):
        monkeypatch.setattr(causes, "version_of", versions.get)
        monkeypatch.setattr(causes, "unmet", lambda package, **_: (lacking or {}).get(package, []))
        monkeypatch.setattr(causes, "distribution_of", lambda module: module if module in versions else "")

    return make


# What was raised from another error


def test_the_root_cause_is_told():
    outer, root = "OSError: Could not load this library: lib.so", f"OSError: libsox.so: {MISSING}"
    cause, advice = explain(outer, "torchaudio", (Raised(outer), Raised(root, link="cause")))
    assert cause.startswith("the library libsox.so is missing")
    assert outer in cause
    assert root in cause
    assert "libsox.so" in advice


def test_the_root_tells_more_than_what_was_made_of_it():
    outer, root = "ImportError: cannot import name '_C' from 'some' (/some.py)", f"OSError: libsox.so: {MISSING}"
    assert explain(outer, "some", (Raised(outer),))[0].startswith("some of its files are gone")
    assert explain(outer, "some", (Raised(outer), Raised(root, link="cause")))[0].startswith("the library libsox.so")


def test_what_was_handled_before_counts_only_where_the_error_itself_says_nothing():
    outer, before = "ModuleNotFoundError: No module named 'yaml'", f"OSError: libsox.so: {MISSING}"
    assert "libsox" not in explain(outer, "some", (Raised(outer), Raised(before, link="context")))[0]
    outer = "RuntimeError: it does not work"
    assert "libsox.so is missing" in explain(outer, "some", (Raised(outer), Raised(before, link="context")))[0]


def test_a_cause_that_nobody_knows_is_told_too():
    outer = "RuntimeError: it does not work"
    cause, advice = explain(outer, "some", (Raised(outer), Raised("KeyError: 'x'", link="cause")))
    assert cause == "RuntimeError: it does not work (the cause: KeyError: 'x')"
    assert advice


def test_the_child_tells_the_chain_and_the_files(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").touch()
    (tmp_path / "wraps.py").write_text("try:\n    1 / 0\nexcept Exception as e:\n    raise OSError('no') from e\n")
    (tmp_path / "hides.py").write_text("try:\n    1 / 0\nexcept Exception:\n    raise OSError('no') from None\n")
    wraps, hides = ask(["package=wraps", "package=hides"])
    file = str(tmp_path / "wraps.py")
    assert wraps.chain == (Raised("OSError: no", file), Raised("ZeroDivisionError: division by zero", file, "cause"))
    assert len(hides.chain) == 1


# Packages


@pytest.mark.parametrize(("torch", "ends"), [("2.15.0", True), ("2.4.0+cpu", True), ("2.3.1", False)])
def test_a_package_that_has_ended_is_to_be_removed(world, torch, ends):
    world({"torch": torch})
    cause, advice = explain("OSError: libtorchtext.so: undefined symbol: x", "torchtext")
    assert advice.startswith("remove it: python -m pip uninstall torchtext") == ends
    assert ("its last release, 0.18, was built for torch 2.3" in cause) == ends


@pytest.mark.parametrize(
    "error", ["undefined symbol: x", f"libcudart.so.12: {MISSING}", "operator a::b does not exist"]
)
def test_a_package_that_asks_for_another_torch(world, error):
    world({"torch": "2.15.0"}, {"some": [Unmet("torch", "torch==2.6.0", "2.15.0")]})
    cause, advice = explain(f"OSError: {error}", "some")
    assert "it asks for torch==2.6.0 (2.15.0 is here)" in cause
    assert "pip install 'torch==2.6.0'" in advice


@pytest.mark.parametrize("library", ["libtorchaudio.so", "libtorch_ext.so", "libtorchtext.so", "libc10kit.so"])
def test_a_library_that_is_only_named_like_torchs_is_not_torchs(library):
    cause, advice = explain(f"OSError: {library}: {MISSING}", "some")
    assert cause.startswith(f"its own library {library} is missing")
    assert advice == "reinstall it: python -m pip install --force-reinstall some"
    assert not libraries._TORCH.match(library)


@pytest.mark.parametrize("library", ["libtorch_cpu.so", "libc10.so", "libtorch_python.so", "libshm.so"])
def test_a_library_of_torch_itself(library):
    assert explain(f"OSError: {library}: {MISSING}", "some")[0].startswith(f"torch's own {library} is missing")


def test_a_package_for_cuda_beside_a_torch_without():
    cause, advice = explain(f"OSError: libtorch_cuda.so: {MISSING}", "some")
    assert cause.startswith("it was built for a torch with CUDA, and this one has no libtorch_cuda.so")
    assert "force-reinstall torch some" in advice


def test_a_folder_of_libraries_is_no_module(tmp_path, monkeypatch):
    class Fake:
        metadata = {"Name": "some"}
        version = "1"
        files = ["some/__init__.py", "lib/libsome.so", "some/_C.so"]

        def locate_file(self, file):
            return tmp_path / file

    monkeypatch.setattr(libraries, "needed", lambda _: ["libc10.so"])
    assert libraries._linked(Fake()).modules == {"some"}  # pyright: ignore[reportArgumentType]


def test_what_has_a_line_of_its_own_is_not_told_twice():
    package = Linked("some", "1", {"some"}, ["/some/_C.so"])
    assert [line.status for line in judges.judge_libraries([package], [])] == ["OK"]


# Requirements and modules


@pytest.mark.parametrize(
    ("error", "file"),
    [
        ("ImportError: cannot import name 'equal_valued' from 'sympy.core'", ""),
        ("AttributeError: partially initialized module 'sympy' has no attribute 'x' (most likely …)", ""),
        ("ModuleNotFoundError: No module named 'sympy.core.new'", ""),
        ("ModuleNotFoundError: No module named 'decorator'", "/lib/site-packages/sympy/core.py"),
        ("SyntaxError: invalid syntax", "/lib/site-packages/sympy/core.py"),
    ],
)
@pytest.mark.parametrize("package", ["torch", "torchvision"])
def test_a_requirement_of_another_release_is_named_and_torch_is_not_blamed(world, error, file, package):
    world({"torch": "2.15.0", "sympy": "1.5"}, {"torch": [Unmet("sympy", "sympy>=1.13.3", "1.5")]})
    cause, advice = explain(error, package, (Raised(error, file),))
    assert cause.startswith("torch asks for sympy>=1.13.3 (1.5 is here)")
    assert advice == "python -m pip install -U 'sympy>=1.13.3'"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("No module named 'setuptools.command.nothing'", "python -m pip install --force-reinstall setuptools"),
        ("No module named 'tensorboard.compat'", "python -m pip install -U tensorboard"),
        ("No module named 'yaml'", "python -m pip install -U pyyaml"),
        ("No module named 'PIL._imaging'", "python -m pip install --force-reinstall pillow"),
        ("No module named 'pkg_resources'", "python -m pip install 'setuptools<82'"),
        ("No module named 'no_such.part'", "install what has the module no_such, often: python -m pip install no_such"),
    ],
)
def test_a_module_is_not_taken_for_a_distribution(monkeypatch, error, advice):
    versions = {"setuptools": "84.0", "pillow": "13.0"}
    monkeypatch.setattr(causes, "version_of", versions.get)
    monkeypatch.setattr(requirements, "version_of", versions.get)
    monkeypatch.setattr(requirements, "_installed_modules", lambda: {"PIL": ["pillow"], "setuptools": ["setuptools"]})
    monkeypatch.setattr(causes, "unmet", lambda *_, **__: [])
    assert explain(f"ModuleNotFoundError: {error}", "some")[1] == advice


def test_a_python_without_a_module_of_its_own():
    cause, advice = explain("ModuleNotFoundError: No module named '_lzma'")
    assert cause.startswith("this Python was built without its module _lzma")
    assert "pip install" not in advice


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (f"ImportError: libcudnn.so.9: {MISSING}", "nvidia-cudnn-cu13"),
        (f"ImportError: libcusparseLt.so.0: {MISSING}", "nvidia-cusparselt-cu13"),
        ("ValueError: libcublas.so.*[0-9] not found in the system path", "nvidia-cublas"),
        ("ImportError: /torch/lib/libtorch_cuda.so: undefined symbol: ncclCommResume", "nvidia-nccl-cu13"),
        ("ImportError: libcusparse.so.12: undefined symbol: __nvJitLinkAddData_12_1", "nvidia-nvjitlink"),
    ],
)
def test_an_nvidia_library_is_brought_by_its_package(world, error, asked):
    names = ("nvidia-cudnn-cu13", "nvidia-cusparselt-cu13", "nvidia-cublas", "nvidia-nccl-cu13", "nvidia-nvjitlink")
    world({"torch": "2.15.0"}, {"torch": [Unmet(name, f"{name}==1") for name in names]})
    cause, advice = explain(error)
    assert f"torch asks for {asked}==1" in cause
    assert advice.startswith("python -m pip install -U '")
    assert f"'{asked}==1'" in advice


# Instructions


@pytest.mark.parametrize(
    ("cpuinfo", "error", "says", "advice"),
    [
        ("flags : sse2 sse4_2\n", "died of SIGILL", "of sse4_2 avx avx2 fma it lacks avx avx2 fma", "the host's CPU"),
        ("flags : sse2 sse4_2 avx avx2 fma\n", "died of SIGILL", "though it has sse4_2 avx avx2 fma", "ATEN_CPU"),
        (
            "model name : QEMU Virtual CPU version 2.5+\nflags : sse2\n",
            "died of SIGILL",
            "emulated by QEMU",
            "-cpu host",
        ),
        ("flags : sse2 avx2\n", "died of SIGILL: qemu: uncaught target signal 4", "emulated by QEMU", "QEMU_CPU=max"),
        ("model name : VirtualApple @ 2.50GHz\nflags : sse2\n", "died of SIGILL", "by Rosetta", "linux/arm64"),
        ("", "died of SIGILL", "instructions that this CPU does not have", "ATEN_CPU"),
    ],
)
def test_an_instruction_that_the_cpu_lacks(monkeypatch, cpuinfo, error, says, advice):
    monkeypatch.setattr(processor, "text", lambda: cpuinfo)
    monkeypatch.setattr(processor.platform, "machine", lambda: "x86_64")
    cause, step = explain(error)
    assert says in cause
    assert advice in step


def test_a_cpu_of_another_architecture_in_the_systems_file_is_an_emulators(monkeypatch):
    told = "vendor_id : GenuineIntel\nmodel name : Intel(R) Xeon(R)\nflags : sse2 avx2 fma avx512f\n"
    monkeypatch.setattr(processor, "text", lambda: told)
    monkeypatch.setattr(processor.platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(processor.platform, "processor", lambda: "")
    assert processor.model() == "aarch64, emulated by QEMU"
    assert not processor.flags()
    assert judges.judge_capability("DEFAULT", machine.best_capability(), {}).status == "OK"
    assert processor.emulator() == "QEMU"


def test_the_package_whose_code_it_was_is_named(tmp_path, monkeypatch):
    """NumPy's wheels ask for more of the CPU than torch's do, and torch imports NumPy."""
    folder = tmp_path / "site-packages"
    for name, source in {
        "torch": "import numpy",
        "numpy": "import os, signal; os.kill(os.getpid(), signal.SIGILL)",
    }.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    [answer] = ask(["build"])
    line = judges.judge_import(str(folder / "torch"), answer)
    assert re.search(r"numpy \S+ was built for instructions that this CPU does not have", line.says)
    assert "pip install 'numpy<2.4'" in line.advice


def test_a_crash_in_another_package_is_that_packages(monkeypatch):
    monkeypatch.setattr(causes, "version_of", {"numpy": "2.4.6"}.get)
    monkeypatch.setattr(causes, "distribution_of", lambda module: module)
    error = "died of SIGSEGV"
    cause, advice = explain(error, "torch", (Raised(error, "/lib/site-packages/numpy/core.py"),))
    assert cause.startswith("the code of numpy 2.4.6 crashed")
    assert advice == "reinstall it: python -m pip install --force-reinstall numpy"
    assert explain(error, "torch", (Raised(error, "/lib/site-packages/torch/x.py"),))[0].startswith("its own code")
    # A package's library is loaded by torch's Python: the package is to blame all the same.
    assert explain(error, "some", (Raised(error, "/lib/site-packages/torch/_ops.py"),))[0].startswith("its own code")


@pytest.mark.parametrize(("torch", "asks"), [("2.1.2+cu121", "setuptools<70"), ("2.6.0", "setuptools<82")])
@pytest.mark.parametrize("error", ["cannot import name 'x' from 'pkg_resources'", "No module named 'pkg_resources'"])
def test_what_setuptools_gave_up(world, torch, asks, error):
    world({"torch": torch, "setuptools": "84.0"})
    cause, advice = explain(f"ImportError: {error}")
    assert f"needs pkg_resources of {asks}, and setuptools 84.0 is here" in cause
    assert advice == f"python -m pip install '{asks}'"


# One's own classes


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("AttributeError: 'Mine' object has no attribute 'param_groups'", "the optimizer Mine is used before"),
        ("AttributeError: 'Mine' object has no attribute '_optimizer_step_pre_hooks'", "the optimizer Mine is used"),
        ("AttributeError: cannot assign module before Module.__init__() call", "a torch.nn.Module is used before"),
        ("AttributeError: 'Mine' object has no attribute '_backward_hooks'", "a torch.nn.Module is used before"),
    ],
)
def test_a_class_that_did_not_call_the_one_above(error, cause):
    said, advice = explain(error, "some")
    assert said.startswith(cause)
    assert "super().__init__(" in advice


@pytest.mark.parametrize(
    "error", ["AttributeError: 'list' object has no attribute 'x'", "KeyError: 'a'", "died of SIGXCPU"]
)
def test_whatever_fails_there_is_something_to_do(error):
    for line in (
        judges.judge_import("/torch", Answer("build", error=error)),
        judges.judge_devices(Answer("devices", error=error), {}),
        judges.judge_speed(Answer("speed", error=error), {}),
        *judges.judge_libraries([Linked("some", "1", {"some"})], [Answer("package=some", error=error)]),
    ):
        assert line.status == "FAIL"
        assert line.advice
        assert "force-reinstall torch" not in line.advice, "nothing says that torch is at fault"
