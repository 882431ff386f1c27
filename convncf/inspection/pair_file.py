"""A file of pairs with their scores and ranks: what `convncf score` and the Recommend page write, made here alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from convncf.data.items import ItemTable
from convncf.data.reading.options import ReadOptions
from convncf.data.reading.pairs import Met, Names, left_aside, read_pairs
from convncf.data.reading.report import Dropped, counted
from convncf.data.splitting import Split
from convncf.data.vocabulary import Vocabulary
from convncf.inspection.scored_pairs import ScoredPair, score_pairs
from convncf.ranking import Scorer

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
    names = Names(users, items)
    met = [names.meet(row) for row in file.rows]
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
    return ScoredFile(rows, len(found), seen, left_aside(met), file.dropped, file.words)


def _row(met: Met, pair: ScoredPair | None, users: Vocabulary, items: ItemTable) -> dict[str, Any]:
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
        "part": pair.standing,
    }
