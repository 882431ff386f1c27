"""Alignment: turn the dimensions of one model's embeddings so that they lie as near another's as they can.

Dimension k of one model has nothing to do with dimension k of another: p·q is the same under any orthogonal matrix R,
since (pR)·(qR) = p·q. So before two models' maps are laid side by side, the second may be turned by the R that brings
its embeddings nearest to the first's, or by the best one that only swaps dimensions (and flips their signs).

That holds for p·q, and so for matrix factorisation. A ConvNCF's filters read particular dimensions that lie beside each
other: neither its score nor its feature maps are carried along by a rotation or a permutation. An aligned map shows how
alike two tables of embeddings are; the network that belongs to them reads the map as it was trained.

Channel k of one network has nothing to do with channel k of another, unless training began from the same filters. So a
difference by number may be no more than another order of channels; `matched` takes the order in which the two layers
of this pair come nearest to each other, one channel for one (Kuhn, "The Hungarian Method for the Assignment Problem",
1955, as scipy solves it).

Shapes: U users, I items, D embedding size, m shared users and items together; C channels of H × W cells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from convncf.data.interactions import Interactions
from convncf.errors import ConfigError, DataError, NonFiniteScoreError
from convncf.evaluation.ranking import Scorer
from convncf.inspection.trace import Array, LayerTrace, PairTrace, frozen, opened

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
    """The second model's embeddings, turned towards the first's."""

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
    """Share of the first's variance (about 0) that the second explains as it is, 0 to 1: what is left is residual."""
    explained_after: float
    """The same once aligned."""
    factor: float
    """What the aligned embeddings are best multiplied by for that, since two models may differ in size alone; `p` and
    `q` are not multiplied, so their scores are the second's own."""
    flat: tuple[int, ...]
    """Dimensions that are 0 for all shared users and items in either model: nothing says where they belong."""

    @property
    def words(self) -> str:
        """Such as "rotation, fitted on 671 users and 9,066 items: explains 83.1% of the variance, 1.2% before"."""
        flat = (
            f"; {len(self.flat)} dimension{'s are' if len(self.flat) > 1 else ' is'} 0 throughout" if self.flat else ""
        )
        return (
            f"{self.method}, fitted on {self.shared_users:,} users and {self.shared_items:,} items: "
            f"explains {self.explained_after:.1%} of the variance, {self.explained_before:.1%} before{flat}"
        )


def embeddings(model: Scorer, interactions: Interactions) -> Embeddings:
    """The tables of a model and the raw ids of the data it was made for. Raises TypeError where it has none."""
    known = opened(model, "embeddings to align")
    p, q = frozen(known.user_embedding.weight), frozen(known.item_embedding.weight)
    return Embeddings(interactions.users.ids, interactions.items.ids, p, q)


def align(first: Embeddings, second: Embeddings, method: Method, *, signs: bool = True) -> Alignment:
    """Turn the second model's embeddings towards the first's, by the users and items that both know by raw id.

    rotation: the orthogonal matrix with the least squared distance (Procrustes; Schönemann, Psychometrika 1966).
    permutation: the dimensions matched so that their correlations (about 0) sum up highest; with `signs`, a dimension
    may also be turned over. p·q is unchanged by either.

    Raises ConfigError where embedding sizes differ, DataError where nothing is shared, NonFiniteScoreError where a
    table holds NaN or infinite values.
    """
    from scipy.linalg import orthogonal_procrustes

    if first.p.shape[1] != second.p.shape[1]:
        raise ConfigError(
            f"embeddings of size {first.p.shape[1]} and {second.p.shape[1]} cannot be aligned: "
            "compare two runs with the same model.embedding_size."
        )
    for which, tables in (("first", first), ("second", second)):
        if not (np.isfinite(tables.p).all() and np.isfinite(tables.q).all()):
            raise NonFiniteScoreError(
                f"the {which} model's embeddings hold NaN or infinite values: they diverged in training. "
                "Take an earlier checkpoint, or train again with a lower learning rate."
            )
    users, other_users = _shared(first.user_ids, second.user_ids)
    items, other_items = _shared(first.item_ids, second.item_ids)
    if not len(users) + len(items):
        raise DataError("the two models have no user and no item in common, by raw id. Compare runs on the same data.")
    x = np.concatenate([first.p[users], first.q[items]]).astype(np.float64)  # (m, D)
    y = np.concatenate([second.p[other_users], second.q[other_items]]).astype(np.float64)  # (m, D)
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
        flat=tuple(int(k) for k in np.flatnonzero(~x.any(axis=0) | ~y.any(axis=0))),
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
    def removed(self) -> float:
        """Share of the squared difference that alignment takes away; below 0 where it adds to it."""
        return 1 - self.after / self.before if self.before and np.isfinite(self.before) else 0.0


def map_difference(first: PairTrace, second: PairTrace, alignment: Alignment | None = None) -> MapDifference:
    """Hold one pair's map in a first model against that in a second, which `alignment` was fitted for.

    Raises ConfigError where the embedding sizes differ.
    """
    if first.map.shape != second.map.shape:
        raise ConfigError(
            f"maps of embedding size {len(first.p)} and {len(second.p)} have no difference: "
            "compare two runs with the same model.embedding_size."
        )
    turned = second.map
    if alignment is not None:
        turned = frozen(np.outer(alignment.p[second.user], alignment.q[second.item]))  # (D, D)
    return MapDifference(first.map, turned, apart(first.map, second.map), apart(first.map, turned))


def apart(first: Array, second: Array) -> float:
    """Σ (first - second)² / Σ first², of two arrays of one shape: 0 where equal; infinite where the first is 0."""
    size = float(np.square(first, dtype=np.float64).sum())
    squared = float(np.square(np.subtract(first, second, dtype=np.float64)).sum())
    return squared / size if size else (float("inf") if squared else 0.0)


def _permutation(x: Matrix, y: Matrix, signs: bool) -> Matrix:
    """(m, D), (m, D) -> (D, D) with one ±1 in each row and column, so that y @ it lies by x."""
    from scipy.optimize import linear_sum_assignment

    sizes = np.linalg.norm(y, axis=0)[:, None] * np.linalg.norm(x, axis=0)  # (D, D)
    alike: Matrix = np.divide(y.T @ x, sizes, out=np.zeros_like(sizes), where=sizes > 0)  # (D of y, D of x)
    rows, columns = linear_sum_assignment(np.abs(alike) if signs else alike, maximize=True)
    matrix = np.zeros_like(alike)
    matrix[rows, columns] = np.where(signs & (alike[rows, columns] < 0), -1.0, 1.0)
    return matrix


def _explained(x: Matrix, y: Matrix) -> tuple[float, float]:
    """Share of Σx² that the best multiple of y explains, the factor not below 0; and the factor."""
    of_y, of_x, both = (float(np.vdot(a, b)) for a, b in ((y, y), (x, x), (x, y)))
    if not of_x or not of_y or both <= 0:
        return 0.0, 0.0
    return min(1.0, both**2 / (of_x * of_y)), both / of_y


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Places of the ids that both hold, in the order of the first."""
    place = {raw: index for index, raw in enumerate(other)}
    pairs = [(index, place[raw]) for index, raw in enumerate(one) if raw in place]
    found = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureDifference:
    """A layer of the first network less the same layer of the second."""

    layer: LayerTrace
    """Its maps (C, H, W) are signed: above 0 where the first is higher. All else is the first network's."""
    order: npt.NDArray[np.int64]
    """(C,) which channel of the second was taken from channel k of the first."""
    apart: float
    """Sum of squared differences, as a multiple of the first's sum of squares; inf where that is 0 and they differ."""


def feature_difference(first: LayerTrace, second: LayerTrace, *, matched: bool = False) -> FeatureDifference:
    """Subtract, channel by channel or each from its nearest. Raises ValueError where the shapes differ."""
    if first.shape != second.shape:
        raise ValueError(f"feature maps of {first.shape} and {second.shape} have no difference")
    order = np.arange(len(first.maps))
    if matched:
        from scipy.optimize import linear_sum_assignment  # takes as long to load as a page to draw

        one, other = first.maps[:, None].astype(np.float64), second.maps[None].astype(np.float64)
        order = linear_sum_assignment(((one - other) ** 2).sum(axis=(2, 3)))[1]  # rows come in order
    taken = second.maps[order]
    less = replace(first, maps=frozen(first.maps - taken))
    return FeatureDifference(less, order.astype(np.int64), apart(first.maps, taken))
