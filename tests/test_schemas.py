"""docs/schemas tells other programs what is written for them: all of it, and nothing else.

What is validated here was written by the commands themselves. Each schema also refuses what is wrong, or it would
promise nothing.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource

from tests.benchmarks import compared, comparison, save
from tests.project import HOLDS, ROOT
from tests.records import fact
from torchproof.__main__ import main
from torchproof.fixtures.benchmarks import CLOCKS
from torchproof.fixtures.plugins.devices import MARKS
from torchproof.fixtures.plugins.verdicts import OUTCOMES
from torchproof.inventory import inventory
from torchproof.records import KINDS, Planted, Recorder, Started, Verdict, read
from torchproof.reports.build import check, child, judges
from torchproof.reports.build.runner import Answer
from torchproof.reports.costs import comparison as costs
from torchproof.reports.costs import measure
from torchproof.reports.releases import diff, names, when

SCHEMAS = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted((ROOT / "docs/schemas").glob("*.json"))}
REGISTRY = Registry().with_resources((f"{name}.json", Resource.from_contents(one)) for name, one in SCHEMAS.items())


def problem(name: str, document: Any) -> str | None:
    """What the schema of this name has against a document."""
    wrong = best_match(Draft202012Validator(SCHEMAS[name], registry=REGISTRY).iter_errors(document))
    return wrong and f"{wrong.json_path}: {wrong.message}"


def problems(record: Path) -> list[str]:
    """What the schema has against the lines of a record."""
    wrong = {line: problem("record", json.loads(line)) for line in record.read_text("utf-8").splitlines()}
    return [f"{says} in {line}" for line, says in wrong.items() if says]


def definition(name: str, pointer: str = "") -> dict[str, Any]:
    """A part of a schema, together with what it refers to."""
    part = SCHEMAS[name]
    for step in pointer.split("/") if pointer else ():
        part = part[step]
    return joined(name, part)


def joined(name: str, part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    file, _, pointer = part["$ref"].partition("#/")
    other = definition(file.removesuffix(".json") or name, pointer)
    both = {**other, **part}
    both["properties"] = {**other.get("properties", {}), **part.get("properties", {})}
    both["required"] = [*other.get("required", []), *part.get("required", [])]
    return both


# --- the schemas themselves -------------------------------------------------------------------------------------------


def test_there_is_one_for_each_format():
    assert SCHEMAS.keys() == {"record", "facts", "diff", "when", "explain", "comparison", "check"}


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_is_a_schema(name):
    assert SCHEMAS[name]["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_says_of_every_field_what_it_is(name):
    assert [field for field, part in every_field(SCHEMAS[name]) if not joined(name, part).get("description")] == []


def every_field(part: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(part, dict):
        yield from part.get("properties", {}).items()
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from every_field(inner)


@pytest.mark.parametrize("kind", KINDS)
def test_each_line_of_a_record_has_the_fields_of_its_class(kind):
    line = definition("record", f"$defs/{kind}")
    assert line["properties"].keys() == {"kind", *(field.name for field in fields(KINDS[kind]))}
    assert set(line["required"]) == {"kind", *(one.name for one in fields(KINDS[kind]) if one.default is MISSING)}
    assert line["properties"]["kind"]["const"] == kind


def test_each_kind_of_line_is_one_that_a_record_may_have():
    assert [one["$ref"] for one in SCHEMAS["record"]["oneOf"]] == [f"#/$defs/{kind}" for kind in KINDS]


@pytest.mark.parametrize(
    ("name", "pointer", "written", "more"),
    [
        ("comparison", "", costs.Comparison, {"kind", "schema"}),
        ("comparison", "$defs/side", costs.Side, set()),
        ("comparison", "$defs/figures", costs.Figures, set()),
        ("comparison", "$defs/contrast", costs.Contrast, set()),
        ("comparison", "properties/failed/items", costs.Failed, set()),
        ("check", "$defs/line", judges.Line, set()),
        ("when", "properties/states/items", when.State, set()),
    ],
)
def test_what_is_always_written_is_required(name, pointer, written, more):
    part = definition(name, pointer)
    assert part["properties"].keys() == set(part["required"]) == {one.name for one in fields(written)} | more


def test_a_benchmark_has_the_fields_of_its_class_under_their_names_in_json():
    part, written = definition("comparison", "$defs/benchmark"), {one.name for one in fields(costs.Benchmark)}
    assert part["properties"].keys() == set(part["required"]) == written - {"itself"} | {"self"}


def test_a_change_has_the_fields_of_its_class():
    change = definition("diff", "$defs/change")
    assert change["properties"].keys() == {one.name for one in fields(names.Change)}
    assert set(change["required"]) == {one.name for one in fields(names.Change) if one.default is MISSING}


@pytest.mark.parametrize(
    ("name", "pointer", "known"),
    [
        ("record", "$defs/verdicts", OUTCOMES),
        ("facts", "$defs/fact/properties/marks/items", MARKS),
        ("diff", "$defs/kind", (*names.KINDS, names.NEITHER, names.NOWHERE, names.STUCK, names.COMPARISON)),
        ("comparison", "$defs/verdict", costs.VERDICTS),
        ("comparison", "properties/mode", [measure.QUICK.name, measure.THOROUGH.name, "saved"]),
        ("comparison", "$defs/benchmark/properties/clock", [*CLOCKS, "device", None]),
    ],
)
def test_a_closed_set_is_the_one_of_the_code(name, pointer, known):
    assert set(definition(name, pointer)["enum"]) == set(known)


def printed(*arguments: str) -> Any:
    """What a command prints, of which there is no other way to have it."""
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        main([*arguments, "--json"])
    return json.loads(written.getvalue())


# --- that they can fail -----------------------------------------------------------------------------------------------

GONE = object()


@pytest.fixture(scope="module")
def documents():
    """A small document for each schema."""
    listed = {name: value for name, value in vars(fact("views.view.shares")).items() if name != "link"}
    return {
        "record": json.loads(Verdict(id="views.view.shares", verdict="holds").as_json()),
        "facts": [listed],
        "diff": json.loads(diff.as_json([names.Change("gone", "torch.f")], "2.0", "2.1")),
        "when": json.loads(when.Name("torch.load", inventory()).as_json()),
        "explain": printed("explain", "X01"),
        "comparison": comparison(compared("linalg.mm.one", 1.2, "slower")).as_json(),
        "check": json.loads(check.as_json(check.about(check.Check()), [judges.Line("OK", "torch", "It is here.")])),
    }


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("record", ["kind"], GONE),
        ("record", ["kind"], "line"),
        ("record", ["kind"], "started"),
        ("record", ["verdict"], GONE),
        ("record", ["verdict"], "known"),
        ("record", ["seconds"], "0.1"),
        ("record", ["noticed"], True),
        ("facts", [0, "claim"], GONE),
        ("facts", [0, "until"], GONE),
        ("facts", [0, "since"], "now"),
        ("facts", [0, "marks"], ["fast"]),
        ("facts", [0, "link"], "https://docs.pytorch.org"),
        ("diff", ["schema"], 2),
        ("diff", ["counts"], GONE),
        ("diff", ["counts", "better"], 1),
        ("diff", ["changes", 0, "name"], GONE),
        ("diff", ["changes", 0, "kind"], "better"),
        ("diff", ["changes", 0, "places"], ["a.py:1"]),
        ("when", ["schema"], 2),
        ("when", ["kind"], "macro"),
        ("when", ["states", 0, "to"], GONE),
        ("when", ["changes", 0, "release"], GONE),
        ("when", ["changes", 0, "kind"], "better"),
        ("when", ["facts", 0, "since"], {"cpu": "now"}),
        ("explain", ["schema"], 2),
        ("explain", ["kind"], "words"),
        ("explain", ["facts", 0, "run"], GONE),
        ("explain", ["facts", 0, "side"], "beside"),
        ("comparison", ["schema"], 2),
        ("comparison", ["a", "torch"], GONE),
        ("comparison", ["benchmarks", 0, "verdict"], "worse"),
        ("comparison", ["benchmarks", 0, "self", "verdict"], GONE),
        ("comparison", ["benchmarks", 0, "itself"], None),
        ("check", ["schema"], 2),
        ("check", ["torch"], GONE),
        ("check", ["lines", 0, "status"], "PASS"),
        ("check", ["lines", 0, "advice"], GONE),
        ("check", ["hostname"], "here"),
    ],
)
def test_what_is_wrong_is_refused(documents, name, path, value):
    document = copy.deepcopy(documents[name])
    assert problem(name, document) is None
    *way, last = path
    part = document
    for step in way:
        part = part[step]
    if value is GONE:
        del part[last]
    else:
        part[last] = value
    assert problem(name, document) is not None


# --- the run record ---------------------------------------------------------------------------------------------------


def adds(name: str, body: str, subject: str = '"torch.add"', head: str = "", arguments: str = "") -> str:
    return f'{head}\n@fact({subject})\ndef test_{name}({arguments}):\n    """`add` adds two numbers."""\n    {body}\n'


TRUE, FALSE = "assert torch.add(1, 1) == 2", "assert torch.add(1, 1) == 3"
FINDING = """
[[finding]]
fact = "topic.area.known"
says = "it adds wrongly"
link = "https://example.org/1"
review = 2099-01-01
since = "2.0"
"""


def test_a_run_with_every_kind_of_answer(project):
    project.suite(
        HOLDS
        + adds("known", FALSE)
        + adds("broken", FALSE, '"torch.add", myth="It subtracts.", hint="subtract", claims=["V04"]')
        + adds("differs", FALSE, '"torch.add", since="2.16", until="3.0"')
        + adds("stale", TRUE, '"torch.add", since="3.0"')
        + adds("unavailable", TRUE, '"torch.add", requires="no_such_package"')
        + adds("timeout", f"time.sleep(9)\n    {TRUE}", head="@pytest.mark.timeout(0.2)")
        + adds("error", "assert tocrh.add(1, 1) == 2")
        + adds("elsewhere", "assert ctypes.c_int(1).value == 1", '"ctypes.c_int", since="2.0"')
        + adds("sees", f'observe("sum", 2)\n    numbers["terms"] = 2\n    {TRUE}', arguments="observe, numbers")
    )
    (project.path / "suites" / "findings.toml").write_text(FINDING)
    project.run("--record", "run.jsonl")
    record = project.path / "run.jsonl"
    assert set(project.verdicts(record).values()) == {
        "holds", "broken", "differs", "stale", "unavailable", "timeout", "error",
    }  # fmt: skip
    assert {line.kind for line in read(record).lines} == KINDS.keys() - {"run", "fault"}
    assert problems(record) == []


def test_a_repeated_run(project):
    project.suite(HOLDS)
    project.run("--repeat", "2", "--record", "run.jsonl")
    assert [line.get("round") for line in project.lines("verdict", project.path / "run.jsonl")] == [None, 2]
    assert problems(project.path / "run.jsonl") == []


def test_a_run_with_faults(project):
    project.suite(HOLDS + adds("vacuous", f"torch.add(1, 1)\n    {TRUE.replace('2', 'torch.add(1, 1)')}"))
    project.run("--refute", "-n0", "--record", "run.jsonl")
    record = project.path / "run.jsonl"
    assert project.verdicts(record) == {"topic.area.holds[cpu]": "holds", "topic.area.vacuous": "vacuous"}
    assert {line["noticed"] for line in project.lines("fault", record)} == {True, False}
    assert problems(record) == []


def test_a_run_that_was_killed_and_resumed(project):
    project.suite(HOLDS)
    record = project.path / "run.jsonl"
    project.run("--record", record)
    kept = record.read_text("utf-8").splitlines(keepends=True)[:-2]
    record.write_text("".join(kept), "utf-8")
    Recorder(record).write(Started(id="topic.area.holds[cpu]"))
    project.run("--resume", record)
    assert project.verdicts(record) == {"topic.area.holds[cpu]": "crashed"}
    assert problems(record) == []


@pytest.mark.parametrize("fault", [("", "watched"), ("torch.add", "shape"), ("aten::add", "adds one more")])
def test_a_process_that_died_of_a_fault(tmp_path, fault):
    on, what = fault
    recorder = Recorder(tmp_path / "run.jsonl")
    recorder.write(Started(id="a.b.c", on=on, fault=what))
    recorder.write(Planted(id="a.b.c", on=on, fault=what, noticed=True, reason="the process died while it ran"))
    assert problems(recorder.path) == []


def test_the_list_of_facts(project):
    project.suite(
        HOLDS
        + adds("more", TRUE, '"torch.add", until="3.0", source="notes/broadcasting", hint="do"', "@pytest.mark.slow")
    )
    project.run("--facts-json", "facts.json")
    listed = json.loads((project.path / "facts.json").read_text("utf-8"))
    assert [one["id"] for one in listed] == ["topic.area.holds[cpu]", "topic.area.more"]
    assert problem("facts", listed) is None


# --- what changed in torch --------------------------------------------------------------------------------------------


@pytest.fixture
def said(capsys):
    """`said(*arguments)` runs torchproof: the JSON that it prints."""

    def run(*arguments: object) -> Any:
        main([*map(str, arguments), "--json"])
        return json.loads(capsys.readouterr().out)

    return run


def test_what_will_go(said):
    assert problem("diff", said("diff", "--ahead", "2.9")) is None


def test_every_change_between_two_releases(said):
    told = said("diff", inventory().releases[0], inventory().releases[-1])
    back = said("diff", inventory().releases[-1], inventory().releases[0])
    step = said("diff", "2.4", "2.5")
    every = [change for one in (told, back, step) for change in one["changes"]]
    assert {name for change in every for name in change} == {one.name for one in fields(names.Change)}
    assert [problem("diff", one) for one in (told, back, step)] == [None, None, None]


def test_no_change_at_all(said):
    told = said("diff", "2.6", "2.6")
    assert told["changes"] == []
    assert problem("diff", told) is None


def test_the_changes_that_touch_some_code(said, tmp_path):
    (tmp_path / "code.py").write_text(
        "import torch\n\ntorch.load('f')\ntorch.Tensor.align_as\ntorch._namedtensor_internals\n\n\n"
        "def f(x):\n    x.align_as(x)\n"
    )
    (tmp_path / "other.py").write_text("no Python")
    told = said("diff", "2.5", "2.15", "--uses", tmp_path)
    assert all(told[name] for name in ("certain", "possible", "private", "unread"))
    assert problem("diff", told) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("torch.load", "function"),
        ("torch.serialization.load", "function"),
        ("torch.nn.Linear", "class"),
        ("torch.Tensor.view", "method"),
        ("torch.optim", "module"),
        ("torch.load.mmap", "parameter"),
        ("torch.Tensor.align_as", "method"),
        ("torch.optim.lr_scheduler.StepLR.verbose", "parameter"),
        ("torch.onnx._export", "private"),
        ("torch.nn.functional.scaled_mm", "function"),
    ],
)
def test_since_when_there_is_a_name(said, name, kind):
    told = said("when", name)
    assert told["kind"] == kind
    assert problem("when", told) is None


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ("views.reshape.that_copies_is_contiguous", "fact"),
        ("X01", "statement"),
        ("nn.Linear", "name"),
        ("does reshape copy", "question"),
    ],
)
def test_what_is_asked_in_words(said, asked, kind):
    told = said("explain", asked)
    assert told["kind"] == kind
    assert told["facts"]
    assert problem("explain", told) is None


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_a_comparison_of_what_was_saved(tmp_path, capsys):
    more = {"moves": 8, "share": 0.5, "route": "mkldnn, brgemm", "kernels": 1, "peak_bytes": 4}
    files = [
        save(tmp_path / f"{torch}.json", torch, ("linalg.mm.one", seconds, more), (f"linalg.mm.of_{torch}", 1e-3))
        for torch, seconds in (("2.8.0", 1e-3), ("2.15.0", 3e-3))
    ]
    main(["compare", *map(str, files), "--fail-slower", "2", "-o", str(tmp_path / "out")])
    told = json.loads((tmp_path / "out" / "comparison.json").read_text("utf-8"))
    assert (told["paired"], len(told["benchmarks"]), len(told["failed"])) == (False, 1, 2)
    assert problem("comparison", told) is None


@pytest.mark.slow
def test_a_comparison_of_two_environments(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(
        "import pytest, torch\n\n"
        "@pytest.mark.parametrize('size', [10, None])\n"
        "def bench_sum(size):\n    torch.ones(size or 1).sum()\n\n"
        "def bench_bad():\n    raise OSError('no')\n"
    )
    environments = ["--python", sys.executable, "--python", sys.executable]
    mine = ["--mine", str(tmp_path / "mine.py"), "--rounds", "2", "-o", str(tmp_path / "out")]
    main(["compare", *environments, *mine])
    told = json.loads((tmp_path / "out" / "comparison.json").read_text("utf-8"))
    assert (told["paired"], len(told["benchmarks"]), told["failed"][0]["side"]) == (True, 2, "ab")
    assert problem("comparison", told) is None
    assert problem("record", {"kind": "run", "schema": 1, "options": {"args": []}, **environment_of(told)}) is None


def environment_of(comparison: dict[str, Any]) -> dict[str, Any]:
    """The `torch` and `environment` that a run record would have."""
    environment = dict(comparison["a"]["environment"])
    return {"torch": environment.pop("build"), "environment": environment}


# --- whether a build is sound -----------------------------------------------------------------------------------------

DEVICE = {"name": "NVIDIA H200", "capability": "9.0", "memory": 150_000_000_000, "error": None}
ANSWERS = {
    "where": str(ROOT),
    "devices": {"others": [], "devices": [DEVICE], "architectures": ["sm_90"]},
    "numpy": "2.0.0",
    "runtimes": ["/lib/libgomp.so.1"],
    "speed": {"cpu": {"float32": 1e-4, "float64": 2e-4}},
    "gloo": True,
    "numbers": {"count": 9, "wrong": [], "refused": []},
}


def test_a_check_of_what_is_sound_or_not(said, monkeypatch):
    answers = {**ANSWERS, "build": child.build()}
    fails = {"files": "RuntimeError: no", "runtimes": "FileNotFoundError: /proc/self/maps"}
    monkeypatch.setattr(
        check, "ask", lambda probes: [Answer(one, answers.get(one), fails.get(one)) for one in [*probes]]
    )
    told = said("check")
    assert {line["status"] for line in told["lines"]} >= {"OK", "FAIL", "SKIP"}
    assert told["devices"] == [DEVICE]
    assert problem("check", told) is None


def test_a_check_without_a_torch(said, monkeypatch):
    monkeypatch.setattr(check, "ask", lambda _: [Answer("where"), Answer("build", error="ModuleNotFoundError: x")])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    told = said("check")
    assert (told["torch"], told["variables"]["OMP_NUM_THREADS"]) == (None, "1")
    assert problem("check", told) is None


@pytest.mark.slow
def test_a_check_of_the_torch_that_is_here(said):
    told = said("check")
    assert told["torch"]["seconds"] > 0
    assert problem("check", told) is None
