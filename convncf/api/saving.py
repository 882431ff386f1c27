"""Saving: a fitted model as a folder of its own: the files of a run, and the dataset beside them.

config.json model.safetensors metrics.jsonl vocabulary.parquet environment.json status.json, as in a run folder
checkpoints/pretrained.safetensors   the pretrained model, where there was one
split.json                           the split's seed and fingerprint
dataset/                             the data before its filters, as a stored dataset
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from convncf.api.dataset import Split
from convncf.data import storage
from convncf.errors import ConvNCFError, RunExistsError
from convncf.models.settings import Resolved
from convncf.runs import Run, Status
from convncf.runs.files import read_object
from convncf.runtime import devices, environment, files

if TYPE_CHECKING:
    from convncf.workflow.record import TrainingRecord

DATASET: Final = "dataset"
_SPLIT: Final = "split.json"


def save(folder: Path, split: Split, resolved: Resolved, record: TrainingRecord, epoch: int) -> None:
    """Write everything into a new folder, all of it or nothing. Raises RunExistsError where the folder is not empty."""
    folder = folder.expanduser()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunExistsError(f"{folder} exists already, and is not empty. Save to a new folder, or remove it.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
        try:
            _write(Run(temporary), folder.name, split, resolved, record, epoch)
            temporary.chmod(0o755)
            os.replace(temporary, folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    except OSError as error:
        raise ConvNCFError(f"{folder} cannot be written ({error.strerror}). Choose another folder.") from None


def _write(run: Run, name: str, split: Split, resolved: Resolved, record: TrainingRecord, epoch: int) -> None:
    config, source = resolved.config, split.source
    run.write_config(resolved, name=name, created=time.time(), fingerprint=source.fingerprint, request_id="")
    run.write_status(Status(state="finished", updated=time.time(), message="saved from Python"))
    run.write_environment(environment.stamp(devices.resolve_device("cpu")))
    run.replace_metrics(record.metrics())
    tensors, metadata = record.load_model()
    run.save_model(tensors, metadata | {"epoch": epoch})
    if record.has_pretrained():
        run.save_pretrained(*record.load_pretrained())
    users, items = split.interactions.users, split.interactions.items
    kinds = ["user"] * len(users) + ["item"] * len(items)
    index = [*range(len(users)), *range(len(items))]
    run.write_frame("vocabulary", pd.DataFrame({"kind": kinds, "index": index, "id": [*users.ids, *items.ids]}))
    files.write_json(run.path / _SPLIT, {"seed": split.seed, "fingerprint": split.fingerprint})
    (run.path / DATASET).mkdir()
    storage.write_folder(source, run.path / DATASET)
    assert config.data == split.config


def split_seed(run: Run) -> int | None:
    """The seed of the split where `save` wrote it; None in a run, where it is the run's seed."""
    path = run.path / _SPLIT
    return int(read_object(path)["seed"]) if path.is_file() else None
