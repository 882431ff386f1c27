"""Training record: where a training keeps its epochs and tensors, in a run folder or in memory alone.

A Run is one: its files outlive the process, and an interrupted training resumes from them. InMemoryRecord is the other:
it holds the history, the best epoch and the pretrained embeddings, and ends with the process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

Saved = tuple[dict[str, Tensor], dict[str, Any]]
"""Tensors by name, and their metadata."""


class TrainingRecord(Protocol):
    """What a training writes to, and reads to resume."""

    name: str

    @property
    def home(self) -> Path:
        """Where the runs lie that it may begin from."""
        ...

    @property
    def fingerprint(self) -> str:
        """Of the data before its filters."""
        ...

    def metrics(self) -> list[dict[str, Any]]:
        """A row an epoch, as EpochRecord.to_json() gives it."""
        ...

    def append_metrics(self, row: Mapping[str, Any]) -> None: ...
    def replace_metrics(self, rows: Sequence[Mapping[str, Any]]) -> None: ...

    def has_state(self, phase: str) -> bool: ...
    def load_state(self, phase: str) -> Saved | None: ...
    def save_state(self, phase: str, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None: ...

    def has_model(self) -> bool: ...
    def load_model(self) -> Saved: ...
    def save_model(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None: ...

    def has_pretrained(self) -> bool: ...
    def load_pretrained(self) -> Saved: ...
    def save_pretrained(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None: ...

    def save_checkpoint(self, epoch: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None: ...


@dataclass(slots=True)
class InMemoryRecord:
    """A record that writes no file. It keeps the best epoch alone: no other checkpoint, and no state to resume from."""

    name: str
    fingerprint: str
    home: Path
    rows: list[dict[str, Any]] = field(default_factory=list)
    model: Saved | None = None
    pretrained: Saved | None = None

    def metrics(self) -> list[dict[str, Any]]:
        """The epochs so far."""
        return list(self.rows)

    def append_metrics(self, row: Mapping[str, Any]) -> None:
        """Add an epoch."""
        self.rows.append(dict(row))

    def replace_metrics(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Replace the epochs so far by these."""
        self.rows = [dict(row) for row in rows]

    def has_state(self, phase: str) -> bool:
        """Never: a training in memory cannot be resumed."""
        return False

    def load_state(self, phase: str) -> Saved | None:
        """None, since `has_state` is false."""
        return None

    def save_state(self, phase: str, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Does nothing: there is nothing to resume from."""

    def has_model(self) -> bool:
        """Whether an epoch was the best so far."""
        return self.model is not None

    def load_model(self) -> Saved:
        """The best epoch."""
        assert self.model is not None
        return self.model

    def save_model(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Keep the best epoch."""
        self.model = dict(tensors), dict(metadata)

    def has_pretrained(self) -> bool:
        """Whether the model started from pretrained embeddings."""
        return self.pretrained is not None

    def load_pretrained(self) -> Saved:
        """The pretrained embeddings that the model started from."""
        assert self.pretrained is not None
        return self.pretrained

    def save_pretrained(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Keep the pretrained embeddings that the model starts from."""
        self.pretrained = dict(tensors), dict(metadata)

    def save_checkpoint(self, epoch: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Does nothing: only the best epoch is kept."""
