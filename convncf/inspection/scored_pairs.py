"""Scores and ranks of many pairs: for each what Inspect says of it, with a user's items scored once.

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
from convncf.evaluation.ranking import ItemRank, Scorer
from convncf.inspection.pair import PairPart, part_of, rank_of
from convncf.runtime import threads

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ScoredPair:
    """One pair (indices), by the rule of evaluation."""

    user: int
    item: int
    score: float
    rank: ItemRank
    """Of an item that is left out for this user what it would be, marked as seen."""
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

    `progress` hears how many of the U users are done. Raises ValueError where the two differ in length, IndexError for
    an index that the model does not know, NonFiniteScoreError where a score is NaN or infinite.
    """
    user, item = (np.asarray(given, dtype=np.int64).reshape(-1) for given in (users, items))
    if len(user) != len(item):
        raise ValueError(f"{len(user)} users and {len(item)} items are no pairs")
    for kind, indices, count in (("user", user, model.n_users), ("item", item, model.n_items)):
        if indices.size and not (0 <= indices.min() and indices.max() < count):
            raise IndexError(f"a {kind} is not one of the model's {count} {kind}s (0 to {count - 1})")
    order = np.argsort(user, kind="stable")
    distinct, starts = np.unique(user[order], return_index=True)
    rows = np.split(order, starts[1:])  # U lists of places
    found: list[ScoredPair | None] = [None] * len(user)

    def work(first: int, number: int) -> None:
        one = int(distinct[first + number])
        scores = np.asarray(model.score_items(one))
        for place in rows[first + number].tolist():
            i = int(item[place])
            rank = rank_of(scores, split, one, i)
            found[place] = ScoredPair(one, i, float(scores[i]), rank, part_of(split, one, i))

    together = 8 * threads.width()
    for first in range(0, len(distinct), together):
        some = min(together, len(distinct) - first)
        threads.share(partial(work, first), some)
        progress(first + some, len(distinct))
    return tuple(pair for pair in found if pair is not None)


COLUMNS: Final = (
    *("line", "user_id", "item_id", "title", "score", "rank", "candidates", "tied", "seen", "part", "note"),
)  # fmt: skip
"""Of the file that is written: a row for each row of the file that was read, in its order."""
SEEN: Final = "seen"


@dataclass(frozen=True, slots=True)
class ScoredFile:
    """What came out of a file of pairs."""

    rows: tuple[dict[str, Any], ...]
    """One for each row of the file, by COLUMNS; a row with unknown ids has a note, and no score."""
    scored: int
    seen: int
    """Scored rows whose item is left out for their user: the rank is what it would be."""
    aside: tuple[Dropped, ...]
    """Rows without a score by reason; one with an unknown user and an unknown item counts in both."""
    dropped: tuple[Dropped, ...]
    """Lines that are no rows, and so have none here."""
    words: str
    """How the file was read."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a reader should know, each a sentence."""
        total = len(self.rows)
        told = [f"{self.words}.", f"{self.scored:,} of {counted(total, 'row')} scored."]
        if self.seen:
            told.append(
                f"{counted(self.seen, 'row')} marked seen: the user has the item in training or validation, or rated "
                "it too low, so it is left out of the ranking, and the rank is the one that it would have."
            )
        told += [f"Without a score, each with a note in its row: {reason}." for reason in self.aside]
        told += [f"Left out, since they are no rows of the table: {reason}." for reason in self.dropped]
        return tuple(told)

    def to_csv(self) -> str:
        """The rows as CSV; text in quotes, so that a reader splits neither at a comma nor at a line break."""
        stream = io.StringIO()
        writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([[row[name] for name in COLUMNS] for row in self.rows])
        return stream.getvalue()

    def to_json(self) -> dict[str, Any]:
        """The counts."""
        reasons = {
            "without_score": [(each.reason, each.count, list(each.first_lines)) for each in self.aside],
            "no_rows": [(each.reason, each.count, list(each.first_lines)) for each in self.dropped],
        }
        return {"rows": len(self.rows), "scored": self.scored, "seen": self.seen} | {
            key: [{"reason": reason, "count": count, "first_lines": lines} for reason, count, lines in found]
            for key, found in reasons.items()
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
    """Read a file of pairs, and score and rank each as the test evaluation would; nothing in it is left out unsaid.

    `progress` hears how many of the users are done. Raises ReadError naming file and line, NonFiniteScoreError.
    """
    file = read_pairs(path, options)
    users = split.interactions.users
    names = NameIndex(users, items)
    met = [names.match(row) for row in file.rows]
    places, user, item = [], [], []
    for place, (each, _) in enumerate(met):
        if each.user is not None and each.item is not None:
            places.append(place)
            user.append(each.user)
            item.append(each.item)
    found = score_pairs(model, split, user, item, progress=progress)
    scored = dict(zip(places, found, strict=True))
    rows = tuple(_row(each, scored.get(place), users, items) for place, (each, _) in enumerate(met))
    seen = sum(pair.rank.seen for pair in found)
    return ScoredFile(rows, len(found), seen, unscored_rows(met), file.dropped, file.description)


def _row(met: MatchedPair, pair: ScoredPair | None, users: Vocabulary, items: ItemTable) -> dict[str, Any]:
    """By COLUMNS; who or what is unknown as the file has it."""
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
