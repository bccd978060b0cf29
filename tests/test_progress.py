"""What is shown while a long run goes on."""

from __future__ import annotations

from tests.project import HOLDS


def test_progress_says_how_far_and_what_is_to_be_looked_at(project):
    project.suite(HOLDS + HOLDS.replace("holds", "fails").replace("== [2, 2]", "== [3, 3]"))
    result = project.run("--progress", "-q")
    result.stdout.re_match_lines([r"2/2 \(100%\), \d+ s, about 0 s left, 1 to look at"])
    assert not any(line.startswith(".F") for line in result.stdout.lines)


def test_progress_of_parallel_workers_is_the_controllers(project):
    project.suite(HOLDS)
    output = project.start("--progress", "-q", "-n", "2").communicate()[0]
    assert output.count("1/1 (100%), ") == 1
