"""What has come to stay is left out of later collections, and is freed all the same."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator
from types import ModuleType

import pytest

from app.ui import memory


class Thing:
    """Something that a weak reference can point to."""


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(memory, "_loaded_modules", 0)
    yield
    gc.unfreeze()


def test_what_lives_is_set_aside_once_modules_were_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    before = gc.get_freeze_count()
    memory.set_aside()
    frozen = gc.get_freeze_count()
    assert frozen > before
    later = [[place] for place in range(1000)]
    memory.set_aside()  # no module is new
    assert gc.get_freeze_count() <= frozen
    monkeypatch.setitem(sys.modules, "a_module_of_this_test", ModuleType("a_module_of_this_test"))
    memory.set_aside()
    assert gc.get_freeze_count() >= frozen + len(later) - 100


def test_what_was_set_aside_is_freed_with_its_last_reference() -> None:
    thing = Thing()
    gone = weakref.ref(thing)
    memory.set_aside()
    del thing
    assert gone() is None


def test_cycles_made_before_are_collected_first() -> None:
    one, other = Thing(), Thing()
    one.other, other.one = other, one  # type: ignore[attr-defined]
    gone = weakref.ref(one)
    del one, other
    memory.set_aside()
    assert gone() is None
