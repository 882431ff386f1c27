"""Adam, AdamW, Adagrad and SGD as torch has them, without what torch.optim brings along; and their schedules.

Creating any optimiser of torch.optim loads its compiler: two seconds and 70 MB for each training process. These also
keep their count of steps on the device, so that a step can be recorded as a CUDA graph.

A test holds all equal to torch.optim, whose names they use for their state.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from convncf.config import TrainConfig


def share(config: TrainConfig, epoch: int) -> float:
    """Share of the learning rates in an epoch, counted from 1: 1 in the first, `lr_floor` in the last.

    linear: in equal steps. cosine: half a wave, slow at both ends (Loshchilov and Hutter, "SGDR", ICLR 2017, eq. 5).
    A training of one epoch has the full rate.
    """
    if config.schedule == "constant" or config.epochs < 2:
        return 1.0
    progress = min(1.0, (epoch - 1) / (config.epochs - 1))
    if config.schedule == "cosine":
        progress = (1 - math.cos(math.pi * progress)) / 2
    return 1.0 - (1.0 - config.lr_floor) * progress


def rates(config: TrainConfig, epoch: int) -> tuple[float, float]:
    """Learning rates of the embeddings and of the network in an epoch, counted from 1.

    Warm-up epochs have a rate of their own; a rate of 0 stays 0 in them too, since it keeps parameters as they are.
    """
    embedding, network = config.lr_embedding, config.lr_network
    if in_warmup(config, epoch):
        return (config.warmup_lr if embedding else 0.0), (config.warmup_lr if network else 0.0)
    of_epoch = share(config, epoch)
    return embedding * of_epoch, network * of_epoch


def in_warmup(config: TrainConfig, epoch: int) -> bool:
    """Whether an epoch, counted from 1, is a warm-up epoch: one of the first, without L2 and at `warmup_lr`."""
    return epoch <= config.warmup_epochs


State = dict[int, dict[str, Tensor]]
"""Number of a parameter, counted through all groups -> name -> tensor."""


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters that share a learning rate."""

    parameters: Sequence[nn.Parameter]
    lr: float


class Optimiser:
    """State by parameter; subclasses say how it begins and what a step does.

    A group with a rate of 0 is skipped: its values and its state stay bit for bit, whatever its gradients.
    """

    def __init__(self, groups: Sequence[Group]) -> None:
        self._parameters = [
            (parameter, number) for number, group in enumerate(groups) for parameter in group.parameters
        ]
        self.rates = tuple(group.lr for group in groups)
        """Learning rate of each group; a step that is recorded as a CUDA graph keeps the rates of its recording."""
        self.state: State = {}

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter, _ in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change each parameter that has a gradient and a learning rate."""
        for number, (parameter, group) in enumerate(self._parameters):
            lr = self.rates[group]
            if parameter.grad is None or lr == 0:
                continue
            if number not in self.state:
                self.state[number] = {"step": torch.zeros((), device=parameter.device), **self._start(parameter)}
            slots = self.state[number]
            slots["step"] += 1
            self._change(parameter, parameter.grad, lr, slots)

    def load_state(self, state: Mapping[int, Mapping[str, Tensor]]) -> None:
        """Go on from a copy of the state that another optimiser of the same parameters had."""
        self.state = {
            number: {name: value.to(self._parameters[number][0].device, copy=True) for name, value in slots.items()}
            for number, slots in state.items()
        }

    def _start(self, parameter: Tensor) -> dict[str, Tensor]:
        raise NotImplementedError

    def _change(self, parameter: Tensor, gradient: Tensor, lr: float, slots: Mapping[str, Tensor]) -> None:
        raise NotImplementedError


class Adam(Optimiser):
    """Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, Algorithm 1."""

    def __init__(self, groups: Sequence[Group], betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        super().__init__(groups)
        self.betas, self.eps = betas, eps

    def _start(self, parameter: Tensor) -> dict[str, Tensor]:
        return {"exp_avg": torch.zeros_like(parameter), "exp_avg_sq": torch.zeros_like(parameter)}

    def _change(self, parameter: Tensor, gradient: Tensor, lr: float, slots: Mapping[str, Tensor]) -> None:
        first, second = self.betas
        torch._fused_adam_(  # what torch.optim.Adam(fused=True) calls: one pass over memory
            [parameter], [gradient], [slots["exp_avg"]], [slots["exp_avg_sq"]], [], [slots["step"]],
            lr=lr, beta1=first, beta2=second, weight_decay=0.0, eps=self.eps, amsgrad=False, maximize=False,
        )  # fmt: skip


class AdamW(Adam):
    """Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, Algorithm 2.

    Before each step lr · decay of a parameter is subtracted from it, whatever its gradient; in an embedding table from
    every row, in the batch or not.
    """

    def __init__(self, groups: Sequence[Group], decay: float) -> None:
        super().__init__(groups)
        self.decay = decay

    def _change(self, parameter: Tensor, gradient: Tensor, lr: float, slots: Mapping[str, Tensor]) -> None:
        parameter.mul_(1 - lr * self.decay)
        super()._change(parameter, gradient, lr, slots)


class Adagrad(Optimiser):
    """Duchi, Hazan and Singer, "Adaptive Subgradient Methods", JMLR 2011; `accumulator` is its sum's first value."""

    def __init__(self, groups: Sequence[Group], accumulator: float, eps: float = 1e-10) -> None:
        super().__init__(groups)
        self.accumulator, self.eps = accumulator, eps

    def _start(self, parameter: Tensor) -> dict[str, Tensor]:
        return {"sum": torch.full_like(parameter, self.accumulator)}

    def _change(self, parameter: Tensor, gradient: Tensor, lr: float, slots: Mapping[str, Tensor]) -> None:
        total = slots["sum"].addcmul_(gradient, gradient)
        parameter.addcdiv_(gradient, total.sqrt().add_(self.eps), value=-lr)


class SGD(Optimiser):
    """Stochastic gradient descent, with momentum as in torch: the buffer sums gradients, without the rate.

    Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013, section 2.
    """

    def __init__(self, groups: Sequence[Group], momentum: float = 0.0) -> None:
        super().__init__(groups)
        self.momentum = momentum

    def _start(self, parameter: Tensor) -> dict[str, Tensor]:
        return {"momentum_buffer": torch.zeros_like(parameter)} if self.momentum else {}

    def _change(self, parameter: Tensor, gradient: Tensor, lr: float, slots: Mapping[str, Tensor]) -> None:
        if self.momentum:
            gradient = slots["momentum_buffer"].mul_(self.momentum).add_(gradient)
        parameter.add_(gradient, alpha=-lr)


@dataclass(frozen=True, slots=True)
class OptimiserRecord:
    """An optimiser as settings name it; its own settings are in `TrainConfig`, whose `needs` names them."""

    name: str
    make: Callable[[Sequence[Group], TrainConfig], Optimiser]
    slots: Callable[[TrainConfig], int]
    """How many numbers it keeps for each parameter."""
    pretrains: bool = False
    """Whether pretraining uses it too; else pretraining uses the first of RECORDS."""


RECORDS: Final = (
    OptimiserRecord("adam", lambda groups, config: Adam(groups), lambda config: 2, pretrains=True),
    OptimiserRecord("adamw", lambda groups, config: AdamW(groups, config.weight_decay), lambda config: 2),
    OptimiserRecord(
        "adagrad", lambda groups, config: Adagrad(groups, config.adagrad_accumulator), lambda config: 1, pretrains=True
    ),
    OptimiserRecord(
        "sgd", lambda groups, config: SGD(groups, config.momentum), lambda config: int(config.momentum > 0)
    ),
)
"""The available optimisers; a test compares their names with those that train.optimizer takes."""


def optimiser(name: str) -> OptimiserRecord:
    """The record of that name."""
    return next(record for record in RECORDS if record.name == name)
