"""Why a score, why above another item, and what a channel responds to, on Inspect: each is the core's result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convncf import inspection
from convncf.figures.theme import number
from convncf.inspection import Attribution, PairTrace
from convncf.models.convncf import ConvNCF
from tests.app_pages import Opened, alts, control, figure, fine, square, texts
from tests.app_runs import UNTITLED
from tests.closer_look import find_by_typing, indices, loaded, look, ways
from tests.plotly_json import array

# ---------------------------------------------------------------- why this score


@pytest.mark.parametrize(
    ("run", "method", "attribute"),
    [
        ("tiny-222", "", inspection.integrated_gradients),
        ("tiny-222", "gradient", inspection.gradient_times_input),
        ("tiny-mf", "integrated", inspection.integrated_gradients),
    ],
)
def test_the_attribution_is_the_cores_with_its_completeness_error(
    at_home: Path, opened: Opened, run: str, method: str, attribute: Callable[..., Attribution]
) -> None:
    loaded_run = loaded(at_home, run)
    expected = attribute(loaded_run.model, *indices(loaded_run))
    app = look("why", run, opened, method=method)
    maps = figure(app, "Interaction map, ±")["data"]
    np.testing.assert_allclose(square(maps[1]["z"]), expected.values, rtol=1e-6)
    assert expected.words[1:] in texts(app)


def test_the_method_is_chosen_and_stands_in_the_address(at_home: Path) -> None:
    app = look("why")
    control(app, -1).set_value("gradient").run()
    assert app.query_params["method"] == "gradient"
    assert "Gradient × input" in texts(fine(app))


# ---------------------------------------------------------------- another item beside it


@pytest.mark.parametrize("run", ["tiny-222", "tiny-mf"])
def test_the_higher_score_stands_first_and_the_difference_is_theirs(at_home: Path, opened: Opened, run: str) -> None:
    loaded_run = loaded(at_home, run)
    user, item = indices(loaded_run)
    other = loaded_run.dataset.interactions.items.index(UNTITLED)
    views = [inspection.view_pair(loaded_run.model, loaded_run.split, user, one) for one in (item, other)]
    views.sort(key=lambda view: -view.score)
    app = look("other-item", run, opened, beside=UNTITLED)
    page_text = texts(app)
    places = [
        page_text.index(f"score {number(view.score)}, {view.rank_words}", page_text.index("Other item"))
        for view in views
    ]
    assert places == sorted(places)
    traces = [view.trace for view in views if isinstance(view.trace, PairTrace)]
    maps = [square(one["z"]) for one in figure(app, "Two maps")["data"]]
    np.testing.assert_allclose(maps[0], traces[0].map, rtol=1e-6)
    np.testing.assert_allclose(maps[2], traces[0].map - traces[1].map, rtol=1e-4, atol=1e-7)
    bars = figure(app, "Score of ")["data"][0]
    assert array(bars["x"]).sum() == pytest.approx(traces[0].score - traces[1].score, abs=1e-6)
    assert f"**{number(views[0].score - views[1].score)}**" in page_text


def test_an_item_stands_beside_another_and_never_beside_itself(opened: Opened) -> None:
    app = look("other-item", opened=opened, beside="i4")
    assert app.query_params["beside"] != "i4"
    assert app.query_params["beside"], "what is shown is in the address, also where nobody chose it"


def test_the_best_other_item_is_beside_where_none_is_chosen(at_home: Path) -> None:
    loaded_run = loaded(at_home, "tiny-222")
    best = int(inspection.recommend(loaded_run.model, loaded_run.split, indices(loaded_run)[0], 1).items[0])
    app = look("other-item", item=loaded_run.dataset.interactions.items.id(best))
    second = int(inspection.recommend(loaded_run.model, loaded_run.split, indices(loaded_run)[0], 2).items[1])
    assert ways(app, "other:go") == [("u3", loaded_run.dataset.interactions.items.id(second))]


def test_an_unknown_item_beside_it_is_a_sentence(opened: Opened) -> None:
    assert "'<b>zz</b>'" in texts(look("other-item", opened=opened, beside="<b>zz</b>"))


def test_the_other_item_is_found_by_typing(at_home: Path) -> None:
    app = look("other-item")
    find_by_typing(app, "other:item", "i7")
    assert app.query_params["beside"] == "i7"
    assert "i7" not in fine(app).query_params["item"]


# ---------------------------------------------------------------- what a channel responds to


def test_the_filters_of_layer_1_stand_beside_its_channels_alone(at_home: Path, opened: Opened) -> None:
    network = loaded(at_home, "tiny-222").model
    assert isinstance(network, ConvNCF)
    trace = inspection.trace_pair(network, 3, 4)
    assert isinstance(trace, PairTrace)
    plot = figure(look("channel", opened=opened, channel="0", layer="1"), "Filters of layer 1")["data"][0]
    np.testing.assert_allclose(array(plot["z"])[:2, :2], trace.layers[0].filters[0, 0], rtol=1e-6)
    assert not [alt for alt in alts(look("channel", opened=opened, channel="0", layer="2")) if "Filters of" in alt]


@pytest.mark.parametrize(
    ("layer", "channel"), [(2, 2), *(pytest.param(*more, marks=pytest.mark.full) for more in ((1, 0), (1, 3), (3, 1)))]
)
def test_a_channels_place_and_strongest_pairs_are_the_cores(at_home: Path, layer: int, channel: int) -> None:
    loaded_run = loaded(at_home, "tiny-222")
    network = loaded_run.model
    assert isinstance(network, ConvNCF)
    trace = inspection.trace_pair(network, *indices(loaded_run))
    assert isinstance(trace, PairTrace)
    pairs = inspection.random_pairs(network.n_users, network.n_items, seed=loaded_run.config.seed)
    responses = inspection.respond(network, *pairs)
    place = inspection.response_percentiles(trace, responses, layer - 1).maximum[channel]
    app = look("channel", layer=str(layer), channel=str(channel))
    strip = figure(app, f"Largest activation of channel {channel}, layer {layer}")
    assert f"percentile {number(float(place))} of" in strip["layout"]["meta"]["alt"]
    strongest = inspection.strongest_pairs(responses, layer - 1, channel)
    interactions = loaded_run.dataset.interactions
    assert ways(app, "channel:go") == [
        (interactions.users.id(user), interactions.items.id(item))
        for user, item in zip(strongest.users.tolist(), strongest.items.tolist(), strict=True)
    ]
    assert app.query_params["layer"] == str(layer)


def test_the_channel_is_chosen_and_another_layer_begins_again(at_home: Path) -> None:
    app = look("channel")
    app.number_input(key="channel:channel").set_value(2).run()
    assert "layer" not in app.query_params, "the first, as in an address without a layer"
    assert app.query_params["channel"] == "2"
    app.number_input(key="channel:layer").set_value(3).run()
    assert app.query_params["layer"] == "3"
    assert "channel" not in fine(app).query_params


@pytest.mark.parametrize(
    ("parameters", "words"),
    [({"layer": "4"}, "layer '4'"), ({"layer": "2", "channel": "-1"}, "channel '-1'")],
)
def test_a_layer_or_channel_that_there_is_not_is_reported(
    opened: Opened, parameters: dict[str, str], words: str
) -> None:
    assert words in texts(look("channel", opened=opened, **parameters))
