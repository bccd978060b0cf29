"""The C++ and CUDA extensions of some code: with which flags they are compiled, and what their sources include.

Flags are followed from the calls that make extensions (`CUDAExtension`, `load`, …) through variables, lists, dicts and
functions of the file; what else stands in it, for extensions that know nothing of torch say, is no matter.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from torchproof.reports.code import cpp, headers
from torchproof.reports.code.files import Code
from torchproof.reports.code.reading import Unreadable, content, decoded, parsed
from torchproof.reports.code.syntax import word

_MAKES = {"CppExtension", "CUDAExtension", "SyclExtension", "load", "load_inline"}
_HOME = "torch.utils.cpp_extension"
_FLAGS = {"extra_compile_args", "extra_cflags", "extra_cuda_cflags", "extra_sycl_cflags", None}  # None: **more
_VARIABLES = {"CFLAGS", "CXXFLAGS", "CPPFLAGS", "NVCC_FLAGS", "NVCC_APPEND_FLAGS", "NVCC_PREPEND_FLAGS", "CL"}
_GROWS = {"append", "extend", "insert", "update", "setdefault", "add"}
_SOURCES = (".cpp", ".cc", ".cxx", ".cu")
_HEADERS = (".h", ".hpp", ".hxx", ".cuh", ".inl")


@dataclass(frozen=True)
class Need:
    """What of the headers is needed at a place: a flag is 'compiled', a header 'included', a macro 'expanded'."""

    how: str
    name: str
    file: str
    line: int
    column: int = 0  # of a flag: where conditions around it were looked at
    doubt: bool = False  # of a flag for ROCm: other builds of torch do not meet it


def needs(code: Code, texts: Mapping[str, str]) -> Iterator[Need]:
    """What is certainly needed, by the `texts` of the Python files and the sources that they name."""
    for shown, text in texts.items():
        yield from flags(text, shown)
    sources = Sources(code, texts)
    found = list(sources.needs())
    yield from (one for one in found if one.how != "expanded" or one.name not in sources.defined)


def flags(text: str, shown: str) -> Iterator[Need]:
    """The flags of a Python file that reach a compiler together with torch's headers, and say a standard."""
    if "cpp_extension" not in text:
        return
    try:
        tree = parsed(text)
    except Unreadable:
        return
    of_rocm = set(_of_rocm(tree))
    for node in _Flow(tree).reaching():
        if isinstance(node.value, str) and headers.standard(node.value):
            yield Need("compiled", node.value.strip(), shown, node.lineno, node.col_offset, node in of_rocm)


def _of_rocm(tree: ast.Module) -> Iterator[ast.AST]:
    """What stands under a condition that speaks of ROCm."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.If, ast.IfExp)) and re.search("hip|rocm", ast.unparse(node.test), re.IGNORECASE):
            is_not = isinstance(node.test, ast.UnaryOp)
            branch = node.orelse if is_not else node.body
            for one in branch if isinstance(branch, list) else [branch]:
                yield from ast.walk(one)


class Sources:
    """The C++ sources beside Python files that make extensions: those that these name, and what they include."""

    def __init__(self, code: Code, texts: Mapping[str, str]) -> None:
        names = [text for text in texts.values() if "cpp_extension" in text]
        self._patterns = {
            one for text in names for one in re.findall(r"""["']([^"'\n]*\.(?:cpp|cc|cxx|cu))["']""", text)
        }
        is_built = bool(self._patterns)
        self._files = {file.path.resolve(): file for file in code.beside((*_SOURCES, *_HEADERS))} if is_built else {}
        self.defined: set[str] = set()  # macros that are not torch's alone

    def needs(self) -> Iterator[Need]:
        """What of torch's headers the sources need that are compiled whatever the preprocessor is told."""
        rest = [path for path in self._files if path.suffix in _SOURCES and self._is_named(path)]
        seen: set[Path] = set()
        while rest:
            path = rest.pop()
            if path in seen or path not in self._files:
                continue
            seen.add(path)
            text = _text(path)
            self.defined |= cpp.defined(text)
            for how, name, line in cpp.used(text):
                if how == "included" and (inner := (path.parent / name).resolve()) in self._files:
                    rest.append(inner)
                elif (how, name) in headers.table():
                    yield Need(how, name, self._files[path].shown, line)

    def _is_named(self, path: Path) -> bool:
        return any(
            path.as_posix().endswith("/" + one.removeprefix("./"))
            or ("*" in one and fnmatch(path.name, one.rpartition("/")[2]))
            for one in self._patterns
        )


def _text(path: Path) -> str:
    try:
        return decoded(content(path))
    except Unreadable:
        return ""


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
