"""A race says which of two works takes longer only where the times decide it."""

import gc
import math
import random
import time

import pytest
import torch

from fixtures import race as module
from fixtures.fact import Unavailable
from fixtures.race import BLOCK, BUDGET, CLOCKS, ERROR, FEWEST, Interval, faster, race, slower
from fixtures.verdicts import Inconclusive


def work():
    return sum(range(1000))


def twice_the_work():
    return work() + work()


class FakeClock:
    """A clock that only reading it and works move on, by times that are drawn: logarithms are normal."""

    def __init__(self, seed=0, spread=0.0, step=1):
        self.now, self._draw, self._spread, self._step = 0, random.Random(seed), spread, step

    def __call__(self):
        self.now += min(self._step, 1000)
        return self.now // self._step * self._step

    def work(self, nanoseconds):
        def take():
            self.now += round(nanoseconds * math.exp(self._draw.gauss(0, self._spread)))

        return take


@pytest.fixture
def fake(monkeypatch):
    """Put a fake clock in the place of the thread's."""

    def set_clock(*args, **kwargs):
        clock = FakeClock(*args, **kwargs)
        monkeypatch.setitem(CLOCKS, "thread", clock)
        return clock

    return set_clock


class TestInterval:
    def test_is_of_student(self):
        interval = Interval.of([(math.exp(0.1), 1.0), (math.exp(-0.1), 1.0)], error=0.01)
        assert interval.ratio == pytest.approx(1.0)
        assert interval.high == pytest.approx(math.exp(63.657 * 0.1), rel=1e-4)  # t of one degree of freedom at 99.5 %
        assert interval.low == pytest.approx(1 / interval.high)
        assert interval.pairs == 2

    def test_is_of_pairs(self):
        """Drift that hits both times of a pair leaves their ratio alone."""
        interval = Interval.of([(2.0, 1.0), (4.0, 2.0), (8.0, 4.0)], error=0.01)
        assert (interval.ratio, interval.low, interval.high) == pytest.approx((2.0, 2.0, 2.0))

    def test_of_a_and_b_is_the_inverse_of_b_and_a(self):
        times = [(2.0, 1.0), (2.1, 1.1), (1.9, 1.0)]
        turned = [(b, a) for a, b in times]
        assert Interval.of(times, 0.01).low == pytest.approx(1 / Interval.of(turned, 0.01).high)

    def test_is_wider_where_less_error_is_allowed(self):
        times = [(2.0, 1.0), (2.1, 1.1), (1.9, 1.0)]
        assert Interval.of(times, 0.001).high > Interval.of(times, 0.01).high

    @pytest.mark.parametrize(
        ("least", "most", "answer"),
        [
            (1.5, 2.5, True),
            (0, 2.5, True),
            (0, 1.5, False),
            (2.5, math.inf, False),
            (0, 2.0, None),
            (2.0, math.inf, None),
            (1.9, 2.1, None),
            (0, 2.2, None),
            (1.8, math.inf, None),
        ],
    )
    def test_answers_where_one_answer_is_in_it_only(self, least, most, answer):
        assert Interval(ratio=2.0, low=1.8, high=2.2, pairs=10).is_within(least, most) is answer


class TestQuestion:
    @pytest.mark.parametrize(
        ("method", "bounds", "answer"),
        [
            ("ratio_below", (2.5,), True),
            ("ratio_below", (1.5,), False),
            ("ratio_above", (1.5,), True),
            ("ratio_above", (2.5,), False),
            ("ratio_within", (1.5, 2.5), True),
            ("ratio_within", (2.5, 3.5), False),
            ("ratio_within", (0.5, 1.5), False),
        ],
    )
    def test_is_answered(self, fake, method, bounds, answer):
        clock = fake(spread=0.1)
        raced = race(clock.work(2 * BLOCK), clock.work(BLOCK))
        assert getattr(raced, method)(*bounds) is answer

    @pytest.mark.parametrize(
        ("method", "bounds"), [("ratio_below", (2,)), ("ratio_above", (2,)), ("ratio_within", (2, 5))]
    )
    def test_is_inconclusive_where_the_budget_does_not_decide(self, fake, method, bounds):
        clock = fake(spread=0.1)
        raced = race(clock.work(2 * BLOCK), clock.work(BLOCK))
        with pytest.raises(Inconclusive, match=r"is [12]\.?\d* \(1\.\d+ to 2\.\d+\), and 2 lies in between"):
            getattr(raced, method)(*bounds)

    def test_records_the_interval(self, fake):
        clock, numbers = fake(), {}
        assert race(clock.work(3 * BLOCK), clock.work(BLOCK), numbers).ratio_above(2)
        assert numbers == pytest.approx({"ratio": 3.0, "low": 3.0, "high": 3.0, "pairs": FEWEST}, rel=1e-5)

    def test_records_the_interval_that_decides_nothing(self, fake):
        clock, numbers = fake(spread=0.1), {}
        with pytest.raises(Inconclusive):
            race(clock.work(2 * BLOCK), clock.work(BLOCK), numbers).ratio_below(2)
        assert numbers["low"] < 2 < numbers["high"]


class TestEarlyStop:
    def test_takes_few_pairs_where_the_answer_is_clear(self, fake):
        clock, numbers = fake(spread=0.1), {}
        assert race(clock.work(BLOCK), clock.work(BLOCK), numbers).ratio_below(10)
        assert numbers["pairs"] == FEWEST

    def test_takes_more_where_it_is_close(self, fake):
        clock, numbers = fake(spread=0.1), {}
        assert race(clock.work(BLOCK), clock.work(BLOCK), numbers).ratio_below(1.1)
        assert numbers["pairs"] > FEWEST

    @pytest.mark.parametrize("call", [100, BLOCK, BUDGET / 20])
    def test_stays_within_the_budget(self, fake, call):
        clock = fake(spread=0.1)
        with pytest.raises(Inconclusive):
            race(clock.work(call), clock.work(call)).ratio_below(1)
        assert BUDGET / 4 < clock.now < 1.2 * BUDGET

    def test_takes_the_fewest_pairs_of_what_is_slow(self, fake):
        clock, numbers = fake(), {}
        race(clock.work(BUDGET), clock.work(2 * BUDGET), numbers).ratio_below(1)
        assert numbers["pairs"] == FEWEST

    @pytest.mark.parametrize("spread", [0.02, 0.3])
    def test_rarely_errs_though_it_looks_repeatedly(self, fake, spread):
        """The same work against itself has the ratio one: each answer to 'is it below one' is an error."""
        races, answers = 1000, 0
        for seed in range(races):
            clock = fake(seed, spread)
            try:
                race(clock.work(2 * BLOCK), clock.work(2 * BLOCK)).ratio_below(1)
                answers += 1
            except Inconclusive:
                pass
        allowed = ERROR * races
        assert answers < allowed + 3 * math.sqrt(allowed)

    def test_is_not_blind(self, fake):
        """A factor of 1.5 is found though the times scatter by 30 %."""
        found = 0
        for seed in range(100):
            clock = fake(seed, spread=0.3)
            found += race(clock.work(1.5 * BLOCK), clock.work(BLOCK)).ratio_above(1)
        assert found >= 98


class TestRace:
    def test_of_a_work_with_itself_is_about_one(self):
        assert race(work, work).ratio_within(1 / 1.5, 1.5)

    def test_finds_a_planted_factor_of_two(self):
        assert race(twice_the_work, work).ratio_above(1.5)
        assert race(work, twice_the_work).ratio_below(1 / 1.5)

    def test_measures_only_when_asked(self):
        race(lambda: pytest.fail("it was called"), work)

    def test_measures_anew_at_each_question(self, fake):
        clock = fake()
        raced = race(clock.work(2 * BLOCK), clock.work(BLOCK))
        assert raced.ratio_above(1)
        before = clock.now
        assert raced.ratio_below(3)
        assert clock.now > before + 3 * BLOCK * FEWEST

    def test_takes_long_blocks_even_where_the_first_call_is_slow(self):
        left, numbers = [range(1_000_000)], {}
        race(lambda: sum(left.pop() if left else range(1000)), work, numbers).ratio_below(10)
        assert numbers["pairs"] <= BUDGET // BLOCK

    def test_takes_blocks_that_are_long_against_a_coarse_clock(self, fake):
        """A clock that moves every 16 ms tells works of half a millisecond apart all the same."""
        clock = fake(step=16_000_000)
        assert race(clock.work(2 * BLOCK), clock.work(BLOCK)).ratio_within(1.9, 2.1)

    def test_computes_on_one_thread_without_collecting_garbage(self):
        seen = set()
        race(lambda: seen.add((torch.get_num_threads(), gc.isenabled())), work).ratio_below(100)
        assert seen == {(1, False)}

    def test_by_the_wall_clock_computes_on_the_threads_there_are(self):
        seen, threads = set(), torch.get_num_threads()
        race(lambda: seen.add((torch.get_num_threads(), gc.isenabled())), work, clock="wall").ratio_below(100)
        assert seen == {(threads, True)}

    def test_by_the_wall_clock_sees_what_the_thread_does_not_do(self):
        assert race(lambda: time.sleep(0.005), lambda: time.sleep(0.001), clock="wall").ratio_above(2)

    def test_puts_threads_and_garbage_collection_back(self):
        threads = torch.get_num_threads()
        torch.set_num_threads(2)
        with pytest.raises(ZeroDivisionError):
            race(work, lambda: 1 / 0).ratio_below(1)
        found = torch.get_num_threads(), gc.isenabled()
        torch.set_num_threads(threads)
        assert found == (2, True)

    def test_needs_scipy(self, monkeypatch):
        monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
        with pytest.raises(Unavailable, match="scipy"):
            race(work, work)


class TestWorlds:
    """What a fact's own refuter makes of torch."""

    def test_slower_is_much_slower_where_it_is_to_be(self, monkeypatch):
        slower("torch.mul", when=lambda x: x.ndim == 1)(monkeypatch)
        one, two = torch.ones(1000), torch.ones(1, 1000)
        assert race(lambda: torch.mul(one, 2), lambda: torch.mul(two, 2)).ratio_above(10)
        assert torch.mul(one, 2).equal(torch.full([1000], 2.0))

    def test_faster_takes_no_time_where_it_is_to_be(self, monkeypatch):
        faster("torch.Tensor.sort", when=lambda x: x.ndim == 1)(monkeypatch)
        one, two = torch.rand(10_000), torch.rand(1, 10_000)
        assert race(lambda: one.sort(), lambda: two.sort()).ratio_below(0.1)
        assert one.sort()[0][0] == one.min()

    @pytest.mark.parametrize("world", [slower, faster])
    def test_ends(self, world):
        before = torch.nn.functional.relu
        with pytest.MonkeyPatch.context() as patch:
            world("torch.nn.functional.relu")(patch)
            assert torch.nn.functional.relu is not before
        assert torch.nn.functional.relu is before

    def test_faster_remembers_nothing_of_another_trial(self):
        world = faster("torch.neg")
        for x in (torch.ones(1), torch.zeros(1)):
            with pytest.MonkeyPatch.context() as patch:
                world(patch)
                assert torch.neg(x) == -x
