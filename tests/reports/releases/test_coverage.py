"""Which names of torch have a fact, and how many packages use each."""

from __future__ import annotations

import json
import zipfile

import pytest

from torchproof.__main__ import main
from torchproof.inventory import Inventory, inventory
from torchproof.reports import index
from torchproof.reports.releases import coverage, popularity, usage
from torchproof.reports.releases.coverage import Coverage
from torchproof.reports.releases.merge import merge

NAMES = Inventory(
    merge(
        {
            "2.0": ["torch.gone\tfunction\t(x)"],
            "2.1": [
                "torch.nn\tmodule",
                "torch.add\tfunction\tdoc(input, other)\top(input, other)",
                "torch.sub\tfunction\tdoc(input, other)",
                "torch.subtract\tfunction\tdoc(input, other)",
                "torch.real\tfunction\tdoc(input)",
                "torch.relu\tfunction\top(input)",
                "torch._hidden\tfunction\t(x)",
                "torch.float32\tattribute",
                "torch.Tensor\tclass",
                "torch.Tensor.add\tmethod\tdoc(other)",
                "torch.Tensor.add_\tmethod\tdoc(other)",
                "torch.Tensor.__sub__\tmethod\t(other)",
                "torch.Tensor.real\tproperty",
                "torch.Tensor.log\tmethod\tdoc()",
                "torch.Tensor.view\tmethod\tdoc(*shape)",
                "torch.Tensor.unsqueeze\tmethod\tdoc(dim)",
                "torch.nn.Linear\tclass\t(size)",
                "torch.nn.Linear.forward\tmethod\t(input)",
                "torch.nn.modules\tmodule",
                "torch.nn.modules.Linear\t=torch.nn.Linear",
                "torch.nn.L1Loss\tclass\t()",
                "torch.nn.functional.Linear\t=torch.nn.Linear",
                "torch.nn.functional.add\t=torch.add",
                "torch.nn.functional.l1_loss\tfunction\t(input, target)",
                "torch.nn.functional.elsewhere\t=torch.overrides.elsewhere",
                "torch.overrides.elsewhere\tfunction\t()",
            ],
        }
    )
)


def covered(*subjects, used=None, left_out=()):
    return Coverage(NAMES, subjects, used or {}, dict.fromkeys(left_out, "internal"))


# --- which names want a fact ------------------------------------------------------------------------------------------


def test_wanted_is_what_a_namespace_has_and_torch_tells_the_parameters_of():
    assert set(covered().names) == {
        "torch.add", "torch.sub", "torch.subtract", "torch.real", "torch.Tensor.add", "torch.Tensor.add_",
        "torch.Tensor.real", "torch.Tensor.log", "torch.Tensor.view", "torch.Tensor.unsqueeze", "torch.nn.Linear",
        "torch.nn.L1Loss", "torch.nn.functional.add", "torch.nn.functional.l1_loss",
    }  # fmt: skip


def test_what_is_used_is_wanted_though_only_a_schema_tells_of_it():
    assert "torch.relu" in covered(used={"torch.relu": 1, "torch.float32": 9}).names
    assert "torch.float32" not in covered(used={"torch.relu": 1, "torch.float32": 9}).names


def test_most_used_names_come_first():
    names = covered(used={"torch.sub": 2, "torch.real": 3, "torch.nn.L1Loss": 2}).names
    assert names[:3] == ["torch.real", "torch.nn.L1Loss", "torch.sub"]


def test_names_of_torchvision_are_wanted_too():
    coverage = Coverage(inventory(), ["torchvision.ops.nms"], {}, {})
    assert coverage.has_fact("torchvision.ops.nms")
    assert "torchvision.ops.roi_align" in coverage.missing
    assert "torchvision.ops.boxes.nms" not in coverage.names  # another name of it


def test_names_left_out_want_none():
    assert "torch.add" not in covered(left_out=["torch.add"]).names


@pytest.mark.parametrize("name", ["torch.gone", "torch.float32", "torch.sub"])
def test_a_name_left_out_for_nothing_is_idle(name):
    found = covered("torch.sub", left_out=[name, "torch.Tensor.log"])
    assert found.idle == [name]


# --- which names have one ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "names"),
    [
        ("torch.add", {"torch.add", "torch.Tensor.add", "torch.nn.functional.add"}),
        ("torch.Tensor.add", {"torch.add", "torch.Tensor.add", "torch.nn.functional.add"}),
        ("torch.nn.functional.add", {"torch.add", "torch.Tensor.add", "torch.nn.functional.add"}),
        ("torch.Tensor.add_", {"torch.Tensor.add_"}),
        ("torch.Tensor.__sub__", {"torch.sub", "torch.subtract"}),
        ("torch.real", {"torch.real"}),
        ("torch.Tensor.real", {"torch.Tensor.real"}),
        ("torch.nn.Linear.forward", {"torch.nn.Linear"}),
        ("torch.nn.modules.Linear", {"torch.nn.Linear"}),
        ("torch.gone", set()),
    ],
)
def test_a_fact_is_about_all_spellings_of_its_subject(subject, names):
    found = covered(subject)
    assert set(found.names) - set(found.missing) == names


# --- goals ------------------------------------------------------------------------------------------------------------


def goals(*subjects, used=None):
    return {goal.of: goal for goal in covered(*subjects, used=used).goals}


def test_goals_tell_what_is_used_from_the_rest():
    found = goals("torch.sub", used={"torch.sub": 2, "torch.relu": 1})
    assert found["names that packages use"].missing == ("torch.relu",)
    assert found["the other names"].names == 13
    assert "torch.subtract" not in found["the other names"].missing


def test_names_used_as_much_as_the_last_are_among_the_most_used(monkeypatch):
    monkeypatch.setattr(coverage, "_MOST_USED", 2)
    found = goals(used={"torch.sub": 3, "torch.relu": 2, "torch.add": 2, "torch.real": 1})
    assert set(found["the 2 most used names"].missing) == {"torch.sub", "torch.relu", "torch.add"}


def test_layers_and_losses_are_all_wanted():
    found = goals("torch.nn.Linear")
    assert found["layers"].missing == ("torch.nn.L1Loss",)
    assert found["losses"].missing == ("torch.nn.L1Loss", "torch.nn.functional.l1_loss")


@pytest.mark.parametrize(("least", "missing", "lacking"), [(1.0, 1, 1), (0.9, 1, 0), (0.9, 3, 2), (0.8, 2, 0)])
def test_a_goal_tells_how_many_names_it_lacks(least, missing, lacking):
    assert coverage.Goal("x", least, 10, ("torch.x",) * missing).lacking == lacking


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """What the command gives and prints for facts about these subjects."""
    monkeypatch.setattr(coverage, "inventory", lambda: NAMES)
    monkeypatch.setattr(coverage, "left_out", lambda: {"torch.sub": "internal"})
    monkeypatch.setattr(usage, "read", lambda: {"torch.add": 3, "torch.Tensor.log": 2})

    def run(*subjects, options=()):
        path = tmp_path / "facts.json"
        path.write_text(json.dumps([{"id": "views.a.one", "subjects": list(subjects)}]))
        code = main(["coverage", str(path), *options])
        return code, [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]

    return run


def test_it_prints_shares_goals_and_what_misses(run):
    code, lines = run("torch.Tensor.add", "torch.sub")
    assert code == 0
    assert "torch.Tensor 6 1 16.7%" in lines
    assert "names that packages use: 50.0% of 2, the goal is 90%: NOT REACHED, 1 more are needed" in lines
    assert "torch.optim: 100.0% of 0, the goal is 100%: reached" in lines
    place = lines.index("without a fact (9), with the number of packages that use it:")
    assert lines[place + 1 : place + 3] == ["2 torch.Tensor.log", "0 torch.Tensor.add_"]
    assert lines[-1] == "needs not be left out any more: torch.sub"


def test_a_long_list_is_cut_unless_all_is_asked_for(run, monkeypatch):
    monkeypatch.setattr(coverage, "_SHOWN", 1)
    _, cut = run("torch.add")
    assert "and 9 more, which --all lists" in cut
    _, whole = run("torch.add", options=["--all"])
    assert "0 torch.real" in whole
    assert "0 torch.real" not in cut


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"id": "a"}]', "7"])
def test_another_file_than_one_of_facts_is_refused(tmp_path, capsys, text):
    path = tmp_path / "facts.json"
    path.write_text(text)
    assert main(["coverage", str(path)]) == 2
    assert "is no file that pytest --facts-json has written" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_refused(tmp_path, capsys):
    assert main(["coverage", str(tmp_path / "facts.json")]) == 2
    assert "facts.json" in capsys.readouterr().err


# --- counting use -----------------------------------------------------------------------------------------------------


@pytest.fixture
def wheel(tmp_path):
    """Make a wheel of one module."""

    def wheel(name, code):
        path = tmp_path / f"{name}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{name}/__init__.py", code)
        return path

    return wheel


def counted(*wheels):
    return popularity.text(wheels, NAMES)


def test_a_name_counts_once_a_package(wheel):
    one = wheel("one", "import torch\ntorch.add(1, 2)\ntorch.add(1, 2)\ntorch.sub(1, 2)\n")
    two = wheel("Two", "from torch import add\n")
    assert counted(two, one).splitlines()[1:] == ["# one 1.0", "# Two 1.0", "torch.add\t2", "torch.sub\t1"]


def test_a_method_is_also_a_use_of_its_class(wheel):
    text = counted(wheel("one", "def f(x):\n    return x.unsqueeze(0)\n"))
    assert text.splitlines()[2:] == ["torch.Tensor\t1", "torch.Tensor.unsqueeze\t1"]


def test_another_spelling_counts_for_what_it_gives_too(wheel):
    text = counted(wheel("one", "from torch.nn.modules import Linear\nx = Linear(1).forward\n"))
    assert {line for line in text.splitlines() if line.startswith("torch")} == {
        "torch.nn.Linear\t1", "torch.nn.Linear.forward\t1", "torch.nn.modules.Linear\t1",
    }  # fmt: skip


def test_a_method_of_something_unknown_counts_where_only_tensors_have_it(wheel):
    code = "def f(x):\n    return x.unsqueeze(0), x.view(1), x.log(2)\n"  # arrays have view, and loggers log
    assert "torch.Tensor.unsqueeze\t1" in counted(wheel("one", code))
    assert "torch.Tensor.view" not in counted(wheel("one", code))
    assert "torch.Tensor.log" not in counted(wheel("one", code))


def test_a_method_that_some_package_defines_may_be_that_one(wheel):
    one = wheel("one", "def f(x):\n    return x.unsqueeze(0)\n")
    two = wheel("two", "class Points:\n    def unsqueeze(self, dim): ...\n")
    assert "torch.Tensor.unsqueeze" not in counted(one, two)


def test_a_method_of_a_tensor_counts_whatever_else_has_it(wheel):
    assert "torch.Tensor.view\t1" in counted(wheel("one", "import torch\ndef f(x: torch.Tensor): x.view(1)\n"))


def test_the_command_writes_what_the_coverage_reads(wheel, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(popularity, "inventory", lambda: NAMES)
    output = tmp_path / "use.tsv"
    assert main(["popularity", str(wheel("one", "import torch\ntorch.add(1, 2)\n")), "-o", str(output)]) == 0
    assert usage.read(output) == {"torch.add": 1}


def test_what_is_no_wheel_is_refused(tmp_path, capsys):
    path = tmp_path / "one.tar.gz"
    path.write_text("")
    assert main(["popularity", str(path)]) == 2
    assert "is no wheel" in capsys.readouterr().err


# --- the committed files ----------------------------------------------------------------------------------------------


def test_the_project_s_own_count_is_of_names_that_the_newest_release_has():
    used, known = usage.read(), inventory()
    assert len(used) > 1000
    assert used.keys() <= known.public(known.releases[-1]).keys()
    assert max(used.values()) <= sum(line.startswith("# ") for line in usage.FILE.read_text().splitlines()) - 1


def test_the_project_s_own_list_of_names_left_out_has_reasons_and_nothing_unknown():
    reasons = coverage.left_out()
    assert all(because and because[0].islower() and not because.endswith(".") for because in reasons.values())
    assert Coverage(inventory(), (), usage.read(), reasons).idle == []


def test_the_project_s_own_facts_reach_the_goals():
    covered = Coverage(
        inventory(), {name for fact in index.facts() for name in fact.subjects}, usage.read(), coverage.left_out()
    )
    assert {goal.of: goal.missing for goal in covered.goals if goal.lacking} == {}
    assert covered.idle == []
