"""Lists of many users equal the list of each, whatever they are scored together with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convncf.errors import NonFiniteScoreError
from convncf.evaluation.full_ranking import USERS_TOGETHER
from convncf.inspection import lists as module
from convncf.inspection import recommend
from convncf.inspection.lists import lists
from convncf.runtime import threads
from convncf.workflow.loading import load_run
from tests.worlds import finished_run


@pytest.mark.parametrize("floats", [1, 2**24])
def test_each_list_is_the_one_of_recommend_in_the_order_asked_for(
    home: Path, monkeypatch: pytest.MonkeyPatch, floats: int
) -> None:
    monkeypatch.setattr(module, "FLOATS", floats)
    loaded = load_run(finished_run(home))
    users = np.array([7, 3, 29, 0])
    found = list(lists(loaded.model, loaded.split, users, 5))
    assert [user for user, _ in found] == users.tolist()
    for user, one in found:
        alone = recommend(loaded.model, loaded.split, user, 5)
        assert one.items.tolist() == alone.items.tolist()
        assert one.scores.tolist() == alone.scores.tolist()
        assert one.ranks.tolist() == alone.ranks.tolist()


def test_no_more_users_are_scored_than_are_listed_next(home: Path) -> None:
    loaded = load_run(finished_run(home))
    asked: list[int] = []

    class Counting:
        n_users, n_items = loaded.model.n_users, loaded.model.n_items

        def score_items(self, user: int):  # type: ignore[no-untyped-def]
            asked.append(user)
            return loaded.model.score_items(user)

    together = threads.width() * USERS_TOGETHER
    users = np.resize(np.arange(30), 4 * together)
    walk = lists(Counting(), loaded.split, users, 2)
    next(walk)
    assert len(asked) == together


def test_a_score_that_is_not_finite_is_an_error(home: Path) -> None:
    loaded = load_run(finished_run(home))

    class Broken:
        n_users, n_items = loaded.model.n_users, loaded.model.n_items

        def score_items(self, user: int):  # type: ignore[no-untyped-def]
            return loaded.model.score_items(user) * (float("nan") if user == 2 else 1.0)

    with pytest.raises(NonFiniteScoreError, match="user 2"):
        list(lists(Broken(), loaded.split, np.arange(4), 2))
