"""Train: refusals before the start, one start per press, and watching and resuming any run."""

from __future__ import annotations

import json
import re
import shlex
import time
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.ui import setting_fields
from app.ui.text import ON_EVERYTHING
from app.views.train import launch
from app.views.train.launch import command_line
from convncf.models.effects import setting_keys, unused_settings
from convncf.models.registry import model_names
from convncf.models.run_config import flatten
from convncf.models.settings import preset_names, resolve
from convncf.runs import RunStore, Status
from convncf.runtime import devices
from tests.app_pages import field, figures_of, open_page, texts
from tests.staged_runs import RUNNING, finished, stage

# ---------------------------------------------------------------- the form


def test_an_empty_home_can_train(home: Path) -> None:
    at = open_page("train")
    assert not at.exception
    assert field(at, "Name of the run").value == "convncf-movielens-small"
    assert field(at, "Epochs").value == resolve(model="convncf", preset="quick").config.train.epochs
    assert field(at, "Epochs").help
    assert not at.button(key="launch").disabled


@pytest.mark.parametrize("model", model_names())
def test_every_setting_that_has_an_effect_has_one_field(model: str) -> None:
    shown = [*setting_fields.first(model), *(key for keys in setting_fields.advanced(model).values() for key in keys)]
    elsewhere = {"data.dataset", "model.name", "preset", "train.device"}
    assert sorted(shown) == sorted(set(setting_keys()) - elsewhere - unused_settings(model))


@pytest.mark.parametrize("model", model_names())
def test_untouched_fields_change_nothing(model: str, workers: list[list[str]], home: Path) -> None:
    at = open_page("train")
    at.selectbox(key="new:model").select(model).run()
    for preset in preset_names(model):
        at.selectbox(key=f"new:{model}:preset").select(preset).run()
        assert not at.exception
        assert f"--preset {preset} --name" in texts(at)
        assert "--set" not in texts(at)


def test_launching_twice_starts_one_worker(home: Path, workers: list[list[str]]) -> None:
    at = open_page("train")
    field(at, "Epochs").set_value(3)
    at.button(key="launch").click().run()
    assert not at.exception
    assert "Started convncf-movielens-small." in texts(at)
    assert at.query_params["run"] == "convncf-movielens-small"
    at.button(key="launch").click().run()
    assert "already started" in texts(at)
    assert RunStore(home).names() == ("convncf-movielens-small",)
    assert [command[-1] for command in workers] == ["convncf-movielens-small"]
    assert RunStore(home).open("convncf-movielens-small").settings()["train.epochs"] == 3


def test_another_setting_is_another_run_under_a_free_name(home: Path, workers: list[list[str]]) -> None:
    at = open_page("train")
    at.button(key="launch").click().run()
    field(at, "Seed").set_value(2).run()
    assert field(at, "Name of the run").value == "convncf-movielens-small-2"
    at.button(key="launch").click().run()
    assert len(RunStore(home).names()) == 2
    assert len(workers) == 2


def test_two_browsers_never_share_a_run(home: Path, workers: list[list[str]]) -> None:
    first, second = open_page("train"), open_page("train")
    for at in (first, second):
        field(at, "Name of the run").set_value("mine").run()
    first.button(key="launch").click().run()
    second.button(key="launch").click().run()
    assert re.search("'mine' exists.*'mine-2' is free", texts(second))
    assert RunStore(home).names() == ("mine",)
    assert len(workers) == 1


@pytest.mark.parametrize("name", ["a/b", "..", "CON", "\N{SNOWMAN}", "x" * 300, ""])
def test_a_name_that_cannot_be_a_folder_is_refused_before_launch(name: str, home: Path) -> None:
    at = open_page("train")
    field(at, "Name of the run").set_value(name).run()
    assert not at.exception
    assert at.button(key="launch").disabled
    assert "such as" in texts(at)


def test_a_layer_plan_that_drops_rows_is_refused_with_plans_that_fit(home: Path, workers: list[list[str]]) -> None:
    at = open_page("train")
    field(at, "Embedding size").set_value(32)
    field(at, "Kernels").set_value("4, 4, 4").run()
    assert not at.exception
    assert "2 is not a multiple of 4" in texts(at)
    assert at.button(key="launch").disabled
    at.button(key="proposal:2, 4, 4").click().run()
    assert field(at, "Kernels").value == "2, 4, 4"
    at.button(key="launch").click().run()
    settings = RunStore(home).open("convncf-movielens-small").settings()
    assert settings["model.cnn_kernels"] == settings["model.cnn_strides"] == [2, 4, 4]


def test_strides_and_channels_follow_the_kernels(home: Path, workers: list[list[str]]) -> None:
    at = open_page("train")
    field(at, "Embedding size").set_value(32)
    field(at, "Kernels").set_value("[2, 2, 2, 2, 2]").run()
    at.button(key="launch").click().run()
    settings = RunStore(home).open("convncf-movielens-small").settings()
    assert settings["model.cnn_strides"] == [2, 2, 2, 2, 2]
    width = resolve(model="convncf", preset="quick").config.model["cnn_channels"][-1]
    assert settings["model.cnn_channels"] == [1, *[width] * 5]


@pytest.mark.parametrize(("label", "text"), [("Kernels", "four"), ("Channels", "1, x"), ("Main metric", "ERR@10")])
def test_what_a_field_cannot_hold_is_reported(label: str, text: str, home: Path) -> None:
    at = open_page("train")
    field(at, label).set_value(text).run()
    assert not at.exception
    assert text.split(",")[0] in texts(at)
    assert at.button(key="launch").disabled


def labels(at: AppTest) -> list[str]:
    return [one.label for one in [*at.number_input, *at.text_input, *at.selectbox]]


def test_the_first_settings_are_few_and_the_others_stand_in_sections(home: Path) -> None:
    at = open_page("train")
    assert setting_fields.first("convncf") == ("train.epochs", "model.embedding_size", "model.cnn_kernels", "seed")
    assert [tab.label for tab in at.tabs] == list(setting_fields.SECTIONS)
    assert all(line in texts(at) for line in setting_fields.SECTIONS.values())
    assert setting_fields.first("ease") == ("model.ease_l2", "seed")
    assert "Pretraining" not in setting_fields.advanced("ease")


def test_a_field_that_has_no_effect_beside_the_others_is_hidden_and_changes_nothing(home: Path) -> None:
    at = open_page("train")
    assert "Weight decay" not in labels(at)
    field(at, "Optimiser").set_value("adamw").run()
    field(at, "Weight decay").set_value(0.5).run()
    assert "--set train.weight_decay=0.5" in texts(at)
    field(at, "Optimiser").set_value("adam").run()
    assert not at.exception
    assert "Weight decay" not in labels(at)
    assert "weight_decay" not in texts(at)
    assert not at.button(key="launch").disabled


def test_a_date_field_shows_how_a_date_is_written(home: Path) -> None:
    at = open_page("train")
    assert "2010-01-31" in field(at, "From").placeholder
    field(at, "From").set_value("2010-01-31").run()
    assert at.button(key="launch").disabled is False
    assert "--set 'data.since=\"2010-01-31\"'" in texts(at)


def test_a_preset_that_takes_hours_says_so(home: Path) -> None:
    at = open_page("train")
    assert "1,500 epochs" not in texts(at)
    assert "paper" in at.selectbox(key="new:convncf:preset").help
    at.selectbox(key="new:convncf:preset").select("paper").run()
    assert re.search("500 of pretraining.* 1,500 epochs", texts(at))


def test_data_that_leaves_nothing_to_hold_out_is_refused_and_leaves_no_run(
    home: Path, workers: list[list[str]], tmp_path: Path
) -> None:
    from convncf.data import catalogue

    file = tmp_path / "tiny.csv"
    file.write_text("user,item\na,x\nb,y\n", encoding="utf-8")
    catalogue.add(file, "tiny", home)
    at = open_page("train", dataset="tiny")
    assert field(at, "Dataset").value == "tiny"
    at.button(key="launch").click().run()
    assert not at.exception
    assert at.error
    assert RunStore(home).names() == ()
    assert workers == []


def test_the_command_line_means_what_launch_does() -> None:
    changes = {
        "train.epochs": 3,
        "model.cnn_kernels": [2, 4, 4],
        "model.cnn_strides": [2, 4, 4],
        "seed": 7,
        "train.device": "cpu",
        "eval.monitor": "HR@5",
        "train.lr_embedding": 1e-5,
        "pretrain.epochs": 0,
        "model.train_method": "after_pretrain",
        "model.pre_model_path": "007",
    }
    typed = shlex.split(command_line("movielens-small", "convncf", "quick", "first", changes))
    assert typed[:2] == ["convncf", "train"]
    options = dict(zip(typed[2::2], typed[3::2], strict=True)) | {"--set": None}
    settings = [value for option, value in zip(typed[2::2], typed[3::2], strict=True) if option == "--set"]
    assert options["--name"] == "first"
    from_shell = resolve(
        model=options["--model"],
        preset=options["--preset"],
        dataset=options["--dataset"],
        seed=int(options["--seed"] or 0),
        settings=[*settings, f"train.device={options['--device']}"],
    )
    from_page = resolve(model="convncf", preset="quick", dataset="movielens-small", settings=changes)
    assert flatten(from_shell.config) == flatten(from_page.config)


# ---------------------------------------------------------------- devices


def test_without_a_gpu_there_is_a_plain_word(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "gpus", tuple)
    st.cache_data.clear()
    at = open_page("train")
    assert "No GPU here" in texts(at)


def test_gpus_are_offered_by_name_as_torch_will_count_them(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("NVIDIA A", "NVIDIA B", "NVIDIA C")
    gpus = tuple(devices.Gpu(index, name, 81_920, 40_960, 5) for index, name in enumerate(names))
    monkeypatch.setattr(devices, "gpus", lambda: gpus)
    st.cache_data.clear()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert list(launch.choices()) == ["auto", "cuda:0", "cuda:1", "cuda:2", "cpu"]
    assert launch.choices()["cuda:1"] == "GPU 1: NVIDIA B, 40.0 of 80.0 GiB free, 5% busy"
    at_work = stage(home, "at-work", replace(RUNNING, device="cuda:2"))
    with at_work.hold():
        assert launch.choices()["cuda:2"].endswith("5% busy, in use by at-work")
        assert "in use" not in launch.choices()["cuda:1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    assert launch.choices()["cuda:0"] == "GPU 2: NVIDIA C, 40.0 of 80.0 GiB free, 5% busy"
    assert "cuda:1" not in launch.choices()
    at = open_page("train")
    assert at.selectbox(key="new:device").value == "auto"
    at.selectbox(key="new:device").select("cuda:0").run()
    assert "--device cuda:0" in texts(at)
    st.cache_data.clear()


# ---------------------------------------------------------------- watching


def test_a_running_run_is_found_without_an_address_and_can_be_stopped(home: Path) -> None:
    finished(home, "old")
    run = stage(home, "live", replace(RUNNING, updated=time.time() - 3, triples_per_second=12_345.0))
    (run.path / "log.txt").write_text("first line\n", encoding="utf-8")
    finished(home, "newer")
    with run.hold():
        at = open_page("train")
        assert not at.exception
        text = texts(at)
        assert "live · Running" in text
        assert "epoch 3 of at most 10" in text
        assert "Speed: 12,345 triples/s" in text
        assert re.search(r"Last update: \d+ s ago", text)
        assert "first line" in text
        loss, validation = figures_of(at)
        assert loss["data"][0]["y"] == [0.3, 0.3]
        assert validation["data"][0]["y"] == [0.1, 0.15, 0.14]
        # what keeps zoom and hidden curves when the figure is drawn again
        assert loss["layout"]["uirevision"]
        assert validation["layout"]["uirevision"]
        at.button(key="stop:live").click().run()
        assert run.stop_asked()
        assert at.button(key="stop:live").disabled


def test_a_queued_run_says_how_many_are_before_it(home: Path) -> None:
    status = Status(message="waiting for cpu: 2 runs before this one", updated=time.time(), pid=1)
    run = stage(home, "patient", status)
    with run.hold():
        at = open_page("train", run="patient")
        assert "2 runs before this one" in texts(at)
        assert "Last update" not in texts(at)


def test_a_finished_run_shows_its_outcome_and_leads_on(home: Path) -> None:
    finished(home, "a_b_c")
    at = open_page("train", run="a_b_c")
    assert not at.exception
    text = texts(at)
    assert "Test NDCG@10: 0.162" in text
    assert "Kept model: epoch 1 (of 2)" in text
    assert "Users evaluated: 670 of 671" in text
    assert "this model is better" in text
    assert "Full ranking" in text
    assert at.button(key="watch:inspect").label == "Look inside"
    assert r"a\_b\_c" in at.header[0].value  # not italics
    table = at.dataframe[0].value
    assert table["run"].tolist() == ["a_b_c"]


def test_a_run_without_validation_shows_its_loss_alone_and_says_why(home: Path) -> None:
    everything = {"data.split": "ratio", "data.ratios": (1.0, 0.0, 0.0)}
    run = stage(home, "refit", Status(state="finished", message="no test part"), settings=everything)
    rows = [row | {"validation": None, "improved": True} for row in run.metrics()]
    (run.path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    run.write_report(
        {"metrics": {}, "validation": {}, "best_epoch": 2, "epochs": 2, "seconds": 5.0, "n_users_evaluated": 0}
    )
    at = open_page("train", run="refit")
    assert not at.exception
    assert ON_EVERYTHING in texts(at)
    assert "Kept model: epoch 2, the last (of 2)" in texts(at)
    (loss,) = figures_of(at)
    assert loss["data"][0]["y"] == [0.3, 0.3]
    assert "on validation" not in "".join(heading.value for heading in at.subheader)


def test_a_model_computed_in_one_go_has_no_epochs_in_any_list(home: Path) -> None:
    finished(home, "at-once", "ease")
    finished(home, "trained")
    at = open_page("train", run="at-once")
    assert "Kept model:" not in texts(at)
    table = at.dataframe[0].value.set_index("run")
    assert table["epoch"].isna().to_dict() == {"at-once": True, "trained": False}
    assert "metric" not in table.columns, "the one that all share stands in the head"
    other = {"eval.monitor": "HR@10"} | {f"model.cnn_{name}": [2, 2, 2, 2, 2] for name in ("kernels", "strides")}
    plan = {"model.cnn_channels": [1, 4, 4, 4, 4, 4]}
    stage(home, "other", Status(state="finished", message="done"), settings=other | plan, test=0.1)
    table = open_page("train", run="other").dataframe[0].value.set_index("run")
    assert table["metric"].to_dict() == {"at-once": "NDCG@10", "trained": "NDCG@10", "other": "HR@10"}
    assert table["model"]["other"] == "ConvNCF, 5 layers of 2×2"


@pytest.mark.parametrize("ended", ["stopped", "failed"])
def test_what_ended_early_can_be_resumed_once(ended: str, home: Path, workers: list[list[str]]) -> None:
    stage(home, "early", Status(state=ended, message="*why*", updated=time.time()))
    at = open_page("train", run="early")
    assert not at.exception
    assert "*why*" in texts(at)
    at.button(key="watch:resume:early").click().run()
    assert [command[-1] for command in workers] == ["early"]
    assert "watch:resume:early" not in {button.key for button in at.button}


def test_a_broken_run_is_shown_and_can_be_deleted(home: Path) -> None:
    finished(home, "good")
    bad = finished(home, "bad")
    (bad.path / "config.json").write_text("{}", encoding="utf-8")
    at = open_page("train", run="bad")
    assert not at.exception
    assert "bad/config.json" in texts(at)
    at.button(key="delete:bad").click().run()
    assert not at.exception
    assert RunStore(home).names() == ("good",)
    assert at.selectbox(key="pick:run").value == "good"


def test_a_run_of_the_address_that_is_gone_is_reported(home: Path) -> None:
    finished(home, "here")
    at = open_page("train", run="gone")
    assert not at.exception
    assert "'gone' is not available" in texts(at)
    assert at.selectbox(key="pick:run").value == "here"
