"""Checkpoints: files that are whole or not there."""

import os

import torch


def save(state, path):
    """Write a checkpoint beside the last one and put it in its place, so that one is whole whatever happens."""
    beside = path.with_suffix(".part")
    torch.save(state, beside)
    os.replace(beside, path)


def load(path):
    """A checkpoint: tensors, numbers and text, and no code."""
    return torch.load(path, map_location="cpu", weights_only=True)
