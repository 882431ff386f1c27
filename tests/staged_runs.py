"""Run folders in any state wanted, with three epochs of metrics; nothing is trained."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convncf.models.settings import resolve
from convncf.runs import Run, RunStore, Status

RUNNING = Status(
    state="running", phase="training", epoch=3, epochs=10, unit="triples", done=50, total=100, eta_seconds=40.0, pid=1
)


def stage(
    home: Path,
    name: str,
    status: Status,
    *,
    model: str = "convncf",
    settings: Mapping[str, Any] | None = None,
    test: float | None = None,
) -> Run:
    """A run folder in that state; with a report where `test` says its NDCG@10."""
    resolved = resolve(model=model, preset="quick", settings=settings or {})
    run = RunStore(home).create(name, resolved, fingerprint="sha256:e60c9ea66180c28b")
    run.write_status(status)
    for epoch, value in enumerate((0.1, 0.15, 0.14)):
        run.append_metrics(
            {
                "phase": "training",
                "epoch": epoch,
                "loss": 0.3 if epoch else None,
                "validation": {"NDCG@10": value},
                "validation_users": 200,
                "improved": epoch < 2,
                "seconds": 1.0,
                "validation_seconds": 1.0,
                "triples_per_second": 1000.0,
                "time": "2026-01-01T00:00:00+00:00",
            }
        )
    if test is not None:
        metrics = {"NDCG@10": test, "HR@10": 0.5, "Recall@10": 0.2}
        run.write_report(
            {"metrics": metrics, "best_epoch": 1, "epochs": 2, "seconds": 95.0, "n_users": 671}
            | {"n_users_evaluated": 670, "protocol": "full ranking", "left_out": "left out: training and validation"}
            | {"paired": {"mf-bpr": {"metric": "NDCG@10", "words": "this model is better"}}}
        )
    return run


def finished(home: Path, name: str, model: str = "convncf", test: float = 0.162) -> Run:
    """A finished run whose NDCG@10 on the test part is `test`."""
    return stage(home, name, Status(state="finished", message="done", updated=time.time()), model=model, test=test)
