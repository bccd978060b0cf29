"""What the times of a comparison say, and how sure that is.

A process has its own luck: where the loader, the stack and the heap happen to lie makes the same code faster or slower
for as long as it lives (Mytkowicz et al. 2009, "Producing wrong data without doing anything obviously wrong!"), so that
no number of blocks in two live processes tells which of two builds is faster. Layout is to be drawn anew instead, as
often as can be had (Curtsinger and Berger 2013, "Stabilizer"): inputs for each block, and the size of the environment,
addresses and the order of starting for each launch. What still differs between launches is then noise like any other,
if **the launch is the unit**: the repetitions within one are averaged, and the interval is of the variation between
launches (Kalibera and Jones 2013, "Rigorous benchmarking in reasonable time").

A round launches three workers, two of A and one of B, whose blocks take turns at random, so that the machine's ups and
downs hit all of them. Of each there is one number, x: the mean of the middle half of the logarithms of its blocks'
times a call. With launches of variance v a round gives two contrasts,

    r = b - (a1 + a2) / 2    B against A, of variance 3/2 v
    d = a2 - a1              A against itself, of variance 2 v

in which what the round as a whole has in common is gone. d has mean 0 by construction, as a1 and a2 are the same
build in random order. So after n rounds v is known from both, with 2n - 1 degrees of freedom:

    v = (sum (r - mean r)^2 / (3/2) + sum d^2 / 2) / (2n - 1)

and the logarithm of the ratio of times is mean r, with Student's t interval of the error sqrt(3/2 v / n). A against
itself is judged by the same rules, where v takes d about its mean and has one degree less.

A verdict is `slower` or `faster` where the hypothesis of equal times is rejected with the false discovery rate over
all benchmarks of the comparison at alpha (Benjamini and Hochberg 1995, "Controlling the false discovery rate") and the
ratio is beyond the threshold; `same` where its interval lies inside the threshold on both sides; else `undecided`.

Of saved results, which were not taken by turns, the variation between launches is known only as far as a side has
several of them; unpaired.py counts what was measured of it elsewhere as so many launches more (a pooled variance).

The number of rounds is fixed by the time there is and never by what they show, and a worker's blocks are continued
until its own mean is precise, whatever that mean is: looking at the result to decide when to stop would find
differences where there are none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from numpy.typing import ArrayLike
from scipy import stats

POWER = 0.9  # the probability with which a slowdown that is called visible is found
OUTER = 0.25  # the share of blocks on either side that the mean of a launch leaves out


def launch_mean(seconds: Sequence[float]) -> float:
    """The logarithm of a launch's time: the mean of the middle half of those of its blocks, in seconds a call."""
    return float(stats.trim_mean(numpy.log(seconds), OUTER))


def launch_error(seconds: Sequence[float]) -> float:
    """The standard error of `launch_mean`, from the blocks of the launch alone; infinite for fewer than four."""
    if len(seconds) < 4:
        return math.inf
    return float(stats.mstats.trimmed_stde(numpy.log(seconds), limits=(OUTER, OUTER)))


@dataclass(frozen=True)
class Estimate:
    """The logarithm of a ratio, its standard error, and the degrees of freedom of that."""

    log: float
    error: float
    degrees: int

    @property
    def ratio(self) -> float:
        """The ratio itself."""
        return math.exp(self.log)

    @property
    def p(self) -> float:
        """The probability of being as far from 1 or farther, were there no difference."""
        if self.error == 0:
            return float(self.log == 0)
        return float(2 * stats.t.sf(abs(self.log) / self.error, self.degrees))

    def interval(self, alpha: float) -> tuple[float, float]:
        """From where to where the ratio lies, but for the share `alpha` of such intervals."""
        reach = self._quantile(1 - alpha / 2) * self.error
        return _exp(self.log - reach), _exp(self.log + reach)

    def visible(self, threshold: float, significance: float) -> float:
        """The smallest slowdown, as a ratio, that is found with the probability POWER.

        Found is one that is significant at the level `significance` and beyond the `threshold`, both as fractions.
        """
        bar = max(self._quantile(1 - significance / 2) * self.error, math.log1p(threshold))
        return _exp(bar + self._quantile(POWER) * self.error)

    def _quantile(self, probability: float) -> float:
        return float(stats.t.ppf(probability, self.degrees))


def _exp(log: float) -> float:
    return float(numpy.exp(min(log, 700.0)))  # the interval of a single round can be beyond all numbers


def against(rounds: ArrayLike) -> Estimate:
    """B against A. `rounds` has the logarithms of the times of `a1, b, a2`, a row a round."""
    r, d = _contrasts(rounds)
    degrees = 2 * len(r) - 1
    variance = (_scatter(r) / 1.5 + float(d @ d) / 2) / degrees
    return Estimate(float(r.mean()), math.sqrt(1.5 * variance / len(r)), degrees)


def against_itself(rounds: ArrayLike) -> Estimate:
    """A2 against A1, of the same rows. A single round says nothing of it: the error is infinite."""
    r, d = _contrasts(rounds)
    degrees = 2 * len(r) - 2
    if degrees == 0:
        return Estimate(float(d.mean()), math.inf, 1)
    variance = (_scatter(r) / 1.5 + _scatter(d) / 2) / degrees
    return Estimate(float(d.mean()), math.sqrt(2 * variance / len(d)), degrees)


def _contrasts(rounds: ArrayLike) -> tuple[numpy.ndarray, numpy.ndarray]:
    a1, b, a2 = numpy.asarray(rounds, dtype=float).T
    return b - (a1 + a2) / 2, a2 - a1


def _scatter(values: numpy.ndarray) -> float:
    return float(((values - values.mean()) ** 2).sum())


@dataclass(frozen=True)
class Judged:
    """An estimate among others: the ratio with its interval, its verdict, and the slowdown that was to be visible."""

    ratio: float
    low: float
    high: float
    p: float
    verdict: str
    visible: float


def judge(estimates: Sequence[Estimate], threshold: float, alpha: float) -> list[Judged]:
    """Judge all estimates of a comparison together. `threshold` is the smallest change that counts, as a fraction."""
    if not estimates:
        return []
    rates = stats.false_discovery_control([estimate.p for estimate in estimates])
    # At this level one more would have been significant beside those that are.
    level = alpha * min(sum(rates <= alpha) + 1, len(rates)) / len(rates)
    return [
        Judged(
            estimate.ratio,
            *estimate.interval(alpha),
            estimate.p,
            _verdict(estimate, rate <= alpha, threshold, alpha),
            estimate.visible(threshold, level),
        )
        for estimate, rate in zip(estimates, rates)
    ]


def _verdict(estimate: Estimate, differs: bool, threshold: float, alpha: float) -> str:
    band = math.log1p(threshold)
    if differs and abs(estimate.log) > band:
        return "slower" if estimate.log > 0 else "faster"
    low, high = estimate.interval(alpha)
    return "same" if 1 / (1 + threshold) < low and high < 1 + threshold else "undecided"
