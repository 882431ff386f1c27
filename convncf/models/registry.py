"""The available models: the records of this package, and of the modules that CONVNCF_EXTENSIONS names.

The variable is inherited by every process, so that workers, estimates and the app know the same models.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from convncf.config import ModelSettings, Precision
from convncf.errors import ConfigError, did_you_mean
from convncf.models.record import ModelRecord, Sizes
from convncf.models.records import convncf, factorisation, item_similarity, popularity

if TYPE_CHECKING:
    from scipy.sparse import csr_array

EXTENSIONS: Final = "CONVNCF_EXTENSIONS"
"""Environment variable: modules with further models, separated by commas. Each has a tuple RECORDS of ModelRecord."""
OURS: Final = (*convncf.RECORDS, *factorisation.RECORDS, *item_similarity.RECORDS, *popularity.RECORDS)
"""The models of this package; the first is the default."""
PRETRAINING: Final = factorisation.RECORD
"""The model that others' embeddings are pretrained with."""
BASELINE: Final = popularity.RECORD
"""The model that every other one is compared with."""


def records() -> tuple[ModelRecord, ...]:
    """Every available model, in the order of lists. Raises ConfigError where an extension has none."""
    return _records_with(os.environ.get(EXTENSIONS, ""))


def record(name: str) -> ModelRecord:
    """The record of the model `name`. Raises ConfigError where there is none, with the names of those that exist."""
    by_name = {one.name: one for one in records()}
    if name not in by_name:
        raise ConfigError(f"model {name!r} does not exist. {did_you_mean(name, by_name)}")
    return by_name[name]


def model_names() -> tuple[str, ...]:
    """The name of each available model, in the order of lists."""
    return tuple(one.name for one in records())


def label(name: str) -> str:
    """A model's name as pages show it; of an unknown model, such as one in an old report, the name itself."""
    return next((one.label for one in records() if one.name == name), name)


def tooltip(label: str) -> str:
    """What the model of that label is, in everyday words; empty for what is no label."""
    return next((one.tooltip or one.sentence for one in records() if one.label == label), "")


def with_ability(ability: str) -> str:
    """The names of the models that have an ability such as "embeddings": "convncf or mf-bpr"."""
    return " or ".join(one.name for one in records() if getattr(one, ability))


def ModelConfig(name: str = OURS[0].name, **settings: Any) -> Any:
    """The settings of one model, as that model's own settings class has them.

    Args:
        name: name of a model, such as "convncf" or "mf-bpr".
        settings: its settings by name; the others keep their defaults.

    Returns:
        A frozen value, as `ConvNCF(config, dataset)` takes it; `value["embedding_size"]` reads one of them.

    Raises:
        ConfigError: there is no such model.
        pydantic.ValidationError: a setting is none of this model's, or has a value that is not allowed.

    Example:
        >>> import convncf
        >>> convncf.ModelConfig(name="mf-bpr", embedding_size=16)["embedding_size"]
        16
    """
    return record(name).settings(**settings)


def build(settings: ModelSettings, n_users: int, n_items: int, precision: Precision = "fp32") -> Any:
    """The model of these settings, untrained. `precision` is that of its products, where it has a choice."""
    return record(settings.name).build(settings, Sizes(n_users, n_items), precision)


def fitted(settings: ModelSettings, train: csr_array) -> Any:
    """A model that is computed from the training matrix (n_users, n_items) in one go."""
    if record(settings.name).trained:
        raise TypeError(f"{settings.name} is trained, not computed")
    return build(settings, *train.shape).fit(train)


@cache
def _records_with(extensions: str) -> tuple[ModelRecord, ...]:
    models = list(OURS)
    for module in filter(None, map(str.strip, extensions.split(","))):
        models += _records_of(module)
        names = [model.name for model in models]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ConfigError(f"{EXTENSIONS}: {module} has a model {twice!r}, and there is one already. Rename it.")
    return tuple(models)


def _records_of(module: str) -> tuple[ModelRecord, ...]:
    try:
        extension = import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"{EXTENSIONS} names {module!r}, which cannot be imported ({error}). "
            "Give modules that Python finds, separated by commas."
        ) from None
    models = getattr(extension, "RECORDS", None)
    if not isinstance(models, tuple) or not all(isinstance(model, ModelRecord) for model in models):
        raise ConfigError(f"{EXTENSIONS}: module {module!r} has no tuple RECORDS of ModelRecord. Give it one.")
    return models
