"""Inspect: it shows the core's results for every kind of run and address; its controls change the address."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
from streamlit.runtime.state.query_params import QueryParams
from streamlit.testing.v1 import AppTest
from torch import Tensor

from app.ui import address, cache, pair
from app.ui.plots import Click
from app.ui.text import plain
from app.views.inspect import feature_maps, lists
from convncf import inspection
from convncf.figures.theme import number
from convncf.models import ConvNCF
from convncf.runs import RunStore, Status
from tests.app_pages import Opened, again, alts, control, figures_of, fine, open_page, square, texts
from tests.app_runs import AWKWARD, TWIN, UNTITLED, train
from tests.closer_look import core_trace, core_view, loaded
from tests.plotly_json import array


def headline(app: AppTest) -> str:
    return str(app.title[0].value)


# ---------------------------------------------------------------- nothing to see


@pytest.mark.parametrize(
    ("run", "words"), [("broken", "broken"), ("waiting", "no model"), ("nope", "'nope'"), ("../tiny-mf", "tiny-mf'")]
)
def test_a_run_that_cannot_be_shown_is_a_sentence_and_the_others_stay_at_hand(
    at_home: Path, run: str, words: str
) -> None:
    app = fine(open_page("inspect", run=run))
    assert words in texts(app)
    assert not figures_of(app)
    app.selectbox(key="inspect:run").select("tiny-222").run()
    assert "for user" in headline(fine(app))
    assert app.query_params["run"] == "tiny-222"


def test_damaged_tensors_are_a_sentence(copied_home: Path) -> None:
    (copied_home / "runs" / "tiny-222" / "model.safetensors").write_bytes(b"not tensors")
    app = fine(open_page("inspect", run="tiny-222"))
    assert "model.safetensors" in texts(app)
    assert not figures_of(app)


def test_a_run_that_is_deleted_while_open_is_a_sentence(copied_home: Path) -> None:
    app = fine(open_page("inspect", run="tiny-222", user="u1", item="i4"))
    shutil.rmtree(copied_home / "runs" / "tiny-222")
    fine(app.run())
    assert "'tiny-222'" in texts(app)
    app.selectbox(key="inspect:run").select("tiny-42").run()
    assert "for user u1" in headline(fine(app))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"user": "zz"}, "of the 24 in the data has the id 'zz'"),
        ({"user": "u1", "item": "<b>zz</b>"}, "of the 30 in the data has the id '<b>zz</b>'"),
    ],
)
def test_an_unknown_id_is_a_sentence_and_the_pickers_stay(
    at_home: Path, parameters: dict[str, str], words: str
) -> None:
    app = fine(open_page("inspect", run="tiny-222", **parameters))
    assert words in texts(app)
    assert not figures_of(app)
    app.button(key="pair:random").click().run()
    assert "for user" in headline(fine(app))


@pytest.mark.parametrize("epoch", ["9", "-1", "best", ""])
def test_an_epoch_that_was_not_kept_is_reported_and_the_best_is_shown(
    at_home: Path, opened: Opened, epoch: str
) -> None:
    app = opened("inspect", run="tiny-222", user="u1", item="i4", epoch=epoch)
    assert number(core_view(at_home, "tiny-222", "u1", "i4").score) in headline(app)
    assert ("has no checkpoint" in texts(app)) == (epoch != "")


# ---------------------------------------------------------------- a pair


@pytest.mark.parametrize(
    ("run", "item"), [("tiny-222", "i4"), ("tiny-42", UNTITLED), ("tiny-mf", "i4"), ("tiny-pop", UNTITLED)]
)
def test_the_headline_is_what_the_core_says(at_home: Path, opened: Opened, run: str, item: str) -> None:
    app = opened("inspect", run=run, user="u3", item=item)
    expected = core_view(at_home, run, "u3", item)
    name = UNTITLED if item == UNTITLED else "Film 4 (1990)"
    assert headline(app) == f"{plain(name)} for user u3: score {number(expected.score)}, {expected.rank.words}"
    assert expected.excluded[1:] in texts(app)


def test_each_part_is_reported(at_home: Path, opened: Opened) -> None:
    split = loaded(at_home, "tiny-222").split
    users, items = split.interactions.users, split.interactions.items
    words = {
        "training": "in training",
        "validation": "in validation",
        "test": "for the test",
        "new": "has no interaction with it",
    }
    shown: dict[str, int] = {}
    for item in range(len(items)):
        shown.setdefault(inspection.part_of(split, 2, item), item)
    assert shown.keys() == words.keys()
    for part, item in shown.items():
        app = opened("inspect", run="tiny-222", user=users.id(2), item=items.id(item))
        assert words[part] in texts(app)


def test_the_map_and_the_sum_are_the_traces(at_home: Path, opened: Opened) -> None:
    core = core_trace(at_home, "tiny-222")
    plots = figures_of(opened("inspect", run="tiny-222", user="u3", item="i4"))
    heat, sum_of = plots[0]["data"][0], plots[1]["data"][0]
    np.testing.assert_allclose(square(heat["z"]), core.map, rtol=1e-6)
    assert float(np.sum(array(sum_of["x"]))) == pytest.approx(core.score, abs=1e-6)


def test_matrix_factorisation_has_a_map_and_no_feature_maps(opened: Opened) -> None:
    app = opened("inspect", run="tiny-mf", user="u3", item="i4")
    assert len(figures_of(app)) == 2
    assert "no feature maps" in texts(app)


def test_popularity_is_a_sentence_and_the_list(opened: Opened) -> None:
    app = opened("inspect", run="tiny-pop", user="u3", item="i4")
    assert not figures_of(app)
    assert "nothing to look into" in texts(app)
    assert len(app.radio[0].options) == 10
    assert not app.get("select_slider")


def test_titles_are_shown_character_for_character(at_home: Path, opened: Opened) -> None:
    app = opened("inspect", run="tiny-222", user="u3", item="i3")
    assert headline(app).startswith(plain(f"{AWKWARD} (1990)"))
    split = loaded(at_home, "tiny-222").split
    item = split.interactions.items.index("i3")
    user = next(user for user in range(split.interactions.n_users) if inspection.part_of(split, user, item) != "new")
    app = opened("inspect", run="tiny-222", user=split.interactions.users.id(user), item="i4", list="history")
    assert f"{AWKWARD} (1990)" in app.dataframe[0].value["Item"].tolist()  # a table needs no escapes


def test_items_of_one_title_are_distinguished_by_id(opened: Opened) -> None:
    for item in ("i5", "i6"):
        app = opened("inspect", run="tiny-222", user="u3", item=item)
        assert headline(app).startswith(plain(f"{TWIN} (1990) · {item}"))


def test_the_lists_are_those_of_the_core(at_home: Path, opened: Opened) -> None:
    loaded_run = loaded(at_home, "tiny-222")
    marked = 0
    for user in range(1, 4):
        user_id = loaded_run.dataset.interactions.users.id(user)
        app = opened("inspect", run="tiny-222", user=user_id, item="i4")
        top = inspection.recommend(loaded_run.model, loaded_run.split, user, 10)
        titles, captions = zip(*(option.split("  \n") for option in app.radio[0].options), strict=True)
        assert list(titles) == [plain(loaded_run.dataset.items.distinct_label(item)) for item in top.items.tolist()]
        held_out = [inspection.part_of(loaded_run.split, user, item) == "test" for item in top.items.tolist()]
        assert list(captions) == [
            f":small[:gray[rank {rank}, score {score:.2f}{' ●' if held else ''}]]".replace("-", "−")
            for rank, score, held in zip(top.ranks.tolist(), top.scores.tolist(), held_out, strict=True)
        ]
        assert not app.dataframe  # what is not open is not drawn
        app = opened("inspect", run="tiny-222", user=user_id, item="i4", list="history")
        assert app.dataframe[0].value["Part"].tolist() == list(inspection.history(loaded_run.split, user).parts)
        assert not app.radio
        marked += sum(held_out)
    assert marked > 0


# ---------------------------------------------------------------- the address


def test_what_is_shown_first_is_written_into_the_address(opened: Opened) -> None:
    app = opened("inspect")
    assert set(app.query_params) == {"run", "user", "item", "epoch"}
    assert headline(again(app, "inspect")) == headline(app)


def test_the_epoch_is_that_of_the_slider_and_stays_in_the_address(at_home: Path) -> None:
    app = fine(open_page("inspect", run="tiny-222", user="u3", item="i4"))
    best = loaded(at_home, "tiny-222").epoch
    assert app.query_params["epoch"] == str(best)
    others = [epoch for epoch in (2, 1, 0) if epoch != best]
    for epoch in (*others, best):  # the best, too, once it is chosen
        app.select_slider(key="inspect:epoch").set_value(epoch).run()
        assert app.query_params["epoch"] == str(epoch)
        expected = core_view(at_home, "tiny-222", "u3", "i4", epoch)
        ending = f"for user u3: score {number(expected.score)}, {expected.rank.words}"
        assert headline(fine(app)) == f"{plain('Film 4 (1990)')} {ending}"
    assert "start" in app.select_slider(key="inspect:epoch").options[0]
    assert sum("best" in option for option in app.select_slider(key="inspect:epoch").options) == 1


def test_without_validation_the_epoch_is_the_last_and_not_the_best(copied_home: Path) -> None:
    settings = {"model.embedding_size": 8, "train.epochs": 2, "train.keep_every": 1}
    train(copied_home, "all", "mf-bpr", settings | {"data.split": "ratio", "data.ratios": (1.0, 0.0, 0.0)})
    app = fine(open_page("inspect", run="all"))
    assert app.select_slider(key="inspect:epoch").options == ["start", "1", "2 · last"]
    assert "epoch 1; the last is 2" in texts(fine(open_page("inspect", run="all", epoch="1")))
    options = fine(open_page("inspect", run="tiny-mf")).select_slider(key="inspect:epoch").options
    assert sum(option.endswith(" · best") for option in options) == 1


def test_a_network_that_began_as_the_dot_product_says_what_carries_it(copied_home: Path) -> None:
    plan = {"model.cnn_channels": [1, 4, 4], "model.cnn_kernels": [4, 2], "model.cnn_strides": [4, 2]}
    settings = {"model.embedding_size": 8, "train.epochs": 2, "train.keep_every": 1, "pretrain.epochs": 1} | plan
    train(copied_home, "traced", "convncf", settings | {"model.initialisation": "dot product"})
    for epoch in ({}, {"epoch": "0"}):
        page_text = texts(fine(open_page("inspect", run="traced", **epoch)))
        assert "p·q, carried by channels 0 and 1" in page_text
    train(copied_home, "noise", "convncf", settings | {"model.initialisation": "random"})
    assert "carried by channels" not in texts(fine(open_page("inspect", run="noise")))


def test_another_run_keeps_the_pair_where_the_data_is_the_same_and_lets_it_go_elsewhere(at_home: Path) -> None:
    app = fine(open_page("inspect", run="tiny-222", user="u3", item="i4", epoch="1"))
    app.selectbox(key="inspect:run").select("tiny-42").run()
    best = str(loaded(at_home, "tiny-42").epoch)  # the epoch was the other run's
    expected = {"run": "tiny-42", "user": "u3", "item": "i4", "epoch": best}
    assert {name: app.query_params[name] for name in expected} == expected
    app.selectbox(key="inspect:run").select("other-pop").run()
    assert app.query_params["run"] == "other-pop"
    assert "for user" in headline(fine(app))


def test_a_random_pair_is_in_the_address(at_home: Path) -> None:
    app = fine(open_page("inspect", run="tiny-222", user="u3", item="i4"))
    before = set()
    for _ in range(4):
        app.button(key="pair:random").click().run()
        before.add((app.query_params["user"], app.query_params["item"]))
        assert f"for user {app.query_params['user']}" in headline(fine(app))
    assert len(before) > 1


def test_a_user_is_found_by_typing_and_chosen_by_a_press(at_home: Path) -> None:
    app = fine(open_page("inspect", run="tiny-222", user="u3", item="i4"))
    assert not app.text_input  # closed, the picker sends nothing
    app.session_state["pair:user:open"] = True
    app.run()
    app.text_input(key="pair:user:text").input("u17").run()
    offered = [button for button in app.button if button.key and button.key.startswith("pair:user:Matches: 1")]
    assert len(offered) == 1
    offered[0].click().run()
    assert app.query_params["user"] == "u17"
    assert "for user u17" in headline(fine(app))


def test_the_item_picker_offers_the_best_the_history_and_what_is_typed(at_home: Path) -> None:
    app = fine(open_page("inspect", run="tiny-222", user="u3", item="i4"))
    app.session_state["pair:item:open"] = True
    app.run()
    assert "Top 10 of user u3" in texts(app)
    app.text_input(key="pair:item:text").input("hamlet").run()
    offered = [button.label for button in app.button if button.key and button.key.startswith("pair:item:Matches: 2")]
    assert sorted(offered) == [plain(f"{TWIN} (1990) · i5"), plain(f"{TWIN} (1990) · i6")]
    app.text_input(key="pair:item:text").input("no such *film*").run()
    assert "“no such *film*”" in texts(fine(app))


def test_all_items_are_scored_once_for_a_user(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = cache.model(RunStore(at_home).open("tiny-222"))
    calls: list[int] = []
    scored = type(model.loaded.model).score_items

    def counting(self: ConvNCF, user: int) -> Tensor:
        calls.append(user)
        return scored(self, user)

    monkeypatch.setattr(type(model.loaded.model), "score_items", counting)
    st.cache_resource.clear()
    views = [cache.pair(model, 3, item) for item in (0, 4)]
    listed = cache.top(model, 3)
    assert calls == [3]
    for one in views:
        alone = inspection.view_pair(model.loaded.model, model.loaded.split, 3, one.item)
        assert (one.score, one.rank, one.part) == (alone.score, alone.rank, alone.part)
    assert listed.items.tolist() == inspection.recommend(model.loaded.model, model.loaded.split, 3, 10).items.tolist()


def test_a_title_of_the_top_ten_is_a_press_away(at_home: Path) -> None:
    loaded_run = loaded(at_home, "tiny-222")
    app = fine(open_page("inspect", run="tiny-222", user="u3", item="i3"))
    top = inspection.recommend(
        loaded_run.model, loaded_run.split, loaded_run.dataset.interactions.users.index("u3"), 10
    )
    for place in (0, 9):
        app = fine(app.radio[0].set_value(place).run())
        item = int(top.items[place])
        assert app.query_params["item"] == loaded_run.dataset.interactions.items.id(item)
        assert headline(app).startswith(plain(loaded_run.dataset.items.distinct_label(item)))
        assert app.radio[0].value == place  # it is marked
    app = fine(open_page("inspect", run="tiny-222", user="u3", item="i3"))
    inside = loaded_run.dataset.interactions.items.index("i3") in top.items.tolist()
    assert (app.radio[0].value is not None) == inside


@pytest.mark.parametrize(("cells", "chosen"), [([(2, "Item")], ["i7"]), ([], [])])
def test_a_click_on_a_row_chooses_its_item(
    at_home: Path, monkeypatch: pytest.MonkeyPatch, cells: list[tuple[int, str]], chosen: list[str]
) -> None:
    model = cache.model(RunStore(at_home).open("tiny-222"))
    index = model.dataset.interactions.items.index
    calls: list[str] = []
    event = SimpleNamespace(selection=SimpleNamespace(cells=cells))
    monkeypatch.setattr(st, "session_state", {"table": event})
    monkeypatch.setattr(address, "choose", lambda *, item: calls.append(item))
    lists._clicked("table", [index("i4"), index("i5"), index("i7")], model)
    assert calls == chosen


# ---------------------------------------------------------------- feature maps


def test_a_click_on_a_tile_chooses_its_channel_and_one_on_a_cell_the_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, object]] = []
    monkeypatch.setattr(pair, "set_focus", lambda **chosen: calls.append(chosen))
    feature_maps._tile_clicked(Click(customdata=3, place=3))
    feature_maps._cell_clicked(5, Click(customdata=None, place=[1, 2]))
    assert calls == [{"channel": 3}, {"channel": 5, "cell": (1, 2)}]


def test_each_layer_can_be_chosen(at_home: Path) -> None:
    app = fine(open_page("inspect", run="tiny-222", user="u3", item="i4"))
    layers = core_trace(at_home, "tiny-222").layers
    offered = control(app, 1).options
    assert list(offered) == ["1 · 4 of 4×4", "2 · 4 of 2×2", "3 · 4 of 1×1"]
    for number_of, layer in enumerate(layers):
        fine(control(app, 1).set_value(number_of).run()).run()  # the fragments, then the whole page
        alt = alts(fine(app))[2]
        assert f"Feature maps of {layer.name}" in alt
        assert f"{layer.shape[0]} channels of {layer.shape[1]} by {layer.shape[2]}" in alt


def test_a_channel_and_a_cell_bring_their_patch_and_arithmetic(at_home: Path) -> None:
    app = fine(open_page("inspect", run="tiny-42", user="u3", item="i4"))
    core = core_trace(at_home, "tiny-42", "u3", "i4")
    app.number_input(key="inspect:Channel").set_value(2).run()
    app.number_input(key="inspect:Row").set_value(1).run()
    app.number_input(key="inspect:Column").set_value(0).run()
    page_text = texts(fine(app))
    assert "4 to 7 of the user and 0 to 3 of the item" in page_text
    arithmetic = inspection.cell_arithmetic(core, 2, 1, 0)
    tex = next(line for line in page_text.splitlines() if "W_{2}" in line)
    shown = [float(text) for text in re.findall(r"(?<![\w{.])-?\d+\.\d+(?![.}\w])", tex)]
    signs = [arithmetic.product, abs(arithmetic.bias), arithmetic.total]
    assert shown[:3] == pytest.approx(signs, rel=5e-3)
    frame = figures_of(app)[0]["layout"]["shapes"]
    assert any((shape["y0"], shape["y1"], shape["x0"], shape["x1"]) == (3.5, 7.5, -0.5, 3.5) for shape in frame)


def test_another_network_is_never_asked_for_a_layer_that_it_lacks(at_home: Path) -> None:
    app = fine(open_page("inspect", run="tiny-222", user="u3", item="i4"))
    control(app, 1).set_value(2).run().run()
    app.selectbox(key="inspect:run").select("tiny-42").run()
    assert "Feature maps of layer 2" in alts(fine(app))[2]


def test_sorting_is_for_display_and_says_so(at_home: Path) -> None:
    app = fine(open_page("inspect", run="tiny-222", user="u3", item="i4"))
    assert "order of dimensions is arbitrary" in texts(app)
    control(app, 0).set_value("by p").run()
    assert "for display only" in texts(fine(app))
    p = core_trace(at_home, "tiny-222").p
    hover = array(figures_of(app)[0]["data"][0]["customdata"])  # (D, D, 4): p, q, d, e
    np.testing.assert_allclose(hover[:, 0, 0], np.sort(p)[::-1], rtol=1e-6)


def test_every_figure_and_table_has_words(opened: Opened) -> None:
    app = opened("inspect", run="tiny-222", user="u3", item="i4")
    assert len(figures_of(app)) == 4


# ---------------------------------------------------------------- one step of the browser's Back, runs in training


def test_one_choice_is_one_message_to_the_browser(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser makes a step of its history of each."""
    app = fine(open_page("inspect", run="tiny-222"))
    sent: list[object] = []
    real = QueryParams._send_query_param_msg

    def counted(self: QueryParams) -> None:
        sent.append(self)
        real(self)

    monkeypatch.setattr(QueryParams, "_send_query_param_msg", counted)
    monkeypatch.setattr(cache, "random_pair", lambda model: (3, 4))
    app.button(key="pair:random").click().run()
    assert len(sent) == 1
    assert set(fine(app).query_params) >= {"run", "user", "item"}
    app.run()
    assert len(sent) == 1, "what is chosen already is not written again"


def test_a_newcomer_sees_the_first_pair_of_the_core(at_home: Path, opened: Opened) -> None:
    loaded_run = loaded(at_home, "tiny-42")
    user, item = inspection.first_pair(loaded_run.model, loaded_run.split)
    app = opened("inspect", run="tiny-42")
    interactions = loaded_run.dataset.interactions
    assert app.query_params["user"] == interactions.users.id(user)
    assert app.query_params["item"] == interactions.items.id(item)


def test_a_run_in_training_says_so_and_looks_again_when_it_kept_another_epoch(copied_home: Path) -> None:
    run = RunStore(copied_home).open("tiny-222")
    assert "Still in training" not in texts(fine(open_page("inspect", run="tiny-222")))
    with run.lock():
        run.write_status(Status(state="running", phase="training", epoch=1, epochs=2, updated=time.time()))
        app = fine(open_page("inspect", run="tiny-222"))
        assert "epoch 1 of at most 2" in texts(app)
        before = cache.checkpoints_key(run)
        run.model_path.touch()
        assert cache.checkpoints_key(run) != before


def test_the_headline_explains_its_terms(opened: Opened) -> None:
    app = opened("inspect", run="tiny-222")
    assert "probability" in app.title[0].help
