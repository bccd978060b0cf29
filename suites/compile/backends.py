"""What facts and benchmarks of compiled code have in common."""

import shutil
import sys
import tempfile
from functools import cache

import torch

from torchproof.fixtures.fact import need_what_is_imported, unavailable


@cache  # where it is all there
def need_inductor():
    """End the fact or benchmark as unavailable where inductor lacks what it compiles with."""
    if not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
        unavailable("platform", "a C++ compiler")
    if " " in tempfile.gettempdir():  # its compiler's command is cut up at blanks
        unavailable("platform", "a folder for temporary files without a blank in its name")
    try:
        torch.compile(lambda x: -x)(torch.ones(1))
    except torch._dynamo.exc.BackendCompilerFailed as error:
        need_what_is_imported(error.inner_exception, torch.__version__)  # setuptools, on some releases
        raise


def forget():
    """Forget what was compiled, where anything was: not every release imports what compiles by itself."""
    torch.set_flush_denormal(False)  # some releases switch it on by loading what they compiled
    if dynamo := sys.modules.get("torch._dynamo"):
        dynamo.reset()
