"""Settings by keyword: the public functions' arguments as presets and configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from convncf.api.arguments import refuse_above_catalogue, whole
from convncf.config import DataConfig, EvalConfig
from convncf.errors import ConfigError, did_you_mean
from convncf.models.registry import BASELINE, model_names, record
from convncf.models.run_config import RunConfig
from convncf.models.settings import Resolved, preset_names, resolve

GROUPS: Final = ("model", "pretrain", "train", "eval")
"""Groups of settings that `fit` takes; those of `data` go to `Dataset.split`."""
_PLAIN: Final = BASELINE.name
"""A model without settings of its own: it resolves to the defaults of data and evaluation."""


def _resolved(**arguments: Any) -> Resolved:
    """`models.settings.resolve`, without its mention of flags, since only arguments are given here."""
    try:
        return resolve(**arguments)
    except ConfigError as error:
        raise type(error)(str(error).replace(" (from flag)", "")) from None


def data_settings(dataset: str, seed: int, settings: Mapping[str, Any]) -> DataConfig:
    """The settings of `data.*` by their bare names. Raises ConfigError."""
    keys = {f"data.{key}": _plain(value) for key, value in settings.items()}
    return _resolved(model=_PLAIN, dataset=dataset, seed=whole("seed", seed, least=0), settings=keys).config.data


def eval_settings(protocol: str, settings: Mapping[str, Any], n_items: int) -> EvalConfig:
    """The settings of `eval.*` by their bare names, with a protocol. Raises ConfigError."""
    if protocol not in ("full", "candidates"):
        hint = did_you_mean(str(protocol), ("full", "candidates"))
        raise ConfigError(f"protocol {protocol!r} does not exist. {hint}")
    keys = {f"eval.{key}": _plain(value) for key, value in settings.items()}
    config = _resolved(model=_PLAIN, settings=keys | {"eval.protocol": protocol}).config.eval
    if "ks" in settings:
        refuse_above_catalogue("K", max(config.ks), n_items)
    return config


def run_settings(
    data: DataConfig, model: str, preset: str, seed: int, groups: Mapping[str, Mapping[str, Any]]
) -> Resolved:
    """The whole configuration of a run on a given split; its data settings are the split's.

    Raises ConfigError where a model, preset, group or setting does not exist, or has no effect or no such value.
    """
    keys: dict[str, Any] = {}
    for group, values in groups.items():
        if group == "data":
            raise ConfigError("settings of data are given where the data is split: data.split(seed=1, order='time').")
        if group not in GROUPS:
            hint = did_you_mean(group, (*GROUPS, "preset", "seed", "device", "precision", "progress", "name"))
            raise ConfigError(f"fit has no argument {group!r}. {hint}")
        if not isinstance(values, Mapping):
            raise ConfigError(
                f"{group} = {values!r} is not a group of settings. Write it as a mapping: {group}={{'…': …}}, "
                f"such as train={{'epochs': 5}}."
            )
        keys |= {f"{group}.{key}": _plain(value) for key, value in values.items()}
    resolved = _resolved(model=str(model), preset=str(preset), seed=whole("seed", seed, least=0), settings=keys)
    sources = dict(resolved.sources)
    default = DataConfig()
    for key in DataConfig.model_fields:
        sources[f"data.{key}"] = "default" if getattr(data, key) == getattr(default, key) else "flag"
    return Resolved(resolved.config.model_copy(update={"data": data}), sources)


def _plain(value: Any) -> Any:
    """numpy's numbers and arrays as Python's own."""
    return value.tolist() if hasattr(value, "tolist") else value


def has_epochs(config: RunConfig) -> bool:
    """Whether a model is trained by steps; else it is computed in one go."""
    return record(config.model.name).trained


def presets(model: str | None = None) -> dict[str, tuple[str, ...]] | tuple[str, ...]:
    """The presets that `fit` takes as `preset=`; the first is the one to begin with.

    Args:
        model: name of a model; all models unless given.

    Returns:
        The presets of the model, or of each model by its name.

    Raises:
        ConfigError: there is no such model.

    Example:
        >>> import convncf
        >>> convncf.presets("convncf")
        ('quick', 'tuned', 'paper', 'recbole')
    """
    if model is None:
        return {name: preset_names(name) for name in model_names()}
    return preset_names(record(str(model)).name)
