"""The project's commands: `nox -l` lists them, `nox -s NAME -- OPTIONS` runs one.

Each release of torch has an environment under .nox, made by uv where it is present, else by virtualenv
and pip, and shared by the sessions. What follows `--` and is not a session's own option goes to pytest.
"""

from __future__ import annotations

import argparse
import difflib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from zlib import crc32

import nox
from nox.command import CommandFailed
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

from torchproof import processor  # noqa: E402
from torchproof.releases import Release, supported  # noqa: E402

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["facts"]

PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
_NEEDED = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["full"]]
BYTECODE = {"PYTHONDONTWRITEBYTECODE": None}  # else every process compiles torch's Python files again


@nox.session
def facts(session: nox.Session) -> None:
    """Prove the facts on this machine with the newest torch, or `--torch 2.6`; print and write the report.

    Builds that are no release: `--index URL`, the newest that is there, with `--pre` a nightly or a candidate too;
    `--wheel FILE`. Each has an environment of its own, which is made anew.
    """
    options, rest = _options(
        session, _newest(session), "--record", "--resume", "--index", "--wheel", switches=["--pre"]
    )
    [release] = _releases(session, options.torch)
    is_other = options.index or options.wheel or options.pre
    python = _other_build(session, release, options) if is_other else _environment(session, release)
    named = options.resume or options.record
    folder = ROOT / "runs" / ("builds" if is_other else "")
    record = Path(session.invoked_from, named) if named else _new_record(release, folder)
    if not _prove(session, python, release, rest, record, resume=bool(options.resume)):
        session.error("there are facts to look at, see above")


@nox.session
def matrix(session: nox.Session) -> None:
    """Prove the facts on several releases, `--torch 2.0,2.6,2.15` or all, and print the table of what differs."""
    folder, held = _prove_each(session)
    records = map(str, sorted(folder.glob("*.jsonl")))
    session.run(*_reports(session), "matrix", *records, "-o", str(folder), external=True)
    if not held:
        session.error("there are facts to look at, see above")


@nox.session
def reference(session: nox.Session) -> None:
    """Prove the facts on every release, or `--torch 2.16`, and write what they are there: torchproof/reference.tsv."""
    folder, _ = _prove_each(session)
    session.run(*_reports(session), "reference", *map(str, sorted(folder.glob("*.jsonl"))), external=True)


# A machine made to behave as a lesser one, by what torch and the libraries in it are told of the CPU.
HARDWARE = {
    "default": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "avx512": {
        "ATEN_CPU_CAPABILITY": "avx512",
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512",
    },
    "one-thread": {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
}


@nox.session
def hardware(session: nox.Session) -> None:
    """Prove the facts as on lesser machines: `avx2`, or default,avx2,avx512,one-thread (all); `--torch 2.6`."""
    options, rest = _options(session, _newest(session))
    is_named = bool(rest) and not rest[0].startswith("-") and not Path(session.invoked_from, rest[0]).exists()
    named = rest.pop(0).split(",") if is_named else list(HARDWARE)
    if unknown := [name for name in named if name not in HARDWARE]:
        session.error(f"{unknown[0]} is not one of {', '.join(HARDWARE)}")
    [release] = _releases(session, options.torch)
    python, red = _environment(session, release), []
    for name in filter(_is_within_this_cpu, named):
        record = _new_record(release, ROOT / "runs" / f"hardware-{name}")
        if not _prove(session, python, release, rest, record, resume=False, env=HARDWARE[name]):
            red.append(name)
    if red:
        session.error(f"there are facts to look at as on {', '.join(red)}, see above")


def _is_within_this_cpu(name: str) -> bool:
    """Whether this machine can be made to behave so: it has at least those instructions."""
    return name == "one-thread" or {"default": "sse4_1", "avx512": "avx512bw"}.get(name, name) in processor.flags()


@nox.session
def device(session: nox.Session) -> None:
    """Prove the facts of devices on the stand-in, a kind of device that is compiled here; `--torch 2.6`."""
    options, rest = _options(session, _newest(session))
    [release] = _releases(session, options.torch)
    python = _environment(session, release, "ninja", "setuptools")
    selecting = ["--device", "standin", "-m", "gpu or multigpu", *rest]
    if not _prove(session, python, release, selecting, _new_record(release, ROOT / "runs" / "device"), resume=False):
        session.error("there are facts to look at, see above")


@nox.session
def quick(session: nox.Session) -> None:
    """What a contributor runs before a commit: lint, types, and the tests of the harness that are not slow."""
    python = _developing(session)
    _lint(session, python)
    _test(session, python, "-m", "not slow")


@nox.session
def tests(session: nox.Session) -> None:
    """Lint, types, and all tests of the harness; `facts` proves the facts, and so does `refute` on its way."""
    python = _developing(session)
    _lint(session, python)
    _test(session, python)


@nox.session
def refute(session: nox.Session) -> None:
    """Prove the facts, and that each can fail: break its subject on purpose. `--changed=REV` takes files that differ.

    What ended with a release is proven there: `--torch 2.6 --fact ID`.
    """
    options, rest = _options(session, _newest(session))
    [release] = _releases(session, options.torch)
    python = _developing(session, release)  # with the packages that facts of exports require
    record = _new_record(release)
    held = _prove(session, python, release, ["--refute", *rest], record, resume=False)
    if not session.posargs:  # of a part it would say little what all facts of a subject notice together
        session.run(python, "-m", "torchproof", "refutation", str(record), external=True)
    if not held:
        session.error("there are facts to look at, see above")


# The folders of facts about torch together with other systems, which the dependency group `ecosystem` has. What takes
# long comes first: of what is last, workers that have ended take over from others.
ECOSYSTEM = ("tuning", "engines", "hubs", "monitoring", "project", "dynamic_graph")


@nox.session
def ecosystem(session: nox.Session) -> None:
    """Prove the facts about torch and the systems beside it, all installed together with the newest torch or another.

    `--torch 2.6` takes what the resolver finds for that; the environment is one of its own.
    """
    options, rest = _options(session, _newest(session))
    [release] = _releases(session, options.torch)
    folder = ROOT / ".nox" / f"ecosystem-{release.name}"
    systems = nox.project.dependency_groups(PROJECT, "ecosystem")
    python = _environment(session, release, *systems, folder=folder)
    topics = [f"suites/{topic}" for topic in ECOSYSTEM]
    is_named = any(Path(session.invoked_from, one.partition("::")[0]).exists() for one in rest)
    record = _new_record(release, ROOT / "runs" / "ecosystem")
    if not _prove(session, python, release, [*([] if is_named else topics), *rest], record, resume=False):
        session.error("there are facts to look at, see above")


@nox.session
def kernels(session: nox.Session) -> None:
    """Break ATen operators, whatever the subjects of facts, and tell which faults no fact notices."""
    [release] = _releases(session, _newest(session))
    python = _environment(session, release)
    if not _prove(session, python, release, ["--refute-kernels", *session.posargs], _new_record(release), resume=False):
        session.error("there are facts to look at, see above")


@nox.session
def bench(session: nox.Session) -> None:
    """Run the tracked benchmarks on the newest torch, or `--torch 2.0,2.6`, and save each run under runs/."""
    options, rest = _options(session, _newest(session))
    for release in _releases(session, options.torch):
        python = _environment(session, release)
        saved = _new_record(release, ROOT / "runs" / "benchmarks").with_suffix(".json")
        saved.parent.mkdir(parents=True, exist_ok=True)
        measuring = ["--benchmarks", f"--benchmark-json={saved}", *rest]
        session.run(python, "-m", "pytest", "-q", *measuring, external=True, env=BYTECODE)


@nox.session
def compare(session: nox.Session) -> None:
    """Compare what benchmarks cost on two releases, `2.8 2.15`, or in `--python A --python B`; `--fail-slower 1.05`."""
    options, rest = _options(session, "", keep=True)
    is_ours = "--python" not in rest
    releases = _releases(session, ",".join(rest[:2])) if is_ours else []
    if is_ours and len(releases) != 2:
        session.error("name two releases, or two environments with --python A --python B")
    new = [release for release in releases if not _folder(release).exists() and not options.keep]
    pythons = [_environment(session, release, cached=release not in new) for release in releases]
    sides = [said for python in pythons for said in ("--python", python)]
    command = [*(_reports(session) if not pythons else [pythons[-1], "-m", "torchproof"]), "compare"]
    try:
        with session.chdir(session.invoked_from):  # in which paths and --mine are
            paths = {**BYTECODE, "PYTHONPATH": str(ROOT)}
            session.run(*command, *sides, *rest[len(pythons) :], external=True, env=paths)
    finally:
        for release in new:
            shutil.rmtree(_folder(release))


@nox.session
def inventory(session: nox.Session) -> None:
    """Ask every supported release what it has, calls and takes (half an hour, a release a time).

    Writes torchproof/inventory.tsv and headers.tsv, and attributes.tsv, held.tsv, contracts.tsv, values.tsv and
    parameters.tsv in reports/releases.
    """
    folder = ROOT / ".nox" / "inventory"
    for what in ("attributes", "held", "contracts", "values", "parameters"):
        (folder / what).mkdir(parents=True, exist_ok=True)
    for release, python in _each(session, supported().values(), _asked_beside):
        answer = str(folder / f"{release.name}.txt")
        attributes, held, contracts, values, parameters = (
            str(folder / what / f"{release.name}.txt")
            for what in ("attributes", "held", "contracts", "values", "parameters")
        )
        session.run(python, "-I", "reports/releases/ask.py", answer, "torchvision", "torchaudio", external=True)
        session.run(python, "-I", "reports/releases/attributes.py", answer, attributes, external=True)
        session.run(python, "-I", "reports/releases/held.py", answer, held, external=True)
        session.run(python, "-I", "reports/releases/contracts.py", answer, contracts, external=True)
        session.run(python, "-I", "reports/releases/values.py", values, external=True)
        session.run(python, "-I", "reports/releases/parameters.py", answer, parameters, external=True)
        session.run(python, "-I", "reports/releases/cpp.py", str(folder / f"{release.name}.json"), external=True)
    merge = [*_reports(session), "inventory"]
    names = [f"{name}.txt" for name in supported()]
    session.run(*merge, *(str(folder / one) for one in names), "-o", "torchproof/inventory.tsv", external=True)
    for what, *options in (
        ("attributes", "--differing"), ("held",), ("contracts",), ("values", "--differing"), ("parameters",)
    ):  # fmt: skip
        answers = (str(folder / what / one) for one in names)
        session.run(*merge, *answers, *options, "-o", f"reports/releases/{what}.tsv", external=True)
    answers = [str(folder / f"{name}.json") for name in supported()]
    session.run(*_reports(session), "headers", *answers, "-o", "torchproof/headers.tsv", external=True)


@nox.session
def outcomes(session: nox.Session) -> None:
    """Ask the supported releases what calls give, write torchproof/outcomes.tsv, and tell what the newest brings.

    Answers stay in .nox/outcomes as long as the calls are the same: when a release is added, it alone is asked.
    """
    calls = crc32((ROOT / "reports" / "outcomes" / "calls.txt").read_bytes())
    folder = ROOT / ".nox" / "outcomes" / f"{calls:08x}"
    folder.mkdir(parents=True, exist_ok=True)
    unasked = [release for release in supported().values() if not (folder / f"{release.name}.txt").exists()]
    for release, python in _each(session, unasked):
        asking = [python, "-I", "reports/outcomes/ask.py", str(folder / f"{release.name}.txt")]
        session.run(*asking, external=True, env=BYTECODE)
    session.run(*_reports(session), "outcomes", str(folder), "-o", "torchproof/outcomes.tsv", external=True)
    [*_, before, newest] = supported()
    session.run(*_reports(session), "diff", before, newest, external=True)


@nox.session
def platforms(session: nox.Session) -> None:
    """Ask the package index and every supported release what it has wheels for and write torchproof/platforms.toml."""
    folder = ROOT / ".nox" / "platforms"
    folder.mkdir(parents=True, exist_ok=True)
    for release, python in _each(session, supported().values()):
        session.run(python, "-I", "reports/releases/built.py", str(folder / f"{release.name}.json"), external=True)
    listing = folder / "listing.txt"
    with listing.open("w") as file:
        session.run(_developing(session), "-m", "pip", "index", "versions", "torch", "-vvv", external=True, stdout=file)
    answers = [str(folder / f"{name}.json") for name in supported()]
    session.run(*_reports(session), "platforms", str(listing), *answers, external=True)


@nox.session
def patches(session: nox.Session) -> None:
    """Ask every patch of the releases that have several what it has, and write reports/releases/patches.tsv."""
    folder, environment = ROOT / ".nox" / "patches", ROOT / ".nox" / "patch"
    folder.mkdir(parents=True, exist_ok=True)
    answers = []
    for release in supported().values():
        for patch in (*release.patches, release.torch) if release.patches else ():
            shutil.rmtree(environment, ignore_errors=True)
            _make(session, release, environment)
            python, answer = _python_in(environment), str(folder / f"{patch}.txt")
            _install(session, python, [f"torch=={patch}", *release.also, "numpy", *_ASKED_BESIDE], [_NO_CACHE])
            session.run(python, "-I", "reports/releases/ask.py", answer, external=True)
            answers.append(answer)
    shutil.rmtree(environment)
    merge = [*_reports(session), "inventory", *answers, "--patches"]
    session.run(*merge, "-o", "reports/releases/patches.tsv", external=True)


# --- what is asked of a change ----------------------------------------------------------------------------------------


def _developing(session: nox.Session, release: Release | None = None) -> str:
    """The environment of a release, the newest by default, with what developers need."""
    [newest] = _releases(session, _newest(session))
    return _environment(session, release or newest, *nox.project.dependency_groups(PROJECT, "dev"))


def _lint(session: nox.Session, python: str) -> None:
    """Style, workflows and types; these of the package as it is installed: in a clone no checker finds it whole."""
    workflows = map(str, sorted(ROOT.glob(".github/workflows/*.yml")))
    for tool in (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["check_jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows],
    ):
        session.run(python, "-m", *tool, external=True)
    installed = ROOT / "build" / "installed" / "torchproof"
    shutil.rmtree(installed, ignore_errors=True)
    shutil.copytree(ROOT / "torchproof", installed)
    for folder in ("fixtures", "reports"):
        shutil.copytree(ROOT / folder, installed / folder)
    session.run(python, "-m", "basedpyright", "--pythonpath", python, external=True)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Damage files that are read from elsewhere, `--minutes 10`; what breaks a reader is kept in tests/fuzz/corpus."""
    session.run(_developing(session), "-m", "tests.fuzz.fuzzing", *session.posargs, external=True, env=BYTECODE)


def _test(session: nox.Session, python: str, *selection: str) -> None:
    parallel = ["-n", "auto", "--dist", "loadgroup"]
    session.run(python, "-m", "pytest", "tests", *parallel, *selection, *session.posargs, external=True, env=BYTECODE)


# --- what the sessions share ------------------------------------------------------------------------------------------


def _options(
    session: nox.Session, releases: str, *names: str, keep: bool = False, switches: Iterable[str] = ()
) -> tuple[argparse.Namespace, list[str]]:
    """The session's own options from what follows `--`: `--torch`, those named, and `--keep`; and the rest."""
    parser = argparse.ArgumentParser(prog=f"nox -s {session.name} --", allow_abbrev=False, add_help=False)
    parser.add_argument("--torch", default=releases)
    for name in names:
        parser.add_argument(name)
    for name in (*switches, *(["--keep"] if keep else ())):
        parser.add_argument(name, action="store_true")
    parsed, rest = parser.parse_known_args(session.posargs)
    own = [option for action in parser._actions for option in action.option_strings]
    for said in (one.partition("=")[0] for one in rest if one.startswith("--")):
        if near := difflib.get_close_matches(said, own, n=1, cutoff=0.8):
            session.error(f"there is no option {said}; did you mean {near[0]}?")
    return parsed, rest


def _releases(session: nox.Session, wanted: str) -> list[Release]:
    names = wanted.split(",")
    if unknown := [name for name in names if name not in supported()]:
        session.error(f"torch {unknown[0]} is not a supported release: {', '.join(supported())}")
    return [supported()[name] for name in names]


def _newest(session: nox.Session) -> str:
    """The newest release that the Python running nox has wheels for."""
    here = "{}.{}.{}".format(*sys.version_info)
    fitting = [release.name for release in supported().values() if here in SpecifierSet(release.python)]
    if not fitting:
        session.error(f"no supported torch has wheels for Python {here}")
    return fitting[-1]


def _interpreter(session: nox.Session, release: Release) -> str:
    """This Python where the release has wheels for it, else the newest one here that it has."""
    allowed = SpecifierSet(release.python) & SpecifierSet(">=3.10")
    for candidate in (sys.executable, *(f"python3.{minor}" for minor in range(20, 9, -1))):
        if not shutil.which(candidate):
            continue
        ask = [candidate, "-c", "import platform, sys; print(platform.python_version(), sys.executable)"]
        version, _, path = subprocess.run(ask, capture_output=True, text=True).stdout.strip().partition(" ")
        if version and allowed.contains(version, prereleases=True):
            return path
    session.error(f"torch {release.name} needs Python {allowed}, and none is here")


def _folder(release: Release) -> Path:
    return ROOT / ".nox" / f"torch-{release.name}"


# What an environment has in which the inventory is asked, so that no module of torch is missed.
_ASKED_BESIDE = ["tensorboard", "pyyaml", "urllib3"]


def _asked_beside(release: Release) -> list[str]:
    return [*_ASKED_BESIDE, f"torchaudio=={release.torchaudio}"]


def _each(
    session: nox.Session,
    releases: Iterable[Release],
    also: Callable[[Release], list[str]] = lambda _: [],
    keep: bool = False,
) -> Iterator[tuple[Release, str]]:
    """Each release with the Python of its environment, one at a time: what was not there before is dropped again."""
    for release in releases:
        is_kept = keep or _folder(release).exists()
        yield release, _environment(session, release, *also(release), cached=is_kept)
        if not is_kept:
            shutil.rmtree(_folder(release))


_UV = bool(shutil.which("uv"))
_NO_CACHE = "--no-cache" if _UV else "--no-cache-dir"


def _make(session: nox.Session, release: Release, folder: Path) -> None:
    """Make an empty environment, of a Python that the release has wheels for."""
    tool = ["uv", "venv"] if _UV else [sys.executable, "-m", "virtualenv"]
    session.run(*tool, "--quiet", "--python", _interpreter(session, release), str(folder), external=True)


def _install(session: nox.Session, python: str, packages: Iterable[str], options: Iterable[str]) -> None:
    tool = (
        ["uv", "pip", "install", "--compile-bytecode", "--python", python] if _UV else [python, "-m", "pip", "install"]
    )
    session.run(*tool, "--quiet", *options, *packages, external=True, env=BYTECODE)


def _python_in(folder: Path) -> str:
    return str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def _other_build(session: nox.Session, release: Release, options: argparse.Namespace) -> str:
    """The Python of a new environment with a build of torch that is no release: it brings what it asks for itself."""
    folder = ROOT / ".nox" / "other-build"
    shutil.rmtree(folder, ignore_errors=True)
    _make(session, release, folder)
    python, is_named = _python_in(folder), any(one.startswith("--torch") for one in session.posargs)
    from_there = ["--index-url", options.index] if options.index else []
    if options.pre:
        from_there += ["--prerelease", "allow"] if _UV else ["--pre"]
    named = f"torch=={release.torch}" if is_named else "torch"
    torch = [str(Path(session.invoked_from, options.wheel))] if options.wheel else [named, "torchvision"]
    _install(session, python, torch, from_there)
    _install(session, python, ["numpy", *_NEEDED], [])
    return python


def _environment(
    session: nox.Session, release: Release, *also: str, cached: bool = True, folder: Path | None = None
) -> str:
    """The Python of the release's environment, made or completed. Without `cached`, downloads are not kept."""
    folder = folder or _folder(release)
    python = _python_in(folder)
    packages = [
        f"torch=={release.torch}",
        f"torchvision=={release.torchvision}",
        *release.also,
        "numpy",
        *_NEEDED,
        *also,
    ]
    is_new = not Path(python).exists()
    if is_new:
        _make(session, release, folder)
    _install(session, python, packages, [] if cached else [_NO_CACHE])
    if is_new:
        _check_pair(session, python, release, folder)
    return python


def _check_pair(session: nox.Session, python: str, release: Release, folder: Path) -> None:
    try:
        session.run(python, "-c", "import torch, torchvision", external=True, env=BYTECODE)
    except CommandFailed:
        shutil.rmtree(folder)
        session.error(
            f"torch {release.torch} and torchvision {release.torchvision} as installed here do not import together; "
            "where several package sources mix builds, uv (pip install uv) takes a pair from one"
        )


def _prove(
    session: nox.Session,
    python: str,
    release: Release,
    rest: list[str],
    record: Path,
    resume: bool,
    env: dict[str, str] | None = None,
) -> bool:
    """Run the facts on parallel workers, which a crash does not end, and report; whether nothing is to be looked at."""
    recording = f"--resume={record}" if resume else f"--record={record}"
    workers = ["-n", "auto", "--dist", "worksteal", "--max-worker-restart", "1000"]
    held = True
    try:
        proving = [python, "-m", "pytest", "-q", "--progress", *workers, recording, *rest]
        session.run(*proving, external=True, env={**BYTECODE, **(env or {})})
    except CommandFailed:
        held = False
    if held and not record.exists():
        return True  # nothing was selected, which only --changed lets pass
    if not record.exists():
        session.error("no fact was proven, see above")
    session.run(python, "-m", "torchproof", "summary", str(record), external=True)
    session.run(python, "-m", "torchproof", "html", str(record), "-o", str(record.parent), external=True)
    return held


def _prove_each(session: nox.Session) -> tuple[Path, bool]:
    """Prove the facts on several releases; the folder of the records, and whether nothing is to be looked at."""
    options, rest = _options(session, ",".join(supported()), keep=True)
    folder, held = ROOT / "runs" / f"{session.name}-{time.strftime('%Y-%m-%dT%H%M%S')}", True
    for release, python in _each(session, _releases(session, options.torch), keep=options.keep):
        held &= _prove(session, python, release, rest, _new_record(release, folder), resume=False)
    return folder, held


def _new_record(release: Release, folder: Path = ROOT / "runs") -> Path:
    return folder / f"torch-{release.name}-{time.strftime('%Y-%m-%dT%H%M%S')}.jsonl"


def _reports(session: nox.Session) -> list[str]:
    """Reports need no torch: any environment of ours can make them, and the newest is there most often."""
    [release] = _releases(session, _newest(session))
    return [_environment(session, release), "-m", "torchproof"]
