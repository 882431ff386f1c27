"""Metrics of one ranked list by raw ids, and the functions by which every report is computed.

`ndcg`, `hit_rate`, `recall`, `precision`, `mrr` and `average_precision` take a list of item ids, best first, and those
that are relevant. Ids are compared as text. A relevant item that is not in the list counts as a miss.
The other functions take indices, as `convncf.evaluate` does inside: `evaluate` a model on a split, `per_user`,
`rank_positives`, `paired_test` and others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from convncf.api.arguments import is_missing, whole
from convncf.errors import DataError
from convncf.evaluation.metrics import FORMULAS, MISS, NAMES, Metric, describe, parse, per_user
from convncf.evaluation.ranking import ItemRank, TopK, rank_item, rank_positives, top_k
from convncf.evaluation.report import EvaluationReport, evaluate
from convncf.evaluation.significance import Interval, PairedTest, bootstrap_interval, holm, paired_test

__all__ = [
    "FORMULAS",
    "MISS",
    "NAMES",
    "EvaluationReport",
    "Interval",
    "ItemRank",
    "Metric",
    "PairedTest",
    "TopK",
    "average_precision",
    "bootstrap_interval",
    "describe",
    "evaluate",
    "hit_rate",
    "holm",
    "mrr",
    "ndcg",
    "paired_test",
    "parse",
    "per_user",
    "precision",
    "rank_item",
    "rank_positives",
    "recall",
    "top_k",
]

Ids = Iterable[Any]


def ndcg(ranked_item_ids: Ids, relevant_item_ids: Ids, k: int = 10) -> float:
    """Normalised discounted cumulative gain at K: Σ 1/log2(rank + 1) over hits within K, over the best attainable sum.

    Järvelin and Kekäläinen, "Cumulated Gain-Based Evaluation of IR Techniques", TOIS 2002.

    Args:
        ranked_item_ids: a list of ids, best first, each once.
        relevant_item_ids: the ids of the relevant items, at least one, in any order.
        k: how many of the first places count, from 1.

    Returns:
        0 to 1.

    Raises:
        DataError: an id is missing or occurs twice in the list, or no item is relevant.
        ConfigError: k is no whole number from 1.

    Example:
        >>> from convncf import metrics
        >>> round(metrics.ndcg(["a", "b", "c"], ["b"], k=10), 4)
        0.6309
    """
    return _value("NDCG", ranked_item_ids, relevant_item_ids, k)


def hit_rate(ranked_item_ids: Ids, relevant_item_ids: Ids, k: int = 10) -> float:
    """Hit ratio at K: 1 if a relevant item is among the first K, else 0. Arguments and errors are those of `ndcg`.

    Example:
        >>> from convncf import metrics
        >>> metrics.hit_rate(["a", "b", "c"], ["b", "z"], k=1), metrics.hit_rate(["a", "b", "c"], ["b", "z"], k=2)
        (0.0, 1.0)
    """
    return _value("HR", ranked_item_ids, relevant_item_ids, k)


def recall(ranked_item_ids: Ids, relevant_item_ids: Ids, k: int = 10) -> float:
    """Recall at K: the relevant items among the first K, over all of them. Arguments and errors are those of `ndcg`.

    Example:
        >>> from convncf import metrics
        >>> metrics.recall(["a", "b", "c"], ["b", "z"], k=2)
        0.5
    """
    return _value("Recall", ranked_item_ids, relevant_item_ids, k)


def precision(ranked_item_ids: Ids, relevant_item_ids: Ids, k: int = 10) -> float:
    """Precision at K: the relevant items among the first K, over K, however short the list is.

    Arguments and errors are those of `ndcg`.

    Example:
        >>> from convncf import metrics
        >>> metrics.precision(["a", "b", "c"], ["b", "c"], k=4)
        0.5
    """
    return _value("Precision", ranked_item_ids, relevant_item_ids, k)


def mrr(ranked_item_ids: Ids, relevant_item_ids: Ids, k: int = 10) -> float:
    """Reciprocal rank at K: 1 / the best rank of a relevant item, 0 where it is above K; its mean over users is MRR.

    Arguments and errors are those of `ndcg`.

    Example:
        >>> from convncf import metrics
        >>> metrics.mrr(["a", "b", "c"], ["c", "b"], k=10)
        0.5
    """
    return _value("MRR", ranked_item_ids, relevant_item_ids, k)


def average_precision(ranked_item_ids: Ids, relevant_item_ids: Ids, k: int = 10) -> float:
    """Average precision at K: the precision at each hit within K, summed, over min(K, number of relevant items).

    Its mean over users is MAP. RecBole computes it so; trec_eval divides by the number of relevant items. Arguments and
    errors are those of `ndcg`.

    Example:
        >>> from convncf import metrics
        >>> round(metrics.average_precision(["a", "b", "c"], ["a", "c"], k=10), 4)
        0.8333
    """
    return _value("MAP", ranked_item_ids, relevant_item_ids, k)


def _value(name: str, ranked: Ids, relevant: Ids, k: int) -> float:
    """A metric of one list, by the code that evaluates models."""
    ranks: dict[str, int] = {}
    for rank, text in enumerate(_texts(ranked, "ranked_item_ids"), start=1):
        if text in ranks:
            raise DataError(f"item {text!r} is in the list twice, at ranks {ranks[text]} and {rank}. Keep one.")
        ranks[text] = rank
    relevant_ids = dict.fromkeys(_texts(relevant, "relevant_item_ids"))
    if not relevant_ids:
        raise DataError("relevant_item_ids is empty, so there is nothing to find. Exclude such a user from the mean.")
    relevant_ranks = np.array([ranks.get(text, MISS) for text in relevant_ids], np.int64)
    metric, indptr = Metric(name, whole("k", k)), np.array([0, relevant_ranks.size], np.int64)
    return float(per_user(metric, relevant_ranks, indptr)[0])


def _texts(ids: Ids, argument: str) -> list[str]:
    if isinstance(ids, str) or not isinstance(ids, Iterable):
        raise DataError(f"{argument} is {ids!r}, and a list of ids is needed: [{ids!r}].")
    listed = list(ids)
    missing = next((place for place, raw in enumerate(listed) if is_missing(raw)), None)
    if missing is not None:
        raise DataError(f"{argument} has no id at place {missing + 1} (it is {listed[missing]!r}). Leave it out.")
    return [raw if isinstance(raw, str) else str(raw) for raw in listed]
