"""Boxes: which of them overlap, which are kept, and the ways to write one down."""

import pytest
import torch

from torchproof import close, fact, same

# The second has half of the first, the third a quarter, the fourth nothing of it.
BOXES = [[0.0, 0, 4, 4], [0, 0, 4, 2], [2, 2, 4, 4], [6, 6, 7, 8]]


@pytest.fixture
def boxes(device):
    return torch.tensor(BOXES, device=device)


@fact("torchvision.ops.nms", requires="torchvision")
def test_nms_drops_what_overlaps_a_better_box(ops, boxes):
    """`nms` gives indices of boxes, best score first, without those that overlap a better one above the threshold."""
    scores = torch.tensor([0.8, 0.7, 0.1, 0.9], device=boxes.device)
    same(ops.nms(boxes, scores, 0.4), [3, 0, 2])


@fact("torchvision.ops.nms", requires="torchvision", myth="nms drops a box at the threshold")
def test_nms_keeps_an_overlap_that_equals_the_threshold(ops, boxes):
    """`nms` drops a box only where its IoU with a better one is above `iou_threshold`: one that equals it is kept."""
    scores = torch.tensor([0.8, 0.7, 0.6, 0.9], device=boxes.device)
    same(ops.nms(boxes, scores, 0.5), [3, 0, 1, 2])


@fact("torchvision.ops.nms", requires="torchvision")
def test_nms_of_no_boxes(ops, device):
    """`nms` of no boxes gives an empty tensor of int64."""
    kept = ops.nms(torch.zeros(0, 4, device=device), torch.zeros(0, device=device), 0.5)
    same(kept, torch.tensor([], dtype=torch.int64))


@fact("torchvision.ops.batched_nms", requires="torchvision")
def test_batched_nms_keeps_categories_apart(ops, boxes):
    """`batched_nms` lets a box drop only others of its own category in `idxs`."""
    scores = torch.tensor([0.8, 0.7, 0.6, 0.9], device=boxes.device)
    categories = torch.tensor([0, 1, 0, 0], device=boxes.device)
    same(ops.batched_nms(boxes, scores, categories, 0.1), [3, 0, 1])


@fact("torchvision.ops.box_area", requires="torchvision")
def test_box_area(ops, boxes):
    """`box_area` of boxes (x1, y1, x2, y2) is width times height, without a pixel more on each side."""
    same(ops.box_area(boxes), [16.0, 8, 4, 2])


@fact("torchvision.ops.box_iou", requires="torchvision")
def test_box_iou(ops, boxes):
    """`box_iou` gives the area that each box shares with each other, over that of both together."""
    got = ops.box_iou(boxes, boxes[:2])
    close(got, [[1, 0.5], [0.5, 1], [0.25, 0], [0, 0]], roundings=2)


@fact("torchvision.ops.generalized_box_iou", requires="torchvision")
def test_generalized_box_iou(ops, boxes):
    """`generalized_box_iou` takes from the IoU the share of the enclosing box that neither box covers."""
    got = ops.generalized_box_iou(boxes[:1], boxes)
    close(got, [[1, 0.5, 0.25, 0 - (56 - 18) / 56]], roundings=4, scale=1)


@fact("torchvision.ops.distance_box_iou", requires="torchvision")
def test_distance_box_iou(ops, boxes):
    """`distance_box_iou` takes from the IoU the squared distance of centers over the enclosing box's diagonal's."""
    got = ops.distance_box_iou(boxes[:1], boxes)
    close(got, [[1, 0.5 - 1 / 32, 0.25 - 2 / 32, -(4.5**2 + 25) / (49 + 64)]], roundings=8, scale=1)


@fact("torchvision.ops.complete_box_iou", requires="torchvision")
def test_complete_box_iou_of_like_shapes(ops, boxes):
    """`complete_box_iou` is `distance_box_iou` where both boxes have the same ratio of width to height."""
    got = ops.complete_box_iou(boxes[:1], boxes[[0, 2]])
    close(got, [[1, 0.25 - 2 / 32]], roundings=16, scale=1)


@fact("torchvision.ops.box_convert", requires="torchvision")
@pytest.mark.parametrize(("fmt", "box"), [("xywh", [2.0, 3, 4, 6]), ("cxcywh", [4.0, 6, 4, 6])], ids=["xywh", "cxcywh"])
def test_box_convert_out_of_corners(ops, fmt, box, device):
    """`box_convert` writes (x1, y1, x2, y2) as a corner or the center with width and height."""
    same(ops.box_convert(torch.tensor([[2.0, 3, 6, 9]], device=device), "xyxy", fmt), [box])


@fact("torchvision.ops.box_convert", requires="torchvision")
@pytest.mark.parametrize(("fmt", "box"), [("xywh", [2.0, 3, 4, 6]), ("cxcywh", [4.0, 6, 4, 6])], ids=["xywh", "cxcywh"])
def test_box_convert_into_corners(ops, fmt, box, device):
    """`box_convert` makes (x1, y1, x2, y2) of a corner or the center with width and height."""
    same(ops.box_convert(torch.tensor([box], device=device), fmt, "xyxy"), [[2.0, 3, 6, 9]])


@fact("torchvision.ops.box_convert", requires="torchvision")
def test_box_convert_refuses_an_unknown_format(ops, boxes):
    """`box_convert` refuses a format that it does not know with ValueError "Unsupported Bounding Box"."""
    with pytest.raises(ValueError, match="Unsupported Bounding Box"):
        ops.box_convert(boxes, "xyxy", "yxyx")


@fact("torchvision.ops.clip_boxes_to_image", requires="torchvision", myth="size is (width, height)")
def test_clip_boxes_to_image(ops, device):
    """`clip_boxes_to_image` gives new boxes, cut at the border of an image whose size it takes as (height, width)."""
    boxes = torch.tensor([[-1.0, -2, 3, 9], [2, 3, 9, 4]], device=device)
    same(ops.clip_boxes_to_image(boxes, (5, 7)), [[0.0, 0, 3, 5], [2, 3, 7, 4]])
    same(boxes, [[-1.0, -2, 3, 9], [2, 3, 9, 4]])


@fact("torchvision.ops.remove_small_boxes", requires="torchvision")
def test_remove_small_boxes(ops, boxes):
    """`remove_small_boxes` gives the indices of boxes of which both sides are at least `min_size`."""
    same(ops.remove_small_boxes(boxes, 2.0), [0, 1, 2])


@fact("torchvision.ops.masks_to_boxes", requires="torchvision")
def test_masks_to_boxes(ops, device):
    """`masks_to_boxes` gives the first and the last column and row of each mask, the last one included."""
    masks = torch.zeros(2, 5, 6, dtype=torch.bool, device=device)
    masks[0, 1:3, 2:5] = masks[1, 4, 0] = True
    same(ops.masks_to_boxes(masks), [[2.0, 1, 4, 2], [0, 4, 0, 4]])


LOSSES = ["generalized", "distance", "complete"]


@fact(*(f"torchvision.ops.{name}_box_iou_loss" for name in LOSSES), requires="torchvision")
@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_pairs(ops, boxes, name):
    """`generalized_box_iou_loss`, as distance and complete, is 1 minus the overlap of the boxes of each pair."""
    loss, overlap = getattr(ops, f"{name}_box_iou_loss"), getattr(ops, f"{name}_box_iou")
    other = boxes.roll(1, 0)
    close(loss(boxes, other), 1 - overlap(boxes.double(), other.double()).diagonal(), roundings=16, scale=1)


@fact(*(f"torchvision.ops.{name}_box_iou_loss" for name in LOSSES), requires="torchvision")
@pytest.mark.parametrize("name", LOSSES)
def test_losses_reduced(ops, boxes, name):
    """`reduction="mean"` or "sum" of `generalized_box_iou_loss`, distance or complete is that of the pairs' losses."""
    loss, other = getattr(ops, f"{name}_box_iou_loss"), boxes.roll(1, 0)
    each = loss(boxes, other).tolist()
    close(loss(boxes, other, reduction="sum"), sum(each), roundings=8)
    close(loss(boxes, other, reduction="mean"), sum(each) / 4, roundings=8)


OVERLAPS = ["box_iou", *(f"{name}_box_iou" for name in LOSSES)]


@fact(*(f"torchvision.ops.{name}" for name in OVERLAPS), requires="torchvision")
@pytest.mark.parametrize("name", OVERLAPS)
def test_overlaps_keep_float64_and_their_boxes(ops, boxes, name):
    """`box_iou`, also generalized, distance or complete, gives float64 of float64 and leaves its boxes alone."""
    double = boxes.double()
    assert getattr(ops, name)(double, double).dtype is torch.float64
    same(double, boxes.double())
