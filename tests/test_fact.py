"""What is a fact, what is refused at collection, and what its name and links are."""

from __future__ import annotations

import json

import pytest

from fixtures.fact import Fact, id_of, link, path_of
from tests.project import HOLDS


def one(decorator='@fact("torch.add")', docstring='"""`add` adds two tensors."""', body="assert torch.add(1, 1) == 2"):
    return f"{decorator}\ndef test_one():\n    {docstring}\n    {body}\n"


REFUSED = {
    "no claim": (one(docstring="x = 1"), "has no claim"),
    "two sentences": (one(docstring='"""It adds. It subtracts."""'), "more than one sentence"),
    "no full stop": (one(docstring='"""`add` adds two tensors"""'), "not one sentence on one line"),
    "a wish": (one(docstring='"""`add` should add two tensors."""'), "says what should be"),
    "too short": (one(docstring='"""It adds."""'), "says too little"),
    "no subject": (one("@fact()"), "names no subject"),
    "unknown subject": (one('@fact("torch.Tensor.viwe")'), "no supported torch has the subject 'torch.Tensor.viwe'"),
    "a near name": (one('@fact("torch.Tensor.viwe")'), "did you mean torch.Tensor.view"),
    "malformed since": (one('@fact("torch.add", since="2.x")'), "since='2.x' is not a release"),
    "malformed until": (one('@fact("torch.add", until=2.6)'), "until=2.6 is not a release"),
    "empty range": (one('@fact("torch.add", since="2.10", until="2.6")'), "range since='2.10' until='2.6' is empty"),
    "malformed claim id": (one('@fact("torch.add", claims=["view"])'), "the claim id 'view'"),
    "hidden": ("@pytest.mark.skip\n" + one(), "the mark skip hides its verdict"),
    "not a fact": (one("# nothing"), "is not declared with @fact"),
    "compares nothing": (one(body="torch.add(1, 1)"), "compares nothing unconditionally"),
    "compares a constant": (one(body="assert True"), "compares nothing unconditionally"),
    "compares in a branch": (one(body="if torch:\n        assert torch"), "compares nothing unconditionally"),
    "defined twice": (one() + one(), "its id is a duplicate: test_one is defined at lines"),
    "unreadable parameter": (
        '@pytest.mark.parametrize("size", [{1: 2}])\n' + one().replace("test_one()", "test_one(size)"),
        "the parameter size has no readable id",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_at_collection(project, name):
    source, words = REFUSED[name]
    project.suite(source)
    result = project.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"*topic.area.one*{words.replace('[', '[[]')}*"])


def test_a_duplicate_id_of_two_files_is_refused(project):
    files = [project.suite(HOLDS, path) for path in ("suites/topic/test_area.py", "suites/topic/area.py")]
    result = project.run(*files)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*its id is a duplicate: suites/topic/test_area.py::* and suites/topic/area.py::*"])


def test_a_claim_may_use_a_named_check_or_expect_an_error(project):
    project.suite(
        "from fixtures.checks import same\n"
        + one(body="same(torch.ones(2), torch.ones(2))")
        + one(body='with pytest.raises(TypeError, match="add"):\n        torch.add()').replace("test_one", "test_two")
    )
    assert project.run().ret == 0


@pytest.mark.parametrize(
    ("nodeid", "identity"),
    [
        ("suites/views/test_view.py::test_shares_memory[cpu]", "views.view.shares_memory[cpu]"),
        ("suites/views/test_view.py::test_shares_memory", "views.view.shares_memory"),
    ],
)
def test_ids(nodeid, identity):
    assert id_of(nodeid) == identity


def test_an_id_leads_back_to_its_file():
    assert path_of("views.view.shares_memory[cpu-1.5]") == "suites/views/test_view.py"


@pytest.mark.parametrize(
    ("subject", "source", "page"),
    [
        ("torch.Tensor.view", None, "2.6/generated/torch.Tensor.view.html"),
        ("torch.nn.Module.eval", None, "2.6/generated/torch.nn.Module.html#torch.nn.Module.eval"),
        ("torch.utils.data.DataLoader", None, "2.6/data.html#torch.utils.data.DataLoader"),
        ("torch.add", "notes/broadcasting", "2.6/notes/broadcasting.html"),
    ],
)
def test_links_are_to_the_documentation_of_the_version(subject, source, page):
    assert link(Fact((subject,), source=source), "2.6.0+cu124") == f"https://docs.pytorch.org/docs/{page}"


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


def test_parameters_have_readable_ids(project):
    parameters = '@pytest.mark.parametrize(("dtype", "shape"), [(torch.float32, (2, 3)), (torch.int8, ())])\n'
    project.suite(parameters + one().replace("test_one()", "test_one(dtype, shape)"))
    project.run()
    assert list(project.verdicts()) == ["topic.area.one[float32-2x3]", "topic.area.one[int8-scalar]"]


def test_facts_are_listed_without_being_run(project):
    project.suite(HOLDS + one(body="assert os._exit(1) == 2"))
    result = project.run("--facts")
    assert result.ret == 0
    assert "topic.area.holds[cpu]" in result.stdout.str()
    assert project.records() == []


def test_facts_are_written_as_json(project):
    project.suite(one('@fact("torch.add", until="2.1", claims=["O01"], myth="it multiplies", requires="numpy")'))
    assert project.run("--facts-json", "facts.json").ret == 0
    [fact] = json.loads((project.path / "facts.json").read_text())
    assert fact == {
        "id": "topic.area.one",
        "claim": "`add` adds two tensors.",
        "subjects": ["torch.add"],
        "topic": "topic",
        "since": "2.0",
        "until": "2.1",
        "myth": "it multiplies",
        "claims": ["O01"],
        "requires": ["numpy"],
        "marks": ["cpu"],
        "file": "suites/topic/test_area.py",
        "line": 5,
        "hint": None,
        "source": None,
    }


def test_listing_fails_where_collecting_does(project):
    project.suite(one("@fact()"))
    assert project.run("--facts").ret != 0
    assert project.run("--facts-json", "facts.json").ret != 0


def test_one_fact_runs_again_by_its_id(project):
    project.suite(HOLDS + one())
    project.suite(one(), "suites/other/test_area.py")
    project.run("--fact", "topic.area.holds[cpu]")
    assert list(project.verdicts()) == ["topic.area.holds[cpu]"]


@pytest.mark.parametrize("identity", ["topic.area.nothing", "topic.nothing.holds", "nonsense"])
def test_an_unknown_id_is_an_error_in_one_sentence(project, identity):
    project.suite(HOLDS)
    result = project.run("--fact", identity)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: there is no fact {identity}; *"])
