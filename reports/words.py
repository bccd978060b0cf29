"""Names of torch as people write them: `nn.Linear`, `F.softmax`, `StepLR`, `linear`, `load weights_only`."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from torchproof.inventory import PACKAGES, Entry, Inventory, Parameter
from torchproof.reports import Refusal
from torchproof.reports.releases import replacements
from torchproof.spellings import operation

# What people import parts of torch as, with the places that may be meant, the likeliest first.
_IMPORTED_AS = {
    "F": ("torch.nn.functional",),
    "DDP": ("torch.nn.parallel.DistributedDataParallel",),
    "FSDP": ("torch.distributed.fsdp.FullyShardedDataParallel",),
    "DP": ("torch.nn.DataParallel",),
    "amp": ("torch.amp", "torch.cuda.amp"),
    "data": ("torch.utils.data",),
    "dcp": ("torch.distributed.checkpoint",),
    "dist": ("torch.distributed",),
    "functional": ("torch.nn.functional",),
    "init": ("torch.nn.init",),
    "lr_scheduler": ("torch.optim.lr_scheduler",),
    "mp": ("torch.multiprocessing",),
    "nn": ("torch.nn",),
    "optim": ("torch.optim",),
    "rnn": ("torch.nn.utils.rnn",),
    "th": ("torch",),
    "tnn": ("torch.nn",),
    "utils": ("torch.utils", "torch.nn.utils"),
}
# What people call a value, with the class that it is most likely of: `optimizer.step`.
_CALLED = {
    **dict.fromkeys(("x", "y", "t", "a", "tensor", "loss", "output"), "torch.Tensor"),
    **dict.fromkeys(("model", "net", "module", "layer"), "torch.nn.Module"),
    **dict.fromkeys(("optimizer", "optimiser", "opt"), "torch.optim.Optimizer"),
    **dict.fromkeys(("scheduler", "sched"), "torch.optim.lr_scheduler.LRScheduler"),
    **dict.fromkeys(("loader", "dataloader", "train_loader"), "torch.utils.data.DataLoader"),
    "scaler": "torch.amp.GradScaler",
    "ctx": "torch.autograd.function.FunctionCtx",
    "writer": "torch.utils.tensorboard.SummaryWriter",
}
# Where hardly anybody means a name that stands elsewhere too.
_SELDOM = ("torch.onnx.", "torch.ao.", "torch.nn.quantized.", "torch.testing.", "torch.quantization.",
           "torch.distributed.pipeline.", "torch.jit.", "torch.fx.", "torch.package.")  # fmt: skip
_POPULARITY = Path(__file__).parent / "releases" / "popularity.tsv"
_SHOWN = 9  # of what else may be meant
_CLEAR = 1.5  # times the weight of the next one, and a name is evidently meant


@dataclass(frozen=True)
class Understood:
    """What was written, the name that is evidently meant ('' where none is), and what else may be."""

    written: str
    name: str
    others: tuple[str, ...] = ()

    @property
    def is_as_written(self) -> bool:
        """Whether nothing had to be guessed."""
        return self.name == clean(self.written)

    def says(self) -> str:
        """How it was understood."""
        return f"{self.written} is {self.name}"

    def listed(self, names: Inventory) -> list[str]:
        """What else may be meant, a line each."""
        shown = self.others[:_SHOWN]
        width = max(map(len, shown), default=0)
        lines = [f"  {one:<{width}}  {_kind(one, names)}" for one in shown]
        more = len(self.others) - len(shown)
        head = f"also called {self.written}:" if self.name else f"{self.written} may be:"
        return [head, *lines, *([f"  and {more} more"] if more else [])]


def meant(written: str, names: Inventory) -> Understood:
    """The name that is evidently meant. Raises Refusal, with what it may be, where none is."""
    if not written.strip():
        raise Refusal("say which name, as in torch.load or nn.Linear")
    found = understood(written, names)
    if found.name:
        return found
    if found.others:
        raise Refusal("\n".join(found.listed(names)))
    if len(written.split()) > 2:
        raise Refusal(f"{written} is no name; torchproof explain takes questions")
    guess = replacements.says(clean(written))
    if not guess and (likely := near(written, names)):
        guess = f"did you mean {' or '.join(likely)}?"
    missing = f"no release of torch from {names.releases[0]} to {names.releases[-1]} has {clean(written)}"
    raise Refusal("; ".join(filter(None, (missing, guess))))


def clean(written: str) -> str:
    """A name without what people put around it: backticks, quotes, a call's parentheses; its words joined by dots."""
    bare = re.sub(r"\([^()]*\)$", "", written.strip().strip("`'\"").strip()).strip("`'\" .:")
    return ".".join(bare.split())


def is_known(name: str, names: Inventory) -> bool:
    """Whether a release has this name, or something that takes a parameter so called."""
    owner, _, last = name.rpartition(".")
    return any(entry for _, entry in names.history(name)) or bool(owner and _takes(owner, last, names))


def understood(written: str, names: Inventory) -> Understood:
    """Which name is meant; neither a name nor others where no release has anything of the kind."""
    name = clean(written)
    if not re.fullmatch(r"\w+(\.\w+)*", name):
        return Understood(written, "")
    for spelled in (name, *_spelled_out(name)):
        if is_known(spelled, names):
            return Understood(written.strip("` "), spelled)
    return _weighed(written.strip("` "), _ending(name, names) or _with_parameter(name, names), names)


def near(written: str, names: Inventory) -> list[str]:
    """Names that look like what was written: for messages."""
    name = clean(written)
    owner, _, last = name.rpartition(".")
    known = {one.name for _, entry in names.history(owner) if entry for one in _parameters(entry)} if owner else set()
    if close := difflib.get_close_matches(last, known, n=3):
        return [f"{owner}.{one}" for one in close]
    if owner and not name.startswith("torch."):
        return names.near(name)
    if elsewhere := _ranked(_ending(last, names), names):
        return [one for _, one in elsewhere[:3]]
    if owner and ((close := names.near(name)) or is_known(owner, names)):
        return close
    lasts = difflib.get_close_matches(last.lower(), _by_last(names), n=3, cutoff=0.7)
    best = [_ranked(_public(_by_last(names)[one]), names)[:1] for one in lasts]
    return [one[0][1] for one in best if one]


def _spelled_out(name: str) -> Iterator[str]:
    """The names that begin with what the first part of this one is imported as, or is called; each is only possible."""
    first, dot, rest = name.partition(".")
    yield from (f"{place}{dot}{rest}" for place in _IMPORTED_AS.get(first, ()))
    if dot:
        yield f"torch.{name}"
        if first in _CALLED:
            yield f"{_CALLED[first]}.{rest}"


def _ending(name: str, names: Inventory) -> list[str]:
    """The names that end so: as it is written where some do, else in whatever case."""
    parts = name.lower().split(".")
    ending = [one for one in _by_last(names).get(parts[-1], ()) if one.lower().split(".")[-len(parts) :] == parts]
    alike = [one for one in ending if one.endswith(f".{name}")] if name != name.lower() else []
    return _distinct(_public(alike or ending, name), names)


def _with_parameter(name: str, names: Inventory) -> list[str]:
    """What takes a parameter that is called as the last part, by all names that the part before may mean."""
    owner, _, parameter = name.rpartition(".")
    if not owner:
        return []
    owners = [one for one in _spelled_out(owner) if is_known(one, names)] or _ending(owner, names)
    return [f"{one}.{parameter}" for one in owners if _takes(one, parameter, names)]


def _takes(owner: str, parameter: str, names: Inventory) -> bool:
    return any(one.name == parameter for _, entry in names.history(owner) if entry for one in _parameters(entry))


def _parameters(entry: Entry) -> Iterable[Parameter]:
    return (*(one for signature in entry.signatures for one in signature.parameters), *entry.rest)


def _public(found: Iterable[str], name: str = "") -> list[str]:
    """Without private names, unless one is asked for."""
    found = list(found)
    if any(part.startswith("_") for part in name.split(".")):
        return found
    return [one for one in found if not any(part.startswith("_") for part in one.split("."))]


def _distinct(found: list[str], names: Inventory) -> list[str]:
    """One name of each thing: the one that is used most, then the shortest. What a base class has is meant by it."""
    groups: dict[str, list[str]] = defaultdict(list)
    bases = set()
    for name in found:
        itself = _entry(name, names)
        base = _base(itself, found, names)
        bases |= {base} - {itself.name}
        groups[operation(base)].append(name)
    order = {name: (name not in bases, -_used().get(name, 0), name.count("."), name) for name in found}
    return [min(group, key=order.__getitem__) for group in groups.values()]


def _entry(name: str, names: Inventory) -> Entry:
    """What the newest release that has it says."""
    return next((entry for _, entry in reversed(names.history(name)) if entry), Entry(name))


def _kind(name: str, names: Inventory) -> str:
    """What a name is, and since when; or that it is a parameter."""
    having = [release for release, entry in names.history(name) if entry]
    if not having:
        return "parameter"
    kind = _entry(name, names).kind or "name"
    gone = f", last in {having[-1]}" if having[-1] != names.releases[-1] else ""
    return kind + (f", since {having[0]}" if having[0] != names.releases[0] else "") + gone


def _base(entry: Entry, found: Iterable[str], names: Inventory) -> str:
    """The name by which a base class has a member, where that is among those found."""
    owner, _, member = entry.name.rpartition(".")
    for base in _entry(owner, names).bases:
        if (above := f"{base}.{member}") != entry.name and above in found:
            return _base(_entry(above, names), found, names)
    return entry.name


def _weighed(written: str, found: list[str], names: Inventory) -> Understood:
    """The one that is evidently meant, if any, and the others, likeliest first."""
    ranked = _ranked(found, names)
    order = tuple(one for _, one in ranked)
    if len(ranked) > 1 and ranked[0][0] < _CLEAR * ranked[1][0]:
        return Understood(written, "", order)
    return Understood(written, order[0] if order else "", order[1:])


def _ranked(found: Iterable[str], names: Inventory) -> list[tuple[float, str]]:
    return sorted(((_weight(one, names), one) for one in found), key=lambda one: (-one[0], one[1].count("."), one[1]))


def _weight(name: str, names: Inventory) -> float:
    """How likely it is that a name is meant: by how many packages use it, where it stands, and what it is."""
    parts, entry = name.count("."), _entry(name, names)
    place = 1.5 if parts == 1 else 1.2 if parts == 2 else 1
    kind = 0.5 if entry.kind == "module" or entry.deprecated else 1
    return (1 + _used().get(name, 0)) * kind * (0.3 if name.startswith(_SELDOM) else place)


@cache
def _by_last(names: Inventory) -> dict[str, list[str]]:
    """Every name of any release by its last part in lower case."""
    found: dict[str, list[str]] = defaultdict(list)
    todo: list[str] = [*PACKAGES]
    while todo:
        owner = todo.pop()
        for member in names.members(owner) if owner != "torch.ops" else ():  # nobody means an operator by its bare name
            found[member.lower()].append(f"{owner}.{member}")
            todo.append(f"{owner}.{member}")
    return dict(found)


@cache
def _used() -> dict[str, int]:
    """How many packages use each name."""
    lines = _POPULARITY.read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line[0] != "#")
    return {name: int(packages) for name, packages in rows}
