"""Words of torch's docstrings, warnings and errors as plain words: no markup, and no gaps that were never filled in.

Needs no torch.
"""

from __future__ import annotations

import re

_ROLE = re.compile(r":[a-z]\w*(?::\w+)*:(?=`)|:[a-z]\w*(?::\w+)*:?…")  # :func:`…`, and one that was cut off
_LABEL = re.compile(r"`[~!]?([^`<>]*?)\s*<[^`<>\s]+>`")  # `torchrun <launcher-api>`
_DIRECTIVE = re.compile(r"\.\. \w+::\s*")
_BOLD = re.compile(r"\*\*([^*\s](?:[^*]*[^*\s])?)\*\*(?![\w*])")
_UNFILLED = re.compile(r"\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|%\([a-z_]+\)[sdr]|(?<!\w)%[sdr](?!\w)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[`'\"A-Z])")


def prose(text: str) -> str:
    """What a text says in plain words. A sentence with a gap that only running torch would fill says nothing."""
    text = _DIRECTIVE.sub("", text)
    text = _LABEL.sub(r"`\1`", _ROLE.sub("", text))
    text = re.sub(r"`[~!](?=\w)", "`", text.replace("``", "`"))
    text = _BOLD.sub(r"\1", text)
    return " ".join(one for one in _SENTENCE.split(text) if not _UNFILLED.search(one)).strip()


def alike(text: str | None) -> str:
    """The bare words, by which two texts say the same."""
    return " ".join(re.findall(r"\w+", text or "")).lower()
