"""docs/pages.md: the table of page timings, made from the results that are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

PAGE: Final = Path("docs/pages.md")
_NUMBERS: Final = ("n", "server_median", "server_p95", "painted_median", "painted_p95")
_HEAD: Final = """# How fast the pages answer

Measured by `python -m benchmarks.pages`: interactions of a visitor in a headless Chromium on the server's machine, on
Inspect where no other page is named, each repeated on a page that is already open. *Server* is the running time of the
page's script; *painted* is the time from the press to the frame with the last change. Median and 95th percentile, in
milliseconds; a missed limit is marked.
"""


def write(results: Path, page: Path = PAGE) -> Path:
    """Write the page from every file in `results`."""
    sections = [
        section(json.loads(file.read_text(encoding="utf-8")), file.stem) for file in sorted(results.glob("*.json"))
    ]
    page.write_text("\n".join([_HEAD, *sections]), encoding="utf-8")
    return page


def section(found: Mapping[str, Any], name: str) -> str:
    """One measurement as a heading, its machine, and a table."""
    machine, versions = found["machine"], found["versions"]
    on = ", ".join(f"{package} {number}" for package, number in versions.items())
    lines = [
        f"## {name}",
        "",
        (
            f"{found['day']}, {machine['cpu']}, {machine['cores']} cores, load {machine['load']} at the end; {on}. "
            f"`{found['command']}`"
        ),
        "",
        "| press | n | server | p95 | painted | p95 | limit |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, row in found["rows"].items():
        if "problem" in row:
            lines.append(f"| {kind} | 0 | {row['problem']} | | | | {row['limit']} |")
            continue
        missed = " missed" if row["painted_p95"] >= row["limit"] else ""
        numbers = " | ".join(
            str(row[key]) for key in ("n", "server_median", "server_p95", "painted_median", "painted_p95")
        )
        lines.append(f"| {kind} | {numbers} | {row['limit']}{missed} |")
    return "\n".join([*lines, ""])
