"""One GPU: an epoch and an evaluation of ML-1M's size, full rankings of Amazon-Books' and Yelp2022's; generated data.

RecBole's own table (asset/time_test_result/General_recommendation.md in its repository, TITAN V) gives the sizes, and
for ConvNCF 11.11 s an epoch and 10.61 s an evaluation on the first; on the other two it has a dash: did not run.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any, Final

import torch

from benchmarks.speed import peak, work
from benchmarks.speed.ours import Ours, Unavailable
from benchmarks.speed.work import Size

SIZES: Final = {
    "ml-1m": Size(6_034, 3_124, 834_449),
    "amazon-books": Size(40_550, 31_094, 1_181_294),
    "yelp2022": Size(72_488, 43_749, 2_043_402),
}
RECBOLE: Final = {"ml-1m training": 11.11, "ml-1m ranking": 10.61}
"""Seconds, its table; there is no figure for the other tasks."""
LONGEST: Final = 120.0
"""A ranking that would take longer is projected from 1,024 users, and marked."""
_ROWS: Final = (65_536, 262_144, 1_048_576)

Say = Callable[[str], None]


def measure(
    say: Say, device: str = "cuda", sizes: dict[str, Size] | None = None, longest: float = LONGEST
) -> dict[str, Any]:
    """Seconds of each task in each precision, with the peak of the device's memory."""
    on_gpu = device.startswith("cuda")
    large, rows = (8192, _ROWS) if on_gpu else (256, (1024,))
    result: dict[str, Any] = {
        "device": torch.cuda.get_device_name(device) if on_gpu else "cpu",
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "peak_gflops": peak.rates(device, large, rows, 0.3 if on_gpu else 0.01),
        "tasks": [],
    }
    for name, size in (sizes or SIZES).items():
        say(f"{name}: {size.users:,} users, {size.items:,} items, {size.interactions:,} interactions, generated")
        parts = work.random_split(work.generated(size))
        for precision in ("bf16", "fp32"):
            side = Ours(parts, device=device)
            for task in ("training", "ranking") if name == "ml-1m" else ("ranking",):
                if on_gpu:
                    torch.cuda.reset_peak_memory_stats(device)
                row = {"data": name, "task": task, "precision": precision, **_timed(side, task, precision, longest)}
                row["gpu_memory_mb"] = torch.cuda.max_memory_allocated(device) / 1e6 if on_gpu else None
                row["recbole_titan_v_seconds"] = RECBOLE.get(f"{name} {task}")
                result["tasks"].append(row)
                say(words(row))
    return result


def _timed(side: Ours, task: str, precision: str, longest: float) -> dict[str, Any]:
    """Median of three epochs after one that compiles; a ranking after one of a few users."""
    try:
        if task == "training":
            triples = int(side.parts.train.nnz)
            first, *others = [side.train(precision, triples) for _ in range(4)]
            seconds = statistics.median(epoch["seconds"] for epoch in others)
            return {"seconds": seconds, "first_seconds": first["seconds"], "triples": triples}
        side.rank(precision, 64)
        sample = side.rank(precision, 1024)
        evaluated = int((side.parts.test.sum(axis=1) > 0).sum())
        projected = sample["seconds"] * evaluated / sample["users"]
        if projected > longest:
            return {
                "seconds": projected,
                "pairs": evaluated * side.data.n_items,
                "projected_from_users": sample["users"],
            }
        ranked = side.rank(precision, None)
        return {"seconds": ranked["seconds"], "pairs": ranked["pairs"]}
    except Unavailable as reason:
        return {"seconds": None, "unavailable": str(reason)}


def words(row: dict[str, Any]) -> str:
    """One row of the result as text."""
    begin = f"  {row['task']} {row['precision']}: "
    if row["seconds"] is None:
        return f"{begin}not measured ({row['unavailable']})"
    count, unit = (row["pairs"], "pairs") if "pairs" in row else (row["triples"], "triples")
    text = f"{begin}{row['seconds']:.3f} s, {count / row['seconds']:,.0f} {unit}/s"
    if row["gpu_memory_mb"] is not None:
        text += f", {row['gpu_memory_mb']:,.0f} MB of the GPU"
    if "projected_from_users" in row:
        text += f" (projected from {row['projected_from_users']:,} users)"
    if row["recbole_titan_v_seconds"]:
        text += f"; RecBole on a TITAN V: {row['recbole_titan_v_seconds']} s"
    return text
