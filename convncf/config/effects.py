"""Which settings there are, and which have an effect: on a model, and beside the values of other settings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from convncf.config.base import MODEL_NAMES, TRAINED
from convncf.config.schema import RunConfig
from convncf.config.training import PretrainConfig
from convncf.errors import ConfigError

_NETWORK = ("cnn_channels", "cnn_kernels", "cnn_strides", "dropout_prob", "initialisation", "output_reg", "penalised")
_PRETRAINED = ("train_method", "pre_model_path")
_EMBEDDINGS = ("embedding_size", "embedding_std", "embedding_start", "reg_weights", "penalty")
_OF_ONE_MODEL: Final = MappingProxyType(
    {"model.neighbours": "itemknn", "model.shrinkage": "itemknn", "model.ease_l2": "ease"}
)
_GIVEN: Final = "any value"
_ABOVE_0: Final = "above 0"
_Wanted = tuple[str, ...] | str
_PRETRAINING: Final[Mapping[str, tuple[str, _Wanted]]] = MappingProxyType(
    {f"pretrain.{name}": ("pretrain.epochs", _ABOVE_0) for name in PretrainConfig.model_fields if name != "epochs"}
)
_NEEDS: Final[Mapping[str, tuple[str, _Wanted]]] = MappingProxyType(
    {
        "data.low_rated": ("data.min_rating", _GIVEN),
        "data.ratios": ("data.split", ("auto", "ratio")),
        "data.across": ("data.split", ("auto", "ratio")),
        "data.order": ("data.split", ("auto", "ratio", "leave-one-out")),
        "model.output_reg": ("model.penalty", ("squared",)),
        "model.penalised": ("model.penalty", ("squared",)),
        **_PRETRAINING,
        "train.weight_decay": ("train.optimizer", ("adamw",)),
        "train.momentum": ("train.optimizer", ("sgd",)),
        "train.adagrad_accumulator": ("train.optimizer", ("adagrad",)),
        "train.lr_floor": ("train.schedule", ("linear", "cosine")),
        "train.gentle_lr": ("train.gentle_epochs", _ABOVE_0),
        "train.dns_of": ("train.negatives", ("dns",)),
        "eval.candidate_sets": ("eval.protocol", ("candidates", "both")),
        "eval.negatives": ("eval.protocol", ("candidates", "both")),
        "eval.stored_sets": ("eval.protocol", ("candidates", "both")),
    }
)
"""Key -> another key and the values of it beside which it has an effect."""


@cache
def setting_fields() -> Mapping[str, FieldInfo]:
    """Dotted key -> its definition, in the order of the schema."""
    fields: dict[str, FieldInfo] = {}
    for name, field in RunConfig.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            fields.update({f"{name}.{inner}": definition for inner, definition in section.model_fields.items()})
        else:
            fields[name] = field
    return MappingProxyType(fields)


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
    unused = unused_settings(model) if model in MODEL_NAMES else frozenset()
    return unused | {key for key in settings if _why_idle(key, settings, unused)}


def refuse_without_effect(key: str, settings: Mapping[str, Any], place: str = "") -> None:
    """Raises ConfigError where `key` was asked for and has no effect on the model or beside the other `settings`.

    `settings` are those that depart from the defaults; `place` begins the message, such as "run.toml: ".
    """
    model = settings["model.name"]
    unused = unused_settings(model)
    if key in unused:
        raise ConfigError(f"{place}setting {key} has no effect on {model}. Leave it out, or choose another model.")
    if words := _why_idle(key, settings, unused):
        raise ConfigError(f"{place}setting {key} has no effect {words}")
    if key == "model.reg_weights" and model == "mf-bpr":
        _refuse_weight_of_a_network(settings[key], place)


def _why_idle(key: str, settings: Mapping[str, Any], unused: frozenset[str]) -> str:
    """Beside what a setting has no effect, and what to do, in words; empty where it has one."""

    def of(other: str) -> Any:
        default = setting_fields()[other].default
        return default if other in unused else settings.get(other, default)

    if key in _NEEDS:
        other, wanted = _NEEDS[key]
        if lacks := _lacks(other, of(other), wanted):
            return f"{lacks}. Leave it out, or set that as well."
    if key in ("model.embedding_std", "model.embedding_start") and (path := of("model.pre_model_path")):
        return f"while model.pre_model_path is {path!r}: the embeddings come from there. Leave it out."
    if key == "model.embedding_std" and (epochs := of("pretrain.epochs")):
        return (
            f"while pretrain.epochs is {epochs}: the embeddings come from pretraining. "
            "Leave it out, or set pretrain.embedding_std."
        )
    if key == "eval.stored_sets" and of("eval.candidate_sets") == "drawn":
        return "while eval.candidate_sets is drawn. Leave it out, or set that to stored."
    if key == "eval.negatives" and (of("eval.candidate_sets"), of("eval.protocol")) == ("stored", "both"):
        # under "candidates" validation draws its sets all the same
        return "while eval.candidate_sets is stored and eval.protocol is both: nothing is drawn. Leave it out."
    return ""


def _lacks(other: str, value: Any, wanted: _Wanted) -> str:
    """How another setting's value falls short of what is wanted, in words; empty where it does not."""
    if wanted == _GIVEN:
        return "" if value is not None else f"without {other}"
    if wanted == _ABOVE_0:
        return "" if value else f"while {other} is 0 (it has above 0)"
    return "" if value in wanted else f"while {other} is {value} (it has with {' or '.join(wanted)})"


def _refuse_weight_of_a_network(weights: Any, place: str) -> None:
    """MF-BPR has no network, so a second weight would be ignored; what is no pair is left to the schema."""
    if isinstance(weights, list | tuple) and len(weights) == 2 and weights[1] != 0:
        raise ConfigError(
            f"{place}setting model.reg_weights {list(weights)}: the second weight is the network's, and mf-bpr has "
            f"none. Write {[weights[0], 0]}."
        )
