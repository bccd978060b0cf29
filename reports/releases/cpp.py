"""Asks the torch of this interpreter what stands in its C++ headers: `python -I reports/releases/cpp.py FILE`.

Runs in the environment of one release, with the standard library alone, and writes one JSON object: the headers that
extensions include, the macros in them, and every word that looks like a macro, so that what became a function or a
constant is not taken for gone. What came with other projects is not torch's.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path

_OURS = ("ATen", "c10", "caffe2", "torch", "TH", "THC", "THCUNN")
_API = "torch/csrc/api/include/"  # a folder of headers of its own: `#include <torch/torch.h>`
_MACRO = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+([A-Z][A-Z0-9_]{3,})\b", re.MULTILINE)
_WORD = re.compile(rb"\b[A-Z][A-Z0-9_]{3,}\b")
_COMMENT = re.compile(rb"//[^\n]*|/\*.*?\*/", re.DOTALL)
_GUARD = re.compile(r".*_H(PP)?_*$|.*_INCLUDED$")


def headers() -> dict[str, list[str]]:
    """The headers, macros and words of the torch that an import would find."""
    spec = importlib.util.find_spec("torch")
    assert spec and spec.origin
    root = Path(spec.origin).parent / "include"
    files: set[str] = set()
    macros: set[bytes] = set()
    words: set[bytes] = set()
    for top in _OURS:
        for path in (root / top).rglob("*.*h*"):
            text = _COMMENT.sub(b"", path.read_bytes())
            files.add(path.relative_to(root).as_posix().removeprefix(_API))
            macros.update(_MACRO.findall(text))
            words.update(_WORD.findall(text))
    return {
        "headers": sorted(one for one in files if "/ops/" not in one or not re.search(r"_\w+\.h$", one)),
        "macros": sorted(one for one in map(bytes.decode, macros) if not _GUARD.match(one)),
        "words": sorted(map(bytes.decode, words)),
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(headers(), indent=1) + "\n", encoding="utf-8")
