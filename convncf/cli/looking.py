"""convncf recommend, inspect and compare: look at what saved runs have learned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convncf import runtime
from convncf.cli.console import emit_json, say, table
from convncf.cli.options import ItemId, Json, RunName, UserId

if TYPE_CHECKING:
    from convncf.experiment.loading import LoadedRun
    from convncf.inspection import PairView

_Epoch = Annotated[int | None, typer.Option(help="A kept epoch; the best one when left out, 0 for the start.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command(epilog="Example: convncf recommend first --user 15 -k 10")(recommend)
    app.command(epilog="Example: convncf inspect first --user 15 --item 318 --html pair.html")(inspect)
    app.command(epilog="Example: convncf compare demo-mf demo-4x4 demo-2x2")(compare)


def _load(run: str, epoch: int | None) -> LoadedRun:
    from convncf.runs import RunStore

    home = runtime.home()
    found = RunStore(home).open(run)  # refuses before torch is loaded
    from convncf.experiment.loading import load_run

    return load_run(found, home, checkpoint=epoch)


def recommend(
    run: RunName,
    user: UserId,
    k: Annotated[int, typer.Option("-k", min=1, help="How many items.")] = 10,
    as_json: Json = False,
) -> None:
    """List a user's best items, without those of training and validation; held-out test items are marked."""
    loaded = _load(run, None)
    from convncf import inspection

    index = loaded.dataset.interactions.users.index(user)
    found = inspection.recommend(loaded.model, loaded.split, index, k)
    items = [
        {
            "item_id": loaded.dataset.interactions.items.id(item),
            "title": loaded.dataset.items.label(item),
            "score": score,
            "rank": rank,
            "tied": tied,
            "held_out": inspection.standing(loaded.split, index, item) == "test",
        }
        for item, score, rank, tied in zip(
            found.items.tolist(), found.scores.tolist(), found.ranks.tolist(), found.tied.tolist(), strict=True
        )
    ]
    words = loaded.split.left_out_words(index, "test")
    if not items:
        say(f"nothing to recommend: no item is left for user {user}")
    if as_json:
        emit_json({"run": run, "user_id": user, "left_out": words, "items": items})
        return
    rows = [
        (i["rank"], i["title"], i["item_id"], i["score"], "held out" if i["held_out"] else "", i["tied"] or "")
        for i in items
    ]
    if items:
        table(["rank", "item", "id", "score", "", "tied with"], rows, left=3, title=f"{run}, user {user}")
    say(words)


def inspect(
    run: RunName,
    user: UserId,
    item: ItemId,
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

    interactions = loaded.dataset.interactions
    view = inspection.view_pair(
        loaded.model, loaded.split, interactions.users.index(user), interactions.items.index(item)
    )
    title = loaded.dataset.items.label(view.item)
    found = _inspection(run, user, item, title, loaded.epoch, view) | {"rank_words": view.rank_words}
    if html is not None:
        from convncf.cli.page import write_page

        write_page(html, found, view)
        say(f"wrote {html}")
    if as_json:
        emit_json(found)
        return
    heading = f"{title} for user {user} in {run} (epoch {loaded.epoch}): score {view.score:.4f}, {view.rank_words}"
    table(
        ["step", "shape"],
        [(layer["name"], " × ".join(map(str, layer["shape"]))) for layer in found["layers"]],
        title=heading,
    )
    parts = sorted(found["parts"], key=lambda part: -abs(part["value"]))
    table(["part of the score", "adds"], [(part["name"], part["value"]) for part in parts[:10]])
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
