"""Settings that all models have; the class of each model is in its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from convncf.config.base import Frozen, Wanted
from convncf.config.training import PretrainConfig
from convncf.errors import ConfigError

ValueOf = Callable[[str], Any]
"""Dotted key -> its value beside the others."""


class ModelSettings(Frozen):
    """Settings of one model. Key names are RecBole's, and `config["embedding_size"]` works as it does there."""

    name: str = Field("", title="Model")
    needs: ClassVar[Mapping[str, tuple[str, Wanted]]] = MappingProxyType({})
    """Field -> the dotted key, and the values of it, beside which the field has an effect."""

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key) if key in type(self).model_fields else None  # as RecBole's Config answers

    goes_with: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})
    """Field -> those that go with it, as `following` says how."""

    @property
    def starts_as_dot_product(self) -> bool:
        """Whether, before its first step, it scores a pair by the dot product of its embeddings through layers."""
        return False

    @classmethod
    def following(cls, changed: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
        """Fields that go with those that were changed, unless they were changed themselves -> their values."""
        return {}

    @classmethod
    def proposals(cls, values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        """Fields and values that would do where `values` do not fit one another; the nearest first."""
        return ()

    @property
    def pretrained_from(self) -> str:
        """The source of its embeddings: a run or a file; empty where there is none."""
        return str(self["pre_model_path"] or "")

    def refuse_beside(self, pretrain: PretrainConfig) -> None:
        """Raises ConfigError where a setting of pretraining would be ignored."""

    @classmethod
    def why_idle(cls, field: str, value_of: ValueOf) -> str:
        """Why a field has no effect and what to do, where `needs` cannot express it; empty where it has one."""
        return ""

    @classmethod
    def refuse_value(cls, field: str, value: Any, place: str) -> None:
        """Raises ConfigError where a part of a value would be ignored; `place` begins the message."""


class EmbeddingSettings(ModelSettings):
    """Settings of a model with an embedding for each user and item."""

    embedding_size: int = Field(
        64, ge=1, le=4096, title="Embedding size", description="Numbers per user and per item (D; K in the paper)."
    )
    reg_weights: tuple[float, float] = Field(
        (0.1, 0.1), title="L2 weights", description="Weight of the L2 penalty on embeddings, and on the network."
    )
    penalty: Literal["norms", "squared"] = Field(
        "norms",
        title="L2 form",
        description="norms: un-squared norms of whole tables and weight matrices, as RecBole has it. "
        "squared: squared L2 on the weights and on the batch's embeddings, as in the paper.",
    )
    embedding_std: float = Field(
        1.0,
        gt=0,
        title="Standard deviation of the initial embeddings",
        description="Of the normal distribution of the initial embeddings, where they are not pretrained.",
    )
    embedding_start: Literal["normal", "truncated"] = Field(
        "normal",
        title="Distribution of the initial embeddings",
        description="truncated: nothing beyond two standard deviations, as in the 2018 code.",
    )

    @field_validator("reg_weights")
    @classmethod
    def _weights_not_negative(cls, weights: tuple[float, float]) -> tuple[float, float]:
        if min(weights) < 0:
            raise ValueError(f"reg_weights {list(weights)} must be 0 or more")
        return weights


class PretrainedSettings(EmbeddingSettings):
    """Settings of a model whose embeddings may come from an earlier run, or from pretraining in its own."""

    train_method: Literal["no_pretrain", "after_pretrain"] = Field(
        "no_pretrain",
        title="Train method",
        description="after_pretrain: start from the embeddings of an earlier run or file, at pre_model_path. "
        "no_pretrain: do not. Pretraining inside this run is set by its own epochs (pretrain.epochs), whatever "
        "this setting is.",
    )
    pre_model_path: str = Field(
        "",
        title="Pretrained embeddings",
        description="A run (name or folder) or a safetensors file whose embeddings the model starts from.",
    )

    def refuse_beside(self, pretrain: PretrainConfig) -> None:
        """One source of pretrained embeddings, or none: a setting that would be ignored is refused."""
        after, path, epochs = self.train_method == "after_pretrain", self.pre_model_path, pretrain.epochs
        if after and not path and not epochs:
            raise ConfigError(
                "model.train_method after_pretrain needs model.pre_model_path (a run or a .safetensors file), "
                "or pretrain.epochs above 0."
            )
        if path and not after:
            raise ConfigError(
                f"model.pre_model_path {path!r} would be ignored: set model.train_method=after_pretrain too, "
                "or remove the path."
            )
        if path and epochs:
            raise ConfigError(
                f"pretrain.epochs {epochs} would be ignored, since the embeddings come from model.pre_model_path "
                f"{path!r}: set pretrain.epochs=0, or remove the path."
            )

    @classmethod
    def why_idle(cls, field: str, value_of: ValueOf) -> str:
        if field in ("embedding_std", "embedding_start") and (path := value_of("model.pre_model_path")):
            return f"while model.pre_model_path is {path!r}: the embeddings come from there. Leave it out."
        if field == "embedding_std" and (epochs := value_of("pretrain.epochs")):
            return (
                f"while pretrain.epochs is {epochs}: the embeddings come from pretraining. "
                "Leave it out, or set pretrain.embedding_std."
            )
        return super().why_idle(field, value_of)
