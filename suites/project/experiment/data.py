"""Data sets that a config can name, and the batches of them."""

import torch
from torch.utils.data import DataLoader, Dataset


class Line(Dataset):
    """Points of a line through the origin."""

    def __init__(self, at, slope):
        self.x = torch.tensor(at, dtype=torch.float32).unsqueeze(1)
        self.y = slope * self.x

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        return self.x[index], self.y[index]


def loaders(train, valid, seed, **options):
    """Batches to train on, in another order each epoch, and to validate on; neither moves torch's own random state."""
    order, other = (torch.Generator().manual_seed(seed) for _ in range(2))
    still = options | {"shuffle": False}
    return DataLoader(train, generator=order, **options), DataLoader(valid, generator=other, **still)
