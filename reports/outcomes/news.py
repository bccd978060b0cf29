"""One call that gives something else than it did: what kind of change it is, and which calls of code meet it.

Needs no torch.
"""

from __future__ import annotations

import ast
import re
from functools import cache, cached_property

from torchproof.calls import ANY, NONE
from torchproof.outcomes import Call, Outcome, Table
from torchproof.reports.index import IndexedFact
from torchproof.reports.outcomes.alike import alike
from torchproof.reports.outcomes.differences import difference, parsed
from torchproof.reports.outcomes.questions import PLAIN

# How code writes a dtype.
SPELLED = {"float16": "float16|half|HalfTensor", "bfloat16": "bfloat16", "float64": "float64|double|DoubleTensor",
           "complex32": "complex32|chalf", "complex64": "complex64|cfloat", "complex128": "complex128|cdouble",
           "bool": "bool|BoolTensor", "int64": "int64|long|LongTensor", "int32": "int32|int|IntTensor",
           "int16": "int16|short", "int8": "int8|char", "uint8": "uint8|byte|ByteTensor",
           "uint16": "uint16"}  # fmt: skip
_WORDS = frozenset(word for spelled in SPELLED.values() for word in spelled.split("|"))
NO_GRADIENT = "no gradient"
GONE = "no longer warns"


class News:
    """A call, its outcomes in the older and in the newer of two releases, and since which one it has the latter."""

    def __init__(self, call: Call, was: Outcome, now: Outcome, kind: str, since: str) -> None:
        self.call, self.was, self.now, self.kind, self.since = call, was, now, kind, since
        self.dtype, *self.states = call.given.split()

    @classmethod
    def of(cls, call: Call, table: Table, old: str, new: str) -> News | None:
        """None where it gives the same, or there is nothing to call in one of the releases."""
        places = [table.releases.index(old), table.releases.index(new)]
        was, now = (call.outcomes[place] for place in places)
        if was == now or was.is_absent or now.is_absent or not (kind := _kind(call, was, now)):
            return None
        if "special" in call.given and "torch.linalg." in call.code:
            return None  # what LAPACK leaves of a singular matrix
        way = range(min(places) + 1, max(places) + 1)
        later = call.outcomes[max(places)]
        since = next(place for place in way if all(call.outcomes[one] == later for one in way if one >= place))
        return cls(call, was, now, kind, table.releases[since])

    @property
    def warning(self) -> str:
        """The first one that one of the two gives and the other does not."""
        more, fewer = (self.was, self.now) if self.kind == GONE else (self.now, self.was)
        return next(one for one in more.warnings if one.partition(":")[0] not in fewer.categories)

    @property
    def derivative(self) -> str:
        """What of the call is looked at, where it is no value."""
        return "second gradient" if "second" in self.states else "gradient"

    @property
    def is_of_dtype(self) -> bool:
        """Whether it is about a dtype, and not about how the call is written."""
        return self.dtype != PLAIN and not self.states

    @cached_property
    def dtypes(self) -> list[str]:
        """The dtypes that it is of, where they are not the usual one: of what is given, or written in the call."""
        words = {self.dtype} - {PLAIN} | written_dtypes(self.call.code)
        return [dtype for dtype, spelled in SPELLED.items() if words & set(spelled.split("|"))]

    @property
    def passed(self) -> set[str]:
        """The parameters that it passes by name."""
        tree = parsed(self.call.code)
        return {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}

    def is_of(self, told: set[str]) -> bool:
        """Whether it passes a parameter, or a word, that another change tells of."""
        if not told:
            return False
        said = self.call.code
        if self.kind in ("call warns", GONE):
            said += f" {self.warning} deprecated warning"
        return not told.isdisjoint(re.findall(r"\w+", said))

    def is_in(self, fact: IndexedFact) -> bool:
        """Whether a fact tells it: of the same release, and of the same dtype or parameter where it is about one."""
        if self.since not in (fact.since, fact.until):
            return False
        words = set(re.findall(r"\w+", f"{fact.claim} {fact.calls}"))
        if self.kind in ("call warns", GONE) and "warns" in words:
            return True
        if self.is_of_dtype:
            return not words.isdisjoint(SPELLED.get(self.dtype, self.dtype).split("|"))
        return not self.passed or not words.isdisjoint(self.passed)

    @cached_property
    def shown(self) -> list[str] | None:
        """What code shows of a call that meets it, as clauses of torchproof.calls; None where no code shows it."""
        passed = _passed(self.call.code)
        if "special" in self.states or passed is None:
            return None
        told = [f"catches {self.was.error}"] if self.kind == "another error" else []
        return [*told, *(["recorded"] if "gradient" in self.states else []), *passed]


def concerns(alike: list[News], is_whole: bool) -> str:
    """Which calls of somebody's code can meet what is told as one: where it `is_whole`, whatever they pass."""
    dtypes = {dtype for one in alike for dtype in one.dtypes} if all(one.dtypes for one in alike) else ()
    told = [f"names {'|'.join(SPELLED[one] for one in SPELLED if one in dtypes)}"] if dtypes else []
    if is_whole:
        return ", ".join(told) or ANY
    shown = min((one.shown for one in alike if one.shown is not None), key=len, default=None)
    return NONE if shown is None else ", ".join([*told, *shown]) or ANY


@cache
def written_dtypes(code: str) -> frozenset[str]:
    """The words for dtypes in a call."""
    return _WORDS.intersection(re.findall(r"(?<=\btorch\.)\w+|(?<=\.)(?:half|double|bfloat16)(?=\(\))", code))


def _kind(call: Call, was: Outcome, now: Outcome) -> str:
    """What kind of change it is; '' where nobody would call it one."""
    if was.error and now.error:
        return "" if alike(was.text, now.text) or was.error == now.error else "another error"
    if now.error:
        return "call refused"
    if was.error:
        return "call taken"
    if was.text == now.text:
        return "call warns" if now.categories - was.categories else GONE if was.categories - now.categories else ""
    if not _is_other(call, was.text, now.text):
        return ""
    if "stream" in call.given:
        return "another stream"
    return "another gradient" if "gradient" in call.given else "another value"


def _is_other(call: Call, was: str, now: str) -> bool:
    """Whether a result is another one, not the same with other roundings; a gradient of nothing is none."""
    if NO_GRADIENT in (was, now):
        return bool(re.search(r": \S", was + now))
    tolerance = 2e-2 if re.search("half|bfloat16|float16", call.code + call.given) else 1e-3
    return difference(was, now, tolerance) is not None


def _passed(code: str) -> list[str] | None:
    """What a call passes besides tensors, as clauses; None where no clause can say it."""
    node = parsed(code).body[0]
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or not all(map(_is_plain, call.args)) or _is_of_result(call):
        return None
    told = []
    for one in call.keywords:
        try:
            value = ast.literal_eval(one.value)
        except ValueError:
            return None
        if one.arg is None or isinstance(value, (list, dict, set, float, complex)):
            return None
        told.append(f"{one.arg}={repr(value).replace(' ', '')}")
    return told


def _is_of_result(call: ast.Call) -> bool:
    """Whether it is a method of what another call gives, whose arguments count too."""
    inside = ast.walk(call.func) if isinstance(call.func, ast.Attribute) else ()
    return any(isinstance(node, ast.Call) and (node.args or node.keywords) for node in inside)


def _is_plain(passed: ast.expr) -> bool:
    """Whether it is nothing but a tensor, or a list of one."""
    return isinstance(passed, ast.Name) or (isinstance(passed, ast.List) and all(map(_is_plain, passed.elts)))
