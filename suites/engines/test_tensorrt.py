"""Models that TensorRT compiles for NVIDIA's GPUs."""

import pytest
import torch

from torchproof import fact, race
from torchproof.suites.engines.network import images, network

pytestmark = [pytest.mark.gpu, pytest.mark.slow, pytest.mark.timeout(600)]


def compiles_nothing(patch):
    """`compile` gives the model as it is."""
    patch.setattr(torch, "compile", lambda model, **options: model)


@fact(
    "torch.compile",
    requires=["torch_tensorrt", "scipy"],
    claims=["R04"],
    refuter=compiles_nothing,
    source="torch.compiler",
)
@pytest.mark.bench
def test_makes_inference_faster(numbers):
    """For one image, a small network compiled by `backend="torch_tensorrt"` takes less time than in eager mode."""
    import torch_tensorrt  # noqa: F401  which makes its backend known

    model, x = network().to("cuda"), images(1).to("cuda")
    engine = torch.compile(model, backend="torch_tensorrt")

    def waits(call):
        call(x)
        torch.cuda.synchronize()

    with torch.no_grad():
        assert race(lambda: waits(engine), lambda: waits(model), numbers, clock="wall").ratio_below(1)
