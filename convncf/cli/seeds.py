"""convncf train --seeds and convncf seeds: the mean over runs that differ only in the seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from convncf.cli.console import emit_json, say, table
from convncf.cli.options import Json
from convncf.runs import RunStore
from convncf.runs.status import ACTIVE, RESUMABLE
from convncf.runtime import files

if TYPE_CHECKING:
    from convncf.evaluation.seeds import SeedGroup, SeedSummary


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Example: convncf train --seeds 1,2,3 --name first, then convncf seeds first")(seeds)


def seeds(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="Any run of a group, or the name given to train --seeds; every group when not given.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Summarise runs that differ only in the seed: mean, standard deviation, n, and the 95% interval over seeds.

    Each seed counts once, with its newest finished run; the others are named.
    """
    from convncf.evaluation.seeds import find, groups, unreadable

    store = RunStore(files.home())
    broken = unreadable(store.all())
    if run is not None:
        show_group(find(store, run), as_json=as_json)
    elif as_json:
        emit_json({"groups": [seed_group.to_json() for seed_group in groups(store.all())], "broken": list(broken)})
    else:
        seed_groups = groups(store.all())
        for seed_group in seed_groups:
            show_group(seed_group, as_json=False)
        if not seed_groups:
            say("no two runs differ only in the seed. Train some: convncf train --seeds 1,2,3 --name NAME")
    for name in broken:
        say(f"{name} cannot be read, and is in no group. See why: convncf runs show {name}")


def show_group(seed_group: SeedGroup, *, as_json: bool) -> None:
    """The group as a table, with the runs excluded from it, or as JSON."""
    if as_json:
        emit_json(seed_group.to_json())
        return
    seeds = ", ".join(map(str, seed_group.seeds)) or "none finished"
    title = f"{seed_group.name}: {seed_group.model} on {seed_group.dataset}, test part, seeds {seeds}"
    rows = [[metric, *_cells(summary)] for metric, summary in seed_group.metrics.items()]
    table(["metric", "mean", "sd", "n", "95% from", "to"], rows, title=title)
    if seed_group.runs and not rows:
        say("no mean: no user was evaluated on a test part")
    if seed_group.runs:
        say(f"runs: {', '.join(seed_group.runs)}")
    if len(seed_group.runs) > 1:
        say(seed_group.interval_words)
    cut_metrics = [metric for metric, summary in seed_group.metrics.items() if summary.cut]
    if cut_metrics:
        say(f"intervals that reach below 0 or above 1, where no metric can be, are cut there: {', '.join(cut_metrics)}")
    for name, why in seed_group.excluded.items():
        say(_excluded_message(name, why))
    for sentence in seed_group.unlike:
        say(f"Not samples of one configuration: {sentence}.")


def _excluded_message(name: str, why: str) -> str:
    """Why a run is excluded, and the command that can change that, where there is one."""
    if why in RESUMABLE:
        return f"{name} is {why} and excluded. Continue it: convncf resume {name}"
    if why in ACTIVE:
        return f"{name} is {why} and excluded. Watch it: convncf runs show {name}"
    if why == "broken":
        return f"{name} is broken and excluded. See why: convncf runs show {name}"
    return f"{name} is {why} and excluded"


def _cells(summary: SeedSummary) -> list[float | int | None]:
    return [summary.mean, summary.sd, summary.n, summary.low, summary.high]
