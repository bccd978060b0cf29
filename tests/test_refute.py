"""`--refute` as a user meets it: what is caught, what is recorded, and that no fault outlives its trial."""

from __future__ import annotations

import itertools
import subprocess

import pytest

from fixtures.records import faults, lost
from tests.project import HOLDS

pytestmark = pytest.mark.timeout(300)  # a start of several processes each


def one(body, head="", name="test_one", subject='"torch.add"'):
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f'{head}\n@fact({subject})\ndef {name}():\n    """`add` adds two tensors."""\n{lines}\n'


@pytest.fixture
def refuted(project):
    """Refute the facts of a source in this process; the verdicts by id."""

    def run(source, *options):
        project.suite(source)
        run.result = project.run("--refute", "-n0", *options)
        return project.verdicts()

    return run


@pytest.mark.parametrize(
    "body",
    [
        "one = 1\ntorch.add(one, 1)\nassert one == 1",
        "x = 1\ntry:\n    assert torch.add(1, 1) == 2\nexcept AssertionError:\n    pass\nassert x",
        "assert torch.equal(torch.add(torch.ones(2), 1), torch.add(torch.ones(2), 1))",
        "x = torch.ones(2) + 1\nassert x is x",
        "x = torch.ones(2) + 1\nwith pytest.raises(ZeroDivisionError):\n    [x, 1 / 0]",
    ],
    ids=[
        "asserts_nothing_of_it",
        "catches_its_own_failure",
        "compares_torch_with_itself",
        "asserts_a_constant",
        "raises_itself",
    ],
)
def test_a_vacuous_fact_is_caught(refuted, body):
    assert refuted(one(body)) == {"topic.area.one": "vacuous"}
    assert refuted.result.ret == pytest.ExitCode.TESTS_FAILED
    refuted.result.stdout.fnmatch_lines(["vacuous: it still holds where torch.add *"])


def test_a_fact_that_asserts_nothing_is_refused_before(project):
    project.suite(one("torch.add(1, 1)"))
    project.run("--refute", "-n0").stdout.fnmatch_lines(["*its body compares nothing*"])


def test_a_fact_that_notices_is_proven_and_recorded(refuted, project):
    assert refuted(HOLDS) == {"topic.area.holds[cpu]": "holds"}
    assert refuted.result.ret == 0
    lines = project.lines("fault")
    assert {(line["on"], line["fault"]) for line in lines} >= {("torch.add", "first element"), ("torch.add", "dtype")}
    shape = next(line for line in lines if line["fault"] == "shape")
    assert shape["id"] == "topic.area.holds[cpu]"
    assert shape["says"] == "returns one dimension more"
    assert shape["noticed"] is True
    assert shape["seconds"] < 1
    assert [line["noticed"] for line in lines if line["fault"] == "dtype"] == [False]
    refuted.result.stdout.fnmatch_lines([f"{len(lines)} faults planted, * noticed; * a second"])


def test_a_fact_that_is_broken_is_not_refuted(refuted, project):
    assert refuted(one("assert torch.add(1, 1) == 3")) == {"topic.area.one": "broken"}
    assert project.lines("fault") == []


def test_a_fact_that_does_not_call_its_subject_is_unproven(refuted):
    assert refuted(one("x = 1\nassert x == 1")) == {"topic.area.one": "unproven"}
    assert refuted.result.ret == pytest.ExitCode.TESTS_FAILED
    refuted.result.stdout.fnmatch_lines(["unproven: no fault could be planted on its subject"])


def test_a_reason_excuses_an_unproven_fact_only(refuted, project):
    excused = '"torch.add", unproven="nothing is added"'
    assert refuted(one("x = 1\nassert x == 1", subject=excused)) == {"topic.area.one": "holds"}
    [verdict] = project.lines("verdict")
    assert verdict["reason"] == "not proven to be able to fail: nothing is added"
    assert refuted(one("assert torch.add(1, 1) == 2", subject=excused)) == {"topic.area.one": "error"}


def test_a_fact_may_bring_its_own_fault(refuted, project):
    own = one(
        "x = torch.add(1, 1)\nassert torch.get_num_threads() > 0",
        head="def none(patch):\n    patch.setattr(torch, 'get_num_threads', lambda: 0)\n",
        subject='"torch.device", refuter=none',
    )
    assert refuted(own) == {"topic.area.one": "holds"}
    [line] = project.lines("fault")
    assert (line["on"], line["fault"], line["noticed"]) == ("torch.device", "own", True)


def test_a_property_notices(refuted):
    source = (
        "from hypothesis import given, strategies as st\n"
        '@fact("torch.add")\n@given(st.integers(0, 9))\ndef test_one(n):\n'
        '    """`add` adds two numbers."""\n    assert torch.add(torch.tensor(n), 1).item() == n + 1\n'
    )
    assert refuted(source) == {"topic.area.one": "holds"}


def test_faults_of_costs_are_planted_where_a_cost_is_measured(refuted, project):
    refuted(
        "import gc, weakref\nfrom fixtures.race import race\n"
        + one("a, b = torch.ones(10), torch.ones(1_000_000)\n"
              "assert all(b.view(-1) is not b for _ in range(20))  # what is watched is over before the race\n"
              "assert race(lambda: a.view(-1), lambda: b.view(-1)).ratio_above(0.5)", subject='"torch.Tensor.view"')
        + one("x = torch.ones(2) + 1\nalive = weakref.ref(x)\ndel x\nassert alive() is None", name="test_two")
    )  # fmt: skip
    assert project.verdicts() == {"topic.area.one": "holds", "topic.area.two": "holds"}
    noticed = {(line["id"][-3:], line["fault"]) for line in project.lines("fault") if line["noticed"]}
    assert {("one", "copies behind"), ("two", "kept alive")} <= noticed


def test_what_a_fact_measures_is_told_as_of_the_usual_run(refuted, project):
    source = (
        '@fact("torch.add")\ndef test_one(numbers, observe):\n    """`add` adds two numbers."""\n'
        "    x = torch.add(torch.ones(1), 1).item()\n    numbers['sum'] = x\n    observe('sum', x)\n    assert x == 2\n"
    )
    refuted(source)
    assert project.lines("verdict")[0]["numbers"] == {"sum": 2.0}
    assert [line["value"] for line in project.lines("observation")] == [2.0]


LEAKY = {
    "no_grad": """
with torch.no_grad():
    inside = torch.is_grad_enabled()
assert (inside, torch.is_grad_enabled()) == (False, True)
""",
    "inference_mode": """
with torch.inference_mode():
    x = torch.ones(1)
assert (x.is_inference(), torch.ones(1).is_inference()) == (True, False)
""",
    "set_default_dtype": """
torch.set_default_dtype(torch.float64)
x = torch.ones(1)
torch.set_default_dtype(torch.float32)
assert (x.dtype, torch.ones(1).dtype) == (torch.float64, torch.float32)
""",
    "sparse.check_sparse_tensor_invariants.disable": """
check = torch.sparse.check_sparse_tensor_invariants
check.enable()
inside = check.is_enabled()
check.disable()
assert (inside, check.is_enabled()) == (True, False)
""",
    "nn.BatchNorm1d": """
layer = torch.nn.BatchNorm1d(1)
layer(torch.ones(2, 1))
assert layer.num_batches_tracked.item() == 1
""",
}


@pytest.mark.parametrize("order", [*itertools.permutations(LEAKY)], ids=">".join)
def test_no_fault_reaches_the_next_fact(project, order):
    source = "".join(
        one(LEAKY[name], name=f"test_{number}", subject=f'"torch.{name}"') for number, name in enumerate(order)
    )
    project.suite(source)
    project.run("--refute", "-n0")
    assert set(project.verdicts().values()) == {"holds"}
    assert any(line["noticed"] for line in project.lines("fault"))


DEADLY = {
    "dies": "os.kill(os.getpid(), signal.SIGKILL)",
    "hangs": "lock, c = ctypes.create_string_buffer(64), ctypes.PyDLL(None); "
    "c.pthread_mutex_lock(lock); c.pthread_mutex_lock(lock)",
}  # fmt: skip


@pytest.mark.parametrize("how", DEADLY)
def test_a_fault_that_ends_the_process_is_noticed_and_the_run_goes_on(project, how):
    deadly = one(
        "x = torch.add(torch.ones(1), 1)\nassert x.item() == 2",
        head=f"def deadly(patch):\n    {DEADLY[how]}\n",
        subject='"torch.add", refuter=deadly',
        name="test_deadly",
    )
    project.suite(deadly + HOLDS)
    process = project.start("--refute", "-o", "timeout=2")
    printed, _ = process.communicate()
    assert process.returncode == 0, printed
    assert project.verdicts() == {"topic.area.deadly": "holds", "topic.area.holds[cpu]": "holds"}
    [own] = [line for line in project.lines("fault") if line["fault"] == "own"]
    assert own["noticed"] is True
    assert own["reason"] in ("the process died while it ran", "still running after 2 s")
    assert [line["fault"] for line in project.lines("fault") if line["id"] == "topic.area.deadly"].count("shape") == 1


@pytest.mark.parametrize(("decided", "verdict"), [(5, "holds"), (6, "vacuous")])
def test_a_cost_that_decides_nothing_is_measured_again(refuted, decided, verdict):
    undecided = one(
        f"looks = torch.get_num_threads()\nif 1000 < looks < {1000 + decided}:\n    raise Inconclusive('0.9 to 1.1')\n"
        "assert looks < 1000",
        head="import itertools, pytest\nfrom fixtures.verdicts import Inconclusive\nlooks = itertools.count(1001)\n"
        "def counts(patch):\n    look = next(looks)\n    patch.setattr(torch, 'get_num_threads', lambda: look)\n"
        "@pytest.mark.bench",
        subject='"torch.device", refuter=counts',
    )
    assert refuted(undecided) == {"topic.area.one": verdict}


@pytest.mark.parametrize(("mark", "verdict"), [("", "holds"), ("@pytest.mark.bench", "vacuous")])
def test_to_be_slow_proves_a_fact_unless_it_measures(project, mark, verdict):
    slow = one(
        "assert torch.get_num_threads()",
        head="def sleeps(patch):\n    patch.setattr(torch, 'get_num_threads', lambda: time.sleep(60))\n" + mark,
        subject='"torch.device", refuter=sleeps',
    )
    project.suite("import time, pytest\n" + slow)
    process = project.start("--refute", "-n0", "-o", "timeout=2")
    process.communicate()
    assert project.verdicts() == {"topic.area.one": verdict}


def test_a_fault_that_hangs_in_python_is_noticed(refuted, project):
    refuted(
        one("x = torch.add(torch.ones(1), 1)\nassert x.item() == 2",
            head="def slow(patch):\n    patch.setattr(torch, 'add', lambda *args: time.sleep(60))\n",
            subject='"torch.add", refuter=slow'),
        "-o", "timeout=1",
    )  # fmt: skip
    assert project.verdicts() == {"topic.area.one": "holds"}
    assert project.lines("fault")[0]["seconds"] < 10


def test_faults_work_inside_of_ranks(refuted, project):
    source = (
        "def body(rank):\n    x = torch.ones(1)\n    torch.distributed.all_reduce(x)\n    return x.item()\n"
        '@fact("torch.distributed.all_reduce")\ndef test_one(ranks):\n    """`all_reduce` sums over the ranks."""\n'
        "    assert ranks(2, body) == [2, 2]\n"
    )
    assert refuted(source) == {"topic.area.one": "holds"}
    found = {line["fault"]: line["noticed"] for line in project.lines("fault")}
    assert found["effect left out: returning nothing"]
    assert found["effect twice"]


def test_faults_work_inside_of_dataloader_workers(refuted, project):
    source = (
        "class Numbers(torch.utils.data.Dataset):\n"
        "    def __len__(self):\n        return 2\n"
        "    def __getitem__(self, n):\n        return torch.add(torch.tensor([1, 2]), n)\n"
        '@fact("torch.add")\ndef test_one():\n    """A worker adds two tensors."""\n'
        "    first = Numbers()[0].tolist()\n"
        "    loaded = [item.tolist() for item in torch.utils.data.DataLoader(Numbers(), None, num_workers=1)]\n"
        "    assert loaded == [[1, 2], [2, 3]]\n"
    )
    assert refuted(source) == {"topic.area.one": "holds"}
    assert {line["fault"]: line["noticed"] for line in project.lines("fault")}["last element"]


def test_the_hypothesis_profile_of_a_refutation_does_not_shrink(project):
    project.suite(HOLDS)
    project.run("--refute", "-n0", "-v").stdout.fnmatch_lines(["hypothesis profile 'refute'*"])


# --- going on after a kill --------------------------------------------------------------------------------------------


def line(kind, **fields):
    return {"kind": kind, "id": "a", **fields}


START = line("started")
FIRST, SECOND = line("started", on="torch.add", fault="sign"), line("started", on="torch.add", fault="NaN")


def test_a_fault_that_was_running_at_two_kills_was_noticed():
    assert faults([START, FIRST]) == {}
    assert faults([START, FIRST, START, FIRST]) == {"a": {("torch.add", "sign"): True}}
    assert faults([START, FIRST, SECOND, START, FIRST, SECOND]) == {"a": {("torch.add", "NaN"): True}}
    assert faults([START, FIRST, line("fault", on="torch.add", fault="sign", noticed=False)]) == {
        "a": {("torch.add", "sign"): False}
    }


def test_a_fact_is_not_lost_with_its_fault():
    assert lost([START, START]) == {"a": 2}
    assert lost([START, FIRST, START, FIRST]) == {}


def test_a_plain_run_that_a_fault_killed_is_resumed(project):
    deadly = one(
        "x = torch.add(torch.ones(1), 1)\nassert x.item() == 2",
        head=f"def deadly(patch):\n    {DEADLY['dies']}\n",
        subject='"torch.add", refuter=deadly',
    )
    project.suite(deadly)
    record = project.path / "run.jsonl"
    for _ in range(2):
        process = project.start("--refute", "-n0", f"--resume={record}" if record.exists() else f"--record={record}")
        process.communicate()
        assert process.returncode < 0
    process = project.start("-n0", f"--resume={record}")  # that it refutes is taken from the record
    process.communicate()
    assert process.returncode == 0
    assert project.verdicts(record) == {"topic.area.one": "holds"}


# --- --changed --------------------------------------------------------------------------------------------------------


@pytest.fixture
def committed(project):
    project.suite(HOLDS)
    project.suite(HOLDS, "suites/topic/test_other.py")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], cwd=project.path, check=True)
    return project


def test_changed_takes_the_facts_of_files_that_differ(committed):
    committed.suite(HOLDS.replace("adds two", "adds 2"))
    committed.suite(HOLDS, "suites/topic/test_new.py")
    committed.run("--changed")
    assert committed.verdicts().keys() == {"topic.area.holds[cpu]", "topic.new.holds[cpu]"}


def test_changed_with_no_difference_has_nothing_to_fail_for(committed):
    assert committed.run("--changed").ret == 0
    process = committed.start("--changed", "HEAD", "--refute")
    process.communicate()
    assert process.returncode == 0


def test_changed_since_what_is_no_revision_is_one_sentence(committed):
    result = committed.run("--changed=nonsense")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --changed nonsense: *"])
