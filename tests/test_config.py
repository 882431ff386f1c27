"""What a configuration can be: each value that cannot be is refused before any work."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from convncf.config import METRIC_NAMES, EvalConfig, TrainConfig
from convncf.config.data import as_seconds
from convncf.errors import ConfigError, LayerPlanError
from convncf.evaluation import metrics
from convncf.models import ModelConfig
from convncf.models.effects import setting_fields
from convncf.models.registry import record, records
from convncf.models.run_config import flatten
from convncf.models.settings import preset_names, resolve
from convncf.workflow.phases import pretraining

# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("eval.monitor=ERR@12", "'ERR@12'"),
        ("eval.monitor=ndcg@10", "Did you mean NDCG"),
        ("eval.monitor=NDCG", "with its cut-off"),
        ("eval.monitor=NDCG@0", "with its cut-off"),
        ("eval.monitor=NDCG@010", "with its cut-off"),
        ("eval.monitor=NDCG@-1", "with its cut-off"),
        ("eval.monitor=NDCG@1٣", "with its cut-off"),
        ("eval.ks=[]", "eval.ks = []"),
        ("eval.ks=[0,5]", "each 1 or more"),
        ("eval.validation_users=0", "eval.validation_users = 0"),
        ("train.epochs=-1", "train.epochs = -1"),
        ("train.epochs=2.5", "train.epochs = 2.5"),
        ("train.epochs=many", "train.epochs = 'many'"),
        ("train.epochs=true", "train.epochs = True"),
        ("train.lr_embedding=NaN", "finite"),
        ("train.lr_embedding=Infinity", "finite"),
        ("train.lr_embedding=-0.1", "train.lr_embedding = -0.1"),
        ("train.device=gpu", "'gpu'"),
        ("train.device=cuda:", "'cuda:'"),
        ("train.optimizer=rmsprop", "'adam', 'adamw', 'adagrad'"),
        ("data.ratios=[0.8,0.1,0.2]", "add up to 1"),
        ("data.ratios=[1.2,-0.1,-0.1]", "0 or more"),
        ("data.ratios=[0,0.5,0.5]", "for training"),
        ("data.ratios=[1]", "data.ratios"),
        ("data.since=yesterday", "'yesterday'"),
        ("data.min_user=-1", "data.min_user = -1"),
        ("data.max_item=0", "data.max_item = 0"),
        ("eval.monitor=AUC@10", "AUC has none"),
        ("model.reg_weights=[-1,0]", "0 or more"),
        ("model.reg_weights=[NaN,0]", "finite"),
        ("model.dropout_prob=1", "less than 1"),
        ("seed=-1", "seed = -1"),
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
        resolve(settings=["train.epochs=-1", "eval.monitor=ERR@12"])
    assert "train.epochs" in str(caught.value)
    assert "eval.monitor" in str(caught.value)


def test_a_layer_plan_that_does_not_fit_is_refused_before_any_work() -> None:
    with pytest.raises(LayerPlanError, match="embedding size 48"):
        resolve(settings=["model.embedding_size=48"])


def test_a_monitored_metric_need_not_be_listed() -> None:
    config = resolve(settings=["eval.ks=[5,10]", "eval.monitor=NDCG@12"]).config
    assert "NDCG@12" in map(str, metrics.at(config.eval.ks, monitor=config.eval.monitor))


def test_auc_is_monitored_without_a_cut_off() -> None:
    assert resolve(settings=["eval.monitor=AUC"]).config.eval.monitor == "AUC"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"data.since": "2015-01-01", "data.until": "2014-01-01"}, "since 2015-01-01 .* until 2014-01-01"),
        ({"data.min_user": 5, "data.max_user": 3}, "min_user 5 .* max_user 3"),
        ({"data.min_item": 9, "data.max_item": 8}, "min_item 9 .* max_item 8"),
    ],
)
def test_intervals_that_hold_nothing_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        resolve(settings=settings)


def test_a_date_without_a_zone_is_utc() -> None:
    assert as_seconds("1970-01-02") == 86_400
    assert as_seconds("1970-01-01T01:00:00+01:00") == 0


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
    for key, field in setting_fields().items():
        assert field.title, key
        assert field.description, key


# ---------------------------------------------------------------- models and presets


def test_a_model_or_preset_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match=r"'convnfc' .* convncf"):
        resolve(model="convnfc")
    with pytest.raises(ConfigError, match=r"'quik' .* mf-bpr.* quick"):
        resolve(model="mf-bpr", preset="quik")


@pytest.mark.parametrize(("preset", "model"), sorted((preset, one.name) for one in records() for preset in one.presets))
def test_every_preset_resolves_to_what_it_says(preset: str, model: str) -> None:
    resolved = resolve(model=model, preset=preset)
    flat = flatten(resolved.config)
    for key, value in record(model).presets[preset].items():
        assert flat[key] == (list(value) if isinstance(value, tuple) else value)
        assert resolved.sources[key] == f"preset {preset}"
    assert preset_names(model)[0] == "quick"


def test_the_tuned_network_begins_from_the_tuned_matrix_factorisation() -> None:
    network, mf = resolve(preset="tuned").config, resolve(model="mf-bpr", preset="tuned").config
    before = pretraining(network)
    assert (before.lr_embedding, before.epochs, before.patience) == (
        mf.train.lr_embedding,
        mf.train.epochs,
        mf.train.patience,
    )
    assert (before.negatives, before.dns_candidates, before.positives) == (
        "dns",
        mf.train.dns_candidates,
        mf.train.positives,
    )
    assert (network.pretrain.l2, network.pretrain.embedding_std) == (
        mf.model["reg_weights"][0],
        mf.model["embedding_std"],
    )
    assert network.model["embedding_size"] == mf.model["embedding_size"]


def test_the_paper_preset_is_that_of_the_2018_code() -> None:
    """DESIGN's table: what He et al. released, but for its two leaks, which are settings and off."""
    config = resolve(preset="paper").config
    model: Any = config.model
    train = config.train
    assert (model.embedding_size, model.cnn_kernels, model.cnn_strides) == (64, (2,) * 6, (2,) * 6)
    assert (model.cnn_channels, model.dropout_prob) == ((1, *(32,) * 6), 0.0)
    assert (model.penalty, model.reg_weights, model.output_reg) == ("squared", (0.01, 1.0), 11.0)
    assert model.penalised == "weights and biases"
    assert (model.initialisation, model.embedding_start, model.embedding_std) == ("paper", "truncated", 0.01)
    assert (train.optimizer, train.lr_embedding, train.lr_network) == ("adagrad", 0.05, 0.05)
    assert (train.adagrad_accumulator, train.batch_size) == (0.1, 512)
    assert (train.warmup_epochs, train.warmup_lr) == (1, 0.01)
    assert (config.data.split, config.eval.protocol, config.eval.negatives) == ("leave-one-out", "candidates", 999)
    assert (config.eval.select_on, train.excluded_negatives) == ("validation", "nothing")


def test_the_recbole_preset_is_recboles() -> None:
    config = resolve(preset="recbole").config
    assert config.model["cnn_kernels"] == (4, 4, 2, 2)
    assert config.model["cnn_channels"] == (1, 32, 32, 32, 32)
    assert (config.model["embedding_size"], config.model["dropout_prob"], config.model["reg_weights"]) == (
        64,
        0.2,
        (0.1, 0.1),
    )
    assert (config.model["penalty"], config.model["initialisation"], config.model["embedding_std"]) == (
        "norms",
        "random",
        1.0,
    )
    assert (config.train.lr_embedding, config.train.lr_network, config.train.batch_size) == (1e-3, 1e-3, 2048)
    assert (config.eval.monitor, config.data.split, config.data.ratios) == ("MRR@10", "auto", (0.8, 0.1, 0.1))
    assert config.pretrain.epochs == 0
