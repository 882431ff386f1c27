"""Which settings there are, and which have an effect: on a model, and beside the values of other settings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from convncf.config.base import MODEL_NAMES, TRAINED
from convncf.config.schema import RunConfig
from convncf.errors import ConfigError

_NETWORK = ("cnn_channels", "cnn_kernels", "cnn_strides", "dropout_prob", "initialisation", "output_reg")
_PRETRAINED = ("train_method", "pre_model_path")
_EMBEDDINGS = ("embedding_size", "embedding_std", "embedding_start", "reg_weights", "penalty")
_OF_ONE_MODEL: Final = MappingProxyType(
    {"model.neighbours": "itemknn", "model.shrinkage": "itemknn", "model.ease_l2": "ease"}
)
_ANY: Final = object()
_NEEDS: Final = MappingProxyType(
    {
        "data.low_rated": ("data.min_rating", _ANY),
        "data.ratios": ("data.split", ("auto", "ratio")),
        "data.across": ("data.split", ("auto", "ratio")),
        "data.order": ("data.split", ("auto", "ratio", "leave-one-out")),
        "model.output_reg": ("model.penalty", ("squared",)),
        "train.weight_decay": ("train.optimizer", ("adamw",)),
        "train.momentum": ("train.optimizer", ("sgd",)),
        "train.adagrad_accumulator": ("train.optimizer", ("adagrad",)),
        "train.lr_floor": ("train.schedule", ("linear", "cosine")),
        "train.gentle_lr": ("train.gentle_epochs", _ANY),
        "train.dns_of": ("train.negatives", ("dns",)),
        "eval.candidate_sets": ("eval.protocol", ("candidates", "both")),
        "eval.negatives": ("eval.protocol", ("candidates", "both")),
        "eval.stored_sets": ("eval.protocol", ("candidates", "both")),
    }
)
"""Key -> another key and the values of it beside which it has an effect; _ANY: any but none and 0."""


def setting_fields() -> dict[str, FieldInfo]:
    """Dotted key -> its definition, in the order of the schema."""
    fields: dict[str, FieldInfo] = {}
    for name, field in RunConfig.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            fields.update({f"{name}.{inner}": definition for inner, definition in section.model_fields.items()})
        else:
            fields[name] = field
    return fields


def setting_keys() -> tuple[str, ...]:
    """Every dotted key, such as train.lr_embedding, in the order of the schema."""
    return tuple(setting_fields())


def unused_settings(model: str) -> frozenset[str]:
    """Keys that have no effect on a model: setting one of them is refused rather than ignored."""
    unused = {key for key, only in _OF_ONE_MODEL.items() if only != model}
    if model != "convncf":
        unused |= {f"model.{key}" for key in _NETWORK + _PRETRAINED} | {"train.lr_network", "train.precision"}
        unused |= {key for key in setting_keys() if key.startswith("pretrain.")}
    if model not in TRAINED:
        unused |= {f"model.{key}" for key in _EMBEDDINGS} | {"eval.validation_users", "eval.select_on"}
        unused |= {key for key in setting_keys() if key.startswith("train.") and key != "train.device"}
    return frozenset(unused)


def idle_settings(settings: Mapping[str, Any]) -> frozenset[str]:
    """Keys without effect under these settings: those that the model has no use for, and those that need another."""
    model = str(settings.get("model.name", ""))
    idle = set(unused_settings(model)) if model in MODEL_NAMES else set()
    if not settings.get("pretrain.epochs"):
        idle |= {key for key in settings if key.startswith("pretrain.") and key != "pretrain.epochs"}
    return frozenset(idle | {key for key in settings if _missing(key, settings) is not None})


def refuse_without_effect(key: str, settings: Mapping[str, Any], place: str = "") -> None:
    """Raises ConfigError where `key` was asked for and has no effect on the model or beside the other `settings`.

    `settings` are those that depart from the defaults; `place` begins the message, such as "run.toml: ".
    """
    model = settings["model.name"]
    if key in unused_settings(model):
        raise ConfigError(f"{place}setting {key} has no effect on {model}. Leave it out, or choose another model.")
    missing = _missing(key, settings)
    if missing is not None:
        raise ConfigError(f"{place}setting {key} has no effect {missing}. Leave it out, or set that as well.")


def _missing(key: str, settings: Mapping[str, Any]) -> str | None:
    """What a setting lacks to have an effect, in words; None where it lacks nothing."""
    if key not in _NEEDS:
        return None
    other, wanted = _NEEDS[key]
    value = settings.get(other, setting_fields()[other].default)
    if wanted is _ANY:
        return None if value else f"without {other}"
    assert isinstance(wanted, tuple)
    return None if value in wanted else f"while {other} is {value} (it has with {' or '.join(wanted)})"
