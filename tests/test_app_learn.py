"""Learn: each step's numbers and answers are the core's, and the address has every choice."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.ui import commands
from app.ui.cache import Model
from app.ui.text import plain
from app.views.learn import bpr, embeddings, features, filter, map, score
from app.views.learn import steps as learn_steps
from app.views.learn.question import Question
from app.views.learn.steps import NAMES, NOTEBOOKS
from convncf.figures.theme import number, plural
from convncf.inspection import PairTrace, history, trace_pair
from convncf.inspection.bpr_step import BprSteps, bpr_steps, sample_triple
from convncf.inspection.sums import running_dot, score_sum, window
from convncf.runs import RunStore
from convncf.workflow.loading import LoadedRun
from tests.app_pages import ROOT, Opened, alts, control, figure, figures_of, fine, keys, open_page, texts
from tests.app_runs import AWKWARD
from tests.closer_look import indices, loaded
from tests.plotly_json import array

STEPS = range(1, 7)


def learn(step: int, run: str = "tiny-222", opened: Opened = open_page, **parameters: str) -> AppTest:
    """One step, on the usual pair."""
    return fine(opened("learn", **{"run": run, "user": "u3", "item": "i4", "step": str(step), **parameters}))


@cache
def core(home: Path, run: str = "tiny-222") -> tuple[LoadedRun, PairTrace]:
    """The run and the usual pair's trace, past the app's caches."""
    loaded_run = loaded(home, run)
    trace = trace_pair(loaded_run.model, *indices(loaded_run))
    assert isinstance(trace, PairTrace)
    return loaded_run, trace


# ---------------------------------------------------------------- the steps


@pytest.mark.parametrize("step", STEPS)
def test_every_step_asks_answers_to_a_slider_and_says_how_to_read_it(opened: Opened, step: int) -> None:
    app = learn(step, opened=opened)
    assert f"{step} of 6 · {NAMES[step - 1]}" in texts(app)
    assert any(key.startswith("learn:guess:") for key in keys(app))
    assert len(app.slider) + len(app.select_slider) >= 1
    assert figures_of(app)
    assert app.button(key="learn:back").disabled == (step == 1)
    assert app.button(key="learn:next").disabled == (step == 6)
    maps = sum(alt.startswith("Interaction map") for alt in alts(app))
    assert texts(app).count("order of dimensions is arbitrary") == maps == (1 if step in (2, 3, 4) else 0)


def test_step_1_adds_up_to_the_slider(at_home: Path) -> None:
    _, trace = core(at_home)
    app = learn(1, dimension="2")
    app.slider(key="learn:dimension").set_value(5).run()
    assert app.query_params["dimension"] == "5"
    sums = running_dot(trace).sums
    assert f"**{number(float(sums[5]))}**" in texts(fine(app))
    bars = array(figure(app, "Embeddings of 8")["data"][3]["y"])
    assert np.array_equal(bars[:6], sums[:6])
    assert np.isnan(bars[6:]).all()


def test_step_2_lights_the_row(at_home: Path, opened: Opened) -> None:
    _, trace = core(at_home)
    app = learn(2, opened=opened, dimension="6")
    plot = figure(app, "Interaction map")
    assert np.array_equal(array(plot["data"][0]["z"]), trace.map)
    assert plot["layout"]["shapes"][0]["y0"] == 5.5
    assert f"**{number(running_dot(trace).product)}**" in texts(app)


@pytest.mark.parametrize("run", ["tiny-222", "tiny-42"])
def test_step_3_shows_the_arithmetic_of_the_window(at_home: Path, run: str) -> None:
    _, trace = core(at_home, run)
    app = learn(3, run, filter="2", place="1")
    app.slider(key="learn:place").set_value(3).run()
    width = trace.layers[0].shape[2]
    at = window(trace, 2, *divmod(3, width)).arithmetic
    assert f"is {number(at.value)}.**" in texts(fine(app))
    assert f"= {number(at.total)}" in texts(app)
    frame = figure(app, "Interaction map")["layout"]["shapes"][0]
    assert (frame["y0"], frame["y1"]) == (at.rows.start - 0.5, at.rows.stop - 0.5)
    assert (frame["x0"], frame["x1"]) == (at.cols.start - 0.5, at.cols.stop - 0.5)
    assert np.array_equal(array(figure(app, "Filter 2")["data"][1]["z"]), at.filter)


def test_step_4_shows_the_layer_and_what_a_cell_has_seen(at_home: Path) -> None:
    app = learn(4, layer="1", channel="0")
    app.slider(key="learn:layer").set_value(3).run()
    assert fine(app).query_params["layer"] == "3"
    assert figure(app, "Feature maps of layer 3")
    assert "8×8 of 8×8" in texts(app), "a cell of the last layer has seen everything"


def test_step_5_adds_up_to_the_score(at_home: Path) -> None:
    _, trace = core(at_home)
    app = learn(5)
    assert "terms" not in app.query_params
    app.slider(key="learn:terms").set_value(3).run()
    terms = score_sum(trace)
    assert f"3 terms: **{number(float(terms.sums[3]))}**" in texts(fine(app))
    assert f"**{number(trace.score)}**" in texts(app)
    bars = figure(app, "The score")["data"][0]
    assert array(bars["base"])[-1] + array(bars["x"])[-1] == pytest.approx(trace.score)
    assert "p·q" in texts(app), "the quick preset begins as the dot product"


def test_step_6_takes_the_steps_of_the_core_and_leaves_the_run_alone(at_home: Path) -> None:
    path = RunStore(at_home).open("tiny-222").model_path
    before = path.read_bytes()
    loaded_run, _ = core(at_home)
    triple = sample_triple(loaded_run.split, *indices(loaded_run), 2)
    app = learn(6, draw="2", rate="3", guess="grows")
    steps = bpr_steps(loaded_run.model, triple, 3.0)
    app.slider(key="learn:taken").set_value(20).run()
    assert f"After {plural(20, 'step')}" in texts(fine(app))
    assert f"margin **{number(float(steps.margin[20]), 4)}**, loss **{number(float(steps.loss[20]))}**" in texts(app)
    lines = figure(app, "After 20 of 20 steps at step size 3")["data"]
    assert array(lines[0]["y"]) == pytest.approx(steps.positive)
    assert array(lines[1]["y"]) == pytest.approx(steps.negative)
    app.button(key="learn:draw").click().run()
    assert (fine(app).query_params["draw"], app.query_params["rate"]) == ("3", "3")
    assert "guess" not in app.query_params, "another triple is asked about again"
    app.select_slider(key="learn:rate").set_value("0.1").run()
    assert figure(fine(app), "After 20 of 20 steps at step size 0.1")
    assert path.read_bytes() == before


def test_step_6_steps_on_an_item_that_the_user_has(at_home: Path, opened: Opened) -> None:
    loaded_run, _ = core(at_home)
    user, _ = indices(loaded_run)
    own = history(loaded_run.split, user)
    items = {str(part): int(item) for item, part in zip(own.items, own.parts, strict=True)}
    label = loaded_run.dataset.items.distinct_label
    for part, noted in (("training", False), ("test", True)):
        app = learn(6, opened=opened, item=loaded_run.dataset.interactions.items.id(items[part]))
        assert ("does not have" in texts(app)) == noted
        positive = sample_triple(loaded_run.split, user, items[part]).positive
        assert f"i = **{plain(label(positive))}**".replace("\\", "") in texts(app)


# ---------------------------------------------------------------- questions


def questions(trace: PairTrace, steps: BprSteps) -> list[Question]:
    pairs = (embeddings, map, filter, features, score)
    return [*(panel.question(trace) for panel in pairs), bpr.question(steps)]


def test_a_guess_can_be_taken_back(at_home: Path) -> None:
    app = learn(1, guess="above")
    assert "You answered “above 0”" in texts(app)
    app.button(key="learn:again").click().run()
    assert "guess" not in fine(app).query_params
    assert "You answered" not in texts(app)


@pytest.mark.parametrize("step", STEPS)
def test_the_run_answers_each_question(at_home: Path, step: int) -> None:
    """The wrong guess is pressed, the right one is in a link."""
    loaded_run, trace = core(at_home)
    steps = bpr_steps(loaded_run.model, sample_triple(loaded_run.split, *indices(loaded_run)), 1.0)
    question = questions(trace, steps)[step - 1]
    wrong = next(key for key in question.answers if key != question.right)
    app = learn(step)
    assert question.reveal not in texts(app), "not before the guess"
    app.button(key=f"learn:guess:{wrong}").click().run()
    assert fine(app).query_params["guess"] == wrong
    assert f"{question.answers[question.right]}. {question.reveal}" in texts(app).replace("** ", " ")
    app.query_params["guess"] = question.right
    assert f"right.** {question.reveal}" in texts(app.run())


# ---------------------------------------------------------------- from step to step


def test_next_back_and_the_list_move_and_keep_the_address_to_the_step(at_home: Path) -> None:
    app = learn(1, dimension="5", guess="above")
    app.button(key="learn:next").click().run()
    assert (fine(app).query_params["step"], app.query_params["dimension"]) == ("2", "5")
    assert "guess" not in app.query_params
    control(app, 0).set_value(6).run()
    assert set(fine(app).query_params) == {"run", "user", "item", "step"}
    for step in (5, 4, 3, 2):
        app.button(key="learn:back").click().run()
        assert fine(app).query_params["step"] == str(step)
    assert app.query_params["dimension"] == "5", "as it was left"


def test_another_pair_is_asked_about_again(at_home: Path) -> None:
    app = learn(1, guess="above")
    assert "You answered" in texts(app)
    app.button(key="pair:random").click().run()
    if (app.query_params["user"], app.query_params["item"]) != ("u3", "i4"):
        assert "You answered" not in texts(fine(app))
        assert "guess" not in app.query_params


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"step": "9"}, "step '9'.* from 1 to 6"),
        ({"step": "3", "place": "<b>"}, "place '<b>'.* from 0 to 15"),
        ({"step": "6", "rate": "2"}, "step size '2'.* 0.1, 0.3, 1, 3, 10. 1 "),
        ({"step": "1", "item": "<b>"}, "30 .* id '<b>'"),
    ],
)
def test_what_the_address_cannot_mean_is_reported(opened: Opened, parameters: dict[str, str], words: str) -> None:
    app = opened("learn", **{"run": "tiny-222", "user": "u3", "item": "i4", **parameters})
    assert re.search(words, texts(app))


def test_without_an_address_a_first_pair_is_shown(opened: Opened) -> None:
    app = opened("learn")
    assert {"run", "user", "item"} == set(app.query_params)
    assert figures_of(app)


def test_titles_stand_as_they_are(opened: Opened) -> None:
    assert AWKWARD in texts(learn(1, opened=opened, item="i3"))


def test_a_dot_product_start_is_reported_and_one_that_was_kept_too(
    at_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded_run, _ = core(at_home)
    config = loaded_run.config.model_copy(
        update={"model": loaded_run.config.model.model_copy(update={"initialisation": "dot product"})}
    )
    model = Model(("key",), ("data",), replace(loaded_run, config=config, epoch=3))
    assert "p·q" in learn_steps.how_it_started(model)
    assert "kept model is that start" not in learn_steps.how_it_started(model)
    kept = replace(model, loaded=replace(model.loaded, epoch=0))
    assert "kept model is that start" in learn_steps.how_it_started(kept)


def test_each_step_names_notebooks_that_are_there_and_no_other(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    named: set[str] = set()
    for step in range(1, len(NAMES) + 1):
        names = set(re.findall(r"notebooks/(\w+)\.ipynb:", texts(learn(step, opened=opened)).replace("`", "")))
        assert "00_quick_start" in names
        assert len(names) > 1, f"step {step} has one of its own"
        assert all((ROOT / "notebooks" / f"{name}.ipynb").is_file() for name in names)
        named |= names
    assert named == set(NOTEBOOKS), "each lesson is named somewhere"
    monkeypatch.setattr(learn_steps, "_FOLDER", ROOT / "no such folder")
    assert "ipynb" not in texts(learn(1))


# ---------------------------------------------------------------- nothing to tell


def test_on_a_read_only_server_the_demo_is_not_offered_and_a_run_is_explained(
    at_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVNCF_READ_ONLY", "1")
    assert figures_of(learn(6))
    monkeypatch.setenv("CONVNCF_HOME", str(tmp_path))
    app = fine(open_page("learn"))
    assert commands.READ_ONLY in texts(app)
    assert not app.button


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("broken", "broken"),
        ("tiny-mf", "is MF-BPR"),
        ("nope", "'nope'"),
    ],
)
def test_a_run_that_cannot_be_explained_is_a_sentence_and_another_is_at_hand(
    at_home: Path, run: str, words: str
) -> None:
    app = fine(open_page("learn", run=run))
    assert words in texts(app)
    assert not figures_of(app)
    app.selectbox(key="inspect:run").select("tiny-222").run()
    assert figures_of(fine(app))
    assert app.query_params["run"] == "tiny-222"


def test_damaged_tensors_and_a_run_that_is_deleted_while_open_are_sentences(copied_home: Path) -> None:
    app = learn(1)
    (copied_home / "runs" / "tiny-42" / "model.safetensors").write_bytes(b"not tensors")
    assert "model.safetensors" in texts(fine(open_page("learn", run="tiny-42")))
    shutil.rmtree(copied_home / "runs" / "tiny-222")
    assert "'tiny-222'" in texts(fine(app.run()))
