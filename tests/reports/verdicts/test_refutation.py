"""Reports of what `--refute` has shown."""

from __future__ import annotations

import json
import re

import pytest

from tests.records import write
from torchproof.__main__ import main
from torchproof.reports.verdicts import refutation

FACTS = {"views.a.one": ["torch.add"], "views.a.two": ["torch.add", "torch.nn.Linear"], "linalg.b.three": ["torch.mm"]}
FAULTS = [
    ("views.a.one", "torch.add", "sign", True),
    ("views.a.one", "torch.add", "dtype", False),
    ("views.a.one", "torch.add", "strides", False),
    ("views.a.two", "torch.add", "dtype", True),
    ("views.a.two", "torch.nn.Linear.forward", "argument ignored: bias", True),
    ("linalg.b.three", "torch.mm", "sign", True),
]


def refuted(tmp_path, faults=FAULTS, verdicts=None, facts=FACTS):
    """A record of facts about these subjects, with these faults `(id, on, fault, noticed)`."""
    verdicts = verdicts or {}
    path = write(tmp_path / "run.jsonl", "2.6.0", [(fact, verdicts.get(fact, "holds"), {}) for fact in facts])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        if line["kind"] == "fact":
            line["subjects"] = facts[line["id"]]
    told = [
        {"kind": "fault", "id": fact, "on": on, "fault": fault, "says": f"does {fault}", "noticed": noticed}
        for fact, on, fault, noticed in faults
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in [*lines[:-1], *told, lines[-1]]))
    return path


@pytest.fixture
def excused(monkeypatch, tmp_path):
    """Excuse faults: the rows of survivors.toml."""

    read = refutation.excuses

    def write_rows(text):
        file = tmp_path / "survivors.toml"
        file.write_text(text)
        reasons = read(file)
        monkeypatch.setattr(refutation, "excuses", lambda: reasons)

    write_rows("")
    return write_rows


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    return code, " ".join(capsys.readouterr().out.split())


def test_what_one_fact_overlooks_another_may_notice(tmp_path, capsys, excused):
    code, text = run(capsys, "refutation", refuted(tmp_path), "--least", "0.6")
    assert code == 0
    assert "6 faults on 3 subjects; 0 subjects below 60%, 0 facts vacuous or unproven, 0 idle excuses" in text
    assert "strides: survives on 1 of 1 (torch.add)" in text
    assert "dtype: survives" not in text


def test_topics_show_the_share_of_facts_proven_and_the_mean_share_noticed(tmp_path, capsys, excused):
    _, text = run(capsys, "refutation", refuted(tmp_path))
    assert re.search(r"linalg 1 100% 100%", text)
    assert re.search(r"views 2 100% 67%", text)  # a third of the first one's faults, all of the other's


def test_a_subject_below_fails_and_lists_what_survives(tmp_path, capsys, excused):
    code, text = run(capsys, "refutation", refuted(tmp_path))
    assert code == 1
    assert "torch.add 67% of 3 faults torch.add: strides 6 faults" in text


def test_an_excuse_counts_as_noticed(tmp_path, capsys, excused):
    excused('[[survivor]]\non = "torch.add"\nfaults = ["strides"]\nbecause = "nobody promises them"\n')
    code, text = run(capsys, "refutation", refuted(tmp_path))
    assert code == 0
    assert "0 subjects below 90%" in text


def test_an_excuse_for_what_is_noticed_is_told_and_fails_nothing(tmp_path, capsys, excused):
    excused('[[survivor]]\non = "torch.add"\nfaults = ["strides", "sign"]\nbecause = "nobody promises them"\n')
    code, text = run(capsys, "refutation", refuted(tmp_path))
    assert code == 0  # the next run, or a slower machine, may need it
    assert "noticed this time, needs no excuse if it is each time: torch.add: sign" in text
    assert "strides" not in text


@pytest.mark.parametrize(("faults", "told"), [("strides", False), ("sign", True)])
def test_an_excuse_for_many_names_is_told_where_none_of_them_needs_it(tmp_path, capsys, excused, faults, told):
    excused(f'[[survivor]]\non = "torch.*"\nfaults = ["{faults}"]\nbecause = "nobody promises them"\n')
    _, text = run(capsys, "refutation", refuted(tmp_path))
    assert (f"each time: torch.*: {faults}" in text) == told


def test_an_excuse_for_many_names_counts_as_noticed_on_each(tmp_path, capsys, excused):
    excused('[[survivor]]\non = "torch.*"\nfaults = ["strides"]\nbecause = "nobody promises them"\n')
    assert "0 subjects below 90%" in run(capsys, "refutation", refuted(tmp_path))[1]


@pytest.mark.parametrize(
    ("on", "idle"),
    [("torch.add", 0), ("torch.a*", 0), ("torch.sub", 1), ("torch.s*", 1), ("not_here.Run.watch", 0)],
)
def test_an_excuse_is_idle_where_nothing_is_planted_on_its_name(tmp_path, capsys, excused, on, idle):
    excused(
        '[[survivor]]\non = "torch.add"\nfaults = ["strides"]\nbecause = "nobody promises them"\n'
        f'[[survivor]]\non = "{on}"\nfaults = ["NaN"]\nbecause = "nobody promises it"\n'
    )
    code, text = run(capsys, "refutation", refuted(tmp_path))
    assert (code, f"{idle} idle excuse" in text) == (min(idle, 1), True)
    assert (f"excuses nothing any more: {on}: NaN" in text) == bool(idle)


@pytest.mark.parametrize(("verdict", "idle"), [("holds", 1), ("unavailable", 0)])
def test_an_excuse_about_another_package_is_idle_where_a_fact_about_it_ran(tmp_path, capsys, excused, verdict, idle):
    excused('[[survivor]]\non = "mlflow.log_params"\nfaults = ["NaN"]\nbecause = "nobody promises it"\n')
    facts = {**FACTS, "monitoring.mlflow.four": ["mlflow.log_metric"]}  # the package is called mlflow-skinny
    record = refuted(tmp_path, verdicts={"monitoring.mlflow.four": verdict}, facts=facts)
    assert f"{idle} idle excuse" in run(capsys, "refutation", record)[1]


@pytest.mark.parametrize(("verdict", "idle"), [("holds", 1), ("unavailable", 0)])
def test_an_excuse_about_torch_is_not_idle_where_its_facts_need_what_is_not_here(
    tmp_path, capsys, excused, verdict, idle
):
    on = "torch.utils.tensorboard.SummaryWriter"
    excused(f'[[survivor]]\non = "{on}.add_embedding"\nfaults = ["NaN"]\nbecause = "nobody promises it"\n')
    record = refuted(
        tmp_path, verdicts={"monitoring.writer.four": verdict}, facts={**FACTS, "monitoring.writer.four": [on]}
    )
    assert f"{idle} idle excuse" in run(capsys, "refutation", record)[1]


@pytest.mark.parametrize("verdict", ["vacuous", "unproven"])
def test_a_fact_that_is_not_proven_fails_and_counts_in_its_topic(tmp_path, capsys, excused, verdict):
    faults = [fault for fault in FAULTS if fault[0] != "linalg.b.three"]
    record = refuted(tmp_path, faults, {"linalg.b.three": verdict})
    code, text = run(capsys, "refutation", record, "--least", "0.5")
    assert code == 1
    assert "1 fact vacuous or unproven" in text
    assert re.search(r"linalg 1 0% 0%", text)


def test_the_summary_and_the_page_tell_of_it(tmp_path, capsys, excused):
    record = refuted(tmp_path)
    assert "strides: survives on 1 of 1 (torch.add)" in run(capsys, "summary", record)[1]
    run(capsys, "html", record, "-o", tmp_path)
    page = (tmp_path / "run.html").read_text()
    assert "Proof that facts can fail" in page
    assert "6 faults on 3 subjects" in page


def test_broken_kernels_are_told_of_apart(tmp_path, capsys, excused):
    faults = [
        ("views.a.one", "aten::add", "ignores alpha", False),
        ("views.a.two", "aten::add", "ignores alpha", True),
        ("views.a.two", "aten::mm", "leaves out <the> last summand", False),
    ]
    record = refuted(tmp_path, faults)
    _, text = run(capsys, "summary", record)
    assert "2 kernel faults reached, 1 noticed unnoticed: aten::mm does leaves out <the> last summand" in text
    assert "survives" not in text
    run(capsys, "html", record, "-o", tmp_path)
    page = (tmp_path / "run.html").read_text()
    assert "of 2 faults that they reached, 1 were noticed" in page
    assert "does leaves out &lt;the&gt; last summand" in page
    assert "Proof that facts can fail" not in page


def test_the_project_s_own_excuses_can_be_read():
    reasons = refutation.excuses()
    assert {("torch.empty", "NaN"), ("torch.empty_like", "NaN")} <= reasons.keys()
    assert all(because and because[0].islower() and not because.endswith(".") for because in reasons.values())
