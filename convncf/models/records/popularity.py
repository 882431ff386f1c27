"""Popularity's record. It has no settings; every other model is compared with it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

from convncf.config import ModelSettings
from convncf.models import presets
from convncf.models.record import ModelRecord, built_by


class PopularitySettings(ModelSettings):
    """Settings of Popularity: none."""

    name: Literal["popularity"] = "popularity"


RECORD = ModelRecord(
    name="popularity",
    label="Popularity",
    sentence="how many users have the item",
    tooltip="no learning: items in the order of how many users have them",
    settings=PopularitySettings,
    build=built_by("convncf.models.popularity:Popularity"),
    trained=False,
    presets=MappingProxyType(
        {"quick": presets.QUICK, "tuned": presets.QUICK, "paper": presets.PAPER, "recbole": presets.RECBOLE}
    ),
    score_unit="users",
)
RECORDS = (RECORD,)
