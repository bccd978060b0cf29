"""Attributes that torch sets of its objects in some releases alone."""

import textwrap

import pytest

from torchproof.inventory import inventory
from torchproof.reports.code.files import opened
from torchproof.reports.code.floor import floor
from torchproof.reports.code.uses import uses
from torchproof.reports.releases.attributes import attributes
from torchproof.reports.releases.held import held
from torchproof.reports.releases.names import changes
from torchproof.reports.releases.touched import touched

HEAD = "import torch\n"
SUBCLASS = """
from torch.optim.lr_scheduler import LRScheduler

class Warm(LRScheduler):
    def step(self, epoch=None):
        super().step(epoch)
        {before}
        if self.verbose:
            print(self.get_last_lr())
"""
READ = "torch.optim.lr_scheduler.LRScheduler.verbose"


def gone(path, certainty="certain"):
    """The names that are gone from the oldest to the newest of these releases, with their lines."""
    names = inventory()
    found = touched(path, changes(names, "2.0", "2.15"), names, "2.0", "2.15")
    return {
        one.change.name: [int(place.rpartition(":")[2]) for place in one.places]
        for one in getattr(found, certainty)
        if one.change.kind == "gone"
    }


def test_an_attribute_that_torch_no_longer_sets_is_gone_for_subclasses(code):
    path = code(SUBCLASS.format(before="pass"))
    assert gone(path) == {READ: [9]}
    with opened([str(path)]) as found:
        assert floor(found, inventory()).bounds.highest == "2.6"


def test_an_attribute_of_an_object_of_torch(code):
    assert gone(
        code("""
    def f(optimizer):
        plan = torch.optim.lr_scheduler.StepLR(optimizer, 3)
        return plan.verbose
    """)
    ) == {"torch.optim.lr_scheduler.StepLR.verbose": [5]}


@pytest.mark.parametrize(
    "before", ["self.verbose = True", "vars(self).update(verbose=True)", "setattr(self, 'verbose', 1)"]
)
def test_what_the_code_sets_itself_is_its_own(code, before):
    assert not gone(code(SUBCLASS.format(before=before)))


def test_what_is_set_from_outside_may_be_there(code):
    path = code(SUBCLASS.format(before="pass") + "\ndef warm(plan):\n    plan.verbose = True\n")
    assert not gone(path)
    assert gone(path, "possible") == {READ: [9]}


@pytest.mark.parametrize(
    "read", ["p.key_averages()[0]", "p.key_averages().total_average()", "next(iter(p.key_averages()))"]
)
def test_what_a_profiler_averages(code, read):
    path = code(f"with torch.profiler.profile() as p:\n    pass\nprint({read}.self_cuda_time_total)\n")
    assert gone(path) == {"torch.autograd.profiler_util.FunctionEventAvg.self_cuda_time_total": [4]}


def test_loops_over_what_a_profiler_averages(code):
    path = code("""
    with torch.profiler.profile() as p:
        pass
    for e in p.key_averages()[:10]:
        print(e.cuda_time_total)
    print(sum(e.self_cuda_time_total for e in p.key_averages()), p.key_averages().table())
    """)
    owner = "torch.autograd.profiler_util.FunctionEventAvg"
    assert gone(path) == {f"{owner}.cuda_time_total": [6], f"{owner}.self_cuda_time_total": [7]}
    assert "torch.autograd.profiler_util.EventList.table" in [one.name for one in uses(path).certain]


@pytest.mark.parametrize(
    ("made", "read"),
    [
        ("with torch.profiler.profile() as p: pass", "p.profiler"),
        ("p = torch.profiler.profile()", "p.profiler"),
        ("class Timed:\n    def __init__(self): self.p = torch.profiler.profile()\nt = Timed()", "t.p.profiler"),
        ("def f(p: torch.profiler.profile): return p.profiler\np = f(x)", "p"),
    ],
)
def test_an_attribute_of_what_an_attribute_is(code, made, read):
    path = code(f"{made}\nprint({read}.use_cuda)\n")
    assert list(gone(path)) == ["torch.autograd.profiler.profile.use_cuda"]


def test_an_attribute_that_may_be_of_several_classes_is_not_followed(code):
    path = code("l = torch.utils.data.DataLoader([1])\nprint(l.sampler.data_source, l.batch_sampler.verbose)\n")
    assert gone(path) == gone(path, "possible") == {}


def test_what_attributes_are_is_read_in_the_source(tmp_path):
    (tmp_path / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "parts.py").write_text("class Part: pass\n", encoding="utf-8")
    (tmp_path / "plans.py").write_text(
        textwrap.dedent("""
        import typing as t
        from typing import Optional
        from torch import parts as p
        from torch.parts import Part

        class _Base:
            def __init__(self, part: "Part", number: int, other):
                self.above = part

        class Plan(_Base):
            def __init__(self, part: Part, either: p.Part, number: int, other):
                self.first: Optional[Part] = None
                self.first = make()
                self.given, self.said = part, either
                self.part = part
                self.either = either
                self.some: t.List[p.Part] = []
                self.number, self._private = number, part
                self.other = other
                self.twice = part

            def change(self, other):
                self.twice, self.changed = other, None
                self.part = None
                self.other.changed = self.either[0] = part

        class Below(Plan):
            pass
        """),
        encoding="utf-8",
    )
    names = [("torch.plans.Plan", "class"), ("torch.plans.Below", "class"), ("torch.plans.change", "function")]
    assert sorted(held(tmp_path, names)) == [
        "torch.plans.Plan.above\ttorch.parts.Part",
        "torch.plans.Plan.either\ttorch.parts.Part",
        "torch.plans.Plan.first\tOptional[torch.parts.Part]",
        "torch.plans.Plan.part\ttorch.parts.Part",
        "torch.plans.Plan.some\tList[torch.parts.Part]",
    ]


def test_attributes_are_read_in_the_source(tmp_path):
    (tmp_path / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "plans.py").write_text(
        textwrap.dedent("""
        class Plan:
            kind = "plain"

            def __init__(self):
                self.rate: float = 1.0
                setattr(self, "named", 1)

            def load_state_dict(self, state):
                self.__dict__.update(state)

        class Step(Plan):
            def step(self):
                self.last, (self.first, x) = 1, (2, 3)

        class Open(Plan):
            def __getattr__(self, name):
                return name

        class Foreign(Unknown):
            pass

        def wrap(plan):
            plan.wrapped = True
        """),
        encoding="utf-8",
    )
    found: dict[str, set[str]] = {}
    names = [f"torch.plans.{one}" for one in ("Plan", "Step", "Open", "Foreign")]
    for name in attributes(tmp_path, [(one, "class") for one in names]):
        found.setdefault(name.rpartition(".")[0].rpartition(".")[2], set()).add(name.rpartition(".")[2])
    of_plan = {"kind", "rate", "named", "wrapped"}
    assert found == {
        "Plan": of_plan,
        "Step": {*of_plan, "last", "first"},
        "Open": {*of_plan, "?"},
        "Foreign": {"wrapped", "?"},
    }
