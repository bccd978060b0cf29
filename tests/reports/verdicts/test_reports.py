"""Reports read records, on a machine without torch."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date

import pytest

from tests.project import ROOT
from tests.records import ENVIRONMENT, write
from torchproof.__main__ import main
from torchproof.facts import Finding
from torchproof.reports.verdicts.matrix import matrix
from torchproof.reports.verdicts.runs import load


@pytest.fixture
def record(tmp_path):
    results = [
        ("views.a.holds[cpu]", "holds", {}),
        ("views.a.fails[cpu]", "broken", {"reason": "assert 1 == 2", "assertion": "assert 1 == 2\nAssertionError"}),
        ("views.a.known", "broken", {"reason": "assert", "finding": "https://example.org/1"}),
        ("linalg.b.later", "differs", {"reason": "AttributeError: no such thing"}),
        ("linalg.b.gpu[cuda]", "unavailable", {"reason": "no cuda device here"}),
    ]
    return write(tmp_path / "run.jsonl", "2.6.0+cpu", results)


def printed(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def test_the_summary_says_what_a_person_needs(record, capsys):
    text = printed(capsys, "summary", record)
    assert re.search(r"torch 2\.6\.0\+cpu on A <fast> CPU \(AVX2\), Python 3\.11\.7, 5 facts", text)
    assert re.search(r"topic\s+holds\s+known\s+broken\s+differs\s+unavailable", text)
    assert re.search(r"linalg\s+1\s+1", text)
    assert re.search(r"all\s+1\s+1\s+1\s+1\s+1", text)
    assert "broken The claim of `views.a.fails[cpu]` holds." in text
    assert "https://docs.pytorch.org/docs/2.6/generated/views.a.fails[cpu].html" in text
    assert "assert 1 == 2" in text
    assert "again: pytest --fact 'views.a.fails[cpu]'" in text
    assert "https://example.org/1" in text
    assert "1 unavailable: no cuda device here (linalg.b.gpu[cuda])" in text
    assert "90 s" in text
    assert str(record) in text


@pytest.mark.parametrize(("version", "is_told"), [("2.6.0+debian", False), ("9.9.0", True), ("2.6.0rc1", True)])
def test_the_summary_says_where_nothing_was_tried_on_a_release(tmp_path, capsys, version, is_told):
    text = printed(capsys, "summary", write(tmp_path / "run.jsonl", version, [("a.b.c", "holds", {})]))
    assert ("the facts were tried on no such release" in text) is is_told


def test_the_summary_says_in_which_release_a_finding_was_mended(tmp_path, capsys, monkeypatch):
    rows = [("a.b.old", "https://example.org/1", "2.0.1"), ("a.b.open", "https://example.org/2", None)]
    found = [Finding(fact, "says", link, date(2099, 1, 1), "2.0", until) for fact, link, until in rows]
    monkeypatch.setattr("torchproof.reports.verdicts.summary.findings", lambda _: found)
    results = [(fact, "broken", {"finding": link}) for fact, link, _ in rows]
    text = printed(capsys, "summary", write(tmp_path / "run.jsonl", "2.0.0", results))
    assert "  https://example.org/1, mended in 2.0.1\n" in text
    assert "  https://example.org/2\n" in text


def test_the_summary_names_what_a_build_was_made_with(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(ENVIRONMENT, "libraries", {"blas": "generic", "blas_file": "/lib/libblas.so.3", "fft": "MKL"})
    text = printed(capsys, "summary", write(tmp_path / "run.jsonl", "2.6.0", [("a.b.c", "holds", {})]))
    assert "built with blas generic (/lib/libblas.so.3), fft MKL\n" in text


def repeated(path, *verdicts, torch="2.6.0"):
    results = [("a.b.c", verdict, {"round": number}) for number, verdict in enumerate(verdicts, 1)]
    return write(path, torch, [*results, ("a.b.once", "holds", {})])


def test_the_summary_tells_the_least_steady_facts_of_a_repeated_run(tmp_path, capsys):
    verdicts = ["holds", "inconclusive", "holds", "holds"]
    text = printed(capsys, "summary", repeated(tmp_path / "run.jsonl", *verdicts))
    assert "facts whose rounds disagree: 1 of 1, the least steady:\n  a.b.c: 3 of 4 holds, 1 inconclusive\n" in text
    assert re.search(r"all\s+2\s", text)
    assert "1 s of it in facts" in printed(capsys, "summary", repeated(tmp_path / "many.jsonl", *verdicts * 3))


def test_a_fact_that_failed_in_one_round_is_to_be_looked_at(tmp_path, capsys):
    record = repeated(tmp_path / "run.jsonl", "holds", "broken", "holds")
    assert "broken The claim of `a.b.c` holds." in printed(capsys, "summary", record)
    assert re.search(r"a\.b\.c.*broken", printed(capsys, "matrix", record, record), re.DOTALL)


def test_a_run_that_was_not_repeated_is_not_told_to_be_steady(record, capsys):
    assert "rounds" not in printed(capsys, "summary", record)


def test_several_records_of_one_torch_are_rounds_of_it(tmp_path, capsys):
    verdicts = {"a": ["holds", "holds"], "b": ["broken"], "c": ["holds"]}
    records = [repeated(tmp_path / f"{name}.jsonl", *said) for name, said in verdicts.items()]
    other = repeated(tmp_path / "other.jsonl", "stale", torch="2.7.0")
    text = printed(capsys, "summary", *records, other)
    assert "torch 2.6.0 on A <fast> CPU (AVX2), 3 records together\n" in text
    assert text.endswith("facts whose rounds disagree: 1 of 2, the least steady:\n  a.b.c: 3 of 4 holds, 1 broken\n")


def test_what_the_summary_prints_can_be_pasted(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    long = "views.a." + "very_" * 20 + "long[cpu]"
    results = [
        (long, "broken", {"assertion": "assert 1 == 2\n  1"}),
        ("a.b.gpu", "unavailable", {"reason": "no " * 40}),
    ]
    record = write(tmp_path / ("long" * 30 + ".jsonl"), "2.6.0", results, complete=False)
    lines = printed(capsys, "summary", record).splitlines()
    assert f"  again: pytest --fact '{long}'" in lines
    assert f"  {long}" in lines
    assert lines[lines.index("  assert 1 == 2") + 1] == "    1"
    assert f"record: {record}" in lines
    assert f"The run was interrupted: pytest --resume={record} goes on." in lines
    assert any(line.startswith("1 unavailable: ") and line.endswith("(a.b.gpu)") for line in lines)


def test_the_page_says_the_same_and_needs_nothing_else(record, tmp_path, capsys):
    text = printed(capsys, "html", record, "-o", tmp_path / "site")
    page = tmp_path / "site" / "run.html"
    assert str(page) in text
    html = page.read_text()
    assert "A &lt;fast&gt; CPU" in html
    assert "The claim of `views.a.fails[cpu]` holds." in html
    assert "pytest --fact &#39;views.a.fails[cpu]&#39;" in html
    assert "no cuda device here" in html
    assert not re.search(r"<(script|img|link)|src=|url\(", html)


def test_of_many_facts_whose_rounds_disagree_the_least_steady_are_told(tmp_path, capsys):
    verdicts = [["holds"] * number + ["broken"] for number in range(1, 8)]
    results = [
        (f"a.b.c{number}", verdict, {"round": at})
        for number, said in enumerate(verdicts)
        for at, verdict in enumerate(said, 1)
    ]
    text = printed(capsys, "summary", write(tmp_path / "run.jsonl", "2.6.0", results))
    assert "disagree: 7 of 7, the least steady:\n  a.b.c0: 1 of 2 holds, 1 broken\n" in text
    assert "  a.b.c4: 5 of 6 holds, 1 broken\n  and 2 more\n" in text


def page_of(record, capsys):
    printed(capsys, "html", record, "-o", record.parent)
    return record.with_suffix(".html").read_text()


def test_the_page_of_a_repeated_run_has_the_facts_whose_rounds_disagree(tmp_path, capsys):
    html = page_of(repeated(tmp_path / "run.jsonl", "holds", "inconclusive", "holds", "holds"), capsys)
    assert "Of 1 fact that ran more than once, 1 gave more than one verdict." in html
    assert re.search(
        r"The claim of `a\.b\.c` holds\..*\n?.*a\.b\.c</code></td><td>3 of 4 holds, 1 inconclusive</td>", html
    )
    steady = repeated(tmp_path / "steady.jsonl", "holds", "holds")
    assert "Of 1 fact that ran more than once, none gave more than one verdict." in page_of(steady, capsys)


def test_the_page_of_a_run_that_was_not_repeated_has_no_rounds(record, capsys):
    assert "ounds" not in page_of(record, capsys)


HOSTILE = "<script>[/][bold]x\x1b[31m\u202e</script>"


def test_text_of_a_record_is_text(tmp_path, capsys):
    results = [(f"views.a.{HOSTILE}", "broken", {"reason": HOSTILE, "assertion": HOSTILE, "finding": "javascript:x"})]
    results += [
        (f"{HOSTILE}.b.c", "unavailable", {"reason": HOSTILE}),
        ("a.b.c'; touch x; '", "broken", {"reason": "a\n ::error::b"}),
    ]
    record = write(tmp_path / "run.jsonl", "2.6.0", results)
    record.write_text(record.read_text().replace("https://docs.pytorch.org", "javascript://docs"))
    text = printed(capsys, "summary", record) + printed(capsys, "matrix", record, record, "-o", tmp_path)
    assert r"[/][bold]x\x1b[31m\u202e" in text
    assert "\x1b" not in text
    assert r"\x3a:error::b" in text
    assert "--fact 'a.b.c'\"'\"'; touch x; '\"'\"''" in text
    printed(capsys, "html", record, "-o", tmp_path)
    for page in tmp_path.glob("*.html"):
        html = page.read_text()
        assert "<script" not in html
        assert not re.search(r'href="(?!#|https?://)', html)


def test_damaged_lines_are_told_wherever_a_record_is_shown(tmp_path, capsys):
    record = write(tmp_path / "run.jsonl", "2.6.0", [("a.b.c", "holds", {}), ("a.b.d", "holds", {})])
    lines = record.read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace('"since": "2.0"', '"since": 2.0')
    record.write_text("".join(lines))
    says = "1 of 8 lines of .*run.jsonl could not be read; the first, line 2: field since is 2.0, not text; "
    says += "1 verdict left out, of facts that no line describes"
    assert re.search(says, printed(capsys, "summary", record))
    assert re.search(says, printed(capsys, "matrix", record, record, "-o", tmp_path))
    printed(capsys, "html", record, "-o", tmp_path)
    assert all(re.search(says, (tmp_path / name).read_text()) for name in ("run.html", "matrix.html"))
    assert main(["refutation", str(record)]) == 1
    assert re.search(says, capsys.readouterr().out)


def test_an_interrupted_run_says_so_and_how_to_go_on(tmp_path, capsys):
    record = write(tmp_path / "run.jsonl", "2.6.0", [("a.b.c", "holds", {})], complete=False)
    text = printed(capsys, "summary", record)
    assert f"The run was interrupted: pytest --resume={record} goes on.".replace(" ", "") in "".join(text.split())
    printed(capsys, "html", record, "-o", tmp_path)
    assert "The run was interrupted" in (tmp_path / "run.html").read_text()


def test_the_matrix_shows_what_differs_in_the_order_of_releases(tmp_path, capsys):
    same, other = ("a.b.same", "holds", {}), "a.b.other[cpu]"
    records = [
        write(tmp_path / f"{torch}.jsonl", torch, [same, (other, verdict, {})])
        for torch, verdict in (("2.10.0", "holds"), ("2.6.0", "differs"))
    ]
    text = printed(capsys, "matrix", *records, "-o", tmp_path)
    assert re.search(r"2\.6\.0.*2\.10\.0", text)
    assert re.search(r"differs.*holds", text)
    assert "a.b.other[cpu]" in text
    assert "a.b.same" not in text
    assert "1 of 2 facts have the same verdict in every run." in text
    assert "a.b.same" in (tmp_path / "matrix.html").read_text()


def test_a_pipe_gets_the_matrix_in_whole_lines(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    long = "views.a." + "very_" * 20 + "long[cpu]"
    records = [
        write(tmp_path / f"{torch}.jsonl", torch, [(long, verdict, {})])
        for torch, verdict in (("2.10.0", "holds"), ("2.6.0", "differs"))
    ]
    assert any(long in line for line in printed(capsys, "matrix", *records).splitlines())


def test_a_record_from_before_the_instruction_set_was_noted(tmp_path, capsys, monkeypatch):
    monkeypatch.delitem(ENVIRONMENT, "capability")
    text = printed(capsys, "summary", write(tmp_path / "run.jsonl", "2.6.0", [("a.b.c", "holds", {})]))
    assert "on A <fast> CPU, Python 3.11.7, 1 fact\n" in text


def test_the_matrix_shows_what_was_observed_and_differs(tmp_path, capsys):
    records = []
    for torch, drawn in (("2.10.0", "0.25"), ("2.6.0", "<0.5>"), ("2.0.0", None)):
        record = write(tmp_path / f"{torch}.jsonl", torch, [("a.b.seeded[cpu]", "holds", {})], complete=False)
        seen = {"first": drawn, "count": 3} if drawn else {"count": 3}
        for name, value in seen.items():
            line = {"kind": "observation", "id": "a.b.seeded[cpu]", "name": name, "value": value}
            record.write_text(record.read_text() + json.dumps(line) + "\n")
        records.append(record)
    text = printed(capsys, "matrix", *records, "-o", tmp_path)
    assert re.search(r"a\.b\.seeded\[cpu\] \(first\)\W+-\W+0\.5\W+0\.25\W", text)
    assert "(count)" not in text
    page = (tmp_path / "matrix.html").read_text()
    assert "Not promised, and different" in page and "<code>&lt;0.5&gt;</code>" in page
    printed(capsys, "matrix", records[0], "-o", tmp_path)
    assert "Not promised" not in (tmp_path / "matrix.html").read_text()


def test_the_matrix_flags_a_range_judged_by_several_kinds_of_exception(tmp_path):
    runs = [
        load(write(tmp_path / f"{torch}.jsonl", torch, [("a.b.c", "differs", {"reason": f"{kind}: words"})]))
        for torch, kind in (("2.0.1", "RuntimeError"), ("2.1.2", "AttributeError"))
    ]
    [row] = matrix(runs).differing
    assert row.warning == "differs by AttributeError and by RuntimeError"


def test_two_runs_of_one_release_are_told_apart(tmp_path):
    runs = [load(write(tmp_path / f"{name}.jsonl", "2.6.0", [("a.b.c", "holds", {})])) for name in ("one", "two")]
    assert matrix(runs).labels == ["2.6.0 (one)", "2.6.0 (two)"]


@pytest.mark.parametrize("command", ["summary", "html", "matrix"])
@pytest.mark.parametrize(
    "content", [None, "text\n", '{"kind": "run", "schema": 99}\n'], ids=["missing", "foreign", "newer"]
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, capsys, command, content):
    path = tmp_path / "run.jsonl"
    if content is not None:
        path.write_text(content)
    output = [] if command == "summary" else ["-o", str(tmp_path)]
    assert main([command, str(path), *output]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"torchproof: {path} ")
    assert told.count("\n") == 1


def test_no_report_needs_torch(record, tmp_path):
    blocked = (
        "import sys; sys.modules['torch'] = None; from torchproof.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    for arguments in (["summary", record], ["html", record, "-o", tmp_path], ["matrix", record, record]):
        subprocess.run([sys.executable, "-c", blocked, *map(str, arguments)], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize(("ended", "seconds"), [("10:01:30", 90), ("09:59:59", None)])
def test_a_clock_that_was_set_back_gives_no_duration(tmp_path, ended, seconds):
    path = write(tmp_path / "run.jsonl", "2.6.0", [("a.b.c", "holds", {})])
    path.write_text(path.read_text().replace("10:01:30", ended))
    assert load(path).wall == seconds
