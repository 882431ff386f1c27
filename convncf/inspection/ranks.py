"""Where an item stands for a user: the rule of evaluation, for scores that may not be the model's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convncf.data.splitting import Split
from convncf.ranking import ItemRank, rank_item

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def rank_of(scores: npt.NDArray[np.floating[Any]], split: Split, user: int, item: int) -> ItemRank:
    """Rank of an item under a user's scores (n_items,), among what the test evaluation ranks.

    Raises NonFiniteScoreError where a score is NaN or infinite.
    """
    return rank_item(scores, item, _row(split.test, user), _row(split.left_out("test"), user), user=user)


def _row(matrix: csr_array, user: int) -> npt.NDArray[np.int64]:
    return np.asarray(matrix.indices[matrix.indptr[user] : matrix.indptr[user + 1]], dtype=np.int64)
