"""What the tests of the reader of code share."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def code(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """A file of code, behind the HEAD of the module that asks for it."""

    def code(text: str) -> Path:
        path = tmp_path / "code.py"
        path.write_text(request.module.HEAD + textwrap.dedent(text), encoding="utf-8")
        return path

    return code
