"""Rules of the house that a reader relies on."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import pytest

from fixtures import releases
from fixtures.verdicts import findings
from tests.project import ROOT


def trees(folder):
    return [(path, ast.parse(path.read_text())) for path in sorted((ROOT / folder).rglob("*.py"))]


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize(("folder", "never"), [("reports", "torch"), ("suites", "reports"), ("fixtures", "reports")])
def test_data_flows_one_way(folder, never):
    ours = [(path, tree) for path, tree in trees(folder) if "probes" not in path.parts]  # those are for child processes
    wrong = [str(path) for path, tree in ours for name in imported(tree) if name.split(".")[0] == never]
    assert wrong == []


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


def test_the_controller_of_parallel_workers_does_not_import_torch():
    plugins = ast.literal_eval(ast.parse((ROOT / "fixtures" / "plugins.py").read_text()).body[-1].value)
    code = "import sys\nfor name in sys.argv[1:]: __import__(name)\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, *plugins], cwd=ROOT, check=True)


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


def test_every_finding_is_about_a_fact(tmp_path):
    known = findings(ROOT / "suites" / "findings.toml")
    listing = [sys.executable, "-m", "pytest", "-q", "--facts-json", str(tmp_path / "facts.json")]
    subprocess.run(listing, cwd=ROOT, check=True, capture_output=True)
    ids = {fact["id"] for fact in json.loads((tmp_path / "facts.json").read_text())}
    assert [one.fact for one in known if not any(map(one.is_about, ids))] == []
