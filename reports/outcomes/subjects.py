"""The name of torch that a call is about. Needs no torch."""

from __future__ import annotations

import ast

_SHORT = {"F": "torch.nn.functional", "nn": "torch.nn", "torch": "torch", "torchvision": "torchvision"}
# What stands in `calls.txt` for what has no result to look at.
INSIDE = {"files_of": "torch.save", "pickle_of": "torch.save", "loaded": "torch.load",
          "members_of_jit": "torch.jit.save", "members_of_export": "torch.export.save",
          "graphs_of": "torch.compile", "own_function": "torch.autograd.Function"}  # fmt: skip
AROUND = ("under", "alone")  # of those, the one that is about what is called within
_OPERATORS = {"Add": "add", "Sub": "sub", "Mult": "mul", "Div": "div", "FloorDiv": "floor_divide", "Mod": "remainder",
              "Pow": "pow", "MatMult": "matmul", "BitAnd": "bitwise_and", "BitOr": "bitwise_or",
              "BitXor": "bitwise_xor", "LShift": "bitwise_left_shift", "RShift": "bitwise_right_shift",
              "USub": "neg", "Invert": "bitwise_not", "Eq": "eq", "Lt": "lt"}  # fmt: skip
_OF_PYTHON = {"repr": "torch.Tensor.__repr__", "str": "torch.Tensor.__repr__", "abs": "torch.abs",
              "bool": "torch.Tensor.__bool__", "int": "torch.Tensor.__int__", "float": "torch.Tensor.__float__",
              "len": "torch.Tensor.__len__", "setattr": "torch.Tensor"}  # fmt: skip


# What is looked at of what a call gives, which the call is about.
_LOOKS = ("parameters", "__class__", "__name__", "eval", "device", "dtype", "requires_grad", "shape")
_MAKERS = {f"torch.{one}" for one in ("zeros", "ones", "full", "tensor", "arange", "empty", "Tensor", "mul", "eye")}


def subject(code: str) -> str | None:
    """The dotted name, None where the call is of nothing that torch has."""
    if "storage()." in code or ".__dict__" in code:  # neither has a name that is public
        return None
    [node] = ast.parse(code).body
    if isinstance(node, (ast.Assign, ast.AugAssign)):
        is_item = isinstance(node, ast.Assign)
        return "torch.Tensor.__setitem__" if is_item else f"torch.Tensor.{_OPERATORS[type(node.op).__name__]}_"
    return _of(node.value) if isinstance(node, ast.Expr) else None


def _of(node: ast.expr) -> str | None:
    match node:
        case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in _OF_PYTHON:
            inside = _of(first)
            return inside if inside and _is_class(inside) and not inside.endswith("Tensor") else _OF_PYTHON[name]
        case ast.Call(func=ast.Name(id=name), args=[*_, ast.Lambda(body=body)]) if name in AROUND:
            return _of(body)
        case ast.Call(func=ast.Name(id=name)):
            return INSIDE.get(name)
        case ast.Call(func=ast.Attribute(value=value, attr=attr)) if _makes(value):
            return f"torch.Tensor.{attr}"
        case ast.Call(func=func):
            return _of(func)
        case ast.Attribute(value=ast.Name(id=name), attr=attr):
            return f"{_SHORT[name]}.{attr}" if name in _SHORT else f"torch.Tensor.{attr}" if _is_tensor(name) else None
        case ast.Attribute(value=value, attr=attr):
            return _member(value, attr)
        case ast.BinOp() | ast.Compare() if "torch.Size(" in ast.unparse(node):
            return "torch.Size"
        case ast.BinOp(op=op) | ast.UnaryOp(op=op):
            return f"torch.{_OPERATORS[type(op).__name__]}" if type(op).__name__ in _OPERATORS else None
        case ast.Compare(ops=[op]):
            return f"torch.{_OPERATORS[type(op).__name__]}" if type(op).__name__ in _OPERATORS else None
        case ast.Subscript(value=ast.Name(id=name)):
            return "torch.Tensor.__getitem__" if _is_tensor(name) else None
        case ast.Subscript(value=value) | ast.Starred(value=value) | ast.NamedExpr(value=value):
            return _of(value)
        case ast.List(elts=[value, *_]):
            return _of(value)
    return None


def _makes(value: ast.expr) -> bool:
    """Whether it is but a tensor on which a method is called."""
    is_made = isinstance(value, (ast.Call, ast.BinOp)) and _of(value) in _MAKERS
    return is_made or (isinstance(value, ast.Call) and str(_of(value)).startswith("torch.Tensor."))


def _member(value: ast.expr, attr: str) -> str | None:
    """Of a class its member, of a module what it has, and else of the tensor that a call gives."""
    owner = _of(value)
    if owner is None or attr in _LOOKS:
        return owner
    if isinstance(value, ast.Attribute) and not _is_class(owner):
        return f"{owner}.{attr}"
    if _is_class(owner) and not owner.startswith("torch.Tensor"):
        return f"{owner}.{attr}" if isinstance(value, (ast.Call, ast.Attribute, ast.NamedExpr)) else owner
    return f"torch.Tensor.{attr}" if owner.startswith("torch.Tensor") else owner


def _is_class(name: str) -> bool:
    return name.rpartition(".")[2][:1].isupper()


def _is_tensor(name: str) -> bool:
    return name in {"x", "y", "z", "v", "w", "a", "b", "m", "s", "p", "r", "q", "image", "sequence", "volume", "mask"}
