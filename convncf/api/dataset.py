"""Dataset and Split as Python users meet them: from a DataFrame or a file, and divided, by raw ids.

Shapes: n interactions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from convncf.api.arguments import column_of, frame_of, ids_of
from convncf.api.settings import data_settings
from convncf.config import DataConfig
from convncf.data import catalogue, dataset, split, splitting
from convncf.data.formats import TimeUnit
from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from convncf.data.reading.api import read as read_files
from convncf.data.reading.columns import merge_repeats
from convncf.data.reading.options import ReadOptions
from convncf.data.reading.report import FileRead, ReadReport, TimeSpan, TitlesRead
from convncf.data.timestamps import READ_AS_TIMES, date_words, detect_unit, parse_times, to_seconds
from convncf.data.vocabulary import Vocabulary
from convncf.errors import ConfigError, DataError, ReadError

if TYPE_CHECKING:
    import pandas as pd

Int64s = npt.NDArray[np.int64]
_LINES = 18
_FRAME = "DataFrame"


class ReadingReport(dict[str, Any]):
    """What reading kept, and what it left out and why: plain values by name, and sentences when it is shown.

    Example:
        >>> import convncf, pandas as pd
        >>> frame = pd.DataFrame({"user_id": ["u1", "u1", "u2"], "item_id": ["a", "a", "b"]})
        >>> convncf.Dataset.from_frame(frame).report["kept"]
        2
    """

    def __repr__(self) -> str:
        told = list(self.get("sentences", ()))
        more = [f"and {len(told) - _LINES} more"] if len(told) > _LINES else []
        return "\n".join([*(one if len(one) <= 240 else f"{one[:240]}…" for one in told[:_LINES]), *more])


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(dataset.Dataset):
    """Interactions with a name, and what their items are called; users and items go by their raw ids, as text.

    Made by `from_frame`, `convncf.read` and `convncf.datasets.load`. `n_users` and `n_items` are its sizes, `report`
    says what reading kept and left out, `interactions.to_frame()` gives the pairs back.

    Example:
        >>> import convncf
        >>> films = convncf.datasets.load("movielens-small")
        >>> films.n_users, films.n_items, len(films.interactions)
        (671, 9066, 100004)
    """

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        user: str = "user_id",
        item: str = "item_id",
        time: str | None = None,
        rating: str | None = None,
        titles: pd.DataFrame | None = None,
        titles_item: str | None = None,
        titles_title: str = "title",
        name: str = "frame",
    ) -> Self:
        """A dataset from a DataFrame with a row an interaction, whatever its columns are called.

        A pair that occurs again is kept once: its latest row by time, without times its first; `report` counts them.

        Args:
            frame: n rows. Ids are text or whole numbers, and are compared as text.
            user, item: names of the columns of ids.
            time: column of times: pandas dates, text such as 2024-05-31 12:30, or whole counts since 1970 in seconds,
                milliseconds, microseconds or nanoseconds (found out by their size). Without it nothing can be held
                out by time.
            rating: column of numbers; each row counts as an interaction, whatever its rating.
            titles: a row an item: `titles_item` (as `item` unless given) holds the ids, `titles_title` the titles.
            name: what the dataset is called where it is stored.

        Returns:
            The dataset, with `report`.

        Raises:
            DataError: a column is missing, an id is missing, times or ratings cannot be read, or there is no row.

        Example:
            >>> import convncf, pandas as pd
            >>> frame = pd.DataFrame({"customer": ["c1", "c1", "c2"], "article": [7, 8, 7]})
            >>> convncf.Dataset.from_frame(frame, user="customer", item="article", name="orders")
            Dataset 'orders': 2 users, 2 items (0 with a title), 3 interactions; made from a DataFrame
        """
        frame = frame_of(frame, "the frame")
        chosen = {"user": user, "item": item} | {
            role: column for role, column in (("time", time), ("rating", rating)) if column is not None
        }
        for role, column in chosen.items():
            other = next((known for known in chosen if known != role and chosen[known] == column), None)
            if other is not None:
                raise DataError(f"column {column!r} is given for both {role} and {other}. Give one of them another.")
        user_ids, of_user = ids_of(column_of(frame, user, "user"))
        item_ids, of_item = ids_of(column_of(frame, item, "item"))
        times: Int64s | None = None
        unit: TimeUnit = "s"
        words = ""
        if time is not None:
            times, unit, words = _times(column_of(frame, time, "time"))
        ratings = None if rating is None else _ratings(column_of(frame, rating, "rating"))
        merged = merge_repeats(of_user, of_item, times, ratings)
        rows = np.arange(len(frame)) if merged.kept is None else merged.kept
        users, user_index = _by_appearance("user", user_ids, of_user[rows])
        items, item_index = _by_appearance("item", item_ids, of_item[rows])
        interactions = Interactions(
            users,
            items,
            user_index,
            item_index,
            None if times is None else times[rows],
            None if ratings is None else ratings[rows].astype(np.float32),
            unit,
        )
        table, titled = ItemTable.untitled(items), None
        if titles is not None:
            table, titled = _titled(items, titles, item if titles_item is None else titles_item, titles_title)
        unused = tuple(str(column) for column in frame.columns if column not in chosen.values())
        roles = {"user": "user_id", "item": "item_id", "time": "timestamp", "rating": "rating"}
        read = FileRead(
            file=_FRAME,
            role="interactions",
            format="a pandas DataFrame",
            encoding="",
            delimiter="",
            columns={roles[role]: str(column) for role, column in chosen.items()},
            header=0,
            lines=len(frame),
            blank=0,
            continuation=0,
            records=len(frame),
            rows=len(frame),
            unused=unused,
        )
        report = ReadReport(
            file=_FRAME,
            files=(read,),
            ignored=(),
            kept=len(interactions),
            dropped=(),
            exact_duplicates=merged.exact_duplicates,
            repeats=merged.repeats,
            most_repeated=merged.most_repeated,
            kept_row="first" if times is None else "latest",
            n_users=interactions.n_users,
            n_items=interactions.n_items,
            split=None,
            time=_span(interactions, words),
            titles=titled,
            candidates=None,
            warnings=(),
            notes=(),
        )
        return cls(name, interactions, table, "made from a DataFrame", ReadingReport(report.to_json()))

    @classmethod
    def of(cls, made: dataset.Dataset) -> Self:
        """The same dataset with this class's methods."""
        if isinstance(made, cls):
            return made
        given = {field.name: getattr(made, field.name) for field in fields(dataset.Dataset)}
        if made.report is not None:
            given["report"] = ReadingReport(made.report)
        return cls(**given)

    def split(self, seed: int = 1, **settings: Any) -> Split:
        """Hold out a part for validation and a part for test.

        Args:
            seed: from 0; what is drawn depends on it and on the raw ids alone.
            **settings: those of `data.*` by their names: split ("ratio", "leave-one-out", "ready" as the data came
                divided), ratios (training, validation, test), order ("time" holds out the latest, "random"), across
                ("user" or "all"), min_rating, since, until, min_user, max_user, min_item, max_item, …

        Returns:
            A Split of what the filters leave.

        Raises:
            ConfigError: a setting does not exist or has a value that cannot be.
            DataError, SplitError: the filters leave nothing, or nothing can be held out.

        Example:
            >>> import convncf
            >>> split = convncf.datasets.load("movielens-small").split(seed=1)
            >>> split.train.nnz, split.validation.nnz, split.test.nnz
            (80560, 9722, 9722)
        """
        return self.divided(data_settings(self.name, seed, settings), seed)

    def divided(self, config: DataConfig, seed: int) -> Split:
        """`split`, by settings that are at hand as one value."""
        try:
            filtered, made = splitting.filter_and_split(self, config, seed)
        except DataError as error:  # its way out is written for the command line
            raise type(error)(str(error).replace("--set data.", "")) from None
        given = {field.name: getattr(made, field.name) for field in fields(split.Split)}
        return Split(**given, dataset=Dataset.of(filtered.dataset), source=self, config=config, seed=seed)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Split(split.Split):
    """Which interactions are for training, validation and test; made by `Dataset.split`.

    `train`, `validation` and `test` are sparse matrices (users, items) by index, `to_frame()` is all of it by raw id,
    `notes` says what a reader of results should know.

    Example:
        >>> import convncf
        >>> split = convncf.datasets.load("movielens-small").split(seed=1, split="leave-one-out")
        >>> split.to_frame()["part"].value_counts().to_dict()
        {'training': 98662, 'test': 671, 'validation': 671}
    """

    dataset: Dataset
    """What the filters left."""
    source: Dataset
    """The data as it came."""
    config: DataConfig
    seed: int

    def to_frame(self) -> pd.DataFrame:
        """A row an interaction: user_id, item_id, rating and timestamp where known, and part, in words."""
        return self.interactions.to_frame().assign(part=np.asarray(split.PARTS, dtype=object)[self.part])


def read(
    paths: Path | str | Sequence[Path | str],
    *,
    user: str | None = None,
    item: str | None = None,
    time: str | None = None,
    rating: str | None = None,
    title: str | None = None,
    name: str | None = None,
    **options: Any,
) -> Dataset:
    """Read a file, an archive, a folder, or several files that belong together, as a dataset.

    What is not said is found out: format, encoding, delimiter, header, columns, and in what times count; `report` says
    what was found, kept and left out. Nothing is stored: `convncf.datasets.add` does that.

    Args:
        paths: one path or several.
        user, item, time, rating, title: names of columns, numbers from "1" where no line names them; "" leaves one out.
        name: of the dataset; by the file's name unless given.
        **options: format, delimiter, encoding, decimal, time_unit, date_order, header, titles (a file), titles_key,
            ids, keep, companions, as `convncf datasets add` has them.

    Returns:
        The dataset.

    Raises:
        ReadError: naming file and line.

    Example:
        >>> import convncf, pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "orders.csv"
        >>> _ = file.write_text("customer,article,day\\nc1,a1,2024-05-01\\nc1,a2,2024-05-02\\nc2,a1,2024-05-03\\n")
        >>> data = convncf.read(file, user="customer", item="article", time="day")
        >>> data.report["rows"], data.n_users, data.n_items
        (3, 2, 2)
    """
    known = {field.name for field in fields(ReadOptions)} - {"columns"}
    strange = next((key for key in options if key not in known), None)
    if strange is not None:
        raise ConfigError(f"convncf.read has no option {strange!r}. It has: {', '.join(sorted(known))}.")
    if isinstance(options.get("titles"), str):
        options["titles"] = Path(options["titles"])
    roles = {"user_id": user, "item_id": item, "timestamp": time, "rating": rating, "title": title}
    columns: Mapping[str, str | None] = {role: column for role, column in roles.items() if column is not None}
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    if not given:
        raise DataError("no file was named. Give the path of one, such as convncf.read('orders.csv').")
    try:
        found = read_files(given, ReadOptions(columns=columns, **options))
    except ReadError as error:  # its way out is written for the command line
        raise type(error)(_by_keyword(str(error))) from None
    made = catalogue.as_dataset(name or catalogue.stem(Path(given[0])), found)
    return Dataset.of(made)


_FLAG = re.compile(r"--(no-)?([a-z]+)(-[a-z]+)?(?: (\"\"|NAME|NUMBER))?")


def _by_keyword(words: str) -> str:
    """What to do, in arguments of `read`: '--user-column NAME' -> 'user=NAME', '--date-order' -> 'date_order='."""

    def keyword(flag: re.Match[str]) -> str:
        no, name, rest, value = flag.groups()
        if name == "header":
            return f"header={not no}"
        return f"{name}{'' if rest == '-column' else (rest or '').replace('-', '_')}={value or ''}"

    return _FLAG.sub(keyword, words)


# ---------------------------------------------------------------- a frame's columns


def _by_appearance(kind: Any, ids: Sequence[str], codes: Int64s) -> tuple[Vocabulary, npt.NDArray[np.int32]]:
    """The ids that rows still have, in the order in which they come up, and (n,) their indices."""
    used, first = np.unique(codes, return_index=True)
    in_order = used[np.argsort(first)]
    place = np.zeros(len(ids), np.int32)
    place[in_order] = np.arange(len(in_order), dtype=np.int32)
    return Vocabulary(kind, tuple(ids[code] for code in in_order.tolist())), place[codes]


def _times(column: pd.Series[Any]) -> tuple[Int64s, TimeUnit, str]:
    """(n,) exact counts since 1970, what they count, and how the column was read, in words."""
    missing = np.flatnonzero(column.isna().to_numpy())
    if missing.size:
        raise DataError(
            f"column {column.name!r} has no time in {missing.size:,} rows, the first of them row {int(missing[0])}. "
            "Fill them in, leave those rows out, or leave time= out."
        )
    if column.dtype.kind == "M":
        dates = (column.dt.tz_convert(None) if getattr(column.dt, "tz", None) is not None else column).to_numpy()
        name, _ = np.datetime_data(dates.dtype)
        if name not in ("s", "ms", "us", "ns"):
            dates, name = dates.astype("datetime64[s]"), "s"
        return dates.astype(np.int64), name, "pandas dates"  # type: ignore[return-value]
    if column.dtype.kind in "iuf":
        values = column.to_numpy()
        counts = values.astype(np.int64)
        if (counts != values).any():
            row = int(np.flatnonzero(counts != values)[0])
            raise DataError(
                f"column {column.name!r} holds {values[row]} in row {row}, and times are whole counts since 1970 or "
                "dates. Convert it, such as with pandas.to_datetime."
            )
        return counts, detect_unit(counts), "counts since 1970"
    read = parse_times(pa.array([str(value).strip() for value in column.tolist()], pa.large_string()))
    for wrong, why in (
        (read.unclear, "which number is the day and which the month does not show"),
        (~read.understood, "it is no time"),
        (read.other_unit, "it counts in another unit than the rest"),
    ):
        if wrong is not None and wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise DataError(
                f"column {column.name!r} holds {column.iloc[row]!r} in row {row}: {why} ({int(wrong.sum()):,} rows). "
                f"Convert it, such as with pandas.to_datetime. {READ_AS_TIMES}"
            )
    return read.values, read.unit, read.format


def _ratings(column: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """(n,) finite numbers."""
    if column.dtype.kind not in "iufb":
        raise DataError(
            f"column {column.name!r} holds {column.dtype}, and ratings are numbers. Convert it, or leave it out."
        )
    values = column.to_numpy(np.float64, na_value=np.nan)
    wrong = np.flatnonzero(~np.isfinite(values.astype(np.float32)))
    if wrong.size:
        raise DataError(
            f"column {column.name!r} holds {column.iloc[int(wrong[0])]} in row {int(wrong[0])}, and ratings are finite "
            "numbers. Fill it in, leave those rows out, or leave rating= out."
        )
    return values


def _span(interactions: Interactions, words: str) -> TimeSpan | None:
    if interactions.timestamp is None:
        return None
    seconds = to_seconds(interactions.timestamp, interactions.time_unit)
    return TimeSpan(interactions.time_unit, words, date_words(int(seconds.min())), date_words(int(seconds.max())))


def _titled(items: Vocabulary, titles: pd.DataFrame, key: str, title: str) -> tuple[ItemTable, TitlesRead]:
    """The items with the first title that the frame has for each."""
    ids, codes = ids_of(column_of(frame_of(titles, "the frame of titles"), key, "titles_item"))
    texts = column_of(titles, title, "titles_title")
    first: dict[str, str] = {}
    for code, text, lacks in zip(codes.tolist(), texts.tolist(), texts.isna().tolist(), strict=True):
        if not lacks:
            first.setdefault(ids[code], str(text))
    table = replace(ItemTable.untitled(items), titles=tuple(first.get(raw, "") for raw in items.ids))
    unused = sum(raw not in items for raw in ids)
    return table, TitlesRead("the frame of titles", len(items), table.n_titled, unused)
