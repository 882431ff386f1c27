"""From preset, file and flags to one RunConfig, with the source of each value.

Later sources win: default, preset, file, flag. Whatever cannot be applied is refused here, before any work.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from convncf.errors import ConfigError, UnknownSettingError, did_you_mean
from convncf.models.effects import refuse_without_effect, setting_fields, setting_keys
from convncf.models.registry import OURS, record
from convncf.models.run_config import RunConfig, in_present_words, nest, without_other_models


@dataclass(frozen=True, slots=True)
class Resolved:
    """A configuration and the source of each of its values: default, preset NAME, file NAME or flag."""

    config: RunConfig
    sources: Mapping[str, str]


def parse_setting(text: str) -> tuple[str, Any]:
    """'train.lr_embedding=0.05' -> ('train.lr_embedding', 0.05); the value is read as JSON, else taken as text."""
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"setting {text!r} has no '='. Write KEY=VALUE, such as train.epochs=5.")
    if any(map(str.isspace, key)):
        raise ConfigError(
            f"setting {text!r} has a blank in its key {key!r}. Write {''.join(key.split())}={value.strip()}."
        )
    try:
        parsed = json.loads(value)
    except json.JSONDecodeError:
        return key, value
    field = setting_fields().get(key)
    # a dataset or a run may be named 2024, and 2010 is a date
    kinds = () if field is None else (field.annotation, *get_args(field.annotation))
    as_text = str in kinds and not isinstance(parsed, str) and (parsed is not None or NoneType not in kinds)
    return key, value if as_text else parsed


def read_settings(file: Path) -> dict[str, Any]:
    """Settings from a JSON or TOML file, nested or dotted; a run's own config.json is accepted as it is."""
    return _read_settings(file)[0]


def _read_settings(file: Path) -> tuple[dict[str, Any], bool]:
    """The settings by dotted key, and whether the file is a run's config.json, which holds every key there is."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: not UTF-8 text. Give a JSON or TOML file of settings.") from None
    try:
        values = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text, object_pairs_hook=_no_repeats)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{file}, line {error.lineno}: {error.msg}. Give strict JSON, or TOML as .toml.") from None
    except (tomllib.TOMLDecodeError, ConfigError) as error:
        raise ConfigError(f"{file}: {error}.") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{file}: holds a {type(values).__name__}, not settings. Write {{'train': {{'epochs': 5}}}}.")
    of_a_run = isinstance(values.get("settings"), dict)
    if of_a_run:
        entries = values["settings"]
        if not all(isinstance(entry, dict) and "value" in entry for entry in entries.values()):
            raise ConfigError(
                f"{file}: its 'settings' are not those of a run's config.json, each with a value and a source. "
                "Write settings of your own without that word around them: {'train': {'epochs': 5}}."
            )
        values = {key: entry["value"] for key, entry in entries.items()}
    flat: dict[str, Any] = {}
    for key, value in values.items():
        inner = {f"{key}.{name}": item for name, item in value.items()} if isinstance(value, dict) else {key: value}
        repeated = flat.keys() & inner.keys()
        if repeated:
            raise ConfigError(f"{file}: {min(repeated)} is given twice. Keep one of them.")
        flat |= inner
    try:
        return in_present_words(flat), of_a_run
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; ConfigError for a repeated key, since json would drop the first of the two silently."""
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ConfigError(f"{repeated!r} stands twice in one object, so that the first would be lost; join them")
    return values


def resolve(
    *,
    model: str | None = None,
    preset: str | None = None,
    dataset: str | None = None,
    seed: int | None = None,
    file: Path | None = None,
    settings: Sequence[str] | Mapping[str, Any] = (),
) -> Resolved:
    """One configuration from all its sources. Raises ConfigError before any work when one cannot be applied."""
    from_file, of_a_run = _read_settings(file) if file else ({}, False)
    pairs = [*settings.items()] if isinstance(settings, Mapping) else [*map(parse_setting, settings)]
    arguments = {"model.name": model, "preset": preset, "data.dataset": dataset, "seed": seed}
    pairs += [(key, value) for key, value in arguments.items() if value is not None]
    flags: dict[str, Any] = {}
    for key, value in (item for pair in pairs for item in in_present_words(dict([pair])).items()):
        if key in flags and flags[key] != value:
            raise ConfigError(f"{key} is given twice, as {flags[key]!r} and as {value!r}. Keep one of them.")
        flags[key] = value
    if of_a_run and flags.get("preset", from_file.get("preset")) != from_file.get("preset"):
        raise ConfigError(
            f"preset {flags['preset']!r} has no effect beside {file}, which gives every setting. Leave one of them out."
        )
    explicit = from_file | flags
    _refuse_unknown(explicit, file, from_file)

    chosen = record(str(explicit.get("model.name", OURS[0].name)))
    preset = str(explicit.get("preset", next(iter(chosen.presets))))
    if preset not in chosen.presets:
        proposal = did_you_mean(preset, chosen.presets)
        raise ConfigError(f"preset {preset!r} does not exist for {chosen.name}. {proposal}")
    of_preset = dict(chosen.presets[preset])
    values = of_preset | explicit | {"model.name": chosen.name, "preset": preset}
    for key in flags if of_a_run else explicit:
        refuse_without_effect(key, values, "" if key in flags else f"{file}: ")
    if of_a_run:
        values = without_other_models(values, str(file))
    sources = dict.fromkeys(setting_keys(chosen.name), "default")
    sources |= dict.fromkeys(of_preset, f"preset {preset}")
    sources |= dict.fromkeys(from_file, f"file {file.name}" if file else "file")
    sources |= dict.fromkeys(flags, "flag")
    keys = setting_keys(chosen.name)
    return Resolved(_validate(values, sources), {key: source for key, source in sources.items() if key in keys})


def _refuse_unknown(explicit: Mapping[str, Any], file: Path | None, from_file: Mapping[str, Any]) -> None:
    keys = setting_keys()
    for key in explicit:
        if key not in keys:
            place = f"{file}: " if key in from_file and file else ""
            similar = _similar_keys(key)
            hint = f"Did you mean {' or '.join(similar)}?" if similar else did_you_mean(key, keys)
            raise UnknownSettingError(f"{place}setting {key!r} does not exist. {hint}".strip())


def _similar_keys(key: str) -> list[str]:
    """Keys whose last part or title matches that of `key`, those of the most similar section first; at most three."""
    section, _, last = key.casefold().replace("-", "_").rpartition(".")

    def fits(full: str, field: FieldInfo) -> bool:
        inner, title = full.rpartition(".")[2], (field.title or "").casefold().replace(" ", "_")
        return inner.startswith(last) or f"_{last}_" in f"_{title}_"

    matches = [full for full, field in setting_fields().items() if fits(full, field)]
    similarity = {full: SequenceMatcher(None, section, full.rpartition(".")[0]).ratio() for full in matches}
    return sorted(matches, key=lambda full: -similarity[full])[:3]


def _validate(values: Mapping[str, Any], sources: Mapping[str, str]) -> RunConfig:
    nested = nest(values)
    problems: list[ErrorDetails] = []
    of_model = nested.pop("model")
    try:
        nested["model"] = record(of_model["name"]).settings.model_validate(of_model)
    except ValidationError as error:
        problems += [{**problem, "loc": ("model", *problem["loc"])} for problem in error.errors()]
    try:
        config = RunConfig.model_validate(nested)
    except ValidationError as error:
        problems += error.errors()
    if not problems:
        return config
    lines = []
    for problem in problems:
        key = ".".join(str(part) for part in problem["loc"][:2])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "tuple_type":
            message = f"this is no list. Write [{problem['input']}]"
        lines.append(f"{key} = {problem['input']!r} (from {sources.get(key, 'the settings')}): {message}.")
    raise ConfigError("\n".join(lines))


def preset_names(model: str) -> tuple[str, ...]:
    """Presets of a model; the recommended one comes first."""
    return tuple(record(model).presets)
