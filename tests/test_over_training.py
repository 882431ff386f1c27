"""A pair over training: each kept model gives what loading it alone gives, one at a time."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from convncf import models
from convncf.config import ModelConfig
from convncf.data.splitting import Split
from convncf.experiment.loading import load_run
from convncf.inspection import Moment, PairAt, PairTrace, Unreadable, each_moment, follow_pair, view_at, view_pair
from convncf.models import MatrixFactorisation, Popularity
from convncf.ranking import Scorer
from convncf.runs import Run, load_tensors
from tests.worlds import finished_run


def moments_of(run: Run, home: Path) -> tuple[list[Moment], Split]:
    """Every kept moment of a finished run: pretraining, start, epochs."""
    best = load_run(run, home)

    def pretraining() -> Scorer:
        tensors, _ = load_tensors(run.pretrained_path)
        p, q = tensors["user_embedding.weight"], tensors["item_embedding.weight"]
        model = models.build(ModelConfig(name="mf-bpr", embedding_size=p.shape[1]), len(p), len(q))
        assert isinstance(model, MatrixFactorisation)
        model.start_from(p, q)
        return model.eval()

    def kept(epoch: int) -> Scorer:
        return load_run(run, home, checkpoint=epoch, dataset=best.dataset, parts=best.split).model

    epochs = [Moment(c.label, c.epoch, c.epoch == best.epoch, partial(kept, c.epoch)) for c in run.checkpoints()]
    return [Moment("pretraining", None, False, pretraining), *epochs], best.split


def test_a_run_from_pretraining_to_its_end(home: Path) -> None:
    run = finished_run(home)
    moments, split = moments_of(run, home)
    found = follow_pair(moments, split, 3, 7)
    assert [at.label for at in found.moments] == ["pretraining", "start", "epoch 1", "epoch 2", "epoch 3", "epoch 4"]
    assert [at.epoch for at in found.moments] == [None, 0, 1, 2, 3, 4]
    assert sum(at.best for at in found.moments) == 1
    assert found.unreadable == ()
    for at in found.moments[1:]:
        view = view_pair(load_run(run, home, checkpoint=at.epoch).model, split, 3, 7)
        assert isinstance(view.trace, PairTrace)
        np.testing.assert_array_equal(at.p, view.trace.p)
        np.testing.assert_array_equal(at.q, view.trace.q)
        assert (at.lowest, at.highest) == (view.trace.map.min(), view.trace.map.max())
        assert (at.score, at.rank) == (view.score, view.rank)
        assert (found.standing, found.left_out) == (view.standing, view.left_out)
    first, start = found.moments[:2]
    np.testing.assert_array_equal(first.p, start.p)  # training begins with the pretrained embeddings
    assert first.score == pytest.approx(float(first.p @ first.q), abs=1e-5)
    assert start.score == pytest.approx(first.score, abs=1e-5)  # the preset starts as the dot product
    assert found.moments[-1].score != start.score


def test_the_range_of_the_map(home: Path) -> None:
    moments, split = moments_of(finished_run(home), home)
    further_down = set()
    for item in range(8):
        (at,) = follow_pair(moments[1:2], split, 3, item).moments
        cells = np.outer(at.p, at.q)
        assert (at.lowest, at.highest) == (cells.min(), cells.max())
        further_down.add(-at.lowest > at.highest)
    assert further_down == {True, False}


def test_one_moment_can_be_seen_whole(home: Path) -> None:
    run = finished_run(home)
    moments, split = moments_of(run, home)
    light = {at.label: at for at in follow_pair(moments, split, 3, 7).moments}
    for label in ("pretraining", "epoch 2"):
        view = view_at(moments, label, split, 3, 7)
        assert isinstance(view.trace, PairTrace)
        assert view.score == light[label].score
        assert bool(view.trace.layers) == (label != "pretraining")
    with pytest.raises(LookupError, match=r"no 'epoch 9'\. Kept: pretraining, start, epoch 1"):
        view_at(moments, "epoch 9", split, 3, 7)


def test_one_model_is_held_at_a_time(home: Path) -> None:
    moments, split = moments_of(finished_run(home), home)
    alive: weakref.WeakSet[torch.nn.Module] = weakref.WeakSet()
    loaded = []

    def watched(moment: Moment) -> Moment:
        def load() -> Scorer:
            assert len(alive) == 0, "the model before is still held"
            model = moment.load()
            assert isinstance(model, torch.nn.Module)
            alive.add(model)
            loaded.append(moment.label)
            return model

        return replace(moment, load=load)

    steps: Iterator[PairAt | Unreadable] = each_moment([watched(moment) for moment in moments], split, 3, 7)
    assert loaded == []
    next(steps)
    assert loaded == ["pretraining"]  # nothing is loaded before it is asked for
    assert len(list(steps)) == 5
    assert len(alive) == 0


def test_a_moment_that_cannot_be_read_is_named_and_the_others_stay(home: Path) -> None:
    run = finished_run(home)
    moments, split = moments_of(run, home)
    run.checkpoints()[2].path.write_bytes(b"not a tensor")

    def diverged() -> Scorer:
        model = moments[1].load()
        assert isinstance(model, models.ConvNCF)
        with torch.no_grad():
            model.output.bias.fill_(float("nan"))
        return model

    moments[4] = replace(moments[4], load=diverged)
    found = follow_pair(moments, split, 3, 7)
    assert [at.label for at in found.moments] == ["pretraining", "start", "epoch 1", "epoch 4"]
    assert [at.label for at in found.unreadable] == ["epoch 2", "epoch 3"]
    assert "epoch-0002.safetensors: damaged" in found.unreadable[0].words
    assert "not finite" in found.unreadable[1].words


def test_what_has_no_embeddings_is_refused(home: Path) -> None:
    moments, split = moments_of(finished_run(home), home)
    popular = Moment("epoch 0", 0, True, lambda: Popularity(30, 40))
    with pytest.raises(TypeError, match="Popularity has no embeddings"):
        follow_pair([popular], split, 3, 7)
    with pytest.raises(IndexError, match="user 30"):
        follow_pair(moments, split, 30, 7)
