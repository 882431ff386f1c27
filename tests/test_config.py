"""Settings: every one is applied or refused before any work, and config.json can say where each came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from convncf import metrics
from convncf.config import (
    METRIC_NAMES,
    MODEL_NAMES,
    PRESETS,
    EvalConfig,
    ModelConfig,
    RunConfig,
    TrainConfig,
    flatten,
    parse_setting,
    preset_names,
    read_settings,
    resolve,
    setting_keys,
    unused_settings,
)
from convncf.errors import ConfigError, LayerPlanError, UnknownSettingError
from convncf.runs import Run
from tests.worlds import finished_run, tiny


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("train.learning_rate", ["train.lr_embedding", "train.lr_network"]),
        ("train.lr", ["train.lr_embedding", "train.lr_network"]),
        ("learning_rate", ["pretrain.lr", "train.lr_embedding", "train.lr_network"]),
        ("train.epoch", ["train.epochs"]),
        ("epochs", ["pretrain.epochs", "train.epochs"]),
        ("dropout_prob", ["model.dropout_prob"]),
        ("model.dropout", ["model.dropout_prob"]),
        ("eval.patience", ["pretrain.patience", "train.patience"]),
        ("train.batchsize", ["train.batch_size"]),
        ("Train.Epochs", ["train.epochs"]),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_right_ones(wrong: str, right: list[str]) -> None:
    with pytest.raises(UnknownSettingError) as caught:
        resolve(settings=[f"{wrong}=5"])
    assert f"setting {wrong!r} does not exist" in str(caught.value)
    asked = str(caught.value).partition("Did you mean ")[2].rstrip("?").split(" or ")
    assert asked[: len(right)] == right


def test_a_key_like_nothing_is_refused_all_the_same() -> None:
    with pytest.raises(UnknownSettingError, match=r"'zzzz\.qqqq' does not exist"):
        resolve(settings=["zzzz.qqqq=1"])


@pytest.mark.parametrize("text", ["train.epochs =3", " train.epochs=3", "train epochs=3", "train.epochs\t=3"])
def test_a_blank_in_a_key_is_refused_not_ignored(text: str) -> None:
    with pytest.raises(ConfigError, match="blank"):
        resolve(settings=[text])


def test_a_setting_without_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match="no '='"):
        resolve(settings=["train.epochs"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("train.epochs=5", 5),
        ("train.epochs= 5", 5),
        ("model.cnn_kernels=[4, 4, 2]", [4, 4, 2]),
        ("eval.validation_users=null", None),
        ("eval.monitor=NDCG@10", "NDCG@10"),
        ('eval.monitor="NDCG@10"', "NDCG@10"),
        ("model.pre_model_path=a=b", "a=b"),
        ("model.pre_model_path=", ""),
    ],
)
def test_values_are_json_first_and_text_otherwise(text: str, value: Any) -> None:
    assert parse_setting(text)[1] == value


def test_a_name_that_looks_like_a_number_stays_text() -> None:
    assert resolve(settings=["data.dataset=2024"]).config.data.dataset == "2024"
    assert resolve(settings=["data.dataset=007"]).config.data.dataset == "007"
    assert resolve(settings=["data.dataset=1e3"]).config.data.dataset == "1e3"
    assert resolve(settings=["data.dataset=true"]).config.data.dataset == "true"
    assert resolve(settings=['data.dataset="toy"']).config.data.dataset == "toy"


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("eval.monitor=MAP@12", "monitor 'MAP@12' is no metric"),
        ("eval.monitor=ndcg@10", "Did you mean NDCG"),
        ("eval.monitor=NDCG", "with its cut-off"),
        ("eval.monitor=NDCG@0", "with its cut-off"),
        ("eval.monitor=NDCG@010", "with its cut-off"),
        ("eval.monitor=NDCG@-1", "with its cut-off"),
        ("eval.monitor=NDCG@1٣", "with its cut-off"),
        ("eval.ks=[]", "at least one cut-off"),
        ("eval.ks=[0,5]", "each 1 or more"),
        ("eval.validation_users=0", "greater than or equal to 1"),
        ("train.epochs=-1", "greater than or equal to 0"),
        ("train.epochs=2.5", "train.epochs = 2.5"),
        ("train.epochs=many", "train.epochs = 'many'"),
        ("train.epochs=true", "train.epochs = True"),
        ("train.lr_embedding=NaN", "finite"),
        ("train.lr_embedding=Infinity", "finite"),
        ("train.lr_embedding=-0.1", "greater than or equal to 0"),
        ("train.device=gpu", "device 'gpu' is unknown"),
        ("train.device=cuda:", "device 'cuda:' is unknown"),
        ("train.optimizer=sgd", "'adam' or 'adagrad'"),
        ("data.ratios=[0.8,0.1,0.2]", "add up to 1"),
        ("data.ratios=[1.2,-0.1,-0.1]", "must be 0 or more"),
        ("data.ratios=[0,0.5,0.5]", "leave something for training"),
        ("data.ratios=[1]", "data.ratios"),
        ("model.reg_weights=[-1,0]", "must be 0 or more"),
        ("model.reg_weights=[NaN,0]", "finite"),
        ("model.dropout_prob=1", "less than 1"),
        ("seed=-1", "greater than or equal to 0"),
        ("seed=4294967296", "less than"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_key_value_and_source(setting: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(settings=[setting])
    assert complaint in str(caught.value)
    assert "(from flag)" in str(caught.value)


def test_every_wrong_value_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(settings=["train.epochs=-1", "eval.monitor=MAP@12"])
    assert "train.epochs" in str(caught.value)
    assert "eval.monitor" in str(caught.value)


def test_a_layer_plan_that_does_not_fit_is_refused_before_any_work() -> None:
    with pytest.raises(LayerPlanError, match="do not fit embedding size 48"):
        resolve(settings=["model.embedding_size=48"])


def test_a_monitored_metric_need_not_be_listed() -> None:
    config = resolve(settings=["eval.ks=[5,10]", "eval.monitor=NDCG@12"]).config
    assert "NDCG@12" in map(str, metrics.at(config.eval.ks, monitor=config.eval.monitor))


def test_cut_offs_are_put_in_order_and_counted_once() -> None:
    assert EvalConfig(ks=(20, 5, 20)).ks == (5, 20)


def test_the_metrics_that_can_be_monitored_are_those_that_there_are() -> None:
    assert METRIC_NAMES == metrics.NAMES


def test_a_configuration_cannot_be_changed_and_has_no_room_for_misspelt_keys() -> None:
    config = TrainConfig()
    with pytest.raises(ValidationError, match="frozen"):
        config.epochs = 3  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        TrainConfig(learning_rate=0.1)  # type: ignore[call-arg]


def test_the_model_configuration_is_subscriptable_as_recboles_is() -> None:
    config = ModelConfig(embedding_size=64)
    assert config["embedding_size"] == 64
    assert config["cnn_kernels"] == (4, 4, 2, 2)
    assert config["USER_ID_FIELD"] is None


def test_every_setting_has_words_for_help_and_widgets() -> None:
    for name, section in RunConfig.model_fields.items():
        inner = getattr(section.annotation, "model_fields", {name: section})
        for key, field in inner.items():
            assert field.title, key
            assert field.description, key


# ---------------------------------------------------------------- what a model does not use


@pytest.mark.parametrize(
    ("model", "setting"),
    [
        ("mf-bpr", "model.cnn_kernels=[2]"),
        ("mf-bpr", "train.lr_network=0.1"),
        ("mf-bpr", "pretrain.epochs=3"),
        ("mf-bpr", "model.initialisation=trace"),
        ("popularity", "model.embedding_size=8"),
        ("popularity", "train.epochs=3"),
        ("popularity", "eval.validation_users=10"),
    ],
)
def test_a_setting_that_the_model_does_not_use_is_refused(model: str, setting: str, tmp_path: Path) -> None:
    key, value = parse_setting(setting)
    with pytest.raises(ConfigError, match=f"{key} has no effect on {model}"):
        resolve(model=model, settings=[setting])
    file = written(tmp_path, "mine.json", json.dumps({key: value}))
    with pytest.raises(ConfigError, match=rf"mine\.json: setting {key} has no effect on {model}"):
        resolve(model=model, file=file)


def test_what_a_model_uses_is_accepted_and_what_it_does_not_is_a_real_key() -> None:
    for model in MODEL_NAMES:
        assert unused_settings(model) <= set(setting_keys())
        assert not unused_settings(model) & PRESETS["quick", model].keys()
    assert resolve(model="popularity", settings=["train.device=cpu"]).config.train.device == "cpu"
    assert not unused_settings("convncf")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (["model.train_method=after_pretrain", "pretrain.epochs=0"], "needs model.pre_model_path"),
        (["model.pre_model_path=first", "pretrain.epochs=0"], "model.train_method=after_pretrain"),
        (["model.pre_model_path=first", "model.train_method=after_pretrain"], "pretrain.epochs=0"),
    ],
)
def test_settings_of_pretraining_that_would_be_ignored_are_refused(settings: list[str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        resolve(settings=settings)


def test_pretrained_embeddings_are_asked_for_by_method_and_path() -> None:
    settings = ["model.pre_model_path=first", "model.train_method=after_pretrain", "pretrain.epochs=0"]
    assert resolve(settings=settings).config.model.pre_model_path == "first"


# ---------------------------------------------------------------- models and presets


def test_a_model_or_preset_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match=r"model 'convnfc' does not exist\. Did you mean convncf"):
        resolve(model="convnfc")
    with pytest.raises(ConfigError, match=r"preset 'quik' does not exist for mf-bpr\. Did you mean quick"):
        resolve(model="mf-bpr", preset="quik")


@pytest.mark.parametrize(("preset", "model"), sorted(PRESETS))
def test_every_preset_resolves_to_what_it_says(preset: str, model: str) -> None:
    resolved = resolve(model=model, preset=preset)
    flat = flatten(resolved.config)
    for key, value in PRESETS[preset, model].items():
        assert flat[key] == (list(value) if isinstance(value, tuple) else value)
        assert resolved.sources[key] == f"preset {preset}"
    assert preset_names(model)[0] == "quick"


def test_the_recbole_preset_is_recboles() -> None:
    config = resolve(preset="recbole").config
    assert config.model.cnn_kernels == (4, 4, 2, 2)
    assert config.model.cnn_channels == (1, 32, 32, 32, 32)
    assert (config.model.embedding_size, config.model.dropout_prob, config.model.reg_weights) == (64, 0.2, (0.1, 0.1))
    assert (config.model.penalty, config.model.initialisation, config.model.embedding_std) == ("norms", "random", 1.0)
    assert (config.train.lr_embedding, config.train.lr_network, config.train.batch_size) == (1e-3, 1e-3, 2048)
    assert (config.eval.monitor, config.data.split, config.data.ratios) == ("MRR@10", "ratio", (0.8, 0.1, 0.1))
    assert config.pretrain.epochs == 0


# ---------------------------------------------------------------- sources


def test_later_sources_win_and_each_value_says_where_it_came_from(tmp_path: Path) -> None:
    file = written(tmp_path, "mine.json", '{"train": {"epochs": 7, "patience": 2}, "eval.ks": [3]}')
    resolved = resolve(preset="quick", file=file, settings=["train.patience=1"], seed=9)
    config, sources = resolved.config, resolved.sources
    assert (config.train.epochs, sources["train.epochs"]) == (7, "file mine.json")
    assert (config.train.patience, sources["train.patience"]) == (1, "flag")
    assert (config.eval.ks, sources["eval.ks"]) == ((3,), "file mine.json")
    assert (config.model.embedding_size, sources["model.embedding_size"]) == (32, "preset quick")
    assert (config.train.batch_size, sources["train.batch_size"]) == (2048, "default")
    assert (config.seed, sources["seed"]) == (9, "flag")
    assert set(sources) == set(setting_keys()) == set(flatten(config))


def test_a_named_option_beats_the_same_key_among_the_settings() -> None:
    assert resolve(seed=3, settings=["seed=4"]).config.seed == 3


def test_toml_is_read_too(tmp_path: Path) -> None:
    file = written(tmp_path, "mine.toml", "seed = 4\n[train]\nepochs = 3\n[model]\nreg_weights = [0.5, 0]\n")
    config = resolve(file=file).config
    assert (config.seed, config.train.epochs, config.model.reg_weights) == (4, 3, (0.5, 0.0))


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    assert read_settings(written(tmp_path, "bom.json", '\ufeff{"seed": 4}')) == {"seed": 4}


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.json", '{"train": {"epochs": 5,}}', "line 1"),
        ("a.json", "[1, 2]", "holds a list, not settings"),
        ("a.json", "null", "not settings"),
        ("a.json", '{"train": {"epochs": 1}, "train": {"patience": 1}}', "'train' stands twice"),
        ("a.json", '{"train": {"epochs": 1}, "train.epochs": 2}', "train.epochs is given twice"),
        ("a.json", '{"settings": {"train.epochs": 5}}', "config.json"),
        ("a.json", '{"settings": {"train": {"epochs": 5}}}', "config.json"),
        ("a.toml", "seed = ", "a.toml"),
        ("a.json", '{"trian": {"epochs": 5}}', "Did you mean train.epochs"),
        ("a.json", '{"train": 5}', "'train' does not exist"),
        ("a.json", '{"model": {"name": ["convncf"]}}', "does not exist"),
    ],
)
def test_a_file_that_cannot_be_applied_is_refused_by_name(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    file = written(tmp_path, name, text)
    with pytest.raises(ConfigError) as caught:
        resolve(file=file)
    assert complaint in str(caught.value)


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        resolve(file=tmp_path / "nowhere.json")
    with pytest.raises(ConfigError, match="Is a directory"):
        resolve(file=tmp_path)
    (tmp_path / "latin.json").write_bytes(b'{"data": {"dataset": "caf\xe9"}}')
    with pytest.raises(ConfigError, match="not UTF-8"):
        resolve(file=tmp_path / "latin.json")


# ---------------------------------------------------------------- a run's own config.json


def test_a_runs_config_json_makes_the_same_configuration_again(home: Path) -> None:
    run = finished_run(home)
    again = resolve(file=run.path / "config.json")
    assert again.config == run.config()
    assert again.sources["train.epochs"] == "file config.json"


def test_a_runs_config_json_serves_another_model_too(home: Path) -> None:
    run = finished_run(home)
    again = resolve(model="mf-bpr", file=run.path / "config.json", settings=["train.epochs=2"])
    assert again.config.model.name == "mf-bpr"
    assert again.config.model.embedding_size == 8
    assert again.config.train.epochs == 2


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_what_config_json_holds_is_the_configuration(tmp_path: Path, model: str) -> None:
    resolved = tiny(model, seed=5)
    run = Run(tmp_path)
    run.write_config(resolved, name="x", created=1.5, fingerprint="sha256:0", request_id="")
    assert run.config() == resolved.config
    assert run.sources() == resolved.sources
    assert set(run.settings()) == set(setting_keys())
    assert Run(tmp_path).settings()["model.embedding_size"] == resolved.config.model.embedding_size
