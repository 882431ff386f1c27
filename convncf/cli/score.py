"""convncf score: the pairs of a file with their scores and ranks, in another file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from convncf.cli.console import TrainingDisplay, emit_json, say
from convncf.cli.options import Json, RunName, refuse_unwritable
from convncf.runtime import files

_FOUND_OUT = "found out when left out"
_COLUMN = "Name (or number, without a header) of the column with"


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(epilog="Example: convncf score first pairs.csv --out scored.csv")(score)


def score(
    run: RunName,
    pairs: Annotated[
        Path, typer.Argument(metavar="PAIRS", help="A file with a user and an item a row, by id; items also by title.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The CSV to write, a row for each row of PAIRS.")],
    user_column: Annotated[str | None, typer.Option(help=f"{_COLUMN} the user's id; guessed when left out.")] = None,
    item_column: Annotated[
        str | None, typer.Option(help=f"{_COLUMN} the item's id or title; guessed when left out.")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help=f"A character, or a word such as tab; {_FOUND_OUT}.")] = None,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help=f"Whether the first line names columns; {_FOUND_OUT}.")
    ] = None,
    epoch: Annotated[
        int | None, typer.Option(help="A kept epoch; the best one when left out, 0 for the start.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Score and rank the pairs of a file, as the test evaluation ranks them; a seen item shows its would-be rank.

    A row whose user or item is unknown stays in the file, with a note and without a score.
    """
    refuse_unwritable("--out", out, force=force)
    from convncf.runs import RunStore

    home = files.home()
    found = RunStore(home).open(run)  # refuses before torch is loaded
    from convncf.data.reading import ReadOptions
    from convncf.inspection.scored_pairs import score_file
    from convncf.training import Progress
    from convncf.workflow.loading import load_run

    columns = {"user_id": user_column, "item_id": item_column}
    options = ReadOptions(
        columns={role: name for role, name in columns.items() if name}, delimiter=delimiter, header=header
    )
    loaded = load_run(found, checkpoint=epoch)
    display = TrainingDisplay("")
    with display.shown():
        scored = score_file(
            pairs,
            loaded.model,
            loaded.split,
            loaded.dataset.items,
            options,
            progress=lambda done, total: display.progress(Progress("scores", 0, 0, "users", done, total)),
        )
    with files.atomic_path(out) as part:
        part.write_text(scored.to_csv(), encoding="utf-8", newline="")
    say(f"wrote {out}")
    for sentence in scored.sentences:
        say(sentence)
    if as_json:
        told: dict[str, Any] = {"run": run, "epoch": loaded.epoch, "pairs": str(pairs), "out": str(out)}
        emit_json(told | scored.to_json())
