"""What calls give that they did not, in words: one sentence for those that changed alike. Needs no torch."""

from __future__ import annotations

import ast

from torchproof.outcomes import Outcome
from torchproof.reports.outcomes.differences import difference, entries, keys, parsed, point, step
from torchproof.reports.outcomes.news import NO_GRADIENT, News
from torchproof.reports.outcomes.questions import DTYPES, PLAIN
from torchproof.reports.outcomes.subjects import AROUND, INSIDE

_WRITERS = ("files_of", "pickle_of")  # in calls.txt, of what is written by their first argument


def of_dtypes(news: list[News], is_whole: bool) -> str:
    """Which dtypes; and in which call, where not every call of the name changed so: where it `is_whole`, each did."""
    dtypes = ", ".join(sorted({one.dtype for one in news}, key=DTYPES.index))
    within = "" if is_whole else f" in {_call(news)}"
    first = news[0]
    match first.kind:
        case "call taken":
            return f"takes {dtypes} on the CPU{within}"
        case "call refused":
            return f"refuses {dtypes} on the CPU{within}"
    return f"{_fails(first.now, False)} for {dtypes} on the CPU{within} where it {_failed(first.was)}"


def of_streams(news: list[News], is_whole: bool) -> str:
    """That a seed gives other numbers, and of which dtypes or in which call where it does not do so in all."""
    if not is_whole:
        return f"{_call(news)} draws other numbers on the CPU after the same seed"
    dtypes = list(dict.fromkeys(dtype for one in news for dtype in one.dtypes))
    is_of_all = any(not one.dtypes for one in news)
    numbers = "numbers" if is_of_all else f"{', '.join(dtypes)} numbers"
    return f"draws other {numbers} on the CPU after the same seed"


def of_calls(news: list[News]) -> str:
    """What the first of some calls does now, and how many do the same."""
    first = news[0]
    call = _call(news if first.kind not in ("another value", "another gradient") else news[:1], first.dtype)
    if "gradient" in first.states and first.kind != "another gradient":
        call = f"the {first.derivative} of the sum of {call}"
    match first.kind:
        case "call refused":
            return f"{call} {_fails(first.now)}"
        case "call taken":
            return f"{call} works where it {_failed(first.was)}"
        case "another error":
            return f"{call} {_fails(first.now, False)} where it {_failed(first.was)}"
        case "call warns":
            return f"{call} warns: {first.warning}"
        case "no longer warns":
            return f"{call} no longer warns: {first.warning}"
        case "another gradient":
            return _of_gradient(first, call) + _others(news, "gradients")
    return _of_value(first, call) + _others(news, "values")


def _of_value(one: News, call: str) -> str:
    name = _inside(one.call.code)
    if name == "graphs_of":
        return f"what {call} makes is {_graphs(one.now.text)}, and was {_graphs(one.was.text)}"
    if name in INSIDE and name != "loaded" and (says := entries(one.was.text, one.now.text)):
        return f"what {call} writes {says}"
    was, now, within = one.was.text, one.now.text, ""
    if found := step(one.call.code, was, now):
        within, call = f", in {call}", f"`{found[0]}`"
        was, now = found[1:]
    if says := keys(was, now):
        return f"{call} {says}{within}"
    was, now = difference(was, now, 1e-3) or ("", "")
    return f"{call} gives {now} where it gave {was}{within}"


def _graphs(number: str) -> str:
    return f"{number} graph{'s' if number != '1' else ''}"


def _of_gradient(one: News, call: str) -> str:
    if NO_GRADIENT in (one.was.text, one.now.text):
        has, had = ("no", "one") if one.now.text == NO_GRADIENT else ("a", "none")
        return f"{call} has {has} {one.derivative}, and had {had}"
    was, now = difference(one.was.text, one.now.text, 1e-3) or ("", "")
    if where := point(one.call.code, one.call.given, one.was.text, one.now.text):
        was, now = was.partition(",")[0], f"{now.partition(',')[0]} where {where}"
    return f"the {one.derivative} of the sum of {call} is {now}, and was {was}"


def _others(news: list[News], what: str) -> str:
    """How many calls more have another result, which need not differ as that of the first does."""
    more = len({one.call.code for one in news}) - 1
    return f" (and {more} more call{'s have' if more > 1 else ' has'} other {what})" if more else ""


def _call(news: list[News], dtype: str = PLAIN) -> str:
    """The first of some calls as people write it, with what it is given and how many more there are."""
    first = news[0]
    more = len({one.call.code for one in news}) - 1
    also = f" (and {more} more such call{'s' if more > 1 else ''})" if more else ""
    return f"`{written(first.call.code)}`{_given(first, dtype)}{also}"


def written(code: str) -> str:
    """A call as people write it, where calls.txt has it in a function that says how it is looked at."""
    name = _inside(code)
    if name is None:
        return code
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    if isinstance(within := call.args[-1], ast.Lambda) and name in AROUND:
        return ": ".join([*(f"with {ast.unparse(one)}" for one in call.args[:-1]), ast.unparse(within.body)])
    if name == "graphs_of":
        return _compiled(call)
    options = "".join(f", {ast.unparse(one)}" for one in call.keywords)
    things = ", ".join(map(ast.unparse, call.args[1:] if name in _WRITERS else call.args))
    function = ast.unparse(call.args[0]) if name in _WRITERS else INSIDE[name]
    return f"{function}(file of {things}{options})" if name == "loaded" else f"{function}({things}, file{options})"


def _compiled(call: ast.Call) -> str:
    function, *things = map(ast.unparse, call.args)
    options = "".join(f", {ast.unparse(one)}" for one in call.keywords)
    return f"torch.compile({function}{options})({', '.join(things)})"


def _inside(code: str) -> str | None:
    """The name that stands in `calls.txt` for a look into a file."""
    match parsed(code).body[0]:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))) if name in INSIDE or name in AROUND:
            return name
    return None


def _given(news: News, dtype: str) -> str:
    parts = [dtype] if dtype != PLAIN else []
    parts += ["zeros, infinities and NaN"] if "special" in news.states and "gradient" not in news.states else []
    is_made = news.call.subject.rpartition(".")[2][:1].isupper()  # and not asked something instead
    is_moved = is_made and news.kind == "another value"
    after = {"steps": " after four steps", "rates": " over eight epochs"} if is_moved else {}
    within = " in a process group of one" if _inside(news.call.code) == "alone" else ""
    times = within + "".join(after.get(one, "") for one in news.states)
    return (f" with {', '.join(parts)}" if parts else "") + times


def _failed(outcome: Outcome) -> str:
    return f"raised {outcome.error}" if outcome.error[0].isupper() else "ended the process"


def _fails(outcome: Outcome, with_words: bool = True) -> str:
    if not outcome.error[0].isupper():
        return "ends the process"
    said = outcome.text.partition(": ")[2] if with_words else ""
    return f"raises {outcome.error}{f': {said}' if said else ''}"
