"""A pair over training: each kept model gives what loading it alone gives, one at a time."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from convncf import models
from convncf.data.split import Split
from convncf.evaluation.ranking import Scorer
from convncf.inspection import (
    ModelCheckpoint,
    PairAt,
    PairTrace,
    Unreadable,
    each_checkpoint,
    follow_pair,
    view_at,
    view_pair,
)
from convncf.models import Popularity
from convncf.runs import Run
from convncf.workflow.loading import checkpoints_of, load_run
from tests.worlds import finished_run


def checkpoints(run: Run, home: Path) -> tuple[tuple[ModelCheckpoint, ...], Split]:
    """Every kept moment of a finished run, and its split."""
    loaded = load_run(run)
    return checkpoints_of(loaded), loaded.split


def test_the_best_epoch_is_a_moment_also_where_it_was_not_kept(home: Path) -> None:
    run = finished_run(home)
    loaded = load_run(run)
    next(at for at in run.checkpoints() if at.epoch == loaded.epoch).path.unlink()
    (best,) = (at for at in checkpoints_of(loaded) if at.best)
    assert (best.label, best.epoch) == (f"epoch {loaded.epoch}" if loaded.epoch else "epoch 0", loaded.epoch)
    assert best.load() is loaded.model
    assert [at.epoch for at in checkpoints_of(loaded)][1:] == [0, 1, 2, 3, 4]


def test_a_run_from_pretraining_to_its_end(home: Path) -> None:
    run = finished_run(home)
    kept, split = checkpoints(run, home)
    found = follow_pair(kept, split, 3, 7)
    assert [at.label for at in found.checkpoints] == [
        "pretraining",
        "start",
        "epoch 1",
        "epoch 2",
        "epoch 3",
        "epoch 4",
    ]
    assert [at.epoch for at in found.checkpoints] == [None, 0, 1, 2, 3, 4]
    assert sum(at.best for at in found.checkpoints) == 1
    assert found.unreadable == ()
    for at in found.checkpoints[1:]:
        view = view_pair(load_run(run, checkpoint=at.epoch).model, split, 3, 7)
        assert isinstance(view.trace, PairTrace)
        np.testing.assert_array_equal(at.p, view.trace.p)
        np.testing.assert_array_equal(at.q, view.trace.q)
        assert (at.lowest, at.highest) == (view.trace.map.min(), view.trace.map.max())
        assert (at.score, at.rank) == (view.score, view.rank)
        assert (found.part, found.excluded) == (view.part, view.excluded)
    first, start = found.checkpoints[:2]
    np.testing.assert_array_equal(first.p, start.p)  # training begins with the pretrained embeddings
    assert first.score == pytest.approx(float(first.p @ first.q), abs=1e-5)
    assert start.score == pytest.approx(first.score, abs=1e-5)  # the preset starts as the dot product
    assert found.checkpoints[-1].score != start.score


def test_the_range_of_the_map(home: Path) -> None:
    kept, split = checkpoints(finished_run(home), home)
    further_down = set()
    for item in range(8):
        (at,) = follow_pair(kept[1:2], split, 3, item).checkpoints
        cells = np.outer(at.p, at.q)
        assert (at.lowest, at.highest) == (cells.min(), cells.max())
        further_down.add(-at.lowest > at.highest)
    assert further_down == {True, False}


def test_one_moment_can_be_seen_whole(home: Path) -> None:
    run = finished_run(home)
    kept, split = checkpoints(run, home)
    light = {at.label: at for at in follow_pair(kept, split, 3, 7).checkpoints}
    for label in ("pretraining", "epoch 2"):
        view = view_at(kept, label, split, 3, 7)
        assert isinstance(view.trace, PairTrace)
        assert view.score == light[label].score
        assert bool(view.trace.layers) == (label != "pretraining")
    with pytest.raises(LookupError, match=r"'epoch 9'\. Kept: pretraining, start"):
        view_at(kept, "epoch 9", split, 3, 7)


def test_one_model_is_held_at_a_time(home: Path) -> None:
    kept, split = checkpoints(finished_run(home), home)
    alive: weakref.WeakSet[torch.nn.Module] = weakref.WeakSet()
    loaded = []

    def watched(checkpoint: ModelCheckpoint) -> ModelCheckpoint:
        def load() -> Scorer:
            assert len(alive) == 0, "the model before is still held"
            model = checkpoint.load()
            assert isinstance(model, torch.nn.Module)
            alive.add(model)
            loaded.append(checkpoint.label)
            return model

        return replace(checkpoint, load=load)

    steps: Iterator[PairAt | Unreadable] = each_checkpoint([watched(checkpoint) for checkpoint in kept], split, 3, 7)
    assert loaded == []
    next(steps)
    assert loaded == ["pretraining"]  # nothing is loaded before it is asked for
    assert len(list(steps)) == 5
    assert len(alive) == 0


def test_a_moment_that_cannot_be_read_is_named_and_the_others_stay(home: Path) -> None:
    run = finished_run(home)
    kept, split = checkpoints(run, home)
    run.checkpoints()[2].path.write_bytes(b"not a tensor")

    def diverged() -> Scorer:
        model = kept[1].load()
        assert isinstance(model, models.ConvNCF)
        with torch.no_grad():
            model.output.bias.fill_(float("nan"))
        return model

    kept = (*kept[:4], replace(kept[4], load=diverged), *kept[5:])
    found = follow_pair(kept, split, 3, 7)
    assert [at.label for at in found.checkpoints] == ["pretraining", "start", "epoch 1", "epoch 4"]
    assert [at.label for at in found.unreadable] == ["epoch 2", "epoch 3"]
    assert "epoch-0002.safetensors: damaged" in found.unreadable[0].words
    assert "not finite" in found.unreadable[1].words


def test_what_has_no_embeddings_is_refused(home: Path) -> None:
    kept, split = checkpoints(finished_run(home), home)
    popular = ModelCheckpoint("epoch 0", 0, True, lambda: Popularity(30, 40))
    with pytest.raises(TypeError, match="Popularity"):
        follow_pair([popular], split, 3, 7)
    with pytest.raises(IndexError, match="user 30"):
        follow_pair(kept, split, 30, 7)
