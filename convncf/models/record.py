"""A model's record: its name, settings, presets, needs and abilities: all that the rest of the program uses.

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


class MemoryNeeds(NamedTuple):
    """What a model keeps in memory, known before it is built."""

    parameters: int = 0
    """Trained numbers, float32."""
    bytes_per_triple: int = 0
    """Bytes that one triple (user, positive, negatives) keeps for the backward pass."""
    bytes_to_fit: int = 0
    """Bytes in which a model that is not trained by steps is computed."""


Build = Callable[[Any, Sizes, Precision], Any]
"""(settings, sizes, precision) -> a model, untrained."""


def built_by(path: str) -> Build:
    """A `build` that calls `of(settings, sizes, precision)` of the class "module:class", loaded when it is called."""
    module, _, name = path.partition(":")

    def build(settings: Any, sizes: Sizes, precision: Precision) -> Any:
        return getattr(import_module(module), name).of(settings, sizes, precision)

    return build


def nothing_to_refuse(settings: Any, sizes: Sizes) -> None:
    """Refuses no data."""


def whole_matrix(settings: Any, train: csr_array) -> tuple[csr_array, float]:
    """The whole training matrix: a model that is quick to compute is timed on it."""
    return train, 1.0


def memory_of_embeddings(settings: Any, train: TrainConfig, sizes: Sizes) -> MemoryNeeds:
    """Of a model that is two embedding tables."""
    negatives = train.dns_candidates if train.negatives == "dns" else 1
    size = settings.embedding_size
    return MemoryNeeds(parameters=sum(sizes) * size, bytes_per_triple=2 * (2 + negatives) * size * 4)


def memory_of_item_scores(settings: Any, train: TrainConfig, sizes: Sizes) -> MemoryNeeds:
    """Of a model that keeps one number for each item."""
    return MemoryNeeds(bytes_to_fit=4 * sizes.n_items)


def _only_quick() -> Mapping[str, Mapping[str, Any]]:
    return MappingProxyType({"quick": {}})


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ModelRecord:
    """A model's name, settings, needs and abilities. `settings` below is an object of its settings class."""

    name: str
    """As commands and config.json write it: "mf-bpr"."""
    label: str
    """As pages show it: "MF-BPR"."""
    sentence: str
    """What it is, in a few words without a capital or a full stop: "the dot product of two embeddings"."""
    tooltip: str = ""
    """The same in everyday words, for anyone who reads the label for the first time."""
    settings: type[ModelSettings]
    """Its settings, with their help. Its `name` is this one's."""
    build: Build
    """(settings, sizes, precision) -> the model, untrained; one that is not trained by steps is then computed by its
    `fit(matrix)`."""
    trained: bool
    """Whether it is trained by steps, epoch after epoch; else it is computed from the training matrix in one go."""
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=_only_quick)
    """Preset -> the settings that differ from the defaults, by dotted key; the recommended preset comes first."""
    first: tuple[str, ...] = ()
    """The settings that people change first, by field."""

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
    """The precisions that it can compute in."""
    score_unit: str = ""
    """What a score counts, such as "users", where it is a whole number of something."""

    memory: Callable[[Any, TrainConfig, Sizes], MemoryNeeds] = memory_of_item_scores
    """(settings, training settings, sizes) -> what it keeps in memory."""
    timing_sample: Callable[[Any, csr_array], tuple[csr_array, float]] = whole_matrix
    """(settings, training matrix) -> a sample of the matrix to time the computation on, and how many times as long
    the whole one takes."""
    refuse: Callable[[Any, Sizes], None] = nothing_to_refuse
    """(settings, sizes): raises DataError where it cannot be made for data of such sizes."""

    def __post_init__(self) -> None:
        settings_name = self.settings.model_fields["name"].default
        if settings_name != self.name:
            raise TypeError(f"the settings of model {self.name!r} have the name {settings_name!r}")

    @property
    def layers(self) -> bool:
        """Whether it has layers, and so feature maps and channels."""
        return self.kernels is not None

    def layer_summary(self, settings: Any) -> str:
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
