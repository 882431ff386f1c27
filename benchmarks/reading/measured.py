"""python -m benchmarks.reading.measured FILE: read a file to a Split once, in this process; one line of JSON.

A process of its own, since the peak of memory is the process's.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.speed.machine import peak_mb
from convncf.config import DataConfig
from convncf.data.dataset import Dataset
from convncf.data.reading.api import read
from convncf.data.reading.options import ReadOptions
from convncf.data.splitting import split


class Stages:
    """Wall and processor seconds of each stage, and the peak of memory after it."""

    def __init__(self) -> None:
        self.figures: dict[str, dict[str, float]] = {}

    def time(self, name: str, work: Callable[[], Any]) -> Any:
        """Time the work; returns its result."""
        wall, processor = time.perf_counter(), time.process_time()
        result = work()
        self.figures[name] = {
            "seconds": round(time.perf_counter() - wall, 2),
            "cpu_seconds": round(time.process_time() - processor, 2),
            "peak_mb": round(peak_mb()),
        }
        return result


def measure(path: Path) -> dict[str, Any]:
    """Each stage of one reading, and the counts of what was read."""
    stages = Stages()
    result = stages.time("read", lambda: read(path, ReadOptions(companions=False)))
    data = result.interactions
    dataset = Dataset("benchmark", data, result.items, path.name)
    config = DataConfig(dataset="benchmark", split="ratio")
    stages.time("canonical_order", lambda: data.canonical_order)
    parts = stages.time("split", lambda: split(dataset, config, 0))
    to_a_split = list(stages.figures.values())
    stages.time("fingerprint", lambda: data.fingerprint)
    stages.time("matrices", lambda: (parts.train, parts.validation, parts.test))
    return {
        "rows": result.report.rows,
        "interactions": len(data),
        "users": data.n_users,
        "items": data.n_items,
        "dropped": result.report.n_dropped,
        "merged": result.report.merged,
        "seconds": round(sum(stage["seconds"] for stage in to_a_split), 2),
        "cpu_seconds": round(sum(stage["cpu_seconds"] for stage in to_a_split), 2),
        "peak_mb": to_a_split[-1]["peak_mb"],
        "stages": stages.figures,
    }


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
