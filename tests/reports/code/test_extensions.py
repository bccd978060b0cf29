"""What extensions in C++ need of torch's headers: flags, includes, macros."""

import textwrap

import pytest

from torchproof.inventory import inventory
from torchproof.reports.code import cpp, headers
from torchproof.reports.code.catalog import works
from torchproof.reports.code.uses import uses


@pytest.fixture
def built(tmp_path):
    """`built(setup, **files)`: what is needed of the headers: certainly, and perhaps."""

    def built(setup: str, **files: str):
        (tmp_path / "setup.py").write_text(textwrap.dedent(setup), encoding="utf-8")
        for name, text in files.items():
            (tmp_path / "csrc").mkdir(exist_ok=True)
            (tmp_path / "csrc" / name.replace("_dot_", ".")).write_text(text, encoding="utf-8")
        found = uses(tmp_path)
        return [use for use in found.certain if use.how in headers.HOWS], [
            use for use in found.possible if use.how in headers.HOWS
        ]

    return built


IMPORT = "from torch.utils.cpp_extension import CUDAExtension, CppExtension, load\nimport os, sys\n"
REACHES = {
    "list": "CppExtension('x', [], extra_compile_args=['-O3', '-std=c++17'])",
    "dict": "CUDAExtension('x', [], extra_compile_args={'cxx': [], 'nvcc': ['-std=c++17']})",
    "variable": "flags = ['-std=c++17']\nCppExtension('x', [], extra_compile_args=flags)",
    "grown": "flags = {'cxx': []}\nflags['cxx'].append('-std=c++17')\nCUDAExtension('x', [], extra_compile_args=flags)",
    "added": "flags = []\nflags += ['-std=c++17']\nCppExtension('x', [], extra_compile_args=flags + [])",
    "chosen": "kind = CppExtension\nif x: kind = CUDAExtension\nkind('x', [], extra_compile_args=['-std=c++17'])",
    "given": "def make(flags):\n    return CppExtension('x', [], extra_compile_args=flags)\nmake(['-std=c++17'])",
    "returned": "def flags():\n    return ['-std=c++17']\nCppExtension('x', [], extra_compile_args=flags())",
    "unpacked": "more = dict(extra_compile_args=['-std=c++17'])\nCppExtension('x', [], **more)",
    "loaded": "load('x', [], extra_cflags=['-std=c++17'])",
    "one text": "load('x', [], extra_cuda_cflags=['-O3 --std=gnu++17 -g'])",
    "Windows": "CppExtension('x', [], extra_compile_args=['/std:c++17'])",
    "environment": "os.environ['CXXFLAGS'] = '-std=c++17'",
    "old spelling": "CppExtension('x', [], extra_compile_args=['-std=c++1z'])",
}


@pytest.mark.parametrize("code", REACHES.values(), ids=REACHES)
def test_a_flag_is_followed_to_the_extension(built, code):
    (use,), possible = built(IMPORT + code)
    assert headers.standard(use.name) == 17
    assert possible == []
    assert works(use, inventory(), "2.13") is None
    assert "want C++20" in works(use, inventory(), "2.14")


@pytest.mark.parametrize(
    "code",
    [
        "from setuptools import Extension\nExtension('x', [], a=['-std=c++11'])\nCppExtension('y', [])",
        "if '-std=c++17' in sys.argv: pass",
        "def f():\n    '''Pass -std=c++17'''\nCppExtension('y', [], extra_compile_args=[])",
        "CppExtension('y', [], extra_compile_args=['-stdlib=libc++', '-x=c++17'])",
    ],
)
def test_what_reaches_no_extension_is_no_matter(built, code):
    assert built(IMPORT + code) == ([], [])


def test_a_flag_under_a_condition_on_the_version_counts_there(built):
    code = IMPORT + "import torch\nflags = ['-std=c++17' if torch.__version__ < '2.14' else '-std=c++20']\n"
    certain, _ = built(code + "CppExtension('x', [], extra_compile_args=flags)")
    assert {use.name: "2.14" in use.releases for use in certain} == {"-std=c++17": False, "-std=c++20": True}


def test_a_flag_for_rocm_is_not_met_by_every_build(built):
    code = IMPORT + "IS_HIP = 1\nif IS_HIP:\n    flags = ['-std=c++17']\nelse:\n    flags = ['-O3']\n"
    certain, possible = built(code + "CppExtension('x', [], extra_compile_args=flags)")
    assert (certain, [use.name for use in possible]) == ([], ["-std=c++17"])


def test_headers_and_macros_of_the_sources_that_are_built(built):
    source = '#include <torch/extension.h>\n#include "inner.h"\n#include <torch/csrc/utils/six.h>\n'
    inner = "#ifndef INNER\n#define INNER\n#include <c10/util/variant.h>\nAT_DISPATCH_ALL_TYPES_AND_HALF(x)\n#endif\n"
    certain, _ = built(
        IMPORT + "CppExtension('x', ['csrc/a.cpp'])", a_dot_cpp=source, inner_dot_h=inner, other_dot_cpp=source
    )
    gone = {use.name: works(use, inventory(), "2.15") for use in certain if works(use, inventory(), "2.15")}
    assert gone == {
        "torch/csrc/utils/six.h": "torch 2.15 has no such header",
        "c10/util/variant.h": "torch 2.15 has no such header",
        "AT_DISPATCH_ALL_TYPES_AND_HALF": "torch 2.15 has no such macro",
    }
    assert not any("other.cpp" in use.file for use in certain)


def test_what_the_code_has_itself_is_not_torchs(built):
    own = "#define AT_DISPATCH_ALL_TYPES_AND_HALF(x) x\nAT_DISPATCH_ALL_TYPES_AND_HALF(1)\n"
    certain, _ = built(IMPORT + "CppExtension('x', ['csrc/a.cpp'])", a_dot_cpp=own)
    assert certain == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#include <a/b.h>", [("included", "a/b.h", 1)]),
        ('#include "a/b.h"  // c', [("included", "a/b.h", 1)]),
        ("#if X\n#include <a.h>\n#else\n#include <b.h>\n#endif\n#include <c.h>", [("included", "c.h", 6)]),
        ("#ifndef A_H\n#define A_H\n#include <a.h>\n#endif", [("included", "a.h", 3)]),
        ("/* AT_CHECK\n#include <a.h> */\n// X\nf(\"AT_CHECK\");\nTORCH_CHECK(x);", [("expanded", "TORCH_CHECK", 5)]),
    ],
)  # fmt: skip
def test_a_source_is_read_as_far_as_no_condition_is_asked(text, found):
    assert list(cpp.used(text)) == found


@pytest.mark.parametrize(("release", "least"), [("2.0", 14), ("2.1", 17), ("2.13", 17), ("2.14", 20), ("2.15", 20)])
def test_the_standard_of_each_release(release, least):
    assert headers.least(release) == least
