"""convncf export: embeddings and arrays of a run, as files for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from convncf.cli.console import say
from convncf.cli.options import RunName, load, refuse_unwritable
from convncf.errors import ConfigError
from convncf.runtime import files

if TYPE_CHECKING:
    from convncf.inspection import PairView
    from convncf.workflow.loading import LoadedRun

_EXAMPLES = (
    "Examples: convncf export first --projector folder    "
    "convncf export first --user 15 --item 318 --html pair.html --npz pair.npz"
)


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(epilog=_EXAMPLES)(export)


def export(
    run: RunName,
    user: Annotated[str | None, typer.Option(help="A user's raw id, as in the data.")] = None,
    item: Annotated[str | None, typer.Option(help="An item's raw id, or its title, or a part of it.")] = None,
    epoch: Annotated[int | None, typer.Option(help="A kept epoch; the best one when not given.")] = None,
    projector: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Embeddings with raw ids, for the TensorBoard projector; a new folder."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Everything that Inspect shows of the pair, as a page that opens offline."),
    ] = None,
    npz: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Arrays of the pair: p, q (D,), map (D, D), layer_1, … (C, H, W), features, weights, contributions, "
            "bias, score.",
        ),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The same arrays as a .zip with a CSV each and a README.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Write the embeddings of a run, or the page and the arrays of one pair."""
    pair_files = {"--html": html, "--npz": npz, "--csv": csv}
    requested = {option: file for option, file in pair_files.items() if file is not None}
    if not requested and projector is None:
        raise ConfigError("nothing to export: give --projector DIR, or a pair with --html, --npz or --csv FILE.")
    if requested and (user is None or item is None):
        raise ConfigError(f"{next(iter(requested))} exports one pair: give --user and --item as well.")
    for option, file in requested.items():
        kinds = {"--html": (), "--npz": (".npz",), "--csv": (".zip",)}[option]
        refuse_unwritable(option, file, force=force, kinds=kinds)
    if projector is not None:
        _refuse_folder(projector, force)
    if html is not None:
        _refuse_without_plotly()
    loaded = load(run, epoch)
    if projector is not None:
        _projector(loaded, projector)
    if user is not None and item is not None:
        _pair(loaded, user, item, html, npz, csv)


def _refuse_folder(folder: Path, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"--projector {folder}: is a file. Give the name of a folder.")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise ConfigError(f"--projector {folder}: is not empty. Choose another folder, or add --force.")


def _refuse_without_plotly() -> None:
    from importlib import util

    if util.find_spec("plotly") is None:
        raise ConfigError(
            "--html draws with plotly, which is not installed. In the folder that convncf was cloned into: "
            "pip install -e '.[app]'."
        )


def _projector(loaded: LoadedRun, folder: Path) -> None:
    from convncf.interop import embeddings

    projector_files = embeddings.projector_files(loaded.model, loaded.split, loaded.dataset.items)
    embeddings.write_folder(projector_files, folder)
    say(f"wrote {folder}: {projector_files.words}")
    say(f"View it with tensorboard --logdir {folder}, or load a vectors.tsv with its metadata.tsv.")


def _pair(loaded: LoadedRun, user: str, item: str, html: Path | None, npz: Path | None, csv: Path | None) -> None:
    from convncf import inspection
    from convncf.data.items import find_item
    from convncf.interop.pair import pair_record

    names = loaded.dataset.items
    index = find_item(names, item)
    if item != names.items.id(index):
        say(f"{item!r} is read as {names.label(index)}, id {names.items.id(index)}")
    view = inspection.view_pair(loaded.model, loaded.split, loaded.dataset.interactions.users.index(user), index)
    record = pair_record(loaded, view)
    contents: list[tuple[Path, bytes]] = []
    if html is not None:
        from convncf.figures.export import pair_page

        trace = view.trace if isinstance(view.trace, inspection.PairTrace) else None
        contents.append((html, pair_page(record, trace).encode("utf-8", "backslashreplace")))
    contents += _arrays(view, record.about(), npz, csv)
    for file, content in contents:
        files.atomic_write(file, content)
        say(f"wrote {file}")


def _arrays(view: PairView, about: dict[str, object], npz: Path | None, csv: Path | None) -> list[tuple[Path, bytes]]:
    if npz is None and csv is None:
        return []
    from convncf.inspection import PairTrace
    from convncf.interop import pair

    if not isinstance(view.trace, PairTrace):
        raise ConfigError(f"there are no arrays to export: {view.trace.words}")
    kinds = ((npz, pair.npz), (csv, pair.csv_zip))
    return [(file, write(view.trace, about)) for file, write in kinds if file is not None]
