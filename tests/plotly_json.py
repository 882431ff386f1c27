"""A figure as the browser gets it: its JSON, and the arrays in it."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import numpy as np
import numpy.typing as npt


def sent(figure: Any) -> dict[str, Any]:
    """The JSON that is sent, strict: NaN is only ever inside binary arrays."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in the JSON")

    decoded: dict[str, Any] = json.loads(figure.to_json(), parse_constant=refuse)
    return decoded


def is_binary(value: Any) -> bool:
    """Whether an array is sent as bytes rather than as a list."""
    return isinstance(value, dict) and "bdata" in value


def array(value: Any) -> npt.NDArray[Any]:
    """The numbers of an array, sent as bytes or as a list."""
    if not is_binary(value):
        return np.array(value)
    flat = np.frombuffer(base64.b64decode(value["bdata"]), dtype=np.dtype(value["dtype"]))
    return flat.reshape([int(side) for side in re.split(r",\s*", value["shape"])]) if "shape" in value else flat


def texts(value: Any) -> list[str]:
    """Every string in the JSON, wherever it stands."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key, inner in value.items() if key not in ("meta", "bdata") for text in texts(inner)]
    return [text for inner in value for text in texts(inner)] if isinstance(value, list) else []
