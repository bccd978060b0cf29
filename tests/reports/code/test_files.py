"""Which files are read at what somebody names."""

import io
import os
import stat
import tarfile
import zipfile
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from torchproof.__main__ import main
from torchproof.reports import Refusal
from torchproof.reports.code import files
from torchproof.reports.code.files import Code, opened
from torchproof.reports.code.uses import uses


@pytest.fixture
def folder(tmp_path):
    def folder(**files: str):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return folder


def shown(*names) -> list[str]:
    with opened(names) as code:
        return [one.shown for one in code.files]


def test_a_folder_has_modules_notebooks_and_scripts(folder):
    path = folder(
        a_dot_py="", n_dot_ipynb="", stub_dot_pyi="", text_dot_txt="", run="#!/usr/bin/env python3\n", sh="#!/bin/sh\n",
        below__b_dot_py="", build__c_dot_py="", _dot_hidden__d_dot_py="",
    )  # fmt: skip
    assert shown(path) == [str(path / one) for one in ("a.py", "n.ipynb", "run", "below/b.py")]


def test_paths_are_shown_as_they_were_given(folder, monkeypatch):
    monkeypatch.chdir(folder(a_dot_py="", src__b_dot_py=""))
    assert shown(".") == ["a.py", "src/b.py"]
    assert shown("src", "./a.py", "src/b.py") == ["src/b.py", "a.py"]


def test_what_nobody_needs_who_installs_the_project_is_aside(folder):
    path = folder(
        pyproject_dot_toml="", setup_dot_py="", src__pack__a_dot_py="", src__pack__examples__b_dot_py="",
        src__pack__tests__c_dot_py="", tests__d_dot_py="", docs__e_dot_py="", benchmark__f_dot_py="",
    )  # fmt: skip
    with opened([path]) as code:
        asides = {one.path.stem: code.aside(f"{one.shown}:cell 1") for one in code.files if code.aside(one.shown)}
    assert asides == {"c": "tests", "d": "tests", "e": "docs", "f": "benchmarks"}


def test_where_nothing_else_was_named_nothing_is_aside(folder):
    path = folder(a__b_dot_py="", a__tests__c_dot_py="", examples__d_dot_py="", docs__e_dot_py="")
    for given, aside in ((path, ["c"]), (path / "a" / "tests", [])):
        with opened([given]) as code:
            assert [one.path.stem for one in code.files if code.aside(one.shown)] == aside


@pytest.mark.parametrize("name", ["tool", "conf.conf", "model.pyw"])
def test_a_file_that_is_named_is_read_without_the_name_of_code(tmp_path, name):
    (tmp_path / name).write_text("x = 1")
    assert shown(tmp_path / name) == [str(tmp_path / name)]


@pytest.mark.parametrize("name", ["requirements.txt", "x.json", "README.md", "op.cpp"])
def test_a_file_whose_name_says_that_it_is_no_code_is_none(tmp_path, name):
    (tmp_path / name).write_text("{}")
    with opened([tmp_path / name]) as code, pytest.raises(Refusal, match=f"no Python code at .*{name}"):
        code.check()


@pytest.mark.parametrize("name", ["pack-1-py3-none-any.whl", "pack.zip"])
def test_a_wheel_is_read_and_gone_afterwards(tmp_path, name):
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("pack/__init__.py", "import torch")
        archive.writestr("pack-1.dist-info/METADATA", "Requires-Dist: torch>=2.1")
        archive.writestr("pack/large.bin", "x")
    with opened([tmp_path / name]) as code:
        (root,), (file,) = code.roots, code.files
        assert file.shown == str(tmp_path / name / "pack" / "__init__.py")
        assert file.path.read_text() == "import torch"
        assert sorted(one.name for one in root.rglob("*") if one.is_file()) == ["METADATA", "__init__.py"]
    assert not root.exists()


def _member(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc/hostname"
    return member


def test_of_an_sdist_nothing_gets_out_and_no_link_gets_in(tmp_path):
    with tarfile.open(tmp_path / "pack-1.tar.gz", "w:gz") as archive:
        for name in ("pack-1/pack/a.py", "../b.py", "/c.py", "pack-1/../../d.py", "C:/e.py", "pack-1\\..\\..\\f.py"):
            archive.addfile(_member(name), io.BytesIO())
        for name, kind in (("pack-1/link.py", tarfile.SYMTYPE), ("pack-1/hard.py", tarfile.LNKTYPE)):
            archive.addfile(_member(name, kind))
        archive.addfile(_member("pack-1/pipe.py", tarfile.FIFOTYPE))
        of_no_file = _member("pack-1/null.py")
        of_no_file.pax_headers = {"path": "pack-1/nu\0ll.py"}
        archive.addfile(of_no_file, io.BytesIO())
    assert shown(tmp_path / "pack-1.tar.gz") == [str(tmp_path / "pack-1.tar.gz" / "pack-1" / "pack" / "a.py")]


def test_a_link_in_a_zip_is_passed_over(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        link = zipfile.ZipInfo("link.py")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/hostname")
        archive.writestr("../out.py", "")
        archive.writestr("a.py", "")
    assert shown(tmp_path / "a.zip") == [str(tmp_path / "a.zip" / "a.py")]


def test_an_archive_that_is_too_large_or_broken_is_refused(tmp_path, monkeypatch):
    for name in ("broken.whl", "broken.tar.gz"):
        (tmp_path / name).write_text("no archive")
        with pytest.raises(Refusal, match=r"cannot be unpacked: [^\n]+\Z"):
            shown(tmp_path / name)
    monkeypatch.setattr(files, "_MOST_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.py", "x" * 2000)
    with pytest.raises(Refusal, match="too large"):
        shown(tmp_path / "a.zip")


def _overlapping(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.py", "")
        archive.writestr("a.py/b.py", "")


def _patched(path: Path, mark: bytes, offset: int, value: bytes) -> None:
    """A zip with other bytes behind the last mark of one of its parts."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.py", "")
    content = bytearray(path.read_bytes())
    start = content.rfind(mark) + offset
    content[start : start + len(value)] = value
    path.write_bytes(content)


@pytest.mark.parametrize(
    "makes",
    [
        _overlapping,
        partial(
            _patched, mark=b"PK\5\6", offset=16, value=b"\xf0\xff\xff\xff"
        ),  # where its list of files is said to be
        partial(_patched, mark=b"PK\1\2", offset=10, value=b"\x63"),  # how a file is compressed
        partial(_patched, mark=b"PK\1\2", offset=6, value=b"\x6e"),  # the version of zip that is needed
        partial(_patched, mark=b"PK\1\2", offset=8, value=b"\x01"),  # encrypted
    ],
    ids=["a file for a folder", "offset", "compression", "version", "encryption"],
)
def test_a_zip_that_cannot_be_read_is_refused_by_its_name(tmp_path, makes):
    makes(tmp_path / "a.zip")
    with pytest.raises(Refusal, match=r"\A\S+/a.zip cannot be unpacked: [^\n]+\Z"):
        shown(tmp_path / "a.zip")


def test_an_installed_package_is_found_by_either_name_and_not_imported(folder, monkeypatch):
    path = folder(
        **{"site__My_Code-1_dot_dist-info__METADATA": "Name: My.Code\n"},
        **{"site__My_Code-1_dot_dist-info__RECORD": "mycode.py,,\nMy_Code-1.dist-info/METADATA,,\n"},
        site__mycode_dot_py="raise SystemExit",
    )
    monkeypatch.syspath_prepend(str(path / "site"))
    assert shown("mycode") == shown("My.Code") == shown("my-code") == [str(path / "site" / "mycode.py")]


@pytest.mark.parametrize("name", ["no_such_package_here", "no/such.py", "sys"])
def test_what_is_neither_file_nor_package_is_refused(name):
    with pytest.raises(Refusal, match="there is no file or folder"):
        shown(name)


@pytest.mark.parametrize(("text", "name"), [(b"import torch", "stdin.py"), (b'{"cells": []}', "stdin.ipynb")])
def test_standard_input(monkeypatch, text, name):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text)))
    with opened(["-"]) as code:
        (file,) = code.files
        assert (file.shown, file.path.name, file.path.read_bytes()) == ("<stdin>", name, text)


@pytest.fixture
def odd(tmp_path):
    """A folder with one file of code, and what only looks like some."""
    (tmp_path / "code.py").write_text("import torch\n")
    for name in ("pipe.py", "pipe.ipynb", "pyproject.toml", "setup.py", "requirements.txt"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "endless.py").symlink_to("/dev/zero")
    (tmp_path / "itself.py").symlink_to("itself.py")
    with (tmp_path / "sparse.py").open("wb") as file:
        file.truncate(4 << 30)
    return tmp_path


@pytest.mark.timeout(20)
def test_only_regular_files_of_a_size_are_read(odd):
    found = uses(Code.at(odd)).code
    assert found.read == 1
    reasons = {line.removeprefix(f"{odd}/").partition(": ")[::2] for line in found.unread}
    assert dict(reasons) == {
        "pipe.py": "it is no regular file",
        "pipe.ipynb": "it is no regular file",
        "setup.py": "it is no regular file",
        "endless.py": "it is no regular file",
        "itself.py": "Too many levels of symbolic links",
        "sparse.py": "it is larger than 32 MiB",
    }


@pytest.mark.timeout(20)
@pytest.mark.parametrize("command", [["floor"], ["diff", "2.5", "2.13", "--uses"]], ids=["floor", "diff"])
def test_a_pipe_that_is_named_is_refused(odd, capsys, command):
    assert main([*command, str(odd / "pipe.py")]) == 2
    assert capsys.readouterr().err.endswith("pipe.py: it is no regular file\n")


def test_names_of_files_steer_no_terminal_and_no_workflow(tmp_path, capsys):
    (tmp_path / "a\n::error::b\x1b[31m.py").write_text("print 3\n")
    (tmp_path / "code.py").write_text("import torch\n")
    main(["floor", str(tmp_path)])
    assert r"a\n::error::b\x1b[31m.py: Python 2" in capsys.readouterr().out
