"""FittedModel: a model with its split, whether it was fitted here, saved in a folder or trained as a run."""

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
    from convncf.workflow.record import Record

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
        record: Record,
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
        """The run folder that it is kept in: its curves, report and log; None where it is in memory alone."""
        return self.record if isinstance(self.record, Run) else None

    def checkpoints(self) -> tuple[ModelCheckpoint, ...]:
        """What `convncf.inspection.follow_pair` follows: pretraining, the kept epochs and the best one.

        Raises:
            ConvNCFError: it is in memory alone, which keeps the best epoch and no other.
        """
        from convncf.workflow.loading import LoadedRun, checkpoints_of

        if self.run is None:
            raise ConvNCFError(
                f"{self.name!r} was fitted in memory, which keeps the best epoch alone. Fit it with name=, and each "
                "epoch that train.keep_every asks for is kept in a run."
            )
        return checkpoints_of(LoadedRun(self.run, self.config, self.dataset, self.split, self.model, self.best_epoch))

    def save(self, folder: str | Path) -> None:
        """Write the model and its split into a new folder, which `convncf.load` opens anywhere.

        Plain files: JSON, Parquet and safetensors; nothing in it is code.

        Raises:
            ConvNCFError: the folder is there already and holds something, or cannot be written.
        """
        saving.save(Path(folder), self.split, self._resolved, self.record, self.best_epoch)

    def __repr__(self) -> str:
        config = self.config
        how = f"epoch {self.best_epoch} of {config.train.epochs}" if has_epochs(config) else "computed in one go"
        called = repr(self.name) if self.name == config.model.name else f"{self.name!r} ({config.model.name})"
        return (
            f"FittedModel {called}: {self.n_users:,} users, {self.n_items:,} items, {how}; seed {config.seed}, "
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

    It is the training of `convncf train`: a ConvNCF is pretrained first where its preset says so, the fast path
    computes it, and the best epoch is what is returned. Nothing is written unless `name` is given.

    Args:
        split: of `Dataset.split`. Settings of data that a preset has are not applied: the split is as it is.
        model: "convncf", "mf-bpr", "itemknn", "ease" or "popularity".
        preset: named settings; `convncf.presets(model)` lists them.
        seed: fixes the start, the negatives and the order of triples.
        device: "cpu", "cuda", "cuda:1"; the best there is unless given.
        precision: "fp32" or "bf16".
        progress: tell each epoch on stderr.
        name: keep it as a run of that name, the same folder as `convncf train --name` makes: the app and the command
            line see it. The dataset is stored beside it under its name unless it is there, and `seed` must be that of
            the split.
        **settings: any others by group: model={"embedding_size": 16}, pretrain={"epochs": 5}, train={"epochs": 2},
            eval={"monitor": "HR@10"}.

    Returns:
        The model at its best epoch.

    Raises:
        ConfigError: a model, preset, group or setting does not exist, or has no such value.
        DataError, DeviceError, TrainingError: it cannot be trained, or the loss became NaN.
        RunExistsError, RunNameError, DatasetExistsError: of `name`.

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
    given = {"train.device": device, "train.precision": precision}
    groups = {group: dict(values) if isinstance(values, Mapping) else values for group, values in settings.items()}
    for key, value in given.items():
        group, _, inner = key.partition(".")
        if value is not None and isinstance(groups.setdefault(group, {}), dict):
            if groups[group].get(inner, value) != value:
                raise ConfigError(f"{inner} is given twice, as {inner}={value!r} and in {group}=. Keep one of them.")
            groups[group][inner] = value
    resolved = run_settings(split.config, model, preset, seed, groups)
    home = files.home()
    tell = _to_stderr(resolved.config.eval) if progress else None
    if name is not None:
        return _as_run(split, resolved, name, home, tell)
    resolved = located(resolved, home)
    fingerprint = split.source.fingerprint
    try:
        refuse_beforehand(resolved.config, fingerprint, split.dataset, split, home)
    except DeviceError as error:  # its way out is written for the command line
        raise type(error)(str(error).replace("--device cpu", "device='cpu'")) from None
    made = fitting.fit(resolved.config, split.dataset, split, fingerprint, home, name=str(model), on_record=tell)
    return FittedModel(made.model, split, str(model), resolved, made.record, made.best_epoch)


def _as_run(split: Split, resolved: Resolved, name: str, home: Path, tell: Any) -> FittedModel:
    """Train as `convncf train` does, in a run folder of the home."""
    from convncf import jobs

    if resolved.config.seed != split.seed:
        raise ConfigError(
            f"a run has one seed for its split and its training, and here they are {split.seed} and "
            f"{resolved.config.seed}. Split with seed={resolved.config.seed}, fit with seed={split.seed}, or leave "
            "name= out."
        )
    RunStore(home).refuse_name(str(name))
    _keep(split.source, home)
    run = jobs.prepare(resolved, str(name), home)
    jobs.work(run, on_record=tell)
    return _opened(run, split.source)


def _keep(source: Dataset, home: Path) -> None:
    """Store a dataset under its name, unless it is there."""
    if source.name not in catalogue.names(home):
        catalogue.save(source, home)
    elif catalogue.load(source.name, home).fingerprint != source.fingerprint:
        raise DatasetExistsError(
            f"a dataset named {source.name!r} is stored already and holds other data, so a run of this one cannot be "
            f"kept under that name. Give it another: name={catalogue.free_name(source.name, home)!r} where it is made."
        )


def load(what: str | Path, *, epoch: int | None = None, device: str = "cpu") -> FittedModel:
    """Open a model: a run of the home by its name, or a folder that `save` wrote, or a run folder elsewhere.

    Args:
        what: name of a run, or path of a folder; a name that is both is the run (write "./name" for the folder).
        epoch: a kept checkpoint of a run; the best epoch unless given.
        device: where the model is to compute.

    Returns:
        The model with its split.

    Raises:
        RunNotFoundError: there is neither; the message names runs that are like it.
        CheckpointError, RunBrokenError, DataError: something is missing, damaged, or not what it was.

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
    """A run folder with its data: those beside it where `save` put them, else the home's."""
    from convncf.runtime import devices
    from convncf.workflow.loading import load_run, source_of

    devices.refuse_absent(device)
    config = run.config()
    if source is None and (run.path / _DATASET).is_dir():
        source = Dataset.of(replace(storage.read_folder(run.path / _DATASET), name=config.data.dataset))
    if source is None:
        source = Dataset.of(source_of(run))
    split = source.divided(config.data, config.seed if (seed := saving.split_seed(run)) is None else seed)
    loaded = load_run(
        run, checkpoint=epoch, dataset=split.dataset, parts=split, device=devices.resolve_device(device).spec
    )
    return FittedModel(loaded.model, split, run.name, Resolved(config, run.sources()), run, loaded.epoch)


def _to_stderr(evaluation: EvalConfig) -> Any:
    """A line an epoch, for `progress=True`."""

    def tell(record: EpochRecord) -> None:
        loss = "start" if record.loss is None else f"loss {record.loss:.4f}"
        value = (record.validation or {}).get(evaluation.monitor)
        judged = "" if value is None else f", {evaluation.monitor} {value:.4f}"
        best = ", best so far" if record.improved and value is not None else ""
        sys.stderr.write(f"{record.phase} epoch {record.epoch}: {loss}{judged}{best}\n")

    return tell
