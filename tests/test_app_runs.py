"""Runs: the table's rows, their order and epoch; what the address keeps; what the buttons do."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from streamlit.testing.v1 import AppTest

from app.ui import address, run_summary, run_table
from app.ui import run_table as runs_columns
from app.ui.run_summary import RunSummary
from app.views.runs import actions, filters
from app.views.runs.filters import Choice
from convncf import figures
from convncf.errors import JobError
from convncf.runs import Labels, Run, RunStore, Status
from tests.app_pages import open_page, texts
from tests.staged_runs import RUNNING, stage

DONE = Status(state="finished", message="done")
AWKWARD = "*odd* $x$ :red[tag] <b>"


def made(home: Path, name: str, created: float, *, test: float | None = 0.2, model: str = "mf-bpr", **more: Any) -> Run:
    """A finished run that was made at that moment; `more` goes into its report."""
    settings = more.pop("settings", None)
    run = stage(home, name, DONE, model=model, settings=settings, test=test)
    rewrite(run.path / "config.json", created=created)
    if test is not None:
        rewrite(run.path / "report.json", **{"split_fingerprint": "s", "dataset": "movielens-small", **more})
    return Run(run.path)


def rewrite(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def shown(at: AppTest) -> list[str]:
    """Names in the table, top first."""
    return list(at.dataframe[0].value["run"])


def seen(home: Path) -> dict[str, RunSummary]:
    return {one.name: one for one in run_summary.summaries(RunStore(home).all())}


def choice(**more: Any) -> Choice:
    usual: Mapping[str, Any] = {
        "search": "",
        "filters": {},
        "archived": "no",
        "metric": "own",
        "sort": "created",
        "down": True,
        "columns": runs_columns.DEFAULT,
    }
    return Choice(**{**usual, **more})


def names(home: Path, **more: Any) -> list[str]:
    return [one.name for one in filters.matching(list(seen(home).values()), choice(**more))]


# ---------------------------------------------------------------- the table


def test_an_empty_home_leads_on(home: Path) -> None:
    at = open_page("runs")
    assert not at.exception
    assert at.button(key="demo").label == "Train the demo models"
    assert not at.dataframe


def test_each_figure_of_a_row_is_of_the_kept_epoch(home: Path) -> None:
    """The run overfits: its best epoch is 1 of 2, and what came out of the last one stands nowhere."""
    run = made(home, "overfits", 1.0, test=0.162, validation={"NDCG@10": 0.15})
    at = open_page("runs", columns=["run", "test", "validation", "epoch", "epochs"])
    row = at.dataframe[0].value.iloc[0]
    kept = next(line for line in run.metrics() if line["epoch"] == 1)
    assert (row["epoch"], row["epochs"], row["test"]) == (1, 2, 0.162)
    assert row["validation"] == kept["validation"]["NDCG@10"] == 0.15
    assert row["test"] == (run.report() or {})["metrics"]["NDCG@10"]


def test_numbers_are_sorted_as_numbers_and_equal_ones_are_one_value(home: Path) -> None:
    values = [9, 10, 100, 1e-3, 0.001]
    for place, value in enumerate(values):
        made(home, f"r{place}", float(place), settings={"train.lr_embedding": value})
    assert runs_columns.differing(list(seen(home).values())) == ("train.lr_embedding",)
    assert names(home, sort="set:train.lr_embedding", down=False) == ["r4", "r3", "r0", "r1", "r2"]
    two = {name: one for name, one in seen(home).items() if name in ("r3", "r4")}
    assert runs_columns.differing(list(two.values())) == (), "1e-3 and 0.001 are one number"
    at = open_page("runs", sort="set:train.lr_embedding", order="up", columns=["run", "set:train.lr_embedding"])
    assert list(at.dataframe[0].value["set:train.lr_embedding"]) == [0.001, 0.001, 9, 10, 100]


def test_runs_that_were_measured_otherwise_are_never_ranked_among_each_other(home: Path) -> None:
    made(home, "a-low", 1.0, test=0.1)
    made(home, "b-high", 2.0, test=0.9, split_fingerprint="another")
    made(home, "a-high", 3.0, test=0.3)
    made(home, "b-low", 4.0, test=0.2, split_fingerprint="another")
    made(home, "untested", 5.0, test=None)
    at = open_page("runs", sort="test")
    assert shown(at) == ["a-high", "a-low", "b-high", "b-low", "untested"], "0.9 is not above 0.3"
    assert list(at.dataframe[0].value["alike"]) == ["A", "A", "B", "B", ""]
    assert "2 kinds of measurement" in texts(at)
    assert "kinds of measurement" not in texts(open_page("runs", search="a-"))


def test_a_metric_is_chosen_for_all_and_a_run_without_it_shows_nothing(home: Path) -> None:
    made(home, "one", 1.0)
    made(home, "none", 2.0, metrics={"NDCG@10": 0.4})
    frame = open_page("runs", metric="HR@10", columns=["run", "test"]).dataframe[0].value
    assert dict(zip(frame["run"], frame["test"].fillna(-1), strict=True)) == {"none": -1, "one": 0.5}


def test_the_colour_of_a_run_is_the_same_on_every_page_and_survives_name_tag_and_archive(home: Path) -> None:
    for place, name in enumerate("abc"):
        made(home, name, float(place))

    def colours() -> dict[str, str]:
        frame = open_page("runs", archived="yes").dataframe[0].value
        return {
            run: unquote(mark).split("fill='")[1][:7] for run, mark in zip(frame["run"], frame["colour"], strict=True)
        }

    before = colours()
    assert before == {n: figures.run_colour(n, address.run_order(), figures.LIGHT) for n in "abc"}
    RunStore(home).rename("a", "zzz")
    actions.archive(["b"], True)
    actions.tag(["c"], add=["t"])
    assert colours() == {"zzz": before["a"], "b": before["b"], "c": before["c"]}


def test_broken_lost_and_failed_runs_are_distinguished_and_hide_no_other(home: Path) -> None:
    made(home, "good", 4.0)
    for place, (name, status) in enumerate(
        {"gone": RUNNING, "failed": Status(state="failed", message="the disk is full")}.items()
    ):
        rewrite(stage(home, name, status).path / "config.json", created=float(place))
    (made(home, "broken", 9.0).path / "config.json").write_text("{ not json")
    (made(home, "odd-labels", 3.0).path / "labels.json").write_text("{ not json")
    at = open_page("runs", run=["broken", "odd-labels", "failed"])
    frame = at.dataframe[0].value
    assert not at.exception
    words = {"good": "Finished", "odd-labels": "Finished", "failed": "Failed", "gone": "Lost", "broken": "Broken"}
    assert dict(zip(frame["run"], frame["state"], strict=True)) == words
    assert "**broken**" in texts(at)
    assert "Labels of odd-labels" in texts(at)
    assert "failed: the disk is full" in texts(at)
    assert shown(open_page("runs", state="broken")) == ["broken"]


# ---------------------------------------------------------------- search, filters, address


def test_search_looks_in_name_tag_note_dataset_and_model(home: Path) -> None:
    made(home, "first", 1.0)
    made(home, "second", 2.0, model="popularity")
    RunStore(home).open("first").label(lambda labels: labels.with_tags(add=["Für Amélie"]).with_note("keep this"))
    assert names(home, search="amelie fur") == ["first"]
    assert names(home, search="KEEP first") == ["first"]
    assert names(home, search="popularity") == ["second"]
    assert names(home, search="movielens") == ["second", "first"]
    assert names(home, search="amelie second") == []
    assert names(home, filters={"model": "popularity"}) == ["second"]
    assert names(home, filters={"tag": "Für Amélie", "state": "finished", "dataset": "movielens-small"}) == ["first"]


def test_archived_runs_are_left_out_and_counted(home: Path) -> None:
    made(home, "kept", 1.0)
    made(home, "aside", 2.0)
    actions.archive(["aside"], True)
    at = open_page("runs")
    assert shown(at) == ["kept"]
    assert "1 of 2 runs. 1 archived" in texts(at)
    assert shown(open_page("runs", archived="yes")) == ["aside", "kept"]
    assert shown(open_page("runs", archived="only")) == ["aside"]


def test_the_address_carries_every_choice_but_the_defaults(home: Path) -> None:
    made(home, "first", 1.0)
    at = open_page("runs")
    assert not at.query_params
    at.selectbox(key="runs:archived").select("yes").run()
    at.text_input(key="runs:search").input("FIRST").run()
    assert (at.query_params["archived"], at.query_params["search"]) == ("yes", "FIRST")
    assert shown(at) == ["first"]


def test_a_choice_that_no_run_has_is_reported_and_skipped(home: Path) -> None:
    made(home, "first", 1.0)
    at = open_page("runs", dataset="gone-data", run="gone-run", sort="set:train.nothing")
    assert not at.exception
    assert shown(at) == ["first"]
    assert all(f"'{gone}'" in texts(at) for gone in ("gone-data", "gone-run", "set:train.nothing"))


# ---------------------------------------------------------------- actions


def press(at: AppTest, label: str) -> AppTest:
    """Press the button with these words in it, whichever colour they have."""
    return next(button for button in at.button if label in button.label).click().run()


def test_rename_tag_and_note_one_run(home: Path) -> None:
    made(home, "first", 1.0)
    at = open_page("runs", run="first")
    at.text_input(key="runs:add:first").input(f"a, {AWKWARD}")
    press(at, "Add")
    assert RunStore(home).open("first").labels().tags == ("a", AWKWARD)
    at.text_area(key="runs:note:first").input(AWKWARD)
    press(at, "Save the note")
    assert AWKWARD in list(at.dataframe[0].value["note"]), "a table shows text as it is"
    at.text_input(key="runs:name:first").input("second")
    press(at, "Rename")
    assert not at.exception
    assert shown(at) == ["second"]
    assert "first is now second." in texts(at)
    assert at.query_params["run"] == "second", "it stays ticked"


def test_a_name_that_cannot_be_is_refused_with_a_message(home: Path) -> None:
    made(home, "first", 1.0)
    at = open_page("runs", run="first")
    at.text_input(key="runs:name:first").input("a/b")
    press(at, "Rename")
    assert "'a-b' would do" in texts(at)
    assert RunStore(home).names() == ("first",)


def test_several_are_deleted_after_a_question_that_names_them(home: Path) -> None:
    for place, name in enumerate(("a", "b", "c")):
        made(home, name, float(place))
    began = {"model.pre_model_path": "a", "model.train_method": "after_pretrain", "pretrain.epochs": 0}
    stage(home, "net", DONE, settings=began, test=0.1)
    at = open_page("runs", run=["a", "b"])
    assert "Delete b, a with models" in texts(at)
    assert "net started" in texts(at)
    press(at, "Delete 2 runs for good")
    assert RunStore(home).names() == ("c", "net")
    assert "b, a: deleted." in texts(at)
    assert "run" not in at.query_params


def test_what_is_gone_or_at_work_is_reported_and_the_rest_is_done(home: Path) -> None:
    for place, name in enumerate(("gone", "busy", "free")):
        made(home, name, float(place))
    at = open_page("runs", run=["gone", "busy", "free"])
    RunStore(home).delete("gone")  # in another browser
    with RunStore(home).open("busy").hold():
        press(at, "Delete 3 runs for good")
    assert RunStore(home).names() == ("busy",)
    assert "free: deleted." in texts(at)
    assert "'gone'" in texts(at)
    assert "'busy'" in texts(at)


def test_a_read_only_server_has_no_button_that_changes_anything(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVNCF_READ_ONLY", "1")
    made(home, "first", 1.0)
    at = open_page("runs", run="first")
    assert shown(at) == ["first"]
    assert "read-only" in texts(at)
    assert [button.label for button in at.button] == []
    acts: tuple[Callable[[], str], ...] = (
        lambda: actions.delete(["first"]),
        lambda: actions.rename("first", "x"),
        lambda: actions.note("first", "x"),
        lambda: actions.tag(["first"], add=["x"]),
    )
    for act in acts:
        with pytest.raises(JobError, match="read-only"):
            act()
    assert RunStore(home).open("first").labels() == Labels()


# ---------------------------------------------------------------- what is taken away


def test_csv_and_latex_hold_the_rows_and_columns_as_filtered(home: Path) -> None:
    made(home, "first_run", 1.0, test=1 / 3)
    RunStore(home).open("first_run").label(lambda labels: labels.with_note('=1+1, "quoted" 50%'))
    rows = list(seen(home).values())
    columns = runs_columns.chosen(("run", "test", "epoch", "note", "created"), "own", rows)
    read = list(csv.reader(io.StringIO(actions.as_csv(rows, columns))))
    assert read == [
        ["Run", "Test", "Epoch", "Note", "Created, UTC"],
        ["first_run", repr(1 / 3), "1", '=1+1, "quoted" 50%', "1970-01-01T00:00:01+00:00"],
    ]
    latex = actions.as_latex(rows, columns)
    assert r"first\_run & 0.333 & 1 & " in latex
    assert "{lrrll}" in latex


def test_the_command_says_the_same_filters() -> None:
    arguments = actions.command(choice(search="a b", filters={"state": "failed", "tag": "x"}, archived="only"))
    assert arguments == [
        "convncf",
        "runs",
        "list",
        "--search",
        "a b",
        "--state",
        "failed",
        "--tag",
        "x",
        "--archived-only",
    ]


# ---------------------------------------------------------------- on the Train page


def test_the_train_page_lists_what_is_at_work_and_the_newest_ten(home: Path) -> None:
    at_work = stage(home, "old-at-work", RUNNING)
    rewrite(at_work.path / "config.json", created=0.5)
    for place in range(12):
        made(home, f"r{place:02}", float(place + 1))
    with at_work.hold():
        at = open_page("train")
    assert shown(at) == [*(f"r{place:02}" for place in range(11, 1, -1)), "old-at-work"]
    assert "2 more" in texts(at)
    assert run_table.NEWEST == 10


def test_a_run_is_read_again_when_its_report_changes(home: Path) -> None:
    run = made(home, "first", 1.0, test=0.1)
    assert run_summary.summarise(run).value == 0.1
    rewrite(run.path / "report.json", metrics={"NDCG@10": 0.25})
    assert run_summary.summarise(run).value == 0.25
    (run.path / "report.json").write_text("{ no")
    assert run_summary.summarise(run).state == "broken"


def test_an_archived_run_is_not_offered_elsewhere_unless_the_address_names_it(copied_home: Path) -> None:
    RunStore(copied_home).open("tiny-42").label(lambda labels: replace(labels, archived=True))
    offered = open_page("inspect").selectbox(key="inspect:run").options
    assert "tiny-42" not in offered
    assert "tiny-222" in offered
    assert open_page("inspect", run="tiny-42").selectbox(key="inspect:run").value == "tiny-42"
