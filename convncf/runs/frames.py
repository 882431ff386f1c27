"""Tables in a run folder: Parquet, written atomically."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from convncf import runtime
from convncf.errors import RunBrokenError
from convncf.runs.jsonl import WAY_OUT

if TYPE_CHECKING:
    import pandas as pd


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write a table that is whole or absent."""
    with runtime.atomic_path(path) as part:
        frame.to_parquet(part, index=False)


def read_table(path: Path, needed: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table. Raises RunBrokenError, naming the file, when it is missing, damaged, or lacks a `needed` column."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # pandas would hand pyarrow's threads a Python file, which aborts a process that is about to end
        with pa.OSFile(str(path)) as stream:
            frame: pd.DataFrame = pq.read_table(stream).to_pandas()
    except (OSError, ValueError) as error:
        raise RunBrokenError(f"{path}: missing or damaged ({str(error).rstrip('.')}). {WAY_OUT}") from None
    missing = [column for column in needed if column not in frame.columns]
    if missing:
        raise RunBrokenError(f"{path}: lacks {', '.join(missing)}. {WAY_OUT}")
    return frame
