"""Experiment: the one place where data, split, model, training, evaluation and run folder are wired together.

    dataset -> Split -> (MF-BPR pretraining) -> training -> report
Each step is written to the run as it ends, so the same function starts a run and resumes it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd
import torch
from torch import Tensor

from convncf import models, runtime
from convncf.config import EvalConfig, ModelConfig, Precision, RunConfig, TrainConfig
from convncf.data.catalogue import Dataset
from convncf.data.splitting import Split
from convncf.judgement import judge
from convncf.loading import data_of, load_run, pretrained_vectors
from convncf.ranking import Scorer
from convncf.reporting import describe
from convncf.runs import Run, RunStore, load_tensors
from convncf.training import EpochRecord, Phase, Progress, Trainable, Trainer, TrainerState

log = logging.getLogger(__name__)


OnProgress = Callable[[Progress], None]
OnRecord = Callable[[EpochRecord], None]
Stop = Callable[[], bool]


# ---------------------------------------------------------------- training


def run_experiment(
    run: Run,
    home: Path,
    *,
    progress: OnProgress | None = None,
    on_record: OnRecord | None = None,
    stop: Stop | None = None,
) -> dict[str, Any]:
    """Train, evaluate and write the report of a run, from its beginning or from where it was interrupted.

    Raises TrainingStopped when `stop` answers True; what was saved before stays, and calling again goes on.
    """
    started, began = time.perf_counter(), time.time()
    config = run.config()
    dataset, parts = data_of(run, home)
    device = runtime.resolve_device(config.train.device)
    log.info("device: %s", device.words)
    precision, why = runtime.resolve_precision(config.train.precision, device.spec)
    log.info("precision: %s%s", precision, f", because {why}" if why else "")
    run.write_environment(runtime.environment(device) | {"precision": precision})
    log.info("split: %s", parts.method)
    for note in parts.notes:
        log.info("split: %s", note)
    _write_vocabulary(run, dataset)

    worker = _Worker(run, config, dataset, parts, device.spec, precision, progress, on_record, stop)
    best_epoch, epochs = worker.train()
    loaded = load_run(run, home, dataset=dataset, parts=parts, device=device.spec)
    baselines = {name: model for name, model in worker.baselines().items() if name != config.model.name}
    judgement = judge(loaded.model, baselines, parts, config.eval, seed=config.seed, progress=progress, stop=stop)
    run.write_frame("per_user", judgement.per_user(dataset.interactions.users))
    report = describe(loaded, judgement) | {
        "best_epoch": best_epoch,
        "epochs": epochs,
        "seconds": round(time.perf_counter() - started + _seconds_before(run, began), 3),
    }
    run.write_report(report)
    return report


def _seconds_before(run: Run, began: float) -> float:
    """Seconds of epochs that earlier, interrupted attempts spent, so that a resumed run counts its whole work.

    `began` is when this attempt did, in seconds since 1970.
    """
    rows = [row for row in run.metrics() if pd.Timestamp(row["time"]).timestamp() < began]
    return float(sum(row["seconds"] + row["validation_seconds"] for row in rows))


@dataclass(slots=True)
class _Worker:
    """One attempt at training a run."""

    run: Run
    config: RunConfig
    dataset: Dataset
    parts: Split
    device: str
    precision: Precision
    progress: OnProgress | None
    on_record: OnRecord | None
    stop: Stop | None

    def train(self) -> tuple[int, int]:
        """Train what the run's model needs; (best epoch, last epoch)."""
        if self.config.model.name == "popularity":
            self.run.save_model(self._popularity().state_dict(), {"epoch": 0})
            return 0, 0
        model = self._fresh(self.config.model, "initialisation")
        if not self.run.has_state("training"):
            self._start_from_pretrained(model)
        return self._phase("training", model, self.config.train, self.config.eval)

    def baselines(self) -> dict[str, Scorer]:
        """Simpler models on the same split: Popularity, and the MF-BPR that the run began from."""
        found: dict[str, Scorer] = {"popularity": cast(Scorer, self._popularity())}
        if self.run.pretrained_path.exists():
            model = self._fresh(self._mf_config(), "pretraining")
            model.load_state_dict(load_tensors(self.run.pretrained_path)[0])
            found["mf-bpr"] = cast(Scorer, model)
        return found

    def _popularity(self) -> models.Popularity:
        model = models.Popularity(self.parts.interactions.n_users, self.parts.interactions.n_items)
        model.fit(self.parts.train)
        return model

    def _fresh(self, config: ModelConfig, purpose: str) -> torch.nn.Module:
        runtime.seed_torch(self.config.seed, purpose)
        return models.build(config, self.parts.interactions.n_users, self.parts.interactions.n_items, self.precision)

    def _mf_config(self) -> ModelConfig:
        pretrain = self.config.pretrain
        return ModelConfig(
            name="mf-bpr",
            embedding_size=self.config.model.embedding_size,
            reg_weights=(pretrain.l2, 0.0),
            penalty="squared",
            embedding_std=pretrain.embedding_std,
        )

    def _start_from_pretrained(self, model: torch.nn.Module) -> None:
        """Give the model its pretrained embeddings, training MF-BPR first when the settings say so."""
        config = self.config
        if config.model.name != "convncf":
            return
        path = config.model.pre_model_path
        if path:
            store = RunStore(self.run.path.parent.parent)
            users, items, words = pretrained_vectors(path, self.dataset, store, size=config.model.embedding_size)
            log.info("pretraining: %s", words)
            self._keep_pretrained(users, items)
        elif config.pretrain.epochs:
            self._pretrain()
        else:
            return
        state, _ = load_tensors(self.run.pretrained_path)
        cast(models.ConvNCF, model).start_from(state["user_embedding.weight"], state["item_embedding.weight"])

    def _keep_pretrained(self, users: Tensor, items: Tensor) -> None:
        tensors = {"user_embedding.weight": users, "item_embedding.weight": items}
        self.run.save_pretrained(tensors, {"phase": "pretraining", "from": self.config.model.pre_model_path})

    def _pretrain(self) -> None:
        pretrain, train = self.config.pretrain, self.config.train
        settings = TrainConfig(
            epochs=pretrain.epochs,
            batch_size=pretrain.batch_size,
            lr_embedding=pretrain.lr,
            lr_network=pretrain.lr,
            patience=pretrain.patience,
            validate_every=pretrain.validate_every,
            keep_every=0,
            device=train.device,
        )
        # MF ranks a user in a millisecond: it is always validated on all of them
        evaluation = self.config.eval.model_copy(update={"validation_users": None})
        self._phase("pretraining", self._fresh(self._mf_config(), "pretraining"), settings, evaluation)

    def _phase(
        self, phase: Phase, model: torch.nn.Module, train: TrainConfig, evaluation: EvalConfig
    ) -> tuple[int, int]:
        """Run a Trainer to its end, saving after each epoch: best model, kept checkpoint, state, then the metrics line.

        The state holds the epoch's record and is written before the line, so whatever is killed in between,
        the state decides which epochs are done and the line can be restored from it.
        """
        trainer = Trainer(
            cast(Trainable, model),
            self.parts,
            train,
            evaluation,
            seed=self.config.seed,
            device=self.device,
            phase=phase,
            progress=self.progress,
            stop=self.stop,
        )
        saved = self.run.load_state(phase)
        if saved is not None:
            trainer.load_state(TrainerState(*saved))
            log.info("%s: resumed after epoch %d", phase, trainer.epoch)
        self._reconcile_metrics(phase, saved[1] if saved else None)
        for record in trainer:
            facts = {"phase": phase, "epoch": record.epoch, "validation": record.validation}
            if record.improved and phase == "training":
                self.run.save_model(trainer.model_tensors(), facts)
            elif record.improved:
                self.run.save_pretrained(trainer.model_tensors(), facts)
            if phase == "training" and train.keep_every and record.epoch % train.keep_every == 0:
                self.run.save_checkpoint(record.epoch, trainer.model_tensors(), facts)
            state = trainer.state()
            self.run.save_state(phase, state.tensors, state.facts | {"record": record.to_json()})
            self.run.append_metrics(record.to_json())
            log.info(_words(record, evaluation.monitor))
            if self.on_record:
                self.on_record(record)
        return trainer.best_epoch, trainer.epoch

    def _reconcile_metrics(self, phase: Phase, facts: Mapping[str, Any] | None) -> None:
        """Make metrics.jsonl hold exactly the epochs that the saved state has behind it."""
        last = facts["epoch"] if facts else -1
        rows = [row for row in self.run.metrics() if row["phase"] != phase or row["epoch"] <= last]
        have = {(row["phase"], row["epoch"]) for row in rows}
        if facts and (phase, last) not in have:
            rows.append(facts["record"])
        self.run.replace_metrics(rows)


def _words(record: EpochRecord, monitor: str) -> str:
    loss = "before the first step" if record.loss is None else f"loss {record.loss:.4f}"
    judged = ""
    if record.validation is not None:
        judged = f", validation {monitor} {record.validation[monitor]:.4f} over {record.validation_users} users"
    seconds = record.seconds + record.validation_seconds
    best = ", best so far" if record.improved else ""
    return f"{record.phase} epoch {record.epoch}: {loss}{judged}{best} ({seconds:.1f} s)"


def _write_vocabulary(run: Run, dataset: Dataset) -> None:
    users, items = dataset.interactions.users, dataset.interactions.items
    run.write_frame(
        "vocabulary",
        pd.DataFrame(
            {
                "kind": ["user"] * len(users) + ["item"] * len(items),
                "index": [*range(len(users)), *range(len(items))],
                "id": [*users.ids, *items.ids],
            }
        ),
    )
