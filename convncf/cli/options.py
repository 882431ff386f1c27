"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

RunName = Annotated[str, typer.Argument(metavar="RUN", help="Name of a run, as convncf runs lists it.")]
Json = Annotated[bool, typer.Option("--json", help="One strict JSON object on stdout, all else on stderr.")]
UserId = Annotated[str, typer.Option("--user", help="A user's raw id, as in the data.")]
