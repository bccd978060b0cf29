"""Asks the torch of this interpreter what one call gives, in one line: `python reports/outcomes/here.py CODE GIVEN`."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))


def main(code: str, given: str) -> None:
    """Print it; nothing where there is no torch."""
    if not find_spec("torch"):
        return
    import torch

    from torchproof.reports.outcomes.ask import answers
    from torchproof.reports.outcomes.questions import Question

    for _, line in answers([Question(code, given)]):
        text, _, warnings = line.partition("\t")
        print(f"torch {torch.__version__} here: {text}{f', and warns: {warnings}' if warnings else ''}")


if __name__ == "__main__":
    main(*sys.argv[1:])
