"""Facts that hang or kill their process: {segfault, hang in C, SIGKILL} × {plain, parallel}, and resuming each."""

from __future__ import annotations

import time

import pytest

from fixtures import limits
from fixtures.records import read
from tests.project import HOLDS

pytestmark = pytest.mark.timeout(300)  # a start of several processes each

DEADLY = {
    "segfault": "ctypes.string_at(0)",
    "kill": "os.kill(os.getpid(), signal.SIGKILL)",
    # Holds the interpreter's lock and never comes back to Python, so that no signal handler and no thread runs.
    "hang": "lock, c = ctypes.create_string_buffer(64), ctypes.PyDLL(None); "
    "c.pthread_mutex_lock(lock); c.pthread_mutex_lock(lock)",
}  # fmt: skip
SAYS = {"segfault": "crashed", "kill": "crashed", "hang": "timeout"}

LATER = HOLDS.replace("test_holds", "test_later")


@pytest.fixture
def deadly(project):
    def write(how):
        project.suite(
            f'{HOLDS}\n@pytest.mark.timeout(1)\n@fact("torch.add")\ndef test_kills():\n'
            f'    """`add` adds two numbers."""\n    {DEADLY[how]}\n    assert torch.add(1, 1) == 2\n{LATER}'
        )
        return project.path / "run.jsonl"

    return write


def ended(process):
    process.communicate()
    return process.returncode


@pytest.mark.parametrize("how", DEADLY)
def test_parallel_workers_are_replaced_and_the_run_goes_on(project, deadly, how):
    record = deadly(how)
    assert ended(project.start("--record", record, "-n", "2", "--dist", "worksteal")) == pytest.ExitCode.TESTS_FAILED
    want = {"topic.area.holds[cpu]": "holds", "topic.area.kills": SAYS[how], "topic.area.later[cpu]": "holds"}
    assert project.verdicts(record) == want
    assert [line["verdict"] for line in project.lines("verdict", record)].count(SAYS[how]) == 1
    assert read(record)[-1]["kind"] == "end"


@pytest.mark.parametrize("how", ["segfault", "kill"])
def test_a_plain_run_ends_there_and_resumes_once_more_before_it_goes_on(project, deadly, how):
    record = deadly(how)
    assert ended(project.start("--record", record)) < 0
    assert project.verdicts(record) == {"topic.area.holds[cpu]": "holds"}
    assert ended(project.start("--resume", record)) < 0
    assert ended(project.start("--resume", record)) == pytest.ExitCode.TESTS_FAILED
    want = {"topic.area.holds[cpu]": "holds", "topic.area.kills": "crashed", "topic.area.later[cpu]": "holds"}
    assert project.verdicts(record) == want


def test_a_plain_run_ends_at_a_hang_in_c_with_its_verdict_and_resumes_behind_it(project, deadly):
    record = deadly("hang")
    assert ended(project.start("--record", record)) < 0
    assert project.verdicts(record) == {"topic.area.holds[cpu]": "holds", "topic.area.kills": "timeout"}
    assert ended(project.start("--resume", record)) == pytest.ExitCode.TESTS_FAILED
    assert project.verdicts(record)["topic.area.later[cpu]"] == "holds"


def test_a_hang_in_python_is_a_timeout_and_the_run_goes_on(project):
    project.suite(
        '@pytest.mark.timeout(0.5)\n@fact("torch.add")\ndef test_hangs():\n'
        f'    """`add` adds two numbers."""\n    time.sleep(60)\n    assert torch.add(1, 1) == 2\n{LATER}'
    )
    start = time.monotonic()
    project.run()
    assert time.monotonic() - start < 0.5 + limits.GRACE
    assert project.verdicts() == {"topic.area.hangs": "timeout", "topic.area.later[cpu]": "holds"}


def test_a_hang_inside_a_property_is_a_timeout(project):
    project.suite(
        "from hypothesis import given, strategies as st\n"
        '@pytest.mark.timeout(0.5)\n@fact("torch.add")\n@given(st.integers())\ndef test_hangs(n):\n'
        '    """`add` adds two numbers."""\n    time.sleep(3)\n    assert torch.add(1, 1) == 2\n'
    )
    project.run()
    assert project.verdicts() == {"topic.area.hangs": "timeout"}
