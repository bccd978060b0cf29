"""Words of torch without markup and gaps."""

import pytest

from tests.reports.releases.test_diff import inventory
from torchproof.prose import alike, prose


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Use :func:`torch.outer` instead.", "Use `torch.outer` instead."),
        ("see :meth:`~torch.Tensor.view`, :py:class:`!A`", "see `torch.Tensor.view`, `A`"),
        ("in favor of :ref:`torchrun <launcher-api>`.", "in favor of `torchrun`."),
        ("``f(x)`` is **removed in 0.17**.", "`f(x)` is removed in 0.17."),
        (".. deprecated:: use `g`", "use `g`"),
        ("replaced by :attr:…", "replaced by"),
        ("as *args or **kwargs", "as *args or **kwargs"),
        ("Old. `{old_name}` is deprecated. Use `f`.", "Old. Use `f`."),
        ("{'{} is deprecated'.format(name)}", ""),
        ("use %s", ""),
        ("at 50% of it", "at 50% of it"),
    ],
)
def test_markup_goes_and_so_does_a_sentence_with_a_gap(written, plain):
    assert prose(written) == plain


def test_quotes_and_spaces_make_no_other_words():
    assert alike("`f` is old.Use 'g'") == alike("f is old. use g")
    assert alike(None) == ""


def test_where_a_warning_says_nothing_the_words_of_deprecation_stand():
    names = inventory("torch.f | function ; () ; !use :func:`g` ; %UserWarning: {old} is old | function ; () ; !{x}")
    alone = inventory("torch.f | function ; () ; %UserWarning: {old} is old | .")
    assert alone.find("torch.f", "2.0").warns == "UserWarning: it is deprecated"
    assert names.find("torch.f", "2.0").warns == "UserWarning: use `g`"
    assert names.find("torch.f", "2.1").deprecated == "it is deprecated"
