"""`torchproof check`: whether the torch of this Python is sound, asked of it in child processes."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torchproof import builds, processor
from torchproof.reports.build import machine, shadows
from torchproof.reports.build.judges import (
    JUDGES,
    PROBES,
    judge_capability,
    judge_folders,
    judge_import,
    judge_install,
    judge_lapack,
    judge_libraries,
    judge_requirements,
    judge_shadows,
    judge_threads,
)
from torchproof.reports.build.libraries import linked
from torchproof.reports.build.lines import Build, Line
from torchproof.reports.build.requirements import version_of
from torchproof.reports.build.runner import Answer, ask
from torchproof.reports.screen import counted

HELP = (
    "Tell whether the installed torch is sound: OK, WARN or FAIL, and what to do next. "
    "The exit code is 0 where nothing fails (a WARN is no failure), 1 where something does, 2 where it cannot be asked."
)
SCHEMA = 1  # of --json
_VARIABLES = re.compile(
    r"(ATEN|CUDA|CUBLAS|CUDNN|DNNL|GLOO|GOMP|KMP|MKL|NCCL|OMP|ONEDNN|PYTORCH|TORCH|TORCHINDUCTOR|TRITON)_"
    r"|(CC|CXX|LD_LIBRARY_PATH|LD_PRELOAD|PYTHONPATH)$"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `torchproof check`."""
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--for-issue", action="store_true", help="print what a bug report needs, as markdown")
    shape.add_argument("--json", action="store_true", help="print the same for programs")


def command(options: argparse.Namespace) -> int:
    """Run the checks and print their lines; 1 where one of them is a FAIL."""
    began = time.monotonic()
    check, lines = Check(), []
    for line in check.lines():
        lines.append(line)
        if not (options.json or options.for_issue):
            print(line, flush=True)
    if options.json:
        print(as_json(about(check), lines))
    elif options.for_issue:
        print(as_markdown(about(check), lines))
    else:
        print(f"\n{counts(lines)} in {time.monotonic() - began:.0f} s")
    return int(any(line.status == "FAIL" for line in lines))


def counts(lines: Iterable[Line]) -> str:
    """'12 OK, 1 WARN'."""
    statuses = [line.status for line in lines]
    return ", ".join(f"{statuses.count(s)} {s}" for s in ("OK", "WARN", "FAIL", "SKIP") if s in statuses)


class Check:
    """One look at the torch of this Python. What it tells of its build and its devices stays, for a bug report."""

    def __init__(self) -> None:
        self.build: dict[str, Any] | None = None
        self.devices: list[dict[str, Any]] = []

    def lines(self) -> Iterator[Line]:
        """Each check's line as it is found: first the import alone, then what needs it."""
        blas = f"loaded={builds.BLAS}"
        told = {answer.probe: answer for answer in ask(["where", "build", "imported", blas])}
        place, built = told["where"], told["build"]
        if built.value:
            self.build = {**built.value, "blas_file": next(iter(told[blas].value or ()), None)}
        own, modules = shadows.shadows(), told.get("imported", Answer("imported")).value or {}
        culprit = shadows.blamed(built, modules, own) if built.error else ""
        yield judge_import(place.value, built, own, culprit)
        if place.value or version_of("torch"):
            yield judge_install(Path(place.value) if place.value else None)
            yield judge_requirements(built)
        yield judge_shadows(own, modules, culprit)
        if self.build:
            yield judge_capability(self.build["capability"], machine.best_capability(), os.environ)
            yield judge_threads(self.build["threads"], *machine.cores(), os.environ)
            yield judge_lapack(self.build)
            yield from self._asked(self.build)
        else:
            yield Line("SKIP", "the rest", f"{', '.join(JUDGES)} and the packages that link torch: they need torch")
        yield judge_folders(machine.unwritable(folders()))

    def _asked(self, build: Build) -> Iterator[Line]:
        optional = ("torchvision", "torchaudio")
        judges = {name: judge for name, judge in JUDGES.items() if name not in optional or version_of(name)}
        packages = linked()
        probes = {PROBES.get(name, name): name for name in judges}
        answers = ask([*dict.fromkeys([*probes, *(probe for package in packages for probe in package.probes())])])
        told, others = set(), []
        for answer in answers:
            if answer.probe == "devices" and answer.value:
                self.devices = answer.value["devices"]
            if name := probes.get(answer.probe):
                line = judges[name](answer, build)
                told |= {name} if line.status == "FAIL" else set()
                yield line
            else:
                others.append(answer)
        # What a package's own line says once is not said again of its libraries.
        yield from judge_libraries([package for package in packages if package.name not in told], others)


# What a bug report needs


def folders() -> dict[str, Path]:
    """The folders that are written to, by use: torch's, and that of `torchproof run`."""
    home = Path(os.path.expanduser("~"))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    found = {
        "temporary files (TMPDIR)": machine.temporary_folder(),
        "models of torch.hub (TORCH_HOME)": Path(os.environ.get("TORCH_HOME") or cache / "torch"),
        "compiled extensions (TORCH_EXTENSIONS_DIR)": Path(
            os.environ.get("TORCH_EXTENSIONS_DIR") or cache / "torch_extensions"
        ),
        "records of torchproof run": Path.cwd() / "runs",
    }
    if inductor := os.environ.get("TORCHINDUCTOR_CACHE_DIR"):
        found["compiled code (TORCHINDUCTOR_CACHE_DIR)"] = Path(inductor)
    return found


def about(check: Check) -> dict[str, Any]:
    """What this machine, this torch and what goes with it are."""
    cores, limit = machine.cores()
    return {
        "torch": check.build,
        "python": f"{platform.python_version()} {platform.python_implementation()}, {sys.executable}",
        "os": platform.platform(),
        "cpu": f"{processor.model()}, {counted(cores, 'core')}{f' ({limit})' if limit else ''}",
        "devices": check.devices,
        "driver": machine.nvidia()[1],
        "variables": {name: value for name, value in sorted(os.environ.items()) if _VARIABLES.match(name)},
        "packages": packages(),
    }


def packages() -> dict[str, str]:
    """torch, what it requires, what requires it, and what it is most used with, each with its version."""
    requires = {_plain(d.metadata["Name"] or ""): {*map(_plain, d.requires or [])} for d in _installed()}
    wanted = {"torch", "numpy", "scipy", "torchproof"} | requires.get("torch", set())
    wanted |= {name for name, theirs in requires.items() if "torch" in theirs}
    found = {_plain(d.metadata["Name"] or ""): d.version for d in _installed()}
    return {name: found[name] for name in sorted(found) if name in wanted}


def as_json(told: Mapping[str, Any], lines: Iterable[Line]) -> str:
    """The lines and what they are about, for programs."""
    return json.dumps({"schema": SCHEMA, "lines": [asdict(line) for line in lines], **told}, indent=1)


def as_markdown(told: Mapping[str, Any], lines: Sequence[Line]) -> str:
    """The same to paste into an issue."""
    build = told["torch"] or {}
    devices = [f"{d['name']}, sm_{d['capability'].replace('.', '')}, {d['memory'] >> 20} MiB" for d in told["devices"]]
    rows = {
        "torch": f"{build['version']} (git {build['git']})" if build else "cannot be imported",
        "CUDA, ROCm of the build": f"{build.get('cuda')}, {build.get('hip')}",
        "Python": told["python"],
        "OS": told["os"],
        "CPU": told["cpu"],
        "kernels, threads": f"{build.get('capability')}, {build.get('threads')}",
        "devices": "; ".join(devices) or "none",
        "NVIDIA driver": told["driver"] or "none",
        "variables": ", ".join(f"{name}={value}" for name, value in told["variables"].items()) or "none",
    }
    return "\n".join(
        [
            f"### Environment\n\n{counts(lines)}\n",
            *(f"- {name}: {value}" for name, value in rows.items()),
            *_folded("torchproof check", map(str, lines)),
            *_folded("packages", (f"{name}=={version}" for name, version in told["packages"].items())),
            *_folded("build flags", build.get("flags", "").splitlines()),
        ]
    )


def _folded(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield from ("", f"<details><summary>{title}</summary>", "", "```text", *lines, "```", "", "</details>")


def _plain(requirement: str) -> str:
    """The name alone, as packages compare: 'Foo_bar>=1' is 'foo-bar'."""
    found = re.match(r"[\w.-]+", requirement)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def _installed() -> list[importlib.metadata.Distribution]:
    return list(importlib.metadata.distributions())
