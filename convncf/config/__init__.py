"""Settings: their definitions, their presets, and how flags and files become one frozen RunConfig."""

from convncf.config.base import METRIC_NAMES, MODEL_NAMES, TRAINED, Precision
from convncf.config.data import DataConfig
from convncf.config.effects import idle_settings, setting_fields, setting_keys, unused_settings
from convncf.config.evaluation import EvalConfig
from convncf.config.layer_plan import layer_sizes, nearest_plans, plans_to_one, refuse_unless_trace_fits
from convncf.config.model import ModelConfig
from convncf.config.presets import PRESETS, preset_names
from convncf.config.schema import RunConfig
from convncf.config.settings import Resolved, flatten, nest, parse_setting, read_settings, resolve
from convncf.config.training import PretrainConfig, TrainConfig

__all__ = [
    "METRIC_NAMES",
    "MODEL_NAMES",
    "PRESETS",
    "TRAINED",
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
    "setting_fields",
    "setting_keys",
    "unused_settings",
]
