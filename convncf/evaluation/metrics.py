"""Metrics of a ranking: HR, NDCG, MRR, Recall, Precision and MAP at K, and AUC; one value per user.

A metric is computed from ranks alone. They are ragged, as the rows of a CSR matrix: U users, N positives,
`ranks` (N,) 1-based, `indptr` (U + 1,); the positives of user u hold ranks[indptr[u]:indptr[u + 1]].
AUC also needs how many candidates were ranked. A user's ranks are all different, ties being broken before, except for
misses: a positive that no list could hold has the rank MISS, and adds 0 to every metric while it counts among the n.
Every user has at least one positive, and one other candidate: other users are not evaluated, and counted elsewhere.
Higher is better for all of them, and all lie in [0, 1].
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from convncf.errors import ConfigError, did_you_mean

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
MISS: Final = int(np.iinfo(np.int64).max)
"""The rank of a positive that counts as a miss, however large K is and however few the candidates are."""
Compute = Callable[[int, Ints, Ints, Ints | None], Floats]
"""(K, ranks (N,), indptr (U + 1,), candidates (U,) or None) -> the metric of each user, (U,)."""


@dataclass(frozen=True, slots=True)
class MetricRecord:
    """A metric: its name, its definition, its tooltip, and how it is computed."""

    name: str
    """As written before the @: "NDCG"."""
    sentence: str
    """What it is, with its formula; K stands for the cut-off."""
    formula: str
    """Of one user with n positives, in a line."""
    tooltip: str
    """In everyday words, with {k} for the cut-off; without a capital and a full stop."""
    compute: Compute
    with_k: bool = True
    """Whether it has a cut-off; else it is of the whole ranking, and K is not read."""

    def __post_init__(self) -> None:
        if self.with_k != ("{k}" in self.tooltip) or self.with_k != bool(re.search(r"\bK\b", self.formula)):
            raise TypeError(f"metric {self.name}: tooltip and formula have a K where it has a cut-off, and only there")


def _hit_ratio(k: int, ranks: Ints, indptr: Ints, candidates: Ints | None) -> Floats:
    return (np.minimum.reduceat(ranks, indptr[:-1]) <= k).astype(np.float64)


def _reciprocal_rank(k: int, ranks: Ints, indptr: Ints, candidates: Ints | None) -> Floats:
    best = np.minimum.reduceat(ranks, indptr[:-1])  # (U,)
    return np.where(best <= k, 1.0 / best, 0.0)


def _hits(k: int, ranks: Ints, indptr: Ints) -> Ints:
    """(U,) how many of a user's positives rank within the first K."""
    return np.add.reduceat((ranks <= k).astype(np.int64), indptr[:-1])


def _recall(k: int, ranks: Ints, indptr: Ints, candidates: Ints | None) -> Floats:
    return np.asarray(_hits(k, ranks, indptr) / np.diff(indptr), dtype=np.float64)


def _precision(k: int, ranks: Ints, indptr: Ints, candidates: Ints | None) -> Floats:
    return np.asarray(_hits(k, ranks, indptr) / k, dtype=np.float64)


def _ndcg(k: int, ranks: Ints, indptr: Ints, candidates: Ints | None) -> Floats:
    """Both sums run over the user's ranks in ascending order, so that a perfect ranking is 1.0 to the last bit."""
    gained, attainable = (
        np.add.reduceat(np.where(r <= k, 1.0 / np.log2(r + 1.0), 0.0), indptr[:-1])
        for r in (_ascending(ranks, indptr), _perfect(indptr))
    )
    return np.asarray(gained / attainable, dtype=np.float64)


def _average_precision(k: int, ranks: Ints, indptr: Ints, candidates: Ints | None) -> Floats:
    ascending, hits = _ascending(ranks, indptr), _perfect(indptr)  # the j-th has j positives up to it
    gained = np.add.reduceat(np.where(ascending <= k, hits / ascending, 0.0), indptr[:-1])
    return np.asarray(gained / np.minimum(np.diff(indptr), k), dtype=np.float64)


def _auc(k: int, ranks: Ints, indptr: Ints, candidates: Ints | None) -> Floats:
    """From ranks to pairs: rank - j other candidates come before the j-th positive; all of them before a miss."""
    if candidates is None:
        raise ValueError("AUC needs the number of candidates of each user")
    n = np.diff(indptr)  # (U,)
    others = candidates - n
    ascending, all_others = _ascending(ranks, indptr), np.repeat(others, n)  # (N,), (N,)
    before = np.where(ascending == MISS, all_others, ascending - _perfect(indptr))
    wrong, pairs = np.add.reduceat(before, indptr[:-1]), n * others
    if (others < 1).any() or (before > all_others).any():
        raise ValueError("a user has no more candidates than positives, or a later rank than candidates")
    return np.asarray((pairs - wrong) / pairs, dtype=np.float64)


def _ascending(ranks: Ints, indptr: Ints) -> Ints:
    """(N,) each user's ranks in ascending order."""
    user = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    return ranks[np.lexsort((ranks, user))]


def _perfect(indptr: Ints) -> Ints:
    """(N,) 1, 2, ..., n for each user: the ranks of a perfect ranking."""
    return np.arange(indptr[-1]) - np.repeat(indptr[:-1], np.diff(indptr)) + 1


RECORDS: Final = (
    MetricRecord(
        name="HR",
        sentence="Hit ratio at K: 1 if at least one of the user's positives ranks within the first K, else 0.",
        formula="1 if any rank <= K, else 0",
        tooltip="the share of users with at least one held-out item in their top {k}",
        compute=_hit_ratio,
    ),
    MetricRecord(
        name="NDCG",
        sentence="Normalised discounted cumulative gain at K: each positive that ranks within the first K adds 1 / "
        "log2(rank + 1); the sum is divided by the best that is attainable for that user's number of "
        "positives n (the ranks 1, 2, ..., min(n, K)).",
        formula="DCG / best for n; DCG = sum over ranks <= K of 1 / log2(rank + 1)",
        tooltip="how high the held-out items stand in a user's top {k}: near the top counts more; 0 is none, 1 is "
        "perfect",
        compute=_ndcg,
    ),
    MetricRecord(
        name="MRR",
        sentence="Reciprocal rank at K: 1 / rank of the user's best-ranked positive if that rank is at most K, else 0.",
        formula="1 / best rank if that is <= K, else 0",
        tooltip="1 divided by the place of the first held-out item, 0 where none is in the top {k}",
        compute=_reciprocal_rank,
    ),
    MetricRecord(
        name="Recall",
        sentence="Recall at K: the positives that rank within the first K, divided by the user's number of positives "
        "(not by min(K, that number)). With one positive per user, as under leave-one-out, it equals HR.",
        formula="(number of ranks <= K) / n",
        tooltip="the share of a user's held-out items that are in their top {k}",
        compute=_recall,
    ),
    MetricRecord(
        name="Precision",
        sentence="Precision at K: the positives that rank within the first K, divided by K.",
        formula="(number of ranks <= K) / K",
        tooltip="the share of the top {k} that are held-out items",
        compute=_precision,
    ),
    MetricRecord(
        name="MAP",
        sentence="Average precision at K (its mean over users is MAP): for each positive that ranks within the first "
        "K, the positives up to that rank, divided by that rank; the sum is divided by min(n, K), where n is "
        "the user's number of positives. So does RecBole; trec_eval and ir-measures (AP@K) divide by n "
        "instead, which is less where a user has more positives than K.",
        formula="1 / min(n, K) * sum over ranks <= K of (ranks up to it) / rank",
        tooltip="how early the held-out items stand in the top {k}: 1 where they come before all others",
        compute=_average_precision,
    ),
    MetricRecord(
        name="AUC",
        sentence="Area under the ROC curve, over the whole ranking: the share of pairs of one of the user's positives "
        "and one other candidate in which the positive scores higher. Ties count against it.",
        formula="share of pairs (positive, other candidate) in the right order",
        tooltip="how often a held-out item scores above another item, over the whole list: 0.5 is chance, 1 is perfect",
        compute=_auc,
        with_k=False,
    ),
)
"""The available metrics, in the order in which they are shown."""
_BY_NAME: Final = MappingProxyType({record.name: record for record in RECORDS})
FORMULAS = MappingProxyType({record.name: record.formula for record in RECORDS})
"""Each metric of one user with n positives, in a line."""
NAMES: tuple[str, ...] = tuple(_BY_NAME)
WITHOUT_K = frozenset(record.name for record in RECORDS if not record.with_k)
"""Metrics of the whole ranking: they have no cut-off."""
_WRITTEN = re.compile(r"(?P<name>[^@]*)@(?P<k>0|[1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric and its cut-off; written "NDCG@10", and "AUC", which has none."""

    name: str
    """One of NAMES."""
    k: int | None
    """How many of the first ranks count, >= 1; None for those in WITHOUT_K."""

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ConfigError(f"There is no metric {self.name!r}. {_proposal(self.name)}")
        if self.name in WITHOUT_K:
            if self.k is not None:
                raise ConfigError(
                    f"{self.name}@{self.k} is not a metric: {self.name} has no cut-off. Write {self.name}."
                )
        elif self.k is None or self.k < 1:
            k = "" if self.k is None else self.k
            raise ConfigError(f"{self.name}@{k} counts no rank at all: K must be 1 or more, as in {self.name}@10.")

    def __str__(self) -> str:
        return self.name if self.k is None else f"{self.name}@{self.k}"


def parse(text: str) -> Metric:
    """Read a metric from its written form, such as "NDCG@10" or "AUC"; ConfigError where it cannot be one."""
    if text in WITHOUT_K:
        return Metric(text, None)
    written = _WRITTEN.fullmatch(text)
    if written is None:
        name = text.partition("@")[0]
        if (without_k := name.strip().upper()) in WITHOUT_K:
            raise ConfigError(f"{text!r} is not a metric: {without_k} has no cut-off. Write {without_k}.")
        example = f"{name if name in NAMES else 'NDCG'}@10"
        raise ConfigError(f"{text!r} is not a metric: write a name, @ and a whole number K, as in {example}.")
    k = int(written["k"])
    if written["name"] not in NAMES:
        raise ConfigError(f"There is no metric {text!r}. {_proposal(written['name'], k)}")
    return Metric(written["name"], k)


def at(ks: Iterable[int], *, monitor: str | None = None) -> tuple[Metric, ...]:
    """Every metric at every K, ascending, those without K at the end, and `monitor` where it is not among them."""
    listed = [Metric(name, k) for k in sorted(set(ks)) for name in NAMES if name not in WITHOUT_K]
    listed += [Metric(name, None) for name in NAMES if name in WITHOUT_K]
    if monitor is not None and parse(monitor) not in listed:
        listed.append(parse(monitor))
    return tuple(listed)


def describe(name: str) -> str:
    """What a metric is, as a sentence with its formula; `name` is "NDCG", or "NDCG@10" to have K filled in."""
    if "@" not in name:
        return _BY_NAME[Metric(name, None if name in WITHOUT_K else 1).name].sentence
    metric = parse(name)
    return re.sub(r"\bK\b", str(metric.k), _BY_NAME[metric.name].sentence)


def tooltip(text: str) -> str:
    """What a metric such as "NDCG@10" measures, in everyday words; empty for what is no metric."""
    name, at, k = text.partition("@")
    record = _BY_NAME.get(name)
    return record.tooltip.format(k=k) if record is not None and bool(k) == record.with_k == bool(at) else ""


def per_user(metric: Metric, ranks: Ints, indptr: Ints, candidates: Ints | None = None) -> Floats:
    """The metric of each user, by FORMULAS: ranks (N,), indptr (U + 1,) -> (U,); for AUC also `candidates` (U,).

    ValueError where the ranks are not ragged as described above, and for AUC where a user has no candidates but
    positives, or a later rank than candidates.
    """
    _check(ranks, indptr)
    if indptr.size == 1:
        return np.zeros(0)
    return _BY_NAME[metric.name].compute(metric.k or 0, ranks, indptr, candidates)


def _check(ranks: Ints, indptr: Ints) -> None:
    if indptr.ndim != 1 or indptr.size == 0 or indptr[0] != 0 or indptr[-1] != ranks.size:
        raise ValueError(f"indptr must run from 0 to {ranks.size}, the number of ranks, got {indptr!r}")
    if (np.diff(indptr) < 1).any():
        raise ValueError("every user needs at least one positive: exclude the others before computing a metric")
    if ranks.size and ranks.min() < 1:
        raise ValueError(f"ranks are 1-based, got {ranks.min()}")


def _proposal(name: str, k: int | None = None) -> str:
    sentence = did_you_mean(name.strip(), NAMES)
    with_k = "|".join(metric for metric in NAMES if metric not in WITHOUT_K)
    return sentence if k is None else re.sub(rf"\b({with_k})\b", rf"\1@{k}", sentence)
