"""Over training: one pair through the kept models of a run, from pretraining to the last epoch.

Where the models come from is the caller's: a `ModelCheckpoint` says how one is loaded. One is loaded at a time and let
go before the next, so that memory does not grow with their number.

Shapes: D embedding size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from convncf.data.split import Split
from convncf.errors import ConvNCFError
from convncf.evaluation.ranking import ItemRank, Scorer
from convncf.inspection.pair import PairPart, PairView, part_of, rank_of, view_pair
from convncf.inspection.trace import Array, frozen, mapped, refuse_unknown


@dataclass(frozen=True, slots=True)
class ModelCheckpoint:
    """A kept model of a run."""

    label: str
    """As people read it, and unlike any other of the run: "pretraining", "start", "epoch 3"."""
    epoch: int | None
    """Of training; 0 is the start, and pretraining lies before it, without a number."""
    best: bool
    """Whether this is the epoch that the run's model is of."""
    load: Callable[[], Scorer]


@dataclass(frozen=True, slots=True, eq=False)
class PairAt:
    """A pair at one moment of training."""

    label: str
    epoch: int | None
    best: bool
    p: Array
    """(D,)."""
    q: Array
    """(D,)."""
    lowest: float
    """The smallest cell of the interaction map p qᵀ."""
    highest: float
    """Its largest."""
    score: float
    rank: ItemRank


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A moment that could not be shown, and why."""

    label: str
    words: str


@dataclass(frozen=True, slots=True, eq=False)
class OverTraining:
    """A pair at each kept moment of a run."""

    user: int
    item: int
    part: PairPart
    """Which part of the split holds the pair, at every moment."""
    excluded: str
    """What was left out before ranking, in words."""
    checkpoints: tuple[PairAt, ...]
    """In the order given."""
    unreadable: tuple[Unreadable, ...]
    """Moments left out: a damaged file, scores that are not finite."""


def follow_pair(checkpoints: Iterable[ModelCheckpoint], split: Split, user: int, item: int) -> OverTraining:
    """Embeddings, range of the map, score and rank of a pair at each moment; all items are scored at each.

    Raises TypeError for a model without embeddings, IndexError for an index that it does not know.
    """
    found = list(each_checkpoint(checkpoints, split, user, item))
    return OverTraining(
        user=user,
        item=item,
        part=part_of(split, user, item),
        excluded=split.excluded_in_words(user, "test"),
        checkpoints=tuple(one for one in found if isinstance(one, PairAt)),
        unreadable=tuple(one for one in found if isinstance(one, Unreadable)),
    )


def each_checkpoint(
    checkpoints: Iterable[ModelCheckpoint], split: Split, user: int, item: int
) -> Iterator[PairAt | Unreadable]:
    """The same one after the other, each as soon as it is there."""
    for checkpoint in checkpoints:
        try:
            yield _pair_at(checkpoint, split, user, item)
        except ConvNCFError as error:  # a run may be damaged, or deleted meanwhile: the others still say something
            yield Unreadable(checkpoint.label, str(error))


def view_at(checkpoints: Iterable[ModelCheckpoint], label: str, split: Split, user: int, item: int) -> PairView:
    """The whole view of a pair, feature maps and all, at the moment of that label. Raises LookupError for another."""
    known = {checkpoint.label: checkpoint for checkpoint in checkpoints}
    if label not in known:
        raise LookupError(f"the run kept no {label!r}. Kept: {', '.join(known) or 'nothing'}.")
    return view_pair(known[label].load(), split, user, item)


def _pair_at(checkpoint: ModelCheckpoint, split: Split, user: int, item: int) -> PairAt:
    model = mapped(checkpoint.load(), "interaction map to follow")
    refuse_unknown(model, user, item)
    scores = model.score_items(user).numpy()  # (n_items,)
    p = frozen(model.user_embedding.weight[user])
    q = frozen(model.item_embedding.weight[item])
    cells = np.outer(p, q)  # (D, D)
    return PairAt(
        label=checkpoint.label,
        epoch=checkpoint.epoch,
        best=checkpoint.best,
        p=p,
        q=q,
        lowest=float(cells.min()),
        highest=float(cells.max()),
        score=float(scores[item]),
        rank=rank_of(scores, split, user, item),
    )
