"""Tables of rows -> Interactions, held-out parts where the data came split, and checks that their ids meet.

Ids are text: leading zeros stay, "7.0" is not "7" unless asked; only surrounding blanks are taken off, and counted.
Whatever is left out is counted by reason with its line numbers; what cannot be read at all is a ReadError.
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
from convncf.data.reading.columns import OPTIONS, Merged, as_number, merge_repeats, parse_ratings, resolve_columns
from convncf.data.reading.options import ROLES, ReadOptions
from convncf.data.reading.report import Dropped, DroppedRows, TimeSpan, counted
from convncf.data.reading.tables import Coded, Int64s, Table, in_a_row, plain_text
from convncf.data.timestamps import READ_AS_TIMES, ParsedTimes, date_words, implausible, parse_times, to_seconds
from convncf.data.vocabulary import Vocabulary
from convncf.errors import ReadError

_SHOWN = 3
_MOST = 0.5
_LARGEST_SAMPLE = 20_000
_CAUSES: tuple[tuple[Callable[[str], str], str], ...] = (
    (
        lambda raw: re.sub(r"^0*([0-9]+?)(?:\.0*)?$", r"\1", raw.strip()),
        "they meet where leading zeros and .0 are taken off: --ids number reads both so",
    ),
    (lambda raw: raw.strip().casefold(), "they meet where upper and lower case are the same: make them alike"),
    (lambda raw: re.sub(r"^\D+", "", raw), "they meet by their digits: one side writes letters before the number"),
)


def samples(ids: Iterable[str]) -> str:
    """The first few ids: '1', '2', '3' …"""
    shown = list(islice(ids, _SHOWN + 1))
    return ", ".join(map(repr, shown[:_SHOWN])) + (" …" if len(shown) > _SHOWN else "")


def likely_cause(one: Set[str], other: Set[str]) -> str:
    """What would make most ids of the smaller side meet the other; "" where nothing known does."""
    few, many = (one, other) if len(one) <= len(other) else (other, one)
    sample = list(islice(sorted(few), _LARGEST_SAMPLE))
    as_they_are = sum(raw in many for raw in sample)
    for same, words in _CAUSES:
        meant = {same(raw) for raw in many}
        meeting = sum(same(raw) in meant for raw in sample)
        # a change by which no more ids meet than do already explains nothing
        if meeting > as_they_are and meeting >= _MOST * len(sample):
            return words
    return ""


_FEW = 0.5
Parts = npt.NDArray[np.int8]


def meeting_warnings(interactions: Interactions, part: Parts) -> list[str]:
    """A loud word for each kind of id of which few of the held-out ones occur in training."""
    warnings = []
    for kind, vocabulary in _kinds(interactions):
        train, held_out = _in_parts(interactions, part, kind)
        missing = held_out & ~train
        n_met = int((held_out & train).sum())
        if not held_out.any() or n_met >= _FEW * int(held_out.sum()):
            continue
        ours, theirs = _ids(vocabulary, train), _ids(vocabulary, missing)
        cause = likely_cause(set(ours), set(theirs))
        warnings.append(
            f"only {n_met:,} of the {counted(int(held_out.sum()), kind)} held out occur in training; training has "
            f"{samples(ours)}, the held-out part {samples(theirs)}{f'; {cause}' if cause else ''}"
        )
    return warnings


def cold_notes(interactions: Interactions, part: Parts) -> list[str]:
    """Users and items that training never saw, counted and named."""
    notes = []
    for kind, vocabulary in _kinds(interactions):
        train, held_out = _in_parts(interactions, part, kind)
        cold = held_out & ~train
        if cold.any():
            n = int(cold.sum())
            verb = "is" if n == 1 else "are"
            notes.append(f"{counted(n, kind)} {verb} held out and not in training: {samples(_ids(vocabulary, cold))}")
    return notes


def spelling_notes(interactions: Interactions) -> list[str]:
    """Ids that would be one as numbers, such as 7, 7.0 and 007: kept apart, and said."""
    notes = []
    for kind, vocabulary in _kinds(interactions):
        ids = pa.array(vocabulary.ids, pa.large_string())
        same = pc.dictionary_encode(as_number(ids))
        n_joined = len(ids) - len(same.dictionary)
        if n_joined:
            codes = np.asarray(same.indices)
            twice = int(np.flatnonzero(np.bincount(codes) > 1)[0])
            pair = [vocabulary.ids[row] for row in np.flatnonzero(codes == twice)[:2]]
            notes.append(
                f"{counted(n_joined, f'{kind} id')} differ from another in spelling alone, such as {pair[0]!r} and "
                f"{pair[1]!r}: kept apart; --ids number joins them"
            )
    return notes


def _kinds(interactions: Interactions) -> tuple[tuple[Literal["user", "item"], Vocabulary], ...]:
    return (("user", interactions.users), ("item", interactions.items))


def _in_parts(
    interactions: Interactions, part: Parts, kind: Literal["user", "item"]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which indices occur in training, and which in what is held out."""
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
    """What tables of interactions hold."""

    interactions: Interactions
    part: npt.NDArray[np.int8]
    """(n,) index into PARTS; all 0 where the data came undivided."""
    titles: tuple[Coded, Coded] | None
    """Item id and title of each row, where there is a title column."""
    columns: tuple[dict[str, str], ...]
    """Role -> column, for each table."""
    merged: Merged
    dropped: tuple[Dropped, ...]
    time: TimeSpan | None
    notes: tuple[str, ...]


class Assembly:
    """Tables on their way: rows leave through the ledger, columns shrink with them."""

    def __init__(self, tables: Sequence[Table], parts: Sequence[int], options: ReadOptions) -> None:
        self.tables, self.options = tables, options
        self.path = str(tables[0].source)
        self.notes = [note for table in tables for note in table.notes]
        positions = [resolve_columns(t.names, options.columns, t.where, t.guess) for t in tables]
        roles = self._common(positions)
        self.columns = tuple(
            {role: table.names[found[role]] for role in roles} for table, found in zip(tables, positions, strict=True)
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
        where = list(zip(tables, positions, strict=True))
        self.text = {
            role: _joined([table.coded(found[role]) for table, found in where]) for role in roles if role != "timestamp"
        }
        self.clock = (
            in_a_row([table.plain(found["timestamp"]) for table, found in where]) if "timestamp" in roles else None
        )
        units = {
            t.units.get(found["timestamp"]) for t, found in zip(tables, positions, strict=True) if "timestamp" in found
        }
        self.unit = options.time_unit or (units.pop() if len(units) == 1 else None)
        self.ratings: npt.NDArray[np.float64] | None = None
        self.times: ParsedTimes | None = None
        self.not_a_time = ""

    def result(self) -> Assembled:
        """Check, count and put together. Raises ReadError where no row is left, or times mix units."""
        self._drop_repeated_headers()
        self._take_ids()
        self._take_ratings()
        self._take_times()
        if not len(self.dropped_rows.rows):
            raise ReadError(self._nothing_left())
        self._keep_parts_apart()
        span = self._time_span()
        unit: TimeUnit = "s" if self.times is None else self.times.unit
        times = None if self.times is None else self.times.values
        user, item = self.text["user_id"], self.text["item_id"]
        titles = (item, self.text["title"]) if "title" in self.text else None
        part, ratings = self.part, self.ratings
        self.text, self.times, self.ratings = {}, None, None  # each takes as much as the result
        merged = merge_repeats(user.codes, item.codes, times, ratings, self.options.keep)
        if (kept := merged.kept) is not None:
            user, item, part = user.taken(kept), item.taken(kept), part[kept]
            times = None if times is None else times[kept]
            ratings = None if ratings is None else ratings[kept]
        users, items = user.by_appearance(), item.by_appearance()
        interactions = Interactions(
            Vocabulary("user", tuple(users.words.to_pylist())),
            Vocabulary("item", tuple(items.words.to_pylist())),
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

    def _common(self, positions: list[dict[str, int]]) -> list[str]:
        """Roles that every table has a column for; what only some have is not read, which is said."""
        for role in ("rating", "timestamp"):
            lacking = [t.source.file for t, found in zip(self.tables, positions, strict=True) if role not in found]
            if lacking and len(lacking) < len(self.tables):
                word = {"rating": "ratings", "timestamp": "times"}[role]
                self.notes.append(f"{word} {_UNREAD.format(lacking[0])}")
        return [role for role in ROLES if all(role in found for found in positions)]

    def _drop(self, reason: str, leaving: Bools) -> None:
        stays = self.dropped_rows.drop(reason, leaving)
        if not stays.all():
            self.text = {role: column.taken(stays) for role, column in self.text.items()}
            if self.clock is not None:
                self.clock = _kept(self.clock, stays)
            self.part = self.part[stays]
            if self.ratings is not None:
                self.ratings = self.ratings[stays]
            if self.times is not None:
                t = self.times
                self.times = ParsedTimes(t.values[stays], t.understood[stays], t.unit, t.format, t.other_unit[stays])

    def _drop_repeated_headers(self) -> None:
        """Files that were joined carry a header in the middle."""
        for file, (table, names) in enumerate(zip(self.tables, self.columns, strict=True)):
            if table.header is None:
                continue
            alike = self.dropped_rows.file[self.dropped_rows.rows] == file
            for role, name in names.items():
                if role in self.text:
                    column = self.text[role]
                    alike &= column.where(np.asarray(pc.equal(pc.utf8_trim_whitespace(column.words), name), bool))
                elif alike.any():  # seldom, so that it may cost something
                    alike[alike] = np.asarray(pc.equal(_trimmed(_kept(self.clock, alike)), name), bool)
            self._drop("the header again", alike)

    def _take_ids(self) -> None:
        for role, words in (("user_id", "user"), ("item_id", "item")):
            column = self.text[role]
            rows = column.counts()
            trimmed = pc.utf8_trim_whitespace(column.words)
            n_trimmed = int(rows[np.asarray(pc.not_equal(trimmed, column.words), bool)].sum())
            if n_trimmed:
                self.notes.append(f"blanks around the {words} id taken off in {counted(n_trimmed, 'row')}")
            if self.options.ids == "number":
                shortest = as_number(trimmed)
                n_changed = int(rows[np.asarray(pc.not_equal(shortest, trimmed), bool)].sum())
                self.notes.append(f"{words} ids read as numbers, as asked: {counted(n_changed, 'row')} changed")
                trimmed = shortest
            self.text[role] = column = column.changed(trimmed)
            self._drop(f"{words} id empty", column.where(np.asarray(pc.equal(column.words, ""), bool)))

    def _take_ratings(self) -> None:
        if "rating" not in self.text:
            return
        parsed = parse_ratings(self.text["rating"], self.options.decimal)
        self.ratings = parsed.values
        self._drop("rating empty", parsed.empty)
        self._drop("rating not a number", ~parsed.understood[~parsed.empty])
        marks = np.unique(self.ratings[self.part == 0])
        if self.part.any() and len(marks) == 1 and len(np.unique(self.ratings[self.part > 0])) > 1:
            self.notes.append(f"ratings not read: in training each is {marks[0]:g}, a mark and no rating")
            self.ratings = None
            self.columns = tuple({r: name for r, name in names.items() if r != "rating"} for names in self.columns)
        else:
            self.notes.extend(parsed.notes)

    def _take_times(self) -> None:
        if self.clock is None:
            return
        if not isinstance(self.clock, np.ndarray):
            self.clock = pc.utf8_trim_whitespace(self.clock)
            self._drop("time empty", np.asarray(pc.equal(self.clock, ""), bool))
        whose = "as asked" if self.options.time_unit else "as the file says"
        times = parse_times(self.clock, self.unit, self.options.date_order, whose=whose)
        self._refuse_unclear(times)
        if not times.understood.all():
            self.not_a_time = str(self.clock[int(np.flatnonzero(~times.understood)[0])])
        self.clock = None
        if times.other_unit.any():
            n_other = int(times.other_unit.sum())
            raise ReadError(
                f"{self.path}: column {self.columns[0]['timestamp']!r} mixes units: most count "
                f"{UNIT_WORDS[times.unit]}, but not {counted(n_other, 'row')} "
                f"({self.dropped_rows.where(times.other_unit)}). "
                f'Use one unit, or leave the column out with {OPTIONS["timestamp"]} "".'
            )
        self._drop("time not understood", ~times.understood)
        stays = times.understood
        values = times.values if stays.all() else times.values[stays]
        self.times = ParsedTimes(values, stays[stays], times.unit, times.format, times.other_unit[stays])
        odd = implausible(values, times.unit)
        if odd.any():
            words = counted(int(odd.sum()), "time")
            self.notes.append(f"{words} before 1900 or after 2100, kept ({self.dropped_rows.where(odd)})")

    def _refuse_unclear(self, times: ParsedTimes) -> None:
        if times.unclear is None or self.clock is None:
            return
        shown = _trimmed(_kept(self.clock, times.unclear))
        raise ReadError(
            f"{self.path}: column {self.columns[0]['timestamp']!r}: which number is the day and which the month does "
            f"not show in dates such as {shown[0].as_py()!r} and {shown[-1].as_py()!r} "
            f"({self.dropped_rows.where(times.unclear)}). Say it with --date-order day-first or month-first, "
            f'or leave the column out with {OPTIONS["timestamp"]} "".'
        )

    def _keep_parts_apart(self) -> None:
        """A pair that is in training cannot be held out as well: it stays where it is seen first."""
        if not self.part.any():
            return
        user, item = self.text["user_id"].codes, self.text["item_id"].codes
        pair = user.astype(np.int64) * (int(item.max()) + 1) + item
        _, which = np.unique(pair, return_inverse=True)
        first = np.full(int(which.max()) + 1, len(PARTS), np.int8)
        np.minimum.at(first, which, self.part)
        for part in range(len(PARTS)):
            leaving = (self.part > first[which]) & (first[which] == part)
            self._drop(f"already in {PARTS[part]}", leaving)
            which = which[~leaving]

    def _time_span(self) -> TimeSpan | None:
        if self.times is None:
            return None
        seconds = to_seconds(self.times.values, self.times.unit)
        first, last = date_words(int(seconds.min())), date_words(int(seconds.max()))
        return TimeSpan(self.times.unit, self.times.format, first, last)

    def _nothing_left(self) -> str:
        reasons = "; ".join(map(str, self.dropped_rows.dropped))
        main = self.dropped_rows.dropped[0].reason if self.dropped_rows.dropped else ""
        role = next(
            (role for role, word in (("rating", "rating"), ("timestamp", "time")) if main.startswith(word)), None
        )
        if role:
            advice = f'Map another column with {OPTIONS[role]} NAME, or leave it out with {OPTIONS[role]} "".'
            advice += f" The first is {self.not_a_time!r}. {READ_AS_TIMES}" if self.not_a_time else ""
        elif "fields" in main:
            advice = "Give the right delimiter with --delimiter, or mend the header."
        else:
            advice = "Map other columns with --user-column NAME and --item-column NAME."
        columns = ", ".join(f"{role} = {name!r}" for role, name in self.columns[0].items())
        return f"{self.path}: no row is left: {reasons}. Columns: {columns}. {advice}"


def _joined(columns: list[Coded]) -> Coded:
    return columns[0] if len(columns) == 1 else Coded.joined(columns)


def _kept(column: pa.LargeStringArray | Int64s, stays: Bools) -> pa.LargeStringArray | Int64s:
    return column[stays] if isinstance(column, np.ndarray) else column.filter(pa.array(stays))


def _trimmed(column: pa.LargeStringArray | Int64s) -> pa.LargeStringArray:
    return pc.utf8_trim_whitespace(plain_text(column) if isinstance(column, np.ndarray) else column)
