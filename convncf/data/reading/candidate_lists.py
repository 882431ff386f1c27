"""NCF's .test.negative: each line an answer, (user,item), and the negatives that it is ranked among."""

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
    account: FileRead
    dropped: tuple[Dropped, ...]
    notes: tuple[str, ...]


def holds_candidates(source: Source) -> bool:
    """Whether a file begins with such a line: (0,5), a tab, and a negative."""
    start = source.start.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    return bool(re.match(r"\([^()\t\r\n]+,[^()\t\r\n]+\)\t", start))


def read_candidate_lists(source: Source, options: ReadOptions) -> CandidateLists:
    """The sets in a file. Raises ReadError naming the line where no line is one."""
    text = read_text(source, encoding=options.encoding)
    raw = re.split(r"\r\n|\r|\n", text.content)
    if raw[-1] == "":
        raw.pop()
    filled = [(number, line) for number, line in enumerate(raw, start=1) if line.strip()]
    found = [_SET.fullmatch(line) for _, line in filled]
    if not any(found):
        number, line = filled[0]
        raise ReadError(
            f"{source}, line {number}: not a candidate set: {line[:80]!r}. Each line should hold (user,item) and then "
            "the negatives, divided by tabs."
        )
    dropped_rows = DroppedRows(np.asarray([number for number, _ in filled], np.int64))
    dropped_rows.drop("no (user,item) at its beginning", np.asarray([match is None for match in found]))
    sets = [match for match in found if match is not None]
    number_if_asked = _as_numbers if options.ids == "number" else list
    return CandidateLists(
        source=source,
        users=number_if_asked([match[1] for match in sets]),
        answers=number_if_asked([match[2] for match in sets]),
        negatives=[number_if_asked(match[3].split()) for match in sets],
        line=dropped_rows.line[dropped_rows.rows],
        account=FileRead(
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
class Joined:
    """Interactions whose items include those that only candidates have, and the sets by index."""

    interactions: Interactions
    candidates: CandidateSets
    report: CandidatesRead
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def join_candidates(lists: CandidateLists, interactions: Interactions, is_test: npt.NDArray[np.bool_]) -> Joined:
    """The sets of answers that are in the test part. Raises ReadError where none is."""
    test = set(zip(interactions.user[is_test].tolist(), interactions.item[is_test].tolist(), strict=True))
    pairs = [
        (interactions.users.get(user), interactions.items.get(item))
        for user, item in zip(lists.users, lists.answers, strict=True)
    ]
    known = np.asarray([pair in test for pair in pairs])
    if not known.any():
        raise ReadError(
            f"{lists.source}, line {lists.line[0]}: none of its {counted(len(known), 'answer')} is in the test part, "
            f"such as user {lists.users[0]!r} with item {lists.answers[0]!r}. Test has pairs such as "
            f"{_some_pairs(interactions, is_test)}. Are the ids of the files the same?"
        )
    kept = np.flatnonzero(known)
    wanted = (negative for s in kept for negative in lists.negatives[s])
    ids = dict.fromkeys((*interactions.items.ids, *wanted))
    extra = len(ids) - interactions.n_items
    wider = replace(interactions, items=Vocabulary("item", tuple(ids)))
    sizes = [len(lists.negatives[s]) for s in kept]
    candidates = CandidateSets(
        np.asarray([pairs[s][0] for s in kept], np.int32),
        np.asarray([pairs[s][1] for s in kept], np.int32),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.asarray([wider.items.index(n) for s in kept for n in lists.negatives[s]], np.int32),
    )
    notes = list(lists.notes)
    if extra:
        notes.append(f"{counted(extra, 'item')} occur{'s' if extra == 1 else ''} only among the candidates")
    warnings = [f"in {lists.source.file}: {dropped}" for dropped in lists.dropped]
    if not known.all():
        first = lists.line[~known][0]
        warnings.append(
            f"{counted(int((~known).sum()), 'candidate set')} of {lists.source.file} left out: the answer is not in "
            f"the test part (the first: line {first})"
        )
    without = int(is_test.sum()) - len({pairs[s] for s in kept})
    if without:
        warnings.append(f"{counted(without, 'test interaction')} have no candidate set in {lists.source.file}")
    return Joined(wider, candidates, _report(lists, candidates, wider, is_test), tuple(notes), tuple(warnings))


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


def _some_pairs(interactions: Interactions, rows: npt.NDArray[np.bool_]) -> str:
    shown = np.flatnonzero(rows)[:3]
    return ", ".join(
        f"({interactions.users.id(int(interactions.user[r]))!r}, {interactions.items.id(int(interactions.item[r]))!r})"
        for r in shown
    )


def _as_numbers(ids: Sequence[str]) -> list[str]:
    return [str(found) for found in as_number(pa.array(ids, pa.large_string())).to_pylist()]
