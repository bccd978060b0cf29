"""`torchproof report ID`: the text of a bug report about one fact that did not hold in a recorded run."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator
from pathlib import Path

from torchproof import ROOT, builds
from torchproof.facts import is_meant
from torchproof.records import FAILED, FactLine, Verdict
from torchproof.reports import Refusal
from torchproof.reports.verdicts.runs import Run, load

HELP = "Write the text of a bug report for one fact: what is documented, what was seen, the code, and where it ran."


_MOST = 20  # lines of what failed


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of which fact, in which record."""
    parser.add_argument("fact", metavar="ID", help="the id of a fact that failed, as the summary names it")
    parser.add_argument("--record", type=Path, metavar="FILE", help="of this run (default: the newest in ./runs)")


def command(options: argparse.Namespace) -> int:
    """Print it as markdown."""
    run = load(options.record or _newest(Path("runs")))
    print("\n".join(_lines(run, _failed(run, options.fact))))
    return 0


def _newest(folder: Path) -> Path:
    records = sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    if not records:
        raise Refusal(f"there is no record in {folder.absolute()}: name one with --record")
    return records[-1]


def _failed(run: Run, identity: str) -> Verdict:
    """The verdict of the fact, or of the first of its parameters that failed."""
    meant = [result for name, result in sorted(run.results.items()) if is_meant(identity, name)]
    if not meant:
        raise Refusal(f"{run.path} has no verdict of {identity}: `torchproof run --fact '{identity}'` gives one")
    failed = [result for result in meant if result.verdict in FAILED]
    if not failed:
        raise Refusal(f"{identity} is not broken in {run.path}: its verdict is {meant[0].verdict}")
    return failed[0]


def _lines(run: Run, result: Verdict) -> Iterator[str]:
    fact = run.facts[result.id]
    yield f"# {fact.claim} Not so in torch {run.torch}."
    where = f" ({fact.link})" if fact.link else ""
    yield from ("", "## What is documented", "", f"{fact.claim}{where}")
    yield from ("", "## What was seen", "", f"The verdict is `{result.verdict}`: {result.reason or 'without a reason'}")
    if result.assertion:
        yield from _block("\n".join(map(str.strip, result.assertion.splitlines()[:_MOST])), "text")
    if code := _code(fact, _root(run)):
        yield from ("", "## The code", "", f"From {fact.file}, line {fact.line}:", *_block(code, "python"))
    yield from ("", "Again, with torchproof:", *_block(run.again(result), "console"))
    yield from ("", "## Where", "", *_where(run))
    if elsewhere := run.elsewhere(result):
        yield f"- {elsewhere}"
    if hint := fact.hint:
        yield from ("", f"What helps meanwhile: {hint}.")


def _block(text: str, language: str) -> list[str]:
    return ["", f"```{language}", text.rstrip(), "```"]


def _where(run: Run) -> Iterator[str]:
    yield f"- torch {run.torch} (git {run.head.torch.get('git')}), Python {run.environment['python']}"
    yield f"- {run.environment.get('os')}, {run.processor}"
    if libraries := run.environment.get("libraries"):
        yield f"- built with {builds.told(libraries)}"
    for name, version in run.environment.get("packages", {}).items():
        if name in ("numpy", "torchvision"):
            yield f"- {name} {version}"


def _root(run: Run) -> Path:
    """Where files of facts stand: here, or in the project of which the record is."""
    return ROOT if run.head.command != "pytest -p torchproof.plugins" else Path.cwd()


def _code(fact: FactLine, root: Path) -> str:
    """The fact itself with what its file imports and defines for it, as far as the file is here."""
    file = root / fact.file
    if not (file.is_file() and file.resolve().is_relative_to(root.resolve())):
        return ""
    text = file.read_text(encoding="utf-8")
    nodes = ast.parse(text).body
    name = "test_" + fact.id.partition("[")[0].rpartition(".")[2]
    test = next((node for node in nodes if isinstance(node, ast.FunctionDef) and node.name == name), None)
    return "\n".join(_source(text, node) for node in _needed(nodes, test)) if test else ""


def _needed(nodes: list[ast.stmt], test: ast.FunctionDef) -> list[ast.stmt]:
    """What of a file a test needs, itself last: what defines a name that it uses, or that those use in turn."""
    wanted = _used(test)
    found: list[ast.stmt] = [test]
    for node in reversed(nodes):
        if node is not test and _defined(node) & wanted:
            found.insert(0, node)
            wanted |= _used(node)
    return found


def _used(node: ast.AST) -> set[str]:
    names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return names | {one.arg for one in ast.walk(node) if isinstance(one, ast.arg)}


def _defined(node: ast.stmt) -> set[str]:
    match node:
        case ast.Import() | ast.ImportFrom():
            return {(one.asname or one.name).partition(".")[0] for one in node.names}
        case ast.FunctionDef() | ast.ClassDef():
            return {node.name}
        case ast.Assign():
            return {one.id for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    return set()


def _source(text: str, node: ast.stmt) -> str:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(one.lineno for one in decorators)])
    lines = "\n".join(text.splitlines()[first - 1 : node.end_lineno])
    return f"\n\n{lines}" if decorators or isinstance(node, (ast.FunctionDef, ast.ClassDef)) else lines
