"""Whether the build that is here is sound: questions to its torch, asked in child processes that import it."""

import os
import sys


def _take_shadows_aside() -> None:
    """Keep this process from taking somebody's `random.py` for Python's own: it is to tell of it, not to die of it.

    The processes that are asked see what a program of theirs sees. A folder in which one starts Python, or that
    PYTHONPATH names, is left out here where it has a file with the name of a standard module.
    """
    listed = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    for folder in {os.path.abspath(one) for one in (os.getcwd(), *filter(None, listed))}:
        if not os.path.isdir(folder) or not _has_shadows(folder):
            continue
        sys.path[:] = [one for one in sys.path if os.path.abspath(one) != folder]
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None) or ""
            if name in sys.stdlib_module_names and os.path.dirname(file) == folder:
                del sys.modules[name]


def _has_shadows(folder: str) -> bool:
    return any(
        name.removesuffix(".py") in sys.stdlib_module_names
        and (name.endswith(".py") or os.path.isfile(os.path.join(folder, name, "__init__.py")))
        for name in os.listdir(folder)
    )


_take_shadows_aside()
