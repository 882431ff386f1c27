"""The shelf of cached values: each is made once, the least recently used is dropped first, and none can be changed."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from app.ui.shelf import Shelf, stamped


@dataclass
class Found:
    marks: npt.NDArray[np.bool_]


def test_a_value_is_made_once_and_the_one_asked_for_longest_ago_goes() -> None:
    shelf = Shelf(2)
    calls: list[str] = []

    def get(key: str) -> str:
        def make() -> str:
            calls.append(key)
            return key

        return str(shelf.get((key,), make))

    assert [get(key) for key in "abac"] == list("abac")
    assert calls == ["a", "b", "c"]
    assert get("a") == "a"
    assert calls == ["a", "b", "c"], "b was asked for longest ago"
    get("b")
    assert calls == ["a", "b", "c", "b"]


def test_what_cannot_be_made_is_tried_again() -> None:
    shelf = Shelf(1)
    with pytest.raises(ZeroDivisionError):
        shelf.get(("a",), lambda: 1 // 0)
    assert shelf.get(("a",), lambda: 3) == 3
    shelf.drop(("a",))
    assert shelf.get(("a",), lambda: 4) == 4


def test_two_visitors_at_once_have_it_made_once() -> None:
    shelf, begun, go = Shelf(4), threading.Event(), threading.Event()
    calls: list[int] = []

    def slowly() -> int:
        begun.set()
        assert go.wait(30)
        calls.append(1)
        return 7

    values: list[int] = []
    visitors = [threading.Thread(target=lambda: values.append(shelf.get(("a",), slowly))) for _ in range(2)]
    for visitor in visitors:
        visitor.start()
    assert begun.wait(30)
    go.set()
    for visitor in visitors:
        visitor.join(30)
    assert (values, calls) == ([7, 7], [1])


def test_arrays_that_are_shared_cannot_be_written_into() -> None:
    shelf = Shelf(2)
    for value in (shelf.get(("a",), lambda: np.ones(3)), shelf.get(("b",), lambda: Found(np.ones(3, bool))).marks):
        with pytest.raises(ValueError, match="read-only"):
            value[0] = 0


def test_a_file_that_was_written_again_has_another_stamp(tmp_path: Path) -> None:
    file = tmp_path / "x"
    assert stamped(file) == ("x missing",)
    file.write_text("a")
    before = stamped(file)
    file.write_text("ab")
    assert stamped(file) != before
