"""Which torchvision goes with a torch, by the table of releases and by its own metadata; and which torch this is."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from torchproof.releases import supported
from torchproof.reports.build import judges, pairs
from torchproof.reports.build.pairs import judge_torchvision, kind_of
from torchproof.reports.build.runner import Answer

NEWEST = list(supported())[-1]
NMS = "RuntimeError: operator torchvision::nms does not exist"


@pytest.fixture
def judged(monkeypatch):
    """`judged(torchvision, asks, torch)` judges the two, as the metadata of torchvision ask for torch."""

    def judge(torchvision, asks, torch, error=None, installed=None):
        versions = {"torchvision": torchvision, "torch": installed or torch.partition("+")[0]}
        monkeypatch.setattr(pairs, "version_of", versions.get)
        monkeypatch.setattr(pairs, "required", lambda _: [Requirement(asks)] if asks else [])
        return judge_torchvision(Answer("torchvision", error=error), {"version": torch})

    return judge


@pytest.mark.parametrize(
    ("torchvision", "asks", "torch", "status"),
    [
        ("0.21.0+cu124", "torch==2.6.0", "2.6.0+cu124", "OK"),
        ("0.20.0", "torch==2.5.0", "2.5.1+cu124", "OK"),
        ("0.29.2", "torch>=2.14.0", "2.15.0+cu132", "OK"),
        ("0.29.2", "torch>=2.14.0", "2.14.1", "OK"),
        ("0.30.0", "torch>=2.14.0", "2.15.0", "OK"),
        ("0.30.0", "torch>=2.16.0", "2.15.0", "WARN"),
        ("0.29.2", "torch>=2.14.0", "2.6.0", "WARN"),
        ("0.16.2", "torch==2.1.2", "2.6.0", "WARN"),
        ("0.16.2", "", "2.6.0", "WARN"),
        ("0.99.0", "torch>=2.14.0", "9.9.0", "OK"),
        ("0.31.0.dev20990101", "torch==2.17.0.dev20990101", "2.17.0.dev20990102+cpu", "OK"),
        ("0.30.0.dev1", "torch==2.15.0.dev1", "2.15.0.dev2", "OK"),
        ("0.16.2", "torch==2.1.2", "2.5.0a0+872d972e41.nv24.8", "WARN"),
        ("0.20.0a0+nv", "torch", "2.5.0a0+872d972e41.nv24.8", "OK"),
        ("0.16.2", "torch==2.1.2", "9.9.0", "WARN"),
        ("0.16.2", "torch==2.1.2", "not a version", "OK"),
        (None, "", "2.6.0", "WARN"),
    ],
)
def test_a_pair(judged, torchvision, asks, torch, status):
    line = judged(torchvision, asks, torch)
    assert line.status == status, line.says
    assert bool(line.advice) == (status == "WARN")


@pytest.mark.parametrize(
    ("torch", "installed", "advice"),
    [
        ("2.6.0+cu124", "2.6.0", "python -m pip install 'torch==2.6.0' 'torchvision==0.21.0'"),
        (
            "2.5.0+cpu", "2.5.0+cpu",
            "python -m pip install 'torch==2.5.1' 'torchvision==0.20.1' --index-url https://download.pytorch.org/whl/cpu",
        ),
        ("9.9.0", None, "python -m pip install -U torch torchvision"),
    ],
)  # fmt: skip
def test_the_right_pair_is_one_command(judged, torch, installed, advice):
    line = judged("0.16.2", "torch==2.1.2", torch, NMS, installed)
    assert (line.status, line.advice) == ("FAIL", advice)


def test_a_nightly_pair_comes_from_its_index(judged):
    line = judged("0.31.0.dev1", "torch==2.17.0.dev1", "2.17.0.dev2", NMS)
    assert line.status == "FAIL"
    assert "--pre -U torch torchvision --index-url https://download.pytorch.org/whl/nightly/" in line.advice


def test_a_vendors_torch_is_not_replaced(judged):
    line = judged("0.16.2", "torch==2.1.2", "2.5.0a0+872d972e41.nv24.8", NMS)
    assert line.status == "FAIL"
    assert "torch==" not in line.advice
    assert "--no-deps 'torchvision @ git+https://github.com/pytorch/vision@v0.20.1'" in line.advice


def test_a_right_pair_that_fails_for_another_reason_keeps_its_advice(judged):
    line = judged("0.21.0", "torch==2.6.0", "2.6.0", "ModuleNotFoundError: No module named 'PIL._imaging'")
    assert line.status == "FAIL"
    assert "pillow" in line.advice.lower()


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("2.6.0", ""),
        ("2.6.0+cu124", ""),
        ("2.6.0+rocm6.2.4", ""),
        ("2.99.0", f"newer than this torchproof knows ({NEWEST})"),
        ("2.99.0.dev20990101+cpu", f"a nightly build, newer than this torchproof knows ({NEWEST})"),
        ("2.5.0a0+872d972e41.nv24.8", "a vendor's build or one's own"),
        ("2.6.0+git1234", "a vendor's build or one's own"),
        ("unknown", "a build whose version says no release"),
    ],
)
def test_what_kind_of_torch_it_is(version, says):
    assert kind_of(version) == says
    build = {"version": version, "seconds": 1.0, "debug": False}
    line = judges.judge_import("/torch", Answer("build", build))
    assert line.status == "OK", "to be new, or of a vendor, is no failure"
    assert says in line.says
