"""Which calls a behaviour concerns, judged by what the code shows."""

from __future__ import annotations

import textwrap

import pytest

from torchproof.inventory import Inventory
from torchproof.reports.code.concerns import Concern, Concerns
from torchproof.reports.code.uses import uses

INVENTORY = Inventory(
    textwrap.dedent("""\
    torchproof inventory 1
    releases 2.0 2.1
    torch
    \tf\t2.0-2.1\tfunction\t(x, eps=1e-05, mode='sum')
    \t\t2.1-\tfunction\t(x, eps=1e-05, mode='sum', safe=None)
    \tmake\t\tfunction\t(x, y=1, deep=False)
    \tfloat32\t\tattribute
    \tfloat8_e5m2\t\tattribute
    \thalf\t\tattribute
    \tbool\t\tattribute
    """)
)


@pytest.fixture
def judged(tmp_path):
    """`judged(code, said)`: what each call of `torch.f` in the code is to a behaviour that is about such calls."""

    def judged(code: str, said: str):
        (tmp_path / "code.py").write_text("import torch\n" + code, encoding="utf-8")
        found = uses(tmp_path, INVENTORY)
        entries = tuple(INVENTORY.find("torch.f", release) for release in ("2.1", "2.0"))
        concerns = Concerns(found.texts, INVENTORY)
        return [concerns.of(use, said, entries) for use in found.certain if use.name == "torch.f"]

    return judged


NO, MAY, YES = Concern
CLASS = "class A:\n    def g(self):\n"


@pytest.mark.parametrize(
    ("said", "code", "wanted"),
    [
        ("any", "torch.f(1)", YES),
        ("any", "g(torch.f)", MAY),
        ("none", "torch.f(1)", NO),
        ("eps", "torch.f(1, eps=unknown)", YES),
        ("eps", "torch.f(1, 2)", YES),
        ("eps", "torch.f(1)", NO),
        ("safe", "torch.f(1, safe=None)", NO),
        ("safe", "torch.f(1, **more)", NO),
        ("safe", "more = {'safe': 1}\ntorch.f(1, **unknown(more))", MAY),
        ("eps|safe", "torch.f(1, safe=True)", YES),
        ("names meta", "torch.f(1)\nx = 'meta'", MAY),
        ("names meta", 'torch.f(1)\ndef g():\n    """:meta private:"""', NO),
        ("names meta", "torch.f(1)  # meta", NO),
        ("not safe", "torch.f(1)", YES),
        ("not safe", "torch.f(1, safe=None)", YES),
        ("not safe", "torch.f(1, safe=unknown)", NO),
        ("eps=0", "torch.f(1, eps=0.0)", YES),
        ("eps=0", "torch.f(1, 0)", YES),
        ("eps=0", "torch.f(1, eps=1e-5)", NO),
        ("eps=0", "torch.f(1)", NO),
        ("eps=0", "0\ntorch.f(1, eps=unknown)", NO),
        ("eps=0", "more = {'eps': 1e-3}\ntorch.f(1, **unknown(more))", NO),
        ("safe=True", "torch.f(1, safe=unknown)", MAY),
        ("mode=sum", "torch.f(1)", YES),
        ("mode=sum", "torch.f(1, mode='mean')", NO),
        ("mode=half", "torch.f(1, mode=torch.half)", YES),
        ("mode=half", "torch.f(1, mode=unknown)", NO),
        ("mode=half", "unknown = g(torch.half)\ntorch.f(1, mode=unknown)", MAY),
        ("mode=half", "torch.f(1, mode=x.to(torch.half))", YES),
        ("mode=half", "torch.f(1, mode=g(x, dtype=torch.half))", YES),
        ("mode=half", "torch.f(1, mode=x.to(torch.float32))", NO),
        ("mode=half", "torch.half\ntorch.f(1, mode=x.to('cpu'))", MAY),
        ("mode=uint8", "torch.f(1, mode=x.byte())", YES),
        ("mode=uint8", "'uint8'\ntorch.f(1, mode=x.bool())", NO),
        ("mode=uint8", "def g(x):\n    m = (x > 0).byte()\n    torch.f(1, mode=m)", YES),
        ("mode=uint8", "def g(x: torch.Tensor):\n    m = x.byte()\n    torch.f(1, mode=m)", YES),
        ("mode=uint8", "def g(x):\n    'uint8'\n    m = ((x > 0) & (x < 1)).all(-1)\n    torch.f(1, mode=~m)", NO),
        ("mode=uint8", "def g(x):\n    'uint8'\n    m = x.to(dtype=torch.bool)\n    torch.f(1, mode=m)", NO),
        ("mode=uint8", "def g(x):\n    m = x.byte()\n    m = h(x, 'uint8')\n    torch.f(1, mode=m)", MAY),
        ("mode=uint8", "def g(x, m):\n    if x:\n        m = x.byte() or 'uint8'\n    torch.f(1, mode=m)", MAY),
        ("mode=uint8", "# uint8 or bool\ntorch.f(1, mode=unknown)  # uint8", NO),
        ("mode=uint8", "g('#', 'uint8')\ntorch.f(1, mode=unknown)", MAY),
        ("mode=uint8", "def g(x):\n    'uint8'\n    m = x.abs() > 1\n    torch.f(1, mode=m)", NO),
        ("mode=uint8", "def g(x):\n    'uint8'\n    torch.f(1, mode=(x > 0) | (x < 1))", NO),
        ("mode=uint8", "def g(x):\n    'uint8'\n    m = (x.a() > 0) | (x == x.b())\n    torch.f(1, mode=~m)", NO),
        ("mode=uint8", "def g(x):\n    'uint8'\n    torch.f(1, mode=(x > 0) | x)", MAY),
        ("mode=uint8", "def g(x):\n    torch.f(1, mode=(x > 0).byte())", YES),
        ("safe=True", "def g(x):\n    torch.f(1, safe=x > 0)", MAY),
        ("safe=True", "def g(x):\n    y = x > 0\n    torch.f(1, safe=y)", MAY),
        ("safe=True", "more: dict[str, int] = {'safe': False}\ntorch.f(1, **more)", NO),
        ("safe=True", "more: dict[str, int] = {}\nmore['safe'] = True\ntorch.f(1, **more)", YES),
        ("safe=True", "torch.f(1, safe=1)", NO),
        ("safe=True but *gpu*", "torch.f(1, safe=True)", YES),
        ("safe=True but *gpu*", "torch.f(1, safe=unknown)", MAY),
        ("safe=True but *gpu*", "torch.f(1, safe=GPUS > 0)", NO),
        ("safe=True but *gpu*", "gpu = 1\ntorch.f(1, safe=unknown)", MAY),
        ("safe=True but *gpu*", "n = count('gpu')\nis_on = n > 0\ntorch.f(1, safe=is_on)", NO),
        ("safe=True but *gpu*", "def g(**more): torch.f(1, **h(more))\nk(safe=h('gpu'))", NO),
        ("safe=True but *gpu*", "def g(**more): torch.f(1, **h(more))\nk(safe=h('gpu'))\nk(safe=True)", MAY),
        ("safe=True but *gpu*", "m = {**n, 'safe': h('gpu')}\ndef g(): torch.f(1, **m)", NO),
        ("recorded", "def g(x): return torch.f(x)", YES),
        ("recorded", "def g(x): torch.f(x.detach())", NO),
        ("recorded both", "def g(x): return torch.f(x.detach(), x)", YES),
        ("recorded", "g(torch.f)", YES),
        ("safe=True, eps=0", "torch.f(1, eps=0, safe=True)", YES),
        ("safe=True, eps=0", "torch.f(1, eps=0)", NO),
        ("safe=True, mode=True", "torch.f(1, mode=unknown, safe=unknown)", NO),
        ("passes float8_*", "torch.f(torch.float8_e5m2)", YES),
        ("passes float8_*", "torch.float8_e5m2\ntorch.f(torch.float32)", NO),
        ("passes float8_*", "torch.float8_e5m2\ntorch.f(unknown)", MAY),
        ("passes float8_*", "torch.f(unknown)", NO),
        ("names half|float16", "torch.f(x.half())", MAY),
        ("names half|float16", "torch.f(x, mode='float16')", YES),
        ("names half|float16", "torch.f(x)", NO),
        ("lacks half|float16", "torch.f(x)", YES),
        ("lacks half|float16", "torch.f(x.half())", MAY),
        ("names *.half", "def g(half): torch.f(x)", NO),
        ("overrides step|run", "class A(torch.f):\n    def run(self): 1", YES),
        ("overrides step", "class A(torch.f):\n    def run(self): 1", NO),
        ("overrides step", "class A:\n    def step(self): 1\ntorch.f(1)", NO),
        ("names *.half", "y = torch.half\ntorch.f(x)", MAY),
        ("catches RuntimeError", "try:\n    torch.f(1)\nexcept RuntimeError:\n    pass", YES),
        ("catches RuntimeError", "try:\n    torch.f(1)\nexcept (OSError, RuntimeError) as error:\n    pass", YES),
        ("catches RuntimeError", "try:\n    torch.f(1)\nexcept Exception:\n    pass", NO),
        ("catches RuntimeError", "try:\n    g()\nexcept RuntimeError:\n    torch.f(1)", NO),
        ("catches RuntimeError", "with pytest.raises(RuntimeError):\n    torch.f(1)", YES),
        ("uncaught KeyError", "torch.f(1)", YES),
        ("uncaught KeyError", "try:\n    torch.f(1)\nexcept KeyError:\n    g()", NO),
        ("uncaught KeyError", "try:\n    torch.f(1)\nexcept (OSError, m.KeyError) as error:\n    g()", NO),
        ("uncaught KeyError", "try:\n    torch.f(1)\nexcept KeyError:\n    raise OSError", YES),
        ("uncaught KeyError", "try:\n    torch.f(1)\nexcept Exception:\n    g()", YES),
        ("uncaught KeyError", "try:\n    g()\nexcept KeyError:\n    torch.f(1)", YES),
        ("decorates", "@torch.f(1)\ndef g(): ...", YES),
        ("decorates", "@torch.f\ndef g(): ...", NO),
        ("decorates", "torch.f(1)", NO),
        ("decorates bare", "@torch.f\ndef g(): ...", YES),
        ("decorates bare", "g(torch.f)", NO),
    ],
)
def test_a_behaviour_concerns_the_calls_that_it_is_about(judged, said, code, wanted):
    assert judged(code, said) == [wanted]


@pytest.mark.parametrize(
    ("said", "code", "wanted"),
    [
        ("not safe", "g = partial(torch.f, safe=True)\ng(1)", NO),
        ("not safe", "g = partial(torch.f, safe=None)\ng(1)", YES),
        ("not safe", "g = partial(torch.f, eps=1)\ng(1, safe=True)", NO),
        ("not safe", "g = partial(torch.f, safe=None)\ng(1, safe=True)", NO),
        ("not safe", "g = partial(torch.f, safe=None)\ng(1, safe=unknown)", NO),
        ("not safe", "g = partial(torch.f, safe=unknown)\ng(1)", MAY),
        ("safe=True", "g = {'a': partial(torch.f, safe=True)}\ng['a'](1)", YES),
    ],
)
def test_a_call_of_a_partial_passes_what_that_was_given(judged, said, code, wanted):
    *_, called = judged("from functools import partial\n" + code, said)
    assert called is wanted


@pytest.mark.parametrize(
    ("said", "code", "wanted"),
    [
        ("x made deep=True", "torch.f(torch.make(1, deep=True))", YES),
        ("x made deep=True", "torch.f(x=torch.make(1, 2, True))", YES),
        ("x made deep=True", "torch.f(torch.make(1))", NO),
        ("x made deep=True", "torch.f(torch.make(1, deep=unknown))", MAY),
        ("x made deep=True", "torch.f(torch.make(1, **more(deep=1)))", MAY),
        ("x made deep=False", "torch.f(torch.make(1))", YES),
        ("x made deep=False", "torch.f(torch.make(1, deep=True))", NO),
        ("x made deep=False", "a = torch.make(1)\ntorch.f(a)", YES),
        ("x made deep=False", "a = torch.make(1, deep=True)\ntorch.f(a)", NO),
        ("x made deep=False", "a: int = torch.make(1)\nb = a\ndef g():\n    return torch.f(b)", YES),
        ("x made deep=False", "def g(a):\n    return torch.f(a)\na = torch.make(1)", MAY),
        ("x made deep=False", "if c:\n    a = torch.make(1)\nelse:\n    a = torch.make(2)\ntorch.f(a)", YES),
        ("x made deep=False", "a = torch.make(1) if c else torch.make(2, deep=True)\ntorch.f(a)", MAY),
        ("x made deep=False", "for a in b:\n    torch.f(a)", MAY),
        ("x made deep=False", "a, b = torch.make(1)\ntorch.f(a)", MAY),
        ("x made deep=False", "torch.f(mine(1))", MAY),
        ("x made deep=False", "torch.f(1)", MAY),
        ("x made deep=False", "torch.f(eps=1)", NO),
        ("x made deep=False", "a = a or b\ntorch.f(a)", MAY),
        ("x made deep=False", f"{CLASS}        self.a = torch.make(1)\n        torch.f(self.a)", YES),
        ("x made deep=False", f"{CLASS}        torch.f(self.a)\n    def h(self): self.a = torch.make(1)", YES),
        ("x made deep=False", f"{CLASS}        torch.f(self.a)\nclass B:\n    a = 1\n    def h(self): self.a = 1", MAY),
        ("x made deep=True|make()", "torch.f(torch.make(1))", YES),
        ("x made make()", "torch.f([torch.other(1), torch.make(1)])", YES),
        ("x made make()", "a = [torch.make(i) for i in b]\ntorch.f(a)", YES),
        ("x made make()", "torch.f([torch.other(1)])", NO),
        ("x made make()", "torch.f(a)", NO),
        ("x made make()", "torch.make\ntorch.f(a)", MAY),
        ("x made make()", "g(torch.f)", NO),
    ],
)
def test_a_behaviour_may_be_about_what_makes_what_is_passed(judged, said, code, wanted):
    assert judged(code, said) == [wanted]
