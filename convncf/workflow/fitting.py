"""Fitting: a model trained in memory on a given split, by the same phases as a run; no file is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from convncf.data.dataset import Dataset
from convncf.data.split import Split
from convncf.evaluation.baselines import sets_for
from convncf.evaluation.ranking import Scorer
from convncf.models.run_config import RunConfig
from convncf.runtime import devices
from convncf.runtime.progress import Progress
from convncf.training.records import EpochRecord
from convncf.workflow.loading import scorer_of
from convncf.workflow.phases import Attempt
from convncf.workflow.record import InMemoryRecord


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model that was trained, or computed, in memory."""

    model: Scorer
    """At its best epoch, ready to score."""
    best_epoch: int
    record: InMemoryRecord


def fit(
    config: RunConfig,
    dataset: Dataset,
    parts: Split,
    fingerprint: str,
    home: Path,
    *,
    name: str = "",
    progress: Callable[[Progress], None] | None = None,
    on_record: Callable[[EpochRecord], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Fitted:
    """Train on a split: the same epochs, losses and best epoch as a run of these settings on the same data.

    `dataset` is what was split, `fingerprint` that of the data before its filters, `home` the folder of the runs whose
    embeddings the settings may name. Raises what training raises; TrainingStopped when `stop` returns True.
    """
    device = devices.resolve_device(config.train.device)
    precision, _ = devices.resolve_precision(config.train.precision, device.spec)
    sets = sets_for(dataset, parts, config.eval, config.seed)
    record = InMemoryRecord(name, fingerprint, home)
    attempt = Attempt(
        record, config, dataset, parts, device.spec, precision, sets, progress, on_record, stop, on_resume=None
    )
    best_epoch, _ = attempt.train()
    tensors, _ = record.load_model()
    return Fitted(scorer_of(tensors, config, parts, device=device.spec), best_epoch, record)
