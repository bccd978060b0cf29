"""A place where facts cannot be proven is told so in one sentence."""

from __future__ import annotations

import subprocess

import pytest

from tests.project import HOLDS


def told(process: subprocess.Popen[str]) -> str:
    """What was said, by a run that ended as one that was used wrongly."""
    output = process.communicate()[0]
    assert process.returncode == pytest.ExitCode.USAGE_ERROR, output
    assert "Traceback" not in output
    return output


@pytest.mark.parametrize(
    ("package", "words"),
    [("torch", "there is no torch in this environment"), ("numpy", "the package numpy is missing here")],
)
def test_a_missing_package_is_named(project, package, words):
    project.suite(HOLDS)
    hide = (
        "import importlib.util as u; find = u.find_spec; "
        f"u.find_spec = lambda name, *rest: None if name == {package!r} else find(name, *rest)"
    )
    (project.path / "conftest.py").write_text(f"{hide}\n{(project.path / 'conftest.py').read_text()}")
    assert words in told(project.start())


@pytest.mark.parametrize("options", [[], ["-n", "1"]], ids=["plain", "parallel"])
def test_a_torch_that_cannot_be_imported_is_named(project, options):
    project.suite(HOLDS)
    (project.path / "torch.py").write_text("raise ImportError('libcudart.so.99: cannot open shared object file')")
    assert "torch is installed here, but cannot be imported: libcudart.so.99" in told(project.start(*options))


def test_a_torch_that_kills_the_process_does_not_kill_workers_for_ever(project):
    project.suite(HOLDS)
    (project.path / "torch.py").write_text("import os; os.abort()")
    assert "parallel workers die before they have collected" in told(project.start("-n", "1"))


def test_a_torch_that_is_too_old_is_named(project):
    project.suite(HOLDS)
    metadata = project.path / "torch-1.13.1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 1.13.1\n")
    assert "torch 1.13.1 is here, and the facts begin with torch 2.0" in told(project.start())
