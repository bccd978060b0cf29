"""The page of what saved benchmarks cost."""

from __future__ import annotations

import re

import pytest

from tests.benchmarks import save
from torchproof.__main__ import main
from torchproof.reports.costs.overview import BreakEven, Costs
from torchproof.reports.costs.saved import load


def sparse(layout, density, seconds, **more):
    """A result with the parameters of a break-even curve."""
    parameters = {"layout": layout, "density": density, **more}
    named = "-".join(map(str, parameters.values()))
    return f"sparse.products.spmm[{named}]", seconds, {"parameters": parameters}


def told(capsys, folder, *files):
    """What the command prints, and its page."""
    assert main(["costs", *map(str, files), "-o", str(folder)]) == 0
    return capsys.readouterr().out, (folder / "costs.html").read_text()


# --- one file ---------------------------------------------------------------------------------------------------------


def test_a_page_has_each_figure_of_each_benchmark(tmp_path, capsys):
    figures = {"share": 0.625, "peak_bytes": 4 << 20, "kernels": 3, "route": "mkldnn_linear, brgemm:avx512"}
    file = save(tmp_path / "a.json", "2.15.0", ("layers.linear.forward", 2e-3, figures), ("views.view.of_x", 1e-6))
    printed, html = told(capsys, tmp_path / "site", file)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", html[html.index('<tr id="layers.linear.forward">') :])[1:6]
    assert cells == ["2 ms", "62.5 %", "4 MiB", "3", "<code>mkldnn_linear, brgemm:avx512</code>"]
    assert "torch 2.15.0 on A <fast> CPU: 2 benchmarks" in printed
    assert f"page: {tmp_path / 'site' / 'costs.html'}" in printed


def test_what_is_not_known_is_left_empty(tmp_path, capsys):
    _, html = told(capsys, tmp_path, save(tmp_path / "a.json", "2.15.0", ("views.view.of_x", 1e-6)))
    cells = re.findall(r"<td[^>]*>(.*?)</td>", html[html.index('<tr id="views.view.of_x">') :])[1:6]
    assert cells == ["1 µs", "", "", "", "<code></code>"]


def test_the_page_says_what_the_ceilings_are(tmp_path, capsys):
    _, html = told(capsys, tmp_path, save(tmp_path / "a.json", "2.15.0", ("views.view.of_x", 1e-6)))
    assert "16 KiB: 200 GB/s" in html
    assert "float32: 80 GFLOP/s" in html


def test_one_file_has_no_history(tmp_path, capsys):
    _, html = told(capsys, tmp_path, save(tmp_path / "a.json", "2.15.0", ("views.view.of_x", 1e-6)))
    assert "Over releases" not in html
    assert "Where sparse pays" not in html


def test_the_page_escapes_what_it_is_given(tmp_path, capsys):
    file = save(tmp_path / "a.json", "2.15.0", ("views.<script>.of_x", 1e-6), cpu="<i>CPU")
    _, html = told(capsys, tmp_path, file)
    assert "<script>" not in html
    assert "<i>" not in html
    assert "views.&lt;script&gt;.of_x" in html


def test_a_page_is_the_same_each_time(tmp_path, capsys):
    files = [save(tmp_path / f"{torch}.json", torch, ("views.view.of_x", 1e-6)) for torch in ("2.0", "2.15")]
    assert told(capsys, tmp_path / "one", *files)[1] == told(capsys, tmp_path / "two", *files)[1]


def test_a_foreign_file_is_refused_in_one_sentence(tmp_path, capsys):
    (tmp_path / "foreign.json").write_text("{}")
    assert main(["costs", str(tmp_path / "foreign.json"), "-o", str(tmp_path / "site")]) == 2
    said = capsys.readouterr()
    assert said.err == f"torchproof: {tmp_path / 'foreign.json'} was not written by pytest-benchmark\n"
    assert not (tmp_path / "site").exists()


def test_a_file_that_is_not_there_is_refused_in_one_sentence(tmp_path, capsys):
    assert main(["costs", str(tmp_path / "none.json"), "-o", str(tmp_path)]) == 2
    assert "none.json cannot be read: No such file" in capsys.readouterr().err


# --- where sparse pays ------------------------------------------------------------------------------------------------


def test_break_even_lies_between_the_densities_around_it():
    even = BreakEven("spmm", {"dense": {0.01: 1.0, 1.0: 1.0}, "csr": {0.01: 0.1, 1.0: 10.0}})
    assert even.densities == {"csr": pytest.approx(0.1)}
    assert even.says() == "csr up to 0.1"


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ({0.01: 2.0, 0.1: 3.0}, "csr at no density measured"),
        ({0.01: 0.2, 0.1: 0.9}, "csr at all measured, up to 0.1"),
    ],
)
def test_a_layout_may_always_or_never_pay(times, says):
    assert BreakEven("spmm", {"dense": {0.01: 1.0, 0.1: 1.0}, "csr": times}).says() == says


def test_a_dense_time_for_one_density_is_for_all():
    assert BreakEven("spmm", {"strided": {1.0: 1.0}, "csr": {0.01: 0.1, 1.0: 10.0}}).says() == "csr up to 0.1"


def test_each_size_has_its_curve(tmp_path, capsys):
    results = [
        sparse(layout, density, seconds * (1 if layout == "dense" else size), size=size)
        for size in (1, 2)
        for layout, density, seconds in [("dense", 0.1, 1.0), ("dense", 0.9, 1.0), ("csr", 0.1, 0.1), ("csr", 0.9, 1.5)]
    ]
    printed, html = told(capsys, tmp_path, save(tmp_path / "a.json", "2.15.0", *results))
    assert len(re.findall(r"sparse.products.spmm, size \d: faster than dense: csr up to", printed)) == 2
    assert html.count("<svg") == 2


def test_layouts_without_a_density_are_no_curve(tmp_path):
    result = ("views.copies.of_x[strided]", 1.0, {"parameters": {"layout": "strided"}})
    assert Costs([load(save(tmp_path / "a.json", "2.15.0", result))]).break_even() == []


def test_a_sparse_layout_without_a_dense_one_is_no_curve(tmp_path):
    assert Costs([load(save(tmp_path / "a.json", "2.15.0", sparse("csr", 0.1, 1.0)))]).break_even() == []


# --- history ----------------------------------------------------------------------------------------------------------


def test_releases_come_in_their_order_whatever_the_files(tmp_path, capsys):
    files = [save(tmp_path / f"{torch}.json", torch, ("views.view.of_x", 1e-6)) for torch in ("2.10.0", "2.9.0")]
    printed, html = told(capsys, tmp_path, *files)
    assert "torch 2.9.0, 2.10.0 on" in printed
    assert html.index(">2.9.0<") < html.index(">2.10.0<")


def test_what_changed_is_told_and_what_moved_little_is_not(tmp_path, capsys):
    old = save(tmp_path / "a.json", "2.8.0", ("views.view.slow", 1e-6), ("views.view.steady", 1e-6))
    new = save(tmp_path / "b.json", "2.15.0", ("views.view.slow", 2e-6), ("views.view.steady", 1.1e-6))
    printed, html = told(capsys, tmp_path, old, new)
    assert "views.view.slow: 1 µs, 2 µs" in printed
    assert "views.view.steady" not in printed
    assert "not measured side by side" in printed
    assert '<td class="count slower">2 µs</td>' in html
    assert '<td class="count ">1.1 µs</td>' in html


def test_a_benchmark_may_be_missing_from_a_release(tmp_path, capsys):
    old = save(tmp_path / "a.json", "2.8.0", ("views.view.old", 1e-6))
    new = save(tmp_path / "b.json", "2.15.0", ("views.view.new", 1e-6))
    _, html = told(capsys, tmp_path, old, new)
    assert html.count('<td class="count ">-</td>') == 2


def test_launches_of_one_torch_are_told_apart_by_date(tmp_path):
    dates = ("2026-01-01T10:00:00", "2026-01-02T11:00:00")
    files = [load(save(tmp_path / f"{date}.json", "2.8.0", ("a.b.c", 1.0), date=date)) for date in dates]
    assert Costs(files).labels == ["2.8.0 2026-01-01T10:00", "2.8.0 2026-01-02T11:00"]


def test_several_machines_are_named(tmp_path, capsys):
    a = save(tmp_path / "a.json", "2.8.0", ("a.b.c", 1.0), cpu="one")
    b = save(tmp_path / "b.json", "2.15.0", ("a.b.c", 1.0), cpu="another")
    printed, _ = told(capsys, tmp_path, a, b)
    assert "on another and one" in printed
    assert "compare shares of the ceiling, not times" in printed
