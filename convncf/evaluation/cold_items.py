"""Cold positives: held-out items, or items of users, that training never saw, so that a model knows nothing of them.

They are ranked like all others, counted as misses, or left out, by the setting eval.cold. Here ranks that were
found are changed accordingly. Shapes: U users, N positives; a user's ranks are all different.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from convncf.evaluation.candidate_ranking import SetRanks
from convncf.evaluation.full_ranking import Ranks
from convncf.evaluation.metrics import MISS
from convncf.evaluation.ranking import Ints

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Bools = NDArray[np.bool_]


def unseen(train: csr_array, found: Ranks | SetRanks) -> tuple[Bools, Bools]:
    """Which positives are of items, and which of users, without a training interaction: (N,), (N,)."""
    of_users = np.diff(train.indptr) == 0
    of_items = np.bincount(train.indices, minlength=train.shape[1]) == 0
    return of_items[found.items], np.repeat(of_users[found.users], np.diff(found.indptr))


def as_misses(found: Ranks | SetRanks, cold: Bools) -> Ranks | SetRanks:
    """Give the `cold` positives (N,) the rank MISS; the others rank as if those scored lower than anything else.

    The last place would not do: among few candidates it is within K.
    """
    ahead = 0 if isinstance(found, SetRanks) else _ahead(found, cold)[0]
    return replace(found, ranks=_fixed(np.where(cold, MISS, found.ranks - ahead)))


def without(found: Ranks | SetRanks, cold: Bools) -> Ranks | SetRanks:
    """Leave the `cold` positives (N,) out, as positives and as candidates, and who has no other one."""
    owner = np.repeat(np.arange(found.users.size), np.diff(found.indptr))
    left = np.bincount(owner[~cold], minlength=found.users.size)  # (U,)
    stays = left > 0
    users, indptr = _fixed(found.users[stays]), _fixed(np.append(0, np.cumsum(left[stays])).astype(np.int64))
    items = _fixed(found.items[~cold])
    if isinstance(found, SetRanks):
        return SetRanks(users, indptr, items, _fixed(found.ranks[~cold]), _fixed(found.candidates[~cold]))
    ahead, n_cold = _ahead(found, cold)
    lists = None if found.lists is None else found.lists[stays]
    return Ranks(
        users, indptr, items, _fixed((found.ranks - ahead)[~cold]), _fixed((found.candidates - n_cold)[stays]), lists
    )


def _ahead(found: Ranks, cold: Bools) -> tuple[Ints, Ints]:
    """How many cold positives of its user rank before each positive, (N,), and how many each user has, (U,)."""
    owner = np.repeat(np.arange(found.users.size), np.diff(found.indptr))
    order = np.lexsort((found.ranks, owner))
    up_to = np.cumsum(cold[order])
    before_user = np.append(0, up_to)[found.indptr[:-1]]
    ahead = np.empty(owner.size, dtype=np.int64)
    ahead[order] = up_to - cold[order] - before_user[owner]  # owner is ascending, so it is that of `order` too
    return ahead, np.bincount(owner[cold], minlength=found.users.size)


def _fixed(array: Ints) -> Ints:
    array.flags.writeable = False
    return array
