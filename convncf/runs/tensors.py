"""Tensors in files: safetensors, written atomically, with plain JSON facts in the header. Nothing is unpickled."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convncf import runtime
from convncf.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor


def save_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and facts as one file that is whole or absent. Raises OSError where the disk does not take them."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with runtime.atomic_path(path) as part:
        try:
            save_file(contiguous, part, metadata={"facts": runtime.strict_json(dict(facts))})
        except SafetensorError as error:
            raise _of_the_disk(error, part) from error


def _of_the_disk(error: Exception, path: Path) -> Exception:
    """A full disk comes as the library's own error, with the system's number in its words."""
    number = re.search(r"\(os error (\d+)\)", str(error))
    return OSError(int(number[1]), os.strerror(int(number[1])), str(path)) if number else error


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote. Raises CheckpointError, naming the file, when it is missing or damaged."""
    return _read(path, tensors=True)


def load_facts(path: Path) -> dict[str, Any]:
    """The facts alone, of a file of any size. Raises CheckpointError as `load_tensors` does."""
    return _read(path, tensors=False)[1]


def _read(path: Path, *, tensors: bool) -> tuple[dict[str, Tensor], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    if path.suffix in (".pth", ".pt", ".bin", ".ckpt"):
        raise CheckpointError(
            f"{path}: this kind of file can run code when it is loaded, so it is refused. Give a run, or .safetensors."
        )
    try:
        with safe_open(path, framework="pt") as file:
            found = {name: file.get_tensor(name) for name in file.keys()} if tensors else {}  # noqa: SIM118  no mapping
            facts = json.loads((file.metadata() or {}).get("facts", "{}"))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file.") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path}: damaged or not a safetensors file ({error}). Restore it, or train that run anew."
        ) from None
    if not isinstance(facts, dict):
        raise CheckpointError(f"{path}: the facts in its header are no object. Restore it, or train that run anew.")
    return found, facts
