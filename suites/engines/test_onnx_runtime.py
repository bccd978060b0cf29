"""Models that ONNX Runtime runs: what it computes, refuses and has of them; the export itself is in suites/compile."""

import pytest
import torch
from torch import nn

from torchproof import fact, race
from torchproof.suites.engines.network import agree, images, network, outputs, plain_network

pytestmark = [pytest.mark.cpu]

RUNTIME = ["onnx", "onnxruntime", "onnxscript"]
EXPORT = "torch.onnx.export"


def run(program, x):
    """What ONNX Runtime gives for one input, by the file that an exported program writes."""
    session = opened(program)
    (result,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    return torch.from_numpy(result)


def opened(program):
    """A session of one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(program.model_proto.SerializeToString(), options)


def exported(model, x, **options):
    return torch.onnx.export(model, (x,), dynamo=True, verbose=False, **options)


@fact(EXPORT, requires=RUNTIME, since="2.6", calls="none")
def test_gives_what_eager_gives():
    """A network of `torch.onnx.export(dynamo=True)` gives in ONNX Runtime what it gives in PyTorch, up to rounding."""
    model, x = plain_network(), images()
    agree(run(exported(model, x), x), outputs(model, x))


@fact(EXPORT, requires=RUNTIME, since="2.6", calls="none", hint="model.eval() before the export")
def test_of_batch_normalization_gives_what_eager_gives():
    """With BatchNorm, ONNX Runtime gives what PyTorch gives, of a model in evaluation that `dynamo=True` exports."""
    model, x = network(), images()
    agree(run(exported(model, x), x), outputs(model, x))


@fact(EXPORT, requires=RUNTIME, since="2.6", calls="none", hint='dynamic_shapes={"x": {0: torch.export.Dim("batch")}}')
def test_takes_other_batches_where_the_size_is_dynamic():
    """With `dynamic_shapes` in `torch.onnx.export`, ONNX Runtime takes a batch of another size than the example's."""
    model, more = plain_network(), images(5)
    batch = torch.export.Dim("batch")
    agree(run(exported(model, images(), dynamic_shapes={"x": {0: batch}}), more), outputs(model, more))


@fact(EXPORT, requires=RUNTIME, since="2.6", calls="none", myth="an exported model takes any size of batch")
def test_refuses_other_batches_else():
    """Without `dynamic_shapes`, an export in ONNX Runtime refuses a batch of another size: "Got invalid dimensions"."""
    program = exported(plain_network(), images())
    with pytest.raises(Exception, match=r"Got invalid dimensions for input[\s\S]*Got: 5 Expected: 2"):
        run(program, images(5))


@fact(EXPORT, requires=RUNTIME, since="2.6", calls="none", hint="x.float()")
def test_refuses_another_dtype():
    """ONNX Runtime refuses float64 for a `torch.onnx.export` with float32: "Unexpected input data type"."""
    program = exported(plain_network(), images())
    with pytest.raises(Exception, match=r"Unexpected input data type.*double.*expected.*float"):
        run(program, images().double())


@fact(
    EXPORT, requires=RUNTIME, since="2.6", calls="none", myth="export puts a model into evaluation", hint="model.eval()"
)
def test_keeps_the_dropout_of_a_model_in_training():
    """A model exported in training (`dynamo=True`) has its dropout: outputs of ONNX Runtime are different each time."""
    x = images()
    program = exported(plain_network().train(), x)
    assert program.model_proto.graph.node[-1].op_type == "Dropout"
    assert not torch.equal(run(program, x), run(program, x))


@fact(EXPORT, requires=RUNTIME, since="2.10", calls="dynamo=True", hint="model.eval() before the export")
def test_warns_of_a_model_in_training():
    """`torch.onnx.export(dynamo=True)` warns of a model "in training mode", whose dropout would be exported too."""
    with pytest.warns(UserWarning, match="Exporting a model while it is in training mode"):
        exported(plain_network().train(), images())


@fact(EXPORT, requires=RUNTIME, since="2.6", calls="none", hint="verbose=False")
def test_tells_each_step_unless_it_is_not_to_be_verbose(capsys):
    """`torch.onnx.export(dynamo=True)` prints its steps ("Translate the graph into ONNX") unless `verbose=False`."""
    model, x = nn.Linear(1, 1).eval(), torch.ones(1, 1)
    exported(model, x)
    assert not capsys.readouterr().out
    torch.onnx.export(model, (x,), dynamo=True)
    assert "Translate the graph into ONNX" in capsys.readouterr().out


@fact(EXPORT, requires=RUNTIME, since="2.6", calls="none", hint="export it again")
def test_has_the_parameters_of_the_export():
    """An ONNX Runtime session of a `torch.onnx.export` does not have what is trained later."""
    model, x = plain_network(), images()
    before, program = outputs(model, x), exported(model, x)
    session = opened(program)
    with torch.no_grad():
        model.head.bias += 1
    (result,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    agree(torch.from_numpy(result), before)


@fact("torch.cond", EXPORT, requires=RUNTIME, since="2.6", calls="none")
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_takes_both_branches_of_cond(sign):
    """ONNX Runtime takes either branch of `torch.cond` in an exported model, by the values of the input."""

    class Chooses(nn.Module):
        def forward(self, x):
            return torch.cond(x.sum() > 0, lambda x: x + 1, lambda x: x * 2, (x,))

    program, x = exported(Chooses(), torch.ones(3)), torch.full((3,), sign)
    agree(run(program, x), torch.full((3,), 2 * sign))


def runs_eager(patch):
    """The engine is the model, called with all that this costs, twice."""
    model, x = layers(), torch.rand(1, 16)
    patch.setitem(globals(), "opened", lambda program: type("Session", (), {
        "get_inputs": lambda self: [type("Input", (), {"name": "x"})],
        "run": lambda self, *_: [model(x), model(x)],
    })())  # fmt: skip


def layers():
    return nn.Sequential(*[layer for _ in range(4) for layer in (nn.Linear(16, 16), nn.ReLU())]).eval()


@fact(EXPORT, requires=[*RUNTIME, "scipy"], since="2.6", calls="none", refuter=runs_eager)
@pytest.mark.slow
@pytest.mark.bench
def test_of_small_layers_takes_less_time_than_eager(numbers):
    """For one row, a small `nn.Sequential` takes less time in ONNX Runtime than in eager mode, with a thread each."""
    model, x = layers(), torch.rand(1, 16)
    session = opened(exported(model, x))
    given = {session.get_inputs()[0].name: x.numpy()}
    with torch.no_grad():
        assert race(lambda: session.run(None, given), lambda: model(x), numbers).ratio_below(1)
