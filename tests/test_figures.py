"""What all figures share: themes that can be seen, text that stays text, numbers as people read them."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.evaluation import metrics
from convncf.figures import DARK, LIGHT, Theme, escape, run_colour, wording
from convncf.figures.theme import number, outline, plural, run_style, shorten

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
RUNS = [f"run-{n}" for n in range(20)]


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def as_plotly_shows(text: str) -> str:
    """What Plotly makes of a text: <br> breaks the line, entities become characters; nothing else may be left in it."""
    assert re.search(r"<(?!br>)|(?<!<br)>", text) is None, "a tag"
    assert "$" not in text, "TeX"
    assert "%{" not in text, "a template"
    return html.unescape(text.replace("<br>", "\n"))


@THEMES
def test_text_can_be_read_and_every_run_be_seen(theme: Theme) -> None:
    assert contrast(theme.ink, theme.paper) > 10
    assert contrast(theme.muted, theme.paper) >= 4.5
    assert contrast(theme.accent, theme.paper) >= 4.5
    assert all(contrast(bar, theme.paper) >= 3 for bar in (theme.positive, theme.negative))
    assert all(contrast(colour, theme.paper) >= 2 for colour in theme.categories)
    assert all(contrast(colour, theme.paper) >= 2.9 for colour in theme.categories[:4])


@THEMES
def test_colour_scales(theme: Theme) -> None:
    for scale in (theme.diverging, theme.sequential):
        places = [place for place, _ in scale]
        assert places == sorted(places)
        assert (places[0], places[-1]) == (0, 1)
    middle = dict(theme.diverging)[0.5]
    assert contrast(middle, theme.paper) < 1.2, "zero is near the paper: it does not glare"
    assert contrast(theme.diverging[0][1], theme.paper) > 7
    assert contrast(theme.diverging[-1][1], theme.paper) > 7


@pytest.mark.parametrize(("light", "dark"), list(zip(LIGHT.categories, DARK.categories, strict=True)))
def test_okabe_ito_but_for_what_would_vanish(light: str, dark: str) -> None:
    okabe_ito = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442"}
    assert light in okabe_ito or light == "#9A8B00"  # for yellow
    assert dark in okabe_ito or dark in ("#3D9BE0", "#BFBBB2")  # for blue and black


@THEMES
def test_a_run_keeps_its_colour_when_others_come(theme: Theme) -> None:
    for count in range(1, len(RUNS)):
        for run in RUNS[:count]:
            assert run_style(run, RUNS[:count], theme) == run_style(run, RUNS, theme)
            assert run_colour(run, RUNS, theme) == run_style(run, RUNS, theme).colour


@THEMES
def test_runs_beyond_the_colours_are_told_apart_by_their_dash(theme: Theme) -> None:
    assert len({run_style(run, RUNS, theme) for run in RUNS}) == len(RUNS)


def test_a_run_out_of_the_order_has_no_colour() -> None:
    with pytest.raises(ValueError, match="'new'"):
        run_style("new", RUNS, LIGHT)


@pytest.mark.parametrize(
    "text",
    [
        "<b>Alien</b> (1979)",
        "$9.99 $a_b$",
        "AT&T &amp; &lt; &#36; &nbsp;",
        "a \"quoted\" 'title' \\ \\n \\frac",
        "100 %{x} %{customdata[0]:.2f} 5 %",
        "first\nsecond",
        "  two  blanks\t",
        "Amélie 🎬 日本 א",
        "<extra>x</extra><br><a href='javascript:1'>",
        "",
    ],
)
def test_text_from_data_is_shown_as_it_is(text: str) -> None:
    assert as_plotly_shows(escape(text)) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    assert as_plotly_shows(escape(text)) == text.replace("\r\n", "\n").replace("\r", "\n")


@given(st.text(max_size=30), st.integers(1, 20))
def test_shortening_says_that_it_cut(text: str, length: int) -> None:
    short = shorten(text, length)
    assert len(short) <= length
    assert short == text or short.endswith("…")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (2.3149, "2.31"),
        (-2.3149, "−2.31"),
        (0.004567, "0.00457"),
        (123.4, "123"),
        (1234.0, "1,234"),
        (12345678.0, "1.23e+07"),
        (0.00001234, "1.23e-05"),
        (float("nan"), "nan"),
        (9.999, "10.0"),
    ],
)
def test_numbers_have_three_significant_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_numbers_with_their_sign() -> None:
    assert (number(0.5, sign=True), number(-0.5, sign=True), number(0, sign=True)) == ("+0.500", "−0.500", "0")
    assert (plural(1, "cell"), plural(1200, "cell")) == ("1 cell", "1,200 cells")


@THEMES
def test_what_is_selected_is_outlined_in_the_accent_over_paper(theme: Theme) -> None:
    below, above = outline(theme, (1, 2), (3, 4))
    assert (below["line"]["color"], above["line"]["color"]) == (theme.paper, theme.accent)
    assert below["line"]["width"] > above["line"]["width"]
    assert [above[key] for key in ("x0", "x1", "y0", "y1")] == [1, 2, 3, 4]


def test_the_caveat_says_why_and_who_found_it() -> None:
    assert "order of dimensions" in wording.DIMENSIONS_HAVE_NO_ORDER
    assert "CIKM 2020" in wording.DIMENSIONS_HAVE_NO_ORDER
    assert "rotation" in wording.DIMENSIONS_HAVE_NO_ORDER


def test_wording_is_plain_text() -> None:
    sentences = [value for name, value in vars(wording).items() if name.isupper() and isinstance(value, str)]
    assert len(sentences) > 10
    for text in [*sentences, *wording.TERMS.values()]:
        assert not re.search(r"[<>$*_`]", text), text
    assert all(text.endswith(".") for text in sentences)


def test_a_metric_is_explained_at_its_own_cut_off() -> None:
    assert "top 20" in metrics.tooltip("NDCG@20")
    assert wording.term("rank") == wording.TERMS["rank"]
    assert metrics.tooltip("NDCG") == metrics.tooltip("nothing@10") == wording.term("nothing") == ""
