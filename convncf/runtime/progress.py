"""Progress: where a piece of work stands, for whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the work stands, for a progress bar: `done` of `total` `unit`s in this part of the epoch."""

    phase: str
    epoch: int
    epochs: int
    unit: Literal["triples", "users"]
    done: int
    total: int
