"""Moments of a run: its kept models in order, from pretraining to the last epoch, each loaded only when asked for."""

from __future__ import annotations

from functools import partial

from convncf import models
from convncf.config import ModelConfig
from convncf.experiment.loading import LoadedRun, load_run
from convncf.inspection import Moment
from convncf.models import MatrixFactorisation
from convncf.ranking import Scorer
from convncf.runs import Run, load_tensors


def moments_of(loaded: LoadedRun) -> tuple[Moment, ...]:
    """What `inspection.follow_pair` follows: pretraining where there was one, the kept epochs, and the best epoch.

    Nothing is loaded yet. A file that is damaged or gone by then raises CheckpointError from `load`.
    """
    run = loaded.run
    found = [Moment("pretraining", None, False, partial(_pretrained, run))] if run.pretrained_path.exists() else []
    epochs = {
        kept.epoch: Moment(kept.label, kept.epoch, kept.epoch == loaded.epoch, partial(_kept, loaded, kept.epoch))
        for kept in run.checkpoints()
    }
    if loaded.epoch not in epochs:  # checkpoints are kept every so many epochs, the best one may lie between
        epochs[loaded.epoch] = Moment(f"epoch {loaded.epoch}", loaded.epoch, True, lambda: loaded.model)
    return (*found, *(epochs[epoch] for epoch in sorted(epochs)))


def _kept(loaded: LoadedRun, epoch: int) -> Scorer:
    # home is not asked for where data and split are given
    return load_run(
        loaded.run, loaded.run.path.parent.parent, checkpoint=epoch, dataset=loaded.dataset, parts=loaded.split
    ).model


def _pretrained(run: Run) -> Scorer:
    tensors, _ = load_tensors(run.pretrained_path)
    p, q = tensors["user_embedding.weight"], tensors["item_embedding.weight"]
    model = models.build(ModelConfig(name="mf-bpr", embedding_size=p.shape[1]), len(p), len(q))
    assert isinstance(model, MatrixFactorisation)
    model.start_from(p, q)
    return model.eval()
