"""The first look: a user whom one can overlook, and rather an item that was held out and found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from convncf.config import DataConfig
from convncf.data.interactions import Interactions
from convncf.data.split import Split
from convncf.data.splitting import ratio_split
from convncf.inspection import first_pair

N_ITEMS = 120


def with_histories(*lengths: int) -> Split:
    """User k has `lengths[k]` items, each its own stretch of the catalogue."""
    rows = [
        {"user_id": f"u{user}", "item_id": f"i{(7 * user + step) % N_ITEMS}"}
        for user, length in enumerate(lengths)
        for step in range(length)
    ]
    return ratio_split(Interactions.from_frame(pd.DataFrame(rows)), DataConfig().ratios, 1)


class Oracle:
    """Scores the given items of each user above all others, of the rest the last of the catalogue first."""

    def __init__(self, parts: Split, wanted: Mapping[int, Sequence[int]]) -> None:
        self.n_users, self.n_items = parts.interactions.n_users, parts.interactions.n_items
        self.wanted = wanted
        self.asked: list[int] = []

    def score_items(self, user: int) -> torch.Tensor:
        self.asked.append(user)
        scores = torch.arange(self.n_items, dtype=torch.float32)
        scores[list(self.wanted.get(user, ()))] = 1e6
        return scores


def held_out(parts: Split, user: int) -> list[int]:
    return np.flatnonzero(parts.test.toarray()[user]).tolist()


def test_a_moderate_user_with_a_held_out_item_that_was_found() -> None:
    parts = with_histories(100, 5, 41, 38, 25, 39)
    found = held_out(parts, 4)[-1]
    model = Oracle(parts, {user: held_out(parts, user) for user in (0, 1)} | {4: [found]})
    assert first_pair(model, parts) == (4, found), "0 has too many items, 1 too few; of 5, 2 and 3 none was found"
    assert model.asked == [2, 5, 3, 4], "nearest to 40 first, the earlier of two as near, and none beyond need"


def test_without_such_an_item_it_is_the_best_item_of_the_user_nearest_to_40() -> None:
    parts = with_histories(100, 38, 44)
    new = int(np.flatnonzero(~parts.interactions.matrix().toarray()[1])[-1])
    assert first_pair(Oracle(parts, {1: [new]}), parts) == (1, new)


def test_where_nobody_has_a_moderate_history_the_nearest_is_taken() -> None:
    parts = with_histories(100, 12, 5)
    model = Oracle(parts, {1: held_out(parts, 1)})
    assert first_pair(model, parts) == (1, held_out(parts, 1)[0])


def test_few_users_are_scored_however_many_there_are() -> None:
    parts = with_histories(*[40] * 50)
    model = Oracle(parts, {})
    first_pair(model, parts)
    assert len(model.asked) <= 17
    assert first_pair(model, parts) == first_pair(model, parts)
