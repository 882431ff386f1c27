"""Random numbers by raw id: the numbers of a pair do not depend on the order of rows or ids.

Shapes: m ids of a vocabulary.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from convncf.data.vocabulary import Vocabulary
from convncf.runtime.random import rng

Uint64s = npt.NDArray[np.uint64]
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)


def id_hashes(vocabulary: Vocabulary) -> Uint64s:
    """(m,) a 64-bit hash of each raw id: a function of its kind and text alone."""
    kind = vocabulary.kind.encode()
    digests = (
        hashlib.blake2b(raw.encode("utf-8", "surrogatepass"), digest_size=8, person=kind).digest()
        for raw in vocabulary.ids
    )
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def alphabetical(vocabulary: Vocabulary) -> npt.NDArray[np.int64]:
    """(m,) the rank of each id among the sorted ids."""
    rank = np.empty(len(vocabulary), np.int64)
    rank[sorted(range(len(vocabulary)), key=vocabulary.ids.__getitem__)] = np.arange(len(vocabulary))
    return rank


def pair_bits(seed: int, purpose: str, user: Uint64s, item: Uint64s) -> Uint64s:
    """64 random bits of each pair of id hashes: a function of (seed, purpose, raw user id, raw item id) alone."""
    begin = rng(seed, purpose).integers(2**64, dtype=np.uint64, size=1)
    return mix(mix(begin ^ user) ^ item)


def mix(bits: npt.NDArray[Any]) -> Uint64s:
    """The next number of SplitMix64 from each state (Steele, Lea and Flood, OOPSLA 2014); wraps at 64 bits."""
    mixed = bits.astype(np.uint64) + _GOLDEN
    mixed ^= mixed >> np.uint64(30)
    mixed *= _FIRST
    mixed ^= mixed >> np.uint64(27)
    mixed *= _SECOND
    mixed ^= mixed >> np.uint64(31)
    return mixed


def sequence(state: Uint64s, length: int) -> Uint64s:
    """(s, length) the first numbers of a SplitMix64 from each of s states; a longer one begins with a shorter one."""
    steps = np.arange(length, dtype=np.uint64) * _GOLDEN
    return mix(state[:, None] + steps[None, :])
