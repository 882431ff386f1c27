"""Every array of one pair as NPZ or CSV, by name.

Shapes: D embedding size; C, H, W channels and sides of a layer's feature maps; n parts of the score.

    p, q                  (D,)       the embeddings of the user and of the item
    map                   (D, D)     the interaction map, rows by p and columns by q
    layer_1, layer_2, …   (C, H, W)  feature maps after ReLU; none for matrix factorisation
    features, weights     (n,)       what is weighed last, and its weights
    contributions         (n,)       features · weights; their sum + bias is the score
    bias, score           ()         in the order of training, float32 throughout but for these two, float64
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from convncf import runtime
from convncf.inspection import PairTrace
from convncf.interop.projector import zipped

Arrays = Mapping[str, npt.NDArray[Any]]

MEANING: Final = {
    "p": "the user's embedding, (D,)",
    "q": "the item's embedding, (D,)",
    "map": "the interaction map, (D, D): rows by p, columns by q",
    "layer": "feature maps after ReLU, (C, H, W): channel, row, column",
    "features": "what is weighed last, (n,)",
    "weights": "of the output layer, (n,)",
    "contributions": "features times weights, (n,): their sum and the bias make the score",
    "bias": "of the output layer",
    "score": "orders items for one user",
}
"""Name of an array -> what it holds; every layer's under "layer"."""


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
    """The arrays as a compressed .npz; `about` (run, raw ids, …) stands in it as JSON text named "about"."""
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays_of(trace), about=np.array(_json(about)))
    return stream.getvalue()


def csv_zip(trace: PairTrace, about: Mapping[str, object]) -> bytes:
    """The arrays as a zip of one CSV each, with a README.txt that says what they are and `about`.

    One and two dimensions are bare numbers, a line a row; of a layer each line begins with its channel and row.
    """
    found = arrays_of(trace)
    said = [
        f"{name}.csv  {' x '.join(map(str, array.shape)) or 'one number'}: {MEANING[name.partition('_')[0]]}"
        for name, array in found.items()
    ]
    head = "One file an array, as plain numbers; of a layer the first two columns are channel and row, with a heading."
    readme = "\n".join([head, "", *said, "", _json(about, indent=1), ""])
    files = {f"{name}.csv": _csv(array) for name, array in found.items()}
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
    """The shortest digits that give the number back, in its own precision."""
    return np.format_float_scientific(value, trim="-") if value and not 1e-4 <= abs(value) < 1e9 else _plain(value)


def _plain(value: np.floating[Any]) -> str:
    return np.format_float_positional(value, trim="-")


def _json(about: Mapping[str, object], *, indent: int | None = None) -> str:
    return runtime.strict_json(about, indent=indent)
