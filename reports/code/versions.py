"""What is particular to torch in the conditions of user code: words about its version, and what one release answers."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from torchproof.releases import supported
from torchproof.reports.code.answers import Python, Reference, Unknown, builtin, of_pattern
from torchproof.reports.code.catalog import Catalog
from torchproof.reports.code.nowhere import is_nowhere
from torchproof.reports.code.syntax import nodes, word
from torchproof.reports.code.values import Name, Value, Values

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_MAKES_VERSION = {"parse", "Version", "LooseVersion", "StrictVersion", "parse_version", "TorchVersion"}
_COMPARES_WITH_TEXT = {"LooseVersion", "StrictVersion", "TorchVersion"}
_VERSION_HOMES = {"packaging", "distutils", "looseversion", "pkg_resources", "setuptools", "torch"}
_OF_VERSION = {"release", "major", "minor", "micro", "base_version", "public", "version", "local", "is_prerelease",
               "is_devrelease", "dev", "pre"}  # fmt: skip
_PARTNERS = ("torchaudio", "torchvision")
_DISTRIBUTION = "<torch>"  # what metadata says of the installed one
# A name or call that is about a version of torch although what it stands for is not to be seen.
_SPEAKS_OF_VERSION = re.compile(
    r"(torch|(^|_)pt)_?(\d|v\d|ge|gt|lt|le|eq|greater|less|min|at_least|version)|(min|version)_(of_)?torch",
    re.IGNORECASE,
)


class TorchVersion(str):
    """`torch.__version__`: a text that compares as a version does, but for `!=`, which is the text's own."""

    __hash__ = str.__hash__

    def _compare(self, other: Any, how: Callable[[Any, Any], bool]) -> bool:
        if isinstance(other, (tuple, list)):
            other = ".".join(map(str, other))
        try:
            return how(Version(self), other if isinstance(other, Version) else Version(str(other)))
        except InvalidVersion:
            return how(str(self), other)

    def __eq__(self, other: object) -> bool:
        return self._compare(other, operator.eq)

    def __lt__(self, other: object) -> bool:
        return self._compare(other, operator.lt)

    def __le__(self, other: object) -> bool:
        return self._compare(other, operator.le)

    def __gt__(self, other: object) -> bool:
        return self._compare(other, operator.gt)

    def __ge__(self, other: object) -> bool:
        return self._compare(other, operator.ge)


@cache
def newest(release: str) -> str:
    """The newest version of a release, as far as releases are listed."""
    rows = supported()
    return rows[release].torch if release in rows else f"{release}.0"


def _package_of(version: str) -> str:
    """Of what goes with torch, that whose version a dotted name is (`torchvision.__version__`), or an empty text."""
    package, _, attribute = version.partition(".")
    return package if package in _PARTNERS and attribute in ("__version__", "version.__version__") else ""


@cache
def speaks_of_version(word: str) -> bool:
    """Whether a name is about a version of torch, as far as its words tell."""
    return bool(_SPEAKS_OF_VERSION.search(word))


@cache
def asks_what_is_there(word: str) -> bool:
    """Whether a function from elsewhere asks for a device or a part of torch, by its name: `is_xpu_available`."""
    return bool(re.search(r"(^|_)(torch|xpu|npu|mps|hpu|mlu|musa|sdaa)_(\w+_)?(available|supported)", word))


def is_about_version(node: ast.AST) -> bool:
    """Whether an expression has words about a version of torch: `@require_torch_2_1`, `@RunIf(min_torch="2.1")`."""
    for one in nodes(node):
        name = getattr(one, "id", None) or getattr(one, "attr", None) or getattr(one, "arg", None)
        if isinstance(name, str) and speaks_of_version(name):
            return True
    return False


@cache
def asks_inside(function: ast.AST, known: Catalog) -> bool:
    """Whether a function has words about a version of torch, or `hasattr(torch, …)` of what some releases lack."""
    for one in nodes(function):
        if isinstance(one, ast.Call) and word(one.func) == "hasattr" and len(one.args) == 2:
            owner, name = map(ast.unparse, one.args)
            asked = f"{owner}.{name[1:-1]}"
            if asked.startswith("torch.") and known.having(asked) != known.all:
                return True
    return is_about_version(function)


def asks_for_version(node: ast.expr) -> bool:
    """Whether it names torch and a version as texts: `at_least("torch", "2.6")`, `of("torch") >= Version("2.9")`."""
    texts = [one.value for one in nodes(node) if type(one) is ast.Constant and type(one.value) is str]
    return "torch" in texts and any(re.fullmatch(r"\d+(\.\d+)+\w*", text) for text in texts)


def part(of: Any, name: str) -> Any:
    """An attribute of a version. Raises Unknown."""
    if isinstance(of, TorchVersion) and name in _OF_VERSION:
        return getattr(Version(of), name)
    if isinstance(of, Version) and name in _OF_VERSION:
        return list(of.release) if name == "version" else getattr(of, name)
    raise Unknown


class Members:
    """What a release has in a module or class: `dir(torch)`, `vars(torch)`, `torch.__dict__`."""

    def __init__(self, question: Question, owner: str) -> None:
        self.question = question
        self.owner = owner

    def __contains__(self, name: object) -> bool:
        return self.question.has(f"{self.owner}.{name}")


class Question:
    """The release that is asked about, by its place, and what was seen on the way to the answer."""

    def __init__(self, known: Catalog, place: int = 0) -> None:
        self.known = known
        self.place = place
        self.depends = False  # the answer depends on the release
        self.of_version = False  # it is about the version of torch
        self.steps = 0  # that were taken

    def among(self, values: Values) -> Value:
        """Of the values of a name, the one in this release; None where it is not known or not bound."""
        return next((value for mask, value in values if mask >> self.place & 1), None)

    def version(self) -> TorchVersion:
        """The version of the release."""
        self.of_version = self.depends = True
        return TorchVersion(newest(self.known.releases[self.place]))

    def version_of(self, package: str) -> str:
        """The version of what goes with the release, which is compared as text. Raises Unknown."""
        self.of_version = self.depends = True
        release = supported().get(self.known.releases[self.place])
        if release is None:
            raise Unknown
        return getattr(release, package)

    def has(self, dotted: str) -> bool:
        """Whether the release has a name of torch, which code asks. Raises Unknown where the inventory cannot tell."""
        self.depends = True  # on releases from before all that are known, where each of these has it
        return self._is_there(dotted)

    def _is_there(self, dotted: str) -> bool:
        having = self.known.having(dotted)
        if not (having or is_nowhere(self.known, dotted)):
            raise Unknown
        self.depends |= having != self.known.all
        return bool(having >> self.place & 1)

    def named(self, dotted: str) -> Any:
        """What is there by a dotted name. Raises Unknown."""
        if dotted.startswith("sys.version_info") or dotted in ("six.PY2", "six.PY3"):
            return self._python(dotted)
        if dotted == f"{_DISTRIBUTION}.version":
            return str(self.version())
        if dotted == f"{_DISTRIBUTION}.parsed_version":
            return Version(self.version())
        if dotted.startswith("torch.") and dotted.endswith(".__dict__"):
            return Members(self, dotted.removesuffix(".__dict__"))
        if dotted in ("torch.__version__", "torch.torch_version.__version__"):
            return self.version()
        if dotted == "torch.version.__version__":
            return str(self.version())
        if package := _package_of(dotted):
            return self.version_of(package)
        if dotted == "torch.__name__":
            return "torch"
        if dotted.startswith("torch."):
            if not self._is_there(dotted):
                raise Unknown
            return Reference(dotted, self.known.kind(dotted))
        self.of_version |= speaks_of_version(dotted)
        return Reference(dotted)

    def _python(self, dotted: str) -> Any:
        self.depends = True  # which it does not, but the answer may be the same everywhere
        known = {"sys.version_info": Python(), "sys.version_info.major": 3, "six.PY2": False, "six.PY3": True}
        if dotted not in known:
            raise Unknown
        return known[dotted]

    def parameters(self, values: Values) -> dict[str, None]:
        """`inspect.signature(torch.f)`: its parameters by name, of which `.parameters` gives the same."""
        function = self.among(values)
        if isinstance(function, Name):
            entry = self.known.entries(function.dotted)[self.place]
            signatures = entry.signatures if entry else ()
            if len(signatures) == 1 and not signatures[0].source:
                self.depends = True
                return dict.fromkeys(one.name for one in signatures[0].parameters)
        raise Unknown

    def called(self, dotted: str, given: list[Any]) -> Any:
        """What a call gives of something that is not in the code. Raises Unknown."""
        home, _, word = dotted.rpartition(".")
        root = dotted.split(".")[0]
        of_torch = isinstance(given[0], Reference) and f"{given[0].dotted}.".startswith("torch.") if given else False
        if dotted in ("builtins.dir", "builtins.vars") and of_torch:
            return Members(self, given[0].dotted)
        if root in ("inspect", "dataclasses") or dotted in ("builtins.dir", "builtins.vars"):
            self.of_version = any(isinstance(one, Reference) and one.dotted.startswith("torch.") for one in given)
        if root == "builtins":
            self.depends |= word == "callable" and of_torch  # as `torch.fft` was before all that are known
            return builtin(word, given)
        if word in _MAKES_VERSION and root in _VERSION_HOMES:
            return TorchVersion(given[0]) if word in _COMPARES_WITH_TEXT else Version(str(given[0]))
        if root == "re":
            return of_pattern(word, given)
        if word == "SpecifierSet" and root in _VERSION_HOMES:
            return SpecifierSet(str(given[0]), prereleases=True)
        if root in ("importlib", "importlib_metadata", "pkg_resources"):
            return self._metadata(word, given)
        if home in ("operator", "_operator") and word in ("eq", "ne", "lt", "le", "gt", "ge"):
            return getattr(operator, word)(*given)
        return self._compared(word, given)

    def _metadata(self, word: str, given: list[Any]) -> str | Reference | None:
        if word in ("version", "get_distribution", "distribution") and given == ["torch"]:
            return str(self.version()) if word == "version" else Reference(_DISTRIBUTION)
        if word == "version" and given[0] in _PARTNERS:
            return self.version_of(given[0])
        if word == "find_spec" and str(given[0]).startswith("torch."):
            return Reference(given[0]) if self.has(given[0]) else None
        raise Unknown

    def _compared(self, word: str, given: list[Any]) -> bool:
        """A helper of elsewhere, which is believed to compare what it is given with torch's version."""
        if holds := _comparison(word, given):
            return holds(str(self.version()))
        if "torch" in word and _numbers(given):
            self.of_version = True
        raise Unknown


def _comparison(function: str, given: list[Any]) -> Callable[[str], bool] | None:
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
    versions = _numbers(given)
    if len(signs) == len(versions) == 1 and ("torch" in texts or "torch" in function):
        return lambda torch: signs[0](Version(torch), Version(versions[0]))
    return None


def _numbers(given: list[Any]) -> list[str]:
    """The texts that are versions and nothing else."""
    return [one for one in given if isinstance(one, str) and re.fullmatch(r"\d+(\.\d+)*", one)]
