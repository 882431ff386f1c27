"""ConvNCF workbench: train outer-product recommenders and simple baselines, and look inside them.

    from convncf import default_store, load_run, view_pair

Names load when they are first used, so `import convncf` is instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convncf.comparison import Comparison, compare
    from convncf.config import (
        DataConfig,
        EvalConfig,
        ModelConfig,
        PretrainConfig,
        RunConfig,
        TrainConfig,
        resolve,
    )
    from convncf.data.candidates import CandidateSets
    from convncf.data.catalogue import Dataset
    from convncf.data.interactions import Interactions, Vocabulary
    from convncf.data.reading import ReadOptions, ReadReport, read, read_delimited
    from convncf.data.splitting import Split, filter_and_split, split
    from convncf.errors import ConvNCFError
    from convncf.evaluation import EvaluationReport, evaluate
    from convncf.experiment import extend, run_experiment
    from convncf.experiment.loading import LoadedRun, load_run
    from convncf.experiment.reporting import evaluate_run
    from convncf.inspection import PairTrace, PairView, history, recommend, trace_pair, view_pair
    from convncf.jobs import demo, launch, prepare, refit, work
    from convncf.losses import ConvNCFBPRLoss
    from convncf.models import EASE, ConvNCF, FusedConvNCF, ItemKNN, MatrixFactorisation, Popularity
    from convncf.runs import Run, RunStore, default_store
    from convncf.significance import PairedTest, paired_test
    from convncf.training import EpochRecord, Trainer

_HOMES = {
    "comparison": ("Comparison", "compare"),
    "config": ("DataConfig", "EvalConfig", "ModelConfig", "PretrainConfig", "RunConfig", "TrainConfig", "resolve"),
    "data.candidates": ("CandidateSets",),
    "data.catalogue": ("Dataset",),
    "data.interactions": ("Interactions", "Vocabulary"),
    "data.reading": ("ReadOptions", "ReadReport", "read", "read_delimited"),
    "data.splitting": ("Split", "filter_and_split", "split"),
    "errors": ("ConvNCFError",),
    "evaluation": ("EvaluationReport", "evaluate"),
    "experiment.running": ("extend", "run_experiment"),
    "inspection": ("PairTrace", "PairView", "history", "recommend", "trace_pair", "view_pair"),
    "jobs": ("demo", "launch", "prepare", "refit", "work"),
    "experiment.loading": ("LoadedRun", "load_run"),
    "losses": ("ConvNCFBPRLoss",),
    "models": ("ConvNCF", "EASE", "FusedConvNCF", "ItemKNN", "MatrixFactorisation", "Popularity"),
    "experiment.reporting": ("evaluate_run",),
    "runs": ("Run", "RunStore", "default_store"),
    "significance": ("PairedTest", "paired_test"),
    "training": ("EpochRecord", "Trainer"),
}

__all__ = [
    "EASE",
    "CandidateSets",
    "Comparison",
    "ConvNCF",
    "ConvNCFBPRLoss",
    "ConvNCFError",
    "DataConfig",
    "Dataset",
    "EpochRecord",
    "EvalConfig",
    "EvaluationReport",
    "FusedConvNCF",
    "Interactions",
    "ItemKNN",
    "LoadedRun",
    "MatrixFactorisation",
    "ModelConfig",
    "PairTrace",
    "PairView",
    "PairedTest",
    "Popularity",
    "PretrainConfig",
    "ReadOptions",
    "ReadReport",
    "Run",
    "RunConfig",
    "RunStore",
    "Split",
    "TrainConfig",
    "Trainer",
    "Vocabulary",
    "compare",
    "default_store",
    "demo",
    "evaluate",
    "evaluate_run",
    "extend",
    "filter_and_split",
    "history",
    "launch",
    "load_run",
    "paired_test",
    "prepare",
    "read",
    "read_delimited",
    "recommend",
    "refit",
    "resolve",
    "run_experiment",
    "split",
    "trace_pair",
    "view_pair",
    "work",
]


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"convncf.{module}"), name)
    raise AttributeError(f"module 'convncf' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
