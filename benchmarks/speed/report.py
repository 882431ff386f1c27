"""The figures as tables: on the terminal, and with the plot as docs/speed.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.speed import chart, sections
from benchmarks.speed.sections import Table

ROOT: Final = Path(__file__).resolve().parents[2]
RESULTS: Final = Path("benchmarks/results/speed.json")
PAGE: Final = Path("docs/speed.md")
PLOT: Final = Path("docs/speed.svg")

_INTRODUCTION: Final = """\
# Speed

How fast the workbench trains and ranks, against RecBole 1.2.1 on the same work and against the machine's limit.
Measured by `python -m benchmarks.speed --write`; [benchmarks/README.md](../benchmarks/README.md) says what is timed.
Machines differ, and one machine differs from day to day: figures are comparable only within one run.
"""


def terminal(kind: str, result: Mapping[str, Any]) -> str:
    """The tables of one section for a terminal."""
    lines = [where(result)]
    for table in sections.of(kind, result):
        lines += ["", table.title, *aligned(table)]
        lines += [f"  {note}" for note in table.notes]
    return "\n".join(lines)


def page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """docs/speed.md from every section that has been measured."""
    lines = [_INTRODUCTION]
    for kind, heading in sections.HEADINGS.items():
        if kind not in results:
            continue
        result = results[kind]
        lines.append(f"## {heading}\n\n{where(result)}\n\n```\n{result['command']}\n```\n")
        if kind == "comparison":
            lines.append(f"![Times RecBole's speed]({PLOT.name})\n")
        for table in sections.of(kind, result):
            notes = "".join(f"\n{note}\n" for note in table.notes)
            lines.append(f"### {table.title}\n\n{markdown(table)}\n{notes}")
    return "\n".join(lines)


def write(kind: str, result: Mapping[str, Any], root: Path = ROOT) -> list[Path]:
    """Store a section's result, and write the page and the plot from all stored results; returns the written files."""
    stored = root / RESULTS
    results = json.loads(stored.read_text(encoding="utf-8")) if stored.exists() else {}
    results[kind] = result
    written = {RESULTS: json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False) + "\n", PAGE: page(results)}
    if "comparison" in results:
        machine = results["comparison"]["machine"]
        written[PLOT] = chart.ratios(results["comparison"]["ratios"], f"ConvNCF on {machine['cpu']}")
    for place, content in written.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(content, encoding="utf-8")
    return list(written)


def where(result: Mapping[str, Any]) -> str:
    """The machine in one sentence."""
    machine = result["machine"]
    compiled = "compiled kernels" if machine["compiled_kernels"] else "plain torch, no compiled kernels"
    bf16 = f" {reason}." if (reason := machine.get("bf16")) else ""
    load = " ".join(f"{value:.2f}" for value in machine["load_average"])
    return (
        f"{result['date']}, {machine['cpu']}, {machine['cores']} cores ({' '.join(machine['flags']) or 'no flags'}), "
        f"torch {machine['torch']} on {machine['threads']} threads, {compiled}, "
        f"load average at the start {load}.{bf16}"
    )


def aligned(table: Table) -> list[str]:
    """Columns of one width each, the first to the left and the others to the right."""
    rows = [table.columns, *table.rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(table.columns))]
    return ["  " + "  ".join(_padded(row, widths)) for row in rows]


def markdown(table: Table) -> str:
    """The table in Markdown."""
    rule = ["---", *["---:"] * (len(table.columns) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (table.columns, rule, *table.rows))


def _padded(row: Sequence[str], widths: Iterable[int]) -> list[str]:
    return [
        cell.ljust(width) if place == 0 else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
