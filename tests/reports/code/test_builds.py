"""The standard of C++ that CMake and Meson are told to compile with against torch's headers."""

import pytest

from torchproof.inventory import inventory
from torchproof.reports.code.catalog import Use, works
from torchproof.reports.code.cpp import headers
from torchproof.reports.code.uses import uses

FINDS = "cmake_minimum_required(VERSION 3.18)\nproject(x)\nfind_package(Torch REQUIRED)\nadd_library(x a.cpp)\n"
LINKS = "target_link_libraries(x PRIVATE ${TORCH_LIBRARIES})\n"
INCLUDES = "target_include_directories(x PRIVATE ${TORCH_INCLUDE_DIRS})\n"
KERNEL = {"a.cpp": "", "a.cu": "#include <ATen/ATen.h>\n"}


@pytest.fixture
def failing(tmp_path):
    """`failing(files)`: the releases in which each standard certainly fails, and those that perhaps do."""

    def failing(files: dict[str, str]):
        for name, text in {"a.py": "import torch\n", "a.cpp": "#include <torch/torch.h>\n", **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        found = uses(tmp_path)
        return _failing(found.certain), _failing(found.possible)

    return failing


def _failing(found: list[Use]) -> dict[str, list[str]]:
    fails = {
        use.name: [one for one in headers.known() if one in use.releases and works(use, inventory(), one)]
        for use in found
    }
    return {name: releases for name, releases in fails.items() if releases}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("set(CMAKE_CXX_STANDARD 17)", "CMAKE_CXX_STANDARD 17"),
        ('set(STD 17 CACHE STRING "")\nset(CMAKE_CXX_STANDARD ${STD})', "CMAKE_CXX_STANDARD 17"),
        ("if(NOT DEFINED CMAKE_CXX_STANDARD)\nset(CMAKE_CXX_STANDARD 17)\nendif()", "CMAKE_CXX_STANDARD 17"),
        ('set(CMAKE_CXX_FLAGS "${CMAKE_CXX_FLAGS} -O3 -std=c++17")', "-std=c++17"),
        ('string(APPEND CMAKE_CXX_FLAGS " /std:c++17")', "/std:c++17"),
        ("add_compile_options(-Wall -std=gnu++17)", "-std=gnu++17"),
        ("add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-std=c++17>)", "-std=c++17"),
        ("target_compile_options(x PRIVATE -std=c++17)", "-std=c++17"),
        ("set_target_properties(x PROPERTIES CXX_STANDARD 17 CXX_EXTENSIONS OFF)", "CXX_STANDARD 17"),
        ("set_property(TARGET x PROPERTY CXX_STANDARD 17)", "CXX_STANDARD 17"),
    ],
)
def test_cmake_asks_for_more_itself_where_its_target_is_linked(failing, text, name):
    by_name = FINDS + "set(needs ${TORCH_LIBRARIES})\ntarget_link_libraries(x ${needs} ${TORCH_LIBRARY})\n"
    for links in (FINDS + LINKS, by_name):
        assert failing({"CMakeLists.txt": f"{links}{text}\n"}) == ({name: ["2.14"]}, {})
    assert failing({"CMakeLists.txt": f"{FINDS}{INCLUDES}{text}\n"}) == ({name: ["2.14", "2.15"]}, {})


def test_the_standard_of_cuda_is_raised_by_nobody(failing):
    text = f"{FINDS}{LINKS}add_library(k a.cu)\nset(CMAKE_CUDA_STANDARD 17)\n"
    assert failing({"CMakeLists.txt": text}) == ({}, {})
    assert failing({"CMakeLists.txt": text, **KERNEL}) == ({"CMAKE_CUDA_STANDARD 17": ["2.14", "2.15"]}, {})


def test_cuda_is_told_what_c_is(failing):
    text = "set(CMAKE_CXX_STANDARD 17)\nset(CMAKE_CUDA_STANDARD ${CMAKE_CXX_STANDARD})\nadd_library(k a.cu)\n"
    certain, _ = failing({"CMakeLists.txt": f"{FINDS}{LINKS}{text}", **KERNEL})
    assert certain == {"CMAKE_CXX_STANDARD 17": ["2.14"], "CMAKE_CUDA_STANDARD 17": ["2.14", "2.15"]}


def test_a_standard_that_cuda_takes_over_is_possible_there(failing):
    text = f"{FINDS}{LINKS}add_library(k a.cu)\nset(CMAKE_CXX_STANDARD 17)\n"
    name = "CMAKE_CXX_STANDARD 17"
    assert failing({"CMakeLists.txt": text, **KERNEL}) == ({name: ["2.14"]}, {name: ["2.15"]})


@pytest.mark.parametrize(
    "text",
    [
        "set(CMAKE_CXX_STANDARD 20)",
        "set(CMAKE_CXX_STANDARD 17)\nset(CMAKE_CXX_STANDARD 20)",
        "# set(CMAKE_CXX_STANDARD 17)",
        "set(CMAKE_CXX_STANDARD 20)\nset(CMAKE_CXX_FLAGS -std=c++17)",
        "set_target_properties(other PROPERTIES CXX_STANDARD 17)",
        "if(Torch_VERSION VERSION_LESS 2.14)\nset(CMAKE_CXX_STANDARD 17)\nendif()",
        "if(${Torch_VERSION} VERSION_GREATER_EQUAL 2.13)\nset(CMAKE_CXX_STANDARD 20)\nelse()\n"
        "set(CMAKE_CXX_STANDARD 17)\nendif()",
    ],
)
def test_what_is_enough_or_of_others_is_no_matter(failing, text):
    assert failing({"CMakeLists.txt": f"{FINDS}{INCLUDES}{text}\n"}) == ({}, {})


@pytest.mark.parametrize(
    "text", ["if(OLD)\nset(CMAKE_CXX_STANDARD 17)\nendif()", "target_compile_features(x PUBLIC cxx_std_17)"]
)
def test_what_may_be_another_standard_is_possible(failing, text):
    certain, possible = failing({"CMakeLists.txt": f"{FINDS}{INCLUDES}{text}\n"})
    assert (certain, list(possible.values())) == ({}, [["2.14", "2.15"]])


def test_the_standard_of_another_project_beside_it_is_no_matter(failing):
    other = "project(other)\nset(CMAKE_CXX_STANDARD 11)\nadd_library(other b.cpp)\n"
    assert failing({"CMakeLists.txt": FINDS + INCLUDES, "third_party/other/CMakeLists.txt": other}) == ({}, {})


def test_a_folder_above_gives_its_standard_to_those_below(failing):
    above = "project(x)\nset(CMAKE_CXX_STANDARD 17)\nadd_subdirectory(csrc)\n"
    files = {"CMakeLists.txt": above, "csrc/CMakeLists.txt": FINDS + INCLUDES}
    assert failing(files) == ({"CMAKE_CXX_STANDARD 17": ["2.14", "2.15"]}, {})
    files["csrc/CMakeLists.txt"] += "set(CMAKE_CXX_STANDARD 20)\n"
    assert failing(files) == ({}, {})


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", '[tool.scikit-build]\ncmake.args = ["-DCMAKE_CXX_STANDARD=17"]\n'),
        ("pyproject.toml", '[tool.scikit-build.cmake.define]\nCMAKE_CXX_STANDARD = "17"\n'),
        ("pyproject.toml", '[tool.py-build-cmake.cmake.options]\n"CMAKE_CXX_STANDARD" = "17"\n'),
        ("setup.py", "from skbuild import setup\nsetup(cmake_args=['-DCMAKE_CXX_STANDARD:STRING=17'])\n"),
    ],
)
def test_arguments_for_cmake_count_where_its_files_say_nothing(failing, file, text):
    found = {"CMAKE_CXX_STANDARD 17": ["2.14", "2.15"]}, {}
    assert failing({"CMakeLists.txt": FINDS + INCLUDES, file: text}) == found
    own = f"{FINDS}{INCLUDES}set(CMAKE_CXX_STANDARD 20)\n"
    assert failing({"CMakeLists.txt": own, file: text}) == ({}, {})


def test_beside_extensions_that_setuptools_makes_another_build_is_possible(failing):
    makes = "from torch.utils.cpp_extension import CppExtension\nCppExtension('x', ['a.cpp'])\n"
    text = f"{FINDS}{INCLUDES}set(CMAKE_CXX_STANDARD 17)\n"
    assert failing({"CMakeLists.txt": text, "setup.py": makes}) == ({}, {"CMAKE_CXX_STANDARD 17": ["2.14", "2.15"]})


@pytest.mark.parametrize("says", ["default_options: ['cpp_std=c++17', 'warning_level=2']", "cpp_args: '-std=c++17'"])
def test_meson_where_it_speaks_of_torch(failing, says):
    text = f"project('x', 'cpp', {says})\n"
    assert failing({"meson.build": text}) == ({}, {})
    certain, _ = failing({"meson.build": f"{text}torch = dependency('Torch', method: 'cmake')\n"})
    assert list(certain.values()) == [["2.14", "2.15"]]
