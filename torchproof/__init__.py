"""What PyTorch's documentation promises, proven on your machine, your release and your device.

The face of the package is what anybody writes facts and benchmarks with, in a repository of their own:

    from torchproof import bench, close, fact, race, same

Its rooms are `torchproof.fixtures`, `torchproof.reports` and `torchproof.suites`. In a clone these folders stand beside
this one, and in an installed package inside of it; either way they have these names, and no others.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torchproof.fixtures.benchmarks import bench
    from torchproof.fixtures.checks import close, same
    from torchproof.fixtures.fact import fact
    from torchproof.fixtures.race import race

__version__ = "0.1.0"
__all__ = ["bench", "close", "fact", "race", "same"]

_HERE = Path(__file__).resolve().parent
IS_INSTALLED = (_HERE / "suites").is_dir()
# The folder in which fixtures, reports and suites stand.
ROOT = _HERE if IS_INSTALLED else _HERE.parent
if not IS_INSTALLED:
    __path__.append(str(ROOT))

_HOMES = {"bench": "benchmarks", "close": "checks", "fact": "fact", "race": "race", "same": "checks"}


def __getattr__(name: str) -> Any:
    """A name of the face, imported when it is asked for: most commands need neither pytest nor torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'torchproof' has no attribute {name!r}")
    return getattr(importlib.import_module(f"torchproof.fixtures.{_HOMES[name]}"), name)
