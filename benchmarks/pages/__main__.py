"""python -m benchmarks.pages: time what a visitor does, in a real browser, and print a table."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from playwright.sync_api import Browser, Page
from playwright.sync_api import Error as PlaywrightError

from benchmarks.pages import report
from benchmarks.pages.interactions import INTERACTIONS, Interaction
from benchmarks.pages.stopwatch import Timing, timed
from convncf.runtime import devices
from tests.browser import find_chromium, open_browser, open_page, settle, start_app

RESULTS: Final = Path("benchmarks/results/pages")
RUN: Final = "pages"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=(__doc__ or "").split(": ", 1)[1])
    parser.add_argument("--home", type=Path, help="a home with the run; else the quick ConvNCF is trained first")
    parser.add_argument("--run", default=RUN, help="the run to inspect")
    parser.add_argument(
        "--rounds", type=int, default=30, help="interactions of each kind, after one that does not count"
    )
    parser.add_argument("--only", default="", help="kinds whose name contains this")
    parser.add_argument(
        "--write", metavar="NAME", help=f"keep the result as {RESULTS}/NAME.json, and write docs/pages.md"
    )
    options = parser.parse_args(argv)
    if options.rounds < 1 or (options.home is None and options.run != RUN):
        parser.error("give one round or more; --run goes with --home")
    return options


@contextmanager
def home_of(home: Path | None) -> Iterator[Path]:
    """The given home, else a temporary one in which the quick ConvNCF was trained on the embedded films."""
    if home is not None:
        yield home
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "convncf", "train", "--preset", "quick", "--name", RUN]
        subprocess.run(command, check=True, env=os.environ | {"CONVNCF_HOME": folder}, stdout=subprocess.DEVNULL)
        yield Path(folder)


def measure(page: Page, url: str, kind: Interaction, rounds: int) -> list[Timing]:
    """So many of one kind on a freshly opened page; the first, which fills the caches, does not count."""
    page.goto(url)
    page.get_by_role("heading", level=1).first.wait_for(timeout=60_000)
    if kind.page == "inspect":
        page.get_by_text("Look closer", exact=True).first.wait_for(timeout=60_000)
    settle(page)
    timings = []
    for number in range(rounds + 1):
        if kind.before is not None:
            kind.before(page)
            settle(page)
        timings.append(timed(page, lambda at=number: kind.act(page, at)))  # type: ignore[misc]
    return timings[1:]


def summary(timings: Sequence[Timing]) -> dict[str, float]:
    """Median and 95th percentile, in milliseconds."""
    figures: dict[str, float] = {}
    for name in ("server", "painted"):
        values = [asdict(timing)[name] for timing in timings]
        figures |= {
            f"{name}_median": round(float(np.median(values))),
            f"{name}_p95": round(float(np.quantile(values, 0.95))),
        }
    return figures | {"n": len(timings)}


def line(name: str, row: Mapping[str, Any], limit: int) -> str:
    """One row of the table."""
    if "problem" in row:
        return f"{name:<50} {row['problem']}"
    note = "" if row["painted_p95"] < limit else f"   over {limit}"
    return (
        f"{name:<50}{row['server_median']:>8.0f}{row['server_p95']:>8.0f}"
        f"{row['painted_median']:>9.0f}{row['painted_p95']:>8.0f}{note}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write on request."""
    options = arguments(argv)
    print(f"{devices.cpu_name()}, {devices.cpu_count()} cores; load {os.getloadavg()[0]:.2f}")
    print(f"{'milliseconds':<50}{'server':>8}{'p95':>8}{'painted':>9}{'p95':>8}")
    rows: dict[str, dict[str, Any]] = {}
    with (
        home_of(options.home) as home,
        tempfile.TemporaryDirectory() as logs,
        start_app(home, log=Path(logs) / "server.log") as app,
        open_browser(find_chromium()) as browser,
    ):
        for kind in INTERACTIONS:
            if options.only not in kind.name:
                continue
            rows[kind.name] = measured(browser, app.url, options.run, kind, options.rounds) | {"limit": kind.limit}
            print(line(kind.name, rows[kind.name], kind.limit), flush=True)
    if options.write:
        print(_write(options, rows))
    return 0


def measured(browser: Browser, app: str, run: str, kind: Interaction, rounds: int) -> dict[str, Any]:
    """The figures of one kind on the app at that address, or why it could not be measured."""
    url = f"{app}/{kind.page}?run={run}" + (f"&{kind.query}" if kind.query else "")
    with open_page(browser) as (page, complaints):
        page.set_default_timeout(15_000)
        try:
            row: dict[str, Any] = dict(summary(measure(page, url, kind, rounds)))
        except PlaywrightError as error:
            row = {"problem": f"not measured: {str(error).splitlines()[0]}"}
    return row | ({"complaints": complaints.all()} if complaints.all() else {})


def _write(options: argparse.Namespace, rows: Mapping[str, Any]) -> Path:
    of_run = f" --home HOME --run {options.run}" if options.home else ""
    machine = {"cpu": devices.cpu_name(), "cores": devices.cpu_count(), "load": round(os.getloadavg()[0], 2)}
    versions = {name: version(name) for name in ("streamlit", "plotly", "torch")}
    value = {
        "command": f"python -m benchmarks.pages --rounds {options.rounds} --write {options.write}{of_run}",
        "day": datetime.fromtimestamp(time.time(), UTC).date().isoformat(),
        "machine": machine,
        "versions": versions,
        "rows": rows,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{options.write}.json").write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    return report.write(RESULTS)


if __name__ == "__main__":
    sys.exit(main())
