"""Why ids of two files do not meet: the likely cause, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Set
from itertools import islice

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
