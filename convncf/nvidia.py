"""What the NVIDIA driver says of this machine's GPUs, asked of nvidia-smi so that no CUDA context is made."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as the driver reports it; memory in MiB, utilisation in percent."""

    index: int
    name: str
    memory_total_mib: int
    memory_free_mib: int
    utilisation: int


def gpus() -> tuple[Gpu, ...]:
    """The machine's GPUs; empty where there is none."""
    found = []
    for fields in _query("index,name,memory.total,memory.free,utilization.gpu"):
        if len(fields) < 5 or not fields[0].isdigit():
            continue
        name = ", ".join(fields[1:-3])
        total, free, load = (int(field) if field.isdigit() else 0 for field in fields[-3:])
        found.append(Gpu(int(fields[0]), name, total, free, load))
    return tuple(found)


def index_of(uuid: str) -> int | None:
    """The driver's index of the one GPU whose UUID is, or begins with, `uuid`; None where that is none or several.

    With or without the leading GPU-, in either case: torch leaves it out, CUDA_VISIBLE_DEVICES has it.
    """
    wanted = _bare(uuid)
    fits = [
        int(fields[0])
        for fields in _query("index,uuid")
        if len(fields) == 2 and fields[0].isdigit() and _bare(fields[1]).startswith(wanted)
    ]
    return fits[0] if wanted and len(fits) == 1 else None


def _bare(uuid: str) -> str:
    return uuid.strip().casefold().removeprefix("gpu-")


def _query(fields: str) -> list[list[str]]:
    """One row of fields a GPU; none where no driver answers."""
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip().split(", ") for line in answer.splitlines()]
