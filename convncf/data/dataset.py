"""A dataset: interactions with a name, titles of items, and a predefined split where there is one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from convncf.data.candidates import CandidateSets
from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from convncf.errors import DataError
from convncf.runtime.arrays import read_only

DESCRIPTION = "dataset.json"


@dataclass(frozen=True, eq=False)
class Dataset:
    """Interactions with a name, titles of items, a predefined split and candidate sets where there are some."""

    name: str
    interactions: Interactions
    items: ItemTable
    source: str
    """Where it comes from, for display."""
    report: dict[str, Any] | None = None
    """What reading the file kept and dropped (ReadReport.to_json()); None for embedded data."""
    stored_fingerprint: str | None = None
    """The fingerprint stored beside the files, compared with their content."""
    part: npt.NDArray[np.int8] | None = None
    """(n,) 0 training, 1 validation, 2 test, in the interactions' order; None where there is no predefined split."""
    candidates: CandidateSets | None = None
    """Candidate sets of the test part, as published; None where there are none."""

    def __post_init__(self) -> None:
        if self.part is not None:
            part = np.array(self.part, np.int8)
            if part.shape != self.interactions.user.shape or not ((part >= 0) & (part <= 2)).all():
                raise DataError(f"dataset {self.name!r}: its parts are not one of 0, 1, 2 for each interaction.")
            object.__setattr__(self, "part", read_only(part))
        if self.items.items.ids != self.interactions.items.ids:
            raise DataError(f"dataset {self.name!r}: the item table and the interactions differ in their items.")

    def __repr__(self) -> str:
        data = self.interactions
        split = "" if self.part is None else ", predefined split into training, validation and test"
        return (
            f"Dataset {self.name!r}: {data.n_users:,} users, {data.n_items:,} items ({self.items.n_titled:,} with a "
            f"title), {len(data):,} interactions{split}; {self.source}"
        )

    @property
    def n_users(self) -> int:
        """Users who have an interaction."""
        return self.interactions.n_users

    @property
    def n_items(self) -> int:
        """Items in the vocabulary."""
        return self.interactions.n_items

    @cached_property
    def fingerprint(self) -> str:
        """The fingerprint of the interactions, and of a predefined split and stored candidates where there are some.

        Raises DataError where it is not the stored one: a file was changed.
        """
        actual = self._actual_fingerprint
        # Earlier versions stored the fingerprint of the interactions alone.
        if self.stored_fingerprint not in (None, actual, self.interactions.fingerprint):
            raise DataError(
                f"dataset {self.name!r} was changed since it was made: its fingerprint is {actual}, "
                f"{DESCRIPTION} says {self.stored_fingerprint}. Import the data again under another name."
            )
        return actual

    @property
    def _actual_fingerprint(self) -> str:
        """Fingerprint of raw content alone, whatever the order of rows and indices."""
        if self.part is None and self.candidates is None:
            return self.interactions.fingerprint
        digest = hashlib.sha256(self.interactions.fingerprint.encode())
        if self.part is not None:
            digest.update(b"parts\n" + self.part[self.interactions.canonical_order].tobytes())
        if self.candidates is not None:
            digest.update(f"candidates {self.candidates.fingerprint(self.interactions)}\n".encode())
        return f"sha256:{digest.hexdigest()[:16]}"
