"""What C++ sources are read to include and to expand, and in which releases of torch."""

import pytest

from torchproof.reports.code.cpp import headers, includes
from torchproof.reports.code.cpp.preprocessor import EVERYWHERE, Definition, Macros


def seen(text: str, macros: Macros | None = None) -> list[includes.Seen]:
    lines = includes.read(text)
    return list(includes.seen(lines, macros or Macros(includes.defined(lines))))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#include <c10/a.h>", [("c10/a.h", 1)]),
        ('#include "c10/a.h"  // c', [("c10/a.h", 1)]),
        ("#if X\n#include <c10/a.h>\n#else\n#include <c10/b.h>\n#endif\n#include <c10/c.h>", [("c10/c.h", 6)]),
        ("#ifndef A_H\n#define A_H\n#include <c10/a.h>\n#endif", [("c10/a.h", 3)]),
        ("#include <a.h>\nf();\n#if X\n#include <b.h>\n#endif", [("a.h", 0)]),  # nothing of torch
        ('/* AT_CHECK\n#include <a.h> */\n// X\nf("AT_CHECK");\nTORCH_CHECK(x);', [("TORCH_CHECK", 5)]),
        ("#define F(x) \\\n  AT_CHECK(x)\nf();", [("AT_CHECK", 1)]),
        ("AT_DISPATCH_ALL_TYPES(\n    x.scalar_type(), [&] { y.type(); });", [("AT_DISPATCH_ALL_TYPES", 1)]),
    ],
)
def test_what_is_certain_to_be_compiled(text, found):
    assert [(one.name, one.line) for one in seen(text) if one.reach.certain] == found


@pytest.mark.parametrize(
    "call", ["AT_DISPATCH_ALL_TYPES(\n  x.type(), f)", "AT_DISPATCH_X_AND(at::kHalf, x->type(), f)"]
)
def test_a_type_by_which_a_macro_dispatches(call):
    (one,) = (one for one in seen(f"\n{call}") if one.how == "dispatched")
    assert one.line == 2
    assert headers.fault("dispatched", one.name, "2.5") is None
    assert "scalar_type" in headers.fault("dispatched", one.name, "2.6")


OWN = Macros(
    [
        Definition("NEW", None, "(TORCH_VERSION_MAJOR >= 2 && TORCH_VERSION_MINOR >= 9)"),
        Definition("SINCE", ("a", "b"), "(TORCH_VERSION_MAJOR > (a) || TORCH_VERSION_MINOR >= (b))"),
        Definition("TWICE", None, "1"),
        Definition("TWICE", None, "0"),
        Definition("LOOP", None, "LOOP + 1"),
    ],
    {"OLD_TORCH": frozenset({"2.0", "2.1"}), "PERHAPS": None},
)
ALL = headers.known()
BEFORE_2_9 = ALL[: ALL.index("2.9")]


@pytest.mark.parametrize(
    ("condition", "releases"),
    [
        ("TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR < 9", BEFORE_2_9),
        ("!(TORCH_VERSION_MAJOR * 100 + TORCH_VERSION_MINOR >= 209L)", BEFORE_2_9),
        ("!defined(TORCH_VERSION_MAJOR) || !NEW", BEFORE_2_9),
        ("!SINCE(3, 9)", BEFORE_2_9),
        ("defined OLD_TORCH", ["2.0", "2.1"]),
        ("__has_include(<c10/util/variant.h>)", ["2.0", "2.1"]),
        ("__has_include(<THC/THC.h>)", []),
        ("defined(AT_DISPATCH_V2)", ALL[ALL.index("2.3") :]),
        ("defined(USE_ROCM) && NEW", []),
        ("!defined(USE_ROCM) || PERHAPS", ALL),
        ("0", []),
    ],
)
def test_conditions_that_are_known(condition, releases):
    yes, no = OWN.branches(condition)
    assert (yes.certain, no.certain) == (set(releases), set(ALL) - set(releases))


@pytest.mark.parametrize(
    "condition", ["X", "TWICE", "LOOP", "PERHAPS", "defined(X)", "X(1)", "a ? b : c", "X > 3", "("]
)
def test_conditions_that_are_not_known_make_both_branches_possible(condition):
    for branch in OWN.branches(condition):
        assert (branch.certain, branch.possible) == (frozenset(), EVERYWHERE.possible)


def test_what_only_other_builds_compile_is_possible():
    text = "#ifdef USE_ROCM\n#include <a.h>\n#else\n#include <b.h>\n#endif"
    assert [(one.name, one.reach.certain, one.reach.possible) for one in seen(text)] == [
        ("a.h", frozenset(), EVERYWHERE.possible),
        ("b.h", EVERYWHERE.certain, EVERYWHERE.possible),
    ]


def test_each_branch_excludes_those_before_it():
    text = "#if TORCH_VERSION_MINOR < 2\nAT_A\n#elif TORCH_VERSION_MINOR < 4\nAT_B\n#else\nAT_C\n#endif\nAT_D"
    assert {one.name: sorted(one.reach.possible)[:2] for one in seen(text)} == {
        "AT_A": ["2.0", "2.1"], "AT_B": ["2.2", "2.3"], "AT_C": ["2.10", "2.11"], "AT_D": ["2.0", "2.1"],
    }  # fmt: skip


def test_what_no_release_has_is_nowhere_and_its_stand_in_is_somewhere():
    for name, instead in headers._BEFORE.items():
        how = "included" if "/" in name else "expanded"
        assert headers.is_nowhere(how, name)
        assert "::" in instead or ALL[-1] in headers.table()[how, instead]


@pytest.mark.parametrize(
    ("how", "name"),
    [
        ("expanded", "TORCH_CHECK"),
        ("expanded", "CUDA_CHECK"),
        ("included", "ATen/ops/no_such_native.h"),
        ("included", "ATen/hip/HIPContext.h"),
        ("included", "mine/a.h"),
    ],
)
def test_what_others_may_have_is_not_nowhere(how, name):
    assert not headers.is_nowhere(how, name)
