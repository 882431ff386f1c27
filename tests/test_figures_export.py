"""The page that stands alone: all in one file, text as it is, both themes, nothing from outside."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from convncf.figures import (
    CONFIG,
    DARK,
    LIGHT,
    Section,
    Theme,
    alt,
    comparison,
    export,
    feature_maps,
    interaction_map,
    page,
)
from tests.made_traces import layer, pair
from tests.plotly_json import sent

TITLE = '<b>Alien</b> $a$ & &amp; "q" \\n </script>\nsecond line 🎬'
NAME = '<i>$a$</i> &lt; %{x} "q" \\ two  blanks 🎬'


class Reader(HTMLParser):
    """Reads a page as a browser does: text and attributes by element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {}
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if tag not in ("meta",):
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open[-1]][-1] += data


def sections() -> list[Section]:
    trace = pair()
    return [
        Section(TITLE, lambda theme: interaction_map(trace, theme), ["words & <more>"]),
        Section("Feature maps", lambda theme: feature_maps(layer(), theme)),
        Section("Only words", words=["first", "second"]),
    ]


def read(theme: Theme | None = None) -> tuple[str, Reader]:
    text = page(TITLE, sections(), theme=theme, lead=["lead <i>"])
    return text, Reader(text)


def figures(reader: Reader) -> Any:
    return json.loads(reader.texts["script"][1], parse_constant=pytest.fail)


def test_text_is_shown_character_for_character() -> None:
    _, reader = read()
    assert reader.texts["title"] == reader.texts["h1"] == [TITLE]
    assert reader.texts["h2"] == [TITLE, "Feature maps", "Only words"]
    shown = [text for text in reader.texts["p"] if text != alt(interaction_map(pair(), LIGHT))]
    assert [text for text in shown if "Feature maps of" not in text] == [
        "lead <i>",
        "words & <more>",
        "first",
        "second",
    ]


def test_each_figure_is_there_in_both_themes() -> None:
    _, reader = read()
    first, second, none = figures(reader)
    assert none is None
    for theme in (LIGHT, DARK):
        expected = sent(interaction_map(pair(), theme))
        assert expected["layout"].pop("width") == first["width"] == 500
        assert first["by_theme"][theme.name] == expected
    assert list(second["by_theme"]) == ["light", "dark"]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_a_theme_that_was_asked_for_is_the_only_one(theme: Theme) -> None:
    text, reader = read(theme)
    assert list(figures(reader)[0]["by_theme"]) == [theme.name]
    assert f"--paper:{theme.paper}" in text
    assert "@media (prefers-color-scheme" not in reader.texts["style"][0]
    assert ("meta", {"name": "color-scheme", "content": theme.name}) in reader.attributes


def test_the_page_follows_the_system_otherwise() -> None:
    _, reader = read()
    style = reader.texts["style"][0]
    light, dark = style.split("@media (prefers-color-scheme:dark)")
    assert LIGHT.paper in light
    assert DARK.paper not in light
    assert DARK.paper in dark


def test_figures_have_their_text_alternative() -> None:
    _, reader = read()
    labels = [attributes["aria-label"] for _, attributes in reader.attributes if attributes.get("role") == "img"]
    assert labels == [alt(interaction_map(pair(), LIGHT)), alt(feature_maps(layer(), LIGHT))]


def test_nothing_is_asked_from_outside() -> None:
    text, reader = read()
    for tag, attributes in reader.attributes:
        assert tag not in ("link", "img", "iframe"), tag
        assert not {"src", "href"} & set(attributes), (tag, attributes)
    policy = next(a["content"] for _, a in reader.attributes if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"https?:", policy)
    assert "plotly.js v" in text[:20000]


@pytest.mark.browser
@pytest.mark.parametrize("theme", [LIGHT, pytest.param(DARK, marks=pytest.mark.full)], ids=lambda theme: theme.name)
def test_it_opens_in_a_browser_without_a_complaint(browser: Any, theme: Theme) -> None:
    from tests.browser import open_page

    with open_page(browser, scheme=theme.name) as (tab, complaints):  # type: ignore[arg-type]
        metrics = Section("Metrics", lambda theme: comparison.metrics({NAME: {"HR@10": 0.5}}, theme))
        tab.set_content(page(TITLE, [*sections(), metrics]))
        tab.wait_for_selector("#figure-3 .main-svg")
        assert tab.inner_text("h1") == TITLE
        ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == f"rgb{tuple(int(theme.paper[place : place + 2], 16) for place in (1, 3, 5))}"
        assert tab.evaluate("document.getElementById('figure-0').layout.font.color") == theme.ink
        assert tab.locator("#figure-3 .legendtext").all_text_contents() == [NAME], "through Plotly, as it is"
        map_area = tab.locator("#figure-0 .nsewdrag").first.bounding_box()
        assert map_area is not None
        assert map_area["width"] == pytest.approx(map_area["height"], abs=1.5), "the map is square"
    assert complaints.all() == []


@pytest.mark.slow
def test_plotlys_script_is_at_hand_and_its_bar_offers_no_upload() -> None:
    assert "plotly.js v" in export.PLOTLY.read_text(encoding="utf-8")[:500]
    assert CONFIG["showSendToCloud"] is False
