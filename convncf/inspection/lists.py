"""Lists of many users: for each the very list that `recommend` gives, in memory that does not grow with the users."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import numpy.typing as npt

from convncf import streams
from convncf.data.splitting import Split
from convncf.evaluation.full_ranking import FLOATS, USERS_TOGETHER
from convncf.inspection.pair import listed
from convncf.ranking import Scorer, Scores, TopK


def lists(model: Scorer, split: Split, users: npt.NDArray[np.int64], k: int) -> Iterator[tuple[int, TopK]]:
    """(user, their list of k) for each of `users`, (U,) indices, in their order; fewer items where fewer are left.

    Streams score some users at a time, as in full ranking. Raises NonFiniteScoreError where a score is NaN or infinite.
    """
    width = streams.width()
    together = width * max(1, min(USERS_TOGETHER, FLOATS // (width * split.interactions.n_items)))

    def score(some: list[int], scored: dict[int, Scores], number: int) -> None:
        scored[number] = np.asarray(model.score_items(some[number]))

    for first in range(0, len(users), together):
        some = users[first : first + together].tolist()
        scored: dict[int, Scores] = {}
        streams.share(partial(score, some, scored), len(some))
        for number, user in enumerate(some):
            yield user, listed(scored[number], split, user, k)
