"""What the installed build of torch has and can use, and what it says where there is no GPU."""

import re
import sys

import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.fact import subject, unavailable
from torchproof.fixtures.plugins.devices import available

GPU_BUILD = bool(torch.version.cuda or torch.version.hip)


@pytest.fixture
def no_gpu():
    """Ends the fact where there is a GPU."""
    if available("cuda"):
        unavailable("platform", "a machine without a GPU")


@pytest.fixture
def not_macos():
    """Ends the fact on macOS."""
    if sys.platform == "darwin":
        unavailable("platform", "a system other than macOS")


@pytest.fixture
def gpu_build():
    """Ends the fact where this build of torch is for the CPU only."""
    if not GPU_BUILD:
        unavailable("build", "CUDA or ROCm")


@pytest.fixture
def cuda_build():
    """Ends the fact where this build of torch is for the CPU only, or for ROCm."""
    if not torch.version.cuda:
        unavailable("build", "CUDA")


@pytest.fixture
def cpu_build():
    """Ends the fact where this build of torch can use a GPU."""
    if GPU_BUILD:
        unavailable("platform", "a build for the CPU only")


def built_with(library):
    """Whether `torch.__config__.show` says that a library is in the build."""
    return re.search(rf"USE_{library}=(ON|1)\b", torch.__config__.show()) is not None


# --- what the build can use -------------------------------------------------------------------------------------------


@fact("torch.cuda.is_available", claims=["C01"])
def test_cuda_is_available_where_it_counts_a_device():
    """`torch.cuda.is_available` is True exactly where `torch.cuda.device_count` is not 0."""
    assert torch.cuda.is_available() is (torch.cuda.device_count() > 0)


def available_to_any_build(patch):
    patch.setattr(torch.cuda, "is_available", lambda: True)
    patch.setattr(torch.version, "cuda", None)
    patch.setattr(torch.version, "hip", None)


@fact(
    "torch.cuda.is_available",
    claims=["C01"],
    hint="torch.version.cuda says what this build is for",
    refuter=available_to_any_build,
)
def test_cuda_is_available_to_builds_with_cuda_only():
    """Where `torch.cuda.is_available()`, `torch.version` names the CUDA or ROCm that the build was made for."""
    assert torch.cuda.is_available() is False or isinstance(torch.version.cuda or torch.version.hip, str)


@fact("torch.cuda.is_available", claims=["C01"])
@pytest.mark.gpu
def test_cuda_is_available_where_a_gpu_computes():
    """Where a tensor can be computed with on `cuda`, `torch.cuda.is_available` is True."""
    same(torch.arange(3, device="cuda") * 2, [0, 2, 4])
    assert torch.cuda.is_available() is True


@fact("torch.cuda.is_available", claims=["C01"])
def test_cuda_is_not_available_without_a_gpu(no_gpu):
    """On a machine without a GPU, `torch.cuda.is_available` is False, whatever the build."""
    assert torch.cuda.is_available() is False
    assert torch.cuda.device_count() == 0


@fact("torch.backends.cuda.is_built")
def test_is_built_with_the_cuda_that_it_names():
    """`torch.backends.cuda.is_built` is True exactly where the build names a CUDA or ROCm version."""
    assert torch.backends.cuda.is_built() is GPU_BUILD


@fact("torch.__config__.show")
def test_config_says_whether_cuda_is_in_it():
    """`torch.__config__.show` says that CUDA is in the build exactly where `torch.version.cuda` names a version."""
    assert built_with("CUDA") is (torch.version.cuda is not None)


@fact("torch.version.cuda")
def test_cuda_is_the_version_that_config_names(cuda_build):
    """`torch.version.cuda` is the version of CUDA that `torch.__config__.show` names."""
    assert torch.version.cuda == re.search(r"CUDA_VERSION=([\d.]+)", torch.__config__.show())[1]


@fact("torch.__config__.show")
@pytest.mark.parametrize("name", ["BLAS_INFO", "LAPACK_INFO", "BUILD_TYPE", "CXX_COMPILER"])
def test_config_names_its_libraries(name):
    """The text of `torch.__config__.show` names the linear algebra libraries, the kind of build and the compiler."""
    assert re.search(rf"\b{name}=[^,\s]+", torch.__config__.show())


@fact("torch.__config__.show", "torch.__version__")
def test_config_names_the_release():
    """The text of `torch.__config__.show` names the release that `torch.__version__` is of."""
    found = re.search(r"TORCH_VERSION=([\d.]+)", torch.__config__.show())
    assert torch.__version__.startswith(found[1])


@fact("torch.cuda.get_arch_list", claims=["C03"], hint="a build for this GPU is newer, or older, than this one")
@pytest.mark.gpu
def test_has_kernels_for_this_gpu(cuda_build):
    """A GPU computes where `torch.cuda.get_arch_list` has its major compute capability, or older intermediate code."""
    here = torch.cuda.get_device_capability()
    names = re.findall(r"(sm|compute)_(\d+)(\d)", str(torch.cuda.get_arch_list()))
    built = [(kind, (int(major), int(minor))) for kind, major, minor in names]
    assert any(kernels <= here and (kind == "compute" or kernels[0] == here[0]) for kind, kernels in built)
    same(torch.arange(3, device="cuda") * 2, [0, 2, 4])


LIBRARIES = {"torch.backends.mkl.is_available": "MKL", "torch.backends.openmp.is_available": "OPENMP"}


@fact(*LIBRARIES)
@pytest.mark.parametrize("name", LIBRARIES)
def test_has_the_libraries_that_config_names(name):
    """`torch.backends.mkl` and `openmp` are available exactly where `torch.__config__.show` says so of the build."""
    assert subject(name)() is built_with(LIBRARIES[name])


@fact("torch.distributed.is_available")
def test_distributed_is_available_where_it_has_more_to_offer():
    """`torch.distributed.is_available` is True exactly where `torch.distributed` has `init_process_group`."""
    assert torch.distributed.is_available() is hasattr(torch.distributed, "init_process_group")


@fact("torch.backends.mps.is_available", "torch.backends.mps.is_built")
@pytest.mark.parametrize("name", ["torch.backends.mps.is_available", "torch.backends.mps.is_built"])
def test_mps_is_not_there_outside_of_macos(not_macos, name):
    """Outside of macOS `torch.backends.mps.is_available` and `is_built` answer False without an error."""
    assert subject(name)() is False


@fact("torch.backends.mps.is_available", "torch.backends.mps.is_built")
def test_mps_is_available_to_builds_with_mps_only():
    """`torch.backends.mps.is_available` is True only where the build has MPS."""
    assert torch.backends.mps.is_built() or not torch.backends.mps.is_available()


# --- without a GPU ----------------------------------------------------------------------------------------------------

EACH_USE = pytest.mark.parametrize(
    "use",
    [
        lambda: torch.ones(1, device="cuda"),
        lambda: torch.ones(1).cuda(),
        lambda: torch.ones(1).to("cuda"),
        lambda: torch.nn.Linear(1, 1).cuda(),
    ],
    ids=["factory", "cuda", "to", "module"],
)


def first_of_its_kind(patch):
    device = torch.device
    patch.setattr(torch, "device", lambda kind, number: device(kind, 0))


@fact("torch.device", refuter=first_of_its_kind)
def test_names_a_device_that_is_not_here():
    """`torch.device("cuda", 7)` names a device, be it here or not."""
    device = torch.device("cuda", 7)
    assert (device.type, device.index, str(device)) == ("cuda", 7, "cuda:7")


@fact("torch.ones", "torch.Tensor.cuda", "torch.Tensor.to", claims=["C01"], hint="ask torch.cuda.is_available() first")
@EACH_USE
def test_with_cuda_says_what_is_missing(no_gpu, gpu_build, use):
    """Without a GPU `x.cuda()` of a build with CUDA says "Found no NVIDIA driver" or "No CUDA GPUs are available"."""
    with pytest.raises(RuntimeError, match="Found no NVIDIA driver|No (CUDA|HIP) GPUs are available"):
        use()


@fact("torch.ones", "torch.Tensor.cuda", "torch.Tensor.to", claims=["C04"], hint="install a build with CUDA")
@EACH_USE
def test_without_cuda_says_so(cpu_build, use):
    """`x.cuda()` and `x.to("cuda")` of a build for the CPU only say "Torch not compiled with CUDA enabled"."""
    with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled"):
        use()
