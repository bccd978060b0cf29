"""The C++ and CUDA extensions of some code: with which flags they are compiled, and what their sources include.

Flags are followed from the calls that make extensions (`CUDAExtension`, `load`, …) through variables, lists, dicts and
functions of the file; what else stands in it, for extensions that know nothing of torch say, is no matter.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from torchproof.reports.code.cpp import headers
from torchproof.reports.code.cpp.builds import Builds
from torchproof.reports.code.cpp.preprocessor import EVERYWHERE
from torchproof.reports.code.cpp.sources import Need, Sources, is_of_others
from torchproof.reports.code.files import Code
from torchproof.reports.code.reading import Unreadable, parsed
from torchproof.reports.code.syntax import word

_MAKES = {"CppExtension", "CUDAExtension", "SyclExtension", "load", "load_inline"}
_HOME = "torch.utils.cpp_extension"
_FLAGS = {"extra_compile_args", "extra_cflags", "extra_cuda_cflags", "extra_sycl_cflags", None}  # None: **more
_VARIABLES = {"CFLAGS", "CXXFLAGS", "CPPFLAGS", "NVCC_FLAGS", "NVCC_APPEND_FLAGS", "NVCC_PREPEND_FLAGS", "CL"}
_OTHERS = re.compile(
    r"hip|rocm|win(32|dows)\b|'nt'|darwin|mac_?os|(?<![a-z])(mps|npu|mlu|musa|xpu)(?![a-z])", re.IGNORECASE
)
_ABI = re.compile(r"(?<![a-z])abi(?![a-z])", re.IGNORECASE)
_GROWS = {"append", "extend", "insert", "update", "setdefault", "add"}


# Of a constant in Python code, by its file, line and column: in which releases it is met, and whether that is in doubt.
When = Callable[[str, int, int], tuple[frozenset[str], bool]]


def needs(code: Code, texts: Mapping[str, str], when: When) -> Iterator[Need]:
    """What is needed, by the `texts` of the Python files, what builds the code, and the sources that they name."""
    given: dict[str, frozenset[str] | None] = {}
    standards = list(_standards(texts, when, given))
    builds = Builds(code, texts)
    sure, tried = zip(*map(_apart, texts.values())) if texts else ((), ())
    sources = Sources(code, [*sure, *builds.texts], given, tried)
    yield from sources.needs()
    for need in [*standards, *builds.needs(sources.have_kernels)] if sources.want_standard else ():
        yield replace(need, doubt=need.doubt or sources.are_mixed)


def _apart(text: str) -> tuple[str, str]:
    """A Python file without the blocks whose failures it catches, and these: what they build need not compile."""
    if "cpp_extension" not in text or "except" not in text:
        return text, ""
    try:
        tree = parsed(text)
    except Unreadable:
        return text, ""
    tries = [node for node in ast.walk(tree) if isinstance(node, ast.Try) and node.handlers]
    caught = {
        line for node in tries for one in node.body for line in range(one.lineno, (one.end_lineno or one.lineno) + 1)
    }
    lines = list(enumerate(text.splitlines(), 1))
    sure, tried = ("\n".join(line for number, line in lines if (number in caught) is side) for side in (False, True))
    return sure, tried


def _standards(texts: Mapping[str, str], when: When, given: dict[str, frozenset[str] | None]) -> Iterator[Need]:
    """The standards and the C++ ABI that flags ask for; macros that they define are added to `given`."""
    for shown, text in texts.items():
        for flag in flags(text):
            releases, doubt = when(shown, flag.line, flag.column)
            is_always = releases == EVERYWHERE.certain
            for name in headers.macros(flag.text):
                is_known = not (doubt or is_always) and given.get(name, releases) is not None
                given[name] = releases | (given.get(name) or frozenset()) if is_known else None
            doubt |= (flag.is_rare and is_always) or is_of_others(shown)
            if headers.standard(flag.text):
                yield Need("compiled", flag.text.strip(), shown, flag.line, releases, doubt)
            if headers.has_old_abi(flag.text):
                yield Need("linked", flag.text.strip(), shown, flag.line, releases, doubt or flag.follows_abi)


@dataclass(frozen=True)
class Flag:
    """A flag for the compiler, and where it stands; one that is `rare` is not given in every build.

    One that `follows_abi` stands under a condition that asks for a C++ ABI.
    """

    text: str
    line: int
    column: int
    is_rare: bool
    follows_abi: bool


def flags(text: str) -> Iterator[Flag]:
    """The flags of a Python file that reach a compiler together with torch's headers."""
    if "cpp_extension" not in text:
        return
    try:
        tree = parsed(text)
    except Unreadable:
        return
    found = {node: node.value for node in _Flow(tree).reaching() if isinstance(node.value, str)}
    rare = {*_of_others(tree), *_of_choices(tree, found)}
    chosen = {*_of_abi(tree)}
    for node, text in found.items():
        yield Flag(text, node.lineno, node.col_offset, node in rare, node in chosen)


def _branches(tree: ast.Module) -> Iterator[tuple[ast.expr, list[ast.AST], list[ast.AST]]]:
    """Each condition, with all that stands in its two branches."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.If, ast.IfExp)):
            sides = (one if isinstance(one, list) else [one] for one in (node.body, node.orelse))
            yes, no = ([below for one in side for below in ast.walk(one)] for side in sides)
            yield node.test, yes, no


def _of_abi(tree: ast.Module) -> Iterator[ast.AST]:
    """What stands under a condition that asks for a C++ ABI."""
    for test, *sides in _branches(tree):
        if _ABI.search(ast.unparse(test)):
            yield from (one for side in sides for one in side)


def _of_others(tree: ast.Module) -> Iterator[ast.AST]:
    """What stands under a condition that speaks of ROCm, Windows or Macs."""
    for test, *sides in _branches(tree):
        for is_rare, side in zip(_others(test), sides):
            yield from side if is_rare else ()


def _others(test: ast.expr) -> tuple[bool, bool]:
    """Whether only builds for other systems take a branch: where a condition is true, and where it is false."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yes, no = _others(operand)
            return no, yes
        case ast.BoolOp(op=op, values=values):
            all_yes, all_no = ([one[side] for one in map(_others, values)] for side in (0, 1))
            return (any(all_yes), all(all_no)) if isinstance(op, ast.And) else (all(all_yes), any(all_no))
    speaks = bool(_OTHERS.search(ast.unparse(test)))
    is_not = isinstance(test, ast.Compare) and (
        isinstance(test.ops[0], ast.NotEq) or ast.unparse(test).endswith(" is None")
    )
    return speaks and not is_not, speaks and is_not


def _of_choices(tree: ast.Module, flags: Mapping[ast.Constant, str]) -> Iterator[ast.AST]:
    """The flags for an older standard than that of the other branch: who builds may never take theirs."""
    years: dict[ast.AST, int] = {
        node: (year - 98) % 100 for node, text in flags.items() if (year := headers.standard(text))
    }
    for _, yes, no in _branches(tree):
        for side, other in ((yes, no), (no, yes)):
            newest = max((years[one] for one in other if one in years), default=0)
            yield from (one for one in side if years.get(one, newest) < newest)


class _Flow:
    """Which constants of a file reach the flags of extensions, by the names that they are given on the way."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.nodes = list(ast.walk(tree))
        self.given: dict[str, list[ast.AST]] = defaultdict(list)  # by names: what they may be, or have inside
        self.calls: dict[str, list[ast.Call]] = defaultdict(list)
        for node in self.nodes:
            self._note(node)
        for node in self.nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._note_parameters(node)

    def reaching(self) -> Iterator[ast.Constant]:
        """The constants."""
        seen: set[int] = set()
        rest = [*self._starts()]
        while rest:
            node = rest.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, ast.Constant):
                yield node
            elif isinstance(node, ast.Compare):
                continue
            elif name := word(node):
                rest += self.given.get(name, ())
            rest += ast.iter_child_nodes(node)

    def _starts(self) -> Iterator[ast.AST]:
        makers = self._makers()
        for node in self.nodes:
            if isinstance(node, ast.Call) and (_dotted(node.func) in makers or word(node.func) in makers):
                yield from (one.value for one in node.keywords if one.arg in _FLAGS)
            elif isinstance(node, ast.Assign) and any(_is_variable(one) for one in node.targets):
                yield node.value

    def _makers(self) -> set[str]:
        """What makes extensions here: names that are imported, and those that stand for one of them."""
        found = {"CppExtension", "CUDAExtension", "SyclExtension", *(f"cpp_extension.{one}" for one in _MAKES)}
        for node in self.nodes:
            if isinstance(node, ast.ImportFrom) and node.module == _HOME:
                found.update(one.asname or one.name for one in node.names if one.name in _MAKES)
        for name, values in self.given.items():
            if any(_dotted(one) in found or word(one) in found for value in values for one in _either(value)):
                found.add(name)
        return found

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr)) and node.value:
            for target in getattr(node, "targets", None) or [node.target]:  # type: ignore[union-attr]
                while isinstance(target, ast.Subscript):
                    target = target.value
                if name := word(target):
                    self.given[name].append(node.value)
        elif isinstance(node, ast.Call):
            if name := word(node.func):
                self.calls[name].append(node)
            if isinstance(node.func, ast.Attribute) and node.func.attr in _GROWS:
                base = node.func.value
                while isinstance(base, ast.Subscript):
                    base = base.value
                if name := word(base):
                    self.given[name] += [*node.args, *(one.value for one in node.keywords)]

    def _note_parameters(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """What a function gives back, and what it is given."""
        self.given[node.name] += [one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value]
        names = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
        for call in self.calls[node.name]:
            for name, value in zip(names, call.args):
                self.given[name].append(value)
            for keyword in call.keywords:
                if keyword.arg:
                    self.given[keyword.arg].append(keyword.value)


def _either(node: ast.AST) -> Iterator[ast.AST]:
    """The sides of `a if … else b`, or the expression itself."""
    if isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    else:
        yield node


def _dotted(node: ast.AST) -> str:
    """The last two words of a dotted name."""
    return f"{word(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def _is_variable(target: ast.expr) -> bool:
    """Whether a target is a variable of the environment by which compilers are given flags."""
    return (
        isinstance(target, ast.Subscript)
        and word(target.value) == "environ"
        and isinstance(target.slice, ast.Constant)
        and target.slice.value in _VARIABLES
    )
