"""Figures for a projector: the same pictures with larger type, and the room that it takes."""

from __future__ import annotations

import json
from typing import Any, Final

import plotly.graph_objects as go

FACTOR: Final = 1.5
"""How much larger type is; the smallest, 11 px, becomes 16."""


def enlarged(figure: go.Figure, factor: float = FACTOR) -> go.Figure:
    """A copy with every font and margin `factor` times as large; its height grows by what the margins take."""
    spec: dict[str, Any] = json.loads(figure.to_json())
    _fonts(spec, factor)
    layout = spec["layout"]
    margin = layout.get("margin", {})
    grown = {side: round(size * factor) for side, size in margin.items() if side in ("l", "r", "t", "b")}
    for length, sides in (("height", "tb"), ("width", "lr")):
        if length in layout:
            layout[length] += sum(grown.get(side, 0) - margin.get(side, 0) for side in sides)
    layout["margin"] = margin | grown
    return go.Figure(spec, skip_invalid=False)


def _fonts(node: Any, factor: float) -> None:
    """Multiply the size of each font at or below a node of a figure's JSON."""
    if isinstance(node, list):
        for one in node:
            _fonts(one, factor)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if (
            key in ("font", "tickfont", "textfont")
            and isinstance(value, dict)
            and isinstance(value.get("size"), (int, float))
        ):
            value["size"] = round(value["size"] * factor)
        elif key in ("standoff", "title_standoff", "xshift", "yshift") and isinstance(value, (int, float)):
            node[key] = round(value * factor)
        else:
            _fonts(value, factor)
