"""The wheel, as somebody meets it who has torch, pytest and NumPy, and stands in a folder of their own."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import zipfile

import pytest
from packaging.requirements import Requirement

import torchproof
from tests.project import ROOT

pytestmark = pytest.mark.timeout(180)  # some build, and some start several processes

FACT = "views.view.shares_memory"


def run(*command, cwd, environment=None, code=0):
    """What a command says, which is to end with this code and without a traceback."""
    ended = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == code, said
    assert "Traceback" not in said
    return said


def pip(*arguments, cwd):
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments, cwd=cwd)


def hook(name, folder):
    """Call a hook of the build backend; the file that it makes."""
    code = f"import sys; from hatchling import build; print(build.{name}(sys.argv[1]))"
    return folder / run(sys.executable, "-c", code, folder, cwd=ROOT).split()[-1]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT, cwd=folder)
    [file] = folder.iterdir()
    return file


@pytest.fixture(scope="session")
def site(wheel, tmp_path_factory):
    """A folder with the wheel installed, and nothing else."""
    folder = tmp_path_factory.mktemp("site")
    pip("install", "--no-deps", "--no-index", "--no-compile", "--target", folder, wheel, cwd=folder)
    return folder


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    """`bare(*names)` is a folder with these packages of this environment and what they need, and nothing else."""

    def link(*names):
        folder = tmp_path_factory.mktemp("bare")
        for distribution in needed(names):
            for name in {file.parts[0] for file in distribution.files} - {"..", "__pycache__"}:
                if not (folder / name).exists():
                    (folder / name).symlink_to(distribution.locate_file(name))
        return folder

    return link


def needed(names):
    """The installed distributions of these names, and of what they require."""
    found, left = {}, list(names)
    while left:
        name = left.pop()
        if name in found:
            continue
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # another platform's, or one that somebody left out
        requirements = map(Requirement, found[name].requires or [])
        left += [one.name for one in requirements if not one.marker or one.marker.evaluate({"extra": ""})]
    return found.values()


@pytest.fixture
def folder(tmp_path):
    """Somebody's folder that must neither be taken for ours nor be written into."""
    hostile = 'raise SystemExit("hostile")\n'
    for name in ("fixtures", "reports", "suites", "suites/views"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(hostile)
    (tmp_path / "suites" / "views" / "test_view.py").write_text(hostile)
    (tmp_path / "conftest.py").write_text(hostile)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\n")
    tmp_path.chmod(0o555)
    before = sorted(tmp_path.rglob("*"))
    yield tmp_path
    tmp_path.chmod(0o755)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.fixture
def command(site, folder):
    """`command(*arguments)` is what the installed command says in that folder, in this environment."""

    def say(*arguments, code=0, cwd=folder, only=None):
        path = os.pathsep.join(map(str, [site, *([only] if only else [])]))
        alone = ["-S"] if only else []
        return run(
            sys.executable, *alone, "-m", "torchproof", *arguments, cwd=cwd, environment={"PYTHONPATH": path}, code=code
        )

    return say


def verdicts(record):
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    return {line["id"]: line.get("reason", line["verdict"]) for line in lines if line["kind"] == "verdict"}


# --- what is in it ----------------------------------------------------------------------------------------------------


def test_it_is_one_package_with_the_tree_inside(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {
        "torchproof",
        f"torchproof-{torchproof.__version__}.dist-info",
    }
    ours = [path for folder in ("fixtures", "reports", "suites") for path in (ROOT / folder).rglob("*")]
    ours = [path for path in ours if path.is_file() and "__pycache__" not in path.parts]
    carried = [name.partition("torchproof/tree/")[2] for name in names if "/tree/" in name]
    assert sorted(carried) == sorted(path.relative_to(ROOT).as_posix() for path in ours)


def test_it_brings_no_more_than_pytest_and_numpy(wheel):
    metadata = zipfile.ZipFile(wheel).read(f"torchproof-{torchproof.__version__}.dist-info/METADATA")
    lines = metadata.decode().splitlines()
    needs = [Requirement(line.partition(": ")[2]) for line in lines if line.startswith("Requires-Dist: ")]
    assert {need.name for need in needs if not need.marker} == {"numpy", "pytest"}
    assert "torch" not in {need.name for need in needs}


def test_the_sdist_gives_the_same_wheel(wheel, tmp_path):
    sdist = hook("build_sdist", tmp_path)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, sdist, cwd=tmp_path)
    [again] = tmp_path.glob("*.whl")
    assert zipfile.ZipFile(again).namelist() == zipfile.ZipFile(wheel).namelist()


def test_an_editable_one_is_the_checkout_itself(tmp_path):
    made = zipfile.ZipFile(hook("build_editable", tmp_path))
    [path] = [name for name in made.namelist() if ".dist-info/" not in name]
    assert made.read(path).decode().split() == [str(ROOT)]
    found = run(
        sys.executable, "-m", "torchproof", "explain", FACT, cwd=tmp_path, environment={"PYTHONPATH": str(ROOT)}
    )
    assert str(ROOT / "suites" / "views" / "test_view.py") in found


# --- what it does -----------------------------------------------------------------------------------------------------


def test_the_script_is_the_command(site, folder):
    said = run(site / "bin" / "torchproof", "--version", cwd=folder, environment={"PYTHONPATH": str(site)})
    assert said == f"torchproof {torchproof.__version__}\n"


def test_nothing_else_becomes_importable(site):
    code = "import importlib.util as u, torchproof; print([bool(u.find_spec(n)) for n in ('reports', 'suites')])"
    assert run(sys.executable, "-c", code, cwd=site, environment={"PYTHONPATH": ""}) == "[False, False]\n"


def test_explain_says_where_a_fact_stands(command, site):
    said = command("explain", FACT)
    assert str(site / "torchproof" / "tree" / "suites" / "views" / "test_view.py") in said
    assert f"torchproof run --fact {FACT}" in said


def test_run_proves_a_fact_from_a_folder_that_is_not_ours(command, tmp_path_factory):
    record = tmp_path_factory.mktemp("records") / "run.jsonl"
    assert "1 passed" in command("run", "--fact", FACT, f"--record={record}")
    assert verdicts(record) == {f"{FACT}[cpu]": "holds"}
    first = json.loads(record.read_text().partition("\n")[0])
    assert first["environment"]["revision"] is None
    assert first["environment"]["packages"]["torchproof"] == torchproof.__version__


def test_run_takes_the_package_s_paths_in_parallel_too(command, tmp_path_factory):
    record = tmp_path_factory.mktemp("records") / "run.jsonl"
    command("run", "-n", "1", "suites/views/test_view.py", "-k", "shares_memory", f"--record={record}")
    assert f"{FACT}[cpu]" in verdicts(record)


def test_run_writes_the_record_where_one_stands(command, tmp_path_factory):
    here = tmp_path_factory.mktemp("here")
    command("run", "--fact", FACT, cwd=here)
    [record] = (here / "runs").iterdir()
    assert verdicts(record) == {f"{FACT}[cpu]": "holds"}
    assert list(here.iterdir()) == [here / "runs"]


def test_run_tells_where_no_record_can_be_written(command, tmp_path_factory):
    here = tmp_path_factory.mktemp("here")
    (here / "runs").write_text("not a folder")
    said = command("run", "--fact", FACT, cwd=here, code=2)
    assert f"no record can be written in {here / 'runs'}" in said
    assert "--record=FILE" in said


def test_run_tells_an_unknown_fact(command):
    assert "there is no fact views.view.flies" in command("run", "--fact", "views.view.flies", code=2)


def test_without_torch_it_says_so(command, bare):
    only = bare("pytest", "numpy")
    assert "there is no torch in this environment" in command("run", "-q", code=2, only=only)
    assert "view" in command("explain", FACT, only=only)
    assert "torch.add" in command("when", "torch.add", only=only)
    assert command("diff", "2.0", "2.15", only=only)


def test_with_pytest_and_numpy_alone_every_file_collects_and_facts_are_decided(command, bare, tmp_path_factory):
    record = tmp_path_factory.mktemp("records") / "run.jsonl"
    some = "test_shares_memory or any_strides or test_cost or from_the_process_group"
    said = command("run", f"--record={record}", "-k", some, only=bare("torch", "pytest", "numpy"))
    assert "no time limit: the package pytest-timeout is not installed" in said
    found = verdicts(record)
    assert found[f"{FACT}[cpu]"] == "holds"
    assert found["views.clone.copies_a_tensor_of_any_strides[cpu]"] == "the package hypothesis is not installed"
    assert found["parallel.distributed_sampler.takes_rank_and_size_from_the_process_group"] == "holds"
    of_cost = {said for name, said in found.items() if name.startswith("sparse.cost.")}
    assert of_cost == {"the package scipy is not installed"}
