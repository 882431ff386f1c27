"""Over training: one pair at each checkpoint of a run, from pretraining to the last epoch.

The caller says where the models come from: a `ModelCheckpoint` says how one is loaded. One is loaded at a time and
released before the next, so that memory does not grow with their number.

Shapes: D embedding size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from convncf.data.split import Split
from convncf.errors import ConvNCFError, RefusedTypeError, RefusedValueError, UnknownIndexError
from convncf.evaluation.ranking import ItemRank, Scorer
from convncf.inspection.pair import PairPart, PairView, part_of, rank_of, view_pair
from convncf.inspection.trace import Array, frozen, model_with_map, refuse_unknown


@dataclass(frozen=True, slots=True)
class ModelCheckpoint:
    """A checkpoint of a run, and how its model is loaded."""

    label: str
    """Shown to people, and unlike any other of the run: "pretraining", "start", "epoch 3"."""
    epoch: int | None
    """Epoch of training; 0 is the start; None for pretraining, which comes before it."""
    best: bool
    """Whether this is the best epoch, that of the run's model."""
    load: Callable[[], Scorer]


@dataclass(frozen=True, slots=True, eq=False)
class PairAtCheckpoint:
    """A pair at one checkpoint of training."""

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
class UnreadableCheckpoint:
    """A checkpoint that could not be read, and why."""

    label: str
    words: str


@dataclass(frozen=True, slots=True, eq=False)
class OverTraining:
    """A pair at each checkpoint of a run."""

    user: int
    item: int
    part: PairPart
    """Which part of the split holds the pair, at every checkpoint."""
    excluded: str
    """What was excluded before ranking, in words."""
    checkpoints: tuple[PairAtCheckpoint, ...]
    """In the order given."""
    unreadable: tuple[UnreadableCheckpoint, ...]
    """Checkpoints without a result: a damaged file, scores that are not finite."""


def follow_pair(checkpoints: Iterable[ModelCheckpoint], split: Split, user: int, item: int) -> OverTraining:
    """Embeddings, range of the map, score and rank of a pair at each checkpoint; all items are scored at each.

    Raises TypeError for a model without embeddings, IndexError for a user or item that it does not have.
    """
    results = list(each_checkpoint(checkpoints, split, user, item))
    return OverTraining(
        user=user,
        item=item,
        part=part_of(split, user, item),
        excluded=split.excluded_in_words(user, "test"),
        checkpoints=tuple(result for result in results if isinstance(result, PairAtCheckpoint)),
        unreadable=tuple(result for result in results if isinstance(result, UnreadableCheckpoint)),
    )


def each_checkpoint(
    checkpoints: Iterable[ModelCheckpoint], split: Split, user: int, item: int
) -> Iterator[PairAtCheckpoint | UnreadableCheckpoint]:
    """The same one after another, each as soon as it is computed."""
    for checkpoint in checkpoints:
        try:
            yield _pair_at(checkpoint, split, user, item)
        except (RefusedValueError, RefusedTypeError):  # the pair, or the kind of model: the same at every checkpoint
            raise
        except ConvNCFError as error:  # a run may be damaged, or deleted meanwhile: the others can still be shown
            yield UnreadableCheckpoint(checkpoint.label, str(error))


def view_at(checkpoints: Iterable[ModelCheckpoint], label: str, split: Split, user: int, item: int) -> PairView:
    """The whole view of a pair at the checkpoint of that label. Raises LookupError where there is none."""
    by_label = {checkpoint.label: checkpoint for checkpoint in checkpoints}
    if label not in by_label:
        raise UnknownIndexError(f"the run has no checkpoint {label!r}. It has: {', '.join(by_label) or 'none'}.")
    return view_pair(by_label[label].load(), split, user, item)


def _pair_at(checkpoint: ModelCheckpoint, split: Split, user: int, item: int) -> PairAtCheckpoint:
    model = model_with_map(checkpoint.load(), "interaction map to follow")
    refuse_unknown(model, user, item)
    scores = model.score_items(user).numpy()  # (n_items,)
    p = frozen(model.user_embedding.weight[user])
    q = frozen(model.item_embedding.weight[item])
    cells = np.outer(p, q)  # (D, D)
    return PairAtCheckpoint(
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
