"""ConvNCF workbench: train outer-product recommenders and simple baselines, and inspect them.

    import convncf

    data = convncf.Dataset.from_frame(frame, user="customer", item="article")
    split = data.split(seed=1)
    model = convncf.fit(split, "convncf", preset="quick", seed=1)
    convncf.evaluate(model, split)

Beside these names there are public modules: `models` and `training` (what `fit` uses), `inspection`
and `figures` (of a trained model), `metrics`, `datasets` and `errors`. All else is private.
Names load when they are first used, so `import convncf` is instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convncf import datasets, errors, figures, inspection, metrics, models, training
    from convncf.api.comparison import Comparison, compare
    from convncf.api.dataset import Dataset, ReadingReport, Split, read
    from convncf.api.fitted import FittedModel, fit, load
    from convncf.api.pair import FeatureMaps, Pair
    from convncf.api.report import Report, evaluate
    from convncf.api.scorer import Scorer
    from convncf.api.settings import presets
    from convncf.config import DataConfig, EvalConfig, PretrainConfig, TrainConfig
    from convncf.data.interactions import Interactions
    from convncf.errors import ConvNCFError
    from convncf.models.convncf import ConvNCF
    from convncf.models.losses import ConvNCFBPRLoss
    from convncf.models.registry import ModelConfig
    from convncf.models.run_config import RunConfig

_HOMES = {
    "api.comparison": ("Comparison", "compare"),
    "api.dataset": ("Dataset", "ReadingReport", "Split", "read"),
    "api.fitted": ("FittedModel", "fit", "load"),
    "api.pair": ("FeatureMaps", "Pair"),
    "api.report": ("Report", "evaluate"),
    "api.scorer": ("Scorer",),
    "api.settings": ("presets",),
    "config": ("DataConfig", "EvalConfig", "PretrainConfig", "TrainConfig"),
    "data.interactions": ("Interactions",),
    "errors": ("ConvNCFError",),
    "models.convncf": ("ConvNCF",),
    "models.losses": ("ConvNCFBPRLoss",),
    "models.registry": ("ModelConfig",),
    "models.run_config": ("RunConfig",),
}
_MODULES = ("datasets", "errors", "figures", "inspection", "metrics", "models", "training")

__all__ = [
    "Comparison",
    "ConvNCF",
    "ConvNCFBPRLoss",
    "ConvNCFError",
    "DataConfig",
    "Dataset",
    "EvalConfig",
    "FeatureMaps",
    "FittedModel",
    "Interactions",
    "ModelConfig",
    "Pair",
    "PretrainConfig",
    "ReadingReport",
    "Report",
    "RunConfig",
    "Scorer",
    "Split",
    "TrainConfig",
    "compare",
    "datasets",
    "errors",
    "evaluate",
    "figures",
    "fit",
    "inspection",
    "load",
    "metrics",
    "models",
    "presets",
    "read",
    "training",
]


def __getattr__(name: str) -> Any:
    if name == "figures":  # the only module that needs a package which a minimal install lacks
        from convncf.api.drawing import figures

        return figures()
    if name in _MODULES:
        return import_module(f"convncf.{name}")
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"convncf.{module}"), name)
    raise AttributeError(f"module 'convncf' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
