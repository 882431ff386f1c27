"""A file of ratings of MovieLens-25M's sizes: user, item, rating, time; long tails on both sides, rows in no order."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from convncf.runtime.random import rng

ROWS: Final = 25_000_000
_ROWS_A_USER, _ROWS_AN_ITEM = 154, 424  # MovieLens-25M: 162,541 users and 59,047 items
_SPREAD: Final = 1.1  # of the logarithm of a user's number of ratings
_TAIL: Final = 1.05  # the item of popularity rank r is rated in proportion to (r + 20) ** -_TAIL
_FIRST, _LAST = 789_652_009, 1_574_327_703  # seconds since 1970 of its first and last rating
_CHUNK: Final = 1_000_000
_UNTIDY_EVERY: Final = 250_000

Int64s = npt.NDArray[np.int64]


def ratings_file(rows: int = ROWS, *, untidy: bool = False) -> Path:
    """The file, in the folder for temporary files, written unless it exists."""
    name = f"convncf-reading-{rows}{'-untidy' if untidy else ''}.csv"
    path = Path(tempfile.gettempdir()) / "convncf-benchmarks" / name
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        _write(unfinished, rows, untidy)
        unfinished.replace(path)
    return path


def pairs(rows: int) -> tuple[Int64s, Int64s]:
    """(rows,) users and items, each pair once, in no order."""
    enough = 2 * math.isqrt(rows)  # so that at most a quarter of all pairs are sampled
    users, items = max(rows // _ROWS_A_USER, enough), max(rows // _ROWS_AN_ITEM, enough)
    generator = rng(0, "reading benchmark")
    activity = generator.lognormal(0, _SPREAD, users)
    popularity = (np.arange(items) + 20.0) ** -_TAIL
    lines = [np.cumsum(weights) / weights.sum() for weights in (activity, popularity)]
    keys = np.empty(0, np.int64)
    while len(keys) < rows:
        user, item = (np.searchsorted(line, generator.random(rows // 2 + 100)) for line in lines)
        keys = np.unique(np.concatenate([keys, user * items + item]))
    keys = generator.permutation(keys)[:rows]
    return keys // items + 1, keys % items + 1


def _write(path: Path, rows: int, untidy: bool) -> None:
    user, item = pairs(rows)
    generator = rng(1, "reading benchmark")
    with path.open("wb") as stream:
        stream.write(b"userId,movieId,rating,timestamp\n")
        for start in range(0, rows, _CHUNK):
            rows_of_chunk = slice(start, start + _CHUNK)
            size = len(user[rows_of_chunk])
            table = pa.table(
                {
                    "userId": user[rows_of_chunk],
                    "movieId": item[rows_of_chunk],
                    "rating": generator.integers(1, 11, size) / 2,
                    "timestamp": generator.integers(_FIRST, _LAST, size),
                }
            )
            pa.csv.write_csv(table, stream, pa.csv.WriteOptions(include_header=False))
            if untidy and start % _UNTIDY_EVERY == 0:  # a blank line, a broken one, no number, no item, a repeat
                stream.write(b'\n1,2\n1,"2",good,789652010\n1,,3.0,789652010\n')
                stream.write(b"%d,%d,3.0,789652010\r\n" % (user[start], item[start]))
