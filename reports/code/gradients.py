"""Whether a gradient may go through a call: by what is around it, what goes in, and what becomes of what it gives.

It is read from the file alone, a function at a time. Where that does not show it, a gradient may.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cached_property

from torchproof.reports.code.syntax import Tree, nodes, parameters, word

_OFF = {"no_grad", "inference_mode"}
_SWITCHES = {*_OFF, "enable_grad", "set_grad_enabled"}
_HOOKS = {"register_hook", "register_post_accumulate_grad_hook"}
_MODULES = {"torch", "F", "functional", "nn", "np", "numpy", "math"}
_PLAIN = {"data", "shape", "ndim", "dtype", "device"}  # attributes that have no gradient
_INTEGERS = {"long", "int", "short", "byte", "bool", "int8", "int16", "int32", "int64", "uint8"}
# What these give has no gradient, or one of zero.
_CUT = {
    *_INTEGERS, "detach", "item", "tolist", "numpy", "size", "numel", "dim", "len", "range",
    "floor", "ceil", "round", "trunc", "sign", "argmax", "argmin", "argsort", "nonzero", "count_nonzero", "bincount",
    "one_hot", "multinomial", "bernoulli", "searchsorted", "bucketize", "any", "all", "isnan", "isinf", "isfinite",
    "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_not", "arange", "linspace", "tensor",
    "from_numpy", "zeros", "ones", "empty", "full", "eye", "rand", "randn", "randint", "randperm", "zeros_like",
    "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "randint_like", "finfo", "iinfo",
    "device", "str", "print",
}  # fmt: skip
_INDEXED = {"gather", "index_select", "index_add", "index_add_", "index_copy_", "scatter", "scatter_", "scatter_add",
            "scatter_add_", "take_along_dim"}  # fmt: skip
# What is called so is of bool or of integers, or is a buffer.
_NAMED = re.compile(r"(?:.*_)?(?:masks?|lens|lengths?|counts?|indices|idx|num_\w+)$|(?:mask|running|num)_\w+$")
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Gradients:
    """Answers for the calls of one file."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._parents = tree.parents
        self._names: dict[_Function, dict[str, list[ast.Name]]] = {}
        self._constant: dict[_Function, set[str]] = {}
        self._gone: dict[_Function, set[str]] = {}

    def may_pass(self, line: int, name: str, operands: int, is_method: bool) -> bool:
        """Whether one may, through a call of this name on a line, to the first of its operands, or to the second."""
        return self._tree.may(line, name, lambda call: self._may_pass(call, operands, is_method))

    def _may_pass(self, call: ast.Call, operands: int, is_method: bool) -> bool:
        given = [call.func.value] if is_method and isinstance(call.func, ast.Attribute) else []
        given += call.args
        is_given = not given or not all(self._is_constant(one) for one in given[:operands])
        return is_given and not self._is_off(call) and not self._is_cut(call)

    # What is around it

    def _is_off(self, node: ast.AST) -> bool:
        """Whether nothing is recorded there: in a `with`, a decorated function, a Function or a hook of gradients."""
        while node in self._parents:
            node = self._parents[node]
            managers = [item.context_expr for item in node.items] if isinstance(node, ast.With) else []
            managers += getattr(node, "decorator_list", [])
            for one in managers:
                if (name := word(_called(one))) in _SWITCHES:
                    return name in _OFF or (isinstance(one, ast.Call) and [*map(ast.unparse, one.args)] == ["False"])
            if isinstance(node, _Function):
                of = self._parents.get(node)
                is_hook = isinstance(of, ast.Call) and word(of.func) in _HOOKS
                is_static = isinstance(of, ast.ClassDef) and "Function" in map(word, of.bases)
                return is_hook or (is_static and getattr(node, "name", "") == "forward")
        return False

    # What goes in

    def _is_constant(self, node: ast.expr) -> bool:
        """Whether no gradient goes on into an expression."""
        if isinstance(node, (ast.Constant, ast.Compare)):
            return True
        if isinstance(node, ast.Name):
            return node.id in _MODULES or bool(_NAMED.match(node.id)) or self._is_bound_to_constants(node)
        if isinstance(node, ast.Attribute):
            return node.attr in _PLAIN or self._is_buffer(node) or self._is_constant(node.value)
        if isinstance(node, ast.Subscript):
            return self._is_constant(node.value)
        if isinstance(node, (ast.Tuple, ast.List)):
            return all(map(self._is_constant, node.elts))
        if isinstance(node, ast.Call):
            return self._gives_constant(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
            return True
        of = {ast.BinOp: ("left", "right"), ast.UnaryOp: ("operand",), ast.IfExp: ("body", "orelse")}.get(type(node))
        return bool(of) and all(self._is_constant(getattr(node, one)) for one in of)

    def _is_buffer(self, node: ast.Attribute) -> bool:
        """Whether an attribute of an object is a buffer of its module, as the file registers or its name says."""
        return isinstance(node.value, ast.Name) and (node.attr in self._buffers or bool(_NAMED.match(node.attr)))

    @cached_property
    def _buffers(self) -> set[object]:
        calls = (one for one in self._tree.nodes if isinstance(one, ast.Call) and word(one.func) == "register_buffer")
        return {one.args[0].value for one in calls if one.args and isinstance(one.args[0], ast.Constant)}

    def _gives_constant(self, node: ast.Call) -> bool:
        name = word(node.func) or ""
        if any(one.arg == "requires_grad" for one in node.keywords) or name.startswith("requires_grad"):
            return False
        if _is_cutting(node) or (name == "float" and isinstance(node.func, ast.Name)):
            return True
        is_class = not name or name[0].isupper()
        given = [*node.args, *(one.value for one in node.keywords if one.arg != "dim")]
        is_of_constant = isinstance(node.func, ast.Attribute) and self._is_constant(node.func.value)
        return is_of_constant and not is_class and all(self._is_constant(one) for one in given)

    def _is_bound_to_constants(self, node: ast.Name) -> bool:
        function = self._function(node)
        return function is not None and not self._is_given(function, node) and node.id in self._constants(function)

    def _constants(self, function: _Function) -> set[str]:
        """The names to which a function binds what has no gradient, and of which none is asked for later.

        A name is one for as long as nothing speaks against it: what names are bound to may speak of one another.
        """
        if function not in self._constant:
            bound = {name: self._bound_to(names) for name, names in self._named(function).items()}
            kept = self._constant[function] = {name for name, values in bound.items() if values and None not in values}
            while lost := {name for name in kept if not all(self._is_constant(one) for one in bound[name] if one)}:
                kept -= lost
        return self._constant[function]

    def _bound_to(self, names: list[ast.Name]) -> list[ast.expr | None]:
        """All that a name is bound to, with None for what is not to be seen."""
        asked = (self._parents[one] for one in names)
        if any(isinstance(one, ast.Attribute) and one.attr.startswith("requires_grad") for one in asked):
            return [None]
        return [self._bound(one) for one in names if isinstance(one.ctx, ast.Store)]

    def _is_given(self, function: _Function, node: ast.Name) -> bool:
        """Whether a name may still be what a function is given, which no statement of its own replaces on the way."""
        own, rest = parameters(function.args)
        if node.id not in {one.arg for one in (*own, *rest)}:
            return False
        body = function.body if isinstance(function.body, list) else []
        before = [one for one in body if isinstance(one, ast.Assign) and (one.end_lineno or 0) < node.lineno]
        return not any(node.id == word(target) for one in before for target in one.targets)

    def _bound(self, target: ast.Name) -> ast.expr | None:
        """What a target gets, or all of what is taken apart for it; None where that is not to be seen."""
        node = self._parents[target]
        while isinstance(node, (ast.Tuple, ast.List)):
            node = self._parents[node]
        is_shown = isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr))
        return node.value if is_shown else None

    # What becomes of it

    def _is_cut(self, node: ast.AST) -> bool:
        """Whether no gradient comes back to an expression from what is made of it."""
        above = self._parents[node]
        if isinstance(node, ast.Call) and (word(node.func) or "").endswith("_"):
            return False  # it has changed what others see
        if isinstance(above, (ast.Compare, ast.FormattedValue, ast.Expr)):
            return True
        if isinstance(above, (ast.Subscript, ast.IfExp, ast.If, ast.While)):
            if node is getattr(above, "slice", None) or node is getattr(above, "test", None):
                return True
            return isinstance(above, ast.expr) and self._is_cut(above)
        if isinstance(above, (ast.BinOp, ast.UnaryOp, ast.Tuple, ast.Slice, ast.keyword)):
            return self._is_cut(above)
        if isinstance(above, ast.Attribute):
            call = self._parents[above]
            if isinstance(call, ast.Call) and call.func is above:
                return _is_cutting(call) or self._is_cut(call)
            return above.attr in _PLAIN
        if isinstance(above, ast.Call):
            return self._is_cut_by(above, node)
        return isinstance(above, ast.Assign) and all(self._is_let_go(one) for one in above.targets)

    def _is_cut_by(self, call: ast.Call, node: ast.AST) -> bool:
        """Whether a call passes no gradient to what it is given."""
        if _is_cutting(call):
            return True
        root = call.func
        while isinstance(root, ast.Attribute):
            root = root.value
        is_of_torch = isinstance(root, ast.Name) and root.id in _MODULES
        is_index = node in call.args[1 + is_of_torch :][:1] or (isinstance(node, ast.keyword) and node.arg == "index")
        if word(call.func) in _INDEXED and is_index:
            return True
        return is_of_torch and self._is_cut(call)

    def _is_let_go(self, target: ast.expr) -> bool:
        """Whether nothing that a function makes of what it binds to a target has a gradient."""
        if isinstance(target, ast.Attribute):
            return target.attr == "data"
        function = self._function(target)
        if not isinstance(target, ast.Name) or function is None:
            return False
        return target.id in self._let_go(function)

    def _let_go(self, function: _Function) -> set[str]:
        """The names of a function of which it makes nothing that has a gradient."""
        if function not in self._gone:
            names = self._named(function)
            kept = self._gone[function] = {*names}
            while lost := {name for name in kept if not all(map(self._is_cut, _read(names[name])))}:
                kept -= lost
        return self._gone[function]

    # Functions

    def _function(self, node: ast.AST) -> _Function | None:
        """The function around a node."""
        return self._tree.around(node, _Function)

    def _named(self, function: _Function) -> dict[str, list[ast.Name]]:
        """Where a function has each name, with those inside it."""
        if function not in self._names:
            found = self._names[function] = defaultdict(list)
            for one in nodes(function):
                if isinstance(one, ast.Name):
                    found[one.id].append(one)
        return self._names[function]


def _read(names: list[ast.Name]) -> list[ast.Name]:
    return [one for one in names if isinstance(one.ctx, ast.Load)]


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _is_cutting(call: ast.Call) -> bool:
    """Whether what a call gives has no gradient: by its name, or since it gives integers."""
    said = [*call.args, *(one.value for one in call.keywords if one.arg == "dtype")]
    is_cast = word(call.func) in ("to", "type") or any(one.arg == "dtype" for one in call.keywords)
    return word(call.func) in _CUT or (is_cast and any(word(one) in _INTEGERS for one in said))
