"""Streams: chunks of work on threads that each run torch on one processor.

Torch's own threads synchronise after every operation, and the operations of the fast path are so short that
threads would mostly wait for each other. A stream keeps a whole chunk of work, and its memory, on one processor from
beginning to end.
Which stream works on which chunk is not fixed, so a chunk writes only its own results and depends only on its number.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Final

# ---------------------------------------------------------------- threads
_SPINS: Final = "5000"


def share_processors() -> None:
    """Let torch's idle threads spin briefly, then sleep. Call it before torch loads; the environment overrides it.

    Threads that spin for ever, the default, take processor time from threads with work: beside two busy processes on
    two cores, a training step took fifty times as long. Threads that sleep at once make a step twice as long on an idle
    machine. With this count a step takes a third longer there, and under load it is not slowed by spinning.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)


_busy = threading.Lock()
_here = threading.local()


def width() -> int:
    """The number of streams that `share` would open here: torch's threads, or one inside a stream."""
    import torch

    return 1 if getattr(_here, "inside", False) else torch.get_num_threads()


def share(work: Callable[[int], object], chunks: int) -> None:
    """Call work(0), …, work(chunks - 1), each once, in as many streams as torch has threads; the caller is one of them.

    Returns when all are done. The first exception is raised here, and no further chunk is started. Within a stream, and
    where another thread of this process has its streams open, the caller does all the work by itself.
    """
    streams = min(width(), chunks)
    if getattr(_here, "inside", False) or not _busy.acquire(blocking=False):
        for chunk in range(chunks):
            work(chunk)
        return
    try:
        numbers = itertools.count()  # next() on it is atomic
        failed = threading.Event()

        def stream() -> None:
            with _one_processor():
                while not failed.is_set() and (chunk := next(numbers)) < chunks:
                    try:
                        work(chunk)
                    except BaseException:
                        failed.set()
                        raise

        others: list[Future[None]] = [_pool().submit(stream) for _ in range(streams - 1)]
        try:
            stream()
        finally:
            errors = [error for other in others if (error := other.exception()) is not None]
        if errors:
            raise errors[0]
    finally:
        _busy.release()


@contextmanager
def _one_processor() -> Iterator[None]:
    """Torch runs on one processor in this thread; the previous number of threads is restored after."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    _here.inside = True
    try:
        yield
    finally:
        _here.inside = False
        torch.set_num_threads(before)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="convncf-stream")
