"""Files of one's own that are taken for torch, for what it requires, or for a module of Python's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from torchproof.reports.build import judges, shadows
from torchproof.reports.build.runner import Answer, Raised, ask

ROOT = Path(__file__).parents[3]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder that one stands in, and nothing on PYTHONPATH."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    shadows._installed_in.cache_clear()
    return tmp_path


@pytest.mark.parametrize("name", ["torch", "numpy", "typing_extensions", "sympy", "random", "queue"])
@pytest.mark.parametrize("is_folder", [False, True])
def test_a_file_or_folder_in_the_folder_that_one_stands_in(here, name, is_folder):
    path = here / name if is_folder else here / f"{name}.py"
    (path / "__init__.py" if is_folder else path).parent.mkdir(exist_ok=True)
    (path / "__init__.py" if is_folder else path).touch()
    line = judges.judge_shadows(shadows.shadows(), ["random", "queue"], "")
    assert line.status == "WARN"
    assert f"takes {path} for" in line.says
    assert ("rename the folder" if is_folder else f"rename it: mv {path}") in line.advice


def test_it_is_found_on_pythonpath_too(here, tmp_path, monkeypatch):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "numpy.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    assert shadows.shadows() == {"numpy": tmp_path / "lib" / "numpy.py"}


@pytest.mark.parametrize("name", ["test.py", "turtle.py", "train.py", "numpy.txt", "torch_utils.py"])
def test_what_torch_does_not_import_is_left_alone(here, name):
    (here / name).touch()
    assert judges.judge_shadows(shadows.shadows(), ["random"], "").status == "OK"


def test_a_folder_without_init_gives_way_to_a_package(here):
    (here / "torch").mkdir()
    assert shadows.shadows() == {}


def test_a_torch_that_was_built_is_no_slip(here):
    (here / "torch").mkdir()
    for name in ("__init__.py", "version.py"):
        (here / "torch" / name).touch()
    assert shadows.shadows() == {}


def test_what_pip_installed_there_is_no_slip(here):
    (here / "typing_extensions.py").touch()
    (here / "typing_extensions-4.8.0.dist-info").mkdir()
    (here / "typing_extensions-4.8.0.dist-info" / "METADATA").write_text("Name: typing_extensions\nVersion: 4.8.0\n")
    assert shadows.shadows() == {}


def test_a_safe_path_leaves_the_folder_out(here, monkeypatch):
    (here / "torch.py").touch()
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    assert shadows.shadows() == {}


@pytest.mark.parametrize(
    ("error", "file", "loaded"),
    [
        ("ImportError: cannot import name 'Random' from 'random' ({path})", "/usr/tempfile.py", {}),
        ("AttributeError: module 'random' has no attribute 'Random'", "/usr/tempfile.py", {"random": "{path}"}),
        ("ZeroDivisionError: division by zero", "{path}", {}),
    ],
)
def test_an_import_that_fails_for_it_names_it(here, error, file, loaded):
    path = here / "random.py"
    path.touch()
    error, file = error.format(path=path), file.format(path=path)
    answer = Answer("build", error=error, chain=(Raised(error, file),))
    own = shadows.shadows()
    culprit = shadows.blamed(answer, {name: one.format(path=path) for name, one in loaded.items()}, own)
    line = judges.judge_import("/torch", answer, own, culprit)
    assert (line.status, culprit) == ("FAIL", "random")
    assert f"{path} is taken for Python's own module random" in line.says
    assert line.advice == f"rename it: mv {path} {here / 'my_random.py'}"
    assert judges.judge_shadows(own, [], culprit).status == "FAIL"


def test_an_import_that_fails_for_another_reason_is_not_blamed_on_it(here):
    (here / "random.py").touch()
    answer = Answer("build", error="OSError: libcudart.so.12: cannot open shared object file")
    assert shadows.blamed(answer, {"random": "/usr/random.py"}, shadows.shadows()) == ""


def test_the_child_tells_what_it_loaded(here, monkeypatch):
    (here / "torch.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(here))
    _, built, loaded = ask(["where", "build", "imported"])
    assert loaded.value["torch"] == str(here / "torch.py")
    assert shadows.blamed(built, loaded.value, shadows.shadows()) == "torch"


@pytest.mark.parametrize("name", ["random", "queue", "json"])
def test_the_check_itself_outlives_them(here, monkeypatch, name):
    (here / f"{name}.py").write_text("print('mine')\nprint(1)")
    monkeypatch.setenv("PYTHONPATH", str(here))
    code = f"import sys; sys.path.append({str(ROOT)!r})\nfrom torchproof.reports.build import check, shadows\n"
    code += "print(next(check.Check().lines()))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"{here / name}.py is taken for Python's own module {name}" in told.stdout, told.stderr


def test_a_folder_that_is_only_named_torch_is_no_torch(here, monkeypatch):
    (here / "torch").mkdir()
    monkeypatch.setattr(judges, "version_of", lambda _: None)
    line = judges.judge_import(str(here / "torch"), Answer("build", error="AttributeError: no attribute '__config__'"))
    assert "torch is not installed for this Python" in line.says
    assert f"the folder {here / 'torch'} only has its name" in line.says
