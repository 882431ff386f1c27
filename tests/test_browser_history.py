"""One page is one step of the browser's history: for every pair of pages, Back once shows the first as it was left."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.app_runs import make_home
from tests.browser import exceptions, open_page, settle, start_app

pytestmark = [pytest.mark.browser, pytest.mark.full]  # minutes: 56 ways from page to page
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
MOST = 50
"""Entries that a browser keeps."""
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


def there_and_back(page: Page, name: str) -> None:
    """Open a page by its link: one step, which Back undoes and Forward takes again."""
    was, entries = where(page), page.evaluate("history.length")
    press(page, name)
    there = where(page)
    assert page.evaluate("history.length") - entries == 1 or entries == MOST, f"steps to {name}"
    page.go_back()
    stands(page)
    assert where(page) == was, f"Back from {name}"
    page.go_forward()
    stands(page)
    assert where(page) == there, f"Forward to {name}"


def test_inspect_is_as_it_was_left_after_every_other_page(browser: Browser, tmp_path: Path) -> None:
    make_home(tmp_path)
    with start_app(tmp_path) as app, open_page(browser) as (page, heard):
        page.goto(f"{app.url}/inspect?{LEFT['inspect']}")
        stands(page)
        was = where(page)
        assert was[1] == set(LEFT["inspect"].split("&"))
        for name in PAGES:
            if name == "inspect":
                continue
            there_and_back(page, name)
            press(page, "inspect")
            assert where(page) == was, f"by its link, after {name}"
        page.reload()
        stands(page)
        assert where(page) == was
        with open_page(browser) as (other, _):  # another visitor begins with nothing of this one's
            other.goto(f"{app.url}/runs")
            stands(other)
            press(other, "inspect")
            assert not {"look=why", "scale=shared", "layer=2"} & where(other)[1]
        assert not exceptions(page)
        assert not heard.all()


def test_back_once_shows_the_page_before_from_every_page_to_every_other(browser: Browser, tmp_path: Path) -> None:
    make_home(tmp_path)
    with start_app(tmp_path) as app, open_page(browser) as (page, heard):
        leave(page, app.url)
        walk = circuit()
        assert len(walk) == len(PAGES) * (len(PAGES) - 1) + 1
        for name in walk[1:]:
            there_and_back(page, name)
            assert carried(name) <= where(page)[1], f"{name}, opened by its link"
        assert not exceptions(page)
        assert not heard.all()


def carried(name: str) -> set[str]:
    """What a page keeps whatever is chosen on others: not the run, user and item, nor what means nothing elsewhere."""
    several = name in ("runs", "compare", "recommend")
    lost = ("user", "item", "epoch", "layer") if several else ("run", "user", "item", "epoch", "layer")
    return {each for each in LEFT.get(name, "").split("&") if each and each.partition("=")[0] not in lost}
