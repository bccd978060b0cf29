"""Attention over a sequence of which each rank has a part: `context_parallel`."""

import pytest
import torch
import torch.nn.functional as F

from torchproof import close, fact
from torchproof.fixtures.ranks import own_device
from torchproof.fixtures.ranks.backends import backend_of
from torchproof.suites.parallel.bodies import refused

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]

CONTEXT = "torch.distributed.tensor.experimental.context_parallel"
SHAPE = (1, 2, 8, 16)  # batch, heads, sequence, features


def _parts(rank):
    """The lengths inside and behind, and the outputs there, joined again, beside those of the whole sequence."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor.experimental import context_parallel
    from torch.distributed.tensor.experimental._attention import context_parallel_unshard

    torch.manual_seed(0)
    mesh = init_device_mesh(own_device().type, (2,))
    inputs = [torch.rand(SHAPE).to(own_device(), torch.bfloat16) for _ in range(3)]
    want = F.scaled_dot_product_attention(*inputs, is_causal=True)
    with context_parallel(mesh, buffers=inputs, buffer_seq_dims=[2, 2, 2]):
        length = inputs[0].shape[2]
        part = F.scaled_dot_product_attention(*inputs, is_causal=True)
        (got,) = context_parallel_unshard(mesh, [part], [2])
    return (length, inputs[0].shape[2]), got.float().cpu(), want.float().cpu()


@fact(CONTEXT, "torch.nn.functional.scaled_dot_product_attention")
@pytest.mark.multigpu
def test_gives_the_attention_of_the_whole_sequence(ranks, devices):
    """Inside `context_parallel`, two ranks with half of the sequence each give the causal attention of the whole."""
    told = ranks(2, _parts, backend=backend_of(torch.device(devices[0]).type))
    assert [lengths for lengths, _, _ in told] == [(4, 8)] * 2
    for _, got, want in told:
        close(got, want, roundings=2**18)


def _on_cpu(rank):
    return refused(_parts, rank)


@fact(CONTEXT, hint="attention on a GPU: its flash, efficient and cuDNN kernels alone are taken")
@pytest.mark.cpu
def test_does_not_take_the_attention_of_the_cpu(ranks):
    """`context_parallel` refuses attention on the CPU: "does not have a sharding strategy registered"."""
    assert all("does not have a sharding strategy registered" in told for told in ranks(2, _on_cpu))
