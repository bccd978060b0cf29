"""How many popular packages use each public name of torch: `popularity.tsv` has it, and is made here from their wheels.

The wheels are read by the same static scan that `floor` uses; nothing of them is run. A name counts once a package,
however often it is used there: as it is written, as what that is another spelling of, and as the class that it is a
member of. Where the scan does not know what a method is called on, the method counts as one of `torch.Tensor` only if
it can hardly be anything else: if no built-in type, no file, path, pattern or logger, no array of NumPy, no other class
of torch and no function of any of the packages has a method, or is called, the same.
"""

from __future__ import annotations

import argparse
import io
import logging
import re
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

import numpy

from torchproof.inventory import Inventory, inventory
from torchproof.reports import Refusal
from torchproof.reports.code.catalog import Catalog
from torchproof.reports.code.files import opened
from torchproof.reports.code.uses import Walk
from torchproof.reports.releases.usage import FILE

HELP = "Count how many packages use each public name of torch."

_OTHERS = (str, bytes, list, dict, set, int, float, complex, io.TextIOWrapper, io.BufferedReader, Path, re.Pattern,
           re.Match, logging.Logger, numpy.ndarray)  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of which packages, and where to."""
    parser.add_argument("wheels", nargs="+", type=Path, metavar="WHEEL", help="a package, as `pip download` gives it")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", default=FILE, help=f"the file to write (default: {FILE.name})"
    )


def command(options: argparse.Namespace) -> int:
    """Count, and write the file."""
    for wheel in options.wheels:
        if not (wheel.is_file() and zipfile.is_zipfile(wheel)):
            raise Refusal(f"{wheel} is no wheel")
    options.output.write_text(text(options.wheels, inventory()), encoding="utf-8")
    print(f"{len(options.wheels)} packages: {options.output}")
    return 0


def text(wheels: Iterable[Path], known: Inventory) -> str:
    """The text of the data file: the packages as comments, then a name with its number of packages a line."""
    wheels = sorted(wheels, key=lambda wheel: wheel.name.lower())
    catalog = _Widely(known, {name for wheel in wheels for name in _defined(wheel)})
    counts = Counter(name for wheel in wheels for name in used(wheel, catalog))
    lines = [
        "# How many of these packages use each public name of torch: python -m torchproof popularity WHEEL ...",
        *(f"# {' '.join(wheel.name.split('-')[:2])}" for wheel in wheels),
        *(f"{name}\t{packages}" for name, packages in sorted(counts.items(), key=lambda row: (-row[1], row[0]))),
    ]
    return "\n".join(lines) + "\n"


def used(wheel: Path, catalog: Catalog) -> set[str]:
    """The names of the newest release that a package uses."""
    public = catalog.inventory.public(catalog.releases[-1])
    with opened([wheel]) as code:
        written = {use.name for use, _ in Walk(catalog, code).uses()}
    for line in code.unread:
        print(f"{wheel.name}: not read: {line}", file=sys.stderr)
    return {name for one in written for name in _names(one, catalog) if name in public}


class _Widely(Catalog):
    """A catalog by which a method called on something unknown may be any of a tensor's, not only one that changed."""

    def __init__(self, known: Inventory, defined: set[str]) -> None:
        super().__init__(known)
        self._defined = defined

    @cached_property
    def telling(self) -> dict[str, list[str]]:
        """The methods that only tensors have."""
        public = self.inventory.public(self.releases[-1])
        others = set(self._defined).union(*map(dir, _OTHERS))
        for name in public:
            owner, _, member = name.rpartition(".")
            above = public.get(owner)
            if owner != "torch.Tensor" and above and above.kind == "class" and "torch.Tensor" not in above.bases:
                others.add(member)
        methods = [name for name in public if name.startswith("torch.Tensor.") and public[name].kind == "method"]
        return {member: [name] for name in methods if (member := name.rpartition(".")[2]) not in others}


def _defined(wheel: Path) -> Iterator[str]:
    """The names of all functions and methods that a package defines."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".py"):
                yield from re.findall(r"\bdef (\w+)", archive.read(name).decode(errors="replace"))


def _names(name: str, catalog: Catalog) -> Iterator[str]:
    """A name as written, the name of what it gives, and the classes that these are members of."""
    found = catalog.inventory.find(name, catalog.releases[-1])
    for one in {name, found.name if found else name}:
        yield one
        owner = one.rpartition(".")[0]
        if catalog.kind(owner) == "class":
            yield owner
