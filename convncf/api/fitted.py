"""FittedModel: a model with its split, fitted in memory, saved in a folder or trained as a run."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convncf.api import saving
from convncf.api.dataset import Dataset, Split
from convncf.api.scorer import Scorer, as_split
from convncf.api.settings import has_epochs, run_settings
from convncf.config import EvalConfig
from convncf.data import catalogue, storage
from convncf.errors import ConfigError, ConvNCFError, DatasetExistsError, DeviceError, RunNotFoundError
from convncf.evaluation import ranking
from convncf.models.run_config import RunConfig
from convncf.models.settings import Resolved
from convncf.runs import Run, RunStore
from convncf.runtime import files

if TYPE_CHECKING:
    import pandas as pd

    from convncf.inspection import ModelCheckpoint
    from convncf.training import EpochRecord
    from convncf.workflow.record import TrainingRecord

_DATASET = saving.DATASET


class FittedModel(Scorer):
    """A model at its best epoch, with the split that it was fitted on.

    Made by `convncf.fit` and `convncf.load`. `model` is the torch module itself, or the computed model; `config` holds
    every setting.

    Example:
        >>> import convncf
        >>> split = convncf.datasets.load("movielens-small").split(seed=1, min_item=100)
        >>> model = convncf.fit(split, "ease")
        >>> model
        FittedModel 'ease': 659 users, 151 items, computed in one go; seed 1, preset quick
        >>> model.recommend("15", k=3)["title"].tolist()
        ['Godfather, The (1972)', 'Rock, The (1996)', 'Pretty Woman (1990)']
    """

    def __init__(
        self,
        model: ranking.Scorer,
        split: Split,
        name: str,
        resolved: Resolved,
        record: TrainingRecord,
        epoch: int,
    ) -> None:
        super().__init__(model, split, name)
        self.record, self.best_epoch = record, epoch
        self._resolved = resolved

    @property
    def config(self) -> RunConfig:
        """Every setting that it was trained with."""
        return self._resolved.config

    @property
    def history(self) -> pd.DataFrame:
        """What each epoch did: phase, epoch, loss, and a column for each metric on validation.

        Epoch 0 is the model before its first step, so it has no loss; a metric is NaN where the epoch was not
        validated. No row for a model that is computed in one go.
        """
        import pandas as pd

        rows = [
            {"phase": row["phase"], "epoch": row["epoch"], "loss": row["loss"]} | dict(row["validation"] or {})
            for row in self.record.metrics()
        ]
        frame = pd.DataFrame(rows, columns=None if rows else ["phase", "epoch", "loss"])
        return frame.astype({"loss": float}) if rows else frame

    @property
    def run(self) -> Run | None:
        """Its run folder, with curves, report and log; None where it is in memory alone."""
        return self.record if isinstance(self.record, Run) else None

    def checkpoints(self) -> tuple[ModelCheckpoint, ...]:
        """What `convncf.inspection.follow_pair` follows: pretraining, the kept epochs and the best one.

        Raises:
            ConvNCFError: it is in memory alone, where only the best epoch is kept.
        """
        from convncf.workflow.loading import LoadedRun, checkpoints_of

        if self.run is None:
            raise ConvNCFError(
                f"{self.name!r} was fitted in memory, where only the best epoch is kept. Fit it with name=: its run "
                "keeps the epochs that train.keep_every asks for."
            )
        return checkpoints_of(LoadedRun(self.run, self.config, self.dataset, self.split, self.model, self.best_epoch))

    def save(self, folder: str | Path) -> None:
        """Write the model and its split into a new folder, which `convncf.load` opens on any machine.

        Plain files: JSON, Parquet and safetensors; nothing in it is code.

        Raises:
            ConvNCFError: the folder exists and is not empty, or cannot be written.
        """
        saving.save(Path(folder), self.split, self._resolved, self.record, self.best_epoch)

    def __repr__(self) -> str:
        config = self.config
        how = f"epoch {self.best_epoch} of {config.train.epochs}" if has_epochs(config) else "computed in one go"
        label = repr(self.name) if self.name == config.model.name else f"{self.name!r} ({config.model.name})"
        return (
            f"FittedModel {label}: {self.n_users:,} users, {self.n_items:,} items, {how}; seed {config.seed}, "
            f"preset {config.preset}"
        )


def fit(
    split: Split,
    model: str = "convncf",
    /,
    *,
    preset: str = "quick",
    seed: int = 1,
    device: str | None = None,
    precision: str | None = None,
    progress: bool = False,
    name: str | None = None,
    **settings: Mapping[str, Any],
) -> FittedModel:
    """Fit a model on the training part of a split, choosing the epoch on its validation part.

    It trains as `convncf train` does: a ConvNCF is pretrained first where its preset says so, on the fast path, and the
    best epoch is returned. Nothing is written unless `name` is given.

    Args:
        split: of `Dataset.split`. A preset's settings of data are not applied: the split is used as it is.
        model: "convncf", "mf-bpr", "itemknn", "ease" or "popularity".
        preset: named settings; `convncf.presets(model)` lists them.
        seed: determines the initial weights, the negatives and the order of triples.
        device: "cpu", "cuda", "cuda:1"; the best one available unless given.
        precision: "fp32" or "bf16".
        progress: write a line an epoch to stderr.
        name: save it as a run of that name, in the same folder as `convncf train --name`: the app and the command line
            list it. The dataset is stored under its name unless it is already, and `seed` must be that of the split.
        **settings: any others by group: model={"embedding_size": 16}, pretrain={"epochs": 5}, train={"epochs": 2},
            eval={"monitor": "HR@10"}.

    Returns:
        The model at its best epoch.

    Raises:
        ConfigError: a model, preset, group or setting does not exist, or a value is invalid.
        DataError, DeviceError, TrainingError: it cannot be trained, or the loss became NaN.
        RunExistsError, RunNameError, DatasetExistsError: because of `name`.

    Example:
        >>> import convncf
        >>> split = convncf.datasets.load("movielens-small").split(seed=1, min_item=100)
        >>> model = convncf.fit(split, "mf-bpr", seed=1, model={"embedding_size": 8}, train={"epochs": 2})
        >>> model.history[["phase", "epoch"]].values.tolist()
        [['training', 0], ['training', 1], ['training', 2]]
    """
    from convncf.jobs.launching import located, refuse_beforehand
    from convncf.workflow import fitting

    split = as_split(split, "fit")
    shortcuts = {"train.device": device, "train.precision": precision}
    groups = {group: dict(values) if isinstance(values, Mapping) else values for group, values in settings.items()}
    for key, value in shortcuts.items():
        group, _, inner = key.partition(".")
        if value is not None and isinstance(groups.setdefault(group, {}), dict):
            if groups[group].get(inner, value) != value:
                raise ConfigError(f"{inner} is given twice, as {inner}={value!r} and in {group}=. Keep one of them.")
            groups[group][inner] = value
    resolved = run_settings(split.config, model, preset, seed, groups)
    home = files.home()
    on_record = _to_stderr(resolved.config.eval) if progress else None
    if name is not None:
        return _as_run(split, resolved, name, home, on_record)
    resolved = located(resolved, home)
    fingerprint = split.source.fingerprint
    try:
        refuse_beforehand(resolved.config, fingerprint, split.dataset, split, home)
    except DeviceError as error:  # what to do is written for the command line
        raise type(error)(str(error).replace("--device cpu", "device='cpu'")) from None
    fitted = fitting.fit(resolved.config, split.dataset, split, fingerprint, home, name=str(model), on_record=on_record)
    return FittedModel(fitted.model, split, str(model), resolved, fitted.record, fitted.best_epoch)


def _as_run(split: Split, resolved: Resolved, name: str, home: Path, on_record: Any) -> FittedModel:
    """Train as `convncf train` does, in a run folder of the home."""
    from convncf import jobs

    if resolved.config.seed != split.seed:
        raise ConfigError(
            f"a run has one seed for its split and its training, and here they are {split.seed} and "
            f"{resolved.config.seed}. Split with seed={resolved.config.seed}, fit with seed={split.seed}, or omit "
            "name=."
        )
    RunStore(home).refuse_name(str(name))
    _store(split.source, home)
    run = jobs.prepare(resolved, str(name), home)
    jobs.work(run, on_record=on_record)
    return _opened(run, split.source)


def _store(source: Dataset, home: Path) -> None:
    """Store a dataset under its name, unless it is stored already."""
    if source.name not in catalogue.names(home):
        catalogue.save(source, home)
    elif catalogue.load(source.name, home).fingerprint != source.fingerprint:
        raise DatasetExistsError(
            f"a dataset named {source.name!r} is stored already and holds other data, so a run of this one cannot be "
            f"saved under that name. Give the dataset another name, such as {catalogue.free_name(source.name, home)!r}."
        )


def load(what: str | Path, *, epoch: int | None = None, device: str = "cpu") -> FittedModel:
    """Open a model: a run of the home by its name, or a folder that `save` wrote, or a run folder elsewhere.

    Args:
        what: name of a run, or path of a folder; a name that is both is the run (write "./name" for the folder).
        epoch: a checkpoint of a run; the best epoch unless given.
        device: that the model computes on.

    Returns:
        The model with its split.

    Raises:
        RunNotFoundError: there is neither; the message names runs with similar names.
        CheckpointError, RunBrokenError, DataError: something is missing, damaged, or was changed.

    Example:
        >>> import convncf, pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp()) / "ease"
        >>> split = convncf.datasets.load("movielens-small").split(seed=1, min_item=100)
        >>> convncf.fit(split, "ease").save(folder)
        >>> convncf.load(folder).split.fingerprint == split.fingerprint
        True
    """
    home = files.home()
    store = RunStore(home)
    if isinstance(what, str) and what in store.names():
        return _opened(store.open(what), None, epoch, device)
    folder = Path(what).expanduser()
    if (folder / "config.json").is_file():
        return _opened(Run(folder), None, epoch, device)
    if folder.is_dir():
        raise RunNotFoundError(f"{folder} holds no model: config.json is missing. Give a folder that model.save made.")
    try:
        store.open(str(what))
    except RunNotFoundError as error:
        raise RunNotFoundError(f"{str(error).rstrip('.')}. Nor is there a folder {str(folder)!r}.") from None
    raise AssertionError(what)


def _opened(run: Run, source: Dataset | None, epoch: int | None = None, device: str = "cpu") -> FittedModel:
    """A run folder with its data: from its own folder where `save` wrote it, else from the home."""
    from convncf.runtime import devices
    from convncf.workflow.loading import load_run, source_of

    devices.refuse_absent(device)
    config = run.config()
    if source is None and (run.path / _DATASET).is_dir():
        source = Dataset.of(replace(storage.read_folder(run.path / _DATASET), name=config.data.dataset))
    if source is None:
        source = Dataset.of(source_of(run))
    split = source.split_by(config.data, config.seed if (seed := saving.split_seed(run)) is None else seed)
    loaded = load_run(
        run, checkpoint=epoch, dataset=split.dataset, parts=split, device=devices.resolve_device(device).spec
    )
    return FittedModel(loaded.model, split, run.name, Resolved(config, run.sources()), run, loaded.epoch)


def _to_stderr(evaluation: EvalConfig) -> Any:
    """A line an epoch, for `progress=True`."""

    def write(record: EpochRecord) -> None:
        loss = "start" if record.loss is None else f"loss {record.loss:.4f}"
        value = (record.validation or {}).get(evaluation.monitor)
        metric = "" if value is None else f", {evaluation.monitor} {value:.4f}"
        best = ", best so far" if record.improved and value is not None else ""
        sys.stderr.write(f"{record.phase} epoch {record.epoch}: {loss}{metric}{best}\n")

    return write
