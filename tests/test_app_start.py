"""Start: what a newcomer sees with nothing, while models train, when they are done, and when something is wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.ui import address, run_summary
from app.ui.text import NOT_VALIDATED, ON_EVERYTHING, ago, duration, hint, phase, plain, progress, remaining, sentence
from convncf import jobs
from convncf.evaluation.report import KEPT_THE_START
from convncf.models.settings import resolve
from convncf.runs import Run, RunStore, Status
from convncf.runtime import files
from tests.app_runs import figures_of

MAIN = str(Path(__file__).resolve().parents[1] / "app" / "main.py")
SECONDS = 60


def open_app(page: str = "", **parameters: str) -> AppTest:
    """The app on a page of its own session."""
    at = AppTest.from_file(MAIN, default_timeout=SECONDS)
    if not page:
        for name, value in parameters.items():
            at.query_params[name] = value
        return at.run()
    at.run()
    at.switch_page(f"views/{page}/page.py")
    for name, value in parameters.items():
        at.query_params[name] = value
    return at.run()


def words(at: AppTest) -> str:
    """Everything that the page says, unescaped, one element a line."""
    shown = [*at.title, *at.header, *at.subheader, *at.markdown, *at.caption, *at.code]
    shown += [*at.error, *at.warning, *at.success, *at.info]
    text = "\n".join(str(element.value) for element in shown)
    text += "\n" + "\n".join(str(element.proto.text) for element in at.get("progress"))
    text = re.sub(r":color\[(\\?.)\]", r"\1", text).replace("\\", "")
    return re.sub(r":small\[(.*)\]  \n\*\*(.*)\*\*", r"\1: \2", text)  # the facts: "Users: 671"


def stage(
    home: Path,
    name: str,
    status: Status,
    *,
    model: str = "convncf",
    settings: Mapping[str, Any] | None = None,
    test: float | None = None,
) -> Run:
    """A run folder in the state wanted, with three epochs of metrics; nothing is trained."""
    resolved = resolve(model=model, preset="quick", settings=settings or {})
    run = RunStore(home).create(name, resolved, fingerprint="sha256:e60c9ea66180c28b")
    run.write_status(status)
    for epoch, value in enumerate((0.1, 0.15, 0.14)):
        run.append_metrics(
            {
                "phase": "training",
                "epoch": epoch,
                "loss": 0.3 if epoch else None,
                "validation": {"NDCG@10": value},
                "validation_users": 200,
                "improved": epoch < 2,
                "seconds": 1.0,
                "validation_seconds": 1.0,
                "triples_per_second": 1000.0,
                "time": "2026-01-01T00:00:00+00:00",
            }
        )
    if test is not None:
        metrics = {"NDCG@10": test, "HR@10": 0.5, "Recall@10": 0.2}
        run.write_report(
            {"metrics": metrics, "best_epoch": 1, "epochs": 2, "seconds": 95.0, "n_users": 671}
            | {"n_users_evaluated": 670, "protocol": "full ranking", "left_out": "left out: training and validation"}
            | {"paired": {"mf-bpr": {"metric": "NDCG@10", "words": "this model is better"}}}
        )
    return run


def finished(home: Path, name: str, model: str = "convncf", test: float = 0.162) -> Run:
    return stage(home, name, Status(state="finished", message="done", updated=time.time()), model=model, test=test)


RUNNING = Status(
    state="running", phase="training", epoch=3, epochs=10, unit="triples", done=50, total=100, eta_seconds=40.0, pid=1
)


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of workers that would have been started; none is."""
    started: list[list[str]] = []

    class Worker:
        returncode: int | None = None
        pid = os.getpid()  # no child of this process: there is nothing to reap

        def __init__(self, command: list[str], **more: Any) -> None:
            started.append(command)

    monkeypatch.setattr("convncf.jobs.launching.subprocess", SimpleNamespace(Popen=Worker, DEVNULL=subprocess.DEVNULL))
    return started


# ---------------------------------------------------------------- nothing yet


def test_an_empty_home_says_so_and_offers_the_demo() -> None:
    at = open_app()
    assert not at.exception
    assert "Nothing is trained yet" in words(at)
    assert at.button(key="demo").label == "Train the demo models"
    assert {link.proto.label for link in at.get("page_link")} >= {"Add a dataset", "Train a model"}


def test_pressing_the_demo_button_twice_and_in_two_browsers_starts_one_set(
    home: Path, workers: list[list[str]]
) -> None:
    first, second = open_app(), open_app()
    first.button(key="demo").click().run()
    second.button(key="demo").click().run()
    assert not first.exception
    assert not second.exception
    assert RunStore(home).names() == tuple(sorted(jobs.DEMO_RUNS))
    assert sorted(command[-1] for command in workers) == sorted(jobs.DEMO_RUNS)
    assert "nothing was started twice" in words(second)
    assert "What happens now" in words(first)


# ---------------------------------------------------------------- while it trains, and after


def test_a_running_model_shows_phase_progress_and_time_left(home: Path) -> None:
    run = stage(home, "demo-mf", RUNNING, model="mf-bpr")
    with run.hold():
        at = open_app()
        assert not at.exception
        assert "Training MF-BPR: epoch 3 of at most 10 · at most 40 s more for this phase" in words(at)
        assert "What happens now" in words(at)
        assert at.get("progress")[0].proto.value == 25  # (2 + 0.5) of 10 epochs
    (figure,) = figures_of(at)
    assert [trace["name"] for trace in figure["data"]] == ["demo-mf"]


def test_the_first_finished_network_leads_on(home: Path) -> None:
    finished(home, "demo-mf", "mf-bpr", 0.15)
    finished(home, "demo-4x4")
    at = open_app()
    assert not at.exception
    assert at.button(key="look-inside").label == plain("Look inside demo-4x4")
    assert "test NDCG@10 0.162, epoch 1 · took 1 min 35 s" in words(at)
    assert "What happens now" not in words(at)


def test_a_network_that_kept_its_start_says_what_that_means(home: Path) -> None:
    run = finished(home, "demo-4x4")
    assert KEPT_THE_START not in words(open_app())
    report = run.report()
    assert report is not None
    run.write_report(report | {"best_epoch": 0})
    at = open_app()
    assert "epoch 0, the start" in words(at)
    assert KEPT_THE_START in words(at)
    assert at.button(key="look-inside").label == plain("Look inside demo-4x4"), "it is the only one"
    finished(home, "demo-2x2")
    assert open_app().button(key="look-inside").label == plain("Look inside demo-2x2")


def test_a_network_trained_on_everything_was_beaten_by_no_start(home: Path) -> None:
    """Its kept epoch is the last because nothing was measured, which is not that no epoch did better."""
    everything = {"data.split": "ratio", "data.ratios": (1.0, 0.0, 0.0)}
    run = stage(home, "refit", Status(state="finished", message="no test part"), settings=everything)
    run.write_report(
        {"metrics": {}, "validation": {}, "best_epoch": 0, "epochs": 0, "seconds": 5.0, "n_users_evaluated": 0}
    )
    said = words(open_app())
    assert KEPT_THE_START not in said
    assert ON_EVERYTHING in said
    assert run_summary.look(run).kept == "epoch 0, the last"
    other = stage(home, "short", Status(state="finished", message="no test part"))
    other.write_report(run.report() or {})
    assert run_summary.look(other).about_the_choice == NOT_VALIDATED


def test_what_is_computed_in_one_go_has_no_epoch_and_did_not_learn(home: Path) -> None:
    finished(home, "quick-one", "ease")
    at = open_app()
    assert "test NDCG@10 0.162, computed in one go" in words(at)
    assert "epoch" not in words(at).split("quick-one")[1].split("took")[0]
    assert "How it learned" not in [getattr(link, "label", "") for link in at.get("page_link")]


def test_mf_alone_is_no_network_to_look_into(home: Path) -> None:
    finished(home, "demo-mf", "mf-bpr")
    at = open_app()
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
    at = open_app()
    assert not at.exception
    text = words(at)
    assert "bad** · Broken" in text
    assert "worse** · Broken" in text
    assert "hollow** · Broken" in text
    assert "config.json: damaged" in text
    assert "good** · Finished" in text
    assert "curved** · Finished" in text


def test_a_lost_run_is_resumed_once_however_often_it_is_pressed(home: Path, workers: list[list[str]]) -> None:
    run = stage(home, "gone", RUNNING)
    (run.path / "log.txt").write_text("No module named x\n", encoding="utf-8")
    first, second = open_app(), open_app()
    assert "gone** · Lost" in words(first)
    assert "No module named x" in words(first)
    first.button(key="row:resume:gone").click().run()
    second.button(key="row:resume:gone").click().run()
    assert [command[-1] for command in workers] == ["gone"]
    assert "nothing was started twice" in words(second)


def test_a_failed_run_shows_its_last_lines_and_a_hint(home: Path) -> None:
    run = stage(home, "full", Status(state="failed", message="OSError: [Errno 28] No space left on device"))
    (run.path / "log.txt").write_text("first\n*last* line\n", encoding="utf-8")
    at = open_app()
    assert not at.exception
    assert "*last* line" in words(at)
    assert "disk is full" in words(at)
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
    ("seconds", "said"),
    [(-1, "0 s"), (8.4, "8 s"), (59.6, "1 min"), (125, "2 min 5 s"), (1000, "17 min"), (4200, "1 h 10 min")],
)
def test_durations_are_as_exact_as_a_person_needs(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_moments_are_said_from_now() -> None:
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


def test_no_page_of_the_first_three_loads_torch(home: Path) -> None:
    finished(home, "done")
    code = f"""
import sys
from streamlit.testing.v1 import AppTest
at = AppTest.from_file({MAIN!r}, default_timeout=120).run()
for page in ("data", "train"):
    at.switch_page(f"views/{{page}}/page.py").run()
    assert not at.exception, at.exception
assert "torch" not in sys.modules, "torch was imported"
"""
    root = Path(MAIN).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_home_is_the_one_of_the_command_line(home: Path) -> None:
    assert files.home() == home


def test_the_web_process_lets_torchs_idle_threads_sleep(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It scores too, beside workers that train."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    open_app()
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
    assert "delete the run on the Runs page" in words(open_app())
