"""From flags, files and presets to one configuration: a setting is applied or refused, and says where it came from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from convncf.errors import ConfigError, UnknownSettingError
from convncf.models.effects import setting_keys
from convncf.models.registry import model_names
from convncf.models.run_config import flatten
from convncf.models.settings import parse_setting, read_settings, resolve
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
    with pytest.raises(UnknownSettingError, match=r"'zzzz\.qqqq'"):
        resolve(settings=["zzzz.qqqq=1"])


@pytest.mark.parametrize("text", ["train.epochs =3", " train.epochs=3", "train epochs=3", "train.epochs\t=3"])
def test_a_blank_in_a_key_is_refused_not_ignored(text: str) -> None:
    with pytest.raises(ConfigError, match="blank"):
        resolve(settings=[text])


def test_what_is_said_of_a_blank_can_be_copied_as_it_stands() -> None:
    with pytest.raises(ConfigError, match=r"Write train\.epochs=3\.$"):
        resolve(settings=["train.epochs = 3"])


@pytest.mark.parametrize(
    ("text", "way"), [("eval.ks=5,10", "[5,10]"), ("eval.ks=5", "[5]"), ("model.cnn_kernels=4,4,2", "[4,4,2]")]
)
def test_a_list_without_its_brackets_is_refused_with_how_to_write_it(text: str, way: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"Write {way}.")):
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
        ("data.dataset=2024", "2024"),
        ("data.dataset=null", "null"),
        ("data.since=2010", "2010"),
        ("data.since=null", None),
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


# ---------------------------------------------------------------- pretraining


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
    assert resolve(settings=settings).config.model["pre_model_path"] == "first"


# ---------------------------------------------------------------- sources


def test_later_sources_win_and_each_value_says_where_it_came_from(tmp_path: Path) -> None:
    file = written(tmp_path, "mine.json", '{"train": {"epochs": 7, "patience": 2}, "eval.ks": [3]}')
    resolved = resolve(preset="quick", file=file, settings=["train.patience=1"], seed=9)
    config, sources = resolved.config, resolved.sources
    assert (config.train.epochs, sources["train.epochs"]) == (7, "file mine.json")
    assert (config.train.patience, sources["train.patience"]) == (1, "flag")
    assert (config.eval.ks, sources["eval.ks"]) == ((3,), "file mine.json")
    assert (config.model["embedding_size"], sources["model.embedding_size"]) == (32, "preset quick")
    assert (config.train.batch_size, sources["train.batch_size"]) == (2048, "default")
    assert (config.seed, sources["seed"]) == (9, "flag")
    assert set(sources) == set(setting_keys("convncf")) == set(flatten(config))


def test_a_value_that_is_given_twice_is_refused_unless_both_are_one() -> None:
    assert resolve(seed=3, settings=["seed=3"]).config.seed == 3
    with pytest.raises(ConfigError, match=r"seed .* 4 and as 3"):
        resolve(seed=3, settings=["seed=4"])
    with pytest.raises(ConfigError, match=r"train\.epochs .* 1 and as 2"):
        resolve(settings=["train.epochs=1", "train.epochs=2"])


def test_toml_is_read_too(tmp_path: Path) -> None:
    file = written(tmp_path, "mine.toml", "seed = 4\n[train]\nepochs = 3\n[model]\nreg_weights = [0.5, 0]\n")
    config = resolve(file=file).config
    assert (config.seed, config.train.epochs, config.model["reg_weights"]) == (4, 3, (0.5, 0.0))


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    assert read_settings(written(tmp_path, "bom.json", '\ufeff{"seed": 4}')) == {"seed": 4}


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.json", '{"train": {"epochs": 5,}}', "line 1"),
        ("a.json", "[1, 2]", "holds a list"),
        ("a.json", "null", "not settings"),
        ("a.json", '{"train": {"epochs": 1}, "train": {"patience": 1}}', "'train' stands twice"),
        ("a.json", '{"train": {"epochs": 1}, "train.epochs": 2}', "train.epochs is given"),
        ("a.json", '{"settings": {"train.epochs": 5}}', "config.json"),
        ("a.json", '{"settings": {"train": {"epochs": 5}}}', "config.json"),
        ("a.toml", "seed = ", "a.toml"),
        ("a.json", '{"trian": {"epochs": 5}}', "mean train.epochs"),
        ("a.json", '{"train": 5}', "'train' does not"),
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
    assert resolve(preset="quick", file=run.path / "config.json").config == run.config()
    with pytest.raises(ConfigError, match=r".recbole. .*config\.json"):
        resolve(preset="recbole", file=run.path / "config.json")


def test_a_runs_config_json_serves_another_model_too(home: Path) -> None:
    run = finished_run(home)
    again = resolve(model="mf-bpr", file=run.path / "config.json", settings=["train.epochs=2"])
    assert again.config.model.name == "mf-bpr"
    assert again.config.model["embedding_size"] == 8
    assert again.config.train.epochs == 2


@pytest.mark.parametrize("model", model_names())
def test_what_config_json_holds_is_the_configuration(tmp_path: Path, model: str) -> None:
    resolved = tiny(model, seed=5)
    run = Run(tmp_path)
    run.write_config(resolved, name="x", created=1.5, fingerprint="sha256:0", request_id="")
    assert run.config() == resolved.config
    assert run.sources() == resolved.sources
    assert set(run.settings()) == set(setting_keys(model))
    assert Run(tmp_path).settings()["model.name"] == model
