"""Reports: what a run reached, how it was split, chosen and judged, and what a reader of the figures should know."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from convncf.config import RunConfig
from convncf.judgement import Judgement, judge
from convncf.loading import LoadedRun, load_run
from convncf.runs import Run
from convncf.training import Progress

_FEW_STEPS: Final = 10
"""Steps an epoch under which a report says that the batch is large for the data."""


def evaluate_run(
    run: Run, home: Path, *, progress: Callable[[Progress], None] | None = None, stop: Callable[[], bool] | None = None
) -> dict[str, Any]:
    """Evaluate a saved run again, on validation and test: the same numbers as its report, computed afresh."""
    started = time.perf_counter()
    loaded = load_run(run, home)
    judgement = judge(
        loaded.model, {}, loaded.split, loaded.config.eval, seed=loaded.config.seed, progress=progress, stop=stop
    )
    return describe(loaded, judgement) | {
        "best_epoch": loaded.epoch,
        "seconds": round(time.perf_counter() - started, 3),
    }


def describe(loaded: LoadedRun, judgement: Judgement) -> dict[str, Any]:
    """The report of a run as plain values: what it was trained on, how its epoch was chosen, and every figure."""
    config = loaded.config
    return {
        "run": loaded.run.name,
        "dataset": loaded.dataset.name,
        "fingerprint": loaded.dataset.fingerprint,
        "model": config.model.name,
        "seed": config.seed,
        "split": loaded.split.method,
        "split_fingerprint": loaded.split.fingerprint,
        "selection": _selection(config, judgement.validation.n_users_evaluated),
        "notes": [*loaded.split.notes, *_notes_on_triples(loaded)],
    } | judgement.to_json()


def _selection(config: RunConfig, n_validated: int) -> str:
    """How the epoch was chosen, in words."""
    if config.model.name == "popularity":
        return "nothing to choose: popularity is counted, not trained"
    if not n_validated:
        return "the last epoch: there is no validation part"
    sample = config.eval.validation_users
    among = f"a seeded sample of {sample} of {n_validated} users" if sample and sample < n_validated else "all users"
    return f"best {config.eval.monitor} on validation, over {among}"


def _notes_on_triples(loaded: LoadedRun) -> list[str]:
    """Who was left out of training, since no negative can be drawn for them; and whether an epoch is very short."""
    if loaded.config.model.name == "popularity":
        return []
    train = loaded.split.train
    notes = []
    steps = -(-train.nnz // loaded.config.train.batch_size)
    if steps < _FEW_STEPS:
        notes.append(
            f"an epoch has only {steps} step{'' if steps == 1 else 's'} of {loaded.config.train.batch_size:,} triples: "
            "on data of this size a smaller batch (train.batch_size, pretrain.batch_size) usually learns more"
        )
    users = np.flatnonzero(np.diff(train.indptr) == train.shape[1]).tolist()
    if not users:
        return notes
    named = ", ".join(loaded.dataset.interactions.users.id(user) for user in users[:5])
    whose = "1 user has" if len(users) == 1 else f"{len(users):,} users have"
    return [*notes, f"{whose} every item, and so no negative and no triples: {named}{', …' if len(users) > 5 else ''}"]
