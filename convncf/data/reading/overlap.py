"""Whether the ids of held-out parts meet those of training, and ids that differ in spelling alone."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from convncf.data.interactions import Interactions, Vocabulary
from convncf.data.reading.matching import likely_cause, samples
from convncf.data.reading.report import counted
from convncf.data.reading.values import as_number

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
