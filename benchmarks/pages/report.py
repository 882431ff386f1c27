"""docs/pages.md: the table of page timings, written from the stored results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

PAGE: Final = Path("docs/pages.md")
_NUMBERS: Final = ("n", "server_median", "server_p95", "painted_median", "painted_p95")
_EARLIER_NAMES: Final = MappingProxyType(
    {
        "another pair (surprise me)": "random pair",
        "Recommend: another user (surprise me)": "Recommend: random user",
        "over training, another moment": "over training, another checkpoint",
    }
)
"""Name of a kind in earlier results -> its present name."""
_HEAD: Final = """# How fast the pages respond

Measured by `python -m benchmarks.pages`: clicks and key presses in a headless Chromium on the server's machine, on
Inspect where no other page is named, each kind repeatedly on an open page. *Server* is how long the page's script ran;
*painted* is from the press to the frame with the last change. Median and 95th percentile, in milliseconds; a missed
limit is marked.
"""


def write(results: Path, page: Path = PAGE) -> Path:
    """Write the page from every file in `results`."""
    sections = [
        section(json.loads(file.read_text(encoding="utf-8")), file.stem) for file in sorted(results.glob("*.json"))
    ]
    page.write_text("\n".join([_HEAD, *sections]), encoding="utf-8")
    return page


def section(result: Mapping[str, Any], name: str) -> str:
    """One measurement as a heading, its machine, and a table."""
    machine, versions = result["machine"], result["versions"]
    packages = ", ".join(f"{package} {number}" for package, number in versions.items())
    lines = [
        f"## {name}",
        "",
        (
            f"{result['day']}, {machine['cpu']}, {machine['cores']} cores, load {machine['load']} at the end; "
            f"{packages}. "
            f"`{result['command']}`"
        ),
        "",
        "| interaction | n | server | p95 | painted | p95 | limit |",
        "|---|---|---|---|---|---|---|",
    ]
    for recorded, row in result["rows"].items():
        kind = _EARLIER_NAMES.get(recorded, recorded)
        if "problem" in row:
            lines.append(f"| {kind} | 0 | {row['problem']} | | | | {row['limit']} |")
            continue
        missed = " missed" if row["painted_p95"] >= row["limit"] else ""
        numbers = " | ".join(
            str(row[key]) for key in ("n", "server_median", "server_p95", "painted_median", "painted_p95")
        )
        lines.append(f"| {kind} | {numbers} | {row['limit']}{missed} |")
    return "\n".join([*lines, ""])
