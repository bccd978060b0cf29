"""What is particular to versions in the conditions of user code: words, objects, and helpers that compare them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from reports.code.values import LocalFunction

_OPERATORS: dict[str, Callable] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_BUILTINS = {one.__name__: one for one in (int, str, float, tuple, list, len, all, any, min, max, sorted, bool)}
_MAKES_VERSION = {"parse", "Version", "LooseVersion", "StrictVersion", "parse_version", "TorchVersion"}
_VERSION_HOMES = {"packaging", "distutils", "looseversion", "pkg_resources", "setuptools", "torch"}
_OF_VERSION = {"release", "major", "minor", "micro", "base_version", "public", "version", "local", "is_prerelease",
               "is_devrelease", "dev", "pre"}  # fmt: skip
# A name or call that is about a version of torch although what it stands for is not to be seen.
_SPEAKS_OF_VERSION = re.compile(
    r"(torch|(^|_)pt)_?(\d|v\d|ge|gt|lt|le|eq|greater|less|min|at_least|version)|(min|version)_(of_)?torch",
    re.IGNORECASE,
)


class Unknown(Exception):
    """The expression does not tell."""


@dataclass(frozen=True)
class Reference:
    """Something imported: it is there, and what it is otherwise is not known."""

    dotted: str


class TorchVersion(str):
    """`torch.__version__`: a text that compares as a version does."""

    __hash__ = str.__hash__

    def _compare(self, other: object, how: Callable) -> bool:
        if isinstance(other, (tuple, list)):
            other = ".".join(map(str, other))
        try:
            return how(Version(self), other if isinstance(other, Version) else Version(str(other)))
        except InvalidVersion:
            return how(str(self), other)

    def __eq__(self, other: object) -> bool:
        return self._compare(other, operator.eq)

    def __ne__(self, other: object) -> bool:
        return self._compare(other, operator.ne)

    def __lt__(self, other: object) -> bool:
        return self._compare(other, operator.lt)

    def __le__(self, other: object) -> bool:
        return self._compare(other, operator.le)

    def __gt__(self, other: object) -> bool:
        return self._compare(other, operator.gt)

    def __ge__(self, other: object) -> bool:
        return self._compare(other, operator.ge)


def truth(value: object) -> bool:
    """Whether a value is true. Raises Unknown."""
    if isinstance(value, (Reference, LocalFunction)):
        raise Unknown
    return bool(value)


def speaks_of_version(word: str) -> bool:
    """Whether a name is about a version of torch, as far as its words tell."""
    return bool(_SPEAKS_OF_VERSION.search(word))


def is_builtin(name: str) -> bool:
    """Whether it is a built-in function that conditions are made of."""
    return name in _BUILTINS or name in ("map", "dir", "vars")


def builtin(name: str, given: list) -> object:
    """What a built-in function gives. Raises Unknown."""
    if name == "map":
        first, values = given
        if not isinstance(first, Reference) or first.dotted not in ("builtins.int", "builtins.str"):
            raise Unknown
        return [_BUILTINS[first.dotted.rpartition(".")[2]](one) for one in values]
    if name not in _BUILTINS:
        raise Unknown
    return _BUILTINS[name](*given)


def makes_version(dotted: str) -> bool:
    """Whether it is one of the functions and classes that make a version of a text."""
    return dotted.rpartition(".")[2] in _MAKES_VERSION and dotted.split(".")[0] in _VERSION_HOMES


def part(of: object, name: str) -> object:
    """An attribute of a version. Raises Unknown."""
    if isinstance(of, TorchVersion) and name in _OF_VERSION:
        return getattr(Version(of), name)
    if isinstance(of, Version) and name in _OF_VERSION:
        return list(of.release) if name == "version" else getattr(of, name)
    raise Unknown


def comparison(function: str, given: list) -> Callable[[str], bool] | None:
    """What a helper of elsewhere asks of torch's version, if that can be seen from how it is called.

    `compare_version("torch", operator.ge, "2.1")`, `RequirementCache("torch>=2.1")`
    """
    texts = [one for one in given if isinstance(one, str)]
    for text in texts:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.name == "torch" and requirement.specifier:
            return partial(requirement.specifier.contains, prereleases=True)
    hows = [one.dotted for one in given if isinstance(one, Reference) and one.dotted.startswith("operator.")]
    signs = [how for text in texts if (how := _OPERATORS.get(text))]
    signs += [getattr(operator, how.rpartition(".")[2]) for how in hows]
    versions = numbers(given)
    if len(signs) == len(versions) == 1 and ("torch" in texts or "torch" in function):
        return lambda torch: signs[0](Version(torch), Version(versions[0]))
    return None


def numbers(given: list) -> list[str]:
    """The texts that are versions and nothing else."""
    return [one for one in given if isinstance(one, str) and re.fullmatch(r"\d+(\.\d+)*", one)]
