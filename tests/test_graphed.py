"""When a step is recorded, played or taken without the graph; torch's CUDA is played by a few words."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from convncf.training.step import Batch, GraphedStep


class Cuda:
    """Notes, in order, what is asked of torch.cuda; a recorded step is taken, and taken anew when it is played."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.current: torch.device | None = None
        self.refuses = False

    def put(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cuda = self

        class Stream:
            def __init__(self) -> None:
                cuda.told.append(f"stream on {cuda.current}")

            def wait_stream(self, other: Any) -> None:
                pass

        class Main(Stream):
            def __init__(self) -> None:
                pass

        class Graph:
            def __init__(self) -> None:
                cuda.told.append(f"graph on {cuda.current}")

            def replay(self) -> None:
                cuda.told.append(f"played on {cuda.current}")

        @contextmanager
        def device(which: torch.device) -> Iterator[None]:
            before, cuda.current = cuda.current, which
            yield
            cuda.current = before

        @contextmanager
        def entered(stream: Stream) -> Iterator[None]:
            cuda.told.append("aside")
            yield

        @contextmanager
        def recording(graph: Graph, stream: Stream) -> Iterator[None]:
            assert isinstance(stream, Stream), "torch's own stream belongs to the process's first graph"
            cuda.told.append("recorded")
            yield
            if cuda.refuses:
                raise RuntimeError("operation not permitted when stream is capturing")

        now = {"Stream": Stream, "CUDAGraph": Graph, "device": device, "stream": entered, "graph": recording}
        for name, value in (now | {"current_stream": Main}).items():
            monkeypatch.setattr(torch.cuda, name, value)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Cuda:
    played = Cuda()
    played.put(monkeypatch)
    return played


class Stepper:
    """A step that remembers its batches; its loss is their sum."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.cleared = 0

    def clear(self) -> None:
        self.cleared += 1

    def __call__(self, batch: Batch) -> torch.Tensor:
        self.batches.append(batch)
        return batch[0].sum()


def batch(value: int, size: int = 4) -> Batch:
    return tuple(torch.full((size,), value) for _ in range(3))


def test_three_steps_are_taken_aside_then_one_is_recorded_and_played(cuda: Cuda) -> None:
    step = Stepper()
    graphed = GraphedStep(step, step.clear, torch.Size([4]))
    losses = [int(graphed(batch(value))) for value in (1, 2, 3)]
    assert losses == [4, 8, 12]
    assert cuda.told == ["stream on cpu", "aside", "aside", "aside"]
    graphed(batch(5))
    graphed(batch(6))
    assert cuda.told[4:] == ["graph on cpu", "recorded", "played on cpu", "played on cpu"]
    assert len(step.batches) == step.cleared == 4, "three steps and the recorded one; playing is no call"
    assert cuda.current is None


def test_what_is_played_reads_the_batch_that_was_given(cuda: Cuda) -> None:
    step = Stepper()
    graphed = GraphedStep(step, step.clear, torch.Size([4]))
    given = [batch(value) for value in range(6)]
    for one in given:
        graphed(one)
    recorded = step.batches[-1]
    assert [tensor.tolist() for tensor in recorded] == [[5] * 4] * 3
    assert [int(one[0][0]) for one in given] == [0, 1, 2, 3, 4, 5], "batches are copied, and never written to"


def test_a_smaller_batch_is_stepped_without_the_graph(cuda: Cuda) -> None:
    step = Stepper()
    graphed = GraphedStep(step, step.clear, torch.Size([4]))
    assert int(graphed(batch(7, size=3))) == 21
    assert cuda.told == []
    for value in range(5):
        graphed(batch(value))
    told = list(cuda.told)
    assert int(graphed(batch(7, size=3))) == 21
    assert cuda.told == told
    assert step.batches[-1][0].tolist() == [7, 7, 7]


def test_where_recording_fails_all_goes_on_without_and_the_log_says_so(
    cuda: Cuda, caplog: pytest.LogCaptureFixture
) -> None:
    cuda.refuses = True
    step = Stepper()
    graphed = GraphedStep(step, step.clear, torch.Size([4]))
    with caplog.at_level(logging.WARNING):
        losses = [int(graphed(batch(value))) for value in range(6)]
    assert losses == [0, 4, 8, 12, 16, 20]
    assert cuda.told.count("recorded") == 1, "it is not tried again"
    assert not any(word.startswith("played") for word in cuda.told)
    assert len(caplog.messages) == 1
    assert "operation not permitted" in caplog.text
