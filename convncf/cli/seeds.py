"""convncf train --seeds and convncf seeds: one configuration under several seeds, summed up over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from convncf import runtime
from convncf.cli.console import TrainingDisplay, emit_json, say, table
from convncf.cli.options import Json
from convncf.config import Resolved
from convncf.errors import ConfigError, ConvNCFError, RunError, TrainingStopped
from convncf.runs import Run, RunStore
from convncf.runs.status import ACTIVE, RESUMABLE

if TYPE_CHECKING:
    from convncf.grouping import SeedGroup, SeedSummary


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Example: convncf train --seeds 1,2,3 --name first, then convncf seeds first")(seeds)


def parse_seeds(text: str) -> tuple[int, ...]:
    """'1,2,3' or '1-3' -> (1, 2, 3). Raises ConfigError where it is neither, or a seed occurs twice."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ConfigError(f"seeds {text!r}: {part.strip()!r} is no seed. Write whole numbers: 1,2,3 or 1-3.")
        found += range(int(first), int(last or first) + 1)
    if not found or len(set(found)) < len(found):
        problem = "a seed occurs twice" if found else "there is none"
        raise ConfigError(f"seeds {text!r}: {problem}. Write different whole numbers: 1,2,3 or 1-3.")
    return tuple(found)


def train_seeds(
    resolved: Callable[..., Resolved], asked: Sequence[int], name: str, home: Path, *, detach: bool, as_json: bool
) -> None:
    """Train NAME-seedN for each seed, one after the other, and sum them up.

    What is finished already is taken as it is, what was interrupted is resumed; one that fails does not end the others.
    """
    from convncf import jobs
    from convncf.grouping import group

    store = RunStore(home)
    wanted = {f"{name}-seed{seed}": resolved(seed=seed) for seed in asked}
    for made in store.names():
        if made in wanted:
            _refuse_another(store.open(made), wanted[made])
    runs = [
        store.open(made) if made in store.names() else jobs.prepare(settings, made, home)
        for made, settings in wanted.items()
    ]
    for run in runs:
        if run.status().state == "finished" or run.locked():
            say(f"{run.name}: {run.status().state} already")
        elif detach:
            jobs.start_worker(run, home)
        else:
            _work(run, home)
    if detach:
        say(f"watch them: convncf runs. Sum them up when they have ended: convncf seeds {name}")
    _show(group(runs), as_json=as_json)


def _refuse_another(found: Run, wanted: Resolved) -> None:
    if found.config() != wanted.config:
        raise RunError(f"run {found.name!r} exists already, with other settings. Choose another --name.")


def _work(run: Run, home: Path) -> None:
    from convncf import jobs

    say(f"run folder: {run.path}")
    display = TrainingDisplay(run.config().eval.monitor)
    try:
        with display.shown():
            jobs.work(run, home, on_status=display.status, on_record=display.record)
    except TrainingStopped as error:
        raise TrainingStopped(f"{error} The same command goes on.") from None
    except ConvNCFError as error:
        say(f"{run.name} failed and is left out: {error}")


def seeds(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="Any run of a group, or the name that train --seeds was given; every group when left out.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Sum up runs that differ in the seed alone: mean, standard deviation, n, and the 95% interval over seeds.

    Each seed counts once, by the newest finished run of it; the others are named.
    """
    from convncf.grouping import find, groups, unreadable

    store = RunStore(runtime.home())
    broken = unreadable(store.all())
    if run is not None:
        _show(find(store, run), as_json=as_json)
    elif as_json:
        emit_json({"groups": [one.to_json() for one in groups(store.all())], "broken": list(broken)})
    else:
        found = groups(store.all())
        for one in found:
            _show(one, as_json=False)
        if not found:
            say("no two runs differ in the seed alone. Make some: convncf train --seeds 1,2,3 --name NAME")
    for name in broken:
        say(f"{name} cannot be read, and is in no group. See why: convncf runs show {name}")


def _show(found: SeedGroup, *, as_json: bool) -> None:
    if as_json:
        emit_json(found.to_json())
        return
    seeds = ", ".join(map(str, found.seeds)) or "none finished"
    title = f"{found.name}: {found.model} on {found.dataset}, test part, seeds {seeds}"
    rows = [[metric, *_cells(summary)] for metric, summary in found.metrics.items()]
    table(["metric", "mean", "sd", "n", "95% from", "to"], rows, title=title)
    if found.runs and not rows:
        say("nothing to sum up: no user was evaluated on a test part")
    if found.runs:
        say(f"runs: {', '.join(found.runs)}")
    if len(found.runs) > 1:
        say(found.interval_words)
    cut = [metric for metric, summary in found.metrics.items() if summary.cut]
    if cut:
        say(f"intervals that went beyond 0 or 1, where no metric can be, are cut there: {', '.join(cut)}")
    for name, why in found.left_out.items():
        say(_left_out_words(name, why))
    for sentence in found.unlike:
        say(f"No sample of one thing: {sentence}.")


def _left_out_words(name: str, why: str) -> str:
    """Why a run does not count, and what to do about it where something can be."""
    if why in RESUMABLE:
        return f"{name} is {why} and left out. Go on with it: convncf resume {name}"
    if why in ACTIVE:
        return f"{name} is {why} and left out. Watch it: convncf runs show {name}"
    if why == "broken":
        return f"{name} is broken and left out. See why: convncf runs show {name}"
    return f"{name} is {why} and left out"


def _cells(summary: SeedSummary) -> list[float | int | None]:
    return [summary.mean, summary.sd, summary.n, summary.low, summary.high]
