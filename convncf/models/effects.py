"""Which settings there are, and which have an effect: on a model, and beside the values of other settings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from convncf.config import PretrainConfig, TrainConfig
from convncf.config.base import ABOVE_0, GIVEN, Wanted
from convncf.errors import ConfigError
from convncf.models.record import ModelRecord
from convncf.models.registry import record, records
from convncf.models.run_config import RunConfig

_PRETRAINING: Final[Mapping[str, tuple[str, Wanted]]] = MappingProxyType(
    {f"pretrain.{name}": ("pretrain.epochs", ABOVE_0) for name in PretrainConfig.model_fields if name != "epochs"}
)
_NEEDS: Final[Mapping[str, tuple[str, Wanted]]] = MappingProxyType(
    {
        "data.low_rated": ("data.min_rating", GIVEN),
        "data.ratios": ("data.split", ("auto", "ratio")),
        "data.across": ("data.split", ("auto", "ratio")),
        "data.order": ("data.split", ("auto", "ratio", "leave-one-out")),
        **_PRETRAINING,
        **{f"train.{field}": needs for field, needs in TrainConfig.needs.items()},
        "eval.candidate_sets": ("eval.protocol", ("candidates", "both")),
        "eval.negatives": ("eval.protocol", ("candidates", "both")),
        "eval.stored_sets": ("eval.protocol", ("candidates", "both")),
    }
)
"""Key -> another key and the values of it beside which it has an effect; those of a model are in its settings class."""


def setting_fields(model: str | None = None) -> Mapping[str, FieldInfo]:
    """Dotted key -> its definition, in the order of the schema: of a model, or of all that there are together."""
    return _fields(records() if model is None else (record(model),))


@cache
def _fields(models: tuple[ModelRecord, ...]) -> Mapping[str, FieldInfo]:
    fields: dict[str, FieldInfo] = {}
    for name, field in RunConfig.model_fields.items():
        section = field.annotation
        if name == "model":
            for model in models:
                of_model = {f"model.{inner}": definition for inner, definition in model.settings.model_fields.items()}
                fields.update({key: definition for key, definition in of_model.items() if key not in fields})
            fields["model.name"] = _name_field()
        elif isinstance(section, type) and issubclass(section, BaseModel):
            fields.update({f"{name}.{inner}": definition for inner, definition in section.model_fields.items()})
        else:
            fields[name] = field
    return MappingProxyType(fields)


def _name_field() -> FieldInfo:
    """The field that names the model, with a sentence on each that there is."""
    models = records()
    field = FieldInfo(
        default=models[0].name,
        title="Model",
        description=" ".join(f"{model.name}: {model.sentence}." for model in models),
    )
    field.annotation = Literal[tuple(model.name for model in models)]  # type: ignore[assignment]
    return field


def setting_keys(model: str | None = None) -> tuple[str, ...]:
    """Every dotted key, such as train.lr_embedding, in the order of the schema: of a model, or of all together."""
    return tuple(setting_fields(model))


def unused_settings(model: str) -> frozenset[str]:
    """Keys that have no effect on a model: setting one of them is refused rather than ignored."""
    model_record, keys = record(model), setting_keys()
    unused = {key for key in keys if key.startswith("model.")} - set(setting_keys(model))
    if not model_record.network:
        unused.add("train.lr_network")
    if len(model_record.precisions) < 2:
        unused.add("train.precision")
    if not model_record.pretraining:
        unused |= {key for key in keys if key.startswith("pretrain.")}
    if not model_record.trained:
        unused |= {"eval.validation_users", "eval.select_on"}
        unused |= {key for key in keys if key.startswith("train.") and key != "train.device"}
    return frozenset(unused)


def idle_settings(settings: Mapping[str, Any]) -> frozenset[str]:
    """Keys without effect under these settings: those that the model has no use for, and those that need another."""
    model = str(settings.get("model.name", ""))
    unused = unused_settings(model) if any(one.name == model for one in records()) else frozenset[str]()
    return unused | {key for key in settings if _why_idle(key, settings, unused)}


def refuse_without_effect(key: str, settings: Mapping[str, Any], place: str = "") -> None:
    """Raises ConfigError where `key` was set and has no effect on the model or beside the other `settings`.

    `settings` are those that depart from the defaults; `place` begins the message, such as "run.toml: ".
    """
    model = settings["model.name"]
    unused = unused_settings(model)
    if key in unused:
        raise ConfigError(f"{place}setting {key} has no effect on {model}. Leave it out, or choose another model.")
    if reason := _why_idle(key, settings, unused):
        raise ConfigError(f"{place}setting {key} has no effect {reason}")
    if key.startswith("model."):
        record(model).settings.refuse_value(key.removeprefix("model."), settings[key], place)


def _why_idle(key: str, settings: Mapping[str, Any], unused: frozenset[str]) -> str:
    """Beside which other value a setting has no effect, and what to do; empty where it has an effect."""

    section, _, field = key.partition(".")
    model = next((model for model in records() if model.name == settings.get("model.name")), None)

    def value_of(other: str) -> Any:
        fields = setting_fields() if model is None or other in unused else setting_fields(model.name)
        default = fields[other].get_default()
        return default if other in unused else settings.get(other, default)

    of_model = model.settings if model is not None and section == "model" else None
    needs = _NEEDS.get(key) if of_model is None else of_model.needs.get(field)
    if needs is not None:
        other, values = needs
        if shortfall := _shortfall(other, value_of(other), values):
            return f"{shortfall}. Leave it out, or set that as well."
    if of_model is not None:
        return of_model.why_idle(field, value_of)
    if key == "eval.stored_sets" and value_of("eval.candidate_sets") == "drawn":
        return "while eval.candidate_sets is drawn. Leave it out, or set that to stored."
    if key == "eval.negatives" and (value_of("eval.candidate_sets"), value_of("eval.protocol")) == ("stored", "both"):
        # under "candidates" the sets of validation are sampled all the same
        return "while eval.candidate_sets is stored and eval.protocol is both: nothing is sampled. Leave it out."
    return ""


def _shortfall(other: str, value: Any, values: Wanted) -> str:
    """How another setting's value differs from those beside which there is an effect; empty where it is one of them."""
    if values == GIVEN:
        return "" if value is not None else f"without {other}"
    if values == ABOVE_0:
        return "" if value else f"while {other} is 0 (it has one above 0)"
    return "" if value in values else f"while {other} is {value} (it has one with {' or '.join(values)})"
