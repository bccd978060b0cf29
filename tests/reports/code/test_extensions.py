"""What extensions in C++ need of torch's headers: flags, includes, macros."""

import textwrap

import pytest

from torchproof.inventory import inventory
from torchproof.reports.code.catalog import works
from torchproof.reports.code.cpp import headers
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


@pytest.fixture
def nowhere(tmp_path):
    """`nowhere(**files)`: what of torch's headers the sources need that no release has."""

    def nowhere(**files: str):
        (tmp_path / "setup.py").write_text(IMPORT + "CppExtension('x', ['a.cpp'])", encoding="utf-8")
        for name, text in files.items():
            path = tmp_path / name.replace("_dot_", ".").replace("Mine.h", "csrc/own/ATen/Mine.h")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return sorted(use.name for use in uses(tmp_path).nowhere)

    return nowhere


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
    "one text": "load('x', [], extra_cflags=['-O3 --std=gnu++17 -g'])",
    "Windows": "CppExtension('x', [], extra_compile_args=['/std:c++17'])",
    "environment": "os.environ['CXXFLAGS'] = '-std=c++17'",
    "old spelling": "CppExtension('x', [], extra_compile_args=['-std=c++1z'])",
}


def test_what_is_built_where_failures_are_caught_is_possible(built):
    kernel = '#include <torch/extension.h>\nAT_DISPATCH_FLOATING_TYPES(x.type(), "f", [] {});\n'
    caught = IMPORT + "try:\n    op = load('x', ['csrc/a.cu'])\nexcept Exception:\n    op = None\n"
    assert [use.name for use in built(caught, a_dot_cu=kernel)[0]] == []
    certain, _ = built(IMPORT + "op = load('x', ['csrc/a.cu'])\n", a_dot_cu=kernel)
    assert len(certain) > 0


OF_KERNELS = {
    "load": "load('x', ['csrc/a.cpp', 'csrc/b.cu'], extra_cuda_cflags=['-std=c++17'])",
    "dict": "CUDAExtension('x', ['csrc/a.cpp', 'csrc/b.cu'], extra_compile_args={'nvcc': ['-std=c++17'], 'cxx': []})",
    "call": "args = dict(nvcc=['-std=c++17'])\nCUDAExtension('x', ['a.cpp', 'b.cu'], extra_compile_args=args)",
    "key": "a = {}\na['nvcc'] = ['-std=c++17']\nCUDAExtension('x', ['a.cpp', 'b.cu'], extra_compile_args=a)",
    "grown": "a = {}\na['nvcc'].append('-std=c++17')\nCUDAExtension('x', ['a.cpp', 'b.cu'], extra_compile_args=a)",
}


@pytest.mark.parametrize("code", OF_KERNELS.values(), ids=OF_KERNELS)
@pytest.mark.parametrize(("include", "is_certain"), [("torch/extension.h", True), ("stdio.h", False)])
def test_a_flag_for_kernels_is_met_by_those_that_include_torch(built, code, include, is_certain):
    found = built(IMPORT + code, a_dot_cpp="#include <torch/extension.h>\n", b_dot_cu=f"#include <{include}>\n")
    assert ["-std=c++17" in [use.name for use in uses] for uses in found] == [is_certain, not is_certain]


def test_a_flag_that_is_for_c_too_is_met_by_what_includes_torch(built):
    code = "f = ['-std=c++17']\nCUDAExtension('x', ['a.cpp'], extra_compile_args={'cxx': f, 'nvcc': f})"
    certain, _ = built(IMPORT + code, a_dot_cpp="#include <torch/extension.h>\n")
    assert "-std=c++17" in [use.name for use in certain]


TARGETS = {
    "gencode": (
        "CUDAExtension('x', [], extra_compile_args={'nvcc': ['-gencode', 'arch=compute_70,code=sm_70']})",
        "7.0",
    ),
    "one word": ("load('x', [], extra_cuda_cflags=['-gencode=arch=compute_75,code=sm_75', '-arch=sm_61'])", "6.1"),
    "list": ("os.environ['TORCH_CUDA_ARCH_LIST'] = '6.0 7.0+PTX;8.0'", "6.0, 7.0"),
    "default": ("os.environ.setdefault('TORCH_CUDA_ARCH_LIST', '7.0;8.0+PTX')", "7.0"),
}


@pytest.mark.parametrize(("code", "name"), TARGETS.values(), ids=TARGETS)
def test_gpus_that_nvcc_of_torchs_cuda_no_longer_compiles_for(built, code, name):
    certain, possible = built(IMPORT + code)
    assert (certain, [use.name for use in possible]) == ([], [f"compute capability {name}"])
    assert works(possible[0], inventory(), "2.10") is None
    assert "nvcc of CUDA 13.0" in works(possible[0], inventory(), "2.11")


def test_gpus_that_are_lost_at_different_releases_are_told_apart(built):
    _, possible = built(IMPORT + "os.environ['TORCH_CUDA_ARCH_LIST'] = '3.7;6.0;7.0;8.0;12.0'")
    assert [use.name.removeprefix("compute capability ") for use in possible] == ["12.0", "3.7", "6.0, 7.0"]


@pytest.mark.parametrize("test", ["CUDA < Version('13')", "'sm_70' in torch.cuda.get_arch_list()"])
def test_gpus_that_a_condition_chooses_are_no_matter(built, test):
    code = f"f = []\nif {test}:\n    f.append('-gencode=arch=compute_70,code=sm_70')\n"
    assert built(IMPORT + code + "load('x', [], extra_cuda_cflags=f)") == ([], [])


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


@pytest.mark.parametrize(
    "imports", ["import torch.utils.cpp_extension as ext", "from torch.utils import cpp_extension as ext"]
)
def test_a_flag_is_followed_where_the_module_has_another_name(built, imports):
    certain, _ = built(f"{imports}\next.load('x', [], extra_cflags=['-std=c++17'])")
    assert [use.name for use in certain] == ["-std=c++17"]


def test_a_flag_under_a_condition_on_the_version_counts_there(built):
    code = IMPORT + "import torch\nflags = ['-std=c++17' if torch.__version__ < '2.14' else '-std=c++20']\n"
    certain, _ = built(code + "CppExtension('x', [], extra_compile_args=flags)")
    assert {use.name: "2.14" in use.releases for use in certain} == {"-std=c++17": False, "-std=c++20": True}


def test_a_flag_for_rocm_is_not_met_by_every_build(built):
    code = IMPORT + "IS_HIP = 1\nif IS_HIP:\n    flags = ['-std=c++17']\nelse:\n    flags = ['-O3']\n"
    certain, possible = built(code + "CppExtension('x', [], extra_compile_args=flags)")
    assert (certain, [use.name for use in possible]) == ([], ["-std=c++17"])


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        ("not IS_HIP and x", ("certain", "certain")),
        ("torch.version.hip is not None", ("possible", "certain")),
        ("torch.version.hip is None", ("certain", "possible")),
        ("sys.platform == 'win32'", ("possible", "certain")),
        ("os.name != 'nt' or x", ("certain", "possible")),
        ("with_cuda", ("certain", "certain")),
    ],
)
def test_a_flag_for_another_system_is_not_met_by_every_build(built, condition, kinds):
    code = IMPORT + f"if {condition}:\n    flags = ['-std=c++17']\nelse:\n    flags = ['-std=gnu++17']\n"
    certain, _ = built(code + "CppExtension('x', [], extra_compile_args=flags)")
    sure = {use.name for use in certain}
    assert tuple("certain" if name in sure else "possible" for name in ("-std=c++17", "-std=gnu++17")) == kinds


def test_an_older_standard_that_is_chosen_beside_a_newer_one_is_possible(built):
    code = IMPORT + "flag = '-std=c++20' if cuda > 12 else '-std=c++17' if cuda > 10 else '-std=c++14'\n"
    certain, possible = built(code + "CUDAExtension('x', [], extra_compile_args=[flag])")
    assert [use.name for use in certain] == ["-std=c++20"]
    assert sorted(use.name for use in possible) == ["-std=c++14", "-std=c++17"]


@pytest.mark.parametrize(
    ("header", "wants"),
    [
        ("torch/extension.h", True),
        ("c10/cuda/CUDAStream.h", True),
        ("torch/csrc/stable/tensor.h", False),
        ("torch/headeronly/core/ScalarType.h", False),
    ],
)
def test_headers_that_stay_the_same_for_long_want_no_standard(built, header, wants):
    code = IMPORT + "CppExtension('x', ['csrc/a.cpp'], extra_compile_args=['-std=c++17'])"
    certain, possible = built(code, a_dot_cpp=f"#include <{header}>\n")
    assert ("-std=c++17" in {use.name for use in certain}, possible) == (wants, [])


def test_beside_what_is_stable_a_standard_is_possible(built):
    code = IMPORT + "CppExtension('x', ['csrc/a.cpp', 'csrc/b.cpp'], extra_compile_args=['-std=c++17'])"
    _, possible = built(
        code, a_dot_cpp="#include <torch/csrc/stable/tensor.h>\n", b_dot_cpp="#include <torch/extension.h>\n"
    )
    assert [use.name for use in possible] == ["-std=c++17"]


def test_a_macro_that_a_version_defines_says_which_branch_is_compiled(built):
    code = IMPORT + "import torch\nflags = []\nif torch.__version__ < '2.1':\n    flags.append('-DOLD_TORCH')\n"
    source = "#ifdef OLD_TORCH\n#include <c10/util/variant.h>\n#endif\n"
    certain, possible = built(code + "CppExtension('x', ['csrc/a.cpp'], extra_compile_args=flags)", a_dot_cpp=source)
    assert [(use.name, use.releases) for use in certain] == [("c10/util/variant.h", {"2.0"})]
    assert possible == []


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


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("*.cpp", ["a.cpp"]), ("csrc/**/*.cpp", ["a.cpp"]), ("third_party/*.cpp", ["b.cpp"]), ("other/*.cpp", [])],
)
def test_a_pattern_is_for_its_folder_and_not_for_those_of_others(tmp_path, pattern, found):
    for name in ("csrc/inner/a.cpp", "third_party/b.cpp"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("#include <torch/extension.h>\n", encoding="utf-8")
    code = f"{IMPORT}import glob\nCppExtension('x', glob.glob('{pattern}', recursive=True))\n"
    (tmp_path / "setup.py").write_text(code, encoding="utf-8")
    used = [use.file.rpartition("/")[2] for use in uses(tmp_path).certain if use.how == "included"]
    assert used == found


def test_what_no_release_has_is_a_mistake(nowhere):
    source = """#include <torch/extension.h>
#include <THC/THC.h>
#include "ATen/NoSuch.h"
#include "csrc/own/ATen/Mine.h"
#define CHECK_CUDA(x) AT_CHECK(x.is_cuda(), "no")
#define UNUSED(x) THCudaCheck(x)
void f(at::Tensor x) { CHECK_CUDA(x); TORCH_CHEK(x); openat(AT_FDCWD, "a"); AT_ASSERT(x); TORCH_MINE(x); }
#ifdef SOMETHING
AT_ERROR_OF_OTHERS(x);
#endif
"""
    own = "#pragma once\n#define TORCH_MINE(x) x\n"
    assert nowhere(a_dot_cpp=source, Mine_dot_h=own) == ["AT_CHECK", "ATen/NoSuch.h", "THC/THC.h", "TORCH_CHEK"]


def test_a_macro_may_come_from_a_header_that_is_not_here(nowhere):
    assert nowhere(a_dot_cpp='#include "generated.h"\nvoid f() { TORCH_CHEK(x); AT_CHECK(x); }') == ["AT_CHECK"]


KERNEL = """
#include <torch/extension.h>
#include <c10/util/variant.h>
void f(torch::Tensor x) { AT_CHECK(x.is_cuda()); AT_DISPATCH_FLOATING_TYPES(x.type(), "f", [&] {}); }
"""
DOUBLED = KERNEL.replace("{", "{{").replace("}", "}}")  # as in an f-string
IMPORT_INLINE = "import torch\nfrom torch.utils.cpp_extension import load_inline\n"
GIVEN = {
    "in the call": "load_inline('x', cpp_sources='''KERNEL''')",
    "by position": "load_inline('x', '', '''KERNEL''')",
    "by a name": "SOURCE = '''KERNEL'''\ndef build():\n    return load_inline('x', '', cuda_sources=[SOURCE])",
    "by a local name": "def a():\n    s = '''KERNEL'''\n    load_inline('x', s)\ndef b():\n    s = MINE",
    "joined": "SOURCE = '''KERNEL'''\nload_inline('x', cpp_sources='\\n'.join(['int a;', SOURCE.strip()]))",
    "without placeholders": f"load_inline('x', [], cuda_sources=f'''{DOUBLED}''')",
}
UNCERTAIN = {
    "changed": "load_inline('x', cpp_sources='''KERNEL'''.replace('AT_', MINE))",
    "with placeholders": f"load_inline('x', cpp_sources=f'''{{HEAD}}{DOUBLED}''')",
    "chosen": "load_inline('x', cpp_sources='''KERNEL''' if x else '')",
    "bound twice": "source = '''KERNEL'''\nsource = patched(source)\nload_inline('x', cpp_sources=source)",
    "bound elsewhere": "s = '''KERNEL'''\ndef a():\n    global s\n    s = MINE\nload_inline('x', s)",
    "grown": "s = ['''KERNEL''']\ns.append(MINE)\nload_inline('x', s)",
    "replaced": "s = ['''KERNEL''']\ns[0] = MINE\nload_inline('x', s)",
    "a parameter": "def build(source):\n    load_inline('x', cpp_sources=source)\nbuild('''KERNEL''')",
    "beside what is not known": "load_inline('x', cpp_sources=[MINE, '''KERNEL'''])",
    "caught": "try:\n    load_inline('x', cpp_sources='''KERNEL''')\nexcept RuntimeError:\n    pass",
    "expected to fail": "with pytest.raises(RuntimeError):\n    load_inline('x', cpp_sources='''KERNEL''')",
    "for ROCm": "if torch.version.hip:\n    load_inline('x', cpp_sources='''KERNEL''')",
}
NO_MATTER = {
    "no source": "load_inline('x', cpp_sources=open('m.cpp').read(), functions=['''KERNEL'''])",
    "its own macro": "load_inline('x', cpp_sources='''#define AT_CHECK(x) x\nvoid f() { AT_CHECK(x); }''')",
}


@pytest.fixture
def inline(tmp_path):
    """`inline(code)`: what code uses that hands sources to `load_inline`, and the line in it of some text."""

    def inline(code: str, text: str = "c10/util/variant.h"):
        code = IMPORT_INLINE + code.replace("KERNEL", KERNEL)
        (tmp_path / "m.py").write_text(code, encoding="utf-8")
        line = next((number for number, row in enumerate(code.split("\n"), 1) if text in row), 0)
        return uses(tmp_path), line

    return inline


@pytest.mark.parametrize("code", GIVEN.values(), ids=GIVEN)
def test_a_source_in_a_string_is_read_as_one_in_a_file(inline, code):
    found, line = inline(code)
    assert [(use.name, use.line) for use in found.nowhere] == [("AT_CHECK", line + 1)]
    gone = {(use.how, use.line) for use in found.certain if use.how in headers.HOWS and works(use, inventory(), "2.15")}
    assert gone == {("included", line), ("dispatched", line + 1)}


@pytest.mark.parametrize("code", UNCERTAIN.values(), ids=UNCERTAIN)
def test_a_source_that_may_be_another_is_possible(inline, code):
    found, line = inline(code)
    assert [use for use in (*found.certain, *found.nowhere) if use.how in headers.HOWS] == []
    assert [use.line for use in found.possible if use.name == "c10/util/variant.h"] == [line]


@pytest.mark.parametrize("code", NO_MATTER.values(), ids=NO_MATTER)
def test_strings_that_are_no_source_or_have_their_own_macros_are_no_matter(inline, code):
    found, _ = inline(code)
    kinds = (found.certain, found.nowhere, found.possible)
    assert [use.name for kind in kinds for use in kind if use.how in headers.HOWS] == []


def test_a_source_in_a_string_counts_where_its_call_runs(inline):
    found, _ = inline("if torch.__version__ < (2, 4):\n    load_inline('x', cpp_sources='''KERNEL''')")
    (use,) = (use for use in found.certain if use.name == "c10/util/variant.h")
    assert use.releases == {"2.0", "2.1", "2.2", "2.3"}


@pytest.mark.parametrize(("more", "wants"), [("", True), (", no_implicit_headers=True", False)])
def test_a_standard_may_be_wanted_by_the_header_that_stands_before_a_source(inline, more, wants):
    source = "'#include <torch/csrc/stable/tensor.h>'"
    found, _ = inline(f"load_inline('x', cpp_sources={source}, extra_cflags=['-std=c++17']{more})")
    assert any(use.how == "compiled" for use in found.possible) is wants


@pytest.mark.parametrize(
    "string",
    [
        r"'int a;\nint b;\n#include <c10/util/variant.h>'",
        '"""\\\nint a;\n#include <c10/util/variant.h>\n"""',
        "'int a;\\n'\n'#include <c10/util/variant.h>\\n'",
    ],
)
def test_the_line_of_what_stands_in_a_string_with_escapes(inline, string):
    found, line = inline(f"load_inline('x', cpp_sources={string})")
    assert [use.line for use in found.certain if use.name == "c10/util/variant.h"] == [line]


def test_what_the_code_has_itself_is_not_torchs(built):
    own = "#define AT_DISPATCH_ALL_TYPES_AND_HALF(x) x\nAT_DISPATCH_ALL_TYPES_AND_HALF(1)\n"
    assert built(IMPORT + "CppExtension('x', ['csrc/a.cpp'])", a_dot_cpp=own) == ([], [])


OLD_ABI = "CppExtension('x', [], extra_compile_args=flags)"


def test_a_flag_that_says_the_other_abi_is_for_releases_that_do_not_say_theirs_behind_it(built):
    certain, perhaps = built(IMPORT + "flags = ['-O3', '-D_GLIBCXX_USE_CXX11_ABI=0']\n" + OLD_ABI)
    assert [(use.how, use.name) for use in certain + perhaps] == [("linked", "-D_GLIBCXX_USE_CXX11_ABI=0")]
    assert [works(certain[0], inventory(), release) is None for release in ("2.0", "2.6", "2.8")] == [True, True, False]


@pytest.mark.parametrize(
    "flags",
    [
        "flags = ['-D_GLIBCXX_USE_CXX11_ABI=1']\n",
        "flags = [f'-D_GLIBCXX_USE_CXX11_ABI={int(torch._C._GLIBCXX_USE_CXX11_ABI)}']\n",
        "flags = []\nif not torch._C._GLIBCXX_USE_CXX11_ABI:\n    flags += ['-D_GLIBCXX_USE_CXX11_ABI=0']\n",
        "flags = ['-D_GLIBCXX_USE_CXX11_ABI=1' if os.getenv('CXX11_ABI') else '-D_GLIBCXX_USE_CXX11_ABI=0']\n",
    ],
)
def test_a_flag_for_the_abi_that_a_condition_chooses_or_that_is_right_is_no_matter(built, flags):
    certain, _ = built(f"import torch\n{IMPORT}{flags}{OLD_ABI}")
    assert certain == []


@pytest.mark.parametrize(("release", "least"), [("2.0", 14), ("2.1", 17), ("2.13", 17), ("2.14", 20), ("2.15", 20)])
def test_the_standard_of_each_release(release, least):
    assert headers.least(release) == least
