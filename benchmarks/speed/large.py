"""Gowalla: full ranking of the first users among 40,981 items, with the time and the process's peak memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.speed import machine, work
from benchmarks.speed.ours import Ours, Unavailable


def measure(folder: Path, users: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Rank for each precision in turn; `peak_mb` is that of the process up to there, the data included."""
    parts, repeats = work.read_adjacency(folder)
    side = Ours(parts)
    result: dict[str, Any] = {
        "users": parts.interactions.n_users,
        "items": parts.interactions.n_items,
        "interactions": len(parts.interactions),
        "repeats_left_out": repeats,
        "data_mb": machine.peak_mb(),
    }
    for precision in ("bf16", "fp32"):
        say(f"gowalla, {users:,} users, {precision}")
        try:
            side.rank(precision, 2)  # compiles and warms up
            ranked = side.rank(precision, users)
            result[precision] = {
                "ranked_users": ranked["users"],
                "seconds": ranked["seconds"],
                "us_per_pair": 1e6 * ranked["seconds"] / ranked["pairs"],
                "peak_mb": machine.peak_mb(),
            }
        except Unavailable as reason:
            result[precision] = {"unavailable": str(reason)}
    return result
