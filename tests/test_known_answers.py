"""Figures with an answer known beforehand: an independent implementation, sums by hand, and whole runs.

Without ties, every metric is held equal to ir-measures. It decides ties by its own rule, so ties are held to hand
computation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, P, R, Success, nDCG

from convncf.evaluation import metrics
from convncf.evaluation.metrics import parse, per_user
from convncf.evaluation.ranking import rank_positives

KS = (1, 2, 3, 5, 10, 40)


@st.composite
def rankings(draw: st.DrawFn) -> tuple[list[float], list[int]]:
    """Scores without ties, and at least one positive."""
    n = draw(st.integers(1, 30))
    scores = draw(st.permutations(range(n)))
    positives = draw(st.sets(st.integers(0, n - 1), min_size=1))
    return [float(score) for score in scores], sorted(positives)


def theirs(scores: list[float], positives: list[int], k: int) -> Mapping[str, float]:
    """The same figures by ir-measures, under our names.

    Its nDCG@K normalises by the best K of all relevant items, as ours does. Its AP@K divides by all n relevant items
    where ours divides by min(n, K), which K places can hold.
    """
    qrels = [ir_measures.Qrel("user", str(item), 1) for item in positives]
    run = [ir_measures.ScoredDoc("user", str(item), score) for item, score in enumerate(scores)]
    names = {
        "HR": Success @ k,
        "NDCG": nDCG(judged_only=False) @ k,
        "MRR": RR @ k,
        "Recall": R @ k,
        "Precision": P @ k,
        "MAP": AP @ k,
    }
    found = ir_measures.calc_aggregate(list(names.values()), qrels, run)
    values = {name: float(found[measure]) for name, measure in names.items()}
    return values | {"MAP": values["MAP"] * len(positives) / min(len(positives), k)}


@given(rankings(), st.sampled_from(KS))
def test_without_ties_every_metric_equals_ir_measures(ranking: tuple[list[float], list[int]], k: int) -> None:
    scores, positives = ranking
    ranks = rank_positives(scores, positives, [])
    ours = {
        name: float(per_user(parse(f"{name}@{k}"), ranks, np.array([0, ranks.size]))[0])
        for name in metrics.NAMES
        if name not in metrics.WITHOUT_K
    }
    assert ours == pytest.approx(theirs(scores, positives, k), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("positives", "ours", "theirs_is"),
    [
        ([0, 1, 2], 1.0, 2 / 3),  # both places taken: nothing better can be had
        ([0, 2, 3], 1 / 2, 1 / 3),
        ([1, 2, 3], 1 / 2 / 2, 1 / 2 / 3),
    ],
)
def test_average_precision_of_more_positives_than_places(positives: list[int], ours: float, theirs_is: float) -> None:
    """Three positives, K = 2, and item j on rank j + 1: we divide by K, as RecBole does, and trec_eval by 3."""
    scores = [9.0, 8.0, 7.0, 6.0, 5.0]
    ranks = rank_positives(scores, positives, [])
    assert per_user(parse("MAP@2"), ranks, np.array([0, 3]))[0] == pytest.approx(ours, rel=1e-15)
    qrels = [ir_measures.Qrel("user", str(item), 1) for item in positives]
    run = [ir_measures.ScoredDoc("user", str(item), score) for item, score in enumerate(scores)]
    assert ir_measures.calc_aggregate([AP @ 2], qrels, run)[AP @ 2] == pytest.approx(theirs_is, rel=1e-6)


def test_with_ties_by_hand() -> None:
    """Items 0 to 5 score 3 2 2 2 1 1; the positives 1, 2 and 4 rank 3, 4 and 6: behind what ties with them.

    Item 1: item 0 is higher and item 3 the same, so rank 3. Item 2: those and item 1, which is equal and of a lower
    index, so rank 4. Item 4: items 0 to 3 are higher and item 5 the same, so rank 6.
    """
    ranks = rank_positives([3, 2, 2, 2, 1, 1], [1, 2, 4], [])
    assert ranks.tolist() == [3, 4, 6]
    indptr, candidates = np.array([0, 3]), np.array([6])
    best = 1 + 1 / math.log2(3) + 1 / 2
    by_hand = {
        "HR@2": 0.0,
        "HR@3": 1.0,
        "MRR@3": 1 / 3,
        "Recall@4": 2 / 3,
        "Precision@4": 2 / 4,
        "NDCG@4": (1 / 2 + 1 / math.log2(5)) / best,
        "MAP@4": (1 / 3 + 2 / 4) / 3,
        "MAP@6": (1 / 3 + 2 / 4 + 3 / 6) / 3,
        "MAP@2": 0.0,
        "AUC": 2 / 9,  # of 3 x 3 pairs, positives 1 and 2 stand above item 5; all else ties or is higher
    }
    for name, value in by_hand.items():
        assert per_user(parse(name), ranks, indptr, candidates)[0] == pytest.approx(value, rel=1e-15), name
