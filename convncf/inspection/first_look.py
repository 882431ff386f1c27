"""First look: a user and an item to begin with, where nobody has chosen any.

A user with half a thousand items is no one a reader can follow, and one with five says little. So the choice falls on a
moderate history, and rather on one where the model put an item of the test part among its first.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from convncf.data.splitting import Split
from convncf.inspection.pair import history, recommend, standing
from convncf.ranking import Scorer

USUAL: Final = 40
"""Interactions of a user whom one can still overlook; those nearest to it are tried first."""
FEWEST: Final = 20
MOST: Final = 60
_TRIED: Final = 16
_TOP: Final = 10


def first_pair(model: Scorer, split: Split) -> tuple[int, int]:
    """A user and an item (indices), the same at each call: a held-out item in the top 10 of a moderate history.

    At most 16 users are scored. Where none of them has such an item, the first one's best item is taken; of a user who
    has every item, one of their own.
    """
    users = _moderate(split)
    for user in users[:_TRIED].tolist():
        for item in recommend(model, split, user, _TOP).items.tolist():
            if standing(split, user, item) == "test":
                return user, item
    user = int(users[0])
    best = recommend(model, split, user, 1).items
    return user, int((best if len(best) else history(split, user).items)[0])


def _moderate(split: Split) -> npt.NDArray[np.intp]:
    """Users with a test item and 20 to 60 interactions, nearest to 40 first; all users where there is none such."""
    counts = np.bincount(split.interactions.user, minlength=split.interactions.n_users)
    nearest = np.argsort(np.abs(counts - USUAL), kind="stable")
    tested = np.diff(split.test.indptr) > 0
    moderate = tested & (counts >= FEWEST) & (counts <= MOST)
    for wanted in (moderate, tested):
        if wanted.any():
            return nearest[wanted[nearest]]
    return nearest
