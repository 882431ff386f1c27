"""Memory: how much a run will take, counted from its settings before anything is made.

Shapes: U users, I items, D embedding size, B triples of a batch, C channels and H side of a feature map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from convncf.config import TRAINED, RunConfig
from convncf.data.split import Split
from convncf.errors import DataError, DeviceError
from convncf.evaluation.full_ranking import FLOATS, USERS_TOGETHER
from convncf.models.compiled.tower import available as compiled
from convncf.runtime import devices, threads
from convncf.runtime.memory import available_memory, format_bytes

_FLOAT: Final = 4
_SLOTS: Final = {"adam": 2, "adamw": 2, "adagrad": 1, "sgd": 0}
"""Optimiser -> numbers that it keeps for each parameter; sgd keeps one where it has momentum."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What a run takes beside the program and the data, in bytes."""

    parameters: int
    """The model's numbers, and their gradients while it trains; for a computed model what it is computed in."""
    optimiser: int
    """What the optimiser keeps for each parameter."""
    batch: int
    """What one batch leaves for its backward pass."""
    scores: int
    """Scores of the users that are ranked together, and their metrics; it does not grow with users × items."""
    copies: int
    """What is copied to be written: parameters and optimiser state, in the processor's memory on a GPU too."""

    @property
    def on_device(self) -> int:
        """Bytes on the device that trains."""
        return self.parameters + self.optimiser + self.batch + self.scores

    @property
    def total(self) -> int:
        """Bytes in all."""
        return self.on_device + self.copies


def memory_of(config: RunConfig, parts: Split) -> Memory:
    """Count what training and evaluating such a run takes at most at a time."""
    n_users, n_items = parts.interactions.n_users, parts.interactions.n_items
    ranked = min(FLOATS, max(1, threads.width()) * USERS_TOGETHER * n_items)
    # a score is held as it is, without what is left out, and sorted; and each user has about forty metrics in float64
    scores = 3 * _FLOAT * ranked + n_users * (40 * 8 + max(config.eval.ks) * _FLOAT)
    if config.model.name not in TRAINED:
        return Memory(_of_computed(config, n_items), 0, 0, scores, 0)
    numbers = (n_users + n_items) * config.model.embedding_size + sum(_layers(config))
    slots = _SLOTS[config.train.optimizer] or int(config.train.momentum > 0)
    triples = max(config.train.batch_size, config.pretrain.batch_size if config.pretrain.epochs else 0)
    triples = min(triples, parts.train.nnz)
    kept = (1 + slots) * numbers * _FLOAT
    return Memory(2 * numbers * _FLOAT, slots * numbers * _FLOAT, triples * _of_triple(config), scores, kept)


def _of_computed(config: RunConfig, n_items: int) -> int:
    """EASE inverts a matrix of items by items in float64 and keeps it in float32; ItemKNN keeps some for each item."""
    if config.model.name == "ease":
        return 12 * n_items**2
    return 12 * n_items * min(n_items, config.model.neighbours) if config.model.name == "itemknn" else 4 * n_items


def _layers(config: RunConfig) -> list[int]:
    """Numbers of each layer's filters and biases, and of the output's; none without a network."""
    model = config.model
    if model.name != "convncf":
        return []
    widths = zip(model.cnn_channels, model.cnn_channels[1:], model.cnn_kernels, strict=False)
    return [*(out * (within * kernel**2 + 1) for within, out, kernel in widths), model.cnn_channels[-1] + 1]


def _of_triple(config: RunConfig) -> int:
    """Bytes that one triple leaves for the backward pass: its three embeddings, and the maps of two pairs."""
    model, train = config.model, config.train
    drawn = train.dns_of if train.negatives == "dns" else 1
    embeddings = 2 * (2 + drawn) * model.embedding_size * _FLOAT
    if model.name != "convncf":
        return embeddings
    if model.cnn_kernels == model.cnn_strides and len(model.cnn_kernels) > 1 and _on_cpu(config):
        precision, _ = devices.resolve_precision(train.precision, "cpu")
        if compiled(precision):
            return embeddings  # the compiled loops compute the maps a second time instead of keeping them
    side, maps = model.embedding_size, 0
    if model.cnn_kernels != model.cnn_strides:
        maps += side**2  # the reference path makes the interaction map itself
    for width, kernel, stride in zip(model.cnn_channels[1:], model.cnn_kernels, model.cnn_strides, strict=True):
        side = (side - kernel) // stride + 1
        maps += 2 * width * side**2  # before and after ReLU
    return embeddings + 2 * maps * _FLOAT


def _on_cpu(config: RunConfig) -> bool:
    return devices.planned_device(config.train.device) == "cpu"


def refuse_unless_memory_fits(config: RunConfig, parts: Split, free: int | None = None) -> None:
    """Raise DeviceError (of a GPU) or DataError where a run needs more memory than there is, with both figures.

    `free` is in bytes; without it the system is asked, or the GPU's driver, and where they do not say, nothing is
    refused.
    """
    needed, of_gpu = memory_of(config, parts), not _on_cpu(config) and config.model.name in TRAINED
    there = (_free_on_gpu(config.train.device) if of_gpu else available_memory()) if free is None else free
    wanted = needed.on_device if of_gpu else needed.total
    if there is None or wanted <= there:
        return
    biggest = max(("batch", needed.batch), ("parameters", needed.parameters), key=lambda part: part[1])[0]
    advice = (
        f"train.batch_size {config.train.batch_size:,} takes the most: give a smaller one"
        if biggest == "batch"
        else f"model.embedding_size {config.model.embedding_size} takes the most: give a smaller one, or leave rare "
        "users and items out (data.min_user, data.min_item)"
        if config.model.name in TRAINED
        else "leave rare items out (data.min_item), or take another model"
    )
    whose = "the GPU's memory" if of_gpu else "memory"
    words = f"this run needs about {format_bytes(wanted)} of {whose}, and {format_bytes(there)} are free"
    raise (DeviceError if of_gpu else DataError)(f"{words}. {advice[:1].upper()}{advice[1:]}.")


def _free_on_gpu(device: str) -> int | None:
    """Bytes that are free on the GPU that a setting of train.device most likely takes."""
    lock = devices.planned_device(device).removeprefix("cuda-")
    return next((gpu.memory_free_mib * 2**20 for gpu in devices.gpus() if str(gpu.index) == lock), None)
