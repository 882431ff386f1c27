"""Adam and Adagrad as torch has them, without what torch.optim brings along.

Making any optimiser of torch.optim loads its compiler: two seconds and 70 MB for each training process. These two also
keep their count of steps on the device, so that a step can be recorded as a CUDA graph.

A test holds both equal to torch.optim, whose names they use for their state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

State = dict[int, dict[str, Tensor]]
"""Number of a parameter, counted through all groups -> name -> tensor."""


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters that share a learning rate."""

    parameters: Sequence[nn.Parameter]
    lr: float


class Optimiser:
    """State by parameter; subclasses say how it begins and what a step does."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._parameters = [(parameter, group.lr) for group in groups for parameter in group.parameters]
        self.state: State = {}

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter, _ in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change each parameter that has a gradient."""
        for number, (parameter, lr) in enumerate(self._parameters):
            if parameter.grad is None:
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


class Adagrad(Optimiser):
    """Duchi, Hazan and Singer, "Adaptive Subgradient Methods", JMLR 2011; `accumulator` is where its sum begins."""

    def __init__(self, groups: Sequence[Group], accumulator: float, eps: float = 1e-10) -> None:
        super().__init__(groups)
        self.accumulator, self.eps = accumulator, eps

    def _start(self, parameter: Tensor) -> dict[str, Tensor]:
        return {"sum": torch.full_like(parameter, self.accumulator)}

    def _change(self, parameter: Tensor, gradient: Tensor, lr: float, slots: Mapping[str, Tensor]) -> None:
        total = slots["sum"].addcmul_(gradient, gradient)
        parameter.addcdiv_(gradient, total.sqrt().add_(self.eps), value=-lr)
