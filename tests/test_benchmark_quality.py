"""The quality studies: each can be resolved, is resumable, and its page says what its data say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.quality import page, runner
from benchmarks.quality.results import Results
from benchmarks.quality.runner import need_dataset, run_study
from benchmarks.quality.studies import STUDIES
from benchmarks.quality.study import Study, Trial
from convncf.errors import DatasetNotFoundError
from convncf.runs import RunStore
from tests.worlds import TINY, save_dataset

_TINY_MF = {
    key: value
    for key, value in TINY.items()
    if key.startswith(("train.", "model.embedding_size")) and key not in ("train.lr_network", "train.device")
}
_TINY_NETWORK = {key: value for key, value in TINY.items() if not key.startswith(("pretrain.", "data.", "eval."))}
STUDY = Study(
    name="toy-study",
    dataset="toy",
    question="Does it run?",
    trials=(
        Trial("popularity", "popularity"),
        Trial("mf", "mf-bpr", _TINY_MF),
        Trial("net", "convncf", _TINY_NETWORK, start="mf"),
    ),
    common={"eval.ks": [3, 10], "eval.monitor": "NDCG@10"},
    seeds=(1, 2),
)


def test_every_trial_of_every_study_is_a_configuration_that_can_be() -> None:
    for study in STUDIES.values():
        for trial in study.trials:
            config = study.resolved(trial, 7).config
            assert (config.seed, config.data.dataset, config.model.name) == (7, study.dataset, trial.model)
            if trial.start:
                assert config.model["pre_model_path"] == study.run_name(study.trial(trial.start), 7)
        names = [study.run_name(trial, 1) for trial in study.trials]
        assert len(set(names)) == len(names)


def test_a_start_that_comes_not_before_is_refused() -> None:
    with pytest.raises(ValueError, match="starts from mf"):
        Study("s", "toy", "?", (Trial("net", "convncf", start="mf"), Trial("mf", "mf-bpr")))


@pytest.mark.full
def test_a_study_runs_goes_on_and_keeps_what_its_runs_reported(tmp_path: Path) -> None:
    home, results = tmp_path / "home", Results(tmp_path / "results")
    said: list[str] = []
    save_dataset(home)
    run_study(STUDY, home, results, said.append)
    kept = results.of("toy-study")
    assert [(one["trial"], one["seed"]) for one in kept] == [
        *[("popularity", 1), ("popularity", 2), ("mf", 1), ("mf", 2), ("net", 1), ("net", 2)]
    ]
    for one in kept:
        run = RunStore(home).open(f"toy-study-{one['trial']}-seed{one['seed']}")
        report = run.report()
        assert report is not None
        assert one["report"]["metrics"] == report["metrics"]
    net = RunStore(home).open("toy-study-net-seed2")
    assert net.config().model["pre_model_path"] == "toy-study-mf-seed2"
    assert len(said) == 6

    run_study(STUDY, home, results, said.append)
    assert len(said) == 6  # nothing was done again

    text = page.write(results, {"toy-study": STUDY}, tmp_path / "results.md").read_text(encoding="utf-8")
    values = [one["report"]["metrics"]["NDCG@10"] for one in kept if one["trial"] == "mf"]
    assert f"{sum(values) / 2:.4f} ±" in text
    assert "benchmarks.quality run toy-study" in text


def test_a_changed_trial_is_run_anew_and_replaces_the_old_figures(tmp_path: Path) -> None:
    home, results = tmp_path / "home", Results(tmp_path / "results")
    said: list[str] = []
    save_dataset(home)
    for epochs in (1, 2):
        trial = Trial("mf", "mf-bpr", {**_TINY_MF, "train.epochs": epochs})
        run_study(Study("toy-study", "toy", "?", (trial,)), home, results, said.append)
    (one,) = results.of("toy-study")
    assert one["settings"]["train.epochs"] == 2
    assert one["report"]["epochs"] == 2


@pytest.mark.full
def test_a_changed_start_makes_what_starts_from_it_anew(tmp_path: Path) -> None:
    home, results = tmp_path / "home", Results(tmp_path / "results")
    said: list[str] = []
    save_dataset(home)
    studies = [
        Study(
            "toy-study",
            "toy",
            "?",
            (
                Trial("mf", "mf-bpr", {**_TINY_MF, "train.epochs": epochs}),
                Trial("net", "convncf", _TINY_NETWORK, start="mf"),
            ),
        )
        for epochs in (1, 2)
    ]
    run_study(studies[0], home, results, said.append)
    first = results.current(studies[0])
    assert [one["trial"] for one in results.current(studies[0])] == ["mf", "net"]
    assert results.current(studies[1]) == []  # both are of the earlier definition: the page shows neither
    run_study(studies[1], home, results, said.append)
    assert len(said) == 4
    second = results.current(studies[1])
    assert [one["trial"] for one in second] == ["mf", "net"]
    assert second[1]["definition"]["start"]["config"]["train.epochs"] == 2
    assert second[1]["ended"] >= first[1]["ended"]
    assert first[1]["report"]["validation"] != second[1]["report"]["validation"]


def test_a_setting_without_effect_does_not_make_figures_old(tmp_path: Path) -> None:
    home, results = tmp_path / "home", Results(tmp_path / "results")
    save_dataset(home)
    study = Study("toy-study", "toy", "?", (Trial("popularity", "popularity"),))
    run_study(study, home, results, lambda _: None)
    (entry,) = results.of("toy-study")
    entry["definition"]["config"]["train.epochs"] = 17  # popularity has no epochs
    del entry["definition"]["config"]["eval.cold"]  # as if that setting had come later
    path = results.folder / "toy-study.json"
    path.write_text(json.dumps({"runs": [entry]}), encoding="utf-8")
    assert results.has(study, study.trials[0], 1)
    entry["definition"]["config"]["eval.monitor"] = "HR@5"
    path.write_text(json.dumps({"runs": [entry]}), encoding="utf-8")
    assert not results.has(study, study.trials[0], 1)


def test_the_page_names_the_seeds_that_are_missing(tmp_path: Path) -> None:
    home, results = tmp_path / "home", Results(tmp_path / "results")
    save_dataset(home)
    done = Study("toy-study", "toy", "?", (Trial("popularity", "popularity"),), seeds=(1, 2))
    run_study(done, home, results, lambda _: None)
    asked = Study("toy-study", "toy", "?", (Trial("popularity", "popularity"),), seeds=(1, 2, 3))
    text = page.write(results, {"toy-study": asked}, tmp_path / "results.md").read_text(encoding="utf-8")
    assert "| popularity | 1, 2 (3 not run) |" in text
    assert "popularity, preset recbole" in text


def test_a_trial_that_fails_is_said_and_does_not_end_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, results = tmp_path / "home", Results(tmp_path / "results")
    said: list[str] = []
    save_dataset(home)
    bad = Trial("bad", "mf-bpr", {**_TINY_MF, "train.optimizer": "sgd", "train.lr_embedding": 1e30})
    run_study(Study("toy-study", "toy", "?", (bad, Trial("popularity", "popularity"))), home, results, said.append)
    assert "bad seed 1 failed: " in said[0]
    assert [one["trial"] for one in results.of("toy-study")] == ["popularity"]


def test_a_dataset_that_is_not_there_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match="--data"):
        need_dataset("ml-100k", tmp_path, None)


def test_a_dataset_is_imported_from_its_published_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[str] = ["user_id,item_id,rating", *(f"a{n},b{n % 3},4" for n in range(9))]
    (tmp_path / "x.csv").write_text("\n".join(rows), encoding="utf-8")
    files: dict[str, Any] = {"little": "x.csv"}
    monkeypatch.setattr(runner, "FILES", files)
    need_dataset("little", tmp_path / "home", tmp_path)
    from convncf.data import catalogue

    assert len(catalogue.load("little", tmp_path / "home").interactions) == 9
