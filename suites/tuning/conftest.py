"""Studies that say nothing of their trials, and what is tuned: a descent whose best learning rate is known."""

import builtins
import os
import signal
import tempfile
from contextlib import contextmanager

import pytest
import torch

from torchproof.fixtures.state.remains import of_what_lasts


@pytest.fixture
def new_study():
    """Makes an Optuna study, which logs errors alone."""
    import optuna

    was = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    yield optuna.create_study
    optuna.logging.set_verbosity(was)


@pytest.fixture
def descend():
    """`descend(lr)` is the loss after three steps of SGD on 1.35 x², least for a learning rate of 1 / 2.7."""

    def loss_of(lr):
        x = torch.ones((), requires_grad=True)
        optimizer = torch.optim.SGD([x], lr=lr)
        for _ in range(3):
            optimizer.zero_grad()
            (1.35 * x**2).backward()
            optimizer.step()
        return float(1.35 * x.detach() ** 2)

    return loss_of


@contextmanager
def _own_handlers():
    """Ray handles signals to end a search, and goes on to when it has ended."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


OF_A_SOCKET = 107  # letters that its path has at most, of which Ray adds
OF_RAY = len("/session_2030-01-01_00-00-00_000000_0000000/sockets/plasma_store")


@pytest.fixture(scope="session")
def short_folder(tmp_path_factory):
    """Where Ray has its sockets: among pytest's folders, where their paths are short enough for that."""
    folder = tmp_path_factory.getbasetemp()
    near = folder.parent if folder.name.startswith("popen-") else folder  # of all parallel workers
    is_short = len(os.fsencode(near)) + len("/r00000000") + OF_RAY <= OF_A_SOCKET
    with tempfile.TemporaryDirectory(prefix="r", dir=near if is_short else None) as short:
        yield short


@pytest.fixture(scope="session")
def cluster(short_folder):
    """Ray on two CPUs of this machine, which nobody else is asked for, and two GPUs, which it only counts."""
    import ray

    with pytest.MonkeyPatch.context() as patch, _own_handlers(), of_what_lasts():
        patch.setenv("RAY_raylet_start_wait_time_s", "240")  # of a machine that is busy
        patch.setenv("RAY_enable_worker_prestart", "0")
        ray.init(
            num_cpus=2,
            num_gpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            object_store_memory=100 * 2**20,
            _node_ip_address="127.0.0.1",
            _temp_dir=short_folder,
        )
    yield
    ray.shutdown()


@pytest.fixture
def tune(cluster, tmp_path, monkeypatch):
    """`tune(trainable, space, **options)` is what Ray Tune found, in the order of trials; options are of TuneConfig.

    `run` may have those of RunConfig.
    """
    import ray.tune

    def results(trainable, space, run=None, **options):
        where = ray.tune.RunConfig(name="run", storage_path=str(tmp_path), verbose=0, **(run or {}))
        chosen = ray.tune.TuneConfig(**options)
        return ray.tune.Tuner(trainable, param_space=space, tune_config=chosen, run_config=where).fit()

    monkeypatch.setenv("RAY_AIR_NEW_OUTPUT", "0")
    monkeypatch.setattr(builtins, "print", print)  # Ray has one of its own
    with _own_handlers(), of_what_lasts():
        yield results
