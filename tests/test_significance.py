"""Paired tests and intervals against exact answers, and against scipy's own."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.evaluation.significance import (
    LEVEL,
    Interval,
    PairedTest,
    bootstrap_ends,
    bootstrap_interval,
    holm,
    paired_test,
    resamples,
)
from tests.wording import values_in

differences = st.lists(st.sampled_from([-1.0, -0.3, -0.1, 0.0, 0.1, 0.2, 0.3, 1.0]), min_size=1, max_size=7)


def ends(found: PairedTest | Interval) -> tuple[float, float]:
    """The interval, which must be there."""
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def p_value(difference: list[float] | np.ndarray, seed: int = 1) -> float:
    return paired_test(difference, np.zeros(len(difference)), seed).p_value


def test_a_model_is_not_better_than_itself() -> None:
    values = np.random.default_rng(0).random(50)
    found = paired_test(values, values, 1)
    assert (found.difference, found.low, found.high, found.p_value) == (0.0, 0.0, 0.0, 1.0)
    assert found.mean_a == found.mean_b == values.mean()
    assert values_in(found.words) == ["95", "0.000", "0.000", "1.000", "50"]


def test_few_users_are_tested_exactly() -> None:
    assert p_value([1.0] * 5) == 2 / 2**5  # only all plus and all minus are as far out
    assert p_value([1.0]) == 1.0
    assert p_value([3.0, 1.0]) == 0.5
    assert p_value([3.0, -1.0]) == 1.0
    assert p_value([1.0] * 10) == 2 / 2**10  # more than the eight that one table holds


def test_users_without_a_difference_change_neither_p_nor_exactness() -> None:
    assert p_value([1.0] * 5 + [0.0] * 500) == p_value([1.0] * 5)


@given(differences)
def test_exact_values_equal_an_enumeration(difference: list[float]) -> None:
    values = np.array(difference)
    sums = [abs((values * signs).sum()) for signs in itertools.product((1, -1), repeat=values.size)]
    expected = np.mean([total >= abs(values.sum()) - 1e-9 for total in sums])
    assert p_value(values) == pytest.approx(expected, rel=1e-12)


@given(differences.filter(lambda values: len(values) > 1), st.integers(0, 3))
def test_swapping_the_models_turns_the_sign_and_nothing_else(difference: list[float], seed: int) -> None:
    a = np.array(difference)
    b = np.zeros(a.size)
    one, other = paired_test(a, b, seed), paired_test(b, a, seed)
    assert other.difference == -one.difference
    assert other.p_value == one.p_value
    assert ends(other)[0] == pytest.approx(-ends(one)[1], abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.12])
def test_many_users_agree_with_scipy(shift: float) -> None:
    from scipy.stats import permutation_test  # here: it takes a second to load, and every worker reads this file

    values = np.random.default_rng(4).normal(shift, 1, size=300)
    expected = permutation_test(
        (values,),
        lambda x, axis: x.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=10_000,
        rng=np.random.default_rng(5),
    ).pvalue
    assert p_value(values) == pytest.approx(expected, abs=0.02)


def test_where_there_is_no_difference_p_is_even() -> None:
    generator = np.random.default_rng(6)
    found = np.array([p_value(generator.normal(size=40), seed) for seed in range(200)])
    assert abs((found < 0.5).mean() - 0.5) < 0.12
    assert (found < 0.05).mean() < 0.12


def test_a_clear_difference_is_found_and_p_is_never_zero() -> None:
    found = paired_test(np.full(1000, 0.6), np.full(1000, 0.5), 1)
    assert found.p_value == 1 / 10_001
    assert values_in(found.words) == ["0.100", "95", "0.100", "0.100", "0.001", "1,000"]
    assert ("higher" in found.words, "p < 0.001" in found.words) == (True, True)


def test_the_interval_is_that_of_a_mean() -> None:
    values = np.random.default_rng(7).normal(0.3, 1.0, size=2_000)
    found = bootstrap_interval(values, 1)
    error = values.std() / np.sqrt(values.size)
    assert found.mean == values.mean()
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.2 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.2 * error)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(8)
    intervals = [bootstrap_interval(generator.binomial(1, 0.4, size=120), seed) for seed in range(150)]
    covered = np.mean([low <= 0.4 <= high for low, high in map(ends, intervals)])
    assert covered > LEVEL - 0.06


@pytest.mark.parametrize("n", [2, 7, 300])
def test_the_answer_depends_on_values_and_seed_alone(n: int) -> None:
    generator = np.random.default_rng(9)
    a, b = generator.random((2, n))
    first = paired_test(a, b, 11)
    np.random.default_rng(0).random(10)
    assert paired_test(a.tolist(), b.tolist(), 11) == first
    low, high = ends(first)
    assert low <= first.difference <= high
    assert 0 < first.p_value <= 1
    if n >= 300:
        assert paired_test(a, b, 12).low != low


def test_one_user_has_no_interval() -> None:
    found = paired_test([0.6], [0.5], 1)
    assert (found.n, found.low, found.high, found.p_value) == (1, None, None, 1.0)
    assert values_in(found.words) == ["0.100", "1", "1.000"]
    assert bootstrap_interval([0.5], 1) == Interval(1, 0.5, None, None)
    assert paired_test([0.6, 0.6], [0.5, 0.5], 1).low == pytest.approx(0.1), "two users have one"


@pytest.mark.full
def test_all_users_can_be_drawn() -> None:
    """An interval over more users than a short index can hold sees the last of them as well."""
    values = np.zeros(70_000)
    values[-3_000:] = 1.0
    assert ends(bootstrap_interval(values, 1))[0] > 0.03


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ([1.0, 2.0], [1.0], "2 values against 1"),
        ([], [], "one user"),
        ([[1.0]], [[1.0]], r"shape \(1, 1\)"),
        ([1.0, np.nan], [1.0, 1.0], "1 of 2 values"),
        ([1.0, 1.0], [np.inf, 1.0], "1 of 2 values"),
    ],
)
def test_what_cannot_be_compared_is_refused(a: list[float], b: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        paired_test(a, b, 1)


def made(difference: float, low: float, high: float, p: float, n: int = 671) -> PairedTest:
    return PairedTest(n, 0.5 + difference, 0.5, difference, low, high, p)


def test_words_name_the_models_the_direction_and_the_users() -> None:
    words = made(0.012, 0.004, 0.02, 0.003).words
    assert words.startswith("A is 0.012 higher")
    assert values_in(words)[1:] == ["95", "0.004", "0.020", "0.003", "671"]
    assert "0.00034 higher" in made(0.00034, -0.0001, 0.0009, 0.4).words
    assert "difference 0.000 to" in made(0.012, -0.0001, 0.02, 0.4).words
    assert "p = 0.500, 1 user)" in made(0.1, 0.1, 0.1, 0.5, n=1).words


def test_words_give_the_interval_of_the_difference_itself_whichever_is_better() -> None:
    """A - B = -0.012, in -0.020 to 0.004: the words must not turn the interval round while they say "lower"."""
    words = made(-0.012, -0.02, 0.004, 0.0304).in_words("first", "second")
    assert words.startswith("first is 0.012 lower")
    assert "−0.020 to 0.004" in words
    worse = paired_test(np.full(9, 0.2), np.full(9, 0.5), 1)
    assert ("0.300 lower" in worse.words, "−0.300 to −0.300" in worse.words) == (True, True)


# ---------------------------------------------------------------- many means at once


def test_columns_share_their_resamples_and_have_the_interval_that_each_has_alone() -> None:
    table = np.random.default_rng(1).random((300, 3))
    together = bootstrap_ends(table, 4)
    for column, (low, high) in zip(table.T, together, strict=True):
        alone = bootstrap_interval(column, 4)
        assert (low, high) == pytest.approx((alone.low, alone.high), rel=1e-12)
    assert bootstrap_ends(np.column_stack([table, table[:, 0]]), 4)[3] == pytest.approx(together[0], rel=1e-12)


def test_resamples_are_counts_with_replacement() -> None:
    """Of two users with 0 and 1, the resampled mean is 0, 1/2 or 1 with 1/4, 1/2 and 1/4: the interval is all of it."""
    assert bootstrap_ends([[0.0], [1.0]], 1) == [(0.0, 1.0)]
    ((low, high),) = bootstrap_ends(np.repeat([[0.0], [1.0]], 200, axis=0), 1)
    assert low == pytest.approx(0.5 - 1.96 * 0.5 / 20, abs=0.005)
    assert high == pytest.approx(0.5 + 1.96 * 0.5 / 20, abs=0.005)


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 0.6, 1.0])
def test_equal_values_leave_no_doubt(value: float) -> None:
    ((low, high),) = bootstrap_ends(np.full((7, 1), value), 1)
    assert low == high == pytest.approx(value, rel=1e-15)


def test_more_users_have_fewer_resamples_down_to_a_thousand() -> None:
    assert [resamples(n) for n in (1, 100_000, 200_000, 10**7)] == [4_000, 4_000, 2_000, 1_000]


def test_a_table_without_users_or_with_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="one user"):
        bootstrap_ends(np.zeros((0, 2)), 1)
    with pytest.raises(ValueError, match="per user"):
        bootstrap_ends([1.0, 2.0], 1)
    with pytest.raises(ValueError, match="1 of 2 values"):
        bootstrap_ends([[1.0, 1.0], [1.0, np.nan]], 1)


def test_p_values_are_adjusted_for_how_many_there_are() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([0.6, 0.5]) == (1.0, 1.0)
    assert holm([]) == ()
