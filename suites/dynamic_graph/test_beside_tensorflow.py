"""TensorFlow defines a graph, and then feeds it; PyTorch computes as the code runs. The same functions in both."""

import random

import pytest
import torch

from torchproof import fact
from torchproof.fixtures.fact import need_packages
from torchproof.suites.compile.backends import forget
from torchproof.suites.dynamic_graph import by_tensorflow

pytestmark = pytest.mark.slow  # the first one waits for TensorFlow, which takes seconds to import
GUIDE = "https://www.tensorflow.org/guide/function"
SESSION = "https://www.tensorflow.org/guide/intro_to_graphs"
NO_BOOL = "Using a symbolic `tf.Tensor` as a Python `bool` is not allowed"


@pytest.fixture
def tensorflow():
    """What TensorFlow answers to a question of `by_tensorflow`."""
    need_packages(["tensorflow"], torch.__version__)  # not by requires=, which would import it here
    answers = by_tensorflow.answers()
    return lambda question: answers[question.__name__]


@fact(
    "torch.Tensor.item",
    claims=["G02"],
    source=SESSION,
    myth="Python code of a TensorFlow graph runs each time it is fed",
)
def test_of_a_session_runs_python_once_and_torch_each_time(tensorflow):
    """A graph of TensorFlow's `Session` runs Python's side effects once, as it is defined, and PyTorch at each call."""
    calls = []

    def run(x):
        calls.append("ran")
        return x * 2 + len(calls)

    results = [run(torch.tensor(number)).item() for number in (1.0, 2.0, 3.0)]
    assert (results, calls) == ([3.0, 6.0, 9.0], ["ran"] * 3)
    assert tensorflow(by_tensorflow.runs_python_in_a_session) == [[3.0, 5.0, 7.0], ["ran"]]


@fact("torch.Tensor.item", claims=["G02"], source=SESSION)
def test_of_a_session_keeps_a_switch_that_python_read(tensorflow):
    """An `if` on a switch of Python is decided as TensorFlow's graph is defined, and in PyTorch at each call."""

    def run(x, on):
        return x * 2 if on else x - 1

    assert [run(torch.tensor(3.0), on).item() for on in (True, False)] == [6.0, 2.0]
    assert tensorflow(by_tensorflow.keeps_a_switch_of_python) == [6.0, 6.0]


@fact("torch.Tensor.__bool__", claims=["G02"], source=GUIDE, hint="tf.cond, or tf.function, which rewrites the branch")
def test_of_a_session_refuses_to_branch_on_a_value(tensorflow):
    """An `if` on a value in TensorFlow's graph is refused, "as a Python `bool` is not allowed"; PyTorch decides it."""
    kind, words = tensorflow(by_tensorflow.refuses_to_branch)
    assert kind == "OperatorNotAllowedInGraphError" and NO_BOOL in words
    assert ["up" if torch.tensor(number) > 0 else "down" for number in (1.0, -1.0)] == ["up", "down"]


@fact("torch.Tensor.__iter__", claims=["G02"], source=GUIDE)
def test_of_a_session_refuses_to_loop_over_values(tensorflow):
    """A `for` over a tensor in TensorFlow's graph is refused, "Iterating over a symbolic"; PyTorch goes through it."""
    kind, words = tensorflow(by_tensorflow.refuses_to_loop)
    assert kind == "OperatorNotAllowedInGraphError" and "Iterating over a symbolic `tf.Tensor` is not allowed" in words
    assert [row.tolist() for row in torch.tensor([[1.0], [2.0]])] == [[1.0], [2.0]]


@fact("torch.Tensor.__float__", claims=["G02"], source=GUIDE)
def test_of_a_session_has_no_numbers_as_it_is_defined(tensorflow):
    """`float` of a tensor in TensorFlow's graph raises TypeError, which has no number yet, and PyTorch gives it."""
    kind, words = tensorflow(by_tensorflow.refuses_a_number)
    assert kind == "TypeError" and "must be a string or a real number" in words
    assert float(torch.tensor(1.5) * 2) == 3.0


@fact("torch.Tensor.tolist", claims=["G02", "G04"], source=SESSION)
def test_of_a_session_prints_no_values(tensorflow):
    """`print` of a tensor in TensorFlow's graph shows its name and dtype, and in PyTorch its values."""
    _, shown = tensorflow(by_tensorflow.prints_no_values)
    assert "Tensor(" in shown and "float32" in shown and "2." not in shown
    y = torch.tensor([1.25]) * 2
    assert str(y) == f"tensor([{y.tolist()[0]:.4f}])" == "tensor([2.5000])"


@fact("torch.Tensor.item", claims=["G02"], source=SESSION)
def test_of_a_session_holds_both_branches_of_an_operation(tensorflow):
    """`tf.cond` runs the Python of both branches as the graph is defined, and an `if` in PyTorch that of one."""
    calls = []

    def run(x):
        calls.append("up" if x > 0 else "down")
        return x * 2 if x > 0 else x - 1

    results = [run(torch.tensor(number)).item() for number in (3.0, -3.0)]
    assert tensorflow(by_tensorflow.branches_by_an_operation) == [results, ["up", "down"]]
    run(torch.tensor(5.0))
    assert calls == ["up", "down", "up"]


@fact("torch.Tensor.item", claims=["G02"], source=GUIDE)
def test_of_a_function_runs_python_once_and_torch_each_time(tensorflow):
    """A `tf.function` runs its Python code when its graph is made, and a function of torch at each call."""
    calls = []

    def run(x):
        calls.append("ran")
        return x * 2

    results = [run(torch.tensor(number)).item() for number in (2.0, 3.0)]
    assert tensorflow(by_tensorflow.runs_python_in_a_function) == [results, ["ran"]]
    assert calls == ["ran", "ran"]


@fact(
    "torch.compile",
    claims=["G02"],
    source=GUIDE,
    where="before 2.1: torch.compile takes this Python",
)
def test_of_a_function_is_traced_again_where_compile_compiles_again(tensorflow):
    """`tf.function` is traced and `torch.compile(dynamic=False)` compiles for each shape and dtype, not each value."""
    forget()
    graphs = []

    def back_end(graph, inputs):
        graphs.append(str(inputs[0].dtype).removeprefix("torch."))
        return graph.forward

    compiled = torch.compile(lambda x: x * 2, backend=back_end, dynamic=False)
    results = [compiled(torch.tensor(values)).tolist() for values in ([1.0], [2.0], [1.0, 2.0], [1], [3.0])]
    forget()
    assert results == [[2.0], [4.0], [2.0, 4.0], [2], [6.0]]
    assert graphs == ["float32", "float32", "int64"]
    assert tensorflow(by_tensorflow.traces_for_each_shape_and_dtype) == ["float32", "float32", "int32"]


@fact("torch.Tensor.item", claims=["G02"], source=GUIDE, hint="pass tf.constant(number)")
def test_of_a_function_is_traced_again_for_each_number_of_python(tensorflow):
    """A `tf.function` makes a graph for each number of Python that it is given, and PyTorch just computes with it."""
    results = [(torch.tensor(3.0) * by).item() for by in (1.0, 2.0, 1.0, 2.0)]
    assert tensorflow(by_tensorflow.traces_for_each_number_of_python) == [results, [1.0, 2.0]]
    assert results == [3.0, 6.0, 3.0, 6.0]


@fact("torch.Tensor.item", claims=["G02"], source=GUIDE, hint="draw by tf.random, which is a part of the graph")
def test_of_a_function_keeps_a_random_number_of_python(tensorflow):
    """A random number that Python draws is a constant of a `tf.function`, and another at each call in PyTorch."""
    assert tensorflow(by_tensorflow.keeps_a_random_number_of_python) == 1
    drawn = [random.random() for _ in range(3)]
    assert [(torch.tensor(0.0, dtype=torch.float64) + number).item() for number in drawn] == drawn


@fact("torch.jit.script", claims=["G02"], source=GUIDE)
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore:.*torch.jit:FutureWarning")
def test_of_a_function_has_its_branches_rewritten(tensorflow):
    """`tf.function` rewrites an `if` on a value into both branches from the source, as `torch.jit.script` does."""
    results, (kind, words) = tensorflow(by_tensorflow.rewrites_branches)
    scripted = torch.jit.script(branches)
    assert [scripted(torch.tensor(number)).item() for number in (3.0, -3.0)] == results == [6.0, -4.0]
    assert kind == "OperatorNotAllowedInGraphError" and NO_BOOL in words


def branches(x):
    if x > 0:
        return x * 2
    else:
        return x - 1
