"""The work that is timed: RecBole's plan, data of given sizes, and the operations that a pair costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from convncf.config import DataConfig, layer_sizes
from convncf.data.interactions import Interactions
from convncf.data.reading.api import read_delimited
from convncf.data.split import TEST, TRAIN, Split
from convncf.data.splitting import ratio_split
from convncf.data.vocabulary import Vocabulary
from convncf.models import ConvNCFSettings

SEED: Final = 1
BATCH_SIZE: Final = 2048
PLANS: Final = {16: (4, 2, 2), 32: (4, 4, 2), 64: (4, 4, 2, 2), 128: (4, 4, 4, 2)}
"""Embedding size -> kernels, 32 channels each; 64 is RecBole's default."""


class Size(NamedTuple):
    """How large a dataset is."""

    users: int
    items: int
    interactions: int


ML_100K: Final = Size(943, 1_682, 100_000)


def plan(embedding_size: int = 64) -> ConvNCFSettings:
    """RecBole's ConvNCF; at another embedding size, the plan nearest to its own."""
    kernels = PLANS[embedding_size]
    channels = (1, *[32] * len(kernels))
    return ConvNCFSettings(
        embedding_size=embedding_size, cnn_channels=channels, cnn_kernels=kernels, cnn_strides=kernels
    )


def operations_per_pair(embedding_size: int, kernels: Sequence[int], channels: Sequence[int]) -> int:
    """Floating-point operations, 2 a multiply-add, of the layers of one pair; kernel = stride.

    Layer 1 in its separable form: of k·k products a place, k depend on the item and the other sum only on the user.
    """
    sides = layer_sizes(embedding_size, kernels, kernels)
    inputs = [kernels[0]] + [k * k * c for k, c in zip(kernels[1:], channels[1:-1], strict=True)]
    return sum(2 * side * side * n * out for side, n, out in zip(sides, inputs, channels[1:], strict=True))


def read(file: Path) -> Interactions:
    """The interactions of a file with a header line, such as RecBole's ml-100k.inter."""
    return read_delimited(file).interactions


def generated(size: Size) -> Interactions:
    """Distinct pairs sampled uniformly: for speed only the sizes matter."""
    rng = np.random.default_rng(SEED)
    n_pairs = size.users * size.items
    candidates = np.arange(n_pairs)
    if n_pairs > 4 * size.interactions:  # then a quarter more than needed is enough to sample from, without repeats
        candidates = np.unique(rng.integers(n_pairs, size=size.interactions + size.interactions // 4))
    pairs = np.sort(rng.choice(candidates, min(size.interactions, len(candidates)), replace=False))
    user, item = np.divmod(pairs, size.items)
    return Interactions(_names("user", size.users), _names("item", size.items), _int32(user), _int32(item))


def held_out(interactions: Interactions) -> Split:
    """RecBole's split: 8:1:1 of each user's interactions."""
    return ratio_split(interactions, DataConfig().ratios, SEED)


def random_split(interactions: Interactions) -> Split:
    """8:1:1 of all interactions: as `held_out`, in less time for millions of them."""
    part = np.random.default_rng(SEED).choice(3, len(interactions), p=[0.8, 0.1, 0.1]).astype(np.int8)
    return Split(interactions, part, "ratio 8:1:1 of all interactions at random", 0, 0)


def training_alone(parts: Split, triples: int) -> Split:
    """So many random training interactions, and no other part: an epoch of that many triples."""
    rows = np.flatnonzero(parts.part == TRAIN)
    chosen = np.sort(np.random.default_rng(SEED).permutation(rows)[:triples])
    data = parts.interactions
    sample = Interactions(data.users, data.items, data.user[chosen], data.item[chosen])
    method = "a sample of the training interactions"
    return Split(sample, np.full(len(sample), TRAIN, np.int8), method, data.n_users, data.n_users)


def read_adjacency(folder: Path) -> tuple[Split, int]:
    """LightGCN's train.txt and test.txt, each line a user and then its items; and how many repeats were dropped."""
    files = [_lists(folder / name) for name in ("train.txt", "test.txt")]
    user, item = (np.concatenate([columns[number] for columns in files]) for number in (0, 1))
    part = np.repeat(np.array([TRAIN, TEST], np.int8), [len(users) for users, _ in files])
    n_users, n_items = int(user.max()) + 1, int(item.max()) + 1
    _, first = np.unique(user * n_items + item, return_index=True)
    rows = np.sort(first)
    data = Interactions(_names("user", n_users), _names("item", n_items), _int32(user[rows]), _int32(item[rows]))
    return Split(data, part[rows], "LightGCN's train.txt and test.txt", n_users, 0), len(user) - len(rows)


def _lists(file: Path) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    rows = [np.array(line.split(), np.int64) for line in file.read_text(encoding="ascii").splitlines() if line.strip()]
    return np.repeat([row[0] for row in rows], [len(row) - 1 for row in rows]), np.concatenate([r[1:] for r in rows])


def _names(kind: str, n: int) -> Vocabulary:
    return Vocabulary("user" if kind == "user" else "item", tuple(map(str, range(n))))


def _int32(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    return values.astype(np.int32)
