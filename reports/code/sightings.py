"""Uses of torch as the walk comes upon them: what an expression stands for, where, and how it is called."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from torchproof.inventory import is_private
from torchproof.reports.code import refusals
from torchproof.reports.code.catalog import COMPARISON, FUNCTION, REAL, Argument, Literal, Use, places_of
from torchproof.reports.code.duties import Duties
from torchproof.reports.code.meanings import Meanings
from torchproof.reports.code.notes import Notes
from torchproof.reports.code.nowhere import is_mistaken, is_told
from torchproof.reports.code.state import State
from torchproof.reports.code.syntax import word as last_word
from torchproof.reports.code.values import (  # fmt: skip
    NOTHING,
    Constant,
    Expression,
    LocalClass,
    LocalFunction,
    Name,
    OneOf,
    Scope,
    Value,
    Values,
)
from torchproof.reports.code.wrappers import Found, rest

Literals = tuple[tuple[int | str, Literal], ...]
Passed = tuple[tuple[str, ...], int, str, Literals]  # what a call passes, as a use has it
_NOTHING: Passed = ((), 0, "", ())
_NOTED = (Name, LocalClass, LocalFunction, OneOf)  # what may be, or lead to, something of torch
_DEEPEST = 5  # names of names, and tuples in tuples
_KEEP_MASKS = {"all", "any", "contiguous", "detach", "expand", "flatten", "permute", "reshape", "squeeze", "t",
               "transpose", "unsqueeze"}  # fmt: skip
# What is given real numbers, where the file does not speak of others.
_SPECTRA, _REAL = {"torch.stft", "torch.Tensor.stft"}, frozenset(["real"])
_COMPLEX = re.compile(r"(?<!return_)complex|cfloat|cdouble|\dj\b|fft\(")
_GIVE_DTYPE = {"byte": "torch.uint8", "ByteTensor": "torch.uint8", "bool": "torch.bool", "BoolTensor": "torch.bool"}


def each(values: Values) -> Iterator[tuple[int, Value]]:
    """The values, and in the place of one of several each of those."""
    for mask, value in values:
        if isinstance(value, OneOf):
            yield from ((mask, one) for one in dict.fromkeys(value.values))
        else:
            yield mask, value


def _named(keyword: ast.keyword) -> list[tuple[str, ast.expr]]:
    """What is passed by a keyword, or by the dict that is unpacked."""
    if keyword.arg:
        return [(keyword.arg, keyword.value)]
    table = keyword.value if isinstance(keyword.value, ast.Dict) else ast.Dict([], [])
    return [(str(key.value), value) for key, value in zip(table.keys, table.values) if isinstance(key, ast.Constant)]


def _is_partial(node: ast.AST) -> bool:
    """Whether a call only keeps what it is given for a later one."""
    return isinstance(node, ast.Call) and last_word(node.func) == "partial"


def _compares(node: ast.expr) -> bool:
    """Whether it is a comparison of values, or several joined to one, which gives True, False, or a tensor of them."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr)):
        return _compares(node.left) and _compares(node.right)
    return isinstance(node, ast.Compare)


def _constructor(cls: LocalClass) -> LocalFunction | Name | None:
    """What takes the arguments of a class of the code: its `__init__`, or the class of torch that it has it from."""
    if {"__init__", "__new__"} & cls.stores.keys():
        return cls.methods.get("__init__")
    base = cls.bases[0] if len(cls.bases) == 1 else ()
    above = base[0][1] if len(base) == 1 else None
    if isinstance(above, LocalClass) and above is not cls:
        return _constructor(above)
    return above if isinstance(above, Name) and above.is_torch else None


class Sightings:
    """Notes the uses of one module, in the state in which the walk comes upon them."""

    def __init__(self, notes: Notes, state: State, meanings: Meanings) -> None:
        self.known = notes.known
        self.notes = notes
        self.meanings = meanings
        self.state = state
        self.duties = Duties(notes, state, meanings)

    def note(self, values: Values, how: str, node: ast.expr, args: Sequence[ast.expr] = ()) -> bool:
        """Note the uses that the values of an expression are, a call's with its `args`; False where none is."""
        if len(values) == 1 and not isinstance(values[0][1], _NOTED):  # nearly always
            return False
        found = False
        several = [one for _, one in values if isinstance(one, OneOf)]
        is_one_of = any(one.choice not in self.state.coming for one in several)
        is_noted = several and how == "mentioned" and isinstance(node, ast.Name)  # where each of them is written
        for mask, value in each(values):
            if isinstance(value, Name) and value.is_torch:
                found = True
                if value.dotted != "torch" and not is_noted:
                    self._use(value, mask, how, node, args, is_one_of)
            elif isinstance(value, (LocalClass, LocalFunction)):
                self._speaks_of(value, mask)
                if isinstance(node, ast.Call):
                    self._calls(value, mask, node)
                if isinstance(value, LocalFunction):
                    self._called(value, mask, node, args)
                if isinstance(value, LocalClass) and how == "called":
                    self.duties.made(value, mask)
        return found

    def _calls(self, value: LocalClass | LocalFunction, mask: int, node: ast.Call) -> None:
        """A function or class of the code is called, which may pass on what it is given to something of torch."""
        state = self.state
        called = _constructor(value) if isinstance(value, LocalClass) else value
        if called is None or state.is_typing or not state.releases & mask:
            return
        if isinstance(called, LocalFunction) and not rest(called):  # it passes nothing on that it does not name itself
            return
        name = called.dotted if isinstance(called, Name) else ""
        passed = self._passed(node, node.args)
        use = Use(name, *state.module.place(node.lineno), "called", frozenset(), *passed, is_part=_is_partial(node))
        found = Found(use, not (state.doubt or state.caught), mask & state.releases, state.inside)
        if isinstance(called, LocalFunction):
            self.notes.wrappers.calls(called, found)
        elif self.known.working(use) != self.known.all:
            self.notes.found.append(found)

    def _called(self, function: LocalFunction, mask: int, node: ast.expr, args: Sequence[ast.expr]) -> None:
        """A function of the code is called with these objects, or handed on to what may call it with others."""
        state, callers = self.state, self.notes.callers
        if not isinstance(node, ast.Call) or args is not node.args:
            callers.mentions(function)
        elif not state.is_typing and (releases := state.releases & mask):
            callers.calls(function, node, state.module, releases, self._object)

    def _object(self, node: ast.expr) -> Values:
        """What an argument is, an object or None."""
        is_none = isinstance(node, ast.Constant) and node.value is None
        return ((self.known.all, NOTHING),) if is_none else self.meanings.object(node, self.state.scope)

    def asked(self, values: Values, node: ast.expr, before: Mapping[str, bool]) -> str:
        """Note a class that is asked about after others, each with whether that decided about it; its own name."""
        value = values[0][1] if len(values) == 1 else None
        name = self._asked_for(value)
        after = tuple(one for one in before if one in self.known.above(name)) if name else ()
        if after and not before.get(name):
            self._asked(name, values[0][0], node, after)
        return name

    def asked_alone(self, values: Values, node: ast.expr) -> None:
        """Note the classes that are below one in some releases alone, where the code asks for it and not for them."""
        for mask, value in values:
            above = self._asked_for(value)
            for name in self.known.below_in_some(above) if above else ():
                if not self._is_named(name):
                    self._asked(name, mask, node, (above,))

    def _is_named(self, cls: str) -> bool:
        """Whether the function around speaks of a class, by its own name or by one that is bound to it."""
        if cls.rpartition(".")[2] in self.state.words:
            return True
        bound = (value for one in self.state.words for _, value in self.meanings.lookup(self.state.scope, one))
        return any(self._asked_for(value) == cls for value in bound)

    def _asked_for(self, value: Value) -> str:
        """The class that is asked for, by its own name; a private one may stand below the one that it is noted as."""
        if not isinstance(value, Name) or not value.is_torch or is_private(value.dotted):
            return ""
        entries = reversed(self.known.entries(value.dotted))
        return next((one.name for one in entries if one and one.kind == "class"), "")

    def _asked(self, name: str, mask: int, node: ast.expr, after: tuple[str, ...]) -> None:
        use = Use(name, *self.state.module.place(node.lineno), "asked", frozenset(), after=after)
        certain = not (self.state.doubt or self.state.is_typing)
        self.notes.found.append(Found(use, certain, mask & self.state.releases, self.state.inside))

    def imported(self, value: Value, node: ast.stmt) -> None:
        """Note what an import statement gives."""
        if isinstance(value, Name) and value.is_torch and value.dotted != "torch":
            self._use(value, self.known.all, "imported", node)

    def refused(self, releases: int, node: ast.stmt) -> None:
        """A module that raises when it is imported says itself which releases it wants."""
        state = self.state
        is_some = releases not in (0, self.known.all)
        if is_some and state.scope.kind == "module" and not (state.doubt or state.caught or state.is_typing):
            self._add(Name("torch.__version__"), releases, "refused", node)

    def flag(self, node: ast.expr) -> None:
        """Note when a flag for the compiler may be given, should it reach one, or when a source is compiled."""
        place = (self.state.module.shown, node.lineno, node.col_offset)
        self.notes.flags[place] = (self.state.releases, self.state.doubt)

    def possible(self, node: ast.Call, method: str) -> None:
        """Note a method of something that is not known, where a class of torch has it and releases differ."""
        state = self.state
        for name in self.known.telling.get(method, ()):
            use = Use(name, *state.module.place(node.lineno), "called", frozenset(), *self._passed(node, node.args))
            if state.releases and not state.is_typing:
                self.notes.found.append(Found(use, False, state.releases, state.inside))

    def called_somewhere(self, owners: Values, node: ast.Call) -> None:
        """Note a call of something in a module, of all that takes its keywords in some releases alone."""
        for mask, owner in owners:
            if isinstance(owner, Name) and owner.is_torch and self.known.kind(owner.dotted) == "module":
                for member in self.known.inventory.members(owner.dotted):
                    self._called_perhaps(f"{owner.dotted}.{member}", mask, node)

    def _called_perhaps(self, name: str, mask: int, node: ast.Call) -> None:
        state = self.state
        keywords, _, unpacks, literals = self._passed(node, [])
        if not keywords:  # which alone tell
            return
        unpacks = f"* {unpacks}".rstrip()  # what is passed by position is not asked about
        use = Use(name, *state.module.place(node.lineno), "called", frozenset(), keywords, 0, unpacks, literals)
        if self.known.kind(name) not in ("class", "function") or use.is_private or state.is_typing:
            return
        if self.known.working(use) and any(self.known.misfit(use, release) for release in self.known.releases):
            self.notes.found.append(Found(use, False, mask & state.releases, state.inside))

    def _speaks_of(self, value: LocalClass | LocalFunction, mask: int) -> None:
        """A function or private class of the code is used here; a decorator, or an object, might use it elsewhere."""
        name = value.name if isinstance(value, LocalClass) else value.node.name
        is_function = isinstance(value, LocalFunction)
        is_decorated = is_function and bool(value.node.decorator_list or value.of)
        if (is_function or name.startswith("_")) and not name.startswith("__") and not is_decorated:
            site = (mask & self.state.releases, self.state.inside, self.state.module)
            self.notes.mentions.setdefault(value, set()).add(site)

    def _use(
        self,
        value: Name,
        mask: int,
        how: str,
        node: ast.expr | ast.stmt,
        args: Sequence[ast.expr] = (),
        is_one_of: bool = False,
    ) -> None:
        is_no_setting = how == "written" and self.known.is_no_setting(value.dotted)
        name = value.dotted if is_no_setting else self._said(value.dotted)
        passed = _NOTHING
        if name != value.dotted and not (how == "called" and value.dotted == f"{name}.__init__"):
            how = "mentioned" if how == "called" else how
        elif isinstance(node, ast.Call):
            is_unbound = not value.is_bound and (
                value.dotted.endswith(".__init__") or self.known.kind(name) in ("method", "property")
            )
            passed = self._passed(node, args, is_unbound)
            if how == "called":
                self.duties.passed(name, mask, node, args)
        self._add(Name(name, value.is_bound, value.unless), mask & self.state.releases, how, node, passed, is_one_of)
        if how == "called" and isinstance(node, ast.Call):
            self._perhaps(name, mask, node, args, passed)

    def _perhaps(self, name: str, mask: int, node: ast.Call, args: Sequence[ast.expr], passed: Passed) -> None:
        """Note a call once more for each word that an argument may be, where releases differ in the words they take."""
        keywords, positional, unpacks, literals = passed
        entry = next((one for one in reversed(self.known.entries(name)) if one), None)
        for parameter in refusals.parameters(entry.name) if entry else ():
            places = [*places_of(parameter, entry), parameter]
            given = {**dict(enumerate(args)), **{one.arg: one.value for one in node.keywords}}
            for place, one in ((place, given[place]) for place in places if place in given):
                for word in self._words(one):
                    said = (*literals, (place, word))
                    passing = Use(name, *self.state.module.place(node.lineno), "called", frozenset(), keywords,
                                  positional, unpacks, said)  # fmt: skip
                    if not self.state.is_typing:
                        self.notes.found.append(Found(passing, False, mask & self.state.releases, self.state.inside))

    def _words(self, node: ast.expr) -> list[str]:
        """What `"mps" if … else "cpu"` may be, where it stands or in the name that is bound to it."""
        values = self.meanings.resolve(node, self.state.scope) if isinstance(node, (ast.Name, ast.IfExp)) else ()
        several = [one for _, value in values if isinstance(value, OneOf) for one in value.values]
        return [one.value for one in several if isinstance(one, Constant) and isinstance(one.value, str)]

    def _said(self, dotted: str) -> str:
        """The part of a dotted name that is torch's: of what is unknown, only a part below a module that is told."""
        known = self.known.known_part(dotted)
        if known == dotted or self.known.was_before(dotted):
            return dotted
        if not (self.known.kind(known) == "module" or is_told(self.known, known)):
            return known
        return known + "." + dotted[len(known) + 1 :].split(".")[0]

    def _add(
        self,
        value: Name,
        mask: int,
        how: str,
        node: ast.expr | ast.stmt,
        passed: Passed = _NOTHING,
        is_one_of: bool = False,
    ) -> None:
        state = self.state
        if state.is_typing or not mask:
            return
        at_import = state.scope.kind != "function"
        use = Use(
            value.dotted,
            *state.module.place(node.lineno),
            how,
            self.known.names(mask),
            *passed,
            caught=state.handled,
            survives=state.survived,
            decorates=state.decorates,
            at_import=at_import,
            is_one_of=is_one_of,
            is_part=_is_partial(node),
            shows=_REAL if value.dotted in _SPECTRA and not _COMPLEX.search(state.module.text) else frozenset(),
        )
        if state.caught and how != "refused":
            mask = self._surviving(use, mask)
        found = Found(use, not state.doubt, mask, state.inside, value.unless)
        self.notes.found.append(found)
        if isinstance(node, ast.Call):
            self.notes.wrappers.passes_on(node, found)
            self.notes.pickles.meet(use, node, state, self.meanings)

    def _surviving(self, use: Use, mask: int) -> int:
        """The releases in which a use inside `try` does not fail; what comes after it in the body runs only there."""
        having = self.known.having(use.name)
        if not having and not is_mistaken(self.known, use):  # no release tells
            self.state.failing = self.known.all
            return mask
        surviving = mask
        if ("import" if use.how == "imported" else "attribute") in self.state.caught:
            surviving &= having
        surviving &= ~self.known.failing(use, self.state.caught)
        self.state.failing |= mask & ~surviving
        self.state.releases &= ~(mask & ~surviving)
        return surviving

    def _passed(self, node: ast.Call, args: Sequence[ast.expr], is_unbound: bool = False) -> Passed:
        """What a call passes: self is not counted where the function is reached through its class."""
        stars = [place for place, one in enumerate(args) if isinstance(one, ast.Starred)]
        unpacks = ["*"] * bool(stars) + ["**"] * any(keyword.arg is None for keyword in node.keywords)
        positional = max(len(args) - len(stars) - is_unbound, 0)
        said: list[tuple[int | str, ast.expr]] = [*enumerate(args[is_unbound : stars[0] if stars else None])]
        said += [pair for keyword in node.keywords for pair in _named(keyword)]
        literals = ((name, self._literal(value, self.state.scope)) for name, value in said)
        return (
            tuple(keyword.arg for keyword in node.keywords if keyword.arg),
            positional,
            " ".join(unpacks),
            tuple((name, value) for name, value in literals if not isinstance(value, Argument)),
        )

    def _literal(self, node: ast.expr, scope: Scope, depth: int = 0) -> Literal | Argument:
        """The value of an argument where the code shows it."""
        if isinstance(node, ast.Constant) and node.value is not ...:
            return node.value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self._literal(node.operand, scope, depth)
            return -value if isinstance(value, (int, float, complex)) else Argument.UNKNOWN
        if isinstance(node, (ast.Tuple, ast.List)) and depth < _DEEPEST:
            values = tuple(self._literal(one, scope, depth + 1) for one in node.elts)
            return Argument.UNKNOWN if Argument.UNKNOWN in values else values
        if isinstance(node, ast.Lambda):
            return FUNCTION
        if _compares(node):
            return COMPARISON
        if isinstance(node, ast.Call):
            result = f"{last_word(node.func)}()"
            return result if result in refusals.methods() else self._dtype(node, scope, depth) or Argument.UNKNOWN
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
            return self._dtype(node, scope, depth) or Argument.UNKNOWN
        if isinstance(node, ast.Name) and node.id in scope.dtypes:
            values, dtype = scope.dtypes[node.id]
            if scope.names.get(node.id) is values:
                return dtype
        if isinstance(node, (ast.Name, ast.Attribute)) and depth < _DEEPEST:
            return self._shown(self.meanings.resolve(node, scope), depth + 1)
        return Argument.UNKNOWN

    def dtype(self, node: ast.expr) -> Name | None:
        """The dtype of a tensor that a name is bound to, where the expression shows it, or that it is a comparison."""
        return COMPARISON if _compares(node) else self._dtype(node, self.state.scope, 0)

    def _dtype(self, node: ast.expr, scope: Scope, depth: int) -> Name | None:
        """The dtype that a call writes for the tensor which it gives, where that is one of torch; that of `~mask`."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
            return self._of_mask(node.operand, scope, depth)
        if not isinstance(node, ast.Call):
            return None
        written = next((one.value for one in node.keywords if one.arg == "dtype"), None)
        if written is None and isinstance(node.func, ast.Attribute):
            if node.func.attr in _GIVE_DTYPE:
                return Name(_GIVE_DTYPE[node.func.attr])
            if self._gives_pairs(node):
                return REAL
            if node.func.attr in _KEEP_MASKS:
                return self._of_mask(node.func.value, scope, depth)
            written = node.args[0] if node.func.attr in ("to", "type") and len(node.args) == 1 else None
        return self._is_dtype(written, scope, depth) if written else None

    def _gives_pairs(self, node: ast.Call) -> bool:
        """Whether a call gives complex numbers as pairs of real ones."""
        if last_word(node.func) == "stft":
            asked = [one.value for one in node.keywords if one.arg == "return_complex"]
            return bool(asked) and isinstance(asked[0], ast.Constant) and asked[0].value is False
        return last_word(node.func) == "view_as_real"

    def _is_dtype(self, node: ast.expr, scope: Scope, depth: int) -> Name | None:
        """The dtype that an expression is, or is shown to be a tensor of."""
        found = self._literal(node, scope, depth + 1) if depth < _DEEPEST else None
        if not isinstance(found, Name):
            return None
        return found if found in (COMPARISON, REAL) or self.known.kind(found.dotted) == "attribute" else None

    def _of_mask(self, node: ast.expr, scope: Scope, depth: int) -> Name | None:
        """The dtype of a mask of which another of the same dtype is made, with what comparisons give."""
        if _compares(node):
            return COMPARISON
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr)):
            sides = {self._of_mask(one, scope, depth) for one in (node.left, node.right)}
            return sides.pop() if len(sides) == 1 else None
        return self._is_dtype(node, scope, depth)

    def _shown(self, values: Values, depth: int) -> Literal | Argument:
        """The one value that a name has in all releases, if it is one that the code shows: no list, which may grow."""
        value = values[0][1] if len(values) == 1 else None
        if isinstance(value, Expression) and isinstance(value.node, (ast.UnaryOp, ast.Tuple, ast.Call)):
            return self._literal(value.node, value.scope, depth)
        if isinstance(value, Constant) and isinstance(value.value, Literal):
            return value.value
        if isinstance(value, LocalFunction):
            return FUNCTION
        return value if isinstance(value, Name) and value.is_torch else Argument.UNKNOWN
