"""Read files of interactions, with the titles and candidate sets that belong to them -> ReadResult."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from convncf.data.candidates import CandidateSets
from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from convncf.data.reading.assembly import PARTS, Assembled, Assembly, cold_notes, spelling_notes, unknown_id_warnings
from convncf.data.reading.candidate_lists import JoinedCandidates, join_candidates, read_candidate_lists
from convncf.data.reading.options import Format, ReadOptions
from convncf.data.reading.readers import detect_format, read_table, reader_of
from convncf.data.reading.report import FileRead, ReadReport, counted
from convncf.data.reading.roles import PART_ROLES, ReadPlan, make_read_plan
from convncf.data.reading.sources import Source
from convncf.data.reading.tables import Table
from convncf.data.reading.titles import JoinedTitles, join_titles, titles_within
from convncf.errors import ReadError


@dataclass(frozen=True, eq=False)
class ReadResult:
    """What files hold."""

    interactions: Interactions
    items: ItemTable
    """Titles as far as the files have them; items show their ids where there is none."""
    report: ReadReport
    part: npt.NDArray[np.int8] | None = None
    """(n,) 0 training, 1 validation, 2 test, in the interactions' order; None where there is no predefined split."""
    candidates: CandidateSets | None = None
    """Candidate sets of the test part, as published."""


def read(paths: Path | str | Sequence[Path | str], options: ReadOptions | None = None) -> ReadResult:
    """Read a file, an archive, a folder, or several files that belong together.

    What the options leave open is detected: the role of each file, its format, encoding, delimiter, header and columns,
    decimal sign and time unit; the report says what was detected. Raises ReadError naming file and line.
    """
    options = options or ReadOptions()
    path_list = [paths] if isinstance(paths, Path | str) else list(paths)
    plan = make_read_plan([Path(path) for path in path_list], options)
    try:
        return _read(plan, options)
    finally:
        pa.default_memory_pool().release_unused()  # Arrow would keep the memory of the text, many times the result


def read_delimited(
    path: Path | str, *, mapping: Mapping[str, str | None] | None = None, delimiter: str | None = None
) -> ReadResult:
    """Read one file of delimited text, without its companions.

    `mapping` gives role -> column name for roles user_id, item_id, rating, timestamp, title; a role that is not in it
    is guessed, and a role mapped to None or "" is not read. `delimiter` is detected unless given, as a character or a
    word ('tab', 'blank'). A pair that occurs again is kept once: the latest by time, without times the first.
    Raises ReadError naming file and line.
    """
    options = ReadOptions(columns=mapping or {}, delimiter=delimiter, format="delimited", companions=False)
    plan = ReadPlan(((Source(Path(path)), "interactions"),), None, None, (), ())
    try:
        return _read(plan, options)
    finally:
        pa.default_memory_pool().release_unused()


def _read(plan: ReadPlan, options: ReadOptions) -> ReadResult:
    title_elsewhere = plan.titles is not None and "title" in options.columns  # then it is a column of the titles' file
    mapping = {role: name for role, name in options.columns.items() if not (title_elsewhere and role == "title")}
    tables = _tables(plan, replace(options, columns=mapping))
    roles = [role for _, role in plan.interactions]
    parts = [PART_ROLES.index(role) if role in PART_ROLES else 0 for role in roles]
    assembled = Assembly(tables, parts, replace(options, columns=mapping)).result()
    files = [
        table.file_read(role, columns) for table, role, columns in zip(tables, roles, assembled.columns, strict=True)
    ]
    del tables
    partial = _PartialResult(
        assembled.interactions,
        files,
        [*plan.notes, *assembled.notes],
        unknown_id_warnings(assembled.interactions, assembled.part),
    )
    partial.warnings += _mostly_dropped(assembled, sum(file.rows for file in files))
    partial.notes += cold_notes(assembled.interactions, assembled.part) + spelling_notes(assembled.interactions)
    if plan.candidates is not None:
        partial.add_candidates(plan.candidates, assembled.part, options)
    if plan.titles is not None:
        partial.add_titles(plan.titles, options, given=plan.titles_given)
    elif assembled.titles is not None:
        partial.items, notes = titles_within(
            *assembled.titles, partial.interactions.items, asked=bool(mapping.get("title"))
        )
        partial.notes += notes
    return partial.result(plan, assembled, options)


@dataclass
class _PartialResult:
    """What has been read so far; the items grow with the candidates, and get their titles last."""

    interactions: Interactions
    files: list[FileRead]
    notes: list[str]
    warnings: list[str]
    items: ItemTable | None = None
    candidates: JoinedCandidates | None = None
    titled: JoinedTitles | None = None

    def add_candidates(self, source: Source, part: npt.NDArray[np.int8], options: ReadOptions) -> None:
        lists = read_candidate_lists(source, options)
        self.candidates = join_candidates(lists, self.interactions, part == PARTS.index("test"))
        self.interactions = self.candidates.interactions
        self.files.append(lists.file_read)
        self.notes += self.candidates.notes
        self.warnings += self.candidates.warnings

    def add_titles(self, source: Source, options: ReadOptions, *, given: bool) -> None:
        try:
            self._join_titles(source, options)
        except ReadError as error:
            if given:
                raise
            self.warnings.append(f"no titles were read, and items show their ids: {str(error).rstrip('.')}")

    def _join_titles(self, source: Source, options: ReadOptions) -> None:
        title_options = replace(options, format=None, header=None, delimiter=None)
        kind = detect_format(source, title_options)
        table = read_table(source, kind, title_options, titles=True)
        self.titled = join_titles(table, self.interactions.items, title_options)
        self.items = self.titled.items
        self.files.append(table.file_read("titles", self.titled.columns))
        self.notes += self.titled.notes
        self.warnings += self.titled.warnings

    def result(self, plan: ReadPlan, assembled: Assembled, options: ReadOptions) -> ReadResult:
        interactions = self.interactions
        report = ReadReport(
            file=_name(plan),
            files=tuple(self.files),
            ignored=plan.ignored,
            kept=len(interactions),
            dropped=assembled.dropped,
            exact_duplicates=assembled.merged.exact_duplicates,
            repeats=assembled.merged.repeats,
            most_repeated=assembled.merged.most_repeated,
            kept_row=options.keep if assembled.time else "first",
            n_users=interactions.n_users,
            n_items=interactions.n_items,
            split=_sizes(assembled.part) if plan.has_parts else None,
            time=assembled.time,
            titles=self.titled.report if self.titled else None,
            candidates=self.candidates.report if self.candidates else None,
            warnings=tuple(self.warnings),
            notes=tuple(dict.fromkeys(self.notes)),
        )
        return ReadResult(
            interactions,
            self.items or ItemTable.untitled(interactions.items),
            report,
            assembled.part if plan.has_parts else None,
            self.candidates.candidates if self.candidates else None,
        )


def _tables(plan: ReadPlan, options: ReadOptions) -> list[Table]:
    """The tables of interactions. Where one part holds lists, so do the others: a line of three shows neither."""
    kinds: list[Format] = [detect_format(source, options) for source, _ in plan.interactions]
    lists = next((kind for kind in kinds if reader_of(kind).as_lists), None)
    if plan.has_parts and lists is not None:
        kinds = [lists if kind == "delimited" else kind for kind in kinds]
    return [read_table(source, kind, options) for (source, _), kind in zip(plan.interactions, kinds, strict=True)]


def _mostly_dropped(assembled: Assembled, rows: int) -> list[str]:
    n_dropped = sum(dropped.count for dropped in assembled.dropped)
    if n_dropped * 2 <= rows:
        return []
    return [f"{n_dropped:,} of {counted(rows, 'row')} were dropped: are the delimiter and the columns the right ones?"]


def _sizes(part: npt.NDArray[np.int8]) -> dict[str, int]:
    counts = np.bincount(part, minlength=len(PARTS))
    return {name: int(count) for name, count in zip(PARTS, counts, strict=True)}


def _name(plan: ReadPlan) -> str:
    return plan.interactions[0][0].path.name
