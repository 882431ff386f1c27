"""Loading: a saved run with its data, split and model; and pretrained embeddings, brought into order by raw id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import pandas as pd
import torch
from torch import Tensor

from convncf import models
from convncf.data import catalogue
from convncf.data.dataset import Dataset
from convncf.data.split import Split
from convncf.data.splitting import filter_and_split
from convncf.errors import CheckpointError, DataError, PretrainingError, RunBrokenError, did_you_mean
from convncf.evaluation.ranking import Scorer
from convncf.inspection import ModelCheckpoint
from convncf.models.registry import PRETRAINING, with_ability
from convncf.models.run_config import RunConfig
from convncf.runs import Run, RunStore, load_tensors
from convncf.runtime import devices


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """A run with everything needed to score with it: read-only, shared by CLI, app and notebooks."""

    run: Run
    config: RunConfig
    dataset: Dataset
    split: Split
    model: Scorer
    epoch: int
    """The epoch that the model's tensors are from; 0 is the start."""


def load_run(
    run: Run,
    *,
    checkpoint: int | None = None,
    dataset: Dataset | None = None,
    parts: Split | None = None,
    device: str = "cpu",
) -> LoadedRun:
    """A run with its model: the best epoch, or the kept checkpoint of that epoch.

    Raises CheckpointError or RunBrokenError when tensors are missing or damaged, DataError when the data has changed.
    """
    config = run.config()
    if dataset is None or parts is None:
        dataset, parts = data_of(run)
    if checkpoint is None:
        path = run.model_path
        if not path.exists():
            state = run.status().state
            gone = state == "finished"
            raise CheckpointError(
                f"{path}: is missing, though run {run.name!r} is finished. Restore the file, or delete the run."
                if gone
                else f"run {run.name!r} has no model yet ({state}). Wait for its first epoch."
            )
    else:
        kept = {c.epoch: c.path for c in run.checkpoints()}
        if checkpoint not in kept:
            listed = ", ".join(map(str, kept)) or "none"
            raise CheckpointError(f"run {run.name!r} kept no checkpoint of epoch {checkpoint}. Kept: {listed}.")
        path = kept[checkpoint]
    tensors, metadata = load_tensors(path)
    model = scorer_of(tensors, config, parts, device=device, where=str(path))
    return LoadedRun(run, config, dataset, parts, model, int(metadata.get("epoch", 0)))


def scorer_of(
    tensors: Mapping[str, Tensor], config: RunConfig, parts: Split, *, device: str = "cpu", where: str = "the model"
) -> Scorer:
    """The model of these tensors, ready to score. Raises RunBrokenError, naming `where`, if they do not fit."""
    precision, _ = devices.resolve_precision(config.train.precision, device)
    model = models.build(config.model, parts.interactions.n_users, parts.interactions.n_items, precision)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise RunBrokenError(
            f"{where}: does not fit the run's settings ({str(error).splitlines()[-1].strip()})"
        ) from None
    return cast(Scorer, model.to(device).eval())


def data_of(run: Run) -> tuple[Dataset, Split]:
    """The dataset after the run's filters, and its split. Raises DataError when the data is not what the run had."""
    config = run.config()
    filtered, parts = filter_and_split(source_of(run), config.data, config.seed)
    return filtered.dataset, parts


def source_of(run: Run) -> Dataset:
    """The dataset that a run was made on, before its filters. Raises DataError when it is not what the run had."""
    dataset = catalogue.load(run.config().data.dataset, home)
    if dataset.fingerprint != run.fingerprint:
        raise DataError(
            f"dataset {dataset.name!r} has changed since run {run.name!r} was made: it was {run.fingerprint}, "
            f"now it is {dataset.fingerprint}. Bring the old data back under that name, or train a new run."
        )
    return dataset


def data_of_config(config: RunConfig, home: Path) -> tuple[Dataset, Split]:
    """The dataset after the filters of settings that no run has yet, and its split."""
    filtered, parts = filter_and_split(catalogue.load(config.data.dataset, home), config.data, config.seed)
    return filtered.dataset, parts


def source_run(path: str, store: RunStore) -> Run | None:
    """The run that pretrained embeddings are of, by its name or folder; None for a bare file."""
    if path in store.names():
        return store.open(path)
    folder = Path(path).expanduser()
    return Run(folder) if folder.is_dir() else None


def pretrained_vectors(path: str, dataset: Dataset, store: RunStore, *, size: int) -> tuple[Tensor, Tensor, str]:
    """Embeddings from a run (by name or folder) or a safetensors file, brought into the dataset's order by raw id.

    Returns (n_users, D), (n_items, D) and words on what was carried over. Raises PretrainingError when there are none,
    the run is not finished, D is not `size`, or ids are missing; CheckpointError when the file is damaged.
    """
    run, file = source_run(path, store), Path(path).expanduser()
    if run is None and not file.exists():
        hint = did_you_mean(path, store.names())
        raise PretrainingError(f"model.pre_model_path {path!r} is neither a run in {store.folder} nor a file. {hint}")
    if run is not None and (run.report() is None or run.extension()):
        raise PretrainingError(
            f"run {run.name!r} is not finished ({run.status().state}), so its embeddings may be half trained. "
            f"Finish it first: convncf resume {run.name}."
        )
    tensors, _ = load_tensors(run.model_path if run else file)
    if not {"user_embedding.weight", "item_embedding.weight"} <= tensors.keys():
        raise PretrainingError(
            f"{path} holds no user and item embeddings, only {sorted(tensors)}. "
            f"Give a run of {with_ability('embeddings')}."
        )
    users, items = tensors["user_embedding.weight"], tensors["item_embedding.weight"]
    if users.shape[1] != size:
        raise PretrainingError(
            f"{path} holds embeddings of size {users.shape[1]}, the model asks for {size}. "
            f"Set model.embedding_size={users.shape[1]}, or another path."
        )
    if run is None:
        wanted = (dataset.interactions.n_users, dataset.interactions.n_items)
        if (len(users), len(items)) != wanted:
            raise PretrainingError(
                f"{path} holds {len(users)} users and {len(items)} items, the dataset {wanted[0]} and {wanted[1]}, "
                f"and a bare file names none of them. Give the run folder: its vocabulary says which is which."
            )
        return users, items, f"embeddings of {path}, by position"
    vocabulary = run.read_frame("vocabulary")
    users = _by_raw_id(users, vocabulary, "user", dataset.interactions.users.ids, path)
    items = _by_raw_id(items, vocabulary, "item", dataset.interactions.items.ids, path)
    return users, items, f"embeddings of run {run.name}: {len(users)} users and {len(items)} items by raw id"


def _by_raw_id(table: Tensor, vocabulary: pd.DataFrame, kind: str, ids: tuple[str, ...], path: str) -> Tensor:
    rows = vocabulary[vocabulary["kind"] == kind]
    index = dict(zip(rows["id"], rows["index"], strict=True))
    missing = [raw for raw in ids if raw not in index]
    if missing:
        raise PretrainingError(
            f"{path} lacks {len(missing)} of {len(ids)} {kind}s of the dataset, such as {missing[0]!r}. "
            f"Pretrain on the same dataset."
        )
    return table[torch.tensor([index[raw] for raw in ids], dtype=torch.long)]


def checkpoints_of(loaded: LoadedRun) -> tuple[ModelCheckpoint, ...]:
    """What `inspection.follow_pair` follows: pretraining where there was one, the kept epochs, and the best epoch.

    Nothing is loaded yet. A file that is damaged or gone by then raises CheckpointError from `load`.
    """
    run = loaded.run
    found = (
        [ModelCheckpoint("pretraining", None, False, partial(_pretrained, run))] if run.pretrained_path.exists() else []
    )
    epochs = {
        kept.epoch: ModelCheckpoint(
            kept.label, kept.epoch, kept.epoch == loaded.epoch, partial(_kept, loaded, kept.epoch)
        )
        for kept in run.checkpoints()
    }
    if loaded.epoch not in epochs:  # checkpoints are kept every so many epochs, the best one may lie between
        epochs[loaded.epoch] = ModelCheckpoint(f"epoch {loaded.epoch}", loaded.epoch, True, lambda: loaded.model)
    return (*found, *(epochs[epoch] for epoch in sorted(epochs)))


def _kept(loaded: LoadedRun, epoch: int) -> Scorer:
    # home is not asked for where data and split are given
    return load_run(
        loaded.run, loaded.run.path.parent.parent, checkpoint=epoch, dataset=loaded.dataset, parts=loaded.split
    ).model


def _pretrained(run: Run) -> Scorer:
    tensors, _ = load_tensors(run.pretrained_path)
    p, q = tensors["user_embedding.weight"], tensors["item_embedding.weight"]
    model = models.build(models.ModelConfig(PRETRAINING.name, embedding_size=p.shape[1]), len(p), len(q))
    model.start_from(p, q)
    return cast(Scorer, model.eval())
