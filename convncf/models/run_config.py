"""Every setting of a run, with its title and help: one definition feeds the CLI, the app's widgets and config.json.

Each module gets its own section (the model its settings), never the whole.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any, Self

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from convncf.config import DataConfig, EvalConfig, Frozen, ModelSettings, PretrainConfig, TrainConfig
from convncf.errors import ConfigError
from convncf.models.registry import OURS, record, records

_log = logging.getLogger(__name__)


def _default_model() -> ModelSettings:
    return OURS[0].settings()


class RunConfig(Frozen):
    """Everything a run depends on, besides the data itself, frozen; a section each: data, model, pretrain, train, eval.

    Example:
        >>> import convncf
        >>> convncf.RunConfig().train.optimizer, convncf.RunConfig().eval.ks
        ('adam', (5, 10, 20))
    """

    seed: int = Field(
        1, ge=0, lt=2**31, title="Seed", description="Fixes split, initial weights, negatives and order of triples."
    )
    preset: str = Field(
        "quick", title="Preset", description="A named set of settings; what is set beside it takes precedence."
    )
    data: DataConfig = DataConfig()
    model: SerializeAsAny[ModelSettings] = Field(default_factory=_default_model)
    pretrain: PretrainConfig = PretrainConfig()
    train: TrainConfig = TrainConfig()
    eval: EvalConfig = EvalConfig()

    def __repr__(self) -> str:
        """Model, preset, seed and dataset; `model_dump()` has every value."""
        sections = ", ".join(name for name, value in self if isinstance(value, Frozen))
        summary = f"{self.model.name} with preset {self.preset}, seed {self.seed}, on {self.data.dataset}"
        return f"RunConfig: {summary}; settings of {sections}"

    @field_validator("model", mode="before")
    @classmethod
    def _by_its_model(cls, values: Any) -> Any:
        """Settings as plain values become settings of the model that they name."""
        if not isinstance(values, Mapping):
            return values
        return record(str(values.get("name", OURS[0].name))).settings.model_validate(values)

    @model_validator(mode="after")
    def _pretraining_is_applied(self) -> Self:
        self.model.refuse_beside(self.pretrain)
        return self


def flatten(config: RunConfig) -> dict[str, Any]:
    """Dotted key -> value, tuples as lists, as config.json holds them."""
    flat: dict[str, Any] = {}
    for name, value in config.model_dump(mode="json").items():
        if isinstance(value, dict):
            flat.update({f"{name}.{inner}": item for inner, item in value.items()})
        else:
            flat[name] = value
    return flat


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flatten`: 'train.epochs' -> {'train': {'epochs': …}}, as RunConfig.model_validate takes it."""
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        section, dot, inner = key.partition(".")
        if dot:
            nested.setdefault(section, {})[inner] = value
        else:
            nested[section] = value
    return nested


def in_present_words(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted key; those of earlier versions are translated to their present names and values.

    Raises ConfigError where one is given by both of its names.
    """
    kinds = {section: _kinds(section) for section in RunConfig.model_fields}
    present: dict[str, Any] = {}
    for key, value in settings.items():
        section, dot, field = key.partition(".")
        for kind in kinds.get(section, ()) if dot else ():
            field, value = kind.present(field, value)
        present_key = f"{section}{dot}{field}"
        if present_key in present or (present_key != key and present_key in settings):
            raise ConfigError(f"{key} is called {present_key} now, and both are given. Keep one of them.")
        present[present_key] = value
    return present


def earlier_keys() -> dict[str, str]:
    """Dotted key of an earlier version -> the present one."""
    return {
        f"{section}.{earlier}": f"{section}.{present}"
        for section in RunConfig.model_fields
        for kind in _kinds(section)
        for earlier, present in kind.earlier_names.items()
    }


def _kinds(section: str) -> tuple[type[Frozen], ...]:
    """The classes that hold the settings of a section: one, but for `model` those of all models."""
    if section == "model":
        return tuple(one.settings for one in records())
    field = RunConfig.model_fields.get(section)
    kind = None if field is None else field.annotation
    return (kind,) if isinstance(kind, type) and issubclass(kind, Frozen) else ()


def without_other_models(settings: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Settings by dotted key, without those of other models.

    Earlier versions wrote the settings of all models into each run. One of another model is ignored; where it differs
    from its default, the log says so once, in a note that begins with `place`. An unknown setting stays, to be refused.
    """
    present = record(str(settings.get("model.name", OURS[0].name))).settings.model_fields
    others = {f"model.{field}": default for field, default in _defaults_of_all().items() if field not in present}
    for key in settings.keys() & others.keys():
        if settings[key] != others[key]:
            _note_ignored(place, key, repr(settings[key]), str(settings.get("model.name")))
    return {key: value for key, value in settings.items() if key not in others}


def _defaults_of_all() -> dict[str, Any]:
    """Field -> its default as JSON has it, of every model's settings."""
    defaults: dict[str, Any] = {}
    for model in records():
        defaults = model.settings().model_dump(mode="json") | defaults
    return defaults


@cache
def _note_ignored(place: str, key: str, value: str, model: str) -> None:
    """Logged once for each run and key, however often it is read."""
    _log.warning("%s: %s = %s has no effect on %s, and is not read", place, key, value, model)


def stored_config(settings: Mapping[str, Any], place: str) -> RunConfig:
    """The configuration that a run folder holds, by dotted key, also one of an earlier version.

    Raises ConfigError, or pydantic's ValueError, where it cannot be read.
    """
    return RunConfig.model_validate(nest(without_other_models(settings, place)))
