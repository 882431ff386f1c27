"""The start that was kept: what is said of a run where no epoch did better than what it began with."""

from __future__ import annotations

from typing import Final

KEPT_THE_START: Final = (
    "No epoch did better on validation than the start, so the start is kept: the network added nothing to what "
    "it began with. That happens: simple models are hard to beat."
)
"""Stands beside a validated ConvNCF whose best epoch is 0."""
