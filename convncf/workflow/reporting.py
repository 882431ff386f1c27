"""Reports: what a run reached, how it was split, chosen and judged, and what a reader of the figures should know."""

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
    begun: Callable[[str], None] | None = None,
    judged: Callable[[LoadedRun, RunEvaluation], None] | None = None,
) -> dict[str, Any]:
    """Evaluate a saved run again, on validation and test, and change nothing of it.

    By its own settings, which gives the same numbers as its report, computed afresh; or by `evaluation`, another
    protocol or other cut-offs. `seed` draws the candidate sets in the place of the run's, so that runs of several
    seeds can be judged within the same. `begun` is told in a sentence how much there is to rank, before that begins;
    `judged` is handed the values of each user. Raises DataError where stored candidate sets are asked for and there
    are none.
    """
    started = time.perf_counter()
    loaded = load_run(run)
    asked = evaluation or loaded.config.eval
    sets = sets_for(loaded.dataset, loaded.split, asked, loaded.config.seed if seed is None else seed)
    if begun is not None:
        begun(f"to rank: {_extent(loaded.split, asked, sets)}")
    own = loaded.config.seed
    evaluated = evaluate_with_baselines(
        loaded.model, {}, loaded.split, asked, seed=own, sets=sets, progress=progress, stop=stop
    )
    if judged is not None:
        judged(loaded, evaluated)
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
    """What makes a run's figures better than they would be on users or items to come, a full sentence each."""
    if not record(config.model.name).trained:
        return ()
    found = []
    if config.eval.select_on == "test":
        found.append(
            "The epoch was chosen on the test part (eval.select_on=test), as the 2018 code does: these test figures "
            "are too good, and comparable only with others that were chosen so."
        )
    if config.train.excluded_negatives == "test items":
        found.append(
            "Test items were never sampled as negatives (train.excluded_negatives=test items), as in the 2018 code: "
            "the model was told which items to expect, and these test figures are too good."
        )
    return tuple(found)


def _selection(loaded: LoadedRun) -> str:
    """How the epoch was chosen, in words: what the run's settings say, and its records of who was in the mean."""
    name, evaluation = loaded.config.model.name, loaded.config.eval
    if not record(name).trained:
        return f"nothing to choose: {name} is computed in one go, not trained in epochs"
    part = evaluation.select_on
    n_users = users_with_positives(loaded.split.positives(part)).size
    if not n_users:
        return f"the last epoch: there is no {part} part"
    within = ", within candidate sets" if evaluation.protocol == "candidates" else ""
    chosen = f"best {evaluation.monitor} on {part}{within}"
    rows = [row for row in loaded.run.metrics() if row["phase"] == "training"]
    judged = [row for row in rows if row.get("validation")]
    if not judged:
        return f"the last epoch: no user could be evaluated on {part}{within}" if rows else chosen
    excluded = judged[-1].get("validation_left_out", 0)
    asked = judged[-1]["validation_users"] + excluded
    among = "all users" if asked >= n_users else f"a seeded sample of {asked:,} of {n_users:,} users"
    return f"{chosen}, over {among}" + (f", {excluded:,} of whom could not be evaluated" if excluded else "")


def _extent(split: Split, evaluation: EvalConfig, sets: Mapping[Part, CandidateSets]) -> str:
    """How much an evaluation has to rank, such as '940 users × 1,682 items on validation'."""
    found = []
    for part in get_args(Part):
        n_users = users_with_positives(split.positives(part)).size
        if n_users and (part not in sets or evaluation.protocol == "both"):
            found.append(f"{n_users:,} users × {split.interactions.n_items:,} items on {part}")
        if n_users and part in sets:
            found.append(f"{len(sets[part]):,} candidate sets with {len(sets[part].negatives):,} negatives on {part}")
    return ", ".join(found) or "nothing"


def _notes_on_triples(loaded: LoadedRun) -> list[str]:
    """Who was left out of training, since no negative can be drawn for them; and whether an epoch is very short."""
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
        whose = "1 user" if len(full) == 1 else f"{len(full):,} users"
        notes.append(f"{whose} without negatives: {named}{more} (every item is barred, so there are no triples)")
    return notes


def _notes_on_start(loaded: LoadedRun) -> list[str]:
    """Where a model may start from pretraining, was validated after training, and its start is kept all the same."""
    if not record(loaded.config.model.name).pretraining or loaded.epoch > 0:
        return []
    words = KEPT_THE_START.replace("on validation", f"on {loaded.config.eval.select_on}")
    rows = loaded.run.metrics()
    tried = any(row["phase"] == "training" and row["epoch"] > 0 and row.get("validation") for row in rows)
    return [words] if tried else []
