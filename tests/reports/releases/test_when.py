"""Since when a name or a parameter exists, and what became of it."""

from __future__ import annotations

import argparse
import json
import re

import pytest

from torchproof.inventory import Inventory
from torchproof.outcomes import Call, Outcome, Table
from torchproof.reports import Refusal, index
from torchproof.reports.index import IndexedFact
from torchproof.reports.releases import when

NAMES = Inventory(
    """torchproof inventory 1
releases 2.0 2.1 2.2
torch
\tload\t2.0-2.1\tfunction\t(f, *, safe=False)
\t\t2.1-2.2\tfunction\t(f, *, safe=True, mmap=None)
\t\t2.2-\tfunction\t(f, *, safe=True, mmap=None)\t!use torch.read
\tserial\t\tmodule
\tgone\t2.0-2.1\tfunction\t(a)\t!it will go
\tway\t2.0-2.2\tfunction\t(a, b)
\tback\t2.0-2.1,2.2-\tfunction\t(a)
\tstays\t2.0-2.1\tfunction\t(a)
\t\t2.1-2.2\tfunction\t(a)\t!it will go
\t\t2.2-\tfunction\t(a)
\tC\t\tclass\t(lr, verbose=False)
\tKind\t2.0-2.1\tclass
\t\t2.1-
\t_private\t2.1-
\tstub\t2.0-2.1\tfunction\t(a)
\t\t2.1-\tfunction\t(a)\t^it is removed, use torch.add
\tstubs\t\tfunction\t(a)\t^it is removed for long
\tadd\t\tfunction\tdoc(input, other, *, out=None)\top(input, other)
\topens\t2.0-2.1\tfunction\t(a, **kwargs)\t*mode
\t\t2.1-\tfunction\t(a, **kwargs)\t*mode size
torch.serial
\tload\t\t=torch.load
\tway\t2.0-2.2\t=torch.way
\t\t2.2-\tfunction\t(a, b)
torch.Kind
\tONE\t2.0-2.1\tattribute
torch.C
\tstep\t\tmethod\t(closure=None)
\tverbose\t\tattribute
"""
)


def fact(identity, claim, *, since=None, until=None, subject="torch.load"):
    return IndexedFact(subjects=(subject,), since=since, until=until, id=identity, claim=claim, file="a.py", line=1)


@pytest.fixture
def ask(monkeypatch, capsys):
    """What `torchproof when` prints about a name."""
    known = (
        fact("load.always", "It is always so."),
        fact("load.safe", "`load(safe=False)` trusts.", since="2.1"),
        fact("serial.load", "It was so.", until="2.1", subject="torch.serial.load"),
        fact("load.warns", "`load` warns that `read` took its place.", since="2.2"),
        fact("other", "It is another thing.", subject="torch.add"),
    )
    monkeypatch.setattr(when, "inventory", lambda: NAMES)
    monkeypatch.setattr(when, "outcomes", lambda: Table(("2.0", "2.1", "2.2"), {}, {}))
    monkeypatch.setattr(index, "facts", lambda: known)

    def ask(*arguments):
        parser = argparse.ArgumentParser()
        when.arguments(parser)
        assert when.command(parser.parse_args(list(arguments))) == 0
        return capsys.readouterr().out

    return ask


def test_a_name_of_the_oldest_release_may_be_older(ask):
    assert ask("torch.load").startswith("torch.load: function, since 2.0 or before\n")


def test_what_calls_of_a_name_give_that_they_did_not_stands_among_its_changes(ask, monkeypatch):
    gave = Outcome("raises RuntimeError: no"), Outcome("1"), Outcome("1")
    call = Call("torch.load", "torch.load(x)", "float16", gave)
    monkeypatch.setattr(when, "outcomes", lambda: Table(("2.0", "2.1", "2.2"), {}, {"torch.load": [call]}))
    assert re.search("^  2.1 +call taken: takes float16 on the CPU$", ask("torch.load"), re.MULTILINE)


def test_a_name_that_is_gone(ask):
    out = ask("torch.gone")
    assert out.startswith("torch.gone: function, since 2.0 or before, gone in 2.1\n")
    assert "  2.1            gone: it will go\n" in out


def test_a_name_that_is_gone_from_a_package_that_takes_names_of_torch(ask, monkeypatch):
    names = Inventory(
        """torchproof inventory 1
releases 2.0 2.1
torch
\tload\t\tfunction\t(f)
torchaudio
\thears\t2.0-2.1\tfunction\t(f)\t!DEPRECATED
\tload\t2.1-\t=torch.load
"""
    )
    monkeypatch.setattr(when, "inventory", lambda: names)
    out = ask("torchaudio.hears")
    assert out.startswith("torchaudio.hears: function, since torchaudio 2.0 (with torch 2.0) or before, gone in ")
    assert out.endswith("  2.0 or before  deprecated\n  2.1            gone\n")


def test_another_warning_is_told_with_its_words(ask, monkeypatch):
    names = Inventory(
        """torchproof inventory 1
releases 2.0 2.1
torch
\tload\t2.0-2.1\tfunction\t(f)\t!old\t%UserWarning: it is old
\t\t2.1-\tfunction\t(f)\t!old\t%FutureWarning: it is old
"""
    )
    monkeypatch.setattr(when, "inventory", lambda: names)
    assert "  2.1            warning: UserWarning → FutureWarning: it is old\n" in ask("torch.load")


def test_a_name_that_only_raises_is_gone(ask):
    out = ask("torch.stub")
    assert out.startswith("torch.stub: function, since 2.0 or before, gone in 2.1 (it only raises)\n")
    assert "  2.1  gone: it is removed, use torch.add\n" in out
    assert "  since 2.1  only raises\n" in out


def test_a_name_that_raises_in_every_release(ask):
    out = ask("torch.stubs")
    assert out.startswith("torch.stubs: function, since 2.0 or before, and only raises\n")
    assert "  2.0 or before  gone: it is removed for long\n" in out


def test_what_belongs_to_something_that_is_only_known_to_exist_is_not_gone(ask):
    assert ask("torch.Kind.ONE") == "torch.Kind.ONE: attribute, since 2.0 or before\n"


def test_a_private_name_has_a_since(ask):
    assert ask("torch._private").startswith("torch._private: private, since 2.1\n")


def test_an_operator_is_not_private(ask, monkeypatch):
    names = Inventory("torchproof inventory 1\nreleases 2.0 2.1\ntorch.ops.aten\n\t_scaled_mm\t2.1-\n")
    monkeypatch.setattr(when, "inventory", lambda: names)
    assert ask("torch.ops.aten._scaled_mm").startswith("torch.ops.aten._scaled_mm: operator, since 2.1\n")


def test_its_other_spellings(ask):
    assert "\nalso torch.serial.load\n" in ask("torch.load")
    assert "\nalso torch.load\n" in ask("torch.serial.load")


def test_signatures_are_told_where_they_change(ask):
    assert "  2.0        (f, *, safe=False)\n  since 2.1  (f, *, safe=True, mmap=None)\n" in ask("torch.load")


def test_changes_are_told_with_their_release(ask):
    out = ask("torch.load")
    assert "  2.1  (safe=False → True)  default: pass safe=False to keep what it did\n" in out
    assert "  2.1  (mmap)  parameter added\n" in out
    assert "  2.2  deprecated: use torch.read\n" in out


def test_what_was_deprecated_from_the_beginning(ask):
    assert "  2.0 or before  deprecated: it will go\n" in ask("torch.gone")


def test_where_it_went(ask):
    assert "  2.2  → in torch.serial  moved: write torch.serial.way\n" in ask("torch.way")


def test_sources_that_are_not_python_are_named(ask):
    assert "documented as (input, other, *, out=None); operator (input, other)" in ask("torch.add")


def test_a_parameter(ask):
    out = ask("torch.load.safe")
    assert out.startswith("torch.load.safe: parameter, since 2.0 or before\n")
    assert "default\n  2.0        False, by keyword only\n  since 2.1  True, by keyword only\n" in out


def test_a_parameter_that_came(ask):
    assert ask("torch.load.mmap").startswith("torch.load.mmap: parameter, since 2.1\n")


def test_a_parameter_that_is_taken_beyond_the_signature(ask):
    out = ask("torch.opens.size")
    assert out.startswith("torch.opens.size: parameter, since 2.1\n")
    assert "  since 2.1  taken by **kwargs\n" in out


def test_a_parameter_without_default_must_be_passed(ask):
    assert "  all releases  must be passed\n" in ask("torch.load.f")


def test_a_parameter_is_meant_rather_than_the_attribute_that_keeps_it(ask):
    assert ask("torch.C.verbose").startswith("torch.C.verbose: parameter")


def test_a_documented_parameter_says_that_it_is(ask):
    assert "None, by keyword only (as documented)" in ask("torch.add.out")


def test_a_method_is_no_parameter(ask):
    assert ask("torch.C.step").startswith("torch.C.step: method")


def test_facts_about_it_by_each_name_with_their_ranges_first(ask):
    out = ask("torch.load")
    assert (
        "facts (3)\n  since 2.1  `load(safe=False)` trusts.  load.safe\n  until 2.1  It was so.  serial.load\n" in out
    )
    assert "  always     It is always so.  load.always\n" in out


def test_a_fact_about_the_warning_of_a_deprecation_says_no_more_than_the_change(ask):
    assert "load.warns" not in ask("torch.load") + ask("torch.load", "--format", "markdown")
    assert "load.warns" in ask("torch.load", "--format", "json")


def test_facts_about_a_parameter_speak_of_it(ask):
    assert "facts (1)\n" in ask("torch.load.safe")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("torch.laod", "did you mean torch.load?"),
        ("torch.load.saef", "did you mean torch.load.safe?"),
        ("numpy.load", "from 2.0 to 2.2 has numpy.load"),
        ("laod", "did you mean torch.load?"),
        ("torch.C.load", "did you mean torch.load?"),
        ("load.nothing", "has load.nothing"),
    ],
)
def test_an_unknown_name_is_refused_with_what_looks_like_it(ask, name, near):
    with pytest.raises(Refusal, match=near.replace("?", r"\?")):
        ask(name)


def test_json_of_a_name(ask):
    said = json.loads(ask("torch.serial.load", "--json"))
    assert (said["schema"], said["kind"], said["since"], said["gone"]) == (1, "function", "2.0", None)
    assert (said["canonical"], said["aliases"]) == ("torch.load", ["torch.load"])
    assert said["deprecated"] == "use torch.read"
    assert said["states"][0] == {"since": "2.0", "to": "2.0", "text": "(f, *, safe=False)"}
    assert [change["release"] for change in said["changes"]] == ["2.1", "2.1", "2.2"]
    assert {fact["id"] for fact in said["facts"]} == {"load.always", "load.safe", "load.warns", "serial.load"}


def test_json_of_a_parameter(ask):
    said = json.loads(ask("torch.load.mmap", "--json"))
    assert said["states"] == [{"since": "2.1", "to": "2.2", "text": "None, by keyword only"}]


# --- as people write it -----------------------------------------------------------------------------------------------


def test_a_name_as_people_write_it_is_said_with_the_full_one(ask):
    assert ask("C").startswith("C is torch.C\n\ntorch.C: class, since 2.0 or before\n")
    assert ask("torch.C").startswith("torch.C: class")


def test_a_parameter_in_two_words(ask):
    assert ask("load", "mmap").startswith("load mmap is torch.load.mmap\n\ntorch.load.mmap: parameter, since 2.1\n")


def test_json_is_json_whatever_was_written(ask, capsys):
    parser = argparse.ArgumentParser()
    when.arguments(parser)
    assert when.command(parser.parse_args(["C", "--json"])) == 0
    out, error = capsys.readouterr()
    assert json.loads(out)["name"] == "torch.C"
    assert error == "C is torch.C\n"


def test_markdown_of_a_name(ask):
    out = ask("torch.load", "--format", "markdown")
    assert out.startswith("### `torch.load`: function, since 2.0 or before\n\nalso `torch.serial.load`\n")
    assert "\n#### signature\n\n- 2.0: `(f, *, safe=False)`\n" in out
    assert "\n#### changes\n\n- 2.1: " in out
    assert "\n- 2.1: (safe=False → True)  default: pass safe=False to keep what it did\n" in out
    assert "\n#### facts (3)\n\n- always: It is always so. `load.always`\n" in out


def test_long_signatures_are_whole_in_a_pipe_and_wrapped_in_a_terminal(ask, monkeypatch):
    whole = ask("torch.add")
    assert "documented as (input, other, *, out=None); operator (input, other)\n" in whole
    monkeypatch.setattr("torchproof.reports.screen.width", lambda: 40)
    assert max(map(len, ask("torch.add").splitlines()[1:4])) <= 40


def test_a_name_that_came_back(ask):
    out = ask("torch.back")
    assert out.startswith("torch.back: function, since 2.0 or before, not in 2.1\n")
    assert "  2.1  gone\n  2.2  new: there again\n" in out


def test_a_deprecation_that_was_undone(ask):
    assert "  2.1  deprecated: it will go\n  2.2  no longer deprecated\n" in ask("torch.stays")


def test_the_oldest_release_says_no_since(ask):
    assert json.loads(ask("torch.load", "--json"))["or_before"] is True
    assert json.loads(ask("torch.load.mmap", "--json"))["or_before"] is False


def test_a_range_of_one_device_is_told_as_that(ask, monkeypatch):
    one = fact("by.device", "It is so.", since={"cuda": "2.1", "cpu": "2.2"})
    monkeypatch.setattr(index, "facts", lambda: (one,))
    assert "  since 2.1 on cuda, since 2.2 on cpu  It is so." in ask("torch.load")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("torchaudio.load", "2.9  package required: install torchcodec"),
        ("torchaudio.load.normalize", "2.9  (normalize)  parameter ignored: samples are float32"),
        ("torch.optim.AdamW", "2.7   is a torch.optim.Adam  another base"),
        ("torch.optim.adamw.AdamW", "2.7   is a torch.optim.Adam  another base"),
        ("torch.autocast", '2.5  (device_type="mps")  value taken'),
        ("torch.autocast.device_type", '2.5  (device_type="mps")  value taken'),
        ("torch.optim.AdamW.params", "2.6  (params=named_parameters())  value taken"),
    ],
)
def test_what_no_signature_says_is_told_of_a_name_as_between_releases(name, said, capsys):
    parser = argparse.ArgumentParser()
    when.arguments(parser)
    when.command(parser.parse_args([name]))
    assert said in " ".join(line.strip() for line in capsys.readouterr().out.splitlines())
