"""Train's form in the address, several seeds, an estimate, and a read-only server."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.ui import commands
from app.views.train import launch
from app.views.train.launch import command_arguments
from convncf.errors import JobError
from convncf.runs import RunStore, Status
from tests.app_pages import field, figures_of, open_page, texts
from tests.staged_runs import RUNNING, finished, stage

SETTINGS = {"data.dataset": "movielens-small", "model.name": "mf-bpr", "preset": "recbole", "train.epochs": 7}

PROCESSES: dict[str, Any] = {"DEVNULL": subprocess.DEVNULL, "TimeoutExpired": subprocess.TimeoutExpired}


def of_address(at: AppTest) -> dict[str, Any]:
    parameters: dict[str, Any] = json.loads(str(at.query_params["settings"]))
    return parameters


# ---------------------------------------------------------------- the address


def test_the_address_carries_model_and_preset_also_where_they_are_the_defaults(home: Path) -> None:
    at = open_page("train")
    assert of_address(at) == {"data.dataset": "movielens-small", "model.name": "convncf", "preset": "quick"}
    field(at, "Epochs").set_value(3).run()
    assert of_address(at)["train.epochs"] == 3


def test_a_link_restores_the_form(home: Path) -> None:
    more = {"seeds": "1-3", "eval.ks": [5, 7], "data.min_user": 4, "eval.validation_users": None}
    at = open_page("train", settings=json.dumps(SETTINGS | more))
    assert not at.exception
    assert at.selectbox(key="new:model").value == "mf-bpr"
    assert at.selectbox(key="new:mf-bpr:preset").value == "recbole"
    assert field(at, "Epochs").value == 7
    assert at.text_input(key="new:mf-bpr:recbole:eval.ks").value == "5, 7"
    assert field(at, "Several seeds").value == "1-3"
    assert "--set data.min_user=4" in texts(at)
    assert at.button(key="launch").label == "Launch 3 runs"
    kept = {key: value for key, value in more.items() if value is not None}  # no limit is the default
    assert of_address(at) == SETTINGS | kept


def test_settings_of_the_data_page_alone_fill_their_fields(home: Path) -> None:
    at = open_page("train", settings=json.dumps({"data.dataset": "movielens-small", "data.min_rating": 4.0, "seed": 5}))
    assert field(at, "Seed").value == 5
    assert "--set data.min_rating=4.0" in texts(at)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("[1]", "no JSON object"),
        (json.dumps({"train.epoch": 3}), "train.epochs"),  # did you mean
        (json.dumps({"train.epochs": "many"}), "train.epochs"),
        (json.dumps({"model.name": "bert"}), "'bert'"),
        (json.dumps({"preset": "fast"}), "fast"),
        (json.dumps({"seed": 2**60}), "too large"),
        (json.dumps({"train.device": "cuda:7"}), "'cuda:7'"),
    ],
)
def test_settings_that_cannot_be_used_are_reported_and_leave_the_form(text: str, message: str, home: Path) -> None:
    at = open_page("train", settings=text)
    assert not at.exception
    assert "cannot be used" in texts(at)
    assert message in texts(at)
    assert at.selectbox(key="new:model").value == "convncf"
    at.run()
    assert "cannot be used" in texts(at), "it is shown until the form changes"
    field(at, "Epochs").set_value(2).run()
    assert "cannot be used" not in texts(at)
    assert of_address(at)["train.epochs"] == 2


def test_the_settings_of_a_run_are_copied_into_the_form(home: Path) -> None:
    stage(home, "old", Status(state="finished", message="done"), settings={"train.epochs": 9, "seed": 4}, test=0.1)
    at = open_page("train", run="old")
    at.button(key="watch:copy:old").click().run()
    assert not at.exception
    assert field(at, "Epochs").value == 9
    assert field(at, "Seed").value == 4
    assert of_address(at)["train.epochs"] == 9
    assert "settings of old" in texts(at)


# ---------------------------------------------------------------- several seeds


def test_several_seeds_are_queued_once_and_shown_as_a_group(home: Path, workers: list[list[str]]) -> None:
    at = open_page("train", settings=json.dumps({"model.name": "popularity", "seeds": "2,3"}))
    field(at, "Name of the run").set_value("pop").run()
    assert "convncf train --dataset movielens-small --model popularity" in texts(at)
    assert "--seeds 2,3" in texts(at)
    at.button(key="launch").click().run()
    assert not at.exception
    assert "Queued: pop-seed2, pop-seed3." in texts(at)
    assert re.search("2 runs pop-seedN: seed 2 queued, seed 3 queued", texts(at))
    at.button(key="launch").click().run()
    assert "nothing was started twice" in texts(at)
    assert RunStore(home).names() == ("pop-seed2", "pop-seed3")
    assert [command[-1] for command in workers] == ["pop-seed2", "pop-seed3"]


def test_seeds_that_are_none_are_refused_with_a_message(home: Path) -> None:
    at = open_page("train")
    field(at, "Several seeds").set_value("1,1").run()
    assert "'1,1': seed 1" in texts(at)
    assert at.button(key="launch").disabled


def test_the_mean_over_seeds_stands_beside_each_of_them(home: Path) -> None:
    for seed, test in ((1, 0.1), (2, 0.3)):
        done = Status(state="finished", message="done")
        stage(home, f"mf-seed{seed}", done, model="mf-bpr", settings={"seed": seed}, test=test)
    assert "Test NDCG@10 over seeds: 0.2000" in texts(open_page("train", run="mf-seed1"))


# ---------------------------------------------------------------- watching


def test_runs_ahead_in_the_queue_are_named(home: Path) -> None:
    busy = stage(home, "busy", RUNNING)
    with busy.hold():
        at = open_page("train")
        assert "1 run ahead of it on this device: busy." in texts(at)


def test_a_finished_run_trains_on_through_the_core(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(home, "done")
    calls: list[Any] = []
    monkeypatch.setattr("convncf.jobs.extend", lambda run, epochs: calls.append((run.name, epochs)))
    at = open_page("train", run="done")
    at.number_input(key="watch:epochs:done").set_value(50).run()
    at.button(key="watch:extend:done").click().run()
    assert calls == [("done", 50)]
    assert "at most 50 epochs" in texts(at)


def test_smooth_curves_lie_over_their_own_ghost_and_stand_in_the_address(home: Path) -> None:
    finished(home, "done")
    at = open_page("train", run="done", smooth="0.6", along="step")
    _, validation = figures_of(at)
    ghost, line = validation["data"][:2]
    assert ghost["y"] == [0.1, 0.15, 0.14]
    assert ghost["opacity"] < 1
    assert line["y"][:2] == pytest.approx([0.1, (0.6 * 0.1 + 0.15) / 1.6])
    assert "faint line" in texts(at)
    assert open_page("train", run="done", smooth="7").get("bidi_component"), "an unknown choice is reported"


def test_a_run_that_chose_on_test_does_not_speak_of_validation(home: Path) -> None:
    settings = {"eval.select_on": "test"}
    run = stage(home, "leaky", Status(state="finished", message="done"), settings=settings, test=0.1)
    run.write_report((run.report() or {}) | {"best_epoch": 0})
    text = texts(open_page("train", run="leaky"))
    assert "NDCG@10 on test" in text
    assert "on test than the start" in text
    assert "optimistic" in text


# ---------------------------------------------------------------- the estimate


def test_the_estimate_is_measured_once_for_all_and_shown(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    st.cache_resource.clear()
    calls: list[list[str]] = []

    def run(command: list[str], **more: Any) -> Any:
        calls.append(command)
        return SimpleNamespace(stdout=json.dumps({"words": "about 4 min in all"}).encode(), stderr=b"", returncode=0)

    monkeypatch.setattr(launch, "subprocess", SimpleNamespace(**PROCESSES, run=run))
    expected = command_arguments("movielens-small", "convncf", "quick", "", {})

    def opened() -> AppTest:
        """The page as it is after a tick of its fragment, which AppTest does not have."""
        at = open_page("train")
        at.session_state["new:estimate:known"] = (tuple(expected), 0.0)
        return at.run()

    at = opened()
    for _ in range(50):
        if "Estimating time and memory" not in texts(at):
            break
        time.sleep(0.02)
        at.run()
    assert "about 4 min in all" in texts(at)
    assert "about 4 min in all" in texts(opened())
    assert len(calls) == 1, "the second visitor is shown the first one's"
    ((_, _, *told),) = calls
    assert told == [*expected, "--estimate", "--json"]
    st.cache_resource.clear()


def test_what_would_be_refused_is_reported_as_by_the_core(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    ended = SimpleNamespace(stdout=b"", stderr=b"error: this run needs about 9.9 GB of memory\n", returncode=1)
    answers = SimpleNamespace(**PROCESSES, run=lambda *command, **more: ended)
    monkeypatch.setattr(launch, "subprocess", answers)
    asked = launch.Estimate()
    asked.run(["convncf", "train"], home, threading.Lock())
    assert asked.done.is_set()
    assert (asked.text, asked.problem) == ("", "error: this run needs about 9.9 GB of memory")


# ---------------------------------------------------------------- read-only


def test_a_read_only_server_offers_nothing_that_changes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(home, "done")
    monkeypatch.setenv("CONVNCF_READ_ONLY", "1")
    at = open_page("train", run="done")
    assert not at.exception
    assert commands.READ_ONLY in texts(at)
    assert {button.key for button in at.button} <= {"watch:inspect", "watch:compare", "watch:recommend"}
    assert "Test NDCG@10: 0.162" in texts(at)


def test_every_command_refuses_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run: Any = finished(home, "done")
    monkeypatch.setenv("CONVNCF_READ_ONLY", "1")
    calls: list[tuple[Any, tuple[Any, ...]]] = [
        (commands.start_demo, ()),
        (commands.launch, (None, "x", "id")),
        (commands.launch_seeds, ({},)),
        (commands.resume, (run,)),
        (commands.extend, (run, 9)),
        (commands.refit, (run,)),
        (commands.stop, (run,)),
        (commands.kill, (run,)),
        (commands.delete, (run,)),
    ]
    public = {name for name, value in vars(commands).items() if getattr(value, "__wrapped__", None) is not None}
    assert {call.__name__ for call, _ in calls} == public - {"_one_at_a_time"}
    for call, arguments in calls:
        with pytest.raises(JobError, match="read-only"):
            call(*arguments)
    assert run.path.exists()


# ---------------------------------------------------------------- from Data


def test_what_was_chosen_on_data_goes_along_to_train(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    went: list[dict[str, str]] = []
    monkeypatch.setattr("app.ui.address.go", lambda page, **ids: went.append({"page": page} | ids))
    chosen = json.dumps({"data.dataset": "movielens-small", "data.min_user": 30})
    at = open_page("data", dataset="movielens-small", settings=chosen)
    at.button(key="dataset:train").click().run()
    ((page, dataset, settings),) = [tuple(one.values()) for one in went]
    assert (page, dataset, json.loads(settings)) == ("train", "movielens-small", json.loads(chosen))
    went.clear()
    other = json.dumps({"data.dataset": "another", "data.min_user": 30})
    at = open_page("data", dataset="movielens-small", settings=other)
    at.button(key="dataset:train").click().run()
    assert went == [{"page": "train", "dataset": "movielens-small"}]
