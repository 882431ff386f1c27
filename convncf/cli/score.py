"""convncf score: the pairs of a file with their scores and ranks, in another file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from convncf.cli.console import TrainingDisplay, emit_json, say
from convncf.cli.options import Json, RunName, refuse_unwritable
from convncf.cli.reading_options import with_read_options
from convncf.data.reading.options import ReadOptions
from convncf.runtime import files

_OPTIONS: Final = ("user_id", "item_id", "delimiter", "header")
"""What may be said of a file of pairs."""


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(epilog="Example: convncf score first pairs.csv --out scored.csv")(with_read_options(score, _OPTIONS))


def score(
    run: RunName,
    pairs: Annotated[
        Path, typer.Argument(metavar="PAIRS", help="A file with a user and an item a row, by id; items also by title.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The CSV to write, a row for each row of PAIRS.")],
    options: ReadOptions,
    epoch: Annotated[
        int | None, typer.Option(help="A kept epoch; the best one when not given, 0 for the start.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    as_json: Json = False,
) -> None:
    """Score and rank the pairs of a file, as the test evaluation ranks them; excluded items get a would-be rank.

    A row whose user or item is unknown stays in the file, with a note and without a score.
    """
    refuse_unwritable("--out", out, force=force)
    from convncf.runs import RunStore

    home = files.home()
    saved_run = RunStore(home).open(run)  # refuses before torch is loaded
    from convncf.inspection.scored_pairs import score_file
    from convncf.training import Progress
    from convncf.workflow.loading import load_run

    loaded = load_run(saved_run, checkpoint=epoch)
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
        result: dict[str, Any] = {"run": run, "epoch": loaded.epoch, "pairs": str(pairs), "out": str(out)}
        emit_json(result | scored.to_json())
