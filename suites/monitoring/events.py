"""What stands in TensorBoard's event files, as its own reader finds it."""

import io

import numpy as np

EVERY = dict.fromkeys(("scalars", "images", "histograms", "tensors"), 0)


def read(folder):
    """All that TensorBoard reads in a folder, which it takes for one run."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder), EVERY).Reload()


def scalars(folder, tag="loss"):
    """The steps and values of a tag, in the order in which TensorBoard has them."""
    found = read(folder)
    return [(one.step, one.value) for one in found.Scalars(tag)] if tag in found.Tags()["scalars"] else []


def pixels(folder, tag="image"):
    """The numbers of the one image of a tag, rows first and colours last."""
    from PIL import Image

    [one] = read(folder).Images(tag)
    return np.array(Image.open(io.BytesIO(one.encoded_image_string)))


def tensors(folder):
    """The arrays of all tags that are stored as tensors."""
    from tensorboard.util.tensor_util import make_ndarray

    found = read(folder)
    return {tag: make_ndarray(found.Tensors(tag)[0].tensor_proto) for tag in found.Tags()["tensors"]}
