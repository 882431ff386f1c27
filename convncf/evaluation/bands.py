"""Bands: a metric by how active users are, or how popular items, so that a mean does not hide whom a model serves.

Shapes: n users (or held-out items), b bands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from convncf.metrics import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Bands:
    """Means of each model in bands of a count; every model was judged on the same users, or held-out items."""

    low: Ints
    """(b,) the smallest count in each band, ascending."""
    high: Ints
    """(b,) the largest."""
    n: Ints
    """(b,) users, or held-out items, in each."""
    means: Mapping[str, Floats]
    """Model -> (b,) mean of its values in each band; weighted by n they give its mean over all."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Such as "5 to 12", or "5" where a band has one count."""
        ends = zip(self.low.tolist(), self.high.tolist(), strict=True)
        return tuple(f"{low:,}" if low == high else f"{low:,} to {high:,}" for low, high in ends)


def in_bands(values: Mapping[str, ArrayLike], counts: ArrayLike, bands: int = 4) -> Bands:
    """Means of each model's values (n,) in at most `bands` bands of `counts` (n,), of nearly equal numbers.

    By a user's activity: values are the per-user ones of a report, counts the users' training interactions. By an
    item's popularity: values are 1 where a held-out item ranks within K, else 0, counts the items' training users.
    Equal counts stay in one band, so that a band is told by its counts; where many are equal there are fewer bands.
    Raises ValueError where there is nothing, or lengths differ.
    """
    number = np.asarray(counts, dtype=np.int64).reshape(-1)
    arrays = {name: np.asarray(some, dtype=np.float64).reshape(-1) for name, some in values.items()}
    lengths = {name: array.size for name, array in arrays.items() if array.size != number.size}
    if lengths or not number.size or bands < 1:
        raise ValueError(
            f"{number.size} counts, {bands} bands, values of other lengths: {lengths}. Give one count each."
        )
    distinct, ordered = np.unique(number), np.sort(number)
    edges = np.unique(ordered[np.arange(1, bands) * number.size // bands])  # a band begins at each of these counts
    if edges.size and edges[0] == distinct[0]:  # the smallest count fills more than a band: the next begins after it
        edges = np.unique(np.append(edges[1:], distinct[1:2]))
    band = np.searchsorted(edges, number, side="right")  # (n,)
    n = np.bincount(band, minlength=edges.size + 1)
    of_band = [number[band == one] for one in range(n.size)]
    means = {name: np.bincount(band, weights=array, minlength=n.size) / n for name, array in arrays.items()}
    low, high = (np.array([end(some) for some in of_band], dtype=np.int64) for end in (np.min, np.max))
    return Bands(low, high, n.astype(np.int64), means)
