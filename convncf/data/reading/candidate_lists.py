"""NCF's .test.negative: each line a positive, (user,item), and the negatives among which it is ranked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from convncf.data.candidates import CandidateSets
from convncf.data.interactions import Interactions
from convncf.data.reading.columns import as_number
from convncf.data.reading.dialect import read_text
from convncf.data.reading.options import ReadOptions
from convncf.data.reading.report import CandidatesRead, Dropped, DroppedRows, FileRead, Lines, counted
from convncf.data.reading.sources import Source
from convncf.data.vocabulary import Vocabulary
from convncf.errors import ReadError

_SET = re.compile(r"\s*\(\s*([^(),\t]+?)\s*,\s*([^()\t]+?)\s*\)(.*)", re.DOTALL)


@dataclass(frozen=True, eq=False)
class CandidateLists:
    """The lines of a file of candidate sets, by raw ids."""

    source: Source
    users: list[str]
    answers: list[str]
    negatives: list[list[str]]
    line: Lines
    file_read: FileRead
    dropped: tuple[Dropped, ...]
    notes: tuple[str, ...]


def holds_candidates(source: Source) -> bool:
    """Whether a file begins with a candidate set: (0,5), a tab, and a negative."""
    start = source.start.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    return bool(re.match(r"\([^()\t\r\n]+,[^()\t\r\n]+\)\t", start))


def read_candidate_lists(source: Source, options: ReadOptions) -> CandidateLists:
    """The sets in a file. Raises ReadError naming the line where no line is one."""
    text = read_text(source, encoding=options.encoding)
    raw = re.split(r"\r\n|\r|\n", text.content)
    if raw[-1] == "":
        raw.pop()
    filled = [(number, line) for number, line in enumerate(raw, start=1) if line.strip()]
    matches = [_SET.fullmatch(line) for _, line in filled]
    if not any(matches):
        number, line = filled[0]
        raise ReadError(
            f"{source}, line {number}: not a candidate set: {line[:80]!r}. Each line should hold (user,item) and then "
            "the negatives, with tabs between them."
        )
    dropped_rows = DroppedRows(np.asarray([number for number, _ in filled], np.int64))
    dropped_rows.drop("no (user,item) at the beginning", np.asarray([match is None for match in matches]))
    sets = [match for match in matches if match is not None]
    convert = _as_numbers if options.ids == "number" else list
    return CandidateLists(
        source=source,
        users=convert([match[1] for match in sets]),
        answers=convert([match[2] for match in sets]),
        negatives=[convert(match[3].split()) for match in sets],
        line=dropped_rows.line[dropped_rows.rows],
        file_read=FileRead(
            file=source.file,
            role="candidates",
            format="NCF candidate sets",
            encoding=text.encoding,
            delimiter="",
            columns={},
            header=0,
            lines=len(raw),
            blank=len(raw) - len(filled),
            continuation=0,
            records=len(filled),
            rows=len(filled),
        ),
        dropped=dropped_rows.dropped,
        notes=text.notes,
    )


@dataclass(frozen=True, eq=False)
class JoinedCandidates:
    """Interactions whose items include those that occur only in candidate sets, and the sets by index."""

    interactions: Interactions
    candidates: CandidateSets
    report: CandidatesRead
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def join_candidates(
    lists: CandidateLists, interactions: Interactions, is_test: npt.NDArray[np.bool_]
) -> JoinedCandidates:
    """The sets whose positive is in the test part. Raises ReadError where none is."""
    test = set(zip(interactions.user[is_test].tolist(), interactions.item[is_test].tolist(), strict=True))
    pairs = [
        (interactions.users.get(user), interactions.items.get(item))
        for user, item in zip(lists.users, lists.answers, strict=True)
    ]
    in_test = np.asarray([pair in test for pair in pairs])
    if not in_test.any():
        raise ReadError(
            f"{lists.source}, line {lists.line[0]}: none of its {counted(len(in_test), 'positive')} is in the test "
            f"part, such as user {lists.users[0]!r} with item {lists.answers[0]!r}. Test has pairs such as "
            f"{_example_pairs(interactions, is_test)}. Are the ids of the files the same?"
        )
    kept = np.flatnonzero(in_test)
    negatives = (negative for s in kept for negative in lists.negatives[s])
    ids = dict.fromkeys((*interactions.items.ids, *negatives))
    n_added = len(ids) - interactions.n_items
    extended = replace(interactions, items=Vocabulary("item", tuple(ids)))
    sizes = [len(lists.negatives[s]) for s in kept]
    candidates = CandidateSets(
        np.asarray([pairs[s][0] for s in kept], np.int32),
        np.asarray([pairs[s][1] for s in kept], np.int32),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.asarray([extended.items.index(n) for s in kept for n in lists.negatives[s]], np.int32),
    )
    notes = list(lists.notes)
    if n_added:
        notes.append(f"{counted(n_added, 'item')} occur{'s' if n_added == 1 else ''} only among the candidates")
    warnings = [f"in {lists.source.file}: {dropped}" for dropped in lists.dropped]
    if not in_test.all():
        first = lists.line[~in_test][0]
        warnings.append(
            f"{counted(int((~in_test).sum()), 'candidate set')} of {lists.source.file} dropped: the positive is not in "
            f"the test part (the first: line {first})"
        )
    n_without = int(is_test.sum()) - len({pairs[s] for s in kept})
    if n_without:
        warnings.append(f"{counted(n_without, 'test interaction')} have no candidate set in {lists.source.file}")
    return JoinedCandidates(
        extended, candidates, _report(lists, candidates, extended, is_test), tuple(notes), tuple(warnings)
    )


def _report(
    lists: CandidateLists, candidates: CandidateSets, interactions: Interactions, is_test: npt.NDArray[np.bool_]
) -> CandidatesRead:
    return CandidatesRead(
        file=lists.source.file,
        sets=len(candidates),
        smallest=int(candidates.sizes.min()),
        largest=int(candidates.sizes.max()),
        answer_copies=int(candidates.answer_copies().sum()),
        repeats=int(candidates.repeats().sum()),
        seen_in_training=int((candidates.seen(interactions.matrix(~is_test)) & ~candidates.repeats()).sum()),
    )


def _example_pairs(interactions: Interactions, rows: npt.NDArray[np.bool_]) -> str:
    sample = np.flatnonzero(rows)[:3]
    return ", ".join(
        f"({interactions.users.id(int(interactions.user[r]))!r}, {interactions.items.id(int(interactions.item[r]))!r})"
        for r in sample
    )


def _as_numbers(ids: Sequence[str]) -> list[str]:
    return [str(number) for number in as_number(pa.array(ids, pa.large_string())).to_pylist()]
