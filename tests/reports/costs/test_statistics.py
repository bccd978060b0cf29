"""What a comparison concludes from times."""

import math

import numpy
import pytest
from scipy import stats

from torchproof.reports.costs.statistics import Estimate, against, against_itself, judge, launch_error, launch_mean


def drawn(seed, rounds, launch=0.03, effect=0.0):
    """The logarithms of times of a1, b, a2 whose launches differ by `launch`, in rounds that differ by much more."""
    dice = numpy.random.default_rng(seed)
    rows = dice.normal(0, launch, (rounds, 3)) + dice.normal(0, 0.5, (rounds, 1))
    rows[:, 1] += effect
    return rows


class TestLaunch:
    def test_mean_is_of_logarithms(self):
        assert launch_mean([1.0, math.e**2]) == pytest.approx(1.0)

    def test_mean_does_not_see_a_few_interrupted_blocks(self):
        assert launch_mean([1.0] * 9 + [1000.0]) == 0.0

    def test_error_is_of_the_mean(self):
        dice = numpy.random.default_rng(0)
        means = [launch_mean(numpy.exp(dice.normal(0, 0.1, 40))) for _ in range(2000)]
        errors = [launch_error(numpy.exp(dice.normal(0, 0.1, 40))) for _ in range(200)]
        assert numpy.mean(errors) == pytest.approx(numpy.std(means), rel=0.1)

    def test_error_of_few_blocks_is_not_known(self):
        assert launch_error([1.0, 1.0, 1.0]) == math.inf


class TestAgainst:
    def test_is_the_mean_of_contrasts(self):
        estimate = against([[0.0, 0.3, 0.2], [1.0, 1.4, 1.0]])
        assert estimate.log == pytest.approx((0.2 + 0.4) / 2)
        assert estimate.degrees == 3

    def test_pools_both_contrasts(self):
        estimate = against([[0.0, 0.3, 0.2], [1.0, 1.4, 1.0]])
        variance = ((0.1**2 + 0.1**2) / 1.5 + 0.2**2 / 2) / 3
        assert estimate.error == pytest.approx(math.sqrt(1.5 * variance / 2))

    def test_does_not_see_what_a_round_has_in_common(self):
        rows = drawn(0, 5)
        moved = rows + numpy.arange(5)[:, None]
        assert against(moved).log == pytest.approx(against(rows).log)
        assert against(moved).error == pytest.approx(against(rows).error)

    def test_of_one_round_is_an_estimate_too(self):
        assert against([[0.0, 0.3, 0.2]]).degrees == 1

    def test_interval_has_the_truth_in_it_as_often_as_it_says(self):
        held = 0
        for seed in range(2000):
            low, high = against(drawn(seed, 4, effect=0.1)).interval(0.05)
            held += low < math.exp(0.1) < high
        assert held / 2000 == pytest.approx(0.95, abs=0.015)

    def test_rejects_equal_times_as_seldom_as_it_says(self):
        rejected = sum(against(drawn(seed, 4)).p < 0.05 for seed in range(2000))
        assert rejected / 2000 == pytest.approx(0.05, abs=0.015)


class TestAgainstItself:
    def test_is_a2_over_a1(self):
        assert against_itself([[0.0, 9.0, 0.2], [1.0, 9.5, 1.4]]).log == pytest.approx(0.3)

    def test_is_not_hidden_by_its_own_size(self):
        """Were a difference of the two taken for variance, it could not be found."""
        rows = [[0.0, 0.0, 1.0], [0.0, 0.0, 1.01], [0.0, 0.0, 0.99]]
        assert against_itself(rows).p < 0.01

    def test_rejects_equal_times_as_seldom_as_it_says(self):
        rejected = sum(against_itself(drawn(seed, 4)).p < 0.05 for seed in range(2000))
        assert rejected / 2000 == pytest.approx(0.05, abs=0.015)

    def test_of_one_round_says_nothing(self):
        [judged] = judge([against_itself([[0.0, 0.0, 1.0]])], 0.05, 0.05)
        assert judged.verdict == "undecided"


class TestVerdict:
    @pytest.mark.parametrize(
        ("log", "error", "verdict"),
        [
            (0.2, 0.01, "slower"),
            (-0.2, 0.01, "faster"),
            (0.0, 0.01, "same"),
            (0.03, 0.001, "same"),  # significant, and too small to count
            (0.2, 0.2, "undecided"),
            (0.04, 0.01, "undecided"),  # its interval is over the threshold
        ],
    )
    def test_of_one(self, log, error, verdict):
        [judged] = judge([Estimate(log, error, 20)], threshold=0.05, alpha=0.05)
        assert judged.verdict == verdict

    def test_is_corrected_for_the_number_of_benchmarks(self):
        doubtful, even = Estimate(0.2, 0.08, 20), Estimate(0.0, 0.08, 20)
        assert judge([doubtful], 0.05, 0.05)[0].verdict == "slower"
        assert judge([doubtful] + [even] * 50, 0.05, 0.05)[0].verdict == "undecided"

    def test_without_any_spread_is_the_ratio(self):
        equal, slower = judge([Estimate(0.0, 0.0, 3), Estimate(0.2, 0.0, 3)], 0.05, 0.05)
        assert (equal.verdict, slower.verdict) == ("same", "slower")

    def test_of_none_is_none(self):
        assert judge([], 0.05, 0.05) == []

    def test_of_a_build_against_itself_is_silent(self):
        judged = judge([against(drawn(seed, 10)) for seed in range(300)], 0.05, 0.05)
        assert {one.verdict for one in judged} <= {"same", "undecided"}


class TestVisible:
    def test_is_found_as_often_as_it_says(self):
        rounds, launch = 10, 0.03
        [judged] = judge([Estimate(0.0, launch * math.sqrt(1.5 / rounds), 2 * rounds - 1)], 0.05, 0.05)
        effect = math.log(judged.visible)
        found = [judge([against(drawn(seed, rounds, launch, effect))], 0.05, 0.05)[0] for seed in range(500)]
        assert sum(one.verdict == "slower" for one in found) / 500 == pytest.approx(0.9, abs=0.05)

    def test_is_beyond_the_threshold(self):
        [judged] = judge([Estimate(0.0, 0.001, 20)], 0.05, 0.05)
        assert judged.visible == pytest.approx(1.05 * math.exp(stats.t.ppf(0.9, 20) * 0.001))

    def test_is_larger_among_many(self):
        one, many = judge([Estimate(0.0, 0.05, 9)], 0.05, 0.05), judge([Estimate(0.0, 0.05, 9)] * 60, 0.05, 0.05)
        assert many[0].visible > one[0].visible
