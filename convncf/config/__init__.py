"""Settings by section: data, training, evaluation, and those common to all models.

The settings of a whole run, and which of them have an effect, depend on its model: `convncf.models.run_config`.
"""

from convncf.config.base import Frozen, Precision
from convncf.config.data import DataConfig
from convncf.config.evaluation import METRIC_NAMES, EvalConfig
from convncf.config.layer_plan import layer_sizes, nearest_plans, plans_to_one, refuse_unless_dot_product_fits
from convncf.config.model import EmbeddingSettings, ModelSettings, PretrainedSettings
from convncf.config.training import PretrainConfig, TrainConfig

__all__ = [
    "METRIC_NAMES",
    "DataConfig",
    "EmbeddingSettings",
    "EvalConfig",
    "Frozen",
    "ModelSettings",
    "Precision",
    "PretrainConfig",
    "PretrainedSettings",
    "TrainConfig",
    "layer_sizes",
    "nearest_plans",
    "plans_to_one",
    "refuse_unless_dot_product_fits",
]
