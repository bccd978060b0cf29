"""What two ranks cost each other: collectives by size, a step of DistributedDataParallel, and a pipeline.

This process is rank 0. A peer does the same over and over, and keeps in step, since each collective waits for all.
"""

import multiprocessing
import os
import socket
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from torchproof import bench
from torchproof.fixtures.fact import unavailable
from torchproof.fixtures.work import nbytes, random

SIZES = [1, 1 << 14, 1 << 20]
PARTS, ROWS, WIDTH = 4, 16, 128
PATIENCE = timedelta(seconds=30)  # for a peer that has died


def join(rank, store):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    os.environ["GLOO_SOCKET_IFNAME"] = next(name for _, name in socket.if_nameindex() if name in ("lo", "lo0"))
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2, timeout=PATIENCE)


def keep_up(store, make, *arguments):
    """What the peer does until it is ended, or until rank 0 is gone."""
    join(1, store)
    work, *inputs = make(1, *arguments)
    while True:
        work(*inputs)


@pytest.fixture
def together(tmp_path):
    """`together(make, *arguments)` is what rank 0 has to do, `make(0, *arguments)`, while a peer does that of rank 1.

    It is a function and its arguments. Needs gloo; else the benchmark is unavailable.
    """
    if not dist.is_available() or not dist.is_gloo_available():
        unavailable("build", "gloo")
    peers, store = [], (tmp_path / "store").as_uri()

    def start(make, *arguments):
        context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
        context.set_forkserver_preload(["torch.nn.parallel", "torch._dynamo"])  # once, rather than by each peer
        peers.append(context.Process(target=keep_up, args=(store, make, *arguments), daemon=True))
        peers[0].start()
        join(0, store)
        return make(0, *arguments)

    yield start
    for peer in peers:
        peer.kill()
        peer.join()
    if dist.is_initialized():
        dist.destroy_process_group()


# --- starting ---------------------------------------------------------------------------------------------------------


def nothing(rank):
    """What is asked of a rank."""


def spawn():
    torch.multiprocessing.spawn(nothing, nprocs=2)


@bench("torch.multiprocessing.spawn", moves=0, clock="wall")
@pytest.mark.parametrize("way", ["ranks that live", "spawned"])
@pytest.mark.timeout(300)
def bench_start(benchmark, ranks, way):
    """Two ranks do nothing: those of the facts, which live and make a process group, and two that are spawned."""
    benchmark(*((ranks, 2, nothing) if way == "ranks that live" else (spawn,)))


# --- collectives ------------------------------------------------------------------------------------------------------


def all_gather(x, parts):
    dist.all_gather(parts, x)


def exchange(x):
    """There and back."""
    other = 1 - dist.get_rank()
    for is_mine in (dist.get_rank() == 0, dist.get_rank() == 1):
        if is_mine:
            dist.send(x, other)
        else:
            dist.recv(x, other)


def collective(rank, name, size):
    x = torch.zeros(size)
    return {
        "all_reduce": (dist.all_reduce, x),
        "broadcast": (dist.broadcast, x, 0),
        "all_gather": (all_gather, x, [torch.zeros(size) for _ in range(2)]),
        "reduce": (dist.reduce, x, 0),
        "exchange": (exchange, x),
    }[name]


@bench("torch.distributed", moves=lambda x, *_: nbytes(x), clock="wall")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["all_reduce", "broadcast", "all_gather", "reduce", "exchange"])
def bench_collective(benchmark, together, name, size):
    """A collective of two ranks over some float32 elements, by gloo."""
    benchmark(*together(collective, name, size))


@bench("torch.distributed.barrier", moves=0, clock="wall")
def bench_barrier(benchmark, together):
    """Two ranks wait for each other, by gloo."""
    benchmark(*together(barrier))


def barrier(rank):
    return (dist.barrier,)


# --- training ---------------------------------------------------------------------------------------------------------


def step(model, x):
    model.zero_grad()
    model(x).sum().backward()


def layers(count):
    return nn.Sequential(*[nn.Linear(WIDTH, WIDTH) for _ in range(count)])


def flops_of_step(model, x):
    """Two for each weight and row, forward, and twice as many backward."""
    return 6 * len(x) * sum(weight.numel() for weight in model.parameters())


def replica(rank, way):
    """The step of a rank that has its model for itself, or shares its gradients."""
    model = layers(8)
    return step, DistributedDataParallel(model) if way == "ddp" else model, random(64, WIDTH)


@bench(
    "torch.nn.parallel.DistributedDataParallel",
    moves=lambda model, x: 3 * nbytes(model),
    flops=flops_of_step,
    clock="wall",
)
@pytest.mark.parametrize("way", ["alone", "ddp"])
def bench_step(benchmark, together, way):
    """Eight linear layers forward and backward on each of two ranks at once, without and with common gradients."""
    benchmark(*together(replica, way))


def first_stage(stage, batch):
    """Sends what it gives for each part of the batch, then takes a gradient for each."""
    given = [stage(part) for part in batch.split(ROWS)]
    for y in given:
        dist.send(y.detach(), 1)
    for y in given:
        slope = torch.empty(ROWS, WIDTH)
        dist.recv(slope, 1)
        torch.autograd.grad(y, list(stage.parameters()), slope)


def last_stage(stage, batch):
    """Takes all parts, then sends the gradient of each back: a send lasts until the other side receives."""
    taken = [torch.empty_like(part) for part in batch.split(ROWS)]
    for x in taken:
        dist.recv(x, 0)
    losses = [stage(x.requires_grad_()).sum() for x in taken]
    for x, loss in zip(taken, losses):
        slope, *_ = torch.autograd.grad(loss, [x, *stage.parameters()])
        dist.send(slope, 0)


def stage(rank):
    return (first_stage, last_stage)[rank], layers(4), random(PARTS * ROWS, WIDTH)


@bench(
    "torch.distributed.send",
    moves=lambda stage, x: 2 * nbytes(x),
    flops=lambda *given: 2 * flops_of_step(*given),
    clock="wall",
)
def bench_pipeline(benchmark, together):
    """Eight linear layers, four on each of two ranks, forward and backward for a batch in four parts."""
    benchmark(*together(stage))
