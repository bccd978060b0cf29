"""`Embedding`, `EmbeddingBag` and `embedding_bag`: rows that are looked up, and what they learn."""

import math

import numpy
import pytest
import torch
from torch import nn
from torch.nn import functional

from torchproof import close, fact, same
from torchproof.fixtures.checks import shares
from torchproof.suites.layers.reference import Called, follows

TABLE = [[3.0, 4.0], [0.5, 1.0], [-6.0, 8.0], [2.0, -1.5]]


def table(device, kind=nn.Embedding, **options):
    """A layer of the four rows of TABLE."""
    layer = kind(4, 2, device=device, **options)
    layer.weight.data.copy_(torch.tensor(TABLE))
    return layer


def words(device, *indices, **options):
    return torch.tensor(indices, device=device, **options)


@fact("torch.nn.Embedding")
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)], ids=str)
def test_gives_a_row_for_each_index(device, shape):
    """`Embedding` gives the row of each index, in the shape of the indices, and the rows get the gradients' sums."""
    indices = numpy.arange(math.prod(shape)).reshape(shape) % 3
    follows(device, nn.Embedding(4, 2), lambda x, weight: weight[x], indices)


@fact("torch.nn.Embedding")
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_takes_integers_of_two_kinds(device, dtype):
    """`Embedding` takes indices of int32 and int64."""
    same(table(device)(words(device, 2, 0, dtype=dtype)), torch.tensor([TABLE[2], TABLE[0]]))


@fact("torch.nn.Embedding")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bool])
def test_refuses_indices_that_are_no_integers(device, dtype):
    """`Embedding` refuses indices of float32 or bool: it expects another "scalar type"."""
    with pytest.raises(RuntimeError, match="[Ee]xpected.*scalar type"):
        table(device)(words(device, 1, 0).to(dtype))


@fact("torch.nn.Embedding")
@pytest.mark.cpu
@pytest.mark.parametrize("index", [-1, 4])
def test_refuses_an_index_out_of_range(index):
    """`Embedding` on the CPU raises "index out of range in self" where an index has no row, negative ones too."""
    with pytest.raises(IndexError, match="index out of range in self"):
        table("cpu")(words("cpu", index))


@fact("torch.nn.Embedding")
def test_padding_row_starts_as_zeros(device):
    """The row of `padding_idx` in the weight of `Embedding` starts as zeros, and only this one."""
    layer = nn.Embedding(3, 2, padding_idx=1, device=device)
    assert (layer.weight == 0).tolist() == [[False] * 2, [True] * 2, [False] * 2]


@fact("torch.nn.Embedding")
def test_padding_row_is_never_learned(device):
    """The row of `padding_idx` in `Embedding`, the vector of padding tokens, gets a gradient of zeros."""
    layer = nn.Embedding(3, 2, padding_idx=1, device=device)
    layer(words(device, 1, 0, 1)).sum().backward()
    same(layer.weight.grad, torch.tensor([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]))


@fact("torch.nn.Embedding", myth="padding_idx masks its index")
def test_padding_row_is_looked_up_like_any_other(device):
    """`Embedding` looks up the row of `padding_idx` like any other: if it is written to, it is zero no more."""
    layer = table(device, padding_idx=1)
    same(layer(words(device, 1, 0)), torch.tensor([[0.5, 1.0], [3.0, 4.0]]))


@fact("torch.nn.Embedding")
def test_padding_may_be_counted_from_the_end(device):
    """A negative `padding_idx` of `Embedding` counts from the last row."""
    layer = nn.Embedding(3, 2, padding_idx=-1, device=device)
    layer(words(device, 2, 0)).sum().backward()
    same(layer.weight.grad, torch.tensor([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]))
    assert layer.padding_idx == 2


@fact("torch.nn.Embedding", "torch.nn.EmbeddingBag")
@pytest.mark.parametrize("kind", [nn.Embedding, nn.EmbeddingBag], ids=["Embedding", "EmbeddingBag"])
@pytest.mark.parametrize("index", [3, -4])
def test_refuses_padding_that_is_no_row(kind, index):
    """`Embedding` and `EmbeddingBag` refuse, when made, a `padding_idx` that is not "within num_embeddings"."""
    with pytest.raises(AssertionError, match="adding_idx must be within num_embeddings"):
        kind(3, 2, padding_idx=index)


@fact("torch.nn.Embedding", myth="max_norm changes what is looked up only")
def test_rows_are_shortened_in_the_table_itself(device):
    """`max_norm` of `Embedding` shortens, in the table itself, those rows that are looked up and longer."""
    layer = table(device, max_norm=5.0)
    with torch.no_grad():
        y = layer(words(device, 2, 1))
    want = [TABLE[0], TABLE[1], [-3.0, 4.0], TABLE[3]]
    close(y, [want[2], want[1]], roundings=8)
    close(layer.weight.detach(), want, roundings=8)


@fact("torch.nn.Embedding")
def test_length_of_a_row_is_of_the_norm_that_it_is_told(device):
    """`norm_type` of `Embedding` is the norm that `max_norm` limits."""
    layer = table(device, max_norm=7.0, norm_type=1.0)
    with torch.no_grad():
        close(layer(words(device, 2, 0)), [[-3.0, 4.0], [3.0, 4.0]], roundings=8)


@fact("torch.nn.Embedding", "torch.nn.EmbeddingBag")
@pytest.mark.parametrize("kind", [nn.Embedding, nn.EmbeddingBag], ids=["Embedding", "EmbeddingBag"])
def test_gradients_may_be_shared_by_frequency(device, kind):
    """`scale_grad_by_freq` of `Embedding` and `EmbeddingBag` divides a row's gradient by how often it was looked up."""
    options = {"mode": "sum"} if kind is nn.EmbeddingBag else {}
    layer = table(device, kind, scale_grad_by_freq=True, **options)
    layer(words(device, [2, 2, 2, 0])).sum().backward()
    same(layer.weight.grad, torch.tensor([[1.0, 1.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]))


@fact("torch.nn.Embedding", "torch.nn.EmbeddingBag")
@pytest.mark.parametrize("kind", [nn.Embedding, nn.EmbeddingBag], ids=["Embedding", "EmbeddingBag"])
def test_gradients_may_be_sparse(device, kind):
    """`Embedding` and `EmbeddingBag` with `sparse=True` get a sparse gradient of the rows that were looked up."""
    options = {"mode": "sum"} if kind is nn.EmbeddingBag else {}
    layer = table(device, kind, sparse=True, **options)
    layer(words(device, [2, 2, 0])).sum().backward()
    grad = layer.weight.grad
    assert (grad.is_sparse, grad.coalesce().indices().tolist()) == (True, [[0, 2]])
    same(grad, torch.tensor([[1.0, 1.0], [0.0, 0.0], [2.0, 2.0], [0.0, 0.0]]))


PRETRAINED = ("torch.nn.Embedding.from_pretrained", "torch.nn.EmbeddingBag.from_pretrained")
KINDS = pytest.mark.parametrize("kind", [nn.Embedding, nn.EmbeddingBag], ids=["Embedding", "EmbeddingBag"])


@fact(*PRETRAINED)
@KINDS
def test_made_of_a_table_keeps_it(device, kind):
    """`from_pretrained` of `Embedding` and `EmbeddingBag` copies nothing: its weight shares the table's memory."""
    rows = torch.tensor(TABLE, device=device)
    layer = kind.from_pretrained(rows)
    same(layer.weight, rows)
    assert shares(layer.weight.data, rows)


@fact(*PRETRAINED, hint="pass freeze=False")
@KINDS
def test_made_of_a_table_is_frozen(device, kind):
    """`from_pretrained` of `Embedding` and `EmbeddingBag` freezes the weight: `requires_grad` is False by default."""
    assert kind.from_pretrained(torch.tensor(TABLE, device=device)).weight.requires_grad is False


@fact(*PRETRAINED)
@KINDS
def test_made_of_a_table_learns_when_told(device, kind):
    """`from_pretrained(freeze=False)` of `Embedding` and `EmbeddingBag` gives a weight that requires grad."""
    assert kind.from_pretrained(torch.tensor(TABLE, device=device), freeze=False).weight.requires_grad is True


@fact("torch.nn.Embedding")
def test_of_no_index_is_empty(device):
    """`Embedding` of no indices gives no rows, and a gradient of zeros."""
    layer = table(device)
    y = layer(words(device, dtype=torch.int64))
    y.sum().backward()
    assert y.shape == (0, 2)
    same(layer.weight.grad, torch.zeros(4, 2))


REDUCTIONS = {"sum": numpy.sum, "mean": numpy.mean, "max": numpy.max}


@fact("torch.nn.EmbeddingBag")
@pytest.mark.parametrize("mode", REDUCTIONS)
def test_bag_reduces_the_rows_of_each_bag(device, mode):
    """`EmbeddingBag` gives the sum, mean or highest of the rows of each bag: of each line of a matrix of indices."""
    indices = numpy.array([[0, 2, 3], [3, 1, 1]])
    follows(device, nn.EmbeddingBag(4, 2, mode=mode), lambda x, weight: REDUCTIONS[mode](weight[x], axis=1), indices)


@fact("torch.nn.EmbeddingBag")
def test_bag_takes_the_mean_by_default(device):
    """`EmbeddingBag` gives the mean unless it is told another mode."""
    same(table(device, nn.EmbeddingBag)(words(device, [0, 1])), torch.tensor([[1.75, 2.5]]))


@fact("torch.nn.EmbeddingBag")
@pytest.mark.parametrize(
    ("mode", "want"),
    [
        ("sum", [[3.5, 5.0], [-6.0, 8.0]]),
        ("mean", [[1.75, 2.5], [-6.0, 8.0]]),
        ("max", [[3.0, 4.0], [-6.0, 8.0]]),
    ],
    ids=["sum", "mean", "max"],
)
def test_bags_are_told_by_where_they_begin(device, mode, want):
    """`EmbeddingBag` of a row of indices takes as offsets the places at which each bag begins."""
    layer = table(device, nn.EmbeddingBag, mode=mode)
    same(layer(words(device, 0, 1, 2), words(device, 0, 2)), torch.tensor(want))


@fact("torch.nn.EmbeddingBag")
@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_bag_that_is_empty_gives_zeros(device, mode):
    """`EmbeddingBag` gives zeros for an empty bag, one that begins where the next begins."""
    layer = table(device, nn.EmbeddingBag, mode=mode)
    same(layer(words(device, 0, 2), words(device, 0, 1, 1))[[0, 1]], torch.tensor([[3.0, 4.0], [0.0, 0.0]]))


@fact("torch.nn.EmbeddingBag")
def test_last_offset_may_be_the_end(device):
    """`EmbeddingBag(include_last_offset=True)` takes the last offset for the end of the last bag."""
    layer = table(device, nn.EmbeddingBag, mode="sum", include_last_offset=True)
    same(layer(words(device, 0, 1, 2), words(device, 0, 2, 3)), torch.tensor([[3.5, 5.0], [-6.0, 8.0]]))


@fact("torch.nn.EmbeddingBag")
def test_bag_weighs_its_rows(device):
    """`per_sample_weights` multiply the rows before `EmbeddingBag` adds them, and get gradients."""
    layer = table(device, nn.EmbeddingBag, mode="sum")
    weights = torch.tensor([[0.5, 2.0]], device=device, requires_grad=True)
    y = layer(words(device, [0, 1]), per_sample_weights=weights)
    y.sum().backward()
    same(y, torch.tensor([[2.5, 4.0]]))
    same(weights.grad, torch.tensor([[7.0, 1.5]]))
    same(layer.weight.grad[:2], torch.tensor([[0.5, 0.5], [2.0, 2.0]]))


@fact("torch.nn.EmbeddingBag")
@pytest.mark.parametrize("mode", ["mean", "max"])
def test_bag_weighs_its_rows_in_a_sum_only(device, mode):
    """`EmbeddingBag` of mode "mean" or "max" refuses `per_sample_weights`."""
    with pytest.raises(NotImplementedError, match="per_sample_weights"):
        table(device, nn.EmbeddingBag, mode=mode)(
            words(device, [0, 1]), per_sample_weights=torch.ones(1, 2, device=device)
        )


@fact("torch.nn.EmbeddingBag")
def test_bag_leaves_padding_out(device):
    """`EmbeddingBag` leaves `padding_idx` out of its mean, and of the count that it divides by."""
    layer = table(device, nn.EmbeddingBag, padding_idx=2)
    same(layer(words(device, [0, 2, 1], [2, 2, 2])), torch.tensor([[1.75, 2.5], [0.0, 0.0]]))


@fact("torch.nn.EmbeddingBag")
def test_bag_does_not_learn_padding(device):
    """The row of `padding_idx` in `EmbeddingBag` gets a gradient of zeros, and the others their shares of the mean."""
    layer = table(device, nn.EmbeddingBag, padding_idx=2)
    layer(words(device, [0, 2, 1], [2, 2, 2])).sum().backward()
    same(layer.weight.grad, torch.tensor([[0.5, 0.5], [0.5, 0.5], [0.0, 0.0], [0.0, 0.0]]))


@fact("torch.nn.EmbeddingBag")
def test_bag_shortens_its_rows(device):
    """`max_norm` of an `EmbeddingBag` shortens the rows in the table itself, by the norm of `norm_type`."""
    layer = table(device, nn.EmbeddingBag, mode="sum", max_norm=7.0, norm_type=1.0)
    with torch.no_grad():
        close(layer(words(device, [2, 0])), [[0.0, 8.0]], roundings=8, scale=7)
    close(layer.weight.detach(), [TABLE[0], TABLE[1], [-3.0, 4.0], TABLE[3]], roundings=8)


@fact("torch.nn.EmbeddingBag")
@pytest.mark.parametrize(
    ("offsets", "error", "words_"),
    [
        (None, ValueError, "offsets has to be a 1D Tensor but got None"),
        ([1, 2], (RuntimeError, ValueError), r"offsets\[0\] has to be 0"),
    ],
    ids=["missing", "late"],
)
def test_bag_refuses_a_row_without_its_beginnings(device, offsets, error, words_):
    """`EmbeddingBag` of a row of indices refuses to be without `offsets`, and to have a first one other than 0."""
    offsets = None if offsets is None else words(device, *offsets)
    with pytest.raises(error, match=words_):
        table(device, nn.EmbeddingBag)(words(device, 0, 1, 2), offsets)


@fact("torch.nn.EmbeddingBag")
def test_bag_refuses_beginnings_of_a_matrix(device):
    """`EmbeddingBag` of a matrix of indices refuses offsets: "offsets has to be None"."""
    with pytest.raises(ValueError, match="offsets has to be None"):
        table(device, nn.EmbeddingBag)(words(device, [0, 1]), words(device, 0))


@fact("torch.nn.Embedding")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_of_a_reduced_dtype_looks_up_exactly(device, dtype):
    """`Embedding` of float16 or bfloat16 gives its rows as they are."""
    same(table(device, dtype=dtype)(words(device, 2, 1)), torch.tensor([TABLE[2], TABLE[1]], dtype=dtype))


def starts_from_zero(patch):
    patch.setattr(nn.init, "normal_", nn.init.zeros_)


@fact("torch.nn.Embedding", refuter=starts_from_zero)
def test_starts_from_a_normal_distribution(device):
    """`Embedding` starts with rows drawn from a normal distribution with mean 0 and variance 1."""
    numbers = nn.Embedding(100, 100, device=device).weight.detach().double()
    assert abs(numbers.mean().item()) < 6 / 100
    assert abs(numbers.var().item() - 1) < 6 * math.sqrt(2) / 100
    assert numbers.abs().max().item() > 3


# --- the function -----------------------------------------------------------------------------------------------------

BAG = "torch.nn.functional.embedding_bag"


@fact(BAG)
@pytest.mark.parametrize("mode", REDUCTIONS)
def test_function_of_bags_reduces_the_rows_of_each_bag(device, mode):
    """`embedding_bag` gives, and differentiates, the sum, mean or highest of the rows of each line of indices."""
    indices = numpy.array([[0, 2, 3], [3, 1, 1]])
    layer = Called("embedding_bag", {"weight": (4, 2)}, mode=mode)
    follows(device, layer, lambda x, weight: REDUCTIONS[mode](weight[x], axis=1), indices)


@fact(BAG)
@pytest.mark.parametrize("ended", [False, True], ids=["beginnings", "with-the-end"])
def test_function_of_bags_is_told_where_they_begin(device, ended):
    """`embedding_bag` takes the mean from each offset to the next; with `include_last_offset` the last is the end."""
    offsets = words(device, 0, 2, 2, *([3] if ended else []))
    y = functional.embedding_bag(
        words(device, 0, 1, 2), torch.tensor(TABLE, device=device), offsets, include_last_offset=ended
    )
    same(y, torch.tensor([[1.75, 2.5], [0.0, 0.0], [-6.0, 8.0]]))


@fact(BAG)
def test_function_of_bags_weighs_its_rows(device):
    """`per_sample_weights` multiply the rows before `embedding_bag` adds them, and get gradients."""
    rows, weights = (torch.tensor(each, device=device, requires_grad=True) for each in (TABLE, [[0.5, 2.0]]))
    y = functional.embedding_bag(words(device, [0, 1]), rows, mode="sum", per_sample_weights=weights)
    y.sum().backward()
    same(y, torch.tensor([[2.5, 4.0]]))
    same(weights.grad, torch.tensor([[7.0, 1.5]]))
    same(rows.grad[:2], torch.tensor([[0.5, 0.5], [2.0, 2.0]]))


@fact(BAG)
def test_function_of_bags_leaves_padding_out(device):
    """`embedding_bag` leaves `padding_idx` out of its mean, and gives this row no gradient."""
    rows = torch.tensor(TABLE, device=device, requires_grad=True)
    y = functional.embedding_bag(words(device, [0, 2, 1], [2, 2, 2]), rows, padding_idx=2)
    y.sum().backward()
    same(y, torch.tensor([[1.75, 2.5], [0.0, 0.0]]))
    same(rows.grad, torch.tensor([[0.5, 0.5], [0.5, 0.5], [0.0, 0.0], [0.0, 0.0]]))


@fact(BAG)
def test_function_of_bags_shares_gradients_by_frequency(device):
    """`embedding_bag(scale_grad_by_freq=True)` divides a row's gradient by how often it was looked up."""
    rows = torch.tensor(TABLE, device=device, requires_grad=True)
    functional.embedding_bag(words(device, [2, 2, 0]), rows, mode="sum", scale_grad_by_freq=True).sum().backward()
    same(rows.grad, torch.tensor([[1.0, 1.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]))


@fact(BAG)
def test_function_of_bags_may_have_sparse_gradients(device):
    """`embedding_bag(sparse=True)` gives its weight a sparse gradient, with the sum for each row."""
    rows = torch.tensor(TABLE, device=device, requires_grad=True)
    functional.embedding_bag(words(device, [2, 2, 0]), rows, mode="sum", sparse=True).sum().backward()
    assert rows.grad.is_sparse
    same(rows.grad, torch.tensor([[1.0, 1.0], [0.0, 0.0], [2.0, 2.0], [0.0, 0.0]]))


@fact(BAG)
def test_function_of_bags_shortens_rows_in_the_table(device):
    """`max_norm` of `embedding_bag` shortens the rows in the table itself, by the norm of `norm_type`."""
    rows = torch.tensor(TABLE, device=device)
    y = functional.embedding_bag(words(device, [2, 0]), rows, mode="sum", max_norm=7.0, norm_type=1.0)
    close(y, [[0.0, 8.0]], roundings=8, scale=7)
    close(rows, [TABLE[0], TABLE[1], [-3.0, 4.0], TABLE[3]], roundings=8)
