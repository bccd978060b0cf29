"""Code and project files that are large, deep or circular in one respect, each of which once took for ever.

What a reader does with one must grow as it does: `n` of a thing are enough to see where it grows as the square, or
doubles with each.
"""

from __future__ import annotations

from collections.abc import Callable

_TESTED = "if {}:\n    torch.symeig(x)\n".format

CODE: dict[str, Callable[[], str]] = {
    "classes above which stand the same ones, by many ways": lambda: (
        "class A0(torch.nn.Module): pass\nB0 = A0\n"
        + "".join(f"class A{n}(A{n - 1}, B{n - 1}): pass\nclass B{n}(A{n - 1}, B{n - 1}): pass\n" for n in range(1, 50))
        + "A49().unknown(1)\nA49()(1)\n"
    ),
    "classes above which stands one of two, by many ways": lambda: (
        "class A0(torch.nn.Module):\n    def f(self): ...\n"
        + "".join(
            f"if c:\n    class A{n}(A{n - 1}): pass\nelse:\n    class A{n}(A{n - 1}): pass\n" for n in range(1, 50)
        )
        + "A49().f().g()\n"
    ),
    "a version cut up again and again": lambda: _TESTED("v" + ".split('.')" * 300 + " > torch.__version__"),
    "a version tested against a text of gigabytes": lambda: _TESTED("torch.__version__ < 999999999 * '2.'"),
    "numbers without blanks": lambda: "x = [" + "1," * 3_000_000 + "]\n",
    "a line of tags, in no language": lambda: "<% {% {{" * 60_000 + "\n",
    "a line of calls, in Python 2": lambda: "print " + "print(" * 60_000 + "\n",
}
OF_NO_TORCH: dict[str, Callable[[], str]] = {
    "quotes that never end": lambda: "x = 'torch'\n" + "'\\" * 60_000 + "\n",
    "long strings that never end": lambda: "x = 'torch'\n" + "'''\\" * 60_000 + "\n",
    "imports of what is above": lambda: "from " + "." * 200_000 + " imports\n",
    "imports behind tabs": lambda: "from" + "\t" * 200_000 + "imports\n",
    "imports in brackets that never end": lambda: "from a import (\n" * 100_000,
}
PROJECTS: dict[str, tuple[str, Callable[[], str]]] = {
    "a requirement, and blanks": ("requirements.txt", lambda: "torch" + " " * 200_000 + "x\n"),
    "requirements, and tabs": ("requirements.txt", lambda: "torch" + "\t" * 200_000 + "x\n"),
    "a list in one line, and blanks": ("settings.ini", lambda: "[DEFAULT]\nrequirements = a" + " " * 200_000 + "]\n"),
    "a dependency of Poetry, and blanks": (
        "pyproject.toml",
        lambda: "[tool.poetry.dependencies]\ntorch = '2" + " " * 200_000 + "]'\n",
    ),
    "a key of many parts": ("pyproject.toml", lambda: "a." * 60_000 + "a = 1\n"),
    "groups that include the next twice": (
        "pyproject.toml",
        lambda: (
            "[dependency-groups]\n"
            + "".join(f"g{n} = [{{include-group = 'g{n + 1}'}}, {{include-group = 'g{n + 1}'}}]\n" for n in range(60))
            + "g60 = ['numpy', 'torch>=2']\n"
        ),
    ),
    "requirements of torch": ("requirements.txt", lambda: "torch>=2\n" * 100_000),
    "requirements of others": ("requirements.txt", lambda: "".join(f"package{n}>=2\n" for n in range(100_000))),
    "metadata": ("PKG-INFO", lambda: "Requires-Dist: torch>=2\n" * 100_000),
    "Pythons of which each is one of two": (
        "environment.yml",
        lambda: "dependencies:\n  - pytorch>=2\n" + "  - python >=3.9|>=3.10\n" * 40,
    ),
    "an environment, and blanks": ("environment.yml", lambda: "dependencies:\n  - pytorch 2" + " " * 200_000 + "]\n"),
    "an image, and empty lines": ("Dockerfile", lambda: "\n" * 200_000 + "FROM x\n"),
    "a list that is added to itself": (
        "setup.py",
        lambda: "a = []\n" + "a = a + a + ['torch>=2']\n" * 60 + "setup(install_requires=a)\n",
    ),
    "a text that is added to itself": (
        "setup.py",
        lambda: (
            f"a0 = '{' ' * 1_000_000}torch>=2'\n"
            + "".join(f"a{n} = a{n - 1} + a{n - 1}\n" for n in range(1, 12))
            + "setup(install_requires=[a11])\n"
        ),
    ),
    "a variable that is added to itself": (
        "CMakeLists.txt",
        lambda: "set(x a)\n" + "set(x ${x}${x})\n" * 60 + "set(CMAKE_CXX_STANDARD ${x})\nfind_package(Torch)\n",
    ),
    "quotes that never end, of CMake": (
        "CMakeLists.txt",
        lambda: 'find_package(Torch)\nset(CMAKE_CXX_FLAGS "' + '\\"' * 60_000 + ")\n",
    ),
}
NOTEBOOKS: dict[str, Callable[[], str]] = {
    "commands of the shell": lambda: "!x\n" * 6_000,
    "commands of the shell between statements": lambda: "!x\nx = 1\n" * 6_000,
    "files that the shell gives": lambda: "x = !ls\n" * 6_000,
}
NAMES = ["a:cell 3.py", "a:cell x.py", "a:cell 3", "a: b.py", ":1.py", "a:3.py"]
