"""What belongs nowhere else."""

import random

import numpy
import torch


def seed_all(seed):
    """Every stream of random numbers that a part may draw from."""
    for seeded in (torch.manual_seed, numpy.random.seed, random.seed):
        seeded(seed)


def random_states(order):
    """Where the streams that training draws from are: the global one, and the one that shuffles."""
    return {"global": torch.get_rng_state(), "order": order.get_state()}


def set_random_states(states, order):
    """Go on in both streams."""
    torch.set_rng_state(states["global"])
    order.set_state(states["order"])
