"""Settings that earlier versions called otherwise: read by both names, noted once, never taken twice."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from convncf.config import DataConfig, EvalConfig, TrainConfig
from convncf.config.base import _note_renamed
from convncf.errors import ConfigError
from convncf.models.run_config import earlier_keys, stored_config
from convncf.models.settings import resolve

RENAMED: dict[str, tuple[Any, str, Any]] = {
    "train.gentle_epochs": (1, "train.warmup_epochs", 1),
    "train.gentle_lr": (0.02, "train.warmup_lr", 0.02),
    "train.dns_of": (3, "train.dns_candidates", 3),
    "train.spared": ("test items", "train.excluded_negatives", "test items"),
    "train.positives": ("each once", "train.positives", "by interaction"),
    "data.split": ("ready", "data.split", "predefined"),
    "eval.cold": ("left out", "eval.cold", "excluded"),
    "model.initialisation": ("trace", "model.initialisation", "dot product"),
}
"""What earlier versions wrote: key -> value, present key, present value."""
BESIDE: dict[str, dict[str, Any]] = {
    "train.gentle_lr": {"train.warmup_epochs": 1},
    "train.dns_of": {"train.negatives": "dns"},
}
"""What else must be set for a setting to have an effect."""


def value_of(config: Any, key: str) -> Any:
    section, _, field = key.partition(".")
    return getattr(getattr(config, section), field)


@pytest.mark.parametrize("key", RENAMED)
def test_a_flag_a_file_and_a_run_may_use_the_earlier_name(key: str, tmp_path: Path) -> None:
    value, present, now = RENAMED[key]
    beside = BESIDE.get(key, {})
    by_flag = resolve(settings=beside | {key: value})
    assert (value_of(by_flag.config, present), by_flag.sources[present]) == (now, "flag")
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(beside | {key: value}), encoding="utf-8")
    by_file = resolve(file=file)
    assert by_file.config == by_flag.config
    assert by_file.sources[present] == "file settings.json"
    assert value_of(stored_config({"model.name": "convncf", **beside, key: value}, "config.json"), present) == now


def test_the_sections_take_them_too() -> None:
    earlier: dict[str, Any] = {"spared": "test items", "positives": "each once"}
    assert TrainConfig(**earlier) == TrainConfig(excluded_negatives="test items", positives="by interaction")
    split: dict[str, Any] = {"split": "ready"}
    cold: dict[str, Any] = {"cold": "left out"}
    assert (DataConfig(**split).split, EvalConfig(**cold).cold) == ("predefined", "excluded")


def test_every_renamed_key_is_known() -> None:
    assert earlier_keys() == {key: present for key, (_, present, _) in RENAMED.items() if key != present}


def test_it_is_noted_once(caplog: pytest.LogCaptureFixture) -> None:
    _note_renamed.cache_clear()
    with caplog.at_level(logging.WARNING, "convncf"):
        for _ in range(3):
            resolve(settings={"train.spared": "test items", "data.split": "ready"})
    of_spared, of_split = sorted(record.getMessage() for record in caplog.records)
    assert "spared" in of_spared
    assert "excluded_negatives" in of_spared
    assert "'predefined'" in of_split


@pytest.mark.parametrize("earlier", ["train.spared", "train.dns_of"])
def test_given_by_both_names_it_is_refused(earlier: str, tmp_path: Path) -> None:
    present, value = RENAMED[earlier][1:]
    with pytest.raises(ConfigError, match=present):
        resolve(settings={earlier: value, present: "nothing" if isinstance(value, str) else 7})
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({earlier: value, present: value}), encoding="utf-8")
    with pytest.raises(ConfigError, match=f"settings.json.*{earlier}.*{present}"):
        resolve(file=file)
