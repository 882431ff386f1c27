"""The one way in: files as people have them -> ReadResult."""

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
from convncf.data.reading.assembly import PARTS, Assembled, Assembly, cold_notes, meeting_warnings, spelling_notes
from convncf.data.reading.candidate_lists import Joined, join_candidates, read_candidate_lists
from convncf.data.reading.options import Format, ReadOptions
from convncf.data.reading.readers import detect_format, read_table, reader_of
from convncf.data.reading.report import FileRead, ReadReport, counted
from convncf.data.reading.roles import PART_ROLES, Plan, make_plan
from convncf.data.reading.sources import Source
from convncf.data.reading.tables import Table
from convncf.data.reading.titles import Titled, join_titles, titles_within
from convncf.errors import ReadError


@dataclass(frozen=True, eq=False)
class ReadResult:
    """What files hold."""

    interactions: Interactions
    items: ItemTable
    """Titles as far as the files have them; items show their ids where there is none."""
    report: ReadReport
    part: npt.NDArray[np.int8] | None = None
    """(n,) 0 training, 1 validation, 2 test, in the interactions' order; None where the data came undivided."""
    candidates: CandidateSets | None = None
    """Candidate sets of the test part, as published."""


def read(paths: Path | str | Sequence[Path | str], options: ReadOptions | None = None) -> ReadResult:
    """Read a file, an archive, a folder, or several files that belong together.

    What is not in the options is found out: which file is what, its format, encoding, delimiter, header and columns,
    decimal sign and time unit; the report says what was found. Raises ReadError naming file and line.
    """
    options = options or ReadOptions()
    given = [paths] if isinstance(paths, Path | str) else list(paths)
    plan = make_plan([Path(path) for path in given], options)
    try:
        return _read(plan, options)
    finally:
        pa.default_memory_pool().release_unused()  # arrow would keep what the text took, many times the result


def read_delimited(
    path: Path | str, *, mapping: Mapping[str, str | None] | None = None, delimiter: str | None = None
) -> ReadResult:
    """Read one file of delimited text and nothing beside it.

    `mapping` gives role -> column name for roles user_id, item_id, rating, timestamp, title; what it leaves out is
    guessed, and a role mapped to None or "" is not read. `delimiter` is detected unless given, as a character or a word
    ('tab', 'blank'). A pair that occurs again is kept once: the latest by time, without times the first.
    Raises ReadError naming file and line.
    """
    options = ReadOptions(columns=mapping or {}, delimiter=delimiter, format="delimited", companions=False)
    plan = Plan(((Source(Path(path)), "interactions"),), None, None, (), ())
    try:
        return _read(plan, options)
    finally:
        pa.default_memory_pool().release_unused()


def _read(plan: Plan, options: ReadOptions) -> ReadResult:
    own_title = plan.titles is not None and "title" in options.columns  # then it is a column of the titles' file
    asked = {role: name for role, name in options.columns.items() if not (own_title and role == "title")}
    tables = _tables(plan, replace(options, columns=asked))
    roles = [role for _, role in plan.interactions]
    parts = [PART_ROLES.index(role) if role in PART_ROLES else 0 for role in roles]
    got = Assembly(tables, parts, replace(options, columns=asked)).result()
    files = [table.account(role, columns) for table, role, columns in zip(tables, roles, got.columns, strict=True)]
    del tables
    found = _Findings(got.interactions, files, [*plan.notes, *got.notes], meeting_warnings(got.interactions, got.part))
    found.warnings += _mostly_left_out(got, sum(read.rows for read in files))
    found.notes += cold_notes(got.interactions, got.part) + spelling_notes(got.interactions)
    if plan.candidates is not None:
        found.add_candidates(plan.candidates, got.part, options)
    if plan.titles is not None:
        found.add_titles(plan.titles, options, given=plan.titles_given)
    elif got.titles is not None:
        found.items, notes = titles_within(*got.titles, found.interactions.items, asked=bool(asked.get("title")))
        found.notes += notes
    return found.result(plan, got, options)


@dataclass
class _Findings:
    """What has been found so far; the items grow with the candidates, and get their names last."""

    interactions: Interactions
    files: list[FileRead]
    notes: list[str]
    warnings: list[str]
    items: ItemTable | None = None
    candidates: Joined | None = None
    titled: Titled | None = None

    def add_candidates(self, source: Source, part: npt.NDArray[np.int8], options: ReadOptions) -> None:
        lists = read_candidate_lists(source, options)
        self.candidates = join_candidates(lists, self.interactions, part == PARTS.index("test"))
        self.interactions = self.candidates.interactions
        self.files.append(lists.account)
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
        of_titles = replace(options, format=None, header=None, delimiter=None)
        kind = detect_format(source, of_titles)
        table = read_table(source, kind, of_titles, titles=True)
        self.titled = join_titles(table, self.interactions.items, of_titles)
        self.items = self.titled.items
        self.files.append(table.account("titles", self.titled.columns))
        self.notes += self.titled.notes
        self.warnings += self.titled.warnings

    def result(self, plan: Plan, got: Assembled, options: ReadOptions) -> ReadResult:
        interactions = self.interactions
        report = ReadReport(
            file=_name(plan),
            files=tuple(self.files),
            ignored=plan.ignored,
            kept=len(interactions),
            dropped=got.dropped,
            exact_duplicates=got.merged.exact_duplicates,
            repeats=got.merged.repeats,
            most_repeated=got.merged.most_repeated,
            kept_row=options.keep if got.time else "first",
            n_users=interactions.n_users,
            n_items=interactions.n_items,
            split=_sizes(got.part) if plan.divided else None,
            time=got.time,
            titles=self.titled.report if self.titled else None,
            candidates=self.candidates.report if self.candidates else None,
            warnings=tuple(self.warnings),
            notes=tuple(dict.fromkeys(self.notes)),
        )
        return ReadResult(
            interactions,
            self.items or ItemTable.untitled(interactions.items),
            report,
            got.part if plan.divided else None,
            self.candidates.candidates if self.candidates else None,
        )


def _tables(plan: Plan, options: ReadOptions) -> list[Table]:
    """The tables of interactions. Where one part is lists, the others are too: a line of three shows no difference."""
    kinds: list[Format] = [detect_format(source, options) for source, _ in plan.interactions]
    lists = next((kind for kind in kinds if reader_of(kind).as_lists), None)
    if plan.divided and lists is not None:
        kinds = [lists if kind == "delimited" else kind for kind in kinds]
    return [read_table(source, kind, options) for (source, _), kind in zip(plan.interactions, kinds, strict=True)]


def _mostly_left_out(got: Assembled, rows: int) -> list[str]:
    n_dropped = sum(dropped.count for dropped in got.dropped)
    if n_dropped * 2 <= rows:
        return []
    return [f"{n_dropped:,} of {counted(rows, 'row')} were left out: are the delimiter and the columns the right ones?"]


def _sizes(part: npt.NDArray[np.int8]) -> dict[str, int]:
    counts = np.bincount(part, minlength=len(PARTS))
    return {name: int(count) for name, count in zip(PARTS, counts, strict=True)}


def _name(plan: Plan) -> str:
    return plan.interactions[0][0].path.name
