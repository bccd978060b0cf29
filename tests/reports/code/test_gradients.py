"""Whether a gradient may go through a call, as far as its file shows it."""

from __future__ import annotations

import ast
import textwrap

import pytest

from torchproof.reports.code.gradients import Gradients
from torchproof.reports.code.syntax import Tree

PASSES = {
    "a parameter": "def f(x):\n    return x.clamp(0)",
    "a mixture": "def f(x, m):\n    y = x.detach() * m\n    return torch.clamp(y, min=0)",
    "a parameter that is itself limited": "def f(x):\n    x = x * 2\n    return x.clamp(0)",
    "it is asked for": "def f():\n    x = torch.zeros(2)\n    x.requires_grad_()\n    return x.clamp(0)",
    "made with it": "def f():\n    return torch.zeros(2, requires_grad=True).clamp(0)",
    "a layer": "def f(self):\n    return self.layer(torch.ones(2)).clamp(0)",
    "a new parameter": "def f():\n    return torch.nn.Parameter(torch.ones(2)).clamp(0)",
    "an index and more": "def f(x, y):\n    i = x.clamp(0)\n    return y[i.long()] * i",
    "switched on again": "@torch.no_grad()\ndef f(x):\n    with torch.enable_grad():\n        return x.clamp(0)",
    "backward of a Function": "class F(Function):\n    def backward(ctx, g):\n        return g.clamp(0)",
    "a hook of forward": "def f(m):\n    m.register_forward_hook(lambda m, x, y: y.clamp(0))",
    "one of two": "def f(x):\n    return x.detach().clamp(0), x.clamp(0)",
    "a source": "def f(x, i, y):\n    return y.scatter_add(1, i, x.clamp(0))",
    "in place": "def f(x):\n    x.data\n    x.clamp_(0)\n    return x.long()",
    "outside a function": "x = torch.ones(2)\ny = x.clamp(0)",
    "a word of its own": "def f(x, task):\n    return task.clamp(0)",
}
DOES_NOT = {
    "detached": "def f(x):\n    return x.detach().clamp(0)",
    "data": "def f(self):\n    self.w.data = torch.clamp(self.w.data, 0)",
    "by a name": "def f(x):\n    x = x.detach()\n    y = x * 2\n    return y.clamp(0)",
    "counts": "def f(x):\n    n = (x > 0).sum(1)\n    return n.clamp(min=1)",
    "names of one another": "def f(n):\n    a = b = torch.ones(1)\n    for _ in range(n):\n        a, b = b, a\n"
    "        a = b\n        b = a.abs()\n    return b.clamp(0)",
    "an index": "def f(x, y):\n    return y[x.clamp(0)]",
    "a part of an index": "def f(x, y):\n    return y[:, x.clamp(0) + 1]",
    "an index by a name": "def f(x, y):\n    i = x.clamp(0)\n    j = i + 1\n    return y[j], y.gather(1, index=i)",
    "where it gathers": "def f(x, y):\n    return torch.gather(y, 1, x.clamp(0).unsqueeze(-1))",
    "integers": "def f(x):\n    return x.clamp(0).to(torch.long)",
    "rounded": "def f(x):\n    return torch.round(x.clamp(0) / 2)",
    "compared": "def f(x):\n    return x.clamp(0) > 1",
    "decorated": "@torch.no_grad()\ndef f(x):\n    return x.clamp(0)",
    "in no_grad": "def f(x):\n    with torch.inference_mode():\n        if x:\n            return x.clamp(0)",
    "switched off": "def f(x):\n    with torch.set_grad_enabled(False):\n        return x.clamp(0)",
    "a hook": "def f(x):\n    x.register_hook(lambda grad: torch.clamp(grad, -1, 1))",
    "dropped": "def f(self):\n    torch.clamp(self.w, 1e-6)\n    return self.w",
    "a mask by its name": "def f(x, loss_mask):\n    return x / loss_mask.sum().clamp(min=1)",
    "lengths by their name": "def f(x, seq_lengths):\n    return x / seq_lengths.clamp(min=1)",
    "running statistics": "def f(self, x):\n    return x / torch.clamp(self.running_var, min=1)",
    "a buffer": "def f(self):\n    self.register_buffer('var', v)\ndef g(self, x):\n    return x / self.var.clamp(1)",
    "forward of a Function": "class F(torch.autograd.Function):\n    def forward(ctx, x):\n        return x.clamp(0)",
}


def _may_pass(code):
    """Whether a gradient may pass through the last clamp in the code."""
    tree = ast.parse(textwrap.dedent(code))
    calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call) and "clamp" in ast.unparse(one.func)[-7:]]
    call = max(calls, key=lambda one: (one.lineno, one.col_offset))
    is_method = not ast.unparse(call.func).startswith("torch.clamp")
    return Gradients(Tree(tree)).may_pass(call.lineno, call.func.attr, 1, is_method)


@pytest.mark.parametrize("code", PASSES.values(), ids=PASSES)
def test_a_gradient_may_pass(code):
    assert _may_pass(code)


@pytest.mark.parametrize("code", DOES_NOT.values(), ids=DOES_NOT)
def test_no_gradient_passes(code):
    assert not _may_pass(code)


@pytest.mark.parametrize(
    ("given", "may"), [("y, x", True), ("y.data, x", True), ("y.data, x.data", False), ("y.data, self.x", True)]
)
def test_both_operands_are_asked_about_where_either_has_a_gradient(given, may):
    code = f"def f(self, x, y):\n    return torch.atan2({given})"
    assert Gradients(Tree(ast.parse(code))).may_pass(2, "atan2", 2, False) is may


def test_what_is_nested_too_deeply_may_pass_one():
    code = f"def f(x):\n    return torch.clamp({'-' * 90}x, 0)"
    tree = ast.parse(code)
    call = tree.body[0].body[0].value
    for _ in range(5000):
        call.args[0] = ast.UnaryOp(ast.USub(), call.args[0])
    gradients = Gradients(Tree(tree))
    assert gradients.may_pass(2, "clamp", 1, False)
