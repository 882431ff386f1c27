"""convncf compare: saved runs side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from convncf.cli.console import emit_json, say, table
from convncf.cli.options import Json
from convncf.runtime import files


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN", help="Two runs or more; the first is the baseline.")],
    as_json: Json = False,
) -> None:
    """Compare finished runs: metrics, a paired test over users, and the settings that differ."""
    from convncf.runs import RunStore

    store = RunStore(files.home())
    chosen = [store.open(name) for name in runs]
    from convncf.evaluation import comparison

    result = comparison.compare(chosen)
    if as_json:
        emit_json(result.to_json())
        return
    names = list(result.runs[0].metrics)
    headers = ["metric", *(run.name for run in result.runs)]
    table(headers, [[name, *(run.metrics.get(name) for run in result.runs)] for name in names], title="test part")
    if result.differences:
        rows = [[d.key, *(files.strict_json(value) for value in d.values)] for d in result.differences]
        table(["setting that differs", *(run.name for run in result.runs)], rows, left=len(headers))
    for sentence in [*result.unlike, *(f"{run.name}: {warning}" for run in result.runs for warning in run.warnings)]:
        say(sentence)
    for sentence in result.untested.values():
        say(sentence)
    for name, test in result.paired.items():
        say(f"{result.monitor}: {test.in_words(name, result.runs[0].name)}")


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(epilog="Example: convncf compare demo-mf demo-4x4 demo-2x2")(compare)
