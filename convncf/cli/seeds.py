"""convncf train --seeds and convncf seeds: one configuration under several seeds, summed up over them."""

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
            help="Any run of a group, or the name that train --seeds was given; every group when left out.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Sum up runs that differ in the seed alone: mean, standard deviation, n, and the 95% interval over seeds.

    Each seed counts once, by the newest finished run of it; the others are named.
    """
    from convncf.evaluation.seeds import find, groups, unreadable

    store = RunStore(files.home())
    broken = unreadable(store.all())
    if run is not None:
        show_group(find(store, run), as_json=as_json)
    elif as_json:
        emit_json({"groups": [one.to_json() for one in groups(store.all())], "broken": list(broken)})
    else:
        found = groups(store.all())
        for one in found:
            show_group(one, as_json=False)
        if not found:
            say("no two runs differ in the seed alone. Make some: convncf train --seeds 1,2,3 --name NAME")
    for name in broken:
        say(f"{name} cannot be read, and is in no group. See why: convncf runs show {name}")


def show_group(found: SeedGroup, *, as_json: bool) -> None:
    """The group as a table with what was left out of it, or as JSON."""
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
    for name, why in found.excluded.items():
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
