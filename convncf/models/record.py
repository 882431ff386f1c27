"""What a model says of itself: everything that the rest of the program asks of a model, it asks this record.

A record loads neither torch nor the model: lists, pages and commands read it where nothing is computed. `build` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from convncf.config import ModelSettings, Precision, TrainConfig
from convncf.runtime import devices

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Sizes(NamedTuple):
    """How many users and items a model knows: the least that it needs of a dataset."""

    n_users: int
    n_items: int


class Needed(NamedTuple):
    """What a model takes, to be counted before it is made."""

    numbers: int = 0
    """Numbers that training changes, float32."""
    per_triple: int = 0
    """Bytes that one triple (user, positive, negatives) leaves for the backward pass."""
    computed: int = 0
    """Bytes that a model without steps is computed in."""


Build = Callable[[Any, Sizes, Precision], Any]
"""(settings, sizes, precision) -> a model, untrained."""


def built_by(where: str) -> Build:
    """What calls `of(settings, sizes, precision)` of a class, "module:class", which is loaded when one is built."""
    module, _, name = where.partition(":")

    def build(settings: Any, sizes: Sizes, precision: Precision) -> Any:
        return getattr(import_module(module), name).of(settings, sizes, precision)

    return build


def nothing_to_refuse(settings: Any, sizes: Sizes) -> None:
    """Refuses no data."""


def all_of_it(settings: Any, train: csr_array) -> tuple[csr_array, float]:
    """The whole training matrix is quick to compute from: no part stands for it."""
    return train, 1.0


def embeddings_alone(settings: Any, train: TrainConfig, sizes: Sizes) -> Needed:
    """Of a model that is two embedding tables."""
    drawn = train.dns_candidates if train.negatives == "dns" else 1
    size = settings.embedding_size
    return Needed(numbers=sum(sizes) * size, per_triple=2 * (2 + drawn) * size * 4)


def one_number_an_item(settings: Any, train: TrainConfig, sizes: Sizes) -> Needed:
    """Of a model that keeps next to nothing."""
    return Needed(computed=4 * sizes.n_items)


def _only_quick() -> Mapping[str, Mapping[str, Any]]:
    return MappingProxyType({"quick": {}})


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ModelRecord:
    """A model's name, settings, needs and abilities. `settings` below stands for an object of its settings class."""

    name: str
    """As commands and config.json have it: "mf-bpr"."""
    label: str
    """As pages show it: "MF-BPR"."""
    sentence: str
    """What it is, in a few words without a capital or a full stop: "the dot product of two embeddings"."""
    tooltip: str = ""
    """The same for anyone who meets the label for the first time, without the field's words."""
    settings: type[ModelSettings]
    """Its settings, with their help. Its `name` is this one's."""
    build: Build
    """(settings, sizes, precision) -> the model, untrained; one that is not trained is then computed by its
    `fit(matrix)`."""
    trained: bool
    """Whether it learns by steps, epoch after epoch; else it is computed from the training matrix in one go."""
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=_only_quick)
    """Preset -> the settings that depart from the defaults, by dotted key; the one to take first stands first."""
    first: tuple[str, ...] = ()
    """Its fields that people change first."""

    embeddings: bool = False
    """Whether users and items have embeddings, `user_embedding` and `item_embedding`."""
    interaction_map: bool = False
    """Whether it reads the interaction map p qᵀ, and shows it: `interaction_map(user, item)`."""
    kernels: Callable[[Any], Sequence[int]] | None = None
    """settings -> the kernel size of each of its layers; None without layers."""
    network: bool = False
    """Whether it has parameters besides embeddings."""
    pretraining: bool = False
    """Whether its embeddings may start from those of MF-BPR; its settings are then a PretrainedSettings."""
    precisions: tuple[Precision, ...] = ("fp32",)
    """What it can compute in."""
    score_unit: str = ""
    """What a score counts, such as "users", where it is a whole number of something."""

    needed: Callable[[Any, TrainConfig, Sizes], Needed] = one_number_an_item
    """(settings, training settings, sizes) -> what it takes."""
    part_to_time: Callable[[Any, csr_array], tuple[csr_array, float]] = all_of_it
    """(settings, training matrix) -> a part of the matrix whose computation is timed, and how many times that the
    whole one takes."""
    refuse: Callable[[Any, Sizes], None] = nothing_to_refuse
    """(settings, sizes): raises DataError where it cannot be made for data of such sizes."""

    def __post_init__(self) -> None:
        stands = self.settings.model_fields["name"].default
        if stands != self.name:
            raise TypeError(f"the settings of model {self.name!r} have the name {stands!r}")

    @property
    def layers(self) -> bool:
        """Whether it has layers, and so feature maps and channels to look at."""
        return self.kernels is not None

    def layer_words(self, settings: Any) -> str:
        """ "layers 4×4, 4×4, 2×2", or "5 layers of 2×2" where all are the same, to stay short; empty without layers."""
        if self.kernels is None:
            return ""
        kernels = self.kernels(settings)
        if len(kernels) > 2 and len(set(kernels)) == 1:
            return f"{len(kernels)} layers of {kernels[0]}×{kernels[0]}"
        return "layers " + ", ".join(f"{kernel}×{kernel}" for kernel in kernels)


def on_cpu(train: TrainConfig) -> bool:
    """Whether a model with these settings most likely trains on the processor."""
    return devices.planned_device(train.device) == "cpu"
