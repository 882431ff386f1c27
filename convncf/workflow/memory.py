"""Memory: how much a run will take, counted from its settings before it starts.

Shapes: U users, I items, D embedding size, B triples of a batch, C channels and H side of a feature map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from convncf.data.split import Split
from convncf.errors import DataError, DeviceError
from convncf.evaluation.full_ranking import FLOATS, USERS_TOGETHER
from convncf.models.record import Sizes, on_cpu
from convncf.models.registry import record
from convncf.models.run_config import RunConfig
from convncf.runtime import devices, threads
from convncf.runtime.memory import available_memory, format_bytes
from convncf.training.optimisers import optimiser

_FLOAT: Final = 4


@dataclass(frozen=True, slots=True)
class Memory:
    """What a run keeps in memory beside the program and the data, in bytes."""

    parameters: int
    """The model's parameters, and their gradients while it trains; for a computed model what it is computed in."""
    optimiser: int
    """What the optimiser keeps for each parameter."""
    batch: int
    """What one batch keeps for its backward pass."""
    scores: int
    """Scores of the users that are ranked together, and their metrics; it does not grow with users × items."""
    copies: int
    """Copies that are written to disk: parameters and optimiser state, in the processor's memory on a GPU too."""

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
    # a score is held as it is, without excluded items, and sorted; and each user has about forty metrics in float64
    scores = 3 * _FLOAT * ranked + n_users * (40 * 8 + max(config.eval.ks) * _FLOAT)
    model = record(config.model.name)
    needs = model.memory(config.model, config.train, Sizes(n_users, n_items))
    if not model.trained:
        return Memory(needs.bytes_to_fit, 0, 0, scores, 0)
    slots = optimiser(config.train.optimizer).slots(config.train)
    triples = max(config.train.batch_size, config.pretrain.batch_size if config.pretrain.epochs else 0)
    triples = min(triples, parts.train.nnz)
    n_bytes = needs.parameters * _FLOAT
    copies = (1 + slots) * n_bytes
    return Memory(2 * n_bytes, slots * n_bytes, triples * needs.bytes_per_triple, scores, copies)


def refuse_unless_memory_fits(config: RunConfig, parts: Split, free: int | None = None) -> None:
    """Raise DeviceError (of a GPU) or DataError where a run needs more memory than there is, with both figures.

    `free` is in bytes; without it the free memory of this machine or its GPU counts, and where that is unknown, nothing
    is refused.
    """
    model = record(config.model.name)
    memory, on_gpu = memory_of(config, parts), not on_cpu(config.train) and model.trained
    if free is None:
        free = _free_on_gpu(config.train.device) if on_gpu else available_memory()
    n_bytes = memory.on_device if on_gpu else memory.total
    if free is None or n_bytes <= free:
        return
    biggest = max(("batch", memory.batch), ("parameters", memory.parameters), key=lambda share: share[1])[0]
    if biggest == "batch":
        advice = f"train.batch_size {config.train.batch_size:,} takes the most: give a smaller one"
    elif model.embeddings:
        advice = (
            f"model.embedding_size {config.model['embedding_size']} takes the most: give a smaller one, or drop rare "
            "users and items (data.min_user, data.min_item)"
        )
    else:
        advice = "drop rare items (data.min_item), or choose another model"
    where = "the GPU's memory" if on_gpu else "memory"
    problem = f"this run needs about {format_bytes(n_bytes)} of {where}, and {format_bytes(free)} are free"
    raise (DeviceError if on_gpu else DataError)(f"{problem}. {advice[:1].upper()}{advice[1:]}.")


def _free_on_gpu(device: str) -> int | None:
    """Bytes that are free on the GPU that a setting of train.device most likely takes."""
    lock = devices.planned_device(device).removeprefix("cuda-")
    return next((gpu.memory_free_mib * 2**20 for gpu in devices.gpus() if str(gpu.index) == lock), None)
