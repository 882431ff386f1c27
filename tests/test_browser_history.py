"""One page is one step of the browser's history: for every pair of pages, Back once shows the first as it was left."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.app_runs import make_home
from tests.browser import exceptions, open_page, settle, start_app

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PAGES = ("start", "data", "train", "runs", "inspect", "compare", "recommend", "learn")
LEFT = {
    "train": "along=step",
    "runs": "run=tiny-222&run=tiny-mf&archived=yes&sort=seed",
    "inspect": "run=tiny-222&user=u3&item=i4&epoch=1&layer=2&scale=shared&look=why",
    "compare": "run=tiny-222&run=tiny-42&part=lists&user=u5",
    "recommend": "run=tiny-42&user=u7&k=5&item=i2",
    "learn": "run=tiny-42&user=u9&item=i8&step=3",
}
"""What has been chosen on each page; the rest is left to the page."""

SECONDS = 240
"""Until a page stands on a machine that is busy."""
OPEN = "url => { history.pushState({}, '', url); dispatchEvent(new PopStateEvent('popstate')) }"
"""An address in the session that is open, as the browser's Back and Forward bring one."""


def circuit() -> list[str]:
    """A walk that goes from every page to every other one exactly once."""
    left = {page: [other for other in PAGES if other != page] for page in PAGES}
    stack, walk = [PAGES[0]], []
    while stack:
        if left[stack[-1]]:
            stack.append(left[stack[-1]].pop())
        else:
            walk.append(stack.pop())
    return walk[::-1]


def stands(page: Page) -> None:
    settle(page, SECONDS)
    page.wait_for_timeout(150)
    settle(page, SECONDS)


def where(page: Page) -> tuple[str, frozenset[str], str]:
    """Path, parameters, and what is read in the page's headings and choices."""
    address = page.url.partition("?")
    said = page.locator("[data-testid='stMain'] :is(h1, h2, h3, input, [aria-checked=true])")
    text = page.evaluate("all => all.map(one => one.value || one.innerText).join('|')", said.element_handles())
    return address[0], frozenset(address[2].split("&")), text


def press(page: Page, name: str) -> None:
    """The page's link at the top."""
    page.locator("[data-testid='stTopNavLink']").filter(has_text=name.capitalize()).first.click()
    path = "" if name == "start" else name
    page.wait_for_url(lambda url: url.partition("?")[0].rsplit("/", 1)[-1] == path, timeout=SECONDS * 1000)
    stands(page)


def leave(page: Page, url: str) -> None:
    """Every page as LEFT says, in one session, and then Start."""
    page.goto(url)
    stands(page)
    for name, chosen in LEFT.items():
        page.evaluate(OPEN, f"/{name}?{chosen}")
        stands(page)
        assert set(chosen.split("&")) <= where(page)[1], name
    press(page, "start")


def test_back_once_shows_the_page_before_as_it_was_left(browser: Browser, tmp_path: Path) -> None:
    make_home(tmp_path)
    shutil.rmtree(tmp_path / "runs" / "broken")
    with start_app(tmp_path) as app, open_page(browser) as (page, heard):
        leave(page, app.url)
        walk = circuit()
        assert len(walk) == len(PAGES) * (len(PAGES) - 1) + 1
        for before, name in pairwise(walk):
            was, entries = where(page), page.evaluate("history.length")
            press(page, name)
            there = where(page)
            grown = page.evaluate("history.length") - entries
            assert grown == 1 or entries == 50, f"{before} to {name}: {grown} steps"  # a browser keeps 50
            page.go_back()
            stands(page)
            assert where(page) == was, f"from {name} back to {before}"
            page.go_forward()
            stands(page)
            assert where(page) == there, f"forward to {name}"
        assert not exceptions(page)
        assert not heard.all()
