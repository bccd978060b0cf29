"""What makes `torch.compile` compile a function again, in numbers of compilations."""

import importlib

import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.suites.compile.backends import forget

SCALE = 2


@pytest.fixture
def counts(numbers):
    """`counts(function, calls)`: how many graphs had been compiled after each of the calls, tuples of arguments.

    What a call gives is compared with what the function gives in Python.
    """

    def count(function, calls, **options):
        forget()
        graphs, after = [], []
        back_end = lambda graph, inputs: graphs.append(graph) or graph.forward  # noqa: E731
        compiled = torch.compile(function, backend=back_end, **options)
        for args in calls:
            same(compiled(*args).detach(), function(*args).detach())
            after.append(len(graphs))
        numbers["compilations"] = len(graphs)
        return after

    yield count
    forget()


def twice(x):
    return x * 2


def times(x, by):
    return x * by


def of_rows(device, *counts):
    return [(torch.ones(count, 3, device=device),) for count in counts]


def with_each(device, *others):
    return [(torch.tensor([1.5, -2.0], device=device), other) for other in others]


@fact("torch.compile", since="2.1", calls="any", gain=True, hint="pass dynamic=True, or torch._dynamo.mark_dynamic")
@pytest.mark.parametrize(
    ("dynamic", "after"),
    [(None, [1, 2, 2, 2]), (True, [1, 1, 1, 1]), (False, [1, 2, 3, 4])],
    ids=["default", "dynamic", "static"],
)
def test_compiles_a_second_batch_size_for_all(device, counts, dynamic, after):
    """By default `torch.compile` recompiles once for other batch sizes; never if `dynamic=True`, each time if False."""
    assert counts(twice, of_rows(device, 2, 4, 5, 6), dynamic=dynamic) == after


@fact("torch.compile", since="2.1", calls="names mark_dynamic", gain=True, source="torch.compiler_dynamic_shapes")
def test_takes_a_marked_dimension_for_dynamic(device, counts):
    """A dimension that `mark_dynamic` marks in the first input is compiled for other sizes at once."""
    calls = of_rows(device, 2, 4, 5, 6)
    torch._dynamo.mark_dynamic(calls[0][0], 0)
    assert counts(twice, calls) == [1, 1, 1, 1]


@fact("torch.compile", since="2.1", calls="names mark_static", gain=True, source="torch.compiler_dynamic_shapes")
def test_takes_a_marked_dimension_for_static(device, counts):
    """A dimension that `mark_static` marks in each input is compiled for one size at a time."""
    calls = of_rows(device, 2, 4, 5, 6)
    for (x,) in calls:
        torch._dynamo.mark_static(x, 0)
    assert counts(twice, calls) == [1, 2, 3, 4]


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
@pytest.mark.parametrize("size", [0, 1], ids=["none", "one"])
def test_compiles_sizes_of_none_and_one_apart(device, counts, size):
    """`torch.compile` compiles a size of zero or one for itself, even with `dynamic=True`."""
    assert counts(twice, of_rows(device, 4, 5, size, 6), dynamic=True) == [1, 1, 2, 2]


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
def test_takes_sizes_that_are_equal_to_stay_so(device, counts):
    """`torch.compile` compiles again where dimensions equal in the first input are not, even with `dynamic=True`."""
    calls = [(torch.ones(shape, device=device),) for shape in ((2, 2), (3, 3), (3, 2), (5, 4))]
    assert counts(twice, calls, dynamic=True) == [1, 1, 2, 2]


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
def test_compiles_another_kind_of_tensor_once(device, counts):
    """Another dtype, number of dimensions or need of gradients makes `torch.compile` compile once more."""
    x = torch.ones(2, 3, device=device)
    kinds = [x, x.double(), x.half(), x[0], x[None], x.clone().requires_grad_()]
    assert counts(twice, [(each,) for each in kinds + kinds]) == [1, 2, 3, 4, 5, 6] + [6] * 6


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
def test_compiles_other_strides_once(device, counts):
    """`torch.compile` compiles once more for other strides of the same shape, and not for another place in memory."""
    x = torch.arange(32.0, device=device)
    calls = [x[:9].view(3, 3), x[:9].view(3, 3).t(), x[:18].view(3, 6)[:, ::2], x[9:18].view(3, 3)]
    assert counts(twice, [(each,) for each in calls]) == [1, 2, 3, 3]


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
def test_compiles_for_each_mode_of_gradients(device, numbers):
    """`torch.compile` compiles the same call once with gradients, and once under `no_grad`."""
    forget()
    graphs = []
    compiled = torch.compile(twice, backend=lambda graph, inputs: graphs.append(graph) or graph.forward)
    x, after = torch.ones(2, device=device, requires_grad=True), []
    for mode in (True, False, True, False):
        with torch.set_grad_enabled(mode):
            assert compiled(x).requires_grad is mode
        after.append(len(graphs))
    numbers["compilations"] = len(graphs)
    assert after == [1, 2, 2, 2]


@fact("torch.compile", since="2.1", calls="any", gain=True)
@pytest.mark.parametrize(
    ("dynamic", "after"),
    [(None, [1, 2, 2, 2]), (True, [1, 1, 1, 1]), (False, [1, 2, 3, 4])],
    ids=["default", "dynamic", "static"],
)
def test_compiles_a_second_integer_for_all(device, counts, dynamic, after):
    """Another integer as argument makes `torch.compile` compile as another size does."""
    assert counts(times, with_each(device, 2, 3, 4, 5), dynamic=dynamic) == after


@fact("torch.compile", since="2.6", calls="any", gain=True)
def test_compiles_a_second_float_for_all(device, counts):
    """By default `torch.compile` compiles once more for another float as argument, and then for no more of them."""
    assert counts(times, with_each(device, 2.5, 3.5, 4.5, 5.5)) == [1, 2, 2, 2]


@fact(
    "torch.compile",
    where="before 2.1: torch.compile takes this Python",
    until="2.6",
    calls="any",
    hint="pass a tensor of no dimensions",
)
def test_compiled_for_each_float(device, counts):
    """`torch.compile` compiled once more for each float as argument."""
    assert counts(times, with_each(device, 2.5, 3.5, 4.5, 5.5)) == [1, 2, 3, 4]


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
def test_compiles_a_number_in_a_tensor_once(device, counts):
    """`torch.compile` does not compile again for another number in a tensor."""
    assert counts(times, with_each(device, *map(torch.tensor, (2.5, 3.5, 4.5)))) == [1, 1, 1]


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
def test_compiles_for_each_text_and_truth(device, counts):
    """`torch.compile` compiles once more for each text, True, False and None, where the function depends on them."""
    others = ["a", "bc", True, False, None]
    choose = lambda x, how: x * 2 if how in (None, "a", True) else x * 3  # noqa: E731
    assert counts(choose, with_each(device, *others, *others)) == [1, 2, 3, 4, 5] + [5] * 5


@fact("torch.compile", since="2.1", calls="none")
def test_compiles_for_each_length_of_a_list(device, counts):
    """`torch.compile` compiles once more for a list of another length."""
    x = torch.ones(2, device=device)
    assert counts(lambda xs: sum(xs), [([x],), ([x, x + 1],), ([x, x],), ([x + 1, x],)])[::3] == [1, 3]


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
def test_compiles_for_other_keys_of_a_dict(device, counts):
    """`torch.compile` compiles once more for a dict of other keys, and not for other values."""
    x = torch.ones(2, device=device)
    assert counts(lambda xs: sum(xs.values()), [({"a": x},), ({"b": x},), ({"a": x + 1},)]) == [1, 2, 2]


@fact("torch.compile", since="2.1", calls="none")
def test_compiles_again_for_one_tensor_given_twice(device, counts):
    """`torch.compile` compiles for the same tensor as two arguments apart from two tensors."""
    x, y = torch.ones(2, device=device), torch.ones(2, device=device)
    assert counts(times, [(x, y), (x, x), (y, x), (y, y)]) == [1, 2, 2, 2]


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
def test_compiles_for_another_global(device, counts, monkeypatch):
    """`torch.compile` compiles once more for each new value of a global number, and not for one that it has had."""
    scaled, x = (lambda x: x * SCALE), torch.ones(2, device=device)

    def calls():
        for scale in (2, 3, 4, 5, 6, 2):
            monkeypatch.setitem(globals(), "SCALE", scale)
            yield (x,)

    assert counts(scaled, calls()) == [1, 2, 3, 4, 5, 5]


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.by, self.linear, self.dropout = 2, nn.Linear(2, 2), nn.Dropout(0.0)

    def forward(self, x):
        return self.dropout(self.linear(x)) * self.by


@pytest.fixture
def after_each(counts, device):
    """`after_each(*changes)`: how many graphs a layer has been compiled to after each change of it."""

    def count(*changes):
        layer = Layer().to(device)

        def calls():
            for change in changes:
                change(layer)
                yield (torch.ones(3, 2, device=device),)

        return counts(layer, calls())

    return count


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
def test_compiles_for_training_and_evaluation(after_each):
    """`torch.compile` compiles a module once for training and once for evaluation."""
    assert after_each(nn.Module.train, nn.Module.eval, nn.Module.train, nn.Module.eval) == [1, 2, 2, 2]


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
def test_keeps_what_it_compiled_for_other_weights(after_each):
    """`torch.compile` compiles nothing for other values of a module's parameters, loaded or written in place."""
    other = {"linear.weight": torch.ones(2, 2), "linear.bias": torch.ones(2)}
    write = lambda layer: layer.linear.weight.data.mul_(2)  # noqa: E731
    assert after_each(write, write, lambda layer: layer.load_state_dict(other)) == [1, 1, 1]


@fact("torch.compile", since="2.4", calls="any", gain=True)
def test_compiles_for_another_attribute(after_each):
    """`torch.compile` compiles once more when a number that is an attribute of a module has changed."""
    assert after_each(*(lambda layer, by=by: setattr(layer, "by", by) for by in (2, 3)))[:2] == [1, 2]


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
def test_compiles_a_function_once_for_all_who_ask(device):
    """A function given to `torch.compile` again, with the same back end, is not compiled again."""
    forget()
    graphs = []
    back_end = lambda graph, inputs: graphs.append(graph) or graph.forward  # noqa: E731
    for _ in range(3):
        same(torch.compile(twice, backend=back_end)(torch.ones(2, device=device)), torch.full((2,), 2.0))
    assert len(graphs) == 1


@pytest.fixture
def limit():
    """How often a function is compiled, by what that is called on this release."""
    config = importlib.import_module("torch._dynamo.config")
    return config.recompile_limit if hasattr(config, "recompile_limit") else config.cache_size_limit


@fact(
    "torch.compile",
    since="2.2",
    calls="names recompile_limit|cache_size_limit|accumulated_*",
    hint="raise torch._dynamo.config.recompile_limit, or give what changes in tensors",
)
def test_gives_up_at_its_limit(device, counts, limit):
    """After eight compilations by `torch.compile` a call that would need one more runs in Python."""
    assert limit == 8
    calls = with_each(device, *("a" * length for length in range(2, 12)))
    assert counts(lambda x, text: x * len(text), calls) == [1, 2, 3, 4, 5, 6, 7, 8, 8, 8]


@fact("torch.compile", since="2.2", calls="fullgraph=True, names recompile_limit|cache_size_limit|accumulated_*")
def test_refuses_more_than_its_limit_in_a_full_graph(device, counts, limit):
    """`torch.compile` with `fullgraph=True` refuses a call that would need a ninth compilation."""
    assert limit == 8
    calls = with_each(device, *("a" * length for length in range(2, 10)))
    assert counts(lambda x, text: x * len(text), calls, fullgraph=True)[-1] == 8
    forget()
    with pytest.raises(Exception, match=r"limit|fullgraph"):
        counts(lambda x, text: x * len(text), calls + with_each(device, "b"), fullgraph=True)


@pytest.fixture
def limit_of_two():
    """No function is compiled more than two times, whatever the limit is called on this release."""
    config = importlib.import_module("torch._dynamo.config")
    name = next(name for name in ("recompile_limit", "cache_size_limit") if hasattr(config, name))
    before = getattr(config, name)
    setattr(config, name, 2)
    yield
    setattr(config, name, before)


@fact("torch.compile", where="before 2.1: torch.compile takes this Python")
def test_can_be_given_another_limit(device, counts, limit_of_two):
    """The limit of compilations of `torch.compile` can be set, and what was compiled before it is used after it."""
    calls = with_each(device, "a", "bc", "def", "a", "bc", "efgh")
    assert counts(lambda x, text: x * len(text), calls) == [1, 2, 2, 2, 2, 2]
