"""Which parameters releases call deprecated: asked of functions and their documentation, and told."""

import warnings

import pytest

from tests.reports.releases.test_diff import NEW, OLD, inventory
from torchproof.inventory import Inventory
from torchproof.reports.releases import withdrawn
from torchproof.reports.releases.names import changes
from torchproof.reports.releases.parameters import deprecated

MESSAGE = "The epoch parameter was not necessary and is being deprecated."


def warns(old=None, other=None, epoch=None):
    """Something.

    Args:
        other (int): Passing it twice is deprecated, it is no more.
    """
    if old is not None:
        warnings.warn(f"`old` is deprecated and will be removed in v2.10. Use other={other}.", stacklevel=2)
    if epoch:
        warnings.warn(MESSAGE, stacklevel=2)


def documents(a, b, c, d, e):
    """Something.

    Args:
        a (bool, optional): Deprecated (see :attr:`b`). By default, it
            is one.
        b (str): what it is. **Deprecated**: Use ``a`` instead.
        c (str, deprecated): what it is

            a: a list
        d: a thing

            .. deprecated:: 2.2
                d is not read.

    Returns:
        e: deprecated
    """


def values(a, b):
    """Something.

    Args:
        a (bool): whether

            .. deprecated:: 2.0
                ``a=False`` is deprecated, use ``a=True``.
        b (int): how many

            .. deprecated:: 2.1
                Passing ``b==a`` is deprecated.
    """


class Made:
    """A class.

    Args:
        a: This argument is deprecated, and there is no need to pass it.
    """

    def __init__(self, a, b):
        warnings.warn("Argument 'b' has been deprecated", stacklevel=2)


@pytest.mark.parametrize(
    ("value", "parameters", "says"),
    [
        (
            warns,
            ("old", "other", "epoch"),
            {"old": "`old` is deprecated and will be removed in v2.10. Use other={other}.", "epoch": MESSAGE},
        ),
        (
            documents,
            "abcde",
            {
                "a": "Deprecated (see :attr:`b`).",
                "b": "**Deprecated**: Use ``a`` instead.",
                "c": "it is deprecated",
                "d": "since 2.2: d is not read.",
            },
        ),
        (values, "ab", {}),
        (Made, "ab", {"a": "This argument is deprecated, and there is no need to pass it.",
                      "b": "Argument 'b' has been deprecated"}),
    ],
)  # fmt: skip
def test_what_warns_or_is_documented_is_deprecated(value, parameters, says):
    assert deprecated(value, parameters) == says


@pytest.fixture
def table(monkeypatch):
    known = Inventory(
        "torchproof inventory 2\nreleases 2.0 2.1\ntorch.f\n\ta\t2.1-\t``a`` will go\n\tb\t2.0-2.1\tit is deprecated\n"
    )
    monkeypatch.setattr(withdrawn, "_file", lambda: known)
    monkeypatch.setattr("torchproof.reports.releases.names._ASKED_FURTHER", {"torch.f"})


def test_a_parameter_is_deprecated_where_the_release_begins_to_say_so(table):
    found = changes(inventory("torch.f | function ; (a, b) | ."), OLD, NEW)
    assert [(one.kind, one.parameter, one.new) for one in found] == [("deprecated", "a", "`a` will go")]


def test_a_parameter_that_is_new_or_gone_is_told_as_that(table):
    found = changes(inventory("torch.f | function ; (b) | function ; (a=1)"), OLD, NEW)
    assert "deprecated" not in {one.kind for one in found}


def test_a_default_that_says_so_has_the_words(table):
    (change,) = changes(inventory("torch.f | function ; (a=1) | function ; (a='deprecated')"), OLD, NEW)
    assert (change.kind, change.new) == ("deprecated", "`a` will go")


def test_the_releases_themselves_say_so():
    flex = withdrawn.parameters("torch.nn.attention.flex_attention.flex_attention", "2.15")
    assert flex["return_lse"].endswith("Please use return_aux=AuxRequest(lse=True) instead.")
    assert "verbose" in withdrawn.parameters("torch.optim.lr_scheduler.StepLR", "2.6")
    assert withdrawn.parameters("torch.optim.lr_scheduler.StepLR", "2.1") == {}
