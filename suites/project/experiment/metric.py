"""What is measured of a batch, and its mean over all samples."""


def mean_error(output, target):
    """How far predictions are off."""
    return (output - target).abs().mean().item()


def accuracy(output, target):
    """The share of predictions that are less than one off."""
    return ((output - target).abs() < 1).float().mean().item()


class Averages:
    """Means over the samples of all batches, which may be of different sizes."""

    def __init__(self):
        self._sums, self._count = {}, 0

    def add(self, count, **means):
        """Take in the means of a batch of so many samples."""
        self._count += count
        for name, mean in means.items():
            self._sums[name] = self._sums.get(name, 0.0) + count * mean

    def means(self):
        """The mean of each over all samples so far."""
        return {name: total / self._count for name, total in self._sums.items()}
