"""Reports as pages: self-contained HTML, one file each, that opens anywhere."""

from __future__ import annotations

from pathlib import Path

import jinja2

from torchproof.reports import screen

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
_TEMPLATES.filters["counted"] = screen.counted


def write(template: str, path: Path, **values: object) -> Path:
    """Write the page that a template makes of these values, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_TEMPLATES.get_template(template).render(**values), encoding="utf-8")
    return path
