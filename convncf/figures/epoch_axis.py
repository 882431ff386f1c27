"""The axis of epochs: ticks at whole epochs, each phase of training counting its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def phase_ticks(found: Sequence[tuple[str, int, int]]) -> dict[str, Any]:
    """Ticks for epochs given as (phase, epoch within its phase, step), in the order of the run."""
    phases = list(dict.fromkeys(phase for phase, _, _ in found))
    last = max((step for _, _, step in found), default=0)
    if len(phases) < 2:
        return whole_epochs(last)
    between = _epochs_between_ticks(last)
    ticks: dict[int, str] = {}
    for phase in phases:
        mine = [(epoch, step) for its_phase, epoch, step in found if its_phase == phase]
        start = mine[0][1] - mine[0][0]
        # where phases meet, the later one's 0 stands, and nothing so near before it that the two would touch
        ticks = {place: text for place, text in ticks.items() if place <= start - between / 2}
        ticks |= {start + epoch: str(epoch) for epoch in range(0, mine[-1][0] + 1, between)}
    return {"tickmode": "array", "tickvals": list(ticks), "ticktext": list(ticks.values())}


def whole_epochs(last: int) -> dict[str, Any]:
    """Ticks at whole epochs from 0 to `last`; a range of their own for the first two, which span next to nothing."""
    ticks: dict[str, Any] = {"tickmode": "linear", "tick0": 0, "dtick": _epochs_between_ticks(last)}
    return ticks | ({"range": [-0.1, 1.1]} if last < 2 else {})


def _epochs_between_ticks(last: int) -> int:
    return next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, max(last, 1000)) if last / step <= 12)
