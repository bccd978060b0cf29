"""Each spelling of a subject is reached, whichever way torch calls it. Run it on the oldest release too.

There `__getitem__` is not reached: what cannot be replaced is left to a mode, which torch 2.0 does not ask.
"""

from __future__ import annotations

import pytest
import torch

from fixtures.faults.planting import planted
from fixtures.faults.targets import OPERATORS, targets

HELD = {"add": torch.add, "matmul": torch.matmul, "method": torch.Tensor.mm}  # as a table of parameters holds them

SPELLINGS = {
    "torch.add": [
        "torch.add(a, b)", "a.add(b)", "a + b", "1 + a", "torch.add(a, b, out=c)", "HELD['add'](a, b)",
        "torch.Tensor.add(a, b)",
    ],
    "torch.Tensor.add_": ["a.add_(b)", "a.__iadd__(b)", "operator.iadd(a, b)"],
    "torch.sub": ["torch.sub(a, b)", "a.sub(b)", "a - b", "1 - a", "torch.subtract(a, b)", "torch.sub(a, b, out=c)"],
    "torch.mul": ["torch.mul(a, b)", "a.mul(b)", "a * b", "2 * a", "a.multiply(b)"],
    "torch.Tensor.mul_": ["a.mul_(b)", "operator.imul(a, b)"],
    "torch.div": ["torch.div(a, b)", "a.div(b)", "a / b", "1 / a", "torch.true_divide(a, b)"],
    "torch.floor_divide": ["torch.floor_divide(a, b)", "a // b", "1 // a"],
    "torch.remainder": ["torch.remainder(a, b)", "a % b", "5 % a"],
    "torch.pow": ["torch.pow(a, 2)", "a.pow(2)", "a ** 2", "2 ** a", "torch.pow(a, 2, out=c)"],
    "torch.matmul": [
        "torch.matmul(a, b)", "a.matmul(b)", "a @ b", "a.__rmatmul__(b)", "torch.linalg.matmul(a, b)",
        "torch.matmul(a, b, out=c)", "HELD['matmul'](a, b)",
    ],
    "torch.Tensor.mm": ["a.mm(b)", "torch.mm(a, b)", "HELD['method'](a, b)"],
    "torch.neg": ["torch.neg(a)", "a.neg()", "-a", "torch.negative(a)"],
    "torch.abs": ["torch.abs(a)", "abs(a)", "a.absolute()"],
    "torch.bitwise_and": ["torch.bitwise_and(i, i)", "i & i", "1 & i"],
    "torch.bitwise_not": ["~i", "i.bitwise_not()"],
    "torch.eq": ["torch.eq(a, b)", "a.eq(b)", "a == b"],
    "torch.lt": ["torch.lt(a, b)", "a < b", "torch.less(a, b)"],
    "torch.ge": ["a >= b", "a.ge(b)"],
    "torch.Tensor.__getitem__": ["a[0]", "a[:, 1]", "a[a > 1]"],
    "torch.Tensor.__setitem__": ["a.__setitem__(0, 1.0)", "operator.setitem(a, 0, 1.0)"],
    "torch.Tensor.T": ["a.T"],
    "torch.Tensor.grad": ["a.grad"],
    "torch.Tensor.backward": ["leaf.sum().backward()"],
    "torch.transpose": ["torch.transpose(a, 0, 1)", "a.transpose(0, 1)", "a.swapaxes(0, 1)"],
    "torch.nn.functional.linear": ["F.linear(a, b)", "torch.nn.Linear(2, 2)(a)"],
    "torch.from_numpy": ["torch.from_numpy(numpy.ones(2))"],
    "torch.manual_seed": ["torch.manual_seed(0)"],
    "torch.ones": ["torch.ones(2)"],
    "torch.nn.Linear": ["torch.nn.Linear(2, 2)"],
    "torch.Tensor.__len__": ["len(a)"],
    "torch.Tensor.__contains__": ["1.0 in a"],
}  # fmt: skip
EACH = [pytest.param(subject, spelled, id=spelled) for subject, some in SPELLINGS.items() for spelled in some]

BEGIN = "import operator, numpy, torch, torch.nn.functional as F"


def evaluate(expression):
    """As if it stood in a file of facts."""
    a, b, c = torch.tensor([[1.0, 2], [3, 4]]), torch.tensor([[5.0, 6], [7, 8]]), torch.zeros(2, 2)
    scope = {"a": a, "b": b, "c": c, "i": torch.tensor([1, 2]), "HELD": HELD}
    exec(BEGIN, scope)
    scope["leaf"] = torch.ones(2, requires_grad=True)
    return eval(compile(expression, "suites/topic/test_area.py", "eval"), scope)


@pytest.mark.parametrize(("subject", "spelled"), EACH)
def test_is_reached_once(subject, spelled):
    calls = []

    def handle(call):
        calls.append(call.target.label)
        return call.proceed()

    with planted(targets(subject), handle):
        evaluate(spelled)
    assert calls == [subject]


@pytest.mark.parametrize(
    ("subject", "spelled"), [("torch.add", "a - b"), ("torch.add", "a.add_(b)"), ("torch.mm", "a @ b")]
)
def test_another_subject_is_left_alone(subject, spelled):
    calls = []
    with planted(targets(subject), calls.append):
        evaluate(spelled)
    assert calls == []


@pytest.mark.parametrize("wrong", ["torch.add(a)", "a.add('x')", "torch.add(a, b, nonsense=1)"])
def test_a_refusal_while_arguments_are_parsed_is_reached(wrong):
    calls = []

    def handle(call):
        calls.append(call)
        return "refused"

    with planted(targets("torch.add"), handle):
        assert evaluate(wrong) == "refused"
    assert len(calls) == 1


@pytest.mark.parametrize("subject", [subject for subject in SPELLINGS if subject != "torch.Tensor.__getitem__"])
def test_everything_is_as_before_afterwards(subject):
    names = [(spelling.owner, spelling.name) for target in targets(subject) for spelling in target.spellings]
    before = [vars(owner).get(name) for owner, name in names]
    with planted(targets(subject), lambda call: call.proceed()):
        assert [vars(owner).get(name) for owner, name in names] != before
    assert [vars(owner).get(name) for owner, name in names] == before


def test_the_members_of_an_enumeration_are_left_alone():
    labels = [target.label for target in targets("torch.onnx.JitScalarType")]
    assert labels[0] == "torch.onnx.JitScalarType"
    assert "torch.onnx.JitScalarType.__members__" not in labels


def test_a_tensor_is_no_sequence_to_c_afterwards():
    with planted(targets("torch.Tensor.__getitem__"), lambda call: call.proceed()):
        evaluate("a[0]")
    assert torch.tensor([torch.tensor(1.0)]).tolist() == [1.0]


@pytest.mark.parametrize(
    "subject",
    ["torch.Generator.manual_seed", "torch.Size.numel", "torch.utils.deterministic.fill_uninitialized_memory"],
)
def test_what_python_cannot_replace_is_left_alone(subject):
    owner, _, name = subject.rpartition(".")
    with planted(targets(subject), lambda call: None):
        assert evaluate(f"getattr({owner}, {name!r})") is not None


def test_an_enumeration_of_c_is_left_alone():
    activities = targets("torch.profiler.ProfilerActivity")
    assert {target.name for target in activities}.isdisjoint({"CPU", "CUDA"})
    with planted(activities, lambda call: None):
        assert evaluate("torch.profiler.ProfilerActivity.CPU") is not None


def test_judges_are_spared():
    from fixtures.checks import same

    x = torch.ones(2)
    calls = []
    with planted(targets("torch.Tensor.detach"), calls.append):
        same(x, [1.0, 1.0])
    assert calls == []


def test_every_operator_is_spelled_for_a_function_of_torch():
    missing = [name for name in OPERATORS.values() if not (hasattr(torch, name) or hasattr(torch.Tensor, name))]
    assert missing == []


@pytest.mark.parametrize("name", ["real", "long"], ids=["property", "dtype"])
def test_of_one_name_but_another_kind_are_other_things(name):
    for subject, holder in ((f"torch.{name}", torch), (f"torch.Tensor.{name}", torch.Tensor)):
        [target] = targets(subject)
        assert {spelling.owner for spelling in target.spellings if spelling.owner in (torch, torch.Tensor)} == {holder}


def test_a_class_is_its_own_methods():
    labels = {target.label for target in targets("torch.nn.BatchNorm1d")}
    assert {"torch.nn.BatchNorm1d", "torch.nn.BatchNorm1d.forward"} <= labels
    assert "torch.nn.BatchNorm1d.state_dict" not in labels


def test_a_class_of_c_cannot_be_reached():
    assert targets("torch.device") == ()
