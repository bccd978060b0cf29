"""Histograms, images, meshes, text, hyperparameters and graphs of a `SummaryWriter`; numbers are in test_scalars."""

import numpy as np
import pytest
import torch
from torch import nn

from torchproof import fact
from torchproof.suites.monitoring.events import pixels, read, scalars, tensors

WRITER = "torch.utils.tensorboard.SummaryWriter"


# --- histograms -------------------------------------------------------------------------------------------------------


@fact(f"{WRITER}.add_histogram", requires="tensorboard", claims=["W01"])
def test_of_a_histogram_counts_every_number(device, writer, tmp_path):
    """`SummaryWriter.add_histogram` of a tensor counts every number into a bucket, beside their least, most and sum."""
    writer.add_histogram("weights", torch.tensor([[1.0, 2.0], [2.0, -5.0]], device=device), 7)
    writer.flush()
    [event] = read(tmp_path).Histograms("weights")
    found = event.histogram_value
    assert (event.step, found.min, found.max, found.num, found.sum) == (7, -5, 2, 4, 0)
    assert sum(found.bucket) == 4


@fact(f"{WRITER}.add_histogram", requires="tensorboard")
def test_of_a_histogram_with_nan_counts_the_others(writer, tmp_path):
    """`SummaryWriter.add_histogram` of gradients with NaN and infinity puts only the finite ones into buckets."""
    writer.add_histogram("grad", torch.tensor([1.0, torch.nan, 3.0, torch.inf]))
    writer.flush()
    [event] = read(tmp_path).Histograms("grad")
    assert sum(event.histogram_value.bucket) == 2


@fact(f"{WRITER}.add_histogram", requires="tensorboard", hint="look for the step in which gradients became NaN")
def test_of_a_histogram_of_nan_alone_is_refused(writer):
    """`SummaryWriter.add_histogram` of nothing but NaN raises ValueError "The histogram is empty"."""
    with pytest.raises(ValueError, match="The histogram is empty"):
        writer.add_histogram("grad", torch.tensor([torch.nan, torch.nan]))


@fact(f"{WRITER}.add_histogram", requires="tensorboard")
def test_of_a_histogram_of_nothing_is_refused(writer):
    """`SummaryWriter.add_histogram` of an empty tensor raises ValueError "The input has no element"."""
    with pytest.raises(ValueError, match="The input has no element"):
        writer.add_histogram("weights", torch.empty(0))


# --- images -----------------------------------------------------------------------------------------------------------


@fact(f"{WRITER}.add_image", requires=["tensorboard", "pillow"], claims=["W01"])
def test_of_an_image_takes_colours_first(device, writer, tmp_path):
    """`SummaryWriter.add_image` takes a tensor of uint8 with colours first, whose numbers TensorBoard has unchanged."""
    image = torch.arange(18, dtype=torch.uint8, device=device).view(3, 2, 3)
    writer.add_image("image", image)
    writer.flush()
    assert pixels(tmp_path).tolist() == image.permute(1, 2, 0).tolist()


@fact(f"{WRITER}.add_image", requires=["tensorboard", "pillow"], hint="undo Normalize before: image * std + mean")
def test_of_an_image_clips_what_is_beyond_one(writer, tmp_path):
    """`SummaryWriter.add_image` takes floats from 0 to 1 and clips others, such as those of a normalized image."""
    writer.add_image("image", torch.tensor([-1.5, 0.2, 2.5]).view(3, 1, 1))
    writer.flush()
    assert pixels(tmp_path).tolist() == [[[0, 51, 255]]]


@fact(
    f"{WRITER}.add_image",
    requires=["tensorboard", "pillow"],
    myth="add_image takes integers from 0 to 255, of whatever dtype",
    hint="image.to(torch.uint8)",
)
def test_of_an_image_takes_only_uint8_as_bytes(writer, tmp_path):
    """`SummaryWriter.add_image` takes int64 from 0 to 255 as floats from 0 to 1: all but black becomes white."""
    writer.add_image("image", torch.tensor([0, 1, 200]).view(3, 1, 1))
    writer.flush()
    assert pixels(tmp_path).tolist() == [[[0, 255, 255]]]


@fact(f"{WRITER}.add_image", requires=["tensorboard", "pillow"])
def test_of_an_image_with_colours_last_wants_its_format(writer, tmp_path):
    """`SummaryWriter.add_image` takes an image with colours last, as NumPy's and PIL's, by `dataformats="HWC"`."""
    image = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
    writer.add_image("image", image, dataformats="HWC")
    writer.flush()
    assert pixels(tmp_path).tolist() == image.tolist()


@fact(
    f"{WRITER}.add_image",
    requires=["tensorboard", "pillow"],
    myth="add_image sees itself where the colours stand",
    hint='dataformats="HWC"',
)
def test_of_an_image_with_colours_last_is_mistaken(writer, tmp_path):
    """`SummaryWriter.add_image` of four rows with colours last, without `dataformats`, is one with four channels."""
    writer.add_image("image", np.zeros((4, 7, 3), dtype=np.uint8))
    writer.flush()
    assert pixels(tmp_path).shape == (7, 3, 4)


@fact(f"{WRITER}.add_image", requires=["tensorboard", "pillow"], hint='dataformats="HW", or image[None]')
def test_of_an_image_without_channels_is_refused(writer):
    """`SummaryWriter.add_image` of rows and columns raises "size of input tensor and input format are different"."""
    with pytest.raises(AssertionError, match="size of input tensor and input format are different"):
        writer.add_image("image", torch.zeros(4, 5))


@fact(f"{WRITER}.add_images", requires=["tensorboard", "pillow"])
def test_of_images_makes_one_grid(writer, tmp_path):
    """`SummaryWriter.add_images` lays a batch of nine out as one image, eight in a row."""
    batch = torch.arange(9, dtype=torch.uint8).view(9, 1, 1, 1).expand(9, 3, 1, 1)
    writer.add_images("image", batch)
    writer.flush()
    assert pixels(tmp_path)[..., 0].tolist() == [[0, 1, 2, 3, 4, 5, 6, 7], [8, 0, 0, 0, 0, 0, 0, 0]]


# --- meshes, text, hyperparameters, charts ----------------------------------------------------------------------------


@fact(f"{WRITER}.add_mesh", requires="tensorboard", claims=["W01"])
def test_of_a_mesh_has_corners_colours_and_faces(device, writer, tmp_path):
    """`SummaryWriter.add_mesh` writes the corners, colours and faces of a batch of meshes, each as a tensor."""
    corners = torch.tensor([[[1.0, 1, 1], [-1, -1, 1], [1, -1, -1]]], device=device)
    colours = torch.tensor([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], device=device)
    writer.add_mesh("body", corners, colours, torch.tensor([[[0, 1, 2]]], device=device))
    writer.flush()
    found = tensors(tmp_path)
    assert found["body_VERTEX"].tolist() == corners.tolist()
    assert found["body_COLOR"].tolist() == colours.tolist()
    assert found["body_FACE"].tolist() == [[[0, 1, 2]]]


@fact(f"{WRITER}.add_text", requires="tensorboard")
def test_of_text_keeps_its_markdown(writer, tmp_path):
    """`SummaryWriter.add_text` writes Markdown as it is, to a tag with `/text_summary` behind it."""
    writer.add_text("notes", "| lr | *0.1* |")
    writer.flush()
    assert tensors(tmp_path)["notes/text_summary"].tolist() == [b"| lr | *0.1* |"]


def hyperparameters(writer, folder, values):
    """What TensorBoard reads of them."""
    from tensorboard.plugins.hparams import metadata

    writer.add_hparams(values, {"accuracy": 0.5}, run_name="trial")
    content = read(folder / "trial").SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    return metadata.parse_session_start_info_plugin_data(content).hparams


@fact(
    f"{WRITER}.add_hparams",
    requires="tensorboard",
    myth="add_hparams writes into the run of its writer",
    hint='run_name="." keeps it in one run',
)
def test_of_hyperparameters_is_a_run_below(writer, tmp_path):
    """`SummaryWriter.add_hparams` writes its metrics to a run of its own below the writer's, named by `run_name`."""
    writer.add_hparams({"lr": 0.1, "optimizer": "sgd", "nesterov": True}, {"accuracy": 0.5}, run_name="trial")
    writer.flush()
    assert scalars(tmp_path / "trial", "accuracy") == [(0, 0.5)]
    assert scalars(tmp_path, "accuracy") == []


@fact(f"{WRITER}.add_hparams", requires="tensorboard")
def test_of_hyperparameters_keeps_numbers_and_words(writer, tmp_path):
    """`SummaryWriter.add_hparams` keeps hyperparameters that are numbers or words as such."""
    found = hyperparameters(writer, tmp_path, {"lr": 0.5, "optimizer": "sgd"})
    assert (found["lr"].number_value, found["optimizer"].string_value) == (0.5, "sgd")


@fact(f"{WRITER}.add_hparams", requires="tensorboard")
def test_of_hyperparameters_keeps_truth_values(writer, tmp_path):
    """`SummaryWriter.add_hparams` keeps `True` as a truth value."""
    assert hyperparameters(writer, tmp_path, {"nesterov": True})["nesterov"].WhichOneof("kind") == "bool_value"


@fact(f"{WRITER}.add_hparams", requires="tensorboard", hint="str(layers) of a list, one entry each of a nested dict")
def test_of_a_list_of_hyperparameters_is_refused(writer):
    """`SummaryWriter.add_hparams` of a list raises ValueError "value should be one of int, float, str, bool"."""
    with pytest.raises(ValueError, match="value should be one of int, float, str, bool"):
        writer.add_hparams({"layers": [64, 32]}, {"accuracy": 0.5})


@fact(f"{WRITER}.add_custom_scalars", requires="tensorboard")
def test_of_custom_scalars_is_a_chart_of_several_tags(writer, tmp_path):
    """`SummaryWriter.add_custom_scalars` writes the layout of a chart of several tags for TensorBoard."""
    from tensorboard.plugins.custom_scalar import layout_pb2

    writer.add_custom_scalars({"loss": {"both": ["Multiline", ["loss/train", "loss/val"]]}})
    writer.flush()
    layout = layout_pb2.Layout.FromString(tensors(tmp_path)["custom_scalars__config__"].item())
    [chart] = layout.category[0].chart
    assert (chart.title, [*chart.multiline.tag]) == ("both", ["loss/train", "loss/val"])


# --- embeddings -------------------------------------------------------------------------------------------------------

EMBEDDING = f"{WRITER}.add_embedding"


def projections(folder):
    """What TensorBoard's projector finds there: an entry for each embedding, with the paths of its files."""
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    return text_format.Parse((folder / "projector_config.pbtxt").read_text(), ProjectorConfig()).embeddings


@fact(EMBEDDING, requires="tensorboard", claims=["W01"])
def test_of_an_embedding_is_a_row_of_text_a_vector(device, writer, tmp_path):
    """`SummaryWriter.add_embedding` writes a vector a row to one `tensors.tsv`, which the projector's config names."""
    writer.add_embedding(torch.tensor([[1.0, -0.5], [2.0, 0.25]], device=device), tag="words", global_step=3)
    [entry] = projections(tmp_path)
    assert entry.tensor_name == "words:00003"
    assert (tmp_path / entry.tensor_path).read_text() == "1.0\t-0.5\n2.0\t0.25\n"
    assert [*tmp_path.rglob("tensors.tsv")] == [tmp_path / entry.tensor_path]


@fact(EMBEDDING, requires="tensorboard")
def test_of_an_embedding_keeps_labels_in_the_order_of_the_rows(writer, tmp_path):
    """`SummaryWriter.add_embedding(metadata=)` writes the labels, a row each, to `metadata.tsv` beside the vectors."""
    writer.add_embedding(torch.eye(2), metadata=["cat", "dog"])
    [entry] = projections(tmp_path)
    assert (tmp_path / entry.metadata_path).read_text() == "cat\ndog\n"


@fact(EMBEDDING, requires=["tensorboard", "pillow"])
def test_of_an_embedding_lays_images_out_in_a_square(writer, tmp_path):
    """`SummaryWriter.add_embedding(label_img=)` lays the images out in one square, row by row, as `sprite.png`."""
    from PIL import Image

    grey = torch.tensor([0.0, 0.2, 0.4, 1.0]).view(4, 1, 1, 1).expand(4, 3, 1, 1)
    writer.add_embedding(torch.eye(4), label_img=grey)
    [entry] = projections(tmp_path)
    sprite = np.asarray(Image.open(tmp_path / entry.sprite.image_path))
    assert sprite[..., 0].tolist() == [[0, 51], [102, 255]]


@fact(EMBEDDING, requires="tensorboard", hint="a label for each row")
def test_of_an_embedding_with_too_few_labels_is_refused(writer):
    """`SummaryWriter.add_embedding` with fewer labels than rows raises "#labels should equal with #data points"."""
    with pytest.raises(AssertionError, match="#labels should equal with #data points"):
        writer.add_embedding(torch.eye(3), metadata=["cat", "dog"])


# --- graphs -----------------------------------------------------------------------------------------------------------


class Branching(nn.Module):
    """Adds to what is negative, and multiplies else."""

    def forward(self, x):
        return x * 2 if x.sum() > 0 else x + 1


class Named(nn.Module):
    """Gives a dict."""

    def forward(self, x):
        return {"logits": x * 2}


def operators(folder):
    """Those of the graph that TensorBoard reads."""
    return [node.op for node in read(folder).Graph().node if node.op.startswith("aten::")]


@fact(f"{WRITER}.add_graph", requires="tensorboard")
def test_of_a_graph_has_the_layers_operators(writer, tmp_path):
    """`SummaryWriter.add_graph` writes the operators of a model, under the names of its layers."""
    writer.add_graph(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), torch.ones(1, 2))
    writer.flush()
    names = {node.op: node.name for node in read(tmp_path).Graph().node}
    assert names["aten::linear"].startswith("Sequential/Linear[0]/")
    assert names["aten::relu"].startswith("Sequential/ReLU[1]/")


@fact(f"{WRITER}.add_graph", requires="tensorboard", myth="add_graph shows the whole model, with all its branches")
def test_of_a_graph_has_only_the_branch_that_ran(writer, tmp_path):
    """`SummaryWriter.add_graph` traces the model: of an `if` it has the branch that the example takes, and warns."""
    with pytest.warns(torch.jit.TracerWarning, match="might cause the trace to be incorrect"):
        writer.add_graph(Branching(), torch.ones(1, 2))
    writer.flush()
    assert operators(tmp_path) == ["aten::mul"]


@fact(f"{WRITER}.add_graph", requires="tensorboard", hint="use_strict_trace=False")
def test_of_a_model_that_gives_a_dict_is_refused(writer):
    """`SummaryWriter.add_graph` of a model that returns a dict raises "Encountering a dict at the output"."""
    with pytest.raises(RuntimeError, match="Encountering a dict at the output"):
        writer.add_graph(Named(), torch.ones(1, 2))


@fact(f"{WRITER}.add_graph", requires="tensorboard")
def test_without_strict_trace_takes_a_dict(writer, tmp_path):
    """`SummaryWriter.add_graph` with `use_strict_trace=False` takes a model that returns a dict."""
    writer.add_graph(Named(), torch.ones(1, 2), use_strict_trace=False)
    writer.flush()
    assert operators(tmp_path) == ["aten::mul"]
