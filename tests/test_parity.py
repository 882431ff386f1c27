"""Our ConvNCF against what RecBole 1.2.1's class returned for the same weights and the same batch.

benchmarks/parity/record.py made the arrays; the measure is max|ours - RecBole's| / max|RecBole's| of each tensor.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from benchmarks.parity.compare import LIMIT, RECORDED, Recording, differences, relative_difference
from convncf.models import ConvNCF, FusedConvNCF

PLANS = {"4-4-2-2": [4, 4, 2, 2], "2-2-2-2-2-2": [2] * 6, "8-4": [8, 4]}


@pytest.fixture(params=PLANS)
def recording(request: pytest.FixtureRequest) -> Recording:
    return Recording.load(RECORDED / f"{request.param}.npz")


@pytest.mark.parametrize("kind", [ConvNCF, FusedConvNCF])
def test_scores_losses_and_gradients_equal_recboles(
    recording: Recording, kind: type[ConvNCF], record_property: Callable[[str, object], None]
) -> None:
    found = differences(recording, kind)
    worst = found[0]
    record_property("worst relative difference", worst.relative)
    record_property("of", worst.tensor)
    assert len(found) == 6 + 2 * len(recording.kernels) + 4  # six outputs; every parameter's gradient
    assert worst.relative <= LIMIT, f"plan {recording.kernels}: {worst.relative:.2e} in {worst.tensor}"


def test_parameters_come_in_recboles_order(recording: Recording) -> None:
    ours = list(recording.model().named_parameters())
    assert len(ours) == len(recording.parameters)
    for (name, parameter), (theirs, tensor) in zip(ours, recording.parameters, strict=True):
        assert parameter.shape == tensor.shape
        assert name.rsplit(".", 1)[1] == theirs.rsplit(".", 1)[1]  # weight or bias
        assert ("embedding" in name) == ("embedding" in theirs)


def test_the_recorded_gaps_lie_where_recboles_loss_is_exact(recording: Recording) -> None:
    gap = recording.outputs["forward"] - recording.outputs["forward of negatives"]
    assert 1 < np.abs(gap).max() < 10


def test_every_recorded_gradient_says_something(recording: Recording) -> None:
    *rest, output_bias = recording.gradients
    assert all(np.abs(gradient).max() > 1e-3 for gradient in rest)
    assert np.abs(output_bias).max() == 0  # a constant cancels between positive and negative


def test_recbole_was_the_version_that_is_claimed(recording: Recording) -> None:
    assert "recbole 1.2.1" in recording.made_with


@pytest.mark.parametrize("place", ["item_embedding.weight", "cnn.1.weight", "cnn.0.bias", "output.weight"])
def test_a_weight_off_by_a_ten_thousandth_is_noticed(recording: Recording, place: str) -> None:
    names = [name for name, _ in recording.model().named_parameters()]
    _, tensor = recording.parameters[names.index(place)]
    tensor += 1e-4 * tensor.abs().max()
    assert differences(recording)[0].relative > LIMIT


def test_the_measure_is_relative_to_the_largest_value() -> None:
    assert relative_difference(np.array([1.0, 10.0]), np.array([2.0, 10.0])) == pytest.approx(0.1)
    assert relative_difference(np.zeros(2), np.zeros(2)) == 0
    assert relative_difference(np.array([1e-9, 0.0]), np.zeros(2)) == float("inf")
    with pytest.raises(ValueError, match="shapes"):
        relative_difference(np.zeros(2), np.zeros(3))


def test_scores_do_not_change_from_training_to_scoring(recording: Recording) -> None:
    model, batch = recording.model(FusedConvNCF), recording.batch
    scores = torch.stack([model.score_items(user) for user in range(model.n_users)])  # (n_users, n_items)
    ours = scores[batch["user_id"], batch["item_id"]].numpy()
    assert relative_difference(ours, recording.outputs["predict"]) <= LIMIT


def test_no_input_of_a_relu_lies_where_rounding_could_move_it_over_zero(recording: Recording) -> None:
    model, nearest = recording.model(), []
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(
                lambda _, __, out: nearest.append(float(out.detach().abs().min() / out.detach().std()))
            )
    for field in ("item_id", "neg_item_id"):
        model(recording.batch["user_id"], recording.batch[field])
    assert min(nearest) > 5e-7
