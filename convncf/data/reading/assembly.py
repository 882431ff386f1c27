"""Tables of rows -> Interactions, the parts of a predefined split, and checks that their ids match.

Ids are text: leading zeros stay, "7.0" is not "7" without --ids number; only surrounding blanks are removed, and
counted. Dropped rows are counted by reason with their line numbers; what cannot be read at all is a ReadError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from convncf.data.formats import UNIT_WORDS, TimeUnit
from convncf.data.interactions import Interactions
from convncf.data.reading.columns import OPTIONS, MergedRows, as_number, merge_repeats, parse_ratings, resolve_columns
from convncf.data.reading.options import ROLES, ReadOptions
from convncf.data.reading.report import Dropped, DroppedRows, TimeSpan, counted
from convncf.data.reading.tables import EncodedColumn, Int64s, Table, concatenated, digits
from convncf.data.timestamps import READ_AS_TIMES, ParsedTimes, date_words, implausible, parse_times, to_seconds
from convncf.data.vocabulary import Vocabulary
from convncf.errors import ReadError

_SHOWN = 3
_MOST = 0.5
_LARGEST_SAMPLE = 20_000
_CAUSES: tuple[tuple[Callable[[str], str], str], ...] = (
    (
        lambda raw: re.sub(r"^0*([0-9]+?)(?:\.0*)?$", r"\1", raw.strip()),
        "they match without leading zeros and .0: --ids number reads both so",
    ),
    (lambda raw: raw.strip().casefold(), "they match without upper and lower case: write both the same way"),
    (lambda raw: re.sub(r"^\D+", "", raw), "they match by their digits: one side writes letters before the number"),
)


def example_ids(ids: Iterable[str]) -> str:
    """The first few ids: '1', '2', '3' …"""
    shown = list(islice(ids, _SHOWN + 1))
    return ", ".join(map(repr, shown[:_SHOWN])) + (" …" if len(shown) > _SHOWN else "")


def likely_cause(ids: Set[str], other_ids: Set[str]) -> str:
    """The change that would make most ids of the smaller side match the other; "" where no known change does."""
    few, many = (ids, other_ids) if len(ids) <= len(other_ids) else (other_ids, ids)
    sample = list(islice(sorted(few), _LARGEST_SAMPLE))
    n_equal = sum(raw in many for raw in sample)
    for change, advice in _CAUSES:
        changed = {change(raw) for raw in many}
        n_matching = sum(change(raw) in changed for raw in sample)
        # a change by which no more ids match than before explains nothing
        if n_matching > n_equal and n_matching >= _MOST * len(sample):
            return advice
    return ""


_FEW = 0.5
Parts = npt.NDArray[np.int8]


def unknown_id_warnings(interactions: Interactions, part: Parts) -> list[str]:
    """A warning for each kind of id where few of the held-out ones occur in training."""
    warnings = []
    for kind, vocabulary in _kinds(interactions):
        train, held_out = _in_parts(interactions, part, kind)
        missing = held_out & ~train
        n_known = int((held_out & train).sum())
        if not held_out.any() or n_known >= _FEW * int(held_out.sum()):
            continue
        training_ids, missing_ids = _ids(vocabulary, train), _ids(vocabulary, missing)
        cause = likely_cause(set(training_ids), set(missing_ids))
        warnings.append(
            f"only {n_known:,} of the {counted(int(held_out.sum()), kind)} held out occur in training; training has "
            f"{example_ids(training_ids)}, the held-out part {example_ids(missing_ids)}{f'; {cause}' if cause else ''}"
        )
    return warnings


def cold_notes(interactions: Interactions, part: Parts) -> list[str]:
    """Users and items that are held out and not in training, counted and named."""
    notes = []
    for kind, vocabulary in _kinds(interactions):
        train, held_out = _in_parts(interactions, part, kind)
        cold = held_out & ~train
        if cold.any():
            n = int(cold.sum())
            verb = "is" if n == 1 else "are"
            notes.append(
                f"{counted(n, kind)} {verb} held out and not in training: {example_ids(_ids(vocabulary, cold))}"
            )
    return notes


def spelling_notes(interactions: Interactions) -> list[str]:
    """Ids that would be one as numbers, such as 7, 7.0 and 007: kept apart, and noted."""
    notes = []
    for kind, vocabulary in _kinds(interactions):
        ids = pa.array(vocabulary.ids, pa.large_string())
        as_numbers = pc.dictionary_encode(as_number(ids))
        n_joined = len(ids) - len(as_numbers.dictionary)
        if n_joined:
            codes = np.asarray(as_numbers.indices)
            code = int(np.flatnonzero(np.bincount(codes) > 1)[0])
            pair = [vocabulary.ids[row] for row in np.flatnonzero(codes == code)[:2]]
            notes.append(
                f"{counted(n_joined, f'{kind} id')} differ from another only in spelling, such as {pair[0]!r} and "
                f"{pair[1]!r}: kept apart; --ids number merges them"
            )
    return notes


def _kinds(interactions: Interactions) -> tuple[tuple[Literal["user", "item"], Vocabulary], ...]:
    return (("user", interactions.users), ("item", interactions.items))


def _in_parts(
    interactions: Interactions, part: Parts, kind: Literal["user", "item"]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Masks of the indices that occur in training, and in the held-out parts."""
    index = interactions.user if kind == "user" else interactions.item
    size = interactions.n_users if kind == "user" else interactions.n_items
    train, held_out = np.zeros(size, bool), np.zeros(size, bool)
    train[index[part == 0]] = True
    held_out[index[part > 0]] = True
    return train, held_out


def _ids(vocabulary: Vocabulary, among: npt.NDArray[np.bool_]) -> list[str]:
    return [vocabulary.ids[index] for index in np.flatnonzero(among)]


Bools = npt.NDArray[np.bool_]
PARTS = ("training", "validation", "test")
_UNREAD = "not read: {} has none, and all files must have one"


@dataclass(frozen=True, eq=False)
class Assembled:
    """Tables of interactions, put together."""

    interactions: Interactions
    part: npt.NDArray[np.int8]
    """(n,) index into PARTS; all 0 where there is no predefined split."""
    titles: tuple[EncodedColumn, EncodedColumn] | None
    """Item id and title of each row, where there is a title column."""
    columns: tuple[dict[str, str], ...]
    """Role -> column, for each table."""
    merged: MergedRows
    dropped: tuple[Dropped, ...]
    time: TimeSpan | None
    notes: tuple[str, ...]


class Assembly:
    """Tables while rows are checked: `dropped_rows` counts what is dropped, and the columns shrink with it."""

    def __init__(self, tables: Sequence[Table], parts: Sequence[int], options: ReadOptions) -> None:
        self.tables, self.options = tables, options
        self.path = str(tables[0].source)
        self.notes = [note for table in tables for note in table.notes]
        positions = [resolve_columns(t.names, options.columns, t.where, t.guess) for t in tables]
        roles = self._common_roles(positions)
        self.columns = tuple(
            {role: table.names[columns[role]] for role in roles}
            for table, columns in zip(tables, positions, strict=True)
        )
        sizes = [len(table.line) for table in tables]
        self.dropped_rows = DroppedRows(
            tables[0].line if len(tables) == 1 else np.concatenate([table.line for table in tables]),
            np.repeat(np.arange(len(tables), dtype=np.int16), sizes),
            [table.source.file for table in tables],
        )
        for table in tables:
            self.dropped_rows.note(
                [
                    Dropped(d.reason, d.count, d.first_lines, table.source.file if len(tables) > 1 else "")
                    for d in table.dropped
                ]
            )
        self.part = np.repeat(np.asarray(parts, np.int8), sizes)
        read_columns = list(zip(tables, positions, strict=True))
        self.text = {
            role: _joined([table.coded(columns[role]) for table, columns in read_columns])
            for role in roles
            if role != "timestamp"
        }
        self.time_text = (
            concatenated([table.plain(columns["timestamp"]) for table, columns in read_columns])
            if "timestamp" in roles
            else None
        )
        units = {
            t.units.get(columns["timestamp"])
            for t, columns in zip(tables, positions, strict=True)
            if "timestamp" in columns
        }
        self.unit = options.time_unit or (units.pop() if len(units) == 1 else None)
        self.ratings: npt.NDArray[np.float64] | None = None
        self.times: ParsedTimes | None = None
        self.not_a_time = ""

    def result(self) -> Assembled:
        """Check, count and concatenate. Raises ReadError where no row is left, or times mix units."""
        self._drop_repeated_headers()
        self._read_ids()
        self._read_ratings()
        self._read_times()
        if not len(self.dropped_rows.rows):
            raise ReadError(self._no_rows_message())
        self._drop_pairs_of_other_parts()
        span = self._time_span()
        unit: TimeUnit = "s" if self.times is None else self.times.unit
        times = None if self.times is None else self.times.values
        user, item = self.text["user_id"], self.text["item_id"]
        titles = (item, self.text["title"]) if "title" in self.text else None
        part, ratings = self.part, self.ratings
        self.text, self.times, self.ratings = {}, None, None  # each needs as much memory as the result
        merged = merge_repeats(user.codes, item.codes, times, ratings, self.options.keep)
        if (kept := merged.kept) is not None:
            user, item, part = user.take(kept), item.take(kept), part[kept]
            times = None if times is None else times[kept]
            ratings = None if ratings is None else ratings[kept]
        users, items = user.by_appearance(), item.by_appearance()
        interactions = Interactions(
            Vocabulary("user", tuple(users.values.to_pylist())),
            Vocabulary("item", tuple(items.values.to_pylist())),
            users.codes,
            items.codes,
            times,
            None if ratings is None else ratings.astype(np.float32),
            unit,
        )
        return Assembled(
            interactions=interactions,
            part=part,
            titles=titles,
            columns=self.columns,
            merged=merged,
            dropped=self.dropped_rows.dropped,
            time=span,
            notes=tuple(self.notes),
        )

    def _common_roles(self, positions: list[dict[str, int]]) -> list[str]:
        """Roles that every table has a column for; what only some have is not read, and noted."""
        for role in ("rating", "timestamp"):
            files_without = [
                t.source.file for t, columns in zip(self.tables, positions, strict=True) if role not in columns
            ]
            if files_without and len(files_without) < len(self.tables):
                noun = {"rating": "ratings", "timestamp": "times"}[role]
                self.notes.append(f"{noun} {_UNREAD.format(files_without[0])}")
        return [role for role in ROLES if all(role in columns for columns in positions)]

    def _drop(self, reason: str, leaving: Bools) -> None:
        stays = self.dropped_rows.drop(reason, leaving)
        if not stays.all():
            self.text = {role: column.take(stays) for role, column in self.text.items()}
            if self.time_text is not None:
                self.time_text = _filtered(self.time_text, stays)
            self.part = self.part[stays]
            if self.ratings is not None:
                self.ratings = self.ratings[stays]
            if self.times is not None:
                times = self.times
                self.times = ParsedTimes(
                    times.values[stays], times.understood[stays], times.unit, times.format, times.other_unit[stays]
                )

    def _drop_repeated_headers(self) -> None:
        """Concatenated files hold a header in the middle."""
        for file, (table, names) in enumerate(zip(self.tables, self.columns, strict=True)):
            if table.header is None:
                continue
            is_header = self.dropped_rows.file[self.dropped_rows.rows] == file
            for role, name in names.items():
                if role in self.text:
                    column = self.text[role]
                    is_header &= column.rows_with(
                        np.asarray(pc.equal(pc.utf8_trim_whitespace(column.values), name), bool)
                    )
                elif is_header.any():  # rare, so it may be slow
                    is_header[is_header] = np.asarray(
                        pc.equal(_trimmed(_filtered(self.time_text, is_header)), name), bool
                    )
            self._drop("the header again", is_header)

    def _read_ids(self) -> None:
        for role, kind in (("user_id", "user"), ("item_id", "item")):
            column = self.text[role]
            rows = column.counts()
            trimmed = pc.utf8_trim_whitespace(column.values)
            n_trimmed = int(rows[np.asarray(pc.not_equal(trimmed, column.values), bool)].sum())
            if n_trimmed:
                self.notes.append(f"blanks around the {kind} id removed in {counted(n_trimmed, 'row')}")
            if self.options.ids == "number":
                shortest = as_number(trimmed)
                n_changed = int(rows[np.asarray(pc.not_equal(shortest, trimmed), bool)].sum())
                self.notes.append(f"{kind} ids read as numbers, as set: {counted(n_changed, 'row')} changed")
                trimmed = shortest
            self.text[role] = column = column.with_values(trimmed)
            self._drop(f"{kind} id empty", column.rows_with(np.asarray(pc.equal(column.values, ""), bool)))

    def _read_ratings(self) -> None:
        if "rating" not in self.text:
            return
        parsed = parse_ratings(self.text["rating"], self.options.decimal)
        self.ratings = parsed.values
        self._drop("rating empty", parsed.empty)
        self._drop("rating not a number", ~parsed.understood[~parsed.empty])
        training_ratings = np.unique(self.ratings[self.part == 0])
        if self.part.any() and len(training_ratings) == 1 and len(np.unique(self.ratings[self.part > 0])) > 1:
            self.notes.append(
                f"ratings not read: in training each is {training_ratings[0]:g}, which only marks an interaction"
            )
            self.ratings = None
            self.columns = tuple({r: name for r, name in names.items() if r != "rating"} for names in self.columns)
        else:
            self.notes.extend(parsed.notes)

    def _read_times(self) -> None:
        if self.time_text is None:
            return
        if not isinstance(self.time_text, np.ndarray):
            self.time_text = pc.utf8_trim_whitespace(self.time_text)
            self._drop("time empty", np.asarray(pc.equal(self.time_text, ""), bool))
        origin = "as set" if self.options.time_unit else "as the file says"
        times = parse_times(self.time_text, self.unit, self.options.date_order, whose=origin)
        self._refuse_unclear(times)
        if not times.understood.all():
            self.not_a_time = str(self.time_text[int(np.flatnonzero(~times.understood)[0])])
        self.time_text = None
        if times.other_unit.any():
            n_other = int(times.other_unit.sum())
            raise ReadError(
                f"{self.path}: column {self.columns[0]['timestamp']!r} mixes units: most count "
                f"{UNIT_WORDS[times.unit]}, but not {counted(n_other, 'row')} "
                f"({self.dropped_rows.where(times.other_unit)}). "
                f'Use one unit, or do not read the column: {OPTIONS["timestamp"]} "".'
            )
        self._drop("time not understood", ~times.understood)
        stays = times.understood
        values = times.values if stays.all() else times.values[stays]
        self.times = ParsedTimes(values, stays[stays], times.unit, times.format, times.other_unit[stays])
        unlikely = implausible(values, times.unit)
        if unlikely.any():
            count = counted(int(unlikely.sum()), "time")
            self.notes.append(f"{count} before 1900 or after 2100, kept ({self.dropped_rows.where(unlikely)})")

    def _refuse_unclear(self, times: ParsedTimes) -> None:
        if times.unclear is None or self.time_text is None:
            return
        shown = _trimmed(_filtered(self.time_text, times.unclear))
        raise ReadError(
            f"{self.path}: column {self.columns[0]['timestamp']!r}: which number is the day and which the month does "
            f"not show in dates such as {shown[0].as_py()!r} and {shown[-1].as_py()!r} "
            f"({self.dropped_rows.where(times.unclear)}). Give --date-order day-first or month-first, "
            f'or do not read the column: {OPTIONS["timestamp"]} "".'
        )

    def _drop_pairs_of_other_parts(self) -> None:
        """A pair that is in training cannot be held out as well: it stays in the first part that has it."""
        if not self.part.any():
            return
        user, item = self.text["user_id"].codes, self.text["item_id"].codes
        pair = user.astype(np.int64) * (int(item.max()) + 1) + item
        _, pair_index = np.unique(pair, return_inverse=True)
        first = np.full(int(pair_index.max()) + 1, len(PARTS), np.int8)
        np.minimum.at(first, pair_index, self.part)
        for part in range(len(PARTS)):
            leaving = (self.part > first[pair_index]) & (first[pair_index] == part)
            self._drop(f"already in {PARTS[part]}", leaving)
            pair_index = pair_index[~leaving]

    def _time_span(self) -> TimeSpan | None:
        if self.times is None:
            return None
        seconds = to_seconds(self.times.values, self.times.unit)
        first, last = date_words(int(seconds.min())), date_words(int(seconds.max()))
        return TimeSpan(self.times.unit, self.times.format, first, last)

    def _no_rows_message(self) -> str:
        reasons = "; ".join(map(str, self.dropped_rows.dropped))
        first_reason = self.dropped_rows.dropped[0].reason if self.dropped_rows.dropped else ""
        role = next(
            (role for role, start in (("rating", "rating"), ("timestamp", "time")) if first_reason.startswith(start)),
            None,
        )
        if role:
            advice = f'Map another column with {OPTIONS[role]} NAME, or do not read it: {OPTIONS[role]} "".'
            advice += f" The first is {self.not_a_time!r}. {READ_AS_TIMES}" if self.not_a_time else ""
        elif "fields" in first_reason:
            advice = "Give the right delimiter with --delimiter, or correct the header."
        else:
            advice = "Map other columns with --user-column NAME and --item-column NAME."
        columns = ", ".join(f"{role} = {name!r}" for role, name in self.columns[0].items())
        return f"{self.path}: no row is left: {reasons}. Columns: {columns}. {advice}"


def _joined(columns: list[EncodedColumn]) -> EncodedColumn:
    return columns[0] if len(columns) == 1 else EncodedColumn.joined(columns)


def _filtered(column: pa.LargeStringArray | Int64s, mask: Bools) -> pa.LargeStringArray | Int64s:
    return column[mask] if isinstance(column, np.ndarray) else column.filter(pa.array(mask))


def _trimmed(column: pa.LargeStringArray | Int64s) -> pa.LargeStringArray:
    return pc.utf8_trim_whitespace(digits(column) if isinstance(column, np.ndarray) else column)
