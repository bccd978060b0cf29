"""A fact's name, range and links."""

from __future__ import annotations

import pytest

from tests.project import ROOT
from torchproof import facts
from torchproof.facts import Fact, files_of, id_now, id_of, is_meant, link


@pytest.mark.parametrize(
    ("nodeid", "identity"),
    [
        ("suites/views/test_view.py::test_shares_memory[cpu]", "views.view.shares_memory[cpu]"),
        ("suites/views/test_view.py::test_shares_memory", "views.view.shares_memory"),
        ("suites/views/test_view.py::test_shares_memory[round 2]", "views.view.shares_memory"),
        ("suites/views/test_view.py::test_shares_memory[cpu-round 12]", "views.view.shares_memory[cpu]"),
        ("test_mine/test_view.py::TestIt::test_shares_memory", "test_mine.view.TestIt.shares_memory"),
    ],
)
def test_ids(nodeid, identity):
    assert id_of(nodeid) == identity


def test_an_id_leads_back_to_its_file():
    assert next(files_of("views.view.shares_memory[cpu-1.5]")) == "suites/views/test_view.py"
    assert "tests/views/test_view.py" in files_of("tests.views.view.shares_memory")
    assert "suites/views/test_view.py" in files_of("views.view.TestView.shares_memory")
    assert list(files_of("nonsense")) == []


def test_an_id_of_before_is_understood(monkeypatch):
    monkeypatch.setattr(facts, "renamed", lambda: {"views.view.shares": "views.view.shares_memory"})
    assert id_now("views.view.shares[cpu-1.5]") == "views.view.shares_memory[cpu-1.5]"
    assert id_now("views.view.shares_memory") == "views.view.shares_memory"
    assert is_meant("views.view.shares", "views.view.shares_memory[cpu]")


@pytest.mark.parametrize(
    ("subject", "source", "page"),
    [
        ("torch.Tensor.view", None, "docs/2.6/generated/torch.Tensor.view.html"),
        ("torchvision.ops.nms", None, "vision/0.21/generated/torchvision.ops.nms.html"),
        ("torchvision.models.vgg11", None, "vision/0.21/models/generated/torchvision.models.vgg11.html"),
        ("torch.nn.Module.eval", None, "docs/2.6/generated/torch.nn.Module.html#torch.nn.Module.eval"),
        ("torch.utils.data.DataLoader", None, "docs/2.6/data.html#torch.utils.data.DataLoader"),
        ("torch.distributed.all_reduce", None, "docs/2.6/distributed.html#torch.distributed.all_reduce"),
        ("torch.distributed.fsdp.wrap.wrap", None, "docs/2.6/fsdp.html#torch.distributed.fsdp.wrap.wrap"),
        ("torch.distributed.rpc.remote", None, "docs/2.6/rpc.html#torch.distributed.rpc.remote"),
        ("torch.add", "notes/broadcasting", "docs/2.6/notes/broadcasting.html"),
    ],
)
def test_links_are_to_the_documentation_of_the_version(subject, source, page):
    assert link(Fact((subject,), source=source), "2.6.0+cu124") == f"https://docs.pytorch.org/{page}"


@pytest.mark.parametrize(
    ("version", "holds"),
    [
        ("2.5.1", False),
        ("2.6.0", True),
        ("2.6.0+cu124", True),
        ("2.10.0.dev20250101", True),
        ("2.13.0a0+gitabc", False),
    ],
)
def test_ranges_compare_as_numbers(version, holds):
    assert Fact(("torch.add",), since="2.6", until="2.13").holds_in(version, "cpu") is holds


def test_a_range_may_differ_by_device():
    declared = Fact(("torch.add",), since={"mps": "2.3"})
    assert (declared.range_on("mps"), declared.range_on("cpu")) == (("2.3", None), ("2.0", None))


def test_the_default_range_starts_where_the_subject_does():
    assert Fact(("torch.add", "torch.accelerator.is_available")).range_on("cpu") == ("2.6", None)


def test_of_another_package_only_its_own_source_is_a_page():
    assert link(Fact(("numpy.add",)), "2.6.0") is None
    assert link(Fact(("numpy.add",), source="https://numpy.org"), "2.6.0") == "https://numpy.org"
    assert Fact(("numpy.add",)).range_on("cpu") == ("2.0", None)


@pytest.mark.parametrize(
    ("root", "is_installed", "command"),
    [
        (ROOT, False, "pytest"),
        (ROOT, True, "torchproof run"),
        (ROOT / "suites", False, "pytest -p torchproof.plugins"),
        (ROOT / "suites", True, "pytest -p torchproof.plugins"),
    ],
)
def test_what_runs_a_fact_again_depends_on_where_it_stands(monkeypatch, root, is_installed, command):
    monkeypatch.setattr(facts, "IS_INSTALLED", is_installed)
    assert facts.command_of(root) == command


@pytest.mark.parametrize(
    ("parameters", "page"),
    [
        ("[cpu-relu-float32]", "torch.nn.functional.relu"),
        ("[cpu-nn.functional.relu]", "torch.nn.functional.relu"),
        ("[torch.nn.functional.relu]", "torch.nn.functional.relu"),
        ("[cpu-relu6]", "torch.nn.functional.celu"),
        ("", "torch.nn.functional.celu"),
    ],
)
def test_of_several_subjects_the_parameters_name_the_one_whose_page_is_meant(parameters, page):
    fact = Fact(("torch.nn.functional.celu", "torch.nn.functional.relu"))
    said = link(fact, "2.6.0", f"layers.activation.function_is_its_formula{parameters}")
    assert said == f"https://docs.pytorch.org/docs/2.6/generated/{page}.html"
