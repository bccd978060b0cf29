"""What saved benchmarks cost: tables by topic, where sparse begins to pay, and the history over releases."""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from torchproof.reports import pages, plots, screen
from torchproof.reports.costs import text
from torchproof.reports.costs.saved import WIDE, Result, Saved, load
from torchproof.reports.screen import counted

HELP = "Show what saved benchmarks cost, and how that changed over releases."

DENSE = ("dense", "strided")
FEW = 8  # lines printed of what is worth a look; the page has all


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of which files, and where to."""
    what = "what pytest --benchmarks --benchmark-json=FILE has saved, one or several releases"
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=what)
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", required=True, help="the folder for the page")


def command(options: argparse.Namespace) -> int:
    """Print the costs in short, and write the page."""
    costs = Costs(sorted(map(load, options.files), key=lambda saved: (saved.release, saved.date)))
    show(costs, screen.console())
    print(f"page: {page(costs, options.output)}")
    return 0


# --- what the files say together --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One benchmark over all files, None where a file does not have it."""

    results: tuple[Result | None, ...]

    @property
    def newest(self) -> Result:
        """What the last file that has it says."""
        return next(result for result in reversed(self.results) if result)

    @property
    def relative(self) -> list[float | None]:
        """The times as multiples of the first one."""
        first = next(result for result in self.results if result).seconds
        return [result.seconds / first if result else None for result in self.results]

    @property
    def change(self) -> float:
        """By which factor the times differ at most."""
        known = [result.seconds for result in self.results if result]
        return max(known) / min(known)

    @property
    def steps(self) -> list[str]:
        """For each file a verdict on the step from the last one before it that has the benchmark, or nothing."""
        verdicts, before = [], None
        for result in self.results:
            step = result.seconds / before if result and before else 1
            verdicts.append("slower" if step >= WIDE else "faster" if step <= 1 / WIDE else "")
            before = result.seconds if result else before
        return verdicts


@dataclass(frozen=True)
class BreakEven:
    """Seconds over density of one operation, by layout; `name` is its id with the parameters that all share."""

    name: str
    seconds: dict[str, dict[float, float]]

    @property
    def dense(self) -> dict[float, float]:
        """The times of the dense layout, which hardly depend on the density of the zeros in it."""
        return next(self.seconds[layout] for layout in DENSE if layout in self.seconds)

    @property
    def sparse(self) -> dict[str, dict[float, float]]:
        """The times of the other layouts."""
        return {layout: times for layout, times in self.seconds.items() if layout not in DENSE}

    @property
    def densities(self) -> dict[str, float]:
        """For each sparse layout the density up to which it is faster than dense, 0 where it never is.

        Between two densities that were measured, the logarithm of the ratio of the times is taken to be linear in that
        of the density.
        """
        return {layout: self._crossing(times) for layout, times in self.sparse.items()}

    def _crossing(self, times: dict[float, float]) -> float:
        usual = median(self.dense.values())
        points = [(density, math.log(times[density] / self.dense.get(density, usual))) for density in sorted(times)]
        wins = [index for index, (_, lead) in enumerate(points) if lead < 0]
        if not wins:
            return 0.0
        density, lead = points[wins[-1]]
        if wins[-1] + 1 == len(points):
            return density
        beyond, behind = points[wins[-1] + 1]
        return density * (beyond / density) ** (lead / (lead - behind))

    def says(self) -> str:
        """For each sparse layout, where it pays."""
        told = []
        for layout, density in self.densities.items():
            where = "at no density measured" if not density else f"up to {density:.2g}"
            if density == max(self.sparse[layout]):
                where = f"at all measured, up to {density:.2g}"
            told.append(f"{layout} {where}")
        return "; ".join(told)


@dataclass(frozen=True)
class Costs:
    """The files, oldest release first."""

    files: list[Saved]

    @cached_property
    def rows(self) -> list[Row]:
        """The benchmarks that any file has, by id."""
        ids = sorted({identity for saved in self.files for identity in saved.results})
        return [Row(tuple(saved.results.get(identity) for saved in self.files)) for identity in ids]

    @property
    def labels(self) -> list[str]:
        """What tells the files apart: their torch, with the date where one torch has several."""
        names = [saved.torch for saved in self.files]
        return [
            f"{saved.torch} {saved.date[:16]}" if names.count(saved.torch) > 1 else saved.torch for saved in self.files
        ]

    def topics(self) -> dict[str, list[Row]]:
        """The rows of each topic."""
        topics = defaultdict(list)
        for row in self.rows:
            topics[row.newest.topic].append(row)
        return topics

    @property
    def changed(self) -> list[Row]:
        """The rows whose times differ too much for chance between files, most first."""
        return sorted((row for row in self.rows if row.change >= WIDE), key=lambda row: -row.change)

    @property
    def machines(self) -> list[str]:
        """The processors of the files."""
        return sorted({saved.cpu for saved in self.files})

    def break_even(self) -> list[BreakEven]:
        """Each operation that the newest file has over densities, for a dense layout and for sparse ones."""
        curves = defaultdict(lambda: defaultdict(dict))
        for result in self.files[-1].results.values():
            others = dict(result.parameters)
            density, layout = others.pop("density", None), others.pop("layout", None)
            if isinstance(density, (int, float)) and 0 < density < 1e6 and isinstance(layout, str):
                name = ", ".join([result.id.partition("[")[0], *(f"{key} {value}" for key, value in others.items())])
                curves[name][layout][density] = result.seconds
        return [BreakEven(name, by) for name, by in curves.items() if set(by) & set(DENSE) and set(by) - set(DENSE)]


# --- the terminal -----------------------------------------------------------------------------------------------------


def show(costs: Costs, console: Console) -> None:
    """Print what there is by topic, where sparse pays, and what changed most."""
    console.print(Text(heading(costs), "bold"))
    table = Table("topic", box=box.SIMPLE, padding=(0, 1, 0, 0))
    several = len(costs.files) > 1
    for head in ("benchmarks", "share of the ceiling", *["changed"] * several):
        table.add_column(head, justify="right")
    for topic, rows in costs.topics().items():
        shares = sorted(row.newest.share for row in rows if row.newest.share is not None)
        span = f"{shares[0]:.1%} – {shares[-1]:.1%}" if shares else ""
        changed = sum(row.change >= WIDE for row in rows)
        table.add_row(topic, str(len(rows)), span, *[str(changed or "")] * several)
    console.print(table)
    shared = sorted((row.newest.share, row.newest.id) for row in costs.rows if row.newest.share)
    lines = [f"{identity}: {share:.2%} of the ceiling" for share, identity in shared[:FEW]]
    lines += [f"{even.name}: faster than dense: {even.says()}" for even in costs.break_even()]
    for row in costs.changed[:FEW]:
        lines.append(f"{row.newest.id}: " + ", ".join(text.seconds(r.seconds) if r else "-" for r in row.results))
    lines += caveats(costs)
    console.print(Text("\n".join(lines)), soft_wrap=True)


def heading(costs: Costs) -> str:
    """What was measured, and where."""
    return f"torch {', '.join(costs.labels)} on {' and '.join(costs.machines)}: {counted(len(costs.rows), 'benchmark')}"


def caveats(costs: Costs) -> list[str]:
    """What a reader must know before believing a difference between files."""
    told = []
    if len(costs.files) > 1:
        told.append(
            "The files were not measured side by side, so differences below "
            f"{WIDE - 1:.0%} are not called changes; torchproof compare measures two builds in turns."
        )
    if len(costs.machines) > 1:
        told.append("They are of several machines: compare shares of the ceiling, not times.")
    return told


# --- the page ---------------------------------------------------------------------------------------------------------


def page(costs: Costs, folder: Path) -> Path:
    """Write the page `costs.html` into `folder`, and return its path."""
    several = len(costs.files) > 1
    return pages.write(
        "costs.html",
        folder / "costs.html",
        costs=costs,
        heading=heading(costs),
        caveats=caveats(costs),
        curves=[(even, curve(even)) for even in costs.break_even()],
        histories={topic: history(rows, costs.labels) for topic, rows in costs.topics().items()} if several else {},
        say=text,
        wide=WIDE,
    )


def curve(even: BreakEven) -> Markup:
    """Time over density, a line a layout, and marks where a sparse one meets the dense one."""

    def draw(axes: Axes) -> None:
        for layout, times in even.sparse.items():
            axes.plot(*zip(*sorted(times.items())), "o-", markersize=4, label=layout)
        if len(even.dense) > 1:
            axes.plot(*zip(*sorted(even.dense.items())), "--", color=plots.DIM, label="dense")
        else:
            axes.axhline(*even.dense.values(), linestyle="--", color=plots.DIM, label="dense")
        for density in filter(None, even.densities.values()):
            axes.axvline(density, color=plots.DIM, linewidth=0.8, linestyle=":")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: text.seconds(value)))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("density")
        axes.set_title(even.name, size=9, loc="left")
        axes.legend()

    return plots.svg(draw, 3.2, plots.WIDTH / 2 - 0.1)


def history(rows: list[Row], labels: Sequence[str]) -> Markup:
    """Times over releases as multiples of the first one; those that changed most have a colour and a name."""
    notable = sorted((row for row in rows if row.change >= WIDE), key=lambda row: -row.change)[: len(plots.SERIES)]

    def draw(axes: Axes) -> None:
        for row in rows:
            named = row in notable
            style = {"label": row.newest.id, "zorder": 3} if named else {"color": plots.DIM, "alpha": 0.4}
            points = [(x, ratio) for x, ratio in enumerate(row.relative) if ratio]
            axes.plot(*zip(*points), "o-", markersize=3, **style)
        axes.set_yscale("log", base=2)
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, 0.5), max(high, 2))  # so that what hardly moves looks it
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"× {value:g}"))
        axes.set_xticks(range(len(labels)), labels)
        if notable:
            axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), prop={"family": "monospace", "size": 8})

    return plots.svg(draw, 3.2)
