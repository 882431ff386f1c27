"""Scores and ranks of many pairs, as Inspect gives them for one; each user's items are scored once.

Shapes: n pairs, U distinct users among them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from convncf.data.items import ItemTable
from convncf.data.reading.options import ReadOptions
from convncf.data.reading.pairs import MatchedPair, NameIndex, read_pairs, unscored_rows
from convncf.data.reading.report import Dropped, counted
from convncf.data.split import Split
from convncf.data.vocabulary import Vocabulary
from convncf.errors import RefusedValueError, UnknownIndexError
from convncf.evaluation.ranking import ItemRank, Scorer
from convncf.inspection.pair import PairPart, part_of, rank_of
from convncf.runtime import threads

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ScoredPair:
    """One pair (indices), ranked as in evaluation."""

    user: int
    item: int
    score: float
    rank: ItemRank
    """For an item that is excluded for this user, the rank that it would have, marked as seen."""
    part: PairPart
    """Which part of the split holds the pair."""


def score_pairs(
    model: Scorer,
    split: Split,
    users: npt.ArrayLike,
    items: npt.ArrayLike,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[ScoredPair, ...]:
    """Score and rank n pairs of indices, (n,) and (n,); the result is in their order.

    `progress` is called with how many of the U users are done. Raises ValueError where the two differ in length,
    IndexError for a user or item that the model does not have, NonFiniteScoreError where a score is NaN or infinite.
    """
    user, item = (np.asarray(indices, dtype=np.int64).reshape(-1) for indices in (users, items))
    if len(user) != len(item):
        raise RefusedValueError(f"{len(user)} users and {len(item)} items are no pairs.")
    for kind, indices, count in (("user", user, model.n_users), ("item", item, model.n_items)):
        if indices.size and not (0 <= indices.min() and indices.max() < count):
            raise UnknownIndexError(f"a {kind} is not one of the model's {count} {kind}s (0 to {count - 1}).")
    order = np.argsort(user, kind="stable")
    distinct, starts = np.unique(user[order], return_index=True)
    rows = np.split(order, starts[1:])  # U arrays of places
    pairs: list[ScoredPair | None] = [None] * len(user)

    def work(first: int, number: int) -> None:
        user_index = int(distinct[first + number])
        scores = np.asarray(model.score_items(user_index))
        for place in rows[first + number].tolist():
            i = int(item[place])
            rank = rank_of(scores, split, user_index, i)
            pairs[place] = ScoredPair(user_index, i, float(scores[i]), rank, part_of(split, user_index, i))

    together = 8 * threads.width()
    for first in range(0, len(distinct), together):
        count = min(together, len(distinct) - first)
        threads.share(partial(work, first), count)
        progress(first + count, len(distinct))
    return tuple(pair for pair in pairs if pair is not None)


COLUMNS: Final = (
    *("line", "user_id", "item_id", "title", "score", "rank", "candidates", "tied", "seen", "part", "note"),
)  # fmt: skip
"""Columns of the written file: a row for each row of the file that was read, in its order."""
SEEN: Final = "seen"


@dataclass(frozen=True, slots=True)
class ScoredFile:
    """The scores and ranks of a file of pairs."""

    rows: tuple[dict[str, Any], ...]
    """One for each row of the file, by COLUMNS; a row with unknown ids has a note, and no score."""
    scored: int
    seen: int
    """Scored rows whose item is excluded for their user: the rank is what it would be."""
    without_score: tuple[Dropped, ...]
    """Rows without a score by reason; one with an unknown user and an unknown item counts in both."""
    dropped: tuple[Dropped, ...]
    """Lines that are not rows of the table, and so have none here."""
    words: str
    """How the file was read."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a reader should know, each a sentence."""
        total = len(self.rows)
        sentences = [f"{self.words}.", f"{self.scored:,} of {counted(total, 'row')} scored."]
        if self.seen:
            sentences.append(
                f"{counted(self.seen, 'row')} marked seen: the user has the item in training or validation, or rated "
                "it too low, so it is excluded from the ranking, and the rank is the one that it would have."
            )
        sentences += [f"Without a score, each with a note in its row: {reason}." for reason in self.without_score]
        sentences += [f"Dropped, since they are not rows of the table: {reason}." for reason in self.dropped]
        return tuple(sentences)

    def to_csv(self) -> str:
        """The rows as CSV; text in quotes, so that no reader splits it at a comma or a line break."""
        stream = io.StringIO()
        writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([[row[name] for name in COLUMNS] for row in self.rows])
        return stream.getvalue()

    def to_json(self) -> dict[str, Any]:
        """The counts."""
        reasons = {
            "without_score": [(group.reason, group.count, list(group.first_lines)) for group in self.without_score],
            "no_rows": [(group.reason, group.count, list(group.first_lines)) for group in self.dropped],
        }
        return {"rows": len(self.rows), "scored": self.scored, "seen": self.seen} | {
            key: [{"reason": reason, "count": count, "first_lines": lines} for reason, count, lines in groups]
            for key, groups in reasons.items()
        }


def score_file(
    path: Path,
    model: Scorer,
    split: Split,
    items: ItemTable,
    options: ReadOptions | None = None,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ScoredFile:
    """Read a file of pairs, and score and rank each as the test evaluation would; every dropped line is counted.

    `progress` is called with how many of the users are done. Raises ReadError with file and line, NonFiniteScoreError.
    """
    file = read_pairs(path, options)
    users = split.interactions.users
    names = NameIndex(users, items)
    resolved = [names.match(row) for row in file.rows]
    places, user, item = [], [], []
    for place, (row, _) in enumerate(resolved):
        if row.user is not None and row.item is not None:
            places.append(place)
            user.append(row.user)
            item.append(row.item)
    pairs = score_pairs(model, split, user, item, progress=progress)
    scored = dict(zip(places, pairs, strict=True))
    rows = tuple(_row(row, scored.get(place), users, items) for place, (row, _) in enumerate(resolved))
    seen = sum(pair.rank.seen for pair in pairs)
    return ScoredFile(rows, len(pairs), seen, unscored_rows(resolved), file.dropped, file.description)


def _row(met: MatchedPair, pair: ScoredPair | None, users: Vocabulary, items: ItemTable) -> dict[str, Any]:
    """By COLUMNS; unknown ids as the file has them."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS, "") | {
        "line": met.row.line,
        "user_id": met.row.user if met.user is None else users.id(met.user),
        "item_id": met.row.item if met.item is None else items.items.id(met.item),
        "title": "" if met.item is None else items.titles[met.item],
        "note": met.note,
    }
    if pair is None:
        return row
    return row | {
        "score": pair.score,
        "rank": pair.rank.rank,
        "candidates": pair.rank.candidates,
        "tied": pair.rank.tied,
        "seen": SEEN if pair.rank.seen else "",
        "part": pair.part,
    }
