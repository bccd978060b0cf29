"""Rules of the house that a reader relies on."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import pytest
from packaging.requirements import Requirement

from tests.fuzz.fuzzing import CORPUS
from tests.project import ROOT
from torchproof import plugins, releases
from torchproof.facts import findings, renamed

# These run in the Python of the torch that is asked.
ASKED = ("child.py", "ask.py", "built.py", "sources.py", "signatures.py", "values.py", "kernels.py",
         "described.py", "given.py", "here.py", "inside.py")  # fmt: skip


def trees(folder):
    files = [path for path in sorted((ROOT / folder).rglob("*.py")) if CORPUS not in path.parents]
    return [(path, ast.parse(path.read_text())) for path in files]


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize("folder", ["torchproof", "fixtures", "reports", "suites", "tests"])
def test_there_is_one_import_name(folder):
    bare = {"fixtures", "reports", "suites"}
    wrong = [str(path) for path, tree in trees(folder) for name in imported(tree) if name.split(".")[0] in bare]
    assert wrong == []


@pytest.mark.parametrize(
    ("folder", "never"),
    [
        ("reports", "torch"),
        ("reports", "torchproof.fixtures"),
        ("suites", "torchproof.reports"),
        ("fixtures", "torchproof.reports"),
    ],
)
def test_data_flows_one_way(folder, never):
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, tree in trees(folder)
        for name in imported(tree)
        if f"{name}.".startswith(f"{never}.") and path.name not in ASKED
    ]
    assert wrong == []


def test_the_vocabulary_needs_neither_pytest_nor_torch():
    names = [f"torchproof.{path.stem}" for path in (ROOT / "torchproof").glob("[!_]*.py")]
    code = "import sys\nsys.modules['pytest'] = sys.modules['torch'] = None\nfor name in sys.argv[1:]: __import__(name)"
    subprocess.run([sys.executable, "-c", code, *names], cwd=ROOT, check=True)


def test_there_are_no_circles():
    below = {name: set(ours) for name, ours in modules().items()}
    while True:
        ground = {name for name, ours in below.items() if not ours}
        if not ground:
            break
        below = {name: ours - ground for name, ours in below.items() if name not in ground}
    assert below == {}


def modules():
    """Each of our modules with those of ours that it imports, also where it does so late or for a type checker."""
    files = {path: f"{path.relative_to(ROOT).with_suffix('')}".replace("/", ".") for path, _ in ours()}
    names = {path: name if name.startswith("torchproof.") else f"torchproof.{name}" for path, name in files.items()}
    names = {path: name.removesuffix(".__init__") for path, name in names.items()}
    known = set(names.values())
    found = {}
    for path, tree in ours():
        if path.name != "__init__.py":  # a package's face only hands names on
            members = {name for name in members_imported(tree) if name in known}
            found[names[path]] = {name for name in members if not (ROOT / name).is_dir()} - packages(known)
    return found


def ours():
    return [one for folder in ("torchproof", "fixtures", "reports") for one in trees(folder)]


def packages(known):
    return {name for name in known if any(other.startswith(f"{name}.") for other in known)} | {"torchproof"}


def members_imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("folder", ["fixtures", "reports"])
def test_public_functions_have_docstrings(folder):
    kinds = (ast.FunctionDef, ast.ClassDef)
    nodes = [(path, node) for path, tree in trees(folder) for node in tree.body if isinstance(node, kinds)]
    public = [(path, node) for path, node in nodes if not node.name.startswith(("_", "pytest_"))]
    classes = [(path, node) for path, node in public if isinstance(node, ast.ClassDef)]
    public += [
        (path, inner)
        for path, node in classes
        for inner in node.body
        if isinstance(inner, kinds) and not inner.name.startswith(("_", "pytest_"))
    ]
    bare = [f"{path.name}: {node.name}" for path, node in public if not ast.get_docstring(node)]
    assert bare == []


def test_files_of_facts_say_what_belongs_there():
    files = [(path, tree) for path, tree in trees("suites") if path.name.startswith("test_")]
    assert [path.name for path, tree in files if not ast.get_docstring(tree)] == []


def test_sentences_name_what_people_type():
    nodes = [(path, node) for path, tree in trees("suites") for node in ast.walk(tree)]
    facts = [(path, node) for path, node in nodes if isinstance(node, ast.FunctionDef) and node.name[:5] == "test_"]
    sentences = [(path, (ast.get_docstring(node) or "").partition("\n")[0]) for path, node in facts]
    assert len(sentences) > 5_000
    assert [f"{path.name}: {sentence}" for path, sentence in sentences if "`" not in sentence] == []
    assert {sentence for _, sentence in sentences if not sentence.endswith(".")} == set()


def test_the_controller_of_parallel_workers_does_not_import_torch():
    code = "import sys\nfor name in sys.argv[1:]: __import__(name)\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, *plugins.pytest_plugins], cwd=ROOT, check=True)


def test_what_is_imported_is_declared():
    project = releases.tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    full = project["optional-dependencies"]["full"]
    named = (Requirement(one).name for one in [*project["dependencies"], *full])
    declared = {name.replace("-", "_").split(".")[0] for name in named}
    declared |= {"torch", "torchvision", "numpy", "torchproof", "_pytest", "pytest_timeout"}
    others = {name.split(".")[0] for _, tree in ours() for name in imported(tree)} - sys.stdlib_module_names
    assert others - declared == set()


def test_the_list_of_releases_stands_once():
    pairs = {release.torchvision for release in releases.supported().values()}
    files = [
        ROOT / "tox.ini",
        ROOT / "noxfile.py",
        *(ROOT / ".github").rglob("*.yml"),
        *(ROOT / "suites").rglob("*.py"),
    ]
    repeated = [(file.name, pair) for file in files for pair in pairs if pair in file.read_text()]
    assert repeated == []


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The ids of all facts that are made here."""
    listed = tmp_path_factory.mktemp("listed") / "facts.json"
    listing = [sys.executable, "-m", "pytest", "-q", "--facts-json", str(listed)]
    subprocess.run(listing, cwd=ROOT, check=True, capture_output=True)
    return {fact["id"] for fact in json.loads(listed.read_text())}


@pytest.mark.slow
@pytest.mark.timeout(300)  # all facts are listed
def test_what_was_renamed_leads_to_facts(here):
    tests = {one.partition("[")[0] for one in here}
    assert tests.isdisjoint(renamed()), "these ids are of facts"
    assert [now for now in renamed().values() if now not in tests] == []


@pytest.mark.slow
@pytest.mark.timeout(300)  # all facts are listed
def test_every_finding_is_about_a_fact(here):
    known = findings(ROOT / "suites" / "findings.toml")
    elsewhere = {one.replace("[cpu", "[standin").replace("gloo]", "standin_ccl]") for one in here}  # not collected here
    ids = here | elsewhere
    assert [one.fact for one in known if not any(map(one.is_about, ids))] == []
