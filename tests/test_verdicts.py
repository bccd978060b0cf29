"""Each verdict, pytest's outcome for it, and what a person is told."""

from __future__ import annotations

import pytest
import torch

from fixtures import devices
from fixtures.releases import tomllib
from fixtures.verdicts import Finding
from tests.project import HOLDS

NEWER, HERE = "9.0", ".".join(torch.__version__.split(".")[:2])


def body(line, decorator='@fact("torch.add")', name="one", arguments=""):
    return f'{decorator}\ndef test_{name}({arguments}):\n    """`add` adds two tensors."""\n    {line}\n'


TRUE, FALSE = "assert torch.add(1, 1) == 2", "assert torch.add(1, 1) == 3"

CASES = {
    "holds": body(TRUE),
    "broken": body(FALSE),
    "broken by an exception of torch": body("assert torch.ones(2).view(3) is None"),
    "differs": body(FALSE, f'@fact("torch.add", since="{NEWER}")'),
    "differs before": body(FALSE, f'@fact("torch.add", until="{HERE}")'),
    "stale": body(TRUE, f'@fact("torch.add", since="{NEWER}")'),
    "stale after": body(TRUE, f'@fact("torch.add", until="{HERE}")'),
    "unavailable by package": body(TRUE, '@fact("torch.add", requires="no_such_package")'),
    "unavailable by itself": body('assert torch.ones(1)\n    unavailable("platform", "a mouse")'),
    "unavailable by mark": "@pytest.mark.multigpu\n" + body(TRUE),
    "timeout": "@pytest.mark.timeout(0.2)\n" + body("time.sleep(9)\n    " + TRUE),
    "error by a name": body("assert tocrh.add(1, 1) == 2"),
    "error by a fixture": "@pytest.fixture\ndef bad():\n    raise OSError('no')\n\n" + body(TRUE, arguments="bad"),
    "error by a missing fixture": body(TRUE, arguments="nowhere"),
    "error by teardown": "@pytest.fixture\ndef bad():\n    yield\n    raise OSError('no')\n\n"
    + body(TRUE, arguments="bad"),
    "error by skipping": body("assert torch.ones(1)\n    pytest.skip('no wish')"),
    "inconclusive": "from fixtures.verdicts import Inconclusive\n"
    + body("assert torch.ones(1)\n    raise Inconclusive('0.9 to 1.1')"),
}


@pytest.mark.parametrize("case", CASES)
def test_verdict(judged, case):
    assert judged(CASES[case]) == case.partition(" ")[0]


def test_a_missing_subject_is_absent_outside_the_range_and_broken_inside(project, monkeypatch):
    monkeypatch.delattr(torch, "hypot")
    project.suite(
        body("assert torch.hypot", f'@fact("torch.hypot", since="{NEWER}")', "outside")
        + body("assert torch.hypot", '@fact("torch.hypot")', "inside")
    )
    project.run()
    assert project.verdicts() == {"topic.area.outside": "absent", "topic.area.inside": "broken"}


WORDS = "The operator 'aten::add' is not currently implemented for the MPS device."


def test_a_device_may_say_that_it_has_not_implemented_the_subject(project, monkeypatch):
    monkeypatch.setattr(devices, "available", lambda name: True)
    project.suite(
        body(f"{TRUE}\n    raise NotImplementedError({WORDS!r})", arguments="device", name="not_there")
        + body("assert torch.ones(1, device=device).shape == (2,)", arguments="device", name="wrong")
    )
    project.run("--device", "meta")
    assert project.verdicts() == {"topic.area.not_there[meta]": "unsupported", "topic.area.wrong[meta]": "broken"}


def test_on_the_cpu_nothing_is_unsupported(judged):
    assert judged(body("raise NotImplementedError('not implemented for CPU')\n    " + TRUE)) == "broken"


def test_outcomes_are_pytests_own(project):
    project.suite("".join(CASES[case].replace("test_one", f"test_{case}") for case in ("holds", "broken", "differs")))
    project.suite(CASES["unavailable by package"], "suites/topic/test_other.py")
    result = project.run()
    result.assert_outcomes(passed=1, failed=1, xfailed=1, skipped=1)


def test_a_failure_is_told_with_claim_link_hint_and_the_command_that_repeats_it(project):
    project.suite(body(FALSE, '@fact("torch.add", hint="use math")'))
    project.run().stdout.fnmatch_lines(
        [
            "broken: `add` adds two tensors.",
            f"https://docs.pytorch.org/docs/{HERE}/generated/torch.add.html",
            "what to do: use math",
            "again: pytest --fact 'topic.area.one'",
        ]
    )


def test_the_record_says_what_failed(project):
    project.suite(body(FALSE))
    project.run()
    [line] = project.lines("verdict")
    assert line["assertion"].splitlines()[0].strip() == FALSE
    assert line["reason"].startswith("assert")
    assert line["seconds"] >= 0


def test_differs_records_the_exception(project):
    project.suite(body("assert torch.ones(2).view(3) is None", f'@fact("torch.add", since="{NEWER}")'))
    project.run()
    [line] = project.lines("verdict")
    assert line["reason"].startswith("RuntimeError: shape '[3]' is invalid")


FINDING = """
[[finding]]
fact = "topic.area.one"
says = "it adds wrongly"
link = "https://example.org/1"
review = 2099-01-01
since = "2.0"
"""


def test_a_finding_explains_what_is_broken(project):
    project.suite(body(FALSE))
    (project.path / "suites" / "findings.toml").write_text(FINDING)
    result = project.run()
    [line] = project.lines("verdict")
    assert (line["verdict"], line["finding"]) == ("broken", "https://example.org/1")
    assert project.lines("end")[0]["totals"] == {"known": 1}
    result.assert_outcomes(xfailed=1)


def test_a_finding_that_matches_nothing_any_more_is_an_error(project):
    project.suite(body(TRUE))
    (project.path / "suites" / "findings.toml").write_text(FINDING)
    assert project.run().ret == pytest.ExitCode.TESTS_FAILED
    assert project.verdicts() == {"topic.area.one": "error"}


@pytest.mark.parametrize(
    ("identity", "is_about"), [("a.b[cpu-x-1]", True), ("a.b[cuda-x-1]", False), ("a.b[cpu-y]", False), ("a.b", False)]
)
def test_a_finding_may_be_about_some_parameters(identity, is_about):
    row = tomllib.loads(FINDING)["finding"][0]
    assert Finding(**{**row, "fact": "a.b[cpu-*x*]"}).is_about(identity) is is_about


def test_a_finding_is_about_its_releases_only(project):
    project.suite(body(FALSE))
    (project.path / "suites" / "findings.toml").write_text(FINDING + 'until = "2.0.1"\n')
    assert project.run().ret == pytest.ExitCode.TESTS_FAILED


def test_a_property_that_fails_is_broken(project):
    project.suite(
        "from hypothesis import given, strategies as st\n"
        '@fact("torch.add")\n@given(st.integers(0, 99))\ndef test_one(device, n):\n'
        '    """`add` adds two tensors."""\n    assert torch.add(n, 1) < 50\n'
    )
    project.run()
    assert project.verdicts() == {"topic.area.one[cpu]": "broken"}


def test_numbers_and_observations_are_recorded(project):
    project.suite(
        '@fact("torch.add")\ndef test_one(numbers, observe):\n    """`add` adds two tensors."""\n'
        '    numbers["ratio"] = 1.5\n    observe("ulps", 3)\n    assert torch.add(1, 1) == 2\n'
    )
    project.run()
    assert project.lines("verdict")[0]["numbers"] == {"ratio": 1.5}
    assert project.lines("observation") == [{"kind": "observation", "id": "topic.area.one", "name": "ulps", "value": 3}]


def test_an_ordinary_test_is_left_alone(project):
    (project.path / "test_plain.py").write_text("def test_plain():\n    assert True\n")
    project.run("test_plain.py").assert_outcomes(passed=1)
    assert project.records() == []


def test_facts_and_hold_under_parallel_workers(project):
    project.suite(HOLDS + CASES["broken"])
    process = project.start("-n", "2")
    process.communicate()
    assert process.returncode == pytest.ExitCode.TESTS_FAILED
    assert project.verdicts() == {"topic.area.holds[cpu]": "holds", "topic.area.one": "broken"}
