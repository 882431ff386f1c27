"""Interactions with a page: each kind with the address that it starts from, and its limit."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Locator, Page

HALF_A_SECOND: Final = 500
A_SECOND: Final = 1000
TWO_SECONDS: Final = 2000


@dataclass(frozen=True, slots=True)
class Interaction:
    """One kind of interaction."""

    name: str
    page: str
    query: str
    """What the address has besides the pair, such as "look=what-if"."""
    act: Callable[[Page, int], None]
    """Does it for the nth time."""
    limit: int = HALF_A_SECOND
    """Milliseconds that its 95th percentile should stay under."""
    before: Callable[[Page], None] | None = None
    """Brings the page to its start; not timed."""


def _segment(page: Page, group: str, number: int) -> None:
    """Press a segment of a control, another one each time."""
    options = page.get_by_role("radiogroup", name=group).get_by_role("radio")
    options.first.wait_for()
    options.nth(number % options.count()).click()


def _segments(group: str) -> Callable[[Page, int], None]:
    return lambda page, number: _segment(page, group, number + 1)


def _type(field: Locator, value: int) -> None:
    field.fill(str(value))
    field.press("Enter")


def _number(label: str, most: int) -> Callable[[Page, int], None]:
    return lambda page, number: _type(page.get_by_label(label, exact=True).first, (number + 1) % (most + 1))


def _slide(label: str) -> Callable[[Page, int], None]:
    """One step to the right on a slider, and from its end back to its beginning."""

    def act(page: Page, number: int) -> None:
        slider = page.get_by_role("slider", name=label).first
        at_end = slider.input_value() == slider.get_attribute("max")
        slider.focus()
        slider.press("Home" if at_end else "ArrowRight")

    return act


def _another_title(page: Page, number: int) -> None:
    """Choose a title of the top 10."""
    titles = page.locator("[class*='st-key-top-'] label:has(input)")
    titles.nth(number % titles.count()).click()


def _random_pair(page: Page, number: int) -> None:
    page.get_by_role("button", name=re.compile("Random (pair|user)")).click()


def _plot(place: str, spots: int) -> Callable[[Page, int], None]:
    """Click on a plot, somewhere else each time, along a diagonal."""

    def act(page: Page, number: int) -> None:
        plot = page.locator(f"[class*='st-key-{place}'] .nsewdrag").first
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        assert box is not None, f"no plot {place} is on the page"
        share = (number % spots + 0.5) / spots
        page.mouse.click(box["x"] + box["width"] * share, box["y"] + box["height"] * share)

    return act


def _search(page: Page, number: int) -> None:
    """Type three letters into the open search for an item."""
    field = page.get_by_label("Search for item")
    if not field.is_visible():
        page.locator("[class*='st-key-pair-item-open'] button").first.click()
        field.wait_for()
    field.fill(("sta", "the", "man", "lov")[number % 4])
    field.press("Enter")


def _toggle(label: str) -> Callable[[Page, int], None]:
    return lambda page, number: page.get_by_text(label, exact=True).first.click()


def _to(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).first.click()


def _opening(name: str, until: str = "", limit: int = TWO_SECONDS) -> Interaction:
    """From Start to a page by its link at the top."""
    return Interaction(
        f"open {name}{until}",
        "",
        "",
        lambda page, number: _to(page, name),
        limit,
        before=lambda page: _to(page, "Start"),
    )


INTERACTIONS: Final = (
    Interaction("random pair", "inspect", "", _random_pair),
    Interaction("another item of the list", "inspect", "", _another_title),
    Interaction("another epoch", "inspect", "", _slide("Epoch")),
    Interaction("search for an item, three letters", "inspect", "", _search),
    Interaction("order of dimensions", "inspect", "", _segments("Order of dimensions")),
    Interaction("another layer", "inspect", "", _segments("Layer")),
    Interaction("scale of the feature maps", "inspect", "", _segments("Scale")),
    Interaction("a click on a feature map", "inspect", "", _plot("inspect-tiles", 4)),
    Interaction("another row of the cell", "inspect", "", _number("Row", 3)),
    Interaction("another question", "inspect", "", _segments("Look closer"), A_SECOND),
    Interaction(
        "what if: what is kept of the map, with the rank",
        "inspect",
        "look=what-if",
        _segments("Cells of the map to keep"),
        A_SECOND,
    ),
    Interaction("what if: a block masked, with the rank", "inspect", "look=what-if", _toggle("Mask a block"), A_SECOND),
    Interaction("gradient x input, integrated gradients", "inspect", "look=why", _segments("Method"), A_SECOND),
    Interaction("over training, another checkpoint", "inspect", "look=over-training", _slide("Checkpoint")),
    Interaction("another channel's strongest pairs", "inspect", "look=channel", _number("Channel", 7), A_SECOND),
    Interaction("colour of all embeddings", "inspect", "look=space", _segments("What is shown")),
    Interaction("Recommend: random user", "recommend", "", _random_pair),
    Interaction("Learn: dimensions added up", "learn", "step=1", _slide("Add up to dimension")),
    Interaction("Learn: the window over the map", "learn", "step=3", _slide("Move the window")),
    Interaction("Learn: terms of the score", "learn", "step=5", _slide("Add up the largest terms")),
    *map(_opening, ("Data", "Runs", "Inspect", "Compare", "Recommend", "Learn")),
    # the estimate is measured by a process of its own
    _opening("Train", ", until the estimate stands", 10 * A_SECOND),
)
"""The kinds, in the order of the table."""
