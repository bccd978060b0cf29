"""Seeds and generators: what gives the same random numbers again; algorithms that differ are in test_deterministic."""

import hashlib
import random

import numpy
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, RandomSampler, random_split

from torchproof import fact, same

# Every source of random numbers, as a function of a device and a generator.
DRAWN = {
    "torch.rand": lambda device, g: torch.rand(8, device=device, generator=g),
    "torch.randn": lambda device, g: torch.randn(8, device=device, generator=g),
    "torch.randint": lambda device, g: torch.randint(0, 1000, (8,), device=device, generator=g),
    "torch.randperm": lambda device, g: torch.randperm(20, device=device, generator=g),
    "torch.normal": lambda device, g: torch.normal(2.0, torch.ones(8, device=device), generator=g),
    "torch.bernoulli": lambda device, g: torch.bernoulli(torch.full((40,), 0.5, device=device), generator=g),
    "torch.poisson": lambda device, g: torch.poisson(torch.full((8,), 50.0, device=device), generator=g),
    "torch.multinomial": lambda device, g: torch.multinomial(torch.ones(50, device=device), 8, generator=g),
    "torch.Tensor.uniform_": lambda device, g: torch.empty(8, device=device).uniform_(2, 3, generator=g),
    "torch.Tensor.normal_": lambda device, g: torch.empty(8, device=device).normal_(2, 3, generator=g),
    "torch.Tensor.bernoulli_": lambda device, g: torch.empty(40, device=device).bernoulli_(0.5, generator=g),
    "torch.Tensor.random_": lambda device, g: torch.empty(8, device=device).random_(1000, generator=g),
    "torch.Tensor.exponential_": lambda device, g: torch.empty(8, device=device).exponential_(2, generator=g),
    "torch.Tensor.cauchy_": lambda device, g: torch.empty(8, device=device).cauchy_(generator=g),
    "torch.Tensor.log_normal_": lambda device, g: torch.empty(8, device=device).log_normal_(generator=g),
    "torch.Tensor.geometric_": lambda device, g: torch.empty(8, device=device).geometric_(0.01, generator=g),
}
PLAIN = {
    "torch.rand_like": lambda device: torch.rand_like(torch.zeros(8, device=device)),
    "torch.randn_like": lambda device: torch.randn_like(torch.zeros(8, device=device)),
    "torch.randint_like": lambda device: torch.randint_like(torch.zeros(8, device=device), 1000),
    "torch.nn.functional.dropout": lambda device: nn.functional.dropout(torch.ones(40, device=device)),
    "torch.nn.functional.alpha_dropout": lambda device: nn.functional.alpha_dropout(
        torch.ones(40, device=device), training=True
    ),
    "torch.nn.functional.gumbel_softmax": lambda device: nn.functional.gumbel_softmax(torch.ones(8, device=device)),
    "torch.nn.functional.rrelu": lambda device: nn.functional.rrelu(-torch.ones(8, device=device), training=True),
    "torch.nn.Linear": lambda device: nn.Linear(4, 2, device=device).weight.detach(),
    "torch.nn.Embedding": lambda device: nn.Embedding(4, 2, device=device).weight.detach(),
    "torch.nn.Conv2d": lambda device: nn.Conv2d(1, 2, 2, device=device).weight.detach(),
    "torch.nn.LSTM": lambda device: nn.LSTM(2, 2, device=device).weight_hh_l0.detach(),
    "torch.nn.init.xavier_normal_": lambda device: nn.init.xavier_normal_(torch.zeros(4, 2, device=device)),
    "torch.nn.init.orthogonal_": lambda device: nn.init.orthogonal_(torch.zeros(4, 2, device=device)),
    "torch.nn.init.trunc_normal_": lambda device: nn.init.trunc_normal_(torch.zeros(4, 2, device=device)),
    "torch.utils.data.RandomSampler": lambda device: torch.tensor(list(RandomSampler(range(20)))),
    "torch.utils.data.DataLoader": lambda device: torch.cat(list(DataLoader(torch.arange(20), 5, shuffle=True))),
    "torch.utils.data.random_split": lambda device: torch.tensor(list(random_split(range(20), [12, 8])[0])),
}


KINDS = {"torch.randint": torch.int64, "torch.randperm": torch.int64, "torch.multinomial": torch.int64}
SIGNED = ("torch.randn", "torch.normal", "torch.Tensor.normal_", "torch.Tensor.cauchy_")


def digest(tensor):
    """A short name of the exact values, to be compared over releases."""
    return hashlib.sha256(tensor.cpu().numpy().tobytes()).hexdigest()[:12]


def generators_with(**methods):
    """The world in which a generator has other methods."""
    return lambda patch: patch.setattr(torch, "Generator", type("Generator", (torch.Generator,), methods))


def has_one_generator(patch):
    """There is no generator but the default one."""
    patch.setattr(torch, "Generator", lambda *_: torch.default_generator)


def forgets_the_seed(patch):
    """`manual_seed` seeds nothing."""
    patch.setattr(torch, "manual_seed", lambda seed: torch.default_generator)


def generator(device, seed=0):
    return torch.Generator(device).manual_seed(seed)


@fact("torch.Generator", *DRAWN, source="notes/randomness")
@pytest.mark.parametrize("name", DRAWN)
def test_of_a_generator_gives_the_same_again(device, name, observe):
    """`torch.rand` and the like give the same vector, of their dtype and range, from a `Generator` of the same seed."""
    first, again = (DRAWN[name](device, generator(device, 3)) for _ in range(2))
    observe("digest", digest(first))
    same(again, first)
    assert (first.dtype, first.dim()) == (KINDS.get(name, torch.float32), 1)
    assert name in SIGNED or (first >= 0).all()


@fact("torch.Generator", *DRAWN)
@pytest.mark.parametrize("name", DRAWN)
def test_of_a_generator_gives_others_by_another_seed(device, name):
    """`torch.rand` and the like give other numbers from a `Generator` of another seed."""
    first, other = (DRAWN[name](device, generator(device, seed)) for seed in (3, 4))
    assert not torch.equal(other, first)


@fact("torch.manual_seed", refuter=forgets_the_seed, source="notes/randomness")
@pytest.mark.parametrize("name", DRAWN)
def test_of_all_gives_the_same_again(device, name):
    """`manual_seed` sets the stream of `rand` and the like without a generator, and each call goes on in it."""
    torch.manual_seed(3)
    first, second = DRAWN[name](device, None), DRAWN[name](device, None)
    torch.manual_seed(3)
    same(DRAWN[name](device, None), first)
    same(DRAWN[name](device, None), second)
    assert not torch.equal(first, second)


@fact("torch.manual_seed", refuter=forgets_the_seed, source="notes/randomness")
@pytest.mark.parametrize("name", PLAIN)
def test_of_all_rules_layers_initialisers_and_samplers(device, name, observe):
    """`manual_seed` sets what random layers drop, with what weights layers begin, and the order of samples."""
    torch.manual_seed(3)
    first, second = PLAIN[name](device), PLAIN[name](device)
    observe("digest", digest(first))
    torch.manual_seed(3)
    same(PLAIN[name](device), first)
    assert not torch.equal(first, second)


def seeds_python(patch):
    """A seed of torch is one of Python's random as well."""
    original = torch.manual_seed
    patch.setattr(torch, "manual_seed", lambda seed: (random.seed(seed), original(seed))[1])


@fact("torch.manual_seed", refuter=seeds_python, hint="random.seed(seed) too", source="notes/randomness")
def test_of_torch_leaves_random_of_python():
    """`manual_seed` leaves the stream of Python's `random`, which has a seed of its own."""
    before = random.getstate()
    torch.manual_seed(3)
    drawn = torch.rand(2)
    assert random.getstate() == before
    torch.manual_seed(3)
    same(torch.rand(2), drawn)


def seeds_the_cpu_alone(patch):
    """`manual_seed` knows the CPU's stream only."""
    patch.setattr(torch, "manual_seed", torch.default_generator.manual_seed)


@fact("torch.manual_seed", refuter=seeds_the_cpu_alone, myth="the GPU needs torch.cuda.manual_seed_all besides")
def test_of_all_is_that_of_the_gpu_too(accelerator):
    """`torch.manual_seed` sets the stream of the GPU as well: draws on it are the same again."""
    torch.manual_seed(3)
    drawn = torch.rand(4, device=accelerator)
    torch.manual_seed(3)
    same(torch.rand(4, device=accelerator), drawn)


@fact("torch.cuda.manual_seed_all", "torch.cuda.manual_seed")
@pytest.mark.parametrize("name", ["manual_seed", "manual_seed_all"])
def test_of_the_gpu_leaves_the_cpu(accelerator, name):
    """`torch.cuda.manual_seed` and `manual_seed_all` set the stream of GPUs, and leave that of the CPU."""
    before, seeds = torch.get_rng_state(), getattr(getattr(torch, accelerator), name)
    seeds(3)
    drawn = torch.rand(4, device=accelerator)
    seeds(3)
    same(torch.rand(4, device=accelerator), drawn)
    same(torch.get_rng_state(), before)


@fact("torch.Generator", refuter=has_one_generator)
def test_of_a_generator_leaves_the_others_alone(device):
    """Drawing from a `torch.Generator` of one's own does not move the default one."""
    torch.manual_seed(3)
    want = torch.rand(4, device=device)
    torch.manual_seed(3)
    drawn = torch.rand(4, device=device, generator=generator(device, 5))
    same(torch.rand(4, device=device), want)
    assert not torch.equal(drawn, want)


@fact("torch.manual_seed")
def test_gives_the_default_generator():
    """`manual_seed` returns the CPU's default generator, with the seed that `initial_seed` tells."""
    g = torch.manual_seed(11)
    assert g is torch.default_generator
    assert (g.initial_seed(), torch.initial_seed()) == (11, 11)


@fact("torch.initial_seed", "torch.Generator")
@pytest.mark.parametrize("seed", [0, 2**31, 2**63 - 1, 2**64 - 1, -1, -(2**63)])
def test_is_any_number_of_64_bits(seed):
    """A seed for `manual_seed` is a number of 64 bits, of which a negative one counts from 2**64 down."""
    torch.manual_seed(seed)
    g = torch.Generator().manual_seed(seed)
    assert (torch.initial_seed(), g.initial_seed()) == (seed % 2**64, seed % 2**64)


@fact("torch.manual_seed")
@pytest.mark.parametrize("seed", [2**64, -(2**63) - 1])
def test_beyond_64_bits_is_refused(seed):
    """`manual_seed` refuses a seed that has more than 64 bits."""
    with pytest.raises((RuntimeError, ValueError), match="[Oo]verflow|unpack"):
        torch.manual_seed(seed)


@fact("torch.seed", "torch.Generator")
def test_from_the_system_differs_every_time():
    """`torch.seed` and `Generator.seed` take another seed from the system at each call, and return it."""
    g = torch.Generator()
    assert torch.seed() != torch.seed()
    assert g.seed() == g.initial_seed() != g.seed()


@fact("torch.seed")
def test_from_the_system_can_be_had_again():
    """The seed that `torch.seed` returns gives the same numbers again, told to `torch.manual_seed`."""
    seed = torch.seed()
    drawn = torch.rand(4)
    torch.manual_seed(seed)
    same(torch.rand(4), drawn)


@fact("torch.get_rng_state", "torch.set_rng_state", "torch.random.get_rng_state", "torch.random.set_rng_state")
def test_state_is_bytes_that_give_the_stream_back():
    """`get_rng_state` is bytes, a copy, that let `set_rng_state` go back to the same place of the stream."""
    torch.manual_seed(3)
    torch.rand(5)
    state = torch.get_rng_state()
    kept = state.clone()
    drawn = torch.randn(5)
    same(state, kept)
    torch.set_rng_state(state)
    same(torch.randn(5), drawn)
    assert (state.dtype, state.ndim) == (torch.uint8, 1) and not torch.equal(torch.get_rng_state(), kept)


@fact("torch.Generator", refuter=generators_with(set_state=lambda g, state: g))
def test_state_of_a_generator_can_be_given_to_another(device):
    """`Generator.set_state` with the `get_state()` of another one makes it go on in the same place."""
    g, other = generator(device, 3), generator(device, 4)
    torch.rand(5, generator=g, device=device)
    other.set_state(g.get_state())
    drawn = torch.rand(5, generator=g, device=device)
    same(torch.rand(5, generator=other, device=device), drawn)
    assert other.initial_seed() == 3


@fact("torch.Generator", refuter=generators_with(set_state=lambda g, state: g))
def test_state_must_be_one():
    """`Generator.set_state` refuses a tensor that is no state."""
    with pytest.raises((RuntimeError, TypeError), match="ByteTensor|size|state"):
        torch.Generator().set_state(torch.zeros(3))


@fact(
    "torch.Generator",
    since="2.4",
    calls="names clone_state",
    gain=True,
    refuter=generators_with(clone_state=lambda g: g),
)
def test_state_that_is_cloned_goes_its_own_way():
    """`clone_state` gives a generator at the same place, which does not move the first."""
    g = generator("cpu", 3)
    torch.rand(5, generator=g)
    other = g.clone_state()
    drawn = torch.rand(5, generator=other)
    same(torch.rand(5, generator=g), drawn)


@fact("torch.random.fork_rng", "torch.manual_seed")
@pytest.mark.parametrize("enabled", [True, False])
def test_in_a_fork_stays_there(enabled):
    """After `fork_rng` the CPU's stream goes on as if nothing had been drawn in it, unless `enabled=False`."""
    torch.manual_seed(3)
    want = torch.rand(4)
    torch.manual_seed(3)
    with torch.random.fork_rng(devices=[], enabled=enabled):
        same(torch.rand(4), want)
        torch.manual_seed(9)
    assert torch.equal(torch.rand(4), want) == enabled


@fact("torch.random.fork_rng")
def test_in_a_fork_is_put_back_after_an_error():
    """`fork_rng` puts the stream back after an error in it, too."""
    state = torch.manual_seed(3).get_state()
    with pytest.raises(KeyError), torch.random.fork_rng(devices=[]):
        torch.rand(4)
        raise KeyError
    same(torch.get_rng_state(), state)


def seeds_numpy(patch):
    """`manual_seed` seeds NumPy as well."""
    seed = torch.manual_seed
    patch.setattr(torch, "manual_seed", lambda number: (numpy.random.seed(number), seed(number))[1])


@fact(
    "torch.manual_seed",
    refuter=seeds_numpy,
    myth="torch.manual_seed seeds NumPy and Python's random as well",
    source="notes/randomness",
)
def test_of_torch_leaves_numpy():
    """`manual_seed` leaves the stream of NumPy, which has a seed of its own."""
    before = numpy.random.get_state()[1].copy()
    torch.manual_seed(3)
    drawn = torch.rand(2)
    assert (numpy.random.get_state()[1] == before).all()
    torch.manual_seed(3)
    same(torch.rand(2), drawn)


@fact("torch.Generator", refuter=has_one_generator)
def test_of_the_same_sizes_is_needed(device):
    """A draw from a `Generator` begins where the last ended, so that as many draws of the same sizes give the same."""
    one, two = generator(device, 3), generator(device, 3)
    parts = [torch.rand(n, generator=one, device=device) for n in (3, 5, 1)]
    again = [torch.rand(n, generator=two, device=device) for n in (3, 5, 1)]
    same(torch.cat(again), torch.cat(parts))
    assert parts[0][0] != parts[1][0]


@pytest.fixture
def threads():
    """What `set_num_threads` is told in the fact is taken back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def threads_count(patch):
    """Each thread has a stream of its own."""
    randn = torch.randn
    patch.setattr(torch, "randn", lambda *size, **options: randn(*size, **options) * torch.get_num_threads())


@fact("torch.set_num_threads", "torch.get_num_threads", refuter=threads_count)
@pytest.mark.usefixtures("threads")
def test_does_not_depend_on_the_threads():
    """`torch.randn` of one seed gives the same numbers with one thread and with two."""
    torch.set_num_threads(1)
    want = torch.randn(40_000, generator=generator("cpu", 3))
    torch.set_num_threads(2)
    same(torch.randn(40_000, generator=generator("cpu", 3)), want)
    assert torch.get_num_threads() == 2


@fact("torch.random.manual_seed")
@pytest.mark.parametrize("seed", [0, 7, 2**63])
def test_of_the_module_is_the_one_of_torch(seed):
    """`torch.random.manual_seed` seeds as `torch.manual_seed` does, and returns the generator of the CPU."""
    torch.manual_seed(seed)
    want = torch.rand(5)
    generator = torch.random.manual_seed(seed)
    same(torch.rand(5), want)
    assert generator is torch.default_generator and generator.initial_seed() == seed


def another_generator(patch):
    """The main process has a generator of its own too."""
    patch.setattr(torch, "thread_safe_generator", torch.Generator)
    patch.setattr(torch.random, "thread_safe_generator", torch.Generator)


@fact("torch.thread_safe_generator", "torch.random.thread_safe_generator", refuter=another_generator)
def test_of_threads_is_none_in_the_main_process():
    """`torch.thread_safe_generator` is None in the main process."""
    assert torch.thread_safe_generator() is torch.random.thread_safe_generator() is None
