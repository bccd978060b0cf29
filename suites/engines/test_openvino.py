"""Models that OpenVINO compiles for the CPU, straight from a torch module."""

import numpy
import pytest
import torch

from torchproof import fact
from torchproof.suites.engines.network import agree, images, network, outputs

pytestmark = [pytest.mark.cpu, pytest.mark.slow]

OPENVINO = "openvino>=2026.4"
EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


def compiled(model, x, **options):
    import openvino

    return openvino.compile_model(openvino.convert_model(model, example_input=x), "CPU", options)


@fact(
    "openvino.convert_model",
    "openvino.compile_model",
    requires=OPENVINO,
    hint='compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})',
)
@pytest.mark.filterwarnings("ignore")
def test_gives_what_eager_gives_in_float32():
    """With `INFERENCE_PRECISION_HINT` f32, OpenVINO gives up to rounding what the converted PyTorch network gives."""
    model, x = network(), images()
    agree(torch.from_numpy(numpy.array(compiled(model, x, **EXACT)(x.numpy())[0])), outputs(model, x))


@fact("openvino.convert_model", "openvino.compile_model", requires=OPENVINO, myth="the example's sizes are fixed")
@pytest.mark.filterwarnings("ignore")
def test_takes_other_batches():
    """`openvino.convert_model` leaves the size of a batch open: the model takes another one than the example's."""
    model, more = network(), images(5)
    agree(torch.from_numpy(numpy.array(compiled(model, images(), **EXACT)(more.numpy())[0])), outputs(model, more))


@fact("openvino.compile_model", requires=OPENVINO, myth="an engine computes in the dtype of the weights")
@pytest.mark.filterwarnings("ignore")
def test_computes_in_a_type_of_its_own():
    """`openvino.compile_model` has a float64 network compute in float32, or in bfloat16 where the CPU multiplies it."""
    model, x = network().double(), images().double()
    found = compiled(model, x)
    assert found.get_property("INFERENCE_PRECISION_HINT").to_string() in ("f32", "bf16")
    got = torch.from_numpy(numpy.array(found(x.numpy())[0]))
    assert 1e-9 < (got - outputs(model, x)).abs().max() < 0.05
