"""Setting fields, generated from the schema: title, help, bounds and choices all come from its definitions."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

import streamlit as st
from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from app.ui.text import plain
from convncf.models.effects import idle_settings, setting_fields, unused_settings
from convncf.models.registry import record

SECTIONS: Final[Mapping[str, str]] = {
    "Data and filters": "Which interactions count; by default all of them.",
    "Split": "What is held out of training, for validation and test.",
    "Model": "Architecture, initialisation and regularisation of the model.",
    "Pretraining": "MF-BPR, trained first; the network starts from its embeddings.",
    "Training": "How the model is trained, when training stops, and which checkpoints are saved.",
    "Evaluation": "How the model is evaluated: on validation during training, on test at the end.",
}
"""Title of a group of fields -> its subject."""
_BY_PREFIX: Final = {"model": "Model", "pretrain": "Pretraining", "train": "Training", "eval": "Evaluation"}
_SPLIT: Final = ("data.split", "data.order", "data.across", "data.ratios")
_DATES: Final = {"data.since": "2010-01-31", "data.until": "2015-01-01"}
_ELSEWHERE: Final = ("data.dataset", "model.name", "preset", "train.device")
"""Settings with widgets of their own above the fields."""


def first(model: str) -> tuple[str, ...]:
    """Keys of the fields that are always visible for a model: those that are changed most often."""
    model_record = record(model)
    return (
        *(["train.epochs"] if model_record.trained else []),
        *(f"model.{field}" for field in model_record.first),
        "seed",
    )


def advanced(model: str) -> dict[str, tuple[str, ...]]:
    """Title of a section -> keys of its other fields that have an effect on the model."""
    hidden = unused_settings(model) | set(_ELSEWHERE) | set(first(model))
    sections: dict[str, tuple[str, ...]] = dict.fromkeys(SECTIONS, ())
    for key in setting_fields(model):
        if key not in hidden:
            sections[_section(key)] += (key,)
    return {section: keys for section, keys in sections.items() if keys}


def _section(key: str) -> str:
    if key.startswith("data."):
        return "Split" if key in _SPLIT else "Data and filters"
    return _BY_PREFIX[key.partition(".")[0]]


def idle(defaults: Mapping[str, Any], prefix: str) -> frozenset[str]:
    """Keys of the fields that have no effect given the values of the others; `prefix` begins their widgets' keys."""
    entered = {key: st.session_state.get(f"{prefix}:{key}", value) for key, value in defaults.items()}
    return idle_settings(entered)


def field_of(key: str, model: str | None = None) -> FieldInfo:
    """The schema's definition of a dotted key; a model may have its own."""
    return setting_fields(model)[key]


def ask(key: str, value: Any, *, widget: str, model: str | None = None) -> Any:
    """Show the field of one setting, with `value` as its default; return the value entered.

    `widget` is the key in the session. Lists are text such as "4, 4, 2"; text that cannot be read as numbers is
    returned as it is, for the schema to refuse with a message.
    """
    field = field_of(key, model)
    label, help = plain(field.title or key), f"{plain(field.description or '')}  \n`{key}`"
    kind = field.annotation
    is_list = get_origin(kind) is tuple
    # The session holds the start value: beside a `value=`, Streamlit warns about each later change from here.
    if widget not in st.session_state and value is not None:
        st.session_state[widget] = as_text(value) if is_list else value
    if get_origin(kind) is Literal:
        choices = [str(choice) for choice in get_args(kind)]
        return st.selectbox(label, choices, key=widget, help=help, persist_state="session")
    optional = NoneType in _kinds(kind)
    if is_list or str in _kinds(kind):
        hint = f"none, or such as {_DATES[key]}" if key in _DATES else "none" if optional else None
        typed = st.text_input(label, key=widget, help=help, placeholder=hint, persist_state="session") or ""
        return read_list(typed) if is_list else (typed.strip() or None if optional else typed)
    return _ask_number(label, field, value, widget, help)


def fill(values: Mapping[str, Any], prefix: str, model: str | None = None) -> None:
    """Set the values of fields before they are shown; `prefix` begins their widgets' keys."""
    for key, value in values.items():
        kinds = _kinds(field_of(key, model).annotation)
        is_list = get_origin(field_of(key, model).annotation) is tuple
        text = "" if value is None and str in kinds else value
        st.session_state[f"{prefix}:{key}"] = as_text(value) if is_list else text


def _ask_number(label: str, field: FieldInfo, value: Any, widget: str, help: str) -> Any:
    whole = int in _kinds(field.annotation)
    low, high = _bounds(field, whole)
    step: int | float = 1 if whole else _step(value)
    return st.number_input(
        label,
        min_value=low,
        max_value=high,
        value=None if value is None else "min",
        step=step,
        format="%d" if whole else "%g",
        key=widget,
        help=help,
        placeholder="none" if NoneType in _kinds(field.annotation) else None,
        persist_state="session",
    )


def as_text(values: Sequence[float]) -> str:
    """(4, 4, 2) -> "4, 4, 2"."""
    return ", ".join(str(value) for value in values)


def read_list(text: str) -> list[Any] | str:
    """ "4, 4, 2" or "[4, 4, 2]" -> [4, 4, 2]; text that is no list of numbers is returned as it is."""
    try:
        items = json.loads(f"[{text.strip().removeprefix('[').removesuffix(']')}]")
    except json.JSONDecodeError:
        return text
    numbers = all(isinstance(item, int | float) and not isinstance(item, bool) for item in items)
    return items if numbers else text


def _kinds(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _bounds(field: FieldInfo, whole: bool) -> tuple[Any, Any]:
    """Bounds of the number field; exclusive bounds are left to the schema, whose message gives the reason."""
    cast: Any = int if whole else float
    low = high = None
    for rule in field.metadata:
        match rule:
            case Ge(ge=bound) | Gt(gt=bound):
                low = cast(bound)
            case Le(le=bound):
                high = cast(bound)
            case Lt(lt=bound):
                high = cast(bound) - 1 if whole else cast(bound)
    return low, high


def _step(value: float | None) -> float:
    """A step of the value's own size: 0.002 goes up by 0.001."""
    return 10.0 ** math.floor(math.log10(value)) if value else 0.001
