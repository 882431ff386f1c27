"""One step of the optimiser on a batch of triples, at the rates of its epoch; on a GPU recorded once and replayed.

As "CUDA Graphs", "Whole-network capture" in torch's documentation. The steps before the recording count as well.

Shapes: B triples, n negative candidates of each under dynamic negative sampling (dns), where the hardest is used.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

import torch
from torch import Tensor, nn

from convncf.config import TrainConfig
from convncf.errors import RefusedTypeError
from convncf.models import PairwiseModel
from convncf.training import optimisers
from convncf.training.optimisers import Group, Optimiser, optimiser

log = logging.getLogger(__name__)
Batch = tuple[Tensor, ...]
Step = Callable[[Batch], Tensor]
_STEPS_BEFORE_RECORDING: Final = 3


class GraphedStep:
    """`step` on batches of one shape, recorded after a few; for batches of another shape it runs without the graph.

    `clear` runs before what is recorded: it drops the gradients, so that the graph allocates its own. Where recording
    fails, all steps are taken without it, and the log says so. `step` must always write to the same tensors.
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
        if self._steps < _STEPS_BEFORE_RECORDING:
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
        for recorded, tensor in zip(self._inputs, batch, strict=True):
            recorded.copy_(tensor)
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
            with torch.cuda.graph(
                graph, stream=self._side
            ):  # torch's default stream belongs to the process's first graph
                self._loss = self._step(self._inputs)
        except RuntimeError as error:
            self._failed = True
            log.warning("the training step could not be recorded as a CUDA graph, and goes on without: %s", error)
            return False
        self._graph = graph
        return True


class Trainable(Protocol):
    """What training needs of a model, beside being an nn.Module: RecBole's pairwise interface and scores."""

    n_users: int
    n_items: int

    def calculate_loss(self, interaction: Mapping[str, Tensor]) -> Tensor:
        """Objective of a batch, summed over its triples: shape []."""
        ...

    def score_items(self, user: int) -> Tensor:
        """Scores of all items for one user: (n_items,)."""
        ...


class Stepper:
    """Call it with batches (user, positive, negatives), (B,), (B,) and (B,) or (B, n), inside `epoch`.

    Two groups of parameters: those with "embedding" in their name, and the network. A group whose rate is 0 requires no
    gradient during the epoch, so that frozen tables cost neither a gradient nor a step.
    """

    def __init__(self, model: Trainable, config: TrainConfig, device: str) -> None:
        if not isinstance(model, nn.Module):
            raise RefusedTypeError(f"training needs an nn.Module, got {type(model).__name__}.")
        if (config.warmup_epochs or config.negatives == "dns") and not isinstance(model, PairwiseModel):
            raise RefusedTypeError(f"warm-up epochs and dns need a PairwiseModel, got {type(model).__name__}.")
        self.model, self.module, self.config, self.device = model, model, config, device
        named = [*self.module.named_parameters()]
        self._groups = [
            [parameter for name, parameter in named if ("embedding" in name) == of_embeddings]
            for of_embeddings in (True, False)
        ]
        self.optimizer = self._make_optimizer()
        self._in_warmup = False
        self._step: Callable[[Batch], Tensor] | None = None

    @contextmanager
    def epoch(self, epoch: int, *, begun: bool = False) -> Iterator[None]:
        """Steps inside are those of this epoch, counted from 1; `begun` where some of them were taken before."""
        rates, in_warmup = optimisers.rates(self.config, epoch), optimisers.in_warmup(self.config, epoch)
        if self.config.warmup_epochs and epoch == self.config.warmup_epochs + 1 and not begun:
            # in the 2018 code the warm-up epoch has an optimiser of its own, and the usual one begins after it
            self.load_state({})
        if (rates, in_warmup) != (self.optimizer.rates, self._in_warmup) or self._step is None:
            self.optimizer.rates, self._in_warmup = rates, in_warmup
            self._step = self._make_step()
        required = [(parameter, parameter.requires_grad) for group in self._groups for parameter in group]
        for group, rate in zip(self._groups, rates, strict=True):
            for parameter in group:
                parameter.requires_grad_(parameter.requires_grad and rate != 0)
        try:
            yield
        finally:
            for parameter, requires_grad in required:
                parameter.requires_grad_(requires_grad)

    def __call__(self, batch: Batch) -> Tensor:
        """Take a step; returns the batch's objective before it, shape [], which the next call may overwrite."""
        assert self._step is not None, "steps are taken inside an epoch"
        return self._step(batch)

    def load_state(self, slots: Mapping[int, Mapping[str, Tensor]]) -> None:
        """Continue from a state of the optimiser."""
        self.optimizer.load_state(slots)
        self._step = None  # a recorded step writes to the optimiser's former tensors

    def _take(self, batch: Batch) -> Tensor:
        user, positive, negative = batch
        if negative.dim() == 2:
            assert isinstance(self.model, PairwiseModel)
            negative = self.model.hardest(user, negative)
        triples = {"user_id": user, "item_id": positive, "neg_item_id": negative}
        if self._in_warmup:
            assert isinstance(self.model, PairwiseModel)
            loss = self.model.pairwise_loss(triples)
        else:
            loss = self.model.calculate_loss(triples)
        if loss.requires_grad:  # false where both rates are 0
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
        return loss.detach()

    def _make_step(self) -> Callable[[Batch], Tensor]:
        if self.device.startswith("cuda"):
            return GraphedStep(self._take, self.optimizer.zero_grad, torch.Size([self.config.batch_size]))

        def step(batch: Batch) -> Tensor:
            self.optimizer.zero_grad()
            return self._take(batch)

        return step

    def _make_optimizer(self) -> Optimiser:
        config = self.config
        rates = config.lr_embedding, config.lr_network
        groups = [Group(parameters, rate) for parameters, rate in zip(self._groups, rates, strict=True)]
        return optimiser(config.optimizer).make(groups, config)
