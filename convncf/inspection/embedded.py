"""Models that can be opened: those whose score comes from two embeddings, ConvNCF and matrix factorisation."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from torch import Tensor

from convncf.inspection.trace import Array
from convncf.models.convncf import ConvNCF
from convncf.models.factorisation import MatrixFactorisation
from convncf.ranking import Scorer

EmbeddingModel: TypeAlias = ConvNCF | MatrixFactorisation


def opened(model: Scorer, wanted: str) -> EmbeddingModel:
    """The model itself. Raises TypeError where it has no embeddings, naming what was `wanted` of them."""
    if isinstance(model, EmbeddingModel):
        return model
    raise TypeError(
        f"{type(model).__name__} has no embeddings, so there is no {wanted}. Choose a convncf or mf-bpr run."
    )


def refuse_unknown(model: Scorer, user: int, item: int) -> None:
    """Raises IndexError for an index that the model does not know."""
    for kind, index, count in (("user", user, model.n_users), ("item", item, model.n_items)):
        if not 0 <= index < count:
            raise IndexError(f"{kind} {index} is not one of the model's {count} {kind}s (0 to {count - 1})")


def frozen(values: npt.ArrayLike | Tensor) -> Array:
    """A read-only float32 copy."""
    array = np.array(values.detach().cpu().numpy() if isinstance(values, Tensor) else values, dtype=np.float32)
    array.setflags(write=False)
    return array
