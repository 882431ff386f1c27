"""The points of a learning curve, from the rows of metrics.jsonl."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convncf.training import EpochRecord

    Record = EpochRecord | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Point:
    """One epoch on a curve."""

    phase: str
    epoch: int
    """Within its phase."""
    step: int
    """Epochs since the run began, pretraining counted: never runs backwards, and never moves once drawn."""
    seconds: float
    """Seconds of training and validation since the run began; pauses are not counted."""
    value: float
    kept: bool
    """The best epoch of its phase so far, whose tensors are kept."""
    triples: int = 0
    """Triples of one epoch of this phase; 0 before the first was trained."""


def points(records: Sequence[Record], metric: str = "loss") -> tuple[Point, ...]:
    """The epochs that have a finite value of `metric` ("loss", or a validation metric such as "NDCG@10")."""
    rows = [record if isinstance(record, Mapping) else record.to_json() for record in records]
    best = {row["phase"]: row["epoch"] for row in rows if row["improved"]}  # the last improvement wins
    before: dict[str, int] = {}  # epochs of the phases before this one
    seen: dict[str, int] = {}  # triples of each phase
    last, seconds = 0, 0.0
    result = []
    for row in rows:
        phase, epoch = row["phase"], row["epoch"]
        offset = before.setdefault(phase, last)
        last = offset + epoch
        # the speed was written as triples over seconds, so this is their whole number again
        seen[phase] = max(seen.get(phase, 0), round((row.get("triples_per_second") or 0.0) * row["seconds"]))
        seconds += row["seconds"] + (row.get("validation_seconds") or 0.0)
        value = row["loss"] if metric == "loss" else (row["validation"] or {}).get(metric)
        if value is not None and math.isfinite(value):
            result.append(Point(phase, epoch, last, seconds, float(value), best.get(phase) == epoch, seen[phase]))
    return tuple(result)


def unvalidated(records: Sequence[Record]) -> bool:
    """Whether there are epochs, and none was validated: there was nothing to validate on."""
    rows = [record if isinstance(record, Mapping) else record.to_json() for record in records]
    return bool(rows) and not any(row["validation"] for row in rows)


def steps(found: Sequence[Point], batches: Mapping[str, int]) -> tuple[int, ...]:
    """How many steps had been taken at each point since the run began, pretraining counted.

    `batches` holds the triples a step of each phase; a phase that is not in it counts its triples.
    """
    per_epoch = {point.phase: -(-point.triples // batches.get(point.phase, 1)) for point in found}  # the last knows
    before: dict[str, int] = {}
    epochs = gone = 0
    for point in found:
        if point.phase not in before:
            earlier = list(before)[-1:]
            began = point.step - point.epoch  # epochs that the phases before this one took, validated or not
            gone += sum((began - epochs) * per_epoch[phase] for phase in earlier)
            before[point.phase], epochs = gone, began
    return tuple(before[point.phase] + point.epoch * per_epoch[point.phase] for point in found)
