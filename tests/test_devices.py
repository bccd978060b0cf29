"""The device parameter, the marks, and a run that ran nothing."""

from __future__ import annotations

import pytest
import torch

from fixtures import devices
from tests.project import HOLDS

PLAIN = '''
@fact("torch.add")
def test_plain():
    """`add` adds two numbers."""
    assert torch.add(1, 1) == 2
'''

MULTI = '''
@pytest.mark.multigpu
@fact("torch.add")
def test_multi():
    """`add` adds on two devices."""
    assert torch.add(1, 1) == 2
'''

no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")


@no_gpu
def test_every_backend_that_is_here_and_the_marks_that_select_it(project):
    project.suite(HOLDS + PLAIN + MULTI)
    project.run("-m", "cpu")
    assert set(project.verdicts()) == {"topic.area.holds[cpu]", "topic.area.plain"}


@no_gpu
def test_gpu_facts_without_a_gpu_are_unavailable_and_it_is_said(project):
    project.suite(HOLDS + PLAIN)
    result = project.run("-m", "gpu")
    assert result.ret == 0
    assert project.verdicts() == {"topic.area.holds[cuda]": "unavailable"}
    result.stdout.fnmatch_lines(["Every selected fact was unavailable here: no cuda device here."])


@no_gpu
@pytest.mark.parametrize("mark", ["gpu", "multigpu"])
def test_a_required_device_that_is_not_there_fails_the_run(project, mark):
    project.suite(HOLDS + MULTI)
    result = project.run("-m", mark, "--require-device")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*(an error, as --require-device was given).*"])


@no_gpu
def test_a_required_device_that_is_not_there_fails_a_parallel_run(project):
    project.suite(HOLDS)
    process = project.start("-m", "gpu", "--require-device", "-n", "1")
    process.communicate()
    assert process.returncode == pytest.ExitCode.TESTS_FAILED


def test_a_required_device_that_ran_something_passes(project):
    project.suite(HOLDS)
    assert project.run("--require-device").ret == 0


def test_a_named_device_is_the_only_one(project):
    project.suite(HOLDS)
    project.run("--device", "cpu")
    assert project.verdicts() == {"topic.area.holds[cpu]": "holds"}


def test_a_named_device_that_is_not_here_is_unavailable(project):
    project.suite(HOLDS)
    project.run("--device", "xpu", "--device", "privateuseone")
    assert set(project.verdicts().values()) == {"unavailable"}


def test_a_device_of_a_backend_registered_from_outside_runs(project, monkeypatch):
    monkeypatch.setattr(devices, "available", lambda name: True)
    project.suite(HOLDS.replace(".tolist() == [2, 2]", ".shape == (2,)"))
    project.run("--device", "meta", "-m", "gpu")
    assert project.verdicts() == {"topic.area.holds[meta]": "holds"}


def test_what_is_no_device_is_an_error_in_one_sentence(project):
    project.suite(HOLDS)
    result = project.run("--device", "My GPU")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --device 'My GPU' is not the name of a device*"])


def test_an_unknown_mark_is_refused(project):
    project.suite("@pytest.mark.gpuu\n" + PLAIN.lstrip())
    assert project.run().ret == pytest.ExitCode.INTERRUPTED
