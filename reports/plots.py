"""Plots as inline SVG: text stays text, colours go with the page, and the same data give the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType  # not in every version that is supported

# Colours that can be read on a light and on a dark page; templates/page.html gives all text the page's own.
DIM, GOOD, BAD, NOTE = "#8b949e", "#2da44e", "#e5534b", "#388bfd"
SERIES = (NOTE, "#e08c2f", GOOD, "#a371f7", BAD, "#1b9aaa", "#d0579b")
WIDTH = 10.5  # inches: the width of a page

_STYLE: dict[RcKeyType, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": DIM,
    "axes.grid": True,
    "axes.prop_cycle": cycler(color=SERIES),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 9,
    "grid.alpha": 0.3,
    "grid.color": DIM,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "savefig.transparent": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "torchproof",
    "text.parse_math": False,
    "xtick.color": DIM,
    "ytick.color": DIM,
}


def svg(draw: Callable[[Axes], None], height: float, width: float = WIDTH) -> Markup:
    """What `draw` draws, as an `<svg>` element; `height` and `width` are in inches."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure((width, height), layout="constrained")
        draw(figure.add_subplot())
        file = StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    return Markup(text[text.index("<svg") :])  # without the declaration of a file of its own


def name_rows(axes: Axes, ids: list[str]) -> None:
    """Write the ids beside rows 0, 1, … from the top down; each leads to its row in the page's table."""
    axes.set_ylim(len(ids) - 0.4, -0.6)
    axes.set_yticks(range(len(ids)), ids, family="monospace", size=8)
    axes.grid(axis="y", visible=False)
    for label, identity in zip(axes.get_yticklabels(), ids):
        label.set_url(f"#{quote(identity)}")
