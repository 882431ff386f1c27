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
    """One configuration: settings that differ from the preset's."""

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
        for place, trial in enumerate(self.trials):
            if trial.start and trial.start not in names[:place]:
                raise ValueError(
                    f"study {self.name}: trial {trial.name} starts from {trial.start}, which does not come before it"
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
        """The configuration of a run. Raises ConfigError where a setting is not allowed."""
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
        """Every setting of a run, and under "start" those of the run that it starts from."""
        definition: dict[str, Any] = {"config": flatten(self.resolved(trial, seed).config)}
        if trial.start:
            definition["start"] = self.definition(self.trial(trial.start), seed)
        return definition

    def departures(self, trial: Trial, seed: int) -> dict[str, Any]:
        """Settings of a run that differ from its preset's: what a reader needs to repeat it."""
        of_preset = flatten(resolve(model=trial.model, preset=trial.preset, dataset=self.dataset, seed=seed).config)
        of_run = flatten(self.resolved(trial, seed).config)
        return {key: value for key, value in of_run.items() if value != of_preset[key]}


def same_settings(stored: Mapping[str, Any], present: Mapping[str, Any]) -> bool:
    """Whether two flat configurations agree in every setting that has an effect under the present one.

    A setting that is newer than `stored` had its default then.
    """
    complete = {key: field.get_default() for key, field in setting_fields().items()} | dict(stored)
    ignored = idle_settings(present) | {"train.device"}
    return all(plain(complete[key]) == plain(value) for key, value in present.items() if key not in ignored)


def plain(value: Any) -> Any:
    """The value after writing and reading it as JSON."""
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
"""RecBole's plan, with squared L2 and no checkpoints; bf16 where the processor has it."""
