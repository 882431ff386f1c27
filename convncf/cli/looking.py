"""convncf inspect and compare: look at what saved runs have learned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from convncf import runtime
from convncf.cli.console import cell, emit_json, out, say, table
from convncf.cli.options import Json, RunName, UserId
from convncf.cli.recommending import EXAMPLES, recommend

if TYPE_CHECKING:
    from convncf.experiment.loading import LoadedRun
    from convncf.inspection import PairView

_Epoch = Annotated[int | None, typer.Option(help="A kept epoch; the best one when left out, 0 for the start.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command(epilog=EXAMPLES)(recommend)
    app.command(epilog="Example: convncf inspect first --user 15 --item 318 --html pair.html")(inspect)
    app.command(epilog="Example: convncf compare demo-mf demo-4x4 demo-2x2")(compare)


def _load(run: str, epoch: int | None) -> LoadedRun:
    from convncf.runs import RunStore

    home = runtime.home()
    found = RunStore(home).open(run)  # refuses before torch is loaded
    from convncf.experiment.loading import load_run

    return load_run(found, home, checkpoint=epoch)


def inspect(
    run: RunName,
    user: UserId,
    item: Annotated[
        str, typer.Option("--item", help="An item's raw id, as in the data; or its title, or a part of it.")
    ],
    epoch: _Epoch = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page that opens offline: the interaction map, every feature map."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Look inside a model for one user and one item: shapes, the score and its parts, the rank."""
    loaded = _load(run, epoch)
    from convncf import inspection
    from convncf.data.titles import find_item

    names = loaded.dataset.items
    index = find_item(names, item)
    if item != names.items.id(index):
        say(f"{item!r} is taken for {names.label(index)}, id {names.items.id(index)}")
        item = names.items.id(index)
    view = inspection.view_pair(loaded.model, loaded.split, loaded.dataset.interactions.users.index(user), index)
    title = names.label(index)
    found = _inspection(run, user, item, title, loaded.epoch, view) | {"rank_words": view.rank_words}
    if html is not None:
        from convncf.cli.page import write_page

        write_page(html, found, view)
        say(f"wrote {html}")
    if as_json:
        emit_json(found)
        return
    heading = f"{title} for user {user} in {run} (epoch {loaded.epoch}): score {view.score:.4f}, {view.rank_words}"
    steps = [(layer["name"], " × ".join(map(str, layer["shape"]))) for layer in found["layers"]]
    parts = sorted(found["parts"], key=lambda part: -abs(part["value"]))
    if steps:
        table(["step", "shape"], steps, title=heading)
        table(["part of the score", "adds"], [(part["name"], part["value"]) for part in parts[:10]])
    else:  # Popularity, ItemKNN and EASE have no inside; the words below say so
        out().print(Text(cell(heading)), soft_wrap=True)
    if len(parts) > 10:
        say(f"and {len(parts) - 10} smaller parts; all add up to the score")
    say(view.trace.words)
    say(view.left_out)


def _inspection(run: str, user: str, item: str, title: str, epoch: int, view: PairView) -> dict[str, Any]:
    from convncf.inspection import PairTrace

    trace, layers, parts = view.trace, [], []
    if isinstance(trace, PairTrace):
        layers = [
            {"name": "embeddings", "shape": [2, len(trace.p)]},
            {"name": "interaction map", "shape": [1, *trace.map.shape]},
            *({"name": layer.name, "shape": list(layer.shape)} for layer in trace.layers),
        ]
        parts = [{"name": f"{trace.part} {n}", "value": float(value)} for n, value in enumerate(trace.contributions)]
        parts.append({"name": "bias", "value": trace.bias})
    return {
        "run": run,
        "epoch": epoch,
        "user_id": user,
        "item_id": item,
        "title": title,
        "score": view.score,
        "rank": view.rank.rank,
        "candidates": view.rank.candidates,
        "tied": view.rank.tied,
        "standing": view.standing,
        "left_out": view.left_out,
        "layers": layers,
        "parts": parts,
        "words": trace.words,
    }


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN", help="Two runs or more; the first is the baseline.")],
    as_json: Json = False,
) -> None:
    """Compare finished runs: metrics, a paired test over users, and the settings that differ."""
    from convncf.runs import RunStore

    store = RunStore(runtime.home())
    chosen = [store.open(name) for name in runs]
    from convncf import comparison

    found = comparison.compare(chosen)
    if as_json:
        emit_json(found.to_json())
        return
    names = list(found.runs[0].metrics)
    headers = ["metric", *(run.name for run in found.runs)]
    table(headers, [[name, *(run.metrics.get(name) for run in found.runs)] for name in names], title="test part")
    if found.differences:
        rows = [[d.key, *(runtime.strict_json(value) for value in d.values)] for d in found.differences]
        table(["setting that differs", *(run.name for run in found.runs)], rows, left=len(headers))
    for sentence in [*found.unlike, *(f"{run.name}: {words}" for run in found.runs for words in run.warnings)]:
        say(sentence)
    for sentence in found.untested.values():
        say(sentence)
    for name, test in found.paired.items():
        say(f"{found.monitor}: {test.in_words(name, found.runs[0].name)}")
