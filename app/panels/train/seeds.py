"""The other seeds of a run that is watched: where each of them stands, and their mean once there is one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import streamlit as st

from app import wording
from app.panels.glance import Glance
from app.wording import plain
from convncf.errors import ConvNCFError
from convncf.grouping import group

_NAME: Final = re.compile(r"(.+)-seed[0-9]+")


def show(chosen: Glance, seen: Sequence[Glance]) -> None:
    """A line on the runs NAME-seedN beside this one, oldest seed first; nothing where it stands alone."""
    matched = _NAME.fullmatch(chosen.name)
    if matched is None:
        return
    others = [one for one in seen if (found := _NAME.fullmatch(one.name)) and found[1] == matched[1]]
    if len(others) < 2:
        return
    others.sort(key=lambda one: (one.seed is None, one.seed or 0))
    states = ", ".join(f"seed {one.seed} {wording.STATE_WORDS[one.state].lower()}" for one in others)
    lines = [f"One of {len(others)} runs {matched[1]}-seedN: {states}."]
    if mean := _mean(chosen.monitor, others):
        lines.append(f"Test {chosen.monitor} over seeds: {mean}. In a terminal: convncf seeds {matched[1]}")
    st.caption("  \n".join(map(plain, lines)))


def _mean(metric: str, others: Sequence[Glance]) -> str:
    """The mean over the seeds that have ended, in words; empty where there are not two."""
    if sum(one.finished for one in others) < 2:
        return ""
    try:
        summed = group([one.run for one in others])
    except (ConvNCFError, OSError):  # a run of the group was deleted meanwhile, or is of other settings
        return ""
    return summed.metrics[metric].words if metric in summed.metrics else ""
