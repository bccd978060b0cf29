"""A run that is stopped and resumed from a checkpoint is, bit by bit, a run that never stopped: if all is saved."""

import copy
import itertools

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler, swa_utils
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

from torchproof import fact, same
from torchproof.suites.training.line import line, weight_of

SAMPLES = TensorDataset(torch.arange(12.0).view(6, 2) / 8)


class Run:
    """A model with dropout, trained on shuffled batches with momentum and a schedule."""

    def __init__(self, seed):
        self.order = torch.Generator().manual_seed(seed)
        self.loader = DataLoader(SAMPLES, batch_size=2, shuffle=True, generator=self.order)
        torch.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.5), nn.Linear(8, 1))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.125, momentum=0.5)
        self.scheduler = lr_scheduler.StepLR(self.optimizer, step_size=3, gamma=0.5)

    def train(self, epochs, first=0, last=None):
        for _ in range(epochs):
            for (x,) in itertools.islice(self.loader, first, last):
                self.step(x)
            self.scheduler.step()
        return self

    def step(self, x):
        self.optimizer.zero_grad()
        (self.model(x) - 1).square().mean().backward()
        self.optimizer.step()

    def checkpoint(self):
        parts = {name: getattr(self, name).state_dict() for name in ("model", "optimizer", "scheduler")}
        return copy.deepcopy(parts | {"order": self.order.get_state(), "random": torch.get_rng_state()})

    def resume(self, checkpoint):
        for name in ("model", "optimizer", "scheduler"):
            if name in checkpoint:
                getattr(self, name).load_state_dict(checkpoint[name])
        if "order" in checkpoint:
            self.order.set_state(checkpoint["order"])
        if "random" in checkpoint:
            torch.set_rng_state(checkpoint["random"])
        return self

    @property
    def weights(self):
        return nn.utils.parameters_to_vector(self.model.parameters()).detach()


PARTS = (
    "torch.nn.Module.load_state_dict", "torch.optim.Optimizer.load_state_dict",
    "torch.optim.lr_scheduler.LRScheduler.load_state_dict", "torch.Generator.set_state", "torch.set_rng_state",
)  # fmt: skip


def stopped_and_whole():
    """The checkpoint after two epochs, and the weights of the run that went on for two more."""
    run = Run(1).train(2)
    return run.checkpoint(), run.train(2).weights


@fact(*PARTS, claims=["S04"])
def test_with_all_parts_is_never_having_stopped():
    """A run resumed by `load_state_dict` of model, optimizer, scheduler and both random states ends bitwise alike."""
    checkpoint, weights = stopped_and_whole()
    same(Run(2).resume(checkpoint).train(2).weights, weights)


@fact(*PARTS, claims=["S04"])
def test_from_a_file_is_never_having_stopped(tmp_path):
    """A checkpoint of all states through `torch.save` and `torch.load` resumes a run bit by bit."""
    checkpoint, weights = stopped_and_whole()
    torch.save(checkpoint, tmp_path / "checkpoint.pt")
    same(Run(2).resume(torch.load(tmp_path / "checkpoint.pt")).train(2).weights, weights)


@fact(
    "torch.Generator.set_state",
    "torch.set_rng_state",
    claims=["S04"],
    myth="model, optimizer, epoch and loss are all there is to save",
)
@pytest.mark.parametrize("part", ["model", "optimizer", "scheduler", "order", "random"])
def test_without_one_part_ends_elsewhere(part):
    """A run resumed without model, optimizer, scheduler, sampler's `Generator` or `set_rng_state` ends elsewhere."""
    checkpoint, weights = stopped_and_whole()
    same(Run(2).resume(checkpoint).train(2).weights, weights)
    del checkpoint[part]
    assert not torch.equal(Run(2).resume(checkpoint).train(2).weights, weights)


@fact(
    "torch.Generator.set_state", "torch.utils.data.DataLoader", hint="save the generator's state at the epoch's start"
)
def test_within_an_epoch_passes_over_the_batches_that_were_seen():
    """Within an epoch a run resumes by the `Generator` state of its start, passing over the batches it has seen."""
    run = Run(1).train(1)
    start = run.order.get_state()
    iterator = iter(run.loader)
    run.step(next(iterator)[0])
    checkpoint = run.checkpoint() | {"order": start}
    for (x,) in iterator:
        run.step(x)
    run.scheduler.step()
    same(Run(2).resume(checkpoint).train(1, first=1).weights, run.weights)


@fact(
    "torch.Generator.get_state", "torch.utils.data.DataLoader", hint="save the generator's state at the epoch's start"
)
def test_within_an_epoch_from_the_generator_as_it_is_takes_other_samples():
    """`get_state` of a loader's generator within an epoch is that of the next: the rest of this order is not in it."""
    run = Run(1)
    iterator = iter(run.loader)
    next(iterator)
    state = run.order.get_state()
    rest = [x.tolist() for (x,) in iterator]
    run.order.set_state(state)
    again = [x.tolist() for (x,) in run.loader]
    assert again[1:] != rest
    run.order.set_state(state)
    assert [x.tolist() for (x,) in run.loader] == again


@fact("torch.utils.data.DataLoader", hint="give each DataLoader a generator of its own")
@pytest.mark.parametrize("own", [False, True], ids=["default", "own"])
def test_depends_on_validation_loaders_without_a_generator(own):
    """Iterating a `DataLoader` without shuffle moves torch's random state too, unless it has a generator of its own."""
    loader = DataLoader(SAMPLES, generator=torch.Generator() if own else None)
    before = torch.get_rng_state()
    assert len(list(loader)) == 6
    assert torch.equal(torch.get_rng_state(), before) == own


@fact("torch.utils.data.RandomSampler", "torch.manual_seed")
def test_by_the_seed_gives_the_order_of_all_epochs():
    """After `manual_seed` a `RandomSampler` of 20 samples repeats its shuffled orders of two epochs, which differ."""
    orders = []
    for _ in range(2):
        torch.manual_seed(3)
        sampler = RandomSampler(range(20))
        orders.append([list(sampler), list(sampler)])
    assert orders[0] == orders[1]
    assert orders[0][0] != orders[0][1] and sorted(orders[0][0]) == list(range(20))


@fact("torch.utils.data.DistributedSampler.set_epoch", hint="call sampler.set_epoch(epoch) before each epoch")
def test_of_a_distributed_sampler_needs_the_number_of_the_epoch():
    """`DistributedSampler` has no state but seed and epoch: `set_epoch` resumes its order, which else repeats."""
    sampler = torch.utils.data.DistributedSampler(range(20), num_replicas=2, rank=0, seed=5)
    orders = []
    for epoch in (0, 1, 2):
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
    resumed = torch.utils.data.DistributedSampler(range(20), num_replicas=2, rank=0, seed=5)
    assert [list(resumed), list(resumed)] == [orders[0], orders[0]]
    resumed.set_epoch(2)
    assert list(resumed) == orders[2] != orders[1]


# --- parts that are easily forgotten ----------------------------------------------------------------------------------


@fact("torch.optim.swa_utils.AveragedModel", hint="save the state_dict of the AveragedModel")
def test_without_the_averaged_model_begins_the_average_anew():
    """An `AveragedModel` made anew at a resume takes the newest weights for its average, and forgets those before."""
    model = line(2.0)
    average = swa_utils.AveragedModel(model)
    average.update_parameters(model)
    state = copy.deepcopy(average.state_dict())
    resumed, anew = swa_utils.AveragedModel(line(0.0)), swa_utils.AveragedModel(line(0.0))
    resumed.load_state_dict(state)
    for each in (resumed, anew):
        each.update_parameters(line(6.0))
    assert (weight_of(resumed.module), weight_of(anew.module)) == (4.0, 6.0)
    assert resumed.n_averaged.item() == 2


@fact("torch.amp.GradScaler", hint="save scaler.state_dict()")
def test_without_the_scaler_begins_with_its_first_scale():
    """A `GradScaler` made anew at a resume begins with 65536 again, unless it loads the state of the old one."""
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=5)
    scaler.scale(torch.ones(1))
    resumed, anew = torch.amp.GradScaler("cpu"), torch.amp.GradScaler("cpu")
    resumed.load_state_dict(scaler.state_dict())
    assert (resumed.get_scale(), anew.get_scale()) == (8.0, 65536.0)
    same(resumed.scale(torch.ones(1)), torch.tensor([8.0]))
    assert resumed.get_growth_interval() == 5


@fact("torch.nn.BatchNorm1d", "torch.nn.Module.state_dict", myth="parameters() are all there is to save")
def test_from_the_parameters_alone_forgets_the_statistics():
    """A model restored from its `parameters()` alone has forgotten the running statistics of `BatchNorm1d`."""
    norm, resumed = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
    norm(torch.tensor([[8.0], [16.0]]))
    with torch.no_grad():
        for there, here in zip(norm.parameters(), resumed.parameters()):
            here.copy_(there)
    assert not torch.equal(norm.eval()(torch.ones(1, 1)), resumed.eval()(torch.ones(1, 1)))
    resumed.load_state_dict(norm.state_dict())
    same(resumed(torch.ones(1, 1)).detach(), norm(torch.ones(1, 1)))


@fact("torch.optim.Adam", "torch.optim.Optimizer.load_state_dict", hint="save optimizer.state_dict()")
def test_of_adam_without_its_state_makes_a_first_step_again():
    """`Adam` resumed without its state makes a first step, by its whole rate, where the run makes a small one."""
    steps = []
    for resumed in (False, True):
        w = torch.zeros(1, requires_grad=True)
        optimizer = torch.optim.Adam([w], lr=0.5)
        for gradient in (64.0, 0.5):
            if resumed and gradient == 0.5:
                optimizer = torch.optim.Adam([w], lr=0.5)
            before = w.item()
            w.grad = torch.tensor([gradient])
            optimizer.step()
        steps.append(abs(w.item() - before))
    assert steps[0] < 0.4 < 0.499 < steps[1]
