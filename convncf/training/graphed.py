"""A training step recorded once as a CUDA graph, then played: no GPU waits for Python between its kernels.

Works as "CUDA Graphs", "Whole-network capture" in torch's documentation. Steps before the recording are steps too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

log = logging.getLogger(__name__)

Batch = tuple[Tensor, ...]
Step = Callable[[Batch], Tensor]

_WARM_UP: Final = 3


class GraphedStep:
    """`step` on batches of one shape, recorded after a few; batches of another shape are stepped without the graph.

    `clear` runs before what is recorded: it forgets the gradients, so that the graph makes its own. Where recording
    fails, all goes on without, and the log says so. Tensors that `step` writes to must stay the same ones.
    """

    def __init__(self, step: Step, clear: Callable[[], None], shape: torch.Size) -> None:
        self._step, self._clear, self._shape = step, clear, shape
        self._steps = 0
        self._side: torch.cuda.Stream | None = None
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: Batch = ()
        self._loss: Tensor | None = None
        self._failed = False

    def __call__(self, batch: Batch) -> Tensor:
        """The loss of a batch, which the next call overwrites."""
        with torch.cuda.device(batch[0].device):  # on another GPU than the current one, the graph would stay empty
            return self._on_device(batch)

    def _on_device(self, batch: Batch) -> Tensor:
        if self._failed or batch[0].shape != self._shape:
            return self._plain(batch)
        if self._steps < _WARM_UP:
            self._steps += 1
            self._side = self._side or torch.cuda.Stream()  # type: ignore[no-untyped-call]
            self._side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._side):
                loss = self._plain(batch)
            torch.cuda.current_stream().wait_stream(self._side)
            return loss
        if self._graph is None and not self._record(batch):
            return self._plain(batch)
        assert self._graph is not None
        assert self._loss is not None
        for held, given in zip(self._inputs, batch, strict=True):
            held.copy_(given)
        self._graph.replay()
        return self._loss

    def _plain(self, batch: Batch) -> Tensor:
        self._clear()
        return self._step(batch)

    def _record(self, batch: Batch) -> bool:
        self._inputs = tuple(tensor.clone() for tensor in batch)
        graph = torch.cuda.CUDAGraph()
        self._clear()
        try:
            with torch.cuda.graph(graph, stream=self._side):  # torch's own would be of the process's first graph
                self._loss = self._step(self._inputs)
        except RuntimeError as error:
            self._failed = True
            log.warning("the training step could not be recorded as a CUDA graph, and goes on without: %s", error)
            return False
        self._graph = graph
        return True
