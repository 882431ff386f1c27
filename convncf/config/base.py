"""What all sections of the settings have in common."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator

Precision = Literal["fp32", "bf16"]
"""What products are computed in."""
GIVEN = "any value"
ABOVE_0 = "above 0"
Wanted = tuple[str, ...] | str
"""Values of another setting beside which one has an effect: some of them, GIVEN or ABOVE_0."""


class Frozen(BaseModel):
    """A value that cannot be changed, with no room for a misspelt key."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, value: Any) -> Any:
        if isinstance(value, bool):  # pydantic would take true for 1
            raise ValueError("no setting is true or false")
        return value
