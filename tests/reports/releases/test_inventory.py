"""What every release has: reading it, making the file, and that the file agrees with the torch that is here."""

import collections
import contextlib
import importlib.util
import inspect
import json
import math
import random
import re
import subprocess
import sys
import types
import typing
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import pytest
import torch

from tests.project import ROOT
from torchproof.inventory import IN_WHEEL, VERSION, Entry, Inventory, Parameter, first_with, inventory, unknown
from torchproof.releases import supported
from torchproof.reports.releases.ask import brought
from torchproof.reports.releases.keywords import keywords
from torchproof.reports.releases.merge import command, merge
from torchproof.reports.releases.returns import held, returned
from torchproof.reports.releases.settings import same_everywhere
from torchproof.reports.releases.signatures import signatures
from torchproof.reports.releases.sources import deprecation, read, removal, warning

RELEASE = ".".join(torch.__version__.split(".")[:2])
SMALL = Inventory(
    merge(
        {
            "2.0": [
                "torch\tmodule",
                "torch.add\tfunction\tdoc(input, other, *, alpha=1)\top(input, other)",
                "torch.absolute\t=torch.add",
                "torch._six",
                "torch.nn\tmodule",
                "torch.nn.Module\tclass\t()",
                "torch.nn.Module.to\tmethod\t(device)",
                "torch.nn.Linear\tclass\t(size, bias=True)\t<torch.nn.Module",
                "torch.nn.linear\tmodule",
                "torch.nn.linear.Linear\t=torch.nn.Linear",
                "torch.old\tfunction\t()\t!use torch.add",
            ],
            "2.1": [
                "torch\tmodule",
                "torch.add\tfunction\tdoc(input, other, *, alpha=1)\top(input, other)",
                "torch.nn\tmodule",
                "torch.nn.Module\tclass\t()",
                "torch.nn.Module.to\tmethod\t(device, dtype=None)",
                "torch.nn.Linear\tclass\t(size, bias=True)\t<torch.nn.Module",
                "torch.nn.linear\tmodule",
                "torch.nn.linear.Linear\t=torch.nn.Linear",
            ],
        }
    )
)


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_name_is_there_in_the_releases_that_have_it():
    assert SMALL.entry("torch.old", "2.0").deprecated == "use torch.add"
    assert SMALL.entry("torch.old", "2.1") is None
    assert SMALL.spans("torch.old") == [True, False]


def test_a_private_name_exists_without_being_public():
    assert SMALL.entry("torch._six", "2.0").kind == ""
    assert SMALL.spans("torch._six") == [False, False]
    assert "torch._six" not in SMALL.public("2.0")
    assert "torch._six" in dict(SMALL.everything("2.0"))


def test_an_alias_leads_to_what_it_stands_for():
    assert SMALL.find("torch.absolute", "2.0").name == "torch.add"
    assert SMALL.find("torch.absolute", "2.1") is None


def test_a_method_is_found_in_the_base_class_of_an_alias():
    assert SMALL.find("torch.nn.linear.Linear.to", "2.0").name == "torch.nn.Module.to"
    assert SMALL.entry("torch.nn.linear.Linear.to", "2.0") is None


def test_history_tells_each_release():
    texts = [entry.signatures[0].text for _, entry in SMALL.history("torch.nn.Linear.to")]
    assert texts == ["device", "device, dtype=None"]


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("is_anomaly_enabled", ["()"]),
        ("set_autocast_cpu_enabled", ["(arg0, /)"]),
        ("is_autocast_enabled", ["(device_type)", "()"]),
        ("has_torch_function_variadic", []),  # which takes as many as there are
    ],
)
def test_a_built_in_without_a_signature_says_what_it_takes_as_it_refuses(name, texts):
    assert list(signatures(name, getattr(torch._C, f"_{name}" if name.startswith("has") else name), {})) == texts


def test_signatures_come_with_their_source():
    assert [(one.source, one.text) for one in SMALL.find("torch.add", "2.0").signatures] == [
        ("doc", "input, other, *, alpha=1"),
        ("op", "input, other"),
    ]


def test_parameters_know_how_they_are_passed():
    one = SMALL.find("torch.add", "2.0").signatures[0]
    assert one.parameters == (
        Parameter("input", None, "positional"),
        Parameter("other", None, "positional"),
        Parameter("alpha", "1", "keyword"),
    )


def test_what_is_raised_is_told_in_short():
    entry = Entry(
        "torch.f", raises="It is removed. Use `torch.g` (v1.9) instead. X = f(A) should be replaced with g(A)"
    )
    assert entry.refusal == "It is removed. Use `torch.g` (v1.9) instead."


def test_a_call_tells_what_it_gives_warns_and_raises():
    state = "function\t()\t>tuple[torch.Tensor, int]\t!use g\t%FutureWarning\t^it is removed"
    (entry,) = [Inventory(merge({"2.0": [f"torch.f\t{state}"]})).entry("torch.f", "2.0")]
    assert (entry.returns, entry.raises) == ("tuple[torch.Tensor, int]", "it is removed")
    assert entry.warns == "FutureWarning: use g"


def test_a_warning_may_have_words_of_its_own():
    entry = Inventory(merge({"2.0": ["torch.f\tfunction\t!use g\t%UserWarning: f is old"]})).entry("torch.f", "2.0")
    assert (entry.deprecated, entry.warns) == ("use g", "UserWarning: f is old")


def test_a_setting_has_its_default():
    entry = Inventory(merge({"2.0": ["torch.config.limit\tsetting\t=8"]})).entry("torch.config.limit", "2.0")
    assert (entry.kind, entry.default) == ("setting", "8")


@pytest.mark.parametrize("text", ["", "torchproof inventory 99\nreleases 2.0\n", "torch.add\n"])
def test_another_text_is_refused(text):
    with pytest.raises(ValueError, match="it is no inventory that this version reads"):
        Inventory(text)


# --- merging ----------------------------------------------------------------------------------------------------------


def test_what_stays_the_same_stands_once():
    answers = {
        "2.0": ["torch.a\tfunction\t()", "torch.b", "torch.d\tclass"],
        "2.1": ["torch.a\tfunction\t()", "torch.d\tclass"],
        "2.2": ["torch.a\tfunction\t(x)", "torch.b", "torch.d\tclass"],
    }
    assert merge(answers).splitlines() == [
        VERSION,
        "releases 2.0 2.1 2.2",
        "torch",
        "\ta\t2.0-2.2\tfunction\t()",
        "\t\t2.2-\tfunction\t(x)",
        "\tb\t2.0-2.1,2.2-",
        "\td\t\tclass",
    ]


def test_a_release_that_does_not_annotate_gives_what_the_others_say():
    names = Inventory(
        merge(
            {
                "2.0": ["torch.f\tfunction\t()\t!old", "torch.g\tfunction\t()", "torch.h\tfunction\t()\t^gone"],
                "2.1": ["torch.f\tfunction\t()\t>int\t!old", "torch.g\tfunction\t()\t>int", "torch.h\tfunction\t()"],
                "2.2": ["torch.f\tfunction\t()\t>int", "torch.g\tfunction\t()\t>str", "torch.h\tfunction\t()\t>int"],
            }
        )
    )
    returns = {name: [entry.returns for _, entry in names.history(f"torch.{name}")] for name in "fgh"}
    assert returns == {"f": ["int", "int", "int"], "g": [None, "int", "str"], "h": [None, "int", "int"]}
    assert names.entry("torch.f", "2.0").deprecated == "old"


@pytest.mark.parametrize(("module", "told"), [("torch.near", {"Any", "deque"}), ("torch.nn.far", set())])
def test_what_torch_imports_from_the_standard_library_is_told_besides_modules(module, told):
    here = types.ModuleType(module)
    vars(here).update(Any=typing.Any, deque=collections.deque, _List=list, math=math, add=torch.add)
    assert set(brought(here)) == told


def test_packages_that_go_with_torch_are_asked_apart():
    lines = ["torch.f\tfunction\t()", "torchaudio.g\tfunction\t()", "torchvision.__version__\tattribute"]
    names = Inventory(merge({"2.0": ["torch.f\tfunction\t()"], "2.1": lines}))
    assert list(names.public("2.1")) == ["torch.f"]
    assert list(names.public("2.1", "torchaudio")) == ["torchaudio.g"]
    assert list(names.public("2.0", "torchvision")) == []
    assert [names.find("torchvision", release) is not None for release in names.releases] == [False, True]


def test_the_command_writes_the_file_of_the_answers(tmp_path, capsys):
    (tmp_path / "2.0.txt").write_text("torch\tmodule\ntorch.a\tattribute\n")
    options = type(
        "Options",
        (),
        {"answers": [tmp_path / "2.0.txt"], "output": tmp_path / "inventory.tsv", "differing": False, "patches": False},
    )
    assert command(options) == 0
    assert Inventory((tmp_path / "inventory.tsv").read_text()).entry("torch.a", "2.0").kind == "attribute"
    assert capsys.readouterr().out.startswith("1 releases: ")


# --- asking -----------------------------------------------------------------------------------------------------------


def plain(a, /, b, *rest, c=1.5, d: int = 2, **more): ...
def torchs(dtype=torch.float, device=torch.device("cpu"), kind=torch.nn.Linear, what=object()): ...  # noqa: B008


def documented(*args, **kwargs):
    """documented(input, size: int, *, out=None) -> Tensor

    .. function:: documented(other, mode="mean")
    """


@pytest.mark.parametrize(
    ("function", "texts"),
    [
        (plain, ["(a, /, b, *rest, c=1.5, d=2, **more)"]),
        (torchs, ["(dtype=torch.float32, device=torch.device(type='cpu'), kind=Linear, what=...)"]),
        (documented, ["(*args, **kwargs)", "doc(input, size, *, out=None)", "doc(other, mode='mean')"]),
    ],
)
def test_a_signature_is_the_same_text_everywhere(function, texts):
    assert list(signatures(function.__name__, function, {})) == texts


def test_a_default_has_its_public_name():
    (text,) = signatures("torchs", torchs, {id(torch.nn.Linear): "torch.nn.Linear"})
    assert "kind=torch.nn.Linear" in text


def test_a_built_in_is_told_by_its_documentation_and_its_operators():
    texts = list(signatures("torch.add", torch.add, {}))
    assert texts == ["doc(input, other, *, alpha=1, out=None)", "op(input, other, *, alpha=1, out=None)"]


def test_a_tensor_method_has_no_self_and_no_out():
    texts = list(signatures("torch.Tensor.add", torch.Tensor.add, {}, is_bound=True, cls=torch.Tensor))
    assert "op(other, *, alpha=1)" in texts


def source(tmp_path, text):
    file = tmp_path / "module.py"
    file.write_text(text)
    return read(str(file))


def test_a_file_tells_the_names_that_it_binds(tmp_path):
    text = """
from typing import TYPE_CHECKING
from torch.nn import Linear as Layer
from . import sibling
if TYPE_CHECKING:
    from torch import Never
try:
    import fast
except ImportError:
    fast = None
A, (B, C) = 1, (2, 3)
D: int = 4
class E: ...
def f(): g = 1
"""
    found = source(tmp_path, text).top
    assert found == {"Layer": "torch.nn.Linear", "sibling": ".sibling", **dict.fromkeys(["fast", *"ABCDEf"], "")}


@pytest.mark.parametrize(
    ("body", "given"),
    [
        ("warnings.warn('f is deprecated', FutureWarning)", ("FutureWarning", "f is deprecated")),
        ("warnings.warn(f'{f} is ' 'deprecated')", ("UserWarning", "{f} is deprecated")),
        ("warnings.warn(OLD, category=DeprecationWarning)", ("DeprecationWarning", "deprecated since ever")),
        ("raise TypeError('f is deprecated')", ("", "f is deprecated")),
        ("if x: warnings.warn('x is deprecated')", None),
        ("warnings.warn('f is slow')", None),
        ("warnings.warn('deprecated', RuntimeWarning)", None),
    ],
)
def test_a_warning_counts_that_is_always_given(tmp_path, body, given):
    found = source(tmp_path, f"OLD = 'deprecated since ever'\ndef f(x):\n    {body}\n")
    assert found.warned.get(2) == given


def test_a_decorator_tells_the_category(tmp_path):
    text = "@deprecated('f is old', category=FutureWarning)\ndef f(): ...\n@deprecated('g is old')\ndef g(): ...\n"
    assert source(tmp_path, text).warned == {
        1: ("FutureWarning", "f is old"),
        3: ("DeprecationWarning", "g is old"),
    }


@pytest.mark.parametrize(
    ("body", "end"),
    [
        ("raise OSError('f was removed')", ("OSError", "f was removed")),
        (
            "'Makes f.'\n    mode = 'a' if x else 'b'\n    raise OSError(f'use {mode}')",
            ("OSError", "use {'a' if x else 'b'}"),
        ),
        ("warnings.warn('f is old')\n    import os\n    raise OSError('f was removed')", ("OSError", "f was removed")),
        ("if x:\n        raise OSError('a')\n    else:\n        raise OSError('b')", ("OSError", "a")),
        ("if has_torch_function(x):\n        return handle(x)\n    raise OSError('a')", ("OSError", "a")),
        ("if x:\n        raise OSError('a')", None),
        ("x = g(x)\n    raise OSError('a')", None),
        ("return g(x)", "g"),
        ("from .others import h\n    return h(x)", ".others.h"),
        ("return g.h(x)", None),
    ],
)
def test_what_only_raises_or_only_calls_another_function(tmp_path, body, end):
    found = source(tmp_path, f"def f(x):\n    {body}\n")
    assert (found.raising.get(1) or found.passing_on.get(1)) == end


def test_what_a_condition_defines_is_no_removal(tmp_path):
    text = "try:\n    import av\nexcept ImportError:\n    def f(): raise OSError('no av')\n"
    assert source(tmp_path, text).raising == {}


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (torch._linalg_utils.eig, "and is now removed"),
        (torch.Tensor.eig, "and is now removed"),  # it calls the other one
        (torch.nn.Module.forward, ""),  # it is for subclasses
        (torch.Tensor.sum, ""),
        (torch.no_grad, ""),
    ],
)
def test_removal_is_in_the_words_of_the_error(function, words):
    said = removal(function)
    assert words in said if words else not said


PASSING = """
import functools, warnings

def outer(*, legacy):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            kwargs.pop(legacy, None)
            return function(*args, **kwargs)
        return wrapper
    return decorate

class Net:
    def __init__(self, layers, classes=10, groups=1): ...

class Below(Net):
    def __init__(self, wide=1, **rest):
        super().__init__(3, **rest)

def fill(kwargs, word, value): ...

def make(layers, **kwargs):
    fill(kwargs, "init", True)
    return Net(layers, groups=2, **kwargs)

@outer(legacy="pretrained")
def model(weights=None, **kwargs):
    return make(3, **kwargs)

def asks(**kwargs):
    if kwargs.get("a"):
        return Net(**kwargs)

def ignores(**kwargs):
    return kwargs.get("a")

def opens(**kwargs):
    return Net(**dict(kwargs))

def calls(function, **kwargs):
    return function(**kwargs)

def prints(**kwargs):
    return print(1, **kwargs)

TOLD = []
def warn_old(name, new):
    warnings.warn(f"All is well. `{name}` is deprecated, use `{new}`.", FutureWarning)
def warn_once(name):
    TOLD or warnings.warn(f"`{name}` is deprecated.")
    TOLD.append(name)
def old():
    warn_old("old", "new")
def older():
    warn_once("older")
class Helpers:
    @staticmethod
    def warn(name, new, stacklevel=1):
        warn_old(name, new)
def oldest():
    Helpers.warn("oldest", "new", stacklevel=2)
"""


@pytest.fixture(scope="module")
def passing(tmp_path_factory):
    """A module in a folder that is called torch."""
    file = tmp_path_factory.mktemp("site") / "torch" / "passing.py"
    file.parent.mkdir()
    file.write_text(PASSING)
    spec = importlib.util.spec_from_file_location("torch_passing", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("make", "classes init"),  # others of Net are passed by itself
        ("model", "classes init pretrained"),
        ("Below", "classes groups"),
        ("asks", "a classes groups layers"),
        ("ignores", ""),  # it takes anything
        ("opens", ""),
        ("calls", ""),
        ("prints", ""),  # of Python itself
        ("Net", ""),
    ],
)
def test_the_words_that_are_taken_beyond_those_of_the_signature(passing, name, words):
    assert keywords(getattr(passing, name)) == words


def test_a_helper_that_warns_is_asked_for_its_words(passing):
    assert (deprecation(passing.old), warning(passing.old)[0]) == ("`old` is deprecated, use `new`.", "FutureWarning")
    assert (deprecation(passing.older), warning(passing.older)) == ("", ("", ""))
    assert deprecation(passing.oldest) == "`oldest` is deprecated, use `new`."


@pytest.mark.parametrize(
    ("doc", "words"),
    [
        ("[DEPRECATED] Use g() instead.\n\n    Does so.", "Use g() instead."),
        ("[BETA] [DEPRECATED] Use g() instead.", "Use g() instead."),
        (
            "DEPRECATED\n\n    .. warning::\n\n       It is deprecated. It goes in 2.9.",
            "It is deprecated. It goes in 2.9.",
        ),
        ("[Deprecated]\n    Does so.\n\n    Note:\n        It is deprecated.", "Note: It is deprecated."),
        ("[DEPRECATED] Does so.\n\n    Args:\n        a: deprecated", "DEPRECATED"),
        ("Does so.", ""),
    ],
)
def test_a_tag_in_a_docstring_is_no_more_than_that_where_more_is_said(doc, words):
    def function():
        pass

    function.__doc__ = doc
    assert deprecation(function) == words


class Maker:
    def itself(self) -> "Self": ...  # noqa: F821
    def all(self) -> list[torch.Tensor]: ...
    def maybe(self) -> torch.Tensor | None: ...
    def either(self) -> "int | str": ...
    def later(self) -> "tuple[torch.Tensor, ...]": ...
    def unknown(self) -> subprocess.Popen: ...
    def silent(self): ...

    @contextlib.contextmanager
    def within(self) -> Iterator[None]:
        yield


PUBLIC = {id(torch.Tensor): "torch.Tensor", id(torch.Size): "torch.Size"}


@pytest.mark.parametrize(
    ("method", "text"),
    [
        ("itself", "Self"),
        ("all", "list[torch.Tensor]"),
        ("maybe", "torch.Tensor | None"),
        ("either", ""),
        ("later", "tuple[torch.Tensor, ...]"),
        ("unknown", ""),
        ("silent", ""),
        ("within", ""),
    ],
)
def test_annotations_tell_what_a_method_gives(method, text):
    assert returned(f"Maker.{method}", getattr(Maker, method), PUBLIC, Maker) == text


@pytest.mark.parametrize(
    ("method", "text"),
    [
        ("add", "torch.Tensor"),
        ("sort", "tuple[torch.Tensor, torch.Tensor]"),
        ("dim", "int"),
        ("__add__", "torch.Tensor"),
        ("norm", "torch.Tensor"),  # of its operator
        ("max", ""),  # overloads differ
    ],
)
def test_stub_files_tell_what_a_method_of_tensors_gives(method, text):
    value = inspect.getattr_static(torch.Tensor, method)
    assert returned(f"torch.Tensor.{method}", value, PUBLIC, torch.Tensor) == text


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (torch.zeros, "torch.Tensor"),
        (torch.linalg.svd, "tuple[torch.Tensor, torch.Tensor, torch.Tensor]"),  # of its operator
        (torch.nn.functional.softmax, "torch.Tensor"),
        (torch.nn.functional.gelu, "torch.Tensor"),
        (torch.equal, "bool"),
    ],
)
def test_a_function_tells_what_it_gives(function, text):
    assert returned(function.__name__, function, PUBLIC) == text


def test_attributes_tell_what_they_are():
    shape = inspect.getattr_static(torch.Tensor, "shape")
    assert held("torch.Tensor.shape", shape, PUBLIC, torch.Tensor) == "torch.Size"
    assert held("torch.nn.Linear.weight", None, PUBLIC, torch.nn.Linear) == "torch.Tensor"


CONFIG = """
import os
from torch.utils._config_module import Config, install_config_module
plain = 8
asked = os.environ.get("ASKED", "1") == "1"
cores = os.cpu_count()
also = not plain
if asked:
    depends = 1
class nested:
    inner = "x"
    here = os.getcwd()
"""


def test_a_default_is_told_where_it_is_the_same_everywhere(tmp_path):
    file = tmp_path / "config.py"
    file.write_text(CONFIG)
    assert same_everywhere(str(file)) == {"plain", "asked", "also", "nested.inner"}


# --- the file itself --------------------------------------------------------------------------------------------------


def test_the_file_is_of_all_supported_releases():
    assert inventory().releases == tuple(supported())


def test_the_first_release_with_every_name():
    assert first_with(("torch.add",)) == "2.0"
    assert first_with(("torch.add", "torch.nn.RMSNorm")) == "2.4"
    assert first_with(()) == "2.0"


def test_an_unknown_name_comes_with_its_likeness():
    assert unknown("torch.add") is None
    assert "torch.Tensor.view" in unknown("torch.Tensor.veiw")
    assert "torch.nn.Linear" in unknown("torch.n.Linear")
    assert unknown("torch.qqqqqqqqqqqqq") == ""
    with pytest.raises(KeyError):
        first_with(("torch.qqqqqqqqqqqqq",))


@pytest.mark.parametrize(
    ("name", "release", "found"),
    [
        ("torch.nn.Linear.to", "2.0", "torch.nn.Module.to"),
        ("torch.nn.modules.linear.Linear", "2.0", "torch.nn.Linear"),
        ("torch.optim.lr_scheduler.StepLR.step", "2.6", "torch.optim.lr_scheduler.LRScheduler.step"),
        ("torch.float", "2.6", "torch.float32"),
        ("torch.Tensor.add_", "2.6", "torch.Tensor.add_"),
        ("torch.nn.functional.conv2d", "2.6", "torch.conv2d"),
        ("torch.utils.data.dataloader.default_collate", "2.6", "torch.utils.data.default_collate"),
        ("torch.utils._pytree.tree_map", "2.6", "torch.utils._pytree.tree_map"),
        ("torch._C._nn.gelu", "2.6", "torch.nn.functional.gelu"),
        ("torch.backends.cudnn.benchmark", "2.6", "torch.backends.cudnn.benchmark"),  # the module is an object
        ("torch.has_cuda", "2.6", "torch.has_cuda"),  # made when asked for
        ("torch.export.Dim.AUTO", "2.6", "torch.export.Dim.AUTO"),  # of a function
        ("torch.Any", "2.4", "torch.Any"),  # from the standard library
        ("torch.distributed.ReduceOp.SUM", "2.6", "torch.distributed.ReduceOp.SUM"),
        ("torch.cuda.amp.GradScaler.step", "2.6", "torch.GradScaler.step"),
        ("functorch.compile.compiled_function", "2.0", "functorch.compile.aot_function"),
        ("functorch.make_fx", "2.15", "torch.fx.experimental.proxy_tensor.make_fx"),
        ("functorch.experimental.hessian", "2.15", "torch.func.hessian"),
    ],
)
def test_a_name_is_found_as_programs_write_it(name, release, found):
    assert inventory().find(name, release).name == found


@pytest.mark.parametrize(
    ("name", "release", "words"),
    [
        ("torch.norm", "2.0", "torch.norm is deprecated and may be removed"),  # from its documentation
        ("torch.jit.script", "2.15", "`torch.jit.script` is deprecated."),  # from a warning that it gives
        ("torch.symeig", "2.0", "This function was deprecated since version 1.9 and is now removed."),  # from an error
        (
            "torch.cuda.amp.GradScaler",
            "2.6",
            "`torch.cuda.amp.GradScaler(args...)` is deprecated.",
        ),  # from a decorator
        ("functorch.vmap", "2.15", "As the final step of the integration, `functorch.vmap` is"),  # from a helper
        ("torch.has_cuda", "2.6", "'has_cuda' is deprecated, please use 'torch.backends.cuda.is_built()'"),
    ],
)
def test_deprecation_is_in_the_words_of_the_release(name, release, words):
    assert inventory().find(name, release).deprecated.startswith(words)


def test_what_is_not_deprecated_has_no_words():
    assert inventory().find("torch.compiler.is_compiling", "2.15").deprecated is None


@pytest.mark.parametrize("name", ["torch._six", "torch._six.inf", "torch.nn.Linear.tu", "torch.nn.RMSNorm"])
def test_what_a_release_has_not_is_not_found(name):
    assert inventory().find(name, "2.0") is None


def test_words_that_are_passed_on_are_known():
    words = {one.name for one in inventory().find("torchvision.models.resnet50", "2.15").rest}
    assert {"num_classes", "pretrained"} < words
    assert "layers" not in words


def test_torch_is_asked_before_another_package_changes_it():
    """functorch.dim of 2.0 gives `torch.Tensor` an `index` when it is imported."""
    assert inventory().entry("functorch.dim.Dim", "2.0").kind == "class"
    assert inventory().find("torch.Tensor.index", "2.0") is None


def test_a_parameter_that_went_is_gone():
    """`verbose` of schedulers went in 2.7."""
    having = {
        release: any(one.name == "verbose" for one in entry.signatures[0].parameters)
        for release, entry in inventory().history("torch.optim.lr_scheduler.StepLR")
    }
    assert having["2.6"]
    assert not having["2.7"]


def is_paired(package):
    """Whether the package that is here is the one that goes with the torch that is here."""
    try:
        return version(package).partition("+")[0] == getattr(supported()[RELEASE], package)
    except PackageNotFoundError:
        return False


PARTNERS = tuple(filter(is_paired, ("torchvision", "torchaudio")))
of_answer = pytest.mark.xdist_group("answer")  # it takes half a minute: one worker asks, and not each


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    """What the torch that is here answers, by name, and the modules that cannot be imported here."""
    file = tmp_path_factory.mktemp("answer") / "answer.txt"
    asked = subprocess.run(
        [sys.executable, "-I", "reports/releases/ask.py", str(file), *PARTNERS],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    states = dict(line.partition("\t")[::2] for line in file.read_text().splitlines())
    return states, tuple(re.findall(r"^left out (\S+):", asked.stderr, re.MULTILINE))


@of_answer
@pytest.mark.timeout(300)
@pytest.mark.slow
def test_the_file_agrees_with_the_torch_that_is_here(answer):
    states, left_out = answer
    here = {name: state for name, state in states.items() if "." in name}
    listed = {name: as_asked(state, here.get(name, "")) for name, state in lines_of(RELEASE)}
    differing = [name for name in sorted(here.keys() | listed.keys()) if here.get(name) != listed.get(name)]
    needs = re.compile("|".join(map(re.escape, left_out)) or "$^")
    differing = [name for name in differing if not needs.search(f"{name} {listed.get(name)}")]
    assert list(filter(is_of_every_build, differing)) == []


def is_of_every_build(name):
    """The file has what the published builds have; one for the CPU alone lacks what is made for CUDA."""
    made_for_cuda = r"torch\._C\b|torch\.cuda\b|.*NCCL|.*\.triton_compat\b"
    return torch.version.cuda is not None or not re.match(made_for_cuda, name)


@pytest.mark.parametrize(
    ("name", "is_always_there"),
    [
        ("torch.add", True),
        ("torch.distributed.ProcessGroupGloo", True),
        ("torch.distributed.ProcessGroupNCCL.abort", False),
        ("torch.cuda.Stream.priority", False),
        ("torch._C._cuda_synchronize", False),
    ],
)
def test_a_build_for_the_cpu_is_not_asked_for_what_is_made_for_cuda(monkeypatch, name, is_always_there):
    monkeypatch.setattr(torch.version, "cuda", None)
    assert is_of_every_build(name) is is_always_there


def as_asked(listed, here):
    """A state of the file without what only other releases say that a call gives."""
    return listed if "\t>" in here else re.sub(r"\t>[^\t]*", "", listed)


def lines_of(release):
    """The names and states of one release as its answer has them."""
    return (line for package in (*IN_WHEEL, *PARTNERS) for line in inventory().states(release, package))


def is_decided(name):
    """Not so what every object has, what stands in something private, and what may be inherited from outside torch."""
    above = inventory().find(name.rpartition(".")[0], RELEASE)
    return "__" not in name and is_of_every_build(name) and (above is None or all_is_known(above))


def all_is_known(entry):
    bases = [inventory().find(base, RELEASE) for base in entry.bases]
    return entry.kind != "" and all(base is not None and all_is_known(base) for base in bases)


EXISTS = """
import importlib, json, sys, warnings

warnings.simplefilter("ignore")
import torch


def exists(name):
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:end]))
            break
        except ImportError:
            pass
    for part in parts[end:]:
        annotated = any(part in vars(base).get("__annotations__", ()) for base in getattr(value, "__mro__", ()))
        if not hasattr(value, part):
            return annotated
        value = getattr(value, part)
    return True


json.dump({name: exists(name) for name in json.load(sys.stdin)}, sys.stdout)
"""


@of_answer
@pytest.mark.timeout(300)
@pytest.mark.slow
def test_random_names_of_all_releases_are_here_or_not_as_the_file_says(answer):
    everywhere = {name for release in inventory().releases for name in inventory().public(release)}
    names = sorted(name for name in everywhere if is_decided(name) and not name.startswith(answer[1]))
    here = {name: inventory().find(name, RELEASE) is not None for name in names}
    drawn = random.Random(0)
    asked = [
        name
        for is_here in (True, False)
        for name in drawn.sample([name for name in names if here[name] is is_here], k=100)
    ]
    child = subprocess.run(
        [sys.executable, "-I", "-c", EXISTS], input=json.dumps(asked), check=True, capture_output=True, text=True
    )
    exists = json.loads(child.stdout.splitlines()[-1])
    assert {name for name in asked if exists[name] != here[name]} == set()
