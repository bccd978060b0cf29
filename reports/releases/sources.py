"""What torch's own files and docstrings say: the names a module binds, words of deprecation, and what only raises.

For `reports/releases/ask.py`, which runs in the environment of a release: the standard library alone.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import os
import re
import sys
import types
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, reduce
from pathlib import Path
from typing import Any, NamedTuple

from torchproof.inventory import PACKAGES


def docstring(value: object) -> str:
    """The docstring; empty where there is none that is text."""
    text = getattr(value, "__doc__", None)
    return text if isinstance(text, str) else ""


def deprecation(value: object) -> str:
    """The words by which a function says that it is deprecated; empty where it does not."""
    # What `deprecated` is given has the words as well: it may be another, lasting name of the same.
    said = getattr(value, "__deprecated__", None) if hasattr(value, "__wrapped__") else None
    if not isinstance(said, str):
        said = _deprecation_in(docstring(value)) or _warning_of(value)[1]
    return one_line(said)


def warning(value: object) -> tuple[str, str]:
    """The category and words of the warning that a function gives whatever happens; empty where it gives none."""
    category, words = _warning_of(value)
    said = getattr(value, "__deprecated__", None)
    return (category, one_line(said if isinstance(said, str) else words)) if category else ("", "")


def _warning_of(value: object) -> tuple[str, str]:
    """What is written in a function, or what a helper says that it calls to warn."""
    source, line = _source(value), _line(value)
    if line in source.warned or line not in source.warned_by or not callable(value):
        return source.warned.get(line, ("", ""))
    name, args = source.warned_by[line]
    head, *members = name.split(".")
    named = inspect.unwrap(value).__globals__.get(head)
    helper = reduce(lambda owner, member: getattr(owner, member, None), members, named)
    first, second = (_given_by(helper, args) for _ in range(2))
    return second if first == second else ("", "")  # some warn only once


def _given_by(helper: Any, args: list[Any]) -> tuple[str, str]:
    """The category and words of a deprecation that a helper warns of; the words from where they come to it."""
    with warnings.catch_warnings(record=True) as given, contextlib.suppress(Exception):
        warnings.simplefilter("always")
        helper(*args)
    for one in given:
        sentences = re.split(r"(?<=[.!])\s+", str(one.message))
        for place, sentence in enumerate(sentences):
            if "deprecated" in sentence and issubclass(one.category, (DeprecationWarning, FutureWarning, UserWarning)):
                return one.category.__name__, " ".join(sentences[place:])
    return "", ""


def deprecation_of_class(cls: type) -> str:
    """The same of a class, which inherits nothing of it."""
    said = vars(cls).get("__deprecated__")
    if not isinstance(said, str):
        own = vars(cls).get("__doc__")
        said = _deprecation_in(own if isinstance(own, str) else "")
    for maker in ("__init__", "__new__"):
        said = said or (deprecation(vars(cls)[maker]) if maker in vars(cls) else "")
    return one_line(said)


def warning_of_class(cls: type) -> tuple[str, str]:
    """The same of a class when it is made."""
    makers = (vars(cls).get(one) for one in ("__init__", "__new__"))
    return next((given for one in makers if (given := warning(getattr(one, "__func__", one)))[0]), ("", ""))


def deprecation_of_module(module: types.ModuleType) -> str:
    """The same of a module."""
    path = getattr(module, "__file__", None)
    said = _deprecation_in(docstring(module))
    if not said and path and path.endswith(".py"):
        said = read(path).warned.get(0, ("", ""))[1]
    return one_line(said)


def only_raises(value: object) -> bool:
    """Whether a function does nothing but to raise an error, of an abstract method too."""
    return _line(value) in _source(value).raising


# What an error says where something else is to be done, or another machine would do.
_ABSTRACT = re.compile(r"implement|subclass|overrid|abstract|compiled|installed|available|build|built", re.IGNORECASE)
_REMOVED = re.compile(r"\b(?:removed|no longer|deprecated|discontinued)\b", re.IGNORECASE)


def removal(value: object, depth: int = 3) -> str:
    """The words of the error that a function only raises, itself or by a call of another such function.

    Empty where it does something, is left to subclasses, or wants another build.
    """
    if "<locals>" in getattr(value, "__qualname__", ""):
        return ""
    source, line = _source(value), _line(value)
    if error := source.raising.get(line):
        kind, words = error
        is_abstract = kind in ("NotImplementedError", "AssertionError", "ImportError") or _ABSTRACT.search(words)
        is_of_caller = not words or words.startswith("{")  # one of many that share a refusal, such as to be changed
        return "" if is_of_caller or (is_abstract and not _REMOVED.search(words)) else one_line(words, 400)
    called = _called(value, source.passing_on.get(line, ""))
    return removal(called, depth - 1) if depth and called else ""


def removal_of_class(cls: type) -> str:
    """The same of a class that cannot be made."""
    makers = (vars(cls).get(one) for one in ("__new__", "__init__"))
    return next((words for one in makers if (words := removal(getattr(one, "__func__", one)))), "")


def removal_of_module(path: str) -> str:
    """The words of the error that a file raises whatever happens when it is imported."""
    _, words = read(path).raising.get(0, ("", ""))
    return one_line(words, 400) if _REMOVED.search(words) else ""


def _called(value: object, name: str) -> object:
    """The function that a function calls by this name: of its module, or of another as `.module.name`."""
    code = _code(value)
    if not name or code is None or not callable(value):
        return None
    function = inspect.unwrap(value)
    if "." not in name:
        return function.__globals__.get(name)
    module, _, member = absolute(name, function.__module__, code.co_filename).rpartition(".")
    return getattr(sys.modules.get(module), member, None)


_ITSELF = re.compile(
    r"^(?:(?:warning|note|important):|(?:\[\w+\] )?\[?deprecated\b|"
    r"(?:this|the) (?:function|method|class|module|api|feature|op|"
    r"property|optimizer|decorator|package|file|context)\b|it is\b|\S+ (?:is|has been|was|are)\b)",
    re.IGNORECASE,
)


# What stands at the head of a description: the word alone, or before what it does and not what to do.
_TAG = r"\W*deprecated\W*|\[deprecated\] (?!use\b|please\b|instead\b).*"


def _deprecation_in(doc: str) -> str:
    """What a docstring says of the thing itself, before it comes to the parameters: more than a tag, if it does."""
    found = ""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(doc)):
        if re.match(r"(?:Args|Arguments|Parameters|Keyword)\b", paragraph):
            return found
        if match := re.search(r"\.\. deprecated::\s*([\d.]*)\s*(.*)", paragraph, re.DOTALL):
            return f"since {match[1]}: {match[2]}" if match[1] else match[2]
        text = re.sub(r"^\.\. \w+::\s*", "", " ".join(paragraph.split()))
        sentences = re.split(r"(?<=[.!])\s+", text)
        for place, sentence in enumerate(sentences):
            if "deprecated" in sentence.lower() and _ITSELF.match(sentence):
                words = re.sub(r"^\[\w+\] (?=\[)", "", " ".join(sentences[place:]))
                if not re.fullmatch(_TAG, words, re.IGNORECASE):
                    return re.sub(r"^\[deprecated\] ", "", words, flags=re.IGNORECASE)
                found = "DEPRECATED"
    return found


def one_line(text: str, most: int = 240) -> str:
    """A text as a field of the inventory: short, without tabs and line breaks."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


# --- source files -----------------------------------------------------------------------------------------------------


class Passing(NamedTuple):
    """A call that hands on the `**rest` of a function: what it calls, and what it passes itself."""

    name: str
    positional: int
    keywords: frozenset[str]


class Rest(NamedTuple):
    """Where a function hands its `**rest` on, and the words that it asks for itself, where it does no more with it."""

    words: frozenset[str]
    onto: list[Passing]


@dataclass
class Source:
    """What a file says. Functions are known by the number of their first line, the module itself by 0."""

    top: dict[str, str] = field(default_factory=dict)  # each name with what it is imported from, else ''
    everything_of: list[str] = field(default_factory=list)  # what `import *` takes from
    redirects: bool = False  # it puts one module under the name of another
    warned: dict[int, tuple[str, str]] = field(default_factory=dict)  # category and words
    warned_by: dict[int, tuple[str, list[Any]]] = field(default_factory=dict)  # by a helper, with these arguments
    raising: dict[int, tuple[str, str]] = field(default_factory=dict)  # what only raises: the error and its words
    passing_on: dict[int, str] = field(default_factory=dict)  # what only calls another function: that one's name
    assigned: dict[int, list[str]] = field(default_factory=dict)
    rests: dict[int, Rest] = field(default_factory=dict)


def files(folder: Path, package: str) -> Iterator[tuple[str, str]]:
    """The modules that stand in files, by name."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and (path / "__init__.py").exists():
            yield f"{package}.{path.name}", str(path / "__init__.py")
            yield from files(path, f"{package}.{path.name}")
        elif path.suffix == ".py" and path.stem.isidentifier() and not is_dunder(path.stem):
            yield f"{package}.{path.stem}", str(path)


def absolute(origin: str, module: str, path: str) -> str:
    """`..utils.x` as seen from a module."""
    dots = len(origin) - len(origin.lstrip("."))
    if not dots:
        return origin
    parts = module.split(".")
    parts = parts[: len(parts) - dots + path.endswith("__init__.py")]
    return ".".join([*parts, origin.lstrip(".")])


def _code(value: object) -> types.CodeType | None:
    return getattr(inspect.unwrap(value), "__code__", None) if callable(value) else None


def _line(value: object) -> int:
    code = _code(value)
    return code.co_firstlineno if code else -1


def source_of(value: object) -> tuple[Source, int]:
    """What the file of a function says, and the line by which it has the function."""
    return _source(value), _line(value)


def _source(value: object) -> Source:
    code = _code(value)
    path = code.co_filename if code else ""
    is_asked = path.endswith(".py") and any(f"{os.sep}{one}{os.sep}" in path for one in PACKAGES)
    return read(path) if is_asked else Source()


@cache
def read(path: str) -> Source:
    """What a file says; each is read once."""
    source = Source()
    try:
        tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):  # some files are templates
        return source
    source.redirects = any(_is_redirection(node) for node in [*tree.body, *_in_loops(tree.body)])
    for name, origin in bindings(tree.body):
        if is_dunder(name):
            continue
        if origin is None:
            source.top.setdefault(name, "")
        elif name == "*":
            source.everything_of.append(origin.removesuffix("*").removesuffix("."))
        elif origin.startswith((".", *(f"{one}." for one in PACKAGES))):
            source.top.setdefault(name, origin)
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }
    if given := _warning(tree.body, constants):
        source.warned[0] = given
    if isinstance(error := _end(tree.body, constants), tuple):
        source.raising[0] = error
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            line = _first_line(node)
            if given := _decorated(node) or _warning(node.body, constants):
                source.warned[line] = given
            if helper := next(filter(None, map(_helper, node.body)), None):
                source.warned_by[line] = helper
            if node.args.kwarg and (rest := _rest(node, node.args.kwarg.arg)):
                source.rests[line] = rest
            if node.name == "__init__" and node.args.args:
                source.assigned[line] = list(_assigned(node, node.args.args[0].arg))
    for node in _unconditional(tree.body):
        end = _end(node.body, constants)
        if isinstance(end, tuple):
            source.raising[_first_line(node)] = end
        elif end:
            source.passing_on[_first_line(node)] = end
    return source


def _first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


# Conditions that are false where a module is imported.
_NEVER = ("TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'")


def bindings(body: list[ast.stmt]) -> Iterator[tuple[str, str | None]]:
    """The names that statements bind, with what they are imported from; both branches of an `if` or a `try`."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, None
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                names = (
                    one for one in ast.walk(target) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
                )
                yield from ((one.id, None) for one in names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            dot = "" if origin.endswith(".") else "."
            yield from ((one.asname or one.name, origin + dot + one.name) for one in node.names)
        elif isinstance(node, ast.Import):
            yield from ((one.asname, one.name) for one in node.names if one.asname)
        elif isinstance(node, ast.If) and ast.unparse(node.test) in _NEVER:
            yield from bindings(node.orelse)
        elif isinstance(node, (ast.If, ast.Try, ast.With, ast.For)):
            yield from bindings([*node.body, *getattr(node, "orelse", []), *getattr(node, "finalbody", [])])
            for handler in getattr(node, "handlers", []):
                yield from bindings(handler.body)


def _assigned(function: ast.FunctionDef | ast.AsyncFunctionDef, instance: str) -> Iterator[str]:
    attributes = (node for node in ast.walk(function) if isinstance(node, ast.Attribute))
    for node in attributes:
        if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == instance:
            yield node.attr


def _is_of_python(node: ast.If) -> bool:
    """Whether it chooses by Python's version: both branches warn, in other words."""
    return "sys.version_info" in ast.unparse(node.test)


def _warning(body: list[ast.stmt], constants: dict[str, str]) -> tuple[str, str] | None:
    """The first warning or error that the statements give whatever happens, of those about deprecation.

    Its category, '' of an error, and its words.
    """
    for node in body:
        branches = (node.body, node.orelse) if isinstance(node, ast.If) and _is_of_python(node) else ()
        if given := next(filter(None, (_warning(branch, constants) for branch in branches)), None):
            return given
        call = node.value if isinstance(node, ast.Expr) else node.exc if isinstance(node, ast.Raise) else None
        if not isinstance(call, ast.Call) or not call.args:
            continue
        category = [*call.args[1:2], *(one.value for one in call.keywords if one.arg == "category")]
        is_warning = ast.unparse(call.func) == "warnings.warn" and all(_is_lasting(one) for one in category)
        words = spelled(call.args[0], constants)
        if "deprecated" in words.lower() and (is_warning or isinstance(node, ast.Raise)):
            return (ast.unparse(category[0]) if category else "UserWarning") if is_warning else "", words
    return None


def _helper(node: ast.stmt) -> tuple[str, list[Any]] | None:
    """The name and arguments of a helper that is called to warn: `_warn_deprecated("f")`, `Cls._warn("f")`."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or any(one.arg != "stacklevel" for one in call.keywords):
        return None
    name = ast.unparse(call.func)
    is_helper = re.fullmatch(r"(?!self\.|warnings\.)(?:\w+\.)*\w*(?:warn|deprecat)\w*", name)
    is_to_warn = is_helper and all(isinstance(one, ast.Constant) for one in call.args)
    return (name, [ast.literal_eval(one) for one in call.args]) if is_to_warn else None


def _decorated(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, str] | None:
    """The category of `@deprecated(words, category=…)`, and the words where they are written there."""
    for one in node.decorator_list:
        if isinstance(one, ast.Call) and ast.unparse(one.func).rpartition(".")[2] == "deprecated":
            category = next((ast.unparse(given.value) for given in one.keywords if given.arg == "category"), "")
            words = spelled(one.args[0], {}) if one.args else ""
            return None if category == "None" else (category or "DeprecationWarning", words)
    return None


# --- what is done with `**rest` ---------------------------------------------------------------------------------------


def _rest(function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> Rest | None:
    """What a function does with its rest; None where it may take any word, if only to ignore it."""
    nodes = [one for statement in function.body for one in ast.walk(statement)]
    if any(isinstance(one, ast.arguments) and one.kwarg and one.kwarg.arg == name for one in nodes):
        return None
    words: set[str] = set()
    onto: list[Passing] = []
    understood: list[ast.AST] = []
    for node in nodes:
        if isinstance(node, ast.Raise):
            understood += ast.walk(node)
        elif isinstance(node, ast.Call) and (asked := _asks(node, name)):
            understood.append(asked[0])
            words.add(asked[1])
        elif isinstance(node, ast.Call):
            given = [one for one in node.keywords if one.arg is None and _is_named(one.value, name)]
            if given:
                understood.append(given[0].value)
                stars = any(isinstance(one, ast.Starred) for one in node.args)
                named = frozenset(one.arg for one in node.keywords if one.arg)
                onto.append(Passing(ast.unparse(node.func), 0 if stars else len(node.args), named))
            elif ast.unparse(node.func) in ("bool", "len"):
                understood += node.args
        elif isinstance(node, ast.Compare) and isinstance(node.left, ast.Constant):
            understood += node.comparators
            words.add(str(node.left.value))
        elif isinstance(node, ast.Subscript) and _is_named(node.value, name) and isinstance(node.slice, ast.Constant):
            understood.append(node.value)
            words.add(str(node.slice.value))
        elif isinstance(node, ast.If):
            understood.append(node.test)
    is_all = all(one in understood for one in nodes if _is_named(one, name))
    return Rest(frozenset(words), onto) if is_all and onto else None


def _asks(node: ast.Call, name: str) -> tuple[ast.expr, str] | None:
    """The rest and the word of `rest.pop("word")`, or of a helper that is given both: `_set(rest, "word", 1)`."""
    func = node.func
    given = node.args if isinstance(func, ast.Name) else []
    if isinstance(func, ast.Attribute) and func.attr in ("get", "pop", "setdefault"):
        given = [func.value, *node.args]
    if len(given) < 2 or not _is_named(given[0], name):
        return None
    rest, word = given[:2]
    return (rest, word.value) if isinstance(word, ast.Constant) and isinstance(word.value, str) else None


def _is_named(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


# --- what only raises -------------------------------------------------------------------------------------------------


def _unconditional(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions and methods of a file that no condition defines: one under `except ImportError` is no removal."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from _unconditional(node.body)


def _end(body: list[ast.stmt], constants: dict[str, str]) -> tuple[str, str] | str | None:
    """How statements end that do nothing else: the error that they raise, or the name of the function they call.

    None where they do something, documentation, imports, warnings and log messages aside.
    """
    constants, imported = dict(constants), {}
    for node in body:
        if isinstance(node, ast.Raise):
            return _error(node, constants)
        if isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            imported.update({one.asname or one.name: f"{origin}.{one.name}" for one in node.names})
        elif isinstance(node, ast.Assign) and not any(isinstance(one, ast.Call) for one in ast.walk(node.value)):
            constants.update({ast.unparse(target): spelled(node.value, constants) for target in node.targets})
        elif isinstance(node, ast.If) and "has_torch_function" in ast.unparse(node.test):
            continue
        elif isinstance(node, ast.If) and node.orelse:
            error = _end(node.body, constants)
            return error if isinstance(error, tuple) and isinstance(_end(node.orelse, constants), tuple) else None
        elif not isinstance(node, (ast.Import, ast.Pass)) and not _only_tells(node):
            call = node.value if isinstance(node, (ast.Return, ast.Expr)) else None
            name = call.func.id if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else ""
            return imported.get(name, name) or None
    return None


def _only_tells(node: ast.stmt) -> bool:
    """Whether a statement is documentation, or gives a warning or a log message."""
    if not isinstance(node, ast.Expr):
        return False
    if isinstance(node.value, ast.Constant):
        return True
    called = ast.unparse(node.value.func) if isinstance(node.value, ast.Call) else ""
    return re.fullmatch(r"(warnings\.)?warn|print|_?log(ger|ging)?\.\w+|(\w+\.)*_log_api_usage\w*", called) is not None


def _error(node: ast.Raise, constants: dict[str, str]) -> tuple[str, str]:
    """The class of an error and its words."""
    error = node.exc
    if not isinstance(error, ast.Call):
        return (ast.unparse(error) if error else "", "")
    return ast.unparse(error.func), " ".join(spelled(one, constants) for one in error.args)


def _is_lasting(category: ast.expr) -> bool:
    return ast.unparse(category) in ("FutureWarning", "DeprecationWarning", "UserWarning")


def spelled(node: ast.expr, constants: dict[str, str]) -> str:
    """The text of an expression; what only running it would tell stands in braces."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Name):
        return constants.get(node.id, f"{{{node.id}}}")
    if isinstance(node, ast.JoinedStr):
        return "".join(spelled(one, constants) for one in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return spelled(node.left, constants) + spelled(node.right, constants)
    if isinstance(node, ast.FormattedValue):
        return spelled(node.value, constants)
    return f"{{{ast.unparse(node)}}}"


def _in_loops(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.For):
            yield from node.body


def _is_redirection(node: ast.stmt) -> bool:
    """Whether a statement is `sys.modules[…] = …`."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(one, ast.Subscript) and ast.unparse(one.value) == "sys.modules" for one in targets)


def assigned(init: object) -> list[str]:
    """The names that an `__init__` gives to an instance."""
    return _source(init).assigned.get(_line(init), [])


def strings(path: str) -> set[str]:
    """The strings that stand in a file."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def is_dunder(name: str) -> bool:
    """Whether a name is one of Python's own."""
    return name.startswith("__") and name.endswith("__")
