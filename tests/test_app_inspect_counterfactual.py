"""What if, and over training, on Inspect: score, rank and maps are the core's, and the address holds what is chosen."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from convncf import inspection
from convncf.figures.theme import number
from convncf.inspection import Block, Counterfactual
from convncf.runs import RunStore
from convncf.workflow.loading import checkpoints_of
from tests.app_pages import Opened, again, figure, figures_of, fine, open_page, square, texts
from tests.closer_look import find_by_typing, indices, loaded, look
from tests.plotly_json import array

NOTHING = "Nothing is changed"

# ---------------------------------------------------------------- what if


@pytest.mark.parametrize(
    ("run", "parameters", "edit"),
    [
        ("tiny-222", {"zero_user": "1.3"}, Counterfactual(zero_user=frozenset({1, 3}))),
        (
            "tiny-222",
            {"zero_user": "0", "zero_item": "7"},
            Counterfactual(zero_user=frozenset({0}), zero_item=frozenset({7})),
        ),
        ("tiny-222", {"keep": "diagonal"}, Counterfactual(keep="diagonal")),
        ("tiny-222", {"block": "0-3.4-7"}, Counterfactual(block=Block(0, 4, 4, 8))),
        ("tiny-42", {}, Counterfactual()),
        ("tiny-mf", {"zero_item": "2", "keep": "diagonal"}, Counterfactual(zero_item=frozenset({2}), keep="diagonal")),
        ("tiny-mf", {"block": "0-7.0-7"}, Counterfactual(block=Block(0, 8, 0, 8))),
    ],
)
def test_score_and_rank_after_an_edit_are_the_cores(
    at_home: Path, opened: Opened, run: str, parameters: dict[str, str], edit: Counterfactual
) -> None:
    loaded_run = loaded(at_home, run)
    pair = indices(loaded_run)
    expected = inspection.score_counterfactual(loaded_run.model, *pair, edit)
    ranked = inspection.rank_counterfactual(loaded_run.model, loaded_run.split, *pair, edit)
    app = look("what-if", run, opened, **parameters)
    page_text = texts(app)
    assert f"{number(expected.score_before)} → {number(expected.score_after)}" in page_text
    assert edit.words[1:] in page_text
    assert "order of dimensions is arbitrary" in page_text
    moved = figure(app, "What if")["data"]
    assert array(moved[0]["x"]) == pytest.approx([ranked.score_before, ranked.score_after])
    assert re.search(f"{re.escape(ranked.before.words)}.*{re.escape(ranked.after.words)}", page_text)
    assert array(moved[1]["x"]).tolist() == [ranked.before.rank, ranked.after.rank]
    maps = figure(app, "Two maps")["data"]
    np.testing.assert_allclose(square(maps[0]["z"]), expected.map_after, rtol=1e-6)
    np.testing.assert_allclose(square(maps[1]["z"]), expected.map_before, rtol=1e-6)


def test_another_users_embedding_replaces_p_and_is_named_by_id(at_home: Path) -> None:
    loaded_run = loaded(at_home, "tiny-222")
    pair, other = indices(loaded_run), loaded_run.dataset.interactions.users.index("u17")
    expected = inspection.rank_counterfactual(loaded_run.model, loaded_run.split, *pair, Counterfactual(user=other))
    app = look("what-if")
    find_by_typing(app, "edit:user", "u17")
    assert app.query_params["as_user"] == "u17"
    assert app.query_params["user"] == "u3"
    page_text = texts(fine(app))
    assert "of user u17 in place" in page_text
    assert f"**{expected.after.words}**" in page_text
    assert NOTHING in texts(look("what-if", as_user="u3"))


def test_an_edit_is_made_by_hand_stands_in_the_address_and_is_reset(at_home: Path) -> None:
    app = look("what-if")
    assert NOTHING in texts(app)
    app.multiselect(key="edit:zero_user").set_value([5, 2]).run()
    app.multiselect(key="edit:zero_item").set_value([0]).run()
    app.toggle(key="edit:masked").set_value(True).run()
    app.slider(key="edit:rows").set_value((2, 5)).run()
    assert app.query_params["zero_user"] == "2.5"
    assert app.query_params["block"] == "2-5.0-3"
    page_text = texts(fine(app))
    assert re.search("imensions 2 and 5 of p.*imension 0 of every q.*rows 2 to 5, columns 0 to 3", page_text)
    assert texts(again(app, "inspect")) == page_text
    app.button(key="edit:reset").click().run()
    assert not {"zero_user", "zero_item", "keep", "block", "as_user"} & set(app.query_params)
    assert NOTHING in texts(fine(app))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"zero_user": "8"}, "0 to 7; 8 of the address"),
        ({"zero_item": "1.x.-2"}, "0 to 7; x, -2 of the address"),
        ({"as_user": "<b>zz</b>"}, "'<b>zz</b>'"),
        ({"keep": "<i>"}, "keeps '<i>' of the map"),
        ({"block": "5-3.0-1"}, "the block '5-3.0-1'"),
        ({"block": "0-8.0-1"}, "the block '0-8.0-1'"),
        ({"block": "٣"}, "the block '٣'"),
    ],
)
def test_an_edit_that_cannot_be_is_a_sentence(at_home: Path, parameters: dict[str, str], words: str) -> None:
    app = look("what-if", "tiny-222", open_page, **parameters)
    assert words in texts(app)
    assert figure(app, "What if")
    app.button(key="edit:reset").click().run()
    assert words not in texts(fine(app))


# ---------------------------------------------------------------- over training


@pytest.mark.parametrize("run", ["tiny-222", "tiny-mf"])
def test_each_checkpoint_has_the_cores_map_score_and_rank(at_home: Path, run: str) -> None:
    loaded_run = loaded(at_home, run)
    expected = inspection.follow_pair(checkpoints_of(loaded_run), loaded_run.split, *indices(loaded_run)).checkpoints
    app = look("over-training", run)
    best = next(checkpoint for checkpoint in expected if checkpoint.best)
    assert f"{best.label}**: score **{number(best.score)}**, **{best.rank.words}" in texts(app)
    assert len(expected) >= 3
    for checkpoint in expected:
        app.select_slider(key="over-training:moment").set_value(checkpoint.label).run()
        assert app.query_params["moment"] == checkpoint.label
        assert f"{checkpoint.label}**: score **{number(checkpoint.score)}**, **{checkpoint.rank.words}" in texts(
            fine(app)
        )
        curve = figure(app, "Score and rank")["data"]
        assert array(curve[0]["y"]) == pytest.approx([one.score for one in expected])
        assert array(curve[2]["y"]).tolist() == [one.rank.rank for one in expected]
        heat = figures_of(app)[-2]["data"][0]
        np.testing.assert_allclose(square(heat["z"]), np.outer(checkpoint.p, checkpoint.q), rtol=1e-6)


def test_the_slider_begins_where_the_page_is(opened: Opened) -> None:
    app = look("over-training", opened=opened, epoch="1")
    assert app.select_slider(key="over-training:moment").value == "epoch 1"


def test_a_checkpoint_that_was_not_kept_is_reported(opened: Opened) -> None:
    assert "'<epoch 99>'" in texts(look("over-training", opened=opened, moment="<epoch 99>"))


def test_a_damaged_checkpoint_is_reported_and_the_others_are_followed(copied_home: Path) -> None:
    run = RunStore(copied_home).open("tiny-222")
    best = loaded(copied_home, "tiny-222").epoch
    damaged = next(kept for kept in run.checkpoints() if kept.epoch != best)
    damaged.path.write_bytes(b"not tensors")
    app = look("over-training")
    assert "Skipped" in texts(app)
    assert damaged.label not in [
        option.partition(" · ")[0] for option in app.select_slider(key="over-training:moment").options
    ]


def test_a_run_that_kept_one_model_alone_has_no_slider(copied_home: Path) -> None:
    run = RunStore(copied_home).open("tiny-mf")
    for kept in run.checkpoints():
        kept.path.unlink()
    app = look("over-training", "tiny-mf")
    assert "No other checkpoint" in texts(app)
    assert not [slider for slider in app.select_slider if slider.key == "over-training:moment"]
