"""Look closer on Inspect: one question open at a time, and models that lack what it needs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.views.inspect.closer import QUESTIONS
from tests.app_pages import Opened, control, figure, figures_of, fine, open_page, texts
from tests.closer_look import look

CLOSED = "Choose a question"
"""Shown while no question is open."""

# ---------------------------------------------------------------- the choice


def test_nothing_is_open_until_it_is_chosen_and_the_choice_is_in_the_address(at_home: Path) -> None:
    app = fine(open_page("inspect", run="tiny-222", user="u3", item="i4"))
    before = len(figures_of(app))
    assert "look" not in app.query_params
    control(app, -1).set_value("what-if").run()
    assert app.query_params["look"] == "what-if"
    assert len(figures_of(fine(app))) > before


def test_an_address_without_a_question_shows_none_whatever_was_open_before(at_home: Path) -> None:
    app = look("what-if")
    control(app, -1).set_value("diagonal").run()
    assert app.query_params["keep"] == "diagonal"
    for parameter in ("look", "keep"):
        del app.query_params[parameter]
    assert CLOSED in texts(fine(app.run()))
    app.query_params["look"] = "what-if"
    assert figure(fine(app.run()), "What if")
    assert "keep" not in app.query_params


def test_an_unknown_question_leaves_all_closed(opened: Opened) -> None:
    assert CLOSED in texts(look("<b>nonsense</b>", opened=opened))


# ---------------------------------------------------------------- models that have not got it


@pytest.mark.parametrize("name", list(QUESTIONS))
def test_a_model_without_embeddings_says_what_there_is_not(opened: Opened, name: str) -> None:
    app = look(name, "tiny-pop", opened)
    if QUESTIONS[name].needs != "nothing":
        assert texts(app).count("nothing to look into") == 2
        assert not figures_of(app)


def test_matrix_factorisation_has_no_channels(opened: Opened) -> None:
    app = look("channel", "tiny-mf", opened)
    assert texts(app).count("no feature maps") == 2


@pytest.mark.parametrize("name", list(QUESTIONS))
def test_every_question_has_a_text_for_each_figure_and_a_caveat_for_each_map(opened: Opened, name: str) -> None:
    app = look(name, opened=opened)
    maps = sum(any(trace["type"] == "heatmap" for trace in shown["data"]) for shown in figures_of(app)[4:])
    assert texts(app).count("order of dimensions is arbitrary") == 1 + maps


@pytest.mark.parametrize("name", list(QUESTIONS))
def test_a_run_that_is_deleted_while_a_question_is_open_is_a_sentence(copied_home: Path, name: str) -> None:
    app = look(name)
    shutil.rmtree(copied_home / "runs" / "tiny-222")
    assert "'tiny-222'" in texts(fine(app.run()))
