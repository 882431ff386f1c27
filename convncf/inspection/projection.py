"""Projection: embeddings of items or users on a plane, by principal components.

Pearson, "On Lines and Planes of Closest Fit to Systems of Points in Space", 1901. Distances on the plane are at most
those in the space; the share of the variance that the plane holds is given with it.

Shapes: D embedding size, m rows of a table, s points shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from convncf.data.items import ItemTable
from convncf.data.split import Split
from convncf.errors import RefusedValueError
from convncf.evaluation.ranking import Scorer
from convncf.inspection.trace import Array, frozen, model_with_embeddings

Int64s = npt.NDArray[np.int64]
Whose = Literal["item", "user"]

MOST: Final = 1000
OTHER: Final = "other genres"
NO_GENRE: Final = "no genre"


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Points on the plane along which they differ most."""

    whose: Whose
    index: Int64s
    """(s,) the items or users shown, most interactions first; the one added by `also`, last."""
    xy: Array
    """(s, 2) along the first and the second component, the mean of the most active at (0, 0)."""
    counts: Int64s
    """(s,) training interactions of each: an item's popularity, a user's activity."""
    explained: tuple[float, float]
    """Share of the most active points' variance that lies along each component."""
    excluded: int
    """Items or users that are not shown, being less active."""
    added: bool
    """Whether the last is there only because of `also`."""

    @property
    def words(self) -> str:
        """Such as "the 1,000 most popular of 9,066 items; the plane holds 31% of their variance"."""
        shown, total = len(self.index) - self.added, len(self.index) + self.excluded
        adjective = "popular" if self.whose == "item" else "active"
        points = (
            f"all {shown:,} {self.whose}s"
            if shown == total
            else f"the {shown:,} most {adjective} of {total:,} {self.whose}s{' and the selected one' * self.added}"
        )
        return f"{points}; the plane holds {sum(self.explained):.0%} of their variance"


def project(model: Scorer, split: Split, whose: Whose, most: int = MOST, *, also: int | None = None) -> Projection:
    """The embeddings of the `most` most active items or users on their own first two principal components.

    `also` is shown whether it is among them or not; it never changes the plane. A component points where its largest
    weight is positive, so that the picture never flips. Raises TypeError for a model without embeddings, ValueError for
    `most` below 1.
    """
    if most < 1:
        raise RefusedValueError(f"at least 1 point must be shown, got {most}.")
    embedded = model_with_embeddings(model, "projection of them")
    embedding = embedded.item_embedding if whose == "item" else embedded.user_embedding
    table = embedding.weight.detach().cpu().numpy()  # (m, D)
    train = split.train
    counts = np.bincount(train.indices, minlength=len(table)) if whose == "item" else np.diff(train.indptr)
    index = np.argsort(-counts, kind="stable")[:most].astype(np.int64)
    most_active = table[index]
    added = [] if also is None or also in index else [also]
    index = np.append(index, np.array(added, dtype=np.int64))
    xy, explained = principal_components(most_active, table[index])
    return Projection(whose, index, xy, counts[index].astype(np.int64), explained, len(table) - len(index), bool(added))


def principal_components(
    points: npt.NDArray[np.floating], shown: npt.NDArray[np.floating] | None = None
) -> tuple[Array, tuple[float, float]]:
    """The first two components of points, (s, D) -> (s, 2), and the share of the variance along each.

    `shown`, (t, D), are projected in place of the points themselves. Where D is 1, or the points do not differ
    in a second direction, the second coordinate and its share are 0.
    """
    mean = points.mean(axis=0, dtype=np.float64)
    centred = points - mean  # (s, D)
    projected = centred if shown is None else shown - mean  # (t, D)
    variances, directions = np.linalg.eigh(centred.T @ centred)  # ascending: (D,), (D, D)
    total = float(variances.clip(min=0).sum())
    xy = np.zeros((len(projected), 2))
    shares = [0.0, 0.0]
    for component in range(min(2, len(variances))):
        variance, direction = float(variances[-1 - component]), directions[:, -1 - component]
        if total == 0 or variance <= 1e-12 * total:  # rounding, not a direction
            continue
        direction = direction * np.sign(direction[np.abs(direction).argmax()])
        xy[:, component] = projected @ direction
        shares[component] = variance / total
    return frozen(xy), (shares[0], shares[1])


def main_genres(table: ItemTable, index: Int64s, most: int = 7) -> tuple[str, ...]:
    """One genre an item, (s,): the first of its genres that is among the `most` frequent of all these items.

    "other genres" where it has none of those, "no genre" where it has none at all. Equally frequent genres count in
    alphabetical order.
    """
    genres_by_item: list[Sequence[str]] = [table.genres[item] for item in index.tolist()]
    frequent = Counter(genre for genres in genres_by_item for genre in genres)
    top = {genre for genre, _ in sorted(frequent.items(), key=lambda pair: (-pair[1], pair[0]))[:most]}
    return tuple(
        next((genre for genre in genres if genre in top), OTHER) if genres else NO_GENRE for genres in genres_by_item
    )
