"""The matrix peak of this machine: the speed of a plain product of two matrices, in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

import torch

TYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16}
LARGE: Final = 3072
SMALL: Final = 512
MOST_SECONDS: Final = 2.0
"""A product that would take longer is not waited for: without instructions for bfloat16 the large one takes half a
minute, and the small one says as much."""
LAYER_2_ROWS: Final = (1024, 2048, 4096, 16_384)
"""Patches at a time; the fastest of them counts, since an implementation of layer 2 may choose."""
LAYER_2: Final = (512, 32)
"""Inputs of a patch and outputs of layer 2 in RecBole's plan."""

Rates = dict[str, dict[str, float]]


def rates(device: str = "cpu", large: int = LARGE, rows: Iterable[int] = LAYER_2_ROWS, seconds: float = 0.1) -> Rates:
    """{"large" | "layer_2": {"fp32" | "bf16": GFLOP/s}}."""
    inner, outer = LAYER_2
    gflops: Rates = {"large": {}, "layer_2": {}}
    for name, kind in TYPES.items():
        small = min(large, SMALL)
        slow = rate(small, small, small, kind, device, 0)
        size = large if 2e-9 * large**3 <= slow * MOST_SECONDS else small
        gflops["large"][name] = rate(size, size, size, kind, device, seconds)
        gflops["layer_2"][name] = max(rate(m, inner, outer, kind, device, seconds) for m in rows)
    return gflops


def rate(m: int, k: int, n: int, kind: torch.dtype, device: str, seconds: float) -> float:
    """GFLOP/s of (m × k) @ (k × n), repeated for at least so many seconds."""
    left, right = (torch.randn(shape, device=device).to(kind) for shape in ((m, k), (k, n)))
    out = torch.empty(m, n, dtype=kind, device=device)
    wait = waiting(device)
    torch.mm(left, right, out=out)
    wait()
    turns = 4 if device == "cpu" else 64  # between two readings of the clock
    times, began = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds or not times:
        for _ in range(turns):
            torch.mm(left, right, out=out)
        times += turns
        wait()
    return 2e-9 * m * k * n * times / elapsed


def waiting(device: str) -> Callable[[], None]:
    """What to call before reading the clock: a GPU works on while Python goes ahead."""
    return torch.cuda.synchronize if device.startswith("cuda") else lambda: None
