"""Devices and precision: which GPU or CPU a run uses, decided only here."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from importlib import metadata
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from convncf.errors import DeviceError

if TYPE_CHECKING:
    from convncf.config import Precision


# ---------------------------------------------------------------- devices
@dataclass(frozen=True, slots=True)
class Device:
    """The device of a run. `spec` is torch's name for it, `words` is for display."""

    spec: str
    name: str
    words: str
    physical_index: int | None = None
    """The driver's index, as nvidia-smi counts; None for the CPU, and for a GPU where it is unknown."""
    uuid: str | None = None
    """The GPU's unique id, which no setting changes."""


def cpu_name() -> str:
    """The processor's name as the system gives it."""
    return _cpuinfo("model name") or platform.processor() or platform.machine() or "CPU"


def cpu_flags() -> frozenset[str]:
    """Features of the processor, by Linux's names; empty elsewhere."""
    return frozenset(_cpuinfo("flags").split())


def _cpuinfo(key: str) -> str:
    """A field of Linux's /proc/cpuinfo for the first processor; empty elsewhere."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(key):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return ""


def cpu_count() -> int:
    """Processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def physical_index(ordinal: int) -> int | None:
    """The driver's index of the GPU that torch will probably call cuda:`ordinal`, under CUDA_VISIBLE_DEVICES.

    None where that variable does not show it, such as for a part of a GPU (MIG-…), or a UUID that no driver knows.
    """
    visible = _visible()
    if visible is None:
        return ordinal
    if ordinal >= len(visible):
        return None
    name = visible[ordinal]
    return int(name) if name.isdigit() else index_of(name) if name.upper().startswith("GPU-") else None


def _visible() -> list[str] | None:
    """The names in CUDA_VISIBLE_DEVICES, up to the first invalid one, where CUDA stops; None where it is not set."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES")
    if names is None:
        return None
    stripped = [name.strip() for name in names.split(",")]
    return list(takewhile(lambda name: name.isdigit() or name.upper().startswith(("GPU-", "MIG-")), stripped))


def _gpus_hidden() -> bool:
    return _visible() == []


def _usable_gpus() -> int:
    """The number of GPUs that torch will probably see, without loading it."""
    if _gpus_hidden() or "+cpu" in metadata.version("torch"):
        return 0
    indices, visible = {str(gpu.index) for gpu in gpus()}, _visible()
    if visible is None or not indices:
        return len(indices)
    return len(list(takewhile(lambda name: name in indices or not name.isdigit(), visible)))


def refuse_absent(requested: str) -> None:
    """Raise DeviceError for an explicit GPU that is absent; no CUDA context is created."""
    if not requested.startswith("cuda"):
        return
    count, ordinal = _usable_gpus(), int(requested.partition(":")[2] or 0)
    if not count:
        resolve_device(requested)  # raises with the reason
    elif ordinal >= count:
        raise DeviceError(f"device {requested!r} is absent: {count} GPU(s) are visible, cuda:0 to cuda:{count - 1}.")


def planned_device(requested: str) -> str:
    """The lock name of the device that `requested` will probably use, without loading torch."""
    if requested == "cpu" or (requested == "auto" and not _usable_gpus()):
        return "cpu"
    ordinal = int(requested.split(":")[1]) if ":" in requested and requested.split(":")[1].isdigit() else 0
    index, visible = physical_index(ordinal), _visible() or []
    if index is None and ordinal < len(visible):
        return re.sub("[^A-Za-z0-9-]", "-", f"cuda-{visible[ordinal]}")  # its UUID
    return f"cuda-{ordinal if index is None else index}"


def resolve_device(requested: str) -> Device:
    """The device of the setting: auto, cpu, cuda or cuda:N.

    Raises DeviceError when an explicit device is absent, with the reason; `auto` uses a GPU that works, else the CPU.
    """
    cpu = Device("cpu", cpu_name(), f"CPU: {cpu_name()}, {cpu_count()} cores")
    if requested == "cpu":
        return cpu
    if not re.fullmatch(r"auto|cuda(:[0-9]+)?", requested):
        raise DeviceError(f"device {requested!r} is unknown. Use auto, cpu, cuda or cuda:0, cuda:1, …")
    import torch

    number = requested.partition(":")[2]
    if torch.cuda.is_available():
        ordinal = int(number or 0)
        count = torch.cuda.device_count()
        if ordinal >= count:
            raise DeviceError(f"device {requested!r} is absent: torch sees {count} GPU(s), cuda:0 to cuda:{count - 1}.")
        name = torch.cuda.get_device_name(ordinal)
        uuid = str(getattr(torch.cuda.get_device_properties(ordinal), "uuid", "")) or None
        # CUDA may count in another order than the driver does, so the UUID, where there is one, decides
        index = index_of(uuid) if uuid else physical_index(ordinal)
        gpu_id = index if index is not None else uuid or f"cuda:{ordinal}"
        return Device(f"cuda:{ordinal}", name, f"GPU {gpu_id}: {name}", index, uuid)
    if requested == "auto":
        return cpu
    if torch.version.cuda is None:
        reason = f"this torch ({torch.__version__}) is a CPU build"
    elif _gpus_hidden():
        reason = "CUDA_VISIBLE_DEVICES hides every GPU"
    elif not gpus():
        reason = "no NVIDIA driver answers (nvidia-smi finds no GPU)"
    else:
        reason = "torch finds no usable CUDA driver"
    raise DeviceError(f"device {requested!r} is absent: {reason}. Use --device cpu, or auto for the one that is there.")


def resolve_precision(requested: str, device: str) -> tuple[Precision, str]:
    """The precision of models on a device, and the reason where it is not the one in the settings, else ""."""
    if requested != "bf16":
        return "fp32", ""
    if device == "cpu" and "amx_bf16" not in cpu_flags():
        return "fp32", f"bf16 is not faster on {cpu_name()}, which has no matrix unit for it (amx_bf16): fp32 is used"
    return "bf16", ""


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
    gpu_list = []
    for fields in _query("index,name,memory.total,memory.free,utilization.gpu"):
        if len(fields) < 5 or not fields[0].isdigit():
            continue
        name = ", ".join(fields[1:-3])
        total, free, load = (int(field) if field.isdigit() else 0 for field in fields[-3:])
        gpu_list.append(Gpu(int(fields[0]), name, total, free, load))
    return tuple(gpu_list)


def index_of(uuid: str) -> int | None:
    """The driver's index of the one GPU whose UUID is, or begins with, `uuid`; None where there is none or several.

    With or without the leading GPU-, in either case: torch omits it, CUDA_VISIBLE_DEVICES has it.
    """
    bare_uuid = _bare(uuid)
    indices = [
        int(fields[0])
        for fields in _query("index,uuid")
        if len(fields) == 2 and fields[0].isdigit() and _bare(fields[1]).startswith(bare_uuid)
    ]
    return indices[0] if bare_uuid and len(indices) == 1 else None


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
