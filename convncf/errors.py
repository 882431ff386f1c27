"""What can go wrong, as one tree: catch ConvNCFError to catch everything a user can cause.

    ConvNCFError
    ├── ConfigError              a setting with a value that cannot be used
    │   ├── UnknownSettingError  a key that does not exist
    │   └── LayerPlanError       kernels and strides that do not fit the embedding size
    ├── DataError                data that cannot be used
    │   ├── ReadError            a file that cannot be read (names file and line)
    │   ├── SplitError           nothing could be held out
    │   ├── UnknownIdError       a user or item that is not in the data
    │   ├── DatasetNotFoundError
    │   └── DatasetExistsError
    ├── DeviceError              a device that was set and is absent
    ├── TrainingError
    │   ├── NonFiniteLossError   the loss became NaN or infinite
    │   ├── NonFiniteScoreError  a model returned NaN or infinite scores
    │   ├── PretrainingError     pretrained embeddings that do not fit
    │   └── TrainingStopped      not a fault: training was asked to stop
    ├── RunError                 a run folder
    │   ├── RunExistsError
    │   ├── RunNotFoundError
    │   ├── RunBrokenError       a file in it is missing or damaged
    │   ├── RunBusyError         another process works on it
    │   └── RunNameError         a name that cannot be a folder
    ├── CheckpointError          tensors that cannot be loaded
    ├── RefusedValueError        an argument with a value that cannot be (a ValueError too)
    │   ├── UnknownIndexError    a user, item, layer, cell or checkpoint that is not there (an IndexError too)
    │   └── UnknownMetricError   a metric that was not computed (a KeyError too)
    ├── RefusedTypeError         a model that cannot be asked this (a TypeError too)
    └── JobError                 a worker that could not be started or reached

Each message says what was wrong, the value, and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ConvNCFError(Exception):
    """Root of every error that a user of the workbench can cause."""


class ConfigError(ConvNCFError):
    """A setting has a value that cannot be used."""


class UnknownSettingError(ConfigError):
    """A setting of that name does not exist."""


class LayerPlanError(ConfigError):
    """Kernels and strides do not fit the embedding size, or each other."""


class DataError(ConvNCFError):
    """Data cannot be used as it is."""


class ReadError(DataError):
    """A file cannot be read; the message names file and line."""


class SplitError(DataError):
    """The data leaves nothing to hold out under the split that was set."""


class UnknownIdError(DataError):
    """A user or item id does not occur in the data."""


class DatasetNotFoundError(DataError):
    """No dataset has that name."""


class DatasetExistsError(DataError):
    """A dataset of that name exists already."""


class RefusedValueError(ConvNCFError, ValueError):
    """An argument has a value that cannot be."""


class UnknownIndexError(RefusedValueError, IndexError):
    """A user, item, layer, channel, cell or checkpoint that is not there."""


class UnknownMetricError(RefusedValueError, KeyError):
    """A metric that was not computed."""

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would show its sentence in quotes


class RefusedTypeError(ConvNCFError, TypeError):
    """A model that cannot be asked this, since it has no such part."""


class DeviceError(ConvNCFError):
    """The device that was set is not available."""


class TrainingError(ConvNCFError):
    """Training cannot go on."""


class NonFiniteLossError(TrainingError):
    """The loss became NaN or infinite."""


class NonFiniteScoreError(TrainingError):
    """A model returned a score that is NaN or infinite; it is never counted as a hit."""


class PretrainingError(TrainingError):
    """Pretrained embeddings are missing or do not fit the model."""


class TrainingStopped(TrainingError):
    """Work was stopped on request, between two steps; what was saved before stays."""


class RunError(ConvNCFError):
    """A run folder cannot be used as requested."""


class RunExistsError(RunError):
    """A run of that name exists already; the message proposes a free name."""


class RunNotFoundError(RunError):
    """No run has that name."""


class RunBrokenError(RunError):
    """A file in the run folder is missing or damaged."""


class RunBusyError(RunError):
    """Another process is working on the run."""


class RunNameError(RunError):
    """The name cannot be used for a folder."""


class CheckpointError(ConvNCFError):
    """Tensors cannot be loaded from a file."""


class JobError(ConvNCFError):
    """A worker could not be started or reached."""


def nearest(word: str, choices: Iterable[str], n: int = 3) -> list[str]:
    """The choices most similar to `word`, best first; empty where none is similar."""
    by_folded: dict[str, str] = {}
    for choice in choices:
        by_folded.setdefault(choice.casefold(), choice)
    matches = difflib.get_close_matches(word.casefold(), list(by_folded), n=n, cutoff=0.5)
    return [by_folded[match] for match in matches]


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A sentence for an error message: the nearest choices, or all of them when they are few."""
    known = list(choices)
    similar = nearest(word, known)
    if similar:
        return f"Did you mean {' or '.join(similar)}?"
    if len(known) <= 12:
        return f"Known: {', '.join(known) if known else 'none'}."
    return ""
