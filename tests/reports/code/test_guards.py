"""Guards of any spelling keep a use from the releases that do not have it."""

import textwrap

import pytest

from tests.reports.code.test_uses import INVENTORY
from torchproof.inventory import inventory
from torchproof.reports.code import answers
from torchproof.reports.code.catalog import catalog, works
from torchproof.reports.code.uses import uses

GUARDED = {
    "helper that tries an import": """
        @functools.lru_cache(maxsize=1)
        def has_it():
            try:
                from torch import added
            except (ImportError, OSError):
                return False
            return True
        def f():
            if has_it():
                torch.added(1)
    """,
    "helper that tries an import and returns at once": """
        def has_it():
            try:
                import torch.amp
                return True
            except Exception:
                return False
        if has_it():
            torch.added(1)
    """,
    "name for what is partly known": """
        import os
        new = hasattr(torch, "added") and len(os.environ) > 3
        def f():
            if new:
                torch.added(1)
    """,
    "name for what is partly known, early": """
        import os
        old = not hasattr(torch, "added") or len(os.environ) > 3
        def f():
            if old:
                return
            torch.added(1)
    """,
    "name for the opposite of what is partly known": """
        import os
        old = not (hasattr(torch, "added") and len(os.environ) > 3)
        def f():
            if not old:
                torch.added(1)
    """,
    "handler constant": """
        try:
            from torch import added
            HAS = True
        except ImportError:
            HAS = False
        def f():
            if HAS:
                torch.added(1)
    """,
    "handler constant before": """
        HAS = False
        try:
            from torch import added
            HAS = True
        except ImportError:
            pass
        def f():
            if HAS:
                torch.added(1)
    """,
    "handler constant else": """
        try:
            from torch import added
        except ImportError:
            HAS = False
        else:
            HAS = True
        def f():
            if not HAS:
                return
            torch.added(1)
    """,
    "none": """
        try:
            from torch import added
        except ImportError:
            added = None
        def f():
            if added is not None:
                added(1)
    """,
    "none truth": """
        try:
            from torch import added
        except ImportError:
            added = None
        def f():
            if added:
                added(1)
    """,
    "none early": """
        try:
            from torch import added
        except ImportError:
            added = None
        def f():
            if added is None:
                raise RuntimeError
            added(1)
    """,
    "hasattr": """
        if hasattr(torch, 'added'):
            torch.added(1)
    """,
    "hasattr nested": """
        if hasattr(torch, 'amp') and hasattr(torch.amp, 'GradScaler'):
            torch.amp.GradScaler()
    """,
    "hasattr func": """
        def has():
            return hasattr(torch, 'added')
        if has():
            torch.added(1)
    """,
    "getattr truth": """
        fn = getattr(torch, 'added', None)
        if fn:
            fn(1)
    """,
    "getattr not none": """
        fn = getattr(torch, 'added', None)
        if fn is not None:
            fn(1)
    """,
    "getattr callable": """
        fn = getattr(torch, 'added', None)
        if callable(fn):
            fn(1)
    """,
    "getattr walrus": """
        if (fn := getattr(torch, 'added', None)) is not None:
            fn(1)
    """,
    "getattr default": """
        fn = getattr(torch, 'added', torch.zeros)
        fn(1)
    """,
    "getattr or": """
        fn = getattr(torch, 'added', None) or torch.zeros
        fn(1)
    """,
    "find_spec": """
        import importlib.util
        if importlib.util.find_spec('torch.amp'):
            import torch.amp
    """,
    "find_spec2": """
        import importlib.util
        HAS = importlib.util.find_spec('torch.amp') is not None
        if HAS:
            from torch.amp import GradScaler
    """,
    "dir": """
        if 'added' in dir(torch):
            torch.added(1)
    """,
    "dict": """
        if 'added' in torch.__dict__:
            torch.added(1)
    """,
    "vars": """
        if 'added' in vars(torch):
            torch.added(1)
    """,
    "signature": """
        import inspect
        if 'scale' in inspect.signature(torch.scaled).parameters:
            torch.scaled(1, scale=2)
    """,
    "signature var": """
        import inspect
        sig = inspect.signature(torch.scaled)
        kw = {}
        if 'scale' in sig.parameters:
            kw['scale'] = 1
        torch.scaled(1, **kw)
    """,
    "signature keys": """
        import inspect
        if 'scale' in inspect.signature(torch.scaled).parameters.keys():
            torch.scaled(1, scale=2)
    """,
    "argspec": """
        import inspect
        if 'scale' in inspect.getfullargspec(torch.scaled).args:
            torch.scaled(1, scale=2)
    """,
    "suppress": """
        from contextlib import suppress
        with suppress(ImportError):
            from torch import added
    """,
    "suppress2": """
        import contextlib
        with contextlib.suppress(AttributeError, TypeError):
            torch.added(1)
    """,
    "early return": """
        def f():
            if not hasattr(torch, 'added'):
                return None
            return torch.added(1)
    """,
    "pytest.skip": """
        import pytest
        def test():
            if not hasattr(torch, 'added'):
                pytest.skip('old')
            torch.added(1)
    """,
    "self.skipTest": """
        import unittest
        class T(unittest.TestCase):
            def test(self):
                if torch.__version__ < '2.1':
                    self.skipTest('x')
                torch.added(1)
    """,
    "skipIf": """
        import unittest
        @unittest.skipIf(torch.__version__ < '2.1', 'x')
        def test():
            torch.added(1)
    """,
    "skipUnless class": """
        import unittest
        @unittest.skipUnless(hasattr(torch, 'added'), 'x')
        class T(unittest.TestCase):
            def test(self):
                torch.added(1)
    """,
    "module skip": """
        import pytest
        if torch.__version__ < '2.1':
            pytest.skip('x', allow_module_level=True)
        torch.added(1)
    """,
    "importorskip": """
        import pytest
        amp = pytest.importorskip('torch.amp')
        amp.GradScaler()
    """,
    "pytestmark": """
        import pytest
        pytestmark = pytest.mark.skipif(torch.__version__ < '2.1', reason='')
        def test():
            torch.added(1)
    """,
    "mark given as text": """
        import pytest
        @pytest.mark.skipif("torch.__version__ < '2.1'", reason='')
        def test():
            torch.added(1)
    """,
    "marks in a list": """
        import pytest
        pytestmark = [pytest.mark.slow, pytest.mark.skipif("not hasattr(torch, 'added')")]
        def test():
            torch.added(1)
    """,
    "mark var": """
        import pytest
        needs = pytest.mark.skipif(torch.__version__ < '2.1', reason='')
        @needs
        def test():
            torch.added(1)
    """,
    "sys.exit": """
        import sys
        if torch.__version__ < '2.1':
            sys.exit(1)
        torch.added(1)
    """,
    "match": """
        from packaging.version import parse
        match hasattr(torch, 'added'):
            case True:
                torch.added(1)
            case False:
                torch.zeros(1)
    """,
    "match of several": """
        match torch.__version__[:3]:
            case '1.13' | '2.0':
                torch.zeros(1)
            case _:
                torch.added(1)
    """,
    "match with a guard": """
        match anything:
            case 'cpu' | 'cuda' if hasattr(torch, 'added'):
                torch.added(1)
    """,
    "match of None": """
        match getattr(torch, 'added', None):
            case None:
                torch.zeros(1)
            case _:
                torch.added(1)
    """,
    "name of a condition": """
        new = anything and hasattr(torch, 'added')
        if new:
            torch.added(1)
    """,
    "name of what is not so": """
        old = not hasattr(torch, 'added')
        either = old or anything
        if not either:
            torch.added(1)
    """,
    "assert": """
        assert hasattr(torch, 'added')
        def f():
            torch.added(1)
    """,
    "typing": """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from torch import added
    """,
    "typing2": """
        import typing
        if typing.TYPE_CHECKING:
            from torch import added
    """,
    "classes": """
        if hasattr(torch, 'added'):
            class A:
                def f(self):
                    torch.added(1)
        else:
            class A:
                def f(self):
                    torch.zeros(1)
    """,
    "def in branch": """
        if torch.__version__ >= '2.1':
            def f():
                torch.added(1)
        else:
            def f():
                torch.zeros(1)
    """,
    "py2": """
        import sys
        if sys.version_info[0] == 2:
            torch.added(1)
    """,
    "py2b": """
        import sys
        if sys.version_info < (3, 0):
            torch.added(1)
    """,
    "py2c": """
        import six
        if six.PY2:
            torch.added(1)
    """,
    "py2d": """
        import sys
        if sys.version_info.major < 3:
            torch.added(1)
    """,
    "False": """
        if False:
            torch.added(1)
    """,
    "decorator helper": """
        import pytest
        def requires(v):
            return pytest.mark.skipif(torch.__version__ < v, reason='')
        @requires('2.1')
        def test():
            torch.added(1)
    """,
    "ternary attr": """
        x = torch.added if hasattr(torch, 'added') else torch.zeros
        x(1)
    """,
    "class attr guard": """
        class A:
            NEW = hasattr(torch, 'added')
            def f(self):
                if self.NEW:
                    torch.added(1)
    """,
    "self attr guard": """
        class A:
            def __init__(self):
                self.new = torch.__version__ >= '2.1'
            def f(self):
                if self.new:
                    torch.added(1)
    """,
    "loop version": """
        ok = all([torch.__version__ >= '2.1', True])
        if ok:
            torch.added(1)
    """,
    "lambda helper": """
        ge = lambda v: torch.__version__ >= v
        if ge('2.1'):
            torch.added(1)
    """,
    "while": """
        while torch.__version__ >= '2.1':
            torch.added(1)
            break
    """,
    "exceptions by a name": """
        FAILS = (AttributeError, TypeError)
        try:
            torch.added(1)
        except FAILS:
            pass
    """,
    "expected": """
        import pytest
        def test():
            with pytest.raises(AttributeError):
                torch.added(1)
    """,
    "except Attr": """
        try:
            f = torch.added
        except AttributeError:
            f = torch.zeros
        f(1)
    """,
    "try nested func": """
        def get():
            try:
                return torch.added
            except AttributeError:
                return torch.zeros
        get()(1)
    """,
    "try else import mod": """
        try:
            import torch.amp as amp
        except ImportError:
            amp = None
        if amp:
            amp.GradScaler()
    """,
    "bool()": """
        HAS = bool(getattr(torch, 'added', None))
        if HAS:
            torch.added(1)
    """,
    "not in": """
        if not hasattr(torch, 'added'):
            torch.added = lambda x: x
        torch.added(1)
    """,
    "elif": """
        if torch.__version__ >= '2.6':
            torch.float8
        elif torch.__version__ >= '2.1':
            torch.added(1)
        else:
            torch.zeros(1)
    """,
    "version tuple unpack": """
        major, minor = map(int, torch.__version__.split('.')[:2])
        if (major, minor) >= (2, 1):
            torch.added(1)
    """,
    "version tuple unpack2": """
        major, minor = [int(x) for x in torch.__version__.split('.')[:2]]
        if major > 2 or minor >= 1:
            torch.added(1)
    """,
    "version regex": """
        import re
        m = tuple(int(x) for x in re.findall(r'\\d+', torch.__version__)[:2])
        if m >= (2, 1):
            torch.added(1)
    """,
    "version regex2": """
        import re
        V = tuple(int(x) for x in re.match(r'(\\d+)\\.(\\d+)', torch.__version__).groups())
        if V >= (2, 1):
            torch.added(1)
    """,
    "try version helper": """
        def v():
            try:
                return torch.__version__
            except Exception:
                return '0'
        if v() >= '2.1':
            torch.added(1)
    """,
    "logger in helper": """
        def new():
            ok = torch.__version__ >= '2.1'
            if not ok:
                print('old')
            return ok
        if new():
            torch.added(1)
    """,
    "lru": """
        from functools import lru_cache
        @lru_cache()
        def new():
            return torch.__version__ >= '2.1'
        if new():
            torch.added(1)
    """,
    "property": """
        class A:
            @property
            def new(self):
                return torch.__version__ >= '2.1'
            def f(self):
                if self.new:
                    torch.added(1)
    """,
    "method": """
        class A:
            def new(self):
                return torch.__version__ >= '2.1'
            def f(self):
                if self.new():
                    torch.added(1)
    """,
    "static": """
        class A:
            @staticmethod
            def new():
                return torch.__version__ >= '2.1'
            def f(self):
                if A.new():
                    torch.added(1)
    """,
    "version attr": """
        from packaging import version
        V = version.parse(torch.__version__)
        if (V.major, V.minor) >= (2, 1):
            torch.added(1)
    """,
    "version attr2": """
        from packaging import version
        V = version.parse(torch.__version__)
        if V.major > 2 or (V.major == 2 and V.minor >= 1):
            torch.added(1)
    """,
    "pkg_resources": """
        import pkg_resources
        if pkg_resources.parse_version(torch.__version__) >= pkg_resources.parse_version('2.1'):
            torch.added(1)
    """,
    "pkg_resources2": """
        import pkg_resources
        if pkg_resources.get_distribution('torch').parsed_version >= pkg_resources.parse_version('2.1'):
            torch.added(1)
    """,
    "pkg_resources3": """
        import pkg_resources
        here = pkg_resources.get_distribution('torch').version
        if pkg_resources.parse_version(here) >= pkg_resources.parse_version('2.1'):
            torch.added(1)
    """,
    "spec contains": """
        from packaging.specifiers import SpecifierSet
        if torch.__version__ in SpecifierSet('>=2.1'):
            torch.added(1)
    """,
    "handler function": """
        try:
            from torch import added
        except ImportError:
            def added(x):
                return x
        added(1)
    """,
    "flag of a class": """
        class Wrapped:
            SUPPORTED = hasattr(torch, "added")

            @classmethod
            def run(cls):
                torch.added(1)
    """,
    "constructor that refuses what it is given": """
        class Wrapped:
            def __init__(self, mesh=None):
                if mesh is not None:
                    if not hasattr(torch, "added"):
                        raise ValueError("the mesh needs another torch")
                self.mesh = mesh

            def run(self):
                if self.mesh:
                    torch.added(1)
    """,
    "constructor of a dataclass, of the class above": """
        @dataclass
        class Base:
            def __post_init__(self):
                if not hasattr(torch, "added"):
                    raise ImportError("another torch is needed")

        class Wrapped(Base):
            def run(self):
                def inner():
                    torch.added(1)
                return inner
    """,
    "helper with a table of operators": """
        import importlib.metadata
        import operator
        from packaging.version import Version, parse

        SIGNS = {">=": operator.ge, "<": operator.lt}

        def compare(library, sign, wanted):
            if sign not in SIGNS.keys():
                raise ValueError(sign)
            if isinstance(library, (str, int)):
                library = parse(importlib.metadata.version(library))
            return SIGNS[sign](library, parse(wanted))

        if compare("torch", ">=", "2.1") and compare(Version(torch.__version__), ">=", "2.1"):
            torch.added(1)
    """,
}
# A question about torch's version that nobody here can answer makes what it guards possible, no more.
ASKED_ELSEWHERE = {
    "versions": """
        from somewhere import version_of
        from packaging.version import parse
        NEW = parse(version_of("torch")) >= parse("2.1")
        if NEW:
            torch.added(1)
    """,
    "helper": """
        from somewhere import at_least
        if at_least("torch", "2.1"):
            torch.added(1)
    """,
    "decorator": """
        from somewhere import implement_for
        @implement_for("torch", "2.1", compilable=True)
        def f():
            torch.added(1)
    """,
    "method that asks something else first": """
        from somewhere import is_torch_version, current
        class Device:
            def f(self):
                if self._serves("2.1"):
                    torch.added(1)
            def _serves(self, least):
                now = current()
                return is_torch_version(">=", least) and now is not None
    """,
    "helper that asks torch for a name, and something else": """
        import platform
        def is_there(check=False):
            if platform.system() == "Darwin":
                return False
            return hasattr(torch, "amp") and check
        def f(x):
            if is_there(x):
                torch.added(1)
    """,
    "name that says so": """
        from somewhere import compute
        TORCH_GE_2_1 = compute()
        def f():
            if TORCH_GE_2_1:
                torch.added(1)
    """,
    "device": """
        from accelerate.utils import is_xpu_available
        if is_xpu_available():
            torch.added(1)
    """,
}

NOT_GUARDED = {
    "helper that tries an import that all have": """
        def has_it():
            try:
                from torch import nn
            except ImportError:
                return False
            return True
        if has_it():
            torch.added(1)
    """,
    "handler that raises": """
        try:
            from torch import added
        except ImportError as error:
            raise ImportError("torch is too old") from error
    """,
    "another failure": """
        try:
            torch.added(1)
        except RuntimeError:
            pass
    """,
    "other exceptions by a name": """
        FAILS = (RuntimeError, TypeError)
        try:
            torch.added(1)
        except FAILS:
            pass
    """,
    "unknown": """
        if anything:
            torch.added(1)
    """,
    "helper that asks for what all releases have": """
        def is_there(x):
            return hasattr(torch, "nn") and x.is_there
        def f(x):
            if is_there(x):
                torch.added(1)
    """,
    "this Python or that": """
        import sys
        if sys.version_info >= (3, 10):
            torch.added(1)
    """,
    "exit of another branch": """
        import sys
        if anything:
            sys.exit(1)
        torch.added(1)
    """,
    "another mark": """
        import pytest
        pytestmark = pytest.mark.slow
        def test():
            torch.added(1)
    """,
    "a mark of another class": """
        import pytest
        class TestOne:
            pytestmark = pytest.mark.skipif(torch.__version__ < "2.1", reason="")
        class TestTwo:
            def test(self):
                torch.added(1)
    """,
    "helper that looks for torch": """
        from somewhere import is_installed
        HAS = is_installed("torch")
        if HAS:
            torch.added(1)
    """,
    "mark given as text, of something else": """
        import pytest
        @pytest.mark.skipif("torch.__version__ >= '2.1' and anything", reason="")
        def test():
            torch.added(1)
    """,
    "condition made of itself": """
        new = new and anything
        if new:
            torch.added(1)
    """,
    "match of several, one of which is of any release": """
        match torch.__version__[:3]:
            case '2.1' | anything:
                torch.added(1)
    """,
    "match of something else": """
        match anything:
            case "added":
                torch.added(1)
    """,
    "name for what is known in neither part": """
        import os
        new = bool(os.environ) and len(os.environ) > 3
        def f():
            if new:
                torch.added(1)
    """,
    "name for one of two ways": """
        import os
        new = hasattr(torch, "added") or os.environ
        if not new:
            torch.added(1)
        torch.added(1)
    """,
    "name that is made of itself": """
        new = new and hasattr(torch, "nope")
        def f():
            if not new:
                torch.added(1)
    """,
    "flag of another class": """
        class Other:
            SUPPORTED = hasattr(torch, "added")

        class Wrapped:
            def run(self):
                torch.added(1)
    """,
    "constructor that refuses what has nothing to do with torch": """
        class Wrapped:
            def __init__(self, mesh=None):
                if mesh is not None:
                    raise ValueError("no mesh")

            def run(self):
                torch.added(1)
    """,
}


@pytest.fixture
def breaks(tmp_path):
    def breaks(code: str) -> list[str]:
        (tmp_path / "code.py").write_text("import torch\n" + textwrap.dedent(code), encoding="utf-8")
        found = uses(tmp_path, INVENTORY)
        return [
            release
            for release in INVENTORY.releases
            for use in found.certain + found.private
            if use.how != "refused" and release in use.releases and works(use, INVENTORY, release)
        ]

    return breaks


@pytest.mark.parametrize("code", GUARDED.values(), ids=GUARDED)
def test_a_guard_of_any_spelling(breaks, code):
    assert breaks(code) == []


@pytest.mark.parametrize(
    ("call", "caught"),
    [
        ("torch.symeig(x)", "RuntimeError"),
        ("torch.symeig(x)", "Exception"),
        ("torch.symeig(x)", ""),
        ("torch.nn.Linear(1, 2, biases=True)", "TypeError"),
        ("torch.nn.Linear(1)", "(TypeError, AttributeError)"),
        ("torch.fft(x)", "TypeError"),
        ("x = torch.fft(x) if callable(torch.fft) else x", "AttributeError"),
        ("x = x if hasattr(torch.fft, 'fft') else torch.fft(x)", "AttributeError"),
        ("x = x if 'fft' in dir(torch.fft) else torch.fft(x)", "AttributeError"),
    ],
)
def test_a_guard_against_what_no_release_runs(stuck, call, caught):
    assert not stuck(call, caught)


@pytest.mark.parametrize(
    ("call", "caught"),
    [
        ("torch.symeig(x)", "TypeError"),
        ("torch.symeig(x)", "AttributeError"),
        ("torch.nn.Linear(1, 2, biases=True)", "RuntimeError"),
        ("torch.nn.Linear(1)", "AttributeError"),
        ("torch.fft(x)", "AttributeError"),
        ("x = torch.fft(x) if callable(torch.stft) else x", "AttributeError"),
    ],
)
def test_no_guard_against_what_no_release_runs(stuck, call, caught):
    assert stuck(call, caught)


@pytest.fixture
def stuck(tmp_path):
    def stuck(call: str, caught: str) -> bool:
        code = f"import torch\n\ndef f(x):\n    try:\n        {call}\n    except {caught}:\n        pass\n"
        (tmp_path / "code.py").write_text(code, encoding="utf-8")
        return any(map(catalog(inventory()).stuck, uses(tmp_path).certain))

    return stuck


@pytest.mark.parametrize("code", ASKED_ELSEWHERE.values(), ids=ASKED_ELSEWHERE)
def test_a_question_about_the_version_that_is_answered_elsewhere(breaks, code):
    assert breaks(code) == []


@pytest.mark.parametrize("code", NOT_GUARDED.values(), ids=NOT_GUARDED)
def test_what_is_no_guard(breaks, code):
    assert set(breaks(code)) == {"2.0"}


@pytest.mark.parametrize(
    "guard",
    [
        "hasattr func",
        "getattr walrus",
        "dir",
        "lambda helper",
        "property",
        "match",
        "loop version",
        "helper with a table of operators",
    ],
)
def test_a_guard_does_not_hide_it_where_it_is(tmp_path, guard):
    """In the releases that have it, what the guard lets run is seen."""
    (tmp_path / "code.py").write_text("import torch\n" + textwrap.dedent(GUARDED[guard]), encoding="utf-8")
    found = uses(tmp_path, INVENTORY)
    assert any(use.name == "torch.added" and use.releases == {"2.1", "2.6"} for use in found.certain)


FALLBACKS = {
    "several exceptions": "try:\n    torch.added(x)\nexcept (AttributeError, TypeError):\n    torch.gone(x)",
    "any exception": "try:\n    y = torch.added(x)\nexcept Exception:\n    y = torch.gone(x)",
    "bare": "try:\n    y = torch.added(x)\nexcept:\n    y = torch.gone(x)",
    "argument": "try:\n    y = torch.scaled(x, scale=2)\nexcept TypeError:\n    y = torch.gone(x)",
    "import": "try:\n    from torch import added\nexcept (ImportError, OSError):\n    from torch import gone as added",
    "default": "f = getattr(torch, 'amp', torch.cuda)\ntry:\n    f = torch.added\nexcept:\n    f = torch.gone",
    "or": "f = getattr(torch, 'added', None) or torch.gone",
    "callable": "f = torch.added if callable(getattr(torch, 'added', None)) else torch.gone",
    "rest": """
        def new():
            major, minor, *_ = map(int, torch.__version__.split('.'))
            return (major, minor) >= (2, 1)
        f = torch.added if new() else torch.gone
    """,
    "rest of a module": """
        MAJOR, MINOR, *_ = [int(one) for one in torch.__version__.split('.')]
        f = torch.added if (MAJOR, MINOR) >= (2, 1) else torch.gone
    """,
}


@pytest.mark.parametrize("code", FALLBACKS.values(), ids=FALLBACKS)
def test_what_runs_in_place_of_a_newer_name_runs_on_old_releases_alone(tmp_path, code):
    (tmp_path / "code.py").write_text("import torch\n" + textwrap.dedent(code), encoding="utf-8")
    instead = [use.releases for use in uses(tmp_path, INVENTORY).certain if use.name == "torch.gone"]
    assert instead == [frozenset({"2.0"})]


@pytest.mark.parametrize(
    ("code", "releases"),
    [
        ("f = getattr(torch, 'added', torch.gone)", {"2.0", "2.6"}),  # where it is not there, to ask for it fails
        ("f = getattr(torch, 'added', torch.zeros)", {"2.0"}),
        ("f = getattr(torch, name, torch.zeros)", {"2.0", "2.1", "2.6"}),
    ],
)
def test_a_default_is_of_use_where_the_name_is_not_there(tmp_path, code, releases):
    (tmp_path / "code.py").write_text(f"import torch\n{code}\n", encoding="utf-8")
    (default,) = [use for use in uses(tmp_path, INVENTORY).certain if use.name in ("torch.gone", "torch.zeros")]
    assert default.releases == releases


def test_a_handler_of_much_may_run_for_any_reason(tmp_path):
    code = "try:\n    a()\n    b()\n    c()\n    torch.added(1)\nexcept Exception:\n    torch.zeros(1)"
    (tmp_path / "code.py").write_text(f"import torch\n{code}\n", encoding="utf-8")
    (handler,) = [use for use in uses(tmp_path, INVENTORY).certain if use.name == "torch.zeros"]
    assert handler.releases == {"2.0", "2.1", "2.6"}


@pytest.mark.parametrize("given", [answers.Reference("sympy", "module"), [answers.Reference("sympy.Symbol")]])
def test_what_is_only_imported_has_no_words(given):
    with pytest.raises(answers.Unknown):
        answers.builtin("str", [given])


def test_a_module_that_is_imported_is_true():
    assert answers.builtin("bool", [answers.Reference("sympy", "module")]) is True


def test_a_helper_that_calls_itself_without_end_is_not_followed_for_long(tmp_path):
    code = """
import torch
def holds(value):
    if isinstance(value, dict):
        return holds(value.a) or holds(value.b) or holds(value.c)
    if isinstance(value, list):
        return any(holds(one) for one in value)
    return False
def f(x):
    if holds(x):
        torch.zeros(1)
"""
    (tmp_path / "code.py").write_text(code, encoding="utf-8")
    assert [use.line for use in uses(tmp_path, INVENTORY).certain if use.name == "torch.zeros"] == [11]


OLD = "import torch\ndef old():\n    torch.gone(1)\n"
UNDER_GUARD = "if torch.__version__ < '2.1':\n    old()\n"
NOT_UNDER_GUARD = {
    "called as well": {"code.py": OLD + UNDER_GUARD + "old()"},
    "called elsewhere": {"code.py": OLD + UNDER_GUARD, "other.py": "from code import old\nold()"},
    "handed on elsewhere": {"code.py": OLD + UNDER_GUARD, "other.py": "from code import old\n"},
    "told to be public": {"code.py": OLD + UNDER_GUARD + "__all__ = ['old']"},
    "decorated": {"code.py": OLD.replace("def", "@register\ndef") + UNDER_GUARD},
    "not called": {"code.py": OLD + "old_one = 1"},
    "calls itself": {"code.py": OLD + "    old()\n"},
}


@pytest.mark.parametrize(
    "files",
    [
        {"code.py": OLD + UNDER_GUARD},
        {"code.py": OLD + "    old()\n" + UNDER_GUARD},
        {"code.py": OLD + f"def f():\n    {UNDER_GUARD.replace('    ', '        ')}f()"},
        {"code.py": OLD + f"def f():\n    old()\n{UNDER_GUARD.replace('old', 'f')}"},
        {"code.py": OLD, "other.py": "import torch\nfrom code import old\n" + UNDER_GUARD},
        {"code.py": OLD, "other.py": "import code, torch\n" + UNDER_GUARD.replace("old", "code.old")},
        {"code.py": OLD, "other.py": f"import torch\n{UNDER_GUARD.replace('old()', 'from code import old; old()')}"},
        {"code.py": OLD + UNDER_GUARD, "other.py": "old = 1"},
    ],
)
def test_a_function_has_the_guard_of_all_its_calls(gone_in, files):
    assert gone_in(files) == {"2.0"}


@pytest.mark.parametrize("files", NOT_UNDER_GUARD.values(), ids=NOT_UNDER_GUARD)
def test_a_function_has_no_guard_that_one_of_its_calls_may_not_have(gone_in, files):
    assert gone_in(files) == set(INVENTORY.releases)


@pytest.fixture
def gone_in(tmp_path):
    def gone_in(files: dict[str, str]) -> set[str]:
        for name, text in files.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        found = uses(tmp_path, INVENTORY)
        return {release for use in found.certain if use.name == "torch.gone" for release in use.releases}

    return gone_in
