"""Run folders: where everything about a training run is written, and read by app, CLI and notebooks."""

from convncf.runs.labels import Labels
from convncf.runs.run import Run
from convncf.runs.status import ACTIVE, STATES, Status
from convncf.runs.store import Renamed, RunStore, default_store, slug
from convncf.runs.tensors import Checkpoint, load_tensors, save_tensors

__all__ = [
    "ACTIVE",
    "STATES",
    "Checkpoint",
    "Labels",
    "Renamed",
    "Run",
    "RunStore",
    "Status",
    "default_store",
    "load_tensors",
    "save_tensors",
    "slug",
]
