"""What is seen in user code: which names, since when they work, and what is not certain."""

import textwrap
import time
from pathlib import Path

import pytest

from torchproof.inventory import Inventory, inventory
from torchproof.reports.code import depths
from torchproof.reports.code.catalog import Argument, catalog, works
from torchproof.reports.code.nowhere import is_nowhere, meant
from torchproof.reports.code.uses import uses
from torchproof.reports.code.values import Name

INVENTORY = Inventory(
    textwrap.dedent("""\
    torchproof inventory 1
    releases 2.0 2.1 2.6
    torch
    \tDim\t2.0-2.1\tfunction\t(name)
    \t\t2.1-\tclass\t(name)
    \tTensor\t\tclass
    \t__version__\t\tattribute
    \t_private\t2.1-
    \tadded\t2.1-\tfunction\t(x, *, scale=None)
    \tamp\t2.1-\tmodule
    \tcuda\t\tmodule
    \tfloat8\t2.1-\tattribute
    \tgrid\t2.0-2.6\tfunction\t(x, **kwargs)
    \t\t2.6-\tfunction\t(x)
    \tsifted\t2.0-2.1\tfunction\t(x, **kwargs)
    \t\t2.1-\tfunction\t(x, **kwargs)\t*size
    \tfull\t\tfunction\tdoc(size, fill_value)
    \tgone\t2.0-2.6\tfunction\t(x)
    \teases\t2.0-2.6\tfunction\t(x, out)
    \t\t2.6-\tfunction\t(x, out=None)
    \tasked\t2.0-2.1\tfunction\t()
    \t\t2.1-\tfunction\t(device)\t()
    \tnn\t\tmodule
    \tops\t2.0-2.1\tfunction\top(query)
    \t\t2.1-\tfunction\top(query, scale=None)\tdoc(query, scale=None)
    \toptim\t\tmodule
    \tscaled\t2.0-2.1\tfunction\t(x)
    \t\t2.1-\tfunction\t(x, scale=None)
    \tsizes\t2.0-2.1\tfunction\t(x, **kwargs)\t*scale
    \t\t2.1-2.6\tfunction\t(x, **kwargs)\t*size
    \t\t2.6-\tfunction\t(x, **kwargs)
    \tswallows\t2.0-2.1\tfunction\t(*args, **kwargs)
    \t\t2.1-\tfunction\t(x, scale=None)
    \tzeros\t\tfunction\tdoc(size)
    torch.Dim
    \tAUTO\t2.1-\tattribute
    torch.Tensor
    \tclone\t\tmethod\t()
    \tfresh\t2.1-\tmethod\t()
    \tto\t\tmethod
    torch.amp
    \tGradScaler\t2.1-\tclass\t()
    torch.amp.GradScaler
    \tscale\t2.1-\tmethod\t(outputs)
    torch.cuda
    \tGradScaler\t\tclass\t()
    torch.nn
    \tConv2d\t\tclass\t(size, bias=True)\t<torch.nn.Module
    \tModule\t\tclass\t(*args, **kwargs)
    \tfunctional\t\tmodule
    torch.nn.Conv2d
    \treset\t2.1-\tmethod\t()
    torch.nn.Module
    \tcompile\t2.1-\tmethod\t(*args, **kwargs)
    \tload\t2.0-2.1\tmethod\t(state)
    \t\t2.1-\tmethod\t(state, assign=False)
    \tto\t\tmethod\t(*args)
    torch.nn.functional
    \trelu\t\tfunction\t(x)
    torch.optim
    \tAdam\t\tclass\t(params)\t<torch.optim.Optimizer
    \tOptimizer\t\tclass\t(params)
    \tScheduler\t2.0-2.6\tclass\t(optimizer, verbose=False, *, lr=1, last=1)
    \t\t2.6-\tclass\t(optimizer, *, lr=1, last=1)
    torch.optim.Optimizer
    \tprofile\t2.1-\tmethod\t()
    \tstep\t\tmethod\t()
    """)
)


@pytest.fixture
def see(tmp_path):
    """Write code and give what it uses; further files by name."""

    def see(code: str, **files: str):
        for name, text in {"code": code, **files}.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        return uses(tmp_path, INVENTORY)

    return see


@pytest.fixture
def names(see):
    return lambda code, **files: [use.name for use in see(code, **files).certain]


@pytest.fixture
def breaks(see):
    """In which releases something certain does not work, with why."""

    def breaks(code: str, **files: str) -> dict[str, str]:
        found = see(code, **files)
        return {
            release: why
            for release in INVENTORY.releases
            for use in found.certain + found.private
            if release in use.releases and (why := works(use, INVENTORY, release))
        }

    return breaks


@pytest.mark.parametrize(
    "code",
    [
        "import torch\ntorch.nn.functional.relu",
        "import torch as t\nt.nn.functional.relu",
        "import torch.nn.functional as F\nF.relu",
        "from torch import nn\nnn.functional.relu",
        "from torch.nn import functional as F\nF.relu",
        "import torch\nF = torch.nn.functional\nF.relu",
        "from torch.nn.functional import *\nrelu",
        "import torch\ngetattr(torch.nn, 'functional').relu",
        "def f():\n    import torch\n    return lambda x: torch.nn.functional.relu",
        "import torch\nx = [torch.nn.functional.relu for one in range(3)]",
    ],
)
def test_a_name_however_it_is_spelled(names, code):
    assert names(code)[-1] == "torch.nn.functional.relu"


@pytest.mark.parametrize(
    "code",
    [
        "import torch\nopt = torch.optim.Adam(p)\nopt.step()",
        "from torch.optim import Adam\ndef f(opt: Adam):\n    opt.step()",
        "import torch\ndef f(opt: 'torch.optim.Adam | None'):\n    opt.step()",
        "import torch\nclass A:\n    def __init__(self):\n        self.o = torch.optim.Adam(p)\n"
        "    def go(self):\n        self.o.step()",
        "import torch\nwith torch.optim.Adam(p) as opt:\n    opt.step()",
        "import torch\nclass Mine(torch.optim.Optimizer):\n    def go(self):\n        self.step()",
        "import torch\nclass Mine(torch.optim.Adam): pass\nMine(p).step()",
        "import torch\nclass Mine(torch.optim.Adam):\n    def step(self):\n        super().step()",
        "import torch\ndef make() -> torch.optim.Adam: ...\nmake().step()",
    ],
)
def test_a_method_of_what_is_certain(see, code):
    assert any(use.name.endswith(".step") and use.how == "called" for use in see(code).certain)


@pytest.mark.parametrize(
    "code",
    [
        "import torch\nopt = torch.optim.Adam(p)\nopt = other\nopt.step()",
        "import torch\nopt = torch.optim.Adam(p)\nfor opt in all:\n    opt.step()",
        "import torch\nopt = torch.optim.Adam(p)\nx = [opt.step() for opt in all]",
        "import torch\nopt = torch.optim.Adam(p)\ndef f(opt):\n    opt.step()",
        "import torch\nif a:\n    opt = torch.optim.Adam(p)\nelse:\n    opt = b\nopt.step()",
        "import torch\nopt = torch.optim.Adam(p)\nwhile a:\n    opt.step()\n    opt = b",
        "import torch\nclass A(torch.optim.Optimizer):\n    def step(self): ...\n    def go(self): self.step()",
        "import torch\nclass A(torch.optim.Optimizer): ...\nclass B(A):\n    def step(self): ...\n"
        "def f(one: A):\n    one.step()",
        "import torch\nopt = torch.optim.Adam(p)\ndef f():\n    global opt\n    opt = b\ndef g():\n    opt.step()",
        "import torch\ndef f():\n    opt = torch.optim.Adam(p)\n    def g():\n        nonlocal opt\n        opt = b\n"
        "    g()\n    opt.step()",
    ],
)
def test_what_may_be_something_else_is_not_certain(see, code):
    assert not any(use.name.endswith(".step") and use.how == "called" for use in see(code).certain)


def test_a_method_of_an_unknown_value_is_possible(see):
    found = see("def f(x):\n    x.fresh()\n    x.clone()")
    assert [use.name for use in found.possible] == ["torch.Tensor.fresh"]  # clone is the same in all releases
    assert not found.certain


def test_a_method_that_a_path_has_as_well_is_a_sign_of_nothing(tmp_path):
    (tmp_path / "code.py").write_text("import torch\ndef f(x, y):\n    x.rename(y)\n    x.rename_(y)")
    assert [use.name for use in uses(tmp_path).possible] == ["torch.Tensor.rename_"]


def test_a_property_is_not_what_a_method_of_an_unknown_value_is(tmp_path):
    (tmp_path / "code.py").write_text("import torch\ndef f(x):\n    x.names()\n    x.verbose()")
    assert not uses(tmp_path).possible


def test_what_a_possible_call_may_pass_besides_is_remembered(see):
    (use,) = see("x.fresh(*more, **rest)").possible
    assert use.unpacks == "* **"


def test_a_method_of_an_annotated_tensor_is_certain(names):
    assert "torch.Tensor.fresh" in names("from torch import Tensor\ndef f(x: Tensor):\n    x.fresh()")


def test_private_names_are_apart(see):
    found = see("import torch\ntorch._private")
    assert [use.name for use in found.private] == ["torch._private"]
    assert not found.certain


def test_what_a_call_passes_is_seen(see):
    (use,) = see("import torch\n\ntorch.added(1, 2, *more, scale=3, **rest)").certain
    assert (use.line, use.how, use.positional, use.keywords, use.unpacks) == (3, "called", 2, ("scale",), "* **")


@pytest.mark.parametrize(
    ("passed", "value"),
    [
        ("2", 2),
        ("-1.5", -1.5),
        ("None", None),
        ("(0, [True, 'a'])", (0, (True, "a"))),
        ("torch.float8", Name("torch.float8")),
        ("BELOW", -1),
        ("PAIR", (2, Name("torch.float8"))),
        ("self.size", 3),
        ("LIST", Argument.UNKNOWN),  # it may have grown
        ("EITHER", Argument.UNKNOWN),
        ("unknown", Argument.UNKNOWN),
        ("(1, unknown)", Argument.UNKNOWN),
        ("ITSELF", Argument.UNKNOWN),
    ],
)
def test_the_value_of_an_argument_is_known_where_the_code_shows_it(see, passed, value):
    code = f"""
        import torch
        BELOW = -1
        PAIR = (2, torch.float8)
        LIST = [1]
        EITHER = 1 if unknown else 2
        ITSELF = (ITSELF, 1)
        class Mine:
            def __init__(self):
                self.size = 3
            def go(self):
                torch.added(0, scale={passed})
    """
    use = next(use for use in see(code).certain if use.name == "torch.added")
    assert use.argument("scale", INVENTORY.find("torch.added", "2.6")) == value


@pytest.mark.parametrize(
    ("call", "values"),
    {
        "torch.full(2, 3)": (2, 3),
        "torch.full(2, fill_value=3)": (2, 3),
        "torch.full(2)": (2, Argument.ABSENT),
        "torch.full(2, **rest)": (2, Argument.UNKNOWN),
        "torch.full(2, *rest)": (2, Argument.UNKNOWN),
        "torch.full(*rest, 3)": (Argument.UNKNOWN, Argument.UNKNOWN),
    }.items(),
)
def test_an_argument_is_known_by_its_parameter(see, call, values):
    entry = INVENTORY.find("torch.full", "2.6")
    (use,) = see(f"import torch\n{call}").certain
    assert (use.argument("size", entry), use.argument("fill_value", entry)) == values


@pytest.mark.parametrize("caller", ["a", "z"])
@pytest.mark.parametrize("helper", ["_inner", "inner"])
def test_no_use_is_lost_by_the_order_of_files_that_lead_to_it(see, caller, helper):
    reader = f"""
        import torch

        def parse(x):
            return torch.gone(x)

        def {helper}(x):
            return parse(x)

        def get(x):
            return {helper}(x)
    """
    found = see("", **{caller: "from reader import get\n\ndef run(x):\n    return get(x)\n", "reader": reader})
    assert [use.name for use in found.certain] == ["torch.gone"]


@pytest.mark.parametrize("first", ["a", "z"])
def test_no_use_is_lost_of_a_file_that_is_read_for_a_function_which_is_walked_early(see, first):
    tools = """
        def _get(x):
            from reader import parse
            return parse

        def run(x):
            return _get(x)
    """
    reader = "import torch\nparse = torch.added"
    found = see("", **{first: "from tools import run\nVALUE = run(1)", "tools": tools, "reader": reader})
    assert "reader.py" in [Path(use.file).name for use in found.certain]


@pytest.mark.parametrize("reader", ["a", "z"])
def test_what_a_method_assigns_is_known_in_files_before_and_after_its_own(see, reader):
    model = """
        import torch

        class Model:
            def fit(self):
                self.weights = torch.zeros(1)
    """
    code = "from model import Model\n\ndef run():\n    Model().weights.fresh()\n"
    assert "torch.Tensor.fresh" in [use.name for use in see("", **{reader: code, "model": model}).certain]


@pytest.mark.parametrize("caller", ["a", "z"])
def test_what_comes_of_a_long_chain_of_calls_is_known_before_and_after_it(see, caller):
    chain = [f"def step{number}():\n    return step{number + 1}()\n" for number in range(20)]
    chain = "\n".join([*chain, "def step20():\n    return torch.zeros(1)\n"])
    code = "from chain import step0\n\ndef run():\n    step0().fresh()\n"
    found = see("", **{caller: code, "chain": f"import torch\n\n{chain}"})
    assert "torch.Tensor.fresh" in [use.name for use in found.certain]


@pytest.mark.parametrize(
    ("other", "is_certain"),
    [
        ("def _shape(x):\n    return x\n\n_shape(1)", True),  # one of its own
        ("from code import *\n_shape(1)", False),  # that of the other file, perhaps
    ],
)
@pytest.mark.parametrize("name", ["a", "z"])
def test_what_a_private_function_is_given_is_known_by_all_files_that_may_call_it(see, name, other, is_certain):
    code = """
        import torch

        def _shape(x):
            x.fresh()

        def run():
            return _shape(torch.zeros(1))

        VALUE = run()
    """
    assert ("torch.Tensor.fresh" in [use.name for use in see(code, **{name: other}).certain]) is is_certain


def test_what_an_inner_function_is_given_is_known_whatever_else_has_its_name(see):
    code = """
        import torch

        def run():
            def shape(x):
                x.fresh()

            shape(torch.zeros(1))
    """
    assert "torch.Tensor.fresh" in [use.name for use in see(code, other="import numpy\nnumpy.shape").certain]


def test_names_come_through_modules_of_the_same_code(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "compat.py").write_text(
        "from torch import *\nfrom torch import nn as layers\nfrom torch.nn import Conv2d"
    )
    (package / "net.py").write_text(
        "from .compat import layers, Conv2d\nfrom . import compat\nclass Net(Conv2d):\n"
        "    def f(self):\n        self.reset()\ncompat.added\nlayers.Module\n"
    )
    found = [use.name for use in uses(package, INVENTORY).certain if use.file.endswith("net.py")]
    assert {"torch.nn.Conv2d.reset", "torch.added", "torch.nn.Module"} <= set(found)


def test_modules_that_import_each_other_come_to_an_end(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("from .a import *\nfrom .b import *\n")
    (package / "a.py").write_text("from .b import *\nfrom .b import x\nx.y\n")
    (package / "b.py").write_text("from .a import *\nfrom .a import x\nfrom torch import added\n")
    assert [use.name for use in uses(package, INVENTORY).certain] == ["torch.added"]


def test_a_condition_may_lead_to_a_module_with_conditions_of_its_own(see):
    found = see(
        "import torch\nfrom compat import new\nif new():\n    torch.added",
        compat="def new():\n    from versions import TORCH\n    return TORCH >= '2.1'",
        versions="import torch\nTORCH = torch.__version__\nif TORCH >= '2.6':\n    later = True",
    )
    (use,) = (use for use in found.certain if use.name == "torch.added")
    assert use.releases == {"2.1", "2.6"}


def test_a_local_module_called_torch_is_not_torch(names):
    assert names("import torch\ntorch.added", torch="added = 1") == []


def test_a_package_may_have_a_module_called_torch(tmp_path):
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "torch.py").write_text("import torch\ntorch.added")
    assert [use.name for use in uses(tmp_path, INVENTORY).certain] == ["torch.added"]


def test_what_the_code_sets_itself_is_not_asked_of_torch(names):
    assert names("import torch\ntorch.added = mine\ntorch.added(1)") == []


GUARDED = {
    "if": "if {}:\n    torch.added(1)",
    "else": "if not ({}):\n    pass\nelse:\n    torch.added(1)",
    "and": "({}) and torch.added(1)",
    "expression": "x = torch.added if {} else None",
    "return": "def f():\n    if not ({}):\n        return\n    torch.added(1)",
    "name": "NEW = {}\ndef f():\n    if NEW:\n        torch.added(1)",
    "skip": "@pytest.mark.skipif(not ({}), reason='old')\ndef test():\n    torch.added(1)",
    "private": "def _f():\n    torch.added(1)\nif {}:\n    _f()",
    "constructor": "class A:\n    def __init__(self):\n        if not ({}):\n            raise RuntimeError\n"
    "    def f(self):\n        torch.added(1)",
    "assert": "def f():\n    assert {}\n    torch.added(1)",
}
CONDITIONS = (
    "hasattr(torch, 'added')",
    "getattr(torch, 'added', None) is not None",
    "torch.__version__ >= '2.1'",
    "torch.__version__ >= (2, 1)",
    "version.parse(torch.__version__) >= version.parse('2.1.0')",
    "Version(torch.__version__).release >= (2, 1)",
    "Version(importlib.metadata.version('torch')) >= Version('2.1')",
    "tuple(int(one) for one in torch.__version__.split('.')[:2]) >= (2, 1)",
    "tuple(map(int, torch.__version__.split('+')[0].split('.')[:2])) > (2, 0)",
    "int(torch.__version__.split('.')[0]) > 2 or int(torch.__version__.split('.')[1]) >= 1",
    "compare_version('torch', operator.ge, '2.1')",
    "RequirementCache('torch>=2.1')",
    "is_torch_version('>=', '2.1')",
    "at_least('2.1')",
    "'scale' in inspect.signature(torch.scaled).parameters",
)
HEAD = """\
import importlib.metadata, inspect, operator
import pytest, torch
from elsewhere import RequirementCache, compare_version, is_torch_version
from packaging import version
from packaging.version import Version

def at_least(wanted):
    \"\"\"Whether torch is new enough.\"\"\"
    here = version.parse(torch.__version__)
    return here >= version.parse(wanted)

"""


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_about_the_version_is_understood(see, condition):
    found = see(HEAD + f"if {condition}:\n    torch.zeros(1)\nelse:\n    torch.full(1, 2)")
    runs = {use.name: use.releases for use in found.certain if use.how == "called"}
    assert runs["torch.zeros"] == {"2.1", "2.6"}
    assert runs["torch.full"] == {"2.0"}


@pytest.mark.parametrize("guard", GUARDED.values(), ids=GUARDED)
def test_a_guard_keeps_a_use_from_the_releases_without_it(breaks, guard):
    assert breaks(HEAD + guard.format("torch.__version__ >= '2.1'")) == {}
    assert breaks(HEAD + guard.format("anything")) == {"2.0": "torch.added does not exist"}


@pytest.mark.parametrize(
    "condition",
    [
        "version.parse(torchvision.__version__) >= version.parse('0.16')",
        "Version(torchvision.version.__version__).release >= (0, 16)",
        "tuple(int(one) for one in torchvision.__version__.split('.')[:2]) > (0, 15)",
        "Version(importlib.metadata.version('torchvision')) >= Version('0.16.0')",
        "Version(torchaudio.__version__) >= Version('2.1')",
        "Version(importlib.metadata.version(torch.__name__)) >= Version('2.1')",
    ],
)
def test_a_condition_about_what_goes_with_torch_is_understood(see, condition):
    imports = "import torchaudio, torchvision\n"
    found = see(f"{HEAD}{imports}if {condition}:\n    torch.zeros(1)\nelse:\n    torch.full(1, 2)")
    runs = {use.name: use.releases for use in found.certain if use.how == "called"}
    assert runs["torch.zeros"] == {"2.1", "2.6"}
    assert runs["torch.full"] == {"2.0"}


def test_text_is_compared_as_text(see):
    found = see("import torch\nif torch.__version__[:3] < '2.1':\n    torch.zeros(1)")
    assert found.certain[-1].releases == {"2.0"}


def test_a_version_in_unknown_ways_makes_uses_possible(see):
    found = see("import torch\nfrom elsewhere import strange\nif strange(torch.__version__):\n    torch.added(1)")
    assert [use.name for use in found.possible] == ["torch.added"]
    assert "torch.added" not in [use.name for use in found.certain]


def test_a_condition_about_python_is_none_about_torch(breaks):
    assert breaks("import sys, torch\nif sys.version_info >= (3, 9):\n    torch.added(1)")


@pytest.mark.parametrize("error", ["ImportError", "(ImportError, OSError)", "Exception", "ModuleNotFoundError"])
def test_an_import_that_may_fail_has_its_fallback(see, error):
    found = see(f"""
        try:
            from torch.amp import GradScaler
        except {error}:
            from torch.cuda import GradScaler
        GradScaler()
    """)
    assert {use.name: sorted(use.releases) for use in found.certain} == {
        "torch.amp.GradScaler": ["2.1", "2.6"],
        "torch.cuda.GradScaler": ["2.0"],
    }


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    torch.added(1)\nexcept AttributeError:\n    pass",
        "try:\n    torch.scaled(1, scale=2)\nexcept TypeError:\n    torch.scaled(1)",
        "from contextlib import suppress\nwith suppress(AttributeError):\n    torch.added",
        "try:\n    from torch import added\nexcept ImportError:\n    added = None\nif added is not None:\n    added(1)",
        "try:\n    from torch import added\n    HAS = True\nexcept ImportError:\n    HAS = False\n"
        "if HAS:\n    torch.float8",
        "if TYPE_CHECKING:\n    from torch import added",
    ],
)
def test_a_failure_that_is_taken_care_of_is_none(breaks, code):
    assert breaks("import torch\nfrom typing import TYPE_CHECKING\n" + code) == {}


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    torch.added(1)\nexcept ValueError:\n    pass",
        "try:\n    from torch import added\nexcept ImportError:\n    raise RuntimeError('torch is too old')",
        "try:\n    f()\nexcept AttributeError:\n    torch.added(1)",
        "try:\n    x = 1\nexcept AttributeError:\n    pass\ntorch.added(1)",
        "try:\n    x = torch.Tensor(f()).clone\nexcept RuntimeError:\n    torch.added(1)",
        "try:\n    x = torch.Tensor(f()).clone\nexcept Exception:\n    torch.added(1)",
    ],
)
def test_a_failure_that_is_not_taken_care_of_counts(breaks, code):
    assert list(breaks("import torch\n" + code)) == ["2.0"]


def test_a_module_that_refuses_old_releases_says_so(see):
    found = see("import torch\nif torch.__version__ < '2.1':\n    raise ImportError\ntorch.added")
    (refused,) = (use for use in found.certain if use.how == "refused")
    (used,) = (use for use in found.certain if use.name == "torch.added")
    assert (refused.releases, refused.line) == ({"2.0"}, 3)
    assert works(refused, INVENTORY, "2.0") == "the code itself refuses it"
    assert used.releases == {"2.1", "2.6"}


@pytest.mark.parametrize(
    ("call", "broken"),
    [
        ("torch.scaled(1)", {}),
        ("torch.scaled(1, scale=2)", {"2.0": "torch.scaled has no parameter scale"}),
        ("torch.scaled(1, 2)", {"2.0": "torch.scaled takes 1 positional argument, 2 are given"}),
        ("torch.asked('cpu')", {"2.0": "torch.asked takes no positional argument, 1 is given"}),
        ("torch.asked()", {}),
        ("torch.eases(1)", dict.fromkeys(("2.0", "2.1"), "torch.eases is missing the required argument out")),
        ("torch.eases(1, out=2)", {}),
        (
            "torch.eases()",
            dict.fromkeys(INVENTORY.releases, "torch.eases is missing the required argument x")
            | dict.fromkeys(("2.0", "2.1"), "torch.eases is missing the required arguments x and out"),
        ),
        ("torch.eases(1, **rest)", {}),
        ("torch.eases(*both)", {}),
        ("functools.partial(torch.eases, 1)", {}),
        ("class A(torch.nn.Conv2d):\n    def __init__(self):\n        super(torch.nn.Conv2d, self).__init__()", {}),
        (
            "class A(torch.nn.Conv2d):\n    def __init__(self):\n        super(A, self).__init__()",
            dict.fromkeys(INVENTORY.releases, "torch.nn.Conv2d is missing the required argument size"),
        ),
        ("torch.full(1)", {}),  # documentation alone is late and loose
        ("torch.scaled(*both)", {}),
        ("torch.sizes(1, scale=2)", {"2.1": "torch.sizes has no parameter scale"}),
        ("torch.sizes(1, size=2)", {"2.0": "torch.sizes has no parameter size"}),
        ("torch.sizes(1, x=2, colour=3)", {}),  # which no release is known to take
        ("torch.scaled(1, **{'scale': 2})", {"2.0": "torch.scaled has no parameter scale"}),
        (
            "torch.scaled(1, never=2)",
            dict.fromkeys(INVENTORY.releases, "torch.scaled takes no parameter never, in any release"),
        ),
        ("torch.full(1, 2, never=2)", {}),  # documentation alone is late and loose
        ("torch.optim.Optimizer(1).step(never=1)", {}),  # it may be another optimizer's
        ("torch.grid(1, range=2)", {"2.6": "torch.grid has no parameter range, and no release names it"}),
        (
            "torch.sifted(1, range=2)",
            dict.fromkeys(("2.1", "2.6"), "torch.sifted has no parameter range, and no release names it"),
        ),
        ("def f(kind=torch.scaled, **rest):\n    kind(1, **rest)\nf(torch.sizes, never=2)", {}),
        ("torch.swallows(1, range=2)", {}),  # nobody knows what the wrapper took
        ("@torch.dataclass\nclass A(torch.nn.Conv2d):\n    never: int\nA(never=1)", {}),
        ("torch.swallows(1, scale=2)", {}),
        ("torch.ops(1, scale=2)", {"2.0": "torch.ops has no parameter scale"}),
        ("torch.ops(1, 2, 3)", {}),  # positions are not known for certain
        ("functools.partial(torch.scaled, scale=2)", {"2.0": "torch.scaled has no parameter scale"}),
        ("torch.nn.Module().load(1, assign=True)", {"2.0": "torch.nn.Module.load has no parameter assign"}),
        ("torch.nn.Module.load(module, 1)", {}),
        ("torch.nn.Module().compile()", {"2.0": "torch.nn.Module.compile does not exist"}),
        ("torch.nn.Module().to(1).compile()", {"2.0": "torch.nn.Module.compile does not exist"}),
        ("torch.zeros(1).fresh()", {"2.0": "torch.Tensor.fresh does not exist"}),
        ("torch.float8", {"2.0": "torch.float8 does not exist"}),
        ("getattr(torch, 'float8')", {"2.0": "torch.float8 does not exist"}),
        ("getattr(torch, 'float8', None)", {}),
        ("torch.Dim.AUTO", {"2.0": "torch.Dim.AUTO does not exist"}),  # the class was a function
        ("torch.gone(1)", {"2.6": "torch.gone does not exist"}),
        ("torch.never_there(1)", {}),
    ],
)
def test_a_call_works_where_its_parameters_are(breaks, call, broken):
    assert breaks(f"import functools, torch\n{call}") == broken


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("torch.never_there(1)", "torch.never_there"),
        ("x = torch.nn.functional.rellu", "torch.nn.functional.rellu"),
        ("from torch.optim import Adan", "torch.optim.Adan"),
        ("from torch._six import inf, nan", "torch._six"),
        ("import torch._six as six\nsix.inf", "torch._six"),
        ("def f():\n    return torch.optim.Adan(p)", "torch.optim.Adan"),
    ],
)
def test_a_name_that_no_release_has(see, code, name):
    found = see("import torch\n" + code)
    assert {use.name for use in found.nowhere} == {name}
    assert name not in {use.name for use in found.certain + found.private}


@pytest.mark.parametrize(
    "code",
    [
        "if hasattr(torch, 'never'):\n    torch.never(1)",
        "if getattr(torch, 'never', None) is not None:\n    torch.never(1)",
        "try:\n    torch.never(1)\nexcept AttributeError:\n    pass",
        "try:\n    from torch._six import inf\nexcept ImportError:\n    from math import inf",
        "if torch.__version__ < '1.9':\n    from torch._six import inf",
        "torch.never = mine\ntorch.never(1)",
        "setattr(torch, 'never', mine)\ntorch.never(1)",
        "import torch_npu\ntorch.npu.synchronize()",  # another package brings it
        "torch.nn.functional.math.pi",  # a module has names of what it imports
        "torch.torch.Tensor",
        "from torch.nn.functional import Optional",
        "torch.nn.functional.urlparse",
        "torch.ops.mine.op(1)",
        "torch.optim.__name__",
        "torch.Tensor.mine",  # of instances of a class not all is known
        "if TYPE_CHECKING:\n    from torch import Never",
    ],
)
def test_what_may_be_there_is_no_mistake(see, code):
    assert see("import torch\nfrom typing import TYPE_CHECKING\n" + code).nowhere == []


@pytest.mark.parametrize(
    "code",
    [
        "with mock.patch('torch.never'):\n    torch.never(1)",
        "@mock.patch('torch.never')\ndef test(never):\n    torch.never(1)",
        "with mock.patch.object(torch, 'never'):\n    torch.never(1)",
        "with patch.multiple('torch', never=1):\n    torch.never(1)",
        "with patch.multiple(torch, never=1):\n    torch.never(1)",
        "def test(mocker):\n    mocker.patch('torch.never')\n    torch.never(1)",
        "def test(monkeypatch):\n    monkeypatch.setattr(torch, 'never', 1)\n    torch.never(1)",
        "def test(monkeypatch):\n    name = 'torch.never'\n    monkeypatch.setattr(name, 1)\n    torch.never(1)",
    ],
)
def test_what_a_test_replaces_is_not_certain(see, code):
    assert see("import torch\n" + code).nowhere == []
    assert [use.name for use in see("import torch\n" + code + "\ntorch.other(1)").nowhere] == ["torch.other"]


def test_what_may_be_of_another_module_is_no_mistake(see):
    code = "import torch\nfrom other import new\nT = torch.nn if new() else torch.optim\ndef f():\n    T.Adam(1)"
    assert see(code).nowhere == []


@pytest.mark.parametrize(("name", "is_mocked"), [("conftest.py", True), ("test_it.py", False)])
def test_what_a_test_replaces_is_as_ever_in_other_files(tmp_path, name, is_mocked):
    (tmp_path / name).write_text("def test(monkeypatch):\n    monkeypatch.setattr('torch.never', 1)", encoding="utf-8")
    (tmp_path / "code.py").write_text("import torch\ntorch.never(1)", encoding="utf-8")
    assert bool(uses(tmp_path, INVENTORY).nowhere) != is_mocked


def test_what_comes_after_an_import_that_fails_in_all_releases_does_not_run(see):
    found = see("""
        import torch
        try:
            from torch._six import inf
            torch.added
        except ImportError:
            torch.zeros
    """)
    assert {use.name: len(use.releases) for use in found.certain} == {"torch.zeros": 3}


def test_the_constructor_of_a_base_class_is_called_through_super(breaks):
    code = "from torch.optim import Scheduler\nclass Mine(Scheduler):\n    def __init__(self, o, v):\n        super()"
    assert breaks(code + ".__init__(o, verbose=v)") == {"2.6": "torch.optim.Scheduler has no parameter verbose"}
    assert breaks(code + ".__init__(o)") == {}


@pytest.mark.parametrize(
    ("above", "last", "is_told"),
    [
        ("self.__class__, self", "", True),
        ("type(self), self", "Mine(1)", True),
        ("self.__class__, self", "type('X', (other,), dict(Mine.__dict__))", False),
        ("type(self), self", "def f(o):\n    type('X', (type(o),), {**vars(Mine)})", False),
        ("__class__, self", "type('X', (other,), dict(Mine.__dict__))", True),
        ("Above, self", "", True),
        ("Other, self", "", False),
        ("which(), self", "", False),
    ],
)
def test_super_begins_above_the_class_that_it_is_given(breaks, above, last, is_told):
    code = "class Above(torch.optim.Scheduler): ...\nclass Other: ...\nclass Mine(Above, torch.optim.Scheduler):\n"
    code = code if "Above" in above or "Other" in above else "class Mine(torch.optim.Scheduler):\n"
    code += f"    def __init__(self, o):\n        super({above}).__init__(o, verbose=1)\n{last}"
    expected = {"2.6": "torch.optim.Scheduler has no parameter verbose"} if is_told else {}
    assert breaks("import torch\n" + code) == expected


@pytest.mark.parametrize(
    ("above", "last", "is_certain"),
    [
        ("", "", True),
        ("self.__class__, self", "", True),
        ("self.__class__, self", "type('X', (other,), dict(Mine.__dict__))", False),
        ("Other, self", "", False),
    ],
)
def test_a_method_of_the_class_above(see, above, last, is_certain):
    found = see(
        "import torch\nclass Other: ...\nclass Mine(torch.optim.Adam):\n"
        f"    def go(self):\n        super({above}).step()\n{last}"
    )
    assert any(use.name.endswith(".step") for use in found.certain) == is_certain


def test_names_used_when_a_module_is_imported_are_told_apart(see):
    found = see("import torch\ntorch.zeros(1)\ndef f():\n    torch.full(1, 2)")
    assert {use.name: use.at_import for use in found.certain} == {"torch.zeros": True, "torch.full": False}


@pytest.mark.parametrize("content", [b"def f(:\n", b"\xff\xfe\x00", b"# coding: nonsense\n", b"x = '\xe9'\n"])
def test_a_file_that_cannot_be_read_is_told_and_the_rest_goes_on(tmp_path, content):
    (tmp_path / "bad.py").write_bytes(content)
    (tmp_path / "good.py").write_text("import torch\ntorch.added")
    found = uses(tmp_path, INVENTORY)
    (line,) = found.code.unread
    assert "bad.py: " in line and "\n" not in line
    assert [use.name for use in found.certain] == ["torch.added"]


def test_another_encoding_that_the_file_declares_is_read(tmp_path):
    (tmp_path / "code.py").write_bytes("# coding: latin-1\nimport torch\ntorch.added  # é".encode("latin-1"))
    assert len(uses(tmp_path, INVENTORY).certain) == 1


def test_an_object_tells_nothing_of_a_release_that_does_not_have_its_class(see):
    found = see("import torch\ndef f(x: 'torch.amp.GradScaler'):\n    x.scale(1)")
    (use,) = (one for one in found.certain if one.name == "torch.amp.GradScaler.scale")
    assert use.releases == {"2.1", "2.6"}


def test_a_handler_of_missing_names_runs_where_they_are_missing(see):
    code = """
        import torch
        def f():
            try:
                size = torch.added(1)["size"]
            except AttributeError:
                size = torch.gone(1)
    """
    (use,) = (one for one in see(code).certain if one.name == "torch.gone")
    assert use.releases == {"2.0"}


@pytest.mark.parametrize(("name", "is_mistake"), [("neuron", False), ("backends.musa", False), ("backends.mps2", True)])
def test_what_other_packages_bring_is_no_mistake(name, is_mistake):
    assert is_nowhere(catalog(inventory()), f"torch.{name}") == is_mistake


@pytest.mark.parametrize(
    ("name", "is_mistake"), [("Any", False), ("Iterable", True), ("pathlib", False), ("nn.Iterable", False)]
)
def test_what_torch_never_imported_from_typing_is_a_mistake(name, is_mistake):
    assert is_nowhere(catalog(inventory()), f"torch.{name}") == is_mistake


def test_what_torch_imported_from_typing_once_is_bound_to_those_releases(tmp_path):
    (tmp_path / "old.py").write_text("import torch\ndef forward(ctx: torch.Any, codes: torch.List[int]): ...\n")
    working = [catalog(inventory()).names(catalog(inventory()).working(use)) for use in uses(tmp_path).certain]
    assert working == [{"2.0", "2.1", "2.2", "2.3", "2.4"}, {"2.1", "2.2", "2.3", "2.4"}]


@pytest.mark.parametrize("line", ["from m{} import *", "from m{} import first"])
def test_a_long_chain_of_modules_is_followed_to_its_end(see, line):
    files = {f"m{number}": f"{line.format(number + 1)}\nf = first" for number in range(200)}
    found = see("from m0 import *\nfirst(1)", m200="from torch import added as first", **files)
    assert ("code.py", "torch.added") in [(Path(use.file).name, use.name) for use in found.certain]
    assert found.code.unread == []


def test_code_that_is_nested_too_deeply_is_told_and_the_rest_goes_on(see, monkeypatch):
    monkeypatch.setattr(depths, "_CALLS", 1000)
    found = see("x = " + "+".join(["f(torch.zeros)"] * 3000), other="import torch\ntorch.added")
    (line,) = found.code.unread
    assert "code.py: " in line
    assert [use.name for use in found.certain] == ["torch.added"]


def _stars(number: int, *of: int) -> str:
    """A module that has a function of its own, and star imports of others of its kind, unless they are itself."""
    lines = [f"from m{one} import *" for one in of if one != number]
    return "\n".join([*lines, f"def f{number}(x): return added(len(x), missing, max(x))"])


@pytest.mark.parametrize(
    "of",
    [lambda n: (n - 1, n - 2), lambda n: range(n), lambda n: ((n - 1) % 40, (n + 1) % 40), lambda n: range(40)],
    ids=["two before", "all before", "ring", "each other"],
)
def test_star_imports_are_followed_once_however_many_ways_lead_there(see, of):
    files = {f"m{n}": _stars(n, *(one for one in of(n) if one >= 0)) for n in range(40)}
    files["m0"] = "from torch import *\n" + files["m0"]
    began = time.process_time()
    found = see("from m39 import *", **files)
    assert time.process_time() - began < 5  # it took minutes
    assert {use.name for use in found.certain} == {"torch.added"}
    assert len(found.certain) == 40


def test_the_last_star_import_that_has_a_name_counts(names):
    other = {"a": "def added(x): pass", "b": "from torch import *"}
    assert "torch.added" in names("from a import *\nfrom b import *\nadded(1)", **other)
    assert "torch.added" not in names("from b import *\nfrom a import *\nadded(1)", **other)


def test_modules_that_star_import_each_other_are_seen_whole(names):
    code = "from other import *\nimport torch\ndef f(): return torch.added"
    assert names(code, other="from code import *\ndef g(): return torch.added") == ["torch.added"] * 2


@pytest.mark.parametrize(
    "line",
    [
        "from b import f", "from b import *", "from b import (\n    # 1\n    f,\n)", "from b import \\\nf",
        "import b; b.f()", "def g():\n    from b import f", "from c import f", "import os, b as d\nd . f()",
        "from b import Made", "from b import MADE", "from b import f as made", "import c\nc.d.f",
        "from c import d\nd.f",
    ],
)  # fmt: skip
def test_of_much_code_what_has_nothing_to_do_with_torch_is_not_looked_into(see, monkeypatch, line):
    monkeypatch.setattr("torchproof.reports.code.uses._MANY", 0)
    code = "import torch\ndef f():\n\n    return torch\nclass Made:\n    x = f\nif f:\n    MADE = Made\ndef other(): 1"
    files = {"b": code, "c": "from b import f\nimport b as d", "other": "print 'Python 2, and nothing to us'"}
    found = see("import b\nb.torch.added(1)", **files, more=line)
    assert [use.name for use in found.certain] == ["torch.added"]
    assert (found.code.read, found.code.unrelated, found.code.unread) == (4, 1, [])
    assert found.code.reading() == "4 Python files (1 more without anything of torch)"


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("# torch", 1), ("def f():\n    '''As torch.added does.'''", 1), ('add_doc(f, """\n>>> import torch\n""")', 1),
        ("x = '#'; torch_is_new('2.1')", 2), ("new = version('torch') > '2'", 2), ("if x: import torch", 2),
        ('"""\nimport os"""; import torch', 2), ("x = \"\\\"\"; import torch  # '", 2),
    ],
)  # fmt: skip
def test_of_much_code_what_speaks_of_torch_beside_the_code_is_not_looked_into(see, monkeypatch, line, read):
    monkeypatch.setattr("torchproof.reports.code.uses._MANY", 0)
    found = see("import torch\ntorch.added(1)", speaks=line, other="import speaks")
    assert (found.code.read, found.code.unrelated) == (read, 3 - read)


def test_of_much_code_what_reaches_torch_through_others_is_looked_into(see, monkeypatch):
    monkeypatch.setattr("torchproof.reports.code.uses._MANY", 0)
    files = {"a": "from b import nn", "b": "from c import (\n    nn,\n)", "c": "from torch import nn"}
    found = see("import a\nclass Net(a.nn.Module):\n    def f(self): self.compile()", **files)
    assert "torch.nn.Module.compile" in [use.name for use in found.certain]


def test_of_much_code_methods_of_what_has_nothing_to_do_with_torch_are_not_taken_for_those_of_tensors(see, monkeypatch):
    code, other = "import torch\nfrom other import rows\ntorch.added(rows)\nrows(what)", "def rows(x): return x.fresh()"
    assert [use.name for use in see(code, other=other).possible] == ["torch.Tensor.fresh"]
    monkeypatch.setattr("torchproof.reports.code.uses._MANY", 0)
    found = see(code, other=other)
    assert ([use.name for use in found.certain], found.possible, found.code.read) == (["torch.added"], [], 2)


@pytest.mark.parametrize(
    ("name", "advice"),
    [("torchvision.models.util", ""), ("torch.optim.lr_schedular", "did you mean torch.optim.lr_scheduler?")],
)
def test_nobody_is_sent_to_a_private_name_in_place_of_a_public_one(name, advice):
    assert meant(catalog(inventory()), name) == advice


def test_a_private_class_that_adds_nothing_to_a_public_one_stands_for_it(tmp_path):
    (tmp_path / "old.py").write_text(
        "from torch.optim.lr_scheduler import _LRScheduler\n"
        "class Old(_LRScheduler):\n"
        "    def __init__(self, optimizer, verbose=False):\n"
        "        super().__init__(optimizer, -1, verbose)\n"
    )
    found = uses(tmp_path)
    assert {use.name for use in found.certain} == {"torch.optim.lr_scheduler.LRScheduler"}
    assert [use.line for use in found.certain if works(use, inventory(), "2.15")] == [4]


def test_what_a_public_class_has_is_public_below_a_private_name_of_it_too(tmp_path):
    (tmp_path / "old.py").write_text(
        "from torch.optim.lr_scheduler import _LRScheduler\n"
        "class Old(_LRScheduler):\n"
        "    def step(self):\n"
        "        self.print_lr(False, 0, 0.1)\n"
        "        self._initial_step()\n"
    )
    found = uses(tmp_path)
    assert [use.line for use in found.certain if works(use, inventory(), "2.7")] == [4]
    assert {use.name for use in found.private} == {"torch.optim.lr_scheduler.LRScheduler._initial_step"}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("from torch._utils import _no_such_helper", ["torch._utils._no_such_helper"]),
        ("import torch._dynamo\ntorch._dynamo.rest()", ["torch._dynamo.rest"]),
        ("torch._subclasses.fake_tensor.FakeTensorMod()", ["torch._subclasses.fake_tensor.FakeTensorMod"]),
        ("from torch._six import string_classes", ["torch._six"]),
        ("from torch._utils import _accumulate", []),  # older releases have it
        ("from torch._C import _foo\ntorch._C._bar", []),  # what C++ registers differs from build to build
        ("torch._jit_internal.BroadcastingList9\ntorch._numpy.no_such\ntorch.ops.a.b", []),  # `globals()`, `exec`
        ("try:\n    from torch._utils import _no_such_helper\nexcept ImportError:\n    pass", []),
    ],
)
def test_private_names_of_no_release(tmp_path, code, found):
    (tmp_path / "code.py").write_text(f"import torch\n{code}\n", encoding="utf-8")
    assert [use.name for use in uses(tmp_path).nowhere if use.releases] == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("return isinstance(o, torch.optim.Adam)", ["torch.optim.AdamW"]),
        ("assert isinstance(o, (torch.optim.SGD, torch.optim.Adam))", ["torch.optim.AdamW"]),
        ("return issubclass(o, torch.optim.Adam)", ["torch.optim.AdamW"]),
        ("return isinstance(o, (torch.optim.Adam, torch.optim.AdamW))", []),
        ("if isinstance(o, torch.optim.AdamW):\n        return 1\n    return isinstance(o, torch.optim.Adam)", []),
        ("return isinstance(o, torch.optim.Adam) and not isinstance(o, torch.optim.AdamW)", []),
        ("return isinstance(o, torch.optim.SGD)", []),
        ("return type(o) is torch.optim.Adam", []),
    ],
)
def test_a_class_that_came_below_another_is_told_where_the_other_is_asked_for_alone(tmp_path, body, found):
    (tmp_path / "code.py").write_text(f"import torch\ndef f(o):\n    {body}\n", encoding="utf-8")
    assert [use.name for use in uses(tmp_path).certain if use.how == "asked"] == found


def test_what_a_class_above_asks_for_one_below_may_have_a_default_for(tmp_path):
    code = "import torch\ndef f(optimizer: torch.optim.Optimizer):\n    optimizer.step()\n"
    (tmp_path / "code.py").write_text(code, encoding="utf-8")
    used = [use for use in uses(tmp_path).certain if use.name == "torch.optim.Optimizer.step"]
    assert [works(use, inventory(), "2.0") for use in used] == [None]


_NEXT = "torch.utils.data.dataloader._BaseDataLoaderIter.next"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("images, labels = iter(DataLoader(data)).next()", [_NEXT]),
        ("batches = iter(DataLoader(data))\nwhile True: batches.next()", [_NEXT]),
        ("next(iter(DataLoader(data)))", []),
        ("iter(data).next()", []),
        ("def f(x: torch.Tensor): return x.rfft(1)", ["torch.Tensor.rfft"]),
        ("def f(x: torch.nn.Parameter): return x.potrf()", ["torch.Tensor.potrf"]),
        ("def f(x: torch.Tensor): return x.other()", []),
        ("class Own(torch.Tensor):\n    def rfft(self): pass\ndef f(x: Own): return x.rfft()", []),
        ("def f(x: torch.Tensor): return x.rfft(1) if hasattr(x, 'rfft') else x", []),
    ],
)
def test_methods_of_before_the_oldest_release(tmp_path, code, found):
    imports = "import torch\nfrom torch.utils.data import DataLoader\n"
    (tmp_path / "code.py").write_text(imports + code, encoding="utf-8")
    assert [use.name for use in uses(tmp_path).nowhere if use.releases] == found
