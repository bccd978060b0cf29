"""What a release answers: results in words, and what happens in the processes that calls run in."""

from __future__ import annotations

import contextlib
import os
import resource

import pytest
import torch

from torchproof.reports.outcomes import ask, described
from torchproof.reports.outcomes.given import Given
from torchproof.reports.outcomes.questions import Question


@pytest.fixture(autouse=True)
def _warns_as_before():
    """A process that asks is to hear each warning, and no other test is."""
    was = torch.is_warn_always_enabled()
    yield
    torch.set_warn_always(was)


def asked(*codes, given="float32"):
    return [line for _, line in ask.answers([Question(code, given) for code in codes])]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.tensor([1.5, 2.0]), "float32[2]: 1.5 2"),
        (torch.ones(2, 2).t()[:1], "float32[1, 2] strides [1, 2]: 1 1"),
        (torch.tensor([True]), "bool[1]: True"),
        (torch.tensor(1 + 2j), "complex64[]: 1|2j"),
        (torch.arange(30), "int64[30]: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 … mean 14.5"),
        (torch.ones(1, device="meta"), "float32[1] on meta"),
        (torch.Size([2, 3]), "Size[2, 3]"),
        ((1, [None, "a"]), "[1, [None, 'a']]"),
        ({"a": 0.5}, "{a: float 0.5}"),
        (torch.Generator(), "a Generator"),
    ],
)
def test_a_value_in_words(value, words):
    assert described.described(value) == words


def test_an_error_has_its_class_and_what_python_has_above_it():
    class Own(ValueError):
        pass

    assert described.error(Own("no  good\nat 0x7f00")) == "raises Own<ValueError: no good at 0x…"


def test_a_call_gives_a_result_an_error_and_warnings():
    assert asked("torch.add(v, w)", "v + 'a'", "warnings.warn('old') or s") == [
        "float32[3]: 1.5 2 1.5\t",
        "raises TypeError: unsupported operand type(s) for +: 'Tensor' and 'str'\t",
        "float32[]: 1.5\tUserWarning: old",
    ]


def test_what_a_call_leaves_changed_is_told_and_undone():
    first, second = asked("torch.set_default_dtype(torch.float64)", "torch.tensor(1.0)")
    assert first.startswith("None (changes default dtype)")
    assert second == "float32[]: 1\t"


@pytest.fixture
def many_files():
    """More files are open than `select` can wait for."""
    soft, hard = before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (2000 if 0 < soft < 2000 else soft, hard))
    with contextlib.ExitStack() as opened:
        for _ in range(1100):
            opened.enter_context(open(os.devnull))
        yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_calls_are_asked_where_many_files_are_open(many_files):
    assert asked("torch.abs(s)") == ["float32[]: 1.5\t"]


def test_what_fails_before_the_first_call_comes_back_to_nobody(monkeypatch):
    monkeypatch.setattr(ask, "_answer", lambda *of_these: 1 / 0)
    here = os.getpid()
    assert asked("torch.abs(s)") == ["ends the process: exit 0\t"] and os.getpid() == here


def test_a_call_that_ends_its_process_has_that_for_an_outcome_and_the_next_is_asked():
    assert asked("torch.abs(s)", "os.kill(os.getpid(), 9)", "os._exit(3)", "torch.abs(s)") == [
        "float32[]: 1.5\t",
        "ends the process: SIGKILL\t",
        "ends the process: exit 3\t",
        "float32[]: 1.5\t",
    ]


@pytest.mark.slow
def test_a_call_that_hangs_is_ended_and_tells_nothing_since_machines_are_slow(monkeypatch):
    monkeypatch.setattr(ask, "_SECONDS", 20)
    assert asked("time.sleep(60)", "torch.abs(s)") == ["unstable\t", "float32[]: 1.5\t"]


@pytest.mark.parametrize(
    ("code", "given", "line"),
    [
        ("torch.abs(v)", "float16", "float16[3]: 1 2 3\t"),
        ("torch.square(v)", "float64 gradient", "[float64[3]: 2 -4 6]\t"),
        ("torch.abs(v).long()", "float32 gradient", "no gradient\t"),
        ("v**3", "float64 second gradient", "[float64[3]: 6 -12 18]\t"),
        ("v + 1", "float64 second gradient", "no gradient\t"),
        ("under(torch.device('meta'), lambda: torch.ones(2))", "float32", "float32[2] on meta\t"),
        ("own_function(forward=lambda ctx, t: t * 2, backward=lambda ctx, g: g * 3).apply(v)", "float32 gradient",
         "[float32[3]: 3 3 3]\t"),
        ("graphs_of(lambda t: t.sum().item() + t, s)", "float32", "2\t"),
        ("torch.load(saved(s))", "float32", "float32[]: 1.5\t"),
        ("alone(lambda: [torch.distributed.all_reduce(s), s])", "float32", "[None, float32[]: 1.5]\t"),
        ("nn.ReLU().state_dict().keys()", "float32", "[]\t"),
        ("torch.optim.SGD([q], lr=0.5)", "float32 steps", "[float32[2]: 0 0, []]\t"),
        ("torch.optim.lr_scheduler.StepLR(o, 4, 0.5)", "float32 rates",
         "[float 0.1, float 0.1, float 0.1, float 0.1, float 0.05, float 0.05, float 0.05, float 0.05]\t"),
    ],
)  # fmt: skip
def test_what_a_call_is_given(code, given, line):
    assert asked(code, given=given) == [line]


def test_layers_have_known_parameters():
    assert asked("nn.Linear(3, 2)(x)") == asked("nn.Linear(3, 2)(x)")
    assert asked("nn.Linear(3, 1, bias=False)(v)") == ["float32[1]: -1.75\t"]  # of -3/4, 2/4 and 0


def test_unsigned_tensors_have_no_signs_and_complex_ones_two_parts():
    assert Given("uint8")["v"].tolist() == [1, 2, 3]
    assert Given("complex64")["v"].is_complex() and Given("complex64")["v"].imag.any()
