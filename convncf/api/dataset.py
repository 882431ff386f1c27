"""The public Dataset and Split: read from a DataFrame or a file, and split, by raw ids.

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
    """What reading kept, and what it dropped and why: plain values by name; printed, it is sentences.

    Example:
        >>> import convncf, pandas as pd
        >>> frame = pd.DataFrame({"user_id": ["u1", "u1", "u2"], "item_id": ["a", "a", "b"]})
        >>> convncf.Dataset.from_frame(frame).report["kept"]
        2
    """

    def __repr__(self) -> str:
        sentences = list(self.get("sentences", ()))
        more = [f"and {len(sentences) - _LINES} more"] if len(sentences) > _LINES else []
        shown = (sentence if len(sentence) <= 240 else f"{sentence[:240]}…" for sentence in sentences[:_LINES])
        return "\n".join([*shown, *more])


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(dataset.Dataset):
    """Interactions with a name, and the titles of their items; users and items are given by raw id, as text.

    Made by `from_frame`, `convncf.read` and `convncf.datasets.load`. `n_users` and `n_items` are its sizes, `report`
    says what reading kept and dropped, `interactions.to_frame()` gives the pairs back.

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
        """A dataset from a DataFrame with a row an interaction, with any column names.

        A pair that occurs more than once is kept once: its latest row by time, without times its first; `report`
        counts them.

        Args:
            frame: n rows. Ids are text or whole numbers, and are compared as text.
            user, item: names of the columns of ids.
            time: column of times: pandas dates, text such as 2024-05-31 12:30, or whole counts since 1970 in seconds,
                milliseconds, microseconds or nanoseconds (detected by their size). Without it nothing can be held
                out by time.
            rating: column of numbers; each row counts as an interaction, whatever its rating.
            titles: a row an item: column `titles_item` (as `item` unless given) has the ids, `titles_title` the titles.
            name: the dataset's name where it is stored.

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
            same = next((other for other in chosen if other != role and chosen[other] == column), None)
            if same is not None:
                raise DataError(f"column {column!r} is given for both {role} and {same}. Give one of them another.")
        user_ids, user_codes = ids_of(column_of(frame, user, "user"))
        item_ids, item_codes = ids_of(column_of(frame, item, "item"))
        times: Int64s | None = None
        unit: TimeUnit = "s"
        time_format = ""
        if time is not None:
            times, unit, time_format = _times(column_of(frame, time, "time"))
        ratings = None if rating is None else _ratings(column_of(frame, rating, "rating"))
        merged = merge_repeats(user_codes, item_codes, times, ratings)
        rows = np.arange(len(frame)) if merged.kept is None else merged.kept
        users, user_index = _by_appearance("user", user_ids, user_codes[rows])
        items, item_index = _by_appearance("item", item_ids, item_codes[rows])
        interactions = Interactions(
            users,
            items,
            user_index,
            item_index,
            None if times is None else times[rows],
            None if ratings is None else ratings[rows].astype(np.float32),
            unit,
        )
        table, titles_read = ItemTable.untitled(items), None
        if titles is not None:
            table, titles_read = _titled(items, titles, item if titles_item is None else titles_item, titles_title)
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
            time=_span(interactions, time_format),
            titles=titles_read,
            candidates=None,
            warnings=(),
            notes=(),
        )
        return cls(name, interactions, table, "made from a DataFrame", ReadingReport(report.to_json()))

    @classmethod
    def of(cls, core: dataset.Dataset) -> Self:
        """A dataset of the core as one of this class."""
        if isinstance(core, cls):
            return core
        values = {field.name: getattr(core, field.name) for field in fields(dataset.Dataset)}
        if core.report is not None:
            values["report"] = ReadingReport(core.report)
        return cls(**values)

    def split(self, seed: int = 1, **settings: Any) -> Split:
        """Hold out a part for validation and a part for test.

        Args:
            seed: 0 or more; a random split depends on it and on the raw ids alone.
            **settings: those of `data.*` by their names: split ("ratio", "leave-one-out", "predefined"),
                ratios (training, validation, test), order ("time" holds out the latest, "random"), across ("user" or
                "all"), min_rating, since, until, min_user, max_user, min_item, max_item, …

        Returns:
            A Split of what the filters keep.

        Raises:
            ConfigError: a setting does not exist or has an invalid value.
            DataError, SplitError: the filters drop everything, or nothing can be held out.

        Example:
            >>> import convncf
            >>> split = convncf.datasets.load("movielens-small").split(seed=1)
            >>> split.train.nnz, split.validation.nnz, split.test.nnz
            (80560, 9722, 9722)
        """
        return self.split_by(data_settings(self.name, seed, settings), seed)

    def split_by(self, config: DataConfig, seed: int) -> Split:
        """`split`, with the settings as one value."""
        try:
            filtered, core = splitting.filter_and_split(self, config, seed)
        except DataError as error:  # what to do is written for the command line
            raise type(error)(str(error).replace("--set data.", "")) from None
        values = {field.name: getattr(core, field.name) for field in fields(split.Split)}
        return Split(**values, dataset=Dataset.of(filtered.dataset), source=self, config=config, seed=seed)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Split(split.Split):
    """Which interactions are for training, validation and test; made by `Dataset.split`.

    `train`, `validation` and `test` are sparse matrices (users, items) by index, `to_frame()` gives all by raw id,
    `notes` says what a reader of results should know.

    Example:
        >>> import convncf
        >>> split = convncf.datasets.load("movielens-small").split(seed=1, split="leave-one-out")
        >>> split.to_frame()["part"].value_counts().to_dict()
        {'training': 98662, 'test': 671, 'validation': 671}
    """

    dataset: Dataset
    """The data after its filters."""
    source: Dataset
    """The data before its filters."""
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

    What is not given is detected: format, encoding, delimiter, header, columns, and the unit of times; `report` says
    what was detected, kept and dropped. Nothing is stored: `convncf.datasets.add` does that.

    Args:
        paths: one path or several.
        user, item, time, rating, title: names of columns, numbers from "1" where there is no header; "" for none.
        name: of the dataset; by the file's name unless given.
        **options: format, delimiter, encoding, decimal, time_unit, date_order, header, titles (a file), titles_key,
            ids, keep, companions, as in `convncf datasets add`.

    Returns:
        The dataset.

    Raises:
        ReadError: with file and line.

    Example:
        >>> import convncf, pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "orders.csv"
        >>> _ = file.write_text("customer,article,day\\nc1,a1,2024-05-01\\nc1,a2,2024-05-02\\nc2,a1,2024-05-03\\n")
        >>> data = convncf.read(file, user="customer", item="article", time="day")
        >>> data.report["rows"], data.n_users, data.n_items
        (3, 2, 2)
    """
    known = {field.name for field in fields(ReadOptions)} - {"columns"}
    unknown = next((key for key in options if key not in known), None)
    if unknown is not None:
        raise ConfigError(f"convncf.read has no option {unknown!r}. It has: {', '.join(sorted(known))}.")
    if isinstance(options.get("titles"), str):
        options["titles"] = Path(options["titles"])
    roles = {"user_id": user, "item_id": item, "timestamp": time, "rating": rating, "title": title}
    columns: Mapping[str, str | None] = {role: column for role, column in roles.items() if column is not None}
    path_list = [paths] if isinstance(paths, str | Path) else list(paths)
    if not path_list:
        raise DataError("no file was named. Give the path of one, such as convncf.read('orders.csv').")
    try:
        result = read_files(path_list, ReadOptions(columns=columns, **options))
    except ReadError as error:  # what to do is written for the command line
        raise type(error)(_by_keyword(str(error))) from None
    return Dataset.of(catalogue.as_dataset(name or catalogue.stem(Path(path_list[0])), result))


_FLAG = re.compile(r"--(no-)?([a-z]+)(-[a-z]+)?(?: (\"\"|NAME|NUMBER))?")


def _by_keyword(message: str) -> str:
    """What to do, in arguments of `read`: '--user-column NAME' -> 'user=NAME', '--date-order' -> 'date_order='."""

    def keyword(flag: re.Match[str]) -> str:
        no, name, rest, value = flag.groups()
        if name == "header":
            return f"header={not no}"
        return f"{name}{'' if rest == '-column' else (rest or '').replace('-', '_')}={value or ''}"

    return _FLAG.sub(keyword, message)


# ---------------------------------------------------------------- a frame's columns


def _by_appearance(kind: Any, ids: Sequence[str], codes: Int64s) -> tuple[Vocabulary, npt.NDArray[np.int32]]:
    """The ids that the rows have, in order of first appearance, and (n,) their indices."""
    used, first = np.unique(codes, return_index=True)
    in_order = used[np.argsort(first)]
    index = np.zeros(len(ids), np.int32)
    index[in_order] = np.arange(len(in_order), dtype=np.int32)
    return Vocabulary(kind, tuple(ids[code] for code in in_order.tolist())), index[codes]


def _times(column: pd.Series[Any]) -> tuple[Int64s, TimeUnit, str]:
    """(n,) exact counts since 1970, what they count, and how the column was read, in words."""
    missing = np.flatnonzero(column.isna().to_numpy())
    if missing.size:
        raise DataError(
            f"column {column.name!r} has no time in {missing.size:,} rows, the first of them row {int(missing[0])}. "
            "Fill them in, drop those rows, or omit time=."
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
    parsed = parse_times(pa.array([str(value).strip() for value in column.tolist()], pa.large_string()))
    for wrong, reason in (
        (parsed.unclear, "it does not show which number is the day and which the month"),
        (~parsed.understood, "it is not a time"),
        (parsed.other_unit, "it counts in another unit than the rest"),
    ):
        if wrong is not None and wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise DataError(
                f"column {column.name!r} holds {column.iloc[row]!r} in row {row}: {reason} "
                f"({int(wrong.sum()):,} rows). Convert it, such as with pandas.to_datetime. {READ_AS_TIMES}"
            )
    return parsed.values, parsed.unit, parsed.format


def _ratings(column: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """(n,) finite numbers."""
    if column.dtype.kind not in "iufb":
        raise DataError(
            f"column {column.name!r} holds {column.dtype}, and ratings are numbers. Convert it, or omit rating=."
        )
    values = column.to_numpy(np.float64, na_value=np.nan)
    wrong = np.flatnonzero(~np.isfinite(values.astype(np.float32)))
    if wrong.size:
        raise DataError(
            f"column {column.name!r} holds {column.iloc[int(wrong[0])]} in row {int(wrong[0])}, and ratings are finite "
            "numbers. Fill it in, drop those rows, or omit rating=."
        )
    return values


def _span(interactions: Interactions, time_format: str) -> TimeSpan | None:
    if interactions.timestamp is None:
        return None
    seconds = to_seconds(interactions.timestamp, interactions.time_unit)
    return TimeSpan(interactions.time_unit, time_format, date_words(int(seconds.min())), date_words(int(seconds.max())))


def _titled(items: Vocabulary, titles: pd.DataFrame, key: str, title: str) -> tuple[ItemTable, TitlesRead]:
    """The items with the first title that the frame has for each."""
    ids, codes = ids_of(column_of(frame_of(titles, "the frame of titles"), key, "titles_item"))
    texts = column_of(titles, title, "titles_title")
    first: dict[str, str] = {}
    for code, text, missing in zip(codes.tolist(), texts.tolist(), texts.isna().tolist(), strict=True):
        if not missing:
            first.setdefault(ids[code], str(text))
    table = replace(ItemTable.untitled(items), titles=tuple(first.get(raw, "") for raw in items.ids))
    unused = sum(raw not in items for raw in ids)
    return table, TitlesRead("the frame of titles", len(items), table.n_titled, unused)
