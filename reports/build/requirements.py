"""What a package asks for in its metadata, against what is installed; and which distribution brings a module."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

# The distributions of modules that are named otherwise, for those that are not installed.
_DISTRIBUTIONS = {
    "absl": "absl-py",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cuda": "cuda-python",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "faiss": "faiss-cpu",
    "git": "GitPython",
    "google": "protobuf",
    "hydra": "hydra-core",
    "mpl_toolkits": "matplotlib",
    "PIL": "pillow",
    "pkg_resources": "setuptools<82",  # which left it out
    "distutils": "setuptools",  # which brings it since Python 3.12 does not
    "pynvml": "nvidia-ml-py",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "tlz": "toolz",
    "yaml": "pyyaml",
    **{name: name for name in ("filelock", "fsspec", "jinja2", "mpmath", "networkx", "numpy", "onnx", "onnxscript")},
    **{name: name for name in ("packaging", "pandas", "psutil", "pytest", "requests", "safetensors", "scipy")},
    **{name: name for name in ("setuptools", "sympy", "tensorboard", "tqdm", "triton", "typing_extensions", "wheel")},
}
# What the distributions that torch asks for are imported as, where it is not their name with `_` for `-`.
_MODULES = {"nvidia-": "nvidia", "cuda-bindings": "cuda", "cuda-toolkit": "nvidia", "opt-einsum": "opt_einsum"}


@dataclass(frozen=True)
class Unmet:
    """A requirement that is not met: `asks` as pip takes it, `found` the version that is here, if any, and `place`."""

    name: str
    asks: str
    found: str | None = None
    place: str = ""

    def __str__(self) -> str:
        here = f"{self.found} is here" if self.found else "not installed"
        return f"{self.asks} ({here}{f', in {self.place}' if self.place else ''})"


def unmet(package: str, extras: Iterable[str] = (), levels: int = 2) -> list[Unmet]:
    """Those requirements of an installed package, and of what it requires, that what is installed does not meet."""
    found: dict[str, Unmet] = {}
    for asked in required(package, extras):
        if one := _unmet(asked):
            found.setdefault(one.asks, one)
        elif levels > 1:
            found |= {one.asks: one for one in unmet(asked.name, asked.extras, levels - 1)}
    return list(found.values())


def required(package: str, extras: Iterable[str] = ()) -> Iterator[Requirement]:
    """What an installed package asks for here, by its metadata; its own extras only where they are named."""
    try:
        texts = importlib.metadata.requires(package) or []
    except importlib.metadata.PackageNotFoundError:
        return
    for text in texts:
        try:
            asked = Requirement(text)
        except InvalidRequirement:  # of old metadata, which pip would not read either
            continue
        if asked.marker is None or any(asked.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield asked


def command(asks: Iterable[str]) -> str:
    """The one command that brings what is asked for."""
    wanted = dict.fromkeys(asks)
    with_pip = "python -m pip install -U " + " ".join(map(quoted, wanted))
    if not is_of_the_system():
        return with_pip
    if shutil.which("apt-get"):
        return "apt-get install " + " ".join(f"python3-{canonicalize_name(Requirement(one).name)}" for one in wanted)
    return f"install the system's package for it; or, in a virtual environment, {with_pip}"


def is_of_the_system() -> bool:
    """Whether this Python's packages are the system's, so that pip refuses to add others (PEP 668)."""
    is_virtual = sys.prefix != sys.base_prefix
    return not is_virtual and Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists()


def quoted(requirement: str) -> str:
    """A requirement as a shell takes it."""
    return f"'{requirement}'" if re.search(r"[<>=!~\[]", requirement) else shlex.quote(requirement)


def version_of(package: str) -> str | None:
    """The installed version of a package; None where it is not installed, or its metadata do not say."""
    try:
        return importlib.metadata.version(package)
    except (importlib.metadata.PackageNotFoundError, KeyError):  # the second of metadata that are damaged
        return None


def distribution_of(module: str) -> str:
    """The distribution that brings a module: the installed one, the one that is known, or '' where nobody knows."""
    top = module.partition(".")[0]
    known = _installed_modules().get(top, [])
    named = canonicalize_name(top)
    if named in (names := {canonicalize_name(name): name for name in known}):
        return names[named]
    if known and top not in ("google", "nvidia", "cuda"):  # which many share
        return known[0]
    if version_of(named):
        return named
    return _DISTRIBUTIONS.get(top, "")


def modules_of(distribution: str) -> str:
    """The module that a distribution is imported as, as far as it is one that torch asks for."""
    named = canonicalize_name(distribution)
    return next((module for start, module in _MODULES.items() if named.startswith(start)), named.replace("-", "_"))


@cache
def _installed_modules() -> dict[str, list[str]]:
    found = importlib.metadata.packages_distributions()
    return {module: list(dict.fromkeys(names)) for module, names in found.items()}


def _unmet(asked: Requirement) -> Unmet | None:
    name, version = canonicalize_name(asked.name), version_of(asked.name)
    extras = f"[{','.join(sorted(asked.extras))}]" if asked.extras else ""
    asks = f"{asked.name}{extras}{asked.specifier}"
    if version is None:
        # A system's packages, or a folder of sources, have the module and no metadata: who can say which version?
        return None if _can_be_found(modules_of(name)) else Unmet(name, asks)
    try:
        met = asked.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return None
    return None if met else Unmet(name, asks, version, _place(asked.name))


def _can_be_found(module: str) -> bool:
    if module in ("nvidia", "cuda"):  # folders that many distributions share
        return False
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _place(distribution: str) -> str:
    """Where an installed distribution lies, if that is not where this Python installs: there pip does not mend it."""
    folder = Path(str(importlib.metadata.distribution(distribution).locate_file(""))).resolve()
    usual = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    return "" if folder in usual or folder.name in ("site-packages", "dist-packages") else str(folder)
