"""Everyday Python, by what becomes of it in `torch.compile`: pytest does not rewrite an assert of this file."""

import collections
import contextlib
import copy
import dataclasses
import functools
import itertools
import logging
import math
import operator
import os
import random
import re
import time
import warnings

import numpy
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

Pair = collections.namedtuple("Pair", "a b")
LOG = logging.getLogger(__name__)
SETTINGS = {"scale": 2.0}
CALLS = 0


def between(call):
    """A function that has an operator before the call and one behind it, and does not look at what the call gives."""

    def function(x):
        y = x * 2
        call(y)
        return y + 1

    return function


@dataclasses.dataclass
class Box:
    tensor: torch.Tensor
    by: float = 2.0


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        return grad * 2


class Scale:
    def __init__(self, by):
        self.by = by

    def __call__(self, x):
        return x * self.by


class Counted(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0

    @property
    def by(self):
        return 3.0

    def forward(self, x):
        self.calls += 1
        return x * self.by


COUNTED = Counted()


def _list(x):
    rows = []
    for row in x:
        rows.append(row * 2)
    return torch.stack(rows)


def _except(x):
    try:
        raise ValueError("own")
    except ValueError:
        y = x * 2
    return y + 1


def _try(x):
    try:
        y = x * 2
    except ValueError:
        y = x
    return y + 1


def _no_grad(x):
    y = x * 2
    with torch.no_grad():
        z = y + 1
    return y + z


def _autocast(x):
    with torch.autocast(x.device.type, dtype=torch.bfloat16):
        y = x @ x
    return y.float() + 1


def _generator(x):
    def doubled():
        for row in x:
            yield row * 2

    return torch.stack(list(doubled()))


def _nonlocal(x):
    calls = 0

    def inner(y):
        nonlocal calls
        calls += 1
        return y * calls

    return inner(x) + inner(x)


def _global(x):
    global CALLS
    CALLS += 1
    return x * 2


def _enumerate(x):
    total = 0
    for index, (a, b) in enumerate(zip(x, x)):
        total = total + a * b * index
    return total


def _range(x):
    total = 0
    for index in range(x.size(0)):
        total = total + x[index]
    return total


def _view(x):
    y = x.clone()
    y[0].add_(1)
    y.view(-1)[1] = 3.0
    return y


def _mask(x):
    y = x * 2
    y[y > 0] = 0.0
    return y + 1


def _assert(x):
    y = x * 2
    assert (y == y).all()
    return y + 1


def _record(x):
    y = x * 2
    with torch.profiler.record_function("part"):
        return y + 1


def _out(x):
    out = torch.empty(2, 2, device=x.device)
    torch.mul(x, 2, out=out)
    return out + 1


def _recursion(x, left=3):
    return x if left == 0 else _recursion(x * 2, left - 1)


def _keywords(x, **options):
    return x * options["by"]


def _defaultdict(x):
    lists = collections.defaultdict(list)
    lists["a"].append(x * 2)
    return lists["a"][0] + 1


@functools.cache
def remembered(number):
    return number * 2


@contextlib.contextmanager
def three():
    yield 3


def _own_context(x):
    with three() as by:
        y = x * by
    return y + 1


def _inference(x):
    with torch.inference_mode():
        y = x * 2
    return y + 1


def _update(x):
    tensors = {"a": x}
    tensors["b"] = tensors["a"] * 2
    tensors.update(c=x)
    return sum(tensors.values())


def _torch_error(x):
    try:
        y = torch.ones(3) @ x
    except RuntimeError:
        y = x * 2
    return y + 1


def _random(x):
    y = x * 2
    return y + random.random() * 0


def while_below(x):
    y = x * 2
    while y.sum() < 5:
        y = y * 2
    return y


ONE = {
    "list_of_rows": _list,
    "dict": lambda x: {"a": x, "b": {"c": x * 2}}["b"]["c"] + 1,
    "try": _try,
    "no_grad": _no_grad,
    "autocast": _autocast,
    "generator_expression": lambda x: sum(row * 2 for row in x),
    "generator_function": _generator,
    "closure": lambda x: (lambda y: y * 2 + x)(x) + 1,
    "nonlocal": _nonlocal,
    "global_counter": _global,
    "enumerate_zip": _enumerate,
    "range_of_a_size": _range,
    "len": lambda x: x * len(x),
    "shape_branch": lambda x: x * 2 if x.shape[0] > 1 else x,
    "device_and_dtype_branch": lambda x: x * 2 if (x.device.type, x.dtype) == ("meta", torch.float32) else x * 3,
    "requires_grad_branch": lambda x: x * 2 if x.requires_grad else x * 3,
    "isinstance": lambda x: x * 2 if isinstance(x, torch.Tensor) else x,
    "in_place_on_views": _view,
    "assignment_by_mask": _mask,
    "assert_on_a_tensor": _assert,
    "record_function": _record,
    "out_argument": _out,
    "recursion": _recursion,
    "keywords": lambda x: _keywords(x, by=2.0),
    "star_arguments": lambda x: (lambda *rows: rows[0] * rows[1])(*x),
    "random_randint": lambda x: x * random.randint(2, 2),
    "map_lambda": lambda x: torch.stack(list(map(operator.neg, x))),
    "reduce": lambda x: functools.reduce(operator.add, [x, x * 2]),
    "module_that_counts": lambda x: COUNTED(x) + 1,
    "dataclass": lambda x: Box(x).tensor * Box(x).by,
    "namedtuple": lambda x: Pair(x, x * 2).a + Pair(x, x * 2).b,
    "math": lambda x: x * math.gcd(4, 6) + math.sqrt(4),
    "number_formatting": lambda x: x * len(f"{1 / 3:.2f}" + f"{x.shape[0]} rows"),
    "is_compiling": lambda x: x * (2 if torch._dynamo.is_compiling() else 2.0),
    "cuda_is_available": lambda x: x * 2 + torch.cuda.is_available() * 0,
    "torch_rand": lambda x: x + torch.rand(2, device=x.device) * 0,
    "tensor_of_a_list": lambda x: x + torch.tensor([1.0, x.shape[0]], device=x.device),
    "autograd_function": lambda x: Doubled.apply(x) + 1,
    "einsum": lambda x: torch.einsum("ij,jk->ik", x, x) + 1,
    "sort": lambda x: x.sort(-1).values * 2,
    "topk": lambda x: x.topk(1).values * 2,
    "attention": lambda x: functional.scaled_dot_product_attention(x[None], x[None], x[None]) * 2,
    "dropout": lambda x: functional.dropout(x, 0.5, training=False) * 2,
    "settings_in_a_dict": lambda x: x * SETTINGS["scale"],
}  # fmt: skip
ONE_SINCE = {
    "2.1": {
        "numpy_function": lambda x: x + torch.from_numpy(numpy.ones((2, 2), dtype=numpy.float32)).to(x.device),
        "numpy_of_a_tensor": lambda x: torch.from_numpy(numpy.sin((x * 2).cpu().numpy())) + 1,
        "sorted_with_key": lambda x: x * sorted([3, 1, 2], key=lambda number: -number)[0],
        "itertools": lambda x: sum(a * b for a, b in itertools.product([x, x * 2], [x, x * 3])),
        "defaultdict": _defaultdict,
        "deque": lambda x: collections.deque([x, x * 2]).pop() + 1,
        "checkpoint": lambda x: checkpoint(lambda y: torch.sin(y) * 2, x, use_reentrant=False),
    },
    "2.2": {
        "shape_in_text": lambda x: x * len(f"{x.shape}"),
        "partial": lambda x: functools.partial(torch.add, alpha=2)(x, x),
        "object_with_call": lambda x: Scale(2.0)(x) + 1,
    },
    "2.3": {
        "tensor_in_text": between(lambda y: f"{y}"),
        "inference_mode": _inference,
        "lru_cache": lambda x: x * remembered(3),
    },
    "2.4": {
        "raise_and_except": _except,
        "vmap": lambda x: torch.vmap(lambda row: row * 2)(x),
        "func_grad": lambda x: torch.func.grad(lambda y: (y * y).sum())(x),
    },
    "2.6": {
        "dict_update": _update,
        "sorted_tensors": lambda x: sum(sorted([x * 1, x * 3, x * 2], key=lambda y: y.dim())),
        "numpy_scalar": lambda x: x * 2 + float(numpy.float32(2)),
        "data_ptr": between(lambda y: y.data_ptr()),
    },
    "2.7": {
        "contextmanager": _own_context,
        "dataclass_replace": lambda x: dataclasses.replace(Box(x), by=3.0).tensor * 2,
    },
    "2.9": {
        "namedtuple_replace": lambda x: Pair(x, x * 2)._replace(b=x).b + 1,
        "counter": lambda x: x * collections.Counter("aab")["a"],
    },
    "2.12": {
        "deepcopy_of_a_list": lambda x: x * copy.deepcopy([1, 2])[1] + 1,
        "regular_expression": lambda x: x * 2 * int(re.match(r"(\d+)", "12").group(1)),
    },
    "2.13": {"id": between(id), "hash": between(hash)},
    "2.14": {"error_of_torch": _torch_error},
}  # fmt: skip
TWO = {
    "print": between(lambda y: print("here")),
    "print_a_tensor": between(print),
    "str_of_a_tensor": between(str),
    "logging": between(lambda y: LOG.debug("here")),
    "warn": between(lambda y: warnings.warn("careful", stacklevel=1)),
    "time": between(lambda y: time.time()),
    "perf_counter": between(lambda y: time.perf_counter()),
    "sleep": between(lambda y: time.sleep(0)),
    "deepcopy_of_a_tensor": between(copy.deepcopy),
    "get_num_threads": between(lambda y: torch.get_num_threads()),
    "tolist": between(lambda y: y.tolist()),
    "equal": lambda x: x * 2 + 1 if torch.equal(x * 2, x) else x * 2 + 3,
    "allclose": lambda x: x * 2 + 1 if torch.allclose(x * 2, x) else x * 2 + 3,
    "if": lambda x: x * 2 if x.sum() > 0 else x - 1,
    "bool": lambda x: x * 2 if bool((x > 0).all()) else x - 1,
    "isnan_any": lambda x: x * 2 if torch.isnan(x).any() else x - 1,
    "graph_break": between(lambda y: torch._dynamo.graph_break()),
}  # fmt: skip
TWO_UNTIL = {
    "2.5": {"environ": between(lambda y: os.environ.get("HOME"))},
    "2.6": {name: ONE_SINCE["2.6"][name] for name in ("dict_update", "sorted_tensors", "numpy_scalar", "data_ptr")},
    "2.12": {"regular_expression": ONE_SINCE["2.12"]["regular_expression"]},
    "2.13": ONE_SINCE["2.13"],
}  # fmt: skip
NONE_UNTIL = {
    "2.4": {name: ONE_SINCE["2.4"][name] for name in ("raise_and_except",)},
    "2.7": ONE_SINCE["2.7"],
}  # fmt: skip
VALUES = {
    "item": lambda x: x * 2 + x.sum().item(),
    "int": lambda x: x * int((x * 4).sum()),
    "float": lambda x: x * 2 + float(x.sum()),
    "nonzero": lambda x: (x * 2).nonzero() * 2,
    "mask": lambda x: (x * 2)[x > 0] + 1,
    "masked_select": lambda x: (x * 2).masked_select(x > 0) + 1,
    "unique": lambda x: (x * 2).unique() + 1,
    "bincount": lambda x: x.abs().long().view(-1).bincount() * 2,
    "where": lambda x: torch.where(x > 0)[0] * 2,
    "repeat_interleave": lambda x: x.repeat_interleave(torch.tensor([1, 2], device=x.device), dim=0) * 2,
}  # fmt: skip
