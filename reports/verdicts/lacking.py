"""What a device has not: what is `unsupported`, by capability and by operator."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from torchproof.records import Verdict
from torchproof.reports.verdicts.runs import Run

# Capability -> the words in which torch and its back ends name it; the first that is said is meant.
_WORDS = {
    "sparse CSR": r"sparse_?(cs[rc]|bs[rc]|compressed)",
    "sparse COO": r"sparse",
    "nested": r"nested",
    "quantized": r"quantized|\bQU?Int",
    "complex": r"complex",
    "float64": r"float64|\bdouble",
    "bfloat16": r"bfloat16",
    "float16": r"float16|\bhalf\b",
    "float8": r"float8",
    "distributed": r"^backend |\brank\b|process group",
    "gradients": r"derivative|backward|autograd",
    "DLPack": r"dlpack",
    "pinned memory": r"\bpin",
    "streams": r"\bstreams?\b",
}
_OPERATOR = re.compile(r"aten::(\w+)|[\"'](\w+)[\"'] not implemented")
_SHOWN = 8  # of each, the most frequent


def told(run: Run) -> Iterator[str]:
    """A line each, where there is anything to say."""
    for kind, capabilities in run.environment.get("capabilities", {}).items():
        if missing := [name for name, has in capabilities.items() if not has]:
            yield f"{kind} has no {', '.join(missing)}"
    lacking = [result for result in run.results.values() if result.verdict == "unsupported"]
    if lacking:
        yield f"{len(lacking)} unsupported: {_counted(_capability(result) for result in lacking)}"
        yield f"  by operator: {_counted(_operator(run, result) for result in lacking)}"


def _counted(names: Iterable[str]) -> str:
    most = Counter(names).most_common()
    rest = sum(count for _, count in most[_SHOWN:])
    return ", ".join([*(f"{name} {count}" for name, count in most[:_SHOWN]), *([f"others {rest}"] if rest else [])])


def _capability(result: Verdict) -> str:
    """What the words name, or else the dtype in the fact's id; else it is about the operator alone."""
    for said in (result.reason or "", result.id.partition("[")[2]):
        for name, words in _WORDS.items():
            if re.search(words, said, re.IGNORECASE):
                return name
    return "single operators"


def _operator(run: Run, result: Verdict) -> str:
    found = _OPERATOR.search(result.reason or "")
    return (found[1] or found[2]) if found else run.facts[result.id].subjects[0]
