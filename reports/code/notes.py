"""What the walk notes about the code as a whole: the uses of torch, and what may keep them from being reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, reduce
from operator import and_, or_

from torchproof.reports.code.callers import Callers
from torchproof.reports.code.catalog import Catalog, Use
from torchproof.reports.code.pickles import Pickles
from torchproof.reports.code.values import (
    CONSTRUCTORS,
    Assumption,
    Doubt,
    LocalClass,
    LocalFunction,
    Module,
    Moved,
    lineage,
)
from torchproof.reports.code.wrappers import Found, Wrappers

_Site = tuple[int, LocalFunction | None, Module]  # where something is spoken of


class Notes:
    """Collects uses, and tells them at the end, when all is known that bears on them."""

    def __init__(self, known: Catalog) -> None:
        self.known = known
        self.found: list[Found] = []
        self.wrappers = Wrappers(known)
        self.callers = Callers(known.all)
        self.pickles = Pickles(known)
        self.flags: dict[tuple[str, int, int], tuple[int, bool]] = {}  # by place: in which releases, in doubt perhaps
        self.patched: set[str] = set()  # names of torch that the code sets itself
        self.mocked: dict[str, set[str]] = {}  # names of torch that tests replace for a while, by the files that do
        self.assigned: set[str] = set()  # attributes that it sets of anything
        # Functions and private classes, with the releases in which, the functions inside which, and the modules in
        # which they are spoken of.
        self.mentions: dict[LocalClass | LocalFunction, set[_Site]] = {}
        self.moved: set[LocalClass] = set()  # classes whose `__dict__` the code takes, to make others of it
        self._reaches: dict[LocalFunction, int] = {}
        self._refuses: dict[LocalFunction, int] = {}
        self._under: dict[str, set[str]] = {}  # names of base classes, with those of the code's classes that have them
        self._attributes: dict[str, set[str]] = {}  # what classes of that name define or assign

    def note_class(self, cls: LocalClass, bases: Iterable[str]) -> None:
        """Remember what a class has, and the names of its base classes."""
        for base in bases:
            self._under.setdefault(base, set()).add(cls.name)
        self._attributes.setdefault(cls.name, set()).update(cls.stores)

    def uses(self, modules: Sequence[Module]) -> Iterator[tuple[Use, bool]]:
        """Every use that may come to run in modules that are all of the code, with whether it is certain."""
        self.callers.read(modules)
        for one in (*self.found, *self.wrappers.found()):
            releases = one.releases & self._reached(one.inside)
            if not releases or one.use.name in self.patched:
                continue
            is_given = one.use.name.rpartition(".")[2] in self.assigned and self.known.is_set(one.use.name)
            is_own = is_given or self._is_mocked(one.use)
            is_certain = one.is_certain and not is_own and not any(map(self._is_founded, one.unless))
            refused = self._refused(one.inside) if is_certain else 0
            for part, is_sure in ((releases & ~refused, is_certain), (releases & refused, False)):
                if part:
                    use, here = self.pickles.told(one.use, self._is_founded, modules), self.known.names(part)
                    yield use if use.releases == here else replace(use, releases=here), is_sure

    def _is_mocked(self, use: Use) -> bool:
        """Whether a test may have replaced it: of the same file, or by a fixture of a conftest.py above."""
        return any(use.file.startswith(one.removesuffix("conftest.py")) for one in self.mocked.get(use.name, ()))

    def _reached(self, function: LocalFunction | None) -> int:
        """The releases in which a function may come to run, by what refuses or guards its callers.

        Methods run only where the constructor lets them; functions, and private classes, where one of their uses does.
        """
        if function is None:
            return self.known.all
        if function not in self._reaches:
            self._reaches[function] = self.known.all  # for those that call each other
            reached = self._reached(function.inside) & self._callers(function)
            if function.of:
                reached &= self._callers(function.of)
                if function.node.name not in CONSTRUCTORS:
                    reached &= self._constructed(function.of)
            self._reaches[function] = reached
        return self._reaches[function]

    def _callers(self, called: LocalClass | LocalFunction) -> int:
        sites = [site for site in self.mentions.get(called, ()) if site[1] is not called]
        reached = 0
        for releases, inside, _ in sites:
            reached |= releases & self._reached(inside)
        if not sites or (isinstance(called, LocalFunction) and self._is_called_elsewhere(called, sites)):
            return self.known.all
        return reached

    def _is_called_elsewhere(self, function: LocalFunction, sites: Iterable[_Site]) -> bool:
        """Whether a function that is neither private nor inside another one may be called where nobody saw it."""
        is_public = not (function.inside or function.node.name.startswith("_"))
        return is_public and self.callers.may_be_more(function, {module for _, _, module in sites})

    def _constructed(self, cls: LocalClass) -> int:
        return reduce(and_, (one.releases for one in _certainly(cls)), self.known.all)

    def _refused(self, function: LocalFunction | None) -> int:
        """The releases in which a method, or what stands inside one, may be kept from running by its class."""
        if function is None:
            return 0
        if function not in self._refuses:
            cls = function.of if function.node.name not in CONSTRUCTORS else None
            classes = _certainly(cls) if cls else []
            self._refuses[function] = reduce(or_, (one.refused for one in classes), self._refused(function.inside))
        return self._refuses[function]

    def _is_founded(self, doubt: Doubt) -> bool:
        """Whether a loop brings something else, a class is another, or one that may stand below has its own."""
        if isinstance(doubt, Assumption):
            return not doubt.holds
        if isinstance(doubt, Moved):
            return doubt.cls in self.moved
        return any(doubt.attribute in self._attributes.get(name, ()) for name in self._below(doubt.cls))

    @cache  # noqa: B019 - there is one project in a process
    def _below(self, name: str) -> frozenset[str]:
        """The names of the classes that stand below one of that name."""
        below: set[str] = set()
        new = {name}
        while new:
            new = {one for base in new for one in self._under.get(base, ())} - below
            below |= new
        return frozenset(below)


def _certainly(cls: LocalClass) -> list[LocalClass]:
    """A class, and those of the code that it certainly stands below."""
    return [one for one in lineage(cls, is_certain=True) if isinstance(one, LocalClass)]
