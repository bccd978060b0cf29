"""A comparison as a page: the ratios with their intervals, how near each side is to its ceiling, and every figure."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from torchproof.reports import pages, plots
from torchproof.reports.costs import text
from torchproof.reports.costs.comparison import Benchmark, Comparison

COLOURS = {"slower": plots.BAD, "faster": plots.GOOD, "undecided": "#c69026", "same": plots.DIM}
ROW = 0.21  # inches
WIDEST = 4  # a factor


def write(comparison: Comparison, folder: Path) -> Path:
    """Write the page `comparison.html` into `folder`, and return its path."""
    rows = sorted(comparison.benchmarks, key=lambda one: one.ratio, reverse=True)
    shared = [(one, both) for one in rows if (both := one.shares)]
    return pages.write(
        "comparison.html",
        folder / "comparison.html",
        comparison=comparison,
        groups=text.by_verdict(comparison),
        forest=forest(rows, comparison.threshold) if rows else None,
        shares=shares(shared) if shared else None,
        say=text,
    )


def forest(rows: list[Benchmark], threshold: float) -> Markup:
    """The ratios of `rows` from the top down, each with its interval; the band is what counts as the same."""

    # An interval that is very wide, as after a single round, ends at the edge.
    left = min(max(one.low, one.ratio / WIDEST) for one in rows) / 1.02
    right = max(min(one.high, one.ratio * WIDEST) for one in rows) * 1.02

    def draw(axes: Axes) -> None:
        axes.axvspan(1 / (1 + threshold), 1 + threshold, color=plots.DIM, alpha=0.15, linewidth=0)
        axes.axvline(1, color=plots.DIM, linewidth=1)
        for y, one in enumerate(rows):
            axes.plot(
                [max(one.low, left), min(one.high, right)], [y, y], color=COLOURS[one.verdict], gid=f"interval-{y}"
            )
            axes.plot(one.ratio, y, "o", color=COLOURS[one.verdict], markersize=4)
        plots.name_rows(axes, [one.id for one in rows])
        _ratios(axes, min(left, 1), max(right, 1))
        axes.set_xlabel("B / A: faster to the left of 1, slower to the right")

    return plots.svg(draw, 0.8 + ROW * len(rows))


def _ratios(axes: Axes, low: float, high: float) -> None:
    """A scale on which twice as long and twice as short are as far from 1."""
    axes.set_xscale("log", base=2)
    axes.set_xlim(low, high)
    if high / low < 8:  # else the powers of two alone
        axes.xaxis.set_major_locator(MaxNLocator(8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def shares(rows: list[tuple[Benchmark, tuple[float, float]]]) -> Markup:
    """How much of its machine's ceiling each side reaches, A as a ring and B as a dot."""

    def draw(axes: Axes) -> None:
        for y, (one, both) in enumerate(rows):
            a, b = (100 * share for share in both)
            axes.plot([a, b], [y, y], color=COLOURS[one.verdict])
            axes.plot(a, y, "o", markersize=5, markerfacecolor="none", color=COLOURS[one.verdict])
            axes.plot(b, y, "o", markersize=5, color=COLOURS[one.verdict])
        plots.name_rows(axes, [one.id for one, _ in rows])
        axes.set_xlim(left=0)
        axes.set_xlabel("% of this machine's copy bandwidth or matrix product; ring: A, dot: B")

    return plots.svg(draw, 0.8 + ROW * len(rows))
