"""The demo: one MF-BPR and two ConvNCF models that start from it, small enough for a class to wait for."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from convncf.errors import RunBusyError
from convncf.jobs.launching import launch, start_worker
from convncf.models.settings import resolve
from convncf.runs import Run, RunStore

_FROM_MF: Final[dict[str, Any]] = {
    "pretrain.epochs": 0,
    "model.train_method": "after_pretrain",
    "model.pre_model_path": "demo-mf",
}

DEMO_RUNS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = MappingProxyType(
    {
        "demo-mf": ("mf-bpr", {}),
        "demo-4x4": ("convncf", _FROM_MF),
        "demo-2x2": (
            "convncf",
            _FROM_MF
            | {
                "model.cnn_channels": [1, 8, 8, 8, 8, 8],
                "model.cnn_kernels": [2, 2, 2, 2, 2],
                "model.cnn_strides": [2, 2, 2, 2, 2],
                "model.initialisation": "random",
                "train.lr_embedding": 5e-4,
                "train.lr_network": 1e-3,
                "train.epochs": 5,
            },
        ),
    }
)
"""Run name -> (model, settings beside the quick preset), in the order in which they are trained.

demo-4x4 begins as exactly demo-mf (the trace start); demo-2x2 has the same embeddings, but must learn to read the map
from random filters. So one shows what a network adds to MF, the other what it learns by itself.
"""


def demo(home: Path, *, overrides: Mapping[str, Any] | None = None) -> tuple[Run, ...]:
    """Queue the demo runs unless they exist; one that was interrupted, or failed, is taken up again.

    `overrides` are further settings for every run that they apply to, such as fewer epochs.
    """
    from convncf.models.effects import unused_settings

    planned = {}
    for name, (model, settings) in DEMO_RUNS.items():
        extra = {key: value for key, value in (overrides or {}).items() if key not in unused_settings(model)}
        planned[name] = resolve(model=model, preset="quick", settings={"seed": 1} | dict(settings) | extra)
    store = RunStore(home)
    runs = []
    for name, resolved in planned.items():
        if name in store.names():
            run = store.open(name)
            if not run.broken() and run.status().resumable:
                with suppress(RunBusyError):  # somebody else took it up in the same moment
                    start_worker(run)
        else:
            run = launch(resolved, name, home, request_id=f"demo:{name}")
        runs.append(run)
    return tuple(runs)
