"""The fact: one sentence about PyTorch, the releases in which it holds, its id and its page.

Needs neither pytest nor torch. What declares a test to be one is in `torchproof.fixtures.fact`, and what collects and
judges it among the plugins there.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from torchproof import IS_INSTALLED, ROOT, data, inventory, releases

Bound = str | dict[str, str] | None


@dataclass(frozen=True)
class Fact:
    """What the decorator says of a fact. The claim itself is the docstring's first line."""

    subjects: tuple[str, ...]
    since: Bound = None
    until: Bound = None
    requires: tuple[str, ...] = ()
    source: str | None = None
    myth: str | None = None
    claims: tuple[str, ...] = ()
    hint: str | None = None
    refuter: Callable[[Any], object] | None = None
    unproven: str | None = None
    where: tuple[str, ...] = ()
    calls: str | None = None
    gain: bool = False

    def range_on(self, device: str) -> tuple[str, str | None]:
        """The first release in which the claim holds on `device`, and the first in which it no longer does, if any."""
        return bound_on(self.since, device) or inventory.first_with(self.subjects), bound_on(self.until, device)

    def holds_in(self, version: str, device: str) -> bool:
        """Whether `version` of torch is inside the range on `device`."""
        since, until = self.range_on(device)
        here = releases.number(version)
        return releases.number(since) <= here and (until is None or here < releases.number(until))


def bound_on(bound: Bound, device: str) -> str | None:
    """A bound of a range, which may differ by device."""
    return bound.get(device) if isinstance(bound, dict) else bound


def claim_of(test: Callable[..., Any]) -> str:
    """The claim of a fact: the first line of its docstring."""
    return (inspect.getdoc(test) or "").partition("\n")[0].strip()


_ROUND = re.compile(r"(?:\[|(-))round (\d+)\]$")  # of a run that is repeated: the last parameter


@lru_cache(1_000)  # asked for a dozen times while a fact runs
def id_of(nodeid: str) -> str:
    """A fact's stable name from its pytest node id.

    `suites/views/test_view.py::test_shares_memory[cpu]` is `views.view.shares_memory[cpu]`. Of a benchmark
    `suites/views/bench_view.py::bench_of_a_matrix` it is `views.view.of_a_matrix`.
    """
    path, _, test = without_round(nodeid).partition("::")
    name, bracket, parameters = test.partition("[")
    *folders, file = path.rpartition("suites/")[2].removesuffix(".py").split("/")
    own = (re.sub("^(test|bench)_", "", part) for part in (file, *name.split("::")))
    return ".".join([*folders, *own]) + bracket + parameters


def id_of_round(number: int) -> str:
    """What says in a node id in which round of a repeated run it runs."""
    return f"round {number}"


def of_any_round(prefix: str) -> tuple[str, ...]:
    """How the node ids begin of what begins so where the run is not repeated."""
    whole = without_round(prefix)
    return (whole, f"{whole[:-1]}-round ") if whole.endswith("]") else (whole,)


def round_of(nodeid: str) -> int:
    """In which round of a repeated run a test of this node id runs."""
    found = _ROUND.search(nodeid)
    return int(found[2]) if found else 1


def without_round(nodeid: str) -> str:
    """The node id as it is where the run is not repeated."""
    return _ROUND.sub(lambda found: "]" if found[1] else "", nodeid)


def test_of(identity: str) -> str:
    """An id without parameters: that of the test which is written once."""
    return identity.partition("[")[0]


def files_of(identity: str) -> Iterator[str]:
    """The files, from the root, in which a fact of this id may stand: of our suites, then of somebody's own."""
    parts = test_of(identity).split(".")
    for own in (1, 2):  # the function, or a class before it too
        for top in ("suites/", "") if len(parts) > own else ():
            yield top + "/".join([*parts[: -own - 1], f"test_{parts[-own - 1]}.py"])


def command_of(root: Path) -> str:
    """What runs facts that stand below `root`, with `--fact` and an id behind it."""
    if root != ROOT:
        return "pytest -p torchproof.plugins"
    return "torchproof run" if IS_INSTALLED else "pytest"


def what_goes_on(root: Path, record: Path) -> str:
    """What goes on with the record of a run that was begun in `root`, in words."""
    return f"{command_of(root)} --resume={record} goes on"


@cache
def renamed() -> dict[str, str]:
    """The ids that facts had, without parameters, with those that they have: the rows of `suites/renamed.tsv`."""
    rows = (ROOT / "suites" / "renamed.tsv").read_text(encoding="utf-8").splitlines()
    return dict(row.split("\t") for row in rows if row and not row.startswith("#"))


def id_now(identity: str) -> str:
    """The id of a fact that had this one, in a record, a list or a link of before; the same where it has it still."""
    name, bracket, parameters = identity.partition("[")
    return renamed().get(name, name) + bracket + parameters


# --- the documentation ------------------------------------------------------------------------------------------------

# Where the documentation gives a whole page to several names, rather than one page to each.
_PAGES = {
    "torch.utils.data": "data",
    "torch.utils.checkpoint": "checkpoint",
    "torch.utils.tensorboard": "tensorboard",
    "torch.utils.dlpack": "dlpack",
    "torch.distributed.algorithms.ddp_comm_hooks": "ddp_comm_hooks",
    "torch.distributed.algorithms.Join": "distributed.algorithms.join",
    "torch.distributed.autograd": "rpc",
    "torch.distributed.checkpoint": "distributed.checkpoint",
    "torch.distributed.elastic.agent": "elastic/agent",
    "torch.distributed.elastic.events": "elastic/events",
    "torch.distributed.elastic.metrics": "elastic/metrics",
    "torch.distributed.elastic.multiprocessing.errors": "elastic/errors",
    "torch.distributed.elastic.multiprocessing": "elastic/multiprocessing",
    "torch.distributed.elastic.rendezvous": "elastic/rendezvous",
    "torch.distributed.elastic.timer": "elastic/timer",
    "torch.distributed.fsdp.fully_shard": "distributed.fsdp.fully_shard",
    "torch.distributed.fsdp.FSDPModule": "distributed.fsdp.fully_shard",
    "torch.distributed.fsdp.MixedPrecisionPolicy": "distributed.fsdp.fully_shard",
    "torch.distributed.fsdp": "fsdp",
    "torch.distributed.optim": "distributed.optim",
    "torch.distributed.pipelining": "distributed.pipelining",
    "torch.distributed.rpc": "rpc",
    "torch.distributed.run": "elastic/run",
    "torch.distributed.tensor.parallel": "distributed.tensor.parallel",
    "torch.distributed.tensor": "distributed.tensor",
    "torch.distributed.": "distributed",
    "torch.distributions": "distributions",
    "torch.backends": "backends",
    "torch.testing": "testing",
    "torch.hub": "hub",
    "torch.amp": "amp",
    "torch.nn.init": "nn.init",
    "torch.channels_last": "tensor_attributes",
    "torch.__version__": "torch",
}


def link(fact: Fact, version: str, identity: str = "") -> str | None:
    """The page of that version's documentation that says what the fact says; None of what is not torch's.

    Of several subjects it is that of the one which the parameters of an `identity` name, else of the first.
    """
    base = "https://docs.pytorch.org/docs/" + ".".join(map(str, releases.number(version)[:2]))
    if fact.source:
        return fact.source if "://" in fact.source else f"{base}/{fact.source}.html"
    subject = _named(fact.subjects, identity)
    if not inventory.is_of_torch(subject):
        return None
    if subject.startswith("torchvision."):
        return _page_of_torchvision(subject, version)
    for prefix, page in _PAGES.items():
        if subject.startswith(prefix):
            return f"{base}/{page}.html#{subject}"
    owner = subject.rpartition(".")[0]
    if owner.rpartition(".")[2][:1].isupper() and owner not in ("torch.Tensor", "torch.optim.Optimizer"):
        return f"{base}/generated/{owner}.html#{subject}"
    return f"{base}/generated/{subject}.html"


def _named(subjects: tuple[str, ...], identity: str) -> str:
    parameters = {*identity.partition("[")[2].removesuffix("]").split("-")}
    spelt = ({subject, subject.removeprefix("torch."), subject.rpartition(".")[2]} for subject in subjects)
    return next((subject for subject, names in zip(subjects, spelt) if names & parameters), subjects[0])


# Where torchvision's documentation has the pages of these in a folder of their own.
_FOLDERS = {"torchvision.models.": "models/generated", "": "generated"}


def _page_of_torchvision(subject: str, version: str) -> str:
    """Of the torchvision that goes with this version of torch; of the stable one where none is known."""
    release = releases.of(version)
    folder = next(folder for prefix, folder in _FOLDERS.items() if subject.startswith(prefix))
    edition = release.goes_with("torchvision") if release else "stable"
    return f"https://docs.pytorch.org/vision/{edition}/{folder}/{subject}.html"


# --- where torch is known to disagree with it -------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """A known disagreement of torch with its documentation, on the releases from `since` to before `until`.

    `fact` is an id with its parameters or without, in which `*` stands for anything. `where` is a condition as a fact
    declares it: elsewhere torch agrees.
    """

    fact: str
    says: str
    link: str
    review: date
    since: data.Version
    until: data.Version | None = None
    where: str | None = None

    def is_about(self, identity: str) -> bool:
        """Whether it is about the fact of this id."""
        return is_meant(self.fact, identity)

    def is_of(self, version: str) -> bool:
        """Whether it is about this version."""
        here = releases.number(version)
        return releases.number(self.since) <= here and (self.until is None or here < releases.number(self.until))


def is_meant(pattern: str, identity: str) -> bool:
    """Whether an id, with its parameters or without, in which `*` stands for anything, means the fact of this id."""
    return any(map(_pattern(pattern).fullmatch, (identity, test_of(identity))))


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(id_now(text)).replace(r"\*", ".*"))


@cache
def findings(file: Path) -> tuple[Finding, ...]:
    """The findings of `findings.toml` beside some suites; none where there is no such file."""
    if not file.exists():
        return ()
    return tuple(data.rows(file, "finding", Finding))
