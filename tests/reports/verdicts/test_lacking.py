"""What a summary says of a device that has not all: by capability and by operator."""

from __future__ import annotations

import pytest

from tests.records import ENVIRONMENT, fact
from torchproof.records import End, Head, Verdict
from torchproof.reports.verdicts import lacking
from torchproof.reports.verdicts.runs import load


@pytest.fixture
def told(tmp_path):
    """`told(reasons, capabilities)`: what is said of a run whose facts are unsupported for these reasons."""

    def run(reasons, capabilities=None):
        environment = {**ENVIRONMENT, "capabilities": capabilities or {}}
        lines = [Head(schema=1, torch={"version": "2.6.0"}, environment=environment, options={})]
        for number, reason in enumerate(reasons):
            identity = f"a.b.c{number}[xla]" if isinstance(reason, str) else reason[0]
            said = reason if isinstance(reason, str) else reason[1]
            lines += [fact(identity, subjects=["torch.mm"]), Verdict(id=identity, verdict="unsupported", reason=said)]
        lines.append(End(totals={}, ended="2026-01-01T10:01:30+0000"))
        path = tmp_path / "run.jsonl"
        path.write_text("".join(line.as_json() + "\n" for line in lines))
        return [*lacking.told(load(path))]

    return run


def test_what_is_unsupported_is_counted_by_what_the_words_name(told):
    assert told(
        [
            "Could not run 'aten::addmm' with arguments from the 'SparseCsrXLA' backend",
            "Could not run 'aten::addmm' with arguments from the 'SparseCsrXLA' backend",
            "\"sort\" not implemented for 'ComplexFloat'",
            "aten::foo is not implemented",
        ]
    ) == [
        "4 unsupported: sparse CSR 2, complex 1, single operators 1",
        "  by operator: addmm 2, sort 1, foo 1",
    ]


def test_a_dtype_in_the_id_is_what_is_lacking_where_the_words_name_none(told):
    first, second = told([("a.b.c[xla-complex64]", "it is not supported")])
    assert first == "1 unsupported: complex 1"
    assert second == "  by operator: torch.mm 1"


def test_many_kinds_are_summed_up(told):
    _, operators = told([f"aten::op{number} is not implemented" for number in range(10)])
    assert operators.endswith("op7 1, others 2")


def test_what_a_device_cannot_at_all_is_named(told):
    assert told([], {"xla": {"float64": True, "views": False, "streams": False}}) == ["xla has no views, streams"]


def test_nothing_is_said_where_nothing_is_lacking(told):
    assert told([], {"xla": {"float64": True}}) == []
