"""Models as ONNX files: `torch.onnx.export` by way of `torch.export`, and by way of a trace as it was before."""

import functools
import inspect
import io
import itertools
import sys
from contextlib import contextmanager

import numpy
import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.fixtures.checks import shares

# Before 2.4 there is the trace alone, and nothing to ask for it by.
BY_TRACE = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
# Calls by way of `torch.export` in a file that asks tensors for numbers or truth.
BRANCHING = "dynamo=True, names *.item|*.any|*.all|*.sum|is_tracing"

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*legacy TorchScript-based ONNX export",
    "ignore:The feature will be removed",
    "ignore:Converting a tensor to a Python",
    "ignore:No names were found for specified dynamic axes",
    "ignore:Exporting to ONNX opset version 99",
    "ignore:Setting `training`",
    "ignore:It is recommended that constant folding",
    "ignore:Exporting a model while it is in training mode",
    "ignore:Attempted to insert a get_attr Node",
    "ignore:Node lifted_tensor",
)


class Of(nn.Module):
    """A module of a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


class Doubled(nn.Module):
    def forward(self, x):
        return doubled(x)


class Less(nn.Module):
    def forward(self, x, by):
        return x - by


def rows(count):
    return torch.arange(2.0 * count).view(count, 2)


def doubled(x):
    return x * 2 + x.shape[0]


def branching(x):
    return x * 2 if x.sum() > 0 else x - 1


def branching_by_cond(x):
    return torch.cond(x.sum() > 0, lambda x: x * 2, lambda x: x - 1, (x,))


def counted(module):
    """The module in evaluation, with parameters that are fractions of small numbers, each another."""
    count = itertools.count(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.tensor([next(count) / 8 for _ in range(parameter.numel())]).view(parameter.shape))
    return module.eval()


def layer():
    return counted(nn.Linear(2, 1))


def with_dropout():
    return nn.Sequential(layer(), nn.Dropout(0.5))


def normalized(x):
    wide = x.double().numpy()
    return (wide - wide.mean(-1, keepdims=True)) / numpy.sqrt(wide.var(-1, keepdims=True) + 1e-5)


def portions(x):
    powers = numpy.exp(x.double().numpy())
    return powers / powers.sum(-1, keepdims=True)


# A module with what it computes of a matrix of three rows in double precision. Each rounds a dozen times at most, and
# nothing that it adds up on the way is beyond 8.
LAYERS = {
    "linear": (lambda: counted(nn.Linear(2, 2)), lambda x: (x.numpy() @ [[1, 3], [2, 4]] + [5, 6]) / 8),
    "convolution": (lambda: counted(nn.Conv1d(3, 1, 2)), lambda x: [[(x.numpy().reshape(6) @ range(1, 7) + 7) / 8]]),
    "softmax": (lambda: nn.Softmax(-1).eval(), portions),
    "layer norm": (lambda: nn.LayerNorm(2).eval(), normalized),
    "relu": (lambda: nn.ReLU().eval(), lambda x: numpy.maximum(x.numpy(), 0)),
}
of_each_layer = pytest.mark.parametrize("kind", LAYERS)


@pytest.fixture
def traced(tmp_path):
    """`traced(module, *inputs, **options)`: the model that `export` writes to a file by way of a trace."""

    def model(module, *inputs, **options):
        import onnx

        file = tmp_path / "model.onnx"
        assert torch.onnx.export(module, inputs, str(file), **BY_TRACE, **options) is None
        return onnx.load(file)

    return model


def exported(module, *inputs, **options):
    """The model that `export` makes by way of `torch.export`."""
    return torch.onnx.export(module, inputs, dynamo=True, **options).model_proto


def computed(model, *inputs):
    """What ONNX's own reference implementation computes by the model, in NumPy."""
    from onnx.reference import ReferenceEvaluator

    given = {name: x.numpy() for name, x in zip(names(model.graph.input), inputs)}
    results = ReferenceEvaluator(model).run(None, given)
    return torch.from_numpy(numpy.asarray(results[0]))


def sizes(value):
    """The sizes of an input or output of a graph: numbers, and names where they are open."""
    return [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]


def names(values):
    return [value.name for value in values]


def kinds(model):
    """The operators of a model that compute, in order."""
    return [node.op_type for node in model.graph.node if node.op_type not in ("Constant", "Identity", "Cast")]


def parameters(model):
    from onnx.numpy_helper import to_array

    return {each.name: to_array(each).tolist() for each in model.graph.initializer}


# --- by way of a trace ------------------------------------------------------------------------------------------------


@fact("torch.onnx.export", requires="onnx")
@of_each_layer
def test_traces_what_a_layer_computes(traced, kind):
    """A model that `torch.onnx.export` traces computes in ONNX what its layer computes in torch."""
    module, wanted = LAYERS[kind]
    x = rows(3) - 2
    close(computed(traced(module(), x), x), wanted(x), roundings=16, scale=8)


@fact("torch.onnx.export", requires="onnx", hint="name it in dynamic_axes", myth="a model takes any size of batch")
def test_freezes_sizes_of_a_trace(traced):
    """A size that `dynamic_axes` does not name is a number in a traced ONNX model, also where it computes with it."""
    model = traced(Of(doubled), rows(3))
    assert sizes(model.graph.input[0]) == sizes(model.graph.output[0]) == [3, 2]
    same(computed(model, rows(5)), rows(5) * 2 + 3)


@fact("torch.onnx.export", requires="onnx")
def test_leaves_named_sizes_of_a_trace_open(traced):
    """A size that `dynamic_axes` names bears that name in a traced ONNX model, which computes with what comes."""
    axes = {"x": {0: "rows"}, "y": [0]}
    model = traced(Of(doubled), rows(3), input_names=["x"], output_names=["y"], dynamic_axes=axes)
    assert sizes(model.graph.input[0]) == ["rows", 2]
    assert sizes(model.graph.output[0]) == ["y_dynamic_axes_1", 2]
    same(computed(model, rows(5)), rows(5) * 2 + 5)


@fact("torch.onnx.export", requires="onnx")
def test_takes_names_for_a_trace(traced):
    """Inputs and outputs of a traced ONNX model bear the names of `input_names` and `output_names`, in order."""
    swap = Of(lambda x, y: (y * 2, x * 3))
    graph = traced(swap, rows(1), rows(2), input_names=["first", "second"], output_names=["twice", "thrice"]).graph
    assert (names(graph.input), names(graph.output)) == (["first", "second"], ["twice", "thrice"])
    assert [sizes(each) for each in [*graph.input, *graph.output]] == [[1, 2], [2, 2], [2, 2], [1, 2]]


@fact("torch.onnx.export", requires="onnx")
@pytest.mark.parametrize("version", [9, 13, 16])
def test_traces_for_an_opset(traced, version, observe):
    """A traced ONNX model is of the opset that `opset_version` says."""
    assert [each.version for each in traced(Of(doubled), rows(3), opset_version=version).opset_import] == [version]
    observe("opset by default", traced(Of(doubled), rows(3)).opset_import[0].version)


@fact("torch.onnx.export")
def test_refuses_an_opset_that_is_not(tmp_path):
    """`torch.onnx.export` by a trace refuses an `opset_version` that there is not: unsupported ONNX opset version."""
    with pytest.raises((ValueError, RuntimeError), match=r"(?i)unsupported onnx.opset.version: 99"):
        torch.onnx.export(Of(doubled), (rows(3),), str(tmp_path / "model.onnx"), opset_version=99, **BY_TRACE)


@fact("torch.onnx.export", requires="onnx", myth="the model is exported in the mode that it is in")
def test_traces_in_evaluation(traced):
    """`torch.onnx.export` traces a model in training as in evaluation, without dropout, and leaves it in training."""
    model = with_dropout().train()
    assert kinds(traced(model, rows(3))) == ["Gemm"]
    assert model.training and all(each.training for each in model)


@fact("torch.onnx.export", "torch.onnx.TrainingMode", requires="onnx")
@pytest.mark.parametrize(("mode", "is_training"), [("TRAINING", False), ("PRESERVE", True)])
def test_traces_in_training_where_it_is_told(traced, mode, is_training):
    """A traced ONNX model has its dropout by `TrainingMode.TRAINING`, and by `PRESERVE` where the module trains."""
    model = with_dropout().train(is_training)
    assert kinds(traced(model, rows(3), training=getattr(torch.onnx.TrainingMode, mode))) == ["Gemm", "Dropout"]
    assert model.training is is_training


@fact("torch.onnx.export", requires="onnx")
def test_stores_parameters_of_a_trace_by_name(traced):
    """A model that `torch.onnx.export` traces has parameters by their names, and no input but the module's."""
    model = traced(layer(), rows(3), input_names=["x"])
    assert parameters(model) == {"weight": [[1 / 8, 2 / 8]], "bias": [3 / 8]}
    assert names(model.graph.input) == ["x"]


@fact("torch.onnx.export", requires="onnx")
def test_leaves_parameters_of_a_trace_out(traced):
    """With `export_params=False` the parameters of a traced ONNX model are inputs without a value."""
    model = traced(layer(), rows(3), input_names=["x"], export_params=False)
    assert (parameters(model), names(model.graph.input)) == ({}, ["x", "weight", "bias"])
    same(computed(model, rows(2), torch.tensor([[2.0, 3.0]]), torch.tensor([4.0])), torch.tensor([[7.0], [17.0]]))


@fact("torch.onnx.export", requires="onnx")
def test_makes_parameters_of_a_trace_replaceable(traced):
    """With `keep_initializers_as_inputs=True` parameters of a traced ONNX model are inputs that have a value."""
    model = traced(layer(), rows(3), input_names=["x"], keep_initializers_as_inputs=True)
    assert names(model.graph.input) == ["x", "weight", "bias"]
    assert parameters(model) == {"weight": [[1 / 8, 2 / 8]], "bias": [3 / 8]}


@fact("torch.onnx.export", requires="onnx", myth="what is no tensor is hard-coded into a model")
def test_has_an_input_for_a_number_of_a_trace(traced):
    """`torch.onnx.export` by a trace makes an input of a number, with which the model computes as it comes."""
    model = traced(Less(), rows(3), 3)
    assert len(model.graph.input) == 2
    same(computed(model, rows(3), torch.tensor(5)), rows(3) - 5)


@fact("torch.onnx.export", requires="onnx", hint="use torch.where, or torch.cond and dynamo=True")
def test_freezes_a_branch_of_a_trace(traced):
    """`torch.onnx.export` by a trace freezes the branch of its example, and warns, TracerWarning: "Python boolean"."""
    with pytest.warns(torch.jit.TracerWarning, match="Python boolean"):
        model = traced(Of(branching), rows(3))
    same(computed(model, rows(3)), rows(3) * 2)
    same(computed(model, -rows(3)), -rows(3) * 2)


@fact("torch.onnx.export", hint="register a translation by torch.onnx.register_custom_op_symbolic")
def test_refuses_an_operator_that_a_trace_cannot_translate(tmp_path):
    """`torch.onnx.export` by a trace refuses an operator that it cannot translate: UnsupportedOperatorError."""
    words = r"Exporting the operator 'aten::igamma' to ONNX opset version 13 is not supported"
    with pytest.raises(torch.onnx.errors.UnsupportedOperatorError, match=words):
        torch.onnx.export(Of(torch.igamma), (rows(3), rows(3)), str(tmp_path / "m.onnx"), opset_version=13, **BY_TRACE)


@fact("torch.onnx.export", hint="pip install onnx")
def test_needs_a_package_for_a_trace(monkeypatch, tmp_path):
    """`torch.onnx.export` by a trace writes no file without the package onnx: Module onnx is not installed."""
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(RuntimeError, match="Module onnx is not installed"):
        torch.onnx.export(layer(), (rows(3),), str(tmp_path / "model.onnx"), **BY_TRACE)
    assert list(tmp_path.iterdir()) == []


@contextmanager
def relu_translated(symbolic):
    """While inside, a trace translates `relu` by this symbolic function from opset 13 on."""
    torch.onnx.register_custom_op_symbolic("aten::relu", symbolic, 13)
    try:
        yield
    finally:
        torch.onnx.unregister_custom_op_symbolic("aten::relu", 13)


@fact("torch.onnx.register_custom_op_symbolic", "torch.onnx.unregister_custom_op_symbolic", requires="onnx")
def test_learns_an_operator(traced):
    """A trace to ONNX translates an operator as `register_custom_op_symbolic` says, from that opset on."""
    models, asked = [traced(Of(torch.relu), rows(3), opset_version=13)], []
    with relu_translated(lambda g, x: asked.append(x) or g.op("Neg", x)):
        models += [traced(Of(torch.relu), rows(3), opset_version=version) for version in (12, 13, 14)]
    models.append(traced(Of(torch.relu), rows(3), opset_version=13))
    assert [kinds(model) for model in models] == [["Relu"], ["Relu"], ["Neg"], ["Neg"], ["Relu"]]
    assert len(asked) == 2


@fact("torch.onnx.export", requires="onnx")
def test_takes_versions_of_other_domains(traced):
    """A domain that is not ONNX's own is of version 1 in a traced model, unless `custom_opsets` says another."""
    with relu_translated(lambda g, x: g.op("mine::Ramp", x)):
        models = [
            traced(Of(torch.relu), rows(3), opset_version=13, **options)
            for options in ({}, {"custom_opsets": {"mine": 5}})
        ]
    assert [[(node.domain, node.op_type) for node in model.graph.node] for model in models] == [[("mine", "Ramp")]] * 2
    found = [{each.domain: each.version for each in model.opset_import} for model in models]
    assert found == [{"": 13, "mine": 1}, {"": 13, "mine": 5}]


@fact("torch.onnx.is_in_onnx_export", requires="onnx")
def test_tells_that_it_traces(tmp_path):
    """`is_in_onnx_export` is True while `torch.onnx.export` traces, and False before and after."""
    said = [torch.onnx.is_in_onnx_export()]
    module = Of(lambda x: (x * 2, said.append(torch.onnx.is_in_onnx_export()))[0])
    torch.onnx.export(module, (rows(3),), str(tmp_path / "model.onnx"), **BY_TRACE)
    assert [*said, torch.onnx.is_in_onnx_export()] == [False, True, False]


@fact("torch.onnx.export", requires="onnx")
def test_writes_a_trace_into_memory():
    """`torch.onnx.export` by a trace writes to a binary file object, `io.BytesIO`, too."""
    import onnx

    file = io.BytesIO()
    assert torch.onnx.export(layer(), (rows(3),), file, **BY_TRACE) is None
    same(computed(onnx.load_from_string(file.getvalue()), rows(1)), torch.tensor([[5 / 8]]))


@fact(
    "torch.onnx.export",
    since="2.8",
    calls="dynamo=False",
    requires="onnx",
    hint="leave dynamo=False out, and pass dynamic_shapes for dynamic_axes",
)
def test_warns_of_a_trace(tmp_path):
    """`torch.onnx.export(dynamo=False)`, a trace, warns, DeprecationWarning: "legacy TorchScript-based ONNX export"."""
    with pytest.warns(DeprecationWarning, match="legacy TorchScript-based ONNX export"):
        assert torch.onnx.export(layer(), (rows(3),), str(tmp_path / "model.onnx"), dynamo=False) is None


@fact(
    "torch.onnx.export",
    since="2.5",
    calls="dynamo=False, training=TRAINING",
    requires="onnx",
    hint="call eval() or train() before export",
)
def test_warns_of_a_mode(tmp_path):
    """`torch.onnx.export` by a trace warns that `training` is deprecated, where that is `TrainingMode.TRAINING`."""
    mode = torch.onnx.TrainingMode.TRAINING
    with pytest.warns((FutureWarning, DeprecationWarning), match="Setting `training` .* is deprecated"):
        assert torch.onnx.export(layer(), (rows(3),), str(tmp_path / "m.onnx"), training=mode, **BY_TRACE) is None


# --- by way of torch.export -------------------------------------------------------------------------------------------

NEEDED = ("onnx", "onnxscript")


@fact("torch.onnx.export", "torch.onnx.ONNXProgram", since="2.5", calls="dynamo=True", gain=True, requires=NEEDED)
@pytest.mark.slow
@of_each_layer
def test_computes_what_a_layer_does(kind):
    """A model of `torch.onnx.export(dynamo=True)` computes in ONNX what its layer computes in torch."""
    module, wanted = LAYERS[kind]
    x = rows(3) - 2
    close(computed(exported(module(), x), x), wanted(x), roundings=16, scale=8)


@fact(
    "torch.onnx.export",
    "torch.onnx.ONNXProgram",
    since="2.5",
    calls="dynamo=True, not dynamic_shapes",
    gain=True,
    requires=NEEDED,
    hint="pass dynamic_shapes",
)
@pytest.mark.slow
def test_freezes_sizes():
    """A size that `dynamic_shapes` does not name is a number in an `ONNXProgram`, also where it computes with it."""
    model = exported(Of(doubled), rows(3))
    assert sizes(model.graph.input[0]) == sizes(model.graph.output[0]) == [3, 2]
    same(computed(model, rows(5)), rows(5) * 2 + 3)


@fact(
    "torch.onnx.export",
    "torch.onnx.ONNXProgram",
    since="2.5",
    calls="dynamo=True, dynamic_shapes",
    gain=True,
    requires=NEEDED,
)
@pytest.mark.slow
def test_leaves_sizes_open():
    """A size that `dynamic_shapes` names is a name in an `ONNXProgram`, which computes with the size that comes."""
    model = exported(Doubled(), rows(3), dynamic_shapes=({0: torch.export.Dim("rows")},))
    name, width = sizes(model.graph.input[0])
    assert isinstance(name, str) and sizes(model.graph.output[0]) == [name, 2] and width == 2
    same(computed(model, rows(5)), rows(5) * 2 + 5)


@fact("torch.onnx.export", "torch.export.Dim", since="2.7", calls="dynamo=True, dynamic_shapes", requires=NEEDED)
@pytest.mark.slow
def test_names_sizes():
    """A size is called in an `ONNXProgram` as its `Dim` is."""
    model = exported(Doubled(), rows(3), dynamic_shapes=({0: torch.export.Dim("rows")},))
    assert sizes(model.graph.input[0]) == sizes(model.graph.output[0]) == ["rows", 2]


@fact(
    "torch.onnx.export",
    "torch.onnx.ONNXProgram",
    since="2.5",
    calls="dynamo=True, input_names|output_names",
    gain=True,
    requires=NEEDED,
)
@pytest.mark.slow
def test_takes_names():
    """Inputs and outputs of an `ONNXProgram` bear the names of `input_names` and `output_names`, in order."""
    swap = Of(lambda x, y: (y * 2, x * 3))
    graph = exported(swap, rows(1), rows(2), input_names=["first", "second"], output_names=["twice", "thrice"]).graph
    assert (names(graph.input), names(graph.output)) == (["first", "second"], ["twice", "thrice"])
    assert [sizes(each) for each in [*graph.input, *graph.output]] == [[1, 2], [2, 2], [2, 2], [1, 2]]


@fact(
    "torch.onnx.export",
    "torch.onnx.ONNXProgram",
    since="2.6",
    calls="dynamo=True, opset_version",
    gain=True,
    requires=NEEDED,
)
@pytest.mark.slow
@pytest.mark.parametrize("version", [20, 21])
def test_is_of_an_opset(version, observe):
    """An `ONNXProgram` is of the opset that `opset_version` says."""
    model = exported(Of(doubled), rows(3), opset_version=version)
    assert [each.version for each in model.opset_import if not each.domain] == [version]
    observe("opset by default", program().model.opset_imports[""])


@fact("torch.onnx.export", "torch.onnx.ONNXProgram", since="2.5", calls="dynamo=True", gain=True, requires=NEEDED)
@pytest.mark.slow
def test_hard_codes_what_is_no_tensor():
    """`torch.onnx.export(dynamo=True)` hard-codes an int, no tensor, that has no `dynamic_shapes`: it is no input."""
    model = exported(Less(), rows(3), 3)
    assert names(model.graph.input) == ["x"]
    same(computed(model, rows(3)), rows(3) - 3)


@fact(
    "torch.onnx.export",
    "torch.onnx.ONNXProgram",
    since="2.5",
    calls="dynamo=True, training",
    requires=NEEDED,
    hint="call eval() before export",
)
@pytest.mark.slow
@pytest.mark.parametrize("is_training", [False, True], ids=["eval", "train"])
def test_keeps_the_mode(is_training):
    """An `ONNXProgram` has the dropout of a module in training, and has none of a module in evaluation."""
    model = with_dropout().train(is_training)
    operators = kinds(exported(model, rows(3)))
    assert ("Gemm" in operators, "Dropout" in operators) == (True, is_training)
    assert model.training is is_training


@fact("torch.onnx.export", since="2.9", calls=BRANCHING, requires=NEEDED, hint="use torch.cond, or torch.where")
@pytest.mark.slow
def test_refuses_a_branch():
    """`torch.onnx.export(dynamo=True)` refuses a branch on values, data-dependent, with an OnnxExporterError."""
    with pytest.raises(
        torch.onnx.OnnxExporterError, match=r"(?s)Failed to export the model with torch.export.*data-dep"
    ):
        exported(Of(branching), rows(3))


@fact("torch.onnx.export", "torch.onnx.ONNXProgram", since="2.5", until="2.9", calls=BRANCHING, requires=NEEDED)
@pytest.mark.slow
def test_froze_a_branch():
    """`torch.onnx.export(dynamo=True)` froze the branch that its example took, where `torch.export` refused it."""
    same(computed(exported(Of(branching), rows(3)), -rows(3)), -rows(3) * 2)


@fact(
    "torch.onnx.export",
    "torch.onnx.ONNXProgram",
    since="2.6",
    calls="dynamo=True, names cond",
    gain=True,
    requires=NEEDED,
)
@pytest.mark.slow
def test_keeps_a_branch_that_cond_makes():
    """A branch made by `torch.cond` is an `If` in an `ONNXProgram`, taken by each call."""
    model = exported(Of(branching_by_cond), rows(3))
    assert "If" in kinds(model)
    same(computed(model, rows(3)), rows(3) * 2)
    same(computed(model, -rows(3)), -rows(3) - 1)


@fact(
    "torch.onnx.export",
    since="2.5",
    calls="dynamo=True, names UnsupportedOperatorError|OnnxExporterError",
    requires=NEEDED,
    hint="pass custom_translation_table",
)
@pytest.mark.slow
def test_refuses_an_operator_that_it_cannot_translate():
    """`torch.onnx.export(dynamo=True)` refuses an operator that it cannot translate: No ONNX function found for it."""
    with pytest.raises(torch.onnx.OnnxExporterError, match=r"No ONNX function found for .*igamma"):
        exported(Of(torch.igamma), rows(3), rows(3))


def _translated(a, x):
    from onnxscript import opset18

    return opset18.Sub(x, a)


@fact(
    "torch.onnx.export",
    "torch.onnx.ONNXProgram",
    since="2.6",
    calls="custom_translation_table",
    gain=True,
    requires=NEEDED,
)
@pytest.mark.slow
def test_takes_translations():
    """`torch.onnx.export` translates an operator as `custom_translation_table` says."""
    table = {torch.ops.aten.igamma.default: _translated}
    model = exported(Of(torch.igamma), rows(1), rows(3), custom_translation_table=table)
    assert [sizes(each) for each in model.graph.input] == [[1, 2], [3, 2]]
    same(computed(model, rows(1), rows(3)), rows(3) - rows(1))


@fact("torch.onnx.is_in_onnx_export", since="2.8", calls="any", requires=NEEDED)
@pytest.mark.slow
def test_tells_that_it_exports():
    """`is_in_onnx_export` is True while `torch.onnx.export(dynamo=True)` runs the module too."""
    said = [torch.onnx.is_in_onnx_export()]
    exported(Of(lambda x: (x * 2, said.append(torch.onnx.is_in_onnx_export()))[0]), rows(3))
    assert [*said, torch.onnx.is_in_onnx_export()] == [False, True, False]


@fact("torch.onnx.export", since="2.5", calls="dynamo=True, external_data=True", requires=NEEDED)
@pytest.mark.slow
@pytest.mark.parametrize(("options", "wanted"), [({}, 2), ({"external_data": False}, 1)], ids=["by default", "not"])
def test_writes_data_beside_its_file(tmp_path, options, wanted):
    """`torch.onnx.export(dynamo=True)` writes large parameters to a second file, unless `external_data=False`."""
    import onnx

    large = counted(nn.Linear(100, 10, bias=False))
    program = torch.onnx.export(large, (torch.ones(1, 100),), str(tmp_path / "model.onnx"), dynamo=True, **options)
    assert len(list(tmp_path.iterdir())) == wanted
    written = parameters(onnx.load(tmp_path / "model.onnx"))
    assert written == parameters(program.model_proto) == {"weight": large.weight.tolist()}


@functools.cache
def program():
    """A program that its facts leave as it is: what takes seconds is made once."""
    return torch.onnx.export(layer(), (rows(3),), dynamo=True, input_names=["x"])


@fact("torch.onnx.ONNXProgram", since="2.5", calls="any", gain=True, requires=NEEDED)
@pytest.mark.slow
@pytest.mark.parametrize("has_values", [True, False], ids=["values", "no values"])
@pytest.mark.parametrize("are_inputs", [True, False], ids=["inputs", "no inputs"])
def test_saves_parameters_as_it_is_told(tmp_path, has_values, are_inputs):
    """`ONNXProgram.save` has parameters by `include_initializers`, as inputs by `keep_initializers_as_inputs`."""
    import onnx

    program().save(tmp_path / "m.onnx", include_initializers=has_values, keep_initializers_as_inputs=are_inputs)
    model = onnx.load(tmp_path / "m.onnx")
    assert parameters(model) == ({"weight": [[1 / 8, 2 / 8]], "bias": [3 / 8]} if has_values else {})
    assert names(model.graph.input) == ["x", "weight", "bias"][: 3 if are_inputs else 1]


@fact("torch.onnx.ONNXProgram", since="2.9", calls="names call_reference", gain=True, requires=NEEDED)
@pytest.mark.slow
def test_computes_by_the_reference():
    """`ONNXProgram.call_reference` gives the outputs by ONNX's own implementation, as tensors."""
    [result] = program().call_reference(rows(3))
    same(result, torch.tensor([[5 / 8], [11 / 8], [17 / 8]]))


@fact("torch.onnx.ONNXProgram", since="2.6", calls="names apply_weights", gain=True, requires=NEEDED)
@pytest.mark.slow
def test_takes_other_weights():
    """`ONNXProgram.apply_weights` gives a program the parameters of a state dict, by their names."""
    weights = {"weight": torch.tensor([[2.0, 3.0]]), "bias": torch.tensor([4.0])}
    other = torch.onnx.ONNXProgram(program().model.clone(), program().exported_program)
    other.apply_weights(weights)
    same(computed(other.model_proto, rows(2)), torch.tensor([[7.0], [17.0]]))


@fact("torch.onnx.ONNXProgram.rename_axes", since="2.11", calls="any", gain=True, requires=NEEDED)
@pytest.mark.slow
def test_renames_sizes():
    """`ONNXProgram.rename_axes` gives an open size another name, in inputs and in outputs."""
    shapes = ({0: torch.export.Dim("rows")},)
    program = torch.onnx.export(Doubled(), (rows(3),), dynamo=True, dynamic_shapes=shapes)
    program.rename_axes({"rows": "batch"})
    graph = program.model_proto.graph
    assert sizes(graph.input[0]) == sizes(graph.output[0]) == ["batch", 2]


@fact("torch.onnx.ops.symbolic", "torch.onnx.export", since="2.8", calls="any", gain=True, requires=NEEDED)
@pytest.mark.slow
def test_puts_any_operator_into_a_program():
    """`torch.onnx.ops.symbolic` is in a program the operator that it names, with attributes and shape as it is told."""
    told = {"attrs": {"slope": 2}, "dtype": torch.int64, "shape": (7, 4), "version": 3}
    model = exported(Of(lambda x: torch.onnx.ops.symbolic("mine::Ramp", (x,), **told)), rows(3))
    [node] = model.graph.node
    assert (node.domain, node.op_type, {each.name: each.i for each in node.attribute}) == ("mine", "Ramp", {"slope": 2})
    assert (sizes(model.graph.output[0]), model.graph.output[0].type.tensor_type.elem_type) == ([7, 4], 7)
    assert {each.domain: each.version for each in model.opset_import}["mine"] == 3


# --- beside export ----------------------------------------------------------------------------------------------------


@fact("torch.onnx.operators.shape_as_tensor", "torch.onnx.operators.reshape_from_tensor_shape")
def test_reshapes_by_a_tensor():
    """`shape_as_tensor` gives sizes as a contiguous tensor, by which `reshape_from_tensor_shape` views a tensor."""
    from torch.onnx.operators import reshape_from_tensor_shape, shape_as_tensor

    x, found = rows(3), shape_as_tensor(rows(3))
    same(found, torch.tensor([3, 2]))
    assert found.is_contiguous()
    y = reshape_from_tensor_shape(x, torch.tensor([2, 3]))
    same(y, torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]))
    assert shares(y, x)


@fact("torch.onnx.InputObserver", since="2.11", calls="any", gain=True)
def test_sees_what_a_module_is_given():
    """`InputObserver` tells what contiguous arguments a module's first calls had, and which of their sizes differed."""
    module, observer = Doubled(), torch.onnx.InputObserver()
    with observer(module, store_n_calls=2):
        for count in (3, 5, 7):
            same(module(rows(count)), rows(count) * 2 + count)
    assert observer.num_obs() == 2
    [seen] = observer.infer_arguments(1)
    same(seen, rows(5))
    [open_sizes] = observer.infer_dynamic_shapes()
    assert list(open_sizes) == [0]


@fact("torch.onnx.InputObserver", since="2.11", calls="any", gain=True)
def test_sees_keywords():
    """`InputObserver` tells by keyword what a module was given by keyword, and after `as_args_kwargs` in any case."""
    module, observer = Doubled(), torch.onnx.InputObserver()
    with observer(module):
        module(x=rows(3))
        module(x=rows(3) - 1)
    same(observer.infer_arguments(1)["x"], rows(3) - 1)
    given, named = observer.infer_arguments(1, as_args_kwargs=True)
    assert (list(given), list(named)) == ([], ["x"])
    same(named["x"], rows(3) - 1)


@fact("torch.onnx.InputObserver", since="2.11", calls="any", gain=True)
def test_takes_the_first_size_for_open():
    """`InputObserver` tells that a first size is open that never differed, where `set_batch_dimension_for` says so."""
    module, observer = Doubled(), torch.onnx.InputObserver()
    with observer(module):
        module(rows(3))
        module(rows(3))
    assert [list(each) for each in observer.infer_dynamic_shapes()] == [[]]
    assert [list(each) for each in observer.infer_dynamic_shapes(set_batch_dimension_for=True)] == [[0]]


@fact("torch.onnx.ops.rotary_embedding")
@pytest.mark.parametrize(
    ("interleaved", "wanted"),
    [(False, [-3.0, 2.0, 1.0, 4.0]), (True, [-2.0, 1.0, 3.0, 4.0])],
    ids=["halves", "neighbours"],
)
def test_turns_pairs(interleaved, wanted):
    """`torch.onnx.ops.rotary_embedding` turns pairs by angles: neighbours if `interleaved`, else of the two halves."""
    x = torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]])
    cosines, sines = torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[1.0, 0.0]]])
    same(torch.onnx.ops.rotary_embedding(x, cosines, sines, interleaved=interleaved), torch.tensor([[[wanted]]]))
    same(x, torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]]))


@fact("torch.onnx.ops.attention")
def test_attends():
    """`torch.onnx.ops.attention` with `is_causal=True` gives the mean of values so far where all products are zero."""
    keys, values = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), torch.tensor([[[[2.0, 6.0], [4.0, 10.0]]]])
    result, all_keys, all_values, products = torch.onnx.ops.attention(keys * 0, keys, values, is_causal=True)
    same(result, torch.tensor([[[[2.0, 6.0], [3.0, 8.0]]]]))
    same(all_keys, keys)
    same(all_values, values)
    same(products, torch.zeros(1, 1, 2, 2))
