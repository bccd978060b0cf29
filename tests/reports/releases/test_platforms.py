"""What releases have wheels for: read from an index's names and what a wheel says, and what of it changes."""

import pytest
from packaging.specifiers import SpecifierSet

from torchproof.releases import supported
from torchproof.reports.releases import cuda, platforms

LISTING = """\
  Found link https://index/packages/ab/torch-2.2.2-cp312-cp312-manylinux1_x86_64.whl (from x), version
  Skipping link: none of its tags are compatible: x:/ab/torch-2.2.2-cp38-none-macosx_11_0_arm64.whl (from
  Found link https://index/packages/ab/torch-2.7.0-cp313-cp313t-manylinux_2_28_x86_64.whl#sha256=01 (from x), version
  Found link https://index/packages/ab/torch-2.7.0-3-cp313-cp313-manylinux_2_28_x86_64.whl (from x), version
  Found link https://index/packages/ab/torch-1.13.1-cp310-cp310-manylinux1_x86_64.whl (from x), version
  Found link file:///wheels/torch-2.7.0%2Bcpu-cp39-cp39-manylinux_2_28_x86_64.whl, version
"""


def test_the_wheels_are_read_from_what_pip_lists():
    assert platforms.listed(LISTING) == {
        "2.2.2": {"macosx_11_0_arm64": ["3.8"], "manylinux1_x86_64": ["3.12"]},
        "2.7.0": {"manylinux_2_28_x86_64": ["3.13", "3.13t"]},
    }


def test_the_file_is_what_is_read(tmp_path):
    built = {"2.2.2": {"cuda": "12.1", "gpus": ["5.0"], "numpy": 1, "hip": None}}
    text = platforms.text(platforms.listed(LISTING), built)
    read = platforms.releases.tomllib.loads(text)
    assert read["2.7.0"] == {"wheels": {"manylinux_2_28_x86_64": "3.13 3.13t"}}
    assert read["2.2.2"]["built"] == {"cuda": "12.1", "gpus": ["5.0"], "numpy": 1}


def test_every_release_is_there_in_its_newest_patch():
    assert {name: platforms.newest(name).version for name in supported()} == {
        name: release.torch for name, release in supported().items()
    }
    assert all(platforms.newest(name).built for name in supported())


@pytest.mark.parametrize("name", supported())
def test_an_environment_of_a_release_has_a_wheel(name):
    """The Pythons that nox and tox choose from are some of those that the release has wheels for."""
    wheels = platforms.newest(name)
    pythons = SpecifierSet(supported()[name].python)
    chosen = {f"3.{minor}" for minor in range(8, 20) if f"3.{minor}" in pythons}
    assert chosen <= set(wheels.pythons["Linux on x86_64"])


def said(old, new):
    return {change.name: change.hint for change in platforms.changes(old, new)}


def test_a_system_without_wheels_is_told_with_the_last_version_that_has_them():
    told = said("2.2", "2.3")
    assert told["macOS on Intel (x86_64)"] == "no wheels any more: the last that has them is 2.2.2"
    assert "2.2.2 were built for NumPy 1 alone" in told["NumPy on Linux"]
    assert not any(name.startswith("Python") for name in told)


def test_pythons_come_and_go():
    told = said("2.4", "2.5")
    assert told["Python 3.8"] == "no wheels any more: the last that has them is 2.4.1"
    assert told["Python 3.13"] == "has wheels since 2.5.0, for Linux on x86_64 alone"
    assert "Windows on x86_64" in said("2.5", "2.6")["Python 3.13"]


def test_a_patch_may_be_the_last_that_has_wheels():
    for old, new in (("2.11", "2.12"), ("2.12", "2.13"), ("2.9", "2.15")):
        assert said(old, new)["Python 3.13t (free-threaded)"].endswith("the last that has them is 2.12.0")
    assert "Python 3.13t (free-threaded)" not in said("2.13", "2.12")


def test_what_a_system_needs_may_be_another_thing_for_one_python():
    name = "macOS on Apple silicon (arm64)"
    assert said("2.9", "2.10")[name] == "needs macOS 14 or newer on Python 3.13t, 3.14, 3.14t (before: 11)"
    assert said("2.12", "2.13").get(name) is None


def test_generations_of_gpus_and_the_versions_of_cuda_and_the_c_library():
    told = [change.hint for change in platforms.changes("2.7", "2.8")]
    assert any("no code any more for compute capability 5.0 (Maxwell), 6.0 (Pascal)" in hint for hint in told)
    assert any("code for compute capability 10.0 (Blackwell), 12.0 (Blackwell)" in hint for hint in told)
    assert said("2.7", "2.8")["CUDA"].startswith("12.8 (before: 12.6)")
    assert said("2.6", "2.7")["Linux on x86_64"] == "needs glibc 2.28 or newer (before: 2.16)"
    assert said("2.11", "2.12")["macOS on Apple silicon (arm64)"] == "needs macOS 14 or newer (before: 11)"


def test_what_is_required_beside_it():
    assert (
        said("2.10", "2.11")["setuptools"] == 'setuptools<82 is required (before: setuptools; python_version >= "3.12")'
    )


def test_what_is_no_longer_required_is_told_too():
    assert said("2.3", "2.4")["mkl"] == "it is not required any more"
    assert said("2.4", "2.3")["mkl"].startswith("mkl<=2021.4.0")


def test_an_older_release_has_what_was_dropped_and_lacks_what_came():
    told = said("2.5", "2.4")
    assert told["Python 3.8"] == "has wheels, and 2.4.1 is the last version that has"
    assert told["Python 3.13"] == "no wheels: the first that has them is 2.5.0"


def test_nothing_is_said_of_one_release_or_of_one_that_is_not_known():
    assert platforms.changes("2.6", "2.6") == []
    assert platforms.changes("2.6", "9.9") == []


def test_the_cuda_of_a_releases_own_wheels_is_one_that_its_index_has_too():
    built = {name: platforms.newest(name).built["cuda"] for name in supported()}
    assert all(name in cuda.having(one) for name, one in built.items() if cuda.having(one))
    assert cuda.having("11.7") == ["2.0"]


def test_the_channel_of_conda_ends():
    assert cuda.having("12.4", is_conda=True) == ["2.4", "2.5"]
    assert cuda.having("12.6", is_conda=True) == cuda.having("10.2") == []
