"""The meters count what a known graph keeps, and what a known call costs."""

import functools
import gc
import os
import re
import sys
import warnings

import pytest
import torch

from fixtures import meters
from fixtures.meters import figures, resident_bytes, saved_bytes


class TestSavedBytes:
    def test_counts_what_one_operation_saves(self):
        x = torch.ones(4, requires_grad=True)
        with saved_bytes() as saved:
            x.exp()
        assert saved.total == 4 * 4

    def test_adds_distinct_storages(self):
        x, y = torch.ones(4, requires_grad=True), torch.ones(4, dtype=torch.float64, requires_grad=True)
        with saved_bytes() as saved:
            x * y
        assert saved.total == 4 * 4 + 4 * 8

    def test_counts_a_storage_once(self):
        x = torch.ones(4, requires_grad=True)
        with saved_bytes() as saved:
            x * x.view(2, 2).view(4)
        assert saved.total == 4 * 4

    def test_counts_a_view_as_the_whole_storage_it_keeps_alive(self):
        x = torch.ones(4, requires_grad=True)
        with saved_bytes() as saved:
            x[:1] * x[:1]
        assert saved.total == 4 * 4

    def test_counts_nothing_where_nothing_is_saved(self):
        x = torch.ones(4, requires_grad=True)
        with saved_bytes() as saved, torch.no_grad():
            x.exp()
        assert saved.total == 0

    def test_does_not_count_after_the_block(self):
        x = torch.ones(4, requires_grad=True)
        with saved_bytes() as saved:
            pass
        x.exp()
        assert saved.total == 0


def peak(f, *args):
    return figures(f, args)["peak_bytes"]


class TestPeakBytes:
    def test_is_the_result_of_one_operation(self):
        assert peak(torch.add, torch.ones(1000), torch.ones(1000)) == 4000

    def test_of_a_chain_is_two_that_are_there_at_once(self):
        assert peak(lambda x: x.neg().neg().neg(), torch.ones(1000)) == 8000

    def test_of_what_is_kept_is_all(self):
        assert peak(lambda x: [x.neg(), x.neg(), x.neg()], torch.ones(1000)) == 12000

    def test_does_not_count_what_was_there_before(self):
        assert peak(torch.Tensor.add_, torch.ones(1000), torch.ones(1000)) == 0

    def test_of_a_view_is_nothing(self):
        assert peak(torch.Tensor.view, torch.ones(1000), -1) == 0

    def test_counts_what_is_needed_in_between(self):
        assert peak(lambda x: x.double().sum(), torch.ones(1000)) == 8000 + 8

    def test_counts_what_a_slow_convolution_unfolds(self):
        conv, x = torch.nn.Conv2d(1, 1, 3, bias=False).double(), torch.ones(1, 1, 34, 34, dtype=torch.float64)
        with torch.no_grad():
            assert peak(conv, x) == 8 * 32 * 32 + 9 * 8 * 32 * 32

    def test_is_the_same_each_time(self):
        layer, x = torch.nn.Linear(64, 64), torch.ones(8, 64)
        step = functools.partial(torch.autograd.grad, inputs=list(layer.parameters()))
        assert len({peak(lambda: step(layer(x).sum())) for _ in range(3)}) == 1

    def test_does_not_count_what_the_first_call_leaves(self):
        kept = {}
        assert peak(lambda: kept.setdefault("once", torch.ones(1000)).neg()) in (4000, 8000)
        assert peak(lambda: kept.setdefault("once", None).neg()) == 4000

    def test_cannot_be_told_without_a_profiler(self, monkeypatch):
        monkeypatch.setattr(meters, "kineto_available", lambda: False)
        told = figures(torch.neg, [torch.ones(4)])
        assert (told["peak_bytes"], told["kernels"], told["route"]) == (None, None, None)


class TestKernels:
    def test_counts_each_operator(self):
        assert figures(lambda x: x.neg().exp().neg(), [torch.ones(4)])["kernels"] == 3

    def test_does_not_count_those_that_only_call_others(self):
        both = figures(torch.ones_like, [torch.ones(4)])["kernels"], figures(torch.neg, [torch.ones(4)])["kernels"]
        assert both == (2, 1)  # memory, and ones in it

    def test_counts_a_loop(self):
        assert figures(lambda x: [x.neg() for _ in range(7)], [torch.ones(4)])["kernels"] == 7

    def test_counts_backward_too(self):
        x = torch.ones(4, requires_grad=True)
        forward, both = (figures(f)["kernels"] for f in (x.exp, lambda: torch.autograd.grad(x.exp(), x, x)))
        assert both > forward


class TestRoute:
    def test_is_empty_where_nothing_is_special(self):
        assert figures(torch.neg, [torch.ones(4)])["route"] == ""

    def test_names_the_operator_of_a_convolution(self):
        with torch.no_grad():
            told = figures(torch.nn.Conv2d(1, 1, 3).double(), [torch.ones(1, 1, 8, 8, dtype=torch.float64)])
        assert "aten::_slow_conv2d_forward" in told["route"].split(", ")

    @pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch is without oneDNN")
    def test_names_the_implementation_of_onednn(self):
        with torch.no_grad():
            told = figures(torch.nn.Conv2d(8, 8, 3), [torch.ones(4, 8, 32, 32)])
        assert "aten::mkldnn_convolution" in told["route"]
        assert re.search(r"onednn:convolution:\w+:\w+", told["route"])

    @pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="this torch is without MKL")
    def test_names_the_routine_of_mkl(self):
        assert figures(torch.mm, [torch.ones(8, 8), torch.ones(8, 8)])["route"] == "mkl:SGEMM"

    def test_names_each_once_in_order(self):
        x = [torch.ones(4)]
        told = figures(lambda: (torch._foreach_neg(x), torch._foreach_add(x, 1), torch._foreach_neg(x)))
        assert told["route"] == "aten::_foreach_add, aten::_foreach_neg"

    @pytest.mark.parametrize(
        ("line", "name"),
        [
            (
                "onednn_verbose,exec,cpu,matmul,brg:avx512_core_bf16,undef,src_bf16",
                "onednn:matmul:brg:avx512_core_bf16",
            ),
            ("onednn_verbose,primitive,exec,cpu,convolution,jit:avx2,forward", "onednn:convolution:jit:avx2"),
            ("onednn_verbose,v1,primitive,exec,cpu,matmul,ref:any,undef", "onednn:matmul:ref:any"),
            ("MKL_VERBOSE SGETRF(64,64,0x55895468aac0,64,0x558954654380,0) 52.64ms", "mkl:SGETRF"),
        ],
    )
    def test_reads_what_libraries_print(self, line, name):
        assert list(meters._libraries(f"something else\n{line}\n")) == [name]

    @pytest.mark.parametrize(
        "line",
        [
            "onednn_verbose,v1,primitive,info,template:operation,engine,primitive,implementation,prop_kind",
            "MKL_VERBOSE oneMKL 2024.0 Update 2 Product build 20240605 for Intel(R) 64 architecture",
        ],
    )
    def test_passes_over_what_they_say_of_themselves(self, line):
        assert list(meters._libraries(line)) == []


class TestResidentBytes:
    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pages are counted on Linux alone")
    def test_is_about_what_is_written(self):
        assert resident_bytes(lambda: torch.ones(1 << 24)) == pytest.approx(4 << 24, rel=0.05)

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pages are counted on Linux alone")
    def test_does_not_count_memory_that_is_only_asked_for(self):
        assert resident_bytes(lambda: torch.empty(1 << 24)) < 1 << 20

    def test_cannot_be_told_elsewhere(self, monkeypatch):
        monkeypatch.setattr(meters, "_status", lambda field: (_ for _ in ()).throw(FileNotFoundError()))
        assert resident_bytes(lambda: None) is None


class TestFigures:
    def test_passes_arguments_on(self):
        assert figures(torch.sum, [torch.ones(2, 3)], {"dim": 1})["peak_bytes"] == 8

    def test_prints_nothing(self, capfd):
        figures(lambda: (os.write(1, b"out"), os.write(2, b"error"), warnings.warn("look", stacklevel=1)))
        assert capfd.readouterr() == ("", "")

    def test_gives_the_streams_back(self, capfd):
        figures(torch.neg, [torch.ones(4)])
        os.write(1, b"out")
        assert capfd.readouterr().out == "out"

    def test_gives_the_streams_back_after_an_error(self, capfd):
        with pytest.raises(ZeroDivisionError):
            figures(lambda: 1 / 0)
        os.write(1, b"out")
        assert capfd.readouterr().out == "out"

    def test_goes_on_collecting_garbage(self):
        figures(torch.neg, [torch.ones(4)])
        assert gc.isenabled()
