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
"""Columns of the file; rank is the position in the list, 1 to K."""


@dataclass(frozen=True, slots=True)
class Source:
    """Data and model of the lists."""

    dataset: Dataset
    split: Split
    model: Scorer


def read_ids(file: Path) -> dict[str, int]:
    """Each id of the file with the number of its first line; blank lines and repeats are counted in a message."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"--users {file}: is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from None
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
        say(f"--users {file}: {passed:,} lines skipped, {blank:,} blank and {passed - blank:,} repeated")
    return ids


@dataclass(slots=True)
class Written:
    """Counts of a file of lists."""

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

    def report(self, file: Path, run: str) -> None:
        """Print the counts, and what a reader of the file should know."""
        users_text = "1 user" if self.users == 1 else f"{self.users:,} users"
        say(f"wrote {file}: {users_text}, {self.rows:,} rows, {duration(self.seconds)}")
        for ids, reason in (
            (self.short, "fewer items left than K"),
            (self.untrained, "nothing in training, so their lists do not depend on their interactions"),
        ):
            if ids:
                say(f"users with {reason}: {len(ids):,} ({', '.join(ids[:5])}{', …' if len(ids) > 5 else ''})")
        if self.tied:
            say(f"{self.tied:,} rows tie with another item of their user; ties are listed in the data's order")
        if self.held_out:
            say(
                f"{self.held_out:,} rows are held-out test items, which the user has: only training and validation "
                f"items are excluded. convncf refit {run} trains on everything, and its lists exclude everything"
            )


def write_lists(file: Path, source: Source, users: npt.NDArray[np.int64], k: int) -> Written:
    """Write the lists row by row; the file is complete or absent, also after Ctrl-C."""
    import numpy as np

    from convncf.inspection.lists import lists
    from convncf.training import Progress

    began, written = time.perf_counter(), Written()
    names, ids, split = source.dataset.items, source.dataset.interactions.users, source.split
    n_trained = np.diff(split.train.indptr)
    display = TrainingDisplay("")
    with display.shown(), files.atomic_path(file) as part, part.open("w", encoding="utf-8", newline="") as stream:
        # Text in quotes: then a reader splits neither at a comma nor at a line break of a title.
        rows = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        rows.writerow(COLUMNS)
        for user, ranked in lists(source.model, split, users, k):
            raw, items = ids.id(user), ranked.items.tolist()
            for position, (item, score) in enumerate(zip(items, ranked.scores.tolist(), strict=True), start=1):
                rows.writerow((raw, position, names.items.id(item), names.titles[item], score))
            written.users += 1
            written.rows += len(items)
            written.tied += int(np.count_nonzero(ranked.tied))
            test_items = split.test.indices[split.test.indptr[user] : split.test.indptr[user + 1]]
            written.held_out += int(np.isin(ranked.items, test_items).sum())
            if len(items) < k:
                written.short.append(raw)
            if not n_trained[user]:
                written.untrained.append(raw)
            display.progress(Progress("lists", 0, 0, "users", written.users, len(users)))
    written.seconds = time.perf_counter() - began
    return written


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
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    as_json: Json = False,
) -> None:
    """List a user's best items, without those of training and validation; held-out test items are marked.

    With --csv into a file: of one user, of some, or of all.
    """
    error = _misuse(user, users, everyone, popular, file)
    if error:
        context.fail(error)
    if file is not None:
        refuse_unwritable("--csv", file, force=force)
    ids = None if users is None else read_ids(users)
    source = _source(run, popular=popular)
    if file is None:
        _show(run, source, user, k, popular=popular, as_json=as_json)
        return
    ids = ids if user is None else {user: 0}
    chosen = _indices(source.dataset.interactions.users, ids, users)
    try:
        written = write_lists(file, source, chosen, k)
    except KeyboardInterrupt:
        say(f"stopped: {file} is not written")
        raise
    written.report(file, run)
    if as_json:
        emit_json({"run": run, "popular": popular, "csv": str(file)} | written.to_json())


def _misuse(user: str | None, users: Path | None, everyone: bool, popular: bool, file: Path | None) -> str:
    """The error where the options do not name the users, or a file for many lists; else ""."""
    options = (("--user", user is not None), ("--users", users is not None), ("--all", everyone))
    given_options = [name for name, is_given in options if is_given]
    if len(given_options) > 1:
        return f"{' and '.join(given_options)} exclude each other. Keep one of them."
    if not given_options and (not popular or file is not None):
        return "No user is named. Give --user ID, or with --csv FILE also --users FILE or --all."
    if given_options and given_options != ["--user"] and file is None:
        return f"{given_options[0]} makes lists of many users. Name the file for them: --csv FILE."
    return ""


def _source(run: str, *, popular: bool) -> Source:
    from convncf.runs import RunStore

    home = files.home()
    saved_run = RunStore(home).open(run)  # refuses before torch is loaded
    from convncf.workflow.loading import data_of, load_run

    if popular:
        from convncf.models.registry import BASELINE, fitted

        dataset, split = data_of(saved_run)
        return Source(dataset, split, fitted(BASELINE.settings(), split.train))
    loaded = load_run(saved_run)
    return Source(loaded.dataset, loaded.split, loaded.model)


def _show(run: str, source: Source, user: str | None, k: int, *, popular: bool, as_json: bool) -> None:
    from convncf import inspection

    ranked, excluded, index = _one_list(source, user, k, popular=popular)
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
            ranked.items.tolist(), ranked.scores.tolist(), ranked.ranks.tolist(), ranked.tied.tolist(), strict=True
        )
    ]
    if not items:
        say(f"nothing to recommend: no item is left for user {user}")
    if as_json:
        emit_json({"run": run, "user_id": user, "popular": popular, "excluded": excluded, "items": items})
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
        user_text = "any user" if user is None else f"user {user}"
        title = f"{run}, most popular in training, for {user_text}" if popular else f"{run}, {user_text}"
        score = "users in training" if popular else "score"
        table(["rank", "item", "id", score, "", "tied with"], rows, left=3, title=title)
    say(excluded)


def _one_list(source: Source, user: str | None, k: int, *, popular: bool) -> tuple[TopK, str, int | None]:
    """A user's list, the items excluded from it in a phrase, and the user's index; None for a user not in the data."""
    from convncf import inspection
    from convncf.evaluation.ranking import top_k

    users = source.dataset.interactions.users
    if popular and (user is None or user not in users):
        excluded = "excluded: nothing" + (f", since the data has no user {user!r}" if user is not None else "")
        return top_k(source.model.score_items(0).numpy(), (), k), excluded, None
    assert user is not None, "_misuse refuses this without --popular"
    (index,) = _indices(users, {user: 0}, None).tolist()
    return (
        inspection.recommend(source.model, source.split, index, k),
        source.split.excluded_in_words(index, "test"),
        index,
    )


def _indices(vocabulary: Vocabulary, ids: dict[str, int] | None, file: Path | None) -> npt.NDArray[np.int64]:
    """(U,) indices of the ids, in their order, or of all users. Raises UnknownIdError, which says what to do."""
    import numpy as np

    if ids is None:
        return np.arange(len(vocabulary), dtype=np.int64)
    unknown = [raw for raw in ids if raw not in vocabulary]
    if unknown:
        where = "" if file is None else f"--users {file} line {ids[unknown[0]]}: "
        more = f" It is one of {len(unknown):,} such ids in the file." if len(unknown) > 1 else ""
        try:
            vocabulary.index(unknown[0])
        except UnknownIdError as error:
            raise UnknownIdError(
                f"{where}{error}{more} For a user who is not in the data, --popular instead prints the most "
                "popular items of the training part."
            ) from None
    return np.array([vocabulary.index(raw) for raw in ids], dtype=np.int64)


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(epilog=EXAMPLES)(recommend)
