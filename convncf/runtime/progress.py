"""Progress of a task, for progress bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` `unit`s in this part of the epoch."""

    phase: str
    epoch: int
    epochs: int
    unit: Literal["triples", "users"]
    done: int
    total: int
