"""Run: one run folder, and the only code that reads or writes its files.

config.json           every effective setting and where it came from
environment.json      machine, device, versions
status.json           what the worker is doing; .lock is held while it lives
metrics.jsonl         one EpochRecord a line
report.json           the final evaluation
per_user.parquet      the metrics of each user, whose means that report has
ranks.parquet         the rank of each test item, from which they are computed
vocabulary.parquet    raw ids of users and items, by index
model.safetensors     the best epoch
checkpoints/          epoch-NNNN.safetensors: models of earlier epochs; *-state.safetensors: to resume from
history.jsonl         when it was interrupted, extended, resumed and renamed; absent where it was not
labels.json           tags, a note, whether it is archived; absent where it has none
log.txt               the worker's output
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock, Timeout

from convncf.errors import ConfigError, RunBrokenError, RunBusyError
from convncf.models.run_config import RunConfig, earlier_keys, flatten, in_present_words, stored_config
from convncf.models.settings import Resolved
from convncf.runs.files import (
    COLUMNS,
    ROW,
    append_line,
    check_config,
    check_report,
    read_lines,
    read_object,
    read_table,
    replace_lines,
    write_object,
    write_table,
)
from convncf.runs.history import add_to_history, earlier_epochs, read_history, set_epochs, tail
from convncf.runs.labels import Labels, change_labels, read_labels
from convncf.runs.status import Status, is_held
from convncf.runs.tensors import TensorFiles
from convncf.runtime import files

if TYPE_CHECKING:
    import pandas as pd


_STATUS_WAY_OUT: Final = (
    'Write {"state": "stopped"} into it, and convncf resume goes on from the last saved epoch; or delete the run.'
)
_MOST_RUNS: Final = 1_000_000
"""In a home. A larger number is no number of a run."""
_NO_REPORT: Final = "its report.json is missing; resume writes it again, without training"

FOLDER: Final = "runs"
"""The folder of a home that its runs lie in."""


class Run(TensorFiles):
    """One run folder. Reading never changes it; values are read again at each call, but for the fixed config.json."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def home(self) -> Path:
        """The home that it lies in, with its data and other runs; of a folder elsewhere, the usual one."""
        folder = self.path.absolute().parent
        return folder.parent if folder.name == FOLDER else files.home()

    # ------------------------------------------------------------ config.json

    @cached_property
    def _config_json(self) -> dict[str, Any]:
        value = read_object(self.path / "config.json")
        check_config(self.path / "config.json", value)
        return value

    def write_config(
        self, resolved: Resolved, *, name: str, created: float, fingerprint: str, request_id: str, number: int = 0
    ) -> None:
        """Write config.json, once, when the run is created."""
        settings = {
            key: {"value": value, "source": resolved.sources.get(key, "default")}
            for key, value in flatten(resolved.config).items()
        }
        value = {
            "name": name,
            "created": created,
            "request_id": request_id,
            "number": number,
            "dataset": {"name": resolved.config.data.dataset, "fingerprint": fingerprint},
            "settings": settings,
        }
        files.write_json(self.path / "config.json", value)

    def config(self) -> RunConfig:
        """The effective configuration. Raises RunBrokenError when config.json is damaged."""
        try:
            return stored_config(self.settings(), str(self.path / "config.json"))
        except (ValueError, ConfigError) as error:
            raise RunBrokenError(f"{self.path / 'config.json'}: {error}") from None

    def settings(self) -> dict[str, Any]:
        """Dotted key -> effective value, by the names of this version."""
        return in_present_words({key: entry["value"] for key, entry in self._config_json["settings"].items()})

    def sources(self) -> dict[str, str]:
        """Dotted key -> where its value came from."""
        present = earlier_keys()
        return {present.get(key, key): entry["source"] for key, entry in self._config_json["settings"].items()}

    def extended_from(self) -> list[int]:
        """The numbers of epochs before each extension, first to last; none where it was never extended."""
        return earlier_epochs(self.sources().get("train.epochs", ""))

    def extend(self, epochs: int) -> None:
        """Set so many epochs. The report stays, of fewer epochs, until the run has trained the rest."""
        set_epochs(self.path / "config.json", epochs)
        self.__dict__.pop("_config_json", None)  # the only value that a Run caches

    @property
    def created(self) -> float:
        """Seconds since 1970; 0 for a run whose config.json cannot be read."""
        try:
            return float(self._config_json["created"])
        except (RunBrokenError, KeyError, TypeError, ValueError):
            return 0.0

    @property
    def number(self) -> int | None:
        """Its number among the runs of its home, from 0, which never changes: it decides the run's colour.

        None in runs of older versions, and where config.json cannot be read.
        """
        try:
            number = self._config_json.get("number")
        except RunBrokenError:
            return None
        return number if type(number) is int and 0 <= number < _MOST_RUNS else None

    @property
    def request_id(self) -> str:
        """The id of the request that created it; empty when it cannot be read."""
        try:
            return str(self._config_json.get("request_id", ""))
        except RunBrokenError:
            return ""

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the data that the run was created on."""
        return str(self._config_json["dataset"]["fingerprint"])

    def broken(self) -> str:
        """Why the run cannot be read; empty when it can."""
        try:
            self.config()
            self.status()
        except RunBrokenError as error:
            return str(error)
        return ""

    # ------------------------------------------------------------ lock and status

    def lock(self) -> FileLock:
        """The lock that a worker holds for as long as it lives."""
        return FileLock(self.path / ".lock", thread_local=False)

    def hold(self, timeout: float = 5.0) -> FileLock:
        """Take the lock. Raises RunBusyError when another worker has it."""
        lock = self.lock()
        try:
            lock.acquire(timeout=timeout, poll_interval=0.05)
        except Timeout:
            raise RunBusyError(
                f"run {self.name!r} has a worker already. Watch it with convncf runs show {self.name}."
            ) from None
        return lock

    def locked(self) -> bool:
        """Whether a worker holds the run now."""
        return is_held(self.path / ".lock")

    def status(self) -> Status:
        """The status as the worker last wrote it, checked against the lock, the report and the settings' epochs."""
        while True:
            status = self._written_status()
            if status.state == "finished":
                return self._checked_against_report(status)
            if not status.active or self.locked():
                return status
            # A worker writes its final status before it releases the lock: what was read before may be old by now.
            if self._written_status() == status:
                return status.seen_from_outside(locked=False)

    def _checked_against_report(self, status: Status) -> Status:
        """`lost` where the report is gone, `stopped` where it is of fewer epochs than the settings say."""
        if self.model_path.exists() and not (self.path / "report.json").exists():
            return replace(status, state="lost", message=_NO_REPORT)
        extension = self.extension()
        return replace(status, state="stopped", message=f"{extension}; resume trains on") if extension else status

    def extension(self) -> str:
        """'extended from 2 to 5 epochs' until the report is of all of them; else empty, also where there is none."""
        try:
            extensions = self.extended_from()
            report = self.report() if extensions else None  # few of hundreds of runs were extended
        except RunBrokenError:
            return ""  # reading that file gives the error
        reported = report.get("extended_from", []) if report is not None else extensions
        if len(reported) >= len(extensions):
            return ""
        return f"extended from {extensions[len(reported)]} to {self.settings()['train.epochs']} epochs"

    def _written_status(self) -> Status:
        path = self.path / "status.json"
        try:
            return Status.from_json(read_object(path, way_out=_STATUS_WAY_OUT))
        except ValueError as error:
            raise RunBrokenError(f"{path}: {error}. {_STATUS_WAY_OUT}") from None

    def write_status(self, status: Status, *, in_place: bool = False) -> None:
        """Replace status.json; with `in_place`, write over it where the disk is too full for a second file."""
        write_object(self.path / "status.json", status.to_json(), in_place=in_place)

    def ask_to_stop(self) -> None:
        """Write the stop file, for which the worker checks between two steps."""
        (self.path / "stop").touch()

    def stop_asked(self) -> bool:
        """Whether the stop file is there."""
        return (self.path / "stop").exists()

    def clear_stop(self) -> None:
        """Remove the stop file, when work begins again."""
        (self.path / "stop").unlink(missing_ok=True)

    # ------------------------------------------------------------ metrics.jsonl

    def metrics(self) -> list[dict[str, Any]]:
        """The rows of metrics.jsonl; a last line that was cut short by a kill is ignored."""
        return read_lines(self.path / "metrics.jsonl", needed=ROW)

    def append_metrics(self, row: Mapping[str, Any]) -> None:
        """Add one line, on disk before this returns."""
        append_line(self.path / "metrics.jsonl", row)

    def replace_metrics(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Replace all lines, atomically, unless they are there already."""
        replace_lines(self.path / "metrics.jsonl", rows)

    # ------------------------------------------------------------ the rest

    def report(self) -> dict[str, Any] | None:
        """The final evaluation; none until there is one."""
        path = self.path / "report.json"
        if not path.exists():
            return None
        report = read_object(path)
        check_report(path, report)
        return report

    def write_report(self, report: Mapping[str, Any]) -> None:
        """Replace report.json."""
        files.write_json(self.path / "report.json", dict(report))

    def environment(self) -> dict[str, Any]:
        """Machine and versions; empty until work has begun."""
        path = self.path / "environment.json"
        return read_object(path) if path.exists() else {}

    def write_environment(self, value: Mapping[str, Any]) -> None:
        """Replace environment.json."""
        files.write_json(self.path / "environment.json", dict(value))

    def write_frame(self, name: str, frame: pd.DataFrame) -> None:
        """Write NAME.parquet atomically."""
        write_table(self.path / f"{name}.parquet", frame)

    def read_frame(self, name: str) -> pd.DataFrame:
        """Read NAME.parquet. Raises RunBrokenError when it is missing, damaged or another table."""
        return read_table(self.path / f"{name}.parquet", COLUMNS.get(name, ()))

    def history(self) -> list[dict[str, Any]]:
        """When it was interrupted, extended, resumed and renamed: rows with time, event and words, oldest first."""
        return read_history(self.path / "history.jsonl")

    def note(self, event: str, sentence: str, *, begin: bool = True) -> None:
        """Add a row to the history, if the disk takes it; without `begin`, only where there are some."""
        add_to_history(self.path / "history.jsonl", event, sentence, begin=begin)

    def labels(self) -> Labels:
        """Its tags, its note and whether it is archived. A damaged file gives `Labels.problem`, never an exception."""
        return read_labels(self.path / "labels.json")

    def label(self, change: Callable[[Labels], Labels]) -> Labels:
        """Write what `change` returns for its labels. RunNotFoundError where the folder is gone, else RunError."""
        return change_labels(self.path / "labels.json", change)

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of log.txt; empty where there is none."""
        return tail(self.path / "log.txt", lines)
