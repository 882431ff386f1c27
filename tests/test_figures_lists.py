"""Two lists, a metric in bands, and one value among many."""

from __future__ import annotations

import numpy as np
import pytest

from convncf.figures import DARK, LIGHT, Theme, alt, channels, comparison, lists
from tests.made_traces import THEMES
from tests.plotly_json import array, sent
from tests.wording import values_in

NAME = "<i>AT&T</i> $5"
SHOWN = "&lt;i&gt;AT&amp;T&lt;/i&gt; &#36;5"
LABELS = {1: "Heat", 2: NAME, 3: "Fargo", 4: "Alien"}


def test_what_two_lists_share() -> None:
    found = lists.overlap([1, 2, 3], [3, 4, 1])
    assert (found.shared, found.jaccard) == ((1, 3), 0.5)
    assert lists.overlap([1, 2], [2, 1]).jaccard == 1
    assert lists.overlap([], []).jaccard == 0
    assert lists.overlap(["a"], []).jaccard == 0


@THEMES
def test_a_line_ties_a_shared_item_to_its_two_places(theme: Theme) -> None:
    drawn = lists.two_lists([1, 2, 3], [3, 4, 1], LABELS, theme, ("first", NAME))
    figure = sent(drawn)
    ties, left, right = figure["data"]
    assert ties["x"] == [0, 1, None, 0, 1, None]
    assert ties["y"] == [0, 2, None, 2, 0, None]
    assert left["text"] == ["Heat  1 ", f"<i>{SHOWN}</i>  2 ", "Fargo  3 "], "what is in one list alone is in italics"
    assert right["text"] == [" 1  Fargo", " 2  <i>Alien</i>", " 3  Heat"]
    assert left["marker"]["color"] == [theme.accent, theme.paper, theme.accent]
    headings = [note["text"] for note in figure["layout"]["annotations"]]
    assert headings == ["<b>first</b>", f"<b>{SHOWN}</b>", "2 of 3 shared (50% of 4)"]
    assert (NAME in alt(drawn), values_in(alt(drawn).split(NAME)[1])) == (
        True,
        ["2", "3", "50", "4", "1", "3", "3", "1"],
    )


def test_lists_of_nothing() -> None:
    drawn = lists.two_lists([], [], {}, LIGHT, ("a", "b"))
    assert values_in(alt(drawn)) == ["0", "1", "0", "0"]


@THEMES
def test_bands_are_lines_with_a_sign_a_run(theme: Theme) -> None:
    drawn = comparison.by_group(
        ["1 to 5", "6"],
        [30, 28],
        {"mine": [0.25, 0.5], NAME: [0.2, 0.6]},
        theme,
        metric="HR@10",
        grouped_by="training items",
    )
    figure = sent(drawn)
    mine, other = figure["data"]
    assert (array(mine["y"]).tolist(), array(other["y"]).tolist()) == ([0.25, 0.5], [0.2, 0.6])
    assert other["name"] == SHOWN
    assert mine["marker"]["symbol"] != other["marker"]["symbol"]
    assert mine["line"]["color"] == theme.categories[0]
    assert mine["customdata"] == ["1 to 5, 30 users", "6, 28 users"]
    assert figure["layout"]["xaxis"]["ticktext"] == ["1 to 5<br>n = 30", "6<br>n = 28"]
    assert figure["layout"]["yaxis"]["range"] == [0, pytest.approx(0.648)]
    assert "mine 1 to 5: 0.250, 6: 0.500" in alt(drawn)


def test_a_run_keeps_its_colour_by_its_place_in_the_order() -> None:
    drawn = comparison.by_group(["1"], [2], {"b": [1.0]}, DARK, metric="m", grouped_by="x", order=["a", "b"])
    assert sent(drawn)["data"][0]["line"]["color"] == DARK.categories[1]


def test_bands_without_their_values_are_refused() -> None:
    with pytest.raises(ValueError, match=r"2 groups, 2 counts.*'a': 1"):
        comparison.by_group(["1", "2"], [3, 4], {"a": [1.0]}, LIGHT, metric="m", grouped_by="x")


@THEMES
def test_one_value_among_many(theme: Theme) -> None:
    values = np.arange(10, dtype=np.float32)
    drawn = channels.strip(values, 8.5, 90.0, theme, what=NAME)
    figure = sent(drawn)
    dots = figure["data"][0]
    assert array(dots["x"]).tolist() == list(range(10))
    assert 0 <= array(dots["y"]).min() <= array(dots["y"]).max() < 1
    (line,) = figure["layout"]["shapes"]
    assert (line["x0"], line["line"]["color"]) == (8.5, theme.accent)
    note = figure["layout"]["annotations"][0]
    assert (values_in(note["text"]), note["xanchor"]) == (["8.50", "90.0", "10"], "right")
    assert figure["layout"]["xaxis"]["title"]["text"] == SHOWN
    assert alt(drawn).startswith(f"{NAME}: ")
    assert values_in(alt(drawn).removeprefix(NAME)) == ["8.50", "90.0", "10", "0", "9.00"]


def test_a_value_beyond_all_others_is_in_the_picture() -> None:
    low, high = sent(channels.strip(np.zeros(3), 5.0, 100.0, LIGHT, what="x"))["layout"]["xaxis"]["range"]
    assert low < 0 < 5 < high
