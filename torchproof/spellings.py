"""Names that mean one operation: `torch.add`, `a.add(b)`, `a + b` and `1 + a` are one to who reads of them.

The in-place form `a += b` is another. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from torchproof.inventory import inventory

_BINARY = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "mod": "remainder",
    "pow": "pow", "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
}  # fmt: skip
_OTHER = {
    "__neg__": "neg", "__pos__": "positive", "__abs__": "abs", "__invert__": "bitwise_not", "__eq__": "eq",
    "__ne__": "ne", "__lt__": "lt", "__le__": "le", "__gt__": "gt", "__ge__": "ge", "__rdiv__": "div",
}  # fmt: skip
# Each special method of a tensor with the function that it spells.
OPERATORS = {
    **{f"__{word}__": name for word, name in _BINARY.items()},
    **{f"__r{word}__": name for word, name in _BINARY.items()},
    **{f"__i{word}__": f"{name}_" for word, name in _BINARY.items() if name != "matmul"},  # `@=` has no place to write
    **_OTHER,
}
# Names that the documentation calls aliases of the first one.
ALIASES = {
    alias: first
    for first, *others in map(
        str.split,
        (
            "abs absolute", "neg negative", "mul multiply", "sub subtract", "div divide true_divide", "clamp clip",
            "cat concat concatenate", "transpose swapaxes swapdims", "movedim moveaxis", "ne not_equal", "lt less",
            "le less_equal", "gt greater", "ge greater_equal", "trunc fix", "outer ger", "acos arccos", "asin arcsin",
            "atan arctan", "atan2 arctan2", "acosh arccosh", "asinh arcsinh", "atanh arctanh", "vstack row_stack",
        ),
    )
    for alias in others
}  # fmt: skip


def operation(name: str) -> str:
    """One name for all spellings of an operation: `torch.add` for `torch.Tensor.__radd__`; of any other, the name."""
    owner, _, member = name.rpartition(".")
    if owner not in ("torch", "torch.Tensor") and name != "torch.linalg.matmul":
        return name
    member = OPERATORS.get(member, member)
    plain = member.removesuffix("_")
    return f"torch.{ALIASES.get(plain, plain)}{member[len(plain) :]}"


def spellings(name: str) -> set[str]:
    """The names that stand for the same operation as this one, whether a release has them or not."""
    first = operation(name)
    if first == name and name.rpartition(".")[0] != "torch":
        return {name}
    plain = first.removeprefix("torch.").removesuffix("_")
    ending = first.removeprefix(f"torch.{plain}")
    names = {f"{alias}{ending}" for alias, other in {**ALIASES, plain: plain}.items() if other == plain}
    group = {f"{holder}.{one}" for one in names for holder in ("torch", "torch.Tensor")}
    group |= {f"torch.Tensor.{special}" for special, spelled in OPERATORS.items() if spelled == f"{plain}{ending}"}
    return group | ({"torch.linalg.matmul"} if first == "torch.matmul" else set())


@cache
def _itself(name: str) -> str:
    """The name that the newest release that has it gives it."""
    having = [entry for _, entry in inventory().history(name) if entry]
    return operation(having[-1].name if having else name)


def about(name: str) -> Callable[[str], bool]:
    """Tells of a subject whether it is what `name` is, however it is spelled, or a member of that."""
    inside = f"{name}.", f"{_itself(name)}."
    return lambda subject: _itself(subject) == _itself(name) or subject.startswith(inside)
