"""Runs through the real process: list, show, stop, resume, delete; two at once; the demo; a reader that goes away."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from convncf import jobs
from convncf.models.effects import setting_keys
from convncf.runs import RunStore
from tests.command_line import CommandLine
from tests.concurrency import wait_until

EPOCHS = 60
FACTORISATION = (
    *("--dataset", "shop", "--model", "mf-bpr"),
    *("--set", "model.embedding_size=8"),
    *("--set", "train.patience=0"),
    *("--set", "train.validate_every=20"),
    *("--set", "train.keep_every=0"),
)
CLOCK = ("seconds", "validation_seconds", "triples_per_second", "time")


def rows(shop: CommandLine, run: str) -> list[dict[str, Any]]:
    """The run's metrics.jsonl; empty while there is none."""
    path = shop.home / "runs" / run / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def without_clock(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key not in CLOCK} for row in found]


def state(shop: CommandLine, run: str) -> str:
    status = json.loads((shop.home / "runs" / run / "status.json").read_text(encoding="utf-8"))
    return str(status["state"])


def test_ctrl_c_stops_and_saves_and_resume_goes_on_as_if_nothing_had_happened(shop: CommandLine) -> None:
    settings = (*FACTORISATION, "--set", f"train.epochs={EPOCHS}")
    whole = shop("train", *settings, "--name", "whole", "--json").object

    process = shop.start("train", *settings, "--name", "cut", "--json")
    wait_until(lambda: len(rows(shop, "cut")) >= 3 or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, ""), err
    assert "Stopped: " in err
    assert "convncf resume cut" in err
    assert "Traceback" not in err
    before = rows(shop, "cut")
    assert 3 <= len(before) < EPOCHS
    assert shop("runs", "show", "cut", "--json").object["status"]["state"] == "stopped"

    resumed = shop("resume", "cut", "--json").object
    assert rows(shop, "cut")[: len(before)] == before  # clock and all: they were not trained again
    assert without_clock(rows(shop, "cut")) == without_clock(rows(shop, "whole"))
    assert (resumed["metrics"], resumed["validation"]) == (whole["metrics"], whole["validation"])
    assert "is finished already" in shop.refused("resume", "cut")


def test_a_detached_run_is_watched_stopped_and_deleted(shop: CommandLine) -> None:
    started = shop("train", *FACTORISATION, "--set", "train.epochs=100000", "--name", "long", "--detach", "--json")
    assert started.object["run"] == "long"
    try:
        wait_until(lambda: len(rows(shop, "long")) >= 2)
        shown = shop("runs", "show", "long").out
        assert "running" in shown
        assert "training epoch" in shown
        assert "stop it first" in shop.refused("runs", "delete", "long", "--yes")
        assert "a worker already" in shop.refused("resume", "long")

        assert "asked long" in shop("runs", "stop", "long").err
        wait_until(lambda: state(shop, "long") == "stopped")
    finally:
        jobs.kill(RunStore(shop.home).open("long"), force=True)  # else it would hold the device for ever
    assert "has no worker" in shop("runs", "stop", "long").err
    assert "training epoch 1: loss" in shop("runs", "log", "long").out or len(rows(shop, "long")) > 40
    shop("runs", "delete", "long", "--yes")
    assert "long" not in shop.runs()


@pytest.mark.full
def test_two_runs_of_one_name_started_together(shop: CommandLine) -> None:
    """One of them makes the run, the other is refused with a name that is free; no folder is shared."""
    both = [
        shop.start("train", "--dataset", "shop", "--model", model, "--name", "twin", *extra, "--json")
        for model, extra in (("popularity", ()), ("mf-bpr", ("--set", "train.epochs=1")))
    ]
    answers = [process.communicate(timeout=120) for process in both]
    assert sorted(process.returncode for process in both) == [0, 1], answers
    winner = next(json.loads(out) for (out, _), process in zip(answers, both, strict=True) if process.returncode == 0)
    loser = next(err for (_, err), process in zip(answers, both, strict=True) if process.returncode == 1)
    assert "'twin-2' is free" in loser
    shown = shop("runs", "show", "twin", "--json").object
    assert (shown["model"], shown["state"]) == (winner["model"], "finished")


def test_the_list_names_state_and_the_metric_of_the_kept_epoch(shop: CommandLine) -> None:
    made = shop("train", "--dataset", "shop", "--model", "popularity", "--name", "listed", "--json").object
    broken = shop.home / "runs" / "broken"
    broken.mkdir()
    listed = {entry["run"]: entry for entry in shop("runs", "list", "--json").object["runs"]}
    entry = listed["listed"]
    assert (entry["state"], entry["model"], entry["dataset"]) == ("finished", "popularity", "shop")
    assert entry["value"] == made["metrics"][entry["monitor"]]
    assert listed["broken"]["state"] == "broken"
    shown = shop("runs")
    assert "broken cannot" in shown.err
    assert "listed" in shown.out
    broken.rmdir()


def test_config_json_has_every_effective_value_and_where_it_came_from(shop: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[train]\npatience = 3\n", encoding="utf-8")
    chosen = (*FACTORISATION[:4], "--config", str(file), "--set", "train.epochs=1", "--name", "told")
    shop("train", *chosen, "--set", "eval.monitor=Recall@12")
    settings = json.loads((shop.home / "runs" / "told" / "config.json").read_text(encoding="utf-8"))["settings"]
    assert settings.keys() == set(setting_keys(settings["model.name"]["value"]))
    assert settings["train.epochs"] == {"value": 1, "source": "flag"}
    assert settings["train.patience"] == {"value": 3, "source": "file mine.toml"}
    assert settings["data.dataset"] == {"value": "shop", "source": "flag"}
    assert settings["train.lr_embedding"]["source"] == "preset quick"
    assert settings["train.keep_every"]["source"] in ("default", "preset quick")
    assert "Recall@12" in rows(shop, "told")[-1]["validation"], "computed though it is not among the cut-offs"


def test_more_wanted_than_there_is_is_flagged_not_refused(shop: CommandLine) -> None:
    """K = 40 of 30 items: it is worked out, and said for how many users it says nothing."""
    answer = shop("train", *FACTORISATION[:4], "--set", "train.epochs=1", "--set", "eval.ks=[10,40]", "--name", "k")
    assert "24 of 24 users" in answer.err


@pytest.mark.full
def test_the_demo_queued_twice_is_three_runs(shop: CommandLine) -> None:
    small = ("--set", "data.dataset=shop", "--set", "train.epochs=1", "--json")
    before = set(shop.runs())
    first, second = shop("demo", *small).object, shop("demo", "--wait", *small).object
    names = ["demo-mf", "demo-4x4", "demo-2x2"]
    assert [run["run"] for run in first["runs"]] == [run["run"] for run in second["runs"]] == names
    assert [run["state"] for run in second["runs"]] == ["finished"] * 3
    assert set(shop.runs()) - before == set(names)
    settings = shop("runs", "show", "demo-2x2", "--json").object["settings"]
    assert settings["train.epochs"]["value"] == 1
    assert settings["model.cnn_kernels"]["value"] == [2] * 5
    assert settings["model.pre_model_path"]["value"] == "demo-mf"


@pytest.mark.parametrize("arguments", [("settings",), ("settings", "--json"), ("train", "--help")])
def test_a_reader_that_goes_away_is_no_fault(shop: CommandLine, arguments: tuple[str, ...]) -> None:
    """`convncf … | head`: the rest is not written, and nothing is said of it."""
    process: subprocess.Popen[str] = shop.start(*arguments)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    assert process.wait(timeout=60) in (0, 1)
    assert said == ""
    process.stderr.close()
    assert process.stdin is not None
    process.stdin.close()
