"""Start: what a newcomer sees with nothing, while models train, when they are done, and when something is wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.ui import address, commands, run_summary
from app.ui.text import NOT_VALIDATED, ON_EVERYTHING, ago, duration, hint, phase, plain, progress, remaining, sentence
from convncf import jobs
from convncf.evaluation.report import KEPT_THE_START
from convncf.runs import RunStore, Status
from convncf.runtime import files
from tests.app_pages import MAIN, ROOT, figures_of, fine, open_page, press, texts
from tests.staged_runs import RUNNING, finished, stage

# ---------------------------------------------------------------- nothing yet


def test_an_empty_home_says_so_and_offers_the_demo() -> None:
    at = open_page()
    assert not at.exception
    assert at.button(key="demo").label == "Train the demo models"
    assert {link.proto.label for link in at.get("page_link")} >= {"Add a dataset", "Train a model"}


def test_pressing_the_demo_button_twice_and_in_two_browsers_starts_one_set(
    home: Path, workers: list[list[str]]
) -> None:
    first, second = open_page(), open_page()
    first.button(key="demo").click().run()
    second.button(key="demo").click().run()
    assert not first.exception
    assert not second.exception
    assert RunStore(home).names() == tuple(sorted(jobs.DEMO_RUNS))
    assert sorted(command[-1] for command in workers) == sorted(jobs.DEMO_RUNS)
    assert "nothing was started twice" in texts(second)
    assert "What happens now" in texts(first)


@pytest.mark.parametrize("page", ["inspect", "compare", "learn", "recommend"])
def test_on_an_empty_home_a_page_about_models_leads_to_the_demo_and_start(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[bool] = []

    def start() -> str:
        started.append(True)
        return "Started."

    monkeypatch.setattr(commands, "start_demo", start)
    app = fine(open_page(page))
    assert not figures_of(app)
    press(app, "demo")
    assert started == [True]
    assert app.title[0].value == "ConvNCF workbench", "it goes on where the training is shown"


# ---------------------------------------------------------------- while it trains, and after


def test_a_running_model_shows_phase_progress_and_time_left(home: Path) -> None:
    run = stage(home, "demo-mf", RUNNING, model="mf-bpr")
    with run.hold():
        at = open_page()
        assert not at.exception
        assert re.search("MF-BPR: epoch 3 of at most 10 .* 40 s", texts(at))
        assert "What happens now" in texts(at)
        assert at.get("progress")[0].proto.value == 25  # (2 + 0.5) of 10 epochs
    (figure,) = figures_of(at)
    assert [trace["name"] for trace in figure["data"]] == ["demo-mf"]


def test_the_first_finished_network_leads_on(home: Path) -> None:
    finished(home, "demo-mf", "mf-bpr", 0.15)
    finished(home, "demo-4x4")
    at = open_page()
    assert not at.exception
    assert at.button(key="look-inside").label == plain("Look inside demo-4x4")
    assert "test NDCG@10 0.162, epoch 1 · took 1 min 35 s" in texts(at)
    assert "What happens now" not in texts(at)


def test_a_network_that_kept_its_start_says_what_that_means(home: Path) -> None:
    run = finished(home, "demo-4x4")
    assert KEPT_THE_START not in texts(open_page())
    report = run.report()
    assert report is not None
    run.write_report(report | {"best_epoch": 0})
    at = open_page()
    assert "epoch 0, the start" in texts(at)
    assert KEPT_THE_START in texts(at)
    assert at.button(key="look-inside").label == plain("Look inside demo-4x4"), "it is the only one"
    finished(home, "demo-2x2")
    assert open_page().button(key="look-inside").label == plain("Look inside demo-2x2")


def test_a_network_trained_on_everything_was_beaten_by_no_start(home: Path) -> None:
    """Its kept epoch is the last because nothing was measured, which is not that no epoch did better."""
    everything = {"data.split": "ratio", "data.ratios": (1.0, 0.0, 0.0)}
    run = stage(home, "refit", Status(state="finished", message="no test part"), settings=everything)
    run.write_report(
        {"metrics": {}, "validation": {}, "best_epoch": 0, "epochs": 0, "seconds": 5.0, "n_users_evaluated": 0}
    )
    page_text = texts(open_page())
    assert KEPT_THE_START not in page_text
    assert ON_EVERYTHING in page_text
    assert run_summary.summarise(run).kept == "epoch 0, the last"
    other = stage(home, "short", Status(state="finished", message="no test part"))
    other.write_report(run.report() or {})
    assert run_summary.summarise(other).kept_note == NOT_VALIDATED


def test_what_is_computed_in_one_go_has_no_epoch_and_did_not_learn(home: Path) -> None:
    finished(home, "quick-one", "ease")
    at = open_page()
    assert "test NDCG@10 0.162" in texts(at)
    assert "epoch" not in texts(at).split("quick-one")[1].split("took")[0]
    assert "Training curves" not in [getattr(link, "label", "") for link in at.get("page_link")]


def test_mf_alone_is_no_network_to_look_into(home: Path) -> None:
    finished(home, "demo-mf", "mf-bpr")
    at = open_page()
    assert "look-inside" not in {button.key for button in at.button}


# ---------------------------------------------------------------- what went wrong


def test_a_broken_run_does_not_hide_the_others(home: Path) -> None:
    finished(home, "good")
    bad = finished(home, "bad")
    (bad.path / "config.json").write_text("{", encoding="utf-8")
    worse = finished(home, "worse")
    (worse.path / "status.json").write_text('{"updated": "yesterday", "state": "running"}', encoding="utf-8")
    hollow = finished(home, "hollow")
    (hollow.path / "report.json").write_text("[1]", encoding="utf-8")
    curved = finished(home, "curved")
    (curved.path / "metrics.jsonl").write_text("{}\nnonsense\n{}\n", encoding="utf-8")
    at = open_page()
    assert not at.exception
    text = texts(at)
    assert "bad** · Broken" in text
    assert "worse** · Broken" in text
    assert "hollow** · Broken" in text
    assert "config.json: damaged" in text
    assert "good** · Finished" in text
    assert "curved** · Finished" in text


def test_a_lost_run_is_resumed_once_however_often_it_is_pressed(home: Path, workers: list[list[str]]) -> None:
    run = stage(home, "gone", RUNNING)
    (run.path / "log.txt").write_text("No module named x\n", encoding="utf-8")
    first, second = open_page(), open_page()
    assert "gone** · Lost" in texts(first)
    assert "No module named x" in texts(first)
    first.button(key="row:resume:gone").click().run()
    second.button(key="row:resume:gone").click().run()
    assert [command[-1] for command in workers] == ["gone"]
    assert "nothing was started twice" in texts(second)


def test_a_failed_run_shows_its_last_lines_and_a_hint(home: Path) -> None:
    run = stage(home, "full", Status(state="failed", message="OSError: [Errno 28] No space left on device"))
    (run.path / "log.txt").write_text("first\n*last* line\n", encoding="utf-8")
    at = open_page()
    assert not at.exception
    assert "*last* line" in texts(at)
    assert "disk" in texts(at)
    assert at.button(key="row:resume:full")


# ---------------------------------------------------------------- words


def test_text_from_data_cannot_be_markdown() -> None:
    assert plain("a*b_c") == r"a\*b\_c"
    assert plain("<b>$x$ :red[y]") == r"\<b\>\$x\$ \:red\[y\]"
    assert plain("a -> b") == r"a :color[\-]:color[\>] b"
    assert plain(":tada:") == r":color[\:]tada\:"
    assert plain("    code") == "&#32;&#32;&#32;&#32;code"
    assert plain("x\r\ny") == "x  \ny"
    assert plain("Amélie (2001)") == r"Amélie \(2001\)"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-1, "0 s"), (8.4, "8 s"), (59.6, "1 min"), (125, "2 min 5 s"), (1000, "17 min"), (4200, "1 h 10 min")],
)
def test_durations_are_as_exact_as_a_person_needs(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


def test_times_are_reported_relative_to_now() -> None:
    assert ago(99.0, now=100.0) == "now"
    assert ago(40.0, now=100.0) == "1 min ago"


def test_progress_counts_epochs_and_what_is_done_of_this_one() -> None:
    assert progress(RUNNING) == pytest.approx(0.25)
    assert progress(Status(state="running", phase="evaluation", done=1, total=4)) == pytest.approx(0.25)
    assert progress(Status(state="running", phase="training", epoch=3, epochs=10, unit="users")) == pytest.approx(0.3)
    assert progress(Status()) == 0.0
    assert phase(Status(state="queued", message="waiting for cpu")) == "waiting for cpu"
    assert remaining(Status(state="finished", eta_seconds=0.0)) == ""


def test_messages_become_sentences_and_hints() -> None:
    assert sentence("its worker is gone") == "Its worker is gone."
    assert sentence("Done!") == "Done!"
    assert sentence("") == ""
    assert "smaller batch" in hint("MemoryError: ")
    assert "learning rates" in hint("the loss became NaN in epoch 2")
    assert hint("ValueError: odd").startswith("Resume tries again")


@pytest.mark.full
def test_no_page_of_the_first_three_loads_torch(home: Path) -> None:
    finished(home, "done")
    code = f"""
import sys
from streamlit.testing.v1 import AppTest
at = AppTest.from_file({str(MAIN)!r}, default_timeout=120).run()
for page in ("data", "train"):
    at.switch_page(f"views/{{page}}/page.py").run()
    assert not at.exception, at.exception
assert "torch" not in sys.modules, "torch was imported"
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_home_is_the_one_of_the_command_line(home: Path) -> None:
    assert files.home() == home


def test_the_web_process_lets_torchs_idle_threads_sleep(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It scores too, beside workers that train."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    open_page()
    assert int(os.environ["GOMP_SPINCOUNT"]) > 0


def test_a_run_keeps_its_colour_when_older_ones_go(home: Path) -> None:
    for name in ("a", "b", "c"):
        finished(home, name)
    RunStore(home).delete("a")
    assert address.run_order() == ("", "b", "c")
    shutil.copytree(home / "runs" / "c", home / "runs" / "copied")  # the same number: it takes the free place
    finished(home, "d")
    assert address.run_order() == ("copied", "b", "c", "d")
    path = home / "runs" / "d" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"number": 10**12}), encoding="utf-8")
    assert address.run_order() == ("copied", "b", "c", "d")


def test_a_broken_run_takes_no_others_colour_and_says_what_to_do(home: Path) -> None:
    for name in ("b", "a"):
        finished(home, name)
    assert address.run_order() == ("b", "a"), "the oldest comes first"
    (home / "runs" / "a" / "config.json").write_text("{ not json", encoding="utf-8")
    assert address.run_order() == ("b", "a")
    assert "Runs page" in texts(open_page())
