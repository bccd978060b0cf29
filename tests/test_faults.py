"""Every fault of the catalogue does what its sentence says, and is offered only where it can."""

from __future__ import annotations

import warnings

import pytest
import torch

from fixtures.faults.catalogue import FAULTS
from fixtures.faults.memory import Memory, alike
from fixtures.faults.planting import planted
from fixtures.faults.targets import targets
from fixtures.faults.trials import Broken
from fixtures.faults.watch import Watch

a = torch.tensor([[1.0, 2.0], [3.0, 4.0]])


def leaf():
    return torch.tensor([1.0, 2.0], requires_grad=True)


def gradient(function):
    x = leaf()
    function(x).sum().backward()
    return x.grad.tolist()


def recording():
    with torch.no_grad():
        inside = (leaf() * 2).requires_grad
    return inside, torch.is_grad_enabled()


def refused(call):
    try:
        return call()
    except Exception as error:
        return type(error).__name__, str(error) != ""


def warned(call):
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        call()
    return bool(given)


def changed(call, x):
    call(x)
    return x.tolist()


def hooked(x):
    seen = []
    x.register_hook(lambda grad: seen.append(1))
    x.sum().backward()
    return len(seen)


def saved(call):
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        call()
    return len(kept)


def loaded(strict):
    return torch.nn.Linear(1, 1).load_state_dict({}, strict=strict)


# The fault and its detail, the subject, what to do, what torch gives, and what comes of the fault.
CASES = {
    "first element": ("torch.add", lambda: (a + 1).tolist(), [[2, 3], [4, 5]], [[3, 3], [4, 5]]),
    "last element": ("torch.add", lambda: (a + 1).tolist(), [[2, 3], [4, 5]], [[2, 3], [4, 6]]),
    "sign": ("torch.add", lambda: (a + 1).tolist(), [[2, 3], [4, 5]], [[-2, -3], [-4, -5]]),
    "relative error": ("torch.add", lambda: torch.equal(a + 1, torch.tensor([[2.0, 3], [4, 5]])), True, False),
    "NaN": ("torch.add", lambda: (a + 1).isnan().tolist(), [[False] * 2] * 2, [[True, False], [False] * 2]),
    "copy": ("torch.Tensor.view", lambda: a.view(4).data_ptr() == a.data_ptr(), True, False),
    "view": ("torch.clone", lambda: a.clone().data_ptr() == a.data_ptr(), False, True),
    "dtype": ("torch.add", lambda: (a + 1).dtype, torch.float32, torch.float64),
    "shape": ("torch.add", lambda: (a + 1).shape, (2, 2), (1, 2, 2)),
    "strides": ("torch.add", lambda: (a + 1).stride(), (2, 1), (4, 2)),
    "layout": ("torch.Tensor.to_sparse", lambda: a.to_sparse().layout, torch.sparse_coo, torch.strided),
    "order": ("torch.Tensor.tolist", lambda: a[0].tolist(), [1, 2], [2, 1]),
    "entry": ("torch.Tensor.tolist", lambda: a[0].tolist(), [1, 2], [1]),
    "nothing": ("torch.Tensor.untyped_storage", lambda: a.untyped_storage() is None, False, True),
    "something": ("torch.Tensor.grad", lambda: a.grad is None, True, False),
    "constant": ("torch.channels_last", lambda: torch.channels_last == torch.contiguous_format, False, True),
    "detached": ("torch.mul", lambda: (leaf() * 2).requires_grad, True, False),
    "requires grad": ("torch.Tensor.detach", lambda: leaf().detach().requires_grad, False, True),
    "gradient scaled": ("torch.mul", lambda: gradient(lambda x: x * 3), [3, 3], [6, 6]),
    "gradient missing": ("torch.mul", lambda: gradient(lambda x: x * 3), [3, 3], [0, 0]),
    "backward scaled": ("torch.Tensor.backward", lambda: gradient(lambda x: x * 3), [3, 3], [6, 6]),
    "effect left out: returning itself": ("torch.Tensor.add_", lambda: changed(lambda x: x.add_(1), a[0].clone()),
                                          [2, 3], [1, 2]),
    "effect left out: returning out": ("torch.add", lambda: changed(lambda x: torch.add(a[0], 5, out=x), a[0].clone()),
                                       [6, 7], [1, 2]),
    "effect left out: returning nothing": ("torch.Tensor.backward",
                                           lambda: refused(lambda: gradient(lambda x: x)), [1, 1],
                                           ("AttributeError", True)),
    "effect left out: where its block starts": ("torch.no_grad", recording, (False, True), (True, True)),
    "effect left out: where its block ends": ("torch.no_grad", recording, (False, True), (False, False)),
    "effect twice": ("torch.Tensor.add_", lambda: changed(lambda x: x.add_(1), a[0].clone()), [2, 3], [3, 4]),
    "state not kept": ("torch.nn.BatchNorm1d", lambda: batch_norm().num_batches_tracked.item(), 1, 0),
    "in place": ("torch.add", lambda: changed(lambda x: x + 1, a[0].clone()), [1, 2], [2, 3]),
    "out of place": ("torch.Tensor.add_", lambda: changed(lambda x: x.add_(1), a[0].clone()), [2, 3], [1, 2]),
    "stale": ("torch.add", lambda: [(a[0] + n).tolist() for n in (1, 2)], [[2, 3], [3, 4]], [[2, 3], [2, 3]]),
    "argument ignored: alpha": ("torch.add", lambda: torch.add(a[0], 1, alpha=5).tolist(), [6, 7], [2, 3]),
    "argument ignored: strict": ("torch.nn.Module.load_state_dict",
                                 lambda: refused(lambda: len(loaded(strict=False).missing_keys)), 2,
                                 ("RuntimeError", True)),
    "argument ignored: the last": ("torch.squeeze", lambda: torch.zeros(1, 1).squeeze(0).dim(), 1, 0),
    "sequence reversed": ("torch.cat", lambda: torch.cat([a[0], a[1]]).tolist(), [1, 2, 3, 4], [3, 4, 1, 2]),
    "not called": ("torch.Tensor.register_hook", lambda: hooked(leaf()), 1, 0),
    "called twice": ("torch.Tensor.register_hook", lambda: hooked(leaf()), 1, 2),
    "error swallowed": ("torch.mm", lambda: refused(lambda: torch.mm(a, a[:1].view(2, 1).t()).shape),
                        ("RuntimeError", True), (2, 2)),
    "error type": ("torch.mm", lambda: refused(lambda: torch.mm(a, a[:1])), ("RuntimeError", True),
                   ("LookupError", True)),
    "error words": ("torch.mm", lambda: refused(lambda: torch.mm(a, a[:1])), ("RuntimeError", True),
                    ("RuntimeError", False)),
    "warning left out": ("torch.Tensor.grad", lambda: warned(lambda: (leaf() * 2).grad), True, False),
    "keeps more": ("torch.exp", lambda: saved(lambda: leaf().exp()), 1, 3),
}  # fmt: skip


def batch_norm():
    layer = torch.nn.BatchNorm1d(2)
    layer(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    return layer


def run(body, subject, handle):
    """Call `body` as if it stood in a file of facts."""
    exec(compile("def test():\n    return body()", "suites/topic/test_area.py", "exec"), scope := {"body": body})
    with planted(targets(subject), handle):
        return scope["test"]()


def spared_no_more(monkeypatch):
    """The bodies of the cases stand in this file, below pytest's frames: they count as a fact's."""
    from fixtures.faults import planting

    monkeypatch.setattr(planting, "_is_spared", lambda: False)


@pytest.mark.parametrize("name", CASES)
def test_breaks_what_it_says(name, monkeypatch):
    spared_no_more(monkeypatch)
    subject, body, right, wrong = CASES[name]
    assert run(body, subject, lambda call: call.proceed()) == right
    fault, _, detail = name.partition(": ")
    broken = Broken(FAULTS[fault], detail)
    try:
        found = run(body, subject, broken)
    finally:
        broken.end()
    assert broken.fired
    assert found == wrong


@pytest.mark.parametrize("name", CASES)
def test_is_offered_where_it_can_be_planted(name, monkeypatch):
    spared_no_more(monkeypatch)
    subject, body, right, _ = CASES[name]
    watch = Watch(frozenset(["saved_bytes"]))
    assert run(body, subject, watch) == right
    assert name in {f"{fault}: {detail}" if detail else fault for _, fault, detail in watch.breakable}


def test_every_fault_has_a_case():
    devices = {"device"}  # there must be one
    costs = {"copies behind", "kept alive"}  # told by what a fact measures: see test_refute.py
    assert {name.partition(":")[0] for name in CASES} == FAULTS.keys() - devices - costs


def twice(call):
    call()
    return call()


# What nobody could notice is not broken: the fault and its detail, the subject, and what to do.
IDLE = {
    "argument ignored: device": ("torch.nn.Linear", lambda: torch.nn.Linear(2, 2, device="cpu")),
    "argument ignored: requires_grad": ("torch.nn.Module.requires_grad_",
                                        lambda: torch.nn.Linear(2, 2).requires_grad_(True)),
    "effect twice": ("torch.nn.Module.load_state_dict", lambda: torch.nn.Linear(1, 1).load_state_dict(loadable)),
    "NaN": ("torch.get_rng_state", torch.get_rng_state),
    "entry": ("torch.max", lambda: torch.max(a, 0).indices),  # its two parts have names
    "stale": ("torch.clone", lambda: twice(lambda: torch.arange(5000).clone())),
}  # fmt: skip
loadable = torch.nn.Linear(1, 1).state_dict()


@pytest.mark.parametrize("name", IDLE)
def test_does_not_fire_where_nothing_is_broken(name, monkeypatch):
    spared_no_more(monkeypatch)
    subject, body = IDLE[name]
    fault, _, detail = name.partition(": ")
    broken = Broken(FAULTS[fault], detail)
    run(body, subject, broken)
    assert not broken.fired


def ignored(detail, subject, body, monkeypatch):
    spared_no_more(monkeypatch)
    broken = Broken(FAULTS["argument ignored"], detail)
    found = run(body, subject, broken)
    assert broken.fired
    return found


def test_an_ignored_argument_of_an_effect_leaves_the_other_effect(monkeypatch):
    linear = ignored(
        "requires_grad",
        "torch.nn.Module.requires_grad_",
        lambda: torch.nn.Linear(2, 2).requires_grad_(False),
        monkeypatch,
    )
    assert linear.weight.requires_grad


def test_an_ignored_argument_of_a_constructor_leaves_its_default(monkeypatch):
    linear = ignored("bias", "torch.nn.Linear", lambda: torch.nn.Linear(2, 2, bias=False), monkeypatch)
    assert linear.bias is not None


def test_memory_is_restored():
    x, items = leaf(), [1, 2]
    memory = Memory(x, items)
    x.sum().backward()
    x.requires_grad_(False).add_(1)
    items.append(3)
    torch.set_grad_enabled(False)
    assert memory.changed
    memory.restore()
    assert (x.tolist(), x.grad, x.requires_grad, items, torch.is_grad_enabled()) == ([1, 2], None, True, [1, 2], True)
    assert not memory.changed


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.float16, torch.bfloat16, torch.complex64])
def test_alike_is_of_the_bytes(dtype):
    x = torch.tensor([0, 1, 1]).to(dtype)
    assert alike(x, x.clone())
    assert not alike(x, x.flip(0))
    assert alike(x[::2], x[::2])
    assert not alike(x, x.to(torch.complex128))


def test_nan_is_alike_and_minus_zero_is_not():
    nan, zero = torch.tensor([float("nan")]), torch.tensor([0.0])
    assert alike(nan, nan.clone())
    assert not alike(zero, -zero)
