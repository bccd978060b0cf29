"""What people read of a comparison: in the terminal, as Markdown, as a page; and a comparison of saved files."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.benchmarks import compared, comparison, save
from torchproof.reports import Refusal
from torchproof.reports.costs import html as page
from torchproof.reports.costs import text
from torchproof.reports.costs.comparison import Failed
from torchproof.reports.costs.unpaired import compare_saved

SVG = "{http://www.w3.org/2000/svg}"
SAME = compared("views.view.of_a_matrix", 1.01, "same")
SLOWER = compared("linalg.products.mm[bfloat16]", 1.5, "slower")
SLOWEST = compared("linalg.products.mm[float16]", 8.0, "slower")
FASTER = compared("layers.conv.of_2d", 0.5, "faster")


def places(told, *ids):
    """Where each id first stands."""
    return [told.index(identity) for identity in ids]


# --- the terminal and Markdown ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("render", [text.as_text, text.as_markdown])
def test_slower_comes_first_and_the_largest_change_on_top(render):
    told = render(comparison(SAME, FASTER, SLOWER, SLOWEST))
    where = places(told, SLOWEST.id, SLOWER.id, FASTER.id, SAME.id)
    assert where == sorted(where)


def test_a_row_has_the_ratio_its_interval_both_times_and_the_smallest_visible_slowdown():
    [row] = [line for line in text.as_text(comparison(SLOWER)).splitlines() if SLOWER.id in line]
    assert re.sub(" +", " ", row.strip()) == f"1.500 1.471 – 1.530 +6 % 1 ms 1.5 ms {SLOWER.id}"


@pytest.mark.parametrize("render", [text.as_text, text.as_markdown])
def test_says_which_builds_how_many_of_each_verdict_and_the_a_against_itself(render):
    told = render(comparison(SAME, SLOWER, compared("a.b.c", 1, "same", itself=1.04)))
    assert "A: torch 2.8.0+cpu on Python 3.11.7, B: torch 2.15.0+cpu on Python 3.11.7" in told
    assert "3 benchmarks: 1 slower, 0 faster, 0 undecided, 2 same" in told
    assert "A against itself: 0 of 3 called slower or faster, ratios from 1.000 to 1.040" in told


@pytest.mark.parametrize("render", [text.as_text, text.as_markdown])
def test_says_what_failed_and_on_which_side(render):
    told = render(comparison(SAME, failed=[Failed("a.b.c", "a", "no float8"), Failed("a.b.d", "ab", "it died")]))
    assert "(A): no float8" in told
    assert "(A and B): it died" in told


@pytest.mark.parametrize("render", [text.as_text, text.as_markdown])
def test_says_that_it_was_interrupted(render):
    assert "Interrupted" in render(comparison(SAME, complete=False))
    assert "Interrupted" not in render(comparison(SAME))


@pytest.mark.parametrize("render", [text.as_text, text.as_markdown])
def test_a_paired_comparison_is_not_called_unpaired(render):
    assert "Unpaired" not in render(comparison(SAME))


@pytest.mark.parametrize("render", [text.as_text, text.as_markdown])
def test_says_how_many_are_slower_by_the_bound(render):
    assert "--fail-slower 2: 1 are slower by as much" in render(comparison(SLOWER, SLOWEST, fail_slower=2.0))
    assert "--fail-slower" not in render(comparison(SLOWER))


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        ({"kernels": 4}, {"kernels": 7}, ["kernels 4 → 7"]),
        ({"kernels": 4}, {"kernels": 4}, []),
        ({"kernels": 4}, {"kernels": None}, []),
        ({"route": ["mkldnn", "brgemm:avx512"]}, {"route": ["mkldnn", "ref:any"]}, ["route brgemm:avx512 → ref:any"]),
        ({"route": ["mkldnn"]}, {"route": []}, ["route mkldnn → none of that"]),
    ],
)
def test_names_what_changed_beside_time(a, b, told):
    assert text.changes(compared("a.b.c", 1, "same", a=a, b=b)) == told


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [(4096, 4096, "="), (4096, 8192, "× 2.000"), (0, 0, "="), (0, 4096, "0 B → 4 KiB"), (None, 1, ""), (9, None, "")],
)
def test_memory_is_a_ratio_where_there_can_be_one(a, b, told):
    assert text.memory(compared("a.b.c", 1, "same", a={"peak_bytes": a}, b={"peak_bytes": b})) == told


def test_what_takes_other_memory_in_the_same_time_is_in_sight():
    grown = compared("layers.conv.of_3d", 1.0, "same", a={"peak_bytes": 1 << 20}, b={"peak_bytes": 9 << 20})
    folded, in_sight = text.as_markdown(comparison(grown)).split("</details>")
    assert "layers.conv.of_3d: memory × 9.000" not in folded
    assert "layers.conv.of\\_3d: memory × 9.000" in in_sight


def test_ids_cannot_break_a_table_in_markdown():
    told = text.as_markdown(comparison(compared("a.b.c[x|y]", 1.5, "slower")))
    [row] = [line for line in told.splitlines() if "a.b.c" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == len(text.HEADS) + 1


@pytest.mark.parametrize(
    ("value", "told"),
    [(2e-10, "0.2 ns"), (3.2e-9, "3.2 ns"), (1e-6, "1 µs"), (9.996e-4, "1 ms"), (0.0123, "12.3 ms"), (250, "250 s")],
)
def test_durations_are_in_the_unit_that_fits(value, told):
    assert text.seconds(value) == told


@pytest.mark.parametrize(("value", "told"), [(0, "0 B"), (1023, "1023 B"), (1 << 20, "1 MiB"), (3 << 29, "1.5 GiB")])
def test_sizes_are_in_the_unit_that_fits(value, told):
    assert text.size(value) == told


# --- the page ---------------------------------------------------------------------------------------------------------


def spans(forest):
    """Where each interval of a forest plot starts and ends, in the plot's own units, from the top down."""
    root = ElementTree.fromstring(forest)
    paths = [group.find(f"{SVG}path") for group in root.iter(f"{SVG}g") if group.get("id", "").startswith("interval-")]
    return [tuple(map(float, re.findall(r"[ML] ([\d.]+) ", path.get("d")))) for path in paths]


def test_an_interval_spans_low_to_high():
    narrow, wide = compared("a.b.narrow", 1.2, "slower", 1.05), compared("a.b.wide", 1.0, "undecided", 1.05**2)
    (narrow_low, narrow_high), (wide_low, wide_high) = spans(page.forest([narrow, wide], 0.05))
    assert wide_high - wide_low == pytest.approx(2 * (narrow_high - narrow_low), rel=1e-3)
    assert narrow_low + narrow_high > wide_low + wide_high


def test_the_slowest_is_on_top_of_the_plot(tmp_path):
    html = page.write(comparison(FASTER, SLOWEST, SAME), tmp_path).read_text()
    where = places(html, f">{SLOWEST.id}<", f">{SAME.id}<", f">{FASTER.id}<")
    assert where == sorted(where)


def test_the_page_is_one_file_and_the_same_each_time(tmp_path):
    path = page.write(comparison(SLOWER, SAME), tmp_path / "one")
    assert path == tmp_path / "one" / "comparison.html"
    again = page.write(comparison(SLOWER, SAME), tmp_path / "two")
    assert path.read_bytes() == again.read_bytes()
    assert not re.search(r'(src|href)="(?!#)', path.read_text())


def test_a_row_of_the_plot_leads_to_its_row_of_the_table(tmp_path):
    html = page.write(comparison(SLOWER), tmp_path).read_text()
    assert 'xlink:href="#linalg.products.mm%5Bbfloat16%5D"' in html
    assert '<tr id="linalg.products.mm[bfloat16]">' in html


def test_the_page_escapes_what_it_is_given(tmp_path):
    html = page.write(comparison(compared("a.b.<script>[$x$&]", 1.5, "slower")), tmp_path).read_text()
    assert "<script>" not in html
    assert html.count("a.b.&lt;script&gt;[$x$&amp;]") >= 2


def test_the_page_shows_shares_only_where_they_are_known(tmp_path):
    known = compared("a.b.c", 1.5, "slower", a={"share": 0.6}, b={"share": 0.4})
    assert "How near to the ceiling" in page.write(comparison(known), tmp_path).read_text()
    assert "How near to the ceiling" not in page.write(comparison(SLOWER), tmp_path).read_text()


def test_a_page_without_a_benchmark_says_what_failed(tmp_path):
    html = page.write(comparison(failed=[Failed("a.b.c", "b", "it died")]), tmp_path).read_text()
    assert "a.b.c (B): it died" in html
    assert "<svg" not in html


def test_a_change_by_a_thousand_fits_on_the_plot(tmp_path):
    (_, near), (far, _) = sorted(spans(page.forest([compared("a.b.c", 1875, "slower"), SAME], 0.05)))
    assert far > 2 * near


def test_an_interval_without_an_end_leaves_the_others_readable():
    endless = replace(SAME, low=0.0, high=1e304)
    (start, end), (low, high) = spans(page.forest([endless, SLOWER], 0.05))
    assert start < low < high < end
    assert high - low > (end - start) / 100
    assert "0.000 – > 9999" in text.as_text(comparison(endless))


# --- saved files ------------------------------------------------------------------------------------------------------


def folder(path, torch, *medians, **more):
    """A folder with a file a launch, in each the one benchmark a.b.c."""
    path.mkdir()
    for index, seconds in enumerate(medians):
        save(path / f"{index}.json", torch, ("a.b.c", seconds), **more)
    return path


@pytest.fixture
def two(tmp_path):
    """`two(seconds_a, seconds_b)` compares one launch of each."""

    def compare(a, b, **more):
        paths = (
            save(tmp_path / "a.json", "2.8.0", ("a.b.c", a)),
            save(tmp_path / "b.json", "2.15.0", ("a.b.c", b), **more),
        )
        return compare_saved(*paths)

    return compare


def test_an_unpaired_comparison_says_so(two, tmp_path):
    told = two(1e-3, 1e-3)
    assert not told.paired
    for rendered in (text.as_text(told), text.as_markdown(told), page.write(told, tmp_path).read_text()):
        assert "Unpaired" in rendered
        assert "A against itself: not measured" in rendered


def test_one_launch_a_side_does_not_tell_a_tenth(two):
    [one] = two(1e-3, 1.1e-3).benchmarks
    assert one.verdict == "undecided"
    assert one.low < 1 < one.high
    assert one.ratio == pytest.approx(1.1)


@pytest.mark.parametrize(("seconds", "verdict"), [(2e-3, "slower"), (5e-4, "faster")])
def test_one_launch_a_side_tells_a_factor_of_two(two, seconds, verdict):
    [one] = two(1e-3, seconds).benchmarks
    assert one.verdict == verdict


def test_the_wall_clock_tells_less_than_the_threads(tmp_path):
    a, b = (
        save(tmp_path / f"{name}.json", "2.8.0", ("a.b.thread", time), ("a.b.wall", time, {"clock": "wall"}))
        for name, time in (("a", 1.0), ("b", 1.6))
    )
    assert [one.verdict for one in compare_saved(a, b).benchmarks] == ["slower", "undecided"]


def test_rounds_that_differ_much_widen_the_interval(two):
    [calm], [noisy] = two(1e-3, 2e-3).benchmarks, two(1e-3, 2e-3, noise=5.0).benchmarks
    assert noisy.high / noisy.low > 2 * calm.high / calm.low
    assert noisy.verdict == "undecided"


def test_several_launches_a_side_narrow_the_interval(two, tmp_path):
    [single] = two(1.0, 1.0).benchmarks
    launches = [1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.01, 0.99]
    [several] = compare_saved(
        folder(tmp_path / "A", "2.8.0", *launches), folder(tmp_path / "B", "2.15.0", *launches)
    ).benchmarks
    assert several.high / several.low < (single.high / single.low) ** 0.5
    assert (single.verdict, several.verdict) == ("undecided", "same")


def test_launches_that_differ_widen_the_interval(tmp_path):
    calm, wild = [1.0, 1.01, 0.99], [1.0, 2.0, 0.5]
    sides = [
        [folder(tmp_path / f"{name}{side}", "2.8.0", *times) for side in "ab"]
        for name, times in (("calm", calm), ("wild", wild))
    ]
    [quiet], [loud] = (compare_saved(*pair).benchmarks for pair in sides)
    assert loud.high / loud.low > 1.5 * quiet.high / quiet.low


def test_what_only_one_side_has_is_told(tmp_path):
    a = save(tmp_path / "a.json", "2.8.0", ("a.b.c", 1.0), ("a.b.old", 1.0))
    b = save(tmp_path / "b.json", "2.15.0", ("a.b.c", 1.0), ("a.b.new", 1.0))
    told = compare_saved(a, b)
    assert [one.id for one in told.benchmarks] == ["a.b.c"]
    assert {(one.id, one.side) for one in told.failed} == {("a.b.old", "b"), ("a.b.new", "a")}


def test_another_machine_is_named_and_its_share_shown(tmp_path):
    a = save(tmp_path / "a.json", "2.15.0", ("a.b.c", 1.0, {"share": 0.5}), cpu="one CPU")
    b = save(tmp_path / "b.json", "2.15.0", ("a.b.c", 1.0, {"share": 0.25}), cpu="another CPU")
    told = compare_saved(a, b)
    assert [told.benchmarks[0].figures[side].share for side in "ab"] == [0.5, 0.25]
    printed = text.as_text(told)
    assert "one CPU" in printed
    assert "another CPU" in printed
    assert "compare the shares" in printed
    assert "share of the ceiling 50% → 25%" in printed


def test_figures_of_saved_benchmarks_are_compared(tmp_path):
    a = save(tmp_path / "a.json", "2.8.0", ("a.b.c", 1.0, {"kernels": 1, "route": "brgemm:avx512", "peak_bytes": 4}))
    b = save(tmp_path / "b.json", "2.8.0", ("a.b.c", 1.0, {"kernels": 2, "route": "", "peak_bytes": 8}))
    [one] = compare_saved(a, b).benchmarks
    assert text.changes(one) == ["kernels 1 → 2", "route brgemm:avx512 → none of that"]
    assert text.memory(one) == "× 2.000"


def foreign(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "was not written by pytest-benchmark"),
        ("[1]", "was not written by pytest-benchmark"),
        ('{"kind": "comparison"}', "was not written by pytest-benchmark"),
        ('{"machine_info": {}, "benchmarks": []}', "has no benchmark that @bench declares"),
        (
            '{"machine_info": {}, "benchmarks": [{"extra_info": {}, "stats": {}}]}',
            "has no benchmark that @bench declares",
        ),
    ],
)
def test_a_foreign_file_is_refused_in_one_sentence(tmp_path, content, reason):
    ours = save(tmp_path / "ours.json", "2.8.0", ("a.b.c", 1.0))
    with pytest.raises(Refusal, match=f"theirs.json {reason}"):
        compare_saved(ours, foreign(tmp_path / "theirs.json", content))


def test_files_that_share_nothing_are_refused(tmp_path):
    a, b = (save(tmp_path / f"{name}.json", "2.8.0", (f"a.b.{name}", 1.0)) for name in "ab")
    with pytest.raises(Refusal, match="no benchmark in common"):
        compare_saved(a, b)


def test_a_side_of_two_builds_is_refused(tmp_path):
    mixed = folder(tmp_path / "mixed", "2.8.0", 1.0)
    save(mixed / "other.json", "2.15.0", ("a.b.c", 1.0))
    with pytest.raises(Refusal, match=r"2\.15\.0 and 2\.8\.0"):
        compare_saved(mixed, mixed)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(Refusal, match="has no JSON file"):
        compare_saved(tmp_path, tmp_path)
