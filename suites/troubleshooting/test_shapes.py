"""Errors of shapes, as people paste them into a search box: the words, the cause, and that the cure is one."""

import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.suites.troubleshooting.known import summing

NO_PRODUCT = "mat1 and mat2 shapes cannot be multiplied"


@fact("torch.nn.Linear", "torch.nn.Conv2d", hint="x = x.flatten(1), or nn.Flatten(), between the two")
def test_of_a_convolution_are_flattened_for_linear(device):
    """`Linear` after `Conv2d` raises "mat1 and mat2 shapes cannot be multiplied" without `flatten(1)` between them."""
    images = summing(nn.Conv2d(1, 2, 1), device)(torch.ones(3, 1, 2, 2, device=device))
    head = summing(nn.Linear(8, 1), device)
    with pytest.raises(RuntimeError, match=NO_PRODUCT):
        head(images)
    same(head(images.flatten(1)), torch.full((3, 1), 8.0))


@fact("torch.nn.Flatten")
def test_of_a_convolution_are_flattened_by_a_layer(device):
    """`nn.Flatten` between `Conv2d` and `Linear` cures "mat1 and mat2 shapes cannot be multiplied"."""
    x, layers = torch.ones(3, 1, 2, 2, device=device), [nn.Conv2d(1, 2, 1), nn.Linear(8, 1)]
    with pytest.raises(RuntimeError, match=NO_PRODUCT):
        summing(nn.Sequential(*layers), device)(x)
    layers.insert(1, nn.Flatten())
    same(summing(nn.Sequential(*layers), device)(x), torch.full((3, 1), 8.0))


@fact("torch.Tensor.flatten", myth="flatten() is what a Linear layer after a convolution needs", hint="flatten(1)")
def test_of_a_whole_batch_are_flattened_by_flatten_without_one(device):
    """`flatten()` before `Linear` raises "mat1 and mat2 shapes cannot be multiplied": it joins the batch as well."""
    x, head = torch.ones(3, 2, 2, 2, device=device), summing(nn.Linear(8, 1), device)
    with pytest.raises(RuntimeError, match=r"cannot be multiplied \(1x24 and 8x1\)"):
        head(x.flatten())
    same(head(x.flatten(1)), torch.full((3, 1), 8.0))


@fact("torch.nn.Linear", hint="print(x.shape) before the layer: in_features is its last number")
def test_in_the_message_of_linear_name_in_features_second(device):
    """In "mat1 and mat2 shapes cannot be multiplied (3x5 and 4x2)", `in_features` is 4 and the input's last size 5."""
    with pytest.raises(RuntimeError, match=r"cannot be multiplied \(3x5 and 4x2\)"):
        nn.Linear(4, 2, device=device)(torch.ones(3, 5, device=device))
    same(summing(nn.Linear(5, 2), device)(torch.ones(3, 5, device=device)), torch.full((3, 2), 5.0))


@fact("torch.nn.Linear", hint="nn.LazyLinear(out_features)")
def test_of_linear_can_be_left_to_its_first_input(device):
    """`LazyLinear` takes `in_features` from its first input, where a guessed one "cannot be multiplied"."""
    x = torch.ones(3, 5, device=device)
    with pytest.raises(RuntimeError, match=NO_PRODUCT):
        nn.Linear(4, 2, device=device)(x)
    layer = nn.LazyLinear(2, device=device)
    assert layer(x).shape == (3, 2)
    assert layer.in_features == 5


@fact("torch.nn.Conv2d", hint="x.permute(0, 3, 1, 2): images of NumPy are (N, H, W, C), those of torch (N, C, H, W)")
def test_of_images_with_channels_last_are_permuted(device):
    """`Conv2d` of (N, H, W, 3) raises "expected input[..] to have 3 channels, but got" H, cured by `permute`."""
    x, layer = torch.ones(1, 8, 8, 3, device=device), summing(nn.Conv2d(3, 1, 8), device)
    with pytest.raises(RuntimeError, match=r"expected input\[1, 8, 8, 3\] to have 3 channels, but got 8 channels"):
        layer(x)
    same(layer(x.permute(0, 3, 1, 2)), torch.full((1, 1, 1, 1), 192.0))


@fact("torch.nn.Conv2d", hint="x.unsqueeze(1)")
def test_of_grey_images_need_a_dimension_of_channels(device):
    """`Conv2d` of (5, H, W) reads 5 channels: "expected input[1, 5, 2, 2] to have 1 channels", until `unsqueeze(1)`."""
    x, layer = torch.ones(5, 2, 2, device=device), summing(nn.Conv2d(1, 1, 2), device)
    with pytest.raises(RuntimeError, match=r"expected input\[1, 5, 2, 2\] to have 1 channels, but got 5 channels"):
        layer(x)
    same(layer(x.unsqueeze(1)), torch.full((5, 1, 1, 1), 4.0))


@fact("torch.nn.Conv2d", hint="x.view(-1, 1, 28, 28)")
def test_of_flat_images_are_made_images_again(device):
    """`Conv2d` of flat rows raises "Expected 3D (unbatched) or 4D (batched) input", cured by `view(-1, 1, H, W)`."""
    x, layer = torch.ones(5, 4, device=device), summing(nn.Conv2d(1, 1, 2), device)
    with pytest.raises(RuntimeError, match=r"Expected 3D \(unbatched\) or 4D \(batched\) input to conv2d"):
        layer(x)
    same(layer(x.view(-1, 1, 2, 2)), torch.full((5, 1, 1, 1), 4.0))


@fact("torch.nn.Conv2d", hint="padding=1, a larger image, or fewer poolings before")
def test_of_images_that_became_too_small_are_padded(device):
    """`Conv2d` of a smaller map raises "Kernel size can't be greater than actual input size", until `padding`."""
    x = torch.ones(1, 1, 2, 2, device=device)
    with pytest.raises(RuntimeError, match="Kernel size can't be greater than actual input size"):
        nn.Conv2d(1, 1, 3, device=device)(x)
    same(summing(nn.Conv2d(1, 1, 3, padding=1), device)(x), torch.full((1, 1, 2, 2), 4.0))


@fact("torch.nn.MaxPool2d", "torch.nn.AdaptiveMaxPool2d", hint="nn.AdaptiveMaxPool2d gives one size from any")
def test_of_images_that_were_pooled_away_are_too_small(device):
    """`MaxPool2d` of a 1x1 image raises "Output size is too small"; `AdaptiveMaxPool2d` gives a size from any."""
    x = torch.full((1, 1, 1, 1), 3.0, device=device)
    with pytest.raises(RuntimeError, match="Output size is too small"):
        nn.MaxPool2d(2)(x)
    same(nn.AdaptiveMaxPool2d(2)(x), torch.full((1, 1, 2, 2), 3.0))


@fact("torch.Tensor.sub_", "torch.Tensor.repeat", hint="a mean of one number, or image.repeat(3, 1, 1)")
def test_of_a_grey_image_are_not_normalized_by_three_means(device):
    """Three means off a grey image: "output with shape .. doesn't match the broadcast shape", until `repeat`."""
    grey, means = torch.ones(1, 2, 2, device=device), torch.full((3, 1, 1), 0.5, device=device)
    with pytest.raises(RuntimeError, match=r"output with shape \[1, 2, 2\] doesn't match the broadcast shape"):
        grey.sub_(means)
    same(grey.repeat(3, 1, 1).sub_(means), torch.full((3, 2, 2), 0.5))


@fact("torch.Tensor.sub", hint='image.convert("RGB"), or x[:3]')
def test_of_an_image_with_transparency_lose_their_fourth_channel(device):
    """`image - means` of a PNG of four channels: "The size of tensor a (4) must match the size of tensor b (3)"."""
    image, means = torch.ones(4, 2, 2, device=device), torch.full((3, 1, 1), 0.5, device=device)
    with pytest.raises(RuntimeError, match=r"The size of tensor a \(4\) must match the size of tensor b \(3\)"):
        image.sub(means)
    same(image[:3].sub(means), torch.full((3, 2, 2), 0.5))


@fact("torch.Tensor.mul", hint="weights.unsqueeze(1), so that the sizes meet from the right")
def test_of_a_weight_for_each_row_need_unsqueeze(device):
    """`weights * x`, one a row: "The size of tensor a (2) must match the size of tensor b (3)", until `unsqueeze`."""
    x, weights = torch.ones(2, 3, device=device), torch.tensor([2.0, 5.0], device=device)
    with pytest.raises(RuntimeError, match=r"The size of tensor a \(2\) must match the size of tensor b \(3\)"):
        weights.mul(x)
    same(weights.unsqueeze(1).mul(x), torch.tensor([[2.0] * 3, [5.0] * 3]))


@fact("torch.Tensor.view", hint="x.view(x.size(0), -1), or drop_last=True of the DataLoader")
def test_of_the_last_batch_are_not_written_down(device):
    """A batch size in `view` is "invalid for input of size" at a smaller last batch; `view(x.size(0), -1)` is not."""
    first, last = torch.ones(4, 2, 2, device=device), torch.ones(3, 2, 2, device=device)
    assert first.view(4, 4).shape == (4, 4)
    with pytest.raises(RuntimeError, match=r"shape '\[4, 4\]' is invalid for input of size 12"):
        last.view(4, 4)
    same(last.view(last.size(0), -1), torch.ones(3, 4))


@fact("torch.Tensor.view", "torch.Tensor.reshape", hint="x.reshape(...) or x.contiguous().view(...)")
def test_of_what_was_permuted_take_reshape(device):
    """`view` after `permute` raises "view size is not compatible with input tensor's size", `reshape` not."""
    x = torch.arange(6, device=device).view(2, 3).permute(1, 0)
    with pytest.raises(RuntimeError, match="view size is not compatible with input tensor's size and stride"):
        x.view(6)
    same(x.reshape(6), torch.tensor([0, 3, 1, 4, 2, 5]))
    same(x.contiguous().view(6), torch.tensor([0, 3, 1, 4, 2, 5]))


@fact("torch.stack", "torch.nn.utils.rnn.pad_sequence", hint="pad_sequence(list, batch_first=True)")
def test_of_sequences_are_padded_for_stack(device):
    """`torch.stack` of lengths 1 and 2 raises "stack expects each tensor to be equal size", cured by `pad_sequence`."""
    sequences = [torch.tensor([1.0], device=device), torch.tensor([2.0, 3.0], device=device)]
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        torch.stack(sequences)
    same(nn.utils.rnn.pad_sequence(sequences, batch_first=True), torch.tensor([[1.0, 0.0], [2.0, 3.0]]))


@fact("torch.cat", "torch.nn.functional.pad", hint="pad or crop one side; sizes that are multiples of 2 ** depth")
def test_of_a_skip_connection_are_padded_for_cat(device):
    """`torch.cat` of 3 and 4 wide maps raises "Sizes of tensors must match except in dimension 1", cured by `pad`."""
    skip, up = torch.ones(1, 1, 1, 4, device=device), torch.full((1, 1, 1, 3), 2.0, device=device)
    with pytest.raises(RuntimeError, match="Sizes of tensors must match except in dimension 1. Expected size 4"):
        torch.cat([skip, up], 1)
    joined = torch.cat([skip, nn.functional.pad(up, (0, 1))], 1)
    same(joined, torch.tensor([[[[1.0, 1.0, 1.0, 1.0]], [[2.0, 2.0, 2.0, 0.0]]]]))


@fact("torch.cat", hint="one.unsqueeze(0)")
def test_of_a_row_are_those_of_a_table_for_cat(device):
    """`torch.cat` of a table and a row raises "Tensors must have same number of dimensions", until `unsqueeze(0)`."""
    table, row = torch.ones(2, 3, device=device), torch.zeros(3, device=device)
    with pytest.raises(RuntimeError, match="Tensors must have same number of dimensions: got 2 and 1"):
        torch.cat([table, row])
    same(torch.cat([table, row.unsqueeze(0)]), torch.tensor([[1.0] * 3, [1.0] * 3, [0.0] * 3]))


RECURRENT = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}
each_recurrent = pytest.mark.parametrize("kind", RECURRENT)


@fact(*(f"torch.nn.{kind}" for kind in RECURRENT), hint="input_size is the size of the last dimension of the input")
@each_recurrent
def test_of_a_recurrent_layer_have_the_features_last(device, kind):
    """`LSTM`, `GRU` or `RNN` raises "input.size(-1) must be equal to input_size", until the features come last."""
    x, layer = torch.rand(2, 4, 6, device=device), RECURRENT[kind](4, 3, device=device)
    with pytest.raises(RuntimeError, match=r"input.size\(-1\) must be equal to input_size. Expected 4, got 6"):
        layer(x)
    outputs, _ = layer(x.transpose(1, 2))
    alone = layer(x[:1, :, :1].transpose(1, 2))[0][0, 0]
    close(outputs[0, 0].detach(), alone.detach(), roundings=32, scale=1)


@fact("torch.nn.GRU", "torch.nn.LSTM", hint="torch.zeros(layers, x.size(0), hidden), or drop_last=True")
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_of_a_kept_state_are_those_of_the_batch(device, kind):
    """A state of `LSTM` or `GRU` kept for a smaller last batch: "Expected hidden size", until it is cut to that."""
    x, state = torch.rand(5, 2, 4, device=device), torch.rand(1, 3, 3, device=device)
    layer = RECURRENT[kind](4, 3, device=device)
    of = (lambda state: (state, state)) if kind == "LSTM" else (lambda state: state)
    with pytest.raises(RuntimeError, match=r"Expected hidden(\[0\])? size \(1, 2, 3\), got \[1, 3, 3\]"):
        layer(x, of(state))
    whole = layer(torch.cat([x, x[:, :1]], 1), of(state))[0]
    assert torch.allclose(layer(x, of(state[:, :2].contiguous()))[0], whole[:, :2], atol=1e-6)


@fact("torch.nn.GRU", "torch.nn.LSTM", myth="batch_first=True holds for the state too")
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_of_a_state_have_the_layers_first_also_with_batch_first(device, kind):
    """The state of `LSTM(batch_first=True)` or `GRU` keeps (layers, batch, hidden): else "Expected hidden size"."""
    layer, x = RECURRENT[kind](4, 3, batch_first=True, device=device), torch.rand(2, 5, 4, device=device)
    of = (lambda state: (state, state)) if kind == "LSTM" else (lambda state: state)
    with pytest.raises(RuntimeError, match="Expected hidden.* size"):
        layer(x, of(torch.zeros(2, 1, 3, device=device)))
    same(layer(x, of(torch.zeros(1, 2, 3, device=device)))[0], layer(x)[0])


@fact("torch.nn.LSTM", "torch.nn.GRU", hint="x.flatten(2), or features only: (length, batch, features)")
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_of_a_recurrent_layer_are_at_most_three(device, kind):
    """`LSTM` or `GRU` of images a step raises "LSTM: Expected input to be 2", until `flatten(2)`."""
    x, layer = torch.rand(5, 2, 2, 2, device=device), RECURRENT[kind](4, 3, device=device)
    with pytest.raises((AssertionError, ValueError), match=f"{kind}: Expected input to be 2"):
        layer(x)
    flat = x.flatten(2)
    with torch.no_grad():
        close(layer(flat)[0][0], layer(flat[:1])[0][0].cpu(), roundings=200, scale=1)


@fact(
    "torch.nn.BatchNorm1d",
    "torch.utils.data.DataLoader",
    claims=["E10"],
    myth="a batch of one sample goes through every model",
    hint="drop_last=True, or model.eval() to predict",
)
def test_of_a_last_batch_of_one_are_dropped(device):
    """`BatchNorm1d` raises "Expected more than 1 value per channel" at a last batch of one, until `drop_last=True`."""
    rows = torch.arange(5.0, device=device)[:, None]
    norm = nn.BatchNorm1d(1, device=device)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        [norm(batch) for batch in torch.utils.data.DataLoader(rows, batch_size=2)]
    assert len([norm(batch) for batch in torch.utils.data.DataLoader(rows, batch_size=2, drop_last=True)]) == 2


@fact("torch.nn.BatchNorm1d", "torch.nn.BatchNorm2d", hint="BatchNorm2d behind Conv2d")
def test_of_images_need_the_normalisation_of_images(device):
    """`BatchNorm1d` of images raises "expected 2D or 3D input (got 4D input)", where `BatchNorm2d` takes them."""
    x = torch.tensor([1.0, 3.0], device=device).view(2, 1, 1, 1)
    with pytest.raises(ValueError, match=r"expected 2D or 3D input \(got 4D input\)"):
        nn.BatchNorm1d(1, device=device)(x)
    same(nn.BatchNorm2d(1, eps=3.0, device=device)(x).flatten(), torch.tensor([-0.5, 0.5]))


@fact("torch.nn.BatchNorm2d", hint="num_features is the out_channels of the convolution before")
def test_of_a_normalisation_are_the_channels_before(device):
    """`BatchNorm2d(3)` of two channels raises "running_mean should contain 2 elements not 3", `BatchNorm2d(2)` not."""
    x = torch.tensor([[[[1.0]], [[2.0]]], [[[3.0]], [[4.0]]]], device=device)
    with pytest.raises(RuntimeError, match="running_mean should contain 2 elements not 3"):
        nn.BatchNorm2d(3, device=device)(x)
    same(nn.BatchNorm2d(2, eps=3.0, device=device)(x).flatten(1), torch.tensor([[-0.5, -0.5], [0.5, 0.5]]))


@fact("torch.nn.CrossEntropyLoss", hint="x.flatten(1): a wrong view puts samples' numbers into other samples")
def test_of_a_batch_are_not_changed_by_a_view(device):
    """`view(-1, n)` by a wrong n changes the batch: "Expected input batch_size (4) to match target batch_size (2)"."""
    x, y = torch.zeros(2, 2, 3, device=device), torch.tensor([0, 1], device=device)
    with pytest.raises(ValueError, match=r"Expected input batch_size \(4\) to match target batch_size \(2\)"):
        nn.CrossEntropyLoss()(x.view(-1, 3), y)
    x[0, 0, 0] = x[1, 0, 1] = 1e4
    same(nn.CrossEntropyLoss(reduction="none")(x.flatten(1), y), torch.zeros(2))


@fact("torch.nn.CrossEntropyLoss", hint="target.squeeze(1)")
def test_of_a_column_of_classes_are_squeezed(device):
    """`CrossEntropyLoss` of columns: "0D or 1D target tensor expected, multi-target not supported", until `squeeze`."""
    x, y = torch.tensor([[1e4, 0.0], [0.0, 1e4]], device=device), torch.tensor([[1], [1]], device=device)
    loss = nn.CrossEntropyLoss(reduction="none")
    with pytest.raises(RuntimeError, match="0D or 1D target tensor expected, multi-target not supported"):
        loss(x, y)
    same(loss(x, y.squeeze(1)), torch.tensor([1e4, 0.0]))


@fact("torch.nn.CrossEntropyLoss", hint="mask.squeeze(1), without the dimension of channels")
def test_of_a_mask_of_classes_have_no_channels(device):
    """A mask (N, 1, H, W) for `CrossEntropyLoss` raises "only batches of spatial targets", until `squeeze(1)`."""
    x = torch.tensor([[[[1e4]], [[0.0]]]], device=device)
    mask, loss = torch.ones(1, 1, 1, 1, dtype=torch.int64, device=device), nn.CrossEntropyLoss()
    with pytest.raises(RuntimeError, match="only batches of spatial targets supported"):
        loss(x, mask)
    same(loss(x, mask.squeeze(1)), torch.tensor(1e4))


@fact("torch.nn.BCEWithLogitsLoss", hint="logits.squeeze(1)")
def test_of_a_column_of_logits_are_squeezed(device):
    """`BCEWithLogitsLoss` of a column raises "Target size .. must be the same as input size", until `squeeze(1)`."""
    logits, y = torch.tensor([[-500.0], [500.0]], device=device), torch.tensor([1.0, 1.0], device=device)
    with pytest.raises(ValueError, match=r"Target size \(torch.Size\(\[2\]\)\) must be the same as input size"):
        nn.BCEWithLogitsLoss()(logits, y)
    same(nn.BCEWithLogitsLoss(reduction="none")(logits.squeeze(1), y), torch.tensor([500.0, 0.0]))


@fact("torch.softmax", hint="x.unsqueeze(0) for one sample, or dim=-1")
def test_of_one_sample_have_no_dimension_one(device):
    """`softmax(x, 1)` of one sample raises "Dimension out of range (expected to be in range of [-1, 0], but got 1)"."""
    x = torch.zeros(2, device=device)
    with pytest.raises(IndexError, match=r"Dimension out of range \(expected to be in range of \[-1, 0\], but got 1\)"):
        torch.softmax(x, 1)
    same(torch.softmax(x, -1), torch.tensor([0.5, 0.5]))
    same(torch.softmax(x.unsqueeze(0), 1), torch.tensor([[0.5, 0.5]]))


@fact("torch.Tensor.__getitem__", hint="an index less, or x.unsqueeze(0) before")
def test_are_fewer_than_the_indices(device):
    """`x[0, 1]` of a vector raises "too many indices for tensor of dimension 1", until `unsqueeze(0)`."""
    x = torch.tensor([3.0, 4.0], device=device)
    with pytest.raises(IndexError, match="too many indices for tensor of dimension 1"):
        x[0, 1]
    same(x.unsqueeze(0)[0, 1], torch.tensor(4.0))


@fact("torch.Tensor.__getitem__", hint="mask and tensor of one length: both before the filter, or both after")
def test_of_a_mask_are_those_of_the_tensor(device):
    """`x[mask]` by a mask of another length: "The shape of the mask [2] at index 0 does not match the shape" of `x`."""
    x, mask = torch.arange(3, device=device), torch.tensor([True, False], device=device)
    with pytest.raises(IndexError, match=r"The shape of the mask \[2\] at index 0 does not match the shape"):
        x[mask]
    same(x[:2][mask], torch.tensor([0]))


@fact("torch.Tensor.__getitem__")
def test_end_one_before_their_size(device):
    """The index 3 is "out of bounds for dimension 0 with size 3": the last of three elements is `x[2]`, or `x[-1]`."""
    x = torch.tensor([5, 6, 7], device=device)
    with pytest.raises(IndexError, match="index 3 is out of bounds for dimension 0 with size 3"):
        x[3]
    assert (x[2].item(), x[-1].item()) == (7, 7)


@fact("torch.nn.Embedding", hint="num_embeddings is the largest index plus one; for a tokenizer its length")
@pytest.mark.cpu
def test_of_an_embedding_are_one_more_than_the_largest_index():
    """`Embedding` raises "index out of range in self", until `num_embeddings` is above the largest index."""
    tokens = torch.tensor([1, 3])
    with pytest.raises(IndexError, match="index out of range in self"):
        nn.Embedding(3, 1)(tokens)
    same(summing(nn.Embedding(int(tokens.max()) + 1, 1))(tokens), torch.ones(2, 1))


@fact("torch.Tensor.permute", hint="name every dimension: x.permute(0, 2, 1)")
def test_of_a_batch_count_for_permute_too(device):
    """`permute` without the batch raises "number of dimensions in the tensor input does not match the length"."""
    x = torch.arange(6, device=device).view(1, 2, 3)
    with pytest.raises(RuntimeError, match="number of dimensions in the tensor input does not match the length"):
        x.permute(1, 0)
    same(x.permute(0, 2, 1), torch.tensor([[[0, 3], [1, 4], [2, 5]]]))


@fact("torch.Tensor.expand", hint="x.unsqueeze(-1).expand(3, 4), or repeat_interleave for copies")
def test_of_a_dimension_above_one_do_not_expand(device):
    """`expand` raises "The expanded size of the tensor (2) must match the existing size (3)", until it has size one."""
    x = torch.arange(3, device=device)
    with pytest.raises(RuntimeError, match=r"The expanded size of the tensor \(2\) must match the existing size \(3\)"):
        x.expand(3, 2)
    same(x.unsqueeze(-1).expand(3, 2), torch.tensor([[0, 0], [1, 1], [2, 2]]))


@fact("torch.nn.MultiheadAttention", hint="batch_first=True, or attn_mask of (length, length)")
def test_of_an_attention_mask_are_lengths(device):
    """`MultiheadAttention` of batches first raises "The shape of the 2D attn_mask is", until `batch_first=True`."""
    x, mask = torch.rand(2, 5, 4, device=device), torch.ones(5, 5, dtype=torch.bool, device=device).triu(1)
    with pytest.raises(RuntimeError, match="The shape of the 2D attn_mask is .* but should be"):
        nn.MultiheadAttention(4, 2, device=device)(x, x, x, attn_mask=mask)
    layer = nn.MultiheadAttention(4, 2, batch_first=True, device=device)
    same(layer(x, x, x, attn_mask=mask)[1][:, 0], torch.tensor([[1.0, 0.0, 0.0, 0.0, 0.0]] * 2))


@fact("torch.tensor", "torch.nn.utils.rnn.pad_sequence", hint="pad_sequence([torch.tensor(row) for row in rows])")
def test_of_rows_of_several_lengths_are_padded(device):
    """`torch.tensor` of ragged lists raises "expected sequence of length 2 at dim 1 (got 1)", until they are padded."""
    rows = [[1, 2], [3]]
    with pytest.raises(ValueError, match=r"expected sequence of length 2 at dim 1 \(got 1\)"):
        torch.tensor(rows, device=device)
    made = nn.utils.rnn.pad_sequence([torch.tensor(row, device=device) for row in rows], batch_first=True)
    same(made, torch.tensor([[1, 2], [3, 0]]))
