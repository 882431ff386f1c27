"""The file of lists that convncf recommend writes, and the file of user ids that it reads."""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convncf import runtime
from convncf.cli.console import TrainingDisplay, duration, say
from convncf.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convncf.data.catalogue import Dataset
    from convncf.data.splitting import Split
    from convncf.ranking import Scorer

COLUMNS = ("user_id", "rank", "item_id", "title", "score")
"""Of the file; rank is the place in the list, 1 to K."""


@dataclass(frozen=True, slots=True)
class Source:
    """What lists are made from."""

    dataset: Dataset
    split: Split
    model: Scorer


def read_ids(file: Path) -> dict[str, int]:
    """Each id of the file with the number of its first line; blank lines and repeats are counted and said."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"--users {file}: is no UTF-8 text (byte {error.start}). Save it as UTF-8.") from None
    lines = text.split("\n")[: -1 if text.endswith("\n") else None]
    ids: dict[str, int] = {}
    blank = 0
    for number, line in enumerate(lines, start=1):
        raw = line.removesuffix("\r")
        if raw.strip():
            ids.setdefault(raw, number)
        else:
            blank += 1
    if not ids:
        raise DataError(f"--users {file}: holds no id. Write one a line.")
    if passed := len(lines) - len(ids):
        say(f"--users {file}: {passed:,} lines passed over, {blank:,} blank and {passed - blank:,} repeated")
    return ids


@dataclass(slots=True)
class Written:
    """What went into a file of lists."""

    users: int = 0
    rows: int = 0
    seconds: float = 0.0
    tied: int = 0
    """Rows whose item ties with another candidate."""
    held_out: int = 0
    """Rows whose item is in the user's test part."""
    short: list[str] = field(default_factory=list)
    """Users with fewer than K items left, by id."""
    untrained: list[str] = field(default_factory=list)
    """Users with nothing in training, by id."""

    def to_json(self) -> dict[str, Any]:
        """The counts."""
        counts = {key: getattr(self, key) for key in ("users", "rows", "tied", "held_out")}
        return counts | {
            "users_with_fewer": len(self.short),
            "users_without_training": len(self.untrained),
            "seconds": round(self.seconds, 3),
        }

    def tell(self, file: Path, run: str) -> None:
        """Say it, and what a reader of the file should know."""
        whose = "1 user" if self.users == 1 else f"{self.users:,} users"
        say(f"wrote {file}: {whose}, {self.rows:,} rows, {duration(self.seconds)}")
        for who, what in (
            (self.short, "fewer items left than were asked for"),
            (self.untrained, "nothing in training, so their lists come from no interaction of theirs"),
        ):
            if who:
                say(f"users with {what}: {len(who):,} ({', '.join(who[:5])}{', …' if len(who) > 5 else ''})")
        if self.tied:
            say(f"{self.tied:,} rows tie with another item of their user; ties are listed in the data's order")
        if self.held_out:
            say(
                f"{self.held_out:,} rows are held-out test items, which the user has: only training and validation are "
                f"left out. convncf refit {run} trains on everything, and its lists leave out everything"
            )


def write_lists(file: Path, source: Source, users: npt.NDArray[np.int64], k: int) -> Written:
    """Write the lists row by row; the file is whole or absent, also after Ctrl-C."""
    import numpy as np

    from convncf.inspection.lists import lists
    from convncf.training import Progress

    began, done = time.perf_counter(), Written()
    names, ids, split = source.dataset.items, source.dataset.interactions.users, source.split
    n_trained = np.diff(split.train.indptr)
    display = TrainingDisplay("")
    with display.shown(), runtime.atomic_path(file) as part, part.open("w", encoding="utf-8", newline="") as stream:
        # Text in quotes: a reader then splits neither at a comma nor at a line break of a title.
        rows = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        rows.writerow(COLUMNS)
        for user, found in lists(source.model, split, users, k):
            raw, items = ids.id(user), found.items.tolist()
            for place, (item, score) in enumerate(zip(items, found.scores.tolist(), strict=True), start=1):
                rows.writerow((raw, place, names.items.id(item), names.titles[item], score))
            done.users += 1
            done.rows += len(items)
            done.tied += int(np.count_nonzero(found.tied))
            own = split.test.indices[split.test.indptr[user] : split.test.indptr[user + 1]]
            done.held_out += int(np.isin(found.items, own).sum())
            if len(items) < k:
                done.short.append(raw)
            if not n_trained[user]:
                done.untrained.append(raw)
            display.progress(Progress("lists", 0, 0, "users", done.users, len(users)))
    done.seconds = time.perf_counter() - began
    return done
