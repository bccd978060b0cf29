"""`torch.load`: what it gives and what it refuses, with `weights_only` and `mmap`; devices are in test_map_location."""

import collections
import fractions
import functools
import pathlib
import pickle

import numpy
import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.fixtures.checks import shares

WORDS = "Weights only load failed"


class Doubling(nn.Module):
    """A module whose code is not in its file."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([2.0]))

    def forward(self, x):
        return x * self.weight


class Writing:
    """Runs code when it is unpickled: it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


@pytest.fixture
def saved(tmp_path):
    """The path of a file to which a value is saved, by `saved(value)`."""

    def save(value):
        torch.save(value, tmp_path / "saved.pt")
        return tmp_path / "saved.pt"

    return save


@pytest.fixture
def safe_list():
    """Puts the list of classes that files may hold back as it was."""
    before = torch.serialization.get_safe_globals()
    yield
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(before)


@fact(
    "torch.load",
    since="2.6",
    calls="not weights_only, not pickle_module, uncaught UnpicklingError",
    claims=["S01"],
    myth="torch.load(path) gives a saved model back",
    hint="pass weights_only=False for files you trust",
)
def test_refuses_a_pickled_module_by_default(saved):
    """`torch.load` refuses a whole pickled module unless `weights_only=False` is said."""
    path = saved(Doubling())
    with pytest.raises(pickle.UnpicklingError, match=WORDS):
        torch.load(path)


@fact("torch.load", until="2.6", calls="not weights_only, not pickle_module, uncaught UnpicklingError", claims=["S01"])
def test_unpickled_a_module_by_default(saved):
    """`torch.load` gives a whole pickled module back without being told to."""
    same(torch.load(saved(Doubling()))(torch.ones(1)), torch.tensor([2.0]))


@fact("torch.load", claims=["S01"])
def test_without_weights_only_gives_a_module_back(saved):
    """`torch.load(weights_only=False)` gives a saved module back with its parameters and its mode."""
    model = Doubling().eval()
    model.weight.data.fill_(5.0)
    back = torch.load(saved(model), weights_only=False)
    assert (type(back), back.training) == (Doubling, False)
    same(back(torch.tensor([3.0])), torch.tensor([15.0]))


@fact(
    "torch.load",
    claims=["S01"],
    myth="torch.save(model, path) stores the structure",
    hint="save the state_dict and keep the code",
)
def test_needs_the_code_of_a_pickled_module(saved, monkeypatch):
    """`torch.load` of a whole module raises "Can't get attribute" where its class is gone: only its name is saved."""
    path = saved(Doubling())
    monkeypatch.delitem(globals(), "Doubling")
    with pytest.raises(AttributeError, match="Can't get attribute 'Doubling'"):
        torch.load(path, weights_only=False)


@fact("torch.load", claims=["S01"])
def test_takes_the_code_of_today(saved, monkeypatch):
    """A whole module from `torch.load` computes what its class says now, not what it said when it was saved."""
    path = saved(Doubling())
    monkeypatch.setattr(Doubling, "forward", lambda self, x: x - self.weight)
    same(torch.load(path, weights_only=False)(torch.tensor([3.0])), torch.tensor([1.0]))


@fact("torch.load")
def test_with_weights_only_refuses_a_module(saved):
    """`torch.load(weights_only=True)` refuses a whole pickled module, a `Linear`, with "Weights only load failed"."""
    path = saved(nn.Linear(2, 1))
    with pytest.raises(pickle.UnpicklingError, match=WORDS):
        torch.load(path, weights_only=True)


@fact("torch.load", source="notes/serialization")
def test_with_weights_only_runs_no_code(saved, tmp_path):
    """`torch.load(weights_only=True)` refuses a file that would run code without running it."""
    path = saved(Writing(tmp_path / "made"))
    with pytest.raises(pickle.UnpicklingError, match=WORDS):
        torch.load(path, weights_only=True)
    assert not (tmp_path / "made").exists()


@fact("torch.load", source="notes/serialization", hint="use weights_only=False for files you trust only")
def test_without_weights_only_runs_code(saved, tmp_path):
    """`torch.load(weights_only=False)` runs the code that a file names."""
    torch.load(saved(Writing(tmp_path / "made")), weights_only=False)
    assert (tmp_path / "made").exists()


@fact("torch.load")
@pytest.mark.parametrize("weights_only", [True, False])
def test_gives_a_state_dict_back(device, saved, weights_only):
    """`torch.load` gives a saved `state_dict` back with and without `weights_only`."""
    state = nn.Linear(2, 1, device=device).state_dict()
    back = torch.load(saved(state), weights_only=weights_only)
    assert list(back) == ["weight", "bias"]
    same(back["weight"], state["weight"])


@fact("torch.load")
@pytest.mark.parametrize(
    "value",
    [
        {"epoch": 3, "loss": 0.5, "name": "run", "best": None, "done": True},
        [1, 2.5],
        (1, "a"),
        collections.OrderedDict(a=1),
        torch.Size([2, 3]),
        torch.float16,
    ],
    ids=["dict", "list", "tuple", "OrderedDict", "Size", "dtype"],
)
def test_with_weights_only_takes_plain_values(saved, value):
    """`torch.load(weights_only=True)` gives dicts, lists, tuples of numbers, text, None, a `Size` and a dtype back."""
    back = torch.load(saved(value), weights_only=True)
    assert (type(back), back) == (type(value), value)


@fact("torch.load")
def test_with_weights_only_takes_a_parameter(device, saved):
    """`torch.load(weights_only=True)` gives an `nn.Parameter` back as one."""
    back = torch.load(saved(nn.Parameter(torch.ones(2, device=device))), weights_only=True)
    assert isinstance(back, nn.Parameter)
    same(back, torch.ones(2))


ADMITTED = {
    "2.4": [collections.Counter("aab"), torch.device("cpu")],
    "2.5": [bytearray(b"ab")],
    "2.6": [{1, 2}, 2j],
}


def admitted(release):
    return pytest.mark.parametrize("value", ADMITTED[release], ids=lambda value: type(value).__name__)


def loads(path, value):
    back = torch.load(path, weights_only=True)
    return type(back) is type(value) and back == value


@fact("torch.load", since="2.4", calls="weights_only=True", gain=True)
@admitted("2.4")
def test_with_weights_only_takes_counters_and_devices(saved, value):
    """`torch.load(weights_only=True)` gives a `Counter` and a `torch.device` back."""
    assert loads(saved(value), value)


@fact("torch.load", since="2.5", calls="weights_only=True", gain=True)
@admitted("2.5")
def test_with_weights_only_takes_bytearrays(saved, value):
    """`torch.load(weights_only=True)` gives a `bytearray` back."""
    assert loads(saved(value), value)


@fact("torch.load", since="2.6", calls="weights_only=True", gain=True)
@admitted("2.6")
def test_with_weights_only_takes_sets_and_complex_numbers(saved, value):
    """`torch.load(weights_only=True)` gives a set and a complex number back."""
    assert loads(saved(value), value)


@fact(
    "torch.load", hint="save tensors and plain values only, or list the class with torch.serialization.add_safe_globals"
)
@pytest.mark.parametrize(
    "value",
    [fractions.Fraction(1, 2), numpy.ones(2), collections.deque([1]), frozenset([1])],
    ids=lambda value: type(value).__name__,
)
def test_with_weights_only_refuses_other_classes(saved, value):
    """`torch.load(weights_only=True)` of `Fraction`, NumPy array, `deque`, `frozenset`: "Weights only load failed"."""
    path = saved({"weight": torch.ones(1), "other": value})
    with pytest.raises(pickle.UnpicklingError, match=WORDS):
        torch.load(path, weights_only=True)


@fact("torch.serialization.safe_globals")
def test_takes_a_class_that_is_declared_safe_for_a_block(saved):
    """A class, as `Fraction`, loads with `weights_only=True` in `safe_globals([Fraction])` and is refused after it."""
    path = saved(fractions.Fraction(1, 2))
    with torch.serialization.safe_globals([fractions.Fraction]):
        assert torch.load(path, weights_only=True) == fractions.Fraction(1, 2)
    with pytest.raises(pickle.UnpicklingError, match=WORDS):
        torch.load(path, weights_only=True)


@fact(
    "torch.serialization.add_safe_globals",
    "torch.serialization.get_safe_globals",
    "torch.serialization.clear_safe_globals",
)
def test_takes_a_class_that_was_declared_safe(saved, safe_list):
    """A class, as `Fraction`, loads with `weights_only=True` after `add_safe_globals`, until `clear_safe_globals`."""
    path = saved(fractions.Fraction(1, 2))
    torch.serialization.add_safe_globals([fractions.Fraction])
    assert torch.load(path, weights_only=True) == fractions.Fraction(1, 2)
    torch.serialization.clear_safe_globals()
    with pytest.raises(pickle.UnpicklingError, match=WORDS):
        torch.load(path, weights_only=True)


@fact("torch.serialization.get_safe_globals")
def test_is_told_which_classes_were_declared_safe(safe_list):
    """`get_safe_globals` lists the classes that `add_safe_globals` was given."""
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals([fractions.Fraction, collections.deque])
    assert set(torch.serialization.get_safe_globals()) == {fractions.Fraction, collections.deque}


@fact("torch.serialization.get_unsafe_globals_in_checkpoint")
def test_is_told_beforehand_what_it_would_refuse(saved):
    """`get_unsafe_globals_in_checkpoint` names the classes in a file that `weights_only=True` would refuse."""
    path = saved({"weight": torch.ones(1), "other": fractions.Fraction(1, 2)})
    assert torch.serialization.get_unsafe_globals_in_checkpoint(path) == ["fractions.Fraction"]


def remembering(patch):
    patch.setattr(torch, "load", functools.cache(torch.load))


@fact("torch.load", refuter=remembering)
def test_gives_memory_of_its_own(device, saved):
    """Two `torch.load` of one file do not share memory."""
    path = saved(torch.tensor([1.0, 2.0], device=device))
    first, second = torch.load(path), torch.load(path)
    same(second, torch.tensor([1.0, 2.0]))
    assert not shares(first, second)


@fact("torch.load")
def test_of_a_missing_file_is_refused(tmp_path):
    """`torch.load` of a path where there is no file raises FileNotFoundError."""
    with pytest.raises(FileNotFoundError, match="missing.pt"):
        torch.load(tmp_path / "missing.pt")


@fact("torch.load")
@pytest.mark.parametrize(
    "content",
    [b"not a model at all", pickle.dumps([1], protocol=2), b"PK\x05\x06" + bytes(18)],
    ids=["text", "pickle", "zip"],
)
def test_of_a_file_of_another_kind_is_refused(tmp_path, content):
    """`torch.load` of "not a model at all" raises UnpicklingError, of a list's pickle or an empty zip RuntimeError."""
    (tmp_path / "other.pt").write_bytes(content)
    with pytest.raises(pickle.UnpicklingError if content.isascii() else RuntimeError):
        torch.load(tmp_path / "other.pt")


@fact("torch.load")
def test_of_an_empty_file_is_refused(tmp_path):
    """`torch.load` of an empty file raises EOFError."""
    (tmp_path / "empty.pt").touch()
    with pytest.raises(EOFError):
        torch.load(tmp_path / "empty.pt")


@fact("torch.load")
def test_of_half_a_file_is_refused(saved):
    """`torch.load` of a file whose end was cut off raises "failed finding central directory"."""
    path = saved(torch.ones(1000))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(RuntimeError, match="failed finding central directory"):
        torch.load(path)


@fact("torch.load", since="2.1", calls="mmap=True", gain=True)
def test_with_mmap_gives_the_values(saved):
    """`torch.load(mmap=True)` gives the saved values to write to: the file stays as it was."""
    path = str(saved(torch.arange(3.0)))
    mapped = torch.load(path, mmap=True)
    mapped[0] = 9.0
    same(mapped, torch.tensor([9.0, 1.0, 2.0]))
    same(torch.load(path), torch.tensor([0.0, 1.0, 2.0]))


@fact("torch.load", since="2.3", calls="mmap=True", gain=True, hint="pass str(path) for older releases")
def test_with_mmap_takes_a_path_object(saved):
    """`torch.load(mmap=True)` takes a `pathlib.Path`."""
    same(torch.load(saved(torch.arange(3.0)), mmap=True), torch.tensor([0.0, 1.0, 2.0]))


@fact("torch.load", since="2.1", until="2.3", calls="mmap=True", hint="pass str(path)")
def test_with_mmap_refuses_a_path_object(saved):
    """`torch.load(mmap=True)` refuses a `pathlib.Path`: "f must be a string filename"."""
    path = saved(torch.arange(3.0))
    with pytest.raises(ValueError, match="f must be a string filename"):
        torch.load(path, mmap=True)


@fact("torch.load", since="2.1", calls="mmap=True", hint="load from a path")
def test_with_mmap_refuses_an_open_file(saved):
    """`torch.load(mmap=True)` refuses an open file: "f must be a" path, in other words from release to release."""
    with open(saved(torch.ones(1)), "rb") as file, pytest.raises(ValueError, match="f must be a"):
        torch.load(file, mmap=True)


@fact("torch.load", until="2.1", calls="mmap=True", gain=True)
def test_knows_no_mmap(saved):
    """`torch.load` does not take `mmap`: "'mmap' is an invalid keyword argument"."""
    path = saved(torch.ones(1))
    with pytest.raises(TypeError, match="'mmap' is an invalid keyword argument"):
        torch.load(path, mmap=True)
