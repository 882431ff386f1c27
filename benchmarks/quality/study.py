"""A study: one question, the trials that answer it, and the seeds under which each is run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from convncf.models.effects import idle_settings, setting_fields, unused_settings
from convncf.models.run_config import flatten
from convncf.models.settings import Resolved, resolve
from convncf.runs import slug
from convncf.runtime.files import strict_json


@dataclass(frozen=True, slots=True)
class Trial:
    """One configuration: settings that depart from the preset."""

    name: str
    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    preset: str = "recbole"
    start: str = ""
    """Another trial of the study whose embeddings, of the same seed, this one starts from."""
    seeds: tuple[int, ...] | None = None
    """Where they are not the study's."""


@dataclass(frozen=True, slots=True)
class Study:
    """Trials on one dataset. What is chosen among them is chosen by `metric` on validation."""

    name: str
    dataset: str
    question: str
    trials: tuple[Trial, ...]
    common: Mapping[str, Any] = field(default_factory=dict)
    """Settings of every trial, where they have an effect on its model."""
    seeds: tuple[int, ...] = (1,)
    metric: str = "NDCG@10"
    shown: tuple[str, ...] = ("NDCG@10", "HR@10")
    """Test metrics on the page."""

    def __post_init__(self) -> None:
        names = [trial.name for trial in self.trials]
        if len(set(names)) < len(names):
            raise ValueError(f"study {self.name}: a trial's name occurs twice among {names}")
        for at, trial in enumerate(self.trials):
            if trial.start and trial.start not in names[:at]:
                raise ValueError(
                    f"study {self.name}: trial {trial.name} starts from {trial.start}, which comes not before"
                )

    def seeds_of(self, trial: Trial) -> tuple[int, ...]:
        """The seeds that a trial is run under."""
        return self.seeds if trial.seeds is None else trial.seeds

    def trial(self, name: str) -> Trial:
        """The trial of that name; KeyError where there is none."""
        return {trial.name: trial for trial in self.trials}[name]

    def run_name(self, trial: Trial, seed: int) -> str:
        """The run that a trial becomes under a seed."""
        return f"{self.name}-{slug(trial.name)}-seed{seed}"

    def resolved(self, trial: Trial, seed: int) -> Resolved:
        """The configuration of a run. Raises ConfigError where a setting cannot be."""
        start: dict[str, Any] = {}
        if trial.start:
            path = self.run_name(self.trial(trial.start), seed)
            start = {
                "model.train_method": "after_pretrain",
                "model.pre_model_path": path,
                "pretrain.epochs": 0,
            }
        common = {key: value for key, value in self.common.items() if key not in unused_settings(trial.model)}
        settings = common | dict(trial.settings) | start
        return resolve(model=trial.model, preset=trial.preset, dataset=self.dataset, seed=seed, settings=settings)

    def definition(self, trial: Trial, seed: int) -> dict[str, Any]:
        """What a run's figures belong to: every setting of it, and under "start" those of the run it starts from."""
        found: dict[str, Any] = {"config": flatten(self.resolved(trial, seed).config)}
        if trial.start:
            found["start"] = self.definition(self.trial(trial.start), seed)
        return found

    def departures(self, trial: Trial, seed: int) -> dict[str, Any]:
        """Settings of a run that depart from its preset: what a reader needs to repeat it."""
        plain = flatten(resolve(model=trial.model, preset=trial.preset, dataset=self.dataset, seed=seed).config)
        mine = flatten(self.resolved(trial, seed).config)
        return {key: value for key, value in mine.items() if value != plain[key]}


def alike(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether two flat configurations agree in every setting that has an effect under the wanted one.

    A setting that came after `stored` was written had its default then.
    """
    before = {key: field.get_default() for key, field in setting_fields().items()} | dict(stored)
    left_aside = idle_settings(wanted) | {"train.device"}
    return all(plain(before[key]) == plain(value) for key, value in wanted.items() if key not in left_aside)


def plain(value: Any) -> Any:
    """As it is after a way through JSON."""
    return json.loads(strict_json(value))


NETWORK_64: Final[dict[str, Any]] = {
    "model.embedding_size": 64,
    "model.cnn_channels": [1, 32, 32, 32, 32],
    "model.cnn_kernels": [4, 4, 2, 2],
    "model.cnn_strides": [4, 4, 2, 2],
    "model.penalty": "squared",
    "train.precision": "bf16",
    "train.keep_every": 0,
}
"""RecBole's plan, with squared L2 and no kept checkpoints; bf16 where the processor has it."""
