"""Why text is no Python, in words."""

import pytest

from torchproof.reports.code.reading import Unreadable, decoded, parsed


@pytest.mark.parametrize(
    "line",
    ["print 'x'", "print x, y", "print >>f, 'x' % 3, 'y' 'z' if", "except ValueError, error:", "raise E, 'x'",
     "x = 0777", "x = 10L", "x = `y`", "if a <> b: pass", "x = ur'y'", "def f(a, (b, c)): pass", "print 'a' % b; x"],
)  # fmt: skip
def test_python_2_is_called_so(line):
    text = f"try:\n    pass\n{line}\n    pass\n" if line.startswith("except") else line
    with pytest.raises(Unreadable, match=r"^Python 2 \(line \d: "):
        parsed(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import {{ cookiecutter.name }}", "a template"),
        ("{% if x %}\nimport y\n{% endif %}", "a template"),
        ("x = 1\n<<<<<<< HEAD\ny\n=======\nz\n>>>>>>> other", r"merge conflict \(line 2\)"),
        ("def f(:", r"^invalid syntax \(line 1\), as Python 3\.\d+ reads it"),
        ("if x:\n\ty\n        z", "inconsistent use of tabs"),
        ("-" * 200_000 + "x", "nested too deeply"),
        ("torch.abs(x)\n" * 800_000, "more than 60,000 calls and attributes"),
        ("a\n" * 400_000, "or 300,000 words"),
        ("print 'x\x1b[31m'", r"^Python 2 \(line 1: print 'x\\x1b\[31m'\)$"),
    ],
)
def test_the_reason_is_told(text, says):
    with pytest.raises(Unreadable, match=says):
        parsed(text)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("import torch".encode("utf-16"), "UTF-16"),
        (b"x = 1\0", "null bytes"),
        (b"# coding: nonsense\nx", "unknown encoding: nonsense"),
        (b"# coding: hex\nx", "unknown encoding: hex"),
        (b"# coding: undefined\nx", "unknown encoding: undefined"),
        ("x = 1\ny = 'é'".encode("latin-1"), r"not utf-8 \(line 2\)"),
    ],
)
def test_what_is_no_text_is_told(data, says):
    with pytest.raises(Unreadable, match=says):
        decoded(data)


def test_lines_end_as_python_ends_them():
    assert decoded("\ufeffx\r\ny\rz\n".encode()) == "x\ny\nz\n"
