"""Cold positives: held-out items, or items of users, that training never saw, so that a model knows nothing of them.

They are ranked like all others, counted as misses, or excluded, by the setting eval.cold. Here computed ranks are
changed accordingly. Shapes: U users, N positives; a user's ranks are all different.
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


def unseen(train: csr_array, ranking: Ranks | SetRanks) -> tuple[Bools, Bools]:
    """Which positives are of items, and which of users, without a training interaction: (N,), (N,)."""
    of_users = np.diff(train.indptr) == 0
    of_items = np.bincount(train.indices, minlength=train.shape[1]) == 0
    return of_items[ranking.items], np.repeat(of_users[ranking.users], np.diff(ranking.indptr))


def as_misses(ranking: Ranks | SetRanks, cold: Bools) -> Ranks | SetRanks:
    """Give the `cold` positives (N,) the rank MISS; the others rank as if those scored lower than anything else.

    The last rank would be wrong: among few candidates it is within K.
    """
    ahead = 0 if isinstance(ranking, SetRanks) else _ahead(ranking, cold)[0]
    return replace(ranking, ranks=_fixed(np.where(cold, MISS, ranking.ranks - ahead)))


def without(ranking: Ranks | SetRanks, cold: Bools) -> Ranks | SetRanks:
    """Exclude the `cold` positives (N,), as positives and as candidates, and users who have no other one."""
    user = np.repeat(np.arange(ranking.users.size), np.diff(ranking.indptr))
    n_warm = np.bincount(user[~cold], minlength=ranking.users.size)  # (U,)
    remains = n_warm > 0
    users, indptr = _fixed(ranking.users[remains]), _fixed(np.append(0, np.cumsum(n_warm[remains])).astype(np.int64))
    items = _fixed(ranking.items[~cold])
    if isinstance(ranking, SetRanks):
        return SetRanks(users, indptr, items, _fixed(ranking.ranks[~cold]), _fixed(ranking.candidates[~cold]))
    ahead, n_cold = _ahead(ranking, cold)
    lists = None if ranking.lists is None else ranking.lists[remains]
    return Ranks(
        users,
        indptr,
        items,
        _fixed((ranking.ranks - ahead)[~cold]),
        _fixed((ranking.candidates - n_cold)[remains]),
        lists,
    )


def _ahead(ranking: Ranks, cold: Bools) -> tuple[Ints, Ints]:
    """How many cold positives of its user rank before each positive, (N,), and how many each user has, (U,)."""
    user = np.repeat(np.arange(ranking.users.size), np.diff(ranking.indptr))
    order = np.lexsort((ranking.ranks, user))
    up_to = np.cumsum(cold[order])
    before_user = np.append(0, up_to)[ranking.indptr[:-1]]
    ahead = np.empty(user.size, dtype=np.int64)
    ahead[order] = up_to - cold[order] - before_user[user]  # user is ascending, so it is that of `order` too
    return ahead, np.bincount(user[cold], minlength=ranking.users.size)


def _fixed(array: Ints) -> Ints:
    array.flags.writeable = False
    return array
