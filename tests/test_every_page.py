"""Every page in a real browser: no exception, no error on the console, no outside request, no fault that axe finds.

axe looks for contrast that is too low, controls without a label, and headings out of order.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.browser import App, exceptions, open_page, settle, start_app
from tools.screenshots import all_pages

pytest_plugins = ["tests.app_home"]
pytestmark = pytest.mark.browser

NARROW = 800
LOOKS = ("what-if", "over-training", "why", "other-item", "channel", "neighbours", "history", "space")
PAIR = "run=tiny-222&user=u3&item=i4"
PAGES = [
    *all_pages(),
    f"/inspect?{PAIR}",
    *(f"/inspect?{PAIR}&look={look}" for look in LOOKS),
    "/compare?run=tiny-mf&run=tiny-222",
    "/train?run=tiny-222",
]


@pytest.fixture(scope="module")
def app(runs_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with start_app(runs_home, log=tmp_path_factory.mktemp("log") / "server.log") as started:
        yield started


OF_STREAMLIT = {"presentation-role-conflict": "stFileUploaderDropzone", "empty-table-header": "<th"}
"""Rule -> what it finds in Streamlit's own uploader and in the first column of its tables, which no page can change."""


def faults(found: dict[str, Any]) -> list[str]:
    """What axe calls a violation, one line for each element."""
    each = [(rule["id"], node["html"]) for rule in found["violations"] for node in rule["nodes"]]
    return [f"{rule}: {html[:200]}" for rule, html in each if OF_STREAMLIT.get(rule, html + "+") not in html]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_fault(browser: Browser, app: App, scheme: Literal["light", "dark"]) -> None:
    wrong: list[str] = []
    for path in PAGES:
        # what changes below a view of Inspect is the same in dark: colours are looked at once
        if scheme == "dark" and "look=" in urlsplit(path).query:
            continue
        with open_page(browser, scheme=scheme) as (page, complaints):
            page.goto(f"{app.url}{path}")
            settle(page)
            said = exceptions(page) + complaints.all() + faults(Axe().run(page).response)
            wrong += [f"{path}: {text}" for text in said]
    assert wrong == []
    log = app.log.read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert "deprecated" not in log


def test_a_narrow_window_is_not_wider_than_it_is(browser: Browser, app: App) -> None:
    """At 800 pixels nothing has to be scrolled sideways to be seen."""
    wide: list[str] = []
    for path in PAGES:
        if "look=" in path:
            continue
        with open_page(browser, width=NARROW) as (page, _):
            page.goto(f"{app.url}{path}")
            settle(page)
            across = int(page.evaluate("() => document.querySelector(\"[data-testid='stMain']\").scrollWidth"))
            if across > NARROW:
                wide.append(f"{path}: {across}")
    assert wide == []
