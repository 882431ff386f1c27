"""Reports: a run's figures, its split, how its epoch was chosen and how it was evaluated, and notes for the reader."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np

from convncf.config import EvalConfig
from convncf.data.candidates import CandidateSets
from convncf.data.split import Part, Split
from convncf.evaluation.baselines import RunEvaluation, evaluate_with_baselines, sets_for
from convncf.evaluation.full_ranking import users_with_positives
from convncf.evaluation.report import KEPT_THE_START
from convncf.models.registry import record
from convncf.models.run_config import RunConfig
from convncf.runs import Run
from convncf.training import Progress, excluded_negatives
from convncf.workflow.loading import LoadedRun, load_run

_FEW_STEPS: Final = 10
"""Steps an epoch under which a report says that the batch is large for the data."""


def evaluate_run(
    run: Run,
    *,
    evaluation: EvalConfig | None = None,
    seed: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
    on_begin: Callable[[str], None] | None = None,
    on_evaluated: Callable[[LoadedRun, RunEvaluation], None] | None = None,
) -> dict[str, Any]:
    """Evaluate a saved run again, on validation and test, and change nothing of it.

    By its own settings, which gives the same numbers as its report, computed again; or by `evaluation`, another
    protocol or other cut-offs. `seed` samples the candidate sets in place of the run's, so that runs of several seeds
    can be evaluated within the same. `on_begin` is called with a sentence on how much there is to rank, before that
    begins; `on_evaluated` with the values of each user. Raises DataError where the settings ask for stored candidate
    sets and there are none.
    """
    started = time.perf_counter()
    loaded = load_run(run)
    settings = evaluation or loaded.config.eval
    sets = sets_for(loaded.dataset, loaded.split, settings, loaded.config.seed if seed is None else seed)
    if on_begin is not None:
        on_begin(f"to rank: {_extent(loaded.split, settings, sets)}")
    evaluated = evaluate_with_baselines(
        loaded.model, {}, loaded.split, settings, seed=loaded.config.seed, sets=sets, progress=progress, stop=stop
    )
    if on_evaluated is not None:
        on_evaluated(loaded, evaluated)
    return describe(loaded, evaluated) | {
        "best_epoch": loaded.epoch,
        "seconds": round(time.perf_counter() - started, 3),
    }


def describe(loaded: LoadedRun, evaluation: RunEvaluation) -> dict[str, Any]:
    """The report of a run as plain values: what it was trained on, how its epoch was chosen, and every figure."""
    config = loaded.config
    return {
        "run": loaded.run.name,
        "dataset": loaded.dataset.name,
        "fingerprint": loaded.run.fingerprint,
        "model": config.model.name,
        "seed": config.seed,
        "split": loaded.split.method,
        "split_fingerprint": loaded.split.fingerprint,
        "selection": _selection(loaded),
        "warnings": [*warnings(config), *loaded.run.pretrained_metadata().get("warnings", [])],
        "notes": [*loaded.split.notes, *_notes_on_triples(loaded), *_notes_on_start(loaded)],
    } | evaluation.to_json()


def warnings(config: RunConfig) -> tuple[str, ...]:
    """Why a run's figures are better than they would be on new users or items, a full sentence each."""
    if not record(config.model.name).trained:
        return ()
    sentences = []
    if config.eval.select_on == "test":
        sentences.append(
            "The epoch was chosen on the test part (eval.select_on=test), as the 2018 code does: these test figures "
            "are too good, and comparable only with those of runs that chose theirs so."
        )
    if config.train.excluded_negatives == "test items":
        sentences.append(
            "Test items were never sampled as negatives (train.excluded_negatives=test items), as in the 2018 code: "
            "that tells the model which items to expect, and these test figures are too good."
        )
    return tuple(sentences)


def _selection(loaded: LoadedRun) -> str:
    """How the epoch was chosen: by the run's settings, and by its records of how many users were in the mean."""
    name, evaluation = loaded.config.model.name, loaded.config.eval
    if not record(name).trained:
        return f"no epoch to choose: {name} is computed in one go, not trained in epochs"
    part = evaluation.select_on
    n_users = users_with_positives(loaded.split.positives(part)).size
    if not n_users:
        return f"the last epoch: there is no {part} part"
    within = ", within candidate sets" if evaluation.protocol == "candidates" else ""
    chosen = f"best {evaluation.monitor} on {part}{within}"
    rows = [row for row in loaded.run.metrics() if row["phase"] == "training"]
    validated = [row for row in rows if row.get("validation")]
    if not validated:
        return f"the last epoch: no user could be evaluated on {part}{within}" if rows else chosen
    without = validated[-1].get("validation_left_out", 0)
    sampled = validated[-1]["validation_users"] + without
    among = "all users" if sampled >= n_users else f"a seeded sample of {sampled:,} of {n_users:,} users"
    return f"{chosen}, over {among}" + (f", {without:,} of whom could not be evaluated" if without else "")


def _extent(split: Split, evaluation: EvalConfig, sets: Mapping[Part, CandidateSets]) -> str:
    """How much an evaluation has to rank, such as '940 users × 1,682 items on validation'."""
    counts = []
    for part in get_args(Part):
        n_users = users_with_positives(split.positives(part)).size
        if n_users and (part not in sets or evaluation.protocol == "both"):
            counts.append(f"{n_users:,} users × {split.interactions.n_items:,} items on {part}")
        if n_users and part in sets:
            counts.append(f"{len(sets[part]):,} candidate sets with {len(sets[part].negatives):,} negatives on {part}")
    return ", ".join(counts) or "nothing"


def _notes_on_triples(loaded: LoadedRun) -> list[str]:
    """Which users are not trained on, since they have no negative; and whether an epoch is very short."""
    if not record(loaded.config.model.name).trained:
        return []
    train, excluded_as_negatives = loaded.split.train, excluded_negatives(loaded.split, loaded.config.train)
    notes = []
    steps = -(-train.nnz // loaded.config.train.batch_size)
    if steps < _FEW_STEPS:
        notes.append(
            f"an epoch has only {steps} step{'' if steps == 1 else 's'} of {loaded.config.train.batch_size:,} triples: "
            "on data of this size a smaller batch (train.batch_size, pretrain.batch_size) usually learns more"
        )
    full = np.flatnonzero(
        (np.diff(excluded_as_negatives.indptr) == train.shape[1]) & (np.diff(train.indptr) > 0)
    ).tolist()
    if full:
        named = ", ".join(loaded.dataset.interactions.users.id(user) for user in full[:5])
        more = ", …" if len(full) > 5 else ""
        count = "1 user" if len(full) == 1 else f"{len(full):,} users"
        notes.append(f"{count} without negatives: {named}{more} (every item is excluded, so there are no triples)")
    return notes


def _notes_on_start(loaded: LoadedRun) -> list[str]:
    """A note where a model that may be pretrained was validated after training, and its start was the best epoch."""
    if not record(loaded.config.model.name).pretraining or loaded.epoch > 0:
        return []
    note = KEPT_THE_START.replace("on validation", f"on {loaded.config.eval.select_on}")
    rows = loaded.run.metrics()
    tried = any(row["phase"] == "training" and row["epoch"] > 0 and row.get("validation") for row in rows)
    return [note] if tried else []
