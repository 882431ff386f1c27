"""Pretrained embeddings from a file: the two tables of any model of this package, read without running code."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from convncf.errors import PretrainingError

_TABLES = ("user_embedding.weight", "item_embedding.weight")


def read_embeddings(path: str | Path) -> tuple[Tensor, Tensor]:
    """User and item vectors, (n_users, D) and (n_items, D), of a run folder or a safetensors file.

    Raises PretrainingError when there is no such file, or it is not one that holds both tables.
    """
    file = Path(path).expanduser()
    if file.is_dir():
        file = file / "model.safetensors"
    if file.suffix in {".pth", ".pt", ".ckpt", ".pkl"}:
        raise PretrainingError(
            f"{file}: a {file.suffix} file is a pickle, which can run code when it is opened, so it is not read. "
            "Give a run folder or a .safetensors file with " + " and ".join(_TABLES) + "."
        )
    if not file.is_file():
        raise PretrainingError(f"{file}: no such file. Give a run folder or a .safetensors file as pre_model_path.")
    try:
        with safe_open(file, framework="pt") as tensors:
            names = set(tensors.keys())
            missing = [name for name in _TABLES if name not in names]
            if missing:
                raise PretrainingError(
                    f"{file}: holds no {' and no '.join(missing)}. It holds: {', '.join(sorted(names)) or 'nothing'}."
                )
            return tensors.get_tensor(_TABLES[0]), tensors.get_tensor(_TABLES[1])
    except (SafetensorError, OSError) as error:
        raise PretrainingError(f"{file}: not a safetensors file ({error}).") from None
