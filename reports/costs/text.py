"""A comparison in words: for the terminal, and as Markdown for the summary of a CI run."""

from __future__ import annotations

import math
import sys
from io import StringIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from torchproof.reports.costs.comparison import VERDICTS, Benchmark, Comparison, Side
from torchproof.reports.screen import counted

COLOURS = {"slower": "bold red", "faster": "green", "undecided": "yellow"}
HEADS = ("B/A", "interval", "visible", "A", "B", "memory", "benchmark")
_PREFIXES = {-9: "ns", -6: "µs", -3: "ms", 0: "s"}


# --- the words --------------------------------------------------------------------------------------------------------


def seconds(value: float) -> str:
    """A duration with three digits, in the unit that fits."""
    value = float(f"{value:.3g}")
    exponent = max(-9, min(0, 3 * math.floor(math.log10(value) / 3))) if value > 0 else -9
    return f"{value / 10**exponent:.4g} {_PREFIXES[exponent]}"


def size(value: float) -> str:
    """A number of bytes with three digits, in the unit that fits."""
    unit = min(4, int(math.log2(value) / 10)) if value >= 1 else 0
    return f"{value / 2 ** (10 * unit):.4g} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[unit]}"


def times(ratio: float) -> str:
    """A ratio, with as many digits as a comparison can tell."""
    if ratio >= 10_000:
        return "> 9999"  # the interval of a single round has hardly an end
    return f"{ratio:.3f}" if ratio < 10 else f"{ratio:.4g}"


def percent(ratio: float) -> str:
    """How much more a ratio is than one."""
    return f"{100 * (ratio - 1):+.2g} %" if ratio < 2 else f"× {ratio:.2g}"


def interval(benchmark: Benchmark) -> str:
    """From where to where the ratio lies."""
    return f"{times(benchmark.low)} – {times(benchmark.high)}"


def memory(benchmark: Benchmark) -> str:
    """B's peak bytes as a multiple of A's, = where they are the same, or nothing where that is not known."""
    a, b = (benchmark.figures[side].peak_bytes for side in "ab")
    if a is None or b is None:
        return ""
    if not a or not b:
        return "=" if a == b else f"{size(a)} → {size(b)}"
    return "=" if times(b / a) == times(1) else f"× {times(b / a)}"


def changes(benchmark: Benchmark) -> list[str]:
    """What differs beside time and memory; these figures are exact, so any difference is one."""
    a, b = benchmark.figures["a"], benchmark.figures["b"]
    told = []
    if a.kernels is not None and b.kernels is not None and a.kernels != b.kernels:
        told.append(f"kernels {a.kernels} → {b.kernels}")
    if a.route is not None and b.route is not None and a.route != b.route:
        told.append(f"route {_without(a.route, b.route)} → {_without(b.route, a.route)}")
    return told


def on_two_machines(comparison: Comparison) -> bool:
    """Whether a ratio of times is one of machines, too."""
    return not comparison.paired and comparison.a.environment["cpu"] != comparison.b.environment["cpu"]


def notes(benchmark: Benchmark, machines: bool) -> list[str]:
    """What stands below a benchmark's name: what changed, and between machines how near each is to its ceiling."""
    told = changes(benchmark)
    if machines and benchmark.shares:
        told.append("share of the ceiling {:.0%} → {:.0%}".format(*benchmark.shares))
    return told


def beside_time(comparison: Comparison) -> list[str]:
    """A line for each benchmark that is neither slower nor faster, but takes other memory, kernels or route."""
    told = []
    for one in comparison.benchmarks:
        grown = memory(one)
        changed = ([f"memory {grown}"] if grown not in ("", "=") else []) + changes(one)
        if changed and one.verdict not in ("slower", "faster"):
            told.append(f"{one.id}: {'; '.join(changed)}")
    return told


def _without(route: list[str], other: list[str]) -> str:
    """What a call comes to on this route and not on the other one."""
    return " + ".join(name for name in route if name not in other) or "none of that"


def by_verdict(comparison: Comparison) -> dict[str, list[Benchmark]]:
    """The benchmarks of each verdict that occurs, slower and faster first, the largest change on top."""
    groups = {verdict: [one for one in comparison.benchmarks if one.verdict == verdict] for verdict in VERDICTS}
    return {
        verdict: sorted(group, key=lambda one: -abs(math.log(one.ratio))) for verdict, group in groups.items() if group
    }


def title(comparison: Comparison) -> str:
    """Which two builds were compared."""
    return f"A: {_side(comparison.a)}, B: {_side(comparison.b)}"


def _side(side: Side) -> str:
    return f"torch {side.torch}" + (f" on Python {side.python}" if side.python else "")


def caveats(comparison: Comparison) -> list[str]:
    """What a reader must know before believing any line."""
    told = []
    if not comparison.complete:
        told.append("Interrupted: this is what had been measured until then.")
    if not comparison.paired:
        told.append(
            "Unpaired: A and B were not measured side by side but at other times or on other machines, so every "
            "interval also spans what one launch differs from another, and only changes of "
            f"{comparison.threshold:.0%} or more count."
        )
        sides = {"A": comparison.a.environment, "B": comparison.b.environment}
        told += [f"{name}: {environment['where']}" for name, environment in sides.items()]
        if on_two_machines(comparison):
            told.append("A ratio of times is here one of machines, too: compare the shares of their ceilings.")
    return told


def counts(comparison: Comparison) -> str:
    """How many benchmarks have each verdict, and what that means here."""
    groups = by_verdict(comparison)
    told = [f"{len(groups.get(verdict, []))} {verdict}" for verdict in VERDICTS]
    return (
        f"{counted(len(comparison.benchmarks), 'benchmark')}: {', '.join(told)} (of {comparison.threshold:.0%} "
        f"or more; at most {comparison.alpha:.0%} of those called slower or faster are expected to be wrong)"
    )


def against_itself(comparison: Comparison) -> str:
    """The A/A of the same run: what it says of a build compared with itself."""
    known = [one.itself for one in comparison.benchmarks if one.itself]
    if not known:
        return "A against itself: not measured"
    false = [one for one in known if one.verdict in ("slower", "faster")]
    ratios = [one.ratio for one in known]
    return (
        f"A against itself: {len(false)} of {len(known)} called slower or faster, ratios from {times(min(ratios))} to "
        f"{times(max(ratios))}"
    )


def failures(comparison: Comparison) -> list[str]:
    """A line for each benchmark that could not be measured, with the side on which it could not."""
    return [f"{one.id} ({' and '.join(one.side.upper())}): {one.reason}" for one in comparison.failed]


def bound(comparison: Comparison) -> list[str]:
    """What `--fail-slower` says, where it was given."""
    if comparison.fail_slower is None:
        return []
    return [f"--fail-slower {comparison.fail_slower:g}: {len(comparison.too_slow)} are slower by as much"]


def how(comparison: Comparison) -> str:
    """By which rules, and how long it took."""
    took = f", {comparison.seconds:.0f} s" if comparison.seconds is not None else ""
    rounds = f", {counted(comparison.rounds, 'round')}" if comparison.paired else ""
    return f"{comparison.mode}{rounds}{took}"


# --- the terminal -----------------------------------------------------------------------------------------------------


def as_text(comparison: Comparison) -> str:
    """The comparison as a person reads it in a terminal; in colour where stdout is one."""
    written = StringIO()
    console = Console(file=written, force_terminal=sys.stdout.isatty(), width=None if sys.stdout.isatty() else 200)
    console.print(Text(f"{title(comparison)} ({how(comparison)})", "bold"))
    for line in caveats(comparison):
        console.print(Text(line, "yellow"))
    for verdict, group in by_verdict(comparison).items():
        console.print()
        console.print(Text(f"{verdict} ({len(group)})", COLOURS.get(verdict, "")))
        console.print(_table(group, on_two_machines(comparison)))
    console.print()
    closing = [counts(comparison), against_itself(comparison), *bound(comparison)]
    for line in [*beside_time(comparison), *failures(comparison), *closing]:
        console.print(Text(line))
    return written.getvalue()


def _table(group: list[Benchmark], machines: bool) -> Table:
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), show_edge=False)
    for head in HEADS[:-1]:
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column(HEADS[-1], overflow="fold")
    for one in group:
        table.add_row(*_cells(one), Text("\n  ".join([one.id, *notes(one, machines)])))
    return table


def _cells(one: Benchmark) -> list[str]:
    visible = percent(one.visible) if one.visible else ""
    return [times(one.ratio), interval(one), visible, seconds(one.seconds_a), seconds(one.seconds_b), memory(one)]


# --- Markdown ---------------------------------------------------------------------------------------------------------


def as_markdown(comparison: Comparison) -> str:
    """The same as Markdown: what changed in sight, the rest folded away."""
    parts = [
        f"### {_escaped(title(comparison))}",
        *map(_escaped, caveats(comparison)),
        counts(comparison),
        against_itself(comparison),
    ]
    for verdict, group in by_verdict(comparison).items():
        heading, table = f"{verdict} ({len(group)})", _markdown_table(group, on_two_machines(comparison))
        if verdict in ("slower", "faster"):
            parts.append(f"**{heading}**\n\n{table}")
        else:
            parts.append(f"<details><summary>{heading}</summary>\n\n{table}\n\n</details>")
    if lines := [*beside_time(comparison), *failures(comparison)]:
        parts.append("\n".join(f"- {_escaped(line)}" for line in lines))
    parts += [*bound(comparison), how(comparison)]
    return "\n\n".join(parts) + "\n"


def _markdown_table(group: list[Benchmark], machines: bool) -> str:
    rows = [HEADS, ["--:"] * (len(HEADS) - 1) + ["---"]]
    for one in group:
        rows.append([*_cells(one), "<br>".join([_code(one.id), *map(_escaped, notes(one, machines))])])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _code(identity: str) -> str:
    return _escaped(identity) if "`" in identity else "`" + identity.replace("|", "\\|") + "`"


def _escaped(text: str) -> str:
    """Text that Markdown takes as it is, also within a table."""
    for sign in "\\`*_<|[":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", " ")
