"""Every page in a real browser: no exception, no error on the console, no outside request, no fault that axe finds.

axe looks for contrast that is too low, controls without a label, and headings out of order. A page is opened once: it
is looked at in light, then in dark, then in a narrow window.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as TooLate

from convncf import figures
from tests.browser import App, Complaints, exceptions, open_page, settle, start_app, turn_to
from tools.screenshots import all_pages

pytestmark = pytest.mark.browser

WIDE, NARROW = 1280, 800
LOOKS = ("what-if", "over-training", "why", "other-item", "channel", "neighbours", "history", "space")
PAIR = "run=tiny-222&user=u3&item=i4"
CHOSEN = [
    f"/inspect?{PAIR}",
    "/compare?run=tiny-mf&run=tiny-222",
    "/train?run=tiny-222",
]
BARE = all_pages()
MORE = [
    *(page for page in BARE if any(chosen.startswith(f"{page}?") for chosen in CHOSEN)),
    *(f"/inspect?{PAIR}&look={look}" for look in LOOKS),
]
"""Much like one of the others: `make full` looks at them."""
PAGES = [
    *(page for page in BARE if page not in MORE),
    *CHOSEN,
    *(pytest.param(page, marks=pytest.mark.full) for page in MORE),
]
ON_GROUND = """ground => [...document.querySelectorAll("[data-testid='stApp'], .convncf-figure")]
  .every(one => getComputedStyle(one).backgroundColor === ground)"""
"""The page and all its figures stand on that ground."""
APP_ON_GROUND = ON_GROUND.replace(", .convncf-figure", "")
DARK_RULES = "() => [...document.querySelectorAll('style')].some(one => one.textContent.includes('[data-tag]'))"
"""The page's script has run since the browser said that it is dark: it writes these rules then."""
IN_WIDTH = "most => document.querySelector(\"[data-testid='stMain']\").scrollWidth <= most"


@pytest.fixture(scope="module")
def app(runs_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with start_app(runs_home, log=tmp_path_factory.mktemp("log") / "server.log") as started:
        yield started


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[tuple[Page, Complaints]]:
    """One tab for all pages: what the browser has fetched and compiled for the first, it has for the others."""
    with open_page(browser, width=WIDE) as opened:
        yield opened


OF_STREAMLIT = {"presentation-role-conflict": "stFileUploaderDropzone", "empty-table-header": "<th"}
"""Rule -> what it finds in Streamlit's own uploader and in the first column of its tables, which no page can change."""


def faults(page: Page, scheme: str, *rules: str) -> list[str]:
    """What axe calls a violation of any rule, or of those that are named, one line for each element."""
    options: dict[str, Any] = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    found: dict[str, Any] = Axe().run(page, options=options).response
    each = [(rule["id"], node["html"]) for rule in found["violations"] for node in rule["nodes"]]
    return [f"{scheme}, {rule}: {html[:200]}" for rule, html in each if OF_STREAMLIT.get(rule, html + "+") not in html]


def show(page: Page, scheme: Literal["light", "dark"], width: int) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})


def darken(page: Page) -> None:
    """The same page in a dark browser, drawn anew: Streamlit tells the script of the colours when it runs again."""
    show(page, "dark", WIDE)
    paper = figures.DARK.paper
    ground = f"rgb({', '.join(str(int(paper[place : place + 2], 16)) for place in (1, 3, 5))})"
    page.wait_for_function(APP_ON_GROUND, arg=ground, polling=50)
    page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")  # as the browser's Back does
    page.wait_for_function(DARK_RULES, polling=50)
    settle(page)
    page.wait_for_function(ON_GROUND, arg=ground, polling=50)


def test_every_page_is_among_them() -> None:
    assert {"/", "/data", "/inspect", "/learn"} <= set(BARE)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_fault_in_light_and_dark_and_fits_a_narrow_window(
    tab: tuple[Page, Complaints], app: App, path: str
) -> None:
    page, complaints = tab
    complaints.clear()
    show(page, "light", WIDE)
    if page.url.startswith(app.url):
        turn_to(page, path)
    else:
        page.goto(f"{app.url}{path}")
        settle(page)
    assert exceptions(page) + faults(page, "light") == []
    # what changes below a view of Inspect is the same in dark and narrow: colours and widths are looked at once
    if "look=" not in urlsplit(path).query:
        darken(page)
        assert exceptions(page) + faults(page, "dark", "color-contrast") == []
        show(page, "dark", NARROW)
        try:
            page.wait_for_function(IN_WIDTH, arg=NARROW, timeout=10_000, polling=50)
        except TooLate:
            pytest.fail(f"wider than {NARROW} pixels: something has to be scrolled sideways to be seen")
    assert complaints.all() == []
    log = app.log.read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert "deprecated" not in log
