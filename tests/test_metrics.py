"""Metrics against answers worked out by hand, and the properties that every metric owes its readers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.config import METRIC_NAMES
from convncf.errors import ConfigError
from convncf.evaluation import metrics
from convncf.evaluation.metrics import Floats, Ints, Metric, parse, per_user

ragged_ranks = st.lists(st.sets(st.integers(1, 60), min_size=1, max_size=8), min_size=1, max_size=12)


def ragged(users: list[list[int]]) -> tuple[Ints, Ints]:
    ranks = np.array([rank for ranks in users for rank in ranks], dtype=np.int64)
    return ranks, np.cumsum([0, *map(len, users)], dtype=np.int64)


def values(metric: str, *users: list[int], candidates: int = 100) -> list[float]:
    ranked = np.full(len(users), candidates, dtype=np.int64)
    return [float(value) for value in per_user(parse(metric), *ragged(list(users)), ranked)]


WITH_K = [name for name in metrics.NAMES if name not in metrics.WITHOUT_K]
LISTED = [*(f"{name}@5" for name in WITH_K), *sorted(metrics.WITHOUT_K)]


def test_one_positive_on_rank_three_is_known_by_heart() -> None:
    assert values("HR@2", [3]) == [0.0]
    assert values("HR@3", [3]) == [1.0]
    assert values("MRR@3", [3]) == [1 / 3]
    assert values("NDCG@3", [3]) == [0.5]
    assert values("Recall@3", [3]) == [1.0]
    assert values("Precision@3", [3]) == [1 / 3]


def test_beyond_the_cut_off_nothing_counts() -> None:
    for name in WITH_K:
        assert values(f"{name}@10", [11]) == [0.0]
        assert values(f"{name}@10", [10]) > [0.0]


def test_recall_divides_by_the_number_of_positives_not_by_k() -> None:
    assert values("Recall@3", [1, 2, 3, 50, 60]) == [0.6]


def test_ndcg_divides_by_what_that_user_could_have_reached() -> None:
    assert values("NDCG@3", [1, 2, 3, 50, 60]) == [1.0]
    assert values("NDCG@5", [1, 2, 3, 50, 60])[0] < 1.0
    (two_of_three,) = values("NDCG@5", [2, 4, 9])
    best = 1 + 1 / math.log2(3) + 1 / 2
    assert two_of_three == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / best, rel=1e-15)


def test_mrr_looks_at_the_best_rank_only() -> None:
    assert values("MRR@10", [7, 4, 9]) == [0.25]


def test_average_precision_by_hand() -> None:
    assert values("MAP@3", [3]) == [1 / 3]  # one positive: as MRR
    assert values("MAP@10", [1, 3, 8]) == [pytest.approx((1 / 1 + 2 / 3 + 3 / 8) / 3, rel=1e-15)]
    assert values("MAP@5", [1, 3, 8]) == [pytest.approx((1 / 1 + 2 / 3) / 3, rel=1e-15)]
    assert values("MAP@2", [1, 2, 50]) == [1.0], "two places, both taken: nothing better can be had"


def test_auc_counts_the_pairs_in_the_right_order() -> None:
    assert values("AUC", [1], candidates=5) == [1.0]
    assert values("AUC", [5], candidates=5) == [0.0]
    assert values("AUC", [3], candidates=5) == [0.5]
    assert values("AUC", [1, 4], candidates=5) == [4 / 6]  # 3 others: all behind the first, one behind the second
    assert values("AUC", [4, 5], candidates=5) == [0.0]


def test_a_miss_adds_nothing_and_counts_among_the_positives() -> None:
    """Two others; the positive on rank 2 is before one of them, the miss before none."""
    for name in [f"{name}@{10**9 - 1}" for name in WITH_K] + ["AUC"]:
        assert values(name, [metrics.MISS], candidates=3) == [0.0], name
    assert values("HR@5", [2, metrics.MISS], candidates=4) == [1.0]
    assert values("Recall@5", [2, metrics.MISS], candidates=4) == [1 / 2]
    assert values("Precision@5", [2, metrics.MISS], candidates=4) == [1 / 5]
    assert values("MRR@5", [metrics.MISS, 2], candidates=4) == [1 / 2]
    assert values("MAP@5", [metrics.MISS, 2], candidates=4) == [1 / 4]
    assert values("NDCG@5", [metrics.MISS, 2], candidates=4)[0] == pytest.approx(
        1 / math.log2(3) / (1 + 1 / math.log2(3))
    )
    assert values("AUC", [metrics.MISS, 2], candidates=4) == [1 / 4]


@given(ragged_ranks)
def test_auc_equals_a_count_over_all_pairs(users: list[set[int]]) -> None:
    for ranks in users:
        others = set(range(1, 65)) - ranks
        expected = sum(rank < other for rank in ranks for other in others) / (len(ranks) * len(others))
        assert values("AUC", list(ranks), candidates=64)[0] == pytest.approx(expected, rel=1e-12)


def test_auc_needs_candidates_that_are_enough() -> None:
    with pytest.raises(ValueError, match="number of candidates"):
        per_user(parse("AUC"), *ragged([[1]]))
    with pytest.raises(ValueError, match="than candidates"):
        values("AUC", [1, 5], candidates=4)
    for candidates in (1, 2):
        with pytest.raises(ValueError, match="than positives"):
            values("AUC", [2, 1], candidates=candidates)


@given(st.sets(st.integers(1, 60), min_size=1), st.integers(1, 70))
def test_average_precision_equals_its_formula_term_by_term(positives: set[int], k: int) -> None:
    terms = [sum(other <= rank for other in positives) / rank for rank in positives if rank <= k]
    assert values(f"MAP@{k}", list(positives))[0] == pytest.approx(sum(terms) / min(len(positives), k), rel=1e-12)


def test_users_are_told_apart() -> None:
    users = ([5, 1], [2], [30, 40, 3])
    assert values("HR@2", *users) == [1.0, 1.0, 0.0]
    assert values("Recall@3", *users) == [0.5, 1.0, 1 / 3]
    assert values("Precision@4", *users) == [0.25, 0.25, 0.25]
    for name in LISTED:
        together = values(name, *users)
        assert together == [values(name, user)[0] for user in users]


def test_no_user_gives_no_value() -> None:
    for name in LISTED:
        assert per_user(parse(name), *ragged([])).shape == (0,)


def test_ranks_that_are_not_ragged_are_refused() -> None:
    ranks, indptr = ragged([[1, 2], [3]])
    metric = parse("HR@5")
    with pytest.raises(ValueError, match="one positive"):
        per_user(metric, ranks, np.array([0, 0, 3]))
    with pytest.raises(ValueError, match="0 to 3"):
        per_user(metric, ranks, np.array([0, 2]))
    with pytest.raises(ValueError, match="1-based"):
        per_user(metric, ranks - 1, indptr)


@given(ragged_ranks, st.integers(1, 70))
def test_every_metric_lies_between_zero_and_one(users: list[set[int]], k: int) -> None:
    ranks, indptr = ragged([list(user) for user in users])
    for metric in metrics.at((k,)):
        value = per_user(metric, ranks, indptr, np.full(len(users), 60))
        assert value.shape == (len(users),)
        assert ((value >= 0) & (value <= 1)).all()


@given(ragged_ranks, st.integers(1, 70))
def test_more_places_never_hurt_hr_mrr_and_recall(users: list[set[int]], k: int) -> None:
    ranks, indptr = ragged([list(user) for user in users])
    for name in ("HR", "MRR", "Recall"):
        assert (per_user(Metric(name, k + 1), ranks, indptr) >= per_user(Metric(name, k), ranks, indptr)).all()


@given(ragged_ranks, st.integers(1, 70))
def test_the_order_of_a_users_positives_does_not_matter(users: list[set[int]], k: int) -> None:
    in_order = ragged([sorted(user) for user in users])
    backwards = ragged([sorted(user, reverse=True) for user in users])
    ranked = np.full(len(users), 60)
    for metric in metrics.at((k,)):
        np.testing.assert_array_equal(per_user(metric, *in_order, ranked), per_user(metric, *backwards, ranked))


@given(st.integers(1, 40), st.integers(1, 50))
def test_a_perfect_ranking_has_an_ndcg_of_exactly_one(n: int, k: int) -> None:
    assert values(f"NDCG@{k}", list(range(n, 0, -1))) == [1.0]


@given(st.lists(st.integers(1, 40), min_size=1), st.integers(1, 50))
def test_under_leave_one_out_recall_is_hr(ranks: list[int], k: int) -> None:
    users = [[rank] for rank in ranks]
    assert values(f"Recall@{k}", *users) == values(f"HR@{k}", *users)


@given(st.sets(st.integers(1, 60), min_size=1), st.integers(1, 70))
def test_ndcg_equals_its_formula_term_by_term(positives: set[int], k: int) -> None:
    gained = sum(1 / math.log2(rank + 1) for rank in positives if rank <= k)
    attainable = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(positives), k) + 1))
    assert values(f"NDCG@{k}", list(positives))[0] == pytest.approx(gained / attainable, rel=1e-12)


def test_a_metric_is_written_as_it_is_read() -> None:
    for name in LISTED:
        assert str(parse(name)) == name
    assert parse("AUC") == Metric("AUC", None)
    assert parse("MRR@12") == Metric("MRR", 12)


@pytest.mark.parametrize(
    ("text", "proposed"),
    [
        ("ndcg@10", "NDCG@10"),
        ("Precison@5", "Precision@5"),
        ("recal@20", "Recall@20"),
        ("HitRate@5", "HR@5"),
        ("AUC@10", "Write AUC."),
        ("AUC@", "Write AUC."),
        ("auc", "AUC"),
        ("MAP", "MAP@10"),
        ("MPA@12", "MAP@12"),
        ("NDCG10", "NDCG@10"),
        ("HR", "HR@10"),
        ("HR@", "HR@10"),
        ("HR@-3", "HR@10"),
        ("HR@2.5", "HR@10"),
        ("HR@05", "HR@10"),
        ("HR@1e3", "HR@10"),
        ("HR@٣", "HR@10"),
        ("HR@10 ", "HR@10"),
        ("HR@" + "9" * 5000, "HR@10"),
        ("HR@0", "1 or more"),
        ("", "NDCG@10"),
    ],
)
def test_what_is_no_metric_is_refused_with_what_would_be_one(text: str, proposed: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text)
    assert proposed in str(refused.value)


def test_a_metric_made_by_hand_is_checked_as_well() -> None:
    with pytest.raises(ConfigError, match="NDCG"):
        Metric("nDCG", 10)
    with pytest.raises(ConfigError, match="1 or more"):
        Metric("HR", 0)
    with pytest.raises(ConfigError, match="1 or more"):
        Metric("HR", None)
    with pytest.raises(ConfigError, match="no cut-off"):
        Metric("AUC", 10)


def test_every_metric_at_every_k_and_the_monitored_one() -> None:
    listed = [str(metric) for metric in metrics.at((10, 5, 10), monitor="MRR@12")]
    assert listed[0] == "HR@5"
    assert listed[-1] == "MRR@12"
    assert len(listed) == len(set(listed)) == 2 * len(WITH_K) + 2
    assert listed[-2] == "AUC"
    for monitor in ("NDCG@5", "AUC", None):
        assert len(metrics.at((5,), monitor=monitor)) == len(metrics.NAMES)


def test_the_settings_know_the_same_metrics() -> None:
    assert metrics.NAMES == METRIC_NAMES


def test_each_metric_is_described_with_its_formula() -> None:
    assert "min(K, " in metrics.describe("Recall")
    assert "equals HR" in metrics.describe("Recall")
    assert "log2(rank + 1)" in metrics.describe("NDCG")
    assert "min(n, K)" in metrics.describe("MAP")
    assert "Ties count against" in metrics.describe("AUC")
    for name in WITH_K:
        filled = metrics.describe(f"{name}@7")
        assert filled == metrics.describe(name).replace("K", "7")
        assert "7" in filled
    with pytest.raises(ConfigError, match="NDCG"):
        metrics.describe("nDCG")


def test_values_are_floats_of_their_own() -> None:
    ranks, indptr = ragged([[1], [2]])
    before = ranks.copy()
    value: Floats = per_user(parse("HR@1"), ranks, indptr)
    value[0] = 7
    np.testing.assert_array_equal(ranks, before)
    assert value.dtype == np.float64


@pytest.mark.parametrize("one", metrics.RECORDS, ids=lambda one: one.name)
def test_every_metric_is_whole_in_its_record(one: metrics.MetricRecord) -> None:
    assert one.sentence
    assert one.formula
    written = f"{one.name}@5" if one.with_k else one.name
    assert metrics.tooltip(written).count("{") == 0 < len(metrics.tooltip(written))
    found = metrics.per_user(metrics.parse(written), np.array([1]), np.array([0, 1]), np.array([9]))
    assert found.tolist() == [1 / 5 if one.name == "Precision" else 1.0], "one positive, and it stands first"
    with pytest.raises(TypeError, match=one.name):
        replace(one, tooltip="words without a cut-off" if one.with_k else "the top {k}")
