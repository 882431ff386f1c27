"""Around a pair, on Inspect: neighbours, the mean map of the history, all embeddings; each is the core's result."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import streamlit as st

from app.ui import address
from app.ui.cache import Model
from app.ui.plots import Click
from app.views.inspect import embeddings
from convncf.data import catalogue
from convncf.errors import DataError
from convncf.inspection import neighbours
from convncf.inspection.projection import Whose, project
from tests.app_pages import Opened, control, figure, figures_of, square, texts
from tests.app_runs import dataset, train
from tests.closer_look import indices, loaded, look, ways
from tests.plotly_json import array

# ---------------------------------------------------------------- the item's neighbours


def test_the_neighbours_are_the_cores_with_links(at_home: Path) -> None:
    loaded_run = loaded(at_home, "tiny-222")
    item = indices(loaded_run)[1]
    expected = [
        neighbours.nearest_by_embedding(loaded_run.model, item),
        neighbours.nearest_by_cooccurrence(loaded_run.split.train, item),
    ]
    app = look("neighbours")
    ids = loaded_run.dataset.interactions.items.id
    for near in expected:
        bars = figure(app, f"Items nearest to Film 4 (1990) by {near.measure}")["data"][0]
        assert array(bars["x"]) == pytest.approx(near.similarity)
    for place, near in enumerate(expected):
        assert ways(app, f"neighbours:{place}:go") == [("u3", ids(index)) for index in near.items[:5].tolist()]


def test_without_embeddings_the_items_that_share_users_remain(opened: Opened) -> None:
    app = look("neighbours", "tiny-pop", opened)
    assert "nothing to look into" in texts(app)
    (shown,) = figures_of(app)
    assert "co-occurrence in training" in shown["layout"]["meta"]["alt"]


# ---------------------------------------------------------------- the history against random items


@pytest.mark.parametrize("run", ["tiny-222", "tiny-mf"])
def test_the_mean_maps_are_the_cores(at_home: Path, opened: Opened, run: str) -> None:
    loaded_run = loaded(at_home, run)
    user = indices(loaded_run)[0]
    expected = neighbours.mean_maps(loaded_run.model, loaded_run.split, user, seed=loaded_run.config.seed)
    app = look("history", run, opened)
    maps = [square(one["z"]) for one in figure(app, "Two maps")["data"]]
    np.testing.assert_allclose(maps[0], expected.history, rtol=1e-6)
    np.testing.assert_allclose(maps[1], expected.random, rtol=1e-6)
    counts = f"{len(expected.items)} training items .*{len(expected.others)} random items"
    assert re.search(counts, texts(app))


def test_a_user_without_a_history_is_a_sentence(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise DataError("user 'u3' has no training item, so no history to average.")

    monkeypatch.setattr(neighbours, "mean_maps", none)
    st.cache_resource.clear()
    assert "has no training item" in texts(look("history"))


# ---------------------------------------------------------------- all embeddings


@pytest.mark.parametrize(("space", "whose"), [("popularity", "item"), ("activity", "user")])
def test_the_dots_are_the_cores_with_the_chosen_one_ringed(at_home: Path, space: str, whose: Whose) -> None:
    loaded_run = loaded(at_home, "tiny-222")
    expected = project(loaded_run.model, loaded_run.split, whose)
    app = look("space", space=space)
    dots, ring = figure(app, f"Embeddings of {len(expected.index)} {whose}s")["data"]
    np.testing.assert_allclose(array(dots["x"]), expected.xy[:, 0], rtol=1e-6)
    assert array(dots["customdata"]).tolist() == expected.index.tolist()
    selected = indices(loaded_run)[0 if whose == "user" else 1]
    assert array(ring["x"])[0] == pytest.approx(expected.xy[expected.index.tolist().index(selected), 0])
    assert expected.words[1:] in texts(app)
    control(app, -1).set_value("popularity" if space == "activity" else "activity").run()
    assert app.query_params.get("space", "popularity") != space


def test_genres_that_are_unknown_are_reported(opened: Opened) -> None:
    app = look("space", opened=opened, space="genre")
    assert "genres" in texts(app)
    assert list(control(app, -1).options) == ["Items by popularity", "Users by activity"]


def test_items_are_coloured_by_genre(copied_home: Path) -> None:
    known = dataset("genre-films", 1)
    genres = tuple((("Drama",), ("<b>War",), ())[index % 3] for index in range(len(known.items)))
    catalogue.save(replace(known, items=replace(known.items, genres=genres)), copied_home)
    train(copied_home, "genre-mf", "mf-bpr", {"model.embedding_size": 8, "train.epochs": 1}, "genre-films")
    app = look("space", "genre-mf", space="genre")
    traces = figure(app, "Embeddings of 30 items")["data"]
    assert sorted(str(one.get("name")) for one in traces[:3]) == ["&lt;b&gt;War (10)", "Drama (10)", "no genre (10)"]


@pytest.mark.parametrize(
    ("customdata", "whose", "chosen"),
    [(4, "item", {"item": "4"}), (7, "user", {"user": "7"}), (None, "item", {})],  # None: the ring around one
)
def test_a_click_on_a_dot_chooses_it(
    monkeypatch: pytest.MonkeyPatch, customdata: int | None, whose: str, chosen: dict[str, str]
) -> None:
    taken: dict[str, str] = {}
    monkeypatch.setattr(st, "rerun", lambda: None)
    monkeypatch.setattr(address, "choose", lambda **ids: taken.update(ids))
    embeddings._clicked(cast(Model, SimpleNamespace(user_id=str, item_id=str)), whose, Click(customdata, 0))
    assert taken == chosen
