"""The environment stamp: the machine and the versions that a run was made with."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from typing import Any

from convncf.runtime.devices import Device, cpu_count, cpu_name


def stamp(device: Device) -> dict[str, Any]:
    """The machine, the device and the versions as plain values."""
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
