"""Kept tensors: the models, states and embeddings in a run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convncf.errors import CheckpointError
from convncf.runs.tensors import load_facts, load_tensors, save_tensors

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model kept in the run: `epoch` 0 is the start, before the first step."""

    epoch: int
    label: str
    path: Path


class KeptTensors:
    """The part of a run folder that holds tensors; each file is whole or absent."""

    path: Path

    @property
    def model_path(self) -> Path:
        """The best epoch's model."""
        return self.path / "model.safetensors"

    def save_model(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Write the best epoch's model."""
        save_tensors(self.model_path, tensors, facts)

    def save_checkpoint(self, epoch: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Keep this epoch's model for looking back."""
        save_tensors(self.path / "checkpoints" / f"epoch-{epoch:04d}.safetensors", tensors, facts)

    def save_state(self, phase: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Write what resuming needs: it counts as the truth about which epochs are done."""
        save_tensors(self.path / "checkpoints" / f"{phase}-state.safetensors", tensors, facts)

    def load_state(self, phase: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """What `save_state` wrote; none where that phase has not begun. Raises CheckpointError where it is damaged."""
        if not self.has_state(phase):
            return None
        try:
            return load_tensors(self.path / "checkpoints" / f"{phase}-state.safetensors")
        except CheckpointError as error:
            raise CheckpointError(f"{error} Without that file, resume begins the {phase} anew.") from None

    def has_state(self, phase: str) -> bool:
        """Whether that phase has saved an epoch."""
        return (self.path / "checkpoints" / f"{phase}-state.safetensors").exists()

    @property
    def pretrained_path(self) -> Path:
        """The embeddings that the model started from: the best epoch of MF-BPR."""
        return self.path / "checkpoints" / "pretrained.safetensors"

    def save_pretrained(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Write those embeddings."""
        save_tensors(self.pretrained_path, tensors, facts)

    def pretrained_facts(self) -> dict[str, Any]:
        """What was written beside those embeddings; empty where there are none."""
        return load_facts(self.pretrained_path) if self.pretrained_path.exists() else {}

    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """The kept epochs, in order."""
        found = []
        for path in (self.path / "checkpoints").glob("epoch-*.safetensors"):
            number = path.stem.removeprefix("epoch-")
            if number.isdigit():
                label = "start" if int(number) == 0 else f"epoch {int(number)}"
                found.append(Checkpoint(int(number), label, path))
        return tuple(sorted(found, key=lambda kept: kept.epoch))
