"""What failed here is held against the reference: on the summary, the page, in bug reports and by pytest itself."""

from __future__ import annotations

import re

import pytest

from tests.records import ENVIRONMENT, write
from torchproof.__main__ import main
from torchproof.fixtures.plugins import against, verdicts
from torchproof.reference import Reference
from torchproof.reports.verdicts import runs

RAN = {"torch": "2.6.0+cu124", "python": "3.11.7", "numpy": "2.2.1", "capability": "AVX2"}
TOLD = "elsewhere: holds (torch 2.6.0+cu124, Python 3.11.7, NumPy 2.2.1, AVX2)"
NEW, OLD, UNKNOWN = "views.view.new", "views.view.before", "views.view.another"
KNOWN = Reference({"2.6": RAN}, {NEW: {"2.6": "holds"}, OLD: {"2.6": "broken"}})


@pytest.fixture
def record(tmp_path, monkeypatch):
    """A run of the same release elsewhere, in which three facts are broken."""
    monkeypatch.setattr(runs, "reference", lambda: KNOWN)
    broken = [(one, "broken", {"assertion": f"assert {one}"}) for one in (OLD, UNKNOWN, NEW)]
    return write(tmp_path / "here.jsonl", "2.6.0+debian", broken)


def test_the_summary_begins_with_what_holds_elsewhere(record, capsys):
    main(["summary", str(record)])
    out = capsys.readouterr().out
    assert [*re.findall(r"broken The claim of `(\S+)`", out)] == [NEW, UNKNOWN, OLD]
    assert re.search(rf"assert {re.escape(NEW)}\n +{re.escape(TOLD)}\n", out)
    assert out.count("elsewhere: ") == 2 and "elsewhere: broken (" in out


def test_the_page_and_the_bug_report_say_it(record, tmp_path, capsys):
    main(["html", str(record), "-o", str(tmp_path)])
    assert f"<p>{TOLD}</p>" in (tmp_path / "here.html").read_text()
    main(["report", NEW, "--record", str(record)])
    assert f"\n- {TOLD}\n" in capsys.readouterr().out


WRONG = '''
@fact("torch.add")
def test_wrong():
    """`add` adds two tensors."""
    assert torch.add(1, 1) == 3

@fact("torch.add")
def test_other():
    """`add` adds two tensors."""
    assert torch.add(1, 1) == 4
'''


@pytest.fixture
def project_of(project, monkeypatch):
    """A project of two wrong facts, of which the reference says this of the torch that is here."""
    import torch

    def make(wrong, other):
        release = ".".join(torch.__version__.split(".")[:2])
        known = {"topic.area.wrong": {release: wrong}, "topic.area.other": {release: other}}
        for module in (verdicts, against):
            monkeypatch.setattr(module, "reference", lambda: Reference({release: RAN}, known))
        project.suite(WRONG)
        return project

    return make


def test_pytest_says_it_of_a_fact_that_failed(project_of):
    result = project_of("holds", "broken").run()
    result.stdout.fnmatch_lines(["broken: `add` adds two tensors.", f"{TOLD.replace('[', '[[]')}", "again: *wrong*"])


@pytest.mark.parametrize(("wrong", "ends"), [("holds", pytest.ExitCode.TESTS_FAILED), ("broken", pytest.ExitCode.OK)])
def test_against_the_reference_a_run_fails_for_what_holds_there(project_of, wrong, ends):
    result = project_of(wrong, "broken").run("--against", "reference")
    assert result.ret == ends
    count = int(wrong == "holds")
    result.stdout.fnmatch_lines([f"{count} got worse against torch 2.6.0+cu124, Python 3.11.7, NumPy 2.2.1, AVX2*"])


def test_against_the_reference_of_a_release_that_there_is_none_of_is_refused(project, monkeypatch):
    monkeypatch.setattr(against, "reference", lambda: KNOWN)
    monkeypatch.setattr("torch.__version__", "2.99.0")
    project.suite(WRONG)
    result = project.run("--against", "reference")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --against=reference: there is none of torch 2.99.0, only of 2.6"])


def test_explain_says_what_a_fact_was(monkeypatch, capsys):
    from torchproof.reports.verdicts import explain

    histories = {f"views.view.shares_memory[cpu-{one}]": {"2.5": "differs", "2.6": "holds"} for one in "abcd"}
    asked = {"2.5": ENVIRONMENT, "2.6": ENVIRONMENT}
    monkeypatch.setattr(explain, "reference", lambda: Reference(asked, histories))
    main(["explain", "views.view.shares_memory"])
    assert "proven:        differs 2.5, holds 2.6\n" in capsys.readouterr().out
    histories["views.view.shares_memory[meta]"] = {"2.6": "unsupported"}
    main(["explain", "views.view.shares_memory"])
    out = capsys.readouterr().out
    assert "proven:        differs 2.5, holds 2.6 (cpu-a, cpu-b, cpu-c and 1 more)\n" in out
    assert "proven:        unsupported 2.6 (meta)\n" in out
