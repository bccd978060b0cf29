"""The code's own comparisons of torch's version: those that go wrong, where, and only those."""

import textwrap
from types import SimpleNamespace

import pytest
from packaging.version import Version

from torchproof.inventory import Inventory
from torchproof.reports.code.uses import uses
from torchproof.reports.code.versions import newest

RELEASES = ("2.0", "2.1", "2.4", "2.5", "2.9", "2.10", "2.15")
INVENTORY = Inventory(
    f"torchproof inventory 1\nreleases {' '.join(RELEASES)}\ntorch\n"
    "\t__version__\t\tattribute\n\tlater\t2.5-\tfunction\t()\n\tversion\t\tmodule\ntorch.version\n\t__version__\t\n"
)
HEAD = "import importlib.metadata\nimport torch\nfrom packaging.version import Version, parse\n"


@pytest.fixture
def see(tmp_path):
    def see(code: str):
        (tmp_path / "code.py").write_text(HEAD + textwrap.dedent(code), encoding="utf-8")
        return uses(tmp_path, INVENTORY)

    return see


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("str(torch.__version__) >= '2.5'", "v >= (2, 5)"),
        ("'2.5' <= str(torch.__version__)", "v >= (2, 5)"),
        ("torch.__version__.split('+')[0] < '2.4.0'", "v < (2, 4)"),
        ("f'{torch.__version__}' > '2.4.9'", "v >= (2, 5)"),
        ("float(torch.__version__[:3]) >= 2.5", "v >= (2, 5)"),
        ("float('.'.join(torch.__version__.split('.')[:2])) < 2.4", "v < (2, 4)"),
        ("torch.__version__[:3] in ('2.0', '2.1')", "v < (2, 4)"),
        ("torch.__version__[:3] in {'2.1'}", "v == (2, 1)"),
        ("torch.__version__[:3] != '2.1'", "v != (2, 1)"),
        ("float(torch.__version__[:3]) == 2.1", "v == (2, 1)"),
        ("torch.__version__.startswith('2.1')", "v == (2, 1)"),
        ("torch.__version__.startswith(('1.', '2.0', '2.1'))", "v < (2, 4)"),
        ("'2.1' in torch.__version__", "v == (2, 1)"),
        ("torch.__version__.split('.')[:2] >= ['2', '5']", "v >= (2, 5)"),
        ("tuple(torch.__version__.split('.')[:2]) >= ('2', '5')", "v >= (2, 5)"),
        ("torch.__version__.split('.')[1] >= '5'", "v >= (2, 5)"),
        ("int(torch.__version__[2]) >= 5", "v >= (2, 5)"),
        ("int(torch.__version__.replace('.', '')[:2]) >= 25", "v >= (2, 5)"),
        ("parse(torch.__version__).base_version >= '2.5'", "v >= (2, 5)"),
    ],
)
def test_a_comparison_that_goes_wrong_is_told_with_the_releases(see, written, meant):
    """Python itself is asked what it gives in each release."""

    def gives(expression: str, release: str) -> object:
        torch = SimpleNamespace(__version__=newest(release))
        return eval(expression, {"torch": torch, "parse": Version, "v": Version(release).release})

    wrong = [one for one in RELEASES if gives(written, one) != gives(meant, one)]
    assert wrong[-1] == "2.15"
    [found] = see(f"NEW = {written}").comparisons
    assert list(found.releases) == wrong
    assert found.gives == gives(written, "2.15")
    assert (found.line, found.text) == (4, written)


@pytest.mark.parametrize("text", ["importlib.metadata.version('torch')", "torch.version.__version__"])
def test_a_version_that_is_only_text_compares_as_text(see, text):
    assert [one.releases for one in see(f"{text} >= '2.5'").comparisons] == [("2.10", "2.15")]


@pytest.mark.parametrize(
    "written",
    [
        "torch.__version__ >= '2.5'",  # compares with text as versions do
        "torch.__version__ >= (2, 5)",
        "Version(torch.__version__) >= Version('2.5')",
        "LooseVersion(torch.__version__) >= '2.5'",
        "tuple(int(one) for one in torch.__version__.split('.')[:2]) >= (2, 5)",
        "tuple(map(int, torch.__version__.split('.')[:2])) >= (2, 5)",
        "int(torch.__version__.split('.')[1]) >= 5",
        "int(torch.__version__.split('.')[2]) >= 1",  # of the patch: it goes up and down
        "torch.__version__.startswith('2.1.')",
        "torch.__version__.startswith('2')",
        "torch.__version__.split('+')[0] == '2.0.1'",
        "torch.__version__.split('+')[0] in ('2.1.2', '2.9.1')",
        "str(torch.__version__) >= '1.9'",  # right by luck
        "float(torch.__version__[:3]) > 1.8",
        "other.__version__[:3] >= '2.5'",
        "x > 2.5",
        "'+cu' in torch.__version__",
    ],
)
def test_a_comparison_that_is_right_is_not_told(see, written):
    assert see(f"from distutils.version import LooseVersion\nNEW = {written}").comparisons == []


def test_a_comparison_in_a_helper_is_told_there_and_once(see):
    found = see("""
        def at_least(wanted):
            here = torch.__version__.split("+")[0]
            return here >= wanted

        if at_least("2.4"):
            pass
        if at_least("2.5"):
            pass
        if at_least("1.9"):
            pass
    """)
    [one] = found.comparisons
    assert (one.line, one.text, one.releases) == (7, "here >= wanted", ("2.10", "2.15"))


def test_parts_of_a_version_that_are_taken_apart(see):
    code = "major, minor = torch.__version__.split('.')[:2]\n"
    assert see(code + "(int(major), int(minor)) >= (2, 5)").comparisons == []
    assert len(see(code + "minor >= '5'").comparisons) == 1
    assert len(see(code + "float(f'{major}.{minor}') >= 2.5").comparisons) == 1


def test_what_stands_behind_it_is_reached_as_python_reaches_it(see):
    found = see("if str(torch.__version__) >= '2.5':\n    torch.later()")
    [use] = [one for one in found.certain if one.name == "torch.later"]
    assert use.releases == {"2.5", "2.9"}
