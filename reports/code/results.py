"""What calls, operators, subscripts and loops give: by annotations, by constructors, by what functions return."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, reduce

from torchproof.reports.code.annotations import DICT, LIST, TUPLE, Annotations, holding
from torchproof.reports.code.catalog import Catalog
from torchproof.reports.code.syntax import defaults_by_name, named_fields, passed, word
from torchproof.reports.code.tables import Tables, is_carried
from torchproof.reports.code.values import (  # fmt: skip
    Constant,
    Doubt,
    Expression,
    Fields,
    Held,
    Instance,
    LocalClass,
    LocalFunction,
    Name,
    OneOf,
    Override,
    Scope,
    Value,
    Values,
    doubted,
    gathered,
    merged,
    within,
)

_TENSOR = Name("torch.Tensor")
# Functions of torch whose result is a tensor whatever their arguments are.
_MAKES_TENSOR = {"torch.arange", "torch.as_tensor", "torch.empty", "torch.empty_like", "torch.eye", "torch.from_numpy",
                 "torch.full", "torch.full_like", "torch.linspace", "torch.logspace", "torch.ones", "torch.ones_like",
                 "torch.rand", "torch.rand_like", "torch.randint", "torch.randint_like", "torch.randn",
                 "torch.randn_like", "torch.randperm", "torch.tensor", "torch.zeros", "torch.zeros_like"}  # fmt: skip
# What methods give that torch does not annotate well: a class, and that of what an object of it holds.
_EVENTS = "torch.autograd.profiler_util.EventList"
_GIVES = {
    f"torch.{owner}.{method}": given
    for owner in ("autograd.profiler.profile", "autograd.profiler_legacy.profile", "profiler.profile",
                  "autograd.profiler_util.EventList")
    for method, given in {
        "events": (_EVENTS, "torch.autograd.profiler_util.FunctionEvent"),
        "key_averages": (_EVENTS, "torch.autograd.profiler_util.FunctionEventAvg"),
        "total_average": ("torch.autograd.profiler_util.FunctionEventAvg", None),
    }.items()
}  # fmt: skip
_GIVES["torch.Tensor.numpy"] = ("numpy.ndarray", None)
_GIVES["torch.utils.data.DataLoader.__iter__"] = ("torch.utils.data.dataloader._BaseDataLoaderIter", None)
# Methods of tensors and modules that give the same kind of object back.
GIVES_ITSELF = {"bfloat16", "cpu", "cuda", "double", "eval", "float", "half", "requires_grad_", "to", "train"}
# Decorators after which a call gives what it gave before.
_CHANGES_NO_RESULT = {"abstractmethod", "autocast", "cache", "cached_property", "classmethod", "compile", "custom_bwd",
                      "custom_fwd", "disable", "enable_grad", "export", "final", "inference_mode", "lru_cache",
                      "no_grad", "override", "property", "staticmethod", "unused"}  # fmt: skip
# Functions of other packages that give the same kind of object as they are given.
_GIVE_THE_FIRST = {"copy.copy", "copy.deepcopy", "einops.rearrange", "einops.reduce", "einops.repeat"}
# Functions of NumPy that give an array whatever their arguments are.
_MAKES_ARRAY = {f"numpy.{one}" for one in ("arange", "array", "asarray", "concatenate", "empty", "eye", "full",
                                           "hstack", "linspace", "ones", "stack", "vstack", "zeros")}  # fmt: skip
_ATTRGETTER = Name("operator.attrgetter")
# Classes of Python whose objects have as attributes what they are made with.
NAMESPACES = {"types.SimpleNamespace", "argparse.Namespace"}
_PROPERTIES = {"property", "cached_property"}
_KEEP_ELEMENTS = {"deque", "frozenset", "iter", "list", "reversed", "set", "sorted", "tuple"}
_OBJECTS = (Instance, LocalClass, LocalFunction, type(None))
_CONTAINERS = {"ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"}


class Results(ABC):
    """Tells what comes out of expressions; `infer` walks a function of the code to see what it returns."""

    def __init__(self, known: Catalog) -> None:
        self.known = known
        self.unknown: Values = ((known.all, None),)
        self._iterating: list[Name | LocalClass] = []
        self.infer: Callable[[LocalFunction], Values] = lambda function: ()
        self.tables = Tables(self.resolve, known.all)
        self.annotations = Annotations(known, self.resolve)
        self.tensor: Values = ((known.all, Instance(_TENSOR, is_exact=False)),)

    @abstractmethod
    def resolve(self, node: ast.expr, scope: Scope) -> Values:
        """What an expression stands for, in each release; empty where it is not even bound."""

    @abstractmethod
    def member(self, values: Values, name: str) -> Values:
        """An attribute of what the values stand for."""

    @abstractmethod
    def of_class(self, cls: LocalClass, name: str, is_bound: bool, above: bool = False) -> Values:
        """An attribute of a class of the code."""

    # Objects

    def read(self, value: Name) -> Values:
        """What reading a name of torch gives, if it is an attribute of something."""
        is_read = value.is_torch and self.known.kind(value.dotted) in ("property", "attribute", "setting", "")
        return self._returned(value) if is_read else ()

    def objects(self, values: Values) -> Values:
        """The objects that values are: of an attribute of torch, what reading it gives."""
        if len(values) == 1 and isinstance(values[0][1], _OBJECTS):  # nearly always
            return values
        if all(isinstance(value, _OBJECTS) for _, value in values):
            return values
        found: list[tuple[int, Value]] = []
        for mask, value in values:
            if isinstance(value, Name) and value.is_torch:
                found += within(self.read(value), mask) or [(mask, value)]
            elif isinstance(value, Expression):
                found += within(value.gives, mask) or [(mask, None)]
            elif isinstance(value, OneOf) and any(isinstance(one, Expression) for one in value.values):
                found += within(reduce(merged, [self.objects(((mask, one),)) for one in value.values]), mask)
            elif isinstance(value, Constant) and value.value is not None:
                found.append((mask, Instance(Name(f"builtins.{type(value.value).__name__}"))))
            else:
                found.append((mask, value))
        return gathered(found)

    @abstractmethod
    def object(self, node: ast.expr, scope: Scope) -> Values:
        """The object that an expression gives, a container with what is known to be in it."""

    def contents(self, node: ast.expr, scope: Scope) -> Values:
        """A container that the expression writes out."""
        held, of = None, LIST
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            of = TUPLE if isinstance(node, ast.Tuple) else LIST
            if not any(isinstance(one, ast.Starred) for one in node.elts):
                held = holding([self.object(one, scope) or self.unknown for one in node.elts])
        elif isinstance(node, ast.Dict):
            of, held = DICT, self._keyed(node, scope)
        elif isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.SetComp)):
            held = Held(self.inside(node.generators, node.elt, scope))
        elif isinstance(node, ast.DictComp):
            of, held = DICT, Held(self.inside(node.generators, node.value, scope), self.comprehended(node, scope))
        elif isinstance(node, ast.JoinedStr):
            of, held = Name("builtins.str"), Held()
        return ((self.known.all, Instance(of, held=held)),) if held else ()

    def _keyed(self, node: ast.Dict, scope: Scope) -> Held | None:
        keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        held = holding([self.object(one, scope) or self.unknown for one in node.values])
        if not all(isinstance(key, (str, int)) for key in keys):
            return Held(held.any) if None not in node.keys else None
        return Held(held.any, tuple((key, values) for key, (_, values) in zip(keys, held.items)))  # type: ignore[misc]

    @abstractmethod
    def inside(self, loops: Sequence[ast.comprehension], node: ast.expr, scope: Scope) -> Values:
        """The object that an expression inside a comprehension gives."""

    @abstractmethod
    def comprehended(self, node: ast.DictComp, scope: Scope) -> tuple[tuple[int | str, Values], ...]:
        """The items of a dict that a comprehension makes, where all of them are known."""

    # What is in objects

    def elements(self, values: Values) -> Values:
        """What a loop over the objects gives."""
        return self._each(values, self._iterated)

    def _iterated(self, value: Instance) -> Values:
        if self._is_of_tensors(value):
            return self.tensor
        if isinstance(value.of, LocalClass):
            return self._iterated_by_code(value)
        if value.of == DICT or value.of.dotted.endswith("Dict"):
            return ()
        return value.held.any if value.held else self.elements(self._dunder(value, "__iter__"))

    def _iterated_by_code(self, value: Instance) -> Values:
        """What an object of a class of the code gives: by its `__next__`, else by that of what its `__iter__` gives."""
        if value.of in self._iterating:
            return ()
        self._iterating.append(value.of)
        try:
            return self._dunder(value, "__next__") or self.elements(self._dunder(value, "__iter__"))
        finally:
            self._iterating.pop()

    def entered(self, values: Values) -> Values:
        """What `with` gives of context managers, of which torch's give themselves if nothing else is known."""

        def enter(value: Instance) -> Values:
            own: Values = ((self.known.all, value),) if isinstance(value.of, Name) and value.of.is_torch else ()
            return self._dunder(value, "__enter__") or own

        return self._each(values, enter)

    def item(self, values: Values, key: object) -> Values:
        """What a subscript gives; the key is None where it is not known, and a slice where it is one."""

        def item(value: Instance) -> Values:
            if self._is_of_tensors(value):
                return self.tensor
            if key is slice and (value.held or value.of in (LIST, TUPLE) or self._is_container(value)):
                held = Held(value.held.any) if value.held else None
                return ((self.known.all, replace(value, held=held)),)
            if not value.held:
                return self._dunder(value, "__getitem__")
            items = dict(value.held.items)
            if isinstance(value.of, LocalClass):  # a named tuple
                return self.tables.at(value, key)
            place = key + len(items) if isinstance(key, int) and key < 0 else key
            return items.get(place, ()) if items and place is not None else value.held.any  # type: ignore[call-overload]

        return self._each(values, item)

    def taken_apart(self, values: Values, count: int) -> list[Values]:
        """What each of `count` names gets from objects: `a, b = x`."""
        if parts := self.tables.apart(values, count):
            return parts
        values = self.objects(values)
        return [
            self.item(values, place) if self._has_places(values) else self.elements(values) for place in range(count)
        ]

    @staticmethod
    def _has_places(values: Values) -> bool:
        return all(isinstance(value, Instance) and value.held and value.held.items for _, value in values)

    def _each(self, values: Values, of: Callable[[Instance], Values]) -> Values:
        """What each object gives, with the doubts about the object."""
        found: list[tuple[int, Value]] = []
        for mask, value in self.objects(values):
            given = of(value) if isinstance(value, Instance) else ()
            doubts = value.unless if isinstance(value, Instance) else frozenset()
            found += within(doubted(given, doubts), mask) or [(mask, None)]
        return gathered(found)

    def _is_container(self, value: Instance) -> bool:
        return isinstance(value.of, Name) and value.of.is_torch and value.of.dotted.rpartition(".")[2] in _CONTAINERS

    def is_tensor(self, value: Value) -> bool:
        """Whether it is a tensor, of a class of torch."""
        return (
            isinstance(value, Instance)
            and isinstance(value.of, Name)
            and self.known.is_below(value.of.dotted, _TENSOR.dotted)
        )

    def _is_of_tensors(self, value: Instance) -> bool:
        """Whether its items are tensors: it is one, or a named tuple of some, as `torch.sort` gives."""
        is_named = isinstance(value.of, Name) and value.of.dotted.startswith("torch.return_types.")
        return is_named or self.is_tensor(value)

    # Operators

    def operated(self, *operands: Values) -> Values:
        """What arithmetic and comparisons give: a tensor, where the first operand is one, or numbers are all else."""
        found: list[tuple[int, Value]] = []
        left, *others = operands
        for mask, value in left:
            if self.is_tensor(value):
                found += within(self._tensor_of(value), mask)
            elif others and _is_number(value):
                found += ((both, one) for both, one in within(self.operated(others[0]), mask) if one)
        return gathered(found)

    def _tensor_of(self, value: Value) -> Values:
        return doubted(self.tensor, value.unless if isinstance(value, Instance) else frozenset())

    # Calls

    def called(self, values: Values, node: ast.Call, scope: Scope, owners: Values = ()) -> Values:
        """What a call of the values gives; `owners` are what a method was reached from."""
        found: list[tuple[int, Value]] = []
        for mask, value in self.objects(values):
            first, *others = value.values if isinstance(value, OneOf) else (value,)
            given = self._given(first, node, scope, owners)
            for one in others:
                given = merged(given, self._given(one, node, scope, owners) or self.unknown)
            found += within(given, mask)
        return gathered(found)

    def _given(self, value: Value, node: ast.Call, scope: Scope, owners: Values) -> Values:
        if isinstance(value, LocalClass):
            return ((self.known.all, Instance(value, held=self._kept(value, node, scope))),)
        if isinstance(value, LocalFunction):
            return self.returned(value, owners)
        if isinstance(value, Instance):
            return doubted(self._of_instance_called(value, node, scope), value.unless)
        if not isinstance(value, Name):
            return ()
        if not value.is_torch:
            return self._of_library(value, node, scope, owners)
        if self.known.kind(value.dotted) == "class" and not value.is_bound:
            return ((self.known.all, self._constructed(value, node, scope)),)
        if value.dotted in _MAKES_TENSOR:
            return ((self.known.all, Instance(_TENSOR)),)
        if value.dotted == "torch.compile" and node.args:  # it does the same, faster
            return self.objects(self.resolve(node.args[0], scope))
        return self._returned(value, node, scope, owners)

    def _kept(self, cls: LocalClass, node: ast.Call, scope: Scope) -> Held | None:
        """What an object of a class of the code keeps of what it is made with: of classes, functions and containers."""
        if cls.fields is None:
            return None
        wanted, kept = cls.fields.wanted, cls.fields.kept
        given, defaults = passed(wanted, node), defaults_by_name(wanted)
        items: list[tuple[int | str, Values]] = []
        for attribute, name in kept.items():
            one = given.get(name) if cls.stores.get(attribute, 1) == 1 else None
            around = cls.fields.scope if one is defaults.get(name) else scope
            items.append((attribute, self.tables.row(one, around) if one else ()))
        return Held(items=tuple(items)) if any(is_carried(value) for _, each in items for _, value in each) else None

    def returned(self, function: LocalFunction, owners: Values = ()) -> Values:
        """What a call of a function of the code gives: what is annotated, or what it was seen to return."""
        head = function.node
        if isinstance(head, ast.AsyncFunctionDef) or not all(map(changes_no_result, head.decorator_list)):
            return ()
        if head.returns and word(head.returns) == "Self":
            return owners
        values = self.annotations.of_code(head.returns, function.scope)
        if not head.returns or (any(map(_of_torch, _each(values))) and self._is_belied(function, values)):
            values = self.infer(function)
        return doubted(values, _overrides(owners, head.name))

    def _is_belied(self, function: LocalFunction, said: Values) -> bool:
        """Whether a function returns a list, tuple or dict where its annotation speaks of nothing like that."""
        given = self.objects(self.infer(function))
        plain = {one.of for one in _each(given) if isinstance(one, Instance)} & {LIST, TUPLE, DICT}
        return bool(plain) and plain.isdisjoint(one.of for one in _each(said) if isinstance(one, Instance))

    def _returned(
        self, value: Name, node: ast.Call | None = None, scope: Scope | None = None, owners: Values = ()
    ) -> Values:
        """What a call of torch's own gives, or what reading an attribute does, as the releases themselves say."""
        if given := _GIVES.get(value.dotted):
            of, held = given
            inside = Held(((self.known.all, Instance(Name(held))),)) if held else None
            return doubted(((self.known.all, Instance(Name(of), held=inside)),), value.unless)
        found: list[tuple[int, Value]] = []
        for mask, text in self.known.returned(value.dotted):
            if text == "Self":
                found += within(self.same(owners), mask)
            elif node and scope and " | torch.return_types." in text:
                found += within(self.annotations.of_torch(self._chosen(text, node, scope, value.is_bound)), mask)
            else:
                found += within(self.annotations.of_torch(text), mask)
        return doubted(gathered(found), value.unless)

    def same(self, owners: Values) -> Values:
        """What gives itself gives an object of its own class; operators on other tensors give plain ones."""
        found = [
            (mask, Instance(_TENSOR, False, None, value.unless) if self.is_tensor(value) else value)
            for mask, value in owners
            if isinstance(value, Instance)
        ]
        return gathered(found)

    def _chosen(self, text: str, node: ast.Call, scope: Scope, is_bound: bool) -> str:
        """Which of the overloads of a reduction a call means: with a dimension, it gives indices too."""
        tensor, _, pair = text.partition(" | ")
        given = node.args[not is_bound :]
        if any(keyword.arg == "dim" for keyword in node.keywords):
            return pair
        if not given:
            return tensor if not node.keywords else ""
        second = self.objects(self.resolve(given[0], scope))
        if all(_is_number(value) for _, value in second):
            return pair if second else ""
        return tensor if all(self.is_tensor(value) for _, value in second) else ""

    def _of_instance_called(self, value: Instance, node: ast.Call, scope: Scope) -> Values:
        """Calling a module calls its `forward`; of other objects, `__call__`."""
        if self._is_container(value) and value.held:
            of = value.of.dotted if isinstance(value.of, Name) else ""
            if not of.endswith("Sequential"):
                return ()
            last = value.held.items[-1][1] if value.held.items else value.held.any
            return self.called(last, node, scope)
        if value.of == _ATTRGETTER and value.held and node.args:
            asked = [one.value for _, one in value.held.any if isinstance(one, Constant)]
            return reduce(self.member, str(*asked).split("."), self.resolve(node.args[0], scope)) if asked else ()
        owners: Values = ((self.known.all, value),)
        own = self.member(owners, "__call__")
        if any(isinstance(one, LocalFunction) for _, one in own):
            return self.called(own, node, scope, owners)
        return self.called(self.member(owners, "forward") or own, node, scope, owners)

    def _dunder(self, value: Instance, name: str) -> Values:
        owners: Values = ((self.known.all, value),)
        found: list[tuple[int, Value]] = []
        for mask, one in self.member(owners, name):
            if isinstance(one, LocalFunction):
                found += within(self.returned(one, owners), mask)
            elif isinstance(one, Name) and one.is_torch:
                found += within(self._returned(one, owners=owners), mask)
        return gathered(found)

    def _constructed(self, of: Name, node: ast.Call, scope: Scope) -> Instance:
        """An object of a class of torch, with the modules that a container is given."""
        kind = of.dotted.rpartition(".")[2]
        if kind not in _CONTAINERS or any(keyword.arg is None for keyword in node.keywords):
            return Instance(of)
        if kind == "Sequential":
            if len(node.args) == 1 and not isinstance(node.args[0], ast.Starred):
                given = self.object(node.args[0], scope)
                if any(
                    isinstance(value, Instance) and isinstance(value.of, Name) and not value.of.is_torch
                    for _, value in given
                ):  # an OrderedDict
                    return Instance(of)
            stars = [one for one in node.args if isinstance(one, ast.Starred)]
            if stars:
                each = [
                    self.elements(self.object(one.value, scope)) if isinstance(one, ast.Starred)
                    else self.object(one, scope)
                    for one in node.args
                ]  # fmt: skip
                return Instance(of, held=Held(holding([one or self.unknown for one in each]).any))
            return Instance(of, held=holding([self.object(one, scope) or self.unknown for one in node.args]))
        if not node.args:
            return Instance(of, held=Held())
        held = [value.held if isinstance(value, Instance) else None for _, value in self.object(node.args[0], scope)]
        return Instance(of, held=held[0] if len(held) == 1 else None)

    # Python's own

    def _of_library(self, function: Name, node: ast.Call, scope: Scope, owners: Values) -> Values:
        """What functions and methods of Python itself give that hand on what they are given."""
        kind = function.dotted.rpartition(".")[2]
        if owners and function.is_bound:
            return self._each(owners, lambda value: self._of_container(value, kind, node))
        if function.dotted in _GIVE_THE_FIRST and node.args:
            return self.object(node.args[0], scope)
        if function.dotted in ("collections.OrderedDict", "collections.deque"):
            return self.built_in(kind, node, scope)
        if kind in ("namedtuple", "NamedTuple") and node.args:
            made = Fields(*named_fields(node), scope)
            return ((self.known.all, LocalClass(kind, (), {}, True, ("", 0), fields=made)),)
        if function.dotted in NAMESPACES:
            items = tuple((one.arg, self.tables.row(one.value, scope)) for one in node.keywords if one.arg)
            return ((self.known.all, Instance(function, held=Held(items=items))),)
        if function.dotted == "importlib.import_module" and node.args:
            return self._imported(self.resolve(node.args[0], scope))
        if function == _ATTRGETTER and len(node.args) == 1:
            return ((self.known.all, Instance(function, held=Held(self.resolve(node.args[0], scope)))),)
        if function.dotted in _MAKES_ARRAY:
            return ((self.known.all, Instance(Name("numpy.ndarray"))),)
        if function.dotted.startswith("math."):
            return ((self.known.all, Instance(Name("builtins.float"))),)
        return ()

    def _imported(self, names: Values) -> Values:
        """The module of torch that `import_module` is asked for."""
        return tuple(
            (mask, Name(str(value.value)))
            for mask, value in names
            if isinstance(value, Constant) and Name(str(value.value)).is_torch
        )

    def _of_container(self, value: Instance, method: str, node: ast.Call) -> Values:
        """What the methods of lists and dictionaries give."""
        if not value.held:
            return ()
        any_of_it = value.held.any
        if method in ("pop", "get", "setdefault") and len(node.args) < 2:
            return self.item(((self.known.all, value),), key(node.args[0]) if node.args else None)
        if method == "copy":
            return ((self.known.all, value),)
        if method == "values":
            return self._list_of(any_of_it)
        if method == "items":
            return self._list_of(self._tuple_of(self.unknown, any_of_it))
        return ()

    def built_in(self, name: str, node: ast.Call, scope: Scope) -> Values:
        """What a call of a built-in function gives."""
        if any(isinstance(one, ast.Starred) for one in node.args):
            return ()
        given = [self.object(one, scope) for one in node.args]
        if name == "iter" and len(given) == 1 and (own := self._iterators(given[0])):
            return own
        if name in _KEEP_ELEMENTS and given:
            held = [value.held for _, value in given[0] if isinstance(value, Instance)]
            items = held[0].items if len(held) == 1 and held[0] and name in ("list", "tuple") else ()
            elements = self.elements(given[0])
            of = TUPLE if name == "tuple" else LIST
            return ((self.known.all, Instance(of, held=Held(elements, items))),)
        if name == "next" and len(given) == 1:
            return self.elements(given[0])
        if name in ("max", "min") and len(given) == 1:
            return self.elements(given[0])
        if name == "enumerate" and given:
            number: Values = ((self.known.all, Instance(Name("builtins.int"))),)
            return self._list_of(self._tuple_of(number, self.elements(given[0])))
        if name == "zip":
            return self._list_of(self._tuple_of(*map(self.elements, given)))
        if name == "map" and len(given) > 1:
            return self._list_of(self.called(self.resolve(node.args[0], scope), node, scope) or self.unknown)
        if name in ("dict", "OrderedDict") and not node.args and all(one.arg for one in node.keywords):
            each = [self.object(one.value, scope) or self.unknown for one in node.keywords]
            items = tuple((one.arg or "", values) for one, values in zip(node.keywords, each))
            return ((self.known.all, Instance(DICT, held=Held(holding(each).any, items))),)
        if name == "abs" and given:
            return self.operated(given[0])
        if name in ("int", "float", "str", "bool", "len", "range", "bytes"):
            return ((self.known.all, Instance(Name(f"builtins.{'int' if name == 'len' else name}"))),)
        return ()

    def _iterators(self, values: Values) -> Values:
        """The iterators of objects, where torch has classes for them."""
        found = self._each(values, lambda value: self._dunder(value, "__iter__"))
        return found if all(_of_torch(value) for _, value in found) else ()

    def _list_of(self, any_of_it: Values) -> Values:
        return ((self.known.all, Instance(LIST, held=Held(any_of_it))),)

    def _tuple_of(self, *each: Values) -> Values:
        return ((self.known.all, Instance(TUPLE, held=holding([one or self.unknown for one in each]))),)


def changes_no_result(decorator: ast.expr) -> bool:
    """Whether a function gives with a decorator what it gives without it."""
    return word(decorator.func if isinstance(decorator, ast.Call) else decorator) in _CHANGES_NO_RESULT


def key(node: ast.expr) -> object:
    """The key or place that a subscript says; None where it is not written out."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def is_property(function: LocalFunction) -> bool:
    """Whether reading it as an attribute calls it."""
    return any(word(one) in _PROPERTIES for one in function.node.decorator_list)


def _overrides(owners: Values, name: str) -> frozenset[Doubt]:
    """The doubts about a method of objects whose class may be below the one that is known."""
    doubts: set[Doubt] = set()
    for _, value in owners:
        if isinstance(value, Instance):
            doubts |= value.unless | doubts_about(value, name)
    return frozenset(doubts)


def doubts_about(value: Instance, name: str) -> frozenset[Doubt]:
    """The doubt about an attribute of an object whose class may be below the one that is known: it may have its own."""
    of = value.of
    return frozenset() if value.is_exact else _override(of.name if isinstance(of, LocalClass) else of.dotted, name)


@cache  # many calls ask for the same
def _override(cls: str, name: str) -> frozenset[Doubt]:
    return frozenset([Override(cls.rpartition(".")[2], name)])


def _each(values: Values) -> Iterator[Value]:
    """The values, those of unions one by one."""
    for _, value in values:
        yield from value.values if isinstance(value, OneOf) else (value,)


def _of_torch(value: Value) -> bool:
    return isinstance(value, Instance) and isinstance(value.of, Name) and value.of.is_torch


def _is_number(value: Value) -> bool:
    return isinstance(value, Instance) and value.of in [Name(f"builtins.{one}") for one in ("bool", "float", "int")]
