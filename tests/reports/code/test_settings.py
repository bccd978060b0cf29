"""Writes to settings are uses of them: where an older release has no such setting it raises, or takes no notice."""

import textwrap

import pytest

from torchproof.inventory import Inventory, inventory
from torchproof.reports.code.catalog import works
from torchproof.reports.code.uses import uses
from torchproof.reports.releases.touched import touched

INVENTORY = Inventory(
    textwrap.dedent("""\
    torchproof inventory 2
    releases 2.0 2.1 2.6
    torch
    \t_dynamo\t
    \t_inductor\t
    \tbackends\t\tmodule
    \tcompile\t\tfunction\t(model=None, *, backend='inductor', options=None)
    torch._dynamo
    \tconfig\t
    torch._dynamo.config
    \told\t\tsetting\t=1
    \tnew\t2.1-\tsetting\t=None
    \tgone\t2.0-2.6\tsetting\t=None
    torch._inductor
    \tconfig\t
    torch._inductor.config
    \ttriton\t
    \tnew\t2.1-\tsetting\t=False
    torch._inductor.config.triton
    \tcudagraphs\t\tsetting\t=False
    \tnew\t2.1-\tsetting\t=False
    torch.backends
    \tcuda\t\tmodule
    \tcudnn\t\tmodule
    torch.backends.cuda
    \tmatmul\t\tattribute
    torch.backends.cuda.matmul
    \tallow_tf32\t\tsetting
    \tnew\t2.1-\tsetting
    torch.backends.cudnn
    \tbenchmark\t\tsetting\t=False
    \tnew\t2.1-\tsetting
    """)
)


@pytest.fixture
def see(tmp_path):
    def see(code: str):
        head = "import torch\nimport torch._dynamo.config\nimport torch._inductor.config\n"
        (tmp_path / "code.py").write_text(head + textwrap.dedent(code), encoding="utf-8")
        return uses(tmp_path, INVENTORY)

    return see


def breaks(found) -> dict[str, str]:
    return {
        release: why
        for use in found.certain
        for release in sorted(use.releases)
        if (why := works(use, INVENTORY, release))
    }


@pytest.mark.parametrize(
    "code",
    [
        "torch._dynamo.config.new = 8",
        "import torch._dynamo.config as config\nconfig.new = 8",
        "from torch._dynamo import config\nconfig.new = 8",
        "from torch._dynamo import config\nconfig.new |= True",
        "setattr(torch._dynamo.config, 'new', 8)",
        "def test(monkeypatch):\n    monkeypatch.setattr(torch._dynamo.config, 'new', 8)",
        "from unittest import mock\nwith mock.patch.object(torch._dynamo.config, 'new', 8):\n    pass",
        "with torch._dynamo.config.patch(new=8):\n    pass",
        "with torch._dynamo.config.patch({'new': 8}):\n    pass",
        "OPTIONS = {'new': 8}\nwith torch._dynamo.config.patch(OPTIONS):\n    pass",
        "with torch._dynamo.config.patch('new', 8):\n    pass",
        "@torch._dynamo.config.patch(new=8)\ndef f(): ...",
        "def f():\n    torch._dynamo.config.new = 8",
    ],
)
def test_a_setting_is_written(see, code):
    found = see(code)
    assert breaks(found) == {"2.0": "torch._dynamo.config.new does not exist"}
    assert [use.how for use in found.certain if use.name.endswith(".new")] == ["written"]


@pytest.mark.parametrize(
    ("code", "setting"),
    [
        ("torch._inductor.config.triton.new = True", "triton.new"),
        ("torch._inductor.config.patch({'triton.new': True})", "triton.new"),
        ("torch._inductor.config.patch(**{'triton.new': True})", "triton.new"),
        ("torch.compile(model, options={'triton.new': True})", "triton.new"),
        ("torch.compile(options={'new': True}, backend='inductor')", "new"),
        ("options = dict(new=True)\ntorch.compile(model, options=options)", "new"),
    ],
)
def test_a_setting_of_the_compiler_is_written(see, code, setting):
    assert breaks(see(code)) == {"2.0": f"torch._inductor.config.{setting} does not exist"}


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("torch.backends.cuda.matmul.new = 'tf32'", "torch.backends.cuda.matmul.new does not exist"),
        (
            "torch.backends.cudnn.new = 'tf32'",
            "torch.backends.cudnn.new is ignored, for there is no such setting",
        ),
    ],
)
def test_what_a_release_refuses_and_what_it_takes_no_notice_of(see, code, why):
    assert breaks(see(code)) == {"2.0": why}


@pytest.mark.parametrize(
    "code",
    [
        "torch._dynamo.config.old = 8",
        "torch.backends.cudnn.benchmark = True",
        "torch.backends.cuda.matmul.allow_tf32 = True",
        "if hasattr(torch._dynamo.config, 'new'):\n    torch._dynamo.config.new = 8",
        "try:\n    torch._dynamo.config.new = 8\nexcept AttributeError:\n    pass",
        "torch.compile(model, options={'new': True}, backend='mine')",
        "torch.compile(model, options=other)",
        "other.patch(new=8)",
        "class Mine:\n    def f(self, config):\n        config.new = 8",
    ],
)
def test_what_works_everywhere(see, code):
    assert breaks(see(code)) == {}


def test_a_setting_that_is_gone(see):
    assert breaks(see("torch._dynamo.config.gone = 8")) == {"2.6": "torch._dynamo.config.gone does not exist"}


def test_settings_of_private_modules_count_in_full(see):
    found = see("torch._dynamo.config.new = 8")
    assert "torch._dynamo.config.new" not in [use.name for use in found.private]


def test_what_is_set_elsewhere_is_a_patch_of_the_code(see):
    assert "torch.compile" not in [use.name for use in see("torch.compile = mine\ntorch.compile(1)").certain]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("torch._dynamo.config.odl = 8", "torch._dynamo.config.odl"),
        ("torch._inductor.config.triton.cudagraph = True", "torch._inductor.config.triton.cudagraph"),
        ("torch.backends.cuda.matmul.allow_tf = True", "torch.backends.cuda.matmul.allow_tf"),
        ("torch._dynamo.config.patch(odl=1)", "torch._dynamo.config.odl"),
        ("torch.compile(model, options={'triton.cudagraph': True})", "torch._inductor.config.triton.cudagraph"),
    ],
)
def test_a_setting_of_no_release_is_a_mistake_where_none_takes_it(see, code, name):
    assert [use.name for use in see(code).nowhere] == [name]


@pytest.mark.parametrize(
    "code",
    [
        "print(torch._dynamo.config.odl)",  # reading may be of what a module has beside settings
        "torch._dynamo.config._odl = 8",
        "def f(config):\n    config.odl = 8",
        "try:\n    torch._dynamo.config.odl = 8\nexcept AttributeError:\n    pass",
    ],
)
def test_what_may_be_taken_is_none(see, code):
    assert [use for use in see(code).nowhere if use.releases] == []


def test_a_private_setting_that_a_release_says_is_deprecated_is_told(tmp_path):
    text = "import torch\nimport torch._inductor.config as c\nc.use_mixed_mm = True\nc.epilogue_fusion = True\n"
    (tmp_path / "code.py").write_text(text, encoding="utf-8")
    (told,) = touched(tmp_path, (), inventory(), "2.14", "2.15").certain
    assert (told.change.kind, told.change.new) == ("deprecated", "does not do anything")
    assert touched(tmp_path, (), inventory(), "2.12", "2.14").certain == []
