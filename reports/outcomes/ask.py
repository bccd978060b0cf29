"""Asks the torch of this interpreter what calls give: `python -I reports/outcomes/ask.py FILE` writes a call a line.

Runs in the environment of one release, with torch and the standard library alone. The first line has the versions of
torch and Python, each of the others the call, what it is given, its outcome and its warnings, with tabs between. The
calls are asked in processes that have a limit of time and memory for each; one that ends its process has that for an
outcome. Each is asked twice: as the machine is, and in the reverse order as a lesser one; what differs between the two
is 'unstable'.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import os
import re
import resource
import selectors
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2]))

import torch

from torchproof.reports.outcomes import described
from torchproof.reports.outcomes.alike import UNSTABLE, is_same
from torchproof.reports.outcomes.given import Given
from torchproof.reports.outcomes.questions import Question, questions

_TOGETHER = 10_000  # calls of one process
_SECONDS = 30  # of one call
_MEMORY = 6 << 30  # bytes more than torch itself takes
_STEPS = 4
LESSER = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def main(arguments: Sequence[str]) -> None:
    """Write the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    options = parser.parse_args(arguments)
    asked = questions()
    first, second = dict(answers(asked)), dict(answers(asked[::-1], LESSER))
    lines = [f"{torch.__version__.partition('+')[0]}\t{'{}.{}'.format(*sys.version_info)}\n"]
    lines += (f"{one.code}\t{one.given}\t{_stable(first[one], second[one])}\n" for one in asked)
    options.file.write_text("".join(lines), encoding="utf-8")


def _stable(first: str, second: str) -> str:
    """What a call gives both times."""
    return first if is_same(tuple(first.split("\t")), tuple(second.split("\t"))) else f"{UNSTABLE}\t"


def answers(asked: Sequence[Question], settings: Mapping[str, str] = {}) -> Iterator[tuple[Question, str]]:
    """Each call with its outcome, in processes that are forked from this one, and have these variables.

    This one calls nothing of torch, so that in each of them torch looks at the variables when it is first called.
    """
    torch.set_warn_always(True)
    place = 0
    with tempfile.TemporaryDirectory() as folder:
        while place < len(asked):
            batch = asked[place : place + _TOGETHER]
            done, death = 0, ""
            for line in _asked_apart(batch, folder, settings):
                if line.startswith("\0"):
                    death = line[1:]
                    break
                yield batch[done], line
                done += 1
            if death and done < len(batch):
                yield batch[done], f"{death}\t"
                done += 1
            place += done


def _asked_apart(batch: Sequence[Question], folder: str, settings: Mapping[str, str]) -> Iterator[str]:
    """A line for each call; where the process ends or hangs before that, a last line says how."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            os.environ.update(settings)
            _answer(batch, writing, folder)
        finally:
            os._exit(0)  # never back into what this process was forked from
    os.close(writing)
    text, told, until = b"", 0, time.monotonic() + _SECONDS
    with open(reading, "rb", buffering=0) as lines, selectors.DefaultSelector() as waiting:
        waiting.register(lines, selectors.EVENT_READ)
        while told < len(batch):
            ready = waiting.select(max(0.0, until - time.monotonic()))
            read = lines.read(1 << 16) if ready else b""
            if not read:
                break
            *whole, text = (text + read).split(b"\n")
            until = time.monotonic() + _SECONDS
            told += len(whole)
            yield from (line.decode("utf-8", "replace") for line in whole)
    hung = told < len(batch) and time.monotonic() >= until
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if told < len(batch):
        yield "\0" + (UNSTABLE if hung else f"ends the process: {_death(status)}")


def _death(status: int) -> str:
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"


def _answer(batch: Sequence[Question], pipe: int, folder: str) -> None:
    """In the process of its own: write a line for each."""
    os.chdir(folder)
    with open(os.devnull, "r+b") as nowhere:
        for stream in (0, 1, 2):
            os.dup2(nowhere.fileno(), stream)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + _MEMORY, taken + _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for question in batch:
        line = outcome(question).replace("\n", " ").encode("utf-8", "replace") + b"\n"
        os.write(pipe, line)


def outcome(question: Question) -> str:
    """What a call gives or raises, what it leaves changed, and after a tab its warnings."""
    torch.manual_seed(0)
    before = _switches()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            says = _called(question)
        except BaseException as error:  # also of a failed checkpoint, or of a program that exits
            says = described.error(error)
    changed = [name for name, value in _switches().items() if value != before[name]]
    _reset()
    told = dict.fromkeys(described.warned(one.category, str(one.message)) for one in caught)
    return f"{says}{f' (changes {chr(44).join(changed)})' if changed else ''}\t{' & '.join(told)}"


def _called(question: Question) -> str:
    given = Given(question.given)
    tree = ast.parse(question.code)
    names = given.names(tree)
    if not isinstance(tree.body[0], ast.Expr):
        exec(compile(tree, "<call>", "exec"), names)
        changed = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in ("x", "v", "b")]
        return described.described(names[changed[0]])
    value = _layer(tree, names)
    value = eval(question.code, names) if value is None else value
    if "steps" in given.states:
        return _after_steps(value)
    if "rates" in given.states:
        return _rates(value)
    if "gradient" in given.states:
        return _gradient(value, given)
    return described.described(value)


def _layer(tree: ast.Module, names: dict[str, Any]) -> Any:
    """What a layer of known parameters, of the dtype of what it is given, makes of it; None where none is called."""
    call = tree.body[0].value if isinstance(tree.body[0], ast.Expr) else None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Call) and _part(call.func).startswith("nn.")):
        return None
    made = eval(_part(call.func), names)
    if not isinstance(made, torch.nn.Module):
        return None
    inputs = [eval(_part(one), names) for one in call.args]
    first = next((one for one in inputs if isinstance(one, torch.Tensor)), None)
    with torch.no_grad():
        for parameter in made.parameters():
            if not isinstance(parameter, torch.nn.parameter.UninitializedParameter):
                numbers = [((5 * place) % 7 - 3) / 4 for place in range(parameter.numel())]
                parameter.copy_(torch.tensor(numbers, dtype=torch.float64).reshape(parameter.shape))
    is_said = re.search(r"\.(half|double)\(\)", _part(call))
    if first is not None and (first.is_floating_point() or first.is_complex()) and not is_said:
        made = made.to(first.dtype)
    return made(*inputs, **{one.arg: eval(_part(one.value), names) for one in call.keywords if one.arg})


_part = ast.unparse


def _after_steps(value: Any) -> str:
    """The parameter after some steps on a bowl, and what stands in the state of the optimizer."""
    if not isinstance(value, torch.optim.Optimizer):
        return described.described(value)
    [parameter] = [group["params"][0] for group in value.param_groups][:1]

    def loss() -> torch.Tensor:
        value.zero_grad()
        lost = (parameter.float() ** 2).sum() if not parameter.is_complex() else (parameter.abs() ** 2).sum()
        lost.backward()
        return lost

    for _ in range(_STEPS):
        value.step(loss)  # pyright: ignore[reportArgumentType, reportCallIssue] - what it gives is hardly a float
    return described.described([parameter, sorted(value.state[parameter])])


def _rates(value: Any) -> str:
    """The learning rates of one epoch after the other."""
    if not (hasattr(value, "step") and hasattr(value, "last_epoch") and hasattr(value, "optimizer")):
        return described.described(value)
    rates = []
    for _ in range(2 * _STEPS):
        rates.append(float(value.optimizer.param_groups[0]["lr"]))
        value.optimizer.step()
        value.step(*([1.0] if type(value).__name__ == "ReduceLROnPlateau" else []))
    return described.described(rates)


def _gradient(value: Any, given: Given) -> str:
    """That of the sum of all that is given, which is the sum's absolute value where it is complex."""
    outputs = [one for one in (value if isinstance(value, (tuple, list)) else [value]) if isinstance(one, torch.Tensor)]
    sums = [one.sum() for one in outputs if one.requires_grad]
    if "second" in given.states and sums:
        first = torch.autograd.grad(sums, given.recorded, create_graph=True, allow_unused=True)
        sums = [one.sum() for one in first if one is not None and one.requires_grad]
    if not sums:
        return "no gradient"
    torch.autograd.backward([one.abs() if one.is_complex() else one for one in sums])
    return described.described([one.grad for one in given.recorded])


def _switches() -> dict[str, object]:
    """The state of torch that outlives a call."""
    return {
        "default dtype": torch.get_default_dtype(),
        "grad mode": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "determinism": torch.are_deterministic_algorithms_enabled(),
        "threads": torch.get_num_threads(),
        "precision": torch.get_float32_matmul_precision(),
        "anomaly mode": torch.is_anomaly_enabled(),
    }


def _reset() -> None:
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    torch.use_deterministic_algorithms(False)
    torch.set_float32_matmul_precision("highest")
    torch.autograd.set_detect_anomaly(False)
    torch.set_printoptions(profile="default")
    with contextlib.suppress(AttributeError):
        torch.set_default_device(None)
        del torch._GLOBAL_DEVICE_CONTEXT.device_context  # of which None is not taken by get_default_device
    if dynamo := sys.modules.get("torch._dynamo"):
        dynamo.reset()


if __name__ == "__main__":
    main(sys.argv[1:])
