"""Ceilings are measured once, and work is held against the one that limits it."""

import time

import numpy
import pytest
import torch

from fixtures import ceilings
from fixtures.ceilings import SIZES, Ceilings, copied


@pytest.fixture
def known():
    """A machine that copies 1000 bytes and does 500 flops of float32 in a second."""
    return Ceilings(copies=dict.fromkeys(SIZES, 1000.0), products={"float32": 500.0, "float16": None})


class TestShare:
    def test_is_of_the_bandwidth_where_bytes_are_said(self, known):
        assert known.share(2.0, 500, None, torch.float32) == 0.25

    def test_is_of_the_flops_where_flops_are_said(self, known):
        assert known.share(2.0, None, 500, torch.float32) == 0.5

    def test_is_the_larger_of_the_two(self, known):
        assert known.share(2.0, 500, 500, torch.float32) == 0.5
        assert known.share(2.0, 1500, 500, torch.float32) == 0.75

    @pytest.mark.parametrize("moves", [None, 0])
    def test_is_none_where_no_work_is_said(self, known, moves):
        assert known.share(2.0, moves, None, torch.float32) is None

    def test_is_none_where_there_is_no_product_of_the_dtype(self, known):
        assert known.share(2.0, None, 500, torch.float16) is None

    def test_is_none_where_nothing_has_a_dtype(self, known):
        assert known.share(2.0, None, 500, None) is None


class TestCopy:
    @pytest.mark.parametrize(
        ("moves", "size"), [(1, SIZES[0]), (SIZES[0], SIZES[0]), (SIZES[0] + 1, SIZES[1]), (1 << 40, SIZES[-1])]
    )
    def test_takes_the_class_in_which_the_bytes_fit(self, monkeypatch, moves, size):
        monkeypatch.setattr(ceilings, "copied", lambda size, threads, clock: float(size))
        assert Ceilings().copy(moves) == size

    def test_measures_once(self, monkeypatch):
        measured = []
        monkeypatch.setattr(ceilings, "copied", lambda size, threads, clock: measured.append(size) or 1.0)
        here = Ceilings()
        here.copy(100), here.copy(200)
        assert measured == [SIZES[0]]

    def test_copies(self):
        copy = ceilings._repeated_copy(100, repeats=3)
        target, source = copy.args
        source[:1] = numpy.frombuffer(bytes([7]) * 100, "V100")
        copy()
        assert target.shape == source.shape == (3,)
        assert set(target[0].tobytes()) == {7}

    def test_counts_the_bytes_of_all_repeats(self):
        ticks = iter(range(1000))
        per_tick = copied(SIZES[1], 1, lambda: next(ticks))
        assert per_tick == ceilings.PIECE

    def test_small_ones_are_faster_than_memory(self):
        small, large = (copied(size, 1, time.thread_time) for size in (SIZES[0], SIZES[-1]))
        assert small > large > 1e8

    def test_goes_on_several_threads(self):
        assert copied(SIZES[2], 2, time.perf_counter) > 1e8


class TestProduct:
    def test_is_measured_once_for_a_dtype(self):
        here = Ceilings()
        assert here.product(torch.float32) is here.product(torch.float32)

    def test_counts_two_flops_a_term(self, monkeypatch):
        monkeypatch.setattr(ceilings, "_best", lambda work, clock: 0.5)
        assert Ceilings().product(torch.float32) == 4 * ceilings.WIDTH**3

    def test_is_none_where_torch_has_none(self):
        assert Ceilings().product(torch.bool) is None


def test_the_best_of_several_is_taken():
    readings = iter([0.0, 0.0, 3.0, 3.0, 5.0, 5.0, 6.0, 9.0])  # of work that takes 3, 2 and 1
    assert ceilings._best(lambda: None, lambda: next(readings)) == 1.0


def test_the_record_keeps_what_was_measured(known):
    assert known.described() == {
        "device": "cpu",
        "threads": 1,
        "copy": {"16384": 1000.0, "262144": 1000.0, "4194304": 1000.0, "67108864": 1000.0},
        "product": {"float32": 500.0, "float16": None},
    }
