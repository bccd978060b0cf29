"""What our masks cost."""

import torch

from torchproof import bench


@bench("torch.Tensor.masked_fill", moves=lambda x, mask: 2 * x.nbytes + mask.nbytes, quick=True)
def bench_of_a_square(benchmark):
    """Half of a square is masked."""
    x, mask = torch.rand(512, 512), torch.rand(512, 512) > 0.5
    benchmark(lambda x, mask: x.masked_fill(mask, 0.0), x, mask)
