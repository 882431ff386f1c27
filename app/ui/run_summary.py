"""Summary of a run for lists, read without ever raising.

The contents of config.json and report.json are cached by the files' stamps, since a list of hundreds of runs is read at
every click; state and labels are read again each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from app.ui import shelf, text
from convncf.errors import ConvNCFError
from convncf.evaluation import comparison
from convncf.evaluation.report import KEPT_THE_START
from convncf.figures.theme import number
from convncf.models.effects import idle_settings
from convncf.models.registry import label, record
from convncf.models.run_config import RunConfig, flatten
from convncf.runs import Labels, Run, Status


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a list shows of a run."""

    run: Run
    state: str
    """One of convncf.runs.STATES, or "broken"."""
    status: Status
    reason: str = ""
    """Why the folder cannot be read; empty when it can."""
    model: str = ""
    layers: str = ""
    """The network's layers as text, such as "layers 4×4, 4×4, 2×2"; empty without a network."""
    dataset: str = ""
    preset: str = ""
    seed: int | None = None
    monitor: str = "NDCG@10"
    value: float | None = None
    """The monitored metric on test, at the kept epoch; None before the run is finished."""
    epoch: int | None = None
    """The kept epoch."""
    epochs: int | None = None
    """How many were trained."""
    validated: bool = True
    """Whether the kept epoch was selected by a measurement; without one it is the last."""
    selected_on: str = "validation"
    """The part of the split that the epoch is selected on."""
    on_everything: bool = False
    """Whether all interactions were used for training, as in a refit."""
    measured: tuple[str, ...] | None = None
    """What has to be equal between two runs to rank them; None where nothing was tested."""
    seconds: float | None = None
    """How long training and evaluation took."""
    created: float = 0.0
    """Seconds since 1970; 0 where it cannot be read."""
    split: str = ""
    """What is held out, as the report has it; before there is one, the setting."""
    protocol: str = ""
    """What was ranked, such as "full ranking"; empty before there is a report."""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    """Metrics on the test part, all at the kept epoch."""
    validation: Mapping[str, float | None] = field(default_factory=dict)
    """Metrics on the validation part, at the same epoch."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Dotted key -> value, for the settings that have an effect in this run."""
    labels: Labels = field(default_factory=Labels)

    @property
    def name(self) -> str:
        return self.run.name

    @property
    def active(self) -> bool:
        return self.status.active

    @property
    def finished(self) -> bool:
        return self.state == "finished"

    @property
    def resumable(self) -> bool:
        """Whether a worker could resume it."""
        return self.status.resumable

    @property
    def model_words(self) -> str:
        """ "ConvNCF, layers 4×4, 4×4, 2×2"."""
        name = label(self.model)
        return f"{name}, {self.layers}" if self.layers else name

    @property
    def trained(self) -> bool:
        """Whether the model learns in epochs, rather than being computed in one go."""
        return bool(self.model) and record(self.model).trained

    @property
    def layered(self) -> bool:
        """Whether there are feature maps to inspect."""
        return bool(self.model) and record(self.model).layers

    @property
    def inside(self) -> str:
        """Label of the link to Inspect, which must not promise what the model does not have."""
        if self.layered:
            return "Look inside"
        return "See its map" if record(self.model).interaction_map else "See its lists"

    @property
    def kept(self) -> str:
        """Which epoch's model is kept, as text."""
        if not self.trained:
            return "computed in one go"
        if not self.validated:
            return f"epoch {self.epoch}, the last"
        return f"epoch {self.epoch}" if self.epoch else "epoch 0, the start"

    @property
    def kept_the_start(self) -> bool:
        """Whether no epoch of training did better on validation than the start."""
        selected = self.validated and self.epochs != 0
        return self.finished and record(self.model).pretraining and self.epoch == 0 and selected

    @property
    def kept_note(self) -> str:
        """What a reader has to know about the kept epoch, a sentence; empty where it is simply the best one."""
        if not self.finished or not self.trained:
            return ""
        if self.kept_the_start:
            return KEPT_THE_START.replace("on validation", f"on {self.selected_on}")
        if self.validated:
            return ""
        return text.ON_EVERYTHING if self.on_everything else text.NOT_VALIDATED

    @property
    def result(self) -> str:
        """ "test NDCG@10 0.162, epoch 4", once there is one."""
        if self.value is None:
            return ""
        return f"test {self.monitor} {number(self.value)}, {self.kept}"


def summarise(run: Run) -> RunSummary:
    """Read one run. Whatever is wrong with its folder becomes its `reason`, never an exception."""
    labels = run.labels()
    try:
        status = run.status()
        return replace(_written(run), run=run, state=status.state, status=status, labels=labels)
    except ConvNCFError as error:
        return RunSummary(run, "broken", Status(state="broken"), reason=str(error), labels=labels)
    except (TypeError, ValueError, KeyError, AttributeError, OSError) as error:
        problem = f"{run.path}: a file holds something else than expected ({type(error).__name__}: {error})."
        return RunSummary(run, "broken", Status(state="broken"), reason=problem, labels=labels)


def _written(run: Run) -> RunSummary:
    """What config.json and report.json hold; `summarise` adds the state. Not cached where it raises."""
    return shelf.keep("summary", shelf.of_run(run, "report.json"), lambda: _read(run), room=shelf.RUNS)


def _read(run: Run) -> RunSummary:
    config, report = run.config(), run.report() or {}
    value = report.get("metrics", {}).get(config.eval.monitor)
    settings = flatten(config)
    idle = idle_settings(settings)
    return RunSummary(
        run,
        "",
        Status(),
        model=config.model.name,
        layers=record(config.model.name).layer_summary(config.model),
        dataset=config.data.dataset,
        preset=config.preset,
        seed=config.seed,
        monitor=config.eval.monitor,
        value=None if value is None else float(value),
        epoch=report.get("best_epoch"),
        epochs=report.get("epochs"),
        validated=_selected(report, config),
        selected_on=config.eval.select_on,
        on_everything=config.data.split == "ratio" and config.data.ratios[0] == 1,
        measured=comparison.measured(report),
        seconds=report.get("seconds"),
        created=run.created,
        split=str(report.get("split") or config.data.split),
        protocol=str(report.get("protocol", "")),
        metrics=report.get("metrics", {}),
        validation=report.get("validation", {}),
        settings={key: setting for key, setting in settings.items() if key not in idle},
    )


def validated(run: Run) -> bool:
    """Whether the kept epoch is selected by a measurement: by the report, else by the epochs so far."""
    try:
        report, config = run.report(), run.config()
    except (ConvNCFError, OSError):
        return True  # the code that needs that file reports it
    if report is not None:
        return _selected(report, config)
    training = [row for row in records(run) if row["phase"] == "training"]
    return not training or any(row["validation"] for row in training)


def _selected(report: Mapping[str, Any], config: RunConfig) -> bool:
    """True for a report without that key, such as one of an older version."""
    return bool(report.get("metrics" if config.eval.select_on == "test" else "validation", True))


def summaries(runs: Iterable[Run]) -> tuple[RunSummary, ...]:
    """Read several runs, in the order given."""
    return tuple(summarise(run) for run in runs)


def states(listed: Iterable[RunSummary]) -> tuple[tuple[str, str], ...]:
    """Name and state of each run: while these stay equal, the page around a live list need not be drawn again."""
    return tuple((summary.name, summary.state) for summary in listed)


def records(run: Run) -> list[dict[str, Any]]:
    """The epochs of a run for a curve; empty where metrics.jsonl is damaged, which `summarise` does not read."""
    try:
        rows = run.metrics()
    except (ConvNCFError, OSError):
        return []
    return [row for row in rows if isinstance(row, dict) and row.keys() >= _CURVE_KEYS]


_CURVE_KEYS: Final = {"phase", "epoch", "loss", "validation", "improved", "seconds"}
