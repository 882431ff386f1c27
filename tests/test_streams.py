"""Streams: every piece once, one processor each, exceptions come through."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import torch

from convncf.runtime import threads


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_every_piece_is_worked_on_once() -> None:
    done: list[int] = []
    threads.share(done.append, 200)
    assert sorted(done) == list(range(200))


def test_no_piece_is_no_work() -> None:
    threads.share(lambda chunk: pytest.fail(f"piece {chunk}"), 0)


def test_each_stream_has_one_processor_and_the_caller_gets_its_own_back() -> None:
    seen: dict[str, int] = {}

    def look(_: int) -> None:
        seen[threading.current_thread().name] = torch.get_num_threads()
        time.sleep(0.02)

    threads.share(look, 9)
    assert set(seen.values()) == {1}
    assert len(seen) == 3
    assert torch.get_num_threads() == threads.width() == 3


def test_a_stream_opens_no_streams_of_its_own() -> None:
    inner: list[tuple[str, str]] = []

    def outer(_: int) -> None:
        mine = threading.current_thread().name
        assert threads.width() == 1
        threads.share(lambda _: inner.append((mine, threading.current_thread().name)), 3)

    threads.share(outer, 6)
    assert len(inner) == 18
    assert all(mine == here for mine, here in inner)


def test_two_threads_of_a_program_do_not_wait_for_each_other() -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(_: int) -> None:
        inside.set()
        assert go_on.wait(20)

    first = threading.Thread(target=threads.share, args=(slow, 1))
    first.start()
    try:
        assert inside.wait(20)
        done: list[int] = []
        threads.share(done.append, 5)
        assert done == [0, 1, 2, 3, 4]
    finally:
        go_on.set()
        first.join()


@pytest.mark.parametrize("bad", [0, 7])
def test_the_first_error_comes_through_and_ends_the_work(bad: int) -> None:
    begun: list[int] = []

    def work(chunk: int) -> None:
        begun.append(chunk)
        if chunk == bad:
            raise KeyError(chunk)
        time.sleep(0.001)

    with pytest.raises(KeyError, match=str(bad)):
        threads.share(work, 1000)
    assert len(begun) < 1000
    assert torch.get_num_threads() == 3
    threads.share(begun.append, 3)  # the next work is not disturbed
