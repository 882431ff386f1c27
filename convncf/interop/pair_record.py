"""One pair as a record to take along: what Inspect says of a user and an item, as plain text and numbers."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime

from convncf import inspection
from convncf.experiment.loading import LoadedRun
from convncf.inspection import PairView

TOP = 10
"""Length of the user's list."""


@dataclass(frozen=True, slots=True)
class PairRecord:
    """The words and lists beside the pictures of a pair."""

    run: str
    epoch: int
    user_id: str
    item_id: str
    title: str
    """The item as people read it."""
    score: float
    rank_words: str
    left_out: str
    model_words: str
    """How the score comes about."""
    top: tuple[tuple[int, str, float, bool, bool], ...]
    """The user's best items: rank, title, score, whether it is a held-out test item, whether it is the pair's."""
    history: tuple[tuple[str, str, str], ...]
    """What the user has: title, part of the split, date (empty where there are no times)."""
    command: str
    """The command line that shows the same pair."""

    def about(self) -> dict[str, object]:
        """What an export of arrays says about itself."""
        return {
            "run": self.run,
            "epoch": self.epoch,
            "user_id": self.user_id,
            "item_id": self.item_id,
            "title": self.title,
            "score": self.score,
            "rank": self.rank_words,
            "left_out": self.left_out,
            "words": self.model_words,
        }


def pair_record(loaded: LoadedRun, view: PairView) -> PairRecord:
    """The record of a pair in a run at the epoch that is loaded."""
    interactions, items = loaded.dataset.interactions, loaded.dataset.items
    user_id, item_id = interactions.users.id(view.user), interactions.items.id(view.item)
    best = inspection.recommend(loaded.model, loaded.split, view.user, TOP)
    owned = inspection.history(loaded.split, view.user)
    top = tuple(
        (
            int(rank),
            items.distinct_label(item),
            float(score),
            inspection.standing(loaded.split, view.user, item) == "test",
            item == view.item,
        )
        for rank, item, score in zip(best.ranks, best.items.tolist(), best.scores, strict=True)
    )
    dates = [""] * len(owned.items) if owned.seconds is None else [_date(at) for at in owned.seconds.tolist()]
    history = tuple(
        (items.distinct_label(item), part, date)
        for item, part, date in zip(owned.items.tolist(), owned.parts, dates, strict=True)
    )
    return PairRecord(
        run=loaded.run.name,
        epoch=loaded.epoch,
        user_id=user_id,
        item_id=item_id,
        title=items.distinct_label(view.item),
        score=view.score,
        rank_words=view.rank_words,
        left_out=view.left_out,
        model_words=view.trace.words,
        top=top,
        history=history,
        command=command(loaded.run.name, user_id, item_id, loaded.epoch),
    )


def command(run: str, user_id: str, item_id: str, epoch: int | None) -> str:
    """The command line that shows a pair; a raw id that begins with a dash is tied to its option."""
    words = ["convncf", "inspect", run]
    for option, raw in (("--user", user_id), ("--item", item_id)):
        words += [f"{option}={raw}"] if raw.startswith("-") else [option, raw]
    return shlex.join(words if epoch is None else [*words, "--epoch", str(epoch)])


def _date(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):  # beyond year 9999: shown as it is
        return f"{seconds} s"
