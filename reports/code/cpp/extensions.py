"""The C++ and CUDA extensions of some code: with which flags they are compiled, and what their sources include.

Flags are followed from the calls that make extensions (`CUDAExtension`, `load`, …) through variables, lists, dicts and
functions of the file; what else stands in it, for extensions that know nothing of torch say, is no matter. Sources are
files that are named, or strings that `load_inline` is given.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from torchproof.reports.code.cpp import headers
from torchproof.reports.code.cpp.builds import Builds
from torchproof.reports.code.cpp.flow import MAKES, Flow
from torchproof.reports.code.cpp.inline import inline
from torchproof.reports.code.cpp.preprocessor import EVERYWHERE, Reach
from torchproof.reports.code.cpp.sources import Need, Sources, Written, is_of_others
from torchproof.reports.code.files import Code
from torchproof.reports.code.reading import Unreadable, parsed
from torchproof.reports.code.syntax import word

_OF_KERNELS = "extra_cuda_cflags"
_FLAGS = {"extra_compile_args", "extra_cflags", _OF_KERNELS, "extra_sycl_cflags", None}  # None: **more
_GPUS = "TORCH_CUDA_ARCH_LIST"
_VARIABLES = {"CFLAGS", "CXXFLAGS", "CPPFLAGS", "NVCC_FLAGS", "NVCC_APPEND_FLAGS", "NVCC_PREPEND_FLAGS", "CL", _GPUS}
_OTHERS = re.compile(
    r"hip|rocm|win(32|dows)\b|'nt'|darwin|mac_?os|(?<![a-z])(mps|npu|mlu|musa|xpu)(?![a-z])", re.IGNORECASE
)
_ABI = re.compile(r"(?<![a-z])abi(?![a-z])", re.IGNORECASE)
_OF_A_CUDA = re.compile(r"[<>]|arch|capab", re.IGNORECASE)  # in a condition that chooses GPUs
_CATCHES = re.compile(r"\b(raises|assertRaises\w*|suppress)\(")


# Of a constant in Python code, by its file, line and column: in which releases it is met, and whether that is in doubt.
When = Callable[[str, int, int], tuple[frozenset[str], bool]]


def needs(code: Code, texts: Mapping[str, str], when: When) -> Iterator[Need]:
    """What is needed, by the `texts` of the Python files, what builds the code, and the sources that they name."""
    given: dict[str, frozenset[str] | None] = {}
    trees = dict(_trees(texts))
    flagged = list(_standards(trees, when, given))
    builds = Builds(code, texts)
    apart = [_apart(text, trees.get(shown)) for shown, text in texts.items()]
    sure, tried = zip(*apart) if apart else ((), ())
    sources = Sources(code, [*sure, *builds.texts], given, tried, list(_written(texts, trees, when)))
    yield from sources.needs()
    standards = [
        replace(need, doubt=need.doubt or (is_of_kernels and not sources.may_have_kernels))
        for need, is_of_kernels in flagged
    ]
    for need in [*standards, *builds.needs(sources.have_kernels)] if sources.want_standard else ():
        yield replace(need, doubt=need.doubt or sources.are_mixed)


def _trees(texts: Mapping[str, str]) -> Iterator[tuple[str, ast.Module]]:
    """The Python files that may make extensions, parsed."""
    for shown, text in texts.items():
        if "cpp_extension" in text:
            with contextlib.suppress(Unreadable):
                yield shown, parsed(text)


def _apart(text: str, tree: ast.Module | None) -> tuple[str, str]:
    """A Python file without the blocks whose failures it catches, and these: what they build need not compile."""
    if tree is None or "except" not in text:
        return text, ""
    caught = _caught(tree)
    lines = list(enumerate(text.splitlines(), 1))
    sure, tried = ("\n".join(line for number, line in lines if (number in caught) is side) for side in (False, True))
    return sure, tried


def _caught(tree: ast.Module) -> set[int]:
    """The lines whose failures are caught."""
    blocks = [node for node in ast.walk(tree) if isinstance(node, (ast.Try, ast.With)) and _catches(node)]
    nodes = [one for node in blocks for one in node.body]
    return {line for one in nodes for line in range(one.lineno, (one.end_lineno or one.lineno) + 1)}


def _catches(node: ast.Try | ast.With) -> bool:
    if isinstance(node, ast.Try):
        return bool(node.handlers)
    return any(_CATCHES.search(ast.unparse(one.context_expr)) for one in node.items)


def _written(texts: Mapping[str, str], trees: Mapping[str, ast.Module], when: When) -> Iterator[Written]:
    """The sources that stand in the Python files, each with where it is compiled."""
    for shown, tree in trees.items():
        if "load_inline" not in texts[shown]:
            continue
        doubtful, caught = {*_of_others(tree)}, _caught(tree)
        for one in inline(texts[shown], tree):
            releases, doubt = when(shown, one.call.lineno, one.call.col_offset)
            doubt |= not one.is_sure or one.call in doubtful or one.call.lineno in caught
            reach = Reach(frozenset() if doubt else releases, releases) & EVERYWHERE
            yield Written(shown, one.lines, one.implied, reach)


def _standards(
    trees: Mapping[str, ast.Module], when: When, given: dict[str, frozenset[str] | None]
) -> Iterator[tuple[Need, bool]]:
    """The standards and the C++ ABI that flags ask for, each with whether that is for kernels alone.

    Macros that they define are added to `given`.
    """
    for shown, tree in trees.items():
        for flag in flags(tree):
            releases, doubt = when(shown, flag.line, flag.column)
            is_always = releases == EVERYWHERE.certain
            for name in headers.macros(flag.text):
                is_known = not (doubt or is_always) and given.get(name, releases) is not None
                given[name] = releases | (given.get(name) or frozenset()) if is_known else None
            doubt |= (flag.is_rare and is_always) or is_of_others(shown)
            if headers.standard(flag.text):
                yield Need("compiled", flag.text.strip(), shown, flag.line, releases, doubt), flag.is_of_kernels
            if headers.has_old_abi(flag.text):
                need = Need("linked", flag.text.strip(), shown, flag.line, releases, doubt or flag.follows_abi)
                yield need, flag.is_of_kernels
            for name in () if flag.follows_cuda else headers.targets(flag.text):
                # Who builds may have torch from another index, for another CUDA.
                yield Need("targeted", name, shown, flag.line, releases, doubt=True), False


@dataclass(frozen=True)
class Flag:
    """A flag for the compiler, and where it stands; one that is `rare` is not given in every build.

    One that `follows_abi` stands under a condition that asks for a C++ ABI, one that `follows_cuda` under one that may
    ask for a CUDA; one that `is_of_kernels` is for nvcc alone, whose sources may include nothing of torch.
    """

    text: str
    line: int
    column: int
    is_rare: bool
    follows_abi: bool
    follows_cuda: bool
    is_of_kernels: bool


def flags(tree: ast.Module) -> Iterator[Flag]:
    """The flags of a Python file that reach a compiler together with torch's headers."""
    flow = Flow(tree)
    found = {node: node.value for node in flow.reaching(_given(flow, _FLAGS)) if isinstance(node.value, str)}
    rare = {*_of_others(tree), *_of_choices(tree, found)}
    of_abi, of_a_cuda = ({*_under(tree, asking)} for asking in (_ABI, _OF_A_CUDA))
    of_all = {*flow.reaching(_given(flow, _FLAGS - {_OF_KERNELS}), without="nvcc")}
    for node, text in found.items():
        place = node.lineno, node.col_offset
        yield Flag(text, *place, node in rare, node in of_abi, node in of_a_cuda, node not in of_all)


def _given(flow: Flow, by: set[str | None]) -> Iterator[ast.AST]:
    """Where flags are given, by which parameters or by a variable."""
    for call in flow.calls_of(MAKES):
        yield from (one.value for one in call.keywords if one.arg in by)
    for node in flow.nodes:
        match node:
            case ast.Assign(targets=targets, value=value) if any(map(_is_variable, targets)):
                yield value
            case ast.Call(func=ast.Attribute(attr="setdefault", value=of), args=[ast.Constant(value=name), value]):
                if word(of) == "environ" and name in _VARIABLES:
                    yield value


def _branches(tree: ast.Module) -> Iterator[tuple[ast.expr, list[ast.AST], list[ast.AST]]]:
    """Each condition, with all that stands in its two branches."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.If, ast.IfExp)):
            sides = (one if isinstance(one, list) else [one] for one in (node.body, node.orelse))
            yes, no = ([below for one in side for below in ast.walk(one)] for side in sides)
            yield node.test, yes, no


def _under(tree: ast.Module, asking: re.Pattern[str]) -> Iterator[ast.AST]:
    """What stands under a condition that asks for something."""
    for test, *sides in _branches(tree):
        if asking.search(ast.unparse(test)):
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


def _is_variable(target: ast.expr) -> bool:
    """Whether a target is a variable of the environment by which compilers are given flags."""
    return (
        isinstance(target, ast.Subscript)
        and word(target.value) == "environ"
        and isinstance(target.slice, ast.Constant)
        and target.slice.value in _VARIABLES
    )
