"""Notebooks are code: which lines of them Python reads, and where these stand."""

import json

import pytest

from torchproof.reports.code.notebooks import line_in_file, notebook, python
from torchproof.reports.code.reading import Unreadable


def made(*cells: str, indent: int | None = 1, **metadata: object) -> str:
    """The text of a notebook: cells of text begin with #."""
    kinds = [("markdown" if cell.startswith("# ") else "code", cell.splitlines(keepends=True)) for cell in cells]
    written = [{"cell_type": kind, "source": source} for kind, source in kinds]
    return json.dumps({"cells": written, "metadata": metadata, "nbformat": 4}, indent=indent)


def test_cells_of_code_are_one_module_whose_lines_know_their_cell():
    found = notebook(made("# Title", "import torch\nx = 1", "# Text", "y = x"))
    assert found.text == "import torch\nx = 1\ny = x\n"
    assert found.places == [(2, 1), (2, 2), (4, 1)]


def test_the_cells_of_version_3():
    cells = [{"cell_type": "code", "language": "python", "input": "x = 1\ny = 2"}, {"cell_type": "heading"}]
    found = notebook(json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3}))
    assert found.places == [(1, 1), (1, 2)]


@pytest.mark.parametrize(
    ("cell", "left"),
    [
        ("%matplotlib inline\nx", "pass\nx"),
        ("!pip install torch\nx", "pass\nx"),
        ("x\n!pip list | grep 'it\nx", "x\npass\nx"),
        ("!pip install \\\n    torch\nx", "\npass\nx"),
        ("if x:\n    !ls {y}\nelse:\n    %cd ..", "if x:\n    pass\nelse:\n    pass"),
        ("torch.load?\nx", "pass\nx"),
        ("?torch.load", "pass"),
        ("torch.load??  # source", "pass"),
        ("files = !ls *.py\nx", "files = get_ipython()\nx"),
        ("a.b = %timeit -o f()", "a.b = get_ipython()"),
        ("%time y = f(x)", "y = f(x)"),
        ("%timeit -n 10 -r 3 f(x)", "f(x)"),
        ("%%time\nx", "\nx"),
        ("%%capture out --no-stderr\nx", "\nx"),
        ("%%writefile net.py\nx", "\nx"),
        ("x = (a\n     % b)\n'''\n!no\n%no\n'''", "x = (a\n     % b)\n'''\n!no\n%no\n'''"),
        ("await f(x)", "await f(x)"),
    ],
)
def test_what_only_ipython_reads_is_left_out_and_lines_stay(cell, left):
    assert python(cell) == left


@pytest.mark.parametrize(
    "cell",
    [
        "%%bash\nls",
        "%%javascript\nf()",
        "%%writefile a.txt\nx",
        "%%sql\nselect 1",
        "%%R\nx <- 1",
        "%md\nSome text here",
    ],
)
def test_cells_of_other_languages_are_left_out(cell):
    assert python(cell) == ""


def test_a_notebook_of_another_language_has_no_code():
    assert notebook(made("x <- 1", language_info={"name": "R"})).text.strip() == ""


def test_a_cell_that_cannot_be_read_is_told_and_the_rest_counts():
    found = notebook(made("x = 1", "print 'a'", "y = 2"))
    assert found.text == "x = 1\ny = 2\n"
    assert found.unread == ["cell 2: Python 2 (line 1: print 'a')"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"cells": 3}', "[" * 100_000])
def test_what_is_no_notebook_is_told(text):
    with pytest.raises(Unreadable, match="no notebook"):
        notebook(text)


def test_a_line_of_a_cell_is_found_in_the_file():
    text = made("# x", "x\ny", "x\n\nx\n'é\\n\"'")
    lines = text.splitlines()
    assert [lines[line_in_file(text, 3, line) - 1].strip(' ",') for line in (1, 2, 3)] == ["x\\n", "\\n", "x\\n"]
    assert line_in_file(text, 3, 3) > line_in_file(text, 3, 1) > line_in_file(text, 2, 2)
    assert "u00e9" in lines[line_in_file(text, 3, 4) - 1]
    assert line_in_file(made("x", indent=None), 1, 1) is None
