"""The environment stamp: the machine and the versions that a run was made with."""

from __future__ import annotations

import platform
import sys
from functools import cache
from importlib import metadata
from typing import Any, Final

from convncf.runtime.devices import Device, cpu_count, cpu_name

PACKAGES: Final = ("convncf", "torch", "numpy", "scipy", "pandas", "pyarrow", "pydantic", "safetensors", "llvmlite")
"""Those whose version may change what a run gives."""


def stamp(device: Device) -> dict[str, Any]:
    """The machine, the device and the versions as plain values."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": cpu_name(),
        "cpu_count": cpu_count(),
        "device": device.spec,
        "device_name": device.name,
        "device_physical_index": device.physical_index,
        "device_uuid": device.uuid,
        "versions": {package: _version(package) for package in PACKAGES},
        "command": sys.argv,
    }


@cache
def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed as a package"
