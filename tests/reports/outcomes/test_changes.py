"""What calls give that they did not, in words, and what is left to facts and to the inventory."""

from __future__ import annotations

import pytest

from tests.reports.releases.test_diff import inventory
from torchproof.outcomes import Call, Outcome, Table
from torchproof.reports.index import IndexedFact
from torchproof.reports.outcomes.changes import changed
from torchproof.reports.releases.names import Change

NAMES = inventory(
    "torch.f | function ; (x, dim=None) | .", "torch.g | function ; (x) | .", "torch.new | - | function ; (x)"
)


def outcome(text):
    text, _, warnings = text.partition(" ~ ")
    return Outcome(text, tuple(filter(None, [warnings])))


def told(*calls, facts=(), found=(), back=False):
    """The changes from 2.0 to 2.1; a call is 'code | given | what it gave | what it gives'."""
    by_name = {}
    for line in calls:
        code, given, was, now = (part.strip() for part in line.split("|"))
        by_name.setdefault(code.partition("(")[0], []).append(Call("", code, given, (outcome(was), outcome(now))))
    table = Table(("2.0", "2.1"), {}, by_name)
    releases = ("2.1", "2.0") if back else ("2.0", "2.1")
    return changed(table, NAMES, facts, *releases, found)


def words(*calls, **options):
    return [(change.kind, change.new) for change in told(*calls, **options)]


@pytest.mark.parametrize(
    ("call", "kind", "says"),
    [
        ("torch.f(x) | float16 | raises RuntimeError: no | 1", "call taken", "takes float16 on the CPU"),
        ("torch.f(x) | float16 | 1 | raises RuntimeError: no", "call refused", "refuses float16 on the CPU"),
        ("torch.f(x) | bool | raises RuntimeError: no | raises TypeError: no", "another error",
         "raises TypeError for bool on the CPU where it raised RuntimeError"),
        ("torch.f(x, dim=(0, 1)) | float32 | raises TypeError: no | 1", "call taken",
         "`torch.f(x, dim=(0, 1))` works where it raised TypeError"),
        ("torch.f(x, dim=9) | float32 | 1 | raises IndexError: too far", "call refused",
         "`torch.f(x, dim=9)` raises IndexError: too far"),
        ("torch.f(x) | float32 | 1 | ends the process: SIGSEGV", "call refused", "`torch.f(x)` ends the process"),
        ("torch.f(x) | float32 | raises RuntimeError: a | raises ValueError: b", "another error",
         "`torch.f(x)` raises ValueError where it raised RuntimeError"),
        ("torch.f(x) | float32 | ends the process: SIGSEGV | raises ValueError: b", "another error",
         "`torch.f(x)` raises ValueError where it ended the process"),
        ("torch.f(x) | float32 special | 1 | 2", "another value",
         "`torch.f(x)` with zeros, infinities and NaN gives 2 where it gave 1"),
        ("torch.f(x) | bool | 1 | 2", "another value", "`torch.f(x)` with bool gives 2 where it gave 1"),
        ("torch.f(v) | float32 gradient | [float32[3]: 1 1 1.5] | [float32[3]: 1 1 1]", "another gradient",
         "the gradient of the sum of `torch.f(v)` is 1 where v = 3, and was 1.5"),
        ("torch.f(v) | float32 gradient | no gradient | [float32[3]: 1 1 1]", "another gradient",
         "`torch.f(v)` has a gradient, and had none"),
        ("torch.f(v) | float32 gradient | [float32[3]: 1 1 1] | raises RuntimeError: no", "call refused",
         "the gradient of the sum of `torch.f(v)` raises RuntimeError: no"),
        ("torch.f(x) | float32 stream | 1 | 2", "another stream",
         "draws other numbers on the CPU after the same seed"),
        ("torch.f(x) | float32 | 1 | 1 ~ UserWarning: old", "call warns", "`torch.f(x)` warns: UserWarning: old"),
        ("torch.f(x) | float32 | 1 ~ UserWarning: old | 1", "no longer warns",
         "`torch.f(x)` no longer warns: UserWarning: old"),
        ("torch.f(v) | float32 second gradient | [float32[3]: 1 1 1.5] | [float32[3]: 1 1 1]", "another gradient",
         "the second gradient of the sum of `torch.f(v)` is 1 where v = 3, and was 1.5"),
        ("torch.f(v) | float32 second gradient | no gradient | [float32[3]: 1 1 1]", "another gradient",
         "`torch.f(v)` has a second gradient, and had none"),
    ],
)  # fmt: skip
def test_a_change_in_words(call, kind, says):
    assert words(call) == [(kind, says)]


@pytest.mark.parametrize(
    "call",
    [
        "torch.f(x) | float32 | 1 | 1",
        "torch.f(x) | float32 | - | 1",
        "torch.f(x) | float32 | 1 | -",
        "torch.new(x) | float32 | raises TypeError: a | 1",
        "torch.f(x) | float32 | raises ValueError: a | raises ValueError: b",
        "torch.f(x) | float32 | raises RuntimeError: a ~ UserWarning: b | raises NotImplementedError<RuntimeError: a",
    ],
)
def test_what_is_no_change_of_a_call_is_not_told(call):
    assert told(call) == []


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("under(torch.device('meta'), lambda: torch.f(x)) | float32 | 1 | 2",
         "`with torch.device('meta'): torch.f(x)` gives 2 where it gave 1"),
        ("alone(lambda: torch.f(x)) | float32 | 1 | 2",
         "`torch.f(x)` in a process group of one gives 2 where it gave 1"),
        ("graphs_of(lambda t: t + 1, x, fullgraph=True) | float32 | 2 | 1",
         "what `torch.compile(lambda t: t + 1, fullgraph=True)(x)` makes is 1 graph, and was 2 graphs"),
        ("[torch.f(x), x.a, x.b] | float32 | [None, 1, 2] | [None, 1, 3]",
         "`x.b` gives 3 where it gave 2, in `[torch.f(x), x.a, x.b]`"),
    ],
)  # fmt: skip
def test_a_call_that_is_looked_at_in_another_way_is_written_as_people_write_it(call, says):
    table = Table(("2.0", "2.1"), {}, {"torch.f": [Call("", *(part.strip() for part in call.split(" | ")[:2]),
                  tuple(map(outcome, call.split(" | ")[2:])))]})  # fmt: skip
    assert [change.new for change in changed(table, NAMES, (), "2.0", "2.1")] == [says]


def test_what_a_member_does_that_the_inventory_has_not_is_told_of_its_owner():
    table = Table(("2.0", "2.1"), {}, {"torch.f.__repr__": [Call("", "repr(torch.f)", "float32",
                  (outcome("'a'"), outcome("'b'")))]})  # fmt: skip
    assert [change.name for change in changed(table, NAMES, (), "2.0", "2.1")] == ["torch.f"]


def test_a_dtype_is_of_the_name_where_all_calls_of_it_changed_and_else_of_the_call():
    changed = "torch.f(x, dim=1) | float16 | raises RuntimeError: no | 1"
    assert words(changed, "torch.f(x) | bool | 1 | 1") == [("call taken", "takes float16 on the CPU")]
    assert words(changed, "torch.f(x) | float16 | 1 | 1") == [
        ("call taken", "takes float16 on the CPU in `torch.f(x, dim=1)`")
    ]


def test_dtypes_that_changed_alike_are_one():
    lines = [f"torch.f(x) | {dtype} | raises RuntimeError: no | 1" for dtype in ("bool", "float16", "bfloat16")]
    assert words(*lines) == [("call taken", "takes float16, bfloat16, bool on the CPU")]


def test_numbers_that_are_drawn_are_those_of_the_name_of_some_dtypes_or_of_some_calls():
    halves = [f"torch.f({size}, dtype=torch.float16) | float32 stream | {size} | 9" for size in (2, 33)]
    same = "torch.f(4) | float32 stream | 1 | 1"
    assert words(*halves, same) == [("another stream", "draws other float16 numbers on the CPU after the same seed")]
    one_is_same = "torch.f(44, dtype=torch.float16) | float32 stream | 1 | 1"
    assert words(*halves, one_is_same) == [
        ("another stream", "`torch.f(2, dtype=torch.float16)` (and 1 more such call) draws other numbers on the CPU "
         "after the same seed"),
    ]  # fmt: skip


def test_calls_that_changed_alike_are_one_and_the_plainest_is_told():
    lines = [f"torch.f({size}) | float32 | raises TypeError: no | 9" for size in (222, 3, 44)]
    assert words(*lines) == [("call taken", "`torch.f(3)` (and 2 more such calls) works where it raised TypeError")]


def test_of_several_calls_with_other_values_the_first_is_told_and_the_rest_counted():
    lines = ["torch.f(x, dim=0.5) | float32 | 1 | 2", "torch.f(x, dim=0.25) | float32 | 1 | 3"]
    assert words(*lines) == [
        ("another value", "`torch.f(x, dim=0.5)` gives 2 where it gave 1 (and 1 more call has other values)")
    ]


@pytest.mark.parametrize(
    ("first", "follower"),
    [
        ("torch.f(x) | float32 | 1 | raises TypeError: no", "torch.f(x) | float32 special | 1 | raises TypeError: no"),
        ("torch.f(x) | float16 | raises TypeError: no | 1", "torch.f(x.half()) | float32 | raises TypeError: no | 1"),
        ("torch.f(x, (0, 1)) | float32 | raises TypeError: no | 1",
         "torch.f(x, (0, 9)) | float32 | raises TypeError: no | raises IndexError: far"),
        ("torch.f(2) | float32 stream | 1 | 2", "torch.f(3) | float32 | 1 | 2"),
        ("torch.f(x) | float32 gradient | 1 | 2", "torch.f(x) | float32 special gradient | 1 | 2"),
        ("torch.f(x) | float32 gradient | 1 | 2", "torch.f(x) | float32 second gradient | 1 | 2"),
        ("torch.f(x) | float32 | 1 | 1 ~ UserWarning: old", "torch.f(x, dim=1) | float32 | 1 | 1 ~ UserWarning: old"),
    ],
)  # fmt: skip
def test_what_follows_from_another_change_of_the_name_is_not_told(first, follower):
    assert len(told(first, follower)) == len(told(first)) == len(told(follower)) == 1


def test_a_warning_of_another_function_that_the_call_has_inside_is_not_told():
    says = "1 | 1 ~ FutureWarning: `torch.g` is deprecated"
    assert told(f"torch.f(torch.g(x)) | float32 | {says}") == []
    assert told(f"torch.g(x) | float32 | {says}") != []


def test_a_result_of_which_only_the_type_is_known_is_not_told():
    assert told("torch.f(x) | float32 | a Foo | a function") == []


def test_back_it_is_told_the_other_way():
    assert words("torch.f(x) | float16 | raises RuntimeError: no | 1", back=True) == [
        ("call refused", "refuses float16 on the CPU")
    ]


@pytest.mark.parametrize(
    ("call", "calls"),
    [
        ("torch.f(x) | float16 | 1 | raises RuntimeError: no", "names float16|half|HalfTensor"),
        ("torch.f(x, dim=1) | float16 | 1 | raises RuntimeError: no", "names float16|half|HalfTensor"),
        ("torch.f(x, dim=1) | float32 | 1 | raises RuntimeError: no", "dim=1"),
        ("torch.f(x, dim=(0, 1)) | float32 | 1 | raises RuntimeError: no", "dim=(0,1)"),
        ("torch.f(x) | float32 | raises TypeError: a | raises ValueError: b", "catches TypeError"),
        ("torch.f(x) | float32 stream | 1 | 2", "any"),
        ("torch.f(x) | float32 gradient | 1 | 2", "recorded"),
        ("torch.f(x) | float32 special | 1 | 2", "none"),
        ("torch.f(x, 1.5) | float32 | 1 | 2", "none"),
        ("torch.f(x, dim=torch.tensor(0)) | float32 | 1 | 2", "none"),
        ("torch.f(x, dim=0).g() | float32 | 1 | 2", "none"),
        ("torch.f().g() | float32 | 1 | 2", "any"),
    ],
)
def test_it_concerns_the_calls_that_show_it(call, calls):
    assert [change.calls for change in told(call)] == [calls]


def fact(claim, **options):
    return IndexedFact(subjects=("torch.f",), id="f", claim=claim, file="f.py", line=1, **options)


def test_what_a_fact_tells_is_told_once():
    call = "torch.f(x) | float16 | raises RuntimeError: no | 1"
    assert told(call, facts=[fact("`f` takes float16.", since="2.1")]) == []
    assert told(call, facts=[fact("`f` takes bool.", since="2.1")]) != []
    assert told(call, facts=[fact("`f` takes float16.", since="2.0")]) != []
    assert told("torch.g(x) | float16 | 1 | 2", facts=[fact("`f` takes float16.", since="2.1")]) != []


def test_a_warning_is_told_by_a_fact_or_a_change_of_which_it_speaks():
    call = "torch.f(x, 1) | float32 | 1 | 1 ~ UserWarning: dim is deprecated"
    assert told(call) != []
    assert told(call, facts=[fact("`f` warns.", since="2.1")]) == []
    assert told(call, found=[Change("deprecated", "torch.f", parameter="dim")]) == []
    assert told(call, found=[Change("deprecated", "torch.f", parameter="out")]) != []


def test_what_another_change_tells_is_told_once():
    call = "torch.f(x, dim=1) | float32 | raises TypeError: no | 1"
    assert told(call, found=[Change("parameter added", "torch.f", parameter="dim")]) == []
    assert told(call, found=[Change("parameter added", "torch.g", parameter="dim")]) != []
