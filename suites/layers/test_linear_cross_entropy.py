"""The cross entropy of a linear layer's result, which need not be held as a whole; without it, see test_loss."""

import numpy
import pytest
import torch
from torch import nn
from torch.nn import functional

from torchproof import close, fact
from torchproof.suites.layers.reference import Called, follows, fractions

LOSS = "torch.nn.LinearCrossEntropyLoss"
FUNCTION = "torch.nn.functional.linear_cross_entropy"
OPTIONS = "torch.nn.LinearCrossEntropyOptions"
X = fractions(5, 2)
CLASSES = numpy.array([2, 0, 1, 2, 0])
WEIGHT = [0.5, 2.0, 1.5]
REDUCTIONS = pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
CHUNKS = pytest.mark.parametrize("rows", [None, 2, 5], ids=["whole", "chunks", "one-chunk"])


def log_softmax(x):
    return x - numpy.log(numpy.exp(x).sum(1, keepdims=True))


def reduced(losses, reduction, shares=None):
    """The losses, or their sum, or their mean by the weights."""
    if reduction == "none":
        return losses
    return losses.sum() / {"sum": 1, "mean": len(losses) if shares is None else shares.sum()}[reduction]


def entropy(x, weight, bias=0.0, classes=CLASSES, reduction="mean", of_class=None):
    """Minus the logarithm of each sample's share, times the weight of its class."""
    shares = numpy.ones(3)[classes] if of_class is None else numpy.array(of_class)[classes]
    return reduced(-shares * log_softmax(x @ weight.T + bias)[range(len(x)), classes], reduction, shares)


def chunked(rows):
    """Options for chunks of so many rows, or none of it."""
    return None if rows is None else nn.LinearCrossEntropyOptions(batch_chunk_size=rows, chunking_method=None)


def given(device, dtype=torch.float64):
    """Samples, a weight and a bias."""
    return [
        torch.tensor(each, device=device, dtype=dtype) for each in (X, fractions(3, 2, seed=1), fractions(3, seed=2))
    ]


@fact(FUNCTION)
@REDUCTIONS
@CHUNKS
@pytest.mark.parametrize("biased", [True, False], ids=["bias", "no-bias"])
def test_is_cross_entropy_of_a_product(device, reduction, rows, biased):
    """`linear_cross_entropy` gives, and differentiates, the cross entropy of input times weight, in chunks or not."""
    shapes = {"linear_weight": (3, 2), **({"linear_bias": (3,)} if biased else {})}
    target = torch.tensor(CLASSES, device=device)
    layer = Called("linear_cross_entropy", shapes, target=target, reduction=reduction, options=chunked(rows))
    formula = lambda x, linear_weight, linear_bias=0.0: entropy(x, linear_weight, linear_bias, reduction=reduction)  # noqa: E731
    follows(device, layer, formula, X)


@fact(FUNCTION)
@CHUNKS
def test_weighs_each_class(device, rows):
    """`linear_cross_entropy` with a weight for each class takes the mean by these weights, in chunks or not."""
    options = {"target": torch.tensor(CLASSES, device=device), "options": chunked(rows)}
    options["weight"] = torch.tensor(WEIGHT, device=device, dtype=torch.float64)
    formula = lambda x, linear_weight: entropy(x, linear_weight, of_class=WEIGHT)  # noqa: E731
    follows(device, Called("linear_cross_entropy", {"linear_weight": (3, 2)}, **options), formula, X)


@fact(FUNCTION)
@CHUNKS
@pytest.mark.parametrize("index", [None, 2], ids=["minus-a-hundred", "told"])
def test_leaves_out_what_it_ignores(device, rows, index):
    """`linear_cross_entropy` leaves out the samples of class -100, or of the `ignore_index` that it is told."""
    classes = numpy.where(CLASSES == 2, -100 if index is None else 2, CLASSES)
    options = {"target": torch.tensor(classes, device=device), "options": chunked(rows), "ignore_index": index}
    kept = CLASSES != 2
    formula = lambda x, linear_weight: entropy(x[kept], linear_weight, classes=CLASSES[kept])  # noqa: E731
    follows(device, Called("linear_cross_entropy", {"linear_weight": (3, 2)}, **options), formula, X)


@fact(FUNCTION)
def test_smooths_its_target(device):
    """`linear_cross_entropy` with `label_smoothing` mixes the target with a uniform one."""
    layer = Called(
        "linear_cross_entropy",
        {"linear_weight": (3, 2)},
        target=torch.tensor(CLASSES, device=device),
        label_smoothing=0.25,
    )

    def formula(x, linear_weight):
        logs = log_softmax(x @ linear_weight.T)
        return -(0.75 * logs[range(5), CLASSES] + 0.25 * logs.mean(1)).mean()

    follows(device, layer, formula, X)


@fact(FUNCTION)
def test_warns_of_what_it_cannot_do_in_chunks(device):
    """`linear_cross_entropy` with `options` and `label_smoothing` warns that the options are "ignored"."""
    x, weight, _ = given(device)
    target = torch.tensor(CLASSES, device=device)
    with pytest.warns(UserWarning, match="``options`` ignored"):
        y = functional.linear_cross_entropy(x, weight, target, label_smoothing=1.0, options=chunked(2))
    close(y, -log_softmax(X @ fractions(3, 2, seed=1).T).mean(), roundings=64)


@fact(FUNCTION)
@CHUNKS
def test_takes_shares_of_classes(device, rows):
    """`linear_cross_entropy` takes a share for each class in place of one class, in chunks or not."""
    shares = numpy.exp(fractions(5, 3, seed=4))
    shares /= shares.sum(1, keepdims=True)
    options = {"target": torch.tensor(shares, device=device), "options": chunked(rows)}
    formula = lambda x, linear_weight: -(shares * log_softmax(x @ linear_weight.T)).sum(1).mean()  # noqa: E731
    follows(device, Called("linear_cross_entropy", {"linear_weight": (3, 2)}, **options), formula, X)


@fact(FUNCTION)
def test_takes_one_sample_without_a_batch(device):
    """`linear_cross_entropy` of a vector and a class gives the loss of this one sample."""
    x, weight, _ = given(device)
    loss = functional.linear_cross_entropy(x[3], weight, torch.tensor(2, device=device))
    assert loss.dtype == torch.float64
    close(loss, entropy(X[3:4], fractions(3, 2, seed=1), classes=CLASSES[3:4]), roundings=64)


@fact(FUNCTION)
def test_takes_a_weight_of_more_dimensions(device):
    """`linear_cross_entropy` with a weight of (classes, places, features) gives a loss for each place."""
    x, target = torch.tensor(X, device=device), numpy.array([[2, 0], [0, 1], [1, 1], [2, 2], [0, 2]])
    weight = fractions(3, 2, 2, seed=1)
    losses = functional.linear_cross_entropy(
        x, torch.tensor(weight, device=device), torch.tensor(target, device=device), reduction="none"
    )
    want = [entropy(X, weight[:, place], classes=target[:, place], reduction="none") for place in (0, 1)]
    close(losses, numpy.stack(want, 1), roundings=64, scale=4)


@fact(FUNCTION)
@pytest.mark.parametrize(
    ("misfit", "words"),
    [
        ("features", "equal input and linear_weight last dimensions"),
        ("bias", "expected linear_bias shape"),
        ("batches", "expected input with dimensionality 1 or 2"),
    ],
)
def test_refuses_sizes_that_do_not_fit(device, misfit, words):
    """`linear_cross_entropy` refuses another number of features, another bias, and more than one batch dimension."""
    x, weight, bias = given(device)
    target = torch.tensor(CLASSES, device=device)
    misfits = {
        "features": (x, weight[:, :1], target, bias),
        "bias": (x, weight, target, bias[:2]),
        "batches": (x[None], weight, target[None], bias),
    }
    with pytest.raises(RuntimeError, match=words):
        functional.linear_cross_entropy(*misfits[misfit][:3], linear_bias=misfits[misfit][3])


@fact(FUNCTION, hint="say LinearCrossEntropyOptions(allow_retain_graph=True)")
def test_in_chunks_differentiates_once(device):
    """`linear_cross_entropy` in chunks refuses a second backward pass: "chunked backward called twice"."""
    x, weight, _ = given(device)
    x.requires_grad_()
    loss = functional.linear_cross_entropy(x, weight, torch.tensor(CLASSES, device=device), options=chunked(2))
    loss.backward(retain_graph=True)
    assert x.grad.count_nonzero() == 10
    with pytest.raises(RuntimeError, match="chunked backward called twice"):
        loss.backward()


@fact(OPTIONS)
def test_in_chunks_differentiates_again_when_told(device):
    """`LinearCrossEntropyOptions(allow_retain_graph=True)` lets a loss in chunks be differentiated twice alike."""
    x, weight, _ = given(device)
    x.requires_grad_()
    options = nn.LinearCrossEntropyOptions(allow_retain_graph=True, batch_chunk_size=2, chunking_method=None)
    loss = functional.linear_cross_entropy(x, weight, torch.tensor(CLASSES, device=device), options=options)
    first, second = (torch.autograd.grad(loss, x, retain_graph=True)[0] for _ in range(2))
    close(second, first.cpu().numpy(), roundings=8, scale=1)
    assert first.count_nonzero() == 10


def allows_another_pass(patch):
    """Options allow a second backward pass unless they are told otherwise."""
    patch.setattr(nn.LinearCrossEntropyOptions.__init__, "__defaults__", (True, None, "auto", "auto", None))


@fact(OPTIONS, refuter=allows_another_pass)
def test_options_are_automatic_by_default():
    """`LinearCrossEntropyOptions` by default leaves the size of chunks and their precision to torch."""
    options = nn.LinearCrossEntropyOptions()
    said = (options.allow_retain_graph, options.batch_chunk_size, options.chunking_method, options.acc_policy)
    assert (said, options.acc_dtype) == ((False, None, "auto", "auto"), None)


def may_be_written(patch):
    """Options are written to like any object."""
    patch.setattr(nn.LinearCrossEntropyOptions, "__setattr__", object.__setattr__)


@fact(OPTIONS, refuter=may_be_written)
def test_options_cannot_be_changed():
    """An attribute of `LinearCrossEntropyOptions` cannot be written to: that is an AttributeError."""
    options = nn.LinearCrossEntropyOptions()
    with pytest.raises(AttributeError, match="batch_chunk_size"):
        options.batch_chunk_size = 2


@fact(OPTIONS)
def test_options_are_what_they_are_told():
    """`LinearCrossEntropyOptions` keeps each option that it is told under its name."""
    told = (True, 4, None, "accurate", torch.float32)
    options = nn.LinearCrossEntropyOptions(*told)
    said = (options.allow_retain_graph, options.batch_chunk_size, options.chunking_method, options.acc_policy)
    assert (*said, options.acc_dtype) == told


@fact(OPTIONS)
def test_options_are_equal_when_told_the_same():
    """`LinearCrossEntropyOptions` that are told the same are equal, and those told something else are not."""
    told = (True, 4, None, "accurate", torch.float32)
    assert nn.LinearCrossEntropyOptions(*told) == nn.LinearCrossEntropyOptions(*told)
    assert nn.LinearCrossEntropyOptions(*told) != nn.LinearCrossEntropyOptions()


@fact(OPTIONS)
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("batch_chunk_size", 0, "batch_chunk_size must be positive"),
        ("chunking_method", "aspect_ratio:0", "invalid chunking_method"),
        ("acc_policy", "exact", "invalid acc_policy"),
        ("acc_dtype", torch.int64, "acc_dtype must be one of"),
    ],
    ids=["batch_chunk_size", "chunking_method", "acc_policy", "acc_dtype"],
)
def test_options_refuse_what_they_do_not_know(name, value, words):
    """`LinearCrossEntropyOptions` refuses a size, a method, a policy or a dtype that it does not know."""
    with pytest.raises(ValueError, match=words):
        nn.LinearCrossEntropyOptions(**{name: value})


class Targeted(nn.Module):
    """A loss as a layer of the input alone."""

    def __init__(self, loss, target):
        super().__init__()
        self.of, self.target = loss, target

    def named_parameters(self, *args, **kwargs):
        return self.of.named_parameters(*args, **kwargs)

    def forward(self, x):
        return self.of(x, self.target)


@fact(LOSS)
@REDUCTIONS
@CHUNKS
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no-bias"])
def test_loss_has_its_linear_layer(device, reduction, rows, bias):
    """`LinearCrossEntropyLoss` is the cross entropy of a linear layer of its own, with a bias when told."""
    loss = nn.LinearCrossEntropyLoss(2, 3, bias=bias, reduction=reduction, options=chunked(rows))
    formula = lambda x, **of: entropy(x, of["linear.weight"], of.get("linear.bias", 0.0), reduction=reduction)  # noqa: E731
    follows(device, Targeted(loss, torch.tensor(CLASSES, device=device)), formula, X)
    assert list(dict(loss.named_parameters())) == ["linear.weight", *(["linear.bias"] if bias else [])]


@fact(LOSS)
def test_loss_is_without_bias_and_a_mean_by_default(device):
    """`LinearCrossEntropyLoss` has no bias and takes the mean unless it is told otherwise."""
    loss = Targeted(nn.LinearCrossEntropyLoss(2, 3), torch.tensor(CLASSES, device=device))
    follows(device, loss, lambda x, **of: entropy(x, of["linear.weight"]), X)


@fact(LOSS)
def test_loss_weighs_ignores_and_smooths(device):
    """`LinearCrossEntropyLoss` takes the weights, the ignored class and the smoothing of `CrossEntropyLoss`."""
    weight = torch.tensor(WEIGHT, device=device, dtype=torch.float64)
    options = {"weight": weight, "ignore_index": 1, "label_smoothing": 0.25}
    loss = nn.LinearCrossEntropyLoss(2, 3, **options)
    kept, by_class = CLASSES != 1, numpy.array(WEIGHT)

    def formula(x, **of):
        logs = log_softmax(x[kept] @ of["linear.weight"].T)
        chosen = CLASSES[kept]
        right = by_class[chosen] * logs[range(len(chosen)), chosen]
        return -(0.75 * right + 0.25 * (logs * by_class).mean(1)).sum() / by_class[chosen].sum()

    follows(device, Targeted(loss, torch.tensor(CLASSES, device=device)), formula, X)


@fact(LOSS)
def test_loss_is_made_where_and_of_what_it_is_told(device):
    """`LinearCrossEntropyLoss(out_features=(4,))` has a flat weight of 4 * classes rows, of the dtype it is told."""
    loss = nn.LinearCrossEntropyLoss(2, 3, out_features=(4,), bias=True, dtype=torch.float64, device=device)
    assert [(tuple(each.shape), each.dtype) for each in loss.parameters()] == [
        ((12, 2), torch.float64),
        ((12,), torch.float64),
    ]


@fact(LOSS)
def test_loss_can_be_made_on_the_meta_device():
    """`LinearCrossEntropyLoss(device="meta")` has a weight without memory, on the device meta."""
    assert nn.LinearCrossEntropyLoss(2, 3, device="meta").linear.weight.is_meta
