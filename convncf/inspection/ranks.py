"""Where an item stands for a user: the rule of evaluation, for scores that may not be the model's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from convncf.data.splitting import Split
from convncf.ranking import ItemRank, items_of, rank_item


def rank_of(scores: npt.NDArray[np.floating[Any]], split: Split, user: int, item: int) -> ItemRank:
    """Rank of an item under a user's scores (n_items,), among what the test evaluation ranks.

    Raises NonFiniteScoreError where a score is NaN or infinite.
    """
    return rank_item(scores, item, items_of(split.test, user), items_of(split.left_out("test"), user), user=user)
