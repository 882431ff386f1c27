"""Output of the command line: one JSON object or a table on stdout, everything else on stderr.

Text from data is never read as markup: a title such as '[REC]' is printed unchanged.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from convncf.runtime import files

if TYPE_CHECKING:
    from convncf.runs import Status
    from convncf.training import EpochRecord, Progress


_LINE_EVERY: Final = 10.0
"""Seconds between two lines of a long task, where there is no bar."""


def show_any_text() -> None:
    """Let a terminal that lacks a character show its escape (\\u6771), which would otherwise be an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def out() -> Console:
    """The console of results."""
    return Console(file=sys.stdout, markup=False, highlight=False, emoji=False)


def err() -> Console:
    """The console of everything else."""
    return Console(file=sys.stderr, markup=False, highlight=False, emoji=False, soft_wrap=True)


def say(message: str) -> None:
    """Print a message on stderr."""
    err().print(Text(message))


def emit_json(value: Mapping[str, Any]) -> None:
    """The one JSON object of a command, on stdout, in UTF-8 whatever the terminal's encoding."""
    sys.stdout.buffer.write((files.strict_json(dict(value)) + "\n").encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()


def table(
    headers: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "", left: int = 1, fold: bool = True
) -> None:
    """A table on stdout, under its title; the first `left` columns are text, the others right-aligned.

    Long cells are broken over several lines, or without `fold` never, so that a name can be copied.
    """
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for position, header in enumerate(headers):
        grid.add_column(Text(header), justify="left" if position < left else "right", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(cell(value)) for value in row))
    console = out()
    if not fold:
        console.width = max(console.width, _widest(grid))
    if title:
        console.print(Text(cell(title)), soft_wrap=True)
    console.print(grid)


def _widest(grid: Table) -> int:
    """Width of the table, in characters, where no cell is broken."""
    console = Console(file=io.StringIO(), width=100_000)
    return console.measure(grid).maximum


def cell(value: object) -> str:
    """A value in a table: numbers with four decimals, control characters in titles as escapes."""
    if value is None:
        return "–"
    if isinstance(value, float):
        text = f"{value:.4f}" if abs(value) < 100 else f"{value:,.1f}"
        return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text  # never -0.0000
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = str(value)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def ask(question: str) -> None:
    """Go on only where a person answers yes, asked on stderr. Raises typer.Abort for any other answer, or none."""
    sys.stderr.write(f"{question} [y/N]: ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        say("")
    if answer.strip().casefold() not in ("y", "yes"):
        raise typer.Abort


class TrainingDisplay:
    """Progress of a training: a bar where stderr is a terminal, else a line an epoch, and more lines in long epochs.

    No line is more than ten seconds after the one before, as long as the work reports its progress.
    """

    def __init__(
        self,
        monitor: str,
        device: Callable[[], str] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`device` gives a line on the device; it is called once, when the work has begun. `clock` counts seconds."""
        from rich import progress as bars

        self._monitor = monitor
        self._device = device
        self._console = err()
        self._progress = bars.Progress(
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn("{task.fields[text]}", markup=False),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._task = self._progress.add_task("starting", total=None, text="")
        self._last_message = ""
        self._clock = clock
        self._began = self._lined = clock()

    @contextmanager
    def shown(self) -> Iterator[TrainingDisplay]:
        """Show the bar while the block runs."""
        with self._progress:
            yield self

    def status(self, status: Status) -> None:
        """Show a heartbeat."""
        if status.message and status.message != self._last_message and status.state in ("queued", "starting"):
            self._last_message = status.message
            self._console.print(Text(status.message))
        if not status.phase:
            return
        if self._device is not None:
            self._console.print(Text(self._device()))
            self._device = None
        place = f"{status.phase} epoch {status.epoch}/{status.epochs}" if status.epochs else status.phase
        texts = [status.unit]
        if status.eta_seconds is not None:
            texts.append(f"at most {duration(status.eta_seconds)} left")
        if status.triples_per_second and status.unit == "triples":
            texts.append(f"{status.triples_per_second:,.0f} triples/s")
        self._show_progress(place, status.done, status.total, " · ".join(texts))

    def progress(self, progress: Progress) -> None:
        """Show the progress of an evaluation, which has no run with a heartbeat."""
        spent = self._clock() - self._began
        time_left = (
            f" · {duration(spent * (progress.total - progress.done) / progress.done)} left"
            if progress.done and spent > 1
            else ""
        )
        self._show_progress(progress.phase, progress.done, progress.total, f"{progress.unit}{time_left}")

    def _show_progress(self, place: str, done: int, total: int, text: str) -> None:
        """Show the progress in the bar, or where there is none in a line every few seconds."""
        self._progress.update(self._task, description=place, completed=done, total=total or None, text=text)
        if not self._console.is_terminal and self._clock() - self._lined >= _LINE_EVERY:
            self._line(f"{place}: {done:,} of {total:,} {text}")

    def _line(self, text: str) -> None:
        self._lined = self._clock()
        self._console.print(Text(text))

    def record(self, record: EpochRecord) -> None:
        """Print the loss and the validation metric of an epoch."""
        texts = [f"{record.phase} epoch {record.epoch}"]
        if record.loss is not None:
            texts.append(f"loss {record.loss:.4f}")
        if record.validation is not None:
            texts.append(f"validation {self._monitor} {record.validation[self._monitor]:.4f}")
        texts.append(f"{record.seconds + record.validation_seconds:.1f} s")
        self._line(" · ".join(texts) + (" · best so far" if record.improved else ""))


def duration(seconds: float) -> str:
    """75 -> '1 min 15 s'."""
    minutes, seconds_left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds_left} s" if minutes else f"{seconds_left} s"
