"""How samples become a batch: by `default_collate`, by a function of one's own, or not, by `default_convert`."""

import collections
import dataclasses
import datetime
import decimal
import types

import numpy
import pytest
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from torchproof import fact, same
from torchproof.fixtures.checks import shares

Point = collections.namedtuple("Point", ["x", "y"])


@dataclasses.dataclass
class Sample:
    """A sample as a dataclass, which neither function looks into."""

    x: int


def collate(samples):
    return torch.utils.data.default_collate(samples)


def convert(sample):
    return torch.utils.data.default_convert(sample)


# --- what becomes a tensor --------------------------------------------------------------------------------------------


@fact("torch.utils.data.default_collate")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int64, torch.uint8, torch.bool])
def test_stacks_tensors(dtype):
    """`default_collate` stacks tensors along a new first dimension, contiguous and of their dtype."""
    samples = [torch.tensor([0, 1, 1], dtype=dtype), torch.tensor([1, 0, 1], dtype=dtype)]
    batch = collate(samples)
    same(batch, torch.tensor([[0, 1, 1], [1, 0, 1]], dtype=dtype))
    assert batch.stride() == (3, 1)


@fact("torch.utils.data.default_collate")
def test_copies_tensors():
    """`default_collate` copies tensors: a write into the batch is not seen in the samples."""
    samples = [torch.ones(2), torch.ones(2)]
    batch = collate(samples)
    assert not shares(batch, samples[0])
    same(batch, torch.ones(2, 2))


@fact("torch.utils.data.default_collate")
def test_of_scalars_has_one_dimension():
    """`default_collate` makes a tensor of one dimension of tensors that have none."""
    same(collate([torch.tensor(3), torch.tensor(4)]), torch.tensor([3, 4]))


@fact("torch.utils.data.default_collate")
def test_of_tensors_keeps_the_graph():
    """A batch that `default_collate` makes of tensors that require grad hands their gradients back."""
    samples = [torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 4.0], requires_grad=True)]
    (collate(samples) * torch.tensor([[5.0, 6.0], [7.0, 8.0]])).sum().backward()
    same(samples[1].grad, torch.tensor([7.0, 8.0]))


@fact(
    "torch.utils.data.default_collate",
    myth="a batch of Python floats is float32",
    hint="give a float32 tensor or array",
)
def test_of_floats_is_float64():
    """`default_collate` makes a float64 tensor of Python floats, not one of the default dtype."""
    same(collate([0.5, 1.5]), torch.tensor([0.5, 1.5], dtype=torch.float64))


@fact("torch.utils.data.default_collate")
@pytest.mark.parametrize(
    ("samples", "dtype"), [([2, 3], torch.int64), ([True, False], torch.bool)], ids=["int", "bool"]
)
def test_of_ints_and_bools_has_their_dtype(samples, dtype):
    """`default_collate` makes an int64 tensor of Python ints, and a bool tensor of bools."""
    same(collate(samples), torch.tensor(samples, dtype=dtype))


@fact("torch.utils.data.default_collate", hint="give labels and targets of one type in every sample")
def test_of_numbers_goes_by_the_first():
    """`default_collate` goes by the first of mixed numbers: float64 where it is a float, float32 where it is an int."""
    same(collate([0.5, 1]), torch.tensor([0.5, 1.0], dtype=torch.float64))
    same(collate([1, 0.5]), torch.tensor([1.0, 0.5], dtype=torch.float32))


@fact("torch.utils.data.default_collate")
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8", "bool"])
def test_of_arrays_is_a_tensor_of_their_dtype(dtype):
    """`default_collate` makes one tensor of NumPy arrays, of their dtype, with the batch as its first dimension."""
    first, second = numpy.array([0, 1], dtype), numpy.array([1, 1], dtype)
    same(collate([first, second]), torch.from_numpy(numpy.stack([first, second])))


@fact("torch.utils.data.default_collate")
@pytest.mark.parametrize("scalar", [numpy.float32, numpy.float64, numpy.int16])
def test_of_scalars_of_numpy_has_their_dtype(scalar):
    """`default_collate` keeps the dtype of NumPy scalars: of `numpy.float32` it makes float32."""
    same(collate([scalar(3), scalar(4)]), torch.from_numpy(numpy.array([3, 4], scalar)))


@fact("torch.utils.data.default_collate")
@pytest.mark.parametrize("samples", [["a", "b"], [b"a", b"b"], ["", "longer"]], ids=["str", "bytes", "lengths"])
def test_leaves_text_as_a_list(samples):
    """`default_collate` leaves strings and bytes as they are: a list of them."""
    assert collate(samples) == samples
    assert isinstance(collate(samples), list)


# --- what has parts ---------------------------------------------------------------------------------------------------


@fact("torch.utils.data.default_collate", claims=["D10"])
def test_of_dicts_is_a_dict_of_batches():
    """`default_collate` makes of dicts a dict with the same keys, each with the batch of its values."""
    batch = collate([{"x": torch.tensor([1.0, 2.0]), "n": 3}, {"x": torch.tensor([4.0, 5.0]), "n": 6}])
    assert list(batch) == ["x", "n"]
    same(batch["x"], torch.tensor([[1.0, 2.0], [4.0, 5.0]]))
    same(batch["n"], torch.tensor([3, 6]))


@fact("torch.utils.data.DataLoader", claims=["D10"])
def test_loads_dicts_as_a_dict_of_batches():
    """A `DataLoader` over samples that are dicts gives dicts of batches."""
    first, second = DataLoader([{"n": 1}, {"n": 2}, {"n": 3}], batch_size=2)
    same(first["n"], torch.tensor([1, 2]))
    same(second["n"], torch.tensor([3]))


@fact("torch.utils.data.default_collate")
def test_keeps_the_type_of_a_mapping():
    """`default_collate` of OrderedDicts is an OrderedDict, in the order of the first."""
    batch = collate([collections.OrderedDict(b=1, a=2), collections.OrderedDict(a=4, b=3)])
    assert type(batch) is collections.OrderedDict
    assert list(batch) == ["b", "a"]
    same(batch["b"], torch.tensor([1, 3]))


@fact("torch.utils.data.default_collate")
def test_of_mappings_that_cannot_be_written_keeps_their_type():
    """`default_collate` makes of read-only mappings, of `MappingProxyType`, one of their type again."""
    batch = collate([types.MappingProxyType({"a": 1}), types.MappingProxyType({"a": 2})])
    assert type(batch) is types.MappingProxyType
    same(batch["a"], torch.tensor([1, 2]))


@fact("torch.utils.data.default_collate")
def test_of_dicts_goes_by_the_keys_of_the_first():
    """`default_collate` takes the keys of the first dict, and drops others that a later one has."""
    assert list(collate([{"a": 1}, {"a": 2, "b": 3}])) == ["a"]


@fact("torch.utils.data.default_collate", hint="give every sample the same keys")
def test_of_dicts_needs_the_keys_of_the_first():
    """`default_collate` raises KeyError where a dict lacks a key that the first one has."""
    with pytest.raises(KeyError, match="b"):
        collate([{"a": 2, "b": 3}, {"a": 1}])


@fact("torch.utils.data.default_collate", myth="a batch of tuples is a tuple")
def test_of_tuples_is_a_list():
    """`default_collate` of tuples is a list with a batch of each place, no tuple."""
    batch = collate([(1, "a"), (2, "b")])
    assert type(batch) is list
    same(batch[0], torch.tensor([1, 2]))
    assert batch[1] == ("a", "b")


@fact("torch.utils.data.default_collate")
def test_of_named_tuples_keeps_their_names():
    """`default_collate` of named tuples is a named tuple of batches."""
    batch = collate([Point(1, 2.0), Point(3, 4.0)])
    assert type(batch) is Point
    same(batch.x, torch.tensor([1, 3]))
    same(batch.y, torch.tensor([2.0, 4.0], dtype=torch.float64))


@fact("torch.utils.data.default_collate", myth="a batch of lists is one tensor", hint="give tensors or arrays")
def test_of_lists_has_a_batch_of_each_place():
    """`default_collate` transposes lists of numbers: the first batch holds the first number of every sample."""
    batch = collate([[1, 2, 3], [4, 5, 6]])
    assert len(batch) == 3
    same(batch[0], torch.tensor([1, 4]))
    same(batch[2], torch.tensor([3, 6]))


@fact("torch.utils.data.default_collate")
def test_goes_down_into_what_is_nested():
    """`default_collate` goes down into dicts, lists and tuples in one another."""
    batch = collate([{"a": [1, (2.0, "x")]}, {"a": [3, (4.0, "y")]}])
    same(batch["a"][0], torch.tensor([1, 3]))
    same(batch["a"][1][0], torch.tensor([2.0, 4.0], dtype=torch.float64))
    assert batch["a"][1][1] == ("x", "y")


@fact("torch.utils.data.default_collate")
@pytest.mark.parametrize("kind", [collections.UserList, collections.deque])
def test_keeps_the_type_of_a_sequence(kind):
    """`default_collate` of sequences such as `UserList` or `deque` is one of their type with a batch of each place."""
    batch = collate([kind([1, 2]), kind([3, 4])])
    assert type(batch) is kind
    same(batch[1], torch.tensor([2, 4]))


# --- what is refused --------------------------------------------------------------------------------------------------


@fact("torch.utils.data.default_collate", hint="leave None out of the sample, or write a collate_fn")
@pytest.mark.parametrize(
    "sample",
    [None, 1j, {1}, object(), decimal.Decimal(1), datetime.date(2020, 1, 1), slice(1), iter([1])],
    ids=lambda sample: type(sample).__name__,
)
def test_refuses_what_is_no_number_tensor_text_or_collection_of_them(sample):
    """`default_collate` refuses None, a set, a date and other objects: batch must contain tensors."""
    with pytest.raises(TypeError, match="default_collate: batch must contain tensors, numpy arrays, numbers, dicts or"):
        collate([sample, sample])


@fact(
    "torch.utils.data.default_collate",
    myth="default_collate looks into a dataclass",
    hint="give dataclasses.asdict(sample)",
)
def test_refuses_a_dataclass():
    """`default_collate` refuses a dataclass, whose name the TypeError says: found <class 'Sample'>."""
    with pytest.raises(TypeError, match="found <class .*Sample"):
        collate([Sample(1), Sample(2)])


@fact("torch.utils.data.default_collate")
def test_of_a_dataclass_is_that_of_its_dict():
    """`default_collate` takes samples that are dataclasses by the dict that `dataclasses.asdict` makes of each."""
    batch = collate([dataclasses.asdict(Sample(1)), dataclasses.asdict(Sample(2))])
    same(batch["x"], torch.tensor([1, 2]))


@fact("torch.utils.data.default_collate")
@pytest.mark.parametrize("array", [numpy.array(["a"]), numpy.array([None])], ids=["of_text", "of_objects"])
def test_refuses_arrays_of_no_numbers(array):
    """`default_collate` refuses NumPy arrays of text or objects: "batch must contain tensors, numpy arrays"."""
    with pytest.raises(TypeError, match="batch must contain tensors, numpy arrays"):
        collate([array, array])


@fact("torch.utils.data.default_collate", claims=["D03"], hint="pad in a collate_fn")
@pytest.mark.parametrize("kind", [torch.ones, numpy.ones], ids=["tensors", "arrays"])
def test_refuses_several_sizes(kind):
    """In one process `default_collate` of several sizes: "stack expects each tensor to be equal size, but got [2]"."""
    with pytest.raises(RuntimeError, match=r"stack expects each tensor to be equal size, but got \[2\] at entry 0"):
        collate([kind(2), kind(3)])


@fact("torch.utils.data.default_collate", claims=["D03"], hint="pad in a collate_fn")
def test_refuses_lists_of_several_lengths():
    """`default_collate` refuses lists of several lengths: "each element in list of batch should be of equal size"."""
    with pytest.raises(RuntimeError, match="each element in list of batch should be of equal size"):
        collate([[1, 2], [3]])


@fact("torch.utils.data.default_collate", since="2.2", calls="names to_sparse*|sparse_*", hint="write a collate_fn")
def test_refuses_sparse_tensors():
    """`default_collate` refuses sparse tensors: Batches of sparse tensors are not currently supported."""
    with pytest.raises(RuntimeError, match="Batches of sparse tensors are not currently supported"):
        collate([torch.eye(2).to_sparse(), torch.eye(2).to_sparse()])


# --- without batches --------------------------------------------------------------------------------------------------


@fact("torch.utils.data.default_convert")
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_convert_makes_a_tensor_of_an_array(dtype):
    """`default_convert` makes a tensor of a NumPy array, of its dtype and without a dimension more."""
    same(convert(numpy.array([0, 1], dtype)), torch.from_numpy(numpy.array([0, 1], dtype)))


@fact("torch.utils.data.default_convert")
def test_convert_shares_the_memory_of_an_array():
    """`default_convert` shares the memory of a NumPy array: a write into the tensor is seen in the array."""
    array = numpy.zeros(2)
    convert(array)[0] = 5
    assert array.tolist() == [5, 0]


def converts_all(patch):
    """`default_convert` makes something new of everything."""
    patch.setattr(torch.utils.data, "default_convert", lambda sample: [sample])


@fact("torch.utils.data.default_convert", refuter=converts_all)
@pytest.mark.parametrize("sample", [1, 2.5, "a", b"a", None, {1}, Sample(1)], ids=lambda sample: type(sample).__name__)
def test_convert_leaves_what_is_no_array(sample):
    """`default_convert` gives numbers, text, None, a set and a dataclass back as they are."""
    assert convert(sample) is sample


@fact("torch.utils.data.default_convert")
def test_convert_gives_a_tensor_back():
    """`default_convert` gives a tensor itself back, and no copy."""
    x = torch.ones(2)
    assert convert(x) is x


@fact("torch.utils.data.default_convert")
def test_convert_makes_a_tensor_of_a_scalar_of_numpy():
    """`default_convert` makes a tensor without dimensions of a NumPy scalar."""
    same(convert(numpy.float32(1.5)), torch.tensor(1.5))


@fact("torch.utils.data.default_convert")
def test_convert_goes_down_into_collections():
    """`default_convert` converts arrays in dicts, lists and named tuples, which keep their type."""
    got = convert({"a": [numpy.ones(2), "x"], "b": Point(numpy.array(3), 4)})
    same(got["a"][0], torch.ones(2, dtype=torch.float64))
    same(got["b"].x, torch.tensor(3))
    assert (type(got["a"]), got["a"][1], type(got["b"]), got["b"].y) == (list, "x", Point, 4)


@fact("torch.utils.data.default_convert")
def test_convert_makes_a_list_of_a_tuple():
    """`default_convert` makes a list of a tuple."""
    assert convert((1, "a")) == [1, "a"]


@fact("torch.utils.data.default_convert")
@pytest.mark.parametrize("array", [numpy.array(["a"]), numpy.array([None])], ids=["of_text", "of_objects"])
def test_convert_leaves_arrays_of_no_numbers(array):
    """`default_convert` leaves NumPy arrays of text or objects as they are."""
    assert convert(array) is array


@fact("torch.utils.data.DataLoader")
def test_without_batches_converts_the_samples():
    """With `batch_size=None` a `DataLoader` gives NumPy arrays one by one as tensors, numbers and text as they are."""
    array, number, text = DataLoader([numpy.ones(2), 3, "a"], batch_size=None)
    same(array, torch.ones(2, dtype=torch.float64))
    assert (number, text) == (3, "a")


# --- a function of one's own ------------------------------------------------------------------------------------------


def padded(samples):
    return pad_sequence(samples, batch_first=True), torch.tensor([len(one) for one in samples])


@fact(
    "torch.utils.data.DataLoader",
    claims=["D03", "D09"],
    myth="all samples must have the same dimensions to be batched",
)
def test_with_a_collate_fn_that_pads_batches_several_lengths():
    """A `collate_fn` that pads by `pad_sequence` lets a `DataLoader` batch samples of several lengths."""
    samples = [torch.tensor([1.0]), torch.tensor([2.0, 3.0]), torch.tensor([4.0])]
    (first, lengths), (second, _) = DataLoader(samples, batch_size=2, collate_fn=padded)
    same(first, torch.tensor([[1.0, 0.0], [2.0, 3.0]]))
    same(lengths, torch.tensor([1, 2]))
    same(second, torch.tensor([[4.0]]))


@fact("torch.utils.data.DataLoader", claims=["D09"])
def test_collate_fn_is_given_a_list_of_samples():
    """A `DataLoader` hands its `collate_fn` the list of the samples of a batch, and gives what that returns."""
    loader = DataLoader("abc", batch_size=2, collate_fn=lambda samples: (type(samples), "".join(samples)))
    assert list(loader) == [(list, "ab"), (list, "c")]


@fact("torch.utils.data.DataLoader")
def test_collate_fn_is_given_each_sample_without_batches():
    """With `batch_size=None` a `DataLoader` hands each sample to its `collate_fn`."""
    assert list(DataLoader("abc", batch_size=None, collate_fn=str.upper)) == ["A", "B", "C"]


@fact("torch.utils.data.DataLoader", hint="return None for a bad sample, and drop it in the collate_fn")
def test_collate_fn_may_drop_samples():
    """A `collate_fn` may leave samples out, such as None for what could not be read, and batch the others."""
    loader = DataLoader([1, None, 3], batch_size=3, collate_fn=lambda samples: collate([n for n in samples if n]))
    [batch] = loader
    same(batch, torch.tensor([1, 3]))


@fact("torch.utils.data.DataLoader")
def test_collate_fn_of_its_own_leaves_samples_alone():
    """A `collate_fn` that returns the list that it is given makes a `DataLoader` give lists of samples."""
    assert list(DataLoader([{1}, None, 3.5], batch_size=2, collate_fn=list)) == [[{1}, None], [3.5]]
