"""Experiment: where data, split, model, training, evaluation and run folder meet; and saved runs brought back."""

from convncf.experiment.loading import LoadedRun, load_run
from convncf.experiment.reporting import evaluate_run
from convncf.experiment.running import extend, refuse_unresumable, run_experiment

__all__ = [
    "LoadedRun",
    "evaluate_run",
    "extend",
    "load_run",
    "refuse_unresumable",
    "run_experiment",
]
