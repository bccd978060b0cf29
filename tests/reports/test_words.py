"""Names as people write them, and which one is meant."""

from __future__ import annotations

import pytest

from torchproof.__main__ import main
from torchproof.inventory import Inventory, inventory
from torchproof.reports import Refusal
from torchproof.reports.words import clean, meant, near, understood

NAMES = inventory()


@pytest.mark.parametrize(
    ("written", "name"),
    [
        # as people import it
        ("nn.Linear", "torch.nn.Linear"),
        ("F.softmax", "torch.nn.functional.softmax"),
        ("optim.Adam", "torch.optim.Adam"),
        ("dist.all_reduce", "torch.distributed.all_reduce"),
        ("DDP", "torch.nn.parallel.DistributedDataParallel"),
        ("FSDP", "torch.distributed.fsdp.FullyShardedDataParallel"),
        ("lr_scheduler.StepLR", "torch.optim.lr_scheduler.StepLR"),
        ("amp.autocast", "torch.amp.autocast"),
        ("autograd.grad", "torch.autograd.grad"),
        ("init.xavier_uniform_", "torch.nn.init.xavier_uniform_"),
        ("utils.data.DataLoader", "torch.utils.data.DataLoader"),
        ("utils.clip_grad_norm_", "torch.nn.utils.clip_grad_norm_"),
        ("nn", "torch.nn"),
        # by its last part
        ("StepLR", "torch.optim.lr_scheduler.StepLR"),
        ("DataLoader", "torch.utils.data.DataLoader"),
        ("clip_grad_norm_", "torch.nn.utils.clip_grad_norm_"),
        ("load", "torch.load"),
        # in another case, a call, code
        ("linear", "torch.nn.Linear"),
        ("Crossentropyloss", "torch.nn.CrossEntropyLoss"),
        ("`nn.Linear`", "torch.nn.Linear"),
        ("torch.load()", "torch.load"),
        ("nn.Linear(4, 2)", "torch.nn.Linear"),
        # on a value
        ("optimizer.step", "torch.optim.Optimizer.step"),
        ("x.view", "torch.Tensor.view"),
        # a parameter
        ("torch.load.weights_only", "torch.load.weights_only"),
        ("F.softmax.dim", "torch.nn.functional.softmax.dim"),
        ("load weights_only", "torch.load.weights_only"),
        ("DataLoader.num_workers", "torch.utils.data.DataLoader.num_workers"),
    ],
)
def test_what_people_write(written, name):
    assert understood(written, NAMES).name == name


@pytest.mark.parametrize("name", ["torch", "torch.load", "torch.Tensor.view", "torch.nn.Linear.bias"])
def test_a_full_name_is_itself(name):
    found = understood(name, NAMES)
    assert (found.name, found.is_as_written, found.others) == (name, True, ())


@pytest.mark.parametrize("written", ["numpy.load", "np.load", "StepLRR", "does reshape copy", "", "a-b", "…"])
def test_what_is_no_name_is_not_guessed(written):
    found = understood(written, NAMES)
    assert (found.name, found.others) == ("", ())


def test_a_question_is_for_another_command():
    with pytest.raises(Refusal, match="does reshape copy is no name; torchproof explain takes questions"):
        meant("does reshape copy", NAMES)


@pytest.mark.parametrize("written", ["torch._six", "torch._six.string_classes"])
def test_a_name_of_before_all_releases_is_told_as_that(written):
    with pytest.raises(Refusal, match=f"has {written}; it was before 2.0, in its place is torch.inf, str"):
        meant(written, NAMES)


def test_how_it_was_understood():
    assert understood("nn.Linear", NAMES).says() == "nn.Linear is torch.nn.Linear"
    assert understood("`load weights_only`", NAMES).says() == "load weights_only is torch.load.weights_only"


def test_where_one_is_evident_the_others_are_listed():
    found = meant("linear", NAMES)
    assert found.name == "torch.nn.Linear"
    head, first, *_, more = found.listed(NAMES)
    assert head == "also called linear:"
    assert first.split() == ["torch.nn.functional.linear", "function"]
    assert more.startswith("  and ")


def test_where_none_is_evident_the_list_is_the_answer():
    with pytest.raises(Refusal) as refused:
        meant("softmax", NAMES)
    head, *lines = str(refused.value).splitlines()
    assert head == "softmax may be:"
    assert [line.split()[0] for line in lines[:3]] == [
        "torch.softmax",
        "torch.nn.functional.softmax",
        "torch.nn.Softmax",
    ]


def test_each_line_says_what_it_is_and_when():
    names = Inventory(
        "torchproof inventory 1\nreleases 2.0 2.1 2.2\n"
        "torch\n\tone\t\tmodule\n\ttwo\t\tmodule\n"
        "torch.one\n\tF\t2.0-2.2\tfunction\t(a)\ntorch.two\n\tF\t2.1-\tclass\t(a)\n"
    )
    with pytest.raises(Refusal) as refused:
        meant("F", names)
    assert sorted(str(refused.value).splitlines()) == [
        "  torch.one.F  function, last in 2.1",
        "  torch.two.F  class, since 2.1",
        "F may be:",
    ]


def test_a_method_that_classes_override_is_that_of_their_base():
    steps = understood("step", NAMES).others
    assert "torch.optim.Optimizer.step" in steps
    assert "torch.optim.Adam.step" not in steps


def test_one_thing_of_several_names_is_one():
    assert understood("no_grad", NAMES).others == ()  # torch.no_grad, torch.autograd.no_grad …


def test_private_names_are_meant_only_where_they_are_asked_for():
    assert not any(part.startswith("_") for one in understood("view", NAMES).others for part in one.split("."))
    assert understood("_LRScheduler", NAMES).name == "torch.optim.lr_scheduler._LRScheduler"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Laod", "torch.load"),
        ("StepLRR", "torch.optim.lr_scheduler.StepLR"),
        ("torch.Linear", "torch.nn.Linear"),
        ("torch.laod", "torch.load"),
        ("torch.load.weights_onl", "torch.load.weights_only"),
    ],
)
def test_near_names(written, name):
    assert name in near(written, NAMES)
    with pytest.raises(Refusal, match="did you mean"):
        meant(written, NAMES)


@pytest.mark.parametrize(
    ("written", "name"), [(" `a.b` ", "a.b"), ("a.b()", "a.b"), ("a b", "a.b"), ("a.b(c, d=1)", "a.b"), ("'a'", "a")]
)
def test_what_people_put_around_a_name(written, name):
    assert clean(written) == name


@pytest.mark.parametrize("command", ["when", "explain"])
@pytest.mark.parametrize("written", ["", "  "])
def test_nothing_is_no_name(capsys, command, written):
    assert main([command, written]) == 2
    assert capsys.readouterr().err.startswith("torchproof: say w")
