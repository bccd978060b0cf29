"""A race says which of two works takes longer only where the times decide it."""

import gc
import math

import pytest
import torch

from fixtures.race import BLOCK, BUDGET, Race, race
from fixtures.verdicts import Inconclusive


def work():
    return sum(range(1000))


def twice_the_work():
    return work() + work()


class TestRaceOfTimes:
    def test_is_the_interval_of_student(self):
        raced = Race.of([math.exp(0.1), math.exp(-0.1)], [1.0, 1.0])
        assert raced.ratio == pytest.approx(1.0)
        assert raced.high == pytest.approx(math.exp(63.657 * 0.1), rel=1e-4)  # t of one degree of freedom at 99.5 %
        assert raced.low == pytest.approx(1 / raced.high)
        assert raced.blocks == 2

    def test_is_of_pairs(self):
        """Drift that hits both times of a pair leaves their ratio alone."""
        raced = Race.of([2.0, 4.0, 8.0], [1.0, 2.0, 4.0])
        assert (raced.ratio, raced.low, raced.high) == pytest.approx((2.0, 2.0, 2.0))

    def test_of_a_and_b_is_the_inverse_of_b_and_a(self):
        a, b = [2.0, 2.1, 1.9], [1.0, 1.1, 1.0]
        assert Race.of(a, b).low == pytest.approx(1 / Race.of(b, a).high)

    @pytest.mark.parametrize(("a", "b"), [([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([], [])], ids=["one", "odd", "none"])
    def test_refuses_what_gives_no_interval(self, a, b):
        with pytest.raises(ValueError, match="two pairs"):
            Race.of(a, b)


class TestDecision:
    raced = Race(ratio=2.0, low=1.8, high=2.2, blocks=10)

    def test_is_yes_where_the_whole_interval_says_so(self):
        assert self.raced.ratio_below(2.3)
        assert self.raced.ratio_above(1.7)

    def test_is_no_where_the_whole_interval_says_the_opposite(self):
        assert not self.raced.ratio_below(1.7)
        assert not self.raced.ratio_above(2.3)

    @pytest.mark.parametrize("threshold", [1.8, 1.9, 2.0, 2.2])
    @pytest.mark.parametrize("question", [Race.ratio_below, Race.ratio_above])
    def test_is_inconclusive_where_the_threshold_is_inside(self, question, threshold):
        with pytest.raises(Inconclusive, match=rf"2 \(1.8 to 2.2\), and {threshold:g} lies in between"):
            question(self.raced, threshold)


class TestRace:
    def test_of_a_work_with_itself_is_silent(self):
        raced = race(work, work)
        assert raced.ratio_below(1.5)
        assert raced.ratio_above(1 / 1.5)

    def test_finds_a_planted_factor_of_two(self):
        assert race(twice_the_work, work).ratio_above(1.5)
        assert race(work, twice_the_work).ratio_below(1 / 1.5)

    def test_takes_long_blocks_even_where_the_first_call_is_slow(self):
        left = [range(1_000_000)]
        raced = race(lambda: sum(left.pop() if left else range(1000)), work)
        assert raced.blocks <= BUDGET // BLOCK

    def test_computes_on_one_thread_without_collecting_garbage(self):
        seen = set()
        race(lambda: seen.add((torch.get_num_threads(), gc.isenabled())), work)
        assert seen == {(1, False)}

    def test_puts_threads_and_garbage_collection_back(self):
        threads = torch.get_num_threads()
        torch.set_num_threads(2)
        with pytest.raises(ZeroDivisionError):
            race(work, lambda: 1 / 0)
        found = torch.get_num_threads(), gc.isenabled()
        torch.set_num_threads(threads)
        assert found == (2, True)
