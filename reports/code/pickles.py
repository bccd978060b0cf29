"""Whole objects that the code saves with `torch.save`, and where it loads them again.

Since 2.6 `torch.load` gives back tensors, and what is made of them and plain values, unless it is told to give all.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from pathlib import PurePath

from torchproof.reports.code.annotations import DICT, LIST, TUPLE
from torchproof.reports.code.catalog import Catalog, Use
from torchproof.reports.code.meanings import Meanings
from torchproof.reports.code.state import State
from torchproof.reports.code.syntax import given, names_bound, nodes, word
from torchproof.reports.code.values import (
    Constant,
    Doubt,
    Expression,
    Instance,
    LocalClass,
    Module,
    Name,
    Value,
    lineage,
)

_SAVE, _LOAD = "torch.save", "torch.load"
# Classes of torch whose objects are refused, with all that stand below them: seen by loading some in each release.
_WHOLE = (
    "torch.nn.Module",
    "torch.optim.Optimizer",
    "torch.optim.lr_scheduler.LRScheduler",
    "torch.utils.data.Dataset",
    "torch.utils.data.DataLoader",
)
_ARRAY = Name("numpy.ndarray")
_REDUCE = {"__reduce__", "__reduce_ex__"}  # by which an object may be saved as something else
_ALLOW = {"torch.serialization.add_safe_globals", "torch.serialization.safe_globals"}
_SWITCH = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
_SURVIVE = {"UnpicklingError", "PickleError", "Exception", "BaseException"}
_MAKE_PATHS = {"join", "Path", "str", "format"}


class Pickles:
    """Joins what is saved with what is loaded from the same target, when all code was walked."""

    def __init__(self, known: Catalog) -> None:
        self.known = known
        # What each call saves to a target, and what it rests on that this is refused; None where it may not be.
        self._saved: dict[Hashable, list[frozenset[Doubt] | None]] = defaultdict(list)
        self._loaded: dict[Use, Hashable] = {}
        self._is_allowed = False

    def meet(self, use: Use, node: ast.Call, state: State, meanings: Meanings) -> None:
        """Note a call that saves or loads, or one that allows what is refused else."""
        self._is_allowed |= use.name in _ALLOW
        if use.name == _SAVE:
            saved, target = given("obj", [0], node.args, node), given("f", [1], node.args, node)
            if saved and target and (key := _key(target, state, meanings)):
                found = [value for _, value in meanings.object(saved, state.scope)]
                self._saved[key].append(self._rests_on(found))
        elif use.name == _LOAD and not (use.unpacks or {"weights_only", "pickle_module"}.intersection(use.keywords)):
            target = given("f", [0], node.args, node)
            if target and use.survives.isdisjoint(_SURVIVE) and (key := _key(target, state, meanings)):
                self._loaded[use] = key

    def told(self, use: Use, is_founded: Callable[[Doubt], bool], modules: Iterable[Module]) -> Use:
        """The same use, with whether it loads whole objects alone, and nothing of the code allows them."""
        saved = self._saved.get(self._loaded[use], []) if use.name == _LOAD and use in self._loaded else []
        is_sure = all(doubts is not None and not any(map(is_founded, doubts)) for doubts in saved)
        if not saved or not is_sure or self._is_allowed or any(_SWITCH in module.text for module in modules):
            return use
        return replace(use, shows=use.shows | {"whole"})

    def _rests_on(self, found: list[Value]) -> frozenset[Doubt] | None:
        """The doubts about what is saved; None where it may be no whole object at all."""
        if not found or not all(map(self._is_whole, found)):
            return None
        return frozenset().union(*(value.unless for value in found if isinstance(value, Instance)))

    def _is_whole(self, value: Value) -> bool:
        """Whether it is surely an object that is refused, or a container that has one in it."""
        if not isinstance(value, Instance):
            return False
        if isinstance(value.of, LocalClass):
            return self._is_whole_class(value.of)
        if value.of == _ARRAY:
            return True
        if value.of in (LIST, TUPLE, DICT) and value.held:
            items = (values for _, values in value.held.items)
            return any(self._rests_on([one for _, one in values]) == frozenset() for values in items)
        is_script = value.of.dotted.startswith("torch.jit.")
        return not is_script and any(self.known.is_below(value.of.dotted, one) for one in _WHOLE)

    def _is_whole_class(self, cls: LocalClass) -> bool:
        """Whether objects of a class of the code are saved as what they are: no tensors of another kind."""
        for one in lineage(cls):
            if isinstance(one, LocalClass):
                if not _REDUCE.isdisjoint(one.stores) or one.is_dynamic:
                    return False
            elif not isinstance(one, Name) or (
                one.dotted != "object" and not any(self.known.is_below(one.dotted, each) for each in _WHOLE)
            ):
                return False
        return True


def _key(target: ast.expr, state: State, meanings: Meanings) -> Hashable:
    """What two calls have in common that mean the same file; None where that does not show.

    A text is the same in all files of a folder, what a name is bound to wherever it is that, and what else is written
    in the function or class whose names it is made of, where they are bound once.
    """
    values = meanings.resolve(target, state.scope)
    value = values[0][1] if len(values) == 1 else None
    if isinstance(value, Constant):
        return (PurePath(state.module.shown).parent, value.value) if isinstance(value.value, str) else None
    if isinstance(value, Expression):
        return value.node
    text = ast.unparse(target)
    if isinstance(target, ast.Attribute) and state.cls and word(target.value) == "self":
        return (state.cls, text) if state.cls.stores.get(target.attr, 0) < 2 else None
    inside = nodes(target)
    if any(isinstance(one, ast.Call) and word(one.func) not in _MAKE_PATHS for one in inside):
        return None
    names = {one.id for one in inside if isinstance(one, ast.Name)}
    bound = Counter(names_bound(state.body))
    is_own = bool(names & {*state.scope.local, *bound})
    is_once = all(bound[name] < 2 for name in names)
    return (state.module, state.inside, text) if is_own and is_once else None
