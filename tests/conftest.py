"""What the tests of the harness share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from _pytest.pytester import SysModulesSnapshot

from tests.project import Project


@pytest.fixture(scope="session", autouse=True)
def _forget_only_suites() -> Iterator[None]:
    """pytester forgets every module first imported inside it, and torch's extensions die of a second import."""
    theirs = ("suites", "conftest", "test_", "tests.test_")

    def take(self: pytest.Pytester) -> SysModulesSnapshot:
        return SysModulesSnapshot(preserve=lambda name: not name.startswith(theirs))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pytest.Pytester, "_Pytester__take_sys_modules_snapshot", take)
        yield


@pytest.fixture
def project(pytester: pytest.Pytester) -> Project:
    """A tiny project of facts."""
    return Project(pytester)


@pytest.fixture
def judged(project: Project) -> Callable[..., str]:
    """`judged(source)` runs the one fact of `source` and returns its verdict."""

    def run(source: str, *options: object) -> str:
        project.suite(source)
        project.run(*options)
        [verdict] = project.verdicts().values()
        return verdict

    return run
