"""Tensors in files: safetensors, written atomically, with metadata as JSON in the header; nothing is unpickled."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convncf.errors import CheckpointError
from convncf.runtime import files

if TYPE_CHECKING:
    from torch import Tensor


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write tensors and metadata as one file that is whole or absent. Raises OSError where the disk refuses them."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with files.atomic_path(path) as part:
        try:
            save_file(contiguous, part, metadata={"facts": files.strict_json(dict(metadata))})
        except SafetensorError as error:
            raise _as_disk_error(error, part) from error


def _as_disk_error(error: Exception, path: Path) -> Exception:
    """The library's error as an OSError where its message has the system's number, as on a full disk; else itself."""
    number = re.search(r"\(os error (\d+)\)", str(error))
    return OSError(int(number[1]), os.strerror(int(number[1])), str(path)) if number else error


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote. Raises CheckpointError, naming the file, when it is missing or damaged."""
    return _read(path, tensors=True)


def load_metadata(path: Path) -> dict[str, Any]:
    """The metadata alone, of a file of any size. Raises CheckpointError as `load_tensors` does."""
    return _read(path, tensors=False)[1]


def _read(path: Path, *, tensors: bool) -> tuple[dict[str, Tensor], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    if path.suffix in (".pth", ".pt", ".bin", ".ckpt"):
        raise CheckpointError(
            f"{path}: this kind of file can run code when it is loaded, so it is refused. Give a run, or .safetensors."
        )
    try:
        with safe_open(path, framework="pt") as file:
            loaded = {name: file.get_tensor(name) for name in file.keys()} if tensors else {}  # noqa: SIM118  no mapping
            metadata = json.loads((file.metadata() or {}).get("facts", "{}"))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file.") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path}: damaged or not a safetensors file ({error}). Restore it, or train that run again."
        ) from None
    if not isinstance(metadata, dict):
        raise CheckpointError(f"{path}: the metadata in its header is no object. Restore it, or train that run again.")
    return loaded, metadata


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model of a run after an epoch; `epoch` 0 is the start, before the first step."""

    epoch: int
    label: str
    path: Path


class TensorFiles:
    """The part of a run folder that holds tensors; each file is whole or absent."""

    path: Path

    @property
    def model_path(self) -> Path:
        """The best epoch's model."""
        return self.path / "model.safetensors"

    def has_model(self) -> bool:
        """Whether an epoch's model is there."""
        return self.model_path.exists()

    def load_model(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What `save_model` wrote. Raises CheckpointError where it is missing or damaged."""
        return load_tensors(self.model_path)

    def save_model(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Write the best epoch's model."""
        save_tensors(self.model_path, tensors, metadata)

    def save_checkpoint(self, epoch: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Keep this epoch's model as a checkpoint."""
        save_tensors(self.path / "checkpoints" / f"epoch-{epoch:04d}.safetensors", tensors, metadata)

    def save_state(self, phase: str, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Write what resuming needs: it decides which epochs are done."""
        save_tensors(self.path / "checkpoints" / f"{phase}-state.safetensors", tensors, metadata)

    def load_state(self, phase: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """What `save_state` wrote; none where that phase has not begun. Raises CheckpointError where it is damaged."""
        if not self.has_state(phase):
            return None
        try:
            return load_tensors(self.path / "checkpoints" / f"{phase}-state.safetensors")
        except CheckpointError as error:
            raise CheckpointError(f"{error} Without that file, resume begins the {phase} from the start.") from None

    def has_state(self, phase: str) -> bool:
        """Whether that phase has saved an epoch."""
        return (self.path / "checkpoints" / f"{phase}-state.safetensors").exists()

    @property
    def pretrained_path(self) -> Path:
        """The embeddings that the model started from: the best epoch of MF-BPR."""
        return self.path / "checkpoints" / "pretrained.safetensors"

    def has_pretrained(self) -> bool:
        """Whether the model started from pretrained embeddings."""
        return self.pretrained_path.exists()

    def load_pretrained(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What `save_pretrained` wrote. Raises CheckpointError where it is missing or damaged."""
        return load_tensors(self.pretrained_path)

    def save_pretrained(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Write those embeddings."""
        save_tensors(self.pretrained_path, tensors, metadata)

    def pretrained_metadata(self) -> dict[str, Any]:
        """What was written beside those embeddings; empty where there are none."""
        return load_metadata(self.pretrained_path) if self.pretrained_path.exists() else {}

    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """The checkpoints, by epoch."""
        kept = []
        for path in (self.path / "checkpoints").glob("epoch-*.safetensors"):
            number = path.stem.removeprefix("epoch-")
            if number.isdigit():
                label = "start" if int(number) == 0 else f"epoch {int(number)}"
                kept.append(Checkpoint(int(number), label, path))
        return tuple(sorted(kept, key=lambda checkpoint: checkpoint.epoch))
