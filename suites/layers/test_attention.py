"""`scaled_dot_product_attention`, `MultiheadAttention` and `Transformer`; back ends are in test_attention_back_ends."""

import copy
import math

import numpy
import pytest
import torch
from torch import nn
from torch.nn import functional

from torchproof import close, fact, same
from torchproof.suites.layers.reference import Called, follows, fractions

ATTENTION = "torch.nn.functional.scaled_dot_product_attention"
INF, NAN = math.inf, math.nan


def softmax(x):
    e = numpy.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(q, k, v, bias=0.0, scale=None):
    """The plain formula."""
    scores = q @ k.swapaxes(-1, -2) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    return softmax(scores + bias) @ v


class Attending(nn.Module):
    """Attention as a layer without parameters."""

    def __init__(self, **options):
        super().__init__()
        self.options = options

    def forward(self, q, k, v):
        return functional.scaled_dot_product_attention(q, k, v, **self.options)


def qkv(queries=3, keys=4, width=2, depth=5, batch=(2, 2)):
    sides = ((queries, width), (keys, width), (keys, depth))
    return [fractions(*batch, *side, seed=seed) for seed, side in enumerate(sides)]


def given(device, *arrays, dtype=torch.float32):
    return [torch.tensor(array, device=device).to(dtype) for array in arrays]


def causal(queries, keys):
    return numpy.where(numpy.tri(queries, keys, dtype=bool), 0, -INF)


@fact(ATTENTION)
@pytest.mark.parametrize("batch", [(), (2,), (2, 2), (2, 1, 2)], ids=str)
def test_is_the_plain_formula(device, batch):
    """`scaled_dot_product_attention` is softmax(q kT / sqrt(width)) v, gradients too, for 0 to 3 batch dimensions."""
    follows(device, Attending(), attention, *qkv(batch=batch))


@fact(ATTENTION)
@pytest.mark.parametrize("lengths", [(3, 3), (2, 4), (4, 2)], ids=str)
def test_causal_keeps_keys_up_to_the_query(device, lengths):
    """`scaled_dot_product_attention(is_causal=True)` lets query i see the keys 0 to i, for unequal lengths too."""
    bias = causal(*lengths)
    follows(device, Attending(is_causal=True), lambda q, k, v: attention(q, k, v, bias), *qkv(*lengths))


@fact(ATTENTION, myth="True in a mask means left out")
@pytest.mark.parametrize("shape", [(3, 4), (2, 1, 3, 4), (1, 4), (2, 2, 3, 4)], ids=str)
def test_boolean_mask_keeps_where_true(device, shape):
    """`scaled_dot_product_attention` keeps keys where a boolean `attn_mask` is True, and broadcasts the mask."""
    kept = fractions(*shape, seed=9) > -1
    kept[..., 0] = True
    layer = Attending(attn_mask=torch.tensor(kept, device=device))
    follows(device, layer, lambda q, k, v: attention(q, k, v, numpy.where(kept, 0, -INF)), *qkv())


@fact(ATTENTION)
def test_mask_of_numbers_is_added(device):
    """`scaled_dot_product_attention` adds an `attn_mask` of numbers to the scores before the softmax."""
    bias = fractions(3, 4, seed=9)
    layer = Attending(attn_mask=torch.tensor(bias, device=device))
    follows(device, layer, lambda q, k, v: attention(q, k, v, bias), *qkv())


@fact(ATTENTION, source="generated/torch.nn.functional.scaled_dot_product_attention")
def test_mask_of_numbers_gets_a_gradient(device):
    """`scaled_dot_product_attention` gives an `attn_mask` of numbers that requires grad the gradient of the scores."""
    q, k, v = given(device, *qkv(1, 2, 1, 1, ()), dtype=torch.float64)
    bias = torch.zeros(1, 2, device=device, dtype=torch.float64, requires_grad=True)
    y = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
    y.backward()
    share = softmax((q @ k.T).cpu().numpy())[0]
    slope = share[0] * share[1] * (v[0] - v[1]).item()
    close(bias.grad, [[slope, -slope]], roundings=64, scale=2)


@fact(ATTENTION, since="2.1", calls="scale", gain=True)
def test_scale_replaces_the_root_of_the_width(device):
    """`scaled_dot_product_attention(scale=0.75)` multiplies the scores by that, instead of by 1 / sqrt(width)."""
    follows(device, Attending(scale=0.75), lambda q, k, v: attention(q, k, v, scale=0.75), *qkv())


@fact(ATTENTION, since="2.5", calls="enable_gqa=True", gain=True)
def test_groups_of_heads_share_their_keys(device):
    """`scaled_dot_product_attention(enable_gqa=True)` repeats heads of keys and values for groups of query heads."""
    q, k, v = fractions(2, 4, 3, 2), fractions(2, 2, 4, 2, seed=1), fractions(2, 2, 4, 5, seed=2)
    formula = lambda q, k, v: attention(q, k.repeat(2, 1), v.repeat(2, 1))  # noqa: E731
    follows(device, Attending(enable_gqa=True), formula, q, k, v)


@fact(ATTENTION)
def test_refuses_a_mask_and_causal(device):
    """`scaled_dot_product_attention` refuses `is_causal=True` beside an `attn_mask`."""
    q, k, v = given(device, *qkv())
    with pytest.raises(RuntimeError, match="attn_mask.* is_causal|is_causal.*attn_mask"):
        functional.scaled_dot_product_attention(q, k, v, torch.zeros(3, 4, device=device), is_causal=True)


@fact(ATTENTION)
@pytest.mark.parametrize(
    ("other", "error"), [(torch.float64, RuntimeError), (torch.int64, RuntimeError)], ids=["float64", "int64"]
)
def test_refuses_several_dtypes(device, other, error):
    """`scaled_dot_product_attention` refuses a key of another dtype than the query: it wants the "same dtype"."""
    q, k, v = given(device, *qkv())
    with pytest.raises(error, match="same dtype"):
        functional.scaled_dot_product_attention(q, k.to(other), v)


@fact(ATTENTION)
def test_refuses_vectors(device):
    """`scaled_dot_product_attention` refuses vectors: its inputs are to be "at least 2 dimensional"."""
    with pytest.raises(RuntimeError, match="at least 2 dimensional"):
        functional.scaled_dot_product_attention(*[torch.ones(3, device=device)] * 3)


@fact(ATTENTION)
@pytest.mark.parametrize("p", [0.5, 1.0])
def test_drops_also_without_training(device, p):
    """`scaled_dot_product_attention` drops by `dropout_p` whenever it is called: it knows no training mode."""
    q, k = torch.zeros(50, 1, 1, device=device), torch.zeros(50, 1, 1, device=device)
    v = torch.ones(50, 1, 1, device=device)
    y = functional.scaled_dot_product_attention(q, k, v, dropout_p=p)
    assert y.unique().tolist() == [0.0, 2.0][: 1 if p == 1.0 else 2]


def first_two(device, bias):
    """A mask of numbers or booleans that lets three queries see the first two of four keys."""
    kept = torch.tensor([True, True, False, False], device=device).expand(3, 4)
    return torch.zeros(3, 4, device=device, dtype=torch.float64).masked_fill(~kept, -INF) if bias else kept


@fact(ATTENTION)
@pytest.mark.parametrize("bias", [True, False], ids=["numbers", "boolean"])
def test_does_not_depend_on_what_is_masked(device, bias):
    """Masked finite keys and values do not change the result of `scaled_dot_product_attention`."""
    q, k, v = given(device, *qkv(), dtype=torch.float64)
    k[..., 2:, :], v[..., 2:, :] = 1e5, -1e5
    y = functional.scaled_dot_product_attention(q, k, v, first_two(device, bias))
    want = attention(q.cpu().numpy(), *(each[..., :2, :].cpu().numpy() for each in (k, v)))
    close(y, want, roundings=64, scale=2)


@fact(ATTENTION)
@pytest.mark.parametrize("bias", [True, False], ids=["numbers", "boolean"])
def test_what_is_masked_gets_no_gradient(device, bias):
    """Masked keys and values get gradients of zero from `scaled_dot_product_attention`, and others do not."""
    q, k, v = (each.requires_grad_() for each in given(device, *qkv(), dtype=torch.float64))
    y = functional.scaled_dot_product_attention(q, k, v, first_two(device, bias))
    y.backward(torch.tensor(fractions(2, 2, 3, 5, seed=5), device=device))
    grads = torch.cat([k.grad, v.grad], -1)
    same(grads[..., 2:, :], torch.zeros(2, 2, 2, 7, dtype=torch.float64))
    assert grads[..., :2, :].abs().min() > 0


@fact(
    ATTENTION,
    since={"cpu": "2.5"},
    calls="attn_mask, names *.bool|masked_fill|tril|BoolTensor",
    myth="a row that sees nothing is NaN",
)
def test_row_that_sees_nothing_is_zero(device):
    """`scaled_dot_product_attention` gives zeros, not NaN, where a boolean mask lets a query see no key."""
    kept = torch.tensor([[True] * 4, [False] * 4, [True] * 4], dtype=torch.bool, device=device)
    q, k, v = given(device, *qkv(), dtype=torch.float64)
    y = functional.scaled_dot_product_attention(q, k, v, kept)
    same(y[..., 1, :], torch.zeros(2, 2, 5, dtype=torch.float64))


@fact(
    ATTENTION,
    since={"cpu": "2.5"},
    calls="attn_mask, names *.bool|masked_fill|tril|BoolTensor",
    myth="the gradient of a row that sees nothing is NaN",
)
def test_row_that_sees_nothing_gets_no_gradient(device):
    """A query that a boolean mask lets see no key gets a gradient of zeros from `scaled_dot_product_attention`."""
    q, k, v = (each.requires_grad_() for each in given(device, *qkv(), dtype=torch.float64))
    kept = torch.tensor([[True] * 4, [False] * 4, [True] * 4], dtype=torch.bool, device=device)
    functional.scaled_dot_product_attention(q, k, v, kept).sum().backward()
    same(q.grad[..., 1, :], torch.zeros(2, 2, 2, dtype=torch.float64))
    assert q.grad[..., 0, :].abs().min() > 0


@fact(
    ATTENTION,
    since={"cpu": "2.5"},
    calls="attn_mask, names *.bool|masked_fill|tril|BoolTensor",
    myth="a row that sees nothing makes all gradients NaN",
)
def test_row_that_sees_nothing_leaves_the_gradients_of_others(device):
    """`scaled_dot_product_attention` gives keys and values no NaN as gradient for a query that a mask lets see none."""
    kept = torch.tensor([[True] * 4, [False] * 4, [True] * 4], dtype=torch.bool, device=device)
    seeing = numpy.array([[1.0], [0.0], [1.0]])
    follows(device, Attending(attn_mask=kept), lambda q, k, v: seeing * attention(q, k, v), *qkv())


LAYOUTS = {  # ways to lay a tensor out in memory otherwise
    "transposed": lambda x: x.transpose(-1, -2).contiguous().transpose(-1, -2),
    "heads-inside": lambda x: x.transpose(1, 2).contiguous().transpose(1, 2),
    "stepped": lambda x: torch.stack([x, x], -1)[..., 0],
    "offset": lambda x: torch.cat([x[:1], x])[1:],
    "sliced": lambda x: torch.cat([x, x], -1)[..., : x.shape[-1]],
}


@fact(ATTENTION)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("is_causal", [False, True], ids=["all", "causal"])
def test_does_not_depend_on_the_layout(device, layout, is_causal):
    """`scaled_dot_product_attention` is the same, but for rounding, of transposed, stepped, offset or sliced inputs."""
    bias = causal(4, 4) if is_causal else 0.0
    arrays = qkv(4, 4, 2, 2)

    class Laid(nn.Module):
        def forward(self, *tensors):
            return functional.scaled_dot_product_attention(
                *(LAYOUTS[layout](tensor) for tensor in tensors), is_causal=is_causal
            ).contiguous()

    follows(device, Laid(), lambda q, k, v: attention(q, k, v, bias), *arrays)


@fact(ATTENTION)
def test_expanded_keys_are_shared(device):
    """`scaled_dot_product_attention` takes keys and values expanded over the batch, whose gradients then add up."""
    q, (k, v) = fractions(3, 2, 2, 4), (fractions(1, 1, 3, 4, seed=seed) for seed in (1, 2))

    class Expanded(nn.Module):
        def forward(self, q, k, v):
            return functional.scaled_dot_product_attention(
                q, *(each.expand(3, 2, 3, 4) for each in (k, v))
            ).contiguous()

    follows(device, Expanded(), attention, q, k, v)


@fact(ATTENTION)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("is_causal", [False, True], ids=["all", "causal"])
def test_of_a_reduced_dtype_is_near_the_exact_one(device, dtype, is_causal):
    """`scaled_dot_product_attention` of float32 or bfloat16 gives that dtype, with an error of a few roundings."""
    q, k, v = given(device, *qkv(4, 4, 8, 8), dtype=dtype)
    y = functional.scaled_dot_product_attention(q, k, v, is_causal=is_causal)
    exact = [each.double().cpu().numpy() for each in (q, k, v)]
    assert y.dtype == dtype
    close(y, attention(*exact, causal(4, 4) if is_causal else 0.0), roundings=24, scale=2)


@fact(ATTENTION)
def test_of_no_queries_is_empty(device):
    """`scaled_dot_product_attention` of no queries gives no rows."""
    q, k, v = given(device, *qkv(0))
    assert functional.scaled_dot_product_attention(q, k, v).shape == (2, 2, 0, 5)


@fact(ATTENTION)
def test_of_one_key_is_its_value(device):
    """`scaled_dot_product_attention` to a single key gives its value to every query."""
    q, k, v = given(device, *qkv(3, 1))
    same(functional.scaled_dot_product_attention(q, k, v), v.expand(2, 2, 3, 5))


@fact("torch.nn.attention.sdpa_kernel")
def test_back_end_can_be_chosen():
    """`sdpa_kernel(SDPBackend.MATH)` turns flash attention off, and the plain back end on, until its block ends."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.MATH):
        enabled = (torch.backends.cuda.math_sdp_enabled(), torch.backends.cuda.flash_sdp_enabled())
    assert (enabled, torch.backends.cuda.flash_sdp_enabled()) == ((True, False), True)


@fact(
    "torch.nn.attention.bias.causal_upper_left",
    "torch.nn.attention.bias.causal_lower_right",
    since="2.3",
    calls="any",
    gain=True,
    source="nn.attention.bias",
)
@pytest.mark.parametrize(("name", "shift"), [("causal_upper_left", 0), ("causal_lower_right", 2)])
def test_causal_bias_says_where_it_is_anchored(device, name, shift):
    """`causal_upper_left` counts from the first key, as `is_causal` does, `causal_lower_right` from the last."""
    from torch.nn.attention import bias

    mask = getattr(bias, name)(2, 4)
    q, k, v = qkv(2, 4, 4, 4)
    y = functional.scaled_dot_product_attention(*given(device, q, k, v, dtype=torch.float64), attn_mask=mask)
    close(y, attention(q, k, v, numpy.where(numpy.tri(2, 4, shift, dtype=bool), 0, -INF)), roundings=64, scale=2)


# --- MultiheadAttention -----------------------------------------------------------------------------------------------


def heads(x, count):
    """(length, batch, count * width) as (batch, count, length, width)."""
    return x.reshape(*x.shape[:2], count, -1).transpose(1, 2, 0, 3)


def multihead(q, k, v, count=2, bias=0.0, average=True, **of):
    """The documented projections around attention, time first: the output and the weights."""
    if "in_proj_weight" in of:
        weights = numpy.split(of["in_proj_weight"], 3)
    else:
        weights = [of[f"{name}_proj_weight"] for name in "qkv"]
    shifts = numpy.split(of.get("in_proj_bias", numpy.zeros(3 * len(weights[0]))), 3)
    q, k, v = (x @ w.T + b for x, w, b in zip((q, k, v), weights, shifts))
    if "bias_k" in of:
        k, v = (numpy.concatenate([x, x[:1] * 0 + of[name]]) for x, name in ((k, "bias_k"), (v, "bias_v")))
    q, k, v = (heads(x, count) for x in (q, k, v))
    shares = softmax(q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1]) + bias)
    y = (shares @ v).transpose(2, 0, 1, 3).reshape(q.shape[2], q.shape[0], -1)
    y = y @ of["out_proj.weight"].T + of.get("out_proj.bias", 0.0)
    return y, shares.mean(1) if average else shares


OPTIONS = {
    "plain": {},
    "without-bias": {"bias": False},
    "bias-kv": {"add_bias_kv": True},
    "kdim": {"kdim": 3, "vdim": 5},
}


@fact("torch.nn.MultiheadAttention")
@pytest.mark.parametrize("options", OPTIONS)
def test_multihead_projects_attends_and_projects(device, options):
    """`MultiheadAttention` projects, attends in each head, projects back, and gives the mean of the heads' weights."""
    layer = nn.MultiheadAttention(4, 2, **OPTIONS[options])
    sizes = {"kdim": (3, 5)}.get(options, (4, 4))
    inputs = [fractions(3, 2, 4), *(fractions(5, 2, size, seed=size) for size in sizes)]

    class Contiguous(nn.Module):
        def __init__(self):
            super().__init__()
            self.of = layer

        def named_parameters(self, *args, **kwargs):
            return layer.named_parameters(*args, **kwargs)

        def forward(self, *tensors):
            return [each.contiguous() for each in layer(*tensors)]

    follows(device, Contiguous(), multihead, *inputs)
    assert ("in_proj_bias" in dict(layer.named_parameters())) == (options != "without-bias")


def made(device, **options):
    """A layer, its parameters as arrays, and inputs of queries and keys."""
    layer = nn.MultiheadAttention(4, 2, device=device, dtype=torch.float64, **options)
    of = {name: value.detach().cpu().numpy() for name, value in layer.named_parameters()}
    return layer, of, fractions(3, 2, 4), fractions(5, 2, 4, seed=1)


@fact("torch.nn.MultiheadAttention")
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("need_weights", [True, False], ids=["weights", "no-weights"])
def test_multihead_takes_the_batch_first_when_told(device, need_weights, training):
    """`MultiheadAttention(batch_first=True)` takes and gives (batch, time, features), in training and evaluation."""
    layer, of, q, _ = made(device, batch_first=True)
    x = torch.tensor(q.swapaxes(0, 1), device=device)
    with torch.no_grad():
        y, weights = layer.train(training)(x, x, x, need_weights=need_weights)
    want, shares = multihead(q, q, q, **of)
    close(y, want.swapaxes(0, 1), roundings=200, scale=2)
    assert (weights is not None) == need_weights
    close(torch.tensor(shares) if weights is None else weights, shares, roundings=200, scale=1)


@fact("torch.nn.MultiheadAttention")
def test_multihead_tells_the_weights_of_each_head(device):
    """`MultiheadAttention` called with `average_attn_weights=False` gives the weights of each head."""
    layer, of, q, k = made(device)
    _, weights = layer(*given(device, q, k, k, dtype=torch.float64), average_attn_weights=False)
    close(weights.detach(), multihead(q, k, k, average=False, **of)[1], roundings=200, scale=1)


@fact("torch.nn.MultiheadAttention", myth="True in a mask means the same everywhere")
@pytest.mark.parametrize("kind", ["key_padding_mask", "attn_mask"])
def test_multihead_leaves_out_where_true(device, kind):
    """A boolean `attn_mask` or `key_padding_mask` of `MultiheadAttention` leaves out (ignores) keys where True."""
    layer, of, q, k = made(device)
    mask = numpy.zeros((2, 5) if kind == "key_padding_mask" else (3, 5), dtype=bool)
    mask[0, 3:] = mask[1, 1] = True
    y, weights = layer(*given(device, q, k, k, dtype=torch.float64), **{kind: torch.tensor(mask, device=device)})
    bias = numpy.where(mask, -INF, 0)
    bias = bias[:, None, None] if kind == "key_padding_mask" else bias
    want, shares = multihead(q, k, k, bias=bias, **of)
    close(y.detach(), want, roundings=200, scale=2)
    close(weights.detach(), shares, roundings=200, scale=1)


@fact("torch.nn.MultiheadAttention")
def test_multihead_may_attend_to_nothing(device):
    """`MultiheadAttention(add_zero_attn=True)` attends to one more key and value, which are zeros."""
    layer, of, q, k = made(device, add_zero_attn=True)
    y, weights = layer(*given(device, q, k, k, dtype=torch.float64))
    want, shares = multihead(q, k, k, bias_k=0.0, bias_v=0.0, **of)
    close(y.detach(), want, roundings=200, scale=4)
    close(weights.detach(), shares, roundings=64)


@fact("torch.nn.MultiheadAttention")
def test_multihead_refuses_heads_that_do_not_divide():
    """`MultiheadAttention` refuses heads that do not divide its width: "embed_dim must be divisible by num_heads"."""
    with pytest.raises((AssertionError, ValueError), match="embed_dim must be divisible by num_heads"):
        nn.MultiheadAttention(4, 3)


@fact("torch.nn.MultiheadAttention")
def test_multihead_needs_a_mask_to_be_causal(device):
    """`MultiheadAttention` called with `is_causal=True` and no mask is refused: "Need attn_mask"."""
    layer, _, q, _ = made(device)
    x = torch.tensor(q, device=device)
    with pytest.raises(RuntimeError, match="Need attn_mask if specifying the is_causal hint"):
        layer(x, x, x, is_causal=True)


FORWARD = "torch.nn.functional.multi_head_attention_forward"
SHAPES = {"in_proj_weight": (12, 4), "in_proj_bias": (12,), "out_proj_weight": (4, 4), "out_proj_bias": (4,)}
KEYS = {"bias_k": (1, 1, 4), "bias_v": (1, 1, 4)}
APART = {"q_proj_weight": (4, 4), "k_proj_weight": (4, 3), "v_proj_weight": (4, 5)}
FIXED = {"embed_dim_to_check": 4, "num_heads": 2, "add_zero_attn": False, "dropout_p": 0.0}


class Forward(Called):
    """The function with its results contiguous."""

    def forward(self, *inputs):
        return [each.contiguous() for each in super().forward(*inputs)]


def by_layer(q, k, v, average=True, bias=0.0, **of):
    """`multihead` with the names of the function, which joins those of the output by an underscore."""
    return multihead(
        q, k, v, average=average, bias=bias, **{name.replace("out_proj_", "out_proj."): of[name] for name in of}
    )


@fact(FORWARD)
@pytest.mark.parametrize("average", [True, False], ids=["mean", "each-head"])
@pytest.mark.parametrize("keys", [True, False], ids=["bias-kv", "plain"])
def test_function_of_multihead_projects_attends_and_projects(device, keys, average):
    """`multi_head_attention_forward` projects, attends in each head and projects back, with weights it is given."""
    shapes, rest = {**SHAPES, **(KEYS if keys else {})}, {} if keys else {"bias_k": None, "bias_v": None}
    layer = Forward("multi_head_attention_forward", shapes, average_attn_weights=average, **FIXED, **rest)
    inputs = fractions(3, 2, 4), fractions(5, 2, 4, seed=1), fractions(5, 2, 4, seed=2)
    follows(device, layer, lambda *qkv, **of: by_layer(*qkv, average=average, **of), *inputs)


@fact(FORWARD)
def test_function_of_multihead_takes_weights_apart(device):
    """`multi_head_attention_forward` takes a weight each for queries, keys and values, which may differ in width."""
    shapes = {"in_proj_bias": (12,), "out_proj_weight": (4, 4), "out_proj_bias": (4,), **APART}
    rest = {"in_proj_weight": None, "bias_k": None, "bias_v": None, "use_separate_proj_weight": True}
    layer = Forward("multi_head_attention_forward", shapes, **FIXED, **rest)
    follows(device, layer, by_layer, fractions(3, 2, 4), fractions(5, 2, 3, seed=1), fractions(5, 2, 5, seed=2))


@fact(FORWARD)
@pytest.mark.parametrize("kind", ["key_padding_mask", "attn_mask"])
def test_function_of_multihead_leaves_out_where_true(device, kind):
    """A boolean mask of `multi_head_attention_forward`, of padding or attention, leaves out keys where it is True."""
    mask = numpy.zeros((2, 5) if kind == "key_padding_mask" else (3, 5), dtype=bool)
    mask[0, 3:] = mask[1, 1] = True
    bias = numpy.where(mask, -INF, 0)
    bias = bias[:, None, None] if kind == "key_padding_mask" else bias
    rest = {"bias_k": None, "bias_v": None, kind: torch.tensor(mask, device=device)}
    layer = Forward("multi_head_attention_forward", SHAPES, **FIXED, **rest)
    inputs = fractions(3, 2, 4), fractions(5, 2, 4, seed=1), fractions(5, 2, 4, seed=2)
    follows(device, layer, lambda *qkv, **of: by_layer(*qkv, bias=bias, **of), *inputs)


@fact(FORWARD)
def test_function_of_multihead_gives_weights_when_asked(device):
    """`multi_head_attention_forward(need_weights=False)` gives None for the weights, and the same output."""
    x = torch.tensor(fractions(3, 2, 4), device=device)
    shapes = [(12, 4), (12,), None, None, False, 0.0, (4, 4), (4,)]
    given = [x.new_full(each, 0.25) if isinstance(each, tuple) else each for each in shapes]
    y, weights = functional.multi_head_attention_forward(x, x, x, 4, 2, *given, need_weights=False)
    plain, shares = functional.multi_head_attention_forward(x, x, x, 4, 2, *given)
    close(y, plain.cpu().numpy(), roundings=64, scale=4)
    assert (weights, shares.shape, y.shape) == (None, (2, 3, 3), (3, 2, 4))


@fact(FORWARD)
def test_function_of_multihead_refuses_another_width(device):
    """`multi_head_attention_forward` of another width than told: "was expecting embedding dimension of 6"."""
    x = torch.ones(3, 2, 4, device=device)
    given = [x.new_ones(12, 4), x.new_ones(12), None, None, False, 0.0, x.new_ones(4, 4), x.new_ones(4)]
    with pytest.raises(AssertionError, match="was expecting embedding dimension of 6"):
        functional.multi_head_attention_forward(x, x, x, 6, 2, *given)


# --- Transformer ------------------------------------------------------------------------------------------------------


def normed(x, weight, bias, eps=1e-5):
    return (x - x.mean(-1, keepdims=True)) / numpy.sqrt(x.var(-1, keepdims=True) + eps) * weight + bias


def part(of, name):
    return {key[len(name) + 1 :]: value for key, value in of.items() if key.startswith(f"{name}.")}


def gelu(x):
    return x / 2 * (1 + numpy.vectorize(math.erf)(x / 2**0.5))


def relu(x):
    return numpy.maximum(x, 0)


def encoder_layer(x, first=False, act=relu, bias=0.0, memory=None, eps=1e-5, **of):
    """The documented blocks, with the normalisation before or after each; of a decoder where there is a memory."""
    blocks = [lambda x: multihead(x, x, x, bias=bias, **part(of, "self_attn"))[0]]
    if memory is not None:
        blocks.append(lambda x: multihead(x, memory, memory, **part(of, "multihead_attn"))[0])
    one, two = part(of, "linear1"), part(of, "linear2")
    blocks.append(lambda x: act(x @ one["weight"].T + one.get("bias", 0)) @ two["weight"].T + two.get("bias", 0))
    for number, block in enumerate(blocks, 1):
        norm = part(of, f"norm{number}")
        x = x + block(normed(x, **norm, eps=eps)) if first else normed(x + block(x), **norm, eps=eps)
    return x


TRANSFORMER = {
    "plain": {},
    "norm-first": {"norm_first": True},
    "gelu": {"activation": "gelu"},
    "eps": {"layer_norm_eps": 0.5},
}


def blocks_of(options):
    said = TRANSFORMER[options]
    return {
        "first": "norm_first" in said,
        "act": gelu if "activation" in said else relu,
        "eps": said.get("layer_norm_eps", 1e-5),
    }


@fact("torch.nn.TransformerEncoderLayer")
@pytest.mark.parametrize("options", TRANSFORMER)
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_encoder_layer_attends_and_feeds_forward(device, options, training):
    """`TransformerEncoderLayer` is attention and two linear layers, each added to its input and normalised."""
    layer = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, **TRANSFORMER[options]).train(training)
    follows(device, layer, lambda x, **of: encoder_layer(x, **blocks_of(options), **of), fractions(3, 2, 4))


@fact("torch.nn.TransformerDecoderLayer")
@pytest.mark.parametrize("options", TRANSFORMER)
def test_decoder_layer_attends_to_its_memory_too(device, options):
    """`TransformerDecoderLayer` attends to its target, then to the memory, then feeds forward."""
    layer = nn.TransformerDecoderLayer(4, 2, 6, dropout=0.0, **TRANSFORMER[options])
    formula = lambda x, memory, **of: encoder_layer(x, memory=memory, **blocks_of(options), **of)  # noqa: E731
    follows(device, layer, formula, fractions(3, 2, 4), fractions(5, 2, 4, seed=1))


def encoder_with(device, count=2, **options):
    layer = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True, device=device)
    return nn.TransformerEncoder(layer, count, **options)


@fact("torch.nn.TransformerEncoder", "torch.nn.TransformerEncoderLayer")
@pytest.mark.parametrize("masked", [False, True], ids=["all", "causal"])
def test_fast_path_equals_the_slow_one(device, masked):
    """`TransformerEncoder` in evaluation gives the same under `no_grad`, on its fast path, as with gradients."""
    encoder = encoder_with(device).eval()
    x = torch.tensor(fractions(2, 3, 4), device=device, dtype=torch.float32)
    mask = torch.ones(3, 3, dtype=torch.bool, device=device).triu(1) if masked else None
    of = {name: value.detach().double().cpu().numpy() for name, value in encoder.named_parameters()}
    want = x.double().cpu().numpy().swapaxes(0, 1)
    for number in (0, 1):
        want = encoder_layer(want, bias=causal(3, 3) if masked else 0.0, **part(of, f"layers.{number}"))
    close(encoder(x, mask).detach(), want.swapaxes(0, 1), roundings=64, scale=3)
    with torch.no_grad():
        close(encoder(x.flip(0), mask), want.swapaxes(0, 1)[[1, 0]], roundings=64, scale=3)


def takes_the_slow_path(patch):
    patch.setattr(torch, "is_grad_enabled", lambda: True)


@fact(
    "torch.nn.TransformerEncoder",
    refuter=takes_the_slow_path,
    hint="leave padded places out of what is computed from the output",
)
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_fast_path_gives_zeros_at_padded_places(device):
    """`TransformerEncoder` in evaluation gives zeros where `src_key_padding_mask` is True, but under `no_grad` only."""
    encoder = encoder_with(device).eval()
    x = torch.tensor(fractions(2, 3, 4), device=device, dtype=torch.float32)
    is_padded = torch.tensor([[False, False, False], [False, False, True]], device=device)
    recorded = encoder(x, src_key_padding_mask=is_padded).detach()
    with torch.no_grad():
        fast = encoder(x, src_key_padding_mask=is_padded)
    close(fast[~is_padded], recorded[~is_padded], roundings=64, scale=3)
    same(fast[is_padded], torch.zeros(1, 4))
    assert recorded[is_padded].abs().max() > 0.01


def shares_its_layers(patch):
    patch.setattr(copy, "deepcopy", lambda module: module)


@fact("torch.nn.TransformerEncoder", myth="an encoder starts each layer anew", refuter=shares_its_layers)
def test_encoder_starts_with_copies_of_one_layer(device):
    """`TransformerEncoder` is made of copies of its layer: equal at the start, and no parameter shared."""
    encoder = encoder_with(device, 3)
    first, *others = (list(layer.parameters()) for layer in encoder.layers)
    for other in others:
        for a, b in zip(first, other):
            same(a, b)
    assert len({id(parameter) for parameter in encoder.parameters()}) == 3 * len(first)


@fact("torch.nn.TransformerEncoder", "torch.nn.TransformerDecoder")
@pytest.mark.parametrize("kind", ["Encoder", "Decoder"])
def test_stack_runs_its_layers_and_the_norm(device, kind):
    """`TransformerEncoder` and `TransformerDecoder` run their layers one after the other, then their `norm`."""
    layer = getattr(nn, f"Transformer{kind}Layer")(4, 2, 6, dropout=0.0)
    stack = getattr(nn, f"Transformer{kind}")(layer, 2, norm=nn.LayerNorm(4))
    memory = [fractions(5, 2, 4, seed=1)] * (kind == "Decoder")

    def formula(x, *memory, **of):
        for number in (0, 1):
            x = encoder_layer(x, memory=memory[0] if memory else None, **part(of, f"layers.{number}"))
        return normed(x, **part(of, "norm"))

    follows(device, stack, formula, fractions(3, 2, 4), *memory)


@fact(
    "torch.nn.TransformerEncoder",
    since="2.1",
    calls="enable_nested_tensor=True, encoder_layer made batch_first=False|norm_first=True|nhead=1",
    hint="pass enable_nested_tensor=False, or a layer with batch_first=True, without norm_first, of two heads",
)
@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (lambda: nn.TransformerEncoderLayer(4, 2, 6), "batch_first was not True"),
        (lambda: nn.TransformerEncoderLayer(4, 2, 6, batch_first=True, norm_first=True), "norm_first was True"),
        (lambda: nn.TransformerEncoderLayer(4, 1, 6, batch_first=True), "num_heads is odd"),
    ],
    ids=["sequence first", "norm first", "one head"],
)
def test_encoder_warns_that_it_has_no_nested_tensors(layer, why):
    """`TransformerEncoder` warns "use_nested_tensor is False" of one head, `norm_first` or without `batch_first`."""
    with pytest.warns(UserWarning, match=f"use_nested_tensor is False because .*{why}"):
        nn.TransformerEncoder(layer(), 1)


@fact("torch.nn.Transformer")
def test_transformer_is_an_encoder_and_a_decoder(device):
    """`Transformer` encodes the source, and decodes the target with it, each with a norm at the end."""
    layer = nn.Transformer(4, 2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=6, dropout=0.0)

    def formula(source, target, **of):
        memory = normed(encoder_layer(source, **part(of, "encoder.layers.0")), **part(of, "encoder.norm"))
        decoded = encoder_layer(target, memory=memory, **part(of, "decoder.layers.0"))
        return normed(decoded, **part(of, "decoder.norm"))

    follows(device, layer, formula, fractions(3, 2, 4), fractions(2, 2, 4, seed=1))


@fact("torch.nn.Transformer")
def test_transformer_has_inner_layers_as_wide_as_told():
    """`Transformer(4, 2, dim_feedforward=6)` has inner layers of width 6 in its encoder and its decoder."""
    layer = nn.Transformer(4, 2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=6)
    assert layer.encoder.layers[0].linear1.weight.shape == (6, 4)
    assert layer.decoder.layers[0].linear1.weight.shape == (6, 4)


@fact("torch.nn.Transformer.generate_square_subsequent_mask")
def test_causal_mask_is_of_minus_infinity_above_the_diagonal():
    """`Transformer.generate_square_subsequent_mask` is zeros, and -inf above the diagonal, in a contiguous matrix."""
    mask = nn.Transformer.generate_square_subsequent_mask(3)
    same(mask, causal(3, 3).astype("float32"))
    assert mask.is_contiguous()


@fact(
    "torch.nn.Transformer",
    "torch.nn.TransformerEncoderLayer",
    "torch.nn.TransformerDecoderLayer",
    since="2.1",
    calls="bias=False",
    gain=True,
)
@pytest.mark.parametrize(
    "layer",
    [
        lambda: nn.Transformer(4, 2, 1, 1, 6, bias=False),
        lambda: nn.TransformerEncoderLayer(4, 2, 6, bias=False),
        lambda: nn.TransformerDecoderLayer(4, 2, 6, bias=False),
    ],
    ids=["Transformer", "TransformerEncoderLayer", "TransformerDecoderLayer"],
)
def test_may_be_without_biases(layer):
    """`Transformer` and its layers with `bias=False` have no bias anywhere, those of their norms included."""
    assert {name.rpartition(".")[2] for name, _ in layer().named_parameters()} == {"weight", "in_proj_weight"}


@fact("torch.nn.TransformerEncoderLayer")
def test_encoder_layer_is_causal_with_a_mask(device):
    """A change of later places changes what a causal `TransformerEncoderLayer` gives at these, not at the first."""
    layer = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, device=device).eval()
    x = torch.tensor(fractions(3, 1, 4), device=device, dtype=torch.float32)
    mask = nn.Transformer.generate_square_subsequent_mask(3).to(device)
    other = x.clone()
    other[1:] += 5
    first, second = layer(x, mask).detach(), layer(other, mask).detach()
    close(second[0], first[0].double().cpu().numpy(), roundings=32, scale=3)
    assert not torch.allclose(second[1:], first[1:])
