"""Our optimisers against torch's own: the same steps, the same names, and a state to go on from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import pytest
import torch
from torch import nn

from convncf.config import TrainConfig
from convncf.training.optimisers import RECORDS, SGD, Adagrad, Adam, AdamW, Group, Optimiser, optimiser

NAMES = ("adam", "adamw", "adagrad", "sgd", "sgd with momentum")


def parameters() -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(1)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in [(50, 8), (3, 2, 2), ()]]


def gradients(of: Sequence[nn.Parameter], step: int) -> None:
    """Gradients of very different sizes; the second parameter has none in the first step."""
    generator = torch.Generator().manual_seed(step)
    for number, parameter in enumerate(of):
        parameter.grad = torch.randn(parameter.shape, generator=generator) * 10.0 ** (step % 5 - 3)
        if number == 1 and step == 0:
            parameter.grad = None


def ours(name: str, of: Sequence[nn.Parameter]) -> Optimiser:
    groups = [Group(of[:1], 1e-2), Group(of[1:], 3e-3)]
    match name:
        case "adam":
            return Adam(groups)
        case "adamw":
            return AdamW(groups, 0.3)
        case "adagrad":
            return Adagrad(groups, 0.1)
    return SGD(groups, 0.8 if "momentum" in name else 0.0)


def torchs(name: str, of: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    groups: list[dict[str, Any]] = [{"params": of[:1], "lr": 1e-2}, {"params": of[1:], "lr": 3e-3}]
    match name:
        case "adam":
            return torch.optim.Adam(groups)
        case "adamw":
            return torch.optim.AdamW(groups, weight_decay=0.3)
        case "adagrad":
            return torch.optim.Adagrad(groups, lr=1e-2, initial_accumulator_value=0.1)
    return torch.optim.SGD(groups, lr=1e-2, momentum=0.8 if "momentum" in name else 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_steps_are_torchs(name: str) -> None:
    mine, theirs = parameters(), parameters()
    one, other = ours(name, mine), torchs(name, theirs)
    for step in range(40):
        gradients(mine, step)
        gradients(theirs, step)
        one.step()
        other.step()
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
    theirs_by_name = {number: set(slots) for number, slots in other.state_dict()["state"].items()}
    if name.startswith("sgd"):  # torch's counts no steps, and keeps nothing where there is no momentum
        theirs_by_name = {n: ({"momentum_buffer"} if "momentum" in name else set()) | {"step"} for n in range(3)}
    assert {number: set(slots) for number, slots in one.state.items()} == theirs_by_name


@pytest.mark.parametrize("name", NAMES)
def test_it_goes_on_from_a_state_bit_for_bit(name: str) -> None:
    whole, first = parameters(), parameters()
    one, other = ours(name, whole), ours(name, first)
    for step in range(6):
        gradients(whole, step)
        one.step()
    for step in range(3):
        gradients(first, step)
        other.step()
    second = [nn.Parameter(p.detach().clone()) for p in first]
    resumed = ours(name, second)
    resumed.load_state(other.state)
    gradients(first, 99)
    other.step()  # the state was copied
    for step in range(3, 6):
        gradients(second, step)
        resumed.step()
    assert all(torch.equal(a, b) for a, b in zip(whole, second, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_rate_of_nought_leaves_values_and_state_alone(name: str) -> None:
    mine = parameters()
    optimiser = ours(name, mine)
    gradients(mine, 1)
    optimiser.step()
    before = [p.detach().clone() for p in mine]
    state = {number: {key: value.clone() for key, value in slots.items()} for number, slots in optimiser.state.items()}
    optimiser.rates = (0.0, 3e-3)
    gradients(mine, 2)
    optimiser.step()
    assert [torch.equal(a, b) for a, b in zip(mine, before, strict=True)] == [True, False, False]
    assert all(torch.equal(state[0][key], value) for key, value in optimiser.state[0].items())
    assert int(optimiser.state[1]["step"]) == 2


def test_weight_decay_shrinks_by_rate_times_decay_whatever_the_gradient() -> None:
    p = nn.Parameter(torch.tensor([2.0, -4.0]))
    p.grad = torch.zeros(2)
    AdamW([Group([p], 0.1)], 0.5).step()
    assert p.tolist() == pytest.approx([1.9, -3.8])


def test_momentum_carries_the_last_gradient_on() -> None:
    p = nn.Parameter(torch.tensor([1.0]))
    optimiser = SGD([Group([p], 0.1)], 0.5)
    for _ in range(2):
        p.grad = torch.tensor([1.0])
        optimiser.step()
    assert p.item() == pytest.approx(1.0 - 0.1 - 0.1 * 1.5)


def test_gradients_are_forgotten() -> None:
    mine = parameters()
    gradients(mine, 1)
    ours("adam", mine).zero_grad()
    assert all(parameter.grad is None for parameter in mine)


@pytest.mark.full
def test_torchs_compiler_is_not_loaded() -> None:
    import subprocess
    import sys

    program = (
        "import sys, torch\n"
        "from convncf.training.optimisers import Adam, Group\n"
        "p = torch.nn.Parameter(torch.ones(3)); p.sum().backward(); Adam([Group([p], 0.1)]).step()\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# ---------------------------------------------------------------- records


def test_every_optimiser_is_whole_in_its_record_and_can_be_asked_for() -> None:
    named = get_args(TrainConfig.model_fields["optimizer"].annotation)
    assert tuple(one.name for one in RECORDS) == named
    for field, (other, wanted) in TrainConfig.needs.items():
        assert field in TrainConfig.model_fields
        if other == "train.optimizer":
            assert set(wanted) <= set(named), field


@pytest.mark.parametrize("name", [one.name for one in RECORDS])
def test_an_optimiser_keeps_as_many_numbers_as_its_record_says(name: str) -> None:
    config = TrainConfig(optimizer=name, momentum=0.9)
    parameter = torch.nn.Parameter(torch.ones(3, 4))
    made = optimiser(name).make([Group([parameter], 0.1)], config)
    parameter.grad = torch.ones_like(parameter)
    made.step()
    assert (parameter < 1).all()
    kept = sum(value.numel() for value in made.state[0].values() if value.dim())
    assert kept == optimiser(name).slots(config) * parameter.numel()
