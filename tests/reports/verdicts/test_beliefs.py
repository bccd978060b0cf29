"""What people believe: the statements, what a run decides of them, and how it is told."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.records import ENVIRONMENT, fact
from torchproof.__main__ import main
from torchproof.records import Head, Verdict
from torchproof.reports import index
from torchproof.reports.verdicts import beliefs, html
from torchproof.reports.verdicts.beliefs import Statement
from torchproof.reports.verdicts.runs import Run

# Of these topics some statements have no fact yet; of every other one each has.
OPEN = {"data", "vision", "hubs", "transfer", "parallel", "monitoring", "tuning", "troubleshooting", "project"}
MYTH = "reshape always copies"


def result(verdict, myth=None, test="views.reshape.copies", about=("V04",), **more):
    """A fact, with what a run says of it."""
    link = "https://docs.pytorch.org/x.html"
    said = fact(test, **{"claim": "It copies <all>.", "link": link, "myth": myth, "claims": list(about), **more})
    return said, Verdict(id=test, verdict=verdict)


def run(*results, folder=None):
    head = Head(schema=1, torch={"version": "2.6.0"}, environment=ENVIRONMENT, options={})
    facts = {said.id: said for said, _ in results}
    return Run(folder, head, facts, {one.id: one for _, one in results}, complete=True)


@pytest.fixture
def statements(monkeypatch):
    """Two statements in the place of the project's."""
    known = (Statement("V04", "views", "reshape <copies>.", wrong=[MYTH]), Statement("X01", "parallel", "It is fast."))
    monkeypatch.setattr(beliefs, "statements", lambda: known)


# --- the project's statements -----------------------------------------------------------------------------------------


def test_ids_are_unique():
    counted = Counter(claim.id for claim in beliefs.statements())
    assert [identity for identity, count in counted.items() if count > 1] == []


def test_ids_are_what_facts_may_name():
    assert [claim.id for claim in beliefs.statements() if not re.fullmatch(r"[A-Z]\d\d", claim.id)] == []


def test_what_a_statement_needs_is_known():
    assert {claim.needs for claim in beliefs.statements()} == {"cpu", "gpu", "multigpu"}


def test_facts_name_statements_that_there_are():
    known = {claim.id for claim in beliefs.statements()}
    assert [(fact.id, name) for fact in index.facts() for name in fact.claims if name not in known] == []


def test_what_is_wrong_in_a_statement_is_a_myth_of_a_fact_about_it():
    settled = {(name, fact.myth) for fact in index.facts() for name in fact.claims}
    wrong = [(claim.id, myth) for claim in beliefs.statements() for myth in claim.wrong]
    assert [one for one in wrong if one not in settled] == []


def test_every_statement_of_another_topic_has_a_fact():
    named = {name for fact in index.facts() for name in fact.claims}
    assert [claim.id for claim in beliefs.statements() if claim.topic not in OPEN and claim.id not in named] == []


# --- what a run decides -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("supporting", "contradicting", "verdict"),
    [
        ("holds", None, "true"),
        (None, "holds", "false"),
        ("holds", "holds", "depends"),
        ("holds", "differs", "true"),
        ("holds", "absent", "true"),
        ("holds", "broken", "true"),
        ("holds", "unavailable", "not decided here"),
        ("holds", "inconclusive", "not decided here"),
        ("differs", "holds", "false"),
        ("unavailable", "holds", "not decided here"),
        ("broken", None, "false"),
        ("broken", "differs", "false"),
        ("differs", None, "not on this torch"),
        ("absent", "differs", "not on this torch"),
        ("unavailable", None, "not decided here"),
        ("crashed", None, "not decided here"),
        (None, "unavailable", "not decided here"),
        (None, "differs", "not decided here"),
    ],
)
@pytest.mark.usefixtures("statements")
def test_the_verdict(supporting, contradicting, verdict):
    sides = [(supporting, None, "views.reshape.copies"), (contradicting, MYTH, "views.reshape.shares")]
    [belief] = beliefs.beliefs(run(*(result(*side) for side in sides if side[0])))
    assert belief.verdict == verdict


@pytest.mark.usefixtures("statements")
def test_a_fact_with_another_myth_supports_the_statement():
    [belief] = beliefs.beliefs(run(result("holds", "another myth")))
    assert (belief.verdict, len(belief.supporting), belief.contradicting) == ("true", 1, [])


@pytest.mark.usefixtures("statements")
def test_a_supporting_fact_that_is_broken_contradicts():
    [belief] = beliefs.beliefs(run(result("holds"), result("broken", test="views.reshape.of_all_is_a_copy")))
    assert belief.verdict == "depends"


@pytest.mark.parametrize(
    ("verdicts", "stands"),
    [
        (("unavailable", "holds"), "holds"),
        (("holds", "broken", "unavailable"), "broken"),
        (("differs", "absent"), "differs"),
        (("unavailable", "inconclusive", "absent"), "absent"),
    ],
)
@pytest.mark.usefixtures("statements")
def test_parameters_count_as_one_fact(verdicts, stands):
    several = [result(verdict, test=f"views.reshape.copies[{place}]") for place, verdict in enumerate(verdicts)]
    [belief] = beliefs.beliefs(run(*several))
    assert [one.verdict for one in belief.supporting] == [stands]


@pytest.mark.usefixtures("statements")
def test_statements_without_a_fact_in_the_run_are_left_out():
    assert beliefs.beliefs(run(result("holds", about=[]))) == []


@pytest.mark.usefixtures("statements")
def test_verdicts_are_counted():
    found = beliefs.beliefs(run(result("holds", about=["V04"]), result("unavailable", about=["X01"], test="a.b.c")))
    assert beliefs.counts(found) == {"true": 1, "not decided here": 1}


def test_myths_of_no_statement_are_those_that_facts_refute_here():
    found = beliefs.myths(
        run(
            result("holds", "one", "a.b.c[cpu]", about=[]),
            result("unavailable", "one", "a.b.c[cuda]", about=[]),
            result("holds", "one", "a.b.d", about=[]),
            result("differs", "two", "a.b.e", about=[]),
            result("holds", "three", "a.b.f", about=["V04"]),
            result("holds", None, "a.b.g", about=[]),
        )
    )
    assert {myth: [one.id for one in refuting] for myth, refuting in found.items()} == {"one": ["a.b.c[cpu]", "a.b.d"]}


# --- how it is told ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("statements")
def test_the_page_tells_it(tmp_path):
    against = result("holds", MYTH, "views.reshape.shares[cpu]", since="2.6", claim="It `shares` & more.")
    other = result("holds", "a <b> myth", "views.view.copies", about=[], claim="It views.")
    record = run(result("differs", until="2.6"), against, other, folder=tmp_path / "run.jsonl")
    page = html.summary_page(record, tmp_path).read_text()
    told = page[page.index("What people believe") : page.index("Every fact")]
    assert '<td class="false">false</td>\n<td>“reshape &lt;copies&gt;.” <code class="dim">V04</code>' in told
    assert '<a href="https://docs.pytorch.org/x.html">It `shares` &amp; more.</a>' in told
    assert re.search(r"views\.reshape\.shares</code> <span class=\"dim\">since\s+2\.6<", told)
    assert re.search(r"2\.0 until 2\.6<", told)
    assert "No fact of this run is about 1 more." in told
    assert "“a &lt;b&gt; myth”" in told
    assert "<copies>" not in page
    assert "<b>" not in page


@pytest.mark.usefixtures("statements")
def test_a_page_without_beliefs_does_not_speak_of_them(tmp_path):
    page = html.summary_page(run(result("holds", about=[]), folder=tmp_path / "run.jsonl"), tmp_path).read_text()
    assert "believe" not in page


def test_explain_takes_a_statement(capsys):
    assert main(["explain", "S01"]) == 0
    told = capsys.readouterr().out
    against, supporting = told.index("\nagainst it:\n"), told.index("\nfor it:\n")
    assert told.startswith("S01\n  “torch.save(model, path) stores")
    assert against < told.index("refuses_a_pickled_module_by_default, since torch 2.6\n") < supporting
    assert supporting < told.index("unpickled_a_module_by_default, from torch 2.0 to before 2.6\n")


def test_explain_says_where_a_statement_has_no_fact(capsys, monkeypatch):
    monkeypatch.setattr("torchproof.reports.verdicts.explain.facts", lambda: ())
    assert main(["explain", "S01"]) == 0
    assert capsys.readouterr().out.endswith("\n\nNo fact is about it yet.\n")
