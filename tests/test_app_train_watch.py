"""Train, the watched run: which one it is, its downloads, and its refit."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import os
import shlex
from pathlib import Path

import pytest

from app.views.train import watch
from convncf.evaluation.report import KEPT_THE_START
from convncf.models.run_config import flatten
from convncf.models.settings import parse_setting, resolve
from convncf.runs import Run, RunStore, Status
from tests.app_pages import open_page, texts
from tests.staged_runs import finished, stage


def table_key(watched: str, *names: str) -> str:
    """Key of the table below, with these rows."""
    return f"runs:table:{watched}:{hashlib.sha256(chr(10).join(names).encode()).hexdigest()[:12]}"


def kept_the_start(home: Path, name: str, **settings: str) -> Run:
    run = stage(home, name, Status(state="finished", message="done"), settings=settings, test=0.1)
    run.write_report((run.report() or {}) | {"best_epoch": 0})
    return run


def test_a_tick_watches_a_run_and_does_not_undo_what_the_picker_chose(home: Path) -> None:
    finished(home, "older")
    finished(home, "newer")
    at = open_page("train", run="newer")
    at.session_state[table_key("newer", "newer", "older")] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    at.run()
    assert at.query_params["run"] == "older"
    at.selectbox(key="pick:run").select("newer").run()
    assert at.query_params["run"] == "newer"
    assert "newer · Finished" in texts(at)


def test_the_command_line_makes_the_same_configuration(home: Path) -> None:
    settings = {"train.epochs": 3, "model.cnn_kernels": [2, 4, 4], "model.cnn_strides": [2, 4, 4]}
    run = stage(home, "mine", Status(state="finished", message="done"), settings=settings, test=0.1)
    arguments = shlex.split(watch.command_line(run))
    assert arguments[arguments.index("--name") + 1] == "mine-again"
    chosen = dict(parse_setting(arguments[place + 1]) for place, word in enumerate(arguments) if word == "--set")
    again = resolve(model="convncf", preset=arguments[arguments.index("--preset") + 1], settings=chosen).config
    assert flatten(again) == flatten(run.config())
    assert watch.command_line(run) in texts(open_page("train", run="mine"))


def test_curves_have_a_row_an_epoch_and_a_column_a_metric(home: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(watch.curves(finished(home, "mine")))))
    assert [(row["phase"], row["epoch"], row["loss"], row["NDCG@10"]) for row in rows] == [
        ("training", "0", "", "0.1"),
        ("training", "1", "0.3", "0.15"),
        ("training", "2", "0.3", "0.14"),
    ]


def test_a_refit_starts_once_and_is_watched(
    home: Path, workers: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(home, "mine", "mf-bpr")
    monkeypatch.setattr("convncf.jobs.refit", lambda run, name: stage(run.home, name, Status()))
    at = open_page("train", run="mine")
    at.button(key="watch:refit:mine").click().run()
    assert not at.exception
    assert at.query_params["run"] == "mine-all"
    again = open_page("train", run="mine")
    again.button(key="watch:refit:mine").click().run()
    assert "mine-all exists already" in texts(again)
    assert [command[-1] for command in workers] == ["mine-all"]


def test_a_full_disk_is_reported_with_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("convncf.jobs.launch", full)
    at = open_page("train")
    at.button(key="launch").click().run()
    assert not at.exception
    assert f"The disk of {home} is full" in texts(at)
    assert "Free some space" in texts(at)


def test_where_nothing_is_changed_no_refit_is_offered(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(home, "mine", "mf-bpr")
    monkeypatch.setenv("CONVNCF_READ_ONLY", "1")
    at = open_page("train", run="mine")
    keys = {button.key for button in at.button}
    assert {"watch:inspect", "watch:compare", "watch:recommend"} <= keys
    assert not {"watch:refit:mine", "delete:mine", "watch:copy:mine"} & keys


def test_what_the_kept_start_means_is_reported_once_for_all_rows(home: Path) -> None:
    kept_the_start(home, "one")
    kept_the_start(home, "two")
    assert texts(open_page()).count(KEPT_THE_START) == 1


def test_a_run_that_was_chosen_on_the_test_part_says_so(home: Path) -> None:
    kept_the_start(home, "leaky", **{"eval.select_on": "test"})
    for page in ("start", "train"):
        assert "on test than the start" in texts(open_page(page))


@pytest.mark.parametrize("page", ["start", "data", "train", "runs"])
def test_a_page_begins_with_its_title(page: str, home: Path) -> None:
    """A bare string in a page's file would be drawn above it."""
    finished(home, "one")
    at = open_page(page)
    first = next(iter(at.main.children.values()))
    assert first.type == "title", first


def test_a_run_that_another_deletes_while_it_is_watched_is_reported_gone(home: Path) -> None:
    finished(home, "other")
    finished(home, "mine")
    at = open_page("train", run="mine")
    RunStore(home).delete("mine")
    at.button(key="watch:copy:mine").click().run()
    assert not at.exception
    assert "'mine' is not available" in texts(at)
    assert "other · Finished" in texts(at)
