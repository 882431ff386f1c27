"""Phases: one attempt at training a model, from its beginning or from where it was interrupted.

MF-BPR pretraining -> training, or a computation in one go
Each epoch is given to the record as it ends, and long ones on the way: a run folder keeps it, or memory does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import torch
from torch import Tensor

from convncf import models
from convncf.config import EmbeddingSettings, EvalConfig, ModelSettings, Precision, PretrainedSettings, TrainConfig
from convncf.data.candidates import CandidateSets
from convncf.data.dataset import Dataset
from convncf.data.split import Part, Split
from convncf.evaluation.ranking import Scorer
from convncf.models.records import factorisation
from convncf.models.registry import BASELINE, PRETRAINING, record
from convncf.models.run_config import RunConfig
from convncf.runs import RunStore
from convncf.runtime import random
from convncf.runtime.progress import Progress
from convncf.training import Trainable, Trainer
from convncf.training.optimisers import optimiser
from convncf.training.records import EpochRecord, Phase, TrainerState
from convncf.workflow.leakage import check_leakage
from convncf.workflow.loading import pretrained_vectors
from convncf.workflow.record import TrainingRecord

log = logging.getLogger(__name__)
_ONLY_EVALUATION: Final = "only the evaluation is left, and begins from the start"
OnProgress = Callable[[Progress], None]
OnRecord = Callable[[EpochRecord], None]
Stop = Callable[[], bool]
OnResume = Callable[[str], None]


@dataclass(slots=True)
class Attempt:
    """One attempt at training a model."""

    run: TrainingRecord
    config: RunConfig
    dataset: Dataset
    parts: Split
    device: str
    precision: Precision
    sets: Mapping[Part, CandidateSets]
    """Candidate sets by part; empty where models are evaluated by full ranking alone."""
    progress: OnProgress | None = None
    on_record: OnRecord | None = None
    stop: Stop | None = None
    on_resume: OnResume | None = None
    """Called with a sentence on what this attempt resumes from, where an earlier one was interrupted."""
    seconds_begun: float = 0.0
    """Seconds that earlier attempts spent on an epoch that this one ends and records."""

    def train(self) -> tuple[int, int]:
        """Train or compute what the run's model needs; (best epoch, last epoch)."""
        if not record(self.config.model.name).trained:
            self._compute()
            return 0, 0
        model = self._fresh(self.config.model, "initialisation")
        if not self.run.has_state("training"):
            self._start_from_pretrained(model)
        return self._phase("training", model, self.config.train, self.config.eval)

    def baselines(self) -> dict[str, Scorer]:
        """Simpler models on the same split: Popularity, and the MF-BPR that the run started from."""
        popularity = models.fitted(BASELINE.settings(), self.parts.train)
        scorers: dict[str, Scorer] = {BASELINE.name: cast(Scorer, popularity)}
        if self.run.has_pretrained():
            model = self._fresh(pretraining_model(self.config), "pretraining")
            model.load_state_dict(self.run.load_pretrained()[0])
            scorers[PRETRAINING.name] = cast(Scorer, model)
        elif self.config.model.pretrained_from or self.config.pretrain.epochs:
            log.warning("pretrained embeddings are missing: the MF-BPR that the run started from is no baseline")
        return scorers

    def _compute(self) -> None:
        """A model without epochs, unless an earlier attempt has written it: the file is whole or absent."""
        if self.run.has_model():
            self._report_resume(f"{self.config.model.name}: computed already; {_ONLY_EVALUATION}")
            return
        log.info("%s: computed from the training part in one go, on the CPU", self.config.model.name)
        model = models.fitted(self.config.model, self.parts.train)
        self.run.save_model(model.state_dict(), {"epoch": 0})

    def _fresh(self, config: ModelSettings, purpose: str) -> torch.nn.Module:
        random.seed_torch(self.config.seed, purpose)
        n_users, n_items = self.parts.interactions.n_users, self.parts.interactions.n_items
        model: torch.nn.Module = models.build(config, n_users, n_items, self.precision)
        return model

    def _start_from_pretrained(self, model: torch.nn.Module) -> None:
        """Give the model its pretrained embeddings, training MF-BPR first when the settings say so."""
        config = self.config
        settings = config.model
        if not record(settings.name).pretraining or not isinstance(settings, PretrainedSettings):
            return
        path = settings.pre_model_path
        if path:
            store = RunStore(self.run.home)
            users, items, source = pretrained_vectors(path, self.dataset, store, size=settings.embedding_size)
            log.info("pretraining: %s", source)
            warnings = check_leakage(config, self.run.fingerprint, self.parts, store)
            self._keep_pretrained(users, items, warnings)
        elif config.pretrain.epochs:
            self._pretrain()
        else:
            return
        state, _ = self.run.load_pretrained()
        cast(models.PairwiseModel, model).start_from(state["user_embedding.weight"], state["item_embedding.weight"])

    def _keep_pretrained(self, users: Tensor, items: Tensor, warnings: Sequence[str]) -> None:
        tensors = {"user_embedding.weight": users, "item_embedding.weight": items}
        metadata = {"phase": "pretraining", "from": self.config.model.pretrained_from, "warnings": list(warnings)}
        self.run.save_pretrained(tensors, metadata)

    def _report_resume(self, sentence: str) -> None:
        log.info("%s", sentence)
        if self.on_resume is not None:
            self.on_resume(sentence)

    def _pretrain(self) -> None:
        # MF ranks a user in a millisecond: it is always validated on all of them
        evaluation = self.config.eval.model_copy(update={"validation_users": None})
        model = self._fresh(pretraining_model(self.config), "pretraining")
        self._phase("pretraining", model, pretraining(self.config), evaluation)

    def _phase(
        self, phase: Phase, model: torch.nn.Module, train: TrainConfig, evaluation: EvalConfig
    ) -> tuple[int, int]:
        """Run a Trainer to its end, saving after each epoch: best model, kept checkpoint, state, then the metrics line.

        The state holds the epoch's record and is written before the line, so whatever is killed in between,
        the state decides which epochs are done and the line can be restored from it. In the middle of an epoch the
        state alone is written, with the record of the epoch before.
        """
        saved = self.run.load_state(phase)
        record: dict[str, Any] = saved[1]["record"] if saved else {}

        def save(state: TrainerState) -> None:
            self.run.save_state(phase, state.tensors, state.metadata | {"record": record})

        trainer = Trainer(
            cast(Trainable, model),
            self.parts,
            train,
            evaluation,
            seed=self.config.seed,
            device=self.device,
            phase=phase,
            part=evaluation.select_on,
            # under "both", full ranking decides
            candidates=self.sets[evaluation.select_on] if evaluation.protocol == "candidates" else None,
            progress=self.progress,
            stop=self.stop,
            save=save,
            restore=False,  # the record keeps the best epoch
        )
        if saved is not None:
            trainer.load_state(TrainerState(*saved))
            begun = trainer.steps_begun
            self.seconds_begun += saved[1].get("seconds", 0.0) if begun else 0.0
            self._report_resume(_resume_sentence(phase, trainer.epoch, begun, done=trainer.finished))
        elif any(row["phase"] == phase for row in self.run.metrics()):
            self._report_resume(
                f"{phase}: no saved state is left, so it begins from the start; the epochs before are dropped"
            )
        self._reconcile_metrics(phase, saved[1] if saved else None)
        for epoch in trainer:
            record = epoch.to_json()
            metadata = {"phase": phase, "epoch": epoch.epoch, "validation": epoch.validation}
            if epoch.improved and phase == "training":
                self.run.save_model(trainer.model_tensors(), metadata)
            elif epoch.improved:
                self.run.save_pretrained(trainer.model_tensors(), metadata)
            if phase == "training" and train.keep_every and epoch.epoch % train.keep_every == 0:
                self.run.save_checkpoint(epoch.epoch, trainer.model_tensors(), metadata)
            save(trainer.state())
            self.run.append_metrics(record)
            log.info(_epoch_sentence(epoch, evaluation))
            if self.on_record:
                self.on_record(epoch)
        return trainer.best_epoch, trainer.epoch

    def _reconcile_metrics(self, phase: Phase, metadata: Mapping[str, Any] | None) -> None:
        """Make metrics.jsonl hold exactly the epochs that came before the saved state."""
        last = metadata["epoch"] if metadata else -1
        rows = [row for row in self.run.metrics() if row["phase"] != phase or row["epoch"] <= last]
        recorded = {(row["phase"], row["epoch"]) for row in rows}
        if metadata and (phase, last) not in recorded:
            rows.append(metadata["record"])
        self.run.replace_metrics(rows)


def pretraining_model(config: RunConfig) -> ModelSettings:
    """The MF-BPR whose embeddings a run's model starts from."""
    settings = config.model
    assert isinstance(settings, EmbeddingSettings)
    return factorisation.pretraining_settings(settings, config.pretrain)


def pretraining(config: RunConfig) -> TrainConfig:
    """How the MF-BPR before the model is trained: by Adam, or by Adagrad where training is, as in the 2018 code.

    Positives and negatives are sampled, and items excluded as negatives, as in training.
    """
    pretrain, train = config.pretrain, config.train
    return TrainConfig(
        epochs=pretrain.epochs,
        batch_size=pretrain.batch_size,
        optimizer=train.optimizer if optimiser(train.optimizer).pretrains else TrainConfig().optimizer,
        adagrad_accumulator=train.adagrad_accumulator,
        lr_embedding=pretrain.lr,
        lr_network=pretrain.lr,
        positives=train.positives,
        negatives=train.negatives,
        dns_candidates=train.dns_candidates,
        excluded_negatives=train.excluded_negatives,
        patience=pretrain.patience,
        validate_every=pretrain.validate_every,
        keep_every=0,
        save_minutes=train.save_minutes,
        device=train.device,
    )


def _resume_sentence(phase: Phase, epoch: int, steps: int, *, done: bool) -> str:
    """What a phase resumes from."""
    if done:
        return f"{phase}: done, {epoch} epochs; {_ONLY_EVALUATION if phase == 'training' else 'training comes next'}"
    return f"{phase}: resumed after epoch {epoch}{f', {steps} steps into the next' if steps else ''}"


def _epoch_sentence(record: EpochRecord, evaluation: EvalConfig) -> str:
    loss = "before the first step" if record.loss is None else f"loss {record.loss:.4f}"
    validation, monitor = "", evaluation.monitor
    if record.validation is not None:
        value = record.validation[monitor]
        validation = f", {evaluation.select_on} {monitor} {value:.4f} over {record.validation_users} users"
    seconds = record.seconds + record.validation_seconds
    best = ", best so far" if record.improved else ""
    return f"{record.phase} epoch {record.epoch}: {loss}{validation}{best} ({seconds:.1f} s)"
