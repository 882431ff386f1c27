"""Base class of all sections of the settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

_log = logging.getLogger(__name__)

Precision = Literal["fp32", "bf16"]
"""The precision of products."""
GIVEN = "any value"
ABOVE_0 = "above 0"
Wanted = tuple[str, ...] | str
"""Values of another setting beside which one has an effect: some of them, GIVEN or ABOVE_0."""


class Frozen(BaseModel):
    """A value that cannot be changed, with no room for a misspelt key."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    earlier_names: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Name of a field in earlier versions -> its name; still read, with a note in the log."""
    earlier_values: ClassVar[Mapping[str, Mapping[str, str]]] = MappingProxyType({})
    """Field -> its values in earlier versions -> the values."""

    @classmethod
    def in_present_words(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Fields and values by their present names, as `present` gives each.

        Raises ValueError where a field is given by both of its names.
        """
        present: dict[str, Any] = {}
        for name, value in values.items():
            field, present_value = cls.present(name, value)
            if field in present:
                raise ValueError(f"{name} and {field} are one setting: keep one of them")
            present[field] = present_value
        return present

    @classmethod
    def present(cls, name: str, value: Any) -> tuple[str, Any]:
        """A field and its value by their present names, with a note in the log, once for each."""
        field = cls.earlier_names.get(name, name)
        present = cls.earlier_values.get(field, {}).get(value, value) if isinstance(value, str) else value
        if field != name:
            _note_renamed(name, field)
        if present != value:
            _note_renamed(f"{field} = {value!r}", repr(present))
        return field, present

    @model_validator(mode="before")
    @classmethod
    def _by_earlier_names(cls, values: Any) -> Any:
        return cls.in_present_words(values) if isinstance(values, Mapping) else values

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, value: Any) -> Any:
        if isinstance(value, bool):  # pydantic would read true as 1
            raise ValueError("no setting is true or false")
        return value


@cache
def _note_renamed(earlier: str, present: str) -> None:
    """A warning, once for each name."""
    _log.warning("the setting %s is called %s now", earlier, present)
