"""Delimited text with a header line -> Interactions, ItemTable and ReadReport.

Ids are text: leading zeros stay, "7.0" is not "7"; only surrounding blanks are taken off, and counted. Whatever is left
out is counted by reason with its line numbers; what cannot be read at all is a ReadError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from convncf.data.interactions import Interactions, ItemTable, Vocabulary
from convncf.data.reading.columns import OPTIONS, guess_columns, resolve_columns
from convncf.data.reading.dialect import detect_delimiter, read_text, spelled_delimiter
from convncf.data.reading.ledger import Ledger
from convncf.data.reading.records import Records, split_records
from convncf.data.reading.report import ReadReport, TimeSpan, counted, on_lines
from convncf.data.reading.values import first_titles, merge_repeats, parse_ratings
from convncf.data.timestamps import UNIT_WORDS, ParsedTimes, date_words, implausible, parse_times, to_seconds
from convncf.errors import ReadError

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ReadResult:
    """What a file holds."""

    interactions: Interactions
    items: ItemTable
    """Titles from the file's title column; items show their ids where there is none."""
    report: ReadReport


@dataclass(frozen=True, slots=True)
class Preview:
    """The beginning of a file, to choose columns by."""

    header: list[str]
    rows: list[list[str]]
    """First rows as they stand; one may have more or fewer fields than the header."""
    delimiter: str
    encoding: str
    guess: dict[str, str]
    """Role -> column name."""


def preview(path: Path | str, n: int = 20, *, delimiter: str | None = None) -> Preview:
    """The header and first n rows, reading only the beginning of the file. Raises ReadError as read_delimited does."""
    path = Path(path)
    text = read_text(path, beginning=True)
    divider = detect_delimiter(text.content, path) if delimiter is None else spelled_delimiter(delimiter, path)
    records = split_records(text.content, divider)
    complete = len(records) if text.whole else max(len(records) - 1, 1)  # the last one may be cut in two
    header = [name.strip() for name in records.record(0)]
    rows = [records.record(row) for row in range(1, min(complete, n + 1))]
    return Preview(header, rows, divider, text.encoding, guess_columns(header))


def read_delimited(
    path: Path | str, *, mapping: Mapping[str, str | None] | None = None, delimiter: str | None = None
) -> ReadResult:
    """Read a file.

    `mapping` gives role -> column name for roles user_id, item_id, rating, timestamp, title; what it leaves out is
    guessed, and a role mapped to None or "" is not read. `delimiter` is detected unless given, as a character or a word
    ('tab', 'blank'). A pair that occurs again is kept once: the latest by time, without times the first.
    Raises ReadError naming file and line.
    """
    path = Path(path)
    mapping = mapping or {}
    text = read_text(path)
    named = [name for name in mapping.values() if name]
    divider = detect_delimiter(text.content, path, named) if delimiter is None else spelled_delimiter(delimiter, path)
    records = split_records(text.content, divider)
    header = records.record(0)
    columns = resolve_columns(header, mapping, path, int(records.line[0]))
    names = {role: header[position].strip() for role, position in columns.items()}
    if len(records) == 1:
        raise ReadError(f"{path} holds a header and no row. At least one row under it is needed.")
    result = _Reading(path, text.encoding, divider, records, columns, names).result()
    del records
    pa.default_memory_pool().release_unused()  # arrow would keep what the text took, many times the result
    return result


class _Reading:
    """One file on its way: rows leave through the ledger, columns shrink with them."""

    def __init__(
        self,
        path: Path,
        encoding: str,
        delimiter: str,
        records: Records,
        columns: dict[str, int],
        names: dict[str, str],
    ) -> None:
        self.path, self.encoding, self.delimiter = path, encoding, delimiter
        self.records, self.names = records, names
        self.ledger = Ledger(records.line[1:])
        self.notes: list[str] = []
        self.text = self._well_formed(columns)
        self.ratings: npt.NDArray[np.float64] | None = None
        self.times: ParsedTimes | None = None

    def result(self) -> ReadResult:
        self._drop_repeated_headers()
        self._take_ids()
        self._take_ratings()
        self._take_times()
        if not len(self.ledger.rows):
            raise ReadError(self._nothing_left())
        user, item = (pc.dictionary_encode(self.text[role]) for role in ("user_id", "item_id"))
        times = None if self.times is None else self.times.values
        merged = merge_repeats(np.asarray(user.indices), np.asarray(item.indices), times, self.ratings)
        kept_users = pc.dictionary_encode(self.text["user_id"].take(pa.array(merged.kept)))
        kept_items = pc.dictionary_encode(self.text["item_id"].take(pa.array(merged.kept)))
        interactions = Interactions(
            Vocabulary("user", tuple(kept_users.dictionary.to_pylist())),
            Vocabulary("item", tuple(kept_items.dictionary.to_pylist())),
            np.asarray(kept_users.indices),
            np.asarray(kept_items.indices),
            None if times is None else times[merged.kept],
            None if self.ratings is None else self.ratings[merged.kept].astype(np.float32),
            "s" if self.times is None else self.times.unit,
        )
        items = self._titles(interactions)
        self._note_quotes()
        report = ReadReport(
            file=self.path.name,
            encoding=self.encoding,
            delimiter=self.delimiter,
            columns=self.names,
            lines=self.records.lines,
            blank=self.records.blank,
            continuation=self.records.continuation,
            kept=len(interactions),
            dropped=self.ledger.dropped,
            exact_duplicates=merged.exact_duplicates,
            repeats=merged.repeats,
            most_repeated=merged.most_repeated,
            n_users=interactions.n_users,
            n_items=interactions.n_items,
            time=self._time_span(),
            notes=tuple(self.notes),
        )
        return ReadResult(interactions, items, report)

    def _well_formed(self, columns: dict[str, int]) -> dict[str, pa.LargeStringArray]:
        """Role -> text of its column, for the rows with as many fields as the header."""
        width = int(self.records.widths[0])
        stays = self.ledger.drop(f"not the header's {width} fields", self.records.widths[1:] != width)
        rows = np.flatnonzero(stays) + 1
        return {role: self.records.column(position, rows) for role, position in columns.items()}

    def _drop(self, reason: str, leaving: Bools) -> None:
        stays = self.ledger.drop(reason, leaving)
        if not stays.all():
            self.text = {role: column.filter(pa.array(stays)) for role, column in self.text.items()}
            if self.ratings is not None:
                self.ratings = self.ratings[stays]

    def _drop_repeated_headers(self) -> None:
        """Files that were joined carry a header in the middle."""
        alike = np.ones(len(self.ledger.rows), bool)
        for role, name in self.names.items():
            alike &= np.asarray(pc.equal(pc.utf8_trim_whitespace(self.text[role]), name), bool)
        self._drop("the header again", alike)

    def _take_ids(self) -> None:
        for role, words in (("user_id", "user"), ("item_id", "item")):
            trimmed = pc.utf8_trim_whitespace(self.text[role])
            n_trimmed = int((np.asarray(pc.not_equal(trimmed, self.text[role]), bool)).sum())
            if n_trimmed:
                self.notes.append(f"blanks around the {words} id taken off in {counted(n_trimmed, 'row')}")
            self.text[role] = trimmed
            self._drop(f"{words} id empty", np.asarray(pc.equal(trimmed, ""), bool))

    def _take_ratings(self) -> None:
        if "rating" not in self.text:
            return
        parsed = parse_ratings(self.text["rating"])
        self.notes.extend(parsed.notes)
        self.ratings = parsed.values
        self._drop("rating empty", parsed.empty)
        self._drop("rating not a number", ~parsed.understood[~parsed.empty])

    def _take_times(self) -> None:
        if "timestamp" not in self.text:
            return
        trimmed = pc.utf8_trim_whitespace(self.text["timestamp"])
        self._drop("time empty", np.asarray(pc.equal(trimmed, ""), bool))
        times = parse_times(pc.utf8_trim_whitespace(self.text["timestamp"]))
        if times.other_unit.any():
            n_other = int(times.other_unit.sum())
            where = on_lines(self.ledger.first_lines(times.other_unit), n_other)
            raise ReadError(
                f"{self.path}: column {self.names['timestamp']!r} mixes units: most count {UNIT_WORDS[times.unit]}, "
                f"but not {counted(n_other, 'row')} ({where}). Use one unit, or leave the column out with "
                f'{OPTIONS["timestamp"]} "".'
            )
        self._drop("time not understood", ~times.understood)
        stays = times.understood
        values = times.values[stays]
        self.times = ParsedTimes(values, stays[stays], times.unit, times.format, times.other_unit[stays])
        odd = implausible(values, times.unit)
        if odd.any():
            n_odd = int(odd.sum())
            where = on_lines(self.ledger.first_lines(odd), n_odd)
            self.notes.append(f"{counted(n_odd, 'time')} before 1900 or after 2100, kept ({where})")

    def _titles(self, interactions: Interactions) -> ItemTable:
        untitled = ItemTable.untitled(interactions.items)
        if "title" not in self.text:
            return untitled
        titles, n_contested = first_titles(self.text["item_id"], self.text["title"], interactions.items)
        if n_contested:
            self.notes.append(
                f"{counted(n_contested, 'item')} with more than one title in the file; the first is shown"
            )
        return ItemTable(interactions.items, titles, untitled.years, untitled.genres)

    def _time_span(self) -> TimeSpan | None:
        if self.times is None:
            return None
        seconds = to_seconds(self.times.values, self.times.unit)
        first, last = date_words(int(seconds.min())), date_words(int(seconds.max()))
        return TimeSpan(self.times.unit, self.times.format, first, last)

    def _note_quotes(self) -> None:
        records = self.records
        if records.continuation:
            self.notes.append(
                f"{counted(records.continuation, 'line')} within a quoted field that began above "
                f"(the first: line {records.first_continuation})"
            )
        if records.plain_quotes:
            self.notes.append(
                f"{counted(records.plain_quotes, 'field')} beginning with a quote that does not enclose it, kept as it "
                f"stands (the first: line {records.first_plain_quote})"
            )

    def _nothing_left(self) -> str:
        reasons = "; ".join(map(str, self.ledger.dropped))
        main = self.ledger.dropped[0].reason
        role = next(
            (role for role, word in (("rating", "rating"), ("timestamp", "time")) if main.startswith(word)), None
        )
        if role:
            advice = f'Map another column with {OPTIONS[role]} NAME, or leave it out with {OPTIONS[role]} "".'
        elif "fields" in main:
            advice = "Give the right delimiter with --delimiter, or mend the header."
        else:
            advice = "Map other columns with --user-column NAME and --item-column NAME."
        columns = ", ".join(f"{role} = {name!r}" for role, name in self.names.items())
        return f"{self.path}: no row is left: {reasons}. Columns: {columns}. {advice}"
