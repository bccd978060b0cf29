"""The summary of a run in the terminal: verdicts by topic, what to look at, what could not be decided."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from torchproof import ROOT, builds, data, releases, steadiness
from torchproof.facts import findings
from torchproof.records import FAILED, Verdict
from torchproof.reports import screen
from torchproof.reports.verdicts import lacking, refutation
from torchproof.reports.verdicts.runs import VERDICTS, Run, load

HELP = "Print what each recorded run decided."

COLOURS = dict.fromkeys(FAILED, "bold red") | {"holds": "green", "known": "yellow", "differs": "cyan"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of which runs."""
    parser.add_argument("records", nargs="+", type=Path, metavar="RECORD", help="a run record (JSON Lines)")


def command(options: argparse.Namespace) -> int:
    """Print their summaries."""
    runs, console = [load(path) for path in options.records], screen.console()
    for run in runs:
        show(run, console)
    for (torch, processor), alike in _of_one_torch(runs).items():
        _print(console, Text(f"\ntorch {torch} on {processor}, {len(alike)} records together", "bold"))
        _print(console, steadiness_of(alike))
    return 0


def _of_one_torch(runs: Sequence[Run]) -> dict[tuple[str, str], list[Run]]:
    """Those runs, two or more, that are of the same torch on the same kind of machine."""
    found: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in runs:
        found[run.torch, run.processor].append(run)
    return {key: alike for key, alike in found.items() if len(alike) > 1}


def steadiness_of(runs: Sequence[Run]) -> Text:
    """Which facts gave more than one verdict in the rounds of these runs."""
    rounds: dict[str, list[Verdict]] = defaultdict(list)
    for run in runs:
        for identity, said in run.rounds.items():
            rounds[identity] += said
    return Text("\n".join(steadiness.told(rounds)))


def show(run: Run, console: Console) -> None:
    """Print the summary of one run."""
    console.print()
    counted = screen.counted(len(run.results), "fact")
    where = f" on {run.processor}, Python {run.environment['python']}, {counted}"
    _print(console, Text.assemble((f"torch {run.torch}", "bold"), where))
    if libraries := run.environment.get("libraries"):
        _print(console, Text(f"built with {builds.told(libraries)}"))
    if not releases.is_known(run.torch):
        _print(
            console, Text("the facts were tried on no such release: a range that has no end is taken to go on in it")
        )
    if run.beside:
        _print(console, Text(f"with {run.beside}"))
    console.print(by_topic(run))
    for result in run.to_look_at():
        for line in what_failed(run, result):
            _print(console, line)
        console.print()
    for result in run.explained():
        _print(console, Text.assemble(("known", "yellow"), " ", run.facts[result.id].claim))
        _print(console, Text(f"  {result.finding}{_mended(result)}\n  {run.again(result)}"))
    _print(console, Text("\n".join([*lacking.told(run), undecided(run).plain])))
    if run.is_repeated:
        _print(console, steadiness_of([run]))
    if run.planted:
        console.print(refutation.by_topic(refutation.Refutation(run, refutation.excuses())), highlight=False)
    if run.kernels:
        _print(console, of_kernels(run))
    if run.gaps:
        _print(console, Text(run.gaps, "bold red"))
    _print(console, _closing(run))


def _mended(result: Verdict) -> str:
    """In which release what a finding explains was mended, where it was: patch releases among them."""
    meant = (one for one in findings(ROOT / "suites" / "findings.toml") if one.link == result.finding)
    until = next((one.until for one in meant if one.is_about(result.id)), None)
    return f", mended in {until}" if until else ""


def _print(console: Console, text: Text) -> None:
    """Lines that can be pasted: where they are wider than the terminal, it wraps them itself."""
    console.print(text, highlight=False, soft_wrap=True)


def of_kernels(run: Run) -> Text:
    """How many of the kernel faults that facts reached were noticed, and a line for each that was not."""
    reached, unnoticed = refutation.of_kernels(run)
    lines = [f"{reached} kernel faults reached, {reached - len(unnoticed)} noticed"]
    return Text("\n".join(lines + [f"unnoticed: {on} {says}" for on, says in unnoticed]))


def by_topic(run: Run) -> Table:
    """The table topics × verdicts; a verdict that no fact has takes no column."""
    totals = run.totals()
    shown = [verdict for verdict in VERDICTS if totals[verdict]]
    table = Table("topic", show_footer=True, box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.columns[0].footer = "all"
    for verdict in shown:
        table.add_column(verdict, justify="right", style=COLOURS.get(verdict, ""), footer=str(totals[verdict]))
    for topic, counted in run.counts().items():
        table.add_row(topic, *(str(counted[verdict] or "") for verdict in shown))
    return table


def what_failed(run: Run, result: Verdict) -> Iterator[Text]:
    """One failure: its claim, where the documentation says it, what was seen, and how to see it again."""
    fact = run.facts[result.id]
    yield Text.assemble((result.verdict, "bold red"), " ", (fact.claim, "bold"))
    seen = result.assertion or result.reason
    about = [fact.id, fact.link, seen, run.elsewhere(result), f"again: {run.again(result)}"]
    if fact.hint:
        about.insert(-1, f"what to do: {fact.hint}")
    yield from (Text(f"  {line}") for lines in about if lines for line in lines.splitlines())


def undecided(run: Run) -> Text:
    """What was unavailable, unsupported or inconclusive, and why, a line a reason."""
    lines = []
    for (verdict, reason), results in run.undecided().items():
        some = ", ".join(result.id for result in results[:2]) + (", …" if len(results) > 2 else "")
        lines.append(f"{len(results)} {verdict}: {reason} ({some})")
    return Text("\n".join(lines))


def _closing(run: Run) -> Text:
    wall = f"{run.wall:.0f} s, " if run.wall is not None else ""
    slowest = ", ".join(f"{result.id} {result.seconds:.1f} s" for result in run.slowest(3))
    ending = "" if run.complete else f"\nThe run was interrupted: {run.on()} goes on."
    return Text(
        f"{wall}{run.spent:.0f} s of it in facts; the slowest: {slowest}\nrecord: {data.line(run.path)}{ending}"
    )
