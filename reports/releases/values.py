"""Asks the torch of this interpreter which words it takes for a parameter: for a device, a mode, a backend.

`python -I reports/releases/values.py FILE` runs in the environment of one release, with torch and the standard library
alone, and writes a line for each parameter: its dotted name, and the words that the release refuses. A word with
parentheses, as `named_parameters()`, is what a method of that name gives. What depends on the machine (a device that is
not here, a package that is not installed) is no refusal. `nox -s inventory` merges what differs between releases into
`values.tsv`, in the form of the inventory.
"""

from __future__ import annotations

import inspect
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

_DEVICES = "cpu cuda mps xpu xla hpu ipu mtia maia ort meta".split()  # noqa: SIM905 - as in the error that lists them
# What a machine refuses, rather than a release.
_OF_THE_MACHINE = re.compile(r"driver|cuda is|not available|not compiled|not linked|no module|install", re.IGNORECASE)


def ask() -> dict[str, list[str]]:
    """For each parameter, the words that are refused."""
    warnings.simplefilter("ignore")
    x, ones, places = torch.zeros(4), torch.ones(2), torch.tensor([0, 1])
    image = torch.zeros(1, 1, 4, 4)
    questions: dict[str, tuple[Any, Any]] = {
        "torch.device.type": (torch.device, _DEVICES),
        "torch.autocast.device_type": (torch.autocast, _DEVICES),
        "torch.GradScaler.device": (_of("GradScaler", torch), _DEVICES),
        "torch.compile.mode": (
            _mode, ["default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs", "lite"]
        ),
        "torch.compile.backend": (_backend, ["inductor", "eager", "aot_eager", "aot_ts", "cudagraphs", "ts", "tvm",
                                             "onnxrt", "nvprims_nvfuser", "nvprims_aten", "aot_ts_nvfuser"]),
        "torch.library.Library.kind": (lambda word: torch.library.Library("asked", word), ["DEF", "IMPL", "FRAGMENT"]),
        "torch.nn.functional.interpolate.mode": (
            lambda word: torch.nn.functional.interpolate(image, None, 2.0, word, antialias=word == "lanczos"),
            ["nearest", "nearest-exact", "bilinear", "bicubic", "area", "lanczos"],
        ),
        "torch.nn.functional.grid_sample.mode": (
            lambda word: torch.nn.functional.grid_sample(image, torch.zeros(1, 2, 2, 2), word),
            ["nearest", "bilinear", "bicubic"],
        ),
        "torch.nn.functional.gelu.approximate": (
            lambda word: torch.nn.functional.gelu(x, approximate=word), ["none", "tanh"]
        ),
        "torch.Tensor.scatter_reduce.reduce": (
            lambda word: x.scatter_reduce(0, places, ones, word), ["sum", "prod", "mean", "amax", "amin"]
        ),
        "torch.Tensor.index_reduce.reduce": (
            lambda word: x.index_reduce(0, places, ones, word), ["prod", "mean", "amax", "amin", "sum"]
        ),
        "torch.Tensor.scatter.reduce": (
            lambda word: x.scatter(0, places, ones, reduce=word), ["add", "multiply", "sum", "amax"]
        ),
        "torch.nn.init.calculate_gain.nonlinearity": (
            torch.nn.init.calculate_gain, ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu", "gelu", "silu"]
        ),
        "torch.optim.lr_scheduler.CyclicLR.scale_mode": (_cyclic, ["cycle", "iterations"]),
        "torch.optim.Muon.adjust_lr_fn": (_muon, ["original", "match_rms_adamw", "spectral_unclamped"]),
        "torch.ao.quantization.get_default_qconfig.backend": (
            torch.ao.quantization.get_default_qconfig, ["fbgemm", "qnnpack", "onednn", "x86"]
        ),
        "torch.autograd.graph.register_multi_grad_hook.mode": (_multi_grad_hook, ["all", "any"]),
    }  # fmt: skip
    questions |= {f"torch.optim.{name}.params": (_optimizing(name), ["named_parameters()"]) for name in _optimizers()}
    return {name: [word for word in words if _refuses(call, word)] for name, (call, words) in questions.items() if call}


def _refuses(call: Callable[[str], object], word: str) -> bool:
    try:
        call(word)
    except (AttributeError, ImportError, TypeError):  # what is to take the word is not there
        return False
    except Exception as error:
        return not _OF_THE_MACHINE.search(str(error))
    return False


def _of(name: str, module: Any) -> Any:
    """What some releases do not have."""
    return getattr(module, name, None)


def _mode(word: str) -> object:
    from torch._inductor import list_mode_options

    return list_mode_options(word)


def _backend(word: str) -> object:
    from torch._dynamo.backends.registry import lookup_backend

    return lookup_backend(word)


def _parameter() -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.zeros(2, 2))


def _cyclic(word: Any) -> object:
    optimizer = torch.optim.SGD([_parameter()], 0.1, momentum=0.9)
    return torch.optim.lr_scheduler.CyclicLR(optimizer, 0.1, 1.0, scale_fn=lambda _: 1.0, scale_mode=word)


def _muon(word: str) -> object:
    return torch.optim.Muon([_parameter()], adjust_lr_fn=word)


def _optimizers() -> list[str]:
    classes = {name: one for name, one in vars(torch.optim).items() if isinstance(one, type)}
    return [name for name, one in classes.items() if issubclass(one, torch.optim.Optimizer) and "params" in _takes(one)]


def _takes(cls: type) -> list[str]:
    return list(inspect.signature(cls).parameters)


def _optimizing(name: str) -> Callable[[str], object]:
    def optimize(word: str) -> None:
        given = getattr(torch.nn.Linear(2, 2, bias=False), word.removesuffix("()"))()
        try:
            getattr(torch.optim, name)(given, lr=0.1)
        except TypeError as error:  # which is the refusal here
            raise ValueError(str(error)) from error

    return optimize


def _multi_grad_hook(word: Any) -> object:
    return torch.autograd.graph.register_multi_grad_hook((_parameter(),), lambda _: None, mode=word)


def main(file: str) -> None:
    """Write a line for each parameter."""
    lines = (f"{name}\t{' '.join(words)}\n" for name, words in sorted(ask().items()))
    Path(file).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
