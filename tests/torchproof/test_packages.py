"""Requirements of facts: what is meant, what is here, and how it is installed."""

from __future__ import annotations

import importlib.metadata

import pytest

from torchproof import packages

TORCH = "2.10.0"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """`site("ray", "2.5", requires=[...], brings="ray")` installs a package of these names and this version."""
    packages._brought.cache_clear()
    monkeypatch.syspath_prepend(tmp_path)

    def install(name, version, requires=(), brings=None):
        told = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        told.mkdir()
        lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {one}" for one in requires)]
        (told / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines, "", ""]))
        (told / "top_level.txt").write_text(brings or name)
        (tmp_path / f"{brings or name}.py").touch()
        importlib.invalidate_caches()

    yield install
    packages._brought.cache_clear()
    packages.lacking.cache_clear()
    packages.modules.cache_clear()


@pytest.mark.parametrize("said", ["timm", "transformers>=4.46", "ray[tune]>=2,<3", "hydra-core"])
def test_what_pip_takes_is_a_requirement(said):
    assert packages.problem(said) is None


@pytest.mark.parametrize(
    "said", ["", "timm >= new", "two words", "a @ https://example.org/a.whl", "a; sys_platform == 'x'"]
)
def test_what_says_no_versions_is_none(said):
    assert packages.problem(said) == f"requires={said!r} is not a package such as 'timm' or 'transformers>=4.46'"


def test_a_package_that_is_here_lacks_nothing(site):
    site("odd-name", "4.46.1", brings="oddly")
    assert packages.lacking("odd-name>=4.46", TORCH) is None
    assert packages.lacking("oddly>=4.46,<5", TORCH) is None  # by what it is imported as
    assert (packages.modules("odd-name"), packages.version_of("oddly")) == (["oddly"], "4.46.1")


@pytest.mark.parametrize(
    ("said", "lacks"),
    [
        ("no_such_package", "no_such_package is not installed: pip install no_such_package"),
        ("no-such>=2,<3", "no-such is not installed: pip install 'no-such>=2,<3'"),
        ("oddly>=5", "oddly is 4.46.1 here: pip install 'oddly>=5'"),
        ("oddly[tune]", "no-such is not installed: pip install 'oddly[tune]'"),
    ],
)
def test_what_lacks_is_told_with_what_installs_it(site, said, lacks):
    site("oddly", "4.46.1", requires=["packaging", "packaging; extra == 'tune'", "no-such>=1; extra == 'tune'"])
    assert packages.lacking(said, TORCH) == lacks


def test_a_package_of_no_known_version_is_no_version(tmp_path, monkeypatch):
    (tmp_path / "nameless.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert packages.lacking("nameless", TORCH) is None
    assert packages.lacking("nameless>=1", TORCH) == "nameless is of no known version here: pip install 'nameless>=1'"


def test_versions_are_told_by_the_names_that_facts_use(site):
    site("odd-name", "4.46.1", brings="oddly")
    told = packages.versions_of(["oddly>=4", "no_such_package", "packaging"])
    assert told == {"oddly": "4.46.1", "packaging": importlib.metadata.version("packaging")}
