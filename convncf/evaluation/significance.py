"""Is one model better than another, or were the users lucky? Paired tests and intervals over users.

Both models are evaluated on the same users, so the test is paired: under the null hypothesis each user's difference
could as well have the other sign (Fisher's randomisation test; Smucker et al., "A Comparison of Statistical
Significance Tests for Information Retrieval Evaluation", CIKM 2007). The interval is the percentile bootstrap of
the mean; one user has none. Both are about users sampled like these, not about another training seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convncf.runtime.random import rng

Floats = NDArray[np.float64]
LEVEL = 0.95
"""Coverage of every interval."""
SIGN_FLIPS = 10_000
"""Random sign patterns of the test; where there are fewer patterns than that, all of them are taken."""
RESAMPLES = 4_000
"""Bootstrap samples of an interval: the ends move by some 4% of a standard error from seed to seed."""
_RESAMPLED_AT_ONCE = 1_000_000
_RESAMPLED_IN_ALL = 400_000_000
_FEWEST_RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Interval:
    """Mean of a value over users and its percentile bootstrap interval."""

    n: int
    mean: float
    low: float | None
    """None for one user: every resample is that user."""
    high: float | None


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Comparison of two models, A and B, over the same n users; difference = mean_a - mean_b."""

    n: int
    mean_a: float
    mean_b: float
    difference: float
    low: float | None
    """Lower end of the 95% interval of the difference, with the sign that the difference has; None for one user."""
    high: float | None
    p_value: float
    """Two-sided; never 0: a random test cannot show less than 1 / (SIGN_FLIPS + 1)."""

    @property
    def words(self) -> str:
        """The result as one sentence about "A" and "B"."""
        return self.in_words("A", "B")

    def in_words(self, a: str, b: str) -> str:
        """Such as "A is 0.012 higher than B (95% interval of the difference 0.004 to 0.020, p = 0.003, 671 users)".

        The interval is of a - b, as in `low` and `high`: where A is lower, it is around a negative number.
        """
        places = _decimals(self.difference)
        users = f"{self.n:,} user{'' if self.n == 1 else 's'}"
        p = "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.3f}"
        details = f"no interval from {users}, {p}"
        if self.low is not None and self.high is not None:
            ends = f"{_rounded(self.low, places)} to {_rounded(self.high, places)}"
            details = f"95% interval of the difference {ends}, {p}, {users}"
        if self.difference == 0:
            return f"{a} and {b} are equal on average ({details})"
        direction = "higher" if self.difference > 0 else "lower"
        size = _rounded(abs(self.difference), places)
        return f"{a} is {size} {direction} than {b} ({details})"


def paired_test(a: ArrayLike, b: ArrayLike, seed: int) -> PairedTest:
    """Sign-flip test and bootstrap interval of mean(a) - mean(b): two (U,) arrays over the same users in one order.

    A pure function of its arguments. ValueError where the lengths differ, there is no value, or one is not finite.
    """
    first, second = _values(a), _values(b)
    if first.size != second.size:
        raise ValueError(f"a paired test compares the same users: got {first.size} values against {second.size}")
    difference = first - second
    interval = bootstrap_interval(difference, seed)
    return PairedTest(
        n=difference.size,
        mean_a=float(first.mean()),
        mean_b=float(second.mean()),
        difference=interval.mean,
        low=interval.low,
        high=interval.high,
        p_value=_p_value(difference[difference != 0], seed),
    )


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted for their number: (m,) -> (m,) in the same order, none above 1.

    Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scand. J. Statist. 1979: the smallest of m counts
    m times, the next m - 1 times, and none less than one before it.
    """
    adjusted, least = [0.0] * len(p_values), 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        least = max(least, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = least
    return tuple(adjusted)


def bootstrap_interval(values: ArrayLike, seed: int) -> Interval:
    """Percentile bootstrap interval of the mean of (U,) values, at LEVEL; a pure function of its arguments.

    None of one user.
    """
    sample = _values(values)
    if sample.size == 1:
        return Interval(1, float(sample[0]), None, None)
    ((low, high),) = bootstrap_ends(sample[:, None], seed)
    return Interval(sample.size, float(sample.mean()), low, high)


def bootstrap_ends(table: ArrayLike, seed: int) -> list[tuple[float, float]]:
    """Percentile bootstrap intervals of the means of M columns over the same U users: (U, M) -> M pairs (low, high).

    The columns share their resamples, `resamples(U)` of them. ValueError where there is no user or a value is not
    finite.
    """
    sample = np.asarray(table, dtype=np.float64)
    if sample.ndim != 2 or sample.shape[0] == 0:
        raise ValueError(f"a row per user is needed, for at least one user, got shape {sample.shape}")
    for column in sample.T:
        _values(column)
    n = sample.shape[0]
    centre = sample.mean(axis=0)
    around = sample - centre  # so that equal values have an interval of exactly that value
    generator = rng(seed, "bootstrap")
    index = np.uint16 if n <= 2**16 else np.uint32  # short draws are faster
    means = np.empty((resamples(n), sample.shape[1]))
    step = max(1, _RESAMPLED_AT_ONCE // n)
    for start in range(0, len(means), step):
        rows = means[start : start + step]
        users = generator.integers(n, size=(len(rows), n), dtype=index) + np.arange(len(rows))[:, None] * n
        rows[:] = np.bincount(users.ravel(), minlength=len(rows) * n).reshape(-1, n) @ around  # times drawn, (R, U)
    low, high = np.quantile(centre + means / n, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def resamples(n: int) -> int:
    """How many bootstrap samples there are of n users: RESAMPLES, and fewer, down to 1,000, above 100,000 users."""
    return max(_FEWEST_RESAMPLES, min(RESAMPLES, _RESAMPLED_IN_ALL // n))


def _p_value(difference: Floats, seed: int) -> float:
    """Share of sign patterns whose sum is as far from zero as the observed one; without zeros, which have no sign.

    scipy.stats.permutation_test gives the same result (a test compares them), in 5 s for 10,000 users where this takes
    0.05 s: it looks up the sum of eight users at a time in a table of their 256 sign patterns.
    """
    exact = 2**difference.size <= SIGN_FLIPS
    padded = np.concatenate([difference, np.zeros(-difference.size % 8)]).reshape(-1, 8)  # (G, 8)
    patterns = 1.0 - 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")  # (256, 8)
    n_flips = 2**difference.size if exact else SIGN_FLIPS
    generator = rng(seed, "sign flips")
    sums = np.zeros(n_flips)
    for group, eight in enumerate(padded):
        pattern = (
            (np.arange(n_flips) >> 8 * group).astype(np.uint8)
            if exact
            else generator.integers(256, size=n_flips, dtype=np.uint8)
        )
        sums += (patterns @ eight)[pattern]
    # Sums that are equal in the numbers' own arithmetic may differ in the last bits.
    observed = abs(difference.sum()) - 1e-12 * np.abs(difference).sum()
    as_far = int((np.abs(sums) >= observed).sum())
    return as_far / n_flips if exact else (as_far + 1) / (n_flips + 1)


def _values(array: ArrayLike) -> Floats:
    values = np.asarray(array, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"one value per user is needed, for at least one user, got shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{int((~np.isfinite(values)).sum())} of {values.size} values are not finite")
    return values


def _decimals(difference: float) -> int:
    """Three, or as many as it takes to show two digits of a small difference."""
    return 3 if difference == 0 else min(8, max(3, 1 - math.floor(math.log10(abs(difference)))))


def _rounded(value: float, places: int) -> str:
    return f"{round(value, places) + 0.0:.{places}f}".replace("-", "−")  # + 0.0 turns -0.0 into 0.0
