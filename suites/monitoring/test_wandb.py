"""`wandb`, Weights & Biases, without a network: what an offline run records of a training, and what it needs."""

import json
import os
import struct
import sys
import time
from pathlib import Path

import pytest
import torch

from torchproof import fact

DOCS = "https://docs.wandb.ai/ref/python"
BLOCK = 32768  # bytes, as in the logs of LevelDB, whose form the file of a run has


def records(path):
    """What a run wrote to its file, one message of its protocol after the other."""
    from wandb.proto import wandb_internal_pb2

    data, at, whole = Path(path).read_bytes(), 7, b""
    while at + 7 <= len(data):
        if (left := BLOCK - at % BLOCK) < 7:
            at += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # the only part, or the last
            yield wandb_internal_pb2.Record.FromString(whole)
            whole = b""


def ended(run):
    """What a run wrote once it has ended, which the process behind it writes when it finds the time."""
    run.finish()
    until = time.monotonic() + 5
    while time.monotonic() < until:
        found = [*records(run.settings.sync_file)]
        if any(one.HasField("exit") for one in found):
            break
        time.sleep(0.01)
    return found


def values(items):
    """Keys with their values, as JSON has them."""
    return {one.key or ".".join(one.nested_key): json.loads(one.value_json) for one in items}


def history(run):
    """The rows of a run, of its own columns the step alone."""
    rows = [values(one.history.item) for one in ended(run) if one.HasField("history")]
    return [{key: row[key] for key in row if key == "_step" or not key.startswith("_")} for row in rows]


def summary(run, name):
    """What the summary of a run says last of a name."""
    updates = [values(one.summary.update) for one in ended(run) if one.HasField("summary")]
    return [one[name] for one in updates if name in one][-1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where all runs write, in a folder each."""
    return tmp_path_factory.mktemp("wandb")


def keep_endings(patch):
    """Put back afterwards by what W&B sees the program end, which each run replaces and none puts back."""
    for name in ("exit", "excepthook"):
        patch.setattr(sys, name, getattr(sys, name))


@pytest.fixture(scope="module", autouse=True)
def service(folder):
    """The process to which all runs hand what they record; without any key, neither said nor in the user's folder."""
    import wandb

    said = {"PROJECT": "facts", "DIR": folder, "CONSOLE": "off", "DISABLE_GIT": "true", "X_DISABLE_STATS": "true"}
    said["SILENT"] = "false"  # or nobody is warned
    with pytest.MonkeyPatch.context() as patch:
        keep_endings(patch)
        patch.delenv("WANDB_API_KEY", raising=False)
        patch.setenv("NETRC", str(folder / "netrc"))
        for name, value in {**said, "BASE_URL": "http://127.0.0.1:9"}.items():
            patch.setenv(f"WANDB_{name}", str(value))
        wandb.setup()
        del os.environ["WANDB_SERVICE"]  # for processes that this one starts
    yield
    wandb.teardown()


@pytest.fixture
def start(monkeypatch):
    """Starts runs, which end with the fact."""
    import wandb

    keep_endings(monkeypatch)
    runs = []

    def make(**options):
        runs.append(wandb.init(**options, reinit="finish_previous"))
        return runs[-1]

    yield make
    for run in runs:
        run.finish()


@pytest.fixture
def run(start):
    """A run that is offline."""
    return start(mode="offline")


@fact("wandb.init", requires="wandb", claims=["W04"], myth="Weights & Biases needs an API key", source=DOCS)
def test_records_offline_without_a_key(start):
    """`wandb.init(mode="offline")` records what is logged without an API key, for a run whose `url` is None."""
    run = start(mode="offline")
    run.log({"loss": 0.5})
    assert (run.offline, run.url) == (True, None)
    assert history(run) == [{"_step": 0, "loss": 0.5}]


@fact("wandb.init", requires="wandb", claims=["W04"], source=DOCS, hint='wandb login, or mode="offline"')
def test_refuses_to_be_online_without_a_key(start):
    """`wandb.init(mode="online")` without an API key raises UsageError "No API key configured"."""
    import wandb

    with pytest.raises(wandb.errors.UsageError, match="No API key configured"):
        start(mode="online")


@fact("wandb.Run.log", requires="wandb", source=DOCS)
def test_log_makes_a_row_a_call(run):
    """`wandb.Run.log` without a step makes one row of each call, whose steps count from 0."""
    run.log({"loss": 0.5, "accuracy": 0.25})
    run.log({"loss": 0.25})
    assert history(run) == [{"_step": 0, "loss": 0.5, "accuracy": 0.25}, {"_step": 1, "loss": 0.25}]


@fact(
    "wandb.Run.log",
    requires="wandb",
    source=DOCS,
    myth="W&B keeps steps in whatever order they come",
    hint="log validation before the step goes on, or define_metric(name, step_metric='epoch')",
)
def test_log_drops_a_step_that_goes_back(run, capfd):
    """`wandb.Run.log` drops a step that goes back: "Tried to log to step 3 that is less than the current step 5"."""
    for step, loss in [(0, 1.0), (5, 0.5), (3, 9.0)]:
        run.log({"loss": loss}, step=step)
    assert history(run) == [{"_step": 0, "loss": 1.0}, {"_step": 5, "loss": 0.5}]
    assert "Tried to log to step 3 that is less than the current step 5" in capfd.readouterr().err


@fact("wandb.Run.log", requires="wandb", source=DOCS)
def test_log_of_one_step_makes_one_row(run):
    """`wandb.Run.log` twice with the same `step` makes one row of both."""
    run.log({"loss": 0.5}, step=7)
    run.log({"accuracy": 0.25}, step=7)
    assert history(run) == [{"_step": 7, "loss": 0.5, "accuracy": 0.25}]


@fact("wandb.Run.log", requires="wandb", source=DOCS)
def test_log_takes_a_loss_with_its_graph(run):
    """`wandb.Run.log` takes a tensor of one number that requires grad, and records the number."""
    run.log({"loss": torch.tensor(1.5, requires_grad=True) * 2})
    assert history(run) == [{"_step": 0, "loss": 3.0}]


@fact("wandb.Run.log", requires="wandb", source=DOCS, myth="a run's summary has its best values", hint="define_metric")
def test_summary_has_the_last_value(run):
    """The summary of a run has the last value that `wandb.Run.log` was given, not the best one."""
    for loss in (0.5, 0.25, 9.0):
        run.log({"loss": loss})
    assert summary(run, "loss") == 9.0


@fact("wandb.init", requires="wandb", source=DOCS, hint="config.update(..., allow_val_change=True)")
def test_config_is_written_and_refuses_to_change(start):
    """`wandb.init(config=)` records hyperparameters, and to change one raises "Attempted to change value of key"."""
    run = start(mode="offline", config={"lr": 0.1})
    with pytest.raises(Exception, match="Attempted to change value of key"):
        run.config.update({"lr": 0.2})
    assert [values(one.run.config.update)["lr"] for one in ended(run) if one.HasField("run")] == [0.1]


def gradients(run, **options):
    """How many of two steps of training have a histogram of the gradients of a model that is watched."""
    model = torch.nn.Linear(2, 1)
    run.watch(model, **options)
    for _ in range(2):
        model(torch.ones(1, 2)).sum().backward()
        run.log({"loss": 0.5})
    return sum(any(key.endswith("weight.values") for key in row) for row in history(run))


@fact("wandb.Run.watch", requires="wandb", source=DOCS)
def test_watch_records_gradients(run):
    """`wandb.Run.watch(model, log_freq=1)` adds histograms of gradients to what is logged after each `backward`."""
    assert gradients(run, log_freq=1) == 2


def watches_each_step(patch):
    """It is as if `log_freq=1` were said."""
    import wandb

    watch = wandb.Run.watch
    patch.setattr(wandb.Run, "watch", lambda run, model: watch(run, model, log_freq=1))


@fact(
    "wandb.Run.watch",
    requires="wandb",
    source=DOCS,
    refuter=watches_each_step,
    myth="watch records the gradients of each step",
    hint="log_freq=1",
)
def test_watch_records_nothing_of_a_short_run(run):
    """`wandb.Run.watch` without `log_freq` records no gradients in the first two steps."""
    assert gradients(run) == 0


@fact("wandb.Artifact.add_file", requires="wandb", source=DOCS, myth="an artifact holds what the file has at the end")
def test_artifact_copies_a_file_when_it_is_added(tmp_path):
    """`wandb.Artifact.add_file` copies a checkpoint as it is then: training on does not change it."""
    import wandb

    checkpoint, artifact = tmp_path / "model.pt", wandb.Artifact("model", type="model")
    torch.save(torch.tensor([1.0]), checkpoint)
    assert artifact.add_file(str(checkpoint)).path == "model.pt"
    torch.save(torch.tensor([2.0]), checkpoint)
    assert torch.load(artifact.manifest.entries["model.pt"].local_path).item() == 1.0


@fact("wandb.init", requires=["wandb", "psutil"], source=DOCS)
def test_offline_talks_to_nobody(start):
    """The processes behind a run of `wandb.init(mode="offline")` have no connections beyond this machine."""
    import psutil

    start(mode="offline").log({"loss": 0.5})
    helpers = [one for one in psutil.Process().children(recursive=True) if "wandb" in one.name()]
    peers = {peer.raddr.ip for one in helpers for peer in one.net_connections("inet") if peer.raddr}
    assert helpers and peers <= {"127.0.0.1", "::1"}


@fact("wandb.init", requires="wandb", source=DOCS)
def test_disabled_writes_nothing(start, folder):
    """`wandb.init(mode="disabled")` gives a run whose `log` writes no file of it."""
    before = sorted(folder.rglob("*.wandb"))
    run = start(mode="disabled")
    run.log({"loss": 0.5})
    assert run.disabled and sorted(folder.rglob("*.wandb")) == before
