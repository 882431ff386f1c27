"""Randomness as a pure function of (seed, purpose, counters).

Earlier use never changes the numbers, so a resumed run, another chunk size or another number of workers gets the same
ones.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


# ---------------------------------------------------------------- randomness
def rng(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """A generator that depends on its arguments alone, such as rng(seed, "negatives", epoch, step)."""
    import numpy as np

    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(purpose.encode()), *counters]))


def seed_torch(seed: int, purpose: str, *counters: int) -> None:
    """Seed torch's generators (dropout, initialisation) from the same arguments as `rng`."""
    import torch

    torch.manual_seed(int(rng(seed, purpose, *counters).integers(2**63)))
