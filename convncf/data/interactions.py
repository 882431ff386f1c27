"""Interactions: distinct pairs of a user and an item, with raw ids and indices.

Raw ids are text. They become 0-based indices once, here, and become raw ids again where something is shown;
identity goes by raw id, never by position.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from convncf.data.formats import UNITS, TimeUnit
from convncf.data.id_hashing import alphabetical
from convncf.data.timestamps import detect_unit, to_seconds
from convncf.data.vocabulary import Vocabulary
from convncf.errors import DataError
from convncf.runtime.arrays import read_only

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Interactions:
    """Distinct user-item pairs in the order of their file, validated and read-only.

    Shapes: n interactions. Raises DataError naming the column that is wrong.

    Example:
        >>> import convncf, pandas as pd
        >>> frame = pd.DataFrame({"user_id": ["u1", "u2"], "item_id": ["a", "a"]})
        >>> convncf.Interactions.from_frame(frame)
        Interactions: 2 of 2 users and 1 items
    """

    users: Vocabulary
    items: Vocabulary
    user: npt.NDArray[np.int32]
    """(n,) user index of each interaction."""
    item: npt.NDArray[np.int32]
    """(n,) item index of each interaction."""
    timestamp: npt.NDArray[np.int64] | None = None
    """(n,) exact counts of `time_unit` since 1970-01-01 UTC, as in the file."""
    rating: npt.NDArray[np.float32] | None = None
    """(n,) as in the file; every interaction is a positive, whatever its rating."""
    time_unit: TimeUnit = "s"

    def __post_init__(self) -> None:
        if not len(np.atleast_1d(self.user)):
            raise DataError("there is no interaction. At least one user-item pair is needed.")
        for name, size in (("user", len(self.users)), ("item", len(self.items))):
            self._set(name, _indices(name, getattr(self, name), size))
        if self.timestamp is not None:
            times = np.asarray(self.timestamp)
            if times.dtype.kind not in "iu" or (times.dtype.kind == "u" and (times > np.uint64(2**63 - 1)).any()):
                raise DataError(f"timestamp holds {times.dtype}: times are exact 64-bit integers, never floats.")
            self._set("timestamp", _column("timestamp", times, np.int64))
        if self.rating is not None:
            rating = _column("rating", np.asarray(self.rating), np.float32)
            if not np.isfinite(rating).all():
                row = int(np.flatnonzero(~np.isfinite(rating))[0])
                raise DataError(f"rating of row {row} is {rating[row]}. Ratings are finite numbers.")
            self._set("rating", rating)
        lengths = {name: len(array) for name, array in self._arrays().items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"columns differ in length: {lengths}.")
        if self.time_unit not in UNITS:
            raise DataError(f"time unit {self.time_unit!r} is unknown. Use one of {', '.join(UNITS)}.")
        self._refuse_repeats()

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, *, time_unit: TimeUnit | None = None) -> Self:
        """Interactions from columns user_id, item_id and, where present, rating and timestamp.

        Timestamps are integers (counts since 1970, unit detected by size unless set) or pandas dates.
        Indices follow first appearance. Raises DataError naming the column, also where a pair occurs twice.
        """
        for name in ("user_id", "item_id"):
            if name not in frame.columns:
                raise DataError(
                    f"no column {name!r} among {', '.join(map(str, frame.columns))}. Rename the column that holds it."
                )
        raw_user, raw_item = _raw_ids(frame["user_id"]), _raw_ids(frame["item_id"])
        users, items = Vocabulary.of("user", raw_user), Vocabulary.of("item", raw_item)
        timestamp, unit = None, time_unit or "s"
        if "timestamp" in frame.columns:
            timestamp, unit = _frame_times(frame["timestamp"], time_unit)
        rating = None
        if "rating" in frame.columns:
            column = frame["rating"]
            if column.dtype.kind not in "iufb":
                raise DataError(f"column 'rating' holds {column.dtype}: ratings are numbers.")
            rating = column.to_numpy(np.float32, na_value=np.nan)
        return cls(
            users,
            items,
            np.fromiter(map(users.index, raw_user), np.int32, len(raw_user)),
            np.fromiter(map(items.index, raw_item), np.int32, len(raw_item)),
            timestamp,
            rating,
            unit,
        )

    def to_frame(self) -> pd.DataFrame:
        """Columns user_id, item_id and, where present, rating and timestamp; one row an interaction, in order."""
        import pandas as pd

        columns: dict[str, Any] = {
            "user_id": np.asarray(self.users.ids, dtype=object)[self.user],
            "item_id": np.asarray(self.items.ids, dtype=object)[self.item],
        }
        if self.rating is not None:
            columns["rating"] = self.rating
        if self.timestamp is not None:
            columns["timestamp"] = self.timestamp
        return pd.DataFrame(columns)

    def __len__(self) -> int:
        return len(self.user)

    def __repr__(self) -> str:
        columns = [name for name in ("rating", "timestamp") if getattr(self, name) is not None]
        return (
            f"Interactions: {len(self):,} of {self.n_users:,} users and {self.n_items:,} items"
            f"{', with ' if columns else ''}{' and '.join(columns)}"
        )

    @property
    def n_users(self) -> int:
        """Users in the vocabulary."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Items in the vocabulary."""
        return len(self.items)

    @property
    def seconds(self) -> npt.NDArray[np.int64] | None:
        """(n,) times in whole seconds since 1970, for display."""
        return None if self.timestamp is None else to_seconds(self.timestamp, self.time_unit)

    def matrix(self, rows: npt.NDArray[np.bool_] | None = None) -> sparse.csr_array:
        """The interactions, or the `rows` (n,) of them, as a canonical bool matrix (n_users, n_items)."""
        user, item = (self.user, self.item) if rows is None else (self.user[rows], self.item[rows])
        matrix = sparse.csr_array((np.ones(len(user), bool), (user, item)), shape=(self.n_users, self.n_items))
        matrix.sum_duplicates()  # sorts the indices and marks the matrix canonical; there is nothing to sum
        return matrix

    @cached_property
    def canonical_order(self) -> npt.NDArray[np.int64]:
        """(n,) rows sorted by raw user id, then raw item id: one order for the same data, however it was indexed."""
        user, item = alphabetical(self.users)[self.user], alphabetical(self.items)[self.item]
        return order_within(user, item, self.n_users)

    @cached_property
    def fingerprint(self) -> str:
        """'sha256:' and 16 hex digits of the raw content, whatever the order of rows and indices."""
        digest = hashlib.sha256()
        for vocabulary in (self.users, self.items):
            digest.update(f"{vocabulary.kind} {len(vocabulary)}\n".encode())
            for raw in sorted(vocabulary.ids):
                encoded = raw.encode("utf-8", "surrogatepass")
                digest.update(f"{len(encoded)} ".encode() + encoded)
        order = self.canonical_order
        digest.update(alphabetical(self.users)[self.user[order]].astype("<i8").tobytes())
        digest.update(alphabetical(self.items)[self.item[order]].astype("<i8").tobytes())
        if self.timestamp is not None:
            digest.update(f"timestamp {self.time_unit}\n".encode() + self.timestamp[order].astype("<i8").tobytes())
        if self.rating is not None:
            digest.update(b"rating\n" + self.rating[order].astype("<f4").tobytes())
        return f"sha256:{digest.hexdigest()[:16]}"

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        named = {name: getattr(self, name) for name in ("user", "item", "timestamp", "rating")}
        return {name: array for name, array in named.items() if array is not None}

    def _set(self, name: str, array: npt.NDArray[Any]) -> None:
        object.__setattr__(self, name, array)

    def _refuse_repeats(self) -> None:
        pairs = self.user.astype(np.int64)  # (n,) one number a pair, made and sorted in place
        pairs *= self.n_items
        pairs += self.item
        pairs.sort()
        is_repeat = pairs[1:] == pairs[:-1]
        if not is_repeat.any():
            return
        distinct, counts = np.unique(pairs, return_counts=True)
        user, item = divmod(int(distinct[counts.argmax()]), self.n_items)
        raise DataError(
            f"{int((counts > 1).sum()):,} user-item pairs occur more than once, such as user {self.users.id(user)!r} "
            f"with item {self.items.id(item)!r}, {int(counts.max())} times. Keep one row a pair."
        )


def _column(name: str, values: npt.NDArray[Any], dtype: type[np.generic]) -> npt.NDArray[Any]:
    """A read-only copy, so that validated data cannot be changed from outside."""
    if values.ndim != 1:
        raise DataError(f"{name} has shape {values.shape}: one value per interaction is needed.")
    if values.dtype.kind not in "iufb":
        raise DataError(f"{name} holds {values.dtype}: numbers are needed.")
    with np.errstate(over="ignore"):  # too large for the type becomes infinite, which the caller names
        column = values.astype(dtype, copy=True)
    return read_only(column)


def _indices(name: str, values: Any, size: int) -> npt.NDArray[np.int32]:
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise DataError(f"{name} holds {array.dtype} of shape {array.shape}: a row of integer indices is needed.")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= size:
        raise DataError(f"{name} holds index {low if low < 0 else high}, outside 0 to {size - 1}.")
    return _column(name, array, np.int32)


def _raw_ids(column: pd.Series[Any]) -> list[str]:
    if column.isna().any():
        row = int(np.flatnonzero(column.isna().to_numpy())[0])
        raise DataError(f"column {column.name!r} is empty in row {row}. Fill it in or drop the row.")
    if column.dtype.kind == "f":
        raise DataError(
            f"column {column.name!r} holds decimals such as {column.iloc[0]}: a missing value turned ids into floats. "
            "Read it as text (dtype=str), or drop the missing values and convert it to integers."
        )
    return [str(raw) for raw in column.tolist()]


def _frame_times(column: pd.Series[Any], unit: TimeUnit | None) -> tuple[npt.NDArray[np.int64], TimeUnit]:
    if column.isna().any():
        row = int(np.flatnonzero(column.isna().to_numpy())[0])
        raise DataError(f"column 'timestamp' is empty in row {row}. Fill it in, or drop the row or the column.")
    if column.dtype.kind == "M":
        values = column.dt.tz_convert(None) if column.dt.tz is not None else column
        dates = values.to_numpy()
        name, _ = np.datetime_data(dates.dtype)
        return dates.astype(np.int64), next(time_unit for time_unit in UNITS if time_unit == name)
    if column.dtype.kind not in "iu":
        raise DataError(f"column 'timestamp' holds {column.dtype}: times are integers (counts since 1970) or dates.")
    counts = column.to_numpy(np.int64)
    return counts, unit or detect_unit(counts)


Int64s = npt.NDArray[np.int64]


def order_within(group: npt.NDArray[np.integer[Any]], key: npt.NDArray[Any], n_groups: int) -> Int64s:
    """(n,) the rows sorted by group, then by key; equal keys of a group keep their order.

    `group` (n,) is 0 … n_groups - 1, `key` (n,) integers or floats: what np.lexsort((key, group)) returns.
    """
    # Floats from 0 to below 2, such as random ones, are in the order of their bits.
    integers: Any = key.view(np.int64) if key.dtype == np.float64 else key
    if (
        not len(key)
        or integers.dtype.kind not in "iu"
        or key.min() < 0
        or int(integers.max()) >= 2**62
        or integers.min() < 0
    ):
        return np.lexsort((key, group))
    n = len(key)
    rows: Any = np.arange(n, dtype=np.int32 if n < 2**31 else np.int64)
    # A sparse matrix is made by counting how many entries each row has, and sorts each row's columns by themselves.
    grouped = sparse.csr_array((integers, (group, rows)), shape=(n_groups, n))
    within = sparse.csr_array(
        (grouped.indices, grouped.data, grouped.indptr), shape=(n_groups, int(integers.max()) + 1)
    )
    within.sort_indices()
    order, sorted_key = within.data, within.indices
    is_first = np.ones(n, bool)
    is_first[1:] = sorted_key[1:] != sorted_key[:-1]
    is_first[within.indptr[:-1][np.diff(within.indptr) > 0]] = True
    if not is_first.all():  # the rows of each run of equal keys in their own order
        runs = np.append(np.flatnonzero(is_first), n)
        tied = sparse.csr_array((is_first, order, runs), shape=(len(runs) - 1, n))
        tied.sort_indices()
        order = tied.indices
    return order.astype(np.int64)
