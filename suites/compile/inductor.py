"""Whether the back end that generates code can do so here."""

import shutil

import torch

from fixtures.fact import unavailable


def need_inductor():
    """End the fact or benchmark as unavailable where inductor lacks what it compiles with."""
    if not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
        unavailable("platform", "a C++ compiler")
    try:
        torch.compile(torch.neg)(torch.ones(1))
    except torch._dynamo.exc.BackendCompilerFailed as error:
        if isinstance(error.inner_exception, ModuleNotFoundError):  # setuptools, on some releases
            unavailable("package", error.inner_exception.name)
        raise
