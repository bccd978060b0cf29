"""What values in user code are instances of, so that their methods are certain uses."""

import textwrap

import pytest

from torchproof.inventory import Inventory
from torchproof.reports.code.uses import uses

INVENTORY = Inventory(
    textwrap.dedent("""\
    torchproof inventory 2
    releases 2.0 2.1 2.6
    torch
    \tSize\t\tclass
    \tTensor\t\tclass
    \tchunk\t2.0-2.1\tfunction\t(x)
    \t\t2.1-\tfunction\t(x, dim=0)\t>tuple[torch.Tensor, ...]
    \tcompile\t\tfunction\t(model)
    \texport\t\tmodule
    \tmax\t\tfunction\t(x, dim=None)\t>torch.Tensor | torch.return_types.max
    \tnn\t\tmodule
    \toptim\t\tmodule
    \treturn_types\t\tmodule
    \tsort\t\tfunction\t(x)\t>torch.return_types.sort
    \tzeros\t\tfunction\tdoc(size)\t>torch.Tensor
    torch.Tensor
    \tT\t\tproperty\t>torch.Tensor
    \tfresh\t2.1-\tmethod\t()
    \tgrad\t\tproperty\t>torch.Tensor | None
    \titem\t\tmethod\t()\t>bool | float | int
    \tshape\t\tproperty\t>torch.Size
    \tsplit\t\tmethod\t(size)\t>tuple[torch.Tensor, ...]
    \tto\t\tmethod\t(device)\t>torch.Tensor
    \tview\t\tmethod\t(*shape)\t>torch.Tensor
    torch.Size
    \tnumel\t\tmethod\t()\t>int
    torch.export
    \tExportedProgram\t\tclass
    \texport\t\tfunction\t(mod, args)\t>torch.export.ExportedProgram
    torch.export.ExportedProgram
    \t__call__\t2.0-2.6\tmethod\t(*args)
    \t\t2.6-\tmethod\t(*args)\t^Unable to call ExportedProgram directly.
    torch.nn
    \tLinear\t\tclass\t(size)\t<torch.nn.Module
    \tModule\t\tclass\t(*args, **kwargs)
    \tModuleDict\t\tclass\t(modules=None)\t<torch.nn.Module
    \tModuleList\t\tclass\t(modules=None)\t<torch.nn.Module
    \tParameter\t\tclass\t(data)\t<torch.Tensor
    \tSequential\t\tclass\t(*args)\t<torch.nn.Module
    torch.nn.Linear
    \tforward\t\tmethod\t(input)\t>torch.Tensor
    torch.nn.Module
    \tnamed_parameters\t\tmethod\t()\t>collections.abc.Iterator[tuple[str, torch.nn.Parameter]]
    \tparameters\t\tmethod\t()\t>collections.abc.Iterator[torch.nn.Parameter]
    \tto\t\tmethod\t(*args)\t>Self
    torch.optim
    \tAdam\t\tclass\t(params)
    torch.optim.Adam
    \tfresh\t2.1-\tmethod\t()
    torch.return_types
    \tmax\t\tclass
    \tsort\t\tclass
    torch.return_types.max
    \tindices\t\tproperty\t>torch.Tensor
    \tvalues\t\tproperty\t>torch.Tensor
    torch.return_types.sort
    \tindices\t\tproperty\t>torch.Tensor
    \tvalues\t\tproperty\t>torch.Tensor
    """)
)
NET = """\
class Net(torch.nn.Module):
    def __init__(self, n):
        super().__init__()
        self.first = torch.nn.Linear(n)
        self.scale = torch.nn.Parameter(torch.zeros(1))
        self.register_buffer("mask", torch.zeros(1))
        self.blocks = torch.nn.ModuleList([torch.nn.Linear(n) for _ in range(3)])
        self.parts = torch.nn.ModuleDict(dict(head=torch.nn.Linear(n)))
        self.both = torch.nn.Sequential(torch.nn.Linear(n), torch.nn.Linear(n))
    def forward(self, x, y=None):
        x = self.first(x)
        if y is None:
            return x, None
        return x, x - y
    def alone(self, x):
        return self.first(x)
    @property
    def size(self):
        return self.scale.view(1)
    @classmethod
    def made(cls):
        model = cls(3)
        return model
"""


@pytest.fixture
def see(tmp_path):
    def see(code: str, **files: str):
        for name, text in {"code": code, **files}.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        return uses(tmp_path, INVENTORY)

    return see


def fresh(found) -> str:
    """Whether `fresh` is certain or possible, and of what."""
    for kind in ("certain", "possible"):
        names = {use.name for use in getattr(found, kind) if use.name.endswith(".fresh")}
        if names:
            return f"{kind}: {', '.join(sorted(names))}"
    return "no use"


@pytest.mark.parametrize(
    "expression",
    [
        "torch.zeros(1)",
        "torch.zeros(1).view(2)",
        "torch.zeros(1).T",
        "torch.zeros(1).grad",
        "(torch.zeros(1) + 1)",
        "(1 - torch.zeros(1))",
        "(-torch.zeros(1))",
        "(torch.zeros(1) > 0)",
        "torch.zeros(1)[0]",
        "torch.zeros(1)[:, None]",
        "next(iter(torch.zeros(1)))",
        "torch.chunk(x)[0]",
        "torch.zeros(1).split(2)[-1]",
        "torch.sort(x).values",
        "torch.max(x)",
        "torch.max(x, 1).indices",
        "torch.max(x, dim=1).values",
        "torch.max(x, torch.zeros(1))",
        "(torch.zeros(1) if x else torch.zeros(2))",
        "[torch.zeros(1)][0]",
        "{'a': torch.zeros(1), 'b': 2}['a']",
        "dict(a=torch.zeros(1)).get('a')",
        "torch.nn.Linear(1)(x)",
        "torch.nn.Linear(1).to(x)(x)",
        "torch.compile(torch.nn.Linear(1))(x)",
        "torch.nn.Sequential(other, torch.nn.Linear(1))(x)",
        "Net(1).alone(x)",
        "Net(1).size",
        "Net(1)(x)[0]",
        "Net.made().alone(x)",
        "Net(1).mask",
        "Net(1).parts.head(x)",
        "Net(1).parts['head'](x)",
        "Net(1).blocks[0](x)",
        "Net(1).both(x)",
        "list(Net(1).parameters())[0]",
        "copy.deepcopy(torch.zeros(1))",
        "max([torch.zeros(1), torch.zeros(2)])",
        "rearrange(torch.zeros(1), 'a -> a 1')",
    ],
)
def test_an_expression_that_gives_a_tensor(see, expression):
    assert fresh(see(f"import copy, torch\nfrom einops import rearrange\n{NET}\n{expression}.fresh()")) in (
        "certain: torch.Tensor.fresh",
        "certain: torch.nn.Parameter.fresh",
    )


@pytest.mark.parametrize(
    "code",
    [
        "a, b = torch.chunk(x)\nb.fresh()",
        "values, places = torch.max(x, 1)\nplaces.fresh()",
        "(a, b), c = torch.chunk(x), 1\na.fresh()",
        "for one in torch.zeros(3):\n    one.fresh()",
        "for place, one in enumerate(torch.chunk(x)):\n    one.fresh()",
        "for a, b in zip(torch.chunk(x), other):\n    a.fresh()",
        "[one.fresh() for one in torch.chunk(x)]",
        "sum(p.fresh() for n, p in net.named_parameters() if p)",
        "d = {n: p for n, p in net.named_parameters()}\n[p.fresh() for n, p in d.items()]",
        "x = torch.zeros(1)\nfor block in net.blocks:\n    x = block(x)\nx.fresh()",
        "x = torch.zeros(1)\nfor _ in range(3):\n    x.fresh()\n    x = x + 1",
        "x = torch.zeros(1)\nx += 1\nx.fresh()",
        "loss = None\nif y:\n    loss = torch.zeros(1)\nloss.fresh()",
        "if y:\n    x = torch.zeros(1)\nelse:\n    x = torch.zeros(2) * 2\nx.fresh()",
        "logits, loss = net(x, y)\nloss.fresh()",
        "if (x := torch.zeros(1)) is not None:\n    x.fresh()",
        "def f(x):\n    if isinstance(x, torch.Tensor):\n        x.fresh()",
        "def f(x):\n    if not isinstance(x, torch.Tensor):\n        raise TypeError\n    x.fresh()",
        "def f(x):\n    assert torch.is_tensor(x)\n    x.fresh()",
        "def f(x):\n    return isinstance(x, torch.Tensor) and x.fresh()",
        "def f(x: list[torch.Tensor]):\n    x[0].fresh()",
        "def f(x: 'dict[str, torch.Tensor]'):\n    for key, one in x.items():\n        one.fresh()",
        "def f(x: typing.Optional[typing.Tuple[torch.Tensor, int]]):\n    x[0].fresh()",
        "def f(*, x: torch.Tensor | None = None):\n    x.fresh()",
        "Tensors = typing.List[torch.Tensor]\ndef f(x: Tensors):\n    x[0].fresh()",
        "def f():\n    return torch.zeros(1)\nf().fresh()",
        "def f():\n    return g()\ndef g():\n    return torch.zeros(1)\ndef h():\n    f().fresh()",
        "class Mine:\n    def f(self):\n        self.g().fresh()\n    def g(self):\n        return torch.zeros(1)",
        "class Mine:\n    def __iter__(self):\n        return self\n    def __next__(self):\n"
        "        return torch.zeros(1)\nfor x in Mine():\n    x.fresh()",
        "class Mine:\n    x: torch.Tensor\n    def f(self):\n        self.x.fresh()",
        "class Mine(Net):\n    def f(self, x):\n        super().alone(x).fresh()",
        "class Mine(torch.nn.Module):\n    def forward(self, x) -> torch.Tensor: ...\nMine()(x).fresh()",
        "class Mine:\n    def __init__(self):\n        self.x = None\n    def set(self):\n"
        "        self.x = torch.zeros(1)\n    def use(self):\n        self.x.fresh()",
    ],
)
def test_a_statement_that_brings_a_tensor(see, code):
    head = f"import torch, typing\n{NET}\nnet = Net(1)\n"
    assert fresh(see(head + code)) in ("certain: torch.Tensor.fresh", "certain: torch.nn.Parameter.fresh")


@pytest.mark.parametrize(
    "code",
    [
        "x = torch.zeros(1)\nfor _ in range(3):\n    x.fresh()\n    x = other(x)",
        "x = torch.zeros(1)\nwhile True:\n    x.fresh()\n    if y:\n        x = other\n        continue\n    x = x + 1",
        "x = torch.zeros(1)\nfor _ in y:\n    if _:\n        x = other\n        break\nx.fresh()",
        "x = torch.zeros(1)\nfor x in other:\n    pass\nx.fresh()",
        "(other + torch.zeros(1)).fresh()",
        "torch.max(x, other).fresh()",
        "def f(x: torch.Tensor | list):\n    x.fresh()",
        "def f(x):\n    if isinstance(x, torch.Tensor):\n        pass\n    x.fresh()",
        "def f(x: torch.Tensor):\n    if not isinstance(x, torch.Tensor):\n        x.fresh()",
        "def f():\n    yield torch.zeros(1)\nf().fresh()",
        "async def f():\n    return torch.zeros(1)\nf().fresh()",
        "@decorator\ndef f():\n    return torch.zeros(1)\nf().fresh()",
        "def f(n):\n    return f(n - 1) if n else other\nf(2).fresh()",
        "def f(n):\n    if n:\n        return torch.zeros(1)\n    return other\nf(2).fresh()",
        "def f(net: Net, x):\n    net.alone(x).fresh()\nclass Other(Net):\n    def alone(self, x):\n        return x",
        "def f(net: Net, x):\n    net.mask.fresh()\nclass Other(Net):\n    def __init__(self):\n        self.mask = x",
        "class Mine:\n    def __init__(self):\n        self.x = torch.zeros(1)\n    def set(self):\n"
        "        self.x = other\n    def use(self):\n        self.x.fresh()",
    ],
)
def test_what_may_be_anything_else_is_not_certain(see, code):
    assert fresh(see(f"import torch, typing\n{NET}\n{code}")).startswith("possible")


@pytest.mark.parametrize(
    "code",
    [
        "def f(x: int):\n    x.fresh()",
        "def f(x: 'numpy.ndarray'):\n    import numpy\n    x.fresh()",
        "len(x).fresh()",
        "f'{x}'.fresh()",
        "def f(x: pathlib.Path):\n    x.fresh()",
        "[1, 2].fresh()",
        "def f(x) -> torch.Tensor:\n    out = []\n    return out\nf(1).fresh()",
        "class Mine:\n    def fresh(self): ...\nMine().fresh()",
    ],
)
def test_what_is_nothing_of_torch_is_no_use(see, code):
    assert fresh(see(f"import numpy, pathlib, torch\n{code}")) == "no use"


def test_each_call_in_a_chain_is_seen(see):
    found = see("import torch\ntorch.zeros(1).view(2).to('cpu')")
    assert [use.name for use in found.certain] == ["torch.Tensor.to", "torch.Tensor.view", "torch.zeros"]


def test_attributes_that_are_read_are_uses(see):
    found = see("import torch\ntorch.zeros(1).shape.numel()")
    assert [use.name for use in found.certain] == ["torch.Size.numel", "torch.Tensor.shape", "torch.zeros"]


def test_to_call_an_object_is_to_use_its_class(see):
    found = see(f"import torch\n{NET}\nprogram = torch.export.export(Net(1), (x,))\nprogram(x)")
    use = found.certain[-1]
    assert (use.name, use.how, use.positional) == ("torch.export.ExportedProgram.__call__", "called", 1)


def test_a_function_is_walked_once_whoever_asks_first(see):
    found = see("import torch\ndef f():\n    return torch.zeros(1)\nf().fresh()\nf().fresh()")
    assert [(use.name, use.line) for use in found.certain] == [
        ("torch.zeros", 3),
        ("torch.Tensor.fresh", 4),
        ("torch.Tensor.fresh", 5),
    ]


def test_functions_that_call_each_other_come_to_an_end(see):
    many = "\n".join(f"def f{place}(x):\n    return f{place + 1}(x)" for place in range(200))
    assert see(f"import torch\n{many}\nf0(1).fresh()").code.unread == []


def test_what_is_iterated_by_itself_comes_to_an_end(see):
    code = (
        "class A:\n    def __iter__(self):\n        return B()\nclass B:\n    def __iter__(self):\n        return A()\n"
    )
    assert see(f"import torch\n{code}for x in A():\n    x.fresh()").code.unread == []


# --- by the calls of what is the code's own ---------------------------------------------------------------------------

SCRIPT = "if __name__ == '__main__':\n    f(torch.zeros(1))"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def _f(x): x.fresh()\n_f(torch.zeros(1))", "certain: torch.Tensor.fresh"),
        ("def _f(x): x.fresh()\ndef g(y: torch.Tensor): _f(y)\n_f(x=y.T)\n", "possible"),
        ("def _f(x): x.fresh()\ndef g(y: torch.Tensor): _f(y), _f(x=y.T)", "certain: torch.Tensor.fresh"),
        ("def _f(x): x.fresh()\ndef g(y: torch.Tensor): _f(y), _f(3)", "possible"),
        ("def _f(x): x.fresh()\ndef g(y: torch.Tensor): _f(y), _f(*y)", "possible"),
        ("def _f(x): x.fresh()\ndef g(y: torch.Tensor): _f(y), map(_f, y)", "possible"),
        ("def _f(x): x.fresh()\n", "possible"),
        ("@wrap\ndef _f(x): x.fresh()\n_f(torch.zeros(1))", "possible"),
        ("def f(x): x.fresh()\nf(torch.zeros(1))", "possible"),  # others may import it
        ("def f(x): x.fresh()\n" + SCRIPT, "certain: torch.Tensor.fresh"),
        ("def g(y: torch.Tensor):\n    def f(x): x.fresh()\n    f(y)", "certain: torch.Tensor.fresh"),
        ("def _h(x): x.fresh()\ndef _f(x): return _h(x)\nz = _f(torch.zeros(1))", "certain: torch.Tensor.fresh"),
        ("def _f(x=None): x.fresh()\n_f(torch.zeros(1)), _f()", "certain: torch.Tensor.fresh"),
        ("def _f(x=3): x.fresh()\n_f(torch.zeros(1)), _f()", "possible"),
        ("def _f(x, n):\n    x.fresh()\n    _f(x, n - 1)\n_f(torch.zeros(1), 3)", "possible"),
    ],
)
def test_what_all_calls_pass(see, code, found):
    assert fresh(see("import torch\n" + code)).partition(",")[0].startswith(found)


def test_what_calls_of_another_module_pass(see):
    code = "import torch\ndef _f(x): x.fresh()\n_f(torch.zeros(1))"
    assert fresh(see(code, other="import torch\nfrom code import _f\n_f(torch.zeros(1))")).startswith("certain")
    assert fresh(see(code, other="from code import _f\n_f(3)")).startswith("possible")
    assert fresh(see(code, other="import elsewhere\nelsewhere._f(3)")).startswith("possible")
