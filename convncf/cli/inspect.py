"""convncf inspect: the score of one pair by a saved run, on the screen or as a page that opens offline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from convncf.cli.console import cell, emit_json, out, say, table
from convncf.cli.options import Epoch, Json, RunName, UserId, load
from convncf.errors import ConfigError
from convncf.runtime import files

if TYPE_CHECKING:
    from convncf.inspection import LayerTrace, PairView


def write_page(path: Path, inspection: Mapping[str, Any], view: PairView) -> None:
    """Write the page atomically. Raises ConfigError where plotly is not installed or the folder does not exist."""
    try:
        from convncf import figures
    except ModuleNotFoundError as error:
        if error.name != "plotly":
            raise
        raise ConfigError(
            "--html draws with plotly, which is not installed. In the folder that convncf was cloned into: "
            "pip install -e '.[app]'."
        ) from None
    from convncf.inspection import PairTrace

    if not path.parent.is_dir():
        raise ConfigError(f"--html {path}: the folder {path.parent} does not exist. Create it, or choose another.")
    title = f"{inspection['title']} for user {inspection['user_id']}"
    lead = [
        (
            f"run {inspection['run']}, epoch {inspection['epoch']}: score {view.score:.4f}, {view.rank_words}; "
            f"{view.excluded}"
        ),
        view.trace.words,
    ]
    sections: list[figures.Section] = []
    trace = view.trace
    if isinstance(trace, PairTrace):
        wording = figures.wording
        sections.append(
            figures.Section(
                "Interaction map",
                partial(figures.interaction_map, trace),
                [wording.READ_INTERACTION_MAP, wording.DIMENSIONS_HAVE_NO_ORDER],
            )
        )
        for layer in trace.layers:
            shape = " × ".join(map(str, layer.shape))
            sections.append(
                figures.Section(f"Feature maps of {layer.name}, {shape}", _maps(layer), [wording.READ_FEATURE_MAPS])
            )
        sections.append(
            figures.Section("The score as a sum", partial(figures.score_terms, trace), [wording.READ_SCORE_TERMS])
        )
    files.atomic_write(path, figures.page(title, sections, lead=lead).encode("utf-8", "backslashreplace"))


def _maps(layer: LayerTrace) -> Callable[[Any], Any]:
    from convncf import figures

    return partial(figures.feature_maps, layer)


def inspect(
    run: RunName,
    user: UserId,
    item: Annotated[
        str, typer.Option("--item", help="An item's raw id, as in the data; or its title, or a part of it.")
    ],
    epoch: Epoch = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page that opens offline: the interaction map, every feature map."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Look inside a model for one user and one item: shapes, the score and its parts, the rank."""
    loaded = load(run, epoch)
    from convncf import inspection
    from convncf.data.items import find_item

    names = loaded.dataset.items
    index = find_item(names, item)
    if item != names.items.id(index):
        say(f"{item!r} is read as {names.label(index)}, id {names.items.id(index)}")
        item = names.items.id(index)
    view = inspection.view_pair(loaded.model, loaded.split, loaded.dataset.interactions.users.index(user), index)
    title = names.label(index)
    result = _inspection(run, user, item, title, loaded.epoch, view) | {"rank_words": view.rank_words}
    if html is not None:
        write_page(html, result, view)
        say(f"wrote {html}")
    if as_json:
        emit_json(result)
        return
    heading = f"{title} for user {user} in {run} (epoch {loaded.epoch}): score {view.score:.4f}, {view.rank_words}"
    steps = [(layer["name"], " × ".join(map(str, layer["shape"]))) for layer in result["layers"]]
    parts = sorted(result["parts"], key=lambda part: -abs(part["value"]))
    if steps:
        table(["step", "shape"], steps, title=heading)
        table(["part of the score", "adds"], [(part["name"], part["value"]) for part in parts[:10]])
    else:  # Popularity, ItemKNN and EASE have no layers; the message below says so
        out().print(Text(cell(heading)), soft_wrap=True)
    if len(parts) > 10:
        say(f"and {len(parts) - 10} smaller parts; all add up to the score")
    say(view.trace.words)
    say(view.excluded)


def _inspection(run: str, user: str, item: str, title: str, epoch: int, view: PairView) -> dict[str, Any]:
    from convncf.inspection import PairTrace

    trace, layers, parts = view.trace, [], []
    if isinstance(trace, PairTrace):
        layers = [
            {"name": "embeddings", "shape": [2, len(trace.p)]},
            {"name": "interaction map", "shape": [1, *trace.map.shape]},
            *({"name": layer.name, "shape": list(layer.shape)} for layer in trace.layers),
        ]
        parts = [{"name": f"{trace.term} {n}", "value": float(value)} for n, value in enumerate(trace.contributions)]
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
        "part": view.part,
        "excluded": view.excluded,
        "layers": layers,
        "parts": parts,
        "words": trace.words,
    }


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(epilog="Example: convncf inspect first --user 15 --item 318 --html pair.html")(inspect)
