"""What models are built from and fed with: a configuration, the sizes of the data, batches; ours or RecBole's.

None of them has to be a Mapping: RecBole's Config answers None for a key that it lacks, a dict raises KeyError.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Protocol

from pydantic import ValidationError

from convncf.config import MODEL_NAMES, ModelConfig
from convncf.errors import ConfigError

PAIRWISE: Final = 2
"""RecBole's InputType.PAIRWISE: a batch holds a positive and a negative item for each user."""


class Subscriptable(Protocol):
    """Anything that answers `it["key"]`: a dict, a ModelConfig, RecBole's Config or Interaction."""

    def __getitem__(self, key: str, /) -> Any: ...


class Sizes(NamedTuple):
    """How many users and items a model knows: the least that it needs of a dataset."""

    n_users: int
    n_items: int


class Fields(NamedTuple):
    """Names under which a batch holds its indices."""

    user: str
    item: str
    negative: str


def value_of(config: Subscriptable, key: str) -> Any:
    """The value, or None where the configuration does not know the key."""
    try:
        return config[key]
    except LookupError:
        return None


def model_config(config: Subscriptable, name: str) -> ModelConfig:
    """Read a configuration as that of the model `name`. Raises ConfigError, with the key, where a value cannot be."""
    if name not in MODEL_NAMES:
        raise ConfigError(f"model {name!r} does not exist. Known: {', '.join(MODEL_NAMES)}.")
    if isinstance(config, ModelConfig) and config.name == name:
        return config
    found = {key: value_of(config, key) for key in ModelConfig.model_fields}
    given = {key: value for key, value in found.items() if value is not None} | {"name": name}
    if "reg_weights" in given:
        given["reg_weights"] = tuple(given["reg_weights"])[:2]  # RecBole reads the first two and no more
    try:
        return ModelConfig.model_validate(given)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc'])) or 'model'} = {problem['input']!r}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise ConfigError("; ".join(problems) + ".") from None


def fields(config: Subscriptable) -> Fields:
    """user_id, item_id and neg_item_id, unless the configuration renames them with RecBole's keys."""
    user = value_of(config, "USER_ID_FIELD") or "user_id"
    item = value_of(config, "ITEM_ID_FIELD") or "item_id"
    return Fields(user, item, (value_of(config, "NEG_PREFIX") or "neg_") + item)


def sizes(dataset: Any, names: Fields) -> Sizes:
    """n_users and n_items of a dataset that has them, or RecBole's `num(field)`."""
    if hasattr(dataset, "n_users") and hasattr(dataset, "n_items"):
        return Sizes(int(dataset.n_users), int(dataset.n_items))
    if hasattr(dataset, "num"):
        return Sizes(int(dataset.num(names.user)), int(dataset.num(names.item)))
    raise TypeError(f"{type(dataset).__name__} has neither n_users and n_items nor num(field); a model needs them.")
