"""Memory: available on this machine, in use by this process, and sizes as text."""

from __future__ import annotations

from pathlib import Path
from typing import Final


def available_memory() -> int | None:
    """Bytes that a process can still allocate, within its control group's limit; None where the system reports none."""
    limits = [] if (free := _number_in("/proc/meminfo", "MemAvailable:")) is None else [free * 1024]
    for folder, limit, used, cache in _CONTROL_GROUPS:
        limit_bytes, used_bytes = _number_in(f"{folder}/{limit}"), _number_in(f"{folder}/{used}")
        if limit_bytes is not None and used_bytes is not None:
            limits.append(limit_bytes - used_bytes + (_number_in(f"{folder}/memory.stat", cache) or 0))
    return max(0, min(limits)) if limits else None


_CONTROL_GROUPS: Final = (
    ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Folder, and in it the files of the limit and of the use, and the name of the cache that is freed first."""


def _number_in(file: str, name: str = "") -> int | None:
    """The number that follows `name` at the beginning of a line; None where there is no such file, line or number."""
    try:
        lines = Path(file).read_text(encoding="ascii").splitlines()
        return next(
            (int(line.split()[-2 if line.endswith(" kB") else -1]) for line in lines if line.startswith(name)), None
        )
    except (OSError, ValueError, IndexError):
        return None


def resident() -> int:
    """Bytes of memory that this process uses now; 0 where the system does not report it."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")), 0)
    except (OSError, ValueError, IndexError):
        return 0


def format_bytes(n_bytes: float) -> str:
    """ "310 MB", "2.4 GB": two digits are as exact as the figures are."""
    if n_bytes >= 1e9:
        return f"{n_bytes / 1e9:.1f} GB" if n_bytes < 1e10 else f"{n_bytes / 1e9:,.0f} GB"
    return f"{max(1, round(n_bytes / 1e7) * 10 if n_bytes >= 1e8 else round(n_bytes / 1e6))} MB"
