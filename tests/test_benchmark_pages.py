"""The benchmark of the pages: what is summed up and written; the timing itself needs a browser and is not a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from benchmarks.pages import __main__ as pages
from benchmarks.pages import report
from benchmarks.pages.interactions import INTERACTIONS
from benchmarks.pages.stopwatch import Timing
from tests.browser import start_app

ROOT = Path(__file__).resolve().parents[1]
MACHINE = {"cpu": "Some CPU", "cores": 2, "load": 0.5}


def test_the_middle_and_the_95th_percentile_of_what_was_timed() -> None:
    timings = [Timing(server=float(n), painted=10.0 * n, runs=1) for n in range(1, 22)]
    assert pages.summary(timings) == {
        "server_median": 11,
        "server_p95": 20,
        "painted_median": 110,
        "painted_p95": 200,
        "n": 21,
    }


def test_a_limit_that_is_missed_is_marked_in_the_line_and_on_the_page(tmp_path: Path) -> None:
    row = {"n": 30, "server_median": 90, "server_p95": 120, "painted_median": 300, "painted_p95": 499, "limit": 500}
    rows: dict[str, dict[str, Any]] = {
        "met": row,
        "missed": row | {"painted_p95": 500},
        "absent": {"problem": "not measured: gone", "limit": 500},
    }
    assert "over" not in pages.line("met", row, 500)
    assert pages.line("missed", rows["missed"], 500).endswith("over 500")
    found = {
        "day": "2026-01-02",
        "machine": MACHINE,
        "versions": {"torch": "2"},
        "command": "the command",
        "rows": rows,
    }
    (tmp_path / "films.json").write_text(json.dumps(found), encoding="utf-8")
    text = report.write(tmp_path, tmp_path / "pages.md").read_text(encoding="utf-8")
    assert "## films\n" in text
    assert "2026-01-02, Some CPU, 2 cores, load 0.5 at the end; torch 2. `the command`" in text
    assert "| met | 30 | 90 | 120 | 300 | 499 | 500 |\n" in text
    assert "| missed | 30 | 90 | 120 | 300 | 500 | 500 missed |\n" in text
    assert "| absent | 0 | not measured: gone | | | | 500 |\n" in text


def test_each_kind_has_a_name_of_its_own() -> None:
    names = [kind.name for kind in INTERACTIONS]
    assert len(set(names)) == len(names)


@pytest.mark.browser
@pytest.mark.full
def test_each_kind_can_be_done_on_the_pages_as_they_are(browser: Browser, runs_home: Path, tmp_path: Path) -> None:
    with start_app(runs_home, log=tmp_path / "server.log") as app:
        rows = {kind.name: pages.measured(browser, app.url, "tiny-222", kind, 1) for kind in INTERACTIONS}
    assert {name: row for name, row in rows.items() if "problem" in row or "complaints" in row} == {}


def test_a_run_goes_with_a_home(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        pages.arguments(["--run", "mine"])
    assert "--run goes with --home" in capsys.readouterr().err


def test_the_page_is_what_the_kept_results_say(tmp_path: Path) -> None:
    assert report.write(ROOT / pages.RESULTS, tmp_path / "pages.md").read_bytes() == (ROOT / report.PAGE).read_bytes()
