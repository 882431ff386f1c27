"""Checks of the public functions' arguments: raw ids, whole numbers, frames and their columns."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from convncf.data.vocabulary import Vocabulary
from convncf.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from convncf.data.interactions import Interactions


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN or pandas' NA or NaT."""
    import pandas as pd

    return value is None or (np.ndim(value) == 0 and bool(pd.isna(value)))


def index_of(vocabulary: Vocabulary, raw: object) -> int:
    """The index of a raw id; a number is taken as text. Raises UnknownIdError, with the most similar ids."""
    if is_missing(raw):
        raise DataError(f"a {vocabulary.kind} id is missing (it is {raw!r}). Give one such as {vocabulary.ids[0]!r}.")
    return vocabulary.index(raw if isinstance(raw, str) else str(raw))


def whole(name: str, value: object, *, least: int = 1) -> int:
    """A whole number of `least` or more. Raises ConfigError."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool):
        raise ConfigError(f"{name} = {value!r} is not a whole number of {least} or more. Give one, such as {name}=10.")
    return number


def cut_off(k: object, n_items: int) -> int:
    """K of a list: 1 up to the size of the catalogue. Raises ConfigError."""
    number = whole("k", k)
    refuse_above_catalogue("k", number, n_items)
    return number


def refuse_above_catalogue(name: str, number: int, n_items: int) -> None:
    """Raises ConfigError for a cut-off above the number of items."""
    if number > n_items:
        raise ConfigError(
            f"{name} = {number:,} is above the catalogue, which has {n_items:,} items. Give {n_items:,} or less."
        )


def frame_of(value: object, what: str) -> pd.DataFrame:
    """A pandas DataFrame with at least one row. Raises DataError."""
    import pandas as pd

    if not isinstance(value, pd.DataFrame):
        raise DataError(f"{what} is a {type(value).__name__}, and a pandas DataFrame is needed.")
    if not len(value):
        raise DataError(f"{what} is empty: it has no row. At least one user-item pair is needed.")
    return value


def column_of(frame: pd.DataFrame, name: object, argument: str = "") -> pd.Series[Any]:
    """The column of that name, which an argument gave or which is required. Raises DataError unless there is one."""
    names = [str(column) for column in frame.columns]
    if name not in list(frame.columns):
        listed = ", ".join(map(repr, names[:12])) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
        suggestion = did_you_mean(str(name), names)
        remedy = f"Name the one meant, with {argument}=." if argument else "Rename the one meant."
        hint = f"{suggestion} " if suggestion.startswith("Did") else ""
        raise DataError(f"no column {name!r} among {listed}. {hint}{remedy}")
    column = frame[name]
    if getattr(column, "ndim", 1) != 1:
        raise DataError(f"{column.shape[1]} columns are named {name!r}. Rename all but one of them.")
    return column


def ids_of(column: pd.Series[Any]) -> tuple[list[str], np.ndarray[Any, np.dtype[np.int64]]]:
    """A column of ids: the distinct ones as text, in order of first appearance, and (n,) their positions.

    Raises DataError, naming column and row, where one is missing or empty, or the column holds decimals.
    """
    import pandas as pd

    missing = np.flatnonzero(column.isna().to_numpy())
    if missing.size:
        raise DataError(
            f"column {column.name!r} has no id in {missing.size:,} of {len(column):,} rows, the first of them row "
            f"{int(missing[0])} (NaN). Fill them in, or drop those rows."
        )
    if column.dtype.kind == "f":
        raise DataError(
            f"column {column.name!r} holds decimals such as {column.iloc[0]}, and ids are text or whole numbers. "
            "Read it as text (dtype=str), or convert it to integers."
        )
    codes, distinct = pd.factorize(column.to_numpy(dtype=object))
    texts = [raw if isinstance(raw, str) else str(raw) for raw in distinct.tolist()]
    if "" in texts:
        row = int(np.flatnonzero(codes == texts.index(""))[0])
        raise DataError(f"column {column.name!r} holds an empty id in row {row}. Fill it in, or drop that row.")
    position = {text: index for index, text in enumerate(dict.fromkeys(texts))}
    return list(position), np.asarray([position[text] for text in texts], np.int64)[codes]


def indices_of(column: pd.Series[Any], vocabulary: Vocabulary) -> np.ndarray[Any, np.dtype[np.int64]]:
    """(n,) the indices of a column of ids. Raises DataError, UnknownIdError."""
    texts, codes = ids_of(column)
    of_texts = np.asarray([vocabulary.index(text) for text in texts], np.int64)
    indices: np.ndarray[Any, np.dtype[np.int64]] = of_texts[codes]
    return indices


def same_ids(interactions: Interactions, of_split: Interactions, what: str) -> None:
    """Raises DataError where the users or items differ from those of the split."""
    for kind in ("users", "items"):
        ids, split_ids = getattr(interactions, kind), getattr(of_split, kind)
        if ids.ids != split_ids.ids:
            unknown = next((raw for raw in ids.ids if raw not in split_ids), None)
            example = f", such as {unknown!r}, which the split does not have" if unknown is not None else ""
            raise DataError(
                f"{what} is of other {kind}: {len(ids):,}{example}, and the split has {len(split_ids):,}. "
                "Fit and evaluate on one split."
            )
