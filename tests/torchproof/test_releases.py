"""The list of supported releases."""

from __future__ import annotations

import pytest

from torchproof import releases


def test_releases_stand_oldest_first():
    names = list(releases.supported())
    assert names == sorted(names, key=releases.number)
    assert names[0] == "2.0"


@pytest.mark.parametrize(
    ("version", "number"),
    [
        ("2.6", (2, 6, 0)),
        ("2.10.0+cu128", (2, 10, 0)),
        ("2.16.0.dev20261101", (2, 16, 0)),
        ("2.6.0a0+df5bbc0", (2, 6, 0)),
    ],
)
def test_versions_compare_by_their_release(version, number):
    assert releases.number(version) == number


def test_what_is_no_version_is_refused():
    with pytest.raises(ValueError, match="'two' is not a version"):
        releases.number("two")


@pytest.mark.parametrize(
    ("package", "version", "said"),
    [
        ("torchvision", "2.10.0+cu128", "torchvision==0.25.*"),
        ("timm", "2.10.0", "timm"),
        ("torchvision", "9.9", "torchvision"),
    ],
)
def test_a_package_that_goes_with_one_release_alone_is_named_with_its_own(package, version, said):
    assert releases.paired(package, version) == said


@pytest.mark.parametrize(
    ("version", "known"),
    [
        ("2.6.0", True),
        ("2.6.0+debian", True),
        ("2.6.1+vendor.3", True),
        ("2.6.0rc4", False),
        ("2.6.0.dev20250101+cpu", False),
        ("2.6.0a0+git1234", False),
        ("9.9.0", False),
        ("no version", False),
    ],
)
def test_whether_facts_were_tried_on_a_release(version, known):
    assert releases.is_known(version) is known
