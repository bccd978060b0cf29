"""`torchrun`, or `python -m torch.distributed.run`: what it tells its workers, and what it does when one fails."""

import json
import os
import re
import socket
import subprocess
import sys

import pytest

from torchproof import fact
from torchproof.builds import lacking

pytestmark = [pytest.mark.dist, pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.cpu]

APART = "it starts other programs, which have no fact's faults"

# Says what it was told, as one line; then does as its name says.
WORKER = """
import json, os, sys, time
print(json.dumps({"argv": sys.argv[1:], **os.environ}) + "\\n", end="", flush=True)
rank, attempt = int(os.environ["RANK"]), int(os.environ["TORCHELASTIC_RESTART_COUNT"])
"""
STOPS = """
if rank == 1:
    sys.exit(3)
time.sleep(100)
"""
GOES_ON = """
with open(f"{sys.argv[1]}/{rank}", "a+") as file:
    file.seek(0)
    for step in range(len(file.read()), 4):
        file.write(str(step))
        if step == 1 and attempt == 0 and rank == 0:
            file.flush()
            sys.exit(3)
"""
RECORDS = """
from torch.distributed.elastic.multiprocessing.errors import record
@record
def main():
    raise KeyError("of rank %d" % rank)
if rank == 1:
    main()
time.sleep(100)
"""
REDUCES = """
import torch
import torch.distributed as dist
dist.init_process_group("gloo")
x = torch.tensor([rank + 1])
dist.all_reduce(x)
print(json.dumps({"sum": int(x)}) + "\\n", end="", flush=True)
dist.barrier()
"""


class Launched:
    """A launcher that has ended, or that is under way."""

    def __init__(self, folder, options, does="", *args):
        script = folder / "train.py"
        script.write_text(WORKER + does)
        command = [sys.executable, "-m", "torch.distributed.run", *options, script, *args]
        environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
        self.process = subprocess.Popen(
            [*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )

    def end(self):
        """What its workers said, in the order of ranks where they tell one."""
        out, self.errors = self.process.communicate(timeout=150)
        if without := next(filter(lacking, self.errors.splitlines()), None):  # and so it cannot launch anything
            raise RuntimeError(without)
        said = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        self.told = sorted((one for one in said if "RANK" in one), key=lambda one: int(one["RANK"]))
        self.sums = [one["sum"] for one in said if "sum" in one]
        return self


TWO = ["--standalone", "--nproc-per-node", "2"]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two workers of one node that end well."""
    return Launched(tmp_path_factory.mktemp("two"), TWO, "", "--lr", "0.1").end()


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """Two workers, of which rank 1 ends with code 3, and the other would sleep."""
    return Launched(tmp_path_factory.mktemp("failed"), TWO, STOPS).end()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Two workers, of which rank 1 raises in a function under `record`, and the other would sleep."""
    return Launched(tmp_path_factory.mktemp("recorded"), TWO, RECORDS).end()


@pytest.fixture(scope="module")
def restarted(tmp_path_factory):
    """Two workers that write steps 0 to 3 each, of which rank 0 stops once behind step 1."""
    folder = tmp_path_factory.mktemp("restarted")
    launched = Launched(folder, [*TWO, "--max-restarts", "2"], GOES_ON, folder).end()
    launched.steps = [(folder / name).read_text() for name in "01"]
    return launched


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """A worker on each of two nodes, which are both here."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = [
        Launched(
            tmp_path_factory.mktemp(f"node-{node}"),
            ["--nnodes", 2, "--node-rank", node, "--master-addr", "127.0.0.1", "--master-port", port],
            REDUCES,
        )
        for node in (0, 1)
    ]
    return [node.end() for node in both]


def _of(launched, name):
    return [one[name] for one in launched.told]


# --- what workers are told --------------------------------------------------------------------------------------------


NUMBERS = {
    "RANK": ["0", "1"], "LOCAL_RANK": ["0", "1"], "WORLD_SIZE": ["2", "2"], "LOCAL_WORLD_SIZE": ["2", "2"],
    "GROUP_RANK": ["0", "0"], "TORCHELASTIC_RESTART_COUNT": ["0", "0"], "TORCHELASTIC_MAX_RESTARTS": ["0", "0"],
}  # fmt: skip


@fact("torch.distributed.run", source="elastic/run", unproven=APART)
@pytest.mark.parametrize("name", NUMBERS)
def test_torchrun_numbers_its_workers(two, name):
    """`torchrun --nproc-per-node 2` sets RANK, LOCAL_RANK, WORLD_SIZE and their like for each worker."""
    assert _of(two, name) == NUMBERS[name]


@fact("torch.distributed.run", source="elastic/run", unproven=APART)
@pytest.mark.parametrize("name", ["MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID"])
def test_torchrun_tells_all_workers_where_to_meet(two, name):
    """`torchrun` sets MASTER_ADDR, MASTER_PORT and TORCHELASTIC_RUN_ID, the same for all workers."""
    first, second = _of(two, name)
    assert first == second != ""


@fact("torch.distributed.run", source="elastic/run", unproven=APART, myth="the script takes --local_rank")
def test_torchrun_hands_the_arguments_of_the_script_on(two):
    """`torchrun` gives its workers the arguments behind the script, and no `--local_rank`."""
    assert _of(two, "argv") == [["--lr", "0.1"]] * 2


@fact("torch.distributed.run", source="elastic/run", unproven=APART, hint="set OMP_NUM_THREADS")
def test_torchrun_gives_each_worker_one_thread(two):
    """`torchrun` with several workers sets OMP_NUM_THREADS=1 for each, where it is not set."""
    assert _of(two, "OMP_NUM_THREADS") == ["1", "1"]


@fact("torch.distributed.run", source="elastic/run", unproven=APART)
def test_torchrun_of_workers_that_end_well_ends_with_zero(two):
    """`torchrun` ends with code 0 when all its workers do."""
    assert two.process.returncode == 0


# --- failures ---------------------------------------------------------------------------------------------------------


@fact("torch.distributed.run", source="elastic/run", unproven=APART)
def test_torchrun_ends_the_others_when_one_fails(failed):
    """When a worker of `torchrun` fails, the others get SIGTERM: "Sending process … closing signal SIGTERM"."""
    assert re.search(r"Sending process \d+ closing signal SIGTERM", failed.errors)


@fact("torch.distributed.run", source="elastic/run", unproven=APART)
def test_torchrun_of_a_worker_that_fails_ends_with_one(failed):
    """When a worker of `torchrun` fails, `torchrun` ends with code 1, whatever code the worker had."""
    assert failed.process.returncode == 1


@fact("torch.distributed.run", source="elastic/run", unproven=APART, hint="the traceback is that of the root cause")
def test_torchrun_names_the_first_that_failed(failed):
    """`torchrun` says the "Root Cause (first observed failure)" with the rank and exit code of the worker."""
    _, _, cause = failed.errors.partition("Root Cause (first observed failure)")
    assert re.search(r"rank +: 1 .*\n +exitcode +: 3 ", cause)


RECORD = "torch.distributed.elastic.multiprocessing.errors.record"


@fact("torch.distributed.run", source="elastic/errors", unproven=APART, hint="put @record on the main function")
def test_torchrun_has_no_traceback_without_record(failed):
    """ChildFailedError of `torchrun` says "error_file: <N/A>" and "To enable traceback see" without `@record`."""
    _, _, cause = failed.errors.partition("Root Cause (first observed failure)")
    assert re.search(r"error_file: <N/A>\n +traceback : To enable traceback see", cause)


@fact("torch.distributed.run", RECORD, source="elastic/errors", unproven=APART)
def test_torchrun_has_the_traceback_under_record(recorded):
    """With `@record` on its main function, ChildFailedError of `torchrun` has a worker's error_file and traceback."""
    _, _, cause = recorded.errors.partition("Root Cause (first observed failure)")
    assert re.search(r"error_file: \S+error.json\n +traceback : Traceback \(most recent call last\)", cause)
    assert "KeyError: 'of rank 1'" in cause


@fact("torch.distributed.run", source="elastic/run", unproven=APART)
def test_torchrun_starts_all_again_when_one_fails(restarted):
    """`torchrun --max-restarts` starts all workers again when one failed, and counts in TORCHELASTIC_RESTART_COUNT."""
    assert sorted(_of(restarted, "TORCHELASTIC_RESTART_COUNT")) == ["0", "0", "1", "1"]


@fact("torch.distributed.run", source="elastic/run", unproven=APART)
def test_torchrun_that_ends_well_after_a_restart_ends_with_zero(restarted):
    """`torchrun --max-restarts` ends with code 0 where the workers end well after one has failed before."""
    assert restarted.process.returncode == 0


@fact("torch.distributed.run", source="elastic/run", unproven=APART, myth="torchrun itself saves what a restart needs")
def test_torchrun_restart_goes_on_from_what_the_script_saved(restarted):
    """A script that reads what it saved goes on from there after a restart of `torchrun`, and repeats no step."""
    assert restarted.steps == ["0123", "0123"]


# --- two nodes --------------------------------------------------------------------------------------------------------


@fact("torch.distributed.run", source="elastic/run", unproven=APART)
def test_torchrun_numbers_workers_over_nodes(nodes):
    """Under `torchrun --nnodes 2`, RANK and WORLD_SIZE count over nodes, LOCAL_RANK on each, GROUP_RANK the nodes."""
    told = [
        (one["RANK"], one["LOCAL_RANK"], one["GROUP_RANK"], one["WORLD_SIZE"]) for node in nodes for one in node.told
    ]
    assert told == [("0", "0", "0", "2"), ("1", "0", "1", "2")]


@fact("torch.distributed.run", "torch.distributed.init_process_group", source="elastic/run", unproven=APART)
def test_torchrun_workers_need_no_arguments_for_their_group(nodes):
    """Under `torchrun`, `init_process_group("gloo")` needs no rank or address: `all_reduce` sums over both nodes."""
    assert [node.sums for node in nodes] == [[3], [3]]
