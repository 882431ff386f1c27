"""ConvNCF workbench: train outer-product recommenders and simple baselines, and look inside them.

    from convncf import default_store, load_run, view_pair

Names load when they are first used, so `import convncf` is instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convncf.config import DataConfig, EvalConfig, PretrainConfig, TrainConfig
    from convncf.data.candidates import CandidateSets
    from convncf.data.dataset import Dataset
    from convncf.data.interactions import Interactions
    from convncf.data.reading import ReadOptions, ReadReport, read, read_delimited
    from convncf.data.split import Split
    from convncf.data.splitting import filter_and_split, split
    from convncf.data.vocabulary import Vocabulary
    from convncf.errors import ConvNCFError
    from convncf.evaluation.comparison import Comparison, compare
    from convncf.evaluation.report import EvaluationReport, evaluate
    from convncf.evaluation.significance import PairedTest, paired_test
    from convncf.inspection import PairTrace, PairView, history, recommend, trace_pair, view_pair
    from convncf.jobs import demo, launch, prepare, refit, work
    from convncf.models import EASE, ConvNCF, FusedConvNCF, ItemKNN, MatrixFactorisation, Popularity
    from convncf.models.losses import ConvNCFBPRLoss
    from convncf.models.registry import ModelConfig
    from convncf.models.run_config import RunConfig
    from convncf.models.settings import resolve
    from convncf.runs import Run, RunStore, default_store
    from convncf.training import EpochRecord, Trainer
    from convncf.workflow.loading import LoadedRun, load_run
    from convncf.workflow.reporting import evaluate_run
    from convncf.workflow.running import extend, run_experiment

_HOMES = {
    "evaluation.comparison": ("Comparison", "compare"),
    "config": ("DataConfig", "EvalConfig", "PretrainConfig", "TrainConfig"),
    "data.candidates": ("CandidateSets",),
    "data.dataset": ("Dataset",),
    "data.interactions": ("Interactions",),
    "data.reading": ("ReadOptions", "ReadReport", "read", "read_delimited"),
    "data.split": ("Split",),
    "data.splitting": ("filter_and_split", "split"),
    "data.vocabulary": ("Vocabulary",),
    "errors": ("ConvNCFError",),
    "evaluation.report": ("EvaluationReport", "evaluate"),
    "evaluation.significance": ("PairedTest", "paired_test"),
    "inspection": ("PairTrace", "PairView", "history", "recommend", "trace_pair", "view_pair"),
    "jobs": ("demo", "launch", "prepare", "refit", "work"),
    "models": ("ConvNCF", "EASE", "FusedConvNCF", "ItemKNN", "MatrixFactorisation", "Popularity"),
    "models.losses": ("ConvNCFBPRLoss",),
    "models.registry": ("ModelConfig",),
    "models.run_config": ("RunConfig",),
    "models.settings": ("resolve",),
    "runs": ("Run", "RunStore", "default_store"),
    "training": ("EpochRecord", "Trainer"),
    "workflow.loading": ("LoadedRun", "load_run"),
    "workflow.reporting": ("evaluate_run",),
    "workflow.running": ("extend", "run_experiment"),
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
