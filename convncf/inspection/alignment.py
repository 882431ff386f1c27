"""Alignment: rotate or permute one model's embedding dimensions to bring them as near another model's as possible.

Dimension k of one model has nothing to do with dimension k of another: p·q is the same under any orthogonal matrix R,
since (pR)·(qR) = p·q. So before two models' maps are compared, the second may be multiplied by the R that brings its
embeddings nearest to the first's, or by the best R that only swaps dimensions (and flips their signs).

That holds for p·q, and so for matrix factorisation. A ConvNCF's filters read particular dimensions that lie beside each
other: a rotation or a permutation changes its score and its feature maps. An aligned map shows how similar two tables
of embeddings are; the network that belongs to them reads the map as it was trained.

Channel k of one network has nothing to do with channel k of another, unless training began from the same filters. So a
difference by channel number may be no more than another order of channels; `matched` takes the one-to-one order in
which the two layers come nearest to each other for this pair (Kuhn, "The Hungarian Method for the Assignment Problem",
1955, as scipy solves it).

Shapes: U users, I items, D embedding size, m shared users and items together; C channels of H × W cells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from convncf.data.interactions import Interactions
from convncf.errors import ConfigError, DataError, NonFiniteScoreError, RefusedValueError
from convncf.evaluation.ranking import Scorer
from convncf.inspection.trace import Array, LayerTrace, PairTrace, frozen, model_with_embeddings

Method = Literal["rotation", "permutation"]
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """A model's two tables, with the raw ids that their rows belong to."""

    user_ids: tuple[str, ...]
    """(U,)."""
    item_ids: tuple[str, ...]
    """(I,)."""
    p: Array
    """(U, D)."""
    q: Array
    """(I, D)."""


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """The second model's embeddings, aligned with the first's."""

    method: Method
    matrix: Matrix
    """R, (D, D), orthogonal: aligned = second @ R. For a permutation, one ±1 in each row and column."""
    p: Array
    """The second model's users in its own order, p R, (U, D)."""
    q: Array
    """Its items, q R, (I, D)."""
    shared_users: int
    """Users of both models, by raw id; R is fitted on them and on the shared items, stacked."""
    shared_items: int
    explained_before: float
    """Share of the first's variance (about 0) that the second explains as it is, 0 to 1; the rest is residual."""
    explained_after: float
    """The same once aligned."""
    factor: float
    """What the aligned embeddings are best multiplied by for that, since two models may differ in size alone; `p` and
    `q` are not multiplied, so their scores are the second's own."""
    zero_dimensions: tuple[int, ...]
    """Dimensions that are 0 for all shared users and items in either model: nothing determines their match."""

    @property
    def words(self) -> str:
        """Such as "rotation, fitted on 671 users and 9,066 items: explains 83.1% of the variance, 1.2% before"."""
        zeros = len(self.zero_dimensions)
        note = f"; {zeros} dimension{'s are' if zeros > 1 else ' is'} 0 throughout" if zeros else ""
        return (
            f"{self.method}, fitted on {self.shared_users:,} users and {self.shared_items:,} items: "
            f"explains {self.explained_after:.1%} of the variance, {self.explained_before:.1%} before{note}"
        )


def embeddings(model: Scorer, interactions: Interactions) -> Embeddings:
    """The tables of a model and the raw ids of the data it was made for. Raises TypeError where it has none."""
    embedded = model_with_embeddings(model, "embeddings to align")
    p, q = frozen(embedded.user_embedding.weight), frozen(embedded.item_embedding.weight)
    return Embeddings(interactions.users.ids, interactions.items.ids, p, q)


def align(first: Embeddings, second: Embeddings, method: Method, *, signs: bool = True) -> Alignment:
    """Align the second model's embeddings with the first's, fitted on the users and items that both have by raw id.

    rotation: the orthogonal matrix with the least squared distance (Procrustes; Schönemann, Psychometrika 1966).
    permutation: the dimensions matched so that their correlations (about 0) sum up highest; with `signs`, a dimension
    may also change its sign. p·q is unchanged by either.

    Raises ConfigError where embedding sizes differ, DataError where nothing is shared, NonFiniteScoreError where a
    table holds NaN or infinite values.
    """
    from scipy.linalg import orthogonal_procrustes

    if first.p.shape[1] != second.p.shape[1]:
        raise ConfigError(
            f"embeddings of size {first.p.shape[1]} and {second.p.shape[1]} cannot be aligned: "
            "compare two runs with the same model.embedding_size."
        )
    for name, tables in (("first", first), ("second", second)):
        if not (np.isfinite(tables.p).all() and np.isfinite(tables.q).all()):
            raise NonFiniteScoreError(
                f"the {name} model's embeddings hold NaN or infinite values: they diverged in training. "
                "Take an earlier checkpoint, or train again with a lower learning rate."
            )
    users, second_users = _shared(first.user_ids, second.user_ids)
    items, second_items = _shared(first.item_ids, second.item_ids)
    if not len(users) + len(items):
        raise DataError("the two models have no user and no item in common, by raw id. Compare runs on the same data.")
    x = np.concatenate([first.p[users], first.q[items]]).astype(np.float64)  # (m, D)
    y = np.concatenate([second.p[second_users], second.q[second_items]]).astype(np.float64)  # (m, D)
    matrix = _permutation(x, y, signs) if method == "permutation" else np.asarray(orthogonal_procrustes(y, x)[0], float)
    before, _ = _explained(x, y)
    after, factor = _explained(x, y @ matrix)
    return Alignment(
        method=method,
        matrix=matrix,
        p=frozen(second.p @ matrix),
        q=frozen(second.q @ matrix),
        shared_users=len(users),
        shared_items=len(items),
        explained_before=before,
        explained_after=after,
        factor=factor,
        zero_dimensions=tuple(int(k) for k in np.flatnonzero(~x.any(axis=0) | ~y.any(axis=0))),
    )


@dataclass(frozen=True, slots=True, eq=False)
class MapDifference:
    """One pair's interaction maps in two models, the second as it is or aligned, and how far apart they are."""

    first: Array
    """(D, D)."""
    second: Array
    """(D, D): the outer product of the aligned embeddings; as it was trained where nothing is aligned."""
    before: float
    """Σ (first - second as trained)² / Σ first²: 0 where the maps are equal; infinite where the first is 0."""
    after: float
    """The same with `second`."""

    @property
    def share_removed(self) -> float:
        """Share of the squared difference that alignment removes; below 0 where it adds to it."""
        return 1 - self.after / self.before if self.before and np.isfinite(self.before) else 0.0


def map_difference(first: PairTrace, second: PairTrace, alignment: Alignment | None = None) -> MapDifference:
    """Compare one pair's map in a first model with that in a second, which `alignment` was fitted for.

    Raises ConfigError where the embedding sizes differ.
    """
    if first.map.shape != second.map.shape:
        raise ConfigError(
            f"maps of embedding size {len(first.p)} and {len(second.p)} have no difference: "
            "compare two runs with the same model.embedding_size."
        )
    aligned = second.map
    if alignment is not None:
        aligned = frozen(np.outer(alignment.p[second.user], alignment.q[second.item]))  # (D, D)
    before, after = (relative_difference(first.map, map_) for map_ in (second.map, aligned))
    return MapDifference(first.map, aligned, before, after)


def relative_difference(first: Array, second: Array) -> float:
    """Σ (first - second)² / Σ first², of two arrays of one shape: 0 where equal; infinite where the first is 0."""
    size = float(np.square(first, dtype=np.float64).sum())
    squared = float(np.square(np.subtract(first, second, dtype=np.float64)).sum())
    return squared / size if size else (float("inf") if squared else 0.0)


def _permutation(x: Matrix, y: Matrix, signs: bool) -> Matrix:
    """(m, D), (m, D) -> (D, D) with one ±1 in each row and column, such that y @ it is nearest to x."""
    from scipy.optimize import linear_sum_assignment

    sizes = np.linalg.norm(y, axis=0)[:, None] * np.linalg.norm(x, axis=0)  # (D, D)
    correlations: Matrix = np.divide(y.T @ x, sizes, out=np.zeros_like(sizes), where=sizes > 0)  # (D of y, D of x)
    rows, columns = linear_sum_assignment(np.abs(correlations) if signs else correlations, maximize=True)
    matrix = np.zeros_like(correlations)
    matrix[rows, columns] = np.where(signs & (correlations[rows, columns] < 0), -1.0, 1.0)
    return matrix


def _explained(x: Matrix, y: Matrix) -> tuple[float, float]:
    """Share of Σx² that the best multiple of y explains, the factor not below 0; and the factor."""
    yy, xx, xy = (float(np.vdot(a, b)) for a, b in ((y, y), (x, x), (x, y)))
    if not xx or not yy or xy <= 0:
        return 0.0, 0.0
    return min(1.0, xy**2 / (xx * yy)), xy / yy


def _shared(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Indices in the first and in the second of the ids that both hold, in the order of the first."""
    index_of = {raw: index for index, raw in enumerate(second)}
    pairs = [(index, index_of[raw]) for index, raw in enumerate(first) if raw in index_of]
    indices = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return indices[:, 0], indices[:, 1]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureDifference:
    """A layer of the first network less the same layer of the second."""

    layer: LayerTrace
    """Its maps (C, H, W) are signed: above 0 where the first is higher. All else is the first network's."""
    order: npt.NDArray[np.int64]
    """(C,) which channel of the second was taken from channel k of the first."""
    relative_difference: float
    """Sum of squared differences, as a multiple of the first's sum of squares; inf where that is 0 and they differ."""


def feature_difference(first: LayerTrace, second: LayerTrace, *, matched: bool = False) -> FeatureDifference:
    """First less second, by channel number, or each `matched` to its nearest. Raises ValueError if shapes differ."""
    if first.shape != second.shape:
        raise RefusedValueError(f"feature maps of {first.shape} and {second.shape} have no difference.")
    order = np.arange(len(first.maps))
    if matched:
        from scipy.optimize import linear_sum_assignment  # takes as long to load as a page to draw

        distances = (first.maps[:, None].astype(np.float64) - second.maps[None].astype(np.float64)) ** 2
        order = linear_sum_assignment(distances.sum(axis=(2, 3)))[1]  # rows come in order
    matching = second.maps[order]
    difference = replace(first, maps=frozen(first.maps - matching))
    return FeatureDifference(difference, order.astype(np.int64), relative_difference(first.maps, matching))
