"""What torch asks for and what is here, and the distribution that brings a module."""

from __future__ import annotations

import sys

import pytest

from torchproof.reports.build import judges, requirements
from torchproof.reports.build.requirements import Unmet, distribution_of, required, unmet
from torchproof.reports.build.runner import Answer, Raised

ASKS = [
    "a_helper>=4.13.0",
    "plain",
    'a-windows-thing; sys_platform == "nowhere"',
    'an-extra>=9; extra == "more"',
    "kit[blas]==13.2",
]


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """`installed(name, version, asks, files)` makes the metadata of a package; torch of these tests is 9.9."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(requirements, "_place", lambda _: "")
    requirements._installed_modules.cache_clear()

    def make(name, version, asks=(), files=()):
        record = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        record.mkdir()
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (record / "METADATA").write_text(head + "".join(f"Requires-Dist: {one}\n" for one in asks))
        (record / "RECORD").write_text("".join(f"{file},,\n" for file in files))
        requirements._installed_modules.cache_clear()

    yield make
    requirements._installed_modules.cache_clear()


@pytest.fixture
def sound(installed):
    """A torch with all that it asks for, but the helper, which a test installs."""
    installed("torch", "9.9", ASKS)
    installed("plain", "1.0")
    installed("kit", "13.2", ['nvidia-blas==13.4.*; extra == "blas"', 'nvidia-fft==12.*; extra == "fft"'])
    installed("nvidia-blas", "13.4.1")
    return installed


def test_all_is_here(sound):
    sound("a-helper", "4.16.0rc1")
    assert unmet("torch") == []
    line = judges.judge_requirements(Answer("build", {}))
    assert (line.status, line.says) == ("OK", "all 3 packages that torch 9.9 asks for are here")


@pytest.mark.parametrize("version", ["4.8.0", None])
def test_one_is_too_old_or_missing(sound, version):
    if version:
        sound("a-helper", version)
    line = judges.judge_requirements(Answer("build", {}))
    assert line.status == "WARN"
    found = "4.8.0 is here" if version else "not installed"
    assert line.says == f"torch 9.9 asks for a_helper>=4.13.0 ({found})"
    assert line.advice == "python -m pip install -U 'a_helper>=4.13.0'"


def test_one_is_too_new(installed):
    installed("torch", "9.9", ["nvidia-nccl-cu13==2.30.7"])
    installed("nvidia-nccl-cu13", "2.31.0")
    assert judges.judge_requirements(Answer("build", {})).advice == (
        "python -m pip install -U 'nvidia-nccl-cu13==2.30.7'"
    )


def test_what_a_requirement_asks_for_in_turn_with_its_extras(installed):
    installed("torch", "9.9", ["kit[blas]==13.2"])
    installed("kit", "13.2", ['nvidia-blas==13.4.*; extra == "blas"', 'nvidia-fft==12.*; extra == "fft"'])
    assert unmet("torch") == [Unmet("nvidia-blas", "nvidia-blas==13.4.*")]


def test_what_stands_elsewhere_is_told_with_its_place(sound, monkeypatch):
    sound("a-helper", "4.8.0")
    monkeypatch.setattr(requirements, "_place", lambda _: "/home/me/shadow")
    line = judges.judge_requirements(Answer("build", {}))
    assert "(4.8.0 is here, in /home/me/shadow)" in line.says
    assert line.advice.endswith("; and take /home/me/shadow from PYTHONPATH")


@pytest.mark.parametrize(
    ("error", "file", "status"),
    [
        ("ImportError: cannot import name 'TypeIs' from 'a_helper' (/a_helper.py)", "/torch/x.py", "FAIL"),
        ("ModuleNotFoundError: No module named 'a_helper'", "/torch/x.py", "FAIL"),
        ("AttributeError: no", "/site-packages/a_helper/x.py", "FAIL"),
        ("ModuleNotFoundError: No module named 'plain'", "/torch/x.py", "WARN"),
        ("died of SIGILL", "", "WARN"),
        ("OSError: libcudart.so.12: cannot open shared object file", "", "WARN"),
    ],
)
def test_it_is_a_failure_where_torch_cannot_be_imported_for_it(sound, error, file, status):
    sound("a-helper", "4.8.0", files=["a_helper/__init__.py"])
    answer = Answer("build", error=error, chain=(Raised(error, file),))
    assert judges.judge_requirements(answer).status == status


def test_an_import_that_fails_for_it_names_it_and_does_not_blame_torch(sound):
    sound("a-helper", "4.8.0", files=["a_helper.py"])
    error = "ImportError: cannot import name 'TypeIs' from 'a_helper' (/site-packages/a_helper.py)"
    line = judges.judge_import("/torch", Answer("build", error=error, chain=(Raised(error, "/torch/x.py"),)))
    assert (line.status, line.advice) == ("FAIL", "python -m pip install -U 'a_helper>=4.13.0'")
    assert "torch asks for a_helper>=4.13.0 (4.8.0 is here)" in line.says


def test_many_are_told_briefly_and_mended_at_once(installed):
    installed("torch", "9.9", [f"thing{number}" for number in range(9)])
    line = judges.judge_requirements(Answer("build", {}))
    assert line.says.endswith("thing3 (not installed) and 5 more")
    assert line.advice.endswith("thing7 thing8")


def test_a_torch_without_metadata_asks_for_nothing(installed):
    assert list(required("torch")) == []
    assert judges.judge_requirements(Answer("build", {})).status == "OK"


def test_metadata_that_cannot_be_read_are_no_failure(installed):
    installed("torch", "9.9", ["this is no (requirement", "plain>=1"])
    installed("plain", "not-a-version")
    assert unmet("torch") == []


def test_a_module_of_the_system_without_metadata_counts_as_here(installed, tmp_path):
    installed("torch", "9.9", ["filelock", "of-nobody"])
    (tmp_path / "filelock.py").touch()
    assert [one.asks for one in unmet("torch")] == ["of-nobody"]


@pytest.mark.parametrize(
    ("module", "distribution"),
    [
        ("yaml", "pyyaml"),
        ("PIL.Image", "pillow"),
        ("cv2", "opencv-python"),
        ("sklearn.base", "scikit-learn"),
        ("setuptools.command", "setuptools"),
        ("a_module_of_nobody", ""),
    ],
)
def test_the_distribution_of_what_is_not_installed(installed, module, distribution):
    assert distribution_of(module) == distribution


def test_the_distribution_of_what_is_installed(installed):
    installed("Its-Own-Name", "1.0", files=["another_name/__init__.py"])
    assert distribution_of("another_name.part") == "Its-Own-Name"


@pytest.fixture
def of_the_system(tmp_path, monkeypatch):
    """A Python whose packages are the system's."""
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    monkeypatch.setattr(requirements.sysconfig, "get_path", lambda _: str(tmp_path))
    monkeypatch.setattr(requirements.sys, "prefix", requirements.sys.base_prefix)


@pytest.mark.parametrize(
    ("tool", "says"),
    [
        ("/usr/bin/apt-get", "apt-get install python3-setuptools python3-ruamel-yaml"),
        (None, "install the system's package for it; or, in a virtual environment, python -m pip install"),
    ],
)
def test_where_pip_refuses_the_system_installs(of_the_system, monkeypatch, tool, says):
    monkeypatch.setattr(requirements.shutil, "which", lambda _: tool)
    assert requirements.command(["setuptools", "ruamel_yaml>=0.18"]).startswith(says)


def test_other_versions_of_the_system_are_tried_together_there(of_the_system, monkeypatch):
    lacking = [requirements.Unmet("sympy", "sympy==1.13.1", "1.13.3")]
    monkeypatch.setattr(judges, "unmet", lambda _: lacking)
    assert judges.judge_requirements(Answer("build")).status == "OK"
    assert judges.judge_requirements(Answer("build", error="ImportError: sympy")).status != "OK"
