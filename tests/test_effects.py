"""Settings without effect: refused at the door, on a model and beside other settings, saying what takes the effect."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from convncf.errors import ConfigError
from convncf.models.effects import idle_settings, setting_keys, unused_settings
from convncf.models.registry import model_names, record
from convncf.models.run_config import flatten
from convncf.models.settings import parse_setting, resolve
from tests.worlds import finished_run


@pytest.mark.parametrize(
    ("model", "setting"),
    [
        ("mf-bpr", "model.cnn_kernels=[2]"),
        ("mf-bpr", "train.lr_network=0.1"),
        ("mf-bpr", "pretrain.epochs=3"),
        ("mf-bpr", "model.initialisation=dot product"),
        ("popularity", "model.embedding_size=8"),
        ("popularity", "train.epochs=3"),
        ("popularity", "eval.validation_users=10"),
    ],
)
def test_a_setting_that_the_model_does_not_use_is_refused(model: str, setting: str, tmp_path: Path) -> None:
    key, value = parse_setting(setting)
    with pytest.raises(ConfigError, match=f"{key} .* {model}"):
        resolve(model=model, settings=[setting])
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({key: value}), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"mine\.json: .*{key} .* {model}"):
        resolve(model=model, file=file)


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("train.momentum=0.9", r"train\.optimizer is adam .*sgd"),
        ("train.weight_decay=0.1", r"train\.optimizer is adam"),
        ("train.dns_candidates=8", r"train\.negatives is uniform .*dns"),
        ("train.lr_floor=0.1", r"train\.schedule is constant .*linear or cosine"),
        ("train.warmup_lr=0.1", r"train\.warmup_epochs is 0"),
        ("data.low_rated=unseen", r"without data\.min_rating"),
        ("eval.negatives=999", r"eval\.protocol is full .*candidates or both"),
        ("model.output_reg=3", r"model\.penalty is norms"),
        ("model.penalised=weights and biases", r"model\.penalty is norms"),
    ],
)
def test_a_setting_without_effect_beside_the_others_is_refused_saying_what_it_needs(
    setting: str, complaint: str
) -> None:
    with pytest.raises(ConfigError, match=rf"{setting.partition('=')[0]} has no effect .*{complaint}"):
        resolve(preset="recbole", settings=[setting])


FROM_A_RUN = ["model.train_method=after_pretrain", "model.pre_model_path=first", "pretrain.epochs=0"]


@pytest.mark.parametrize(
    ("beside", "setting", "complaint"),
    [
        (["pretrain.epochs=0"], "pretrain.lr=0.1", "pretrain.epochs is 0"),
        (["pretrain.epochs=0"], "pretrain.embedding_std=0.1", "pretrain.epochs is 0"),
        (FROM_A_RUN, "pretrain.l2=0.1", "pretrain.epochs is 0"),
        (FROM_A_RUN, "model.embedding_std=0.1", "model.pre_model_path is 'first'"),
        (FROM_A_RUN, "model.embedding_start=truncated", "model.pre_model_path is 'first'"),
        (["pretrain.epochs=3"], "model.embedding_std=0.1", "pretrain.epochs is 3"),
        ([], "model.embedding_std=0.1", "or set pretrain.embedding_std."),  # quick pretrains by itself
        (["train.warmup_epochs=0"], "train.warmup_lr=0.1", "train.warmup_epochs is 0"),
        (["data.min_rating=null"], "data.low_rated=unseen", "without data.min_rating"),
        (
            ["eval.protocol=candidates", "eval.candidate_sets=drawn"],
            "eval.stored_sets=as published",
            "eval.candidate_sets is drawn",
        ),
        (
            ["eval.protocol=both", "eval.candidate_sets=stored"],
            "eval.negatives=50",
            "eval.candidate_sets is stored",
        ),
    ],
)
def test_what_another_setting_takes_the_effect_from_is_refused_naming_it(
    beside: list[str], setting: str, complaint: str
) -> None:
    key = setting.partition("=")[0]
    resolve(settings=beside)
    with pytest.raises(ConfigError) as caught:
        resolve(settings=[*beside, setting])
    assert f"{key} has no effect" in str(caught.value)
    assert complaint in str(caught.value)
    assert "Leave it out" in str(caught.value)
    values = (
        dict(record("convncf").presets["quick"])
        | {"model.name": "convncf"}
        | dict(map(parse_setting, [*beside, setting]))
    )
    assert key in idle_settings(values), "nor is it a difference between two runs"


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (["pretrain.epochs=1", "pretrain.lr=0.1"], "pretrain.lr"),
        (["pretrain.epochs=0", "model.embedding_std=0.1"], "model.embedding_std"),
        (["pretrain.epochs=3", "model.embedding_start=truncated"], "model.embedding_start"),  # pretraining begins so
        (["data.min_rating=0", "data.low_rated=unseen"], "data.low_rated"),  # 0 is a threshold: of returns, say
        (["eval.protocol=candidates", "eval.stored_sets=as published"], "eval.stored_sets"),
        # validation draws its sets whatever the test part has
        (["eval.protocol=candidates", "eval.candidate_sets=stored", "eval.negatives=50"], "eval.negatives"),
        (["eval.protocol=both", "eval.negatives=50"], "eval.negatives"),
        (["train.negatives=dns", "train.dns_candidates=2"], "train.dns_candidates"),
    ],
)
def test_beside_other_values_the_same_settings_are_taken(settings: list[str], key: str) -> None:
    flat = flatten(resolve(settings=settings).config)
    assert flat[key] == dict(map(parse_setting, settings))[key]
    assert key not in idle_settings(flat)


def test_the_hardest_of_one_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"train\.dns_candidates = 1 .* 2"):
        resolve(settings=["train.negatives=dns", "train.dns_candidates=1"])


def test_mf_bpr_has_no_network_to_weigh() -> None:
    with pytest.raises(ConfigError, match=r"mf-bpr .*\[0\.1, 0\]"):
        resolve(model="mf-bpr", settings=["model.reg_weights=[0.1, 0.2]"])
    assert resolve(model="mf-bpr", settings=["model.reg_weights=[0.1, 0]"]).config.model["reg_weights"] == (0.1, 0)
    assert resolve(settings=["model.reg_weights=[0.1, 0.2]"]).config.model["reg_weights"] == (0.1, 0.2)
    for wrong in ("[0.1]", "0.1", '"a"'):  # what is no pair is the schema's to refuse
        with pytest.raises(ConfigError, match=r"model\.reg_weights = "):
            resolve(model="mf-bpr", settings=[f"model.reg_weights={wrong}"])


def test_what_another_model_was_given_does_not_take_the_effect(home: Path) -> None:
    """The pretraining in a ConvNCF's config.json is nothing to an MF-BPR made from it."""
    file = finished_run(home).path / "config.json"
    again = resolve(model="mf-bpr", file=file, settings=["model.embedding_std=0.3"])
    assert again.config.model["embedding_std"] == 0.3


def test_a_setting_has_its_effect_once_what_it_needs_is_set() -> None:
    settings = ["train.optimizer=sgd", "train.momentum=0.9", "data.min_rating=4", "data.low_rated=unseen"]
    config = resolve(settings=settings).config
    assert (config.train.momentum, config.data.low_rated) == (0.9, "unseen")


def test_what_a_model_uses_is_accepted_and_what_it_does_not_is_a_real_key() -> None:
    for model in model_names():
        assert unused_settings(model) <= set(setting_keys())
        assert not unused_settings(model) & record(model).presets["quick"].keys()
    assert resolve(model="popularity", settings=["train.device=cpu"]).config.train.device == "cpu"
    assert unused_settings("convncf") == {"model.neighbours", "model.shrinkage", "model.ease_l2"}
