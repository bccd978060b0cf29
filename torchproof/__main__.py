"""The `torchproof` command, wherever it is installed.

The wheel carries the project's folders as data under `tree`. They go on the path of this process alone, and first:
nobody else sees them, and a `fixtures` or `suites` of one's own is not taken for ours.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Hand over to the commands; without a tree this is a checkout, and its root is the tree."""
    tree = HERE / "tree"
    sys.path.insert(0, str(tree if tree.is_dir() else HERE.parent))
    from reports.__main__ import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
