"""Asks the torch of this interpreter what stands in its C++ headers: `python -I reports/releases/cpp.py FILE`.

Runs in the environment of one release, with the standard library alone, and writes one JSON object: the headers that
extensions include, the macros in them, every word that looks like a macro, so that what became a function or a
constant is not taken for gone, and whether a type is taken where a macro dispatches by a scalar type. What came with
other projects is not torch's.
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
_WORD = re.compile(rb"\b(?:[A-Z][A-Z0-9_]{3,}|THC\w+)\b")
_THC = re.compile(rb"\bTHC\w+\b")  # functions and types of before the macros, where they are still spoken of
_COMMENT = re.compile(rb"//[^\n]*|/\*.*?\*/", re.DOTALL)
_TAKES_TYPE = re.compile(rb"ScalarType scalar_type\([^)]*DeprecatedTypeProperties")
_GUARD = re.compile(r".*_H(PP)?_*$|.*_INCLUDED$")


def headers() -> dict[str, list[str]]:
    """The headers, macros and words of the torch that an import would find."""
    spec = importlib.util.find_spec("torch")
    assert spec and spec.origin
    root = Path(spec.origin).parent / "include"
    files: set[str] = set()
    macros: set[bytes] = set()
    words: set[bytes] = set()
    dispatched = "AT_DISPATCH_…(x.type(), …)" if _TAKES_TYPE.search((root / "ATen/Dispatch.h").read_bytes()) else ""
    for top in _OURS:
        for path in (root / top).rglob("*.*h*"):
            text = _COMMENT.sub(b"", path.read_bytes())
            files.add(path.relative_to(root).as_posix().removeprefix(_API))
            macros.update(_MACRO.findall(text) + _THC.findall(text))
            words.update(_WORD.findall(text))
    return {
        "headers": sorted(one for one in files if "/ops/" not in one or not re.search(r"_\w+\.h$", one)),
        "macros": sorted(one for one in map(bytes.decode, macros) if not _GUARD.match(one)),
        "words": sorted(map(bytes.decode, words)),
        "dispatched": [dispatched] if dispatched else [],
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(headers(), indent=1) + "\n", encoding="utf-8")
