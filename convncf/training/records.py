"""Records of training: one of each epoch, the progress within an epoch, and the state to resume from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Self

if TYPE_CHECKING:
    from torch import Tensor

Phase = Literal["pretraining", "training"]
CLOCK_FIELDS: Final = ("seconds", "validation_seconds", "triples_per_second", "time")
"""Fields of a record that differ between two runs of the same seed."""


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """What one epoch did. Epoch 0 is the model before its first step."""

    phase: Phase
    epoch: int
    loss: float | None
    """Objective (BPR and penalty) per triple, averaged over the epoch; none for epoch 0."""
    validation: dict[str, float] | None
    """Metrics on the part that chooses the epoch: validation, unless eval.select_on says test; none where this epoch
    was not validated."""
    validation_users: int
    """Users that the metrics are a mean over; 0 where this epoch was not validated."""
    improved: bool
    """Whether this epoch is the best so far, and so the one whose model is kept."""
    seconds: float
    """Seconds of training, those before an interruption in the middle of the epoch included, the pause not."""
    validation_seconds: float
    triples_per_second: float | None
    time: str
    """When the epoch ended: ISO 8601, UTC."""
    validation_left_out: int = 0
    """Further users of the validation sample who could not be evaluated, such as one without a candidate set."""

    def to_json(self) -> dict[str, Any]:
        """A flat object, as one line of metrics.jsonl holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """The record that `to_json` wrote."""
        return cls(**row)


@dataclass(frozen=True, slots=True)
class TrainerState:
    """All that resuming needs: tensors by name, and metadata as plain JSON."""

    tensors: dict[str, Tensor]
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EpochProgress:
    """How much of an epoch is trained."""

    steps: int = 0
    """Steps taken; 0 where the epoch has not begun."""
    loss: Tensor | None = None
    """Objective so far, summed over the triples, shape []; none where the epoch has not begun."""
    seconds: float = 0.0
