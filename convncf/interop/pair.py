"""One pair for other programs: every array as NPZ or CSV, and what Inspect shows of it as a record.

    p, q                  (D,)       the embeddings of the user and of the item
    map                   (D, D)     the interaction map, rows by p and columns by q
    layer_1, layer_2, …   (C, H, W)  feature maps after ReLU; none for matrix factorisation
    features, weights     (n,)       input of the output layer, and its weights
    contributions         (n,)       features · weights; their sum + bias is the score
    bias, score           ()         float64; all others float32. Dimensions are in the trained order

Shapes: D embedding size; C, H, W channels and sides of a layer's feature maps; n terms of the score.
"""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from convncf import inspection
from convncf.inspection import PairTrace, PairView
from convncf.interop.embeddings import zipped
from convncf.runtime.files import strict_json
from convncf.workflow.loading import LoadedRun

Arrays = Mapping[str, npt.NDArray[Any]]
MEANING: Final = {
    "p": "the user's embedding, (D,)",
    "q": "the item's embedding, (D,)",
    "map": "the interaction map, (D, D): rows by p, columns by q",
    "layer": "feature maps after ReLU, (C, H, W): channel, row, column",
    "features": "input of the output layer, (n,)",
    "weights": "of the output layer, (n,)",
    "contributions": "features times weights, (n,): their sum plus the bias is the score",
    "bias": "of the output layer",
    "score": "orders items for one user",
}
"""Name of an array -> its content; every layer's under "layer"."""


def arrays_of(trace: PairTrace) -> Arrays:
    """The arrays of a pair by name, as the head of this file lists them."""
    layers = {f"layer_{place}": layer.maps for place, layer in enumerate(trace.layers, start=1)}
    return {
        "p": trace.p,
        "q": trace.q,
        "map": trace.map,
        **layers,
        "features": trace.features,
        "weights": trace.weights,
        "contributions": trace.contributions,
        "bias": np.array(trace.bias),
        "score": np.array(trace.score),
    }


def npz(trace: PairTrace, about: Mapping[str, object]) -> bytes:
    """The arrays as a compressed .npz; `about` (run, raw ids, …) is in it as JSON text named "about"."""
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays_of(trace), about=np.array(_json(about)))
    return stream.getvalue()


def csv_zip(trace: PairTrace, about: Mapping[str, object]) -> bytes:
    """The arrays as a zip of one CSV each, with a README.txt that describes them and holds `about`.

    One and two dimensions are bare numbers, a line a row; of a layer each line begins with its channel and row.
    """
    arrays = arrays_of(trace)
    descriptions = [
        f"{name}.csv  {' x '.join(map(str, array.shape)) or 'one number'}: {MEANING[name.partition('_')[0]]}"
        for name, array in arrays.items()
    ]
    head = "One file an array, as plain numbers; of a layer the first two columns are channel and row, with a heading."
    readme = "\n".join([head, "", *descriptions, "", _json(about, indent=1), ""])
    files = {f"{name}.csv": _csv(array) for name, array in arrays.items()}
    return zipped({"README.txt": readme.encode("utf-8", "backslashreplace"), **files})


def _csv(array: npt.NDArray[Any]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if array.ndim == 3:
        writer.writerow(["channel", "row", *(f"column_{place}" for place in range(array.shape[2]))])
        for channel, maps in enumerate(array):
            writer.writerows([channel, row, *map(_number, values)] for row, values in enumerate(maps))
    else:
        flat = array.reshape(-1, array.shape[1] if array.ndim == 2 else 1)
        writer.writerows([*map(_number, values)] for values in flat)
    return text.getvalue().encode()


def _number(value: np.floating[Any]) -> str:
    """The shortest digits that identify the number in its precision."""
    return np.format_float_scientific(value, trim="-") if value and not 1e-4 <= abs(value) < 1e9 else _plain(value)


def _plain(value: np.floating[Any]) -> str:
    return np.format_float_positional(value, trim="-")


def _json(about: Mapping[str, object], *, indent: int | None = None) -> str:
    return strict_json(about, indent=indent)


TOP = 10
"""Length of the user's list."""


@dataclass(frozen=True, slots=True)
class PairRecord:
    """The sentences and lists beside the figures of a pair."""

    run: str
    epoch: int
    user_id: str
    item_id: str
    title: str
    """The item's title, or its id."""
    score: float
    rank_words: str
    excluded: str
    model_words: str
    """How the score comes about."""
    top: tuple[tuple[int, str, float, bool, bool], ...]
    """The user's best items: rank, title, score, whether it is a held-out test item, whether it is the pair's."""
    history: tuple[tuple[str, str, str], ...]
    """The user's items: title, part of the split, date (empty where there are no times)."""
    command: str
    """The command line that shows the same pair."""

    def about(self) -> dict[str, object]:
        """What an export of arrays says about itself."""
        return {
            "run": self.run,
            "epoch": self.epoch,
            "user_id": self.user_id,
            "item_id": self.item_id,
            "title": self.title,
            "score": self.score,
            "rank": self.rank_words,
            "excluded": self.excluded,
            "words": self.model_words,
        }


def pair_record(loaded: LoadedRun, view: PairView) -> PairRecord:
    """The record of a pair in a run at the loaded epoch."""
    interactions, items = loaded.dataset.interactions, loaded.dataset.items
    user_id, item_id = interactions.users.id(view.user), interactions.items.id(view.item)
    best = inspection.recommend(loaded.model, loaded.split, view.user, TOP)
    owned = inspection.history(loaded.split, view.user)
    top = tuple(
        (
            int(rank),
            items.distinct_label(item),
            float(score),
            inspection.part_of(loaded.split, view.user, item) == "test",
            item == view.item,
        )
        for rank, item, score in zip(best.ranks, best.items.tolist(), best.scores, strict=True)
    )
    dates = [""] * len(owned.items) if owned.seconds is None else [_date(seconds) for seconds in owned.seconds.tolist()]
    history = tuple(
        (items.distinct_label(item), part, date)
        for item, part, date in zip(owned.items.tolist(), owned.parts, dates, strict=True)
    )
    return PairRecord(
        run=loaded.run.name,
        epoch=loaded.epoch,
        user_id=user_id,
        item_id=item_id,
        title=items.distinct_label(view.item),
        score=view.score,
        rank_words=view.rank_words,
        excluded=view.excluded,
        model_words=view.trace.words,
        top=top,
        history=history,
        command=command(loaded.run.name, user_id, item_id, loaded.epoch),
    )


def command(run: str, user_id: str, item_id: str, epoch: int | None) -> str:
    """The command line that shows a pair; a raw id that begins with a dash is joined to its option by =."""
    arguments = ["convncf", "inspect", run]
    for option, raw in (("--user", user_id), ("--item", item_id)):
        arguments += [f"{option}={raw}"] if raw.startswith("-") else [option, raw]
    return shlex.join(arguments if epoch is None else [*arguments, "--epoch", str(epoch)])


def _date(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):  # beyond year 9999: shown as it is
        return f"{seconds} s"
