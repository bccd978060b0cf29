"""Whether a build computes what mathematics and standards say, by the answers of kernels.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from torchproof.builds import lacking
from torchproof.reports.build.causes import explain
from torchproof.reports.build.lines import Build, Line
from torchproof.reports.build.runner import Answer

Told = Mapping[str, str]

_TO_WHOM = "send torchproof check --for-issue to who built this torch, and use another build until it is mended"
# torch asks a BLAS for complex dot products by one of two conventions, as its build found out by trying. By the wrong
# one the result is left in a register that nobody reads, and what is given is the zero that was there before.
_BY_CONVENTION = (
    "write (x * y).sum() for torch.dot(x, y) and (x.conj() * y).sum() for torch.vdot(x, y); who builds it: torch and "
    "its BLAS disagree on how a complex number is returned, so set BLAS_USE_CBLAS_DOT where CMake looks for the BLAS"
)


def judge_numbers(answer: Answer, build: Build) -> Line:
    """A FAIL where a result is wrong. What this build was made without is told, and no fault of it."""
    if answer.error:
        return Line("FAIL", "numbers", *explain(answer.error, chain=answer.chain))
    wrong, refused, count = answer.value["wrong"], answer.value["refused"], answer.value["count"]
    if wrong:
        says = f"{len(wrong)} of {count} computations are wrong: {_listed(map(_told, wrong))}"
        return Line("FAIL", "numbers", says, _BY_CONVENTION if _is_of_complex_dots(wrong) else _TO_WHOM)
    unexplained = [one for one in refused if not lacking(one["error"])]
    if unexplained:
        says = f"{len(unexplained)} of {count} computations are refused: {_listed(map(_refusal, unexplained))}"
        return Line("FAIL", "numbers", says, _TO_WHOM)
    parts = Counter(lacking(one["error"]) for one in refused)
    without = "".join(f"; {number} refused, since this build has no {library}" for library, number in parts.items())
    return Line("OK", "numbers", f"{count - len(refused)} computations give what mathematics says{without}")


def _is_of_complex_dots(wrong: Sequence[Told]) -> bool:
    """Whether complex dot products, and nothing else, give zero."""
    return all(one["says"].startswith(("torch.dot of c", "torch.vdot of c")) and one["got"] == "0j" for one in wrong)


def _told(one: Told) -> str:
    return f"{one['says']} gives {one['got']}, and {one['want']} is right ({one['by']})"


def _refusal(one: Told) -> str:
    return f"{one['says']} ({one['error']})"


def _listed(said: Iterable[str], most: int = 2) -> str:
    first = [*said]
    more = f"; and {len(first) - most} more" if len(first) > most else ""
    return "; ".join(first[:most]) + more
