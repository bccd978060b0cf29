"""Reports as pages: self-contained HTML, one file each, that opens anywhere."""

from __future__ import annotations

from pathlib import Path

import jinja2
from markupsafe import Markup

from torchproof import data
from torchproof.reports import screen

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
_TEMPLATES.filters["counted"] = screen.counted


def _leading_to(text: object, address: object) -> Markup | str:
    """A link where a page may lead there, else the text alone."""
    is_address = isinstance(address, str) and data.is_address(address)
    return Markup('<a href="{}">{}</a>').format(address, text) if is_address else str(text)


_TEMPLATES.filters["leading_to"] = _leading_to


def write(template: str, path: Path, **values: object) -> Path:
    """Write the page that a template makes of these values, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_TEMPLATES.get_template(template).render(**values), encoding="utf-8")
    return path
