"""Settings of evaluation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from convncf.config.base import Frozen
from convncf.errors import did_you_mean

METRIC_NAMES = ("HR", "NDCG", "MRR", "Recall", "Precision", "MAP", "AUC")
"""Metrics that eval.monitor may name; `convncf.evaluation.metrics` defines them, and a test compares the two."""


class EvalConfig(Frozen):
    """How models are evaluated: on validation while training, on test at the end."""

    earlier_values: ClassVar[Mapping[str, Mapping[str, str]]] = MappingProxyType({"cold": {"left out": "excluded"}})

    protocol: Literal["full", "candidates", "both"] = Field(
        "full",
        title="Protocol",
        description="full: each test item among all items that are not excluded. candidates: among a set of negatives. "
        "both: side by side in one report; full decides while training.",
    )
    candidate_sets: Literal["auto", "stored", "drawn"] = Field(
        "auto",
        title="Candidate sets",
        description="stored: those of the dataset. drawn: negatives sampled uniformly by the seed. "
        "auto: stored where there are some, else drawn. Validation sets are always sampled.",
    )
    negatives: int = Field(
        99, ge=1, title="Negatives per candidate set", description="How many are sampled for each test item."
    )
    stored_sets: Literal["cleaned", "as published"] = Field(
        "cleaned",
        title="Stored sets",
        description="cleaned: without copies of the positive, repeats, and items that the user has in any part.",
    )
    cold: Literal["ranked", "misses", "excluded"] = Field(
        "ranked",
        title="Test items that are not in training",
        description="ranked: by whatever score the model gives them. misses: 0 in every metric. "
        "excluded: not evaluated.",
    )
    select_on: Literal["validation", "test"] = Field(
        "validation",
        title="Choose the epoch on",
        description="test: as in the 2018 code. The figures are then too high, and every report says so.",
    )

    ks: tuple[int, ...] = Field((5, 10, 20), title="Cut-offs", description="Each metric is given at these K.")
    monitor: str = Field(
        "NDCG@10",
        title="Main metric",
        description="Runs are compared by it, and it chooses the epoch on validation; such as NDCG@10 or AUC.",
    )
    validation_users: int | None = Field(
        None,
        ge=1,
        title="Validation users",
        description="While training, validate on a seeded sample of so many users; empty for all. "
        "The final report always uses all.",
    )

    @field_validator("ks")
    @classmethod
    def _ks_positive(cls, ks: tuple[int, ...]) -> tuple[int, ...]:
        if not ks or min(ks) < 1:
            raise ValueError(f"ks {list(ks)}: give at least one cut-off, each 1 or more")
        return tuple(sorted(set(ks)))

    @field_validator("monitor")
    @classmethod
    def _monitor_exists(cls, monitor: str) -> str:
        name, _, k = monitor.partition("@")
        has_valid_k = k == "" and "@" not in monitor if name == "AUC" else re.fullmatch(r"[1-9][0-9]{0,8}", k)
        if name not in METRIC_NAMES or not has_valid_k:
            raise ValueError(
                f"monitor {monitor!r} is not a metric. {did_you_mean(name, METRIC_NAMES)} "
                "Write it with its cut-off, NDCG@10; AUC has none"
            )
        return monitor
