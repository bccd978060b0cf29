"""Callables and arguments that travel in dicts, lists and tuples of the code, and under other names."""

import textwrap

import pytest

from tests.reports.code.test_uses import INVENTORY
from torchproof.inventory import inventory
from torchproof.reports.code.catalog import Use, catalog, works
from torchproof.reports.code.uses import uses


@pytest.fixture
def broken(tmp_path):
    """The lines that certainly do not work in a release, with the names there."""

    def broken(code: str, release: str = "2.6") -> list[tuple[int, str]]:
        (tmp_path / "code.py").write_text("import torch\n" + textwrap.dedent(code), encoding="utf-8")
        return [
            (use.line, use.name.rpartition(".")[2])
            for use in uses(tmp_path, INVENTORY).certain
            if release in use.releases and use.how == "called" and works(use, INVENTORY, release)
        ]

    return broken


@pytest.mark.parametrize(
    "passed",
    [
        "**{'verbose': True}",
        "**dict(verbose=True)",
        "**OPTIONS",
        "**{**OPTIONS, 'lr': 1}",
        "**(OPTIONS | {'lr': 1})",
        "**dict(OPTIONS, lr=1)",
        "**OPTIONS.copy()",
        "**copy.deepcopy(OPTIONS)",
        "**MORE",
        "**GROWN",
        "**UPDATED",
        "**LATER",
        "**UNKNOWN_BEFORE",
        "*ARGS",
    ],
)
def test_arguments_in_a_dict_that_the_code_writes(broken, passed):
    head = """
        import copy
        OPTIONS = {"verbose": True}
        MORE = dict(**OPTIONS)
        GROWN = {}
        GROWN["verbose"] = True
        UPDATED = {"lr": 1}
        UPDATED.update(verbose=False)
        LATER = {}
        LATER.update(OPTIONS)
        UNKNOWN_BEFORE = somewhere()
        UNKNOWN_BEFORE["verbose"] = True
        ARGS = (1,)
    """
    call = f"def f(o):\n    torch.optim.Scheduler(o, {passed})"
    assert broken(textwrap.dedent(head).lstrip() + call) == [(15, "Scheduler")]


@pytest.mark.parametrize(
    "code",
    [
        "KW = {'verbose': True}\nKW.pop('verbose')",
        "KW = {'verbose': True}\ndel KW['verbose']",
        "KW = {'verbose': True}\nKW.clear()",
        "KW = {'verbose': True}\nKW = other()",
        "KW = {'verbose': True}\nif a:\n    KW.pop('verbose')",
        "KW = {}\nif a:\n    KW['verbose'] = True",
        "KW = {}\nfor key in a:\n    KW[key] = True",
        "KW = {name: True}",
    ],
)
def test_arguments_that_may_not_be_passed(broken, code):
    assert broken(code + "\ntorch.optim.Scheduler(o, **KW)") == []


@pytest.mark.parametrize(
    ("guard", "expected"),
    [("< '2.6'", []), (">= '2.1'", [(6, "Scheduler")]), ("> '0'", [(6, "Scheduler")])],
)
def test_arguments_that_a_guard_writes_are_passed_where_it_holds(broken, guard, expected):
    code = f"""
        KW = {{"lr": 1}}
        if torch.__version__ {guard}:
            KW["verbose"] = True
        KW.update(last=2)
        torch.optim.Scheduler(o, **KW)
    """
    assert broken(textwrap.dedent(code).lstrip()) == expected


def test_a_dict_belongs_to_the_function_that_changes_it(broken):
    code = """
        def f(o, **rest):
            rest["verbose"] = True
            torch.optim.Scheduler(o, **rest)
        def g(o, **rest):
            torch.optim.Scheduler(o, **rest)
    """
    assert broken(code) == [(5, "Scheduler")]


@pytest.mark.parametrize(
    "call",
    [
        "TABLE[name](o, verbose=True)",
        "TABLE['a'](o, verbose=True)",
        "TABLE.get(name, None)(o, verbose=True)",
        "TABLE.get('a')(o, verbose=True)",
        "MERGED[name](o, verbose=True)",
        "dict(a=torch.optim.Scheduler)[name](o, verbose=True)",
        "LIST[0](o, verbose=True)",
        "LIST[place](o, verbose=True)",
        "(torch.optim.Scheduler, torch.optim.Adam)[place](o, verbose=True)",
        "[cls(o, verbose=True) for cls in LIST]",
        "{name: cls(o, verbose=True) for name, cls in TABLE.items()}",
        "getattr(torch.optim, NAME)(o, verbose=True)",
        "getattr(torch.optim, NAMES[place])(o, verbose=True)",
    ],
)
def test_a_callable_from_a_table_that_the_code_writes(broken, call):
    head = """
        LIST = [torch.optim.Scheduler, torch.optim.Adam]
        TABLE = {"a": torch.optim.Scheduler, "b": torch.optim.Adam, "c": lambda o: o, "d": mine}
        MERGED = {**TABLE, "e": mine}
        NAME, NAMES = "Scheduler", ("Adam", "Scheduler")
    """
    found = broken(textwrap.dedent(head).lstrip() + f"def f(o, name, place):\n    return {call}")
    assert ((7, "Scheduler") in found) and {line for line, _ in found} == {7}
    if "'a'" in call or "LIST[0]" in call:
        assert found == [(7, "Scheduler")]


MADE = {
    "comprehension": "TABLE = {n: getattr(torch.optim, n) for n in NAMES}",
    "comprehension of a dict": "TABLE = {n: v for n, v in {'Adam': mine, 'Scheduler': torch.optim.Scheduler}.items()}",
    "loop": "TABLE = {}\nfor n in NAMES: TABLE[n] = getattr(torch.optim, n)",
}


@pytest.mark.parametrize("made", MADE)
def test_a_table_that_is_made_in_a_loop(broken, made):
    code = f"NAMES = ['Adam', 'Scheduler']\n{MADE[made]}\n"
    taken = code.count("\n") + 2
    assert broken(f"{code}TABLE['Scheduler'](o, verbose=True)") == [(taken, "Scheduler")]
    assert (taken, "Scheduler") not in broken(f"{code}TABLE['Adam'](o, verbose=True)")
    assert (2, "Scheduler") in broken(f"def f(name): TABLE[name](o, verbose=True)\n{code}")


@pytest.mark.parametrize("left", ["break", "continue", "return", "raise a"])
def test_what_comes_behind_a_loop_that_is_left_at_once_runs(broken, left):
    assert broken(f"def f(o):\n    for a in (1, 2):\n        {left}\n    torch.optim.Scheduler(o, verbose=True)") == [
        (5, "Scheduler")
    ]


@pytest.mark.parametrize(
    "loop",
    [
        "for cls in (torch.optim.Scheduler, mine):",
        "for cls in [torch.optim.Scheduler]:",
        "for cls in {'a': torch.optim.Scheduler}.values():",
        "for _, cls in {'a': torch.optim.Scheduler}.items():",
    ],
)
def test_a_loop_over_classes(broken, loop):
    assert broken(f"{loop}\n    cls(o, verbose=True)") == [(3, "Scheduler")]


def told_of_each(tmp_path, code):
    """What no release runs or has of what a loop goes over, for all that the code shows."""
    (tmp_path / "code.py").write_text("import torch\nx = torch.eye(2)\n" + textwrap.dedent(code), encoding="utf-8")
    found, known = uses(tmp_path), catalog(inventory())
    return {use.name.removeprefix("torch.") for use in (*found.certain, *found.nowhere) if known.stuck(use)} | {
        use.name.removeprefix("torch.") for use in found.nowhere
    }


@pytest.mark.parametrize(
    "code",
    [
        "for one in ('symeig', 'svd', 'gone_'):\n    getattr(torch, one)(x)",
        "ALL = ['symeig', 'gone_']\nfor one in ALL:\n    f = getattr(torch, one)\n    f(x)",
        "for one, n in [('symeig', 1), ('gone_', 2)]:\n    getattr(torch, one)(x)",
        "def f(y):\n    for one in ('symeig', 'gone_'):\n        for _ in y:\n            getattr(torch, one)(y)",
        "[getattr(torch, one)(x) for one in ('symeig', 'gone_')]",
        "{one: getattr(torch, one)(x) for one in ('symeig', 'gone_')}",
    ],
)
def test_each_that_a_loop_goes_over_is_used(tmp_path, code):
    assert told_of_each(tmp_path, code) == {"symeig", "gone_"}


def test_each_function_and_method_that_a_loop_goes_over_is_called(tmp_path):
    assert told_of_each(tmp_path, "for f in (torch.symeig, torch.svd, torch.solve):\n    f(x)") == {"symeig", "solve"}
    assert told_of_each(tmp_path, "for one in ('symeig', 'svd'):\n    getattr(x, one)()") == {"Tensor.symeig"}


@pytest.mark.parametrize(
    "body",
    [
        "if hasattr(torch, one):\n        getattr(torch, one)(x)",
        "hasattr(torch, one) and getattr(torch, one)(x)",
        "y = getattr(torch, one)(x) if one in dir(torch) else x",
        "try:\n        getattr(torch, one)(x)\n    except Exception:\n        pass",
        "if x.dim() > 2:\n        continue\n    getattr(torch, one)(x)",
        "getattr(torch, one)(x)\n    break",
        "later(lambda: getattr(torch, one)(x))",
        "getattr(torch, one, None)",
    ],
)
def test_one_that_a_loop_may_pass_over_is_not_told(tmp_path, body):
    assert told_of_each(tmp_path, f"for one in ('symeig', 'gone_'):\n    {body}") == set()


@pytest.mark.parametrize(
    "code",
    [
        "any(getattr(torch, one)(x) for one in ('symeig', 'gone_'))",
        "[getattr(torch, one)(x) for one in ('symeig', 'gone_') if hasattr(torch, one)]",
        "one = ('symeig', 'gone_')[int(x[0, 0])]\ngetattr(torch, one)(x)",
    ],
)
def test_one_that_may_be_chosen_is_not_told(tmp_path, code):
    assert told_of_each(tmp_path, code) == set()


@pytest.mark.parametrize(
    "code",
    [
        "TABLE = {'a': mine, 'b': torch.optim.Scheduler}\nTABLE['a'](o, verbose=True)",
        "TABLE = {}\nTABLE['a'](o, verbose=True)",
        "for cls in classes:\n    cls(o, verbose=True)",
        "for cls in (torch.optim.Scheduler,):\n    cls = mine\n    cls(o, verbose=True)",
    ],
)
def test_what_is_not_taken_from_a_table_is_not_known(broken, code):
    assert broken(code) == []


CARRIED = {
    "class attribute": """
        class A:
            scheduler = torch.optim.Scheduler
            def f(self, o):
                return self.scheduler(o, verbose=True)
    """,
    "class attribute that is no method": """
        class A:
            scheduler = staticmethod(torch.optim.Scheduler)
            def f(self, o):
                return self.scheduler(o, verbose=True)
    """,
    "table of a class": """
        class A:
            TABLE = {"a": torch.optim.Scheduler}
            def f(self, o, name):
                return self.TABLE[name](o, verbose=True)
    """,
    "instance attribute": """
        class A:
            def __init__(self):
                self.scheduler = torch.optim.Scheduler
            def f(self, o):
                return self.scheduler(o, verbose=True)
    """,
    "default": "def f(o, cls=torch.optim.Scheduler):\n    return cls(o, verbose=True)",
    "default kept": """
        class A:
            def __init__(self, *, cls=torch.optim.Scheduler):
                self.cls = cls
            def f(self, o):
                return self.cls(o, verbose=True)
    """,
    "alias": "Mine = torch.optim.Scheduler\ndef f(o):\n    return Mine(o, verbose=True)",
    "partial": "def f(o):\n    return functools.partial(torch.optim.Scheduler, verbose=True)",
    "partial called": "make = functools.partial(torch.optim.Scheduler)\nmake(o, verbose=True)",
    "wrapper": """
        def make(o, **rest):
            return torch.optim.Scheduler(o, **rest)
        make(o, verbose=True)
    """,
    "subclass": "class A(torch.optim.Scheduler):\n    x = 1\nA(o, verbose=True)",
    "subclass of one": "class A(torch.optim.Scheduler): ...\nclass B(A): ...\nB(o, verbose=True)",
    "subclass that passes on": """
        class A(torch.optim.Scheduler):
            def __init__(self, o, mine=1, **rest):
                super().__init__(o, **rest)
        A(o, mine=2, verbose=True)
    """,
}


@pytest.mark.parametrize("code", CARRIED.values(), ids=CARRIED)
def test_a_callable_that_is_carried(broken, code):
    code = textwrap.dedent(code).strip()
    assert broken("import functools\n" + code) == [(2 + len(code.splitlines()), "Scheduler")]


ROWS = {
    "taken apart": "def f(o, n):\n    cls, kw = TABLE[n]\n    cls(o, **kw)",
    "by place": "def f(o, n):\n    TABLE[n][0](o, **TABLE[n][1])",
    "added to": "def f(o, n):\n    cls, kw = TABLE.get(n)\n    cls(o, **{**kw, 'last': 2})",
    "returned": """
        def row(n):
            return TABLE[n]
        def f(o, n):
            cls, kw = row(n)
            cls(o, **kw)
    """,
    "values": "def f(o):\n    for cls, kw in TABLE.values():\n        cls(o, **kw)",
    "items": "def f(o):\n    for name, (cls, kw) in TABLE.items():\n        cls(o, **kw)",
    "keys": """
        def f(o):
            for name in TABLE:
                cls, kw = TABLE[name]
                cls(o, **kw)
    """,
    "comprehension": "def f(o):\n    return [cls(o, **kw) for cls, kw in TABLE.values()]",
    "enumerated": """
        def f(o):
            for place, (cls, kw) in enumerate(list(TABLE.values())):
                cls(o, **kw)
    """,
    "of a class": """
        class A:
            T = TABLE
            def f(self, o, n):
                cls, kw = self.T[n]
                cls(o, **kw)
    """,
    "nested": """
        DEEP = {'x': {'a': {'cls': torch.optim.Scheduler, 'kw': OLD}}}
        def f(o, n):
            e = DEEP['x'][n]
            e['cls'](o, **e['kw'])
    """,
    "data class": """
        @dataclass
        class S:
            cls: type
            kw: dict = None
        one = S(torch.optim.Scheduler, kw=OLD)
        one.cls(o, **one.kw)
    """,
    "its default": """
        @dataclass
        class S:
            cls: type = torch.optim.Scheduler
            kw: dict = field(default_factory=lambda: OLD)
        one = S()
        one.cls(o, **one.kw)
    """,
    "data classes": """
        @dataclass
        class S:
            cls: type
            kw: dict
        ALL = [S(torch.optim.Scheduler, OLD), S(mine, {})]
        for one in ALL:
            one.cls(o, **one.kw)
    """,
    "own class": """
        class S:
            def __init__(self, cls, kw):
                self.cls = cls
                self.kw = kw
        one = S(torch.optim.Scheduler, OLD)
        one.cls(o, **one.kw)
    """,
    "named tuple": """
        class S(NamedTuple):
            cls: type
            kw: dict
        cls, kw = S(torch.optim.Scheduler, OLD)
        cls(o, **kw)
    """,
    "made named tuple": """
        S = collections.namedtuple('S', 'cls kw')
        one = S(torch.optim.Scheduler, OLD)
        one.cls(o, **one.kw)
    """,
    "namespace": """
        one = types.SimpleNamespace(cls=torch.optim.Scheduler, kw=OLD)
        one.cls(o, **one.kw)
    """,
}


@pytest.mark.parametrize("code", ROWS.values(), ids=ROWS)
def test_a_callable_and_its_arguments_from_one_row(broken, code):
    head = """
        import collections, types
        from dataclasses import dataclass, field
        from typing import NamedTuple
        OLD = {"verbose": True}
        TABLE = {"a": (torch.optim.Scheduler, OLD), "b": (mine, {"lr": 1}), "c": mine}
    """
    code = textwrap.dedent(code).strip()
    assert broken(textwrap.dedent(head).lstrip() + code) == [(6 + len(code.splitlines()), "Scheduler")]


@pytest.mark.parametrize(
    "code",
    [
        "TABLE = {'a': (torch.optim.Scheduler, {}), 'b': (mine, {'verbose': True})}\ncls, kw = TABLE[n]\ncls(o, **kw)",
        """
            TABLE = {'a': (torch.optim.Scheduler, {}), 'b': (mine, {'verbose': True})}
            cls, kw = TABLE['a']
            cls(o, **kw)
        """,
        "A = {'a': torch.optim.Scheduler, 'b': mine}\nB = {'a': {}, 'b': {'verbose': True}}\nA[n](o, **B[n])",
        """
            @dataclass
            class S:
                cls: type
                def __post_init__(self):
                    self.cls = mine
            S(torch.optim.Scheduler).cls(o, verbose=1)
        """,
        "@dataclass\nclass S(Base):\n    cls: type\nS(torch.optim.Scheduler).other(o, verbose=1)",
    ],
)
def test_arguments_of_another_row_are_not_passed(broken, code):
    assert broken(textwrap.dedent(code)) == []


BRANCHES = {
    "pairs": """
        if a:
            cls, kw = torch.optim.Scheduler, {'verbose': True}
        else:
            cls, kw = mine, {'lr': 1}
    """,
    "assignments": """
        if a:
            cls = torch.optim.Scheduler
            kw = dict(verbose=True)
        elif b:
            cls = torch.optim.Other
            kw = {}
        else:
            cls = mine
            kw = {'lr': 1}
    """,
    "in an elif": """
        if a:
            cls, kw = mine, {'lr': 1}
        elif b:
            cls, kw = mine, {}
        else:
            kw = {'verbose': True}
            cls = torch.optim.Scheduler
    """,
    "another before": """
        cls, kw = mine, {}
        if a:
            cls, kw = torch.optim.Scheduler, {'verbose': True}
    """,
    "added to": """
        kw = {}
        if a:
            cls = torch.optim.Scheduler
            kw['verbose'] = True
        else:
            cls = mine
    """,
    "added to afterwards": """
        if a:
            cls, kw = torch.optim.Scheduler, {'last': 1}
        else:
            cls, kw = mine, {}
        kw.update(verbose=True)
    """,
    "match": """
        match a:
            case 1:
                cls, kw = mine, {}
            case 2:
                cls, kw = torch.optim.Scheduler, {'verbose': True}
            case _:
                cls, kw = mine, {}
    """,
    "a row of a table": """
        if a:
            cls, kw = mine, {}
        else:
            cls, kw = {'x': (mine, {}), 'y': (torch.optim.Scheduler, {'verbose': True})}[b]
    """,
}


@pytest.mark.parametrize("code", BRANCHES.values(), ids=BRANCHES)
def test_a_callable_and_its_arguments_from_one_branch(broken, code):
    code = textwrap.dedent(code).strip() + "\ncls(o, **kw)"
    assert broken("def mine(*args, **rest): ...\n" + code) == [(2 + len(code.splitlines()), "Scheduler")]


OF_ANOTHER_BRANCH = {
    "pairs": """
        if a:
            cls, kw = torch.optim.Scheduler, {'last': 1}
        else:
            cls, kw = mine, {'verbose': True}
        cls(o, **kw)
    """,
    "two statements": """
        if a:
            cls = torch.optim.Scheduler
        else:
            cls = mine
        if b:
            kw = {'last': 1}
        else:
            kw = {'verbose': True}
        cls(o, **kw)
    """,
    "the same condition": """
        if a:
            cls, kw = torch.optim.Scheduler, {}
        elif b:
            cls, kw = torch.optim.Scheduler, {'last': 1}
        else:
            cls, kw = mine, {}
        if not a and not b:
            cls(o, verbose=True, **kw)
    """,
    "only arguments": """
        kw = {}
        if a:
            kw = {'verbose': True}
        if not a:
            torch.optim.Scheduler(o, **kw)
    """,
    "taken out": """
        if a:
            cls, kw = torch.optim.Scheduler, {'verbose': True}
        else:
            cls, kw = mine, {}
        kw.pop('verbose', None)
        cls(o, **kw)
    """,
}


@pytest.mark.parametrize("code", OF_ANOTHER_BRANCH.values(), ids=OF_ANOTHER_BRANCH)
def test_arguments_of_another_branch_are_not_passed(broken, code):
    assert broken("def mine(*args, **rest): ...\n" + textwrap.dedent(code).strip()) == []


CHOSEN = {
    "conditional": "cls = torch.optim.Scheduler if a else mine\ncls(o, verbose=True)",
    "called at once": "(torch.optim.Scheduler if a else mine)(o, verbose=True)",
    "statement": """
        if a:
            cls = torch.optim.Scheduler
        else:
            cls = mine
        cls(o, verbose=True)
    """,
    "none before": "cls = None\nif a:\n    cls = torch.optim.Scheduler\ncls(o, verbose=True)",
    "match": """
        match a:
            case 1:
                cls = torch.optim.Scheduler
            case _:
                cls = mine
        cls(o, verbose=True)
    """,
    "returned": """
        def one():
            if a:
                return torch.optim.Scheduler
            return mine
        one()(o, verbose=True)
    """,
    "table returned": """
        def all():
            return {'a': torch.optim.Scheduler, 'b': mine}
        all()[a](o, verbose=True)
    """,
    "partials": """
        T = {'a': partial(torch.optim.Scheduler), 'b': partial(mine)}
        T[a](o, verbose=True)
    """,
    "attrgetter": "import operator\noperator.attrgetter('optim.Scheduler')(torch)(o, verbose=True)",
    "named in a loop": """
        for one in ('Mine', 'Scheduler'):
            getattr(torch.optim, one)(o, verbose=True)
    """,
    "of vars": "vars(torch.optim)['Scheduler'](o, verbose=True)",
    "of a namespace": "torch.optim.__dict__['Scheduler'](o, verbose=True)",
    "imported by name": """
        import importlib
        importlib.import_module('torch.optim').Scheduler(o, verbose=True)
    """,
    "arguments": "kw = {'verbose': True} if a else dict(lr=1)\ntorch.optim.Scheduler(o, **kw)",
}


def test_a_name_of_a_namespace_may_be_asked_for_before(tmp_path):
    (tmp_path / "code.py").write_text("import torch\nif 'never' in vars(torch):\n    vars(torch)['never'](1)")
    assert uses(tmp_path, INVENTORY).nowhere == []


@pytest.mark.parametrize("code", CHOSEN.values(), ids=CHOSEN)
def test_one_of_several_callables(broken, code):
    code = textwrap.dedent(code).strip()
    assert broken("def mine(*args, **rest): ...\n" + code) == [(2 + len(code.splitlines()), "Scheduler")]


@pytest.mark.parametrize(
    "code",
    [
        "def make(o, **rest):\n    rest.pop('verbose')\n    return torch.optim.Scheduler(o, **rest)",
        "def make(o, verbose=None, **rest):\n    return torch.optim.Scheduler(o, **rest)",
        "def make(o, **rest):\n    rest = dict(lr=1)\n    return torch.optim.Scheduler(o, **rest)",
        "def make(o, **rest):\n    return mine(o, **rest)",
        "class make(torch.optim.Scheduler):\n    def __init__(self, o, verbose=None):\n        super().__init__(o)",
        "class make(torch.optim.Scheduler):\n    def __new__(cls, o, verbose=None): ...",
        "class make(mine, torch.optim.Scheduler): ...",
    ],
)
def test_what_is_not_passed_on_is_not_used(broken, code):
    assert broken(code + "\nmake(o, verbose=True)") == []


@pytest.mark.parametrize(
    "code",
    [
        "x = [x[0], x[1]]\nx[0](1)",
        "x = {'a': x['a'], **x}\nx['b'](**x)",
        "x = x.get('a')\nx(**x)",
        "x = x.copy()\nf(**x)",
    ],
)
def test_what_is_made_of_itself_comes_to_an_end(broken, code):
    assert broken(f"def f(x):\n    {code}".replace("\nx", "\n    x")) == []


@pytest.mark.timeout(60)  # it took the factorial of the entries
def test_a_table_whose_entries_are_taken_out_of_itself_is_gone_through_once(broken):
    entries = "".join(f"table['entry {number}'] = table[name{number}]\n" for number in range(15))
    code = "table = {'made': torch.optim.Scheduler}\n" + entries
    call = "(o, verbose=True)\n"
    found = broken(f"{code}table[name]{call}table['entry 3']{call}table['made']{call}")
    assert [line for line, _ in found] == [18, 19, 20]


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("getattr(torch.optim, name)(o, verbose=True)", {"torch.optim.Scheduler"}),
        ("cls = getattr(torch.optim, name)\n    cls(o, **{'verbose': True})", {"torch.optim.Scheduler"}),
        ("vars(torch.optim)[name](o, verbose=True)", {"torch.optim.Scheduler"}),
        ("cls = torch.optim.__dict__[name]\n    cls(o, verbose=True)", {"torch.optim.Scheduler"}),
        ("getattr(torch.optim, name)(o, lr=1)", set()),
        ("vars(thing)[name](o, verbose=True)", set()),
        ("getattr(thing, name)(o, verbose=True)", set()),
    ],
)
def test_whatever_of_a_module_may_be_called(tmp_path, call, found):
    (tmp_path / "code.py").write_text(f"import torch\ndef f(o, name, thing):\n    {call}\n", encoding="utf-8")
    assert {use.name for use in uses(tmp_path, INVENTORY).possible if works(use, INVENTORY, "2.6")} == found


def test_what_takes_the_keywords_in_no_release_is_not_meant(tmp_path):
    call = "getattr(torch.optim.lr_scheduler, name)(o, patience=2, verbose=True)"
    (tmp_path / "code.py").write_text(f"import torch\ndef f(o, name):\n    {call}\n", encoding="utf-8")
    assert {use.name for use in uses(tmp_path, inventory()).possible} == {"torch.optim.lr_scheduler.ReduceLROnPlateau"}


def test_what_only_raises_by_now_is_not_told_of_whatever_may_be_called(tmp_path):
    (tmp_path / "code.py").write_text("import torch\ndef f(x, name):\n    getattr(torch, name)(x, dim=-1)\n")
    assert works(Use("torch.cholesky", "code.py", 1, "called", frozenset()), inventory(), "2.15")
    assert uses(tmp_path, inventory()).possible == []
