"""Where things run and live: device, seeds, the home folder, the environment stamp, atomic files.

Device and precision are decided here and nowhere else. Randomness is a pure function of
(seed, purpose, counters): what ran before never changes what is drawn next, so a resumed run,
another chunk size or another number of workers draws the same.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from convncf.errors import DeviceError
from convncf.nvidia import Gpu as Gpu
from convncf.nvidia import gpus as gpus
from convncf.nvidia import index_of

if TYPE_CHECKING:
    import numpy as np

    from convncf.config import Precision


# ---------------------------------------------------------------- home and files


def home() -> Path:
    """The folder that holds runs and imported datasets: CONVNCF_HOME, else the platform's data folder."""
    chosen = os.environ.get("CONVNCF_HOME")
    if chosen:
        return Path(chosen).expanduser().resolve()
    import platformdirs

    return platformdirs.user_data_path("convncf", appauthor=False)


def strict_json(value: Any, *, indent: int | None = None) -> str:
    """JSON that every parser accepts: NaN and infinity raise ValueError, text stays as it is."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, indent=indent)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, moved onto it when the block ends well; a reader sees the old or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        part.chmod(0o644)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def atomic_write(path: Path, content: bytes) -> None:
    """Write a file so that it is whole or absent, also after a power cut."""
    with atomic_path(path) as part:
        part.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write strict, indented JSON atomically."""
    atomic_write(path, (strict_json(value, indent=1) + "\n").encode())


# ---------------------------------------------------------------- threads


_SPINS: Final = "5000"


def share_processors() -> None:
    """Let torch's idle threads spin for a moment, then sleep. Call it before torch loads; the environment overrules it.

    Threads that spin for ever, the default, take the processor from whoever has work: beside two busy processes on two
    cores, a training step took fifty times as long. Threads that sleep at once make a step twice as long on an idle
    machine. With so many turns a step takes a third longer there, and under load it is not slowed by spinning.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)


# ---------------------------------------------------------------- randomness


def rng(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """A generator that depends on its arguments alone, such as rng(seed, "negatives", epoch, step)."""
    import numpy as np

    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(purpose.encode()), *counters]))


def seed_torch(seed: int, purpose: str, *counters: int) -> None:
    """Seed torch's generators (dropout, initialisation) from the same arguments as `rng`."""
    import torch

    torch.manual_seed(int(rng(seed, purpose, *counters).integers(2**63)))


# ---------------------------------------------------------------- devices


@dataclass(frozen=True, slots=True)
class Device:
    """The device that was taken. `spec` is torch's name for it, `words` says it to a person."""

    spec: str
    name: str
    words: str
    physical_index: int | None = None
    """The driver's index, as nvidia-smi counts; None for the CPU, and for a GPU of which it cannot be told."""
    uuid: str | None = None
    """The GPU's own name, which no setting changes."""


def cpu_name() -> str:
    """The processor's name as the system gives it."""
    return _cpuinfo("model name") or platform.processor() or platform.machine() or "CPU"


def cpu_flags() -> frozenset[str]:
    """What the processor can do, in Linux's words; empty elsewhere."""
    return frozenset(_cpuinfo("flags").split())


def _cpuinfo(key: str) -> str:
    """What Linux says of the first processor; empty elsewhere."""
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
    """The driver's index of the GPU that torch will most likely call cuda:`ordinal`, under CUDA_VISIBLE_DEVICES.

    None where that variable does not say, such as for a part of a GPU (MIG-…), or a UUID that no driver knows.
    """
    visible = _visible()
    if visible is None:
        return ordinal
    if ordinal >= len(visible):
        return None
    name = visible[ordinal]
    return int(name) if name.isdigit() else index_of(name) if name.upper().startswith("GPU-") else None


def _visible() -> list[str] | None:
    """What CUDA_VISIBLE_DEVICES names, up to the first that is nothing, where CUDA stops; None where it is not set."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES")
    if names is None:
        return None
    given = [name.strip() for name in names.split(",")]
    return list(takewhile(lambda name: name.isdigit() or name.upper().startswith(("GPU-", "MIG-")), given))


def _gpus_hidden() -> bool:
    return _visible() == []


def _usable_gpus() -> int:
    """How many GPUs torch will most likely see, without loading it."""
    if _gpus_hidden() or "+cpu" in metadata.version("torch"):
        return 0
    found, visible = {str(gpu.index) for gpu in gpus()}, _visible()
    if visible is None or not found:
        return len(found)
    return len(list(takewhile(lambda name: name in found or not name.isdigit(), visible)))


def refuse_absent(asked: str) -> None:
    """Raise DeviceError for an explicit GPU that is seen to be absent; no CUDA context is made."""
    if not asked.startswith("cuda"):
        return
    count, ordinal = _usable_gpus(), int(asked.partition(":")[2] or 0)
    if not count:
        resolve_device(asked)  # knows the reason
    elif ordinal >= count:
        raise DeviceError(f"device {asked!r} is absent: {count} GPU(s) are visible, cuda:0 to cuda:{count - 1}.")


def planned_device(asked: str) -> str:
    """The lock name of the device that `asked` will most likely take, without loading torch."""
    if asked == "cpu" or (asked == "auto" and not _usable_gpus()):
        return "cpu"
    ordinal = int(asked.split(":")[1]) if ":" in asked and asked.split(":")[1].isdigit() else 0
    index, visible = physical_index(ordinal), _visible() or []
    if index is None and ordinal < len(visible):
        return re.sub("[^A-Za-z0-9-]", "-", f"cuda-{visible[ordinal]}")  # its UUID
    return f"cuda-{ordinal if index is None else index}"


def resolve_device(asked: str) -> Device:
    """Take the device asked for: auto, cpu, cuda or cuda:N.

    Raises DeviceError when an explicit device is absent, with the reason; `auto` takes a GPU that works, else the CPU.
    """
    cpu = Device("cpu", cpu_name(), f"CPU: {cpu_name()}, {cpu_count()} cores")
    if asked == "cpu":
        return cpu
    if not re.fullmatch(r"auto|cuda(:[0-9]+)?", asked):
        raise DeviceError(f"device {asked!r} is unknown. Use auto, cpu, cuda or cuda:0, cuda:1, …")
    import torch

    number = asked.partition(":")[2]
    if torch.cuda.is_available():
        ordinal = int(number or 0)
        count = torch.cuda.device_count()
        if ordinal >= count:
            raise DeviceError(f"device {asked!r} is absent: torch sees {count} GPU(s), cuda:0 to cuda:{count - 1}.")
        name = torch.cuda.get_device_name(ordinal)
        uuid = str(getattr(torch.cuda.get_device_properties(ordinal), "uuid", "")) or None
        # CUDA may count in another order than the driver does, so the UUID, where there is one, has the last word
        index = index_of(uuid) if uuid else physical_index(ordinal)
        which = index if index is not None else uuid or f"cuda:{ordinal}"
        return Device(f"cuda:{ordinal}", name, f"GPU {which}: {name}", index, uuid)
    if asked == "auto":
        return cpu
    if torch.version.cuda is None:
        reason = f"this torch ({torch.__version__}) is a CPU build"
    elif _gpus_hidden():
        reason = "CUDA_VISIBLE_DEVICES hides every GPU"
    elif not gpus():
        reason = "no NVIDIA driver answers (nvidia-smi finds no GPU)"
    else:
        reason = "torch finds no usable CUDA driver"
    raise DeviceError(f"device {asked!r} is absent: {reason}. Use --device cpu, or auto to take what is there.")


def resolve_precision(asked: str, device: str) -> tuple[Precision, str]:
    """The precision that models take on a device, and a word on why where it is not the one asked for, else ""."""
    if asked != "bf16":
        return "fp32", ""
    if device == "cpu" and "amx_bf16" not in cpu_flags():
        return "fp32", f"bf16 brings nothing on {cpu_name()}, which has no matrix unit for it (amx_bf16): fp32 is taken"
    return "bf16", ""


def environment(device: Device) -> dict[str, Any]:
    """What a later reader needs to know about the machine and the versions."""
    versions = {}
    for package in ("convncf", "torch", "numpy", "scipy", "pandas", "pyarrow", "pydantic", "safetensors", "llvmlite"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed as a package"
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": cpu_name(),
        "cpu_count": cpu_count(),
        "device": device.spec,
        "device_name": device.name,
        "device_physical_index": device.physical_index,
        "device_uuid": device.uuid,
        "versions": versions,
        "command": sys.argv,
    }
