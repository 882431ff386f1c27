"""Who has any of some items: counted by hand."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from convncf.inspection.neighbours import users_of_items

HELD = sparse.csc_array(np.array([[1, 0, 1], [0, 1, 0], [1, 1, 1], [0, 0, 0]], dtype=bool))


def test_those_with_most_come_first_then_by_index() -> None:
    found = users_of_items(HELD, [1, 0])
    assert found.users.tolist() == [2, 0, 1]
    assert found.items.tolist() == [1, 0, 1], "the first asked for that each has"


def test_nothing_asked_for_finds_nobody() -> None:
    assert users_of_items(HELD, []).users.tolist() == []
