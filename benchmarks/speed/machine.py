"""The machine that figures belong to, and how much memory a process has taken."""

from __future__ import annotations

import os
import platform
import resource
import sys
from pathlib import Path
from typing import Any, Final

from convncf.runtime.devices import cpu_count, cpu_name, resolve_precision

RELEVANT_FLAGS: Final = ("avx2", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16")
"""The flags that decide how fast products of fp32 and bf16 are."""


def description() -> dict[str, Any]:
    """The machine and its load: figures are not comparable between two machines, nor under another load."""
    import torch

    return {
        "cpu": cpu_name(),
        "cores": cpu_count(),
        "flags": flags(_text("/proc/cpuinfo")),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "compiled_kernels": compiled_kernels(),
        "bf16": resolve_precision("bf16", "cpu")[1],
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def flags(cpuinfo: str) -> list[str]:
    """The relevant flags of the first processor."""
    for line in cpuinfo.splitlines():
        if line.startswith("flags"):
            present = line.split()
            return [flag for flag in RELEVANT_FLAGS if flag in present]
    return []


def compiled_kernels() -> bool:
    """Whether the fast path's loops can be compiled here."""
    from convncf.models.compiled.tower import available

    return available()


def peak_mb() -> float:
    """The most memory this process has held so far, in MB (10^6 bytes).

    Not from getrusage where /proc is there: its figure starts at the parent's memory before the program began.
    """
    for line in _text("/proc/self/status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
