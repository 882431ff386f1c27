"""Settings: their definitions, their presets, and how flags and files become one frozen RunConfig."""

from convncf.config.layer_plan import layer_sizes, nearest_plans, plans_to_one, refuse_unless_trace_fits
from convncf.config.presets import PRESETS, preset_names
from convncf.config.schema import (
    METRIC_NAMES,
    MODEL_NAMES,
    DataConfig,
    EvalConfig,
    ModelConfig,
    Precision,
    PretrainConfig,
    RunConfig,
    TrainConfig,
)
from convncf.config.settings import (
    Resolved,
    flatten,
    idle_settings,
    nest,
    parse_setting,
    read_settings,
    resolve,
    setting_keys,
    unused_settings,
)

__all__ = [
    "METRIC_NAMES",
    "MODEL_NAMES",
    "PRESETS",
    "DataConfig",
    "EvalConfig",
    "ModelConfig",
    "Precision",
    "PretrainConfig",
    "Resolved",
    "RunConfig",
    "TrainConfig",
    "flatten",
    "idle_settings",
    "layer_sizes",
    "nearest_plans",
    "nest",
    "parse_setting",
    "plans_to_one",
    "preset_names",
    "read_settings",
    "refuse_unless_trace_fits",
    "resolve",
    "setting_keys",
    "unused_settings",
]
