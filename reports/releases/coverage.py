"""Which documented names of torch have a fact, weighed by how many popular packages use them.

Wanted is a name that the newest release, or the torchvision that goes with it, has in one of the namespaces below,
without a leading underscore, where it is a function, a method, a property or a class (not a module, a dtype or another
constant), and where torch tells what it takes: in Python or in its docstring, rather than only in the schema of an
operator. That stands for 'documented', as far as the inventory can tell. What one of the counted packages uses is
wanted even where torch does not tell. A class is wanted only under its own name, a function also under the name by
which another of the namespaces gives it again.
`suites/uncovered.toml` leaves names out, with the reason.

A name has a fact if it, another spelling of it or, of a class, one of its members is the subject of one. `torch.add`,
`torch.Tensor.add` and `a + b` are spellings of one operation, as for `--refute`; the in-place form is another.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from torchproof import ROOT, data, spellings
from torchproof.data import Damaged
from torchproof.inventory import Entry, Inventory, inventory
from torchproof.reports import Refusal, screen
from torchproof.reports.releases import usage

HELP = "Tell which documented names of torch have a fact, and which do not, most used first."

_DISTRIBUTED = (
    "algorithms", "algorithms.ddp_comm_hooks", "algorithms.ddp_comm_hooks.ddp_zero_hook",
    "algorithms.ddp_comm_hooks.debugging_hooks", "algorithms.ddp_comm_hooks.default_hooks",
    "algorithms.ddp_comm_hooks.post_localSGD_hook", "algorithms.ddp_comm_hooks.powerSGD_hook",
    "algorithms.ddp_comm_hooks.quantization_hooks", "algorithms.model_averaging.averagers",
    "algorithms.model_averaging.hierarchical_model_averager", "algorithms.model_averaging.utils", "autograd",
    "checkpoint", "checkpoint.default_planner", "checkpoint.filesystem", "checkpoint.format_utils",
    "checkpoint.metadata", "checkpoint.planner", "checkpoint.staging", "checkpoint.state_dict",
    "checkpoint.state_dict_saver", "checkpoint.stateful", "checkpoint.storage", "device_mesh", "elastic.agent.server",
    "elastic.events", "elastic.metrics", "elastic.multiprocessing", "elastic.multiprocessing.errors",
    "elastic.rendezvous", "elastic.timer", "fsdp", "fsdp.sharded_grad_scaler", "fsdp.wrap", "launcher", "nn", "optim",
    "pipelining", "pipelining.microbatch", "pipelining.schedules", "pipelining.stage", "rpc", "rpc.functions", "run",
    "tensor", "tensor.debug", "tensor.experimental", "tensor.parallel",
)  # fmt: skip
NAMESPACES = (
    "torch", "torch.Tensor", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.nn.utils", "torch.optim",
    "torch.optim.lr_scheduler", "torch.autograd", "torch.func", "torch.linalg", "torch.fft", "torch.special",
    "torch.sparse", "torch.amp", "torch.random", "torch.utils.data", "torch.utils.checkpoint", "torch.optim.swa_utils",
    "torchvision.models", "torchvision.ops", "torchvision.transforms", "torchvision.transforms.v2",
    "torch.nn.parallel", "torch.distributed", *(f"torch.distributed.{part}" for part in _DISTRIBUTED),
)  # fmt: skip
_SPREAD = (  # over ranks: a model, its batches and its checkpoints
    "torch.distributed", "torch.nn.parallel", "torch.distributed.fsdp", "torch.distributed.tensor",
    "torch.distributed.checkpoint", "torch.distributed.pipelining",
)  # fmt: skip
_PACKAGES = ("torch", "torchvision")  # that they are of
UNCOVERED = ROOT / "suites" / "uncovered.toml"
_MOST_USED = 300
_SHOWN = 50  # names without a fact
_LOSS = re.compile(r"torch\.nn\.(functional\.)?\w*(Loss|_loss|cross_entropy(_with_logits)?|kl_div)")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of which facts, and how much of the list."""
    parser.add_argument("facts", type=Path, metavar="FACTS", help="what pytest --facts-json FACTS has written")
    parser.add_argument("--all", action="store_true", help=f"list every name without a fact, not {_SHOWN}")


def command(options: argparse.Namespace) -> int:
    """Print what is covered: a figure, which nothing fails for."""
    coverage = Coverage(inventory(), subjects(options.facts), usage.read(), left_out())
    show(coverage, len(coverage.missing) if options.all else _SHOWN, screen.console())
    return 0


def subjects(path: Path) -> set[str]:
    """The subjects of all facts of a file. Raises Refusal where it is no such file, and Damaged where it is none."""
    text = data.read_bytes(path)
    try:
        return {name for fact in data.made(list[About], data.parsed(text), "facts") for name in fact.subjects}
    except Damaged as error:
        raise Refusal(f"{path} is no file that pytest --facts-json has written: {error.where}") from error


@dataclass(frozen=True)
class About:
    """What of a fact is read."""

    subjects: list[str]


def left_out(path: Path = UNCOVERED) -> dict[str, str]:
    """By name, why it wants no fact."""
    return {name: row.because for row in data.rows(path, "uncovered", LeftOut) for name in row.names}


@dataclass(frozen=True)
class LeftOut:
    """Names that want no fact, and why."""

    names: list[str]
    because: str


@dataclass(frozen=True)
class Goal:
    """A share of some names that is to have a fact."""

    of: str
    least: float
    names: int
    missing: tuple[str, ...]

    @property
    def share(self) -> float:
        """The share that has one."""
        return 1 - len(self.missing) / self.names if self.names else 1.0

    @property
    def lacking(self) -> int:
        """How many names more are to have a fact: 0 where the goal is reached."""
        return max(len(self.missing) - int((1 - self.least) * self.names + 1e-9), 0)


class Coverage:
    """The names that want a fact, and those that have one: `used` has, by name, how many packages use it."""

    def __init__(
        self, known: Inventory, subjects: Iterable[str], used: dict[str, int], left_out: dict[str, str]
    ) -> None:
        self.used, self.left_out = used, left_out
        self._public = {
            name: entry for package in _PACKAGES for name, entry in known.public(known.releases[-1], package).items()
        }
        self._said = {one for name in subjects for one in (self._operation(name), self._itself(_owner(name)))}

    @cached_property
    def names(self) -> list[str]:
        """What wants a fact, most used first."""
        wanted = [name for name in self._public if self._is_wanted(name) and name not in self.left_out]
        return sorted(wanted, key=lambda name: (-self.used.get(name, 0), name))

    @cached_property
    def missing(self) -> list[str]:
        """Of those, what has none."""
        return [name for name in self.names if not self.has_fact(name)]

    @property
    def idle(self) -> list[str]:
        """Names left out that would want none anyway, or have one now."""
        return sorted(name for name in self.left_out if not self._is_wanted(name) or self.has_fact(name))

    def has_fact(self, name: str) -> bool:
        """Whether a fact is about a name, or about another spelling or a member of it."""
        return self._operation(name) in self._said

    def goal(self, of: str, least: float, names: Iterable[str]) -> Goal:
        """What is to be reached of some of the names."""
        names = list(names)
        return Goal(of, least, len(names), tuple(name for name in names if not self.has_fact(name)))

    @property
    def goals(self) -> list[Goal]:
        """What the project wants to reach: most where most is used, and all of what people train with."""
        used = [name for name in self.names if name in self.used]
        least = min((self.used[name] for name in used[:_MOST_USED]), default=0)
        return [
            self.goal(  # with those that are used as much as the last of them
                f"the {_MOST_USED} most used names", 1.0, (name for name in used if self.used[name] >= least)
            ),
            self.goal("names that packages use", 0.9, used),
            self.goal("the other names", 0.8, (name for name in self.names if name not in self.used)),
            *(self.goal(space, 1.0, self.of(space)) for space in ("torch.optim", "torch.optim.lr_scheduler")),
            self.goal("layers", 1.0, (name for name in self.of("torch.nn") if self._public[name].kind == "class")),
            self.goal("losses", 1.0, filter(_LOSS.fullmatch, self.names)),
            *(self.goal(space, 1.0, self.of(space)) for space in ("torch.sparse", "torch.utils.data")),
            *(self.goal(space, 1.0, self.of(space)) for space in _SPREAD),
        ]

    def of(self, namespace: str) -> list[str]:
        """The names of one namespace."""
        return [name for name in self.names if _owner(name) == namespace]

    def _is_wanted(self, name: str) -> bool:
        own = self._public.get(self._itself(name))
        if own is None or {_owner(name), _owner(own.name)} - {*NAMESPACES} or name.rpartition(".")[2][0] == "_":
            return False
        if own.kind not in ("function", "method", "property", "class") or (own.kind == "class" and own.name != name):
            return False
        return own.kind == "property" or name in self.used or _tells(own)

    def _itself(self, name: str) -> str:
        """The name of what a name gives."""
        entry = self._public.get(name)
        return entry.alias or name if entry else name

    def _operation(self, name: str) -> str:
        """One name for all spellings of what a name gives."""
        name = self._itself(name)
        is_property = name in self._public and self._public[name].kind == "property"
        return name if is_property else spellings.operation(name)


def _owner(name: str) -> str:
    return name.rpartition(".")[0]


def _tells(entry: Entry) -> bool:
    """Whether torch tells what it takes, other than in a schema."""
    return any(one.source != "op" for one in entry.signatures)


def table(coverage: Coverage) -> Table:
    """A row a namespace."""
    rows = Table("namespace", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for column in ("names", "with a fact", "share"):
        rows.add_column(column, justify="right")
    for goal in [*(coverage.goal(one, 1.0, coverage.of(one)) for one in NAMESPACES),
                 coverage.goal("all", 1.0, coverage.names)]:  # fmt: skip
        rows.add_row(goal.of, str(goal.names), str(goal.names - len(goal.missing)), f"{goal.share:.1%}")
    return rows


def show(coverage: Coverage, most: int, console: Console) -> None:
    """Print the namespaces, the goals, what has no fact up to `most` names, and what is left out for nothing."""
    console.print(table(coverage), highlight=False)
    missing = coverage.missing
    lines = [_verdict(goal) for goal in coverage.goals]
    lines += ["", f"without a fact ({len(missing)}), with the number of packages that use it:"]
    lines += [f"{coverage.used.get(name, 0):>4} {name}" for name in missing[:most]]
    if len(missing) > most:
        lines.append(f"     and {len(missing) - most} more, which --all lists")
    lines += [f"needs not be left out any more: {name}" for name in coverage.idle]
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def _verdict(goal: Goal) -> str:
    verdict = f"NOT REACHED, {goal.lacking} more are needed" if goal.lacking else "reached"
    return f"{goal.of}: {goal.share:.1%} of {goal.names}, the goal is {goal.least:.0%}: {verdict}"
