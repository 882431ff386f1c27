"""Sums behind a pair's figures, term by term: the dot product, the map, a cell of layer 1, the score.

Plain numpy on the arrays of a `PairTrace`, to follow a score step by step; no model is run.
Shapes: D embedding size, C channels, k kernel size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from convncf.inspection.cells import CellArithmetic, cell_arithmetic, channel_stats
from convncf.inspection.trace import Array, LayerTrace, PairTrace, frozen
from convncf.runtime.arrays import read_only

CLOSE: Final = 0.1
"""How far a partial sum may be from the score to count as close, as a share of the score."""


@dataclass(frozen=True, slots=True, eq=False)
class RunningDot:
    """The dot product p·q as it grows from dimension to dimension."""

    sums: Array
    """(D,) entry d is Σ p_e q_e over the dimensions e = 0 to d, so the last is p·q."""
    positive_sum: float
    """Sum of the products above 0."""
    negative_sum: float
    """Sum of those below 0."""

    @property
    def product(self) -> float:
        """p·q."""
        return float(self.sums[-1])


def running_dot(trace: PairTrace) -> RunningDot:
    """The dot product of the pair's embeddings, one dimension after another."""
    products = trace.p.astype(np.float64) * trace.q  # (D,)
    return RunningDot(
        sums=frozen(np.cumsum(products)),
        positive_sum=float(products[products > 0].sum()),
        negative_sum=float(products[products < 0].sum()),
    )


@dataclass(frozen=True, slots=True)
class DiagonalShare:
    """How much of the interaction map lies on its diagonal, which is all that matrix factorisation reads."""

    diagonal: float
    """Σ p_d q_d, the dot product."""
    rest: float
    """Sum of all other cells."""
    share: float
    """How much of the map's size (the sum of |cell|) lies on the diagonal, 0 to 1; 0 for a map of zeros."""
    even_share: float
    """That share if all cells had one size: 1 / D."""


def diagonal_share(trace: PairTrace) -> DiagonalShare:
    """Sums of the map on its diagonal and off it, and the diagonal's share."""
    cells = trace.map.astype(np.float64)  # (D, D)
    diagonal, size = np.diagonal(cells), float(np.abs(cells).sum())
    return DiagonalShare(
        diagonal=float(diagonal.sum()),
        rest=float(cells.sum() - diagonal.sum()),
        share=float(np.abs(diagonal).sum()) / size if size else 0.0,
        even_share=1 / len(cells),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One filter of layer 1 at one patch of the map: cell by cell the patch, the weights, and their products."""

    arithmetic: CellArithmetic
    patch: Array
    """(k, k) of the interaction map, p_a q_bᵀ."""
    products: Array
    """(k, k) patch · W, cell by cell; their sum is `arithmetic.product`."""


def window(trace: PairTrace, channel: int, row: int, col: int) -> Window:
    """One filter of layer 1 at one place. Raises IndexError as `cell_arithmetic` does."""
    arithmetic = cell_arithmetic(trace, channel, row, col)
    patch = np.outer(arithmetic.p, arithmetic.q)
    return Window(arithmetic, frozen(patch), frozen(patch.astype(np.float64) * arithmetic.filter))


def zero_share(layer: LayerTrace) -> float:
    """Share of a layer's cells, over all channels, that are exactly 0 after ReLU; 0 to 1."""
    return float(channel_stats(layer).zeros.mean(dtype=np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class ScoreSum:
    """The score's terms, the largest by size first, and their running sum."""

    terms: npt.NDArray[np.intp]
    """(C,) the channel of each term."""
    values: Array
    """(C,) feature · weight."""
    sums: Array
    """(C + 1,) the bias, then the bias and the first term, and so on; the last is the score, but for rounding."""
    score: float

    @property
    def n_nonzero(self) -> int:
        """How many terms are not 0."""
        return int(np.count_nonzero(self.values))

    def remainder(self, count: int) -> float:
        """Sum of the terms after the first `count`: the score less the sum up to there."""
        return self.score - float(self.sums[count])

    @property
    def n_terms_needed(self) -> int:
        """After how many terms the sum is within a tenth of the score, and stays there."""
        before_last = self.sums[:-1].astype(np.float64)  # the last is the score, but for rounding
        far = np.flatnonzero(np.abs(before_last - self.score) > CLOSE * abs(self.score))
        return int(far[-1]) + 1 if len(far) else 0


def score_sum(trace: PairTrace) -> ScoreSum:
    """The score added up from its largest term to its smallest, the bias first."""
    values = trace.contributions.astype(np.float64)
    order = np.argsort(-np.abs(values), kind="stable")
    sums = trace.bias + np.concatenate([[0.0], np.cumsum(values[order])])
    read_only(order)
    return ScoreSum(terms=order, values=frozen(values[order]), sums=frozen(sums), score=trace.score)
