"""Every setting of a run, with its words: one definition feeds the CLI's help, the app's widgets and config.json.

A part of the program is handed its own piece (the model gets ModelConfig), never the whole.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from convncf.config.base import Frozen
from convncf.config.data import DataConfig
from convncf.config.evaluation import EvalConfig
from convncf.config.model import ModelConfig
from convncf.config.training import PretrainConfig, TrainConfig
from convncf.errors import ConfigError


class RunConfig(Frozen):
    """Everything a run depends on, besides the data itself, frozen; a section each: data, model, pretrain, train, eval.

    Example:
        >>> import convncf
        >>> convncf.RunConfig().train.optimizer, convncf.RunConfig().eval.ks
        ('adam', (5, 10, 20))
    """

    seed: int = Field(
        1, ge=0, lt=2**31, title="Seed", description="Fixes split, start, negatives and order of triples."
    )
    preset: str = Field("quick", title="Preset", description="The named set of defaults that the rest departs from.")
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    pretrain: PretrainConfig = PretrainConfig()
    train: TrainConfig = TrainConfig()
    eval: EvalConfig = EvalConfig()

    def __repr__(self) -> str:
        """What tells one configuration from another; `model_dump()` has every value."""
        sections = ", ".join(name for name, value in self if isinstance(value, Frozen))
        named = f"{self.model.name} with preset {self.preset}, seed {self.seed}, on {self.data.dataset}"
        return f"RunConfig: {named}; settings of {sections}"

    @model_validator(mode="after")
    def _pretraining_is_applied(self) -> Self:
        """One source of pretrained embeddings, or none: a setting that would be ignored is refused."""
        if self.model.name != "convncf":
            return self
        after, path, epochs = (
            self.model.train_method == "after_pretrain",
            self.model.pre_model_path,
            self.pretrain.epochs,
        )
        if after and not path and not epochs:
            raise ConfigError(
                "model.train_method after_pretrain needs model.pre_model_path (a run or a .safetensors file), "
                "or pretrain.epochs above 0."
            )
        if path and not after:
            raise ConfigError(
                f"model.pre_model_path {path!r} would be ignored: set model.train_method=after_pretrain too, "
                "or leave the path out."
            )
        if path and epochs:
            raise ConfigError(
                f"pretrain.epochs {epochs} would be ignored, since the embeddings come from model.pre_model_path "
                f"{path!r}: set pretrain.epochs=0, or leave the path out."
            )
        return self
