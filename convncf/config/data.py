"""Settings of the data: which interactions count, and which of them are held out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from convncf.config.base import Frozen


class DataConfig(Frozen):
    """Which interactions, and which of them are held out."""

    earlier_values: ClassVar[Mapping[str, Mapping[str, str]]] = MappingProxyType({"split": {"ready": "predefined"}})

    dataset: str = Field("movielens-small", title="Dataset", description="Name of an embedded or imported dataset.")
    min_rating: float | None = Field(
        None,
        title="Lowest rating that counts",
        description="Interactions rated lower are not positives; empty: every interaction is a positive.",
    )
    low_rated: Literal["hidden", "negatives", "unseen"] = Field(
        "hidden",
        title="Items rated lower",
        description="hidden: neither recommended to their rater nor sampled as negatives. "
        "negatives: not recommended, but sampled as any other negative. unseen: treated as if never rated.",
    )
    since: str | None = Field(
        None,
        title="From",
        description="Only interactions at this date or later: 2010-01-31, or 2010-01-31T12:00 (UTC).",
    )
    until: str | None = Field(
        None, title="Until", description="Only interactions before this date: 2015-01-01, or 2015-01-01T12:00 (UTC)."
    )
    min_user: int = Field(
        0,
        ge=0,
        title="Fewest items per user",
        description="Users with fewer distinct items are dropped, repeatedly, until all that stay have enough.",
    )
    max_user: int | None = Field(
        None, ge=1, title="Most items per user", description="Users with more distinct items are dropped; empty: none."
    )
    min_item: int = Field(
        0,
        ge=0,
        title="Fewest users per item",
        description="Items with fewer distinct users are dropped, repeatedly, until all that stay have enough.",
    )
    max_item: int | None = Field(
        None, ge=1, title="Most users per item", description="Items with more distinct users are dropped; empty: none."
    )
    split: Literal["auto", "ratio", "leave-one-out", "predefined"] = Field(
        "auto",
        title="Split",
        description="ratio: interactions split by the ratios. leave-one-out: one test and one validation item a "
        "user. predefined: the split stored with the data. auto: predefined where there is one, else ratio.",
    )
    order: Literal["auto", "time", "random"] = Field(
        "auto",
        title="Held out by",
        description="time: the latest are held out. random: chosen at random by the seed. "
        "auto: time for leave-one-out, random for ratio.",
    )
    across: Literal["user", "all"] = Field(
        "user",
        title="Split across",
        description="user: the ratios hold for each user's interactions. all: for all interactions together, so that "
        "users or items may be only in test.",
    )
    ratios: tuple[float, float, float] = Field(
        (0.8, 0.1, 0.1),
        title="Ratios",
        description="Shares of training, validation and test under the ratio split; they add up to 1.",
    )

    @field_validator("ratios")
    @classmethod
    def _ratios_add_up(cls, ratios: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(ratios) < 0 or abs(sum(ratios) - 1) > 1e-9 or ratios[0] == 0:
            raise ValueError(f"ratios {list(ratios)} must be 0 or more, add up to 1, and leave something for training")
        return ratios

    @field_validator("since", "until")
    @classmethod
    def _is_a_date(cls, text: str | None) -> str | None:
        if text is not None:
            as_seconds(text)
        return text

    @model_validator(mode="after")
    def _intervals_hold_something(self) -> DataConfig:
        if self.since is not None and self.until is not None and as_seconds(self.since) >= as_seconds(self.until):
            raise ValueError(f"since {self.since} is not before until {self.until}: nothing is between them")
        for low, high, kind in (
            (self.min_user, self.max_user, "user"),
            (self.min_item, self.max_item, "item"),
        ):
            if high is not None and low > high:
                raise ValueError(f"min_{kind} {low} is above max_{kind} {high}: nothing is between them")
        return self


def as_seconds(text: str) -> float:
    """An ISO 8601 date or time as seconds since 1970. Raises ValueError."""
    return as_timestamp(text).timestamp()


def as_timestamp(text: str) -> datetime:
    """An ISO 8601 date or time; without a zone it is UTC. Raises ValueError."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date: write 2010-01-31, or 2010-01-31T12:00") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
