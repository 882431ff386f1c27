"""Metrics of a ranking: HR, NDCG, MRR, Recall and Precision at K, one value per user.

A metric sees ranks and nothing else. They come ragged, as the rows of a CSR matrix do: U users, N positives,
`ranks` (N,) 1-based, `indptr` (U + 1,); the positives of user u hold ranks[indptr[u]:indptr[u + 1]].
Every user has at least one positive: who has none is not evaluated, and is counted elsewhere.
Higher is better for all of them, and all lie in [0, 1].
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from convncf.errors import ConfigError, did_you_mean

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_FORMULAS = MappingProxyType(
    {
        "HR": "Hit ratio at K: 1 if at least one of the user's positives ranks within the first K, else 0.",
        "NDCG": "Normalised discounted cumulative gain at K: each positive that ranks within the first K adds"
        " 1 / log2(rank + 1); the sum is divided by the best that is attainable for that user's number of positives n"
        " (the ranks 1, 2, ..., min(n, K)).",
        "MRR": "Reciprocal rank at K: 1 / rank of the user's best-ranked positive if that rank is at most K, else 0.",
        "Recall": "Recall at K: the positives that rank within the first K, divided by the user's number of positives"
        " (not by min(K, that number)). With one positive per user, as under leave-one-out, it equals HR.",
        "Precision": "Precision at K: the positives that rank within the first K, divided by K.",
    }
)

NAMES: tuple[str, ...] = tuple(_FORMULAS)
"""The metrics there are, in the order in which they are shown."""

_WRITTEN = re.compile(r"(?P<name>[^@]*)@(?P<k>0|[1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True, order=True)
class Metric:
    """A metric and its cut-off; written "NDCG@10"."""

    name: str
    """One of NAMES."""
    k: int
    """How many of the first ranks count, >= 1."""

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ConfigError(f"There is no metric {self.name!r}. {_proposal(self.name)}")
        if self.k < 1:
            raise ConfigError(
                f"{self.name}@{self.k} looks at no rank at all: K must be 1 or more, as in {self.name}@10."
            )

    def __str__(self) -> str:
        return f"{self.name}@{self.k}"


def parse(text: str) -> Metric:
    """Read a metric from its written form, such as "NDCG@10"; ConfigError where it cannot be one."""
    written = _WRITTEN.fullmatch(text)
    if written is None:
        name = text.partition("@")[0]
        example = f"{name if name in NAMES else 'NDCG'}@10"
        raise ConfigError(f"{text!r} is not a metric: write a name, @ and a whole number K, as in {example}.")
    k = int(written["k"])
    if written["name"] not in NAMES:
        raise ConfigError(f"There is no metric {text!r}. {_proposal(written['name'], k)}")
    return Metric(written["name"], k)


def at(ks: Iterable[int], *, monitor: str | None = None) -> tuple[Metric, ...]:
    """Every metric at every K, ascending, and `monitor` as well where it is not among them."""
    listed = [Metric(name, k) for k in sorted(set(ks)) for name in NAMES]
    if monitor is not None and parse(monitor) not in listed:
        listed.append(parse(monitor))
    return tuple(listed)


def describe(name: str) -> str:
    """What a metric is, as a sentence with its formula; `name` is "NDCG", or "NDCG@10" to have K filled in."""
    if "@" not in name:
        return _FORMULAS[Metric(name, 1).name]
    metric = parse(name)
    return re.sub(r"\bK\b", str(metric.k), _FORMULAS[metric.name])


def per_user(metric: Metric, ranks: Ints, indptr: Ints) -> Floats:
    """The metric of each user: ranks (N,), indptr (U + 1,) -> (U,).

    HR         1 if any rank <= K
    NDCG       sum over ranks <= K of 1 / log2(rank + 1), over the same sum for ranks 1 .. min(n, K)
    MRR        1 / best rank if best rank <= K, else 0
    Recall     |ranks <= K| / n; under leave-one-out n = 1, and it equals HR
    Precision  |ranks <= K| / K

    where n is the user's number of positives. ValueError where the ranks are not ragged as told above.
    """
    _check(ranks, indptr)
    if indptr.size == 1:
        return np.zeros(0)
    starts = indptr[:-1]
    if metric.name == "HR":
        return (np.minimum.reduceat(ranks, starts) <= metric.k).astype(np.float64)
    if metric.name == "MRR":
        best = np.minimum.reduceat(ranks, starts)  # (U,)
        return np.where(best <= metric.k, 1.0 / best, 0.0)
    if metric.name == "NDCG":
        return _ndcg(metric.k, ranks, indptr)
    hits = np.add.reduceat((ranks <= metric.k).astype(np.int64), starts)  # (U,)
    return hits / (np.diff(indptr) if metric.name == "Recall" else metric.k)


def _ndcg(k: int, ranks: Ints, indptr: Ints) -> Floats:
    """Both sums run over the user's ranks in ascending order, so that a perfect ranking is 1.0 to the last bit."""
    user = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))  # (N,)
    ascending = ranks[np.lexsort((ranks, user))]  # (N,)
    perfect = np.arange(ranks.size) - indptr[user] + 1  # (N,) 1, 2, ..., n within each user
    gained, attainable = (
        np.add.reduceat(np.where(r <= k, 1.0 / np.log2(r + 1.0), 0.0), indptr[:-1]) for r in (ascending, perfect)
    )
    return np.asarray(gained / attainable, dtype=np.float64)


def _check(ranks: Ints, indptr: Ints) -> None:
    if indptr.ndim != 1 or indptr.size == 0 or indptr[0] != 0 or indptr[-1] != ranks.size:
        raise ValueError(f"indptr must run from 0 to {ranks.size}, the number of ranks, got {indptr!r}")
    if (np.diff(indptr) < 1).any():
        raise ValueError("every user needs at least one positive: leave the others out before asking for a metric")
    if ranks.size and ranks.min() < 1:
        raise ValueError(f"ranks are 1-based, got {ranks.min()}")


def _proposal(name: str, k: int | None = None) -> str:
    sentence = did_you_mean(name.strip(), NAMES)
    return sentence if k is None else re.sub(rf"\b({'|'.join(NAMES)})\b", rf"\1@{k}", sentence)
