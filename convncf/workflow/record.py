"""Record: where a training keeps what it has reached, in a run folder or in memory alone.

A Run is one: its files outlive the process, and an interrupted training goes on from them. Memory is the other: it
holds the history, the best epoch and what it began from, and is gone with whoever holds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

Kept = tuple[dict[str, Tensor], dict[str, Any]]
"""Tensors by name, and plain facts about them."""


class Record(Protocol):
    """What a training writes to, and reads to go on."""

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
    def load_state(self, phase: str) -> Kept | None: ...
    def save_state(self, phase: str, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None: ...

    def has_model(self) -> bool: ...
    def load_model(self) -> Kept: ...
    def save_model(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None: ...

    def has_pretrained(self) -> bool: ...
    def load_pretrained(self) -> Kept: ...
    def save_pretrained(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None: ...

    def save_checkpoint(self, epoch: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None: ...


@dataclass(slots=True)
class Memory:
    """A record that writes no file. It keeps the best epoch alone: no other checkpoint, and no state to resume from."""

    name: str
    fingerprint: str
    home: Path
    rows: list[dict[str, Any]] = field(default_factory=list)
    model: Kept | None = None
    pretrained: Kept | None = None

    def metrics(self) -> list[dict[str, Any]]:
        """The epochs so far."""
        return list(self.rows)

    def append_metrics(self, row: Mapping[str, Any]) -> None:
        """Add an epoch."""
        self.rows.append(dict(row))

    def replace_metrics(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take these epochs for those so far."""
        self.rows = [dict(row) for row in rows]

    def has_state(self, phase: str) -> bool:
        """Never: what is in memory is not interrupted, it is lost."""
        return False

    def load_state(self, phase: str) -> Kept | None:
        """None, as `has_state` says."""
        return None

    def save_state(self, phase: str, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Nothing is kept to resume from."""

    def has_model(self) -> bool:
        """Whether an epoch was the best so far."""
        return self.model is not None

    def load_model(self) -> Kept:
        """The best epoch."""
        assert self.model is not None
        return self.model

    def save_model(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Keep the best epoch."""
        self.model = dict(tensors), dict(metadata)

    def has_pretrained(self) -> bool:
        """Whether the model began from other embeddings."""
        return self.pretrained is not None

    def load_pretrained(self) -> Kept:
        """What the model began from."""
        assert self.pretrained is not None
        return self.pretrained

    def save_pretrained(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Keep what the model begins from."""
        self.pretrained = dict(tensors), dict(metadata)

    def save_checkpoint(self, epoch: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Nothing is kept of epochs that are not the best."""
