"""convncf recommend: one user's list on the screen, or the lists of many in a file."""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convncf.cli.console import TrainingDisplay, duration, emit_json, say, table
from convncf.cli.options import Json, RunName, refuse_unwritable
from convncf.errors import DataError, UnknownIdError
from convncf.runtime import files

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convncf.data.dataset import Dataset
    from convncf.data.split import Split
    from convncf.data.vocabulary import Vocabulary
    from convncf.evaluation.ranking import Scorer, TopK

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
    with display.shown(), files.atomic_path(file) as part, part.open("w", encoding="utf-8", newline="") as stream:
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


EXAMPLES = (
    "Examples: convncf recommend first --user 15 -k 10\n\nconvncf recommend first --all --top 20 --csv lists.csv\n\n"
    "convncf recommend first --popular"
)


def recommend(
    context: typer.Context,
    run: RunName,
    user: Annotated[str | None, typer.Option("--user", help="A user's raw id, as in the data.")] = None,
    users: Annotated[
        Path | None, typer.Option("--users", metavar="FILE", help="Some users: their raw ids, one a line; with --csv.")
    ] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Every user; with --csv.")] = False,
    popular: Annotated[
        bool,
        typer.Option("--popular", help="The items that most users have in training, not the model's: for new users."),
    ] = False,
    k: Annotated[int, typer.Option("-k", "--top", min=1, help="How many items a user.")] = 10,
    file: Annotated[
        Path | None,
        typer.Option(
            "--csv", metavar="FILE", help=f"Write {', '.join(COLUMNS)}: a row an item, ranks 1 to K as listed."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """List a user's best items, without those of training and validation; held-out test items are marked.

    With --csv into a file: of one user, of some, or of all.
    """
    wrong = _misuse(user, users, everyone, popular, file)
    if wrong:
        context.fail(wrong)
    if file is not None:
        refuse_unwritable("--csv", file, force=force)
    asked = None if users is None else read_ids(users)
    source = _source(run, popular=popular)
    if file is None:
        _show(run, source, user, k, popular=popular, as_json=as_json)
        return
    asked = asked if user is None else {user: 0}
    chosen = _indices(source.dataset.interactions.users, asked, users)
    try:
        written = write_lists(file, source, chosen, k)
    except KeyboardInterrupt:
        say(f"stopped: {file} is not written")
        raise
    written.tell(file, run)
    if as_json:
        emit_json({"run": run, "popular": popular, "csv": str(file)} | written.to_json())


def _misuse(user: str | None, users: Path | None, everyone: bool, popular: bool, file: Path | None) -> str:
    """What is wrong where the options do not say whose lists are wanted, or where many are to go; else nothing."""
    asked = (("--user", user is not None), ("--users", users is not None), ("--all", everyone))
    given = [name for name, on in asked if on]
    if len(given) > 1:
        return f"{' and '.join(given)} are given together. Keep one of them."
    if not given and (not popular or file is not None):
        return "Whose list? Give --user ID, or with --csv FILE also --users FILE or --all."
    if given and given != ["--user"] and file is None:
        return f"{given[0]} asks for the lists of many users. Say where they go: --csv FILE."
    return ""


def _source(run: str, *, popular: bool) -> Source:
    from convncf.runs import RunStore

    home = files.home()
    found = RunStore(home).open(run)  # refuses before torch is loaded
    from convncf.workflow.loading import data_of, load_run

    if popular:
        from convncf.models.registry import BASELINE, fitted

        dataset, split = data_of(found)
        return Source(dataset, split, fitted(BASELINE.settings(), split.train))
    loaded = load_run(found)
    return Source(loaded.dataset, loaded.split, loaded.model)


def _show(run: str, source: Source, user: str | None, k: int, *, popular: bool, as_json: bool) -> None:
    from convncf import inspection

    found, words, index = _one_list(source, user, k, popular=popular)
    names = source.dataset.items
    items: list[dict[str, Any]] = [
        {
            "item_id": names.items.id(item),
            "title": names.label(item),
            "score": score,
            "rank": rank,
            "tied": tied,
            "held_out": index is not None and inspection.part_of(source.split, index, item) == "test",
        }
        for item, score, rank, tied in zip(
            found.items.tolist(), found.scores.tolist(), found.ranks.tolist(), found.tied.tolist(), strict=True
        )
    ]
    if not items:
        say(f"nothing to recommend: no item is left for user {user}")
    if as_json:
        emit_json({"run": run, "user_id": user, "popular": popular, "left_out": words, "items": items})
        return
    rows = [
        (
            i["rank"],
            i["title"],
            i["item_id"],
            int(i["score"]) if popular else i["score"],
            "held out" if i["held_out"] else "",
            i["tied"] or "",
        )
        for i in items
    ]
    if items:
        whose = "anybody" if user is None else f"user {user}"
        title = f"{run}, most popular in training, for {whose}" if popular else f"{run}, {whose}"
        score = "users in training" if popular else "score"
        table(["rank", "item", "id", score, "", "tied with"], rows, left=3, title=title)
    say(words)


def _one_list(source: Source, user: str | None, k: int, *, popular: bool) -> tuple[TopK, str, int | None]:
    """A user's list, what was left out of it in words, and the user's index: none for one whom the data lacks."""
    from convncf import inspection
    from convncf.evaluation.ranking import top_k

    known = source.dataset.interactions.users
    if popular and (user is None or user not in known):
        words = "left out: nothing" + (f", since the data has no user {user!r}" if user is not None else "")
        return top_k(source.model.score_items(0).numpy(), (), k), words, None
    assert user is not None, "_misuse lets none through without --popular"
    (index,) = _indices(known, {user: 0}, None).tolist()
    return (
        inspection.recommend(source.model, source.split, index, k),
        source.split.excluded_in_words(index, "test"),
        index,
    )


def _indices(known: Vocabulary, asked: dict[str, int] | None, file: Path | None) -> npt.NDArray[np.int64]:
    """(U,) indices of the ids asked for, in their order, or of all. Raises UnknownIdError, which says what to do."""
    import numpy as np

    if asked is None:
        return np.arange(len(known), dtype=np.int64)
    unknown = [raw for raw in asked if raw not in known]
    if unknown:
        where = "" if file is None else f"--users {file} line {asked[unknown[0]]}: "
        more = f" It is one of {len(unknown):,} such ids in the file." if len(unknown) > 1 else ""
        try:
            known.index(unknown[0])
        except UnknownIdError as error:
            raise UnknownIdError(
                f"{where}{error}{more} For somebody whom the data lacks, --popular instead lists on the screen the "
                "most popular items of the training part."
            ) from None
    return np.array([known.index(raw) for raw in asked], dtype=np.int64)


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(epilog=EXAMPLES)(recommend)
