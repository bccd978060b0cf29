"""The wheel, as somebody meets it who has torch, pytest and NumPy, and stands in a folder of their own."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
import torch
from packaging.requirements import Requirement

import torchproof
from tests.project import ROOT
from torchproof.releases import numpy_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]  # some build, and some start several processes

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
    for name in ("fixtures", "reports", "suites", "suites/views", "torchproof_facts"):
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


def test_it_is_one_package_with_the_folders_inside(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {
        "torchproof",
        f"torchproof-{torchproof.__version__}.dist-info",
    }
    ours = [path for folder in ("fixtures", "reports", "suites") for path in (ROOT / folder).rglob("*")]
    ours = [path for path in ours if path.is_file() and "__pycache__" not in path.parts]
    own = [path for path in (ROOT / "torchproof").iterdir() if path.is_file()]
    carried = [name.removeprefix("torchproof/") for name in names if name.startswith("torchproof/")]
    assert sorted(carried) == sorted([*(path.relative_to(ROOT).as_posix() for path in ours), *(f.name for f in own)])
    assert "torchproof/py.typed" in names


def test_it_brings_neither_torch_nor_numpy(wheel):
    metadata = zipfile.ZipFile(wheel).read(f"torchproof-{torchproof.__version__}.dist-info/METADATA")
    lines = metadata.decode().splitlines()
    needs = [Requirement(line.partition(": ")[2]) for line in lines if line.startswith("Requires-Dist: ")]
    brought = {normal(need.name) for need in needs if not need.marker or "extra" not in str(need.marker)}
    brought |= {normal(one.metadata["Name"]) for one in needed(brought)}
    assert {"pytest", "hypothesis", "pytest-timeout", "pytest-xdist", "rich", "jinja2", "packaging"} <= brought
    assert not brought & {"torch", "torchvision", "numpy", "scipy"}


def normal(name):
    """The name of a distribution as it is compared."""
    return name.lower().replace("_", "-")


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
    code = "import importlib.util as u, torchproof; print([*map(u.find_spec, ('fixtures', 'reports', 'suites'))])"
    assert run(sys.executable, "-c", code, cwd=site, environment={"PYTHONPATH": ""}) == "[None, None, None]\n"


def test_explain_says_where_a_fact_stands(command, site):
    said = command("explain", FACT)
    assert str(site / "torchproof" / "suites" / "views" / "test_view.py") in said
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


BROUGHT = ("pytest", "hypothesis", "pytest-timeout", "pytest-xdist", "rich", "jinja2", "packaging")


def test_without_torch_it_says_so(command, bare):
    only = bare(*BROUGHT)
    assert "there is no torch in this environment" in command("run", "-q", code=2, only=only)
    assert "view" in command("explain", FACT, only=only)
    assert "torch.add" in command("when", "torch.add", only=only)
    assert command("diff", "2.0", "2.15", only=only)


def test_a_numpy_that_is_missing_is_named_as_it_goes_with_this_torch(command, bare):
    only = bare(*BROUGHT, "torch")
    said = command("run", "-q", code=2, only=only)
    assert f"facts need what is not here: pip install '{numpy_for(torch.__version__)}'" in said


def test_what_it_brings_and_torch_with_its_numpy_are_enough(command, bare, tmp_path_factory):
    record = tmp_path_factory.mktemp("records") / "run.jsonl"
    some = "test_shares_memory or any_strides or test_cost or from_the_process_group"
    command("run", "-n", "1", f"--record={record}", "-k", some, only=bare(*BROUGHT, "torch", "numpy"))
    found = verdicts(record)
    assert found[f"{FACT}[cpu]"] == "holds"
    assert found["views.clone.copies_a_tensor_of_any_strides[cpu]"] == "holds"
    assert found["parallel.distributed_sampler.takes_rank_and_size_from_the_process_group"] == "holds"
    of_cost = {said for name, said in found.items() if name.startswith("sparse.cost.")}
    assert of_cost == {"the package scipy is not installed: pip install scipy"}


# --- facts of one's own -----------------------------------------------------------------------------------------------

MINE = '''
import torch
from helpers import doubled
from torchproof import bench, close, fact, race, same


@fact("torch.Tensor.mul", "torch.add")
def test_doubles(device):
    """`mul` by two gives what `add` of a tensor to itself gives."""
    x = torch.tensor([1.0, 2.0], device=device)
    same(x.mul(2), doubled(x))
    close(torch.add(x, x), [2.0, 4.0], roundings=0)


def test_of_another_kind():
    assert True
'''


@pytest.fixture
def mine(tmp_path):
    """A repository of somebody's own facts, with folders named as ours."""
    for name in ("fixtures", "reports", "suites", "torchproof_facts"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / "helpers.py").write_text("def doubled(x):\n    return x + x\n")
    (tmp_path / "facts" / "test_mine.py").write_text(MINE)
    settings = 'addopts = ["-p", "torchproof.plugins"]\npythonpath = ["facts"]\n'
    (tmp_path / "pyproject.toml").write_text(f"[tool.pytest.ini_options]\n{settings}")
    return tmp_path


def test_facts_of_one_s_own_are_proven_and_refuted(site, mine):
    def say(*arguments, code=0):
        pytest_ = [sys.executable, "-m", "pytest", "-p", "no:randomly", "facts", *arguments]
        return run(*pytest_, cwd=mine, environment={"PYTHONPATH": str(site)}, code=code)

    assert "1 holds" in say("--record=a.jsonl")
    assert verdicts(mine / "a.jsonl") == {"facts.mine.doubles[cpu]": "holds"}
    assert "1 passed" in say("--fact", "facts.mine.doubles", "--record=b.jsonl")
    assert "1 passed" in say("--about", "torch.Tensor.__add__", "--record=c.jsonl")
    refuted = say("--refute", "-n", "1", "--record=d.jsonl")
    assert "0 noticed" not in refuted and " noticed" in refuted
    assert verdicts(mine / "d.jsonl") == {"facts.mine.doubles[cpu]": "holds"}
    said = run(
        sys.executable, "-m", "torchproof", "summary", "a.jsonl", cwd=mine, environment={"PYTHONPATH": str(site)}
    )
    assert "1 fact\n" in said


def test_one_s_own_fact_that_notices_nothing_is_vacuous(site, mine):
    file = mine / "facts" / "test_mine.py"
    text = file.read_text().replace("same(x.mul(2), doubled(x))", "doubled(x.mul(2))")
    file.write_text(text.replace("close(torch.add(x, x), [2.0, 4.0], roundings=0)", "assert x is x"))
    pytest_ = [sys.executable, "-m", "pytest", "-p", "no:randomly", "facts", "--refute", "-n0"]
    said = run(*pytest_, cwd=mine, environment={"PYTHONPATH": str(site)}, code=1)
    assert "vacuous" in said
    assert "again: pytest -p torchproof.plugins --fact 'facts.mine.doubles[cpu]'" in said


def test_the_example_of_the_documents_is_proven_and_refuted(site, tmp_path):
    shutil.copytree(ROOT / "docs" / "example", tmp_path / "example")

    def say(*arguments):
        pytest_ = [sys.executable, "-m", "pytest", "-p", "no:randomly", "-n0", *arguments]
        return run(*pytest_, cwd=tmp_path / "example", environment={"PYTHONPATH": str(site)})

    assert "4 holds" in say("-m", "not bench", "--record=a.jsonl")
    say("--refute", "--record=b.jsonl")
    assert set(verdicts(tmp_path / "example" / "b.jsonl").values()) <= {"holds", "inconclusive"}
    assert "1 passed" in say("--benchmarks", "--benchmark-max-time=0.01")
