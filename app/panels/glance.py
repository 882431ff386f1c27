"""Glance: one reading of a run for lists, which never fails: a broken folder becomes the state "broken"."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from app import wording
from app.wording import number
from convncf.errors import ConvNCFError
from convncf.runs import Run, Status


@dataclass(frozen=True, slots=True)
class Glance:
    """What a list shows of a run."""

    run: Run
    state: str
    """One of convncf.runs.STATES, or "broken"."""
    status: Status
    reason: str = ""
    """Why the folder cannot be read; empty when it can."""
    model: str = ""
    layers: str = ""
    """The network's kernels, such as 4×4, 4×4, 2×2; empty without a network."""
    dataset: str = ""
    preset: str = ""
    seed: int | None = None
    monitor: str = "NDCG@10"
    value: float | None = None
    """The monitored metric on test, of the kept epoch; none before the run is finished."""
    epoch: int | None = None
    """The kept epoch."""
    seconds: float | None = None
    """How long training and evaluation took."""

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
        """Whether a worker could go on with it."""
        return self.status.resumable

    @property
    def model_words(self) -> str:
        """ "ConvNCF, layers 4×4, 4×4, 2×2"."""
        name = wording.MODEL_WORDS.get(self.model, self.model)
        return f"{name}, layers {self.layers}" if self.layers else name

    @property
    def kept(self) -> str:
        """Which epoch's model is kept, in words."""
        return f"epoch {self.epoch}" if self.epoch else "epoch 0, the start"

    @property
    def kept_the_start(self) -> bool:
        """Whether no epoch of training did better on validation than the start."""
        return self.finished and self.model == "convncf" and self.epoch == 0

    @property
    def result(self) -> str:
        """ "test NDCG@10 0.162, epoch 4", once there is one."""
        if self.value is None:
            return ""
        return f"test {self.monitor} {number(self.value)}, {self.kept}"


def look(run: Run) -> Glance:
    """Read one run. Whatever is wrong with its folder is a reason in words, never an exception."""
    try:
        config, status = run.config(), run.status()
        report = run.report() or {}
        value = report.get("metrics", {}).get(config.eval.monitor)
        network = config.model.name == "convncf"
        return Glance(
            run,
            status.state,
            status,
            model=config.model.name,
            layers=", ".join(f"{kernel}×{kernel}" for kernel in config.model.cnn_kernels) if network else "",
            dataset=config.data.dataset,
            preset=config.preset,
            seed=config.seed,
            monitor=config.eval.monitor,
            value=None if value is None else float(value),
            epoch=report.get("best_epoch"),
            seconds=report.get("seconds"),
        )
    except ConvNCFError as error:
        return Glance(run, "broken", Status(state="broken"), reason=str(error))
    except (TypeError, ValueError, KeyError, AttributeError, OSError) as error:
        words = f"{run.path}: a file holds something else than expected ({type(error).__name__}: {error})."
        return Glance(run, "broken", Status(state="broken"), reason=words)


def look_at_all(runs: Iterable[Run]) -> tuple[Glance, ...]:
    """Read several runs, in the order given."""
    return tuple(look(run) for run in runs)


def states(seen: Iterable[Glance]) -> tuple[tuple[str, str], ...]:
    """What has to be equal for the page around a live list to stay as it is: which runs there are, in which state."""
    return tuple((glance.name, glance.state) for glance in seen)


def records(run: Run) -> list[dict[str, Any]]:
    """The epochs of a run for a curve; nothing where metrics.jsonl is damaged, which `look` does not read."""
    try:
        rows = run.metrics()
    except (ConvNCFError, OSError):
        return []
    return [row for row in rows if isinstance(row, dict) and row.keys() >= _DRAWN]


_DRAWN: Final = {"phase", "epoch", "loss", "validation", "improved", "seconds"}
