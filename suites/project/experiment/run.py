"""`python -m torchproof.suites.project.experiment.run --folder runs/1 optimizer.args.lr=0.5`: trains, and tells how."""

import argparse
import sys
from pathlib import Path

from torchproof.suites.project.experiment.config import configured
from torchproof.suites.project.experiment.trainer import Trainer


def main(arguments=None):
    """Run the experiment of a config and of the changes that the command line makes."""
    parser = argparse.ArgumentParser(description="Train what a config describes.")
    parser.add_argument("changes", nargs="*", metavar="KEY=VALUE", help="such as optimizer.args.lr=0.5")
    parser.add_argument("--config", type=Path, help="a file of JSON, over the default")
    parser.add_argument("--folder", type=Path, default=Path("runs"), help="where the log and checkpoints are")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint there")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(configured(*options.changes, file=options.config), options.folder)
    if options.resume:
        trainer.resume(options.folder / "last.pt")
    return trainer.run()


if __name__ == "__main__":
    try:
        for row in main().log.rows:
            print(row)
    except (OSError, RuntimeError, TypeError, ValueError) as error:  # which say what is wrong with a config
        sys.exit(f"{type(error).__name__}: {error}")
