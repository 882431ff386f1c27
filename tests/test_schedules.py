"""Learning rates by epoch: known at the ends and in the middle, and a function of the epoch alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.config import TrainConfig
from convncf.training.optimisers import in_warmup, rates, share


def settings(**given: Any) -> TrainConfig:
    return TrainConfig.model_validate({"epochs": 5, "lr_embedding": 0.2, "lr_network": 0.1} | given)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1, 1, 1, 1, 1]),
        ("linear", [1, 0.8, 0.6, 0.4, 0.2]),
        ("cosine", [1, 0.2 + 0.8 * (2 + 2**0.5) / 4, 0.6, 0.2 + 0.8 * (2 - 2**0.5) / 4, 0.2]),
    ],
)
def test_the_first_epoch_has_the_whole_rate_and_the_last_the_floor(schedule: str, expected: list[float]) -> None:
    config = settings(schedule=schedule, lr_floor=0.2)
    assert [share(config, epoch) for epoch in range(1, 6)] == pytest.approx(expected)
    assert rates(config, 3) == pytest.approx((0.2 * expected[2], 0.1 * expected[2]))


@given(st.sampled_from(["linear", "cosine"]), st.integers(1, 400), st.floats(0, 1))
def test_rates_never_rise_and_stay_between_one_and_the_floor(schedule: str, epochs: int, floor: float) -> None:
    config = settings(schedule=schedule, epochs=epochs, lr_floor=floor)
    found = [share(config, epoch) for epoch in range(1, epochs + 1)]
    assert found == sorted(found, reverse=True)
    assert found[0] == 1
    assert found[-1] == pytest.approx(floor if epochs > 1 else 1, abs=1e-12)


def test_warmup_epochs_have_one_rate_for_both_but_what_is_frozen_stays_so() -> None:
    config = settings(warmup_epochs=2, warmup_lr=0.03, schedule="linear", lr_floor=0.0)
    assert [rates(config, epoch) for epoch in (1, 2)] == [(0.03, 0.03)] * 2
    assert rates(config, 3) == pytest.approx((0.1, 0.05))
    assert [in_warmup(config, epoch) for epoch in (1, 2, 3)] == [True, True, False]
    assert rates(settings(warmup_epochs=1, warmup_lr=0.03, lr_embedding=0), 1) == (0, 0.03)
