"""What changed between two releases, and what of it touches some code."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from torchproof.inventory import Inventory
from torchproof.inventory import inventory as of_releases
from torchproof.outcomes import Call, Outcome, Table
from torchproof.reports import Refusal
from torchproof.reports.index import IndexedFact
from torchproof.reports.releases import defaults, diff
from torchproof.reports.releases.behaviours import behaviours
from torchproof.reports.releases.entries import entries
from torchproof.reports.releases.names import Change, changes, release
from torchproof.reports.releases.touched import touched

OLD, NEW = "2.0", "2.1"


def inventory(*lines):
    """An inventory of two releases. A line is a name, and its states in 2.0 and 2.1: '-' for none, '.' for the same."""
    members = {}
    for line in lines:
        name, old, new = (part.strip() for part in line.split("|"))
        owner, _, member = name.rpartition(".")
        states = [("", old)] if new == "." else [("2.0-2.1", old), ("2.1-", new)]
        rows = [f"{spans}\t{state.replace(' ; ', chr(9))}".rstrip("\t") for spans, state in states if state != "-"]
        members.setdefault(owner, []).append(f"\t{member}\t" + "\n\t\t".join(rows))
    blocks = [f"{owner}\n" + "\n".join(rows) for owner, rows in members.items()]
    return Inventory("torchproof inventory 1\nreleases 2.0 2.1\n" + "\n".join(blocks) + "\n")


def told(*lines):
    return [
        (change.kind, change.name, change.parameter or change.to or change.new)
        for change in changes(inventory(*lines), OLD, NEW)
    ]


def of_parameters(old, new):
    """The changes of a function with these parameters."""
    return [
        (kind, parameter)
        for kind, _, parameter in told(f"torch.f | function ; ({old}) | function ; ({new})")
    ]  # fmt: skip


def test_what_is_the_same_is_not_told():
    assert told("torch.f | function ; (a, b=1) | .") == []


def test_a_name_is_gone():
    assert told("torch.f | function ; (a) | -") == [("gone", "torch.f", None)]


def test_a_gone_name_has_its_words_of_deprecation():
    (change,) = changes(inventory("torch.f | function ; (a) ; !use torch.g | -"), OLD, NEW)
    assert change.hint == "use torch.g"


def test_what_only_raises_is_gone_with_the_words_that_it_raises():
    (change,) = changes(inventory("torch.f | function ; (a) | function ; (b) ; ^use torch.g"), OLD, NEW)
    assert (change.kind, change.name, change.hint) == ("gone", "torch.f", "use torch.g")


@pytest.mark.parametrize("new", ["-", "function ; (b)", "function ; (a) ; ^now in other words"])
def test_what_only_raised_cannot_go(new):
    assert told(f"torch.f | function ; (a) ; ^it is removed | {new}") == []


def test_what_only_raises_is_not_new():
    assert told("torch.f | - | function ; (a) ; ^it is removed") == []


def test_a_setting_with_another_default():
    (change,) = changes(inventory("torch.limit | setting ; =8 | setting ; =64"), OLD, NEW)
    assert (change.kind, change.old, change.new) == ("default", "8", "64")
    assert diff.sentence(change) == "torch.limit: 8 → 64  default: set it to 8 to keep what it did"


def test_another_warning_is_told_with_its_words():
    (change,) = changes(
        inventory("torch.f | function ; () ; %UserWarning: no f | function ; () ; %FutureWarning: no f"), OLD, NEW
    )
    assert diff.sentence(change) == "torch.f  warning: UserWarning → FutureWarning: no f"


def test_the_same_warning_with_its_names_in_quotes_is_no_other():
    assert told("torch.f | function ; () ; %UserWarning: no f | function ; () ; %UserWarning: no `f`") == []


def test_a_gone_class_is_told_once():
    assert told("torch.C | class ; () | -", "torch.C.f | method ; () | -") == [("gone", "torch.C", None)]


def test_a_gone_module_is_told_once_with_the_number_of_its_names():
    names = inventory("torch.m | module | -", "torch.m.f | function ; () | -", "torch.m.g | function ; () | -")
    (change,) = changes(names, OLD, NEW)
    assert (change.kind, change.name, change.names) == ("gone", "torch.m", 2)


def test_a_new_module_is_told_once():
    assert told("torch.m | - | module", "torch.m.f | - | function ; ()") == [("new", "torch.m", "module")]


def test_an_alias_is_told_under_the_name_of_the_release():
    assert told("torch.f | function ; (a) | -", "torch.g | =torch.f | -") == [("gone", "torch.f", None)]


def test_another_name_for_the_same_does_not_hide_behind_a_gone_module():
    names = ("torch.m | module | -", "torch.m.f | function ; (a) | -", "torch.f | =torch.m.f | -")
    assert ("gone", "torch.f", None) in told(*names)


def test_a_name_moved_to_what_was_its_alias():
    names = ("torch.a.f | function ; (x) | -", "torch.b.f | =torch.a.f | function ; (x)")
    assert told(*names) == [("moved", "torch.a.f", "torch.b.f")]


def test_a_name_moved_where_it_appeared_as_it_went():
    names = ("torch.a.b.f | function ; (x, y) | -", "torch.a.f | - | function ; (x, y)")
    assert told(*names) == [("moved", "torch.a.b.f", "torch.a.f")]


def test_what_appears_elsewhere_with_other_parameters_is_another_thing():
    names = ("torch.a.b.f | function ; (x, y) | -", "torch.a.f | - | function ; (z)")
    assert told(*names) == [("gone", "torch.a.b.f", None), ("new", "torch.a.f", "function")]


def test_a_name_is_renamed_beside_itself():
    names = ("torch.f | function ; (x) | -", "torch.g | =torch.f | function ; (x)")
    assert told(*names) == [("renamed", "torch.f", "torch.g")]


def test_a_moved_function_can_change_as_well():
    names = ("torch.a.f | function ; (x, y) | -", "torch.b.f | =torch.a.f | function ; (x)")
    assert told(*names) == [("moved", "torch.a.f", "torch.b.f"), ("parameter gone", "torch.a.f", "y")]


def test_a_method_that_its_base_class_has_now_is_not_gone():
    names = (
        "torch.B | class ; () | .",
        "torch.C | class ; () ; <torch.B | .",
        "torch.B.f | - | method ; ()",
        "torch.C.f | method ; () | -",
    )
    assert told(*names) == [("new", "torch.B.f", "method")]


def test_members_of_a_class_that_is_only_known_to_exist_are_not_called_gone_or_new():
    assert told("torch.C | class ; () | ", "torch.C.f | method ; () | -") == []
    assert told("torch.C | | class ; ()", "torch.C.f | - | method ; ()") == []


def test_what_every_object_has_is_not_told():
    names = ("torch.C | class ; () | .", "torch.C.__eq__ | method ; (other) | -")
    assert told(*names) == []


def test_variables_of_types_are_not_told():
    names = (
        "torch.T_co | attribute | -",
        "torch.R | - | attribute",
        "torch.C | class ; () | .",
        "torch.C.T | - | property",
    )
    assert told(*names) == [("new", "torch.C.T", "property")]


def test_a_method_became_a_property():
    names = ("torch.C | class ; () | .", "torch.C.f | method ; () | property")
    assert told(*names) == [("replaced", "torch.C.f", "property")]


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("a, b=1", "a", ("parameter gone", "b")),
        ("a", "a, b=1", ("parameter added", "b")),
        ("a", "a, *, b", ("parameter required", "b")),
        ("a, b=1", "a, b", ("parameter required", "b")),
        ("a, b=1", "a, c=1", ("parameter renamed", "b")),
        ("a, b", "b, a", ("parameters reordered", "b, a")),
        ("a, b=1", "a, *, b=1", ("parameters reordered", "b")),
        ("a, b=1", "a, b=2", ("default", "b")),
        ("a, b=1", "a, b='deprecated'", ("deprecated", "b")),
    ],
)
def test_changes_of_a_parameter(old, new, change):
    assert of_parameters(old, new) == [change]


def test_a_parameter_put_before_another_is_added_and_moves_it():
    assert of_parameters("a, b=1", "a, c=2, b=1") == [("parameters reordered", "c"), ("parameter added", "c")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a, b=1", "a, b=1.0"),
        ("a, b='x'", 'a, b="x"'),
        ("a, b=[0, 1]", "a, b=(0, 1)"),
        ("a, b=1", "a, b=..."),
        ("a, b=<object>", "a, b=1"),
        ("a, b=1", "a, b=1, _c=2"),
        ("arg0", "arg1"),
        ("a, /", "b, /"),
        ("a, *, b=1", "a, b=1"),
        ("a, b=1", "*args, **kwargs"),
        ("*args, **kwargs", "a, b=1"),
        ("a, b=1", "a, **kwargs"),
    ],
)
def test_what_means_the_same_or_cannot_be_known_is_not_told(old, new):
    assert of_parameters(old, new) == []


def test_two_parameters_in_place_of_others_are_not_called_renamed():
    assert of_parameters("a, b, c", "a, x, y") == [
        ("parameter gone", "b"),
        ("parameter gone", "c"),
        ("parameter required", "x"),
        ("parameter required", "y"),
    ]


def test_what_follows_a_gone_parameter_is_to_be_passed_by_keyword():
    (change,) = changes(inventory("torch.f | function ; (a, b=1, c=2) | function ; (a, c=2)"), OLD, NEW)
    assert change.hint == "do not pass it, and pass what follows it by keyword"


def test_what_is_required_at_the_place_of_a_gone_parameter_is_to_be_passed_there():
    said = inventory("torch.f | function ; (a, path, c=2, tee=1) | function ; (a, specs, d=None, c=2)")
    assert next(one.hint for one in changes(said, OLD, NEW) if one.parameter == "path") == "pass specs in its place"


def test_documentation_alone_takes_no_parameter_away():
    assert told("torch.f | function ; doc(a, b=1) | function ; doc(a)") == []


def test_documentation_that_comes_late_adds_nothing():
    assert told("torch.f | function ; doc(a) ; op(a, *, b=1) | function ; doc(a, *, b=1) ; op(a, *, b=1)") == []


def test_the_schema_of_an_operator_takes_a_parameter_away():
    assert told("torch.f | function ; doc(a) ; op(a, *, b=1) | function ; doc(a) ; op(a)") == [
        ("parameter gone", "torch.f", "b")
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [("op(a)", "op(a) ; op(a, b)"), ("op(a) ; op(c)", "op(a, b=1) ; op(c, b=1)")],
)
def test_overloads_are_taken_together(old, new):
    assert told(f"torch.f | function ; {old} | function ; {new}") == [("parameter added", "torch.f", "b")]


def test_deprecated_is_told_when_it_begins():
    names = ("torch.f | function ; () | function ; () ; !use g", "torch.g | function ; () ; !old | .")
    assert told(*names) == [("deprecated", "torch.f", "use g")]


def test_what_a_base_class_changed_alike_names_it():
    names = inventory(
        "torch.B | class ; () | .",
        "torch.C | class ; () ; <torch.B | .",
        "torch.B.f | method ; (a) | method ; ()",
        "torch.C.f | method ; (a) | method ; ()",
    )
    assert [(change.name, change.base) for change in changes(names, OLD, NEW)] == [
        ("torch.B.f", None),
        ("torch.C.f", "torch.B.f"),
    ]


def test_private_names_are_not_told():
    assert told("torch._f | function ; () | -", "torch._g | - | function ; ()") == []


@pytest.mark.parametrize("text", ["2.1", "2.1.0", "2.1.2+cu121"])
def test_a_release_is_given_as_people_write_it(text):
    assert release(text, inventory("torch.f | function | .")) == "2.1"


@pytest.mark.parametrize("text", ["2.7", "1.13", "new"])
def test_an_unknown_release_is_refused(text):
    with pytest.raises(Refusal, match=r"2\.0 to 2\.1|as in 2\.8"):
        release(text, inventory("torch.f | function | ."))


def fact(identity, *, since=None, until=None, subject="torch.f", claim="It is so.", hint=None, **said):
    return IndexedFact(
        subjects=(subject,), since=since, until=until, id=identity, claim=claim, hint=hint, file="a.py", line=1, **said
    )


def felt(facts, *lines):
    names = inventory(*lines)
    return [
        (change.name, change.old, change.new)
        for change in behaviours(facts, names, OLD, NEW, changes(names, OLD, NEW))
    ]  # fmt: skip


def test_a_claim_about_a_member_or_a_dtype_that_is_new_is_no_other_behaviour():
    lines = ("torch.f | function ; () | .", "torch.f.AUTO | - | attribute", "torch.float8 | - | attribute")
    told = [fact("a", since="2.1", claim="With `f.AUTO` it is so."), fact("b", since="2.1", claim="It takes float8.")]
    assert felt(told, *lines) == []


def test_what_was_not_there_did_not_behave_otherwise():
    told = [fact("a", since="2.1", claim="It is so."), fact("b", since="2.1", claim="So it is.", subject="torch.g")]
    assert felt([*told, fact("c", since="2.0.1", subject="torch.f")], "torch.f | - | function ; ()",
                "torch.g | function ; () | .") == [("torch.g", None, "So it is.")]  # fmt: skip


def test_the_warning_of_a_deprecated_parameter_is_told_once():
    lines = ("torch.f | function ; (a=1, b=1) | function ; (a='deprecated', b=1)",)
    warned = [fact(name, since="2.1", claim=f"`f` warns that `{name}` is deprecated.") for name in "ab"]
    assert [new for _, _, new in felt(warned, *lines)] == ["`f` warns that `b` is deprecated."]


def test_a_behaviour_that_ends_again_says_when():
    names = inventory("torch.f | function ; () | .")
    (change,) = behaviours([fact("a", since="2.1", until="2.9", claim="It is.")], names, OLD, NEW)
    assert diff.sentence(change) == "torch.f  behaviour: now (until 2.9): It is."


def test_a_fact_that_ends_and_one_that_begins_are_one_change():
    facts = [fact("a", until="2.1", claim="It was."), fact("b", since="2.1", claim="It is.")]
    assert felt(facts, "torch.f | function ; () | .") == [("torch.f", "It was.", "It is.")]


def test_a_fact_outside_the_two_releases_is_no_change():
    assert felt([fact("a", since="2.0"), fact("b", until="2.2")], "torch.f | function ; () | .") == []


def test_a_fact_about_something_new_is_no_changed_behaviour():
    assert felt([fact("a", since="2.1")], "torch.f | - | function ; ()") == []


def test_a_fact_about_a_new_parameter_is_no_changed_behaviour():
    facts = [fact("a", since="2.1", claim="`f(b=2)` is two."), fact("b", until="2.1", claim="`f` does not take `b`.")]
    assert felt(facts, "torch.f | function ; (a) | function ; (a, b=1)") == []


def test_what_a_new_parameter_is_by_default_is_told_to_calls_without_it():
    facts = [fact("a", since="2.1", claim="`f` does other things, as `b` is True.", calls="not b")]
    assert felt(facts, "torch.f | function ; (a) | function ; (a, b=True)") == [("torch.f", None, facts[0].claim)]


def test_what_held_in_neither_release_is_no_news():
    names = inventory("torch.f | function ; () | .")
    names.releases = ("1.9", "2.0", "2.1", "2.2")
    known = [fact("a", since="2.0", until="2.1"), fact("b", since="2.1", until="2.2"), fact("c", until="2.1")]
    assert [change.fact for change in behaviours(known, names, "1.9", "2.2")] == ["c"]


def test_a_range_that_concerns_no_call_is_no_news():
    assert felt([fact("a", since="2.1", calls="none")], "torch.f | function ; () | .") == []


def test_sides_about_other_calls_are_two_changes():
    facts = [fact("a", until="2.1", claim="A.", calls="eps=0"), fact("b", since="2.1", claim="B.", calls="not eps")]
    assert felt(facts, "torch.f | function ; () | .") == [("torch.f", "A.", None), ("torch.f", None, "B.")]


@pytest.mark.parametrize("claim", ["`f` warns that it is deprecated.", "`f` and `g` warn that `h` took their place."])
def test_the_warning_of_a_deprecation_is_told_once(claim):
    facts = [fact("a", since="2.1", claim=claim)]
    assert felt(facts, "torch.f | function ; () | function ; () ; !use g") == []


@pytest.mark.parametrize("said", [{"calls": "not b"}, {"claim": "It is so."}])
def test_what_else_begins_with_a_deprecation_is_told(said):
    facts = [fact("a", since="2.1", **{"claim": "`f` warns.", **said})]
    told = felt(facts, "torch.f | function ; (b=1) | function ; (b=1) ; !use g")
    assert told == [("torch.f", None, facts[0].claim)]


def test_what_changed_on_one_device_is_told_as_that():
    facts = [fact("a", since={"cpu": "2.0", "cuda": "2.1"}), fact("b", since={"cpu": "2.1", "cuda": "2.0"})]
    assert sorted(felt(facts, "torch.f | function ; () | .")) == [
        ("torch.f", None, "It is so. (on cpu)"),
        ("torch.f", None, "It is so. (on cuda)"),
    ]


def test_what_is_said_of_a_parameter_that_went_is_told_once():
    facts = [fact("a", since="2.1", claim="It has no argument `b`.")]
    assert felt(facts, "torch.f | function ; (a, b=1) | function ; (a)") == []


NAMES = inventory(
    "torch.gone | function ; (a) | -",
    "torch.optim | module | .",
    "torch.optim.A | class ; (lr, verbose=False) | class ; (lr)",
    "torch.optim.B | class ; (lr, verbose=False) | class ; (lr)",
    "torch.save | function ; (f, safe=False) | function ; (f, safe=True)",
    "torch.old | function ; () | function ; () ; !use torch.new",
    "torch.Tensor | class ; () | .",
    "torch.Tensor.flip | method ; () | -",
    "torch.flat | function ; op(a, b) ; op(a, c, d) | function ; op(a, c, d)",
    "torch._secret | function ; () | -",
    "torch.late | - | function ; (a)",
    "torch.more | function ; (a) | function ; (a, b=1)",
)


PLATFORM = Change("platform", "Python 3.8", old="wheels", hint="no wheels any more: the last that has them is 2.0.1")


@pytest.fixture
def run(monkeypatch, capsys):
    """`torchproof diff` with these arguments: its exit code and what it prints."""
    monkeypatch.setattr(diff, "inventory", lambda: NAMES)
    monkeypatch.setattr(diff, "ranged", lambda: (fact("a", since="2.1", subject="torch.save", hint="say so"),))
    monkeypatch.setattr(diff.platforms, "changes", lambda old, new: [PLATFORM] if old != new else [])
    monkeypatch.setattr(diff, "outcomes", lambda: Table(("2.0", "2.1"), {}, {}))

    def run(*arguments):
        parser = argparse.ArgumentParser()
        diff.arguments(parser)
        return diff.command(parser.parse_args(list(arguments))), capsys.readouterr().out

    return run


def test_the_screen_begins_with_the_counts_most_felt_first(run):
    code, out = run("2.0", "2.1")
    assert code == 0
    assert out.startswith(
        "torch 2.0 → 2.1: 1 platform, 2 gone, 3 parameter gone, 1 default, 1 behaviour, 1 deprecated, "
    )


def test_what_a_call_gives_that_it_did_not_is_told(run, monkeypatch):
    call = Call("torch.save", "torch.save(x)", "float16", (Outcome("raises RuntimeError: no"), Outcome("1")))
    monkeypatch.setattr(diff, "outcomes", lambda: Table(("2.0", "2.1"), {}, {"torch.save": [call]}))
    _, out = run("2.0", "2.1")
    assert "call taken (1): it raised an error: nothing to do\n  torch.save  takes float16 on the CPU\n" in out


def test_of_what_many_calls_give_some_is_told_and_the_rest_counted(run, monkeypatch):
    outcomes = Outcome("raises RuntimeError: no"), Outcome("1")
    calls = [Call("torch.save", f"torch.save(x, k={place})", "float32", outcomes) for place in range(3)]
    refused = [
        Call(
            "torch.save", f"torch.save(x, k={place})", "float32", (Outcome("1"), Outcome(f"raises ValueError: {place}"))
        )
        for place in range(diff._ROWS + 2)
    ]
    monkeypatch.setattr(diff, "outcomes", lambda: Table(("2.0", "2.1"), {}, {"torch.save": [*calls, *refused]}))
    assert "and 2 more: --all tells them" in run("2.0", "2.1")[1]
    assert "--all tells them" not in run("2.0", "2.1", "--all")[1]
    assert "`torch.save(x, k=0)` (and 2 more such calls) works where it raised RuntimeError" in run("2.0", "2.1")[1]


def test_what_changed_alike_stands_in_one_line(run):
    _, out = run("2.0", "2.1")
    assert "  torch.optim.{A, B}(verbose)\n" in out
    assert "  torch.save(safe=False → True)\n" in out
    assert "  torch.save  now: It is so. (say so)\n" in out


@pytest.mark.parametrize("columns", [60, None])
def test_lines_fit_the_terminal_and_are_whole_elsewhere(run, monkeypatch, columns):
    monkeypatch.setattr("torchproof.reports.screen.width", lambda: columns)
    monkeypatch.setattr("textwrap.shorten", lambda text, width, placeholder: text)
    monkeypatch.setattr(diff, "ranged", lambda: (fact("a", since="2.1", subject="torch.save", claim="It is so. " * 9),))
    _, out = run("2.0", "2.1")
    told = out.partition("\nbehaviour (1)")[2].partition("\n\n")[0].splitlines()[1:]
    assert (max(map(len, told)) <= 60) == (len(told) > 1) == (columns == 60)


def test_nothing_changed_says_so(run):
    assert run("2.1", "2.1")[1] == "torch 2.1 → 2.1: both are one\n"


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_what_hardly_anyone_uses_is_counted(form):
    found = [Change("gone", "torch.rare.deep.thing.f"), Change("gone", "torch.cat")]
    shown, whole = (getattr(diff, f"as_{form}")(found, "2.0", "2.1", is_all=is_all) for is_all in (False, True))
    assert "torch.cat" in shown
    assert "and 1 more that hardly anyone uses: --all tells them" in shown
    assert "torch.rare.deep.thing.f" in whole
    assert "hardly" not in whole


def test_what_is_most_used_comes_first():
    found = [Change("gone", "torch.logaddexp2"), Change("gone", "torch.nn.Linear"), Change("gone", "torch.zzz")]
    rows = diff.as_text(found, "2.0", "2.1").splitlines()[3:]
    assert rows[0].split() == ["torch.nn.Linear"]


# --- one entry for what is one ----------------------------------------------------------------------------------------


def one(*changes):
    """The one entry of these changes, as a sentence."""
    (entry,) = entries(changes)
    return diff.sentence(entry)


def of(kind, parameter, **said):
    return Change(kind, "torch.f", parameter=parameter, **said)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            [
                of("parameter gone", "a", hint="do not pass it"),
                of("parameter gone", "b", hint="do not pass it, and pass what follows it by keyword"),
            ],
            "torch.f(a, b)  parameter gone: do not pass them, and pass what follows them by keyword",
        ),
        (
            [
                of("parameter renamed", "a", to="x", hint="pass x="),
                of("parameter renamed", "b", to="y", hint="pass y="),
            ],
            "torch.f(a → x, b → y)  parameter renamed: pass x=, y=",
        ),
        (
            [of("parameters reordered", name, new="keyword only", hint=f"pass {name}=") for name in "ab"],
            "torch.f(a, b keyword only)  parameters reordered: pass a=, b=",
        ),
        (
            [
                of("default", "a", old="1", new="2", hint="pass a=1 to keep what it did"),
                of("default", "b", old="3", new="4", hint="pass b=3 to keep what it did"),
            ],
            "torch.f(a=1 → 2, b=3 → 4)  default: pass a=1, b=3 to keep what it did",
        ),
        (
            [of("deprecated", "a", new="`a` is deprecated. Use x."), of("deprecated", "b", new="Deprecated.")],
            "torch.f(a, b)  deprecated: a: Use x",
        ),
        ([of("deprecated", name, new=f"`{name}` will go.") for name in "ab"], "torch.f(a, b)  deprecated: it will go."),
        (
            [
                of("default", "a", old="1", new="2", hint="pass a=1 to keep what it did"),
                Change("behaviour", "torch.f", old="It was.", new="It is.", hint="pass a=1", calls="not a"),
            ],
            "torch.f(a=1 → 2)  behaviour: was: It was. now: It is. (pass a=1)",
        ),
        (
            [of("parameters reordered", "a", new="before b", hint="pass them by keyword"), of("parameter added", "a")],
            "torch.f(a before b)  parameters reordered: pass them by keyword",
        ),
        (
            [of("parameter required", "a", hint="pass it"), of("parameters reordered", "a", new="before b")],
            "torch.f(a before b)  parameter required: pass it",
        ),
    ],
)
def test_what_is_one_change_is_one_entry(changes, says):
    assert one(*changes) == says


def test_other_names_and_what_a_base_class_tells_are_entries_of_their_own():
    changes = [of("parameter gone", "a"), of("parameter gone", "b", base="torch.g"), Change("gone", "torch.f")]
    assert entries(changes) == changes


def test_an_entry_has_its_parts_in_json_with_their_places(run, code, monkeypatch):
    names = inventory("torch.two | function ; (x=1, a=1, b=1) | function ; (x=1)")
    monkeypatch.setattr(diff, "inventory", lambda: names)
    path = code("torch.two(a=1)\ntorch.two(b=1, a=2)\n")
    exit_code, out = run("2.0", "2.1", "--uses", path)
    assert (exit_code, out.count("torch.two(a, b)  parameter gone: do not pass them")) == (1, 1)
    assert "code.py:2  a\n" in out
    assert "code.py:3\n" in out
    (entry,) = json.loads(run("2.0", "2.1", "--json", "--uses", path)[1])["certain"]
    assert [(part["parameter"], len(part["places"])) for part in entry["parts"]] == [("a", 2), ("b", 1)]
    every = json.loads(run("2.0", "2.1", "--json")[1])["changes"]
    (entry,) = [one for one in every if one["kind"] == "parameter gone"]
    assert [part["parameter"] for part in entry["parts"]] == ["a", "b"]


# --- to an older release ----------------------------------------------------------------------------------------------


def test_what_came_later_is_not_there_yet(run, code):
    exit_code, out = run("2.1", "2.0", "--uses", code("torch.late(1)\n"))
    assert exit_code == 1
    assert "torch.late  gone: new in 2.1; not in 2.0" in out


def test_an_older_release_has_what_went_later_and_no_parameter_that_came(run):
    _, out = run("2.1", "2.0")
    assert "gone (1): the older release does not have it\n  torch.late  new in 2.1; not in 2.0\n" in out
    assert "parameter gone (1): passing it is refused\n  torch.more(b)\n" in out
    assert "new (2): the newer release no longer has it: nothing to do\n" in out
    assert "no longer deprecated" not in out


def test_a_behaviour_is_not_yet_so_or_still(run, monkeypatch):
    known = (fact("a", since="2.1", subject="torch.save", hint="h"), fact("b", until="2.1", subject="torch.more"))
    monkeypatch.setattr(diff, "ranged", lambda: known)
    _, out = run("2.1", "2.0")
    assert "  torch.save  not yet: It is so.\n" in out
    assert "  torch.more  still: It is so.\n" in out


def test_there_and_back_is_the_reverse():
    there, back = changes(NAMES, "2.0", "2.1"), changes(NAMES, "2.1", "2.0")
    assert {change.name for change in there if change.kind == "new"} == {one.name for one in back if one.kind == "gone"}
    assert {change.name for change in there if change.kind == "gone"} == {one.name for one in back if one.kind == "new"}


# --- what is installed ------------------------------------------------------------------------------------------------


def test_the_installed_torch_is_asked_for_its_version_alone(run, monkeypatch):
    monkeypatch.setattr(diff.metadata, "version", lambda name: {"torch": "2.0.1+cu118"}[name])
    assert run("installed", "2.1")[1].startswith("torch 2.0 → 2.1: ")


def test_where_no_torch_is_installed_it_says_so(run, monkeypatch):
    def version(name):
        raise diff.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(diff.metadata, "version", version)
    with pytest.raises(Refusal, match=r"no torch is installed for .*name a release in place of 'installed'"):
        run("installed", "2.1")


def test_one_release_alone_is_refused(run):
    with pytest.raises(Refusal, match=r"two releases, as in torchproof diff 2\.8 2\.13, or --ahead"):
        run("2.0")


def test_json_has_every_change(run):
    said = json.loads(run("2.0", "2.1", "--json")[1])
    assert (said["schema"], said["old"], said["new"]) == (1, "2.0", "2.1")
    assert said["counts"]["parameter gone"] == 3
    assert {
        "kind": "default",
        "name": "torch.save",
        "parameter": "safe",
        "old": "False",
        "new": "True",
        "hint": "pass safe=False to keep what it did",
    } in said["changes"]


def test_markdown_has_headings_and_lists(run):
    _, out = run("2.0", "2.1", "--markdown")
    assert "#### gone (2): the name is nowhere any more\n\n- `torch.Tensor.flip`\n- `torch.gone`\n" in out


def test_markdown_folds_what_is_long():
    many = [Change("gone", f"torch.cat{number}", hint=str(number)) for number in range(11)]
    assert "<details><summary>gone (11): " in diff.as_markdown(many, "2.0", "2.1")


@pytest.fixture
def code(tmp_path):
    def code(text):
        (tmp_path / "code.py").write_text("import torch\n" + text, encoding="utf-8")
        return str(tmp_path)

    return code


def test_platforms_are_told_in_the_order_of_their_versions(run, code, tmp_path, monkeypatch):
    found = [replace(PLATFORM, name=f"Python 3.{minor}") for minor in (8, 9, 10)]
    monkeypatch.setattr(diff.platforms, "changes", lambda *_: found)
    (tmp_path / "pyproject.toml").write_text("[project]\nrequires-python = '>=3.8'\n", encoding="utf-8")
    _, out = run("2.0", "2.1", "--uses", code("torch.save(1)\n"))
    assert [line.split()[1] for line in out.splitlines() if line.startswith("  Python")] == ["3.8", "3.9", "3.10"]


@pytest.mark.parametrize(
    ("python", "install", "is_told"),
    [
        ('"3.8"', "pip install torch", True),
        ("${{ matrix.python }}", "pip install torch==${{ matrix.torch }}", True),
        ('"3.9"', "pip install torch", False),
        ('"3.8"', "pip install numpy && echo torch", False),
    ],
)
def test_the_python_of_a_job_that_installs_torch_is_one_that_the_project_needs(
    run, code, tmp_path, python, install, is_told
):
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / ".github" / "workflows" / "ci.yml").write_text(
        "jobs:\n  t:\n    strategy:\n      matrix:\n        python: ['3.8', '3.11']\n        torch: ['2.0', '2.1']\n"
        f"    steps:\n      - with:\n          python-version: {python}\n      - run: {install}\n",
        encoding="utf-8",
    )
    _, out = run("2.0", "2.1", "--uses", code("torch.save(1)\n"))
    assert ("Python 3.8  platform" in out and "workflows/ci.yml:10\n" in out) is is_told


@pytest.mark.parametrize(("old", "is_told"), [("torch<2.1", False), ("torch<=2.1", True)])
def test_a_python_that_stays_behind_by_a_marker_misses_no_wheels(run, code, tmp_path, old, is_told):
    (tmp_path / "pyproject.toml").write_text(
        "[project]\nname = 'a'\nrequires-python = '>=3.8'\n"
        f"dependencies = [\"{old}; python_version < '3.9'\", \"torch; python_version >= '3.9'\"]\n",
        encoding="utf-8",
    )
    assert ("Python 3.8" in run("2.0", "2.1", "--uses", code("torch.save(1)\n"))[1]) is is_told


@pytest.mark.parametrize(
    ("asked", "is_told"), [("numpy", True), ("numpy>=2", True), ("numpy<2", False), ("six", False)]
)
def test_a_numpy_that_wheels_were_not_built_for_is_told_where_it_may_be_installed(
    run, code, tmp_path, monkeypatch, asked, is_told
):
    found = [replace(PLATFORM, name="NumPy on Linux", old="2", new="1", hint="NumPy 2 cannot be used with it")]
    monkeypatch.setattr(diff.platforms, "changes", lambda *_: found)
    (tmp_path / "requirements.txt").write_text(f"torch\n{asked}\n", encoding="utf-8")
    assert ("NumPy 2 cannot" in run("2.1", "2.0", "--uses", code("torch.save(1)\n"))[1]) is is_told


def test_what_an_environment_is_made_for_and_wheels_no_longer_are_is_told(run, code, tmp_path, monkeypatch):
    found = [replace(PLATFORM, name=name) for name in ("macOS on Intel (x86_64)", "Windows on arm64", PLATFORM.name)]
    monkeypatch.setattr(diff.platforms, "changes", lambda *_: found)
    text = "[workspace]\nplatforms = ['osx-64', 'linux-64']\n[dependencies]\npython = '3.8.*'\n"
    (tmp_path / "pixi.toml").write_text(text, encoding="utf-8")
    (tmp_path / "setup.cfg").write_text("[options]\npython_requires = >=3.8", encoding="utf-8")
    _, out = run("2.0", "2.1", "--uses", code("torch.save(1)\n"))
    assert "platform (2)\n  macOS on Intel" in out
    assert "setup.cfg\n      pixi.toml\n" in out


@pytest.mark.parametrize(
    ("old", "new", "declared", "says"),
    [
        ("2.0", "2.1", "torch<2.1", "does not allow torch 2.1: change it to go there"),
        ("2.0", "2.1", "torch>=2.1", "does not allow torch 2.0"),
        ("2.1", "2.0", "torch>=2.1", "does not allow torch 2.0: change it to go there"),
        ("2.0", "2.1", "torch==1.13.*", "allows neither torch 2.0 nor 2.1"),
    ],
)
def test_what_the_project_declares_and_leaves_out_is_told(run, code, tmp_path, old, new, declared, says):
    (tmp_path / "requirements.txt").write_text(declared, encoding="utf-8")
    exit_code, out = run(old, new, "--uses", code("torch.Tensor\n"))
    assert exit_code == 0
    assert out.endswith(f"declared (1)\n  {declared}  declared: {says}\n      requirements.txt\n")


@pytest.mark.parametrize(
    ("asked", "old", "new", "says"),
    [
        ("-i https://x/whl/cu118", "2.7", "2.8", "no wheels any more: the last that has them is 2.7"),
        ("-i https://x/whl/cu128", "2.8", "2.5", "no wheels: the first that has them is 2.7"),
        ("-i https://x/whl/cu118", "2.5", "2.7", None),
        ("-i https://x/whl/cu118", "2.8", "2.9", None),
        ("-i https://x/whl/cu128", "2.8", "2.15", None),
        ("-i https://x/whl/cu113", "2.0", "2.15", None),
        ("-i https://x/whl/cpu", "2.0", "2.15", None),
    ],
)
def test_the_cuda_of_the_projects_index_that_is_not_to_be_had_is_told(tmp_path, capsys, asked, old, new, says):
    (tmp_path / "requirements.txt").write_text(f"{asked}\ntorch\n", encoding="utf-8")
    (tmp_path / "code.py").write_text("import torch\ntorch.Tensor\n", encoding="utf-8")
    parser = argparse.ArgumentParser()
    diff.arguments(parser)
    diff.command(parser.parse_args([old, new, "--uses", str(tmp_path)]))
    out = capsys.readouterr().out
    assert f"platform: {says}" in out if says else "CUDA" not in out


@pytest.mark.parametrize("version", ["=11.8", "=11.8.0", "==11.8.*", " 11.8 h7e8668a_5"])
def test_the_cuda_of_an_environment_of_conda_that_is_not_to_be_had_is_told(tmp_path, capsys, version):
    text = f"dependencies:\n- pytorch\n- pytorch-cuda{version}\n"
    (tmp_path / "environment.yml").write_text(text, encoding="utf-8")
    (tmp_path / "code.py").write_text("import torch\ntorch.Tensor\n", encoding="utf-8")
    parser = argparse.ArgumentParser()
    diff.arguments(parser)
    diff.command(parser.parse_args(["2.5", "2.6", "--uses", str(tmp_path)]))
    assert "no packages in conda's channel pytorch any more: the last that has them is 2.5" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("cudatoolkit=11.3", "no builds any more: the last that has them is 2.7"),
        ("cuda-version=11.8", "no builds any more: the last that has them is 2.7"),
        ("cuda-version>=11.8", None),
        ("cuda-version=12.1", None),
    ],
)
def test_builds_of_conda_for_any_cuda_of_a_major_version(tmp_path, capsys, asked, says):
    (tmp_path / "environment.yml").write_text(f"dependencies:\n- pytorch\n- {asked}\n", encoding="utf-8")
    (tmp_path / "code.py").write_text("import torch\ntorch.Tensor\n", encoding="utf-8")
    parser = argparse.ArgumentParser()
    diff.arguments(parser)
    diff.command(parser.parse_args(["2.5", "2.15", "--uses", str(tmp_path)]))
    out = capsys.readouterr().out
    assert f"CUDA 11  platform: {says}" in out if says else "CUDA" not in out


@pytest.mark.parametrize(
    ("name", "text", "is_told"),
    [
        ("Dockerfile", 'FROM x\nENV TORCH_CUDA_ARCH_LIST="6.1;7.5"\n', True),
        ("Dockerfile", "FROM x\nRUN TORCH_CUDA_ARCH_LIST='7.5 8.0+PTX' pip install torch .\n", False),
        ("Dockerfile", "ENV TORCH_CUDA_ARCH_LIST=6.0\nRUN pip install torch -i https://x/whl/cu126\n", False),
        (".github/workflows/a.yml", "env:\n  TORCH_CUDA_ARCH_LIST: '5.2'\n", True),
    ],
)
def test_gpus_that_extensions_are_built_for_and_wheels_have_no_code_for(tmp_path, capsys, name, text, is_told):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "code.py").write_text("import torch\ntorch.Tensor\n", encoding="utf-8")
    parser = argparse.ArgumentParser()
    diff.arguments(parser)
    diff.command(parser.parse_args(["2.7", "2.8", "--uses", str(tmp_path)]))
    assert ("GPUs  platform: no code any more for compute capability" in capsys.readouterr().out) is is_told


def test_what_the_project_declares_for_another_environment_leaves_nothing_out(run, code, tmp_path):
    text = "torch<2.1; sys_platform == 'darwin'\ntorch>=2.0; sys_platform != 'darwin'\n"
    (tmp_path / "requirements.txt").write_text(text, encoding="utf-8")
    assert "declared" not in run("2.0", "2.1", "--uses", code("torch.Tensor\n"))[1]


def test_what_the_project_takes_and_wheels_no_longer_do_is_told(run, code, tmp_path):
    path = code("torch.save(1)\n")
    assert "platform" not in run("2.0", "2.1", "--uses", path)[1]
    (tmp_path / "pyproject.toml").write_text("[project]\nrequires-python = '>=3.8'\n", encoding="utf-8")
    exit_code, out = run("2.0", "2.1", "--uses", path)
    assert exit_code == 0
    assert f"platform (1)\n  Python 3.8  platform: {PLATFORM.hint}\n      pyproject.toml\n" in out
    (tmp_path / "pyproject.toml").write_text("[project]\nrequires-python = '>=3.9'\n", encoding="utf-8")
    assert "platform" not in run("2.0", "2.1", "--uses", path)[1]


def test_uses_tells_what_breaks_with_its_line_and_fails(run, code):
    exit_code, out = run("2.0", "2.1", "--uses", code("torch.gone(1)\ntorch.optim.A(1, verbose=True)\n"))
    assert exit_code == 1
    assert "2 breaks" in out.splitlines()[0]
    assert "torch.optim.A(verbose)  parameter gone: do not pass it" in out
    assert "code.py:3" in out


def test_a_parameter_that_is_not_passed_does_not_break(run, code):
    exit_code, out = run("2.0", "2.1", "--uses", code("torch.optim.A(1)\n"))
    assert (exit_code, "nothing changes" in out) == (0, True)


def test_a_gone_parameter_passed_by_position_breaks(run, code):
    assert run("2.0", "2.1", "--uses", code("torch.optim.A(1, True)\n"))[0] == 1


def test_which_overload_is_called_by_position_is_not_guessed(run, code):
    assert run("2.0", "2.1", "--uses", code("torch.flat(1, 2)\n"))[0] == 0
    assert run("2.0", "2.1", "--uses", code("torch.flat(1, b=2)\n"))[0] == 1


def test_another_default_is_told_where_it_is_not_passed(run, code):
    exit_code, out = run("2.0", "2.1", "--uses", code("torch.save('f')\ntorch.save('f', safe=False)\n"))
    assert exit_code == 0
    assert "torch.save(safe=False → True)  default: pass safe=False to keep what it did" in out
    assert "code.py:2\n" in out


def test_another_default_is_told_to_the_calls_in_which_it_matters(run, code, monkeypatch):
    monkeypatch.setattr(defaults, "matters", lambda name, parameter: "f=2")
    _, out = run("2.0", "2.1", "--uses", code("torch.save(1)\ntorch.save(2)\ntorch.save(f=2)\n"))
    told = out.partition("default (1)\n")[2].partition("\nbehaviour")[0]
    assert "code.py:3\n" in told and "code.py:4\n" in told and "code.py:2\n" not in told


@pytest.mark.parametrize(
    "text",
    [
        "import pickle\ntry:\n    torch.load(f)\nexcept pickle.UnpicklingError:\n    fall_back(f)\n",
        "torch.load(f, pickle_module=dill)\n",
        "torch.onnx.export(m, x, f, dynamo=False)\n",
    ],
)
def test_another_default_is_not_told_where_it_changes_nothing(run, code, monkeypatch, text):
    monkeypatch.setattr(diff, "inventory", of_releases)
    _, out = run("2.5", "2.15", "--uses", code(text))
    assert "default (" not in out


@pytest.mark.parametrize(("given", "is_told"), [("", True), (", dynamo=True", True), (", dynamo=False", False)])
def test_a_deprecation_is_told_to_the_calls_that_it_names(run, code, monkeypatch, given, is_told):
    monkeypatch.setattr(diff, "inventory", of_releases)
    _, out = run("2.10", "2.11", "--uses", code(f"torch.onnx.export(m, x, f, dynamic_axes=axes{given})\n"))
    assert ("torch.onnx.export(dynamic_axes)  deprecated" in out) is is_told


@pytest.mark.parametrize(
    ("line", "is_told"),
    [
        ("print(torch.backends.cudnn.allow_tf32)", True),
        ("torch.backends.cudnn.allow_tf32 = False", False),
        ("x = torch.half", False),
        ("x = torch.zeros(1).half()", True),
    ],
)
def test_a_behaviour_of_a_setting_concerns_its_readers_and_of_a_method_no_dtype(run, code, monkeypatch, line, is_told):
    subjects = ("torch.backends.cudnn.allow_tf32", "torch.Tensor.half")
    monkeypatch.setattr(diff, "inventory", of_releases)
    monkeypatch.setattr(diff, "ranged", lambda: tuple(fact(one, since="2.9", subject=one) for one in subjects))
    _, out = run("2.8", "2.9", "--uses", code(line + "\n"))
    assert ("behaviour: now: It is so." in out) is is_told


@pytest.mark.parametrize("way", [("2.0", "2.1"), ("2.1", "2.0")])
@pytest.mark.parametrize(
    ("lines", "is_told"),
    [
        ("torch.save(1)", True),
        ("if hasattr(torch, 'unheard_of'):\n    torch.save(1)", False),
        ("from packaging.version import parse\nif parse(torch.__version__) < parse('2.1'):\n    torch.save(1)", False),
        ("from packaging.version import parse\nif parse(torch.__version__) >= parse('2.1'):\n    torch.save(1)", False),
    ],
)
def test_what_changes_is_told_to_calls_that_run_before_it_and_after_it(run, code, way, lines, is_told):
    _, out = run(*way, "--uses", code(lines))
    assert ("behaviour: " in out, "default: " in out) == (is_told, is_told)


def test_a_behaviour_that_certainly_concerns_one_call_may_concern_another(run, code):
    _, out = run("2.0", "2.1", "--uses", code("torch.save(1)\nfor each in map(torch.save, them): each()\n"))
    certain, possible = out.split("possible (1)")
    assert ("code.py:2" in certain, "code.py:3" in certain, "code.py:3" in possible) == (True, False, True)


def test_methods_of_unknown_values_are_only_possible(run, code):
    exit_code, out = run("2.0", "2.1", "--uses", code("def f(x):\n    return x.flip()\n"))
    assert exit_code == 0
    assert "possible (1)" in out


def test_what_breaks_in_tests_alone_is_told_as_that_and_stands_behind_elsewhere(run, tmp_path):
    for name, text in (("a/tests/test_a.py", "torch.gone(1)\ntorch.old()"), ("b.py", "torch.old()")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"import torch\n{text}\n")
    exit_code, out = run("2.0", "2.1", "--uses", str(tmp_path))
    assert exit_code == 1
    assert re.search(r"torch\.gone  gone.* \(in its tests alone\)\n", out)
    assert re.search(r"torch\.old  deprecated: use torch\.new\n +\S+/b\.py:2\n +\S+/a/tests/test_a\.py:3\n", out)
    asides = [
        one.get("aside") for one in json.loads(run("2.0", "2.1", "--json", "--uses", str(tmp_path))[1])["certain"]
    ]
    assert asides == ["tests", None]


def test_private_names_have_their_own_list(run, code):
    exit_code, out = run("2.0", "2.1", "--uses", code("def f():\n    torch._secret()\n"))
    assert exit_code == 0
    assert "private (1)\n  torch._secret  gone" in out


@pytest.mark.parametrize("line", ["from torch import _secret", "torch._secret()", "class A:\n    x = torch._secret"])
def test_a_module_that_cannot_be_imported_breaks_private_or_not(run, code, line):
    exit_code, out = run("2.0", "2.1", "--uses", code(line + "\n"))
    assert exit_code == 1
    assert "private, breaks (1)\n  torch._secret  gone" in out


def test_a_name_that_no_release_has_is_told_with_what_was_meant(run, code):
    exit_code, out = run("2.0", "2.1", "--uses", code("def f():\n    torch.sav('f')\n"))
    assert exit_code == 0
    assert "in no release from 2.0 on (1)\n  torch.sav  no release has it: did you mean torch.save?\n" in out
    assert "code.py:3\n" in out
    assert run("2.0", "2.1", "--uses", code("torch.sav('f')\n"))[0] == 1  # the module cannot be imported


def test_what_only_raises_in_every_release_is_told_with_its_words(run, code, monkeypatch):
    known = inventory("torch.stub | function ; (a) ; ^it is removed | .")
    monkeypatch.setattr(diff, "inventory", lambda: known)
    exit_code, out = run("2.0", "2.1", "--uses", code("def f():\n    torch.stub(1)\n"))
    assert exit_code == 0
    says = "in no release from 2.0 on (1)\n  torch.stub  no release runs it: only raises: it is removed\n"
    assert says in out
    assert "no release" not in run("2.0", "2.1", "--uses", code("handled = {torch.stub}\n"))[1]


def test_a_parameter_that_no_release_has_is_told(run, code):
    exit_code, out = run("2.0", "2.1", "--uses", code("def f():\n    torch.more(1, c=2)\n"))
    assert exit_code == 0
    assert (
        "in no release from 2.0 on (1)\n  torch.more  no release runs it: takes no parameter c, in any release\n" in out
    )


def test_a_keyword_that_was_let_through_and_is_refused_now_breaks(run, code, monkeypatch):
    known = inventory("torch.grid | function ; (a, **kwargs) | function ; (a)")
    monkeypatch.setattr(diff, "inventory", lambda: known)
    exit_code, out = run("2.0", "2.1", "--uses", code("torch.grid(1, range=2)\ntorch.grid(1)\n"))
    assert (exit_code, "breaks (1)\n  torch.grid  parameter gone: " in out) == (1, True)
    assert "code.py:3" not in out


LATER = """torchproof inventory 2
releases 2.0 2.1 2.2 2.3
torch
\tgrid\t2.0-2.2\tfunction\t(a, size)
\t\t2.2-2.3\tfunction\t(a, size, **kwargs)
\t\t2.3-\tfunction\t(a, size)
"""


def test_a_keyword_that_is_let_through_later_alone_works_in_neither_of_those_before(run, code, monkeypatch):
    monkeypatch.setattr(diff, "inventory", lambda: Inventory(LATER))
    exit_code, out = run("2.0", "2.1", "--uses", code("torch.grid(1, sise=2)\n"))
    says = "has no parameter sise, and no release names it (did you mean size?); it works in 2.2 alone\n"
    assert (exit_code, says in out) == (1, True), out
    assert run("2.0", "2.1", "--uses", code("torch.grid(1, size=2, **more)\n"))[0] == 0


def test_private_names_are_uses(run, code):
    _, out = run("2.0", "2.1", "--uses", code("def f():\n    torch._secret()\n"))
    assert "1 use in 1 Python file" in out


BETWEEN = """torchproof inventory 2
releases 2.0 2.1 2.2 2.3
torch
\tf\t2.0-2.1\tfunction\t(x)
\t\t2.1-2.3\tfunction\t(x, mode=1)
\t\t2.3-\tfunction\t(x)
\tg\t2.0-2.1\tfunction\t(x)
\t\t2.1-2.3\tfunction\t(x, mode=1)
\t\t2.3-\tfunction\t(x, way)
\tlate\t2.1-2.2\tfunction\t(x)
"""


REFUSAL = "import torch\n{}assert torch.__version__ < '2.1'\n"


def test_a_release_that_the_code_itself_refuses_is_told(run, tmp_path):
    path = tmp_path / "code.py"
    path.write_text(REFUSAL.format(""))
    exit_code, out = run("2.0", "2.1", "--uses", str(path))
    assert exit_code == 1
    assert "torch.__version__  refused: the code itself refuses torch 2.1, and does not up to 2.0\n" in out
    assert run("2.1", "2.0", "--uses", str(path))[1].endswith("nothing changes\n")
    path.write_text(REFUSAL.format("def f():\n    "))
    assert run("2.0", "2.1", "--uses", str(path))[0] == 0


@pytest.mark.parametrize(
    ("line", "says", "breaks"),
    [
        ("torch.late(1)", "torch.late  works in neither: does not exist; it works in 2.1 alone", 1),
        ("torch.f(1, mode=2)", "torch.f  works in neither: has no parameter mode; it works from 2.1 to 2.2", 1),
        ("torch.g(1, mode=2)", "torch.g  works in neither: has no parameter mode; it works from 2.1 to 2.2", 1),
        ("def g():\n    torch.late(1)", "torch.late  works in neither", 0),
        (
            "if torch.__version__ < '2.1' or torch.__version__ >= '2.3':\n    raise ImportError",
            "torch.__version__  works in neither: the code itself refuses both; it works from 2.1 to 2.2",
            1,
        ),
        ("def g():\n    if torch.__version__ >= (2, 2):\n        torch.late(1)", "torch.late  works in neither", 1),
    ],
)
def test_what_works_in_neither_release_and_in_another_is_told_as_that(run, code, monkeypatch, line, says, breaks):
    monkeypatch.setattr(diff, "inventory", lambda: Inventory(BETWEEN))
    exit_code, out = run("2.0", "2.3", "--uses", code(line + "\n"))
    assert exit_code == breaks
    assert f"works in neither release (1)\n  {says}" in out
    assert "breaks (" not in out


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        (
            "extra_cflags=['-std=c++14']",
            "-std=c++14  works in neither: the headers of torch 2.1 and newer want C++17, those of 2.14 and newer "
            "C++20: -std=c++14 fails; it works up to 2.0",
        ),
        (
            "cpp_sources='#include <ATen/SparseTensorUtils.h>'",
            "ATen/SparseTensorUtils.h  works in neither: torch 2.15 has no such header; it works up to 2.0",
        ),
    ],
)
def test_what_builds_in_neither_release_and_in_another_is_told_as_that(run, code, monkeypatch, argument, says):
    monkeypatch.setattr(diff, "inventory", of_releases)
    path = code(f"from torch.utils.cpp_extension import load_inline\nload_inline('x', {argument})\n")
    exit_code, out = run("2.6", "2.15", "--uses", path)
    assert (exit_code, f"works in neither release (1)\n  {says}\n" in out) == (1, True), out


@pytest.mark.parametrize(
    "line",
    [
        "torch.f(1)",
        "try:\n    from torch import late\nexcept ImportError:\n    late = None",
        "if torch.__version__ < (2, 2):\n    torch.f(1)",
        "hasattr(torch, 'late') and torch.late(1)",
    ],
)
def test_what_is_not_run_there_works_in_neither_and_is_not_told(run, code, monkeypatch, line):
    monkeypatch.setattr(diff, "inventory", lambda: Inventory(BETWEEN))
    assert run("2.0", "2.3", "--uses", code(line + "\n"))[1].endswith("nothing changes\n")


@pytest.mark.parametrize(
    ("lines", "is_told"),
    [
        ("torch.f()", True),
        ("@torch.f\ndef g(): ...", True),
        ("@torch.f()\ndef g(): ...", True),
        ("@torch.f\nclass G: ...", True),
        ("@g(torch.f)\ndef h(): ...", False),
        ("@g(by=torch.f)\ndef h(): ...", False),
        ("g = torch.f", False),
    ],
)
def test_another_warning_is_told_where_a_call_or_a_decorator_gives_it(run, code, monkeypatch, lines, is_told):
    names = inventory("torch.f | function ; (g=1) ; !so ; %UserWarning | function ; (g=1) ; !so ; %FutureWarning")
    monkeypatch.setattr(diff, "inventory", lambda: names)
    assert ("torch.f  warning: UserWarning → FutureWarning" in run(OLD, NEW, "--uses", code(lines))[1]) == is_told


def test_a_comparison_that_goes_wrong_in_the_newer_release_is_told(run, code, monkeypatch):
    known = Inventory("torchproof inventory 1\nreleases 2.9 2.10 2.11 2.12\ntorch\n\t__version__\t\tattribute\n")
    monkeypatch.setattr(diff, "inventory", lambda: known)
    path = code("NEW = str(torch.__version__) >= '2.9'\n")
    exit_code, out = run("2.9", "2.12", "--uses", path)
    assert exit_code == 0
    assert "compares versions wrongly (1)\n  str(torch.__version__) >= '2.9'  wrong comparison: False in torch" in out
    assert " 2.10 to 2.12, where versions give True; compare packaging.version.Version(torch.__version__)" in out
    assert run("2.9", "2.9", "--uses", path)[1].endswith("nothing changes\n")
    assert json.loads(run("2.9", "2.10", "--json", "--uses", path)[1])["comparisons"][0]["places"]


def test_uses_as_json(run, code):
    said = json.loads(run("2.0", "2.1", "--json", "--uses", code("torch.gone(1)\n"))[1])
    assert said["certain"][0]["name"] == "torch.gone"
    assert said["certain"][0]["breaks"] is True
    assert said["certain"][0]["places"][0].endswith("code.py:2")


def test_uses_as_markdown(run, code):
    _, out = run("2.0", "2.1", "--markdown", "--uses", code("torch.old()\n"))
    assert "#### deprecated (1)\n\n- torch.old  deprecated: use torch.new (" in out


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_a_format_has_two_names(run, code, form):
    path = code("torch.gone(1)\ntorch.old()\n")
    short = [] if form == "text" else [f"--{form}"]
    assert run("2.0", "2.1", "--format", form) == run("2.0", "2.1", *short)
    assert run("2.0", "2.1", "--uses", path, "--format", form) == run("2.0", "2.1", "--uses", path, *short)


CODE = "torch.gone(1)\ntorch.old()\ntorch._secret()\ndef f(x):\n    return x.flip()\n"


def test_uses_as_annotations(run, code):
    exit_code, out = run("2.0", "2.1", "--format", "github", "--uses", code(CODE))
    assert exit_code == 1
    levels = [line.partition(" ")[0] for line in out.splitlines()]
    assert levels == ["::error", "::error", "::warning", "::notice"]
    first = out.splitlines()[0]
    assert ",line=2,title=torchproof%3A gone::torch 2.0 → 2.1: torch.gone  gone" in first


def test_uses_as_sarif(run, code):
    [told] = json.loads(run("2.0", "2.1", "--format", "sarif", "--uses", code(CODE))[1])["runs"]
    rules = [rule["id"] for rule in told["tool"]["driver"]["rules"]]
    found = [(one["level"], rules[one["ruleIndex"]]) for one in told["results"]]
    assert found == [("error", "gone"), ("error", "gone"), ("warning", "deprecated"), ("note", "gone")]


def test_a_file_that_cannot_be_read_is_told_in_each_format(run, code):
    path = code("print 1\n")
    Path(path, "good.py").write_text("import torch")
    assert "title=torchproof%3A unread::not read: " in run("2.0", "2.1", "--format", "github", "--uses", path)[1]
    assert '"ruleId": "unread"' in run("2.0", "2.1", "--format", "sarif", "--uses", path)[1]
    _, out = run("2.0", "2.1", "--uses", path)
    assert "0 uses in 1 Python file, 1 of 2 files not read: nothing changes in what was read\n" in out
    assert out.endswith(f"not read: {path}/code.py: Python 2 (line 2: print 1)\n")


@pytest.mark.parametrize(
    ("files", "says"), [({"a.py": "print 1"}, "; not read: .*a.py: Python 2"), ({"a.txt": "no"}, "^no Python code at ")]
)
def test_nothing_is_said_of_what_was_not_read(run, tmp_path, files, says):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(Refusal, match=says):
        run("2.0", "2.1", "--uses", str(tmp_path))


@pytest.mark.parametrize("order", ["2.0 2.1 --uses {}", "--uses {} 2.0 2.1", "2.0 --uses {} 2.1"])
def test_releases_may_stand_behind_the_paths(run, code, order):
    exit_code, out = run(*order.format(code("torch.gone(1)")).split())
    assert (exit_code, "1 use in 1 Python file: 1 breaks" in out) == (1, True)


def test_several_paths_are_read_as_one(run, code, tmp_path):
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "other.py").write_text("import torch\ntorch.gone(1)")
    _, out = run("2.0", "2.1", "--uses", code("torch.gone(1)"), str(tmp_path / "else"), str(tmp_path / "code.py"))
    assert "2 uses in 2 Python files: 1 breaks" in out


@pytest.mark.parametrize("form", ["github", "sarif"])
def test_annotations_need_code(run, form):
    with pytest.raises(Refusal, match="--uses PATH"):
        run("2.0", "2.1", "--format", form)


def test_uses_of_nothing_is_refused(run, tmp_path):
    with pytest.raises(Refusal, match="there is no "):
        run("2.0", "2.1", "--uses", str(tmp_path / "nothing"))


def test_what_had_to_be_passed_and_need_not_be():
    assert of_parameters("a, b", "a, b=1") == [("parameter optional", "b")]


@pytest.mark.parametrize(
    ("old", "new"),
    [("f, args, *, constraints=None", "mod, args, *, strict=True"), ("a, b, c", "a, x, c"), ("a, b, c=1", "a, x, c=1")],
)
def test_what_must_be_passed_is_renamed_where_all_around_it_is_the_same(old, new):
    assert "parameter renamed" in [kind for kind, _ in of_parameters(old, new)]
    assert "parameters reordered" not in [kind for kind, _ in of_parameters(old, new)]


def test_another_form_beside_the_old_one_takes_nothing_away():
    names = inventory("torch.f | function ; (lib, name) | function ; (qualname, types, *, lib=None) ; (lib, name)")
    assert {change.kind for change in changes(names, OLD, NEW)} == {"parameter added"}


@pytest.mark.parametrize(("guard", "is_told"), [("True", True), ("torch.__version__ >= '2.1'", False)])
def test_a_call_that_the_code_keeps_from_the_older_release_has_the_order_of_the_newer_one(tmp_path, guard, is_told):
    code = f"import torch\nif {guard}:\n    torch.nn.LayerNorm(3, 1e-5, True, False)\n"
    (tmp_path / "code.py").write_text(code, encoding="utf-8")
    told = touched(tmp_path, changes(of_releases(), "2.0", "2.15"), of_releases(), "2.0", "2.15").certain
    assert ("parameters reordered" in {part.change.kind for one in told for part in (one, *one.parts)}) is is_told


def test_a_default_that_all_overloads_change():
    names = inventory("torch.f | function ; (a, b=1) ; (a, c, b=1) | function ; (a, b=2) ; (a, c, d, b=2)")
    assert [(change.kind, change.parameter) for change in changes(names, OLD, NEW)] == [
        ("default", "b"),
        ("parameter added", "d"),
    ]


def test_a_default_is_what_it_stands_for():
    name = "torch.nn.parallel.DistributedDataParallel"
    assert told(f"{name} | class ; (m, broadcast_buffers=True) | class ; (m, broadcast_buffers=None)") == []


def test_what_comes_before_another_and_must_be_passed_is_to_be_passed_there():
    told = changes(inventory("torch.f | function ; (a, b) | function ; (a, c, b)"), OLD, NEW)
    assert [change.hint for change in told if change.kind == "parameters reordered"] == ["pass c before b"]


def test_what_none_stands_for_and_is_not_known_is_not_advised():
    (change,) = changes(inventory("torch.f | function ; (a=True) | function ; (a=None)"), OLD, NEW)
    assert (change.kind, change.hint) == ("default", "")


def test_a_warning_of_another_category():
    names = inventory("torch.f | function ; () ; !so ; %UserWarning | function ; () ; !so ; %FutureWarning")
    (change,) = changes(names, OLD, NEW)
    assert (change.kind, change.old, change.new) == ("warning", "UserWarning: so", "FutureWarning: so")


def test_a_deprecation_that_was_undone():
    names = inventory("torch.f | function ; () ; !it will go | function ; ()")
    (change,) = changes(names, OLD, NEW)
    assert (change.kind, change.old) == ("no longer deprecated", "it will go")


def test_what_is_new_in_an_owner_that_something_else_moved_to():
    names = (
        "torch.n | module | .",
        "torch.m | module | -",
        "torch.m.f | function ; (x) | -",
        "torch.n.f | =torch.m.f | function ; (x)",
        "torch.n.g | - | function ; (y)",
    )
    assert ("new", "torch.n.g", "function") in told(*names)


def test_another_spelling_that_came_is_told_apart():
    names = inventory("torch.f | function ; () | .", "torch.g | - | =torch.f")
    (change,) = changes(names, OLD, NEW)
    assert (change.kind, change.name, change.to, change.spelling) == ("new", "torch.g", "torch.f", True)


@pytest.mark.parametrize(
    ("code_of", "pair", "says"),
    [
        (
            "import torchaudio\ntorchaudio.info(f)",
            ("2.8", "2.15"),
            "torchaudio.info  gone: ask soundfile.info(file)",
        ),
        ("from torchvision import datapoints", ("2.0", "2.15"), "gone: write torchvision.tv_tensors"),
        ("from torchvision import datapoints", ("2.2", "2.15"), "it works up to 2.0; write torchvision.tv_tensors"),
        ("from torch.optim.optimizer import params_t", ("2.1", "2.6"), "write torch.optim.optimizer.ParamsT"),
    ],
)
def test_what_stands_for_a_gone_name_is_said_beside_it(run, tmp_path, monkeypatch, code_of, pair, says):
    monkeypatch.setattr(diff, "inventory", of_releases)
    (tmp_path / "code.py").write_text(code_of)
    exit_code, out = run(*pair, "--uses", str(tmp_path))
    assert exit_code == 1
    assert " ".join(says.split()) in " ".join(out.split())


@pytest.mark.parametrize(
    ("call", "ignored"),
    [
        ("load(f, normalize=False)", "load(normalize)"),
        ("load(f, 0, -1, False)", "load(normalize)"),
        ("save(f, x, 8000, encoding='PCM_S', bits_per_sample=16)", "save(bits_per_sample, encoding)"),
        ("load(f, normalize=True, backend=None)", None),
        ("load(f, frame_offset=8)", None),
    ],
)
def test_what_a_call_passes_and_is_ignored_now_is_told(tmp_path, capsys, call, ignored):
    (tmp_path / "code.py").write_text(f"import torchaudio\ntorchaudio.{call}\n", encoding="utf-8")
    parser = argparse.ArgumentParser()
    diff.arguments(parser)
    assert diff.command(parser.parse_args(["2.8", "2.15", "--uses", str(tmp_path)])) == 0
    out = capsys.readouterr().out
    assert f"torchaudio.{ignored}  parameter ignored: " in out if ignored else "ignored" not in out


def test_that_something_beside_torch_warns_of_its_deprecation_is_told_once(tmp_path, capsys):
    (tmp_path / "code.py").write_text("import torchvision\ntorchvision.io.decode_png(1)\n", encoding="utf-8")
    parser = argparse.ArgumentParser()
    diff.arguments(parser)
    diff.command(parser.parse_args(["2.13", "2.15", "--uses", str(tmp_path)]))
    assert capsys.readouterr().out.count("torchvision.io.decode_png") == 1
