"""Marks of a list on Recommend: items that the user rated lower are marked and explained, only where there are any."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from app.ui.text import HELD_OUT
from app.views.recommend import lists
from app.views.recommend.lists import LOW, MARKS, Shown


def listed(*parts: str) -> Shown:
    top = SimpleNamespace(tied=np.zeros(len(parts), bool))
    user_list = SimpleNamespace(recommendations=SimpleNamespace(top=top), parts=parts)
    return Shown(cast(Any, None), list=cast(Any, user_list))


def test_case_15_what_was_rated_low_is_marked_and_explained() -> None:
    assert MARKS == {"test": HELD_OUT, "rated lower": LOW}
    words = " ".join(lists._how_to_read([listed("new", "rated lower")]))
    assert f"{LOW} marks" in words
    assert HELD_OUT not in words
    assert LOW not in " ".join(lists._how_to_read([listed("new", "test")]))
