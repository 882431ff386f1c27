"""The address of Inspect: it has every choice, also one that equals a default, and opens the same view again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.ui import cache, pair_controls
from app.ui.pair_controls import user_label
from app.views.inspect import header
from convncf.runs import RunStore
from tests.app_pages import Opened, again, alts, control, fine, open_page, texts

PAIR = {"run": "tiny-222", "user": "u3", "item": "i4"}


def same_again(app: AppTest) -> None:
    """The address in a second browser shows the same figures."""
    assert alts(again(app, "inspect")) == alts(fine(app.run()))


def test_order_and_scale_are_in_the_address_unless_they_are_the_default(at_home: Path) -> None:
    app = fine(open_page("inspect", **PAIR))
    for place, parameter, value in ((0, "order", "by q"), (0, "order", "as trained"), (2, "scale", "shared")):
        control(app, place).set_value(value).run().run()  # the fragments, then the whole page
        assert app.query_params.get(parameter, "as trained") == value
        assert ("order" in app.query_params) == (value == "by q")
    assert "one scale for all channels" in alts(fine(app.run()))[2]
    same_again(app)
    control(app, 2).set_value("per channel").run().run()
    assert "scale" not in app.query_params


def test_layer_channel_and_cell_are_in_the_address(at_home: Path) -> None:
    app = fine(open_page("inspect", **PAIR))
    control(app, 1).set_value(1).run().run()
    assert app.query_params["layer"] == "2"
    app.number_input(key="inspect:Channel").set_value(2).run().run()
    app.number_input(key="inspect:Row").set_value(1).run().run()
    assert (app.query_params["layer"], app.query_params["channel"], app.query_params["cell"][:1]) == ("2", "2", "1")
    assert "Channel 2 of layer 2" in alts(app)[3]
    same_again(app)
    control(app, 1).set_value(0).run().run()
    assert not {"layer", "channel", "cell"} & set(app.query_params), "another layer begins at its strongest"


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"order": "by <b>"}, "'by <b>'.* as trained"),
        ({"cell": "9-0"}, "cell '9-0'.* 4 rows and 4 columns"),
        ({"channel": "4"}, "channel '4'.* 0 to 3"),
        ({"layer": "x"}, "layer 'x'.* 1 to 3"),
    ],
)
def test_what_the_address_asks_for_in_vain_is_reported(opened: Opened, parameters: dict[str, str], words: str) -> None:
    assert re.search(words, texts(opened("inspect", **PAIR, **parameters)))


def test_all_of_the_map_is_a_choice_too(at_home: Path) -> None:
    app = fine(open_page("inspect", **PAIR, look="what-if", keep="diagonal"))
    control(app, "edit:keep").set_value("all").run()
    assert "keep" not in app.query_params


def test_the_open_list_is_in_the_address(opened: Opened) -> None:
    app = opened("inspect", **PAIR, list="history")
    assert str(app.session_state["lists:tiny-222:3"]).startswith("History")
    assert str(opened("inspect", **PAIR).session_state["lists:tiny-222:3"]).startswith("Top")


def test_a_user_is_found_by_a_title_that_they_have(at_home: Path) -> None:
    model = cache.model(RunStore(at_home).open("tiny-222"))
    interactions, items = model.dataset.interactions, model.dataset.items
    amelie = interactions.items.index("i7")
    have = sorted(interactions.user[interactions.item == amelie].tolist())
    matches = pair_controls.find_user(model, "amelie")
    assert sorted(matches.matches.indices) == have
    assert matches.matches.total == len(have)
    assert set(matches.has.values()) == {amelie}
    assert f"has {items.titles[amelie]}" in user_label(model, have[0], first=amelie)
    assert pair_controls.find_user(model, "u1").matches.indices[0] == interactions.users.index("u1"), (
        "an id comes first"
    )
    assert pair_controls.find_user(model, "no such *film*").matches.total == 0
    assert pair_controls.find_user(model, "amelie").matches.note == ""


def test_a_search_that_covered_some_titles_alone_says_so(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_MATCHES", 2)
    matches = pair_controls.find_user(cache.model(RunStore(at_home).open("tiny-222")), "film").matches
    titles = cache.find_items(cache.model(RunStore(at_home).open("tiny-222")), "film").total
    assert titles > 2
    assert re.findall(r"\d+", matches.note) == ["2", str(titles)]


def test_a_line_break_in_a_title_does_not_end_the_headline() -> None:
    assert "\n" not in header._in_heading("two\nlines\r\nand **more**")
    assert header._in_heading("two\nlines") == "two&#10;lines"


def test_a_long_or_turning_text_leaves_the_headline_readable() -> None:
    assert len(header._in_heading("x" * 10_000)) == 200
    assert header._in_heading("\u202eturned") == "\u2068\u202eturned\u2069"
    assert header._in_heading("שלום") == "שלום"
